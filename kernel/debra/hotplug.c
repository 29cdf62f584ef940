// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: what a CPU leaves behind when it goes offline.
 *
 * The callback runs on another CPU when the one in question is dead, so its bags
 * can be touched without ceremony. They are handed to the orphans, to be freed by
 * the reclaimer. An announcement cannot be left behind: a pin has preemption off.
 */
#include <linux/cpuhotplug.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

static enum cpuhp_state debra_cpuhp_state;

/**
 * debra_pool_free - free the spare blocks of a CPU
 * @pc: of a dead CPU, or of a domain that has stopped
 */
void debra_pool_free(struct debra_cpu *pc)
{
	struct debra_block *block;

	while ((block = pc->pool)) {
		pc->pool = block->next;
		kmem_cache_free(debra_block_cache, block);
	}
	WRITE_ONCE(pc->pool_nr, 0);
}

static int debra_cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	struct debra_sup *sup = hlist_entry(node, struct debra_sup, cpuhp);
	struct debra_cpu *pc = per_cpu_ptr(sup->dom->cpus, cpu);
	unsigned long epoch, nr;

	spin_lock(&sup->orphan_lock);
	debra_absorb(pc);
	nr = debra_bagset_pending(&pc->set);
	sup->deaths += !!nr;
	epoch = debra_epoch_acquire(sup->dom);
	if (sup->orphans.seen != epoch)
		debra_bagset_rotate(&sup->orphans, epoch);
	debra_bagset_adopt(&sup->orphans, &pc->set);
	atomic_long_add(nr, &sup->orphans_left);
	/* Release: theirs before they are not this CPU's, see debra_cpu_idle(). */
	atomic_long_add_return_release(nr, &pc->freed);
	spin_unlock(&sup->orphan_lock);
	debra_pool_free(pc);
	debra_count(pc, DEBRA_C_ORPHANED, nr);
	if (nr) {
		trace_debra_orphan(sup->dom, cpu, nr);
		debra_arm(sup->dom);
	}
	return 0;
}

int debra_hotplug_add(struct debra_domain *dom)
{
	return cpuhp_state_add_instance_nocalls(debra_cpuhp_state, &dom->sup->cpuhp);
}

/* After this, no CPU's death touches the domain. */
void debra_hotplug_remove(struct debra_domain *dom)
{
	cpuhp_state_remove_instance_nocalls(debra_cpuhp_state, &dom->sup->cpuhp);
}

int debra_hotplug_start(void)
{
	int state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "lib/debra:dead", NULL,
					    debra_cpu_dead);

	if (state < 0)
		return state;
	debra_cpuhp_state = state;
	return 0;
}

void debra_hotplug_stop(void)
{
	cpuhp_remove_multi_state(debra_cpuhp_state);
}

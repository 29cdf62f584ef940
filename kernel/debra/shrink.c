// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: under memory pressure, make the reclaimer hurry and free at once what
 * this CPU has ready.
 */
#include "compat.h"
#include "internal.h"

static struct debra_shrinker debra_shrinker;

static unsigned long debra_shrink_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long count = 0;
	struct debra_sup *sup;

	/* Somebody registers a domain, perhaps for lack of whose memory we are here. */
	if (!mutex_trylock(&debra_domains_lock))
		return 0;
	list_for_each_entry(sup, &debra_domains, list)
		count += debra_pending(sup->dom);
	mutex_unlock(&debra_domains_lock);
	return count ?: SHRINK_EMPTY;
}

static unsigned long debra_shrink_domain(struct debra_domain *dom, unsigned long max)
{
	unsigned long freed = 0, nr;

	if (!debra_pending(dom))
		return 0;
	debra_expedite(dom);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return 0;
	while (freed < max) {
		preempt_disable();
		nr = debra_free_some(this_cpu_ptr(dom->cpus), DEBRA_STEP_FREE);
		preempt_enable();
		if (!nr)
			break;
		freed += nr;
	}
	return freed;
}

static unsigned long debra_shrink_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long freed = 0;
	struct debra_sup *sup;

	if (!mutex_trylock(&debra_domains_lock))
		return SHRINK_STOP;
	list_for_each_entry(sup, &debra_domains, list)
		if (freed < sc->nr_to_scan)
			freed += debra_shrink_domain(sup->dom, sc->nr_to_scan - freed);
	mutex_unlock(&debra_domains_lock);
	return freed ?: SHRINK_STOP;
}

int debra_shrink_start(void)
{
	return debra_shrinker_start(&debra_shrinker, debra_shrink_count, debra_shrink_scan);
}

void debra_shrink_stop(void)
{
	debra_shrinker_stop(&debra_shrinker);
}

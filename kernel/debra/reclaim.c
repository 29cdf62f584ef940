// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: the reclaimer.
 *
 * One delayed work per domain tries to end epochs when nobody retires, when a CPU
 * holds a full batch, or when somebody waits; one work per CPU and domain, always
 * on its CPU, frees what is free and calls callbacks. A domain without garbage
 * and without waiters has neither queued.
 *
 * A retirement queues work itself ("kick") only where nothing but its own pins keeps
 * it from being preempted. Elsewhere its caller may hold a lock that queueing takes, or be an
 * NMI, and it raises an irq_work. It does so only for the first object of an empty CPU, for a
 * full batch, or for a waiter.
 */
#include <linux/cpumask.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

/* How often to see whether hazards still keep what they kept. */
#define DEBRA_KEPT_PACE		msecs_to_jiffies(100)

/* A task that runs callbacks, of any domain, on the list while it does. */
struct debra_drainer {
	struct list_head list;
	struct task_struct *task;
};

static LIST_HEAD(debra_drainers);
static DEFINE_SPINLOCK(debra_drainers_lock);

static void debra_drainer_enter(struct debra_drainer *drainer)
{
	drainer->task = current;
	spin_lock(&debra_drainers_lock);
	list_add(&drainer->list, &debra_drainers);
	spin_unlock(&debra_drainers_lock);
}

static void debra_drainer_exit(struct debra_drainer *drainer)
{
	spin_lock(&debra_drainers_lock);
	list_del(&drainer->list);
	spin_unlock(&debra_drainers_lock);
}

/**
 * debra_in_callback - is the caller in a callback?
 *
 * Of any domain: all of them run on the same workqueue, and one that waits for
 * another's work could hold the only worker that there is memory for.
 *
 * Return: true if so.
 */
bool debra_in_callback(void)
{
	struct debra_drainer *drainer;
	bool found = false;

	spin_lock(&debra_drainers_lock);
	list_for_each_entry(drainer, &debra_drainers, list)
		found |= drainer->task == current;
	spin_unlock(&debra_drainers_lock);
	return found;
}

/* Advanced by whoever wants to see everything drained. */
static atomic_long_t debra_drain_clock;

static void debra_call_taken(struct debra_domain *dom, struct debra_release *rel)
{
	unsigned long before = rel->freed;
	struct debra_drainer drainer;

	debra_drainer_enter(&drainer);
	debra_release_all(rel, DEBRA_KIND_CALL);
	debra_drainer_exit(&drainer);
	debra_count_any(dom, DEBRA_C_CALLBACKS, rel->freed - before);
}

/* Free what was taken out at @epoch, all but what hazards keep. Return: how much that is. */
static unsigned long debra_free_taken(struct debra_domain *dom, unsigned long epoch,
				      struct debra_release *rel)
{
	unsigned long kept;

	rel->guarded = debra_has_hazards(dom) && !debra_busted(NO_HAZARDS);
	if (rel->guarded)
		rel->hazards = debra_hazards_get(dom, epoch);
	debra_pause(DEBRA_PAUSE_BEFORE_FREE);
	debra_release_all(rel, DEBRA_KIND_KFREE);
	debra_call_taken(dom, rel);
	debra_hazards_put(dom, rel->hazards);
	kept = debra_release_kept(rel);
	debra_count_any(dom, DEBRA_C_KEPT, kept);
	if (rel->freed || kept)
		trace_debra_free(dom, rel->freed, kept);
	return kept;
}

/* Enter the bags of the CPU that a drain work is for, unless that CPU is gone. */
static bool debra_enter_own(struct debra_cpu *pc)
{
	preempt_disable();
	if (likely(smp_processor_id() == pc->cpu && debra_enter(pc)))
		return true;
	preempt_enable();
	return false;
}

static void debra_leave_own(struct debra_cpu *pc)
{
	debra_leave(pc);
	preempt_enable();
}

/*
 * What hazards keep of a CPU that has gone meanwhile is the orphans'. Return: true: for the
 * CPU that is as good as freed.
 */
static bool debra_put_back_orphans(struct debra_cpu *pc, struct debra_release *rel, long clock,
				   long *drained)
{
	unsigned long kept = debra_release_kept(rel);
	struct debra_sup *sup = pc->dom->sup;
	enum debra_kind kind;

	spin_lock(&sup->orphan_lock);
	for (kind = 0; kind < DEBRA_NR_KINDS; kind++) {
		debra_chain_splice(&sup->orphans.kept[1][kind], &rel->kept[0][kind]);
		debra_chain_splice(&sup->orphans.kept[1][kind], &rel->kept[1][kind]);
	}
	atomic_long_add(kept, &sup->orphans_left);
	/* Release: theirs before they are not this CPU's, see debra_cpu_idle(). */
	atomic_long_add_return_release(kept, &pc->freed);
	spin_unlock(&sup->orphan_lock);
	*drained = clock;
	return true;
}

static bool debra_put_back(struct debra_cpu *pc, struct debra_release *rel, long clock,
			   long *drained)
{
	bool set;

	if (!debra_enter_own(pc))
		return debra_put_back_orphans(pc, rel, clock, drained);
	set = debra_bagset_put_back(&pc->set, rel, clock, drained);
	debra_leave_own(pc);
	return set;
}

/*
 * The reclaimer may have looked while they were in nobody's bags, found nothing to do
 * and gone to rest; and the guard that they were kept for may have ended since.
 */
static void debra_wake_for_kept(struct debra_domain *dom, unsigned long kept)
{
	if (!kept)
		return;
	/* DMM(arm:A): the objects before the look at armed. Litmus: debra-arm. */
	smp_mb();
	if (!atomic_read(&dom->sup->armed))
		debra_arm(dom);
}

static void debra_free_blocks(struct debra_block *blocks)
{
	struct debra_block *next;

	for (; blocks; blocks = next) {
		next = blocks->next;
		kmem_cache_free(debra_block_cache, blocks);
	}
}

/* Nothing is pending: leave the domain with little. */
static struct debra_block *debra_pool_trim(struct debra_cpu *pc, struct debra_block *blocks)
{
	struct debra_block *block;

	while (pc->pool_nr > DEBRA_POOL_IDLE) {
		block = debra_pool_get(pc);
		block->next = blocks;
		blocks = block;
	}
	return blocks;
}

static struct debra_block *debra_refill_step(struct debra_cpu *pc, struct debra_block *blocks,
					     unsigned int *want)
{
	struct debra_block *next;

	*want = 0;
	if (!debra_enter_own(pc))
		return blocks;
	for (; blocks; blocks = next) {
		next = blocks->next;
		if (!debra_pool_put(pc, blocks))
			break;
	}
	if (pc->pool_empty)
		pc->pool_want = min(2 * pc->pool_want, DEBRA_POOL_MAX);
	WRITE_ONCE(pc->pool_empty, false);
	if (!debra_bagset_pending(&pc->set)) {
		pc->pool_want = DEBRA_POOL_LOW;
		blocks = debra_pool_trim(pc, blocks);
	}
	*want = pc->pool_want > pc->pool_nr ? pc->pool_want - pc->pool_nr : 0;
	debra_leave_own(pc);
	return blocks;
}

static void debra_refill(struct debra_cpu *pc, struct debra_block *blocks)
{
	struct debra_block *block, *fresh = NULL;
	unsigned int want, ignored;

	debra_free_blocks(debra_refill_step(pc, blocks, &want));
	while (want--) {
		block = kmem_cache_alloc(debra_block_cache, GFP_KERNEL | __GFP_NOWARN);
		if (!block)
			break;
		block->next = fresh;
		fresh = block;
	}
	if (fresh)
		debra_free_blocks(debra_refill_step(pc, fresh, &ignored));
}

/**
 * debra_drain_fn - free what is free on one CPU
 * @work: the drain work of that CPU
 *
 * What it takes out belongs to it alone, so it may finish elsewhere if the CPU
 * goes away meanwhile. If it is gone already, the bags are the orphans' business.
 */
void debra_drain_fn(struct work_struct *work)
{
	struct debra_cpu *pc = container_of(work, struct debra_cpu, drain);
	struct debra_domain *dom = pc->dom;
	struct debra_release rel = { };
	unsigned long epoch, kept;
	long clock, drained;

	if (!debra_enter_own(pc))
		return;
	/*
	 * DMM(drain:A): acquire, pairs with DMM(drain:B): what was retired before the
	 * clock was advanced is seen below. Litmus: debra-drain.
	 */
	clock = atomic_long_read_acquire(&debra_drain_clock);
	debra_absorb(pc);
	smp_store_release(&pc->absorbed, clock); /* pairs with debra_cpu_absorbed() */
	debra_see_epoch(pc);
	epoch = pc->set.seen;
	debra_bagset_take(&pc->set, &rel);
	debra_count(pc, DEBRA_C_DRAINS, 1);
	debra_leave_own(pc);

	/* Release: they are gone when they count as gone, see debra_cpu_idle(). */
	kept = debra_free_taken(dom, epoch, &rel);
	atomic_long_add_return_release(rel.freed, &pc->freed);
	if (debra_put_back(pc, &rel, clock, &drained))
		smp_store_release(&pc->drained, drained); /* pairs with debra_cpu_drained() */
	debra_wake_for_kept(dom, kept);
	debra_refill(pc, rel.blocks);
	if (atomic_read(&dom->sup->waiters))
		wake_up_all(&dom->sup->wait);
}

/**
 * debra_orphan_drain_fn - free what is free of the orphans
 * @work: the domain's work for that
 *
 * Apart from the reclaimer, which must not wait for callbacks.
 */
void debra_orphan_drain_fn(struct work_struct *work)
{
	struct debra_sup *sup = container_of(work, struct debra_sup, orphan_drain);
	struct debra_release rel = { };
	unsigned long epoch, kept;
	long clock, drained;

	/* DMM(drain:A): as in debra_drain_fn(). */
	clock = atomic_long_read_acquire(&debra_drain_clock);
	spin_lock(&sup->orphan_lock);
	epoch = debra_epoch_acquire(sup->dom);
	if (sup->orphans.seen != epoch)
		debra_bagset_rotate(&sup->orphans, epoch);
	debra_bagset_take(&sup->orphans, &rel);
	spin_unlock(&sup->orphan_lock);
	kept = debra_free_taken(sup->dom, epoch, &rel);
	atomic_long_sub(rel.freed, &sup->orphans_left);
	spin_lock(&sup->orphan_lock);
	if (debra_bagset_put_back(&sup->orphans, &rel, clock, &drained))
		smp_store_release(&sup->orphans_drained, drained); /* debra_drain_orphans() */
	spin_unlock(&sup->orphan_lock);
	debra_wake_for_kept(sup->dom, kept);
	debra_free_blocks(rel.blocks);
	if (atomic_read(&sup->waiters))
		wake_up_all(&sup->wait);
}

static bool debra_cpu_wants_drain(struct debra_cpu *pc, unsigned long epoch)
{
	if (READ_ONCE(pc->deferred) || READ_ONCE(pc->pool_empty))
		return true;
	return debra_bagset_pending(&pc->set) &&
	       (READ_ONCE(pc->set.seen) != epoch || READ_ONCE(pc->set.free[0].nr) ||
		READ_ONCE(pc->set.free[1].nr) || debra_bagset_kept(&pc->set));
}

static void debra_queue_drains(struct debra_domain *dom)
{
	unsigned long epoch = debra_epoch(dom);
	struct debra_cpu *pc;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		pc = per_cpu_ptr(dom->cpus, cpu);
		if (debra_cpu_wants_drain(pc, epoch))
			queue_work_on(cpu, debra_wq, &pc->drain);
	}
	if (debra_bagset_pending(&dom->sup->orphans))
		queue_work(debra_unbound_wq, &dom->sup->orphan_drain);
}

/*
 * Has everything that was retired on this CPU before now been freed, or handed to
 * the orphans? The number freed is read first: it cannot exceed the other, so if the
 * other is the same a moment later, it was then.
 */
static bool debra_cpu_idle(struct debra_cpu *pc)
{
	unsigned long freed = atomic_long_read_acquire(&pc->freed);

	/* DMM(absorb:B): acquire each, pairs with DMM(absorb:A). Litmus: debra-absorb. */
	if (smp_load_acquire(&pc->deferred) || smp_load_acquire(&pc->absorbing))
		return false;
	return READ_ONCE(pc->count[DEBRA_C_RETIRED]) == freed;
}

/*
 * Is what this CPU held at @clock drained? A CPU that holds nothing need not run its
 * work: it may be busy with a pin of another domain, or with a real-time task.
 */
static bool debra_cpu_drained(struct debra_cpu *pc, long clock)
{
	/* Acquire: who relies on it comes after the callbacks. */
	return smp_load_acquire(&pc->drained) >= clock || debra_cpu_idle(pc);
}

/* And does all of it have its stamp? */
static bool debra_cpu_absorbed(struct debra_cpu *pc, long clock)
{
	/* Acquire: who reads the epoch after this reads none that is older. */
	return smp_load_acquire(&pc->absorbed) >= clock || debra_cpu_idle(pc);
}

typedef bool (*debra_cpu_done_fn)(struct debra_cpu *pc, long clock);

/* Return: false if there was a CPU whose drain is still to come. */
static bool debra_drain_pass(struct debra_domain *dom, long clock, debra_cpu_done_fn done)
{
	struct debra_cpu *pc;
	unsigned int cpu;
	bool all = true;

	for_each_online_cpu(cpu) {
		pc = per_cpu_ptr(dom->cpus, cpu);
		if (!done(pc, clock))
			queue_work_on(cpu, debra_wq, &pc->drain);
	}
	for_each_possible_cpu(cpu) {
		pc = per_cpu_ptr(dom->cpus, cpu);
		if (!debra_cpu_drained(pc, clock))
			flush_work(&pc->drain);
		all &= done(pc, clock);
	}
	return all;
}

/* Return: false if hazards keep some of them. */
static bool debra_drain_orphans(struct debra_domain *dom, long clock)
{
	queue_work(debra_unbound_wq, &dom->sup->orphan_drain);
	flush_work(&dom->sup->orphan_drain);
	/* Acquire: who relies on it comes after the callbacks. */
	return smp_load_acquire(&dom->sup->orphans_drained) >= clock;
}

/* Before another try: perhaps the guard that something is kept for has gone on. */
static void debra_drain_pause(struct debra_domain *dom)
{
	schedule_timeout_uninterruptible(1);
	debra_hazards_forget(dom);
}

/**
 * debra_run_drains - drain every CPU and the orphans, and wait for it
 * @dom: the domain
 *
 * A drain work that found its CPU gone has done nothing. Then the bags become
 * orphans, or the CPU comes back; try until either has happened. CPU hotplug is
 * not locked out, for one of its callbacks may be waiting for us. What hazards of
 * aborted guards keep is waited for as well, if it was there before.
 *
 * Context: process context, may sleep.
 */
void debra_run_drains(struct debra_domain *dom)
{
	/* DMM(drain:B): full barrier, pairs with DMM(drain:A). Litmus: debra-drain. */
	long clock = atomic_long_inc_return(&debra_drain_clock);

	while (!debra_drain_pass(dom, clock, debra_cpu_drained))
		debra_drain_pause(dom);
	/* The hotplug callback has the orphans' lock, so what it moved is there. */
	while (!debra_drain_orphans(dom, clock))
		debra_drain_pause(dom);
}

/**
 * debra_absorb_all - give a stamp to all that interrupts have deferred
 * @dom: the domain
 *
 * Also frees what is free on all CPUs, but for what hazards keep.
 *
 * Context: process context, may sleep.
 */
void debra_absorb_all(struct debra_domain *dom)
{
	/* DMM(drain:B): see debra_run_drains(). */
	long clock = atomic_long_inc_return(&debra_drain_clock);

	while (!debra_drain_pass(dom, clock, debra_cpu_absorbed))
		schedule_timeout_uninterruptible(1);
}

/**
 * debra_pending - objects in all bags of a domain
 * @dom: the domain
 *
 * Return: the number, a sum over CPUs.
 */
unsigned long debra_pending(struct debra_domain *dom)
{
	unsigned long sum = debra_bagset_pending(&dom->sup->orphans);
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += debra_bagset_pending(&per_cpu_ptr(dom->cpus, cpu)->set);
	return sum;
}

static bool debra_has_deferred(struct debra_domain *dom)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (READ_ONCE(per_cpu_ptr(dom->cpus, cpu)->deferred))
			return true;
	return false;
}

/**
 * debra_has_work - is there anything for the reclaimer to do?
 * @dom: the domain
 *
 * Return: true if the domain holds objects or somebody waits.
 */
bool debra_has_work(struct debra_domain *dom)
{
	if (atomic_read(&dom->sup->waiters) || READ_ONCE(dom->sup->expedite) ||
	    debra_pending(dom))
		return true;
	return debra_has_deferred(dom);
}

/**
 * debra_is_empty - has everything that was ever retired been freed?
 * @dom: the domain
 *
 * Return: true if so, callbacks that still run included.
 */
bool debra_is_empty(struct debra_domain *dom)
{
	return !debra_garbage(dom) && !debra_has_deferred(dom);
}

/* Has every reader been seen quiescent, in the epoch, or aborted? */
static bool debra_all_passed(struct debra_domain *dom, struct debra_scan *scan)
{
	return debra_scan_all(dom, scan) && debra_spilled_passed(dom, scan->epoch, true);
}

/* Does somebody have a full bag, or wait for less garbage? */
static bool debra_pressed(struct debra_domain *dom)
{
	return READ_ONCE(dom->sup->press_epoch) == debra_epoch(dom);
}

/* Somebody may be holding RCU up, perhaps the very guard that is in our way. */
static bool debra_scan_is_old(struct debra_sup *sup)
{
	return jiffies - sup->scan_since >= msecs_to_jiffies(debra_tuned(sup, DEBRA_T_AGE_MS));
}

/*
 * Try to end the current epoch. In a hurry, or when it has taken long, the barrier is had
 * by IPI, at most once for each epoch, so that a straggler does not make us a storm of
 * them.
 */
static bool debra_try_epoch(struct debra_domain *dom, bool hurry)
{
	struct debra_scan *scan = &dom->sup->scan;
	unsigned long epoch = debra_epoch_acquire(dom);

	if (scan->epoch != epoch) {
		debra_scan_start(scan, epoch);
		dom->sup->scan_since = jiffies;
		if (!scan->barrier)
			start_poll_synchronize_rcu();
	}
	if (!debra_scan_barrier(scan) && (hurry || debra_scan_is_old(dom->sup)))
		debra_round_run(dom, &scan->cookie);
	if (!debra_scan_barrier(scan))
		return false;
	if (!debra_all_passed(dom, scan)) {
		if (!debra_neutralize(dom, epoch, debra_pressed(dom)) ||
		    !debra_all_passed(dom, scan))
			return false;
	} else {
		WRITE_ONCE(dom->sup->lagging, 0);
		WRITE_ONCE(dom->sup->parked, 0);
	}
	debra_advance(dom, epoch);
	return true;
}

static void debra_note_peak(struct debra_domain *dom)
{
	unsigned long garbage = debra_garbage(dom);

	if (garbage > READ_ONCE(dom->sup->peak))
		WRITE_ONCE(dom->sup->peak, garbage);
}

/* How many epochs does somebody want to see ended, and cannot wait for RCU? */
static unsigned int debra_wanted(struct debra_domain *dom)
{
	unsigned long target = atomic_long_read(&dom->sup->target);
	unsigned long epoch = debra_epoch(dom);
	unsigned int expedite = READ_ONCE(dom->sup->expedite);

	return max_t(unsigned int, target > epoch ? target - epoch : 0, expedite);
}

/**
 * debra_kept - objects that are free but for hazards
 * @dom: the domain
 *
 * Return: the number, as the last drains left it.
 */
unsigned long debra_kept(struct debra_domain *dom)
{
	unsigned long sum = debra_bagset_kept(&dom->sup->orphans);
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += debra_bagset_kept(&per_cpu_ptr(dom->cpus, cpu)->set);
	return sum;
}

static void debra_rearm(struct debra_domain *dom, bool moved)
{
	struct debra_sup *sup = dom->sup;
	unsigned long delay = msecs_to_jiffies(debra_tuned(sup, DEBRA_T_INTERVAL_MS));
	unsigned long age = jiffies - READ_ONCE(sup->epoch_since);

	if (READ_ONCE(sup->stopping))
		return;
	if (!debra_has_work(dom)) {
		atomic_set(&sup->armed, 0);
		/*
		 * DMM(arm:B): armed before the look at the bags, pairs with
		 * DMM(arm:A). Litmus: debra-arm.
		 */
		smp_mb();
		if (!debra_has_work(dom))
			return;
		atomic_set(&sup->armed, 1);
	}
	/* In a hurry look again soon; less so for a straggler of long standing. */
	if (debra_wanted(dom))
		delay = moved ? 0 : min(delay, 1 + age / 8);
	else if (debra_pressed(dom))
		delay = min(delay, 1 + msecs_to_jiffies(debra_tuned(sup, DEBRA_T_GUARD_MS)));
	else if (debra_pending(dom) == debra_kept(dom))
		delay = max(delay, DEBRA_KEPT_PACE);
	queue_delayed_work(debra_unbound_wq, &sup->reclaim, delay);
}

/**
 * debra_reclaim_fn - one pass of the reclaimer of a domain
 * @work: its delayed work
 */
void debra_reclaim_fn(struct work_struct *work)
{
	struct debra_sup *sup = container_of(to_delayed_work(work), struct debra_sup, reclaim);
	struct debra_domain *dom = sup->dom;
	unsigned int want = max(debra_wanted(dom), xchg(&sup->expedite, 0));
	bool hurry = want || debra_pressed(dom), moved = false;

	if (hurry) {
		debra_count_any(dom, DEBRA_C_EXPEDITED, 1);
		if (trace_debra_expedite_enabled())
			trace_debra_expedite(dom, want, debra_garbage(dom));
	}
	debra_note_peak(dom);
	debra_recount_aborted(dom);
	debra_hazards_forget(dom);
	do {
		if (!debra_try_epoch(dom, hurry))
			break;
		moved = true;
	} while (want-- > 1);
	/* A guard that was aborted holds no epoch up, and is to be named all the same. */
	if (!moved || sup->aborted)
		debra_check_stalls(dom, debra_epoch(dom));
	debra_queue_drains(dom);
	if (atomic_read(&sup->waiters))
		wake_up_all(&sup->wait);
	debra_rearm(dom, moved);
}

static void debra_kick_reclaimer(struct debra_sup *sup)
{
	if (READ_ONCE(sup->stopping))
		return;
	atomic_set(&sup->armed, 1);
	/* With hazards, because who kicks may have been an aborted guard that has ended. */
	if (debra_wanted(sup->dom) || READ_ONCE(sup->aborted))
		mod_delayed_work(debra_unbound_wq, &sup->reclaim, 0);
	else
		queue_delayed_work(debra_unbound_wq, &sup->reclaim,
				   msecs_to_jiffies(debra_tuned(sup, DEBRA_T_INTERVAL_MS)));
}

/**
 * debra_kick_fn - carry a retirement's wish to the reclaimer
 * @work: the irq_work of the CPU that retired
 */
void debra_kick_fn(struct irq_work *work)
{
	debra_kick_reclaimer(container_of(work, struct debra_cpu, kick)->dom->sup);
}

/*
 * Is preemption off for our own sake only: this call and pins of the domain? Then the
 * caller holds no spin lock, and none of those that queueing work takes.
 */
static bool debra_may_queue(struct debra_cpu *pc)
{
	unsigned long announce = READ_ONCE(this_cpu_ptr(pc->dom->pins)->announce);

	return IS_ENABLED(CONFIG_PREEMPT_COUNT) && !irqs_disabled() &&
	       preempt_count() == (announce & DEBRA_DEPTH_MASK) + 1;
}

/**
 * debra_kick - wake the reclaimer from a retirement
 * @pc: this CPU's
 *
 * Context: any, NMI included, preemption off, once more than the caller of debra had it.
 */
void debra_kick(struct debra_cpu *pc)
{
	/* An IPI to oneself, or where there is none a tick, is what this saves. */
	if (debra_may_queue(pc))
		debra_kick_reclaimer(pc->dom->sup);
	else
		irq_work_queue(&pc->kick);
}

/**
 * debra_arm - wake the reclaimer from process context
 * @dom: the domain
 */
void debra_arm(struct debra_domain *dom)
{
	if (READ_ONCE(dom->sup->stopping))
		return;
	atomic_set(&dom->sup->armed, 1);
	mod_delayed_work(debra_unbound_wq, &dom->sup->reclaim, 0);
}

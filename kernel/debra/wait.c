// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: waiting for grace periods, for callbacks, and for memory to come down.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#include "internal.h"
#include "trace.h"

static void debra_guard_is_own(struct debra_guard_rec *rec, int cpu, void *arg)
{
	unsigned long word = atomic_long_read_acquire(&rec->word);
	bool *own = arg, mine;

	/* The same word before and after: so that the task is that of the section. */
	mine = READ_ONCE(rec->pid) == task_pid_nr(current) && READ_ONCE(rec->task) == current;
	smp_rmb(); /* pairs with DMM(guard:C) */
	*own |= mine && (word & DEBRA_GUARD_ACTIVE) &&
		!((atomic_long_read(&rec->word) ^ word) & ~DEBRA_GUARD_ABORTED);
}

/**
 * debra_guarded - is the task in a guard of the domain?
 * @dom: the domain
 *
 * Context: process context.
 * Return: true if so.
 */
bool debra_guarded(struct debra_domain *dom)
{
	bool own = false;

	debra_for_each_guard(dom, debra_guard_is_own, &own);
	return own;
}

/*
 * Inside a pin waiting would be waiting for oneself. First of all, for with PREEMPT_RT the locks
 * of other checks are not to be taken there.
 */
static int debra_may_wait(struct debra_domain *dom, const char *what)
{
	might_sleep_if(dom && dom->sup && !debra_pinned(dom));
	if (debra_complain(!dom || !dom->sup, "%s: domain is not registered\n", what))
		return -EINVAL;
	if (debra_complain(!preemptible() && debra_pinned(dom),
			   "%s: %s inside a pin would wait for itself\n", dom->name, what))
		return -EDEADLK;
	return 0;
}

/* And so it would in a callback and inside a guard, unless the wait ends by itself. */
static int debra_may_wait_for_all(struct debra_domain *dom, const char *what)
{
	int err = debra_may_wait(dom, what);

	if (!err && debra_complain(debra_in_callback(),
				   "%s: %s in a callback would wait for itself\n", dom->name,
				   what))
		err = -EDEADLK;
	if (!err && debra_complain(debra_guarded(dom),
				   "%s: %s inside a guard would wait for itself\n", dom->name,
				   what))
		err = -EDEADLK;
	return err;
}

/* Have the reclaimer hurry until the epoch is @target. */
static void debra_want_epoch(struct debra_domain *dom, unsigned long target)
{
	unsigned long old = atomic_long_read(&dom->sup->target);

	while (old < target && !atomic_long_try_cmpxchg(&dom->sup->target, &old, target))
		;
	debra_arm(dom);
}

static void debra_wait_begin(struct debra_domain *dom)
{
	atomic_inc(&dom->sup->waiters);
	/*
	 * DMM(wait:A): waiter before the look at the epoch, pairs with DMM(wait:B).
	 * Litmus: debra-wait.
	 */
	smp_mb__after_atomic();
}

static void debra_wait_end(struct debra_domain *dom)
{
	atomic_dec(&dom->sup->waiters);
}

static bool debra_epoch_reached(struct debra_domain *dom, unsigned long epoch)
{
	return debra_epoch_acquire(dom) >= epoch;
}

/*
 * Return: the epoch before which no section began that has not ended or been aborted;
 * one that announced it or a later one sees all that the caller has unlinked.
 */
static unsigned long debra_wait_epochs(struct debra_domain *dom)
{
	unsigned long target;

	/*
	 * DMM(wait:C): the caller's unlink before the epoch, pairs with
	 * DMM(advance:A). As with a stamp, the epoch read here may be one behind.
	 * Litmus: debra-sync-fence.
	 */
	smp_mb();
	target = debra_epoch(dom) + DEBRA_NR_BAGS;
	debra_wait_begin(dom);
	debra_want_epoch(dom, target);
	wait_event(dom->sup->wait, debra_epoch_reached(dom, target));
	debra_wait_end(dom);
	/*
	 * What was read is one behind at most, so a guard of the epoch after it may have
	 * what the caller has unlinked. Litmus: debra-sync-aborted.
	 */
	return target - DEBRA_NR_BAGS + 2;
}

struct debra_old_guards {
	unsigned long epoch;
	bool found;
};

static void debra_guard_is_old(struct debra_guard_rec *rec, int cpu, void *arg)
{
	/* DMM(guard:D): acquire, pairs with DMM(guard:E). Litmus: debra-guard-exit. */
	unsigned long word = atomic_long_read_acquire(&rec->word);
	struct debra_old_guards *old = arg;

	old->found |= (word & DEBRA_GUARD_ABORTED) &&
		      (long)(READ_ONCE(rec->epoch) - old->epoch) < 0;
}

static bool debra_no_old_guards(struct debra_domain *dom, unsigned long epoch)
{
	struct debra_old_guards old = { .epoch = epoch };

	debra_for_each_guard(dom, debra_guard_is_old, &old);
	return !old.found;
}

/* The epoch goes on without aborted guards, but what they protect is not free to go. */
static void debra_wait_aborted(struct debra_domain *dom, unsigned long epoch)
{
	if (!debra_has_hazards(dom))
		return;
	debra_wait_begin(dom);
	while (!debra_no_old_guards(dom, epoch))
		wait_event_timeout(dom->sup->wait, debra_no_old_guards(dom, epoch), 1);
	debra_wait_end(dom);
}

/**
 * debra_synchronize() - wait until all pins and guards that exist now have ended
 * @dom: the domain
 *
 * Guards that are aborted meanwhile are waited for until they have noticed.
 *
 * What was unlinked before cannot be seen by anybody when this returns. Uses IPIs
 * with pins=ipi, so it takes some tens of microseconds when no pin is in the way.
 *
 * Ordering: full barrier on both sides, as synchronize_rcu().
 *
 * Context: process context outside pins of the domain and outside callbacks of any,
 * may sleep.
 * Return: 0; -EDEADLK inside such a pin or a callback, and -EINVAL for a domain
 * that is not registered, each with a report in the log and no wait.
 */
int debra_synchronize(struct debra_domain *dom)
{
	int err = debra_may_wait_for_all(dom, __func__);

	if (err)
		return err;
	debra_wait_aborted(dom, debra_wait_epochs(dom));
	/*
	 * DMM(wait:D): promised to the caller, pairs with a barrier of his own.
	 * Litmus: debra-sync-after.
	 */
	smp_mb();
	return 0;
}
EXPORT_SYMBOL_GPL(debra_synchronize);

/* How many CPUs have left their bags behind? */
static unsigned long debra_deaths(struct debra_domain *dom)
{
	unsigned long deaths;

	spin_lock(&dom->sup->orphan_lock);
	deaths = dom->sup->deaths;
	spin_unlock(&dom->sup->orphan_lock);
	return deaths;
}

/**
 * debra_barrier() - wait until everything retired before has been freed
 * @dom: the domain
 *
 * Callbacks of objects that were retired before the call, on any CPU and in any
 * context, have returned, and objects for kfree() have been given back. What the
 * callbacks themselves retire is not waited for. What the hazards of a guard that was
 * aborted and has not noticed keep is waited for.
 *
 * Context: process context outside pins of the domain and outside callbacks of any,
 * may sleep. Not in a CPU hotplug callback of a CPU that is going down: its bags are
 * only handed over when it is dead.
 * Return: as debra_synchronize().
 */
int debra_barrier(struct debra_domain *dom)
{
	unsigned long deaths;
	int err = debra_may_wait_for_all(dom, __func__);

	if (err)
		return err;
	/* What interrupts have deferred gets its stamp now, before the epoch is read. */
	debra_absorb_all(dom);
	do {
		deaths = debra_deaths(dom);
		debra_wait_epochs(dom);
		debra_run_drains(dom);
		/* What a dead CPU leaves behind begins its grace period anew. */
	} while (debra_deaths(dom) != deaths);
	return 0;
}
EXPORT_SYMBOL_GPL(debra_barrier);

/**
 * debra_expedite() - have the reclaimer end epochs as fast as it can, once
 * @dom: the domain
 *
 * Does not wait.
 *
 * Context: task, softirq or hardirq; not NMI.
 */
void debra_expedite(struct debra_domain *dom)
{
	if (debra_complain(!dom || !dom->sup, "%s: domain is not registered\n", __func__))
		return;
	WRITE_ONCE(dom->sup->expedite, DEBRA_NR_BAGS);
	debra_arm(dom);
}
EXPORT_SYMBOL_GPL(debra_expedite);

/**
 * debra_pressure() - memory of a domain is short
 * @dom: the domain
 *
 * As debra_expedite(), and guards that hold the epoch back are aborted without much
 * patience (guard_ms), as if a CPU had a full bag. For those who have a limit of their own.
 *
 * Context: task, softirq or hardirq; not NMI.
 */
void debra_pressure(struct debra_domain *dom)
{
	if (debra_complain(!dom || !dom->sup, "%s: domain is not registered\n", __func__))
		return;
	WRITE_ONCE(dom->sup->press_epoch, debra_epoch(dom));
	debra_expedite(dom);
}
EXPORT_SYMBOL_GPL(debra_pressure);

/**
 * debra_garbage() - objects retired and not yet freed
 * @dom: the domain
 *
 * Context: any but NMI; a sum over CPUs, exact only when nothing moves.
 * Return: the number; 0 for a domain that is not registered.
 */
unsigned long debra_garbage(struct debra_domain *dom)
{
	unsigned long freed;

	if (!dom || !dom->sup)
		return 0;
	/* In this order it does not fall below zero. */
	freed = debra_freed(dom);
	return debra_counter_sum(dom, DEBRA_C_RETIRED) - freed;
}
EXPORT_SYMBOL_GPL(debra_garbage);

static bool debra_below_limit(struct debra_domain *dom)
{
	unsigned int limit = debra_tuned(dom->sup, DEBRA_T_LIMIT);

	return !limit || debra_garbage(dom) <= limit;
}

/* So much that updaters have some room again, and do not wait after each retirement. */
static bool debra_well_below_limit(struct debra_domain *dom)
{
	unsigned int limit = debra_tuned(dom->sup, DEBRA_T_LIMIT);

	return !limit || debra_garbage(dom) <= limit - limit / 8;
}

/* End three epochs and see whether that helped, until it did or time is up. */
static bool debra_wait_below_limit(struct debra_domain *dom)
{
	unsigned int ms = debra_tuned(dom->sup, DEBRA_T_THROTTLE_MS);
	unsigned long deadline = jiffies + msecs_to_jiffies(ms);
	unsigned long pace = msecs_to_jiffies(debra_tuned(dom->sup, DEBRA_T_INTERVAL_MS)) + 1;

	while (!debra_well_below_limit(dom)) {
		if (time_after(jiffies, deadline))
			return debra_below_limit(dom);
		WRITE_ONCE(dom->sup->press_epoch, debra_epoch(dom));
		debra_want_epoch(dom, debra_epoch(dom) + DEBRA_NR_BAGS);
		wait_event_timeout(dom->sup->wait, debra_well_below_limit(dom), pace);
	}
	return true;
}

/**
 * debra_throttle() - let an updater wait while there is too much garbage
 * @dom: the domain
 *
 * For updaters that retire inside a pin, to be called outside it. Returns at once
 * while the domain has no more objects than the module parameter limit; else makes
 * the reclaimer hurry, and waits until an eighth of that is free again, or for
 * throttle_ms milliseconds. Guards that the caller is in may be aborted meanwhile.
 *
 * Context: process context outside pins of the domain, may sleep. In a callback it
 * does not wait.
 * Return: 0; -ETIMEDOUT if there is still too much; else as debra_synchronize().
 */
int debra_throttle(struct debra_domain *dom)
{
	int err = debra_may_wait(dom, __func__);
	unsigned long begun = jiffies;

	if (err)
		return err;
	if (debra_in_callback())
		return 0;
	if (debra_below_limit(dom))
		return 0;
	debra_count_any(dom, DEBRA_C_THROTTLED, 1);
	if (trace_debra_throttle_begin_enabled())
		trace_debra_throttle_begin(dom, debra_garbage(dom),
					   debra_tuned(dom->sup, DEBRA_T_LIMIT));
	debra_wait_begin(dom);
	err = debra_wait_below_limit(dom) ? 0 : -ETIMEDOUT;
	debra_wait_end(dom);
	if (err) {
		debra_count_any(dom, DEBRA_C_THROTTLE_TIMEOUTS, 1);
		debra_report_limit(dom, jiffies_to_msecs(jiffies - begun));
	}
	if (trace_debra_throttle_end_enabled())
		trace_debra_throttle_end(dom, debra_garbage(dom), err);
	return err;
}
EXPORT_SYMBOL_GPL(debra_throttle);

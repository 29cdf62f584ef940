// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: neutralization, the reclaimer's side.
 *
 * A guard that holds the epoch back for longer than the reclaimer has patience is
 * aborted. Its section ends there as far as the epoch goes, and what its hazard
 * slots name is kept until it really ends.
 *
 *	reclaimer                             reader, at a hop
 *	  1 mark: cmpxchg the word,             slot = p
 *	      generation -> aborted             barrier()
 *	  2 ping the CPU where it runs          word aborted? then p is not used
 *	  3 wait for the answer                 use p
 *	  4 word still the same? settled
 *	  5 the epoch goes on without it
 *	  6 free what has become free, but for what slots of aborted guards name
 *
 * The IPI splits the reader's instructions. A hop that looked at the word before it
 * has its slot visible to step 6; one that looks after it sees the mark. This is
 * the asymmetric Dekker of membarrier(2), as in round.c.
 *
 * What is freed in step 6 was retired three epochs before the one that was read before
 * the slots were (hazard.c): that is the seal on the batch. A guard that is not aborted
 * by then protects by its epoch, and one that is has no way to new addresses.
 *
 * States of a record, as the reclaimer keeps them in it; each names the word that it
 * is for, so that they mean nothing for any other section:
 *
 *	@seen = word     lagging since @since
 *	word | ABORTED   marked
 *	@seen = word | ABORTED, @cpu            aimed at
 *	@pinged, @round                         pinged
 *	@settled = word | ABORTED               answered
 *
 * A CPU that does not answer holds nothing up but this guard's settling: the reclaimer
 * goes on with what else there is, and looks at the answer when it comes by again.
 *
 * One reclaimer works on a domain at a time, since it is one work item; that those of
 * several domains share the rounds is round.c's business.
 */
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "compat.h"
#include "internal.h"
#include "trace.h"

#define DEBRA_GUARD_ASLEEP	(-1)	/* no CPU has to be asked, */
#define DEBRA_GUARD_ANYWHERE	(-2)	/* or all have to be */

/**
 * struct debra_hunt - one pass over the guards of a domain
 * @dom: the domain
 * @epoch: which they should have announced
 * @press: memory presses
 * @aborted: guards that are aborted and still in their section
 * @lagging: guards that are neither, and hold the epoch back
 * @open: aborted ones that have not been settled
 * @settled: those that were, in this pass
 * @pinged: a round was begun in this pass
 * @round: its number
 * @mask: CPUs to be pinged
 */
struct debra_hunt {
	struct debra_domain *dom;
	unsigned long epoch;
	bool press;
	unsigned int aborted;
	unsigned int lagging;
	unsigned int open;
	unsigned int settled;
	bool pinged;
	unsigned long round;
	struct cpumask *mask;
};

/* How old a section may get, in jiffies; twice as much for each abort in a row after a few. */
static unsigned long debra_guard_patience(const struct debra_hunt *hunt,
					  const struct debra_guard_rec *rec)
{
	unsigned int restarts = READ_ONCE(rec->restarts);
	unsigned int ms = debra_tuned(hunt->dom->sup,
				      hunt->press ? DEBRA_T_GUARD_MS : DEBRA_T_STALL_MS);

	if (restarts < DEBRA_GUARD_PATIENT)
		return msecs_to_jiffies(ms);
	return msecs_to_jiffies(ms + 1) << min(restarts - DEBRA_GUARD_PATIENT + 1, 16U);
}

static void debra_guard_marked(struct debra_hunt *hunt, struct debra_guard_rec *rec, int cpu)
{
	debra_count_any(hunt->dom, DEBRA_C_NEUTRALIZED, 1);
	trace_debra_guard_abort(hunt->dom, READ_ONCE(rec->pid), cpu, READ_ONCE(rec->epoch));
}

/* Step 1: mark a section that lags. */
static void debra_guard_mark(struct debra_guard_rec *rec, int cpu, void *arg)
{
	struct debra_hunt *hunt = arg;
	/* DMM(guard:B): acquire: epoch not older than the word. Litmus: debra-guard-epoch. */
	unsigned long word = atomic_long_read_acquire(&rec->word);

	if (!(word & DEBRA_GUARD_ACTIVE) || (word & DEBRA_GUARD_ABORTED))
		return;
	if (READ_ONCE(rec->epoch) == hunt->epoch)
		return;
	hunt->lagging++;
	if (rec->seen != word) {
		/* In this order, for who looks at both. */
		WRITE_ONCE(rec->since, jiffies);
		WRITE_ONCE(rec->seen, word);
	}
	if ((word & DEBRA_GUARD_MASKED) ||
	    jiffies - rec->since < debra_guard_patience(hunt, rec))
		return;
	debra_pause(DEBRA_PAUSE_BEFORE_MARK);
	/*
	 * Before the mark: whom the mark lets pass finds that there are hazards. Pairs
	 * with debra_has_hazards().
	 */
	WRITE_ONCE(hunt->dom->sup->aborted, hunt->dom->sup->aborted + 1);
	/*
	 * DMM(mark:A): full barrier; before the ping and the look at the slots. Pairs
	 * with DMM(hop:B). Litmus: debra-hop.
	 */
	if (atomic_long_cmpxchg(&rec->word, word, word | DEBRA_GUARD_ABORTED) == (long)word)
		debra_guard_marked(hunt, rec, cpu);
	else if (debra_busted(LATE_MARK))
		atomic_long_or(DEBRA_GUARD_ABORTED, &rec->word);
}

/*
 * Where a task runs that is in a section of ours. A task that has left its section may
 * be gone, and one that has exited inside it is; so it is looked up.
 *
 * Asleep means: neither on a run queue nor still on its CPU. It need not stay so: who
 * wakes it has to take its pi_lock after us, but if it is on a wake list already, the
 * other CPU puts it on its queue without.
 *
 * DMM(sleep:A): on_rq acquire, pairs with the full barrier in schedule() before a task
 * leaves its queue; on_cpu after it, or it might be that of an earlier sleep, acquire,
 * pairs with the release in finish_task(): the slots that it has stored are visible.
 * Litmus: debra-sleep-out. And DMM(mark:A) comes before both, pairs with the barrier
 * in schedule() after it has found the task on a queue: it sees the mark when it runs
 * again. Litmus: debra-sleep-in.
 *
 * Awake: a task that moves on after we have read its CPU passes a full barrier in
 * schedule(), as it leaves and as it arrives. A CPU that pulls it over in the middle of
 * its schedule() has unlocked a queue and locked another since: a full barrier too, on
 * all architectures but powerpc. Litmus: debra-migrate.
 */
static int debra_task_where(struct task_struct *task)
{
	unsigned long flags;
	int where;

	raw_spin_lock_irqsave(&task->pi_lock, flags);
	/* Acquire each, in this order: see DMM(sleep:A). */
	if (!smp_load_acquire(&task->on_rq) && !debra_task_on_cpu_acquire(task))
		where = DEBRA_GUARD_ASLEEP;
	else
		where = task_cpu(task);
	raw_spin_unlock_irqrestore(&task->pi_lock, flags);
	return where;
}

static int debra_guard_where(struct debra_hunt *hunt, struct debra_guard_rec *rec,
			     unsigned long word)
{
	struct task_struct *task;
	int where;

	rcu_read_lock();
	task = pid_task(find_pid_ns(READ_ONCE(rec->pid), &init_pid_ns), PIDTYPE_PID);
	if (task != READ_ONCE(rec->task) || atomic_long_read(&rec->word) != (long)word)
		task = NULL;
	/* A task that is not to be found, or just moving, may run on any CPU, or on none. */
	where = task ? debra_task_where(task) : DEBRA_GUARD_ANYWHERE;
	rcu_read_unlock();
	if (where >= 0 && !cpu_online(where))
		where = DEBRA_GUARD_ANYWHERE;
	return where;
}

/* Step 2: find out whom to ping for an aborted section. */
static void debra_guard_aim(struct debra_guard_rec *rec, int cpu, void *arg)
{
	unsigned long word = atomic_long_read_acquire(&rec->word);
	struct debra_hunt *hunt = arg;

	if (!(word & DEBRA_GUARD_ABORTED))
		return;
	hunt->aborted++;
	if (rec->settled == word || rec->seen == word)
		return;
	if (cpu < 0)
		cpu = debra_guard_where(hunt, rec, word);
	rec->seen = word;
	rec->pinged = false;
	rec->cpu = cpu;
	if (cpu == DEBRA_GUARD_ASLEEP || debra_busted(NO_PING))
		debra_count_any(hunt->dom, DEBRA_C_UNPINGED, 1);
	else if (cpu == DEBRA_GUARD_ANYWHERE)
		cpumask_or(hunt->mask, hunt->mask, cpu_online_mask);
	else
		cpumask_set_cpu(cpu, hunt->mask);
}

/* A CPU that has come since has not been asked: then another round will be needed. */
static bool debra_all_answered(unsigned long round)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (!debra_round_acked(cpu, round))
			return false;
	return true;
}

static bool debra_guard_answered(struct debra_guard_rec *rec)
{
	if (!rec->pinged)
		return false;
	return rec->cpu == DEBRA_GUARD_ANYWHERE ? debra_all_answered(rec->round) :
	       debra_round_acked(rec->cpu, rec->round);
}

/* Steps 3 and 4: settle what has been answered. */
static void debra_guard_settle(struct debra_guard_rec *rec, int cpu, void *arg)
{
	unsigned long word = atomic_long_read_acquire(&rec->word);
	struct debra_hunt *hunt = arg;
	bool ping = rec->cpu != DEBRA_GUARD_ASLEEP && !debra_busted(NO_PING);

	if (!(word & DEBRA_GUARD_ABORTED) || rec->settled == word)
		return;
	hunt->open++;
	if (rec->seen != word)
		return;
	if (ping && !rec->pinged) {
		rec->pinged = hunt->pinged;
		rec->round = hunt->round;
	}
	if (ping && !debra_busted(NO_WAIT) && !debra_guard_answered(rec)) {
		/* Not pinged, or its CPU has gone and its tasks are elsewhere: aim again. */
		if (!rec->pinged || rec->cpu < 0 || !cpu_online(rec->cpu))
			rec->seen = 0;
		return;
	}
	/*
	 * DMM(settle:A): the word again, after the answer: another one may be that of a
	 * section whose slots were not visible yet. Then release, pairs with
	 * DMM(settle:B). Litmus: debra-settle.
	 */
	if (atomic_long_read(&rec->word) != (long)word)
		return;
	smp_store_release(&rec->settled, word); /* DMM(settle:A) */
	hunt->settled++;
	hunt->open--;
	trace_debra_guard_settle(hunt->dom, READ_ONCE(rec->pid), cpu, READ_ONCE(rec->epoch));
}

static void debra_hunt_ping(struct debra_hunt *hunt)
{
	int err;

	if (cpumask_empty(hunt->mask))
		return;
	debra_pause(DEBRA_PAUSE_BEFORE_PING);
	err = debra_round_ping(hunt->dom, hunt->mask, &hunt->round);
	hunt->pinged = !err || err == -ETIMEDOUT;
}

/**
 * debra_neutralize - abort guards that hold the epoch back
 * @dom: the domain
 * @epoch: the epoch that should end
 * @press: is there too much garbage, so that there is little patience?
 *
 * Context: the reclaimer.
 * Return: true if the epoch may be able to end now.
 */
bool debra_neutralize(struct debra_domain *dom, unsigned long epoch, bool press)
{
	struct debra_sup *sup = dom->sup;
	struct debra_hunt hunt = {
		.dom = dom, .epoch = epoch, .press = press, .mask = sup->hunt_mask,
	};

	cpumask_clear(hunt.mask);
	debra_for_each_guard(dom, debra_guard_mark, &hunt);
	debra_for_each_guard(dom, debra_guard_aim, &hunt);
	debra_hunt_ping(&hunt);
	debra_pause(DEBRA_PAUSE_BEFORE_SETTLE);
	debra_for_each_guard(dom, debra_guard_settle, &hunt);
	WRITE_ONCE(sup->lagging, hunt.lagging);
	WRITE_ONCE(sup->parked, hunt.open);
	return hunt.settled;
}

static void debra_guard_count_aborted(struct debra_guard_rec *rec, int cpu, void *arg)
{
	unsigned int *aborted = arg;

	/* DMM(guard:D): acquire, pairs with DMM(guard:E). Litmus: debra-guard-exit. */
	*aborted += !!(atomic_long_read_acquire(&rec->word) & DEBRA_GUARD_ABORTED);
}

/**
 * debra_recount_aborted - see how many aborted guards have not noticed yet
 * @dom: the domain
 *
 * Context: the reclaimer, which is the only one to abort any.
 */
void debra_recount_aborted(struct debra_domain *dom)
{
	unsigned int aborted = 0;

	if (!dom->sup->aborted)
		return;
	debra_for_each_guard(dom, debra_guard_count_aborted, &aborted);
	/* DMM(recount:A): release, pairs with DMM(recount:B). Litmus: debra-guard-exit. */
	smp_store_release(&dom->sup->aborted, aborted);
}

/* Does a section let an epoch end? */
static bool debra_guard_passed(struct debra_guard_rec *rec, unsigned long epoch)
{
	/* DMM(guard:D): acquire, pairs with DMM(guard:E) and C. Litmus: debra-guard-exit. */
	unsigned long word = atomic_long_read_acquire(&rec->word), announced;

	if (!(word & DEBRA_GUARD_ACTIVE))
		return true;
	if (word & DEBRA_GUARD_ABORTED)
		/*
		 * DMM(settle:B): acquire, pairs with DMM(settle:A): who frees on the
		 * strength of this sees what the slots held. Litmus: debra-settle.
		 */
		return smp_load_acquire(&rec->settled) == word || debra_busted(NO_SETTLE);
	announced = READ_ONCE(rec->epoch);
	/* DMM(guard:B): the epoch before the second look. Litmus: debra-guard-epoch. */
	smp_rmb();
	return announced == epoch && atomic_long_read(&rec->word) == (long)word;
}

/**
 * debra_guards_passed - do the guards of a CPU let an epoch end?
 * @dom: the domain
 * @cpu: the CPU that has their records
 * @epoch: the epoch
 *
 * Return: true if so.
 */
bool debra_guards_passed(struct debra_domain *dom, unsigned int cpu, unsigned long epoch)
{
	struct debra_guard_cpu *gc = per_cpu_ptr(dom->guards, cpu);
	unsigned int i;

	for (i = 0; i < smp_load_acquire(&gc->high); i++) /* pairs with DMM(guard:G) */
		if (!debra_guard_passed(&gc->rec[i], epoch))
			return false;
	if (!READ_ONCE(gc->tasks_used))
		return true;
	for (i = 0; i < DEBRA_GUARD_TASKS; i++)
		if (!debra_guard_passed(&gc->task[i], epoch))
			return false;
	return true;
}

/**
 * debra_spilled_passed - do the guards that have no CPU let an epoch end?
 * @dom: the domain
 * @epoch: the epoch
 * @locked: may the lock be taken here?
 *
 * Return: true if so; without the lock only if there are none.
 */
bool debra_spilled_passed(struct debra_domain *dom, unsigned long epoch, bool locked)
{
	struct debra_sup *sup = dom->sup;
	struct debra_guard *g;
	bool passed = true;

	/*
	 * As with an announcement: who is not seen here sees all that was unlinked. The
	 * acquire in there pairs with DMM(guard:H): who was here has left.
	 */
	if (!locked)
		return list_empty_careful(&sup->spilled);
	spin_lock(&sup->guard_lock);
	list_for_each_entry(g, &sup->spilled, list)
		passed &= debra_guard_passed(&g->own, epoch);
	spin_unlock(&sup->guard_lock);
	return passed;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: readers that do not come to an end, and what is said about them.
 *
 * The reclaimer looks for them when an epoch does not end: pins of an older epoch,
 * and guards that lag or were aborted and have not noticed. What has been so for
 * stall_ms is reported, one at a time, those first that hold the epoch back, of these
 * the oldest, once per interval and domain:
 *
 *	debra: stall: DOMAIN: CPU 3: pin for 1012 ms ...
 *	debra: stall: DOMAIN: task reader/123: guard for 1400 ms ...
 *
 * with what is done about it, followed by the stack. A CPU prints its own, since nobody else can
 * tell what runs there; if it does not answer an IPI, that is said instead.
 *
 * Updaters that have waited in vain for less garbage are reported as often:
 *
 *	debra: stall: DOMAIN: task writer/124: limit of 1000 objects ...
 */
#include <linux/cpumask.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/smp.h>

#include "internal.h"
#include "trace.h"

#define DEBRA_STALL_REPEAT	10	/* stall times between two reports */

/**
 * struct debra_stalled - the reader that is to be reported
 * @epoch: the current one
 * @patience: how long it must have been so
 * @since: jiffies when it was first seen
 * @blocks: the epoch cannot end before it goes on
 * @found: there is one
 * @cpu: of the reader; -1 if that may be any
 * @word: of a guard; 0 if it is a pin
 * @settled: the guard was aborted, and its CPU has answered
 * @pid: of its task; 0 if it is a pin
 * @seen: the epoch that it has announced
 */
struct debra_stalled {
	unsigned long epoch;
	unsigned long patience;
	unsigned long since;
	bool blocks;
	bool found;
	int cpu;
	unsigned long word;
	bool settled;
	pid_t pid;
	unsigned long seen;
};

static DEFINE_PER_CPU(call_single_data_t, debra_stall_csd);

static void debra_stall_handler(void *info)
{
	pr_warn("stall: CPU %d runs %s/%d\n", smp_processor_id(), current->comm,
		task_pid_nr(current));
	dump_stack();
}

/* Is it worse than the worst until now? */
static bool debra_stalled_worse(struct debra_stalled *st, unsigned long since, bool blocks)
{
	if (jiffies - since < st->patience)
		return false;
	if (st->found && (st->blocks > blocks ||
			  (st->blocks == blocks && time_before(st->since, since))))
		return false;
	st->since = since;
	st->blocks = blocks;
	st->found = true;
	return true;
}

static void debra_stall_look_at_pin(struct debra_domain *dom, struct debra_stalled *st,
				    unsigned int cpu)
{
	struct debra_cpu *pc = per_cpu_ptr(dom->cpus, cpu);
	unsigned long announced;

	if (debra_pin_passed(dom, cpu, st->epoch)) {
		WRITE_ONCE(pc->pin_seen, 0);
		return;
	}
	announced = READ_ONCE(per_cpu_ptr(dom->pins, cpu)->announce) >> DEBRA_DEPTH_BITS;
	/* It has ended, just now. */
	if (!announced) {
		WRITE_ONCE(pc->pin_seen, 0);
		return;
	}
	if (pc->pin_seen != announced) {
		/* In this order, for who looks at both. */
		WRITE_ONCE(pc->pin_since, jiffies);
		WRITE_ONCE(pc->pin_seen, announced);
	}
	if (!debra_stalled_worse(st, pc->pin_since, true))
		return;
	st->cpu = cpu;
	st->word = 0;
	st->pid = 0;
	st->seen = announced;
}

static void debra_stall_look_at_guard(struct debra_guard_rec *rec, int cpu, void *arg)
{
	unsigned long word = atomic_long_read(&rec->word);
	struct debra_stalled *st = arg;
	bool settled = (word & DEBRA_GUARD_ABORTED) && rec->settled == word;

	/* As debra_neutralize() has left it, just now. */
	if (!(word & DEBRA_GUARD_ACTIVE) ||
	    (rec->seen | DEBRA_GUARD_ABORTED) != (word | DEBRA_GUARD_ABORTED))
		return;
	if (!debra_stalled_worse(st, rec->since, !settled))
		return;
	st->cpu = cpu;
	st->word = word;
	st->settled = settled;
	st->pid = READ_ONCE(rec->pid);
	st->seen = READ_ONCE(rec->epoch);
}

/* -EBUSY: an earlier report's IPI has not been answered. */
static void debra_report_cpu(unsigned int cpu)
{
	if (smp_call_function_single_async(cpu, &per_cpu(debra_stall_csd, cpu)))
		pr_warn("stall: CPU %d does not answer\n", cpu);
}

/* What is done about it. */
static const char *debra_stall_action(const struct debra_stalled *st)
{
	if (!(st->word & DEBRA_GUARD_ABORTED))
		return "waiting for it";
	return st->settled ? "neutralized, the epoch goes on" :
	       "neutralized, waiting for its CPU to answer";
}

static const char *debra_limit_state(struct debra_domain *dom)
{
	unsigned int limit = debra_tuned(dom->sup, DEBRA_T_LIMIT);

	return limit && debra_garbage(dom) > limit ? "; the limit is reached, updaters wait" : "";
}

static void debra_report_pin(struct debra_domain *dom, struct debra_stalled *st)
{
	pr_warn("stall: %s: CPU %d: pin for %u ms, epoch %lu, now %lu; %lu objects to free, about %lu KiB; %s%s\n",
		dom->name, st->cpu, jiffies_to_msecs(jiffies - st->since), st->seen, st->epoch,
		debra_garbage(dom), debra_bytes(dom) / 1024, debra_stall_action(st),
		debra_limit_state(dom));
	debra_report_cpu(st->cpu);
}

static const char *debra_guard_doing(unsigned long word)
{
	if (word & DEBRA_GUARD_ABORTED)
		return "aborted, and has not noticed";
	return word & DEBRA_GUARD_MASKED ? "masked" : "active";
}

/**
 * debra_get_task - the task that has a PID
 * @pid: in the initial namespace
 *
 * Return: the task, for put_task_struct(); NULL if there is none.
 */
struct task_struct *debra_get_task(pid_t pid)
{
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_PID);
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

static void debra_report_guard(struct debra_domain *dom, struct debra_stalled *st)
{
	struct task_struct *task = debra_get_task(st->pid);

	pr_warn("stall: %s: task %s/%d: guard for %u ms, %s, epoch %lu, now %lu; %lu objects to free, about %lu KiB; %s%s\n",
		dom->name, task ? task->comm : "(exited)", st->pid,
		jiffies_to_msecs(jiffies - st->since), debra_guard_doing(st->word), st->seen,
		st->epoch, debra_garbage(dom), debra_bytes(dom) / 1024, debra_stall_action(st),
		debra_limit_state(dom));
	/* One that has preemption off is on its CPU, and shows its stack itself. */
	if (st->cpu >= 0)
		debra_report_cpu(st->cpu);
	else if (task)
		sched_show_task(task);
	if (task)
		put_task_struct(task);
}

static void debra_stall_trace(struct debra_domain *dom, const struct debra_stalled *st)
{
	if (trace_debra_stall_enabled())
		trace_debra_stall(dom, st->cpu, st->pid, jiffies_to_msecs(jiffies - st->since),
				  st->epoch - st->seen, debra_garbage(dom));
}

/**
 * debra_check_stalls - report the reader that is the worst
 * @dom: the domain
 * @epoch: the epoch that does not end
 *
 * Context: the reclaimer, after debra_neutralize().
 */
void debra_check_stalls(struct debra_domain *dom, unsigned long epoch)
{
	struct debra_sup *sup = dom->sup;
	struct debra_stalled st = {
		.epoch = epoch,
		.patience = msecs_to_jiffies(debra_tuned(sup, DEBRA_T_STALL_MS)),
	};
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		debra_stall_look_at_pin(dom, &st, cpu);
	debra_for_each_guard(dom, debra_stall_look_at_guard, &st);
	if (!st.found)
		return;
	/* That one holds a few objects has been said; that another holds all of them has not. */
	if (time_before(jiffies, sup->stall_next) && sup->stall_blocks >= st.blocks)
		return;
	sup->stall_next = jiffies + DEBRA_STALL_REPEAT * st.patience;
	sup->stall_blocks = st.blocks;
	debra_count_any(dom, DEBRA_C_STALLS, 1);
	debra_stall_trace(dom, &st);
	if (st.word)
		debra_report_guard(dom, &st);
	else
		debra_report_pin(dom, &st);
}

/**
 * debra_report_limit - an updater has waited for less garbage, in vain
 * @dom: the domain
 * @ms: for so long
 *
 * Context: process context.
 */
void debra_report_limit(struct debra_domain *dom, unsigned int ms)
{
	unsigned long patience = msecs_to_jiffies(debra_tuned(dom->sup, DEBRA_T_STALL_MS));
	unsigned long next = READ_ONCE(dom->sup->limit_next);

	/* Of several at the same time one is enough. */
	if (time_before(jiffies, next) ||
	    cmpxchg(&dom->sup->limit_next, next,
		    jiffies + DEBRA_STALL_REPEAT * patience) != next)
		return;
	pr_warn("stall: %s: task %s/%d: limit of %u objects exceeded for %u ms, %lu to free, about %lu KiB; it goes on\n",
		dom->name, current->comm, task_pid_nr(current),
		debra_tuned(dom->sup, DEBRA_T_LIMIT), ms, debra_garbage(dom),
		debra_bytes(dom) / 1024);
}

/**
 * debra_typical_size - how large an object of a domain may be
 * @dom: the domain
 *
 * Return: the most that is typical for some CPU, in bytes; 0 if nothing is known.
 */
unsigned long debra_typical_size(struct debra_domain *dom)
{
	unsigned long most = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		most = max(most, READ_ONCE(per_cpu_ptr(dom->cpus, cpu)->size));
	return most;
}

/**
 * debra_bytes - about how many bytes of garbage a domain holds
 * @dom: the domain
 *
 * From the sizes of a few objects on each CPU.
 *
 * Return: the number.
 */
unsigned long debra_bytes(struct debra_domain *dom)
{
	unsigned long sum = 0;
	struct debra_cpu *pc;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		pc = per_cpu_ptr(dom->cpus, cpu);
		sum += debra_bagset_pending(&pc->set) * READ_ONCE(pc->size);
	}
	return sum + debra_bagset_pending(&dom->sup->orphans) * debra_typical_size(dom);
}

void __init debra_stall_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		INIT_CSD(&per_cpu(debra_stall_csd, cpu), debra_stall_handler, NULL);
}

static void debra_stall_nothing(void *info)
{
}

/**
 * debra_stall_settle - wait until no CPU has a csd of ours queued
 *
 * After debra_round_settle(): this IPI is one that is waited for, and such are handled
 * before the others of a batch; but the answer to that round was one of the others.
 */
void debra_stall_settle(void)
{
	on_each_cpu(debra_stall_nothing, NULL, 1);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: readers that hold an epoch back, with their stacks, for debugfs.
 *
 * Which ones is read from announcements and records while everything runs. A task that sleeps
 * in its guard has its stack read by us. Who has preemption off is on his CPU, and only that
 * can tell what it runs: it is asked by IPI, and is left alone if it does not answer soon. One
 * question is put to a CPU at a time, and the answer to an older one is never taken for that
 * to a newer: while it is missing there is no new one.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "compat.h"
#include "internal.h"

#define DEBRA_STALLED_MAX	64	/* guards shown */
#define DEBRA_STACK_DEPTH	40
#define DEBRA_STACK_PATIENCE	msecs_to_jiffies(100)

/**
 * struct debra_running - what a CPU was doing when it was asked
 * @csd: the question
 * @asked: number of the last one
 * @answered: number of the last answer; what follows belongs to it
 * @pid: of the task
 * @comm: its name
 * @nr: how many entries of @stack
 * @stack: from the inside
 */
struct debra_running {
	call_single_data_t csd;
	unsigned long asked;
	unsigned long answered;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	unsigned int nr;
	unsigned long stack[DEBRA_STACK_DEPTH];
};

/* A reader, as it was found. */
struct debra_laggard {
	int cpu;
	unsigned long word;	/* of a guard; 0 if it is a pin */
	bool settled;
	unsigned long epoch;
	unsigned long since;
	pid_t pid;
};

struct debra_laggards {
	unsigned long epoch;
	unsigned int nr;
	unsigned int more;
	struct debra_laggard found[DEBRA_STALLED_MAX];
};

static DEFINE_PER_CPU(struct debra_running, debra_running);
/* Guards all of these, for who asks. */
static DEFINE_MUTEX(debra_running_lock);

static void debra_running_handler(void *info)
{
	struct debra_running *run = this_cpu_ptr(&debra_running);

	run->pid = task_pid_nr(current);
	/* Not get_task_comm(), which takes a lock in some kernels. It may be cut by a change. */
	strscpy(run->comm, current->comm, sizeof(run->comm));
	run->nr = debra_stack_here(run->stack, DEBRA_STACK_DEPTH);
	/*
	 * DMM(answer:A): release, the answer before its number; pairs with DMM(answer:B).
	 * Litmus: debra-answer.
	 */
	smp_store_release(&run->answered, READ_ONCE(run->asked));
}

static bool debra_running_wait(struct debra_running *run)
{
	unsigned long deadline = jiffies + DEBRA_STACK_PATIENCE;

	/* DMM(answer:B): acquire, pairs with DMM(answer:A). Litmus: debra-answer. */
	while (smp_load_acquire(&run->answered) != run->asked) {
		if (time_after(jiffies, deadline))
			return false;
		usleep_range(50, 200);
	}
	return true;
}

/* Return: what the CPU is doing, under debra_running_lock; NULL if it does not answer. */
static struct debra_running *debra_running_ask(unsigned int cpu)
{
	struct debra_running *run = &per_cpu(debra_running, cpu);

	if (!debra_running_wait(run))
		return NULL;
	WRITE_ONCE(run->asked, run->asked + 1);
	if (smp_call_function_single_async(cpu, &run->csd)) {
		WRITE_ONCE(run->asked, run->asked - 1);
		return NULL;
	}
	return debra_running_wait(run) ? run : NULL;
}

static struct debra_laggard *debra_laggard_add(struct debra_laggards *lag)
{
	if (lag->nr == DEBRA_STALLED_MAX) {
		lag->more++;
		return NULL;
	}
	return &lag->found[lag->nr++];
}

static void debra_look_for_pin(struct debra_domain *dom, struct debra_laggards *lag,
			       unsigned int cpu)
{
	struct debra_cpu *pc = per_cpu_ptr(dom->cpus, cpu);
	unsigned long announce = READ_ONCE(per_cpu_ptr(dom->pins, cpu)->announce);
	unsigned long epoch = announce >> DEBRA_DEPTH_BITS;
	struct debra_laggard *found;

	if (!announce || epoch == lag->epoch)
		return;
	found = debra_laggard_add(lag);
	if (!found)
		return;
	*found = (struct debra_laggard){ .cpu = cpu, .epoch = epoch, .since = jiffies };
	/* As the reclaimer has noted it. */
	if (READ_ONCE(pc->pin_seen) == epoch)
		found->since = READ_ONCE(pc->pin_since);
}

static void debra_look_for_guard(struct debra_guard_rec *rec, int cpu, void *arg)
{
	unsigned long word = atomic_long_read(&rec->word), epoch = READ_ONCE(rec->epoch);
	struct debra_laggards *lag = arg;
	struct debra_laggard *found;

	if (!(word & DEBRA_GUARD_ACTIVE) ||
	    (epoch == lag->epoch && !(word & DEBRA_GUARD_ABORTED)))
		return;
	found = debra_laggard_add(lag);
	if (!found)
		return;
	*found = (struct debra_laggard){
		.cpu = cpu, .word = word, .epoch = epoch, .since = jiffies,
		.settled = READ_ONCE(rec->settled) == word, .pid = READ_ONCE(rec->pid),
	};
	if ((READ_ONCE(rec->seen) | DEBRA_GUARD_ABORTED) == (word | DEBRA_GUARD_ABORTED))
		found->since = READ_ONCE(rec->since);
}

static void debra_show_stack(struct seq_file *m, const unsigned long *stack, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		seq_printf(m, "\t%pS\n", (void *)stack[i]);
}

static void debra_show_laggard(struct seq_file *m, const struct debra_laggard *lag, pid_t pid,
			       char task_state, const char *comm)
{
	if (lag->cpu < 0)
		seq_puts(m, "  -");
	else
		seq_printf(m, "%3d", lag->cpu);
	seq_printf(m, " %-5s %-8s %10lu %8u %7d %c    %s\n", lag->word ? "guard" : "pin",
		   lag->word ? debra_guard_state(lag->word, lag->settled) : "active", lag->epoch,
		   jiffies_to_msecs(jiffies - lag->since), pid, task_state, comm);
}

static void debra_show_running(struct seq_file *m, const struct debra_laggard *lag)
{
	struct debra_running *run;

	mutex_lock(&debra_running_lock);
	run = debra_running_ask(lag->cpu);
	if (run) {
		debra_show_laggard(m, lag, run->pid, 'R', run->comm);
		debra_show_stack(m, run->stack, run->nr);
	} else {
		debra_show_laggard(m, lag, lag->pid, '?', "(no answer)");
	}
	mutex_unlock(&debra_running_lock);
}

static void debra_show_sleeper(struct seq_file *m, const struct debra_laggard *lag,
			       unsigned long *stack)
{
	struct task_struct *task = debra_get_task(lag->pid);
	char comm[TASK_COMM_LEN];
	unsigned int nr;

	if (!task) {
		debra_show_laggard(m, lag, lag->pid, '?', "(exited)");
		return;
	}
	get_task_comm(comm, task);
	debra_show_laggard(m, lag, lag->pid, task_state_to_char(task), comm);
	nr = debra_stack_of(task, stack, DEBRA_STACK_DEPTH);
	debra_show_stack(m, stack, nr);
	if (!nr)
		seq_printf(m, "\tsee /proc/%d/stack\n", lag->pid);
	put_task_struct(task);
}

static void debra_show_laggards(struct seq_file *m, struct debra_laggards *lag,
				unsigned long *stack)
{
	unsigned int i;

	seq_puts(m, "cpu kind  state         epoch   lag_ms     pid task comm\n");
	for (i = 0; i < lag->nr; i++) {
		if (lag->found[i].cpu >= 0)
			debra_show_running(m, &lag->found[i]);
		else
			debra_show_sleeper(m, &lag->found[i], stack);
	}
	if (lag->more)
		seq_printf(m, "\tand %u more\n", lag->more);
}

static int debra_stalled_show(struct seq_file *m, void *v)
{
	struct debra_laggards *lag = kzalloc(sizeof(*lag), GFP_KERNEL);
	unsigned long *stack = kcalloc(DEBRA_STACK_DEPTH, sizeof(*stack), GFP_KERNEL);
	struct debra_domain *dom = m->private;
	unsigned int cpu;

	if (lag && stack) {
		lag->epoch = debra_epoch(dom);
		for_each_online_cpu(cpu)
			debra_look_for_pin(dom, lag, cpu);
		debra_for_each_guard(dom, debra_look_for_guard, lag);
		debra_show_laggards(m, lag, stack);
	}
	kfree(stack);
	kfree(lag);
	return lag && stack ? 0 : -ENOMEM;
}
DEFINE_SHOW_ATTRIBUTE(debra_stalled);

/**
 * debra_stalled_add - make the file
 * @dom: the domain
 */
void debra_stalled_add(struct debra_domain *dom)
{
	debugfs_create_file("stalled", 0400, dom->sup->dir, dom, &debra_stalled_fops);
}

void __init debra_stalled_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		INIT_CSD(&per_cpu(debra_running, cpu).csd, debra_running_handler, NULL);
}

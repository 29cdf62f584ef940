// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra_workload: what `make run` puts debra under.
 *
 * Readers and writers on every CPU work on a list set and a stack until enough
 * nodes have been retired; a hard interrupt timer on every CPU looks things up in
 * between. Then everything is taken down and counted. Progress and verdict are in
 * /sys/kernel/debug/debra_workload/summary.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kstrtox.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "compat.h"
#include "workload.h"

#undef pr_fmt
#define pr_fmt(fmt) "debra_workload: " fmt

#define WORKLOAD_BATCH		16	/* operations between looks at the world */
#define WORKLOAD_TIMER_NS	(500 * NSEC_PER_USEC)
#define WORKLOAD_HOG_MS		10000	/* at most; a soft lockup is reported after 20 s */

static unsigned int target = 1000000;
module_param(target, uint, 0444);
MODULE_PARM_DESC(target, "nodes to retire (1-1000000000)");

static unsigned int keys = 1024;
module_param(keys, uint, 0444);
MODULE_PARM_DESC(keys, "range of keys in the list set (2-1048576)");

static unsigned int readers = 1;
module_param(readers, uint, 0444);
MODULE_PARM_DESC(readers, "reading threads on each CPU (0-16)");

static unsigned int writers = 1;
module_param(writers, uint, 0444);
MODULE_PARM_DESC(writers, "writing threads on each CPU (1-16)");

static unsigned int stalled = 2;
module_param(stalled, uint, 0444);
MODULE_PARM_DESC(stalled, "readers that stall in a guard until the end (0-64)");

static unsigned int bound;
module_param(bound, uint, 0444);
MODULE_PARM_DESC(bound, "most objects that may be retired and not freed at any time (0: any number)");

static unsigned int seconds = 100;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "give up after that long (1-86400)");

/* What a thread has done; its own until it has ended, read for the summary. */
struct workload_count {
	unsigned long inserts;
	unsigned long removes;
	unsigned long lookups;
	unsigned long pushes;
	unsigned long pops;
	unsigned long failed_allocs;
};

struct workload_thread {
	struct task_struct *task;
	struct workload_count count;
	struct rnd_state rnd;
	bool writer;
};

struct workload_timer {
	struct hrtimer timer;
	bool started;
	struct rnd_state rnd;
	unsigned long lookups;
};

DEFINE_DEBRA_DOMAIN(debra_workload);

struct list_set workload_list;
static struct stack workload_stack;
static struct workload_thread *workload_threads;
static unsigned int workload_nr_threads;
static DEFINE_PER_CPU(struct workload_timer, workload_timers);
static struct task_struct *workload_monitor;
static struct dentry *workload_dir;
static ktime_t workload_start;
static unsigned long workload_elapsed_ms;
static unsigned long workload_peak;
static unsigned long workload_left;
static unsigned int workload_aborted;
static bool workload_done;
static const char *workload_error;

void workload_corrupt(const char *what, const void *node, unsigned long value)
{
	if (!cmpxchg(&workload_error, NULL, what))
		pr_err("CORRUPT %s %p: %lx\n", what, node, value);
}

static unsigned long workload_retired(void)
{
	return atomic_long_read(&workload_list.retired) + atomic_long_read(&workload_stack.retired);
}

static void workload_bump(unsigned long *counter, bool yes)
{
	if (yes)
		WRITE_ONCE(*counter, *counter + 1);
}

static void workload_write(struct workload_thread *t)
{
	u32 r = prandom_u32_state(&t->rnd);
	unsigned long key = (r >> 2) % keys, value;
	int err = 0;

	switch (r % 4) {
	case 0:
		err = list_set_insert(&workload_list, key);
		workload_bump(&t->count.inserts, err > 0);
		break;
	case 1:
		workload_bump(&t->count.removes, list_set_remove(&workload_list, key));
		break;
	case 2:
		err = stack_push(&workload_stack, key);
		workload_bump(&t->count.pushes, !err);
		break;
	case 3:
		workload_bump(&t->count.pops, stack_pop(&workload_stack, &value));
		break;
	}
	workload_bump(&t->count.failed_allocs, err < 0);
}

static void workload_read(struct workload_thread *t)
{
	list_set_contains(&workload_list, prandom_u32_state(&t->rnd) % keys);
	workload_bump(&t->count.lookups, true);
}

static int workload_thread_fn(void *arg)
{
	struct workload_thread *t = arg;
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < WORKLOAD_BATCH; i++) {
			if (t->writer)
				workload_write(t);
			else
				workload_read(t);
		}
		if (t->writer)
			debra_throttle(&debra_workload);
		cond_resched_tasks_rcu_qs();
	}
	return 0;
}

/* In hard interrupt context, on top of whatever this CPU does. */
static enum hrtimer_restart workload_timer_fn(struct hrtimer *timer)
{
	struct workload_timer *t = container_of(timer, struct workload_timer, timer);

	list_set_contains(&workload_list, prandom_u32_state(&t->rnd) % keys);
	workload_bump(&t->lookups, true);
	hrtimer_forward_now(timer, ns_to_ktime(WORKLOAD_TIMER_NS));
	return HRTIMER_RESTART;
}

static void workload_timer_start(void *unused)
{
	struct workload_timer *t = this_cpu_ptr(&workload_timers);

	prandom_seed_state(&t->rnd, smp_processor_id() + 1);
	workload_timer_setup(&t->timer, workload_timer_fn);
	t->started = true;
	hrtimer_start(&t->timer, ns_to_ktime(WORKLOAD_TIMER_NS), HRTIMER_MODE_REL_PINNED_HARD);
}

static void workload_timers_stop(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (per_cpu(workload_timers, cpu).started)
			hrtimer_cancel(&per_cpu(workload_timers, cpu).timer);
}

static int workload_thread_start(unsigned int cpu, bool writer)
{
	struct workload_thread *t = &workload_threads[workload_nr_threads];
	struct task_struct *task;

	t->writer = writer;
	prandom_seed_state(&t->rnd, get_random_u64());
	task = kthread_create_on_cpu(workload_thread_fn, t, cpu,
				     writer ? "debra_writer/%u" : "debra_reader/%u");
	if (IS_ERR(task))
		return PTR_ERR(task);
	t->task = task;
	workload_nr_threads++;
	wake_up_process(task);
	return 0;
}

static int workload_threads_start(void)
{
	unsigned int cpu, i;
	int err = 0;

	workload_threads = kcalloc(num_possible_cpus() * (readers + writers),
				   sizeof(*workload_threads), GFP_KERNEL);
	if (!workload_threads)
		return -ENOMEM;
	for_each_online_cpu(cpu)
		for (i = 0; i < readers + writers && !err; i++)
			err = workload_thread_start(cpu, i < writers);
	return err;
}

static void workload_threads_stop(void)
{
	unsigned int i;

	for (i = 0; i < workload_nr_threads; i++)
		if (workload_threads[i].task) {
			kthread_stop(workload_threads[i].task);
			workload_threads[i].task = NULL;
		}
}

static void workload_sum(struct workload_count *sum)
{
	unsigned int i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < workload_nr_threads; i++) {
		struct workload_count *c = &workload_threads[i].count;

		sum->inserts += READ_ONCE(c->inserts);
		sum->removes += READ_ONCE(c->removes);
		sum->lookups += READ_ONCE(c->lookups);
		sum->pushes += READ_ONCE(c->pushes);
		sum->pops += READ_ONCE(c->pops);
		sum->failed_allocs += READ_ONCE(c->failed_allocs);
	}
}

/* The structures against the counts of those who worked on them. */
static const char *workload_audit(unsigned long in_list, unsigned long in_stack)
{
	struct workload_count sum;

	workload_sum(&sum);
	if (sum.inserts != sum.removes + in_list)
		return "list: inserted != removed + left";
	if (sum.pushes != sum.pops + in_stack)
		return "stack: pushed != popped + left";
	if (atomic_long_read(&workload_list.retired) !=
	    atomic_long_read(&workload_list.allocated))
		return "list: retired != allocated";
	if (atomic_long_read(&workload_stack.freed) !=
	    atomic_long_read(&workload_stack.allocated))
		return "stack: freed != allocated";
	if (debra_garbage(&debra_workload))
		return "retired != freed";
	return NULL;
}

static const char *workload_take_down(void)
{
	unsigned long in_list, in_stack = 0, value;
	const char *error, *audit;

	workload_threads_stop();
	workload_timers_stop();
	error = stalled_stop(&workload_aborted);
	in_list = list_set_empty(&workload_list, &error);
	while (stack_pop(&workload_stack, &value))
		in_stack++;
	workload_left = in_list + in_stack;
	if (debra_barrier(&debra_workload))
		error = "debra_barrier() failed";
	audit = workload_audit(in_list, in_stack);
	if (bound && workload_peak > bound)
		audit = "more garbage than the bound";
	return error ?: audit;
}

/*
 * A sum over CPUs that is held up in the middle counts as garbage what was retired
 * meanwhile, but hardly every time.
 */
static unsigned long workload_garbage(void)
{
	unsigned long least = ULONG_MAX;
	unsigned int i;

	for (i = 0; i < 3; i++)
		least = min(least, debra_garbage(&debra_workload));
	return least;
}

static void workload_watch(void)
{
	ktime_t deadline = ktime_add_ms(workload_start, seconds * 1000ULL);

	while (!kthread_should_stop() && workload_retired() < target &&
	       !READ_ONCE(workload_error) && ktime_before(ktime_get(), deadline)) {
		WRITE_ONCE(workload_peak, max(workload_peak, workload_garbage()));
		usleep_range(1000, 2000);
	}
}

/* Ends the run by itself when the target is reached; rmmod may end it before. */
static int workload_monitor_fn(void *unused)
{
	const char *error;
	bool reached;

	workload_watch();
	reached = workload_retired() >= target;
	WRITE_ONCE(workload_elapsed_ms, ktime_ms_delta(ktime_get(), workload_start));
	error = workload_take_down();
	if (error || !reached)
		cmpxchg(&workload_error, NULL, error ?: "target not reached in time");
	/* Release: the verdict before its announcement; pairs with summary_show(). */
	smp_store_release(&workload_done, true);
	pr_info("%s, %lu nodes retired in %lu ms\n", workload_error ?: "success",
		workload_retired(), workload_elapsed_ms);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static unsigned long workload_timer_lookups(void)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(workload_timers, cpu).lookups);
	return sum;
}

static void summary_counts(struct seq_file *m, bool done)
{
	unsigned long irq = workload_timer_lookups();
	struct workload_count c;

	workload_sum(&c);
	seq_printf(m, "elapsed_ms: %lu\n", done ? READ_ONCE(workload_elapsed_ms) :
		   (unsigned long)ktime_ms_delta(ktime_get(), workload_start));
	seq_printf(m, "operations: %lu\n",
		   c.inserts + c.removes + c.lookups + c.pushes + c.pops + irq);
	seq_printf(m, "list_inserts: %lu\n", c.inserts);
	seq_printf(m, "list_removes: %lu\n", c.removes);
	seq_printf(m, "list_lookups: %lu\n", c.lookups);
	seq_printf(m, "list_lookups_hardirq: %lu\n", irq);
	seq_printf(m, "stack_pushes: %lu\n", c.pushes);
	seq_printf(m, "stack_pops: %lu\n", c.pops);
	seq_printf(m, "failed_allocs: %lu\n", c.failed_allocs);
}

static int summary_show(struct seq_file *m, void *v)
{
	/* Acquire: pairs with workload_monitor_fn(). */
	bool done = smp_load_acquire(&workload_done);
	unsigned long garbage = debra_garbage(&debra_workload);
	unsigned long retired = workload_retired();

	summary_counts(m, done);
	seq_printf(m, "left_at_end: %lu\n", READ_ONCE(workload_left));
	seq_printf(m, "retired: %lu\n", retired);
	seq_printf(m, "freed: %lu\n", retired - min(garbage, retired));
	seq_printf(m, "peak_garbage: %lu\n", READ_ONCE(workload_peak));
	if (bound)
		seq_printf(m, "bound: %u\n", bound);
	seq_printf(m, "stalled_readers: %u\n", stalled);
	seq_printf(m, "neutralized: %u\n", READ_ONCE(workload_aborted));
	seq_printf(m, "advances: %lu\n", debra_epoch(&debra_workload) - DEBRA_EPOCH_FIRST);
	if (!done)
		seq_puts(m, "result: RUNNING\n");
	else if (workload_error)
		seq_printf(m, "result: FAILURE %s\n", workload_error);
	else
		seq_puts(m, "result: SUCCESS\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

/*
 * What nobody should do: a reader that does not come to an end, for as many milliseconds as
 * are written, in the task that writes. To be found by its traces.
 */
static ssize_t hog_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	ktime_t end;
	unsigned int ms;

	if (kstrtouint_from_user(buf, count, 0, &ms) || !ms || ms > WORKLOAD_HOG_MS)
		return -EINVAL;
	end = ktime_add_ms(ktime_get(), ms);
	debra_pin(&debra_workload);
	while (ktime_before(ktime_get(), end))
		cpu_relax();
	debra_unpin(&debra_workload);
	return count;
}

static const struct file_operations hog_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = hog_write,
};

static bool workload_params_ok(void)
{
	if (target && target <= 1000000000 && keys >= 2 && keys <= 1048576 && readers <= 16 &&
	    writers && writers <= 16 && stalled <= 64 && seconds && seconds <= 86400)
		return true;
	pr_err("a parameter is out of range; see modinfo debra_workload\n");
	return false;
}

static void workload_stop(void)
{
	if (workload_monitor)
		kthread_stop(workload_monitor);
	/* A monitor that was stopped before it ran has not done it. */
	if (!workload_done)
		workload_take_down();
	debugfs_remove_recursive(workload_dir);
	if (debra_domain_unregister(&debra_workload))
		pr_err("the domain could not be unregistered\n");
	list_set_exit(&workload_list);
	kfree(workload_threads);
}

static int workload_go(void)
{
	int err = workload_threads_start();

	if (!err)
		err = stalled_start(stalled);
	if (err)
		return err;
	on_each_cpu(workload_timer_start, NULL, 1);
	workload_monitor = kthread_run(workload_monitor_fn, NULL, "debra_workload");
	if (IS_ERR(workload_monitor)) {
		err = PTR_ERR(workload_monitor);
		workload_monitor = NULL;
		return err;
	}
	workload_dir = debugfs_create_dir("debra_workload", NULL);
	debugfs_create_file("summary", 0444, workload_dir, NULL, &summary_fops);
	debugfs_create_file("hog", 0200, workload_dir, NULL, &hog_fops);
	return 0;
}

static int __init workload_init(void)
{
	int err;

	if (!workload_params_ok())
		return -EINVAL;
	stack_init(&workload_stack);
	err = list_set_init(&workload_list);
	if (err)
		return err;
	err = debra_domain_register(&debra_workload);
	if (err) {
		list_set_exit(&workload_list);
		return err;
	}
	workload_start = ktime_get();
	err = workload_go();
	if (err)
		workload_stop();
	return err;
}
module_init(workload_init);

static void __exit workload_exit(void)
{
	workload_stop();
}
module_exit(workload_exit);

MODULE_DESCRIPTION("A list set and a stack without locks, under load, on debra");
MODULE_LICENSE("GPL");

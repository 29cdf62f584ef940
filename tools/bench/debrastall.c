// SPDX-License-Identifier: GPL-2.0-only
/*
 * debrastall: how much garbage there is while a reader stalls, and how long an object
 * takes from its retirement until it is freed, beside RCU and SRCU.
 *
 * An updater on the first CPU retires @rate objects a second, each subject's in turn, @runs
 * times. "stall": after half a second a reader on the last CPU enters a section, stays in
 * it for @stall_ms and leaves; a row every 50 ms is what has been retired and not freed by
 * then, in the first run. "latency": nobody is in any section. The rows go to
 * /sys/kernel/debug/debrastall/results:
 *
 *	suite  case  subject  cpus  metric  value  unit
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debra.h>
#include <linux/debra-guard.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/srcu.h>
#include <linux/timekeeping.h>

static unsigned int runs = 3;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "how often each subject runs (1-15)");

static unsigned int rate = 100000;
module_param(rate, uint, 0444);
MODULE_PARM_DESC(rate, "objects to retire in a second (1000-1000000)");

static unsigned int stall_ms = 2000;
module_param(stall_ms, uint, 0444);
MODULE_PARM_DESC(stall_ms, "how long a reader stalls (100-10000)");

#define STALL_MAX_RUNS	15
#define STALL_STEP_MS	50
#define STALL_BEFORE_MS	500
#define STALL_AFTER_MS	1000
#define STALL_STEPS	((10000 + STALL_BEFORE_MS + STALL_AFTER_MS) / STALL_STEP_MS + 1)

struct stall_object {
	u64 retired_ns;
	unsigned long payload[4];
	union {
		struct rcu_head rcu;
		struct debra_head debra;
	};
};

struct stall_subject {
	const char *name;
	void (*retire)(struct stall_object *object);
	void (*settle)(void);	/* until all is freed */
	void (*read)(void);	/* a section, until the reader is told to leave */
	bool stall_only;
};

/* Of one run. Of latencies, percentiles; of garbage, the most. */
struct stall_result {
	u64 p50, p99, max;
	unsigned long peak;
	bool done;
};

static DEFINE_DEBRA_DOMAIN(debrastall);
DEFINE_STATIC_SRCU(stall_srcu);
static struct dentry *stall_dir;
static bool stall_leave;
static unsigned long stall_retired;
static atomic_long_t stall_freed;

/* ---------------------------------------------------------------- latencies */

/* Eight buckets for each power of two. */
#define STALL_BUCKETS	(64 * 8)

static atomic_t stall_bucket[STALL_BUCKETS];
static atomic64_t stall_longest;

static unsigned int stall_bucket_of(u64 ns)
{
	unsigned int log = ns < 8 ? 3 : ilog2(ns);

	return log * 8 + ((ns >> (log - 3)) & 7);
}

static u64 stall_bucket_ns(unsigned int bucket)
{
	return (8ULL + bucket % 8) << (bucket / 8 - 3);
}

static void stall_note(struct stall_object *object)
{
	u64 ns = ktime_get_mono_fast_ns() - object->retired_ns;
	s64 longest = atomic64_read(&stall_longest);

	atomic_inc(&stall_bucket[stall_bucket_of(ns)]);
	while ((s64)ns > longest && !atomic64_try_cmpxchg(&stall_longest, &longest, ns))
		;
	atomic_long_inc(&stall_freed);
	kfree(object);
}

static u64 stall_percentile(unsigned int percent)
{
	u64 wanted = div_u64((u64)stall_retired * percent, 100), seen = 0;
	unsigned int i;

	for (i = 24; i < STALL_BUCKETS - 1; i++) {
		seen += atomic_read(&stall_bucket[i]);
		if (seen >= wanted)
			break;
	}
	return stall_bucket_ns(i);
}

/* ---------------------------------------------------------------- subjects */

static void stall_rcu_free(struct rcu_head *head)
{
	stall_note(container_of(head, struct stall_object, rcu));
}

static void stall_debra_free(struct debra_head *head)
{
	stall_note(container_of(head, struct stall_object, debra));
}

static void retire_debra(struct stall_object *object)
{
	debra_call(&debrastall, &object->debra, stall_debra_free);
}

static void retire_rcu(struct stall_object *object)
{
	call_rcu(&object->rcu, stall_rcu_free);
}

static void retire_srcu(struct stall_object *object)
{
	call_srcu(&stall_srcu, &object->rcu, stall_rcu_free);
}

static void settle_debra(void)
{
	debra_barrier(&debrastall);
}

static void settle_srcu(void)
{
	srcu_barrier(&stall_srcu);
}

static void stall_sleep(void)
{
	while (!READ_ONCE(stall_leave))
		schedule_timeout_uninterruptible(1);
}

/* May be preempted where that is allowed, which not all machines do in an interrupt. */
static void stall_spin(void)
{
	while (!READ_ONCE(stall_leave)) {
		preempt_disable();
		cpu_relax();
		preempt_enable();
	}
}

static void read_guard(void)
{
	DEFINE_DEBRA_GUARD(g);

	debra_guard_enter_sleepable(&debrastall, &g);
	stall_sleep();
	debra_guard_exit(&g);
}

static void read_pin(void)
{
	debra_pin(&debrastall);
	stall_spin();
	debra_unpin(&debrastall);
}

static void read_rcu(void)
{
	rcu_read_lock();
	stall_spin();
	rcu_read_unlock();
}

static void read_srcu(void)
{
	int idx = srcu_read_lock(&stall_srcu);

	stall_sleep();
	srcu_read_unlock(&stall_srcu, idx);
}

static const struct stall_subject stall_subjects[] = {
	{ "debra-guard", retire_debra, settle_debra, read_guard },
	{ "debra-pin", retire_debra, settle_debra, read_pin, true },
	{ "rcu", retire_rcu, rcu_barrier, read_rcu },
	{ "srcu", retire_srcu, settle_srcu, read_srcu },
};

#define STALL_SUBJECTS	ARRAY_SIZE(stall_subjects)

static struct stall_result stall_results[2][STALL_SUBJECTS][STALL_MAX_RUNS];
static unsigned long stall_series[STALL_SUBJECTS][STALL_STEPS];

/* ---------------------------------------------------------------- a run */

static int stall_reader_fn(void *data)
{
	const struct stall_subject *s = data;

	s->read();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static struct task_struct *stall_start(int (*fn)(void *data), void *data, unsigned int cpu)
{
	struct task_struct *task = kthread_create(fn, data, "debrastall");

	if (IS_ERR(task))
		return task;
	kthread_bind(task, cpu);
	get_task_struct(task);
	wake_up_process(task);
	return task;
}

static void stall_stop(struct task_struct *task)
{
	if (IS_ERR_OR_NULL(task))
		return;
	kthread_stop(task);
	put_task_struct(task);
}

/* Retire what is due by now; what there is no memory for is left out. */
static void stall_retire_due(const struct stall_subject *s, u64 ns)
{
	unsigned long due = div_u64(ns * rate, NSEC_PER_SEC);
	struct stall_object *object;

	while (stall_retired < due) {
		object = kmalloc(sizeof(*object), GFP_KERNEL);
		if (!object)
			return;
		object->retired_ns = ktime_get_mono_fast_ns();
		stall_retired++;
		s->retire(object);
		if (!(stall_retired % 64))
			cond_resched();
	}
}

struct stall_run {
	const struct stall_subject *subject;
	unsigned long *series;		/* or NULL */
	struct stall_result *result;
	bool stall;
	struct completion done;
};

static void stall_sample(struct stall_run *run, unsigned int step)
{
	unsigned long garbage = stall_retired - atomic_long_read(&stall_freed);

	run->result->peak = max(run->result->peak, garbage);
	if (run->series && step < STALL_STEPS)
		run->series[step] = garbage;
}

static void stall_reset(void)
{
	unsigned int i;

	for (i = 0; i < STALL_BUCKETS; i++)
		atomic_set(&stall_bucket[i], 0);
	atomic64_set(&stall_longest, 0);
	atomic_long_set(&stall_freed, 0);
	stall_retired = 0;
	stall_leave = false;
}

static unsigned int stall_length(const struct stall_run *run)
{
	return run->stall ? STALL_BEFORE_MS + stall_ms + STALL_AFTER_MS : STALL_AFTER_MS;
}

static void stall_go(struct stall_run *run)
{
	unsigned int ms, step = 0, length = stall_length(run);
	u64 ns, start = ktime_get_ns();
	struct task_struct *reader = NULL;

	do {
		ns = ktime_get_ns() - start;
		ms = div_u64(ns, NSEC_PER_MSEC);
		stall_retire_due(run->subject, ns);
		while (step * STALL_STEP_MS <= ms)
			stall_sample(run, step++);
		if (run->stall && !reader && ms >= STALL_BEFORE_MS)
			reader = stall_start(stall_reader_fn, (void *)run->subject,
					     cpumask_last(cpu_online_mask));
		if (ms >= STALL_BEFORE_MS + stall_ms)
			WRITE_ONCE(stall_leave, true);
		usleep_range(500, 1000);
	} while (ms < length);
	WRITE_ONCE(stall_leave, true);
	stall_stop(reader);
}

static int stall_updater_fn(void *data)
{
	struct stall_run *run = data;

	stall_reset();
	stall_go(run);
	run->subject->settle();
	run->result->p50 = stall_percentile(50);
	run->result->p99 = stall_percentile(99);
	run->result->max = atomic64_read(&stall_longest);
	run->result->done = true;
	complete(&run->done);
	return 0;
}

static int stall_run(unsigned int subject, bool stall, unsigned int nr)
{
	struct stall_run run = {
		.subject = &stall_subjects[subject],
		.series = stall && !nr ? stall_series[subject] : NULL,
		.result = &stall_results[stall][subject][nr],
		.stall = stall,
	};
	struct task_struct *task;

	if (!stall && run.subject->stall_only)
		return 0;
	init_completion(&run.done);
	task = stall_start(stall_updater_fn, &run, cpumask_first(cpu_online_mask));
	if (IS_ERR(task))
		return PTR_ERR(task);
	wait_for_completion(&run.done);
	stall_stop(task);
	return 0;
}

static int stall_run_all(void)
{
	unsigned int nr, subject, stall;
	int err = 0;

	for (nr = 0; nr < runs; nr++)
		for (stall = 0; stall < 2; stall++)
			for (subject = 0; subject < STALL_SUBJECTS && !err; subject++)
				err = stall_run(subject, stall, nr);
	return err;
}

/* ---------------------------------------------------------------- results */

static int stall_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* Three rows: of the values of all runs the smallest, the middle one, and the largest. */
static void stall_rows(struct seq_file *m, const char *kind, const char *name, u64 *value,
		       const char *unit)
{
	static const char * const metric[] = { "min", "median", "max" };
	u64 middle;
	unsigned int i;

	sort(value, runs, sizeof(*value), stall_cmp, NULL);
	middle = value[runs / 2];
	for (i = 0; i < 3; i++)
		seq_printf(m, "debra\t%s\t%s\t%u\t%s\t%llu\t%s\n", kind, name, num_online_cpus(),
			   metric[i], i == 0 ? value[0] : i == 1 ? middle : value[runs - 1], unit);
}

#define STALL_ROWS(m, kind, stall, subject, field, unit)			\
do {										\
	u64 __value[STALL_MAX_RUNS];						\
	unsigned int __i;							\
										\
	for (__i = 0; __i < runs; __i++)					\
		__value[__i] = stall_results[stall][subject][__i].field;	\
	stall_rows(m, kind, stall_subjects[subject].name, __value, unit);	\
} while (0)

static void stall_series_rows(struct seq_file *m, unsigned int subject)
{
	unsigned int step, steps = (STALL_BEFORE_MS + stall_ms + STALL_AFTER_MS) / STALL_STEP_MS;

	for (step = 0; step < steps; step++)
		seq_printf(m, "debra\tstall-%u-series\t%s\t%u\tat-%05u-ms\t%lu\tobjects\n",
			   stall_ms, stall_subjects[subject].name, num_online_cpus(),
			   step * STALL_STEP_MS, stall_series[subject][step]);
}

static int results_show(struct seq_file *m, void *v)
{
	char name[32];
	unsigned int i;

	seq_puts(m, "suite\tcase\tsubject\tcpus\tmetric\tvalue\tunit\n");
	snprintf(name, sizeof(name), "stall-%u", stall_ms);
	for (i = 0; i < STALL_SUBJECTS; i++) {
		STALL_ROWS(m, name, 1, i, peak, "objects");
		stall_series_rows(m, i);
		if (stall_subjects[i].stall_only)
			continue;
		STALL_ROWS(m, "latency-p50", 0, i, p50, "ns");
		STALL_ROWS(m, "latency-p99", 0, i, p99, "ns");
		STALL_ROWS(m, "latency-max", 0, i, max, "ns");
		STALL_ROWS(m, "garbage-peak", 0, i, peak, "objects");
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static bool stall_parameters_are_good(void)
{
	return runs && runs <= STALL_MAX_RUNS && rate >= 1000 && rate <= 1000000 &&
	       stall_ms >= 100 && stall_ms <= 10000;
}

static int __init stall_init(void)
{
	int err;

	if (!stall_parameters_are_good()) {
		pr_err("debrastall: runs is 1 to %d, rate 1000 to 1000000, stall_ms 100 to 10000\n",
		       STALL_MAX_RUNS);
		return -EINVAL;
	}
	err = debra_domain_register(&debrastall);
	if (err)
		return err;
	err = stall_run_all();
	if (err) {
		debra_domain_unregister(&debrastall);
		return err;
	}
	stall_dir = debugfs_create_dir("debrastall", NULL);
	debugfs_create_file("results", 0444, stall_dir, NULL, &results_fops);
	return 0;
}
module_init(stall_init);

static void __exit stall_exit(void)
{
	debugfs_remove_recursive(stall_dir);
	if (debra_domain_unregister(&debrastall))
		pr_err("debrastall: domain still in use\n");
	rcu_barrier();
	srcu_barrier(&stall_srcu);
}
module_exit(stall_exit);

MODULE_DESCRIPTION("Garbage of debra, RCU and SRCU while a reader stalls");
MODULE_LICENSE("GPL");

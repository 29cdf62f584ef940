// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcasscale: what operations on several words and transactions cost, beside locks and
 * beside the instruction that they are made of, in the manner of refscale.
 *
 * A case is a number of threads, each on a CPU of its own as far as there are so many, on
 * words of their own ("disjoint") or all on the same ("shared"). All subjects of all cases
 * run for @ms in turn, @runs times. The subjects are in the other files. The rows go to
 * /sys/kernel/debug/kcasscale/results:
 *
 *	suite  case  subject  cpus  metric  value  unit
 *
 * "raw" is k + 1 times cmpxchg() on words that do not move: the least that an operation of k
 * words can take. What kcas() has to do later for its operations, cleaning and reuse, is
 * done by the same CPUs in the time that is measured.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/timekeeping.h>

#include "kcasscale.h"

static unsigned int runs = 5;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "how often each subject runs (1-15)");

static unsigned int ms = 100;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "for how long (1-10000)");

static unsigned int threads;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "threads of the cases with several (0: one for each CPU; up to 64)");

static char *only[16];
static unsigned int nr_only;
module_param_array(only, charp, &nr_only, 0444);
MODULE_PARM_DESC(only, "cases, such as alone,log (default: all)");

static unsigned int words[8] = { 1, 2, 4, 8 };
static unsigned int nr_words = 4;
module_param_array(words, uint, &nr_words, 0444);
MODULE_PARM_DESC(words, "words in an operation (some of 1 to 8; default: 1,2,4,8)");

static unsigned int length;
module_param(length, uint, 0444);
MODULE_PARM_DESC(length, "words of the case log (a power of 10 up to 100000; 0: all of these)");

static char *subject = "";
module_param(subject, charp, 0444);
MODULE_PARM_DESC(subject, "one subject, such as kcas_read (default: all)");

#define SCALE_MAX_RUNS		15

static const struct scale_subject *const scale_lists[] = {
	scale_bare_subjects, scale_cell_subjects, scale_log_subjects, scale_pair_subjects,
};

struct scale_case {
	const char *name;
	enum scale_kind kind;
	bool shared;
	bool timed;	/* each operation */
	bool many;	/* threads */
};

DEFINE_WW_CLASS(scale_ww_class);
struct scale_cell *scale_cells;
static atomic_t scale_ready;
static bool scale_go, scale_stop;
static struct dentry *scale_dir;

static const struct scale_case scale_cases[] = {
	{ "alone", SCALE_CELLS },
	{ "disjoint", SCALE_CELLS, .many = true },
	{ "shared", SCALE_CELLS, .many = true, .shared = true },
	{ "shared-timed", SCALE_CELLS, .many = true, .shared = true, .timed = true },
	{ "log", SCALE_LOG },
	{ "stack-alone", SCALE_STACK },
	{ "stack-shared", SCALE_STACK, .many = true, .shared = true },
	{ "queue-alone", SCALE_QUEUE },
	{ "queue-shared", SCALE_QUEUE, .many = true, .shared = true },
	{ "compare-before-alone", SCALE_COMPARE_BEFORE },
	{ "compare-before", SCALE_COMPARE_BEFORE, .many = true },
	{ "compare-after-alone", SCALE_COMPARE_AFTER },
	{ "compare-after", SCALE_COMPARE_AFTER, .many = true },
};

/**
 * struct scale_result - what came out of a subject in a case
 * @how: the case
 * @what: the subject
 * @ps: picoseconds for one operation of all threads together, in each run
 * @longest: the longest, in ns
 */
struct scale_result {
	const struct scale_case *how;
	const struct scale_subject *what;
	u64 ps[SCALE_MAX_RUNS];
	u64 longest[SCALE_MAX_RUNS];
};

static struct scale_result *scale_results;
static unsigned int scale_nr_results;

/* ---------------------------------------------------------------- threads */

struct scale_thread {
	const struct scale_subject *subject;
	const struct scale_case *how;
	struct scale_set set;
	u64 ns;		/* for how long it has run */
	struct task_struct *task;
};

static void scale_burst_timed(struct scale_thread *t)
{
	u64 before = ktime_get_mono_fast_ns(), now;
	unsigned int i;

	for (i = 0; i < SCALE_BURST; i++) {
		t->subject->op(&t->set, 1);
		now = ktime_get_mono_fast_ns();
		t->set.longest = max(t->set.longest, now - before);
		before = now;
	}
}

/*
 * A waiter for the CPU is not ours to hold up. User Mode Linux does not preempt the kernel
 * on the way out of an interrupt, and cond_resched() is nothing with PREEMPT.
 */
static void scale_breathe(void)
{
	preempt_disable();
	preempt_enable();
	cond_resched();
}

static int scale_thread_fn(void *data)
{
	struct scale_thread *t = data;
	u64 begin;

	atomic_inc(&scale_ready);
	while (!READ_ONCE(scale_go))
		scale_breathe();
	begin = ktime_get_ns();
	while (!READ_ONCE(scale_stop)) {
		if (t->how->timed)
			scale_burst_timed(t);
		else
			t->subject->op(&t->set, SCALE_BURST);
		/* Outside of operations. */
		scale_breathe();
	}
	t->ns = ktime_get_ns() - begin;
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int scale_thread_start(struct scale_thread *t, unsigned int i)
{
	t->set.cell = scale_cells + (t->how->shared ? 0 : i * SCALE_WORDS);
	t->set.thread = i;
	t->set.nr = t->subject->nr;
	t->task = kthread_create(scale_thread_fn, t, "kcasscale/%u", i);
	if (IS_ERR(t->task))
		return PTR_ERR(t->task);
	kthread_bind(t->task, i % num_online_cpus());
	get_task_struct(t->task);
	wake_up_process(t->task);
	return 0;
}

static void scale_guess(struct scale_thread *t)
{
	unsigned int i;

	for (i = 0; i < SCALE_WORDS; i++) {
		if (t->subject->written)
			kcas_set(&t->set.cell[i].word, kcas_int(1));
		t->set.guess[i] = kcas_read(&t->set.cell[i].word);
	}
}

static unsigned int scale_nr_threads(const struct scale_case *how)
{
	return how->many ? threads : 1;
}

/* The time of the run is that of the clock, whoever had the CPUs meanwhile. */
static u64 scale_measure(unsigned int nr)
{
	u64 start;

	while (atomic_read(&scale_ready) < nr)
		schedule_timeout_uninterruptible(1);
	start = ktime_get_ns();
	WRITE_ONCE(scale_go, true);
	schedule_timeout_uninterruptible(msecs_to_jiffies(ms));
	WRITE_ONCE(scale_stop, true);
	return ktime_get_ns() - start;
}

static int scale_run(struct scale_result *result, unsigned int run)
{
	unsigned int i, started = 0, nr = scale_nr_threads(result->how);
	struct scale_thread *t = kcalloc(nr, sizeof(*t), GFP_KERNEL);
	u64 ns, done = 0;
	int err = 0;

	if (!t)
		return -ENOMEM;
	/* What one subject leaves to be cleaned is not work of the next. */
	kcas_barrier();
	atomic_set(&scale_ready, 0);
	scale_go = false;
	scale_stop = false;
	for (i = 0; i < nr && !err; i++) {
		t[i].subject = result->what;
		t[i].how = result->how;
		err = scale_thread_start(&t[i], i);
		started += !err;
		if (!err)
			scale_guess(&t[i]);
	}
	ns = scale_measure(started);
	for (i = 0; i < started; i++) {
		kthread_stop(t[i].task);
		put_task_struct(t[i].task);
		/* What is under way when the time is over may take long. */
		if (nr == 1)
			ns = t->ns;
		done += t[i].set.done;
		result->longest[run] = max(result->longest[run], t[i].set.longest);
	}
	result->ps[run] = div64_u64(ns * 1000, max_t(u64, done, 1));
	kfree(t);
	return err;
}

static bool scale_is_listed(char **list, unsigned int nr, const char *name)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(list[i], name))
			return true;
	return !nr;
}

static bool scale_wanted_words(const struct scale_subject *s)
{
	unsigned int i;

	if (s->kind == SCALE_LOG)
		return !length || length == s->nr;
	for (i = 0; i < nr_words; i++)
		if (words[i] == s->nr)
			return true;
	return !s->nr;
}

static bool scale_wanted(const struct scale_case *how, const struct scale_subject *s)
{
	if (*subject && strcmp(subject, s->name))
		return false;
	return how->kind == s->kind && scale_wanted_words(s) && !(how->shared && s->alone) &&
	       scale_is_listed(only, nr_only, how->name);
}

/* Return: how many there are in the case that are wanted; each gets a place for results. */
static unsigned int scale_choose(const struct scale_case *how, struct scale_result *r)
{
	const struct scale_subject *s;
	unsigned int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(scale_lists); i++) {
		for (s = scale_lists[i]; s->name; s++) {
			if (!scale_wanted(how, s))
				continue;
			if (r) {
				r[nr].how = how;
				r[nr].what = s;
			}
			nr++;
		}
	}
	return nr;
}

static int scale_choose_all(void)
{
	struct scale_result *r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(scale_cases); i++)
		scale_nr_results += scale_choose(&scale_cases[i], NULL);
	r = kvcalloc(scale_nr_results, sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	scale_results = r;
	for (i = 0; i < ARRAY_SIZE(scale_cases); i++)
		r += scale_choose(&scale_cases[i], r);
	return 0;
}

/* The subjects in turn, so that all have the same weather. */
static int scale_run_all(void)
{
	unsigned int run, i;
	int err = 0;

	for (run = 0; run < runs; run++)
		for (i = 0; i < scale_nr_results && !err; i++)
			err = scale_run(&scale_results[i], run);
	return err;
}

/* ---------------------------------------------------------------- results */

static int scale_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void scale_row(struct seq_file *m, const struct scale_result *r, const char *metric,
		      u64 ps)
{
	seq_printf(m, "kcas\t%s", r->how->name);
	if (r->what->nr)
		seq_printf(m, "-%u", r->what->nr);
	seq_printf(m, "\t%s\t%u\t%s\t%llu.%03llu\tns\n", r->what->name, scale_nr_threads(r->how),
		   metric, div_u64(ps, 1000), ps - div_u64(ps, 1000) * 1000);
}

static void scale_rows(struct seq_file *m, const struct scale_result *r)
{
	scale_row(m, r, "min", r->ps[0]);
	scale_row(m, r, "median", r->ps[runs / 2]);
	scale_row(m, r, "max", r->ps[runs - 1]);
	if (!r->how->timed)
		return;
	scale_row(m, r, "longest-min", r->longest[0] * 1000);
	scale_row(m, r, "longest-median", r->longest[runs / 2] * 1000);
	scale_row(m, r, "longest-max", r->longest[runs - 1] * 1000);
}

static int results_show(struct seq_file *m, void *v)
{
	unsigned int i;

	seq_puts(m, "suite\tcase\tsubject\tcpus\tmetric\tvalue\tunit\n");
	for (i = 0; i < scale_nr_results; i++)
		scale_rows(m, &scale_results[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static void scale_sort(void)
{
	unsigned int i;

	for (i = 0; i < scale_nr_results; i++) {
		sort(scale_results[i].ps, runs, sizeof(u64), scale_cmp, NULL);
		sort(scale_results[i].longest, runs, sizeof(u64), scale_cmp, NULL);
	}
}

/* ---------------------------------------------------------------- the module */

static int scale_cells_init(void)
{
	unsigned int i, nr = SCALE_MAX_THREADS * SCALE_WORDS;

	scale_cells = kvcalloc(nr, sizeof(*scale_cells), GFP_KERNEL);
	if (!scale_cells)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		kcas_init(&scale_cells[i].word, kcas_int(0));
		spin_lock_init(&scale_cells[i].lock);
		ww_mutex_init(&scale_cells[i].mutex, &scale_ww_class);
	}
	return 0;
}

/* The words must not go before all that refers to them. */
static void scale_end(struct kcas_head *head)
{
	kfree(head);
}

static void scale_cells_exit(void)
{
	kvfree(scale_cells);
}

static void scale_settle(void)
{
	struct kcas_head *head = kmalloc(sizeof(*head), GFP_KERNEL | __GFP_NOFAIL);

	kcas_retire(head, scale_end);
	kcas_barrier();
}

static int scale_prepare(void)
{
	int err = scale_cells_init();

	if (err)
		return err;
	err = scale_bare_init();
	if (err)
		goto err_bare;
	err = scale_log_init();
	if (err)
		goto err_log;
	err = scale_pairs_init();
	if (err)
		goto err_pairs;
	err = scale_choose_all();
	if (err)
		goto err_choose;
	return 0;
err_choose:
	scale_pairs_exit();
err_pairs:
	scale_log_exit();
err_log:
	scale_bare_exit();
err_bare:
	scale_cells_exit();
	return err;
}

static void scale_finish(void)
{
	scale_settle();
	kvfree(scale_results);
	scale_pairs_exit();
	scale_log_exit();
	scale_bare_exit();
	scale_cells_exit();
}

static int __init scale_init(void)
{
	int err;

	threads = threads ?: num_online_cpus();
	if (!runs || runs > SCALE_MAX_RUNS || !ms || ms > 10000 || threads > SCALE_MAX_THREADS) {
		pr_err("kcasscale: runs is 1 to %d, ms 1 to 10000, threads up to %d\n",
		       SCALE_MAX_RUNS, SCALE_MAX_THREADS);
		return -EINVAL;
	}
	err = scale_prepare();
	if (err)
		return err;
	err = scale_run_all();
	if (err) {
		scale_finish();
		return err;
	}
	scale_sort();
	scale_dir = debugfs_create_dir("kcasscale", NULL);
	debugfs_create_file("results", 0444, scale_dir, NULL, &results_fops);
	return 0;
}
module_init(scale_init);

static void __exit scale_exit(void)
{
	debugfs_remove_recursive(scale_dir);
	scale_finish();
}
module_exit(scale_exit);

MODULE_DESCRIPTION("Costs of kcas beside those of locks");
MODULE_LICENSE("GPL");

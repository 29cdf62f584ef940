// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcasscale: what operations on several words cost, beside locks and beside the
 * instruction that they are made of, in the manner of refscale.
 *
 * A case is a number of threads, each on a CPU of its own as far as there are so many, on
 * words of their own ("disjoint") or all on the same ("shared"). All subjects of all cases
 * run for @ms in turn, @runs times. An operation adds one to each of k words. The rows go to
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
#include <linux/kcas.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/ww_mutex.h>

static unsigned int runs = 5;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "how often each subject runs (1-15)");

static unsigned int ms = 100;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "for how long (1-10000)");

static unsigned int threads;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "threads of the cases with several (0: one for each CPU; up to 64)");

static char *only = "";
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "one case: alone, disjoint, shared or shared-timed (default: all)");

static unsigned int words[8] = { 1, 2, 4, 8 };
static unsigned int nr_words = 4;
module_param_array(words, uint, &nr_words, 0444);
MODULE_PARM_DESC(words, "words in an operation (some of 1 to 8; default: 1,2,4,8)");

static char *subject = "";
module_param(subject, charp, 0444);
MODULE_PARM_DESC(subject, "one subject, such as kcas_read (default: all)");

#define SCALE_MAX_RUNS		15
#define SCALE_MAX_THREADS	64
#define SCALE_WORDS		8
#define SCALE_BURST		32

/* An array of just as many, with an initializer, is not filled with zeroes before. */
#if __has_attribute(__uninitialized__)
#define SCALE_UNINITIALIZED	__attribute__((__uninitialized__))
#else
#define SCALE_UNINITIALIZED
#endif

static DEFINE_WW_CLASS(scale_ww_class);

/* What takes part in operations, each with all that one of the subjects needs. */
struct scale_cell {
	struct kcas_word word;
	unsigned long value;
	spinlock_t lock;	/* of @value */
	struct ww_mutex mutex;
} ____cacheline_aligned;

/**
 * struct scale_set - words, and what one thread knows of them
 * @cell: the words
 * @guess: what they held when it last looked
 * @status: for raw operations
 * @nr: how many words are in an operation
 * @done: operations that succeeded
 * @tried: all of them
 * @longest: how long one took at most, in ns
 */
struct scale_set {
	struct scale_cell *cell;
	unsigned long guess[SCALE_WORDS];
	unsigned long status;
	unsigned int nr;
	unsigned long done;
	unsigned long tried;
	u64 longest;
};

struct scale_subject {
	const char *name;
	unsigned int nr;
	bool (*op)(struct scale_set *s, unsigned int nr);
	bool alone;	/* it makes no sense with shared words */
	bool written;	/* by an operation not long ago; else the words are at rest */
};

struct scale_case {
	const char *name;
	bool shared;
	bool timed;	/* each operation */
	bool many;	/* threads */
};

static struct scale_cell *scale_cells;
static spinlock_t scale_lock;	/* of all values */
static atomic_t scale_ready;
static bool scale_go, scale_stop;
static struct dentry *scale_dir;

/* ---------------------------------------------------------------- operations */

static __always_inline bool scale_raw(struct scale_set *s, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long value = READ_ONCE(s->cell[i].value);

		cmpxchg(&s->cell[i].value, value, value + 1);
	}
	cmpxchg(&s->status, s->status, s->status + 1);
	return true;
}

static __always_inline bool scale_kcas(struct scale_set *s, unsigned int nr)
{
	struct kcas_op op[SCALE_WORDS] SCALE_UNINITIALIZED;
	unsigned int i;
	bool done;

	for (i = 0; i < nr; i++) {
		op[i].word = &s->cell[i].word;
		op[i].old = s->guess[i];
		op[i].new = s->guess[i] + kcas_int(1);
	}
	done = kcas(op, nr) == 1;
	for (i = 0; i < nr; i++)
		s->guess[i] = done ? op[i].new : kcas_read(op[i].word);
	return done;
}

static __always_inline bool scale_compare(struct scale_set *s, unsigned int nr)
{
	struct kcas_op op[SCALE_WORDS] SCALE_UNINITIALIZED;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		op[i].word = &s->cell[i].word;
		op[i].old = kcas_read(op[i].word);
		op[i].new = op[i].old;
	}
	return kcas(op, nr) == 1;
}

static __always_inline bool scale_cas(struct scale_set *s, unsigned int nr)
{
	unsigned long new = s->guess[0] + kcas_int(1);
	bool done = kcas_cas(&s->cell->word, s->guess[0], new) == 1;

	s->guess[0] = done ? new : kcas_read(&s->cell->word);
	return done;
}

static __always_inline bool scale_add(struct scale_set *s, unsigned int nr)
{
	return !kcas_add(&s->cell->word, 1, NULL);
}

static __always_inline bool scale_read(struct scale_set *s, unsigned int nr)
{
	s->status += kcas_read(&s->cell->word);
	return true;
}

static __always_inline bool scale_one_lock(struct scale_set *s, unsigned int nr)
{
	unsigned int i;

	spin_lock(&scale_lock);
	for (i = 0; i < nr; i++)
		s->cell[i].value++;
	spin_unlock(&scale_lock);
	return true;
}

static __always_inline bool scale_locks(struct scale_set *s, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		spin_lock_nested(&s->cell[i].lock, i);
	for (i = 0; i < nr; i++)
		s->cell[i].value++;
	while (i--)
		spin_unlock(&s->cell[i].lock);
	return true;
}

/* In order, so that none has to back off. */
static __always_inline bool scale_ww(struct scale_set *s, unsigned int nr)
{
	struct ww_acquire_ctx ctx;
	unsigned int i, locked = 0;
	bool done;

	ww_acquire_init(&ctx, &scale_ww_class);
	while (locked < nr && !ww_mutex_lock(&s->cell[locked].mutex, &ctx))
		locked++;
	done = locked == nr;
	for (i = 0; done && i < nr; i++)
		s->cell[i].value++;
	while (locked--)
		ww_mutex_unlock(&s->cell[locked].mutex);
	ww_acquire_fini(&ctx);
	return done;
}

/* Copies for each k, as in code that knows it. */
#define SCALE_OP(name, k)						\
static noinline bool name##_##k(struct scale_set *s, unsigned int nr)	\
{									\
	unsigned int i, done = 0;					\
									\
	for (i = 0; i < nr; i++)					\
		done += name(s, k);					\
	s->done += done;						\
	return done;							\
}

#define SCALE_OPS(name)	\
	SCALE_OP(name, 1) SCALE_OP(name, 2) SCALE_OP(name, 3) SCALE_OP(name, 4)	\
	SCALE_OP(name, 5) SCALE_OP(name, 6) SCALE_OP(name, 7) SCALE_OP(name, 8)

SCALE_OPS(scale_raw)
SCALE_OPS(scale_kcas)
SCALE_OPS(scale_compare)
SCALE_OPS(scale_one_lock)
SCALE_OPS(scale_locks)
SCALE_OPS(scale_ww)
SCALE_OP(scale_cas, 1)
SCALE_OP(scale_add, 1)
SCALE_OP(scale_read, 1)

#define SCALE_SUBJECTS(name, op, alone)					\
	{ name, 1, op##_1, alone }, { name, 2, op##_2, alone },		\
	{ name, 3, op##_3, alone }, { name, 4, op##_4, alone },		\
	{ name, 5, op##_5, alone }, { name, 6, op##_6, alone },		\
	{ name, 7, op##_7, alone }, { name, 8, op##_8, alone }

static const struct scale_subject scale_subjects[] = {
	SCALE_SUBJECTS("raw", scale_raw, true),
	{ "kcas_cas", 1, scale_cas_1 }, { "kcas_add", 1, scale_add_1 },
	SCALE_SUBJECTS("kcas", scale_kcas, false),
	SCALE_SUBJECTS("spinlock", scale_one_lock, false),
	SCALE_SUBJECTS("spinlocks", scale_locks, false),
	SCALE_SUBJECTS("ww_mutex", scale_ww, false),
	SCALE_SUBJECTS("compare", scale_compare, true),
	{ "kcas_read", 1, scale_read_1, true },
	{ "kcas_read-new", 1, scale_read_1, true, true },
};

static const struct scale_case scale_cases[] = {
	{ "alone" },
	{ "disjoint", .many = true },
	{ "shared", .many = true, .shared = true },
	{ "shared-timed", .many = true, .shared = true, .timed = true },
};

#define SCALE_NR_SUBJECTS	ARRAY_SIZE(scale_subjects)
#define SCALE_NR_CASES		ARRAY_SIZE(scale_cases)

/* What came out: picoseconds for one operation of all threads together, and the longest. */
static struct scale_result {
	u64 ps[SCALE_MAX_RUNS];
	u64 longest[SCALE_MAX_RUNS];
} scale_results[SCALE_NR_CASES][SCALE_NR_SUBJECTS];

/* ---------------------------------------------------------------- threads */

struct scale_thread {
	const struct scale_subject *subject;
	const struct scale_case *how;
	struct scale_set set;
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

	atomic_inc(&scale_ready);
	while (!READ_ONCE(scale_go))
		scale_breathe();
	while (!READ_ONCE(scale_stop)) {
		if (t->how->timed)
			scale_burst_timed(t);
		else
			t->subject->op(&t->set, SCALE_BURST);
		/* Outside of operations. */
		scale_breathe();
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int scale_thread_start(struct scale_thread *t, unsigned int i)
{
	t->set.cell = scale_cells + (t->how->shared ? 0 : i * SCALE_WORDS);
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

static int scale_run(const struct scale_case *how, const struct scale_subject *what,
		     struct scale_result *result, unsigned int run)
{
	unsigned int i, started = 0, nr = scale_nr_threads(how);
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
		t[i].subject = what;
		t[i].how = how;
		err = scale_thread_start(&t[i], i);
		started += !err;
		if (!err)
			scale_guess(&t[i]);
	}
	ns = scale_measure(started);
	for (i = 0; i < started; i++) {
		kthread_stop(t[i].task);
		put_task_struct(t[i].task);
		done += t[i].set.done;
		result->longest[run] = max(result->longest[run], t[i].set.longest);
	}
	result->ps[run] = div64_u64(ns * 1000, max_t(u64, done, 1));
	kfree(t);
	return err;
}

static bool scale_wanted_words(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr_words; i++)
		if (words[i] == nr)
			return true;
	return false;
}

static bool scale_wanted(const struct scale_case *how, const struct scale_subject *s)
{
	if (!scale_wanted_words(s->nr))
		return false;
	if ((*only && strcmp(only, how->name)) || (*subject && strcmp(subject, s->name)))
		return false;
	return !how->shared || !s->alone;
}

/* The subjects in turn, so that all have the same weather. */
static int scale_run_all(void)
{
	unsigned int run, c, s;
	int err = 0;

	for (run = 0; run < runs; run++)
		for (c = 0; c < SCALE_NR_CASES; c++)
			for (s = 0; s < SCALE_NR_SUBJECTS && !err; s++)
				if (scale_wanted(&scale_cases[c], &scale_subjects[s]))
					err = scale_run(&scale_cases[c], &scale_subjects[s],
							&scale_results[c][s], run);
	return err;
}

/* ---------------------------------------------------------------- results */

static int scale_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void scale_row(struct seq_file *m, unsigned int c, unsigned int s, const char *metric,
		      u64 ps)
{
	seq_printf(m, "kcas\t%s-%u\t%s\t%u\t%s\t%llu.%03llu\tns\n", scale_cases[c].name,
		   scale_subjects[s].nr, scale_subjects[s].name, scale_nr_threads(&scale_cases[c]),
		   metric, div_u64(ps, 1000), ps - div_u64(ps, 1000) * 1000);
}

static void scale_rows(struct seq_file *m, unsigned int c, unsigned int s)
{
	struct scale_result *r = &scale_results[c][s];

	if (!r->ps[0])
		return;
	scale_row(m, c, s, "min", r->ps[0]);
	scale_row(m, c, s, "median", r->ps[runs / 2]);
	scale_row(m, c, s, "max", r->ps[runs - 1]);
	if (!scale_cases[c].timed)
		return;
	scale_row(m, c, s, "longest-min", r->longest[0] * 1000);
	scale_row(m, c, s, "longest-median", r->longest[runs / 2] * 1000);
	scale_row(m, c, s, "longest-max", r->longest[runs - 1] * 1000);
}

static int results_show(struct seq_file *m, void *v)
{
	unsigned int c, s;

	seq_puts(m, "suite\tcase\tsubject\tcpus\tmetric\tvalue\tunit\n");
	for (c = 0; c < SCALE_NR_CASES; c++)
		for (s = 0; s < SCALE_NR_SUBJECTS; s++)
			scale_rows(m, c, s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static void scale_sort(void)
{
	unsigned int c, s;

	for (c = 0; c < SCALE_NR_CASES; c++) {
		for (s = 0; s < SCALE_NR_SUBJECTS; s++) {
			sort(scale_results[c][s].ps, runs, sizeof(u64), scale_cmp, NULL);
			sort(scale_results[c][s].longest, runs, sizeof(u64), scale_cmp, NULL);
		}
	}
}

/* ---------------------------------------------------------------- the module */

static int scale_cells_init(void)
{
	unsigned int i, nr = SCALE_MAX_THREADS * SCALE_WORDS;

	scale_cells = kvcalloc(nr, sizeof(*scale_cells), GFP_KERNEL);
	if (!scale_cells)
		return -ENOMEM;
	spin_lock_init(&scale_lock);
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
	struct kcas_head *head = kmalloc(sizeof(*head), GFP_KERNEL | __GFP_NOFAIL);

	kcas_retire(head, scale_end);
	kcas_barrier();
	kvfree(scale_cells);
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
	err = scale_cells_init();
	if (err)
		return err;
	err = scale_run_all();
	if (err) {
		scale_cells_exit();
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
	scale_cells_exit();
}
module_exit(scale_exit);

MODULE_DESCRIPTION("Costs of kcas beside those of locks");
MODULE_LICENSE("GPL");

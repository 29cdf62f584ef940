// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas_history: what concurrent operations on a few words were told.
 *
 * In each round some threads, and interrupts on top of them, run a few random operations on
 * the same words, all at once. Of each operation it is recorded when it was called and when
 * it came back, on a clock that all share, with its arguments and its result. Whether all of it
 * can be explained by some order of the operations, one after the other, is for
 * lincheck.py to find out, from /sys/kernel/debug/kcas_history/histories:
 *
 *	kcas-history 1			first line: this format
 *	# ...				anything; an empty line as well
 *	round 7 new 0 1 2		a round, and the value of each of its words at first;
 *					"new": other words than before; "kept": the same
 *	0 12 15 kcas 0:0>1 2:2>2 = 1	thread, called, back, operation, arguments = result
 *	0 16 18 cas 1:1>0 = 0		word:old>new; 1: done, 0: not done
 *	2 14 21 tx 1:2>2 0:1>0 = 1	a transaction: what it has read and written
 *	1 11 13 xchg 1 2 = 1		word, new = value before
 *	1 14 17 set 0 2 = 0		word, new = 0
 *	1 19 24 add 0 -1 = 1		word, delta = sum
 *	5 20 21 read 2 = 2		word = value
 *	9 22 23 set 0 2 = error -12	not done, for want of memory
 *	end 1 2 2			the values when all are back
 *
 * A transaction that has ended with an error of its own has read what it says, and written
 * nothing.
 *
 * Words count from 0, values are integers. Times are all different, and what is back before
 * another is called has the smaller one. With threads from 0 to 3, those from 4 to 7 are
 * softirqs on top of them, and those from 8 to 11 hard interrupts.
 *
 * Words are in every form when a round begins: with values, since they are new or have been
 * cleaned, with references to operations of rounds before, or about to be cleaned while it
 * runs. With CONFIG_DEBRA_DEBUG operations are held up at the pause points, in each round
 * mostly at some of them, and interrupted there.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kcas.h>
#include <linux/kcas-test.h>
#include <linux/kcas-tx.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#undef pr_fmt
#define pr_fmt(fmt) "kcas_history: " fmt

#define HISTORY_MAX_THREADS	8
#define HISTORY_MAX_OPS		16
#define HISTORY_MAX_WORDS	4
#define HISTORY_MAX_ROUNDS	1000000
#define HISTORY_MAX_DELAY	1000
#define HISTORY_MAX_SECONDS	86400
#define HISTORY_SPIN_US		50	/* for so long threads that wait for the others spin */
#define HISTORY_VALUES		3	/* at most, that are written; sums may be others */
#define HISTORY_HALT_NS		(300 * NSEC_PER_USEC)	/* at most */

static unsigned int rounds = 1000;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how many histories at most (1-1000000)");

static unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "after which no more are begun (0: all rounds; up to 86400)");

static unsigned int threads = 4;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "threads, on as many CPUs as there are (1-8)");

static unsigned int ops = 10;
module_param(ops, uint, 0444);
MODULE_PARM_DESC(ops, "operations of a thread in a round (1-16)");

static unsigned int words = 3;
module_param(words, uint, 0444);
MODULE_PARM_DESC(words, "words that all of them share (1-4)");

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the choice of operations (0: another one each time)");

static unsigned int delay = 20;
module_param(delay, uint, 0444);
MODULE_PARM_DESC(delay, "microseconds for which an operation is held up at most (0-1000)");

enum history_kind {
	HISTORY_KCAS,
	HISTORY_COMPARE,	/* kcas() that only compares */
	HISTORY_TX,
	HISTORY_CAS,
	HISTORY_XCHG,
	HISTORY_SET,
	HISTORY_ADD,
	HISTORY_READ,
	HISTORY_NR_KINDS
};

static const char * const history_names[] = {
	[HISTORY_KCAS] = "kcas",
	[HISTORY_COMPARE] = "kcas",
	[HISTORY_TX] = "tx",
	[HISTORY_CAS] = "cas",
	[HISTORY_XCHG] = "xchg",
	[HISTORY_SET] = "set",
	[HISTORY_ADD] = "add",
	[HISTORY_READ] = "read",
};

enum history_context {
	HISTORY_TASK,
	HISTORY_SOFTIRQ,
	HISTORY_HARDIRQ,
	HISTORY_NR_CONTEXTS
};

/* What somebody does in a round: how often each kind. In some rounds all do the same. */
#define HISTORY_COMMON_MIXES	3
static const u8 history_mixes[][HISTORY_NR_KINDS] = {
	/* kcas, compare, tx, cas, xchg, set, add, read */
	{ 4, 2, 3, 1, 1, 1, 1, 2 },
	{ 1, 0, 0, 0, 0, 0, 0, 0 },
	{ 0, 0, 1, 0, 0, 0, 0, 0 },
	{ 1, 4, 0, 0, 0, 0, 0, 2 },
	{ 1, 0, 0, 1, 2, 3, 2, 1 },
	{ 1, 0, 6, 0, 1, 1, 1, 1 },
};

/**
 * struct history_op - an operation
 * @begin: time before the call
 * @end: time after it
 * @kind: enum history_kind
 * @nr: how many words
 * @word: which
 * @old: their old values, where the operation has such
 * @new: their new ones; what to add
 * @err: an error, or 0
 * @result: what else was answered
 */
struct history_op {
	u32 begin;
	u32 end;
	u8 kind;
	u8 nr;
	u8 word[HISTORY_MAX_WORDS];
	int old[HISTORY_MAX_WORDS];
	int new[HISTORY_MAX_WORDS];
	int err;
	int result;
};

/**
 * struct history_round - a round
 * @fresh: the words are not those of the round before
 * @threads: how many take part. Who wakes so late that the next round is being prepared must not
 *	take that one's number for it.
 * @first: values at its beginning
 * @last: values at its end
 * @nr: how many operations each actor has done
 */
struct history_round {
	bool fresh;
	unsigned int threads;
	int first[HISTORY_MAX_WORDS];
	int last[HISTORY_MAX_WORDS];
	u8 nr[HISTORY_NR_CONTEXTS * HISTORY_MAX_THREADS];
};

/**
 * struct history_actor - who does operations: a thread, or interrupts of a kind on top of it
 * @id: its number
 * @rnd: what it does next
 * @mix: how often which kind, in this round
 */
struct history_actor {
	unsigned int id;
	struct rnd_state rnd;
	const u8 *mix;
};

/**
 * struct history_thread - a thread
 * @task: it
 * @actor: itself, and interrupts on top of it
 * @soft: one of these
 * @hard: another
 * @wake: ends a halt
 */
struct history_thread {
	struct task_struct *task;
	struct history_actor actor[HISTORY_NR_CONTEXTS];
	struct tasklet_struct soft;
	struct irq_work hard;
	struct hrtimer wake;
};

/* The words: an object that is replaced now and then. */
struct history_words {
	struct kcas_head head;
	struct kcas_word word[HISTORY_MAX_WORDS];
};

static struct history_thread history_threads[HISTORY_MAX_THREADS];
static struct history_round *history_rounds;
static struct history_op *history_ops;
static struct history_words *history_words;
static struct task_struct *history_flusher;
static struct dentry *history_dir;
static struct rnd_state history_rnd;	/* of who starts the rounds */

static unsigned int history_round;	/* which one is running or was last, from 1 */
static unsigned int history_flushes;	/* how many have been asked for */
static DECLARE_WAIT_QUEUE_HEAD(history_wait);
static DECLARE_COMPLETION(history_done);
/* In this round */
static unsigned int history_nr_words;
static u32 history_nr_values;
static unsigned int history_mix;	/* of all of them, if there is one */
static int history_seen[HISTORY_MAX_WORDS];	/* what the words held not long ago */
static atomic_t history_ready;
static atomic_t history_busy;
static atomic_t history_clock;

static u32 history_below(struct rnd_state *rnd, u32 below)
{
	return prandom_u32_state(rnd) % below;
}

#ifdef CONFIG_DEBRA_DEBUG
static u32 history_focus;	/* the points at which most are held up, a bit for each */
static DEFINE_PER_CPU(struct history_thread *, history_here);	/* who runs there */
static DEFINE_PER_CPU(struct rnd_state, history_pause_rnd);

static void history_interrupt(void)
{
	struct history_thread *t = this_cpu_read(history_here);

	if (t)
		irq_work_queue(&t->hard);
}

static void history_here_set(struct history_thread *t)
{
	this_cpu_write(history_here, t);
}

/*
 * In a virtual machine with more CPUs than there really are, spinning keeps those from
 * running for whom we wait. One that halts lets them have its real CPU.
 */
#ifdef CONFIG_X86
static bool history_may_halt(void)
{
	return boot_cpu_has(X86_FEATURE_HYPERVISOR) && in_task() && !irqs_disabled() &&
	       this_cpu_read(history_here);
}

/* Any interrupt ends it, the tick at the latest. */
static void history_halt(u32 ns)
{
	hrtimer_start(&this_cpu_read(history_here)->wake, ns_to_ktime(ns),
		      HRTIMER_MODE_REL_PINNED_HARD);
	asm volatile("hlt" : : : "memory");
}
#else
static bool history_may_halt(void)
{
	return false;
}

static void history_halt(u32 ns) { }
#endif

/* Whoever interrupts us here may use the same random numbers, which is as good. */
static void history_pause(enum kcas_pause where, const struct kcas_word *word)
{
	bool focus = READ_ONCE(history_focus) & BIT(where);
	struct rnd_state *rnd = raw_cpu_ptr(&history_pause_rnd);

	if (history_below(rnd, 16) >= (focus ? 8 : 1))
		return;
	/* In no pin, and we need not be on the CPU of one of our threads until the end. */
	if (preemptible()) {
		usleep_range(10, 300);
		return;
	}
	if (!history_below(rnd, 8))
		history_interrupt();
	if (history_below(rnd, 4) && history_may_halt())
		history_halt(history_below(rnd, HISTORY_HALT_NS));
	else
		udelay(history_below(rnd, delay + 1));
}

static void history_pauses_begin(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		prandom_seed_state(&per_cpu(history_pause_rnd, cpu), seed - 1 - cpu);
	if (delay)
		WRITE_ONCE(kcas_pause_hook, history_pause);
}

static void history_pauses_choose(void)
{
	/* About a quarter of all. */
	WRITE_ONCE(history_focus, prandom_u32_state(&history_rnd) &
		   prandom_u32_state(&history_rnd));
}

/* Operations have ended; cleaning has not, and the hook may be in use there. */
static void history_pauses_end(void)
{
	if (!delay)
		return;
	WRITE_ONCE(kcas_pause_hook, NULL);
	debra_barrier(&kcas_domain);
}
#else
static void history_here_set(struct history_thread *t) { }
static void history_pauses_begin(void) { }
static void history_pauses_choose(void) { }
static void history_pauses_end(void) { }
#endif

static struct history_op *history_ops_of(unsigned int round, unsigned int actor)
{
	return &history_ops[((size_t)round * HISTORY_NR_CONTEXTS * threads + actor) * ops];
}

static enum history_kind history_choose_kind(struct history_actor *a)
{
	unsigned int i, sum = 0, at;

	for (i = 0; i < HISTORY_NR_KINDS; i++)
		sum += a->mix[i];
	at = history_below(&a->rnd, sum);
	for (i = 0; at >= a->mix[i]; i++)
		at -= a->mix[i];
	return i;
}

/* Different words, in any order. */
static void history_choose_words(struct history_actor *a, struct history_op *op)
{
	unsigned int i, other;

	for (i = 0; i < history_nr_words; i++)
		op->word[i] = i;
	for (i = history_nr_words - 1; i; i--) {
		other = history_below(&a->rnd, i + 1);
		swap(op->word[i], op->word[other]);
	}
}

/* The old value: probably it is there. */
static int history_choose_old(struct history_actor *a, unsigned int word)
{
	if (!history_below(&a->rnd, 8))
		return history_below(&a->rnd, history_nr_values);
	return READ_ONCE(history_seen[word]);
}

static int history_choose_new(struct history_actor *a, int old)
{
	int new = history_below(&a->rnd, history_nr_values);

	return new == old ? (new + 1) % history_nr_values : new;
}

static void history_choose_values(struct history_actor *a, struct history_op *op)
{
	bool compare = op->kind == HISTORY_COMPARE;
	unsigned int i;

	for (i = 0; i < op->nr; i++) {
		op->old[i] = history_choose_old(a, op->word[i]);
		op->new[i] = op->old[i];
		/* Of a transaction: what it writes, not what it reads. */
		if (!compare && history_below(&a->rnd, 8) < 5)
			op->new[i] = history_choose_new(a, op->old[i]);
	}
	if (op->kind == HISTORY_ADD)
		op->new[0] = (int)history_below(&a->rnd, 3) - 1;
}

static void history_choose(struct history_actor *a, struct history_op *op)
{
	op->kind = history_choose_kind(a);
	op->nr = 1;
	if (op->kind <= HISTORY_TX)
		op->nr = min(history_nr_words, 1 + history_below(&a->rnd, history_nr_words + 1));
	history_choose_words(a, op);
	history_choose_values(a, op);
}

/* Full barriers: the times are in the order of what happens. */
static u32 history_now(void)
{
	return atomic_inc_return(&history_clock);
}

static int history_kcas(struct history_op *op)
{
	struct kcas_op k[HISTORY_MAX_WORDS];
	unsigned int i;
	int ret;

	for (i = 0; i < op->nr; i++) {
		k[i].word = &history_words->word[op->word[i]];
		k[i].old = kcas_int(op->old[i]);
		k[i].new = kcas_int(op->new[i]);
	}
	op->begin = history_now();
	ret = kcas(k, op->nr);
	op->end = history_now();
	return ret;
}

static void history_kcas_or_cas(struct history_op *op)
{
	struct kcas_word *word = &history_words->word[op->word[0]];
	int ret;

	if (op->kind == HISTORY_CAS) {
		op->begin = history_now();
		ret = kcas_cas(word, kcas_int(op->old[0]), kcas_int(op->new[0]));
		op->end = history_now();
	} else {
		ret = history_kcas(op);
	}
	op->err = min(ret, 0);
	op->result = ret;
}

/**
 * struct history_tx - a transaction
 * @op: what it is recorded as
 * @want: what it writes
 * @writes: to which words, a bit for each
 * @err: how it ends
 */
struct history_tx {
	struct history_op *op;
	int want[HISTORY_MAX_WORDS];
	unsigned long writes;
	int err;
};

static int history_tx_body(struct kcas_tx *tx, void *arg)
{
	struct history_tx *t = arg;
	struct history_op *op = t->op;
	struct kcas_word *word;
	unsigned int i;
	long value;
	int err = 0;

	for (i = 0; i < op->nr && !err; i++) {
		word = &history_words->word[op->word[i]];
		err = kcas_tx_get_int(tx, word, &value);
		op->old[i] = value;
		op->new[i] = value;
		if (err || !(t->writes & BIT(i)))
			continue;
		op->new[i] = t->want[i];
		err = kcas_tx_set_int(tx, word, t->want[i]);
	}
	return err ?: t->err;
}

static unsigned int history_tx_flags(struct history_actor *a)
{
	static const unsigned int flags[] = {
		KCAS_TX_NOWAIT, KCAS_TX_NOWAIT | KCAS_TX_PINNED, KCAS_TX_NOWAIT | KCAS_TX_RELAXED,
		0, KCAS_TX_SLEEPABLE, KCAS_TX_RELAXED | KCAS_TX_SLEEPABLE, KCAS_TX_PINNED,
	};

	return flags[history_below(&a->rnd, in_task() ? ARRAY_SIZE(flags) : 3)];
}

/* What was read is told by the operation's old values: it is as a kcas() that has succeeded. */
static void history_tx(struct history_actor *a, struct history_op *op)
{
	struct kcas_tx_opts opts = { .flags = history_tx_flags(a), .patience = 4 };
	struct history_tx t = { .op = op };
	unsigned int i;
	int err;

	for (i = 0; i < op->nr; i++) {
		t.want[i] = op->new[i];
		t.writes |= op->new[i] != op->old[i] ? BIT(i) : 0;
	}
	t.err = history_below(&a->rnd, 8) ? 0 : -ECANCELED;
	op->begin = history_now();
	err = kcas_tx_run(history_tx_body, &t, &opts);
	op->end = history_now();
	if (err == -ECANCELED && t.err)
		memcpy(op->new, op->old, sizeof(op->new));
	else
		op->err = err;
	op->result = !op->err;
}

/* The others, which have one word and do not fail. */
static void history_single(struct history_op *op)
{
	struct kcas_word *word = &history_words->word[op->word[0]];
	unsigned long old = 0;
	long sum = 0;

	op->begin = history_now();
	switch (op->kind) {
	case HISTORY_XCHG:
		op->err = kcas_xchg(word, kcas_int(op->new[0]), &old);
		break;
	case HISTORY_SET:
		op->err = kcas_set(word, kcas_int(op->new[0]));
		break;
	case HISTORY_ADD:
		op->err = kcas_add(word, op->new[0], &sum);
		break;
	default:
		old = kcas_read(word);
		break;
	}
	op->end = history_now();
	op->result = op->kind == HISTORY_ADD ? sum : kcas_to_int(old);
}

/* For those who come next. After a failure it may be anything. */
static void history_learn(const struct history_op *op)
{
	unsigned int i;

	if (op->kind == HISTORY_ADD || op->kind == HISTORY_READ)
		WRITE_ONCE(history_seen[op->word[0]], op->result);
	else if (op->kind == HISTORY_XCHG || op->kind == HISTORY_SET || op->result)
		for (i = 0; i < op->nr; i++)
			WRITE_ONCE(history_seen[op->word[i]], op->new[i]);
}

static void history_act(struct history_actor *a, unsigned int nr)
{
	struct history_round *r = &history_rounds[history_round - 1];
	struct history_op *op = history_ops_of(history_round - 1, a->id) + r->nr[a->id];

	for (; nr && r->nr[a->id] < ops; nr--, op++, r->nr[a->id]++) {
		history_choose(a, op);
		if (op->kind == HISTORY_TX)
			history_tx(a, op);
		else if (op->kind <= HISTORY_CAS)
			history_kcas_or_cas(op);
		else
			history_single(op);
		history_learn(op);
	}
}

static void history_soft_fn(struct tasklet_struct *soft)
{
	struct history_thread *t = container_of(soft, struct history_thread, soft);

	history_act(&t->actor[HISTORY_SOFTIRQ], 1);
}

/* Now and then a softirq follows. */
static void history_hard_fn(struct irq_work *hard)
{
	struct history_thread *t = container_of(hard, struct history_thread, hard);
	struct history_actor *a = &t->actor[HISTORY_HARDIRQ];

	if (history_below(&a->rnd, 2))
		tasklet_hi_schedule(&t->soft);
	history_act(a, 1);
}

static enum hrtimer_restart history_wake_fn(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

static void history_wake_init(struct hrtimer *timer)
{
#ifdef HISTORY_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, history_wake_fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer->function = history_wake_fn;
#endif
}

static void history_actor_begin(struct history_actor *a)
{
	unsigned int mix = history_mix;

	if (mix >= HISTORY_COMMON_MIXES)
		mix = history_below(&a->rnd, ARRAY_SIZE(history_mixes));
	a->mix = history_mixes[mix];
}

/* All at once: who is there waits for the others. */
static void history_meet(unsigned int nr)
{
	ktime_t end = ktime_add_us(ktime_get(), HISTORY_SPIN_US);

	atomic_inc(&history_ready);
	while (atomic_read(&history_ready) < nr) {
		if (ktime_before(ktime_get(), end))
			cpu_relax();
		else
			usleep_range(20, 50);
	}
}

static void history_thread_round(struct history_thread *t, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < HISTORY_NR_CONTEXTS; i++)
		history_actor_begin(&t->actor[i]);
	history_meet(nr);
	history_here_set(t);
	history_act(&t->actor[HISTORY_TASK], ops);
	history_here_set(NULL);
	hrtimer_cancel(&t->wake);
	irq_work_sync(&t->hard);
	/* Those that have been scheduled run, and then there are no more. */
	tasklet_kill(&t->soft);
	if (atomic_dec_and_test(&history_busy))
		complete(&history_done);
}

static int history_thread_fn(void *arg)
{
	struct history_thread *t = arg;
	unsigned int nr, last = 0;

	for (;;) {
		wait_event_idle(history_wait, READ_ONCE(history_round) != last ||
				kthread_should_stop());
		if (kthread_should_stop())
			return 0;
		/* Acquire: the round was prepared before; pairs with its release. */
		last = smp_load_acquire(&history_round);
		nr = history_rounds[last - 1].threads;
		if (t->actor[HISTORY_TASK].id < nr)
			history_thread_round(t, nr);
	}
}

static void history_words_free(struct kcas_head *head)
{
	kfree(container_of(head, struct history_words, head));
}

/* Nothing refers to these words any more when they are freed. */
static void history_words_retire(struct history_words *w)
{
	if (w)
		kcas_retire(&w->head, history_words_free);
}

/* Have all words cleaned, whoever they belong to: that is what retiring an object takes. */
static void history_flush(void)
{
	history_words_retire(kzalloc(sizeof(struct history_words), GFP_KERNEL));
	kcas_barrier();
}

static int history_flusher_fn(void *unused)
{
	unsigned int last = 0;

	for (;;) {
		wait_event_idle(history_wait, READ_ONCE(history_flushes) != last ||
				kthread_should_stop());
		if (kthread_should_stop())
			return 0;
		last = READ_ONCE(history_flushes);
		history_flush();
	}
}

static int history_words_renew(void)
{
	struct history_words *w = kzalloc(sizeof(*w), GFP_KERNEL);
	unsigned int i;

	if (!w)
		return -ENOMEM;
	for (i = 0; i < words; i++)
		kcas_init(&w->word[i], kcas_int(history_below(&history_rnd, HISTORY_VALUES)));
	history_words_retire(history_words);
	history_words = w;
	return 0;
}

/* The state of the words in which a round begins. */
static int history_prepare(struct history_round *r)
{
	unsigned int choice = history_below(&history_rnd, 32);

	r->fresh = !history_words || choice < 2;
	if (r->fresh && history_words_renew())
		return -ENOMEM;
	if (choice >= 2 && choice < 4)
		history_flush();
	if (choice >= 4 && choice < 12)
		WRITE_ONCE(history_flushes, history_flushes + 1);
	return 0;
}

static void history_choose_round(struct history_round *r)
{
	r->threads = min(threads, 2 + history_below(&history_rnd, threads));
	history_nr_words = min(words, 2 + history_below(&history_rnd, words));
	history_nr_values = 2 + history_below(&history_rnd, HISTORY_VALUES - 1);
	history_mix = history_below(&history_rnd, 2 * HISTORY_COMMON_MIXES);
	history_pauses_choose();
	atomic_set(&history_ready, 0);
	atomic_set(&history_busy, r->threads);
}

static void history_values(int *values)
{
	unsigned int i;

	for (i = 0; i < words; i++)
		values[i] = kcas_to_int(kcas_read(&history_words->word[i]));
}

static int history_run_round(void)
{
	struct history_round *r = &history_rounds[history_round];

	if (history_prepare(r))
		return -ENOMEM;
	history_values(r->first);
	memcpy(history_seen, r->first, sizeof(history_seen));
	history_choose_round(r);
	/* Release: see history_thread_fn(). */
	smp_store_release(&history_round, history_round + 1);
	wake_up_all(&history_wait);
	wait_for_completion(&history_done);
	history_values(r->last);
	return 0;
}

static void history_thread_init(struct history_thread *t, unsigned int nr)
{
	struct history_actor *a;
	unsigned int i;

	for (i = 0; i < HISTORY_NR_CONTEXTS; i++) {
		a = &t->actor[i];
		a->id = i * threads + nr;
		prandom_seed_state(&a->rnd, seed + ((u64)a->id << 32));
	}
	tasklet_setup(&t->soft, history_soft_fn);
	t->hard = IRQ_WORK_INIT_HARD(history_hard_fn);
	history_wake_init(&t->wake);
}

static struct task_struct *history_start(int (*fn)(void *arg), void *arg, int cpu)
{
	struct task_struct *task = kthread_create(fn, arg, "kcas_history");

	if (IS_ERR(task))
		return NULL;
	if (cpu >= 0)
		kthread_bind(task, cpu);
	wake_up_process(task);
	return task;
}

static int history_threads_start(void)
{
	unsigned int i, cpu = 0;

	for (i = 0; i < threads; i++) {
		cpu = i ? cpumask_next(cpu, cpu_online_mask) : cpumask_first(cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		history_thread_init(&history_threads[i], i);
		history_threads[i].task = history_start(history_thread_fn, &history_threads[i],
							cpu);
		if (!history_threads[i].task)
			return -ENOMEM;
	}
	history_flusher = history_start(history_flusher_fn, NULL, -1);
	return history_flusher ? 0 : -ENOMEM;
}

static void history_threads_stop(void)
{
	unsigned int i;

	for (i = 0; i < threads; i++)
		if (history_threads[i].task)
			kthread_stop(history_threads[i].task);
	if (history_flusher)
		kthread_stop(history_flusher);
}

static void history_summary(void)
{
	unsigned int round, actor, tasks = 0, irqs = 0;

	for (round = 0; round < history_round; round++)
		for (actor = 0; actor < HISTORY_NR_CONTEXTS * threads; actor++)
			*(actor < threads ? &tasks : &irqs) += history_rounds[round].nr[actor];
	pr_info("%u rounds, %u operations, %u of them in interrupts; seed %u\n", history_round,
		tasks + irqs, irqs, seed);
}

static int history_run(void)
{
	unsigned long end = jiffies + seconds * HZ;
	int err = history_threads_start();

	history_pauses_begin();
	while (!err && history_round < rounds && !(seconds && time_after(jiffies, end)))
		err = history_run_round();
	history_threads_stop();
	history_pauses_end();
	history_words_retire(history_words);
	kcas_barrier();
	if (!err)
		history_summary();
	return err;
}

static void history_show_values(struct seq_file *m, const int *values)
{
	unsigned int i;

	for (i = 0; i < words; i++)
		seq_printf(m, " %d", values[i]);
	seq_putc(m, '\n');
}

static void history_show_args(struct seq_file *m, const struct history_op *op)
{
	unsigned int i;

	if (op->kind <= HISTORY_CAS) {
		for (i = 0; i < op->nr; i++)
			seq_printf(m, " %u:%d>%d", op->word[i], op->old[i], op->new[i]);
		return;
	}
	seq_printf(m, " %u", op->word[0]);
	if (op->kind != HISTORY_READ)
		seq_printf(m, " %d", op->new[0]);
}

static void history_show_op(struct seq_file *m, unsigned int actor, const struct history_op *op)
{
	seq_printf(m, "%u %u %u %s", actor, op->begin, op->end, history_names[op->kind]);
	history_show_args(m, op);
	if (op->err)
		seq_printf(m, " = error %d\n", op->err);
	else
		seq_printf(m, " = %d\n", op->result);
}

static int histories_show(struct seq_file *m, void *v)
{
	const struct history_round *r = v;
	unsigned int round = r - history_rounds, actor, i;

	if (!round)
		seq_puts(m, "kcas-history 1\n");
	seq_printf(m, "round %u %s", round, r->fresh ? "new" : "kept");
	history_show_values(m, r->first);
	for (actor = 0; actor < HISTORY_NR_CONTEXTS * threads; actor++)
		for (i = 0; i < r->nr[actor]; i++)
			history_show_op(m, actor, history_ops_of(round, actor) + i);
	seq_puts(m, "end");
	history_show_values(m, r->last);
	return 0;
}

static void *histories_start(struct seq_file *m, loff_t *pos)
{
	return *pos < history_round ? &history_rounds[*pos] : NULL;
}

static void *histories_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return histories_start(m, pos);
}

static void histories_stop(struct seq_file *m, void *v)
{
}

static const struct seq_operations histories_sops = {
	.start = histories_start,
	.next = histories_next,
	.stop = histories_stop,
	.show = histories_show,
};
DEFINE_SEQ_ATTRIBUTE(histories);

static bool history_params_ok(void)
{
	if (rounds && rounds <= HISTORY_MAX_ROUNDS && threads && threads <= HISTORY_MAX_THREADS &&
	    ops && ops <= HISTORY_MAX_OPS && words && words <= HISTORY_MAX_WORDS &&
	    delay <= HISTORY_MAX_DELAY && seconds <= HISTORY_MAX_SECONDS)
		return true;
	pr_err("a parameter is out of range; see modinfo kcas_history\n");
	return false;
}

static int history_alloc(void)
{
	history_rounds = vcalloc(rounds, sizeof(*history_rounds));
	history_ops = vcalloc((size_t)rounds * HISTORY_NR_CONTEXTS * threads * ops,
			      sizeof(*history_ops));
	return history_rounds && history_ops ? 0 : -ENOMEM;
}

static void history_free(void)
{
	vfree(history_ops);
	vfree(history_rounds);
}

static int __init history_init(void)
{
	int err;

	if (!history_params_ok())
		return -EINVAL;
	if (!seed)
		seed = get_random_u32();
	prandom_seed_state(&history_rnd, ~(u64)seed);
	err = history_alloc();
	err = err ?: history_run();
	if (err) {
		history_free();
		return err;
	}
	history_dir = debugfs_create_dir("kcas_history", NULL);
	debugfs_create_file("histories", 0400, history_dir, NULL, &histories_fops);
	return 0;
}
module_init(history_init);

static void __exit history_exit(void)
{
	debugfs_remove_recursive(history_dir);
	history_free();
}
module_exit(history_exit);

MODULE_DESCRIPTION("Histories of concurrent kcas operations, for a checker");
MODULE_LICENSE("GPL");

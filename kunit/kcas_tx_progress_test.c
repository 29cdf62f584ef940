// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: transactions come to their end, whatever the others do.
 */
#include <kunit/resource.h>
#include <linux/kcas-tx.h>
#include <linux/kthread.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <uapi/linux/sched/types.h>

#include "kcas_test_util.h"

/* ---------------------------------------------------------------- large ones */

#define KCAS_TX_PROGRESS_WORDS		50000
#define KCAS_TX_PROGRESS_HAMMERS	2

/**
 * struct kcas_tx_progress_field - words that are hammered on
 * @word: the words
 * @hot: so many of them are
 * @hits: what was added
 * @errors: errors
 * @sum: of all, as the large transaction has seen it
 * @runs: how often its body has run
 * @rude: how often it did so to the end with preemption off
 */
struct kcas_tx_progress_field {
	struct kcas_word *word;
	unsigned int hot;
	atomic_long_t hits;
	atomic_long_t errors;
	long sum;
	unsigned int runs;
	unsigned int rude;
};

static int kcas_tx_progress_inc(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_inc(tx, arg);
}

static int kcas_tx_progress_hammer_fn(void *data)
{
	struct kcas_tx_progress_field *field = data;
	unsigned int i;

	while (!kthread_should_stop()) {
		i = debra_test_random(field->hot) * (KCAS_TX_PROGRESS_WORDS / field->hot);
		if (kcas_tx_run(kcas_tx_progress_inc, &field->word[i], NULL))
			atomic_long_inc(&field->errors);
		else
			atomic_long_inc(&field->hits);
		debra_throttle(&kcas_domain);
		cond_resched();
	}
	return 0;
}

static int kcas_tx_progress_scan(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_progress_field *field = arg;
	unsigned int i;
	long value;
	int err = 0;

	field->runs++;
	field->sum = 0;
	for (i = 0; i < KCAS_TX_PROGRESS_WORDS && !err; i++) {
		err = kcas_tx_get_int(tx, &field->word[i], &value);
		field->sum += value;
	}
	field->rude += !err && !preemptible();
	return err;
}

static int kcas_tx_progress_sweep(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_progress_field *field = arg;
	unsigned int i;
	int err = 0;

	field->runs++;
	for (i = 0; i < KCAS_TX_PROGRESS_WORDS && !err; i++)
		err = kcas_tx_inc(tx, &field->word[i]);
	field->rude += !err && !preemptible();
	return err;
}

static const struct kcas_tx_progress_large {
	const char *name;
	kcas_tx_fn body;
	unsigned int hot;
	unsigned int flags;
} kcas_tx_progress_larges[] = {
	{ "one writes all, one is hot", kcas_tx_progress_sweep, 1 },
	{ "one writes all, many are hot", kcas_tx_progress_sweep, 1000 },
	{ "one writes all, sleepable", kcas_tx_progress_sweep, 1000, KCAS_TX_SLEEPABLE },
	{ "one reads all, one is hot", kcas_tx_progress_scan, 1 },
	{ "one reads all, many are hot", kcas_tx_progress_scan, 1000 },
	{ "one reads all, sleepable", kcas_tx_progress_scan, 1000, KCAS_TX_SLEEPABLE },
};

KUNIT_ARRAY_PARAM_DESC(kcas_tx_progress_large, kcas_tx_progress_larges, name);

static long kcas_tx_progress_total(struct kcas_tx_progress_field *field)
{
	unsigned int i;
	long sum = 0;

	for (i = 0; i < KCAS_TX_PROGRESS_WORDS; i++)
		sum += kcas_test_value(&field->word[i]);
	return sum;
}

/* Nothing is compared with the time it takes but that it is not for ever. */
static void kcas_tx_progress_large_one(struct kunit *test)
{
	const struct kcas_tx_progress_large *large = test->param_value;
	struct kcas_tx_opts opts = {
		.flags = large->flags,
		.timeout = msecs_to_jiffies(DEBRA_TEST_PATIENCE_MS),
	};
	struct kcas_tx_progress_field *field = kunit_kzalloc(test, sizeof(*field), GFP_KERNEL);
	struct task_struct *task[KCAS_TX_PROGRESS_HAMMERS];
	bool writes = large->body == kcas_tx_progress_sweep;
	unsigned long begin;
	unsigned int i;
	long least;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, field);
	field->word = kcas_test_alloc(test, KCAS_TX_PROGRESS_WORDS, sizeof(*field->word));
	field->hot = large->hot;
	for (i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = debra_test_thread(test, kcas_tx_progress_hammer_fn, field,
					    DEBRA_TEST_ANY_CPU);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(atomic_long_read(&field->hits) > 1000));
	least = atomic_long_read(&field->hits);
	begin = jiffies;
	ret = kcas_tx_run(large->body, field, &opts);
	begin = jiffies - begin;
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	kunit_info(test, "%u ms, %u times, %ld others meanwhile", jiffies_to_msecs(begin),
		   field->runs, atomic_long_read(&field->hits) - least);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ_MSG(test, field->rude, 0, "preemption was off for long");
	KUNIT_EXPECT_EQ(test, atomic_long_read(&field->errors), 0);
	KUNIT_EXPECT_EQ(test, kcas_tx_progress_total(field),
			atomic_long_read(&field->hits) + (writes ? KCAS_TX_PROGRESS_WORDS : 0));
	if (!writes) {
		KUNIT_EXPECT_GE(test, field->sum, least);
		KUNIT_EXPECT_LE(test, field->sum, atomic_long_read(&field->hits));
	}
}

/* ---------------------------------------------------------------- hand-over */

#define KCAS_TX_PROGRESS_HASTY	6
#define KCAS_TX_PROGRESS_CROWDS	20
#define KCAS_TX_PROGRESS_TURNS	DEBRA_TEST_SCALED(200)

static const struct kcas_tx_progress_mix {
	const char *name;
	unsigned int fifo;
} kcas_tx_progress_mixes[] = {
	{ "equal" },
	{ "every third real-time", 3 },
};

KUNIT_ARRAY_PARAM_DESC(kcas_tx_progress_mix, kcas_tx_progress_mixes, name);

/**
 * struct kcas_tx_progress_queue - tasks that hold each other back
 * @word: what all of them write
 * @fifo: every so many are real-time tasks
 * @began: how many have
 * @done: how many are
 * @errors: errors
 */
struct kcas_tx_progress_queue {
	struct kcas_word *word;
	unsigned int fifo;
	atomic_t began;
	atomic_t done;
	atomic_t errors;
};

static int kcas_tx_progress_all_eight(struct kcas_tx *tx, void *arg)
{
	struct kcas_word *word = arg;
	unsigned int i;
	int err = 0;

	for (i = 0; i < 8 && !err; i++) {
		err = kcas_tx_inc(tx, &word[i]);
		if (!debra_test_random(16))
			udelay(5);
	}
	return err;
}

/* Impatient ones: each conflict makes one hold the others back. */
static int kcas_tx_progress_hasty_fn(void *data)
{
	const struct kcas_tx_opts opts[] = {
		{ .patience = 1 },
		{ .patience = 1, .flags = KCAS_TX_SLEEPABLE },
		{ .patience = 1, .timeout = msecs_to_jiffies(DEBRA_TEST_PATIENCE_MS) },
	};
	struct kcas_tx_progress_queue *queue = data;
	bool fifo = queue->fifo && atomic_inc_return(&queue->began) % queue->fifo == 0;
	unsigned int i;

	if (fifo)
		sched_set_fifo(current);
	for (i = 0; i < KCAS_TX_PROGRESS_TURNS; i++)
		if (kcas_tx_run(kcas_tx_progress_all_eight, queue->word,
				&opts[debra_test_random(ARRAY_SIZE(opts))]))
			atomic_inc(&queue->errors);
	if (fifo)
		sched_set_normal(current, 0);
	atomic_inc(&queue->done);
	while (!kthread_should_stop())
		usleep_range(500, 1000);
	return 0;
}

/* Return: whether all of them have come to their end. */
static bool kcas_tx_progress_crowd(struct kunit *test, struct kcas_tx_progress_queue *queue)
{
	struct task_struct *task[KCAS_TX_PROGRESS_HASTY];
	unsigned int i;
	bool done;

	atomic_set(&queue->done, 0);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = debra_test_thread(test, kcas_tx_progress_hasty_fn, queue,
					    debra_test_cpu(i % num_online_cpus()));
	done = debra_test_wait(atomic_read(&queue->done) == ARRAY_SIZE(task));
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	return done;
}

static void kcas_tx_progress_hand_over(struct kunit *test)
{
	const struct kcas_tx_progress_mix *mix = test->param_value;
	struct kcas_tx_progress_queue *queue = kunit_kzalloc(test, sizeof(*queue), GFP_KERNEL);
	struct debra_test_files *files = debra_test_files(test);
	long before = kcas_test_tx_stat(files, "starved"), starved = 0;
	unsigned int i, rounds = 0;
	bool done = true;

	KUNIT_ASSERT_NOT_NULL(test, queue);
	queue->fifo = mix->fifo;
	queue->word = kcas_test_alloc(test, 8, sizeof(*queue->word));
	kcas_test_jitter(test);
	/* That they get into each other's way is likely, and not certain. */
	for (; done && !starved && rounds < KCAS_TX_PROGRESS_CROWDS; rounds++) {
		done = kcas_tx_progress_crowd(test, queue);
		starved = kcas_test_tx_stat(files, "starved") - before;
	}
	kunit_info(test, "%ld times held back in %u rounds", starved, rounds);
	KUNIT_EXPECT_TRUE(test, done);
	KUNIT_EXPECT_EQ(test, atomic_read(&queue->errors), 0);
	KUNIT_EXPECT_GT(test, starved, 0);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&queue->word[i]),
				(long)rounds * KCAS_TX_PROGRESS_HASTY * KCAS_TX_PROGRESS_TURNS);
}

/* ---------------------------------------------------------------- one who starves */

/**
 * struct kcas_tx_progress_starver - somebody who holds the others back until he is let go
 * @word: a word that he makes his own transaction fail with, and writes
 * @runs: how often his body has run
 * @holds: he holds the others back
 * @go: he may commit
 * @before: his priority before anybody waits
 * @highest: the most important one that he has had since
 * @after: the one at the end
 * @ret: what came of it
 * @over: it is over
 */
struct kcas_tx_progress_starver {
	struct kcas_word *word;
	unsigned int runs;
	bool holds;
	bool go;
	int before;
	int highest;
	int after;
	int ret;
	bool over;
};

/* In the second run and all that follow, until he is let go. */
static void kcas_tx_progress_hold(struct kcas_tx_progress_starver *starver)
{
	unsigned long end = jiffies + msecs_to_jiffies(DEBRA_TEST_PATIENCE_MS) / 2;

	if (starver->runs == 2)
		starver->before = READ_ONCE(current->prio);
	/* Pairs with the acquire in kcas_tx_progress_starver(). */
	smp_store_release(&starver->holds, true);
	while (!READ_ONCE(starver->go) && time_before(jiffies, end)) {
		starver->highest = min(starver->highest, READ_ONCE(current->prio));
		usleep_range(200, 500);
	}
}

static int kcas_tx_progress_starver_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_progress_starver *starver = arg;
	int err = kcas_tx_inc(tx, starver->word);

	if (err)
		return err;
	if (starver->runs++)
		kcas_tx_progress_hold(starver);
	else
		/* What was read does not hold any more. */
		err = kcas_add(starver->word, 1, NULL);
	return err;
}

static int kcas_tx_progress_starver_fn(void *data)
{
	const struct kcas_tx_opts opts = { .flags = KCAS_TX_SLEEPABLE, .patience = 1 };
	struct kcas_tx_progress_starver *starver = data;

	starver->ret = kcas_tx_run(kcas_tx_progress_starver_body, starver, &opts);
	starver->after = READ_ONCE(current->prio);
	/* Pairs with the acquire in kcas_tx_progress_let_go(). */
	smp_store_release(&starver->over, true);
	while (!kthread_should_stop())
		usleep_range(500, 1000);
	return 0;
}

/* Whatever becomes of the test. */
static void kcas_tx_progress_starver_end(void *data)
{
	struct kcas_tx_progress_starver *starver = data;

	WRITE_ONCE(starver->go, true);
}

static struct kcas_tx_progress_starver *kcas_tx_progress_starver(struct kunit *test)
{
	struct kcas_tx_progress_starver *starver = kunit_kzalloc(test, sizeof(*starver),
								 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, starver);
	starver->word = kcas_test_words(test, 1, 0);
	starver->highest = MAX_PRIO;
	debra_test_thread(test, kcas_tx_progress_starver_fn, starver, DEBRA_TEST_ANY_CPU);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_tx_progress_starver_end,
							   starver));
	/* Pairs with the release in kcas_tx_progress_hold(). */
	KUNIT_ASSERT_TRUE(test, debra_test_wait(smp_load_acquire(&starver->holds)));
	return starver;
}

static void kcas_tx_progress_let_go(struct kunit *test, struct kcas_tx_progress_starver *starver)
{
	WRITE_ONCE(starver->go, true);
	/* Pairs with the release in kcas_tx_progress_starver_fn(). */
	KUNIT_EXPECT_TRUE(test, debra_test_wait(smp_load_acquire(&starver->over)));
	KUNIT_EXPECT_EQ(test, starver->ret, 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(starver->word), 2);
}

/**
 * struct kcas_tx_progress_other - somebody who runs a transaction meanwhile
 * @word: what he adds one to
 * @opts: how
 * @fifo: his is a real-time task
 * @ret: what came of it
 * @over: it is over
 */
struct kcas_tx_progress_other {
	struct kcas_word *word;
	struct kcas_tx_opts opts;
	bool fifo;
	int ret;
	bool over;
};

static void kcas_tx_progress_other_run(void *data)
{
	struct kcas_tx_progress_other *other = data;

	other->ret = kcas_tx_run(kcas_tx_progress_inc, other->word, &other->opts);
	/* Pairs with the acquire in kcas_tx_progress_is_over(). */
	smp_store_release(&other->over, true);
}

static int kcas_tx_progress_other_fn(void *data)
{
	struct kcas_tx_progress_other *other = data;

	allow_signal(SIGUSR1);
	if (other->fifo)
		sched_set_fifo(current);
	kcas_tx_progress_other_run(other);
	if (other->fifo)
		sched_set_normal(current, 0);
	flush_signals(current);
	while (!kthread_should_stop())
		usleep_range(500, 1000);
	return 0;
}

static struct kcas_tx_progress_other *kcas_tx_progress_other(struct kunit *test,
							     unsigned int flags)
{
	struct kcas_tx_progress_other *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, other);
	other->word = kcas_test_words(test, 1, 0);
	other->opts.flags = flags;
	return other;
}

static bool kcas_tx_progress_is_over(struct kcas_tx_progress_other *other)
{
	/* Pairs with the release in kcas_tx_progress_other_run(). */
	return debra_test_wait(smp_load_acquire(&other->over));
}

/* Who does not wait, and who does not write, is not held back. */
static void kcas_tx_progress_not_held(struct kunit *test)
{
	struct kcas_tx_progress_other *other = kcas_tx_progress_other(test, KCAS_TX_NOWAIT);
	struct kcas_tx_progress_starver *starver;
	unsigned long value = 1;
	unsigned int i;
	int err;

	debra_test_use_interrupts(test);
	starver = kcas_tx_progress_starver(test);
	for (i = 0; i < DEBRA_TEST_NR_CONTEXTS; i++) {
		KUNIT_EXPECT_TRUE(test, debra_test_run_on(debra_test_cpu(1), i,
							  kcas_tx_progress_other_run, other));
		KUNIT_EXPECT_EQ(test, other->ret, 0);
	}
	KUNIT_EXPECT_EQ(test, kcas_test_value(other->word), DEBRA_TEST_NR_CONTEXTS);
	kcas_tx_loop(tx, NULL, err)
		err = kcas_tx_get(tx, starver->word, &value);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, kcas_to_int(value), 1);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(starver->over));
	kcas_tx_progress_let_go(test, starver);
}

/* The others are, until they are tired of it. */
static void kcas_tx_progress_held(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_tx_progress_other *patient = kcas_tx_progress_other(test, 0);
	struct kcas_tx_progress_other *timed = kcas_tx_progress_other(test, 0);
	struct kcas_tx_progress_other *called = kcas_tx_progress_other(test, KCAS_TX_INTERRUPTIBLE);
	struct kcas_tx_progress_starver *starver = kcas_tx_progress_starver(test);
	long held = kcas_test_tx_stat(files, "held");
	struct task_struct *task;

	debra_test_thread(test, kcas_tx_progress_other_fn, patient, DEBRA_TEST_ANY_CPU);
	task = debra_test_thread(test, kcas_tx_progress_other_fn, called, DEBRA_TEST_ANY_CPU);
	timed->opts.timeout = 3;
	kcas_tx_progress_other_run(timed);
	KUNIT_EXPECT_EQ(test, timed->ret, -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(kcas_test_tx_stat(files, "held") >= held + 3));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(patient->over));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(called->over));
	send_sig(SIGUSR1, task, 1);
	KUNIT_EXPECT_TRUE(test, kcas_tx_progress_is_over(called));
	KUNIT_EXPECT_EQ(test, called->ret, -ERESTARTSYS);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(patient->over));
	kcas_tx_progress_let_go(test, starver);
	KUNIT_EXPECT_TRUE(test, kcas_tx_progress_is_over(patient));
	KUNIT_EXPECT_EQ(test, patient->ret, 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(patient->word), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_value(timed->word), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(called->word), 0);
}

/* A real-time task that waits lends its priority. */
static void kcas_tx_progress_priority(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_tx_progress_other *other = kcas_tx_progress_other(test, 0);
	struct kcas_tx_progress_starver *starver = kcas_tx_progress_starver(test);
	long held = kcas_test_tx_stat(files, "held");

	other->fifo = true;
	debra_test_thread(test, kcas_tx_progress_other_fn, other, DEBRA_TEST_ANY_CPU);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(kcas_test_tx_stat(files, "held") > held));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(rt_prio(READ_ONCE(starver->highest))));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(other->over));
	kcas_tx_progress_let_go(test, starver);
	KUNIT_EXPECT_TRUE(test, kcas_tx_progress_is_over(other));
	KUNIT_EXPECT_EQ(test, other->ret, 0);
	kunit_info(test, "priority %d, then %d, then %d", starver->before, starver->highest,
		   starver->after);
	KUNIT_EXPECT_FALSE(test, rt_prio(starver->before));
	KUNIT_EXPECT_FALSE(test, rt_prio(starver->after));
}

/* ---------------------------------------------------------------- callbacks */

/**
 * struct kcas_tx_progress_object - an object whose callback runs a transaction
 * @other: the transaction
 * @head: the head
 */
struct kcas_tx_progress_object {
	struct kcas_tx_progress_other *other;
	struct kcas_head head;
};

static void kcas_tx_progress_callback(struct kcas_head *head)
{
	struct kcas_tx_progress_object *object =
		container_of(head, struct kcas_tx_progress_object, head);

	kcas_tx_progress_other_run(object->other);
}

static struct kcas_tx_progress_object *kcas_tx_progress_object(struct kunit *test,
							       unsigned int flags)
{
	struct kcas_tx_progress_object *object = kcas_test_alloc(test, 1, sizeof(*object));

	object->other = kcas_tx_progress_other(test, flags);
	return object;
}

/* Patience with sections is over at once. */
static bool kcas_tx_progress_pressed(struct kcas_tx_progress_other *other)
{
	return debra_test_wait(({
		debra_pressure(&kcas_domain);
		READ_ONCE(other->over);
	}));
}

/* The section of the starver holds callbacks up only until it is aborted. */
static void kcas_tx_progress_callbacks(struct kunit *test)
{
	struct kcas_tx_progress_object *quick = kcas_tx_progress_object(test, KCAS_TX_NOWAIT);
	struct kcas_tx_progress_object *waits = kcas_tx_progress_object(test, 0);
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_tx_progress_starver *starver;

	debra_test_set_param(test, files, "guard_ms", 0);
	starver = kcas_tx_progress_starver(test);
	kcas_retire(&quick->head, kcas_tx_progress_callback);
	KUNIT_EXPECT_TRUE(test, kcas_tx_progress_pressed(quick->other));
	KUNIT_EXPECT_EQ(test, quick->other->ret, 0);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(starver->over));
	kcas_retire(&waits->head, kcas_tx_progress_callback);
	msleep(DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(waits->other->over));
	kcas_tx_progress_let_go(test, starver);
	KUNIT_EXPECT_TRUE(test, kcas_tx_progress_pressed(waits->other));
	KUNIT_EXPECT_EQ(test, waits->other->ret, 0);
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
}

static struct kunit_case kcas_tx_progress_cases[] = {
	KUNIT_CASE_PARAM(kcas_tx_progress_large_one, kcas_tx_progress_large_gen_params),
	KUNIT_CASE_PARAM(kcas_tx_progress_hand_over, kcas_tx_progress_mix_gen_params),
	KUNIT_CASE(kcas_tx_progress_not_held),
	KUNIT_CASE(kcas_tx_progress_held),
	KUNIT_CASE(kcas_tx_progress_priority),
	KUNIT_CASE(kcas_tx_progress_callbacks),
	{}
};

static struct kunit_suite kcas_tx_progress_suite = {
	.name = "kcas_tx_progress",
	.test_cases = kcas_tx_progress_cases,
};

kunit_test_suite(kcas_tx_progress_suite);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: many at once, in all contexts.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kcas_test_util.h"

#define KCAS_TEST_STORM_MS	1500
#define KCAS_TEST_THREADS	6

/* ---------------------------------------------------------------- the bank */

static const struct kcas_test_weather {
	const char *name;
	unsigned long contexts;
} kcas_test_weathers[] = {
	{ "tasks", BIT(DEBRA_TEST_TASK) },
#ifndef CONFIG_PREEMPT_RT
	{ "tasks and softirqs", BIT(DEBRA_TEST_TASK) | BIT(DEBRA_TEST_SOFTIRQ) },
#endif
	{ "tasks and hardirqs", BIT(DEBRA_TEST_TASK) | BIT(DEBRA_TEST_HARDIRQ) },
#ifdef CONFIG_X86
	{ "tasks and NMIs", BIT(DEBRA_TEST_TASK) | BIT(DEBRA_TEST_NMI) },
#endif
	{ "all", DEBRA_TEST_STORM_ALL },
};

KUNIT_ARRAY_PARAM_DESC(kcas_test_weather, kcas_test_weathers, name);

static void kcas_test_expect_weather(struct kunit *test, struct debra_test_storm *storm,
				     unsigned long contexts)
{
	unsigned int i;

	for (i = 0; i < DEBRA_TEST_NR_CONTEXTS; i++)
		if (contexts & BIT(i))
			KUNIT_EXPECT_GT_MSG(test, debra_test_storm_count(storm, i), 0, "no %s",
					    debra_test_context_name[i]);
}

/* Money is moved in all contexts, threads move and count it. */
static void kcas_test_bank_storm(struct kunit *test)
{
	const struct kcas_test_weather *weather = test->param_value;
	struct kcas_test_bank *bank = kcas_test_bank(test);
	struct task_struct *task[KCAS_TEST_THREADS];
	struct debra_test_storm *storm;
	unsigned int i;
	bool audited;

	kcas_test_jitter(test);
	for (i = 0; i < KCAS_TEST_THREADS; i++)
		task[i] = debra_test_thread(test, i < 2 ? kcas_test_bank_move_fn :
					    kcas_test_bank_audit_fn, bank, DEBRA_TEST_ANY_CPU);
	storm = debra_test_storm(test, weather->contexts, kcas_test_bank_move, bank);
	audited = kcas_test_last(KCAS_TEST_STORM_MS, atomic_long_read(&bank->audits) > 0 &&
				 atomic_long_read(&bank->moved) > 1000);
	debra_test_storm_stop(test, storm);
	for (i = 0; i < KCAS_TEST_THREADS; i++)
		debra_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_TRUE(test, audited);
	kcas_test_expect_weather(test, storm, weather->contexts);
	kcas_test_bank_verdict(test, bank);
}

/* ---------------------------------------------------------------- crossed pairs */

/**
 * struct kcas_test_cross - each compares what the other writes
 * @word: two words
 * @done: how often each was done
 * @tries: how often it was tried
 * @errors: errors
 */
struct kcas_test_cross {
	struct kcas_word *word;
	atomic_long_t done[2];
	atomic_long_t tries;
	atomic_long_t errors;
};

static void kcas_test_cross_once(struct kcas_test_cross *cross, unsigned int side)
{
	struct kcas_word *mine = &cross->word[side], *other = &cross->word[!side];
	unsigned long old = kcas_read(mine), seen = kcas_read(other);
	int ret;

	/* Any context may be interrupted by one that does the same. */
	ret = kcas2(other, seen, seen, mine, old, old + kcas_int(1));
	atomic_long_inc(&cross->tries);
	if (ret == 1)
		atomic_long_inc(&cross->done[side]);
	else if (ret && ret != -ENOMEM)
		atomic_long_inc(&cross->errors);
}

static void kcas_test_cross_storm_fn(void *data)
{
	kcas_test_cross_once(data, debra_test_random(2));
}

static int kcas_test_cross_left_fn(void *data)
{
	while (!kthread_should_stop()) {
		kcas_test_cross_once(data, 0);
		cond_resched();
	}
	return 0;
}

static int kcas_test_cross_right_fn(void *data)
{
	while (!kthread_should_stop()) {
		kcas_test_cross_once(data, 1);
		cond_resched();
	}
	return 0;
}

static void kcas_test_crossed_pairs(struct kunit *test)
{
	struct kcas_test_cross *cross = kunit_kzalloc(test, sizeof(*cross), GFP_KERNEL);
	struct debra_test_storm *storm;
	struct task_struct *task[4];
	unsigned int i;
	bool both;

	KUNIT_ASSERT_NOT_NULL(test, cross);
	cross->word = kcas_test_words(test, 2, 0);
	kcas_init(&cross->word[1], kcas_int(0));
	kcas_test_jitter(test);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = debra_test_thread(test, i & 1 ? kcas_test_cross_left_fn :
					    kcas_test_cross_right_fn, cross, debra_test_cpu(i));
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL & ~BIT(DEBRA_TEST_TASK),
				 kcas_test_cross_storm_fn, cross);
	both = kcas_test_last(KCAS_TEST_STORM_MS, atomic_long_read(&cross->done[0]) > 100 &&
			      atomic_long_read(&cross->done[1]) > 100);
	debra_test_storm_stop(test, storm);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	kunit_info(test, "%ld and %ld of %ld", atomic_long_read(&cross->done[0]),
		   atomic_long_read(&cross->done[1]), atomic_long_read(&cross->tries));
	KUNIT_EXPECT_TRUE_MSG(test, both, "no progress");
	KUNIT_EXPECT_EQ(test, atomic_long_read(&cross->errors), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&cross->word[i]),
				atomic_long_read(&cross->done[i]));
}

/* ---------------------------------------------------------------- write skew */

static void kcas_test_skew_audit(struct kcas_test_skew *skew)
{
	unsigned long a = kcas_read(&skew->word[0]), b = kcas_read(&skew->word[1]);

	if (kcas2(&skew->word[0], a, a, &skew->word[1], b, b) != 1)
		return;
	atomic_long_inc(&skew->audits);
	if (a && b)
		atomic_long_inc(&skew->both);
}

static void kcas_test_skew_fn(void *data)
{
	struct kcas_test_skew *skew = data;
	unsigned int side = debra_test_random(2);
	struct kcas_word *mine = &skew->word[side], *other = &skew->word[!side];

	if (kcas2(other, 0, 0, mine, 0, kcas_int(1)) != 1) {
		kcas_test_skew_audit(skew);
		return;
	}
	atomic_long_inc(&skew->set);
	/* Only who has set it takes it back, and the other one is not set as long as it is. */
	if (kcas_read(other))
		atomic_long_inc(&skew->both);
	while (kcas_cas(mine, kcas_int(1), 0) == -ENOMEM)
		cpu_relax();
}

static void kcas_test_write_skew(struct kunit *test)
{
	kcas_test_skew_storm(test, kcas_test_skew_fn, KCAS_TEST_STORM_MS, 0);
}

/* ---------------------------------------------------------------- values that come back */

#define KCAS_TEST_SEATS		6

/**
 * struct kcas_test_seats - tokens that go round: all values come back again and again
 * @seat: words, each of which holds another token
 * @moved: rotations
 * @seen: sets of tokens that were there at one moment
 * @wrong: those that were not complete
 * @errors: errors
 */
struct kcas_test_seats {
	struct kcas_word *seat;
	atomic_long_t moved;
	atomic_long_t seen;
	atomic_long_t wrong;
	atomic_long_t errors;
};

/* Two or three of them change places. */
static void kcas_test_seats_rotate(struct kcas_test_seats *s)
{
	unsigned int i, at = debra_test_random(KCAS_TEST_SEATS), nr = 2 + debra_test_random(2);
	struct kcas_op op[3];
	int ret;

	for (i = 0; i < nr; i++) {
		op[i].word = &s->seat[(at + i) % KCAS_TEST_SEATS];
		op[i].old = kcas_read(op[i].word);
	}
	for (i = 0; i < nr; i++)
		op[i].new = op[(i + 1) % nr].old;
	ret = kcas(op, nr);
	if (ret == 1)
		atomic_long_inc(&s->moved);
	else if (ret && ret != -ENOMEM)
		atomic_long_inc(&s->errors);
}

/* All tokens there at one moment; @swap: two change places, and the others are compared. */
static void kcas_test_seats_look(struct kcas_test_seats *s, bool swap)
{
	struct kcas_op op[KCAS_TEST_SEATS];
	unsigned int i, tokens = 0;

	for (i = 0; i < KCAS_TEST_SEATS; i++) {
		op[i].word = &s->seat[i];
		op[i].old = kcas_read(op[i].word);
		op[i].new = op[i].old;
		tokens |= BIT(kcas_to_int(op[i].old));
	}
	if (swap)
		swap(op[1].new, op[4].new);
	if (kcas(op, KCAS_TEST_SEATS) != 1)
		return;
	atomic_long_inc(&s->seen);
	if (tokens != BIT(KCAS_TEST_SEATS) - 1)
		atomic_long_inc(&s->wrong);
}

static void kcas_test_seats_fn(void *data)
{
	unsigned int choice = debra_test_random(4);

	if (choice < 2)
		kcas_test_seats_look(data, choice);
	else
		kcas_test_seats_rotate(data);
}

static void kcas_test_tokens_go_round(struct kunit *test)
{
	struct kcas_test_seats *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct debra_test_storm *storm;
	bool enough;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->seat = kcas_test_words(test, KCAS_TEST_SEATS, 0);
	kcas_test_jitter(test);
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL, kcas_test_seats_fn, s);
	enough = kcas_test_last(KCAS_TEST_STORM_MS, atomic_long_read(&s->moved) > 1000 &&
				atomic_long_read(&s->seen) > 0);
	debra_test_storm_stop(test, storm);
	kunit_info(test, "%ld moved, %ld seen", atomic_long_read(&s->moved),
		   atomic_long_read(&s->seen));
	KUNIT_EXPECT_TRUE(test, enough);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&s->errors), 0);
	kcas_test_seats_look(s, false);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&s->wrong), 0);
}

#define KCAS_TEST_WHEELS	5
#define KCAS_TEST_NOTCHES	4	/* few, so that each value is back soon */

/**
 * struct kcas_test_wheels - counters that run over, turned by operations on one and on many
 * @wheel: words
 * @turns: how often each has been turned
 * @single: by operations on one word
 * @many: by operations on several
 * @errors: errors
 */
struct kcas_test_wheels {
	struct kcas_word *wheel;
	atomic_long_t turns[KCAS_TEST_WHEELS];
	atomic_long_t single;
	atomic_long_t many;
	atomic_long_t errors;
};

static void kcas_test_wheels_single(struct kcas_test_wheels *w)
{
	unsigned int which = debra_test_random(KCAS_TEST_WHEELS);
	unsigned long old = kcas_read(&w->wheel[which]);
	unsigned long new = kcas_int((kcas_to_int(old) + 1) % KCAS_TEST_NOTCHES);
	int ret = kcas_cas(&w->wheel[which], old, new);

	if (ret == 1) {
		atomic_long_inc(&w->turns[which]);
		atomic_long_inc(&w->single);
	} else if (ret && ret != -ENOMEM) {
		atomic_long_inc(&w->errors);
	}
}

static void kcas_test_wheels_many(struct kcas_test_wheels *w)
{
	unsigned int i, at = debra_test_random(KCAS_TEST_WHEELS);
	unsigned int nr = 2 + debra_test_random(KCAS_TEST_WHEELS - 1);
	struct kcas_op op[KCAS_TEST_WHEELS];
	int ret;

	for (i = 0; i < nr; i++) {
		op[i].word = &w->wheel[(at + i) % KCAS_TEST_WHEELS];
		op[i].old = kcas_read(op[i].word);
		op[i].new = kcas_int((kcas_to_int(op[i].old) + 1) % KCAS_TEST_NOTCHES);
	}
	/* One that is only compared. */
	op[nr - 1].new = op[nr - 1].old;
	ret = kcas(op, nr);
	if (ret == 1) {
		for (i = 0; i < nr - 1; i++)
			atomic_long_inc(&w->turns[(at + i) % KCAS_TEST_WHEELS]);
		atomic_long_inc(&w->many);
	} else if (ret && ret != -ENOMEM) {
		atomic_long_inc(&w->errors);
	}
}

static void kcas_test_wheels_fn(void *data)
{
	if (debra_test_random(2))
		kcas_test_wheels_single(data);
	else
		kcas_test_wheels_many(data);
}

static void kcas_test_one_and_many(struct kunit *test)
{
	struct kcas_test_wheels *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct debra_test_storm *storm;
	unsigned int i;
	bool enough;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->wheel = kcas_test_alloc(test, KCAS_TEST_WHEELS, sizeof(*w->wheel));
	kcas_test_jitter(test);
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL, kcas_test_wheels_fn, w);
	enough = kcas_test_last(KCAS_TEST_STORM_MS, atomic_long_read(&w->single) > 1000 &&
				atomic_long_read(&w->many) > 1000);
	debra_test_storm_stop(test, storm);
	kunit_info(test, "%ld by one, %ld by many", atomic_long_read(&w->single),
		   atomic_long_read(&w->many));
	KUNIT_EXPECT_TRUE(test, enough);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&w->errors), 0);
	for (i = 0; i < KCAS_TEST_WHEELS; i++)
		KUNIT_EXPECT_EQ_MSG(test, kcas_test_value(&w->wheel[i]),
				    atomic_long_read(&w->turns[i]) % KCAS_TEST_NOTCHES,
				    "wheel %u", i);
}

/* Additions are never lost, whoever does them. */
static void kcas_test_add_fn(void *data)
{
	kcas_add(data, 1, NULL);
}

static void kcas_test_additions(struct kunit *test)
{
	unsigned long contexts = DEBRA_TEST_STORM_ALLOCATING;
	struct kcas_word *word = kcas_test_words(test, 1, 0);
	struct debra_test_storm *storm;
	long count = 0;
	unsigned int i;

	/* Others may fail for want of memory, and then do not add. */
	storm = debra_test_storm(test, contexts, kcas_test_add_fn, word);
	KUNIT_EXPECT_TRUE(test, kcas_test_last(KCAS_TEST_STORM_MS / 2,
					       kcas_test_value(word) > 1000));
	debra_test_storm_stop(test, storm);
	kcas_test_expect_weather(test, storm, contexts);
	for (i = 0; i < DEBRA_TEST_NR_CONTEXTS; i++)
		count += debra_test_storm_count(storm, i);
	KUNIT_EXPECT_EQ(test, kcas_test_value(word), count);
}

/* ---------------------------------------------------------------- many words at once */

#define KCAS_TEST_FLIP_WORDS	10000
#define KCAS_TEST_FLIP_SOME	8

/**
 * struct kcas_test_flip - words that always hold the same
 * @word: the words
 * @op: the flipper's
 * @all: the auditor's
 * @flips: how often all were changed
 * @some: how often some were seen at one moment
 * @audits: how often all were
 * @torn: how often they were not the same
 * @errors: errors
 */
struct kcas_test_flip {
	struct kcas_word *word;
	struct kcas_op *op;
	struct kcas_op *all;
	atomic_long_t flips;
	atomic_long_t some;
	atomic_long_t audits;
	atomic_long_t torn;
	atomic_long_t errors;
};

#define KCAS_TEST_FLIPS	(IS_ENABLED(CONFIG_KASAN) ? 6 : 20)

static int kcas_test_flip_fn(void *data)
{
	struct kcas_test_flip *f = data;
	unsigned int i;
	long value = 0;
	int ret;

	while (!kthread_should_stop()) {
		for (i = 0; i < KCAS_TEST_FLIP_WORDS; i++)
			kcas_test_op(&f->op[i], &f->word[i], value, !value);
		ret = kcas(f->op, KCAS_TEST_FLIP_WORDS);
		if (ret == 1) {
			atomic_long_inc(&f->flips);
			value = !value;
		} else if (ret != -ENOMEM) {
			/* Each is charged as many blocks, and those who clean may lag. */
			atomic_long_inc(&f->errors);
		}
		debra_throttle(&kcas_domain);
		/* An audit wants to come to its end now and then. */
		if (IS_ENABLED(CONFIG_KASAN))
			msleep(700);
		else
			usleep_range(500, 2000);
	}
	return 0;
}

/* Read @nr words from anywhere; if all were there at one moment, they were the same. */
static void kcas_test_flip_look(struct kcas_test_flip *f, struct kcas_op *op, unsigned int nr,
				atomic_long_t *count)
{
	unsigned int i, at = debra_test_random(KCAS_TEST_FLIP_WORDS), differ = 0;

	for (i = 0; i < nr; i++) {
		op[i].word = &f->word[(at + i * 1237) % KCAS_TEST_FLIP_WORDS];
		op[i].old = kcas_read(op[i].word);
		op[i].new = op[i].old;
		differ += op[i].old != op[0].old;
	}
	if (kcas(op, nr) != 1)
		return;
	atomic_long_inc(count);
	if (differ)
		atomic_long_inc(&f->torn);
}

static void kcas_test_flip_some(void *data)
{
	struct kcas_op op[KCAS_TEST_FLIP_SOME];
	struct kcas_test_flip *f = data;

	kcas_test_flip_look(f, op, KCAS_TEST_FLIP_SOME, &f->some);
}

static int kcas_test_flip_audit_fn(void *data)
{
	struct kcas_test_flip *f = data;

	while (!kthread_should_stop()) {
		kcas_test_flip_look(f, f->all, KCAS_TEST_FLIP_WORDS, &f->audits);
		debra_throttle(&kcas_domain);
		cond_resched();
	}
	return 0;
}

/* Readers in all contexts, each of whom may find himself helping with all of it. */
static void kcas_test_flips_are_whole(struct kunit *test)
{
	struct kcas_test_flip *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct task_struct *task[2];
	struct debra_test_storm *storm;
	unsigned int i;
	bool enough;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->word = kcas_test_alloc(test, KCAS_TEST_FLIP_WORDS, sizeof(*f->word));
	f->op = kcas_test_ops(test, KCAS_TEST_FLIP_WORDS);
	f->all = kcas_test_ops(test, KCAS_TEST_FLIP_WORDS);
	task[0] = debra_test_thread(test, kcas_test_flip_fn, f, DEBRA_TEST_ANY_CPU);
	task[1] = debra_test_thread(test, kcas_test_flip_audit_fn, f, DEBRA_TEST_ANY_CPU);
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL & ~BIT(DEBRA_TEST_TASK),
				 kcas_test_flip_some, f);
	enough = kcas_test_last(2 * KCAS_TEST_STORM_MS,
				atomic_long_read(&f->flips) > KCAS_TEST_FLIPS &&
				atomic_long_read(&f->some) > 100 &&
				atomic_long_read(&f->audits) > 0);
	debra_test_storm_stop(test, storm);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	kunit_info(test, "%ld flips, %ld looks, %ld audits", atomic_long_read(&f->flips),
		   atomic_long_read(&f->some), atomic_long_read(&f->audits));
	KUNIT_EXPECT_TRUE(test, enough);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->errors), 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&f->torn), 0, "half of a flip was seen");
}

static struct kunit_case kcas_smp_cases[] = {
	KUNIT_CASE_PARAM(kcas_test_bank_storm, kcas_test_weather_gen_params),
	KUNIT_CASE(kcas_test_crossed_pairs),
	KUNIT_CASE(kcas_test_write_skew),
	KUNIT_CASE(kcas_test_tokens_go_round),
	KUNIT_CASE(kcas_test_one_and_many),
	KUNIT_CASE(kcas_test_additions),
	KUNIT_CASE(kcas_test_flips_are_whole),
	{}
};

static struct kunit_suite kcas_smp_suite = {
	.name = "kcas_smp",
	.test_cases = kcas_smp_cases,
};

kunit_test_suite(kcas_smp_suite);

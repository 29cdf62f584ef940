// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: what transactions do, one at a time.
 */
#include <linux/kthread.h>
#include <linux/string.h>

#include "kcas_tx_test_util.h"

struct kcas_tx_test_words {
	struct kcas_word *word;
	unsigned int nr;
	long by;
	long sum;
	unsigned int runs;
};

static int kcas_tx_test_add_all(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_words *words = arg;
	unsigned int i;
	int err = 0;

	words->runs++;
	for (i = 0; i < words->nr && !err; i++)
		err = kcas_tx_add(tx, &words->word[i], words->by, NULL);
	return err;
}

static int kcas_tx_test_sum_all(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_words *words = arg;
	unsigned int i;
	long value;
	int err = 0;

	words->runs++;
	words->sum = 0;
	for (i = 0; i < words->nr && !err; i++) {
		err = kcas_tx_get_int(tx, &words->word[i], &value);
		words->sum += value;
	}
	return err;
}

/* Logs of each size at which something changes. */
static const unsigned int kcas_tx_test_sizes[] = {
	0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 18, 31, 32, 33, 64, 100, 255, 1000, 50000, 100000
};

static void kcas_tx_test_lengths(struct kunit *test)
{
	struct kcas_tx_test_words words = { .by = 3 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(kcas_tx_test_sizes); i++) {
		words.nr = kcas_tx_test_sizes[i];
		words.word = kcas_test_words(test, words.nr + 1, 1);
		KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_sum_all, &words, NULL), 0);
		KUNIT_EXPECT_EQ(test, words.sum, (long)words.nr * (words.nr + 1) / 2);
		KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_add_all, &words, NULL), 0);
		for (j = 0; j < words.nr; j++)
			KUNIT_ASSERT_EQ(test, kcas_test_value(&words.word[j]), j + 4);
		KUNIT_EXPECT_EQ(test, kcas_test_value(&words.word[j]), j + 1);
		KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_sum_all, &words, NULL), 0);
		KUNIT_EXPECT_EQ(test, words.sum, (long)words.nr * (words.nr + 7) / 2);
	}
}

static void kcas_tx_test_loops(struct kunit *test)
{
	struct kcas_word *word = kcas_test_words(test, 2, 10);
	int err;

	kcas_tx_loop(tx, NULL, err) {
		err = kcas_tx_inc(tx, &word[0]);
		err = err ?: kcas_tx_swap(tx, &word[0], &word[1]);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&word[0]), 11);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&word[1]), 11);
	kcas_tx_loop(tx, NULL, err) {
		err = kcas_tx_set_int(tx, &word[0], 100);
		if (!err)
			break;
	}
	KUNIT_EXPECT_EQ(test, kcas_test_value(&word[0]), 11);
}

static int kcas_tx_test_wait_for_2(struct kcas_tx *tx, void *arg)
{
	struct kcas_word *word = arg;
	long value;
	int err = kcas_tx_get_int(tx, word, &value);

	if (err)
		return err;
	return value == 2 ? kcas_tx_set_int(tx, word, 3) : kcas_tx_retry(tx);
}

static int kcas_tx_test_waiter_fn(void *arg)
{
	int ret = kcas_tx_run(kcas_tx_test_wait_for_2, arg, NULL);

	while (!kthread_should_stop())
		usleep_range(100, 200);
	return ret;
}

static void kcas_tx_test_retry(struct kunit *test)
{
	struct kcas_word *word = kcas_test_words(test, 1, 0);
	struct kcas_tx_opts nowait = { .flags = KCAS_TX_NOWAIT };
	struct kcas_tx_opts timed = { .timeout = 5 };
	struct task_struct *task;

	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_wait_for_2, word, &nowait), -EWOULDBLOCK);
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_wait_for_2, word, &timed), -ETIMEDOUT);
	task = debra_test_thread(test, kcas_tx_test_waiter_fn, word, DEBRA_TEST_ANY_CPU);
	msleep(20);
	KUNIT_EXPECT_EQ(test, kcas_set(word, kcas_int(1)), 0);
	msleep(20);
	KUNIT_EXPECT_EQ(test, kcas_set(word, kcas_int(2)), 0);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(kcas_test_value(word) == 3));
	debra_test_thread_stop(test, task);
}

KUNIT_ARRAY_PARAM(kcas_tx_test_how, kcas_tx_test_hows, kcas_tx_test_how_desc);

/* ---------------------------------------------------------------- accessors */

static int kcas_tx_test_ints_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	struct kcas_word *w = t->word;
	long a, b, sum;
	int err;

	t->runs++;
	err = kcas_tx_get_int(tx, &w[0], &a);
	if (err)
		return kcas_tx_test_stuck(t, tx, err);
	kcas_tx_check(t, a == 10);
	err = kcas_tx_set_int(tx, &w[0], -5) ?: kcas_tx_get_int(tx, &w[0], &a) ?:
	      kcas_tx_add(tx, &w[1], -20, &sum);
	if (err)
		return kcas_tx_test_stuck(t, tx, err);
	kcas_tx_check(t, a == -5 && sum == -9);
	err = kcas_tx_inc(tx, &w[1]) ?: kcas_tx_dec(tx, &w[2]) ?: kcas_tx_add(tx, &w[2], 0, NULL) ?:
	      kcas_tx_get_int(tx, &w[1], &a) ?: kcas_tx_get_int(tx, &w[2], &b);
	if (err)
		return kcas_tx_test_stuck(t, tx, err);
	kcas_tx_check(t, a == -8 && b == 11);
	err = kcas_tx_set_int(tx, &w[3], LONG_MAX >> 1) ?: kcas_tx_add(tx, &w[3], 1, &sum);
	kcas_tx_check(t, err || sum == LONG_MIN >> 1);
	return err;
}

static void kcas_tx_test_ints(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 4);

	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_ints_body), 0);
	kcas_tx_test_verdict(t);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), -5);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), -8);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[2]), 11);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[3]), LONG_MIN >> 1);
	if (t->inject == 1)
		KUNIT_EXPECT_GT(test, t->runs, 1);
}

/* Called once for each time that it is to be. */
static unsigned long kcas_tx_test_negate(unsigned long value, void *arg)
{
	++*(unsigned int *)arg;
	return kcas_int(-kcas_to_int(value));
}

static int kcas_tx_test_raw_body(struct kcas_tx *tx, void *arg)
{
	unsigned long a, b, c, d;
	struct kcas_tx_test *t = arg;
	struct kcas_word *w = t->word;
	unsigned int calls = 0;
	int err;

	err = kcas_tx_get(tx, &w[0], &a) ?: kcas_tx_xchg(tx, &w[0], 8, &b);
	if (err)
		return kcas_tx_test_stuck(t, tx, err);
	kcas_tx_check(t, a == kcas_int(10) && b == a);
	err = kcas_tx_xchg(tx, &w[0], ~1UL, &a) ?: kcas_tx_cmpxchg(tx, &w[1], 4, 6, &b) ?:
	      kcas_tx_cmpxchg(tx, &w[1], kcas_int(11), 6, &c) ?:
	      kcas_tx_cmpxchg(tx, &w[1], kcas_int(11), 10, &d);
	if (err)
		return kcas_tx_test_stuck(t, tx, err);
	kcas_tx_check(t, a == 8 && b == kcas_int(11) && c == kcas_int(11) && d == 6);
	/* Bit 0 is never there, and what is not written is not looked at. */
	err = kcas_tx_cmpxchg(tx, &w[1], 7, 12, NULL) ?: kcas_tx_cmpxchg(tx, &w[1], 8, 13, NULL) ?:
	      kcas_tx_modify(tx, &w[2], kcas_tx_test_negate, &calls) ?:
	      kcas_tx_modify(tx, &w[3], kcas_tx_test_negate, &calls) ?:
	      kcas_tx_modify(tx, &w[3], kcas_tx_test_negate, &calls) ?: kcas_tx_get(tx, &w[2], &a);
	if (err)
		return kcas_tx_test_stuck(t, tx, err);
	kcas_tx_check(t, calls == 3 && a == kcas_int(-12));
	return kcas_tx_set(tx, &w[4], 0) ?: kcas_tx_validate(tx, NULL) ?:
	       kcas_tx_validate(tx, &w[4]) ?: kcas_tx_validate(tx, &w[5]);
}

static void kcas_tx_test_raw(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 6);

	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_raw_body), 0);
	kcas_tx_test_verdict(t);
	KUNIT_EXPECT_EQ(test, kcas_read(&t->word[0]), ~1UL);
	KUNIT_EXPECT_EQ(test, kcas_read(&t->word[1]), 6);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[2]), -12);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[3]), 13);
	KUNIT_EXPECT_EQ(test, kcas_read(&t->word[4]), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[5]), 15);
}

static int kcas_tx_test_swap_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	struct kcas_word *w = t->word;
	long value;
	int err;

	err = kcas_tx_swap(tx, &w[0], &w[1]) ?: kcas_tx_swap(tx, &w[2], &w[2]) ?:
	      kcas_tx_get_int(tx, &w[2], &value);
	if (err)
		return kcas_tx_test_stuck(t, tx, err);
	kcas_tx_check(t, value == 12);
	err = kcas_tx_set_int(tx, &w[3], 33) ?: kcas_tx_swap(tx, &w[3], &w[3]) ?:
	      kcas_tx_swap(tx, &w[3], &w[4]) ?: kcas_tx_swap(tx, &w[4], &w[5]) ?:
	      kcas_tx_swap(tx, &w[6], &w[7]) ?: kcas_tx_swap(tx, &w[6], &w[7]) ?:
	      kcas_tx_get_int(tx, &w[5], &value);
	kcas_tx_check(t, err || value == 33);
	return err;
}

static void kcas_tx_test_swap(struct kunit *test)
{
	static const long after[] = { 11, 10, 12, 14, 15, 33, 16, 17 };
	struct kcas_tx_test *t = kcas_tx_test(test, ARRAY_SIZE(after));
	unsigned int i;

	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_swap_body), 0);
	kcas_tx_test_verdict(t);
	for (i = 0; i < ARRAY_SIZE(after); i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[i]), after[i]);
}

struct kcas_tx_test_node {
	long key;
	KCAS_PTR(struct kcas_tx_test_node) next;
};

/* Reverses a list of three, and hangs nothing at its end. */
static int kcas_tx_test_ptrs_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	struct kcas_tx_test_node *list = t->arg, *node, *next, *done = NULL;
	int err;

	for (node = kcas_tx_get_ptr(tx, &list->next); !IS_ERR_OR_NULL(node); node = next) {
		next = kcas_tx_get_ptr(tx, &node->next);
		err = kcas_tx_protect(tx, 0, node) ?: kcas_tx_protect(tx, 1, next) ?:
		      kcas_tx_set_ptr(tx, &node->next, done);
		if (err) {
			kcas_tx_check(t, IS_ERR(next) ? PTR_ERR(next) == err : err == -EAGAIN);
			return kcas_tx_test_stuck(t, tx, err);
		}
		kcas_tx_check(t, kcas_tx_get_ptr(tx, &node->next) == done);
		done = node;
	}
	return PTR_ERR_OR_ZERO(node) ?: kcas_tx_set_ptr(tx, &list->next, done);
}

static void kcas_tx_test_ptrs(struct kunit *test)
{
	struct kcas_tx_test_node *list = kcas_test_alloc(test, 4, sizeof(*list)), *node;
	struct kcas_tx_test *t = kcas_tx_test(test, 2);
	long i;

	for (i = 0; i < 4; i++) {
		list[i].key = i;
		kcas_init_ptr(&list[i].next, i < 3 ? &list[i + 1] : NULL);
	}
	t->arg = list;
	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_ptrs_body), 0);
	kcas_tx_test_verdict(t);
	node = list;
	for (i = 3; i > 0; i--) {
		node = kcas_read_ptr(&node->next);
		KUNIT_ASSERT_PTR_EQ(test, node, &list[i]);
	}
	KUNIT_EXPECT_NULL(test, kcas_read_ptr(&node->next));
}

/* Each word is written twice and read after each; others are written in between. */
static int kcas_tx_test_own_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	unsigned int i, round;
	long value, sum;
	int err = 0;

	for (round = 0; round < 2 * t->size; round++) {
		i = round % t->size;
		err = kcas_tx_get_int(tx, &t->word[i], &value) ?:
		      kcas_tx_add(tx, &t->word[i], i + 1, &sum);
		if (err)
			return kcas_tx_test_stuck(t, tx, err);
		kcas_tx_check(t, value == 10 + i + (round < t->size ? 0 : i + 1));
		kcas_tx_check(t, sum == value + i + 1);
	}
	return err;
}

static void kcas_tx_test_own_writes(struct kunit *test)
{
	struct kcas_tx_test *t;
	unsigned int i, nr;
	int ret, want;

	for (nr = 2; nr <= 70; nr += nr < 20 ? 1 : 10) {
		t = kcas_tx_test(test, nr);
		t->size = nr;
		ret = kcas_tx_test_run(t, kcas_tx_test_own_body);
		want = kcas_tx_test_outcome(t, nr, ret, 0);
		KUNIT_EXPECT_EQ_MSG(test, ret, want, "%u words", nr);
		kcas_tx_test_verdict(t);
		for (i = 0; i < nr; i++)
			KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[i]),
					want ? 10 + i : 12 + 3 * i);
	}
}

/* Writes all, then what was there before. */
static int kcas_tx_test_restore_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	unsigned int i;
	int err = 0;

	for (i = 0; i < 2 * t->size && !err; i++)
		err = kcas_tx_set_int(tx, &t->word[i % t->size],
				      i < t->size ? -1 : 10 + i % t->size);
	if (!err && t->step)
		err = kcas_tx_inc(tx, &t->word[t->size]);
	return err ? kcas_tx_test_stuck(t, tx, err) : 0;
}

static void kcas_tx_test_restoring(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_tx_test *t = kcas_tx_test(test, 31);
	long before = kcas_tx_test_stat(files, "read_only");
	unsigned int i, runs = 0;
	int ret, want;

	for (t->size = 1; t->size <= 30; t->size += 7) {
		t->step = 0;
		ret = kcas_tx_test_run(t, kcas_tx_test_restore_body);
		want = kcas_tx_test_outcome(t, t->size, ret, 0);
		KUNIT_EXPECT_EQ(test, ret, want);
		runs += !want;
		t->step = 1;
		kcas_init(&t->word[t->size], kcas_int(1));
		ret = kcas_tx_test_run(t, kcas_tx_test_restore_body);
		want = kcas_tx_test_outcome(t, t->size + 1, ret, 0);
		KUNIT_EXPECT_EQ(test, ret, want);
		KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[t->size]), want ? 1 : 2);
		KUNIT_EXPECT_EQ(test, kcas_set(&t->word[t->size], kcas_int(10 + t->size)), 0);
		KUNIT_ASSERT_EQ(test, kcas_test_settle(), 0);
	}
	KUNIT_EXPECT_EQ(test, kcas_tx_test_stat(files, "read_only") - before, runs);
	for (i = 0; i < 31; i++)
		KUNIT_EXPECT_EQ_MSG(test, READ_ONCE(t->word[i].content), kcas_int(10 + i),
				    "word %u was written", i);
	kcas_tx_test_verdict(t);
}

/* ---------------------------------------------------------------- bad input */

static unsigned long kcas_tx_test_odd(unsigned long value, void *arg)
{
	return value | 1;
}

/* Each has to fail with -EINVAL, and to leave nothing in what it sets. */
static int kcas_tx_test_bad_words(struct kcas_tx_test *t, struct kcas_tx *tx)
{
	struct kcas_word *odd = (void *)&t->word[1] + 4;
	unsigned long value = 2;
	long sum = 2;
	int err = 0;

	switch (t->step) {
	case 0:
		err = kcas_tx_get(tx, NULL, &value);
		break;
	case 1:
		err = kcas_tx_get(tx, odd, &value);
		break;
	case 2:
		err = kcas_tx_xchg(tx, NULL, 0, &value);
		break;
	case 3:
		err = kcas_tx_cmpxchg(tx, odd, 0, 0, &value);
		break;
	case 4:
		err = kcas_tx_add(tx, NULL, 1, &sum);
		sum -= err ? 0 : 1;
		break;
	case 5:
		err = kcas_tx_xchg(tx, t->word, 5, &value);
		break;
	case 6:
		err = kcas_tx_cmpxchg(tx, t->word, kcas_int(9), 5, &value);
		break;
	}
	kcas_tx_check(t, !err || !value || !sum);
	return err;
}

static int kcas_tx_test_bad_values(struct kcas_tx_test *t, struct kcas_tx *tx)
{
	struct kcas_word *odd = (void *)&t->word[1] + 1;

	switch (t->step) {
	case 7:
		return kcas_tx_set(tx, NULL, 0);
	case 8:
		return kcas_tx_set(tx, odd, 0);
	case 9:
		return kcas_tx_set(tx, t->word, 1);
	case 10:
		return kcas_tx_modify(tx, t->word, kcas_tx_test_odd, NULL);
	case 11:
		return kcas_tx_swap(tx, t->word, odd);
	case 12:
		return kcas_tx_swap(tx, NULL, t->word);
	default:
		return kcas_tx_inc(tx, odd);
	}
}

#define KCAS_TX_TEST_BAD	14

static int kcas_tx_test_bad_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	int err = kcas_tx_set_int(tx, t->word, 9);

	if (err)
		return kcas_tx_test_stuck(t, tx, err);
	err = t->step < 7 ? kcas_tx_test_bad_words(t, tx) : kcas_tx_test_bad_values(t, tx);
	kcas_tx_check(t, err == -EINVAL || (t->inject && err == -EAGAIN));
	kcas_tx_test_stuck(t, tx, err);
	/* Whoever looks at nothing gets nowhere, either. */
	return t->flag ? 0 : err;
}

static void kcas_tx_test_bad_input(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 3);
	unsigned int i;

	for (i = 0; i < 2 * KCAS_TX_TEST_BAD; i++) {
		t->step = i / 2;
		t->flag = i % 2;
		KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_bad_body), -EINVAL);
		KUNIT_EXPECT_EQ(test, kcas_test_value(t->word), 10);
		KUNIT_EXPECT_EQ_MSG(test, t->wrong, 0, "step %u, line %d", t->step, t->line);
		t->wrong = 0;
	}
}

static const struct kcas_tx_test_opts {
	struct kcas_tx_opts opts;
	int ret;
} kcas_tx_test_opts[] = {
	{ { .flags = 0 }, 0 },
	{ { .flags = KCAS_TX_FLAGS + 1 }, -EINVAL },
	{ { .flags = BIT(31) | KCAS_TX_NOWAIT }, -EINVAL },
	{ { .flags = KCAS_TX_NOWAIT | KCAS_TX_INTERRUPTIBLE }, -EINVAL },
	{ { .flags = KCAS_TX_NOWAIT | KCAS_TX_KILLABLE }, -EINVAL },
	{ { .flags = KCAS_TX_NOWAIT | KCAS_TX_SLEEPABLE }, -EINVAL },
	{ { .flags = KCAS_TX_NOWAIT, .timeout = 1 }, -EINVAL },
	{ { .flags = KCAS_TX_PINNED | KCAS_TX_SLEEPABLE }, -EINVAL },
	{ { .flags = KCAS_TX_NOWAIT | KCAS_TX_PINNED | KCAS_TX_RELAXED }, 0 },
	{ { .flags = KCAS_TX_SLEEPABLE | KCAS_TX_RELAXED | KCAS_TX_KILLABLE }, 0 },
	{ { .flags = KCAS_TX_INTERRUPTIBLE | KCAS_TX_KILLABLE, .timeout = HZ }, 0 },
	{ { .gfp = GFP_ATOMIC, .timeout = 1, .attempts = 1, .patience = 1 }, 0 },
	{ { .timeout = ULONG_MAX / 4, .attempts = UINT_MAX, .patience = UINT_MAX }, 0 },
};

static int kcas_tx_test_plus_one(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;

	t->runs++;
	return kcas_tx_inc(tx, t->word);
}

static void kcas_tx_test_bad_opts(struct kunit *test)
{
	const struct kcas_tx_test_opts *o;
	struct kcas_tx_test *t = kcas_tx_test(test, 1);
	unsigned int i;
	long value = 10;
	int err;

	kcas_tx_test_undisturbed(test);
	for (i = 0; i < ARRAY_SIZE(kcas_tx_test_opts); i++) {
		o = &kcas_tx_test_opts[i];
		t->runs = 0;
		KUNIT_EXPECT_EQ_MSG(test, kcas_tx_run(kcas_tx_test_plus_one, t, &o->opts), o->ret,
				    "options %u", i);
		err = 5;
		kcas_tx_loop(tx, &o->opts, err) {
			err = kcas_tx_test_plus_one(tx, t);
		}
		KUNIT_EXPECT_EQ_MSG(test, err, o->ret, "options %u in a loop", i);
		KUNIT_EXPECT_EQ(test, t->runs, o->ret ? 0 : 2);
		value += o->ret ? 0 : 2;
		KUNIT_EXPECT_EQ(test, kcas_test_value(t->word), value);
	}
}

static void kcas_tx_test_no_body(struct kunit *test)
{
	debra_test_splat_begin();
	KUNIT_EXPECT_EQ(test, kcas_tx_run(NULL, NULL, NULL), -EINVAL);
	debra_test_splat_end();
}

/* ---------------------------------------------------------------- results */

static int kcas_tx_test_return_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	int err = kcas_tx_inc(tx, &t->word[0]) ?: kcas_tx_dec(tx, &t->word[1]);

	return err ?: *(const int *)t->arg;
}

/* What is the body's own goes to the caller, whatever it is called. */
static void kcas_tx_test_results(struct kunit *test)
{
	static const int results[] = { -EIO, -EAGAIN, -ERESTART, -ENOMEM, -EBUSY, -ETIMEDOUT,
				       -1, -MAX_ERRNO, INT_MIN, 1, 2, INT_MAX };
	struct kcas_tx_test *t = kcas_tx_test(test, 2);
	unsigned int i;
	int ret, err;

	for (i = 0; i < ARRAY_SIZE(results); i++) {
		t->arg = (void *)&results[i];
		ret = results[i] > 0 ? -EINVAL : results[i];
		KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_return_body), ret);
		kcas_tx_loop(tx, &t->opts, err) {
			err = kcas_tx_test_return_body(tx, t);
		}
		KUNIT_EXPECT_EQ(test, err, ret);
		KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 10);
		KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), 11);
	}
}

/* The sum of both words is 21, but for who sees them at two moments. */
static int kcas_tx_test_torn_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	struct kcas_word *w = t->word;
	long a, b;
	int err;

	t->runs++;
	err = kcas_tx_get_int(tx, &w[0], &a);
	if (err)
		return err;
	/* Somebody else comes in between, three times. */
	if (t->size && t->size--)
		kcas_tx_check(t, kcas2(&w[0], kcas_int(a), kcas_int(a + 1), &w[1],
				       kcas_int(21 - a), kcas_int(20 - a)) == 1);
	err = kcas_tx_get_int(tx, &w[1], &b);
	if (err)
		return err == -EAGAIN ? -EXDEV : err;
	if (a + b == 21)
		return t->step ? kcas_tx_inc(tx, &w[2]) : 0;
	kcas_tx_check(t, t->opts.flags & KCAS_TX_RELAXED);
	/* The second word is as it was read. */
	kcas_tx_check(t, !kcas_tx_validate(tx, &w[1]));
	err = kcas_tx_validate(tx, t->step ? &w[0] : NULL);
	kcas_tx_check(t, err == -EAGAIN);
	return -EBADMSG;
}

static void kcas_tx_test_torn(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 3);

	for (t->step = 0; t->step < 2; t->step++) {
		t->size = 3;
		t->runs = 0;
		KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_torn_body), 0);
		KUNIT_EXPECT_GE(test, t->runs, 4);
		kcas_tx_test_verdict(t);
	}
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 16);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[2]), 13);
}

/* As above, without a look: the error was made of what never was, and must not be seen. */
static int kcas_tx_test_stale_error_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	struct kcas_word *w = t->word;
	long a, b;
	int err;

	err = kcas_tx_get_int(tx, &w[0], &a);
	if (err)
		return -EXDEV;
	if (t->size && t->size--)
		kcas_tx_check(t, kcas2(&w[0], kcas_int(a), kcas_int(a + 1), &w[1],
				       kcas_int(21 - a), kcas_int(20 - a)) == 1);
	err = kcas_tx_get_int(tx, &w[1], &b);
	if (err)
		return t->step ? 0 : -EXDEV;
	return a + b == 21 ? 0 : -EBADMSG;
}

static void kcas_tx_test_stale_error(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 2);

	for (t->step = 0; t->step < 2; t->step++) {
		t->size = 5;
		KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_stale_error_body), 0);
		KUNIT_EXPECT_EQ(test, t->size, 0);
		kcas_tx_test_verdict(t);
	}
}

/* ---------------------------------------------------------------- loops */

static void kcas_tx_test_loop_continue(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 2);
	long value;
	int err;

	kcas_tx_loop(tx, &t->opts, err) {
		kcas_tx_check(t, !err);
		err = kcas_tx_add(tx, &t->word[0], 1, &value);
		if (err)
			continue;
		kcas_tx_check(t, value == 11);
		err = kcas_tx_inc(tx, &t->word[1]);
		if (!err)
			continue;
		kcas_tx_check(t, t->inject);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	kcas_tx_test_verdict(t);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 11);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), 12);
}

static void kcas_tx_test_count(void *arg)
{
	++*(unsigned int *)arg;
}

static int kcas_tx_test_leave(struct kcas_tx_test *t, unsigned int *aborted, int how)
{
	int err;

	kcas_tx_loop(tx, &t->opts, err) {
		err = kcas_tx_inc(tx, t->word) ?: kcas_tx_on_abort(tx, kcas_tx_test_count, aborted);
		if (err)
			continue;
		if (how == 0)
			break;
		if (how == 1)
			return 7;
		if (how == 2)
			goto out;
	}
	return err;
out:
	return 9;
}

static void kcas_tx_test_loop_leave(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 1);
	unsigned int aborted = 0;

	KUNIT_EXPECT_EQ(test, kcas_tx_test_leave(t, &aborted, 0), 0);
	KUNIT_EXPECT_EQ(test, aborted, 1);
	KUNIT_EXPECT_EQ(test, kcas_tx_test_leave(t, &aborted, 1), 7);
	KUNIT_EXPECT_EQ(test, aborted, 2);
	KUNIT_EXPECT_EQ(test, kcas_tx_test_leave(t, &aborted, 2), 9);
	KUNIT_EXPECT_EQ(test, aborted, 3);
	KUNIT_EXPECT_EQ(test, kcas_test_value(t->word), 10);
	KUNIT_EXPECT_EQ(test, kcas_tx_test_leave(t, &aborted, 3), 0);
	KUNIT_EXPECT_EQ(test, aborted, 3);
	KUNIT_EXPECT_EQ(test, kcas_test_value(t->word), 11);
}

/* ---------------------------------------------------------------- attempts */

/* Somebody else is faster each time. */
static int kcas_tx_test_beaten_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	int err = kcas_tx_inc(tx, &t->word[0]) ?: kcas_tx_inc(tx, &t->word[1]);

	if (err)
		return err;
	t->runs++;
	if (!t->size || t->size--)
		kcas_tx_check(t, !kcas_add(&t->word[t->step], 1, NULL));
	return 0;
}

static void kcas_tx_test_attempts(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 2);
	unsigned int nr;
	int err;

	for (nr = 1; nr < 30; nr += nr) {
		t->opts.attempts = nr;
		t->opts.patience = nr % 3;
		t->runs = 0;
		t->size = 0;
		t->step = nr % 2;
		KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_beaten_body), -EBUSY);
		KUNIT_EXPECT_EQ(test, t->runs, nr);
		if (nr == 1)
			continue;
		t->runs = 0;
		/* Beaten once less, it gets through. */
		t->size = nr - 1;
		kcas_tx_loop(tx, &t->opts, err) {
			err = t->size ? kcas_tx_test_beaten_body(tx, t) :
			      kcas_tx_inc(tx, &t->word[0]);
		}
		KUNIT_EXPECT_EQ(test, err, 0);
		KUNIT_EXPECT_EQ(test, t->runs, nr - 1);
	}
	kcas_tx_test_verdict(t);
}

/* ---------------------------------------------------------------- one in another */

static int kcas_tx_test_joined_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	int err = kcas_tx_dec(tx, &t->word[0]);

	return err ?: kcas_tx_join(tx, kcas_tx_test_plus_one, t) ?: kcas_tx_inc(tx, &t->word[1]) ?:
	       t->flag ? -EIO : 0;
}

static void kcas_tx_test_join(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 2);

	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_joined_body), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 10);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), 12);
	t->flag = true;
	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_joined_body), -EIO);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 10);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), 12);
	KUNIT_EXPECT_EQ(test, kcas_tx_join(NULL, kcas_tx_test_plus_one, t), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 11);
}

static int kcas_tx_test_nested_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_opts nowait = { .flags = KCAS_TX_NOWAIT };
	struct kcas_tx_test *t = arg;
	int inner = 0, err = kcas_tx_inc(tx, &t->word[1]);

	if (err)
		return err;
	kcas_tx_check(t, kcas_tx_run(kcas_tx_test_plus_one, t, &nowait) == -EDEADLK);
	kcas_tx_loop(other, &nowait, inner) {
		kcas_tx_check(t, false);
	}
	kcas_tx_check(t, inner == -EDEADLK);
	if (t->opts.flags & KCAS_TX_SLEEPABLE)
		kcas_tx_check(t, kcas_tx_join(NULL, kcas_tx_test_plus_one, t) == -EDEADLK);
	return kcas_tx_inc(tx, &t->word[2]);
}

static void kcas_tx_test_nested(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 3);

	debra_test_splat_begin();
	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_nested_body), 0);
	debra_test_splat_end();
	kcas_tx_test_verdict(t);
	KUNIT_EXPECT_EQ(test, t->runs, 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 10);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), 12);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[2]), 13);
	/* Nothing is left of it. */
	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_plus_one), 0);
}

/* ---------------------------------------------------------------- sizes */

static int kcas_tx_test_too_many_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	unsigned long value;
	unsigned int i;
	int err = 0;

	for (i = 0; i < t->size && !err; i++)
		err = i % 1024 ? kcas_tx_get(tx, &t->word[i], &value) :
		      kcas_tx_inc(tx, &t->word[i]);
	kcas_tx_check(t, err != -E2BIG || i == KCAS_MAX_WORDS + 1);
	return err;
}

static void kcas_tx_test_too_many(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, KCAS_MAX_WORDS + 1);
	unsigned int i, wrong = 0;

	t->size = KCAS_MAX_WORDS + 1;
	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_too_many_body), -E2BIG);
	for (i = 0; i <= KCAS_MAX_WORDS; i++)
		wrong += READ_ONCE(t->word[i].content) != kcas_int(10 + i);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	t->size = KCAS_MAX_WORDS;
	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_too_many_body), 0);
	for (i = 0; i < KCAS_MAX_WORDS; i++)
		wrong += kcas_test_value(&t->word[i]) != 10 + i + !(i % 1024);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	kcas_tx_test_verdict(t);
}

#define KCAS_TX_CASE(name)	KUNIT_CASE_PARAM(name, kcas_tx_test_how_gen_params)

static struct kunit_case kcas_tx_semantics_cases[] = {
	KUNIT_CASE(kcas_tx_test_lengths),
	KUNIT_CASE(kcas_tx_test_loops),
	KUNIT_CASE(kcas_tx_test_retry),
	KCAS_TX_CASE(kcas_tx_test_ints),
	KCAS_TX_CASE(kcas_tx_test_raw),
	KCAS_TX_CASE(kcas_tx_test_swap),
	KCAS_TX_CASE(kcas_tx_test_ptrs),
	KCAS_TX_CASE(kcas_tx_test_own_writes),
	KCAS_TX_CASE(kcas_tx_test_restoring),
	KCAS_TX_CASE(kcas_tx_test_bad_input),
	KUNIT_CASE(kcas_tx_test_bad_opts),
	KUNIT_CASE(kcas_tx_test_no_body),
	KCAS_TX_CASE(kcas_tx_test_results),
	KCAS_TX_CASE(kcas_tx_test_torn),
	KCAS_TX_CASE(kcas_tx_test_stale_error),
	KCAS_TX_CASE(kcas_tx_test_loop_continue),
	KCAS_TX_CASE(kcas_tx_test_loop_leave),
	KCAS_TX_CASE(kcas_tx_test_attempts),
	KCAS_TX_CASE(kcas_tx_test_join),
	KCAS_TX_CASE(kcas_tx_test_nested),
	KUNIT_CASE(kcas_tx_test_too_many),
	{}
};

static struct kunit_suite kcas_tx_semantics_suite = {
	.name = "kcas_tx_semantics",
	.init = kcas_tx_test_init,
	.test_cases = kcas_tx_semantics_cases,
};

kunit_test_suite(kcas_tx_semantics_suite);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: what transactions do, one at a time.
 */
#include <linux/kcas-tx.h>
#include <linux/kthread.h>

#include "kcas_test_util.h"

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

static void kcas_tx_test_loop(struct kunit *test)
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

static struct kunit_case kcas_tx_semantics_cases[] = {
	KUNIT_CASE(kcas_tx_test_lengths),
	KUNIT_CASE(kcas_tx_test_loop),
	KUNIT_CASE(kcas_tx_test_retry),
	{}
};

static struct kunit_suite kcas_tx_semantics_suite = {
	.name = "kcas_tx_semantics",
	.test_cases = kcas_tx_semantics_cases,
};

kunit_test_suite(kcas_tx_semantics_suite);

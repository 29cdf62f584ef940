// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: transactions for which there is no memory, and such that need much.
 *
 * The parameter tx_fail has allocations fail, every so many of them; whichever that are, a
 * transaction gets through or leaves nothing behind.
 */
#include <linux/gcd.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kcas_tx_test_util.h"

KUNIT_ARRAY_PARAM(kcas_tx_test_how, kcas_tx_test_hows, kcas_tx_test_how_desc);

/* ---------------------------------------------------------------- long logs */

/* Each word twice, in an order that is not theirs; every third is written. */
static int kcas_tx_test_long_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	unsigned int i, at;
	long value;
	int err = 0;

	for (i = 0; i < 2 * t->size && !err; i++) {
		at = (u64)i * t->step % t->size;
		err = kcas_tx_get_int(tx, &t->word[at], &value);
		if (!err && value != 10L + at + (at % 3 ? 0 : i / t->size))
			kcas_tx_check(t, false);
		if (!err && at % 3 == 0)
			err = kcas_tx_inc(tx, &t->word[at]);
	}
	return err;
}

static unsigned int kcas_tx_test_long_wrong(struct kcas_tx_test *t, bool committed)
{
	unsigned int i, wrong = 0;
	long want;

	for (i = 0; i < t->size; i++) {
		want = 10L + i + (committed && i % 3 == 0 ? 2 : 0);
		wrong += kcas_test_value(&t->word[i]) != want;
	}
	return wrong;
}

static void kcas_tx_test_long_logs(struct kunit *test)
{
	static const unsigned int sizes[] = { 7, 15, 16, 18, 47, 130, 1024, 4099, 10000, 100000 };
	unsigned int i, nr = ARRAY_SIZE(sizes);
	struct kcas_tx_test *t;
	int ret;

	t = kcas_tx_test(test, 1);
	/* Memory that comes in one piece and at once is not always there. */
	if (t->opts.flags & (KCAS_TX_NOWAIT | KCAS_TX_PINNED))
		nr -= 3;
	else if (t->inject)
		nr -= 2;
	for (i = 0; i < nr; i++) {
		t = kcas_tx_test(test, sizes[i]);
		t->size = sizes[i];
		t->step = 2 * (t->size / 3) + 1;
		while (gcd(t->step, t->size) != 1)
			t->step++;
		ret = kcas_tx_test_run(t, kcas_tx_test_long_body);
		KUNIT_EXPECT_EQ_MSG(test, ret, kcas_tx_test_outcome(t, t->size, ret, 0), "%u words",
				    t->size);
		KUNIT_EXPECT_EQ(test, kcas_tx_test_long_wrong(t, !ret), 0);
		kcas_tx_test_verdict(t);
	}
}

/* ---------------------------------------------------------------- no memory */

#ifdef CONFIG_DEBRA_DEBUG

#define KCAS_TX_TEST_FAILURES	32	/* some of them larger than what a run asks for */
#define KCAS_TX_TEST_PROMISES	20

struct kcas_tx_test_dead {
	struct kcas_head head;
	atomic_t *calls;
};

/**
 * struct kcas_tx_test_poor - a transaction that needs memory of all kinds
 * @t: the test; @t->size words are written, twice
 * @wait: it waits in the end
 * @committed: actions for that
 * @promised: actions for the other case, of all attempts
 * @aborted: and how many were done
 * @retired: callbacks
 */
struct kcas_tx_test_poor {
	struct kcas_tx_test *t;
	bool wait;
	unsigned int committed;
	unsigned int promised;
	unsigned int aborted;
	atomic_t retired;
};

static void kcas_tx_test_count(void *arg)
{
	++*(unsigned int *)arg;
}

static void kcas_tx_test_dead_free(struct kcas_head *head)
{
	struct kcas_tx_test_dead *dead = container_of(head, struct kcas_tx_test_dead, head);

	atomic_inc(dead->calls);
	kfree(dead);
}

static int kcas_tx_test_poor_dead(struct kcas_tx *tx, struct kcas_tx_test_poor *poor)
{
	struct kcas_tx_test_dead *dead = kcas_tx_alloc(tx, sizeof(*dead));

	if (IS_ERR(dead))
		return PTR_ERR(dead);
	dead->calls = &poor->retired;
	return kcas_tx_retire(tx, &dead->head, kcas_tx_test_dead_free);
}

static int kcas_tx_test_poor_promise(struct kcas_tx *tx, struct kcas_tx_test_poor *poor)
{
	int err = kcas_tx_on_abort(tx, kcas_tx_test_count, &poor->aborted);

	if (err)
		return err;
	poor->promised++;
	return kcas_tx_on_commit(tx, kcas_tx_test_count, &poor->committed);
}

static int kcas_tx_test_poor_add(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_poor *poor = arg;
	unsigned int i;
	int err = 0;

	for (i = 0; i < poor->t->size && !err; i++)
		err = kcas_tx_inc(tx, &poor->t->word[i]);
	return err;
}

static int kcas_tx_test_poor_add_wait(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_test_poor_add(tx, arg) ?: kcas_tx_retry(tx);
}

static int kcas_tx_test_poor_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_poor *poor = arg;
	unsigned int i;
	int err;

	err = kcas_tx_or_else(tx, kcas_tx_test_poor_add_wait, kcas_tx_test_poor_add, poor) ?:
	      kcas_tx_test_poor_add(tx, poor);
	for (i = 0; i < KCAS_TX_TEST_PROMISES && !err; i++)
		err = kcas_tx_test_poor_promise(tx, poor);
	err = err ?: kcas_tx_test_poor_dead(tx, poor);
	return err ?: poor->wait ? kcas_tx_retry(tx) : 0;
}

static void kcas_tx_test_poor_judge(struct kunit *test, struct kcas_tx_test_poor *poor, int ret)
{
	struct kcas_tx_test *t = poor->t;
	unsigned int i, wrong = 0;

	for (i = 0; i < t->size; i++)
		wrong += kcas_test_value(&t->word[i]) != 10 + i + (ret ? 0 : 2);
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "of %u words, result %d", t->size, ret);
	KUNIT_EXPECT_EQ(test, poor->committed, ret ? 0 : KCAS_TX_TEST_PROMISES);
	KUNIT_EXPECT_EQ(test, poor->aborted, poor->promised - poor->committed);
	for (i = 0; i < t->size; i++)
		wrong += kcas_set(&t->word[i], kcas_int(10 + i)) != 0;
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* Return: whether there was enough memory. */
static bool kcas_tx_test_poor_run(struct kunit *test, struct kcas_tx_test_poor *poor)
{
	struct kcas_tx_test *t = poor->t;
	int ret, want = 0;

	if (poor->wait)
		want = kcas_tx_test_may_wait(t) ? -ETIMEDOUT : -EWOULDBLOCK;
	t->opts.timeout = want == -ETIMEDOUT;
	poor->committed = 0;
	poor->promised = 0;
	poor->aborted = 0;
	ret = kcas_tx_run(kcas_tx_test_poor_body, poor, &t->opts);
	if (ret != -ENOMEM)
		KUNIT_EXPECT_EQ(test, ret, want);
	kcas_tx_test_poor_judge(test, poor, ret);
	return ret != -ENOMEM;
}

static void kcas_tx_test_no_memory(struct kunit *test)
{
	static const unsigned int sizes[] = { 1, 2, 17, 33, 70, 300 };
	struct kcas_tx_test_poor poor = { .t = kcas_tx_test(test, 300) };
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i, every, good = 0, bad = 0, committed = 0;
	/* It always asks for some. */
	bool enough = kcas_tx_test_has_memory(poor.t);

	atomic_set(&poor.retired, 0);
	/* So that it is put back come what may. */
	kcas_tx_test_set(test, files, "tx_fail", 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		poor.t->size = sizes[i];
		for (every = 1; every <= KCAS_TX_TEST_FAILURES; every++) {
			poor.wait = every % 5 == 2;
			kcas_tx_test_write(test, files, "tx_fail", every);
			if (kcas_tx_test_poor_run(test, &poor))
				good++;
			else
				bad++;
			committed += !!poor.committed;
		}
		kcas_tx_test_write(test, files, "tx_fail", 0);
		poor.wait = false;
		KUNIT_EXPECT_EQ(test, kcas_tx_test_poor_run(test, &poor), enough);
		committed += enough;
	}
	KUNIT_EXPECT_EQ(test, good > 0, enough);
	KUNIT_EXPECT_GT(test, bad, 0);
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&poor.retired), committed);
	kunit_info(test, "%u had enough, %u had not, %u committed", good, bad, committed);
}
#endif /* CONFIG_DEBRA_DEBUG */

#define KCAS_TX_CASE(name)	KUNIT_CASE_PARAM(name, kcas_tx_test_how_gen_params)

static struct kunit_case kcas_tx_memory_cases[] = {
	KCAS_TX_CASE(kcas_tx_test_long_logs),
#ifdef CONFIG_DEBRA_DEBUG
	KCAS_TX_CASE(kcas_tx_test_no_memory),
#endif
	{}
};

static struct kunit_suite kcas_tx_memory_suite = {
	.name = "kcas_tx_memory",
	.init = kcas_tx_test_init,
	.test_cases = kcas_tx_memory_cases,
};

kunit_test_suite(kcas_tx_memory_suite);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: locks that bodies of transactions must not take, as lockdep sees them.
 *
 * A module of its own, to be loaded last: when lockdep has reported something it is off.
 */
#include <linux/debug_locks.h>
#include <linux/kcas-tx.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "debra_test_util.h"

static DEFINE_MUTEX(kcas_lockdep_mutex);	/* protects nothing */
static struct kcas_word kcas_lockdep_word;

static void kcas_lockdep_take(void *unused)
{
	mutex_lock(&kcas_lockdep_mutex);
	mutex_unlock(&kcas_lockdep_mutex);
}

static int kcas_lockdep_inc(struct kcas_tx *tx, void *unused)
{
	return kcas_tx_inc(tx, &kcas_lockdep_word);
}

static int kcas_lockdep_inc_and_act(struct kcas_tx *tx, void *unused)
{
	return kcas_tx_on_commit(tx, kcas_lockdep_take, NULL) ?: kcas_lockdep_inc(tx, NULL);
}

static int kcas_lockdep_inc_in_lock(struct kcas_tx *tx, void *unused)
{
	kcas_lockdep_take(NULL);
	return kcas_lockdep_inc(tx, NULL);
}

static void kcas_lockdep_run(struct kunit *test, kcas_tx_fn body, unsigned int flags)
{
	const struct kcas_tx_opts opts = { .flags = flags };

	KUNIT_EXPECT_EQ(test, kcas_tx_run(body, NULL, &opts), 0);
}

/* Under a mutex, all that is allowed: transactions, if no body takes it, and actions. */
static void kcas_lockdep_allowed(struct kunit *test)
{
	KUNIT_ASSERT_TRUE_MSG(test, debug_locks, "lockdep is off already");
	kcas_lockdep_run(test, kcas_lockdep_inc_and_act, 0);
	mutex_lock(&kcas_lockdep_mutex);
	kcas_lockdep_run(test, kcas_lockdep_inc, KCAS_TX_NOWAIT);
	mutex_unlock(&kcas_lockdep_mutex);
	KUNIT_EXPECT_TRUE(test, debug_locks);
}

/*
 * A body takes a mutex; somebody who holds it runs a transaction that waits, should the first one
 * starve. Neither need happen at the same time, nor anybody starve: it is said beforehand.
 */
static void kcas_lockdep_forbidden(struct kunit *test)
{
	KUNIT_ASSERT_TRUE_MSG(test, debug_locks, "lockdep is off already");
	kcas_lockdep_run(test, kcas_lockdep_inc_in_lock, KCAS_TX_SLEEPABLE);
	KUNIT_EXPECT_TRUE(test, debug_locks);
	debra_test_splat_begin_of("possible recursive locking|possible circular locking");
	mutex_lock(&kcas_lockdep_mutex);
	kcas_lockdep_run(test, kcas_lockdep_inc, 0);
	mutex_unlock(&kcas_lockdep_mutex);
	debra_test_splat_end();
	KUNIT_EXPECT_FALSE_MSG(test, debug_locks, "lockdep has not noticed");
}

/* Nothing refers to the word when the module goes. */
static void kcas_lockdep_exit(struct kunit *test)
{
	kcas_barrier();
}

static struct kunit_case kcas_lockdep_cases[] = {
	KUNIT_CASE(kcas_lockdep_allowed),
	KUNIT_CASE(kcas_lockdep_forbidden),
	{}
};

static struct kunit_suite kcas_lockdep_suite = {
	.name = "kcas_lockdep",
	.exit = kcas_lockdep_exit,
	.test_cases = kcas_lockdep_cases,
};

kunit_test_suite(kcas_lockdep_suite);

MODULE_DESCRIPTION("KUnit tests of kcas that turn lockdep off");
MODULE_LICENSE("GPL");

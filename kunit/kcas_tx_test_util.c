// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: transactions that are watched.
 */
#include <kunit/resource.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kcas_tx_test_util.h"

const struct kcas_tx_test_how kcas_tx_test_hows[KCAS_TX_TEST_HOWS] = {
	{ "plain" },
	{ "not waiting", KCAS_TX_NOWAIT },
	{ "sleepable", KCAS_TX_SLEEPABLE },
	{ "pinned", KCAS_TX_PINNED },
	{ "relaxed", KCAS_TX_RELAXED | KCAS_TX_KILLABLE },
#ifdef CONFIG_DEBRA_DEBUG
	{ "plain, each access aborted", 0, 1 },
	{ "plain, every 3rd aborted", 0, 3 },
	{ "not waiting, every 2nd aborted", KCAS_TX_NOWAIT, 2 },
	{ "sleepable, every 5th aborted", KCAS_TX_SLEEPABLE | KCAS_TX_INTERRUPTIBLE, 5 },
	{ "pinned, every 4th aborted", KCAS_TX_PINNED, 4 },
#endif
};

/* ---------------------------------------------------------------- files */

static void kcas_tx_test_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "sysfs/module/kcas/parameters/%s", name);
}

/**
 * kcas_tx_test_write() - change a parameter of kcas, for good
 * @test: the test
 * @files: from debra_test_files()
 * @name: the parameter
 * @value: its value
 */
void kcas_tx_test_write(struct kunit *test, struct debra_test_files *files, const char *name,
			unsigned int value)
{
	char path[64], text[24];

	kcas_tx_test_path(path, sizeof(path), name);
	snprintf(text, sizeof(text), "%u", value);
	KUNIT_ASSERT_EQ(test, debra_test_write(files, path, text), strlen(text));
}

struct kcas_tx_test_saved {
	struct debra_test_files *files;
	char path[64];
	char value[24];
};

static void kcas_tx_test_restore(void *data)
{
	struct kcas_tx_test_saved *saved = data;

	if (debra_test_write(saved->files, saved->path, saved->value) < 0)
		pr_err("kcas-test: cannot restore %s\n", saved->path);
}

/**
 * kcas_tx_test_set() - change a parameter of kcas for this test
 * @test: the test
 * @files: from debra_test_files()
 * @name: the parameter
 * @value: its value until the test is over
 */
void kcas_tx_test_set(struct kunit *test, struct debra_test_files *files, const char *name,
		      unsigned int value)
{
	struct kcas_tx_test_saved *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, saved);
	saved->files = files;
	kcas_tx_test_path(saved->path, sizeof(saved->path), name);
	KUNIT_ASSERT_GT_MSG(test, debra_test_read(files, saved->path), 0, "parameter %s", name);
	strscpy(saved->value, debra_test_text(files), sizeof(saved->value));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_tx_test_restore, saved));
	kcas_tx_test_write(test, files, name, value);
}

/**
 * kcas_tx_test_stat() - a number of the statistics of transactions
 * @files: from debra_test_files()
 * @name: the name of the line
 *
 * Return: the number, or a negative error; no number is negative.
 */
long kcas_tx_test_stat(struct debra_test_files *files, const char *name)
{
	ssize_t nr = debra_test_read(files, "debugfs/kcas/transactions");
	size_t len = strlen(name);
	const char *line;
	long value;

	if (nr < 0)
		return nr;
	for (line = debra_test_text(files); line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) &&
		    sscanf(line + len, ": %ld", &value) == 1)
			return value;
	}
	return -ENOENT;
}

/* ---------------------------------------------------------------- transactions */

/**
 * kcas_tx_test_init() - for suites whose parameters are struct kcas_tx_test_how
 * @test: a test
 *
 * Return: 0.
 */
int kcas_tx_test_init(struct kunit *test)
{
	const struct kcas_tx_test_how *how = test->param_value;

	test->priv = (void *)how;
	if (!how || !how->inject)
		return 0;
	kcas_tx_test_set(test, debra_test_files(test), "tx_inject", how->inject);
	return 0;
}

/**
 * kcas_tx_test_undisturbed() - no access of this test is made to fail
 * @test: the test, which counts attempts
 */
void kcas_tx_test_undisturbed(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_DEBRA_DEBUG))
		kcas_tx_test_set(test, debra_test_files(test), "tx_inject", 0);
}

/* Which the case asks for, or whoever has loaded the module. */
static unsigned int kcas_tx_test_injected(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	unsigned int value = 0;
	char path[64];

	kcas_tx_test_path(path, sizeof(path), "tx_inject");
	KUNIT_ASSERT_GT(test, debra_test_read(files, path), 0);
	KUNIT_ASSERT_EQ(test, kstrtouint(debra_test_text(files), 10, &value), 0);
	return value;
}

/**
 * kcas_tx_test() - a transaction that is watched, run as the test's parameter says
 * @test: the test
 * @nr: how many words
 *
 * Return: what its body gets as argument.
 */
struct kcas_tx_test *kcas_tx_test(struct kunit *test, unsigned int nr)
{
	struct kcas_tx_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	const struct kcas_tx_test_how *how = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->word = kcas_test_words(test, nr, 10);
	if (how)
		t->opts.flags = how->flags;
	if (IS_ENABLED(CONFIG_DEBRA_DEBUG))
		t->inject = kcas_tx_test_injected(test);
	return t;
}

int kcas_tx_test_run(struct kcas_tx_test *t, kcas_tx_fn body)
{
	return kcas_tx_run(body, t, &t->opts);
}

/**
 * kcas_tx_test_has_memory() - can its body ask for memory?
 * @t: a transaction, to be run by the caller
 *
 * Nobody can in an NMI; and with PREEMPT_RT nobody where preemption is off, unless there is
 * another form.
 *
 * Return: true if so.
 */
bool kcas_tx_test_has_memory(const struct kcas_tx_test *t)
{
	if (in_nmi())
		return false;
	return !IS_ENABLED(CONFIG_PREEMPT_RT) ||
	       !(t->opts.flags & (KCAS_TX_NOWAIT | KCAS_TX_PINNED));
}

/**
 * kcas_tx_test_outcome() - what is to come of a transaction
 * @t: the transaction, as for kcas_tx_test_has_memory()
 * @nr: of how many words, or with how many actions
 * @ret: what has come of it
 * @want: what should, if there is memory
 *
 * Return: @want or -ENOMEM; either, if it is a matter of what others have left to its log.
 */
int kcas_tx_test_outcome(const struct kcas_tx_test *t, unsigned int nr, int ret, int want)
{
	if (nr <= KCAS_TX_TEST_FEW || kcas_tx_test_has_memory(t))
		return want;
	return nr > KCAS_TX_TEST_KEPT || ret == -ENOMEM ? -ENOMEM : want;
}

/**
 * kcas_tx_test_verdict() - was all as it should be?
 * @t: a transaction that is over
 */
void kcas_tx_test_verdict(struct kcas_tx_test *t)
{
	KUNIT_EXPECT_EQ_MSG(t->test, t->wrong, 0, "noted first in line %d", t->line);
	t->wrong = 0;
}

static unsigned long kcas_tx_test_not_called(unsigned long value, void *arg)
{
	struct kcas_tx_test *t = arg;

	kcas_tx_check(t, false);
	return value;
}

static int kcas_tx_test_body_not_called(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;

	kcas_tx_check(t, false);
	return -EIO;
}

static void kcas_tx_test_no_action(void *arg)
{
	struct kcas_tx_test *t = arg;

	kcas_tx_check(t, false);
}

static void kcas_tx_test_no_callback(struct kcas_head *head)
{
	pr_err("kcas-test: retired in a transaction that has failed\n");
}

static void kcas_tx_test_stuck_words(struct kcas_tx_test *t, struct kcas_tx *tx, int err)
{
	KCAS_PTR(struct kcas_tx_test) ptr = { KCAS_WORD_INIT((unsigned long)t) };
	unsigned long value = 2;
	long sum = 3;

	kcas_tx_check(t, kcas_tx_get(tx, t->word, &value) == err && !value);
	value = 4;
	kcas_tx_check(t, kcas_tx_xchg(tx, t->word, 0, &value) == err && !value);
	value = 6;
	kcas_tx_check(t, kcas_tx_cmpxchg(tx, t->word, 0, 0, &value) == err && !value);
	kcas_tx_check(t, kcas_tx_cmpxchg(tx, t->word, 0, 0, NULL) == err);
	kcas_tx_check(t, kcas_tx_get_int(tx, t->word, &sum) == err && !sum);
	sum = 5;
	kcas_tx_check(t, kcas_tx_add(tx, t->word, 7, &sum) == err && !sum);
	kcas_tx_check(t, kcas_tx_inc(tx, t->word) == err);
	kcas_tx_check(t, kcas_tx_dec(tx, t->word) == err);
	kcas_tx_check(t, kcas_tx_set(tx, t->word, 0) == err);
	kcas_tx_check(t, kcas_tx_set(tx, NULL, 1) == err);
	kcas_tx_check(t, kcas_tx_set_int(tx, t->word, 0) == err);
	kcas_tx_check(t, kcas_tx_swap(tx, &t->word[0], &t->word[1]) == err);
	kcas_tx_check(t, kcas_tx_modify(tx, t->word, kcas_tx_test_not_called, t) == err);
	kcas_tx_check(t, kcas_tx_get_ptr(tx, &ptr) == ERR_PTR(err));
	kcas_tx_check(t, kcas_tx_set_ptr(tx, &ptr, NULL) == err);
	kcas_tx_check(t, kcas_tx_protect(tx, 0, t) == err);
	kcas_tx_check(t, kcas_tx_validate(tx, NULL) == err);
	kcas_tx_check(t, kcas_tx_validate(tx, t->word) == err);
}

/**
 * kcas_tx_test_stuck() - errors stay
 * @t: the test
 * @tx: the transaction, which has failed
 * @err: how
 *
 * Return: @err.
 */
int kcas_tx_test_stuck(struct kcas_tx_test *t, struct kcas_tx *tx, int err)
{
	static const kcas_tx_fn alternatives[] = {
		kcas_tx_test_body_not_called, kcas_tx_test_body_not_called
	};
	struct kcas_head head = {};

	kcas_tx_test_stuck_words(t, tx, err);
	kcas_tx_check(t, kcas_tx_retry(tx) == err);
	kcas_tx_check(t, kcas_tx_join(tx, kcas_tx_test_body_not_called, t) == err);
	kcas_tx_check(t, kcas_tx_first(tx, alternatives, 2, t) == err);
	kcas_tx_check(t, kcas_tx_or_else(tx, kcas_tx_test_body_not_called,
					 kcas_tx_test_body_not_called, t) == err);
	kcas_tx_check(t, kcas_tx_on_commit(tx, kcas_tx_test_no_action, t) == err);
	kcas_tx_check(t, kcas_tx_on_abort(tx, kcas_tx_test_no_action, t) == err);
	kcas_tx_check(t, kcas_tx_alloc(tx, 8) == ERR_PTR(err));
	kcas_tx_check(t, kcas_tx_retire(tx, &head, kcas_tx_test_no_callback) == err);
	return err;
}

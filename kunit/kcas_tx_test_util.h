/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas tests: what the suites of transactions share.
 *
 * A body notes what it has seen, and the test judges it when the transaction is over: no
 * assertion may be made in a section. Attempts may be made to fail at any access
 * (tx_inject), so a body never concludes from how often it ran, and looks only at what
 * came without an error.
 */
#ifndef _KCAS_TX_TEST_UTIL_H
#define _KCAS_TX_TEST_UTIL_H

#include <linux/kcas-tx.h>

#include "kcas_test_util.h"

#define KCAS_TX_TEST_IDS	64

/**
 * struct kcas_tx_test_how - a way to run a transaction
 * @name: for the name of the case
 * @flags: KCAS_TX_*
 * @inject: the parameter tx_inject
 */
struct kcas_tx_test_how {
	const char *name;
	unsigned int flags;
	unsigned int inject;
};

/* With aborts that are injected, and without. */
#define KCAS_TX_TEST_HOWS	(IS_ENABLED(CONFIG_DEBRA_DEBUG) ? 10 : 5)

extern const struct kcas_tx_test_how kcas_tx_test_hows[KCAS_TX_TEST_HOWS];

static inline void kcas_tx_test_how_desc(const struct kcas_tx_test_how *how, char *desc)
{
	strscpy(desc, how->name, KUNIT_PARAM_DESC_SIZE);
}

/**
 * struct kcas_tx_test - a transaction that is watched
 * @test: the test
 * @word: words, which hold 10, 11, 12 and so on in the beginning
 * @opts: how to run it
 * @inject: every so many accesses fail
 * @runs: so often the body has begun
 * @step: for the body, what to do
 * @size: for the body, how many words
 * @flag: for the body, what has been done once
 * @wrong: so many things were not as they should be
 * @line: where the first one of them was noted
 * @nr_ids: how many actions were done, or are wanted
 * @id: which
 * @arg: for the body
 */
struct kcas_tx_test {
	struct kunit *test;
	struct kcas_word *word;
	struct kcas_tx_opts opts;
	unsigned int inject;
	unsigned int runs;
	unsigned int step;
	unsigned int size;
	bool flag;
	unsigned int wrong;
	int line;
	unsigned int nr_ids;
	int id[KCAS_TX_TEST_IDS];
	void *arg;
};

static inline void kcas_tx_test_note(struct kcas_tx_test *t, bool good, int line)
{
	if (unlikely(!good) && !t->wrong++)
		t->line = line;
}

/* To be used in a body, and wherever else nothing may be asserted. */
#define kcas_tx_check(t, cond)	kcas_tx_test_note(t, cond, __LINE__)

#define KCAS_TX_TEST_FEW	16	/* words or actions for which there always is room, */
#define KCAS_TX_TEST_KEPT	64	/* and for which a log may have room from others */

/*
 * Jiffies until the end of a wait without one. Its last attempt has to get as far as that, and
 * with PREEMPT_RT those before may find no memory.
 */
#define KCAS_TX_TEST_MOMENT	(IS_ENABLED(CONFIG_PREEMPT_RT) ? HZ / 20 + 1 : 1)

int kcas_tx_test_init(struct kunit *test);
struct kcas_tx_test *kcas_tx_test(struct kunit *test, unsigned int nr);
int kcas_tx_test_run(struct kcas_tx_test *t, kcas_tx_fn body);
void kcas_tx_test_verdict(struct kcas_tx_test *t);
int kcas_tx_test_stuck(struct kcas_tx_test *t, struct kcas_tx *tx, int err);
long kcas_tx_test_stat(struct debra_test_files *files, const char *name);
void kcas_tx_test_write(struct kunit *test, struct debra_test_files *files, const char *name,
			unsigned int value);
void kcas_tx_test_set(struct kunit *test, struct debra_test_files *files, const char *name,
		      unsigned int value);
void kcas_tx_test_undisturbed(struct kunit *test);
bool kcas_tx_test_has_memory(const struct kcas_tx_test *t);
int kcas_tx_test_outcome(const struct kcas_tx_test *t, unsigned int nr, int ret, int want);

static inline bool kcas_tx_test_may_wait(const struct kcas_tx_test *t)
{
	return !(t->opts.flags & KCAS_TX_NOWAIT);
}

#endif /* _KCAS_TX_TEST_UTIL_H */

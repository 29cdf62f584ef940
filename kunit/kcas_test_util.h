/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas tests: what the suites share, beside what those of debra have.
 */
#ifndef _KCAS_TEST_UTIL_H
#define _KCAS_TEST_UTIL_H

#include <linux/kcas.h>

#include "debra_test_util.h"

#define KCAS_TEST_POOLED	253	/* words: the largest operation that comes from the pool */
#define KCAS_TEST_LARGE		1000

int kcas_test_settle(void);
void *kcas_test_alloc(struct kunit *test, size_t nr, size_t size);
struct kcas_word *kcas_test_words(struct kunit *test, unsigned int nr, long first);
struct kcas_op *kcas_test_ops(struct kunit *test, unsigned int nr);

static inline long kcas_test_value(struct kcas_word *word)
{
	return kcas_to_int(kcas_read(word));
}

static inline void kcas_test_op(struct kcas_op *op, struct kcas_word *word, long old, long new)
{
	op->word = word;
	op->old = kcas_int(old);
	op->new = kcas_int(new);
}

#ifdef CONFIG_DEBRA_DEBUG
void kcas_test_jitter(struct kunit *test);
#else
static inline void kcas_test_jitter(struct kunit *test) { }
#endif

/* So long, and until something has happened that the test is about. */
#define kcas_test_last(ms, cond)	\
	({ msleep(ms); debra_test_wait(cond); })

/* ---------------------------------------------------------------- random numbers */

/* A generator for one context: xorshift, which no interrupt can spoil for long. */
struct kcas_test_dice {
	u64 state;
};

void kcas_test_dice_init(struct kcas_test_dice *dice);
u32 kcas_test_roll(struct kcas_test_dice *dice, u32 below);

/* ---------------------------------------------------------------- files */

long kcas_test_stat(struct debra_test_files *files, const char *name);
long kcas_test_tx_stat(struct debra_test_files *files, const char *name);
long kcas_test_max_blocks(struct debra_test_files *files);
ssize_t kcas_test_write_max_blocks(struct debra_test_files *files, const char *text);
void kcas_test_set_max_blocks(struct kunit *test, struct debra_test_files *files,
			      unsigned int value);

/* ---------------------------------------------------------------- write skew */

/**
 * struct kcas_test_skew - two words of which one at most is set, each set by a comparing one
 * @word: two words, zero or one
 * @set: how often one was set
 * @both: how often both were seen to be
 * @audits: how often somebody looked
 * @errors: what was returned and never may be
 */
struct kcas_test_skew {
	struct kcas_word *word;
	atomic_long_t set;
	atomic_long_t both;
	atomic_long_t audits;
	atomic_long_t errors;
};

void kcas_test_skew_storm(struct kunit *test, debra_test_fn fn, unsigned int ms, long audits);

/* ---------------------------------------------------------------- a bank */

/**
 * struct kcas_test_bank - accounts, between which money is moved but never made
 * @account: the accounts
 * @nr: how many
 * @total: the sum of all of them
 * @moved: transfers that were done
 * @missed: those for which an account had changed
 * @no_memory: those for which there was no descriptor
 * @errors: those that returned what they never may
 * @audits: sums that were taken at one moment
 * @wrong: how many of these were another one than @total
 */
struct kcas_test_bank {
	struct kcas_word *account;
	unsigned int nr;
	long total;
	atomic_long_t moved;
	atomic_long_t missed;
	atomic_long_t no_memory;
	atomic_long_t errors;
	atomic_long_t audits;
	atomic_long_t wrong;
};

#define KCAS_TEST_ACCOUNTS	24	/* more than are sorted by insertion */

struct kcas_test_bank *kcas_test_bank(struct kunit *test);
void kcas_test_bank_move(void *bank);
void kcas_test_bank_audit(struct kcas_test_bank *bank);
int kcas_test_bank_move_fn(void *bank);
int kcas_test_bank_audit_fn(void *bank);
void kcas_test_bank_verdict(struct kunit *test, struct kcas_test_bank *bank);

#endif /* _KCAS_TEST_UTIL_H */

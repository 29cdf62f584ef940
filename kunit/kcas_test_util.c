// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: words, files, and a bank.
 */
#include <kunit/resource.h>
#include <linux/kstrtox.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "kcas_test_util.h"

struct kcas_test_dummy {
	struct kcas_head head;
};

static void kcas_test_dummy_free(struct kcas_head *head)
{
	kfree(container_of(head, struct kcas_test_dummy, head));
}

/**
 * kcas_test_settle() - wait until nothing refers to any word whose operations are over
 *
 * By the promise of kcas_retire(), not of kcas_barrier(), which has tests of its own. And
 * until the blocks of descriptors can be used again, for those who have only a few.
 *
 * Return: 0 or an error.
 */
int kcas_test_settle(void)
{
	struct kcas_test_dummy *dummy = kzalloc(sizeof(*dummy), GFP_KERNEL);

	if (!dummy)
		return -ENOMEM;
	kcas_retire(&dummy->head, kcas_test_dummy_free);
	return kcas_barrier() ?: debra_barrier(&kcas_domain);
}

static void kcas_test_free(void *data)
{
	/* Rather lost than written to after it has become something else. */
	if (kcas_test_settle())
		pr_err("kcas-test: words cannot be freed\n");
	else
		vfree(data);
}

/**
 * kcas_test_alloc() - memory for words, freed after the test
 * @test: the test
 * @nr: how many
 * @size: of what size
 *
 * Return: zeroed memory.
 */
void *kcas_test_alloc(struct kunit *test, size_t nr, size_t size)
{
	void *data = vzalloc(array_size(nr, size));

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_test_free, data));
	return data;
}

/**
 * kcas_test_words() - words that hold consecutive integers
 * @test: the test
 * @nr: how many
 * @first: what the first one holds
 *
 * Return: the words.
 */
struct kcas_word *kcas_test_words(struct kunit *test, unsigned int nr, long first)
{
	struct kcas_word *words = kcas_test_alloc(test, nr, sizeof(*words));
	unsigned int i;

	for (i = 0; i < nr; i++)
		kcas_init(&words[i], kcas_int(first + i));
	return words;
}

struct kcas_op *kcas_test_ops(struct kunit *test, unsigned int nr)
{
	return kcas_test_alloc(test, nr, sizeof(struct kcas_op));
}

/* ---------------------------------------------------------------- random numbers */

void kcas_test_dice_init(struct kcas_test_dice *dice)
{
	dice->state = ktime_get_mono_fast_ns() ^ (u64)(unsigned long)dice;
	dice->state |= 1;
}

u32 kcas_test_roll(struct kcas_test_dice *dice, u32 below)
{
	u64 x = dice->state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	dice->state = x;
	return (x >> 32) * below >> 32;
}

/* ---------------------------------------------------------------- files */

#define KCAS_TEST_STATS		"debugfs/kcas/stats"
#define KCAS_TEST_TX_STATS	"debugfs/kcas/transactions"
#define KCAS_TEST_MAX_BLOCKS	"sysfs/module/kcas/parameters/max_blocks"

static long kcas_test_number(const char *text)
{
	char digits[24];
	long value;

	strscpy(digits, text, sizeof(digits));
	digits[strcspn(digits, "\n")] = '\0';
	return kstrtol(digits, 10, &value) ? -EINVAL : value;
}

static long kcas_test_line(struct debra_test_files *files, const char *path, const char *name)
{
	ssize_t nr = debra_test_read(files, path);
	size_t len = strlen(name);
	const char *line;

	if (nr < 0)
		return nr;
	for (line = debra_test_text(files); line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && !strncmp(line + len, ": ", 2))
			return kcas_test_number(line + len + 2);
	}
	return -ENOENT;
}

/**
 * kcas_test_stat() - a number of kcas's stats
 * @files: from debra_test_files()
 * @name: the name of the line
 *
 * Return: the number, or a negative error; no number is negative.
 */
long kcas_test_stat(struct debra_test_files *files, const char *name)
{
	return kcas_test_line(files, KCAS_TEST_STATS, name);
}

/**
 * kcas_test_tx_stat() - a number of what kcas says of its transactions
 * @files: from debra_test_files()
 * @name: the name of the line
 *
 * Return: as kcas_test_stat().
 */
long kcas_test_tx_stat(struct debra_test_files *files, const char *name)
{
	return kcas_test_line(files, KCAS_TEST_TX_STATS, name);
}

long kcas_test_max_blocks(struct debra_test_files *files)
{
	ssize_t nr = debra_test_read(files, KCAS_TEST_MAX_BLOCKS);

	return nr < 0 ? nr : kcas_test_number(debra_test_text(files));
}

ssize_t kcas_test_write_max_blocks(struct debra_test_files *files, const char *text)
{
	return debra_test_write(files, KCAS_TEST_MAX_BLOCKS, text);
}

struct kcas_test_saved {
	struct debra_test_files *files;
	char value[24];
};

static void kcas_test_restore(void *data)
{
	struct kcas_test_saved *saved = data;

	if (kcas_test_write_max_blocks(saved->files, saved->value) < 0)
		pr_err("kcas-test: cannot restore max_blocks\n");
}

/**
 * kcas_test_set_max_blocks() - change the parameter max_blocks for this test
 * @test: the test
 * @files: from debra_test_files()
 * @value: its value until the test is over
 */
void kcas_test_set_max_blocks(struct kunit *test, struct debra_test_files *files,
			      unsigned int value)
{
	struct kcas_test_saved *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);
	long old = kcas_test_max_blocks(files);
	char text[24];

	KUNIT_ASSERT_NOT_NULL(test, saved);
	KUNIT_ASSERT_GE(test, old, 2);
	saved->files = files;
	snprintf(saved->value, sizeof(saved->value), "%ld", old);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_test_restore, saved));
	snprintf(text, sizeof(text), "%u", value);
	KUNIT_ASSERT_EQ(test, kcas_test_write_max_blocks(files, text), strlen(text));
	KUNIT_ASSERT_EQ(test, kcas_test_max_blocks(files), value);
}

/* ---------------------------------------------------------------- write skew */

/**
 * kcas_test_skew_storm() - set and take back, from all contexts but NMI, and see what came of it
 * @test: the test
 * @fn: sets one of the words if both are zero, and takes that back; gets a struct kcas_test_skew
 * @ms: for at least so long
 * @audits: more than so many of them
 */
void kcas_test_skew_storm(struct kunit *test, debra_test_fn fn, unsigned int ms, long audits)
{
	struct kcas_test_skew *skew = kunit_kzalloc(test, sizeof(*skew), GFP_KERNEL);
	struct debra_test_storm *storm;
	bool enough;

	KUNIT_ASSERT_NOT_NULL(test, skew);
	skew->word = kcas_test_alloc(test, 2, sizeof(*skew->word));
	kcas_test_jitter(test);
	/* Not in others, such as NMIs: one without memory could not take back what it has set. */
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALLOCATING, fn, skew);
	enough = kcas_test_last(ms, atomic_long_read(&skew->set) > 1000 &&
				atomic_long_read(&skew->audits) > audits);
	debra_test_storm_stop(test, storm);
	kunit_info(test, "set %ld times, %ld audits", atomic_long_read(&skew->set),
		   atomic_long_read(&skew->audits));
	KUNIT_EXPECT_TRUE(test, enough);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&skew->errors), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&skew->both), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&skew->word[0]), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&skew->word[1]), 0);
}

/* ---------------------------------------------------------------- a bank */

#define KCAS_TEST_DEPOSIT	1000

struct kcas_test_bank *kcas_test_bank(struct kunit *test)
{
	struct kcas_test_bank *bank = kunit_kzalloc(test, sizeof(*bank), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, bank);
	bank->nr = KCAS_TEST_ACCOUNTS;
	bank->account = kcas_test_words(test, bank->nr, 0);
	for (i = 0; i < bank->nr; i++)
		kcas_init(&bank->account[i], kcas_int(KCAS_TEST_DEPOSIT));
	bank->total = bank->nr * KCAS_TEST_DEPOSIT;
	return bank;
}

/* Some different accounts in any order: a step that has no divisor with their number. */
static void kcas_test_bank_choose(struct kcas_test_bank *bank, struct kcas_op *op, unsigned int nr)
{
	static const unsigned int steps[] = { 1, 5, 7, 11, 13, 17, 19, 23 };
	unsigned int at = debra_test_random(bank->nr);
	unsigned int step = steps[debra_test_random(ARRAY_SIZE(steps))];
	unsigned int i;

	for (i = 0; i < nr; i++, at = (at + step) % bank->nr)
		op[i].word = &bank->account[at];
}

static void kcas_test_bank_note(struct kcas_test_bank *bank, int ret)
{
	if (ret == 1)
		atomic_long_inc(&bank->moved);
	else if (!ret)
		atomic_long_inc(&bank->missed);
	else if (ret == -ENOMEM)
		atomic_long_inc(&bank->no_memory);
	else
		atomic_long_inc(&bank->errors);
}

#define KCAS_TEST_MOST	5

/**
 * kcas_test_bank_move() - one transfer; a storm's function
 * @data: the bank
 *
 * The first account gives to the others; up to two of these are only looked at.
 */
void kcas_test_bank_move(void *data)
{
	unsigned int i, nr = 2 + debra_test_random(KCAS_TEST_MOST - 1);
	unsigned int compared = debra_test_random(min(nr - 1, 3U));
	struct kcas_test_bank *bank = data;
	struct kcas_op op[KCAS_TEST_MOST];
	long sum = 1 + debra_test_random(3);

	kcas_test_bank_choose(bank, op, nr);
	for (i = 0; i < nr; i++) {
		op[i].old = kcas_read(op[i].word);
		op[i].new = op[i].old;
		if (i >= 1 && i < nr - compared)
			op[i].new += kcas_int(sum);
	}
	op[0].new -= kcas_int(sum * (nr - 1 - compared));
	kcas_test_bank_note(bank, kcas(op, nr));
}

/**
 * kcas_test_bank_audit() - try to add up all accounts at one moment
 * @bank: the bank
 */
void kcas_test_bank_audit(struct kcas_test_bank *bank)
{
	struct kcas_op op[KCAS_TEST_ACCOUNTS];
	unsigned int i;
	long sum = 0;

	for (i = 0; i < bank->nr; i++) {
		op[i].word = &bank->account[i];
		op[i].old = kcas_read(op[i].word);
		op[i].new = op[i].old;
		sum += kcas_to_int(op[i].old);
	}
	if (kcas(op, bank->nr) != 1)
		return;
	atomic_long_inc(&bank->audits);
	if (sum != bank->total)
		atomic_long_inc(&bank->wrong);
}

int kcas_test_bank_move_fn(void *data)
{
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < 32; i++)
			kcas_test_bank_move(data);
		debra_throttle(&kcas_domain);
		cond_resched();
	}
	return 0;
}

int kcas_test_bank_audit_fn(void *data)
{
	while (!kthread_should_stop()) {
		kcas_test_bank_audit(data);
		cond_resched();
	}
	return 0;
}

void kcas_test_bank_verdict(struct kunit *test, struct kcas_test_bank *bank)
{
	unsigned int i;
	long sum = 0;

	for (i = 0; i < bank->nr; i++)
		sum += kcas_test_value(&bank->account[i]);
	kunit_info(test, "%ld moved, %ld missed, %ld without memory, %ld audits",
		   atomic_long_read(&bank->moved), atomic_long_read(&bank->missed),
		   atomic_long_read(&bank->no_memory), atomic_long_read(&bank->audits));
	KUNIT_EXPECT_EQ(test, sum, bank->total);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&bank->errors), 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&bank->wrong), 0,
			    "so many sums that were there at one moment are wrong");
	KUNIT_EXPECT_GT(test, atomic_long_read(&bank->moved), 0);
}

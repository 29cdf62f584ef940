// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: what each operation does, one after the other and against a model.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kcas_test_util.h"

/* ---------------------------------------------------------------- values */

static void kcas_test_integers(struct kunit *test)
{
	static const long values[] = {
		0, 1, -1, 2, -2, 4711, -4711, LONG_MAX >> 1, LONG_MIN >> 1,
		(LONG_MAX >> 1) - 1, (LONG_MIN >> 1) + 1, 1L << 61, -(1L << 61),
	};
	struct kcas_word *word = kcas_test_words(test, 1, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		KUNIT_EXPECT_EQ(test, kcas_int(values[i]) & KCAS_RESERVED, 0);
		KUNIT_EXPECT_EQ(test, kcas_to_int(kcas_int(values[i])), values[i]);
		KUNIT_EXPECT_EQ(test, kcas_set(word, kcas_int(values[i])), 0);
		KUNIT_EXPECT_EQ(test, kcas_test_value(word), values[i]);
	}
}

/* Pointers go in as they are, with marks in the bits that alignment leaves. */
static void kcas_test_pointers(struct kunit *test)
{
	struct kcas_word *word = kcas_test_words(test, 2, 0);
	unsigned long pointer = (unsigned long)test;

	KUNIT_EXPECT_EQ(test, kcas_set(&word[0], pointer), 0);
	KUNIT_EXPECT_EQ(test, kcas_read(&word[0]), pointer);
	KUNIT_EXPECT_EQ(test, kcas2(&word[0], pointer, pointer | 2, &word[1], kcas_int(1),
				    pointer | 6), 1);
	KUNIT_EXPECT_EQ(test, kcas_read(&word[0]), pointer | 2);
	KUNIT_EXPECT_EQ(test, kcas_read(&word[1]), pointer | 6);
	KUNIT_EXPECT_EQ(test, kcas_cas(&word[0], pointer, 0), 0);
	KUNIT_EXPECT_EQ(test, kcas_cas(&word[0], pointer | 2, 0), 1);
	KUNIT_EXPECT_EQ(test, kcas_read(&word[0]), 0);
}

/* ---------------------------------------------------------------- many words */

static const struct kcas_test_size {
	const char *name;
	unsigned int nr;
} kcas_test_sizes[] = {
	{ "1", 1 }, { "2", 2 }, { "3", 3 }, { "4", 4 }, { "5", 5 }, { "6", 6 }, { "7", 7 },
	{ "8", 8 }, { "16", 16 }, { "17", 17 }, { "100", 100 },
	/* Around what a block of the pool has room for, and far beyond. */
	{ "202", 202 }, { "203", 203 }, { "204", 204 }, { "1000", 1000 }, { "10000", 10000 },
};

KUNIT_ARRAY_PARAM_DESC(kcas_test_size, kcas_test_sizes, name);

/* Which words of an operation are only compared. */
struct kcas_test_shape {
	const char *name;
	unsigned int every;	/* each n-th; 0 for none */
};

static const struct kcas_test_shape kcas_test_shapes[] = {
	{ "writes", 0 },
	{ "some compares", 3 },
	{ "half compares", 2 },
	{ "compares", 1 },
};

static bool kcas_test_compared(const struct kcas_test_shape *shape, unsigned int i)
{
	return shape->every && i % shape->every == 0;
}

/* Word i holds @base + i and is to get a million more. In a wild order. */
static void kcas_test_fill(struct kcas_op *ops, struct kcas_word *words, unsigned int nr, long base,
			   const struct kcas_test_shape *shape)
{
	unsigned int i, j;
	struct kcas_op op;

	for (i = 0; i < nr; i++)
		kcas_test_op(&ops[i], &words[i], base + i,
			     base + i + (kcas_test_compared(shape, i) ? 0 : 1000000));
	for (i = nr - 1; i > 0; i--) {
		j = debra_test_random(i + 1);
		op = ops[i];
		ops[i] = ops[j];
		ops[j] = op;
	}
}

/* Return: how many words are not as they should be. */
static unsigned int kcas_test_count_wrong(struct kcas_word *words, unsigned int nr, long base,
					  const struct kcas_test_shape *shape, bool done)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < nr; i++)
		wrong += kcas_test_value(&words[i]) !=
			 base + i + (done && !kcas_test_compared(shape, i) ? 1000000 : 0);
	return wrong;
}

/* With one word that is not as expected nothing happens. */
static void kcas_test_one_differs(struct kunit *test, struct kcas_op *ops, struct kcas_word *words,
				  unsigned int nr, const struct kcas_test_shape *shape,
				  unsigned int which)
{
	unsigned long old = ops[which].old, new = ops[which].new;

	ops[which].old ^= kcas_int(1L << 40);
	if (old == new)
		ops[which].new = ops[which].old;
	KUNIT_EXPECT_EQ_MSG(test, kcas(ops, nr), 0, "%s, operation %u", shape->name, which);
	ops[which].old = old;
	ops[which].new = new;
	KUNIT_EXPECT_EQ_MSG(test, kcas_test_count_wrong(words, nr, 1, shape, false), 0, "%s",
			    shape->name);
}

static void kcas_test_shaped(struct kunit *test, struct kcas_op *ops, struct kcas_word *words,
			     unsigned int nr, const struct kcas_test_shape *shape)
{
	unsigned int i, step = max(nr / 8, 1U);

	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, kcas_set(&words[i], kcas_int(1 + i)), 0);
	kcas_test_fill(ops, words, nr, 1, shape);
	for (i = 0; i < nr; i += step)
		kcas_test_one_differs(test, ops, words, nr, shape, i);
	kcas_test_one_differs(test, ops, words, nr, shape, nr - 1);
	KUNIT_EXPECT_EQ_MSG(test, kcas(ops, nr), 1, "%s", shape->name);
	KUNIT_EXPECT_EQ_MSG(test, kcas_test_count_wrong(words, nr, 1, shape, true), 0, "%s",
			    shape->name);
	/* The second time they are no longer there, unless nothing was written. */
	i = shape->every == 1 || (nr == 1 && shape->every);
	KUNIT_EXPECT_EQ_MSG(test, kcas(ops, nr), i, "%s", shape->name);
	KUNIT_EXPECT_EQ_MSG(test, kcas_test_count_wrong(words, nr, 1, shape, true), 0, "%s",
			    shape->name);
}

static void kcas_test_sized(struct kunit *test)
{
	const struct kcas_test_size *size = test->param_value;
	struct kcas_word *words = kcas_test_words(test, size->nr, 1);
	struct kcas_op *ops = kcas_test_ops(test, size->nr);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kcas_test_shapes); i++)
		kcas_test_shaped(test, ops, words, size->nr, &kcas_test_shapes[i]);
}

/* As many as there may be, and one more. */
static void kcas_test_most_words(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, KCAS_MAX_WORDS + 1, 1);
	struct kcas_op *ops = kcas_test_ops(test, KCAS_MAX_WORDS + 1);

	kcas_test_fill(ops, words, KCAS_MAX_WORDS + 1, 1, &kcas_test_shapes[0]);
	KUNIT_EXPECT_EQ(test, kcas(ops, KCAS_MAX_WORDS + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_test_count_wrong(words, KCAS_MAX_WORDS + 1, 1,
						    &kcas_test_shapes[0], false), 0);
	kcas_test_fill(ops, words, KCAS_MAX_WORDS, 1, &kcas_test_shapes[0]);
	KUNIT_EXPECT_EQ(test, kcas(ops, KCAS_MAX_WORDS), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_count_wrong(words, KCAS_MAX_WORDS, 1,
						    &kcas_test_shapes[0], true), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[KCAS_MAX_WORDS]), KCAS_MAX_WORDS + 1);
}

/* What the caller gave is not written. */
static void kcas_test_input_is_kept(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 8, 1);
	struct kcas_op ops[8], copy[8];

	kcas_test_fill(ops, words, 8, 1, &kcas_test_shapes[1]);
	memcpy(copy, ops, sizeof(ops));
	KUNIT_EXPECT_EQ(test, kcas(ops, 8), 1);
	KUNIT_EXPECT_EQ(test, memcmp(copy, ops, sizeof(ops)), 0);
}

/* ---------------------------------------------------------------- errors */

#define KCAS_TEST_TINY	4

/**
 * struct kcas_test_error - how to spoil an operation of four words
 * @name: its name
 * @word: the word of the operation's third, if it is not the third one
 * @offset: what is added to its address
 * @old: what is added to the old value of the third
 * @new: and to the new one
 * @second: the second is only compared
 * @third: the third is only compared
 * @nr: how many words are claimed
 */
struct kcas_test_error {
	const char *name;
	int word;
	unsigned long offset;
	unsigned long old;
	unsigned long new;
	bool second;
	bool third;
	unsigned int nr;
};

static const struct kcas_test_error kcas_test_errors[] = {
	{ .name = "no words", .word = 2, .nr = 0 },
	{ .name = "too many", .word = 2, .nr = KCAS_MAX_WORDS + 1 },
	{ .name = "far too many", .word = 2, .nr = UINT_MAX },
	{ .name = "NULL", .word = -1, .nr = 4 },
	{ .name = "misaligned by 1", .word = 2, .offset = 1, .nr = 4 },
	{ .name = "misaligned by 4", .word = 2, .offset = 4, .nr = 4 },
	{ .name = "bit 0 in old", .word = 2, .old = 1, .nr = 4 },
	{ .name = "bit 0 in new", .word = 2, .new = 1, .nr = 4 },
	{ .name = "bit 0 in both", .word = 2, .old = 1, .new = 1, .third = true, .nr = 4 },
	{ .name = "a word written twice", .word = 1, .nr = 4 },
	{ .name = "a word compared twice", .word = 1, .second = true, .third = true, .nr = 4 },
	{ .name = "written and compared", .word = 1, .third = true, .nr = 4 },
	{ .name = "compared and written", .word = 1, .second = true, .nr = 4 },
	{ .name = "first and third", .word = 0, .third = true, .nr = 4 },
	{ .name = "third and fourth", .word = 3, .nr = 4 },
};

KUNIT_ARRAY_PARAM_DESC(kcas_test_error, kcas_test_errors, name);

static void kcas_test_spoil(struct kcas_op *ops, struct kcas_word *words,
			    const struct kcas_test_error *error)
{
	if (error->word < 0)
		ops[2].word = NULL;
	else
		ops[2].word = (void *)((unsigned long)&words[error->word] + error->offset);
	/* So that it would succeed if nobody looked. */
	if (error->word >= 0)
		ops[2].old = kcas_int(1 + error->word);
	ops[2].new = error->third ? ops[2].old : ops[2].new;
	if (error->second)
		ops[1].new = ops[1].old;
	ops[2].old += error->old;
	ops[2].new += error->new;
}

static void kcas_test_refused(struct kunit *test)
{
	const struct kcas_test_error *error = test->param_value;
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_TINY, 1);
	struct kcas_op ops[KCAS_TEST_TINY];
	unsigned int i;

	for (i = 0; i < 100; i++) {
		kcas_test_fill(ops, words, KCAS_TEST_TINY, 1, &kcas_test_shapes[0]);
		sort_ops:
		kcas_test_op(&ops[0], &words[0], 1, 11);
		kcas_test_op(&ops[1], &words[1], 2, 12);
		kcas_test_op(&ops[2], &words[2], 3, 13);
		kcas_test_op(&ops[3], &words[3], 4, 14);
		kcas_test_spoil(ops, words, error);
		if (i % 4)
			swap(ops[i % 4], ops[0]);
		KUNIT_EXPECT_EQ(test, kcas(ops, error->nr), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, kcas_test_count_wrong(words, KCAS_TEST_TINY, 1,
						    &kcas_test_shapes[0], false), 0);
	KUNIT_EXPECT_EQ(test, kcas(NULL, 1), -EINVAL);
}

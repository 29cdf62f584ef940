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
	{ "252", 252 }, { "253", 253 }, { "254", 254 }, { "255", 255 }, { "1000", 1000 },
	{ "10000", 10000 },
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
	unsigned int i, j;

	for (i = 0; i < KCAS_TEST_TINY; i++) {
		for (j = 0; j < KCAS_TEST_TINY; j++)
			kcas_test_op(&ops[j], &words[j], 1 + j, 11 + j);
		kcas_test_spoil(ops, words, error);
		swap(ops[0], ops[i]);
		KUNIT_EXPECT_EQ(test, kcas(ops, error->nr), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, kcas(NULL, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_test_count_wrong(words, KCAS_TEST_TINY, 1,
						    &kcas_test_shapes[0], false), 0);
}

/* Duplicates among many, which are sorted in another way than few. */
static void kcas_test_duplicates_among_many(struct kunit *test)
{
	const unsigned int nr = KCAS_TEST_POOLED;
	struct kcas_word *words = kcas_test_words(test, nr, 1);
	struct kcas_op *ops = kcas_test_ops(test, nr);
	unsigned int i;

	for (i = 0; i < 4 * nr; i++) {
		kcas_test_fill(ops, words, nr, 1, &kcas_test_shapes[i % 4]);
		ops[i % nr] = ops[(i * 7 + 1) % nr];
		/* Half of them compares. */
		if (i & 4)
			ops[i % nr].new = ops[i % nr].old;
		if (i % nr == (i * 7 + 1) % nr)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, kcas(ops, nr), -EINVAL, "round %u", i);
	}
	KUNIT_EXPECT_EQ(test, kcas_test_count_wrong(words, nr, 1, &kcas_test_shapes[0], false), 0);
}

static void kcas_test_singles_refused(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 2, 1);
	struct kcas_word *odd = (void *)((unsigned long)words + 4);
	unsigned long value = kcas_int(5), found = 77;
	long sum = 77;

	KUNIT_EXPECT_EQ(test, kcas_cas(NULL, value, value), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_cas(odd, value, value), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_cas(words, kcas_int(1) | 1, value), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_cas(words, kcas_int(1), value | 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_xchg(NULL, value, &found), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_xchg(odd, value, &found), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_xchg(words, value | 1, &found), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_set(NULL, value), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_set(odd, value), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_set(words, value | 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_add(NULL, 1, &sum), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_add(odd, 1, &sum), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[1]), 2);
	KUNIT_EXPECT_EQ(test, sum, 77);
}

/* ---------------------------------------------------------------- one word */

static void kcas_test_singles(struct kunit *test)
{
	struct kcas_word *word = kcas_test_words(test, 1, 1);
	unsigned long found;
	long sum;

	KUNIT_EXPECT_EQ(test, kcas_cas(word, kcas_int(2), kcas_int(3)), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(word), 1);
	KUNIT_EXPECT_EQ(test, kcas_cas(word, kcas_int(1), kcas_int(1)), 1);
	KUNIT_EXPECT_EQ(test, kcas_cas(word, kcas_int(2), kcas_int(2)), 0);
	KUNIT_EXPECT_EQ(test, kcas_cas(word, kcas_int(1), kcas_int(3)), 1);
	KUNIT_EXPECT_EQ(test, kcas_xchg(word, kcas_int(-4), &found), 0);
	KUNIT_EXPECT_EQ(test, found, kcas_int(3));
	KUNIT_EXPECT_EQ(test, kcas_xchg(word, kcas_int(-4), &found), 0);
	KUNIT_EXPECT_EQ(test, found, kcas_int(-4));
	KUNIT_EXPECT_EQ(test, kcas_add(word, 10, &sum), 0);
	KUNIT_EXPECT_EQ(test, sum, 6);
	KUNIT_EXPECT_EQ(test, kcas_add(word, -7, NULL), 0);
	KUNIT_EXPECT_EQ(test, kcas_add(word, 0, &sum), 0);
	KUNIT_EXPECT_EQ(test, sum, -1);
	KUNIT_EXPECT_EQ(test, kcas_set(word, kcas_int(LONG_MAX >> 1)), 0);
	/* One bit less than a long, and it wraps. */
	KUNIT_EXPECT_EQ(test, kcas_add(word, 1, &sum), 0);
	KUNIT_EXPECT_EQ(test, sum, LONG_MIN >> 1);
	KUNIT_EXPECT_EQ(test, kcas_test_value(word), LONG_MIN >> 1);
}

/* ---------------------------------------------------------------- against a model */

#define KCAS_TEST_MODEL_WORDS	32
#define KCAS_TEST_MODEL_MOST	24
#define KCAS_TEST_MODEL_BATCH	6	/* two of them fit into what an NMI has */

/**
 * struct kcas_test_model - words and what must be in them
 * @word: the words
 * @value: what must be in them
 * @dice: for choices
 * @op: an operation
 * @done: operations that succeeded
 * @failed: operations that failed, and had to
 * @no_memory: those for which there was no memory
 * @wrong: those with another outcome than they had to have
 */
struct kcas_test_model {
	struct kcas_word *word;
	long value[KCAS_TEST_MODEL_WORDS];
	struct kcas_test_dice dice;
	struct kcas_op op[KCAS_TEST_MODEL_MOST];
	long done;
	long failed;
	long no_memory;
	long wrong;
};

static long *kcas_test_model_of(struct kcas_test_model *m, struct kcas_word *word)
{
	return &m->value[word - m->word];
}

/* Return: whether it is to be done. */
static bool kcas_test_model_note(struct kcas_test_model *m, int ret, bool expect)
{
	if (ret == -ENOMEM) {
		m->no_memory++;
		return false;
	}
	m->wrong += ret != expect;
	m->done += expect;
	m->failed += !expect;
	return expect;
}

static void kcas_test_model_many(struct kcas_test_model *m)
{
	unsigned int nr = 1 + kcas_test_roll(&m->dice, KCAS_TEST_MODEL_MOST);
	unsigned int at = kcas_test_roll(&m->dice, KCAS_TEST_MODEL_WORDS);
	unsigned int i, step = 1 + 2 * kcas_test_roll(&m->dice, KCAS_TEST_MODEL_WORDS / 2);
	bool wrong, expect = true;
	long old, new;

	for (i = 0; i < nr; i++, at = (at + step) % KCAS_TEST_MODEL_WORDS) {
		wrong = !kcas_test_roll(&m->dice, 4 * nr);
		old = m->value[at] + wrong;
		new = kcas_test_roll(&m->dice, 3) ? kcas_test_roll(&m->dice, 100) : old;
		kcas_test_op(&m->op[i], &m->word[at], old, new);
		expect &= !wrong;
	}
	if (!kcas_test_model_note(m, kcas(m->op, nr), expect))
		return;
	for (i = 0; i < nr; i++)
		*kcas_test_model_of(m, m->op[i].word) = kcas_to_int(m->op[i].new);
}

static void kcas_test_model_single(struct kcas_test_model *m)
{
	unsigned int at = kcas_test_roll(&m->dice, KCAS_TEST_MODEL_WORDS);
	long to = kcas_test_roll(&m->dice, 100), sum = 0, *value = &m->value[at];
	struct kcas_word *word = &m->word[at];
	unsigned long found = 0;
	int ret;

	switch (kcas_test_roll(&m->dice, 5)) {
	case 0:
		if (kcas_test_model_note(m, kcas_cas(word, kcas_int(*value), kcas_int(to)), true))
			*value = to;
		break;
	case 1:
		kcas_test_model_note(m, kcas_cas(word, kcas_int(*value + 1), kcas_int(to)), false);
		break;
	case 2:
		ret = kcas_xchg(word, kcas_int(to), &found);
		m->wrong += ret ? ret != -ENOMEM : kcas_to_int(found) != *value;
		*value = ret ? *value : to;
		break;
	case 3:
		ret = kcas_add(word, to, &sum);
		m->wrong += ret ? ret != -ENOMEM : sum != *value + to;
		*value += ret ? 0 : to;
		break;
	default:
		ret = kcas_set(word, kcas_int(to));
		m->wrong += ret && ret != -ENOMEM;
		*value = ret ? *value : to;
		break;
	}
}

static void kcas_test_model_batch(void *data)
{
	struct kcas_test_model *m = data;
	unsigned int i;

	for (i = 0; i < KCAS_TEST_MODEL_BATCH; i++) {
		if (kcas_test_roll(&m->dice, 2))
			kcas_test_model_many(m);
		else
			kcas_test_model_single(m);
	}
	for (i = 0; i < KCAS_TEST_MODEL_WORDS; i++)
		m->wrong += kcas_test_value(&m->word[i]) != m->value[i];
}

KUNIT_ARRAY_PARAM(debra_test_context, debra_test_contexts, debra_test_context_desc);

static void kcas_test_against_model(struct kunit *test)
{
	const enum debra_test_context *context = test->param_value;
	struct kcas_test_model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i, batches = DEBRA_TEST_SCALED(400);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->word = kcas_test_words(test, KCAS_TEST_MODEL_WORDS, 0);
	for (i = 0; i < KCAS_TEST_MODEL_WORDS; i++)
		m->value[i] = i;
	kcas_test_dice_init(&m->dice);
	debra_test_use_interrupts(test);
	for (i = 0; i < batches; i++) {
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(i % num_online_cpus()),
							  *context,
							  kcas_test_model_batch, m));
		/* An NMI cannot have more than there is. */
		if (*context > DEBRA_TEST_LAST_ALLOCATING && i % 8 == 7)
			KUNIT_ASSERT_EQ(test, kcas_test_settle(), 0);
	}
	kunit_info(test, "%ld done, %ld failed as they had to, %ld without memory", m->done,
		   m->failed, m->no_memory);
	KUNIT_EXPECT_EQ(test, m->wrong, 0);
	KUNIT_EXPECT_GT(test, m->done, batches);
	KUNIT_EXPECT_GT(test, m->failed, batches / 10);
	KUNIT_EXPECT_EQ(test, m->no_memory, 0);
}

/* ---------------------------------------------------------------- sizes in contexts */

struct kcas_test_wide {
	struct kcas_op *ops;
	unsigned int nr;
	int ret;
	enum debra_test_context in;
};

static void kcas_test_wide_fn(void *data)
{
	struct kcas_test_wide *w = data;

	w->in = debra_test_in_context();
	w->ret = kcas(w->ops, w->nr);
}

/* Who may not allocate gets an error for what is too much, and nothing is done. */
static void kcas_test_sizes_in_context(struct kunit *test)
{
	static const unsigned int sizes[] = {
		1, 2, 16, 17, KCAS_TEST_POOLED, KCAS_TEST_POOLED + 1, KCAS_TEST_LARGE
	};
	const enum debra_test_context *context = test->param_value;
	const struct kcas_test_shape *shape;
	struct kcas_test_wide w = {};
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_LARGE, 1);
	unsigned int i, j, done = 0;
	bool nmi;

	w.ops = kcas_test_ops(test, KCAS_TEST_LARGE);
	debra_test_use_interrupts(test);
	nmi = *context > DEBRA_TEST_LAST_ALLOCATING;
	for (i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(kcas_test_shapes); i++) {
		shape = &kcas_test_shapes[i % ARRAY_SIZE(kcas_test_shapes)];
		w.nr = sizes[i / ARRAY_SIZE(kcas_test_shapes)];
		for (j = 0; j < w.nr; j++)
			KUNIT_ASSERT_EQ(test, kcas_set(&words[j], kcas_int(1 + j)), 0);
		kcas_test_fill(w.ops, words, w.nr, 1, shape);
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(1), *context,
							  kcas_test_wide_fn, &w));
		KUNIT_EXPECT_EQ(test, w.in, *context);
		if (!nmi)
			KUNIT_EXPECT_EQ_MSG(test, w.ret, 1, "%u words", w.nr);
		else if (w.nr > KCAS_TEST_POOLED)
			KUNIT_EXPECT_EQ_MSG(test, w.ret, -ENOMEM, "%u words", w.nr);
		done += w.ret == 1;
		KUNIT_EXPECT_EQ_MSG(test, kcas_test_count_wrong(words, w.nr, 1, shape, w.ret == 1),
				    0, "%u words, %s", w.nr, shape->name);
		/* An NMI has as much as it needs again, later. */
		if (nmi)
			KUNIT_ASSERT_EQ(test, kcas_test_settle(), 0);
	}
	KUNIT_EXPECT_GE(test, done, (ARRAY_SIZE(sizes) - 2 * nmi) * ARRAY_SIZE(kcas_test_shapes));
}

static struct kunit_case kcas_semantics_cases[] = {
	KUNIT_CASE(kcas_test_integers),
	KUNIT_CASE(kcas_test_pointers),
	KUNIT_CASE_PARAM(kcas_test_sized, kcas_test_size_gen_params),
	KUNIT_CASE(kcas_test_most_words),
	KUNIT_CASE(kcas_test_input_is_kept),
	KUNIT_CASE_PARAM(kcas_test_refused, kcas_test_error_gen_params),
	KUNIT_CASE(kcas_test_duplicates_among_many),
	KUNIT_CASE(kcas_test_singles),
	KUNIT_CASE(kcas_test_singles_refused),
	KUNIT_CASE_PARAM(kcas_test_sizes_in_context, debra_test_context_gen_params),
	KUNIT_CASE_PARAM(kcas_test_against_model, debra_test_context_gen_params),
	{}
};

static struct kunit_suite kcas_semantics_suite = {
	.name = "kcas_semantics",
	.test_cases = kcas_semantics_cases,
};

kunit_test_suite(kcas_semantics_suite);

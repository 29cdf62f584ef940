// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: the traps of the algorithm, each by itself.
 *
 * Each of these tests fails when the trap that it is for is built in again: see
 * enum kcas_bust, and scripts/test.sh, which tries all of them. They must not crash
 * then, so their words are never given back.
 */
#include <linux/slab.h>

#include "kcas_test_actor.h"

/* Words that hold one, and are never freed: who knows what is still to be written there. */
static struct kcas_word *kcas_test_kept_words(struct kunit *test, unsigned int nr)
{
	struct kcas_word *words = kcalloc(nr, sizeof(*words), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, words);
	for (i = 0; i < nr; i++)
		kcas_init(&words[i], kcas_int(1));
	return words;
}

/* An owner who writes two in place of one in both words. */
static struct kcas_test_actor *kcas_test_owner_of_two(struct kunit *test, struct kcas_word *words)
{
	struct kcas_test_actor *owner = kcas_test_actor(test, 1);

	kcas_test_op(&owner->op[0], &words[0], 1, 2);
	kcas_test_op(&owner->op[1], &words[1], 1, 2);
	owner->nr = 2;
	return owner;
}

/* Descriptors enough to fill some blocks, so that what was done before is retired. */
static unsigned int kcas_test_fill_blocks(struct kcas_word *scratch)
{
	unsigned int i, failed = 0;

	for (i = 0; i < 2000; i++)
		failed += kcas_set(scratch, kcas_int(i)) != 0;
	return failed;
}

/* NO_CHECK: the second word is looked at after the operation was done, and undone. */
static void kcas_test_status_is_checked(struct kunit *test)
{
	struct kcas_word *words = kcas_test_kept_words(test, 2);
	struct kcas_test_actor *owner;
	struct kcas_test_stop *stop;
	bool held;

	kcas_test_stage(test);
	owner = kcas_test_owner_of_two(test, words);
	stop = &owner->stop[DEBRA_TEST_TASK];
	kcas_test_arm(stop, KCAS_PAUSE_INSTALLED, &words[0]);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	held = kcas_test_held(stop);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 2);
	KUNIT_EXPECT_EQ(test, kcas_cas(&words[1], kcas_int(2), kcas_int(1)), 1);
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, held && kcas_test_done(owner));
	KUNIT_EXPECT_EQ(test, owner->ret, 1);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 2);
	KUNIT_EXPECT_EQ_MSG(test, kcas_test_value(&words[1]), 1, "installed after the decision");
}

/*
 * NO_CLEAN_GRACE, RAW_SINGLE: the owner is about to install in place of a raw value. The
 * operation is done and undone, and the old value must not come back raw as long as he is
 * in his pin.
 */
static void kcas_test_raw_values_stay_away(struct kunit *test)
{
	struct kcas_word *words = kcas_test_kept_words(test, 3);
	struct kcas_test_actor *owner;
	struct kcas_test_stop *stop;
	bool held;

	kcas_test_stage(test);
	owner = kcas_test_owner_of_two(test, words);
	stop = &owner->stop[DEBRA_TEST_TASK];
	kcas_test_arm(stop, KCAS_PAUSE_BEFORE_INSTALL, &words[1]);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	held = kcas_test_held(stop);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 2);
	KUNIT_EXPECT_EQ(test, kcas_cas(&words[1], kcas_int(2), kcas_int(1)), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_fill_blocks(&words[2]), 0);
	debra_test_push_for(&kcas_domain, DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_NE_MSG(test, READ_ONCE(words[1].content) & KCAS_RESERVED, 0,
			    "a raw value has come back");
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, held && kcas_test_done(owner));
	KUNIT_EXPECT_EQ(test, owner->ret, 1);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 2);
	KUNIT_EXPECT_EQ_MSG(test, kcas_test_value(&words[1]), 1, "installed after the decision");
}

/*
 * BY_VALUE: [CAS a, CMP b, CMP c]. Once a has been written by others, which is after the
 * compares were logged, b and c never have their values at the same time, though each has
 * it when it is looked at again.
 */
static void kcas_test_compares_are_not_by_value(struct kunit *test)
{
	struct kcas_word *words = kcas_test_kept_words(test, 3);
	struct kcas_test_actor *owner;
	struct kcas_test_stop *stop;
	bool logged, verified;

	kcas_test_stage(test);
	owner = kcas_test_owner_of_two(test, words);
	kcas_test_op(&owner->op[1], &words[1], 1, 1);
	kcas_test_op(&owner->op[2], &words[2], 1, 1);
	owner->nr = 3;
	stop = &owner->stop[DEBRA_TEST_TASK];
	kcas_test_arm(stop, KCAS_PAUSE_LOGGED, NULL);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	logged = kcas_test_held(stop);
	KUNIT_EXPECT_EQ(test, kcas_set(&words[2], kcas_int(2)), 0);
	KUNIT_EXPECT_EQ(test, kcas_cas(&words[0], kcas_int(1), kcas_int(5)), 1);
	KUNIT_EXPECT_EQ(test, kcas_cas(&words[0], kcas_int(5), kcas_int(1)), 1);
	kcas_test_arm(stop, KCAS_PAUSE_IN_VERIFY, &words[1]);
	verified = kcas_test_held(stop);
	KUNIT_EXPECT_EQ(test, kcas_set(&words[1], kcas_int(2)), 0);
	KUNIT_EXPECT_EQ(test, kcas_set(&words[2], kcas_int(1)), 0);
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, logged && verified && kcas_test_done(owner));
	KUNIT_EXPECT_EQ_MSG(test, owner->ret, 0, "they never were there at the same time");
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 1);
}

/* UNDECIDED: [CMP a, CAS b] and [CMP b, CAS a]: after the one, the other must fail. */
static void kcas_test_no_write_skew(struct kunit *test)
{
	static const enum kcas_pause places[] = { KCAS_PAUSE_LOGGED, KCAS_PAUSE_BEFORE_VERIFY,
						  KCAS_PAUSE_BEFORE_DECIDE };
	struct kcas_word *words = kcas_test_kept_words(test, 2);
	struct kcas_test_actor *actor[2];
	bool held = true, done;
	unsigned int i, place;

	kcas_test_stage(test);
	for (i = 0; i < 2; i++) {
		actor[i] = kcas_test_actor(test, i + 1);
		kcas_test_op(&actor[i]->op[0], &words[i], 1, 1);
		kcas_test_op(&actor[i]->op[1], &words[!i], 1, 2);
		actor[i]->nr = 2;
	}
	for (place = 0; place < ARRAY_SIZE(places); place++) {
		for (i = 0; i < 2; i++)
			kcas_test_arm(&actor[i]->stop[DEBRA_TEST_TASK], places[place], NULL);
		for (i = 0; i < 2 && !place; i++)
			kcas_test_begin(actor[i], DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
		for (i = 0; i < 2; i++)
			held &= kcas_test_held(&actor[i]->stop[DEBRA_TEST_TASK]);
	}
	for (i = 0; i < 2; i++)
		kcas_test_go(&actor[i]->stop[DEBRA_TEST_TASK]);
	done = kcas_test_done(actor[0]);
	done &= kcas_test_done(actor[1]);
	KUNIT_EXPECT_TRUE(test, held && done);
	KUNIT_EXPECT_EQ_MSG(test, actor[0]->ret + actor[1]->ret, 1, "one of them succeeds");
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]) + kcas_test_value(&words[1]), 3);
}

/* Return: whether the same content has come back. */
static bool kcas_test_comes_back(struct kcas_word *word, unsigned long content, long *last)
{
	unsigned int i;

	for (i = 0; i < DEBRA_TEST_SCALED(40000); i++) {
		*last = 1000 + i;
		if (kcas_set(word, kcas_int(*last)))
			break;
		if (READ_ONCE(word->content) == content)
			return true;
		if (i % 500 == 0)
			usleep_range(1000, 2000);
	}
	return false;
}

/*
 * NO_REUSE_GRACE: somebody has seen a reference just before it is cleaned away, and is about
 * to replace it. It must not be in the word again, for another value, before he is done.
 */
static void kcas_test_references_stay_away(struct kunit *test)
{
	struct kcas_word *words = kcas_test_kept_words(test, 2);
	struct kcas_test_actor *late;
	struct kcas_test_stop *stop;
	unsigned long content;
	bool cleaning, held;
	long last = 0;

	kcas_test_stage(test);
	/* A block goes back to its CPU. This thread ends with the case. */
	KUNIT_ASSERT_EQ(test, 0,
			set_cpus_allowed_ptr(current, cpumask_of(debra_test_cpu(0))));
	/* A block of one-word operations only: each has the place of one that was there before. */
	KUNIT_ASSERT_EQ(test, kcas_barrier(), 0);
	late = kcas_test_actor(test, 1);
	late->op[0].word = &words[0];
	stop = &late->stop[DEBRA_TEST_TASK];
	kcas_test_arm(&kcas_test_cleaner, KCAS_PAUSE_BEFORE_CLEAN, &words[0]);
	KUNIT_EXPECT_EQ(test, kcas_set(&words[0], kcas_int(2)), 0);
	content = READ_ONCE(words[0].content);
	KUNIT_EXPECT_EQ(test, kcas_test_fill_blocks(&words[1]), 0);
	cleaning = debra_test_wait(({
		debra_expedite(&kcas_domain);
		kcas_test_is_held(&kcas_test_cleaner);
	}));
	kcas_test_arm(stop, KCAS_PAUSE_BEFORE_REPLACE, &words[0]);
	kcas_test_begin(late, DEBRA_TEST_TASK, kcas_test_act_add, NULL);
	held = kcas_test_held(stop);
	kcas_test_go(&kcas_test_cleaner);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(READ_ONCE(words[0].content) != content));
	KUNIT_EXPECT_FALSE_MSG(test, kcas_test_comes_back(&words[0], content, &last),
			       "a descriptor was reused too early");
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, cleaning && held && kcas_test_done(late));
	KUNIT_EXPECT_FALSE(test, kcas_test_cleaner.overran);
	KUNIT_EXPECT_EQ(test, late->ret, 0);
	KUNIT_EXPECT_EQ_MSG(test, kcas_test_value(&words[0]), last + 1, "an update was lost");
}

/* NO_HELP: whoever meets an operation whose owner is held up goes on without him. */
static void kcas_test_nobody_waits(struct kunit *test)
{
	struct kcas_word *words = kcas_test_kept_words(test, 2);
	struct kcas_test_actor *owner, *other;
	struct kcas_test_stop *stop;
	bool held, done, alone;

	kcas_test_stage(test);
	owner = kcas_test_owner_of_two(test, words);
	other = kcas_test_actor(test, 2);
	other->op[0].word = &words[0];
	stop = &owner->stop[DEBRA_TEST_TASK];
	kcas_test_arm(stop, KCAS_PAUSE_INSTALLED, &words[0]);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	held = kcas_test_held(stop);
	kcas_test_begin(other, DEBRA_TEST_TASK, kcas_test_act_read, NULL);
	done = kcas_test_done(other);
	alone = kcas_test_is_held(stop);
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, held && done);
	KUNIT_EXPECT_TRUE_MSG(test, alone, "a reader has waited for who was held up");
	KUNIT_EXPECT_EQ(test, other->value, 2);
	kcas_test_done(owner);
	KUNIT_EXPECT_EQ(test, owner->ret, 1);
}

struct kcas_test_late_object {
	struct kcas_head head;
	struct kcas_word word[2];
	unsigned int referring;
	atomic_t calls;
};

static void kcas_test_late_object_fn(struct kcas_head *head)
{
	struct kcas_test_late_object *object = container_of(head, struct kcas_test_late_object,
							    head);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(object->word); i++)
		object->referring += READ_ONCE(object->word[i].content) & KCAS_RESERVED;
	/* Who sees the call counted sees what was noted above. */
	smp_mb__before_atomic();
	atomic_inc(&object->calls);
}

/* RETIRE_EARLY: when the object is given back, nothing is left that could be cleaned. */
static void kcas_test_retired_words_are_clean(struct kunit *test)
{
	struct kcas_test_late_object *object = kzalloc(sizeof(*object), GFP_KERNEL);

	/* Never freed, see above. */
	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_EXPECT_EQ(test, kcas_set(&object->word[0], kcas_int(1)), 0);
	KUNIT_EXPECT_EQ(test, kcas2(&object->word[0], kcas_int(1), kcas_int(2),
				    &object->word[1], kcas_int(0), kcas_int(2)), 1);
	KUNIT_EXPECT_NE(test, READ_ONCE(object->word[0].content) & KCAS_RESERVED, 0);
	kcas_retire(&object->head, kcas_test_late_object_fn);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_expedite(&kcas_domain);
		atomic_read(&object->calls);
	})));
	KUNIT_EXPECT_EQ_MSG(test, object->referring, 0, "words of a freed object are referring");
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&object->calls), 1);
}

static struct kunit_case kcas_trap_cases[] = {
	KUNIT_CASE(kcas_test_status_is_checked),
	KUNIT_CASE(kcas_test_raw_values_stay_away),
	KUNIT_CASE(kcas_test_compares_are_not_by_value),
	KUNIT_CASE(kcas_test_no_write_skew),
	KUNIT_CASE(kcas_test_references_stay_away),
	KUNIT_CASE(kcas_test_nobody_waits),
	KUNIT_CASE(kcas_test_retired_words_are_clean),
	{}
};

static struct kunit_suite kcas_trap_suite = {
	.name = "kcas_trap",
	.test_cases = kcas_trap_cases,
};

kunit_test_suite(kcas_trap_suite);

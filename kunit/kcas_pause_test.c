// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: somebody is held up for long, at each place, and nobody else is.
 *
 * An operation of four words: the first three get two in place of one, the fourth is
 * compared. While its owner is held, somebody else reads and writes the same words, on
 * another CPU or in an interrupt on top of the owner, and must come to an end. If he has
 * helped, he puts all words back to where they were, so that what the late owner might
 * still write would be seen.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "kcas_test_actor.h"

#define KCAS_TEST_SCENE_WORDS	4

static const struct kcas_test_place {
	const char *name;
	enum kcas_pause where;
	int word;	/* -1: it is about all of them */
} kcas_test_places[] = {
	{ "logged", KCAS_PAUSE_LOGGED, -1 },
	{ "before check, first", KCAS_PAUSE_BEFORE_CHECK, 0 },
	{ "before install, first", KCAS_PAUSE_BEFORE_INSTALL, 0 },
	{ "installed, first", KCAS_PAUSE_INSTALLED, 0 },
	{ "before check", KCAS_PAUSE_BEFORE_CHECK, 1 },
	{ "before install", KCAS_PAUSE_BEFORE_INSTALL, 1 },
	{ "installed", KCAS_PAUSE_INSTALLED, 1 },
	{ "before check, last", KCAS_PAUSE_BEFORE_CHECK, 2 },
	{ "before install, last", KCAS_PAUSE_BEFORE_INSTALL, 2 },
	{ "installed, last", KCAS_PAUSE_INSTALLED, 2 },
	{ "before verify", KCAS_PAUSE_BEFORE_VERIFY, -1 },
	{ "in verify", KCAS_PAUSE_IN_VERIFY, 3 },
	{ "before decide", KCAS_PAUSE_BEFORE_DECIDE, -1 },
	{ "decided", KCAS_PAUSE_DECIDED, -1 },
};

#define KCAS_TEST_PLACES	ARRAY_SIZE(kcas_test_places)
#define KCAS_TEST_MIDDLE	4	/* the first place with something installed by then */

/**
 * struct kcas_test_scene - one play
 * @word: the words
 * @touch: the compared word is written, too
 * @seen: what the other one has read at first, in each word
 * @errors: operations that had to succeed and did not
 * @in: where he was
 */
struct kcas_test_scene {
	struct kcas_word *word;
	bool touch;
	long seen[KCAS_TEST_SCENE_WORDS];
	unsigned int errors;
	enum debra_test_context in;
};

static void kcas_test_scene_init(struct kcas_test_scene *scene, struct kcas_word *word, bool touch)
{
	unsigned int i;

	memset(scene, 0, sizeof(*scene));
	scene->word = word;
	scene->touch = touch;
	for (i = 0; i < KCAS_TEST_SCENE_WORDS; i++)
		kcas_init(&word[i], kcas_int(1));
}

static void kcas_test_scene_cast(struct kcas_test_actor *owner, struct kcas_test_scene *scene)
{
	unsigned int i;

	for (i = 0; i < KCAS_TEST_SCENE_WORDS; i++)
		kcas_test_op(&owner->op[i], &scene->word[i], 1, i < 3 ? 2 : 1);
	owner->nr = KCAS_TEST_SCENE_WORDS;
}

/* The written words from @old to @new at once, as nobody else changes them now. */
static void kcas_test_scene_change(struct kcas_test_scene *scene, long old, long new)
{
	struct kcas_op op[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		kcas_test_op(&op[i], &scene->word[2 - i], old, new);
	scene->errors += kcas(op, 3) != 1;
}

/* The other one: does everything, in any context. */
static void kcas_test_scene_meddle(void *data)
{
	struct kcas_test_scene *scene = data;
	struct kcas_word *word = scene->word;
	unsigned long found;
	unsigned int i;

	scene->in = debra_test_in_context();
	if (scene->touch) {
		scene->errors += kcas_set(&word[3], kcas_int(7)) != 0;
		scene->errors += kcas_add(&word[3], -6, NULL) != 0;
	}
	for (i = 0; i < KCAS_TEST_SCENE_WORDS; i++)
		scene->seen[i] = kcas_test_value(&word[i]);
	kcas_test_scene_change(scene, scene->seen[0], 5);
	for (i = 0; i < 3; i++) {
		scene->errors += kcas_cas(&word[i], kcas_int(5), kcas_int(6)) != 1;
		scene->errors += kcas_xchg(&word[i], kcas_int(8), &found) != 0;
		scene->errors += found != kcas_int(6);
	}
	kcas_test_scene_change(scene, 8, 1);
}

/*
 * The owner has succeeded: before the words were changed, and nothing is left of it; or
 * after they were put back.
 */
static void kcas_test_scene_judge(struct kunit *test, struct kcas_test_scene *scene, int ret,
				  const char *name)
{
	long first = scene->seen[0], last = first == 2 ? 1 : 2;
	unsigned int i;

	KUNIT_EXPECT_EQ_MSG(test, scene->errors, 0, "%s", name);
	KUNIT_EXPECT_TRUE_MSG(test, first == 1 || first == 2, "%s: %ld", name, first);
	KUNIT_EXPECT_EQ_MSG(test, ret, 1, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, scene->seen[3], 1, "%s", name);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ_MSG(test, scene->seen[i], first, "%s: half was seen", name);
		KUNIT_EXPECT_EQ_MSG(test, kcas_test_value(&scene->word[i]), last,
				    "%s: word %u, seen as %ld", name, i, first);
	}
	KUNIT_EXPECT_EQ_MSG(test, kcas_test_value(&scene->word[3]), 1, "%s", name);
}

static void kcas_test_arm_at(struct kcas_test_stop *stop, const struct kcas_test_place *place,
			     struct kcas_test_scene *scene)
{
	kcas_test_arm(stop, place->where, place->word < 0 ? NULL : &scene->word[place->word]);
}

/* ---------------------------------------------------------------- the owner */

static const struct kcas_test_cast {
	const char *name;
	enum debra_test_context owner;
	enum debra_test_context other;
	bool on_top;	/* of the owner, else on another CPU */
} kcas_test_casts[] = {
	{ "task, another CPU", DEBRA_TEST_TASK, DEBRA_TEST_TASK, false },
	{ "task, hardirq of another CPU", DEBRA_TEST_TASK, DEBRA_TEST_HARDIRQ, false },
#ifndef CONFIG_PREEMPT_RT
	{ "task, softirq on top", DEBRA_TEST_TASK, DEBRA_TEST_SOFTIRQ, true },
#endif
	{ "task, hardirq on top", DEBRA_TEST_TASK, DEBRA_TEST_HARDIRQ, true },
#ifndef CONFIG_PREEMPT_RT
	{ "softirq, another CPU", DEBRA_TEST_SOFTIRQ, DEBRA_TEST_TASK, false },
	{ "softirq, hardirq on top", DEBRA_TEST_SOFTIRQ, DEBRA_TEST_HARDIRQ, true },
#endif
	{ "hardirq, another CPU", DEBRA_TEST_HARDIRQ, DEBRA_TEST_TASK, false },
#ifdef CONFIG_X86
	{ "task, NMI of another CPU", DEBRA_TEST_TASK, DEBRA_TEST_NMI, false },
	{ "task, NMI on top", DEBRA_TEST_TASK, DEBRA_TEST_NMI, true },
#ifndef CONFIG_PREEMPT_RT
	{ "softirq, NMI on top", DEBRA_TEST_SOFTIRQ, DEBRA_TEST_NMI, true },
#endif
	{ "hardirq, NMI on top", DEBRA_TEST_HARDIRQ, DEBRA_TEST_NMI, true },
	{ "NMI, another CPU", DEBRA_TEST_NMI, DEBRA_TEST_TASK, false },
#endif
};

KUNIT_ARRAY_PARAM_DESC(kcas_test_cast, kcas_test_casts, name);

/* Return: whether the other one has come to an end. */
static bool kcas_test_meddle(const struct kcas_test_cast *cast, struct kcas_test_stop *stop,
			     struct kcas_test_scene *scene)
{
	if (cast->on_top)
		return kcas_test_on_top(stop, cast->other, kcas_test_scene_meddle, scene);
	return debra_test_run_on(debra_test_cpu(2), cast->other, kcas_test_scene_meddle, scene);
}

static void kcas_test_hold_owner_at(struct kunit *test, struct kcas_test_actor *owner,
				    const struct kcas_test_place *place,
				    struct kcas_test_scene *scene)
{
	const struct kcas_test_cast *cast = test->param_value;
	struct kcas_test_stop *stop = &owner->stop[cast->owner];
	bool held, meddled, still, done;

	kcas_test_scene_cast(owner, scene);
	kcas_test_arm_at(stop, place, scene);
	kcas_test_begin(owner, cast->owner, kcas_test_act_kcas, NULL);
	held = kcas_test_held(stop);
	meddled = held && kcas_test_meddle(cast, stop, scene);
	still = kcas_test_is_held(stop);
	kcas_test_go(stop);
	done = kcas_test_done(owner);
	KUNIT_EXPECT_TRUE_MSG(test, held, "%s: not held", place->name);
	KUNIT_EXPECT_TRUE_MSG(test, meddled && still, "%s: the other one was held up", place->name);
	KUNIT_EXPECT_EQ_MSG(test, scene->in, cast->other, "%s", place->name);
	KUNIT_EXPECT_TRUE_MSG(test, done, "%s: the owner does not end", place->name);
	if (held && done)
		kcas_test_scene_judge(test, scene, owner->ret, place->name);
}

static void kcas_test_owner_is_held(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_PLACES * 2 *
						  KCAS_TEST_SCENE_WORDS, 0);
	unsigned int i, helped = 0;
	struct kcas_test_scene scene;
	struct kcas_test_actor *owner;

	kcas_test_stage(test);
	owner = kcas_test_actor(test, 1);
	for (i = 0; i < KCAS_TEST_PLACES * 2; i++) {
		kcas_test_scene_init(&scene, &words[i * KCAS_TEST_SCENE_WORDS], i & 1);
		kcas_test_hold_owner_at(test, owner, &kcas_test_places[i / 2], &scene);
		helped += scene.seen[0] == 2;
		/* So that interrupts have their blocks again. */
		KUNIT_ASSERT_EQ(test, kcas_test_settle(), 0);
	}
	/* From the first install on, if nobody touches what is compared; decided ones anyway. */
	KUNIT_EXPECT_EQ(test, helped, KCAS_TEST_PLACES - 3 + 1);
}

/* ---------------------------------------------------------------- owner and helper */

static void kcas_test_owner_desc(const struct kcas_test_place *place, char *desc)
{
	strscpy(desc, place->name, KUNIT_PARAM_DESC_SIZE);
}

/* Owners who have installed something and not decided. */
static const void *kcas_test_late_gen_params(const void *prev, char *desc)
{
	const struct kcas_test_place *place = prev;

	place = place ? place + 1 : &kcas_test_places[3];
	if (place->where == KCAS_PAUSE_DECIDED)
		return NULL;
	kcas_test_owner_desc(place, desc);
	return place;
}

/* Can a helper come there while the owner is held? What is done is not done again. */
static bool kcas_test_can_meet(const struct kcas_test_place *owner,
			       const struct kcas_test_place *helper)
{
	unsigned int order = helper - kcas_test_places;
	unsigned int done = owner - kcas_test_places;

	if (helper->where == KCAS_PAUSE_LOGGED || !helper->word)
		return false;
	/* Words that the owner has installed. */
	if (helper->word == 1 && done >= 6)
		return false;
	if (helper->word == 2 && done >= 9)
		return false;
	return order >= KCAS_TEST_MIDDLE;
}

/* @owner_first: who of the two goes on first. */
static void kcas_test_hold_pair(struct kunit *test, struct kcas_test_actor *owner,
				struct kcas_test_actor *helper,
				const struct kcas_test_place *late,
				struct kcas_test_scene *scene, bool owner_first)
{
	struct kcas_test_stop *stop = &owner->stop[DEBRA_TEST_TASK];
	struct kcas_test_stop *stop2 = &helper->stop[DEBRA_TEST_TASK];
	bool held, done;

	kcas_test_scene_cast(owner, scene);
	helper->op[0].word = &scene->word[0];
	kcas_test_arm_at(stop, test->param_value, scene);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	held = kcas_test_held(stop);
	kcas_test_arm_at(stop2, late, scene);
	kcas_test_begin(helper, DEBRA_TEST_TASK, kcas_test_act_read, NULL);
	held &= kcas_test_held(stop2);
	kcas_test_scene_meddle(scene);
	held &= kcas_test_is_held(stop) && kcas_test_is_held(stop2);
	kcas_test_go(owner_first ? stop : stop2);
	done = kcas_test_done(owner_first ? owner : helper);
	kcas_test_go(owner_first ? stop2 : stop);
	done &= kcas_test_done(owner_first ? helper : owner);
	KUNIT_EXPECT_TRUE_MSG(test, held, "%s: somebody was not held", late->name);
	KUNIT_EXPECT_TRUE_MSG(test, done, "%s: somebody does not end", late->name);
	if (held && done)
		kcas_test_scene_judge(test, scene, owner->ret, late->name);
	/* He has read the words after all of that, or on behalf of the owner. */
	KUNIT_EXPECT_TRUE_MSG(test, helper->value == 1 || helper->value == 2, "%s: read %ld",
			      late->name, helper->value);
}

static void kcas_test_owner_and_helper(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_PLACES * 4 *
						  KCAS_TEST_SCENE_WORDS, 0);
	struct kcas_test_actor *owner, *helper;
	const struct kcas_test_place *late;
	struct kcas_test_scene scene;
	unsigned int i, met = 0;

	kcas_test_stage(test);
	owner = kcas_test_actor(test, 1);
	helper = kcas_test_actor(test, 2);
	for (i = 0; i < KCAS_TEST_PLACES * 4; i++) {
		late = &kcas_test_places[i / 4];
		if (!kcas_test_can_meet(test->param_value, late))
			continue;
		kcas_test_scene_init(&scene, &words[i * KCAS_TEST_SCENE_WORDS], i & 1);
		kcas_test_hold_pair(test, owner, helper, late, &scene, i & 2);
		met++;
	}
	KUNIT_EXPECT_GE(test, met, 4 * 4);
}

/* ---------------------------------------------------------------- one word */

/* A one-word operation that comes late: the value has come back in between, or not. */
static void kcas_test_late_single(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 8, 1);
	struct kcas_test_actor *actor;
	struct kcas_test_stop *stop;
	unsigned int i, to;
	bool held;

	kcas_test_stage(test);
	actor = kcas_test_actor(test, 1);
	stop = &actor->stop[DEBRA_TEST_TASK];
	for (i = 0; i < 8; i++) {
		actor->op[0].word = &words[i];
		kcas_test_arm(stop, KCAS_PAUSE_BEFORE_REPLACE, &words[i]);
		kcas_test_begin(actor, DEBRA_TEST_TASK, kcas_test_act_add, NULL);
		held = kcas_test_held(stop);
		to = i & 1 ? 100 : 1 + i;
		KUNIT_EXPECT_EQ(test, kcas_set(&words[i], kcas_int(77)), 0);
		KUNIT_EXPECT_EQ(test, kcas_test_value(&words[i]), 77);
		KUNIT_EXPECT_EQ(test, kcas_set(&words[i], kcas_int(to)), 0);
		kcas_test_go(stop);
		KUNIT_EXPECT_TRUE(test, held && kcas_test_done(actor));
		KUNIT_EXPECT_EQ(test, actor->ret, 0);
		KUNIT_EXPECT_EQ(test, actor->value, to + 1);
		KUNIT_EXPECT_EQ(test, kcas_test_value(&words[i]), to + 1);
	}
}

/* Two operations that are held crosswise, and a third that needs both. */
static void kcas_test_third_needs_both(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 4, 0);
	struct kcas_test_actor *actor[3];
	bool held = true, done;
	unsigned int i;

	kcas_test_stage(test);
	for (i = 0; i < 3; i++)
		actor[i] = kcas_test_actor(test, i + 1);
	/* The first has words 2 and 3 to write, and holds 2; the second 0 and 2, and holds 0. */
	kcas_test_op(&actor[0]->op[0], &words[2], 2, 20);
	kcas_test_op(&actor[0]->op[1], &words[3], 3, 30);
	kcas_test_op(&actor[1]->op[0], &words[0], 0, 1);
	kcas_test_op(&actor[1]->op[1], &words[2], 20, 21);
	kcas_test_op(&actor[2]->op[0], &words[3], 30, 31);
	kcas_test_op(&actor[2]->op[1], &words[0], 1, 2);
	for (i = 0; i < 3; i++)
		actor[i]->nr = 2;
	for (i = 0; i < 2; i++) {
		kcas_test_arm(&actor[i]->stop[DEBRA_TEST_TASK], KCAS_PAUSE_INSTALLED,
			      actor[i]->op[0].word);
		kcas_test_begin(actor[i], DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
		held &= kcas_test_held(&actor[i]->stop[DEBRA_TEST_TASK]);
	}
	kcas_test_begin(actor[2], DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	done = kcas_test_done(actor[2]);
	for (i = 0; i < 2; i++)
		held &= kcas_test_is_held(&actor[i]->stop[DEBRA_TEST_TASK]);
	for (i = 0; i < 2; i++) {
		kcas_test_go(&actor[i]->stop[DEBRA_TEST_TASK]);
		done &= kcas_test_done(actor[i]);
	}
	KUNIT_EXPECT_TRUE(test, held && done);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ_MSG(test, actor[i]->ret, 1, "actor %u", i);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 2);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[2]), 21);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[3]), 31);
}

/* ---------------------------------------------------------------- a long chain */

#define KCAS_TEST_CHAIN_CPUS	3
#define KCAS_TEST_CHAIN		(KCAS_TEST_CHAIN_CPUS * DEBRA_TEST_NR_CONTEXTS)
#define KCAS_TEST_FRAMES	1024	/* bytes of stack for what is below the first pause point */

/* An operation that holds word @nr and needs the next one, which the next link holds. */
struct kcas_test_link {
	struct kcas_op op[2];
	int ret;
};

static void kcas_test_link_fn(void *data)
{
	struct kcas_test_link *link = data;

	link->ret = kcas(link->op, 2);
}

/* In all contexts of an actor's CPU, one on top of the other, each is held. */
static bool kcas_test_forge(struct kcas_test_actor *actor, struct kcas_test_link *link)
{
	enum debra_test_context c;
	bool held = true;

	for (c = DEBRA_TEST_TASK; held && c < DEBRA_TEST_NR_CONTEXTS; c++) {
		kcas_test_arm(&actor->stop[c], KCAS_PAUSE_INSTALLED, link[c].op[0].word);
		if (c == DEBRA_TEST_TASK)
			kcas_test_begin(actor, c, kcas_test_link_fn, &link[c]);
		else
			kcas_test_on_top_begin(&actor->stop[c - 1], c, kcas_test_link_fn, &link[c]);
		held = kcas_test_held(&actor->stop[c]);
	}
	return held;
}

static bool kcas_test_unforge(struct kcas_test_actor *actor)
{
	unsigned int c;

	for (c = DEBRA_TEST_NR_CONTEXTS; c--;)
		kcas_test_go(&actor->stop[c]);
	return kcas_test_done(actor);
}

/*
 * A chain of operations each of which waits for the next. Who needs the first one goes
 * through all of them, and his stack does not grow with it.
 */
static void kcas_test_long_chain(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_CHAIN + 1, 0);
	struct kcas_test_actor *actor[KCAS_TEST_CHAIN_CPUS];
	struct kcas_test_watch watch;
	struct kcas_test_link *link;
	bool held = true, done = true;
	unsigned int i;
	int ret;

	link = kunit_kcalloc(test, KCAS_TEST_CHAIN, sizeof(*link), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, link);
	kcas_test_stage(test);
	for (i = 0; i < KCAS_TEST_CHAIN; i++) {
		kcas_test_op(&link[i].op[0], &words[i], i, 100 + i);
		/* The last word is put back to what the next link takes it for. */
		kcas_test_op(&link[i].op[1], &words[i + 1], i + 1 < KCAS_TEST_CHAIN ? 101 + i :
			     KCAS_TEST_CHAIN, 200 + i);
	}
	/* Before anybody is held: a new thread may need any CPU, and an NMI keeps its own. */
	for (i = 0; i < KCAS_TEST_CHAIN_CPUS; i++)
		actor[i] = kcas_test_actor(test, i + 1);
	for (i = 0; i < KCAS_TEST_CHAIN_CPUS; i++)
		held &= kcas_test_forge(actor[i], &link[i * DEBRA_TEST_NR_CONTEXTS]);
	kcas_test_watch.low = ULONG_MAX;
	kcas_test_watch.high = 0;
	kcas_test_watch.hits = 0;
	WRITE_ONCE(kcas_test_watch.task, current);
	ret = kcas_cas(&words[0], kcas_int(100), kcas_int(1000));
	WRITE_ONCE(kcas_test_watch.task, NULL);
	watch = kcas_test_watch;
	for (i = 0; i < KCAS_TEST_CHAIN_CPUS; i++)
		done &= kcas_test_unforge(actor[i]);
	KUNIT_EXPECT_TRUE(test, held && done);
	KUNIT_EXPECT_EQ(test, ret, 1);
	kunit_info(test, "%u pause points, %lu bytes of stack", watch.hits, watch.high - watch.low);
	KUNIT_EXPECT_GE(test, watch.hits, KCAS_TEST_CHAIN);
	KUNIT_EXPECT_GE(test, kcas_test_stat(debra_test_files(test), "longest_chain"),
			KCAS_TEST_CHAIN - 1);
	KUNIT_EXPECT_LE(test, watch.high - watch.low, KCAS_TEST_FRAMES);
	for (i = 0; i < KCAS_TEST_CHAIN; i++)
		KUNIT_EXPECT_EQ_MSG(test, link[i].ret, 1, "link %u", i);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 1000);
	for (i = 1; i <= KCAS_TEST_CHAIN; i++)
		KUNIT_EXPECT_EQ_MSG(test, kcas_test_value(&words[i]), 199 + i, "word %u", i);
}

static struct kunit_case kcas_pause_cases[] = {
	KUNIT_CASE_PARAM(kcas_test_owner_is_held, kcas_test_cast_gen_params),
	KUNIT_CASE_PARAM(kcas_test_owner_and_helper, kcas_test_late_gen_params),
	KUNIT_CASE(kcas_test_late_single),
	KUNIT_CASE(kcas_test_third_needs_both),
	KUNIT_CASE(kcas_test_long_chain),
	{}
};

static struct kunit_suite kcas_pause_suite = {
	.name = "kcas_pause",
	.test_cases = kcas_pause_cases,
};

kunit_test_suite(kcas_pause_suite);

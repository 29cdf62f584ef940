// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: what transactions do when they have committed, or when they have not.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kcas_tx_test_util.h"

KUNIT_ARRAY_PARAM(kcas_tx_test_how, kcas_tx_test_hows, kcas_tx_test_how_desc);

/* How the last attempt ends. */
enum kcas_tx_test_end {
	KCAS_TX_TEST_COMMIT,
	KCAS_TX_TEST_BEATEN,	/* once, then it commits */
	KCAS_TX_TEST_ERROR,
	KCAS_TX_TEST_WAIT,
	KCAS_TX_TEST_GIVE_UP,
	KCAS_TX_TEST_BAD_INPUT,
	KCAS_TX_TEST_ROLLBACK,	/* of all but the first, then it commits */
	KCAS_TX_TEST_ENDS
};

#define KCAS_TX_TEST_ACTIONS	6

struct kcas_tx_test_play;

/**
 * struct kcas_tx_test_act - an action
 * @play: of which play
 * @id: a letter; capital ones are done at commit
 * @promised: so often it was given to an attempt
 * @done: and so often it was done
 */
struct kcas_tx_test_act {
	struct kcas_tx_test_play *play;
	char id;
	unsigned int promised;
	unsigned int done;
};

/**
 * struct kcas_tx_test_play - a transaction with actions
 * @t: the test; @t->size words are written
 * @end: how it ends
 * @act: its actions
 * @now: what was done since the last attempt has begun
 * @lost: there was no room for what was done
 * @ret: what has come of it
 */
struct kcas_tx_test_play {
	struct kcas_tx_test *t;
	enum kcas_tx_test_end end;
	struct kcas_tx_test_act act[KCAS_TX_TEST_ACTIONS];
	char now[2 * KCAS_TX_TEST_ACTIONS];
	unsigned int lost;
	int ret;
};

static const char kcas_tx_test_letters[KCAS_TX_TEST_ACTIONS] = "AaBbCc";

static int kcas_tx_test_touch(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_inc(tx, arg);
}

static void kcas_tx_test_act(void *arg)
{
	struct kcas_tx_test_act *act = arg;
	struct kcas_tx_test_play *play = act->play;
	struct kcas_tx_opts nowait = { .flags = KCAS_TX_NOWAIT };
	size_t len = strlen(play->now);
	bool ran;

	act->done++;
	if (len < sizeof(play->now) - 1)
		play->now[len] = act->id;
	else
		play->lost++;
	/* Outside of all sections. */
	if (kcas_tx_test_may_wait(play->t))
		might_sleep();
	kcas_tx_check(play->t, !debra_pinned(&kcas_domain));
	ran = !kcas_tx_run(kcas_tx_test_touch, &play->t->word[20], &nowait);
	/* With PREEMPT_RT somebody else has to bring blocks, and there may be none now. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT) && !ran)
		ran = debra_test_wait(!kcas_tx_run(kcas_tx_test_touch, &play->t->word[20],
						   &nowait));
	kcas_tx_check(play->t, ran);
	/* By then all has been written. */
	if (act->id < 'a' && play->t->size)
		kcas_tx_check(play->t, kcas_test_value(play->t->word) > 10);
}

static int kcas_tx_test_promise(struct kcas_tx *tx, struct kcas_tx_test_play *play,
				unsigned int first)
{
	unsigned int i;
	int err = 0;

	for (i = first; i < first + 2 && !err; i++) {
		err = i % 2 ? kcas_tx_on_abort(tx, kcas_tx_test_act, &play->act[i]) :
		      kcas_tx_on_commit(tx, kcas_tx_test_act, &play->act[i]);
		play->act[i].promised += !err;
	}
	return err;
}

static int kcas_tx_test_play_end(struct kcas_tx *tx, struct kcas_tx_test_play *play)
{
	struct kcas_tx_test *t = play->t;
	long value;

	switch (play->end) {
	case KCAS_TX_TEST_BEATEN:
	case KCAS_TX_TEST_GIVE_UP:
		if (!t->flag || play->end == KCAS_TX_TEST_GIVE_UP)
			kcas_tx_check(t, !kcas_add(t->word, 1, NULL));
		t->flag = true;
		return 0;
	case KCAS_TX_TEST_ERROR:
		return -EIO;
	case KCAS_TX_TEST_WAIT:
		return kcas_tx_get_int(tx, &t->word[19], &value) ?: kcas_tx_retry(tx);
	case KCAS_TX_TEST_BAD_INPUT:
		return kcas_tx_set(tx, NULL, 0);
	default:
		return 0;
	}
}

static int kcas_tx_test_play_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_play *play = arg;
	struct kcas_tx_test *t = play->t;
	struct kcas_tx_snap snap;
	unsigned int i;
	int err;

	memset(play->now, 0, sizeof(play->now));
	err = kcas_tx_test_promise(tx, play, 0);
	snap = kcas_tx_snapshot(tx);
	for (i = 0; i < t->size && !err; i++)
		err = kcas_tx_inc(tx, &t->word[i]);
	err = err ?: kcas_tx_test_promise(tx, play, 2);
	if (!err && play->end == KCAS_TX_TEST_ROLLBACK) {
		kcas_tx_rollback(tx, &snap);
		for (i = 0; i < t->size && !err; i++)
			err = kcas_tx_inc(tx, &t->word[i]);
	}
	return err ?: kcas_tx_test_promise(tx, play, 4) ?: kcas_tx_test_play_end(tx, play);
}

/* There are too many words: it ends at the first one that finds no room. */
static bool kcas_tx_test_play_fails(struct kcas_tx_test_play *play)
{
	return play->ret == -ENOMEM && kcas_tx_test_outcome(play->t, play->t->size, play->ret, 0);
}

static int kcas_tx_test_play_want(struct kcas_tx_test_play *play)
{
	if (kcas_tx_test_play_fails(play))
		return -ENOMEM;
	switch (play->end) {
	case KCAS_TX_TEST_ERROR:
		return -EIO;
	case KCAS_TX_TEST_WAIT:
		return kcas_tx_test_may_wait(play->t) ? -ETIMEDOUT : -EWOULDBLOCK;
	case KCAS_TX_TEST_GIVE_UP:
		return -EBUSY;
	case KCAS_TX_TEST_BAD_INPUT:
		return -EINVAL;
	default:
		return 0;
	}
}

/* Capital letters once, and only if it has committed; the others once for each failure. */
static void kcas_tx_test_play_judge(struct kunit *test, struct kcas_tx_test_play *play)
{
	bool rolled = play->end == KCAS_TX_TEST_ROLLBACK;
	int want = kcas_tx_test_play_want(play);
	const char *now = want ? "abc" : rolled ? "AbC" : "ABC";
	struct kcas_tx_test_act *act;
	unsigned int i;

	if (kcas_tx_test_play_fails(play))
		now = "a";
	KUNIT_EXPECT_STREQ_MSG(test, play->now, now, "%u words, end %u", play->t->size, play->end);
	for (i = 0; i < KCAS_TX_TEST_ACTIONS; i++) {
		act = &play->act[i];
		if (i % 2)
			KUNIT_EXPECT_EQ_MSG(test, act->done,
					    act->promised - (!want && !(rolled && i == 3)),
					    "%c, %u words, end %u", act->id, play->t->size,
					    play->end);
		else
			KUNIT_EXPECT_EQ_MSG(test, act->done, !want && !(rolled && i == 2),
					    "%c, %u words, end %u", act->id, play->t->size,
					    play->end);
	}
	KUNIT_EXPECT_EQ(test, play->lost, 0);
	kcas_tx_test_verdict(play->t);
}

static void kcas_tx_test_play_one(struct kunit *test, struct kcas_tx_test *t, unsigned int size,
				  enum kcas_tx_test_end end)
{
	struct kcas_tx_test_play play = { .t = t, .end = end };
	unsigned int i;

	for (i = 0; i < KCAS_TX_TEST_ACTIONS; i++) {
		play.act[i].play = &play;
		play.act[i].id = kcas_tx_test_letters[i];
	}
	for (i = 0; i < size; i++)
		KUNIT_EXPECT_EQ(test, kcas_set(&t->word[i], kcas_int(10 + i)), 0);
	t->size = size;
	t->flag = false;
	t->opts.timeout = end == KCAS_TX_TEST_WAIT && kcas_tx_test_may_wait(t) ?
			  KCAS_TX_TEST_MOMENT : 0;
	t->opts.attempts = end == KCAS_TX_TEST_GIVE_UP ? 3 : 0;
	play.ret = kcas_tx_run(kcas_tx_test_play_body, &play, &t->opts);
	KUNIT_EXPECT_EQ_MSG(test, play.ret, kcas_tx_test_play_want(&play), "%u words, end %u",
			    size, end);
	kcas_tx_test_play_judge(test, &play);
	for (i = 0; i < size; i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[i]) - 10 - i,
				(!kcas_tx_test_play_want(&play)) +
				(i || kcas_tx_test_play_fails(&play) ? 0 :
				 end == KCAS_TX_TEST_BEATEN ? 1 :
				 end == KCAS_TX_TEST_GIVE_UP ? 3 : 0));
}

static void kcas_tx_test_actions(struct kunit *test)
{
	static const unsigned int sizes[] = { 0, 1, 2, 5, 17 };
	struct kcas_tx_test *t = kcas_tx_test(test, 21);
	unsigned int i, end;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (end = 0; end < KCAS_TX_TEST_ENDS; end++) {
			if (!sizes[i] && (end == KCAS_TX_TEST_BEATEN ||
					  end == KCAS_TX_TEST_GIVE_UP))
				continue;
			kcas_tx_test_play_one(test, t, sizes[i], end);
		}
	}
}

/* ---------------------------------------------------------------- many actions */

static void kcas_tx_test_in_order(void *arg)
{
	unsigned long *next = arg;

	++*next;
}

struct kcas_tx_test_many {
	struct kcas_tx_test *t;
	unsigned long commits;
	unsigned long aborts;
	unsigned long promised;
	unsigned int nr;
};

static int kcas_tx_test_many_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_many *many = arg;
	unsigned int i;
	int err = 0;

	many->aborts = 0;
	many->promised = 0;
	for (i = 0; i < many->nr && !err; i++) {
		err = kcas_tx_on_commit(tx, kcas_tx_test_in_order, &many->commits) ?:
		      kcas_tx_on_abort(tx, kcas_tx_test_in_order, &many->aborts);
		many->promised += !err;
	}
	return err ?: many->t->step ? -EIO : 0;
}

static void kcas_tx_test_many_run(struct kunit *test, struct kcas_tx_test_many *many, int want)
{
	struct kcas_tx_test *t = many->t;
	int ret;

	t->step = !!want;
	many->commits = 0;
	ret = kcas_tx_run(kcas_tx_test_many_body, many, &t->opts);
	want = kcas_tx_test_outcome(t, 2 * many->nr, ret, want);
	KUNIT_EXPECT_EQ_MSG(test, ret, want, "%u and %u actions", many->nr, many->nr);
	KUNIT_EXPECT_EQ(test, many->commits, want ? 0 : many->nr);
	KUNIT_EXPECT_EQ(test, many->aborts, want ? many->promised : 0);
	if (want == -ENOMEM)
		KUNIT_EXPECT_GE(test, many->promised, KCAS_TX_TEST_FEW / 2);
	else
		KUNIT_EXPECT_EQ(test, many->promised, many->nr);
}

static void kcas_tx_test_many_actions(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 1);
	struct kcas_tx_test_many many = { .t = t };

	for (many.nr = 1; many.nr < 20000; many.nr = 3 * many.nr + 1) {
		kcas_tx_test_many_run(test, &many, 0);
		kcas_tx_test_many_run(test, &many, -EIO);
	}
}

/* ---------------------------------------------------------------- memory */

#define KCAS_TX_TEST_LARGE	SZ_1M
#define KCAS_TX_TEST_LEAKS	40

static int kcas_tx_test_alloc_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	struct kcas_tx_snap snap = kcas_tx_snapshot(tx);
	void *mem = kcas_tx_alloc(tx, KCAS_TX_TEST_LARGE);
	long value;

	if (IS_ERR(mem))
		return PTR_ERR(mem);
	switch (t->step) {
	case 0:
		kcas_tx_rollback(tx, &snap);
		return kcas_tx_inc(tx, t->word);
	case 1:
		return -EIO;
	case 2:
		return kcas_tx_get_int(tx, t->word, &value) ?: kcas_tx_retry(tx);
	default:
		return kcas_tx_inc(tx, t->word) ?: kcas_add(t->word, 1, NULL) ?: 0;
	}
}

static long kcas_tx_test_free_memory(void)
{
	struct sysinfo info;

	si_meminfo(&info);
	return info.freeram;
}

static const char * const kcas_tx_test_leaves[] = { "rolled back", "error", "wait", "given up" };

/* What is not kept is given back: there would be not so much memory. */
static void kcas_tx_test_allocs(struct kunit *test)
{
	const int wants[] = { 0, -EIO, -ETIMEDOUT, -EBUSY };
	struct kcas_tx_test *t = kcas_tx_test(test, 1);
	const long most = KCAS_TX_TEST_LEAKS * (KCAS_TX_TEST_LARGE >> PAGE_SHIFT) / 2;
	long before, lost;
	unsigned int i;

	t->opts.timeout = 0;
	for (t->step = 0; t->step < ARRAY_SIZE(wants); t->step++) {
		t->opts.timeout = t->step == 2;
		t->opts.attempts = t->step == 3 ? 2 : 0;
		KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
		before = kcas_tx_test_free_memory();
		for (i = 0; i < KCAS_TX_TEST_LEAKS; i++)
			KUNIT_ASSERT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_alloc_body),
					wants[t->step]);
		/* Where an operation has been tried it is given back later. */
		KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
		lost = before - kcas_tx_test_free_memory();
		KUNIT_EXPECT_LT_MSG(test, lost, most, "memory is gone: %s",
				    kcas_tx_test_leaves[t->step]);
	}
}

/* More than kmalloc() has: there is none, rather than such that kfree() cannot free. */
static int kcas_tx_test_huge_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	void *mem = kcas_tx_alloc(tx, 2 * KMALLOC_MAX_SIZE);

	kcas_tx_check(t, PTR_ERR_OR_ZERO(mem) == -ENOMEM || PTR_ERR_OR_ZERO(mem) == -EAGAIN);
	if (!IS_ERR(mem))
		kcas_tx_check(t, !is_vmalloc_addr(mem));
	return IS_ERR(mem) ? PTR_ERR(mem) : -EIO;
}

static void kcas_tx_test_huge(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 1);

	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_huge_body), -ENOMEM);
	kcas_tx_test_verdict(t);
}

/* ---------------------------------------------------------------- nodes */

/**
 * struct kcas_tx_test_item - an object with a word
 * @head: the head
 * @word: the word
 * @calls: how often the callback ran
 * @magic: what the transaction has left in it
 */
struct kcas_tx_test_item {
	struct kcas_head head;
	struct kcas_word word;
	atomic_t *calls;
	unsigned long magic;
};

static atomic_t kcas_tx_test_retired;

static void kcas_tx_test_item_free(struct kcas_head *head)
{
	struct kcas_tx_test_item *item = container_of(head, struct kcas_tx_test_item, head);

	atomic_inc(item->calls);
	kfree(item);
}

static struct kcas_tx_test_item *kcas_tx_test_item(struct kcas_tx *tx, unsigned long magic)
{
	struct kcas_tx_test_item *item = kcas_tx_alloc(tx, sizeof(*item));

	if (IS_ERR(item))
		return item;
	kcas_init(&item->word, kcas_int(5));
	item->calls = &kcas_tx_test_retired;
	item->magic = magic;
	return item;
}

/**
 * struct kcas_tx_test_shelf - where an object is put
 * @t: the test; @t->step says what becomes of it, @t->flag that all fails
 * @slot: the place
 * @runs: so many were to be retired by attempts
 */
struct kcas_tx_test_shelf {
	struct kcas_tx_test *t;
	KCAS_PTR(struct kcas_tx_test_item) slot;
	unsigned int runs;
};

/* Where there is no memory for an object, nothing happens. Return: true if there is none. */
static bool kcas_tx_test_has_none(struct kunit *test, struct kcas_tx_test_shelf *shelf,
				  kcas_tx_fn body)
{
	struct kcas_tx_test *t = shelf->t;

	if (kcas_tx_test_has_memory(t))
		return false;
	for (t->step = 0; t->step < 3; t->step++)
		KUNIT_EXPECT_EQ(test, kcas_tx_run(body, shelf, &t->opts), -ENOMEM);
	KUNIT_EXPECT_NULL(test, kcas_read_ptr(&shelf->slot));
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 10);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), 11);
	kcas_tx_test_verdict(t);
	return true;
}

/* Takes the old one away, and puts a new one there. */
static int kcas_tx_test_replace_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_shelf *shelf = arg;
	struct kcas_tx_test_item *new, *old = kcas_tx_get_ptr(tx, &shelf->slot);
	struct kcas_tx_test *t = shelf->t;
	int err;

	if (IS_ERR(old))
		return PTR_ERR(old);
	new = kcas_tx_test_item(tx, t->nr_ids);
	if (IS_ERR(new))
		return PTR_ERR(new);
	err = kcas_tx_set_ptr(tx, &shelf->slot, new) ?: kcas_tx_inc(tx, &new->word);
	if (!err && old)
		err = kcas_tx_inc(tx, &old->word) ?: t->step ? kcas_tx_free(tx, old, head) :
		      kcas_tx_retire(tx, &old->head, kcas_tx_test_item_free);
	if (!err && t->flag)
		return -EIO;
	return err;
}

static void kcas_tx_test_replace(struct kunit *test)
{
	struct kcas_tx_test_shelf *shelf = kcas_test_alloc(test, 1, sizeof(*shelf));
	struct kcas_tx_test *t = kcas_tx_test(test, 2);
	struct kcas_tx_test_item *item;
	unsigned int retired = 0;

	shelf->t = t;
	if (kcas_tx_test_has_none(test, shelf, kcas_tx_test_replace_body))
		return;
	atomic_set(&kcas_tx_test_retired, 0);
	for (t->nr_ids = 1; t->nr_ids <= 60; t->nr_ids++) {
		t->step = t->nr_ids % 3 == 2;
		t->flag = true;
		KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_replace_body, shelf, &t->opts),
				-EIO);
		t->flag = false;
		KUNIT_ASSERT_EQ(test, kcas_tx_run(kcas_tx_test_replace_body, shelf, &t->opts), 0);
		retired += t->nr_ids > 1 && !t->step;
		item = kcas_read_ptr(&shelf->slot);
		KUNIT_ASSERT_NOT_NULL(test, item);
		KUNIT_EXPECT_EQ(test, item->magic, t->nr_ids);
		KUNIT_EXPECT_EQ(test, kcas_test_value(&item->word), 6);
	}
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&kcas_tx_test_retired), retired);
	kcas_retire(&item->head, kcas_tx_test_item_free);
	KUNIT_EXPECT_EQ(test, kcas_set(&shelf->slot.word, 0), 0);
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&kcas_tx_test_retired), retired + 1);
	kcas_tx_test_verdict(t);
}

/* An object that comes and goes within the transaction. */
static int kcas_tx_test_fleeting_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_shelf *shelf = arg;
	struct kcas_tx_test_item *item, *found;
	struct kcas_tx_test *t = shelf->t;
	int err;

	item = kcas_tx_test_item(tx, 1);
	if (IS_ERR(item))
		return PTR_ERR(item);
	err = kcas_tx_set_ptr(tx, &shelf->slot, item) ?: kcas_tx_inc(tx, &item->word);
	if (err)
		return err;
	found = kcas_tx_get_ptr(tx, &shelf->slot);
	kcas_tx_check(t, found == item);
	err = kcas_tx_retire(tx, &item->head, kcas_tx_test_item_free) ?:
	      kcas_tx_inc(tx, &t->word[0]);
	if (err || t->step == 0)
		return err;
	/* It stays there, or not; or nothing has happened. */
	err = kcas_tx_set_ptr(tx, &shelf->slot, NULL);
	return err ?: t->step == 2 ? -EIO : 0;
}

static void kcas_tx_test_fleeting(struct kunit *test)
{
	struct kcas_tx_test_shelf *shelf = kcas_test_alloc(test, 1, sizeof(*shelf));
	struct kcas_tx_test *t = kcas_tx_test(test, 2);

	shelf->t = t;
	if (kcas_tx_test_has_none(test, shelf, kcas_tx_test_fleeting_body))
		return;
	for (t->step = 0; t->step < 3; t->step++) {
		atomic_set(&kcas_tx_test_retired, 0);
		KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_fleeting_body, shelf, &t->opts),
				t->step == 2 ? -EIO : 0);
		/* Who left it there takes it away before anybody can see it gone. */
		KUNIT_EXPECT_EQ(test, kcas_set(&shelf->slot.word, 0), 0);
		KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&kcas_tx_test_retired), t->step < 2);
	}
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 12);
	kcas_tx_test_verdict(t);
}

/* Its words are in the log, and in the operation that fails; nobody else has seen it. */
static int kcas_tx_test_private(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_shelf *shelf = arg;
	struct kcas_tx_test_item *item = kcas_tx_test_item(tx, 1);

	if (IS_ERR(item))
		return PTR_ERR(item);
	return kcas_tx_inc(tx, &item->word) ?: kcas_tx_set_ptr(tx, &shelf->slot, item) ?:
	       kcas_tx_inc(tx, &shelf->t->word[0]);
}

static int kcas_tx_test_private_wait(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_test_private(tx, arg) ?: kcas_tx_retry(tx);
}

static int kcas_tx_test_discard_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_shelf *shelf = arg;
	struct kcas_tx_test *t = shelf->t;
	long value;
	int err;

	err = kcas_tx_get_int(tx, &t->word[1], &value);
	if (err)
		return err;
	if (t->step)
		err = kcas_tx_or_else(tx, kcas_tx_test_private_wait, kcas_tx_test_private, shelf);
	else
		err = kcas_tx_test_private(tx, shelf);
	/* Looks at all words again, also at those that were rolled back. */
	err = err ?: kcas_tx_validate(tx, NULL) ?: kcas_tx_get_int(tx, &t->word[2], &value);
	/* Found out by the operation, which has come to the item by then: that lies before it. */
	if (!err && t->size && t->size--)
		kcas_tx_check(t, !kcas_add(&t->word[0], 1, NULL));
	return err;
}

static void kcas_tx_test_discard(struct kunit *test)
{
	struct kcas_tx_test_shelf *shelf = kcas_test_alloc(test, 1, sizeof(*shelf));
	struct kcas_tx_test *t = kcas_tx_test(test, 3);
	struct kcas_tx_test_item *item;
	unsigned int i;

	shelf->t = t;
	if (kcas_tx_test_has_none(test, shelf, kcas_tx_test_discard_body))
		return;
	for (i = 0; i < 20; i++) {
		t->step = i % 2;
		t->size = i % 4 < 2 ? 3 : 0;
		KUNIT_EXPECT_EQ(test, kcas_set(&t->word[2], kcas_int(i)), 0);
		KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_discard_body, shelf, &t->opts), 0);
		KUNIT_EXPECT_EQ(test, t->size, 0);
		item = kcas_read_ptr(&shelf->slot);
		KUNIT_ASSERT_NOT_NULL(test, item);
		KUNIT_EXPECT_EQ(test, kcas_test_value(&item->word), 6);
		KUNIT_EXPECT_EQ(test, kcas_set(&shelf->slot.word, 0), 0);
		kcas_kfree(item, head);
	}
	/* The cleaner has been everywhere. */
	KUNIT_EXPECT_EQ(test, kcas_test_settle(), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 10 + i + i / 2 * 3);
	kcas_tx_test_verdict(t);
}

static int kcas_tx_test_no_func_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	struct kcas_head head = {};

	if (kcas_tx_inc(tx, t->word))
		return -EAGAIN;
	return t->step ? kcas_tx_retire(tx, &head, NULL) :
	       kcas_tx_retire(tx, NULL, kcas_tx_test_item_free);
}

static void kcas_tx_test_bad_retire(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 1);

	debra_test_splat_begin();
	for (t->step = 0; t->step < 2; t->step++)
		KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_no_func_body), -EINVAL);
	debra_test_splat_end();
	KUNIT_EXPECT_EQ(test, kcas_test_value(t->word), 10);
}

/* ---------------------------------------------------------------- in interrupts */

KUNIT_ARRAY_PARAM(debra_test_context, debra_test_contexts, debra_test_context_desc);

static void kcas_tx_test_again(void *arg)
{
	struct kcas_tx_test *t = arg;

	t->nr_ids++;
	t->line = kcas_tx_test_run(t, t->arg);
}

static int kcas_tx_test_chain_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	int err = kcas_tx_inc(tx, t->word);

	if (err)
		return err;
	return t->nr_ids < 3 ? kcas_tx_on_commit(tx, kcas_tx_test_again, t) : 0;
}

static void kcas_tx_test_chain(void *arg)
{
	struct kcas_tx_test *t = arg;

	kcas_tx_check(t, !kcas_tx_test_run(t, kcas_tx_test_chain_body));
}

/* An action runs a transaction with an action, which does the same. */
static void kcas_tx_test_action_runs(struct kunit *test)
{
	const enum debra_test_context *param = test->param_value;
	struct kcas_tx_test *t = kcas_tx_test(test, 1);

	debra_test_use_interrupts(test);
	t->opts.flags = KCAS_TX_NOWAIT;
	t->arg = kcas_tx_test_chain_body;
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(0), *param,
						  kcas_tx_test_chain, t));
	KUNIT_EXPECT_EQ(test, t->wrong, 0);
	/* There is one log for NMIs, with PREEMPT_RT for any interrupt; and it is in use. */
	if (*param > DEBRA_TEST_LAST_ALLOCATING) {
		KUNIT_EXPECT_EQ(test, t->line, -ENOMEM);
		KUNIT_EXPECT_EQ(test, kcas_test_value(t->word), 11);
		return;
	}
	KUNIT_EXPECT_EQ(test, t->line, 0);
	KUNIT_EXPECT_EQ(test, t->nr_ids, 3);
	KUNIT_EXPECT_EQ(test, kcas_test_value(t->word), 14);
}

#define KCAS_TX_CASE(name)	KUNIT_CASE_PARAM(name, kcas_tx_test_how_gen_params)

static struct kunit_case kcas_tx_action_cases[] = {
	KCAS_TX_CASE(kcas_tx_test_actions),
	KCAS_TX_CASE(kcas_tx_test_many_actions),
	KUNIT_CASE(kcas_tx_test_allocs),
	KCAS_TX_CASE(kcas_tx_test_huge),
	KCAS_TX_CASE(kcas_tx_test_replace),
	KCAS_TX_CASE(kcas_tx_test_fleeting),
	KCAS_TX_CASE(kcas_tx_test_discard),
	KUNIT_CASE(kcas_tx_test_bad_retire),
	{}
};

static struct kunit_suite kcas_tx_action_suite = {
	.name = "kcas_tx_action",
	.init = kcas_tx_test_init,
	.test_cases = kcas_tx_action_cases,
};

static struct kunit_case kcas_tx_action_context_cases[] = {
	KUNIT_CASE_PARAM(kcas_tx_test_action_runs, debra_test_context_gen_params),
	{}
};

static struct kunit_suite kcas_tx_action_context_suite = {
	.name = "kcas_tx_action_context",
	.test_cases = kcas_tx_action_context_cases,
};

kunit_test_suites(&kcas_tx_action_suite, &kcas_tx_action_context_suite);

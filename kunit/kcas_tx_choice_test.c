// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: alternatives in transactions, and what is left of those that were not taken.
 */
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kcas_tx_test_util.h"

KUNIT_ARRAY_PARAM(kcas_tx_test_how, kcas_tx_test_hows, kcas_tx_test_how_desc);

static void kcas_tx_test_kfree(void *mem)
{
	kfree(mem);
}

/* What has to wait for ever says so: at once, or after a while. */
static int kcas_tx_test_blocked(struct kcas_tx_test *t)
{
	if (!kcas_tx_test_may_wait(t))
		return -EWOULDBLOCK;
	t->opts.timeout = 1;
	return -ETIMEDOUT;
}

/* ---------------------------------------------------------------- first */

#define KCAS_TX_TEST_MOST	5

/**
 * struct kcas_tx_test_menu - alternatives, of which one is to be had
 * @t: the test; @t->step is which one, @t->size how many there are
 * @tried: a bit for each that was tried in this attempt
 * @committed: a bit for each whose action for that has run
 * @ended: the same for the other kind
 * @result: what the one returns
 */
struct kcas_tx_test_menu {
	struct kcas_tx_test *t;
	unsigned long tried;
	unsigned long committed;
	unsigned long ended;
	int result;
};

static struct kcas_tx_test_menu kcas_tx_test_menu;

static void kcas_tx_test_menu_committed(void *arg)
{
	__set_bit((unsigned long)arg, &kcas_tx_test_menu.committed);
}

static void kcas_tx_test_menu_ended(void *arg)
{
	__set_bit((unsigned long)arg, &kcas_tx_test_menu.ended);
}

static int kcas_tx_test_dish(struct kcas_tx *tx, struct kcas_tx_test_menu *menu, unsigned long nr)
{
	struct kcas_tx_test *t = menu->t;
	long value, sum;
	void *mem;
	int err;

	__set_bit(nr, &menu->tried);
	err = kcas_tx_get_int(tx, &t->word[0], &value) ?: kcas_tx_add(tx, &t->word[0], 1, &sum) ?:
	      kcas_tx_set_int(tx, &t->word[nr + 1], 100) ?:
	      kcas_tx_on_commit(tx, kcas_tx_test_menu_committed, (void *)nr) ?:
	      kcas_tx_on_abort(tx, kcas_tx_test_menu_ended, (void *)nr);
	if (err)
		return err;
	kcas_tx_check(t, value == 11 && sum == 12);
	if (kcas_tx_test_has_memory(t)) {
		mem = kcas_tx_alloc(tx, 64);
		if (IS_ERR(mem))
			return PTR_ERR(mem);
		kcas_tx_check(t, !memchr_inv(mem, 0, 64));
		memset(mem, 0xaa, 64);
		err = kcas_tx_on_commit(tx, kcas_tx_test_kfree, mem);
		if (err)
			return err;
	}
	if (nr != t->step)
		return kcas_tx_retry(tx);
	return menu->result;
}

#define KCAS_TX_TEST_DISH(nr)							\
static int kcas_tx_test_dish_##nr(struct kcas_tx *tx, void *arg)		\
{										\
	return kcas_tx_test_dish(tx, arg, nr);					\
}

KCAS_TX_TEST_DISH(0)
KCAS_TX_TEST_DISH(1)
KCAS_TX_TEST_DISH(2)
KCAS_TX_TEST_DISH(3)
KCAS_TX_TEST_DISH(4)

static const kcas_tx_fn kcas_tx_test_dishes[KCAS_TX_TEST_MOST] = {
	kcas_tx_test_dish_0, kcas_tx_test_dish_1, kcas_tx_test_dish_2, kcas_tx_test_dish_3,
	kcas_tx_test_dish_4,
};

static int kcas_tx_test_meal(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_menu *menu = arg;
	struct kcas_tx_test *t = menu->t;
	int err;

	menu->tried = 0;
	menu->ended = 0;
	err = kcas_tx_inc(tx, &t->word[0]);
	if (err)
		return err;
	if (t->flag)
		return kcas_tx_or_else(tx, kcas_tx_test_dish_0, kcas_tx_test_dish_1, menu);
	return kcas_tx_first(tx, kcas_tx_test_dishes, t->size, menu);
}

static void kcas_tx_test_menu_judge(struct kunit *test, struct kcas_tx_test *t, int ret, int want)
{
	bool hit = t->step < t->size, done = !want;
	unsigned int i;

	KUNIT_EXPECT_EQ_MSG(test, ret, want, "%u of %u", t->step, t->size);
	KUNIT_EXPECT_EQ(test, kcas_tx_test_menu.tried, BIT(min(t->step + 1, t->size)) - 1);
	KUNIT_EXPECT_EQ(test, kcas_tx_test_menu.committed, done ? BIT(t->step) : 0);
	KUNIT_EXPECT_EQ_MSG(test, kcas_tx_test_menu.ended,
			    BIT(hit ? t->step + !done : t->size) - 1, "%u of %u", t->step,
			    t->size);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), done ? 12 : 10);
	for (i = 0; i < KCAS_TX_TEST_MOST; i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[i + 1]),
				done && i == t->step ? 100 : 11 + i);
	if (done)
		KUNIT_EXPECT_EQ(test, kcas_set(&t->word[t->step + 1], kcas_int(11 + t->step)), 0);
	KUNIT_EXPECT_EQ(test, kcas_set(&t->word[0], kcas_int(10)), 0);
}

static void kcas_tx_test_menu_run(struct kunit *test, struct kcas_tx_test *t, int result)
{
	int ret;

	memset(&kcas_tx_test_menu, 0, sizeof(kcas_tx_test_menu));
	kcas_tx_test_menu.t = t;
	kcas_tx_test_menu.result = result;
	ret = kcas_tx_run(kcas_tx_test_meal, &kcas_tx_test_menu, &t->opts);
	kcas_tx_test_menu_judge(test, t, ret, t->step < t->size ? result : kcas_tx_test_blocked(t));
	t->opts.timeout = 0;
}

static void kcas_tx_test_first(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, KCAS_TX_TEST_MOST + 1);

	for (t->size = 1; t->size <= KCAS_TX_TEST_MOST; t->size++) {
		for (t->step = 0; t->step <= t->size; t->step++) {
			/* A wait has an end only if it was given one. */
			if (t->step == t->size && kcas_tx_test_blocked(t) == -ETIMEDOUT)
				t->opts.timeout = KCAS_TX_TEST_MOMENT;
			kcas_tx_test_menu_run(test, t, 0);
			if (t->step < t->size)
				kcas_tx_test_menu_run(test, t, -EIO);
		}
	}
	kcas_tx_test_verdict(t);
}

static void kcas_tx_test_or_else(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, KCAS_TX_TEST_MOST + 1);

	t->flag = true;
	t->size = 2;
	for (t->step = 0; t->step <= 2; t->step++) {
		if (t->step == t->size && kcas_tx_test_blocked(t) == -ETIMEDOUT)
			t->opts.timeout = KCAS_TX_TEST_MOMENT;
		kcas_tx_test_menu_run(test, t, 0);
	}
	kcas_tx_test_verdict(t);
}

static int kcas_tx_test_none_body(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_inc(tx, arg) ?: kcas_tx_first(tx, NULL, 0, NULL);
}

static int kcas_tx_test_blind_body(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_retry(tx);
}

static void kcas_tx_test_misuse(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 1);

	debra_test_splat_begin();
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_none_body, t->word, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_blind_body), -EDEADLK);
	debra_test_splat_end();
	KUNIT_EXPECT_EQ(test, kcas_test_value(t->word), 10);
}

/* ---------------------------------------------------------------- reads stay */

static int kcas_tx_test_look_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	long value;

	return kcas_tx_get_int(tx, &t->word[0], &value) ?: kcas_tx_inc(tx, &t->word[1]) ?:
	       value < 13 ? kcas_tx_retry(tx) : 0;
}

static int kcas_tx_test_instead_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;

	/* Nobody reads it here, but why we are here may not be true any more. */
	kcas_tx_check(t, !kcas_add(&t->word[0], 1, NULL));
	t->runs++;
	return kcas_tx_inc(tx, &t->word[2]);
}

static int kcas_tx_test_either_body(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_or_else(tx, kcas_tx_test_look_body, kcas_tx_test_instead_body, arg);
}

static void kcas_tx_test_reads_stay(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 3);

	kcas_tx_test_undisturbed(test);
	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_either_body), 0);
	KUNIT_EXPECT_EQ(test, t->runs, 3);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]), 13);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), 12);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[2]), 12);
	kcas_tx_test_verdict(t);
}

static int kcas_tx_test_want(struct kcas_tx *tx, struct kcas_word *word)
{
	long value;

	return kcas_tx_get_int(tx, word, &value) ?: value < 0 ? kcas_tx_set_int(tx, word, 0) :
	       kcas_tx_retry(tx);
}

static int kcas_tx_test_want_0(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_test_want(tx, &((struct kcas_tx_test *)arg)->word[0]);
}

static int kcas_tx_test_want_1(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_test_want(tx, &((struct kcas_tx_test *)arg)->word[1]);
}

static int kcas_tx_test_want_2(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_test_want(tx, &((struct kcas_tx_test *)arg)->word[2]);
}

static int kcas_tx_test_want_any(struct kcas_tx *tx, void *arg)
{
	static const kcas_tx_fn any[] = {
		kcas_tx_test_want_0, kcas_tx_test_want_1, kcas_tx_test_want_2
	};

	return kcas_tx_first(tx, any, ARRAY_SIZE(any), arg);
}

#define KCAS_TX_TEST_WANTS	6

static int kcas_tx_test_want_fn(void *arg)
{
	struct kcas_tx_test *t = arg;
	unsigned int i;

	for (i = 1; i <= KCAS_TX_TEST_WANTS; i++) {
		kcas_tx_check(t, !kcas_tx_test_run(t, kcas_tx_test_want_any));
		/* Pairs with the acquire in kcas_tx_test_union(). */
		smp_store_release(&t->nr_ids, i);
	}
	while (!kthread_should_stop())
		usleep_range(100, 500);
	return 0;
}

/* Who can have none of them waits for all. */
static void kcas_tx_test_union(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 3);
	struct task_struct *task;
	bool woken = true;
	unsigned int i;

	if (!kcas_tx_test_may_wait(t)) {
		KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_test_want_any), -EWOULDBLOCK);
		return;
	}
	task = debra_test_thread(test, kcas_tx_test_want_fn, t, DEBRA_TEST_ANY_CPU);
	for (i = 0; i < KCAS_TX_TEST_WANTS && woken; i++) {
		if (i % 2)
			usleep_range(5000, 6000);
		KUNIT_EXPECT_EQ(test, kcas_set(&t->word[i % 3], kcas_int(-1)), 0);
		/* Pairs with the release in kcas_tx_test_want_fn(). */
		woken = debra_test_wait(smp_load_acquire(&t->nr_ids) == i + 1);
		KUNIT_EXPECT_TRUE_MSG(test, woken, "nobody was woken by word %u", i % 3);
		KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[i % 3]), 0);
	}
	/* Come what may, the thread has to come to its end. */
	for (i = 0; READ_ONCE(t->nr_ids) < KCAS_TX_TEST_WANTS; i++) {
		KUNIT_EXPECT_EQ(test, kcas_set(&t->word[i % 3], kcas_int(-2)), 0);
		msleep(20);
	}
	debra_test_thread_stop(test, task);
	kcas_tx_test_verdict(t);
}

/* ---------------------------------------------------------------- random programs */

#define KCAS_TX_PROG_WORDS	20
#define KCAS_TX_PROG_ACTIONS	256
#define KCAS_TX_PROG_DEPTH	3

enum kcas_tx_prog_kind {
	KCAS_TX_PROG_ON_COMMIT,
	KCAS_TX_PROG_ON_ABORT,
	KCAS_TX_PROG_ON_END,
};

/* What a transaction should be: values, and actions in their order. */
struct kcas_tx_prog_state {
	long value[KCAS_TX_PROG_WORDS];
	unsigned int nr;
	struct {
		enum kcas_tx_prog_kind kind;
		unsigned int id;
	} action[KCAS_TX_PROG_ACTIONS];
};

/**
 * struct kcas_tx_prog - a random program
 * @t: the test
 * @model: what the oracle has
 * @saved: and what it goes back to, for each depth
 * @seen: a hash of all values that were read
 * @nr_done: how many actions were done
 * @done: which, in their order
 */
struct kcas_tx_prog {
	struct kcas_tx_test *t;
	struct kcas_tx_prog_state model;
	struct kcas_tx_prog_state saved[KCAS_TX_PROG_DEPTH + 1];
	u64 seen;
	unsigned int nr_done;
	unsigned int done[KCAS_TX_PROG_ACTIONS];
};

/* A part of it: all that happens there follows from the seed, and from what is read. */
struct kcas_tx_prog_part {
	struct kcas_tx_prog *p;
	unsigned int depth;
	u64 seed[KCAS_TX_TEST_MOST];
};

static struct kcas_tx_prog *kcas_tx_prog_now;

static int kcas_tx_prog_run(struct kcas_tx_prog *p, struct kcas_tx *tx, u64 seed,
			    unsigned int depth);

static void kcas_tx_prog_action(void *arg)
{
	struct kcas_tx_prog *p = kcas_tx_prog_now;

	if (p->nr_done < KCAS_TX_PROG_ACTIONS)
		p->done[p->nr_done++] = (unsigned long)arg;
}

static int kcas_tx_prog_see(struct kcas_tx_prog *p, long value)
{
	p->seen = p->seen * 31 + value;
	return 0;
}

static int kcas_tx_prog_read(struct kcas_tx_prog *p, struct kcas_tx *tx, unsigned int at,
			     long *value)
{
	int err = 0;

	if (tx)
		err = kcas_tx_get_int(tx, &p->t->word[at], value);
	else
		*value = p->model.value[at];
	return err ?: kcas_tx_prog_see(p, *value);
}

static int kcas_tx_prog_write(struct kcas_tx_prog *p, struct kcas_tx *tx,
			      struct kcas_test_dice *dice)
{
	unsigned int at = kcas_test_roll(dice, KCAS_TX_PROG_WORDS);
	unsigned int other = kcas_test_roll(dice, KCAS_TX_PROG_WORDS);
	unsigned int how = kcas_test_roll(dice, 3);
	long to = (long)kcas_test_roll(dice, 9) - 4;

	if (tx && !how)
		return kcas_tx_set_int(tx, &p->t->word[at], to);
	if (tx)
		return how == 1 ? kcas_tx_add(tx, &p->t->word[at], to, NULL) :
		       kcas_tx_swap(tx, &p->t->word[at], &p->t->word[other]);
	if (how == 2)
		swap(p->model.value[at], p->model.value[other]);
	else
		p->model.value[at] = to + (how ? p->model.value[at] : 0);
	return 0;
}

static int kcas_tx_prog_promise(struct kcas_tx_prog *p, struct kcas_tx *tx,
				struct kcas_test_dice *dice)
{
	bool commit = kcas_test_roll(dice, 2);
	unsigned int id = kcas_test_roll(dice, U32_MAX);

	if (tx)
		return commit ? kcas_tx_on_commit(tx, kcas_tx_prog_action, (void *)(long)id) :
		       kcas_tx_on_abort(tx, kcas_tx_prog_action, (void *)(long)id);
	if (p->model.nr < KCAS_TX_PROG_ACTIONS) {
		p->model.action[p->model.nr].kind = commit ? KCAS_TX_PROG_ON_COMMIT :
						    KCAS_TX_PROG_ON_ABORT;
		p->model.action[p->model.nr++].id = id;
	}
	return 0;
}

static int kcas_tx_prog_alloc(struct kcas_tx_prog *p, struct kcas_tx *tx,
			      struct kcas_test_dice *dice)
{
	size_t size = 1 + kcas_test_roll(dice, 300);
	void *mem;

	if (!tx || !kcas_tx_test_has_memory(p->t))
		return 0;
	mem = kcas_tx_alloc(tx, size);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	memset(mem, 0x55, size);
	return kcas_tx_on_commit(tx, kcas_tx_test_kfree, mem);
}

static int kcas_tx_prog_wait(struct kcas_tx_prog *p, struct kcas_tx *tx,
			     struct kcas_test_dice *dice)
{
	unsigned int at = kcas_test_roll(dice, KCAS_TX_PROG_WORDS);
	unsigned int odds = 1 + kcas_test_roll(dice, 3);
	long value;
	int err;

	err = kcas_tx_prog_read(p, tx, at, &value);
	if (err || (value & 3) >= odds)
		return err;
	return tx ? kcas_tx_retry(tx) : -ERESTART;
}

static int kcas_tx_prog_alternative(struct kcas_tx *tx, void *arg, unsigned int i)
{
	struct kcas_tx_prog_part *part = arg;

	return kcas_tx_prog_run(part->p, tx, part->seed[i], part->depth + 1);
}

#define KCAS_TX_PROG_ALTERNATIVE(nr)						\
static int kcas_tx_prog_alternative_##nr(struct kcas_tx *tx, void *arg)		\
{										\
	return kcas_tx_prog_alternative(tx, arg, nr);				\
}

KCAS_TX_PROG_ALTERNATIVE(0)
KCAS_TX_PROG_ALTERNATIVE(1)
KCAS_TX_PROG_ALTERNATIVE(2)
KCAS_TX_PROG_ALTERNATIVE(3)
KCAS_TX_PROG_ALTERNATIVE(4)

static const kcas_tx_fn kcas_tx_prog_alternatives[KCAS_TX_TEST_MOST] = {
	kcas_tx_prog_alternative_0, kcas_tx_prog_alternative_1, kcas_tx_prog_alternative_2,
	kcas_tx_prog_alternative_3, kcas_tx_prog_alternative_4,
};

/* Actions for the case of an abort stay, for the end of it. */
static void kcas_tx_prog_undo(struct kcas_tx_prog *p, const struct kcas_tx_prog_state *saved)
{
	struct kcas_tx_prog_state *model = &p->model;
	unsigned int i, to = saved->nr;

	memcpy(model->value, saved->value, sizeof(model->value));
	for (i = to; i < model->nr; i++) {
		if (model->action[i].kind == KCAS_TX_PROG_ON_COMMIT)
			continue;
		model->action[to] = model->action[i];
		model->action[to++].kind = KCAS_TX_PROG_ON_END;
	}
	model->nr = to;
}

static int kcas_tx_prog_choose(struct kcas_tx_prog *p, struct kcas_tx *tx,
			       struct kcas_test_dice *dice, unsigned int depth)
{
	struct kcas_tx_prog_part part = { .p = p, .depth = depth };
	unsigned int i, nr = 1 + kcas_test_roll(dice, KCAS_TX_TEST_MOST);
	int ret = 0;

	for (i = 0; i < nr; i++)
		part.seed[i] = kcas_test_roll(dice, U32_MAX) + 1ULL;
	if (tx)
		return kcas_tx_first(tx, kcas_tx_prog_alternatives, nr, &part);
	p->saved[depth] = p->model;
	for (i = 0; i < nr; i++) {
		ret = kcas_tx_prog_alternative(NULL, &part, i);
		if (ret != -ERESTART || i + 1 == nr)
			break;
		kcas_tx_prog_undo(p, &p->saved[depth]);
	}
	return ret;
}

/* Something is tried, and undone whatever has come of it. */
static int kcas_tx_prog_try(struct kcas_tx_prog *p, struct kcas_tx *tx,
			    struct kcas_test_dice *dice, unsigned int depth)
{
	u64 seed = kcas_test_roll(dice, U32_MAX) + 1ULL;
	struct kcas_tx_snap snap;

	if (tx) {
		snap = kcas_tx_snapshot(tx);
		kcas_tx_prog_run(p, tx, seed, depth + 1);
		kcas_tx_rollback(tx, &snap);
		return kcas_tx_validate(tx, NULL);
	}
	p->saved[depth] = p->model;
	kcas_tx_prog_run(p, NULL, seed, depth + 1);
	kcas_tx_prog_undo(p, &p->saved[depth]);
	return 0;
}

/* Without a transaction: the oracle. */
static int kcas_tx_prog_step(struct kcas_tx_prog *p, struct kcas_tx *tx,
			     struct kcas_test_dice *dice, unsigned int depth)
{
	unsigned int at, what = kcas_test_roll(dice, depth < KCAS_TX_PROG_DEPTH ? 20 : 15);
	long value;

	if (what < 5)
		return kcas_tx_prog_write(p, tx, dice);
	if (what < 8) {
		at = kcas_test_roll(dice, KCAS_TX_PROG_WORDS);
		return kcas_tx_prog_read(p, tx, at, &value);
	}
	if (what < 11)
		return kcas_tx_prog_promise(p, tx, dice);
	if (what == 11)
		return kcas_tx_prog_alloc(p, tx, dice);
	if (what < 14)
		return kcas_tx_prog_wait(p, tx, dice);
	if (what == 14)
		return kcas_test_roll(dice, 6) ? 0 : -EIO;
	return what < 18 ? kcas_tx_prog_choose(p, tx, dice, depth) :
	       kcas_tx_prog_try(p, tx, dice, depth);
}

static int kcas_tx_prog_run(struct kcas_tx_prog *p, struct kcas_tx *tx, u64 seed,
			    unsigned int depth)
{
	struct kcas_test_dice dice = { .state = seed * 0x9e3779b97f4a7c15ULL | 1 };
	unsigned int nr = 1 + kcas_test_roll(&dice, depth ? 6 : 10);
	int err = 0;

	while (nr-- && !err)
		err = kcas_tx_prog_step(p, tx, &dice, depth);
	return err;
}

static int kcas_tx_prog_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_prog *p = arg;

	p->seen = 0;
	p->nr_done = 0;
	return kcas_tx_prog_run(p, tx, *(u64 *)p->t->arg, 0);
}

static unsigned int kcas_tx_prog_wrong_actions(struct kcas_tx_prog *p, bool committed)
{
	enum kcas_tx_prog_kind not = committed ? KCAS_TX_PROG_ON_ABORT : KCAS_TX_PROG_ON_COMMIT;
	unsigned int i, at = 0, wrong = 0;

	for (i = 0; i < p->model.nr; i++) {
		if (p->model.action[i].kind == not)
			continue;
		wrong += at >= p->nr_done || p->done[at] != p->model.action[i].id;
		at++;
	}
	return wrong + (at != p->nr_done);
}

static unsigned int kcas_tx_prog_wrong_values(struct kcas_tx_prog *p)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < KCAS_TX_PROG_WORDS; i++)
		wrong += kcas_test_value(&p->t->word[i]) != p->model.value[i];
	return wrong;
}

/* Return: what the transaction returned. */
static int kcas_tx_prog_play(struct kunit *test, struct kcas_tx_prog *p, u64 seed)
{
	struct kcas_tx_prog_state *before = &p->saved[KCAS_TX_PROG_DEPTH];
	int want, ret;
	unsigned int i;
	u64 seen;

	p->model.nr = 0;
	for (i = 0; i < KCAS_TX_PROG_WORDS; i++)
		p->model.value[i] = kcas_test_value(&p->t->word[i]);
	*before = p->model;
	p->seen = 0;
	want = kcas_tx_prog_run(p, NULL, seed, 0);
	seen = p->seen;
	if (want)
		memcpy(p->model.value, before->value, sizeof(before->value));
	if (want == -ERESTART)
		want = kcas_tx_test_blocked(p->t);
	p->t->arg = &seed;
	ret = kcas_tx_run(kcas_tx_prog_body, p, &p->t->opts);
	/* It may be too long for where there is no memory. */
	if (ret == -ENOMEM && !kcas_tx_test_has_memory(p->t)) {
		memcpy(p->model.value, before->value, sizeof(before->value));
		want = ret;
	}
	KUNIT_EXPECT_EQ_MSG(test, ret, want, "program %llx", seed);
	KUNIT_EXPECT_EQ_MSG(test, kcas_tx_prog_wrong_values(p), 0, "program %llx", seed);
	p->t->opts.timeout = 0;
	if (ret == -ENOMEM)
		return ret;
	/*
	 * Its time may be over before it has got anywhere: by attempts that are made to fail, or
	 * that find no memory.
	 */
	if ((p->t->inject || IS_ENABLED(CONFIG_PREEMPT_RT)) && ret == -ETIMEDOUT)
		return ret;
	KUNIT_EXPECT_EQ_MSG(test, p->seen, seen, "program %llx has read something else", seed);
	KUNIT_EXPECT_EQ_MSG(test, kcas_tx_prog_wrong_actions(p, !want), 0, "program %llx", seed);
	return ret;
}

static void kcas_tx_test_programs(struct kunit *test)
{
	struct kcas_tx_prog *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	unsigned int i, nr, committed = 0, failed = 0, blocked = 0, starved = 0;
	struct kcas_test_dice dice;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->t = kcas_tx_test(test, KCAS_TX_PROG_WORDS);
	kcas_tx_prog_now = p;
	kcas_test_dice_init(&dice);
	nr = DEBRA_TEST_SCALED(kcas_tx_test_may_wait(p->t) ? 800 : 6000);
	for (i = 0; i < nr; i++) {
		ret = kcas_tx_prog_play(test, p, kcas_test_roll(&dice, U32_MAX) + 1ULL);
		committed += !ret;
		failed += ret == -EIO;
		blocked += ret == -EWOULDBLOCK || ret == -ETIMEDOUT;
		starved += ret == -ENOMEM;
	}
	KUNIT_EXPECT_EQ(test, committed + failed + blocked + starved, nr);
	KUNIT_EXPECT_LE(test, starved, kcas_tx_test_has_memory(p->t) ? 0 : nr / 2);
	KUNIT_EXPECT_GT(test, committed, nr / 8);
	KUNIT_EXPECT_GT(test, failed, 0);
	KUNIT_EXPECT_GT(test, blocked, 0);
	kunit_info(test, "%u committed, %u failed, %u had to wait, %u had no memory", committed,
		   failed, blocked, starved);
}

#define KCAS_TX_CASE(name)	KUNIT_CASE_PARAM(name, kcas_tx_test_how_gen_params)

static struct kunit_case kcas_tx_choice_cases[] = {
	KCAS_TX_CASE(kcas_tx_test_first),
	KCAS_TX_CASE(kcas_tx_test_or_else),
	KUNIT_CASE(kcas_tx_test_misuse),
	KCAS_TX_CASE(kcas_tx_test_reads_stay),
	KCAS_TX_CASE(kcas_tx_test_union),
	KCAS_TX_CASE(kcas_tx_test_programs),
	{}
};

static struct kunit_suite kcas_tx_choice_suite = {
	.name = "kcas_tx_choice",
	.init = kcas_tx_test_init,
	.test_cases = kcas_tx_choice_cases,
};

kunit_test_suite(kcas_tx_choice_suite);

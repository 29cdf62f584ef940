// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: transactions that stall, and are neutralized by the reclaimer.
 *
 * What a stalled transaction has read stays, all the rest goes; it learns of it at its next
 * access, starts again, and nobody else sees anything of it.
 */
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debra_test_reader.h"
#include "kcas_tx_test_util.h"
#ifdef CONFIG_DEBRA_DEBUG
#include "kcas_test_actor.h"
#endif

#define KCAS_TX_TEST_OBJECTS	40

/* ---------------------------------------------------------------- a stage */

/**
 * struct kcas_tx_stall - a transaction that stalls once
 * @t: the test; @t->word point to the marks, and the one behind them counts
 * @mark: what the words point to
 * @after: it stalls after so many accesses; in an action if that is more than there are words
 * @waits: at the end it waits until the last word has changed
 * @counts_first: it reads nothing after it has stalled at its end
 * @tx: it, in its body and while it commits
 * @held: it stalls
 * @go: it is to go on
 * @overran: it has gone on by itself
 * @aborted: it had been neutralized by then
 * @gone: objects that it had read and that were gone
 * @done: the thread has come to its end
 * @ret: what the transaction has returned
 */
struct kcas_tx_stall {
	struct kcas_tx_test *t;
	struct debra_test_mark *mark;
	unsigned int after;
	bool waits;
	bool counts_first;
	struct kcas_tx *tx;
	bool held;
	bool go;
	bool overran;
	bool aborted;
	unsigned int gone;
	bool done;
	int ret;
};

static bool kcas_tx_stall_guarded(const struct kcas_tx_stall *s)
{
	return !(s->t->opts.flags & KCAS_TX_PINNED);
}

static void kcas_tx_stall_here(struct kcas_tx_stall *s)
{
	u64 end = ktime_get_mono_fast_ns() + 2ULL * DEBRA_TEST_HOLD_MS * NSEC_PER_MSEC;
	bool asleep = preemptible();

	/* Pairs with the acquire in kcas_tx_stall_begin(). */
	smp_store_release(&s->held, true);
	/* Pairs with the release in kcas_tx_stall_go(). */
	while (!smp_load_acquire(&s->go)) {
		if (ktime_get_mono_fast_ns() > end) {
			s->overran = true;
			break;
		}
		if (asleep)
			usleep_range(100, 500);
		else
			cpu_relax();
	}
}

static void kcas_tx_stall_in_body(struct kcas_tx_stall *s, struct kcas_tx *tx)
{
	kcas_tx_stall_here(s);
	if (kcas_tx_stall_guarded(s))
		s->aborted = debra_guard_aborted(&tx->guard);
}

static void kcas_tx_stall_action(void *arg)
{
	struct kcas_tx_stall *s = arg;

	if (!s->held)
		kcas_tx_stall_here(s);
}

static unsigned int kcas_tx_stall_gone(struct kcas_tx_stall *s, unsigned int from, unsigned int to)
{
	return debra_test_calls(s->mark + from, to - from);
}

static int kcas_tx_stall_access(struct kcas_tx_stall *s, struct kcas_tx *tx, unsigned int i)
{
	struct kcas_tx_test *t = s->t;
	unsigned long value;
	int err;

	if (i == s->after && !s->held) {
		kcas_tx_stall_in_body(s, tx);
		s->gone += kcas_tx_stall_gone(s, 0, i);
	}
	if (i == t->size)
		return 0;
	err = kcas_tx_get(tx, &t->word[i], &value);
	if (err) {
		kcas_tx_check(t, err == -EAGAIN);
		return kcas_tx_test_stuck(t, tx, err);
	}
	kcas_tx_check(t, !value || value == (unsigned long)&s->mark[i].magic);
	if (value)
		s->gone += kcas_tx_stall_gone(s, i, i + 1);
	/* What it writes there does not count for what it has read. */
	return t->flag && i % 2 ? kcas_tx_set(tx, &t->word[i], value) : 0;
}

static int kcas_tx_stall_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_stall *s = arg;
	struct kcas_tx_test *t = s->t;
	unsigned int i;
	long value;
	int err = 0;

	t->runs++;
	s->tx = tx;
	if (s->counts_first)
		err = kcas_tx_inc(tx, &t->word[t->size]);
	else if (s->after > t->size)
		err = s->after % 2 ? kcas_tx_on_commit(tx, kcas_tx_stall_action, s) :
		      kcas_tx_on_abort(tx, kcas_tx_stall_action, s);
	for (i = 0; i <= t->size && !err; i++)
		err = kcas_tx_stall_access(s, tx, i);
	if (err || s->counts_first)
		return err;
	if (s->after > t->size && s->after % 2 == 0 && !s->held)
		return kcas_tx_get_int(tx, &t->word[t->size], &value) ?:
		       kcas_add(&t->word[t->size], 1, NULL) ?: kcas_tx_inc(tx, &t->word[t->size]);
	if (s->waits) {
		err = kcas_tx_get_int(tx, &t->word[t->size], &value);
		WRITE_ONCE(s->held, true);
		if (err || value == 10 + t->size)
			return err ?: kcas_tx_retry(tx);
	}
	return kcas_tx_inc(tx, &t->word[t->size]);
}

static int kcas_tx_stall_fn(void *arg)
{
	struct kcas_tx_stall *s = arg;

	s->ret = kcas_tx_run(kcas_tx_stall_body, s, &s->t->opts);
	/* Pairs with the acquire in kcas_tx_stall_end(). */
	smp_store_release(&s->done, true);
	while (!kthread_should_stop())
		usleep_range(100, 500);
	return 0;
}

/* Before the thread is stopped, which would wait for it. */
static void kcas_tx_stall_release(void *arg)
{
	struct kcas_tx_stall *s = arg;

	WRITE_ONCE(s->go, true);
	if (s->waits && kcas_set(&s->t->word[s->t->size], 0))
		pr_err("kcas-test: who waits is left alone\n");
}

/* A transaction on another CPU that has come to where it stalls. */
static struct kcas_tx_stall *kcas_tx_stall(struct kunit *test, unsigned int size)
{
	struct kcas_tx_stall *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	debra_test_need_cpus(test, 2);
	s->t = kcas_tx_test(test, size + 2);
	s->t->size = size;
	s->mark = debra_test_marks(test, &kcas_domain, size);
	for (i = 0; i < size; i++)
		kcas_init(&s->t->word[i], (unsigned long)&s->mark[i].magic);
	return s;
}

static void kcas_tx_stall_begin(struct kunit *test, struct kcas_tx_stall *s)
{
	debra_test_thread(test, kcas_tx_stall_fn, s, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_tx_stall_release, s));
	/* Pairs with the release in kcas_tx_stall_here(). */
	KUNIT_ASSERT_TRUE(test, debra_test_wait(smp_load_acquire(&s->held)));
}

/* All objects are taken away. */
static void kcas_tx_stall_bury(struct kunit *test, struct kcas_tx_stall *s)
{
	unsigned int i;

	for (i = 0; i < s->t->size; i++)
		KUNIT_EXPECT_EQ(test, kcas_set(&s->t->word[i], 0), 0);
	debra_test_retire_typed(s->mark, s->t->size);
}

static void kcas_tx_stall_end(struct kunit *test, struct kcas_tx_stall *s)
{
	struct kcas_tx_test *t = s->t;

	/* Pairs with the acquire in kcas_tx_stall_here(). */
	smp_store_release(&s->go, true);
	/* Pairs with the release in kcas_tx_stall_fn(). */
	KUNIT_ASSERT_TRUE(test, debra_test_wait(smp_load_acquire(&s->done)));
	KUNIT_EXPECT_EQ(test, s->ret, 0);
	KUNIT_EXPECT_FALSE(test, s->overran);
	KUNIT_EXPECT_EQ_MSG(test, s->gone, 0, "objects that it has read are gone");
	kcas_tx_test_verdict(t);
}

static void kcas_tx_stall_all_gone(struct kunit *test, struct kcas_tx_stall *s)
{
	KUNIT_EXPECT_EQ(test, debra_barrier(&kcas_domain), 0);
	debra_test_expect_called_once(test, s->mark, s->t->size);
}

/* ---------------------------------------------------------------- everywhere */

static const struct kcas_tx_stall_how {
	const char *name;
	unsigned int flags;
	bool writes;
} kcas_tx_stall_hows[] = {
	{ "not preemptible" },
	{ "not preemptible, not waiting", KCAS_TX_NOWAIT },
	{ "asleep", KCAS_TX_SLEEPABLE },
	{ "asleep, writing", KCAS_TX_SLEEPABLE, true },
	{ "relaxed", KCAS_TX_RELAXED },
};

KUNIT_ARRAY_PARAM_DESC(kcas_tx_stall_how, kcas_tx_stall_hows, name);

/* Slots, the first part of the log, its chunks: at their ends, and in between. */
static const unsigned int kcas_tx_stall_places[] = { 0, 1, 3, 4, 5, 15, 16, 17, 33, 40 };

static void kcas_tx_stall_set(struct kcas_tx_stall *s, const struct kcas_tx_stall_how *how,
			      unsigned int after)
{
	s->t->opts.flags = how->flags;
	s->t->flag = how->writes;
	s->after = after;
}

static void kcas_tx_test_stalls_at(struct kunit *test, const struct kcas_tx_stall_how *how,
				   unsigned int after)
{
	struct kcas_tx_stall *s = kcas_tx_stall(test, KCAS_TX_TEST_OBJECTS);
	unsigned int others = s->t->size - after;

	kcas_tx_stall_set(s, how, after);
	kcas_tx_stall_begin(test, s);
	kcas_tx_stall_bury(test, s);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_press_until(&kcas_domain,
							   debra_guard_aborted(&s->tx->guard)),
			      "not neutralized after %u accesses", after);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_press_until(&kcas_domain,
							   kcas_tx_stall_gone(s, after,
									      s->t->size) ==
							   others),
			      "after %u accesses it holds what it has not read", after);
	debra_test_press_for(&kcas_domain, DEBRA_TEST_WATCH_MS / 4);
	KUNIT_EXPECT_EQ_MSG(test, kcas_tx_stall_gone(s, 0, after), 0,
			    "after %u accesses what it has read is gone", after);
	kcas_tx_stall_end(test, s);
	KUNIT_EXPECT_TRUE(test, s->aborted);
	KUNIT_EXPECT_GE(test, s->t->runs, 2);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&s->t->word[s->t->size]), 11 + s->t->size);
	kcas_tx_stall_all_gone(test, s);
}

static void kcas_tx_test_stalled(struct kunit *test)
{
	unsigned int i, nr = ARRAY_SIZE(kcas_tx_stall_places);
	const struct kcas_tx_stall_how *how = test->param_value;

	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	for (i = 0; i < nr; i++)
		kcas_tx_test_stalls_at(test, how, kcas_tx_stall_places[i]);
}

/*
 * Nobody changes anything: who has read all by then commits, since all of it is still so;
 * who has not starts again.
 */
static void kcas_tx_test_unchanged_at(struct kunit *test, const struct kcas_tx_stall_how *how,
				      unsigned int after)
{
	struct kcas_tx_stall *s = kcas_tx_stall(test, KCAS_TX_TEST_OBJECTS);
	bool all = after == KCAS_TX_TEST_OBJECTS;

	kcas_tx_stall_set(s, how, after);
	s->counts_first = all;
	kcas_tx_stall_begin(test, s);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(&kcas_domain,
						       debra_guard_aborted(&s->tx->guard)));
	kcas_tx_stall_end(test, s);
	KUNIT_EXPECT_TRUE(test, s->aborted);
	KUNIT_EXPECT_EQ(test, s->t->runs, all ? 1 : 2);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&s->t->word[s->t->size]), 11 + s->t->size);
	kcas_tx_stall_bury(test, s);
	kcas_tx_stall_all_gone(test, s);
}

static void kcas_tx_test_unchanged(struct kunit *test)
{
	const struct kcas_tx_stall_how *how = test->param_value;

	kcas_tx_test_undisturbed(test);
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	kcas_tx_test_unchanged_at(test, how, 2);
	kcas_tx_test_unchanged_at(test, how, 20);
	kcas_tx_test_unchanged_at(test, how, KCAS_TX_TEST_OBJECTS);
}

/* ---------------------------------------------------------------- outside of the section */

static void kcas_tx_test_outside_at(struct kunit *test, unsigned int after, bool waits)
{
	struct kcas_tx_stall *s = kcas_tx_stall(test, KCAS_TX_TEST_OBJECTS);
	unsigned int size = s->t->size;

	s->after = after;
	s->waits = waits;
	kcas_tx_stall_begin(test, s);
	kcas_tx_stall_bury(test, s);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_press_until(&kcas_domain,
							   kcas_tx_stall_gone(s, 0, size) == size),
			      "it holds objects");
	if (waits)
		KUNIT_EXPECT_EQ(test, kcas_set(&s->t->word[size], kcas_int(11 + size)), 0);
	kcas_tx_stall_end(test, s);
	kcas_tx_stall_all_gone(test, s);
}

/* In an action, and in wait for something: nothing is held there. */
static void kcas_tx_test_outside(struct kunit *test)
{
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	kcas_tx_test_outside_at(test, KCAS_TX_TEST_OBJECTS + 1, false);
	kcas_tx_test_outside_at(test, KCAS_TX_TEST_OBJECTS + 2, false);
	kcas_tx_test_outside_at(test, UINT_MAX, true);
}

/* ---------------------------------------------------------------- pinned */

static void kcas_tx_test_pinned(struct kunit *test)
{
	struct kcas_tx_stall *s;
	unsigned int i, early;

	kcas_tx_test_undisturbed(test);
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	for (i = 0; i < 3; i++) {
		s = kcas_tx_stall(test, KCAS_TX_TEST_OBJECTS);
		s->t->opts.flags = KCAS_TX_PINNED;
		s->after = i * KCAS_TX_TEST_OBJECTS / 2;
		kcas_tx_stall_begin(test, s);
		debra_test_retire_typed(s->mark, s->t->size);
		debra_test_press_for(&kcas_domain, DEBRA_TEST_WATCH_MS);
		early = kcas_tx_stall_gone(s, 0, s->t->size);
		kcas_tx_stall_end(test, s);
		KUNIT_EXPECT_EQ_MSG(test, early, 0, "objects are gone under a pin");
		KUNIT_EXPECT_EQ(test, s->t->runs, 1);
		kcas_tx_stall_all_gone(test, s);
	}
}

/* ---------------------------------------------------------------- a list of nodes */

#define KCAS_TX_TEST_NODES	12
#define KCAS_TX_TEST_APART	8192	/* so that a pointer to one keeps no other */

/**
 * struct kcas_tx_test_link - a node, with a word in it
 * @head: the head
 * @next: the next one
 * @nr: which
 */
struct kcas_tx_test_link {
	struct kcas_head head;
	KCAS_PTR(struct kcas_tx_test_link) next;
	unsigned int nr;
};

static atomic_t kcas_tx_test_freed[KCAS_TX_TEST_NODES];

static void kcas_tx_test_link_free(struct kcas_head *head)
{
	struct kcas_tx_test_link *link = container_of(head, struct kcas_tx_test_link, head);

	atomic_inc(&kcas_tx_test_freed[link->nr]);
	kfree(link);
}

/**
 * struct kcas_tx_test_list - a list that is walked by who stalls on the way
 * @s: who stalls
 * @first: the first one
 * @link: all of them
 * @sum: of the numbers on the way
 */
struct kcas_tx_test_list {
	struct kcas_tx_stall s;
	KCAS_PTR(struct kcas_tx_test_link) first;
	struct kcas_tx_test_link *link[KCAS_TX_TEST_NODES];
	unsigned int sum;
};

static int kcas_tx_test_walk_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_list *list = arg;
	struct kcas_tx_stall *s = &list->s;
	struct kcas_tx_test_link *link;
	unsigned int passed = 0;

	s->t->runs++;
	s->tx = tx;
	list->sum = 0;
	link = kcas_tx_get_ptr(tx, &list->first);
	while (!IS_ERR_OR_NULL(link)) {
		if (passed++ == s->after && !s->held)
			kcas_tx_stall_in_body(s, tx);
		list->sum += link->nr;
		link = kcas_tx_get_ptr(tx, &link->next);
	}
	return PTR_ERR_OR_ZERO(link);
}

static int kcas_tx_test_walk_fn(void *arg)
{
	struct kcas_tx_test_list *list = arg;
	struct kcas_tx_stall *s = &list->s;

	s->ret = kcas_tx_run(kcas_tx_test_walk_body, list, &s->t->opts);
	/* Pairs with the acquire in kcas_tx_stall_end(). */
	smp_store_release(&s->done, true);
	while (!kthread_should_stop())
		usleep_range(100, 500);
	return 0;
}

static void kcas_tx_test_walk_release(void *arg)
{
	struct kcas_tx_test_list *list = arg;

	WRITE_ONCE(list->s.go, true);
}

static struct kcas_tx_test_list *kcas_tx_test_list(struct kunit *test)
{
	struct kcas_tx_test_list *list = kcas_test_alloc(test, 1, sizeof(*list));
	struct kcas_tx_test_link *link;
	int i;

	list->s.t = kcas_tx_test(test, 2);
	for (i = KCAS_TX_TEST_NODES - 1; i >= 0; i--) {
		link = kzalloc(KCAS_TX_TEST_APART, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, link);
		link->nr = i;
		kcas_init_ptr(&link->next, kcas_read_ptr(&list->first));
		kcas_init_ptr(&list->first, link);
		list->link[i] = link;
		atomic_set(&kcas_tx_test_freed[i], 0);
	}
	return list;
}

static unsigned int kcas_tx_test_freed_of(unsigned int from, unsigned int to)
{
	unsigned int nr = 0;

	for (; from < to; from++)
		nr += atomic_read(&kcas_tx_test_freed[from]);
	return nr;
}

static void kcas_tx_test_walk_at(struct kunit *test, unsigned int after)
{
	struct kcas_tx_test_list *list = kcas_tx_test_list(test);
	struct kcas_tx_stall *s = &list->s;
	unsigned int i, read = after + 1;

	s->t->opts.flags = KCAS_TX_SLEEPABLE;
	s->after = after;
	debra_test_thread(test, kcas_tx_test_walk_fn, list, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_tx_test_walk_release, list));
	/* Pairs with the release in kcas_tx_stall_here(). */
	KUNIT_ASSERT_TRUE(test, debra_test_wait(smp_load_acquire(&s->held)));
	KUNIT_EXPECT_EQ(test, kcas_set(&list->first.word, 0), 0);
	for (i = 0; i < KCAS_TX_TEST_NODES; i++)
		kcas_retire(&list->link[i]->head, kcas_tx_test_link_free);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(&kcas_domain,
						       debra_guard_aborted(&s->tx->guard)));
	KUNIT_EXPECT_TRUE_MSG(test,
			      debra_test_press_until(&kcas_domain,
						     kcas_tx_test_freed_of(read,
									   KCAS_TX_TEST_NODES) ==
						     KCAS_TX_TEST_NODES - read),
			      "it holds nodes that it has not seen; after %u, %u of them", after,
			      KCAS_TX_TEST_NODES - read -
			      kcas_tx_test_freed_of(read, KCAS_TX_TEST_NODES));
	KUNIT_EXPECT_EQ(test, kcas_tx_test_freed_of(0, read), 0);
	kcas_tx_stall_end(test, s);
	KUNIT_EXPECT_EQ(test, list->sum, 0);
	KUNIT_EXPECT_EQ(test, s->t->runs, 2);
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	KUNIT_EXPECT_EQ(test, kcas_tx_test_freed_of(0, KCAS_TX_TEST_NODES), KCAS_TX_TEST_NODES);
}

/* Words in objects that are retired: nodes that a stalled transaction stands on stay. */
static void kcas_tx_test_walk(struct kunit *test)
{
	kcas_tx_test_undisturbed(test);
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	debra_test_need_cpus(test, 2);
	kcas_tx_test_walk_at(test, 0);
	kcas_tx_test_walk_at(test, 3);
	kcas_tx_test_walk_at(test, 6);
}

/* ---------------------------------------------------------------- in its commit */

#ifdef CONFIG_DEBRA_DEBUG
static const enum kcas_pause kcas_tx_stall_pauses[] = {
	KCAS_PAUSE_LOGGED, KCAS_PAUSE_BEFORE_INSTALL, KCAS_PAUSE_INSTALLED,
	KCAS_PAUSE_BEFORE_VERIFY, KCAS_PAUSE_BEFORE_DECIDE, KCAS_PAUSE_DECIDED,
};

static void kcas_tx_stall_act(void *arg)
{
	struct kcas_tx_stall *s = arg;

	s->ret = kcas_tx_run(kcas_tx_stall_body, s, &s->t->opts);
}

/* All it has read is retired while it commits; whether it does is known by then, or not. */
static void kcas_tx_test_commit_at(struct kunit *test, struct kcas_test_actor *actor,
				   enum kcas_pause place)
{
	struct kcas_test_stop *stop = &actor->stop[DEBRA_TEST_TASK];
	struct kcas_tx_stall *s = kcas_tx_stall(test, 6);
	struct kcas_tx_test *t = s->t;
	bool held, aborted;
	unsigned int early;

	t->opts.flags = KCAS_TX_NOWAIT;
	s->after = UINT_MAX - 1;
	s->held = true;
	kcas_test_arm(stop, place, NULL);
	kcas_test_begin(actor, DEBRA_TEST_TASK, kcas_tx_stall_act, s);
	held = kcas_test_held(stop);
	kcas_tx_stall_bury(test, s);
	debra_test_press_for(&kcas_domain, DEBRA_TEST_WATCH_MS / 2);
	aborted = held && debra_test_press_until(&kcas_domain, debra_guard_aborted(&s->tx->guard));
	early = kcas_tx_stall_gone(s, 0, t->size);
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, held && kcas_test_done(actor));
	KUNIT_EXPECT_TRUE_MSG(test, aborted, "it is not neutralized");
	KUNIT_EXPECT_EQ_MSG(test, early, 0, "objects are gone before it has committed");
	KUNIT_EXPECT_EQ(test, s->ret, 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[t->size]), 11 + t->size);
	kcas_tx_test_verdict(t);
	kcas_tx_stall_all_gone(test, s);
}

static void kcas_tx_test_in_commit(struct kunit *test)
{
	struct kcas_test_actor *actor;
	unsigned int i;

	kcas_tx_test_undisturbed(test);
	debra_test_impatient(test);
	kcas_test_stage(test);
	actor = kcas_test_actor(test, 1);
	for (i = 0; i < ARRAY_SIZE(kcas_tx_stall_pauses); i++)
		kcas_tx_test_commit_at(test, actor, kcas_tx_stall_pauses[i]);
}
#endif

static struct kunit_case kcas_tx_neutral_cases[] = {
	KUNIT_CASE_PARAM(kcas_tx_test_stalled, kcas_tx_stall_how_gen_params),
	KUNIT_CASE_PARAM(kcas_tx_test_unchanged, kcas_tx_stall_how_gen_params),
	KUNIT_CASE(kcas_tx_test_outside),
	KUNIT_CASE(kcas_tx_test_pinned),
	KUNIT_CASE(kcas_tx_test_walk),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE(kcas_tx_test_in_commit),
#endif
	{}
};

static struct kunit_suite kcas_tx_neutral_suite = {
	.name = "kcas_tx_neutral",
	.test_cases = kcas_tx_neutral_cases,
};

kunit_test_suite(kcas_tx_neutral_suite);

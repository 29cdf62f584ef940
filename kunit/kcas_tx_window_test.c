// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: narrow places in which something was wrong once.
 *
 * Each of these tests fails if what it is for is taken back.
 */
#include <linux/hashtable.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "kcas_test_actor.h"
#include "kcas_tx_test_util.h"

/* ---------------------------------------------------------------- patience */

#define KCAS_TX_WINDOW_GUARD_MS	5	/* after which a section is in the way */
#define KCAS_TX_WINDOW_NAP_MS	60	/* what the body takes */

static int kcas_tx_window_nap(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	int err = kcas_tx_inc(tx, &t->word[0]);

	t->runs++;
	msleep(KCAS_TX_WINDOW_NAP_MS);
	return err ?: kcas_tx_inc(tx, &t->word[1]);
}

struct kcas_tx_window_scrap {
	struct kcas_head head;
};

/* There is always something to be given back, and it is urgent. */
static int kcas_tx_window_press_fn(void *unused)
{
	struct kcas_tx_window_scrap *scrap;

	while (!kthread_should_stop()) {
		scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
		if (scrap)
			kcas_kfree(scrap, head);
		debra_pressure(&kcas_domain);
		usleep_range(500, 1000);
	}
	return 0;
}

/* Who is neutralized each time is given more time each time, until it is enough. */
static void kcas_tx_window_patience(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 2);
	struct debra_test_files *files = debra_test_files(test);
	long neutralized = kcas_tx_test_stat(files, "neutralized");
	struct task_struct *task;

	debra_test_set_param(test, files, "guard_ms", KCAS_TX_WINDOW_GUARD_MS);
	t->opts.flags = KCAS_TX_SLEEPABLE;
	t->opts.timeout = msecs_to_jiffies(DEBRA_TEST_PATIENCE_MS);
	task = debra_test_thread(test, kcas_tx_window_press_fn, NULL, DEBRA_TEST_ANY_CPU);
	KUNIT_EXPECT_EQ(test, kcas_tx_test_run(t, kcas_tx_window_nap), 0);
	debra_test_thread_stop(test, task);
	neutralized = kcas_tx_test_stat(files, "neutralized") - neutralized;
	kunit_info(test, "%u times, %ld of them neutralized", t->runs, neutralized);
	KUNIT_EXPECT_GT(test, neutralized, 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), 12);
}

/* ---------------------------------------------------------------- actions */

/**
 * struct kcas_tx_window_turn - one who starves, and needs what another one holds
 * @word: he makes his own transaction fail with it
 * @mutex: his action for that case takes it, so the other one must get through
 * @runs: how often the body has run
 * @acts: in the action
 * @ret: what came of it
 */
struct kcas_tx_window_turn {
	struct kcas_word *word;
	struct mutex mutex;	/* protects nothing */
	unsigned int runs;
	bool acts;
	int ret;
};

static void kcas_tx_window_act(void *data)
{
	struct kcas_tx_window_turn *turn = data;

	/* The first attempt only makes him starve. */
	if (turn->runs < 2)
		return;
	/* Pairs with the acquire in kcas_tx_window_actions(). */
	smp_store_release(&turn->acts, true);
	mutex_lock(&turn->mutex);
	mutex_unlock(&turn->mutex);
}

static int kcas_tx_window_fail_twice(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_window_turn *turn = arg;
	int err = kcas_tx_inc(tx, turn->word);

	err = err ?: kcas_tx_on_abort(tx, kcas_tx_window_act, turn);
	if (err || turn->runs++ >= 2)
		return err;
	return kcas_add(turn->word, 1, NULL);
}

static int kcas_tx_window_turn_fn(void *data)
{
	const struct kcas_tx_opts opts = { .patience = 1 };
	struct kcas_tx_window_turn *turn = data;

	turn->ret = kcas_tx_run(kcas_tx_window_fail_twice, turn, &opts);
	while (!kthread_should_stop())
		usleep_range(500, 1000);
	return 0;
}

static int kcas_tx_window_inc(struct kcas_tx *tx, void *word)
{
	return kcas_tx_inc(tx, word);
}

/* Actions for an abort are done when the others are not held back any more. */
static void kcas_tx_window_actions(struct kunit *test)
{
	const struct kcas_tx_opts opts = { .timeout = msecs_to_jiffies(DEBRA_TEST_HOLD_MS / 2) };
	struct kcas_tx_window_turn *turn = kunit_kzalloc(test, sizeof(*turn), GFP_KERNEL);
	struct kcas_word *other = kcas_test_words(test, 1, 0);
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, turn);
	turn->word = kcas_test_words(test, 1, 0);
	turn->ret = -EINPROGRESS;
	mutex_init(&turn->mutex);
	mutex_lock(&turn->mutex);
	task = debra_test_thread(test, kcas_tx_window_turn_fn, turn, DEBRA_TEST_ANY_CPU);
	/* Pairs with the release in kcas_tx_window_act(). */
	KUNIT_EXPECT_TRUE(test, debra_test_wait(smp_load_acquire(&turn->acts)));
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_window_inc, other, &opts), 0);
	mutex_unlock(&turn->mutex);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(READ_ONCE(turn->ret) != -EINPROGRESS));
	debra_test_thread_stop(test, task);
	KUNIT_EXPECT_EQ(test, turn->ret, 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(turn->word), 3);
}

/* ---------------------------------------------------------------- a plain pointer */

struct kcas_tx_window_young {
	struct kcas_word word;
};

/**
 * struct kcas_tx_window_plain - an object that is found through a plain pointer
 * @t: the test; the object's word is as @t->word, at all times
 * @young: the object
 * @next: the one that takes its place
 */
struct kcas_tx_window_plain {
	struct kcas_tx_test *t;
	struct kcas_tx_window_young *young;
	struct kcas_tx_window_young *next;
};

/* Somebody else makes one that is right by now, with a value that was never written there. */
static void kcas_tx_window_renew(struct kcas_tx_window_plain *plain)
{
	if (plain->t->flag)
		return;
	plain->t->flag = true;
	kcas_tx_check(plain->t, !kcas_set(plain->t->word, kcas_int(11)));
	kcas_init(&plain->next->word, kcas_int(11));
	/* Pairs with the acquire in kcas_tx_window_look(). */
	smp_store_release(&plain->young, plain->next);
}

static int kcas_tx_window_look(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_window_plain *plain = arg;
	struct kcas_tx_window_young *young;
	long here, there;
	int err = kcas_tx_get_int(tx, plain->t->word, &here);

	if (err)
		return err;
	kcas_tx_window_renew(plain);
	/* Pairs with the release in kcas_tx_window_renew(). */
	young = smp_load_acquire(&plain->young);
	err = kcas_tx_protect(tx, 0, young) ?: kcas_tx_get_int(tx, &young->word, &there);
	if (!err)
		kcas_tx_check(plain->t, here == there);
	return err;
}

/* What lies behind a plain pointer may be younger than all that was read before. */
static void kcas_tx_window_younger(struct kunit *test)
{
	struct kcas_tx_window_plain plain = { .t = kcas_tx_test(test, 1) };

	plain.young = kcas_test_alloc(test, 2, sizeof(*plain.young));
	plain.next = plain.young + 1;
	kcas_init(&plain.young->word, kcas_int(10));
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_window_look, &plain, NULL), 0);
	KUNIT_EXPECT_TRUE(test, plain.t->flag);
	kcas_tx_test_verdict(plain.t);
}

/* ---------------------------------------------------------------- interrupts */

#define KCAS_TX_WINDOW_CROWD	1024
#define KCAS_TX_WINDOW_HASH	6	/* bits, as in tx.c */

static DEFINE_RAW_SPINLOCK(kcas_tx_window_lock);	/* protects nothing; interrupts take it */

/**
 * struct kcas_tx_window_crowd - tasks, of which one has a transaction in long form
 * @task: all of them
 * @nr: how many
 * @word: the transaction's
 * @inside: it is in its body
 * @go: it may go on
 */
struct kcas_tx_window_crowd {
	struct task_struct *task[KCAS_TX_WINDOW_CROWD];
	unsigned int nr;
	struct kcas_word *word;
	bool inside;
	bool go;
};

static int kcas_tx_window_stay(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_window_crowd *crowd = arg;
	unsigned long end = jiffies + msecs_to_jiffies(DEBRA_TEST_HOLD_MS);
	int err = kcas_tx_inc(tx, crowd->word);

	WRITE_ONCE(crowd->inside, true);
	while (!READ_ONCE(crowd->go) && time_before(jiffies, end))
		usleep_range(200, 500);
	return err;
}

static int kcas_tx_window_stay_fn(void *data)
{
	const struct kcas_tx_opts opts = { .flags = KCAS_TX_SLEEPABLE };
	int err = kcas_tx_run(kcas_tx_window_stay, data, &opts);

	while (!kthread_should_stop())
		usleep_range(500, 1000);
	return err;
}

static u32 kcas_tx_window_bucket(struct task_struct *task)
{
	return hash_min((unsigned long)task, KCAS_TX_WINDOW_HASH);
}

/* One that hangs where ours would. Return: it, not started yet, or NULL. */
static struct task_struct *kcas_tx_window_neighbour(struct kcas_tx_window_crowd *crowd)
{
	struct task_struct *task;

	while (crowd->nr < KCAS_TX_WINDOW_CROWD) {
		task = kthread_create(kcas_tx_window_stay_fn, crowd, "kcas_window");
		if (IS_ERR(task))
			return NULL;
		crowd->task[crowd->nr++] = task;
		if (kcas_tx_window_bucket(task) == kcas_tx_window_bucket(current))
			return task;
	}
	return NULL;
}

static void kcas_tx_window_disperse(void *data)
{
	struct kcas_tx_window_crowd *crowd = data;

	WRITE_ONCE(crowd->go, true);
	while (crowd->nr)
		kthread_stop(crowd->task[--crowd->nr]);
}

static void kcas_tx_window_take_lock(void *unused)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&kcas_tx_window_lock, flags);
	raw_spin_unlock_irqrestore(&kcas_tx_window_lock, flags);
}

/*
 * A lock that interrupts take is held while a transaction is begun that does not wait; it looks
 * for one of its task in the list of the long ones, under the lock of that list. If that
 * were held elsewhere with interrupts on, they could want the first lock: lockdep says so.
 */
static void kcas_tx_window_interrupts(struct kunit *test)
{
	const struct kcas_tx_opts opts = { .flags = KCAS_TX_NOWAIT };
	struct kcas_tx_window_crowd *crowd = kunit_kzalloc(test, sizeof(*crowd), GFP_KERNEL);
	struct kcas_word *word = kcas_test_words(test, 1, 0);
	struct task_struct *task;
	unsigned long flags;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	crowd->word = kcas_test_words(test, 1, 0);
	debra_test_use_interrupts(test);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_tx_window_disperse, crowd));
	task = kcas_tx_window_neighbour(crowd);
	KUNIT_ASSERT_NOT_NULL(test, task);
	wake_up_process(task);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(READ_ONCE(crowd->inside)));
	KUNIT_EXPECT_TRUE(test, debra_test_run_on(debra_test_cpu(1), DEBRA_TEST_HARDIRQ,
						  kcas_tx_window_take_lock, NULL));
	raw_spin_lock_irqsave(&kcas_tx_window_lock, flags);
	err = kcas_tx_run(kcas_tx_window_inc, word, &opts);
	raw_spin_unlock_irqrestore(&kcas_tx_window_lock, flags);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(word), 1);
}

#ifdef CONFIG_DEBRA_DEBUG

/* ---------------------------------------------------------------- memory */

/**
 * struct kcas_tx_window_gfp - what a transaction is told about memory
 * @name: for the report
 * @gfp: of the transaction
 * @pf: the task's flags that say so
 * @atomic: it must not wait at all
 */
struct kcas_tx_window_gfp {
	const char *name;
	gfp_t gfp;
	unsigned int pf;
	bool atomic;
};

static const struct kcas_tx_window_gfp kcas_tx_window_gfps[] = {
	{ "default", 0, 0 },
	{ "GFP_NOFS", GFP_NOFS, PF_MEMALLOC_NOFS },
	{ "GFP_NOIO", GFP_NOIO, PF_MEMALLOC_NOIO },
	{ "GFP_NOWAIT", GFP_NOWAIT, 0, true },
};

KUNIT_ARRAY_PARAM_DESC(kcas_tx_window_gfp, kcas_tx_window_gfps, name);

/**
 * struct kcas_tx_window_state - what a task was like when it committed
 * @hits: how often that was
 * @pf: its flags
 * @depth: how often preemption was off
 */
struct kcas_tx_window_state {
	unsigned int hits;
	unsigned int pf;
	unsigned int depth;
};

static void kcas_tx_window_spy_commit(enum kcas_pause where, const struct kcas_word *word,
				      void *arg)
{
	struct kcas_tx_window_state *state = arg;

	if (where != KCAS_PAUSE_BEFORE_STAMP)
		return;
	state->hits++;
	state->pf = current->flags & (PF_MEMALLOC_NOFS | PF_MEMALLOC_NOIO);
	state->depth = preempt_count() & PREEMPT_MASK;
}

static int kcas_tx_window_inc_both(struct kcas_tx *tx, void *arg)
{
	struct kcas_word *word = arg;

	return kcas_tx_inc(tx, &word[0]) ?: kcas_tx_inc(tx, &word[1]);
}

static struct kcas_tx_window_state kcas_tx_window_commit(struct kunit *test,
							 struct kcas_word *word, gfp_t gfp)
{
	const struct kcas_tx_opts opts = { .flags = KCAS_TX_SLEEPABLE, .gfp = gfp };
	struct kcas_tx_window_state state = { };

	kcas_test_spy.fn = kcas_tx_window_spy_commit;
	kcas_test_spy.arg = &state;
	WRITE_ONCE(kcas_test_spy.task, current);
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_window_inc_both, word, &opts), 0);
	WRITE_ONCE(kcas_test_spy.task, NULL);
	return state;
}

/* The operation that commits may want memory: within what the transaction was told. */
static void kcas_tx_window_memory(struct kunit *test)
{
	const struct kcas_tx_window_gfp *gfp = test->param_value;
	struct kcas_word *word = kcas_test_words(test, 2, 0);
	struct kcas_tx_window_state usual, state;
	unsigned int pf = current->flags & (PF_MEMALLOC_NOFS | PF_MEMALLOC_NOIO);

	kcas_test_stage(test);
	usual = kcas_tx_window_commit(test, word, GFP_KERNEL);
	state = kcas_tx_window_commit(test, word, gfp->gfp);
	KUNIT_EXPECT_GT(test, usual.hits, 0);
	KUNIT_EXPECT_GT(test, state.hits, 0);
	KUNIT_EXPECT_EQ(test, state.pf, gfp->pf);
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		KUNIT_EXPECT_EQ(test, state.depth, usual.depth + gfp->atomic);
	KUNIT_EXPECT_EQ(test, current->flags & (PF_MEMALLOC_NOFS | PF_MEMALLOC_NOIO), pf);
}

/* ---------------------------------------------------------------- stamps */

/**
 * struct kcas_tx_window_nest - an operation in the place where another one begins
 * @t: the test; the first two words are written by the outer operation, the third by the inner
 * @tx: the transaction that sees them
 * @err: what it said of the third word
 */
struct kcas_tx_window_nest {
	struct kcas_tx_test *t;
	struct kcas_tx *tx;
	int err;
};

/* The transaction gets to know the inner operation, which was done before the outer one. */
static void kcas_tx_window_spy_stamp(enum kcas_pause where, const struct kcas_word *word,
				     void *arg)
{
	struct kcas_tx_window_nest *nest = arg;
	struct kcas_tx_test *t = nest->t;
	unsigned long value;

	if (where != KCAS_PAUSE_BEFORE_STAMP || t->flag)
		return;
	t->flag = true;
	kcas_tx_check(t, !kcas_set(&t->word[2], kcas_int(0)));
	nest->err = kcas_tx_get(nest->tx, &t->word[2], &value);
	kcas_tx_check(t, nest->err || value == kcas_int(0));
}

static int kcas_tx_window_nest_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_window_nest *nest = arg;
	struct kcas_tx_test *t = nest->t;
	long first, second;
	int err = kcas_tx_get_int(tx, &t->word[0], &first);

	if (err)
		return err;
	if (!t->runs++) {
		nest->tx = tx;
		WRITE_ONCE(kcas_test_spy.task, current);
		kcas_tx_check(t, kcas2(&t->word[0], kcas_int(10), kcas_int(20),
				       &t->word[1], kcas_int(11), kcas_int(21)) == 1);
		WRITE_ONCE(kcas_test_spy.task, NULL);
	}
	err = kcas_tx_get_int(tx, &t->word[1], &second);
	if (!err)
		kcas_tx_check(t, first + 1 == second);
	return err;
}

/* The outer one must not have the number of the inner one, or pass for as old. */
static void kcas_tx_window_stamps(struct kunit *test)
{
	struct kcas_tx_window_nest nest = { .t = kcas_tx_test(test, 3) };

	kcas_tx_test_undisturbed(test);
	kcas_test_stage(test);
	kcas_test_spy.fn = kcas_tx_window_spy_stamp;
	kcas_test_spy.arg = &nest;
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_window_nest_body, &nest, NULL), 0);
	KUNIT_EXPECT_TRUE(test, nest.t->flag);
	KUNIT_EXPECT_EQ(test, nest.err, 0);
	kcas_tx_test_verdict(nest.t);
}

/* ---------------------------------------------------------------- a straggler */

/**
 * struct kcas_tx_window_tomb - an object that is retired
 * @head: the head
 * @word: a word
 * @called: its callback has run
 * @content: what the word held then
 */
struct kcas_tx_window_tomb {
	struct kcas_head head;
	struct kcas_word word;
	bool called;
	unsigned long content;
};

static void kcas_tx_window_bury(struct kcas_head *head)
{
	struct kcas_tx_window_tomb *tomb = container_of(head, struct kcas_tx_window_tomb, head);

	tomb->content = READ_ONCE(tomb->word.content);
	/* Pairs with the acquire in kcas_tx_window_is_buried(). */
	smp_store_release(&tomb->called, true);
}

static bool kcas_tx_window_is_buried(struct kcas_tx_window_tomb *tomb)
{
	/* Pairs with the release in kcas_tx_window_bury(). */
	return smp_load_acquire(&tomb->called);
}

/* One that is so large that it has a block of its own, which is retired with it. */
static void kcas_tx_window_write(void *data)
{
	kcas(data, KCAS_TEST_LARGE);
}

static struct kcas_op *kcas_tx_window_ops(struct kunit *test, struct kcas_tx_window_tomb *tomb)
{
	struct kcas_word *word = kcas_test_alloc(test, KCAS_TEST_LARGE, sizeof(*word));
	struct kcas_op *op = kcas_test_ops(test, KCAS_TEST_LARGE);
	unsigned int i;

	for (i = 0; i < KCAS_TEST_LARGE; i++)
		kcas_test_op(&op[i], i ? &word[i] : &tomb->word, 0, 1);
	return op;
}

/*
 * All is cleaned, for an object, in two phases that take turns. Somebody retires a block and is
 * so slow to count it that it is counted in a phase that is over. The next time it has to be
 * waited for all the same. Return: whether all came to where it was to.
 */
static bool kcas_tx_window_straggle(struct kunit *test, struct kcas_tx_window_tomb *tomb,
				    struct kcas_test_actor *slow, struct kcas_op *op)
{
	struct kcas_test_stop *stop = &slow->stop[DEBRA_TEST_TASK];
	bool came;

	kcas_test_arm(&kcas_test_flusher, KCAS_PAUSE_FLUSHED, NULL);
	kcas_retire(&tomb[1].head, kcas_tx_window_bury);
	came = debra_test_wait(({
		debra_pressure(&kcas_domain);
		kcas_test_is_held(&kcas_test_flusher);
	}));
	/* What was flushed is cleaned, so that nothing is left to wait for. */
	KUNIT_EXPECT_EQ(test, debra_barrier(&kcas_domain), 0);
	kcas_test_arm(stop, KCAS_PAUSE_BEFORE_COUNT, NULL);
	kcas_test_begin(slow, DEBRA_TEST_TASK, kcas_tx_window_write, op);
	came = kcas_test_held(stop) && came;
	kcas_test_go(&kcas_test_flusher);
	came = debra_test_wait(kcas_tx_window_is_buried(&tomb[1])) && came;
	/* The straggler counts now; what cleans is held up. */
	kcas_test_arm(&kcas_test_cleaner, KCAS_PAUSE_BEFORE_CLEAN, &tomb[0].word);
	kcas_test_go(stop);
	return kcas_test_done(slow) && came;
}

static void kcas_tx_window_straggler(struct kunit *test)
{
	struct kcas_tx_window_tomb *tomb = kcas_test_alloc(test, 2, sizeof(*tomb));
	struct kcas_op *op = kcas_tx_window_ops(test, tomb);
	struct kcas_test_actor *slow;

	kcas_test_stage(test);
	slow = kcas_test_actor(test, 1);
	KUNIT_EXPECT_TRUE(test, kcas_tx_window_straggle(test, tomb, slow, op));
	kcas_retire(&tomb[0].head, kcas_tx_window_bury);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_pressure(&kcas_domain);
		kcas_test_is_held(&kcas_test_cleaner);
	})));
	debra_test_push_for(&kcas_domain, 4 * DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_TRUE(test, kcas_test_is_held(&kcas_test_cleaner));
	KUNIT_EXPECT_FALSE(test, kcas_tx_window_is_buried(&tomb[0]));
	kcas_test_go(&kcas_test_cleaner);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_pressure(&kcas_domain);
		kcas_tx_window_is_buried(&tomb[0]);
	})));
	KUNIT_EXPECT_EQ(test, tomb[0].content, kcas_int(1));
}
#endif /* CONFIG_DEBRA_DEBUG */

static struct kunit_case kcas_tx_window_cases[] = {
	KUNIT_CASE(kcas_tx_window_patience),
	KUNIT_CASE(kcas_tx_window_actions),
	KUNIT_CASE(kcas_tx_window_younger),
	KUNIT_CASE(kcas_tx_window_interrupts),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE_PARAM(kcas_tx_window_memory, kcas_tx_window_gfp_gen_params),
	KUNIT_CASE(kcas_tx_window_stamps),
	KUNIT_CASE(kcas_tx_window_straggler),
#endif
	{}
};

static struct kunit_suite kcas_tx_window_suite = {
	.name = "kcas_tx_window",
	.test_cases = kcas_tx_window_cases,
};

kunit_test_suite(kcas_tx_window_suite);

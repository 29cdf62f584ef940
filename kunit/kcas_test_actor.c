// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: actors, and the stops at which they wait.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "kcas_test_actor.h"

#define KCAS_TEST_ACTORS	4
#define KCAS_TEST_JITTER	32	/* one time in so many */

/* For ever, for the hook may look at them as long as it is set. */
static struct kcas_test_actor kcas_test_actors[KCAS_TEST_ACTORS];

struct kcas_test_stop kcas_test_cleaner;
struct kcas_test_stop kcas_test_flusher;
struct kcas_test_watch kcas_test_watch;
struct kcas_test_spy kcas_test_spy;

/* ---------------------------------------------------------------- stops */

static void kcas_test_run_top(struct kcas_test_stop *stop)
{
	/* Pairs with the release in kcas_test_on_top_begin(). */
	debra_test_fn fn = smp_load_acquire(&stop->top);

	if (!fn)
		return;
	if (!debra_test_interrupt(stop->top_context, fn, stop->top_arg))
		stop->top_failed++;
	/* Pairs with the acquire in kcas_test_on_top(). */
	smp_store_release(&stop->top, NULL);
}

static void kcas_test_relax(enum kcas_pause where)
{
	/* Who cleans, or has it done, is not in a pin. */
	if ((where == KCAS_PAUSE_BEFORE_CLEAN || where == KCAS_PAUSE_FLUSHED) && preemptible())
		usleep_range(100, 500);
	else
		cpu_relax();
}

static void kcas_test_stop_here(struct kcas_test_stop *stop, enum kcas_pause where,
				const struct kcas_word *word)
{
	u64 end = ktime_get_mono_fast_ns() + (u64)DEBRA_TEST_HOLD_MS * NSEC_PER_MSEC;

	if (READ_ONCE(stop->state) != KCAS_TEST_ARMED || stop->where != where ||
	    (stop->word && stop->word != word))
		return;
	if (cmpxchg(&stop->state, KCAS_TEST_ARMED, KCAS_TEST_HELD) != KCAS_TEST_ARMED)
		return;
	/* Pairs with the release in kcas_test_go() and kcas_test_arm(). */
	while (smp_load_acquire(&stop->state) == KCAS_TEST_HELD) {
		kcas_test_run_top(stop);
		if (ktime_get_mono_fast_ns() > end) {
			WRITE_ONCE(stop->overran, true);
			WRITE_ONCE(stop->state, KCAS_TEST_OFF);
		}
		kcas_test_relax(where);
	}
}

static void kcas_test_look(struct kcas_test_watch *watch)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);

	watch->low = min(watch->low, here);
	watch->high = max(watch->high, here);
	watch->hits++;
}

static void kcas_test_hook(enum kcas_pause where, const struct kcas_word *word)
{
	enum debra_test_context context = debra_test_in_context();
	unsigned int i;

	for (i = 0; i < KCAS_TEST_ACTORS; i++)
		if (READ_ONCE(kcas_test_actors[i].task) == current)
			kcas_test_stop_here(&kcas_test_actors[i].stop[context], where, word);
	if (where == KCAS_PAUSE_BEFORE_CLEAN)
		kcas_test_stop_here(&kcas_test_cleaner, where, word);
	if (where == KCAS_PAUSE_FLUSHED)
		kcas_test_stop_here(&kcas_test_flusher, where, word);
	if (context != DEBRA_TEST_TASK)
		return;
	if (READ_ONCE(kcas_test_watch.task) == current)
		kcas_test_look(&kcas_test_watch);
	if (READ_ONCE(kcas_test_spy.task) == current)
		kcas_test_spy.fn(where, word, kcas_test_spy.arg);
}

/**
 * kcas_test_arm() - have somebody stop the next time that he comes there
 * @stop: the stop; who is held there already goes on
 * @where: at which pause point
 * @word: of which word; NULL for any
 */
void kcas_test_arm(struct kcas_test_stop *stop, enum kcas_pause where,
		   const struct kcas_word *word)
{
	stop->where = where;
	stop->word = word;
	/* Pairs with the acquire in kcas_test_stop_here(). */
	smp_store_release(&stop->state, KCAS_TEST_ARMED);
}

bool kcas_test_is_held(struct kcas_test_stop *stop)
{
	return READ_ONCE(stop->state) == KCAS_TEST_HELD;
}

/**
 * kcas_test_held() - wait until somebody has come to a stop
 * @stop: the stop
 *
 * Return: whether he has.
 */
bool kcas_test_held(struct kcas_test_stop *stop)
{
	return debra_test_wait(kcas_test_is_held(stop));
}

/**
 * kcas_test_go() - let go on who is held; who has not come yet will not stop
 * @stop: the stop
 */
void kcas_test_go(struct kcas_test_stop *stop)
{
	/* Pairs with the acquire in kcas_test_stop_here(). */
	smp_store_release(&stop->state, KCAS_TEST_OFF);
}

/**
 * kcas_test_on_top_begin() - interrupt who is held
 * @stop: where he is held
 * @context: by what
 * @fn: what to run there; it may come to a stop as well
 * @arg: its argument
 */
void kcas_test_on_top_begin(struct kcas_test_stop *stop, enum debra_test_context context,
			    debra_test_fn fn, void *arg)
{
	stop->top_context = context;
	stop->top_arg = arg;
	/* Pairs with the acquire in kcas_test_run_top(). */
	smp_store_release(&stop->top, fn);
}

/**
 * kcas_test_on_top() - interrupt who is held, and wait
 * @stop: where he is held
 * @context: by what
 * @fn: what to run there
 * @arg: its argument
 *
 * Return: whether it ran; it has returned then.
 */
bool kcas_test_on_top(struct kcas_test_stop *stop, enum debra_test_context context,
		      debra_test_fn fn, void *arg)
{
	unsigned int failed = stop->top_failed;

	kcas_test_on_top_begin(stop, context, fn, arg);
	/* Pairs with the release in kcas_test_run_top(). */
	return debra_test_wait(!smp_load_acquire(&stop->top)) && stop->top_failed == failed;
}

/* ---------------------------------------------------------------- the stage */

/* Nobody is in there any more: they are in pins, or callbacks of the domain. */
static void kcas_test_hook_end(void *unused)
{
	WRITE_ONCE(kcas_pause_hook, NULL);
	if (debra_synchronize(&kcas_domain) || debra_barrier(&kcas_domain))
		pr_err("kcas-test: somebody may still be at a pause point\n");
	memset(kcas_test_actors, 0, sizeof(kcas_test_actors));
	memset(&kcas_test_watch, 0, sizeof(kcas_test_watch));
	memset(&kcas_test_spy, 0, sizeof(kcas_test_spy));
}

static void kcas_test_let_go(void *unused)
{
	kcas_test_go(&kcas_test_cleaner);
	kcas_test_go(&kcas_test_flusher);
	WRITE_ONCE(kcas_test_watch.task, NULL);
	WRITE_ONCE(kcas_test_spy.task, NULL);
}

/**
 * kcas_test_stage() - to be called once by a test that has actors or other stops
 * @test: the test; its words are there already, and its thread stays on the first CPU
 */
void kcas_test_stage(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);

	/* Who is held is in a pin for long. */
	debra_test_set_param(test, files, "stall_ms", 60000);
	debra_test_use_interrupts(test);
	memset(&kcas_test_cleaner, 0, sizeof(kcas_test_cleaner));
	memset(&kcas_test_flusher, 0, sizeof(kcas_test_flusher));
	WRITE_ONCE(kcas_pause_hook, kcas_test_hook);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_test_hook_end, NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_test_let_go, NULL));
}

/* ---------------------------------------------------------------- jitter */

/* Now and then somebody stands still for a moment, wherever that is. */
static void kcas_test_jitter_hook(enum kcas_pause where, const struct kcas_word *word)
{
	unsigned int us = debra_test_random(64);

	if (debra_test_random(KCAS_TEST_JITTER) == 0)
		udelay(in_nmi() ? us / 4 : us);
}

/**
 * kcas_test_jitter() - widen all windows for the rest of a test
 * @test: the test; it has neither actors nor other stops, and its words are there already
 */
void kcas_test_jitter(struct kunit *test)
{
	WRITE_ONCE(kcas_pause_hook, kcas_test_jitter_hook);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_test_hook_end, NULL));
}

/* ---------------------------------------------------------------- actors */

static void kcas_test_act(struct kcas_test_actor *actor)
{
	if (actor->context == DEBRA_TEST_TASK) {
		actor->fn(actor->arg);
	} else {
		preempt_disable();
		if (!debra_test_interrupt(actor->context, actor->fn, actor->arg))
			WRITE_ONCE(actor->failed, true);
		preempt_enable();
	}
	/* Pairs with the acquire in kcas_test_done(). */
	smp_store_release(&actor->fn, NULL);
}

static int kcas_test_actor_fn(void *data)
{
	struct kcas_test_actor *actor = data;

	while (!kthread_should_stop()) {
		/* Pairs with the release in kcas_test_begin(). */
		wait_event_interruptible(actor->queue, smp_load_acquire(&actor->fn) ||
					 kthread_should_stop());
		if (READ_ONCE(actor->fn))
			kcas_test_act(actor);
	}
	return 0;
}

/* Before the thread is stopped, which would wait for it. */
static void kcas_test_actor_end(void *data)
{
	struct kcas_test_actor *actor = data;
	unsigned int i;

	for (i = 0; i < DEBRA_TEST_NR_CONTEXTS; i++)
		kcas_test_go(&actor->stop[i]);
}

static struct kcas_test_actor *kcas_test_unused(void)
{
	unsigned int i;

	for (i = 0; i < KCAS_TEST_ACTORS; i++)
		if (!kcas_test_actors[i].task)
			return &kcas_test_actors[i];
	return NULL;
}

/**
 * kcas_test_actor() - somebody who does what he is told
 * @test: the test, which has called kcas_test_stage()
 * @nth_cpu: on the n-th CPU; the test's thread is on the one with number 0
 *
 * Return: the actor.
 */
struct kcas_test_actor *kcas_test_actor(struct kunit *test, unsigned int nth_cpu)
{
	struct kcas_test_actor *actor = kcas_test_unused();
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, actor);
	debra_test_need_cpus(test, nth_cpu + 1);
	actor->cpu = debra_test_cpu(nth_cpu);
	init_waitqueue_head(&actor->queue);
	task = debra_test_thread(test, kcas_test_actor_fn, actor, actor->cpu);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_test_actor_end, actor));
	WRITE_ONCE(actor->task, task);
	return actor;
}

/**
 * kcas_test_begin() - have an actor do something
 * @actor: who; he has nothing to do
 * @context: in what context
 * @fn: what to do
 * @arg: its argument; @actor if it is NULL
 */
void kcas_test_begin(struct kcas_test_actor *actor, enum debra_test_context context,
		     debra_test_fn fn, void *arg)
{
	actor->ret = -EBUSY;
	actor->context = context;
	actor->arg = arg ?: actor;
	/* Pairs with the acquire in kcas_test_actor_fn(). */
	smp_store_release(&actor->fn, fn);
	wake_up(&actor->queue);
}

/**
 * kcas_test_done() - wait until an actor has done it
 * @actor: who
 *
 * Return: whether he has, and was not held anywhere for too long.
 */
bool kcas_test_done(struct kcas_test_actor *actor)
{
	unsigned int i;

	/* Pairs with the release in kcas_test_act(). */
	if (!debra_test_wait(!smp_load_acquire(&actor->fn)) || READ_ONCE(actor->failed))
		return false;
	for (i = 0; i < DEBRA_TEST_NR_CONTEXTS; i++)
		if (READ_ONCE(actor->stop[i].overran))
			return false;
	return true;
}

void kcas_test_act_kcas(void *data)
{
	struct kcas_test_actor *actor = data;

	actor->ret = kcas(actor->op, actor->nr);
}

void kcas_test_act_read(void *data)
{
	struct kcas_test_actor *actor = data;

	actor->value = kcas_test_value(actor->op[0].word);
	actor->ret = 0;
}

/* Adds one. */
void kcas_test_act_add(void *data)
{
	struct kcas_test_actor *actor = data;

	actor->ret = kcas_add(actor->op[0].word, 1, &actor->value);
}

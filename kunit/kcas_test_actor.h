/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas tests: actors, who do one operation after the other on CPUs of their own, and who
 * can be made to stop at any pause point. Only with CONFIG_DEBRA_DEBUG.
 *
 * Who stops does so in a pin, with preemption off: the CPU is his for that time, so the
 * test's own thread is to be on another one, and must not sleep in wait for a work on all
 * CPUs, as kcas_barrier() does.
 */
#ifndef _KCAS_TEST_ACTOR_H
#define _KCAS_TEST_ACTOR_H

#include <linux/kcas-test.h>

#include "kcas_test_util.h"

enum kcas_test_stop_state {
	KCAS_TEST_OFF,
	KCAS_TEST_ARMED,
	KCAS_TEST_HELD,
};

/**
 * struct kcas_test_stop - where somebody is to stop
 * @where: at which pause point
 * @word: of which word; NULL for any
 * @state: enum kcas_test_stop_state
 * @overran: it went on by itself, because the test took too long
 * @top: what to run on top of who has stopped; NULL if there is nothing
 * @top_arg: its argument
 * @top_context: in which context
 * @top_failed: so often that context was not to be had
 */
struct kcas_test_stop {
	enum kcas_pause where;
	const struct kcas_word *word;
	int state;
	bool overran;
	debra_test_fn top;
	void *top_arg;
	enum debra_test_context top_context;
	unsigned int top_failed;
};

#define KCAS_TEST_ACTOR_WORDS	8

/**
 * struct kcas_test_actor - somebody on a CPU of his own
 * @task: the thread
 * @cpu: its CPU
 * @fn: what to do; NULL if there is nothing
 * @arg: its argument
 * @context: where
 * @failed: that context was not to be had
 * @queue: the thread waits here
 * @stop: for each context
 * @op: for kcas_test_act_kcas() and others
 * @nr: how many of them
 * @ret: what came of it
 * @value: what was read
 */
struct kcas_test_actor {
	struct task_struct *task;
	unsigned int cpu;
	debra_test_fn fn;
	void *arg;
	enum debra_test_context context;
	bool failed;
	wait_queue_head_t queue;
	struct kcas_test_stop stop[DEBRA_TEST_NR_CONTEXTS];
	struct kcas_op op[KCAS_TEST_ACTOR_WORDS];
	unsigned int nr;
	int ret;
	long value;
};

void kcas_test_stage(struct kunit *test);
struct kcas_test_actor *kcas_test_actor(struct kunit *test, unsigned int nth_cpu);
void kcas_test_begin(struct kcas_test_actor *actor, enum debra_test_context context,
		     debra_test_fn fn, void *arg);
bool kcas_test_done(struct kcas_test_actor *actor);

void kcas_test_arm(struct kcas_test_stop *stop, enum kcas_pause where,
		   const struct kcas_word *word);
bool kcas_test_is_held(struct kcas_test_stop *stop);
bool kcas_test_held(struct kcas_test_stop *stop);
void kcas_test_go(struct kcas_test_stop *stop);
bool kcas_test_on_top(struct kcas_test_stop *stop, enum debra_test_context context,
		      debra_test_fn fn, void *arg);
void kcas_test_on_top_begin(struct kcas_test_stop *stop, enum debra_test_context context,
			    debra_test_fn fn, void *arg);

/* Where whoever cleans a word stops, and who has all cleaned: not actors, but workers. */
extern struct kcas_test_stop kcas_test_cleaner;
extern struct kcas_test_stop kcas_test_flusher;

/* What an actor can do; the argument is the actor. */
void kcas_test_act_kcas(void *actor);
void kcas_test_act_read(void *actor);
void kcas_test_act_add(void *actor);

/**
 * struct kcas_test_watch - how deep somebody's stack is at pause points
 * @task: whose
 * @low: lowest address of a local variable there
 * @high: highest
 * @hits: how often that was
 */
struct kcas_test_watch {
	struct task_struct *task;
	unsigned long low;
	unsigned long high;
	unsigned int hits;
};

extern struct kcas_test_watch kcas_test_watch;

/* Called at all pause points of one task, in task context; may use words itself. */
struct kcas_test_spy {
	struct task_struct *task;
	void (*fn)(enum kcas_pause where, const struct kcas_word *word, void *arg);
	void *arg;
};

extern struct kcas_test_spy kcas_test_spy;

#endif /* _KCAS_TEST_ACTOR_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra tests: readers that hold a guard and do as they are told.
 *
 * A reader is a thread. It does one step after the other, each of them a function
 * that a test gives it, and between two steps it stalls: it spins with preemption
 * off, or it sleeps, or it runs and can be preempted. A guard that is open is closed
 * when the thread is stopped.
 */
#ifndef _DEBRA_TEST_READER_H
#define _DEBRA_TEST_READER_H

#include <linux/debra-guard.h>
#include <linux/list.h>
#include <linux/wait.h>

#include "debra_test_util.h"

/* How a reader stalls, and with that the form of its guard. */
enum debra_test_stall {
	DEBRA_TEST_SPIN,	/* not preemptible */
	DEBRA_TEST_SLEEP,	/* sleepable, and asleep */
	DEBRA_TEST_RUN,		/* sleepable, and running */
	DEBRA_TEST_NR_STALLS
};

extern const char * const debra_test_stall_name[DEBRA_TEST_NR_STALLS];

struct debra_test_reader;

typedef bool (*debra_test_step_fn)(struct debra_test_reader *r);

/**
 * struct debra_test_reader - a reader
 * @dom: the domain
 * @stall: how it stalls
 * @guard: its guard
 * @inside: the guard is open
 * @slot: for a step: which slot
 * @p: for a step: what to protect
 * @arg: for a step of the test's own
 * @step: the step
 * @result: what came of it
 * @asked: number of the last step that was asked for
 * @done: number of the last step that was done
 * @overran: it left its guard after DEBRA_TEST_SPIN_MS; the test has proved nothing
 * @quit: it shall leave its guard, come what may
 * @queue: the thread waits here when it sleeps
 * @task: the thread
 * @list: link in the list of all readers
 */
struct debra_test_reader {
	struct debra_domain *dom;
	enum debra_test_stall stall;
	struct debra_guard guard;
	bool inside;
	unsigned int slot;
	const void *p;
	void *arg;
	debra_test_step_fn step;
	bool result;
	unsigned long asked;
	unsigned long done;
	bool overran;
	bool quit;
	wait_queue_head_t queue;
	struct task_struct *task;
	struct list_head list;
};

struct debra_test_reader *debra_test_reader(struct kunit *test, struct debra_domain *dom,
					    enum debra_test_stall stall, int cpu);
void debra_test_reader_stop(struct kunit *test, struct debra_test_reader *r);

/* All return what the step returned, or -ETIMEDOUT if it was not done. */
int debra_test_do(struct debra_test_reader *r, debra_test_step_fn step);
int debra_test_enter(struct debra_test_reader *r);
int debra_test_hop(struct debra_test_reader *r, unsigned int slot, const void *p);
int debra_test_clear(struct debra_test_reader *r, unsigned int slot);
int debra_test_restart(struct debra_test_reader *r);
int debra_test_mask(struct debra_test_reader *r);
int debra_test_unmask(struct debra_test_reader *r);
int debra_test_exit(struct debra_test_reader *r);
int debra_test_irqs(struct debra_test_reader *r, bool on);

/* ---------------------------------------------------------------- pressure */

struct debra_test_files *debra_test_impatient(struct kunit *test);
void debra_test_press(struct debra_domain *dom);
void debra_test_press_for(struct debra_domain *dom, unsigned int ms);

/* Let memory press until something has come true. Return: whether it did. */
#define debra_test_press_until(dom, cond)				\
	debra_test_wait(({						\
		debra_test_press(dom);					\
		cond;							\
	}))

/* A reader that is known to be inside. */
static inline bool debra_test_is_aborted(struct debra_test_reader *r)
{
	return debra_guard_aborted(&r->guard);
}

/* ---------------------------------------------------------------- objects */

/* A mark whose size is known: a hazard keeps it, and not its neighbours. */
extern const struct debra_type debra_test_mark_type;

void debra_test_mark_retire_typed(struct debra_test_mark *mark);
void debra_test_retire_typed(struct debra_test_mark *marks, unsigned int nr);

/* ---------------------------------------------------------------- waiters */

typedef int (*debra_test_wait_fn)(struct debra_domain *dom);

/**
 * struct debra_test_pending - a thread that waits for a domain
 * @dom: the domain
 * @wait: debra_barrier() or debra_synchronize()
 * @err: what it returned
 * @begun: it is about to be called
 * @done: it has returned
 */
struct debra_test_pending {
	struct debra_domain *dom;
	debra_test_wait_fn wait;
	int err;
	bool begun;
	bool done;
};

struct debra_test_pending *debra_test_pending(struct kunit *test, struct debra_domain *dom,
					      debra_test_wait_fn wait);
bool debra_test_pending_done(struct debra_test_pending *pending);

bool debra_test_logged_with(const char *text, const char *more);

static inline bool debra_test_logged(const char *text)
{
	return debra_test_logged_with(text, "");
}

#endif /* _DEBRA_TEST_READER_H */

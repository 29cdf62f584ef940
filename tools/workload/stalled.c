// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers that stall: each walks a few nodes into the list in a guard, and then
 * sleeps there until the load is over. With pins or with RCU that would be the end
 * of all freeing. Here the reclaimer aborts them, and keeps but the node that each
 * of them names, which is looked at when they wake up.
 */
#include <linux/completion.h>
#include <linux/debra-guard.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "workload.h"

#define STALLED_STEPS	8	/* nodes to walk before it stalls */

struct stalled_reader {
	struct task_struct *task;
	bool aborted;
	bool intact;
};

static struct stalled_reader *stalled_readers;
static unsigned int stalled_nr;
static DECLARE_COMPLETION(stalled_wake);

/* To a node, if there is one before long. */
static void stalled_walk(struct debra_guard *g, struct list_view *view)
{
	unsigned int tries = 1000;

	while (!list_set_walk(&workload_list, g, STALLED_STEPS, view) ||
	       (!view->node && --tries)) {
		debra_guard_restart(g);
		usleep_range(1000, 2000);
	}
}

static int stalled_fn(void *arg)
{
	struct stalled_reader *r = arg;
	struct list_view before, after;
	DEFINE_DEBRA_GUARD(g);

	debra_guard_enter_sleepable(&debra_workload, &g);
	stalled_walk(&g, &before);
	/* Nobody sends it a signal; it may last for longer than a hung task is allowed to. */
	wait_for_completion_interruptible(&stalled_wake);
	r->aborted = debra_guard_aborted(&g);
	/* Aborted or not, the slot has protected the node. */
	r->intact = list_view_intact(&before);
	debra_guard_restart(&g);
	list_set_walk(&workload_list, &g, STALLED_STEPS, &after);
	debra_guard_exit(&g);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

int stalled_start(unsigned int nr)
{
	struct task_struct *task;
	unsigned int i;

	stalled_readers = kcalloc(nr, sizeof(*stalled_readers), GFP_KERNEL);
	if (!stalled_readers)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		task = kthread_run(stalled_fn, &stalled_readers[i], "debra_stalled/%u", i);
		if (IS_ERR(task))
			return PTR_ERR(task);
		stalled_readers[i].task = task;
		stalled_nr++;
	}
	return 0;
}

/**
 * stalled_stop() - wake them up
 * @aborted: set to how many found that they had been aborted
 *
 * Return: what is wrong with the nodes that they named, or NULL.
 */
const char *stalled_stop(unsigned int *aborted)
{
	const char *error = NULL;
	unsigned int i;

	*aborted = 0;
	complete_all(&stalled_wake);
	for (i = 0; i < stalled_nr; i++) {
		kthread_stop(stalled_readers[i].task);
		*aborted += stalled_readers[i].aborted;
		if (!stalled_readers[i].intact)
			error = "a node that a stalled reader names was freed";
	}
	stalled_nr = 0;
	kfree(stalled_readers);
	stalled_readers = NULL;
	return error;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debratorture: updaters, domains that come and go, and those who wait.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "torture.h"

struct torture_mark {
	struct debra_head head;
	bool called;
};

static void torture_mark_fn(struct debra_head *head)
{
	WRITE_ONCE(container_of(head, struct torture_mark, head)->called, true);
}

/* Is everything called that was retired before a barrier? */
static void torture_barrier_in(struct debra_domain *dom)
{
	struct torture_mark *mark = kzalloc(sizeof(*mark), GFP_KERNEL);

	if (!mark)
		return;
	debra_call(dom, &mark->head, torture_mark_fn);
	if (debra_barrier(dom))
		torture_error("debra_barrier() failed", 0, 0);
	if (!READ_ONCE(mark->called))
		torture_error("debra_barrier() came back too early", 0, 0);
	kfree(mark);
}

static int torture_waiter_fn(void *unused)
{
	while (!torture_should_stop()) {
		if (torture_random(2))
			torture_barrier_in(&debratorture_domain);
		else
			torture_replace_synchronously(&torture_lists[0]);
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}

static void torture_use_domain(struct debra_domain *dom)
{
	DEFINE_DEBRA_GUARD(g);
	unsigned int i;
	void *p;

	debra_guard_enter_sleepable(dom, &g);
	for (i = 0; i < 100; i++) {
		p = kmalloc(64, GFP_KERNEL);
		/* In a guard this must not wait, and does not below the limit. */
		if (p)
			debra_kfree_mightsleep(dom, p);
	}
	debra_guard_exit(&g);
	torture_barrier_in(dom);
}

static int torture_churn_fn(void *unused)
{
	struct debra_domain *dom;

	while (!torture_should_stop()) {
		dom = debra_domain_create("torture-churn");
		if (IS_ERR(dom)) {
			schedule_timeout_uninterruptible(HZ / 10);
			continue;
		}
		torture_use_domain(dom);
		if (debra_domain_destroy(dom))
			torture_error("debra_domain_destroy() failed", 0, 0);
	}
	return 0;
}

static int torture_updater_fn(void *unused)
{
	unsigned int i;

	while (!torture_should_stop()) {
		for (i = 0; i < 64; i++)
			torture_update(&torture_lists[torture_random(TORTURE_LISTS)]);
		debra_throttle(&debratorture_domain);
		cond_resched();
	}
	return 0;
}

/**
 * torture_trouble_start() - all but the readers in tasks
 *
 * Return: 0 or an error.
 */
int torture_trouble_start(void)
{
	unsigned int cpu;
	int err = 0;

	for_each_online_cpu(cpu)
		err = err ?: torture_thread(torture_updater_fn, NULL, "torture_updater", cpu);
	err = err ?: torture_thread(torture_waiter_fn, NULL, "torture_waiter", -1);
	return err ?: torture_thread(torture_churn_fn, NULL, "torture_churn", -1);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debratorture: interrupts that read and retire, hogs, interrupts that are off, domains
 * that come and go, and those who wait.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "torture.h"

#define TORTURE_TIMER_NS	(700 * NSEC_PER_USEC)

struct torture_timers {
	struct hrtimer hard;
	struct hrtimer soft;
};

static DEFINE_PER_CPU(struct torture_timers, torture_timers);

static enum hrtimer_restart torture_timer_fn(struct hrtimer *timer)
{
	if (torture_should_stop())
		return HRTIMER_NORESTART;
	torture_walk_irq();
	hrtimer_forward_now(timer, ns_to_ktime(TORTURE_TIMER_NS));
	return HRTIMER_RESTART;
}

static void torture_timer_start(struct hrtimer *timer, enum hrtimer_mode mode)
{
#ifdef TORTURE_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, torture_timer_fn, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = torture_timer_fn;
#endif
	hrtimer_start(timer, ns_to_ktime(TORTURE_TIMER_NS), mode);
}

static void torture_ipi(void *unused)
{
	torture_walk_irq();
}

/* IPIs to all CPUs, in which they read. */
static int torture_ipi_fn(void *unused)
{
	while (!torture_should_stop()) {
		on_each_cpu(torture_ipi, NULL, torture_random(2));
		usleep_range(500, 1500);
	}
	return 0;
}

/* A real-time task that keeps a CPU for some ms, so that readers on it are preempted. */
static int torture_hog_fn(void *unused)
{
	sched_set_fifo(current);
	while (!torture_should_stop()) {
		set_cpus_allowed_ptr(current, cpumask_of(cpumask_any(cpu_online_mask)));
		mdelay(torture_random(15));
		schedule_timeout_uninterruptible(msecs_to_jiffies(torture_random(40)) + 1);
	}
	return 0;
}

static void torture_deaf(void *unused)
{
	mdelay(torture_random(irqs_off_ms + 1));
}

/* A CPU that does not answer IPIs for a while. */
static int torture_deaf_fn(void *unused)
{
	unsigned long flags;

	while (!torture_should_stop()) {
		set_cpus_allowed_ptr(current, cpumask_of(cpumask_any(cpu_online_mask)));
		if (irqs_off_ms) {
			local_irq_save(flags);
			torture_deaf(NULL);
			local_irq_restore(flags);
		}
		schedule_timeout_uninterruptible(msecs_to_jiffies(20) + 1);
	}
	return 0;
}

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

	for_each_online_cpu(cpu) {
		struct torture_timers *t = &per_cpu(torture_timers, cpu);

		/* Not pinned to the CPU: they go on when it has gone. */
		torture_timer_start(&t->hard, HRTIMER_MODE_REL_HARD);
		torture_timer_start(&t->soft, HRTIMER_MODE_REL_SOFT);
		err = err ?: torture_thread(torture_updater_fn, NULL, "torture_updater", cpu);
	}
	err = err ?: torture_thread(torture_ipi_fn, NULL, "torture_ipi", -1);
	err = err ?: torture_thread(torture_hog_fn, NULL, "torture_hog", -1);
	err = err ?: torture_thread(torture_deaf_fn, NULL, "torture_deaf", -1);
	err = err ?: torture_thread(torture_waiter_fn, NULL, "torture_waiter", -1);
	return err ?: torture_thread(torture_churn_fn, NULL, "torture_churn", -1);
}

/**
 * torture_trouble_stop() - no more interrupts; the threads have been stopped
 */
void torture_trouble_stop(void)
{
	struct torture_timers *t;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		t = &per_cpu(torture_timers, cpu);
		if (!t->hard.function)
			continue;
		hrtimer_cancel(&t->hard);
		hrtimer_cancel(&t->soft);
	}
}

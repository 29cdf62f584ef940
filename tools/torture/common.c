// SPDX-License-Identifier: GPL-2.0-only
/*
 * What debratorture, kcastorture and txtorture share; each includes a copy. Threads that run
 * until the time is over; interrupts on every CPU; a real-time hog; a CPU that does not answer;
 * and at the end a line that says what came of it:
 *
 *	...torture: End of test: SUCCESS
 *	...torture: End of test: FAILURE: what was seen first
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/smp.h>

#include "common.h"

#define TORTURE_MAX_THREADS	512
#define TORTURE_TIMER_NS	(700 * NSEC_PER_USEC)

static unsigned int seconds = 60;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long (1-86400)");

static unsigned int stat_interval = 10;
module_param(stat_interval, uint, 0444);
MODULE_PARM_DESC(stat_interval, "seconds between statistics (1-3600)");

static unsigned int irqs_off_ms;
module_param(irqs_off_ms, uint, 0444);
MODULE_PARM_DESC(irqs_off_ms, "for how long CPUs now and then do not answer IPIs (0-1000)");

struct torture_timers {
	struct hrtimer hard;
	struct hrtimer soft;
};

static DEFINE_PER_CPU(struct torture_timers, torture_timers);
static struct task_struct *torture_threads[TORTURE_MAX_THREADS];
static unsigned int torture_nr_threads;
static struct task_struct *torture_controller;
static bool torture_stopping;
static const char *torture_failure;

/**
 * torture_error() - something is wrong
 * @what: what
 * @a: a number that may help
 * @b: another
 */
void torture_error(const char *what, unsigned long a, unsigned long b)
{
	if (!cmpxchg(&torture_failure, NULL, what))
		pr_err("FAILED: %s: %lx %lx\n", what, a, b);
}

bool torture_has_failed(void)
{
	return READ_ONCE(torture_failure);
}

bool torture_should_stop(void)
{
	return READ_ONCE(torture_stopping);
}

/**
 * torture_thread() - start a thread that runs until torture_should_stop()
 * @fn: what it does
 * @arg: with what
 * @name: its name
 * @cpu: where it begins; -1 if that does not matter
 *
 * Return: 0 or an error.
 */
int torture_thread(int (*fn)(void *arg), void *arg, const char *name, int cpu)
{
	struct task_struct *task;

	if (torture_nr_threads == TORTURE_MAX_THREADS)
		return -ENOSPC;
	task = kthread_create(fn, arg, "%s", name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (cpu >= 0)
		set_cpus_allowed_ptr(task, cpumask_of(cpu));
	torture_threads[torture_nr_threads++] = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

/**
 * torture_last_thread() - whom torture_thread() has started last
 *
 * Return: the thread; it stays until the end of the test.
 */
struct task_struct *torture_last_thread(void)
{
	return torture_threads[torture_nr_threads - 1];
}

static void torture_threads_stop(void)
{
	unsigned int i;

	WRITE_ONCE(torture_stopping, true);
	for (i = 0; i < torture_nr_threads; i++) {
		kthread_stop(torture_threads[i]);
		put_task_struct(torture_threads[i]);
	}
	torture_nr_threads = 0;
}

/* ---------------------------------------------------------------- interrupts */

static enum hrtimer_restart torture_timer_fn(struct hrtimer *timer)
{
	if (torture_should_stop())
		return HRTIMER_NORESTART;
	torture_test.irq();
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

/* Not pinned to their CPUs: they go on when these have gone. */
static void torture_timers_start(void)
{
	struct torture_timers *t;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		t = &per_cpu(torture_timers, cpu);
		torture_timer_start(&t->hard, HRTIMER_MODE_REL_HARD);
		torture_timer_start(&t->soft, HRTIMER_MODE_REL_SOFT);
	}
}

static void torture_timers_stop(void)
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

static void torture_ipi(void *unused)
{
	torture_test.irq();
}

/* IPIs to all CPUs. */
static int torture_ipi_fn(void *unused)
{
	while (!torture_should_stop()) {
		on_each_cpu(torture_ipi, NULL, torture_random(2));
		usleep_range(500, 1500);
	}
	return 0;
}

/* ---------------------------------------------------------------- obstruction */

/* A real-time task that keeps a CPU for some ms, so that others on it are preempted. */
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

/* A CPU that does not answer IPIs for a while. */
static int torture_deaf_fn(void *unused)
{
	unsigned long flags;

	while (!torture_should_stop()) {
		set_cpus_allowed_ptr(current, cpumask_of(cpumask_any(cpu_online_mask)));
		if (irqs_off_ms) {
			local_irq_save(flags);
			mdelay(torture_random(irqs_off_ms + 1));
			local_irq_restore(flags);
		}
		schedule_timeout_uninterruptible(msecs_to_jiffies(20) + 1);
	}
	return 0;
}

/* ---------------------------------------------------------------- the test */

static void torture_watch(void)
{
	unsigned long end = jiffies + seconds * HZ, next = jiffies + stat_interval * HZ;

	while (!kthread_should_stop() && time_before(jiffies, end)) {
		schedule_timeout_interruptible(HZ / 10);
		if (time_before(jiffies, next))
			continue;
		next = jiffies + stat_interval * HZ;
		torture_test.statistics();
	}
}

static void torture_end(void)
{
	const char *wrong;

	torture_threads_stop();
	torture_timers_stop();
	wrong = torture_test.audit();
	if (wrong)
		torture_error(wrong, 0, 0);
	torture_test.statistics();
	if (torture_failure)
		pr_info("End of test: FAILURE: %s\n", torture_failure);
	else
		pr_info("End of test: SUCCESS\n");
}

static int torture_controller_fn(void *unused)
{
	torture_watch();
	torture_end();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static int torture_start(void)
{
	int err;

	torture_timers_start();
	err = torture_thread(torture_ipi_fn, NULL, "torture_ipi", -1);
	err = err ?: torture_thread(torture_hog_fn, NULL, "torture_hog", -1);
	err = err ?: torture_thread(torture_deaf_fn, NULL, "torture_deaf", -1);
	err = err ?: torture_test.start();
	if (!err) {
		torture_controller = kthread_run(torture_controller_fn, NULL, KBUILD_MODNAME);
		err = PTR_ERR_OR_ZERO(torture_controller);
	}
	if (err)
		torture_end();
	return err;
}

static int __init torture_init(void)
{
	int err;

	if (!seconds || seconds > 86400 || !stat_interval || stat_interval > 3600 ||
	    irqs_off_ms > 1000) {
		pr_err("a parameter is out of range; see modinfo " KBUILD_MODNAME "\n");
		return -EINVAL;
	}
	err = torture_test.init();
	if (err)
		return err;
	err = torture_start();
	if (err)
		torture_test.exit();
	return err;
}
module_init(torture_init);

static void __exit torture_exit(void)
{
	kthread_stop(torture_controller);
	torture_test.exit();
}
module_exit(torture_exit);

MODULE_LICENSE("GPL");

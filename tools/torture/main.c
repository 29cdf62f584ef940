// SPDX-License-Identifier: GPL-2.0-only
/*
 * debratorture: does anybody ever see an object that was freed?
 *
 * Readers of every kind (pins, guards with preemption off and sleepable, nested, masked, with
 * logs; in tasks, softirqs and hard interrupts) walk short lists whose nodes updaters
 * replace all the time, hold on to nodes, and look at them again. Stalls come from
 * sleeps of up to half a second, spinning with interrupts on and off, real-time hogs, nice readers
 * and, from outside, CPU hotplug. Others wait for grace periods, read debugfs, make and end
 * domains. After the time is over all is taken down and counted:
 *
 *	debratorture: End of test: SUCCESS
 *	debratorture: End of test: FAILURE: what was seen first
 */
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>

#include "torture.h"

#define TORTURE_MAX_THREADS	512

static unsigned int seconds = 60;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long (1-86400)");

static unsigned int nreaders;
module_param(nreaders, uint, 0444);
MODULE_PARM_DESC(nreaders, "readers in tasks (0: three for each CPU; up to 256)");

static unsigned int stat_interval = 10;
module_param(stat_interval, uint, 0444);
MODULE_PARM_DESC(stat_interval, "seconds between statistics (1-3600)");

unsigned int irqs_off_ms;
module_param(irqs_off_ms, uint, 0444);
MODULE_PARM_DESC(irqs_off_ms, "for how long CPUs now and then do not answer IPIs (0-1000)");

DEFINE_DEBRA_DOMAIN(debratorture_domain);

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

static int torture_readers_start(void)
{
	unsigned int i, nr = nreaders ?: 3 * num_online_cpus();
	int err = 0;

	for (i = 0; i < nr && !err; i++)
		err = torture_thread(torture_reader_fn, (void *)(long)(i % 3 == 2 ? 19 : 0),
				     "torture_reader", -1);
	return err;
}

static void torture_statistics(void)
{
	pr_info("walks %ld aborts %ld retired %ld garbage %lu epoch %lu%s%s\n",
		atomic_long_read(&torture_walks), atomic_long_read(&torture_aborts),
		atomic_long_read(&torture_retired), debra_garbage(&debratorture_domain),
		debra_epoch(&debratorture_domain), torture_failure ? " FAILED " : "",
		torture_failure ?: "");
}

static void torture_watch(void)
{
	unsigned long end = jiffies + seconds * HZ, next = jiffies + stat_interval * HZ;

	while (!kthread_should_stop() && time_before(jiffies, end)) {
		schedule_timeout_interruptible(HZ / 10);
		if (time_before(jiffies, next))
			continue;
		next = jiffies + stat_interval * HZ;
		torture_statistics();
	}
}

static void torture_end(void)
{
	const char *wrong;

	torture_threads_stop();
	torture_trouble_stop();
	wrong = torture_lists_audit();
	if (wrong)
		torture_error(wrong, 0, 0);
	if (!atomic_long_read(&torture_retired) || !atomic_long_read(&torture_walks))
		torture_error("nothing was done", 0, 0);
	torture_statistics();
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

static bool torture_params_ok(void)
{
	if (seconds && seconds <= 86400 && nreaders <= 256 && stat_interval &&
	    stat_interval <= 3600 && irqs_off_ms <= 1000)
		return true;
	pr_err("a parameter is out of range; see modinfo debratorture\n");
	return false;
}

static int __init torture_start(void)
{
	int err;

	err = torture_trouble_start();
	err = err ?: torture_readers_start();
	if (!err) {
		torture_controller = kthread_run(torture_controller_fn, NULL, "debratorture");
		err = PTR_ERR_OR_ZERO(torture_controller);
	}
	if (err)
		torture_end();
	return err;
}

static int __init torture_init(void)
{
	int err;

	if (!torture_params_ok())
		return -EINVAL;
	err = debra_domain_register(&debratorture_domain);
	if (err)
		return err;
	err = torture_lists_init();
	err = err ?: torture_start();
	if (err) {
		debra_domain_unregister(&debratorture_domain);
		torture_lists_exit();
	}
	return err;
}
module_init(torture_init);

static void __exit torture_exit(void)
{
	kthread_stop(torture_controller);
	if (debra_domain_unregister(&debratorture_domain))
		pr_err("the domain could not be unregistered\n");
	torture_lists_exit();
}
module_exit(torture_exit);

MODULE_DESCRIPTION("Torture test of debra");
MODULE_LICENSE("GPL");

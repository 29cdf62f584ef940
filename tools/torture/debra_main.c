// SPDX-License-Identifier: GPL-2.0-only
/*
 * debratorture: does anybody ever see an object that was freed?
 *
 * Readers of every kind (pins, guards with preemption off and sleepable, nested, masked, with
 * logs; in tasks, softirqs and hard interrupts) walk short lists whose nodes updaters
 * replace all the time, hold on to nodes, and look at them again. Stalls come from
 * sleeps of up to half a second, spinning with interrupts on and off, real-time hogs, nice readers
 * and, from outside, CPU hotplug. Others wait for grace periods, read debugfs, make and end
 * domains. After the time is over all is taken down and counted.
 */
#include "common.c"
#include "torture.h"

static unsigned int nreaders;
module_param(nreaders, uint, 0444);
MODULE_PARM_DESC(nreaders, "readers in tasks (0: three for each CPU; up to 256)");

#define TORTURE_LONG	5	/* seconds, in which everything has happened */

DEFINE_DEBRA_DOMAIN(debratorture_domain);

static int torture_readers_start(void)
{
	unsigned int i, nr = nreaders ?: 3 * num_online_cpus();
	int err = 0;

	for (i = 0; i < nr && !err; i++)
		err = torture_thread(torture_reader_fn, (void *)(long)(i % 3 == 2 ? 19 : 0),
				     "torture_reader", -1);
	return err;
}

static int debratorture_start(void)
{
	int err = torture_trouble_start();

	return err ?: torture_readers_start();
}

static void debratorture_statistics(void)
{
	pr_info("walks %ld aborts %ld retired %ld garbage %lu epoch %lu%s\n",
		atomic_long_read(&torture_walks), atomic_long_read(&torture_aborts),
		atomic_long_read(&torture_retired), debra_garbage(&debratorture_domain),
		debra_epoch(&debratorture_domain), torture_has_failed() ? " FAILED" : "");
}

static const char *debratorture_audit(void)
{
	/* The rest is retired now. */
	long retired = atomic_long_read(&torture_retired);
	const char *wrong = torture_lists_audit();

	if (!wrong && (!retired || !atomic_long_read(&torture_walks)))
		wrong = "nothing was done";
	if (!wrong && seconds >= TORTURE_LONG && !atomic_long_read(&torture_aborts))
		wrong = "nobody was neutralized";
	return wrong;
}

static int debratorture_init(void)
{
	int err;

	if (nreaders > 256) {
		pr_err("nreaders is 256 at most\n");
		return -EINVAL;
	}
	err = debra_domain_register(&debratorture_domain);
	if (err)
		return err;
	err = torture_lists_init();
	if (err)
		debra_domain_unregister(&debratorture_domain);
	return err;
}

static void debratorture_exit(void)
{
	if (debra_domain_unregister(&debratorture_domain))
		pr_err("the domain could not be unregistered\n");
	torture_lists_exit();
}

const struct torture_test torture_test = {
	.init = debratorture_init,
	.start = debratorture_start,
	.irq = torture_walk_irq,
	.audit = debratorture_audit,
	.statistics = debratorture_statistics,
	.exit = debratorture_exit,
};

MODULE_DESCRIPTION("Torture test of debra");

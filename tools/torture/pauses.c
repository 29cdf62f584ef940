// SPDX-License-Identifier: GPL-2.0-only
/*
 * In a kernel with our checks, operations stop at random places: kcastorture and txtorture each
 * include a copy.
 */
#include <linux/kcas-test.h>

#ifdef CONFIG_DEBRA_DEBUG
/* In any context: no sleep. Rarely long enough for whole epochs to pass. */
static void torture_pause(enum kcas_pause where, const struct kcas_word *word)
{
	unsigned int dice = torture_random(4096);

	if (dice < 2)
		mdelay(1 + torture_random(3));
	else if (dice < 64)
		udelay(torture_random(50));
}

static void torture_pause_start(void)
{
	WRITE_ONCE(kcas_pause_hook, torture_pause);
}

/* All operations are over but for cleaning, which the barrier of the audit waits for. */
static void torture_pause_stop(void)
{
	WRITE_ONCE(kcas_pause_hook, NULL);
}
#else
static void torture_pause_start(void) { }
static void torture_pause_stop(void) { }
#endif

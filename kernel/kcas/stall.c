// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: transactions that take too long, in the log.
 *
 * After stall_ms, when it is over and it is known how long it took. While it lasts it is a
 * guard of kcas_domain that debra reports, if it is in anybody's way. Both begin alike:
 *
 *	kcas: stall: task writer/124: attempt of a transaction: 1404 ms, ...
 *	debra: stall: kcas_domain: task writer/124: guard for 1012 ms, ...
 */
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "../debra/compat.h"
#include "tx.h"

#define KCAS_STALL_DEPTH	12

/**
 * kcas_stall_report - something has taken too long
 * @what: what
 * @took: how long, in jiffies
 * @tx: the transaction, whose task we are
 *
 * Context: any.
 */
void kcas_stall_report(const char *what, unsigned long took, const struct kcas_tx *tx)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, 2);
	unsigned long stack[KCAS_STALL_DEPTH];
	unsigned int i, nr;

	if (!__ratelimit(&limit))
		return;
	pr_warn("stall: task %s/%d: %s: %u ms, CPU %d, %u words, %u conflicts; it is over\n",
		current->comm, task_pid_nr(current), what, jiffies_to_msecs(took),
		raw_smp_processor_id(), tx->nr, tx->failed);
	nr = debra_stack_here(stack, KCAS_STALL_DEPTH);
	for (i = 0; i < nr; i++)
		pr_warn("stall:  %pS\n", (void *)stack[i]);
}

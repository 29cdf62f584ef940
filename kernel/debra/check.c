// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: checks of CONFIG_DEBRA_DEBUG that are too dear for every pin.
 */
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>

#include "internal.h"

void __debra_check_pin(struct debra_domain *dom)
{
	debra_complain(!dom->sup, "%s: pin of a domain that is not registered\n", dom->name);
	debra_complain(!rcu_is_watching(), "%s: pin where RCU is not watching\n", dom->name);
	debra_complain(!cpu_online(smp_processor_id()), "%s: pin on a CPU that goes offline\n",
		       dom->name);
}
EXPORT_SYMBOL_GPL(__debra_check_pin);

void __debra_check_pinned(struct debra_domain *dom)
{
	debra_complain(!debra_pinned(dom), "%s: debra_dereference() outside a pin\n", dom->name);
}
EXPORT_SYMBOL_GPL(__debra_check_pinned);

/**
 * DOC: debra_pause_hook - called where a test can hold the reclaimer up
 *
 * With CONFIG_DEBRA_DEBUG only, and for tests alone: NULL, or a function that debra calls with
 * the place (enum debra_pause) each time that it comes by one. A test sets and clears it with
 * WRITE_ONCE(), and sees to it that nobody is in the function, or about to call it, when it
 * goes.
 *
 * Context: process context. The function may sleep, but at DEBRA_PAUSE_BEFORE_MARK of a guard
 * that has spilled a spinlock is held.
 */
void (*debra_pause_hook)(enum debra_pause where);
EXPORT_SYMBOL_GPL(debra_pause_hook);

/**
 * debra_pause - a place where a test can hold the reclaimer up
 * @where: which
 */
void debra_pause(enum debra_pause where)
{
	void (*hook)(enum debra_pause where) = READ_ONCE(debra_pause_hook);

	if (unlikely(hook))
		hook(where);
}

static unsigned int debra_lose_ipis;
module_param_named(lose_ipis, debra_lose_ipis, uint, 0644);
MODULE_PARM_DESC(lose_ipis, "every so many IPIs of a CPU are as if they had been lost (0: none)");

static DEFINE_PER_CPU(unsigned int, debra_ipi_countdown);

/**
 * debra_ipi_is_lost - is this IPI to be ignored?
 *
 * Context: the handler.
 * Return: true if so.
 */
bool debra_ipi_is_lost(void)
{
	unsigned int every = READ_ONCE(debra_lose_ipis);

	return unlikely(every) && !(this_cpu_inc_return(debra_ipi_countdown) % every);
}

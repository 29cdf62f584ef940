// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: what CONFIG_DEBRA_DEBUG and CONFIG_DEBRA_BUSTED add.
 */
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/moduleparam.h>

#include "tx.h"

/**
 * DOC: kcas_pause_hook - called where a test can hold an operation up
 *
 * With CONFIG_DEBRA_DEBUG only, and for tests alone: NULL, or a function that kcas calls with
 * the place (enum kcas_pause) and the word, each time that an operation comes by one, whoever
 * runs it. A test sets and clears it with WRITE_ONCE(), and sees to it that nobody is in the
 * function, or about to call it, when it goes.
 *
 * Context: of the operation, NMI included, in a pin or a guard: the function must not sleep.
 * But at KCAS_PAUSE_BEFORE_CLEAN and KCAS_PAUSE_FLUSHED it is that of who cleans.
 */
kcas_pause_fn kcas_pause_hook;
EXPORT_SYMBOL_GPL(kcas_pause_hook);

/**
 * kcas_pause - a place where a test can hold an operation up
 * @where: which
 * @word: the word it is about, or NULL
 */
void kcas_pause(enum kcas_pause where, const struct kcas_word *word)
{
	kcas_pause_fn hook = READ_ONCE(kcas_pause_hook);

	if (unlikely(hook))
		hook(where, word);
}

/* Who has had this many injected gets on. */
#define KCAS_INJECTED_MAX	8

static unsigned int kcas_tx_inject;
module_param_named(tx_inject, kcas_tx_inject, uint, 0644);
MODULE_PARM_DESC(tx_inject, "every so many accesses of transactions fail as with a conflict (0: none)");

static DEFINE_PER_CPU(unsigned int, kcas_tx_countdown);

/**
 * kcas_tx_injected - is this access to fail?
 * @tx: the transaction
 *
 * Return: true if so.
 */
bool kcas_tx_injected(struct kcas_tx *tx)
{
	unsigned int every = READ_ONCE(kcas_tx_inject);

	if (likely(!every) || tx->injected >= KCAS_INJECTED_MAX)
		return false;
	if (this_cpu_inc_return(kcas_tx_countdown) % every)
		return false;
	tx->injected++;
	return true;
}

static unsigned int kcas_tx_fail_every;
module_param_named(tx_fail, kcas_tx_fail_every, uint, 0644);
MODULE_PARM_DESC(tx_fail, "every so many allocations of transactions fail (0: none)");

static atomic_t kcas_tx_allocs = ATOMIC_INIT(0);

/**
 * kcas_tx_no_memory - is this allocation of a transaction to fail?
 *
 * Return: true if so.
 */
bool kcas_tx_no_memory(void)
{
	unsigned int every = READ_ONCE(kcas_tx_fail_every);

	return unlikely(every) && atomic_inc_return(&kcas_tx_allocs) % every == 0;
}

#ifdef CONFIG_DEBRA_BUSTED
unsigned int kcas_bust;
module_param_named(busted, kcas_bust, uint, 0644);
MODULE_PARM_DESC(busted, "what to do wrong, see enum kcas_bust");
#endif

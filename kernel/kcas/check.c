// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: what CONFIG_DEBRA_DEBUG and CONFIG_DEBRA_BUSTED add.
 */
#include <linux/export.h>
#include <linux/moduleparam.h>

#include "internal.h"

/* Set by a test, which sees to it that nobody is in there when it goes. */
void (*kcas_pause_hook)(enum kcas_pause where, const struct kcas_word *word);
EXPORT_SYMBOL_GPL(kcas_pause_hook);

/**
 * kcas_pause - a place where a test can hold an operation up
 * @where: which
 * @word: the word it is about, or NULL
 */
void kcas_pause(enum kcas_pause where, const struct kcas_word *word)
{
	void (*hook)(enum kcas_pause where, const struct kcas_word *word);

	hook = READ_ONCE(kcas_pause_hook);
	if (unlikely(hook))
		hook(where, word);
}

#ifdef CONFIG_DEBRA_BUSTED
unsigned int kcas_bust;
module_param_named(busted, kcas_bust, uint, 0644);
MODULE_PARM_DESC(busted, "what to do wrong, see enum kcas_bust");
#endif

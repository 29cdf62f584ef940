/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas: what its tests may use beside the interface. Only with CONFIG_DEBRA_DEBUG.
 */
#ifndef _LINUX_KCAS_TEST_H
#define _LINUX_KCAS_TEST_H

#include <linux/kcas.h>

/*
 * Places where a test can hold up whoever runs an operation, its owner or a helper. In
 * all but the last two that is within a pin or a guard, so a hook must not sleep. @word:
 * which word it is about; NULL if that is the whole operation.
 */
enum kcas_pause {
	KCAS_PAUSE_LOGGED,		/* compares have been logged, nothing is installed */
	KCAS_PAUSE_BEFORE_CHECK,	/* content read, status not */
	KCAS_PAUSE_BEFORE_INSTALL,	/* undecided, the old value was there */
	KCAS_PAUSE_INSTALLED,		/* by whomever */
	KCAS_PAUSE_BEFORE_VERIFY,	/* all are installed */
	KCAS_PAUSE_IN_VERIFY,		/* a compared word was read */
	KCAS_PAUSE_BEFORE_DECIDE,
	KCAS_PAUSE_DECIDED,
	KCAS_PAUSE_BEFORE_REPLACE,	/* one-word operations: before the CAS */
	KCAS_PAUSE_TX_READ,		/* by a transaction: the value is not kept yet */
	KCAS_PAUSE_BEFORE_STAMP,	/* an operation begins, and has no number yet */
	KCAS_PAUSE_BEFORE_COUNT,	/* a block is retired: phase known, not counted */
	KCAS_PAUSE_BEFORE_CLEAN,	/* a reference was found in its word */
	KCAS_PAUSE_FLUSHED,		/* by who has all cleaned: the phase is the old one */
	KCAS_NR_PAUSES
};

typedef void (*kcas_pause_fn)(enum kcas_pause where, const struct kcas_word *word);

extern kcas_pause_fn kcas_pause_hook;

#endif /* _LINUX_KCAS_TEST_H */

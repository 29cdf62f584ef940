/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra: what its tests may use beside the interface. Only with CONFIG_DEBRA_DEBUG.
 */
#ifndef _LINUX_DEBRA_TEST_H
#define _LINUX_DEBRA_TEST_H

/* Places where a test can hold the reclaimer, or who frees, up. All of them may sleep. */
enum debra_pause {
	DEBRA_PAUSE_BEFORE_MARK,	/* under the guards' lock if the guard has spilled */
	DEBRA_PAUSE_BEFORE_PING,
	DEBRA_PAUSE_BEFORE_SETTLE,
	DEBRA_PAUSE_IN_SNAPSHOT,	/* the hazards have been read */
	DEBRA_PAUSE_BEFORE_FREE,	/* what is free has been taken out */
};

extern void (*debra_pause_hook)(enum debra_pause where);

#endif /* _LINUX_DEBRA_TEST_H */

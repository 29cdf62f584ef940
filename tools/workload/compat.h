/* SPDX-License-Identifier: GPL-2.0-only */
/* Differences between kernels, by probe: see the Makefile. */
#ifndef _DEBRA_WORKLOAD_COMPAT_H
#define _DEBRA_WORKLOAD_COMPAT_H

#include <linux/hrtimer.h>

static inline void workload_timer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*func)(struct hrtimer *))
{
#ifdef DEBRA_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, func, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer->function = func;
#endif
}

#endif /* _DEBRA_WORKLOAD_COMPAT_H */

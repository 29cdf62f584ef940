/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What debratorture, kcastorture and txtorture share: threads, interrupts, hogs, a verdict.
 */
#ifndef _TORTURE_COMMON_H
#define _TORTURE_COMMON_H

#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/timekeeping.h>

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/**
 * struct torture_test - what is tortured
 * @init: before all else; 0 or an error, with nothing left
 * @start: its threads, with torture_thread(); 0 or an error
 * @irq: what interrupts do, hard and soft ones
 * @audit: after all that is over; what is wrong, or NULL
 * @statistics: one line
 * @exit: undoes @init
 */
struct torture_test {
	int (*init)(void);
	int (*start)(void);
	void (*irq)(void);
	const char *(*audit)(void);
	void (*statistics)(void);
	void (*exit)(void);
};

extern const struct torture_test torture_test;

/* Good enough to spread things, and callable from everywhere. */
static inline u32 torture_random(u32 below)
{
	return (u64)hash_64(ktime_get_mono_fast_ns(), 32) * below >> 32;
}

void torture_error(const char *what, unsigned long a, unsigned long b);
bool torture_should_stop(void);
bool torture_has_failed(void);
struct task_struct *torture_last_thread(void);
int torture_thread(int (*fn)(void *arg), void *arg, const char *name, int cpu);

#endif /* _TORTURE_COMMON_H */

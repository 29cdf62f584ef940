/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas_retire(): freeing an object that has words in it.
 *
 * Word 1 is in the object, words 0 and 2 are not; word 2 leads to the object while it is 0. Worker
 * 0 has found the object and writes words 0 and 1; worker 1 wants word 0 and may have to help;
 * worker 2 unlinks the object with word 2 and retires it. Blocks are not full: descriptors stay in
 * theirs until they are flushed. Nobody may touch word 1 once the object is freed, the
 * cleaner included; and it is freed at last.
 *
 * Memory is sequentially consistent. A worker is a CPU: its block is flushed by a work that runs
 * there, hence not in the middle of an operation.
 *
 * Model: retire safety
 * Model: ends np
 * Twin: EARLY safety, freed after one grace period
 * Twin: TWO_EARLY safety, freed after two grace periods
 * Twin: NO_GRACE safety, flushed at once, without a grace period before
 * Twin: NO_FLUSH safety, only what was retired already is waited for
 * Twin: NO_BARRIER safety, flushed, but not waited for the cleaning
 * Twin: OWN_FLUSH safety, only the block of who retires is flushed
 */
#define NW		3
#define ND		3
#define NP		3
#define NK		1
#define FIRST		0
#define PATIENCE	1
#define OWN_DESC		/* each worker has its descriptor, in a block of its own */
#define LIVES		IN_BLOCK

bool freed;
byte object_waits;		/* for whom the object's grace period waits */

#define TOUCH(w)	assert((w) != 1 || !freed)
#define AT_UNPIN(me)	object_waits = object_waits & ~(1 << me)

/*
 * A sleepable guard of the user's around the look at word 2 and the operation that follows. Grace
 * periods wait for it as for a pin, but a work may run on its CPU meanwhile.
 */
#define FIND(me)						\
	if							\
	:: (me) == 0 ->						\
		pinned = pinned | 1;				\
		if						\
		:: VALUE(content[2], 2) ->			\
			d_step { unpin_all(me); over = over | 1 };	\
			goto out				\
		:: else						\
		fi						\
	:: else							\
	fi

#include "kcas-core.h"

/* kcas_flush_fn() on the CPU of worker d */
inline flush(d)
{
	atomic {
		!(pinned & (1 << d)) || life[d] == UNUSED;	/* nobody, or a guard alone */
		if
		:: life[d] == IN_BLOCK -> grace(d, RETIRED)
		:: else
		fi
	}
}

proctype reaper()
{
	over & 4;
	object_waits = pinned;		/* kcas_retire(): debra_call() */
#ifndef TWIN_NO_GRACE
	object_waits == 0;		/* kcas_retired(): queues kcas_reap_fn() */
#endif
#ifdef TWIN_TWO_EARLY
	object_waits = pinned;
	object_waits == 0;
#endif
#if !defined(TWIN_EARLY) && !defined(TWIN_TWO_EARLY)
#ifndef TWIN_NO_FLUSH
	/* kcas_flush_cpus() */
#ifndef TWIN_OWN_FLUSH
	flush(0);
	flush(1);
#endif
	flush(2);
#endif
#ifndef TWIN_NO_BARRIER
	/* debra_barrier() */
	life[0] != RETIRED;
	life[1] != RETIRED;
	life[2] != RETIRED;
#endif
#endif
	freed = true
}

init
{
	d_step {
		script[0] = OP(W01, W01, NO);
		script[1] = OP(W10, NO, NO) | SINGLE;
		script[2] = OP(NO, NO, W01) | SINGLE
	};
	atomic {
		run cleaner();
		run reaper();
		run worker(0);
		run worker(1);
		run worker(2)
	};
	over == 7 && freed;
	assert(!IS_REF(content[1]))
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra: pins, the scan, the end of epochs and the freeing of what was retired.
 *
 * CPU 0 reads, CPU 1 unlinks the one object and retires it, on both an interrupt pins and
 * reads on top of whatever is there. The reclaimer and CPU 1 (amortized scan) end epochs. An
 * object in use must not be freed; and it is freed at last, though readers come for ever.
 *
 * Memory is sequentially consistent but for the stores whose order the reclaimer's barriers
 * are for: an announcement and the unlink stay in their CPU's store buffer until the memory
 * takes them, or a barrier is run there. An RCU grace period is as good as a round.
 *
 * Model: ipi safety
 * Model: ipi-irq1 safety -DIRQ1
 * Model: ipi-share safety -DSHARE -DNO_IRQ
 * Model: fence safety -DFENCE -DONCE
 * Model: progress fair -DFOREVER
 * Twin: NO_ROUND safety, epochs end without a barrier on every CPU
 * Twin: COALESCED safety -DSHARE -DNO_IRQ, a round that was under way serves
 * Twin: NO_WAIT safety, answers to the IPIs are not waited for
 * Twin: SKIP_QUIET safety, CPUs that look quiescent get no IPI
 * Twin: STAMP_2 safety, freed two epochs later
 * Twin: STAMP_FIRST safety, the stamp is read before the unlink
 * Twin: FLAT_UNPIN safety, the unpin of an interrupt ends the pin below
 * Twin: NO_SCAN safety, epochs end without a look at announcements
 * Twin: NO_FENCE safety -DFENCE, pins=fence without the barrier of a pin
 * Twin: NO_NESTED_FENCE safety -DFENCE, ... of a nested pin
 * Twin: KEEP_EPOCH fair -DFOREVER, the last unpin leaves the epoch announced
 */
#define FIRST		1	/* DEBRA_EPOCH_FIRST */
#define CLOCK(e)	((e) * 4 + 1)	/* __DEBRA_CLOCK() */
#define EPOCH(a)	((a) / 4)
#define DEPTH(a)	((a) % 4)
#ifdef TWIN_STAMP_2
#define GRACE		2
#else
#define GRACE		3	/* DEBRA_NR_BAGS */
#endif
#ifdef ONCE
#define SECTIONS	1
#else
#define SECTIONS	2
#endif

byte clock = CLOCK(FIRST);
byte own[2], seen[2];		/* announce, as its CPU sees it and as the others do */
bool own_linked = true, seen_linked = true;	/* the link, as CPU 1 sees it ... */
byte stamp;			/* of the object; 0: not retired */
bool freed;

byte started, rounds_done;	/* debra_rounds_started, debra_rounds_done */
bool pending[2];		/* the csd is queued */
byte ack[2];
bool irq[2];			/* an interrupt runs there, all else of the CPU stands still */
bool irq_done[2];

#define LINKED(c)	((c) == 1 -> own_linked : seen_linked)
#define FREE		(stamp && EPOCH(clock) >= stamp + GRACE)
#define PASSED(c, e)	(seen[c] == 0 || EPOCH(seen[c]) == (e))	/* debra_pin_passed() */

inline flush(c)			/* smp_mb() */
{
	d_step {
		seen[c] = own[c];
		if
		:: c == 1 -> seen_linked = own_linked
		:: else
		fi
	}
}

inline pin(c, a)		/* debra_pin(), __debra_pin_nested() */
{
	if
	:: own[c] == 0 ->
		a = clock;
		own[c] = a;
		a = 0;
#if defined(FENCE) && !defined(TWIN_NO_FENCE)
		flush(c)
#endif
	:: else ->
#if defined(FENCE) && !defined(TWIN_NO_FENCE) && !defined(TWIN_NO_NESTED_FENCE)
		flush(c);
#endif
		own[c] = own[c] + 1
	fi
}

inline unpin(c)			/* debra_unpin(), __debra_unpin_nested() */
{
	if
#ifdef TWIN_FLAT_UNPIN
	:: true -> own[c] = 0
#else
	:: DEPTH(own[c]) == 1 ->
#ifdef TWIN_KEEP_EPOCH
		own[c] = own[c] - 1
#else
		own[c] = 0
#endif
	:: else -> own[c] = own[c] - 1
#endif
	fi
}

inline section(c, a, ref)
{
	pin(c, a);
	ref = LINKED(c);
	assert(!(ref && freed));	/* it uses the object */
	ref = false;
	unpin(c)
}

active proctype reader() provided (!irq[0])
{
	byte a, n;
	bool ref;

	do
	:: n < SECTIONS ->
		pin(0, a);
		ref = LINKED(0);
		skip;			/* anything may happen here */
		assert(!(ref && freed));
		ref = false;
		unpin(0);
#ifndef FOREVER
		n++
#endif
	:: n == SECTIONS -> break
	od
}

/* On top of whatever its CPU is doing, once. */
proctype interrupt(byte c)
{
	byte a;
	bool ref;

	irq[c] = true;
	section(c, a, ref);
	irq[c] = false
}

active proctype updater() provided (!irq[1])
{
	byte e, cookie;

#ifdef TWIN_STAMP_FIRST
	stamp = EPOCH(clock);
#endif
	own_linked = false;		/* by a plain store */
#ifdef FENCE
	flush(1);			/* debra_see_epoch(), DMM(retire:A) */
#endif
#ifndef TWIN_STAMP_FIRST
	atomic { e = EPOCH(clock); stamp = e };
#endif
#ifdef SHARE
	/* debra_scan_share(), in the retirements that follow */
	e = EPOCH(clock);		/* debra_scan_start() */
	cookie = started + 1;
#ifdef TWIN_COALESCED
	cookie = started;
#endif
#if !defined(FENCE) && !defined(TWIN_NO_ROUND)
end:	rounds_done >= cookie;		/* debra_round_done(); perhaps nobody runs that round */
#endif
#ifndef TWIN_NO_SCAN
	PASSED(0, e);			/* debra_scan_step(), one CPU a step */
	PASSED(1, e);
#endif
	atomic {			/* debra_advance() */
		if
		:: clock == CLOCK(e) -> clock = CLOCK(e + 1)
		:: else
		fi
	}
#endif
}

/* debra_reclaim_fn(): ends epochs while there is garbage, and one before that. */
active proctype reclaimer()
{
	byte e, cookie, round;

again:
	e = 0; cookie = 0; round = 0;
	if
	:: FREE -> goto out
	:: !FREE && (stamp || clock == CLOCK(FIRST)) -> e = EPOCH(clock)
	fi;
	cookie = started + 1;		/* debra_scan_start(), debra_round_snapshot() */
#ifdef TWIN_COALESCED
	cookie = started;
#endif
#if !defined(FENCE) && !defined(TWIN_NO_ROUND)
	if
	:: rounds_done < cookie ->	/* debra_round_serve(), under debra_round_lock */
		d_step {		/* debra_round_send() */
			started++;
			round = started;
			pending[1] = true;
#ifdef TWIN_SKIP_QUIET
			if
			:: seen[0] == 0 -> ack[0] = round
			:: else -> pending[0] = true
			fi
#else
			pending[0] = true
#endif
		};
#ifndef TWIN_NO_WAIT
		ack[0] >= round && ack[1] >= round;	/* debra_round_wait() */
#endif
		rounds_done = round
	:: else
	fi;
#endif
look0:	/* debra_scan_all() */
#ifndef TWIN_NO_SCAN
	if
	:: PASSED(0, e)
	:: else ->
		if
		:: EPOCH(clock) != e -> goto again
		:: else -> goto look0
		fi
	fi;
look1:
	if
	:: PASSED(1, e)
	:: else ->
		if
		:: EPOCH(clock) != e -> goto again
		:: else -> goto look1
		fi
	fi;
#endif
	atomic {			/* debra_advance() */
		if
		:: clock == CLOCK(e) -> clock = CLOCK(e + 1)
		:: else
		fi
	};
	goto again;
out:
	skip
}

/* debra_drain_fn() */
active proctype drain()
{
	FREE -> freed = true
}

/* debra_round_handler(). One round at a time, so the number is read and answered at once. */
proctype handler(byte c)
{
end:	do
	:: d_step {
		pending[c] -> pending[c] = false;
		seen[c] = own[c];
		seen_linked = (c == 1 -> own_linked : seen_linked);
		ack[c] = started
	}
	od
}

/* Stores reach the memory some time, in any case. */
active proctype memory()
{
end:	do
	:: seen[0] != own[0] -> seen[0] = own[0]
	:: seen[1] != own[1] -> seen[1] = own[1]
	:: seen_linked != own_linked -> seen_linked = own_linked
	od
}

init
{
	atomic {
		run handler(0);
		run handler(1)
#if defined(IRQ1)
		; run interrupt(1)
#elif !defined(NO_IRQ)
		; run interrupt(0)
#endif
	}
}

#ifdef FOREVER
ltl freed_at_last { <> freed }
#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra: neutralization of a guard that holds the epoch back.
 *
 * root -> A -> B. The updater unlinks and retires A, then B; A's frozen link goes on to point to
 * B. The reader hops from root to A to B, may sleep or be held up anywhere, uses what it has
 * hopped to, and has a write phase in which it is masked and uses what it finds without a slot. The
 * reclaimer marks, aims, pings and settles; the drain frees what is free and in no slot of an
 * aborted guard. An object in use must not be freed, and only a section that lags may be marked.
 * The CPU of the reader may be silent for as long as it likes: the guard is parked until then.
 *
 * Memory is sequentially consistent but for the slots, which stay in the CPU's store
 * buffer until it stores with release, switches context, answers an IPI or the memory takes them.
 * The barrier of epochs is taken for granted (debra-epoch.pml).
 *
 * With -DAGAIN the reader has two sections, of one hop each; else one, of two hops, or of one hop
 * and the write phase. With -DSTALL the reader stops for ever with A in its slot. B must be freed all the same. With
 * -DSILENT another CPU that was pinged as well never answers; this guard is settled all the same.
 *
 * Model: reader safety
 * Model: again safety -DAGAIN
 * Model: masked safety -DMASK
 * Model: stalled fair -DSTALL
 * Model: silent fair -DSTALL -DSILENT
 * Twin: NO_PING safety, no CPU is asked
 * Twin: NO_WAIT safety, the answer is not waited for
 * Twin: NO_SETTLE safety, the epoch goes on past a mark
 * Twin: NO_HAZARDS safety, slots keep nothing
 * Twin: UNSEALED safety, the epoch is read after the slots
 * Twin: LATE_MARK safety -DAGAIN, the mark does not care for the generation
 * Twin: NO_LOOK safety, a hop does not look at the word
 * Twin: FROZEN_LINK safety, an aborted reader follows the link of what its slot holds
 * Twin: LOOK_FIRST safety, a hop looks at the word and then stores the slot
 * Twin: PLAIN_MASK safety -DMASK, the write phase begins with load and store
 * Twin: MARK_MASKED safety -DMASK, masked sections are marked too
 * Twin: NEVER_MARK fair -DSTALL, nobody is neutralized
 * Twin: BLOCKING fair -DSTALL -DSILENT, the reclaimer waits for all answers
 */
#define A		1
#define B		2
#define ACTIVE		1	/* DEBRA_GUARD_ACTIVE ... */
#define ABORTED		2
#define MASKED		4
#define STEP		8
#define FLAGS		7
#define GRACE		3
#ifdef AGAIN
#define SECTIONS	2
#else
#define SECTIONS	1
#endif

byte clock = 1;
byte root = A;
byte stamp[3];			/* of objects; 0: not retired */
bool freed[3];
byte word;			/* struct debra_guard_rec */
byte epoch;
byte own[2], slot[2];		/* slots as the reader sees them, and as the others do */
bool asleep;			/* the reader's task, neither on a queue nor on a CPU */
byte seen, settled, round;	/* the reclaimer's notes in the record */
bool pinged;
bool aborted;			/* dom->sup->aborted */
byte started, ack;		/* rounds */
bool pending;
bool halted;

#define FREE(o)		(stamp[o] && clock >= stamp[o] + GRACE)
#define USE(o)		assert(!(o) || !freed[o])

inline flush()
{
	d_step { slot[0] = own[0]; slot[1] = own[1] }
}

/* Anything may happen in here. */
inline may_sleep()
{
	if
	:: true
	:: d_step { flush(); asleep = true }; asleep = false
	fi
}

/* debra_guard_enter(), debra_guard_restart() */
inline announce()
{
	d_step { own[0] = 0; own[1] = 0; flush() };
	a = clock;
	epoch = a;			/* release */
	atomic { word = (word & ~FLAGS) + STEP + ACTIVE; a = 0 }
}

active proctype reader()
{
	byte a, p, q, n;

again:
	if
	:: n == SECTIONS -> goto out
	:: else -> n++
	fi;
	announce();
	p = root;			/* debra_hop(0) */
#ifndef TWIN_LOOK_FIRST
	own[0] = p;
	may_sleep();
#endif
#ifndef TWIN_NO_LOOK
	if
	:: word & ABORTED -> goto back	/* p is not used */
	:: else
	fi;
#endif
#ifdef TWIN_LOOK_FIRST
	own[0] = p;
#endif
	USE(p);
#ifdef STALL
end:	halted = true;
	false;
#endif
#ifdef MASK
	/* debra_guard_mask() */
#ifdef TWIN_PLAIN_MASK
	if
	:: word & ABORTED -> goto leave
	:: else
	fi;
	word = (word & ~FLAGS) | ACTIVE | MASKED;
#else
	atomic {
		if
		:: word & ABORTED -> goto leave
		:: else -> word = word | MASKED
		fi
	};
#endif
	q = root;
	USE(q);
	q = 0;
	word = word & ~MASKED;		/* debra_guard_unmask() */
#else
#ifndef AGAIN
	USE(p);
	q = (p == A -> B : 0);		/* debra_hop(1); p is read */
#ifndef TWIN_LOOK_FIRST
	own[1] = q;
	may_sleep();
#endif
#ifndef TWIN_NO_LOOK
	if
#ifdef TWIN_FROZEN_LINK
	:: false -> goto leave
#else
	:: word & ABORTED -> goto leave
#endif
	:: else
	fi;
#endif
#ifdef TWIN_LOOK_FIRST
	own[1] = q;
#endif
	USE(q);
#endif
#endif
leave:	USE(p);				/* what the first slot names, still */
back:
	flush();			/* debra_guard_retreat(): release */
	atomic { word = word & ~FLAGS; p = 0; q = 0 };
	goto again;
out:
	n = 0
}

active proctype updater()
{
	/* unlink and stamp; debra-epoch.pml has what may come in between */
	atomic { root = B; stamp[A] = clock };
	atomic { root = 0; stamp[B] = clock }
}

#define CAN_ADVANCE	((stamp[A] && clock < stamp[A] + GRACE) || \
			 (stamp[B] && clock < stamp[B] + GRACE))

/* debra_reclaim_fn() */
active proctype reclaimer()
{
	byte e, w, x;

again:
	atomic { e = 0; w = 0; x = 0 };
	if
	:: freed[A] && freed[B] -> goto out
	:: else
	fi;
	/* debra_recount_aborted() */
	if
	:: aborted && !(word & ABORTED) -> aborted = false
	:: else
	fi;
	e = clock;
	if
	:: CAN_ADVANCE
	:: !CAN_ADVANCE -> goto again
	fi;
	atomic {	/* debra_guard_passed(); its second look makes it one */
		if
		:: !(word & ACTIVE) -> goto advance
#ifdef TWIN_NO_SETTLE
		:: (word & ABORTED) -> goto advance
#endif
		:: (word & ABORTED) && settled == word -> goto advance
		:: (word & ABORTED) && settled != word -> goto aim
		:: (word & ACTIVE) && !(word & ABORTED) && epoch == e -> goto advance
		:: (word & ACTIVE) && !(word & ABORTED) && epoch != e
		fi
	};
	/* debra_guard_mark() */
	w = word;
	if
	:: !(w & ACTIVE) || (w & ABORTED) -> goto aim
	:: else
	fi;
	x = epoch;
	if
	:: x == e -> goto again
	:: else
	fi;
#ifdef TWIN_NEVER_MARK
	goto again;
#endif
#ifndef TWIN_MARK_MASKED
	if
	:: w & MASKED -> goto again
	:: else
	fi;
#endif
	aborted = true;
#ifdef TWIN_LATE_MARK
	atomic {
		assert(!(word & ACTIVE) || epoch != e);
		word = word | ABORTED
	};
#else
	atomic {
		if
		:: word == w ->
			assert(epoch != e);
			word = word | ABORTED
		:: else
		fi
	};
#endif
aim:	/* debra_guard_aim() */
	atomic { x = 0; w = word };
	if
	:: !(w & ABORTED) || settled == w -> goto again
	:: (w & ABORTED) && settled != w && seen == w -> goto settle
	:: else -> d_step { seen = w; pinged = false }
	fi;
	if				/* debra_task_where(), under its pi_lock */
	:: asleep -> goto still
	:: !asleep
	fi;
	/* debra_round_ping() */
#ifndef TWIN_NO_PING
	d_step { started++; pending = true; round = started; pinged = true };
#ifdef TWIN_BLOCKING
	false;				/* the other CPU will not answer */
#endif
#endif
settle:	/* debra_guard_settle(); not answered in time: it is parked */
	w = word;
	if
	:: !(w & ABORTED) || settled == w || seen != w -> goto again
	:: else
	fi;
#if !defined(TWIN_NO_PING) && !defined(TWIN_NO_WAIT)
	if
	:: pinged && ack < round -> goto again
	:: else
	fi;
#endif
still:
	if
	:: word == w -> settled = w
	:: else
	fi;
	goto again;
advance: /* debra_advance() */
	clock = e + 1;
	goto again;
out:
	skip
}

/* debra_drain_fn(), debra_hazards_collect() */
active proctype drain()
{
	byte e, w, x, y;
	bool guarded;

	do
	:: (FREE(A) && !freed[A]) || (FREE(B) && !freed[B]) ->
		e = clock;
		guarded = aborted;	/* debra_has_hazards() */
#ifndef TWIN_NO_HAZARDS
		if
		:: guarded ->
			w = word;
			if
			:: w & ABORTED -> d_step { x = slot[0]; y = slot[1] }
			:: else
			fi
		:: else
		fi;
#endif
#ifdef TWIN_UNSEALED
		e = clock;
#endif
		d_step {		/* debra_hazards_split() */
			if
			:: stamp[A] && e >= stamp[A] + GRACE && x != A && y != A ->
				freed[A] = true
			:: else
			fi;
			if
			:: stamp[B] && e >= stamp[B] + GRACE && x != B && y != B ->
				freed[B] = true
			:: else
			fi;
			e = 0; w = 0; x = 0; y = 0; guarded = false
		}
	:: freed[A] && freed[B] -> break
	od
}

/* debra_round_handler() */
active proctype handler()
{
end:	do
	:: d_step { pending -> pending = false; flush(); ack = started }
	od
}

active proctype memory()
{
end:	do
	:: slot[0] != own[0] -> slot[0] = own[0]
	:: slot[1] != own[1] -> slot[1] = own[1]
	od
}

#ifdef SILENT
ltl settled_at_last { <> ((settled == word && (word & ABORTED)) || freed[B]) }
#elif defined(STALL)
ltl freed_at_last { <> (freed[B] || (halted && own[0] == B)) }
#endif

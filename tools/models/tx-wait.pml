/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transactions that block until something that they have read changes, and those that wake
 * them.
 *
 * A waiter has read words and wants others. It registers on the queue of each word that it
 * has read, looks at them once more, and sleeps. A committer changes words with one CAS of its
 * status, looks whether anybody waits, and wakes who is registered on what has changed. Queues
 * are hashed by the word's address: with -DONE_QUEUE both words share one.
 *
 * Waiter 0 waits until both words have been set, waiter 1 for the second, with a
 * timeout that may come at any time while it sleeps. Nobody may sleep for ever (a deadlock),
 * nobody may be woken through an entry that is gone, since it is on the waiter's stack, and what
 * is over leaves nothing behind. Every execution ends (np).
 *
 * Memory is sequentially consistent. So the full barriers between registering and the second
 * look, and between the CAS and the look at the number of waiters, are no steps here: what
 * is checked is their order. A commit is one step; that the CAS may be a helper's
 * is as if the committer had stopped after it.
 *
 * Model: two-queues safety
 * Model: one-queue safety -DONE_QUEUE
 * Model: overlapping safety -DBOTH
 * Model: ends np
 * Twin: LATE_REGISTER deadlock, registers after the second look
 * Twin: NO_SECOND_LOOK deadlock, registers and sleeps
 * Twin: COUNT_FIRST deadlock, the committer looks for waiters before its CAS
 * Twin: ONE_WORD deadlock, registers on the first word only
 * Twin: WAKE_ONE deadlock, the committer wakes only the last of a queue
 * Twin: FLAG_LATE deadlock, the flag of an earlier wake is cleared after registering
 * Twin: SLEEP_LATE deadlock, looks at the flag before it is known to sleep
 * Twin: UNLOCKED_WAKE safety, entries are used after the queue is unlocked
 * Twin: KEEP_ENTRY safety, who times out leaves one of its entries behind
 */
#define NW		2	/* words */
#define NP		2	/* waiters */
#ifdef ONE_QUEUE
#define QUEUE(w)	0
#else
#define QUEUE(w)	(w)
#endif
#ifdef TWIN_ONE_WORD
#define NREG		1
#else
#define NREG		NW
#endif

byte word[NW];			/* contents, that is, how often they were written */
byte waiting[NW];		/* of each queue: how many entries */
bool locked[NW];		/* of each queue, by a committer */
bool entry[NP * NW];		/* the waiter's entry for the word is on its queue */
bool alive[NP];			/* the waiter's entries exist */
bool woken[NP];			/* flag in the waiter's entry */
bool asleep[NP];		/* TASK_INTERRUPTIBLE */
byte ended;

#ifdef BOTH
#define LAST		3	/* the last one writes both words again */
#else
#define LAST		2
#endif
#define READY(me, x, y)	((me) == 0 -> (x) && (y) : (y))

inline register_all(me)
{
	w = 0;
	do
	:: w < NREG ->
		atomic {		/* under the queue's lock */
			!locked[QUEUE(w)];
			entry[me * NW + w] = true;
			waiting[QUEUE(w)]++;
			w++
		}
	:: else -> break
	od;
	w = 0
}

inline unregister_all(me, from)
{
	w = from;
	do
	:: w < NREG ->
		atomic {		/* the same */
			!locked[QUEUE(w)];
			entry[me * NW + w] = false;
			waiting[QUEUE(w)]--;
			w++
		}
	:: else -> break
	od;
	w = 0
}

proctype waiter(byte me)
{
	byte w, x, y;
	bool late;

again:
	atomic { x = word[0]; y = word[1] };	/* the body, opaque: one view */
	if
	:: READY(me, x, y) || late -> goto out
	:: else
	fi;
	alive[me] = true;
#ifndef TWIN_FLAG_LATE
	woken[me] = false;
#endif
#ifndef TWIN_LATE_REGISTER
	register_all(me);
#endif
#ifndef TWIN_NO_SECOND_LOOK
	if
	:: word[0] != x -> goto awake
	:: else
	fi;
	if
	:: word[1] != y -> goto awake
	:: else
	fi;
#endif
#ifdef TWIN_LATE_REGISTER
	register_all(me);
#endif
#ifdef TWIN_FLAG_LATE
	woken[me] = false;
#endif
#ifdef TWIN_SLEEP_LATE
	if
	:: woken[me] -> goto awake
	:: else
	fi;
	asleep[me] = true;
#else
	asleep[me] = true;		/* set_current_state(): a full barrier */
	if
	:: woken[me] -> asleep[me] = false; goto awake
	:: else
	fi;
#endif
	if				/* schedule_timeout() */
	:: !asleep[me]
	:: me == 1 -> atomic { asleep[me] = false; late = true }
	fi;
awake:
#ifdef TWIN_LATE_REGISTER
	if
	:: !entry[me * NW] -> goto gone
	:: else
	fi;
#endif
#ifdef TWIN_KEEP_ENTRY
	if
	:: late -> unregister_all(me, 1)
	:: else -> unregister_all(me, 0)
	fi;
#else
	unregister_all(me, 0);
#endif
#ifdef TWIN_LATE_REGISTER
gone:
#endif
	atomic { alive[me] = false; x = 0; y = 0 };
	goto again;
out:
	assert(!entry[me * NW] && !entry[me * NW + 1]);
	d_step { x = 0; y = 0; ended++ }
}

/* An entry in the hand of a committer. */
inline wake(me)
{
	assert(alive[me]);
	woken[me] = true;
	asleep[me] = false		/* wake_up_process() */
}

/* set: bits of the words that it writes */
proctype committer(byte set)
{
	byte w, i;
	bool wanted, found;

#ifdef TWIN_COUNT_FIRST
	wanted = waiting[0] || waiting[1];
#endif
	d_step {			/* the CAS of the status */
		do
		:: w < NW ->
			if
			:: set & (1 << w) -> word[w] = word[w] + 1
			:: else
			fi;
			w++
		:: else -> break
		od;
		w = 0
	};
#ifndef TWIN_COUNT_FIRST
	wanted = waiting[0] || waiting[1];
#endif
	do
	:: wanted && w < NW ->
		if
		:: set & (1 << w) ->
			atomic { !locked[QUEUE(w)] -> locked[QUEUE(w)] = true };
			do
			:: i < NP ->
				found = entry[i * NW + w];
#ifdef TWIN_UNLOCKED_WAKE
				locked[QUEUE(w)] = false;
#endif
				if
#ifdef TWIN_WAKE_ONE
				:: found && !(i == 0 && entry[NW + w]) -> wake(i)
#else
				:: found -> wake(i)
#endif
				:: else
				fi;
#ifdef TWIN_UNLOCKED_WAKE
				atomic { !locked[QUEUE(w)] -> locked[QUEUE(w)] = true };
#endif
				i++
			:: else -> i = 0; break
			od;
			found = false;
			locked[QUEUE(w)] = false
		:: else
		fi;
		w++
	:: else -> break
	od;
	atomic { w = 0; wanted = false; ended++ }
}

init
{
	atomic {
		run waiter(0);
		run waiter(1);
		run committer(1);
		run committer(LAST)
	};
	ended == NP + 2;
	assert(waiting[0] == 0 && waiting[1] == 0)
}

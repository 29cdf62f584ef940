/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the models of kcas share: words, descriptors, and workers that go through the steps of
 * kernel/kcas/op.c, one access to shared memory at a time. Who includes it says how many
 * words (NW), descriptors (ND), workers (NP) and operations of each (NK) there are, and
 * gives TOUCH(w), which is done whenever a word is accessed.
 *
 * Words have the values 0 and 1. An operation is a number with three bits for each word,
 * which say what it does there; entries are in the order of the words, as kcas_fill() leaves
 * them. So the entry of descriptor d for word w needs no memory, and REF(d, w) is what
 * kcas_ref() gives.
 *
 * Grace periods are taken for granted: one that begins waits for all who are pinned then, and for
 * nobody else. That debra gives this is the business of debra-epoch.pml.
 */

/* What an operation does to a word, and one to all words. */
#define NO	0
#define W01	1		/* from 0 to 1 */
#define W10	2
#define C0	3		/* compare with 0 */
#define C1	4
#define W00	5		/* a compare that is written */
#define W11	6
#define OP(x, y, z)	((x) + 8 * (y) + 64 * (z))
#define SINGLE	512		/* it is of one word: kcas_single() */
#define READ	1024		/* it is kcas_read() of the word with C0 */
#define ALL	2048		/* kcas_again() has come to its end: write all */

#define BARE(o, w)	(((o) >> (3 * (w))) & 7)
#define CODE(o, w)	((((o) & ALL) && (BARE(o, w) == C0 || BARE(o, w) == C1)) -> \
			 BARE(o, w) + 2 : BARE(o, w))
#define IS_WRITE(k)	((k) == W01 || (k) == W10 || (k) >= W00)
#define IS_COMPARE(k)	((k) == C0 || (k) == C1)
#define OLD(k)		((k) == W10 || (k) == C1 || (k) == W11)
#define NEW(k)		((k) == W01 || (k) == W11)
#define HAS_WRITE(o)	(IS_WRITE(CODE(o, 0)) || IS_WRITE(CODE(o, 1)) || IS_WRITE(CODE(o, 2)))

#define UNDECIDED	0	/* enum kcas_status */
#define SUCCEEDED	1
#define FAILED		2
#define CONFLICT	3

#define REF(d, w)	(2 + (d) * NW + (w))
#define IS_REF(c)	((c) >= 2)
#define DESC(c)		(((c) - 2) / NW)
#define OUTCOME(d, w)	(status[d] == SUCCEEDED -> NEW(CODE(op[d], w)) : OLD(CODE(op[d], w)))
#define VALUE(c, w)	(IS_REF(c) -> OUTCOME(DESC(c), w) : (c))

#define UNUSED		0	/* what becomes of a descriptor */
#define USED		1
#define IN_BLOCK	2	/* its operation is over, its block not retired yet */
#define RETIRED		3
#define CLEANED		4

byte content[NW];
byte status[ND];
short op[ND];
byte seen[ND * NW];
byte life[ND];
byte waits[ND];			/* who was pinned when its grace period began, and is still */
byte pinned;			/* who is */
short script[NP * NK];		/* the operations */

/* The history: what they returned, and which were over when they began. */
byte result[NP * NK];
byte before[NP * NK];
byte over;

#ifndef AT_UNPIN
#define AT_UNPIN(me)
#endif
#ifndef FIND
#define FIND(me)	skip
#endif
#ifndef LIVES
#define LIVES		RETIRED	/* blocks of one descriptor */
#endif
#ifdef TWIN_NO_CLEAN_GRACE
#define GRACE_1		0
#else
#define GRACE_1		pinned
#endif
#ifdef TWIN_NO_REUSE_GRACE
#define GRACE_2		0
#else
#define GRACE_2		pinned
#endif

inline unpin_all(me)		/* in a d_step */
{
	pinned = pinned & ~(1 << me);
	i = 0;
	do
	:: i < ND -> waits[i] = waits[i] & ~(1 << me); i++
	:: else -> break
	od;
	i = 0;
	AT_UNPIN(me)
}

/* The operation is over: kcas_block_retire(), and debra_call() begins a grace period. */
inline grace(d, to)		/* in a d_step */
{
	life[d] = to;
	waits[d] = GRACE_1
}

/*
 * f, x: "first" and "d" of kcas_run(). t: the word at hand in kcas_step(), w: in kcas_log() and
 * the other users of kcas_resolve(). c: content. tries: see kcas_again().
 */
proctype worker(byte me)
{
	byte n, d, f, x, t, w, c, i, tries;
	bool v, known, shown;
	short o;

next:	/* -------- kcas(), kcas_read(), kcas_cas() */
	if
	:: n == NK || script[me * NK + n] == 0 -> goto out
	:: else -> d_step { o = script[me * NK + n]; before[me * NK + n] = over }
	fi;
	FIND(me);
	if
	:: o & READ ->
		d_step {
			w = 0;
			do
			:: CODE(o, w) == NO -> w++
			:: else -> break
			od;
			skip
		};
		d_step { TOUCH(w); c = content[w] };
		if
		:: !IS_REF(c) -> d_step { v = c; c = 0 }; goto read
		:: else -> c = 0
		fi
	:: else
	fi;
again:	/* kcas_try(): kcas_mem_get(), kcas_fill(), in one pin */
	atomic {
		if
		:: o & READ
#ifdef OWN_DESC
		:: !(o & READ) -> d = me
#else
		:: !(o & READ) && life[0] == UNUSED -> d = 0
		:: !(o & READ) && life[0] != UNUSED && life[1] == UNUSED -> d = 1
#if ND > 2
		:: !(o & READ) && life[0] != UNUSED && life[1] != UNUSED && life[2] == UNUSED ->
			d = 2
#endif
#if ND > 3
		:: !(o & READ) && life[0] != UNUSED && life[1] != UNUSED && life[2] != UNUSED &&
		   life[3] == UNUSED -> d = 3
#endif
#endif
		fi;
		pinned = pinned | (1 << me);
		if
		:: o & READ
		:: else ->
			life[d] = USED;
			op[d] = o;
			status[d] = (o & SINGLE -> SUCCEEDED : UNDECIDED)
		fi;
		shown = false;
		known = false;
		if
		:: o & READ
		:: else -> w = 0
		fi
	};
	if
	:: o & READ -> goto resolve
	:: else
	fi;
log:	/* kcas_log(); of a one-word operation, the word. known: to go on with w */
	atomic {
		do
		:: w < NW && !(IS_COMPARE(CODE(o, w)) || ((o & SINGLE) && CODE(o, w) != NO)) -> w++
		:: else -> break
		od;
		skip
	};
	if
	:: w == NW -> goto logged
	:: else
	fi;
resolve: /* -------- kcas_resolve() of word w */
	atomic { TOUCH(w); c = content[w] };
	if
	:: !IS_REF(c) -> v = c; goto resolved
	:: else
	fi;
	if
#ifdef TWIN_LOG_UNDECIDED
	:: status[DESC(c)] == UNDECIDED && !(o & (READ | SINGLE)) ->
		v = OUTCOME(DESC(c), w);
		goto resolved
	:: status[DESC(c)] == UNDECIDED && (o & (READ | SINGLE)) ->
#elif defined(TWIN_READ_OLD)
	:: status[DESC(c)] == UNDECIDED && (o & READ) ->
		v = OUTCOME(DESC(c), w);
		goto resolved
	:: status[DESC(c)] == UNDECIDED && !(o & READ) ->
#else
	:: status[DESC(c)] == UNDECIDED ->
#endif
#ifdef TWIN_NO_HELP
		goto resolve
#else
		d_step { f = DESC(c); c = 0 };
		goto running
#endif
	:: status[DESC(c)] != UNDECIDED -> v = OUTCOME(DESC(c), w)
	fi;
resolved:
	if
	:: o & READ -> c = 0; goto read
	:: (o & SINGLE) && v != OLD(CODE(o, w)) -> c = 0; i = FAILED; goto decided
	:: (o & SINGLE) && v == OLD(CODE(o, w)) ->
		atomic {	/* kcas_replace() */
			TOUCH(w);
			if
			:: content[w] != c -> c = 0; goto resolve
			:: else ->
#ifdef TWIN_RAW_SINGLE
				content[w] = NEW(CODE(o, w));
#else
				content[w] = REF(d, w);
				shown = true;
#endif
				c = 0;
				i = SUCCEEDED;
				goto decided
			fi
		}
	:: !(o & (READ | SINGLE)) && v != OLD(CODE(o, w)) -> c = 0; i = FAILED; goto decided
	:: !(o & (READ | SINGLE)) && v == OLD(CODE(o, w)) ->
		d_step { seen[d * NW + w] = c; c = 0; v = 0; w++ };
		goto log
	fi;
logged:	/* kcas_attempt() */
#ifdef TWIN_TWO_SECTIONS
	atomic { w = 0; unpin_all(me) };
	pinned = pinned | (1 << me);
#endif
	atomic {
		w = 0;
		known = true;		/* the log is: what runs now is our own */
		f = d;
		x = d;
		shown = HAS_WRITE(o)
	};
	if
	:: !HAS_WRITE(o) -> goto verify
	:: else
	fi;
running:	/* -------- kcas_run() of f */
	x = f;
while:
	if
	:: status[f] != UNDECIDED -> d_step { x = 0; t = 0; c = 0 };
		if
		:: known -> d_step { i = status[f]; f = 0 }; goto decided
		:: else -> f = 0; goto resolve
		fi
	:: else
	fi;
step:	/* kcas_step() of x */
	t = 0;
install: /* kcas_install() of x's entry for word t */
	atomic {
		do
		:: t < NW && !IS_WRITE(CODE(op[x], t)) -> t++
		:: else -> break
		od;
		skip
	};
	if
	:: t == NW -> goto verify
	:: else
	fi;
#ifdef TWIN_CHECK_FIRST
	if
	:: status[x] != UNDECIDED -> goto stepped
	:: else
	fi;
#endif
	d_step { TOUCH(t); c = content[t] };
	if
	:: c == REF(x, t) -> d_step { c = 0; t++ }; goto install
	:: else
	fi;
#if !defined(TWIN_NO_CHECK) && !defined(TWIN_CHECK_FIRST)
	if
	:: status[x] != UNDECIDED -> goto stepped
	:: else
	fi;
#endif
	if
	:: IS_REF(c) ->
		if
		:: status[DESC(c)] == UNDECIDED ->
#ifdef TWIN_NO_HELP
			goto stepped
#else
			d_step { x = DESC(c); c = 0; t = 0 };
			goto while
#endif
		:: status[DESC(c)] != UNDECIDED -> v = OUTCOME(DESC(c), t)
		fi
	:: else -> v = c
	fi;
	if
	:: v != OLD(CODE(op[x], t)) -> d_step { v = 0; i = FAILED; c = 0 }; goto decide
	:: else -> v = 0
	fi;
	atomic {			/* the cmpxchg */
		TOUCH(t);
		if
		:: content[t] == c -> content[t] = REF(x, t); t++
		:: else
		fi;
		c = 0;
		goto install
	};
verify:	/* kcas_verify(); memory is sequentially consistent, so the barrier before it is no step */
	t = 0;
unchanged: /* kcas_unchanged() */
	atomic {
		do
		:: t < NW && !IS_COMPARE(CODE(op[x], t)) -> t++
		:: else -> break
		od;
		skip
	};
	if
	:: t == NW -> i = SUCCEEDED; goto decide
	:: else
	fi;
	d_step { TOUCH(t); c = content[t] };
#if defined(TWIN_BY_VALUE)
	if
	:: (!IS_REF(c) || status[DESC(c)] != UNDECIDED) && VALUE(c, t) == OLD(CODE(op[x], t)) ->
#elif defined(TWIN_UNDECIDED)
	if
	:: VALUE(c, t) == OLD(CODE(op[x], t)) ->
#elif defined(TWIN_HELP_VERIFY)
	if
	:: IS_REF(c) && status[DESC(c)] == UNDECIDED && DESC(c) != x && known ->
		d_step { x = DESC(c); c = 0; t = 0 };
		goto while
	:: c == seen[x * NW + t] ||
	   (IS_REF(seen[x * NW + t]) && !IS_REF(c) && c == OLD(CODE(op[x], t))) ->
#else
	if
	:: c == seen[x * NW + t] ||
	   (IS_REF(seen[x * NW + t]) && !IS_REF(c) && c == OLD(CODE(op[x], t))) ->
#endif
		d_step { c = 0; t++ };
		goto unchanged
	:: else -> d_step { c = 0; i = CONFLICT }
	fi;
decide:	/* kcas_decide() */
	if
	:: known && x == d && !HAS_WRITE(o) -> x = 0; f = 0; t = 0; goto decided
	:: else
	fi;
	d_step {
		if
		:: status[x] == UNDECIDED -> status[x] = i
		:: else
		fi;
		i = 0
	};
stepped:
	atomic { x = f; t = 0; c = 0 };
	goto while;

read:	/* -------- the end of kcas_read(); v is the value */
	atomic {
		result[me * NK + n] = v;
		v = 0; w = 0; i = 0;
		over = over | (1 << (me * NK + n));
		unpin_all(me);
		n++; o = 0
	};
	goto next;

decided: /* -------- the end of kcas_try(), with i: kcas_mem_put(), unpin */
	atomic {
		v = 0; w = 0; known = false;
		if
		:: shown -> grace(d, LIVES)
		:: else -> life[d] = UNUSED; op[d] = 0; status[d] = 0;
			t = 0;
			do
			:: t < NW -> seen[d * NW + t] = 0; t++
			:: else -> break
			od;
			t = 0
		fi;
		shown = false;
		d = 0;
		result[me * NK + n] = i
	};
	d_step {
		unpin_all(me);
		if
		:: result[me * NK + n] == CONFLICT ->
			result[me * NK + n] = 0;
#ifndef TWIN_NO_FALLBACK
			tries++;
			if
			:: tries == PATIENCE -> o = o | ALL
			:: else
			fi;
#endif
			i = 1
		:: else ->
			over = over | (1 << (me * NK + n));
			n++; o = 0; tries = 0
		fi
	};
	if
	:: i == 1 -> i = 0; goto again
	:: else -> goto next
	fi;
out:
	skip
}

#define RIPE(d)		(life[d] >= RETIRED && waits[d] == 0)

/* Callbacks of grace periods that are over: kcas_block_clean(), kcas_block_reuse(). */
proctype cleaner()
{
	byte d, t;

end:	do
	:: atomic {
		if
		:: RIPE(0) -> d = 0
		:: RIPE(1) -> d = 1
#if ND > 2
		:: RIPE(2) -> d = 2
#endif
#if ND > 3
		:: RIPE(3) -> d = 3
#endif
		fi
	   };
	   if
	   :: life[d] == RETIRED ->
clean:		do
		:: t < NW ->
			d_step {	/* kcas_clean_entry() */
				if
#ifdef TWIN_CLEAN_SUCCEEDED
				:: IS_WRITE(CODE(op[d], t)) && status[d] == SUCCEEDED ->
#else
				:: IS_WRITE(CODE(op[d], t)) ->
#endif
					TOUCH(t);
					if
					:: content[t] == REF(d, t) -> content[t] = OUTCOME(d, t)
					:: else
					fi
				:: else
				fi;
				t++
			}
		:: else -> break
		od;
		atomic {
			life[d] = CLEANED;
			waits[d] = GRACE_2;
			t = 0;
			d = 0
		}
	   :: life[d] == CLEANED ->
		d_step {
			life[d] = UNUSED;
#ifndef TWIN_NO_REUSE_GRACE
			/* Nobody looks any more: fewer states. */
			op[d] = 0;
			status[d] = 0;
#endif
			do
			:: t < NW -> seen[d * NW + t] = 0; t++
			:: else -> break
			od;
			t = 0;
			d = 0
		}
	   fi
	od
}

/*
 * Is there an order of the operations that explains what they returned and left behind? Of
 * two that did not overlap the first comes first.
 */
c_code {
	static int kcas_explain(unsigned int did, const unsigned char *words)
	{
		unsigned char next[NW];
		int i, w, k, o, holds, final = 1;

		for (i = 0; i < NP * NK; i++) {
			o = now.script[i];
			if (!o || did & (1 << i))
				continue;
			final = 0;
			if (now.before[i] & ~did)
				continue;
			holds = 1;
			for (w = 0; w < NW; w++) {
				k = (o >> (3 * w)) & 7;
				next[w] = words[w];
				if (!k)
					continue;
				if (words[w] != (k == W10 || k == C1 || k == W11))
					holds = 0;
				if (k == W01 || k == W10)
					next[w] = k == W01;
				if (o & READ)
					holds = words[w] == now.result[i];
			}
			if (o & READ ? !holds : holds != (now.result[i] == SUCCEEDED))
				continue;
			if (kcas_explain(did | (1 << i), holds ? next : words))
				return 1;
		}
		for (w = 0; w < NW; w++)
			if (final && now.content[w] != words[w])
				return 0;
		return final;
	}

	static int kcas_linearizable(void)
	{
		unsigned char words[NW];
		int w;

		for (w = 0; w < NW; w++)
			words[w] = (FIRST >> w) & 1;
		return kcas_explain(0, words);
	}
}

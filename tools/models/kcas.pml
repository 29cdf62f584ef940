/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas: operations with helping, failing, verifying, cleaning and reuse of descriptors.
 *
 * In each scene workers go once through their scripts, in all interleavings. In the end, with
 * all cleaned, words hold values, and there is an order of the operations that explains all
 * results and the values left: linearizability, not just sums. And every execution ends, however
 * the steps interleave: who is held up holds nobody up (np: any cycle is an error).
 *
 * Memory is sequentially consistent: tools/litmus is for the rest.
 *
 *	scene 1: an owner and a late helper; a word goes back by a one-word operation
 *	scene 2: two that each compare what the other writes
 *	scene 3: compares only, of words of which always one is 1
 *	scene 4: three in a ring on three words, of which one succeeds; not cleaned
 *	scene 5: fewer descriptors than operations
 *	scene 6: one that writes and compares, one that writes what it compares, a reader;
 *		not cleaned
 *	scene 7: one that fails, or not if another comes first, and a reader
 *
 * Model: late safety -DSCENE=1
 * Model: crossed safety -DSCENE=2
 * Model: compares safety -DSCENE=3
 * Model: ring safety -DSCENE=4
 * Model: reuse safety -DSCENE=5
 * Model: reader safety -DSCENE=6
 * Model: failed safety -DSCENE=7
 * Model: late-ends np -DSCENE=1
 * Model: crossed-ends np -DSCENE=2
 * Model: ring-ends np -DSCENE=4
 * Twin: NO_CHECK safety -DSCENE=1, install without a look at the status
 * Twin: CHECK_FIRST safety -DSCENE=1, the status is looked at before the content
 * Twin: NO_CLEAN_GRACE safety -DSCENE=1, cleaned at once
 * Twin: RAW_SINGLE safety -DSCENE=1, one-word operations write raw values
 * Twin: NO_REUSE_GRACE safety -DSCENE=5, used again at once after cleaning
 * Twin: CLEAN_SUCCEEDED safety -DSCENE=7, only what has succeeded is cleaned
 * Twin: BY_VALUE safety -DSCENE=3, compares are verified by value
 * Twin: TWO_SECTIONS safety -DSCENE=3, log and verification are in different pins
 * Twin: UNDECIDED safety -DSCENE=2, verification takes undecided references for old values
 * Twin: LOG_UNDECIDED safety -DSCENE=2, the log does
 * Twin: READ_OLD safety -DSCENE=6, kcas_read() does
 * Twin: NO_HELP np -DSCENE=1, wait for whoever is in the way
 * Twin: HELP_VERIFY np -DSCENE=2, verification helps whom it meets
 * Twin: NO_FALLBACK np -DSCENE=2, compares are never written
 */
#define TOUCH(w)	skip
#define PATIENCE	1

#if SCENE == 3
#define ND		4
#elif SCENE == 2 || SCENE == 5
#define ND		2
#else
#define ND		3
#endif
#if SCENE == 4
#define NW		3
#else
#define NW		2
#endif

#if SCENE == 1
#define NP		3
#define NK		1
#define SCRIPTS							\
	script[0] = OP(W01, W01, NO);				\
	script[1] = OP(NO, W10, NO) | SINGLE;			\
	script[2] = OP(C0, NO, NO) | READ
#elif SCENE == 2
#define NP		2
#define NK		1
#define SCRIPTS							\
	script[0] = OP(W01, C0, NO);				\
	script[1] = OP(C0, W01, NO)
#elif SCENE == 3
#define NP		2
#define NK		3
#define FIRST		2
#define SCRIPTS							\
	script[0] = OP(W01, W10, NO);				\
	script[1] = OP(W10, W01, NO);				\
	script[2] = OP(W01, W10, NO);				\
	script[3] = OP(C0, C0, NO)
#elif SCENE == 4
#define NP		3
#define NK		1
#define SCRIPTS							\
	script[0] = OP(W01, W01, NO);				\
	script[1] = OP(NO, W01, W01);				\
	script[2] = OP(W01, NO, W01)
#elif SCENE == 5
#define NP		3
#define NK		2
#define SCRIPTS							\
	script[0] = OP(W01, W01, NO);				\
	script[2] = OP(W10, NO, NO) | SINGLE;			\
	script[3] = OP(W01, NO, NO) | SINGLE;			\
	script[4] = OP(NO, C0, NO) | READ
#elif SCENE == 6
#define NP		3
#define NK		2
#define SCRIPTS							\
	script[0] = OP(W01, C0, NO);				\
	script[2] = OP(NO, W01, NO) | SINGLE;			\
	script[4] = OP(NO, C0, NO) | READ;			\
	script[5] = OP(C0, NO, NO) | READ
#else
#define NP		3
#define NK		1
#define SCRIPTS							\
	script[0] = OP(W01, W10, NO);				\
	script[1] = OP(NO, W01, NO) | SINGLE;			\
	script[2] = OP(C0, NO, NO) | READ
#endif
#ifndef FIRST
#define FIRST		0
#endif

#include "kcas-core.h"

#define ALL_UNUSED	(life[0] == UNUSED && life[1] == UNUSED && \
			 life[ND - 2] == UNUSED && life[ND - 1] == UNUSED)

byte all;		/* a bit for each operation in the scripts */
bool explained;

init
{
	byte i;

	d_step {
		SCRIPTS;
		do
		:: i < NW -> content[i] = (FIRST >> i) & 1; i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NP * NK ->
			if
			:: script[i] -> all = all | (1 << i)
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	};
	atomic {
#if SCENE != 4 && SCENE != 6
		run cleaner();
#endif
		run worker(0);
		run worker(1);
#if NP > 2
		run worker(2)
#endif
	};
#if SCENE == 4 || SCENE == 6
	over == all;
	d_step {
		do
		:: i < NW -> content[i] = VALUE(content[i], i); i++
		:: else -> break
		od;
		skip
	};
#else
	over == all && ALL_UNUSED;
#endif
	c_code { now.explained = kcas_linearizable(); };
	assert(explained)
}

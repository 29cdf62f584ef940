/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: the search, as main.c sees it.
 */
#ifndef _EXPLORE_SEARCH_H
#define _EXPLORE_SEARCH_H

#include <stdbool.h>

/**
 * struct search_limits - how much to do
 * @seconds: stop after so many
 * @bound: the highest cost of a schedule; -1 for no exhaustive search
 * @random: random schedules after it
 * @seed: number of the first of these
 */
struct search_limits {
	double seconds;
	int bound;
	unsigned long random;
	unsigned long seed;
};

/**
 * struct search_result - what came of it
 * @failed: a schedule failed
 * @bound: the highest for which all schedules were run, or -1
 * @exhaustive: schedules run for that and in the attempt at the next
 * @random: random schedules
 * @shared: addresses with switch points
 * @longest: most steps of a schedule
 * @seconds: how long it took
 */
struct search_result {
	bool failed;
	int bound;
	unsigned long exhaustive;
	unsigned long random;
	unsigned long shared;
	unsigned long longest;
	double seconds;
};

void search_init(void);
void search(const struct search_limits *limits, struct search_result *result);
/* Run the last schedule that failed again, in as few choices as possible, and print it. */
void search_report(const char *name);
const char *search_message(void);
/* A schedule as it was printed. Return: it fails. */
bool search_replay(const char *choices);

#endif /* _EXPLORE_SEARCH_H */

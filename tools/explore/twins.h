/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: what CONFIG_DEBRA_BUSTED breaks, and the scenario that has to tell.
 */
#ifndef _EXPLORE_TWINS_H
#define _EXPLORE_TWINS_H

struct twin {
	const char *name;
	bool kcas;
	unsigned int number;
	const char *scenario;
};

extern const struct twin twins[];

#endif /* _EXPLORE_TWINS_H */

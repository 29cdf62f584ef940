// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: scenarios for debra.
 */
#include "../../kernel/debra/internal.h"
#include "explore.h"

const struct scenario *const debra_scenarios[] = {
	NULL
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: twins.
 */
#include "../../kernel/kcas/internal.h"
#include "twins.h"

#define KCAS_TWIN(id, scenario)	{ #id, true, KCAS_BUST_##id, scenario }

const struct twin twins[] = {
	KCAS_TWIN(NO_CHECK, "kcas_back"),
	KCAS_TWIN(BY_VALUE, "kcas_moving"),
	KCAS_TWIN(UNDECIDED, "kcas_crossed"),
	KCAS_TWIN(NO_CLEAN_GRACE, "kcas_flush"),
	KCAS_TWIN(NO_REUSE_GRACE, "kcas_clean"),
	KCAS_TWIN(RAW_SINGLE, "kcas_back"),
	KCAS_TWIN(RETIRE_EARLY, "kcas_retire"),
	KCAS_TWIN(NO_HELP, "kcas_two"),
	{ NULL }
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: twins.
 */
#include "../../kernel/kcas/internal.h"
#include "../../kernel/debra/internal.h"
#include "twins.h"

#define KCAS_TWIN(id, scenario)		{ #id, true, KCAS_BUST_##id, scenario }
#define DEBRA_TWIN(id, scenario)	{ #id, false, DEBRA_BUST_##id, scenario }

const struct twin twins[] = {
	KCAS_TWIN(NO_CHECK, "kcas_back"),
	KCAS_TWIN(BY_VALUE, "kcas_moving"),
	KCAS_TWIN(UNDECIDED, "kcas_crossed"),
	KCAS_TWIN(NO_CLEAN_GRACE, "kcas_flush"),
	KCAS_TWIN(NO_REUSE_GRACE, "kcas_clean"),
	KCAS_TWIN(RAW_SINGLE, "kcas_back"),
	KCAS_TWIN(RETIRE_EARLY, "kcas_retire"),
	KCAS_TWIN(NO_HELP, "kcas_two"),
	KCAS_TWIN(TX_TORN, "kcas_tx_look"),
	KCAS_TWIN(TX_PIECES, "kcas_tx_skew"),
	KCAS_TWIN(TX_ASLEEP, "kcas_tx_wait"),
	KCAS_TWIN(TX_DEAF, "kcas_tx_freed"),
	DEBRA_TWIN(SCAN, "debra_pin_held"),
	DEBRA_TWIN(LATE_MARK, "debra_guard_masked"),
	DEBRA_TWIN(NO_PING, "debra_guard"),
	DEBRA_TWIN(NO_WAIT, "debra_guard_deaf"),
	DEBRA_TWIN(NO_SETTLE, "debra_guard_deaf"),
	DEBRA_TWIN(UNSEALED, "debra_snapshot"),
	DEBRA_TWIN(OWN_SLOTS, "debra_guard_sleepable"),
	DEBRA_TWIN(COALESCED, "debra_domains"),
	DEBRA_TWIN(NO_HAZARDS, "debra_guard"),
	{ NULL }
};

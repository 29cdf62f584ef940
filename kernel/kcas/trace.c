// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: where the tracepoints are defined.
 */
#include "tx.h"

/* What trace.h says of them. */
static_assert(KCAS_SUCCEEDED == 1 && KCAS_FAILED == 2 && KCAS_CONFLICT == 3);
static_assert(KCAS_TX_CONFLICT_READ == 1 && KCAS_TX_BLOCKED == 7 && KCAS_TX_GIVEN_UP == 12);

#define CREATE_TRACE_POINTS
#include "trace.h"

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: where the tracepoints are defined.
 *
 * They are exported, for modules that want to see these events without a tracer.
 */
#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(debra_advance);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_expedite);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_round_begin);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_round_end);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_retire);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_free);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_guard_abort);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_guard_settle);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_guard_notice);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_stall);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_throttle_begin);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_throttle_end);
EXPORT_TRACEPOINT_SYMBOL_GPL(debra_orphan);

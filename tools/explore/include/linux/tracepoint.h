/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: tracepoints do nothing.
 */
#ifndef _EXPLORE_TRACEPOINT_H
#define _EXPLORE_TRACEPOINT_H

#include <explore/kernel.h>

#define TP_PROTO(...)		__VA_ARGS__
#define TRACE_EVENT(name, proto, ...)					\
	static inline void trace_##name(proto) { }			\
	static inline bool trace_##name##_enabled(void) { return false; } \
	struct sh_nothing
#define DECLARE_EVENT_CLASS(...)	struct sh_nothing
#define DEFINE_EVENT(class, name, proto, ...)	TRACE_EVENT(name, PARAMS(proto))
#define PARAMS(...)		__VA_ARGS__
#define EXPORT_TRACEPOINT_SYMBOL_GPL(name)	struct sh_nothing

#endif /* _EXPLORE_TRACEPOINT_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas: tracepoints, in the group kcas.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kcas

#if !defined(_KCAS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _KCAS_TRACE_H

#include <linux/tracepoint.h>

#define KCAS_TRACE_STATUS				\
	{ 1, "succeeded" }, { 2, "failed" }, { 3, "conflict" }

/* enum kcas_tx_why */
#define KCAS_TRACE_WHY					\
	{ 0, "committed" }, { 1, "conflict_read" },	\
	{ 2, "conflict_commit" }, { 3, "neutralized" },	\
	{ 4, "grown" }, { 5, "held" },			\
	{ 6, "injected" }, { 7, "blocked" },		\
	{ 8, "no_memory" }, { 9, "user" },		\
	{ 10, "timeout" }, { 11, "signal" },		\
	{ 12, "given_up" }

/* An attempt at an operation of several words is over. */
TRACE_EVENT(kcas_op,
	TP_PROTO(const void *word, unsigned int nr, unsigned int writes, unsigned int status),
	TP_ARGS(word, nr, writes, status),
	TP_STRUCT__entry(
		__field(const void *, word)
		__field(unsigned int, nr)
		__field(unsigned int, writes)
		__field(unsigned int, status)
	),
	TP_fast_assign(
		__entry->word = word;
		__entry->nr = nr;
		__entry->writes = writes;
		__entry->status = status;
	),
	TP_printk("word=%p nr=%u writes=%u status=%s", __entry->word, __entry->nr,
		  __entry->writes, __print_symbolic(__entry->status, KCAS_TRACE_STATUS))
);

/* Somebody else's operation is in the way, and is helped. */
TRACE_EVENT(kcas_help,
	TP_PROTO(const void *word, unsigned long chain),
	TP_ARGS(word, chain),
	TP_STRUCT__entry(
		__field(const void *, word)
		__field(unsigned long, chain)
	),
	TP_fast_assign(
		__entry->word = word;
		__entry->chain = chain;
	),
	TP_printk("word=%p chain=%lu", __entry->word, __entry->chain)
);

/* A block of descriptors has been cleaned. */
TRACE_EVENT(kcas_clean,
	TP_PROTO(unsigned long cleaned, unsigned long displaced),
	TP_ARGS(cleaned, displaced),
	TP_STRUCT__entry(
		__field(unsigned long, cleaned)
		__field(unsigned long, displaced)
	),
	TP_fast_assign(
		__entry->cleaned = cleaned;
		__entry->displaced = displaced;
	),
	TP_printk("cleaned=%lu displaced=%lu", __entry->cleaned, __entry->displaced)
);

/* An attempt of a transaction is over. The word is the one that was in conflict, if known. */
TRACE_EVENT(kcas_tx,
	TP_PROTO(unsigned int why, unsigned int nr, unsigned int failed, const void *word),
	TP_ARGS(why, nr, failed, word),
	TP_STRUCT__entry(
		__field(unsigned int, why)
		__field(unsigned int, nr)
		__field(unsigned int, failed)
		__field(const void *, word)
	),
	TP_fast_assign(
		__entry->why = why;
		__entry->nr = nr;
		__entry->failed = failed;
		__entry->word = word;
	),
	TP_printk("%s nr=%u failed=%u word=%p",
		  __print_symbolic(__entry->why, KCAS_TRACE_WHY), __entry->nr,
		  __entry->failed, __entry->word)
);

/* A transaction that waits is woken by a change of a word; NULL: it is to look itself. */
TRACE_EVENT(kcas_tx_wake,
	TP_PROTO(int pid, const void *word),
	TP_ARGS(pid, word),
	TP_STRUCT__entry(
		__field(int, pid)
		__field(const void *, word)
	),
	TP_fast_assign(
		__entry->pid = pid;
		__entry->word = word;
	),
	TP_printk("pid=%d word=%p", __entry->pid, __entry->word)
);

/* A transaction holds the others back, or does so no longer. */
TRACE_EVENT(kcas_tx_starve,
	TP_PROTO(bool begin, unsigned int failed),
	TP_ARGS(begin, failed),
	TP_STRUCT__entry(
		__field(bool, begin)
		__field(unsigned int, failed)
	),
	TP_fast_assign(
		__entry->begin = begin;
		__entry->failed = failed;
	),
	TP_printk("%s failed=%u", __entry->begin ? "begin" : "end", __entry->failed)
);

#endif /* _KCAS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

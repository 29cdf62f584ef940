/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra: tracepoints, in the group debra.
 *
 * All of them name their domain, as its folder in debugfs does.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM debra

#if !defined(_DEBRA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _DEBRA_TRACE_H

#include <linux/debra.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

/* An epoch has begun. */
TRACE_EVENT(debra_advance,
	TP_PROTO(const struct debra_domain *dom, unsigned long epoch),
	TP_ARGS(dom, epoch),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(unsigned long, epoch)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->epoch = epoch;
	),
	TP_printk("%s epoch=%lu", __entry->domain, __entry->epoch)
);

/* The reclaimer begins a pass in a hurry, to end so many epochs; 0: as many as it can. */
TRACE_EVENT(debra_expedite,
	TP_PROTO(const struct debra_domain *dom, unsigned int epochs, unsigned long garbage),
	TP_ARGS(dom, epochs, garbage),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(unsigned int, epochs)
		__field(unsigned long, garbage)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->epochs = epochs;
		__entry->garbage = garbage;
	),
	TP_printk("%s epochs=%u garbage=%lu", __entry->domain, __entry->epochs,
		  __entry->garbage)
);

/* IPIs of a round are about to be sent. */
TRACE_EVENT(debra_round_begin,
	TP_PROTO(const struct debra_domain *dom, unsigned long round, unsigned int cpus),
	TP_ARGS(dom, round, cpus),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(unsigned long, round)
		__field(unsigned int, cpus)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->round = round;
		__entry->cpus = cpus;
	),
	TP_printk("%s round=%ld cpus=%u", __entry->domain, (long)__entry->round,
		  __entry->cpus)
);

/* All have answered, or err is -ETIMEDOUT, and one has not yet. */
TRACE_EVENT(debra_round_end,
	TP_PROTO(const struct debra_domain *dom, unsigned long round, u64 ns, int err),
	TP_ARGS(dom, round, ns, err),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(unsigned long, round)
		__field(u64, ns)
		__field(int, err)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->round = round;
		__entry->ns = ns;
		__entry->err = err;
	),
	TP_printk("%s round=%ld ns=%llu err=%d", __entry->domain, (long)__entry->round,
		  __entry->ns, __entry->err)
);

/*
 * An object is being retired: by its head, or itself if it has none. func is NULL for
 * kfree(); ip is where.
 */
TRACE_EVENT(debra_retire,
	TP_PROTO(const struct debra_domain *dom, const void *object, debra_func_t func,
		 unsigned long ip),
	TP_ARGS(dom, object, func, ip),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(const void *, object)
		__field(void *, func)
		__field(unsigned long, ip)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->object = object;
		__entry->func = (void *)debra_action(func);
		__entry->ip = ip;
	),
	TP_printk("%s object=%p func=%ps ip=%pS", __entry->domain, __entry->object,
		  __entry->func, (void *)__entry->ip)
);

/* So many objects have been freed, and so many kept for the hazards of aborted guards. */
TRACE_EVENT(debra_free,
	TP_PROTO(const struct debra_domain *dom, unsigned long freed, unsigned long kept),
	TP_ARGS(dom, freed, kept),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(unsigned long, freed)
		__field(unsigned long, kept)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->freed = freed;
		__entry->kept = kept;
	),
	TP_printk("%s freed=%lu kept=%lu", __entry->domain, __entry->freed, __entry->kept)
);

DECLARE_EVENT_CLASS(debra_guard,
	TP_PROTO(const struct debra_domain *dom, int pid, int cpu, unsigned long epoch),
	TP_ARGS(dom, pid, cpu, epoch),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(int, guard_pid)
		__field(int, guard_cpu)
		__field(unsigned long, epoch)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->guard_pid = pid;
		__entry->guard_cpu = cpu;
		__entry->epoch = epoch;
	),
	TP_printk("%s guard_pid=%d guard_cpu=%d epoch=%lu", __entry->domain,
		  __entry->guard_pid, __entry->guard_cpu, __entry->epoch)
);

/* A guard of this task, or -1 for a sleepable one of this CPU, has been marked aborted, */
DEFINE_EVENT(debra_guard, debra_guard_abort,
	TP_PROTO(const struct debra_domain *dom, int pid, int cpu, unsigned long epoch),
	TP_ARGS(dom, pid, cpu, epoch)
);

/* its CPU has answered, so that the epoch can end without it, */
DEFINE_EVENT(debra_guard, debra_guard_settle,
	TP_PROTO(const struct debra_domain *dom, int pid, int cpu, unsigned long epoch),
	TP_ARGS(dom, pid, cpu, epoch)
);

/* and it has noticed, and left the section. Then the CPU is where that was. */
DEFINE_EVENT(debra_guard, debra_guard_notice,
	TP_PROTO(const struct debra_domain *dom, int pid, int cpu, unsigned long epoch),
	TP_ARGS(dom, pid, cpu, epoch)
);

/* A reader is reported as stalled: a pin of a CPU, or the guard of a task. */
TRACE_EVENT(debra_stall,
	TP_PROTO(const struct debra_domain *dom, int cpu, int pid, unsigned int ms,
		 unsigned long lag, unsigned long garbage),
	TP_ARGS(dom, cpu, pid, ms, lag, garbage),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(int, reader_cpu)
		__field(int, reader_pid)
		__field(unsigned int, ms)
		__field(unsigned long, lag)
		__field(unsigned long, garbage)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->reader_cpu = cpu;
		__entry->reader_pid = pid;
		__entry->ms = ms;
		__entry->lag = lag;
		__entry->garbage = garbage;
	),
	TP_printk("%s reader_cpu=%d reader_pid=%d ms=%u lag=%lu garbage=%lu", __entry->domain,
		  __entry->reader_cpu, __entry->reader_pid, __entry->ms, __entry->lag,
		  __entry->garbage)
);

/* An updater finds more garbage than the limit, and waits. */
TRACE_EVENT(debra_throttle_begin,
	TP_PROTO(const struct debra_domain *dom, unsigned long garbage, unsigned int limit),
	TP_ARGS(dom, garbage, limit),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(unsigned long, garbage)
		__field(unsigned int, limit)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->garbage = garbage;
		__entry->limit = limit;
	),
	TP_printk("%s garbage=%lu limit=%u", __entry->domain, __entry->garbage, __entry->limit)
);

/* It has waited; err is -ETIMEDOUT if there is still too much. */
TRACE_EVENT(debra_throttle_end,
	TP_PROTO(const struct debra_domain *dom, unsigned long garbage, int err),
	TP_ARGS(dom, garbage, err),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(unsigned long, garbage)
		__field(int, err)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->garbage = garbage;
		__entry->err = err;
	),
	TP_printk("%s garbage=%lu err=%d", __entry->domain, __entry->garbage, __entry->err)
);

/* A CPU has gone offline and has left so many objects behind. */
TRACE_EVENT(debra_orphan,
	TP_PROTO(const struct debra_domain *dom, unsigned int cpu, unsigned long objects),
	TP_ARGS(dom, cpu, objects),
	TP_STRUCT__entry(
		__array(char, domain, DEBRA_NAME_MAX)
		__field(unsigned int, dead_cpu)
		__field(unsigned long, objects)
	),
	TP_fast_assign(
		strscpy_pad(__entry->domain, dom->name, DEBRA_NAME_MAX);
		__entry->dead_cpu = cpu;
		__entry->objects = objects;
	),
	TP_printk("%s dead_cpu=%u objects=%lu", __entry->domain, __entry->dead_cpu,
		  __entry->objects)
);

#endif /* _DEBRA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that knows of differences between kernels. The Makefile looks
 * into the kernel's headers and defines DEBRA_HAVE_*; nothing here or elsewhere
 * asks for a version number.
 */
#ifndef _DEBRA_COMPAT_H
#define _DEBRA_COMPAT_H

/* In this order: the shrinker's header of 6.1 does not stand alone. */
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/shrinker.h>
#include <linux/stacktrace.h>
#include <linux/workqueue.h>

/* Per-CPU workqueues have to say so since unbound became the coming default. */
#ifdef DEBRA_HAVE_WQ_PERCPU
#define DEBRA_WQ_FLAGS	(WQ_MEM_RECLAIM | WQ_PERCPU)
#else
#define DEBRA_WQ_FLAGS	WQ_MEM_RECLAIM
#endif

/* Without SMP there is one CPU, and it is not the task's while we look. */
static inline bool debra_task_on_cpu_acquire(struct task_struct *task)
{
#ifdef CONFIG_SMP
	return smp_load_acquire(&task->on_cpu); /* pairs with finish_task() */
#else
	return false;
#endif
}

/* Return: how many entries. */
static inline unsigned int debra_stack_here(unsigned long *stack, unsigned int max)
{
#ifdef CONFIG_STACKTRACE
	return stack_trace_save(stack, max, 0);
#else
	return 0;
#endif
}

/* That of another task: 0 also where modules may not ask for it, as in 6.1. */
static inline unsigned int debra_stack_of(struct task_struct *task, unsigned long *stack,
					  unsigned int max)
{
#if defined(CONFIG_STACKTRACE) && defined(DEBRA_HAVE_STACK_OF)
	return stack_trace_save_tsk(task, stack, max, 0);
#else
	return 0;
#endif
}

/*
 * To be seen by "perf lock contention". Modules may use these tracepoints since 6.7; before,
 * nobody is told.
 */
#ifdef DEBRA_HAVE_CONTENTION
#include <trace/events/lock.h>
#define DEBRA_CONTENTION_SPIN	LCB_F_SPIN
#define DEBRA_CONTENTION_RT	LCB_F_RT
#else
#define DEBRA_CONTENTION_SPIN	0
#define DEBRA_CONTENTION_RT	0
static inline void trace_contention_begin(void *lock, unsigned int flags) { }
static inline void trace_contention_end(void *lock, int ret) { }
#endif

static inline void debra_contention_begin(const void *lock, unsigned int flags)
{
	trace_contention_begin((void *)lock, flags);
}

static inline void debra_contention_end(const void *lock, int ret)
{
	trace_contention_end((void *)lock, ret);
}

struct debra_shrinker {
#ifdef DEBRA_HAVE_SHRINKER_ALLOC
	struct shrinker *shrinker;
#else
	struct shrinker shrinker;
#endif
};

typedef unsigned long (*debra_shrink_fn)(struct shrinker *shrinker, struct shrink_control *sc);

static inline int debra_shrinker_start(struct debra_shrinker *s, debra_shrink_fn count,
				       debra_shrink_fn scan)
{
#ifdef DEBRA_HAVE_SHRINKER_ALLOC
	s->shrinker = shrinker_alloc(0, "debra");
	if (!s->shrinker)
		return -ENOMEM;
	s->shrinker->count_objects = count;
	s->shrinker->scan_objects = scan;
	s->shrinker->seeks = DEFAULT_SEEKS;
	shrinker_register(s->shrinker);
	return 0;
#else
	s->shrinker.count_objects = count;
	s->shrinker.scan_objects = scan;
	s->shrinker.seeks = DEFAULT_SEEKS;
	return register_shrinker(&s->shrinker, "debra");
#endif
}

static inline void debra_shrinker_stop(struct debra_shrinker *s)
{
#ifdef DEBRA_HAVE_SHRINKER_ALLOC
	shrinker_free(s->shrinker);
#else
	unregister_shrinker(&s->shrinker);
#endif
}

/* Not one of those that wait for ten seconds, for the sake of idle CPUs. */
static inline void debra_call_rcu(struct rcu_head *head, rcu_callback_t func)
{
#ifdef DEBRA_HAVE_RCU_HURRY
	call_rcu_hurry(head, func);
#else
	call_rcu(head, func);
#endif
}

#endif /* _DEBRA_COMPAT_H */

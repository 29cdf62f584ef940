/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra: types of the epoch reclamation interface, apart from its code so that
 * a structure can embed a debra_head without pulling in the rest.
 */
#ifndef _LINUX_DEBRA_TYPES_H
#define _LINUX_DEBRA_TYPES_H

#include <linux/cache.h>
#include <linux/lockdep_types.h>
#include <linux/types.h>

struct debra_head;
struct debra_cpu;
struct debra_guard_cpu;
struct debra_sup;

/**
 * typedef debra_func_t - what to do with a retired object once nobody can see it
 * @head: the head that was given to debra_call()
 *
 * Runs in process context with preemption and interrupts on, in a worker of the
 * CPU that retired the object (or of any CPU when that one went away). It may
 * allocate, take mutexes, pin, retire and queue further callbacks; it must not
 * wait with debra_barrier(), debra_synchronize() or debra_domain_destroy(), of any
 * domain.
 */
typedef void (*debra_func_t)(struct debra_head *head);

/**
 * struct debra_head - embedded in an object that is to be retired
 * @next: the reclaimer's, in its own encoding
 * @func: callback, or the offset of the head in its object where that is less
 *	than %DEBRA_KFREE_MAX_OFFSET, or an encoded pointer to a struct debra_type
 *
 * Two words, as rcu_head. Needs no initialization. Readers may go on using every
 * other part of the object until the grace period ends.
 */
struct debra_head {
	struct debra_head *next;
	debra_func_t func;
};

/* An offset below this in debra_head::func means: free the object, no callback. */
#define DEBRA_KFREE_MAX_OFFSET	4096

/**
 * struct debra_type - what there is to know about a kind of objects
 * @func: called when nobody can see the object
 * @offset: of the head in the object
 * @size: of the object
 *
 * See DEFINE_DEBRA_TYPE() and debra_retire().
 */
struct debra_type {
	debra_func_t func;
	size_t offset;
	size_t size;
};

/**
 * struct debra_pin_state - what one CPU announces to the reclaimer of one domain
 * @announce: 0 when quiescent; else the epoch that the outermost pin read, above
 *	the number of pins that are open on this CPU, in all contexts together, in
 *	the low %DEBRA_DEPTH_BITS bits
 *
 * On a cache line of its own: written by its CPU at each outermost pin and
 * unpin, read by the others only when they look for stragglers.
 *
 * Each pin turns preemption off, and preempt_count() has room for 255 of that, so
 * the depth cannot run over before the kernel itself does.
 */
struct debra_pin_state {
	unsigned long announce;
} ____cacheline_aligned;

#define DEBRA_DEPTH_BITS	8
#define DEBRA_DEPTH_MASK	((1UL << DEBRA_DEPTH_BITS) - 1)

/**
 * struct debra_domain - a set of readers and the objects that they can see
 * @pins: per-CPU announcements
 * @cpus: per-CPU limbo bags; NULL until the domain is registered
 * @guards: per-CPU guards; NULL until the domain is registered
 * @sup: the reclaimer's side, NULL until the domain is registered
 * @name: name of the folder in debugfs
 * @dep_map: lockdep's view of a pin
 * @clock: the epoch as the outermost pin announces it, with a depth of one;
 *	alone on its line since every pin reads it and only an advance writes it
 *
 * The members are private; they stand here for the inline functions only.
 */
struct debra_domain {
	struct debra_pin_state __percpu *pins;
	struct debra_cpu __percpu *cpus;
	struct debra_guard_cpu __percpu *guards;
	struct debra_sup *sup;
	const char *name;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map dep_map;
#endif
	unsigned long clock ____cacheline_aligned;
};

#endif /* _LINUX_DEBRA_TYPES_H */

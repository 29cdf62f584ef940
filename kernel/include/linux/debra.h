/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra: epoch reclamation for lock-free structures in the kernel.
 *
 * Readers pin a domain around their accesses; updaters unlink an object and
 * retire it; it is freed when no pin that could have seen it is left. Readers that
 * may stall use guards instead, see <linux/debra-guard.h>. After
 * T. Brown, "Reclaiming Memory for Lock-Free Data Structures: There has to be a
 * Better Way", PODC 2015 (DEBRA). Documentation/debra.md has the design and
 * Documentation/consumer.md a guide for users.
 *
 *	context                    task  softirq  hardirq  NMI   sleeps
 *	debra_pin, debra_unpin      yes      yes      yes  yes       no
 *	debra_call, debra_retire,
 *	debra_kfree                 yes      yes      yes  yes       no
 *	debra_kfree_mightsleep      yes       no       no   no      yes
 *	debra_barrier,
 *	debra_synchronize,
 *	debra_throttle              yes       no       no   no      yes
 *	debra_domain_*              yes       no       no   no      yes
 */
#ifndef _LINUX_DEBRA_H
#define _LINUX_DEBRA_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/debra-types.h>
#include <linux/jump_label.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/stddef.h>

#ifdef __CHECKER__
#define __debra		__attribute__((noderef, address_space(__debra)))
#else
#define __debra
#endif

/* The type of a shared pointer as seen by who may follow it, and by all. */
#define __debra_kernel(p)	typeof(*(p)) __force __kernel *
#define __debra_shared(p)	typeof(*(p)) __force __debra *

#define DEBRA_EPOCH_FIRST	3UL
#define DEBRA_NAME_MAX		32
#define __DEBRA_CLOCK(epoch)	(((epoch) << DEBRA_DEPTH_BITS) | 1)

extern struct debra_domain debra_default;

/* Private to the inline functions below. */
DECLARE_STATIC_KEY_FALSE(debra_fence_key);
DECLARE_PER_CPU(struct debra_pin_state, debra_unregistered_pins);
void __debra_pin_nested(struct debra_domain *dom);
void __debra_unpin_nested(struct debra_domain *dom);
void __debra_retire(struct debra_domain *dom, struct debra_head *head, debra_func_t func);
struct debra_domain *__debra_domain_create(const char *name, struct lock_class_key *key);
#ifdef CONFIG_DEBRA_DEBUG
void __debra_check_pin(struct debra_domain *dom);
void __debra_check_pinned(struct debra_domain *dom);
#else
static inline void __debra_check_pin(struct debra_domain *dom) { }
static inline void __debra_check_pinned(struct debra_domain *dom) { }
#endif

#ifdef CONFIG_DEBUG_LOCK_ALLOC
#define __DEBRA_DEP_MAP_INIT(_name)	.dep_map = STATIC_LOCKDEP_MAP_INIT(#_name, &(_name)),
#define __debra_map_acquire(dom)	lock_acquire(&(dom)->dep_map, 0, 0, 2, 0, NULL, _THIS_IP_)
/* An unbalanced unpin is ours to report; lockdep would give up over it. */
#define __debra_map_release(dom)					\
do {									\
	if (debra_pinned(dom))						\
		lock_release(&(dom)->dep_map, _THIS_IP_);		\
} while (0)
#else
#define __DEBRA_DEP_MAP_INIT(_name)
#define __debra_map_acquire(dom)	do { } while (0)
#define __debra_map_release(dom)	do { } while (0)
#endif

#define __DEBRA_DOMAIN_INIT(_name) {					\
	.pins = &debra_unregistered_pins,				\
	.name = #_name,							\
	__DEBRA_DEP_MAP_INIT(_name)					\
	.clock = __DEBRA_CLOCK(DEBRA_EPOCH_FIRST),			\
}

/**
 * DEFINE_DEBRA_DOMAIN() - define a domain in static storage
 * @_name: the variable, and its name in debugfs
 *
 * Register it with debra_domain_register() before objects are retired into it.
 * Prefix it with static where only one file uses it.
 */
#define DEFINE_DEBRA_DOMAIN(_name) struct debra_domain _name = __DEBRA_DOMAIN_INIT(_name)

#define DEBRA_BATCH_MAX	1048576

int debra_domain_set_batch(struct debra_domain *dom, unsigned int batch);
int debra_domain_register(struct debra_domain *dom);
int debra_domain_unregister(struct debra_domain *dom);
int debra_domain_destroy(struct debra_domain *dom);

/**
 * debra_domain_create() - make a domain at run time
 * @_name: its name in debugfs: 1 to 31 characters, no '/', unique; copied
 *
 * Context: process context, may sleep.
 * Return: the domain, or ERR_PTR(): -EINVAL for a bad name, -EEXIST for one that
 * is taken, -ENOMEM. To be ended with debra_domain_destroy().
 */
#define debra_domain_create(_name)					\
({									\
	static struct lock_class_key __debra_key;			\
									\
	__debra_domain_create(_name, &__debra_key);			\
})

/**
 * debra_pinned() - is this CPU inside a pin of the domain?
 * @dom: the domain
 *
 * Context: any. With preemption on the answer is about a CPU that the caller may
 * have left, except that a caller inside a pin always gets true.
 * Return: true if so.
 */
static inline bool debra_pinned(struct debra_domain *dom)
{
	/* This CPU's alone, as in debra_pin(). */
	return data_race(raw_cpu_read(dom->pins->announce));
}

/**
 * debra_pin() - begin a section in which retired objects stay
 * @dom: the domain
 *
 * From here to the matching debra_unpin(), no object is freed that this CPU could
 * reach when it was not yet retired. Preemption is off. Nests, also across an
 * interrupt or NMI that pins the same domain. A pin delays every other user's
 * memory, so keep it as short as a spin-lock section.
 *
 * Ordering: everything in the section happens after the announcement as far as
 * the reclaimer can tell. With the module parameter pins=fence that is a full
 * barrier here. With pins=ipi it is a compiler barrier, and the reclaimer makes
 * every CPU pass a full barrier before it trusts what it reads (Documentation/
 * debra.md, "Pins"). Use debra_dereference() to read links in the section.
 *
 * Context: any, NMI included, where RCU is watching. Not on a CPU that is going
 * offline, after it has left cpu_online_mask.
 */
static __always_inline void debra_pin(struct debra_domain *dom)
	__acquires(dom)
{
	struct debra_pin_state *state;

	preempt_disable();
	state = this_cpu_ptr(dom->pins);
	/*
	 * One word says both whether we are quiescent and how deep we are, so an
	 * interrupt anywhere in here is harmless: it ends as deep as it began. If
	 * it comes between our look and our store, it announces for itself.
	 * Nobody else writes the word; a plain load of it is an instruction less.
	 */
	if (likely(!data_race(state->announce))) {
		/*
		 * DMM(pin:A): acquire, pairs with DMM(advance:A): who announces
		 * epoch e sees every unlink that made way for e.
		 * Release, pairs with DMM(scan:B): who sees this announcement
		 * and not the quiescence before it still has the section before
		 * it behind him. Litmus: debra-announce-acquire,
		 * debra-unpin-release.
		 */
		smp_store_release(&state->announce, smp_load_acquire(&dom->clock));
		/*
		 * DMM(pin:B): announcement before the accesses of the section,
		 * pairs with DMM(scan:A). Without the key the barrier is run on
		 * this CPU's behalf by DMM(round:B) or an RCU grace period.
		 * Litmus: debra-pin-fence, debra-pin-ipi.
		 */
		if (static_branch_unlikely(&debra_fence_key))
			smp_mb(); /* see above */
	} else {
		__debra_pin_nested(dom);
	}
	barrier();
	__debra_map_acquire(dom);
	__debra_check_pin(dom);
	__acquire(dom);
}

/**
 * debra_unpin() - end a section begun by debra_pin()
 * @dom: the same domain
 *
 * Nothing that was read from the structure inside the section may be used after
 * the outermost unpin. An unpin without a pin is reported once per interval and
 * otherwise ignored.
 *
 * Ordering: release. What the section did happens before the freeing of anything
 * that it could see.
 *
 * Context: the one of the pin: same task or interrupt, same CPU.
 */
static __always_inline void debra_unpin(struct debra_domain *dom)
	__releases(dom)
{
	struct debra_pin_state *state;

	__release(dom);
	__debra_map_release(dom);
	barrier();
	state = this_cpu_ptr(dom->pins);
	/* As in debra_pin(): an interrupt between look and store changes nothing. */
	if (likely((data_race(state->announce) & DEBRA_DEPTH_MASK) == 1))
		/*
		 * DMM(unpin:A): release, pairs with DMM(scan:B): the section is
		 * over before its memory is freed. Litmus: debra-unpin-release.
		 */
		smp_store_release(&state->announce, 0);
	else
		__debra_unpin_nested(dom);
	preempt_enable();
}

/**
 * debra_epoch() - the epoch of a domain, for inspection
 * @dom: the domain
 *
 * Context: any.
 * Return: a number that begins with %DEBRA_EPOCH_FIRST and never falls.
 */
static inline unsigned long debra_epoch(struct debra_domain *dom)
{
	return READ_ONCE(dom->clock) >> DEBRA_DEPTH_BITS;
}

/**
 * debra_dereference() - read a shared pointer inside a pin
 * @dom: the domain that must be pinned; checked with CONFIG_DEBRA_DEBUG
 * @p: the pointer, declared with __debra
 *
 * As rcu_dereference(): a marked load that heads an address dependency.
 */
#define debra_dereference(dom, p)					\
({									\
	__debra_kernel(p) __debra_p = (__debra_kernel(p))READ_ONCE(p);	\
									\
	__debra_check_pinned(dom);					\
	__debra_p;							\
})

/**
 * debra_access_pointer() - the value of a shared pointer, for other than in a pin
 * @p: the pointer, declared with __debra
 *
 * As rcu_access_pointer(): to compare it, to name it in a log, or where something else
 * keeps the object, such as a guard that is masked.
 */
#define debra_access_pointer(p)	((__debra_kernel(p))READ_ONCE(p))

/**
 * debra_dereference_protected() - read a shared pointer that cannot change now
 * @p: the pointer, declared with __debra
 * @c: why: an expression that is true while updates are excluded; checked with lockdep
 */
#define debra_dereference_protected(p, c)				\
({									\
	lockdep_assert(c);						\
	(__debra_kernel(p))(p);						\
})

/**
 * debra_assign_pointer() - publish an initialized object
 * @p: the pointer to be written, declared with __debra
 * @v: its new value
 *
 * As rcu_assign_pointer(): a release store.
 */
#define debra_assign_pointer(p, v)					\
	smp_store_release(&(p), (__debra_shared(p))(v)) /* pairs with debra_dereference() */

/**
 * debra_kfree() - retire an object that is then given back with kfree()
 * @dom: the domain whose pins protect the object
 * @ptr: the object, from kmalloc() or kmem_cache_alloc()
 * @member: name of the struct debra_head in it, less than 4096 bytes from its start
 *
 * As debra_call() with a callback that frees, and cheaper: the objects are given
 * back in bulk, a few at a time from later retirements. @ptr must point to the
 * start of the allocation; memory of vmalloc() is not for this call.
 *
 * Context: any, NMI included.
 */
#define debra_kfree(dom, ptr, member)					\
do {									\
	typeof(ptr) __debra_ptr = (ptr);				\
									\
	BUILD_BUG_ON(offsetof(typeof(*(ptr)), member) >= DEBRA_KFREE_MAX_OFFSET); \
	__debra_retire(dom, __debra_ptr ? &__debra_ptr->member : NULL,	\
		       (debra_func_t)offsetof(typeof(*(ptr)), member));	\
} while (0)

/**
 * debra_cache_free() - retire an object of a kmem_cache
 * @dom: the domain whose pins protect the object
 * @cache: the cache that the object came from
 * @ptr: the object
 * @member: name of the struct debra_head in it
 *
 * debra_kfree() knows an object's cache by itself; this form says at the call
 * that it is one. Before kmem_cache_destroy(), call debra_barrier().
 *
 * Context: any, NMI included.
 */
#define debra_cache_free(dom, cache, ptr, member)			\
do {									\
	struct kmem_cache *__debra_cache __maybe_unused = (cache);	\
									\
	debra_kfree(dom, ptr, member);					\
} while (0)

/**
 * DEFINE_DEBRA_TYPE() - describe objects that are retired with a callback
 * @_name: the variable, for debra_retire()
 * @_type: type of the object
 * @_member: name of the struct debra_head in it
 * @_func: the callback
 *
 * For objects with a flexible array, write the struct debra_type by hand: its size is
 * the largest there is.
 */
#define DEFINE_DEBRA_TYPE(_name, _type, _member, _func)			\
	const struct debra_type _name = {				\
		.func = (_func),					\
		.offset = offsetof(_type, _member),			\
		.size = sizeof(_type),					\
	}

void debra_call(struct debra_domain *dom, struct debra_head *head, debra_func_t func);
void debra_retire(struct debra_domain *dom, struct debra_head *head,
		  const struct debra_type *type);
void debra_kfree_mightsleep(struct debra_domain *dom, const void *ptr);
int debra_barrier(struct debra_domain *dom);
int debra_synchronize(struct debra_domain *dom);
int debra_throttle(struct debra_domain *dom);
unsigned long debra_garbage(struct debra_domain *dom);
void debra_expedite(struct debra_domain *dom);
void debra_pressure(struct debra_domain *dom);

#endif /* _LINUX_DEBRA_H */

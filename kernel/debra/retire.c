// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: retiring.
 *
 * Each CPU owns its bags; with preemption off only an interrupt or NMI of the
 * same CPU can get in between. @busy keeps those out: who finds it set leaves his
 * object on a list, through the object's own head, and the interrupted
 * retirement takes it along when it is done. No interrupt is disabled and no
 * locked instruction executed.
 *
 *	retire (task)                 interrupt, NMI
 *	  busy = 1
 *	  ... bags ...                  busy: push on deferred
 *	  busy = 0
 *	                                not busy: as on the left, all of it
 *	  deferred empty?
 *	    no: busy = 1, take them ...
 *
 * An object is stamped with the epoch as it is read here, after the caller's
 * unlink, and is free three epochs later. No barrier is needed in between: a full
 * barrier of this CPU on the reclaimer's behalf precedes each advance, so at the
 * time the unlink can be seen by all, the epoch is stamp + 1 at most (see
 * Documentation/debra.md, "Why three epochs"). With pins=fence nobody runs such
 * barriers, and there is one here.
 */
#include <linux/export.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

/**
 * debra_enter - take hold of this CPU's bags
 * @pc: this CPU's
 *
 * Context: preemption off.
 * Return: false if we interrupted somebody who has them.
 */
__always_inline bool debra_enter(struct debra_cpu *pc)
{
	if (unlikely(READ_ONCE(pc->busy)))
		return false;
	WRITE_ONCE(pc->busy, true);
	barrier();
	return true;
}

/**
 * debra_pool_get - take an empty block from the pool
 * @pc: this CPU's, entered
 *
 * Return: the block, or NULL and a note for the drain worker.
 */
struct debra_block *debra_pool_get(struct debra_cpu *pc)
{
	struct debra_block *block = pc->pool;

	if (!block) {
		WRITE_ONCE(pc->pool_empty, true);
		return NULL;
	}
	pc->pool = block->next;
	WRITE_ONCE(pc->pool_nr, pc->pool_nr - 1);
	block->next = NULL;
	block->nr = 0;
	return block;
}

/**
 * debra_pool_put - keep an empty block for later
 * @pc: this CPU's, entered
 * @block: the block
 *
 * Return: false if there are enough; the block stays the caller's.
 */
bool debra_pool_put(struct debra_cpu *pc, struct debra_block *block)
{
	if (pc->pool_nr >= DEBRA_POOL_MAX)
		return false;
	block->next = pc->pool;
	pc->pool = block;
	WRITE_ONCE(pc->pool_nr, pc->pool_nr + 1);
	return true;
}

/* May we call the allocator here, for more or to give back? */
static bool debra_may_alloc(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && !in_hardirq() && !in_nmi() && !irqs_disabled();
}

static noinline struct debra_block *debra_chain_grow(struct debra_cpu *pc,
						     struct debra_chain *chain,
						     unsigned long site)
{
	struct debra_block *block = debra_pool_get(pc);

	if (!block && debra_may_alloc()) {
		block = kmem_cache_alloc(debra_block_cache, GFP_NOWAIT | __GFP_NOWARN);
		if (block) {
			block->next = NULL;
			block->nr = 0;
		}
	}
	if (!block)
		return NULL;
	block->site = site;
	if (chain->last)
		chain->last->next = block;
	else
		chain->first = block;
	chain->last = block;
	return block;
}

/* Who retires: written down once for each block, and not asked before, which costs nothing. */
#define DEBRA_SITE_UNKNOWN	0UL
#define DEBRA_SITE_CALLER	ULONG_MAX	/* of the function in whose code it is */

static __always_inline bool debra_append_slot(struct debra_cpu *pc, struct debra_chain *chain,
					      void *slot, unsigned long site)
{
	struct debra_block *block = chain->last;

	if (unlikely(!block || block->nr == DEBRA_BLOCK_SLOTS)) {
		block = debra_chain_grow(pc, chain,
					 site == DEBRA_SITE_CALLER ? _RET_IP_ : site);
		if (!block)
			return false;
	}
	block->slot[block->nr++] = slot;
	WRITE_ONCE(chain->nr, chain->nr + 1);
	return true;
}

/**
 * debra_see_epoch - bring the bags up to the current epoch
 * @pc: this CPU's, entered
 *
 * In a retirement, to be called after the unlink.
 */
__always_inline void debra_see_epoch(struct debra_cpu *pc)
{
	unsigned long epoch;

	if (debra_fenced())
		/*
		 * DMM(retire:A): unlink, then epoch; pairs with DMM(advance:A).
		 * Litmus: debra-stamp-3-fence.
		 */
		smp_mb();
	epoch = debra_epoch_acquire(pc->dom);
	if (likely(epoch == pc->set.seen))
		return;
	debra_bagset_rotate(&pc->set, epoch);
	debra_scan_start(&pc->scan, epoch);
}

/* One CPU's share of the domain's scan, and the end of the epoch if it is the last. */
static void debra_scan_share(struct debra_cpu *pc)
{
	struct debra_domain *dom = pc->dom;

	if (pc->scan.epoch != pc->set.seen || !debra_scan_barrier(&pc->scan))
		return;
	debra_count(pc, DEBRA_C_SCANS, 1);
	if (!debra_scan_step(dom, &pc->scan) ||
	    !debra_spilled_passed(dom, pc->scan.epoch, false) ||
	    !debra_advance(dom, pc->scan.epoch))
		return;
	debra_count(pc, DEBRA_C_ADVANCES_RETIRE, 1);
	/*
	 * DMM(wait:B): the epoch before the look for waiters, by the full barrier of the
	 * advance; pairs with DMM(wait:A). Litmus: debra-wait.
	 */
	if (atomic_read(&dom->sup->waiters))
		debra_kick(pc);
}

/* Once for each full bag: what is needed to open the next is the end of one epoch. */
static void debra_press(struct debra_cpu *pc)
{
	struct debra_sup *sup = pc->dom->sup;
	struct debra_chain *chain = pc->set.cur->chain;

	if (chain[DEBRA_KIND_KFREE].nr + chain[DEBRA_KIND_CALL].nr <
	    debra_tuned(sup, DEBRA_T_BATCH) ||
	    pc->pressed == pc->set.seen)
		return;
	pc->pressed = pc->set.seen;
	WRITE_ONCE(sup->press_epoch, pc->set.seen);
	if (!READ_ONCE(sup->expedite))
		WRITE_ONCE(sup->expedite, 1);
	debra_kick(pc);
}

/*
 * The first object in an empty chain has to find the reclaimer at work or to wake
 * it; the later ones rely on the first.
 */
static void debra_first_pending(struct debra_cpu *pc)
{
	/*
	 * DMM(arm:A): the object before the look at armed, pairs with DMM(arm:B).
	 * Litmus: debra-arm.
	 */
	smp_mb();
	if (!atomic_read(&pc->dom->sup->armed))
		debra_kick(pc);
}

/* Bytes held are told from the size of an object now and then. */
static void debra_sample_size(struct debra_cpu *pc)
{
	enum debra_kind kind;
	struct debra_block *block;
	unsigned long start, size;

	for (kind = 0; kind < DEBRA_NR_KINDS; kind++) {
		block = pc->set.cur->chain[kind].last;
		if (!block || !block->nr || !debra_slot_sized(block->slot[block->nr - 1]))
			continue;
		size = debra_slot_interval(block->slot[block->nr - 1], &start);
		WRITE_ONCE(pc->size, pc->size ? (7 * pc->size + size) / 8 : size);
	}
}

static noinline void debra_amortized(struct debra_cpu *pc)
{
	if (!(pc->count[DEBRA_C_RETIRED] % (16 * DEBRA_STEP)) || !pc->size)
		debra_sample_size(pc);
	debra_scan_share(pc);
	debra_press(pc);
}

/* Return: true if the caller, once it has left the bags, should free a few. */
static __always_inline bool debra_count_retired(struct debra_cpu *pc, struct debra_chain *chain)
{
	unsigned long retired = pc->count[DEBRA_C_RETIRED] + 1;

	WRITE_ONCE(pc->count[DEBRA_C_RETIRED], retired);
	if (unlikely(chain->nr == 1))
		debra_first_pending(pc);
	if (likely(retired % DEBRA_STEP))
		return false;
	debra_amortized(pc);
	return true;
}

static noinline void debra_report_double(struct debra_cpu *pc, struct debra_head *head)
{
	debra_count_any(pc->dom, DEBRA_C_DOUBLE_RETIRE, 1);
	debra_complain(true, "%s: head %p retired twice, func %ps; ignored\n",
		       pc->dom->name, head, head->func);
}

/* Return: as debra_count_retired(). */
static __always_inline bool debra_append_head(struct debra_cpu *pc, struct debra_head *head,
					      debra_func_t func, unsigned long site)
{
	struct debra_chain *chain;

	if (unlikely(debra_head_retired(head)) || unlikely(debra_object_retire(head))) {
		debra_report_double(pc, head);
		return false;
	}
	head->func = func;
	debra_see_epoch(pc);
	chain = &pc->set.cur->chain[debra_head_kind(head)];
	if (likely(debra_append_slot(pc, chain, head, site))) {
		debra_link_set(head, NULL);
	} else {
		debra_chain_push_head(chain, head);
		debra_count(pc, DEBRA_C_OVERFLOW, 1);
	}
	return debra_count_retired(pc, chain);
}

/**
 * debra_absorb - take in what interrupts left while the bags were held
 * @pc: this CPU's, entered
 */
void debra_absorb(struct debra_cpu *pc)
{
	struct debra_head *head, *next;

	WRITE_ONCE(pc->absorbing, true);
	/*
	 * DMM(absorb:A): full barrier: who finds the list empty finds us absorbing, or
	 * done. Pairs with DMM(absorb:B). Litmus: debra-absorb.
	 */
	for (head = xchg(&pc->deferred, NULL); head; head = next) {
		next = debra_link_get(head);
		debra_link_clear(head);
		debra_append_head(pc, head, head->func, DEBRA_SITE_UNKNOWN);
	}
	smp_store_release(&pc->absorbing, false); /* the same */
}

static noinline void debra_leave_deferred(struct debra_cpu *pc)
{
	while (READ_ONCE(pc->deferred) && debra_enter(pc)) {
		debra_absorb(pc);
		barrier();
		WRITE_ONCE(pc->busy, false);
		barrier();
	}
}

/**
 * debra_leave - let go of this CPU's bags
 * @pc: this CPU's, entered
 */
__always_inline void debra_leave(struct debra_cpu *pc)
{
	barrier();
	WRITE_ONCE(pc->busy, false);
	barrier();
	if (unlikely(READ_ONCE(pc->deferred)))
		debra_leave_deferred(pc);
}

static noinline void debra_defer(struct debra_cpu *pc, struct debra_head *head, debra_func_t func)
{
	struct debra_head *first = READ_ONCE(pc->deferred);

	if (unlikely(debra_head_retired(head))) {
		debra_report_double(pc, head);
		return;
	}
	head->func = func;
	/* Only this CPU's interrupts compete for the list. */
	do {
		debra_link_set(head, first);
	} while (!try_cmpxchg(&pc->deferred, &first, head));
	debra_count_any(pc->dom, DEBRA_C_DEFERRED, 1);
	/* Whom we interrupted takes it along; without one, the drain worker does. */
	if (!READ_ONCE(pc->busy))
		debra_kick(pc);
}

/* Object debugging takes locks that an NMI may have interrupted. */
static bool debra_must_defer(void)
{
	return IS_ENABLED(CONFIG_DEBUG_OBJECTS) && in_nmi();
}

/**
 * debra_free_some - free a few objects whose grace period is over
 * @pc: this CPU's, not entered
 * @max: how many at most; no more than %DEBRA_STEP_FREE
 *
 * While there are hazards to be looked at this is left to the drain worker.
 *
 * Context: preemption off, debra_may_alloc().
 * Return: how many were freed.
 */
unsigned long debra_free_some(struct debra_cpu *pc, unsigned int max)
{
	struct debra_block *empty = NULL;
	void *slot[DEBRA_STEP_FREE];
	unsigned int nr;

	if (!debra_enter(pc))
		return 0;
	/*
	 * From here on no interrupt rotates the bags, so they were rotated by an epoch
	 * that was read before this: a guard that was aborted to end it is not missed.
	 */
	if (debra_has_hazards(pc->dom)) {
		debra_leave(pc);
		return 0;
	}
	debra_bagset_note_peak(&pc->set);
	nr = debra_chain_pop(&pc->set.free[DEBRA_KIND_KFREE], slot,
			     min_t(unsigned int, max, DEBRA_STEP_FREE), &empty);
	if (empty && debra_pool_put(pc, empty))
		empty = NULL;
	debra_leave(pc);
	debra_slots_kfree(slot, nr);
	if (nr)
		trace_debra_free(pc->dom, nr, 0);
	/* Release: they are gone when they count as gone, see debra_cpu_idle(). */
	atomic_long_add_return_release(nr, &pc->freed);
	if (empty)
		kmem_cache_free(debra_block_cache, empty);
	return nr;
}

static noinline bool debra_report_bad(struct debra_domain *dom, const void *object)
{
	if (!dom || !dom->cpus) {
		debra_complain(true, "%s: retire into a domain that is not registered; leaked\n",
			       dom ? dom->name : "(null)");
		return true;
	}
	debra_count_any(dom, DEBRA_C_BAD_RETIRE, 1);
	debra_complain(true, "%s: retire of NULL%s; ignored\n", dom->name,
		       object ? " function" : "");
	return true;
}

static __always_inline bool debra_bad_retire(struct debra_domain *dom, const void *object,
					     bool func_ok)
{
	return unlikely(!dom || !dom->cpus || !object || !func_ok) &&
	       debra_report_bad(dom, object);
}

/* Not inlined, so that who is not traced pays for a nop only. */
static noinline void debra_trace_retire(struct debra_domain *dom, const void *object,
					debra_func_t func, unsigned long ip)
{
	trace_debra_retire(dom, object, func, ip);
}

/**
 * __debra_retire - retire an object by its head
 * @dom: the domain
 * @head: the head
 * @func: callback, or offset of the head in the object
 *
 * See debra_call() and debra_kfree(), which are what to use.
 *
 * Context: any, NMI included.
 */
void __debra_retire(struct debra_domain *dom, struct debra_head *head, debra_func_t func)
{
	struct debra_cpu *pc;
	bool step;

	if (unlikely(debra_bad_retire(dom, head, true)))
		return;
	if (trace_debra_retire_enabled())
		debra_trace_retire(dom, head, func, _RET_IP_);
	preempt_disable();
	pc = this_cpu_ptr(dom->cpus);
	if (unlikely(debra_must_defer() || !debra_enter(pc))) {
		debra_defer(pc, head, func);
	} else {
		step = debra_append_head(pc, head, func, DEBRA_SITE_CALLER);
		debra_leave(pc);
		if (unlikely(step) && pc->set.free[DEBRA_KIND_KFREE].nr && debra_may_alloc())
			debra_free_some(pc, DEBRA_STEP_FREE);
	}
	preempt_enable();
}
EXPORT_SYMBOL_GPL(__debra_retire);

/**
 * debra_call() - retire an object; have a function called when nobody sees it
 * @dom: the domain whose pins protect the object
 * @head: the head in the object
 * @func: called with @head after every pin that could see the object has ended
 *
 * The object must have been made unreachable for new readers before. No order
 * between callbacks is promised. Never fails, and never waits. A NULL head or
 * function, a second retirement of the same head, and a domain that is not
 * registered are reported (once per interval) and ignored; the last leaks the
 * object rather than free it early.
 *
 * Ordering: the unlink may be a plain marked store: no barrier between it and
 * this call is needed.
 *
 * Context: any, NMI included. With interrupts on it may call the allocator, which
 * CONFIG_PROVE_RAW_LOCK_NESTING wants nobody to do under a raw spin lock.
 */
void debra_call(struct debra_domain *dom, struct debra_head *head, debra_func_t func)
{
	if (likely(!debra_bad_retire(dom, head,
				     (unsigned long)func >= DEBRA_KFREE_MAX_OFFSET)))
		__debra_retire(dom, head, func);
}
EXPORT_SYMBOL_GPL(debra_call);

/**
 * debra_retire() - retire an object of a known type; have its function called
 * @dom: the domain whose pins and guards protect the object
 * @head: the head in the object
 * @type: what is known of its kind, see DEFINE_DEBRA_TYPE(); in static storage
 *
 * As debra_call(). But where the object begins and ends is known, so that a hazard of
 * an aborted guard that points anywhere into it keeps it, and no other.
 *
 * Context: as debra_call().
 */
void debra_retire(struct debra_domain *dom, struct debra_head *head,
		  const struct debra_type *type)
{
	if (likely(!debra_bad_retire(dom, head, type && type->func)))
		__debra_retire(dom, head, (debra_func_t)((unsigned long)type ^ DEBRA_FUNC_TYPE));
}
EXPORT_SYMBOL_GPL(debra_retire);

static bool debra_try_headless(struct debra_domain *dom, const void *ptr,
			       struct debra_block **spare, unsigned long site)
{
	struct debra_chain *chain;
	struct debra_cpu *pc;
	bool done = false;

	preempt_disable();
	pc = this_cpu_ptr(dom->cpus);
	/* Nobody below us can hold the bags: in task context we are the lowest. */
	if (debra_enter(pc)) {
		if (*spare && debra_pool_put(pc, *spare))
			*spare = NULL;
		debra_see_epoch(pc);
		chain = &pc->set.cur->chain[DEBRA_KIND_KFREE];
		done = debra_append_slot(pc, chain,
					 (void *)((unsigned long)ptr | DEBRA_SLOT_HEADLESS),
					 site);
		if (done)
			debra_count_retired(pc, chain);
		debra_leave(pc);
	}
	preempt_enable();
	return done;
}

/**
 * debra_kfree_mightsleep() - retire an object that has no head
 * @dom: the domain whose pins protect the object
 * @ptr: the object, from kmalloc() or kmem_cache_alloc()
 *
 * As kfree_rcu_mightsleep(): may allocate, and waits for a grace period when it
 * gets no memory. Also waits, for a limited time, while the domain holds more
 * garbage than the module parameter limit allows (see debra_throttle()).
 *
 * Context: process context outside any pin, may sleep.
 */
void debra_kfree_mightsleep(struct debra_domain *dom, const void *ptr)
{
	struct debra_block *spare = NULL;
	gfp_t gfp = GFP_KERNEL;

	might_sleep();
	if (debra_bad_retire(dom, ptr, true) || ZERO_OR_NULL_PTR(ptr))
		return;
	if (trace_debra_retire_enabled())
		debra_trace_retire(dom, ptr, NULL, _RET_IP_);
	debra_throttle(dom);
	if (!debra_try_headless(dom, ptr, &spare, _RET_IP_)) {
		/* Callbacks and guards must not wait for a grace period: have a block. */
		if (debra_in_callback() || debra_guarded(dom))
			gfp |= __GFP_NOFAIL;
		spare = kmem_cache_alloc(debra_block_cache, gfp);
		if (!spare || !debra_try_headless(dom, ptr, &spare, _RET_IP_)) {
			if (!debra_synchronize(dom))
				kfree(ptr);
		}
	}
	if (spare)
		kmem_cache_free(debra_block_cache, spare);
}
EXPORT_SYMBOL_GPL(debra_kfree_mightsleep);

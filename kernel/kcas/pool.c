// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: memory for descriptors, and their way back.
 *
 * Each context of each CPU (task, softirq, hardirq, NMI) has an arena: what runs in a
 * context with preemption off is never interrupted by another in the same, so an arena
 * belongs to whoever is there, without a lock or a locked instruction. Descriptors are
 * taken from the front of a block, one after the other.
 *
 *	in use --full--> retired --grace period--> cleaned --grace period--> free
 *
 * A block that is full goes through debra as one object, which is what makes a
 * descriptor cheap. After a grace period nobody can be installing references of its
 * operations any more, and what is left of them in words is replaced by the values that
 * they stand for: the only way in which a value gets into a word. After another one nobody
 * can be looking at the descriptors.
 *
 * Descriptors that nobody else has seen are given back at once.
 *
 * An arena is charged for its blocks wherever they are, and has max_blocks at most; so do
 * the blocks for single large operations count. What is free beyond @spare goes back to
 * the allocator: an arena that runs out may keep twice as many from then on, up to
 * KCAS_SPARE_MAX, and half as many each time that all blocks are flushed. Where nothing can
 * be allocated (NMI; with PREEMPT_RT, wherever preemption is off) an arena lives on what it
 * has; when it opens its last block, or has none, a work brings more, for the next time. Before
 * it comes to the limit, operations that may sleep do so once they are done, until some blocks
 * have come back.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "internal.h"
#include "trace.h"

#define KCAS_SPARE		2	/* in each arena, from the beginning */
#define KCAS_SPARE_NMI		8	/* where there will be no others for a while */
#define KCAS_SPARE_MAX		256
#define KCAS_HURRY		32	/* blocks that make the reclaimer hurry */
#define KCAS_CROWD_LEAST	128	/* blocks of an arena, before it would rather wait */
#define KCAS_ROOM		32	/* so many will do */
#define KCAS_PACE		(HZ / 10 + 1)	/* for which they are waited for at most */
#define KCAS_CLEAN_PERIOD	(HZ / 10 + 1)	/* after which it is asked again */

/* Allocated: for such variables of all modules together the kernel has 8 KiB. */
struct kcas_cpu __percpu *kcas_cpus __ro_after_init;

static enum cpuhp_state kcas_cpuhp_state;

/* Those who let blocks come back, see kcas_pace(). */
static DECLARE_WAIT_QUEUE_HEAD(kcas_pace_wait);

static struct kcas_block *kcas_block_init(struct kcas_block *block, struct kcas_arena *arena,
					  size_t size, unsigned int charge, bool large)
{
	block->arena = arena;
	block->used = 0;
	block->size = size;
	block->charge = charge;
	block->large = large;
	return block;
}

static bool kcas_charge(struct kcas_arena *arena, unsigned int nr)
{
	if (atomic_add_return(nr, &arena->nr_blocks) <= READ_ONCE(kcas_max_blocks))
		return true;
	atomic_sub(nr, &arena->nr_blocks);
	return false;
}

/* It must not be charged for any more before others see that it is not. */
static void kcas_block_free(struct kcas_block *block)
{
	struct kcas_arena *arena = block->arena;
	unsigned int charge = block->charge;

	kvfree(block);
	atomic_sub(charge, &arena->nr_blocks);
}

static struct kcas_block *kcas_block_alloc(struct kcas_arena *arena, gfp_t gfp)
{
	struct kcas_block *block;

	if (!kcas_charge(arena, 1))
		return NULL;
	block = kmalloc(KCAS_BLOCK_BYTES, gfp | __GFP_NOWARN);
	if (block)
		return kcas_block_init(block, arena, KCAS_BLOCK_DATA, 1, false);
	atomic_dec(&arena->nr_blocks);
	return NULL;
}

static void kcas_arena_add(struct kcas_arena *arena, struct kcas_block *block)
{
	block->used = 0;
	atomic_inc(&arena->nr_free);
	llist_add(&block->free, &arena->free);
}

/* Nobody else takes from this list. */
static struct kcas_block *kcas_arena_take(struct kcas_arena *arena)
{
	struct llist_node *node = llist_del_first(&arena->free);

	if (!node)
		return NULL;
	atomic_dec(&arena->nr_free);
	return llist_entry(node, struct kcas_block, free);
}

/* Put back in place what a reference stands for. Return: was it there? */
static bool kcas_clean_entry(struct kcas_entry *e, unsigned long status)
{
	unsigned long value = status == KCAS_SUCCEEDED ? e->new : e->old;

	if (READ_ONCE(e->word->content) != kcas_ref(e))
		return false;
	kcas_pause(KCAS_PAUSE_BEFORE_CLEAN, e->word);
	/*
	 * KMM(clean:A): full barrier; pairs with KMM(read:A). The grace period before
	 * would do as well. Litmus: kcas-clean-atomic.
	 */
	return cmpxchg(&e->word->content, kcas_ref(e), value) == kcas_ref(e);
}

/* What begins with a status is a descriptor; an address: a one-word operation. */
static struct kcas_entry *kcas_entries_at(struct kcas_block *block, unsigned int at,
					  unsigned int *nr, unsigned int *end,
					  unsigned long *status)
{
	struct kcas_desc *d = (struct kcas_desc *)&block->data[at];

	if (d->status >= KCAS_NR_STATUS) {
		*status = KCAS_SUCCEEDED;
		*nr = 1;
		*end = at + sizeof(struct kcas_entry);
		return (struct kcas_entry *)d;
	}
	*status = d->status;
	*nr = d->nr_writes;
	*end = at + kcas_desc_size(d->nr);
	return d->entry;
}

static void kcas_block_clean_all(struct kcas_block *block)
{
	unsigned long status, cleaned = 0, displaced = 0;
	unsigned int at, nr, end;
	struct kcas_entry *e;

	for (at = 0; at < block->used; at = end) {
		e = kcas_entries_at(block, at, &nr, &end, &status);
		for (; nr--; e++) {
			if (kcas_clean_entry(e, status))
				cleaned++;
			else
				displaced++;
		}
	}
	kcas_count_any(KCAS_C_CLEANED, cleaned);
	kcas_count_any(KCAS_C_DISPLACED, displaced);
	trace_kcas_clean(cleaned, displaced);
}

/* How many blocks an arena may have before who can wait does. */
static unsigned int kcas_crowd(void)
{
	return max_t(unsigned int, KCAS_CROWD_LEAST, READ_ONCE(kcas_max_blocks) / 4 * 3);
}

static bool kcas_has_room(struct kcas_arena *arena)
{
	return atomic_read(&arena->nr_free) >= KCAS_ROOM ||
	       atomic_read(&arena->nr_blocks) <= kcas_crowd() - KCAS_ROOM;
}

static void kcas_block_reuse(struct debra_head *head)
{
	struct kcas_block *block = container_of(head, struct kcas_block, head);
	struct kcas_arena *arena = block->arena;

	kcas_count_any(KCAS_C_BLOCKS_REUSED, 1);
	if (block->large || atomic_read(&arena->nr_free) >= READ_ONCE(arena->spare))
		kcas_block_free(block);
	else
		kcas_arena_add(arena, block);
	if (!kcas_has_room(arena))
		return;
	/* What held them up is over. */
	if (READ_ONCE(arena->crowd))
		WRITE_ONCE(arena->crowd, 0);
	/* Its barrier is between what there is now and the look for those who wait. */
	if (wq_has_sleeper(&kcas_pace_wait))
		wake_up_all(&kcas_pace_wait);
}

/*
 * A guard that stalls may name what lies beside a block, but never a block: so it is said how
 * small that is.
 */
static DEFINE_DEBRA_TYPE(kcas_block_reused, struct kcas_block, head, kcas_block_reuse);

/* Retired and not cleaned yet, in this phase and in the one before. */
static atomic_long_t kcas_unclean[2];
static unsigned int kcas_phase;
static DECLARE_WAIT_QUEUE_HEAD(kcas_clean_wait);

static void kcas_block_is_clean(struct kcas_block *block)
{
	/*
	 * KMM(clean:C): full barrier: cleaned before it is counted; pairs with KMM(reap:B).
	 * Litmus: kcas-clean-count.
	 */
	if (atomic_long_dec_and_test(&kcas_unclean[block->phase]))
		wake_up(&kcas_clean_wait);
}

static bool kcas_phase_is_clean(unsigned int phase)
{
	/* KMM(reap:B): acquire, pairs with KMM(clean:C). Litmus: kcas-clean-count. */
	return !atomic_long_read_acquire(&kcas_unclean[phase]);
}

static void kcas_phase_wait(unsigned int phase)
{
	do {
		debra_expedite(&kcas_domain);
	} while (!wait_event_timeout(kcas_clean_wait, kcas_phase_is_clean(phase),
				     KCAS_CLEAN_PERIOD));
}

/**
 * kcas_clean_all - have everything cleaned that all CPUs have done until now
 *
 * Not debra_barrier(): that waits also for objects that a stalled guard keeps.
 * Blocks that are retired while this runs may be counted in either phase; they are none of
 * ours, for the flush on their CPU is over. But who has looked which phase it is may have been
 * so slow that he counts in the one that was waited for the last time: after the flush he has
 * counted. Not for two at a time.
 *
 * Context: process context, may sleep.
 */
void kcas_clean_all(void)
{
	unsigned int phase = kcas_phase;

	kcas_flush_cpus();
	kcas_pause(KCAS_PAUSE_FLUSHED, NULL);
	kcas_phase_wait(!phase);
	WRITE_ONCE(kcas_phase, !phase);
	kcas_phase_wait(phase);
}

static void kcas_block_clean(struct debra_head *head)
{
	struct kcas_block *block = container_of(head, struct kcas_block, head);

	kcas_block_clean_all(block);
	kcas_block_is_clean(block);
	/*
	 * KMM(clean:B): a grace period; pairs with KMM(read:A): who has found one of the
	 * references has finished with it. Litmus: kcas-clean-reuse.
	 */
	if (kcas_busted(NO_REUSE_GRACE) && !block->large)
		kcas_arena_add(block->arena, block);
	else
		debra_retire(&kcas_domain, &block->head, &kcas_block_reused);
}

static DEFINE_DEBRA_TYPE(kcas_block_cleaned, struct kcas_block, head, kcas_block_clean);

/**
 * kcas_block_retire - a block is full; its operations are decided
 * @block: the block
 *
 * Context: any.
 */
void kcas_block_retire(struct kcas_block *block)
{
	/* Who is not pinned may not look at it any more after the call. */
	bool large = block->large;

	kcas_count_any(KCAS_C_BLOCKS_RETIRED, 1);
	block->phase = READ_ONCE(kcas_phase);
	kcas_pause(KCAS_PAUSE_BEFORE_COUNT, NULL);
	atomic_long_inc(&kcas_unclean[block->phase]);
	/*
	 * KMM(retire:A): a grace period; pairs with KMM(check:A): all who have seen one of
	 * the operations undecided have finished with it, or its owner has. Raw values do
	 * not come back to them, and all that they have installed is found.
	 * Litmus: kcas-retire-raw, kcas-retire-late, kcas-retire-verify.
	 */
	if (kcas_busted(NO_CLEAN_GRACE))
		kcas_block_clean(&block->head);
	else
		debra_retire(&kcas_domain, &block->head, &kcas_block_cleaned);
	/* It may be as large as many, and debra counts heads. Not from NMI, where there is none. */
	if (large)
		debra_expedite(&kcas_domain);
}

static void kcas_feed_fn(struct irq_work *work)
{
	queue_work(kcas_wq, &container_of(work, struct kcas_cpu, feed)->refill);
}

static unsigned int kcas_least_spare(enum kcas_context context)
{
	return context == KCAS_NMI ? KCAS_SPARE_NMI : KCAS_SPARE;
}

static void kcas_arena_keep_more(struct kcas_arena *arena)
{
	WRITE_ONCE(arena->spare,
		   min_t(unsigned int, 2 * READ_ONCE(arena->spare), KCAS_SPARE_MAX));
}

/* Nobody has needed them for a while. */
static void kcas_arena_keep_less(struct kcas_arena *arena, unsigned int least)
{
	WRITE_ONCE(arena->spare, max(READ_ONCE(arena->spare) / 2, least));
}

static void kcas_arena_fill(struct kcas_arena *arena)
{
	struct kcas_block *block;

	while (atomic_read(&arena->nr_free) < READ_ONCE(arena->spare)) {
		block = kcas_block_alloc(arena, GFP_KERNEL);
		if (!block)
			return;
		kcas_arena_add(arena, block);
	}
}

/* Return: whether it was needed. */
static bool kcas_arena_refill(struct kcas_arena *arena)
{
	if (!READ_ONCE(arena->hungry))
		return false;
	WRITE_ONCE(arena->hungry, false);
	kcas_arena_keep_more(arena);
	kcas_arena_fill(arena);
	return true;
}

static void kcas_refill_fn(struct work_struct *work)
{
	struct kcas_cpu *kc = container_of(work, struct kcas_cpu, refill);
	bool hungry = false;
	unsigned int i;

	for (i = 0; i < KCAS_NR_CONTEXTS; i++)
		hungry |= kcas_arena_refill(&kc->arena[i]);
	/* What they had may be held up by a guard that is stalled. */
	if (hungry)
		debra_pressure(&kcas_domain);
}

/* For the next time: more blocks, or those that there are sooner. */
static void kcas_arena_ask(struct kcas_arena *arena)
{
	WRITE_ONCE(arena->hungry, true);
	irq_work_queue(&this_cpu_ptr(kcas_cpus)->feed);
}

/* May the caller of an operation sleep? Nobody has told him that he could not. */
static bool kcas_may_sleep(void)
{
	return preemptible() && !rcu_preempt_depth() && task_is_running(current);
}

/*
 * Who does nothing but operations keeps the reclaimer from running on his CPU, or uses more
 * than grace periods bring back: he would run out of memory. If nothing comes, something holds
 * all of them up: then nobody waits again before there are twice as many, or before they have
 * come after all.
 */
noinline void __kcas_pace(struct kcas_arena *arena)
{
	unsigned int crowd = 0;

	WRITE_ONCE(arena->crowded, false);
	/* A worker may be the one that the reclaimer needs. */
	if (!kcas_may_sleep() || (current->flags & PF_WQ_WORKER))
		return;
	kcas_count_any(KCAS_C_PACED, 1);
	debra_expedite(&kcas_domain);
	if (!wait_event_timeout(kcas_pace_wait, kcas_has_room(arena), KCAS_PACE))
		crowd = 2 * atomic_read(&arena->nr_blocks);
	WRITE_ONCE(arena->crowd, crowd);
}

static struct kcas_block *kcas_arena_next(struct kcas_arena *arena)
{
	struct kcas_block *block = kcas_arena_take(arena);
	bool may_alloc = kcas_may_alloc();

	/* With the last one others are asked for: who brings them has as long as it lasts. */
	if (block && (may_alloc || !llist_empty(&arena->free)))
		return block;
	if (atomic_read(&arena->nr_blocks) >= max(kcas_crowd(), READ_ONCE(arena->crowd)))
		WRITE_ONCE(arena->crowded, true);
	if (may_alloc) {
		kcas_arena_keep_more(arena);
		block = kcas_block_alloc(arena, GFP_NOWAIT);
	}
	if (!block || !may_alloc)
		kcas_arena_ask(arena);
	return block;
}

/**
 * kcas_arena_get_slow - the block in use is full: retire it, and open another
 * @arena: of the caller's context; it is busy
 * @size: what is wanted of it
 *
 * Context: any, pinned.
 * Return: as kcas_mem_get().
 */
noinline void *kcas_arena_get_slow(struct kcas_arena *arena, size_t size)
{
	struct kcas_block *block = arena->cur;

	WRITE_ONCE(arena->cur, NULL);
	if (block)
		kcas_block_retire(block);
	block = kcas_arena_next(arena);
	WRITE_ONCE(arena->cur, block);
	return block ? kcas_block_take(block, size) : NULL;
}

static void *kcas_large_mem(size_t size)
{
	if (kcas_may_sleep())
		return kvmalloc(size, GFP_KERNEL | __GFP_NOWARN);
	return kmalloc(size, GFP_NOWAIT | __GFP_NOWARN);
}

/**
 * kcas_large_alloc - a block for one operation
 * @size: of so many bytes
 *
 * Charged to whom runs here now; it does not matter if that changes.
 *
 * Context: any; in NMI there is none.
 * Return: the block or NULL.
 */
struct kcas_block *kcas_large_alloc(size_t size)
{
	struct kcas_arena *arena = &raw_cpu_ptr(kcas_cpus)->arena[kcas_context()];
	unsigned int charge = DIV_ROUND_UP(size, KCAS_BLOCK_BYTES);
	struct kcas_block *block;

	if (!kcas_may_alloc() || !kcas_charge(arena, charge))
		return NULL;
	block = kcas_large_mem(sizeof(*block) + size);
	if (!block) {
		atomic_sub(charge, &arena->nr_blocks);
		return NULL;
	}
	kcas_count_any(KCAS_C_LARGE, 1);
	return kcas_block_init(block, arena, size, charge, true);
}

/**
 * kcas_large_free - give a block back that was not used
 * @block: the block; NULL is fine
 */
void kcas_large_free(struct kcas_block *block)
{
	if (block)
		kcas_block_free(block);
}

/*
 * Take the block out of use. Its context cannot be in the middle of anything: we are below
 * it on its CPU, or the CPU is dead.
 */
static void kcas_arena_flush(struct kcas_arena *arena)
{
	struct kcas_block *block = xchg(&arena->cur, NULL);

	if (!block)
		return;
	if (block->used)
		kcas_block_retire(block);
	else
		kcas_arena_add(arena, block);
}

static void kcas_cpu_flush(struct kcas_cpu *kc)
{
	unsigned int i;

	for (i = 0; i < KCAS_NR_CONTEXTS; i++) {
		kcas_arena_flush(&kc->arena[i]);
		kcas_arena_keep_less(&kc->arena[i], kcas_least_spare(i));
	}
}

static void kcas_flush_fn(struct work_struct *work)
{
	struct kcas_cpu *kc = container_of(work, struct kcas_cpu, flush);

	preempt_disable();
	/* Else the CPU has gone, and been flushed when it was dead. */
	if (kc == this_cpu_ptr(kcas_cpus))
		kcas_cpu_flush(kc);
	preempt_enable();
}

/**
 * kcas_flush_cpus - retire all descriptors of operations that are done
 *
 * Context: process context, may sleep.
 */
void kcas_flush_cpus(void)
{
	unsigned int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		queue_work_on(cpu, kcas_flush_wq, &per_cpu_ptr(kcas_cpus, cpu)->flush);
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(kcas_cpus, cpu)->flush);
	cpus_read_unlock();
}

static int kcas_cpu_dead(unsigned int cpu)
{
	kcas_cpu_flush(per_cpu_ptr(kcas_cpus, cpu));
	return 0;
}

static void kcas_arena_free(struct kcas_arena *arena)
{
	struct kcas_block *block;

	while ((block = kcas_arena_take(arena)))
		kcas_block_free(block);
}

static void kcas_arenas_free(void)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < KCAS_NR_CONTEXTS; i++)
			kcas_arena_free(&per_cpu_ptr(kcas_cpus, cpu)->arena[i]);
}

static int kcas_arena_init(struct kcas_arena *arena, unsigned long id, unsigned int spare)
{
	arena->stamp = id;
	spare = min(spare, READ_ONCE(kcas_max_blocks));
	init_llist_head(&arena->free);
	arena->spare = spare;
	kcas_arena_fill(arena);
	return atomic_read(&arena->nr_free) == spare ? 0 : -ENOMEM;
}

static int kcas_cpu_init(struct kcas_cpu *kc, unsigned int cpu)
{
	unsigned int i;
	int err = 0;

	INIT_WORK(&kc->flush, kcas_flush_fn);
	INIT_WORK(&kc->refill, kcas_refill_fn);
	init_irq_work(&kc->feed, kcas_feed_fn);
	for (i = 0; i < KCAS_NR_CONTEXTS && !err; i++)
		err = kcas_arena_init(&kc->arena[i], cpu * KCAS_NR_CONTEXTS + i,
				      kcas_least_spare(i));
	return err;
}

/**
 * kcas_pool_start - make all arenas ready
 *
 * Return: 0 or an error, with nothing left.
 */
int kcas_pool_start(void)
{
	unsigned int cpu;
	int err = 0;

	kcas_cpus = alloc_percpu(struct kcas_cpu);
	if (!kcas_cpus)
		return -ENOMEM;
	debra_domain_set_batch(&kcas_domain, KCAS_HURRY);
	for_each_possible_cpu(cpu)
		err = err ?: kcas_cpu_init(per_cpu_ptr(kcas_cpus, cpu), cpu);
	if (!err)
		err = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "lib/kcas:dead", NULL,
						kcas_cpu_dead);
	if (err < 0) {
		kcas_arenas_free();
		free_percpu(kcas_cpus);
		return err;
	}
	kcas_cpuhp_state = err;
	return 0;
}

/**
 * kcas_pool_stop - free everything; nobody uses us any more, and debra has given all
 * blocks back
 */
void kcas_pool_stop(void)
{
	unsigned int cpu;

	cpuhp_remove_state_nocalls(kcas_cpuhp_state);
	for_each_possible_cpu(cpu) {
		irq_work_sync(&per_cpu_ptr(kcas_cpus, cpu)->feed);
		flush_work(&per_cpu_ptr(kcas_cpus, cpu)->refill);
	}
	kcas_arenas_free();
	free_percpu(kcas_cpus);
}

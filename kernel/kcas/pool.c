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
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "internal.h"

#define KCAS_BLOCKS_AT_HAND	2	/* in each arena, from the beginning */

DEFINE_PER_CPU(struct kcas_cpu, kcas_cpus);

static enum cpuhp_state kcas_cpuhp_state;

static enum kcas_context kcas_context(void)
{
	if (in_nmi())
		return KCAS_NMI;
	if (in_hardirq())
		return KCAS_HARDIRQ;
	return in_serving_softirq() ? KCAS_SOFTIRQ : KCAS_TASK;
}

static struct kcas_block *kcas_block_init(struct kcas_block *block, struct kcas_arena *arena,
					  size_t size)
{
	block->arena = arena;
	block->used = 0;
	block->size = size;
	return block;
}

static struct kcas_block *kcas_block_alloc(struct kcas_arena *arena, gfp_t gfp)
{
	struct kcas_block *block;

	if (atomic_inc_return(&arena->nr_blocks) <= READ_ONCE(kcas_max_blocks)) {
		block = kmalloc(KCAS_BLOCK_BYTES, gfp | __GFP_NOWARN);
		if (block)
			return kcas_block_init(block, arena, KCAS_BLOCK_DATA);
	}
	atomic_dec(&arena->nr_blocks);
	return NULL;
}

static bool kcas_may_alloc(void)
{
	return !in_nmi() && !(IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible());
}

/* Put back in place what a reference stands for. */
static void kcas_clean_entry(const struct kcas_desc *d, struct kcas_entry *e)
{
	unsigned long value = d->status == KCAS_SUCCEEDED ? e->new : e->old;

	if (READ_ONCE(e->word->content) != kcas_ref(e)) {
		kcas_count(KCAS_C_DISPLACED);
		return;
	}
	kcas_pause(KCAS_PAUSE_BEFORE_CLEAN, e->word);
	kcas_count(KCAS_C_CLEANED);
	/* KMM(clean:A): full barrier; pairs with KMM(read:A). */
	cmpxchg(&e->word->content, kcas_ref(e), value);
}

static void kcas_block_reuse(struct debra_head *head)
{
	struct kcas_block *block = container_of(head, struct kcas_block, head);

	if (!block->arena) {
		kvfree(block);
		return;
	}
	kcas_count(KCAS_C_BLOCKS_REUSED);
	block->used = 0;
	llist_add(&block->free, &block->arena->free);
}

static void kcas_block_clean(struct debra_head *head)
{
	struct kcas_block *block = container_of(head, struct kcas_block, head);
	struct kcas_desc *d;
	unsigned int at, i;

	for (at = 0; at < block->used; at += kcas_desc_size(d->nr)) {
		d = (struct kcas_desc *)&block->data[at];
		for (i = 0; i < d->nr_writes; i++)
			kcas_clean_entry(d, &d->entry[i]);
	}
	if (kcas_busted(NO_REUSE_GRACE))
		kcas_block_reuse(&block->head);
	else
		debra_call(&kcas_domain, &block->head, kcas_block_reuse);
}

static void kcas_block_retire(struct kcas_block *block)
{
	kcas_count(KCAS_C_BLOCKS_RETIRED);
	if (kcas_busted(NO_CLEAN_GRACE))
		kcas_block_clean(&block->head);
	else
		debra_call(&kcas_domain, &block->head, kcas_block_clean);
}

/* The block in use is full: retire it, and open another. */
static noinline struct kcas_block *kcas_arena_next(struct kcas_arena *arena)
{
	struct kcas_block *block = arena->cur;
	struct llist_node *node;

	WRITE_ONCE(arena->cur, NULL);
	if (block)
		kcas_block_retire(block);
	/* Nobody else takes from this list. */
	node = llist_del_first(&arena->free);
	if (node)
		block = llist_entry(node, struct kcas_block, free);
	else
		block = kcas_may_alloc() ? kcas_block_alloc(arena, GFP_NOWAIT) : NULL;
	WRITE_ONCE(arena->cur, block);
	return block;
}

static struct kcas_desc *kcas_block_take(struct kcas_block *block, size_t size)
{
	struct kcas_desc *desc = (struct kcas_desc *)&block->data[block->used];

	block->used += size;
	return desc;
}

/**
 * kcas_desc_get - memory for a descriptor
 * @nr: of so many entries
 * @large: a block to take instead of the arena's, if it is not NULL
 *
 * Context: any, pinned.
 * Return: the descriptor, for kcas_desc_put() in the same pin; NULL if there is none.
 */
struct kcas_desc *kcas_desc_get(unsigned int nr, struct kcas_block **large)
{
	struct kcas_arena *arena = &this_cpu_ptr(&kcas_cpus)->arena[kcas_context()];
	struct kcas_block *block = arena->cur;
	size_t size = kcas_desc_size(nr);

	if (unlikely(*large))
		return kcas_block_take(*large, size);
	/* Only if interrupts of one kind nest, which they should not. */
	if (unlikely(arena->busy))
		return NULL;
	if (unlikely(!block || block->size - block->used < size)) {
		block = kcas_arena_next(arena);
		if (!block)
			return NULL;
	}
	WRITE_ONCE(arena->busy, true);
	return kcas_block_take(block, size);
}

/**
 * kcas_desc_put - done with a descriptor; it is decided, or nobody has seen it
 * @desc: the descriptor
 * @large: as for kcas_desc_get(); set to NULL if the block has been retired
 * @published: somebody else may have seen it
 */
void kcas_desc_put(struct kcas_desc *desc, struct kcas_block **large, bool published)
{
	struct kcas_arena *arena = &this_cpu_ptr(&kcas_cpus)->arena[kcas_context()];

	if (unlikely(*large)) {
		if (published) {
			kcas_block_retire(*large);
			*large = NULL;
		} else {
			(*large)->used = 0;
		}
		return;
	}
	if (!published)
		arena->cur->used = (unsigned char *)desc - arena->cur->data;
	WRITE_ONCE(arena->busy, false);
}

/**
 * kcas_large_alloc - a block for one operation
 * @nr: of so many entries
 *
 * Context: any; in NMI there is none.
 * Return: the block or NULL.
 */
struct kcas_block *kcas_large_alloc(unsigned int nr)
{
	size_t size = kcas_desc_size(nr);
	struct kcas_block *block;

	if (!kcas_may_alloc())
		return NULL;
	kcas_count(KCAS_C_LARGE);
	if (preemptible())
		block = kvmalloc(sizeof(*block) + size, GFP_KERNEL | __GFP_NOWARN);
	else
		block = kmalloc(sizeof(*block) + size, GFP_NOWAIT | __GFP_NOWARN);
	return block ? kcas_block_init(block, NULL, size) : NULL;
}

/**
 * kcas_large_free - give a block back that was not used
 * @block: the block; NULL is fine
 */
void kcas_large_free(struct kcas_block *block)
{
	if (block)
		kvfree(block);
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
		llist_add(&block->free, &arena->free);
}

static void kcas_cpu_flush(struct kcas_cpu *kc)
{
	unsigned int i;

	for (i = 0; i < KCAS_NR_CONTEXTS; i++)
		kcas_arena_flush(&kc->arena[i]);
}

static void kcas_flush_fn(struct work_struct *work)
{
	struct kcas_cpu *kc = container_of(work, struct kcas_cpu, flush);

	preempt_disable();
	/* Else the CPU has gone, and been flushed when it was dead. */
	if (kc == this_cpu_ptr(&kcas_cpus))
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
		queue_work_on(cpu, kcas_flush_wq, &per_cpu(kcas_cpus, cpu).flush);
	for_each_online_cpu(cpu)
		flush_work(&per_cpu(kcas_cpus, cpu).flush);
	cpus_read_unlock();
}

static int kcas_cpu_dead(unsigned int cpu)
{
	kcas_cpu_flush(&per_cpu(kcas_cpus, cpu));
	return 0;
}

static void kcas_arena_free(struct kcas_arena *arena)
{
	struct kcas_block *block, *next;

	llist_for_each_entry_safe(block, next, llist_del_all(&arena->free), free)
		kfree(block);
}

static void kcas_arenas_free(void)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < KCAS_NR_CONTEXTS; i++)
			kcas_arena_free(&per_cpu(kcas_cpus, cpu).arena[i]);
}

static int kcas_arena_init(struct kcas_arena *arena)
{
	struct kcas_block *block;
	unsigned int i;

	init_llist_head(&arena->free);
	atomic_set(&arena->nr_blocks, 0);
	for (i = 0; i < KCAS_BLOCKS_AT_HAND; i++) {
		block = kcas_block_alloc(arena, GFP_KERNEL);
		if (!block)
			return -ENOMEM;
		llist_add(&block->free, &arena->free);
	}
	return 0;
}

int kcas_pool_start(void)
{
	unsigned int cpu, i;
	int err = 0;

	for_each_possible_cpu(cpu) {
		INIT_WORK(&per_cpu(kcas_cpus, cpu).flush, kcas_flush_fn);
		for (i = 0; i < KCAS_NR_CONTEXTS && !err; i++)
			err = kcas_arena_init(&per_cpu(kcas_cpus, cpu).arena[i]);
	}
	if (!err)
		err = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "lib/kcas:dead", NULL,
						kcas_cpu_dead);
	if (err < 0) {
		kcas_arenas_free();
		return err;
	}
	kcas_cpuhp_state = err;
	return 0;
}

/* Nobody uses us any more, and debra has given all blocks back. */
void kcas_pool_stop(void)
{
	cpuhp_remove_state_nocalls(kcas_cpuhp_state);
	kcas_arenas_free();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: limbo bags.
 *
 * A bag holds what was retired in one epoch, as two chains: objects for kfree()
 * and objects with a callback. A chain is a FIFO of blocks of pointers; an object
 * for which there was no block hangs on a list through its own head, so that
 * retiring never depends on memory.
 *
 * Nothing here synchronizes: a bagset belongs to one CPU with preemption off
 * (see debra_enter()), or to the holder of the orphans' lock.
 */
#include <linux/debugobjects.h>
#include <linux/prefetch.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

static_assert(sizeof(struct debra_block) == DEBRA_BLOCK_SIZE);

struct kmem_cache *debra_block_cache;

unsigned long debra_link_secret __ro_after_init;

void __init debra_bag_init(void)
{
	get_random_bytes(&debra_link_secret, sizeof(debra_link_secret));
}

void debra_bagset_init(struct debra_bagset *set)
{
	memset(set, 0, sizeof(*set));
	set->cur = &set->bag[0];
}

/**
 * debra_bagset_pending - objects in a bagset, free or not
 * @set: the bags
 *
 * Return: the number; a sum of numbers read one after the other when the bags are
 * somebody else's.
 */
unsigned long debra_bagset_pending(const struct debra_bagset *set)
{
	unsigned long sum = 0;
	enum debra_kind kind;
	unsigned int i;

	for (kind = 0; kind < DEBRA_NR_KINDS; kind++) {
		sum += READ_ONCE(set->free[kind].nr);
		sum += READ_ONCE(set->kept[0][kind].nr) + READ_ONCE(set->kept[1][kind].nr);
		for (i = 0; i < DEBRA_NR_BAGS; i++)
			sum += READ_ONCE(set->bag[i].chain[kind].nr);
	}
	return sum;
}

/**
 * debra_bagset_kept - objects in a bagset that hazards keep from being freed
 * @set: the bags
 *
 * Return: the number, as the last drain left it.
 */
unsigned long debra_bagset_kept(const struct debra_bagset *set)
{
	unsigned long sum = 0;
	enum debra_kind kind;

	for (kind = 0; kind < DEBRA_NR_KINDS; kind++)
		sum += READ_ONCE(set->kept[0][kind].nr) + READ_ONCE(set->kept[1][kind].nr);
	return sum;
}

/**
 * debra_bagset_note_peak - remember how full the bags were
 * @set: the bags, from which something is about to be taken
 */
void debra_bagset_note_peak(struct debra_bagset *set)
{
	unsigned long now = debra_bagset_pending(set) + set->in_flight;

	/* It may be reset by others. */
	if (now > READ_ONCE(set->peak))
		WRITE_ONCE(set->peak, now);
}

static bool debra_chain_empty(const struct debra_chain *chain)
{
	return !chain->first && !chain->heads;
}

/**
 * debra_chain_splice - append one chain to another in O(1)
 * @to: the chain that grows
 * @from: the chain that is empty afterwards
 */
void debra_chain_splice(struct debra_chain *to, struct debra_chain *from)
{
	if (from->first) {
		if (to->last)
			to->last->next = from->first;
		else
			to->first = from->first;
		to->last = from->last;
	}
	if (from->heads) {
		debra_link_set(from->heads_last, to->heads);
		if (!to->heads)
			to->heads_last = from->heads_last;
		to->heads = from->heads;
	}
	WRITE_ONCE(to->nr, to->nr + from->nr);
	from->first = NULL;
	from->last = NULL;
	from->heads = NULL;
	from->heads_last = NULL;
	WRITE_ONCE(from->nr, 0);
}

/**
 * debra_chain_push_head - append an object by its own link
 * @chain: the chain
 * @head: the object's head
 */
void debra_chain_push_head(struct debra_chain *chain, struct debra_head *head)
{
	debra_link_set(head, chain->heads);
	if (!chain->heads)
		chain->heads_last = head;
	chain->heads = head;
	WRITE_ONCE(chain->nr, chain->nr + 1);
}

static void debra_bag_ripen(struct debra_bagset *set, struct debra_bag *bag)
{
	enum debra_kind kind;

	for (kind = 0; kind < DEBRA_NR_KINDS; kind++) {
		if (debra_chain_empty(&bag->chain[kind]))
			continue;
		if (debra_chain_empty(&set->free[DEBRA_KIND_KFREE]) &&
		    debra_chain_empty(&set->free[DEBRA_KIND_CALL]))
			WRITE_ONCE(set->free_since, bag->opened);
		debra_chain_splice(&set->free[kind], &bag->chain[kind]);
	}
}

/**
 * debra_bagset_rotate - take notice of an epoch
 * @set: the bags
 * @epoch: the epoch, read with acquire, newer than @set->seen
 *
 * What was retired three epochs ago or earlier becomes free, and the bag that is
 * empty thereby takes what is retired from now on. Bags are indexed by epoch
 * modulo three, so the one that @epoch needs held @epoch - 3 or something older.
 */
void debra_bagset_rotate(struct debra_bagset *set, unsigned long epoch)
{
	struct debra_bag *bag;

	for (bag = set->bag; bag < set->bag + DEBRA_NR_BAGS; bag++)
		if (epoch - bag->stamp >= DEBRA_NR_BAGS)
			debra_bag_ripen(set, bag);
	bag = &set->bag[epoch % DEBRA_NR_BAGS];
	WRITE_ONCE(bag->stamp, epoch);
	WRITE_ONCE(bag->opened, jiffies);
	set->cur = bag;
	WRITE_ONCE(set->seen, epoch);
}

/**
 * debra_bagset_adopt - move all of one bagset into another, for a dead CPU
 * @to: the orphans', rotated to the current epoch
 * @from: the dead CPU's
 *
 * What is not free yet gets the current epoch's stamp, which can only be later
 * than its own.
 */
void debra_bagset_adopt(struct debra_bagset *to, struct debra_bagset *from)
{
	enum debra_kind kind;
	unsigned int i;

	debra_bagset_note_peak(from);
	for (kind = 0; kind < DEBRA_NR_KINDS; kind++) {
		for (i = 0; i < DEBRA_NR_BAGS; i++)
			debra_chain_splice(&to->cur->chain[kind], &from->bag[i].chain[kind]);
		debra_chain_splice(&to->free[kind], &from->free[kind]);
		debra_chain_splice(&to->kept[1][kind], &from->kept[0][kind]);
		debra_chain_splice(&to->kept[1][kind], &from->kept[1][kind]);
	}
	debra_bagset_note_peak(to);
}

/**
 * debra_bagset_take - take out everything that is free
 * @set: the bags
 * @rel: where to
 */
void debra_bagset_take(struct debra_bagset *set, struct debra_release *rel)
{
	enum debra_kind kind;

	debra_bagset_note_peak(set);
	set->in_flight = debra_bagset_kept(set);
	for (kind = 0; kind < DEBRA_NR_KINDS; kind++) {
		set->in_flight += set->free[kind].nr;
		debra_chain_splice(&rel->taken[DEBRA_KEPT_OLD][kind], &set->kept[0][kind]);
		debra_chain_splice(&rel->taken[DEBRA_KEPT_NEW][kind], &set->kept[1][kind]);
		debra_chain_splice(&rel->taken[DEBRA_FREE][kind], &set->free[kind]);
	}
}

static bool debra_kept_empty(struct debra_chain kept[])
{
	return debra_chain_empty(&kept[DEBRA_KIND_KFREE]) &&
	       debra_chain_empty(&kept[DEBRA_KIND_CALL]);
}

/**
 * debra_bagset_put_back - end what debra_bagset_take() began
 * @set: the bags
 * @rel: what hazards have kept
 * @clock: the drain clock at the beginning
 * @drained: set to a clock: all that was free when it was that has been freed
 *
 * What is kept is in two parts, of which only the second grows. So there is progress also
 * where there is always something that is kept.
 *
 * Return: true if @drained has been set.
 */
bool debra_bagset_put_back(struct debra_bagset *set, struct debra_release *rel, long clock,
			   long *drained)
{
	enum debra_kind kind;

	set->in_flight = 0;
	for (kind = 0; kind < DEBRA_NR_KINDS; kind++) {
		debra_chain_splice(&set->kept[0][kind], &rel->kept[0][kind]);
		debra_chain_splice(&set->kept[1][kind], &rel->kept[1][kind]);
	}
	if (!debra_kept_empty(set->kept[0]))
		return false;
	*drained = set->kept_upto;
	for (kind = 0; kind < DEBRA_NR_KINDS; kind++)
		debra_chain_splice(&set->kept[0][kind], &set->kept[1][kind]);
	set->kept_upto = clock;
	if (debra_kept_empty(set->kept[0]))
		*drained = clock;
	return true;
}

static unsigned int debra_chain_pop_heads(struct debra_chain *chain, void *slot[],
					  unsigned int max)
{
	unsigned int nr;

	for (nr = 0; nr < max && chain->heads; nr++) {
		slot[nr] = chain->heads;
		chain->heads = debra_link_get(chain->heads);
	}
	WRITE_ONCE(chain->nr, chain->nr - nr);
	return nr;
}

/**
 * debra_chain_pop - take out the oldest objects, in no particular order
 * @chain: the chain
 * @slot: filled with block slots
 * @max: how many there is room for
 * @empty: a block that became empty and now belongs to the caller, or NULL
 *
 * Return: how many were taken; 0 only if the chain is empty.
 */
unsigned int debra_chain_pop(struct debra_chain *chain, void *slot[], unsigned int max,
			     struct debra_block **empty)
{
	struct debra_block *block = chain->first;
	unsigned int nr = 0;

	*empty = NULL;
	if (block) {
		nr = min_t(unsigned long, max, block->nr);
		block->nr -= nr;
		memcpy(slot, &block->slot[block->nr], nr * sizeof(slot[0]));
		if (!block->nr) {
			chain->first = block->next;
			if (!chain->first)
				chain->last = NULL;
			*empty = block;
		}
	}
	WRITE_ONCE(chain->nr, chain->nr - nr);
	return nr + debra_chain_pop_heads(chain, slot + nr, max - nr);
}

/**
 * debra_slots_kfree - give objects back to the allocator
 * @slot: slots of kfree kind; overwritten
 * @nr: how many
 *
 * Context: one in which kfree() is legal, interrupts on.
 */
void debra_slots_kfree(void *slot[], unsigned int nr)
{
	struct debra_head *head;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if ((unsigned long)slot[i] & DEBRA_SLOT_HEADLESS) {
			slot[i] = (void *)((unsigned long)slot[i] & ~DEBRA_SLOT_HEADLESS);
			continue;
		}
		/* The objects have been cold since they were retired. */
		if (i + 4 < nr)
			prefetchw(slot[i + 4]);
		head = slot[i];
		debra_link_clear(head);
		debra_object_free(head);
		slot[i] = (void *)head - (unsigned long)head->func;
	}
	if (nr)
		kmem_cache_free_bulk(NULL, nr, slot);
}

static void debra_slots_call(void *slot[], unsigned int nr)
{
	const struct debra_type *type;
	struct debra_head *head;
	debra_func_t func;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		head = slot[i];
		type = debra_head_type(head);
		func = type ? type->func : head->func;
		debra_link_clear(head);
		debra_object_free(head);
		func(head);
		cond_resched();
	}
}

static void debra_slots_free(void *slot[], unsigned int nr, enum debra_kind kind)
{
	if (kind == DEBRA_KIND_KFREE)
		debra_slots_kfree(slot, nr);
	else
		debra_slots_call(slot, nr);
	cond_resched();
}

static struct debra_block *debra_chain_pop_block(struct debra_chain *chain)
{
	struct debra_block *block = chain->first;

	if (!block)
		return NULL;
	chain->first = block->next;
	if (!chain->first)
		chain->last = NULL;
	block->next = NULL;
	WRITE_ONCE(chain->nr, chain->nr - block->nr);
	return block;
}

/* What is left of a block joins the others of its sort. Return: the block if it is empty now. */
static struct debra_block *debra_chain_keep(struct debra_chain *kept, struct debra_block *block)
{
	struct debra_block *last = kept->last;
	unsigned long nr = block->nr;

	WRITE_ONCE(kept->nr, kept->nr + nr);
	if (last && last->nr + nr <= DEBRA_BLOCK_SLOTS) {
		memcpy(&last->slot[last->nr], block->slot, nr * sizeof(block->slot[0]));
		last->nr += nr;
		return block;
	}
	if (last)
		last->next = block;
	else
		kept->first = block;
	kept->last = block;
	return NULL;
}

/* Where what is kept goes: what was in the first part stays there. */
static struct debra_chain *debra_release_to(struct debra_release *rel)
{
	return &rel->kept[rel->source != DEBRA_KEPT_OLD][rel->kind];
}

static void debra_release_block(struct debra_release *rel, struct debra_block *block)
{
	unsigned int nr = block->nr;

	if (rel->guarded)
		nr = debra_hazards_split(rel->hazards, block->slot, nr);
	debra_slots_free(block->slot, nr, rel->kind);
	rel->freed += nr;
	block->nr -= nr;
	if (block->nr) {
		memmove(block->slot, &block->slot[nr], block->nr * sizeof(block->slot[0]));
		block = debra_chain_keep(debra_release_to(rel), block);
	}
	if (block) {
		block->next = rel->blocks;
		rel->blocks = block;
	}
}

static void debra_release_heads(struct debra_release *rel, void *slot[], unsigned int nr)
{
	unsigned int keep, i;

	keep = rel->guarded ? debra_hazards_split(rel->hazards, slot, nr) : nr;
	for (i = keep; i < nr; i++)
		debra_chain_push_head(debra_release_to(rel), slot[i]);
	debra_slots_free(slot, keep, rel->kind);
	rel->freed += keep;
}

static void debra_release_chain(struct debra_release *rel, struct debra_chain *chain)
{
	void *slot[DEBRA_STEP_FREE];
	struct debra_block *block;
	unsigned int nr;

	while ((block = debra_chain_pop_block(chain)))
		debra_release_block(rel, block);
	while ((nr = debra_chain_pop_heads(chain, slot, ARRAY_SIZE(slot))))
		debra_release_heads(rel, slot, nr);
}

/**
 * debra_release_all - free or call everything of a kind that no hazard names
 * @rel: what, how, and what came of it
 * @kind: the kind
 *
 * Context: process context.
 */
void debra_release_all(struct debra_release *rel, enum debra_kind kind)
{
	rel->kind = kind;
	for (rel->source = 0; rel->source < DEBRA_NR_SOURCES; rel->source++)
		debra_release_chain(rel, &rel->taken[rel->source][kind]);
}

/**
 * debra_release_kept - how much hazards have kept
 * @rel: the release
 *
 * Return: how many objects.
 */
unsigned long debra_release_kept(const struct debra_release *rel)
{
	unsigned long sum = 0;
	enum debra_kind kind;

	for (kind = 0; kind < DEBRA_NR_KINDS; kind++)
		sum += rel->kept[0][kind].nr + rel->kept[1][kind].nr;
	return sum;
}

#ifdef CONFIG_DEBUG_OBJECTS
static bool debra_object_is_static(void *addr)
{
	return true;
}

static const struct debug_obj_descr debra_object_descr = {
	.name = "debra_head",
	.is_static_object = debra_object_is_static,
};

/**
 * debra_object_retire - tell the object debugging code of a retirement
 * @head: the head
 *
 * Context: any but NMI.
 * Return: 0, or an error if the head is retired already.
 */
int debra_object_retire(struct debra_head *head)
{
	return debug_object_activate(head, &debra_object_descr);
}

/* And give up what was known of it, or a type-stable object would keep that for ever. */
void debra_object_free(struct debra_head *head)
{
	debug_object_deactivate(head, &debra_object_descr);
	debug_object_free(head, &debra_object_descr);
}
#endif

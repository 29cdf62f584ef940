// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: the hazards of aborted guards, and what they keep.
 *
 * Somebody who has objects to free that may be seen by aborted guards takes a
 * snapshot of their slots and logs, sorted, and leaves out each object that one of
 * the addresses lies in. The snapshot begins with the epoch:
 *
 *	E = epoch (acquire)
 *	slots of guards that are aborted (acquire)
 *	free what was stamped E - 3 or before, and is in none of them
 *
 * What has been free since E cannot be reached by a guard that was not aborted when
 * its slots were read: such a guard held the epoch back. An aborted one gets to no new
 * address. So a snapshot stays good for everything that was free by its epoch, and
 * all CPUs can share one until the epoch moves on or the slots should be looked
 * at again. Taken in the other order it is a use-after-free: a guard aborted in
 * between has let the epoch go on and is in no snapshot.
 *
 * An object is known by an interval of addresses: all of it where its size is known (it
 * was retired by debra_kfree(), debra_kfree_mightsleep() or debra_retire()), and a page
 * on both sides of the head for debra_call(). More than is needed may be kept, for a
 * slot may hold an address that was never used, or of memory that has long been
 * something else.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "internal.h"

/* A plain debra_call() does not say how large the object is. */
#define DEBRA_CALL_MARGIN	4096

/**
 * struct debra_hazards - a snapshot of hazards
 * @epoch: read before them
 * @users: who is using it; under hazard_lock
 * @nr: how many there are, or would be if there were room
 * @room: for how many there is room
 * @addr: the addresses, in rising order
 */
struct debra_hazards {
	unsigned long epoch;
	unsigned int users;
	unsigned long nr;
	unsigned long room;
	unsigned long addr[];
};

static void debra_hazard_add(struct debra_hazards *hz, const void *p)
{
	if (!p)
		return;
	if (hz->nr < hz->room)
		hz->addr[hz->nr] = (unsigned long)p;
	hz->nr++;
}

/*
 * The chunks stay readable for an RCU grace period after the section. Whether it is
 * still the section's log is looked at before each is entered; if it is not, the section
 * has ended and what we have read is harmless.
 */
static void debra_hazard_add_log(struct debra_hazards *hz, struct debra_guard_rec *rec,
				 unsigned long word)
{
	struct debra_log_chunk *chunk;
	unsigned int i, nr;

	rcu_read_lock();
	/* DMM(log:B): acquire here and below, pairs with DMM(log:A). Litmus: debra-log. */
	chunk = smp_load_acquire(&rec->log);
	while (chunk && atomic_long_read(&rec->word) == (long)word) {
		nr = smp_load_acquire(&chunk->nr); /* the same */
		for (i = 0; i < nr; i++)
			debra_hazard_add(hz, READ_ONCE(*(const void **)(chunk->entry +
							  (size_t)i * chunk->stride)));
		chunk = smp_load_acquire(&chunk->next); /* the same */
	}
	rcu_read_unlock();
}

static void debra_hazard_add_guard(struct debra_guard_rec *rec, int cpu, void *arg)
{
	/* DMM(guard:D): acquire, pairs with DMM(guard:E). Litmus: debra-guard-exit. */
	unsigned long word = atomic_long_read_acquire(&rec->word);
	struct debra_hazards *hz = arg;
	unsigned int i;

	if (!(word & DEBRA_GUARD_ABORTED))
		return;
	if (debra_busted(OWN_SLOTS) && READ_ONCE(rec->cpu) == raw_smp_processor_id())
		return;
	for (i = 0; i < DEBRA_GUARD_SLOTS; i++)
		/*
		 * DMM(hazard:A): acquire, pairs with DMM(hop:A): who has overwritten the
		 * slot is done with what it named. Litmus: debra-hazard-clear.
		 */
		debra_hazard_add(hz, smp_load_acquire(&rec->slot[i]));
	debra_hazard_add_log(hz, rec, word);
}

static int debra_hazard_cmp(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

static struct debra_hazards *debra_hazards_collect(struct debra_domain *dom, unsigned long room)
{
	struct debra_hazards *hz;

	/* Not waiting: memory may be scarce because we do not free any. */
	hz = kmalloc(struct_size(hz, addr, room), GFP_NOWAIT | __GFP_NOWARN);
	if (!hz)
		return NULL;
	hz->users = 0;
	hz->nr = 0;
	hz->room = room;
	/* The epoch comes first: see above. */
	hz->epoch = debra_epoch_acquire(dom);
	debra_for_each_guard(dom, debra_hazard_add_guard, hz);
	debra_pause(DEBRA_PAUSE_IN_SNAPSHOT);
	if (debra_busted(UNSEALED))
		hz->epoch = debra_epoch_acquire(dom);
	return hz;
}

static struct debra_hazards *debra_hazards_new(struct debra_domain *dom)
{
	struct debra_hazards *hz;
	unsigned long room = 64;

	for (;;) {
		hz = debra_hazards_collect(dom, room);
		if (!hz || hz->nr <= hz->room)
			break;
		room = hz->nr + hz->nr / 4;
		kfree(hz);
	}
	if (hz)
		sort(hz->addr, hz->nr, sizeof(hz->addr[0]), debra_hazard_cmp, NULL);
	return hz;
}

static void debra_hazards_drop_locked(struct debra_sup *sup)
{
	if (sup->hazards && !sup->hazards->users)
		kfree(sup->hazards);
	/* Else the last user frees it. */
	sup->hazards = NULL;
}

/**
 * debra_hazards_forget - have the next one who asks look at the slots anew
 * @dom: the domain
 */
void debra_hazards_forget(struct debra_domain *dom)
{
	mutex_lock(&dom->sup->hazard_lock);
	debra_hazards_drop_locked(dom->sup);
	mutex_unlock(&dom->sup->hazard_lock);
}

/**
 * debra_hazards_get - a snapshot that is good for what is free by an epoch
 * @dom: the domain
 * @epoch: the epoch, read with acquire by who has taken out what is free
 *
 * Context: process context, may sleep.
 * Return: the snapshot, for debra_hazards_put(); NULL if there is no memory for it.
 */
struct debra_hazards *debra_hazards_get(struct debra_domain *dom, unsigned long epoch)
{
	struct debra_sup *sup = dom->sup;
	struct debra_hazards *hz;

	mutex_lock(&sup->hazard_lock);
	if (sup->hazards && (long)(sup->hazards->epoch - epoch) < 0)
		debra_hazards_drop_locked(sup);
	if (!sup->hazards)
		sup->hazards = debra_hazards_new(dom);
	hz = sup->hazards;
	if (hz)
		hz->users++;
	mutex_unlock(&sup->hazard_lock);
	return hz;
}

/**
 * debra_hazards_put - done with a snapshot
 * @dom: the domain
 * @hz: from debra_hazards_get(); NULL is fine
 */
void debra_hazards_put(struct debra_domain *dom, struct debra_hazards *hz)
{
	if (!hz)
		return;
	mutex_lock(&dom->sup->hazard_lock);
	if (!--hz->users && hz != dom->sup->hazards)
		kfree(hz);
	mutex_unlock(&dom->sup->hazard_lock);
}

/**
 * debra_slot_interval - which addresses are an object's
 * @slot: as in a block
 * @start: set to the first
 *
 * Return: how many.
 */
size_t debra_slot_interval(void *slot, unsigned long *start)
{
	const struct debra_type *type;
	struct debra_head *head = slot;

	if ((unsigned long)slot & DEBRA_SLOT_HEADLESS) {
		*start = (unsigned long)slot & ~DEBRA_SLOT_HEADLESS;
		return ksize((void *)*start);
	}
	if (debra_head_kind(head) == DEBRA_KIND_KFREE) {
		*start = (unsigned long)head - (unsigned long)head->func;
		return ksize((void *)*start);
	}
	type = debra_head_type(head);
	if (type) {
		*start = (unsigned long)head - type->offset;
		return type->size;
	}
	*start = (unsigned long)head - DEBRA_CALL_MARGIN;
	return 2 * DEBRA_CALL_MARGIN + 1;
}

/* Is there an address in the interval? The first that is not below it, then. */
static bool debra_hazards_hit(const struct debra_hazards *hz, void *slot)
{
	unsigned long start, low = 0, high = hz->nr, mid;
	size_t size = debra_slot_interval(slot, &start);

	while (low < high) {
		mid = low + (high - low) / 2;
		if (hz->addr[mid] < start)
			low = mid + 1;
		else
			high = mid;
	}
	return low < hz->nr && hz->addr[low] - start < size;
}

/**
 * debra_hazards_split - tell what may be freed from what has to stay
 * @hz: the snapshot; NULL if everything has to stay
 * @slot: as in a block; reordered so that what may be freed comes first
 * @nr: how many
 *
 * Return: how many may be freed.
 */
unsigned int debra_hazards_split(const struct debra_hazards *hz, void *slot[], unsigned int nr)
{
	unsigned int i = 0;

	if (!hz)
		return 0;
	while (i < nr) {
		if (!debra_hazards_hit(hz, slot[i])) {
			i++;
			continue;
		}
		nr--;
		swap(slot[i], slot[nr]);
	}
	return nr;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra: guards, the readers that a reclaimer can neutralize.
 *
 * A pin holds all memory of its domain back for as long as it lasts. A guard does
 * so until the reclaimer loses patience: then its section is aborted, and from
 * there on only what its hazard slots name is kept for it. The reader learns of it
 * at its next hop, and starts again from the root. So a reader that stalls for
 * ever, preempted, asleep or in an endless loop, holds a handful of objects. After
 * T. Brown's DEBRA+ (PODC 2015), with an IPI in the place of its signal, and with
 * hazards in the place of its siglongjmp().
 *
 *	debra_guard_enter(dom, &g);
 *	restart:
 *	for (link = &list->head; ; link = &node->next) {
 *		if (!debra_hop(&g, i++ % 2, node, *link)) {
 *			debra_guard_restart(&g);
 *			goto restart;
 *		}
 *		if (!node || node->key >= key)
 *			break;
 *	}
 *	... use node: it is protected also if the section is aborted now ...
 *	debra_guard_exit(&g);
 *
 * The rules. An object may be used if a hop to it returned true, and as long as
 * its address stands in the slot of that hop; a link is followed by a hop and in
 * no other way. After a hop that returned false nothing may be read but what the
 * other slots hold; in particular no link of theirs: the object may have been
 * unlinked long ago, and what its links point to may be gone.
 *
 *	context                     task  softirq  hardirq  NMI  sleeps inside
 *	debra_guard_enter            yes      yes      yes  yes             no
 *	debra_guard_enter_sleepable  yes       no       no   no            yes
 *	all others                   that of the guard
 *
 * Documentation/neutralization.md has the protocol and why it is safe.
 */
#ifndef _LINUX_DEBRA_GUARD_H
#define _LINUX_DEBRA_GUARD_H

#include <linux/atomic.h>
#include <linux/debra.h>
#include <linux/list.h>

#define DEBRA_GUARD_SLOTS	6	/* hazards of a guard, as many as fit into a cache line */
#define DEBRA_GUARD_DEPTH	8	/* guards of the non-preemptible form open on a CPU, */
#define DEBRA_GUARD_TASKS	8	/* and sleepable ones that need no lock to enter there */

/* The state of a guard; above these, its generation. */
#define DEBRA_GUARD_ACTIVE	1UL	/* in a section */
#define DEBRA_GUARD_ABORTED	2UL	/* which the reclaimer has aborted, */
#define DEBRA_GUARD_MASKED	4UL	/* or must not abort now */
#define DEBRA_GUARD_FLAGS	7UL
#define DEBRA_GUARD_STEP	8UL

/**
 * struct debra_log_chunk - hazards of a transaction, as it logs them anyway
 * @next: the chunk after this one
 * @entry: the entries; the first word of each is an address
 * @stride: bytes from one entry to the next
 * @nr: how many entries are there, see debra_log_publish()
 *
 * A reclaimer may look into a chunk until an RCU grace period after the section
 * that it was attached to has ended: free chunks with kfree_rcu(), or have them from
 * a cache with SLAB_TYPESAFE_BY_RCU, or keep them.
 */
struct debra_log_chunk {
	struct debra_log_chunk *next;
	const void *entry;
	unsigned int stride;
	unsigned int nr;
};

/*
 * What a reclaimer sees of a guard. The first line is the reader's; the second
 * is written when a guard is entered, or by the reclaimer.
 */
struct debra_guard_rec {
	atomic_long_t word;
	unsigned long epoch;
	const void *slot[DEBRA_GUARD_SLOTS];
	struct debra_log_chunk *log;
	struct task_struct *task;
	pid_t pid;
	unsigned short restarts;
	bool pinged;
	unsigned int taken;
	int cpu;
	unsigned long seen;
	unsigned long since;
	unsigned long round;
	unsigned long settled;
};

/**
 * struct debra_guard - a reader that can be neutralized
 * @rec: what the reclaimer sees; one of the CPU's, or @own
 * @dom: the domain; NULL outside of a section
 * @restarts: how often in a row the section was aborted
 * @form: as it was entered
 * @list: link in the domain's list, when @own is in use
 * @own: used when the CPU has none left
 *
 * On the stack of the reader. The members are private.
 */
struct debra_guard {
	struct debra_guard_rec *rec;
	struct debra_domain *dom;
	unsigned int restarts;
	unsigned int form;
	struct list_head list;
	struct debra_guard_rec own;
};

/*
 * DEFINE_DEBRA_GUARD(name) - a guard on the stack, not zeroed
 *
 * A plain "struct debra_guard name;" does as well, but kernels with
 * CONFIG_INIT_STACK_ALL_* zero it each time for nothing.
 */
#if __has_attribute(uninitialized)
#define DEFINE_DEBRA_GUARD(name)	struct debra_guard name __attribute__((uninitialized))
#else
#define DEFINE_DEBRA_GUARD(name)	struct debra_guard name
#endif

/*
 * Hops take the guard, or, for loops in which every load counts, its member rec, kept
 * in a variable: that stays the same from enter to exit.
 */
#define __debra_guard_rec(g)						\
	_Generic((g),							\
		 struct debra_guard *: ((struct debra_guard *)(g))->rec,	\
		 struct debra_guard_rec *: (struct debra_guard_rec *)(g))

void debra_guard_enter(struct debra_domain *dom, struct debra_guard *g);
void debra_guard_enter_sleepable(struct debra_domain *dom, struct debra_guard *g);
void debra_guard_exit(struct debra_guard *g);
void debra_guard_restart(struct debra_guard *g);
void debra_guard_set_restarts(struct debra_guard *g, unsigned int restarts);
bool debra_guard_mask(struct debra_guard *g);
void debra_guard_unmask(struct debra_guard *g);
void debra_guard_attach_log(struct debra_guard *g, struct debra_log_chunk *log);

static __always_inline bool __debra_rec_aborted(struct debra_guard_rec *rec)
{
	return atomic_long_read(&rec->word) & DEBRA_GUARD_ABORTED;
}

/**
 * debra_guard_aborted() - has the section of a guard been aborted?
 * @g: the guard, or its rec
 *
 * Return: true if the next hop will fail.
 */
#define debra_guard_aborted(g)	__debra_rec_aborted(__debra_guard_rec(g))

static __always_inline bool __debra_rec_protect(struct debra_guard_rec *rec, unsigned int i,
						const void *p)
{
	/*
	 * DMM(hop:A): release, pairs with DMM(hazard:A): what was done to the object
	 * that the slot names now comes before its freeing. Litmus: debra-hazard-clear.
	 */
	smp_store_release(&rec->slot[i], p);
	/*
	 * DMM(hop:B): slot before the look at the word. The barrier that this needs
	 * against the reclaimer is run by DMM(round:B) on our behalf: either it sees
	 * the slot or we see its mark. Pairs with DMM(mark:A). Litmus: debra-hop.
	 */
	barrier();
	return likely(!__debra_rec_aborted(rec));
}

/**
 * debra_guard_protect() - put an address into a slot, and see whether that counts
 * @g: the guard, or its rec
 * @i: which slot, less than %DEBRA_GUARD_SLOTS; what it held is protected no longer
 * @p: an address in the object; not more than 4096 bytes from its head, if it will be
 *	retired by debra_call()
 *
 * For pointers that need some work before they can be used, such as those with a
 * mark in the low bits; else see debra_hop(). @p must have been read inside the
 * section from an object that was protected then, or from the root.
 *
 * Return: true if what @p points to may be used until the slot is overwritten or
 * the section ends; false if the section has been aborted.
 */
#define debra_guard_protect(g, i, p)	__debra_rec_protect(__debra_guard_rec(g), i, p)

/**
 * debra_hop() - follow a link
 * @g: the guard, or its rec
 * @i: which slot to protect the object with
 * @var: the pointer to be set
 * @link: the lvalue to be read: in an object that a slot of @g names, or the root
 *
 * One store, one load and one branch more than rcu_dereference(). The link is not
 * read again: as long as the section has not been aborted the epoch protects it all.
 *
 * Return: true if @var may be used; false if the section has been aborted.
 */
#define debra_hop(g, i, var, link)					\
({									\
	__debra_kernel(link) __debra_p = (__debra_kernel(link))READ_ONCE(link); \
									\
	(var) = __debra_p;						\
	BUILD_BUG_ON(__builtin_constant_p(i) && (i) >= DEBRA_GUARD_SLOTS); \
	debra_guard_protect(g, i, __debra_p);				\
})

/**
 * debra_guard_clear() - give up what a slot protects
 * @g: the guard, or its rec
 * @i: which slot
 */
#define debra_guard_clear(g, i)						\
	smp_store_release(&__debra_guard_rec(g)->slot[i], NULL) /* as in debra_guard_protect() */

/**
 * debra_log_publish() - make the next entry of a log a hazard
 * @g: the guard that the log is attached to
 * @chunk: the chunk; the entry after the last has been written. It is the first chunk, or
 *	its address has been stored in the one before it, with smp_store_release()
 *
 * As debra_guard_protect(), for any number of addresses. An address protects the object
 * that contains it.
 *
 * Return: true if what the entry names may be used until the section ends.
 */
static __always_inline bool debra_log_publish(struct debra_guard *g,
					      struct debra_log_chunk *chunk)
{
	/*
	 * DMM(log:A): the entry before its number; pairs with DMM(log:B). And the
	 * number before the look at the word, as DMM(hop:B). Litmus: debra-log.
	 */
	smp_store_release(&chunk->nr, chunk->nr + 1);
	barrier();
	return likely(!debra_guard_aborted(g));
}

#endif /* _LINUX_DEBRA_GUARD_H */

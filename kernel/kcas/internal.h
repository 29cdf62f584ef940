/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas: what its files share. op.c opens with an overview.
 */
#ifndef _KCAS_INTERNAL_H
#define _KCAS_INTERNAL_H

#include <linux/kcas.h>
#include <linux/kcas-test.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>

#undef pr_fmt
#define pr_fmt(fmt) "kcas: " fmt

#define KCAS_COUNTERS(X)		\
	X(OPS, ops)			\
	X(SUCCEEDED, succeeded)		\
	X(FAILED, failed)		\
	X(CONFLICTS, conflicts)		\
	X(FALLBACKS, fallbacks)		\
	X(HELPS, helps)			\
	X(SINGLES, singles)		\
	X(READS_SLOW, reads_slow)	\
	X(CLEANED, cleaned)		\
	X(DISPLACED, displaced)		\
	X(BLOCKS_RETIRED, blocks_retired)	\
	X(BLOCKS_REUSED, blocks_reused)	\
	X(LARGE, large)			\
	X(NO_MEMORY, no_memory)

enum kcas_counter {
#define X(id, name) KCAS_C_##id,
	KCAS_COUNTERS(X)
#undef X
	KCAS_NR_COUNTERS
};

enum kcas_status {
	KCAS_UNDECIDED,
	KCAS_SUCCEEDED,
	KCAS_FAILED,		/* a word had another value */
	KCAS_CONFLICT,		/* a compared word was touched: try again */
};

/**
 * struct kcas_entry - one word of an operation
 * @word: the word
 * @old: the value that it must have
 * @new: the value that it gets
 * @seen: for a compare: the content that stood for @old when it was logged
 * @desc: the operation
 *
 * Its address with bit 0 set is what the word holds while it refers to it.
 */
struct kcas_entry {
	struct kcas_word *word;
	unsigned long old;
	unsigned long new;
	unsigned long seen;
	struct kcas_desc *desc;
};

/**
 * struct kcas_desc - an operation
 * @status: enum kcas_status
 * @nr_writes: entries that are written, in the order of their addresses
 * @nr: all of them; those behind are compared
 * @entry: the entries
 */
struct kcas_desc {
	unsigned long status;
	unsigned int nr_writes;
	unsigned int nr;
	struct kcas_entry entry[];
};

/**
 * struct kcas_block - memory for descriptors, used up from the front
 * @head: the reclaimer's
 * @arena: where it goes back to; NULL if it is for one large operation
 * @free: link there
 * @used: bytes of @data that hold descriptors
 * @size: bytes of @data
 * @data: descriptors, one after the other
 */
struct kcas_block {
	struct debra_head head;
	struct kcas_arena *arena;
	struct llist_node free;
	unsigned int used;
	unsigned int size;
	unsigned char data[] __aligned(8);
};

#define KCAS_BLOCK_BYTES	8192
#define KCAS_BLOCK_DATA		(KCAS_BLOCK_BYTES - sizeof(struct kcas_block))

/* A context of a CPU: what runs in one never interrupts another of the same. */
enum kcas_context {
	KCAS_TASK,
	KCAS_SOFTIRQ,
	KCAS_HARDIRQ,
	KCAS_NMI,
	KCAS_NR_CONTEXTS
};

/**
 * struct kcas_arena - descriptors of one context of one CPU
 * @cur: the block in use
 * @busy: an operation is under way here
 * @nr_blocks: how many blocks there are in all, wherever they are
 * @free: blocks that can be used again
 */
struct kcas_arena {
	struct kcas_block *cur;
	bool busy;
	atomic_t nr_blocks;
	struct llist_head free;
};

/**
 * struct kcas_cpu - what one CPU has
 * @arena: descriptors
 * @count: counters
 * @flush: takes the blocks out of use that are not full
 */
struct kcas_cpu {
	struct kcas_arena arena[KCAS_NR_CONTEXTS];
	unsigned long count[KCAS_NR_COUNTERS];
	struct work_struct flush;
} ____cacheline_aligned;

DECLARE_PER_CPU(struct kcas_cpu, kcas_cpus);

static inline void kcas_count(enum kcas_counter id)
{
	this_cpu_inc(kcas_cpus.count[id]);
}

static inline bool kcas_is_ref(unsigned long content)
{
	return content & KCAS_RESERVED;
}

static inline unsigned long kcas_ref(const struct kcas_entry *e)
{
	return (unsigned long)e | KCAS_RESERVED;
}

static inline struct kcas_entry *kcas_entry_of(unsigned long content)
{
	return (struct kcas_entry *)(content & ~KCAS_RESERVED);
}

static inline size_t kcas_desc_size(unsigned int nr)
{
	return sizeof(struct kcas_desc) + nr * sizeof(struct kcas_entry);
}

/* check.c: what CONFIG_DEBRA_BUSTED can do wrong, with the parameter busted */
enum kcas_bust {
	KCAS_BUST_NONE,
	KCAS_BUST_NO_CHECK,	/* install without a look at the status */
	KCAS_BUST_BY_VALUE,	/* compares are verified by value */
	KCAS_BUST_UNDECIDED,	/* verification takes undecided references for old values */
	KCAS_BUST_NO_CLEAN_GRACE,	/* clean at once */
	KCAS_BUST_NO_REUSE_GRACE,	/* reuse at once after cleaning */
	KCAS_BUST_RAW_SINGLE,	/* one-word operations write raw values */
	KCAS_BUST_RETIRE_EARLY,	/* objects with words wait for one grace period only */
	KCAS_BUST_NO_HELP,	/* wait for whoever is in the way */
};

#ifdef CONFIG_DEBRA_DEBUG
void kcas_pause(enum kcas_pause where, const struct kcas_word *word);
#else
static inline void kcas_pause(enum kcas_pause where, const struct kcas_word *word) { }
#endif

#ifdef CONFIG_DEBRA_BUSTED
extern unsigned int kcas_bust;
#define kcas_busted(what)	(READ_ONCE(kcas_bust) == KCAS_BUST_##what)
#else
#define kcas_busted(what)	false
#endif

/* main.c */
extern struct workqueue_struct *kcas_wq;
extern struct workqueue_struct *kcas_flush_wq;	/* whom a work on kcas_wq waits for */

/* pool.c */
extern unsigned int kcas_max_blocks;
struct kcas_desc *kcas_desc_get(unsigned int nr, struct kcas_block **large);
void kcas_desc_put(struct kcas_desc *desc, struct kcas_block **large, bool published);
struct kcas_block *kcas_large_alloc(unsigned int nr);
void kcas_large_free(struct kcas_block *block);
void kcas_flush_cpus(void);
int kcas_pool_start(void);
void kcas_pool_stop(void);

#endif /* _KCAS_INTERNAL_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas: what its files share. op.c opens with an overview.
 */
#ifndef _KCAS_INTERNAL_H
#define _KCAS_INTERNAL_H

#include <linux/kcas.h>
#include <linux/kcas-test.h>
#include <linux/kcas-tx.h>
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/workqueue.h>

#undef pr_fmt
#define pr_fmt(fmt) "kcas: " fmt

/* Those of transactions come last. */
#define KCAS_COUNTERS(X)		\
	X(FALLBACKS, fallbacks)		\
	X(HELPS, helps)			\
	X(SINGLES, singles)		\
	X(READS_SLOW, reads_slow)	\
	X(CLEANED, cleaned)		\
	X(DISPLACED, displaced)		\
	X(BLOCKS_RETIRED, blocks_retired)	\
	X(BLOCKS_REUSED, blocks_reused)	\
	X(LARGE, large)			\
	X(NO_MEMORY, no_memory)		\
	X(PACED, paced)			\
	X(TX_STARTED, tx_started)	\
	X(TX_COMMITTED, tx_committed)	\
	X(TX_READ_ONLY, tx_read_only)	\
	X(TX_CONFLICT_READ, tx_conflict_read)		\
	X(TX_CONFLICT_COMMIT, tx_conflict_commit)	\
	X(TX_NEUTRALIZED, tx_neutralized)	\
	X(TX_GROWN, tx_grown)		\
	X(TX_HELD, tx_held)		\
	X(TX_INJECTED, tx_injected)	\
	X(TX_NO_MEMORY, tx_no_memory)	\
	X(TX_USER, tx_user)		\
	X(TX_TIMEOUT, tx_timeout)	\
	X(TX_SIGNAL, tx_signal)		\
	X(TX_GIVEN_UP, tx_given_up)	\
	X(TX_BLOCKED, tx_blocked)	\
	X(TX_WOKEN, tx_woken)		\
	X(TX_STARVED, tx_starved)	\
	X(TX_VALIDATIONS, tx_validations)	\
	X(TX_LENGTH_1, tx_length_1)	\
	X(TX_LENGTH_4, tx_length_4)	\
	X(TX_LENGTH_16, tx_length_16)	\
	X(TX_LENGTH_256, tx_length_256)	\
	X(TX_LENGTH_4096, tx_length_4096)	\
	X(TX_LENGTH_MORE, tx_length_more)

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
	KCAS_NR_STATUS
};

/* Operations are counted by how they have ended and by how many words; the last is for more. */
#define KCAS_NR_SIZES		16

/**
 * struct kcas_entry - one word of an operation
 * @word: the word
 * @old: the value that it must have
 * @new: the value that it gets
 * @seen: of a compare instead: the content that stood for @old when it was logged
 * @desc: the operation
 *
 * Its address with bit 0 set is what the word holds while it refers to it.
 */
struct kcas_entry {
	struct kcas_word *word;
	unsigned long old;
	union {
		unsigned long new;
		unsigned long seen;
	};
	struct kcas_desc *desc;
};

/**
 * struct kcas_desc - an operation
 * @status: enum kcas_status
 * @nr_writes: entries that are written, in the order of their addresses
 * @nr: all of them; those behind are compared
 * @stamp: when it was, see kcas_stamp()
 * @entry: the entries
 */
struct kcas_desc {
	unsigned long status;
	unsigned int nr_writes;
	unsigned int nr;
	unsigned long stamp;
	struct kcas_entry entry[];
};

/*
 * Stamps number the operations of an arena, with the arena's number below: those of one
 * arena come one after the other. One that came into the middle of another has 0.
 */
#define KCAS_STAMP_BITS		16
#define KCAS_STAMP_ONE		BIT(KCAS_STAMP_BITS)
#define KCAS_STAMP_ARENA	(KCAS_STAMP_ONE - 1)
static_assert(BITS_PER_LONG == 64);
#define KCAS_STAMP_RAW		ULONG_MAX	/* of a word that refers to no operation */

/**
 * struct kcas_tx_entry - one word of a transaction
 * @op: the word, the value that was read, and the one to be written
 * @seen: the content that stood for that value
 */
struct kcas_tx_entry {
	struct kcas_op op;
	unsigned long seen;
};

/* The first chunk of a log has this many entries, the second as many, then each twice. */
#define KCAS_LOG_FEW		16
#define KCAS_LOG_CHUNKS		15

/**
 * struct kcas_log_chunk - a part of a log that did not fit into its beginning
 * @hazards: what the reclaimer sees of it
 * @rcu: it may still be looked at
 * @entry: the entries
 */
struct kcas_log_chunk {
	struct debra_log_chunk hazards;
	struct rcu_head rcu;
	struct kcas_tx_entry entry[];
};

/* Where the words of an operation come from: an array, or the log of a transaction. */
struct kcas_source {
	const void *first;
	unsigned int stride;
	struct kcas_log_chunk **chunk;
};

static __always_inline const struct kcas_op *kcas_next_op(const struct kcas_source *src,
							  const struct kcas_op *op)
{
	return (const void *)op + src->stride;
}

/* Which chunk an entry is in, from 1; @i: at least KCAS_LOG_FEW. */
static inline unsigned int kcas_log_chunk_of(unsigned int i)
{
	return fls(i / KCAS_LOG_FEW);
}

/* How many entries are in the chunks before. */
static inline unsigned int kcas_log_before(unsigned int chunk)
{
	return KCAS_LOG_FEW << (chunk - 1);
}

static inline const struct kcas_op *kcas_source_op(const struct kcas_source *src, unsigned int i)
{
	unsigned int chunk;

	if (!src->chunk || i < KCAS_LOG_FEW)
		return src->first + i * src->stride;
	chunk = kcas_log_chunk_of(i);
	return &src->chunk[chunk]->entry[i - kcas_log_before(chunk)].op;
}

/* What the entries of all operations refer to that write one word and are done. */
extern struct kcas_desc kcas_done;

/**
 * struct kcas_block - memory for descriptors, used up from the front
 * @head: the reclaimer's
 * @arena: who is charged for it
 * @free: link in the arena's list
 * @used: bytes of @data that hold descriptors
 * @size: bytes of @data
 * @charge: as how many blocks it counts; more than 1 if it is for one large operation
 * @large: it is not for the arena's list
 * @phase: where it is counted as long as it is not clean, see kcas_clean_all()
 * @data: one after the other: descriptors, and entries of one-word operations. These
 *	begin with an address, those with a status.
 */
struct kcas_block {
	struct debra_head head;
	struct kcas_arena *arena;
	struct llist_node free;
	unsigned int used;
	unsigned int size;
	unsigned int charge;
	bool large;
	u8 phase;
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
 * @stamp: of the operation that has begun last
 * @busy: a descriptor has been taken and not been put
 * @count: counters
 * @op: attempts that have been decided, by status and size
 * @log: for the next transaction
 * @task_log: with PREEMPT_RT: for the next one of those that may be preempted
 * @tx: one is under way, and preemption is off
 * @longest: operations that one has helped in a row, at most
 * @slowest: jiffies that an attempt of a transaction took, at most
 * @unluckiest: conflicts that a transaction had, at most
 * @nr_blocks: how many blocks it is charged for, wherever they are
 * @nr_free: how many there are in @free, about
 * @spare: how many it should keep there
 * @hungry: it has run out of blocks or is about to, and cannot or may not allocate any
 * @crowded: so many blocks are on their way back that who may sleep should, see kcas_pace()
 * @crowd: how many those are if it is more than usual, since it was waited in vain
 * @free: blocks that can be used again
 */
struct kcas_arena {
	struct kcas_block *cur;
	unsigned long stamp;
	bool busy;
	unsigned long count[KCAS_NR_COUNTERS];
	unsigned long op[KCAS_NR_STATUS][KCAS_NR_SIZES];
	struct kcas_log *log;
	struct kcas_log *task_log;
	bool tx;
	unsigned long longest;
	unsigned long slowest;
	unsigned int unluckiest;
	atomic_t nr_blocks;
	atomic_t nr_free;
	unsigned int spare;
	bool hungry;
	bool crowded;
	unsigned int crowd;
	struct llist_head free;
} ____cacheline_aligned;

/**
 * struct kcas_cpu - what one CPU has
 * @arena: descriptors
 * @flush: takes the blocks out of use that are not full
 * @feed: queues @refill, from any context
 * @refill: allocates blocks for arenas that are hungry
 */
struct kcas_cpu {
	struct kcas_arena arena[KCAS_NR_CONTEXTS];
	struct work_struct flush;
	struct irq_work feed;
	struct work_struct refill;
};

extern struct kcas_cpu __percpu *kcas_cpus;

static inline enum kcas_context kcas_context(void)
{
	if (likely(in_task()))
		return KCAS_TASK;
	if (in_nmi())
		return KCAS_NMI;
	return in_hardirq() ? KCAS_HARDIRQ : KCAS_SOFTIRQ;
}

/* May the allocator be called here? */
static inline bool kcas_may_alloc(void)
{
	return !in_nmi() && !(IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible());
}

/* Of the caller's context. Pinned. */
static inline struct kcas_arena *kcas_arena_here(void)
{
	struct kcas_arena *arena = &this_cpu_ptr(kcas_cpus)->arena[kcas_context()];

	/* Else compilers keep the context, and multiply at each use. */
	OPTIMIZER_HIDE_VAR(arena);
	return arena;
}

/* Preemption off; nobody else writes the counters of this context. */
static inline void kcas_count(struct kcas_arena *arena, enum kcas_counter id)
{
	WRITE_ONCE(arena->count[id], arena->count[id] + 1);
}

/* The same, of an operation. */
static inline void kcas_count_op(struct kcas_arena *arena, enum kcas_status status,
				 unsigned int nr)
{
	unsigned long *op = &arena->op[status][min(nr, KCAS_NR_SIZES - 1U)];

	WRITE_ONCE(*op, *op + 1);
}

/* Where it may be on. */
static inline void kcas_count_any(enum kcas_counter id, unsigned long nr)
{
	struct kcas_arena *arena;

	preempt_disable();
	arena = kcas_arena_here();
	WRITE_ONCE(arena->count[id], arena->count[id] + nr);
	preempt_enable();
}

static inline bool kcas_is_ref(unsigned long content)
{
	return content & KCAS_RESERVED;
}

static inline unsigned long kcas_ref(const struct kcas_entry *e)
{
	return (unsigned long)e | KCAS_RESERVED;
}

/* Is what was @seen in a word still there, or the value that it stood for, after cleaning? */
static __always_inline bool kcas_still(unsigned long content, unsigned long seen,
				       unsigned long value)
{
	return content == seen ||
	       (kcas_is_ref(seen) && !kcas_is_ref(content) && content == value);
}

static inline struct kcas_entry *kcas_entry_of(unsigned long content)
{
	return (struct kcas_entry *)(content & ~KCAS_RESERVED);
}

static inline enum kcas_status kcas_status(const struct kcas_desc *d)
{
	/* KMM(status:A): acquire, pairs with KMM(decide:A). Litmus: kcas-status-atomic. */
	return smp_load_acquire(&d->status);
}

/* What a reference stands for once its operation is decided. */
static inline unsigned long kcas_outcome(const struct kcas_entry *e, enum kcas_status status)
{
	return status == KCAS_SUCCEEDED ? e->new : e->old;
}

static inline bool kcas_is_decided(unsigned long content)
{
	return !kcas_is_ref(content) ||
	       kcas_status(kcas_entry_of(content)->desc) != KCAS_UNDECIDED;
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
	KCAS_BUST_TX_TORN,	/* transactions never look again at what they have read */
	KCAS_BUST_TX_PIECES,	/* they commit one word after the other */
	KCAS_BUST_TX_ASLEEP,	/* they sleep without a second look */
	KCAS_BUST_TX_DEAF,	/* they do not notice that they were neutralized */
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

static inline bool kcas_bad_word(const struct kcas_word *word)
{
	return !word || !IS_ALIGNED((unsigned long)word, sizeof(*word));
}

/* op.c */
unsigned long kcas_decided(struct kcas_word *word);
unsigned long kcas_peek(struct kcas_word *word);
int kcas_commit_log(struct kcas_tx_entry *first, struct kcas_log_chunk **chunk, unsigned int nr);

/* hot.c */
struct dentry;
void kcas_hot(const struct kcas_word *word);
void kcas_hot_reset(void);
void kcas_hot_start(struct dentry *dir);

/* debugfs.c */
void kcas_debugfs_start(void);
void kcas_debugfs_stop(void);

/* wait.c */
extern atomic_t kcas_nr_waiters;
void __kcas_wake(struct kcas_word *word);

/* A value has changed, and that was a full barrier. Pinned. */
static __always_inline void kcas_wake(struct kcas_word *word)
{
	/*
	 * KMM(wake:A): after the change; pairs with KMM(wait:A): who waits is counted
	 * before he looks again. Litmus: kcas-tx-wait.
	 */
	if (unlikely(atomic_read(&kcas_nr_waiters)))
		__kcas_wake(word);
}

/* main.c */
extern unsigned int kcas_patience;
extern unsigned int kcas_tx_patience;
extern unsigned int kcas_stall_ms;
extern struct workqueue_struct *kcas_wq;
extern struct workqueue_struct *kcas_flush_wq;	/* whom a work on kcas_wq waits for */

/* pool.c */
extern unsigned int kcas_max_blocks;
void *kcas_arena_get_slow(struct kcas_arena *arena, size_t size);
void kcas_block_retire(struct kcas_block *block);
void __kcas_pace(struct kcas_arena *arena);
struct kcas_block *kcas_large_alloc(size_t size);
void kcas_large_free(struct kcas_block *block);
void kcas_flush_cpus(void);
void kcas_clean_all(void);
int kcas_pool_start(void);
void kcas_pool_stop(void);

/**
 * kcas_pace - let blocks come back before more are taken, where that is possible
 * @arena: that was used; we may be elsewhere by now
 *
 * Context: any, outside the pin; sleeps only where the caller may.
 */
static __always_inline void kcas_pace(struct kcas_arena *arena)
{
	if (unlikely(READ_ONCE(arena->crowded)))
		__kcas_pace(arena);
}

static inline void *kcas_block_take(struct kcas_block *block, size_t size)
{
	void *mem = &block->data[block->used];

	block->used += size;
	return mem;
}

/**
 * kcas_arena_begin - an operation begins
 * @arena: of the caller's context
 *
 * Context: any, pinned until kcas_arena_end().
 * Return: its stamp; 0 if it has come into the middle of another operation of the arena, and
 * so must leave its memory alone. Only if interrupts of one kind nest, or in an exception.
 */
static __always_inline unsigned long kcas_arena_begin(struct kcas_arena *arena)
{
	unsigned long stamp;

	if (unlikely(arena->busy))
		return 0;
	kcas_pause(KCAS_PAUSE_BEFORE_STAMP, NULL);
	WRITE_ONCE(arena->busy, true);
	/* Compilers only: who has come in between has had a stamp of his own. */
	barrier();
	stamp = arena->stamp + KCAS_STAMP_ONE;
	/*
	 * KMM(stamp:A): release, after the decision of all operations before; pairs with
	 * KMM(known:A). Litmus: kcas-stamp-known.
	 */
	smp_store_release(&arena->stamp, stamp);
	return stamp;
}

/**
 * kcas_arena_end - an operation is decided, or nobody has seen it
 * @arena: as for kcas_arena_begin()
 * @stamp: from there
 */
static __always_inline void kcas_arena_end(struct kcas_arena *arena, unsigned long stamp)
{
	/* Compilers only: whoever comes next here interrupts us. */
	barrier();
	if (likely(stamp))
		WRITE_ONCE(arena->busy, false);
}

/**
 * kcas_mem_get - memory for a descriptor, or for the entry of a one-word operation
 * @arena: in which an operation has begun, with a stamp
 * @size: how much
 *
 * Return: the memory; NULL if there is none.
 */
static __always_inline void *kcas_mem_get(struct kcas_arena *arena, size_t size)
{
	struct kcas_block *block = arena->cur;

	if (unlikely(!block || block->size - block->used < size))
		return kcas_arena_get_slow(arena, size);
	return kcas_block_take(block, size);
}

/* Nobody else has seen it: give it back, in the same operation. */
static __always_inline void kcas_mem_put(struct kcas_arena *arena, void *mem)
{
	arena->cur->used = (unsigned char *)mem - arena->cur->data;
}

#endif /* _KCAS_INTERNAL_H */

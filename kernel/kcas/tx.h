/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas: what the files of transactions share. tx.c opens with an overview.
 */
#ifndef _KCAS_TX_H
#define _KCAS_TX_H

#include "internal.h"

enum kcas_tx_state {
	KCAS_TX_NEW,		/* has not run yet */
	KCAS_TX_RUNNING,	/* in an attempt */
	KCAS_TX_OVER,
};

/* Why an attempt has ended. */
enum kcas_tx_why {
	KCAS_TX_COMMITTED,
	KCAS_TX_CONFLICT_READ,		/* what was read does not hold any more */
	KCAS_TX_CONFLICT_COMMIT,	/* or not when it was to be written */
	KCAS_TX_NEUTRALIZED,
	KCAS_TX_GROWN,			/* again, where memory can be waited for */
	KCAS_TX_HELD,			/* again, after the one who starves */
	KCAS_TX_INJECTED,		/* again, to test that */
	KCAS_TX_BLOCKED,		/* again, when something has changed */
	KCAS_TX_NO_MEMORY,
	KCAS_TX_USER,			/* the body's own error, or one that it has made */
	KCAS_TX_TIMEOUT,
	KCAS_TX_SIGNAL,
	KCAS_TX_GIVEN_UP,
};

enum kcas_tx_record_kind {
	KCAS_TX_ON_COMMIT,
	KCAS_TX_ON_ABORT,
	KCAS_TX_ON_END,		/* was ON_ABORT, of what was rolled back */
	KCAS_TX_ALLOC,
	KCAS_TX_GARBAGE,	/* was ALLOC, of what was rolled back */
	KCAS_TX_RETIRE,
};

/**
 * struct kcas_tx_record - something to be done when an attempt ends
 * @kind: what
 * @arg: the argument, the memory, or the head
 * @fn: the action
 * @func: the callback, for memory to be retired
 */
struct kcas_tx_record {
	enum kcas_tx_record_kind kind;
	void *arg;
	union {
		kcas_tx_action_fn fn;
		kcas_func_t func;
	};
};

/**
 * struct kcas_tx_garbage - memory of an attempt with words that an operation has had
 * @head: retired
 * @nr: how many
 * @mem: for kfree()
 *
 * In the place of the records, of which each is larger.
 */
struct kcas_tx_garbage {
	struct kcas_head head;
	unsigned int nr;
	void *mem[];
};

/**
 * struct kcas_tx_undo - a write that can be rolled back
 * @entry: which
 * @new: what was to be written before
 */
struct kcas_tx_undo {
	struct kcas_tx_entry *entry;
	unsigned long new;
};

/**
 * struct kcas_node - a word that somebody waits for
 * @list: link in a bucket
 * @word: the word
 * @waiter: who waits
 */
struct kcas_node {
	struct list_head list;
	struct kcas_word *word;
	struct kcas_waiter *waiter;
};

/**
 * struct kcas_waiter - a transaction that waits
 * @task: whose
 * @node: one for each word
 * @nr: how many
 * @woken: a word has changed
 */
struct kcas_waiter {
	struct task_struct *task;
	struct kcas_node *node;
	unsigned int nr;
	bool woken;
};

/* Arrays that grow: so many are there, and there is room for so many. */
struct kcas_array {
	void *mem;
	unsigned int nr;
	unsigned int room;
};

#define KCAS_TX_SHORT		64	/* words with preemption off, if there is another way */
#define KCAS_ARRAY_LEAST	8	/* room of the smallest */

#define KCAS_KEPT_CHUNK		2	/* chunks up to this one stay with the log, */
#define KCAS_KEPT_HASH		128	/* and hash tables up to this size, */
#define KCAS_KEPT_ARRAY		64	/* and arrays of so many elements */

/**
 * struct kcas_log - what a transaction has read and wants to write
 * @hazards: what the reclaimer sees of @entry, after the first few
 * @entry: the first entries
 * @chunk: the others, from index 1
 * @hash: indices of entries by word, plus 1; 0 is none
 * @hash_size: how large it is, a power of 2; 0: there is none
 * @records: struct kcas_tx_record
 * @undo: struct kcas_tx_undo
 * @nodes: struct kcas_node
 *
 * From a cache whose memory stays what it is for an RCU grace period: the reclaimer may
 * look at @hazards after the end of the transaction.
 */
struct kcas_log {
	struct debra_log_chunk hazards;
	struct kcas_tx_entry entry[KCAS_LOG_FEW];
	struct kcas_log_chunk *chunk[KCAS_LOG_CHUNKS];
	u32 *hash;
	unsigned int hash_size;
	struct kcas_array records;
	struct kcas_array undo;
	struct kcas_array nodes;
};

static inline bool kcas_tx_may_wait(const struct kcas_tx *tx)
{
	return !(tx->flags & KCAS_TX_NOWAIT);
}

/* Is there a form that can be preempted, and may wait for memory? */
static inline bool kcas_tx_may_grow(const struct kcas_tx *tx)
{
	return !tx->long_form && !(tx->flags & (KCAS_TX_NOWAIT | KCAS_TX_PINNED));
}

static inline unsigned int kcas_tx_wait_state(const struct kcas_tx *tx)
{
	if (tx->flags & KCAS_TX_INTERRUPTIBLE)
		return TASK_INTERRUPTIBLE;
	/* As long as it takes: that is no hung task. */
	return tx->flags & KCAS_TX_KILLABLE ? TASK_KILLABLE : TASK_IDLE;
}

static inline struct kcas_tx_entry *kcas_tx_entry(const struct kcas_tx *tx, unsigned int i)
{
	struct kcas_log *log = tx->log;
	unsigned int chunk;

	if (likely(i < KCAS_LOG_FEW))
		return &log->entry[i];
	chunk = kcas_log_chunk_of(i);
	return &log->chunk[chunk]->entry[i - kcas_log_before(chunk)];
}

/* Calls a function for each entry of a transaction's log, in the order in which they came. */
#define kcas_tx_for_each_entry(tx, i, e)					\
	for ((i) = 0; (i) < (tx)->nr && ((e) = kcas_tx_entry(tx, i)); (i)++)

/* tx.c */
int kcas_tx_fail(struct kcas_tx *tx, enum kcas_tx_why why, int err);
int kcas_tx_need_memory(struct kcas_tx *tx);
void __kcas_tx_count(enum kcas_counter id);
int kcas_tx_check_end(struct kcas_tx *tx);
void kcas_tx_back_off(const struct kcas_tx *tx);
#ifdef CONFIG_DEBRA_DEBUG
bool kcas_tx_injected(struct kcas_tx *tx);
bool kcas_tx_no_memory(void);
#else
static inline bool kcas_tx_injected(struct kcas_tx *tx) { return false; }
static inline bool kcas_tx_no_memory(void) { return false; }
#endif

/**
 * kcas_tx_count - for the statistics
 * @tx: the transaction, in an attempt
 * @id: what has happened
 */
static inline void kcas_tx_count(const struct kcas_tx *tx, enum kcas_counter id)
{
	if (likely(!tx->long_form))
		kcas_count(tx->arena, id);
	else
		__kcas_tx_count(id);
}

/*
 * With PREEMPT_RT: who may be preempted may keep a log for long; one is for those who have no
 * other way.
 */
static inline bool kcas_log_of_task(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT) && kcas_may_alloc();
}

/* log.c */
int __kcas_log_get(struct kcas_tx *tx);
void kcas_log_keep(struct kcas_tx *tx);
void __kcas_log_put(struct kcas_tx *tx);
void kcas_log_empty(struct kcas_tx *tx);
struct kcas_tx_entry *kcas_tx_access(struct kcas_tx *tx, struct kcas_word *word);
bool kcas_tx_unchanged(struct kcas_tx *tx);
void *kcas_array_add(struct kcas_tx *tx, struct kcas_array *array, size_t size);
void *kcas_tx_kmem(struct kcas_tx *tx, size_t size);
void *kcas_tx_mem(struct kcas_tx *tx, size_t size);
int kcas_log_start(void);
void kcas_log_stop(void);

/* The log that an arena has for the next one, or NULL. Preemption off. */
static inline struct kcas_log *kcas_log_take(struct kcas_arena *arena, bool task)
{
	struct kcas_log **place = task ? &arena->task_log : &arena->log;
	struct kcas_log *log = *place;

	*place = NULL;
	return log;
}

/**
 * kcas_log_get - find a log for a transaction
 * @tx: the transaction, before its first attempt, with the log that the arena had or none
 *
 * Return: 0 or -ENOMEM.
 */
static inline int kcas_log_get(struct kcas_tx *tx)
{
	return likely(tx->log) && !IS_ENABLED(CONFIG_PREEMPT_RT) ? 0 : __kcas_log_get(tx);
}

/**
 * kcas_log_put - give the log back, if there is one
 * @tx: the transaction, outside of a section
 */
static inline void kcas_log_put(struct kcas_tx *tx)
{
	if (tx->log)
		__kcas_log_put(tx);
}

/* record.c */
void kcas_records_rollback(struct kcas_tx *tx, unsigned int to);
void kcas_records_commit(struct kcas_tx *tx);
void kcas_records_abort(struct kcas_tx *tx);

/* starve.c */
extern struct task_struct *kcas_starver;
int kcas_tx_let_pass(struct kcas_tx *tx);
int kcas_tx_starve(struct kcas_tx *tx);
void __kcas_tx_starve_end(struct kcas_tx *tx);

/**
 * kcas_tx_held_back - does somebody starve?
 * @tx: the transaction, about to write
 *
 * No ordering: who looks too early commits, once more.
 *
 * Return: true if it has to wait.
 */
static inline bool kcas_tx_held_back(const struct kcas_tx *tx)
{
	struct task_struct *starver = READ_ONCE(kcas_starver);

	return unlikely(starver) && kcas_tx_may_wait(tx) && starver != current;
}

/**
 * kcas_tx_starve_end - it has committed, or waits for something else
 * @tx: the transaction, outside of a section
 */
static inline void kcas_tx_starve_end(struct kcas_tx *tx)
{
	if (unlikely(tx->starving))
		__kcas_tx_starve_end(tx);
}

/* stall.c */
void kcas_stall_report(const char *what, unsigned long took, const struct kcas_tx *tx);

/* wait.c */
void kcas_wait_start(void);
void kcas_wait_stop(void);
bool kcas_wait_prepare(struct kcas_tx *tx, struct kcas_waiter *waiter);
int kcas_wait_sleep(struct kcas_tx *tx, struct kcas_waiter *waiter);
void kcas_wait_end(struct kcas_waiter *waiter);

#endif /* _KCAS_TX_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas: transactions on words.
 *
 * A transaction is a function that may run several times, of which one takes effect, all
 * at one moment:
 *
 *	static int move_one(struct kcas_tx *tx, void *arg)
 *	{
 *		struct pair *p = arg;
 *		int err;
 *
 *		err = kcas_tx_dec(tx, &p->from);
 *		return err ?: kcas_tx_inc(tx, &p->to);
 *	}
 *
 *	err = kcas_tx_run(move_one, &pair, NULL);
 *
 * or, in place,
 *
 *	kcas_tx_loop(tx, NULL, err) {
 *		err = kcas_tx_dec(tx, &p->from) ?: kcas_tx_inc(tx, &p->to);
 *	}
 *
 * What the body returns: 0 to commit; an error of its own to undo everything and hand that to
 * the caller; what an accessor or kcas_tx_retry() has returned, as it is. Errors of accessors
 * stay: every one after it returns the same at once, so a body may look at each, or at the
 * last, or at none; the transaction goes no further in any case.
 *
 * Opacity: what a body has read without an error held together at one moment, also in an
 * attempt that is thrown away later. So no body follows a pointer that is not there any more
 * or divides by a zero that never was.
 *
 * Memory: a body runs in a section of &kcas_domain. Objects that its words point to
 * stay until the end of the attempt, though they may be retired meanwhile. A
 * section that lasts too long is neutralized: from then on only that is kept to which the
 * values that the transaction has read point, and the next access starts it anew. So the
 * pointers that a body follows have to come from kcas_tx_get_ptr() or kcas_tx_protect(), or be
 * kept by other means; %KCAS_TX_PINNED lifts that rule. Words have to lie in objects that are
 * freed by kcas_retire(), or not at all.
 *
 * Bodies must not sleep, unless the transaction is %KCAS_TX_SLEEPABLE; must not run another
 * transaction, except by giving it their own @tx; and must not take a lock under which
 * somebody else waits for a transaction (lockdep says so).
 *
 *	context                           task  softirq  hardirq  NMI   sleeps
 *	kcas_tx_run, kcas_tx_loop          yes       no       no   no      yes
 *	the same, %KCAS_TX_NOWAIT          yes      yes      yes  yes       no
 *	all that takes a tx                that of the transaction
 *
 * Up to 16 words need no memory but a block of the pool for the commit. More words, many
 * actions and kcas_tx_alloc() do, and with %KCAS_TX_NOWAIT and %KCAS_TX_PINNED have to find it
 * at once: there is no other form to fall back to. In an NMI there never is any, and with
 * PREEMPT_RT these two never have any, as the allocator may not be called with preemption off.
 * What they cannot have is -ENOMEM, and nothing was done.
 *
 * Documentation/transactions.md has the design, Documentation/tutorial.md a way in.
 */
#ifndef _LINUX_KCAS_TX_H
#define _LINUX_KCAS_TX_H

#include <linux/bits.h>
#include <linux/debra-guard.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kcas.h>

struct kcas_log;
struct kcas_arena;

/* Flags of a transaction. With PREEMPT_RT, NOWAIT and PINNED leave it without memory: see above. */
#define KCAS_TX_NOWAIT		BIT(0)	/* never sleeps, any context; retry is -EWOULDBLOCK */
#define KCAS_TX_INTERRUPTIBLE	BIT(1)	/* signals end a wait: -ERESTARTSYS */
#define KCAS_TX_KILLABLE	BIT(2)	/* fatal ones do */
#define KCAS_TX_SLEEPABLE	BIT(3)	/* the body may sleep */
#define KCAS_TX_PINNED		BIT(4)	/* cannot be neutralized, and holds memory back */
#define KCAS_TX_RELAXED		BIT(5)	/* no opacity: see kcas_tx_validate() */
#define KCAS_TX_FLAGS		(BIT(6) - 1)

/**
 * struct kcas_tx_opts - how a transaction is run; zero is the default of each
 * @flags: KCAS_TX_*
 * @gfp: for memory, where it may sleep; default %GFP_KERNEL
 * @timeout: jiffies from the beginning to -ETIMEDOUT; 0: for ever
 * @attempts: conflicts before it gives up with -EBUSY; 0: never
 * @patience: conflicts before the others are held back; 0: the module's parameter tx_patience
 */
struct kcas_tx_opts {
	unsigned int flags;
	gfp_t gfp;
	unsigned long timeout;
	unsigned int attempts;
	unsigned int patience;
};

#define KCAS_TX_SLOTS	4	/* words whose values the slots of the guard protect */
#define KCAS_TX_KNOWN	8

/**
 * struct kcas_tx - a running transaction; all of it is private
 * @log: what it has read and wants to write, and more
 * @err: the error that stays
 * @nr: entries of the log
 * @flags: KCAS_TX_*
 * @state: enum kcas_tx_state
 * @why: enum kcas_tx_why, the reason of @err
 * @known_set: which of @known there are, a bit for each
 * @patience: conflicts before it holds the others back
 * @failed: conflicts until now
 * @attempts: conflicts before it gives up
 * @injected: attempts that were made to fail
 * @neutralized: attempts that were neutralized
 * @long_form: the section may be preempted
 * @undo: writes are noted, so that they can be rolled back
 * @starving: holds the others back
 * @tried: an operation has had its words, in this attempt
 * @gfp: for memory where it may sleep
 * @deadline: jiffies
 * @begun: jiffies when the attempt began
 * @timed: has a deadline
 * @culprit: the word of the last conflict
 * @task: link in the list of those in long form
 * @owner: whose that is
 * @arena: the CPU's: in an attempt in short form, or that it began with
 * @known: operations that are known to be older than the view
 * @guard: the section
 */
struct kcas_tx {
	struct kcas_log *log;
	int err;
	unsigned int nr;
	unsigned int flags;
	unsigned char state;
	unsigned char why;
	unsigned char known_set;
	bool long_form;
	bool undo;
	bool starving;
	bool tried;
	bool timed;
	unsigned int patience;
	unsigned int failed;
	unsigned int attempts;
	unsigned int injected;
	unsigned int neutralized;
	gfp_t gfp;
	unsigned long deadline;
	unsigned long begun;
	struct kcas_word *culprit;
	struct hlist_node task;
	struct task_struct *owner;
	struct kcas_arena *arena;
	unsigned long known[KCAS_TX_KNOWN];
	struct debra_guard guard;
};

/* A struct kcas_tx on the stack, not zeroed: see DEFINE_DEBRA_GUARD(). */
#if __has_attribute(uninitialized)
#define DEFINE_KCAS_TX(name)	struct kcas_tx name __attribute__((uninitialized))
#else
#define DEFINE_KCAS_TX(name)	struct kcas_tx name
#endif

/**
 * struct kcas_tx_snap - a state of a transaction
 * @undo: private
 * @record: private
 */
struct kcas_tx_snap {
	unsigned int undo;
	unsigned int record;
};

typedef int (*kcas_tx_fn)(struct kcas_tx *tx, void *arg);
typedef unsigned long (*kcas_tx_modify_fn)(unsigned long value, void *arg);
typedef void (*kcas_tx_action_fn)(void *arg);

int kcas_tx_run(kcas_tx_fn body, void *arg, const struct kcas_tx_opts *opts);
int kcas_tx_join(struct kcas_tx *tx, kcas_tx_fn body, void *arg);

/* Private to kcas_tx_loop(). */
struct kcas_tx *__kcas_tx_begin(struct kcas_tx *tx, const struct kcas_tx_opts *opts);
bool __kcas_tx_next(struct kcas_tx *tx, int *err);
void __kcas_tx_leave(struct kcas_tx *tx);

/**
 * kcas_tx_loop() - a transaction in place
 * @_tx: name of the struct kcas_tx pointer inside
 * @_opts: struct kcas_tx_opts, or NULL
 * @_err: an int variable: 0 when the block begins; what it is at the end of the block is
 *	what a body would return; afterwards, what kcas_tx_run() would
 *
 * The block is the body, and like one runs several times. To leave it by break, return or
 * goto aborts the transaction.
 */
#define kcas_tx_loop(_tx, _opts, _err)						\
	for (DEFINE_KCAS_TX(__##_tx) __cleanup(__kcas_tx_leave),		\
	     *_tx = __kcas_tx_begin(&__##_tx, _opts);				\
	     __kcas_tx_next(_tx, &(_err)); )

int __must_check kcas_tx_get(struct kcas_tx *tx, struct kcas_word *word, unsigned long *value);
int __must_check kcas_tx_set(struct kcas_tx *tx, struct kcas_word *word, unsigned long value);
int __must_check kcas_tx_xchg(struct kcas_tx *tx, struct kcas_word *word, unsigned long new,
			      unsigned long *old);
int __must_check kcas_tx_cmpxchg(struct kcas_tx *tx, struct kcas_word *word, unsigned long old,
				 unsigned long new, unsigned long *found);
int __must_check kcas_tx_add(struct kcas_tx *tx, struct kcas_word *word, long delta, long *sum);
int __must_check kcas_tx_swap(struct kcas_tx *tx, struct kcas_word *a, struct kcas_word *b);
int __must_check kcas_tx_modify(struct kcas_tx *tx, struct kcas_word *word, kcas_tx_modify_fn fn,
				void *arg);
int __must_check kcas_tx_protect(struct kcas_tx *tx, unsigned int slot, const void *ptr);
int __must_check kcas_tx_validate(struct kcas_tx *tx, struct kcas_word *word);

int __must_check kcas_tx_retry(struct kcas_tx *tx);
int __must_check kcas_tx_or_else(struct kcas_tx *tx, kcas_tx_fn a, kcas_tx_fn b, void *arg);
int __must_check kcas_tx_first(struct kcas_tx *tx, const kcas_tx_fn *alternatives,
			       unsigned int nr, void *arg);
struct kcas_tx_snap kcas_tx_snapshot(struct kcas_tx *tx);
void kcas_tx_rollback(struct kcas_tx *tx, const struct kcas_tx_snap *snap);

int __must_check kcas_tx_on_commit(struct kcas_tx *tx, kcas_tx_action_fn fn, void *arg);
int __must_check kcas_tx_on_abort(struct kcas_tx *tx, kcas_tx_action_fn fn, void *arg);
void * __must_check kcas_tx_alloc(struct kcas_tx *tx, size_t size);
int __must_check kcas_tx_retire(struct kcas_tx *tx, struct kcas_head *head, kcas_func_t func);

/**
 * kcas_tx_free() - kcas_tx_retire() of an object that is then given back with kfree()
 * @tx: the transaction
 * @ptr: the object, from kcas_tx_alloc() or kmalloc()
 * @member: name of the struct kcas_head in it
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
#define kcas_tx_free(tx, ptr, member)						\
({										\
	BUILD_BUG_ON(offsetof(typeof(*(ptr)), member) >= KCAS_KFREE_MAX_OFFSET);	\
	kcas_tx_retire(tx, &(ptr)->member, __kcas_kfree(offsetof(typeof(*(ptr)), member))); \
})

/**
 * kcas_tx_get_int() - read a word that holds an integer
 * @tx: the transaction
 * @word: the word
 * @value: set to the integer; 0 if there is an error
 *
 * As kcas_tx_get().
 */
static inline int __must_check kcas_tx_get_int(struct kcas_tx *tx, struct kcas_word *word,
					       long *value)
{
	unsigned long raw;
	int err = kcas_tx_get(tx, word, &raw);

	*value = kcas_to_int(raw);
	return err;
}

/**
 * kcas_tx_set_int() - write a word that holds an integer
 * @tx: the transaction
 * @word: the word
 * @value: the integer
 *
 * As kcas_tx_set().
 */
static inline int __must_check kcas_tx_set_int(struct kcas_tx *tx, struct kcas_word *word,
					       long value)
{
	return kcas_tx_set(tx, word, kcas_int(value));
}

static inline int __must_check kcas_tx_inc(struct kcas_tx *tx, struct kcas_word *word)
{
	return kcas_tx_add(tx, word, 1, NULL);
}

static inline int __must_check kcas_tx_dec(struct kcas_tx *tx, struct kcas_word *word)
{
	return kcas_tx_add(tx, word, -1, NULL);
}

static inline unsigned long __must_check __kcas_tx_get_ptr(struct kcas_tx *tx,
							   struct kcas_word *word)
{
	unsigned long value;
	int err = kcas_tx_get(tx, word, &value);

	return err ? (unsigned long)ERR_PTR(err) : value;
}

/**
 * kcas_tx_get_ptr() - read a word that holds a pointer
 * @tx: the transaction
 * @p: address of the word, declared with KCAS_PTR()
 *
 * As kcas_tx_get(). What it points to may be used until the end of the attempt.
 *
 * Return: the pointer, of its type; or ERR_PTR().
 */
#define kcas_tx_get_ptr(tx, p)							\
	((typeof((p)->type))__kcas_tx_get_ptr(tx, &(p)->word))

/**
 * kcas_tx_set_ptr() - write a word that holds a pointer
 * @tx: the transaction
 * @p: address of the word, declared with KCAS_PTR()
 * @v: the pointer, of its type
 *
 * As kcas_tx_set().
 */
#define kcas_tx_set_ptr(tx, p, v)						\
({										\
	typeof((p)->type) __kcas_v = (v);					\
										\
	kcas_tx_set(tx, &(p)->word, (unsigned long)__kcas_v);			\
})

#endif /* _LINUX_KCAS_TX_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: transactions.
 *
 * States of a transaction
 *
 *	new -> running --body, commit--> over
 *	          ^            |
 *	          +--failed----+-- waits for a change, or for one who starves
 *
 * An attempt is a section of a guard of kcas_domain (guard.c of debra): what the body reads
 * is logged (log.c), and commits as one operation of k-CAS (op.c) that compares what was
 * read and writes what was written. If nothing was, nothing is left to do: log.c has seen to
 * it that all that was read held together at one moment, and that is when it has happened.
 *
 * The section has one of two forms. Transactions are short most of the time, so it begins
 * with preemption off, which is cheap. One whose log outgrows its beginning, or for which there
 * is no memory at once, starts again in a section that can be preempted and may wait for
 * memory (the long form), provided that the caller may. So may %KCAS_TX_SLEEPABLE from the
 * beginning.
 *
 * Neutralization
 *
 * The values in the log are the hazards of the guard. An access finds out that the section
 * has been aborted after it has read, and before the value is used. A commit does not need to
 * know, nor to mask the guard: it compares by value what it has read with what is there, in
 * a pin of its own. That is enough for an atomic operation; content only had to stay the same
 * for the view of the body. And a value that is a pointer cannot have come to mean another
 * object, which the log has kept from being freed. The words are in objects that the log keeps,
 * too, or the caller does.
 *
 * Progress
 *
 * Operations that commit are lock-free, compares included (kcas_patience). Attempts fail only
 * because others have succeeded, or are just trying to. Who has failed tx_patience times has the
 * others wait (starve.c). Who is neutralized again and again is given more and more time by
 * debra, each time that he begins anew.
 */
#include <linux/export.h>
#include <linux/hashtable.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "../debra/compat.h"
#include "trace.h"
#include "tx.h"

#ifdef CONFIG_DEBUG_LOCK_ALLOC
static struct lockdep_map kcas_tx_map = STATIC_LOCKDEP_MAP_INIT("kcas_tx", &kcas_tx_map);

/* A lock that is taken in a body, and held by somebody who waits for transactions. */
static void kcas_tx_map_acquire(const struct kcas_tx *tx)
{
	if (kcas_tx_may_wait(tx))
		lock_map_acquire(&kcas_tx_map);
}

static void kcas_tx_map_release(const struct kcas_tx *tx)
{
	if (kcas_tx_may_wait(tx))
		lock_map_release(&kcas_tx_map);
}
#else
static void kcas_tx_map_acquire(const struct kcas_tx *tx) { }
static void kcas_tx_map_release(const struct kcas_tx *tx) { }
#endif

/* Transactions in long form, to find one that is run in the body of another. */
static DEFINE_HASHTABLE(kcas_long_tx, 6);
static DEFINE_RAW_SPINLOCK(kcas_long_lock);

/**
 * __kcas_tx_count - for the statistics, outside of an attempt too
 * @id: what has happened
 *
 * Context: any.
 */
void __kcas_tx_count(enum kcas_counter id)
{
	preempt_disable();
	kcas_count(kcas_arena_here(), id);
	preempt_enable();
}

static const enum kcas_counter kcas_tx_counters[] = {
	[KCAS_TX_COMMITTED] = KCAS_C_TX_COMMITTED,
	[KCAS_TX_CONFLICT_READ] = KCAS_C_TX_CONFLICT_READ,
	[KCAS_TX_CONFLICT_COMMIT] = KCAS_C_TX_CONFLICT_COMMIT,
	[KCAS_TX_NEUTRALIZED] = KCAS_C_TX_NEUTRALIZED,
	[KCAS_TX_GROWN] = KCAS_C_TX_GROWN,
	[KCAS_TX_HELD] = KCAS_C_TX_HELD,
	[KCAS_TX_INJECTED] = KCAS_C_TX_INJECTED,
	[KCAS_TX_BLOCKED] = KCAS_C_TX_BLOCKED,
	[KCAS_TX_NO_MEMORY] = KCAS_C_TX_NO_MEMORY,
	[KCAS_TX_USER] = KCAS_C_TX_USER,
	[KCAS_TX_TIMEOUT] = KCAS_C_TX_TIMEOUT,
	[KCAS_TX_SIGNAL] = KCAS_C_TX_SIGNAL,
	[KCAS_TX_GIVEN_UP] = KCAS_C_TX_GIVEN_UP,
};

static enum kcas_counter kcas_tx_length_counter(unsigned int nr)
{
	if (nr <= 1)
		return KCAS_C_TX_LENGTH_1;
	if (nr <= 16)
		return nr <= 4 ? KCAS_C_TX_LENGTH_4 : KCAS_C_TX_LENGTH_16;
	if (nr <= 4096)
		return nr <= 256 ? KCAS_C_TX_LENGTH_256 : KCAS_C_TX_LENGTH_4096;
	return KCAS_C_TX_LENGTH_MORE;
}

/* Preemption off. */
static noinline void kcas_tx_note_time(struct kcas_arena *arena, const struct kcas_tx *tx,
				       unsigned long took)
{
	if (took > READ_ONCE(arena->slowest))
		WRITE_ONCE(arena->slowest, took);
	if (took >= msecs_to_jiffies(READ_ONCE(kcas_stall_ms)))
		kcas_stall_report("attempt of a transaction", took, tx);
}

/* Preemption off. */
static __always_inline void kcas_tx_account_here(struct kcas_arena *arena,
						 const struct kcas_tx *tx, enum kcas_tx_why why)
{
	unsigned long took = jiffies - tx->begun;

	kcas_count(arena, KCAS_C_TX_STARTED);
	kcas_count(arena, kcas_tx_counters[why]);
	if (why == KCAS_TX_COMMITTED)
		kcas_count(arena, kcas_tx_length_counter(tx->nr));
	else if (tx->culprit)
		kcas_hot(tx->culprit);
	/* In jiffies, which cost little; who has taken none is not interesting. */
	if (unlikely(took))
		kcas_tx_note_time(arena, tx, took);
}

/* An attempt has ended; its section has not. */
static __always_inline void kcas_tx_account(const struct kcas_tx *tx, enum kcas_tx_why why)
{
	if (likely(!tx->long_form)) {
		kcas_tx_account_here(tx->arena, tx, why);
	} else {
		preempt_disable();
		kcas_tx_account_here(kcas_arena_here(), tx, why);
		preempt_enable();
	}
	trace_kcas_tx(why, tx->nr, tx->failed, tx->culprit);
}

/**
 * kcas_tx_fail - the attempt cannot commit any more
 * @tx: the transaction
 * @why: the reason
 * @err: what every access returns from here on
 *
 * Return: @err, or the error that there was already.
 */
int kcas_tx_fail(struct kcas_tx *tx, enum kcas_tx_why why, int err)
{
	if (!tx->err) {
		tx->err = err;
		tx->why = why;
	}
	return tx->err;
}

/**
 * kcas_tx_need_memory - there is none, in this attempt
 * @tx: the transaction
 *
 * Return: the error.
 */
int kcas_tx_need_memory(struct kcas_tx *tx)
{
	if (kcas_tx_may_grow(tx))
		return kcas_tx_fail(tx, KCAS_TX_GROWN, -EAGAIN);
	return kcas_tx_fail(tx, KCAS_TX_NO_MEMORY, -ENOMEM);
}

static noinline void kcas_tx_enter_long(struct kcas_tx *tx)
{
	unsigned long flags;

	tx->owner = current;
	raw_spin_lock_irqsave(&kcas_long_lock, flags);
	hash_add(kcas_long_tx, &tx->task, (unsigned long)current);
	raw_spin_unlock_irqrestore(&kcas_long_lock, flags);
	debra_guard_enter_sleepable(&kcas_domain, &tx->guard);
}

static noinline void kcas_tx_exit_long(struct kcas_tx *tx)
{
	unsigned long flags;

	debra_guard_exit(&tx->guard);
	raw_spin_lock_irqsave(&kcas_long_lock, flags);
	hash_del(&tx->task);
	raw_spin_unlock_irqrestore(&kcas_long_lock, flags);
}

static bool kcas_tx_in_long(void)
{
	struct kcas_tx *tx;
	unsigned long flags;
	bool found = false;

	/* One of ours would be seen: only we add it. All transactions come by here. */
	if (likely(hlist_empty(&kcas_long_tx[hash_min((unsigned long)current,
						      HASH_BITS(kcas_long_tx))])))
		return false;
	/* The caller may hold locks that interrupts take. */
	raw_spin_lock_irqsave(&kcas_long_lock, flags);
	hash_for_each_possible(kcas_long_tx, tx, task, (unsigned long)current)
		found |= tx->owner == current;
	raw_spin_unlock_irqrestore(&kcas_long_lock, flags);
	return found;
}

static __always_inline void kcas_tx_enter_short(struct kcas_tx *tx)
{
	if (unlikely(tx->flags & KCAS_TX_PINNED)) {
		debra_pin(&kcas_domain);
		__release(&kcas_domain);
	} else {
		debra_guard_enter(&kcas_domain, &tx->guard);
	}
	tx->arena = kcas_arena_here();
	tx->arena->tx = true;
}

static __always_inline void kcas_tx_exit_short(struct kcas_tx *tx)
{
	tx->arena->tx = false;
	if (unlikely(tx->flags & KCAS_TX_PINNED)) {
		__acquire(&kcas_domain);
		debra_unpin(&kcas_domain);
	} else {
		debra_guard_exit(&tx->guard);
	}
}

static __always_inline void kcas_tx_enter(struct kcas_tx *tx)
{
	kcas_tx_map_acquire(tx);
	if (unlikely(tx->long_form))
		kcas_tx_enter_long(tx);
	else
		kcas_tx_enter_short(tx);
	if (unlikely(tx->neutralized))
		debra_guard_set_restarts(&tx->guard, tx->neutralized);
}

static __always_inline void kcas_tx_exit(struct kcas_tx *tx)
{
	if (unlikely(tx->long_form))
		kcas_tx_exit_long(tx);
	else
		kcas_tx_exit_short(tx);
	kcas_tx_map_release(tx);
}

/* Take what the arena has for a transaction. Return: false in the body of another. */
static __always_inline bool kcas_tx_take(struct kcas_tx *tx)
{
	bool nested, task = kcas_log_of_task();

	preempt_disable();
	tx->arena = kcas_arena_here();
	nested = tx->arena->tx;
	tx->log = kcas_log_take(tx->arena, task);
	preempt_enable();
	if (likely(!nested && !(in_task() && kcas_tx_in_long())))
		return true;
	kcas_log_put(tx);
	return false;
}

/* As kcas_pace(). Those who cannot wait may need the log meanwhile. */
static noinline void kcas_tx_pace(struct kcas_tx *tx)
{
	kcas_log_put(tx);
	__kcas_pace(tx->arena);
}

static int kcas_tx_check_opts(const struct kcas_tx_opts *opts)
{
	unsigned int waits = KCAS_TX_INTERRUPTIBLE | KCAS_TX_KILLABLE | KCAS_TX_SLEEPABLE;

	if (opts->flags & ~KCAS_TX_FLAGS)
		return -EINVAL;
	if ((opts->flags & KCAS_TX_NOWAIT) && ((opts->flags & waits) || opts->timeout))
		return -EINVAL;
	if ((opts->flags & KCAS_TX_PINNED) && (opts->flags & KCAS_TX_SLEEPABLE))
		return -EINVAL;
	if (WARN_ONCE(!(opts->flags & KCAS_TX_NOWAIT) && !in_task(),
		      "kcas: a transaction that may wait, in an interrupt\n"))
		return -EINVAL;
	return 0;
}

static const struct kcas_tx_opts kcas_tx_defaults;

/* Return: 0, or an error, and nothing is to be ended. */
static int kcas_tx_init(struct kcas_tx *tx, const struct kcas_tx_opts *opts)
{
	int err;

	opts = opts ?: &kcas_tx_defaults;
	err = kcas_tx_check_opts(opts);
	if (err)
		return err;
	tx->flags = opts->flags;
	if (kcas_tx_may_wait(tx))
		might_sleep();
	if (WARN_ONCE(!kcas_tx_take(tx), "kcas: a transaction is run in the body of another\n"))
		return -EDEADLK;
	/* Before, because where it commits its own guard holds blocks up. */
	if (kcas_tx_may_wait(tx) && unlikely(READ_ONCE(tx->arena->crowded)))
		kcas_tx_pace(tx);
	tx->long_form = tx->flags & KCAS_TX_SLEEPABLE;
	tx->starving = false;
	tx->timed = opts->timeout;
	tx->deadline = jiffies + min(opts->timeout, MAX_JIFFY_OFFSET);
	tx->failed = 0;
	tx->injected = 0;
	tx->neutralized = 0;
	tx->nr = 0;
	tx->attempts = opts->attempts;
	tx->patience = opts->patience ?: READ_ONCE(kcas_tx_patience);
	tx->gfp = opts->gfp ?: GFP_KERNEL;
	return kcas_log_get(tx);
}

static __always_inline void kcas_tx_start(struct kcas_tx *tx)
{
	tx->err = 0;
	tx->undo = false;
	tx->tried = false;
	tx->culprit = NULL;
	tx->begun = jiffies;
	kcas_log_empty(tx);
	kcas_tx_enter(tx);
}

static bool kcas_tx_writes(const struct kcas_tx *tx)
{
	struct kcas_tx_entry *e;
	unsigned int i;

	kcas_tx_for_each_entry(tx, i, e)
		if (e->op.old != e->op.new)
			return true;
	return false;
}

/* Nothing is to be written: what was read held together when it was last looked at. */
static enum kcas_tx_why kcas_tx_commit_reads(struct kcas_tx *tx)
{
	if ((tx->flags & KCAS_TX_RELAXED) && kcas_tx_validate(tx, NULL))
		return tx->why;
	kcas_tx_count(tx, KCAS_C_TX_READ_ONLY);
	return KCAS_TX_COMMITTED;
}

/* For CONFIG_DEBRA_BUSTED. Return: as kcas(), but for what has been done by then. */
static int kcas_tx_commit_pieces(struct kcas_tx *tx)
{
	struct kcas_tx_entry *e;
	unsigned int i;
	int ret = 1;

	kcas_tx_for_each_entry(tx, i, e)
		if (ret == 1)
			ret = kcas_cas(e->op.word, e->op.old, e->op.new);
	return ret;
}

static int kcas_tx_commit_writes(struct kcas_tx *tx)
{
	struct kcas_op *op = &tx->log->entry[0].op;

	if (kcas_tx_no_memory())
		return -ENOMEM;
	tx->tried = true;
	if (kcas_busted(TX_PIECES))
		return kcas_tx_commit_pieces(tx);
	if (tx->nr == 1)
		return kcas_cas(op->word, op->old, op->new);
	return kcas_commit_log(tx->log->entry, tx->log->chunk, tx->nr);
}

/* Where memory may be waited for the operation does, within what the caller allows. */
static noinline int kcas_tx_commit_long(struct kcas_tx *tx)
{
	unsigned int flags;
	int ret;

	if (!gfpflags_allow_blocking(tx->gfp)) {
		preempt_disable();
		ret = kcas_tx_commit_writes(tx);
		preempt_enable();
	} else if (!(tx->gfp & __GFP_IO)) {
		flags = memalloc_noio_save();
		ret = kcas_tx_commit_writes(tx);
		memalloc_noio_restore(flags);
	} else if (!(tx->gfp & __GFP_FS)) {
		flags = memalloc_nofs_save();
		ret = kcas_tx_commit_writes(tx);
		memalloc_nofs_restore(flags);
	} else {
		ret = kcas_tx_commit_writes(tx);
	}
	return ret;
}

/* In the section, at the end of a body that has not failed. */
static enum kcas_tx_why kcas_tx_commit(struct kcas_tx *tx)
{
	int ret;

	if (!kcas_tx_writes(tx))
		return kcas_tx_commit_reads(tx);
	if (unlikely(kcas_tx_held_back(tx)))
		return KCAS_TX_HELD;
	ret = unlikely(tx->long_form) ? kcas_tx_commit_long(tx) : kcas_tx_commit_writes(tx);
	if (likely(ret > 0))
		return KCAS_TX_COMMITTED;
	if (!ret)
		return KCAS_TX_CONFLICT_COMMIT;
	kcas_tx_need_memory(tx);
	return tx->why;
}

/* The body has returned. An error of its own counts only if its view held together. */
static enum kcas_tx_why kcas_tx_judge(struct kcas_tx *tx, int err)
{
	if (unlikely(tx->err))
		return tx->why;
	if (likely(!err))
		return kcas_tx_commit(tx);
	if ((tx->flags & KCAS_TX_RELAXED) && kcas_tx_validate(tx, NULL))
		return tx->why;
	return KCAS_TX_USER;
}

/**
 * kcas_tx_back_off - wait for a random number of moments, more with each failure
 * @tx: the transaction, outside of a section
 */
void kcas_tx_back_off(const struct kcas_tx *tx)
{
	unsigned long moments = local_clock() ^ (unsigned long)tx;

	moments = (moments * 0x9e3779b97f4a7c15UL >> 32) & ((32UL << min(tx->failed, 6U)) - 1);
	if (tx->culprit)
		debra_contention_begin(tx->culprit, DEBRA_CONTENTION_SPIN);
	while (moments--)
		cpu_relax();
	if (tx->culprit)
		debra_contention_end(tx->culprit, 0);
	if (kcas_tx_may_wait(tx))
		cond_resched();
}

static void kcas_tx_note_failed(const struct kcas_tx *tx)
{
	struct kcas_arena *arena;

	preempt_disable();
	arena = kcas_arena_here();
	if (tx->failed > READ_ONCE(arena->unluckiest))
		WRITE_ONCE(arena->unluckiest, tx->failed);
	preempt_enable();
}

/* Return: 0 to try again, or an error. */
static int kcas_tx_conflict(struct kcas_tx *tx)
{
	tx->failed++;
	kcas_tx_note_failed(tx);
	if (tx->attempts && tx->failed >= tx->attempts) {
		tx->why = KCAS_TX_GIVEN_UP;
		return -EBUSY;
	}
	if (kcas_tx_may_wait(tx) && tx->failed >= tx->patience)
		return kcas_tx_starve(tx);
	kcas_tx_back_off(tx);
	return 0;
}

/**
 * kcas_tx_check_end - has it been going on for long enough?
 * @tx: the transaction, outside of a section
 *
 * Return: 0 to try again, or an error.
 */
int kcas_tx_check_end(struct kcas_tx *tx)
{
	if (tx->timed && time_after_eq(jiffies, tx->deadline)) {
		tx->why = KCAS_TX_TIMEOUT;
		return -ETIMEDOUT;
	}
	if (kcas_tx_may_wait(tx) && signal_pending_state(kcas_tx_wait_state(tx), current)) {
		tx->why = KCAS_TX_SIGNAL;
		return -ERESTARTSYS;
	}
	return 0;
}

/*
 * The end of an attempt that has failed. Actions may take locks that those hold who wait for
 * us: nobody does, if we starve, until we try again.
 */
static noinline void kcas_tx_undo(struct kcas_tx *tx)
{
	kcas_tx_exit(tx);
	if (unlikely(tx->log->records.nr)) {
		kcas_tx_starve_end(tx);
		kcas_records_abort(tx);
	}
}

/*
 * kcas_tx_retry(): in the section until it is certain that a change will be noticed.
 * Return: 0 to try again, or an error.
 */
static int kcas_tx_block(struct kcas_tx *tx)
{
	struct kcas_waiter waiter;
	int err = 0;

	if (WARN_ONCE(!tx->nr, "kcas: a transaction waits, and has read nothing\n")) {
		kcas_tx_undo(tx);
		return -EDEADLK;
	}
	if (!kcas_tx_may_wait(tx)) {
		kcas_tx_undo(tx);
		return -EWOULDBLOCK;
	}
	tx->err = 0;
	if (!kcas_wait_prepare(tx, &waiter)) {
		kcas_tx_undo(tx);
		if (tx->why == KCAS_TX_GROWN)
			tx->long_form = true;
		return tx->why == KCAS_TX_NO_MEMORY ? -ENOMEM : 0;
	}
	kcas_tx_undo(tx);
	kcas_tx_starve_end(tx);
	err = kcas_wait_sleep(tx, &waiter);
	kcas_wait_end(&waiter);
	return err;
}

/* The attempt has failed, and has been undone. Return: 0 to try again, or an error. */
static int kcas_tx_failed(struct kcas_tx *tx, enum kcas_tx_why why, int err)
{
	switch (why) {
	case KCAS_TX_CONFLICT_READ:
	case KCAS_TX_CONFLICT_COMMIT:
		return kcas_tx_conflict(tx);
	case KCAS_TX_NEUTRALIZED:
		/* To hold others back would not help; debra gives it more time. */
		tx->neutralized++;
		return 0;
	case KCAS_TX_GROWN:
		tx->long_form = true;
		return 0;
	case KCAS_TX_HELD:
		return kcas_tx_let_pass(tx);
	case KCAS_TX_INJECTED:
		return 0;
	default:
		return tx->err ?: err;
	}
}

static void kcas_tx_over(struct kcas_tx *tx)
{
	kcas_tx_starve_end(tx);
	kcas_log_put(tx);
	tx->state = KCAS_TX_OVER;
}

/* It is over: committed. The actions may run other transactions. */
static void kcas_tx_committed(struct kcas_tx *tx)
{
	bool actions = tx->log->records.nr;

	kcas_tx_account(tx, KCAS_TX_COMMITTED);
	if (likely(!actions && !tx->long_form))
		kcas_log_keep(tx);
	kcas_tx_exit(tx);
	if (unlikely(actions)) {
		kcas_tx_starve_end(tx);
		kcas_records_commit(tx);
	}
	kcas_tx_over(tx);
}

/*
 * An attempt has ended with what the body has returned. Return: 1 for another one; 0 if it has
 * committed, or an error; then it is over.
 */
static int kcas_tx_end(struct kcas_tx *tx, int err)
{
	enum kcas_tx_why why = kcas_tx_judge(tx, err);

	if (likely(why == KCAS_TX_COMMITTED)) {
		kcas_tx_committed(tx);
		return 0;
	}
	kcas_tx_account(tx, why);
	tx->why = why;
	if (why == KCAS_TX_BLOCKED) {
		err = kcas_tx_block(tx);
	} else {
		kcas_tx_undo(tx);
		err = kcas_tx_failed(tx, why, err);
	}
	/* What was injected is not to be noticed. */
	if (!err && why != KCAS_TX_INJECTED)
		err = kcas_tx_check_end(tx);
	if (!err)
		return 1;
	if (tx->why != why)
		__kcas_tx_count(kcas_tx_counters[tx->why]);
	kcas_tx_over(tx);
	return err > 0 ? -EINVAL : err;
}

/* For kcas_tx_loop(). */
struct kcas_tx *__kcas_tx_begin(struct kcas_tx *tx, const struct kcas_tx_opts *opts)
{
	tx->err = kcas_tx_init(tx, opts);
	tx->state = KCAS_TX_NEW;
	return tx;
}
EXPORT_SYMBOL_GPL(__kcas_tx_begin);

/* Return: is there to be an attempt? */
bool __kcas_tx_next(struct kcas_tx *tx, int *err)
{
	int ret;

	if (tx->state == KCAS_TX_NEW) {
		tx->state = tx->err ? KCAS_TX_OVER : KCAS_TX_RUNNING;
		*err = tx->err;
		if (tx->err)
			return false;
	} else {
		ret = kcas_tx_end(tx, *err);
		if (ret <= 0) {
			*err = ret;
			return false;
		}
	}
	*err = 0;
	kcas_tx_start(tx);
	return true;
}
EXPORT_SYMBOL_GPL(__kcas_tx_next);

/* The loop was left, at its end or in the middle. */
void __kcas_tx_leave(struct kcas_tx *tx)
{
	if (tx->state != KCAS_TX_RUNNING)
		return;
	kcas_tx_account(tx, KCAS_TX_USER);
	kcas_tx_undo(tx);
	kcas_tx_over(tx);
}
EXPORT_SYMBOL_GPL(__kcas_tx_leave);

/**
 * kcas_tx_run() - run a transaction
 * @body: the body; runs once or several times
 * @arg: passed to it
 * @opts: how to run it; NULL for the defaults: wait as long as it takes, uninterruptibly
 *
 * Runs the body until what it has read still holds when what it has written takes effect,
 * at that moment. Waits where the body has asked for a change of what it has read
 * (kcas_tx_retry()), unless told not to.
 *
 * Ordering: as kcas(): a full barrier if something was written, else an acquire of all
 * that was read.
 *
 * Context: task, may sleep; with %KCAS_TX_NOWAIT any, NMI included.
 * Return: 0 if it has committed; the body's error, and nothing was done; -EINVAL for bad
 * options, a word that is NULL or misaligned, a value with bit 0, or a positive result of
 * the body; -EDEADLK in the body of another transaction, and for kcas_tx_retry() where nothing
 * was read; -EWOULDBLOCK if it would have to wait; -ETIMEDOUT; -ERESTARTSYS after a
 * signal; -EBUSY after as many conflicts as it was given; -E2BIG for more than %KCAS_MAX_WORDS
 * words; -ENOMEM.
 */
int kcas_tx_run(kcas_tx_fn body, void *arg, const struct kcas_tx_opts *opts)
{
	DEFINE_KCAS_TX(tx);
	int ret;

	if (WARN_ON_ONCE(!body))
		return -EINVAL;
	ret = kcas_tx_init(&tx, opts);
	if (ret)
		return ret;
	do {
		kcas_tx_start(&tx);
		ret = kcas_tx_end(&tx, body(&tx, arg));
	} while (ret > 0);
	return ret;
}
EXPORT_SYMBOL_GPL(kcas_tx_run);

/**
 * kcas_tx_join() - run a function in a transaction, or as one of its own
 * @tx: the transaction whose part it is to be; NULL if there is none
 * @body: the function
 * @arg: passed to it
 *
 * Context: that of the transaction; without one that of kcas_tx_run().
 * Return: what the function returns, to be returned by the body of @tx; without one, as
 * kcas_tx_run().
 */
int kcas_tx_join(struct kcas_tx *tx, kcas_tx_fn body, void *arg)
{
	return tx ? tx->err ?: body(tx, arg) : kcas_tx_run(body, arg, NULL);
}
EXPORT_SYMBOL_GPL(kcas_tx_join);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: what the body of a transaction can do with words. The log (log.c) does the work.
 *
 * All of these are for the body of a running transaction, in its context. Each returns 0 or
 * the error of the transaction, which stays: -EAGAIN if it has to be run again, -EINVAL
 * for a word that is NULL or misaligned or a value with bit 0, -E2BIG, -ENOMEM. What a function
 * sets is 0 if there is an error.
 */
#include <linux/export.h>

#include "tx.h"

/* Return: 0, or the error of the transaction. */
static int kcas_tx_write(struct kcas_tx *tx, struct kcas_tx_entry *e, unsigned long value)
{
	struct kcas_tx_undo *undo;

	if (unlikely(value & KCAS_RESERVED))
		return kcas_tx_fail(tx, KCAS_TX_USER, -EINVAL);
	if (unlikely(tx->undo)) {
		undo = kcas_array_add(tx, &tx->log->undo, sizeof(*undo));
		if (!undo)
			return tx->err;
		undo->entry = e;
		undo->new = e->op.new;
	}
	e->op.new = value;
	return 0;
}

/**
 * kcas_tx_get() - read a word
 * @tx: the transaction
 * @word: the word
 * @value: set to its value, or to what the transaction has written
 *
 * If it is a pointer, what it points to stays until the end of the attempt, and may be
 * used if this has returned 0.
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_get(struct kcas_tx *tx, struct kcas_word *word, unsigned long *value)
{
	struct kcas_tx_entry *e = kcas_tx_access(tx, word);

	*value = likely(e) ? e->op.new : 0;
	return likely(e) ? 0 : tx->err;
}
EXPORT_SYMBOL_GPL(kcas_tx_get);

/**
 * kcas_tx_set() - write a word
 * @tx: the transaction
 * @word: the word
 * @value: its value from then on
 *
 * Nobody else sees it before the transaction commits. Reads the word as well: that it
 * keeps its value until then is part of the transaction.
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_set(struct kcas_tx *tx, struct kcas_word *word, unsigned long value)
{
	struct kcas_tx_entry *e = kcas_tx_access(tx, word);

	return likely(e) ? kcas_tx_write(tx, e, value) : tx->err;
}
EXPORT_SYMBOL_GPL(kcas_tx_set);

/**
 * kcas_tx_xchg() - write a word and get the value that it had
 * @tx: the transaction
 * @word: the word
 * @new: its value from then on
 * @old: set to the value before
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_xchg(struct kcas_tx *tx, struct kcas_word *word, unsigned long new,
		 unsigned long *old)
{
	int err = kcas_tx_get(tx, word, old) ?: kcas_tx_set(tx, word, new);

	if (unlikely(err))
		*old = 0;
	return err;
}
EXPORT_SYMBOL_GPL(kcas_tx_xchg);

/**
 * kcas_tx_cmpxchg() - write a word if it has a certain value
 * @tx: the transaction
 * @word: the word
 * @old: the value that it has to have
 * @new: its value from then on, in that case
 * @found: set to the value that it had: @old if it was written; may be NULL
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_cmpxchg(struct kcas_tx *tx, struct kcas_word *word, unsigned long old,
		    unsigned long new, unsigned long *found)
{
	unsigned long value;
	int err = kcas_tx_get(tx, word, &value);

	if (!err && value == old)
		err = kcas_tx_set(tx, word, new);
	if (found)
		*found = unlikely(err) ? 0 : value;
	return err;
}
EXPORT_SYMBOL_GPL(kcas_tx_cmpxchg);

/**
 * kcas_tx_add() - add to a word that holds an integer
 * @tx: the transaction
 * @word: the word, whose values are made with kcas_int()
 * @delta: what to add
 * @sum: set to the integer after it; may be NULL
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_add(struct kcas_tx *tx, struct kcas_word *word, long delta, long *sum)
{
	struct kcas_tx_entry *e = kcas_tx_access(tx, word);
	int err = likely(e) ? kcas_tx_write(tx, e, e->op.new + kcas_int(delta)) : tx->err;

	if (sum)
		*sum = likely(!err) ? kcas_to_int(e->op.new) : 0;
	return err;
}
EXPORT_SYMBOL_GPL(kcas_tx_add);

/**
 * kcas_tx_swap() - exchange the values of two words
 * @tx: the transaction
 * @a: a word
 * @b: a word
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_swap(struct kcas_tx *tx, struct kcas_word *a, struct kcas_word *b)
{
	unsigned long value;
	int err = kcas_tx_get(tx, b, &value);

	err = err ?: kcas_tx_xchg(tx, a, value, &value);
	return err ?: kcas_tx_set(tx, b, value);
}
EXPORT_SYMBOL_GPL(kcas_tx_swap);

/**
 * kcas_tx_modify() - write what a function makes of the value of a word
 * @tx: the transaction
 * @word: the word
 * @fn: the function
 * @arg: passed to it
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_modify(struct kcas_tx *tx, struct kcas_word *word, kcas_tx_modify_fn fn, void *arg)
{
	struct kcas_tx_entry *e = kcas_tx_access(tx, word);

	return likely(e) ? kcas_tx_write(tx, e, fn(e->op.new, arg)) : tx->err;
}
EXPORT_SYMBOL_GPL(kcas_tx_modify);

/**
 * kcas_tx_protect() - have an object stay that was found in another way
 * @tx: the transaction
 * @slot: 0 or 1; what it was used for before is given up
 * @ptr: the object's address
 *
 * For pointers that do not come from kcas_tx_get_ptr(), such as plain members of objects that
 * do. Such a pointer must have been read in this attempt, from an object that was kept at that
 * time, and so must what it points to have been there then. An object of which a word has been
 * accessed must not be given up in this attempt: the word is looked at until its end.
 *
 * Context: that of the transaction.
 * Return: 0 if the object may be used until the end of the attempt or the next use of the
 * slot; else the error of the transaction.
 */
int kcas_tx_protect(struct kcas_tx *tx, unsigned int slot, const void *ptr)
{
	if (unlikely(tx->err))
		return tx->err;
	if (WARN_ON_ONCE(slot >= DEBRA_GUARD_SLOTS - KCAS_TX_SLOTS))
		return kcas_tx_fail(tx, KCAS_TX_USER, -EINVAL);
	/* What it points to may be younger than the view, and hold raw values. */
	if (!(tx->flags & KCAS_TX_RELAXED) && !kcas_tx_unchanged(tx))
		return kcas_tx_fail(tx, KCAS_TX_CONFLICT_READ, -EAGAIN);
	if ((tx->flags & KCAS_TX_PINNED) ||
	    debra_guard_protect(&tx->guard, KCAS_TX_SLOTS + slot, ptr))
		return 0;
	return kcas_tx_fail(tx, KCAS_TX_NEUTRALIZED, -EAGAIN);
}
EXPORT_SYMBOL_GPL(kcas_tx_protect);

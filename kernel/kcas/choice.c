// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: alternatives within a transaction.
 *
 * What has been rolled back leaves its reads in the log: that they were so is why another way
 * was taken, and if all ways are blocked, a change of any of them is what to wait for.
 */
#include <linux/export.h>

#include "tx.h"

/**
 * kcas_tx_retry() - wait until something that was read has changed, then run anew
 * @tx: the transaction
 *
 * The body returns what this returns. In kcas_tx_or_else() and kcas_tx_first() the next
 * alternative is tried instead.
 *
 * Context: that of the transaction.
 * Return: the error of the transaction: -ERESTART, or one that there was before. Who has read
 * nothing would wait for ever: the transaction ends with -EDEADLK.
 */
int kcas_tx_retry(struct kcas_tx *tx)
{
	return kcas_tx_fail(tx, KCAS_TX_BLOCKED, -ERESTART);
}
EXPORT_SYMBOL_GPL(kcas_tx_retry);

/**
 * kcas_tx_snapshot() - note what the transaction wants to do
 * @tx: the transaction
 *
 * Context: that of the transaction.
 * Return: for kcas_tx_rollback(), in the same attempt.
 */
struct kcas_tx_snap kcas_tx_snapshot(struct kcas_tx *tx)
{
	struct kcas_tx_snap snap = { tx->log->undo.nr, tx->log->records.nr };

	tx->undo = true;
	return snap;
}
EXPORT_SYMBOL_GPL(kcas_tx_snapshot);

/**
 * kcas_tx_rollback() - undo what was done since
 * @tx: the transaction
 * @snap: the state to go back to
 *
 * Writes, actions to be done at commit, memory to be retired are forgotten. At the end of the
 * attempt memory that was allocated is given back, and actions for the case of an abort are
 * done. What was read stays read. If the transaction was to wait, it goes on; other
 * errors stay.
 *
 * Context: that of the transaction.
 */
void kcas_tx_rollback(struct kcas_tx *tx, const struct kcas_tx_snap *snap)
{
	struct kcas_array *array = &tx->log->undo;
	struct kcas_tx_undo *undo = array->mem;

	if (WARN_ON_ONCE(snap->undo > array->nr || snap->record > tx->log->records.nr))
		return;
	while (array->nr > snap->undo) {
		array->nr--;
		undo[array->nr].entry->op.new = undo[array->nr].new;
	}
	kcas_records_rollback(tx, snap->record);
	if (tx->err && tx->why == KCAS_TX_BLOCKED)
		tx->err = 0;
}
EXPORT_SYMBOL_GPL(kcas_tx_rollback);

/**
 * kcas_tx_first() - the first of several alternatives that does not wait
 * @tx: the transaction
 * @alternatives: functions as a body
 * @nr: how many, 1 or more
 * @arg: passed to them
 *
 * Runs one after the other until one does not end with kcas_tx_retry(); what those before
 * have done is rolled back. If all do, waits for a change of what any of them has read.
 *
 * Context: that of the transaction.
 * Return: what the alternative has returned; or the error of the transaction.
 */
int kcas_tx_first(struct kcas_tx *tx, const kcas_tx_fn *alternatives, unsigned int nr, void *arg)
{
	struct kcas_tx_snap snap;
	unsigned int i;
	int ret = 0;

	if (WARN_ON_ONCE(!nr))
		return kcas_tx_fail(tx, KCAS_TX_USER, -EINVAL);
	if (tx->err)
		return tx->err;
	snap = kcas_tx_snapshot(tx);
	for (i = 0; i < nr; i++) {
		ret = alternatives[i](tx, arg);
		if (!tx->err)
			return ret;
		if (tx->why != KCAS_TX_BLOCKED || i + 1 == nr)
			break;
		kcas_tx_rollback(tx, &snap);
	}
	return tx->err;
}
EXPORT_SYMBOL_GPL(kcas_tx_first);

/**
 * kcas_tx_or_else() - one thing, or if it has to wait, another
 * @tx: the transaction
 * @a: the one
 * @b: the other
 * @arg: passed to them
 *
 * As kcas_tx_first() with two.
 */
int kcas_tx_or_else(struct kcas_tx *tx, kcas_tx_fn a, kcas_tx_fn b, void *arg)
{
	const kcas_tx_fn alternatives[] = { a, b };

	return kcas_tx_first(tx, alternatives, ARRAY_SIZE(alternatives), arg);
}
EXPORT_SYMBOL_GPL(kcas_tx_or_else);

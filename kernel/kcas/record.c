// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: what is to be done when a transaction has committed, or an attempt was aborted.
 *
 * A list in the order in which it came. Each attempt begins with an empty one, and at its end
 * does one half of it or the other, outside of its section, in the context of the caller.
 *
 * Memory that an attempt has allocated is seen by nobody else if the attempt fails; its words
 * may be, if they are in the log: by those who help the commit, and by cleaning. Then it is
 * retired, not freed.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "tx.h"

/* Return: 0, or the error of the transaction. */
static int kcas_record_add(struct kcas_tx *tx, const struct kcas_tx_record *record)
{
	struct kcas_tx_record *new;

	if (tx->err)
		return tx->err;
	new = kcas_array_add(tx, &tx->log->records, sizeof(*new));
	if (!new)
		return tx->err;
	*new = *record;
	return 0;
}

/**
 * kcas_tx_on_commit() - do something when the transaction has committed
 * @tx: the transaction
 * @fn: what
 * @arg: passed to it
 *
 * Once, and only then; in the order in which they were given. After the transaction, by
 * who has run it, in his context: it may sleep if he may, and run other transactions; but
 * not in an NMI, where there is no memory for one more log (-ENOMEM). For the same reason a
 * transaction there can have a few actions only.
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_on_commit(struct kcas_tx *tx, kcas_tx_action_fn fn, void *arg)
{
	return kcas_record_add(tx, &(struct kcas_tx_record){
			KCAS_TX_ON_COMMIT, arg, { .fn = fn } });
}
EXPORT_SYMBOL_GPL(kcas_tx_on_commit);

/**
 * kcas_tx_on_abort() - do something when this attempt does not commit
 * @tx: the transaction
 * @fn: what
 * @arg: passed to it
 *
 * Once for each attempt that has got here and has failed, whether another one follows or
 * not; in the order in which they were given, before memory of kcas_tx_alloc() is
 * given back. If it is rolled back (kcas_tx_rollback()), at the end of the attempt in any
 * case. Otherwise as kcas_tx_on_commit(). Must not run a transaction that may wait.
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_on_abort(struct kcas_tx *tx, kcas_tx_action_fn fn, void *arg)
{
	return kcas_record_add(tx, &(struct kcas_tx_record){
			KCAS_TX_ON_ABORT, arg, { .fn = fn } });
}
EXPORT_SYMBOL_GPL(kcas_tx_on_abort);

/* Is the word in memory that this attempt has allocated? */
static bool kcas_record_has(const struct kcas_tx_record *record, const struct kcas_word *word)
{
	if (record->kind != KCAS_TX_ALLOC && record->kind != KCAS_TX_UNALLOC)
		return false;
	return (unsigned long)word - (unsigned long)record->arg < record->size;
}

/**
 * kcas_records_touch - a word comes into the log
 * @tx: the transaction, with records
 * @word: the word
 *
 * Return: false if there is no memory, and the transaction has failed.
 */
bool kcas_records_touch(struct kcas_tx *tx, const struct kcas_word *word)
{
	struct kcas_tx_record *record = tx->log->records.mem, *end = record + tx->log->records.nr;

	while (record < end && !kcas_record_has(record, word))
		record++;
	if (record == end || record->touched)
		return true;
	record->touched = kcas_tx_kmem(tx, sizeof(*record->touched));
	if (!record->touched)
		return false;
	record->touched->mem = record->arg;
	return true;
}

static void kcas_touched_free(struct kcas_head *head)
{
	struct kcas_tx_touched *touched = container_of(head, struct kcas_tx_touched, head);

	kfree(touched->mem);
	kfree(touched);
}

/* Memory that nobody has got to know. */
static void kcas_record_free(const struct kcas_tx_record *record)
{
	if (record->touched)
		kcas_retire(&record->touched->head, kcas_touched_free);
	else
		kfree(record->arg);
}

/**
 * kcas_tx_alloc() - memory that is given back if the attempt does not commit
 * @tx: the transaction
 * @size: how much
 *
 * As kzalloc(). Where there is none at once, the transaction is run again in a form that may
 * wait for it, if it may wait at all.
 *
 * Words in it begin with kcas_init(), and can then be used in the transaction as any others.
 *
 * Context: that of the transaction.
 * Return: the memory, to be given back by kfree() or kcas_kfree() when the transaction has
 * committed; or ERR_PTR() of the error of the transaction.
 */
void *kcas_tx_alloc(struct kcas_tx *tx, size_t size)
{
	struct kcas_tx_record record = { .kind = KCAS_TX_ALLOC, .size = size };

	if (tx->err)
		return ERR_PTR(tx->err);
	record.arg = kcas_tx_kmem(tx, size);
	if (!record.arg)
		return ERR_PTR(tx->err);
	memset(record.arg, 0, size);
	if (kcas_record_add(tx, &record)) {
		kfree(record.arg);
		return ERR_PTR(tx->err);
	}
	return record.arg;
}
EXPORT_SYMBOL_GPL(kcas_tx_alloc);

/**
 * kcas_tx_retire() - kcas_retire() an object if the transaction commits
 * @tx: the transaction
 * @head: the head in the object
 * @func: called in process context when the object can be given back
 *
 * Context: that of the transaction.
 * Return: 0, or the error of the transaction.
 */
int kcas_tx_retire(struct kcas_tx *tx, struct kcas_head *head, kcas_func_t func)
{
	if (WARN_ON_ONCE(!head || !func))
		return kcas_tx_fail(tx, KCAS_TX_USER, -EINVAL);
	return kcas_record_add(tx, &(struct kcas_tx_record){
			KCAS_TX_RETIRE, head, { .func = func } });
}
EXPORT_SYMBOL_GPL(kcas_tx_retire);

/**
 * kcas_records_rollback - forget the last ones
 * @tx: the transaction
 * @to: how many stay as they are
 */
void kcas_records_rollback(struct kcas_tx *tx, unsigned int to)
{
	struct kcas_tx_record *record = tx->log->records.mem;
	unsigned int i, nr = tx->log->records.nr;

	for (i = to; i < nr; i++) {
		if (record[i].kind == KCAS_TX_ON_ABORT)
			record[i].kind = KCAS_TX_ON_END;
		/* The log may still have words of it. */
		if (record[i].kind == KCAS_TX_ALLOC)
			record[i].kind = KCAS_TX_UNALLOC;
		if (record[i].kind == KCAS_TX_ON_END || record[i].kind == KCAS_TX_UNALLOC)
			record[to++] = record[i];
	}
	tx->log->records.nr = to;
}

/**
 * kcas_records_commit - the transaction has committed
 * @tx: the transaction, outside of a section
 */
void kcas_records_commit(struct kcas_tx *tx)
{
	struct kcas_tx_record *record = tx->log->records.mem;
	unsigned int i;

	for (i = 0; i < tx->log->records.nr; i++) {
		if (record[i].kind == KCAS_TX_ON_COMMIT || record[i].kind == KCAS_TX_ON_END)
			record[i].fn(record[i].arg);
		else if (record[i].kind == KCAS_TX_RETIRE)
			kcas_retire(record[i].arg, record[i].func);
		else if (record[i].kind == KCAS_TX_ALLOC)
			kfree(record[i].touched);
		else if (record[i].kind == KCAS_TX_UNALLOC)
			kcas_record_free(&record[i]);
	}
}

/**
 * kcas_records_abort - an attempt has failed
 * @tx: the transaction, outside of a section
 */
void kcas_records_abort(struct kcas_tx *tx)
{
	struct kcas_tx_record *record = tx->log->records.mem;
	unsigned int i;

	for (i = 0; i < tx->log->records.nr; i++)
		if (record[i].kind == KCAS_TX_ON_ABORT || record[i].kind == KCAS_TX_ON_END)
			record[i].fn(record[i].arg);
	for (i = 0; i < tx->log->records.nr; i++)
		if (record[i].kind == KCAS_TX_ALLOC || record[i].kind == KCAS_TX_UNALLOC)
			kcas_record_free(&record[i]);
}

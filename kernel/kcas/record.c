// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: what is to be done when a transaction has committed, or an attempt was aborted.
 *
 * A list in the order in which it came. Each attempt begins with an empty one, and at its end
 * does one half of it or the other, outside of its section, in the context of the caller.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "tx.h"

/* Return: 0, or the error of the transaction. */
static int kcas_record_add(struct kcas_tx *tx, const struct kcas_tx_record *record)
{
	struct kcas_tx_record *new;

	if (tx->err)
		return tx->err;
	if (WARN_ON_ONCE(record->kind != KCAS_TX_ALLOC && !record->fn))
		return kcas_tx_fail(tx, KCAS_TX_USER, -EINVAL);
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
 * transaction there can have a few actions only. With PREEMPT_RT the first is true of all
 * interrupts and of callers with preemption off, and the second also of tasks with
 * %KCAS_TX_NOWAIT or %KCAS_TX_PINNED.
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

/**
 * kcas_tx_alloc() - memory that is given back if the attempt does not commit
 * @tx: the transaction
 * @size: how much
 *
 * As kzalloc(). Where there is none at once, the transaction is run again in a form that may
 * wait for it, if it may wait at all. With PREEMPT_RT there never is any at once: with
 * %KCAS_TX_NOWAIT or %KCAS_TX_PINNED this always fails.
 *
 * Context: that of the transaction.
 * Return: the memory, to be given back by kfree() or kcas_kfree() when the transaction has
 * committed; or ERR_PTR() of the error of the transaction.
 */
void *kcas_tx_alloc(struct kcas_tx *tx, size_t size)
{
	struct kcas_tx_record record = { KCAS_TX_ALLOC };

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
		if (record[i].kind == KCAS_TX_ON_COMMIT || record[i].kind == KCAS_TX_RETIRE)
			continue;
		record[to] = record[i];
		if (record[to].kind == KCAS_TX_ON_ABORT)
			record[to].kind = KCAS_TX_ON_END;
		/* The log may have words that are in there. */
		if (record[to].kind == KCAS_TX_ALLOC)
			record[to].kind = KCAS_TX_GARBAGE;
		to++;
	}
	tx->log->records.nr = to;
}

static void kcas_garbage_free(struct kcas_head *head)
{
	struct kcas_tx_garbage *garbage = container_of(head, struct kcas_tx_garbage, head);

	while (garbage->nr)
		kfree(garbage->mem[--garbage->nr]);
	kvfree(garbage);
}

/* The first so many pointers in the records' memory: it becomes the garbage. */
static void kcas_garbage_retire(struct kcas_array *records, unsigned int nr)
{
	struct kcas_tx_garbage *garbage = records->mem;

	BUILD_BUG_ON(struct_size(garbage, mem, KCAS_ARRAY_LEAST) >
		     KCAS_ARRAY_LEAST * sizeof(struct kcas_tx_record));
	memmove(garbage->mem, records->mem, nr * sizeof(void *));
	garbage->nr = nr;
	memset(records, 0, sizeof(*records));
	kcas_retire(&garbage->head, kcas_garbage_free);
}

/*
 * Memory that nobody will have. Where its words have been given to an operation, helpers
 * may write there, and so will the cleaner, though it has failed.
 */
static void kcas_records_discard(struct kcas_tx *tx, bool committed)
{
	struct kcas_array *records = &tx->log->records;
	struct kcas_tx_record *record = records->mem;
	void **mem = records->mem;
	unsigned int i, nr = 0;

	for (i = 0; i < records->nr; i++)
		if (record[i].kind == KCAS_TX_GARBAGE ||
		    (record[i].kind == KCAS_TX_ALLOC && !committed))
			mem[nr++] = record[i].arg;
	records->nr = 0;
	if (nr && tx->tried)
		kcas_garbage_retire(records, nr);
	else
		while (nr)
			kfree(mem[--nr]);
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
	}
	kcas_records_discard(tx, true);
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
	kcas_records_discard(tx, false);
}

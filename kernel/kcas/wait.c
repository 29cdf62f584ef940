// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: transactions that wait for a change of what they have read.
 *
 * Who waits hangs a node for each word into a bucket, by the hash of its address; then looks
 * whether all words still have the values that he has read; then sleeps. Who changes a value
 * looks, after that, whether anybody waits at all, and then in the bucket of the word. So
 * either the waiter sees the change, or he is seen. Words know nothing of waiters, and waiters do
 * not read words any more once they sleep: the words' objects may be freed.
 *
 * Whoever decides an operation wakes, be it its owner or a helper, for the owner may be held
 * up. Where interrupts are off that is done a little later, from an irq_work: the caller may
 * hold locks that waking needs, or be an NMI. It does not keep the words in mind, only their
 * buckets: somebody may be woken who has to look again and find nothing new.
 */
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "trace.h"
#include "tx.h"

#define KCAS_BUCKET_BITS	8
#define KCAS_NR_BUCKETS		BIT(KCAS_BUCKET_BITS)

struct kcas_bucket {
	raw_spinlock_t lock;
	struct list_head nodes;
} ____cacheline_aligned_in_smp;

static struct kcas_bucket kcas_buckets[KCAS_NR_BUCKETS];

/* How many transactions wait; on a cache line that hardly ever changes. */
atomic_t kcas_nr_waiters ____cacheline_aligned_in_smp;

/* Buckets to be woken later, and by whom. */
static DECLARE_BITMAP(kcas_wake_later, KCAS_NR_BUCKETS);
static DEFINE_PER_CPU(struct irq_work, kcas_wake_work);

static unsigned int kcas_bucket_of(const struct kcas_word *word)
{
	return hash_ptr(word, KCAS_BUCKET_BITS);
}

/* @word: NULL for all */
static void kcas_bucket_wake(struct kcas_bucket *bucket, const struct kcas_word *word)
{
	struct kcas_node *node;
	unsigned long flags;

	/* KMM(wake:A): as the number of waiters; nobody hangs here who has to be seen. */
	if (list_empty(&bucket->nodes))
		return;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	list_for_each_entry(node, &bucket->nodes, list) {
		if (word && node->word != word)
			continue;
		trace_kcas_tx_wake(node->waiter->task->pid, word);
		WRITE_ONCE(node->waiter->woken, true);
		wake_up_process(node->waiter->task);
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

static void kcas_wake_fn(struct irq_work *work)
{
	unsigned int i;

	for (i = 0; i < KCAS_NR_BUCKETS; i++)
		if (test_bit(i, kcas_wake_later) && test_and_clear_bit(i, kcas_wake_later))
			kcas_bucket_wake(&kcas_buckets[i], NULL);
}

/* The slow half of kcas_wake(). */
void __kcas_wake(struct kcas_word *word)
{
	unsigned int i = kcas_bucket_of(word);

	if (!irqs_disabled() && !in_nmi()) {
		kcas_bucket_wake(&kcas_buckets[i], word);
		return;
	}
	/* The work sees what was done before it was queued, or found to be queued already. */
	set_bit(i, kcas_wake_later);
	irq_work_queue(this_cpu_ptr(&kcas_wake_work));
}

static void kcas_node_add(struct kcas_node *node, struct kcas_word *word,
			  struct kcas_waiter *waiter)
{
	struct kcas_bucket *bucket = &kcas_buckets[kcas_bucket_of(word)];
	unsigned long flags;

	node->word = word;
	node->waiter = waiter;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	list_add_tail(&node->list, &bucket->nodes);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

static void kcas_node_del(struct kcas_node *node)
{
	struct kcas_bucket *bucket = &kcas_buckets[kcas_bucket_of(node->word)];
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	list_del(&node->list);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

/* Return: false if there is no memory. */
static bool kcas_wait_get_nodes(struct kcas_tx *tx)
{
	struct kcas_array *nodes = &tx->log->nodes;
	void *mem;

	if (nodes->room >= tx->nr)
		return true;
	mem = kcas_tx_mem(tx, array_size(tx->nr, sizeof(struct kcas_node)));
	if (!mem)
		return false;
	kvfree(nodes->mem);
	nodes->mem = mem;
	nodes->room = tx->nr;
	return true;
}

static bool kcas_wait_changed(struct kcas_tx *tx)
{
	struct kcas_tx_entry *e;
	unsigned int i;

	kcas_tx_for_each_entry(tx, i, e)
		if (kcas_peek(e->op.word) != e->op.old)
			return true;
	return false;
}

/**
 * kcas_wait_prepare - be woken by changes from here on
 * @tx: the transaction, in its section
 * @waiter: for kcas_wait_sleep() and kcas_wait_end()
 *
 * Return: false if it must not wait: something has changed already, or there is no memory;
 * then the transaction has failed.
 */
bool kcas_wait_prepare(struct kcas_tx *tx, struct kcas_waiter *waiter)
{
	struct kcas_tx_entry *e;
	unsigned int i;

	if (!kcas_wait_get_nodes(tx))
		return false;
	waiter->task = current;
	waiter->node = tx->log->nodes.mem;
	waiter->nr = tx->nr;
	waiter->woken = false;
	atomic_inc(&kcas_nr_waiters);
	kcas_tx_for_each_entry(tx, i, e)
		kcas_node_add(&waiter->node[i], e->op.word, waiter);
	/*
	 * KMM(wait:A): full barrier: counted and in the buckets before the second look; pairs
	 * with KMM(wake:A). Litmus: kcas-tx-wait.
	 */
	smp_mb();
	if (kcas_busted(TX_ASLEEP) || !kcas_wait_changed(tx))
		return true;
	kcas_wait_end(waiter);
	return false;
}

/* Return: 0, or what schedule() is not for any more. */
static int kcas_wait_once(struct kcas_tx *tx)
{
	long left = MAX_SCHEDULE_TIMEOUT;
	int err = kcas_tx_check_end(tx);

	if (err)
		return err;
	if (tx->timed)
		left = tx->deadline - jiffies;
	schedule_timeout(max(left, 1L));
	return 0;
}

/**
 * kcas_wait_sleep - until something has changed
 * @tx: the transaction, outside of its section
 * @waiter: from kcas_wait_prepare()
 *
 * Return: 0 to try again, or an error.
 */
int kcas_wait_sleep(struct kcas_tx *tx, struct kcas_waiter *waiter)
{
	int err = 0;

	for (;;) {
		/* Full barrier; pairs with the one of wake_up_process(). */
		set_current_state(kcas_tx_wait_state(tx));
		if (READ_ONCE(waiter->woken))
			break;
		err = kcas_wait_once(tx);
		if (err)
			break;
	}
	__set_current_state(TASK_RUNNING);
	if (!err)
		__kcas_tx_count(KCAS_C_TX_WOKEN);
	return err;
}

/**
 * kcas_wait_end - leave nothing behind
 * @waiter: from kcas_wait_prepare()
 */
void kcas_wait_end(struct kcas_waiter *waiter)
{
	unsigned int i;

	for (i = 0; i < waiter->nr; i++)
		kcas_node_del(&waiter->node[i]);
	atomic_dec(&kcas_nr_waiters);
}

/**
 * kcas_wait_start - nobody waits yet
 */
void kcas_wait_start(void)
{
	unsigned int i, cpu;

	for (i = 0; i < KCAS_NR_BUCKETS; i++) {
		raw_spin_lock_init(&kcas_buckets[i].lock);
		INIT_LIST_HEAD(&kcas_buckets[i].nodes);
	}
	for_each_possible_cpu(cpu)
		init_irq_work(&per_cpu(kcas_wake_work, cpu), kcas_wake_fn);
}

/**
 * kcas_wait_stop - nobody waits any more
 */
void kcas_wait_stop(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu(kcas_wake_work, cpu));
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: freeing objects that have words in them.
 *
 * A word may be written long after the last operation on it: when the reference that was
 * left in it is cleaned away. So a grace period is not enough before its memory is given
 * back. After it, no operation on the object's words is under way any more, and those that
 * have been are in blocks of some CPU. All of these are then retired and cleaned; after
 * that nobody has an address in the object.
 *
 *	kcas_retire --grace period--> waiting --all blocks flushed, all that was retired
 *	before has been cleaned--> callback
 */
#include <linux/export.h>
#include <linux/llist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "internal.h"

static DEFINE_SPINLOCK(kcas_waiting_lock);
static struct kcas_head *kcas_waiting;

static void kcas_reap_fn(struct work_struct *work);
static DECLARE_WORK(kcas_reap, kcas_reap_fn);

static void kcas_call(struct kcas_head *head)
{
	unsigned long func = (unsigned long)head->func;

	/* See __kcas_kfree(). */
	if (func <= KCAS_KFREE_MAX_OFFSET)
		kfree((void *)head - (func - 1));
	else
		head->func(head);
}

static void kcas_call_all(struct kcas_head *head)
{
	struct kcas_head *next;

	for (; head; head = next) {
		next = head->next;
		kcas_call(head);
		cond_resched();
	}
}

static void kcas_reap_fn(struct work_struct *work)
{
	struct kcas_head *head;

	spin_lock(&kcas_waiting_lock);
	head = kcas_waiting;
	kcas_waiting = NULL;
	spin_unlock(&kcas_waiting_lock);
	if (!head)
		return;
	/*
	 * KMM(reap:A): the grace period that has led here is for who has found the objects;
	 * KMM(retire:A), in what follows, for who came later and helps them.
	 * Litmus: kcas-reap.
	 */
	kcas_clean_all();
	kcas_call_all(head);
}

static void kcas_retired(struct debra_head *debra)
{
	struct kcas_head *head = container_of(debra, struct kcas_head, head);

	if (kcas_busted(RETIRE_EARLY)) {
		kcas_call(head);
		return;
	}
	spin_lock(&kcas_waiting_lock);
	head->next = kcas_waiting;
	kcas_waiting = head;
	spin_unlock(&kcas_waiting_lock);
	queue_work(kcas_wq, &kcas_reap);
}

/**
 * kcas_retire() - retire an object that has words in it
 * @head: the head in the object
 * @func: called in process context when the object can be given back
 *
 * The object must have been made unreachable for new operations before. As debra_call() on
 * &kcas_domain, but waits also until nothing refers to the object's words. For objects
 * without words debra_call() and debra_kfree() on &kcas_domain will do.
 *
 * Context: any, NMI included.
 */
void kcas_retire(struct kcas_head *head, kcas_func_t func)
{
	if (WARN_ON_ONCE(!head || !func))
		return;
	head->func = func;
	debra_call(&kcas_domain, &head->head, kcas_retired);
}
EXPORT_SYMBOL_GPL(kcas_retire);

/**
 * kcas_barrier() - wait until everything retired by kcas_retire() before has been called
 *
 * And until nothing refers any more to words of whose operations the last is over: words in
 * static data of a module, which nobody retires, may go when this returns.
 *
 * Context: process context outside pins and callbacks, may sleep.
 * Return: 0, or an error as debra_barrier(); -EDEADLK in a callback.
 */
int kcas_barrier(void)
{
	int err;

	/* It would wait for itself, and debra knows nothing of these callbacks. */
	if (current_work() == &kcas_reap)
		return -EDEADLK;
	err = debra_barrier(&kcas_domain);
	if (err)
		return err;
	/* One that runs may have been too early for what has been added since. */
	flush_work(&kcas_reap);
	queue_work(kcas_wq, &kcas_reap);
	flush_work(&kcas_reap);
	kcas_flush_cpus();
	return debra_barrier(&kcas_domain);
}
EXPORT_SYMBOL_GPL(kcas_barrier);

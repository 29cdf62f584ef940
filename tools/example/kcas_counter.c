// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas_counter: three counters that always agree, as the first step with transactions.
 *
 * A cache notes for each lookup whether it has hit or missed, and how many lookups there
 * were. Whoever looks at the three at any time finds that hits and misses are all lookups.
 * Documentation/tutorial.md begins here.
 *
 *	insmod debra.ko
 *	insmod kcas.ko
 *	insmod kcas_counter.ko
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kcas-tx.h>
#include <linux/kthread.h>
#include <linux/module.h>

#define COUNTER_THREADS	4
#define COUNTER_LOOKUPS	2000	/* of each thread */

static struct kcas_word counter_hits;
static struct kcas_word counter_misses;
static struct kcas_word counter_lookups;	/* always hits + misses */

struct counter_thread {
	struct completion done;
	int err;
};

static struct counter_thread counter_threads[COUNTER_THREADS];

/* A body: may run several times, takes effect once. */
static int counter_note(struct kcas_tx *tx, void *arg)
{
	bool *hit = arg;
	int err;

	err = kcas_tx_inc(tx, *hit ? &counter_hits : &counter_misses);
	return err ?: kcas_tx_inc(tx, &counter_lookups);
}

static int counter_lookup(bool hit)
{
	return kcas_tx_run(counter_note, &hit, NULL);
}

/* The other form: the block is the body. It writes nothing, so it never disturbs anybody. */
static int counter_read(long *hits, long *misses, long *lookups)
{
	int err;

	kcas_tx_loop(tx, NULL, err) {
		err = kcas_tx_get_int(tx, &counter_hits, hits);
		err = err ?: kcas_tx_get_int(tx, &counter_misses, misses);
		err = err ?: kcas_tx_get_int(tx, &counter_lookups, lookups);
	}
	return err;
}

/* An error of the body's own undoes what it has done, and is what the caller gets. */
static int counter_take_back(bool hit)
{
	long left;
	int err;

	kcas_tx_loop(tx, NULL, err) {
		err = kcas_tx_dec(tx, &counter_lookups);
		err = err ?: kcas_tx_add(tx, hit ? &counter_hits : &counter_misses, -1, &left);
		if (!err && left < 0)
			err = -ERANGE;
	}
	return err;
}

static int counter_thread_fn(void *arg)
{
	struct counter_thread *t = arg;
	unsigned int i;

	for (i = 0; i < COUNTER_LOOKUPS && !t->err; i++) {
		t->err = counter_lookup(i % 4 != 0);
		cond_resched();
	}
	kthread_complete_and_exit(&t->done, 0);
}

static void counter_thread_start(struct counter_thread *t)
{
	struct task_struct *task;

	init_completion(&t->done);
	task = kthread_run(counter_thread_fn, t, "kcas_counter");
	if (!IS_ERR(task))
		return;
	t->err = PTR_ERR(task);
	complete(&t->done);
}

/* What somebody sees who looks while they count. */
static int counter_watch(void)
{
	long hits, misses, lookups;
	unsigned int i;
	int err = 0;

	for (i = 0; i < 100 && !err; i++) {
		err = counter_read(&hits, &misses, &lookups);
		if (!err && hits + misses != lookups)
			err = -EIO;
		usleep_range(100, 200);
	}
	return err;
}

static int counter_selftest(void)
{
	long hits, misses, lookups;
	unsigned int i;
	int err;

	if (counter_take_back(true) != -ERANGE)
		return -EIO;
	for (i = 0; i < COUNTER_THREADS; i++)
		counter_thread_start(&counter_threads[i]);
	err = counter_watch();
	for (i = 0; i < COUNTER_THREADS; i++) {
		wait_for_completion(&counter_threads[i].done);
		err = err ?: counter_threads[i].err;
	}
	err = err ?: counter_read(&hits, &misses, &lookups);
	if (err)
		return err;
	pr_info("kcas_counter: %ld hits, %ld misses, %ld lookups\n", hits, misses, lookups);
	return lookups == COUNTER_THREADS * COUNTER_LOOKUPS && misses == lookups / 4 ? 0 : -EIO;
}

static int __init counter_init(void)
{
	int err = counter_selftest();

	if (err) {
		pr_err("kcas_counter: failed: %d\n", err);
		/* As in counter_exit(). */
		kcas_barrier();
		return err;
	}
	pr_info("kcas_counter: ok\n");
	return 0;
}
module_init(counter_init);

static void __exit counter_exit(void)
{
	/* Words that are ours are still being written: they have to outlive that. */
	kcas_barrier();
}
module_exit(counter_exit);

MODULE_DESCRIPTION("Counters that always agree, with transactions of kcas");
MODULE_LICENSE("GPL");

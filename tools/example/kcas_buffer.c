// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas_buffer: bounded buffers whose users wait for each other.
 *
 * Producers put messages into one of two buffers, an urgent and a usual one, and wait while
 * it is full. Consumers take the urgent ones first, and wait while both are empty. There is
 * no lock, no wait queue and no wakeup to be seen. Documentation/tutorial.md goes
 * through it.
 *
 *	insmod debra.ko
 *	insmod kcas.ko
 *	insmod kcas_buffer.ko
 */
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kcas-tx.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>

#define BUFFER_SLOTS		4
#define BUFFER_PRODUCERS	2
#define BUFFER_CONSUMERS	3
#define BUFFER_MESSAGES		1000	/* of each producer */
#define BUFFER_ALL		(BUFFER_PRODUCERS * BUFFER_MESSAGES)

struct message {
	long value;
	struct kcas_head head;
};

struct buffer {
	struct kcas_word first;		/* where the oldest is */
	struct kcas_word nr;		/* how many there are */
	KCAS_PTR(struct message) slot[BUFFER_SLOTS];
};

static struct buffer buffer_urgent;
static struct buffer buffer_usual;
static struct kcas_word buffer_closed;

static DECLARE_BITMAP(buffer_seen, BUFFER_ALL);

struct buffer_thread {
	struct completion done;
	unsigned int id;
	int err;
};

static struct buffer_thread buffer_producers[BUFFER_PRODUCERS];
static struct buffer_thread buffer_consumers[BUFFER_CONSUMERS];

/* A part of a transaction: a function that is given it. */
static int buffer_put(struct kcas_tx *tx, struct buffer *b, struct message *m)
{
	long first, nr;
	int err;

	err = kcas_tx_get_int(tx, &b->nr, &nr);
	err = err ?: kcas_tx_get_int(tx, &b->first, &first);
	if (err)
		return err;
	if (nr == BUFFER_SLOTS)
		return kcas_tx_retry(tx);
	err = kcas_tx_set_ptr(tx, &b->slot[(first + nr) % BUFFER_SLOTS], m);
	return err ?: kcas_tx_inc(tx, &b->nr);
}

static int buffer_take(struct kcas_tx *tx, struct buffer *b, long *value)
{
	struct message *m;
	long first, nr;
	int err;

	err = kcas_tx_get_int(tx, &b->nr, &nr);
	err = err ?: kcas_tx_get_int(tx, &b->first, &first);
	if (err)
		return err;
	if (!nr)
		return kcas_tx_retry(tx);
	m = kcas_tx_get_ptr(tx, &b->slot[first]);
	if (IS_ERR(m))
		return PTR_ERR(m);
	*value = m->value;
	err = kcas_tx_set_ptr(tx, &b->slot[first], NULL);
	err = err ?: kcas_tx_set_int(tx, &b->first, (first + 1) % BUFFER_SLOTS);
	err = err ?: kcas_tx_dec(tx, &b->nr);
	return err ?: kcas_tx_free(tx, m, head);
}

static int buffer_take_urgent(struct kcas_tx *tx, void *arg)
{
	return buffer_take(tx, &buffer_urgent, arg);
}

static int buffer_take_usual(struct kcas_tx *tx, void *arg)
{
	return buffer_take(tx, &buffer_usual, arg);
}

/* Both are empty: is there still something to come? */
static int buffer_take_end(struct kcas_tx *tx, void *arg)
{
	long closed;
	int err = kcas_tx_get_int(tx, &buffer_closed, &closed);

	if (err)
		return err;
	return closed ? -EPIPE : kcas_tx_retry(tx);
}

static const kcas_tx_fn buffer_ways[] = {
	buffer_take_urgent, buffer_take_usual, buffer_take_end
};

static int buffer_take_any(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_first(tx, buffer_ways, ARRAY_SIZE(buffer_ways), arg);
}

/* Return: 0; -EPIPE: nothing will come any more; -ETIMEDOUT. */
static int buffer_receive(long *value, unsigned long timeout)
{
	struct kcas_tx_opts opts = { .timeout = timeout };

	return kcas_tx_run(buffer_take_any, value, &opts);
}

/* Return: 0, -ETIMEDOUT if there was no room for so long, or -ENOMEM. */
static int buffer_send(struct buffer *b, long value, unsigned long timeout)
{
	struct kcas_tx_opts opts = { .timeout = timeout };
	struct message *m = kmalloc(sizeof(*m), GFP_KERNEL);
	int err;

	if (!m)
		return -ENOMEM;
	m->value = value;
	kcas_tx_loop(tx, &opts, err) {
		err = buffer_put(tx, b, m);
	}
	if (err)
		kfree(m);	/* nobody has ever seen it */
	return err;
}

static int buffer_close(void)
{
	int err;

	kcas_tx_loop(tx, NULL, err) {
		err = kcas_tx_set_int(tx, &buffer_closed, 1);
	}
	return err;
}

static int buffer_producer_fn(void *arg)
{
	struct buffer_thread *t = arg;
	long value = t->id * BUFFER_MESSAGES;
	unsigned int i;

	for (i = 0; i < BUFFER_MESSAGES && !t->err; i++, value++)
		t->err = buffer_send(i % 8 ? &buffer_usual : &buffer_urgent, value, 30 * HZ);
	kthread_complete_and_exit(&t->done, 0);
}

static int buffer_consumer_fn(void *arg)
{
	struct buffer_thread *t = arg;
	long value;

	for (;;) {
		t->err = buffer_receive(&value, 30 * HZ);
		if (t->err)
			break;
		if (value < 0 || value >= BUFFER_ALL || test_and_set_bit(value, buffer_seen)) {
			t->err = -EIO;
			break;
		}
	}
	kthread_complete_and_exit(&t->done, 0);
}

static void buffer_thread_start(struct buffer_thread *t, unsigned int id, int (*fn)(void *arg))
{
	struct task_struct *task;

	init_completion(&t->done);
	t->id = id;
	task = kthread_run(fn, t, "kcas_buffer/%u", id);
	if (!IS_ERR(task))
		return;
	t->err = PTR_ERR(task);
	complete(&t->done);
}

/* Nobody is there yet: who waits does so in vain, for as long as he wants to. */
static int buffer_check_waits(void)
{
	struct kcas_tx_opts nowait = { .flags = KCAS_TX_NOWAIT };
	unsigned long start = jiffies;
	unsigned int i;
	long value;
	int err = 0;

	if (kcas_tx_run(buffer_take_any, &value, &nowait) != -EWOULDBLOCK)
		return -EIO;
	if (buffer_receive(&value, HZ / 50) != -ETIMEDOUT || jiffies - start < HZ / 50)
		return -EIO;
	for (i = 0; i < BUFFER_SLOTS && !err; i++)
		err = buffer_send(&buffer_usual, i, HZ);
	if (err || buffer_send(&buffer_usual, i, HZ / 50) != -ETIMEDOUT)
		return -EIO;
	for (i = 0; i < BUFFER_SLOTS; i++)
		if (buffer_receive(&value, HZ) || value != i)
			return -EIO;
	return 0;
}

/* Return: the first error of the threads; those that have come to the end have none. */
static int buffer_join(struct buffer_thread *t, unsigned int nr)
{
	int err = 0;

	for (; nr--; t++) {
		wait_for_completion(&t->done);
		err = err ?: t->err == -EPIPE ? 0 : t->err;
	}
	return err;
}

static int buffer_selftest(void)
{
	int err = buffer_check_waits(), late;
	unsigned int i;

	if (err)
		return err;
	for (i = 0; i < BUFFER_CONSUMERS; i++)
		buffer_thread_start(&buffer_consumers[i], i, buffer_consumer_fn);
	for (i = 0; i < BUFFER_PRODUCERS; i++)
		buffer_thread_start(&buffer_producers[i], i, buffer_producer_fn);
	err = buffer_join(buffer_producers, BUFFER_PRODUCERS);
	late = buffer_close();
	err = err ?: late;
	late = buffer_join(buffer_consumers, BUFFER_CONSUMERS);
	err = err ?: late;
	pr_info("kcas_buffer: %u of %u messages have arrived\n",
		bitmap_weight(buffer_seen, BUFFER_ALL), BUFFER_ALL);
	return err ?: bitmap_full(buffer_seen, BUFFER_ALL) ? 0 : -EIO;
}

/* What is left, if something has gone wrong. Then the words of the buffers are still written. */
static void buffer_empty(void)
{
	struct kcas_tx_opts nowait = { .flags = KCAS_TX_NOWAIT };
	long value;

	while (!kcas_tx_run(buffer_take_any, &value, &nowait))
		;
	kcas_barrier();
}

static int __init buffer_init(void)
{
	int err = buffer_selftest();

	if (err) {
		pr_err("kcas_buffer: failed: %d\n", err);
		buffer_empty();
		return err;
	}
	pr_info("kcas_buffer: ok\n");
	return 0;
}
module_init(buffer_init);

static void __exit buffer_exit(void)
{
	buffer_empty();
}
module_exit(buffer_exit);

MODULE_DESCRIPTION("Bounded buffers that block, with transactions of kcas");
MODULE_LICENSE("GPL");

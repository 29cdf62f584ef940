// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas_dining: philosophers who dine, and neither block each other nor go hungry.
 *
 * Five of them sit around a table with five forks, one between each two. Who wants to eat
 * takes the fork on his left and the one on his right, both at one moment or none, and
 * waits for both without holding any. So there is no circle in which each holds what
 * the next one waits for. And he lets a neighbour go first who is hungry and has had
 * less, so that nobody eats for ever between two others. Documentation/tutorial.md ends here.
 *
 *	insmod debra.ko
 *	insmod kcas.ko
 *	insmod kcas_dining.ko
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kcas-tx.h>
#include <linux/kthread.h>
#include <linux/module.h>

#define DINING_SEATS	5
#define DINING_MEALS	200		/* of each philosopher */
#define DINING_PATIENCE	(30 * HZ)	/* who waits longer has starved */

/* A seat, and the fork on its left. */
struct dining_seat {
	struct kcas_word fork;		/* whether somebody has it */
	struct kcas_word hungry;	/* whether he wants to eat */
	struct kcas_word meals;		/* that he has had */
	atomic_t in_hand;		/* the fork again, to notice if two have it */
	struct completion done;
	unsigned long longest;		/* that he has waited, in jiffies */
	int err;
};

static struct dining_seat dining_table[DINING_SEATS];

static struct dining_seat *dining_left(struct dining_seat *s)
{
	return s == dining_table ? &dining_table[DINING_SEATS - 1] : s - 1;
}

static struct dining_seat *dining_right(struct dining_seat *s)
{
	return s == &dining_table[DINING_SEATS - 1] ? dining_table : s + 1;
}

/* Is the neighbour hungry, and has had less? */
static int dining_goes_first(struct kcas_tx *tx, struct dining_seat *s,
			     struct dining_seat *neighbour, bool *first)
{
	long hungry, his, mine;
	int err;

	err = kcas_tx_get_int(tx, &neighbour->hungry, &hungry);
	err = err ?: kcas_tx_get_int(tx, &neighbour->meals, &his);
	err = err ?: kcas_tx_get_int(tx, &s->meals, &mine);
	*first = hungry && his < mine;
	return err;
}

/* Both forks, or neither, and then he waits until something has changed. */
static int dining_take_forks(struct kcas_tx *tx, struct dining_seat *s)
{
	long left, right;
	int err;

	err = kcas_tx_get_int(tx, &s->fork, &left);
	err = err ?: kcas_tx_get_int(tx, &dining_right(s)->fork, &right);
	if (err)
		return err;
	if (left || right)
		return kcas_tx_retry(tx);
	err = kcas_tx_set_int(tx, &s->fork, 1);
	return err ?: kcas_tx_set_int(tx, &dining_right(s)->fork, 1);
}

static int dining_sit_down(struct kcas_tx *tx, void *arg)
{
	struct dining_seat *s = arg;
	bool left, right;
	int err;

	err = dining_goes_first(tx, s, dining_left(s), &left);
	err = err ?: dining_goes_first(tx, s, dining_right(s), &right);
	if (err)
		return err;
	if (left || right)
		return kcas_tx_retry(tx);
	err = dining_take_forks(tx, s);
	return err ?: kcas_tx_set_int(tx, &s->hungry, 0);
}

/* Whoever waits for one of the forks is woken, and nobody else. */
static int dining_get_up(struct kcas_tx *tx, void *arg)
{
	struct dining_seat *s = arg;
	int err;

	err = kcas_tx_set_int(tx, &s->fork, 0);
	err = err ?: kcas_tx_set_int(tx, &dining_right(s)->fork, 0);
	return err ?: kcas_tx_inc(tx, &s->meals);
}

/* Return: false if somebody else has one of his forks. */
static bool dining_eat(struct dining_seat *s)
{
	bool both = !atomic_xchg(&s->in_hand, 1) && !atomic_xchg(&dining_right(s)->in_hand, 1);

	usleep_range(50, 100);
	atomic_set(&s->in_hand, 0);
	atomic_set(&dining_right(s)->in_hand, 0);
	return both;
}

static int dining_meal(struct dining_seat *s)
{
	struct kcas_tx_opts opts = { .timeout = DINING_PATIENCE };
	unsigned long start = jiffies;
	int err;

	err = kcas_set(&s->hungry, kcas_int(1));
	err = err ?: kcas_tx_run(dining_sit_down, s, &opts);
	if (err)
		return err;
	s->longest = max(s->longest, jiffies - start);
	if (!dining_eat(s))
		err = -EIO;
	return err ?: kcas_tx_run(dining_get_up, s, NULL);
}

static int dining_thread_fn(void *arg)
{
	struct dining_seat *s = arg;
	unsigned int i;

	for (i = 0; i < DINING_MEALS && !s->err; i++)
		s->err = dining_meal(s);
	kthread_complete_and_exit(&s->done, 0);
}

static void dining_invite(struct dining_seat *s)
{
	struct task_struct *task;

	init_completion(&s->done);
	task = kthread_run(dining_thread_fn, s, "kcas_dining");
	if (!IS_ERR(task))
		return;
	s->err = PTR_ERR(task);
	complete(&s->done);
}

static int dining_verdict(void)
{
	unsigned long longest = 0, meals = 0;
	struct dining_seat *s;
	int err = 0;

	for (s = dining_table; s < dining_table + DINING_SEATS; s++) {
		err = err ?: s->err;
		meals += kcas_to_int(kcas_read(&s->meals));
		longest = max(longest, s->longest);
		if (kcas_read(&s->fork))
			err = err ?: -EIO;
	}
	pr_info("kcas_dining: %u philosophers, %lu meals, nobody waited longer than %u ms\n",
		DINING_SEATS, meals, jiffies_to_msecs(longest));
	return err ?: meals == DINING_SEATS * DINING_MEALS ? 0 : -EIO;
}

static int __init dining_init(void)
{
	struct dining_seat *s;
	int err;

	for (s = dining_table; s < dining_table + DINING_SEATS; s++)
		dining_invite(s);
	for (s = dining_table; s < dining_table + DINING_SEATS; s++)
		wait_for_completion(&s->done);
	err = dining_verdict();
	if (err) {
		pr_err("kcas_dining: failed: %d\n", err);
		/* As in dining_exit(). */
		kcas_barrier();
		return err;
	}
	pr_info("kcas_dining: ok\n");
	return 0;
}
module_init(dining_init);

static void __exit dining_exit(void)
{
	kcas_barrier();
}
module_exit(dining_exit);

MODULE_DESCRIPTION("Dining philosophers, with transactions of kcas");
MODULE_LICENSE("GPL");

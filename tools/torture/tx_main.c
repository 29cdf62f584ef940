// SPDX-License-Identifier: GPL-2.0-only
/*
 * txtorture: does a transaction ever show, lose or leave anything that it should not?
 *
 * From tasks, softirqs and hard interrupts, on top of each other:
 *
 *  - money moves between accounts, and audits sum them all: every body that reads all finds
 *    the same sum, also one whose attempt fails later (opacity);
 *  - parcels go through bounded buffers, whose users wait until there is one, or room, in one
 *    buffer or in the other: each is taken once;
 *  - a turn goes round, and nobody but who has it can go on: a wait that ends by its long
 *    timeout is a wakeup that was lost;
 *  - others wait for what never comes, until they are tired of it or called away by a signal;
 *  - one writes thousands of words at once while the others write some of them: he must
 *    not starve;
 *  - objects with words are replaced and retired, while sleeping bodies still look at them: who
 *    has read a pointer may use what it points to, whether he was neutralized or not;
 *  - what is to be done at commit or after a failure is done, once.
 *
 * Meanwhile pins hold memory up, and, in a kernel with our checks, operations stop at random
 * places.
 */
#include <linux/kcas-tx.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "common.c"
#include "graves.c"
#include "pauses.c"

#define TORTURE_ACCOUNTS	24
#define TORTURE_DEPOSIT		1000
#define TORTURE_BUFFERS		2
#define TORTURE_ROOM		4
#define TORTURE_MAX_CREW	64
#define TORTURE_ATTEMPTS	64	/* of an interrupt */

static unsigned int nworkers;
module_param(nworkers, uint, 0444);
MODULE_PARM_DESC(nworkers, "tasks of each kind (0: one for each CPU; up to 64)");

static unsigned int many = 2000;
module_param(many, uint, 0444);
MODULE_PARM_DESC(many, "words that are written by one transaction (2-100000)");

struct torture_buffer {
	struct kcas_word slot[TORTURE_ROOM];
	struct kcas_word head;		/* how many were taken */
	struct kcas_word tail;		/* how many were put */
};

static struct kcas_word torture_account[TORTURE_ACCOUNTS];
static struct torture_buffer torture_buffer[TORTURE_BUFFERS];
static struct kcas_word torture_turn;	/* whose it is, ever increasing */
static struct kcas_word torture_over;	/* who waits for these may go */
static struct kcas_word torture_never;	/* never changes */
static struct kcas_word *torture_many;
static bool torture_swept;	/* all of them, while the others were at work */

static struct task_struct *torture_called[TORTURE_MAX_CREW];
static unsigned int torture_nr_called, torture_crew_size;

static atomic_long_t torture_done, torture_busy, torture_no_memory, torture_audits;
static atomic_long_t torture_sweeps, torture_bumps, torture_put, torture_taken;
static atomic_long_t torture_put_sum, torture_taken_sum;
static atomic_long_t torture_turns, torture_tired, torture_signals;
static atomic_long_t torture_objects, torture_looks, torture_aborted_looks;
static atomic_long_t torture_promised, torture_kept, torture_undone;
static atomic_long_t torture_longest;	/* jiffies for a transaction that need not wait */

/* With anything. Less than the run takes, so that it is seen when it is not enough. */
static unsigned long torture_patience(void)
{
	return clamp(seconds / 2, 5U, 120U) * HZ;
}

/* With the one whose turn it is. */
static unsigned long torture_turn_patience(void)
{
	return clamp(seconds / 3, 5U, 40U) * HZ;
}

/* In a task, now and then, in each form; in interrupts it must not wait. */
static unsigned int torture_flags(void)
{
	static const unsigned int flags[] = {
		0, 0, KCAS_TX_SLEEPABLE, KCAS_TX_PINNED, KCAS_TX_KILLABLE, KCAS_TX_NOWAIT,
	};

	if (!in_task() || irqs_disabled())
		return KCAS_TX_NOWAIT;
	return flags[torture_random(ARRAY_SIZE(flags))];
}

static struct kcas_tx_opts torture_opts(void)
{
	struct kcas_tx_opts opts = { .flags = torture_flags() };

	if (opts.flags & KCAS_TX_NOWAIT)
		opts.attempts = TORTURE_ATTEMPTS;
	return opts;
}

static void torture_took(unsigned long begin)
{
	long took = jiffies - begin;

	if (took > atomic_long_read(&torture_longest))
		atomic_long_set(&torture_longest, took);
	if (took > (long)torture_patience())
		torture_error("a transaction starves", took, 0);
}

/* Run what need not wait for anything. Return: whether it has committed. */
static bool torture_run(kcas_tx_fn body, void *arg)
{
	struct kcas_tx_opts opts = torture_opts();
	unsigned long begin = jiffies;
	int err = kcas_tx_run(body, arg, &opts);

	torture_took(begin);
	if (!err)
		atomic_long_inc(&torture_done);
	else if (err == -EBUSY && opts.attempts)
		atomic_long_inc(&torture_busy);
	else if (err == -ENOMEM)
		atomic_long_inc(&torture_no_memory);
	else
		torture_error("a transaction failed", -err, opts.flags);
	return !err;
}

/* ---------------------------------------------------------------- accounts */

static void torture_action_kept(void *unused)
{
	atomic_long_inc(&torture_kept);
}

static void torture_action_undone(void *unused)
{
	atomic_long_inc(&torture_undone);
}

/* One of both will be done. */
static int torture_promise(struct kcas_tx *tx)
{
	int err = kcas_tx_on_abort(tx, torture_action_undone, NULL);

	if (err)
		return err;
	atomic_long_inc(&torture_promised);
	return kcas_tx_on_commit(tx, torture_action_kept, NULL);
}

struct torture_transfer {
	unsigned int from;
	unsigned int step;	/* has no divisor with the number of accounts */
	unsigned int nr;
};

static int torture_transfer_body(struct kcas_tx *tx, void *arg)
{
	const struct torture_transfer *t = arg;
	unsigned int i, given = 0;
	unsigned long value;
	int err = 0;

	for (i = 1; i < t->nr && !err; i++) {
		struct kcas_word *to = &torture_account[(t->from + i * t->step) % TORTURE_ACCOUNTS];

		if (i % 4 == 3) {
			err = kcas_tx_get(tx, to, &value);
		} else {
			err = kcas_tx_inc(tx, to);
			given++;
		}
	}
	err = err ?: kcas_tx_add(tx, &torture_account[t->from], -(long)given, NULL);
	return err ?: t->nr % 2 ? torture_promise(tx) : 0;
}

static void torture_move_money(unsigned int most)
{
	static const unsigned int steps[] = { 1, 5, 7, 11, 13, 17, 19, 23 };
	struct torture_transfer t = {
		.from = torture_random(TORTURE_ACCOUNTS),
		.step = steps[torture_random(ARRAY_SIZE(steps))],
		.nr = 2 + torture_random(most - 1),
	};

	torture_run(torture_transfer_body, &t);
}

/* The body judges: what it sees counts whatever becomes of it. */
static int torture_audit_body(struct kcas_tx *tx, void *arg)
{
	long sum = 0, value;
	unsigned int i;
	int err = 0;

	for (i = 0; i < TORTURE_ACCOUNTS && !err; i++) {
		err = kcas_tx_get_int(tx, &torture_account[i], &value);
		sum += value;
	}
	if (!err && sum != TORTURE_ACCOUNTS * TORTURE_DEPOSIT)
		torture_error("a body sees a wrong sum", sum, 0);
	return err;
}

static void torture_audit(void)
{
	if (torture_run(torture_audit_body, NULL))
		atomic_long_inc(&torture_audits);
}

/* ---------------------------------------------------------------- buffers */

/**
 * struct torture_parcel - something that goes through a buffer
 * @buffer: which one, then
 * @value: what it is worth
 */
struct torture_parcel {
	unsigned int buffer;
	long value;
};

/* Return: 0 with both ends, or an error; who finds that all is over has -ECANCELED. */
static int torture_ends(struct kcas_tx *tx, struct torture_buffer *buffer, long *head, long *tail)
{
	unsigned long over;
	int err = kcas_tx_get(tx, &torture_over, &over) ?:
		  kcas_tx_get_int(tx, &buffer->head, head) ?:
		  kcas_tx_get_int(tx, &buffer->tail, tail);

	if (err)
		return err;
	if (*tail - *head < 0 || *tail - *head > TORTURE_ROOM)
		torture_error("a buffer was seen at two moments", *head, *tail);
	return over ? -ECANCELED : 0;
}

static int torture_put_body(struct kcas_tx *tx, void *arg)
{
	struct torture_parcel *parcel = arg;
	struct torture_buffer *buffer = &torture_buffer[parcel->buffer];
	long head, tail;
	int err = torture_ends(tx, buffer, &head, &tail);

	if (err)
		return err;
	if (tail - head == TORTURE_ROOM)
		return kcas_tx_retry(tx);
	err = kcas_tx_set_int(tx, &buffer->slot[tail % TORTURE_ROOM], parcel->value);
	return err ?: kcas_tx_inc(tx, &buffer->tail);
}

static int torture_take_from(struct kcas_tx *tx, struct torture_parcel *parcel,
			     unsigned int nr)
{
	struct torture_buffer *buffer = &torture_buffer[nr];
	long head, tail;
	int err = torture_ends(tx, buffer, &head, &tail);

	if (err)
		return err;
	if (tail == head)
		return kcas_tx_retry(tx);
	err = kcas_tx_get_int(tx, &buffer->slot[head % TORTURE_ROOM], &parcel->value);
	return err ?: kcas_tx_inc(tx, &buffer->head);
}

static int torture_take_0(struct kcas_tx *tx, void *arg)
{
	return torture_take_from(tx, arg, 0);
}

static int torture_take_1(struct kcas_tx *tx, void *arg)
{
	return torture_take_from(tx, arg, 1);
}

static int torture_take_any(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_or_else(tx, torture_take_0, torture_take_1, arg);
}

/* Return: whether there was one; else there is none to come. */
static bool torture_exchange(kcas_tx_fn body, struct torture_parcel *parcel)
{
	struct kcas_tx_opts opts = {
		.flags = torture_random(4) ? 0 : KCAS_TX_SLEEPABLE,
		.timeout = torture_patience(),
	};
	int err = kcas_tx_run(body, parcel, &opts);

	if (err == -ETIMEDOUT)
		torture_error("nobody puts or takes", parcel->buffer, 0);
	else if (err == -ENOMEM)
		atomic_long_inc(&torture_no_memory);
	else if (err && err != -ECANCELED)
		torture_error("a transaction that waits failed", -err, 0);
	return !err;
}

static void torture_has_put(const struct torture_parcel *parcel)
{
	atomic_long_inc(&torture_put);
	atomic_long_add(parcel->value, &torture_put_sum);
}

static void torture_has_taken(const struct torture_parcel *parcel)
{
	atomic_long_inc(&torture_taken);
	atomic_long_add(parcel->value, &torture_taken_sum);
}

static struct torture_parcel torture_parcel(void)
{
	return (struct torture_parcel){ torture_random(TORTURE_BUFFERS), torture_random(1000) };
}

static int torture_producer_fn(void *unused)
{
	struct torture_parcel parcel;

	while (!torture_should_stop()) {
		parcel = torture_parcel();
		if (torture_exchange(torture_put_body, &parcel))
			torture_has_put(&parcel);
		cond_resched();
	}
	return 0;
}

static int torture_consumer_fn(void *unused)
{
	struct torture_parcel parcel;

	while (!torture_should_stop()) {
		if (torture_exchange(torture_take_any, &parcel))
			torture_has_taken(&parcel);
		cond_resched();
	}
	return 0;
}

/* From an interrupt: only if there is one, or room. */
static void torture_exchange_now(void)
{
	const struct kcas_tx_opts opts = {
		.flags = KCAS_TX_NOWAIT, .attempts = TORTURE_ATTEMPTS,
	};
	struct torture_parcel parcel = torture_parcel();
	bool put = torture_random(2);

	if (kcas_tx_run(put ? torture_put_body : torture_take_any, &parcel, &opts))
		return;
	if (put)
		torture_has_put(&parcel);
	else
		torture_has_taken(&parcel);
}

/* ---------------------------------------------------------------- turns */

static int torture_turn_body(struct kcas_tx *tx, void *arg)
{
	unsigned long over;
	long turn;
	int err = kcas_tx_get_int(tx, &torture_turn, &turn) ?:
		  kcas_tx_get(tx, &torture_over, &over);

	if (err)
		return err;
	if (over)
		return -ECANCELED;
	if (turn % torture_crew_size != (long)arg)
		return kcas_tx_retry(tx);
	return kcas_tx_inc(tx, &torture_turn);
}

static int torture_turn_fn(void *arg)
{
	const struct kcas_tx_opts opts = { .timeout = torture_turn_patience() };
	int err;

	while (!torture_should_stop()) {
		err = kcas_tx_run(torture_turn_body, arg, &opts);
		if (!err)
			atomic_long_inc(&torture_turns);
		else if (err == -ETIMEDOUT)
			torture_error("a wakeup was lost", (long)arg, kcas_read(&torture_turn));
		else if (err != -ECANCELED && err != -ENOMEM)
			torture_error("a turn failed", -err, 0);
		cond_resched();
	}
	return 0;
}

/* Who waits when the time is over is let go by this; it is the first to be told. */
static int torture_closer_fn(void *unused)
{
	while (!torture_should_stop())
		schedule_timeout_uninterruptible(1);
	while (kcas_set(&torture_over, kcas_int(1)))
		schedule_timeout_uninterruptible(1);
	return 0;
}

/* ---------------------------------------------------------------- in vain */

static int torture_vain_body(struct kcas_tx *tx, void *arg)
{
	unsigned long value;
	unsigned int i;
	int err = kcas_tx_get(tx, &torture_never, &value);

	/* Others change, now and then, what this reads besides. */
	for (i = 0; i < *(unsigned int *)arg && !err; i++)
		err = kcas_tx_get(tx, &torture_many[i], &value);
	return err ?: kcas_tx_retry(tx);
}

static int torture_vain_fn(void *unused)
{
	struct kcas_tx_opts opts = { .flags = KCAS_TX_INTERRUPTIBLE };
	unsigned int more;
	int err;

	allow_signal(SIGUSR1);
	while (!torture_should_stop()) {
		more = torture_random(4) ? 0 : torture_random(20);
		opts.timeout = 1 + torture_random(3);
		err = kcas_tx_run(torture_vain_body, &more, &opts);
		if (err == -ETIMEDOUT)
			atomic_long_inc(&torture_tired);
		else if (err == -ERESTARTSYS)
			atomic_long_inc(&torture_signals);
		else if (err == -ENOMEM)
			atomic_long_inc(&torture_no_memory);
		else
			torture_error("a wait for nothing ended", -err, 0);
		flush_signals(current);
	}
	return 0;
}

/* Started before those whom it calls, and so it has ended before they do. */
static int torture_caller_fn(void *unused)
{
	unsigned int nr;

	while (!torture_should_stop()) {
		/* Pairs with the release in torture_crew(). */
		nr = smp_load_acquire(&torture_nr_called);
		if (nr)
			send_sig(SIGUSR1, torture_called[torture_random(nr)], 1);
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}

/* ---------------------------------------------------------------- many words */

static int torture_sweep_body(struct kcas_tx *tx, void *arg)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < many && !err; i++)
		err = kcas_tx_inc(tx, &torture_many[i]);
	return err;
}

static int torture_sweep_fn(void *unused)
{
	static const struct kcas_tx_opts opts = { .patience = 4 };
	unsigned long begin;
	int err;

	while (!torture_should_stop()) {
		begin = jiffies;
		err = kcas_tx_run(torture_sweep_body, NULL, &opts);
		torture_took(begin);
		if (!err)
			atomic_long_inc(&torture_sweeps);
		else if (err == -ENOMEM)
			atomic_long_inc(&torture_no_memory);
		else
			torture_error("a long transaction failed", -err, 0);
		torture_swept |= !err && !torture_should_stop();
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}

static int torture_bump_body(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_inc(tx, arg);
}

/* Such that waits: who starves is to be let pass. */
static void torture_bump(void)
{
	static const struct kcas_tx_opts opts = { };
	int err = kcas_tx_run(torture_bump_body, &torture_many[torture_random(many)], &opts);

	if (!err)
		atomic_long_inc(&torture_bumps);
	else if (err != -ENOMEM)
		torture_error("a bump failed", -err, 0);
}

/* ---------------------------------------------------------------- objects */

static int torture_replace_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_word *slot = arg;
	struct torture_object *object = kcas_tx_alloc(tx, sizeof(*object));
	unsigned long old;
	int err;

	if (IS_ERR(object))
		return PTR_ERR(object);
	torture_object_init(object);
	err = kcas_tx_xchg(tx, slot, (unsigned long)object, &old);
	/* A word that nobody has seen yet is one of the transaction. */
	err = err ?: kcas_tx_inc(tx, &object->word[0]) ?: kcas_tx_dec(tx, &object->word[1]);
	return err ?: kcas_tx_retire(tx, &((struct torture_object *)old)->head, torture_bury);
}

static void torture_replace_object(void)
{
	if (torture_run(torture_replace_body, &torture_slot[torture_random(TORTURE_SLOTS)]))
		atomic_long_inc(&torture_objects);
}

static int torture_write_body(struct kcas_tx *tx, void *arg)
{
	struct torture_object *object;
	unsigned long raw;
	int err = kcas_tx_get(tx, arg, &raw);

	if (err)
		return err;
	object = (struct torture_object *)raw;
	if (READ_ONCE(object->magic) != TORTURE_ALIVE)
		torture_error("found after its end", object->magic, 0);
	return kcas_tx_inc(tx, &object->word[0]) ?: kcas_tx_dec(tx, &object->word[1]);
}

/* Reads pointers, sleeps, and looks at what they point to, which has been replaced meanwhile. */
static int torture_look_body(struct kcas_tx *tx, void *arg)
{
	struct torture_object *object[TORTURE_SLOTS];
	unsigned long raw;
	unsigned int i;
	int err;

	for (i = 0; i < TORTURE_SLOTS; i++) {
		err = kcas_tx_get(tx, &torture_slot[i], &raw);
		if (err)
			return err;
		object[i] = (struct torture_object *)raw;
	}
	schedule_timeout_uninterruptible(torture_random(msecs_to_jiffies(30) + 2));
	for (i = 0; i < TORTURE_SLOTS; i++)
		if (READ_ONCE(object[i]->magic) != TORTURE_ALIVE)
			torture_error("gone in a body", object[i]->magic, i);
	atomic_long_inc(&torture_looks);
	err = kcas_tx_validate(tx, NULL);
	if (err)
		atomic_long_inc(&torture_aborted_looks);
	return 0;
}

static int torture_look_fn(void *unused)
{
	/* Whether it ever commits is no matter: objects are replaced all the time. */
	static const struct kcas_tx_opts opts = { .flags = KCAS_TX_SLEEPABLE, .attempts = 3 };
	int err;

	while (!torture_should_stop()) {
		err = kcas_tx_run(torture_look_body, NULL, &opts);
		if (err && err != -EBUSY && err != -ENOMEM)
			torture_error("a look failed", -err, 0);
	}
	return 0;
}

/* ---------------------------------------------------------------- who does it */

static void torture_anything(void)
{
	switch (torture_random(6)) {
	case 0:
		torture_move_money(TORTURE_ACCOUNTS);
		break;
	case 1:
		torture_audit();
		break;
	case 2:
		torture_run(torture_write_body, &torture_slot[torture_random(TORTURE_SLOTS)]);
		break;
	default:
		torture_move_money(6);
		break;
	}
}

static void torture_irq(void)
{
	if (torture_random(4))
		torture_anything();
	else
		torture_exchange_now();
}

static int torture_worker_fn(void *unused)
{
	while (!torture_should_stop()) {
		torture_anything();
		torture_bump();
		if (torture_random(4) == 0)
			torture_replace_object();
		debra_throttle(&kcas_domain);
		cond_resched();
	}
	return 0;
}

/* Some of the workers are more important than the others. */
static int torture_fifo_fn(void *unused)
{
	sched_set_fifo_low(current);
	while (!torture_should_stop()) {
		torture_bump();
		torture_move_money(6);
		schedule_timeout_uninterruptible(1 + torture_random(5));
	}
	return 0;
}

/* ---------------------------------------------------------------- the test */

static int torture_crew(void)
{
	static int (*const fn[])(void *arg) = {
		torture_worker_fn, torture_worker_fn, torture_producer_fn, torture_consumer_fn,
		torture_turn_fn, torture_vain_fn,
	};
	unsigned int i, j;
	int err = 0;

	for (i = 0; i < torture_crew_size && !err; i++) {
		for (j = 0; j < ARRAY_SIZE(fn) && !err; j++)
			err = torture_thread(fn[j], (void *)(long)i, "torture_worker", -1);
		if (err)
			break;
		/* The last of them waits in vain. */
		torture_called[i] = torture_last_thread();
		/* Pairs with the acquire in torture_caller_fn(). */
		smp_store_release(&torture_nr_called, i + 1);
	}
	return err;
}

static int txtorture_start(void)
{
	int err = torture_thread(torture_closer_fn, NULL, "torture_closer", -1);

	torture_crew_size = nworkers ?: num_online_cpus();
	torture_pause_start();
	err = err ?: torture_thread(torture_caller_fn, NULL, "torture_caller", -1);
	err = err ?: torture_crew();
	err = err ?: torture_thread(torture_sweep_fn, NULL, "torture_sweep", -1);
	err = err ?: torture_thread(torture_look_fn, NULL, "torture_look", -1);
	err = err ?: torture_thread(torture_fifo_fn, NULL, "torture_fifo", -1);
	err = err ?: torture_thread(torture_pin_fn, NULL, "torture_pin", -1);
	return err ?: torture_thread(torture_barrier_fn, NULL, "torture_barrier", -1);
}

static void txtorture_statistics(void)
{
	pr_info("done %ld busy %ld no_memory %ld audits %ld put %ld taken %ld turns %ld tired %ld signals %ld sweeps %ld objects %ld looks %ld (%ld aborted) longest %u ms garbage %lu%s\n",
		atomic_long_read(&torture_done), atomic_long_read(&torture_busy),
		atomic_long_read(&torture_no_memory), atomic_long_read(&torture_audits),
		atomic_long_read(&torture_put), atomic_long_read(&torture_taken),
		atomic_long_read(&torture_turns), atomic_long_read(&torture_tired),
		atomic_long_read(&torture_signals),
		atomic_long_read(&torture_sweeps), atomic_long_read(&torture_objects),
		atomic_long_read(&torture_looks), atomic_long_read(&torture_aborted_looks),
		jiffies_to_msecs(atomic_long_read(&torture_longest)),
		debra_garbage(&kcas_domain), torture_has_failed() ? " FAILED" : "");
}

/* What is still in a buffer was put, and not taken. */
static const char *torture_buffers_audit(void)
{
	long nr = atomic_long_read(&torture_put) - atomic_long_read(&torture_taken);
	long sum = atomic_long_read(&torture_put_sum) - atomic_long_read(&torture_taken_sum);
	long head, tail;
	unsigned int i;

	for (i = 0; i < TORTURE_BUFFERS; i++) {
		head = kcas_to_int(kcas_read(&torture_buffer[i].head));
		tail = kcas_to_int(kcas_read(&torture_buffer[i].tail));
		for (; head < tail; head++, nr--)
			sum -= kcas_to_int(kcas_read(&torture_buffer[i].slot[head % TORTURE_ROOM]));
	}
	if (nr)
		return "a parcel was lost or doubled";
	if (kcas_to_int(kcas_read(&torture_turn)) != atomic_long_read(&torture_turns))
		return "a turn was lost or doubled";
	return sum ? "a parcel is not what was put" : NULL;
}

static const char *torture_words_audit(void)
{
	long sum = 0;
	unsigned int i;

	for (i = 0; i < TORTURE_ACCOUNTS; i++)
		sum += kcas_to_int(kcas_read(&torture_account[i]));
	if (sum != TORTURE_ACCOUNTS * TORTURE_DEPOSIT)
		return "money was lost or made";
	for (i = 0, sum = 0; i < many; i++)
		sum += kcas_to_int(kcas_read(&torture_many[i]));
	if (sum != atomic_long_read(&torture_bumps) + many * atomic_long_read(&torture_sweeps))
		return "an addition was lost or doubled";
	return NULL;
}

static const char *torture_actions_audit(void)
{
	long done = atomic_long_read(&torture_kept) + atomic_long_read(&torture_undone);

	return done == atomic_long_read(&torture_promised) ? NULL : "actions != promised";
}

static const char *torture_objects_audit(void)
{
	struct torture_object *object;
	unsigned int i;

	for (i = 0; i < TORTURE_SLOTS; i++) {
		object = (struct torture_object *)kcas_read(&torture_slot[i]);
		if (kcas_to_int(kcas_read(&object->word[0])) +
		    kcas_to_int(kcas_read(&object->word[1])))
			torture_error("half a write to an object", i, 0);
		kcas_retire(&object->head, torture_bury);
	}
	/* Also for our own words: after this nothing refers to any of them. */
	return kcas_barrier() ? "kcas_barrier() failed" : NULL;
}

static bool torture_idle(void)
{
	return !atomic_long_read(&torture_audits) || !torture_swept ||
	       !atomic_long_read(&torture_taken) || !atomic_long_read(&torture_tired) ||
	       !atomic_long_read(&torture_turns) || !atomic_long_read(&torture_looks) ||
	       !atomic_long_read(&torture_objects);
}

static const char *txtorture_audit(void)
{
	const char *wrong = torture_words_audit();

	wrong = wrong ?: torture_buffers_audit();
	wrong = wrong ?: torture_actions_audit();
	wrong = torture_objects_audit() ?: wrong;
	torture_pause_stop();
	torture_empty_graves();
	if (atomic_long_read(&torture_buried) != atomic_long_read(&torture_objects) + TORTURE_SLOTS)
		wrong = wrong ?: "retired != given back";
	return wrong ?: torture_idle() ? "nothing was done" : NULL;
}

static int torture_words_init(void)
{
	unsigned int i;

	for (i = 0; i < TORTURE_ACCOUNTS; i++)
		kcas_init(&torture_account[i], kcas_int(TORTURE_DEPOSIT));
	return torture_slots_init();
}

static void txtorture_exit(void)
{
	vfree(torture_many);
}

static int txtorture_init(void)
{
	if (nworkers > TORTURE_MAX_CREW || many < 2 || many > 100000) {
		pr_err("nworkers is 64 at most, many 2 to 100000\n");
		return -EINVAL;
	}
	/* Zeros are words that hold 0. */
	torture_many = vcalloc(many, sizeof(*torture_many));
	if (torture_many && !torture_words_init())
		return 0;
	torture_slots_free();
	txtorture_exit();
	return -ENOMEM;
}

const struct torture_test torture_test = {
	.init = txtorture_init,
	.start = txtorture_start,
	.irq = torture_irq,
	.audit = txtorture_audit,
	.statistics = txtorture_statistics,
	.exit = txtorture_exit,
};

MODULE_DESCRIPTION("Torture test of transactions");

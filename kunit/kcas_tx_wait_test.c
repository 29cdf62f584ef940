// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: transactions that wait, and whoever wakes them.
 *
 * A wakeup that is lost is found by a wait that ends with its timeout, which is long.
 */
#include <kunit/resource.h>
#include <linux/kcas-tx.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include "kcas_test_actor.h"
#include "kcas_tx_test_util.h"

#define KCAS_TX_WAIT_PATIENCE	((unsigned long)DEBRA_TEST_PATIENCE_MS * HZ / 1000)

static const struct kcas_tx_opts kcas_tx_wait_patient = { .timeout = KCAS_TX_WAIT_PATIENCE };

/* ---------------------------------------------------------------- a guest */

/**
 * struct kcas_tx_wait_guest - somebody who waits until a word has another value
 * @word: the words that he reads
 * @nr: how many
 * @old: the value that the first one has
 * @opts: how
 * @fn: what he does when he is registered, before he sleeps; may be NULL
 * @body: his own body; NULL for kcas_tx_wait_body()
 * @arg: for @body
 * @runs: how often his body has run
 * @waits: how often he was about to sleep
 * @seen: the value that he was waiting for
 * @ret: what came of it
 * @over: it is over
 */
struct kcas_tx_wait_guest {
	struct kcas_word *word;
	unsigned int nr;
	long old;
	struct kcas_tx_opts opts;
	debra_test_fn fn;
	kcas_tx_fn body;
	void *arg;
	unsigned int runs;
	unsigned int waits;
	long seen;
	int ret;
	bool over;
};

/* At the end of an attempt that waits: its nodes are in the buckets by then. */
static void kcas_tx_wait_registered(void *data)
{
	struct kcas_tx_wait_guest *guest = data;

	if (guest->fn)
		guest->fn(guest);
	/* Pairs with the acquire in kcas_tx_wait_is_waiting(). */
	smp_store_release(&guest->waits, guest->waits + 1);
}

static int kcas_tx_wait_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_wait_guest *guest = arg;
	unsigned int i;
	long value;
	int err;

	WRITE_ONCE(guest->runs, guest->runs + 1);
	err = kcas_tx_on_abort(tx, kcas_tx_wait_registered, guest);
	for (i = guest->nr; i-- && !err;)
		err = kcas_tx_get_int(tx, &guest->word[i], &value);
	if (err)
		return err;
	guest->seen = value;
	return value == guest->old ? kcas_tx_retry(tx) : 0;
}

static void kcas_tx_wait_run(struct kcas_tx_wait_guest *guest)
{
	guest->ret = kcas_tx_run(guest->body ?: kcas_tx_wait_body, guest, &guest->opts);
	/* Pairs with the acquire in kcas_tx_wait_is_over(). */
	smp_store_release(&guest->over, true);
}

static void kcas_tx_wait_park(void)
{
	while (!kthread_should_stop())
		usleep_range(100, 500);
}

static int kcas_tx_wait_guest_fn(void *data)
{
	allow_signal(SIGUSR1);
	allow_signal(SIGKILL);
	kcas_tx_wait_run(data);
	flush_signals(current);
	kcas_tx_wait_park();
	return 0;
}

static bool kcas_tx_wait_is_waiting(struct kcas_tx_wait_guest *guest)
{
	/* Pairs with the release in kcas_tx_wait_registered(). */
	return debra_test_wait(smp_load_acquire(&guest->waits));
}

static bool kcas_tx_wait_is_over(struct kcas_tx_wait_guest *guest)
{
	/* Pairs with the release in kcas_tx_wait_run(). */
	return debra_test_wait(smp_load_acquire(&guest->over));
}

static struct kcas_tx_wait_guest *kcas_tx_wait_guest(struct kunit *test, struct kcas_word *word,
						     unsigned int nr, unsigned int flags)
{
	struct kcas_tx_wait_guest *guest = kunit_kzalloc(test, sizeof(*guest), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, guest);
	/* An attempt that is made to fail would pass for one that waits. */
	kcas_tx_test_undisturbed(test);
	guest->word = word;
	guest->nr = nr;
	guest->old = kcas_test_value(word);
	guest->opts.flags = flags;
	guest->opts.timeout = 2 * KCAS_TX_WAIT_PATIENCE;
	return guest;
}

/* ---------------------------------------------------------------- who writes */

static const struct kcas_tx_wait_writer {
	const char *name;
	bool tx;
	enum debra_test_context context;
} kcas_tx_wait_writers[] = {
	{ "transaction", true, DEBRA_TEST_TASK },
	{ "task", false, DEBRA_TEST_TASK },
#ifndef CONFIG_PREEMPT_RT
	{ "transaction in softirq", true, DEBRA_TEST_SOFTIRQ },
	{ "softirq", false, DEBRA_TEST_SOFTIRQ },
#endif
	{ "transaction in hardirq", true, DEBRA_TEST_HARDIRQ },
	{ "hardirq", false, DEBRA_TEST_HARDIRQ },
#ifdef CONFIG_X86
	{ "transaction in NMI", true, DEBRA_TEST_NMI },
	{ "NMI", false, DEBRA_TEST_NMI },
#endif
};

KUNIT_ARRAY_PARAM_DESC(kcas_tx_wait_writer, kcas_tx_wait_writers, name);

static int kcas_tx_wait_inc_body(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_inc(tx, arg);
}

static void kcas_tx_wait_inc_plain(void *word)
{
	while (kcas_add(word, 1, NULL) == -ENOMEM)
		cpu_relax();
}

static void kcas_tx_wait_inc_tx(void *word)
{
	static const struct kcas_tx_opts nowait = { .flags = KCAS_TX_NOWAIT };

	while (kcas_tx_run(kcas_tx_wait_inc_body, word, &nowait) == -ENOMEM)
		cpu_relax();
}

/* Where we are, on this CPU. */
static bool kcas_tx_wait_inc(const struct kcas_tx_wait_writer *writer, struct kcas_word *word)
{
	debra_test_fn fn = writer->tx ? kcas_tx_wait_inc_tx : kcas_tx_wait_inc_plain;
	bool done = true;

	if (writer->context == DEBRA_TEST_TASK) {
		fn(word);
	} else {
		preempt_disable();
		done = debra_test_interrupt(writer->context, fn, word);
		preempt_enable();
	}
	return done;
}

/* ---------------------------------------------------------------- a ring */

#define KCAS_TX_WAIT_RING	3
#define KCAS_TX_WAIT_RING_MS	300

/**
 * struct kcas_tx_wait_ring - a token that goes round: each step wakes one
 * @word: whose turn it is, ever increasing; whether it is over; and another one
 * @writer: how it is passed on
 * @turns: how often it was
 * @lost: wakeups that were lost
 * @errors: errors
 */
struct kcas_tx_wait_ring {
	struct kcas_word *word;
	const struct kcas_tx_wait_writer *writer;
	atomic_t turns;
	atomic_t lost;
	atomic_t errors;
};

struct kcas_tx_wait_place {
	struct kcas_tx_wait_ring *ring;
	unsigned int nr;
};

static int kcas_tx_wait_turn_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_wait_place *place = arg;
	long turn, over;
	int err = kcas_tx_get_int(tx, &place->ring->word[0], &turn);

	err = err ?: kcas_tx_get_int(tx, &place->ring->word[1], &over);
	if (err)
		return err;
	if (over)
		return -ECANCELED;
	return turn % KCAS_TX_WAIT_RING == place->nr ? 0 : kcas_tx_retry(tx);
}

static int kcas_tx_wait_place_fn(void *data)
{
	struct kcas_tx_wait_place *place = data;
	struct kcas_tx_wait_ring *ring = place->ring;
	int err;

	for (;;) {
		err = kcas_tx_run(kcas_tx_wait_turn_body, place, &kcas_tx_wait_patient);
		if (err)
			break;
		if (!kcas_tx_wait_inc(ring->writer, &ring->word[0]))
			atomic_inc(&ring->errors);
		atomic_inc(&ring->turns);
	}
	if (err == -ETIMEDOUT)
		atomic_inc(&ring->lost);
	else if (err != -ECANCELED)
		atomic_inc(&ring->errors);
	kcas_tx_wait_park();
	return 0;
}

/* Grace periods, and writes that are nobody's business. */
static int kcas_tx_wait_syncer_fn(void *data)
{
	struct kcas_word *word = data;

	while (!kthread_should_stop()) {
		kcas_tx_wait_inc_plain(word);
		if (!debra_test_random(8))
			kcas_barrier();
		usleep_range(100, 300);
	}
	return 0;
}

static void kcas_tx_wait_ring_turns(struct kunit *test)
{
	struct kcas_tx_wait_ring *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);
	struct kcas_tx_wait_place place[KCAS_TX_WAIT_RING];
	struct task_struct *task[KCAS_TX_WAIT_RING + 1];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ring);
	debra_test_need_cpus(test, KCAS_TX_WAIT_RING + 1);
	ring->writer = test->param_value;
	ring->word = kcas_test_alloc(test, 3, sizeof(*ring->word));
	kcas_test_jitter(test);
	debra_test_use_interrupts(test);
	for (i = 0; i < KCAS_TX_WAIT_RING; i++) {
		place[i].ring = ring;
		place[i].nr = i;
		task[i] = debra_test_thread(test, kcas_tx_wait_place_fn, &place[i],
					    debra_test_cpu(i + 1));
	}
	task[i] = debra_test_thread(test, kcas_tx_wait_syncer_fn, &ring->word[2],
				    debra_test_cpu(0));
	KUNIT_EXPECT_TRUE(test, kcas_test_last(KCAS_TX_WAIT_RING_MS,
					       atomic_read(&ring->turns) > 3 * KCAS_TX_WAIT_RING));
	/* Who waits is woken by this; who is not gives up in the end. */
	kcas_tx_wait_inc_plain(&ring->word[1]);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&ring->lost), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ring->errors), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&ring->word[0]), atomic_read(&ring->turns));
	kunit_info(test, "%d turns", atomic_read(&ring->turns));
}

/* ---------------------------------------------------------------- a buffer */

#define KCAS_TX_WAIT_SLOTS	4
#define KCAS_TX_WAIT_PAIRS	3
#define KCAS_TX_WAIT_QUOTA	DEBRA_TEST_SCALED(200)

/**
 * struct kcas_tx_wait_buffer - a bounded buffer, all of it words
 * @slot: the places
 * @head: how many were taken
 * @tail: how many were put
 * @sum: of what was taken
 * @taken: how many
 * @lost: waits that have ended with their timeout
 * @errors: errors
 * @done: threads that are done
 */
struct kcas_tx_wait_buffer {
	struct kcas_word slot[KCAS_TX_WAIT_SLOTS];
	struct kcas_word head;
	struct kcas_word tail;
	atomic_long_t sum;
	atomic_long_t taken;
	atomic_t lost;
	atomic_t errors;
	atomic_t done;
};

struct kcas_tx_wait_parcel {
	struct kcas_tx_wait_buffer *buffer;
	long value;
};

static int kcas_tx_wait_put_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_wait_parcel *parcel = arg;
	struct kcas_tx_wait_buffer *buffer = parcel->buffer;
	long head, tail;
	int err = kcas_tx_get_int(tx, &buffer->head, &head);

	err = err ?: kcas_tx_get_int(tx, &buffer->tail, &tail);
	if (err)
		return err;
	if (tail - head == KCAS_TX_WAIT_SLOTS)
		return kcas_tx_retry(tx);
	err = kcas_tx_set_int(tx, &buffer->slot[tail % KCAS_TX_WAIT_SLOTS], parcel->value);
	return err ?: kcas_tx_inc(tx, &buffer->tail);
}

static int kcas_tx_wait_take_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_wait_parcel *parcel = arg;
	struct kcas_tx_wait_buffer *buffer = parcel->buffer;
	long head, tail;
	int err = kcas_tx_get_int(tx, &buffer->tail, &tail);

	err = err ?: kcas_tx_get_int(tx, &buffer->head, &head);
	if (err)
		return err;
	if (tail == head)
		return kcas_tx_retry(tx);
	err = kcas_tx_get_int(tx, &buffer->slot[head % KCAS_TX_WAIT_SLOTS], &parcel->value);
	return err ?: kcas_tx_inc(tx, &buffer->head);
}

static int kcas_tx_wait_exchange(struct kcas_tx_wait_parcel *parcel, kcas_tx_fn body)
{
	int err = kcas_tx_run(body, parcel, &kcas_tx_wait_patient);

	if (err == -ETIMEDOUT)
		atomic_inc(&parcel->buffer->lost);
	else if (err)
		atomic_inc(&parcel->buffer->errors);
	return err;
}

static int kcas_tx_wait_producer_fn(void *data)
{
	struct kcas_tx_wait_parcel parcel = { data };
	unsigned int i;

	for (i = 0; i < KCAS_TX_WAIT_QUOTA && !atomic_read(&parcel.buffer->lost); i++) {
		parcel.value = i + 1;
		kcas_tx_wait_exchange(&parcel, kcas_tx_wait_put_body);
	}
	atomic_inc(&parcel.buffer->done);
	kcas_tx_wait_park();
	return 0;
}

static int kcas_tx_wait_consumer_fn(void *data)
{
	struct kcas_tx_wait_parcel parcel = { data };
	unsigned int i;

	for (i = 0; i < KCAS_TX_WAIT_QUOTA && !atomic_read(&parcel.buffer->lost); i++) {
		if (kcas_tx_wait_exchange(&parcel, kcas_tx_wait_take_body))
			continue;
		atomic_long_add(parcel.value, &parcel.buffer->sum);
		atomic_long_inc(&parcel.buffer->taken);
	}
	atomic_inc(&parcel.buffer->done);
	kcas_tx_wait_park();
	return 0;
}

static void kcas_tx_wait_bounded_buffer(struct kunit *test)
{
	struct kcas_tx_wait_buffer *buffer = kcas_test_alloc(test, 1, sizeof(*buffer));
	struct task_struct *task[2 * KCAS_TX_WAIT_PAIRS + 1];
	struct kcas_word *other = kcas_test_words(test, 1, 0);
	long quota = KCAS_TX_WAIT_QUOTA;
	unsigned int i;

	kcas_test_jitter(test);
	for (i = 0; i < 2 * KCAS_TX_WAIT_PAIRS; i++)
		task[i] = debra_test_thread(test, i & 1 ? kcas_tx_wait_producer_fn :
					    kcas_tx_wait_consumer_fn, buffer,
					    DEBRA_TEST_ANY_CPU);
	task[i] = debra_test_thread(test, kcas_tx_wait_syncer_fn, other, DEBRA_TEST_ANY_CPU);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(atomic_read(&buffer->done) ==
						2 * KCAS_TX_WAIT_PAIRS));
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&buffer->lost), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&buffer->errors), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&buffer->taken), KCAS_TX_WAIT_PAIRS * quota);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&buffer->sum),
			KCAS_TX_WAIT_PAIRS * quota * (quota + 1) / 2);
}

/* ---------------------------------------------------------------- at the last moment */

static void kcas_tx_wait_change_now(void *data)
{
	struct kcas_tx_wait_guest *guest = data;

	kcas_tx_wait_inc_plain(&guest->word[0]);
}

/* The value changes between the last look and the sleep. */
static void kcas_tx_wait_changed_meanwhile(struct kunit *test)
{
	struct kcas_tx_wait_guest *guest = kcas_tx_wait_guest(test, kcas_test_words(test, 20, 5),
							      20, 0);

	guest->fn = kcas_tx_wait_change_now;
	kcas_tx_wait_run(guest);
	KUNIT_EXPECT_EQ(test, guest->ret, 0);
	KUNIT_EXPECT_EQ(test, guest->seen, 6);
	KUNIT_EXPECT_EQ(test, guest->waits, 1);
}

/* Who waits has read one, makes it another, and says that he has to wait. */
static int kcas_tx_wait_stale_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_wait_guest *guest = arg;
	int err = kcas_tx_get_int(tx, guest->word, &guest->seen);

	if (err || guest->runs++)
		return err;
	kcas_tx_wait_change_now(guest);
	return kcas_tx_retry(tx);
}

/* The value has changed by the time of the last look: there is nothing to wait for. */
static void kcas_tx_wait_changed_before(struct kunit *test)
{
	struct kcas_tx_wait_guest *guest = kcas_tx_wait_guest(test, kcas_test_words(test, 1, 5),
							      1, 0);

	guest->opts.timeout = KCAS_TX_WAIT_PATIENCE / 10;
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_wait_stale_body, guest, &guest->opts), 0);
	KUNIT_EXPECT_EQ(test, guest->seen, 6);
}

/* ---------------------------------------------------------------- only by changes */

static void kcas_tx_wait_same_value(void *data)
{
	struct kcas_word *word = data;
	unsigned long value = kcas_read(word), old;

	while (kcas_set(word, value) == -ENOMEM || kcas_xchg(word, value, &old) == -ENOMEM ||
	       kcas_add(word, 0, NULL) == -ENOMEM)
		cpu_relax();
	kcas_cas(word, value, value);
	kcas_cas(word, value + kcas_int(1), value);
}

static int kcas_tx_wait_idle_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_word *word = arg;
	int err = kcas_tx_inc(tx, &word[0]);

	err = err ?: kcas_tx_dec(tx, &word[0]);
	return err ?: kcas_tx_inc(tx, &word[1]);
}

/* The first two keep their values, the third changes. */
static void kcas_tx_wait_others_write(struct kunit *test, struct kcas_word *word)
{
	unsigned long value = kcas_read(&word[0]), third;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		kcas_tx_wait_same_value(&word[0]);
		KUNIT_EXPECT_EQ(test, kcas_set(&word[2], kcas_int(i)), 0);
		third = kcas_int(i);
		/* Compared with one that is written; and one that fails. */
		KUNIT_EXPECT_EQ(test, kcas2(&word[0], value, value, &word[2], third,
					    third + kcas_int(1)), 1);
		KUNIT_EXPECT_EQ(test, kcas2(&word[0], value, kcas_int(99), &word[2], third, third),
				0);
		KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_wait_idle_body, &word[1], NULL), 0);
	}
}

static void kcas_tx_wait_only_changes_wake(struct kunit *test)
{
	struct kcas_word *word = kcas_test_words(test, 3, 5);
	struct kcas_tx_wait_guest *guest;
	struct task_struct *task;
	unsigned int i;

	kcas_tx_test_undisturbed(test);
	debra_test_use_interrupts(test);
	guest = kcas_tx_wait_guest(test, word, 2, 0);
	task = debra_test_thread(test, kcas_tx_wait_guest_fn, guest, debra_test_cpu(1));
	KUNIT_EXPECT_TRUE(test, kcas_tx_wait_is_waiting(guest));
	kcas_tx_wait_others_write(test, word);
	/* The same again, where compares are written like the others. */
	kcas_tx_test_set(test, debra_test_files(test), "patience", 0);
	kcas_tx_wait_others_write(test, word);
	for (i = 0; i < DEBRA_TEST_NR_CONTEXTS; i++)
		KUNIT_EXPECT_TRUE(test, debra_test_run_on(debra_test_cpu(2), i,
							  kcas_tx_wait_same_value, word));
	msleep(DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_EQ(test, READ_ONCE(guest->runs), 1);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(guest->over));
	kcas_tx_wait_inc_plain(word);
	KUNIT_EXPECT_TRUE(test, kcas_tx_wait_is_over(guest));
	KUNIT_EXPECT_EQ(test, guest->runs, 2);
	KUNIT_EXPECT_EQ(test, guest->ret, 0);
	KUNIT_EXPECT_EQ(test, guest->seen, 6);
	debra_test_thread_stop(test, task);
}

/* ---------------------------------------------------------------- one or the other */

struct kcas_tx_wait_choice {
	struct kcas_word *word;
	unsigned int way;
	unsigned int taken[3];
	bool stop;
};

static int kcas_tx_wait_take(struct kcas_tx *tx, struct kcas_tx_wait_choice *choice,
			     unsigned int way)
{
	long value;
	int err = kcas_tx_get_int(tx, &choice->word[way], &value);

	if (err)
		return err;
	if (!value)
		return kcas_tx_retry(tx);
	choice->way = way;
	return kcas_tx_dec(tx, &choice->word[way]);
}

static int kcas_tx_wait_take_0(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_wait_take(tx, arg, 0);
}

static int kcas_tx_wait_take_1(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_wait_take(tx, arg, 1);
}

static int kcas_tx_wait_take_2(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_wait_take(tx, arg, 2);
}

static int kcas_tx_wait_take_2_or_0(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_or_else(tx, kcas_tx_wait_take_2, kcas_tx_wait_take_0, arg);
}

static int kcas_tx_wait_take_any(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_or_else(tx, kcas_tx_wait_take_1, kcas_tx_wait_take_2_or_0, arg);
}

static int kcas_tx_wait_chooser_fn(void *data)
{
	struct kcas_tx_wait_choice *choice = data;
	int err = 0;

	while (!kthread_should_stop() && !err && !READ_ONCE(choice->stop)) {
		err = kcas_tx_run(kcas_tx_wait_take_any, choice, &kcas_tx_wait_patient);
		if (!err)
			WRITE_ONCE(choice->taken[choice->way], choice->taken[choice->way] + 1);
	}
	kcas_tx_wait_park();
	return err;
}

static void kcas_tx_wait_both_sides(struct kunit *test)
{
	struct kcas_tx_wait_choice *choice = kunit_kzalloc(test, sizeof(*choice), GFP_KERNEL);
	unsigned int i, way, count[3] = { };
	struct task_struct *task;
	bool taken = true;

	KUNIT_ASSERT_NOT_NULL(test, choice);
	choice->word = kcas_test_alloc(test, 3, sizeof(*choice->word));
	task = debra_test_thread(test, kcas_tx_wait_chooser_fn, choice, DEBRA_TEST_ANY_CPU);
	for (i = 0; i < DEBRA_TEST_SCALED(96) && taken; i++) {
		way = i % 3;
		/* He sleeps, or is about to. */
		if (i % 2)
			usleep_range(500, 1000);
		kcas_tx_wait_inc_plain(&choice->word[way]);
		count[way]++;
		taken = debra_test_wait(READ_ONCE(choice->taken[way]) == count[way]);
	}
	WRITE_ONCE(choice->stop, true);
	kcas_tx_wait_inc_plain(&choice->word[0]);
	debra_test_thread_stop(test, task);
	KUNIT_EXPECT_TRUE(test, taken);
	for (i = 1; i < 3; i++)
		KUNIT_EXPECT_EQ(test, choice->taken[i], count[i]);
}

/* ---------------------------------------------------------------- timeouts and signals */

static void kcas_tx_wait_timeouts(struct kunit *test)
{
	struct kcas_tx_wait_guest *guest = kcas_tx_wait_guest(test, kcas_test_words(test, 40, 1),
							      40, 0);
	unsigned long begin, timeout;

	for (timeout = 1; timeout < 40; timeout *= 3) {
		guest->opts.timeout = timeout;
		begin = jiffies;
		kcas_tx_wait_run(guest);
		KUNIT_EXPECT_EQ(test, guest->ret, -ETIMEDOUT);
		KUNIT_EXPECT_GE(test, jiffies - begin, timeout);
		KUNIT_EXPECT_LT(test, jiffies - begin, KCAS_TX_WAIT_PATIENCE);
	}
}

static const struct kcas_tx_wait_signal {
	const char *name;
	unsigned int flags;
	int sig;
	bool ends;
} kcas_tx_wait_signals[] = {
	{ "interruptible", KCAS_TX_INTERRUPTIBLE, SIGUSR1, true },
	{ "interruptible, fatal", KCAS_TX_INTERRUPTIBLE, SIGKILL, true },
	{ "interruptible and sleepable", KCAS_TX_INTERRUPTIBLE | KCAS_TX_SLEEPABLE, SIGUSR1, true },
	{ "killable", KCAS_TX_KILLABLE, SIGUSR1, false },
	{ "killable, fatal", KCAS_TX_KILLABLE, SIGKILL, true },
	{ "default", 0, SIGUSR1, false },
	{ "default, fatal", 0, SIGKILL, false },
};

KUNIT_ARRAY_PARAM_DESC(kcas_tx_wait_signal, kcas_tx_wait_signals, name);

static void kcas_tx_wait_is_signalled(struct kunit *test)
{
	const struct kcas_tx_wait_signal *signal = test->param_value;
	struct kcas_tx_wait_guest *guest = kcas_tx_wait_guest(test, kcas_test_words(test, 3, 1), 3,
							      signal->flags);
	struct task_struct *task = debra_test_thread(test, kcas_tx_wait_guest_fn, guest,
						     DEBRA_TEST_ANY_CPU);

	kcas_tx_test_undisturbed(test);
	KUNIT_EXPECT_TRUE(test, kcas_tx_wait_is_waiting(guest));
	send_sig(signal->sig, task, 1);
	if (signal->ends) {
		KUNIT_EXPECT_TRUE(test, kcas_tx_wait_is_over(guest));
		KUNIT_EXPECT_EQ(test, guest->ret, -ERESTARTSYS);
		KUNIT_EXPECT_EQ(test, guest->runs, 1);
	} else {
		msleep(DEBRA_TEST_WATCH_MS);
		KUNIT_EXPECT_FALSE(test, READ_ONCE(guest->over));
	}
	kcas_tx_wait_inc_plain(guest->word);
	KUNIT_EXPECT_TRUE(test, kcas_tx_wait_is_over(guest));
	if (!signal->ends)
		KUNIT_EXPECT_EQ(test, guest->ret, 0);
	debra_test_thread_stop(test, task);
}

/* ---------------------------------------------------------------- nothing is left behind */

#define KCAS_TX_WAIT_QUITTERS	4
#define KCAS_TX_WAIT_SLEEPERS	40
#define KCAS_TX_WAIT_MANY	DEBRA_TEST_SCALED(200000)
/* Of so many waits: a million. */
#define KCAS_TX_WAIT_ROUNDS	(DEBRA_TEST_SLOW ? 2 : 5)
/*
 * In pages: two bytes for each wait. KASAN keeps what is freed until that is a 32nd of all memory,
 * so with it only what is larger is seen.
 */
#define KCAS_TX_WAIT_FLAT	(IS_ENABLED(CONFIG_KASAN) ? 4096 : 512)
/* Words of the longest; who has to begin anew for want of memory does not get as far as that. */
#define KCAS_TX_WAIT_WORDS	(IS_ENABLED(CONFIG_PREEMPT_RT) ? KCAS_TX_TEST_FEW : 20)

struct kcas_tx_wait_crowd {
	struct kcas_word *word;
	atomic_t done;
	atomic_t errors;
};

/* With a signal that is there already: each wait begins, and ends at once. */
static int kcas_tx_wait_quitter_fn(void *data)
{
	struct kcas_tx_wait_crowd *crowd = data;
	struct kcas_tx_wait_guest guest = {
		.word = crowd->word,
		.opts = { .flags = KCAS_TX_INTERRUPTIBLE, .timeout = KCAS_TX_WAIT_PATIENCE },
	};
	unsigned int i;

	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 1);
	for (i = 0; i < KCAS_TX_WAIT_MANY / KCAS_TX_WAIT_QUITTERS; i++) {
		guest.nr = i % 64 ? 1 : KCAS_TX_WAIT_WORDS;
		kcas_tx_wait_run(&guest);
		if (guest.ret != -ERESTARTSYS)
			atomic_inc(&crowd->errors);
	}
	flush_signals(current);
	atomic_inc(&crowd->done);
	kcas_tx_wait_park();
	return 0;
}

static int kcas_tx_wait_sleeper_fn(void *data)
{
	struct kcas_tx_wait_crowd *crowd = data;
	struct kcas_tx_wait_guest guest = { .word = crowd->word, .opts = { .timeout = 1 } };
	unsigned int i;

	for (i = 0; i < 20; i++) {
		guest.nr = min(1 + i, (unsigned int)KCAS_TX_WAIT_WORDS);
		kcas_tx_wait_run(&guest);
		if (guest.ret != -ETIMEDOUT)
			atomic_inc(&crowd->errors);
	}
	atomic_inc(&crowd->done);
	kcas_tx_wait_park();
	return 0;
}

/* Of the kernel, in pages; whatever waits for a grace period has been given back. */
static long kcas_tx_wait_memory(void)
{
	rcu_barrier();
	kcas_test_settle();
	rcu_barrier();
	return global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B) +
	       global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B);
}

static void kcas_tx_wait_crowd_waits(struct kunit *test, struct kcas_tx_wait_crowd *crowd)
{
	struct task_struct *task[KCAS_TX_WAIT_QUITTERS + KCAS_TX_WAIT_SLEEPERS];
	unsigned int i;

	atomic_set(&crowd->done, 0);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = debra_test_thread(test, i < KCAS_TX_WAIT_QUITTERS ?
					    kcas_tx_wait_quitter_fn : kcas_tx_wait_sleeper_fn,
					    crowd, DEBRA_TEST_ANY_CPU);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(atomic_read(&crowd->done) == ARRAY_SIZE(task)));
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd->errors), 0);
}

static void kcas_tx_wait_leaves_nothing(struct kunit *test)
{
	struct kcas_tx_wait_crowd *crowd = kunit_kzalloc(test, sizeof(*crowd), GFP_KERNEL);
	struct debra_test_files *files = debra_test_files(test);
	long before, blocked;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	crowd->word = kcas_test_alloc(test, 64, sizeof(*crowd->word));
	blocked = kcas_test_tx_stat(files, "blocked");
	before = kcas_tx_wait_memory();
	for (i = 0; i < KCAS_TX_WAIT_ROUNDS; i++)
		kcas_tx_wait_crowd_waits(test, crowd);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "waiting"), 0);
	blocked = kcas_test_tx_stat(files, "blocked") - blocked;
	KUNIT_EXPECT_GE(test, blocked, KCAS_TX_WAIT_ROUNDS *
			((long)KCAS_TX_WAIT_MANY + 20 * KCAS_TX_WAIT_SLEEPERS));
	before = kcas_tx_wait_memory() - before;
	kunit_info(test, "%ld waits, %ld more pages", blocked, before);
	KUNIT_EXPECT_LT(test, before, KCAS_TX_WAIT_FLAT);
}

/* ---------------------------------------------------------------- counters */

static void kcas_tx_wait_counters(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_tx_wait_guest *guest = kcas_tx_wait_guest(test, kcas_test_words(test, 2, 1), 2,
							      0);
	long blocked = kcas_test_tx_stat(files, "blocked");
	long woken = kcas_test_tx_stat(files, "woken");
	long timeouts = kcas_test_tx_stat(files, "timeout");
	struct task_struct *task;

	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "waiting"), 0);
	task = debra_test_thread(test, kcas_tx_wait_guest_fn, guest, DEBRA_TEST_ANY_CPU);
	KUNIT_EXPECT_TRUE(test, kcas_tx_wait_is_waiting(guest));
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "waiting"), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "blocked"), blocked + 1);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "woken"), woken);
	kcas_tx_wait_inc_plain(guest->word);
	KUNIT_EXPECT_TRUE(test, kcas_tx_wait_is_over(guest));
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "waiting"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "woken"), woken + 1);
	debra_test_thread_stop(test, task);
	guest->old = kcas_test_value(guest->word);
	guest->opts.timeout = 1;
	kcas_tx_wait_run(guest);
	KUNIT_EXPECT_EQ(test, guest->ret, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "timeout"), timeouts + 1);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "waiting"), 0);
}

/* ---------------------------------------------------------------- helpers */

#ifdef CONFIG_DEBRA_DEBUG
/* The owner is held up before he decides: who decides for him wakes. */
static void kcas_tx_wait_helper_wakes(struct kunit *test)
{
	struct kcas_word *word = kcas_test_words(test, 2, 1);
	struct kcas_tx_wait_guest *guest = kcas_tx_wait_guest(test, word, 1, 0);
	struct kcas_test_actor *owner;
	struct kcas_test_stop *stop;
	bool held, woken;

	kcas_test_stage(test);
	debra_test_thread(test, kcas_tx_wait_guest_fn, guest, debra_test_cpu(2));
	KUNIT_EXPECT_TRUE(test, kcas_tx_wait_is_waiting(guest));
	owner = kcas_test_actor(test, 1);
	kcas_test_op(&owner->op[0], &word[0], 1, 2);
	kcas_test_op(&owner->op[1], &word[1], 2, 3);
	owner->nr = 2;
	stop = &owner->stop[DEBRA_TEST_TASK];
	kcas_test_arm(stop, KCAS_PAUSE_BEFORE_DECIDE, NULL);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	held = kcas_test_held(stop);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(guest->over));
	KUNIT_EXPECT_EQ(test, kcas_test_value(&word[1]), 3);
	woken = kcas_tx_wait_is_over(guest);
	KUNIT_EXPECT_TRUE(test, kcas_test_is_held(stop));
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, held && woken && kcas_test_done(owner));
	KUNIT_EXPECT_EQ(test, owner->ret, 1);
	KUNIT_EXPECT_EQ(test, guest->ret, 0);
	KUNIT_EXPECT_EQ(test, guest->seen, 2);
	KUNIT_EXPECT_EQ(test, guest->runs, 2);
}

/* He has looked, and then the owner installs, before he can wait. */
static int kcas_tx_wait_owner_begins(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_wait_guest *guest = arg;
	struct kcas_test_actor *owner = guest->arg;
	struct kcas_test_stop *stop = &owner->stop[DEBRA_TEST_TASK];
	int err = kcas_tx_get_int(tx, guest->word, &guest->seen);

	if (err)
		return err;
	if (guest->runs++)
		return guest->seen == guest->old ? kcas_tx_retry(tx) : 0;
	kcas_test_arm(stop, KCAS_PAUSE_BEFORE_DECIDE, NULL);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	kcas_test_held(stop);
	return kcas_tx_retry(tx);
}

/* All is installed but nothing decided when somebody goes to sleep: he does not help. */
static void kcas_tx_wait_undecided(struct kunit *test)
{
	struct kcas_word *word = kcas_test_words(test, 2, 1);
	struct kcas_tx_wait_guest *guest = kcas_tx_wait_guest(test, word, 1, KCAS_TX_SLEEPABLE);
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_actor *owner;
	struct kcas_test_stop *stop;
	bool waits, held, over;
	unsigned int i;

	kcas_test_stage(test);
	owner = kcas_test_actor(test, 1);
	stop = &owner->stop[DEBRA_TEST_TASK];
	for (i = 0; i < 2; i++)
		kcas_test_op(&owner->op[i], &word[i], 1 + i, 2 + i);
	owner->nr = 2;
	guest->body = kcas_tx_wait_owner_begins;
	guest->arg = owner;
	debra_test_thread(test, kcas_tx_wait_guest_fn, guest, debra_test_cpu(2));
	waits = debra_test_wait(kcas_test_tx_stat(files, "waiting") == 1);
	msleep(DEBRA_TEST_WATCH_MS);
	held = kcas_test_is_held(stop);
	over = READ_ONCE(guest->over) || READ_ONCE(guest->runs) > 1;
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, waits && held && kcas_test_done(owner));
	KUNIT_EXPECT_EQ(test, owner->ret, 1);
	KUNIT_EXPECT_FALSE(test, over);
	KUNIT_EXPECT_TRUE(test, kcas_tx_wait_is_over(guest));
	KUNIT_EXPECT_EQ(test, guest->ret, 0);
	KUNIT_EXPECT_EQ(test, guest->seen, 2);
	KUNIT_EXPECT_EQ(test, guest->runs, 2);
}
#endif

static struct kunit_case kcas_tx_wait_cases[] = {
	KUNIT_CASE_PARAM(kcas_tx_wait_ring_turns, kcas_tx_wait_writer_gen_params),
	KUNIT_CASE(kcas_tx_wait_bounded_buffer),
	KUNIT_CASE(kcas_tx_wait_changed_meanwhile),
	KUNIT_CASE(kcas_tx_wait_changed_before),
	KUNIT_CASE(kcas_tx_wait_only_changes_wake),
	KUNIT_CASE(kcas_tx_wait_both_sides),
	KUNIT_CASE(kcas_tx_wait_timeouts),
	KUNIT_CASE_PARAM(kcas_tx_wait_is_signalled, kcas_tx_wait_signal_gen_params),
	KUNIT_CASE(kcas_tx_wait_leaves_nothing),
	KUNIT_CASE(kcas_tx_wait_counters),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE(kcas_tx_wait_helper_wakes),
	KUNIT_CASE(kcas_tx_wait_undecided),
#endif
	{}
};

static struct kunit_suite kcas_tx_wait_suite = {
	.name = "kcas_tx_wait",
	.test_cases = kcas_tx_wait_cases,
};

kunit_test_suite(kcas_tx_wait_suite);

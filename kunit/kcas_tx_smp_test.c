// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: many transactions at once, in all contexts.
 */
#include <linux/kcas-tx.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "kcas_test_util.h"

#define KCAS_TX_SMP_MS	800

static const struct kcas_tx_opts kcas_tx_smp_nowait = { .flags = KCAS_TX_NOWAIT };

/* Tasks may wait, and do so one time in two; not where a storm calls for an IPI to itself. */
static const struct kcas_tx_opts *kcas_tx_smp_opts(void)
{
	if (!preemptible() || debra_test_random(2))
		return &kcas_tx_smp_nowait;
	return NULL;
}

/* ---------------------------------------------------------------- the bank */

static const struct kcas_tx_smp_weather {
	const char *name;
	unsigned long contexts;
	unsigned int accounts;
	bool plain;
} kcas_tx_smp_weathers[] = {
	{ "tasks", BIT(DEBRA_TEST_TASK), 24 },
	{ "tasks, with kcas()", BIT(DEBRA_TEST_TASK), 24, true },
#ifndef CONFIG_PREEMPT_RT
	{ "softirqs", BIT(DEBRA_TEST_TASK) | BIT(DEBRA_TEST_SOFTIRQ), 24 },
#endif
	{ "hardirqs", BIT(DEBRA_TEST_TASK) | BIT(DEBRA_TEST_HARDIRQ), 24 },
#ifdef CONFIG_X86
	{ "NMIs", BIT(DEBRA_TEST_TASK) | BIT(DEBRA_TEST_NMI), 12 },
#endif
	{ "all", DEBRA_TEST_STORM_ALL, 12 },
	{ "all, with kcas()", DEBRA_TEST_STORM_ALL, 12, true },
};

KUNIT_ARRAY_PARAM_DESC(kcas_tx_smp_weather, kcas_tx_smp_weathers, name);

/**
 * struct kcas_tx_smp_city - a bank whose customers have several ways to move money
 * @bank: the bank
 * @plain: some of them use kcas()
 * @torn: bodies that have seen a wrong sum
 */
struct kcas_tx_smp_city {
	struct kcas_test_bank *bank;
	bool plain;
	atomic_long_t torn;
};

/**
 * struct kcas_tx_smp_order - one transfer
 * @city: where
 * @at: the account that gives
 * @step: how far the others are
 * @nr: how many there are, in all
 * @looked_at: so many of them are only read
 * @sum: what each of the others gets
 */
struct kcas_tx_smp_order {
	struct kcas_tx_smp_city *city;
	unsigned int at;
	unsigned int step;
	unsigned int nr;
	unsigned int looked_at;
	long sum;
};

static int kcas_tx_smp_pay(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_smp_order *order = arg;
	struct kcas_test_bank *bank = order->city->bank;
	unsigned int i, gets = order->nr - 1 - order->looked_at;
	struct kcas_word *word;
	unsigned long value;
	int err;

	err = kcas_tx_add(tx, &bank->account[order->at], -order->sum * (long)gets, NULL);
	for (i = 1; i < order->nr && !err; i++) {
		word = &bank->account[(order->at + i * order->step) % bank->nr];
		if (i <= gets)
			err = kcas_tx_add(tx, word, order->sum, NULL);
		else
			err = kcas_tx_get(tx, word, &value);
	}
	return err;
}

static void kcas_tx_smp_note(struct kcas_test_bank *bank, int ret)
{
	if (!ret)
		atomic_long_inc(&bank->moved);
	else if (ret == -ENOMEM)
		atomic_long_inc(&bank->no_memory);
	else
		atomic_long_inc(&bank->errors);
}

static void kcas_tx_smp_move(struct kcas_tx_smp_city *city)
{
	static const unsigned int steps[] = { 1, 5, 7, 11 };
	struct kcas_tx_smp_order order = {
		.city = city,
		.at = debra_test_random(city->bank->nr),
		.step = steps[debra_test_random(ARRAY_SIZE(steps))],
		.nr = 2 + debra_test_random(6),
		.sum = 1 + debra_test_random(3),
	};

	order.looked_at = debra_test_random(min(order.nr - 1, 3U));
	kcas_tx_smp_note(city->bank, kcas_tx_run(kcas_tx_smp_pay, &order, kcas_tx_smp_opts()));
}

static int kcas_tx_smp_add_up(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_smp_city *city = arg;
	struct kcas_test_bank *bank = city->bank;
	long value, sum = 0;
	unsigned int i;
	int err = 0;

	for (i = 0; i < bank->nr && !err; i++) {
		err = kcas_tx_get_int(tx, &bank->account[i], &value);
		sum += value;
	}
	if (!err && sum != bank->total)
		atomic_long_inc(&city->torn);
	return err;
}

static void kcas_tx_smp_audit(struct kcas_tx_smp_city *city)
{
	int ret = kcas_tx_run(kcas_tx_smp_add_up, city, kcas_tx_smp_opts());

	if (!ret)
		atomic_long_inc(&city->bank->audits);
	else if (ret != -ENOMEM)
		atomic_long_inc(&city->bank->errors);
}

static void kcas_tx_smp_customer(void *data)
{
	struct kcas_tx_smp_city *city = data;
	unsigned int choice = debra_test_random(8);

	if (!choice)
		kcas_tx_smp_audit(city);
	else if (choice < 4 && city->plain)
		kcas_test_bank_move(city->bank);
	else
		kcas_tx_smp_move(city);
}

static int kcas_tx_smp_auditor_fn(void *data)
{
	while (!kthread_should_stop()) {
		kcas_tx_smp_audit(data);
		debra_throttle(&kcas_domain);
		cond_resched();
	}
	return 0;
}

static void kcas_tx_smp_bank_storm(struct kunit *test)
{
	const struct kcas_tx_smp_weather *weather = test->param_value;
	struct kcas_tx_smp_city *city = kunit_kzalloc(test, sizeof(*city), GFP_KERNEL);
	struct debra_test_storm *storm;
	struct task_struct *task[2];
	unsigned int i;
	bool enough;

	KUNIT_ASSERT_NOT_NULL(test, city);
	city->bank = kcas_test_bank(test);
	city->bank->total = city->bank->total / city->bank->nr * weather->accounts;
	city->bank->nr = weather->accounts;
	city->plain = weather->plain;
	kcas_test_jitter(test);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = debra_test_thread(test, kcas_tx_smp_auditor_fn, city, DEBRA_TEST_ANY_CPU);
	storm = debra_test_storm(test, weather->contexts, kcas_tx_smp_customer, city);
	enough = kcas_test_last(KCAS_TX_SMP_MS, atomic_long_read(&city->bank->audits) > 10 &&
				atomic_long_read(&city->bank->moved) > 1000);
	debra_test_storm_stop(test, storm);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_TRUE(test, enough);
	for (i = 0; i < DEBRA_TEST_NR_CONTEXTS; i++)
		if (weather->contexts & BIT(i))
			KUNIT_EXPECT_GT(test, debra_test_storm_count(storm, i), 0);
	kcas_test_bank_verdict(test, city->bank);
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&city->torn), 0, "bodies saw wrong sums");
}

/* ---------------------------------------------------------------- crossed */

/**
 * struct kcas_tx_smp_cross - each reads what the other writes
 * @word: two words
 * @done: how often each was done
 * @errors: errors
 */
struct kcas_tx_smp_cross {
	struct kcas_word *word;
	atomic_long_t done[2];
	atomic_long_t errors;
};

struct kcas_tx_smp_side {
	struct kcas_tx_smp_cross *cross;
	unsigned int side;
};

static int kcas_tx_smp_cross_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_smp_side *side = arg;
	unsigned long seen;
	int err = kcas_tx_get(tx, &side->cross->word[!side->side], &seen);

	return err ?: kcas_tx_inc(tx, &side->cross->word[side->side]);
}

static void kcas_tx_smp_cross_fn(void *data)
{
	struct kcas_tx_smp_side side = { data, debra_test_random(2) };
	int ret = kcas_tx_run(kcas_tx_smp_cross_body, &side, kcas_tx_smp_opts());

	if (!ret)
		atomic_long_inc(&side.cross->done[side.side]);
	else if (ret != -ENOMEM)
		atomic_long_inc(&side.cross->errors);
}

static void kcas_tx_smp_crossed(struct kunit *test)
{
	struct kcas_tx_smp_cross *cross = kunit_kzalloc(test, sizeof(*cross), GFP_KERNEL);
	struct debra_test_storm *storm;
	unsigned int i;
	bool both;

	KUNIT_ASSERT_NOT_NULL(test, cross);
	cross->word = kcas_test_alloc(test, 2, sizeof(*cross->word));
	kcas_test_jitter(test);
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL, kcas_tx_smp_cross_fn, cross);
	both = kcas_test_last(KCAS_TX_SMP_MS, atomic_long_read(&cross->done[0]) > 100 &&
			      atomic_long_read(&cross->done[1]) > 100);
	debra_test_storm_stop(test, storm);
	kunit_info(test, "%ld and %ld", atomic_long_read(&cross->done[0]),
		   atomic_long_read(&cross->done[1]));
	KUNIT_EXPECT_TRUE_MSG(test, both, "no progress");
	KUNIT_EXPECT_EQ(test, atomic_long_read(&cross->errors), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&cross->word[i]),
				atomic_long_read(&cross->done[i]));
}

/* ---------------------------------------------------------------- write skew */

struct kcas_tx_smp_doctor {
	struct kcas_test_skew *skew;
	unsigned int side;
	bool set;
};

/* Each one writes what the other one only reads. */
static int kcas_tx_smp_skew_set(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_smp_doctor *doctor = arg;
	struct kcas_word *word = doctor->skew->word;
	long mine, other;
	int err = kcas_tx_get_int(tx, &word[!doctor->side], &other);

	err = err ?: kcas_tx_get_int(tx, &word[doctor->side], &mine);
	if (!err && mine && other)
		atomic_long_inc(&doctor->skew->both);
	doctor->set = !err && !mine && !other;
	return doctor->set ? kcas_tx_set_int(tx, &word[doctor->side], 1) : err;
}

static void kcas_tx_smp_skew_fn(void *data)
{
	struct kcas_tx_smp_doctor doctor = { data, debra_test_random(2) };
	struct kcas_word *word = doctor.skew->word;
	int ret = kcas_tx_run(kcas_tx_smp_skew_set, &doctor, kcas_tx_smp_opts());

	if (ret) {
		if (ret != -ENOMEM)
			atomic_long_inc(&doctor.skew->errors);
		return;
	}
	atomic_long_inc(&doctor.skew->audits);
	if (!doctor.set)
		return;
	atomic_long_inc(&doctor.skew->set);
	/* Only who has set it takes it back, and the other one is not set as long as it is. */
	if (kcas_read(&word[!doctor.side]))
		atomic_long_inc(&doctor.skew->both);
	while (kcas_set(&word[doctor.side], 0) == -ENOMEM)
		cpu_relax();
}

static void kcas_tx_smp_write_skew(struct kunit *test)
{
	kcas_test_skew_storm(test, kcas_tx_smp_skew_fn, KCAS_TX_SMP_MS, 1000);
}

/* ---------------------------------------------------------------- beside plain writers */

/**
 * struct kcas_tx_smp_copy - a word that others add to, and one that follows it
 * @word: the source, the copy
 * @seen: how often both were seen
 * @copied: how often the copy has come closer
 * @wrong: how often it was ahead
 * @errors: errors
 */
struct kcas_tx_smp_copy {
	struct kcas_word *word;
	atomic_long_t seen;
	atomic_long_t copied;
	atomic_long_t wrong;
	atomic_long_t errors;
};

/* Whichever is read first: the copy is never ahead, and only transactions write it. */
static int kcas_tx_smp_copy_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_smp_copy *copy = arg;
	unsigned int first = debra_test_random(2);
	long value[2];
	int err;

	err = kcas_tx_get_int(tx, &copy->word[first], &value[first]);
	err = err ?: kcas_tx_get_int(tx, &copy->word[!first], &value[!first]);
	if (err)
		return err;
	if (value[1] > value[0])
		atomic_long_inc(&copy->wrong);
	return kcas_tx_set_int(tx, &copy->word[1], value[0]);
}

static int kcas_tx_smp_look_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_smp_copy *copy = arg;
	long source, other;
	int err = kcas_tx_get_int(tx, &copy->word[1], &other);

	err = err ?: kcas_tx_get_int(tx, &copy->word[0], &source);
	if (!err && other > source)
		atomic_long_inc(&copy->wrong);
	return err;
}

static void kcas_tx_smp_copy_fn(void *data)
{
	struct kcas_tx_smp_copy *copy = data;
	unsigned int choice = debra_test_random(4);
	int ret;

	if (choice < 2) {
		ret = kcas_add(&copy->word[0], 1, NULL);
	} else if (choice == 2) {
		ret = kcas_tx_run(kcas_tx_smp_copy_body, copy, kcas_tx_smp_opts());
		if (!ret)
			atomic_long_inc(&copy->copied);
	} else {
		ret = kcas_tx_run(kcas_tx_smp_look_body, copy, kcas_tx_smp_opts());
		if (!ret)
			atomic_long_inc(&copy->seen);
	}
	if (ret && ret != -ENOMEM)
		atomic_long_inc(&copy->errors);
}

static void kcas_tx_smp_beside_plain(struct kunit *test)
{
	struct kcas_tx_smp_copy *copy = kunit_kzalloc(test, sizeof(*copy), GFP_KERNEL);
	struct debra_test_storm *storm;
	bool enough;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	copy->word = kcas_test_alloc(test, 2, sizeof(*copy->word));
	kcas_test_jitter(test);
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL, kcas_tx_smp_copy_fn, copy);
	enough = kcas_test_last(KCAS_TX_SMP_MS, atomic_long_read(&copy->copied) > 100 &&
				atomic_long_read(&copy->seen) > 100);
	debra_test_storm_stop(test, storm);
	kunit_info(test, "%ld copied, %ld seen", atomic_long_read(&copy->copied),
		   atomic_long_read(&copy->seen));
	KUNIT_EXPECT_TRUE(test, enough);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&copy->errors), 0);
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_smp_copy_body, copy, NULL), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&copy->wrong), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&copy->word[0]), kcas_test_value(&copy->word[1]));
}

/* ---------------------------------------------------------------- histories */

#define KCAS_TX_SMP_WORDS	6
#define KCAS_TX_SMP_CLERKS	4
#define KCAS_TX_SMP_LENGTH	DEBRA_TEST_SCALED(4000)

/**
 * struct kcas_tx_smp_event - what one operation has read and written
 * @begin: a number taken before it
 * @end: one taken after it
 * @version: what it has read, each word
 * @reads: which words it has read
 * @writes: to which of these it has added one
 */
struct kcas_tx_smp_event {
	u32 begin;
	u32 end;
	u32 version[KCAS_TX_SMP_WORDS];
	u8 reads;
	u8 writes;
};

struct kcas_tx_smp_history;

/**
 * struct kcas_tx_smp_clerk - a thread that notes what it does
 * @history: the history
 * @event: what it has done
 * @nr: so many of them
 * @next: the first that the judge has no place for yet
 */
struct kcas_tx_smp_clerk {
	struct kcas_tx_smp_history *history;
	struct kcas_tx_smp_event *event;
	unsigned int nr;
	unsigned int next;
};

struct kcas_tx_smp_history {
	struct kcas_word *word;
	struct kcas_tx_smp_clerk clerk[KCAS_TX_SMP_CLERKS];
	u32 now[KCAS_TX_SMP_WORDS];
	u32 *readers[KCAS_TX_SMP_WORDS];
	atomic_t clock;
	atomic_t done;
	atomic_t errors;
};

struct kcas_tx_smp_entry {
	struct kcas_tx_smp_history *history;
	struct kcas_tx_smp_event *event;
};

static int kcas_tx_smp_event_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_smp_entry *entry = arg;
	struct kcas_tx_smp_event *event = entry->event;
	unsigned int i;
	long value;
	int err = 0;

	for (i = 0; i < KCAS_TX_SMP_WORDS && !err; i++) {
		if (!(event->reads & BIT(i)))
			continue;
		err = kcas_tx_get_int(tx, &entry->history->word[i], &value);
		event->version[i] = value;
		if (!err && event->writes & BIT(i))
			err = kcas_tx_set_int(tx, &entry->history->word[i], value + 1);
	}
	return err;
}

/* The same by kcas(), until it succeeds. */
static int kcas_tx_smp_event_plain(struct kcas_tx_smp_entry *entry)
{
	struct kcas_op op[KCAS_TX_SMP_WORDS];
	unsigned int i, nr;
	int ret;

	do {
		for (i = 0, nr = 0; i < KCAS_TX_SMP_WORDS; i++) {
			if (!(entry->event->reads & BIT(i)))
				continue;
			op[nr].word = &entry->history->word[i];
			op[nr].old = kcas_read(op[nr].word);
			op[nr].new = op[nr].old;
			if (entry->event->writes & BIT(i))
				op[nr].new += kcas_int(1);
			entry->event->version[i] = kcas_to_int(op[nr++].old);
		}
		ret = kcas(op, nr);
	} while (!ret);
	return ret > 0 ? 0 : ret;
}

static void kcas_tx_smp_clerk_act(struct kcas_tx_smp_clerk *clerk)
{
	struct kcas_tx_smp_history *history = clerk->history;
	struct kcas_tx_smp_event *event = &clerk->event[clerk->nr];
	struct kcas_tx_smp_entry entry = { history, event };
	int err;

	event->reads = 1 + debra_test_random(BIT(KCAS_TX_SMP_WORDS) - 1);
	event->writes = event->reads & debra_test_random(BIT(KCAS_TX_SMP_WORDS));
	event->begin = atomic_inc_return(&history->clock);
	if (debra_test_random(4))
		err = kcas_tx_run(kcas_tx_smp_event_body, &entry, kcas_tx_smp_opts());
	else
		err = kcas_tx_smp_event_plain(&entry);
	event->end = atomic_inc_return(&history->clock);
	if (!err)
		clerk->nr++;
	else if (err != -ENOMEM)
		atomic_inc(&history->errors);
}

static int kcas_tx_smp_clerk_fn(void *data)
{
	struct kcas_tx_smp_clerk *clerk = data;

	while (clerk->nr < KCAS_TX_SMP_LENGTH && !kthread_should_stop()) {
		kcas_tx_smp_clerk_act(clerk);
		debra_throttle(&kcas_domain);
		cond_resched();
	}
	atomic_inc(&clerk->history->done);
	while (!kthread_should_stop())
		usleep_range(500, 1000);
	return 0;
}

/* Can it be the next of all that are left? */
static bool kcas_tx_smp_fits(struct kcas_tx_smp_history *history,
			     const struct kcas_tx_smp_event *event)
{
	const struct kcas_tx_smp_clerk *clerk;
	unsigned int i;

	for (i = 0; i < KCAS_TX_SMP_WORDS; i++) {
		if (!(event->reads & BIT(i)))
			continue;
		if (event->version[i] != history->now[i])
			return false;
		if (event->writes & BIT(i) && history->readers[i][history->now[i]] > 1)
			return false;
	}
	/* Nobody may have ended before it began. */
	for (i = 0; i < KCAS_TX_SMP_CLERKS; i++) {
		clerk = &history->clerk[i];
		if (clerk->next < clerk->nr && clerk->event[clerk->next].end < event->begin)
			return false;
	}
	return true;
}

static void kcas_tx_smp_replay(struct kcas_tx_smp_history *history,
			       const struct kcas_tx_smp_event *event)
{
	unsigned int i;

	for (i = 0; i < KCAS_TX_SMP_WORDS; i++) {
		if (event->reads & BIT(i))
			history->readers[i][history->now[i]]--;
		if (event->writes & BIT(i))
			history->now[i]++;
	}
}

/* Some clerk's next one is the next of all. Return: false if nobody's is. */
static bool kcas_tx_smp_replay_one(struct kcas_tx_smp_history *history)
{
	struct kcas_tx_smp_clerk *clerk;
	unsigned int i;

	for (i = 0; i < KCAS_TX_SMP_CLERKS; i++) {
		clerk = &history->clerk[i];
		if (clerk->next == clerk->nr ||
		    !kcas_tx_smp_fits(history, &clerk->event[clerk->next]))
			continue;
		kcas_tx_smp_replay(history, &clerk->event[clerk->next++]);
		return true;
	}
	return false;
}

/* Return: false if a version was read that never was. */
static bool kcas_tx_smp_count_readers(struct kcas_tx_smp_history *history, unsigned int versions)
{
	const struct kcas_tx_smp_event *event;
	unsigned int i, j, k;

	for (i = 0; i < KCAS_TX_SMP_CLERKS; i++) {
		for (j = 0; j < history->clerk[i].nr; j++) {
			event = &history->clerk[i].event[j];
			for (k = 0; k < KCAS_TX_SMP_WORDS; k++) {
				if (!(event->reads & BIT(k)))
					continue;
				if (event->version[k] >= versions)
					return false;
				history->readers[k][event->version[k]]++;
			}
		}
	}
	return true;
}

static void kcas_tx_smp_judge(struct kunit *test, struct kcas_tx_smp_history *history)
{
	unsigned int i, nr = 0, placed = 0;

	for (i = 0; i < KCAS_TX_SMP_CLERKS; i++)
		nr += history->clerk[i].nr;
	for (i = 0; i < KCAS_TX_SMP_WORDS; i++)
		history->readers[i] = kcas_test_alloc(test, nr + 1, sizeof(u32));
	KUNIT_ASSERT_TRUE(test, kcas_tx_smp_count_readers(history, nr + 1));
	while (kcas_tx_smp_replay_one(history))
		if (!(++placed % 256))
			cond_resched();
	KUNIT_EXPECT_EQ_MSG(test, placed, nr, "so many have a place in one order");
	for (i = 0; i < KCAS_TX_SMP_WORDS; i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&history->word[i]), (long)history->now[i]);
}

/*
 * Each write gives a word the next version. So what was read and written tells who came
 * before whom; all are to fit into one order, in which nobody is before one who had ended when
 * he began.
 */
static void kcas_tx_smp_one_order(struct kunit *test)
{
	struct kcas_tx_smp_history *history = kunit_kzalloc(test, sizeof(*history), GFP_KERNEL);
	struct task_struct *task[KCAS_TX_SMP_CLERKS];
	struct kcas_tx_smp_clerk *clerk;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, history);
	history->word = kcas_test_alloc(test, KCAS_TX_SMP_WORDS, sizeof(*history->word));
	for (i = 0; i < KCAS_TX_SMP_CLERKS; i++) {
		clerk = &history->clerk[i];
		clerk->history = history;
		clerk->event = kcas_test_alloc(test, KCAS_TX_SMP_LENGTH, sizeof(*clerk->event));
	}
	kcas_test_jitter(test);
	for (i = 0; i < KCAS_TX_SMP_CLERKS; i++)
		task[i] = debra_test_thread(test, kcas_tx_smp_clerk_fn, &history->clerk[i],
					    debra_test_cpu(i % num_online_cpus()));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(atomic_read(&history->done) ==
						KCAS_TX_SMP_CLERKS));
	for (i = 0; i < KCAS_TX_SMP_CLERKS; i++)
		debra_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&history->errors), 0);
	kcas_tx_smp_judge(test, history);
}

static struct kunit_case kcas_tx_smp_cases[] = {
	KUNIT_CASE_PARAM(kcas_tx_smp_bank_storm, kcas_tx_smp_weather_gen_params),
	KUNIT_CASE(kcas_tx_smp_crossed),
	KUNIT_CASE(kcas_tx_smp_write_skew),
	KUNIT_CASE(kcas_tx_smp_beside_plain),
	KUNIT_CASE(kcas_tx_smp_one_order),
	{}
};

static struct kunit_suite kcas_tx_smp_suite = {
	.name = "kcas_tx_smp",
	.test_cases = kcas_tx_smp_cases,
};

kunit_test_suite(kcas_tx_smp_suite);

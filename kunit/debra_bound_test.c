// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: how much garbage there can be while readers are stalled for ever.
 *
 * The bound. Updaters call debra_throttle() before each b retirements, outside of
 * sections. It returns 0 only when it has found
 *
 *	garbage <= limit
 *
 * and what it finds is never less than what there was when it began to add up, for the
 * freed are counted before the retired. Let garbage exceed the limit at some time, and
 * take the last moment before at which it did not. No call that began after that
 * moment has returned, so since then each of U updaters has retired no more than what
 * was left of its b. Hence at all times
 *
 *	garbage <= limit + U * b
 *
 * Stalled guards do not appear in it. They keep DEBRA_GUARD_SLOTS objects each, if all
 * are retired with their size, and these are garbage like any other: what they
 * take of the limit the others do not get. What they decide is whether throttling ends.
 * With k of them it does as long as
 *
 *	k * DEBRA_GUARD_SLOTS < limit
 *
 * since all that is not named is free three epochs later, and these end without them.
 * (Objects of debra_call(), whose size is not known, are kept by a slot if they begin
 * within a page of the address: as many as fit there.)
 *
 * Garbage is counted here by the tests themselves, from just before a retirement to its
 * callback, so that its peak is exact; that cannot be less than what debra has on its
 * books, but for callbacks that run. A monitor looks at those as well.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debra_test_reader.h"

#define DEBRA_TEST_LIMIT	4096
#define DEBRA_TEST_RETIRED	DEBRA_TEST_SCALED(200000)
#define DEBRA_TEST_RCU_RETIRED	DEBRA_TEST_SCALED(50000)

/* ---------------------------------------------------------------- the load */

/**
 * struct debra_test_load - updaters that retire as fast as they may
 * @dom: the domain
 * @b: retirements after each debra_throttle()
 * @left: how many objects are still to be retired
 * @retired: how many were, or are about to be
 * @garbage: how many of these are left
 * @peak: the highest of that
 * @errors: calls of debra_throttle() that failed
 * @running: updaters that have not ended
 * @seen: the highest garbage on debra's books that was certain
 */
struct debra_test_load {
	struct debra_domain *dom;
	unsigned int b;
	atomic_long_t left;
	atomic_long_t retired;
	atomic_long_t garbage;
	atomic_long_t peak;
	atomic_long_t errors;
	atomic_t running;
	long seen;
};

struct debra_test_item {
	unsigned long payload[2];
	union {
		struct debra_head head;
		struct rcu_head rcu;
	};
	struct debra_test_load *load;
};

static void debra_test_item_free(struct debra_head *head)
{
	struct debra_test_item *item = container_of(head, struct debra_test_item, head);

	atomic_long_dec(&item->load->garbage);
	kfree(item);
}

static DEFINE_DEBRA_TYPE(debra_test_item_type, struct debra_test_item, head,
			 debra_test_item_free);

static struct debra_test_item *debra_test_item(struct debra_test_load *load)
{
	struct debra_test_item *item = kmalloc(sizeof(*item), GFP_KERNEL);

	if (item)
		item->load = load;
	return item;
}

static void debra_test_load_count(struct debra_test_load *load)
{
	long garbage = atomic_long_inc_return(&load->garbage);
	long peak = atomic_long_read(&load->peak);

	atomic_long_inc(&load->retired);
	while (peak < garbage && !atomic_long_try_cmpxchg(&load->peak, &peak, garbage))
		;
}

static void debra_test_item_retire(struct debra_test_item *item)
{
	debra_test_load_count(item->load);
	debra_retire(item->load->dom, &item->head, &debra_test_item_type);
}

static bool debra_test_load_step(struct debra_test_load *load)
{
	struct debra_test_item *item;
	unsigned int i;

	if (debra_throttle(load->dom))
		atomic_long_inc(&load->errors);
	for (i = 0; i < load->b; i++) {
		if (atomic_long_dec_return(&load->left) < 0)
			return false;
		item = debra_test_item(load);
		if (item)
			debra_test_item_retire(item);
	}
	return true;
}

static int debra_test_updater_fn(void *data)
{
	struct debra_test_load *load = data;

	while (!kthread_should_stop() && debra_test_load_step(load))
		cond_resched();
	atomic_dec(&load->running);
	return 0;
}

/* What was retired while the books were read may have been freed as well by then. */
static int debra_test_monitor_fn(void *data)
{
	struct debra_test_load *load = data;
	long before, garbage;

	while (!kthread_should_stop()) {
		before = atomic_long_read(&load->retired);
		/* The number before the books are read. */
		smp_mb();
		garbage = debra_garbage(load->dom);
		/* And again after. */
		smp_mb();
		garbage -= atomic_long_read(&load->retired) - before;
		if (garbage > load->seen)
			WRITE_ONCE(load->seen, garbage);
		usleep_range(200, 400);
	}
	return 0;
}

static struct debra_test_load *debra_test_load(struct kunit *test, struct debra_domain *dom,
					       unsigned int b, unsigned long nr)
{
	struct debra_test_load *load = kunit_kzalloc(test, sizeof(*load), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, load);
	load->dom = dom;
	load->b = b;
	atomic_long_set(&load->left, nr);
	return load;
}

static bool debra_test_load_run(struct kunit *test, struct debra_test_load *load)
{
	struct task_struct *monitor;
	unsigned int i, nr = num_online_cpus();

	atomic_set(&load->running, nr);
	monitor = debra_test_thread(test, debra_test_monitor_fn, load, DEBRA_TEST_ANY_CPU);
	for (i = 0; i < nr; i++)
		debra_test_thread(test, debra_test_updater_fn, load, debra_test_cpu(i));
	/* As long as it moves. */
	do {
		i = atomic_long_read(&load->retired);
	} while (!debra_test_wait(!atomic_read(&load->running)) &&
		 i != atomic_long_read(&load->retired));
	debra_test_thread_stop(test, monitor);
	return !atomic_read(&load->running);
}

/* ---------------------------------------------------------------- the bound */

enum debra_test_share { DEBRA_TEST_ONE, DEBRA_TEST_HALF, DEBRA_TEST_ALL_BUT_ONE };

static const struct debra_test_bound_how {
	const char *name;
	enum debra_test_share share;
	unsigned int b;
} debra_test_bound_hows[] = {
	{ "one reader stalled", DEBRA_TEST_ONE, 16 },
	{ "as many as half of the CPUs", DEBRA_TEST_HALF, 16 },
	{ "as many as all CPUs but one", DEBRA_TEST_ALL_BUT_ONE, 64 },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_bound, debra_test_bound_hows, name);

static unsigned int debra_test_stalled(const struct debra_test_bound_how *how)
{
	switch (how->share) {
	case DEBRA_TEST_ONE:
		return 1;
	case DEBRA_TEST_HALF:
		return max(1U, num_online_cpus() / 2);
	default:
		return num_online_cpus() - 1;
	}
}

/* Each slot names an object that is live, and retired then. */
static void debra_test_stall_reader(struct kunit *test, struct debra_test_load *load,
				    struct debra_test_reader *r)
{
	struct debra_test_item *item;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	for (i = 0; i < DEBRA_GUARD_SLOTS; i++) {
		item = debra_test_item(load);
		KUNIT_ASSERT_NOT_NULL(test, item);
		KUNIT_EXPECT_EQ(test, debra_test_hop(r, i, &item->load), 1);
		debra_test_item_retire(item);
	}
}

static void debra_test_garbage_is_bounded(struct kunit *test)
{
	const struct debra_test_bound_how *how = test->param_value;
	unsigned int i, k = debra_test_stalled(how);
	struct debra_test_load *load;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_reader **r;
	long bound;

	debra_test_need_cpus(test, 2);
	debra_test_set_param(test, files, "limit", DEBRA_TEST_LIMIT);
	debra_test_set_param(test, files, "throttle_ms", 60000);
	bound = DEBRA_TEST_LIMIT + num_online_cpus() * how->b;
	load = debra_test_load(test, dom, how->b, DEBRA_TEST_RETIRED);
	r = kunit_kcalloc(test, k, sizeof(*r), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r);
	for (i = 0; i < k; i++) {
		r[i] = debra_test_reader(test, dom, DEBRA_TEST_SLEEP, debra_test_cpu(i + 1));
		debra_test_stall_reader(test, load, r[i]);
	}
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_load_run(test, load), "the updaters stand still");
	kunit_info(test, "%ld objects, %u readers stalled: peak %ld, on the books %ld, bound %ld",
		   atomic_long_read(&load->retired), k, atomic_long_read(&load->peak), load->seen,
		   bound);
	kunit_info(test, "%ld waits, %ld epochs", debra_test_stat(files, dom, "throttled"),
		   debra_test_stat(files, dom, "advances"));
	KUNIT_EXPECT_LE(test, atomic_long_read(&load->peak), bound);
	KUNIT_EXPECT_LE(test, load->seen, bound);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&load->errors), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "throttle_timeouts"), 0);
	KUNIT_EXPECT_GT(test, debra_test_stat(files, dom, "throttled"), 0);
	/* All that is left in the end is what they name. */
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_expedite(dom);
		debra_garbage(dom) <= k * DEBRA_GUARD_SLOTS;
	})));
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), k * DEBRA_GUARD_SLOTS);
	for (i = 0; i < k; i++) {
		KUNIT_EXPECT_EQ(test, debra_test_hop(r[i], 0, load), 0);
		KUNIT_EXPECT_EQ(test, debra_test_restart(r[i]), 1);
		KUNIT_EXPECT_EQ(test, debra_test_exit(r[i]), 1);
	}
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&load->garbage), 0);
}

/* ---------------------------------------------------------------- RCU beside it */

struct debra_test_rcu_reader {
	bool inside;
	bool leave;
};

static int debra_test_rcu_reader_fn(void *data)
{
	struct debra_test_rcu_reader *r = data;

	rcu_read_lock();
	WRITE_ONCE(r->inside, true);
	while (!READ_ONCE(r->leave) && !kthread_should_stop())
		cpu_relax();
	rcu_read_unlock();
	return 0;
}

static void debra_test_item_rcu_free(struct rcu_head *rcu)
{
	struct debra_test_item *item = container_of(rcu, struct debra_test_item, rcu);

	atomic_long_dec(&item->load->garbage);
	kfree(item);
}

/* One reader that does not end, and nothing at all is freed. */
static void debra_test_rcu_is_not_bounded(struct kunit *test)
{
	struct debra_test_rcu_reader *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct debra_test_load *load = debra_test_load(test, NULL, 1, DEBRA_TEST_RCU_RETIRED);
	struct debra_test_item *item;
	struct task_struct *reader;

	KUNIT_ASSERT_NOT_NULL(test, r);
	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	reader = debra_test_thread(test, debra_test_rcu_reader_fn, r, debra_test_cpu(1));
	KUNIT_ASSERT_TRUE(test, debra_test_wait(READ_ONCE(r->inside)));
	while (atomic_long_dec_return(&load->left) >= 0) {
		item = debra_test_item(load);
		if (!item)
			continue;
		debra_test_load_count(load);
		call_rcu(&item->rcu, debra_test_item_rcu_free);
		cond_resched();
	}
	msleep(DEBRA_TEST_WATCH_MS);
	kunit_info(test, "call_rcu(): %ld objects, one reader stalled: peak %ld, left %ld",
		   atomic_long_read(&load->retired), atomic_long_read(&load->peak),
		   atomic_long_read(&load->garbage));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&load->garbage), atomic_long_read(&load->retired));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&load->peak), atomic_long_read(&load->retired));
	WRITE_ONCE(r->leave, true);
	debra_test_thread_stop(test, reader);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, atomic_long_read(&load->garbage), 0);
}

static struct kunit_case debra_bound_cases[] = {
	KUNIT_CASE_PARAM(debra_test_garbage_is_bounded, debra_test_bound_gen_params),
	KUNIT_CASE(debra_test_rcu_is_not_bounded),
	{}
};

static struct kunit_suite debra_bound_suite = {
	.name = "debra_bound",
	.test_cases = debra_bound_cases,
};

kunit_test_suite(debra_bound_suite);

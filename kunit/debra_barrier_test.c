// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: barrier, synchronize and throttle.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "debra_test_util.h"

#define DEBRA_TEST_BARRIER_NR	1000	/* objects of each CPU */
#define DEBRA_TEST_STAY_US	20	/* in a pin, now and then */

struct debra_test_load {
	struct debra_domain *dom;
	struct debra_test_mark *marks;
	unsigned int nr;
	atomic_t next;
};

static void debra_test_load_some(void *data)
{
	struct debra_test_load *load = data;
	unsigned int i, first = atomic_fetch_add(load->nr, &load->next);

	for (i = first; i < first + load->nr; i++)
		debra_test_mark_retire(&load->marks[i]);
}

KUNIT_ARRAY_PARAM(debra_test_context, debra_test_contexts, debra_test_context_desc);

/* All that was retired before, on every CPU, has run when the barrier returns. */
static void debra_test_barrier_covers_all_cpus(struct kunit *test)
{
	enum debra_test_context context = *(const enum debra_test_context *)test->param_value;
	unsigned int cpu, round, calls, nr = DEBRA_TEST_BARRIER_NR * num_online_cpus();
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_load load = { .dom = dom, .nr = DEBRA_TEST_BARRIER_NR / 5 };

	load.marks = debra_test_marks(test, dom, nr);
	debra_test_use_interrupts(test);
	for (round = 1; round <= 5; round++) {
		for_each_online_cpu(cpu)
			KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, context,
								  debra_test_load_some, &load));
		KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
		calls = debra_test_calls(load.marks, nr);
		KUNIT_EXPECT_EQ(test, calls, round * load.nr * num_online_cpus());
	}
	debra_test_expect_called_once(test, load.marks, nr);
}

static void debra_test_barrier_of_empty_domain(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
		KUNIT_EXPECT_EQ(test, debra_synchronize(dom), 0);
		KUNIT_EXPECT_EQ(test, debra_throttle(dom), 0);
	}
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
}

/* ---------------------------------------------------------------- concurrency */

/**
 * struct debra_test_rival - one of several that retire and wait at once
 * @dom: the domain
 * @mark: its object
 * @rounds: how many rounds it made
 * @missed: how often a barrier returned before its callback had run
 * @errors: how often one failed
 */
struct debra_test_rival {
	struct debra_domain *dom;
	struct debra_test_mark *mark;
	unsigned int rounds;
	unsigned int missed;
	unsigned int errors;
};

static int debra_test_rival_fn(void *data)
{
	struct debra_test_rival *rival = data;

	while (!kthread_should_stop()) {
		debra_test_mark_retire(rival->mark);
		rival->errors += debra_barrier(rival->dom) != 0;
		WRITE_ONCE(rival->rounds, rival->rounds + 1);
		rival->missed += atomic_read(&rival->mark->calls) != rival->rounds;
		if (rival->missed)
			break;
	}
	return 0;
}

static void debra_test_barriers_at_once(struct kunit *test)
{
	unsigned int i, nr = 2 * num_online_cpus();
	struct debra_test_rival *rivals = kunit_kcalloc(test, nr, sizeof(*rivals), GFP_KERNEL);
	struct task_struct **tasks = kunit_kcalloc(test, nr, sizeof(*tasks), GFP_KERNEL);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, nr);

	KUNIT_ASSERT_NOT_NULL(test, rivals);
	KUNIT_ASSERT_NOT_NULL(test, tasks);
	for (i = 0; i < nr; i++) {
		rivals[i].dom = dom;
		rivals[i].mark = &marks[i];
		tasks[i] = debra_test_thread(test, debra_test_rival_fn, &rivals[i],
					     DEBRA_TEST_ANY_CPU);
	}
	msleep(500);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_TRUE_MSG(test, debra_test_wait(READ_ONCE(rivals[i].rounds) >= 2),
				      "a barrier does not return");
	for (i = 0; i < nr; i++)
		debra_test_thread_stop(test, tasks[i]);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, rivals[i].errors, 0);
		KUNIT_EXPECT_EQ_MSG(test, rivals[i].missed, 0,
				    "a barrier returned before a callback had run");
		KUNIT_EXPECT_EQ(test, atomic_read(&marks[i].early), 0);
	}
}

struct debra_test_scrap {
	struct debra_head head;
	unsigned long payload;
};

static int debra_test_retirer_fn(void *data)
{
	struct debra_test_scrap *scrap;

	while (!kthread_should_stop()) {
		scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
		if (scrap)
			debra_kfree(data, scrap, head);
		if (debra_test_random(16) == 0)
			debra_test_pace(data);
	}
	return 0;
}

/* A barrier waits for what was retired before, not for an end of retiring. */
static void debra_test_barrier_under_load(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 20);
	struct task_struct *tasks[3];
	unsigned long begin, worst = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		tasks[i] = debra_test_thread(test, debra_test_retirer_fn, dom,
					     debra_test_cpu(i % num_online_cpus()));
	for (i = 0; i < 20; i++) {
		debra_test_mark_retire(&marks[i]);
		begin = jiffies;
		KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
		worst = max(worst, jiffies - begin);
		KUNIT_EXPECT_EQ(test, debra_test_calls(marks, i + 1), i + 1);
	}
	KUNIT_EXPECT_LT_MSG(test, jiffies_to_msecs(worst), DEBRA_TEST_PATIENCE_MS,
			    "a barrier took too long");
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		debra_test_thread_stop(test, tasks[i]);
	debra_test_expect_called_once(test, marks, 20);
	KUNIT_EXPECT_TRUE(test, debra_test_drained(dom));
}

/* ---------------------------------------------------------------- other domains */

/**
 * struct debra_test_beside - waiting in one domain while another one is pinned
 * @dom: where to wait
 * @wait: how
 * @err: what that returned
 * @done: that it returned
 */
struct debra_test_beside {
	struct debra_domain *dom;
	int (*wait)(struct debra_domain *dom);
	int err;
	bool done;
};

static int debra_test_beside_fn(void *data)
{
	struct debra_test_beside *beside = data;

	beside->err = beside->wait(beside->dom);
	/* Pairs with the acquire in debra_test_beside_done(). */
	smp_store_release(&beside->done, true);
	return 0;
}

static bool debra_test_beside_done(struct debra_test_beside *beside)
{
	/* Pairs with the release in debra_test_beside_fn(). */
	return smp_load_acquire(&beside->done);
}

static const struct debra_test_beside_how {
	const char *name;
	int (*wait)(struct debra_domain *dom);
} debra_test_beside_hows[] = {
	{ "debra_synchronize", debra_synchronize },
	{ "debra_barrier", debra_barrier },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_beside, debra_test_beside_hows, name);

/*
 * A pin of another domain is none of our business: it is still held when we have
 * waited. Nothing of ours has ever been on its CPU.
 */
static void debra_test_pin_of_other_domain(struct kunit *test)
{
	const struct debra_test_beside_how *how = test->param_value;
	struct debra_test_beside *beside = kunit_kzalloc(test, sizeof(*beside), GFP_KERNEL);
	struct debra_domain *other = debra_test_domain(test);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *mark = debra_test_marks(test, dom, 1);
	struct debra_test_holder *holder;
	bool done;

	KUNIT_ASSERT_NOT_NULL(test, beside);
	debra_test_need_cpus(test, 2);
	beside->dom = dom;
	beside->wait = how->wait;
	debra_test_use_interrupts(test);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(0), DEBRA_TEST_TASK,
						  debra_test_mark_retire_fn, mark));
	holder = debra_test_holder(test, other, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_thread(test, debra_test_beside_fn, beside, debra_test_cpu(0));
	done = debra_test_wait(debra_test_beside_done(beside) || !READ_ONCE(holder->held)) &&
	       debra_test_beside_done(beside);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder),
			      "a pin of another domain held %s up for %u ms", how->name,
			      DEBRA_TEST_HOLD_MS);
	KUNIT_EXPECT_TRUE(test, done);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(debra_test_beside_done(beside)));
	KUNIT_EXPECT_EQ(test, beside->err, 0);
}

/* ---------------------------------------------------------------- synchronize */

/**
 * struct debra_test_switch - a reader that must not see what was withdrawn
 * @dom: the domain
 * @open: what readers test; cleared before the synchronize
 * @closed: set after it; no reader may still be inside then
 * @entered: how often a reader came in
 * @late: how often one was inside when it was closed
 */
struct debra_test_switch {
	struct debra_domain *dom;
	bool open;
	bool closed;
	atomic_long_t entered;
	atomic_long_t late;
};

static void debra_test_switch_fn(void *data)
{
	struct debra_test_switch *sw = data;

	debra_pin(sw->dom);
	if (READ_ONCE(sw->open)) {
		if (debra_test_random(16) == 0)
			udelay(DEBRA_TEST_STAY_US);
		if (READ_ONCE(sw->closed))
			atomic_long_inc(&sw->late);
		atomic_long_inc(&sw->entered);
	}
	debra_unpin(sw->dom);
}

static void debra_test_synchronize_waits_for_readers(struct kunit *test)
{
	struct debra_test_switch *sw = kunit_kzalloc(test, sizeof(*sw), GFP_KERNEL);
	unsigned long end = jiffies + msecs_to_jiffies(1500);
	struct debra_test_storm *storm;
	unsigned int rounds = 0, errors = 0;

	KUNIT_ASSERT_NOT_NULL(test, sw);
	sw->dom = debra_test_domain(test);
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL, debra_test_switch_fn, sw);
	while (time_before(jiffies, end) || rounds < 5) {
		WRITE_ONCE(sw->closed, false);
		errors += debra_synchronize(sw->dom) != 0;
		WRITE_ONCE(sw->open, true);
		usleep_range(50, 200);
		WRITE_ONCE(sw->open, false);
		errors += debra_synchronize(sw->dom) != 0;
		WRITE_ONCE(sw->closed, true);
		usleep_range(50, 200);
		rounds++;
	}
	debra_test_storm_stop(test, storm);
	KUNIT_EXPECT_EQ(test, errors, 0);
	KUNIT_EXPECT_GT(test, atomic_long_read(&sw->entered), 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&sw->late), 0,
			    "so often a reader was still inside after debra_synchronize()");
	debra_test_expect_quiet(test, sw->dom);
}

/* ---------------------------------------------------------------- throttle */

static void debra_test_retire_scraps(struct kunit *test, struct debra_domain *dom, unsigned int nr)
{
	struct debra_test_scrap *scrap;

	while (nr--) {
		scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, scrap);
		debra_kfree(dom, scrap, head);
	}
}

static void debra_test_throttle(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned long began, took;
	int below, above;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "limit", 50);
	debra_test_set_param(test, files, "throttle_ms", 100);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_retire_scraps(test, dom, 50);
	below = debra_throttle(dom);
	debra_test_retire_scraps(test, dom, 50);
	began = jiffies;
	above = debra_throttle(dom);
	took = jiffies_to_msecs(jiffies - began);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, below, 0);
	KUNIT_EXPECT_EQ(test, above, -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, took, 90);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "throttled"), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "throttle_timeouts"), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
}

/* It gets the domain below the limit by itself, where at the usual pace it would take long. */
static void debra_test_throttle_hurries(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);

	debra_test_set_param(test, files, "interval_ms", 10000);
	debra_test_set_param(test, files, "batch", 1048576);
	debra_test_set_param(test, files, "limit", 50);
	debra_test_set_param(test, files, "throttle_ms", 9000);
	debra_test_retire_scraps(test, dom, 100);
	KUNIT_EXPECT_EQ(test, debra_throttle(dom), 0);
	KUNIT_EXPECT_LE(test, debra_garbage(dom), 50);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "throttle_timeouts"), 0);
}

static void debra_test_throttle_off(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	int err;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "limit", 0);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_retire_scraps(test, dom, 500);
	err = debra_throttle(dom);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "throttled"), 0);
}

/* The form that may sleep waits too, but is never refused. */
static void debra_test_kfree_mightsleep_throttles(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	void *object = kmalloc(64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "limit", 10);
	debra_test_set_param(test, files, "throttle_ms", 50);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_retire_scraps(test, dom, 20);
	debra_kfree_mightsleep(dom, object);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "throttle_timeouts"), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), 21);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
}

/*
 * IPIs are spread over the second, and epochs end without them, too. There are no more rounds
 * than fit in the time, and a tick's worth before it.
 */
static void debra_test_ipi_rate(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	unsigned long end = jiffies + HZ / 4, epoch = debra_epoch(dom), rate = 2 * HZ;
	u64 begin, took;
	long rounds;

	debra_test_need_cpus(test, 2);
	debra_test_set_param(test, files, "ipi_rate", rate);
	begin = local_clock();
	while (time_before(jiffies, end) || debra_epoch(dom) < epoch + 8)
		KUNIT_ASSERT_EQ(test, debra_synchronize(dom), 0);
	/* Not in ticks: a virtual machine may lose some. */
	took = local_clock() - begin;
	rounds = debra_test_stat(files, dom, "rounds_ipi");
	kunit_info(test, "%ld rounds in %llu us", rounds, took / NSEC_PER_USEC);
	KUNIT_EXPECT_GT(test, rounds, 0);
	KUNIT_EXPECT_LE(test, rounds, (long)(took * rate / NSEC_PER_SEC + rate / HZ + 2));
	/* So few that there has to be a refusal. */
	debra_test_set_param(test, files, "ipi_rate", 1);
	epoch = debra_epoch(dom);
	while (debra_epoch(dom) < epoch + 4)
		KUNIT_ASSERT_EQ(test, debra_synchronize(dom), 0);
	KUNIT_EXPECT_GT(test, debra_test_stat(files, dom, "rounds_limited"), 0);
}

#ifdef CONFIG_DEBRA_DEBUG
static void debra_test_lose_desc(const unsigned int *every, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "one of %u", *every);
}

static const unsigned int debra_test_losses[] = { 1, 2, 3 };

KUNIT_ARRAY_PARAM(debra_test_loss, debra_test_losses, debra_test_lose_desc);

/* IPIs that are lost are sent again; if all are, RCU is what is left. */
static void debra_test_lost_ipis(struct kunit *test)
{
	const unsigned int *every = test->param_value;
	struct debra_test_files *files = debra_test_files(test);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_holder *holder = NULL;
	unsigned int i, errors = 0;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "ipi_rate", 0);
	debra_test_set_param(test, files, "lose_ipis", *every);
	if (*every > 1) {
		/* Who stops RCU, so that there are IPIs only. */
		holder = debra_test_holder(test, debra_test_domain(test), debra_test_cpu(1),
					   DEBRA_TEST_TASK);
		KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	}
	for (i = 0; i < 6; i++)
		errors += debra_synchronize(dom) != 0;
	if (holder)
		KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "only RCU ends epochs");
	KUNIT_EXPECT_EQ(test, errors, 0);
	KUNIT_EXPECT_GT(test, debra_test_stat(files, dom, "rounds_timeout"), 0);
	if (*every > 1)
		KUNIT_EXPECT_GT(test, debra_test_stat(files, dom, "rounds_ipi"), 0);
	else
		KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "rounds_ipi"), 0);
}
#endif

static struct kunit_case debra_barrier_cases[] = {
	KUNIT_CASE_PARAM(debra_test_barrier_covers_all_cpus, debra_test_context_gen_params),
	KUNIT_CASE(debra_test_barrier_of_empty_domain),
	KUNIT_CASE(debra_test_barriers_at_once),
	KUNIT_CASE(debra_test_barrier_under_load),
	KUNIT_CASE_PARAM(debra_test_pin_of_other_domain, debra_test_beside_gen_params),
	KUNIT_CASE(debra_test_synchronize_waits_for_readers),
	KUNIT_CASE(debra_test_ipi_rate),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE_PARAM(debra_test_lost_ipis, debra_test_loss_gen_params),
#endif
	KUNIT_CASE(debra_test_throttle),
	KUNIT_CASE(debra_test_throttle_hurries),
	KUNIT_CASE(debra_test_throttle_off),
	KUNIT_CASE(debra_test_kfree_mightsleep_throttles),
	{}
};

static struct kunit_suite debra_barrier_suite = {
	.name = "debra_barrier",
	.test_cases = debra_barrier_cases,
};

kunit_test_suite(debra_barrier_suite);

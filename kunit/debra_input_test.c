// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: misuse is reported, counted, and does no harm.
 *
 * How many reports there were is told by the kernel's count of warnings. They
 * share one budget, so a test that wants to see each of its own first lets the
 * budget recover.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "debra_test_util.h"

#define DEBRA_TEST_BUDGET	DEFAULT_RATELIMIT_BURST
#define DEBRA_TEST_BUDGET_MS	(jiffies_to_msecs(DEFAULT_RATELIMIT_INTERVAL) + 100)

/* Not registered: what is done to it must be refused. */
static DEFINE_DEBRA_DOMAIN(debra_test_unregistered);

/**
 * struct debra_test_misuse - what a test of misuse works with
 * @dom: a domain in good order
 * @mark: an object that was not retired yet
 * @twin: another one
 * @err: what a function returned that should have refused
 */
struct debra_test_misuse {
	struct debra_domain *dom;
	struct debra_test_mark *mark;
	struct debra_test_mark *twin;
	int err;
};

static void debra_test_call_null_head(struct debra_test_misuse *m)
{
	debra_call(m->dom, NULL, debra_test_mark_callback);
}

static void debra_test_call_null_func(struct debra_test_misuse *m)
{
	debra_call(m->dom, &m->mark->head, NULL);
}

static void debra_test_call_null_domain(struct debra_test_misuse *m)
{
	debra_call(NULL, &m->mark->head, debra_test_mark_callback);
}

static void debra_test_call_unregistered(struct debra_test_misuse *m)
{
	debra_call(&debra_test_unregistered, &m->mark->head, debra_test_mark_callback);
}

static void debra_test_kfree_null(struct debra_test_misuse *m)
{
	debra_kfree(m->dom, (struct debra_test_mark *)NULL, head);
}

static void debra_test_kfree_mightsleep_null(struct debra_test_misuse *m)
{
	debra_kfree_mightsleep(m->dom, NULL);
}

static void debra_test_call_twice(struct debra_test_misuse *m)
{
	debra_test_mark_retire(m->twin);
	debra_test_mark_retire(m->twin);
}

static void debra_test_unpin_unpinned(struct debra_test_misuse *m)
{
	debra_unpin(m->dom);
	/* For sparse: above there is one too many. */
	__acquire(m->dom);
}

static void debra_test_synchronize_in_pin(struct debra_test_misuse *m)
{
	debra_pin(m->dom);
	m->err = debra_synchronize(m->dom);
	debra_unpin(m->dom);
}

static void debra_test_barrier_in_pin(struct debra_test_misuse *m)
{
	debra_pin(m->dom);
	m->err = debra_barrier(m->dom);
	debra_unpin(m->dom);
}

static void debra_test_throttle_in_pin(struct debra_test_misuse *m)
{
	debra_pin(m->dom);
	m->err = debra_throttle(m->dom);
	debra_unpin(m->dom);
}

static void debra_test_destroy_in_pin(struct debra_test_misuse *m)
{
	debra_pin(m->dom);
	m->err = debra_domain_destroy(m->dom);
	debra_unpin(m->dom);
}

static void debra_test_synchronize_unregistered(struct debra_test_misuse *m)
{
	m->err = debra_synchronize(&debra_test_unregistered);
}

static void debra_test_barrier_unregistered(struct debra_test_misuse *m)
{
	m->err = debra_barrier(&debra_test_unregistered);
}

static void debra_test_throttle_unregistered(struct debra_test_misuse *m)
{
	m->err = debra_throttle(&debra_test_unregistered);
}

static void debra_test_barrier_null(struct debra_test_misuse *m)
{
	m->err = debra_barrier(NULL);
}

static void debra_test_expedite_unregistered(struct debra_test_misuse *m)
{
	debra_expedite(&debra_test_unregistered);
}

static const struct debra_test_misuse_case {
	const char *name;
	void (*fn)(struct debra_test_misuse *m);
	int err;
	const char *counter;
	bool retires;	/* one object, in good order */
} debra_test_misuses[] = {
	{ "debra_call of NULL", debra_test_call_null_head, 0, "bad_retire" },
	{ "debra_call with no function", debra_test_call_null_func, 0, "bad_retire" },
	{ "debra_kfree of NULL", debra_test_kfree_null, 0, "bad_retire" },
	{ "debra_kfree_mightsleep of NULL", debra_test_kfree_mightsleep_null, 0, "bad_retire" },
	{ "debra_call without domain", debra_test_call_null_domain },
	{ "debra_call, domain not registered", debra_test_call_unregistered },
	{ "debra_call twice", debra_test_call_twice, 0, "double_retire", true },
	{ "debra_unpin without pin", debra_test_unpin_unpinned, 0, "unbalanced_unpin" },
	{ "debra_synchronize in a pin", debra_test_synchronize_in_pin, -EDEADLK },
	{ "debra_barrier in a pin", debra_test_barrier_in_pin, -EDEADLK },
	{ "debra_throttle in a pin", debra_test_throttle_in_pin, -EDEADLK },
	{ "debra_domain_destroy in a pin", debra_test_destroy_in_pin, -EBUSY },
	{ "debra_synchronize, domain not registered", debra_test_synchronize_unregistered,
	  -EINVAL },
	{ "debra_barrier, domain not registered", debra_test_barrier_unregistered, -EINVAL },
	{ "debra_throttle, domain not registered", debra_test_throttle_unregistered, -EINVAL },
	{ "debra_barrier of no domain", debra_test_barrier_null, -EINVAL },
	{ "debra_expedite, domain not registered", debra_test_expedite_unregistered },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_misuse, debra_test_misuses, name);

/* What the kernel itself says of an unpin without a pin, where preemption is on. */
#define DEBRA_TEST_UNPINNED_SPLAT	"using smp_processor_id"

/* Each alone: counted, refused, and the domain works on. */
static void debra_test_misuse_is_refused(struct kunit *test)
{
	const struct debra_test_misuse_case *param = test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_misuse m = { .dom = dom, .mark = &marks[0], .twin = &marks[1] };
	unsigned int count = preempt_count();

	debra_test_splat_begin_of(DEBRA_TEST_UNPINNED_SPLAT);
	param->fn(&m);
	debra_test_splat_end();
	KUNIT_EXPECT_EQ(test, m.err, param->err);
	KUNIT_EXPECT_EQ(test, preempt_count(), count);
	if (param->counter)
		KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, param->counter), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), param->retires);
	debra_test_expect_quiet(test, dom);
	/* What was refused can be retired in good order. */
	debra_test_mark_retire(&marks[0]);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_calls(&marks[0], 1), 1);
	KUNIT_EXPECT_EQ(test, debra_test_calls(&marks[1], 1), param->retires);
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
}

/* Each once, with the budget recovered in between: one report for each. */
static void debra_test_misuse_is_reported(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom,
							 2 * ARRAY_SIZE(debra_test_misuses));
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_misuse m = { .dom = dom };
	long before, after;
	unsigned int i;

	KUNIT_ASSERT_GE_MSG(test, debra_test_warnings(files), 0,
			    "this kernel does not count its warnings");
	for (i = 0; i < ARRAY_SIZE(debra_test_misuses); i++) {
		if (i % (DEBRA_TEST_BUDGET - 1) == 0)
			msleep(DEBRA_TEST_BUDGET_MS);
		m.mark = &marks[2 * i];
		m.twin = &marks[2 * i + 1];
		before = debra_test_warnings(files);
		debra_test_splat_begin_of(DEBRA_TEST_UNPINNED_SPLAT);
		debra_test_misuses[i].fn(&m);
		debra_test_splat_end();
		after = debra_test_warnings(files);
		KUNIT_EXPECT_EQ_MSG(test, after, before + 1, "%s", debra_test_misuses[i].name);
	}
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
}

/* A flood of misuse is counted in full, and reported within the budget. */
static void debra_test_misuse_is_rate_limited(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	unsigned long begin = jiffies, intervals;
	long before, after;
	unsigned int i;

	before = debra_test_warnings(files);
	debra_test_splat_begin_of(DEBRA_TEST_UNPINNED_SPLAT);
	for (i = 0; i < 1000; i++) {
		debra_call(dom, NULL, debra_test_mark_callback);
		debra_unpin(dom);
		__acquire(dom);
	}
	debra_test_splat_end();
	after = debra_test_warnings(files);
	intervals = (jiffies - begin) / DEFAULT_RATELIMIT_INTERVAL + 2;
	KUNIT_EXPECT_GE(test, before, 0);
	KUNIT_EXPECT_LE(test, after, before + intervals * DEBRA_TEST_BUDGET);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "bad_retire"), 1000);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "unbalanced_unpin"), 1000);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), 0);
	debra_test_expect_quiet(test, dom);
}

/* ---------------------------------------------------------------- twice */

static const struct debra_test_twice {
	const char *name;
	enum debra_test_context first;
	enum debra_test_context second;
	bool kfree;
} debra_test_twices[] = {
	{ "task, task", DEBRA_TEST_TASK, DEBRA_TEST_TASK },
	{ "task, hardirq", DEBRA_TEST_TASK, DEBRA_TEST_HARDIRQ },
	{ "hardirq, task", DEBRA_TEST_HARDIRQ, DEBRA_TEST_TASK },
#ifndef CONFIG_PREEMPT_RT
	{ "softirq, softirq", DEBRA_TEST_SOFTIRQ, DEBRA_TEST_SOFTIRQ },
#endif
	{ "call, then kfree", DEBRA_TEST_TASK, DEBRA_TEST_TASK, true },
#ifdef CONFIG_X86
	{ "task, nmi", DEBRA_TEST_TASK, DEBRA_TEST_NMI },
#endif
};

KUNIT_ARRAY_PARAM_DESC(debra_test_twice, debra_test_twices, name);

static void debra_test_kfree_mark(void *data)
{
	struct debra_test_mark *mark = data;

	debra_kfree(mark->dom, mark, head);
}

/* From another CPU and context as well: once is once. */
static void debra_test_double_retire(struct kunit *test)
{
	const struct debra_test_twice *param = test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_files *files = debra_test_files(test);
	bool second;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "interval_ms", 10000);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(0), param->first,
						  debra_test_mark_retire_fn, marks));
	debra_test_splat_begin();
	second = debra_test_run_on(debra_test_cpu(1), param->second, param->kfree ?
				   debra_test_kfree_mark : debra_test_mark_retire_fn, marks);
	debra_test_splat_end();
	KUNIT_EXPECT_TRUE(test, second);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "double_retire"), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1);
	/* After its callback it may be retired again. */
	debra_test_mark_retire(marks);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_calls(marks, 1), 2);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "double_retire"), 1);
}

/* Memory that was freed comes back without a memory of it. */
static void debra_test_recycled_memory_is_fresh(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_mark *mark;
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		mark = kmalloc(sizeof(*mark), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, mark);
		/* The head is not initialized: it need not be. */
		debra_kfree(dom, mark, head);
		if (i % 100 == 99)
			KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	}
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "double_retire"), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "freed"), 2000);
}

/* ---------------------------------------------------------------- waiting */

/**
 * struct debra_test_deadlock - what waiting in a callback comes to
 * @head: the head
 * @dom: its domain
 * @other: another one, for which it may not wait either
 * @barrier: what the barrier of @dom returned
 * @synchronize: the same
 * @elsewhere: what the barrier of @other returned
 * @destroy: what destroying @dom returned
 */
struct debra_test_deadlock {
	struct debra_head head;
	struct debra_domain *dom;
	struct debra_domain *other;
	int barrier;
	int synchronize;
	int elsewhere;
	int destroy;
};

static void debra_test_deadlock_fn(struct debra_head *head)
{
	struct debra_test_deadlock *d = container_of(head, struct debra_test_deadlock, head);

	d->barrier = debra_barrier(d->dom);
	d->synchronize = debra_synchronize(d->dom);
	d->destroy = debra_domain_destroy(d->dom);
	d->elsewhere = debra_barrier(d->other);
}

static void debra_test_wait_in_callback(struct kunit *test)
{
	struct debra_test_deadlock *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->dom = debra_test_domain(test);
	d->other = debra_test_domain(test);
	d->elsewhere = 1;
	debra_test_splat_begin();
	debra_call(d->dom, &d->head, debra_test_deadlock_fn);
	KUNIT_EXPECT_EQ(test, debra_barrier(d->dom), 0);
	debra_test_splat_end();
	KUNIT_EXPECT_EQ(test, d->barrier, -EDEADLK);
	KUNIT_EXPECT_EQ(test, d->synchronize, -EDEADLK);
	KUNIT_EXPECT_EQ(test, d->destroy, -EDEADLK);
	KUNIT_EXPECT_EQ(test, d->elsewhere, -EDEADLK);
}

/* Nothing is protected by it, and nothing is broken. */
static void debra_test_pin_unregistered(struct kunit *test)
{
	struct debra_domain *dom = &debra_test_unregistered;
	unsigned int count = preempt_count();
	bool inside, outside;

	debra_test_splat_begin();
	debra_pin(dom);
	debra_pin(dom);
	inside = debra_pinned(dom);
	debra_unpin(dom);
	debra_unpin(dom);
	outside = debra_pinned(dom);
	debra_test_splat_end();
	KUNIT_EXPECT_TRUE(test, inside);
	KUNIT_EXPECT_FALSE(test, outside);
	KUNIT_EXPECT_EQ(test, preempt_count(), count);
}

#ifdef CONFIG_DEBRA_DEBUG
struct debra_test_root {
	int __debra *value;
};

/* Following a link outside a pin is reported in debug builds, and works. */
static void debra_test_dereference_outside_pin(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_root root = { };
	long before, inside, after;
	int value = 5;
	int *seen;

	debra_assign_pointer(root.value, &value);
	msleep(DEBRA_TEST_BUDGET_MS);
	before = debra_test_warnings(files);
	debra_pin(dom);
	seen = debra_dereference(dom, root.value);
	debra_unpin(dom);
	inside = debra_test_warnings(files);
	KUNIT_EXPECT_PTR_EQ(test, seen, &value);
	debra_test_splat_begin();
	seen = debra_dereference(dom, root.value);
	debra_test_splat_end();
	after = debra_test_warnings(files);
	KUNIT_EXPECT_PTR_EQ(test, seen, &value);
	KUNIT_EXPECT_GE(test, before, 0);
	KUNIT_EXPECT_EQ(test, inside, before);
	KUNIT_EXPECT_EQ(test, after, before + 1);
}
#endif

static struct kunit_case debra_input_cases[] = {
	KUNIT_CASE_PARAM(debra_test_misuse_is_refused, debra_test_misuse_gen_params),
	KUNIT_CASE_SLOW(debra_test_misuse_is_reported),
	KUNIT_CASE(debra_test_misuse_is_rate_limited),
	KUNIT_CASE_PARAM(debra_test_double_retire, debra_test_twice_gen_params),
	KUNIT_CASE(debra_test_recycled_memory_is_fresh),
	KUNIT_CASE(debra_test_wait_in_callback),
	KUNIT_CASE(debra_test_pin_unregistered),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE(debra_test_dereference_outside_pin),
#endif
	{}
};

static struct kunit_suite debra_input_suite = {
	.name = "debra_input",
	.test_cases = debra_input_cases,
};

kunit_test_suite(debra_input_suite);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: CPUs that go offline with full bags, and come back.
 *
 * A pin cannot be held meanwhile: taking a CPU down stops all of them, which needs
 * preemption. So the reclaimer is told to take its time, and what a CPU left is
 * watched by the epoch of each callback; under load, by the readers of the suite
 * debra_safety.
 */
#include <kunit/resource.h>
#include <linux/cpu.h>
#include <linux/debra-guard.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "debra_test_util.h"

#define DEBRA_TEST_LEFT		1000	/* objects of each kind that a CPU leaves */

struct debra_test_scrap {
	struct debra_head head;
	unsigned long payload;
};

/**
 * struct debra_test_leaving - what is retired on a CPU before it goes
 * @dom: the domain
 * @marks: objects with a callback
 * @scrap: objects for kfree()
 * @nr: how many of each
 */
struct debra_test_leaving {
	struct debra_domain *dom;
	struct debra_test_mark *marks;
	struct debra_test_scrap **scrap;
	unsigned int nr;
};

static void debra_test_leave(void *data)
{
	struct debra_test_leaving *l = data;
	unsigned int i;

	for (i = 0; i < l->nr; i++) {
		debra_test_mark_retire(&l->marks[i]);
		debra_kfree(l->dom, l->scrap[i], head);
	}
}

static struct debra_test_leaving *debra_test_leaving(struct kunit *test, unsigned int nr)
{
	struct debra_test_leaving *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->nr = nr;
	l->scrap = kunit_kcalloc(test, nr, sizeof(*l->scrap), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, l->scrap);
	l->dom = debra_test_domain(test);
	l->marks = debra_test_marks(test, l->dom, nr);
	for (i = 0; i < nr; i++) {
		l->scrap[i] = kmalloc(sizeof(*l->scrap[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, l->scrap[i]);
	}
	return l;
}

static const struct debra_test_leaving_how {
	const char *name;
	enum debra_test_context context;
	unsigned int nr;
} debra_test_leaving_hows[] = {
	{ "one object", DEBRA_TEST_TASK, 1 },
	{ "from task", DEBRA_TEST_TASK, DEBRA_TEST_LEFT },
#ifndef CONFIG_PREEMPT_RT
	{ "from softirq", DEBRA_TEST_SOFTIRQ, DEBRA_TEST_LEFT },
#endif
	{ "from hardirq", DEBRA_TEST_HARDIRQ, DEBRA_TEST_LEFT },
#ifdef CONFIG_X86
	{ "from nmi", DEBRA_TEST_NMI, DEBRA_TEST_LEFT },
#endif
};

KUNIT_ARRAY_PARAM_DESC(debra_test_leaving, debra_test_leaving_hows, name);

static void debra_test_offline_with_bags(struct kunit *test)
{
	const struct debra_test_leaving_how *how = test->param_value;
	struct debra_test_leaving *l = debra_test_leaving(test, how->nr);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int cpu;
	long orphaned;

	debra_test_use_interrupts(test);
	cpu = debra_test_victim(test);
	debra_test_set_param(test, files, "interval_ms", 10000);
	debra_test_set_param(test, files, "batch", 1048576);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, how->context, debra_test_leave, l));
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	orphaned = debra_test_stat(files, l->dom, "orphaned");
	KUNIT_EXPECT_GT(test, orphaned, 0);
	/* All that it has left, for nobody has come by. */
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, l->dom, "orphans"), 2 * how->nr);
	KUNIT_EXPECT_GT(test, debra_test_domain_read(files, l->dom, "callers"), 0);
	KUNIT_EXPECT_TRUE(test, strstr(debra_test_text(files), "debra_test_mark_callback"));
	KUNIT_EXPECT_EQ(test, debra_barrier(l->dom), 0);
	KUNIT_EXPECT_EQ_MSG(test, debra_garbage(l->dom), 0, "the CPU that went kept some");
	debra_test_expect_called_once(test, l->marks, how->nr);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, l->dom, "orphans"), 0);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, l->dom, "retired"), 2 * how->nr);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, l->dom, "freed"), 2 * how->nr);
	debra_test_expect_quiet(test, l->dom);
}

/* Nobody asks for what the CPU left; the reclaimer sees to it by itself. */
static void debra_test_orphans_without_barrier(struct kunit *test)
{
	struct debra_test_leaving *l = debra_test_leaving(test, 100);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int cpu = debra_test_victim(test);

	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "interval_ms", 500);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK, debra_test_leave, l));
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	KUNIT_EXPECT_GT(test, debra_test_stat(files, l->dom, "orphaned"), 0);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(!debra_garbage(l->dom)));
	debra_test_expect_called_once(test, l->marks, l->nr);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
}

/* Again and again, and each time the CPU works as before. */
static void debra_test_offline_repeated(struct kunit *test)
{
	const unsigned int rounds = 4;
	struct debra_test_leaving *l = debra_test_leaving(test, 2 * rounds * 100);
	struct debra_test_leaving part = *l;
	unsigned int i, cpu = debra_test_victim(test);

	debra_test_use_interrupts(test);
	part.nr = 100;
	for (i = 0; i < rounds; i++) {
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK, debra_test_leave,
							  &part));
		part.marks += 100;
		part.scrap += 100;
		KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK, debra_test_leave,
							  &part));
		part.marks += 100;
		part.scrap += 100;
	}
	KUNIT_EXPECT_EQ(test, debra_barrier(l->dom), 0);
	KUNIT_EXPECT_EQ(test, debra_garbage(l->dom), 0);
	debra_test_expect_called_once(test, l->marks, l->nr);
	debra_test_expect_quiet(test, l->dom);
}

/**
 * struct debra_test_traffic - load while CPUs come and go
 * @dom: the domain
 * @retired: objects
 * @called: callbacks
 * @barriers: barriers that returned
 * @errors: barriers that failed
 */
struct debra_test_traffic {
	struct debra_domain *dom;
	atomic_long_t retired;
	atomic_long_t called;
	atomic_long_t barriers;
	atomic_long_t errors;
};

struct debra_test_parcel {
	struct debra_head head;
	struct debra_test_traffic *traffic;
};

static void debra_test_parcel_fn(struct debra_head *head)
{
	struct debra_test_parcel *parcel = container_of(head, struct debra_test_parcel, head);

	atomic_long_inc(&parcel->traffic->called);
	kfree(parcel);
}

static int debra_test_traffic_fn(void *data)
{
	struct debra_test_traffic *t = data;
	struct debra_test_parcel *parcel;

	while (!kthread_should_stop()) {
		parcel = kmalloc(sizeof(*parcel), GFP_KERNEL);
		if (!parcel)
			continue;
		parcel->traffic = t;
		debra_pin(t->dom);
		debra_call(t->dom, &parcel->head, debra_test_parcel_fn);
		debra_unpin(t->dom);
		atomic_long_inc(&t->retired);
		if (debra_test_random(16))
			continue;
		debra_test_pace(t->dom);
		/* As in other tests: time for those who free. */
		if (IS_ENABLED(CONFIG_KASAN))
			msleep(20);
	}
	return 0;
}

static int debra_test_traffic_barrier_fn(void *data)
{
	struct debra_test_traffic *t = data;

	while (!kthread_should_stop()) {
		if (debra_barrier(t->dom))
			atomic_long_inc(&t->errors);
		atomic_long_inc(&t->barriers);
	}
	return 0;
}

static void debra_test_offline_under_load(struct kunit *test)
{
	struct debra_test_traffic *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct task_struct *tasks[4];
	unsigned int i, cpu;
	long barriers;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->dom = debra_test_domain(test);
	debra_test_use_interrupts(test);
	cpu = debra_test_victim(test);
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		tasks[i] = debra_test_thread(test, i ? debra_test_traffic_fn :
					     debra_test_traffic_barrier_fn, t, DEBRA_TEST_ANY_CPU);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
		barriers = atomic_long_read(&t->barriers);
		KUNIT_EXPECT_TRUE_MSG(test, debra_test_wait(atomic_long_read(&t->barriers) >
							    barriers + 1),
				      "no barrier returns while a CPU is offline");
		KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
		usleep_range(50000, 100000);
	}
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		debra_test_thread_stop(test, tasks[i]);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&t->errors), 0);
	KUNIT_EXPECT_TRUE(test, debra_test_drained(t->dom));
	KUNIT_EXPECT_GT(test, atomic_long_read(&t->retired), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&t->called), atomic_long_read(&t->retired));
	debra_test_expect_quiet(test, t->dom);
}

/* A domain that was made while a CPU was away serves it when it comes. */
struct debra_test_early {
	struct debra_domain *dom;
	struct debra_test_mark *mark;
	int err;
	int calls;
};

static int debra_test_early_fn(void *data)
{
	struct debra_test_early *e = data;

	e->err = debra_barrier(e->dom);
	e->calls = atomic_read(&e->mark->calls);
	return 0;
}

/*
 * The object of a CPU that dies while a barrier waits begins its grace period anew; the
 * barrier has to wait for the end of that one. Two guards, one after the other, hold the
 * epoch where the barrier has read it, and one later when the CPU dies.
 */
static void debra_test_barrier_when_cpu_dies(struct kunit *test)
{
	struct debra_test_early *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	struct task_struct *task;
	DEFINE_DEBRA_GUARD(first);
	DEFINE_DEBRA_GUARD(second);
	unsigned long epoch;
	unsigned int cpu;

	KUNIT_ASSERT_NOT_NULL(test, e);
	e->dom = debra_test_domain(test);
	e->mark = debra_test_marks(test, e->dom, 1);
	debra_test_use_interrupts(test);
	cpu = debra_test_victim(test);
	debra_guard_enter_sleepable(e->dom, &first);
	epoch = debra_epoch(e->dom) + 1;
	debra_test_push_to(e->dom, epoch);
	debra_test_run_on(cpu, DEBRA_TEST_TASK, debra_test_mark_retire_fn, e->mark);
	task = debra_test_thread(test, debra_test_early_fn, e, DEBRA_TEST_ANY_CPU);
	msleep(200);
	debra_guard_enter_sleepable(e->dom, &second);
	debra_guard_exit(&first);
	debra_test_push_to(e->dom, epoch + 1);
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	debra_guard_exit(&second);
	debra_test_thread_stop(test, task);
	KUNIT_EXPECT_EQ(test, e->err, 0);
	KUNIT_EXPECT_EQ_MSG(test, e->calls, 1, "the barrier came back too early");
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
}

static void debra_test_create_while_offline(struct kunit *test)
{
	unsigned int cpu = debra_test_victim(test);
	struct debra_test_leaving *l;

	debra_test_use_interrupts(test);
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	l = debra_test_leaving(test, 100);
	KUNIT_EXPECT_EQ(test, debra_synchronize(l->dom), 0);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK, debra_test_leave, l));
	KUNIT_EXPECT_EQ(test, debra_barrier(l->dom), 0);
	debra_test_expect_called_once(test, l->marks, l->nr);
	KUNIT_EXPECT_EQ(test, debra_garbage(l->dom), 0);
}

/* A domain may end while a CPU that has left something is away. */
static void debra_test_destroy_while_offline(struct kunit *test)
{
	struct debra_test_mark *mark = kunit_kzalloc(test, sizeof(*mark), GFP_KERNEL);
	struct debra_domain *dom;
	unsigned int cpu;

	KUNIT_ASSERT_NOT_NULL(test, mark);
	debra_test_use_interrupts(test);
	cpu = debra_test_victim(test);
	dom = debra_domain_create("ends-offline");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dom);
	debra_test_mark_init(mark, dom);
	KUNIT_EXPECT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK, debra_test_mark_retire_fn,
						  mark));
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	KUNIT_ASSERT_EQ(test, debra_domain_destroy(dom), 0);
	debra_test_expect_called_once(test, mark, 1);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
}

static struct kunit_case debra_hotplug_cases[] = {
	KUNIT_CASE_PARAM(debra_test_offline_with_bags, debra_test_leaving_gen_params),
	KUNIT_CASE(debra_test_orphans_without_barrier),
	KUNIT_CASE(debra_test_offline_repeated),
	KUNIT_CASE(debra_test_offline_under_load),
	KUNIT_CASE(debra_test_barrier_when_cpu_dies),
	KUNIT_CASE(debra_test_create_while_offline),
	KUNIT_CASE(debra_test_destroy_while_offline),
	{}
};

static struct kunit_suite debra_hotplug_suite = {
	.name = "debra_hotplug",
	.test_cases = debra_hotplug_cases,
};

kunit_test_suite(debra_hotplug_suite);

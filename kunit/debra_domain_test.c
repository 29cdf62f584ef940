// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: domains come and go.
 */
#include <kunit/resource.h>
#include <linux/debra-guard.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debra_test_util.h"

static DEFINE_DEBRA_DOMAIN(debra_test_static);
static DEFINE_DEBRA_DOMAIN(debra_test_static_twin);

/* ---------------------------------------------------------------- names */

struct debra_test_name {
	const char *desc;
	const char *name;
	int err;
};

#define DEBRA_TEST_TEN	"0123456789"

static const struct debra_test_name debra_test_names[] = {
	{ "one character", "x", 0 },
	{ "with spaces and dots", "a b..c", 0 },
	{ "31 characters", DEBRA_TEST_TEN DEBRA_TEST_TEN DEBRA_TEST_TEN "0", 0 },
	{ "hidden", ".hidden", 0 },
	{ "three dots", "...", 0 },
	{ "NULL", NULL, -EINVAL },
	{ "empty", "", -EINVAL },
	{ "32 characters", DEBRA_TEST_TEN DEBRA_TEST_TEN DEBRA_TEST_TEN "01", -EINVAL },
	{ "40 characters", DEBRA_TEST_TEN DEBRA_TEST_TEN DEBRA_TEST_TEN DEBRA_TEST_TEN, -EINVAL },
	{ "a path", "a/b", -EINVAL },
	{ "only a slash", "/", -EINVAL },
	{ "dot", ".", -EINVAL },
	{ "dot dot", "..", -EINVAL },
	{ "taken by the default domain", "debra_default", -EEXIST },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_name, debra_test_names, desc);

static void debra_test_create_by_name(struct kunit *test)
{
	const struct debra_test_name *param = test->param_value;
	struct debra_domain *dom = debra_domain_create(param->name);

	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(dom), param->err);
	if (IS_ERR(dom))
		return;
	KUNIT_EXPECT_STREQ(test, dom->name, param->name);
	KUNIT_EXPECT_EQ(test, debra_domain_destroy(dom), 0);
}

/* The name is copied: it may be gone when the domain is looked at. */
static void debra_test_name_is_copied(struct kunit *test)
{
	char name[] = "short-lived";
	struct debra_domain *dom = debra_domain_create(name), *again;
	struct debra_test_files *files = debra_test_files(test);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dom);
	strscpy(name, "xxxxxxxxxxx", sizeof(name));
	KUNIT_EXPECT_STREQ(test, dom->name, "short-lived");
	KUNIT_EXPECT_GT(test, debra_test_read(files, "debugfs/debra/short-lived/stats"), 0);
	again = debra_domain_create("short-lived");
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(again), -EEXIST);
	KUNIT_EXPECT_EQ(test, debra_domain_destroy(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_read(files, "debugfs/debra/short-lived/stats"), -ENOENT);
	again = debra_domain_create("short-lived");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, again);
	KUNIT_EXPECT_EQ(test, debra_domain_destroy(again), 0);
}

/* ---------------------------------------------------------------- static ones */

static void debra_test_static_end(void *data)
{
	debra_domain_unregister(data);
}

static void debra_test_register_static(struct kunit *test)
{
	struct debra_domain *dom = &debra_test_static;
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_mark *mark = kunit_kzalloc(test, sizeof(*mark), GFP_KERNEL);
	unsigned long epoch;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, mark);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_static_end, dom));
	for (i = 0; i < 3; i++) {
		epoch = debra_epoch(dom);
		KUNIT_ASSERT_EQ(test, debra_domain_register(dom), 0);
		KUNIT_EXPECT_EQ(test, debra_domain_register(dom), -EBUSY);
		KUNIT_EXPECT_STREQ(test, dom->name, "debra_test_static");
		KUNIT_EXPECT_GT(test, debra_test_domain_read(files, dom, "stats"), 0);
		debra_test_mark_init(mark, dom);
		debra_pin(dom);
		debra_test_mark_retire(mark);
		debra_unpin(dom);
		KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
		debra_test_mark_retire(mark);
		KUNIT_EXPECT_EQ(test, debra_domain_unregister(dom), 0);
		KUNIT_EXPECT_EQ_MSG(test, debra_test_calls(mark, 1), 2,
				    "unregistering did not wait for a callback");
		KUNIT_EXPECT_EQ(test, debra_domain_unregister(dom), -EINVAL);
		KUNIT_EXPECT_GE(test, debra_epoch(dom), epoch);
		KUNIT_EXPECT_EQ(test, debra_test_domain_read(files, dom, "stats"), -ENOENT);
	}
}

static void debra_test_static_name_taken(struct kunit *test)
{
	struct debra_domain *dom = debra_domain_create("debra_test_static_twin");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dom);
	KUNIT_EXPECT_EQ(test, debra_domain_register(&debra_test_static_twin), -EEXIST);
	KUNIT_EXPECT_EQ(test, debra_domain_destroy(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_domain_register(&debra_test_static_twin), 0);
	KUNIT_EXPECT_EQ(test, debra_domain_unregister(&debra_test_static_twin), 0);
}

static void debra_test_wrong_way_to_end(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);

	KUNIT_EXPECT_EQ(test, debra_domain_destroy(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, debra_domain_unregister(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, debra_domain_register(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, debra_domain_destroy(ERR_PTR(-ENOMEM)), -EINVAL);
	KUNIT_EXPECT_EQ(test, debra_domain_unregister(dom), -EINVAL);
	KUNIT_EXPECT_EQ(test, debra_domain_register(dom), -EBUSY);
	KUNIT_EXPECT_EQ(test, debra_domain_destroy(&debra_test_static), -EINVAL);
	KUNIT_EXPECT_EQ(test, debra_domain_unregister(&debra_test_static), -EINVAL);
	KUNIT_EXPECT_EQ(test, debra_domain_destroy(&debra_default), -EINVAL);
	KUNIT_EXPECT_EQ(test, debra_garbage(NULL), 0);
	KUNIT_EXPECT_EQ(test, debra_garbage(&debra_test_static), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
}

/* ---------------------------------------------------------------- the end */

static void debra_test_destroy_with_readers(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_holder *holder;
	int err[2];

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	debra_test_mark_retire(&marks[0]);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_splat_begin();
	err[0] = debra_domain_destroy(dom);
	err[1] = debra_domain_destroy(dom);
	debra_test_splat_end();
	debra_test_mark_retire(&marks[1]);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, err[0], -EBUSY);
	KUNIT_EXPECT_EQ(test, err[1], -EBUSY);
	/* It goes on as if nothing had been. */
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 2);
	debra_test_expect_quiet(test, dom);
}

static void debra_test_own_pin_prevents_destroy(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	int err;

	debra_pin(dom);
	debra_test_splat_begin();
	err = debra_domain_destroy(dom);
	debra_test_splat_end();
	debra_unpin(dom);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	debra_test_expect_quiet(test, dom);
}

struct debra_test_batch {
	struct debra_test_mark *marks;
	unsigned int nr;
};

static void debra_test_retire_batch(void *data)
{
	struct debra_test_batch *batch = data;
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		debra_test_mark_retire(&batch->marks[i]);
}

/* Everything that was retired is freed before the domain is gone. */
static void debra_test_destroy_with_garbage(struct kunit *test)
{
	unsigned int cpu, i, nr = 500 * num_online_cpus();
	struct debra_test_mark *marks = kunit_kcalloc(test, nr, sizeof(*marks), GFP_KERNEL);
	struct debra_test_batch batch = { .marks = marks, .nr = 500 };
	struct debra_domain *dom;

	KUNIT_ASSERT_NOT_NULL(test, marks);
	dom = debra_domain_create("with-garbage");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dom);
	for (i = 0; i < nr; i++)
		debra_test_mark_init(&marks[i], dom);
	for_each_online_cpu(cpu) {
		KUNIT_EXPECT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK,
							  debra_test_retire_batch, &batch));
		batch.marks += batch.nr;
	}
	KUNIT_ASSERT_EQ(test, debra_domain_destroy(dom), 0);
	debra_test_expect_called_once(test, marks, nr);
}

/* An object whose callback retires it again for a while: the end waits for that. */
struct debra_test_again {
	struct debra_head head;
	struct debra_domain *dom;
	atomic_t left;
};

static void debra_test_again_fn(struct debra_head *head)
{
	struct debra_test_again *again = container_of(head, struct debra_test_again, head);

	if (atomic_dec_return(&again->left))
		debra_call(again->dom, head, debra_test_again_fn);
}

static void debra_test_destroy_with_callbacks_that_retire(struct kunit *test)
{
	struct debra_test_again *again = kunit_kzalloc(test, sizeof(*again), GFP_KERNEL);
	struct debra_domain *dom;

	KUNIT_ASSERT_NOT_NULL(test, again);
	dom = debra_domain_create("again");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dom);
	again->dom = dom;
	atomic_set(&again->left, 5);
	debra_call(dom, &again->head, debra_test_again_fn);
	KUNIT_EXPECT_EQ(test, debra_domain_destroy(dom), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&again->left), 0);
}

/* ---------------------------------------------------------------- churn */

struct debra_test_churn {
	unsigned int nr;
	unsigned int rounds;
	unsigned int errors;
};

struct debra_test_scrap {
	struct debra_head head;
	unsigned long payload;
};

static void debra_test_churn_use(struct debra_domain *dom)
{
	struct debra_test_scrap *scrap;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
		debra_pin(dom);
		if (scrap)
			debra_kfree(dom, scrap, head);
		debra_unpin(dom);
	}
}

static int debra_test_churn_fn(void *data)
{
	struct debra_test_churn *churn = data;
	struct debra_domain *dom;
	char name[DEBRA_NAME_MAX];

	snprintf(name, sizeof(name), "churn-%u", churn->nr);
	while (!kthread_should_stop()) {
		dom = debra_domain_create(name);
		if (IS_ERR(dom)) {
			churn->errors++;
			break;
		}
		debra_test_churn_use(dom);
		churn->errors += debra_domain_destroy(dom) != 0;
		WRITE_ONCE(churn->rounds, churn->rounds + 1);
	}
	return 0;
}

/* Domains come and go on all CPUs while another one is busy. */
static void debra_test_domain_churn(struct kunit *test)
{
	unsigned int i, nr = num_online_cpus();
	struct debra_test_churn *churn = kunit_kcalloc(test, nr, sizeof(*churn), GFP_KERNEL);
	struct task_struct **tasks = kunit_kcalloc(test, nr, sizeof(*tasks), GFP_KERNEL);
	struct debra_domain *dom = debra_test_domain(test);

	KUNIT_ASSERT_NOT_NULL(test, churn);
	KUNIT_ASSERT_NOT_NULL(test, tasks);
	for (i = 0; i < nr; i++) {
		churn[i].nr = i;
		tasks[i] = debra_test_thread(test, debra_test_churn_fn, &churn[i],
					     DEBRA_TEST_ANY_CPU);
	}
	for (i = 0; i < 50; i++) {
		debra_test_churn_use(dom);
		usleep_range(10000, 20000);
	}
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_TRUE(test, debra_test_wait(READ_ONCE(churn[i].rounds) >= 2));
	for (i = 0; i < nr; i++)
		debra_test_thread_stop(test, tasks[i]);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, churn[i].errors, 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
}

/* ---------------------------------------------------------------- no memory */

#ifdef CONFIG_FAILSLAB
static const char * const debra_test_failslab_on[][2] = {
	{ "verbose", "0" },
	{ "ignore-gfp-wait", "N" },
	{ "task-filter", "Y" },
	{ "times", "-1" },
	{ "probability", "100" },
};

static const char * const debra_test_failslab_off[][2] = {
	{ "probability", "0" },
	{ "times", "1" },
	{ "task-filter", "N" },
	{ "ignore-gfp-wait", "Y" },
	{ "verbose", "2" },
};

static void debra_test_failslab_set(struct kunit *test, struct debra_test_files *files,
				    const char * const set[][2], unsigned int nr)
{
	char path[64];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "debugfs/failslab/%s", set[i][0]);
		KUNIT_ASSERT_EQ_MSG(test, debra_test_write(files, path, set[i][1]),
				    strlen(set[i][1]), "writing to %s", path);
	}
}

/*
 * Allocations of tasks that have make_it_fail fail, without a word; fail_nth works
 * as well. Whoever does not set these is not concerned, so it does no harm if a
 * test fails and leaves it on.
 */
static struct debra_test_files *debra_test_failslab(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);

	debra_test_failslab_set(test, files, debra_test_failslab_on,
				ARRAY_SIZE(debra_test_failslab_on));
	return files;
}

static void debra_test_failslab_end(struct kunit *test, struct debra_test_files *files)
{
	debra_test_failslab_set(test, files, debra_test_failslab_off,
				ARRAY_SIZE(debra_test_failslab_off));
}

/* Let the n-th allocation fail. Return: whether there was one that did. */
static struct debra_domain *debra_test_create_failing(unsigned int nth, bool *failed)
{
	struct debra_domain *dom;

	current->fail_nth = nth;
	dom = debra_domain_create("failslab");
	*failed = !current->fail_nth;
	current->fail_nth = 0;
	return dom;
}

/*
 * Whichever allocation fails, there is an error and nothing left behind, or a
 * domain that works, at most without its view in debugfs.
 */
static void debra_test_create_without_memory(struct kunit *test)
{
	struct debra_test_files *files = debra_test_failslab(test);
	struct debra_domain *dom;
	unsigned int nth, refused = 0;
	bool failed = true;

	for (nth = 1; failed && nth < 1000; nth++) {
		dom = debra_test_create_failing(nth, &failed);
		if (IS_ERR(dom)) {
			KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(dom), -ENOMEM, "allocation %u", nth);
			KUNIT_EXPECT_EQ(test, debra_test_read(files,
							      "debugfs/debra/failslab/stats"),
					-ENOENT);
			refused++;
			continue;
		}
		debra_pin(dom);
		debra_unpin(dom);
		KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
		KUNIT_EXPECT_EQ(test, debra_domain_destroy(dom), 0);
	}
	debra_test_failslab_end(test, files);
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GE(test, refused, 2);
}

static void debra_test_register_without_memory(struct kunit *test)
{
	struct debra_test_files *files = debra_test_failslab(test);
	struct debra_domain *dom = &debra_test_static;
	unsigned int nth, refused = 0;
	bool failed = true;
	int err;

	for (nth = 1; failed && nth < 1000; nth++) {
		current->fail_nth = nth;
		err = debra_domain_register(dom);
		failed = !current->fail_nth;
		current->fail_nth = 0;
		if (err) {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			/* As if it had not been tried. */
			KUNIT_EXPECT_EQ(test, debra_domain_unregister(dom), -EINVAL);
			refused++;
			continue;
		}
		KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
		KUNIT_EXPECT_EQ(test, debra_domain_unregister(dom), 0);
	}
	debra_test_failslab_end(test, files);
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GE(test, refused, 1);
}

static void debra_test_retire_failing(struct debra_domain *dom, struct debra_test_mark *mark,
				      void *object)
{
	current->make_it_fail = 1;
	debra_test_mark_retire(mark);
	debra_kfree_mightsleep(dom, object);
	current->make_it_fail = 0;
}

#define DEBRA_TEST_INSIDE	5000	/* more than there are blocks for */

/* Retire so many while no allocation of blocks succeeds. */
static void debra_test_retire_many_failing(struct debra_domain *dom, unsigned int nr)
{
	void *object;

	while (nr--) {
		object = kmalloc(64, GFP_KERNEL | __GFP_NOFAIL);
		current->make_it_fail = 1;
		debra_kfree_mightsleep(dom, object);
		current->make_it_fail = 0;
	}
}

/**
 * struct debra_test_heir - whose callback retires others
 * @head: the head
 * @dom: the domain
 */
struct debra_test_heir {
	struct debra_head head;
	struct debra_domain *dom;
};

static void debra_test_heir_callback(struct debra_head *head)
{
	struct debra_test_heir *heir = container_of(head, struct debra_test_heir, head);

	debra_test_retire_many_failing(heir->dom, DEBRA_TEST_INSIDE);
	kfree(heir);
}

/* In guards and in callbacks nobody can wait for a grace period instead. */
static void debra_test_retire_inside_failing(struct kunit *test, struct debra_domain *dom)
{
	struct debra_guard *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct debra_test_heir *heir = kmalloc(sizeof(*heir), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, g && heir);
	debra_guard_enter_sleepable(dom, g);
	debra_test_retire_many_failing(dom, DEBRA_TEST_INSIDE);
	debra_guard_exit(g);
	heir->dom = dom;
	debra_call(dom, &heir->head, debra_test_heir_callback);
}

/*
 * Only debra's blocks fail: debug-objects gives up for ever, and says so, when the
 * allocations that it makes on behalf of a task fail for long.
 */
static void debra_test_fail_blocks(struct kunit *test, struct debra_test_files *files, bool fail)
{
	static const char * const file = "sysfs/kernel/slab/debra_block/failslab";

	KUNIT_ASSERT_EQ(test, debra_test_write(files, file, fail ? "1" : "0"), 1);
	KUNIT_ASSERT_EQ(test, debra_test_write(files, "debugfs/failslab/cache-filter",
					       fail ? "Y" : "N"), 1);
}

/* A retirement never needs memory: while each allocation fails, all is as usual. */
static void debra_test_retire_without_memory(struct kunit *test)
{
	struct debra_test_files *files = debra_test_failslab(test);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 5000);
	unsigned int i;
	void *object;
	long retired;

	debra_test_fail_blocks(test, files, true);
	for (i = 0; i < 5000; i++) {
		object = kmalloc(64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, object);
		debra_test_retire_failing(dom, &marks[i], object);
	}
	retired = debra_test_stat(files, dom, "retired");
	debra_test_retire_inside_failing(test, dom);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_fail_blocks(test, files, false);
	debra_test_failslab_end(test, files);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired") - retired,
			2 * DEBRA_TEST_INSIDE + 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
	KUNIT_EXPECT_GT(test, debra_test_stat(files, dom, "overflow"), 0);
	debra_test_expect_called_once(test, marks, 5000);
}
#endif

static struct kunit_case debra_domain_cases[] = {
	KUNIT_CASE_PARAM(debra_test_create_by_name, debra_test_name_gen_params),
	KUNIT_CASE(debra_test_name_is_copied),
	KUNIT_CASE(debra_test_register_static),
	KUNIT_CASE(debra_test_static_name_taken),
	KUNIT_CASE(debra_test_wrong_way_to_end),
	KUNIT_CASE(debra_test_destroy_with_readers),
	KUNIT_CASE(debra_test_own_pin_prevents_destroy),
	KUNIT_CASE(debra_test_destroy_with_garbage),
	KUNIT_CASE(debra_test_destroy_with_callbacks_that_retire),
	KUNIT_CASE(debra_test_domain_churn),
#ifdef CONFIG_FAILSLAB
	KUNIT_CASE(debra_test_create_without_memory),
	KUNIT_CASE(debra_test_register_without_memory),
	KUNIT_CASE(debra_test_retire_without_memory),
#endif
	{}
};

static struct kunit_suite debra_domain_suite = {
	.name = "debra_domain",
	.test_cases = debra_domain_cases,
};

kunit_test_suite(debra_domain_suite);

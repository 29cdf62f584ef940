// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: bags rotate with the epochs, and release by epoch.
 *
 * Two holders on two CPUs take turns: while one holds a pin that announced e, the
 * epoch becomes e + 1 and stays there. Then the other one pins, announcing e + 1,
 * the first one lets go, and the epoch becomes e + 2 and stays. So a test can have
 * one epoch after the other, and do in each what it likes.
 */
#include <kunit/resource.h>
#include <linux/slab.h>

#include "debra_test_util.h"

#define DEBRA_TEST_EPOCHS	7
#define DEBRA_TEST_PER_EPOCH	300	/* more than two blocks hold */

struct debra_test_stepper {
	struct debra_domain *dom;
	struct debra_test_holder *holder[2];
	unsigned int turn;
	unsigned long epoch;
};

static void debra_test_stepper_start(struct kunit *test, struct debra_test_stepper *s,
				     struct debra_domain *dom)
{
	unsigned int i;

	debra_test_need_cpus(test, 3);
	debra_test_use_interrupts(test);
	s->dom = dom;
	s->turn = 0;
	for (i = 0; i < 2; i++)
		s->holder[i] = debra_test_holder(test, dom, debra_test_cpu(i + 1),
						 DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(s->holder[0], 1));
	s->epoch = debra_test_announced(dom, s->holder[0]->cpu) + 1;
	KUNIT_ASSERT_TRUE(test, debra_test_push_to(dom, s->epoch));
}

/* One epoch on. */
static void debra_test_step(struct kunit *test, struct debra_test_stepper *s)
{
	struct debra_test_holder *now = s->holder[s->turn % 2];
	struct debra_test_holder *next = s->holder[(s->turn + 1) % 2];

	KUNIT_ASSERT_TRUE(test, debra_test_hold(next, 1));
	KUNIT_ASSERT_EQ(test, debra_test_announced(s->dom, next->cpu), s->epoch);
	KUNIT_ASSERT_TRUE_MSG(test, debra_test_release(now), "the pin was not held long enough");
	s->turn++;
	s->epoch++;
	KUNIT_ASSERT_TRUE(test, debra_test_push_to(s->dom, s->epoch));
	KUNIT_ASSERT_EQ(test, debra_epoch(s->dom), s->epoch);
}

static void debra_test_stepper_stop(struct kunit *test, struct debra_test_stepper *s)
{
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(s->holder[s->turn % 2]),
			      "the pin was not held long enough");
}

static void debra_test_fill(struct debra_test_mark *marks, unsigned int nr)
{
	while (nr--)
		debra_test_mark_retire(marks++);
}

/* Of objects that were retired in consecutive epochs, each goes three later, not before. */
static void debra_test_release_by_epoch(struct kunit *test)
{
	const unsigned int nr = DEBRA_TEST_PER_EPOCH;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, DEBRA_TEST_EPOCHS * nr);
	struct debra_test_stepper s;
	unsigned int i;

	debra_test_stepper_start(test, &s, dom);
	for (i = 0; i < DEBRA_TEST_EPOCHS; i++) {
		debra_test_fill(&marks[i * nr], nr);
		debra_test_push_for(dom, 10);
		/* Not yet gone: the bags of this epoch and of the two before it. */
		KUNIT_EXPECT_EQ_MSG(test, debra_test_calls(&marks[i * nr], nr), 0, "epoch %u", i);
		if (i >= 1)
			KUNIT_EXPECT_EQ(test, debra_test_calls(&marks[(i - 1) * nr], nr), 0);
		if (i >= 2)
			KUNIT_EXPECT_EQ(test, debra_test_calls(&marks[(i - 2) * nr], nr), 0);
		/* Gone: all of those that are three epochs old. */
		if (i >= 3)
			KUNIT_EXPECT_TRUE_MSG(test, debra_test_wait(({
				debra_expedite(dom);
				debra_test_calls(&marks[(i - 3) * nr], nr) == nr;
			})), "objects of epoch %u are not freed in epoch %u", i - 3, i);
		debra_test_step(test, &s);
	}
	debra_test_stepper_stop(test, &s);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, DEBRA_TEST_EPOCHS * nr);
	for (i = 0; i + 3 < DEBRA_TEST_EPOCHS; i++)
		KUNIT_EXPECT_EQ(test, marks[i * nr].called, marks[i * nr].stamp + 3);
}

/* The row of a bag: CPU and stamp, then its two numbers. */
struct debra_test_bag_row {
	unsigned int cpu;
	unsigned long stamp;
	unsigned long kfree;
	unsigned long call;
	unsigned long age;
};

/* Return: whether there is such a row, which then is in @row. */
static bool debra_test_find_bag(struct debra_test_files *files, struct debra_domain *dom,
				unsigned long stamp, struct debra_test_bag_row *row)
{
	const char *line;

	if (debra_test_domain_read(files, dom, "bags") < 0)
		return false;
	for (line = strchr(debra_test_text(files), '\n'); line; line = strchr(line + 1, '\n'))
		if (sscanf(line, "%u %lu %lu %lu %lu", &row->cpu, &row->stamp, &row->kfree,
			   &row->call, &row->age) == 5 && row->stamp == stamp)
			return true;
	return false;
}

struct debra_test_scrap {
	struct debra_head head;
	unsigned long payload;
};

/* What was retired in an epoch stands in the bag of that epoch. */
static void debra_test_bags_have_stamps(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 100);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_bag_row row;
	struct debra_test_stepper s;
	struct debra_test_scrap *scrap;
	unsigned long first;
	unsigned int i, j, used = 0;

	debra_test_stepper_start(test, &s, dom);
	first = s.epoch;
	/* Few enough not to be noticed by the amortized freeing. */
	for (i = 0; i < 3; i++) {
		debra_test_fill(&marks[used], i + 1);
		used += i + 1;
		for (j = 0; j < i + 4; j++) {
			scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, scrap);
			debra_kfree(dom, scrap, head);
		}
		if (i < 2)
			debra_test_step(test, &s);
	}
	for (i = 0; i < 3; i++) {
		memset(&row, 0, sizeof(row));
		KUNIT_EXPECT_TRUE_MSG(test, debra_test_find_bag(files, dom, first + i, &row),
				      "no bag of epoch %lu", first + i);
		KUNIT_EXPECT_EQ(test, row.call, i + 1);
		KUNIT_EXPECT_EQ(test, row.kfree, i + 4);
	}
	KUNIT_EXPECT_FALSE(test, debra_test_find_bag(files, dom, first - 1, &row));
	KUNIT_EXPECT_FALSE(test, debra_test_find_bag(files, dom, first + 3, &row));
	debra_test_stepper_stop(test, &s);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, used);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_FALSE(test, debra_test_find_bag(files, dom, first + i, &row));
}

/* CPUs that retire in the same epoch fill bags of their own, released together. */
static void debra_test_release_on_all_cpus(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2 * num_possible_cpus());
	struct debra_test_stepper s;
	unsigned int cpu, nr = 0, i;

	debra_test_stepper_start(test, &s, dom);
	/* The CPUs of the holders run no work while these spin: an interrupt does it. */
	for_each_online_cpu(cpu) {
		smp_call_function_single(cpu, debra_test_mark_retire_fn, &marks[nr++], 1);
		smp_call_function_single(cpu, debra_test_mark_retire_fn, &marks[nr++], 1);
	}
	for (i = 0; i < 2; i++) {
		debra_test_step(test, &s);
		debra_test_push_for(dom, 10);
		KUNIT_EXPECT_EQ_MSG(test, debra_test_calls(marks, nr), 0, "%u epochs later", i + 1);
	}
	debra_test_step(test, &s);
	debra_test_stepper_stop(test, &s);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_expedite(dom);
		debra_test_calls(marks, nr) == nr;
	})));
	debra_test_expect_called_once(test, marks, nr);
}

/* Epochs in which nothing is retired leave no trace in the bags. */
static void debra_test_empty_epochs(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 40);
	unsigned int i;

	for (i = 0; i < 40; i++) {
		debra_test_mark_retire(&marks[i]);
		/* None, one, two ... of them, so that each bag is met in each age. */
		KUNIT_EXPECT_TRUE(test, debra_test_push_to(dom, marks[i].stamp + i % 8));
	}
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 40);
}

static struct kunit_case debra_bag_cases[] = {
	KUNIT_CASE(debra_test_release_by_epoch),
	KUNIT_CASE(debra_test_bags_have_stamps),
	KUNIT_CASE(debra_test_release_on_all_cpus),
	KUNIT_CASE(debra_test_empty_epochs),
	{}
};

static struct kunit_suite debra_bag_suite = {
	.name = "debra_bag",
	.test_cases = debra_bag_cases,
};

kunit_test_suite(debra_bag_suite);

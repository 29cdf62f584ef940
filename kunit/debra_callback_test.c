// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: what a callback may do.
 */
#include <kunit/resource.h>
#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "debra_test_util.h"

#define DEBRA_TEST_CHAIN	8
#define DEBRA_TEST_CHAINS	64

/* ---------------------------------------------------------------- its context */

struct debra_test_callback {
	struct debra_head head;
	struct debra_domain *dom;
	struct mutex lock;	/* taken only to show that it can be */
	enum debra_test_context context;
	bool preemptible;
	bool irqs_off;
	bool pinned;
	bool allocated;
	int throttle;
	struct completion done;
};

static void debra_test_callback_look(struct debra_head *head)
{
	struct debra_test_callback *cb = container_of(head, struct debra_test_callback, head);
	void *memory;

	cb->context = debra_test_in_context();
	cb->preemptible = preemptible();
	cb->irqs_off = irqs_disabled();
	cb->pinned = debra_pinned(cb->dom);
	mutex_lock(&cb->lock);
	memory = kmalloc(64, GFP_KERNEL);
	cb->allocated = memory;
	kfree(memory);
	usleep_range(1000, 2000);
	mutex_unlock(&cb->lock);
	cb->throttle = debra_throttle(cb->dom);
	complete(&cb->done);
}

static void debra_test_callback_may_sleep(struct kunit *test)
{
	struct debra_test_callback *cb = kunit_kzalloc(test, sizeof(*cb), GFP_KERNEL);
	struct debra_domain *dom;

	KUNIT_ASSERT_NOT_NULL(test, cb);
	dom = debra_test_domain(test);
	cb->dom = dom;
	cb->throttle = -1;
	mutex_init(&cb->lock);
	init_completion(&cb->done);
	debra_call(dom, &cb->head, debra_test_callback_look);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_ASSERT_TRUE_MSG(test, try_wait_for_completion(&cb->done),
			      "the barrier did not wait for a callback that sleeps");
	KUNIT_EXPECT_EQ(test, cb->context, DEBRA_TEST_TASK);
	KUNIT_EXPECT_TRUE(test, cb->preemptible);
	KUNIT_EXPECT_FALSE(test, cb->irqs_off);
	KUNIT_EXPECT_FALSE(test, cb->pinned);
	KUNIT_EXPECT_TRUE(test, cb->allocated);
	KUNIT_EXPECT_EQ(test, cb->throttle, 0);
}

/* ---------------------------------------------------------------- what it retires */

/**
 * struct debra_test_link - an object whose callback retires it again
 * @mark: how often its callback ran
 * @child: an object that the first callback retires as well
 * @other: a domain that it also retires into, or NULL
 * @guest: what it retires there
 * @left: how often it shall be retired again
 * @wrong: how often something in the callback was not as it should be
 */
struct debra_test_link {
	struct debra_test_mark mark;
	struct debra_test_mark child;
	struct debra_domain *other;
	struct debra_test_mark guest;
	unsigned int left;
	unsigned int wrong;
};

struct debra_test_scrap {
	struct debra_head head;
	unsigned long payload;
};

static void debra_test_link_pin(struct debra_test_link *link)
{
	struct debra_domain *dom = link->mark.dom;
	struct debra_test_scrap *scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);

	debra_pin(dom);
	link->wrong += !debra_pinned(dom);
	if (scrap)
		debra_kfree(dom, scrap, head);
	debra_unpin(dom);
	link->wrong += !scrap;
	scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
	if (scrap)
		debra_kfree_mightsleep(dom, scrap);
	link->wrong += !scrap;
}

static void debra_test_link_fn(struct debra_head *head)
{
	struct debra_test_link *link = container_of(head, struct debra_test_link, mark.head);
	bool first = !atomic_read(&link->mark.calls);

	debra_test_mark_callback(head);
	debra_test_link_pin(link);
	if (first)
		debra_test_mark_retire(&link->child);
	if (first && link->other)
		debra_test_mark_retire(&link->guest);
	if (!link->left)
		return;
	link->left--;
	WRITE_ONCE(link->mark.stamp, debra_epoch(link->mark.dom));
	debra_call(link->mark.dom, head, debra_test_link_fn);
}

static void debra_test_links_end(void *data)
{
	debra_test_drained(data);
}

static struct debra_test_link *debra_test_links(struct kunit *test, struct debra_domain *dom,
						struct debra_domain *other)
{
	struct debra_test_link *links = kunit_kcalloc(test, DEBRA_TEST_CHAINS, sizeof(*links),
						      GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, links);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_links_end, other));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_links_end, dom));
	for (i = 0; i < DEBRA_TEST_CHAINS; i++) {
		debra_test_mark_init(&links[i].mark, dom);
		debra_test_mark_init(&links[i].child, dom);
		debra_test_mark_init(&links[i].guest, other);
		links[i].other = other;
		links[i].left = DEBRA_TEST_CHAIN - 1;
	}
	return links;
}

static void debra_test_callback_retires(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_domain *other = debra_test_domain(test);
	struct debra_test_link *links = debra_test_links(test, dom, other);
	unsigned int i, calls = 0, children = 0, guests = 0, early = 0, wrong = 0;

	for (i = 0; i < DEBRA_TEST_CHAINS; i++) {
		WRITE_ONCE(links[i].mark.stamp, debra_epoch(dom));
		debra_call(dom, &links[i].mark.head, debra_test_link_fn);
	}
	KUNIT_EXPECT_TRUE(test, debra_test_drained(dom));
	KUNIT_EXPECT_TRUE(test, debra_test_drained(other));
	for (i = 0; i < DEBRA_TEST_CHAINS; i++) {
		calls += atomic_read(&links[i].mark.calls);
		children += atomic_read(&links[i].child.calls);
		guests += atomic_read(&links[i].guest.calls);
		early += atomic_read(&links[i].mark.early) + atomic_read(&links[i].child.early) +
			 atomic_read(&links[i].guest.early);
		wrong += links[i].wrong;
	}
	KUNIT_EXPECT_EQ(test, calls, DEBRA_TEST_CHAINS * DEBRA_TEST_CHAIN);
	KUNIT_EXPECT_EQ(test, children, DEBRA_TEST_CHAINS);
	KUNIT_EXPECT_EQ(test, guests, DEBRA_TEST_CHAINS);
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* ---------------------------------------------------------------- freeing itself */

struct debra_test_mortal {
	struct debra_head head;
	atomic_t *dead;
};

static void debra_test_mortal_fn(struct debra_head *head)
{
	struct debra_test_mortal *mortal = container_of(head, struct debra_test_mortal, head);

	atomic_inc(mortal->dead);
	kfree(mortal);
}

/* The usual callback. With KASAN, nobody may touch the object after it. */
static void debra_test_callback_frees(struct kunit *test)
{
	atomic_t *dead = kunit_kzalloc(test, sizeof(*dead), GFP_KERNEL);
	struct debra_test_mortal *mortal;
	struct debra_domain *dom;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, dead);
	dom = debra_test_domain(test);
	for (i = 0; i < 1000; i++) {
		mortal = kmalloc(sizeof(*mortal), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, mortal);
		mortal->dead = dead;
		debra_call(dom, &mortal->head, debra_test_mortal_fn);
	}
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(dead), 1000);
}

/* A slow callback holds up its own, not the objects of other CPUs. */
struct debra_test_slow {
	struct debra_head head;
	struct debra_domain *dom;
	struct completion begun;
	struct completion go;
};

static void debra_test_slow_fn(struct debra_head *head)
{
	struct debra_test_slow *slow = container_of(head, struct debra_test_slow, head);

	complete(&slow->begun);
	wait_for_completion_timeout(&slow->go, msecs_to_jiffies(DEBRA_TEST_PATIENCE_MS));
}

static void debra_test_slow_retire(void *data)
{
	struct debra_test_slow *slow = data;

	debra_call(slow->dom, &slow->head, debra_test_slow_fn);
}

static void debra_test_slow_end(void *data)
{
	struct debra_test_slow *slow = data;

	complete_all(&slow->go);
}

static void debra_test_slow_callback(struct kunit *test)
{
	struct debra_test_slow *slow = kunit_kzalloc(test, sizeof(*slow), GFP_KERNEL);
	struct debra_test_mark *mark;
	struct debra_domain *dom;
	bool called;

	KUNIT_ASSERT_NOT_NULL(test, slow);
	debra_test_need_cpus(test, 2);
	dom = debra_test_domain(test);
	mark = debra_test_marks(test, dom, 1);
	slow->dom = dom;
	init_completion(&slow->begun);
	init_completion(&slow->go);
	/* Runs before the marks' barrier, which would wait for the callback. */
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_slow_end, slow));
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(1), DEBRA_TEST_TASK,
						  debra_test_slow_retire, slow));
	KUNIT_ASSERT_TRUE(test, debra_test_wait(({
		debra_expedite(dom);
		completion_done(&slow->begun);
	})));
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(0), DEBRA_TEST_TASK,
						  debra_test_mark_retire_fn, mark));
	called = debra_test_wait(debra_test_calls(mark, 1) == 1);
	complete_all(&slow->go);
	KUNIT_EXPECT_TRUE(test, called);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, mark, 1);
}

static struct kunit_case debra_callback_cases[] = {
	KUNIT_CASE(debra_test_callback_may_sleep),
	KUNIT_CASE(debra_test_callback_retires),
	KUNIT_CASE(debra_test_callback_frees),
	KUNIT_CASE(debra_test_slow_callback),
	{}
};

static struct kunit_suite debra_callback_suite = {
	.name = "debra_callback",
	.test_cases = debra_callback_cases,
};

kunit_test_suite(debra_callback_suite);

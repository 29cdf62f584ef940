// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: pins, and interrupts on top of them.
 */
#include <kunit/resource.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "debra_test_util.h"

/* preempt_count() holds 255, and lockdep remembers 48 for a task. */
#define DEBRA_TEST_DEEP		(IS_ENABLED(CONFIG_LOCKDEP) ? 32 : 200)
#define DEBRA_TEST_DEPTHS	8
#define DEBRA_TEST_STORM_MS	1000

static void debra_test_pin_nests(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	unsigned int depth, wrong = 0, count = preempt_count(), inside = 0;
	unsigned long nest;
	bool pinned;

	for (depth = 1; depth <= DEBRA_TEST_DEEP; depth++) {
		debra_pin(dom);
		wrong += debra_test_nest(dom, smp_processor_id()) != depth;
		wrong += !debra_pinned(dom);
	}
	inside = preempt_count();
	for (; depth > 1; depth--) {
		wrong += debra_test_nest(dom, smp_processor_id()) != depth - 1;
		wrong += !debra_pinned(dom);
		debra_unpin(dom);
	}
	preempt_disable();
	nest = debra_test_word(dom, smp_processor_id());
	pinned = debra_pinned(dom);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, inside, count + DEBRA_TEST_DEEP);
	KUNIT_EXPECT_EQ(test, preempt_count(), count);
	KUNIT_EXPECT_EQ(test, nest, 0);
	KUNIT_EXPECT_FALSE(test, pinned);
	debra_test_expect_quiet(test, dom);
}

static void debra_test_pin_announces_epoch(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	unsigned long before, announced, after;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		before = debra_epoch(dom);
		debra_pin(dom);
		announced = debra_test_announced(dom, smp_processor_id());
		after = debra_epoch(dom);
		debra_unpin(dom);
		KUNIT_EXPECT_GE(test, before, DEBRA_EPOCH_FIRST);
		KUNIT_EXPECT_GE(test, announced, before);
		KUNIT_EXPECT_LE(test, announced, after);
		KUNIT_EXPECT_EQ(test, debra_synchronize(dom), 0);
		KUNIT_EXPECT_GE(test, debra_epoch(dom), after + 1);
	}
}

/* A nested pin keeps what the outermost one has announced. */
static void debra_test_nested_pin_keeps_epoch(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_holder *holder;
	unsigned long first, second;
	bool moved, deeper;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	first = debra_test_announced(dom, holder->cpu);
	moved = debra_test_push_to(dom, first + 1);
	deeper = debra_test_hold(holder, 3);
	second = debra_test_announced(dom, holder->cpu);
	KUNIT_EXPECT_TRUE(test, debra_test_release(holder));
	KUNIT_EXPECT_TRUE(test, moved);
	KUNIT_EXPECT_TRUE(test, deeper);
	KUNIT_EXPECT_EQ(test, first, second);
	debra_test_expect_quiet(test, dom);
}

static void debra_test_pin_two_domains(struct kunit *test)
{
	struct debra_domain *a = debra_test_domain(test);
	struct debra_domain *b = debra_test_domain(test);
	unsigned int count = preempt_count(), inside;
	bool only_a, both, only_b, none;

	debra_pin(a);
	only_a = debra_pinned(a) && !debra_pinned(b);
	debra_pin(b);
	both = debra_pinned(a) && debra_pinned(b);
	inside = preempt_count();
	/* Not as they were nested: domains know nothing of each other. */
	debra_unpin(a);
	only_b = !debra_pinned(a) && debra_pinned(b);
	debra_unpin(b);
	none = !debra_pinned(a) && !debra_pinned(b);
	KUNIT_EXPECT_TRUE(test, only_a);
	KUNIT_EXPECT_TRUE(test, both);
	KUNIT_EXPECT_TRUE(test, only_b);
	KUNIT_EXPECT_TRUE(test, none);
	KUNIT_EXPECT_EQ(test, inside, count + 2);
	KUNIT_EXPECT_EQ(test, preempt_count(), count);
	debra_test_expect_quiet(test, a);
	debra_test_expect_quiet(test, b);
}

struct debra_test_pinned_look {
	struct debra_domain *dom;
	bool pinned;
};

static void debra_test_pinned_look_fn(void *data)
{
	struct debra_test_pinned_look *look = data;

	look->pinned = debra_pinned(look->dom);
}

static void debra_test_pinned_is_of_this_cpu(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_pinned_look here = { .dom = dom }, there = { .dom = dom };
	struct debra_test_holder *holder;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	smp_call_function_single(debra_test_cpu(0), debra_test_pinned_look_fn, &here, 1);
	smp_call_function_single(debra_test_cpu(1), debra_test_pinned_look_fn, &there, 1);
	KUNIT_EXPECT_TRUE(test, debra_test_release(holder));
	KUNIT_EXPECT_FALSE(test, here.pinned);
	KUNIT_EXPECT_TRUE(test, there.pinned);
}

struct debra_test_cell {
	struct debra_head head;
	int value;
};

struct debra_test_root {
	struct debra_test_cell __debra *cell;
};

static void debra_test_dereference(struct kunit *test)
{
	struct debra_test_root root = { };
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_cell *cell = kunit_kzalloc(test, sizeof(*cell), GFP_KERNEL);
	struct debra_test_cell *seen;
	int value;

	KUNIT_ASSERT_NOT_NULL(test, cell);
	cell->value = 42;
	debra_assign_pointer(root.cell, cell);
	debra_pin(dom);
	seen = debra_dereference(dom, root.cell);
	value = seen->value;
	debra_unpin(dom);
	KUNIT_EXPECT_PTR_EQ(test, seen, cell);
	KUNIT_EXPECT_EQ(test, value, 42);
	KUNIT_EXPECT_PTR_EQ(test, debra_dereference_protected(root.cell, true), cell);
	debra_assign_pointer(root.cell, NULL);
}

/* ---------------------------------------------------------------- one interrupt */

KUNIT_ARRAY_PARAM(debra_test_interrupt, debra_test_interrupts, debra_test_context_desc);

/**
 * struct debra_test_nesting - an interrupt on top of pins
 * @dom: the domain
 * @mark: what the interrupt retires
 * @depth: how many pins there are below
 * @context: where it ran
 * @wrong: how often something was not as it should be
 */
struct debra_test_nesting {
	struct debra_domain *dom;
	struct debra_test_mark *mark;
	unsigned int depth;
	enum debra_test_context context;
	unsigned int wrong;
};

static void debra_test_nesting_fn(void *data)
{
	struct debra_test_nesting *n = data;
	unsigned int cpu = smp_processor_id();

	n->context = debra_test_in_context();
	n->wrong += debra_test_nest(n->dom, cpu) != n->depth;
	n->wrong += debra_pinned(n->dom) != !!n->depth;
	debra_pin(n->dom);
	debra_test_mark_retire(n->mark);
	debra_pin(n->dom);
	n->wrong += debra_test_nest(n->dom, cpu) != n->depth + 2;
	debra_unpin(n->dom);
	debra_unpin(n->dom);
	n->wrong += debra_test_nest(n->dom, cpu) != n->depth;
}

/* As deep as asked, one interrupt, and back. Return: whether the interrupt came. */
static bool debra_test_interrupt_at(struct debra_test_nesting *n, enum debra_test_context context)
{
	unsigned long word;
	unsigned int i;
	bool came;

	preempt_disable();
	for (i = 0; i < n->depth; i++)
		debra_pin(n->dom);
	word = debra_test_word(n->dom, smp_processor_id());
	came = debra_test_interrupt(context, debra_test_nesting_fn, n);
	n->wrong += debra_test_word(n->dom, smp_processor_id()) != word;
	for (i = 0; i < n->depth; i++)
		debra_unpin(n->dom);
	n->wrong += debra_test_word(n->dom, smp_processor_id()) != 0;
	preempt_enable();
	return came;
}

static void debra_test_interrupt_at_every_depth(struct kunit *test)
{
	enum debra_test_context context = *(const enum debra_test_context *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, DEBRA_TEST_DEPTHS + 1);
	struct debra_test_nesting n = { .dom = dom };

	debra_test_use_interrupts(test);
	for (n.depth = 0; n.depth <= DEBRA_TEST_DEPTHS; n.depth++) {
		n.mark = &marks[n.depth];
		n.context = DEBRA_TEST_NR_CONTEXTS;
		KUNIT_ASSERT_TRUE(test, debra_test_interrupt_at(&n, context));
		KUNIT_EXPECT_EQ(test, n.context, context);
		KUNIT_EXPECT_EQ_MSG(test, n.wrong, 0, "%u deep", n.depth);
	}
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, DEBRA_TEST_DEPTHS + 1);
	debra_test_expect_quiet(test, dom);
}

/* ---------------------------------------------------------------- storms */

#define DEBRA_TEST_STORM_MARKS	4096

/**
 * struct debra_test_pinning - what a storm does: pin and retire, everywhere
 * @dom: the domain
 * @free: marks that are not retired, by their place
 * @marks: the marks
 * @retired: how many were retired
 * @wrong: how often an interrupted pin was not as the interrupt had found it
 */
struct debra_test_pinning {
	struct debra_domain *dom;
	unsigned long free[BITS_TO_LONGS(DEBRA_TEST_STORM_MARKS)];
	struct debra_test_mark *marks;
	atomic_long_t retired;
	atomic_long_t wrong;
};

/* Each mark once: what is retired was nobody else's. */
static struct debra_test_mark *debra_test_pinning_get(struct debra_test_pinning *p)
{
	unsigned int nr = debra_test_random(DEBRA_TEST_STORM_MARKS);

	return test_and_clear_bit(nr, p->free) ? &p->marks[nr] : NULL;
}

static void debra_test_pinning_fn(void *data)
{
	struct debra_test_pinning *p = data;
	unsigned int i, depth = 1 + debra_test_random(3);
	struct debra_test_mark *mark;
	unsigned long before, after;
	bool wrong;

	preempt_disable();
	before = debra_test_word(p->dom, smp_processor_id());
	for (i = 0; i < depth; i++)
		debra_pin(p->dom);
	wrong = debra_test_nest(p->dom, smp_processor_id()) != (before & DEBRA_DEPTH_MASK) + depth;
	mark = debra_test_pinning_get(p);
	if (mark)
		debra_test_mark_retire(mark);
	for (i = 0; i < depth; i++)
		debra_unpin(p->dom);
	after = debra_test_word(p->dom, smp_processor_id());
	preempt_enable();
	atomic_long_add(!!mark, &p->retired);
	atomic_long_add(wrong || after != before, &p->wrong);
}

/* Marks whose callback has run may be retired again. */
static void debra_test_pinning_reuse(struct debra_test_pinning *p, atomic_t *seen)
{
	unsigned int i;

	for (i = 0; i < DEBRA_TEST_STORM_MARKS; i++) {
		if (test_bit(i, p->free) ||
		    atomic_read(&p->marks[i].calls) == atomic_read(&seen[i]))
			continue;
		atomic_set(&seen[i], atomic_read(&p->marks[i].calls));
		/* The callback's end before the mark's next use. */
		smp_mb__before_atomic();
		set_bit(i, p->free);
	}
}

static void debra_test_pinning_storm(struct kunit *test, unsigned long contexts)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_pinning *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	atomic_t *seen = kunit_kcalloc(test, DEBRA_TEST_STORM_MARKS, sizeof(*seen), GFP_KERNEL);
	unsigned long end = jiffies + msecs_to_jiffies(DEBRA_TEST_STORM_MS);
	struct debra_test_storm *storm;
	unsigned int i, early = 0;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, seen);
	p->dom = dom;
	p->marks = debra_test_marks(test, dom, DEBRA_TEST_STORM_MARKS);
	bitmap_fill(p->free, DEBRA_TEST_STORM_MARKS);
	storm = debra_test_storm(test, contexts, debra_test_pinning_fn, p);
	while (time_before(jiffies, end)) {
		debra_test_push_for(dom, 5);
		debra_test_pinning_reuse(p, seen);
	}
	debra_test_storm_stop(test, storm);
	for (i = 0; i < DEBRA_TEST_NR_CONTEXTS; i++) {
		if (contexts & BIT(i))
			KUNIT_EXPECT_GT_MSG(test, debra_test_storm_count(storm, i), 0,
					    "nothing ran in %s", debra_test_context_name[i]);
	}
	debra_test_expect_quiet(test, dom);
	KUNIT_EXPECT_TRUE(test, debra_test_drained(dom));
	for (i = 0; i < DEBRA_TEST_STORM_MARKS; i++)
		early += atomic_read(&p->marks[i].early);
	KUNIT_EXPECT_EQ_MSG(test, early, 0, "so many callbacks ran too early");
	KUNIT_EXPECT_GT(test, atomic_long_read(&p->retired), 0);
	KUNIT_EXPECT_EQ(test, debra_test_calls(p->marks, DEBRA_TEST_STORM_MARKS),
			atomic_long_read(&p->retired));
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&p->wrong), 0,
			    "so often an interrupt changed the pin that it interrupted");
}

/* Tasks and one kind of interrupt, and all of them at once. */
static void debra_test_storm_of_one_kind(struct kunit *test)
{
	enum debra_test_context context = *(const enum debra_test_context *)test->param_value;

	debra_test_pinning_storm(test, BIT(DEBRA_TEST_TASK) | BIT(context));
}

static void debra_test_storm_of_all_kinds(struct kunit *test)
{
	debra_test_pinning_storm(test, DEBRA_TEST_STORM_ALL);
}

/* Nobody but interrupts: no pin of a task ever covers theirs. */
static void debra_test_storm_of_interrupts(struct kunit *test)
{
	debra_test_pinning_storm(test, DEBRA_TEST_STORM_ALL & ~BIT(DEBRA_TEST_TASK));
}

static struct kunit_case debra_pin_cases[] = {
	KUNIT_CASE(debra_test_pin_nests),
	KUNIT_CASE(debra_test_pin_announces_epoch),
	KUNIT_CASE(debra_test_nested_pin_keeps_epoch),
	KUNIT_CASE(debra_test_pin_two_domains),
	KUNIT_CASE(debra_test_pinned_is_of_this_cpu),
	KUNIT_CASE(debra_test_dereference),
	KUNIT_CASE_PARAM(debra_test_interrupt_at_every_depth, debra_test_interrupt_gen_params),
	KUNIT_CASE_PARAM(debra_test_storm_of_one_kind, debra_test_interrupt_gen_params),
	KUNIT_CASE(debra_test_storm_of_interrupts),
	KUNIT_CASE(debra_test_storm_of_all_kinds),
	{}
};

static struct kunit_suite debra_pin_suite = {
	.name = "debra_pin",
	.test_cases = debra_pin_cases,
};

kunit_test_suite(debra_pin_suite);

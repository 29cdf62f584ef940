// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: every form of retirement, from every context.
 */
#include <kunit/resource.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "debra_test_util.h"

#define DEBRA_TEST_FORM_NR	50	/* objects of each form, context and pin */
#define DEBRA_TEST_MANY		DEBRA_TEST_SCALED(30000)	/* objects of each CPU */
#define DEBRA_TEST_BURST	DEBRA_TEST_SCALED(20000)	/* more than spare blocks hold */

struct debra_test_object {
	unsigned long payload[3];
	struct debra_head head;
	unsigned long more[3];
};

enum debra_test_form {
	DEBRA_TEST_CALL,
	DEBRA_TEST_KFREE,
	DEBRA_TEST_CACHE_FREE,
	DEBRA_TEST_NR_FORMS
};

static const char * const debra_test_form_name[DEBRA_TEST_NR_FORMS] = {
	[DEBRA_TEST_CALL] = "debra_call",
	[DEBRA_TEST_KFREE] = "debra_kfree",
	[DEBRA_TEST_CACHE_FREE] = "debra_cache_free",
};

/**
 * struct debra_test_around - what there is around a retirement
 * @name: for people
 * @pins: it is inside so many pins
 * @irqs_off: interrupts are off
 */
struct debra_test_around {
	const char *name;
	unsigned int pins;
	bool irqs_off;
};

static const struct debra_test_around debra_test_arounds[] = {
	{ "" },
	{ ", pinned", 1 },
	{ ", pinned twice", 2 },
	{ ", irqs off", 0, true },
};

/**
 * struct debra_test_how - a way of retiring
 * @form: which function
 * @context: from where
 * @around: inside what
 */
struct debra_test_how {
	enum debra_test_form form;
	enum debra_test_context context;
	const struct debra_test_around *around;
};

#define DEBRA_TEST_NR_HOWS \
	(DEBRA_TEST_NR_FORMS * DEBRA_TEST_NR_CONTEXTS * ARRAY_SIZE(debra_test_arounds))

/* All combinations, numbered. */
static struct debra_test_how debra_test_how_nr(unsigned int nr)
{
	struct debra_test_how how;

	how.around = &debra_test_arounds[nr % ARRAY_SIZE(debra_test_arounds)];
	nr /= ARRAY_SIZE(debra_test_arounds);
	how.context = nr % DEBRA_TEST_NR_CONTEXTS;
	how.form = nr / DEBRA_TEST_NR_CONTEXTS;
	return how;
}

/* The parameter is the number, plus 1 to be different from NULL. */
static const void *debra_test_how_gen_params(const void *prev, char *desc)
{
	unsigned long nr = (unsigned long)prev;
	struct debra_test_how how;

	if (nr >= DEBRA_TEST_NR_HOWS)
		return NULL;
	how = debra_test_how_nr(nr);
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s in %s%s", debra_test_form_name[how.form],
		 debra_test_context_name[how.context], how.around->name);
	return (void *)(nr + 1);
}

struct debra_test_forming {
	struct debra_test_how how;
	struct debra_domain *dom;
	struct kmem_cache *cache;
	struct debra_test_mark *marks;
	struct debra_test_object *object[DEBRA_TEST_FORM_NR];
	enum debra_test_context context;
};

static void debra_test_form_one(struct debra_test_forming *f, unsigned int i)
{
	switch (f->how.form) {
	case DEBRA_TEST_CALL:
		debra_test_mark_retire(&f->marks[i]);
		break;
	case DEBRA_TEST_KFREE:
		debra_kfree(f->dom, f->object[i], head);
		break;
	case DEBRA_TEST_CACHE_FREE:
		debra_cache_free(f->dom, f->cache, f->object[i], head);
		break;
	default:
		break;
	}
}

static void debra_test_form_fn(void *data)
{
	struct debra_test_forming *f = data;
	unsigned long flags = 0;
	unsigned int i;

	f->context = debra_test_in_context();
	if (f->how.around->irqs_off)
		local_irq_save(flags);
	for (i = 0; i < f->how.around->pins; i++)
		debra_pin(f->dom);
	for (i = 0; i < DEBRA_TEST_FORM_NR; i++)
		debra_test_form_one(f, i);
	for (i = 0; i < f->how.around->pins; i++)
		debra_unpin(f->dom);
	if (f->how.around->irqs_off)
		local_irq_restore(flags);
}

static void debra_test_cache_end(void *data)
{
	/* Complains about objects that are left. */
	kmem_cache_destroy(data);
}

static struct kmem_cache *debra_test_cache(struct kunit *test)
{
	struct kmem_cache *cache;

	/* A cache of its own: one that is shared would not miss an object. */
	cache = kmem_cache_create("debra-test", sizeof(struct debra_test_object), 0,
				  SLAB_NO_MERGE, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_cache_end, cache));
	return cache;
}

static void debra_test_form_prepare(struct kunit *test, struct debra_test_forming *f)
{
	unsigned int i;

	f->marks = debra_test_marks(test, f->dom, DEBRA_TEST_FORM_NR);
	if (f->how.form == DEBRA_TEST_CALL)
		return;
	for (i = 0; i < DEBRA_TEST_FORM_NR; i++) {
		if (f->how.form == DEBRA_TEST_KFREE)
			f->object[i] = kmalloc(sizeof(*f->object[i]), GFP_KERNEL);
		else
			f->object[i] = kmem_cache_alloc(f->cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, f->object[i]);
	}
}

static void debra_test_retire_form(struct kunit *test)
{
	struct debra_test_forming *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct debra_test_files *files = debra_test_files(test);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->how = debra_test_how_nr((unsigned long)test->param_value - 1);
	f->cache = debra_test_cache(test);
	f->dom = debra_test_domain(test);
	debra_test_use_interrupts(test);
	debra_test_form_prepare(test, f);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(num_online_cpus() - 1),
						  f->how.context, debra_test_form_fn, f));
	KUNIT_EXPECT_EQ(test, f->context, f->how.context);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, f->dom, "bad_retire"), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, f->dom, "double_retire"), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(f->dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, f->dom, "retired"), DEBRA_TEST_FORM_NR);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, f->dom, "freed"), DEBRA_TEST_FORM_NR);
	KUNIT_EXPECT_EQ(test, debra_garbage(f->dom), 0);
	if (f->how.form == DEBRA_TEST_CALL) {
		KUNIT_EXPECT_EQ(test, debra_test_stat(files, f->dom, "callbacks"),
				DEBRA_TEST_FORM_NR);
		debra_test_expect_called_once(test, f->marks, DEBRA_TEST_FORM_NR);
	} else {
		KUNIT_EXPECT_EQ(test, debra_test_stat(files, f->dom, "callbacks"), 0);
	}
	debra_test_expect_quiet(test, f->dom);
	kunit_release_action(test, debra_test_cache_end, f->cache);
}

static void debra_test_kfree_mightsleep(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;
	void *object;

	for (i = 0; i < DEBRA_TEST_FORM_NR; i++) {
		/* Of several sizes, the smallest smaller than a head. */
		object = kmalloc(8 << (i % 8), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, object);
		debra_kfree_mightsleep(dom, object);
	}
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), DEBRA_TEST_FORM_NR);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "freed"), DEBRA_TEST_FORM_NR);
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
}

/* The form without a head from a cache: nothing is left in it after a barrier. */
static void debra_test_kfree_mightsleep_from_cache(struct kunit *test)
{
	struct kmem_cache *cache = debra_test_cache(test);
	struct debra_domain *dom = debra_test_domain(test);
	unsigned int i;
	void *object;

	for (i = 0; i < 1000; i++) {
		object = kmem_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, object);
		debra_kfree_mightsleep(dom, object);
	}
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
	kunit_release_action(test, debra_test_cache_end, cache);
}

/* The head at its farthest from the start of the object. */
static void debra_test_kfree_far_head(struct kunit *test)
{
	struct debra_test_far {
		char bytes[DEBRA_KFREE_MAX_OFFSET - sizeof(void *)];
		struct debra_head head;
	} *far = kmalloc(sizeof(*far), GFP_KERNEL);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);

	KUNIT_ASSERT_NOT_NULL(test, far);
	debra_kfree(dom, far, head);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "freed"), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "callbacks"), 0);
}

/* ---------------------------------------------------------------- many */

struct debra_test_many {
	struct debra_domain *dom;
	struct kmem_cache *cache;
	struct debra_test_mark *marks;
	atomic_t next;
	unsigned int nr;
	atomic_t done;
	atomic_t failed;
};

static void debra_test_many_object(struct debra_test_many *many, unsigned int i)
{
	struct debra_test_object *object;

	if (i % 3 == 0)
		object = kmem_cache_alloc(many->cache, GFP_KERNEL);
	else
		object = kmalloc(sizeof(*object), GFP_KERNEL);
	if (!object)
		atomic_inc(&many->failed);
	else if (i % 3 == 0)
		debra_cache_free(many->dom, many->cache, object, head);
	else if (i % 3 == 1)
		debra_kfree(many->dom, object, head);
	else
		debra_kfree_mightsleep(many->dom, object);
}

static int debra_test_many_fn(void *data)
{
	struct debra_test_many *many = data;
	unsigned int i, first = atomic_fetch_add(many->nr, &many->next);

	for (i = first; i < first + many->nr; i++) {
		debra_test_mark_retire(&many->marks[i]);
		if (i % 4 == 0)
			debra_test_many_object(many, i / 4);
		if (i % 64 == 0)
			cond_resched();
	}
	atomic_inc(&many->done);
	return 0;
}

static void debra_test_retire_many(struct kunit *test)
{
	struct debra_test_many *many = kunit_kzalloc(test, sizeof(*many), GFP_KERNEL);
	unsigned int cpu, cpus = num_online_cpus();
	unsigned int total = DEBRA_TEST_MANY * cpus;
	struct debra_test_files *files = debra_test_files(test);

	KUNIT_ASSERT_NOT_NULL(test, many);
	many->cache = debra_test_cache(test);
	many->dom = debra_test_domain(test);
	many->marks = debra_test_marks(test, many->dom, total);
	many->nr = DEBRA_TEST_MANY;
	for_each_online_cpu(cpu)
		debra_test_thread(test, debra_test_many_fn, many, cpu);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(atomic_read(&many->done) == cpus));
	KUNIT_EXPECT_EQ(test, atomic_read(&many->failed), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(many->dom), 0);
	debra_test_expect_called_once(test, many->marks, total);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, many->dom, "callbacks"), total);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, many->dom, "retired"), total + total / 4);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, many->dom, "freed"), total + total / 4);
}

/* ---------------------------------------------------------------- bursts */

struct debra_test_burst {
	struct debra_domain *dom;
	struct debra_test_mark *marks;
	struct debra_test_object **object;
	unsigned int nr;
};

static void debra_test_burst_fn(void *data)
{
	struct debra_test_burst *burst = data;
	unsigned int i;

	for (i = 0; i < burst->nr; i++) {
		debra_test_mark_retire(&burst->marks[i]);
		debra_kfree(burst->dom, burst->object[i], head);
	}
}

static void debra_test_burst_objects(struct kunit *test, struct debra_test_burst *burst)
{
	unsigned int i;

	burst->object = kunit_kcalloc(test, burst->nr, sizeof(*burst->object), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, burst->object);
	for (i = 0; i < burst->nr; i++) {
		burst->object[i] = kmalloc(sizeof(*burst->object[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, burst->object[i]);
	}
}

/**
 * struct debra_test_burst_how - a burst
 * @name: for people
 * @context: where it comes from
 * @nr: how many objects of each kind
 * @overflow: the spare blocks cannot be enough, and none can be allocated there
 */
struct debra_test_burst_how {
	const char *name;
	enum debra_test_context context;
	unsigned int nr;
	bool overflow;
};

static const struct debra_test_burst_how debra_test_bursts[] = {
	{ "task", DEBRA_TEST_TASK, DEBRA_TEST_BURST, false },
#ifndef CONFIG_PREEMPT_RT
	{ "softirq", DEBRA_TEST_SOFTIRQ, DEBRA_TEST_BURST / 4, false },
#endif
	{ "hardirq", DEBRA_TEST_HARDIRQ, DEBRA_TEST_BURST / 2, true },
#ifdef CONFIG_X86
	/* With debug objects, it is a worker that puts them into bags. */
	{ "nmi", DEBRA_TEST_NMI, DEBRA_TEST_BURST / 8, !IS_ENABLED(CONFIG_DEBUG_OBJECTS) },
#endif
};

KUNIT_ARRAY_PARAM_DESC(debra_test_burst_how, debra_test_bursts, name);

/*
 * While a pin is held nothing can be freed, so that all of it piles up; where the
 * allocator may not be asked, most of it has to hang on its own heads.
 */
static void debra_test_burst_under_pin(struct kunit *test)
{
	const struct debra_test_burst_how *how = test->param_value;
	struct debra_test_burst *burst = kunit_kzalloc(test, sizeof(*burst), GFP_KERNEL);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned int early;
	long overflow;
	bool ran;

	KUNIT_ASSERT_NOT_NULL(test, burst);
	debra_test_need_cpus(test, 2);
	burst->dom = debra_test_domain(test);
	burst->nr = how->nr;
	burst->marks = debra_test_marks(test, burst->dom, how->nr);
	debra_test_burst_objects(test, burst);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, burst->dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	ran = debra_test_run_on(debra_test_cpu(0), how->context, debra_test_burst_fn, burst);
	debra_test_push_for(burst->dom, 5);
	early = debra_test_calls(burst->marks, how->nr);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_ASSERT_TRUE(test, ran);
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(burst->dom), 0);
	debra_test_expect_called_once(test, burst->marks, how->nr);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, burst->dom, "retired"), 2 * how->nr);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, burst->dom, "freed"), 2 * how->nr);
	overflow = debra_test_stat(files, burst->dom, "overflow");
	KUNIT_EXPECT_GE(test, overflow, 0);
	if (how->overflow)
		KUNIT_EXPECT_GT(test, overflow, 0);
}

static void debra_test_retire_scraps(struct kunit *test, struct debra_domain *dom, unsigned int nr)
{
	struct debra_test_object *object;

	while (nr--) {
		object = kmalloc(sizeof(*object), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, object);
		debra_kfree(dom, object, head);
	}
}

/*
 * DEBRA's amortized scan: where there is no hurry and the reclaimer sleeps, who
 * retires ends epochs by himself, given the barriers of somebody's RCU.
 */
static void debra_test_retirements_end_epochs(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	unsigned long end = jiffies + msecs_to_jiffies(DEBRA_TEST_PATIENCE_MS);
	long ended, freed;

	/* Each CPU scans for itself: stay on one. */
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "interval_ms", 10000);
	debra_test_set_param(test, files, "batch", 1048576);
	do {
		debra_test_retire_scraps(test, dom, 64);
		synchronize_rcu();
		ended = debra_test_stat(files, dom, "advances_retire");
		freed = debra_test_stat(files, dom, "freed");
	} while ((ended < 4 || freed < 64) && time_before(jiffies, end));
	KUNIT_EXPECT_GE(test, ended, 4);
	KUNIT_EXPECT_GE(test, freed, 64);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "scans"), ended);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "expedited"), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
}

/* Who retires much need not wait for anybody: full bags make the reclaimer hurry. */
static void debra_test_steady_retirement_frees(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	unsigned long end = jiffies + msecs_to_jiffies(DEBRA_TEST_PATIENCE_MS);
	long freed;

	debra_test_set_param(test, files, "interval_ms", 10000);
	debra_test_set_param(test, files, "batch", 256);
	do {
		debra_test_retire_scraps(test, dom, 512);
		usleep_range(500, 1000);
		freed = debra_test_stat(files, dom, "freed");
	} while (freed < 10000 && time_before(jiffies, end));
	KUNIT_EXPECT_GE(test, freed, 10000);
	KUNIT_EXPECT_GT(test, debra_test_stat(files, dom, "expedited"), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
}

KUNIT_ARRAY_PARAM(debra_test_context, debra_test_contexts, debra_test_context_desc);

static void debra_test_retire_one_fn(void *mark)
{
	debra_test_mark_retire(mark);
}

/* Nobody retires, waits or asks: the reclaimer has to do it all by itself. */
static void debra_test_reclaimer_works_alone(struct kunit *test)
{
	const enum debra_test_context context = *(enum debra_test_context *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 3);
	unsigned int i, cpu;

	debra_test_use_interrupts(test);
	cpu = debra_test_cpu(num_online_cpus() - 1);
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, context, debra_test_retire_one_fn,
							  &marks[i]));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_calls(marks, 3) == 3));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(!debra_garbage(dom)));
	/* And again, after it has gone to rest. */
	msleep(100);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, context, debra_test_retire_one_fn,
						  &marks[0]));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_calls(marks, 3) == 4));
}

/* The domain that is always there works like any other. */
static void debra_test_default_domain(struct kunit *test)
{
	struct debra_test_mark *marks = debra_test_marks(test, &debra_default, 3);
	unsigned int i;
	bool pinned;

	debra_pin(&debra_default);
	pinned = debra_pinned(&debra_default);
	for (i = 0; i < 3; i++)
		debra_test_mark_retire(&marks[i]);
	debra_unpin(&debra_default);
	KUNIT_EXPECT_TRUE(test, pinned);
	KUNIT_EXPECT_STREQ(test, debra_default.name, "debra_default");
	KUNIT_EXPECT_EQ(test, debra_barrier(&debra_default), 0);
	debra_test_expect_called_once(test, marks, 3);
}

static struct kunit_case debra_retire_cases[] = {
	KUNIT_CASE_PARAM(debra_test_retire_form, debra_test_how_gen_params),
	KUNIT_CASE(debra_test_kfree_mightsleep),
	KUNIT_CASE(debra_test_kfree_mightsleep_from_cache),
	KUNIT_CASE(debra_test_kfree_far_head),
	KUNIT_CASE(debra_test_retire_many),
	KUNIT_CASE_PARAM(debra_test_burst_under_pin, debra_test_burst_how_gen_params),
	KUNIT_CASE(debra_test_retirements_end_epochs),
	KUNIT_CASE(debra_test_steady_retirement_frees),
	KUNIT_CASE_PARAM(debra_test_reclaimer_works_alone, debra_test_context_gen_params),
	KUNIT_CASE(debra_test_default_domain),
	{}
};

static struct kunit_suite debra_retire_suite = {
	.name = "debra_retire",
	.test_cases = debra_retire_cases,
};

kunit_test_suite(debra_retire_suite);

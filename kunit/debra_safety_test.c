// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: nothing is freed while a pin that could see it lives.
 *
 * The deterministic tests hold a pin, retire what it can see and do all that
 * could end epochs. The torture test lets readers in every context follow shared
 * slots while updaters replace what is there, and looks for objects that ripened
 * under a reader's hands, as rcutorture does.
 *
 * With CONFIG_DEBRA_BUSTED these tests fail. They must not crash then: objects
 * are never given back to the allocator, their callbacks only mark them.
 */
#include <kunit/resource.h>
#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "debra_test_util.h"

#define DEBRA_TEST_MARKS	200

KUNIT_ARRAY_PARAM(debra_test_context, debra_test_contexts, debra_test_context_desc);

/* ---------------------------------------------------------------- a held pin */

struct debra_test_waiter {
	struct debra_domain *dom;
	int (*wait)(struct debra_domain *dom);
	int err;
	bool begun;
	bool done;
};

static int debra_test_waiter_fn(void *data)
{
	struct debra_test_waiter *waiter = data;

	WRITE_ONCE(waiter->begun, true);
	waiter->err = waiter->wait(waiter->dom);
	/* Pairs with the acquire in debra_test_waiter_done(). */
	smp_store_release(&waiter->done, true);
	return 0;
}

static bool debra_test_waiter_done(struct debra_test_waiter *waiter)
{
	/* Pairs with the release in debra_test_waiter_fn(). */
	return smp_load_acquire(&waiter->done);
}

static struct debra_test_waiter *debra_test_waiter(struct kunit *test, struct debra_domain *dom,
						   int (*wait)(struct debra_domain *dom))
{
	struct debra_test_waiter *waiter = kunit_kzalloc(test, sizeof(*waiter), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, waiter);
	waiter->dom = dom;
	waiter->wait = wait;
	debra_test_thread(test, debra_test_waiter_fn, waiter, debra_test_cpu(0));
	KUNIT_ASSERT_TRUE(test, debra_test_wait(READ_ONCE(waiter->begun)));
	return waiter;
}

/* What is done to make a domain free too early. */
struct debra_test_force {
	const char *name;
	bool file;
	bool barrier;
};

static const struct debra_test_force debra_test_forces[] = {
	{ .name = "expedite" },
	{ .name = "advance file", .file = true },
	{ .name = "barrier beside it", .barrier = true },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_force, debra_test_forces, name);

static void debra_test_retire_on(struct kunit *test, unsigned int cpu,
				 struct debra_test_mark *marks, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK,
							  debra_test_mark_retire_fn, &marks[i]));
}

static void debra_test_held_pin_blocks_callbacks(struct kunit *test)
{
	const struct debra_test_force *force = test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 3);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned int i, early;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_retire_on(test, debra_test_cpu(0), marks, 3);
	if (force->barrier)
		debra_test_waiter(test, dom, debra_barrier);
	for (i = 0; i < 10; i++) {
		if (force->file)
			KUNIT_EXPECT_EQ(test, debra_test_domain_write(files, dom, "advance", "1"),
					1);
		debra_test_push_for(dom, DEBRA_TEST_WATCH_MS / 10);
	}
	early = debra_test_calls(marks, 3);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ_MSG(test, early, 0, "callbacks ran while a pin that saw them was held");
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 3);
}

struct debra_test_look {
	struct debra_test_mark *mark;
	int calls;
};

static void debra_test_look_fn(void *data)
{
	struct debra_test_look *look = data;

	look->calls = atomic_read(&look->mark->calls);
}

/*
 * The file does not return before the worker of the pinned CPU could run, so this
 * pin has to end by itself, and itself looks at the object before it does.
 */
static void debra_test_held_pin_blocks_drain(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_look *look = kunit_kzalloc(test, sizeof(*look), GFP_KERNEL);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned int held;

	KUNIT_ASSERT_NOT_NULL(test, look);
	look->mark = marks;
	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	/* So that there is something on that CPU that its worker has to look at. */
	debra_test_set_param(test, files, "interval_ms", 10000);
	debra_test_retire_on(test, debra_test_cpu(1), &marks[1], 1);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	holder->ms = 500;
	holder->farewell = debra_test_look_fn;
	holder->arg = look;
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_retire_on(test, debra_test_cpu(0), marks, 1);
	debra_test_push_to(dom, debra_test_announced(dom, holder->cpu) + 1);
	held = READ_ONCE(holder->held);
	KUNIT_EXPECT_EQ(test, debra_test_domain_write(files, dom, "drain", "1"), 1);
	KUNIT_EXPECT_EQ_MSG(test, READ_ONCE(holder->held), 0, "it has not waited for that CPU");
	KUNIT_EXPECT_TRUE(test, debra_test_release(holder));
	KUNIT_EXPECT_EQ_MSG(test, held, 1, "the pin was not held long enough");
	KUNIT_EXPECT_EQ_MSG(test, look->calls, 0, "a callback ran under a pin that saw it");
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 2);
}

static void debra_test_held_pin_in_context(struct kunit *test)
{
	enum debra_test_context context = *(const enum debra_test_context *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_holder *holder;
	unsigned int early;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), context);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_retire_on(test, debra_test_cpu(0), marks, 1);
	debra_test_push_for(dom, DEBRA_TEST_WATCH_MS);
	early = debra_test_calls(marks, 1);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ_MSG(test, early, 0, "a callback ran under a pin in %s",
			    debra_test_context_name[context]);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1);
}

/* Only the outermost unpin ends a section. */
static void debra_test_nested_pin_protects(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_holder *holder;
	unsigned int depth, early = 0;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 4));
	debra_test_retire_on(test, debra_test_cpu(0), marks, 1);
	for (depth = 4; depth; depth--) {
		KUNIT_EXPECT_TRUE(test, debra_test_hold(holder, depth));
		debra_test_push_for(dom, DEBRA_TEST_WATCH_MS / 4);
		early += debra_test_calls(marks, 1);
	}
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1);
}

/* The pin announces an epoch; that one may end under it, the next one not. */
static void debra_test_epoch_ends_once_under_pin(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_holder *holder;
	unsigned long announced, epoch;
	bool moved;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	announced = debra_test_announced(dom, holder->cpu);
	moved = debra_test_push_to(dom, announced + 1);
	debra_test_push_for(dom, DEBRA_TEST_WATCH_MS);
	epoch = debra_epoch(dom);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_GE(test, announced, holder->epoch);
	KUNIT_EXPECT_TRUE(test, moved);
	KUNIT_EXPECT_EQ(test, epoch, announced + 1);
	KUNIT_EXPECT_TRUE(test, debra_test_push_to(dom, announced + 4));
}

/* Pins on two CPUs; the object goes when the last of them has ended. */
static void debra_test_last_pin_frees(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_holder *holder[2];
	unsigned int i, early = 0;

	debra_test_need_cpus(test, 3);
	debra_test_use_interrupts(test);
	for (i = 0; i < 2; i++)
		holder[i] = debra_test_holder(test, dom, debra_test_cpu(i + 1), DEBRA_TEST_TASK);
	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_TRUE(test, debra_test_hold(holder[i], 1));
	debra_test_retire_on(test, debra_test_cpu(0), marks, 1);
	for (i = 0; i < 2; i++) {
		debra_test_push_for(dom, DEBRA_TEST_WATCH_MS / 2);
		early += debra_test_calls(marks, 1);
		KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder[i]),
				      "the pin was not held long enough");
	}
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1);
}

/* Objects for kfree() have no callback to mark them: look at the books. */
static void debra_test_held_pin_blocks_kfree(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	struct debra_test_mark *mark;
	unsigned long garbage;
	unsigned int i;
	long freed;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	for (i = 0; i < DEBRA_TEST_MARKS; i++) {
		mark = kmalloc(sizeof(*mark), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, mark);
		debra_kfree(dom, mark, head);
	}
	debra_test_push_for(dom, DEBRA_TEST_WATCH_MS);
	freed = debra_test_stat(files, dom, "freed");
	garbage = debra_garbage(dom);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, freed, 0);
	KUNIT_EXPECT_EQ(test, garbage, DEBRA_TEST_MARKS);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "freed"), DEBRA_TEST_MARKS);
}

static const struct debra_test_waits {
	const char *name;
	int (*wait)(struct debra_domain *dom);
} debra_test_waits[] = {
	{ "debra_synchronize", debra_synchronize },
	{ "debra_barrier", debra_barrier },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_waits, debra_test_waits, name);

/* Neither synchronize nor barrier returns while a pin from before is held. */
static void debra_test_pin_delays_waiter(struct kunit *test)
{
	const struct debra_test_waits *waits = test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_holder *holder;
	struct debra_test_waiter *waiter;
	bool early;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	waiter = debra_test_waiter(test, dom, waits->wait);
	debra_test_push_for(dom, DEBRA_TEST_WATCH_MS);
	early = debra_test_waiter_done(waiter);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_FALSE_MSG(test, early, "%s returned under the pin", waits->name);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(debra_test_waiter_done(waiter)));
	KUNIT_EXPECT_EQ(test, waiter->err, 0);
}

/* ---------------------------------------------------------------- stamps */

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

/* Whatever the context: no callback before the third epoch after the retirement. */
static void debra_test_callback_waits_three_epochs(struct kunit *test)
{
	enum debra_test_context context = *(const enum debra_test_context *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, DEBRA_TEST_MARKS);
	struct debra_test_batch batch = { .nr = DEBRA_TEST_MARKS / 10 };
	unsigned int i, cpu;

	debra_test_use_interrupts(test);
	for (i = 0; i < 10; i++) {
		batch.marks = marks + i * batch.nr;
		cpu = debra_test_cpu(i % num_online_cpus());
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, context, debra_test_retire_batch,
							  &batch));
		debra_expedite(dom);
		usleep_range(500, 1000);
	}
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, DEBRA_TEST_MARKS);
}

/* ---------------------------------------------------------------- torture */

#define DEBRA_TEST_SLOTS	4
#define DEBRA_TEST_ELEMENTS	256	/* for each CPU */
#define DEBRA_TEST_PIPE		5	/* grace periods until an element is used again */
#define DEBRA_TEST_TORTURE_MS	4000
#define DEBRA_TEST_LIVE		0x6c697665UL
#define DEBRA_TEST_POISON	0x6b6b6b6bUL

/**
 * struct debra_test_element - what readers look at
 * @head: the head
 * @next: link on the list of those that are not in use
 * @magic: whether it is live
 * @use: how often it was put to use, to see it change under a reader
 * @pipe: 0 while it is reachable; then how many grace periods ago it was
 *	unlinked, plus 1: a reader must never see more than 1
 * @torture: the test
 */
struct debra_test_element {
	struct debra_head head;
	struct debra_test_element *next;
	unsigned long magic;
	unsigned long use;
	unsigned int pipe;
	struct debra_test_torture *torture;
};

struct debra_test_torture {
	struct debra_domain *dom;
	struct debra_test_element __debra *slot[DEBRA_TEST_SLOTS];
	spinlock_t lock;	/* of slot for writing, and of unused */
	struct debra_test_element *unused;
	struct debra_test_element *elements;
	unsigned int nr;
	atomic_long_t reads;
	atomic_long_t updates;
	atomic_long_t ripe;	/* a grace period ended under a reader */
	atomic_long_t poisoned;	/* a reader met what is not live */
	atomic_long_t reused;	/* an element changed its identity under a reader */
	atomic_long_t early;	/* a callback ran before the third epoch */
};

static struct debra_test_element *debra_test_element_get(struct debra_test_torture *torture)
{
	struct debra_test_element *element = torture->unused;

	if (!element)
		return NULL;
	torture->unused = element->next;
	WRITE_ONCE(element->use, element->use + 1);
	WRITE_ONCE(element->pipe, 0);
	WRITE_ONCE(element->magic, DEBRA_TEST_LIVE);
	return element;
}

/* As in rcutorture: an element goes through several grace periods, then is used again. */
static void debra_test_element_ripen(struct debra_head *head)
{
	struct debra_test_element *element = container_of(head, struct debra_test_element, head);
	struct debra_test_torture *torture = element->torture;
	unsigned int pipe = READ_ONCE(element->pipe) + 1;

	WRITE_ONCE(element->pipe, pipe);
	if (pipe <= DEBRA_TEST_PIPE) {
		debra_call(torture->dom, head, debra_test_element_ripen);
		return;
	}
	WRITE_ONCE(element->magic, DEBRA_TEST_POISON);
	spin_lock_bh(&torture->lock);
	element->next = torture->unused;
	torture->unused = element;
	spin_unlock_bh(&torture->lock);
}

static bool debra_test_torture_replace(struct debra_test_torture *torture, unsigned int nr)
{
	struct debra_test_element *new, *old;

	spin_lock_bh(&torture->lock);
	old = debra_dereference_protected(torture->slot[nr], lockdep_is_held(&torture->lock));
	new = debra_test_element_get(torture);
	if (new)
		debra_assign_pointer(torture->slot[nr], new);
	spin_unlock_bh(&torture->lock);
	if (!new)
		return false;
	if (!old)
		return true;
	WRITE_ONCE(old->pipe, 1);
	debra_call(torture->dom, &old->head, debra_test_element_ripen);
	return true;
}

/* Where one may stay: mostly not at all, at times for a while, in a task longer. */
static void debra_test_dwell(void)
{
	u32 dice = debra_test_random(64);

	if (dice < 8)
		udelay(dice * 2);
	else if (dice == 8)
		udelay(debra_test_in_context() == DEBRA_TEST_TASK ? 1000 : 50);
}

static void debra_test_torture_judge(struct debra_test_torture *torture,
				     struct debra_test_element *element, unsigned long use)
{
	if (READ_ONCE(element->pipe) > 1)
		atomic_long_inc(&torture->ripe);
	if (READ_ONCE(element->magic) != DEBRA_TEST_LIVE)
		atomic_long_inc(&torture->poisoned);
	if (READ_ONCE(element->use) != use)
		atomic_long_inc(&torture->reused);
}

static void debra_test_torture_read(void *data)
{
	struct debra_test_torture *torture = data;
	struct debra_test_element *element;
	unsigned int nr = debra_test_random(DEBRA_TEST_SLOTS);
	unsigned long use;

	debra_pin(torture->dom);
	element = debra_dereference(torture->dom, torture->slot[nr]);
	use = READ_ONCE(element->use);
	debra_test_torture_judge(torture, element, use);
	debra_test_dwell();
	debra_test_torture_judge(torture, element, use);
	debra_unpin(torture->dom);
	atomic_long_inc(&torture->reads);
}

static int debra_test_torture_update_fn(void *data)
{
	struct debra_test_torture *torture = data;

	while (!kthread_should_stop()) {
		if (debra_test_torture_replace(torture, debra_test_random(DEBRA_TEST_SLOTS)))
			atomic_long_inc(&torture->updates);
		else
			usleep_range(100, 200);
		cond_resched();
	}
	return 0;
}

static void debra_test_torture_free(void *data)
{
	struct debra_test_torture *torture = data;

	vfree(torture->elements);
	kfree(torture);
}

static void debra_test_torture_drain(void *data)
{
	struct debra_test_torture *torture = data;

	debra_test_drained(torture->dom);
}

static struct debra_test_torture *debra_test_torture_new(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_torture *torture = kzalloc(sizeof(*torture), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, torture);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_torture_free,
							   torture));
	torture->dom = dom;
	spin_lock_init(&torture->lock);
	torture->nr = DEBRA_TEST_ELEMENTS * num_online_cpus();
	torture->elements = vzalloc(array_size(torture->nr, sizeof(*torture->elements)));
	KUNIT_ASSERT_NOT_NULL(test, torture->elements);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_torture_drain,
							   torture));
	for (i = 0; i < torture->nr; i++) {
		torture->elements[i].torture = torture;
		torture->elements[i].next = torture->unused;
		torture->unused = &torture->elements[i];
	}
	for (i = 0; i < DEBRA_TEST_SLOTS; i++)
		debra_test_torture_replace(torture, i);
	return torture;
}

static unsigned int debra_test_torture_unused(struct debra_test_torture *torture)
{
	struct debra_test_element *element;
	unsigned int nr = 0;

	for (element = torture->unused; element; element = element->next)
		nr++;
	return nr;
}

static void debra_test_torture_verdict(struct kunit *test, struct debra_test_torture *torture)
{
	kunit_info(test, "%ld reads, %ld updates, %lu epochs", atomic_long_read(&torture->reads),
		   atomic_long_read(&torture->updates), debra_epoch(torture->dom));
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&torture->ripe), 0,
			    "so often an element's grace period ended under a reader");
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&torture->poisoned), 0,
			    "so often a reader saw poison");
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&torture->reused), 0,
			    "so often an element was used again under a reader");
	KUNIT_EXPECT_TRUE(test, debra_test_drained(torture->dom));
	KUNIT_EXPECT_EQ_MSG(test, debra_test_torture_unused(torture),
			    torture->nr - DEBRA_TEST_SLOTS, "elements were lost");
	/* Enough to have seen something: each element must have gone round. */
	KUNIT_EXPECT_GT(test, atomic_long_read(&torture->updates), torture->nr);
	KUNIT_EXPECT_GT(test, atomic_long_read(&torture->reads), torture->nr);
	debra_test_expect_quiet(test, torture->dom);
}

static void debra_test_torture(struct kunit *test)
{
	struct debra_test_torture *torture = debra_test_torture_new(test);
	struct debra_test_storm *storm;
	struct task_struct *updater[2];
	unsigned int i;

	debra_test_need_cpus(test, 2);
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL, debra_test_torture_read, torture);
	for (i = 0; i < ARRAY_SIZE(updater); i++)
		updater[i] = debra_test_thread(test, debra_test_torture_update_fn, torture,
					       DEBRA_TEST_ANY_CPU);
	debra_test_push_for(torture->dom, DEBRA_TEST_TORTURE_MS);
	for (i = 0; i < ARRAY_SIZE(updater); i++)
		debra_test_thread_stop(test, updater[i]);
	debra_test_storm_stop(test, storm);
	for (i = 0; i < DEBRA_TEST_NR_CONTEXTS; i++)
		KUNIT_EXPECT_GT_MSG(test, debra_test_storm_count(storm, i), 0,
				    "no reader ran in %s", debra_test_context_name[i]);
	debra_test_torture_verdict(test, torture);
}

#ifdef CONFIG_HOTPLUG_CPU
/* What a CPU leaves behind when it goes is no less protected. */
static int debra_test_torture_reader_fn(void *data)
{
	while (!kthread_should_stop()) {
		debra_test_torture_read(data);
		cond_resched();
	}
	return 0;
}

static void debra_test_torture_hotplug(struct kunit *test)
{
	struct debra_test_torture *torture = debra_test_torture_new(test);
	struct task_struct *thread[6];
	unsigned int cpu = debra_test_victim(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(thread); i++)
		thread[i] = debra_test_thread(test, i % 2 ? debra_test_torture_update_fn :
					      debra_test_torture_reader_fn, torture,
					      DEBRA_TEST_ANY_CPU);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, 0, remove_cpu(cpu));
		debra_test_push_for(torture->dom, 100);
		KUNIT_EXPECT_EQ(test, 0, add_cpu(cpu));
		debra_test_push_for(torture->dom, 300);
	}
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		debra_test_thread_stop(test, thread[i]);
	debra_test_torture_verdict(test, torture);
}
#endif

static struct kunit_case debra_safety_cases[] = {
	KUNIT_CASE_PARAM(debra_test_held_pin_blocks_callbacks, debra_test_force_gen_params),
	KUNIT_CASE(debra_test_held_pin_blocks_drain),
	KUNIT_CASE_PARAM(debra_test_held_pin_in_context, debra_test_context_gen_params),
	KUNIT_CASE(debra_test_nested_pin_protects),
	KUNIT_CASE(debra_test_epoch_ends_once_under_pin),
	KUNIT_CASE(debra_test_last_pin_frees),
	KUNIT_CASE(debra_test_held_pin_blocks_kfree),
	KUNIT_CASE_PARAM(debra_test_pin_delays_waiter, debra_test_waits_gen_params),
	KUNIT_CASE_PARAM(debra_test_callback_waits_three_epochs, debra_test_context_gen_params),
	KUNIT_CASE_SLOW(debra_test_torture),
#ifdef CONFIG_HOTPLUG_CPU
	KUNIT_CASE_SLOW(debra_test_torture_hotplug),
#endif
	{}
};

static struct kunit_suite debra_safety_suite = {
	.name = "debra_safety",
	.test_cases = debra_safety_cases,
};

kunit_test_suite(debra_safety_suite);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: domains, marks and threads.
 */
#include <kunit/resource.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "debra_test_util.h"

#define DEBRA_TEST_MAGIC	0x6465627261UL

DEFINE_PER_CPU(u64, debra_test_salt);

static void debra_test_domain_end(void *data)
{
	struct debra_domain *dom = data;
	int err = debra_domain_destroy(dom);

	/* A test that failed may leave it in use; then its memory has to stay. */
	if (err)
		pr_err("debra-test: destroying %s: %d\n", dom->name, err);
}

/**
 * debra_test_domain() - a fresh domain, destroyed after the test
 * @test: the test
 *
 * Return: the domain.
 */
struct debra_domain *debra_test_domain(struct kunit *test)
{
	static atomic_t serial = ATOMIC_INIT(0);
	struct debra_domain *dom;
	char name[DEBRA_NAME_MAX];

	snprintf(name, sizeof(name), "kunit-%d", atomic_inc_return(&serial));
	dom = debra_domain_create(name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dom);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_domain_end, dom));
	return dom;
}

/**
 * debra_test_need_cpus() - fail clearly where there are too few CPUs
 * @test: the test
 * @nr: how many it needs
 */
void debra_test_need_cpus(struct kunit *test, unsigned int nr)
{
	KUNIT_ASSERT_GE_MSG(test, num_online_cpus(), nr,
			    "this test needs %u CPUs: run it with -smp 4", nr);
}

/**
 * debra_test_cpu() - the n-th CPU that is online
 * @nth: counted from 0
 *
 * Return: its number.
 */
unsigned int debra_test_cpu(unsigned int nth)
{
	unsigned int cpu = cpumask_first(cpu_online_mask);

	while (nth--)
		cpu = cpumask_next(cpu, cpu_online_mask);
	return cpu;
}

/**
 * debra_test_push_to() - have the epoch reach a number
 * @dom: the domain
 * @epoch: the number
 *
 * Return: whether it got there.
 */
bool debra_test_push_to(struct debra_domain *dom, unsigned long epoch)
{
	return debra_test_wait(({
		debra_expedite(dom);
		debra_epoch(dom) >= epoch;
	}));
}

/**
 * debra_test_push_for() - do for a while what makes epochs end and objects go
 * @dom: the domain
 * @ms: how long
 */
void debra_test_push_for(struct debra_domain *dom, unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	do {
		debra_expedite(dom);
		usleep_range(1000, 2000);
	} while (time_before(jiffies, end));
}

/**
 * debra_test_drained() - wait until a domain that nobody uses is empty
 * @dom: the domain
 *
 * Objects that their callbacks retire again need a barrier each time.
 *
 * Return: whether it got empty.
 */
bool debra_test_drained(struct debra_domain *dom)
{
	return debra_test_wait(debra_barrier(dom) || !debra_garbage(dom)) && !debra_garbage(dom);
}

/**
 * debra_test_pace() - for threads that retire without end
 * @dom: where
 *
 * Several of them leave the workers that call callbacks no time; without a limit
 * of their own, the backlog would grow for as long as the test runs.
 */
void debra_test_pace(struct debra_domain *dom)
{
	if (debra_garbage(dom) > DEBRA_TEST_SCALED(20000))
		usleep_range(500, 1000);
	cond_resched();
}

/**
 * debra_test_expect_quiet() - no CPU pins, and the epoch moves
 * @test: the test
 * @dom: a domain that nobody uses any more
 */
void debra_test_expect_quiet(struct kunit *test, struct debra_domain *dom)
{
	unsigned long epoch = debra_epoch(dom);
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_EQ_MSG(test, debra_test_word(dom, cpu), 0,
				    "CPU %u announces epoch %lu, %lu deep", cpu,
				    debra_test_announced(dom, cpu), debra_test_nest(dom, cpu));
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_push_to(dom, epoch + DEBRA_TEST_GRACE),
			      "the epoch stays at %lu", debra_epoch(dom));
}

/* ---------------------------------------------------------------- marks */

void debra_test_mark_init(struct debra_test_mark *mark, struct debra_domain *dom)
{
	memset(mark, 0, sizeof(*mark));
	mark->magic = DEBRA_TEST_MAGIC;
	mark->dom = dom;
}

static void debra_test_vfree(void *data)
{
	vfree(data);
}

/*
 * Marks that are still in limbo when the test is over must not be freed under the
 * reclaimer. Ends before the domain does, since it was made later.
 */
static void debra_test_marks_end(void *data)
{
	debra_test_drained(data);
}

/**
 * debra_test_marks() - marks for objects of one domain
 * @test: the test
 * @dom: the domain
 * @nr: how many
 *
 * Return: an array of them.
 */
struct debra_test_mark *debra_test_marks(struct kunit *test, struct debra_domain *dom,
					 unsigned int nr)
{
	struct debra_test_mark *marks = vzalloc(array_size(nr, sizeof(*marks)));
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, marks);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_vfree, marks));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_marks_end, dom));
	for (i = 0; i < nr; i++)
		debra_test_mark_init(&marks[i], dom);
	return marks;
}

void debra_test_mark_callback(struct debra_head *head)
{
	struct debra_test_mark *mark = container_of(head, struct debra_test_mark, head);
	unsigned long epoch = debra_epoch(mark->dom);

	if (mark->magic != DEBRA_TEST_MAGIC ||
	    epoch < READ_ONCE(mark->stamp) + DEBRA_TEST_GRACE)
		atomic_inc(&mark->early);
	WRITE_ONCE(mark->called, epoch);
	/* What was noted above is visible to who sees the call counted. */
	smp_mb__before_atomic();
	atomic_inc(&mark->calls);
}

void debra_test_mark_retire(struct debra_test_mark *mark)
{
	WRITE_ONCE(mark->stamp, debra_epoch(mark->dom));
	debra_call(mark->dom, &mark->head, debra_test_mark_callback);
}

void debra_test_mark_retire_fn(void *mark)
{
	debra_test_mark_retire(mark);
}

unsigned int debra_test_calls(struct debra_test_mark *marks, unsigned int nr)
{
	unsigned int i, calls = 0;

	for (i = 0; i < nr; i++)
		calls += atomic_read(&marks[i].calls);
	return calls;
}

/**
 * debra_test_expect_called_once() - after a barrier: each exactly once, none early
 * @test: the test
 * @marks: the marks
 * @nr: how many
 */
void debra_test_expect_called_once(struct kunit *test, struct debra_test_mark *marks,
				   unsigned int nr)
{
	unsigned int i, never = 0, often = 0, early = 0;

	for (i = 0; i < nr; i++) {
		never += !atomic_read(&marks[i].calls);
		often += atomic_read(&marks[i].calls) > 1;
		early += !!atomic_read(&marks[i].early);
	}
	KUNIT_EXPECT_EQ_MSG(test, never, 0, "of %u callbacks, so many did not run", nr);
	KUNIT_EXPECT_EQ_MSG(test, often, 0, "of %u callbacks, so many ran more than once", nr);
	KUNIT_EXPECT_EQ_MSG(test, early, 0, "of %u callbacks, so many ran too early", nr);
}

/* ---------------------------------------------------------------- threads */

static void debra_test_thread_end(void *data)
{
	struct task_struct *task = data;

	kthread_stop(task);
	put_task_struct(task);
}

/**
 * debra_test_thread() - start a thread, to be stopped after the test
 * @test: the test
 * @fn: what it runs; it may return before it is stopped
 * @arg: its argument
 * @cpu: where it stays, or DEBRA_TEST_ANY_CPU
 *
 * Return: the thread, for debra_test_thread_stop().
 */
struct task_struct *debra_test_thread(struct kunit *test, debra_test_thread_fn fn, void *arg,
				      int cpu)
{
	struct task_struct *task = kthread_create(fn, arg, "debra-test/%d", cpu);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	if (cpu != DEBRA_TEST_ANY_CPU)
		kthread_bind(task, cpu);
	get_task_struct(task);
	wake_up_process(task);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_thread_end, task));
	return task;
}

void debra_test_thread_stop(struct kunit *test, struct task_struct *task)
{
	kunit_release_action(test, debra_test_thread_end, task);
}

#ifdef CONFIG_HOTPLUG_CPU
static void debra_test_add_cpu(void *cpu)
{
	add_cpu((unsigned long)cpu);
}

/**
 * debra_test_victim() - the CPU that will go; the test itself stays on another one
 * @test: the test; it is skipped if there is only one CPU
 *
 * Return: its number; it is online again after the test.
 */
unsigned int debra_test_victim(struct kunit *test)
{
	unsigned long cpu;

	debra_test_need_cpus(test, 2);
	cpu = debra_test_cpu(num_online_cpus() - 1);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_add_cpu,
							   (void *)cpu));
	return cpu;
}

static int debra_test_blink_fn(void *data)
{
	struct debra_test_blink *blink = data;

	while (!kthread_should_stop() && !blink->err) {
		blink->err = remove_cpu(blink->cpu) ?: add_cpu(blink->cpu);
		WRITE_ONCE(blink->rounds, blink->rounds + 1);
		usleep_range(1000, 2000);
	}
	while (!kthread_should_stop())
		usleep_range(500, 1000);
	return 0;
}

/**
 * debra_test_blink() - let a CPU come and go, the last one, until the end of the test
 * @test: the test; it is skipped if there is only one CPU
 *
 * Return: who does it.
 */
struct debra_test_blink *debra_test_blink(struct kunit *test)
{
	struct debra_test_blink *blink = kunit_kzalloc(test, sizeof(*blink), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, blink);
	blink->cpu = debra_test_victim(test);
	blink->task = debra_test_thread(test, debra_test_blink_fn, blink, DEBRA_TEST_ANY_CPU);
	return blink;
}

/**
 * debra_test_blink_stop() - the CPU stays, and has come and gone some times
 * @test: the test
 * @blink: from debra_test_blink()
 */
void debra_test_blink_stop(struct kunit *test, struct debra_test_blink *blink)
{
	debra_test_thread_stop(test, blink->task);
	KUNIT_EXPECT_EQ(test, blink->err, 0);
	KUNIT_EXPECT_GE(test, blink->rounds, 3);
}
#endif

MODULE_DESCRIPTION("KUnit tests of debra");
MODULE_LICENSE("GPL");

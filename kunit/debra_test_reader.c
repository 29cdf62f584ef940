// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: readers that hold a guard, pressure on memory, waiters.
 */
#include <kunit/resource.h>
#include <linux/irqflags.h>
#include <linux/kmsg_dump.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debra_test_reader.h"

#define DEBRA_TEST_BATCH	64
/* No reader spins for longer: less than what RCU and hung tasks complain about. */
#define DEBRA_TEST_SPIN_MS	(2ULL * DEBRA_TEST_PATIENCE_MS + 5000)
#define DEBRA_TEST_PRESS	(DEBRA_TEST_BATCH + 32)	/* more than a batch */

const char * const debra_test_stall_name[DEBRA_TEST_NR_STALLS] = {
	[DEBRA_TEST_SPIN] = "spinning, not preemptible",
	[DEBRA_TEST_SLEEP] = "asleep",
	[DEBRA_TEST_RUN] = "running, preemptible",
};

/* ---------------------------------------------------------------- steps */

static bool debra_test_step_enter(struct debra_test_reader *r)
{
	if (r->stall == DEBRA_TEST_SPIN)
		debra_guard_enter(r->dom, &r->guard);
	else
		debra_guard_enter_sleepable(r->dom, &r->guard);
	WRITE_ONCE(r->inside, true);
	return true;
}

static bool debra_test_step_hop(struct debra_test_reader *r)
{
	return debra_guard_protect(&r->guard, r->slot, r->p);
}

static bool debra_test_step_clear(struct debra_test_reader *r)
{
	debra_guard_clear(&r->guard, r->slot);
	return true;
}

static bool debra_test_step_restart(struct debra_test_reader *r)
{
	debra_guard_restart(&r->guard);
	return true;
}

static bool debra_test_step_mask(struct debra_test_reader *r)
{
	return debra_guard_mask(&r->guard);
}

static bool debra_test_step_unmask(struct debra_test_reader *r)
{
	debra_guard_unmask(&r->guard);
	return true;
}

static bool debra_test_step_exit(struct debra_test_reader *r)
{
	if (irqs_disabled())
		local_irq_enable();
	WRITE_ONCE(r->inside, false);
	debra_guard_exit(&r->guard);
	return true;
}

static bool debra_test_step_irqs_off(struct debra_test_reader *r)
{
	local_irq_disable();
	return true;
}

static bool debra_test_step_irqs_on(struct debra_test_reader *r)
{
	local_irq_enable();
	return true;
}

/* ---------------------------------------------------------------- the thread */

static bool debra_test_reader_asked(struct debra_test_reader *r)
{
	/* Pairs with the release in debra_test_do(). */
	return smp_load_acquire(&r->asked) != r->done;
}

static bool debra_test_reader_quits(struct debra_test_reader *r)
{
	return r->inside && READ_ONCE(r->quit);
}

static void debra_test_reader_stall(struct debra_test_reader *r)
{
	if (!r->inside || r->stall == DEBRA_TEST_SLEEP)
		wait_event_interruptible(r->queue,
					 debra_test_reader_asked(r) || kthread_should_stop() ||
					 debra_test_reader_quits(r));
	else
		cpu_relax();
}

static void debra_test_reader_step(struct debra_test_reader *r)
{
	r->result = !r->overran && r->step(r);
	/* Pairs with the acquire in debra_test_do(). */
	smp_store_release(&r->done, r->done + 1);
}

static bool debra_test_reader_is_late(struct debra_test_reader *r, u64 end)
{
	return r->inside && r->stall == DEBRA_TEST_SPIN && ktime_get_mono_fast_ns() > end;
}

static int debra_test_reader_fn(void *data)
{
	struct debra_test_reader *r = data;
	u64 end = 0;

	while (!kthread_should_stop()) {
		debra_test_reader_stall(r);
		if (debra_test_reader_asked(r)) {
			debra_test_reader_step(r);
			end = ktime_get_mono_fast_ns() + DEBRA_TEST_SPIN_MS * NSEC_PER_MSEC;
		} else if (debra_test_reader_quits(r) || debra_test_reader_is_late(r, end)) {
			WRITE_ONCE(r->overran, true);
			debra_test_step_exit(r);
		}
	}
	if (r->inside)
		debra_test_step_exit(r);
	return 0;
}

/* Of the test that runs; only its thread adds and removes. */
static LIST_HEAD(debra_test_readers);

static void debra_test_reader_forget(void *data)
{
	struct debra_test_reader *r = data;

	list_del(&r->list);
}

/* Before a thread is stopped that may wait for one of them. */
static void debra_test_readers_quit(void *unused)
{
	struct debra_test_reader *r;

	list_for_each_entry(r, &debra_test_readers, list) {
		WRITE_ONCE(r->quit, true);
		wake_up(&r->queue);
	}
}

/**
 * debra_test_reader() - start a reader
 * @test: the test
 * @dom: the domain
 * @stall: how it stalls
 * @cpu: where, or DEBRA_TEST_ANY_CPU
 *
 * Return: the reader, outside of a guard.
 */
struct debra_test_reader *debra_test_reader(struct kunit *test, struct debra_domain *dom,
					    enum debra_test_stall stall, int cpu)
{
	struct debra_test_reader *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->dom = dom;
	r->stall = stall;
	init_waitqueue_head(&r->queue);
	list_add(&r->list, &debra_test_readers);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_reader_forget, r));
	r->task = debra_test_thread(test, debra_test_reader_fn, r, cpu);
	return r;
}

void debra_test_reader_stop(struct kunit *test, struct debra_test_reader *r)
{
	debra_test_thread_stop(test, r->task);
}

/**
 * debra_test_do() - have a reader do a step
 * @r: the reader
 * @step: the step
 *
 * Return: what the step returned; -ETIMEDOUT if it was not done.
 */
int debra_test_do(struct debra_test_reader *r, debra_test_step_fn step)
{
	unsigned long number = r->asked + 1;

	r->step = step;
	/* Pairs with the acquire in debra_test_reader_asked(). */
	smp_store_release(&r->asked, number);
	wake_up(&r->queue);
	/* Pairs with the release in debra_test_reader_step(). */
	if (!debra_test_wait(smp_load_acquire(&r->done) == number) || READ_ONCE(r->overran))
		return -ETIMEDOUT;
	return r->result;
}

int debra_test_enter(struct debra_test_reader *r)
{
	return debra_test_do(r, debra_test_step_enter);
}

int debra_test_hop(struct debra_test_reader *r, unsigned int slot, const void *p)
{
	r->slot = slot;
	r->p = p;
	return debra_test_do(r, debra_test_step_hop);
}

int debra_test_clear(struct debra_test_reader *r, unsigned int slot)
{
	r->slot = slot;
	return debra_test_do(r, debra_test_step_clear);
}

int debra_test_restart(struct debra_test_reader *r)
{
	return debra_test_do(r, debra_test_step_restart);
}

int debra_test_mask(struct debra_test_reader *r)
{
	return debra_test_do(r, debra_test_step_mask);
}

int debra_test_unmask(struct debra_test_reader *r)
{
	return debra_test_do(r, debra_test_step_unmask);
}

int debra_test_exit(struct debra_test_reader *r)
{
	return debra_test_do(r, debra_test_step_exit);
}

/* Only for a reader that spins. */
int debra_test_irqs(struct debra_test_reader *r, bool on)
{
	return debra_test_do(r, on ? debra_test_step_irqs_on : debra_test_step_irqs_off);
}

/* ---------------------------------------------------------------- pressure */

/**
 * debra_test_impatient() - parameters with which guards are aborted at once
 * @test: the test
 *
 * As soon as memory presses, that is: see debra_test_press(). Without that they are
 * left alone for ever, and nobody is reported as stalled.
 *
 * Return: from debra_test_files().
 */
struct debra_test_files *debra_test_impatient(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);

	debra_test_set_param(test, files, "guard_ms", 0);
	debra_test_set_param(test, files, "stall_ms", 600000);
	debra_test_set_param(test, files, "batch", DEBRA_TEST_BATCH);
	debra_test_set_param(test, files, "ipi_rate", 0);
	return files;
}

struct debra_test_scrap {
	struct debra_head head;
	unsigned long payload;
};

/**
 * debra_test_press() - retire more than a batch
 * @dom: where
 */
void debra_test_press(struct debra_domain *dom)
{
	struct debra_test_scrap *scrap;
	unsigned int i;

	for (i = 0; i < DEBRA_TEST_PRESS; i++) {
		scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
		if (scrap)
			debra_kfree(dom, scrap, head);
	}
}

void debra_test_press_for(struct debra_domain *dom, unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	do {
		debra_test_press(dom);
		usleep_range(1000, 2000);
	} while (time_before(jiffies, end));
}

/* ---------------------------------------------------------------- objects */

DEFINE_DEBRA_TYPE(debra_test_mark_type, struct debra_test_mark, head, debra_test_mark_callback);

void debra_test_mark_retire_typed(struct debra_test_mark *mark)
{
	WRITE_ONCE(mark->stamp, debra_epoch(mark->dom));
	debra_retire(mark->dom, &mark->head, &debra_test_mark_type);
}

void debra_test_retire_typed(struct debra_test_mark *marks, unsigned int nr)
{
	while (nr--)
		debra_test_mark_retire_typed(marks++);
}

/* ---------------------------------------------------------------- waiters */

static int debra_test_pending_fn(void *data)
{
	struct debra_test_pending *pending = data;

	WRITE_ONCE(pending->begun, true);
	pending->err = pending->wait(pending->dom);
	/* Pairs with the acquire in debra_test_pending_done(). */
	smp_store_release(&pending->done, true);
	return 0;
}

bool debra_test_pending_done(struct debra_test_pending *pending)
{
	/* Pairs with the release in debra_test_pending_fn(). */
	return smp_load_acquire(&pending->done);
}

/**
 * debra_test_pending() - have a thread wait for a domain
 * @test: the test
 * @dom: the domain
 * @wait: how
 *
 * Return: what tells about it.
 */
struct debra_test_pending *debra_test_pending(struct kunit *test, struct debra_domain *dom,
					      debra_test_wait_fn wait)
{
	struct debra_test_pending *pending = kunit_kzalloc(test, sizeof(*pending), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pending);
	pending->dom = dom;
	pending->wait = wait;
	debra_test_thread(test, debra_test_pending_fn, pending, debra_test_cpu(0));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_readers_quit, NULL));
	KUNIT_ASSERT_TRUE(test, debra_test_wait(READ_ONCE(pending->begun)));
	return pending;
}

/**
 * debra_test_logged_with() - is there a line in the kernel's log?
 * @text: with this in it
 * @more: and this
 *
 * Return: true if so.
 */
bool debra_test_logged_with(const char *text, const char *more)
{
	struct kmsg_dump_iter iter;
	static char line[400];
	bool found = false;
	size_t len;

	kmsg_dump_rewind(&iter);
	while (!found && kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1, &len)) {
		line[len] = '\0';
		found = strstr(line, text) && strstr(line, more);
	}
	return found;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: running a function in a given context, and holding a pin there.
 *
 * Newer kernels have kunit/run-in-irq-context.h, which runs one function in task,
 * softirq and hardirq at once and counts failures. Here a test also needs one
 * precise interrupt, on top of a given line of a task, and NMIs; so this is our
 * own, and debra_test_storm.c does what that header does.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#ifdef CONFIG_X86
#include <asm/apic.h>
#include <asm/nmi.h>
#endif

#include "debra_test_util.h"

const char * const debra_test_context_name[DEBRA_TEST_NR_CONTEXTS] = {
	[DEBRA_TEST_TASK] = "task",
#ifndef CONFIG_PREEMPT_RT
	[DEBRA_TEST_SOFTIRQ] = "softirq",
#endif
	[DEBRA_TEST_HARDIRQ] = "hardirq",
#ifdef CONFIG_X86
	[DEBRA_TEST_NMI] = "nmi",
#endif
};

const enum debra_test_context debra_test_contexts[DEBRA_TEST_NR_CONTEXTS] = {
	DEBRA_TEST_TASK,
#ifndef CONFIG_PREEMPT_RT
	DEBRA_TEST_SOFTIRQ,
#endif
	DEBRA_TEST_HARDIRQ,
#ifdef CONFIG_X86
	DEBRA_TEST_NMI,
#endif
};

/**
 * struct debra_test_shot - one call of a function in an interrupt of this CPU
 * @soft: timer that expires in softirq
 * @hard: timer that expires in hardirq
 * @fn: the function; NULL if none is asked for
 * @arg: its argument
 * @done: it has returned
 */
struct debra_test_shot {
	struct hrtimer soft;
	struct hrtimer hard;
	debra_test_fn fn;
	void *arg;
	bool done;
};

static DEFINE_PER_CPU(struct debra_test_shot, debra_test_shots);

enum debra_test_context debra_test_in_context(void)
{
#ifdef CONFIG_X86
	if (in_nmi())
		return DEBRA_TEST_NMI;
#endif
	if (in_hardirq())
		return DEBRA_TEST_HARDIRQ;
#ifndef CONFIG_PREEMPT_RT
	if (in_serving_softirq())
		return DEBRA_TEST_SOFTIRQ;
#endif
	return DEBRA_TEST_TASK;
}

static bool debra_test_fire(struct debra_test_shot *shot)
{
	debra_test_fn fn = READ_ONCE(shot->fn);

	if (!fn)
		return false;
	WRITE_ONCE(shot->fn, NULL);
	fn(shot->arg);
	/* Pairs with the acquire in debra_test_shot_wait(). */
	smp_store_release(&shot->done, true);
	return true;
}

static enum hrtimer_restart debra_test_timer_fn(struct hrtimer *timer)
{
	debra_test_fire(this_cpu_ptr(&debra_test_shots));
	return HRTIMER_NORESTART;
}

#ifdef CONFIG_X86
static int debra_test_nmi_fn(unsigned int cmd, struct pt_regs *regs)
{
	return debra_test_fire(this_cpu_ptr(&debra_test_shots)) ? NMI_HANDLED : NMI_DONE;
}

/**
 * debra_test_send_nmi() - interrupt a CPU with an NMI
 * @cpu: the CPU
 *
 * Return: false if this kernel has no local APIC to do so.
 */
bool debra_test_send_nmi(unsigned int cpu)
{
	apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
	return true;
}

static void debra_test_nmi_end(void *unused)
{
	unregister_nmi_handler(NMI_LOCAL, "debra-test");
}

static void debra_test_use_nmi(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, register_nmi_handler(NMI_LOCAL, debra_test_nmi_fn, 0,
						      "debra-test"));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_nmi_end, NULL));
}
#else
bool debra_test_send_nmi(unsigned int cpu)
{
	return false;
}

static void debra_test_use_nmi(struct kunit *test)
{
}
#endif

/**
 * debra_test_use_interrupts() - to be called once by a test that interrupts CPUs
 * @test: the test; its thread stays on the first CPU from here on, which leaves
 *	the others to holders: these let nobody else run
 */
void debra_test_use_interrupts(struct kunit *test)
{
	struct debra_test_shot *shot;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		shot = per_cpu_ptr(&debra_test_shots, cpu);
		memset(shot, 0, sizeof(*shot));
		debra_test_timer_init(&shot->soft, debra_test_timer_fn,
				      HRTIMER_MODE_REL_PINNED_SOFT);
		debra_test_timer_init(&shot->hard, debra_test_timer_fn,
				      HRTIMER_MODE_REL_PINNED_HARD);
	}
	debra_test_use_nmi(test);
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(debra_test_cpu(0))));
}

static void debra_test_shoot(struct debra_test_shot *shot, enum debra_test_context context)
{
	switch (context) {
#ifndef CONFIG_PREEMPT_RT
	case DEBRA_TEST_SOFTIRQ:
		hrtimer_start(&shot->soft, 0, HRTIMER_MODE_REL_PINNED_SOFT);
		break;
#endif
	case DEBRA_TEST_HARDIRQ:
		hrtimer_start(&shot->hard, 0, HRTIMER_MODE_REL_PINNED_HARD);
		break;
#ifdef CONFIG_X86
	case DEBRA_TEST_NMI:
		debra_test_send_nmi(smp_processor_id());
		break;
#endif
	default:
		debra_test_fire(shot);
		break;
	}
}

/*
 * A softirq that was left to ksoftirqd cannot run while we spin with preemption
 * off, unless we make room for it.
 */
static void debra_test_let_softirqs(enum debra_test_context context)
{
#ifndef CONFIG_PREEMPT_RT
	if (context == DEBRA_TEST_SOFTIRQ) {
		local_bh_disable();
		local_bh_enable();
	}
#endif
}

static bool debra_test_shot_wait(struct debra_test_shot *shot, enum debra_test_context context)
{
	u64 end = ktime_get_mono_fast_ns() + (u64)DEBRA_TEST_PATIENCE_MS * NSEC_PER_MSEC;

	while (!smp_load_acquire(&shot->done)) {	/* pairs with debra_test_fire() */
		if (ktime_get_mono_fast_ns() > end)
			return false;
		debra_test_let_softirqs(context);
		cpu_relax();
	}
	return true;
}

/**
 * debra_test_interrupt() - interrupt oneself
 * @context: by what
 * @fn: what to run there
 * @arg: its argument
 *
 * Context: task with preemption off, interrupts and softirqs on.
 * Return: whether it ran; it has returned then.
 */
bool debra_test_interrupt(enum debra_test_context context, debra_test_fn fn, void *arg)
{
	struct debra_test_shot *shot = this_cpu_ptr(&debra_test_shots);
	bool done;

	WRITE_ONCE(shot->done, false);
	shot->arg = arg;
	/* An interrupt that sees the function has its argument. */
	barrier();
	WRITE_ONCE(shot->fn, fn);
	barrier();
	debra_test_shoot(shot, context);
	done = debra_test_shot_wait(shot, context);
	WRITE_ONCE(shot->fn, NULL);
	return done;
}

struct debra_test_remote {
	enum debra_test_context context;
	debra_test_fn fn;
	void *arg;
};

static int debra_test_remote_fn(void *data)
{
	struct debra_test_remote *remote = data;
	bool done = true;

	if (remote->context == DEBRA_TEST_TASK) {
		remote->fn(remote->arg);
		return 0;
	}
	preempt_disable();
	done = debra_test_interrupt(remote->context, remote->fn, remote->arg);
	preempt_enable();
	return done ? 0 : -ETIMEDOUT;
}

/**
 * debra_test_run_on() - run a function on a CPU, in a context
 * @cpu: the CPU
 * @context: the context; in task context it may sleep
 * @fn: the function
 * @arg: its argument
 *
 * Return: whether it ran; it has returned then.
 */
bool debra_test_run_on(unsigned int cpu, enum debra_test_context context, debra_test_fn fn,
		       void *arg)
{
	struct debra_test_remote remote = { .context = context, .fn = fn, .arg = arg };

	return !smp_call_on_cpu(cpu, debra_test_remote_fn, &remote, false);
}

/* ---------------------------------------------------------------- holders */

static void debra_test_pin_to(struct debra_test_holder *holder, unsigned int *held,
			      unsigned int want)
{
	while (*held < want) {
		debra_pin(holder->dom);
		++*held;
		/* Pairs with the acquire in debra_test_hold(). */
		smp_store_release(&holder->held, *held);
	}
}

static void debra_test_unpin_to(struct debra_test_holder *holder, unsigned int *held,
				unsigned int want)
{
	if (!want && holder->farewell)
		holder->farewell(holder->arg);
	while (*held > want) {
		debra_unpin(holder->dom);
		--*held;
		/* Pairs with the acquire in debra_test_release(). */
		smp_store_release(&holder->held, *held);
	}
}

static void debra_test_hold_fn(void *data)
{
	struct debra_test_holder *holder = data;
	u64 ms = holder->ms ?: DEBRA_TEST_HOLD_MS;
	u64 end = ktime_get_mono_fast_ns() + ms * NSEC_PER_MSEC;
	unsigned int held = 0, want = READ_ONCE(holder->want);

	WRITE_ONCE(holder->epoch, debra_epoch(holder->dom));
	do {
		debra_test_pin_to(holder, &held, want);
		cpu_relax();
		if (ktime_get_mono_fast_ns() > end) {
			WRITE_ONCE(holder->overran, !holder->ms);
			WRITE_ONCE(holder->want, 0);
		}
		want = READ_ONCE(holder->want);
		debra_test_unpin_to(holder, &held, want);
	} while (held);
}

static int debra_test_holder_fn(void *data)
{
	struct debra_test_holder *holder = data;

	while (!kthread_should_stop()) {
		wait_event_interruptible(holder->queue,
					 READ_ONCE(holder->want) || kthread_should_stop());
		if (!READ_ONCE(holder->want))
			continue;
		preempt_disable();
		if (!debra_test_interrupt(holder->context, debra_test_hold_fn, holder)) {
			WRITE_ONCE(holder->failed, true);
			WRITE_ONCE(holder->want, 0);
		}
		preempt_enable();
	}
	return 0;
}

/* Before the thread is stopped, which would wait for the pin to time out. */
static void debra_test_holder_end(void *data)
{
	struct debra_test_holder *holder = data;

	WRITE_ONCE(holder->want, 0);
}

/**
 * debra_test_holder() - somebody who can hold a pin
 * @test: the test, which has called debra_test_use_interrupts()
 * @dom: the domain
 * @cpu: where
 * @context: in what context
 *
 * Return: the holder, who holds nothing yet.
 */
struct debra_test_holder *debra_test_holder(struct kunit *test, struct debra_domain *dom,
					    unsigned int cpu, enum debra_test_context context)
{
	struct debra_test_holder *holder = kunit_kzalloc(test, sizeof(*holder), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, holder);
	holder->dom = dom;
	holder->cpu = cpu;
	holder->context = context;
	init_waitqueue_head(&holder->queue);
	debra_test_thread(test, debra_test_holder_fn, holder, cpu);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_holder_end, holder));
	return holder;
}

/**
 * debra_test_hold() - have a pin begun, or the depth of one changed
 * @holder: who
 * @depth: how many pins it shall hold
 *
 * Return: whether it does now.
 */
bool debra_test_hold(struct debra_test_holder *holder, unsigned int depth)
{
	WRITE_ONCE(holder->want, depth);
	wake_up(&holder->queue);
	/* Pairs with the releases in debra_test_pin_to() and debra_test_unpin_to(). */
	return debra_test_wait(smp_load_acquire(&holder->held) == depth);
}

/**
 * debra_test_release() - have the pin ended
 * @holder: who
 *
 * Return: false if it was ended before, because the test took too long, or had
 * not been held at all: then the test has not seen what it wanted to see.
 */
bool debra_test_release(struct debra_test_holder *holder)
{
	WRITE_ONCE(holder->want, 0);
	/* Pairs with the release in debra_test_unpin_to(). */
	return debra_test_wait(!smp_load_acquire(&holder->held)) &&
	       !READ_ONCE(holder->overran) && !READ_ONCE(holder->failed);
}

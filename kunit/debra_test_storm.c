// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: storms of interrupts.
 *
 * One function runs on every CPU at once and again and again: in threads, in
 * timers in softirq and hardirq, in IPIs from another CPU and in NMIs. Whatever
 * it interrupts, it interrupts at many different instructions.
 */
#include <kunit/resource.h>
#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#ifdef CONFIG_X86
#include <asm/nmi.h>
#endif

#include "debra_test_util.h"

/* Between two interrupts of one kind: leave the interrupted some time. */
#define DEBRA_TEST_STORM_NS	((IS_ENABLED(CONFIG_KASAN) ? 1000 : 200) * NSEC_PER_USEC)
#define DEBRA_TEST_STORM_US_MIN	100
#define DEBRA_TEST_STORM_US_MAX	400

struct debra_test_storm_cpu {
	struct debra_test_storm *storm;
	struct hrtimer soft;
	struct hrtimer hard;
	call_single_data_t csd;
	atomic_long_t ipis_sent;
	atomic_long_t ipis_done;
	atomic_long_t nmis_sent;
	atomic_long_t nmis_done;
};

struct debra_test_storm {
	unsigned long contexts;
	debra_test_storm_fn fn;
	void *arg;
	bool stop;
	struct debra_test_storm_cpu __percpu *cpus;
	struct task_struct *ipi;
	struct task_struct *nmi;
	struct task_struct *task[NR_CPUS];
	atomic_long_t count[DEBRA_TEST_NR_CONTEXTS];
};

/* An NMI handler has no argument: there is one storm at a time. */
static struct debra_test_storm *debra_test_nmi_storm;

static void debra_test_storm_call(struct debra_test_storm *storm)
{
	storm->fn(storm->arg);
	atomic_long_inc(&storm->count[debra_test_in_context()]);
}

long debra_test_storm_count(struct debra_test_storm *storm, enum debra_test_context context)
{
	return atomic_long_read(&storm->count[context]);
}

/* ---------------------------------------------------------------- tasks */

static int debra_test_storm_task_fn(void *data)
{
	struct debra_test_storm *storm = data;

	while (!kthread_should_stop()) {
		debra_test_storm_call(storm);
		cond_resched();
	}
	return 0;
}

/* ---------------------------------------------------------------- timers */

static enum hrtimer_restart debra_test_storm_timer(struct debra_test_storm *storm,
						   struct hrtimer *timer)
{
	u64 ns = DEBRA_TEST_STORM_NS + debra_test_random(DEBRA_TEST_STORM_NS);

	if (READ_ONCE(storm->stop))
		return HRTIMER_NORESTART;
	debra_test_storm_call(storm);
	hrtimer_forward_now(timer, ns_to_ktime(ns));
	return HRTIMER_RESTART;
}

static enum hrtimer_restart debra_test_storm_soft_fn(struct hrtimer *timer)
{
	return debra_test_storm_timer(container_of(timer, struct debra_test_storm_cpu, soft)->storm,
				      timer);
}

static enum hrtimer_restart debra_test_storm_hard_fn(struct hrtimer *timer)
{
	return debra_test_storm_timer(container_of(timer, struct debra_test_storm_cpu, hard)->storm,
				      timer);
}

static void debra_test_storm_start_timers(void *data)
{
	struct debra_test_storm *storm = data;
	struct debra_test_storm_cpu *sc = this_cpu_ptr(storm->cpus);

#ifndef CONFIG_PREEMPT_RT
	if (storm->contexts & BIT(DEBRA_TEST_SOFTIRQ))
		hrtimer_start(&sc->soft, ns_to_ktime(DEBRA_TEST_STORM_NS),
			      HRTIMER_MODE_REL_PINNED_SOFT);
#endif
	if (storm->contexts & BIT(DEBRA_TEST_HARDIRQ))
		hrtimer_start(&sc->hard, ns_to_ktime(DEBRA_TEST_STORM_NS),
			      HRTIMER_MODE_REL_PINNED_HARD);
}

/* ---------------------------------------------------------------- IPIs */

static void debra_test_storm_single_fn(void *data)
{
	struct debra_test_storm_cpu *sc = data;

	if (!READ_ONCE(sc->storm->stop))
		debra_test_storm_call(sc->storm);
	atomic_long_inc(&sc->ipis_done);
}

static void debra_test_storm_many_fn(void *data)
{
	debra_test_storm_call(data);
}

static void debra_test_storm_send_single(struct debra_test_storm *storm)
{
	struct debra_test_storm_cpu *sc;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		sc = per_cpu_ptr(storm->cpus, cpu);
		if (!smp_call_function_single_async(cpu, &sc->csd))
			atomic_long_inc(&sc->ipis_sent);
	}
}

static int debra_test_storm_ipi_fn(void *data)
{
	struct debra_test_storm *storm = data;

	while (!kthread_should_stop()) {
		preempt_disable();
		debra_test_storm_send_single(storm);
		preempt_enable();
		usleep_range(DEBRA_TEST_STORM_US_MIN, DEBRA_TEST_STORM_US_MAX);
		preempt_disable();
		smp_call_function_many(cpu_online_mask, debra_test_storm_many_fn, storm, true);
		preempt_enable();
		usleep_range(DEBRA_TEST_STORM_US_MIN, DEBRA_TEST_STORM_US_MAX);
	}
	return 0;
}

/* ---------------------------------------------------------------- NMIs */

#ifdef CONFIG_X86
static int debra_test_storm_nmi_handler(unsigned int cmd, struct pt_regs *regs)
{
	struct debra_test_storm *storm = READ_ONCE(debra_test_nmi_storm);
	struct debra_test_storm_cpu *sc;

	if (!storm)
		return NMI_DONE;
	sc = this_cpu_ptr(storm->cpus);
	if (atomic_long_read(&sc->nmis_sent) == atomic_long_read(&sc->nmis_done))
		return NMI_DONE;
	debra_test_storm_call(storm);
	atomic_long_inc(&sc->nmis_done);
	return NMI_HANDLED;
}

/* Two NMIs may come as one, so there is never more than one on its way to a CPU. */
static bool debra_test_storm_nmi_idle(struct debra_test_storm *storm, unsigned int cpu)
{
	struct debra_test_storm_cpu *sc = per_cpu_ptr(storm->cpus, cpu);

	return atomic_long_read(&sc->nmis_sent) == atomic_long_read(&sc->nmis_done);
}

static int debra_test_storm_nmi_fn(void *data)
{
	struct debra_test_storm *storm = data;
	unsigned int cpu;

	while (!kthread_should_stop()) {
		for_each_online_cpu(cpu) {
			if (!debra_test_storm_nmi_idle(storm, cpu))
				continue;
			atomic_long_inc(&per_cpu_ptr(storm->cpus, cpu)->nmis_sent);
			debra_test_send_nmi(cpu);
		}
		usleep_range(DEBRA_TEST_STORM_US_MIN, DEBRA_TEST_STORM_US_MAX);
	}
	return 0;
}

static bool debra_test_storm_start_nmi(struct debra_test_storm *storm)
{
	if (!(storm->contexts & BIT(DEBRA_TEST_NMI)))
		return true;
	if (register_nmi_handler(NMI_LOCAL, debra_test_storm_nmi_handler, 0, "debra-storm"))
		return false;
	WRITE_ONCE(debra_test_nmi_storm, storm);
	storm->nmi = kthread_run(debra_test_storm_nmi_fn, storm, "debra-test/nmi");
	if (!IS_ERR(storm->nmi))
		return true;
	WRITE_ONCE(debra_test_nmi_storm, NULL);
	unregister_nmi_handler(NMI_LOCAL, "debra-storm");
	return false;
}

static void debra_test_storm_stop_nmi(struct debra_test_storm *storm)
{
	unsigned int cpu;

	if (IS_ERR_OR_NULL(storm->nmi))
		return;
	kthread_stop(storm->nmi);
	for_each_possible_cpu(cpu)
		debra_test_wait(debra_test_storm_nmi_idle(storm, cpu));
	unregister_nmi_handler(NMI_LOCAL, "debra-storm");
	WRITE_ONCE(debra_test_nmi_storm, NULL);
}
#else
static bool debra_test_storm_start_nmi(struct debra_test_storm *storm)
{
	return true;
}

static void debra_test_storm_stop_nmi(struct debra_test_storm *storm)
{
}
#endif

/* ---------------------------------------------------------------- all */

static void debra_test_storm_free(void *data)
{
	struct debra_test_storm *storm = data;

	free_percpu(storm->cpus);
	kfree(storm);
}

static void debra_test_storm_stop_tasks(struct debra_test_storm *storm)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (!IS_ERR_OR_NULL(storm->task[cpu]))
			kthread_stop(storm->task[cpu]);
	if (!IS_ERR_OR_NULL(storm->ipi))
		kthread_stop(storm->ipi);
}

static void debra_test_storm_end(void *data)
{
	struct debra_test_storm *storm = data;
	struct debra_test_storm_cpu *sc;
	unsigned int cpu;

	WRITE_ONCE(storm->stop, true);
	debra_test_storm_stop_tasks(storm);
	debra_test_storm_stop_nmi(storm);
	for_each_possible_cpu(cpu) {
		sc = per_cpu_ptr(storm->cpus, cpu);
		hrtimer_cancel(&sc->soft);
		hrtimer_cancel(&sc->hard);
		debra_test_wait(atomic_long_read(&sc->ipis_done) ==
				atomic_long_read(&sc->ipis_sent));
	}
}

static void debra_test_storm_init(struct debra_test_storm *storm)
{
	struct debra_test_storm_cpu *sc;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		sc = per_cpu_ptr(storm->cpus, cpu);
		sc->storm = storm;
		INIT_CSD(&sc->csd, debra_test_storm_single_fn, sc);
		debra_test_timer_init(&sc->soft, debra_test_storm_soft_fn,
				      HRTIMER_MODE_REL_PINNED_SOFT);
		debra_test_timer_init(&sc->hard, debra_test_storm_hard_fn,
				      HRTIMER_MODE_REL_PINNED_HARD);
	}
}

static void debra_test_storm_start_tasks(struct kunit *test, struct debra_test_storm *storm)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		storm->task[cpu] = kthread_create(debra_test_storm_task_fn, storm,
						  "debra-storm/%u", cpu);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, storm->task[cpu]);
		kthread_bind(storm->task[cpu], cpu);
		wake_up_process(storm->task[cpu]);
	}
}

/**
 * debra_test_storm() - let a storm begin
 * @test: the test; the storm is over before it ends
 * @contexts: which contexts
 * @fn: what to run there
 * @arg: its argument
 *
 * Return: the storm.
 */
struct debra_test_storm *debra_test_storm(struct kunit *test, unsigned long contexts,
					  debra_test_storm_fn fn, void *arg)
{
	struct debra_test_storm *storm = kzalloc(sizeof(*storm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, storm);
	storm->contexts = contexts;
	storm->fn = fn;
	storm->arg = arg;
	storm->cpus = alloc_percpu(struct debra_test_storm_cpu);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_storm_free, storm));
	KUNIT_ASSERT_TRUE(test, !!storm->cpus);
	debra_test_storm_init(storm);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_storm_end, storm));
	KUNIT_ASSERT_TRUE(test, debra_test_storm_start_nmi(storm));
	on_each_cpu(debra_test_storm_start_timers, storm, 1);
	if (contexts & BIT(DEBRA_TEST_HARDIRQ)) {
		storm->ipi = kthread_run(debra_test_storm_ipi_fn, storm, "debra-test/ipi");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, storm->ipi);
	}
	if (contexts & BIT(DEBRA_TEST_TASK))
		debra_test_storm_start_tasks(test, storm);
	return storm;
}

/**
 * debra_test_storm_stop() - end a storm
 * @test: the test
 * @storm: the storm; its counts can still be read
 */
void debra_test_storm_stop(struct kunit *test, struct debra_test_storm *storm)
{
	kunit_release_action(test, debra_test_storm_end, storm);
}

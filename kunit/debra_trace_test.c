// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: tracepoints, as who has attached to them sees them.
 */
#include <linux/cpu.h>
#include <linux/kallsyms.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../kernel/debra/trace.h"
#include "debra_test_reader.h"

enum debra_test_event {
	DEBRA_TEST_ADVANCE,
	DEBRA_TEST_EXPEDITE,
	DEBRA_TEST_ROUND_BEGIN,
	DEBRA_TEST_ROUND_END,
	DEBRA_TEST_RETIRE,
	DEBRA_TEST_FREE,
	DEBRA_TEST_GUARD_ABORT,
	DEBRA_TEST_GUARD_SETTLE,
	DEBRA_TEST_GUARD_NOTICE,
	DEBRA_TEST_STALL,
	DEBRA_TEST_THROTTLE_BEGIN,
	DEBRA_TEST_THROTTLE_END,
	DEBRA_TEST_ORPHAN,
	DEBRA_TEST_NR_EVENTS
};

#define DEBRA_TEST_ARGS		5

/**
 * struct debra_test_events - what the probes have seen of one domain
 * @dom: the domain
 * @nr: how often
 * @sum: of their first arguments
 * @arg: arguments of the last one, after the domain
 */
struct debra_test_events {
	const struct debra_domain *dom;
	atomic_long_t nr[DEBRA_TEST_NR_EVENTS];
	atomic_long_t sum[DEBRA_TEST_NR_EVENTS];
	unsigned long arg[DEBRA_TEST_NR_EVENTS][DEBRA_TEST_ARGS];
};

static void debra_test_event(struct debra_test_events *events, const struct debra_domain *dom,
			     enum debra_test_event id, const unsigned long *arg, unsigned int nr)
{
	unsigned int i;

	if (dom != READ_ONCE(events->dom))
		return;
	for (i = 0; i < nr; i++)
		WRITE_ONCE(events->arg[id][i], arg[i]);
	atomic_long_add(arg[0], &events->sum[id]);
	atomic_long_inc(&events->nr[id]);
}

/* A probe that keeps its arguments, which all fit into a long. */
#define DEBRA_TEST_PROBE(_name, _id, _params, ...)				\
static void debra_test_probe_##_name(void *data, const struct debra_domain *dom, _params) \
{										\
	const unsigned long arg[] = { __VA_ARGS__ };				\
										\
	static_assert(ARRAY_SIZE(arg) <= DEBRA_TEST_ARGS);			\
	debra_test_event(data, dom, DEBRA_TEST_##_id, arg, ARRAY_SIZE(arg));	\
}

#define DEBRA_TEST_PARAMS(...)	__VA_ARGS__

DEBRA_TEST_PROBE(advance, ADVANCE, unsigned long epoch, epoch)
DEBRA_TEST_PROBE(expedite, EXPEDITE, DEBRA_TEST_PARAMS(unsigned int epochs, unsigned long garbage),
		 epochs, garbage)
DEBRA_TEST_PROBE(round_begin, ROUND_BEGIN,
		 DEBRA_TEST_PARAMS(unsigned long round, unsigned int cpus), round, cpus)
DEBRA_TEST_PROBE(round_end, ROUND_END, DEBRA_TEST_PARAMS(unsigned long round, u64 ns, int err),
		 round, ns, err)
DEBRA_TEST_PROBE(retire, RETIRE,
		 DEBRA_TEST_PARAMS(const void *object, debra_func_t func, unsigned long ip),
		 (unsigned long)object, (unsigned long)func, ip)
DEBRA_TEST_PROBE(free, FREE, DEBRA_TEST_PARAMS(unsigned long freed, unsigned long kept),
		 freed, kept)
DEBRA_TEST_PROBE(guard_abort, GUARD_ABORT,
		 DEBRA_TEST_PARAMS(int pid, int cpu, unsigned long epoch), pid, cpu, epoch)
DEBRA_TEST_PROBE(guard_settle, GUARD_SETTLE,
		 DEBRA_TEST_PARAMS(int pid, int cpu, unsigned long epoch), pid, cpu, epoch)
DEBRA_TEST_PROBE(guard_notice, GUARD_NOTICE,
		 DEBRA_TEST_PARAMS(int pid, int cpu, unsigned long epoch), pid, cpu, epoch)
DEBRA_TEST_PROBE(stall, STALL,
		 DEBRA_TEST_PARAMS(int cpu, int pid, unsigned int ms, unsigned long lag,
				   unsigned long garbage), cpu, pid, ms, lag, garbage)
DEBRA_TEST_PROBE(throttle_begin, THROTTLE_BEGIN,
		 DEBRA_TEST_PARAMS(unsigned long garbage, unsigned int limit), garbage, limit)
DEBRA_TEST_PROBE(throttle_end, THROTTLE_END, DEBRA_TEST_PARAMS(unsigned long garbage, int err),
		 garbage, err)
DEBRA_TEST_PROBE(orphan, ORPHAN, DEBRA_TEST_PARAMS(unsigned int cpu, unsigned long objects),
		 cpu, objects)

static const struct debra_test_tracepoint {
	struct tracepoint *tp;
	void *probe;
} debra_test_tracepoints[] = {
	{ &__tracepoint_debra_advance, debra_test_probe_advance },
	{ &__tracepoint_debra_expedite, debra_test_probe_expedite },
	{ &__tracepoint_debra_round_begin, debra_test_probe_round_begin },
	{ &__tracepoint_debra_round_end, debra_test_probe_round_end },
	{ &__tracepoint_debra_retire, debra_test_probe_retire },
	{ &__tracepoint_debra_free, debra_test_probe_free },
	{ &__tracepoint_debra_guard_abort, debra_test_probe_guard_abort },
	{ &__tracepoint_debra_guard_settle, debra_test_probe_guard_settle },
	{ &__tracepoint_debra_guard_notice, debra_test_probe_guard_notice },
	{ &__tracepoint_debra_stall, debra_test_probe_stall },
	{ &__tracepoint_debra_throttle_begin, debra_test_probe_throttle_begin },
	{ &__tracepoint_debra_throttle_end, debra_test_probe_throttle_end },
	{ &__tracepoint_debra_orphan, debra_test_probe_orphan },
};

static void debra_test_detach(void *events)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(debra_test_tracepoints); i++)
		tracepoint_probe_unregister(debra_test_tracepoints[i].tp,
					    debra_test_tracepoints[i].probe, events);
	tracepoint_synchronize_unregister();
}

static struct debra_test_events *debra_test_attach(struct kunit *test,
						   const struct debra_domain *dom)
{
	struct debra_test_events *events = kunit_kzalloc(test, sizeof(*events), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, events);
	events->dom = dom;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_detach, events));
	for (i = 0; i < ARRAY_SIZE(debra_test_tracepoints); i++)
		KUNIT_ASSERT_EQ(test, 0,
				tracepoint_probe_register(debra_test_tracepoints[i].tp,
							  debra_test_tracepoints[i].probe,
							  events));
	return events;
}

static long debra_test_seen(struct debra_test_events *events, enum debra_test_event id)
{
	return atomic_long_read(&events->nr[id]);
}

/* What is freed has been counted before its event. */
static bool debra_test_freed(struct debra_test_events *events, long objects)
{
	return debra_test_wait(atomic_long_read(&events->sum[DEBRA_TEST_FREE]) == objects);
}

/* ---------------------------------------------------------------- objects */

struct debra_test_scrap {
	unsigned long payload;
	struct debra_head head;
};

/* Is an address in this function, or in what the compiler has made of it? */
static bool debra_test_is_in(unsigned long ip, const char *function)
{
	char name[KSYM_SYMBOL_LEN];

	snprintf(name, sizeof(name), "%ps", (void *)ip);
	return str_has_prefix(name, function);
}

static noinline void debra_test_retire_callback(struct debra_test_mark *mark)
{
	debra_call(mark->dom, &mark->head, debra_test_mark_callback);
	barrier();
}

/* Each retirement is one event, whatever its form, with what was asked for and where. */
static void debra_test_trace_retire(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 3);
	struct debra_test_events *events = debra_test_attach(test, dom);
	struct debra_test_scrap *scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
	unsigned long *arg = events->arg[DEBRA_TEST_RETIRE];
	void *headless = kmalloc(32, GFP_KERNEL);
	const void *object = &scrap->head;

	debra_test_use_interrupts(test);
	KUNIT_ASSERT_NOT_NULL(test, headless);
	KUNIT_ASSERT_NOT_NULL(test, scrap);
	debra_test_retire_callback(&marks[0]);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_RETIRE), 1);
	KUNIT_EXPECT_EQ(test, arg[0], (unsigned long)&marks[0].head);
	KUNIT_EXPECT_EQ(test, arg[1], (unsigned long)debra_test_mark_callback);
	if (DEBRA_TEST_TAIL_CALLS)
		KUNIT_EXPECT_TRUE_MSG(test, debra_test_is_in(arg[2], "debra_test_retire_callback"),
				      "%pS", (void *)arg[2]);
	debra_kfree(dom, scrap, head);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_RETIRE), 2);
	KUNIT_EXPECT_EQ(test, arg[0], (unsigned long)object);
	KUNIT_EXPECT_EQ(test, arg[1], offsetof(struct debra_test_scrap, head));
	debra_kfree_mightsleep(dom, headless);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_RETIRE), 3);
	KUNIT_EXPECT_EQ(test, arg[0], (unsigned long)headless);
	KUNIT_EXPECT_EQ(test, arg[1], 0);
	debra_test_mark_retire_typed(&marks[1]);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_RETIRE), 4);
	KUNIT_EXPECT_TRUE(test, debra_test_run_on(debra_test_cpu(0), DEBRA_TEST_HARDIRQ,
						  debra_test_mark_retire_fn, &marks[2]));
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_RETIRE), 5);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_TRUE(test, debra_test_freed(events, 5));
	debra_test_expect_called_once(test, marks, 3);
}

/* All that is freed has its event, whoever frees it. */
static void debra_test_trace_free(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_events *events = debra_test_attach(test, dom);
	struct debra_test_scrap *scrap;
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, scrap);
		debra_kfree(dom, scrap, head);
		if (i % 1000 == 999)
			KUNIT_EXPECT_EQ(test, debra_synchronize(dom), 0);
	}
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_RETIRE), 5000);
	KUNIT_EXPECT_TRUE(test, debra_test_freed(events, 5000));
	KUNIT_EXPECT_EQ(test, events->arg[DEBRA_TEST_FREE][1], 0);
}

/* ---------------------------------------------------------------- epochs */

/* The epoch moves before it is counted, and before the event. */
static bool debra_test_advances_match(struct debra_test_events *events,
				      struct debra_test_files *files, struct debra_domain *dom)
{
	long seen = debra_test_seen(events, DEBRA_TEST_ADVANCE);

	return seen == debra_test_stat(files, dom, "advances") &&
	       READ_ONCE(events->arg[DEBRA_TEST_ADVANCE][0]) == debra_epoch(dom);
}

static void debra_test_trace_advance(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_events *events = debra_test_attach(test, dom);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;

	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, debra_synchronize(dom), 0);
	KUNIT_EXPECT_GE(test, debra_test_seen(events, DEBRA_TEST_ADVANCE), 15);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_advances_match(events, files, dom)));
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_EXPEDITE),
			debra_test_stat(files, dom, "expedited"));
	KUNIT_EXPECT_GE(test, debra_test_seen(events, DEBRA_TEST_EXPEDITE), 1);
}

/*
 * Rows of the file, but for the heading. @fast: set to how many took less than a microsecond.
 * Return: how many rounds they show, -1 if misread.
 */
static long debra_test_latencies(struct debra_test_files *files, long *fast)
{
	unsigned long rounds = 0, below, expect = 1, sum = 0;
	const char *line;

	if (debra_test_read(files, "debugfs/debra/latency") <= 0)
		return -1;
	line = strchr(debra_test_text(files), '\n');
	while (line && sscanf(line, "%lu %lu", &below, &rounds) == 2 && below == expect) {
		line = strchr(line + 1, '\n');
		if (expect == 1)
			*fast = rounds;
		expect *= 2;
		sum += rounds;
	}
	if (!line || expect != 32768 || sscanf(line, " more %lu", &rounds) != 1)
		return -1;
	return sum + rounds;
}

/* Rounds that are begun are ended, and counted by how long they took. */
static void debra_test_trace_rounds(struct kunit *test)
{
	bool fence = static_key_enabled(&debra_fence_key.key);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_events *events = debra_test_attach(test, dom);
	struct debra_test_files *files = debra_test_files(test);
	long fast_before, fast_after;
	unsigned int i, ends;
	long before, after;

	debra_test_set_param(test, files, "ipi_rate", 0);
	before = debra_test_latencies(files, &fast_before);
	KUNIT_ASSERT_GE(test, before, 0);
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_EQ(test, debra_synchronize(dom), 0);
	after = debra_test_latencies(files, &fast_after);
	ends = debra_test_seen(events, DEBRA_TEST_ROUND_END);
	/* A round that another domain has begun may have served, or RCU; not each time. */
	KUNIT_EXPECT_EQ(test, ends > 0, !fence);
	KUNIT_EXPECT_GE(test, ends, debra_test_seen(events, DEBRA_TEST_ROUND_BEGIN));
	KUNIT_EXPECT_GE(test, after - before, debra_test_stat(files, dom, "rounds_ipi"));
	if (!fence) {
		KUNIT_EXPECT_GT(test, after, before);
		/* Some take longer, though a clock that counts ticks says so of a few only. */
		KUNIT_EXPECT_TRUE(test, debra_test_wait(({
			debra_synchronize(dom);
			after = debra_test_latencies(files, &fast_after);
			after - before > fast_after - fast_before;
		})));
		KUNIT_EXPECT_EQ(test, events->arg[DEBRA_TEST_ROUND_BEGIN][1], num_online_cpus());
		KUNIT_EXPECT_EQ(test, events->arg[DEBRA_TEST_ROUND_END][0],
				events->arg[DEBRA_TEST_ROUND_BEGIN][0]);
	}
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, "debugfs/debra/latency"), 0444);
}

/* ---------------------------------------------------------------- readers */

static void debra_test_trace_guard(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_events *events = debra_test_attach(test, dom);
	unsigned long (*arg)[DEBRA_TEST_ARGS] = events->arg;
	struct debra_test_reader *r;
	unsigned long epoch;
	bool kept;

	debra_test_use_interrupts(test);
	r = debra_test_reader(test, dom, DEBRA_TEST_SLEEP, DEBRA_TEST_ANY_CPU);
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	epoch = READ_ONCE(r->guard.rec->epoch);
	KUNIT_ASSERT_EQ(test, debra_test_hop(r, 0, &marks[0].head), 1);
	debra_test_mark_retire_typed(&marks[0]);
	kept = debra_test_press_until(dom, debra_test_stat(files, dom, "hazard_kept") > 0);
	KUNIT_EXPECT_TRUE(test, kept);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_GUARD_ABORT), 1);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_GUARD_SETTLE), 1);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_GUARD_NOTICE), 0);
	KUNIT_EXPECT_EQ(test, arg[DEBRA_TEST_GUARD_ABORT][0], r->task->pid);
	KUNIT_EXPECT_EQ(test, (int)arg[DEBRA_TEST_GUARD_ABORT][1], -1);
	KUNIT_EXPECT_EQ(test, arg[DEBRA_TEST_GUARD_ABORT][2], epoch);
	KUNIT_EXPECT_EQ(test, arg[DEBRA_TEST_GUARD_SETTLE][0], r->task->pid);
	KUNIT_EXPECT_EQ(test, arg[DEBRA_TEST_FREE][1], 1);
	KUNIT_EXPECT_EQ(test, debra_test_restart(r), 1);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_GUARD_NOTICE), 1);
	KUNIT_EXPECT_EQ(test, arg[DEBRA_TEST_GUARD_NOTICE][0], r->task->pid);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_GUARD_NOTICE), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1);
}

static void debra_test_trace_stall(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_events *events = debra_test_attach(test, dom);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_files *files = debra_test_files(test);
	unsigned long *arg = events->arg[DEBRA_TEST_STALL];
	struct debra_test_holder *holder;
	bool held, seen;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_splat_begin();
	debra_test_set_param(test, files, "stall_ms", 50);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	held = debra_test_hold(holder, 1);
	debra_test_mark_retire(&marks[0]);
	seen = debra_test_wait(({
		debra_expedite(dom);
		debra_test_seen(events, DEBRA_TEST_STALL);
	}));
	debra_test_set_param(test, files, "stall_ms", 600000);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_splat_end();
	KUNIT_EXPECT_TRUE(test, held && seen);
	KUNIT_EXPECT_EQ(test, arg[0], holder->cpu);
	KUNIT_EXPECT_EQ(test, arg[1], 0);
	KUNIT_EXPECT_GE(test, arg[2], 50);
	/* One, since the next epoch cannot end. */
	KUNIT_EXPECT_EQ(test, arg[3], 1);
	KUNIT_EXPECT_EQ(test, arg[4], 1);
}

/* A guard that has been aborted holds a few objects for ever; a pin, all of them. */
static void debra_test_trace_stall_blocks(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_events *events = debra_test_attach(test, dom);
	unsigned long *arg = events->arg[DEBRA_TEST_STALL];
	struct debra_test_holder *holder;
	struct debra_test_reader *r;
	bool kept, of_guard, of_pin;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	r = debra_test_reader(test, dom, DEBRA_TEST_SLEEP, DEBRA_TEST_ANY_CPU);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	debra_test_splat_begin();
	KUNIT_EXPECT_EQ(test, debra_test_enter(r), 1);
	KUNIT_EXPECT_EQ(test, debra_test_hop(r, 0, &marks[0].head), 1);
	debra_test_mark_retire_typed(&marks[0]);
	kept = debra_test_press_until(dom, debra_test_stat(files, dom, "hazard_kept") > 0);
	debra_test_set_param(test, files, "stall_ms", 50);
	of_guard = debra_test_press_until(dom, debra_test_seen(events, DEBRA_TEST_STALL) > 0) &&
		   arg[1] == r->task->pid;
	/* The guard has been stalled for longer, and was reported a moment ago. */
	debra_test_hold(holder, 1);
	debra_test_mark_retire(&marks[1]);
	of_pin = debra_test_press_until(dom, debra_test_seen(events, DEBRA_TEST_STALL) > 1) &&
		 arg[0] == holder->cpu && arg[1] == 0;
	debra_test_set_param(test, files, "stall_ms", 600000);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_splat_end();
	KUNIT_EXPECT_TRUE(test, kept);
	KUNIT_EXPECT_TRUE(test, of_guard);
	KUNIT_EXPECT_TRUE(test, of_pin);
}

/* ---------------------------------------------------------------- limits */

static void debra_test_trace_throttle(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_events *events = debra_test_attach(test, dom);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 20);
	unsigned long *begin = events->arg[DEBRA_TEST_THROTTLE_BEGIN];
	unsigned long *end = events->arg[DEBRA_TEST_THROTTLE_END];
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned int i;
	int above;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "limit", 10);
	debra_test_set_param(test, files, "throttle_ms", 50);
	KUNIT_EXPECT_EQ(test, debra_throttle(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_THROTTLE_BEGIN), 0);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	for (i = 0; i < 20; i++)
		debra_test_mark_retire(&marks[i]);
	above = debra_throttle(dom);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, above, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_THROTTLE_BEGIN), 1);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_THROTTLE_END), 1);
	KUNIT_EXPECT_EQ(test, begin[0], 20);
	KUNIT_EXPECT_EQ(test, begin[1], 10);
	KUNIT_EXPECT_EQ(test, end[0], 20);
	KUNIT_EXPECT_EQ(test, (int)end[1], -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
}

#ifdef CONFIG_HOTPLUG_CPU
static void debra_test_trace_orphan(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_events *events = debra_test_attach(test, dom);
	struct debra_test_mark *mark = debra_test_marks(test, dom, 1);
	struct debra_test_files *files = debra_test_files(test);
	unsigned long *arg = events->arg[DEBRA_TEST_ORPHAN];
	unsigned int cpu;

	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "interval_ms", 10000);
	cpu = debra_test_victim(test);
	KUNIT_EXPECT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK, debra_test_mark_retire_fn,
						  mark));
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	KUNIT_EXPECT_EQ(test, debra_test_seen(events, DEBRA_TEST_ORPHAN), 1);
	KUNIT_EXPECT_EQ(test, arg[0], cpu);
	KUNIT_EXPECT_EQ(test, arg[1], 1);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, mark, 1);
}
#endif

static struct kunit_case debra_trace_cases[] = {
	KUNIT_CASE(debra_test_trace_retire),
	KUNIT_CASE(debra_test_trace_free),
	KUNIT_CASE(debra_test_trace_advance),
	KUNIT_CASE(debra_test_trace_rounds),
	KUNIT_CASE(debra_test_trace_guard),
	KUNIT_CASE(debra_test_trace_stall),
	KUNIT_CASE(debra_test_trace_stall_blocks),
	KUNIT_CASE(debra_test_trace_throttle),
#ifdef CONFIG_HOTPLUG_CPU
	KUNIT_CASE(debra_test_trace_orphan),
#endif
	{}
};

static struct kunit_suite debra_trace_suite = {
	.name = "debra_trace",
	.test_cases = debra_trace_cases,
};

kunit_test_suite(debra_trace_suite);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: guards as their users see them, while nobody aborts any.
 */
#include <kunit/resource.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debra_test_reader.h"

/* More of either form than the CPU has records for. */
#define DEBRA_TEST_DEEP		(DEBRA_GUARD_DEPTH + 3)
#define DEBRA_TEST_MANY		(DEBRA_GUARD_TASKS + 4)

static DEFINE_DEBRA_DOMAIN(debra_test_guard_unregistered);
static DEFINE_DEBRA_DOMAIN(debra_test_guard_static);

static const enum debra_test_stall debra_test_stalls[] = {
	DEBRA_TEST_SPIN,
	DEBRA_TEST_SLEEP,
	DEBRA_TEST_RUN,
};

static void debra_test_stall_desc(const enum debra_test_stall *stall, char *desc)
{
	strscpy(desc, debra_test_stall_name[*stall], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(debra_test_stall, debra_test_stalls, debra_test_stall_desc);

KUNIT_ARRAY_PARAM(debra_test_context, debra_test_contexts, debra_test_context_desc);

/* How many guards the debugfs file shows, or an error. */
static int debra_test_guards_open(struct debra_test_files *files, struct debra_domain *dom)
{
	ssize_t nr = debra_test_domain_read(files, dom, "guards");
	const char *line = debra_test_text(files);
	int lines = 0;

	if (nr < 0)
		return nr;
	while ((line = strchr(line, '\n'))) {
		lines++;
		line++;
	}
	return lines - 1;
}

/* ---------------------------------------------------------------- contexts */

/**
 * struct debra_test_visit - what a visit to a domain by guard came to
 * @dom: the domain
 * @depth: how many guards to open, one inside the other
 * @root: what they hop to
 * @guard: the guards
 * @hops: how many hops returned true and gave what @root is
 * @aborted: guards that said that they were aborted
 * @count: preempt_count() before, inside, after
 * @inner: by what to interrupt the innermost
 * @interrupted: that was done
 * @visitor: the visit that interrupts; NULL if none
 */
struct debra_test_visit {
	struct debra_domain *dom;
	unsigned int depth;
	struct debra_test_mark *root;
	struct debra_guard guard[DEBRA_TEST_DEEP];
	unsigned int hops;
	unsigned int aborted;
	unsigned int count[3];
	enum debra_test_context inner;
	bool interrupted;
	struct debra_test_visit *visitor;
};

static void debra_test_visit_hop(struct debra_test_visit *v, struct debra_guard *g)
{
	struct debra_test_mark *mark = NULL;
	unsigned int i;

	for (i = 0; i < DEBRA_GUARD_SLOTS; i++)
		v->hops += debra_hop(g, i, mark, v->root) && mark == v->root;
	debra_guard_clear(g, 0);
	v->hops += debra_guard_protect(g, 0, mark);
	v->aborted += debra_guard_aborted(g);
}

static void debra_test_visit_fn(void *data)
{
	struct debra_test_visit *v = data;
	unsigned int i;

	v->count[0] = preempt_count();
	for (i = 0; i < v->depth; i++) {
		debra_guard_enter(v->dom, &v->guard[i]);
		debra_test_visit_hop(v, &v->guard[i]);
	}
	v->count[1] = preempt_count();
	if (v->visitor)
		v->interrupted = debra_test_interrupt(v->inner, debra_test_visit_fn, v->visitor);
	while (i--) {
		debra_guard_restart(&v->guard[i]);
		debra_test_visit_hop(v, &v->guard[i]);
		debra_guard_exit(&v->guard[i]);
	}
	v->count[2] = preempt_count();
}

static struct debra_test_visit *debra_test_visit(struct kunit *test, struct debra_domain *dom,
						 unsigned int depth)
{
	struct debra_test_visit *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	v->dom = dom;
	v->depth = depth;
	v->root = debra_test_marks(test, dom, 1);
	return v;
}

static void debra_test_expect_visited(struct kunit *test, struct debra_test_visit *v)
{
	KUNIT_EXPECT_EQ(test, v->hops, 2 * (DEBRA_GUARD_SLOTS + 1) * v->depth);
	KUNIT_EXPECT_EQ(test, v->aborted, 0);
	KUNIT_EXPECT_GE(test, v->count[1], v->count[0] + v->depth);
	KUNIT_EXPECT_EQ(test, v->count[2], v->count[0]);
}

static void debra_test_guard_in_context(struct kunit *test)
{
	enum debra_test_context context = *(const enum debra_test_context *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_visit *v = debra_test_visit(test, dom, 3);
	struct debra_test_files *files = debra_test_files(test);

	debra_test_use_interrupts(test);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(0), context,
						  debra_test_visit_fn, v));
	debra_test_expect_visited(test, v);
	KUNIT_EXPECT_EQ(test, debra_test_guards_open(files, dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "guards_pinned"), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "restarts"), 0);
	debra_test_expect_quiet(test, dom);
}

/* Interrupted between enter and exit, by guards of the same domain. */
static void debra_test_guard_interrupted(struct kunit *test)
{
	enum debra_test_context context = *(const enum debra_test_context *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_visit *v = debra_test_visit(test, dom, 2);
	struct debra_test_files *files = debra_test_files(test);

	v->visitor = debra_test_visit(test, dom, 2);
	v->inner = context;
	debra_test_use_interrupts(test);
	debra_test_visit_fn(v);
	KUNIT_ASSERT_TRUE(test, v->interrupted);
	debra_test_expect_visited(test, v);
	debra_test_expect_visited(test, v->visitor);
	KUNIT_EXPECT_EQ(test, debra_test_guards_open(files, dom), 0);
	debra_test_expect_quiet(test, dom);
}

/* Guards for which there is no record pin instead; all of them work. */
static void debra_test_guard_too_deep(struct kunit *test)
{
	enum debra_test_context context = *(const enum debra_test_context *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_visit *v = debra_test_visit(test, dom, DEBRA_TEST_DEEP);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;

	debra_test_use_interrupts(test);
	for (i = 1; i <= 2; i++) {
		v->hops = 0;
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(0), context,
							  debra_test_visit_fn, v));
		debra_test_expect_visited(test, v);
		KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "guards_pinned"),
				i * (DEBRA_TEST_DEEP - DEBRA_GUARD_DEPTH));
	}
	KUNIT_EXPECT_EQ(test, debra_test_guards_open(files, dom), 0);
	debra_test_expect_quiet(test, dom);
}

static void debra_test_storm_visit(void *data)
{
	struct debra_guard outer, inner;

	debra_guard_enter(data, &outer);
	debra_guard_enter(data, &inner);
	debra_guard_protect(&inner, 0, &inner);
	debra_guard_restart(&inner);
	debra_guard_exit(&inner);
	debra_guard_protect(&outer, 0, &outer);
	debra_guard_exit(&outer);
}

/* Whatever they interrupt: in the end no guard is open and the epoch moves. */
static void debra_test_guard_storm(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_storm *storm;

	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL, debra_test_storm_visit, dom);
	debra_test_push_for(dom, 1000);
	debra_test_storm_stop(test, storm);
	KUNIT_EXPECT_EQ(test, debra_test_guards_open(files, dom), 0);
	debra_test_expect_quiet(test, dom);
}

/* ---------------------------------------------------------------- protection */

/* What is not aborted holds everything, slots or no slots. */
static void debra_test_guard_holds(struct kunit *test)
{
	enum debra_test_stall stall = *(const enum debra_test_stall *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 10);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_reader *r;
	unsigned int early, i;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	/* Memory presses, but patience is long. */
	debra_test_set_param(test, files, "guard_ms", 60000);
	r = debra_test_reader(test, dom, stall, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	debra_test_retire_typed(marks, 5);
	for (i = 5; i < 10; i++)
		debra_test_mark_retire(&marks[i]);
	debra_test_press_for(dom, DEBRA_TEST_WATCH_MS);
	early = debra_test_calls(marks, 10);
	KUNIT_EXPECT_EQ(test, debra_test_hop(r, 0, &marks[0]), 1);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ_MSG(test, early, 0, "callbacks ran under a guard that was not aborted");
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "neutralized"), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 10);
}

/* A restart ends one section and begins another. */
static void debra_test_guard_restart_lets_go(struct kunit *test)
{
	enum debra_test_stall stall = *(const enum debra_test_stall *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_reader *r;
	unsigned int early;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "guard_ms", 60000);
	r = debra_test_reader(test, dom, stall, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	debra_test_mark_retire_typed(&marks[0]);
	debra_test_push_for(dom, DEBRA_TEST_WATCH_MS / 2);
	early = debra_test_calls(marks, 1);
	/* Each restart lets a part of the epochs go on that the object needs. */
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_expedite(dom);
		debra_test_restart(r) != 1 || debra_test_calls(marks, 1);
	})));
	debra_test_mark_retire_typed(&marks[1]);
	debra_test_push_for(dom, DEBRA_TEST_WATCH_MS / 2);
	early += debra_test_calls(&marks[1], 1);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "restarts"), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 2);
}

/* ---------------------------------------------------------------- sleepable */

static bool debra_test_step_move(struct debra_test_reader *r)
{
	return !set_cpus_allowed_ptr(current, cpumask_of(r->slot));
}

static bool debra_test_step_move_and_hop(struct debra_test_reader *r)
{
	unsigned int cpu = r->slot;
	bool ok = debra_test_step_move(r) && raw_smp_processor_id() == cpu;

	usleep_range(100, 200);
	return debra_guard_protect(&r->guard, cpu % DEBRA_GUARD_SLOTS, r->p) && ok;
}

/* Entered on one CPU, used on all, ended on another, more often than there are records. */
static void debra_test_guard_migrates(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i, cpu, early = 0, cpus = num_online_cpus();
	struct debra_test_reader *r;

	debra_test_need_cpus(test, 2);
	debra_test_set_param(test, files, "stall_ms", 600000);
	r = debra_test_reader(test, dom, DEBRA_TEST_SLEEP, DEBRA_TEST_ANY_CPU);
	r->p = marks;
	for (i = 0; i < (DEBRA_GUARD_TASKS + 1) * cpus; i++) {
		r->slot = debra_test_cpu(i % cpus);
		KUNIT_ASSERT_EQ(test, debra_test_do(r, debra_test_step_move), 1);
		KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
		if (!i)
			debra_test_mark_retire_typed(marks);
		for (cpu = 1; cpu <= cpus / 2; cpu++) {
			r->slot = debra_test_cpu((i + cpu) % cpus);
			KUNIT_EXPECT_EQ(test, debra_test_do(r, debra_test_step_move_and_hop), 1);
		}
		if (!i)
			debra_test_push_for(dom, DEBRA_TEST_WATCH_MS);
		early += !i ? debra_test_calls(marks, 1) : 0;
		KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	}
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_EQ_MSG(test, debra_test_stat(files, dom, "guards_spilled"), 0,
			    "records were not given back");
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1);
}

static void debra_test_enter_many(struct debra_domain *dom, struct debra_guard *g,
				  unsigned int nr)
{
	while (nr--)
		debra_guard_enter_sleepable(dom, g++);
}

/* Those for which the CPU has no record spill; they end in any order. */
static void debra_test_guard_spills(struct kunit *test)
{
	struct debra_guard *g = kunit_kcalloc(test, DEBRA_TEST_MANY, sizeof(*g), GFP_KERNEL);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_files *files = debra_test_files(test);
	const unsigned int spilled = DEBRA_TEST_MANY - DEBRA_GUARD_TASKS;
	unsigned int i, hops = 0, early, shown;

	KUNIT_ASSERT_NOT_NULL(test, g);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "stall_ms", 600000);
	debra_test_enter_many(dom, g, DEBRA_TEST_MANY);
	debra_test_mark_retire_typed(marks);
	shown = debra_test_guards_open(files, dom);
	/* The last one left is one that has spilled, and holds the object alone. */
	for (i = 0; i < DEBRA_TEST_MANY - 1; i++) {
		hops += debra_guard_protect(&g[(5 * i) % (DEBRA_TEST_MANY - 1)], i % 6, marks);
		debra_guard_exit(&g[(5 * i) % (DEBRA_TEST_MANY - 1)]);
	}
	debra_test_push_for(dom, DEBRA_TEST_WATCH_MS);
	early = debra_test_calls(marks, 1);
	debra_guard_exit(&g[DEBRA_TEST_MANY - 1]);
	KUNIT_EXPECT_EQ(test, hops, DEBRA_TEST_MANY - 1);
	KUNIT_EXPECT_EQ(test, shown, DEBRA_TEST_MANY);
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "guards_spilled"), spilled);
	KUNIT_EXPECT_EQ(test, debra_test_guards_open(files, dom), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1);
	/* All records are there again. */
	debra_test_enter_many(dom, g, DEBRA_GUARD_TASKS);
	for (i = 0; i < DEBRA_GUARD_TASKS; i++)
		debra_guard_exit(&g[i]);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "guards_spilled"), spilled);
}

/* ---------------------------------------------------------------- debugfs */

struct debra_test_guard_row {
	char cpu[8];
	char state[16];
	unsigned long epoch;
	unsigned long lag;
	unsigned int restarts;
	unsigned int slots;
	int pid;
};

/* The only guard that is open. */
static bool debra_test_guard_row(struct debra_test_files *files, struct debra_domain *dom,
				 struct debra_test_guard_row *row)
{
	const char *line;

	memset(row, 0, sizeof(*row));
	if (debra_test_guards_open(files, dom) != 1)
		return false;
	line = strchr(debra_test_text(files), '\n');
	return sscanf(line + 1, "%7s %15s %lu %lu %u %u %d", row->cpu, row->state, &row->epoch,
		      &row->lag, &row->restarts, &row->slots, &row->pid) == 7;
}

static void debra_test_guard_shown(struct kunit *test)
{
	enum debra_test_stall stall = *(const enum debra_test_stall *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_guard_row row;
	struct debra_test_reader *r;
	unsigned long epoch;
	char cpu[8];

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	r = debra_test_reader(test, dom, stall, debra_test_cpu(1));
	snprintf(cpu, sizeof(cpu), "%u", debra_test_cpu(1));
	epoch = debra_epoch(dom);
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_guard_row(files, dom, &row));
	KUNIT_EXPECT_STREQ(test, row.cpu, stall == DEBRA_TEST_SPIN ? cpu : "-");
	KUNIT_EXPECT_STREQ(test, row.state, "active");
	KUNIT_EXPECT_GE(test, row.epoch, epoch);
	KUNIT_EXPECT_EQ(test, row.slots, 0);
	KUNIT_EXPECT_EQ(test, row.restarts, 0);
	KUNIT_EXPECT_EQ(test, row.pid, r->task->pid);
	KUNIT_EXPECT_EQ(test, debra_test_hop(r, 0, marks), 1);
	KUNIT_EXPECT_EQ(test, debra_test_hop(r, 5, marks), 1);
	KUNIT_EXPECT_EQ(test, debra_test_mask(r), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_guard_row(files, dom, &row));
	KUNIT_EXPECT_STREQ(test, row.state, "masked");
	KUNIT_EXPECT_EQ(test, row.slots, 2);
	KUNIT_EXPECT_EQ(test, debra_test_clear(r, 5), 1);
	KUNIT_EXPECT_EQ(test, debra_test_unmask(r), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(dom, debra_test_is_aborted(r)));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_guard_row(files, dom, &row) &&
						!strcmp(row.state, "aborted")));
	KUNIT_EXPECT_EQ(test, row.slots, 1);
	KUNIT_EXPECT_EQ(test, debra_test_restart(r), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_guard_row(files, dom, &row));
	KUNIT_EXPECT_EQ(test, row.restarts, 1);
	KUNIT_EXPECT_EQ(test, row.slots, 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, debra_test_guards_open(files, dom), 0);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "restarts"), 1);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "neutralized"), 1);
}

/*
 * Sum over CPUs in the file ipis, or an error; and that there is a line for each. @busy: set to how
 * many CPUs had some in the last second.
 */
static long debra_test_ipis(struct kunit *test, struct debra_test_files *files,
			    unsigned int *busy)
{
	unsigned long ipis, sum = 0, expected = 0;
	const char *line;
	unsigned int cpu, rate;

	*busy = 0;
	KUNIT_EXPECT_GT(test, debra_test_read(files, "debugfs/debra/ipis"), 0);
	line = strchr(debra_test_text(files), '\n');
	KUNIT_EXPECT_TRUE(test, str_has_prefix(debra_test_text(files), "cpu "));
	while (line && sscanf(line + 1, "%u %lu %u", &cpu, &ipis, &rate) == 3) {
		KUNIT_EXPECT_EQ(test, cpu, debra_test_cpu(expected++));
		sum += ipis;
		*busy += rate > 0;
		line = strchr(line + 1, '\n');
	}
	KUNIT_EXPECT_EQ(test, expected, num_online_cpus());
	return sum;
}

/* Have IPIs sent to all. Return: whether some CPU had any in the last second. */
static bool debra_test_busy(struct kunit *test, struct debra_domain *dom,
			    struct debra_test_files *files)
{
	unsigned int busy;

	debra_synchronize(dom);
	debra_test_ipis(test, files, &busy);
	return busy;
}

static void debra_test_ipis_shown(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_reader *r;
	unsigned int i, busy, seen = 0;
	long before, rounds;
	unsigned long end;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, "debugfs/debra/ipis"), 0444);
	before = debra_test_ipis(test, files, &busy);
	r = debra_test_reader(test, dom, DEBRA_TEST_SPIN, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(dom, debra_test_is_aborted(r)));
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	/* The rate is that of a second that is over: from then on there always is one. */
	debra_test_set_param(test, files, "ipi_rate", 0);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_busy(test, dom, files)));
	end = jiffies + 2 * HZ;
	for (i = 0; i < 10 || time_before(jiffies, end); i++)
		seen += debra_test_busy(test, dom, files);
	KUNIT_EXPECT_GT(test, 2 * seen, i);
	rounds = debra_test_stat(files, dom, "rounds_ipi");
	KUNIT_EXPECT_GT(test, rounds, 0);
	KUNIT_EXPECT_GE(test, debra_test_ipis(test, files, &busy), before + rounds);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EEXIST), debra_domain_create("ipis"));
}

/* ---------------------------------------------------------------- types */

struct debra_test_typed {
	unsigned long front[3];
	struct debra_head head;
	unsigned long back;
	unsigned int calls;
	struct debra_head *got;
};

static void debra_test_typed_callback(struct debra_head *head)
{
	struct debra_test_typed *object = container_of(head, struct debra_test_typed, head);

	WRITE_ONCE(object->got, head);
	WRITE_ONCE(object->calls, object->calls + 1);
}

static DEFINE_DEBRA_TYPE(debra_test_typed_type, struct debra_test_typed, head,
			 debra_test_typed_callback);
static const struct debra_type debra_test_no_func = { .size = 8 };

static void debra_test_retire_type(struct kunit *test)
{
	struct debra_test_typed *object = kunit_kzalloc(test, sizeof(*object), GFP_KERNEL);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_guard *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	char expected[80];
	bool shown;

	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_ASSERT_NOT_NULL(test, g);
	debra_test_set_param(test, files, "stall_ms", 600000);
	snprintf(expected, sizeof(expected), " %016lx debra_test_typed_callback",
		 (unsigned long)object);
	debra_guard_enter_sleepable(dom, g);
	debra_retire(dom, &object->head, &debra_test_typed_type);
	debra_test_domain_read(files, dom, "retired");
	shown = strstr(debra_test_text(files), expected);
	debra_test_splat_begin();
	debra_retire(dom, &object->head, &debra_test_typed_type);
	debra_call(dom, &object->head, debra_test_typed_callback);
	debra_retire(dom, NULL, &debra_test_typed_type);
	debra_retire(dom, &object->head, NULL);
	debra_retire(dom, &object->head, &debra_test_no_func);
	debra_test_splat_end();
	debra_guard_exit(g);
	KUNIT_EXPECT_TRUE_MSG(test, shown, "no \"%s\" in \"%s\"", expected,
			      debra_test_text(files));
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, object->calls, 1);
	KUNIT_EXPECT_PTR_EQ(test, object->got, &object->head);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "double_retire"), 2);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "bad_retire"), 3);
	/* After its callback it may be retired again. */
	debra_retire(dom, &object->head, &debra_test_typed_type);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, object->calls, 2);
}

/* ---------------------------------------------------------------- misuse */

struct debra_test_guard_misuse {
	struct debra_domain *dom;
	struct debra_guard *g;
	int err;
	bool ok;
};

static void debra_test_guard_exit_twice(struct debra_test_guard_misuse *m)
{
	debra_guard_enter(m->dom, m->g);
	debra_guard_exit(m->g);
	debra_guard_exit(m->g);
	m->ok = true;
}

static void debra_test_guard_exit_twice_sleepable(struct debra_test_guard_misuse *m)
{
	debra_guard_enter_sleepable(m->dom, m->g);
	debra_guard_exit(m->g);
	debra_guard_exit(m->g);
	m->ok = true;
}

static void debra_test_guard_restart_outside(struct debra_test_guard_misuse *m)
{
	debra_guard_enter(m->dom, m->g);
	debra_guard_exit(m->g);
	debra_guard_restart(m->g);
	m->ok = true;
}

static void debra_test_guard_barrier_inside(struct debra_test_guard_misuse *m)
{
	debra_guard_enter_sleepable(m->dom, m->g);
	m->err = debra_barrier(m->dom);
	m->ok = debra_guard_protect(m->g, 0, m);
	debra_guard_exit(m->g);
}

static void debra_test_guard_synchronize_inside(struct debra_test_guard_misuse *m)
{
	debra_guard_enter_sleepable(m->dom, m->g);
	m->err = debra_synchronize(m->dom);
	m->ok = debra_guard_protect(m->g, 0, m);
	debra_guard_exit(m->g);
}

static void debra_test_guard_unmask_unmasked(struct debra_test_guard_misuse *m)
{
	debra_guard_enter_sleepable(m->dom, m->g);
	debra_guard_unmask(m->g);
	m->ok = debra_guard_protect(m->g, 0, m);
	debra_guard_exit(m->g);
}

static void debra_test_guard_mask_twice(struct debra_test_guard_misuse *m)
{
	debra_guard_enter(m->dom, m->g);
	m->ok = debra_guard_mask(m->g) && debra_guard_mask(m->g);
	debra_guard_unmask(m->g);
	m->ok &= debra_guard_protect(m->g, 0, m);
	debra_guard_exit(m->g);
}

/* Updaters may look for room inside a guard, which is aborted if need be. */
static void debra_test_guard_throttle_inside(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_guard *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 20);
	struct debra_test_files *files = debra_test_impatient(test);
	bool aborted;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, g);
	debra_test_set_param(test, files, "limit", 10);
	debra_test_set_param(test, files, "throttle_ms", DEBRA_TEST_PATIENCE_MS);
	debra_guard_enter_sleepable(dom, g);
	debra_test_retire_typed(marks, 20);
	err = debra_throttle(dom);
	aborted = debra_guard_aborted(g);
	debra_kfree_mightsleep(dom, kmalloc(64, GFP_KERNEL));
	debra_guard_exit(g);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_TRUE(test, aborted);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 20);
	KUNIT_EXPECT_EQ(test, debra_garbage(dom), 0);
}

static void debra_test_guard_unregister_inside(struct debra_test_guard_misuse *m)
{
	m->err = debra_domain_register(&debra_test_guard_static);
	if (m->err)
		return;
	debra_guard_enter_sleepable(&debra_test_guard_static, m->g);
	m->err = debra_domain_unregister(&debra_test_guard_static);
	m->ok = debra_guard_protect(m->g, 0, m);
	debra_guard_exit(m->g);
	m->ok &= !debra_domain_unregister(&debra_test_guard_static);
}

static void debra_test_guard_of_unregistered(struct debra_test_guard_misuse *m)
{
	debra_guard_enter(&debra_test_guard_unregistered, m->g);
	m->ok = debra_guard_protect(m->g, 0, m);
	debra_guard_restart(m->g);
	debra_guard_exit(m->g);
}

static void debra_test_guard_sleepable_in_irq_fn(void *data)
{
	struct debra_test_guard_misuse *m = data;

	debra_guard_enter_sleepable(m->dom, m->g);
	m->ok = debra_guard_protect(m->g, 0, m);
	debra_guard_exit(m->g);
}

static void debra_test_guard_sleepable_in_irq(struct debra_test_guard_misuse *m)
{
	preempt_disable();
	if (!debra_test_interrupt(DEBRA_TEST_HARDIRQ, debra_test_guard_sleepable_in_irq_fn, m))
		m->err = -ETIMEDOUT;
	preempt_enable();
}

static const struct debra_test_guard_misuse_case {
	const char *name;
	void (*fn)(struct debra_test_guard_misuse *m);
	int err;
} debra_test_guard_misuses[] = {
	{ "exit twice", debra_test_guard_exit_twice },
	{ "exit twice, sleepable", debra_test_guard_exit_twice_sleepable },
	{ "restart without enter", debra_test_guard_restart_outside },
	{ "debra_barrier in a guard", debra_test_guard_barrier_inside, -EDEADLK },
	{ "debra_synchronize in a guard", debra_test_guard_synchronize_inside, -EDEADLK },
	{ "unmask without mask", debra_test_guard_unmask_unmasked },
	{ "mask twice", debra_test_guard_mask_twice },
	{ "unregister in a guard", debra_test_guard_unregister_inside, -EBUSY },
	{ "sleepable in an interrupt", debra_test_guard_sleepable_in_irq },
};

/*
 * Each is refused with one report. They have less than a budget of reports in all;
 * the suites before may have used it up.
 */
static void debra_test_guard_misuse(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_guard_misuse m = { .dom = dom };
	unsigned int i, count = preempt_count();
	long before, after;

	static_assert(ARRAY_SIZE(debra_test_guard_misuses) < DEFAULT_RATELIMIT_BURST);
	m.g = kunit_kzalloc(test, sizeof(*m.g), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.g);
	debra_test_use_interrupts(test);
	msleep(jiffies_to_msecs(DEFAULT_RATELIMIT_INTERVAL) + 100);
	for (i = 0; i < ARRAY_SIZE(debra_test_guard_misuses); i++) {
		m.err = 0;
		m.ok = false;
		before = debra_test_warnings(files);
		debra_test_splat_begin();
		debra_test_guard_misuses[i].fn(&m);
		debra_test_splat_end();
		after = debra_test_warnings(files);
		KUNIT_EXPECT_EQ_MSG(test, m.err, debra_test_guard_misuses[i].err, "%s",
				    debra_test_guard_misuses[i].name);
		KUNIT_EXPECT_TRUE_MSG(test, m.ok, "%s", debra_test_guard_misuses[i].name);
		KUNIT_EXPECT_EQ_MSG(test, after, before + 1, "%s",
				    debra_test_guard_misuses[i].name);
		KUNIT_EXPECT_EQ_MSG(test, preempt_count(), count, "%s",
				    debra_test_guard_misuses[i].name);
	}
	KUNIT_EXPECT_EQ(test, debra_test_guards_open(files, dom), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_quiet(test, dom);
}

/* Reported by the guard and, with CONFIG_DEBRA_DEBUG, by the pin that stands for it. */
static void debra_test_guard_unregistered_reported(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_guard_misuse m = { };
	unsigned int count = preempt_count();
	long before;

	m.g = kunit_kzalloc(test, sizeof(*m.g), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.g);
	before = debra_test_warnings(files);
	debra_test_splat_begin();
	debra_test_guard_of_unregistered(&m);
	debra_test_splat_end();
	KUNIT_EXPECT_GE(test, debra_test_warnings(files), before + 1);
	KUNIT_EXPECT_TRUE(test, m.ok);
	KUNIT_EXPECT_EQ(test, preempt_count(), count);
}

static struct kunit_case debra_guard_cases[] = {
	KUNIT_CASE_PARAM(debra_test_guard_in_context, debra_test_context_gen_params),
	KUNIT_CASE_PARAM(debra_test_guard_interrupted, debra_test_context_gen_params),
	KUNIT_CASE_PARAM(debra_test_guard_too_deep, debra_test_context_gen_params),
	KUNIT_CASE(debra_test_guard_storm),
	KUNIT_CASE_PARAM(debra_test_guard_holds, debra_test_stall_gen_params),
	KUNIT_CASE_PARAM(debra_test_guard_restart_lets_go, debra_test_stall_gen_params),
	KUNIT_CASE(debra_test_guard_migrates),
	KUNIT_CASE(debra_test_guard_spills),
	KUNIT_CASE_PARAM(debra_test_guard_shown, debra_test_stall_gen_params),
	KUNIT_CASE(debra_test_ipis_shown),
	KUNIT_CASE(debra_test_retire_type),
	KUNIT_CASE_SLOW(debra_test_guard_misuse),
	KUNIT_CASE(debra_test_guard_unregistered_reported),
	KUNIT_CASE(debra_test_guard_throttle_inside),
	{}
};

static struct kunit_suite debra_guard_suite = {
	.name = "debra_guard",
	.test_cases = debra_guard_cases,
};

kunit_test_suite(debra_guard_suite);

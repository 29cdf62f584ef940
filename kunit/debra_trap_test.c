// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: the traps of neutralization, each by itself.
 *
 * Each of these tests fails when the trap that it is for is built in again: see
 * enum debra_bust, and scripts/test.sh, which tries all of them. They must not crash
 * then, so objects are never given back to the allocator, only marked.
 *
 * Some need the reclaimer to stand still at one place while others go on. That is
 * what the gates are for; they exist with CONFIG_DEBRA_DEBUG.
 */
#include <kunit/resource.h>
#include <linux/cpu.h>
#include <linux/debra-test.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debra_test_reader.h"

#define DEBRA_TEST_OTHERS	20

/* ---------------------------------------------------------------- hazards */

static const struct debra_test_hazard_how {
	const char *name;
	enum debra_test_stall stall;
	unsigned int nth_cpu;
} debra_test_hazard_hows[] = {
	{ "of another CPU", DEBRA_TEST_SPIN, 1 },
	{ "of the CPU that frees", DEBRA_TEST_RUN, 0 },
	{ "of a task that sleeps", DEBRA_TEST_SLEEP, 0 },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_hazard, debra_test_hazard_hows, name);

/* No hazards (NO_HAZARDS), or not those of the CPU that does the freeing (OWN_SLOTS). */
static void debra_test_hazards_keep(struct kunit *test)
{
	const struct debra_test_hazard_how *how = test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_reader *r;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	r = debra_test_reader(test, dom, how->stall, debra_test_cpu(how->nth_cpu));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(r, 0, &marks[0]), 1);
	/* On the CPU of this thread, which is the first. */
	debra_test_retire_typed(marks, 2);
	KUNIT_ASSERT_TRUE(test, debra_test_press_until(dom, debra_test_is_aborted(r)));
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(dom, debra_test_calls(&marks[1], 1)));
	debra_test_press_for(dom, DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_EQ_MSG(test, debra_test_calls(&marks[0], 1), 0, "freed under a hazard");
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 2);
}

/* ---------------------------------------------------------------- generations */

static const enum debra_test_stall debra_test_wrap_stalls[] = {
	DEBRA_TEST_SPIN,
	DEBRA_TEST_SLEEP,
};

static void debra_test_wrap_desc(const enum debra_test_stall *stall, char *desc)
{
	strscpy(desc, debra_test_stall_name[*stall], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(debra_test_wrap, debra_test_wrap_stalls, debra_test_wrap_desc);

/* Those of a fresh domain run over at the fifth section; each has an abort. */
static void debra_test_generations_wrap(struct kunit *test)
{
	enum debra_test_stall stall = *(const enum debra_test_stall *)test->param_value;
	const unsigned int sections = 12;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2 * sections);
	unsigned long word, wraps = 0, before = 0;
	struct debra_test_reader *r;
	unsigned int i;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	r = debra_test_reader(test, dom, stall, debra_test_cpu(1));
	for (i = 0; i < 2 * sections; i += 2) {
		KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
		word = atomic_long_read(&r->guard.rec->word);
		wraps += word < before;
		before = word;
		KUNIT_ASSERT_EQ(test, debra_test_hop(r, 0, &marks[i]), 1);
		debra_test_retire_typed(&marks[i], 2);
		KUNIT_ASSERT_TRUE(test, debra_test_press_until(dom, debra_test_is_aborted(r)));
		KUNIT_EXPECT_TRUE(test, debra_test_press_until(dom,
							       debra_test_calls(&marks[i + 1], 1)));
		KUNIT_EXPECT_EQ(test, debra_test_calls(&marks[i], 1), 0);
		KUNIT_EXPECT_EQ(test, debra_test_hop(r, 1, &marks[i + 1]), 0);
		KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
		KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_calls(&marks[i], 1)));
	}
	KUNIT_EXPECT_EQ(test, wraps, 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 2 * sections);
}

/* ---------------------------------------------------------------- answers */

/* So many passes of the reclaimer, at least, without the epoch that ends. */
static bool debra_test_epoch_stands(struct debra_test_files *files, struct debra_domain *dom,
				    unsigned long epoch)
{
	long passes = debra_test_stat(files, dom, "expedited") + 5;

	debra_test_press_for(dom, DEBRA_TEST_WATCH_MS);
	return debra_test_press_until(dom, debra_test_stat(files, dom, "expedited") >= passes ||
				      debra_epoch(dom) != epoch) && debra_epoch(dom) == epoch;
}

/*
 * The CPU with the guard does not answer, for it has interrupts off. Without its answer
 * (NO_WAIT), or without the question (NO_PING), or without a look at either (NO_SETTLE)
 * the epoch would go on, though nobody knows yet what the guard's slots hold.
 */
static void debra_test_silent_cpu_is_waited_for(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1 + DEBRA_TEST_OTHERS);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_reader *r;
	bool lags, parked, stands;
	unsigned int early;
	unsigned long epoch;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "guard_ms", 60000);
	r = debra_test_reader(test, dom, DEBRA_TEST_SPIN, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(r, 0, marks), 1);
	debra_test_retire_typed(marks, 1 + DEBRA_TEST_OTHERS);
	/* All CPUs have passed a barrier in this epoch, and only the guard holds it. */
	lags = debra_test_wait(({
		debra_expedite(dom);
		debra_test_stat(files, dom, "guards_lagging") == 1;
	}));
	epoch = debra_epoch(dom);
	KUNIT_EXPECT_EQ(test, debra_test_irqs(r, false), 1);
	debra_test_set_param(test, files, "guard_ms", 0);
	parked = debra_test_press_until(dom, debra_test_stat(files, dom, "guards_parked") == 1 ||
					debra_epoch(dom) != epoch);
	stands = debra_test_epoch_stands(files, dom, epoch);
	early = debra_test_calls(marks, 1 + DEBRA_TEST_OTHERS);
	debra_test_domain_read(files, dom, "guards");
	parked &= !!strstr(debra_test_text(files), " parked ");
	KUNIT_EXPECT_EQ(test, debra_test_irqs(r, true), 1);
	KUNIT_EXPECT_TRUE(test, lags);
	KUNIT_EXPECT_TRUE_MSG(test, stands, "the epoch ended without the CPU's answer");
	KUNIT_EXPECT_TRUE_MSG(test, parked, "the guard is not shown as parked");
	KUNIT_EXPECT_EQ(test, early, 0);
	/* Now it answers. */
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(dom, debra_test_calls(&marks[1],
									     DEBRA_TEST_OTHERS) ==
						       DEBRA_TEST_OTHERS));
	KUNIT_EXPECT_EQ(test, debra_test_calls(marks, 1), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "guards_parked"), 0);
	KUNIT_EXPECT_EQ(test, debra_test_hop(r, 1, marks), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1 + DEBRA_TEST_OTHERS);
}

/* The same CPU holds up only the domain that it has a guard in. */
static void debra_test_silent_cpu_parks_one_guard(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_reader *r[2];
	unsigned int i, early;
	bool parked;

	debra_test_need_cpus(test, 3);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "guard_ms", 60000);
	for (i = 0; i < 2; i++) {
		r[i] = debra_test_reader(test, dom, DEBRA_TEST_SPIN, debra_test_cpu(i + 1));
		KUNIT_ASSERT_EQ(test, debra_test_enter(r[i]), 1);
		KUNIT_ASSERT_EQ(test, debra_test_hop(r[i], 0, &marks[i]), 1);
	}
	debra_test_retire_typed(marks, 2);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_expedite(dom);
		debra_test_stat(files, dom, "guards_lagging") == 2;
	})));
	KUNIT_EXPECT_EQ(test, debra_test_irqs(r[0], false), 1);
	debra_test_set_param(test, files, "guard_ms", 0);
	/* Both are aborted, one is settled, the other parked. */
	parked = debra_test_press_until(dom, debra_test_is_aborted(r[0]) &&
					debra_test_is_aborted(r[1]) &&
					debra_test_stat(files, dom, "guards_parked") == 1);
	early = debra_test_calls(marks, 2);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r[1]), 1);
	KUNIT_EXPECT_EQ(test, debra_test_irqs(r[0], true), 1);
	KUNIT_EXPECT_TRUE(test, parked);
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(dom, debra_test_calls(&marks[1], 1)));
	KUNIT_EXPECT_EQ(test, debra_test_calls(marks, 1), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r[0]), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 2);
}

/*
 * While a CPU answers nothing, no question that is put now is answered: not by a round of
 * IPIs that is over or under way already (COALESCED). An epoch may end for which the
 * answers were there before, and no other.
 */
static void debra_test_old_answers_do_not_count(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_domain *other = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_reader *r;
	unsigned long epoch, after;
	unsigned int i, early;

	if (static_key_enabled(&debra_fence_key.key))
		kunit_skip(test, "with pins=fence no CPU is asked");
	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	r = debra_test_reader(test, other, DEBRA_TEST_SPIN, debra_test_cpu(1));
	/* Rounds for all CPUs, so that the last number given is that of one. */
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ(test, debra_synchronize(dom), 0);
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_EXPECT_EQ(test, debra_test_irqs(r, false), 1);
	epoch = debra_epoch(dom);
	debra_test_mark_retire_typed(marks);
	debra_test_push_for(dom, 2 * DEBRA_TEST_WATCH_MS);
	after = debra_epoch(dom);
	early = debra_test_calls(marks, 1);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_LE_MSG(test, after, epoch + 1, "epochs ended without a CPU's answer");
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1);
}

/* ---------------------------------------------------------------- write phases */

struct debra_test_unlink {
	struct debra_test_mark *root;
	struct debra_test_mark *mark;
};

static bool debra_test_step_unlink(struct debra_test_reader *r)
{
	struct debra_test_unlink *u = r->arg;

	return debra_hop(&r->guard, 0, u->mark, u->root) && u->mark &&
	       cmpxchg(&u->root, u->mark, NULL) == u->mark;
}

static bool debra_test_step_retire(struct debra_test_reader *r)
{
	struct debra_test_unlink *u = r->arg;

	/* Whoever unlinked it retires it, aborted or not. */
	debra_test_mark_retire_typed(u->mark);
	return !debra_guard_aborted(&r->guard);
}

/* Aborted between the CAS that unlinks and the retirement: it is retired once. */
static void debra_test_aborted_before_retire(struct kunit *test)
{
	enum debra_test_stall stall = *(const enum debra_test_stall *)test->param_value;
	struct debra_test_unlink *u = kunit_kzalloc(test, sizeof(*u), GFP_KERNEL);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_reader *r;

	KUNIT_ASSERT_NOT_NULL(test, u);
	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	u->root = &marks[0];
	r = debra_test_reader(test, dom, stall, debra_test_cpu(1));
	r->arg = u;
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_ASSERT_EQ(test, debra_test_do(r, debra_test_step_unlink), 1);
	KUNIT_ASSERT_TRUE(test, debra_test_press_until(dom, debra_test_is_aborted(r)));
	KUNIT_EXPECT_EQ(test, debra_test_do(r, debra_test_step_retire), 0);
	debra_test_mark_retire_typed(&marks[1]);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(dom, debra_test_calls(&marks[1], 1)));
	debra_test_press_for(dom, DEBRA_TEST_WATCH_MS / 2);
	KUNIT_EXPECT_EQ(test, debra_test_calls(&marks[0], 1), 0);
	/* Tried again from the root, it finds nothing to unlink. */
	KUNIT_EXPECT_EQ(test, debra_test_restart(r), 1);
	KUNIT_EXPECT_EQ(test, debra_test_do(r, debra_test_step_unlink), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 2);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "double_retire"), 0);
}

/* ---------------------------------------------------------------- gates */

#ifdef CONFIG_DEBRA_DEBUG
#define DEBRA_TEST_GATES	(DEBRA_PAUSE_BEFORE_FREE + 1)

/* A place where the reclaimer waits while it is shut. */
static struct debra_test_gate {
	bool shut;
	atomic_t waiting;
} debra_test_gates[DEBRA_TEST_GATES];

static void debra_test_gate_hook(enum debra_pause where)
{
	struct debra_test_gate *gate = &debra_test_gates[where];

	if (!READ_ONCE(gate->shut))
		return;
	atomic_inc(&gate->waiting);
	while (READ_ONCE(gate->shut))
		usleep_range(100, 500);
	atomic_dec(&gate->waiting);
}

static void debra_test_gates_end(void *unused)
{
	WRITE_ONCE(debra_pause_hook, NULL);
}

static void debra_test_gates_open(void *unused)
{
	unsigned int i;

	for (i = 0; i < DEBRA_TEST_GATES; i++)
		WRITE_ONCE(debra_test_gates[i].shut, false);
}

/*
 * A domain with gates. Its reclaimer has come to its end before the hook goes, and all
 * gates are open before that.
 */
static struct debra_domain *debra_test_gated_domain(struct kunit *test)
{
	debra_test_gates_open(NULL);
	WRITE_ONCE(debra_pause_hook, debra_test_gate_hook);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_gates_end, NULL));
	return debra_test_domain(test);
}

/* Opened before anything that was begun so far ends. */
static void debra_test_gate_shut(struct kunit *test, enum debra_pause where)
{
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_gates_open, NULL));
	WRITE_ONCE(debra_test_gates[where].shut, true);
}

static void debra_test_gate_open(enum debra_pause where)
{
	WRITE_ONCE(debra_test_gates[where].shut, false);
}

static bool debra_test_gate_reached(enum debra_pause where)
{
	return atomic_read(&debra_test_gates[where].waiting);
}

static void debra_test_late_mark(struct kunit *test)
{
	enum debra_test_stall stall = *(const enum debra_test_stall *)test->param_value;
	struct debra_domain *dom = debra_test_gated_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_reader *r;
	bool reached, marked, aborted;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	r = debra_test_reader(test, dom, stall, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	debra_test_gate_shut(test, DEBRA_PAUSE_BEFORE_MARK);
	debra_test_gate_shut(test, DEBRA_PAUSE_BEFORE_SETTLE);
	reached = debra_test_press_until(dom, debra_test_gate_reached(DEBRA_PAUSE_BEFORE_MARK));
	/* The section that is about to be marked ends, and another begins. */
	KUNIT_EXPECT_EQ(test, debra_test_restart(r), 1);
	KUNIT_EXPECT_EQ(test, debra_test_hop(r, 0, &marks[0]), 1);
	debra_test_retire_typed(marks, 2);
	debra_test_set_param(test, files, "guard_ms", 60000);
	debra_test_gate_open(DEBRA_PAUSE_BEFORE_MARK);
	marked = debra_test_wait(debra_test_gate_reached(DEBRA_PAUSE_BEFORE_SETTLE));
	aborted = debra_test_is_aborted(r);
	debra_test_gate_open(DEBRA_PAUSE_BEFORE_SETTLE);
	KUNIT_EXPECT_EQ_MSG(test, debra_test_hop(r, 1, &marks[1]), 1, "a fresh section is aborted");
	debra_test_press_for(dom, DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_EQ(test, debra_test_calls(marks, 2), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_TRUE(test, reached && marked);
	KUNIT_EXPECT_FALSE(test, aborted);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "neutralized"), 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 2);
}

/*
 * A snapshot of hazards is taken. Meanwhile a second guard is aborted, epochs go on, and
 * what this guard names becomes free. The snapshot knows nothing of it, so it must not
 * pass for one of the new epoch (UNSEALED).
 */
static bool debra_test_seal_scene(struct kunit *test)
{
	struct debra_domain *dom = debra_test_gated_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 2);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_pending *barrier;
	struct debra_test_reader *r[2];
	unsigned int i;
	bool came_about;

	for (i = 0; i < 2; i++)
		r[i] = debra_test_reader(test, dom, DEBRA_TEST_SLEEP, debra_test_cpu(1));
	/* The first: aborted, and all that is left is what it names. */
	KUNIT_ASSERT_EQ(test, debra_test_enter(r[0]), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(r[0], 0, &marks[0]), 1);
	debra_test_mark_retire_typed(&marks[0]);
	KUNIT_ASSERT_TRUE(test, debra_test_press_until(dom, debra_test_is_aborted(r[0])));
	KUNIT_ASSERT_TRUE(test, debra_test_wait(({
		debra_expedite(dom);
		debra_garbage(dom) == 1;
	})));
	/* The second: lags, and is about to be marked. No pass but the one that we ask for. */
	debra_test_set_param(test, files, "guard_ms", 60000);
	KUNIT_ASSERT_EQ(test, debra_test_enter(r[1]), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(r[1], 0, &marks[1]), 1);
	debra_test_mark_retire_typed(&marks[1]);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(({
		debra_expedite(dom);
		debra_test_stat(files, dom, "guards_lagging") == 1;
	})));
	debra_test_set_param(test, files, "interval_ms", 10000);
	msleep(300);
	debra_test_set_param(test, files, "guard_ms", 0);
	debra_test_set_param(test, files, "throttle_ms", 60000);
	debra_test_set_param(test, files, "limit", 1);
	debra_test_gate_shut(test, DEBRA_PAUSE_BEFORE_MARK);
	debra_test_pending(test, dom, debra_throttle);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(debra_test_gate_reached(DEBRA_PAUSE_BEFORE_MARK)));
	/* No other pass soon after it: that one would throw the snapshot away. */
	debra_test_set_param(test, files, "guard_ms", 60000);
	/* Somebody drains. */
	debra_test_gate_shut(test, DEBRA_PAUSE_IN_SNAPSHOT);
	barrier = debra_test_pending(test, dom, debra_barrier);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(debra_test_gate_reached(DEBRA_PAUSE_IN_SNAPSHOT)));
	debra_test_gate_open(DEBRA_PAUSE_BEFORE_MARK);
	for (i = 0; i < 100 && debra_epoch(dom) < marks[1].stamp + DEBRA_TEST_GRACE; i++)
		msleep(20);
	came_about = debra_epoch(dom) >= marks[1].stamp + DEBRA_TEST_GRACE;
	kunit_info(test, "stamp %lu, epoch %lu", marks[1].stamp, debra_epoch(dom));
	msleep(DEBRA_TEST_WATCH_MS);
	debra_test_gate_open(DEBRA_PAUSE_IN_SNAPSHOT);
	msleep(DEBRA_TEST_WATCH_MS);
	debra_test_press_for(dom, DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_EQ_MSG(test, debra_test_calls(&marks[0], 1), 0, "freed under a hazard");
	KUNIT_EXPECT_EQ_MSG(test, debra_test_calls(&marks[1], 1), 0,
			    "freed under a hazard that came after the snapshot");
	KUNIT_EXPECT_FALSE(test, debra_test_pending_done(barrier));
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, debra_test_exit(r[i]), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 2);
	return came_about;
}

static void debra_test_snapshot_is_sealed(struct kunit *test)
{
	unsigned int tries, scenes = 0;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	/*
	 * The pass may be cut short by a CPU that is slow to answer, and who breaks the seal
	 * may be lucky: the reclaimer throws the snapshot away before anybody uses it.
	 */
	for (tries = 0; tries < 12 && scenes < 4; tries++)
		scenes += debra_test_seal_scene(test);
	KUNIT_EXPECT_EQ_MSG(test, scenes, 4, "the scene does not come about");
}

/*
 * The reclaimer looks for work while all that is kept is in the hands of a drain; and then
 * the guard ends. What comes back is not forgotten.
 */
static void debra_test_kept_in_flight(struct kunit *test)
{
	struct debra_domain *dom = debra_test_gated_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1);
	struct debra_test_reader *r;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	r = debra_test_reader(test, dom, DEBRA_TEST_SLEEP, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(r, 0, marks), 1);
	debra_test_mark_retire_typed(marks);
	KUNIT_ASSERT_TRUE(test, debra_test_press_until(dom, debra_test_is_aborted(r)));
	KUNIT_ASSERT_TRUE(test, debra_test_wait(({
		debra_expedite(dom);
		debra_garbage(dom) == 1;
	})));
	debra_test_gate_shut(test, DEBRA_PAUSE_BEFORE_FREE);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(debra_test_gate_reached(DEBRA_PAUSE_BEFORE_FREE)));
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	/* Time for the reclaimer to see that there is nothing to do. */
	msleep(500);
	KUNIT_EXPECT_EQ(test, debra_test_calls(marks, 1), 0);
	debra_test_gate_open(DEBRA_PAUSE_BEFORE_FREE);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_wait(debra_test_calls(marks, 1)),
			      "nobody frees what was kept");
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1);
}

#ifdef CONFIG_HOTPLUG_CPU
static void debra_test_trap_add_cpu(void *data)
{
	add_cpu((unsigned long)data);
}

/* The CPU that is to be asked goes away: it need not answer, and nobody waits for it. */
static void debra_test_ping_of_dead_cpu(struct kunit *test)
{
	struct debra_domain *dom = debra_test_gated_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1 + DEBRA_TEST_OTHERS);
	struct debra_test_reader *r;
	unsigned long cpu;
	bool reached, freed;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	cpu = debra_test_cpu(num_online_cpus() - 1);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_trap_add_cpu,
							   (void *)cpu));
	r = debra_test_reader(test, dom, DEBRA_TEST_RUN, cpu);
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(r, 0, marks), 1);
	debra_test_retire_typed(marks, 1 + DEBRA_TEST_OTHERS);
	debra_test_gate_shut(test, DEBRA_PAUSE_BEFORE_PING);
	reached = debra_test_press_until(dom, debra_test_gate_reached(DEBRA_PAUSE_BEFORE_PING));
	KUNIT_ASSERT_TRUE(test, reached);
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	debra_test_gate_open(DEBRA_PAUSE_BEFORE_PING);
	freed = debra_test_press_until(dom, debra_test_calls(&marks[1], DEBRA_TEST_OTHERS) ==
				       DEBRA_TEST_OTHERS);
	KUNIT_EXPECT_TRUE_MSG(test, freed, "the reclaimer waits for a CPU that is offline");
	KUNIT_EXPECT_EQ(test, debra_test_calls(marks, 1), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1 + DEBRA_TEST_OTHERS);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
}
#endif
#endif /* CONFIG_DEBRA_DEBUG */

static struct kunit_case debra_trap_cases[] = {
	KUNIT_CASE_PARAM(debra_test_hazards_keep, debra_test_hazard_gen_params),
	KUNIT_CASE_PARAM(debra_test_generations_wrap, debra_test_wrap_gen_params),
	KUNIT_CASE(debra_test_silent_cpu_is_waited_for),
	KUNIT_CASE(debra_test_silent_cpu_parks_one_guard),
	KUNIT_CASE(debra_test_old_answers_do_not_count),
	KUNIT_CASE_PARAM(debra_test_aborted_before_retire, debra_test_wrap_gen_params),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE_PARAM(debra_test_late_mark, debra_test_wrap_gen_params),
	KUNIT_CASE(debra_test_snapshot_is_sealed),
	KUNIT_CASE(debra_test_kept_in_flight),
#ifdef CONFIG_HOTPLUG_CPU
	KUNIT_CASE(debra_test_ping_of_dead_cpu),
#endif
#endif
	{}
};

static struct kunit_suite debra_trap_suite = {
	.name = "debra_trap",
	.test_cases = debra_trap_cases,
};

kunit_test_suite(debra_trap_suite);

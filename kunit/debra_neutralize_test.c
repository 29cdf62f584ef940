// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: guards that stall and are aborted.
 *
 * In most of them memory presses and nobody has patience, so that a guard is
 * aborted as soon as it holds the epoch back. What its slots name must stay until
 * it lets go, and all the rest must not.
 */
#include <kunit/resource.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "debra_test_reader.h"

#define DEBRA_TEST_OTHERS	20	/* objects that no slot names */

/* ---------------------------------------------------------------- a scene */

static const struct debra_test_scene_how {
	const char *name;
	enum debra_test_stall stall;
	bool hog;	/* somebody of higher priority runs on its CPU */
	bool spilled;	/* its CPU has no record left */
} debra_test_scene_hows[] = {
	{ "spinning, not preemptible", DEBRA_TEST_SPIN },
	{ "asleep", DEBRA_TEST_SLEEP },
	{ "running, preemptible", DEBRA_TEST_RUN },
	{ "preempted", DEBRA_TEST_RUN, .hog = true },
	{ "asleep, spilled", DEBRA_TEST_SLEEP, .spilled = true },
	{ "running, spilled", DEBRA_TEST_RUN, .spilled = true },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_scene, debra_test_scene_hows, name);

/**
 * struct debra_test_scene - a reader inside that names one object
 * @dom: the domain
 * @files: its files
 * @named: the object in slot 0; retired
 * @others: %DEBRA_TEST_OTHERS more, retired and named by nobody
 * @reader: the reader
 * @hog: who keeps it from running, if so
 * @taken: the guards that have all records of its CPU, if so
 */
struct debra_test_scene {
	struct debra_domain *dom;
	struct debra_test_files *files;
	struct debra_test_mark *named;
	struct debra_test_mark *others;
	struct debra_test_reader *reader;
	struct task_struct *hog;
	struct debra_guard taken[DEBRA_GUARD_TASKS];
};

static int debra_test_hog_fn(void *data)
{
	sched_set_fifo(current);
	while (!kthread_should_stop())
		cpu_relax();
	return 0;
}

static bool debra_test_step_take_records(struct debra_test_reader *r)
{
	struct debra_test_scene *s = r->arg;
	unsigned int i;

	for (i = 0; i < DEBRA_GUARD_TASKS; i++)
		debra_guard_enter_sleepable(s->dom, &s->taken[i]);
	return true;
}

static bool debra_test_step_give_records(struct debra_test_reader *r)
{
	struct debra_test_scene *s = r->arg;
	unsigned int i;

	for (i = 0; i < DEBRA_GUARD_TASKS; i++)
		debra_guard_exit(&s->taken[i]);
	return true;
}

static int debra_test_scene_enter(struct debra_test_scene *s, bool spilled)
{
	int ok;

	s->reader->arg = s;
	if (spilled && debra_test_do(s->reader, debra_test_step_take_records) != 1)
		return -ETIMEDOUT;
	ok = debra_test_enter(s->reader);
	if (spilled && debra_test_do(s->reader, debra_test_step_give_records) != 1)
		return -ETIMEDOUT;
	return ok;
}

/* The reader is not inside yet, and nothing is retired. */
static struct debra_test_scene *debra_test_scene_on(struct kunit *test,
						    enum debra_test_stall stall, unsigned int cpu)
{
	struct debra_test_scene *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->dom = debra_test_domain(test);
	s->files = debra_test_impatient(test);
	s->named = debra_test_marks(test, s->dom, 1);
	s->others = debra_test_marks(test, s->dom, DEBRA_TEST_OTHERS);
	s->reader = debra_test_reader(test, s->dom, stall, cpu);
	return s;
}

static void debra_test_retire_scene_fn(void *data)
{
	struct debra_test_scene *s = data;

	debra_test_mark_retire_typed(s->named);
	debra_test_retire_typed(s->others, DEBRA_TEST_OTHERS);
}

static struct debra_test_scene *debra_test_scene(struct kunit *test,
						 const struct debra_test_scene_how *how)
{
	struct debra_test_scene *s;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	s = debra_test_scene_on(test, how->stall, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_scene_enter(s, how->spilled), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(s->reader, 0, &s->named->magic), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(s->files, s->dom, "guards_spilled"), how->spilled);
	if (how->hog)
		s->hog = debra_test_thread(test, debra_test_hog_fn, NULL, debra_test_cpu(1));
	debra_test_retire_scene_fn(s);
	return s;
}

/* Have the guard aborted, and see that all goes but for what it names. */
static void debra_test_scene_abort(struct kunit *test, struct debra_test_scene *s)
{
	KUNIT_ASSERT_TRUE_MSG(test, debra_test_press_until(s->dom,
							   debra_test_is_aborted(s->reader)),
			      "the guard is not aborted");
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_press_until(s->dom,
							   debra_test_calls(s->others,
									    DEBRA_TEST_OTHERS) ==
							   DEBRA_TEST_OTHERS),
			      "an aborted guard holds what it does not name");
	debra_test_press_for(s->dom, DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_EQ_MSG(test, debra_test_calls(s->named, 1), 0,
			    "what the guard names is gone");
	if (s->hog)
		debra_test_thread_stop(test, s->hog);
}

static void debra_test_scene_end(struct kunit *test, struct debra_test_scene *s)
{
	KUNIT_EXPECT_EQ(test, debra_barrier(s->dom), 0);
	debra_test_expect_called_once(test, s->named, 1);
	debra_test_expect_called_once(test, s->others, DEBRA_TEST_OTHERS);
	/* The reclaimer sees to that when it comes by. */
	KUNIT_EXPECT_TRUE(test, debra_test_wait(!debra_test_stat(s->files, s->dom,
								 "guards_aborted")));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(!debra_test_stat(s->files, s->dom, "hazard_kept")));
	debra_test_expect_quiet(test, s->dom);
}

/* ---------------------------------------------------------------- one guard */

/* Also that the next hop fails, from which a frozen chain cannot be followed. */
static void debra_test_stalled_guard_is_aborted(struct kunit *test)
{
	struct debra_test_scene *s = debra_test_scene(test, test->param_value);
	unsigned int i;

	debra_test_scene_abort(test, s);
	KUNIT_EXPECT_GE(test, debra_test_stat(s->files, s->dom, "neutralized"), 1);
	KUNIT_EXPECT_GE(test, debra_test_stat(s->files, s->dom, "guards_aborted"), 1);
	KUNIT_EXPECT_GE(test, debra_test_stat(s->files, s->dom, "kept"), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(s->files, s->dom, "guards_parked"), 0);
	for (i = 1; i < DEBRA_GUARD_SLOTS; i++)
		KUNIT_EXPECT_EQ_MSG(test, debra_test_hop(s->reader, i, &s->others[i]), 0,
				    "a hop succeeded after the abort");
	KUNIT_EXPECT_EQ(test, debra_test_mask(s->reader), 0);
	debra_test_press_for(s->dom, DEBRA_TEST_WATCH_MS / 2);
	KUNIT_EXPECT_EQ(test, debra_test_calls(s->named, 1), 0);
	KUNIT_EXPECT_EQ(test, debra_test_restart(s->reader), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(s->files, s->dom, "restarts"), 1);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_wait(debra_test_calls(s->named, 1)),
			      "a restart does not let go");
	KUNIT_EXPECT_EQ(test, debra_test_exit(s->reader), 1);
	debra_test_scene_end(test, s);
}

/* The section after a restart is one like any other. */
static void debra_test_restarted_guard_is_aborted(struct kunit *test)
{
	struct debra_test_scene *s = debra_test_scene(test, test->param_value);
	struct debra_test_mark *again = debra_test_marks(test, s->dom, 1);

	debra_test_scene_abort(test, s);
	debra_test_set_param(test, s->files, "guard_ms", 60000);
	KUNIT_EXPECT_EQ(test, debra_test_restart(s->reader), 1);
	KUNIT_EXPECT_EQ(test, debra_test_hop(s->reader, 3, &again->calls), 1);
	debra_test_mark_retire_typed(again);
	debra_test_press_for(s->dom, DEBRA_TEST_WATCH_MS / 2);
	KUNIT_EXPECT_EQ(test, debra_test_calls(again, 1), 0);
	KUNIT_EXPECT_EQ(test, debra_test_hop(s->reader, 2, &again->head), 1);
	debra_test_set_param(test, s->files, "guard_ms", 0);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(s->dom, debra_test_is_aborted(s->reader)));
	debra_test_press_for(s->dom, DEBRA_TEST_WATCH_MS / 2);
	KUNIT_EXPECT_EQ(test, debra_test_calls(again, 1), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(s->reader), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(s->dom), 0);
	debra_test_expect_called_once(test, again, 1);
	debra_test_scene_end(test, s);
}

static int debra_test_let_go_overwrite(struct debra_test_reader *r)
{
	return debra_test_hop(r, 0, r) == 0;
}

static int debra_test_let_go_clear(struct debra_test_reader *r)
{
	return debra_test_clear(r, 0);
}

static const struct debra_test_let_go {
	const char *name;
	int (*fn)(struct debra_test_reader *r);
	enum debra_test_stall stall;
} debra_test_let_gos[] = {
	{ "exit", debra_test_exit, DEBRA_TEST_SPIN },
	{ "exit, sleepable", debra_test_exit, DEBRA_TEST_SLEEP },
	{ "clear", debra_test_let_go_clear, DEBRA_TEST_SPIN },
	{ "clear, sleepable", debra_test_let_go_clear, DEBRA_TEST_SLEEP },
	{ "overwrite", debra_test_let_go_overwrite, DEBRA_TEST_SPIN },
	{ "overwrite, sleepable", debra_test_let_go_overwrite, DEBRA_TEST_SLEEP },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_let_go, debra_test_let_gos, name);

/* Nobody asks for what was kept; the reclaimer sees to it by itself. */
static void debra_test_kept_until_let_go(struct kunit *test)
{
	const struct debra_test_let_go *how = test->param_value;
	struct debra_test_scene_how scene = { .stall = how->stall };
	struct debra_test_scene *s = debra_test_scene(test, &scene);

	debra_test_scene_abort(test, s);
	KUNIT_EXPECT_EQ(test, how->fn(s->reader), 1);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_wait(debra_test_calls(s->named, 1)),
			      "what nobody names any more stays");
	debra_test_reader_stop(test, s->reader);
	debra_test_scene_end(test, s);
}

static const struct debra_test_waits_how {
	const char *name;
	debra_test_wait_fn wait;
	enum debra_test_stall stall;
} debra_test_waits_hows[] = {
	{ "debra_barrier", debra_barrier, DEBRA_TEST_SPIN },
	{ "debra_barrier, sleepable", debra_barrier, DEBRA_TEST_SLEEP },
	{ "debra_synchronize", debra_synchronize, DEBRA_TEST_SPIN },
	{ "debra_synchronize, sleepable", debra_synchronize, DEBRA_TEST_SLEEP },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_waits_how, debra_test_waits_hows, name);

static void debra_test_aborted_guard_delays_waiter(struct kunit *test)
{
	const struct debra_test_waits_how *how = test->param_value;
	struct debra_test_scene_how scene = { .stall = how->stall };
	struct debra_test_scene *s = debra_test_scene(test, &scene);
	struct debra_test_pending *pending;
	bool early;

	debra_test_scene_abort(test, s);
	pending = debra_test_pending(test, s->dom, how->wait);
	debra_test_press_for(s->dom, DEBRA_TEST_WATCH_MS);
	early = debra_test_pending_done(pending);
	KUNIT_EXPECT_EQ(test, debra_test_exit(s->reader), 1);
	KUNIT_EXPECT_FALSE_MSG(test, early, "%s did not wait for an aborted guard", how->name);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(debra_test_pending_done(pending)));
	KUNIT_EXPECT_EQ(test, pending->err, 0);
	debra_test_scene_end(test, s);
}

/* The same, when the guard is aborted while somebody waits already. */
static void debra_test_waiter_before_abort(struct kunit *test)
{
	const struct debra_test_waits_how *how = test->param_value;
	struct debra_test_scene_how scene = { .stall = how->stall };
	struct debra_test_scene *s = debra_test_scene(test, &scene);
	struct debra_test_pending *pending;
	bool early;

	pending = debra_test_pending(test, s->dom, how->wait);
	debra_test_scene_abort(test, s);
	early = debra_test_pending_done(pending);
	KUNIT_EXPECT_EQ(test, debra_test_exit(s->reader), 1);
	KUNIT_EXPECT_FALSE_MSG(test, early, "%s did not wait for an aborted guard", how->name);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(debra_test_pending_done(pending)));
	KUNIT_EXPECT_EQ(test, pending->err, 0);
	debra_test_scene_end(test, s);
}

static void debra_test_masked_guard_is_spared(struct kunit *test)
{
	const struct debra_test_scene_how *how = test->param_value;
	struct debra_test_scene_how scene = { .stall = how->stall, .spilled = how->spilled };
	struct debra_test_scene *s = debra_test_scene(test, &scene);
	unsigned int early;
	bool aborted;

	/* It may have been aborted by now only if memory pressed, which it did not. */
	KUNIT_ASSERT_EQ(test, debra_test_mask(s->reader), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(s->dom,
						       debra_test_stat(s->files, s->dom,
								       "guards_lagging") == 1));
	debra_test_press_for(s->dom, DEBRA_TEST_WATCH_MS);
	aborted = debra_test_is_aborted(s->reader);
	early = debra_test_calls(s->others, DEBRA_TEST_OTHERS);
	KUNIT_EXPECT_EQ(test, debra_test_hop(s->reader, 1, &s->others[0]), 1);
	KUNIT_EXPECT_EQ(test, debra_test_unmask(s->reader), 1);
	KUNIT_EXPECT_FALSE_MSG(test, aborted, "a masked guard was aborted");
	KUNIT_EXPECT_EQ(test, early, 0);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(s->dom, debra_test_is_aborted(s->reader)));
	KUNIT_EXPECT_EQ(test, debra_test_mask(s->reader), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(s->reader), 1);
	debra_test_scene_end(test, s);
}

/* Without pressure patience lasts for stall_ms, and not for ever. */
static void debra_test_patience_ends(struct kunit *test)
{
	struct debra_test_scene_how how = { .stall = DEBRA_TEST_SLEEP };
	struct debra_test_scene *s = debra_test_scene(test, &how);
	long passes;
	bool early;

	debra_test_push_for(s->dom, DEBRA_TEST_WATCH_MS);
	early = debra_test_is_aborted(s->reader);
	debra_test_splat_begin();
	debra_test_set_param(test, s->files, "stall_ms", 50);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_is_aborted(s->reader)));
	debra_test_set_param(test, s->files, "stall_ms", 600000);
	/* The pass that has aborted it reports it, too, and is over when a later one begins. */
	passes = debra_test_stat(s->files, s->dom, "expedited");
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_expedite(s->dom);
		debra_test_stat(s->files, s->dom, "expedited") >= passes + 2;
	})));
	debra_test_splat_end();
	KUNIT_EXPECT_FALSE(test, early);
	KUNIT_EXPECT_EQ(test, debra_test_exit(s->reader), 1);
	debra_test_scene_end(test, s);
}

/* ---------------------------------------------------------------- pressers */

static int debra_test_presser_fn(void *data)
{
	while (!kthread_should_stop()) {
		debra_test_press(data);
		debra_test_pace(data);
		/* Those who free share the CPU with us, and KASAN makes that dear. */
		if (IS_ENABLED(CONFIG_KASAN))
			msleep(20);
		else
			usleep_range(100, 200);
	}
	return 0;
}

/* ---------------------------------------------------------------- starvation */

#define DEBRA_TEST_NODES	60
#define DEBRA_TEST_STUBBORN	6	/* so often the reader waits to be aborted */

struct debra_test_node {
	struct debra_test_node *next;
	unsigned long value;
};

struct debra_test_walk {
	struct debra_test_node *head;
	unsigned int attempts;
	unsigned long sum;
};

static void debra_test_walk_dwell(struct debra_test_reader *r, struct debra_test_walk *walk)
{
	if (r->stall == DEBRA_TEST_SPIN)
		mdelay(1);
	else
		usleep_range(200, 400);
	/* To see it escalate whatever the speed of this machine. */
	while (walk->attempts <= DEBRA_TEST_STUBBORN && !debra_guard_aborted(&r->guard) &&
	       !kthread_should_stop())
		cpu_relax();
}

/* Return: false if the walk has to start again. */
static bool debra_test_walk_once(struct debra_test_reader *r, struct debra_test_walk *walk)
{
	struct debra_test_node **link = &walk->head, *node;
	unsigned int i = 0;

	walk->attempts++;
	walk->sum = 0;
	do {
		if (!debra_hop(&r->guard, i++ % 2, node, *link))
			return false;
		if (!node)
			break;
		walk->sum += node->value;
		link = &node->next;
		debra_test_walk_dwell(r, walk);
	} while (!kthread_should_stop());
	return true;
}

static bool debra_test_step_walk(struct debra_test_reader *r)
{
	while (!debra_test_walk_once(r, r->arg))
		debra_guard_restart(&r->guard);
	return true;
}

/* Under constant pressure a long traversal comes to its end, for it is given time. */
static void debra_test_long_walk_ends(struct kunit *test)
{
	enum debra_test_stall stall = *(const enum debra_test_stall *)test->param_value;
	struct debra_test_walk *walk = kunit_kzalloc(test, sizeof(*walk), GFP_KERNEL);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_node *node;
	struct debra_test_reader *r;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, walk);
	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "guard_ms", 1);
	for (i = 1; i <= DEBRA_TEST_NODES; i++) {
		node = kunit_kzalloc(test, sizeof(*node), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, node);
		node->value = i;
		node->next = walk->head;
		walk->head = node;
	}
	r = debra_test_reader(test, dom, stall, debra_test_cpu(1));
	r->arg = walk;
	debra_test_thread(test, debra_test_presser_fn, dom, debra_test_cpu(0));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_EXPECT_EQ_MSG(test, debra_test_do(r, debra_test_step_walk), 1,
			    "the reader starves");
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	kunit_info(test, "%u attempts", walk->attempts);
	KUNIT_EXPECT_GT(test, walk->attempts, DEBRA_TEST_STUBBORN);
	KUNIT_EXPECT_EQ(test, walk->sum, DEBRA_TEST_NODES * (DEBRA_TEST_NODES + 1) / 2);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "restarts"), walk->attempts - 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "escalations"), 1);
}

static const enum debra_test_stall debra_test_walk_stalls[] = {
	DEBRA_TEST_SPIN,
	DEBRA_TEST_SLEEP,
};

static void debra_test_walk_desc(const enum debra_test_stall *stall, char *desc)
{
	strscpy(desc, *stall == DEBRA_TEST_SPIN ? "not preemptible" : "sleepable",
		KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(debra_test_walk, debra_test_walk_stalls, debra_test_walk_desc);

/* ---------------------------------------------------------------- logs */

#define DEBRA_TEST_KINDS	4
#define DEBRA_TEST_EACH		25	/* of each kind that the log names, and does not */
#define DEBRA_TEST_LIVE		0x1122334455667788UL

struct debra_test_thing {
	unsigned long magic;
	struct debra_head head;
	unsigned long body[8];
	unsigned long tail;
};

static void debra_test_thing_free(struct debra_head *head)
{
	kfree(container_of(head, struct debra_test_thing, head));
}

static DEFINE_DEBRA_TYPE(debra_test_thing_type, struct debra_test_thing, head,
			 debra_test_thing_free);

static const struct debra_test_log_how {
	const char *name;
	unsigned int chunks;
	unsigned int entries;	/* in each */
	enum debra_test_stall stall;
} debra_test_log_hows[] = {
	{ "one chunk", 1, DEBRA_TEST_KINDS * DEBRA_TEST_EACH, DEBRA_TEST_SLEEP },
	{ "one chunk, not preemptible", 1, DEBRA_TEST_KINDS * DEBRA_TEST_EACH, DEBRA_TEST_SPIN },
	{ "chunks of one entry", DEBRA_TEST_KINDS * DEBRA_TEST_EACH, 1, DEBRA_TEST_SLEEP },
	{ "10000 entries", 40, 250, DEBRA_TEST_SLEEP },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_log, debra_test_log_hows, name);

/* An entry of a transaction: the address comes first, what else there is does not matter. */
struct debra_test_log_entry {
	const void *address;
	unsigned long value[2];
};

struct debra_test_log {
	const struct debra_test_log_how *how;
	struct debra_log_chunk *chunk;
	struct debra_test_log_entry *entry;
	struct debra_test_thing *named[DEBRA_TEST_KINDS * DEBRA_TEST_EACH];
	unsigned int published;
};

static struct debra_test_log *debra_test_log(struct kunit *test)
{
	struct debra_test_log *log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);
	const struct debra_test_log_how *how = test->param_value;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, log);
	log->how = how;
	log->chunk = kunit_kcalloc(test, how->chunks, sizeof(*log->chunk), GFP_KERNEL);
	log->entry = kunit_kcalloc(test, how->chunks * how->entries, sizeof(*log->entry),
				   GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, log->chunk);
	KUNIT_ASSERT_NOT_NULL(test, log->entry);
	for (i = 0; i < how->chunks; i++) {
		log->chunk[i].entry = log->entry + i * how->entries;
		log->chunk[i].stride = sizeof(*log->entry);
	}
	return log;
}

static struct debra_test_thing *debra_test_thing(struct kunit *test)
{
	struct debra_test_thing *thing = kzalloc(sizeof(*thing), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, thing);
	thing->magic = DEBRA_TEST_LIVE;
	thing->tail = DEBRA_TEST_LIVE;
	return thing;
}

static void debra_test_thing_retire(struct debra_domain *dom, struct debra_test_thing *thing,
				    unsigned int kind)
{
	switch (kind) {
	case 0:
		debra_kfree(dom, thing, head);
		break;
	case 1:
		debra_kfree_mightsleep(dom, thing);
		break;
	case 2:
		debra_retire(dom, &thing->head, &debra_test_thing_type);
		break;
	default:
		debra_call(dom, &thing->head, debra_test_thing_free);
		break;
	}
}

/* Interior addresses, of each object several: its first byte, its last, some between. */
static bool debra_test_log_append(struct debra_test_reader *r, struct debra_test_log *log,
				  unsigned int nr)
{
	struct debra_log_chunk *chunk = &log->chunk[nr / log->how->entries];
	struct debra_test_log_entry *entry = &log->entry[nr];
	unsigned long thing = (unsigned long)log->named[nr % ARRAY_SIZE(log->named)];

	entry->address = (void *)(thing + 37 * nr % sizeof(struct debra_test_thing));
	if (nr && nr % log->how->entries == 0)
		/* A new chunk, once it is ready to be looked at; pairs with DMM(log:B). */
		smp_store_release(&chunk[-1].next, chunk);
	return debra_log_publish(&r->guard, chunk);
}

static bool debra_test_step_log(struct debra_test_reader *r)
{
	struct debra_test_log *log = r->arg;
	unsigned int i, nr = log->how->chunks * log->how->entries;

	debra_guard_attach_log(&r->guard, log->chunk);
	for (i = 0; i < nr; i++)
		log->published += debra_test_log_append(r, log, i);
	return log->published == nr;
}

static bool debra_test_log_damaged(struct debra_test_log *log)
{
	unsigned int i, bad = 0;

	for (i = 0; i < ARRAY_SIZE(log->named); i++)
		bad += READ_ONCE(log->named[i]->magic) != DEBRA_TEST_LIVE ||
		       READ_ONCE(log->named[i]->tail) != DEBRA_TEST_LIVE;
	return bad;
}

/* Each of the kinds in turn; debra_call() alone has none that are not named. */
static void debra_test_log_retire(struct kunit *test, struct debra_domain *dom,
				  struct debra_test_log *log)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(log->named); i++) {
		debra_test_thing_retire(dom, log->named[i], i % DEBRA_TEST_KINDS);
		/* Its size is not known, so a neighbour of what is named stays as well. */
		if (i % DEBRA_TEST_KINDS != DEBRA_TEST_KINDS - 1)
			debra_test_thing_retire(dom, debra_test_thing(test),
						i % DEBRA_TEST_KINDS);
	}
}

static void debra_test_log_keeps(struct kunit *test)
{
	/* Made before the domain, for it must outlive it. */
	struct debra_test_log *log = debra_test_log(test);
	const unsigned int nr = ARRAY_SIZE(log->named);
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_reader *r;
	unsigned long left;
	unsigned int i;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	for (i = 0; i < nr; i++)
		log->named[i] = debra_test_thing(test);
	r = debra_test_reader(test, dom, log->how->stall, debra_test_cpu(1));
	r->arg = log;
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_ASSERT_EQ(test, debra_test_do(r, debra_test_step_log), 1);
	debra_test_log_retire(test, dom, log);
	KUNIT_ASSERT_TRUE(test, debra_test_press_until(dom, debra_test_is_aborted(r)));
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_wait(({
		debra_expedite(dom);
		debra_garbage(dom) <= nr;
	})), "of %u that the log names, %lu are left", nr, debra_garbage(dom));
	debra_test_push_for(dom, DEBRA_TEST_WATCH_MS);
	left = debra_garbage(dom);
	KUNIT_EXPECT_EQ_MSG(test, left, nr, "objects that the log names are gone");
	if (left == nr)
		KUNIT_EXPECT_FALSE(test, debra_test_log_damaged(log));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_stat(files, dom, "hazard_kept") == nr));
	/* The log goes with the section. */
	KUNIT_EXPECT_EQ(test, debra_test_restart(r), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_expedite(dom);
		!debra_garbage(dom);
	})));
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
}

/* A snapshot of so many is more than may be had at once. */
#define DEBRA_TEST_TOO_MANY	(KMALLOC_MAX_SIZE / sizeof(unsigned long))

static const void *debra_test_somewhere = ZERO_SIZE_PTR;

/* Its entries are one, which is named so often. */
static struct debra_log_chunk debra_test_long_log = {
	.entry = &debra_test_somewhere,
	.nr = DEBRA_TEST_TOO_MANY,
};

static bool debra_test_step_long_log(struct debra_test_reader *r)
{
	debra_guard_attach_log(&r->guard, &debra_test_long_log);
	return true;
}

/* Without memory to note what guards name, nothing is known to be free. */
static void debra_test_no_memory_to_look(struct kunit *test)
{
	struct debra_test_scene *s;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	s = debra_test_scene_on(test, DEBRA_TEST_SLEEP, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(s->reader), 1);
	KUNIT_ASSERT_EQ(test, debra_test_do(s->reader, debra_test_step_long_log), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(s->reader, 0, s->named), 1);
	debra_test_retire_scene_fn(s);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(s->dom, debra_test_is_aborted(s->reader)));
	debra_test_press_for(s->dom, DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_stat(s->files, s->dom, "hazard_kept") >
						DEBRA_TEST_OTHERS));
	KUNIT_EXPECT_EQ(test, debra_test_calls(s->named, 1), 0);
	KUNIT_EXPECT_EQ(test, debra_test_calls(s->others, DEBRA_TEST_OTHERS), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(s->reader), 1);
	debra_test_scene_end(test, s);
}

/* ---------------------------------------------------------------- two domains */

static void debra_test_two_domains(struct kunit *test)
{
	struct debra_test_mark *marks[2];
	struct debra_test_reader *r[2];
	struct debra_domain *dom[2];
	const unsigned int rounds = IS_ENABLED(CONFIG_KASAN) ? 4 : 10;
	unsigned int i, k, early = 0, called = 0;

	debra_test_need_cpus(test, 3);
	debra_test_use_interrupts(test);
	debra_test_impatient(test);
	for (k = 0; k < 2; k++) {
		dom[k] = debra_test_domain(test);
		marks[k] = debra_test_marks(test, dom[k], 2 * rounds);
		r[k] = debra_test_reader(test, dom[k], DEBRA_TEST_SPIN, debra_test_cpu(k + 1));
	}
	for (k = 0; k < 2; k++)
		debra_test_thread(test, debra_test_presser_fn, dom[k], debra_test_cpu(0));
	for (i = 0; i < 2 * rounds; i += 2) {
		for (k = 0; k < 2; k++) {
			KUNIT_ASSERT_EQ(test, debra_test_enter(r[k]), 1);
			debra_test_hop(r[k], 0, &marks[k][i]);
		}
		/* Not where a reader will spin: what was retired there has to wait. */
		for (k = 0; k < 2; k++)
			debra_test_retire_typed(&marks[k][i], 2);
		for (k = 0; k < 2; k++)
			called += debra_test_wait(debra_test_calls(&marks[k][i + 1], 1));
		for (k = 0; k < 2; k++) {
			/* If the hop came too late it protects nothing. */
			if (debra_test_is_aborted(r[k]) && r[k]->result)
				early += debra_test_calls(&marks[k][i], 1);
			KUNIT_EXPECT_EQ(test, debra_test_exit(r[k]), 1);
		}
	}
	KUNIT_EXPECT_EQ(test, called, 2 * rounds);
	KUNIT_EXPECT_EQ(test, early, 0);
	for (k = 0; k < 2; k++) {
		KUNIT_EXPECT_EQ(test, debra_barrier(dom[k]), 0);
		debra_test_expect_called_once(test, marks[k], 2 * rounds);
	}
}

/* ---------------------------------------------------------------- stalls */

/* Not more than one report for each ten stall times, and the first one at last. */
#define DEBRA_TEST_STALL_MS	50
#define DEBRA_TEST_STALL_REPEAT	10

static void debra_test_expect_stalls(struct kunit *test, long stalls, unsigned long begin)
{
	unsigned int ms = jiffies_to_msecs(jiffies - begin);

	KUNIT_EXPECT_GE(test, stalls, 1);
	KUNIT_EXPECT_LE(test, stalls, 1 + ms / (DEBRA_TEST_STALL_MS * DEBRA_TEST_STALL_REPEAT));
}

static void debra_test_stalled_pin_is_reported(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned long begin = jiffies;
	char text[80], runs[40];
	bool reported, released;
	long stalls;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_splat_begin();
	debra_test_set_param(test, files, "stall_ms", DEBRA_TEST_STALL_MS);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	snprintf(text, sizeof(text), "debra: stall: %s: CPU %u: pin for ", dom->name, holder->cpu);
	snprintf(runs, sizeof(runs), "debra: stall: CPU %u runs ", holder->cpu);
	KUNIT_EXPECT_TRUE(test, debra_test_hold(holder, 1));
	reported = debra_test_wait(({
		debra_expedite(dom);
		debra_test_logged(text) && debra_test_logged(runs);
	}));
	debra_test_push_for(dom, 4 * DEBRA_TEST_STALL_MS);
	stalls = debra_test_stat(files, dom, "stalls");
	debra_test_set_param(test, files, "stall_ms", 600000);
	released = debra_test_release(holder);
	KUNIT_EXPECT_EQ(test, debra_synchronize(dom), 0);
	debra_test_splat_end();
	KUNIT_EXPECT_TRUE_MSG(test, reported, "no \"%s\" in the log", text);
	KUNIT_EXPECT_TRUE(test, debra_test_logged_with(text, "; waiting for it"));
	KUNIT_EXPECT_TRUE(test, released);
	debra_test_expect_stalls(test, stalls, begin);
}

/* A guard that may not be aborted holds things up like a pin. */
static void debra_test_stalled_guard_is_reported(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_reader *r;
	unsigned long begin = jiffies;
	bool reported;
	char text[80];
	long stalls;

	debra_test_use_interrupts(test);
	debra_test_splat_begin();
	debra_test_set_param(test, files, "stall_ms", DEBRA_TEST_STALL_MS);
	r = debra_test_reader(test, dom, DEBRA_TEST_SLEEP, DEBRA_TEST_ANY_CPU);
	snprintf(text, sizeof(text), "debra: stall: %s: task %s/%d: guard for ", dom->name,
		 r->task->comm, r->task->pid);
	debra_test_enter(r);
	KUNIT_EXPECT_EQ(test, debra_test_mask(r), 1);
	reported = debra_test_wait(({
		debra_expedite(dom);
		debra_test_logged(text);
	}));
	stalls = debra_test_stat(files, dom, "stalls");
	debra_test_set_param(test, files, "stall_ms", 600000);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, debra_synchronize(dom), 0);
	debra_test_splat_end();
	KUNIT_EXPECT_TRUE_MSG(test, reported, "no \"%s\" in the log", text);
	KUNIT_EXPECT_TRUE(test, debra_test_logged_with(text, "; waiting for it"));
	debra_test_expect_stalls(test, stalls, begin);
}

/* One that was aborted and does not notice holds nothing up, and is named all the same. */
static void debra_test_neutralized_guard_is_reported(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_reader *r;
	bool reported;
	char text[80];

	debra_test_use_interrupts(test);
	debra_test_splat_begin();
	debra_test_set_param(test, files, "stall_ms", DEBRA_TEST_STALL_MS);
	debra_test_set_param(test, files, "limit", 1);
	r = debra_test_reader(test, dom, DEBRA_TEST_SLEEP, DEBRA_TEST_ANY_CPU);
	snprintf(text, sizeof(text), "debra: stall: %s: task %s/%d: guard for ", dom->name,
		 r->task->comm, r->task->pid);
	debra_test_enter(r);
	reported = debra_test_press_until(dom, ({
		debra_expedite(dom);
		debra_test_logged_with(text, "; neutralized, the epoch goes on");
	}));
	debra_test_set_param(test, files, "stall_ms", 600000);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_splat_end();
	KUNIT_EXPECT_TRUE_MSG(test, reported, "no \"%s\" in the log", text);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "stalls"), 1);
}

/* An updater that has waited for a pin to end and for less garbage, and got neither. */
static void debra_test_limit_is_reported(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 20);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	char text[80], pin[80];
	bool reported, named;
	unsigned int i;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_splat_begin();
	debra_test_set_param(test, files, "limit", 10);
	debra_test_set_param(test, files, "throttle_ms", 50);
	debra_test_set_param(test, files, "stall_ms", DEBRA_TEST_STALL_MS);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	snprintf(text, sizeof(text), "debra: stall: %s: task %s/%d: limit of 10 objects exceeded",
		 dom->name, current->comm, current->pid);
	snprintf(pin, sizeof(pin), "debra: stall: %s: CPU %u: pin for ", dom->name, holder->cpu);
	KUNIT_EXPECT_TRUE(test, debra_test_hold(holder, 1));
	for (i = 0; i < 20; i++)
		debra_test_mark_retire(&marks[i]);
	KUNIT_EXPECT_EQ(test, debra_throttle(dom), -ETIMEDOUT);
	reported = debra_test_logged_with(text, "; it goes on");
	named = debra_test_wait(({
		debra_expedite(dom);
		debra_test_logged_with(pin, "; the limit is reached, updaters wait");
	}));
	debra_test_set_param(test, files, "stall_ms", 600000);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_splat_end();
	KUNIT_EXPECT_TRUE_MSG(test, reported, "no \"%s\" in the log", text);
	KUNIT_EXPECT_TRUE_MSG(test, named, "no \"%s\" in the log", pin);
}

/* ---------------------------------------------------------------- CPU hotplug */

#ifdef CONFIG_HOTPLUG_CPU
static const struct debra_test_leaves_how {
	const char *name;
	enum debra_test_stall stall;
	bool aborted;
} debra_test_leaves_hows[] = {
	{ "guard aborted before", DEBRA_TEST_SLEEP, true },
	{ "guard aborted after", DEBRA_TEST_SLEEP, false },
	{ "running guard aborted before", DEBRA_TEST_RUN, true },
	{ "running guard aborted after", DEBRA_TEST_RUN, false },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_leaves, debra_test_leaves_hows, name);

/* The guard's record and the objects are those of a CPU that goes. */
static void debra_test_cpu_leaves_guard(struct kunit *test)
{
	const struct debra_test_leaves_how *how = test->param_value;
	struct debra_test_scene *s;
	unsigned int cpu;

	debra_test_use_interrupts(test);
	cpu = debra_test_victim(test);
	s = debra_test_scene_on(test, how->stall, cpu);
	KUNIT_ASSERT_EQ(test, debra_test_enter(s->reader), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(s->reader, 0, s->named), 1);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK,
						  debra_test_retire_scene_fn, s));
	if (how->aborted)
		debra_test_scene_abort(test, s);
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	debra_test_scene_abort(test, s);
	/* The reclaimer may just have in its hands what is left. */
	if (!how->aborted)
		KUNIT_EXPECT_GE(test, debra_test_stat(s->files, s->dom, "orphaned"), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_stat(s->files, s->dom,
								"hazard_kept") >= 1));
	KUNIT_EXPECT_EQ(test, debra_test_hop(s->reader, 1, s->others), 0);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	debra_test_press_for(s->dom, DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_EQ(test, debra_test_calls(s->named, 1), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(s->reader), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_calls(s->named, 1)));
	debra_test_scene_end(test, s);
}

/* A CPU that is going is held up as long as this says so: rounds cannot begin. */
static struct debra_test_gate {
	enum cpuhp_state state;
	unsigned int cpu;
	bool reached;
	bool open;
	int err;
} debra_test_gate;

static int debra_test_gate_fn(unsigned int cpu)
{
	unsigned long end = jiffies + msecs_to_jiffies(DEBRA_TEST_HOLD_MS);

	WRITE_ONCE(debra_test_gate.reached, true);
	while (!READ_ONCE(debra_test_gate.open) && time_before(jiffies, end))
		usleep_range(500, 1000);
	return 0;
}

static int debra_test_go_fn(void *data)
{
	debra_test_gate.err = remove_cpu(debra_test_gate.cpu);
	return 0;
}

static void debra_test_gate_end(void *unused)
{
	WRITE_ONCE(debra_test_gate.open, true);
	cpuhp_remove_state_nocalls(debra_test_gate.state);
}

/* Return: who makes the CPU go, and is held up at it. */
static struct task_struct *debra_test_gate_close(struct kunit *test, unsigned int cpu)
{
	struct task_struct *task;
	int state;

	debra_test_gate = (struct debra_test_gate){ .cpu = cpu };
	state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "debra/test:gate", NULL,
					  debra_test_gate_fn);
	KUNIT_ASSERT_GT(test, state, 0);
	debra_test_gate.state = state;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_gate_end, NULL));
	task = debra_test_thread(test, debra_test_go_fn, NULL, DEBRA_TEST_ANY_CPU);
	KUNIT_ASSERT_TRUE(test, debra_test_wait(READ_ONCE(debra_test_gate.reached)));
	return task;
}

/* An aborted guard that nobody could ask yet may be using what it has not named. */
static void debra_test_unasked_guard_keeps(struct kunit *test)
{
	struct debra_test_scene *s;
	struct task_struct *going;
	unsigned int cpu;

	debra_test_need_cpus(test, 3);
	debra_test_use_interrupts(test);
	cpu = debra_test_victim(test);
	s = debra_test_scene_on(test, DEBRA_TEST_RUN, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(s->reader), 1);
	KUNIT_ASSERT_EQ(test, debra_test_hop(s->reader, 0, s->named), 1);
	going = debra_test_gate_close(test, cpu);
	debra_test_retire_scene_fn(s);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(s->dom, debra_test_is_aborted(s->reader)));
	debra_test_press_for(s->dom, DEBRA_TEST_WATCH_MS);
	KUNIT_EXPECT_EQ(test, debra_test_calls(s->others, DEBRA_TEST_OTHERS), 0);
	WRITE_ONCE(debra_test_gate.open, true);
	debra_test_thread_stop(test, going);
	KUNIT_EXPECT_EQ(test, debra_test_gate.err, 0);
	debra_test_scene_abort(test, s);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	KUNIT_EXPECT_EQ(test, debra_test_exit(s->reader), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_calls(s->named, 1)));
	debra_test_scene_end(test, s);
}
#endif

/* ---------------------------------------------------------------- torture */

#define DEBRA_TEST_ROOTS	4
#define DEBRA_TEST_TORTURE_MS	2500
#define DEBRA_TEST_CELL_LIVE	0x63656c6cUL
#define DEBRA_TEST_CELL_DEAD	0x64656164UL
#define DEBRA_TEST_READERS	6

/**
 * struct debra_test_cell - what readers hop to
 * @head: the head
 * @magic: live until the callback, if there is one; then dead
 * @serial: no two cells have the same
 */
struct debra_test_cell {
	struct debra_head head;
	unsigned long magic;
	unsigned long serial;
};

struct debra_test_cells {
	struct debra_domain *dom;
	struct debra_test_cell *root[DEBRA_TEST_ROOTS];
	bool kfree;
	atomic_long_t serial;
	atomic_long_t hops;
	atomic_long_t restarts;
	atomic_long_t slept;
	atomic_long_t aborted;	/* while somebody looked at a cell that stayed */
	atomic_long_t dead;
	atomic_long_t changed;
};

static void debra_test_cell_free(struct debra_head *head)
{
	struct debra_test_cell *cell = container_of(head, struct debra_test_cell, head);

	WRITE_ONCE(cell->magic, DEBRA_TEST_CELL_DEAD);
	kfree(cell);
}

static DEFINE_DEBRA_TYPE(debra_test_cell_type, struct debra_test_cell, head,
			 debra_test_cell_free);

static void debra_test_cell_retire(struct debra_test_cells *cells, struct debra_test_cell *cell)
{
	if (!cell)
		return;
	if (cells->kfree)
		debra_kfree(cells->dom, cell, head);
	else
		debra_retire(cells->dom, &cell->head, &debra_test_cell_type);
}

static int debra_test_cells_update_fn(void *data)
{
	struct debra_test_cells *cells = data;
	struct debra_test_cell *cell;

	while (!kthread_should_stop()) {
		cell = kmalloc(sizeof(*cell), GFP_KERNEL);
		if (!cell)
			continue;
		cell->magic = DEBRA_TEST_CELL_LIVE;
		cell->serial = atomic_long_inc_return(&cells->serial);
		cell = xchg(&cells->root[debra_test_random(DEBRA_TEST_ROOTS)], cell);
		debra_test_cell_retire(cells, cell);
		if (debra_test_random(16) == 0)
			debra_test_pace(cells->dom);
	}
	return 0;
}

static void debra_test_cell_judge(struct debra_test_cells *cells, struct debra_test_cell *cell,
				  unsigned long serial)
{
	if (READ_ONCE(cell->magic) != DEBRA_TEST_CELL_LIVE)
		atomic_long_inc(&cells->dead);
	if (READ_ONCE(cell->serial) != serial)
		atomic_long_inc(&cells->changed);
}

/* All the ways to leave a CPU and to come back, and none. */
static void debra_test_cells_dwell(struct debra_test_cells *cells, bool may_sleep)
{
	u32 dice = debra_test_random(8);
	unsigned int cpu;

	if (!may_sleep) {
		if (dice < 4)
			udelay(dice * 20);
		return;
	}
	switch (dice) {
	case 0:
		schedule_timeout_uninterruptible(1);
		break;
	case 1:
	case 2:
		usleep_range(20, 100);
		break;
	case 3:
		schedule();
		break;
	case 4:
		cpu = debra_test_cpu(debra_test_random(num_online_cpus()));
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		break;
	case 5:
		udelay(dice);
		break;
	default:
		return;
	}
	atomic_long_inc(&cells->slept);
}

/* Return: false if the section was aborted. */
static bool debra_test_cells_visit(struct debra_test_cells *cells, struct debra_guard *g,
				   unsigned int nr, bool may_sleep)
{
	struct debra_test_cell *cell;
	unsigned long serial;

	if (!debra_hop(g, nr % DEBRA_GUARD_SLOTS, cell,
		       cells->root[debra_test_random(DEBRA_TEST_ROOTS)]))
		return false;
	if (!cell)
		return true;
	serial = READ_ONCE(cell->serial);
	debra_test_cell_judge(cells, cell, serial);
	debra_test_cells_dwell(cells, may_sleep);
	/* It is protected, aborted or not. */
	debra_test_cell_judge(cells, cell, serial);
	if (debra_guard_aborted(g))
		atomic_long_inc(&cells->aborted);
	atomic_long_inc(&cells->hops);
	return true;
}

static void debra_test_cells_section(struct debra_test_cells *cells, struct debra_guard *g,
				     bool may_sleep)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		if (debra_test_cells_visit(cells, g, i, may_sleep))
			continue;
		atomic_long_inc(&cells->restarts);
		debra_guard_restart(g);
	}
}

static int debra_test_cells_sleeper_fn(void *data)
{
	struct debra_test_cells *cells = data;
	struct debra_guard g;

	while (!kthread_should_stop()) {
		debra_guard_enter_sleepable(cells->dom, &g);
		debra_test_cells_section(cells, &g, true);
		debra_guard_exit(&g);
	}
	return 0;
}

static int debra_test_cells_spinner_fn(void *data)
{
	struct debra_test_cells *cells = data;
	struct debra_guard g;

	while (!kthread_should_stop()) {
		debra_guard_enter(cells->dom, &g);
		debra_test_cells_section(cells, &g, false);
		debra_guard_exit(&g);
		cond_resched();
	}
	return 0;
}

static const bool debra_test_cells_kfrees[] = { false, true };

static void debra_test_cells_desc(const bool *kfree, char *desc)
{
	strscpy(desc, *kfree ? "kfree" : "callback", KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(debra_test_cells, debra_test_cells_kfrees, debra_test_cells_desc);

static void debra_test_cells_verdict(struct kunit *test, struct debra_test_cells *cells)
{
	unsigned int i;

	kunit_info(test, "%ld cells, %ld hops, %ld restarts, %ld kept for an aborted guard",
		   atomic_long_read(&cells->serial), atomic_long_read(&cells->hops),
		   atomic_long_read(&cells->restarts), atomic_long_read(&cells->aborted));
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&cells->dead), 0, "so often a cell was dead");
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&cells->changed), 0,
			    "so often a cell became another under a reader");
	KUNIT_EXPECT_GT(test, atomic_long_read(&cells->hops), 0);
	KUNIT_EXPECT_GT(test, atomic_long_read(&cells->restarts), 0);
	KUNIT_EXPECT_GT(test, atomic_long_read(&cells->slept), 0);
	for (i = 0; i < DEBRA_TEST_ROOTS; i++)
		kfree(xchg(&cells->root[i], NULL));
	KUNIT_EXPECT_TRUE(test, debra_test_drained(cells->dom));
}

/* Readers that sleep and migrate between any two instructions while they are aborted. */
static void debra_test_neutralize_torture(struct kunit *test)
{
	struct debra_test_cells *cells = kunit_kzalloc(test, sizeof(*cells), GFP_KERNEL);
	struct task_struct *task[DEBRA_TEST_READERS + 4];
	debra_test_thread_fn fn;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, cells);
	debra_test_need_cpus(test, 2);
	cells->kfree = *(const bool *)test->param_value;
	cells->dom = debra_test_domain(test);
	debra_test_impatient(test);
	for (i = 0; i < ARRAY_SIZE(task); i++) {
		fn = i < 2 ? debra_test_cells_update_fn : i < 4 ? debra_test_cells_spinner_fn :
			     debra_test_cells_sleeper_fn;
		task[i] = debra_test_thread(test, fn, cells, DEBRA_TEST_ANY_CPU);
	}
	msleep(DEBRA_TEST_TORTURE_MS);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	debra_test_cells_verdict(test, cells);
}

static struct kunit_case debra_neutralize_cases[] = {
	KUNIT_CASE_PARAM(debra_test_stalled_guard_is_aborted, debra_test_scene_gen_params),
	KUNIT_CASE_PARAM(debra_test_restarted_guard_is_aborted, debra_test_scene_gen_params),
	KUNIT_CASE_PARAM(debra_test_kept_until_let_go, debra_test_let_go_gen_params),
	KUNIT_CASE_PARAM(debra_test_aborted_guard_delays_waiter, debra_test_waits_how_gen_params),
	KUNIT_CASE_PARAM(debra_test_waiter_before_abort, debra_test_waits_how_gen_params),
	KUNIT_CASE_PARAM(debra_test_masked_guard_is_spared, debra_test_scene_gen_params),
	KUNIT_CASE(debra_test_patience_ends),
	KUNIT_CASE_PARAM(debra_test_long_walk_ends, debra_test_walk_gen_params),
	KUNIT_CASE_PARAM(debra_test_log_keeps, debra_test_log_gen_params),
	KUNIT_CASE(debra_test_no_memory_to_look),
	KUNIT_CASE(debra_test_two_domains),
	KUNIT_CASE(debra_test_stalled_pin_is_reported),
	KUNIT_CASE(debra_test_stalled_guard_is_reported),
	KUNIT_CASE(debra_test_neutralized_guard_is_reported),
	KUNIT_CASE(debra_test_limit_is_reported),
#ifdef CONFIG_HOTPLUG_CPU
	KUNIT_CASE_PARAM(debra_test_cpu_leaves_guard, debra_test_leaves_gen_params),
	KUNIT_CASE(debra_test_unasked_guard_keeps),
#endif
	KUNIT_CASE_PARAM(debra_test_neutralize_torture, debra_test_cells_gen_params),
	{}
};

static struct kunit_suite debra_neutralize_suite = {
	.name = "debra_neutralize",
	.test_cases = debra_neutralize_cases,
};

kunit_test_suite(debra_neutralize_suite);

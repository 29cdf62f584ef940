// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: what debugfs shows, in states that are known.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debra_test_reader.h"

struct debra_test_scrap {
	struct debra_head head;
	unsigned long payload;
};

/* ---------------------------------------------------------------- files */

static const struct debra_test_file {
	const char *name;
	int mode;
} debra_test_file_list[] = {
	{ "stats", 0444 },
	{ "cpus", 0444 },
	{ "bags", 0444 },
	{ "guards", 0444 },
	{ "retired", 0400 },
	{ "callers", 0400 },
	{ "stalled", 0400 },
	{ "advance", 0200 },
	{ "drain", 0200 },
	{ "reset", 0200 },
};

KUNIT_ARRAY_PARAM_DESC(debra_test_file, debra_test_file_list, name);

static void debra_test_file_modes(struct kunit *test)
{
	const struct debra_test_file *file = test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	char path[96];

	snprintf(path, sizeof(path), "debugfs/debra/%s/%s", dom->name, file->name);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, path), file->mode);
	if (file->mode & 0400)
		KUNIT_EXPECT_GT(test, debra_test_read(files, path), 0);
	else
		KUNIT_EXPECT_LT(test, debra_test_read(files, path), 0);
	snprintf(path, sizeof(path), "debugfs/debra/debra_default/%s", file->name);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, path), file->mode);
}

/* ---------------------------------------------------------------- stats */

static const char * const debra_test_stat_names[] = {
	"epoch", "epoch_age_ms", "garbage", "garbage_peak", "garbage_peak_bound", "orphans",
	"retired", "freed", "callbacks", "deferred", "overflow", "scans", "advances",
	"advances_retire", "rounds_ipi", "rounds_timeout", "expedited", "drains", "orphaned",
	"throttled", "throttle_timeouts", "double_retire", "unbalanced_unpin", "bad_retire",
};

static void debra_test_stats_of_fresh_domain(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;
	long value;

	for (i = 0; i < ARRAY_SIZE(debra_test_stat_names); i++) {
		value = debra_test_stat(files, dom, debra_test_stat_names[i]);
		KUNIT_EXPECT_GE_MSG(test, value, 0, "%s", debra_test_stat_names[i]);
		if (!strncmp(debra_test_stat_names[i], "epoch", 5))
			continue;
		KUNIT_EXPECT_EQ_MSG(test, value, 0, "%s", debra_test_stat_names[i]);
	}
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "epoch"), DEBRA_EPOCH_FIRST);
	KUNIT_EXPECT_NOT_NULL(test, strstr(debra_test_text(files), "\npin_mode: "));
}

static void debra_test_stats_count(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 7);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_scrap *scrap;
	unsigned int i;
	long advances;

	debra_test_set_param(test, files, "interval_ms", 10000);
	for (i = 0; i < 7; i++)
		debra_test_mark_retire(&marks[i]);
	for (i = 0; i < 5; i++) {
		scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, scrap);
		debra_kfree(dom, scrap, head);
	}
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), 12);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "freed"), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "garbage"), 12);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "garbage_peak"), 12);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "garbage_peak_bound"), 12);
	advances = debra_test_stat(files, dom, "advances");
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), 12);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "freed"), 12);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "callbacks"), 7);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "garbage"), 0);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "garbage_peak_bound"), 12);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "advances"), advances + 3);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "expedited"), 1);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "drains"), 1);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "epoch"), debra_epoch(dom));
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "epoch"),
			DEBRA_EPOCH_FIRST + debra_test_stat(files, dom, "advances"));
}

/* An epoch that cannot end gets older; its end makes it young again. */
static void debra_test_epoch_age(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned long epoch;
	long age[2];

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	debra_test_push_to(dom, debra_test_announced(dom, holder->cpu) + 1);
	age[0] = debra_test_stat(files, dom, "epoch_age_ms");
	msleep(200);
	age[1] = debra_test_stat(files, dom, "epoch_age_ms");
	epoch = debra_epoch(dom);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_GE(test, age[0], 0);
	KUNIT_EXPECT_GE(test, age[1], age[0] + 190);
	/* The test may be slow, but not slower each time than the epoch was old. */
	KUNIT_EXPECT_TRUE(test, debra_test_push_to(dom, epoch + 1));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		debra_test_push_to(dom, debra_epoch(dom) + 1);
		debra_test_stat(files, dom, "epoch_age_ms") < 190;
	})));
}

/* ---------------------------------------------------------------- cpus */

struct debra_test_cpu_row {
	unsigned long announced;
	unsigned long nest;
	unsigned long pending;
	unsigned long freeable;
	unsigned long pool;
	unsigned long retired;
	unsigned long freed;
	unsigned long peak;
};

/* The row of a CPU; false if there is none. */
static bool debra_test_cpu_row(struct debra_test_files *files, struct debra_domain *dom,
			       unsigned int cpu, struct debra_test_cpu_row *r)
{
	const char *line;
	unsigned int nr;

	memset(r, 0, sizeof(*r));
	if (debra_test_domain_read(files, dom, "cpus") < 0)
		return false;
	for (line = strchr(debra_test_text(files), '\n'); line; line = strchr(line + 1, '\n'))
		if (sscanf(line, "%u %lu %lu %lu %lu %lu %lu %lu %lu", &nr, &r->announced, &r->nest,
			   &r->pending, &r->freeable, &r->pool, &r->retired, &r->freed,
			   &r->peak) == 9 && nr == cpu)
			return true;
	return false;
}

static void debra_test_cpus_show_pins(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_cpu_row idle, pinned, quiet;
	struct debra_test_holder *holder;
	unsigned long announced;
	unsigned int depth;
	bool shown = true;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_cpu_row(files, dom, holder->cpu, &idle));
	KUNIT_EXPECT_EQ(test, idle.announced, 0);
	KUNIT_EXPECT_EQ(test, idle.nest, 0);
	for (depth = 1; depth <= 3; depth++) {
		KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, depth));
		announced = debra_test_announced(dom, holder->cpu);
		shown &= debra_test_cpu_row(files, dom, holder->cpu, &pinned);
		shown &= debra_test_cpu_row(files, dom, debra_test_cpu(0), &quiet);
		KUNIT_EXPECT_EQ(test, pinned.announced, announced);
		KUNIT_EXPECT_EQ(test, pinned.nest, depth);
		KUNIT_EXPECT_EQ(test, quiet.announced, 0);
		KUNIT_EXPECT_EQ(test, quiet.nest, 0);
	}
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_TRUE(test, shown);
	KUNIT_ASSERT_TRUE(test, debra_test_cpu_row(files, dom, holder->cpu, &idle));
	KUNIT_EXPECT_EQ(test, idle.announced, 0);
	KUNIT_EXPECT_EQ(test, idle.nest, 0);
}

static void debra_test_cpus_show_bags(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 5);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i, cpu, other;
	struct debra_test_cpu_row row;

	debra_test_need_cpus(test, 2);
	cpu = debra_test_cpu(1);
	other = debra_test_cpu(0);
	debra_test_set_param(test, files, "interval_ms", 10000);
	for (i = 0; i < 5; i++)
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK,
							  debra_test_mark_retire_fn, &marks[i]));
	KUNIT_ASSERT_TRUE(test, debra_test_cpu_row(files, dom, cpu, &row));
	KUNIT_EXPECT_EQ(test, row.pending, 5);
	KUNIT_EXPECT_EQ(test, row.freeable, 0);
	KUNIT_EXPECT_EQ(test, row.retired, 5);
	KUNIT_EXPECT_EQ(test, row.freed, 0);
	KUNIT_EXPECT_EQ(test, row.peak, 5);
	KUNIT_ASSERT_TRUE(test, debra_test_cpu_row(files, dom, other, &row));
	KUNIT_EXPECT_EQ(test, row.pending, 0);
	KUNIT_EXPECT_EQ(test, row.retired, 0);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_ASSERT_TRUE(test, debra_test_cpu_row(files, dom, cpu, &row));
	KUNIT_EXPECT_EQ(test, row.pending, 0);
	KUNIT_EXPECT_EQ(test, row.retired, 5);
	KUNIT_EXPECT_EQ(test, row.peak, 5);
}

static void debra_test_cpus_has_every_cpu(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_cpu_row row;
	unsigned int cpu;

	for_each_online_cpu(cpu)
		KUNIT_EXPECT_TRUE_MSG(test, debra_test_cpu_row(files, dom, cpu, &row),
				      "no row for CPU %u", cpu);
	KUNIT_EXPECT_TRUE(test, str_has_prefix(debra_test_text(files), "cpu "));
}

/* ---------------------------------------------------------------- retired */

struct debra_test_retired_row {
	unsigned int cpu;
	unsigned long address;
	char action[64];
	unsigned long stamp;
	unsigned long age;
};

/* A row whose grace period is over has "free" for its stamp; here that is 0. */
static bool debra_test_parse_retired(const char *line, struct debra_test_retired_row *row)
{
	char stamp[24];

	memset(row, 0, sizeof(*row));
	if (sscanf(line, "%u %lx %63s %23s %lu", &row->cpu, &row->address, row->action, stamp,
		   &row->age) != 5)
		return false;
	if (!strcmp(stamp, "free"))
		return true;
	return !kstrtoul(stamp, 10, &row->stamp);
}

static bool debra_test_find_retired(struct debra_test_files *files, struct debra_domain *dom,
				    const void *object, struct debra_test_retired_row *row)
{
	const char *line;

	if (debra_test_domain_read(files, dom, "retired") < 0)
		return false;
	for (line = strchr(debra_test_text(files), '\n'); line; line = strchr(line + 1, '\n'))
		if (debra_test_parse_retired(line, row) && row->address == (unsigned long)object)
			return true;
	return false;
}

static void debra_test_retired_list(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *mark = debra_test_marks(test, dom, 1);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_mark *freed = kmalloc(sizeof(*freed), GFP_KERNEL);
	struct debra_test_retired_row row;
	unsigned int cpu;

	KUNIT_ASSERT_NOT_NULL(test, freed);
	debra_test_need_cpus(test, 2);
	debra_test_set_param(test, files, "interval_ms", 10000);
	cpu = debra_test_cpu(1);
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(cpu, DEBRA_TEST_TASK, debra_test_mark_retire_fn,
						  mark));
	debra_kfree(dom, freed, head);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_find_retired(files, dom, &mark->head, &row),
			      "no row of five columns has its address:\n%s",
			      debra_test_text(files));
	KUNIT_EXPECT_TRUE(test, str_has_prefix(debra_test_text(files),
					       "cpu address action stamp age_ms\n"));
	KUNIT_EXPECT_EQ(test, row.cpu, cpu);
	KUNIT_EXPECT_EQ(test, row.stamp, mark->stamp);
	KUNIT_EXPECT_NOT_NULL(test, strstr(row.action, "debra_test_mark_callback"));
	/* Its own address, not that of the head in it. */
	KUNIT_EXPECT_TRUE(test, debra_test_find_retired(files, dom, freed, &row));
	KUNIT_EXPECT_STREQ(test, row.action, "kfree");
	KUNIT_EXPECT_EQ(test, row.stamp, mark->stamp);
	KUNIT_EXPECT_LT(test, row.age, 2 * DEBRA_TEST_PATIENCE_MS);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_FALSE(test, debra_test_find_retired(files, dom, &mark->head, &row));
	KUNIT_EXPECT_FALSE(test, debra_test_find_retired(files, dom, freed, &row));
}

/* Also that of the form that has no head. */
static void debra_test_retired_list_headless(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_retired_row row;
	void *object = kmalloc(64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	debra_test_set_param(test, files, "interval_ms", 10000);
	debra_kfree_mightsleep(dom, object);
	KUNIT_EXPECT_TRUE(test, debra_test_find_retired(files, dom, object, &row));
	KUNIT_EXPECT_STREQ(test, row.action, "kfree");
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_FALSE(test, debra_test_find_retired(files, dom, object, &row));
}

static unsigned int debra_test_lines(const char *text)
{
	unsigned int lines = 0;

	while ((text = strchr(text, '\n'))) {
		lines++;
		text++;
	}
	return lines;
}

/* However much there is, the list is short. */
static void debra_test_retired_list_is_bounded(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 1000);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned int i, lines;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	for (i = 0; i < 1000; i++)
		debra_test_mark_retire(&marks[i]);
	debra_test_domain_read(files, dom, "retired");
	lines = debra_test_lines(debra_test_text(files));
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	/* All are of this CPU: 64 of them, and the heading. */
	KUNIT_EXPECT_EQ(test, lines, 65);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, 1000);
}

/* ---------------------------------------------------------------- callers */

/**
 * struct debra_test_group - a row of callers, or several
 * @rows: how many
 * @objects: in all of them
 * @bytes: the same
 * @age: of the last
 * @size: of the last
 * @name: of the last
 */
struct debra_test_group {
	unsigned int rows;
	unsigned long objects;
	unsigned long bytes;
	unsigned long age;
	unsigned long size;
	char name[80];
};

/* Rows whose name begins so; with "", all. */
static bool debra_test_group(struct debra_test_files *files, struct debra_domain *dom,
			     const char *by, const char *name, struct debra_test_group *group)
{
	struct debra_test_group row;
	const char *line;
	char row_by[8];

	memset(group, 0, sizeof(*group));
	if (debra_test_domain_read(files, dom, "callers") < 0)
		return false;
	for (line = strchr(debra_test_text(files), '\n'); line; line = strchr(line + 1, '\n')) {
		if (sscanf(line, "%7s %lu %lu %lu %lu %79s", row_by, &row.objects, &row.bytes,
			   &row.age, &row.size, row.name) != 6 || strcmp(row_by, by) ||
		    strncmp(row.name, name, strlen(name)))
			continue;
		row.rows = group->rows + 1;
		row.objects += group->objects;
		row.bytes += group->bytes;
		*group = row;
	}
	return group->rows;
}

static noinline void debra_test_retire_here(struct debra_test_mark *marks, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		debra_retire(marks[i].dom, &marks[i].head, &debra_test_mark_type);
	barrier();
}

static noinline void debra_test_retire_there(struct debra_domain *dom, unsigned int nr)
{
	struct debra_test_scrap *scrap;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
		if (scrap)
			debra_kfree(dom, scrap, head);
	}
	barrier();
}

#define DEBRA_TEST_SPARE	2	/* blocks of a CPU that has missed one, */
#define DEBRA_TEST_IN_BLOCK	125	/* and what goes into each */

static void debra_test_miss_block(void *dom)
{
	debra_test_retire_there(dom, 1);
}

/*
 * Who retires is written down in a block. With PREEMPT_RT there are none in a new domain before
 * somebody has missed one.
 */
static void debra_test_want_blocks(struct kunit *test, struct debra_test_files *files,
				   struct debra_domain *dom)
{
	struct debra_test_cpu_row row;
	unsigned int cpu;

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	for_each_online_cpu(cpu)
		debra_test_run_on(cpu, DEBRA_TEST_TASK, debra_test_miss_block, dom);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_cpu_row(files, dom, cpu, &row) &&
							row.pool >= DEBRA_TEST_SPARE));
}

/* Who has retired what, and how much of it. */
static void debra_test_callers(struct kunit *test)
{
	const char *here = DEBRA_TEST_TAIL_CALLS ? "debra_test_retire_here" : "debra_retire+";
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 5);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_group group;

	debra_test_want_blocks(test, files, dom);
	debra_test_set_param(test, files, "interval_ms", 10000);
	KUNIT_EXPECT_FALSE(test, debra_test_group(files, dom, "action", "", &group));
	KUNIT_EXPECT_STREQ(test, debra_test_text(files),
			   "by      objects      bytes oldest_ms   size name\n");
	migrate_disable();
	debra_test_retire_here(marks, 5);
	debra_test_retire_there(dom, 3);
	migrate_enable();
	KUNIT_EXPECT_TRUE(test, debra_test_group(files, dom, "action", "debra_test_mark_callback",
						 &group));
	KUNIT_EXPECT_EQ(test, group.rows, 1);
	KUNIT_EXPECT_EQ(test, group.objects, 5);
	KUNIT_EXPECT_EQ(test, group.size, sizeof(struct debra_test_mark));
	KUNIT_EXPECT_EQ(test, group.bytes, 5 * sizeof(struct debra_test_mark));
	KUNIT_EXPECT_LT(test, group.age, 2 * DEBRA_TEST_PATIENCE_MS);
	KUNIT_EXPECT_TRUE(test, debra_test_group(files, dom, "action", "kfree", &group));
	KUNIT_EXPECT_EQ(test, group.objects, 3);
	KUNIT_EXPECT_GE(test, group.size, sizeof(struct debra_test_scrap));
	KUNIT_EXPECT_EQ(test, group.bytes, 3 * group.size);
	KUNIT_EXPECT_TRUE(test, debra_test_group(files, dom, "site", "", &group));
	KUNIT_EXPECT_EQ(test, group.objects, 8);
	KUNIT_EXPECT_TRUE(test, debra_test_group(files, dom, "site", "debra_test_retire_there",
						 &group));
	KUNIT_EXPECT_EQ(test, group.objects, 3);
	KUNIT_EXPECT_TRUE(test, debra_test_group(files, dom, "site", here, &group));
	KUNIT_EXPECT_EQ(test, group.objects, 5);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_FALSE(test, debra_test_group(files, dom, "action", "", &group));
	KUNIT_EXPECT_FALSE(test, debra_test_group(files, dom, "site", "", &group));
	debra_test_expect_called_once(test, marks, 5);
}

#define DEBRA_TEST_CROWD	5000

/* Of much a part is looked at, and the rest is counted. */
static void debra_test_callers_are_bounded(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, DEBRA_TEST_CROWD);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_group all, skipped, mine, sites, site;
	struct debra_test_holder *holder;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_want_blocks(test, files, dom);
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	migrate_disable();
	debra_test_retire_here(marks, DEBRA_TEST_CROWD);
	migrate_enable();
	debra_test_group(files, dom, "action", "", &all);
	debra_test_group(files, dom, "action", "(skipped)", &skipped);
	debra_test_group(files, dom, "action", "debra_test_mark_callback", &mine);
	debra_test_group(files, dom, "site", "", &sites);
	debra_test_group(files, dom, "site", "debra_", &site);
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_EQ(test, all.objects, DEBRA_TEST_CROWD);
	KUNIT_EXPECT_EQ(test, mine.objects + skipped.objects, DEBRA_TEST_CROWD);
	/*
	 * 1024 at most of each CPU, of those in blocks one in so many that it does: here, of five.
	 * With PREEMPT_RT most of them found no block.
	 */
	KUNIT_EXPECT_LE(test, mine.objects, IS_ENABLED(CONFIG_PREEMPT_RT) ? 1024 :
			DEBRA_TEST_CROWD / 5);
	KUNIT_EXPECT_GE(test, mine.objects, 900);
	KUNIT_EXPECT_EQ(test, sites.objects, DEBRA_TEST_CROWD);
	/* But for those that found no block; with PREEMPT_RT there are no others so fast. */
	KUNIT_EXPECT_GE(test, site.objects, IS_ENABLED(CONFIG_PREEMPT_RT) ?
			DEBRA_TEST_SPARE * DEBRA_TEST_IN_BLOCK : DEBRA_TEST_CROWD / 2);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	debra_test_expect_called_once(test, marks, DEBRA_TEST_CROWD);
}

/* ---------------------------------------------------------------- stalled */

struct debra_test_laggard {
	char cpu[8];
	char kind[8];
	char state[16];
	unsigned long epoch;
	unsigned long lag;
	int pid;
	char task;
	char comm[TASK_COMM_LEN];
};

/* The only one that is listed. Return: what follows, its stack; NULL if there is not one row. */
static const char *debra_test_laggard(struct debra_test_files *files, struct debra_domain *dom,
				      struct debra_test_laggard *row)
{
	const char *line, *found = NULL;
	unsigned int rows = 0;

	if (debra_test_domain_read(files, dom, "stalled") < 0)
		return NULL;
	for (line = strchr(debra_test_text(files), '\n'); line; line = strchr(line + 1, '\n')) {
		if (!line[1] || line[1] == '\t')
			continue;
		rows++;
		if (sscanf(line + 1, "%7s %7s %15s %lu %lu %d %c %15s", row->cpu, row->kind,
			   row->state, &row->epoch, &row->lag, &row->pid, &row->task,
			   row->comm) == 8)
			found = strchr(line + 1, '\n');
	}
	return rows == 1 ? found : NULL;
}

static void debra_test_stalled_pin(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_laggard row = { };
	struct debra_test_holder *holder;
	unsigned long announced;
	const char *stack;
	bool traced;
	char cpu[8];

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "stall_ms", 600000);
	KUNIT_EXPECT_NULL(test, debra_test_laggard(files, dom, &row));
	KUNIT_EXPECT_STREQ(test, debra_test_text(files),
			   "cpu kind  state         epoch   lag_ms     pid task comm\n");
	holder = debra_test_holder(test, dom, debra_test_cpu(1), DEBRA_TEST_TASK);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	announced = debra_test_announced(dom, holder->cpu);
	debra_test_push_to(dom, announced + 1);
	debra_test_push_for(dom, 50);
	stack = debra_test_laggard(files, dom, &row);
	traced = stack && strstr(stack, "debra_test_hold");
	KUNIT_EXPECT_TRUE_MSG(test, debra_test_release(holder), "the pin was not held long enough");
	KUNIT_EXPECT_TRUE_MSG(test, traced, "%s", debra_test_text(files));
	snprintf(cpu, sizeof(cpu), "%u", holder->cpu);
	KUNIT_EXPECT_STREQ(test, row.cpu, cpu);
	KUNIT_EXPECT_STREQ(test, row.kind, "pin");
	KUNIT_EXPECT_STREQ(test, row.state, "active");
	KUNIT_EXPECT_EQ(test, row.epoch, announced);
	KUNIT_EXPECT_GE(test, row.lag, 20);
	KUNIT_EXPECT_TRUE(test, str_has_prefix(row.comm, "debra-test/"));
	KUNIT_EXPECT_EQ(test, row.task, 'R');
}

static const enum debra_test_stall debra_test_laggards[] = {
	DEBRA_TEST_SPIN, DEBRA_TEST_SLEEP, DEBRA_TEST_RUN,
};

static void debra_test_laggards_desc(const enum debra_test_stall *stall, char *desc)
{
	strscpy(desc, debra_test_stall_name[*stall], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(debra_test_laggards, debra_test_laggards, debra_test_laggards_desc);

static void debra_test_stalled_guard(struct kunit *test)
{
	enum debra_test_stall stall = *(const enum debra_test_stall *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_laggard row = { };
	struct debra_test_reader *r;
	unsigned long epoch;
	const char *stack;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	r = debra_test_reader(test, dom, stall, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_ASSERT_EQ(test, debra_test_mask(r), 1);
	epoch = READ_ONCE(r->guard.rec->epoch);
	debra_test_push_to(dom, epoch + 1);
	debra_test_push_for(dom, 50);
	stack = debra_test_laggard(files, dom, &row);
	KUNIT_EXPECT_TRUE_MSG(test, stack && (stall == DEBRA_TEST_RUN ||
					      strstr(stack, "debra_test_reader")), "%s",
			      debra_test_text(files));
	KUNIT_EXPECT_EQ(test, row.cpu[0] == '-', stall != DEBRA_TEST_SPIN);
	KUNIT_EXPECT_STREQ(test, row.kind, "guard");
	KUNIT_EXPECT_STREQ(test, row.state, "masked");
	KUNIT_EXPECT_EQ(test, row.epoch, epoch);
	KUNIT_EXPECT_EQ(test, row.pid, r->task->pid);
	KUNIT_EXPECT_GE(test, row.lag, 20);
	KUNIT_EXPECT_STREQ(test, row.comm, r->task->comm);
	if (stall != DEBRA_TEST_SLEEP)
		KUNIT_EXPECT_EQ(test, row.task, 'R');
	KUNIT_EXPECT_EQ(test, debra_test_unmask(r), 1);
	KUNIT_EXPECT_TRUE(test, debra_test_press_until(dom, debra_test_is_aborted(r)));
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_laggard(files, dom, &row) &&
						!strcmp(row.state, "aborted")));
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	KUNIT_EXPECT_NULL(test, debra_test_laggard(files, dom, &row));
}

/* A CPU with interrupts off does not answer, and nobody waits for it for long. */
static void debra_test_stalled_deaf(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_impatient(test);
	struct debra_test_laggard row = { };
	struct debra_test_reader *r;
	bool listed[2];
	unsigned int i;

	debra_test_need_cpus(test, 2);
	debra_test_use_interrupts(test);
	r = debra_test_reader(test, dom, DEBRA_TEST_SPIN, debra_test_cpu(1));
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	KUNIT_ASSERT_EQ(test, debra_test_mask(r), 1);
	debra_test_push_to(dom, READ_ONCE(r->guard.rec->epoch) + 1);
	KUNIT_ASSERT_EQ(test, debra_test_irqs(r, false), 1);
	for (i = 0; i < 2; i++)
		listed[i] = debra_test_laggard(files, dom, &row) && row.task == '?' &&
			    strstr(debra_test_text(files), "(no answer)\n");
	KUNIT_EXPECT_EQ(test, debra_test_irqs(r, true), 1);
	KUNIT_EXPECT_TRUE(test, listed[0] && listed[1]);
	/* Now it does. */
	KUNIT_EXPECT_TRUE(test, debra_test_wait(debra_test_laggard(files, dom, &row) &&
						row.task == 'R'));
	KUNIT_EXPECT_STREQ(test, row.comm, r->task->comm);
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
}

/* ---------------------------------------------------------------- commands */

static const char * const debra_test_commands[] = { "advance", "drain", "reset" };

static void debra_test_command_desc(const char * const *name, char *desc)
{
	strscpy(desc, *name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(debra_test_command, debra_test_commands, debra_test_command_desc);

static void debra_test_command_refuses(struct kunit *test)
{
	static const char * const rubbish[] = {
		"0", "2", "-1", "11", "x", "1x", "one", "\n", " ", "18446744073709551617",
	};
	const char *name = *(const char * const *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rubbish); i++)
		KUNIT_EXPECT_EQ_MSG(test, debra_test_domain_write(files, dom, name, rubbish[i]),
				    -EINVAL, "\"%s\"", rubbish[i]);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "expedited"), 0);
	KUNIT_EXPECT_EQ(test, debra_epoch(dom), DEBRA_EPOCH_FIRST);
}

static const char * const debra_test_hurries[] = { "advance", "drain" };

KUNIT_ARRAY_PARAM(debra_test_hurry, debra_test_hurries, debra_test_command_desc);

/* Without hurry it would take half a minute. */
static void debra_test_command_works(struct kunit *test)
{
	const char *name = *(const char * const *)test->param_value;
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 10);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;

	debra_test_set_param(test, files, "interval_ms", 10000);
	for (i = 0; i < 10; i++)
		debra_test_mark_retire(&marks[i]);
	KUNIT_EXPECT_EQ(test, debra_test_calls(marks, 10), 0);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		KUNIT_EXPECT_EQ(test, debra_test_domain_write(files, dom, name, "1"), 1);
		debra_test_calls(marks, 10) == 10;
	})));
	KUNIT_EXPECT_GE(test, debra_epoch(dom), marks[0].stamp + 3);
	KUNIT_EXPECT_EQ(test, debra_test_domain_write(files, dom, name, "1\n"), 2);
	debra_test_expect_called_once(test, marks, 10);
}

/* Counters begin anew; what is there stays. */
static void debra_test_reset(struct kunit *test)
{
	struct debra_domain *dom = debra_test_domain(test);
	struct debra_test_mark *marks = debra_test_marks(test, dom, 20);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;
	long epoch;

	debra_test_set_param(test, files, "interval_ms", 10000);
	for (i = 0; i < 12; i++)
		debra_test_mark_retire(&marks[i]);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	for (; i < 15; i++)
		debra_test_mark_retire(&marks[i]);
	epoch = debra_test_stat(files, dom, "epoch");
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), 15);
	KUNIT_EXPECT_GE(test, debra_test_stat(files, dom, "garbage_peak_bound"), 12);
	KUNIT_EXPECT_EQ(test, debra_test_domain_write(files, dom, "reset", "1\n"), 2);
	for (i = 0; i < ARRAY_SIZE(debra_test_stat_names); i++) {
		const char *name = debra_test_stat_names[i];

		if (str_has_prefix(name, "epoch") || str_has_prefix(name, "garbage"))
			continue;
		KUNIT_EXPECT_EQ_MSG(test, debra_test_stat(files, dom, name), 0, "%s", name);
	}
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "epoch"), epoch);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "garbage"), 3);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "garbage_peak"), 3);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "garbage_peak_bound"), 3);
	for (i = 15; i < 20; i++)
		debra_test_mark_retire(&marks[i]);
	KUNIT_EXPECT_EQ(test, debra_barrier(dom), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "retired"), 5);
	/* Those that had been retired before the reset, too. */
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "freed"), 8);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "callbacks"), 8);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "garbage"), 0);
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, dom, "garbage_peak_bound"), 8);
	debra_test_expect_called_once(test, marks, 20);
}

/* ---------------------------------------------------------------- under load */

struct debra_test_readers_load {
	struct debra_domain *dom;
	atomic_t failed;
};

static int debra_test_load_fn(void *data)
{
	struct debra_test_readers_load *load = data;
	struct debra_test_scrap *scrap;

	while (!kthread_should_stop()) {
		scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
		debra_pin(load->dom);
		if (scrap)
			debra_kfree(load->dom, scrap, head);
		debra_unpin(load->dom);
		atomic_add(!scrap, &load->failed);
		if (debra_test_random(16) == 0)
			debra_test_pace(load->dom);
	}
	return 0;
}

static void debra_test_read_all(struct kunit *test, struct debra_test_files *files,
				struct debra_domain *dom)
{
	long retired, freed;

	KUNIT_EXPECT_GT(test, debra_test_domain_read(files, dom, "cpus"), 0);
	KUNIT_EXPECT_EQ(test, debra_test_lines(debra_test_text(files)), num_online_cpus() + 1);
	KUNIT_EXPECT_GT(test, debra_test_domain_read(files, dom, "bags"), 0);
	KUNIT_EXPECT_LE(test, debra_test_lines(debra_test_text(files)), 3 * num_online_cpus() + 1);
	KUNIT_EXPECT_GT(test, debra_test_domain_read(files, dom, "retired"), 0);
	KUNIT_EXPECT_LE(test, debra_test_lines(debra_test_text(files)), 64 * num_online_cpus() + 1);
	KUNIT_EXPECT_GT(test, debra_test_domain_read(files, dom, "callers"), 0);
	KUNIT_EXPECT_LE(test, debra_test_lines(debra_test_text(files)), 65);
	KUNIT_EXPECT_GT(test, debra_test_domain_read(files, dom, "stalled"), 0);
	/* In this order, what is freed was retired before. */
	freed = debra_test_stat(files, dom, "freed");
	retired = debra_test_stat(files, dom, "retired");
	KUNIT_EXPECT_GE(test, freed, 0);
	KUNIT_EXPECT_GE(test, retired, freed);
}

static void debra_test_read_under_load(struct kunit *test)
{
	struct debra_test_readers_load *load = kunit_kzalloc(test, sizeof(*load), GFP_KERNEL);
	struct debra_test_files *files = debra_test_files(test);
	struct task_struct *tasks[3];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, load);
	load->dom = debra_test_domain(test);
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		tasks[i] = debra_test_thread(test, debra_test_load_fn, load, DEBRA_TEST_ANY_CPU);
	for (i = 0; i < DEBRA_TEST_SCALED(40); i++) {
		debra_test_read_all(test, files, load->dom);
		KUNIT_EXPECT_EQ(test, debra_test_domain_write(files, load->dom,
							      debra_test_hurries[i % 2], "1"), 1);
	}
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		debra_test_thread_stop(test, tasks[i]);
	KUNIT_EXPECT_TRUE(test, debra_test_drained(load->dom));
	KUNIT_EXPECT_EQ(test, debra_test_stat(files, load->dom, "retired"),
			debra_test_stat(files, load->dom, "freed"));
	KUNIT_EXPECT_EQ(test, atomic_read(&load->failed), 0);
}

static int debra_test_come_and_go_fn(void *data)
{
	unsigned int *rounds = data;
	struct debra_test_scrap *scrap;
	struct debra_domain *dom;
	unsigned int i;

	while (!kthread_should_stop()) {
		dom = debra_domain_create("come-and-go");
		if (IS_ERR(dom))
			break;
		for (i = 0; i < 100; i++) {
			scrap = kmalloc(sizeof(*scrap), GFP_KERNEL);
			if (scrap)
				debra_kfree(dom, scrap, head);
		}
		usleep_range(500, 2000);
		if (debra_domain_destroy(dom))
			break;
		WRITE_ONCE(*rounds, *rounds + 1);
	}
	return 0;
}

/* While its domain comes and goes, a file is read in full or is not there. */
static void debra_test_read_while_destroyed(struct kunit *test)
{
	static const char * const names[] = {
		"stats", "cpus", "bags", "guards", "retired", "callers", "stalled",
	};
	unsigned long end = jiffies + msecs_to_jiffies(1500);
	unsigned int *rounds = kunit_kzalloc(test, sizeof(*rounds), GFP_KERNEL);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i, read = 0, written = 0, wrong = 0;
	struct task_struct *task;
	char path[64];
	ssize_t nr;

	KUNIT_ASSERT_NOT_NULL(test, rounds);
	task = debra_test_thread(test, debra_test_come_and_go_fn, rounds, DEBRA_TEST_ANY_CPU);
	for (i = 0; time_before(jiffies, end) || !read || READ_ONCE(*rounds) < 3; i++) {
		snprintf(path, sizeof(path), "debugfs/debra/come-and-go/%s",
			 names[i % ARRAY_SIZE(names)]);
		nr = debra_test_read(files, path);
		read += nr > 0;
		/* -EIO: the file was opened, then its domain went. */
		wrong += nr == 0 || (nr < 0 && nr != -ENOENT && nr != -EIO);
		debra_test_write(files, "debugfs/debra/come-and-go/drain", "1");
		debra_test_write(files, "debugfs/debra/come-and-go/reset", "1");
		nr = debra_test_write(files, "sysfs/kernel/debra/come-and-go/limit", "1000000");
		written += nr > 0;
		nr = debra_test_read(files, "sysfs/kernel/debra/come-and-go/limit");
		wrong += nr == 0 || (nr > 0 && strcmp(debra_test_text(files), "1000000\n") &&
				     strcmp(debra_test_text(files), "1048576\n"));
		if (time_after(jiffies, end + msecs_to_jiffies(DEBRA_TEST_PATIENCE_MS)))
			break;
	}
	debra_test_thread_stop(test, task);
	KUNIT_EXPECT_GT(test, read, 0);
	KUNIT_EXPECT_GT(test, written, 0);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GE(test, *rounds, 3);
	KUNIT_EXPECT_EQ(test, debra_test_read(files, "debugfs/debra/come-and-go/stats"), -ENOENT);
	KUNIT_EXPECT_EQ(test, debra_test_read(files, "sysfs/kernel/debra/come-and-go/limit"),
			-ENOENT);
}

#ifdef CONFIG_HOTPLUG_CPU
/* While a CPU comes and goes, and another retires, each file is read in full. */
static void debra_test_read_while_cpus_go(struct kunit *test)
{
	static const char * const names[] = {
		"stats", "cpus", "bags", "guards", "retired", "callers", "stalled",
	};
	struct debra_test_readers_load *load = kunit_kzalloc(test, sizeof(*load), GFP_KERNEL);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_blink *blink;
	struct task_struct *retirer;
	unsigned int i, wrong = 0;
	const char *name;

	KUNIT_ASSERT_NOT_NULL(test, load);
	load->dom = debra_test_domain(test);
	retirer = debra_test_thread(test, debra_test_load_fn, load, DEBRA_TEST_ANY_CPU);
	blink = debra_test_blink(test);
	for (i = 0; i < 100 || (READ_ONCE(blink->rounds) < 3 && i < 100000); i++) {
		name = names[i % ARRAY_SIZE(names)];
		wrong += debra_test_domain_read(files, load->dom, name) <= 0;
		wrong += debra_test_read(files, "debugfs/debra/ipis") <= 0;
	}
	debra_test_blink_stop(test, blink);
	debra_test_thread_stop(test, retirer);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_TRUE(test, debra_test_drained(load->dom));
	KUNIT_EXPECT_EQ(test, atomic_read(&load->failed), 0);
}
#endif

static struct kunit_case debra_debugfs_cases[] = {
	KUNIT_CASE_PARAM(debra_test_file_modes, debra_test_file_gen_params),
	KUNIT_CASE(debra_test_stats_of_fresh_domain),
	KUNIT_CASE(debra_test_stats_count),
	KUNIT_CASE(debra_test_epoch_age),
	KUNIT_CASE(debra_test_cpus_show_pins),
	KUNIT_CASE(debra_test_cpus_show_bags),
	KUNIT_CASE(debra_test_cpus_has_every_cpu),
	KUNIT_CASE(debra_test_retired_list),
	KUNIT_CASE(debra_test_retired_list_headless),
	KUNIT_CASE(debra_test_retired_list_is_bounded),
	KUNIT_CASE(debra_test_callers),
	KUNIT_CASE(debra_test_callers_are_bounded),
	KUNIT_CASE(debra_test_stalled_pin),
	KUNIT_CASE_PARAM(debra_test_stalled_guard, debra_test_laggards_gen_params),
	KUNIT_CASE(debra_test_stalled_deaf),
	KUNIT_CASE_PARAM(debra_test_command_refuses, debra_test_command_gen_params),
	KUNIT_CASE_PARAM(debra_test_command_works, debra_test_hurry_gen_params),
	KUNIT_CASE(debra_test_reset),
	KUNIT_CASE(debra_test_read_under_load),
	KUNIT_CASE(debra_test_read_while_destroyed),
#ifdef CONFIG_HOTPLUG_CPU
	KUNIT_CASE(debra_test_read_while_cpus_go),
#endif
	{}
};

static struct kunit_suite debra_debugfs_suite = {
	.name = "debra_debugfs",
	.test_cases = debra_debugfs_cases,
};

kunit_test_suite(debra_debugfs_suite);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: what debugfs shows, and whether it is true.
 */
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kcas-tx.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "debra_test_reader.h"
#include "kcas_test_util.h"
#ifdef CONFIG_DEBRA_DEBUG
#include "kcas_test_actor.h"
#endif
#ifdef DEBRA_TEST_HAVE_CONTENTION
#include <trace/events/lock.h>
#endif

#define KCAS_TEST_STALL_MS	"sysfs/module/kcas/parameters/stall_ms"

static const char * const kcas_test_counters[] = {
	"blocks", "ops", "succeeded", "failed", "conflicts", "fallbacks", "helps", "singles",
	"reads_slow", "cleaned", "displaced", "blocks_retired", "blocks_reused", "large",
	"no_memory", "paced",
};

/* Counters at one time, to see what has been added since. */
struct kcas_test_tally {
	struct debra_test_files *files;
	long value[ARRAY_SIZE(kcas_test_counters)];
};

static void kcas_test_tally_read(struct kcas_test_tally *tally)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kcas_test_counters); i++)
		tally->value[i] = kcas_test_stat(tally->files, kcas_test_counters[i]);
}

static struct kcas_test_tally *kcas_test_tally(struct kunit *test)
{
	struct kcas_test_tally *tally = kunit_kzalloc(test, sizeof(*tally), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, tally);
	tally->files = debra_test_files(test);
	kcas_test_tally_read(tally);
	return tally;
}

/* How much a counter has moved since the tally was read. */
static long kcas_test_moved(struct kcas_test_tally *tally, const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kcas_test_counters); i++)
		if (!strcmp(kcas_test_counters[i], name))
			return kcas_test_stat(tally->files, name) - tally->value[i];
	return -1;
}

/* ---------------------------------------------------------------- the form */

/* Return: whether it is "name: number", with nothing else. */
static bool kcas_test_line_is_good(const char *line, size_t len)
{
	const char *colon = strnchr(line, len, ':');
	size_t i = colon ? colon - line : 0;

	if (!i || strspn(line, "abcdefghijklmnopqrstuvwxyz_") != i || i + 2 >= len ||
	    line[i + 1] != ' ')
		return false;
	return strspn(line + i + 2, "0123456789") == len - i - 2;
}

static void kcas_test_stats_form(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i, lines = 0;
	const char *line, *end;

	KUNIT_ASSERT_GT(test, debra_test_read(files, "debugfs/kcas/stats"), 0);
	for (line = debra_test_text(files); *line; line = end + 1) {
		end = strchrnul(line, '\n');
		KUNIT_ASSERT_EQ_MSG(test, *end, '\n', "the last line has no end");
		KUNIT_EXPECT_TRUE_MSG(test, kcas_test_line_is_good(line, end - line), "%.*s",
				      (int)(end - line), line);
		lines++;
	}
	KUNIT_EXPECT_GE(test, lines, ARRAY_SIZE(kcas_test_counters));
	for (i = 0; i < ARRAY_SIZE(kcas_test_counters); i++)
		KUNIT_EXPECT_GE_MSG(test, kcas_test_stat(files, kcas_test_counters[i]), 0, "%s",
				    kcas_test_counters[i]);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, "debugfs/kcas/stats"), 0444);
	KUNIT_EXPECT_LT(test, kcas_test_stat(files, "op"), 0);
}

/* ---------------------------------------------------------------- by size */

struct kcas_test_sizes {
	unsigned long succeeded[16];
	unsigned long failed[16];
	unsigned long conflicts[16];
};

/* Rows of 1, 2 ... 14 words, and of more, which is in the last place. */
static bool kcas_test_sizes(struct debra_test_files *files, struct kcas_test_sizes *sizes)
{
	unsigned int i, words;
	const char *line;

	if (debra_test_read(files, "debugfs/kcas/sizes") <= 0 ||
	    !str_has_prefix(debra_test_text(files), "words  succeeded     failed  conflicts\n"))
		return false;
	line = strchr(debra_test_text(files), '\n') + 1;
	for (i = 1; i < 15; i++, line = strchr(line, '\n') + 1)
		if (sscanf(line, "%u %lu %lu %lu\n", &words, &sizes->succeeded[i],
			   &sizes->failed[i], &sizes->conflicts[i]) != 4 || words != i)
			return false;
	return sscanf(line, " more %lu %lu %lu\n", &sizes->succeeded[15], &sizes->failed[15],
		      &sizes->conflicts[15]) == 3;
}

static void kcas_test_sizes_are_counted(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_LARGE, 0);
	static const unsigned int nrs[] = { 2, 3, 8, 14, 15, KCAS_TEST_LARGE };
	struct kcas_op *ops = kcas_test_ops(test, KCAS_TEST_LARGE);
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_sizes *sizes;
	unsigned int i, k;

	sizes = kunit_kcalloc(test, 2, sizeof(*sizes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sizes);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, "debugfs/kcas/sizes"), 0444);
	KUNIT_ASSERT_TRUE(test, kcas_test_sizes(files, &sizes[0]));
	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		for (k = 0; k < nrs[i]; k++)
			kcas_test_op(&ops[k], &words[k], k + i, k + i + 1);
		for (; k < KCAS_TEST_LARGE; k++)
			KUNIT_ASSERT_EQ(test, kcas_set(&words[k], kcas_int(k + i + 1)), 0);
		KUNIT_EXPECT_EQ(test, kcas(ops, nrs[i]), 1);
		KUNIT_EXPECT_EQ(test, kcas(ops, nrs[i]), 0);
	}
	KUNIT_ASSERT_TRUE(test, kcas_test_sizes(files, &sizes[1]));
	for (i = 1; i < 16; i++) {
		k = i == 15 ? 2 : i == 2 || i == 3 || i == 8 || i == 14;
		KUNIT_EXPECT_EQ_MSG(test, sizes[1].succeeded[i] - sizes[0].succeeded[i], k,
				    "of %u", i);
		KUNIT_EXPECT_EQ_MSG(test, sizes[1].failed[i] - sizes[0].failed[i], k, "of %u", i);
		KUNIT_EXPECT_EQ(test, sizes[1].conflicts[i], sizes[0].conflicts[i]);
	}
}

/* ---------------------------------------------------------------- transactions */

/**
 * struct kcas_test_loser - a transaction that makes itself fail
 * @word: what it reads, and changes behind its own back
 * @times: how often
 * @ms: how long the first attempt takes
 * @last_ms: how long the last one does
 */
struct kcas_test_loser {
	struct kcas_word *word;
	unsigned int times;
	unsigned int ms;
	unsigned int last_ms;
};

/* By the clock that attempts are measured with, which may lose ticks. */
static void kcas_test_linger(unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	while (ms && time_before(jiffies, end))
		cpu_relax();
}

static int kcas_test_loser_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_test_loser *loser = arg;
	unsigned long value;
	int err = kcas_tx_get(tx, &loser->word[0], &value);

	if (err)
		return err;
	if (!loser->times) {
		kcas_test_linger(loser->last_ms);
		return 0;
	}
	loser->times--;
	kcas_test_linger(loser->ms);
	loser->ms = 0;
	err = kcas_add(&loser->word[0], 1, NULL) ?: kcas_add(&loser->word[1], 1, NULL);
	/* Which is younger than what was read before. */
	return err ?: kcas_tx_get(tx, &loser->word[1], &value);
}

/* ---------------------------------------------------------------- reset */

static void kcas_test_reset(struct kunit *test)
{
	static const char * const rubbish[] = { "0", "2", "-1", "x", "1x", "\n", " " };
	struct kcas_word *words = kcas_test_words(test, 2, 0);
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_loser loser = { .word = words, .times = 1, .ms = 50 };
	struct kcas_test_sizes *sizes;
	unsigned int i;

	sizes = kunit_kzalloc(test, sizeof(*sizes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sizes);
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, "debugfs/kcas/reset"), 0200);
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_test_loser_body, &loser, NULL), 0);
	KUNIT_EXPECT_EQ(test, kcas2(&words[0], kcas_int(1), kcas_int(1), &words[1], kcas_int(2),
				    kcas_int(3)), 1);
	for (i = 0; i < ARRAY_SIZE(rubbish); i++)
		KUNIT_EXPECT_EQ_MSG(test, debra_test_write(files, "debugfs/kcas/reset", rubbish[i]),
				    -EINVAL, "\"%s\"", rubbish[i]);
	KUNIT_EXPECT_GT(test, kcas_test_stat(files, "succeeded"), 0);
	KUNIT_EXPECT_GT(test, kcas_test_tx_stat(files, "longest_attempt_ms"), 0);
	KUNIT_EXPECT_GT(test, kcas_test_tx_stat(files, "most_conflicts"), 0);
	KUNIT_EXPECT_EQ(test, debra_test_write(files, "debugfs/kcas/reset", "1\n"), 2);
	KUNIT_EXPECT_EQ(test, kcas_test_stat(files, "ops"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_stat(files, "succeeded"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_stat(files, "singles"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_stat(files, "longest_chain"), 0);
	/* That is not counted, but there. */
	KUNIT_EXPECT_GT(test, kcas_test_stat(files, "blocks"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "started"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "longest_attempt_ms"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "most_conflicts"), 0);
	KUNIT_EXPECT_EQ(test, kcas2(&words[0], kcas_int(1), kcas_int(2), &words[1], kcas_int(3),
				    kcas_int(4)), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_stat(files, "ops"), 1);
	KUNIT_ASSERT_TRUE(test, kcas_test_sizes(files, sizes));
	KUNIT_EXPECT_EQ(test, sizes->succeeded[2], 1);
}

static void kcas_test_worst_is_kept(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 2, 0);
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_loser loser = { .word = words, .times = 3, .ms = 50 };
	long conflicts;

	KUNIT_EXPECT_EQ(test, debra_test_write(files, "debugfs/kcas/reset", "1"), 1);
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_test_loser_body, &loser, NULL), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "most_conflicts"), 3);
	KUNIT_EXPECT_GE(test, kcas_test_tx_stat(files, "longest_attempt_ms"), 40);
	conflicts = kcas_test_tx_stat(files, "conflict_read");
	KUNIT_EXPECT_EQ(test, conflicts, 3);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "committed"), 1);
	loser.times = 1;
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_test_loser_body, &loser, NULL), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_tx_stat(files, "most_conflicts"), 3);
}

static void kcas_test_restore_stall_ms(void *data)
{
	if (debra_test_write(data, KCAS_TEST_STALL_MS, "1000") != 4)
		pr_err("kcas-test: cannot restore stall_ms\n");
}

static void kcas_test_stall_ms(struct kunit *test)
{
	static const char * const rubbish[] = { "9", "0", "600001", "-1", "x", "\n", "4294967296" };
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_test_restore_stall_ms,
							   files));
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, KCAS_TEST_STALL_MS), 0644);
	KUNIT_EXPECT_EQ(test, debra_test_write(files, KCAS_TEST_STALL_MS, "777"), 3);
	for (i = 0; i < ARRAY_SIZE(rubbish); i++)
		KUNIT_EXPECT_EQ_MSG(test, debra_test_write(files, KCAS_TEST_STALL_MS, rubbish[i]),
				    -EINVAL, "\"%s\"", rubbish[i]);
	KUNIT_ASSERT_GT(test, debra_test_read(files, KCAS_TEST_STALL_MS), 0);
	KUNIT_EXPECT_STREQ(test, debra_test_text(files), "777\n");
	KUNIT_EXPECT_EQ(test, debra_test_write(files, KCAS_TEST_STALL_MS, "10"), 2);
	KUNIT_EXPECT_EQ(test, debra_test_write(files, KCAS_TEST_STALL_MS, "600000"), 6);
}

/* An attempt that is slow, of one who holds the others back meanwhile. */
static void kcas_test_stalls_are_reported(struct kunit *test)
{
	const struct kcas_tx_opts opts = { .patience = 1 };
	struct kcas_word *words = kcas_test_words(test, 2, 0);
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_loser loser = { .word = words };
	unsigned long end = jiffies + DEFAULT_RATELIMIT_INTERVAL + HZ / 10;
	char slow[80], held[80];
	int err = 0;

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_test_restore_stall_ms,
							   files));
	snprintf(slow, sizeof(slow), "kcas: stall: task %s/%d: attempt of a transaction: ",
		 current->comm, current->pid);
	snprintf(held, sizeof(held), "kcas: stall: task %s/%d: others held back: ",
		 current->comm, current->pid);
	KUNIT_ASSERT_EQ(test, debra_test_write(files, KCAS_TEST_STALL_MS, "600000"), 6);
	/* For longer than others that were left out before would keep these from being printed. */
	while (!err && time_before(jiffies, end)) {
		loser.times = 2;
		loser.last_ms = 60;
		err = kcas_tx_run(kcas_test_loser_body, &loser, &opts);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_FALSE(test, debra_test_logged(slow) || debra_test_logged(held));
	KUNIT_ASSERT_EQ(test, debra_test_write(files, KCAS_TEST_STALL_MS, "20"), 2);
	/* Of many reports some are left out. */
	KUNIT_EXPECT_TRUE(test, debra_test_wait(({
		loser.times = 2;
		loser.ms = 0;
		loser.last_ms = 60;
		err = err ?: kcas_tx_run(kcas_test_loser_body, &loser, &opts);
		err || (debra_test_logged(slow) && debra_test_logged(held));
	})));
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_TRUE(test, debra_test_logged("kcas: stall:  kcas_tx_run+"));
}

#ifdef DEBRA_TEST_HAVE_CONTENTION
/**
 * struct kcas_test_contention - what "perf lock contention" would be told
 * @lock: of this
 * @begun: how often
 * @ended: and how often it was over
 * @flags: of the last
 */
struct kcas_test_contention {
	const void *lock;
	atomic_t begun;
	atomic_t ended;
	unsigned int flags;
};

static void kcas_test_contention_begin(void *data, void *lock, unsigned int flags)
{
	struct kcas_test_contention *seen = data;

	if (lock != seen->lock)
		return;
	seen->flags = flags;
	atomic_inc(&seen->begun);
}

static void kcas_test_contention_end(void *data, void *lock, int ret)
{
	struct kcas_test_contention *seen = data;

	if (lock == seen->lock)
		atomic_inc(&seen->ended);
}

/* A transaction that fails waits a little, at the word that it has failed at. */
static void kcas_test_contention(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 2, 0);
	struct kcas_test_loser loser = { .word = words, .times = 3 };
	struct kcas_test_contention *seen;
	int err;

	seen = kunit_kzalloc(test, sizeof(*seen), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, seen);
	seen->lock = &words[0];
	KUNIT_ASSERT_EQ(test, register_trace_contention_begin(kcas_test_contention_begin, seen), 0);
	err = register_trace_contention_end(kcas_test_contention_end, seen);
	if (!err) {
		err = kcas_tx_run(kcas_test_loser_body, &loser, NULL);
		unregister_trace_contention_end(kcas_test_contention_end, seen);
	}
	unregister_trace_contention_begin(kcas_test_contention_begin, seen);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&seen->begun), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&seen->ended), 3);
	KUNIT_EXPECT_EQ(test, seen->flags, LCB_F_SPIN);
}
#endif

/* ---------------------------------------------------------------- hot words */

/* A row of the file hot. */
struct kcas_test_hot {
	unsigned long conflicts;
	unsigned long age_ms;
	unsigned long word;
	char memory[8];
	char symbol[64];
};

static bool kcas_test_hot(struct debra_test_files *files, const struct kcas_word *word,
			  struct kcas_test_hot *hot)
{
	const char *line;

	if (debra_test_read(files, "debugfs/kcas/hot") <= 0)
		return false;
	for (line = strchr(debra_test_text(files), '\n'); line; line = strchr(line + 1, '\n'))
		if (sscanf(line, "%lu %lu %lx %7s %63s", &hot->conflicts, &hot->age_ms,
			   &hot->word, hot->memory, hot->symbol) == 5 &&
		    hot->word == (unsigned long)word)
			return true;
	return false;
}

/* Return: as how many conflicts a word is shown; -1 if it is not. */
static long kcas_test_heat(struct debra_test_files *files, const struct kcas_word *word)
{
	struct kcas_test_hot hot;

	return kcas_test_hot(files, word, &hot) ? hot.conflicts : -1;
}

/* With PREEMPT_RT a body has what there is in the pool, and it may take a moment to be filled. */
static int kcas_test_lose(struct kcas_test_loser *loser)
{
	int err;

	debra_test_wait((loser->times = 1,
			 err = kcas_tx_run(kcas_test_loser_body, loser, NULL)) != -ENOMEM ||
			!IS_ENABLED(CONFIG_PREEMPT_RT));
	return err;
}

#define KCAS_TEST_CONFLICTS	800

/* A word that is fought over is shown, one that is only used is not. */
static void kcas_test_hot_words(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 2, 0);
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_loser loser = { .word = words };
	unsigned int i;

	KUNIT_EXPECT_EQ(test, debra_test_mode(files, "debugfs/kcas/hot"), 0400);
	KUNIT_EXPECT_EQ(test, debra_test_write(files, "debugfs/kcas/reset", "1"), 1);
	KUNIT_EXPECT_GT(test, debra_test_read(files, "debugfs/kcas/hot"), 0);
	KUNIT_EXPECT_STREQ(test, debra_test_text(files),
			   "conflicts   age_ms word             memory  symbol\n");
	for (i = 0; i < KCAS_TEST_CONFLICTS; i++)
		KUNIT_ASSERT_EQ(test, kcas_test_lose(&loser), 0);
	/* One of eight is counted, on each CPU, and each for eight. */
	KUNIT_EXPECT_GE(test, kcas_test_heat(files, &words[0]), KCAS_TEST_CONFLICTS / 2);
	KUNIT_EXPECT_LE(test, kcas_test_heat(files, &words[0]), 2 * KCAS_TEST_CONFLICTS);
	KUNIT_EXPECT_EQ(test, kcas_test_heat(files, &words[1]), -1);
	KUNIT_EXPECT_EQ(test, debra_test_write(files, "debugfs/kcas/reset", "1"), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_heat(files, &words[0]), -1);
}

static struct kcas_word kcas_test_static_words[2];

static void kcas_test_expect_memory(struct kunit *test, struct kcas_word *words,
				    const char *memory, const char *symbol)
{
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_loser loser = { .word = words, .times = 100 };
	struct kcas_test_hot hot;

	kcas_init(&words[0], 0);
	kcas_init(&words[1], 0);
	KUNIT_EXPECT_EQ(test, debra_test_write(files, "debugfs/kcas/reset", "1"), 1);
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_test_loser_body, &loser, NULL), 0);
	KUNIT_ASSERT_TRUE_MSG(test, kcas_test_hot(files, &words[0], &hot), "%s", memory);
	KUNIT_EXPECT_STREQ(test, hot.memory, memory);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(hot.symbol, symbol), "%s", hot.symbol);
}

/* Where a hot word is. */
static void kcas_test_hot_memory(struct kunit *test)
{
	struct kcas_word *slab = kmalloc_array(2, sizeof(*slab), GFP_KERNEL);
	struct kcas_word *page = (struct kcas_word *)__get_free_page(GFP_KERNEL);
	struct kcas_word *area = vmalloc(PAGE_SIZE);

	if (slab && page && area) {
		kcas_test_expect_memory(test, slab, "slab", "-");
		kcas_test_expect_memory(test, page, "page", "-");
		kcas_test_expect_memory(test, area, "vmalloc", "-");
		if (IS_ENABLED(CONFIG_KALLSYMS_ALL))
			kcas_test_expect_memory(test, kcas_test_static_words, "static",
						"kcas_test_static_words");
	} else {
		KUNIT_FAIL(test, "no memory");
	}
	kcas_barrier();
	vfree(area);
	free_page((unsigned long)page);
	kfree(slab);
}

/* ---------------------------------------------------------------- counters */

static void kcas_test_operations_are_counted(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 4, 0);
	struct kcas_test_tally *tally = kcas_test_tally(test);
	unsigned long old;
	unsigned int i;

	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, kcas2(&words[0], kcas_int(i), kcas_int(i + 1), &words[1],
					    kcas_int(1 + i), kcas_int(2 + i)), 1);
	for (i = 0; i < 7; i++)
		KUNIT_EXPECT_EQ(test, kcas2(&words[0], 0, kcas_int(1), &words[1], 0, 0), 0);
	/* Refused, which is nothing. */
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, kcas2(&words[0], 0, 0, NULL, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "ops"), 17);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "succeeded"), 10);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "failed"), 7);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "singles"), 0);
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, kcas_cas(&words[2], kcas_int(2 + i), kcas_int(3 + i)), 1);
		KUNIT_EXPECT_EQ(test, kcas_add(&words[3], 1, NULL), 0);
		KUNIT_EXPECT_EQ(test, kcas_xchg(&words[3], kcas_int(i), &old), 0);
		KUNIT_EXPECT_EQ(test, kcas_set(&words[3], kcas_int(3)), 0);
	}
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "singles"), 20);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "conflicts"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "fallbacks"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "no_memory"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "large"), 0);
}

static void kcas_test_cleaning_is_counted(struct kunit *test)
{
	const unsigned int nr = 1000;
	struct kcas_word *words = kcas_test_words(test, nr, 0);
	struct kcas_test_tally *tally;
	unsigned int i;

	/* What others have left is cleaned first. */
	KUNIT_ASSERT_EQ(test, kcas_test_settle(), 0);
	tally = kcas_test_tally(test);
	/* Each word once, of which each is cleaned; and one of them often. */
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, kcas_add(&words[i], 1, NULL), 0);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, kcas_add(&words[0], 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_settle(), 0);
	/* Of those that displaced each other some may have been cleaned before. */
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "cleaned") +
			kcas_test_moved(tally, "displaced"), 2 * nr);
	KUNIT_EXPECT_GE(test, kcas_test_moved(tally, "cleaned"), nr);
	KUNIT_EXPECT_GE(test, kcas_test_moved(tally, "displaced"), nr / 2);
	KUNIT_EXPECT_GT(test, kcas_test_moved(tally, "blocks_retired"), 2);
	KUNIT_EXPECT_TRUE(test, debra_test_drained(&kcas_domain));
	KUNIT_EXPECT_GT(test, kcas_test_moved(tally, "blocks_reused"), 2);
	/* All is raw now, and reading is what it is at its fastest. */
	kcas_test_tally_read(tally);
	for (i = 0; i < nr; i++)
		kcas_read(&words[i]);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "reads_slow"), 0);
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_EQ(test, kcas_add(&words[i], 1, NULL), 0);
		kcas_read(&words[i]);
	}
	/* Unless it was cleaned in between. */
	KUNIT_EXPECT_GT(test, kcas_test_moved(tally, "reads_slow"), 0);
	KUNIT_EXPECT_LE(test, kcas_test_moved(tally, "reads_slow"), 10);
}

static void kcas_test_large_is_counted(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_LARGE, 0);
	struct kcas_op *ops = kcas_test_ops(test, KCAS_TEST_LARGE);
	struct kcas_test_tally *tally;
	unsigned int i;

	for (i = 0; i < KCAS_TEST_LARGE; i++)
		kcas_test_op(&ops[i], &words[i], i, i + 1);
	KUNIT_ASSERT_EQ(test, kcas_test_settle(), 0);
	tally = kcas_test_tally(test);
	KUNIT_EXPECT_EQ(test, kcas(ops, KCAS_TEST_LARGE), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "large"), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_settle(), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "cleaned"), KCAS_TEST_LARGE);
	/* It is no block of an arena's. */
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "blocks"), 0);
}

#ifdef CONFIG_DEBRA_DEBUG
/* The compared word is touched so many times between its log and its second look. */
struct kcas_test_nuisance {
	struct kcas_word *word;
	unsigned int times;
	unsigned int touched;
	bool busy;
};

static void kcas_test_nuisance_touch(void *data)
{
	struct kcas_test_nuisance *n = data;

	if (!kcas_add(n->word, 1, NULL) && !kcas_add(n->word, -1, NULL))
		n->touched++;
}

/* From an interrupt, which has memory of its own. */
static void kcas_test_nuisance_fn(enum kcas_pause where, const struct kcas_word *word, void *data)
{
	struct kcas_test_nuisance *n = data;

	if (where != KCAS_PAUSE_LOGGED || n->busy || n->touched >= n->times)
		return;
	n->busy = true;
	debra_test_interrupt(DEBRA_TEST_HARDIRQ, kcas_test_nuisance_touch, n);
	n->busy = false;
}

/* The fourth attempt writes what it compares, and then nobody can come between. */
static void kcas_test_conflicts_are_counted(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 2, 0);
	struct kcas_test_nuisance *n;
	struct kcas_test_tally *tally;
	unsigned int times;

	n = kunit_kzalloc(test, sizeof(*n), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, n);
	n->word = &words[1];
	kcas_test_stage(test);
	kcas_test_spy.fn = kcas_test_nuisance_fn;
	kcas_test_spy.arg = n;
	tally = kcas_test_tally(test);
	for (times = 0; times <= 5; times++) {
		kcas_test_tally_read(tally);
		n->times = times;
		n->touched = 0;
		WRITE_ONCE(kcas_test_spy.task, current);
		KUNIT_EXPECT_EQ(test, kcas2(&words[0], kcas_int(times), kcas_int(times + 1),
					    &words[1], kcas_int(1), kcas_int(1)), 1);
		WRITE_ONCE(kcas_test_spy.task, NULL);
		/* Once it writes all of them it is not disturbed by a value that came back. */
		KUNIT_EXPECT_EQ(test, n->touched, min(times, 4U));
		KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "conflicts"), min(times, 3U));
		KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "fallbacks"), times >= 3);
		KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "succeeded"), 1);
	}
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[1]), 1);
}

static void kcas_test_help_is_counted(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 2, 0);
	struct kcas_test_tally *tally = kcas_test_tally(test);
	struct kcas_test_actor *owner;
	struct kcas_test_stop *stop;
	bool held;

	kcas_test_stage(test);
	owner = kcas_test_actor(test, 1);
	kcas_test_op(&owner->op[0], &words[0], 0, 10);
	kcas_test_op(&owner->op[1], &words[1], 1, 11);
	owner->nr = 2;
	stop = &owner->stop[DEBRA_TEST_TASK];
	kcas_test_arm(stop, KCAS_PAUSE_INSTALLED, &words[0]);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	held = kcas_test_held(stop);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "helps"), 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 10);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[1]), 11);
	KUNIT_EXPECT_EQ(test, kcas_test_moved(tally, "helps"), 1);
	KUNIT_EXPECT_GT(test, kcas_test_moved(tally, "reads_slow"), 0);
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, held && kcas_test_done(owner));
	KUNIT_EXPECT_EQ(test, owner->ret, 1);
}
#endif

#ifdef CONFIG_HOTPLUG_CPU
/* While everybody writes, CPUs come and go, and counters are reset, each file is read in full. */
static void kcas_test_read_under_load(struct kunit *test)
{
	static const char * const names[] = {
		"debugfs/kcas/stats", "debugfs/kcas/transactions", "debugfs/kcas/hot",
	};
	struct kcas_test_sizes *sizes = kunit_kzalloc(test, sizeof(*sizes), GFP_KERNEL);
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_bank *bank = kcas_test_bank(test);
	struct debra_test_blink *blink;
	struct task_struct *task[2];
	unsigned int i, wrong = 0;

	KUNIT_ASSERT_NOT_NULL(test, sizes);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = debra_test_thread(test, kcas_test_bank_move_fn, bank,
					    DEBRA_TEST_ANY_CPU);
	blink = debra_test_blink(test);
	for (i = 0; i < 100 || (READ_ONCE(blink->rounds) < 3 && i < 100000); i++) {
		wrong += debra_test_read(files, names[i % ARRAY_SIZE(names)]) <= 0;
		wrong += !kcas_test_sizes(files, sizes);
		if (!(i % 10))
			wrong += debra_test_write(files, "debugfs/kcas/reset", "1") != 1;
	}
	debra_test_blink_stop(test, blink);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GT(test, atomic_long_read(&bank->moved), 0);
	kcas_test_bank_verdict(test, bank);
}
#endif

static struct kunit_case kcas_debugfs_cases[] = {
	KUNIT_CASE(kcas_test_stats_form),
	KUNIT_CASE(kcas_test_operations_are_counted),
	KUNIT_CASE(kcas_test_sizes_are_counted),
	KUNIT_CASE(kcas_test_reset),
#ifdef CONFIG_HOTPLUG_CPU
	KUNIT_CASE(kcas_test_read_under_load),
#endif
	KUNIT_CASE(kcas_test_worst_is_kept),
	KUNIT_CASE(kcas_test_stall_ms),
	KUNIT_CASE(kcas_test_stalls_are_reported),
#ifdef DEBRA_TEST_HAVE_CONTENTION
	KUNIT_CASE(kcas_test_contention),
#endif
	KUNIT_CASE(kcas_test_hot_words),
	KUNIT_CASE(kcas_test_hot_memory),
	KUNIT_CASE(kcas_test_cleaning_is_counted),
	KUNIT_CASE(kcas_test_large_is_counted),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE(kcas_test_conflicts_are_counted),
	KUNIT_CASE(kcas_test_help_is_counted),
#endif
	{}
};

static struct kunit_suite kcas_debugfs_suite = {
	.name = "kcas_debugfs",
	.test_cases = kcas_debugfs_cases,
};

kunit_test_suite(kcas_debugfs_suite);

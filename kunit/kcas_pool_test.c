// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: memory for descriptors, and what happens without.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "debra_test_reader.h"
#include "kcas_test_util.h"
#ifdef CONFIG_DEBRA_DEBUG
#include "kcas_test_actor.h"
#endif

/* ---------------------------------------------------------------- the parameter */

static void kcas_test_max_blocks_is_checked(struct kunit *test)
{
	static const char * const bad[] = { "0", "1", "1048577", "4294967295", "4294967298",
					    "-1", "-2", "", " ", "x", "2x", "2 3", "1e3", "0x" };
	static const char * const good[] = { "2", "3", "1048576", "0x10", "4096\n" };
	static const long values[] = { 2, 3, 1048576, 16, 4096 };
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i;

	kcas_test_set_max_blocks(test, files, 77);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		/* A write of nothing does not get there. */
		if (*bad[i])
			KUNIT_EXPECT_EQ_MSG(test, kcas_test_write_max_blocks(files, bad[i]),
					    -EINVAL, "\"%s\"", bad[i]);
		KUNIT_EXPECT_EQ_MSG(test, kcas_test_max_blocks(files), 77, "\"%s\"", bad[i]);
	}
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		KUNIT_EXPECT_EQ_MSG(test, kcas_test_write_max_blocks(files, good[i]),
				    strlen(good[i]), "\"%s\"", good[i]);
		KUNIT_EXPECT_EQ(test, kcas_test_max_blocks(files), values[i]);
	}
	KUNIT_EXPECT_EQ(test, debra_test_mode(files, "sysfs/module/kcas/parameters/max_blocks"),
			0644);
}

/* ---------------------------------------------------------------- used up */

/**
 * struct kcas_test_thirst - operations until there is no memory
 * @word: words; each operation adds one to all of them
 * @nr: how many words
 * @most: how many operations
 * @base: what the words hold
 * @done: operations that were done
 * @no_memory: operations that were not
 * @errors: others
 */
struct kcas_test_thirst {
	struct kcas_word *word;
	unsigned int nr;
	unsigned int most;
	long base;
	long done;
	long no_memory;
	long errors;
};

#define KCAS_TEST_THIRST_WORDS	4

/* One word, then more of them, and compares: all that may want a descriptor. */
static int kcas_test_drink_once(struct kcas_test_thirst *t)
{
	struct kcas_op op[KCAS_TEST_THIRST_WORDS];
	unsigned int i;

	if (t->nr == 1)
		return kcas_cas(t->word, kcas_int(t->base), kcas_int(t->base + 1));
	for (i = 0; i < t->nr; i++)
		kcas_test_op(&op[i], &t->word[i], t->base, t->base + 1);
	return kcas(op, t->nr);
}

static void kcas_test_drink(void *data)
{
	struct kcas_test_thirst *t = data;
	unsigned int i;
	int ret;

	for (i = 0; i < t->most; i++) {
		ret = kcas_test_drink_once(t);
		if (ret == 1) {
			t->base++;
			t->done++;
		} else if (ret == -ENOMEM) {
			t->no_memory++;
		} else {
			t->errors++;
		}
	}
}

static void kcas_test_thirst_init(struct kunit *test, struct kcas_test_thirst *t, unsigned int nr,
				  unsigned int most)
{
	memset(t, 0, sizeof(*t));
	t->word = kcas_test_alloc(test, KCAS_TEST_THIRST_WORDS, sizeof(*t->word));
	t->nr = nr;
	t->most = most;
}

/* Who holds all blocks up, on another CPU than that where they are used up. */
static struct debra_test_holder *kcas_test_drought(struct kunit *test,
						   struct debra_test_files *files)
{
	debra_test_need_cpus(test, 3);
	debra_test_use_interrupts(test);
	debra_test_set_param(test, files, "stall_ms", 60000);
	return debra_test_holder(test, &kcas_domain, debra_test_cpu(1), DEBRA_TEST_TASK);
}

static void kcas_test_expect_base(struct kunit *test, struct kcas_test_thirst *t)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[i]), t->base);
	KUNIT_EXPECT_EQ(test, t->errors, 0);
}

#ifdef CONFIG_X86
/*
 * While somebody's pin holds all descriptors, an NMI has no more than what was there in the
 * beginning: then an error, nothing is done, and reading goes on. Later it has them again.
 */
static void kcas_test_nmi_runs_dry(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_thirst t, other;
	struct debra_test_holder *holder;
	bool ended, again;
	unsigned int nr;

	holder = kcas_test_drought(test, files);
	for (nr = 1; nr <= KCAS_TEST_THIRST_WORDS; nr += 3) {
		long before = kcas_test_stat(files, "no_memory");

		kcas_test_thirst_init(test, &t, nr, 4000);
		kcas_test_thirst_init(test, &other, nr, 200);
		KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
		KUNIT_EXPECT_TRUE(test, debra_test_run_on(debra_test_cpu(2), DEBRA_TEST_NMI,
							  kcas_test_drink, &t));
		/* Others on that CPU have theirs. */
		KUNIT_EXPECT_TRUE(test, debra_test_run_on(debra_test_cpu(2),
							  DEBRA_TEST_LAST_ALLOCATING,
							  kcas_test_drink, &other));
		ended = debra_test_release(holder);
		kunit_info(test, "%u words: %ld done in NMI, %ld without memory", nr, t.done,
			   t.no_memory);
		KUNIT_EXPECT_TRUE(test, ended);
		KUNIT_EXPECT_GT(test, t.done, 10);
		KUNIT_EXPECT_GT(test, t.no_memory, 0);
		KUNIT_EXPECT_EQ(test, other.done, 200);
		kcas_test_expect_base(test, &t);
		kcas_test_expect_base(test, &other);
		KUNIT_EXPECT_EQ(test, kcas_test_stat(files, "no_memory") - before, t.no_memory);
		/* The pin is over. */
		t.most = 1;
		t.done = 0;
		again = debra_test_wait(debra_test_run_on(debra_test_cpu(2), DEBRA_TEST_NMI,
							  kcas_test_drink, &t) && t.done >= 20);
		KUNIT_EXPECT_TRUE(test, again);
		kcas_test_expect_base(test, &t);
	}
}
#endif

static const struct kcas_test_dry {
	const char *name;
	enum debra_test_context context;
} kcas_test_dries[] = {
	{ "task", DEBRA_TEST_TASK },
#ifndef CONFIG_PREEMPT_RT
	{ "softirq", DEBRA_TEST_SOFTIRQ },
#endif
	{ "hardirq", DEBRA_TEST_HARDIRQ },
};

KUNIT_ARRAY_PARAM_DESC(kcas_test_dry, kcas_test_dries, name);

/* The same where there is an allocator: there are no more blocks than max_blocks. */
static void kcas_test_blocks_are_bounded(struct kunit *test)
{
	const struct kcas_test_dry *dry = test->param_value;
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	struct kcas_test_thirst t[2];
	unsigned long end = jiffies + msecs_to_jiffies(DEBRA_TEST_HOLD_MS / 2);
	bool ran = true, ended, again;
	unsigned int i;
	long blocks;

	kcas_test_set_max_blocks(test, files, 2);
	holder = kcas_test_drought(test, files);
	for (i = 0; i < 2; i++)
		kcas_test_thirst_init(test, &t[i], i ? KCAS_TEST_THIRST_WORDS : 1, 100);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	blocks = kcas_test_stat(files, "blocks");
	/* First it uses up what earlier tests have left there. */
	for (i = 0; ran && time_before(jiffies, end) &&
	     (t[0].no_memory < 200 || t[1].no_memory < 200); i++)
		ran = debra_test_run_on(debra_test_cpu(2), dry->context, kcas_test_drink,
					&t[i & 1]);
	ended = debra_test_release(holder);
	KUNIT_EXPECT_TRUE(test, ran && ended);
	KUNIT_EXPECT_LE(test, kcas_test_stat(files, "blocks"), blocks);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_GE(test, t[i].no_memory, 200);
		kcas_test_expect_base(test, &t[i]);
	}
	/* The pin is over. */
	t[1].done = 0;
	again = debra_test_wait(debra_test_run_on(debra_test_cpu(2), dry->context, kcas_test_drink,
						  &t[1]) && t[1].done >= 200);
	KUNIT_EXPECT_TRUE(test, again);
	kcas_test_expect_base(test, &t[1]);
}

/* How somebody must not sleep, or would not expect to. */
enum kcas_test_sleepless {
	KCAS_TEST_PREEMPT_OFF,
	KCAS_TEST_RCU,
	KCAS_TEST_ABOUT_TO_SLEEP,
	KCAS_TEST_NR_SLEEPLESS
};

#define KCAS_TEST_DRY	100	/* operations without memory are enough to tell */

struct kcas_test_greed {
	struct kcas_test_thirst thirst;
	enum kcas_test_sleepless how;
	bool over;
};

static void kcas_test_drink_sleepless(struct kcas_test_thirst *t, enum kcas_test_sleepless how)
{
	if (how == KCAS_TEST_PREEMPT_OFF)
		preempt_disable();
	else if (how == KCAS_TEST_RCU)
		rcu_read_lock();
	else if (how == KCAS_TEST_ABOUT_TO_SLEEP)
		__set_current_state(TASK_UNINTERRUPTIBLE);
	kcas_test_drink(t);
	if (how == KCAS_TEST_PREEMPT_OFF)
		preempt_enable();
	else if (how == KCAS_TEST_RCU)
		rcu_read_unlock();
	else if (how == KCAS_TEST_ABOUT_TO_SLEEP)
		__set_current_state(TASK_RUNNING);
}

static int kcas_test_greed_fn(void *data)
{
	struct kcas_test_greed *g = data;
	unsigned int i;

	for (i = 0; i < 100 && g->thirst.no_memory < KCAS_TEST_DRY; i++)
		kcas_test_drink_sleepless(&g->thirst, g->how);
	WRITE_ONCE(g->over, true);
	return 0;
}

/* Return: how many times somebody has waited for blocks meanwhile. */
static long kcas_test_greedy(struct kunit *test, struct debra_test_files *files,
			     struct kcas_test_greed *greed)
{
	long before = kcas_test_stat(files, "paced");
	struct task_struct *task;

	greed->over = false;
	task = debra_test_thread(test, kcas_test_greed_fn, greed, debra_test_cpu(2));
	/* Who is stopped before he has begun never does. */
	KUNIT_EXPECT_TRUE(test, debra_test_wait(READ_ONCE(greed->over)));
	debra_test_thread_stop(test, task);
	return kcas_test_stat(files, "paced") - before;
}

#define KCAS_TEST_FEW_BLOCKS	160	/* of 128 in use it is said that they are many */

/* Who must not wait for blocks, nor may a worker, for whom the reclaimer may wait. */
static long kcas_test_drain_sleepless(struct kunit *test, struct debra_test_files *files)
{
	struct kcas_test_greed greed;
	struct kcas_test_thirst t;
	long waits = 0, before;

	for (greed.how = 0; greed.how < KCAS_TEST_NR_SLEEPLESS; greed.how++) {
		kcas_test_thirst_init(test, &greed.thirst, KCAS_TEST_THIRST_WORDS, 500);
		waits += kcas_test_greedy(test, files, &greed);
		KUNIT_EXPECT_GT_MSG(test, greed.thirst.no_memory, 0, "%d", greed.how);
		kcas_test_expect_base(test, &greed.thirst);
	}
	before = kcas_test_stat(files, "paced");
	kcas_test_thirst_init(test, &t, KCAS_TEST_THIRST_WORDS, KCAS_TEST_DRY);
	KUNIT_EXPECT_TRUE(test, debra_test_run_on(debra_test_cpu(2), DEBRA_TEST_TASK,
						  kcas_test_drink, &t));
	return waits + kcas_test_stat(files, "paced") - before;
}

/*
 * While a pin holds up all blocks, who may not sleep does not wait for them: he has an error as
 * soon as there are none. That somebody else would is seen after that.
 */
static void kcas_test_sleepless(struct kunit *test)
{
	struct kcas_test_greed greed = { .how = KCAS_TEST_NR_SLEEPLESS };
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	long waits, others;
	bool ended;

	kcas_test_set_max_blocks(test, files, KCAS_TEST_FEW_BLOCKS);
	holder = kcas_test_drought(test, files);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	waits = kcas_test_drain_sleepless(test, files);
	kcas_test_thirst_init(test, &greed.thirst, KCAS_TEST_THIRST_WORDS, 500);
	others = kcas_test_greedy(test, files, &greed);
	ended = debra_test_release(holder);
	KUNIT_EXPECT_TRUE(test, ended);
	KUNIT_EXPECT_EQ(test, waits, 0);
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		KUNIT_EXPECT_GE(test, others, 1);
}

/*
 * While a pin holds up all blocks: who may sleep waits for them, but not often, and is not
 * without memory.
 */
static void kcas_test_pace(struct kunit *test)
{
	struct kcas_test_greed greed = { .how = KCAS_TEST_NR_SLEEPLESS };
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned int i;
	long waits = 0;
	bool ended;

	kcas_test_set_max_blocks(test, files, 1024);
	kcas_barrier();
	holder = kcas_test_drought(test, files);
	kcas_test_thirst_init(test, &greed.thirst, KCAS_TEST_THIRST_WORDS, 100);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	/*
	 * Each time almost 200 blocks, and at 768 they become too many. What earlier tests have
	 * left may be enough for a while.
	 */
	for (i = 0; i < 20 && !waits; i++)
		waits = kcas_test_greedy(test, files, &greed);
	ended = debra_test_release(holder);
	KUNIT_EXPECT_TRUE(test, ended);
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT)) {
		KUNIT_EXPECT_GE(test, waits, 1);
		KUNIT_EXPECT_LE(test, waits, 6);
	}
	/* There each may take a block of its own until the refill comes: to the limit. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		KUNIT_EXPECT_EQ(test, greed.thirst.no_memory, 0);
	KUNIT_EXPECT_GT(test, greed.thirst.done, 0);
	kcas_test_expect_base(test, &greed.thirst);
}

/* A guard that is stalled for ever is neutralized: memory comes back all the same. */
static void kcas_test_stalled_guard(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_thirst t;
	struct debra_test_reader *r;
	const unsigned int rounds = IS_ENABLED(CONFIG_KASAN) ? 100 : 320;
	/* With PREEMPT_RT each operation may take one before the refill comes. */
	const unsigned int blocks = IS_ENABLED(CONFIG_PREEMPT_RT) ? 1024 : 256;
	bool ran = true;
	unsigned int i;

	debra_test_need_cpus(test, 3);
	debra_test_use_interrupts(test);
	kcas_test_set_max_blocks(test, files, blocks);
	r = debra_test_reader(test, &kcas_domain, DEBRA_TEST_SLEEP, debra_test_cpu(1));
	kcas_test_thirst_init(test, &t, 2, 500);
	KUNIT_ASSERT_EQ(test, debra_test_enter(r), 1);
	/* More than the blocks have room for; and those who clean are given time. */
	for (i = 0; ran && i < rounds; i++)
		ran = debra_test_run_on(debra_test_cpu(2), DEBRA_TEST_TASK, kcas_test_drink, &t) &&
		      debra_test_wait(debra_garbage(&kcas_domain) < 192);
	KUNIT_EXPECT_TRUE(test, ran);
	KUNIT_EXPECT_EQ(test, t.no_memory, 0);
	KUNIT_EXPECT_EQ(test, t.done, 500 * rounds);
	KUNIT_EXPECT_TRUE(test, debra_test_is_aborted(r));
	KUNIT_EXPECT_EQ(test, debra_test_exit(r), 1);
	kcas_test_expect_base(test, &t);
}

/* An operation that is larger than a block counts as many. */
static void kcas_test_large_is_charged(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_LARGE, 0);
	struct kcas_op *ops = kcas_test_ops(test, KCAS_TEST_LARGE);
	struct debra_test_files *files = debra_test_files(test);
	struct debra_test_holder *holder;
	unsigned int i;
	long blocks;
	bool ended;

	for (i = 0; i < KCAS_TEST_LARGE; i++)
		kcas_test_op(&ops[i], &words[i], i, i + 1);
	kcas_test_set_max_blocks(test, files, 2);
	KUNIT_EXPECT_EQ(test, kcas(ops, KCAS_TEST_LARGE), -ENOMEM);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[KCAS_TEST_LARGE - 1]), KCAS_TEST_LARGE - 1);
	kcas_test_set_max_blocks(test, files, 4096);
	holder = kcas_test_drought(test, files);
	KUNIT_ASSERT_TRUE(test, debra_test_hold(holder, 1));
	blocks = kcas_test_stat(files, "blocks");
	KUNIT_EXPECT_EQ(test, kcas(ops, KCAS_TEST_LARGE), 1);
	blocks = kcas_test_stat(files, "blocks") - blocks;
	ended = debra_test_release(holder);
	KUNIT_EXPECT_TRUE(test, ended);
	/* 24 bytes, and 32 for each word. */
	KUNIT_EXPECT_EQ(test, blocks, 4);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[KCAS_TEST_LARGE - 1]), KCAS_TEST_LARGE);
}

/* With as few blocks as may be, all is as it was. */
static void kcas_test_smallest_pool(struct kunit *test)
{
	struct debra_test_files *files = debra_test_files(test);
	struct kcas_test_bank *bank = kcas_test_bank(test);
	struct task_struct *task[4];
	struct debra_test_storm *storm;
	unsigned int i;
	bool enough;

	kcas_test_set_max_blocks(test, files, 2);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = debra_test_thread(test, i ? kcas_test_bank_move_fn :
					    kcas_test_bank_audit_fn, bank, DEBRA_TEST_ANY_CPU);
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL & ~BIT(DEBRA_TEST_TASK),
				 kcas_test_bank_move, bank);
	msleep(1000);
	enough = debra_test_wait(atomic_long_read(&bank->moved) > 1000 &&
				 atomic_long_read(&bank->audits) > 0);
	debra_test_storm_stop(test, storm);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_TRUE(test, enough);
	kcas_test_bank_verdict(test, bank);
}

/* As many words as a block has room for, and one more. */
static void kcas_test_largest_from_pool(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_POOLED + 1, 0);
	struct kcas_op *ops = kcas_test_ops(test, KCAS_TEST_POOLED + 1);
	struct debra_test_files *files = debra_test_files(test);
	long large = kcas_test_stat(files, "large");
	unsigned int i;

	for (i = 0; i <= KCAS_TEST_POOLED; i++)
		kcas_test_op(&ops[i], &words[i], i, i);
	ops[0].new = kcas_int(1);
	KUNIT_EXPECT_EQ(test, kcas(ops, KCAS_TEST_POOLED), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_stat(files, "large"), large);
	ops[0].old = kcas_int(1);
	KUNIT_EXPECT_EQ(test, kcas(ops, KCAS_TEST_POOLED + 1), 1);
	KUNIT_EXPECT_EQ(test, kcas_test_stat(files, "large"), large + 1);
}

/* All that was taken for large operations is given back: nothing is left in limbo, nor charged. */
static void kcas_test_memory_comes_back(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, KCAS_TEST_LARGE, 0);
	struct kcas_op *ops = kcas_test_ops(test, KCAS_TEST_LARGE);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i, j;
	long blocks;

	KUNIT_ASSERT_EQ(test, kcas_test_settle(), 0);
	blocks = kcas_test_stat(files, "blocks");
	for (i = 0; i < 25; i++) {
		/* Some fail, some are refused, and some only compare. */
		for (j = 0; j < KCAS_TEST_LARGE; j++)
			kcas_test_op(&ops[j], &words[j], min(i, 10U) + j + (i / 5 == 2),
				     min(i, 10U) + j + (i / 5 == 2) + (i < 20));
		if (i / 5 == 3)
			ops[7] = ops[8];
		KUNIT_EXPECT_EQ(test, kcas(ops, KCAS_TEST_LARGE),
				i / 5 == 2 ? 0 : i / 5 == 3 ? -EINVAL : 1);
	}
	KUNIT_EXPECT_EQ(test, kcas_test_settle(), 0);
	KUNIT_EXPECT_TRUE(test, debra_test_drained(&kcas_domain));
	KUNIT_EXPECT_LE(test, kcas_test_stat(files, "blocks"), blocks);
}

#define KCAS_TEST_UNSEEN	4000	/* operations: of 4 words they fill 40 blocks at least */

/* One that finds another value, and one that is refused. Return: how many went wrong. */
static unsigned int kcas_test_unseen_pair(struct kcas_word *words)
{
	struct kcas_op op[4];
	unsigned int i, wrong;

	for (i = 0; i < ARRAY_SIZE(op); i++)
		kcas_test_op(&op[i], &words[i], i, i < 2 ? i + 1 : i);
	kcas_test_op(&op[3], &words[3], 2, 2);
	wrong = kcas(op, ARRAY_SIZE(op)) != 0;
	kcas_test_op(&op[3], &words[0], 0, 7);
	return wrong + (kcas(op, ARRAY_SIZE(op)) != -EINVAL);
}

/* What an operation has taken that nobody can have seen is the next one's. */
static void kcas_test_unseen_is_given_back(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 4, 0);
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i, wrong = 0;
	long retired;

	KUNIT_ASSERT_EQ(test, kcas_test_settle(), 0);
	retired = debra_test_stat(files, &kcas_domain, "retired");
	for (i = 0; i < KCAS_TEST_UNSEEN; i++)
		wrong += kcas_test_unseen_pair(words);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	/* We may have been moved to a CPU whose block was almost full. */
	KUNIT_EXPECT_LE(test, debra_test_stat(files, &kcas_domain, "retired") - retired,
			num_online_cpus());
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&words[i]), i);
}

/* ---------------------------------------------------------------- nested */

#ifdef CONFIG_DEBRA_DEBUG
/**
 * struct kcas_test_nest - operations in the middle of one, in the same context
 * @word: their words
 * @many: how often an operation on two was done
 * @one: how often one on one was
 * @no_memory: those for which there was none
 * @errors: others that were not done
 * @busy: we are in one of them
 */
struct kcas_test_nest {
	struct kcas_word *word;
	long many;
	long one;
	long no_memory;
	long errors;
	bool busy;
};

static void kcas_test_nest_count(struct kcas_test_nest *nest, long *done, int err)
{
	if (!err)
		++*done;
	else if (err == -ENOMEM)
		nest->no_memory++;
	else
		nest->errors++;
}

static void kcas_test_nest_fn(enum kcas_pause where, const struct kcas_word *word, void *data)
{
	struct kcas_test_nest *nest = data;
	struct kcas_op op[2];
	int ret;

	if (nest->busy)
		return;
	nest->busy = true;
	kcas_test_op(&op[0], &nest->word[0], nest->many, nest->many + 1);
	kcas_test_op(&op[1], &nest->word[1], nest->many, nest->many + 1);
	ret = kcas(op, 2);
	kcas_test_nest_count(nest, &nest->many, ret == 1 ? 0 : ret ?: -EIO);
	kcas_test_nest_count(nest, &nest->one, kcas_add(&nest->word[2], 1, NULL));
	nest->busy = false;
}

/*
 * As if interrupts of one kind nested: whoever comes later takes memory elsewhere; with PREEMPT_RT
 * there is none, but for those who come where nothing has begun yet.
 */
static void kcas_test_same_context_nests(struct kunit *test)
{
	struct kcas_word *words = kcas_test_words(test, 4, 0);
	struct kcas_op op[3];
	struct kcas_test_nest *nest;
	struct debra_test_files *files = debra_test_files(test);
	unsigned int i, done = 0;
	long large;

	nest = kunit_kzalloc(test, sizeof(*nest), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, nest);
	nest->word = kcas_test_alloc(test, 3, sizeof(*nest->word));
	kcas_test_stage(test);
	kcas_test_spy.fn = kcas_test_nest_fn;
	kcas_test_spy.arg = nest;
	large = kcas_test_stat(files, "large");
	WRITE_ONCE(kcas_test_spy.task, current);
	for (i = 0; i < 200; i++) {
		kcas_test_op(&op[0], &words[0], i, i + 1);
		kcas_test_op(&op[1], &words[1], i + 1, i + 2);
		kcas_test_op(&op[2], &words[2], 2, 2);
		done += kcas(op, 3) == 1;
		done += kcas_add(&words[3], 1, NULL) == 0;
	}
	WRITE_ONCE(kcas_test_spy.task, NULL);
	KUNIT_EXPECT_EQ(test, done, 400);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[0]), 200);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[1]), 201);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&words[3]), 203);
	KUNIT_EXPECT_EQ(test, nest->errors, 0);
	large = kcas_test_stat(files, "large") - large;
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		KUNIT_EXPECT_GE(test, nest->no_memory, 400);
	} else {
		KUNIT_EXPECT_EQ(test, nest->no_memory, 0);
		KUNIT_EXPECT_GE(test, large, 400);
	}
	KUNIT_EXPECT_GE(test, nest->many, 400);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&nest->word[0]), nest->many);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&nest->word[1]), nest->many);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&nest->word[2]), nest->one);
}
#endif

static struct kunit_case kcas_pool_cases[] = {
	KUNIT_CASE(kcas_test_max_blocks_is_checked),
#ifdef CONFIG_X86
	KUNIT_CASE(kcas_test_nmi_runs_dry),
#endif
	KUNIT_CASE_PARAM(kcas_test_blocks_are_bounded, kcas_test_dry_gen_params),
	KUNIT_CASE(kcas_test_smallest_pool),
	KUNIT_CASE(kcas_test_sleepless),
	KUNIT_CASE(kcas_test_pace),
	KUNIT_CASE(kcas_test_stalled_guard),
	KUNIT_CASE(kcas_test_large_is_charged),
	KUNIT_CASE(kcas_test_largest_from_pool),
	KUNIT_CASE(kcas_test_memory_comes_back),
	KUNIT_CASE(kcas_test_unseen_is_given_back),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE(kcas_test_same_context_nests),
#endif
	{}
};

static struct kunit_suite kcas_pool_suite = {
	.name = "kcas_pool",
	.test_cases = kcas_pool_cases,
};

kunit_test_suite(kcas_pool_suite);

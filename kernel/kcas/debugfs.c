// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: what it has done, in debugfs.
 *
 * Counters are read as they are, while everything runs. Documentation/ABI/testing/debugfs-kcas
 * describes the files.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "tx.h"

static struct dentry *kcas_dir;

static const char * const kcas_counter_names[] = {
#define X(id, name) #name,
	KCAS_COUNTERS(X)
#undef X
};

static_assert(ARRAY_SIZE(kcas_counter_names) == KCAS_NR_COUNTERS);

static unsigned long kcas_cpu_count(struct kcas_cpu *kc, enum kcas_counter id)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < KCAS_NR_CONTEXTS; i++)
		sum += READ_ONCE(kc->arena[i].count[id]);
	return sum;
}

static unsigned long kcas_counter_sum(enum kcas_counter id)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += kcas_cpu_count(per_cpu_ptr(kcas_cpus, cpu), id);
	return sum;
}

#define kcas_for_each_arena(cpu, i, arena)					\
	for_each_possible_cpu(cpu)						\
		for ((i) = 0; (i) < KCAS_NR_CONTEXTS &&				\
		     ((arena) = &per_cpu_ptr(kcas_cpus, cpu)->arena[i]); (i)++)

static unsigned long kcas_size_sum(enum kcas_status status, unsigned int size)
{
	struct kcas_arena *arena;
	unsigned long sum = 0;
	unsigned int cpu, i;

	kcas_for_each_arena(cpu, i, arena)
		sum += READ_ONCE(arena->op[status][size]);
	return sum;
}

/*
 * What counters were when they were reset. They themselves are their CPUs' and only go up; so
 * does what is shown, between two resets.
 */
static struct kcas_base {
	unsigned long count[KCAS_NR_COUNTERS];
	unsigned long size[KCAS_NR_STATUS][KCAS_NR_SIZES];
} kcas_base;
/* Guards @kcas_base, so that nobody subtracts more than he has summed up. */
static DEFINE_MUTEX(kcas_base_lock);

static unsigned long kcas_counter_shown(enum kcas_counter id)
{
	return kcas_counter_sum(id) - kcas_base.count[id];
}

static unsigned long kcas_size_shown(enum kcas_status status, unsigned int size)
{
	return kcas_size_sum(status, size) - kcas_base.size[status][size];
}

static unsigned long kcas_ops_shown(enum kcas_status status)
{
	unsigned long sum = 0;
	unsigned int size;

	for (size = 0; size < KCAS_NR_SIZES; size++)
		sum += kcas_size_shown(status, size);
	return sum;
}

static void kcas_reset(void)
{
	struct kcas_arena *arena;
	enum kcas_status status;
	enum kcas_counter id;
	unsigned int cpu, i;

	mutex_lock(&kcas_base_lock);
	for (id = 0; id < KCAS_NR_COUNTERS; id++)
		kcas_base.count[id] = kcas_counter_sum(id);
	for (status = 0; status < KCAS_NR_STATUS; status++)
		for (i = 0; i < KCAS_NR_SIZES; i++)
			kcas_base.size[status][i] = kcas_size_sum(status, i);
	/* One that is being raised just now may stay. */
	kcas_for_each_arena(cpu, i, arena) {
		WRITE_ONCE(arena->longest, 0);
		WRITE_ONCE(arena->slowest, 0);
		WRITE_ONCE(arena->unluckiest, 0);
	}
	kcas_hot_reset();
	mutex_unlock(&kcas_base_lock);
}

static void kcas_pool_show(struct seq_file *m)
{
	unsigned long longest = 0, blocks = 0, spare = 0;
	struct kcas_arena *arena;
	unsigned int cpu, i;

	kcas_for_each_arena(cpu, i, arena) {
		blocks += atomic_read(&arena->nr_blocks);
		spare += atomic_read(&arena->nr_free);
		longest = max(longest, READ_ONCE(arena->longest));
	}
	seq_printf(m, "blocks: %lu\nblocks_free: %lu\nlongest_chain: %lu\n", blocks, spare,
		   longest);
}

static int stats_show(struct seq_file *m, void *v)
{
	enum kcas_counter id;

	kcas_pool_show(m);
	mutex_lock(&kcas_base_lock);
	seq_printf(m, "ops: %lu\n", kcas_ops_shown(KCAS_SUCCEEDED) + kcas_ops_shown(KCAS_FAILED));
	seq_printf(m, "succeeded: %lu\n", kcas_ops_shown(KCAS_SUCCEEDED));
	seq_printf(m, "failed: %lu\n", kcas_ops_shown(KCAS_FAILED));
	seq_printf(m, "conflicts: %lu\n", kcas_ops_shown(KCAS_CONFLICT));
	for (id = 0; id < KCAS_C_TX_STARTED; id++)
		seq_printf(m, "%s: %lu\n", kcas_counter_names[id], kcas_counter_shown(id));
	mutex_unlock(&kcas_base_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int sizes_show(struct seq_file *m, void *v)
{
	unsigned int i;

	seq_puts(m, "words  succeeded     failed  conflicts\n");
	mutex_lock(&kcas_base_lock);
	for (i = 1; i < KCAS_NR_SIZES; i++) {
		if (i < KCAS_NR_SIZES - 1)
			seq_printf(m, "%5u", i);
		else
			seq_puts(m, " more");
		seq_printf(m, " %10lu %10lu %10lu\n", kcas_size_shown(KCAS_SUCCEEDED, i),
			   kcas_size_shown(KCAS_FAILED, i), kcas_size_shown(KCAS_CONFLICT, i));
	}
	mutex_unlock(&kcas_base_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sizes);

static void kcas_worst_show(struct seq_file *m)
{
	unsigned int cpu, i, unluckiest = 0;
	unsigned long slowest = 0;
	struct kcas_arena *arena;

	kcas_for_each_arena(cpu, i, arena) {
		slowest = max(slowest, READ_ONCE(arena->slowest));
		unluckiest = max(unluckiest, READ_ONCE(arena->unluckiest));
	}
	seq_printf(m, "longest_attempt_ms: %u\nmost_conflicts: %u\n", jiffies_to_msecs(slowest),
		   unluckiest);
}

/* Those of transactions, without the prefix. */
static int transactions_show(struct seq_file *m, void *v)
{
	enum kcas_counter id;

	mutex_lock(&kcas_base_lock);
	for (id = KCAS_C_TX_STARTED; id < KCAS_NR_COUNTERS; id++)
		seq_printf(m, "%s: %lu\n", kcas_counter_names[id] + strlen("tx_"),
			   kcas_counter_shown(id));
	mutex_unlock(&kcas_base_lock);
	kcas_worst_show(m);
	seq_printf(m, "waiting: %d\n", atomic_read(&kcas_nr_waiters));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(transactions);

/* Takes a 1 and nothing else. */
static ssize_t reset_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	unsigned int val;

	if (kstrtouint_from_user(buf, count, 0, &val) || val != 1)
		return -EINVAL;
	kcas_reset();
	return count;
}

static const struct file_operations reset_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = reset_write,
};

void kcas_debugfs_start(void)
{
	kcas_dir = debugfs_create_dir("kcas", NULL);
	debugfs_create_file("stats", 0444, kcas_dir, NULL, &stats_fops);
	debugfs_create_file("transactions", 0444, kcas_dir, NULL, &transactions_fops);
	debugfs_create_file("sizes", 0444, kcas_dir, NULL, &sizes_fops);
	debugfs_create_file("reset", 0200, kcas_dir, NULL, &reset_fops);
	kcas_hot_start(kcas_dir);
}

/* Waits for those who are reading. */
void kcas_debugfs_stop(void)
{
	debugfs_remove_recursive(kcas_dir);
}

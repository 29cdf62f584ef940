// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: a view of epochs, CPUs, bags and retired objects in debugfs.
 *
 * Counters are read as they are, while everything runs. The list of retired
 * objects is taken on each CPU by an IPI, which holds that CPU's bags like any
 * retirement and copies a bounded number of entries; it costs nothing unless
 * somebody reads. Documentation/ABI/debugfs-debra describes the files.
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/kstrtox.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "internal.h"

#define DEBRA_SHOW_MAX	64	/* retired objects shown per CPU */
#define DEBRA_SHOW_TRIES	100

static struct dentry *debra_debugfs_root;

static const char * const debra_counter_names[] = {
#define X(id, name) #name,
	DEBRA_COUNTERS(X)
#undef X
};

static_assert(ARRAY_SIZE(debra_counter_names) == DEBRA_NR_COUNTERS);

static unsigned long debra_ms_since(unsigned long since)
{
	return jiffies_to_msecs(jiffies - since);
}

static unsigned long debra_peak_bound(struct debra_domain *dom)
{
	unsigned long sum = READ_ONCE(dom->sup->orphans.peak);
	struct debra_bagset *set;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		set = &per_cpu_ptr(dom->cpus, cpu)->set;
		sum += max(READ_ONCE(set->peak), debra_bagset_pending(set));
	}
	return sum;
}

/* What the domain itself takes: all but the blocks that hold objects now. */
static unsigned long debra_overhead(struct debra_domain *dom)
{
	unsigned long sum = sizeof(*dom) + sizeof(*dom->sup);
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += sizeof(struct debra_pin_state) + sizeof(struct debra_cpu) +
		       sizeof(struct debra_guard_cpu) +
		       READ_ONCE(per_cpu_ptr(dom->cpus, cpu)->pool_nr) * DEBRA_BLOCK_SIZE;
	return sum;
}

/*
 * Counters are their CPUs' and only go up. When they are reset, what they were is written
 * down, and subtracted; under base_lock, so that nobody subtracts more than he has summed up.
 */
static unsigned long debra_counter_shown(struct debra_domain *dom, enum debra_counter id)
{
	return debra_counter_sum(dom, id) - dom->sup->base[id];
}

static void debra_reset(struct debra_domain *dom)
{
	struct debra_sup *sup = dom->sup;
	enum debra_counter id;
	unsigned int cpu;

	mutex_lock(&sup->base_lock);
	sup->base_freed = debra_freed(dom);
	for (id = 0; id < DEBRA_NR_COUNTERS; id++)
		sup->base[id] = debra_counter_sum(dom, id);
	/* Those that are being raised just now may stay. */
	WRITE_ONCE(sup->peak, 0);
	WRITE_ONCE(sup->orphans.peak, 0);
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu_ptr(dom->cpus, cpu)->set.peak, 0);
	mutex_unlock(&sup->base_lock);
}

static int stats_show(struct seq_file *m, void *v)
{
	struct debra_domain *dom = m->private;
	enum debra_counter id;

	seq_printf(m, "epoch: %lu\n", debra_epoch(dom));
	seq_printf(m, "epoch_age_ms: %lu\n", debra_ms_since(READ_ONCE(dom->sup->epoch_since)));
	seq_printf(m, "pin_mode: %s\n", debra_fenced() ? "fence" : "ipi");
	seq_printf(m, "garbage: %lu\n", debra_garbage(dom));
	seq_printf(m, "garbage_bytes: %lu\n", debra_bytes(dom));
	seq_printf(m, "garbage_peak: %lu\n", max(READ_ONCE(dom->sup->peak), debra_garbage(dom)));
	seq_printf(m, "garbage_peak_bound: %lu\n", debra_peak_bound(dom));
	seq_printf(m, "orphans: %lu\n", debra_bagset_pending(&dom->sup->orphans));
	seq_printf(m, "overhead_bytes: %lu\n", debra_overhead(dom));
	seq_printf(m, "guards_lagging: %u\n", READ_ONCE(dom->sup->lagging));
	seq_printf(m, "guards_aborted: %u\n", READ_ONCE(dom->sup->aborted));
	seq_printf(m, "guards_parked: %u\n", READ_ONCE(dom->sup->parked));
	seq_printf(m, "hazard_kept: %lu\n", debra_kept(dom));
	mutex_lock(&dom->sup->base_lock);
	seq_printf(m, "freed: %lu\n", debra_freed(dom) - dom->sup->base_freed);
	for (id = 0; id < DEBRA_NR_COUNTERS; id++)
		seq_printf(m, "%s: %lu\n", debra_counter_names[id], debra_counter_shown(dom, id));
	mutex_unlock(&dom->sup->base_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static void debra_show_cpu(struct seq_file *m, struct debra_domain *dom, unsigned int cpu)
{
	struct debra_pin_state *state = per_cpu_ptr(dom->pins, cpu);
	struct debra_cpu *pc = per_cpu_ptr(dom->cpus, cpu);
	struct debra_bagset *set = &pc->set;

	unsigned long announce = READ_ONCE(state->announce);

	seq_printf(m, "%3u %10lu %4lu %8lu %8lu %4u %10lu %10lu %8lu\n", cpu,
		   announce >> DEBRA_DEPTH_BITS, announce & DEBRA_DEPTH_MASK,
		   debra_bagset_pending(set),
		   READ_ONCE(set->free[DEBRA_KIND_KFREE].nr) +
		   READ_ONCE(set->free[DEBRA_KIND_CALL].nr), READ_ONCE(pc->pool_nr),
		   READ_ONCE(pc->count[DEBRA_C_RETIRED]), atomic_long_read(&pc->freed),
		   max(READ_ONCE(set->peak), debra_bagset_pending(set)));
}

static int cpus_show(struct seq_file *m, void *v)
{
	struct debra_domain *dom = m->private;
	unsigned int cpu;

	seq_puts(m, "cpu  announced nest  pending freeable pool    retired      freed     peak\n");
	for_each_online_cpu(cpu)
		debra_show_cpu(m, dom, cpu);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(cpus);

static int bags_show(struct seq_file *m, void *v)
{
	struct debra_domain *dom = m->private;
	struct debra_bagset *set;
	unsigned int cpu, i;

	seq_puts(m, "cpu      stamp    kfree     call   age_ms\n");
	for_each_online_cpu(cpu) {
		set = &per_cpu_ptr(dom->cpus, cpu)->set;
		for (i = 0; i < DEBRA_NR_BAGS; i++) {
			struct debra_bag *bag = &set->bag[i];
			unsigned long kfree_nr = READ_ONCE(bag->chain[DEBRA_KIND_KFREE].nr);
			unsigned long call_nr = READ_ONCE(bag->chain[DEBRA_KIND_CALL].nr);

			if (kfree_nr || call_nr)
				seq_printf(m, "%3u %10lu %8lu %8lu %8lu\n", cpu,
					   READ_ONCE(bag->stamp), kfree_nr, call_nr,
					   debra_ms_since(READ_ONCE(bag->opened)));
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bags);

static unsigned int debra_guard_slots(struct debra_guard_rec *rec)
{
	unsigned int i, nr = 0;

	for (i = 0; i < DEBRA_GUARD_SLOTS; i++)
		nr += !!READ_ONCE(rec->slot[i]);
	return nr;
}

static void debra_show_guard(struct debra_guard_rec *rec, int cpu, void *arg)
{
	unsigned long word = atomic_long_read(&rec->word);
	bool lagging = (READ_ONCE(rec->seen) | DEBRA_GUARD_ABORTED) ==
		       (word | DEBRA_GUARD_ABORTED);
	struct seq_file *m = arg;

	if (!(word & DEBRA_GUARD_ACTIVE))
		return;
	if (cpu < 0)
		seq_puts(m, "  -");
	else
		seq_printf(m, "%3d", cpu);
	seq_printf(m, " %-8s %10lu %8lu %8u %5u %d\n",
		   debra_guard_state(word, READ_ONCE(rec->settled) == word),
		   READ_ONCE(rec->epoch), lagging ? debra_ms_since(READ_ONCE(rec->since)) : 0,
		   READ_ONCE(rec->restarts), debra_guard_slots(rec), READ_ONCE(rec->pid));
}

static int guards_show(struct seq_file *m, void *v)
{
	seq_puts(m, "cpu state         epoch   lag_ms restarts slots pid\n");
	debra_for_each_guard(m->private, debra_show_guard, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(guards);

static int ipis_show(struct seq_file *m, void *v)
{
	unsigned long ipis;
	unsigned int cpu, rate;

	seq_puts(m, "cpu       ipis per_second\n");
	for_each_online_cpu(cpu) {
		rate = debra_round_stats(cpu, &ipis);
		seq_printf(m, "%3u %10lu %10u\n", cpu, ipis, rate);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ipis);

static int latency_show(struct seq_file *m, void *v)
{
	unsigned int i;

	seq_puts(m, "below_us     rounds\n");
	for (i = 0; i < DEBRA_NR_LATENCIES - 1; i++)
		seq_printf(m, "%8lu %10lu\n", BIT(i), debra_round_took(i));
	seq_printf(m, "    more %10lu\n", debra_round_took(i));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

struct debra_entry {
	const void *object;
	debra_func_t func;	/* NULL: kfree */
	unsigned long stamp;	/* 0: free already */
	unsigned long since;
};

struct debra_sample {
	struct debra_domain *dom;
	bool busy;
	unsigned int nr;
	struct debra_entry entry[DEBRA_SHOW_MAX];
};

static void debra_sample_slot(struct debra_sample *s, void *slot, unsigned long stamp,
			      unsigned long since)
{
	struct debra_entry *e = &s->entry[s->nr++];
	const struct debra_type *type;
	struct debra_head *head = slot;

	e->stamp = stamp;
	e->since = since;
	e->func = NULL;
	if ((unsigned long)slot & DEBRA_SLOT_HEADLESS) {
		e->object = (void *)((unsigned long)slot & ~DEBRA_SLOT_HEADLESS);
	} else if (debra_head_kind(head) == DEBRA_KIND_KFREE) {
		e->object = slot - (unsigned long)head->func;
	} else {
		type = debra_head_type(head);
		e->object = slot - (type ? type->offset : 0);
		e->func = debra_action(head->func);
	}
}

static void debra_sample_chain(struct debra_sample *s, struct debra_chain *chain,
			       unsigned long stamp, unsigned long since)
{
	struct debra_block *block;
	struct debra_head *head;
	unsigned long i;

	for (block = chain->first; block && s->nr < DEBRA_SHOW_MAX; block = block->next)
		for (i = 0; i < block->nr && s->nr < DEBRA_SHOW_MAX; i++)
			debra_sample_slot(s, block->slot[i], stamp, since);
	for (head = chain->heads; head && s->nr < DEBRA_SHOW_MAX; head = debra_link_get(head))
		debra_sample_slot(s, head, stamp, since);
}

/* In an IPI: an NMI on top finds the bags held and defers, as it would otherwise. */
static void debra_sample_cpu(void *info)
{
	struct debra_sample *s = info;
	struct debra_cpu *pc = this_cpu_ptr(s->dom->cpus);
	enum debra_kind kind;
	unsigned int i;

	s->nr = 0;
	s->busy = !debra_enter(pc);
	if (s->busy)
		return;
	for (kind = 0; kind < DEBRA_NR_KINDS; kind++) {
		debra_sample_chain(s, &pc->set.kept[0][kind], 0, pc->set.free_since);
		debra_sample_chain(s, &pc->set.kept[1][kind], 0, pc->set.free_since);
		debra_sample_chain(s, &pc->set.free[kind], 0, pc->set.free_since);
	}
	/* Oldest first: the bag after the current one. */
	for (i = 1; i <= DEBRA_NR_BAGS; i++) {
		struct debra_bag *bag = &pc->set.bag[(pc->set.cur - pc->set.bag + i) %
						     DEBRA_NR_BAGS];

		for (kind = 0; kind < DEBRA_NR_KINDS; kind++)
			debra_sample_chain(s, &bag->chain[kind], bag->stamp, bag->opened);
	}
	debra_leave(pc);
}

/* One word: a function in a module comes as "name [module]". */
static void debra_show_action(struct seq_file *m, debra_func_t func)
{
	char name[KSYM_SYMBOL_LEN] = "kfree";

	if (func)
		snprintf(name, sizeof(name), "%ps", func);
	strreplace(name, ' ', ':');
	seq_puts(m, name);
}

static void debra_show_entry(struct seq_file *m, unsigned int cpu, const struct debra_entry *e)
{
	/* The file is for root only, and an address is what one looks for in a dump. */
	seq_printf(m, "%3u %px ", cpu, e->object);
	debra_show_action(m, e->func);
	if (e->stamp)
		seq_printf(m, " %lu", e->stamp);
	else
		seq_puts(m, " free");
	seq_printf(m, " %lu\n", debra_ms_since(e->since));
}

static int retired_show(struct seq_file *m, void *v)
{
	struct debra_sample *s = kmalloc(sizeof(*s), GFP_KERNEL);
	unsigned int cpu, i, tries;

	if (!s)
		return -ENOMEM;
	s->dom = m->private;
	seq_puts(m, "cpu address action stamp age_ms\n");
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		tries = DEBRA_SHOW_TRIES;
		do {
			smp_call_function_single(cpu, debra_sample_cpu, s, 1);
			cond_resched();
		} while (s->busy && --tries);
		for (i = 0; i < s->nr; i++)
			debra_show_entry(m, cpu, &s->entry[i]);
	}
	cpus_read_unlock();
	kfree(s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(retired);

/* Commands take a 1 and nothing else. */
static int debra_command_ok(const char __user *buf, size_t count)
{
	unsigned int val;

	return kstrtouint_from_user(buf, count, 0, &val) || val != 1 ? -EINVAL : 0;
}

static ssize_t advance_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	int err = debra_command_ok(buf, count);

	if (err)
		return err;
	debra_expedite(file->private_data);
	return count;
}

static const struct file_operations advance_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = advance_write,
};

static ssize_t drain_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	int err = debra_command_ok(buf, count);

	if (err)
		return err;
	debra_expedite(file->private_data);
	debra_absorb_all(file->private_data);
	return count;
}

static const struct file_operations drain_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = drain_write,
};

static ssize_t reset_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	int err = debra_command_ok(buf, count);

	if (err)
		return err;
	debra_reset(file->private_data);
	return count;
}

static const struct file_operations reset_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = reset_write,
};

void debra_debugfs_add(struct debra_domain *dom)
{
	struct dentry *dir = debugfs_create_dir(dom->name, debra_debugfs_root);

	dom->sup->dir = dir;
	debugfs_create_file("stats", 0444, dir, dom, &stats_fops);
	debugfs_create_file("cpus", 0444, dir, dom, &cpus_fops);
	debugfs_create_file("bags", 0444, dir, dom, &bags_fops);
	debugfs_create_file("guards", 0444, dir, dom, &guards_fops);
	debugfs_create_file("retired", 0400, dir, dom, &retired_fops);
	debra_callers_add(dom);
	debra_stalled_add(dom);
	debugfs_create_file("advance", 0200, dir, dom, &advance_fops);
	debugfs_create_file("drain", 0200, dir, dom, &drain_fops);
	debugfs_create_file("reset", 0200, dir, dom, &reset_fops);
}

/* Waits for those who are reading. */
void debra_debugfs_remove(struct debra_domain *dom)
{
	debugfs_remove_recursive(dom->sup->dir);
}

void debra_debugfs_start(void)
{
	debra_debugfs_root = debugfs_create_dir("debra", NULL);
	debugfs_create_file("ipis", 0444, debra_debugfs_root, NULL, &ipis_fops);
	debugfs_create_file("latency", 0444, debra_debugfs_root, NULL, &latency_fops);
}

void debra_debugfs_stop(void)
{
	debugfs_remove_recursive(debra_debugfs_root);
}

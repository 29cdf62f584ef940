// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: the words that are fought over, for debugfs.
 *
 * Whoever meets an undecided operation in a word, fails to install his reference, or finds a
 * word changed that he has only compared, says so here. One meeting in some is kept, in a
 * small table of the CPU, by counting as Misra and Gries do: a word that is there is counted
 * up; one that is not takes an empty place; if there is none, all others are counted down. So
 * a word that has more than its share of the meetings is there, however many words there
 * are. Now and then all counts are halved, for what was is less than what is.
 *
 * Nobody else pays anything. Who interrupts an update lets his own go.
 */
#include <linux/debugfs.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "tx.h"

#define KCAS_HOT_WORDS		16	/* in the table of a CPU */
#define KCAS_HOT_SHOWN		32
#define KCAS_HOT_SAMPLE		8	/* meetings for one that is kept, a power of 2 */
#define KCAS_HOT_HALVE		1024	/* of those, and counts are halved */

/**
 * struct kcas_hot_word - a word
 * @word: its address, which is all that we know: it may be gone
 * @count: meetings, as they were counted
 * @last: jiffies of the last one
 */
struct kcas_hot_word {
	const struct kcas_word *word;
	unsigned long count;
	unsigned long last;
};

/**
 * struct kcas_hot - those of a CPU
 * @met: meetings
 * @busy: somebody is in here
 * @hot: the words
 */
struct kcas_hot {
	unsigned long met;
	bool busy;
	struct kcas_hot_word hot[KCAS_HOT_WORDS];
};

static DEFINE_PER_CPU(struct kcas_hot, kcas_hots);

static void kcas_hot_set(struct kcas_hot_word *hot, const struct kcas_word *word,
			 unsigned long count)
{
	/* Read by others at any time, who may take the one's count for the other's. */
	WRITE_ONCE(hot->word, word);
	WRITE_ONCE(hot->count, count);
	WRITE_ONCE(hot->last, jiffies);
}

/* They may have been reset just now. */
static void kcas_hot_less(struct kcas_hot_word *hot)
{
	unsigned long count = READ_ONCE(hot->count);

	if (count)
		WRITE_ONCE(hot->count, count - 1);
}

static void kcas_hot_halve(struct kcas_hot *hots)
{
	unsigned int i;

	for (i = 0; i < KCAS_HOT_WORDS; i++)
		WRITE_ONCE(hots->hot[i].count, READ_ONCE(hots->hot[i].count) / 2);
}

static void kcas_hot_add(struct kcas_hot *hots, const struct kcas_word *word)
{
	struct kcas_hot_word *hot, *empty = NULL;

	for (hot = hots->hot; hot < hots->hot + KCAS_HOT_WORDS; hot++) {
		if (hot->word == word) {
			kcas_hot_set(hot, word, READ_ONCE(hot->count) + 1);
			return;
		}
		if (!READ_ONCE(hot->count))
			empty = hot;
	}
	if (empty) {
		kcas_hot_set(empty, word, 1);
		return;
	}
	for (hot = hots->hot; hot < hots->hot + KCAS_HOT_WORDS; hot++)
		kcas_hot_less(hot);
}

/**
 * kcas_hot - somebody was in the way at a word
 * @word: the word
 *
 * Context: any, NMI included, preemption off.
 */
void kcas_hot(const struct kcas_word *word)
{
	struct kcas_hot *hots = this_cpu_ptr(&kcas_hots);
	unsigned long met;

	if (READ_ONCE(hots->busy))
		return;
	WRITE_ONCE(hots->busy, true);
	/* Compilers only: who interrupts us stays out. */
	barrier();
	met = hots->met++;
	if (!(met % KCAS_HOT_SAMPLE))
		kcas_hot_add(hots, word);
	if (!(met % (KCAS_HOT_SAMPLE * KCAS_HOT_HALVE)))
		kcas_hot_halve(hots);
	barrier();
	WRITE_ONCE(hots->busy, false);
}

/* Up to one for each place in each table. Return: how many there are now. */
static unsigned int kcas_hot_merge(struct kcas_hot_word *sum, unsigned int nr,
				   const struct kcas_hot_word *hot)
{
	const struct kcas_word *word = READ_ONCE(hot->word);
	unsigned long count = READ_ONCE(hot->count), last = READ_ONCE(hot->last);
	unsigned int i;

	if (!count)
		return nr;
	for (i = 0; i < nr; i++) {
		if (sum[i].word != word)
			continue;
		sum[i].count += count;
		if (time_after(last, sum[i].last))
			sum[i].last = last;
		return nr;
	}
	sum[nr] = (struct kcas_hot_word){ word, count, last };
	return nr + 1;
}

static int kcas_hot_cmp(const void *a, const void *b)
{
	const struct kcas_hot_word *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->word < y->word ? -1 : x->word > y->word;
}

/*
 * What kind of memory a word is in that may be gone. The name of a slab's cache is only to be
 * had from the kernel's log, by mem_dump_obj(), which wants an object that stays.
 */
static const char *kcas_hot_memory(const struct kcas_word *word)
{
	if (is_vmalloc_addr(word))
		return "vmalloc";
	if (!virt_addr_valid(word))
		return "-";
	return folio_test_slab(virt_to_folio(word)) ? "slab" : "page";
}

static void kcas_hot_show_word(struct seq_file *m, const struct kcas_hot_word *hot, char *name)
{
	bool is_static;

	snprintf(name, KSYM_SYMBOL_LEN, "%pS", hot->word);
	strreplace(name, ' ', ':');
	is_static = !str_has_prefix(name, "0x");
	/* The file is for root only, and the address is what one looks for. */
	seq_printf(m, "%9lu %8u %px %-7s ", hot->count * KCAS_HOT_SAMPLE,
		   jiffies_to_msecs(jiffies - hot->last), hot->word,
		   is_static ? "static" : kcas_hot_memory(hot->word));
	/* Kernels without the names of data give that of some function. */
	seq_printf(m, "%s\n", is_static && IS_ENABLED(CONFIG_KALLSYMS_ALL) ? name : "-");
}

static int hot_show(struct seq_file *m, void *v)
{
	size_t size = num_possible_cpus() * sizeof_field(struct kcas_hot, hot);
	struct kcas_hot_word *sum = kmalloc(size + KSYM_SYMBOL_LEN, GFP_KERNEL);
	unsigned int cpu, i, nr = 0;

	if (!sum)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		for (i = 0; i < KCAS_HOT_WORDS; i++)
			nr = kcas_hot_merge(sum, nr, &per_cpu(kcas_hots, cpu).hot[i]);
	sort(sum, nr, sizeof(*sum), kcas_hot_cmp, NULL);
	seq_puts(m, "conflicts   age_ms word             memory  symbol\n");
	for (i = 0; i < nr && i < KCAS_HOT_SHOWN; i++)
		kcas_hot_show_word(m, &sum[i], (char *)sum + size);
	kfree(sum);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(hot);

/**
 * kcas_hot_reset - forget all of them
 */
void kcas_hot_reset(void)
{
	unsigned int cpu, i;

	/* A count that is being changed may survive it. */
	for_each_possible_cpu(cpu)
		for (i = 0; i < KCAS_HOT_WORDS; i++)
			WRITE_ONCE(per_cpu(kcas_hots, cpu).hot[i].count, 0);
}

/**
 * kcas_hot_start - make the file
 * @dir: where
 */
void kcas_hot_start(struct dentry *dir)
{
	debugfs_create_file("hot", 0400, dir, NULL, &hot_fops);
}

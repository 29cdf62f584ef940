// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: what retired objects are, and who has retired them.
 *
 * Taken like the list of single objects (debugfs.c): by an IPI on each CPU, which holds the
 * bags as a retirement does, and for a limited time. In a large bag it looks at a fair sample of
 * the objects, for each of them is a cache miss; what it has not looked at is counted.
 *
 * Who has retired an object is not recorded, for that would cost every retirement something. A
 * block of a bag remembers who has opened it. That is one retirement in %DEBRA_BLOCK_SLOTS,
 * and the objects of a block are counted for him all together: where there is much to be
 * counted, the shares are right.
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "internal.h"

#define DEBRA_LOOK_OBJECTS	1024	/* looked at, of one CPU */
#define DEBRA_LOOK_BLOCKS	2048
#define DEBRA_LOOK_GROUPS	32
#define DEBRA_LOOK_TRIES	100

/* Groups come as indices of this kind, not as addresses. */
enum debra_group_special {
	DEBRA_GROUP_KFREE,
	DEBRA_GROUP_UNKNOWN,	/* nobody has written down by whom */
	DEBRA_GROUP_OTHER,	/* there is no room for more groups */
	DEBRA_GROUP_SKIPPED,	/* not looked at */
	DEBRA_GROUP_NR_SPECIALS
};

static const char * const debra_group_names[] = {
	[DEBRA_GROUP_KFREE] = "kfree",
	[DEBRA_GROUP_UNKNOWN] = "(unknown)",
	[DEBRA_GROUP_OTHER] = "(other)",
	[DEBRA_GROUP_SKIPPED] = "(skipped)",
};

static_assert(ARRAY_SIZE(debra_group_names) == DEBRA_GROUP_NR_SPECIALS);

/**
 * struct debra_group - objects that have something in common
 * @key: a callback, or the address of a call, or enum debra_group_special
 * @size: of each, in bytes; 0 if that is not known
 * @objects: how many
 * @bytes: of all of them
 * @since: jiffies when the bag of the oldest was opened
 */
struct debra_group {
	unsigned long key;
	unsigned long size;
	unsigned long objects;
	unsigned long bytes;
	unsigned long since;
};

/**
 * struct debra_groups - groups by one thing
 * @nr: how many
 * @group: the groups
 */
struct debra_groups {
	unsigned int nr;
	struct debra_group group[DEBRA_LOOK_GROUPS];
};

/**
 * struct debra_look - a look at the bags of one CPU, or of the orphans
 * @dom: the domain
 * @busy: the CPU was in the middle of a retirement
 * @size: typical size of an object there
 * @stride: of so many objects one is looked at
 * @turn: how many were passed by since
 * @objects: how many more may be looked at
 * @blocks: and how many blocks
 * @action: by what is to be done with them
 * @site: by who has retired them
 */
struct debra_look {
	struct debra_domain *dom;
	bool busy;
	unsigned long size;
	unsigned long stride;
	unsigned long turn;
	unsigned int objects;
	unsigned int blocks;
	struct debra_groups action;
	struct debra_groups site;
};

static struct debra_group *debra_group_find(struct debra_groups *groups, unsigned long key,
					    unsigned long size)
{
	unsigned int i;

	for (i = 0; i < groups->nr; i++)
		if (groups->group[i].key == key && groups->group[i].size == size)
			return &groups->group[i];
	return NULL;
}

static void debra_group_add(struct debra_groups *groups, const struct debra_group *more)
{
	struct debra_group *group = debra_group_find(groups, more->key, more->size);
	bool special = more->key < DEBRA_GROUP_NR_SPECIALS && more->key != DEBRA_GROUP_KFREE;
	struct debra_group other = *more;

	if (group) {
		group->objects += more->objects;
		group->bytes += more->bytes;
		if (time_before(more->since, group->since))
			group->since = more->since;
	} else if (groups->nr < DEBRA_LOOK_GROUPS - DEBRA_GROUP_NR_SPECIALS || special) {
		groups->group[groups->nr++] = *more;
	} else {
		other.key = DEBRA_GROUP_OTHER;
		other.size = 0;
		debra_group_add(groups, &other);
	}
}

static void debra_group_count(struct debra_groups *groups, unsigned long key, unsigned long objects,
			      unsigned long bytes, unsigned long since)
{
	struct debra_group group = {
		.key = key, .objects = objects, .bytes = bytes, .since = since,
	};

	if (objects)
		debra_group_add(groups, &group);
}

static void debra_look_at_slot(struct debra_look *look, void *slot, unsigned long since)
{
	struct debra_group group = { .key = DEBRA_GROUP_KFREE, .objects = 1, .since = since };
	struct debra_head *head = slot;
	unsigned long start;

	if (debra_slot_sized(slot))
		group.size = debra_slot_interval(slot, &start);
	group.bytes = group.size;
	if (!((unsigned long)slot & DEBRA_SLOT_HEADLESS) && debra_action(head->func))
		group.key = (unsigned long)debra_action(head->func);
	debra_group_add(&look->action, &group);
	look->objects--;
}

/* Return: how many were looked at. */
static unsigned long debra_look_at_block(struct debra_look *look, struct debra_block *block,
					 unsigned long since)
{
	unsigned int before = look->objects;
	unsigned long i;

	for (i = 0; i < block->nr && look->objects; i++) {
		if (look->turn++ % look->stride)
			continue;
		debra_look_at_slot(look, block->slot[i], since);
	}
	return before - look->objects;
}

static void debra_look_at_chain(struct debra_look *look, struct debra_chain *chain,
				unsigned long since)
{
	unsigned long looked = 0, in_blocks = 0;
	struct debra_block *block = chain->first;
	struct debra_head *head;

	for (; block && look->blocks; block = block->next) {
		look->blocks--;
		in_blocks += block->nr;
		debra_group_count(&look->site, block->site ?: DEBRA_GROUP_UNKNOWN, block->nr,
				  block->nr * look->size, since);
		looked += debra_look_at_block(look, block, since);
	}
	/* Those that are linked have no block. */
	debra_group_count(&look->site, block ? DEBRA_GROUP_SKIPPED : DEBRA_GROUP_UNKNOWN,
			  chain->nr - in_blocks, (chain->nr - in_blocks) * look->size, since);
	for (head = chain->heads; head && look->objects; head = debra_link_get(head)) {
		debra_look_at_slot(look, head, since);
		looked++;
	}
	debra_group_count(&look->action, DEBRA_GROUP_SKIPPED, chain->nr - looked,
			  (chain->nr - looked) * look->size, since);
}

static void debra_look_at_set(struct debra_look *look, struct debra_bagset *set)
{
	enum debra_kind kind;
	unsigned int i;

	look->action.nr = 0;
	look->site.nr = 0;
	look->turn = 0;
	look->objects = DEBRA_LOOK_OBJECTS;
	look->blocks = DEBRA_LOOK_BLOCKS;
	look->stride = debra_bagset_pending(set) / DEBRA_LOOK_OBJECTS + 1;
	for (kind = 0; kind < DEBRA_NR_KINDS; kind++) {
		debra_look_at_chain(look, &set->kept[0][kind], set->free_since);
		debra_look_at_chain(look, &set->kept[1][kind], set->free_since);
		debra_look_at_chain(look, &set->free[kind], set->free_since);
		for (i = 0; i < DEBRA_NR_BAGS; i++)
			debra_look_at_chain(look, &set->bag[i].chain[kind], set->bag[i].opened);
	}
}

/* In an IPI: an NMI on top finds the bags held and defers, as it would otherwise. */
static void debra_look_at_cpu(void *info)
{
	struct debra_look *look = info;
	struct debra_cpu *pc = this_cpu_ptr(look->dom->cpus);

	look->busy = !debra_enter(pc);
	if (look->busy)
		return;
	look->size = pc->size;
	debra_look_at_set(look, &pc->set);
	debra_leave(pc);
}

static void debra_look_at_orphans(struct debra_look *look)
{
	struct debra_sup *sup = look->dom->sup;

	look->size = debra_typical_size(look->dom);
	spin_lock(&sup->orphan_lock);
	debra_look_at_set(look, &sup->orphans);
	spin_unlock(&sup->orphan_lock);
}

static void debra_groups_merge(struct debra_groups *to, const struct debra_groups *from)
{
	unsigned int i;

	for (i = 0; i < from->nr; i++)
		debra_group_add(to, &from->group[i]);
}

static int debra_group_cmp(const void *a, const void *b)
{
	const struct debra_group *x = a, *y = b;

	if (x->objects != y->objects)
		return x->objects < y->objects ? 1 : -1;
	return x->key < y->key ? -1 : x->key > y->key;
}

/* One word: a function in a module comes as "name [module]". */
static void debra_group_show_name(struct seq_file *m, unsigned long key, const char *format)
{
	char name[KSYM_SYMBOL_LEN];

	if (key < DEBRA_GROUP_NR_SPECIALS) {
		seq_puts(m, debra_group_names[key]);
		return;
	}
	snprintf(name, sizeof(name), format, (void *)key);
	strreplace(name, ' ', ':');
	seq_puts(m, name);
}

static void debra_groups_show(struct seq_file *m, struct debra_groups *groups, const char *by,
			      const char *format)
{
	struct debra_group *group;
	unsigned int i;

	sort(groups->group, groups->nr, sizeof(groups->group[0]), debra_group_cmp, NULL);
	for (i = 0; i < groups->nr; i++) {
		group = &groups->group[i];
		seq_printf(m, "%-6s %8lu %10lu %9u %6lu ", by, group->objects, group->bytes,
			   jiffies_to_msecs(jiffies - group->since), group->size);
		debra_group_show_name(m, group->key, format);
		seq_putc(m, '\n');
	}
}

static void debra_look_at_cpus(struct debra_look *look, struct debra_look *sum)
{
	unsigned int cpu, tries;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		look->action.nr = 0;
		look->site.nr = 0;
		tries = DEBRA_LOOK_TRIES;
		do {
			smp_call_function_single(cpu, debra_look_at_cpu, look, 1);
			cond_resched();
		} while (look->busy && --tries);
		debra_groups_merge(&sum->action, &look->action);
		debra_groups_merge(&sum->site, &look->site);
	}
	cpus_read_unlock();
}

static int debra_callers_show(struct seq_file *m, void *v)
{
	/* The one CPU's, and the sum. */
	struct debra_look *look = kcalloc(2, sizeof(*look), GFP_KERNEL);

	if (!look)
		return -ENOMEM;
	look[0].dom = m->private;
	debra_look_at_orphans(&look[0]);
	debra_groups_merge(&look[1].action, &look[0].action);
	debra_groups_merge(&look[1].site, &look[0].site);
	debra_look_at_cpus(&look[0], &look[1]);
	seq_puts(m, "by      objects      bytes oldest_ms   size name\n");
	debra_groups_show(m, &look[1].action, "action", "%ps");
	debra_groups_show(m, &look[1].site, "site", "%pS");
	kfree(look);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(debra_callers);

/**
 * debra_callers_add - make the file
 * @dom: the domain
 */
void debra_callers_add(struct debra_domain *dom)
{
	debugfs_create_file("callers", 0400, dom->sup->dir, dom, &debra_callers_fops);
}

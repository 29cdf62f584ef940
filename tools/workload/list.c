// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ordered list as a set (T. Harris, "A Pragmatic Implementation of Non-Blocking
 * Linked-Lists", DISC 2001; M. Michael, "High Performance Dynamic Lock-Free Hash
 * Tables and List-Based Sets", SPAA 2002).
 *
 * A node is deleted by setting bit 0 of its link, which keeps everybody from
 * inserting behind it, and then unlinked from its predecessor by whoever comes
 * by. Who unlinks retires: exactly one cmpxchg succeeds.
 */
#include <linux/debra-guard.h>
#include <linux/slab.h>

#include "workload.h"

#define LIST_DELETED	1UL

struct list_node {
	unsigned long link;		/* next node, with LIST_DELETED in bit 0 */
	unsigned long key;
	unsigned long check;		/* ~key while the node is alive */
	struct debra_head debra;
};

/* A place in the list: *prev pointed to cur, which is the first with key >= @key. */
struct list_place {
	unsigned long *prev;
	struct list_node *cur;
	unsigned long next;
};

static struct list_node *list_node_of(unsigned long link)
{
	return (struct list_node *)(link & ~LIST_DELETED);
}

int list_set_init(struct list_set *set)
{
	memset(set, 0, sizeof(*set));
	set->cache = kmem_cache_create("debra_workload_list", sizeof(struct list_node), 0, 0,
				       NULL);
	return set->cache ? 0 : -ENOMEM;
}

void list_set_exit(struct list_set *set)
{
	kmem_cache_destroy(set->cache);
}

static void list_retire(struct list_set *set, struct list_node *node)
{
	atomic_long_inc(&set->retired);
	debra_cache_free(&debra_workload, set->cache, node, debra);
}

static void list_check(struct list_node *node)
{
	if (READ_ONCE(node->check) != ~READ_ONCE(node->key))
		workload_corrupt("list node", node, READ_ONCE(node->key));
}

/*
 * One walk to the first node with a key not below @key, unlinking deleted nodes.
 * Return: false if a predecessor changed and the walk has to begin anew.
 */
static bool list_try_find(struct list_set *set, unsigned long key, struct list_place *p)
{
	unsigned long expected;

	p->prev = &set->head;
	/* Links are published by cmpxchg; the address dependency does the rest. */
	p->cur = list_node_of(READ_ONCE(*p->prev));
	while (p->cur) {
		list_check(p->cur);
		p->next = READ_ONCE(p->cur->link);
		expected = (unsigned long)p->cur;
		if (p->next & LIST_DELETED) {
			/* Full barrier: unlinked before it is retired. */
			if (cmpxchg(p->prev, expected, p->next & ~LIST_DELETED) != expected)
				return false;
			list_retire(set, p->cur);
		} else {
			/* Still linked: what was read of cur is of a node in the list. */
			if (READ_ONCE(*p->prev) != expected)
				return false;
			if (p->cur->key >= key)
				return true;
			p->prev = &p->cur->link;
		}
		p->cur = list_node_of(p->next);
	}
	return true;
}

static bool list_find(struct list_set *set, unsigned long key, struct list_place *p)
{
	while (!list_try_find(set, key, p))
		cpu_relax();
	return p->cur && p->cur->key == key;
}

static bool list_link(struct list_set *set, struct list_node *node)
{
	struct list_place p;
	bool linked = false;

	debra_pin(&debra_workload);
	while (!linked && !list_find(set, node->key, &p)) {
		node->link = (unsigned long)p.cur;
		/* Release half: the node before its address; pairs with list_try_find(). */
		linked = cmpxchg(p.prev, (unsigned long)p.cur, (unsigned long)node) ==
			 (unsigned long)p.cur;
	}
	debra_unpin(&debra_workload);
	return linked;
}

/* Return: 1 if the key was inserted, 0 if it was there, or -ENOMEM. */
int list_set_insert(struct list_set *set, unsigned long key)
{
	struct list_node *node = kmem_cache_alloc(set->cache, GFP_KERNEL);

	if (!node)
		return -ENOMEM;
	node->key = key;
	node->check = ~key;
	if (!list_link(set, node)) {
		kmem_cache_free(set->cache, node);	/* nobody has seen it */
		return 0;
	}
	atomic_long_inc(&set->allocated);
	return 1;
}

bool list_set_remove(struct list_set *set, unsigned long key)
{
	struct list_place p;
	bool removed = false;

	debra_pin(&debra_workload);
	while (!removed && list_find(set, key, &p))
		removed = cmpxchg(&p.cur->link, p.next, p.next | LIST_DELETED) == p.next;
	if (removed) {
		if (cmpxchg(p.prev, (unsigned long)p.cur, p.next) == (unsigned long)p.cur)
			list_retire(set, p.cur);
		else
			list_find(set, key, &p);	/* unlinks it, if nobody did */
	}
	debra_unpin(&debra_workload);
	return removed;
}

/* Wait-free: walks over deleted nodes, which the pin keeps in memory. */
bool list_set_contains(struct list_set *set, unsigned long key)
{
	struct list_node *node;
	unsigned long link;
	bool found = false;

	debra_pin(&debra_workload);
	for (link = READ_ONCE(set->head); (node = list_node_of(link));
	     link = READ_ONCE(node->link)) {
		list_check(node);
		if (node->key >= key) {
			found = node->key == key && !(READ_ONCE(node->link) & LIST_DELETED);
			break;
		}
	}
	debra_unpin(&debra_workload);
	return found;
}

/* When all others are gone: check the order, retire what is left, and count it. */
unsigned long list_set_empty(struct list_set *set, const char **error)
{
	struct list_node *node, *next;
	unsigned long nr = 0;

	for (node = list_node_of(set->head); node; node = next, nr++) {
		next = list_node_of(node->link);
		if (next && next->key <= node->key)
			*error = "list is not sorted";
		list_retire(set, node);
	}
	set->head = 0;
	return nr;
}

/**
 * list_set_walk() - go some nodes into the list, as a reader that can be neutralized
 * @set: the list
 * @g: the guard, in a section; two of its slots are used
 * @steps: how many nodes
 * @view: set to the last of them, which a slot protects from then on
 *
 * Return: false if the section was aborted on the way.
 */
bool list_set_walk(struct list_set *set, struct debra_guard *g, unsigned int steps,
		   struct list_view *view)
{
	struct list_node *node, *next;
	unsigned int i;

	view->node = NULL;
	next = list_node_of(READ_ONCE(set->head));
	for (i = 0; i < steps && next; i++) {
		node = next;
		/* The two last nodes stay protected, each in a slot of its own. */
		if (!debra_guard_protect(g, i % 2, node))
			return false;
		list_check(node);
		view->node = node;
		view->key = READ_ONCE(node->key);
		next = list_node_of(READ_ONCE(node->link));
	}
	return true;
}

/* Is the node what it was? Freed, it would be somebody else's, or nobody's. */
bool list_view_intact(const struct list_view *view)
{
	return !view->node || (READ_ONCE(view->node->key) == view->key &&
			       READ_ONCE(view->node->check) == ~view->key);
}

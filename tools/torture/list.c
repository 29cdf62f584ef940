// SPDX-License-Identifier: GPL-2.0-only
/*
 * debratorture: the lists, and how nodes leave them.
 *
 * Updaters of a list exclude each other; readers know nothing of them. A node is unlinked,
 * its link stays as it was, and it is retired in one of the forms that debra has. Those with a
 * callback poison the node and put it into a pool, so that a reader who comes too late finds
 * the poison or another number, on every kernel; those for kfree() rely on KASAN, and on the number
 * of the next node at that address.
 */
#include <linux/llist.h>
#include <linux/slab.h>

#include "torture.h"

enum torture_form {
	TORTURE_CALL,
	TORTURE_RETIRE,
	TORTURE_KFREE,
	TORTURE_CACHE_FREE,
	TORTURE_NR_FORMS
};

struct torture_list torture_lists[TORTURE_LISTS];
atomic_long_t torture_retired;
atomic_long_t torture_callbacks;

static atomic_long_t torture_called;
static atomic_long_t torture_seq;
static struct kmem_cache *torture_cache;
static LLIST_HEAD(torture_pool);
static DEFINE_MUTEX(torture_pool_lock);	/* of who takes from it */

static struct torture_node *torture_alloc(void)
{
	struct llist_node *free = NULL;
	struct torture_node *node;

	mutex_lock(&torture_pool_lock);
	if (torture_random(2))
		free = llist_del_first(&torture_pool);
	mutex_unlock(&torture_pool_lock);
	if (free)
		node = llist_entry(free, struct torture_node, free);
	else
		node = kmem_cache_alloc(torture_cache, GFP_KERNEL);
	if (!node)
		return NULL;
	/* Racing only with readers that should not be there. */
	WRITE_ONCE(node->seq, atomic_long_inc_return(&torture_seq));
	WRITE_ONCE(node->magic, TORTURE_ALIVE);
	return node;
}

static void torture_free(struct debra_head *head)
{
	struct torture_node *node = container_of(head, struct torture_node, head);

	if (cmpxchg(&node->magic, TORTURE_ALIVE, TORTURE_DEAD) != TORTURE_ALIVE)
		torture_error("freed twice", node->seq, node->magic);
	WRITE_ONCE(node->seq, 0);
	atomic_long_inc(&torture_called);
	llist_add(&node->free, &torture_pool);
}

static DEFINE_DEBRA_TYPE(torture_type, struct torture_node, head, torture_free);

static void torture_retire(struct torture_node *node)
{
	atomic_long_inc(&torture_retired);
	switch (torture_random(TORTURE_NR_FORMS)) {
	case TORTURE_CALL:
		atomic_long_inc(&torture_callbacks);
		debra_call(&debratorture_domain, &node->head, torture_free);
		break;
	case TORTURE_RETIRE:
		atomic_long_inc(&torture_callbacks);
		debra_retire(&debratorture_domain, &node->head, &torture_type);
		break;
	case TORTURE_KFREE:
		debra_kfree(&debratorture_domain, node, head);
		break;
	case TORTURE_CACHE_FREE:
		debra_cache_free(&debratorture_domain, torture_cache, node, head);
		break;
	}
}

static struct torture_node *torture_node_at(struct torture_node __debra *p)
{
	return debra_dereference_protected(p, true);
}

/* Unlink a node somewhere in the list. Under its lock. */
static struct torture_node *torture_unlink(struct torture_list *list)
{
	struct torture_node __debra **link = &list->first;
	unsigned int steps = torture_random(TORTURE_LENGTH);
	struct torture_node *node = torture_node_at(*link);

	while (node && steps-- && torture_node_at(node->next)) {
		link = &node->next;
		node = torture_node_at(*link);
	}
	if (node)
		debra_assign_pointer(*link, torture_node_at(node->next));
	return node;
}

static bool torture_push(struct torture_list *list)
{
	struct torture_node *node = torture_alloc();

	if (!node)
		return false;
	WRITE_ONCE(node->next, list->first);
	debra_assign_pointer(list->first, node);
	return true;
}

/**
 * torture_update() - one node in, one out
 * @list: the list
 */
void torture_update(struct torture_list *list)
{
	struct torture_node *node = NULL;

	mutex_lock(&list->lock);
	if (torture_push(list))
		node = torture_unlink(list);
	mutex_unlock(&list->lock);
	if (node)
		torture_retire(node);
}

/**
 * torture_replace_synchronously() - the same, with a grace period that is waited for
 * @list: the list
 */
void torture_replace_synchronously(struct torture_list *list)
{
	struct torture_node *node = NULL;

	mutex_lock(&list->lock);
	if (torture_push(list))
		node = torture_unlink(list);
	mutex_unlock(&list->lock);
	if (!node)
		return;
	if (debra_synchronize(&debratorture_domain))
		torture_error("debra_synchronize() failed", 0, 0);
	WRITE_ONCE(node->magic, TORTURE_DEAD);
	WRITE_ONCE(node->seq, 0);
	kmem_cache_free(torture_cache, node);
}

/**
 * torture_look() - note a node that may be used from now on
 * @view: to be filled
 * @node: the node
 */
void torture_look(struct torture_view *view, struct torture_node *node)
{
	view->node = node;
	view->seq = READ_ONCE(node->seq);
	torture_check(view, "at first sight");
}

/**
 * torture_check() - is the node still what it was?
 * @view: from torture_look(); one without a node is fine
 * @who: asks
 */
void torture_check(const struct torture_view *view, const char *who)
{
	struct torture_node *node = view->node;

	if (node && (READ_ONCE(node->magic) != TORTURE_ALIVE ||
		     READ_ONCE(node->seq) != view->seq || !view->seq))
		torture_error(who, READ_ONCE(node->magic), READ_ONCE(node->seq));
}

int torture_lists_init(void)
{
	unsigned int i, j;

	torture_cache = kmem_cache_create("debratorture", sizeof(struct torture_node), 0, 0, NULL);
	if (!torture_cache)
		return -ENOMEM;
	for (i = 0; i < TORTURE_LISTS; i++) {
		mutex_init(&torture_lists[i].lock);
		for (j = 0; j < TORTURE_LENGTH; j++)
			torture_push(&torture_lists[i]);
	}
	return 0;
}

static void torture_list_empty(struct torture_list *list)
{
	struct torture_node *node;

	while ((node = torture_node_at(list->first))) {
		list->first = node->next;
		torture_retire(node);
	}
}

/**
 * torture_lists_audit() - when all others are gone: retire what is left, and count
 *
 * Return: what is wrong, or NULL.
 */
const char *torture_lists_audit(void)
{
	unsigned int i;

	for (i = 0; i < TORTURE_LISTS; i++)
		torture_list_empty(&torture_lists[i]);
	if (debra_barrier(&debratorture_domain))
		return "debra_barrier() failed";
	if (debra_garbage(&debratorture_domain))
		return "retired != freed";
	if (atomic_long_read(&torture_called) != atomic_long_read(&torture_callbacks))
		return "callbacks are missing";
	return NULL;
}

void torture_lists_exit(void)
{
	struct torture_node *node, *next;

	llist_for_each_entry_safe(node, next, llist_del_all(&torture_pool), free)
		kmem_cache_free(torture_cache, node);
	kmem_cache_destroy(torture_cache);
}

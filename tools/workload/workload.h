/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra_workload: a lock-free list set and a lock-free stack, clients of debra.
 */
#ifndef _DEBRA_WORKLOAD_H
#define _DEBRA_WORKLOAD_H

#include <linux/atomic.h>
#include <linux/debra.h>
#include <linux/types.h>

/* What a reader finds in a node that is alive; anything else is a bug. */
#define WORKLOAD_MAGIC	0x6b6361736c697665UL
#define WORKLOAD_POISON	0x6b63617364656164UL

extern struct debra_domain debra_workload;

/* Reports the first corruption; the verdict remembers it. */
void workload_corrupt(const char *what, const void *node, unsigned long value);

/* list.c: an ordered set of keys */
struct list_set {
	unsigned long head;		/* link of the first node */
	struct kmem_cache *cache;
	atomic_long_t allocated;
	atomic_long_t retired;
};

extern struct list_set workload_list;

int list_set_init(struct list_set *set);
void list_set_exit(struct list_set *set);
int list_set_insert(struct list_set *set, unsigned long key);
bool list_set_remove(struct list_set *set, unsigned long key);
bool list_set_contains(struct list_set *set, unsigned long key);
unsigned long list_set_empty(struct list_set *set, const char **error);

/* A node as a guarded reader saw it; NULL at the end of a short list. */
struct list_node;
struct list_view {
	struct list_node *node;
	unsigned long key;
};

struct debra_guard;
bool list_set_walk(struct list_set *set, struct debra_guard *g, unsigned int steps,
		   struct list_view *view);
bool list_view_intact(const struct list_view *view);

/* stalled.c: readers that stall in the list */
int stalled_start(unsigned int nr);
const char *stalled_stop(unsigned int *aborted);

/* stack.c: a stack of numbers */
struct stack {
	struct stack_node *top;
	atomic_long_t allocated;
	atomic_long_t retired;
	atomic_long_t freed;
};

void stack_init(struct stack *stack);
int stack_push(struct stack *stack, unsigned long value);
bool stack_pop(struct stack *stack, unsigned long *value);

#endif /* _DEBRA_WORKLOAD_H */

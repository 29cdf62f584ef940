// SPDX-License-Identifier: GPL-2.0-only
/*
 * A Treiber stack (R. K. Treiber, "Systems Programming: Coping with Parallelism",
 * IBM RJ 5118, 1986).
 *
 * Its pop is the textbook case of ABA: read top and top->next, be held up, find
 * top back in place with another next. The pin makes it impossible: a node that
 * was top when the section began is not freed before it ends, so it cannot come
 * back as a new one.
 */
#include <linux/slab.h>

#include "workload.h"

struct stack_node {
	unsigned long magic;
	unsigned long value;
	struct stack_node *next;
	struct stack *stack;
	struct debra_head debra;
};

void stack_init(struct stack *stack)
{
	memset(stack, 0, sizeof(*stack));
}

int stack_push(struct stack *stack, unsigned long value)
{
	struct stack_node *node = kmalloc(sizeof(*node), GFP_KERNEL);
	struct stack_node *top;

	if (!node)
		return -ENOMEM;
	atomic_long_inc(&stack->allocated);
	node->magic = WORKLOAD_MAGIC;
	node->value = value;
	node->stack = stack;
	top = READ_ONCE(stack->top);
	do {
		node->next = top;
		/* Release half: the node before its address; pairs with stack_pop(). */
	} while (!try_cmpxchg(&stack->top, &top, node));
	return 0;
}

static void stack_node_free(struct debra_head *head)
{
	struct stack_node *node = container_of(head, struct stack_node, debra);

	if (node->magic != WORKLOAD_MAGIC)
		workload_corrupt("stack node at its end", node, node->magic);
	atomic_long_inc(&node->stack->freed);
	node->magic = WORKLOAD_POISON;
	kfree(node);
}

bool stack_pop(struct stack *stack, unsigned long *value)
{
	struct stack_node *top, *next;

	debra_pin(&debra_workload);
	/* Address dependency to what push wrote before its cmpxchg. */
	top = READ_ONCE(stack->top);
	do {
		if (!top)
			break;
		if (READ_ONCE(top->magic) != WORKLOAD_MAGIC)
			workload_corrupt("stack node", top, READ_ONCE(top->magic));
		next = READ_ONCE(top->next);
	} while (!try_cmpxchg(&stack->top, &top, next));
	if (top) {
		*value = top->value;
		atomic_long_inc(&stack->retired);
		debra_call(&debra_workload, &top->debra, stack_node_free);
	}
	debra_unpin(&debra_workload);
	return top;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debratorture: readers of every kind, updaters, and trouble, in the manner of
 * rcutorture. debra_main.c begins with an overview.
 */
#ifndef _DEBRATORTURE_H
#define _DEBRATORTURE_H

#include <linux/debra.h>
#include <linux/debra-guard.h>
#include <linux/mutex.h>

#include "common.h"

#define TORTURE_LISTS	8
#define TORTURE_LENGTH	6	/* nodes of a list */
#define TORTURE_ALIVE	0x616c697665616c69UL
#define TORTURE_DEAD	0x6465616464656164UL

/**
 * struct torture_node - what readers look at
 * @next: next one in its list; frozen when it is unlinked
 * @magic: TORTURE_ALIVE until the node may be freed
 * @seq: unlike that of every other node, ever
 * @head: for retirement
 * @free: link in the pool of those that have been freed by a callback
 */
struct torture_node {
	struct torture_node __debra *next;
	unsigned long magic;
	unsigned long seq;
	struct debra_head head;
	struct llist_node free;
};

struct torture_list {
	struct torture_node __debra *first;
	struct mutex lock;	/* of updaters */
};

/* A node as a reader found it. */
struct torture_view {
	struct torture_node *node;
	unsigned long seq;
};

extern struct debra_domain debratorture_domain;
extern struct torture_list torture_lists[TORTURE_LISTS];

/* list.c */
extern atomic_long_t torture_retired;
extern atomic_long_t torture_callbacks;
int torture_lists_init(void);
void torture_lists_exit(void);
void torture_update(struct torture_list *list);
void torture_replace_synchronously(struct torture_list *list);
void torture_look(struct torture_view *view, struct torture_node *node);
void torture_check(const struct torture_view *view, const char *who);
const char *torture_lists_audit(void);

/* readers.c */
extern atomic_long_t torture_walks;
extern atomic_long_t torture_aborts;
int torture_reader_fn(void *arg);
void torture_walk_irq(void);

/* trouble.c */
int torture_trouble_start(void);

#endif /* _DEBRATORTURE_H */

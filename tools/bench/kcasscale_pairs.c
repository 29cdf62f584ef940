// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcasscale: small workloads, those of the benchmarks of Kcas for OCaml.
 *
 * "stack": a node is pushed and one popped. "queue": a node is put in and one is taken out.
 * Both count as one operation, in which a node is allocated, and one given back.
 *
 * "compare": each thread writes a word of its own what it makes of two words that all of them
 * read and none writes. There the word's address is lower than theirs ("before") or
 * higher ("after"); in some implementations one of both is slower.
 */
#include <linux/kcas-tx.h>
#include <linux/slab.h>

#include "kcasscale.h"

struct scale_node {
	struct kcas_head head;
	struct scale_node *below;	/* in the stack, or behind a lock; set before it is seen */
	KCAS_PTR(struct scale_node) next;	/* in the queue */
};

/* With locks, @top or @first and @last are plain pointers. */
static struct scale_pairs {
	KCAS_PTR(struct scale_node) top;
	KCAS_PTR(struct scale_node) first;	/* one that has been taken already */
	KCAS_PTR(struct scale_node) last;
	struct scale_node *plain_top;
	struct scale_node *plain_first;
	struct scale_node *plain_last;
	spinlock_t lock;	/* of the plain ones */
	struct ww_mutex mutex;	/* another */
} scale_pairs;

static struct scale_node *scale_node_new(void)
{
	struct scale_node *node = kmalloc(sizeof(*node), GFP_KERNEL);

	if (!node)
		return NULL;
	node->below = NULL;
	kcas_init_ptr(&node->next, NULL);
	return node;
}

/* ---------------------------------------------------------------- with transactions */

static bool scale_push(struct scale_node *node)
{
	int err;

	kcas_tx_loop(tx, NULL, err) {
		node->below = kcas_tx_get_ptr(tx, &scale_pairs.top);
		err = kcas_tx_set_ptr(tx, &scale_pairs.top, node);
	}
	return !err;
}

static struct scale_node *scale_pop(void)
{
	struct scale_node *node;
	int err;

	kcas_tx_loop(tx, NULL, err) {
		node = kcas_tx_get_ptr(tx, &scale_pairs.top);
		if (IS_ERR_OR_NULL(node))
			err = node ? PTR_ERR(node) : -ENOENT;
		else
			err = kcas_tx_set_ptr(tx, &scale_pairs.top, node->below);
	}
	return err ? NULL : node;
}

static bool scale_put(struct scale_node *node)
{
	struct scale_node *last;
	int err;

	kcas_tx_loop(tx, NULL, err) {
		last = kcas_tx_get_ptr(tx, &scale_pairs.last);
		err = PTR_ERR_OR_ZERO(last);
		err = err ?: kcas_tx_set_ptr(tx, &last->next, node);
		err = err ?: kcas_tx_set_ptr(tx, &scale_pairs.last, node);
	}
	return !err;
}

static struct scale_node *scale_take(void)
{
	struct scale_node *first, *next;
	int err;

	kcas_tx_loop(tx, NULL, err) {
		first = kcas_tx_get_ptr(tx, &scale_pairs.first);
		next = IS_ERR(first) ? first : kcas_tx_get_ptr(tx, &first->next);
		if (IS_ERR_OR_NULL(next))
			err = next ? PTR_ERR(next) : -ENOENT;
		else
			err = kcas_tx_set_ptr(tx, &scale_pairs.first, next);
	}
	return err ? NULL : first;
}

/* One node in, one out. */
static bool scale_tx_pair(struct scale_set *s, bool (*in)(struct scale_node *node),
			  struct scale_node *(*out)(void))
{
	struct scale_node *node = scale_node_new();

	if (!node || !in(node)) {
		kfree(node);
		return false;
	}
	node = out();
	if (!node)
		return false;
	kcas_kfree(node, head);
	s->done++;
	return true;
}

static bool scale_stack_tx(struct scale_set *s, unsigned int times)
{
	while (times--)
		scale_tx_pair(s, scale_push, scale_pop);
	return true;
}

static bool scale_queue_tx(struct scale_set *s, unsigned int times)
{
	while (times--)
		scale_tx_pair(s, scale_put, scale_take);
	return true;
}

/* ---------------------------------------------------------------- with locks */

static void scale_plain_push(struct scale_node *node)
{
	node->below = scale_pairs.plain_top;
	scale_pairs.plain_top = node;
}

static struct scale_node *scale_plain_pop(void)
{
	struct scale_node *node = scale_pairs.plain_top;

	scale_pairs.plain_top = node->below;
	return node;
}

static void scale_plain_put(struct scale_node *node)
{
	scale_pairs.plain_last->below = node;
	scale_pairs.plain_last = node;
}

static struct scale_node *scale_plain_take(void)
{
	struct scale_node *node = scale_pairs.plain_first;

	scale_pairs.plain_first = node->below;
	return node;
}

static __always_inline bool scale_locked_pair(struct scale_set *s,
					      void (*lock)(struct ww_acquire_ctx *ctx),
					      void (*unlock)(struct ww_acquire_ctx *ctx),
					      void (*in)(struct scale_node *node),
					      struct scale_node *(*out)(void))
{
	struct scale_node *node = scale_node_new();
	struct ww_acquire_ctx ctx;

	if (!node)
		return false;
	lock(&ctx);
	in(node);
	unlock(&ctx);
	lock(&ctx);
	node = out();
	unlock(&ctx);
	kfree(node);
	s->done++;
	return true;
}

static __always_inline void scale_spin_lock(struct ww_acquire_ctx *ctx)
{
	spin_lock(&scale_pairs.lock);
}

static __always_inline void scale_spin_unlock(struct ww_acquire_ctx *ctx)
{
	spin_unlock(&scale_pairs.lock);
}

/* There is only one, so there is nothing to be backed off from. */
static __always_inline void scale_ww_lock(struct ww_acquire_ctx *ctx)
{
	ww_acquire_init(ctx, &scale_ww_class);
	while (ww_mutex_lock(&scale_pairs.mutex, ctx))
		cpu_relax();
}

static __always_inline void scale_ww_unlock(struct ww_acquire_ctx *ctx)
{
	ww_mutex_unlock(&scale_pairs.mutex);
	ww_acquire_fini(ctx);
}

#define SCALE_LOCKED(name, locking, in, out)						\
static bool name(struct scale_set *s, unsigned int times)				\
{											\
	while (times--)									\
		scale_locked_pair(s, locking##_lock, locking##_unlock, in, out);	\
	return true;									\
}

SCALE_LOCKED(scale_stack_spinlock, scale_spin, scale_plain_push, scale_plain_pop)
SCALE_LOCKED(scale_stack_ww, scale_ww, scale_plain_push, scale_plain_pop)
SCALE_LOCKED(scale_queue_spinlock, scale_spin, scale_plain_put, scale_plain_take)
SCALE_LOCKED(scale_queue_ww, scale_ww, scale_plain_put, scale_plain_take)

/* ---------------------------------------------------------------- parallel compares */

/* Words of the threads, two that all of them read, words of the threads. */
#define SCALE_SHARED	SCALE_MAX_THREADS
#define SCALE_BEFORE	0
#define SCALE_AFTER	(SCALE_SHARED + 2)

static struct scale_cell *scale_own(const struct scale_set *s, unsigned int from)
{
	return &scale_cells[from + s->thread];
}

static __always_inline bool scale_compare_tx(struct scale_set *s, unsigned int from)
{
	struct scale_cell *shared = &scale_cells[SCALE_SHARED];
	long a, b;
	int err;

	kcas_tx_loop(tx, NULL, err) {
		err = kcas_tx_get_int(tx, &shared[0].word, &a) ?:
		      kcas_tx_get_int(tx, &shared[1].word, &b) ?:
		      kcas_tx_add(tx, &scale_own(s, from)->word, a - b + 1, NULL);
	}
	return !err;
}

static __always_inline bool scale_compare_kcas(struct scale_set *s, unsigned int from)
{
	struct scale_cell *shared = &scale_cells[SCALE_SHARED];
	struct kcas_word *own = &scale_own(s, from)->word;
	unsigned long a = kcas_read(&shared[0].word), b = kcas_read(&shared[1].word);
	unsigned long old = kcas_read(own);
	struct kcas_op op[] = {
		{ own, old, old + a - b + kcas_int(1) },
		{ &shared[0].word, a, a },
		{ &shared[1].word, b, b },
	};

	return kcas(op, ARRAY_SIZE(op)) == 1;
}

static __always_inline bool scale_compare_spinlock(struct scale_set *s, unsigned int from)
{
	struct scale_cell *shared = &scale_cells[SCALE_SHARED], *own = scale_own(s, from);

	spin_lock(&scale_pairs.lock);
	WRITE_ONCE(own->value, own->value + shared[0].value - shared[1].value + 1);
	spin_unlock(&scale_pairs.lock);
	return true;
}

#define SCALE_COMPARE(how, where)							\
static bool scale_##how##_##where(struct scale_set *s, unsigned int times)		\
{											\
	while (times--)									\
		s->done += scale_compare_##how(s, SCALE_##where);			\
	return true;									\
}

SCALE_COMPARE(tx, BEFORE)
SCALE_COMPARE(tx, AFTER)
SCALE_COMPARE(kcas, BEFORE)
SCALE_COMPARE(kcas, AFTER)
SCALE_COMPARE(spinlock, BEFORE)
SCALE_COMPARE(spinlock, AFTER)

/* ---------------------------------------------------------------- all of them */

const struct scale_subject scale_pair_subjects[] = {
	{ .name = "tx", .kind = SCALE_STACK, .op = scale_stack_tx },
	{ .name = "spinlock", .kind = SCALE_STACK, .op = scale_stack_spinlock },
	{ .name = "ww_mutex", .kind = SCALE_STACK, .op = scale_stack_ww },
	{ .name = "tx", .kind = SCALE_QUEUE, .op = scale_queue_tx },
	{ .name = "spinlock", .kind = SCALE_QUEUE, .op = scale_queue_spinlock },
	{ .name = "ww_mutex", .kind = SCALE_QUEUE, .op = scale_queue_ww },
	{ .name = "tx", .kind = SCALE_COMPARE_BEFORE, .op = scale_tx_BEFORE },
	{ .name = "kcas", .kind = SCALE_COMPARE_BEFORE, .op = scale_kcas_BEFORE },
	{ .name = "spinlock", .kind = SCALE_COMPARE_BEFORE, .op = scale_spinlock_BEFORE },
	{ .name = "tx", .kind = SCALE_COMPARE_AFTER, .op = scale_tx_AFTER },
	{ .name = "kcas", .kind = SCALE_COMPARE_AFTER, .op = scale_kcas_AFTER },
	{ .name = "spinlock", .kind = SCALE_COMPARE_AFTER, .op = scale_spinlock_AFTER },
	{}
};

int scale_pairs_init(void)
{
	struct scale_node *node = scale_node_new(), *plain = scale_node_new();

	BUILD_BUG_ON(SCALE_AFTER + SCALE_MAX_THREADS > SCALE_MAX_THREADS * SCALE_WORDS);
	if (!node || !plain) {
		kfree(node);
		kfree(plain);
		return -ENOMEM;
	}
	spin_lock_init(&scale_pairs.lock);
	ww_mutex_init(&scale_pairs.mutex, &scale_ww_class);
	kcas_init_ptr(&scale_pairs.top, NULL);
	kcas_init_ptr(&scale_pairs.first, node);
	kcas_init_ptr(&scale_pairs.last, node);
	scale_pairs.plain_first = plain;
	scale_pairs.plain_last = plain;
	return 0;
}

/* Nothing refers to the nodes any more, of which what was put in was taken out. */
void scale_pairs_exit(void)
{
	kfree(kcas_read_ptr(&scale_pairs.first));
	kfree(scale_pairs.plain_first);
}

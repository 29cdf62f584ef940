/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcasscale: what its files share. kcasscale_main.c runs the subjects that the others list.
 */
#ifndef _KCASSCALE_H
#define _KCASSCALE_H

#include <linux/kcas.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/ww_mutex.h>

#define SCALE_MAX_THREADS	64
#define SCALE_WORDS		8
#define SCALE_BURST		32

/* What takes part in operations, each with all that one of the subjects needs. */
struct scale_cell {
	struct kcas_word word;
	unsigned long value;
	spinlock_t lock;	/* of @value */
	struct ww_mutex mutex;
} ____cacheline_aligned;

/**
 * struct scale_set - words, and what one thread knows of them
 * @cell: the words
 * @thread: the number of the thread
 * @guess: what they held when it last looked
 * @bare: what the words of "bare" hold; 0 in the beginning
 * @status: for what it has read, so that the reading is not left out
 * @nr: how many words are in an operation
 * @done: operations that succeeded
 * @longest: how long one took at most, in ns
 */
struct scale_set {
	struct scale_cell *cell;
	unsigned int thread;
	unsigned long guess[SCALE_WORDS];
	unsigned long bare;
	unsigned long status;
	unsigned int nr;
	unsigned long done;
	u64 longest;
};

/* What a case has to do with a subject. */
enum scale_kind {
	SCALE_CELLS,		/* operations on a few words */
	SCALE_LOG,		/* on up to 100,000 */
	SCALE_COMPARE_BEFORE,	/* one of their own, two of all; its address is the lowest, */
	SCALE_COMPARE_AFTER,	/* or the highest */
	SCALE_STACK,		/* pairs of push and pop */
	SCALE_QUEUE,		/* pairs of put and take */
};

/**
 * struct scale_subject - something that is measured
 * @name: its name
 * @kind: in which cases
 * @nr: how many words; 0: that says nothing
 * @op: does it about so many times as its argument says, and counts in @done
 * @alone: it makes no sense with shared words
 * @written: by an operation not long ago; else the words are at rest
 */
struct scale_subject {
	const char *name;
	enum scale_kind kind;
	unsigned int nr;
	bool (*op)(struct scale_set *s, unsigned int times);
	bool alone;
	bool written;
};

/* Copies for each k, as in code that knows it. */
#define SCALE_OP(name, k)						\
static noinline bool name##_##k(struct scale_set *s, unsigned int nr)	\
{									\
	unsigned int i, done = 0;					\
									\
	for (i = 0; i < nr; i++)					\
		done += name(s, k);					\
	s->done += done;						\
	return done;							\
}

#define SCALE_OPS(name)	\
	SCALE_OP(name, 1) SCALE_OP(name, 2) SCALE_OP(name, 3) SCALE_OP(name, 4)	\
	SCALE_OP(name, 5) SCALE_OP(name, 6) SCALE_OP(name, 7) SCALE_OP(name, 8)

#define SCALE_SUBJECT(id, operation, k, ...)	\
	{ .name = id, .kind = SCALE_CELLS, .nr = k, .op = operation##_##k, ##__VA_ARGS__ }

#define SCALE_EACH_K(id, operation, ...)						\
	SCALE_SUBJECT(id, operation, 1, ##__VA_ARGS__),					\
	SCALE_SUBJECT(id, operation, 2, ##__VA_ARGS__),					\
	SCALE_SUBJECT(id, operation, 3, ##__VA_ARGS__),					\
	SCALE_SUBJECT(id, operation, 4, ##__VA_ARGS__),					\
	SCALE_SUBJECT(id, operation, 5, ##__VA_ARGS__),					\
	SCALE_SUBJECT(id, operation, 6, ##__VA_ARGS__),					\
	SCALE_SUBJECT(id, operation, 7, ##__VA_ARGS__),					\
	SCALE_SUBJECT(id, operation, 8, ##__VA_ARGS__)

/* Lists that end with a subject that has no name. */
extern const struct scale_subject scale_cell_subjects[];
extern const struct scale_subject scale_bare_subjects[];
extern const struct scale_subject scale_log_subjects[];
extern const struct scale_subject scale_pair_subjects[];

extern struct scale_cell *scale_cells;
extern struct ww_class scale_ww_class;

int scale_bare_init(void);
void scale_bare_exit(void);
int scale_log_init(void);
void scale_log_exit(void);
int scale_pairs_init(void);
void scale_pairs_exit(void);

#endif /* _KCASSCALE_H */

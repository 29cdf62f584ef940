// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcasscale: k-CAS with nothing around it, as a bound for what is.
 *
 * The algorithm of kernel/kcas/op.c as one thread with words of its own goes through it: a
 * descriptor is written, k references are installed, the status is changed. Descriptors come
 * from a ring that fits into the nearest cache and are overwritten, grace period or not. There
 * is no pin, no cleaning, no check of the arguments, no counter, nobody to help or to wake.
 * What this costs more than raw is the price of the algorithm; what kcas costs more than this
 * is that of everything that makes it safe.
 */
#include <linux/slab.h>

#include "kcasscale.h"

#define BARE_RING	4096
#define BARE_REF	1UL

enum bare_status { BARE_UNDECIDED, BARE_SUCCEEDED };

struct bare_word {
	unsigned long content;
} ____cacheline_aligned;

struct bare_desc;

struct bare_entry {
	struct bare_word *word;
	unsigned long old;
	unsigned long new;
	struct bare_desc *desc;
};

struct bare_desc {
	unsigned long status;
	struct bare_entry entry[];
};

/**
 * struct bare_thread - what a thread has for itself
 * @word: the words
 * @used: how much of @ring
 * @ring: descriptors; those that words refer to are among the last
 */
struct bare_thread {
	struct bare_word word[SCALE_WORDS];
	unsigned int used;
	unsigned char ring[BARE_RING] __aligned(8);
};

static struct bare_thread *bare_threads[SCALE_MAX_THREADS];

static __always_inline struct bare_desc *bare_desc_get(struct bare_thread *t, unsigned int nr)
{
	size_t size = sizeof(struct bare_desc) + nr * sizeof(struct bare_entry);
	struct bare_desc *d;

	if (t->used + size > BARE_RING)
		t->used = 0;
	d = (struct bare_desc *)&t->ring[t->used];
	t->used += size;
	return d;
}

static __always_inline unsigned long bare_value(unsigned long content)
{
	const struct bare_entry *e = (const struct bare_entry *)(content & ~BARE_REF);

	if (!(content & BARE_REF))
		return content;
	return READ_ONCE(e->desc->status) == BARE_SUCCEEDED ? e->new : e->old;
}

static __always_inline bool bare_install(struct bare_desc *d, struct bare_entry *e)
{
	unsigned long content = READ_ONCE(e->word->content);

	if (READ_ONCE(d->status) != BARE_UNDECIDED || bare_value(content) != e->old)
		return false;
	return cmpxchg(&e->word->content, content, (unsigned long)e | BARE_REF) == content;
}

static __always_inline bool scale_bare(struct scale_set *s, unsigned int nr)
{
	struct bare_thread *t = bare_threads[s->thread];
	struct bare_desc *d = bare_desc_get(t, nr);
	unsigned long old = s->bare;
	unsigned int i;

	/* What another number of words has left does not fit. */
	if (unlikely(!old))
		memset(t->word, 0, sizeof(t->word));
	d->status = BARE_UNDECIDED;
	for (i = 0; i < nr; i++) {
		d->entry[i].word = &t->word[i];
		d->entry[i].old = old;
		d->entry[i].new = old + 2;
		d->entry[i].desc = d;
	}
	for (i = 0; i < nr; i++)
		if (!bare_install(d, &d->entry[i]))
			return false;
	s->bare = old + 2;
	return cmpxchg(&d->status, BARE_UNDECIDED, BARE_SUCCEEDED) == BARE_UNDECIDED;
}

SCALE_OPS(scale_bare)

const struct scale_subject scale_bare_subjects[] = {
	SCALE_EACH_K("bare", scale_bare, .alone = true),
	{}
};

void scale_bare_exit(void)
{
	unsigned int i;

	for (i = 0; i < SCALE_MAX_THREADS; i++)
		kfree(bare_threads[i]);
}

int scale_bare_init(void)
{
	unsigned int i;

	for (i = 0; i < SCALE_MAX_THREADS; i++) {
		bare_threads[i] = kzalloc(sizeof(*bare_threads[i]), GFP_KERNEL);
		if (!bare_threads[i]) {
			scale_bare_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

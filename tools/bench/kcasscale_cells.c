// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcasscale: operations on one to eight words. Each adds one to all of them; those that
 * are called "...-read" only look.
 */
#include <linux/kcas-tx.h>

#include "kcasscale.h"

/* An array of just as many, with an initializer, is not filled with zeroes before. */
#if __has_attribute(__uninitialized__)
#define SCALE_UNINITIALIZED	__attribute__((__uninitialized__))
#else
#define SCALE_UNINITIALIZED
#endif

static DEFINE_SPINLOCK(scale_lock);	/* of all values */

static __always_inline bool scale_raw(struct scale_set *s, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long value = READ_ONCE(s->cell[i].value);

		cmpxchg(&s->cell[i].value, value, value + 1);
	}
	cmpxchg(&s->status, s->status, s->status + 1);
	return true;
}

static __always_inline bool scale_kcas(struct scale_set *s, unsigned int nr)
{
	struct kcas_op op[SCALE_WORDS] SCALE_UNINITIALIZED;
	unsigned int i;
	bool done;

	for (i = 0; i < nr; i++) {
		op[i].word = &s->cell[i].word;
		op[i].old = s->guess[i];
		op[i].new = s->guess[i] + kcas_int(1);
	}
	done = kcas(op, nr) == 1;
	for (i = 0; i < nr; i++)
		s->guess[i] = done ? op[i].new : kcas_read(op[i].word);
	return done;
}

static __always_inline bool scale_compare(struct scale_set *s, unsigned int nr)
{
	struct kcas_op op[SCALE_WORDS] SCALE_UNINITIALIZED;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		op[i].word = &s->cell[i].word;
		op[i].old = kcas_read(op[i].word);
		op[i].new = op[i].old;
	}
	return kcas(op, nr) == 1;
}

static __always_inline bool scale_cas(struct scale_set *s, unsigned int nr)
{
	unsigned long new = s->guess[0] + kcas_int(1);
	bool done = kcas_cas(&s->cell->word, s->guess[0], new) == 1;

	s->guess[0] = done ? new : kcas_read(&s->cell->word);
	return done;
}

static __always_inline bool scale_add(struct scale_set *s, unsigned int nr)
{
	return !kcas_add(&s->cell->word, 1, NULL);
}

static __always_inline bool scale_read(struct scale_set *s, unsigned int nr)
{
	s->status += kcas_read(&s->cell->word);
	return true;
}

static __always_inline bool scale_xchg(struct scale_set *s, unsigned int nr)
{
	s->guess[0] += kcas_int(1);
	return !kcas_xchg(&s->cell->word, s->guess[0], &s->status);
}

static const struct kcas_tx_opts scale_pinned = { .flags = KCAS_TX_PINNED };

static __always_inline bool scale_tx_inc(struct scale_set *s, unsigned int nr,
					 const struct kcas_tx_opts *opts)
{
	unsigned int i;
	int err;

	kcas_tx_loop(tx, opts, err) {
		for (i = 0; i < nr && !err; i++)
			err = kcas_tx_inc(tx, &s->cell[i].word);
	}
	return !err;
}

static __always_inline bool scale_tx(struct scale_set *s, unsigned int nr)
{
	return scale_tx_inc(s, nr, NULL);
}

static __always_inline bool scale_tx_pinned(struct scale_set *s, unsigned int nr)
{
	return scale_tx_inc(s, nr, &scale_pinned);
}

static __always_inline bool scale_tx_look(struct scale_set *s, unsigned int nr,
					  const struct kcas_tx_opts *opts)
{
	unsigned long value;
	unsigned int i;
	int err;

	kcas_tx_loop(tx, opts, err) {
		for (i = 0; i < nr && !err; i++) {
			err = kcas_tx_get(tx, &s->cell[i].word, &value);
			s->status += value;
		}
	}
	return !err;
}

static __always_inline bool scale_tx_read(struct scale_set *s, unsigned int nr)
{
	return scale_tx_look(s, nr, NULL);
}

static __always_inline bool scale_tx_pinned_read(struct scale_set *s, unsigned int nr)
{
	return scale_tx_look(s, nr, &scale_pinned);
}

/* What is done under locks. */
static __always_inline void scale_touch(struct scale_set *s, unsigned int nr, bool write)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (write)
			WRITE_ONCE(s->cell[i].value, s->cell[i].value + 1);
		else
			s->status += READ_ONCE(s->cell[i].value);
	}
}

static __always_inline void scale_locked(struct scale_set *s, unsigned int nr, bool write)
{
	spin_lock(&scale_lock);
	scale_touch(s, nr, write);
	spin_unlock(&scale_lock);
}

static __always_inline bool scale_one_lock(struct scale_set *s, unsigned int nr)
{
	scale_locked(s, nr, true);
	return true;
}

static __always_inline bool scale_one_lock_read(struct scale_set *s, unsigned int nr)
{
	scale_locked(s, nr, false);
	return true;
}

static __always_inline bool scale_locks(struct scale_set *s, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		spin_lock_nested(&s->cell[i].lock, i);
	scale_touch(s, nr, true);
	while (i--)
		spin_unlock(&s->cell[i].lock);
	return true;
}

/* In order, so that none has to back off. */
static __always_inline bool scale_ww_locked(struct scale_set *s, unsigned int nr, bool write)
{
	struct ww_acquire_ctx ctx;
	unsigned int locked = 0;
	bool done;

	ww_acquire_init(&ctx, &scale_ww_class);
	while (locked < nr && !ww_mutex_lock(&s->cell[locked].mutex, &ctx))
		locked++;
	done = locked == nr;
	if (done)
		scale_touch(s, nr, write);
	while (locked--)
		ww_mutex_unlock(&s->cell[locked].mutex);
	ww_acquire_fini(&ctx);
	return done;
}

static __always_inline bool scale_ww(struct scale_set *s, unsigned int nr)
{
	return scale_ww_locked(s, nr, true);
}

static __always_inline bool scale_ww_read(struct scale_set *s, unsigned int nr)
{
	return scale_ww_locked(s, nr, false);
}

SCALE_OPS(scale_raw)
SCALE_OPS(scale_kcas)
SCALE_OPS(scale_compare)
SCALE_OPS(scale_one_lock)
SCALE_OPS(scale_locks)
SCALE_OPS(scale_ww)
SCALE_OPS(scale_tx)
SCALE_OPS(scale_tx_read)
SCALE_OPS(scale_tx_pinned)
SCALE_OPS(scale_tx_pinned_read)
SCALE_OPS(scale_one_lock_read)
SCALE_OPS(scale_ww_read)
SCALE_OP(scale_cas, 1)
SCALE_OP(scale_add, 1)
SCALE_OP(scale_xchg, 1)
SCALE_OP(scale_read, 1)

const struct scale_subject scale_cell_subjects[] = {
	SCALE_EACH_K("raw", scale_raw, .alone = true),
	SCALE_SUBJECT("kcas_cas", scale_cas, 1),
	SCALE_SUBJECT("kcas_add", scale_add, 1),
	SCALE_SUBJECT("kcas_xchg", scale_xchg, 1),
	SCALE_EACH_K("kcas", scale_kcas),
	SCALE_EACH_K("tx", scale_tx),
	SCALE_EACH_K("spinlock", scale_one_lock),
	SCALE_EACH_K("spinlocks", scale_locks),
	SCALE_EACH_K("ww_mutex", scale_ww),
	SCALE_EACH_K("compare", scale_compare, .alone = true),
	SCALE_SUBJECT("kcas_read", scale_read, 1, .alone = true),
	SCALE_SUBJECT("kcas_read-new", scale_read, 1, .alone = true, .written = true),
	SCALE_EACH_K("tx-read", scale_tx_read),
	SCALE_EACH_K("tx-pinned", scale_tx_pinned, .alone = true),
	SCALE_EACH_K("tx-pinned-read", scale_tx_pinned_read, .alone = true),
	SCALE_EACH_K("tx-read-new", scale_tx_read, .alone = true, .written = true),
	SCALE_EACH_K("spinlock-read", scale_one_lock_read),
	SCALE_EACH_K("ww_mutex-read", scale_ww_read),
	{}
};


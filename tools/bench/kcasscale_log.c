// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcasscale: transactions of one word to 100,000, in one go; one counts as so many operations
 * as it has words. Is an access still found, logged and committed for the same price?
 */
#include <linux/kcas-tx.h>
#include <linux/mm.h>

#include "kcasscale.h"

#define SCALE_LOG_MOST	100000

static struct kcas_word *scale_log_word;
static unsigned long *scale_log_value;
static DEFINE_SPINLOCK(scale_log_lock);	/* of @scale_log_value */

static int scale_log_add(struct kcas_tx *tx, void *arg)
{
	struct scale_set *s = arg;
	unsigned int i;
	int err = 0;

	for (i = 0; i < s->nr && !err; i++)
		err = kcas_tx_inc(tx, &scale_log_word[i]);
	return err;
}

static int scale_log_get(struct kcas_tx *tx, void *arg)
{
	struct scale_set *s = arg;
	unsigned long value;
	unsigned int i;
	int err = 0;

	for (i = 0; i < s->nr && !err; i++) {
		err = kcas_tx_get(tx, &scale_log_word[i], &value);
		s->status += value;
	}
	return err;
}

/* Several of the short ones, so that what goes on between two calls is no matter. */
static bool scale_log_run(struct scale_set *s, unsigned int times, kcas_tx_fn body)
{
	unsigned int i, nr = times / s->nr ?: 1;

	for (i = 0; i < nr; i++)
		if (!kcas_tx_run(body, s, NULL))
			s->done += s->nr;
	return true;
}

static bool scale_log_tx(struct scale_set *s, unsigned int times)
{
	return scale_log_run(s, times, scale_log_add);
}

static bool scale_log_tx_read(struct scale_set *s, unsigned int times)
{
	return scale_log_run(s, times, scale_log_get);
}

static bool scale_log_spinlock(struct scale_set *s, unsigned int times)
{
	unsigned int i, j, nr = times / s->nr ?: 1;

	for (i = 0; i < nr; i++) {
		spin_lock(&scale_log_lock);
		for (j = 0; j < s->nr; j++)
			WRITE_ONCE(scale_log_value[j], scale_log_value[j] + 1);
		spin_unlock(&scale_log_lock);
		s->done += s->nr;
	}
	return true;
}

#define SCALE_SUBJECTS(id, operation)							\
	{ .name = id, .kind = SCALE_LOG, .nr = 1, .op = operation },			\
	{ .name = id, .kind = SCALE_LOG, .nr = 10, .op = operation },			\
	{ .name = id, .kind = SCALE_LOG, .nr = 100, .op = operation },			\
	{ .name = id, .kind = SCALE_LOG, .nr = 1000, .op = operation },			\
	{ .name = id, .kind = SCALE_LOG, .nr = 10000, .op = operation },		\
	{ .name = id, .kind = SCALE_LOG, .nr = SCALE_LOG_MOST, .op = operation }

const struct scale_subject scale_log_subjects[] = {
	SCALE_SUBJECTS("tx", scale_log_tx),
	SCALE_SUBJECTS("tx-read", scale_log_tx_read),
	SCALE_SUBJECTS("spinlock", scale_log_spinlock),
	{}
};

int scale_log_init(void)
{
	unsigned int i;

	scale_log_word = kvcalloc(SCALE_LOG_MOST, sizeof(*scale_log_word), GFP_KERNEL);
	scale_log_value = kvcalloc(SCALE_LOG_MOST, sizeof(*scale_log_value), GFP_KERNEL);
	if (!scale_log_word || !scale_log_value) {
		scale_log_exit();
		return -ENOMEM;
	}
	for (i = 0; i < SCALE_LOG_MOST; i++)
		kcas_init(&scale_log_word[i], kcas_int(0));
	return 0;
}

/* Nothing refers to the words any more. */
void scale_log_exit(void)
{
	kvfree(scale_log_word);
	kvfree(scale_log_value);
}

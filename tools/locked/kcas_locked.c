// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas_locked: calls operations one at a time, each from a function of its own, so that an
 * emulator that writes down what it executes tells which instructions they are made of.
 * scripts/locked.sh does that and counts.
 *
 * All operations are uncontended and, but for those called kcas_locked_failed_*, successful.
 */
#include <linux/kcas-tx.h>
#include <linux/module.h>
#include <linux/slab.h>

#define LOCKED_TIMES	100	/* now and then an operation opens a new block */
#define LOCKED_WORDS	8

static struct kcas_word locked_word[LOCKED_WORDS];
static struct kcas_op locked_op[LOCKED_WORDS];
static unsigned long locked_old[LOCKED_WORDS];
static unsigned long locked_found;

/* What they are to do is ready: only the operation is counted. */
static void locked_prepare(bool write)
{
	unsigned int i;

	for (i = 0; i < LOCKED_WORDS; i++) {
		locked_old[i] = kcas_read(&locked_word[i]);
		locked_op[i].word = &locked_word[i];
		locked_op[i].old = locked_old[i];
		locked_op[i].new = locked_old[i] + (write ? kcas_int(1) : 0);
	}
}

/* Where the counting of one operation ends. */
static noinline void kcas_locked_end(void)
{
	barrier();
}

/* Functions that do the same stay two. */
#define LOCKED_UNIQUE(name)	asm volatile("# " #name)

#define LOCKED_OP(name, write, stmt)			\
static noinline void kcas_locked_##name(void)		\
{							\
	LOCKED_UNIQUE(name);				\
	stmt;						\
	kcas_locked_end();				\
}							\
							\
static void locked_do_##name(void)			\
{							\
	unsigned int i;					\
							\
	for (i = 0; i < LOCKED_TIMES; i++) {		\
		locked_prepare(write);			\
		kcas_locked_##name();			\
	}						\
}

LOCKED_OP(nothing, false, barrier())
LOCKED_OP(read, false, locked_found = kcas_read(locked_word))
LOCKED_OP(cas, false, kcas_cas(locked_word, locked_old[0], locked_old[0] + kcas_int(1)))
LOCKED_OP(failed_cas, false, kcas_cas(locked_word, locked_old[0] + kcas_int(1), kcas_int(0)))
LOCKED_OP(xchg, false, kcas_xchg(locked_word, locked_old[0] + kcas_int(1), &locked_found))
LOCKED_OP(set, false, kcas_set(locked_word, locked_old[0] + kcas_int(1)))
LOCKED_OP(add, false, kcas_add(locked_word, 1, NULL))
LOCKED_OP(write_1, true, kcas(locked_op, 1))
LOCKED_OP(write_2, true, kcas(locked_op, 2))
LOCKED_OP(write_3, true, kcas(locked_op, 3))
LOCKED_OP(write_4, true, kcas(locked_op, 4))
LOCKED_OP(write_8, true, kcas(locked_op, 8))
LOCKED_OP(compare_1, false, kcas(locked_op, 1))
LOCKED_OP(compare_2, false, kcas(locked_op, 2))
LOCKED_OP(compare_8, false, kcas(locked_op, 8))

/* As the operations above, with their words. */
static int locked_tx_body(struct kcas_tx *tx, void *arg)
{
	unsigned long nr = (unsigned long)arg, i;
	int err = 0;

	for (i = 0; i < nr && !err; i++)
		err = locked_op[i].old == locked_op[i].new ?
		      kcas_tx_get(tx, &locked_word[i], &locked_found) :
		      kcas_tx_add(tx, &locked_word[i], 1, NULL);
	return err;
}

/* What may wait asks the scheduler, which is not to be counted. */
static const struct kcas_tx_opts locked_tx_opts = { .flags = KCAS_TX_NOWAIT };

static __always_inline void locked_tx(unsigned long nr)
{
	locked_found = kcas_tx_run(locked_tx_body, (void *)nr, &locked_tx_opts);
}

LOCKED_OP(tx_nothing, false, locked_tx(0))
LOCKED_OP(tx_read_1, false, locked_tx(1))
LOCKED_OP(tx_read_2, false, locked_tx(2))
LOCKED_OP(tx_read_8, false, locked_tx(8))
LOCKED_OP(tx_write_1, true, locked_tx(1))
LOCKED_OP(tx_write_2, true, locked_tx(2))
LOCKED_OP(tx_write_4, true, locked_tx(4))
LOCKED_OP(tx_write_8, true, locked_tx(8))

static void locked_mix(void)
{
	unsigned int i;

	for (i = 2; i < LOCKED_WORDS; i++)
		locked_op[i].new = locked_op[i].old;
}

/* Two words of eight are written. */
static noinline void kcas_locked_mixed_8(void)
{
	LOCKED_UNIQUE(mixed_8);
	kcas(locked_op, 8);
	kcas_locked_end();
}

static void locked_do_mixed_8(void)
{
	unsigned int i;

	for (i = 0; i < LOCKED_TIMES; i++) {
		locked_prepare(true);
		locked_mix();
		kcas_locked_mixed_8();
	}
}

static void (* const locked_do[])(void) = {
	locked_do_nothing, locked_do_read, locked_do_cas, locked_do_failed_cas, locked_do_xchg,
	locked_do_set, locked_do_add, locked_do_write_1, locked_do_write_2, locked_do_write_3,
	locked_do_write_4, locked_do_write_8, locked_do_compare_1, locked_do_compare_2,
	locked_do_compare_8, locked_do_mixed_8,
	locked_do_tx_nothing, locked_do_tx_read_1, locked_do_tx_read_2, locked_do_tx_read_8,
	locked_do_tx_write_1, locked_do_tx_write_2, locked_do_tx_write_4, locked_do_tx_write_8,
};

struct locked_mark {
	struct kcas_head head;
};

static void locked_mark_free(struct kcas_head *head)
{
	kfree(head);
}

/* The words go with the module. */
static int locked_settle(void)
{
	struct locked_mark *mark = kzalloc(sizeof(*mark), GFP_KERNEL);

	if (!mark)
		return -ENOMEM;
	kcas_retire(&mark->head, locked_mark_free);
	return kcas_barrier();
}

static int locked_set_run(const char *val, const struct kernel_param *kp)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(locked_do); i++)
		locked_do[i]();
	return 0;
}

static const struct kernel_param_ops locked_run_ops = {
	.set = locked_set_run,
};

module_param_cb(run, &locked_run_ops, NULL, 0200);
MODULE_PARM_DESC(run, "write anything to it to have all operations called");

static int __init locked_init(void)
{
	unsigned int i;

	for (i = 0; i < LOCKED_WORDS; i++)
		kcas_init(&locked_word[i], kcas_int(i));
	return 0;
}
module_init(locked_init);

static void __exit locked_exit(void)
{
	if (locked_settle())
		pr_err("kcas_locked: words are still referred to\n");
}
module_exit(locked_exit);

MODULE_DESCRIPTION("Operations of kcas for who counts instructions");
MODULE_LICENSE("GPL");

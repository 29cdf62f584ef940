// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: was what the operations were told possible?
 *
 * A search for an order of all operations, each after those that had ended before it began,
 * in which a machine that does one after the other says the same. Histories are short.
 */
#include "explore.h"

#define OPS	24

static struct hist_op ops[OPS];
static unsigned int nr_ops;
static unsigned int nr_words;
static long first[HIST_WORDS];
static unsigned long clock;

void hist_reset(const long *values, unsigned int nr)
{
	nr_ops = 0;
	nr_words = nr;
	memcpy(first, values, nr * sizeof(*values));
}

static unsigned long tick(void)
{
	return __atomic_add_fetch(&clock, 1, __ATOMIC_SEQ_CST);
}

struct hist_op *hist_begin(enum hist_kind kind)
{
	unsigned int i = __atomic_fetch_add(&nr_ops, 1, __ATOMIC_SEQ_CST);

	if (i >= OPS) {
		sh_fail("explore: too many operations");
		exit(2);
	}
	ops[i].kind = kind;
	ops[i].end = ~0UL;
	ops[i].task = current->comm;
	ops[i].begin = tick();
	return &ops[i];
}

void hist_end(struct hist_op *op)
{
	op->end = tick();
}

static bool apply_kcas(const struct hist_op *op, long *value)
{
	unsigned int i;
	int all = 1;

	for (i = 0; i < op->nr; i++)
		all &= value[op->word[i]] == op->old[i];
	for (i = 0; i < op->nr && all; i++)
		value[op->word[i]] = op->new[i];
	return op->ret == all;
}

/* Do it to the values. Return: whether it would say what it did say. */
static bool apply(const struct hist_op *op, long *value)
{
	long was = value[op->word[0]];

	/* Not enough memory, say: nothing was done. */
	if (op->ret < 0)
		return true;
	switch (op->kind) {
	case HIST_KCAS:
		return apply_kcas(op, value);
	case HIST_READ:
		return was == op->out;
	case HIST_XCHG:
		value[op->word[0]] = op->new[0];
		return was == op->out;
	case HIST_ADD:
		value[op->word[0]] += op->new[0];
		return value[op->word[0]] == op->out;
	}
	return false;
}

static bool may_be_next(const struct hist_op *op, unsigned long done)
{
	unsigned int i;

	for (i = 0; i < nr_ops; i++)
		if (!(done & 1UL << i) && ops[i].end < op->begin)
			return false;
	return true;
}

static bool explain(unsigned long done, const long *value)
{
	long after[HIST_WORDS];
	unsigned int i;

	if (done == (1UL << nr_ops) - 1)
		return true;
	for (i = 0; i < nr_ops; i++) {
		if (done & 1UL << i || !may_be_next(&ops[i], done))
			continue;
		memcpy(after, value, sizeof(after));
		if (apply(&ops[i], after) && explain(done | 1UL << i, after))
			return true;
	}
	return false;
}

static int op_text(const struct hist_op *op, char *text, size_t room)
{
	static const char * const name[] = { "kcas", "read", "xchg", "add" };
	unsigned int i;
	int at;

	at = snprintf(text, room, "%s: %lu-%lu %s", op->task, op->begin, op->end, name[op->kind]);
	for (i = 0; i < op->nr; i++)
		at += snprintf(text + at, room - at, " w%d", op->word[i]);
	if (op->kind == HIST_KCAS)
		for (i = 0; i < op->nr; i++)
			at += snprintf(text + at, room - at, "%s%ld>%ld", i ? "," : " ",
				       op->old[i], op->new[i]);
	else if (op->kind != HIST_READ)
		at += snprintf(text + at, room - at, " %ld", op->new[0]);
	return at + snprintf(text + at, room - at, " = %ld",
			     op->kind == HIST_KCAS || op->ret < 0 ? op->ret : op->out);
}

static void no_order(void)
{
	char text[900] = "";
	unsigned int i;
	int at = 0;

	for (i = 0; i < nr_ops && at < 800; i++) {
		at += snprintf(text + at, sizeof(text) - at, "%s", i ? "; " : "");
		at += op_text(&ops[i], text + at, sizeof(text) - at);
	}
	sh_fail("no order explains it: %s", text);
}

void hist_check(void)
{
	if (!explain(0, first))
		no_order();
}

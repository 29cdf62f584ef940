// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: scenarios for kcas.
 *
 * Four words whose values are small numbers. What each operation was told goes into a
 * history; reads of all words at the end belong to it.
 */
#include <linux/kcas-test.h>
#include <linux/kcas-tx.h>

#include "../../kernel/debra/internal.h"
#include "../../kernel/kcas/internal.h"
#include "../../kernel/debra/internal.h"
#include "explore.h"

static struct kcas_word word[HIST_WORDS];

static void setup_words(void)
{
	static const long zero[HIST_WORDS];
	unsigned int i;

	WRITE_ONCE(kcas_pause_hook, NULL);
	hist_reset(zero, HIST_WORDS);
	for (i = 0; i < HIST_WORDS; i++)
		kcas_init(&word[i], 0);
}

struct change {
	int word;
	long old;
	long new;
};

static int do_kcas(const struct change *change, unsigned int nr)
{
	struct hist_op *op = hist_begin(HIST_KCAS);
	struct kcas_op ops[HIST_WORDS];
	unsigned int i;

	op->nr = nr;
	for (i = 0; i < nr; i++) {
		op->word[i] = change[i].word;
		op->old[i] = change[i].old;
		op->new[i] = change[i].new;
		ops[i].word = &word[change[i].word];
		ops[i].old = kcas_int(change[i].old);
		ops[i].new = kcas_int(change[i].new);
	}
	op->ret = kcas(ops, nr);
	hist_end(op);
	return op->ret;
}

#define KCAS(...)							\
({									\
	static const struct change __change[] = { __VA_ARGS__ };	\
									\
	do_kcas(__change, ARRAY_SIZE(__change));			\
})

static struct hist_op *begin_one(enum hist_kind kind, int w, long arg)
{
	struct hist_op *op = hist_begin(kind);

	op->nr = 1;
	op->word[0] = w;
	op->new[0] = arg;
	op->ret = 0;
	return op;
}

static long do_read(int w)
{
	struct hist_op *op = begin_one(HIST_READ, w, 0);

	op->out = kcas_to_int(kcas_read(&word[w]));
	hist_end(op);
	return op->out;
}

static void do_xchg(int w, long new)
{
	struct hist_op *op = begin_one(HIST_XCHG, w, new);
	unsigned long was = 0;

	op->ret = kcas_xchg(&word[w], kcas_int(new), &was);
	op->out = kcas_to_int(was);
	hist_end(op);
}

static void do_add(int w, long delta)
{
	struct hist_op *op = begin_one(HIST_ADD, w, delta);

	op->ret = kcas_add(&word[w], delta, &op->out);
	hist_end(op);
}

static void check_words(void)
{
	unsigned int i;

	for (i = 0; i < HIST_WORDS; i++)
		do_read(i);
	hist_check();
}

/* ---------------------------------------------------------------- two words */

static void two_up(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 0, 1 });
}

static void two_down(void *arg)
{
	KCAS({ 1, 0, 2 }, { 0, 0, 2 });
}

static void read_two(void *arg)
{
	do_read(0);
	do_read(1);
}

static const struct scenario two = {
	.name = "kcas_two", .what = "two operations on the same two words, and reads",
	.cpus = 3, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "up", 0, SH_TASK, two_up },
		{ "down", 1, SH_TASK, two_down },
		{ "read", 2, SH_TASK, read_two },
	},
};

static void two_next(void *arg)
{
	KCAS({ 0, 1, 3 }, { 1, 1, 3 });
}

static const struct scenario chain = {
	.name = "kcas_next", .what = "an operation that can only come after another, and reads",
	.cpus = 3, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "up", 0, SH_TASK, two_up },
		{ "next", 1, SH_TASK, two_next },
		{ "read", 2, SH_TASK, read_two },
	},
};

static void ring_0(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 0, 1 });
}

static void ring_1(void *arg)
{
	KCAS({ 1, 0, 2 }, { 2, 0, 2 });
}

static void ring_2(void *arg)
{
	KCAS({ 2, 0, 3 }, { 0, 0, 3 });
}

static const struct scenario ring = {
	.name = "kcas_ring", .what = "three operations, each on two words of a ring",
	.cpus = 3, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "ring-0", 0, SH_TASK, ring_0 },
		{ "ring-1", 1, SH_TASK, ring_1 },
		{ "ring-2", 2, SH_TASK, ring_2 },
	},
};

/* ---------------------------------------------------------------- compares */

static void cross_0(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 0, 0 });
}

static void cross_1(void *arg)
{
	KCAS({ 1, 0, 1 }, { 0, 0, 0 });
}

static const struct scenario crossed = {
	.name = "kcas_crossed", .what = "two operations, each compares what the other writes",
	.cpus = 2, .bound = 4, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "cross-0", 0, SH_TASK, cross_0 },
		{ "cross-1", 1, SH_TASK, cross_1 },
	},
};

static const struct scenario crossed_write = {
	.name = "kcas_crossed_write", .what = "the same, compares are written from the beginning",
	.cpus = 2, .bound = 4, .orders = true, .patience = -1, .setup = setup_words,
	.check = check_words,
	.thread = {
		{ "cross-0", 0, SH_TASK, cross_0 },
		{ "cross-1", 1, SH_TASK, cross_1 },
	},
};

static const struct scenario crossed_once = {
	.name = "kcas_crossed_once", .what = "the same, compares are written after one conflict",
	.cpus = 3, .bound = 3, .orders = true, .patience = 1, .setup = setup_words,
	.check = check_words,
	.thread = {
		{ "cross-0", 0, SH_TASK, cross_0 },
		{ "cross-1", 1, SH_TASK, cross_1 },
		{ "read", 2, SH_TASK, read_two },
	},
};

static void compare_two(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 0, 0 }, { 2, 0, 0 });
}

static void there_and_back(void *arg)
{
	KCAS({ 2, 0, 1 });
	do_read(0);
	KCAS({ 1, 0, 1 });
	KCAS({ 2, 1, 0 });
}

static const struct scenario moving = {
	.name = "kcas_moving", .what = "compared words that are never right at the same time",
	.cpus = 2, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "compare", 0, SH_TASK, compare_two },
		{ "move", 1, SH_TASK, there_and_back },
	},
};

static void collect(void *arg)
{
	KCAS({ 0, 1, 1 }, { 1, 1, 1 });
	KCAS({ 0, 0, 0 }, { 1, 0, 0 });
}

static void two_up_two_back(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 0, 1 });
	KCAS({ 0, 1, 0 }, { 1, 1, 0 });
}

static const struct scenario collecting = {
	.name = "kcas_collect", .what = "operations that only compare, against some that write",
	.cpus = 2, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "collect", 0, SH_TASK, collect },
		{ "write", 1, SH_TASK, two_up_two_back },
	},
};

static void bad_words(void *arg)
{
	struct kcas_op ops[] = {
		{ &word[0], kcas_int(0), kcas_int(1) }, { &word[1], kcas_int(0), kcas_int(0) },
		{ &word[0], kcas_int(0), kcas_int(0) },
	};

	if (kcas(ops, ARRAY_SIZE(ops)) != -EINVAL)
		sh_fail("a word is written and compared");
}

static const struct scenario input = {
	.name = "kcas_input", .what = "an operation that is refused", .cpus = 1, .bound = 1,
	.setup = setup_words, .check = check_words,
	.thread = { { "task", 0, SH_TASK, bad_words }, },
};

/* ---------------------------------------------------------------- one word */

static void single_add(void *arg)
{
	do_add(0, 1);
	do_add(0, 1);
}

static void single_xchg(void *arg)
{
	do_xchg(0, 5);
	do_read(0);
}

static void single_cas(void *arg)
{
	KCAS({ 0, 1, 7 });
	KCAS({ 0, 5, 0 }, { 1, 0, 1 });
}

static const struct scenario singles = {
	.name = "kcas_singles", .what = "operations on one word, and one on two",
	.cpus = 3, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "add", 0, SH_TASK, single_add },
		{ "xchg", 1, SH_TASK, single_xchg },
		{ "cas", 2, SH_TASK, single_cas },
	},
};

/* ---------------------------------------------------------------- values that come back */

static void up_and_back(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 0, 1 });
	KCAS({ 1, 1, 0 });
}

static void read_1(void *arg)
{
	do_read(1);
}

static void read_0(void *arg)
{
	do_read(0);
}

static const struct scenario back = {
	.name = "kcas_back", .what = "a value that comes back while a helper is held up",
	.cpus = 3, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "writer", 0, SH_TASK, up_and_back },
		{ "helper", 1, SH_TASK, read_0 },
		{ "reader", 2, SH_TASK, read_1 },
	},
};

static void up_back_flush(void *arg)
{
	struct work_struct *work = &per_cpu_ptr(kcas_cpus, 0)->flush;

	up_and_back(NULL);
	/* Not kcas_flush_cpus(): that would wait for the helper's CPU. */
	queue_work_on(0, kcas_flush_wq, work);
	flush_work(work);
	do_read(1);
}

static const struct scenario flush = {
	.name = "kcas_flush", .what = "the same, and the writer's block is retired",
	.cpus = 2, .bound = 3, .setup = setup_words, .check = check_words,
	.thread = {
		{ "writer", 0, SH_TASK, up_back_flush },
		{ "helper", 1, SH_TASK, read_0 },
	},
};

static void clean(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 0, 1 });
	kcas_flush_cpus();
	debra_barrier(&kcas_domain);
	KCAS({ 2, 0, 3 }, { 3, 0, 3 });
}

static const struct scenario cleaning = {
	.name = "kcas_clean", .what = "blocks are cleaned and used again under a reader",
	.cpus = 3, .bound = 2, .rcu = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "writer", 0, SH_TASK, clean },
		{ "reader", 1, SH_TASK, read_0 },
	},
};

/* The first operation fails when its first word refers to it already, unless helped. */
static void fail_and_clean(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 5, 1 });
	kcas_flush_cpus();
	debra_barrier(&kcas_domain);
	do_read(0);
}

static const struct scenario cleaning_failed = {
	.name = "kcas_clean_failed", .what = "an operation that has failed is cleaned",
	.cpus = 2, .bound = 1, .rcu = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "writer", 0, SH_TASK, fail_and_clean },
		{ "reader", 1, SH_TASK, read_0 },
	},
};

static void clean_twice(void)
{
	kcas_flush_cpus();
	/* Until blocks are clean, and until they can be used again. */
	debra_barrier(&kcas_domain);
	debra_barrier(&kcas_domain);
}

static void clean_and_use_again(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 0, 1 });
	clean_twice();
	KCAS({ 2, 0, 3 }, { 3, 0, 3 });
	clean_twice();
	KCAS({ 2, 3, 5 }, { 3, 3, 5 });
	clean_twice();
	KCAS({ 2, 5, 7 }, { 3, 5, 7 });
	read_two(NULL);
}

static const struct scenario reuse = {
	.name = "kcas_reuse", .what = "a block is used again and again", .cpus = 2, .bound = 1,
	.rcu = true, .setup = setup_words, .check = check_words,
	.thread = { { "writer", 0, SH_TASK, clean_and_use_again }, },
};

static void clean_and_swap(void *arg)
{
	up_and_back(NULL);
	kcas_flush_cpus();
	debra_barrier(&kcas_domain);
	KCAS({ 0, 1, 3 }, { 1, 0, 3 });
	kcas_flush_cpus();
	debra_barrier(&kcas_domain);
}

static void compare_and_swap(void *arg)
{
	KCAS({ 1, 0, 4 }, { 0, 1, 1 });
	KCAS({ 0, 3, 0 });
}

static const struct scenario turnover = {
	.name = "kcas_turnover", .what = "two rounds of cleaning, against operations that compare",
	.cpus = 3, .bound = 1, .rcu = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "writer", 0, SH_TASK, clean_and_swap },
		{ "other", 1, SH_TASK, compare_and_swap },
	},
};

/* ---------------------------------------------------------------- interrupts */

static const struct scenario irq = {
	.name = "kcas_irq", .what = "an interrupt and an NMI on top of an operation",
	.cpus = 2, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "task", 0, SH_TASK, two_up },
		{ "hardirq", 0, SH_HARDIRQ, two_down },
		{ "nmi", 0, SH_NMI, two_next },
		{ "other", 1, SH_TASK, read_two },
	},
};

/* ---------------------------------------------------------------- objects with words */

struct object {
	struct kcas_head head;
	struct kcas_word value;
};

static struct object *object;
static bool object_freed;

static void free_object(struct kcas_head *head)
{
	WRITE_ONCE(object_freed, true);
	kfree(container_of(head, struct object, head));
}

static void setup_object(void)
{
	setup_words();
	object = kzalloc(sizeof(*object), GFP_KERNEL);
	object_freed = false;
	/* Word 3 points to it. */
	kcas_init(&word[3], (unsigned long)object);
}

static void unlink_object(void *arg)
{
	struct kcas_op ops[] = {
		{ &word[3], (unsigned long)object, 0 },
		{ &object->value, kcas_int(0), kcas_int(2) },
	};

	if (kcas(ops, 2) == 1)
		kcas_retire(&object->head, free_object);
	else
		WRITE_ONCE(object_freed, true);
}

static void unlink_and_wait(void *arg)
{
	unlink_object(arg);
	kcas_barrier();
}

static void use_object(void *arg)
{
	struct object *o;

	debra_pin(&kcas_domain);
	o = (struct object *)kcas_read(&word[3]);
	if (o)
		kcas2(&word[2], kcas_int(0), kcas_int(1), &o->value, kcas_int(0), kcas_int(1));
	debra_unpin(&kcas_domain);
}

static void check_object(void)
{
	long used = kcas_to_int(kcas_read(&word[2]));
	bool there = kcas_read(&word[3]);

	if (!there && !object_freed)
		sh_fail("the object was not freed");
	if (there && !used)
		sh_fail("the object was not unlinked, and not used either");
	if (!there && used)
		sh_fail("the object was unlinked, though it had been used");
}

static const struct scenario retire = {
	.name = "kcas_retire", .what = "an object with a word is unlinked, retired and freed",
	.cpus = 2, .bound = 1, .rcu = true, .setup = setup_object, .check = check_object,
	.thread = {
		{ "unlink", 0, SH_TASK, unlink_and_wait },
		{ "use", 1, SH_TASK, use_object },
	},
};

/* ---------------------------------------------------------------- transactions */

/* What word 3 points to: an object without words. */
struct plain {
	struct debra_head head;
	int value;
};

static void setup_plain(void)
{
	struct plain *plain = kzalloc(sizeof(*plain), GFP_KERNEL);

	setup_words();
	plain->value = 7;
	kcas_init(&word[3], (unsigned long)plain);
	/* No patience with guards. */
	WRITE_ONCE(debra_guard_ms, 0);
	WRITE_ONCE(debra_stall_ms, 0);
}

/* What was read is kept, or the transaction is told. */
static int use_plain(struct kcas_tx *tx, void *arg)
{
	struct plain *plain;
	int err;

	sh_hold();
	err = kcas_tx_get(tx, &word[3], (unsigned long *)&plain);
	if (err || !plain)
		return err;
	sh_hold();
	if (READ_ONCE(plain->value) != 7)
		sh_fail("the object is not what it was");
	return 0;
}

static void tx_use_plain(void *arg)
{
	if (kcas_tx_run(use_plain, NULL, NULL))
		sh_fail("the transaction fails");
}

static void free_plain(struct debra_head *head)
{
	kfree(container_of(head, struct plain, head));
}

static void unlink_plain(void *arg)
{
	struct plain *plain;

	kcas_xchg(&word[3], 0, (unsigned long *)&plain);
	debra_call(&kcas_domain, &plain->head, free_plain);
	debra_barrier(&kcas_domain);
}

static void check_plain(void)
{
	kcas_init(&word[3], 0);
	check_words();
}

static const struct scenario neutral = {
	.name = "kcas_tx_neutral", .what = "a transaction that is neutralized", .cpus = 3,
	.bound = 1, .setup = setup_plain, .check = check_plain,
	.thread = {
		{ "use", 1, SH_TASK, tx_use_plain },
		{ "unlink", 0, SH_TASK, unlink_plain },
	},
};

/* Words 0 and 1 are the same at all times. */
static int both_up(struct kcas_tx *tx, void *arg)
{
	struct hist_op *op = arg;
	int err;

	err = kcas_tx_get_int(tx, &word[0], &op->old[0]) ?:
	      kcas_tx_get_int(tx, &word[1], &op->old[1]);
	if (err)
		return err;
	if (op->old[0] != op->old[1])
		sh_fail("a transaction reads %ld and %ld", op->old[0], op->old[1]);
	op->new[0] = op->old[0] + 1;
	op->new[1] = op->old[1] + 1;
	return kcas_tx_set_int(tx, &word[0], op->new[0]) ?:
	       kcas_tx_set_int(tx, &word[1], op->new[1]);
}

/* One that commits is an operation that has found what it read. */
static void run_tx(kcas_tx_fn body, int first, unsigned int nr, const struct kcas_tx_opts *opts)
{
	struct hist_op *op = hist_begin(HIST_KCAS);
	unsigned int i;

	op->nr = nr;
	for (i = 0; i < nr; i++)
		op->word[i] = first + i;
	op->ret = kcas_tx_run(body, op, opts) ?: 1;
	hist_end(op);
}

static void do_tx(kcas_tx_fn body, int first, unsigned int nr)
{
	run_tx(body, first, nr, NULL);
}

static void tx_both_up(void *arg)
{
	do_tx(both_up, 0, 2);
}

static const struct scenario transactions = {
	.name = "kcas_tx", .what = "two transactions and an operation on the same words",
	.cpus = 3, .bound = 2, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "tx-0", 0, SH_TASK, tx_both_up },
		{ "tx-1", 1, SH_TASK, tx_both_up },
		{ "up", 2, SH_TASK, two_up },
	},
};

/* Of an arena whose operation on words 2 and 3 is known, the next one on words 0 and 1 is not. */
static int view(struct kcas_tx *tx, void *arg)
{
	struct hist_op *op = arg;
	int err;

	err = kcas_tx_get_int(tx, &word[2], &op->old[2]) ?:
	      kcas_tx_get_int(tx, &word[3], &op->old[3]) ?:
	      kcas_tx_get_int(tx, &word[0], &op->old[0]) ?:
	      kcas_tx_get_int(tx, &word[1], &op->old[1]);
	if (err)
		return err;
	if (op->old[0] != op->old[1])
		sh_fail("a transaction reads %ld and %ld", op->old[0], op->old[1]);
	memcpy(op->new, op->old, sizeof(op->new));
	return 0;
}

static void tx_view(void *arg)
{
	do_tx(view, 0, 4);
}

static void write_in_turn(void *arg)
{
	KCAS({ 2, 0, 1 }, { 3, 0, 1 });
	KCAS({ 0, 0, 1 }, { 1, 0, 1 });
}

static const struct scenario views = {
	.name = "kcas_tx_view", .what = "a transaction that knows what an arena has done before",
	.cpus = 2, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "view", 0, SH_TASK, tx_view },
		{ "write", 1, SH_TASK, write_in_turn },
	},
};

/* Looks only; what it sees counts at once, and is an operation if it ends well. */
static int both_seen(struct kcas_tx *tx, void *arg)
{
	struct hist_op *op = arg;
	int err = kcas_tx_get_int(tx, &word[0], &op->old[0]) ?:
		  kcas_tx_get_int(tx, &word[1], &op->old[1]);

	if (err)
		return err;
	if (op->old[0] != op->old[1])
		sh_fail("a transaction sees %ld and %ld", op->old[0], op->old[1]);
	op->new[0] = op->old[0];
	op->new[1] = op->old[1];
	return 0;
}

static void tx_look(void *arg)
{
	do_tx(both_seen, 0, 2);
}

static const struct scenario look = {
	.name = "kcas_tx_look", .what = "a transaction that reads, against operations that write",
	.cpus = 3, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "look", 0, SH_TASK, tx_look },
		{ "write", 1, SH_TASK, two_up_two_back },
	},
};

/* After cleaning there are raw values, which are not looked at again. */
static void up_clean_up(void *arg)
{
	KCAS({ 0, 0, 1 }, { 1, 0, 1 });
	kcas_flush_cpus();
	debra_barrier(&kcas_domain);
	KCAS({ 0, 1, 2 }, { 1, 1, 2 });
}

static const struct scenario look_clean = {
	.name = "kcas_tx_look_clean", .what = "the same, and cleaning in between",
	.cpus = 3, .bound = 2, .rcu = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "write", 0, SH_TASK, up_clean_up },
		{ "look", 1, SH_TASK, tx_look },
	},
};

/* One reads what the other writes. */
static int up_if_zero(struct kcas_tx *tx, struct hist_op *op, int mine, int other)
{
	int err = kcas_tx_get_int(tx, &word[other], &op->old[other]) ?:
		  kcas_tx_get_int(tx, &word[mine], &op->old[mine]);

	if (err)
		return err;
	op->new[other] = op->old[other];
	op->new[mine] = op->old[other] ? op->old[mine] : 1;
	return kcas_tx_set_int(tx, &word[mine], op->new[mine]);
}

static int up_0_if_zero(struct kcas_tx *tx, void *op)
{
	return up_if_zero(tx, op, 0, 1);
}

static int up_1_if_zero(struct kcas_tx *tx, void *op)
{
	return up_if_zero(tx, op, 1, 0);
}

static void tx_skew_0(void *arg)
{
	do_tx(up_0_if_zero, 0, 2);
}

static void tx_skew_1(void *arg)
{
	do_tx(up_1_if_zero, 0, 2);
}

static const struct scenario skew = {
	.name = "kcas_tx_skew", .what = "two transactions, each reads what the other writes",
	.cpus = 2, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "tx-0", 0, SH_TASK, tx_skew_0 },
		{ "tx-1", 1, SH_TASK, tx_skew_1 },
	},
};

static void tx_both_up_now(void *arg)
{
	static const struct kcas_tx_opts opts = { .flags = KCAS_TX_NOWAIT };

	run_tx(both_up, 0, 2, &opts);
}

static const struct scenario tx_irq = {
	.name = "kcas_tx_irq", .what = "transactions of an interrupt and an NMI on top of another",
	.cpus = 2, .bound = 2, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "task", 0, SH_TASK, tx_both_up },
		{ "hardirq", 0, SH_HARDIRQ, tx_both_up_now },
		{ "nmi", 0, SH_NMI, tx_both_up_now },
		{ "other", 1, SH_TASK, read_two },
	},
};

/* Each conflict makes one hold the others back. */
static void tx_both_up_hasty(void *arg)
{
	static const struct kcas_tx_opts opts = { .patience = 1 };

	run_tx(both_up, 0, 2, &opts);
}

static const struct scenario starving = {
	.name = "kcas_tx_starve", .what = "transactions that hold each other back at once",
	.cpus = 3, .bound = 2, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "tx-0", 0, SH_TASK, tx_both_up_hasty },
		{ "tx-1", 1, SH_TASK, tx_both_up_hasty },
		{ "tx-2", 2, SH_TASK, tx_both_up_hasty },
	},
};

/* Word 3 points to an object; whoever has read that may use it until the body is over. */
static int tx_use_body(struct kcas_tx *tx, void *arg)
{
	unsigned long value;
	struct object *o;
	int err = kcas_tx_get(tx, &word[3], &value);

	if (err)
		return err;
	o = (struct object *)value;
	if (!o)
		return 0;
	return kcas_tx_get(tx, &o->value, &value) ?:
	       kcas_tx_set_int(tx, &o->value, 1) ?: kcas_tx_set_int(tx, &word[2], 1);
}

static void tx_use(void *arg)
{
	/* Descriptors are flushed on all CPUs before the object goes: this one can be preempted. */
	static const struct kcas_tx_opts opts = { .flags = KCAS_TX_SLEEPABLE };

	kcas_tx_run(tx_use_body, NULL, &opts);
}

static void free_other(struct kcas_head *head)
{
	kfree(container_of(head, struct object, head));
}

/* What is retired first makes the reader's section an obstacle; then goes what it reads. */
static void neutralize_and_unlink(void *arg)
{
	struct object *other = kzalloc(sizeof(*other), GFP_KERNEL);

	kcas_retire(&other->head, free_other);
	kcas_barrier();
	unlink_object(arg);
	kcas_barrier();
}

/* Between the value and what keeps it: there the section is aborted, and the object freed. */
static void hold_reader(enum kcas_pause where, const struct kcas_word *w)
{
	if (where == KCAS_PAUSE_TX_READ && w == &word[3])
		sh_hold();
}

static void setup_neutral(void)
{
	setup_object();
	WRITE_ONCE(kcas_pause_hook, hold_reader);
	/* No patience with sections. */
	WRITE_ONCE(debra_guard_ms, 0);
	WRITE_ONCE(debra_stall_ms, 0);
}

static const struct scenario neutral_freed = {
	.name = "kcas_tx_freed", .what = "a transaction is neutralized, and what it reads freed",
	.cpus = 3, .bound = 1, .setup = setup_neutral, .check = check_object,
	.thread = {
		{ "use", 1, SH_TASK, tx_use },
		{ "unlink", 0, SH_TASK, neutralize_and_unlink },
	},
};

static int take_or_wait(struct kcas_tx *tx, void *arg)
{
	struct hist_op *op = arg;
	int err = kcas_tx_get_int(tx, &word[2], &op->old[0]);

	if (err)
		return err;
	if (!op->old[0])
		return kcas_tx_retry(tx);
	op->new[0] = op->old[0] - 1;
	return kcas_tx_set_int(tx, &word[2], op->new[0]);
}

static void tx_take(void *arg)
{
	do_tx(take_or_wait, 2, 1);
}

static void put_one(void *arg)
{
	do_add(2, 1);
}

static void put_with_another(void *arg)
{
	KCAS({ 1, 0, 1 }, { 2, 0, 1 });
}

static const struct scenario waiting = {
	.name = "kcas_tx_wait", .what = "a transaction waits, another task helps the waker",
	.cpus = 3, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "take", 0, SH_TASK, tx_take },
		{ "put", 1, SH_TASK, put_with_another },
		{ "help", 2, SH_TASK, read_1 },
	},
};

static const struct scenario waiting_one = {
	.name = "kcas_tx_wait_one", .what = "a transaction waits for an operation on one word",
	.cpus = 2, .bound = 3, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "take", 0, SH_TASK, tx_take },
		{ "put", 1, SH_TASK, put_one },
	},
};

static const struct scenario waiting_irq = {
	.name = "kcas_tx_wait_irq", .what = "two wait, a task and an interrupt wake them",
	.cpus = 2, .bound = 2, .orders = true, .setup = setup_words, .check = check_words,
	.thread = {
		{ "take-0", 0, SH_TASK, tx_take },
		{ "take-1", 1, SH_TASK, tx_take },
		{ "put", 1, SH_TASK, put_one },
		{ "hardirq", 0, SH_HARDIRQ, put_one },
	},
};

const struct scenario *const kcas_scenarios[] = {
	&two, &chain, &ring, &crossed, &crossed_write, &crossed_once, &moving, &collecting,
	&input, &singles, &back, &flush, &cleaning, &cleaning_failed, &reuse, &turnover, &irq,
	&retire,
	&neutral, &neutral_freed, &transactions, &views, &look, &look_clean, &skew, &tx_irq,
	&starving, &waiting, &waiting_one, &waiting_irq, NULL
};

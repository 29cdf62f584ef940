// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcastorture: is anything ever lost, doubled or seen half done?
 *
 * From tasks, softirqs and hard interrupts, on top of each other:
 *
 *  - money moves between accounts, up to all of them in one operation, and audits compare all
 *    of them at once: the sum never changes;
 *  - tokens change hands by exchange, and places by operations on two words: at the end each
 *    is there once;
 *  - two words are written by who has compared the other: their sum never exceeds one step
 *    more than each has seen (write skew);
 *  - additions come in pairs: the sum is zero at the end;
 *  - thousands of words are written in one operation, and any two of them compared: they are
 *    the same;
 *  - objects with words in them are replaced and retired, while others still write to them:
 *    no word is written after its object was given back.
 *
 * Meanwhile pins and guards hold memory up, and, in a kernel with our checks, operations
 * stop at random places.
 */
#include <linux/kcas.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/debra-guard.h>

#include "common.c"
#include "graves.c"
#include "pauses.c"

#define TORTURE_ACCOUNTS	24
#define TORTURE_DEPOSIT		1000
#define TORTURE_TOKENS		32
#define TORTURE_STRIDE		7919	/* a prime */
#define TORTURE_MAX_WORKERS	256

static unsigned int nworkers;
module_param(nworkers, uint, 0444);
MODULE_PARM_DESC(nworkers, "tasks that operate (0: three for each CPU; up to 256)");

static unsigned int many = 3000;
module_param(many, uint, 0444);
MODULE_PARM_DESC(many, "words that are written in one operation (2-60000)");

static struct kcas_word torture_account[TORTURE_ACCOUNTS];
static struct kcas_word torture_token[TORTURE_TOKENS];
static unsigned long torture_hand[TORTURE_MAX_WORKERS];
static struct kcas_word torture_skew[2];
static struct kcas_word torture_pair[2];
static struct kcas_word *torture_many;
static struct kcas_op *torture_many_op;

static atomic_long_t torture_done, torture_missed, torture_no_memory, torture_audits;
static atomic_long_t torture_owed;
static atomic_long_t torture_flips, torture_looks, torture_objects;

/* Count what came of an operation. Return: whether it was done. */
static bool torture_did(int ret)
{
	if (ret == 1)
		atomic_long_inc(&torture_done);
	else if (!ret)
		atomic_long_inc(&torture_missed);
	else if (ret == -ENOMEM)
		atomic_long_inc(&torture_no_memory);
	else
		torture_error("an operation failed", -ret, 0);
	return ret == 1;
}

/* ---------------------------------------------------------------- accounts */

/* Different accounts in any order: a step that has no divisor with their number. */
static void torture_choose(struct kcas_op *op, unsigned int nr)
{
	static const unsigned int steps[] = { 1, 5, 7, 11, 13, 17, 19, 23 };
	unsigned int at = torture_random(TORTURE_ACCOUNTS);
	unsigned int step = steps[torture_random(ARRAY_SIZE(steps))];
	unsigned int i;

	for (i = 0; i < nr; i++, at = (at + step) % TORTURE_ACCOUNTS) {
		op[i].word = &torture_account[at];
		op[i].old = kcas_read(op[i].word);
		op[i].new = op[i].old;
	}
}

/* The first gives to the others; some are only looked at. */
static void torture_transfer(unsigned int nr)
{
	struct kcas_op op[TORTURE_ACCOUNTS];
	unsigned int i, given = 0;

	torture_choose(op, nr);
	for (i = 1; i < nr; i++) {
		if (torture_random(4) == 0)
			continue;
		op[i].new += kcas_int(1);
		given++;
	}
	op[0].new -= kcas_int(given);
	torture_did(kcas(op, nr));
}

static void torture_audit_accounts(void)
{
	struct kcas_op op[TORTURE_ACCOUNTS];
	unsigned int i;
	long sum = 0;

	torture_choose(op, TORTURE_ACCOUNTS);
	for (i = 0; i < TORTURE_ACCOUNTS; i++)
		sum += kcas_to_int(op[i].old);
	if (!torture_did(kcas(op, TORTURE_ACCOUNTS)))
		return;
	atomic_long_inc(&torture_audits);
	if (sum != TORTURE_ACCOUNTS * TORTURE_DEPOSIT)
		torture_error("an audit is wrong", sum, 0);
}

/* ---------------------------------------------------------------- tokens */

static void torture_swap_tokens(void)
{
	unsigned int i = torture_random(TORTURE_TOKENS);
	unsigned int j = (i + 1 + torture_random(TORTURE_TOKENS - 1)) % TORTURE_TOKENS;
	unsigned long a = kcas_read(&torture_token[i]), b = kcas_read(&torture_token[j]);

	torture_did(kcas2(&torture_token[i], a, b, &torture_token[j], b, a));
}

/* Take one in exchange for that in the hand. */
static void torture_exchange_tokens(unsigned long *hand)
{
	struct kcas_word *word = &torture_token[torture_random(TORTURE_TOKENS)];
	int ret = kcas_xchg(word, *hand, hand);

	torture_did(ret ?: 1);
}

static bool torture_token_seen(unsigned long *seen, unsigned long value)
{
	long id = kcas_to_int(value);

	return id < 0 || id >= TORTURE_TOKENS + TORTURE_MAX_WORKERS || test_and_set_bit(id, seen);
}

/* In a slot or in a hand, each once. */
static const char *torture_tokens_audit(void)
{
	DECLARE_BITMAP(seen, TORTURE_TOKENS + TORTURE_MAX_WORKERS) = { };
	unsigned int i;

	for (i = 0; i < TORTURE_TOKENS; i++)
		if (torture_token_seen(seen, kcas_read(&torture_token[i])))
			return "a token is doubled";
	for (i = 0; i < TORTURE_MAX_WORKERS; i++)
		if (torture_token_seen(seen, torture_hand[i]))
			return "a token is doubled, in a hand";
	return bitmap_full(seen, TORTURE_TOKENS + TORTURE_MAX_WORKERS) ? NULL : "a token is lost";
}

/* ---------------------------------------------------------------- skew, pairs */

/* Each word may be raised only by who finds the other one not larger. */
static void torture_raise(void)
{
	unsigned int which = torture_random(2);
	unsigned long mine = kcas_read(&torture_skew[which]);
	unsigned long other = kcas_read(&torture_skew[!which]);

	if ((long)mine > (long)other)
		return;
	torture_did(kcas2(&torture_skew[which], mine, mine + kcas_int(1),
			  &torture_skew[!which], other, other));
}

static void torture_look_at_skew(void)
{
	unsigned long a = kcas_read(&torture_skew[0]), b = kcas_read(&torture_skew[1]);

	if (kcas2(&torture_skew[0], a, a, &torture_skew[1], b, b) != 1)
		return;
	if (abs(kcas_to_int(a) - kcas_to_int(b)) > 1)
		torture_error("write skew", a, b);
}

static void torture_add_pair(void)
{
	int ret = kcas_add(&torture_pair[0], 1, NULL);

	/* Without memory an interrupt must not wait for it. */
	if (torture_did(ret ?: 1) && !torture_did(kcas_add(&torture_pair[1], -1, NULL) ?: 1))
		atomic_long_inc(&torture_owed);
}

/* ---------------------------------------------------------------- many words */

/* By one task, so that the list of operations can be one. */
static void torture_flip_many(unsigned long value)
{
	unsigned int i;
	int ret;

	for (i = 0; i < many; i++) {
		torture_many_op[i].word = &torture_many[(i * (unsigned long)TORTURE_STRIDE) % many];
		torture_many_op[i].old = kcas_int(value);
		torture_many_op[i].new = kcas_int(value + 1);
	}
	while ((ret = kcas(torture_many_op, many)) == -ENOMEM && !torture_should_stop())
		schedule_timeout_uninterruptible(1);
	if (torture_did(ret))
		atomic_long_inc(&torture_flips);
	else if (!ret)
		torture_error("nobody else writes these words", value, 0);
}

static int torture_flip_fn(void *unused)
{
	unsigned long value = 0;

	while (!torture_should_stop()) {
		torture_flip_many(value++);
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}

static void torture_look_at_many(void)
{
	struct kcas_word *a = &torture_many[torture_random(many)];
	struct kcas_word *b = &torture_many[torture_random(many)];
	unsigned long x = kcas_read(a), y = kcas_read(b);

	if (a == b || kcas2(a, x, x, b, y, y) != 1)
		return;
	atomic_long_inc(&torture_looks);
	if (x != y)
		torture_error("an operation was seen half done", x, y);
}

/* ---------------------------------------------------------------- objects */

static void torture_replace_object(void)
{
	struct kcas_word *slot = &torture_slot[torture_random(TORTURE_SLOTS)];
	struct torture_object *object = torture_object_new();
	unsigned long old;

	if (!object)
		return;
	if (!torture_did(kcas_xchg(slot, (unsigned long)object, &old) ?: 1)) {
		kfree(object);
		return;
	}
	atomic_long_inc(&torture_objects);
	kcas_retire(&((struct torture_object *)old)->head, torture_bury);
}

/* Also while it is being retired. */
static void torture_write_object(void)
{
	struct kcas_word *slot = &torture_slot[torture_random(TORTURE_SLOTS)];
	struct torture_object *object;
	unsigned long a, b;

	debra_pin(&kcas_domain);
	object = (struct torture_object *)kcas_read(slot);
	if (READ_ONCE(object->magic) != TORTURE_ALIVE)
		torture_error("found after its end", object->magic, 0);
	a = kcas_read(&object->word[0]);
	b = kcas_read(&object->word[1]);
	torture_did(kcas2(&object->word[0], a, a + kcas_int(1), &object->word[1], b,
			  b - kcas_int(1)));
	debra_unpin(&kcas_domain);
}

/* ---------------------------------------------------------------- who does it */

static void torture_anything(void)
{
	switch (torture_random(8)) {
	case 0:
		torture_transfer(TORTURE_ACCOUNTS);
		break;
	case 1:
		torture_audit_accounts();
		break;
	case 2:
		torture_swap_tokens();
		break;
	case 3:
		torture_raise();
		torture_look_at_skew();
		break;
	case 4:
		torture_add_pair();
		break;
	case 5:
		torture_look_at_many();
		break;
	case 6:
		torture_write_object();
		break;
	case 7:
		torture_transfer(2 + torture_random(6));
		break;
	}
}

static int torture_worker_fn(void *arg)
{
	unsigned long *hand = &torture_hand[(long)arg];

	while (!torture_should_stop()) {
		torture_anything();
		torture_exchange_tokens(hand);
		if (torture_random(4) == 0)
			torture_replace_object();
		debra_throttle(&kcas_domain);
		cond_resched();
	}
	return 0;
}

static int torture_guard_fn(void *unused)
{
	DEFINE_DEBRA_GUARD(g);

	while (!torture_should_stop()) {
		debra_guard_enter_sleepable(&kcas_domain, &g);
		schedule_timeout_uninterruptible(msecs_to_jiffies(torture_random(300)) + 1);
		debra_guard_exit(&g);
	}
	return 0;
}

/* ---------------------------------------------------------------- the test */

static int kcastorture_start(void)
{
	unsigned int i, nr = nworkers ?: 3 * num_online_cpus();
	int err;

	torture_pause_start();
	err = torture_thread(torture_flip_fn, NULL, "torture_flip", -1);
	err = err ?: torture_thread(torture_pin_fn, NULL, "torture_pin", -1);
	err = err ?: torture_thread(torture_guard_fn, NULL, "torture_guard", -1);
	err = err ?: torture_thread(torture_barrier_fn, NULL, "torture_barrier", -1);
	for (i = 0; i < nr && !err; i++)
		err = torture_thread(torture_worker_fn, (void *)(long)i, "torture_worker", -1);
	return err;
}

static void kcastorture_statistics(void)
{
	pr_info("done %ld missed %ld no_memory %ld audits %ld flips %ld looks %ld objects %ld garbage %lu%s\n",
		atomic_long_read(&torture_done), atomic_long_read(&torture_missed),
		atomic_long_read(&torture_no_memory), atomic_long_read(&torture_audits),
		atomic_long_read(&torture_flips), atomic_long_read(&torture_looks),
		atomic_long_read(&torture_objects), debra_garbage(&kcas_domain),
		torture_has_failed() ? " FAILED" : "");
}

static const char *torture_sums_audit(void)
{
	unsigned int i;
	long sum = 0;

	for (i = 0; i < TORTURE_ACCOUNTS; i++)
		sum += kcas_to_int(kcas_read(&torture_account[i]));
	if (sum != TORTURE_ACCOUNTS * TORTURE_DEPOSIT)
		return "money was lost or made";
	sum = kcas_to_int(kcas_read(&torture_pair[0])) + kcas_to_int(kcas_read(&torture_pair[1]));
	if (sum != atomic_long_read(&torture_owed))
		return "an addition was lost";
	return NULL;
}

static void torture_retire_objects(void)
{
	unsigned int i;

	for (i = 0; i < TORTURE_SLOTS; i++)
		kcas_retire(&((struct torture_object *)kcas_read(&torture_slot[i]))->head,
			    torture_bury);
}

static const char *kcastorture_audit(void)
{
	long objects = atomic_long_read(&torture_objects) + TORTURE_SLOTS;
	const char *wrong = torture_sums_audit();

	wrong = wrong ?: torture_tokens_audit();
	torture_retire_objects();
	/* Also for our own words: after this nothing refers to any of them. */
	if (kcas_barrier())
		wrong = wrong ?: "kcas_barrier() failed";
	torture_pause_stop();
	torture_empty_graves();
	if (atomic_long_read(&torture_buried) != objects)
		wrong = wrong ?: "retired != given back";
	if (!atomic_long_read(&torture_audits) || !atomic_long_read(&torture_flips) ||
	    !atomic_long_read(&torture_looks))
		wrong = wrong ?: "nothing was done";
	return wrong;
}

static int torture_words_init(void)
{
	unsigned int i;

	for (i = 0; i < TORTURE_ACCOUNTS; i++)
		kcas_init(&torture_account[i], kcas_int(TORTURE_DEPOSIT));
	for (i = 0; i < TORTURE_TOKENS; i++)
		kcas_init(&torture_token[i], kcas_int(i));
	for (i = 0; i < TORTURE_MAX_WORKERS; i++)
		torture_hand[i] = kcas_int(TORTURE_TOKENS + i);
	for (i = 0; i < 2; i++) {
		kcas_init(&torture_skew[i], kcas_int(0));
		kcas_init(&torture_pair[i], kcas_int(0));
	}
	return torture_slots_init();
}

static void kcastorture_exit(void)
{
	vfree(torture_many);
	vfree(torture_many_op);
}

static int kcastorture_init(void)
{
	if (nworkers > TORTURE_MAX_WORKERS || many < 2 || many > 60000 ||
	    many % TORTURE_STRIDE == 0) {
		pr_err("nworkers is 256 at most, many 2 to 60000 and no multiple of 7919\n");
		return -EINVAL;
	}
	torture_many = vzalloc(array_size(many, sizeof(*torture_many)));
	torture_many_op = vzalloc(array_size(many, sizeof(*torture_many_op)));
	if (torture_many && torture_many_op && !torture_words_init())
		return 0;
	torture_slots_free();
	kcastorture_exit();
	return -ENOMEM;
}

const struct torture_test torture_test = {
	.init = kcastorture_init,
	.start = kcastorture_start,
	.irq = torture_anything,
	.audit = kcastorture_audit,
	.statistics = kcastorture_statistics,
	.exit = kcastorture_exit,
};

MODULE_DESCRIPTION("Torture test of kcas");

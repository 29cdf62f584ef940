// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: transactions in every context, also on top of each other and of operations.
 */
#include <linux/string.h>

#include "kcas_tx_test_util.h"
#ifdef CONFIG_DEBRA_DEBUG
#include "kcas_test_actor.h"
#endif

static int kcas_tx_test_plus_one(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;

	t->runs++;
	return kcas_tx_inc(tx, t->word);
}

KUNIT_ARRAY_PARAM(debra_test_context, debra_test_contexts, debra_test_context_desc);

static int kcas_tx_test_sum_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	long value, sum = 0;
	unsigned int i;
	int err = 0;

	for (i = 1; i < t->size && !err; i++) {
		err = kcas_tx_get_int(tx, &t->word[i], &value);
		sum += value;
	}
	return err ?: kcas_tx_set_int(tx, &t->word[0], sum) ?: t->flag ? -EIO : 0;
}

static int kcas_tx_test_wait_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;

	return kcas_tx_inc(tx, t->word) ?: kcas_tx_retry(tx);
}

static void kcas_tx_test_count(void *arg)
{
	++*(int *)arg;
}

static int kcas_tx_test_unwanted_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;

	return kcas_tx_inc(tx, &t->word[0]) ?: kcas_tx_inc(tx, &t->word[1]) ?:
	       kcas_tx_on_commit(tx, kcas_tx_test_count, &t->id[0]) ?:
	       kcas_tx_on_abort(tx, kcas_tx_test_count, &t->id[1]) ?: kcas_tx_retry(tx);
}

static int kcas_tx_test_wanted_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;

	return kcas_tx_inc(tx, &t->word[1]) ?: kcas_tx_inc(tx, &t->word[2]) ?:
	       kcas_tx_on_commit(tx, kcas_tx_test_count, &t->id[2]) ?:
	       kcas_tx_on_abort(tx, kcas_tx_test_count, &t->id[3]) ?: t->flag ? -EIO : 0;
}

static int kcas_tx_test_choice_body(struct kcas_tx *tx, void *arg)
{
	return kcas_tx_or_else(tx, kcas_tx_test_unwanted_body, kcas_tx_test_wanted_body, arg);
}

static void kcas_tx_test_choose_here(struct kcas_tx_test *t)
{
	long one = kcas_test_value(&t->word[1]), two = kcas_test_value(&t->word[2]);

	memset(t->id, 0, sizeof(t->id));
	t->flag = true;
	kcas_tx_check(t, kcas_tx_test_run(t, kcas_tx_test_choice_body) == -EIO);
	kcas_tx_check(t, !t->id[0] && t->id[1] == 1 && !t->id[2] && t->id[3] == 1);
	t->flag = false;
	kcas_tx_check(t, !kcas_tx_test_run(t, kcas_tx_test_choice_body));
	kcas_tx_check(t, !t->id[0] && t->id[1] == 2 && t->id[2] == 1 && t->id[3] == 1);
	kcas_tx_check(t, kcas_test_value(&t->word[1]) == one + 1);
	kcas_tx_check(t, kcas_test_value(&t->word[2]) == two + 1);
	kcas_tx_check(t, !kcas_set(&t->word[1], kcas_int(one)));
	kcas_tx_check(t, !kcas_set(&t->word[2], kcas_int(two)));
}

/* Runs in each context. */
static void kcas_tx_test_here(void *arg)
{
	struct kcas_tx_test *t = arg;
	int ret, want;

	for (t->size = 1; t->size <= 40; t->size += t->size < 19 ? 1 : 7) {
		t->flag = false;
		ret = kcas_tx_test_run(t, kcas_tx_test_sum_body);
		/* Logs of interrupts never have more room than in the beginning. */
		want = !debra_test_may_allocate() && t->size > KCAS_TX_TEST_FEW ? -ENOMEM :
		       kcas_tx_test_outcome(t, t->size, ret, 0);
		kcas_tx_check(t, ret == want);
		if (!want)
			kcas_tx_check(t, kcas_test_value(t->word) ==
					 (long)(t->size - 1) * (t->size + 20) / 2);
		t->flag = true;
		kcas_tx_check(t, kcas_tx_test_run(t, kcas_tx_test_sum_body) == (want ?: -EIO));
	}
	kcas_tx_check(t, kcas_tx_test_run(t, kcas_tx_test_wait_body) == -EWOULDBLOCK);
	kcas_tx_test_choose_here(t);
	t->nr_ids++;
	kcas_tx_check(t, !kcas_set(t->word, kcas_int(10 + t->nr_ids)));
}

static void kcas_tx_test_context(struct kunit *test)
{
	const enum debra_test_context *param = test->param_value;
	struct kcas_tx_test *t = kcas_tx_test(test, 40);

	kcas_tx_test_undisturbed(test);
	debra_test_use_interrupts(test);
	t->opts.flags = KCAS_TX_NOWAIT;
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(0), *param,
						  kcas_tx_test_here, t));
	kcas_tx_test_verdict(t);
	KUNIT_EXPECT_EQ(test, t->nr_ids, 1);
	t->opts.flags |= KCAS_TX_PINNED;
	KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(0), *param,
						  kcas_tx_test_here, t));
	kcas_tx_test_verdict(t);
}

/**
 * struct kcas_tx_test_top - a transaction that is interrupted by others
 * @below: that one
 * @above: what the interrupt runs
 * @context: which
 * @failed: there was no such interrupt
 */
struct kcas_tx_test_top {
	struct kcas_tx_test *below;
	struct kcas_tx_test *above;
	enum debra_test_context context;
	unsigned int failed;
};

/* The interrupt changes all that was read, so the next access has to fail. */
static int kcas_tx_test_below_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test_top *top = arg;
	struct kcas_tx_test *t = top->below;
	long before = top->above->nr_ids;
	long value;
	int err;

	t->runs++;
	err = kcas_tx_add(tx, &t->word[0], 1, &value) ?: kcas_tx_inc(tx, &t->word[39]);
	if (err || before == 3)
		return err;
	if (!debra_test_interrupt(top->context, kcas_tx_test_here, top->above))
		top->failed++;
	kcas_tx_check(t, value == 11 + before);
	kcas_tx_check(t, !kcas_tx_get_int(tx, &t->word[0], &value) && value == 11 + before);
	return 0;
}

KUNIT_ARRAY_PARAM(debra_test_interrupt, debra_test_interrupts, debra_test_context_desc);

static void kcas_tx_test_on_top(struct kunit *test)
{
	const enum debra_test_context *param = test->param_value;
	struct kcas_tx_test_top top = { .context = *param };

	kcas_tx_test_undisturbed(test);
	top.below = kcas_tx_test(test, 40);
	top.above = kcas_tx_test(test, 1);
	debra_test_use_interrupts(test);
	top.above->word = top.below->word;
	top.above->opts.flags = KCAS_TX_NOWAIT;
	KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_test_below_body, &top, NULL), 0);
	KUNIT_EXPECT_EQ(test, top.failed, 0);
	KUNIT_EXPECT_EQ(test, top.above->nr_ids, 3);
	KUNIT_EXPECT_EQ(test, top.below->runs, 4);
	KUNIT_EXPECT_EQ(test, kcas_test_value(top.below->word), 14);
	kcas_tx_test_verdict(top.below);
	kcas_tx_test_verdict(top.above);
}

/* What may wait is refused where nobody can. */
static void kcas_tx_test_wait_here(void *arg)
{
	struct kcas_tx_test *t = arg;

	kcas_tx_check(t, kcas_tx_run(kcas_tx_test_plus_one, t, NULL) == -EINVAL);
}

static void kcas_tx_test_no_waiting(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 1);
	unsigned int i;

	debra_test_use_interrupts(test);
	debra_test_splat_begin();
	for (i = DEBRA_TEST_TASK + 1; i < DEBRA_TEST_NR_CONTEXTS; i++)
		KUNIT_EXPECT_TRUE(test, debra_test_run_on(debra_test_cpu(0), i,
							  kcas_tx_test_wait_here, t));
	debra_test_splat_end();
	kcas_tx_test_verdict(t);
	KUNIT_EXPECT_EQ(test, t->runs, 0);
}

#ifdef CONFIG_DEBRA_DEBUG
static const enum kcas_pause kcas_tx_test_places[] = {
	KCAS_PAUSE_LOGGED, KCAS_PAUSE_BEFORE_CHECK, KCAS_PAUSE_BEFORE_INSTALL,
	KCAS_PAUSE_INSTALLED, KCAS_PAUSE_BEFORE_VERIFY, KCAS_PAUSE_IN_VERIFY,
	KCAS_PAUSE_BEFORE_DECIDE, KCAS_PAUSE_DECIDED,
};

static int kcas_tx_test_pair_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_test *t = arg;
	long a, b, c;
	int err;

	err = kcas_tx_get_int(tx, &t->word[0], &a) ?: kcas_tx_get_int(tx, &t->word[1], &b) ?:
	      kcas_tx_get_int(tx, &t->word[2], &c);
	if (err)
		return err;
	/* Both or none have been written by the one below. */
	kcas_tx_check(t, b - a == 1 && c == 12);
	return kcas_tx_add(tx, &t->word[0], 100, NULL) ?: kcas_tx_add(tx, &t->word[1], 100, NULL);
}

static void kcas_tx_test_pair(void *arg)
{
	struct kcas_tx_test *t = arg;

	kcas_tx_check(t, !kcas_tx_test_run(t, kcas_tx_test_pair_body));
	t->nr_ids++;
}

static void kcas_tx_test_mid_op(struct kunit *test, struct kcas_test_actor *owner,
				struct kcas_tx_test *t, enum kcas_pause place)
{
	const enum debra_test_context *param = test->param_value;
	struct kcas_test_stop *stop = &owner->stop[DEBRA_TEST_TASK];
	long a = kcas_test_value(&t->word[0]), moved = t->nr_ids;
	bool held, ran;

	kcas_test_op(&owner->op[0], &t->word[0], a, a + 1);
	kcas_test_op(&owner->op[1], &t->word[1], a + 1, a + 2);
	kcas_test_op(&owner->op[2], &t->word[2], 12, 12);
	owner->nr = 3;
	kcas_test_arm(stop, place, NULL);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	held = kcas_test_held(stop);
	ran = *param == DEBRA_TEST_TASK ||
	      kcas_test_on_top(stop, *param, kcas_tx_test_pair, t);
	/* And from another CPU. */
	kcas_tx_test_pair(t);
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, held && ran && kcas_test_done(owner));
	KUNIT_EXPECT_GE(test, owner->ret, 0);
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[0]),
			a + owner->ret + 100 * ((long)t->nr_ids - moved));
	KUNIT_EXPECT_EQ(test, kcas_test_value(&t->word[1]), kcas_test_value(&t->word[0]) + 1);
}

/* An operation is held up everywhere; transactions on its words help it, and get on. */
static void kcas_tx_test_on_operation(struct kunit *test)
{
	struct kcas_tx_test *t = kcas_tx_test(test, 3);
	struct kcas_test_actor *owner;
	unsigned int i;

	t->opts.flags = KCAS_TX_NOWAIT;
	kcas_test_stage(test);
	owner = kcas_test_actor(test, 1);
	for (i = 0; i < ARRAY_SIZE(kcas_tx_test_places); i++)
		kcas_tx_test_mid_op(test, owner, t, kcas_tx_test_places[i]);
	kcas_tx_test_verdict(t);
}
#endif

static struct kunit_case kcas_tx_context_cases[] = {
	KUNIT_CASE_PARAM(kcas_tx_test_context, debra_test_context_gen_params),
	KUNIT_CASE_PARAM(kcas_tx_test_on_top, debra_test_interrupt_gen_params),
	KUNIT_CASE(kcas_tx_test_no_waiting),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE_PARAM(kcas_tx_test_on_operation, debra_test_context_gen_params),
#endif
	{}
};

static struct kunit_suite kcas_tx_context_suite = {
	.name = "kcas_tx_context",
	.test_cases = kcas_tx_context_cases,
};

kunit_test_suite(kcas_tx_context_suite);

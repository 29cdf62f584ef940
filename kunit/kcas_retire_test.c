// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: objects with words in them, which are retired while words are still referring
 * to operations and somebody may still be about to write.
 */
#include <kunit/resource.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kcas_test_util.h"
#ifdef CONFIG_DEBRA_DEBUG
#include "kcas_test_actor.h"
#endif

#define KCAS_TEST_OBJECT_WORDS	3
#define KCAS_TEST_LIVE		0x6b636173UL
#define KCAS_TEST_GONE		0x676f6e65UL
#define KCAS_TEST_BURIED	kcas_int(-4711)	/* in the words of an object that is unlinked */

/* ---------------------------------------------------------------- churn */

#define KCAS_TEST_ROOTS		6
#define KCAS_TEST_CHURN_MS	2500

/**
 * struct kcas_test_churn - objects that are replaced while money moves between them
 * @root: words that hold a pointer to an object each
 * @replaced: objects that were replaced and retired
 * @moved: transfers
 * @no_memory: operations for which there was no memory
 * @errors: operations that returned what they never may
 * @called: callbacks
 * @dead: objects that were gone while somebody looked at them, or went twice
 * @unclean: words of retired objects that held something else than what was written last
 * @atomic: callbacks in a context that must not sleep
 */
struct kcas_test_churn {
	struct kcas_word *root;
	atomic_long_t replaced;
	atomic_long_t moved;
	atomic_long_t no_memory;
	atomic_long_t errors;
	atomic_long_t called;
	atomic_long_t dead;
	atomic_long_t unclean;
	atomic_long_t atomic;
};

/**
 * struct kcas_test_object - what is churned
 * @magic: KCAS_TEST_LIVE until it is given back
 * @word: accounts
 * @churn: where it belongs
 * @head: neither first nor last
 * @more: another one, behind the head
 */
struct kcas_test_object {
	unsigned long magic;
	struct kcas_word word[KCAS_TEST_OBJECT_WORDS];
	struct kcas_test_churn *churn;
	struct kcas_head head;
	struct kcas_word more;
};

static struct kcas_test_object *kcas_test_object(struct kcas_test_churn *churn)
{
	struct kcas_test_object *object = NULL;

	/* Nobody can allocate in NMIs. */
	if (debra_test_may_allocate())
		object = kmalloc(sizeof(*object), GFP_NOWAIT | __GFP_NOWARN);
	if (!object)
		return NULL;
	object->magic = KCAS_TEST_LIVE;
	object->churn = churn;
	kcas_init(&object->more, 0);
	return object;
}

static void kcas_test_object_free(struct kcas_head *head)
{
	struct kcas_test_object *object = container_of(head, struct kcas_test_object, head);
	struct kcas_test_churn *churn = object->churn;
	unsigned int i;

	if (object->magic != KCAS_TEST_LIVE)
		atomic_long_inc(&churn->dead);
	for (i = 0; i < KCAS_TEST_OBJECT_WORDS; i++)
		if (READ_ONCE(object->word[i].content) != KCAS_TEST_BURIED)
			atomic_long_inc(&churn->unclean);
	if (READ_ONCE(object->more.content) & KCAS_RESERVED)
		atomic_long_inc(&churn->unclean);
	if (!in_task() || irqs_disabled())
		atomic_long_inc(&churn->atomic);
	memset(object, 0x5a, sizeof(*object));
	object->magic = KCAS_TEST_GONE;
	kfree(object);
	atomic_long_inc(&churn->called);
}

static bool kcas_test_churn_note(struct kcas_test_churn *churn, int ret, atomic_long_t *count)
{
	if (ret == 1)
		atomic_long_inc(count);
	else if (ret == -ENOMEM)
		atomic_long_inc(&churn->no_memory);
	else if (ret)
		atomic_long_inc(&churn->errors);
	return ret == 1;
}

/* Pinned. */
static struct kcas_test_object *kcas_test_churn_get(struct kcas_test_churn *churn,
						    struct kcas_word *root)
{
	struct kcas_test_object *object = (void *)kcas_read(root);

	if (READ_ONCE(object->magic) != KCAS_TEST_LIVE)
		atomic_long_inc(&churn->dead);
	return object;
}

/* From one object to another, if both are still linked. */
static void kcas_test_churn_move(struct kcas_test_churn *churn)
{
	unsigned int i, at = debra_test_random(KCAS_TEST_ROOTS);
	struct kcas_test_object *object;
	struct kcas_op op[6] = {};

	debra_pin(&kcas_domain);
	for (i = 0; i < 2; i++) {
		op[i].word = &churn->root[(at + i) % KCAS_TEST_ROOTS];
		object = kcas_test_churn_get(churn, op[i].word);
		op[i].old = (unsigned long)object;
		op[i].new = op[i].old;
		op[i + 2].word = &object->word[debra_test_random(KCAS_TEST_OBJECT_WORDS)];
		op[i + 2].old = kcas_read(op[i + 2].word);
		op[i + 2].new = op[i + 2].old + kcas_int(i ? 1 : -1);
		op[i + 4].word = &object->more;
		op[i + 4].old = kcas_read(op[i + 4].word);
		op[i + 4].new = op[i + 4].old + kcas_int(1);
	}
	/* Those that are unlinked are caught by what is buried in them as well. */
	if (op[2].old != KCAS_TEST_BURIED && op[3].old != KCAS_TEST_BURIED) {
		i = debra_test_random(2) * 2;
		kcas_test_churn_note(churn, kcas(&op[i], 6 - i), &churn->moved);
	}
	debra_unpin(&kcas_domain);
}

/* A new object in place of an old one, with all that it has; the old one is retired. */
static void kcas_test_churn_replace(struct kcas_test_churn *churn)
{
	struct kcas_word *root = &churn->root[debra_test_random(KCAS_TEST_ROOTS)];
	struct kcas_test_object *old, *new = kcas_test_object(churn);
	struct kcas_op op[1 + KCAS_TEST_OBJECT_WORDS];
	bool done = false, whole = true;
	unsigned int i;

	if (!new)
		return;
	debra_pin(&kcas_domain);
	old = kcas_test_churn_get(churn, root);
	for (i = 0; i < KCAS_TEST_OBJECT_WORDS; i++) {
		op[i].word = &old->word[i];
		op[i].old = kcas_read(op[i].word);
		op[i].new = KCAS_TEST_BURIED;
		kcas_init(&new->word[i], op[i].old);
		whole &= op[i].old != KCAS_TEST_BURIED;
	}
	op[i].word = root;
	op[i].old = (unsigned long)old;
	op[i].new = (unsigned long)new;
	if (whole)
		done = kcas_test_churn_note(churn, kcas(op, 1 + KCAS_TEST_OBJECT_WORDS),
					    &churn->replaced);
	debra_unpin(&kcas_domain);
	if (done)
		kcas_retire(&old->head, kcas_test_object_free);
	else
		kfree(new);
}

static void kcas_test_churn_fn(void *data)
{
	if (debra_test_random(4))
		kcas_test_churn_move(data);
	else
		kcas_test_churn_replace(data);
}

static int kcas_test_churn_thread_fn(void *data)
{
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < 16; i++)
			kcas_test_churn_fn(data);
		debra_throttle(&kcas_domain);
		cond_resched();
	}
	return 0;
}

static void kcas_test_churn_begin(struct kunit *test, struct kcas_test_churn *churn)
{
	struct kcas_test_object *object;
	unsigned int i, j;

	churn->root = kcas_test_alloc(test, KCAS_TEST_ROOTS, sizeof(*churn->root));
	for (i = 0; i < KCAS_TEST_ROOTS; i++) {
		object = kcas_test_object(churn);
		KUNIT_ASSERT_NOT_NULL(test, object);
		for (j = 0; j < KCAS_TEST_OBJECT_WORDS; j++)
			kcas_init(&object->word[j], kcas_int(1000));
		kcas_init(&churn->root[i], (unsigned long)object);
	}
}

/* Return: the sum of all accounts; the objects are gone then. */
static long kcas_test_churn_end(struct kcas_test_churn *churn)
{
	struct kcas_test_object *object;
	unsigned long money;
	unsigned int i, j;
	long sum = 0;

	for (i = 0; i < KCAS_TEST_ROOTS; i++) {
		object = (void *)kcas_read(&churn->root[i]);
		for (j = 0; j < KCAS_TEST_OBJECT_WORDS; j++) {
			kcas_xchg(&object->word[j], KCAS_TEST_BURIED, &money);
			sum += kcas_to_int(money);
		}
		kcas_retire(&object->head, kcas_test_object_free);
	}
	return sum;
}

static void kcas_test_churn_verdict(struct kunit *test, struct kcas_test_churn *churn)
{
	kunit_info(test, "%ld moved, %ld replaced, %ld without memory",
		   atomic_long_read(&churn->moved), atomic_long_read(&churn->replaced),
		   atomic_long_read(&churn->no_memory));
	KUNIT_EXPECT_EQ(test, kcas_test_churn_end(churn),
			1000 * KCAS_TEST_ROOTS * KCAS_TEST_OBJECT_WORDS);
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&churn->called),
			    atomic_long_read(&churn->replaced) + KCAS_TEST_ROOTS,
			    "callbacks and what was retired");
	KUNIT_EXPECT_EQ(test, atomic_long_read(&churn->errors), 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&churn->dead), 0, "objects that were gone");
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&churn->unclean), 0, "unclean words");
	KUNIT_EXPECT_EQ(test, atomic_long_read(&churn->atomic), 0);
}

static void kcas_test_objects_come_and_go(struct kunit *test)
{
	struct kcas_test_churn *churn = kunit_kzalloc(test, sizeof(*churn), GFP_KERNEL);
	struct debra_test_storm *storm;
	struct task_struct *task[4];
	unsigned int i;
	bool enough;

	KUNIT_ASSERT_NOT_NULL(test, churn);
	kcas_test_churn_begin(test, churn);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = debra_test_thread(test, kcas_test_churn_thread_fn, churn,
					    DEBRA_TEST_ANY_CPU);
	storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL & ~BIT(DEBRA_TEST_TASK),
				 kcas_test_churn_fn, churn);
	msleep(KCAS_TEST_CHURN_MS);
	enough = debra_test_wait(atomic_long_read(&churn->replaced) > 1000 &&
				 atomic_long_read(&churn->moved) > 1000 &&
				 atomic_long_read(&churn->called) > 0);
	debra_test_storm_stop(test, storm);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	KUNIT_EXPECT_TRUE(test, enough);
	kcas_test_churn_verdict(test, churn);
}

/* ---------------------------------------------------------------- the barrier */

#define KCAS_TEST_TICKETS	64

/**
 * struct kcas_test_ticket - an object that counts its calls
 * @word: a word that has been used
 * @head: the head
 * @calls: callbacks
 * @err: what using the word returned
 * @again: how often it retires itself again
 * @other: a word that the callback adds to; may be NULL
 */
struct kcas_test_ticket {
	struct kcas_word word;
	struct kcas_head head;
	atomic_t calls;
	int err;
	unsigned int again;
	struct kcas_word *other;
};

static void kcas_test_ticket_fn(struct kcas_head *head)
{
	struct kcas_test_ticket *ticket = container_of(head, struct kcas_test_ticket, head);
	bool again = ticket->again;

	if (ticket->other)
		kcas_add(ticket->other, 1, NULL);
	if (again) {
		ticket->again--;
		kcas_retire(&ticket->head, kcas_test_ticket_fn);
	}
	atomic_inc(&ticket->calls);
}

/* In any context: it is used, and retired. */
static void kcas_test_ticket_punch(void *data)
{
	struct kcas_test_ticket *ticket = data;

	ticket->err = kcas_add(&ticket->word, 1, NULL);
	kcas_retire(&ticket->head, kcas_test_ticket_fn);
}

KUNIT_ARRAY_PARAM(debra_test_context, debra_test_contexts, debra_test_context_desc);

static void kcas_test_retired_in_context(struct kunit *test)
{
	const enum debra_test_context *context = test->param_value;
	struct kcas_test_ticket *ticket = kcas_test_alloc(test, KCAS_TEST_TICKETS,
							  sizeof(*ticket));
	unsigned int i, called = 0, used = 0;

	debra_test_use_interrupts(test);
	/* An NMI has something at the beginning. */
	KUNIT_ASSERT_EQ(test, kcas_test_settle(), 0);
	for (i = 0; i < KCAS_TEST_TICKETS; i++)
		KUNIT_ASSERT_TRUE(test, debra_test_run_on(debra_test_cpu(i % num_online_cpus()),
							  *context,
							  kcas_test_ticket_punch, &ticket[i]));
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	for (i = 0; i < KCAS_TEST_TICKETS; i++)
		called += atomic_read(&ticket[i].calls) == 1;
	KUNIT_EXPECT_EQ(test, called, KCAS_TEST_TICKETS);
	/* And not again. */
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	debra_test_push_for(&kcas_domain, DEBRA_TEST_WATCH_MS / 2);
	for (i = 0; i < KCAS_TEST_TICKETS; i++)
		called -= atomic_read(&ticket[i].calls) == 1;
	KUNIT_EXPECT_EQ(test, called, 0);
	/*
	 * Each of them has been cleaned. Whenever something is retired, the blocks in use are
	 * flushed; an NMI has soon no more then.
	 */
	for (i = 0; i < KCAS_TEST_TICKETS; i++) {
		used += !ticket[i].err;
		if (*context <= DEBRA_TEST_LAST_ALLOCATING || ticket[i].err != -ENOMEM)
			KUNIT_EXPECT_EQ_MSG(test, ticket[i].err, 0, "ticket %u", i);
		KUNIT_EXPECT_EQ_MSG(test, READ_ONCE(ticket[i].word.content),
				    kcas_int(!ticket[i].err), "ticket %u", i);
	}
	KUNIT_EXPECT_GT(test, used, 0);
}

/**
 * struct kcas_test_waiters - threads that each retire something and wait for it
 * @rounds: how often
 * @missing: how often it had not been called
 * @errors: how often the barrier failed
 */
struct kcas_test_waiters {
	atomic_long_t rounds;
	atomic_long_t missing;
	atomic_long_t errors;
};

static int kcas_test_waiter_fn(void *data)
{
	struct kcas_test_waiters *w = data;
	struct kcas_test_ticket *ticket = kzalloc(sizeof(*ticket), GFP_KERNEL);
	long rounds = 0;

	while (ticket && !kthread_should_stop()) {
		kcas_test_ticket_punch(ticket);
		if (kcas_barrier())
			atomic_long_inc(&w->errors);
		if (atomic_read(&ticket->calls) != ++rounds)
			atomic_long_inc(&w->missing);
		atomic_long_inc(&w->rounds);
	}
	/* Rather lost than freed under the reclaimer. */
	if (!atomic_long_read(&w->missing) && !atomic_long_read(&w->errors))
		kfree(ticket);
	return 0;
}

static void kcas_test_many_barriers(struct kunit *test)
{
	struct kcas_test_waiters *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct task_struct *task[6];
	unsigned int i;
	bool enough;

	KUNIT_ASSERT_NOT_NULL(test, w);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		task[i] = debra_test_thread(test, kcas_test_waiter_fn, w, DEBRA_TEST_ANY_CPU);
	msleep(500);
	enough = debra_test_wait(atomic_long_read(&w->rounds) > 20);
	for (i = 0; i < ARRAY_SIZE(task); i++)
		debra_test_thread_stop(test, task[i]);
	kunit_info(test, "%ld rounds", atomic_long_read(&w->rounds));
	KUNIT_EXPECT_TRUE(test, enough);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&w->missing), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&w->errors), 0);
}

/* A callback may use words, and retire, itself too. */
static void kcas_test_callback_retires(struct kunit *test)
{
	struct kcas_test_ticket *ticket = kcas_test_alloc(test, 1, sizeof(*ticket));
	struct kcas_word *word = kcas_test_words(test, 1, 0);

	ticket->again = 4;
	ticket->other = word;
	kcas_test_ticket_punch(ticket);
	KUNIT_EXPECT_TRUE(test, debra_test_wait(atomic_read(&ticket->calls) == 5));
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ticket->calls), 5);
	KUNIT_EXPECT_EQ(test, kcas_test_value(word), 5);
}

struct kcas_test_deadlock {
	struct kcas_head head;
	int err;
	bool called;
};

static void kcas_test_deadlock_fn(struct kcas_head *head)
{
	struct kcas_test_deadlock *d = container_of(head, struct kcas_test_deadlock, head);

	d->err = kcas_barrier();
	/* Pairs with the acquire in kcas_test_barrier_in_callback(). */
	smp_store_release(&d->called, true);
}

/* It would wait for itself. */
static void kcas_test_barrier_in_callback(struct kunit *test)
{
	struct kcas_test_deadlock *d = kcas_test_alloc(test, 1, sizeof(*d));

	kcas_retire(&d->head, kcas_test_deadlock_fn);
	/* Pairs with the release in kcas_test_deadlock_fn(). */
	KUNIT_ASSERT_TRUE(test, debra_test_wait(smp_load_acquire(&d->called)));
	KUNIT_EXPECT_EQ(test, d->err, -EDEADLK);
}

static void kcas_test_barrier_of_nothing(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
}

/* ---------------------------------------------------------------- somebody is late */

#ifdef CONFIG_DEBRA_DEBUG
/*
 * The cleaner has found a reference in the object's word and stands still. The object is
 * retired, and must not be given back under him.
 */
static void kcas_test_late_cleaner(struct kunit *test)
{
	struct kcas_test_ticket *ticket = kcas_test_alloc(test, 1, sizeof(*ticket));
	struct kcas_word *scratch = kcas_test_words(test, 1, 0);
	unsigned int i, failed = 0, early;
	bool held, still;

	kcas_test_stage(test);
	kcas_test_arm(&kcas_test_cleaner, KCAS_PAUSE_BEFORE_CLEAN, &ticket->word);
	failed += kcas_add(&ticket->word, 1, NULL) != 0;
	for (i = 0; i < 2000; i++)
		failed += kcas_add(scratch, 1, NULL) != 0;
	held = debra_test_wait(({
		debra_expedite(&kcas_domain);
		kcas_test_is_held(&kcas_test_cleaner);
	}));
	kcas_retire(&ticket->head, kcas_test_ticket_fn);
	debra_test_push_for(&kcas_domain, 2 * DEBRA_TEST_WATCH_MS);
	early = atomic_read(&ticket->calls);
	still = kcas_test_is_held(&kcas_test_cleaner);
	kcas_test_go(&kcas_test_cleaner);
	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_TRUE(test, held && still);
	KUNIT_EXPECT_EQ_MSG(test, early, 0, "given back while somebody is about to clean");
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ticket->calls), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(ticket->word.content), kcas_int(1));
}

static const struct kcas_test_late {
	const char *name;
	enum kcas_pause where;
} kcas_test_lates[] = {
	{ "before check", KCAS_PAUSE_BEFORE_CHECK },
	{ "before install", KCAS_PAUSE_BEFORE_INSTALL },
	{ "installed", KCAS_PAUSE_INSTALLED },
	{ "before decide", KCAS_PAUSE_BEFORE_DECIDE },
	{ "decided", KCAS_PAUSE_DECIDED },
};

KUNIT_ARRAY_PARAM_DESC(kcas_test_late, kcas_test_lates, name);

/* The same with an owner, whose operation is helped to its end and undone. */
static void kcas_test_late_owner(struct kunit *test)
{
	const struct kcas_test_late *late = test->param_value;
	struct kcas_test_ticket *tickets = kcas_test_alloc(test, 2, sizeof(*tickets));
	struct kcas_test_ticket *ticket = &tickets[1];
	struct kcas_test_actor *owner;
	struct kcas_test_stop *stop;
	bool held, still;
	unsigned int early;

	kcas_test_stage(test);
	owner = kcas_test_actor(test, 1);
	/* That one is written first, and whoever reads it helps. */
	kcas_test_op(&owner->op[0], &tickets[0].word, 0, 1);
	kcas_test_op(&owner->op[1], &ticket->word, 0, 1);
	owner->nr = 2;
	stop = &owner->stop[DEBRA_TEST_TASK];
	kcas_test_arm(stop, late->where, late->where < KCAS_PAUSE_BEFORE_VERIFY ?
		      &ticket->word : NULL);
	kcas_test_begin(owner, DEBRA_TEST_TASK, kcas_test_act_kcas, NULL);
	held = kcas_test_held(stop);
	kcas_read(&tickets[0].word);
	kcas_set(&ticket->word, 0);
	kcas_retire(&ticket->head, kcas_test_ticket_fn);
	debra_test_push_for(&kcas_domain, 2 * DEBRA_TEST_WATCH_MS);
	early = atomic_read(&ticket->calls);
	still = kcas_test_is_held(stop);
	kcas_test_go(stop);
	KUNIT_EXPECT_TRUE(test, held && still && kcas_test_done(owner));
	KUNIT_EXPECT_EQ_MSG(test, early, 0, "given back while somebody is about to write");
	KUNIT_EXPECT_EQ(test, kcas_barrier(), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ticket->calls), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(ticket->word.content), 0);
	KUNIT_EXPECT_EQ(test, owner->ret, 1);
}
#endif

static struct kunit_case kcas_retire_cases[] = {
	KUNIT_CASE_PARAM(kcas_test_retired_in_context, debra_test_context_gen_params),
	KUNIT_CASE(kcas_test_many_barriers),
	KUNIT_CASE(kcas_test_callback_retires),
	KUNIT_CASE(kcas_test_barrier_in_callback),
	KUNIT_CASE(kcas_test_barrier_of_nothing),
#ifdef CONFIG_DEBRA_DEBUG
	KUNIT_CASE(kcas_test_late_cleaner),
	KUNIT_CASE_PARAM(kcas_test_late_owner, kcas_test_late_gen_params),
#endif
	KUNIT_CASE(kcas_test_objects_come_and_go),
	{}
};

static struct kunit_suite kcas_retire_suite = {
	.name = "kcas_retire",
	.test_cases = kcas_retire_cases,
};

kunit_test_suite(kcas_retire_suite);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas tests: no body ever sees what did not hold together, whatever becomes of its attempt.
 *
 * Bodies look while they run. So each view counts, also that of an attempt that is thrown
 * away later.
 */
#include <kunit/resource.h>
#include <linux/kcas-tx.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "kcas_tx_test_util.h"

#define KCAS_TX_OPACITY_MS	700
#define KCAS_TX_OPACITY_READERS	3
#define KCAS_TX_OPACITY_WRITERS	2

/* How a body is run in a task; not where a storm calls for an IPI to itself. */
static const struct kcas_tx_opts kcas_tx_opacity_ways[] = {
	{ },
	{ .flags = KCAS_TX_NOWAIT },
	{ .flags = KCAS_TX_PINNED },
	{ .flags = KCAS_TX_SLEEPABLE },
	{ .flags = KCAS_TX_NOWAIT | KCAS_TX_PINNED },
};

static const struct kcas_tx_opts *kcas_tx_opacity_way(void)
{
	if (!preemptible())
		return &kcas_tx_opacity_ways[1];
	return &kcas_tx_opacity_ways[debra_test_random(ARRAY_SIZE(kcas_tx_opacity_ways))];
}

static bool kcas_tx_opacity_sleepable(const struct kcas_tx_opts *opts)
{
	return opts->flags & KCAS_TX_SLEEPABLE;
}

/* In the middle of a body, now and then: time for others. */
static void kcas_tx_opacity_dawdle(bool sleepable)
{
	if (debra_test_random(64))
		return;
	if (sleepable)
		usleep_range(20, 40);
	else
		udelay(debra_test_random(20));
}

/**
 * struct kcas_tx_opacity_kind - how much is read, and how fresh it is
 * @name: for the report
 * @nr: how many pairs, or nodes
 * @quiet: after each change of all, the words are cleaned: most that is read is raw
 * @hasty: sections are aborted soon
 */
struct kcas_tx_opacity_kind {
	const char *name;
	unsigned int nr;
	bool quiet;
	bool hasty;
};

/* As if memory were short all the time. */
static int kcas_tx_opacity_presser_fn(void *unused)
{
	while (!kthread_should_stop()) {
		debra_pressure(&kcas_domain);
		usleep_range(1000, 2000);
	}
	return 0;
}

/**
 * struct kcas_tx_opacity_haste - sections are aborted as soon as they are in the way
 * @files: to read how many were
 * @before: so many had been
 */
struct kcas_tx_opacity_haste {
	struct debra_test_files *files;
	long before;
};

static void kcas_tx_opacity_hurry(struct kunit *test, const struct kcas_tx_opacity_kind *kind,
				  struct kcas_tx_opacity_haste *haste)
{
	haste->files = kind->hasty ? debra_test_files(test) : NULL;
	if (!kind->hasty)
		return;
	haste->before = kcas_test_tx_stat(haste->files, "neutralized");
	debra_test_set_param(test, haste->files, "guard_ms", 0);
	debra_test_set_param(test, haste->files, "interval_ms", 1);
	debra_test_thread(test, kcas_tx_opacity_presser_fn, NULL, DEBRA_TEST_ANY_CPU);
}

/* Has it come to what it was for? */
static bool kcas_tx_opacity_hurried(struct kcas_tx_opacity_haste *haste)
{
	return !haste->files || kcas_test_tx_stat(haste->files, "neutralized") > haste->before;
}

/* ---------------------------------------------------------------- pairs */

static const struct kcas_tx_opacity_kind kcas_tx_opacity_pairs[] = {
	{ "few", 4 },
	{ "few, quiet", 4, true },
	{ "many", 150 },
	{ "many, quiet", 150, true },
	{ "many, hasty", 150, false, true },
};

KUNIT_ARRAY_PARAM_DESC(kcas_tx_opacity_pair, kcas_tx_opacity_pairs, name);

/**
 * struct kcas_tx_opacity_town - pairs of words that are always the same
 * @word: two for each pair, @nr apart
 * @nr: how many pairs
 * @views: pairs that were seen
 * @torn: those of which the words were not the same
 * @commits: transactions that came to their end
 * @writes: how often a pair was changed
 * @errors: errors
 */
struct kcas_tx_opacity_town {
	struct kcas_word *word;
	unsigned int nr;
	atomic_long_t views;
	atomic_long_t torn;
	atomic_long_t commits;
	atomic_long_t writes;
	atomic_long_t errors;
};

struct kcas_tx_opacity_visit {
	struct kcas_tx_opacity_town *town;
	unsigned int first;
	unsigned int nr;
	bool backwards;
	bool sleepable;
	unsigned int views;
	unsigned int torn;
};

static int kcas_tx_opacity_look(struct kcas_tx *tx, struct kcas_tx_opacity_visit *visit,
				unsigned int i)
{
	struct kcas_word *x = &visit->town->word[i], *y = x + visit->town->nr;
	unsigned long a, b;
	int err;

	err = kcas_tx_get(tx, visit->backwards ? y : x, &a);
	kcas_tx_opacity_dawdle(visit->sleepable);
	err = err ?: kcas_tx_get(tx, visit->backwards ? x : y, &b);
	if (err)
		return err;
	visit->views++;
	visit->torn += a != b;
	return 0;
}

static int kcas_tx_opacity_visit_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_opacity_visit *visit = arg;
	unsigned int i, nr = visit->town->nr;
	int err = 0;

	for (i = 0; i < visit->nr && !err; i++)
		err = kcas_tx_opacity_look(tx, visit, (visit->first + i) % nr);
	return err;
}

/* All first words, then all second ones. */
static int kcas_tx_opacity_far_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_opacity_visit *visit = arg;
	struct kcas_tx_opacity_town *town = visit->town;
	unsigned long a, b;
	unsigned int i;
	int err = 0;

	for (i = 0; i < town->nr && !err; i++)
		err = kcas_tx_get(tx, &town->word[i], &a);
	kcas_tx_opacity_dawdle(visit->sleepable);
	for (i = 0; i < town->nr && !err; i++) {
		err = kcas_tx_get(tx, &town->word[i], &a);
		err = err ?: kcas_tx_get(tx, &town->word[town->nr + i], &b);
		if (err)
			break;
		visit->views++;
		visit->torn += a != b;
	}
	return err;
}

static int kcas_tx_opacity_add_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_opacity_visit *visit = arg;
	int err = kcas_tx_opacity_look(tx, visit, visit->first);

	err = err ?: kcas_tx_inc(tx, &visit->town->word[visit->first]);
	return err ?: kcas_tx_inc(tx, &visit->town->word[visit->town->nr + visit->first]);
}

static void kcas_tx_opacity_run(struct kcas_tx_opacity_town *town, kcas_tx_fn body,
				unsigned int nr, atomic_long_t *count)
{
	const struct kcas_tx_opts *opts = kcas_tx_opacity_way();
	struct kcas_tx_opacity_visit visit = {
		.town = town,
		.first = debra_test_random(town->nr),
		.nr = nr,
		.backwards = debra_test_random(2),
		.sleepable = kcas_tx_opacity_sleepable(opts),
	};
	int ret = kcas_tx_run(body, &visit, opts);

	if (!ret)
		atomic_long_inc(count);
	else if (ret != -ENOMEM)
		atomic_long_inc(&town->errors);
	atomic_long_add(visit.views, &town->views);
	atomic_long_add(visit.torn, &town->torn);
}

static int kcas_tx_opacity_visitor_fn(void *data)
{
	struct kcas_tx_opacity_town *town = data;

	while (!kthread_should_stop()) {
		kcas_tx_opacity_run(town, debra_test_random(2) ? kcas_tx_opacity_far_body :
				    kcas_tx_opacity_visit_body, town->nr, &town->commits);
		cond_resched();
	}
	return 0;
}

/* Both of a pair, by a transaction or by kcas(). */
static void kcas_tx_opacity_change(struct kcas_tx_opacity_town *town)
{
	struct kcas_word *x = &town->word[debra_test_random(town->nr)], *y = x + town->nr;
	unsigned long old;
	int ret;

	if (debra_test_random(2)) {
		kcas_tx_opacity_run(town, kcas_tx_opacity_add_body, 1, &town->writes);
		return;
	}
	old = kcas_read(x);
	ret = kcas2(x, old, old + kcas_int(1), y, old, old + kcas_int(1));
	if (ret == 1)
		atomic_long_inc(&town->writes);
	else if (ret && ret != -ENOMEM)
		atomic_long_inc(&town->errors);
}

/* Writers, and readers of a few pairs, in interrupts. */
static void kcas_tx_opacity_storm_fn(void *data)
{
	struct kcas_tx_opacity_town *town = data;

	if (debra_test_random(4))
		kcas_tx_opacity_change(town);
	else
		kcas_tx_opacity_run(town, kcas_tx_opacity_visit_body, min(town->nr, 6U),
				    &town->commits);
}

/* Some changes in a row, then rest. */
static int kcas_tx_opacity_quiet_fn(void *data)
{
	struct kcas_tx_opacity_town *town = data;
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < 2 * town->nr; i++)
			kcas_tx_opacity_change(town);
		kcas_barrier();
	}
	return 0;
}

static int kcas_tx_opacity_busy_fn(void *data)
{
	while (!kthread_should_stop()) {
		kcas_tx_opacity_change(data);
		debra_throttle(&kcas_domain);
		if (!debra_test_random(16))
			usleep_range(50, 100);
	}
	return 0;
}

static struct kcas_tx_opacity_town *kcas_tx_opacity_town(struct kunit *test, unsigned int nr)
{
	struct kcas_tx_opacity_town *town = kunit_kzalloc(test, sizeof(*town), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, town);
	town->nr = nr;
	town->word = kcas_test_alloc(test, 2 * nr, sizeof(*town->word));
	return town;
}

static void kcas_tx_opacity_town_verdict(struct kunit *test, struct kcas_tx_opacity_town *town)
{
	unsigned int i;

	kunit_info(test, "%ld pairs seen, %ld commits, %ld writes", atomic_long_read(&town->views),
		   atomic_long_read(&town->commits), atomic_long_read(&town->writes));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&town->errors), 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&town->torn), 0, "of %ld pairs",
			    atomic_long_read(&town->views));
	for (i = 0; i < town->nr; i++)
		KUNIT_EXPECT_EQ(test, kcas_test_value(&town->word[i]),
				kcas_test_value(&town->word[town->nr + i]));
}

/**
 * struct kcas_tx_opacity_crew - those who read and write at the same time
 * @data: what
 * @reader: reads
 * @writer: writes
 * @irq: writes in interrupts; NULL: nobody does
 * @nr: how many threads there are, of which KCAS_TX_OPACITY_READERS read
 * @task: the threads
 * @storm: the interrupts
 */
struct kcas_tx_opacity_crew {
	void *data;
	debra_test_thread_fn reader;
	debra_test_thread_fn writer;
	debra_test_fn irq;
	unsigned int nr;
	struct task_struct *task[KCAS_TX_OPACITY_READERS + KCAS_TX_OPACITY_WRITERS];
	struct debra_test_storm *storm;
};

static void kcas_tx_opacity_crew_start(struct kunit *test, struct kcas_tx_opacity_crew *crew)
{
	unsigned int i;

	kcas_test_jitter(test);
	for (i = 0; i < crew->nr; i++)
		crew->task[i] = debra_test_thread(test, i < KCAS_TX_OPACITY_READERS ?
						  crew->reader : crew->writer, crew->data,
						  DEBRA_TEST_ANY_CPU);
	if (crew->irq)
		crew->storm = debra_test_storm(test, DEBRA_TEST_STORM_ALL & ~BIT(DEBRA_TEST_TASK),
					       crew->irq, crew->data);
}

static void kcas_tx_opacity_crew_stop(struct kunit *test, struct kcas_tx_opacity_crew *crew)
{
	unsigned int i;

	if (crew->storm)
		debra_test_storm_stop(test, crew->storm);
	for (i = 0; i < crew->nr; i++)
		debra_test_thread_stop(test, crew->task[i]);
}

static void kcas_tx_opacity_pairs_hold(struct kunit *test)
{
	const struct kcas_tx_opacity_kind *kind = test->param_value;
	struct kcas_tx_opacity_town *town = kcas_tx_opacity_town(test, kind->nr);
	struct kcas_tx_opacity_crew crew = {
		.data = town,
		.reader = kcas_tx_opacity_visitor_fn,
		.writer = kind->quiet ? kcas_tx_opacity_quiet_fn : kcas_tx_opacity_busy_fn,
		.irq = kind->quiet ? NULL : kcas_tx_opacity_storm_fn,
		.nr = KCAS_TX_OPACITY_READERS + 1,
	};
	struct kcas_tx_opacity_haste haste;
	bool enough;

	kcas_tx_opacity_hurry(test, kind, &haste);
	kcas_tx_opacity_crew_start(test, &crew);
	enough = kcas_test_last(KCAS_TX_OPACITY_MS, atomic_long_read(&town->commits) > 20 &&
				atomic_long_read(&town->writes) > 100 &&
				kcas_tx_opacity_hurried(&haste));
	kcas_tx_opacity_crew_stop(test, &crew);
	KUNIT_EXPECT_TRUE(test, enough);
	kcas_tx_opacity_town_verdict(test, town);
}

/* ---------------------------------------------------------------- a tree */

static const struct kcas_tx_opacity_kind kcas_tx_opacity_trees[] = {
	{ "few", 7 },
	{ "few, quiet", 7, true },
	{ "few, hasty", 7, false, true },
	{ "many", 127 },
	{ "many, quiet", 127, true },
	{ "many, hasty", 127, false, true },
};

KUNIT_ARRAY_PARAM_DESC(kcas_tx_opacity_tree, kcas_tx_opacity_trees, name);

#define KCAS_TX_OPACITY_MAGIC	0x6b636173UL
#define KCAS_TX_OPACITY_DEAD	0x64656164UL

/**
 * struct kcas_tx_opacity_node - a node of a search tree; what is no word never changes
 * @magic: that it is one
 * @key: its key
 * @child: to the left those with smaller keys, to the right those with larger ones
 * @head: for who replaces it
 */
struct kcas_tx_opacity_node {
	unsigned long magic;
	unsigned long key;
	KCAS_PTR(struct kcas_tx_opacity_node) child[2];
	struct kcas_head head;
};

struct kcas_tx_opacity_tree {
	KCAS_PTR(struct kcas_tx_opacity_node) root;
	unsigned int nr;
	atomic_long_t walks;
	atomic_long_t commits;
	atomic_long_t torn;
	atomic_long_t dead;
	atomic_long_t rotations;
	atomic_long_t replaced;
	atomic_long_t errors;
};

/* What a node is then found to be, should it be found. */
static void kcas_tx_opacity_bury(struct kcas_head *head)
{
	struct kcas_tx_opacity_node *node =
		container_of(head, struct kcas_tx_opacity_node, head);

	WRITE_ONCE(node->magic, KCAS_TX_OPACITY_DEAD);
	WRITE_ONCE(node->key, ULONG_MAX);
	kcas_init(&node->child[0].word, kcas_int(-1) & ~7UL);
	kcas_init(&node->child[1].word, kcas_int(-1) & ~7UL);
	kfree(node);
}

/**
 * struct kcas_tx_opacity_walk - one walk through all of a tree
 * @tree: the tree
 * @stack: where to go on; the root first
 * @depth: how many there are
 * @least: no key that comes may be smaller
 * @nodes: how many were seen
 * @sleepable: the body may sleep
 * @torn: it was no tree
 * @dead: a node was used after it had been retired
 */
struct kcas_tx_opacity_walk {
	struct kcas_tx_opacity_tree *tree;
	struct kcas_tx_opacity_node **stack;
	unsigned int depth;
	unsigned long least;
	unsigned int nodes;
	bool sleepable;
	unsigned int torn;
	unsigned int dead;
};

/* Down to the left. Return: 0 or an error. */
static int kcas_tx_opacity_descend(struct kcas_tx *tx, struct kcas_tx_opacity_walk *walk,
				   struct kcas_tx_opacity_node *node)
{
	while (node) {
		if (IS_ERR(node))
			return PTR_ERR(node);
		walk->dead += READ_ONCE(node->magic) != KCAS_TX_OPACITY_MAGIC;
		if (walk->dead || walk->depth == walk->tree->nr) {
			walk->torn++;
			return -EBADE;
		}
		walk->stack[walk->depth++] = node;
		kcas_tx_opacity_dawdle(walk->sleepable);
		node = kcas_tx_get_ptr(tx, &node->child[0]);
	}
	return 0;
}

/* In the order of the keys. */
static int kcas_tx_opacity_walk_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_opacity_walk *walk = arg;
	struct kcas_tx_opacity_node *node;
	int err;

	walk->depth = 0;
	walk->least = 0;
	walk->nodes = 0;
	err = kcas_tx_opacity_descend(tx, walk, kcas_tx_get_ptr(tx, &walk->tree->root));
	while (!err && walk->depth) {
		node = walk->stack[--walk->depth];
		if (READ_ONCE(node->key) < walk->least) {
			walk->torn++;
			return -EBADE;
		}
		walk->least = READ_ONCE(node->key) + 1;
		walk->nodes++;
		err = kcas_tx_opacity_descend(tx, walk, kcas_tx_get_ptr(tx, &node->child[1]));
	}
	if (!err && walk->nodes != walk->tree->nr)
		walk->torn++;
	return err;
}

static void kcas_tx_opacity_walk(struct kcas_tx_opacity_tree *tree,
				 struct kcas_tx_opacity_node **stack)
{
	const struct kcas_tx_opts *opts = kcas_tx_opacity_way();
	struct kcas_tx_opacity_walk walk = {
		.tree = tree,
		.stack = stack,
		.sleepable = kcas_tx_opacity_sleepable(opts),
	};
	int ret = kcas_tx_run(kcas_tx_opacity_walk_body, &walk, opts);

	atomic_long_inc(&tree->walks);
	if (!ret)
		atomic_long_inc(&tree->commits);
	else if (ret != -ENOMEM)
		atomic_long_inc(&tree->errors);
	atomic_long_add(walk.torn, &tree->torn);
	atomic_long_add(walk.dead, &tree->dead);
}

static int kcas_tx_opacity_walker_fn(void *data)
{
	struct kcas_tx_opacity_tree *tree = data;
	struct kcas_tx_opacity_node **stack;

	stack = kcalloc(tree->nr, sizeof(*stack), GFP_KERNEL);
	while (stack && !kthread_should_stop()) {
		kcas_tx_opacity_walk(tree, stack);
		cond_resched();
	}
	kfree(stack);
	return stack ? 0 : -ENOMEM;
}

/**
 * struct kcas_tx_opacity_turn - one rotation
 * @tree: where
 * @key: of the node that goes down
 * @left: to which side
 * @replace: both nodes are replaced
 * @done: it was possible
 * @torn: there was no node with the key
 * @dead: a node was used after it had been retired
 */
struct kcas_tx_opacity_turn {
	struct kcas_tx_opacity_tree *tree;
	unsigned long key;
	bool left;
	bool replace;
	bool done;
	unsigned int torn;
	unsigned int dead;
};

static struct kcas_word *kcas_tx_opacity_child(struct kcas_tx_opacity_node *node, bool right)
{
	return &node->child[right].word;
}

static int kcas_tx_opacity_get(struct kcas_tx *tx, struct kcas_word *link,
			       struct kcas_tx_opacity_node **node)
{
	unsigned long value;
	int err = kcas_tx_get(tx, link, &value);

	*node = (struct kcas_tx_opacity_node *)value;
	return err;
}

/* The link to the node with a key. */
static int kcas_tx_opacity_find(struct kcas_tx *tx, struct kcas_tx_opacity_turn *turn,
				struct kcas_word **link, struct kcas_tx_opacity_node **node)
{
	unsigned int i;
	int err;

	*link = &turn->tree->root.word;
	for (i = 0; i < turn->tree->nr; i++) {
		err = kcas_tx_opacity_get(tx, *link, node);
		if (err)
			return err;
		if (!*node)
			break;
		if (READ_ONCE((*node)->magic) != KCAS_TX_OPACITY_MAGIC) {
			turn->dead++;
			return -EBADE;
		}
		if ((*node)->key == turn->key)
			return 0;
		*link = kcas_tx_opacity_child(*node, turn->key > (*node)->key);
	}
	turn->torn++;
	return -EBADE;
}

static struct kcas_tx_opacity_node *kcas_tx_opacity_copy(struct kcas_tx *tx,
							 struct kcas_tx_opacity_node *node)
{
	struct kcas_tx_opacity_node *copy = kcas_tx_alloc(tx, sizeof(*copy));

	if (IS_ERR(copy))
		return copy;
	copy->magic = KCAS_TX_OPACITY_MAGIC;
	copy->key = node->key;
	return copy;
}

/* New nodes in the place of @down and @up, already rotated; @mid goes from one to the other. */
static int kcas_tx_opacity_replace(struct kcas_tx *tx, struct kcas_tx_opacity_turn *turn,
				   struct kcas_word *link, struct kcas_tx_opacity_node *node[3])
{
	struct kcas_tx_opacity_node *down = node[0], *up = node[1], *outer[2], *new[2];
	bool left = turn->left;
	int err;

	err = kcas_tx_opacity_get(tx, kcas_tx_opacity_child(down, !left), &outer[0]);
	err = err ?: kcas_tx_opacity_get(tx, kcas_tx_opacity_child(up, left), &outer[1]);
	if (err)
		return err;
	new[0] = kcas_tx_opacity_copy(tx, down);
	new[1] = kcas_tx_opacity_copy(tx, up);
	if (IS_ERR(new[0]) || IS_ERR(new[1]))
		return PTR_ERR(IS_ERR(new[0]) ? new[0] : new[1]);
	kcas_init_ptr(&new[0]->child[!left], outer[0]);
	kcas_init_ptr(&new[0]->child[left], node[2]);
	kcas_init_ptr(&new[1]->child[left], outer[1]);
	kcas_init_ptr(&new[1]->child[!left], new[0]);
	err = kcas_tx_set(tx, link, (unsigned long)new[1]);
	err = err ?: kcas_tx_retire(tx, &down->head, kcas_tx_opacity_bury);
	return err ?: kcas_tx_free(tx, up, head);
}

/*
 * The node goes down, its child on the left (or right) comes up, and what is between
 * them changes sides.
 */
static int kcas_tx_opacity_turn_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_opacity_turn *turn = arg;
	struct kcas_tx_opacity_node *node[3];
	bool left = turn->left;
	struct kcas_word *link;
	int err;

	turn->done = false;
	err = kcas_tx_opacity_find(tx, turn, &link, &node[0]);
	if (err)
		return err;
	err = kcas_tx_opacity_get(tx, kcas_tx_opacity_child(node[0], left), &node[1]);
	if (err || !node[1])
		return err;
	err = kcas_tx_opacity_get(tx, kcas_tx_opacity_child(node[1], !left), &node[2]);
	if (err)
		return err;
	turn->done = true;
	if (turn->replace)
		return kcas_tx_opacity_replace(tx, turn, link, node);
	err = kcas_tx_set(tx, link, (unsigned long)node[1]);
	err = err ?: kcas_tx_set(tx, kcas_tx_opacity_child(node[0], left), (unsigned long)node[2]);
	return err ?: kcas_tx_set(tx, kcas_tx_opacity_child(node[1], !left),
				  (unsigned long)node[0]);
}

static void kcas_tx_opacity_turn(struct kcas_tx_opacity_tree *tree)
{
	struct kcas_tx_opacity_turn turn = {
		.tree = tree,
		.key = 1 + debra_test_random(tree->nr),
		.left = debra_test_random(2),
		.replace = debra_test_may_allocate() && debra_test_random(2),
	};
	int ret = kcas_tx_run(kcas_tx_opacity_turn_body, &turn, kcas_tx_opacity_way());

	atomic_long_add(turn.torn, &tree->torn);
	atomic_long_add(turn.dead, &tree->dead);
	if (ret && ret != -ENOMEM)
		atomic_long_inc(&tree->errors);
	if (ret || !turn.done)
		return;
	atomic_long_inc(&tree->rotations);
	if (turn.replace)
		atomic_long_inc(&tree->replaced);
}

static void kcas_tx_opacity_turn_fn(void *data)
{
	kcas_tx_opacity_turn(data);
}

static int kcas_tx_opacity_turner_fn(void *data)
{
	while (!kthread_should_stop()) {
		kcas_tx_opacity_turn(data);
		debra_throttle(&kcas_domain);
		if (!debra_test_random(8))
			usleep_range(50, 100);
	}
	return 0;
}

static int kcas_tx_opacity_calm_fn(void *data)
{
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < 8; i++)
			kcas_tx_opacity_turn(data);
		kcas_barrier();
	}
	return 0;
}

/* Nobody uses it any more. */
static void kcas_tx_opacity_fell(void *data)
{
	struct kcas_tx_opacity_tree *tree = data;
	struct kcas_tx_opacity_node *node, *next;

	if (kcas_test_settle())
		return;
	for (node = kcas_read_ptr(&tree->root); node; node = next) {
		/* What is on the left goes to the right, until there is nothing. */
		next = kcas_read_ptr(&node->child[0]);
		if (next) {
			kcas_init_ptr(&node->child[0], kcas_read_ptr(&next->child[1]));
			kcas_init_ptr(&next->child[1], node);
			continue;
		}
		next = kcas_read_ptr(&node->child[1]);
		kfree(node);
	}
	kfree(tree);
}

/* As deep as it can be: each node is the right child of the one before. */
static struct kcas_tx_opacity_tree *kcas_tx_opacity_plant(struct kunit *test, unsigned int nr)
{
	struct kcas_tx_opacity_tree *tree = kzalloc(sizeof(*tree), GFP_KERNEL);
	struct kcas_tx_opacity_node *node;

	KUNIT_ASSERT_NOT_NULL(test, tree);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kcas_tx_opacity_fell, tree));
	tree->nr = nr;
	for (; nr; nr--) {
		node = kzalloc(sizeof(*node), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, node);
		node->magic = KCAS_TX_OPACITY_MAGIC;
		node->key = nr;
		kcas_init_ptr(&node->child[1], kcas_read_ptr(&tree->root));
		kcas_init_ptr(&tree->root, node);
	}
	return tree;
}

static void kcas_tx_opacity_tree_verdict(struct kunit *test, struct kcas_tx_opacity_tree *tree)
{
	struct kcas_tx_opacity_node **stack = kunit_kcalloc(test, tree->nr, sizeof(*stack),
							    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, stack);
	kunit_info(test, "%ld walks, %ld commits, %ld rotations, %ld with new nodes",
		   atomic_long_read(&tree->walks), atomic_long_read(&tree->commits),
		   atomic_long_read(&tree->rotations), atomic_long_read(&tree->replaced));
	kcas_tx_opacity_walk(tree, stack);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&tree->errors), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&tree->torn), 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&tree->dead), 0, "nodes that had been retired");
}

static void kcas_tx_opacity_tree_holds(struct kunit *test)
{
	const struct kcas_tx_opacity_kind *kind = test->param_value;
	struct kcas_tx_opacity_tree *tree = kcas_tx_opacity_plant(test, kind->nr);
	struct kcas_tx_opacity_crew crew = {
		.data = tree,
		.reader = kcas_tx_opacity_walker_fn,
		.writer = kind->quiet ? kcas_tx_opacity_calm_fn : kcas_tx_opacity_turner_fn,
		.irq = kind->quiet ? NULL : kcas_tx_opacity_turn_fn,
		.nr = ARRAY_SIZE(crew.task),
	};
	struct kcas_tx_opacity_haste haste;
	bool enough;

	kcas_tx_opacity_hurry(test, kind, &haste);
	kcas_tx_opacity_crew_start(test, &crew);
	enough = kcas_test_last(KCAS_TX_OPACITY_MS, atomic_long_read(&tree->walks) > 20 &&
				atomic_long_read(&tree->replaced) > 10 &&
				kcas_tx_opacity_hurried(&haste));
	kcas_tx_opacity_crew_stop(test, &crew);
	KUNIT_EXPECT_TRUE(test, enough);
	kcas_tx_opacity_tree_verdict(test, tree);
}

/* ---------------------------------------------------------------- two arenas */

/**
 * struct kcas_tx_opacity_duo - operations of two contexts in the middle of a transaction
 * @t: the test, with four words
 * @cpu: where they run
 * @early: the context of the first, whose stamp the transaction gets to know
 * @late: that of the second, which changes what was read
 * @ran: so many were done
 */
struct kcas_tx_opacity_duo {
	struct kcas_tx_test *t;
	unsigned int cpu;
	enum debra_test_context early;
	enum debra_test_context late;
	unsigned int ran;
};

static void kcas_tx_opacity_early(void *data)
{
	struct kcas_tx_opacity_duo *duo = data;
	struct kcas_word *word = duo->t->word;

	duo->ran += kcas2(&word[0], kcas_int(10), kcas_int(20),
			  &word[3], kcas_int(13), kcas_int(23)) == 1;
}

static void kcas_tx_opacity_late(void *data)
{
	struct kcas_tx_opacity_duo *duo = data;
	struct kcas_word *word = duo->t->word;

	duo->ran += kcas2(&word[1], kcas_int(11), kcas_int(21),
			  &word[2], kcas_int(12), kcas_int(22)) == 1;
}

static int kcas_tx_opacity_duo_body(struct kcas_tx *tx, void *arg)
{
	struct kcas_tx_opacity_duo *duo = arg;
	struct kcas_tx_test *t = duo->t;
	bool first = !t->runs++;
	long before, known, after;
	int err;

	if (first)
		kcas_tx_check(t, debra_test_run_on(duo->cpu, duo->early, kcas_tx_opacity_early,
						   duo));
	err = kcas_tx_get_int(tx, &t->word[1], &before) ?:
	      kcas_tx_get_int(tx, &t->word[0], &known);
	if (err)
		return err;
	if (first)
		kcas_tx_check(t, debra_test_run_on(duo->cpu, duo->late, kcas_tx_opacity_late, duo));
	err = kcas_tx_get_int(tx, &t->word[2], &after);
	if (!err)
		kcas_tx_check(t, known == 20 && after == before + 1);
	return err;
}

/*
 * Two arenas of one CPU have one place in what a transaction knows. That the one has come so far
 * says nothing of the other; one of the two orders is that in which its stamp is the smaller one.
 */
static void kcas_tx_opacity_two_arenas(struct kunit *test)
{
	struct kcas_tx_opacity_duo duo = { .cpu = debra_test_cpu(num_online_cpus() - 1) };
	const unsigned int nr = DEBRA_TEST_NR_CONTEXTS;
	unsigned int i;

	kcas_tx_test_undisturbed(test);
	debra_test_use_interrupts(test);
	for (i = 0; i < nr * nr; i++) {
		duo.t = kcas_tx_test(test, 4);
		duo.t->opts.flags = KCAS_TX_SLEEPABLE;
		duo.early = i / nr;
		duo.late = i % nr;
		duo.ran = 0;
		KUNIT_EXPECT_EQ(test, kcas_tx_run(kcas_tx_opacity_duo_body, &duo, &duo.t->opts), 0);
		KUNIT_EXPECT_EQ_MSG(test, duo.ran, 2, "%s, %s", debra_test_context_name[duo.early],
				    debra_test_context_name[duo.late]);
		kcas_tx_test_verdict(duo.t);
	}
}

static struct kunit_case kcas_tx_opacity_cases[] = {
	KUNIT_CASE(kcas_tx_opacity_two_arenas),
	KUNIT_CASE_PARAM(kcas_tx_opacity_pairs_hold, kcas_tx_opacity_pair_gen_params),
	KUNIT_CASE_PARAM(kcas_tx_opacity_tree_holds, kcas_tx_opacity_tree_gen_params),
	{}
};

static struct kunit_suite kcas_tx_opacity_suite = {
	.name = "kcas_tx_opacity",
	.test_cases = kcas_tx_opacity_cases,
};

kunit_test_suite(kcas_tx_opacity_suite);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debraset: the structures by which schemes of reclamation are compared in the literature, with
 * debra, RCU and SRCU in turn.
 *
 * A set of keys is a number of ordered lists (T. Harris, "A Pragmatic Implementation of
 * Non-Blocking Linked-Lists", DISC 2001; M. Michael, "High Performance Dynamic Lock-Free
 * Hash Tables and List-Based Sets", SPAA 2002): one, "list", with keys up to @list_keys, or a
 * bucket for each second key, "hash", with keys up to @hash_keys. Half of the keys are there
 * at the beginning. Of 100 operations 50 or 5 insert and as many delete a random key, the others
 * look one up: "set-list-50", "set-list-5".
 *
 * Each subject runs for @ms in turn with the others, @runs times, in one thread and in one on
 * each CPU. A value is the elapsed time over the operations of all threads. "-memory" is by
 * how much less of the machine's memory was free at the worst moment than at the beginning. The
 * rows go to /sys/kernel/debug/debraset/results:
 *
 *	suite  case  subject  cpus  metric  value  unit
 *
 * "leak" neither protects what it reads nor frees anything while it runs; "spinlock" is what
 * one has without reclamation: a lock for each list, readers too.
 */
#include <linux/cpumask.h>
#include <linux/debra.h>
#include <linux/debra-guard.h>
#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>

static unsigned int runs = 3;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "how often each subject runs (1-15)");

static unsigned int ms = 50;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "for how long (1-10000)");

static unsigned int list_keys = 2048;
module_param(list_keys, uint, 0444);
MODULE_PARM_DESC(list_keys, "keys of a list, half of which are there (2-65536)");

static unsigned int hash_keys = 100000;
module_param(hash_keys, uint, 0444);
MODULE_PARM_DESC(hash_keys, "keys of a hash table (2-1000000)");

#define SET_MAX_RUNS	15
#define SET_MAX_THREADS	64
#define SET_BURST	32
#define SET_DELETED	1UL

struct set_node {
	unsigned long link;		/* next node, with SET_DELETED in bit 0 */
	unsigned long key;
	union {
		struct rcu_head rcu;
		struct debra_head debra;
		struct llist_node leaked;
	};
};

struct set_list {
	unsigned long head;
	spinlock_t lock;	/* of it all, if that is what protects it */
};

struct set {
	struct set_list *list;
	unsigned int nr;
};

/* A place in a list: *prev pointed to cur, which is the first with key >= the one wanted. */
struct set_place {
	unsigned long *prev;
	struct set_node *cur;
	unsigned long next;
};

static DEFINE_DEBRA_DOMAIN(debraset);
DEFINE_STATIC_SRCU(set_srcu);
static LLIST_HEAD(set_leaked);
static struct dentry *set_dir;

/* ---------------------------------------------------------------- protection */

enum set_how {
	SET_LEAK,
	SET_SPINLOCK,
	SET_RCU,
	SET_SRCU,
	SET_PIN,
	SET_GUARD,
	SET_NR_HOW
};

static const char * const set_names[] = {
	[SET_LEAK] = "leak",
	[SET_SPINLOCK] = "spinlock",
	[SET_RCU] = "rcu",
	[SET_SRCU] = "srcu",
	[SET_PIN] = "debra-pin",
	[SET_GUARD] = "debra-guard",
};

static_assert(ARRAY_SIZE(set_names) == SET_NR_HOW);

struct set_section {
	struct debra_guard guard;
	spinlock_t *lock;	/* held */
	int idx;
};

/* All that depends on @how is known where these are called. */
static __always_inline void set_enter(enum set_how how, struct set_section *s, spinlock_t *lock)
{
	switch (how) {
	case SET_SPINLOCK:
		s->lock = lock;
		spin_lock(lock);
		break;
	case SET_RCU:
		rcu_read_lock();
		break;
	case SET_SRCU:
		s->idx = srcu_read_lock(&set_srcu);
		break;
	case SET_PIN:
		debra_pin(&debraset);
		break;
	case SET_GUARD:
		debra_guard_enter(&debraset, &s->guard);
		break;
	default:
		break;
	}
}

static __always_inline void set_exit(enum set_how how, struct set_section *s)
{
	switch (how) {
	case SET_SPINLOCK:
		spin_unlock(s->lock);
		break;
	case SET_RCU:
		rcu_read_unlock();
		break;
	case SET_SRCU:
		srcu_read_unlock(&set_srcu, s->idx);
		break;
	case SET_PIN:
		debra_unpin(&debraset);
		break;
	case SET_GUARD:
		debra_guard_exit(&s->guard);
		break;
	default:
		break;
	}
}

/* A node is about to be used. Return: false if the section has to begin again. */
static __always_inline bool set_protect(enum set_how how, struct set_section *s,
					unsigned int slot, struct set_node *node)
{
	return how != SET_GUARD || debra_guard_protect(&s->guard, slot, node);
}

static __always_inline void set_restart(enum set_how how, struct set_section *s)
{
	if (how == SET_GUARD && debra_guard_aborted(&s->guard))
		debra_guard_restart(&s->guard);
}

static void set_srcu_free(struct rcu_head *head)
{
	kfree(container_of(head, struct set_node, rcu));
}

static __always_inline void set_retire(enum set_how how, struct set_node *node)
{
	switch (how) {
	case SET_LEAK:
		llist_add(&node->leaked, &set_leaked);
		break;
	case SET_SPINLOCK:
		kfree(node);
		break;
	case SET_RCU:
		kfree_rcu(node, rcu);
		break;
	case SET_SRCU:
		call_srcu(&set_srcu, &node->rcu, set_srcu_free);
		break;
	default:
		debra_kfree(&debraset, node, debra);
		break;
	}
}

static void set_settle(enum set_how how)
{
	struct set_node *node, *next;

	switch (how) {
	case SET_LEAK:
		llist_for_each_entry_safe(node, next, llist_del_all(&set_leaked), leaked)
			kfree(node);
		break;
	case SET_RCU:
		rcu_barrier();
		break;
	case SET_SRCU:
		srcu_barrier(&set_srcu);
		break;
	default:
		debra_barrier(&debraset);
		break;
	}
}

/* ---------------------------------------------------------------- the set */

static struct set_node *set_node_of(unsigned long link)
{
	return (struct set_node *)(link & ~SET_DELETED);
}

static struct set_list *set_list_of(const struct set *set, unsigned long key)
{
	return &set->list[key % set->nr];
}

/*
 * One walk to the first node with a key not below @key, taking out deleted ones. What is at
 * p->prev and at p->cur stays in a slot each. Return: false to begin again.
 */
static __always_inline bool set_try_find(enum set_how how, struct set_section *s,
					 struct set_list *list, unsigned long key,
					 struct set_place *p)
{
	unsigned long expected;
	unsigned int slot = 0;

	p->prev = &list->head;
	for (p->cur = set_node_of(READ_ONCE(*p->prev)); p->cur; p->cur = set_node_of(p->next)) {
		if (!set_protect(how, s, slot, p->cur))
			return false;
		p->next = READ_ONCE(p->cur->link);
		expected = (unsigned long)p->cur;
		if (p->next & SET_DELETED) {
			/* Full barrier: unlinked before it is retired. */
			if (cmpxchg(p->prev, expected, p->next & ~SET_DELETED) != expected)
				return false;
			set_retire(how, p->cur);
			continue;
		}
		if (READ_ONCE(*p->prev) != expected)
			return false;
		if (p->cur->key >= key)
			return true;
		p->prev = &p->cur->link;
		slot = !slot;
	}
	return true;
}

static __always_inline bool set_find(enum set_how how, struct set_section *s,
				     struct set_list *list, unsigned long key,
				     struct set_place *p)
{
	while (!set_try_find(how, s, list, key, p))
		set_restart(how, s);
	return p->cur && p->cur->key == key;
}

static __always_inline bool set_insert(enum set_how how, const struct set *set,
				       unsigned long key)
{
	struct set_node *node = kmalloc(sizeof(*node), GFP_KERNEL);
	struct set_list *list = set_list_of(set, key);
	struct set_section s;
	struct set_place p;
	bool linked = false;

	if (!node)
		return false;
	node->key = key;
	set_enter(how, &s, &list->lock);
	while (!linked && !set_find(how, &s, list, key, &p)) {
		node->link = (unsigned long)p.cur;
		/* Release half: the node before its address. */
		linked = cmpxchg(p.prev, (unsigned long)p.cur, (unsigned long)node) ==
			 (unsigned long)p.cur;
	}
	set_exit(how, &s);
	if (!linked)
		kfree(node);	/* nobody has seen it */
	return linked;
}

static __always_inline bool set_delete(enum set_how how, const struct set *set,
				       unsigned long key)
{
	struct set_list *list = set_list_of(set, key);
	struct set_section s;
	struct set_place p;
	bool deleted = false;

	set_enter(how, &s, &list->lock);
	while (!deleted && set_find(how, &s, list, key, &p))
		deleted = cmpxchg(&p.cur->link, p.next, p.next | SET_DELETED) == p.next;
	if (deleted) {
		if (cmpxchg(p.prev, (unsigned long)p.cur, p.next) == (unsigned long)p.cur)
			set_retire(how, p.cur);
		else
			set_find(how, &s, list, key, &p);	/* takes it out, if nobody did */
	}
	set_exit(how, &s);
	return deleted;
}

/* Walks over deleted nodes, too. Return: -1 to begin again. */
static __always_inline int set_try_lookup(enum set_how how, struct set_section *s,
					  struct set_list *list, unsigned long key)
{
	struct set_node *node;
	unsigned int slot = 0;
	unsigned long link;

	for (link = READ_ONCE(list->head); (node = set_node_of(link));
	     link = READ_ONCE(node->link)) {
		if (!set_protect(how, s, slot, node))
			return -1;
		slot = !slot;
		if (node->key >= key)
			return node->key == key && !(READ_ONCE(node->link) & SET_DELETED);
	}
	return 0;
}

static __always_inline bool set_lookup(enum set_how how, const struct set *set,
				       unsigned long key)
{
	struct set_list *list = set_list_of(set, key);
	struct set_section s;
	int found;

	set_enter(how, &s, &list->lock);
	while ((found = set_try_lookup(how, &s, list, key)) < 0)
		set_restart(how, &s);
	set_exit(how, &s);
	return found;
}

static void set_destroy(struct set *set)
{
	struct set_node *node, *next;
	unsigned int i;

	for (i = 0; set->list && i < set->nr; i++)
		for (node = set_node_of(set->list[i].head); node; node = next) {
			next = set_node_of(node->link);
			kfree(node);
		}
	kvfree(set->list);
	set->list = NULL;
}

/* Every second key, the largest first, so that each comes to the head of its list. */
static int set_create(struct set *set, unsigned int nr, unsigned long keys)
{
	struct set_node *node;
	struct set_list *list;
	unsigned long key;
	unsigned int i;

	set->nr = nr;
	set->list = kvcalloc(nr, sizeof(*set->list), GFP_KERNEL);
	if (!set->list)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		spin_lock_init(&set->list[i].lock);
	for (key = keys & ~1UL; key; key -= 2) {
		node = kmalloc(sizeof(*node), GFP_KERNEL);
		if (!node) {
			set_destroy(set);
			return -ENOMEM;
		}
		list = set_list_of(set, key);
		node->key = key;
		node->link = list->head;
		list->head = (unsigned long)node;
	}
	return 0;
}

/* ---------------------------------------------------------------- a thread */

struct set_thread {
	struct task_struct *task;
	const struct set *set;
	enum set_how how;
	unsigned long keys;
	unsigned int updates;	/* of 100 operations half as many insert, as many delete */
	u64 random;
	unsigned long done;
	long added;		/* keys inserted less those deleted */
};

static bool set_go, set_stop;
static atomic_t set_missing;	/* threads that are not ready, or not done */

static u32 set_random(struct set_thread *t)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return t->random >> 32;
}

static __always_inline void set_operation(enum set_how how, struct set_thread *t)
{
	unsigned int dice = set_random(t) % 200;
	unsigned long key = 1 + set_random(t) % t->keys;

	if (dice < t->updates)
		t->added += set_insert(how, t->set, key);
	else if (dice < 2 * t->updates)
		t->added -= set_delete(how, t->set, key);
	else
		set_lookup(how, t->set, key);
}

/* A copy of everything for each, as in code that knows how. */
#define SET_BURST_OF(name, how)						\
static noinline void set_burst_##name(struct set_thread *t)		\
{									\
	unsigned int i;							\
									\
	for (i = 0; i < SET_BURST; i++)					\
		set_operation(how, t);					\
}

SET_BURST_OF(leak, SET_LEAK)
SET_BURST_OF(spinlock, SET_SPINLOCK)
SET_BURST_OF(rcu, SET_RCU)
SET_BURST_OF(srcu, SET_SRCU)
SET_BURST_OF(pin, SET_PIN)
SET_BURST_OF(guard, SET_GUARD)

static void (*const set_bursts[])(struct set_thread *t) = {
	[SET_LEAK] = set_burst_leak,
	[SET_SPINLOCK] = set_burst_spinlock,
	[SET_RCU] = set_burst_rcu,
	[SET_SRCU] = set_burst_srcu,
	[SET_PIN] = set_burst_pin,
	[SET_GUARD] = set_burst_guard,
};

static_assert(ARRAY_SIZE(set_bursts) == SET_NR_HOW);

/* So that another thread may run here: see scale_breathe() in kcasscale. */
static void set_breathe(void)
{
	preempt_disable();
	preempt_enable();
	cond_resched();
}

static int set_thread_fn(void *data)
{
	struct set_thread *t = data;

	atomic_dec(&set_missing);
	while (!READ_ONCE(set_go))
		set_breathe();
	while (!READ_ONCE(set_stop)) {
		set_bursts[t->how](t);
		t->done += SET_BURST;
		set_breathe();
	}
	atomic_dec(&set_missing);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* ---------------------------------------------------------------- a run */

/**
 * struct set_case - a structure and a mix
 * @name: its name
 * @hash: many lists, not one
 * @updates: of 100 operations so many insert, and as many delete
 */
struct set_case {
	const char *name;
	bool hash;
	unsigned int updates;
};

static const struct set_case set_cases[] = {
	{ "set-list-50", false, 50 },
	{ "set-list-5", false, 5 },
	{ "set-hash-50", true, 50 },
	{ "set-hash-5", true, 5 },
};

struct set_result {
	u64 ps;		/* for one operation */
	u64 memory;	/* KiB */
};

static struct set_result set_results[ARRAY_SIZE(set_cases)][2][SET_NR_HOW][SET_MAX_RUNS];
static struct set_thread set_threads[SET_MAX_THREADS];
static unsigned int set_nr_threads;
static u64 set_debra_ns;	/* that subjects of debra have taken */

static u64 set_free_kib(void)
{
	struct sysinfo info;

	si_meminfo(&info);
	return (u64)info.freeram << (PAGE_SHIFT - 10);
}

static void set_wait(void)
{
	while (atomic_read(&set_missing))
		schedule_timeout_uninterruptible(1);
}

static int set_thread_start(struct set_thread *t, unsigned int cpu)
{
	t->task = kthread_create(set_thread_fn, t, "debraset/%u", cpu);
	if (IS_ERR(t->task))
		return PTR_ERR(t->task);
	kthread_bind(t->task, cpu);
	get_task_struct(t->task);
	wake_up_process(t->task);
	return 0;
}

static int set_threads_start(const struct set_case *c, enum set_how how, const struct set *set,
			     unsigned int nr)
{
	unsigned int cpu = cpumask_last(cpu_online_mask), i;
	int err;

	set_go = false;
	set_stop = false;
	for (i = 0; i < nr; i++) {
		set_threads[i] = (struct set_thread){
			.set = set, .how = how, .updates = c->updates,
			.keys = c->hash ? hash_keys : list_keys,
			.random = 0x9e3779b97f4a7c15ULL * (i + 1),
		};
		atomic_inc(&set_missing);
		err = set_thread_start(&set_threads[i], cpu);
		if (err)
			return err;
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	}
	set_wait();
	return 0;
}

static void set_threads_stop(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr && !IS_ERR_OR_NULL(set_threads[i].task); i++) {
		kthread_stop(set_threads[i].task);
		put_task_struct(set_threads[i].task);
	}
}

/* Return: by how many KiB there was less at the worst of these moments. */
static u64 set_watch(u64 before, u64 end)
{
	u64 free, worst = before;

	do {
		schedule_timeout_uninterruptible(1);
		free = set_free_kib();
		worst = min(worst, free);
	} while (ktime_get_ns() < end);
	return before - worst;
}

/* What was inserted and not deleted must be there. */
static int set_check(const struct set *set, unsigned int nr, unsigned long keys)
{
	unsigned long there = 0, expected = keys / 2;
	struct set_node *node;
	unsigned int i;

	for (i = 0; i < nr; i++)
		expected += set_threads[i].added;
	for (i = 0; i < set->nr; i++)
		for (node = set_node_of(set->list[i].head); node; node = set_node_of(node->link))
			there += !(node->link & SET_DELETED);
	if (there == expected)
		return 0;
	pr_err("debraset: %lu keys where there should be %lu\n", there, expected);
	return -EIO;
}

static int set_measure(const struct set_case *c, enum set_how how, const struct set *set,
		       unsigned int nr, struct set_result *result)
{
	u64 start, ns, done = 0, before = set_free_kib();
	unsigned int i;
	int err;

	err = set_threads_start(c, how, set, nr);
	if (err) {
		set_go = true;
		set_stop = true;
		set_threads_stop(nr);
		return err;
	}
	atomic_set(&set_missing, nr);
	start = ktime_get_ns();
	WRITE_ONCE(set_go, true);
	result->memory = set_watch(before, start + ms * NSEC_PER_MSEC);
	WRITE_ONCE(set_stop, true);
	set_wait();
	ns = ktime_get_ns() - start;
	set_threads_stop(nr);
	for (i = 0; i < nr; i++)
		done += set_threads[i].done;
	result->ps = div64_u64(ns * 1000, max(done, 1ULL));
	if (how == SET_PIN || how == SET_GUARD)
		set_debra_ns += ns;
	return 0;
}

static int set_run(const struct set_case *c, enum set_how how, unsigned int nr,
		   struct set_result *result)
{
	unsigned long keys = c->hash ? hash_keys : list_keys;
	struct set set;
	int err = set_create(&set, c->hash ? keys / 2 : 1, keys);

	if (err)
		return err;
	err = set_measure(c, how, &set, nr, result);
	set_settle(how);
	if (!err)
		err = set_check(&set, nr, keys);
	set_destroy(&set);
	return err;
}

/* Return: 0 as long as all is well. */
static int set_run_case(unsigned int i, unsigned int many, unsigned int run)
{
	unsigned int nr = many ? set_nr_threads : 1;
	enum set_how how;
	int err = 0;

	if (many && set_nr_threads == 1)
		return 0;
	for (how = 0; how < SET_NR_HOW && !err; how++)
		err = set_run(&set_cases[i], how, nr, &set_results[i][many][how][run]);
	return err;
}

static int set_run_all(void)
{
	unsigned int run, i, many;
	int err = 0;

	for (run = 0; run < runs && !err; run++)
		for (i = 0; i < ARRAY_SIZE(set_cases) && !err; i++)
			for (many = 0; many < 2 && !err; many++)
				err = set_run_case(i, many, run);
	return err;
}

/* ---------------------------------------------------------------- results */

static int set_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void set_row(struct seq_file *m, const char *what, unsigned int cpus, const char *metric,
		    u64 ps, const char *unit)
{
	u64 whole = div_u64(ps, 1000);

	seq_printf(m, "debra\t%s\t%u\t%s\t%llu.%03llu\t%s\n", what, cpus, metric, whole,
		   ps - whole * 1000, unit);
}

static void set_rows(struct seq_file *m, const char *what, unsigned int cpus, u64 *value,
		     const char *unit)
{
	sort(value, runs, sizeof(*value), set_cmp, NULL);
	set_row(m, what, cpus, "min", value[0], unit);
	set_row(m, what, cpus, "median", value[runs / 2], unit);
	set_row(m, what, cpus, "max", value[runs - 1], unit);
}

static void set_result_rows(struct seq_file *m, const struct set_case *c, enum set_how how,
			    unsigned int cpus, const struct set_result *result)
{
	u64 ps[SET_MAX_RUNS], memory[SET_MAX_RUNS];
	char what[64];
	unsigned int i;

	for (i = 0; i < runs; i++) {
		ps[i] = result[i].ps;
		memory[i] = result[i].memory * 1000;
	}
	snprintf(what, sizeof(what), "%s\t%s", c->name, set_names[how]);
	set_rows(m, what, cpus, ps, "ns");
	snprintf(what, sizeof(what), "%s-memory\t%s", c->name, set_names[how]);
	set_rows(m, what, cpus, memory, "KiB");
}

static int results_show(struct seq_file *m, void *v)
{
	unsigned int i, many, how;

	seq_puts(m, "suite\tcase\tsubject\tcpus\tmetric\tvalue\tunit\n");
	for (i = 0; i < ARRAY_SIZE(set_cases); i++)
		for (many = 0; many < (set_nr_threads > 1 ? 2 : 1); many++)
			for (how = 0; how < SET_NR_HOW; how++)
				set_result_rows(m, &set_cases[i], how, many ? set_nr_threads : 1,
						set_results[i][many][how]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static bool set_parameters_are_good(void)
{
	return runs && runs <= SET_MAX_RUNS && ms && ms <= 10000 &&
	       list_keys >= 2 && list_keys <= 65536 && hash_keys >= 2 && hash_keys <= 1000000;
}

static int __init set_init(void)
{
	int err;

	if (!set_parameters_are_good()) {
		pr_err("debraset: runs is 1 to %d, ms 1 to 10000, list_keys 2 to 65536, hash_keys 2 to 1000000\n",
		       SET_MAX_RUNS);
		return -EINVAL;
	}
	set_nr_threads = min_t(unsigned int, num_online_cpus(), SET_MAX_THREADS);
	err = debra_domain_register(&debraset);
	if (err)
		return err;
	err = set_run_all();
	if (err) {
		debra_domain_unregister(&debraset);
		return err;
	}
	set_dir = debugfs_create_dir("debraset", NULL);
	debugfs_create_file("results", 0444, set_dir, NULL, &results_fops);
	debugfs_create_u64("debra_ns", 0444, set_dir, &set_debra_ns);
	return 0;
}
module_init(set_init);

static void __exit set_exit_module(void)
{
	debugfs_remove_recursive(set_dir);
	if (debra_domain_unregister(&debraset))
		pr_err("debraset: domain still in use\n");
}
module_exit(set_exit_module);

MODULE_DESCRIPTION("Sets of keys under debra, RCU and SRCU");
MODULE_LICENSE("GPL");

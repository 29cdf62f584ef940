// SPDX-License-Identifier: GPL-2.0-only
/*
 * debrascale: what debra costs, beside its peers on the same work, in the manner
 * of refscale and rcuscale.
 *
 * Each subject runs in a kthread of the last CPU, or in one of each CPU at the same time, in
 * turn with the others, @runs times; the rows go to /sys/kernel/debug/debrascale/results:
 *
 *	suite  case  subject  cpus  metric  value  unit
 *
 * Under "qemu -icount shift=0" a nanosecond is an instruction and rows are exact.
 *
 * "reader" is one empty section. "list-N" is one that walks over N nodes; with "refcount"
 * each of them is held while it is looked at. "update" is kmalloc() plus retirement,
 * freeing included: the clock stops when all of it has been given back, less the time
 * that the CPU was idle meanwhile (waiting for a grace period is not work). "leak" only
 * allocates, and "kfree" frees at once: the bounds.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debra.h>
#include <linux/debra-guard.h>
#include <linux/debugfs.h>
#include <linux/kernel_stat.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/tick.h>

static unsigned int runs = 5;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "how often each subject runs (1-15)");

static unsigned int reader_loops = 100000;
module_param(reader_loops, uint, 0444);
MODULE_PARM_DESC(reader_loops, "sections in a run of a reader subject");

static unsigned int update_loops = 400000;
module_param(update_loops, uint, 0444);
MODULE_PARM_DESC(update_loops, "objects in a run of an update subject");

#define SCALE_MAX_RUNS	15

struct scale_object {
	unsigned long payload[4];
	union {
		struct rcu_head rcu;
		struct debra_head debra;
	};
};

/**
 * struct scale_subject - what is measured
 * @suite: the case that it belongs to
 * @name: its own
 * @loop: what to do so often
 * @finish: what to wait for before the clock stops
 * @after: what to do when it has stopped
 * @per: of how many loops one is counted
 * @all: on all CPUs at the same time
 * @ps: what came out, picoseconds for one
 */
struct scale_subject {
	const char *suite;
	const char *name;
	void (*loop)(unsigned int loops);
	void (*finish)(void);
	void (*after)(void);
	unsigned int per;
	bool all;
	u64 ps[SCALE_MAX_RUNS];
};

static DEFINE_DEBRA_DOMAIN(debrascale);
DEFINE_STATIC_SRCU(scale_srcu);
static struct dentry *scale_dir;
static unsigned long scale_peak;

#define SCALE_LOOP(name, stmt)				\
static void name(unsigned int loops)			\
{							\
	while (loops--) {				\
		stmt;					\
		barrier();				\
	}						\
}

static inline void scale_srcu_section(void)
{
	int idx = srcu_read_lock(&scale_srcu);

	barrier();
	srcu_read_unlock(&scale_srcu, idx);
}

#ifdef DEFINE_STATIC_SRCU_FAST
DEFINE_STATIC_SRCU_FAST(scale_srcu_fast);

static inline void scale_srcu_fast_section(void)
{
	struct srcu_ctr __percpu *ctr = srcu_read_lock_fast(&scale_srcu_fast);

	barrier();
	srcu_read_unlock_fast(&scale_srcu_fast, ctr);
}

SCALE_LOOP(loop_srcu_fast, scale_srcu_fast_section())
#endif

static refcount_t scale_ref = REFCOUNT_INIT(1);
static DEFINE_RWLOCK(scale_rwlock);

static inline void scale_refcount_section(void)
{
	if (refcount_inc_not_zero(&scale_ref)) {
		barrier();
		refcount_dec(&scale_ref);
	}
}

SCALE_LOOP(loop_refcount, scale_refcount_section())
SCALE_LOOP(loop_rwlock, read_lock(&scale_rwlock); barrier(); read_unlock(&scale_rwlock))
SCALE_LOOP(loop_empty, barrier())
SCALE_LOOP(loop_preempt, preempt_disable(); barrier(); preempt_enable())
SCALE_LOOP(loop_rcu, rcu_read_lock(); barrier(); rcu_read_unlock())
SCALE_LOOP(loop_srcu, scale_srcu_section())
SCALE_LOOP(loop_debra, debra_pin(&debrascale); barrier(); debra_unpin(&debrascale))

static void scale_guard_section(void)
{
	DEFINE_DEBRA_GUARD(g);

	debra_guard_enter(&debrascale, &g);
	barrier();
	debra_guard_exit(&g);
}

static void scale_guard_sleepable_section(void)
{
	DEFINE_DEBRA_GUARD(g);

	debra_guard_enter_sleepable(&debrascale, &g);
	barrier();
	debra_guard_exit(&g);
}

SCALE_LOOP(loop_guard, scale_guard_section())
SCALE_LOOP(loop_guard_sleepable, scale_guard_sleepable_section())

/* Around a ring of nodes, two hops in a loop, in one section. */
#define SCALE_RING	64

struct scale_node {
	struct scale_node *next;
};

static struct scale_node scale_ring[SCALE_RING];

static void scale_ring_init(void)
{
	unsigned int i;

	for (i = 0; i < SCALE_RING; i++)
		scale_ring[i].next = &scale_ring[(i + 1) % SCALE_RING];
}

static void hop_rcu(unsigned int loops)
{
	struct scale_node *node = scale_ring;

	rcu_read_lock();
	for (; loops >= 2; loops -= 2) {
		node = rcu_dereference_raw(node->next);
		node = rcu_dereference_raw(node->next);
	}
	rcu_read_unlock();
	OPTIMIZER_HIDE_VAR(node);
}

static void hop_guard(unsigned int loops)
{
	struct scale_node *node = scale_ring;
	struct debra_guard_rec *rec;
	DEFINE_DEBRA_GUARD(g);

	debra_guard_enter(&debrascale, &g);
	rec = g.rec;
	for (; loops >= 2; loops -= 2) {
		if (!debra_hop(rec, 0, node, node->next) ||
		    !debra_hop(rec, 1, node, node->next)) {
			debra_guard_restart(&g);
			node = scale_ring;
		}
	}
	debra_guard_exit(&g);
	OPTIMIZER_HIDE_VAR(node);
}

/* ---------------------------------------------------------------- lists */

struct scale_item {
	struct scale_item *next;
	refcount_t ref;
} ____cacheline_aligned;

#define SCALE_ITEMS	1000

/* The last 10 and the last 100 of them are lists, too. */
static struct scale_item scale_items[SCALE_ITEMS];

static void scale_items_init(void)
{
	unsigned int i;

	for (i = 0; i < SCALE_ITEMS; i++) {
		scale_items[i].next = i + 1 < SCALE_ITEMS ? &scale_items[i + 1] : NULL;
		refcount_set(&scale_items[i].ref, 1);
	}
}

static __always_inline void scale_walk(struct scale_item *item)
{
	while (item)
		item = rcu_dereference_raw(item->next);
	OPTIMIZER_HIDE_VAR(item);
}

static __always_inline void walk_plain(struct scale_item *first)
{
	scale_walk(first);
}

static __always_inline void walk_rcu(struct scale_item *first)
{
	rcu_read_lock();
	scale_walk(first);
	rcu_read_unlock();
}

static __always_inline void walk_srcu(struct scale_item *first)
{
	int idx = srcu_read_lock(&scale_srcu);

	scale_walk(first);
	srcu_read_unlock(&scale_srcu, idx);
}

static __always_inline void walk_debra(struct scale_item *first)
{
	debra_pin(&debrascale);
	scale_walk(first);
	debra_unpin(&debrascale);
}

static __always_inline void walk_rwlock(struct scale_item *first)
{
	read_lock(&scale_rwlock);
	scale_walk(first);
	read_unlock(&scale_rwlock);
}

/* Hand over hand. */
static __always_inline void walk_refcount(struct scale_item *first)
{
	struct scale_item *item = first, *next;

	refcount_inc(&item->ref);
	while (item) {
		next = READ_ONCE(item->next);
		if (next)
			refcount_inc(&next->ref);
		refcount_dec(&item->ref);
		item = next;
	}
}

static __always_inline void walk_guard(struct scale_item *first)
{
	struct scale_item *item = first;
	struct debra_guard_rec *rec;
	DEFINE_DEBRA_GUARD(g);

	debra_guard_enter(&debrascale, &g);
	rec = g.rec;
	while (item) {
		if (!debra_hop(rec, 0, item, item->next)) {
			debra_guard_restart(&g);
			item = first;
			continue;
		}
		if (!item)
			break;
		if (!debra_hop(rec, 1, item, item->next)) {
			debra_guard_restart(&g);
			item = first;
		}
	}
	debra_guard_exit(&g);
}

#define SCALE_WALK(name, nr)						\
static void name##_##nr(unsigned int loops)				\
{									\
	for (loops /= (nr); loops--;)					\
		name(&scale_items[SCALE_ITEMS - (nr)]);			\
}

#define SCALE_WALKS(name)	\
	SCALE_WALK(name, 10) SCALE_WALK(name, 100) SCALE_WALK(name, 1000)

SCALE_WALKS(walk_plain)
SCALE_WALKS(walk_rcu)
SCALE_WALKS(walk_srcu)
SCALE_WALKS(walk_debra)
SCALE_WALKS(walk_guard)
SCALE_WALKS(walk_refcount)
SCALE_WALKS(walk_rwlock)

/* ---------------------------------------------------------------- updates */

static struct scale_object *scale_alloc(void)
{
	struct scale_object *object = kmalloc(sizeof(*object), GFP_KERNEL | __GFP_NOFAIL);

	WRITE_ONCE(object->payload[0], (unsigned long)object);
	return object;
}

#define SCALE_UPDATE(name, retire)			\
static void name(unsigned int loops)			\
{							\
	struct scale_object *object;			\
							\
	while (loops--) {				\
		object = scale_alloc();			\
		retire;					\
		if (!(loops % 64))			\
			cond_resched();			\
	}						\
}

static void scale_rcu_free(struct rcu_head *head)
{
	kfree(container_of(head, struct scale_object, rcu));
}

static void scale_debra_free(struct debra_head *head)
{
	kfree(container_of(head, struct scale_object, debra));
}

static struct scale_object *scale_leaked;

static void scale_leak(struct scale_object *object)
{
	WRITE_ONCE(object->payload[1], (unsigned long)scale_leaked);
	scale_leaked = object;
}

static void after_leak(void)
{
	struct scale_object *object;

	while ((object = scale_leaked)) {
		scale_leaked = (struct scale_object *)object->payload[1];
		kfree(object);
	}
}

static DEFINE_DEBRA_TYPE(scale_type, struct scale_object, debra, scale_debra_free);

SCALE_UPDATE(update_leak, scale_leak(object))
SCALE_UPDATE(update_kfree, kfree(object))
SCALE_UPDATE(update_debra_retire, debra_retire(&debrascale, &object->debra, &scale_type))
SCALE_UPDATE(update_kfree_rcu, kfree_rcu(object, rcu))
SCALE_UPDATE(update_call_rcu, call_rcu(&object->rcu, scale_rcu_free))
SCALE_UPDATE(update_call_srcu, call_srcu(&scale_srcu, &object->rcu, scale_rcu_free))
SCALE_UPDATE(update_debra_kfree, debra_kfree(&debrascale, object, debra))
SCALE_UPDATE(update_debra_call, debra_call(&debrascale, &object->debra, scale_debra_free))

static void finish_rcu(void)
{
	rcu_barrier();
}

static void finish_srcu(void)
{
	srcu_barrier(&scale_srcu);
}

static void finish_debra(void)
{
	scale_peak = max(scale_peak, debra_garbage(&debrascale));
	debra_barrier(&debrascale);
}

#define SCALE_LIST(walk, name)					\
	{ "list-10", name, walk##_10, .per = 10 },		\
	{ "list-100", name, walk##_100, .per = 100 },		\
	{ "list-1000", name, walk##_1000, .per = 1000 }

static struct scale_subject scale_subjects[] = {
	{ "reader", "empty-loop", loop_empty },
	{ "reader", "preempt", loop_preempt },
	{ "reader", "rcu", loop_rcu },
	{ "reader", "srcu", loop_srcu },
#ifdef DEFINE_STATIC_SRCU_FAST
	{ "reader", "srcu-fast", loop_srcu_fast },
#endif
	{ "reader", "refcount", loop_refcount },
	{ "reader", "rwlock", loop_rwlock },
	{ "reader", "debra", loop_debra },
	{ "reader", "guard", loop_guard },
	{ "reader", "guard-sleepable", loop_guard_sleepable },
	{ "readers", "rcu", loop_rcu, .all = true },
	{ "readers", "srcu", loop_srcu, .all = true },
	{ "readers", "refcount", loop_refcount, .all = true },
	{ "readers", "rwlock", loop_rwlock, .all = true },
	{ "readers", "debra", loop_debra, .all = true },
	{ "readers", "guard", loop_guard, .all = true },
	{ "hop", "rcu", hop_rcu },
	{ "hop", "guard", hop_guard },
	SCALE_LIST(walk_plain, "none"),
	SCALE_LIST(walk_rcu, "rcu"),
	SCALE_LIST(walk_srcu, "srcu"),
	SCALE_LIST(walk_debra, "debra"),
	SCALE_LIST(walk_guard, "guard"),
	SCALE_LIST(walk_refcount, "refcount"),
	SCALE_LIST(walk_rwlock, "rwlock"),
	{ "update", "leak", update_leak, .after = after_leak },
	{ "update", "kfree", update_kfree },
	{ "update", "kfree_rcu", update_kfree_rcu, finish_rcu },
	{ "update", "call_rcu", update_call_rcu, finish_rcu },
	{ "update", "call_srcu", update_call_srcu, finish_srcu },
	{ "update", "debra_kfree", update_debra_kfree, finish_debra },
	{ "update", "debra_call", update_debra_call, finish_debra },
	{ "update", "debra_retire", update_debra_retire, finish_debra },
};

static u64 scale_idle_ns(void)
{
	u64 idle = get_cpu_idle_time_us(smp_processor_id(), NULL);

	return idle == -1ULL ? 0 : idle * NSEC_PER_USEC;
}

/* ---------------------------------------------------------------- a run */

struct scale_thread {
	struct scale_subject *subject;
	struct task_struct *task;
	u64 ps;
};

static atomic_t scale_missing;	/* threads that are not ready, or not done */
static bool scale_go;

static u64 scale_run_once(struct scale_subject *s)
{
	unsigned int loops = strcmp(s->suite, "update") ? reader_loops : update_loops;
	u64 start, idle, ns;

	idle = scale_idle_ns();
	start = ktime_get_ns();
	s->loop(loops);
	if (s->finish)
		s->finish();
	ns = ktime_get_ns() - start;
	idle = scale_idle_ns() - idle;
	if (s->after)
		s->after();
	return div_u64((ns - min(idle, ns)) * 1000, loops) * (s->per ?: 1);
}

/* So that another thread may run here: see scale_breathe() in kcasscale. */
static int scale_thread_fn(void *data)
{
	struct scale_thread *t = data;

	atomic_dec(&scale_missing);
	while (!READ_ONCE(scale_go)) {
		preempt_disable();
		preempt_enable();
		cond_resched();
	}
	t->ps = scale_run_once(t->subject);
	atomic_dec(&scale_missing);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int scale_thread_start(struct scale_thread *t, unsigned int cpu)
{
	t->task = kthread_create(scale_thread_fn, t, "debrascale/%u", cpu);
	if (IS_ERR(t->task))
		return PTR_ERR(t->task);
	kthread_bind(t->task, cpu);
	get_task_struct(t->task);
	atomic_inc(&scale_missing);
	wake_up_process(t->task);
	return 0;
}

static void scale_wait(void)
{
	while (atomic_read(&scale_missing))
		schedule_timeout_uninterruptible(1);
}

static int scale_run_threads(struct scale_subject *s, struct scale_thread *t, u64 *ps)
{
	unsigned int cpu, i, nr = 0;
	u64 sum = 0;
	int err = 0;

	scale_go = false;
	for_each_online_cpu(cpu) {
		if (!s->all && cpu != cpumask_last(cpu_online_mask))
			continue;
		t[nr].subject = s;
		err = scale_thread_start(&t[nr], cpu);
		if (err)
			break;
		nr++;
	}
	scale_wait();
	atomic_set(&scale_missing, nr);
	WRITE_ONCE(scale_go, true);
	scale_wait();
	for (i = 0; i < nr; i++) {
		kthread_stop(t[i].task);
		put_task_struct(t[i].task);
		sum += t[i].ps;
	}
	*ps = div_u64(sum, max(nr, 1U));
	return err;
}

/* Once more than @runs, the first to warm up. */
static int scale_run_all(void)
{
	struct scale_thread *t = kcalloc(nr_cpu_ids, sizeof(*t), GFP_KERNEL);
	unsigned int i, run;
	int err = t ? 0 : -ENOMEM;
	u64 ps;

	for (run = 0; run <= runs && !err; run++) {
		for (i = 0; i < ARRAY_SIZE(scale_subjects) && !err; i++) {
			err = scale_run_threads(&scale_subjects[i], t, &ps);
			if (run)
				scale_subjects[i].ps[run - 1] = ps;
		}
	}
	kfree(t);
	return err;
}

static int scale_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void scale_sort(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(scale_subjects); i++)
		sort(scale_subjects[i].ps, runs, sizeof(u64), scale_cmp, NULL);
}

static void scale_row(struct seq_file *m, struct scale_subject *s, const char *metric, u64 ps)
{
	u64 empty = strncmp(s->suite, "reader", 6) ? 0 : scale_subjects[0].ps[0];

	ps -= min(ps, empty);
	seq_printf(m, "debra\t%s\t%s\t%u\t%s\t%llu.%03llu\tns\n", s->suite, s->name,
		   s->all ? num_online_cpus() : 1, metric,
		   div_u64(ps, 1000), ps - div_u64(ps, 1000) * 1000);
}

static int results_show(struct seq_file *m, void *v)
{
	struct scale_subject *s;

	seq_puts(m, "suite\tcase\tsubject\tcpus\tmetric\tvalue\tunit\n");
	for (s = scale_subjects + 1; s < scale_subjects + ARRAY_SIZE(scale_subjects); s++) {
		scale_row(m, s, "min", s->ps[0]);
		scale_row(m, s, "median", s->ps[runs / 2]);
		scale_row(m, s, "max", s->ps[runs - 1]);
	}
	seq_printf(m, "debra\tmemory\tupdate-garbage\t1\tat-end\t%lu\tobjects\n", scale_peak);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static int __init scale_init(void)
{
	int err;

	if (!runs || runs > SCALE_MAX_RUNS || !reader_loops || !update_loops) {
		pr_err("debrascale: runs is 1 to %d, loops at least 1\n", SCALE_MAX_RUNS);
		return -EINVAL;
	}
	scale_ring_init();
	scale_items_init();
	err = debra_domain_register(&debrascale);
	if (err)
		return err;
	err = scale_run_all();
	if (err) {
		debra_domain_unregister(&debrascale);
		return err;
	}
	scale_sort();
	scale_dir = debugfs_create_dir("debrascale", NULL);
	debugfs_create_file("results", 0444, scale_dir, NULL, &results_fops);
	return 0;
}
module_init(scale_init);

static void __exit scale_exit(void)
{
	debugfs_remove_recursive(scale_dir);
	if (debra_domain_unregister(&debrascale))
		pr_err("debrascale: domain still in use\n");
	rcu_barrier();
	srcu_barrier(&scale_srcu);
}
module_exit(scale_exit);

MODULE_DESCRIPTION("Costs of debra beside those of RCU and SRCU");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debrascale: what debra costs, beside its peers on the same work, in the manner
 * of refscale and rcuscale.
 *
 * Each subject runs in a kthread of the last CPU, in turn with the others, @runs
 * times; the rows go to the log and to /sys/kernel/debug/debrascale/results:
 *
 *	suite  case  subject  cpus  metric  value  unit
 *
 * Under "qemu -icount shift=0" a nanosecond is an instruction and rows are exact.
 *
 * "reader" is one empty section. "update" is kmalloc() plus retirement, freeing
 * included: the clock stops when all of it has been given back, less the time that
 * the CPU was idle meanwhile (waiting for a grace period is not work).
 */
#include <linux/cpumask.h>
#include <linux/debra.h>
#include <linux/debra-guard.h>
#include <linux/debugfs.h>
#include <linux/kernel_stat.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
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

struct scale_subject {
	const char *suite;
	const char *name;
	void (*loop)(unsigned int loops);
	void (*finish)(void);
	u64 ps[SCALE_MAX_RUNS];		/* picoseconds for one loop */
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

SCALE_UPDATE(update_kfree, kfree(object))
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

static struct scale_subject scale_subjects[] = {
	{ "reader", "empty-loop", loop_empty },
	{ "reader", "preempt", loop_preempt },
	{ "reader", "rcu", loop_rcu },
	{ "reader", "srcu", loop_srcu },
	{ "reader", "debra", loop_debra },
	{ "reader", "guard", loop_guard },
	{ "reader", "guard-sleepable", loop_guard_sleepable },
	{ "hop", "rcu", hop_rcu },
	{ "hop", "guard", hop_guard },
	{ "update", "kfree", update_kfree },
	{ "update", "kfree_rcu", update_kfree_rcu, finish_rcu },
	{ "update", "call_rcu", update_call_rcu, finish_rcu },
	{ "update", "call_srcu", update_call_srcu, finish_srcu },
	{ "update", "debra_kfree", update_debra_kfree, finish_debra },
	{ "update", "debra_call", update_debra_call, finish_debra },
};

static u64 scale_idle_ns(void)
{
	u64 idle = get_cpu_idle_time_us(smp_processor_id(), NULL);

	return idle == -1ULL ? 0 : idle * NSEC_PER_USEC;
}

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
	return div_u64((ns - min(idle, ns)) * 1000, loops);
}

static int scale_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static int scale_thread(void *unused)
{
	unsigned int i, run;

	for (i = 0; i < ARRAY_SIZE(scale_subjects); i++)
		scale_run_once(&scale_subjects[i]);	/* warm up */
	for (run = 0; run < runs; run++)
		for (i = 0; i < ARRAY_SIZE(scale_subjects); i++)
			scale_subjects[i].ps[run] = scale_run_once(&scale_subjects[i]);
	for (i = 0; i < ARRAY_SIZE(scale_subjects); i++)
		sort(scale_subjects[i].ps, runs, sizeof(u64), scale_cmp, NULL);
	return 0;
}

static void scale_row(struct seq_file *m, struct scale_subject *s, const char *metric, u64 ps)
{
	u64 empty = strcmp(s->suite, "reader") ? 0 : scale_subjects[0].ps[0];

	ps -= min(ps, empty);
	seq_printf(m, "debra\t%s\t%s\t1\t%s\t%llu.%03llu\tns\n", s->suite, s->name, metric,
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

static int __init scale_run(void)
{
	unsigned int cpu = cpumask_last(cpu_online_mask);
	struct task_struct *task = kthread_create(scale_thread, NULL, "debrascale");

	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpu);
	get_task_struct(task);
	wake_up_process(task);
	kthread_stop(task);
	put_task_struct(task);
	return 0;
}

static int __init scale_init(void)
{
	int err;

	if (!runs || runs > SCALE_MAX_RUNS || !reader_loops || !update_loops) {
		pr_err("debrascale: runs is 1 to %d, loops at least 1\n", SCALE_MAX_RUNS);
		return -EINVAL;
	}
	scale_ring_init();
	err = debra_domain_register(&debrascale);
	if (err)
		return err;
	err = scale_run();
	if (err) {
		debra_domain_unregister(&debrascale);
		return err;
	}
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
}
module_exit(scale_exit);

MODULE_DESCRIPTION("Costs of debra beside those of RCU and SRCU");
MODULE_LICENSE("GPL");

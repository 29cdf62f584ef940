// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas_bank: what `make run` puts the transactions of kcas under.
 *
 * A bank with some accounts. Tellers on every CPU transfer money from one to another, each
 * time in one transaction. An auditor adds up all balances, in one that writes nothing, and
 * must find the same sum every time. A collector sleeps in a transaction until the first account
 * has reached a limit, takes what is there and gives it to another one, at that same moment.
 * The collector looks after each of his transactions whether he should end, so he waits with a
 * timeout. Progress and verdict are in /sys/kernel/debug/kcas_bank/summary.
 */
#include <linux/cache.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kcas-tx.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#undef pr_fmt
#define pr_fmt(fmt) "kcas_bank: " fmt

#define BANK_MAX_ACCOUNTS	1024
#define BANK_OPENING		1000	/* of each account */
#define BANK_LIMIT		2000	/* at which the first one is collected */
#define BANK_MOST		100	/* in a transfer */
#define BANK_BATCH		16	/* transfers between looks at the world */

static unsigned int accounts = 24;
module_param(accounts, uint, 0444);
MODULE_PARM_DESC(accounts, "accounts (2-1024)");

static unsigned int seconds = 5;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "for how long (1-86400)");

/* To see that the verdict notices. */
enum bank_fault {
	BANK_FAULT_NONE,
	BANK_FAULT_SPLIT,	/* a transfer in two transactions, with a pause in between */
	BANK_FAULT_LOSE,	/* one of which only the first half is done, at the very end */
	BANK_NR_FAULTS
};

static unsigned int fault;
module_param(fault, uint, 0444);
MODULE_PARM_DESC(fault, "do wrong, once: 1: split a transfer, 2: lose money (0: nothing)");

struct bank_account {
	struct kcas_word balance;
} ____cacheline_aligned;

/* Allocated, since it has words: these must outlive all references to operations. */
struct bank {
	struct kcas_head head;
	struct bank_account account[BANK_MAX_ACCOUNTS];
};

/* A transaction, as its body sees it; what it sets counts if it has committed. */
struct bank_order {
	unsigned int from;
	unsigned int to;
	long sum;
	bool waited;
	unsigned long runs;	/* of the body, in all */
};

enum bank_counter {
	BANK_DONE,
	BANK_REFUSED,		/* there was not enough money */
	BANK_TIMEOUT,
	BANK_NO_MEMORY,
	BANK_WAKEUP,		/* done, after it has waited */
	BANK_RESTART,		/* the body was run again */
	BANK_NR_COUNTERS
};

/* Who does transactions; @count is his own, and read for the summary. */
struct bank_clerk {
	struct task_struct *task;
	struct rnd_state rnd;
	struct bank_order order;
	unsigned long count[BANK_NR_COUNTERS];
};

static DEFINE_PER_CPU(struct bank_clerk, bank_tellers);
static struct bank_clerk bank_auditor;
static struct bank_clerk bank_collector;
static struct bank *bank;
static struct dentry *bank_dir;
static ktime_t bank_start;
static unsigned long bank_elapsed_ms;
static long bank_found;
static bool bank_done;
static const char *bank_error;

/* The first error is the verdict. */
static void bank_wrong(const char *what)
{
	if (!cmpxchg(&bank_error, NULL, what))
		pr_err("WRONG: %s\n", what);
}

static struct kcas_word *bank_balance(unsigned int nr)
{
	return &bank->account[nr].balance;
}

static long bank_all(void)
{
	return (long)accounts * BANK_OPENING;
}

static int bank_transfer(struct kcas_tx *tx, void *arg)
{
	struct bank_order *o = arg;
	long left;
	int err;

	o->runs++;
	err = kcas_tx_add(tx, bank_balance(o->from), -o->sum, &left);
	if (err)
		return err;
	if (left < 0)
		return -ENOSPC;
	return kcas_tx_add(tx, bank_balance(o->to), o->sum, NULL);
}

static int bank_collect(struct kcas_tx *tx, void *arg)
{
	struct bank_order *o = arg;
	int err;

	o->runs++;
	err = kcas_tx_get_int(tx, bank_balance(o->from), &o->sum);
	if (err)
		return err;
	if (o->sum < BANK_LIMIT) {
		o->waited = true;
		return kcas_tx_retry(tx);
	}
	err = kcas_tx_set_int(tx, bank_balance(o->from), 0);
	return err ?: kcas_tx_add(tx, bank_balance(o->to), o->sum, NULL);
}

static int bank_audit(struct kcas_tx *tx, void *arg)
{
	struct bank_order *o = arg;
	unsigned int i;
	long balance;
	int err = 0;

	o->runs++;
	o->sum = 0;
	for (i = 0; i < accounts && !err; i++) {
		err = kcas_tx_get_int(tx, bank_balance(i), &balance);
		o->sum += balance;
		/* What a body sees was so at one moment, also if it has to be run again. */
		if (!err && balance < 0)
			bank_wrong("an account was overdrawn");
	}
	return err;
}

static void bank_count(struct bank_clerk *c, enum bank_counter id, unsigned long nr)
{
	WRITE_ONCE(c->count[id], c->count[id] + nr);
}

static void bank_account_for(struct bank_clerk *c, int err)
{
	switch (err) {
	case 0:
		bank_count(c, BANK_DONE, 1);
		bank_count(c, BANK_WAKEUP, c->order.waited);
		break;
	case -ENOSPC:
		bank_count(c, BANK_REFUSED, 1);
		break;
	case -ETIMEDOUT:
		bank_count(c, BANK_TIMEOUT, 1);
		break;
	case -ENOMEM:
		bank_count(c, BANK_NO_MEMORY, 1);
		break;
	default:
		bank_wrong("a transaction has returned something else");
	}
}

/* Return: true if it has committed. */
static bool bank_do(struct bank_clerk *c, kcas_tx_fn body, unsigned long timeout)
{
	struct kcas_tx_opts opts = { .timeout = timeout };
	int err;

	c->order.runs = 0;
	c->order.waited = false;
	err = kcas_tx_run(body, &c->order, &opts);
	bank_count(c, BANK_RESTART, c->order.runs - 1);
	bank_account_for(c, err);
	return !err;
}

static void bank_choose(struct bank_clerk *c)
{
	u32 r = prandom_u32_state(&c->rnd);

	c->order.from = (r & 0xfff) % accounts;
	c->order.to = (c->order.from + 1 + (r >> 12 & 0xfff) % (accounts - 1)) % accounts;
	c->order.sum = 1 + (r >> 24) % BANK_MOST;
}

static int bank_teller_fn(void *arg)
{
	struct bank_clerk *c = arg;
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < BANK_BATCH; i++) {
			bank_choose(c);
			/* So that the first account fills up. */
			if (!(i % 8) && c->order.from)
				c->order.to = 0;
			bank_do(c, bank_transfer, 0);
		}
		cond_resched_tasks_rcu_qs();
	}
	return 0;
}

static unsigned long bank_ms(void)
{
	return ktime_ms_delta(ktime_get(), bank_start);
}

/* One half of a transfer, and a while later perhaps the other. Return: 0, or an error. */
static int bank_do_wrong(bool both)
{
	int err = kcas_add(bank_balance(0), -1, NULL);

	if (err || !both)
		return err;
	msleep(50);
	return kcas_add(bank_balance(1), 1, NULL);
}

static int bank_collector_fn(void *arg)
{
	struct bank_clerk *c = arg;
	bool wrong = fault == BANK_FAULT_SPLIT;

	while (!kthread_should_stop()) {
		if (wrong && bank_ms() > seconds * 500)
			wrong = bank_do_wrong(true);
		bank_choose(c);
		c->order.from = 0;
		c->order.to = c->order.to ?: 1;
		if (bank_do(c, bank_collect, max(HZ / 10, 1)) && c->order.sum < BANK_LIMIT)
			bank_wrong("it was collected before there was enough");
	}
	return 0;
}

static void bank_audit_once(struct bank_clerk *c)
{
	if (!bank_do(c, bank_audit, 0))
		return;
	WRITE_ONCE(bank_found, c->order.sum);
	if (c->order.sum != bank_all())
		bank_wrong("the balances do not add up");
}

static void bank_watch(struct bank_clerk *c)
{
	while (!kthread_should_stop() && !READ_ONCE(bank_error) && bank_ms() < seconds * 1000) {
		bank_audit_once(c);
		usleep_range(200, 400);
	}
}

static void bank_stop_clerk(struct bank_clerk *c)
{
	if (c->task)
		kthread_stop(c->task);
	c->task = NULL;
}

static void bank_clerks_stop(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		bank_stop_clerk(&per_cpu(bank_tellers, cpu));
	bank_stop_clerk(&bank_collector);
}

static void bank_reclaim(struct kcas_head *head)
{
	kfree(container_of(head, struct bank, head));
}

static void bank_take_down(void)
{
	/* When it has been reclaimed nothing refers to our words. */
	kcas_retire(&bank->head, bank_reclaim);
	bank = NULL;
	if (kcas_barrier())
		bank_wrong("kcas_barrier() failed");
}

static unsigned long bank_sum(enum bank_counter id)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(bank_tellers, cpu).count[id]);
	return sum;
}

/* Where nothing happened nothing is proved. */
static void bank_check_activity(void)
{
	if (!bank_sum(BANK_DONE))
		bank_wrong("no money was transferred");
	if (bank_auditor.count[BANK_DONE] < 2)
		bank_wrong("there was no audit");
	if (!bank_collector.count[BANK_WAKEUP])
		bank_wrong("the collector never woke up");
}

static int bank_auditor_fn(void *arg)
{
	struct bank_clerk *c = arg;

	bank_watch(c);
	WRITE_ONCE(bank_elapsed_ms, bank_ms());
	bank_clerks_stop();
	if (fault == BANK_FAULT_LOSE)
		bank_do_wrong(false);
	bank_audit_once(c);
	bank_take_down();
	bank_check_activity();
	/* Release: the verdict before its announcement; pairs with summary_show(). */
	smp_store_release(&bank_done, true);
	pr_info("%s, %ld of %ld are there\n", bank_error ?: "success", bank_found, bank_all());
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static void summary_counts(struct seq_file *m)
{
	seq_printf(m, "transfers: %lu\n", bank_sum(BANK_DONE));
	seq_printf(m, "transfers_refused: %lu\n", bank_sum(BANK_REFUSED));
	seq_printf(m, "transfers_restarted: %lu\n", bank_sum(BANK_RESTART));
	seq_printf(m, "audits: %lu\n", READ_ONCE(bank_auditor.count[BANK_DONE]));
	seq_printf(m, "audits_restarted: %lu\n", READ_ONCE(bank_auditor.count[BANK_RESTART]));
	seq_printf(m, "collections: %lu\n", READ_ONCE(bank_collector.count[BANK_DONE]));
	seq_printf(m, "wakeups: %lu\n", READ_ONCE(bank_collector.count[BANK_WAKEUP]));
	seq_printf(m, "timeouts: %lu\n", READ_ONCE(bank_collector.count[BANK_TIMEOUT]));
	seq_printf(m, "no_memory: %lu\n", bank_sum(BANK_NO_MEMORY) +
		   READ_ONCE(bank_auditor.count[BANK_NO_MEMORY]) +
		   READ_ONCE(bank_collector.count[BANK_NO_MEMORY]));
}

static void summary_verdict(struct seq_file *m)
{
	seq_printf(m, "found: %ld\n", bank_found);
	if (bank_error)
		seq_printf(m, "result: FAILURE %s\n", bank_error);
	else
		seq_puts(m, "result: SUCCESS\n");
}

static int summary_show(struct seq_file *m, void *v)
{
	/* Acquire: pairs with bank_auditor_fn(). */
	bool done = smp_load_acquire(&bank_done);

	seq_printf(m, "elapsed_ms: %lu\n", done ? bank_elapsed_ms : bank_ms());
	summary_counts(m);
	seq_printf(m, "money: %ld\n", bank_all());
	if (done)
		summary_verdict(m);
	else
		seq_puts(m, "result: RUNNING\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

static bool bank_params_ok(void)
{
	if (accounts >= 2 && accounts <= BANK_MAX_ACCOUNTS && seconds && seconds <= 86400 &&
	    fault < BANK_NR_FAULTS)
		return true;
	pr_err("a parameter is out of range; see modinfo kcas_bank\n");
	return false;
}

/* @cpu: -1 for any */
static int bank_hire(struct bank_clerk *c, int (*fn)(void *arg), const char *name, int cpu)
{
	struct task_struct *task;

	prandom_seed_state(&c->rnd, get_random_u64());
	if (cpu < 0)
		task = kthread_create(fn, c, "%s", name);
	else
		task = kthread_create_on_cpu(fn, c, cpu, name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	c->task = task;
	wake_up_process(task);
	return 0;
}

/* The auditor last: he ends the others. */
static int bank_clerks_start(void)
{
	unsigned int cpu;
	int err = 0;

	for_each_online_cpu(cpu) {
		err = bank_hire(&per_cpu(bank_tellers, cpu), bank_teller_fn, "kcas_teller/%u", cpu);
		if (err)
			return err;
	}
	err = bank_hire(&bank_collector, bank_collector_fn, "kcas_collector", -1);
	return err ?: bank_hire(&bank_auditor, bank_auditor_fn, "kcas_auditor", -1);
}

static void bank_stop(void)
{
	bank_stop_clerk(&bank_auditor);
	/* An auditor who was stopped before he ran has not done it. */
	bank_clerks_stop();
	if (bank)
		bank_take_down();
	debugfs_remove_recursive(bank_dir);
}

static int __init bank_init(void)
{
	unsigned int i;
	int err;

	if (!bank_params_ok())
		return -EINVAL;
	bank = kzalloc(sizeof(*bank), GFP_KERNEL);
	if (!bank)
		return -ENOMEM;
	for (i = 0; i < accounts; i++)
		kcas_init(bank_balance(i), kcas_int(BANK_OPENING));
	bank_start = ktime_get();
	err = bank_clerks_start();
	if (err) {
		bank_stop();
		return err;
	}
	bank_dir = debugfs_create_dir("kcas_bank", NULL);
	debugfs_create_file("summary", 0444, bank_dir, NULL, &summary_fops);
	return 0;
}
module_init(bank_init);

static void __exit bank_exit(void)
{
	bank_stop();
}
module_exit(bank_exit);

MODULE_DESCRIPTION("A bank, whose transfers are transactions of kcas");
MODULE_LICENSE("GPL");

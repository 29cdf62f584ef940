// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas_tokens: what `make run` puts kcas under.
 *
 * Some lists, and tokens on them, each with a number of its own. A move takes the first
 * token off one list and puts it in front of another, and changes what both say of their
 * length, in one operation on five words. So at every moment each token is on exactly one
 * list. Moves come from a thread, a timer in hard interrupts and IPIs on every CPU, the
 * latter two on top of moves of the same CPU that are not done. Now and then a token is
 * replaced by a fresh one with the same number, and the old one retired.
 *
 * Meanwhile operations that only compare look at all lengths at once, and at a whole list at
 * once. When the time is over all tokens are looked for. Progress and verdict are in
 * /sys/kernel/debug/kcas_tokens/summary.
 */
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kcas.h>
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
#include <linux/smp.h>

#include "compat.h"

#undef pr_fmt
#define pr_fmt(fmt) "kcas_tokens: " fmt

#define TOKENS_BATCH		16	/* moves of a thread between looks at the world */
#define TOKENS_BATCH_IRQ	4	/* and of an interrupt */
#define TOKENS_REPLACE		16	/* of so many tokens one is replaced */
#define TOKENS_TIMER_NS		(500 * NSEC_PER_USEC)
#define TOKENS_AUDIT_WORDS	192	/* longer lists are not looked at as a whole */
#define TOKENS_MAX_LISTS	64

static unsigned int tokens = 1000;
module_param(tokens, uint, 0444);
MODULE_PARM_DESC(tokens, "tokens (2-100000)");

static unsigned int lists = 8;
module_param(lists, uint, 0444);
MODULE_PARM_DESC(lists, "lists (2-64)");

static unsigned int seconds = 10;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "for how long (1-86400)");

/* To see that the verdict notices. */
enum tokens_fault {
	TOKENS_FAULT_NONE,
	TOKENS_FAULT_LOSE,	/* a token is taken off and put nowhere */
	TOKENS_FAULT_DOUBLE,	/* a token is replaced by one with the number of another */
	TOKENS_FAULT_MISCOUNT,	/* two lengths are wrong, but not their sum */
	TOKENS_NR_FAULTS
};

static unsigned int fault;
module_param(fault, uint, 0444);
MODULE_PARM_DESC(fault, "do wrong, once: 1: lose a token, 2: double one, 3: miscount (0: nothing)");

struct token {
	struct kcas_word next;
	unsigned long id;
	unsigned long check;		/* ~id while the token is alive */
	struct kcas_head head;
};

struct tokens_list {
	struct kcas_word first;
	struct kcas_word nr;		/* how many there are */
} ____cacheline_aligned;

/* Allocated, since they have words: these must outlive all references to operations. */
struct tokens_lists {
	struct kcas_head head;
	struct tokens_list list[TOKENS_MAX_LISTS];
};

enum tokens_context {
	TOKENS_TASK,
	TOKENS_TIMER,
	TOKENS_IPI,
	TOKENS_NR_CONTEXTS
};

static const char * const tokens_context_names[] = { "task", "timer", "ipi" };

static_assert(ARRAY_SIZE(tokens_context_names) == TOKENS_NR_CONTEXTS);

enum tokens_counter {
	TOKENS_MOVED,
	TOKENS_REPLACED,
	TOKENS_FAILED,		/* a word had another value */
	TOKENS_EMPTY,		/* there was no token */
	TOKENS_NO_MEMORY,
	TOKENS_NR_COUNTERS
};

static const char * const tokens_counter_names[] = {
	"moves", "replaced", "failed_attempts", "empty_lists", "no_memory"
};

static_assert(ARRAY_SIZE(tokens_counter_names) == TOKENS_NR_COUNTERS);

/* One context of one CPU; @count is its own, and read for the summary. */
struct tokens_actor {
	struct rnd_state rnd;
	struct token *spare;		/* the fresh one, brought by the thread */
	unsigned long count[TOKENS_NR_COUNTERS];
};

struct tokens_cpu {
	struct tokens_actor actor[TOKENS_NR_CONTEXTS];
	struct task_struct *task;
	struct hrtimer timer;
	call_single_data_t ipi;		/* that this CPU sends */
	bool started;
};

/* What came of looks at the lists while they change. */
struct tokens_audit {
	unsigned long sums;
	unsigned long sums_missed;
	unsigned long walks;
	unsigned long walks_missed;
	unsigned long walks_too_long;
};

/* What was found in the end. */
struct tokens_found {
	unsigned long all;
	unsigned long doubled;
	unsigned long lost;
};

static DEFINE_PER_CPU(struct tokens_cpu, tokens_cpus);
static struct tokens_lists *tokens_lists;
static struct tokens_audit tokens_audit;
static struct tokens_found tokens_found;
static struct kcas_op tokens_audit_ops[TOKENS_AUDIT_WORDS];
static atomic_long_t tokens_allocated;
static atomic_long_t tokens_freed;
static atomic_t tokens_ipis;		/* that are under way */
static struct task_struct *tokens_monitor;
static struct dentry *tokens_dir;
static ktime_t tokens_start;
static unsigned long tokens_elapsed_ms;
static bool tokens_done;
static const char *tokens_error;

/* The first error is the verdict. */
static void tokens_wrong(const char *what)
{
	if (!cmpxchg(&tokens_error, NULL, what))
		pr_err("WRONG: %s\n", what);
}

static struct token *token_of(unsigned long value)
{
	return (struct token *)value;
}

static unsigned long token_value(struct token *t)
{
	return (unsigned long)t;
}

static struct token *token_alloc(void)
{
	struct token *t = kmalloc(sizeof(*t), GFP_KERNEL);

	if (t)
		atomic_long_inc(&tokens_allocated);
	return t;
}

static void token_free(struct token *t)
{
	WRITE_ONCE(t->check, t->id);
	kfree(t);
	atomic_long_inc(&tokens_freed);
}

static void token_reclaim(struct kcas_head *head)
{
	token_free(container_of(head, struct token, head));
}

/* Return: is it what it should be? */
static bool token_ok(struct token *t)
{
	unsigned long id = READ_ONCE(t->id);

	if (id < tokens && READ_ONCE(t->check) == ~id)
		return true;
	tokens_wrong("a token on a list is not alive");
	return false;
}

static void token_set_id(struct token *t, unsigned long id)
{
	WRITE_ONCE(t->id, id);
	WRITE_ONCE(t->check, ~id);
}

/* The first token, and the one behind it. Pinned. */
static struct token *tokens_first(struct tokens_list *list, unsigned long *next)
{
	struct token *t = token_of(kcas_read(&list->first));

	if (!t || !token_ok(t))
		return NULL;
	*next = kcas_read(&t->next);
	return t;
}

/*
 * Move the first token. If all words are as they have been read, at one moment, then it is
 * still the first, whatever has happened since. Pinned, for it may be retired meanwhile.
 * Return: as kcas(), -ENOENT if there is no token.
 */
static int tokens_move(struct tokens_list *from, struct tokens_list *to)
{
	unsigned long next, behind, nr_from, nr_to;
	struct token *t = tokens_first(from, &next);

	if (!t)
		return -ENOENT;
	behind = kcas_read(&to->first);
	nr_from = kcas_read(&from->nr);
	nr_to = kcas_read(&to->nr);
	return kcas((struct kcas_op []) {
		{ &from->first, token_value(t), next },
		{ &t->next, next, behind },
		{ &to->first, behind, token_value(t) },
		{ &from->nr, nr_from, nr_from - kcas_int(1) },
		{ &to->nr, nr_to, nr_to + kcas_int(1) },
	}, 5);
}

/*
 * Put a fresh token in the place of the first one, which is retired, with a number that is
 * greater by @more. Pinned.
 * Return: as tokens_move(); if it is not 1 the fresh one is still the caller's.
 */
static int tokens_replace(struct tokens_list *list, struct token *fresh, unsigned int more)
{
	unsigned long next;
	struct token *t = tokens_first(list, &next);
	int ret;

	if (!t)
		return -ENOENT;
	token_set_id(fresh, (t->id + more) % tokens);
	kcas_init(&fresh->next, next);
	ret = kcas2(&list->first, token_value(t), token_value(fresh), &t->next, next, next);
	if (ret == 1)
		kcas_retire(&t->head, token_reclaim);
	return ret;
}

static void tokens_count(struct tokens_actor *a, enum tokens_counter id)
{
	WRITE_ONCE(a->count[id], a->count[id] + 1);
}

static void tokens_account(struct tokens_actor *a, int ret, enum tokens_counter done)
{
	switch (ret) {
	case 1:
		tokens_count(a, done);
		break;
	case 0:
		tokens_count(a, TOKENS_FAILED);
		break;
	case -ENOENT:
		tokens_count(a, TOKENS_EMPTY);
		break;
	case -ENOMEM:
		tokens_count(a, TOKENS_NO_MEMORY);
		break;
	default:
		tokens_wrong("kcas() returned something else");
	}
}

static void tokens_act_replace(struct tokens_actor *a, struct tokens_list *list,
			       struct token *fresh)
{
	int ret;

	debra_pin(&kcas_domain);
	ret = tokens_replace(list, fresh, 0);
	debra_unpin(&kcas_domain);
	if (ret == 1)
		/* Release: we have done with it; pairs with tokens_feed(). */
		smp_store_release(&a->spare, NULL);
	tokens_account(a, ret, TOKENS_REPLACED);
}

static void tokens_act_move(struct tokens_actor *a, struct tokens_list *from,
			    struct tokens_list *to)
{
	int ret;

	debra_pin(&kcas_domain);
	ret = tokens_move(from, to);
	debra_unpin(&kcas_domain);
	tokens_account(a, ret, TOKENS_MOVED);
}

/* One attempt, in any context. */
static void tokens_act(struct tokens_actor *a)
{
	u32 r = prandom_u32_state(&a->rnd);
	unsigned int from = (r & 0xfff) % lists;
	unsigned int to = (from + 1 + (r >> 12 & 0xfff) % (lists - 1)) % lists;
	struct token *fresh = NULL;

	if (!((r >> 24) % TOKENS_REPLACE))
		/* Acquire: pairs with tokens_feed(). */
		fresh = smp_load_acquire(&a->spare);
	if (fresh)
		tokens_act_replace(a, &tokens_lists->list[from], fresh);
	else
		tokens_act_move(a, &tokens_lists->list[from], &tokens_lists->list[to]);
}

/* Interrupts cannot allocate everywhere: a fresh token for each who has used his. */
static void tokens_feed(struct tokens_cpu *c)
{
	struct tokens_actor *a;

	for (a = c->actor; a < c->actor + TOKENS_NR_CONTEXTS; a++) {
		/* Acquire: pairs with tokens_act_replace(). */
		if (smp_load_acquire(&a->spare))
			continue;
		/* Release: pairs with tokens_act(). */
		smp_store_release(&a->spare, token_alloc());
	}
}

/* On top of what the CPU does, unless it is idle. */
static void tokens_ipi_fn(void *unused)
{
	struct tokens_actor *a = &this_cpu_ptr(&tokens_cpus)->actor[TOKENS_IPI];
	unsigned int i;

	for (i = 0; i < TOKENS_BATCH_IRQ; i++)
		tokens_act(a);
	/* Full barrier: after all of it; pairs with tokens_ipis_wait(). */
	smp_mb__before_atomic();
	atomic_dec(&tokens_ipis);
}

/* Interrupt the next CPU, if it has seen our last. */
static void tokens_send_ipi(void)
{
	unsigned int cpu;

	/* No CPU goes away now. */
	preempt_disable();
	cpu = cpumask_next(smp_processor_id(), cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	atomic_inc(&tokens_ipis);
	if (smp_call_function_single_async(cpu, &this_cpu_ptr(&tokens_cpus)->ipi))
		atomic_dec(&tokens_ipis);
	preempt_enable();
}

static void tokens_ipis_wait(void)
{
	/* Acquire: pairs with tokens_ipi_fn(). */
	while (atomic_read_acquire(&tokens_ipis))
		usleep_range(100, 200);
	/* And they have returned. */
	synchronize_rcu();
}

static int tokens_thread_fn(void *arg)
{
	struct tokens_cpu *c = arg;
	struct tokens_actor *a = &c->actor[TOKENS_TASK];
	unsigned long no_memory;
	unsigned int i;

	while (!kthread_should_stop()) {
		no_memory = a->count[TOKENS_NO_MEMORY];
		for (i = 0; i < TOKENS_BATCH; i++)
			tokens_act(a);
		tokens_feed(c);
		tokens_send_ipi();
		/* There will be some soon. */
		if (a->count[TOKENS_NO_MEMORY] != no_memory)
			usleep_range(200, 400);
		cond_resched_tasks_rcu_qs();
	}
	return 0;
}

/* In hard interrupts, with PREEMPT_RT as well. */
static enum hrtimer_restart tokens_timer_fn(struct hrtimer *timer)
{
	struct tokens_cpu *c = container_of(timer, struct tokens_cpu, timer);
	unsigned int i;

	for (i = 0; i < TOKENS_BATCH_IRQ; i++)
		tokens_act(&c->actor[TOKENS_TIMER]);
	hrtimer_forward_now(timer, ns_to_ktime(TOKENS_TIMER_NS));
	return HRTIMER_RESTART;
}

static void tokens_timer_start(void *unused)
{
	struct tokens_cpu *c = this_cpu_ptr(&tokens_cpus);

	workload_timer_setup(&c->timer, tokens_timer_fn);
	c->started = true;
	hrtimer_start(&c->timer, ns_to_ktime(TOKENS_TIMER_NS), HRTIMER_MODE_REL_PINNED_HARD);
}

static void tokens_cpus_init(void)
{
	enum tokens_context i;
	struct tokens_cpu *c;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		c = &per_cpu(tokens_cpus, cpu);
		INIT_CSD(&c->ipi, tokens_ipi_fn, NULL);
		for (i = 0; i < TOKENS_NR_CONTEXTS; i++)
			prandom_seed_state(&c->actor[i].rnd, get_random_u64());
	}
}

static int tokens_threads_start(void)
{
	struct task_struct *task;
	struct tokens_cpu *c;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		c = &per_cpu(tokens_cpus, cpu);
		task = kthread_create_on_cpu(tokens_thread_fn, c, cpu, "kcas_tokens/%u");
		if (IS_ERR(task))
			return PTR_ERR(task);
		c->task = task;
		wake_up_process(task);
	}
	return 0;
}

/* Threads first: they send the IPIs. */
static void tokens_movers_stop(void)
{
	struct tokens_cpu *c;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		c = &per_cpu(tokens_cpus, cpu);
		if (c->task)
			kthread_stop(c->task);
		c->task = NULL;
	}
	for_each_possible_cpu(cpu) {
		c = &per_cpu(tokens_cpus, cpu);
		if (c->started)
			hrtimer_cancel(&c->timer);
	}
	tokens_ipis_wait();
}

static void tokens_lists_reclaim(struct kcas_head *head)
{
	kfree(container_of(head, struct tokens_lists, head));
}

/* All tokens, on one list after the other. Nobody else is there yet. */
static int tokens_deal(void)
{
	struct tokens_list *list;
	struct token *t;
	unsigned int i;

	for (i = 0; i < tokens; i++) {
		t = token_alloc();
		if (!t)
			return -ENOMEM;
		list = &tokens_lists->list[i % lists];
		token_set_id(t, i);
		kcas_init(&t->next, kcas_read(&list->first));
		kcas_init(&list->first, token_value(t));
		kcas_init(&list->nr, kcas_read(&list->nr) + kcas_int(1));
	}
	return 0;
}

static void tokens_audit_word(unsigned int i, struct kcas_word *word)
{
	unsigned long value = kcas_read(word);

	tokens_audit_ops[i] = (struct kcas_op) { word, value, value };
}

/* If no length changes while we look, then they have to add up. */
static void tokens_audit_sum(void)
{
	unsigned int i;
	long sum = 0;

	for (i = 0; i < lists; i++) {
		tokens_audit_word(i, &tokens_lists->list[i].nr);
		sum += kcas_to_int(tokens_audit_ops[i].old);
	}
	if (kcas(tokens_audit_ops, lists) != 1) {
		WRITE_ONCE(tokens_audit.sums_missed, tokens_audit.sums_missed + 1);
		return;
	}
	WRITE_ONCE(tokens_audit.sums, tokens_audit.sums + 1);
	if (sum != tokens)
		tokens_wrong("the lengths of the lists do not add up to the tokens");
}

/*
 * Collect a list's words, its length and first. Tokens move below our feet, so this may
 * lead astray; then the comparison fails. Pinned.
 * Return: how many words, 0 for too many.
 */
static unsigned int tokens_audit_collect(struct tokens_list *list)
{
	unsigned int nr = 2;
	struct token *t;

	tokens_audit_word(0, &list->nr);
	tokens_audit_word(1, &list->first);
	while ((t = token_of(tokens_audit_ops[nr - 1].old))) {
		if (nr == TOKENS_AUDIT_WORDS || !token_ok(t))
			return 0;
		tokens_audit_word(nr++, &t->next);
	}
	return nr;
}

/* If nothing of a list changes while we look, then it has to be as long as it says. */
static void tokens_audit_list(struct tokens_list *list)
{
	unsigned long *count = &tokens_audit.walks_too_long;
	unsigned int nr;

	debra_pin(&kcas_domain);
	nr = tokens_audit_collect(list);
	if (nr) {
		/* An error is a word twice: a token that went to the back meanwhile. */
		count = &tokens_audit.walks_missed;
		if (kcas(tokens_audit_ops, nr) == 1)
			count = &tokens_audit.walks;
	}
	debra_unpin(&kcas_domain);
	WRITE_ONCE(*count, *count + 1);
	if (count == &tokens_audit.walks && kcas_to_int(tokens_audit_ops[0].old) != nr - 2)
		tokens_wrong("a list has not the length that it says");
}

/* Return: as tokens_move(), for a token that is put nowhere. */
static int tokens_lose(struct tokens_list *list)
{
	unsigned long next, nr = kcas_read(&list->nr);
	struct token *t;
	int ret = -ENOENT;

	debra_pin(&kcas_domain);
	t = tokens_first(list, &next);
	if (t)
		ret = kcas((struct kcas_op []) {
			{ &list->first, token_value(t), next },
			{ &t->next, next, next },
			{ &list->nr, nr, nr - kcas_int(1) },
		}, 3);
	if (ret == 1)
		kcas_retire(&t->head, token_reclaim);
	debra_unpin(&kcas_domain);
	return ret;
}

/* The new one has the number of a token that is elsewhere. */
static int tokens_double(struct tokens_list *list)
{
	struct token *fresh = token_alloc();
	int ret;

	if (!fresh)
		return -ENOMEM;
	debra_pin(&kcas_domain);
	ret = tokens_replace(list, fresh, 1);
	debra_unpin(&kcas_domain);
	if (ret != 1)
		token_free(fresh);
	return ret;
}

static int tokens_miscount(struct tokens_list *list)
{
	return kcas_add(&list[0].nr, 1, NULL) ?: kcas_add(&list[1].nr, -1, NULL) ?: 1;
}

static int tokens_do_wrong(void)
{
	struct tokens_list *list = tokens_lists->list;

	switch (fault) {
	case TOKENS_FAULT_LOSE:
		return tokens_lose(list);
	case TOKENS_FAULT_DOUBLE:
		return tokens_double(list);
	case TOKENS_FAULT_MISCOUNT:
		return tokens_miscount(list);
	}
	return 1;
}

static unsigned long tokens_ms(void)
{
	return ktime_ms_delta(ktime_get(), tokens_start);
}

static void tokens_watch(void)
{
	bool wrong_done = false;
	unsigned int i = 0;

	while (!kthread_should_stop() && !READ_ONCE(tokens_error) && tokens_ms() < seconds * 1000) {
		if (!wrong_done && tokens_ms() > seconds * 500)
			wrong_done = tokens_do_wrong() == 1;
		tokens_audit_sum();
		tokens_audit_list(&tokens_lists->list[i++ % lists]);
		usleep_range(200, 400);
	}
}

/*
 * A token that is on a list in the end: retire it. Return: false if it is not to be there, or
 * has been found before, since lists have grown together or go in a circle.
 */
static bool tokens_found_one(struct token *t, unsigned long *seen)
{
	if (!token_ok(t))
		return false;
	/* It is dead from now on, though it stays in memory until we have seen all. */
	WRITE_ONCE(t->check, t->id);
	tokens_found.all++;
	if (__test_and_set_bit(t->id, seen))
		tokens_found.doubled++;
	kcas_retire(&t->head, token_reclaim);
	return true;
}

static void tokens_collect(struct tokens_list *list, unsigned long *seen)
{
	unsigned long nr = 0;
	struct token *t;

	for (t = token_of(kcas_read(&list->first)); t; t = token_of(kcas_read(&t->next))) {
		if (!tokens_found_one(t, seen))
			return;
		nr++;
	}
	if (kcas_to_int(kcas_read(&list->nr)) != nr)
		tokens_wrong("in the end a list has not the length that it says");
}

/* Nobody moves anything any more. */
static void tokens_find(void)
{
	unsigned long *seen = bitmap_zalloc(tokens, GFP_KERNEL);
	unsigned int i;

	if (!seen) {
		tokens_wrong("no memory to look for the tokens");
		return;
	}
	debra_pin(&kcas_domain);
	for (i = 0; i < lists; i++)
		tokens_collect(&tokens_lists->list[i], seen);
	debra_unpin(&kcas_domain);
	tokens_found.lost = tokens - bitmap_weight(seen, tokens);
	bitmap_free(seen);
	if (tokens_found.lost)
		tokens_wrong("a token is lost");
	if (tokens_found.doubled)
		tokens_wrong("a token is there twice");
}

static void tokens_spares_free(void)
{
	struct tokens_actor *a;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		for (a = per_cpu(tokens_cpus, cpu).actor;
		     a < per_cpu(tokens_cpus, cpu).actor + TOKENS_NR_CONTEXTS; a++) {
			if (a->spare)
				token_free(a->spare);
			a->spare = NULL;
		}
}

static void tokens_take_down(void)
{
	tokens_movers_stop();
	tokens_find();
	tokens_spares_free();
	/* The last of all: when it has been reclaimed nothing refers to our words. */
	kcas_retire(&tokens_lists->head, tokens_lists_reclaim);
	tokens_lists = NULL;
	if (kcas_barrier())
		tokens_wrong("kcas_barrier() failed");
	if (atomic_long_read(&tokens_allocated) != atomic_long_read(&tokens_freed))
		tokens_wrong("not all tokens were freed");
}

static unsigned long tokens_sum(enum tokens_counter id, enum tokens_context context)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(tokens_cpus, cpu).actor[context].count[id]);
	return sum;
}

/* Where nothing happened nothing is proved. */
static void tokens_check_activity(void)
{
	enum tokens_context i;

	for (i = 0; i < TOKENS_NR_CONTEXTS; i++)
		if (!tokens_sum(TOKENS_MOVED, i) || !tokens_sum(TOKENS_REPLACED, i))
			tokens_wrong("a context did nothing");
	if (!tokens_audit.sums)
		tokens_wrong("the lengths were never seen all at once");
}

/* Ends the run by itself when the time is over; rmmod may end it before. */
static int tokens_monitor_fn(void *unused)
{
	tokens_watch();
	WRITE_ONCE(tokens_elapsed_ms, tokens_ms());
	tokens_take_down();
	tokens_check_activity();
	/* Release: the verdict before its announcement; pairs with summary_show(). */
	smp_store_release(&tokens_done, true);
	pr_info("%s, %lu of %u tokens, %lu lost, %lu doubled\n", tokens_error ?: "success",
		tokens_found.all, tokens, tokens_found.lost, tokens_found.doubled);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static void summary_counts(struct seq_file *m)
{
	enum tokens_counter id;
	enum tokens_context i;

	for (id = 0; id < TOKENS_NR_COUNTERS; id++)
		for (i = 0; i < TOKENS_NR_CONTEXTS; i++)
			seq_printf(m, "%s_%s: %lu\n", tokens_counter_names[id],
				   tokens_context_names[i], tokens_sum(id, i));
}

static void summary_audits(struct seq_file *m)
{
	seq_printf(m, "audits: %lu\n", READ_ONCE(tokens_audit.sums));
	seq_printf(m, "audits_missed: %lu\n", READ_ONCE(tokens_audit.sums_missed));
	seq_printf(m, "list_audits: %lu\n", READ_ONCE(tokens_audit.walks));
	seq_printf(m, "list_audits_missed: %lu\n", READ_ONCE(tokens_audit.walks_missed));
	seq_printf(m, "list_audits_too_long: %lu\n", READ_ONCE(tokens_audit.walks_too_long));
}

static void summary_verdict(struct seq_file *m)
{
	seq_printf(m, "found: %lu\n", tokens_found.all);
	seq_printf(m, "lost: %lu\n", tokens_found.lost);
	seq_printf(m, "doubled: %lu\n", tokens_found.doubled);
	if (tokens_error)
		seq_printf(m, "result: FAILURE %s\n", tokens_error);
	else
		seq_puts(m, "result: SUCCESS\n");
}

static int summary_show(struct seq_file *m, void *v)
{
	/* Acquire: pairs with tokens_monitor_fn(). */
	bool done = smp_load_acquire(&tokens_done);

	seq_printf(m, "elapsed_ms: %lu\n", done ? tokens_elapsed_ms : tokens_ms());
	summary_counts(m);
	summary_audits(m);
	seq_printf(m, "allocated: %ld\n", atomic_long_read(&tokens_allocated));
	seq_printf(m, "freed: %ld\n", atomic_long_read(&tokens_freed));
	seq_printf(m, "tokens: %u\n", tokens);
	if (done)
		summary_verdict(m);
	else
		seq_puts(m, "result: RUNNING\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

static bool tokens_params_ok(void)
{
	if (tokens >= 2 && tokens <= 100000 && lists >= 2 && lists <= TOKENS_MAX_LISTS &&
	    seconds && seconds <= 86400 && fault < TOKENS_NR_FAULTS)
		return true;
	pr_err("a parameter is out of range; see modinfo kcas_tokens\n");
	return false;
}

static void tokens_stop(void)
{
	if (tokens_monitor)
		kthread_stop(tokens_monitor);
	/* A monitor that was stopped before it ran has not done it. */
	if (tokens_lists)
		tokens_take_down();
	debugfs_remove_recursive(tokens_dir);
}

static int tokens_go(void)
{
	int err = tokens_deal() ?: tokens_threads_start();

	if (err)
		return err;
	on_each_cpu(tokens_timer_start, NULL, 1);
	tokens_monitor = kthread_run(tokens_monitor_fn, NULL, "kcas_tokens");
	if (IS_ERR(tokens_monitor)) {
		err = PTR_ERR(tokens_monitor);
		tokens_monitor = NULL;
		return err;
	}
	tokens_dir = debugfs_create_dir("kcas_tokens", NULL);
	debugfs_create_file("summary", 0444, tokens_dir, NULL, &summary_fops);
	return 0;
}

static int __init tokens_init(void)
{
	int err;

	if (!tokens_params_ok())
		return -EINVAL;
	tokens_lists = kzalloc(sizeof(*tokens_lists), GFP_KERNEL);
	if (!tokens_lists)
		return -ENOMEM;
	tokens_cpus_init();
	tokens_start = ktime_get();
	err = tokens_go();
	if (err)
		tokens_stop();
	return err;
}
module_init(tokens_init);

static void __exit tokens_exit(void)
{
	tokens_stop();
}
module_exit(tokens_exit);

MODULE_DESCRIPTION("Tokens that are moved between lists from all contexts, on kcas");
MODULE_LICENSE("GPL");

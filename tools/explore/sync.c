// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: locks, waiting, work, RCU.
 *
 * Written for both schedulers: what is shared here is read and written with atomics, or
 * under sh_guts_lock(), which the fibers do not need.
 */
#include "explore.h"

#define GET(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define SET(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

static bool is_unlocked(void *arg)
{
	return !GET((unsigned int *)arg);
}

bool sh_trylock(unsigned int *locked, const struct sh_site *site)
{
	sh_point(site, locked, SH_RMW);
	return !__atomic_exchange_n(locked, 1, __ATOMIC_ACQ_REL);
}

void sh_lock(unsigned int *locked, const struct sh_site *site)
{
	while (!sh_trylock(locked, site))
		sh_block(is_unlocked, locked, SH_FOREVER);
}

void sh_unlock(unsigned int *locked, const struct sh_site *site)
{
	sh_point(site, locked, SH_RMW);
	SET(locked, 0);
}

unsigned long sh_wait_begin(wait_queue_head_t *wq, const struct sh_site *site)
{
	sh_point(site, wq, SH_RMW);
	return GET(&wq->wakes);
}

struct waiter {
	wait_queue_head_t *wq;
	unsigned long wakes;
};

static bool is_woken(void *arg)
{
	struct waiter *w = arg;

	return GET(&w->wq->wakes) != w->wakes;
}

bool sh_wait(wait_queue_head_t *wq, unsigned long wakes, unsigned long until)
{
	struct waiter w = { wq, wakes };

	return sh_block(is_woken, &w, until);
}

void sh_wake(wait_queue_head_t *wq, const struct sh_site *site)
{
	sh_point(site, wq, SH_RMW);
	__atomic_fetch_add(&wq->wakes, 1, __ATOMIC_ACQ_REL);
}

/* For scenarios to wait for a flag. */
bool sh_is_set(void *arg)
{
	return GET((bool *)arg);
}

static bool never(void *arg)
{
	return false;
}

void schedule_timeout_uninterruptible(long timeout)
{
	sh_block(never, NULL, jiffies + timeout);
}

static bool is_running(void *arg)
{
	return !GET((unsigned int *)arg);
}

/* Who has said that he will sleep does so until somebody wakes him. */
long schedule_timeout(long timeout)
{
	unsigned long until = timeout == MAX_SCHEDULE_TIMEOUT ? SH_FOREVER : jiffies + timeout;
	bool woken = sh_block(is_running, &current->__state, until);

	SET(&current->__state, TASK_RUNNING);
	return woken;
}

static const struct sh_site wake_site = { "sched", 0, "wake_up_process", "task" };

int wake_up_process(struct task_struct *task)
{
	sh_point(&wake_site, &task->__state, SH_RMW);
	return !!__atomic_exchange_n(&task->__state, TASK_RUNNING, __ATOMIC_ACQ_REL);
}

/* ---------------------------------------------------------------- work */

static struct delayed_work *timers;

static const struct sh_site queue_site = { "workqueue", 0, "queue_work", "work" };

static bool take_work(struct work_struct *work, unsigned long *asked)
{
	bool more;

	sh_guts_lock();
	more = work->pending;
	*asked = work->asked;
	work->running = more;
	work->pending = false;
	sh_guts_unlock();
	return more;
}

static void work_main(void *arg)
{
	struct work_struct *work = arg;
	unsigned long asked;

	while (take_work(work, &asked)) {
		sh_point(&queue_site, work, SH_RMW);
		work->func(work);
		sh_point(&queue_site, work, SH_RMW);
		SET(&work->done, asked);
	}
}

static void start_work(struct work_struct *work)
{
	char name[24];
	bool was = work->running;

	work->running = true;
	SET(&work->asked, work->asked + 1);
	if (was)
		return;
	snprintf(name, sizeof(name), "work/%d", work->cpu);
	sh_spawn(name, work->cpu, SH_TASK, work_main, work, work);
}

struct workqueue_struct *sh_alloc_workqueue(unsigned int flags)
{
	struct workqueue_struct *wq = kzalloc(sizeof(*wq), GFP_KERNEL);

	wq->unbound = flags & WQ_UNBOUND;
	return wq;
}

static int work_cpu(int cpu, struct workqueue_struct *wq)
{
	if (wq->unbound)
		return nr_cpu_ids - 1;
	return cpu < 0 ? smp_processor_id() : cpu;
}

bool sh_queue_work(int cpu, struct workqueue_struct *wq, struct work_struct *work)
{
	bool was;

	sh_point(&queue_site, work, SH_RMW);
	sh_guts_lock();
	was = work->pending;
	if (!was) {
		work->pending = true;
		if (!work->running)
			work->cpu = work_cpu(cpu, wq);
		start_work(work);
	}
	sh_guts_unlock();
	return !was;
}

struct flush {
	struct work_struct *work;
	unsigned long asked;
};

static bool is_flushed(void *arg)
{
	struct flush *f = arg;

	return GET(&f->work->done) >= f->asked;
}

bool flush_work(struct work_struct *work)
{
	struct flush f = { work, GET(&work->asked) };

	might_sleep();
	sh_point(&queue_site, work, SH_RMW);
	sh_block(is_flushed, &f, SH_FOREVER);
	return true;
}

bool cancel_work_sync(struct work_struct *work)
{
	return flush_work(work);
}

static void drop_timer(struct delayed_work *dw)
{
	struct delayed_work **p;

	for (p = &timers; *p; p = &(*p)->next)
		if (*p == dw) {
			*p = dw->next;
			dw->timer = false;
			return;
		}
}

/* Under the lock. */
static void set_delayed(struct workqueue_struct *wq, struct delayed_work *dw, unsigned long delay)
{
	if (!dw->work.running)
		dw->work.cpu = work_cpu(-1, wq);
	if (!delay) {
		start_work(&dw->work);
		dw->work.pending = true;
		return;
	}
	dw->timer = true;
	dw->wq = wq;
	dw->expires = jiffies + delay;
	dw->next = timers;
	timers = dw;
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dw, unsigned long delay)
{
	bool was;

	sh_point(&queue_site, dw, SH_RMW);
	sh_guts_lock();
	was = dw->work.pending || dw->timer;
	if (!was)
		set_delayed(wq, dw, delay);
	sh_guts_unlock();
	return !was;
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dw, unsigned long delay)
{
	bool was;

	sh_point(&queue_site, dw, SH_RMW);
	sh_guts_lock();
	was = dw->work.pending || dw->timer;
	drop_timer(dw);
	if (!dw->work.pending)
		set_delayed(wq, dw, delay);
	sh_guts_unlock();
	return was;
}

bool cancel_delayed_work_sync(struct delayed_work *dw)
{
	sh_guts_lock();
	drop_timer(dw);
	sh_guts_unlock();
	return cancel_work_sync(&dw->work);
}

bool sh_next_timer(unsigned long *expires)
{
	struct delayed_work *dw;

	*expires = SH_FOREVER;
	for (dw = timers; dw; dw = dw->next)
		*expires = min(*expires, dw->expires);
	return timers;
}

/* Under the lock. */
void sh_run_timers(void)
{
	struct delayed_work *dw, *next;

	for (dw = timers; dw; dw = next) {
		next = dw->next;
		if ((long)(jiffies - dw->expires) < 0)
			continue;
		drop_timer(dw);
		dw->work.pending = true;
		start_work(&dw->work);
	}
}

/* ---------------------------------------------------------------- interrupts */

static void run_irq_work(void *arg)
{
	struct irq_work *work = arg;

	SET(&work->running, 1);
	SET(&work->pending, 0);
	work->func(work);
	SET(&work->running, 0);
}

bool irq_work_queue(struct irq_work *work)
{
	if (__atomic_exchange_n(&work->pending, 1, __ATOMIC_ACQ_REL))
		return false;
	sh_raise(smp_processor_id(), run_irq_work, work);
	return true;
}

static bool irq_work_is_idle(void *arg)
{
	struct irq_work *work = arg;

	return !GET(&work->pending) && !GET(&work->running);
}

void irq_work_sync(struct irq_work *work)
{
	sh_block(irq_work_is_idle, work, SH_FOREVER);
}

static const struct sh_site csd_site = { "smp", 0, "csd", "csd" };

/* Unlocked before its function runs, as in the kernel. */
static void run_csd(void *arg)
{
	call_single_data_t *csd = arg;

	sh_point(&csd_site, csd, SH_RMW);
	SET(&csd->locked, 0);
	csd->func(csd->info);
}

int smp_call_function_single_async(int cpu, call_single_data_t *csd)
{
	sh_point(&csd_site, csd, SH_RMW);
	if (__atomic_exchange_n(&csd->locked, 1, __ATOMIC_ACQ_REL))
		return -EBUSY;
	sh_raise(cpu, run_csd, csd);
	return 0;
}

void on_each_cpu(void (*func)(void *info), void *info, int wait)
{
}

/* ---------------------------------------------------------------- RCU */

static unsigned long rcu_done;

/* What began after this is not waited for. */
unsigned long get_state_synchronize_rcu(void)
{
	return sh_rcu_now();
}

unsigned long start_poll_synchronize_rcu(void)
{
	return get_state_synchronize_rcu();
}

bool poll_state_synchronize_rcu(unsigned long cookie)
{
	static const struct sh_site site = { "rcu", 0, "poll_state_synchronize_rcu", "cookie" };

	sh_point(&site, &rcu_done, SH_RMW);
	if (!sh_rcu_ends())
		return false;
	if ((long)(rcu_done - cookie) >= 0)
		return true;
	if (!sh_rcu_quiescent(cookie))
		return false;
	rcu_done = cookie;
	return true;
}

struct grace {
	unsigned long cookie;
};

static bool grace_is_over(void *arg)
{
	return sh_rcu_quiescent(((struct grace *)arg)->cookie);
}

void synchronize_rcu(void)
{
	struct grace grace = { get_state_synchronize_rcu() };

	might_sleep();
	sh_block(grace_is_over, &grace, SH_FOREVER);
}

static struct rcu_head *later;

/* Who gives something back also frees what others have, if its time has come. */
void sh_call_later(struct rcu_head *head, rcu_callback_t func)
{
	struct rcu_head **p, *over = NULL;

	sh_guts_lock();
	head->cookie = sh_rcu_now();
	head->func = func;
	head->next = later;
	later = head;
	for (p = &later; (head = *p);) {
		if (!sh_rcu_quiescent(head->cookie)) {
			p = &head->next;
			continue;
		}
		*p = head->next;
		head->next = over;
		over = head;
	}
	sh_guts_unlock();
	while ((head = over)) {
		over = head->next;
		head->func(head);
	}
}

/* ---------------------------------------------------------------- the rest */

void sh_sort(void *base, size_t nr, size_t size, int (*cmp)(const void *, const void *))
{
	qsort(base, nr, size, cmp);
}

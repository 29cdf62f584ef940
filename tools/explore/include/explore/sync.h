/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: locks, waiting, work, RCU.
 */
#ifndef _EXPLORE_SYNC_H
#define _EXPLORE_SYNC_H

#include <explore/access.h>
#include <explore/cpu.h>
#include <explore/memory.h>

struct mutex {
	unsigned int locked;
};

struct rt_mutex {
	unsigned int locked;
};

void sh_lock(unsigned int *locked, const struct sh_site *site);
bool sh_trylock(unsigned int *locked, const struct sh_site *site);
void sh_unlock(unsigned int *locked, const struct sh_site *site);

#define DEFINE_SPINLOCK(name)	spinlock_t name
#define DEFINE_RAW_SPINLOCK(name) raw_spinlock_t name
#define DEFINE_MUTEX(name)	struct mutex name
#define spin_lock_init(l)	((void)((l)->locked = 0))
#define raw_spin_lock_init(l)	spin_lock_init(l)
#define mutex_init(m)		((void)((m)->locked = 0))

#define spin_lock(l)							\
do {									\
	preempt_disable();						\
	sh_lock(&(l)->locked, SH_SITE("spin_lock", #l));		\
} while (0)
#define spin_unlock(l)							\
do {									\
	sh_unlock(&(l)->locked, SH_SITE("spin_unlock", #l));		\
	preempt_enable();						\
} while (0)
#define spin_lock_irqsave(l, flags)					\
do {									\
	local_irq_save(flags);						\
	spin_lock(l);							\
} while (0)
#define spin_unlock_irqrestore(l, flags)				\
do {									\
	spin_unlock(l);							\
	local_irq_restore(flags);					\
} while (0)
#define raw_spin_lock(l)	spin_lock(l)
#define raw_spin_unlock(l)	spin_unlock(l)
#define raw_spin_lock_irqsave(l, flags)	spin_lock_irqsave(l, flags)
#define raw_spin_unlock_irqrestore(l, flags) spin_unlock_irqrestore(l, flags)

#define mutex_lock(m)							\
do {									\
	might_sleep();							\
	sh_lock(&(m)->locked, SH_SITE("mutex_lock", #m));		\
} while (0)
#define mutex_trylock(m)	sh_trylock(&(m)->locked, SH_SITE("mutex_trylock", #m))
#define rt_mutex_trylock(m)	mutex_trylock(m)
#define rt_mutex_lock(m)	mutex_lock(m)
#define rt_mutex_lock_interruptible(m)	({ mutex_lock(m); 0; })
#define rt_mutex_lock_killable(m)	({ mutex_lock(m); 0; })
#define rt_mutex_unlock(m)	mutex_unlock(m)
#define DEFINE_RT_MUTEX(name)	struct rt_mutex name
#define mutex_unlock(m)		sh_unlock(&(m)->locked, SH_SITE("mutex_unlock", #m))

/* Who waits remembers how often the queue was woken before he looked. */
typedef struct {
	unsigned long wakes;
} wait_queue_head_t;

#define DECLARE_WAIT_QUEUE_HEAD(name)	wait_queue_head_t name
#define init_waitqueue_head(wq)	((void)((wq)->wakes = 0))

unsigned long sh_wait_begin(wait_queue_head_t *wq, const struct sh_site *site);
bool sh_wait(wait_queue_head_t *wq, unsigned long wakes, unsigned long until);
void sh_wake(wait_queue_head_t *wq, const struct sh_site *site);

#define SH_FOREVER		(~0UL)
#define sh_wait_event(wq, condition, until)				\
({									\
	wait_queue_head_t *__wq = &(wq);				\
	unsigned long __until = (until), __wakes;			\
	bool __done, __late = false;					\
									\
	might_sleep();							\
	for (;;) {							\
		__wakes = sh_wait_begin(__wq, SH_SITE("wait_event", #condition)); \
		__done = (condition);					\
		if (__done || __late)					\
			break;						\
		__late = !sh_wait(__wq, __wakes, __until);		\
	}								\
	(long)__done;							\
})
#define wait_event(wq, condition)	sh_wait_event(wq, condition, SH_FOREVER)
#define wait_event_timeout(wq, condition, timeout) \
	sh_wait_event(wq, condition, jiffies + (timeout))
#define wake_up_all(wq)		sh_wake(wq, SH_SITE("wake_up_all", #wq))
#define wake_up(wq)		wake_up_all(wq)
#define wq_has_sleeper(wq)	(smp_mb(), (void)(wq), true)

struct workqueue_struct {
	bool unbound;
};

typedef void (*work_func_t)(struct work_struct *work);

/*
 * Each work has a task of its own while it runs, so none has to wait for another's.
 * @asked, @done: how many runs have been asked for, and are over
 */
struct work_struct {
	work_func_t func;
	bool pending;
	bool running;
	bool counted;
	int cpu;
	unsigned long asked;
	unsigned long done;
};

struct delayed_work {
	struct work_struct work;
	bool timer;
	unsigned long expires;
	struct workqueue_struct *wq;
	struct delayed_work *next;
};

#define WQ_MEM_RECLAIM	1u
#define WQ_UNBOUND	2u
#define WQ_PERCPU	4u

#define INIT_WORK(w, fn)	(*(w) = (struct work_struct){ .func = (fn) })
#define INIT_DELAYED_WORK(dw, fn) (*(dw) = (struct delayed_work){ .work.func = (fn) })
#define DECLARE_WORK(name, fn)	struct work_struct name = { .func = (fn) }
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)

struct workqueue_struct *sh_alloc_workqueue(unsigned int flags);
bool sh_queue_work(int cpu, struct workqueue_struct *wq, struct work_struct *work);

#define alloc_workqueue(name, flags, max)	sh_alloc_workqueue(flags)
#define destroy_workqueue(wq)	kfree(wq)
#define queue_work(wq, w)	sh_queue_work(-1, wq, w)
#define queue_work_on(cpu, wq, w) sh_queue_work(cpu, wq, w)
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dw,
			unsigned long delay);
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dw, unsigned long delay);
bool flush_work(struct work_struct *work);
bool cancel_work_sync(struct work_struct *work);
bool cancel_delayed_work_sync(struct delayed_work *dw);

#define current_work()		(current->work)

struct irq_work {
	void (*func)(struct irq_work *work);
	unsigned int pending;
	unsigned int running;
};

#define init_irq_work(w, fn)	(*(w) = (struct irq_work){ .func = (fn) })
#define IRQ_WORK_INIT(fn)	{ .func = (fn) }
bool irq_work_queue(struct irq_work *work);
void irq_work_sync(struct irq_work *work);

void rcu_read_lock(void);
void rcu_read_unlock(void);
unsigned long get_state_synchronize_rcu(void);
unsigned long start_poll_synchronize_rcu(void);
bool poll_state_synchronize_rcu(unsigned long cookie);
void synchronize_rcu(void);

struct rcu_head {
	unsigned long cookie;
	void (*func)(struct rcu_head *head);
	struct rcu_head *next;
};

typedef void (*rcu_callback_t)(struct rcu_head *head);

/* rcu_barrier() is for the code of modules to stay, and ours does. */
void sh_call_later(struct rcu_head *head, rcu_callback_t func);
#define call_rcu(head, func)	sh_call_later(head, func)
#define rcu_barrier()		((void)0)

#define rcu_preempt_depth()	(current->rcu_depth)
#define rcu_is_watching()	true

#endif /* _EXPLORE_SYNC_H */

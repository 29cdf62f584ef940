/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: virtual CPUs, what runs on them, and per-CPU variables.
 *
 * A virtual CPU has tasks, of which one is on it; interrupts, and NMIs on top of those. A
 * task stays on its CPU.
 */
#ifndef _EXPLORE_CPU_H
#define _EXPLORE_CPU_H

#include <explore/access.h>
#include <explore/list.h>

#define SH_CPUS		4	/* at most */

enum sh_context {
	SH_TASK,
	SH_SOFTIRQ,
	SH_HARDIRQ,
	SH_NMI,
};

typedef struct {
	unsigned int locked;
} spinlock_t;

typedef spinlock_t raw_spinlock_t;

struct work_struct;

#define TASK_COMM_LEN		24

/* The first members are what the modules look at. */
struct task_struct {
	unsigned int on_rq;
	unsigned int on_cpu;
	raw_spinlock_t pi_lock;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	unsigned int __state;
	unsigned int flags;

	int cpu;
	enum sh_context context;
	unsigned int preempt_count;
	unsigned int irqs_off;
	unsigned int rcu_depth;
	unsigned long section;		/* since when RCU has to wait for it */
	struct work_struct *work;
	struct sh_fiber *fiber;		/* the scheduler's */
};

#ifdef EXPLORE_THREADS
extern __thread struct task_struct *sh_current;
#else
extern struct task_struct *sh_current;
#endif

#define current			sh_current
#define task_pid_nr(t)		((t)->pid)
#define task_cpu(t)		((t)->cpu)
#define PF_WQ_WORKER		0x20
#define task_is_running(t)	(!READ_ONCE((t)->__state))
#define task_state_to_char(t)	((t)->on_rq ? 'R' : 'S')
#define get_task_comm(buf, t)	strscpy(buf, (t)->comm, sizeof(buf))
#define get_task_struct(t)	((void)(t))
#define put_task_struct(t)	((void)(t))
#define sched_show_task(t)	((void)(t))

struct pid;
enum pid_type { PIDTYPE_PID };
struct pid_namespace { int unused; };
extern struct pid_namespace init_pid_ns;
struct pid *find_pid_ns(pid_t nr, struct pid_namespace *ns);
struct task_struct *pid_task(struct pid *pid, enum pid_type type);

void preempt_disable(void);
void preempt_enable(void);

#define preempt_count()		(current->preempt_count)
#define in_task()		(current->context == SH_TASK)
#define in_nmi()		(current->context == SH_NMI)
#define in_hardirq()		(current->context == SH_HARDIRQ)
#define irqs_disabled()		(current->irqs_off || current->context >= SH_HARDIRQ)
#define preemptible()		(in_task() && !preempt_count() && !irqs_disabled())
#define need_resched()		false
#define cpu_relax()		sh_yield()
#define usleep_range(a, b)	sh_yield()
#define cond_resched()		do { } while (0)

/* Let others do something: we are waiting for it. */
void sh_yield(void);
#define might_sleep()		sh_might_sleep(__FILE__, __LINE__)
#define might_sleep_if(c)	do { if (c) might_sleep(); } while (0)
void sh_might_sleep(const char *file, unsigned int line);

void local_irq_disable(void);
void local_irq_enable(void);
#define local_irq_save(flags)	do { (flags) = 0; local_irq_disable(); } while (0)
#define local_irq_restore(flags) do { (void)(flags); local_irq_enable(); } while (0)

#define smp_processor_id()	(current->cpu)
#define raw_smp_processor_id()	(current->cpu)
#define get_cpu()		({ preempt_disable(); smp_processor_id(); })
#define put_cpu()		preempt_enable()

/* CPU 0's copy of a variable is where the linker puts it, the others' at a distance. */
#define SH_PERCPU_SHIFT		32
#define SH_PERCPU_SECTION	"sh_percpu"
#define SH_PERCPU		__attribute__((section(SH_PERCPU_SECTION)))

#define DECLARE_PER_CPU(type, name)	extern typeof(type) name
#define DEFINE_PER_CPU(type, name)	SH_PERCPU typeof(type) name
#define DEFINE_PER_CPU_SHARED_ALIGNED(type, name) \
	SH_PERCPU typeof(type) name ____cacheline_aligned
#define DECLARE_PER_CPU_SHARED_ALIGNED	DECLARE_PER_CPU
#define EXPORT_PER_CPU_SYMBOL_GPL(name)	struct sh_nothing

#define per_cpu_ptr(p, cpu)						\
({									\
	unsigned long __addr = (unsigned long)(p);			\
									\
	__asm__("" : "+r" (__addr));					\
	(typeof(p))(__addr + ((unsigned long)(cpu) << SH_PERCPU_SHIFT));	\
})
#define this_cpu_ptr(p)		per_cpu_ptr(p, current->cpu)
#define raw_cpu_ptr(p)		this_cpu_ptr(p)
#define per_cpu(name, cpu)	(*per_cpu_ptr(&(name), cpu))
#define raw_cpu_read(x)		(*this_cpu_ptr(&(x)))
#define this_cpu_read(x)	READ_ONCE(*this_cpu_ptr(&(x)))
#define this_cpu_write(x, v)	WRITE_ONCE(*this_cpu_ptr(&(x)), v)
/* One instruction in the kernel: nobody comes in between. */
#define this_cpu_add(x, n)						\
do {									\
	preempt_disable();						\
	__sh_this_cpu_add(this_cpu_ptr(&(x)), n);			\
	preempt_enable();						\
} while (0)
#ifdef EXPLORE_THREADS
#define __sh_this_cpu_add(p, n)	((void)__sh_update(p, "this_cpu_add", #p, __was + (n)))
#else
#define __sh_this_cpu_add(p, n)	((void)(*(p) += (n)))
#endif
#define this_cpu_inc(x)		this_cpu_add(x, 1)
#define this_cpu_inc_return(x)	({ this_cpu_add(x, 1); *this_cpu_ptr(&(x)); })
#define raw_cpu_add(x, n)	this_cpu_add(x, n)

struct cpumask {
	unsigned long bits;
};

typedef struct cpumask cpumask_t;
typedef struct cpumask cpumask_var_t[1];

extern struct cpumask sh_cpus;		/* all of them are online */
extern unsigned int nr_cpu_ids;

#define cpu_possible_mask	((const struct cpumask *)&sh_cpus)
#define cpu_online_mask		((const struct cpumask *)&sh_cpus)
#define num_possible_cpus()	nr_cpu_ids
#define num_online_cpus()	nr_cpu_ids
#define cpu_online(cpu)		((cpu) < nr_cpu_ids)
#define cpumask_clear(m)	((void)((m)->bits = 0))
#define cpumask_empty(m)	(!(m)->bits)
#define cpumask_copy(to, from)	((void)((to)->bits = (from)->bits))
#define cpumask_or(to, a, b)	((void)((to)->bits = (a)->bits | (b)->bits))
#define cpumask_set_cpu(cpu, m)	((void)((m)->bits |= 1UL << (cpu)))
#define cpumask_test_cpu(cpu, m) (!!((m)->bits & 1UL << (cpu)))

static inline unsigned int sh_next_cpu(int cpu, unsigned long bits)
{
	bits &= cpu < 0 ? ~0UL : ~0UL << 1 << cpu;
	return bits ? (unsigned int)__builtin_ctzl(bits) : nr_cpu_ids;
}

#define cpumask_weight(m)	((unsigned int)__builtin_popcountl((m)->bits))
#define cpumask_first(m)	sh_next_cpu(-1, (m)->bits)
#define cpumask_next(cpu, m)	sh_next_cpu(cpu, (m)->bits)
#define __sh_for_each_cpu(cpu, mask)					\
	for ((cpu) = sh_next_cpu(-1, mask); (cpu) < nr_cpu_ids;		\
	     (cpu) = sh_next_cpu(cpu, mask))
#define for_each_cpu(cpu, m)	__sh_for_each_cpu(cpu, (m)->bits)
#define for_each_cpu_and(cpu, a, b) __sh_for_each_cpu(cpu, (a)->bits & (b)->bits)
#define for_each_possible_cpu(cpu) for_each_cpu(cpu, cpu_possible_mask)
#define for_each_online_cpu(cpu) for_each_cpu(cpu, cpu_online_mask)

static inline bool zalloc_cpumask_var(cpumask_var_t *mask, gfp_t gfp)
{
	(*mask)->bits = 0;
	return true;
}

static inline void free_cpumask_var(cpumask_var_t mask) { }

/* No CPU comes or goes. */
enum cpuhp_state { CPUHP_BP_PREPARE_DYN };
#define cpus_read_lock()	do { } while (0)
#define cpus_read_unlock()	do { } while (0)
#define cpus_read_trylock()	true
#define cpuhp_setup_state_nocalls(state, name, up, down)	((void)(down), 0)
#define cpuhp_setup_state_multi(state, name, up, down)		((void)(down), 0)
#define cpuhp_remove_state_nocalls(state)	((void)(state))
#define cpuhp_remove_multi_state(state)		((void)(state))
#define cpuhp_state_add_instance_nocalls(state, node)		((void)(state), (void)(node), 0)
#define cpuhp_state_remove_instance_nocalls(state, node)	((void)(state), (void)(node))

typedef struct {
	unsigned int locked;
	void (*func)(void *info);
	void *info;
} call_single_data_t;

#define INIT_CSD(csd, fn, arg)						\
do {									\
	(csd)->locked = 0;						\
	(csd)->func = (fn);						\
	(csd)->info = (arg);						\
} while (0)

int smp_call_function_single_async(int cpu, call_single_data_t *csd);
void on_each_cpu(void (*func)(void *info), void *info, int wait);

#define housekeeping_enabled(type)	false

/* Time goes by when nobody has anything to do, or when the scheduler says so. */
#define HZ			1000
extern unsigned long sh_jiffies;
#ifdef EXPLORE_THREADS
#define jiffies			__atomic_load_n(&sh_jiffies, __ATOMIC_RELAXED)
#else
#define jiffies			sh_jiffies
#endif
#define msecs_to_jiffies(ms)	((unsigned long)(ms))
#define jiffies_to_msecs(j)	((unsigned int)(j))
#define time_after(a, b)	((long)((b) - (a)) < 0)
#define time_before(a, b)	time_after(b, a)
#define time_after_eq(a, b)	((long)((a) - (b)) >= 0)
#define time_before_eq(a, b)	time_after_eq(b, a)
#define local_clock()		((u64)jiffies * NSEC_PER_MSEC)
void schedule_timeout_uninterruptible(long timeout);

#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1
#define TASK_UNINTERRUPTIBLE	2
#define TASK_KILLABLE		4
#define TASK_IDLE		8
#define MAX_SCHEDULE_TIMEOUT	LONG_MAX
#define MAX_JIFFY_OFFSET	((LONG_MAX >> 1) - 1)
#define __set_current_state(s)	WRITE_ONCE(current->__state, s)
#define set_current_state(s)	do { __set_current_state(s); smp_mb(); } while (0)
#define signal_pending_state(state, task)	((void)(state), (void)(task), false)
#define signal_pending(task)	((void)(task), false)
#define fatal_signal_pending(task)	((void)(task), false)
long schedule_timeout(long timeout);
int wake_up_process(struct task_struct *task);

#endif /* _EXPLORE_CPU_H */

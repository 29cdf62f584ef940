/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra tests: what the suites share.
 *
 * The tests run on more virtual CPUs than there are real ones: any CPU may stand
 * still for some hundred milliseconds at any point. So nothing here concludes
 * from time that something did not happen in time, except after
 * DEBRA_TEST_PATIENCE_MS; and what must not happen is watched for a short time,
 * in which everything is done to make it happen.
 *
 * No assertion may be made inside a pin: it would end the thread with preemption
 * off. Note what was seen, unpin, then assert.
 */
#ifndef _DEBRA_TEST_UTIL_H
#define _DEBRA_TEST_UTIL_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/debra.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>

/* Kernels in which each access to memory is looked at, and so takes several times as long. */
#define DEBRA_TEST_SLOW		(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN))
/* Else a function that ends with debra_retire() is still on the stack, and that is the caller. */
#define DEBRA_TEST_TAIL_CALLS	(!IS_ENABLED(CONFIG_FRAME_POINTER) && !IS_ENABLED(CONFIG_KCSAN))
#define DEBRA_TEST_PATIENCE_MS	(DEBRA_TEST_SLOW ? 60000 : 20000)
#define DEBRA_TEST_HOLD_MS	10000	/* no pin is held longer, come what may */
#define DEBRA_TEST_WATCH_MS	60	/* for what must not happen */
#define DEBRA_TEST_GRACE	3	/* epochs between retirement and freeing */

/* So many, or fewer where each costs many times as much. */
#define DEBRA_TEST_SCALED(nr)	((nr) / (DEBRA_TEST_SLOW ? 8 : 1))

/**
 * debra_test_wait() - wait for something that has to happen
 * @cond: the condition, evaluated again and again
 *
 * Return: whether it came true.
 */
#define debra_test_wait(cond)						\
({									\
	unsigned long __end = jiffies + msecs_to_jiffies(DEBRA_TEST_PATIENCE_MS); \
	bool __late, __met;						\
									\
	do {								\
		__late = time_after(jiffies, __end);			\
		__met = (cond);						\
		if (!__met)						\
			usleep_range(100, 500);				\
	} while (!__met && !__late);					\
	__met;								\
})

DECLARE_PER_CPU(u64, debra_test_salt);

/*
 * Good enough to spread things, and callable from NMI. Not from the clock alone: it may go
 * by ticks, and then all that is drawn in one of them would be the same.
 */
static inline u32 debra_test_random(u32 below)
{
	u64 salt = raw_cpu_read(debra_test_salt) + GOLDEN_RATIO_32;

	/* Who comes in between may spoil a step, not more. */
	raw_cpu_write(debra_test_salt, salt);
	salt ^= ktime_get_mono_fast_ns() ^ (u64)raw_smp_processor_id() << 40;
	salt ^= salt >> 29;
	return (u64)hash_64(salt, 32) * below >> 32;
}

/* ---------------------------------------------------------------- domains */

struct debra_domain *debra_test_domain(struct kunit *test);
void debra_test_need_cpus(struct kunit *test, unsigned int nr);
unsigned int debra_test_cpu(unsigned int nth);
bool debra_test_push_to(struct debra_domain *dom, unsigned long epoch);
void debra_test_push_for(struct debra_domain *dom, unsigned int ms);
bool debra_test_drained(struct debra_domain *dom);
void debra_test_pace(struct debra_domain *dom);

/* What a CPU announces; the documented form of struct debra_pin_state. */
static inline unsigned long debra_test_word(struct debra_domain *dom, unsigned int cpu)
{
	return READ_ONCE(per_cpu_ptr(dom->pins, cpu)->announce);
}

static inline unsigned long debra_test_nest(struct debra_domain *dom, unsigned int cpu)
{
	return debra_test_word(dom, cpu) & DEBRA_DEPTH_MASK;
}

static inline unsigned long debra_test_announced(struct debra_domain *dom, unsigned int cpu)
{
	return debra_test_word(dom, cpu) >> DEBRA_DEPTH_BITS;
}

void debra_test_expect_quiet(struct kunit *test, struct debra_domain *dom);

/* ---------------------------------------------------------------- marks */

/**
 * struct debra_test_mark - an object that knows what became of it
 * @magic: in front of @head, which must not depend on standing first
 * @head: the head
 * @dom: where it was retired
 * @stamp: epoch shortly before the retirement; the object's stamp is not less
 * @called: epoch in the last call
 * @calls: how often the callback ran
 * @early: how often that was before the third epoch after @stamp
 */
struct debra_test_mark {
	unsigned long magic;
	struct debra_head head;
	struct debra_domain *dom;
	unsigned long stamp;
	unsigned long called;
	atomic_t calls;
	atomic_t early;
};

void debra_test_mark_init(struct debra_test_mark *mark, struct debra_domain *dom);
struct debra_test_mark *debra_test_marks(struct kunit *test, struct debra_domain *dom,
					 unsigned int nr);
void debra_test_mark_callback(struct debra_head *head);
void debra_test_mark_retire(struct debra_test_mark *mark);
void debra_test_mark_retire_fn(void *mark);
void debra_test_expect_called_once(struct kunit *test, struct debra_test_mark *marks,
				   unsigned int nr);
unsigned int debra_test_calls(struct debra_test_mark *marks, unsigned int nr);

/* ---------------------------------------------------------------- threads */

typedef int (*debra_test_thread_fn)(void *arg);

struct task_struct *debra_test_thread(struct kunit *test, debra_test_thread_fn fn, void *arg,
				      int cpu);
void debra_test_thread_stop(struct kunit *test, struct task_struct *task);

#define DEBRA_TEST_ANY_CPU	(-1)

/* ---------------------------------------------------------------- contexts */

/* With PREEMPT_RT softirqs are tasks; what comes on top of a task is hardirq or NMI. */
enum debra_test_context {
	DEBRA_TEST_TASK,
#ifndef CONFIG_PREEMPT_RT
	DEBRA_TEST_SOFTIRQ,
#endif
	DEBRA_TEST_HARDIRQ,
#ifdef CONFIG_X86
	DEBRA_TEST_NMI,
#endif
	DEBRA_TEST_NR_CONTEXTS
};

/* The last that may ask for memory; with PREEMPT_RT no interrupt may. */
#define DEBRA_TEST_LAST_ALLOCATING	\
	(IS_ENABLED(CONFIG_PREEMPT_RT) ? DEBRA_TEST_TASK : DEBRA_TEST_HARDIRQ)

/* May it be asked for here? */
static inline bool debra_test_may_allocate(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT) ? preemptible() : !in_nmi();
}

extern const char * const debra_test_context_name[DEBRA_TEST_NR_CONTEXTS];

/* For KUNIT_ARRAY_PARAM(). */
extern const enum debra_test_context debra_test_contexts[DEBRA_TEST_NR_CONTEXTS];

/* Those that come on top of a task: all but the first, as an array. */
#define debra_test_interrupts	\
	(*(const enum debra_test_context (*)[DEBRA_TEST_NR_CONTEXTS - 1])(debra_test_contexts + 1))

static inline void debra_test_context_desc(const enum debra_test_context *context, char *desc)
{
	strscpy(desc, debra_test_context_name[*context], KUNIT_PARAM_DESC_SIZE);
}

typedef void (*debra_test_fn)(void *arg);

enum debra_test_context debra_test_in_context(void);
void debra_test_use_interrupts(struct kunit *test);
bool debra_test_interrupt(enum debra_test_context context, debra_test_fn fn, void *arg);
bool debra_test_run_on(unsigned int cpu, enum debra_test_context context, debra_test_fn fn,
		       void *arg);
bool debra_test_send_nmi(unsigned int cpu);

static inline void debra_test_timer_init(struct hrtimer *timer,
					 enum hrtimer_restart (*fn)(struct hrtimer *timer),
					 enum hrtimer_mode mode)
{
#ifdef DEBRA_TEST_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = fn;
#endif
}

/* ---------------------------------------------------------------- holders */

/**
 * struct debra_test_holder - somebody who holds a pin on a CPU of his own
 * @dom: the domain
 * @cpu: the CPU
 * @context: where the pin is; the CPU stays there for as long as it is held
 * @want: how many pins it should hold
 * @held: how many it holds
 * @ms: it ends by itself after so long; 0 if it shall not
 * @farewell: called under the pin when it is about to end; may be NULL
 * @arg: its argument
 * @epoch: what was the epoch just before the pin
 * @overran: it gave up after DEBRA_TEST_HOLD_MS; the test has proved nothing
 * @failed: the context was not to be had
 * @queue: the thread waits here while it holds nothing
 */
struct debra_test_holder {
	struct debra_domain *dom;
	unsigned int cpu;
	enum debra_test_context context;
	unsigned int want;
	unsigned int held;
	unsigned int ms;
	debra_test_fn farewell;
	void *arg;
	unsigned long epoch;
	bool overran;
	bool failed;
	wait_queue_head_t queue;
};

struct debra_test_holder *debra_test_holder(struct kunit *test, struct debra_domain *dom,
					    unsigned int cpu, enum debra_test_context context);
bool debra_test_hold(struct debra_test_holder *holder, unsigned int depth);
bool debra_test_release(struct debra_test_holder *holder);

/* ---------------------------------------------------------------- hotplug */

#ifdef CONFIG_HOTPLUG_CPU
unsigned int debra_test_victim(struct kunit *test);

/**
 * struct debra_test_blink - a CPU that comes and goes
 * @cpu: its number
 * @rounds: how many times it has
 * @err: an error of doing that
 * @task: who does it
 */
struct debra_test_blink {
	unsigned int cpu;
	unsigned int rounds;
	int err;
	struct task_struct *task;
};

struct debra_test_blink *debra_test_blink(struct kunit *test);
void debra_test_blink_stop(struct kunit *test, struct debra_test_blink *blink);
#endif

/* ---------------------------------------------------------------- storms */

typedef void (*debra_test_storm_fn)(void *arg);

/* Which interrupts a storm has: BIT() of enum debra_test_context. */
#define DEBRA_TEST_STORM_ALL	(BIT(DEBRA_TEST_NR_CONTEXTS) - 1)
/* Those that may ask for memory. */
#define DEBRA_TEST_STORM_ALLOCATING	(BIT(DEBRA_TEST_LAST_ALLOCATING + 1) - 1)

struct debra_test_storm;

struct debra_test_storm *debra_test_storm(struct kunit *test, unsigned long contexts,
					  debra_test_storm_fn fn, void *arg);
void debra_test_storm_stop(struct kunit *test, struct debra_test_storm *storm);
long debra_test_storm_count(struct debra_test_storm *storm, enum debra_test_context context);

/* ---------------------------------------------------------------- files */

struct debra_test_files;

struct debra_test_files *debra_test_files(struct kunit *test);
ssize_t debra_test_read(struct debra_test_files *files, const char *path);
ssize_t debra_test_write(struct debra_test_files *files, const char *path, const char *text);
int debra_test_mode(struct debra_test_files *files, const char *path);
const char *debra_test_text(struct debra_test_files *files);
ssize_t debra_test_domain_read(struct debra_test_files *files, struct debra_domain *dom,
			       const char *name);
ssize_t debra_test_domain_write(struct debra_test_files *files, struct debra_domain *dom,
				const char *name, const char *text);
long debra_test_stat(struct debra_test_files *files, struct debra_domain *dom, const char *name);
long debra_test_warnings(struct debra_test_files *files);
long debra_test_param(struct debra_test_files *files, const char *name);
void debra_test_set_param(struct kunit *test, struct debra_test_files *files, const char *name,
			  unsigned int value);

/* ---------------------------------------------------------------- splats */

/* The judge of the console overlooks what lies between these two. */
/* @what: beside warnings; a regular expression */
static inline void debra_test_splat_begin_of(const char *what)
{
	pr_info("debra-test: expect-splat-begin %s\n", what);
}

static inline void debra_test_splat_begin(void)
{
	pr_info("debra-test: expect-splat-begin\n");
}

static inline void debra_test_splat_end(void)
{
	pr_info("debra-test: expect-splat-end\n");
}

#endif /* _DEBRA_TEST_UTIL_H */

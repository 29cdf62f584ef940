// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: the other scheduler: real threads, for AddressSanitizer and ThreadSanitizer.
 *
 * Each task is a thread. Who has preemption off has the mutex of his virtual CPU. An
 * interrupt runs in the thread that has the CPU, at a switch point, or in a thread that
 * takes the CPU for it. RCU's grace periods do not end; rounds of IPIs do.
 *
 * Each scenario runs over and over again, with the modules loaded once.
 */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "explore.h"
#include "twins.h"

#define TASKS		256
#define RAISED		32
#define STUCK_MS	20000

struct sh_fiber {
	struct task_struct task;
	void (*fn)(void *arg);
	void *arg;
	bool used;
	unsigned int random;
};

struct vcpu {
	pthread_mutex_t mutex;
	unsigned int nr_raised;
	struct {
		void (*fn)(void *arg);
		void *arg;
		enum sh_context context;
	} raised[RAISED];
};

static struct sh_fiber tasks[TASKS];
static struct vcpu vcpus[SH_CPUS];
static pthread_mutex_t guts = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static unsigned int left;

__thread struct task_struct *sh_current;
struct cpumask sh_cpus;
unsigned int nr_cpu_ids;
unsigned long sh_jiffies = 1000;
struct pid_namespace init_pid_ns;
const struct scenario *sh_scenario;
bool sh_verbose;

void sh_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "explore: %s: ", sh_scenario->name);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	_exit(1);
}

void sh_printk(const char *fmt, ...) { }

void sh_guts_lock(void)
{
	pthread_mutex_lock(&guts);
}

void sh_guts_unlock(void)
{
	pthread_mutex_unlock(&guts);
}

/* ---------------------------------------------------------------- interrupts */

static bool next_raised(struct vcpu *v, void (**fn)(void *arg), void **arg,
			enum sh_context *context)
{
	bool found;

	pthread_mutex_lock(&table);
	found = v->nr_raised;
	if (found) {
		*fn = v->raised[0].fn;
		*arg = v->raised[0].arg;
		*context = v->raised[0].context;
		memmove(v->raised, v->raised + 1, (v->nr_raised - 1) * sizeof(v->raised[0]));
		__atomic_store_n(&v->nr_raised, v->nr_raised - 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&table);
	return found;
}

/* On top of whoever has the CPU. */
static void run_raised(void)
{
	enum sh_context was = current->context, context;
	struct vcpu *v = &vcpus[current->cpu];
	void (*fn)(void *arg);
	void *arg;

	while (__atomic_load_n(&v->nr_raised, __ATOMIC_ACQUIRE) &&
	       next_raised(v, &fn, &arg, &context)) {
		current->context = context;
		current->preempt_count++;
		fn(arg);
		current->preempt_count--;
		current->context = was;
	}
}

static void poll_raised(void)
{
	if (current->preempt_count && !current->irqs_off && current->context == SH_TASK)
		run_raised();
}

static void raise_in(int cpu, enum sh_context context, void (*fn)(void *arg), void *arg)
{
	struct vcpu *v = &vcpus[cpu];

	pthread_mutex_lock(&table);
	if (v->nr_raised == RAISED)
		sh_fail("explore: too many interrupts");
	v->raised[v->nr_raised].fn = fn;
	v->raised[v->nr_raised].arg = arg;
	v->raised[v->nr_raised].context = context;
	__atomic_store_n(&v->nr_raised, v->nr_raised + 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&table);
}

void sh_raise(int cpu, void (*fn)(void *arg), void *arg)
{
	raise_in(cpu, SH_HARDIRQ, fn, arg);
}

static void irq_main(void *arg)
{
	for (;;) {
		if (__atomic_load_n(&vcpus[current->cpu].nr_raised, __ATOMIC_ACQUIRE)) {
			preempt_disable();
			preempt_enable();
		}
		usleep(50);
	}
}

/* ---------------------------------------------------------------- switch points */

void sh_point(const struct sh_site *site, const volatile void *p, enum sh_kind kind)
{
	unsigned int *random = &current->fiber->random;

	if (__atomic_load_n(&vcpus[current->cpu].nr_raised, __ATOMIC_RELAXED))
		poll_raised();
	*random = *random * 1103515245 + 12345;
	if (!(*random >> 16 & 63))
		sched_yield();
}

void sh_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void check_stuck(unsigned long since)
{
	if (jiffies - since > STUCK_MS)
		sh_fail("no progress: %s waits for %d s", current->comm, STUCK_MS / 1000);
}

bool sh_block(sh_cond_fn cond, void *arg, unsigned long until)
{
	unsigned long since = jiffies;
	unsigned int tries;

	for (tries = 0; !cond(arg); tries++) {
		if (until != SH_FOREVER && time_after_eq(jiffies, until))
			return false;
		if (until == SH_FOREVER)
			check_stuck(since);
		poll_raised();
		if (tries < 20)
			sched_yield();
		else
			usleep(50);
	}
	return true;
}

void sh_yield(void)
{
	poll_raised();
	sched_yield();
}

void sh_hold(void)
{
	sh_yield();
}

void sh_might_sleep(const char *file, unsigned int line)
{
	if (!preemptible())
		sh_fail("%s:%u: sleeps where it must not", file, line);
}

/* ---------------------------------------------------------------- preemption, RCU */

void preempt_disable(void)
{
	if (!current->preempt_count)
		pthread_mutex_lock(&vcpus[current->cpu].mutex);
	current->preempt_count++;
}

void preempt_enable(void)
{
	if (current->preempt_count == 1) {
		poll_raised();
		current->preempt_count = 0;
		pthread_mutex_unlock(&vcpus[current->cpu].mutex);
	} else {
		current->preempt_count--;
	}
}

void local_irq_disable(void)
{
	preempt_disable();
	current->irqs_off++;
}

void local_irq_enable(void)
{
	current->irqs_off--;
	preempt_enable();
}

void rcu_read_lock(void)
{
	current->rcu_depth++;
}

void rcu_read_unlock(void)
{
	current->rcu_depth--;
}

unsigned long sh_rcu_now(void)
{
	return 1;
}

bool sh_rcu_ends(void)
{
	return false;
}

bool sh_rcu_quiescent(unsigned long since)
{
	return false;
}

/* ---------------------------------------------------------------- threads */

struct pid *find_pid_ns(pid_t nr, struct pid_namespace *ns)
{
	if (nr < 1 || nr > TASKS)
		return NULL;
	return (struct pid *)&tasks[nr - 1].task;
}

struct task_struct *pid_task(struct pid *pid, enum pid_type type)
{
	return (struct task_struct *)pid;
}

static void *thread_main(void *arg)
{
	struct sh_fiber *t = arg;

	sh_current = &t->task;
	t->fn(t->arg);
	pthread_mutex_lock(&table);
	t->used = false;
	pthread_mutex_unlock(&table);
	return NULL;
}

static struct sh_fiber *new_task(void)
{
	struct sh_fiber *t;

	pthread_mutex_lock(&table);
	for (t = tasks; t < tasks + TASKS; t++)
		if (!t->used)
			break;
	if (t == tasks + TASKS)
		sh_fail("explore: too many tasks");
	t->used = true;
	pthread_mutex_unlock(&table);
	return t;
}

/* What others look at of a task that has ended stays as it is: on_rq, on_cpu, its lock. */
static void set_task(struct sh_fiber *t, const char *name, int cpu, struct work_struct *work)
{
	__atomic_store_n(&t->task.on_rq, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&t->task.on_cpu, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&t->task.cpu, cpu, __ATOMIC_RELAXED);
	t->task.pid = 1 + (t - tasks);
	t->task.context = SH_TASK;
	t->task.preempt_count = 0;
	t->task.work = work;
	t->task.fiber = t;
	t->random = t - tasks + jiffies;
	snprintf(t->task.comm, sizeof(t->task.comm), "%s", name);
}

void sh_spawn(const char *name, int cpu, enum sh_context context, void (*fn)(void *arg),
	      void *arg, struct work_struct *work)
{
	struct sh_fiber *t = new_task();
	pthread_attr_t attr;
	pthread_t thread;

	set_task(t, name, cpu, work);
	t->fn = fn;
	t->arg = arg;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	if (pthread_create(&thread, &attr, thread_main, t))
		sh_fail("explore: no more threads");
	pthread_attr_destroy(&attr);
}

static void *time_main(void *arg)
{
	sh_current = &new_task()->task;
	set_task(container_of(sh_current, struct sh_fiber, task), "time", 0, NULL);
	for (;;) {
		usleep(1000);
		__atomic_fetch_add(&sh_jiffies, 1, __ATOMIC_RELAXED);
		sh_guts_lock();
		sh_run_timers();
		sh_guts_unlock();
	}
	return NULL;
}

/* ---------------------------------------------------------------- running */

static void run_thread(void *arg)
{
	sh_scenario->thread[(long)arg].fn(arg);
	__atomic_fetch_sub(&left, 1, __ATOMIC_ACQ_REL);
}

static bool all_done(void *arg)
{
	return !__atomic_load_n(&left, __ATOMIC_ACQUIRE);
}

static void run_once(void)
{
	unsigned int i, nr = 0;

	sh_scenario->setup();
	while (nr < SH_THREADS && sh_scenario->thread[nr].fn)
		nr++;
	__atomic_store_n(&left, nr, __ATOMIC_RELEASE);
	for (i = 0; i < nr; i++) {
		int cpu = sh_scenario->thread[i].cpu;
		enum sh_context context = sh_scenario->thread[i].context;

		if (context == SH_TASK)
			sh_spawn(sh_scenario->thread[i].name, cpu, context, run_thread,
				 (void *)(long)i, NULL);
		else
			raise_in(cpu, context, run_thread, (void *)(long)i);
	}
	sh_block(all_done, NULL, SH_FOREVER);
	if (sh_scenario->check)
		sh_scenario->check();
}

static void load(void)
{
	pthread_t thread;
	unsigned int cpu;

	nr_cpu_ids = SH_CPUS;
	sh_cpus.bits = (1UL << SH_CPUS) - 1;
	sh_percpu_init();
	for (cpu = 0; cpu < SH_CPUS; cpu++)
		pthread_mutex_init(&vcpus[cpu].mutex, NULL);
	sh_current = &new_task()->task;
	set_task(container_of(sh_current, struct sh_fiber, task), "main", 3, NULL);
	debra_bust = 0;
	debra_ipi_rate = 0;
	if (sh_init_debra_init() || sh_init_kcas_module_init())
		sh_fail("a module does not start");
	for (cpu = 0; cpu < SH_CPUS; cpu++)
		sh_spawn("irq", cpu, SH_TASK, irq_main, NULL, NULL);
	if (pthread_create(&thread, NULL, time_main, NULL))
		sh_fail("explore: no more threads");
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void run_scenario(const struct scenario *scenario, double time)
{
	unsigned int patience = kcas_patience;
	double until = seconds() + time;
	unsigned long runs = 0;

	sh_scenario = scenario;
	if (scenario->patience)
		WRITE_ONCE(kcas_patience, max(scenario->patience, 0));
	for (; seconds() < until; runs++)
		run_once();
	WRITE_ONCE(kcas_patience, patience);
	printf("ok    %s: run %lu times\n", scenario->name, runs);
}

static void run_list(const struct scenario *const *list, double time, const char *name)
{
	for (; *list; list++)
		if (!name || !strcmp((*list)->name, name))
			run_scenario(*list, time);
}

static const char *set_twin(const char *name)
{
	const struct twin *twin;

	for (twin = twins; twin->name; twin++) {
		if (strcmp(twin->name, name))
			continue;
		WRITE_ONCE(*(twin->kcas ? &kcas_bust : &debra_bust), twin->number);
		return twin->scenario;
	}
	fprintf(stderr, "explore: %s: no such twin\n", name);
	exit(2);
}

/* explore-asan [SECONDS-FOR-EACH [TWIN]] */
int main(int argc, char **argv)
{
	double time = argc > 1 ? atof(argv[1]) : 1;
	const char *name = NULL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sh_scenario = kcas_scenarios[0];
	load();
	if (argc > 2)
		name = set_twin(argv[2]);
	run_list(kcas_scenarios, time, name);
	run_list(debra_scenarios, time, name);
	fflush(stdout);
	_exit(0);
}

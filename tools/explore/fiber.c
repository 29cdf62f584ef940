// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: the scheduler.
 *
 * All tasks and interrupts are fibers of one thread. At each switch point the search is
 * asked who runs next, among those who could in a kernel:
 *
 *  - on each virtual CPU the newest of its interrupts; if there is none, the task that is
 *    on it; and if that is preemptible, or waits, any other of its tasks;
 *  - an interrupt that has been raised for a CPU, by irq_work or as an IPI, and those of
 *    the scenario; where interrupts are on and none is under way.
 *
 * A fiber that waits says for what, and can run when that is so. One that yields lets all
 * others go first. Time goes by when nobody can run.
 */
#include <stdarg.h>
#include <sys/mman.h>

#include "explore.h"

#ifndef __x86_64__
#error "the switch of stacks is written for x86-64"
#endif

#define FIBERS		64
#define STACK_BYTES	(64 * 1024)
#define RAISED		32
#define BUFFERED	8
#define IDLE_LIMIT	400	/* times that nobody can run, in one schedule */

enum why {
	AT_POINT,
	AT_YIELD,
	AT_WAIT,
	AT_EXIT,
};

struct sh_fiber {
	struct task_struct task;
	void *sp;
	void (*fn)(void *arg);
	void *arg;
	bool live;
	bool started;
	bool yielded;
	bool held;
	bool counted;		/* the schedule is over when all of these are */
	unsigned long turn;	/* when it yielded */
	unsigned int identity;
	sh_cond_fn cond;
	void *cond_arg;
	unsigned long until;
	const struct sh_site *site;
};

struct buffered {
	volatile void *p;
	unsigned long value;
	size_t size;
};

struct vcpu {
	struct sh_fiber *task;
	struct sh_fiber *irq[2];
	unsigned int nr_irq;
	struct {
		void (*fn)(void *arg);
		void *arg;
	} raised[RAISED];
	unsigned int nr_raised;
	bool own;		/* the last was raised on this CPU itself */
	struct buffered buffer[BUFFERED];
	unsigned int nr_buffered;
	unsigned long fence;	/* the step in which it passed a full barrier last */
};

static struct sh_fiber fibers[FIBERS];
static struct vcpu vcpus[SH_CPUS];
static struct sh_fiber *running;	/* NULL outside of schedules */
static struct sh_fiber boot;
static char *stacks;
static void *main_sp;
static unsigned int left;		/* fibers that count */
static unsigned long turns, idle;
static unsigned long rcu_clock;
static bool failed;

struct task_struct *sh_current;
unsigned long fiber_steps;

struct cpumask sh_cpus;
unsigned int nr_cpu_ids;
unsigned long sh_jiffies = 1000;
struct pid_namespace init_pid_ns;

__asm__(".text\n"
	".globl fiber_switch\n"
	".type fiber_switch, @function\n"
	"fiber_switch:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size fiber_switch, . - fiber_switch\n");

static void schedule(enum why why);

/* ---------------------------------------------------------------- fibers */

static void fiber_main(void)
{
	struct sh_fiber *me = running;

	me->fn(me->arg);
	me->live = false;
	me->task.on_rq = 0;
	if (me->counted)
		left--;
	schedule(AT_EXIT);
	__builtin_unreachable();
}

static void *first_stack(struct sh_fiber *f)
{
	void **sp = (void **)(stacks + (f - fibers + 1) * STACK_BYTES);

	*--sp = NULL;
	*--sp = fiber_main;
	sp -= 6;
	memset(sp, 0, 6 * sizeof(*sp));
	return sp;
}

static struct sh_fiber *new_fiber(const char *name, int cpu, enum sh_context context)
{
	struct sh_fiber *f;

	for (f = fibers; f < fibers + FIBERS; f++)
		if (!f->live && f != running)
			break;
	if (f == fibers + FIBERS)
		sh_fail("explore: too many fibers");
	memset(f, 0, sizeof(*f));
	f->live = true;
	f->sp = first_stack(f);
	f->task.on_rq = 1;
	f->task.pid = 1 + (f - fibers);
	f->task.cpu = cpu;
	f->task.context = context;
	f->task.fiber = f;
	snprintf(f->task.comm, sizeof(f->task.comm), "%s", name);
	return f;
}

void sh_spawn(const char *name, int cpu, enum sh_context context, void (*fn)(void *arg),
	      void *arg, struct work_struct *work)
{
	struct sh_fiber *f = new_fiber(name, cpu, context);

	f->fn = fn;
	f->arg = arg;
	f->task.work = work;
	f->identity = search_identity(work ? (void *)work : (void *)fn);
}

struct pid *find_pid_ns(pid_t nr, struct pid_namespace *ns)
{
	if (nr < 1 || nr > FIBERS || !fibers[nr - 1].live)
		return NULL;
	return (struct pid *)&fibers[nr - 1].task;
}

struct task_struct *pid_task(struct pid *pid, enum pid_type type)
{
	return (struct task_struct *)pid;
}

/* ---------------------------------------------------------------- store buffers */

static struct vcpu *this_vcpu(void)
{
	return &vcpus[sh_current->cpu];
}

static void drain(struct vcpu *v)
{
	struct buffered *b;

	for (b = v->buffer; b < v->buffer + v->nr_buffered; b++)
		memcpy((void *)b->p, &b->value, b->size);
	v->nr_buffered = 0;
}

static void fence(struct vcpu *v)
{
	drain(v);
	v->fence = fiber_steps;
}

unsigned long fiber_last_fence(unsigned int cpu)
{
	return vcpus[cpu].fence;
}

static bool on_own_stack(const volatile void *p)
{
	char *stack = stacks + (running - fibers) * STACK_BYTES;

	return (char *)p >= stack && (char *)p < stack + STACK_BYTES;
}

/* Stores leave the buffer in their order, and their CPU sees them before. */
void sh_drain_for(const volatile void *p, size_t size, bool write)
{
	struct vcpu *v;
	struct buffered *b;

	if (!running)
		return;
	v = this_vcpu();
	if (!v->nr_buffered || on_own_stack(p))
		return;
	for (b = v->buffer; b < v->buffer + v->nr_buffered; b++)
		if (write || ((char *)p < (char *)b->p + b->size &&
			      (char *)b->p < (char *)p + size)) {
			drain(v);
			return;
		}
}

void sh_fence(void)
{
	if (running)
		fence(this_vcpu());
}

bool sh_delay(const struct sh_site *site, volatile void *p, unsigned long value, size_t size)
{
	static const struct sh_candidate cand[] = { { -1, false }, { SH_ID_DELAY, true } };
	struct vcpu *v;

	if (!running || !sh_scenario->delays || on_own_stack(p))
		return false;
	v = this_vcpu();
	if (!v->nr_buffered) {
		fiber_steps++;
		if (!search_shared(p, running->identity, true) ||
		    !search_decide(fiber_steps, cand, 2))
			return false;
		search_trace("%s: %s:%u %s(%s) stays in the store buffer",
			     running->task.comm, site->file, site->line, site->op, site->what);
	}
	if (v->nr_buffered == BUFFERED) {
		drain(v);
		return false;
	}
	v->buffer[v->nr_buffered++] = (struct buffered){ p, value, size };
	return true;
}

/* ---------------------------------------------------------------- who can run */

static bool irqs_on(const struct vcpu *v)
{
	return !v->nr_irq && !(v->task && v->task->live && v->task->task.irqs_off);
}

static bool nmi_possible(const struct vcpu *v)
{
	return v->nr_irq < 2 && !(v->nr_irq && v->irq[v->nr_irq - 1]->task.context == SH_NMI);
}

static bool is_awake(struct sh_fiber *f)
{
	if (!f->cond || f->cond(f->cond_arg))
		return true;
	return f->until != SH_FOREVER && (long)(sh_jiffies - f->until) >= 0;
}

/* May another task be put on the CPU? */
static bool may_resched(const struct vcpu *v)
{
	const struct task_struct *t = v->task ? &v->task->task : NULL;

	if (v->nr_irq)
		return false;
	return !t || !v->task->live || (!t->preempt_count && !t->irqs_off);
}

static bool has_context(struct sh_fiber *f)
{
	struct vcpu *v = &vcpus[f->task.cpu];

	if (f->task.context >= SH_HARDIRQ && !f->started)
		return f->task.context == SH_NMI ? nmi_possible(v) : irqs_on(v);
	if (v->nr_irq)
		return v->irq[v->nr_irq - 1] == f;
	return v->task == f || may_resched(v);
}

static bool can_run(struct sh_fiber *f)
{
	return f->live && has_context(f) && is_awake(f);
}

static void add(struct sh_candidate *cand, unsigned int *nr, int id, bool costs)
{
	if (*nr < SH_CANDIDATES)
		cand[(*nr)++] = (struct sh_candidate){ id, costs };
}

static void add_tasks(enum why why, bool counted, struct sh_candidate *cand, unsigned int *nr)
{
	struct sh_fiber *f;

	for (f = fibers; f < fibers + FIBERS; f++)
		if (!(why == AT_POINT && f == running) && f->counted == counted && can_run(f) &&
		    (!f->yielded || why == AT_POINT))
			add(cand, nr, f - fibers,
			    why == AT_POINT || (*nr && !sh_scenario->orders));
}

/* Who is there for the search to choose from; the first is what happens by itself. */
static unsigned int candidates(enum why why, struct sh_candidate *cand)
{
	struct sh_fiber *f, *best;
	bool costs = why == AT_POINT, more;
	unsigned int nr = 0, cpu;
	unsigned long turn = 0;

	if (why == AT_POINT)
		add(cand, &nr, running - fibers, false);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (vcpus[cpu].nr_raised && irqs_on(&vcpus[cpu]))
			add(cand, &nr, SH_ID_IRQ + cpu, costs || (nr && !sh_scenario->orders));
	/* Workers go first: threads of the scenario come into the middle only if chosen. */
	add_tasks(why, false, cand, &nr);
	add_tasks(why, true, cand, &nr);
	/* Those who let others go first, if there is nobody else. */
	for (more = !nr; more;) {
		best = NULL;
		for (f = fibers; f < fibers + FIBERS; f++)
			if (can_run(f) && f->yielded && f->turn > turn &&
			    (!best || f->turn < best->turn))
				best = f;
		more = best;
		if (best) {
			turn = best->turn;
			add(cand, &nr, best - fibers, nr);
		}
	}
	return nr;
}

/* ---------------------------------------------------------------- who runs */

static void run_raised(void *arg)
{
	struct vcpu *v = arg;
	void (*fn)(void *arg);

	while (v->nr_raised) {
		fn = v->raised[0].fn;
		arg = v->raised[0].arg;
		v->nr_raised--;
		memmove(v->raised, v->raised + 1, v->nr_raised * sizeof(v->raised[0]));
		fn(arg);
	}
}

static struct sh_fiber *start_irq(unsigned int cpu)
{
	struct sh_fiber *f = new_fiber("irq", cpu, SH_HARDIRQ);

	snprintf(f->task.comm, sizeof(f->task.comm), "irq/%u", cpu);
	f->fn = run_raised;
	f->arg = &vcpus[cpu];
	f->identity = search_identity(&vcpus[cpu]);
	return f;
}

void sh_raise(int cpu, void (*fn)(void *arg), void *arg)
{
	struct vcpu *v = &vcpus[cpu];

	if (v->nr_raised == RAISED)
		sh_fail("explore: too many interrupts");
	v->raised[v->nr_raised].fn = fn;
	v->raised[v->nr_raised++].arg = arg;
	v->own |= running && cpu == sh_current->cpu;
	/* Before there are schedules, work is done at once. */
	if (!running)
		sh_fail("explore: an interrupt outside of a schedule");
}

/* Interrupts and context switches empty the store buffer. */
static void put_on_cpu(struct sh_fiber *f)
{
	struct vcpu *v = &vcpus[f->task.cpu];

	if (f->task.context >= SH_HARDIRQ) {
		if (!f->started) {
			fence(v);
			v->irq[v->nr_irq++] = f;
		}
	} else if (v->task != f) {
		fence(v);
		if (v->task)
			v->task->task.on_cpu = 0;
		v->task = f;
		f->task.on_cpu = 1;
	}
	f->started = true;
	f->task.on_rq = 1;
	f->yielded = false;
	f->held = false;
	f->cond = NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void trace_switch(struct sh_fiber *from, struct sh_fiber *to, enum why why)
{
	static const char * const said[] = {
		[AT_POINT] = "is preempted", [AT_YIELD] = "lets others go first",
		[AT_WAIT] = "waits", [AT_EXIT] = "is done",
	};
	char where[160] = "";

	if (!search_tracing())
		return;
	if (from && from->site && why != AT_EXIT)
		snprintf(where, sizeof(where), " before %s:%u %s(%s)", base_name(from->site->file),
			 from->site->line, from->site->op, from->site->what);
	search_trace("%5lu  %-12s %s%s; CPU %d goes on with %s", fiber_steps,
		     from ? from->task.comm : "-", from ? said[why] : "", where, to->task.cpu,
		     to->task.comm);
}

static void switch_to(struct sh_fiber *f, enum why why)
{
	struct sh_fiber *from = running;

	if (f == from) {
		put_on_cpu(f);
		return;
	}
	trace_switch(from, f, why);
	put_on_cpu(f);
	running = f;
	sh_current = &f->task;
	fiber_switch(&from->sp, f->sp);
}

static void leave(void)
{
	static void *nowhere;

	running = NULL;
	sh_current = &boot.task;
	fiber_switch(&nowhere, main_sp);
	__builtin_unreachable();
}

/* Nobody can run: the next timer, or never. */
static void pass_time(void)
{
	unsigned long next = SH_FOREVER, expires;
	struct sh_fiber *f;

	if (++idle > IDLE_LIMIT)
		sh_fail("no progress: time went by %d times", IDLE_LIMIT);
	for (f = fibers; f < fibers + FIBERS; f++)
		if (f->live && f->cond && f->until < next)
			next = f->until;
	if (sh_next_timer(&expires) && expires < next)
		next = expires;
	if (next == SH_FOREVER)
		sh_fail("everybody waits, for ever");
	if (next > sh_jiffies)
		sh_jiffies = next;
	sh_run_timers();
}

static void clear_yields(void)
{
	struct sh_fiber *f;

	for (f = fibers; f < fibers + FIBERS; f++)
		f->yielded = f->held;
}

static struct sh_fiber *pick(enum why why)
{
	struct sh_candidate cand[SH_CANDIDATES];
	unsigned int nr, chosen;

	for (;;) {
		nr = candidates(why, cand);
		if (nr)
			break;
		pass_time();
	}
	if (cand[0].id < FIBERS && fibers[cand[0].id].yielded) {
		/* All of them do: time goes by meanwhile. */
		if (++idle > IDLE_LIMIT)
			sh_fail("no progress: all yield");
		sh_jiffies++;
		sh_run_timers();
	}
	chosen = nr > 1 ? search_decide(fiber_steps, cand, nr) : 0;
	if (cand[chosen].id >= SH_ID_IRQ)
		return start_irq(cand[chosen].id - SH_ID_IRQ);
	return &fibers[cand[chosen].id];
}

static void leave_cpu(struct sh_fiber *f)
{
	struct vcpu *v = &vcpus[f->task.cpu];

	fence(v);
	if (f->task.context >= SH_HARDIRQ) {
		v->nr_irq--;
		/* What somebody waits for may have happened. */
		clear_yields();
	} else {
		v->task = NULL;
	}
}

static void schedule(enum why why)
{
	struct sh_fiber *me = running;

	fiber_steps += why != AT_POINT;
	if (fiber_steps > sh_max_steps)
		sh_fail("no progress: %lu steps", sh_max_steps);
	if (why == AT_EXIT) {
		leave_cpu(me);
		if (!left)
			leave();
	} else if (why == AT_YIELD) {
		me->yielded = true;
		me->turn = ++turns;
	} else if (why == AT_WAIT) {
		fence(this_vcpu());
		if (me->task.context == SH_TASK && !me->task.preempt_count) {
			me->task.on_rq = 0;
			me->task.on_cpu = 0;
			vcpus[me->task.cpu].task = NULL;
		}
	}
	switch_to(pick(why), why);
}

/* ---------------------------------------------------------------- what the shims call */

void sh_point(const struct sh_site *site, const volatile void *p, enum sh_kind kind)
{
	struct sh_fiber *me = running;
	struct vcpu *v;

	if (!me)
		return;
	if (sh_scenario->watch)
		sh_scenario->watch();
	me->site = site;
	if (++fiber_steps > sh_max_steps)
		sh_fail("no progress: %lu steps", sh_max_steps);
	v = this_vcpu();
	if (kind == SH_RMW)
		fence(v);
	else
		sh_drain_for(p, 8, false);
	/* What a CPU raises for itself comes at once. */
	if (v->own && v->nr_raised && irqs_on(v)) {
		v->own = false;
		switch_to(start_irq(sh_current->cpu), AT_POINT);
	}
	if (on_own_stack(p) || !search_shared(p, me->identity, kind != SH_READ))
		return;
	schedule(AT_POINT);
}

void sh_freeing(const void *p, size_t size)
{
	static const struct sh_site site = { "memory", 0, "kfree", "object" };

	if (!running)
		return;
	sh_fence();
	search_freed(p, size, running->identity);
	running->site = &site;
	fiber_steps++;
	schedule(AT_POINT);
}

bool sh_block(sh_cond_fn cond, void *arg, unsigned long until)
{
	struct sh_fiber *me = running;

	if (!me) {
		if (!cond(arg))
			sh_fail("explore: would wait outside of a schedule");
		return true;
	}
	if (cond(arg))
		return true;
	me->cond = cond;
	me->cond_arg = arg;
	me->until = until;
	schedule(AT_WAIT);
	return cond(arg);
}

void sh_yield(void)
{
	if (running)
		schedule(AT_YIELD);
}

/* Let others do all that they can: the scenario wants us to be held up here. */
void sh_hold(void)
{
	if (!running)
		return;
	running->held = true;
	schedule(AT_YIELD);
}

void sh_guts_lock(void) { }

void sh_guts_unlock(void) { }

void sh_might_sleep(const char *file, unsigned int line)
{
	if (running && !preemptible())
		sh_fail("%s:%u: sleeps where it must not", base_name(file), line);
}

/* ---------------------------------------------------------------- preemption, RCU */

static void section_begin(void)
{
	if (!current->preempt_count && !current->rcu_depth && !current->irqs_off)
		current->section = ++rcu_clock;
}

void preempt_disable(void)
{
	section_begin();
	current->preempt_count++;
	barrier();
}

void preempt_enable(void)
{
	barrier();
	if (!current->preempt_count)
		sh_fail("preemption is enabled once too often");
	current->preempt_count--;
}

void local_irq_disable(void)
{
	section_begin();
	current->irqs_off++;
}

void local_irq_enable(void)
{
	current->irqs_off--;
}

void rcu_read_lock(void)
{
	section_begin();
	current->rcu_depth++;
}

void rcu_read_unlock(void)
{
	current->rcu_depth--;
}

unsigned long sh_rcu_now(void)
{
	return ++rcu_clock;
}

bool sh_rcu_ends(void)
{
	return sh_scenario->rcu;
}

/* Is no section left that had begun then? An interrupt is part of what it interrupts. */
bool sh_rcu_quiescent(unsigned long since)
{
	struct sh_fiber *f;
	unsigned int cpu;

	for (f = fibers; f < fibers + FIBERS; f++) {
		struct task_struct *t = &f->task;

		if (f->live && f->started && t->context >= SH_HARDIRQ)
			return false;
		if (f->live && (t->preempt_count || t->rcu_depth || t->irqs_off) &&
		    t->section <= since)
			return false;
	}
	/* And each CPU has passed a barrier. */
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		fence(&vcpus[cpu]);
	return true;
}

/* ---------------------------------------------------------------- one schedule */

void sh_fail(const char *fmt, ...)
{
	static char message[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (running && running->site)
		snprintf(message + strlen(message), sizeof(message) - strlen(message),
			 "; in %s, last at %s:%u %s(%s)", running->task.comm,
			 base_name(running->site->file), running->site->line,
			 running->site->op, running->site->what);
	search_failed(message);
	failed = true;
	if (running)
		leave();
}

void fiber_init(void)
{
	stacks = mmap(NULL, FIBERS * STACK_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stacks == MAP_FAILED)
		abort();
	fiber_boot();
}

/* Who sets up, and looks at the result. */
void fiber_boot(void)
{
	snprintf(boot.task.comm, sizeof(boot.task.comm), "boot");
	sh_current = &boot.task;
}

static void start_threads(void)
{
	unsigned int i;

	for (i = 0; i < SH_THREADS && sh_scenario->thread[i].fn; i++) {
		sh_spawn(sh_scenario->thread[i].name, sh_scenario->thread[i].cpu,
			 sh_scenario->thread[i].context, sh_scenario->thread[i].fn,
			 (void *)(long)i, NULL);
		fibers[i].counted = true;
		fibers[i].identity = search_identity((void *)(long)(i + 1));
		left++;
	}
}

bool fiber_run(void)
{
	static struct sh_fiber nobody;
	struct sh_fiber *first;

	failed = false;
	fiber_steps = 0;
	start_threads();
	running = &nobody;
	nobody.task.cpu = -1;
	first = pick(AT_EXIT);
	trace_switch(NULL, first, AT_EXIT);
	put_on_cpu(first);
	running = first;
	sh_current = &first->task;
	fiber_switch(&main_sp, first->sp);
	if (!failed && sh_scenario->check)
		sh_scenario->check();
	return !failed;
}

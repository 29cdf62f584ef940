/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: what its own files share.
 *
 *	include/	the kernel's interface, for userspace
 *	sync.c		locks, waiting, work, RCU, on top of what a scheduler gives
 *	memory.c	the allocator, and the check of each access
 *	fiber.c		the scheduler of the explorer: one fiber runs at a time
 *	search.c	which schedules there are, and which comes next
 *	threads.c	the other scheduler: threads, for the sanitizers
 *	history.c	linearizability
 *	scenario-*.c	what is explored
 */
#ifndef _EXPLORE_H
#define _EXPLORE_H

#include <explore/kernel.h>

#define SH_THREADS	6	/* of a scenario, at most */

/**
 * struct scenario - something to be explored
 * @name: for the command line
 * @what: in a few words
 * @cpus: virtual CPUs; the last is also for work that belongs to none
 * @bound: how many preemptions a schedule has at most, if there is time
 * @orders: where nobody is preempted, all choices of who comes next count as none
 * @rcu: grace periods end as soon as they can; else never, so that there are IPIs
 * @delays: stores may stay in the store buffer of their CPU
 * @patience: kcas_patience, if not 0; -1: none
 * @setup: before each schedule
 * @check: after it, when all threads have come to their end
 * @watch: looks on at each switch point; in watch.c, which is not watched itself
 * @thread: what runs: in which context of which CPU
 */
struct scenario {
	const char *name;
	const char *what;
	unsigned int cpus;
	unsigned int bound;
	bool orders;
	bool rcu;
	bool delays;
	int patience;
	void (*setup)(void);
	void (*check)(void);
	void (*watch)(void);
	struct {
		const char *name;
		int cpu;
		enum sh_context context;
		void (*fn)(void *arg);
	} thread[SH_THREADS];
};

extern const struct scenario *const kcas_scenarios[];
extern const struct scenario *const debra_scenarios[];
extern const struct scenario *sh_scenario;

/* The scheduler: fiber.c or threads.c. */
void sh_hold(void);
typedef bool (*sh_cond_fn)(void *arg);
bool sh_block(sh_cond_fn cond, void *arg, unsigned long until);
void sh_spawn(const char *name, int cpu, enum sh_context context, void (*fn)(void *arg),
	      void *arg, struct work_struct *work);
void sh_raise(int cpu, void (*fn)(void *arg), void *arg);
void sh_guts_lock(void);
void sh_guts_unlock(void);
bool sh_rcu_ends(void);
bool sh_rcu_quiescent(unsigned long since);
unsigned long sh_rcu_now(void);

/* sync.c */
bool sh_is_set(void *arg);
bool sh_next_timer(unsigned long *expires);
void sh_run_timers(void);

/* memory.c; the first four are the linker's */
extern char __start_sh_percpu[], __stop_sh_percpu[], __data_start[], _end[];
void sh_memory_init(void);
void sh_percpu_init(void);
void sh_snapshot(void);
void sh_restore(void);
void sh_freeing(const void *p, size_t size);
void sh_drain_for(const volatile void *p, size_t size, bool write);

/* history.c */
enum hist_kind {
	HIST_KCAS,
	HIST_READ,
	HIST_XCHG,
	HIST_ADD,
};

#define HIST_WORDS	4

/**
 * struct hist_op - one operation of a history
 * @kind: which
 * @nr: words
 * @word: their numbers
 * @old: for each what it has to have
 * @new: and what it gets; of HIST_ADD: what is added
 * @ret: what was returned
 * @out: what was found
 * @begin: when it began
 * @end: and ended
 * @task: whose
 */
struct hist_op {
	enum hist_kind kind;
	unsigned int nr;
	int word[HIST_WORDS];
	long old[HIST_WORDS];
	long new[HIST_WORDS];
	int ret;
	long out;
	unsigned long begin;
	unsigned long end;
	const char *task;
};

void hist_reset(const long *first, unsigned int nr);
struct hist_op *hist_begin(enum hist_kind kind);
void hist_end(struct hist_op *op);
void hist_check(void);

/* search.c, to fiber.c */
struct sh_candidate {
	int id;
	bool costs;
};

#define SH_CANDIDATES	16
#define SH_ID_IRQ	100	/* + CPU: deliver its interrupts */
#define SH_ID_DELAY	200	/* a store stays in the store buffer */

unsigned int search_decide(unsigned long at, const struct sh_candidate *cand, unsigned int nr);
bool search_shared(const volatile void *p, unsigned int who, bool write);
void search_freed(const void *p, size_t size, unsigned int who);
unsigned int search_identity(const void *what);
bool search_tracing(void);
void search_trace(const char *fmt, ...) __printf(1, 2);
void search_failed(const char *message);

/* fiber.c, to search.c */
void fiber_switch(void **save, void *to);
void fiber_init(void);
void fiber_boot(void);
bool fiber_run(void);		/* one schedule; false if it failed */
extern unsigned long fiber_steps;
unsigned long fiber_last_fence(unsigned int cpu);

/* watch.c */
void watch_reset(void);
void watch_epochs(void);

/* The modules, and what of them is set here. */
extern int (*const sh_init_debra_init)(void);
extern int (*const sh_init_kcas_module_init)(void);
extern unsigned int debra_bust, debra_ipi_rate, kcas_bust, kcas_max_blocks, kcas_patience;

/* main.c */
extern bool sh_verbose;
extern unsigned long sh_max_steps;

#endif /* _EXPLORE_H */

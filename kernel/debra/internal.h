/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debra: what its files share. core.c opens with an overview of the whole.
 */
#ifndef _DEBRA_INTERNAL_H
#define _DEBRA_INTERNAL_H

#include <linux/atomic.h>
#include <linux/debra.h>
#include <linux/debra-guard.h>
#include <linux/debra-test.h>
#include <linux/irq_work.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct debra_sysfs;
struct dentry;

#undef pr_fmt
#define pr_fmt(fmt) "debra: " fmt

/*
 * Counters: one enum entry and one name each, so that the list in debugfs cannot
 * drift from the code. Written by their CPU only, summed when read.
 */
#define DEBRA_COUNTERS(X)		\
	X(RETIRED, retired)		\
	X(CALLBACKS, callbacks)		\
	X(DEFERRED, deferred)		\
	X(OVERFLOW, overflow)		\
	X(SCANS, scans)			\
	X(ADVANCES, advances)		\
	X(ADVANCES_RETIRE, advances_retire)	\
	X(ROUNDS_IPI, rounds_ipi)	\
	X(ROUNDS_TIMEOUT, rounds_timeout)	\
	X(ROUNDS_LIMITED, rounds_limited)	\
	X(NEUTRALIZED, neutralized)	\
	X(UNPINGED, unpinged)		\
	X(RESTARTS, restarts)		\
	X(ESCALATIONS, escalations)	\
	X(GUARDS_PINNED, guards_pinned)	\
	X(GUARDS_SPILLED, guards_spilled)	\
	X(KEPT, kept)			\
	X(STALLS, stalls)		\
	X(EXPEDITED, expedited)		\
	X(DRAINS, drains)		\
	X(ORPHANED, orphaned)		\
	X(THROTTLED, throttled)		\
	X(THROTTLE_TIMEOUTS, throttle_timeouts)	\
	X(DOUBLE_RETIRE, double_retire)	\
	X(UNBALANCED_UNPIN, unbalanced_unpin)	\
	X(BAD_RETIRE, bad_retire)

enum debra_counter {
#define X(id, name) DEBRA_C_##id,
	DEBRA_COUNTERS(X)
#undef X
	DEBRA_NR_COUNTERS
};

/*
 * What can be tuned, by a parameter of the module and for each domain: its least and greatest
 * values.
 */
#define DEBRA_TUNABLES(X)					\
	X(BATCH, batch, 64, DEBRA_BATCH_MAX)			\
	X(INTERVAL_MS, interval_ms, 1, 10000)			\
	X(LIMIT, limit, 0, UINT_MAX)				\
	X(THROTTLE_MS, throttle_ms, 1, 60000)			\
	X(GUARD_MS, guard_ms, 0, 60000)				\
	X(AGE_MS, age_ms, 0, 60000)				\
	X(STALL_MS, stall_ms, 10, 600000)

enum debra_tunable_id {
#define X(id, name, min, max) DEBRA_T_##id,
	DEBRA_TUNABLES(X)
#undef X
	DEBRA_NR_TUNABLES
};

#define DEBRA_INHERIT	(-1L)	/* a domain that has no value of its own */

/**
 * struct debra_tunable - something that can be tuned
 * @name: of the parameter, and of the file of a domain
 * @param: the parameter
 * @min: its least value
 * @max: its greatest
 */
struct debra_tunable {
	const char *name;
	unsigned int *param;
	unsigned int min;
	unsigned int max;
};

/* Objects that are given back to the allocator, and those with a callback. */
enum debra_kind {
	DEBRA_KIND_KFREE,
	DEBRA_KIND_CALL,
	DEBRA_NR_KINDS
};

#define DEBRA_NR_BAGS		3	/* an object stamped s is free at s + 3 */
#define DEBRA_BLOCK_SIZE	1024
#define DEBRA_BLOCK_SLOTS	((DEBRA_BLOCK_SIZE - 3 * sizeof(void *)) / sizeof(void *))
#define DEBRA_POOL_LOW		2	/* spare blocks of a CPU that retires little, */
#define DEBRA_POOL_MAX		128	/* the most that are kept while it retires much, */
#define DEBRA_POOL_IDLE		16	/* and when it has nothing pending any more */
#define DEBRA_STEP		16	/* retirements between two amortized steps */
#define DEBRA_STEP_FREE		32	/* objects freed in such a step */
#define DEBRA_GUARD_PATIENT	4	/* aborts in a row before a guard is given more time */

/* A slot holds a head, or a headless object with this bit set. */
#define DEBRA_SLOT_HEADLESS	1UL

/**
 * struct debra_block - a block of a limbo bag
 * @next: the next newer one in its chain
 * @nr: how many slots are taken, from the bottom
 * @site: who has retired the first of them; 0 if that is not known
 * @slot: what was retired
 */
struct debra_block {
	struct debra_block *next;
	unsigned long nr;
	unsigned long site;
	void *slot[DEBRA_BLOCK_SLOTS];
};

/**
 * struct debra_chain - retired objects of one kind
 * @first: oldest block
 * @last: newest block, the one that is being filled
 * @heads: objects for which no block was at hand, linked through their heads
 * @heads_last: the one that was linked first
 * @nr: objects in the blocks and on the list together
 */
struct debra_chain {
	struct debra_block *first;
	struct debra_block *last;
	struct debra_head *heads;
	struct debra_head *heads_last;
	unsigned long nr;
};

/**
 * struct debra_bag - what was retired in one epoch
 * @stamp: that epoch
 * @opened: jiffies of the first retirement
 * @chain: the objects
 */
struct debra_bag {
	unsigned long stamp;
	unsigned long opened;
	struct debra_chain chain[DEBRA_NR_KINDS];
};

/**
 * struct debra_bagset - the limbo of one CPU, or that of the orphans
 * @seen: epoch of the last rotation, and stamp of @cur
 * @cur: the bag that takes retirements
 * @bag: the bags, one for each of the epochs whose objects may still be seen
 * @free: objects whose grace period is over
 * @kept: those of them that hazards have kept from being freed; what is found so goes to
 *	the second, and all of the second to the first when that is empty
 * @kept_upto: the drain clock when that happened last: what is in the first was found
 *	before
 * @free_since: jiffies when the oldest of them got there
 * @in_flight: objects that a worker has taken out and not all freed yet
 * @peak: most objects in all of these, as noted whenever some were taken out
 */
struct debra_bagset {
	unsigned long seen;
	struct debra_bag *cur;
	struct debra_bag bag[DEBRA_NR_BAGS];
	struct debra_chain free[DEBRA_NR_KINDS];
	struct debra_chain kept[2][DEBRA_NR_KINDS];
	long kept_upto;
	unsigned long free_since;
	unsigned long in_flight;
	unsigned long peak;
};

struct debra_hazards;

/* Where objects to be freed come from: the two of debra_bagset::kept, and free. */
enum debra_source {
	DEBRA_KEPT_OLD,
	DEBRA_KEPT_NEW,
	DEBRA_FREE,
	DEBRA_NR_SOURCES
};

/**
 * struct debra_release - freeing, as it goes on
 * @taken: what is to be freed
 * @guarded: there are hazards, or may be
 * @hazards: which; NULL if they are not known, so that all has to stay
 * @source: what is being freed now
 * @kind: of which kind
 * @freed: how many objects have been
 * @kept: what hazards keep, as in debra_bagset::kept
 * @blocks: empty blocks
 */
struct debra_release {
	struct debra_chain taken[DEBRA_NR_SOURCES][DEBRA_NR_KINDS];
	bool guarded;
	struct debra_hazards *hazards;
	enum debra_source source;
	enum debra_kind kind;
	unsigned long freed;
	struct debra_chain kept[2][DEBRA_NR_KINDS];
	struct debra_block *blocks;
};

/**
 * struct debra_guard_cpu - the guards of one CPU in one domain
 * @depth: how many of @rec are in use, or being entered
 * @high: how many of them have ever been
 * @tasks_used: one of @task has ever been
 * @spare: stands for the record of a guard that has a pin instead
 * @rec: records of guards with preemption off
 * @task: records of sleepable ones
 */
struct debra_guard_cpu {
	unsigned int depth;
	unsigned int high;
	bool tasks_used;
	struct debra_guard_rec spare ____cacheline_aligned;
	struct debra_guard_rec rec[DEBRA_GUARD_DEPTH];
	struct debra_guard_rec task[DEBRA_GUARD_TASKS];
} ____cacheline_aligned;

static_assert(!(sizeof(struct debra_guard_rec) % SMP_CACHE_BYTES));

typedef void (*debra_guard_fn)(struct debra_guard_rec *rec, int cpu, void *arg);

/**
 * struct debra_cookie - "every CPU has passed a full barrier since"
 * @rcu: as of get_state_synchronize_rcu()
 * @ipi: number of the first round of IPIs that will do
 */
struct debra_cookie {
	unsigned long rcu;
	unsigned long ipi;
};

/**
 * struct debra_scan - how far a scanner has come with one epoch
 * @epoch: the epoch it wants to end
 * @cookie: taken after @epoch was read
 * @barrier: the cookie has expired, announcements can be trusted
 * @cpu: next CPU to look at
 */
struct debra_scan {
	unsigned long epoch;
	struct debra_cookie cookie;
	bool barrier;
	unsigned int cpu;
};

/**
 * struct debra_cpu - the retiring side of one CPU in one domain
 * @busy: somebody on this CPU is in the members below; who interrupts him
 *	leaves his object on @deferred
 * @set: the bags
 * @pool: spare blocks
 * @pool_nr: how many
 * @pool_want: how many there should be; doubled when the pool was found empty
 * @pool_empty: a retirement found the pool empty
 * @pressed: the epoch in which this CPU last asked the reclaimer to hurry
 * @scan: this CPU's part in DEBRA's amortized scan
 * @deferred: retired by an interrupt or NMI on top of @busy; a list of links
 * @absorbing: objects from @deferred are in hand, in no bag yet
 * @absorbed: what debra_drain_clock was when @deferred was last taken in
 * @drained: and when a drain began since which all that was free then has been freed
 * @size: typical size of the objects retired here, in bytes
 * @pin_seen: the epoch that a lagging pin of this CPU was seen with; the reclaimer's
 * @pin_since: jiffies when
 * @freed: how many of the objects retired here have been freed, or have become
 *	orphans; counted when it is over, so that who finds it equal to the number
 *	retired knows that nothing of this CPU's is left anywhere
 * @count: counters
 * @kick: takes a wish to the reclaimer from any context
 * @drain: frees what is free and calls callbacks
 * @dom: the domain
 * @cpu: the CPU
 *
 * All but @deferred, @kick, @drain and marked reads for statistics belong to
 * this CPU with preemption off.
 */
struct debra_cpu {
	bool busy;
	struct debra_bagset set;
	struct debra_block *pool;
	unsigned int pool_nr;
	unsigned int pool_want;
	bool pool_empty;
	unsigned long pressed;
	struct debra_scan scan;
	struct debra_head *deferred;
	bool absorbing;
	long absorbed;
	long drained;
	unsigned long size;
	unsigned long pin_seen;
	unsigned long pin_since;
	atomic_long_t freed;
	unsigned long count[DEBRA_NR_COUNTERS];
	struct irq_work kick;
	struct work_struct drain;
	struct debra_domain *dom;
	unsigned int cpu;
} ____cacheline_aligned;

/**
 * struct debra_sup - the reclaimer's side of a domain
 * @dom: the domain
 * @list: link in the list of domains
 * @cpuhp: link for CPU hotplug
 * @reclaim: the reclaimer
 * @armed: @reclaim will run, or runs and will look again
 * @expedite: how many epochs somebody wants to see ended, by IPI if need be
 * @target: the highest epoch that somebody waits for
 * @waiters: tasks in @wait
 * @wait: tasks that wait for an epoch or for less garbage
 * @scan: the reclaimer's own scan
 * @own: what is tuned for this domain alone; %DEBRA_INHERIT for the parameter's value
 * @scan_since: jiffies when it began
 * @epoch_since: jiffies of the last advance
 * @orphan_lock: guards @orphans and @deaths
 * @orphans: the bags of dead CPUs
 * @deaths: how often a CPU has left objects behind
 * @orphans_left: how many of them have not been freed
 * @orphan_drain: frees what is free of them
 * @orphans_drained: as debra_cpu::drained
 * @guard_lock: guards @spilled and @guard_gen
 * @spilled: sleepable guards that are on no CPU's account
 * @guard_gen: last generation given to one of those
 * @aborted: guards that were aborted and may still be in their section; while it is
 *	not 0, nothing is freed without a look at their hazards
 * @lagging: guards that hold the epoch back, as last seen
 * @parked: aborted guards whose CPU has not answered
 * @press_epoch: the last epoch in which somebody had a full bag, or waited for less
 *	garbage
 * @hazard_lock: guards @hazards
 * @hazards: the last snapshot of the hazards of aborted guards
 * @stall_next: jiffies before which no stall is reported again
 * @stall_blocks: the last one reported held the epoch back
 * @limit_next: the same for a limit that was reached
 * @hunt_mask: for debra_neutralize()
 * @stopping: the domain ends, nothing is to be queued any more
 * @peak: highest garbage that the reclaimer saw
 * @base_lock: guards @base and @base_freed
 * @base: what counters were when they were reset
 * @base_freed: and the number of objects freed
 * @dir: folder in debugfs
 * @sysfs: folder in sysfs
 * @dynamic: made by debra_domain_create()
 * @name: storage for the name of a dynamic domain
 */
struct debra_sup {
	struct debra_domain *dom;
	struct list_head list;
	struct hlist_node cpuhp;
	struct delayed_work reclaim;
	atomic_t armed;
	unsigned int expedite;
	atomic_long_t target;
	atomic_t waiters;
	wait_queue_head_t wait;
	struct debra_scan scan;
	long own[DEBRA_NR_TUNABLES];
	unsigned long scan_since;
	unsigned long epoch_since;
	spinlock_t orphan_lock;		/* of @orphans and @deaths */
	struct debra_bagset orphans;
	unsigned long deaths;
	atomic_long_t orphans_left;
	struct work_struct orphan_drain;
	long orphans_drained;
	spinlock_t guard_lock;		/* of @spilled and @guard_gen */
	struct list_head spilled;
	unsigned long guard_gen;
	unsigned int aborted;
	unsigned int lagging;
	unsigned int parked;
	unsigned long press_epoch;
	struct mutex hazard_lock;	/* of @hazards */
	struct debra_hazards *hazards;
	unsigned long stall_next;
	bool stall_blocks;
	unsigned long limit_next;
	cpumask_var_t hunt_mask;
	bool stopping;
	unsigned long peak;
	struct mutex base_lock;		/* of @base and @base_freed */
	unsigned long base[DEBRA_NR_COUNTERS];
	unsigned long base_freed;
	struct dentry *dir;
	struct debra_sysfs *sysfs;
	bool dynamic;
	char name[DEBRA_NAME_MAX];
};

/* core.c */
extern struct workqueue_struct *debra_wq;
extern struct workqueue_struct *debra_unbound_wq;
extern struct list_head debra_domains;
extern struct mutex debra_domains_lock;
extern unsigned int debra_batch;
extern unsigned int debra_interval_ms;
extern unsigned int debra_limit;
extern unsigned int debra_throttle_ms;
extern unsigned int debra_guard_ms;
extern unsigned int debra_age_ms;
extern unsigned int debra_stall_ms;
extern unsigned int debra_ipi_rate;
extern const struct debra_tunable debra_tunables[];
int debra_tunable_parse(const struct debra_tunable *tunable, const char *val, unsigned int *new);
unsigned long debra_counter_sum(struct debra_domain *dom, enum debra_counter id);
unsigned long debra_freed(struct debra_domain *dom);
struct ratelimit_state *debra_ratelimit(void);

/* One splat per interval for all misuse; always false to the caller's branch. */
#define debra_complain(cond, fmt, ...)						\
({										\
	bool __bad = unlikely(cond);						\
										\
	if (__bad && __ratelimit(debra_ratelimit()))				\
		WARN(1, pr_fmt(fmt), ##__VA_ARGS__);				\
	__bad;									\
})

/* The epoch, ordered before what the caller reads or frees next. */
static inline unsigned long debra_epoch_acquire(struct debra_domain *dom)
{
	/* DMM(epoch:A): pairs with DMM(advance:A). Litmus: debra-unpin-release. */
	return smp_load_acquire(&dom->clock) >> DEBRA_DEPTH_BITS;
}

/* The domain's own value, or that of all domains that have none. */
static inline unsigned int debra_tuned(const struct debra_sup *sup, enum debra_tunable_id id)
{
	long own = READ_ONCE(sup->own[id]);

	return own == DEBRA_INHERIT ? READ_ONCE(*debra_tunables[id].param) : own;
}

static inline bool debra_fenced(void)
{
	return static_branch_unlikely(&debra_fence_key);
}

static inline void debra_count(struct debra_cpu *pc, enum debra_counter id, unsigned long nr)
{
	/* Its CPU's alone; the read for statistics may come at any time. */
	WRITE_ONCE(pc->count[id], pc->count[id] + nr);
}

/* For callers that may be interrupted by others who count the same. */
static inline void debra_count_any(struct debra_domain *dom, enum debra_counter id,
				   unsigned long nr)
{
	this_cpu_add(dom->cpus->count[id], nr);
}

/* round.c */
int debra_round_run(struct debra_domain *dom, const struct debra_cookie *cookie);
int debra_round_ping(struct debra_domain *dom, const struct cpumask *mask, unsigned long *round);
bool debra_round_acked(unsigned int cpu, unsigned long round);
#define DEBRA_NR_LATENCIES	16
unsigned long debra_round_took(unsigned int i);
unsigned int debra_round_stats(unsigned int cpu, unsigned long *ipis);
void debra_round_settle(void);
void debra_round_snapshot(struct debra_cookie *cookie);
bool debra_round_done(const struct debra_cookie *cookie);
void debra_round_init(void);

/* epoch.c */
void debra_scan_start(struct debra_scan *scan, unsigned long epoch);
bool debra_scan_barrier(struct debra_scan *scan);
bool debra_scan_step(struct debra_domain *dom, struct debra_scan *scan);
bool debra_scan_all(struct debra_domain *dom, struct debra_scan *scan);
bool debra_pin_passed(struct debra_domain *dom, unsigned int cpu, unsigned long epoch);
bool debra_advance(struct debra_domain *dom, unsigned long epoch);

/* bag.c */
extern struct kmem_cache *debra_block_cache;
extern unsigned long debra_link_secret;
void debra_bag_init(void);
void debra_bagset_init(struct debra_bagset *set);
void debra_bagset_rotate(struct debra_bagset *set, unsigned long epoch);
void debra_bagset_adopt(struct debra_bagset *to, struct debra_bagset *from);
unsigned long debra_bagset_pending(const struct debra_bagset *set);
void debra_bagset_note_peak(struct debra_bagset *set);
unsigned long debra_bagset_kept(const struct debra_bagset *set);
void debra_bagset_take(struct debra_bagset *set, struct debra_release *rel);
bool debra_bagset_put_back(struct debra_bagset *set, struct debra_release *rel, long clock,
			   long *drained);
void debra_chain_push_head(struct debra_chain *chain, struct debra_head *head);
void debra_chain_splice(struct debra_chain *to, struct debra_chain *from);
unsigned int debra_chain_pop(struct debra_chain *chain, void *slot[], unsigned int max,
			     struct debra_block **empty);
void debra_slots_kfree(void *slot[], unsigned int nr);
void debra_release_all(struct debra_release *rel, enum debra_kind kind);
unsigned long debra_release_kept(const struct debra_release *rel);

/* wait.c */
bool debra_guarded(struct debra_domain *dom);

/* guard.c */
void debra_for_each_guard(struct debra_domain *dom, debra_guard_fn fn, void *arg);
void debra_guard_cpu_init(struct debra_guard_cpu *gc);

/* neutralize.c */
bool debra_neutralize(struct debra_domain *dom, unsigned long epoch, bool press);
void debra_recount_aborted(struct debra_domain *dom);
bool debra_guards_passed(struct debra_domain *dom, unsigned int cpu, unsigned long epoch);
bool debra_spilled_passed(struct debra_domain *dom, unsigned long epoch, bool locked);

/* hazard.c */
void debra_hazards_forget(struct debra_domain *dom);
struct debra_hazards *debra_hazards_get(struct debra_domain *dom, unsigned long epoch);
void debra_hazards_put(struct debra_domain *dom, struct debra_hazards *hz);
size_t debra_slot_interval(void *slot, unsigned long *start);
unsigned int debra_hazards_split(const struct debra_hazards *hz, void *slot[], unsigned int nr);

/* Must who frees look at hazards? Asked after the epoch was read with acquire. */
static inline bool debra_has_hazards(struct debra_domain *dom)
{
	/* DMM(recount:B): acquire, pairs with DMM(recount:A). Litmus: debra-guard-exit. */
	return smp_load_acquire(&dom->sup->aborted);
}

/* In one word. @settled: its CPU has answered since it was aborted. */
static inline const char *debra_guard_state(unsigned long word, bool settled)
{
	if (word & DEBRA_GUARD_ABORTED)
		return settled ? "aborted" : "parked";
	return word & DEBRA_GUARD_MASKED ? "masked" : "active";
}

/* stall.c */
struct task_struct *debra_get_task(pid_t pid);
void debra_check_stalls(struct debra_domain *dom, unsigned long epoch);
void debra_report_limit(struct debra_domain *dom, unsigned int ms);
unsigned long debra_typical_size(struct debra_domain *dom);
unsigned long debra_bytes(struct debra_domain *dom);
void debra_stall_init(void);
void debra_stall_settle(void);

/* check.c: what CONFIG_DEBRA_BUSTED can do wrong, with the parameter busted */
enum debra_bust {
	DEBRA_BUST_NONE,
	DEBRA_BUST_SCAN,	/* epochs end without a look at readers */
	DEBRA_BUST_LATE_MARK,	/* the mark does not care for the generation */
	DEBRA_BUST_NO_PING,	/* no CPU is asked */
	DEBRA_BUST_NO_WAIT,	/* the answer is not waited for */
	DEBRA_BUST_NO_SETTLE,	/* the same, in the scan */
	DEBRA_BUST_UNSEALED,	/* the epoch is read after the hazards */
	DEBRA_BUST_OWN_SLOTS,	/* the reclaimer's own CPU is left out */
	DEBRA_BUST_COALESCED,	/* a round that was under way serves */
	DEBRA_BUST_NO_HAZARDS,	/* hazards keep nothing */
};

#ifdef CONFIG_DEBRA_DEBUG
void debra_pause(enum debra_pause where);
bool debra_ipi_is_lost(void);
#else
static inline void debra_pause(enum debra_pause where) { }
static inline bool debra_ipi_is_lost(void) { return false; }
#endif
#ifdef CONFIG_DEBRA_BUSTED
extern unsigned int debra_bust;
#define debra_busted(what)	(debra_bust == DEBRA_BUST_##what)
#else
#define debra_busted(what)	false
#endif

/* retire.c */
bool debra_enter(struct debra_cpu *pc);
void debra_leave(struct debra_cpu *pc);
void debra_absorb(struct debra_cpu *pc);
void debra_see_epoch(struct debra_cpu *pc);
struct debra_block *debra_pool_get(struct debra_cpu *pc);
bool debra_pool_put(struct debra_cpu *pc, struct debra_block *block);
unsigned long debra_free_some(struct debra_cpu *pc, unsigned int max);

/* reclaim.c */
void debra_reclaim_fn(struct work_struct *work);
void debra_drain_fn(struct work_struct *work);
void debra_kick_fn(struct irq_work *work);
void debra_kick(struct debra_cpu *pc);
void debra_arm(struct debra_domain *dom);
bool debra_has_work(struct debra_domain *dom);
void debra_run_drains(struct debra_domain *dom);
void debra_absorb_all(struct debra_domain *dom);
void debra_orphan_drain_fn(struct work_struct *work);
bool debra_in_callback(void);
bool debra_is_empty(struct debra_domain *dom);
unsigned long debra_pending(struct debra_domain *dom);
unsigned long debra_kept(struct debra_domain *dom);

/* hotplug.c */
int debra_hotplug_start(void);
void debra_hotplug_stop(void);
int debra_hotplug_add(struct debra_domain *dom);
void debra_hotplug_remove(struct debra_domain *dom);
void debra_pool_free(struct debra_cpu *pc);

/* shrink.c */
int debra_shrink_start(void);
void debra_shrink_stop(void);

/* sysfs.c */
void debra_sysfs_start(void);
void debra_sysfs_stop(void);
void debra_sysfs_add(struct debra_domain *dom);
void debra_sysfs_remove(struct debra_domain *dom);

/* callers.c */
void debra_callers_add(struct debra_domain *dom);

/* stalled.c */
void debra_stalled_add(struct debra_domain *dom);
void debra_stalled_init(void);

/* debugfs.c */
void debra_debugfs_start(void);
void debra_debugfs_stop(void);
void debra_debugfs_add(struct debra_domain *dom);
void debra_debugfs_remove(struct debra_domain *dom);

#ifdef CONFIG_DEBUG_OBJECTS
int debra_object_retire(struct debra_head *head);
void debra_object_free(struct debra_head *head);
#else
static inline int debra_object_retire(struct debra_head *head) { return 0; }
static inline void debra_object_free(struct debra_head *head) { }
#endif

/*
 * The link of a retired head is kept combined with a mask that is made of the head's
 * address and a secret, wherever the head is: NULL in a block, else the next of a list. That is
 * how a second retirement is told. The mask has low bits set, so that neither zeroes nor
 * pointers pass for the link of a retired head. It is cleared before the object is
 * freed; memory that comes back for another object has none. Memory that was somebody's stack
 * may hold the secret, or the link of another head: multiplied, neither passes.
 */
#define DEBRA_MASK_LOW		7UL
#define DEBRA_MASK_BITS		5UL
#define DEBRA_MASK_FACTOR	0x9e3779b97f4a7c15UL	/* 2^64 by the golden ratio */

static inline unsigned long debra_link_mask(const struct debra_head *head)
{
	unsigned long mixed = ((unsigned long)head ^ debra_link_secret) * DEBRA_MASK_FACTOR;

	return (mixed & ~DEBRA_MASK_LOW) | DEBRA_MASK_BITS;
}

static inline struct debra_head *debra_link_get(const struct debra_head *head)
{
	return (struct debra_head *)((unsigned long)READ_ONCE(head->next) ^ debra_link_mask(head));
}

static inline void debra_link_set(struct debra_head *head, struct debra_head *next)
{
	WRITE_ONCE(head->next,
		   (struct debra_head *)((unsigned long)next ^ debra_link_mask(head)));
}

static inline void debra_link_clear(struct debra_head *head)
{
	WRITE_ONCE(head->next, NULL);
}

/* A type instead of a function: a kernel address with its highest bit turned over. */
#define DEBRA_FUNC_TYPE	(1UL << (BITS_PER_LONG - 1))

/* That bit in all kernel addresses. User Mode Linux is a process. */
#define DEBRA_FUNC_PLAIN	(IS_ENABLED(CONFIG_UML) ? 0 : DEBRA_FUNC_TYPE)

static inline bool debra_is_type(unsigned long func)
{
	return (func & DEBRA_FUNC_TYPE) != DEBRA_FUNC_PLAIN;
}

/*
 * Can it be an address of the kernel? Those of User Mode Linux begin low, as those of a
 * process do, but go no higher than these.
 */
static inline bool debra_may_be_address(unsigned long addr)
{
	return addr >= PAGE_OFFSET && (!IS_ENABLED(CONFIG_UML) || addr < BIT(47));
}

static inline bool debra_head_retired(const struct debra_head *head)
{
	unsigned long link = (unsigned long)debra_link_get(head);
	unsigned long func = (unsigned long)READ_ONCE(head->func);

	if (likely(link & (sizeof(void *) - 1)))
		return false;
	/* Aligned by chance, one time in eight for garbage: then it has to make sense. */
	return !link || (debra_may_be_address(link) &&
			 (func < DEBRA_KFREE_MAX_OFFSET || debra_may_be_address(func) ||
			  debra_may_be_address(func ^ DEBRA_FUNC_TYPE)));
}

static inline const struct debra_type *debra_head_type(const struct debra_head *head)
{
	unsigned long func = (unsigned long)head->func;

	return debra_is_type(func) ? (const void *)(func ^ DEBRA_FUNC_TYPE) : NULL;
}

static inline enum debra_kind debra_head_kind(const struct debra_head *head)
{
	return (unsigned long)head->func < DEBRA_KFREE_MAX_OFFSET ?
		DEBRA_KIND_KFREE : DEBRA_KIND_CALL;
}

/* What an object was retired with: its callback, or NULL for kfree(). */
static inline debra_func_t debra_action(debra_func_t func)
{
	if ((unsigned long)func < DEBRA_KFREE_MAX_OFFSET)
		return NULL;
	if (debra_is_type((unsigned long)func))
		return ((const struct debra_type *)((unsigned long)func ^ DEBRA_FUNC_TYPE))->func;
	return func;
}

/* Is it known how large the object is? */
static inline bool debra_slot_sized(void *slot)
{
	return ((unsigned long)slot & DEBRA_SLOT_HEADLESS) ||
	       debra_head_kind(slot) == DEBRA_KIND_KFREE || debra_head_type(slot);
}

#endif /* _DEBRA_INTERNAL_H */

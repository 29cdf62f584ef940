// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: domains, parameters, start and end of the module.
 */

/**
 * DOC: debra overview
 *
 * Structures
 * ----------
 *
 * A domain has an epoch, an announcement per CPU (struct debra_pin_state), limbo
 * bags per CPU (struct debra_cpu) and a reclaimer (struct debra_sup).
 *
 *	readers                 updaters                  reclaimer
 *	pin: announce epoch     unlink, retire:           scan announcements,
 *	  ... read ...            stamp, into a bag         end the epoch
 *	unpin: quiescent          every 16th: scan a CPU,  drain: free stamps
 *	                          free a few                up to epoch - 3
 *
 * States of an object
 * -------------------
 *
 *	reachable --unlink--> unlinked --retire--> limbo, stamped s
 *	    --epoch s + 3--> free --kfree() or callback--> gone
 *
 * Safety: an object stamped s is freed only when the epoch has been s + 3. The
 * unlink was visible to everybody before epoch s + 2 began; to leave s + 2 behind,
 * every CPU was seen quiescent or in s + 2 after it had passed a full barrier; a
 * section in s + 2 read that epoch with acquire and so sees the unlink.
 *
 * ABA: the epoch has 56 bits and counts at most once per grace period, so it does
 * not return. Bags are indexed by epoch modulo 3 and carry their stamp. The
 * announcement is compared for equality with the epoch under scan; an old one
 * announced late differs and holds the epoch.
 *
 * Barriers
 * --------
 *
 * Each has a tag DMM(function:letter) in the code. X <- Y: X pairs with Y.
 *
 *	pin:A      <- advance:A   epoch acquire; full cmpxchg
 *	pin:B, C   <- scan:A      smp_mb() with pins=fence; otherwise ...
 *	round:B    <- round:D     ... the handler's smp_mb(), acknowledged
 *	round:A    <- round:C     number before csd
 *	round:G    <- round:C     fact before number
 *	round:F    <- round:E     done, acquire and release
 *	unpin:A,
 *	pin:A, D   <- scan:B      release and acquire of the announcement
 *	epoch:A    <- advance:A   epoch acquire before freeing
 *	retire:A   <- advance:A   unlink before stamp, with pins=fence
 *	wait:A     <- wait:B      waiter and epoch
 *	wait:C     <- advance:A   unlink before target
 *	arm:A      <- arm:B       object and armed
 *	drain:A    <- drain:B     what was retired and the drain clock
 *	absorb:A   <- absorb:B    deferred objects in hand
 *
 * Those of guards, see neutralize.c:
 *
 *	guard:A    <- guard:B     the word is idle before the epoch is the new one
 *	guard:C, E <- guard:D     word: release and acquire, as of an announcement
 *	guard:F    <- scan:A      smp_mb() with pins=fence, and in sleepable guards
 *	guard:G    <- acquire     records in use, where they are looked at
 *	guard:H    <- acquire     empty list of spilled guards
 *	hop:A      <- hazard:A    slot: release and acquire
 *	hop:B      <- mark:A      slot before word; mark before ping and slots; by round:B
 *	log:A      <- log:B       entry before number, chunk before pointer
 *	log:C      <- log:B       a section's use of its log before the next one's entries
 *	sleep:A    <- schedule()  mark, then on_rq; slots, then on_rq and on_cpu
 *	settle:A   <- settle:B    acknowledged and still marked: release and acquire
 *	recount:A  <- recount:B   number of aborted sections
 *	answer:A   <- answer:B    what a CPU runs, before the number of its answer (stalled.c)
 */
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/isolation.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "internal.h"

struct workqueue_struct *debra_wq;
/* For what belongs to no CPU: a CPU that is stalled must not take the reclaimer with it. */
struct workqueue_struct *debra_unbound_wq;
LIST_HEAD(debra_domains);
/* Guards the list of domains, and their registration. */
DEFINE_MUTEX(debra_domains_lock);

/**
 * DOC: debra_fence_key - does a pin have a full barrier of its own?
 *
 * Set when the module is loaded, by the parameter pins, and never changed then: it is on if
 * pins are ordered by a fence, and off if the reclaimer runs barriers on all CPUs instead.
 *
 * For the inline functions of debra.h alone, debra_pin() and what does the same, in any
 * context. Users have nothing to do with it; stats in debugfs says which it is (pin_mode).
 */
DEFINE_STATIC_KEY_FALSE(debra_fence_key);
EXPORT_SYMBOL_GPL(debra_fence_key);

/* Where domains that are not registered announce: harmless, and useless. */
DEFINE_PER_CPU(struct debra_pin_state, debra_unregistered_pins);
EXPORT_PER_CPU_SYMBOL_GPL(debra_unregistered_pins);

/**
 * DOC: debra_default - the domain for those who need none of their own
 *
 * It is there from the time that the module is loaded until it is unloaded; its users neither
 * register nor unregister it. Who retires with callbacks to it has to call debra_barrier()
 * before the code of the callbacks goes.
 *
 * Pins of one user hold the memory of all others back; an updater with much to
 * retire, or readers with long pins, deserve a domain of their own.
 *
 * Context: any, as for each function that takes a domain.
 */
DEFINE_DEBRA_DOMAIN(debra_default);
EXPORT_SYMBOL_GPL(debra_default);

const struct debra_tunable debra_tunables[] = {
#define X(id, name, min, max) { #name, &debra_##name, min, max },
	DEBRA_TUNABLES(X)
#undef X
};

static_assert(ARRAY_SIZE(debra_tunables) == DEBRA_NR_TUNABLES);

/**
 * debra_tunable_parse - a value for what can be tuned
 * @tunable: what
 * @val: as it was written
 * @new: set to the value
 *
 * Return: 0, or -EINVAL: it is no number, or out of range, by however much.
 */
int debra_tunable_parse(const struct debra_tunable *tunable, const char *val, unsigned int *new)
{
	if (kstrtouint(val, 0, new) || *new < tunable->min || *new > tunable->max)
		return -EINVAL;
	return 0;
}

static int debra_set_tunable(const char *val, const struct kernel_param *kp)
{
	const struct debra_tunable *tunable = debra_tunables;
	unsigned int new;
	int err;

	while (tunable->param != kp->arg)
		tunable++;
	err = debra_tunable_parse(tunable, val, &new);
	if (!err)
		WRITE_ONCE(*tunable->param, new);
	return err;
}

static const struct kernel_param_ops debra_tunable_ops = {
	.set = debra_set_tunable,
	.get = param_get_uint,
};

unsigned int debra_batch = 2048;
module_param_cb(batch, &debra_tunable_ops, &debra_batch, 0644);
MODULE_PARM_DESC(batch, "objects that one CPU retires in an epoch before the reclaimer hurries to end it (64-1048576)");

unsigned int debra_interval_ms = 10;
module_param_cb(interval_ms, &debra_tunable_ops, &debra_interval_ms, 0644);
MODULE_PARM_DESC(interval_ms, "pace of the reclaimer while there is no hurry (1-10000)");

unsigned int debra_limit = 1048576;
module_param_cb(limit, &debra_tunable_ops, &debra_limit, 0644);
MODULE_PARM_DESC(limit, "objects in a domain at which sleepable updaters wait (0: never)");

unsigned int debra_throttle_ms = 1000;
module_param_cb(throttle_ms, &debra_tunable_ops, &debra_throttle_ms, 0644);
MODULE_PARM_DESC(throttle_ms, "how long such an updater waits at most (1-60000)");

unsigned int debra_guard_ms = 2;
module_param_cb(guard_ms, &debra_tunable_ops, &debra_guard_ms, 0644);
MODULE_PARM_DESC(guard_ms, "how long a guard may hold the epoch back while memory presses before it is aborted (0-60000)");

unsigned int debra_age_ms = 500;
module_param_cb(age_ms, &debra_tunable_ops, &debra_age_ms, 0644);
MODULE_PARM_DESC(age_ms, "how long the reclaimer waits for an RCU grace period before it sends IPIs (0-60000)");

unsigned int debra_stall_ms = 1000;
module_param_cb(stall_ms, &debra_tunable_ops, &debra_stall_ms, 0644);
MODULE_PARM_DESC(stall_ms, "how long a guard may do so otherwise, and when a reader is reported as stalled (10-600000)");

/* Of all domains together. */
static int debra_set_rate(const char *val, const struct kernel_param *kp)
{
	int err = param_set_uint_minmax(val, kp, 0, UINT_MAX);

	return err == -ERANGE ? -EINVAL : err;
}

static const struct kernel_param_ops debra_rate_ops = {
	.set = debra_set_rate,
	.get = param_get_uint,
};

unsigned int debra_ipi_rate = 4000;
module_param_cb(ipi_rate, &debra_rate_ops, &debra_ipi_rate, 0644);
MODULE_PARM_DESC(ipi_rate, "IPIs that a CPU may get in a second (0: any number)");

#ifdef CONFIG_DEBRA_BUSTED
unsigned int debra_bust = DEBRA_BUST_SCAN;
module_param_named(busted, debra_bust, uint, 0644);
MODULE_PARM_DESC(busted, "what to do wrong, see enum debra_bust");
#endif

static char *debra_pins = "auto";
module_param_named(pins, debra_pins, charp, 0444);
MODULE_PARM_DESC(pins, "how pins are ordered: fence (a barrier in each), ipi (none; the reclaimer sends IPIs or waits for RCU), auto (ipi unless CPUs are isolated)");

/**
 * debra_ratelimit - the budget of reports about misuse
 *
 * Return: the one that all of them share.
 */
struct ratelimit_state *debra_ratelimit(void)
{
	static DEFINE_RATELIMIT_STATE(state, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);

	return &state;
}

unsigned long debra_counter_sum(struct debra_domain *dom, enum debra_counter id)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(dom->cpus, cpu)->count[id]);
	return sum;
}

/**
 * debra_freed - objects of a domain that have been freed
 * @dom: the domain
 *
 * Return: the number; a sum over CPUs.
 */
unsigned long debra_freed(struct debra_domain *dom)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += atomic_long_read_acquire(&per_cpu_ptr(dom->cpus, cpu)->freed);
	/*
	 * Read after the CPUs': what became the orphans' before it was counted there is
	 * subtracted in any case, so that nothing passes for freed that is not.
	 */
	return sum - atomic_long_read(&dom->sup->orphans_left);
}

/* The rest of debra_pin() when this CPU has a pin already. */
void __debra_pin_nested(struct debra_domain *dom)
{
	struct debra_pin_state *state = this_cpu_ptr(dom->pins);

	/*
	 * DMM(pin:C): as DMM(pin:B), for who interrupts a pin between its
	 * announcement and its barrier. Litmus: debra-pin-fence-nested.
	 */
	if (debra_fenced())
		smp_mb(); /* see above */
	debra_complain((READ_ONCE(state->announce) & DEBRA_DEPTH_MASK) == DEBRA_DEPTH_MASK,
		       "%s: more than %lu pins nest\n", dom->name, DEBRA_DEPTH_MASK);
	/*
	 * DMM(pin:D): release, here and in the unpin, as DMM(pin:A): a scan may
	 * see this value and none of the earlier. Pairs with DMM(scan:B).
	 * Litmus: debra-unpin-release-nested.
	 */
	smp_store_release(&state->announce, READ_ONCE(state->announce) + 1);
}
EXPORT_SYMBOL_GPL(__debra_pin_nested);

/* The rest of debra_unpin() when the pin was not the only one, or was not at all. */
void __debra_unpin_nested(struct debra_domain *dom)
{
	struct debra_pin_state *state = this_cpu_ptr(dom->pins);

	if (likely(READ_ONCE(state->announce))) {
		/* DMM(pin:D): see __debra_pin_nested(). */
		smp_store_release(&state->announce, READ_ONCE(state->announce) - 1);
		return;
	}
	/* Make as if the unpin had not been. */
	preempt_disable();
	if (dom->cpus)
		debra_count_any(dom, DEBRA_C_UNBALANCED_UNPIN, 1);
	debra_complain(true, "%s: unpin without pin; ignored\n", dom->name);
}
EXPORT_SYMBOL_GPL(__debra_unpin_nested);

static void debra_cpu_init(struct debra_domain *dom, unsigned int cpu)
{
	struct debra_cpu *pc = per_cpu_ptr(dom->cpus, cpu);

	pc->dom = dom;
	pc->cpu = cpu;
	pc->pool_want = DEBRA_POOL_LOW;
	debra_bagset_init(&pc->set);
	init_irq_work(&pc->kick, debra_kick_fn);
	INIT_WORK(&pc->drain, debra_drain_fn);
	debra_guard_cpu_init(per_cpu_ptr(dom->guards, cpu));
}

static struct debra_sup *debra_sup_alloc(struct debra_domain *dom)
{
	struct debra_sup *sup = kzalloc(sizeof(*sup), GFP_KERNEL);
	enum debra_tunable_id id;

	if (!sup)
		return NULL;
	sup->dom = dom;
	INIT_LIST_HEAD(&sup->list);
	INIT_DELAYED_WORK(&sup->reclaim, debra_reclaim_fn);
	init_waitqueue_head(&sup->wait);
	spin_lock_init(&sup->orphan_lock);
	INIT_WORK(&sup->orphan_drain, debra_orphan_drain_fn);
	debra_bagset_init(&sup->orphans);
	spin_lock_init(&sup->guard_lock);
	INIT_LIST_HEAD(&sup->spilled);
	mutex_init(&sup->hazard_lock);
	if (!zalloc_cpumask_var(&sup->hunt_mask, GFP_KERNEL)) {
		kfree(sup);
		return NULL;
	}
	mutex_init(&sup->base_lock);
	for (id = 0; id < DEBRA_NR_TUNABLES; id++)
		sup->own[id] = DEBRA_INHERIT;
	sup->epoch_since = jiffies;
	sup->stall_next = jiffies;
	sup->limit_next = jiffies;
	return sup;
}

static void debra_domain_free_parts(struct debra_domain *dom)
{
	free_percpu(dom->cpus);
	dom->cpus = NULL;
	free_percpu(dom->guards);
	dom->guards = NULL;
	if (dom->pins != &debra_unregistered_pins)
		free_percpu(dom->pins);
	dom->pins = &debra_unregistered_pins;
	if (dom->sup)
		free_cpumask_var(dom->sup->hunt_mask);
	kfree(dom->sup);
	dom->sup = NULL;
}

static int debra_domain_alloc_parts(struct debra_domain *dom)
{
	struct debra_pin_state __percpu *pins = alloc_percpu(struct debra_pin_state);
	unsigned int cpu;

	dom->cpus = alloc_percpu(struct debra_cpu);
	dom->guards = alloc_percpu(struct debra_guard_cpu);
	dom->sup = debra_sup_alloc(dom);
	if (!pins || !dom->cpus || !dom->guards || !dom->sup) {
		free_percpu(pins);
		debra_domain_free_parts(dom);
		return -ENOMEM;
	}
	dom->pins = pins;
	for_each_possible_cpu(cpu)
		debra_cpu_init(dom, cpu);
	return 0;
}

static bool debra_name_ok(const char *name)
{
	return name && *name && strnlen(name, DEBRA_NAME_MAX) < DEBRA_NAME_MAX &&
	       !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static bool debra_name_taken(const char *name)
{
	struct debra_sup *sup;

	/* There are files of these names beside the domains' folders. */
	if (!strcmp(name, "ipis") || !strcmp(name, "latency"))
		return true;
	list_for_each_entry(sup, &debra_domains, list)
		if (!strcmp(sup->dom->name, name))
			return true;
	return false;
}

/* Under debra_domains_lock. */
static int debra_domain_start(struct debra_domain *dom)
{
	int err;

	if (dom->sup)
		return -EBUSY;
	if (debra_name_taken(dom->name))
		return -EEXIST;
	err = debra_domain_alloc_parts(dom);
	if (err)
		return err;
	err = debra_hotplug_add(dom);
	if (err) {
		debra_domain_free_parts(dom);
		return err;
	}
	list_add_tail(&dom->sup->list, &debra_domains);
	debra_debugfs_add(dom);
	debra_sysfs_add(dom);
	return 0;
}

/**
 * debra_domain_register() - put a domain of DEFINE_DEBRA_DOMAIN() to work
 * @dom: the domain
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL for NULL or a bad name, -EEXIST if the name is taken, -EBUSY
 * if the domain is registered already, -ENOMEM.
 */
int debra_domain_register(struct debra_domain *dom)
{
	int err;

	if (!dom || !debra_name_ok(dom->name))
		return -EINVAL;
	mutex_lock(&debra_domains_lock);
	err = debra_domain_start(dom);
	mutex_unlock(&debra_domains_lock);
	return err;
}
EXPORT_SYMBOL_GPL(debra_domain_register);

/**
 * __debra_domain_create - see debra_domain_create()
 * @name: name in debugfs
 * @key: lockdep's key of the call site
 *
 * Return: the domain, or ERR_PTR().
 */
struct debra_domain *__debra_domain_create(const char *name, struct lock_class_key *key)
{
	struct debra_domain *dom;
	int err;

	if (!debra_name_ok(name))
		return ERR_PTR(-EINVAL);
	dom = kzalloc(sizeof(*dom), GFP_KERNEL);
	if (!dom)
		return ERR_PTR(-ENOMEM);
	dom->pins = &debra_unregistered_pins;
	dom->name = name;
	dom->clock = __DEBRA_CLOCK(DEBRA_EPOCH_FIRST);
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	lockdep_init_map(&dom->dep_map, "debra_domain", key, 0);
#endif
	mutex_lock(&debra_domains_lock);
	err = debra_domain_start(dom);
	if (!err) {
		strscpy(dom->sup->name, name, sizeof(dom->sup->name));
		dom->name = dom->sup->name;
		dom->sup->dynamic = true;
	}
	mutex_unlock(&debra_domains_lock);
	if (err) {
		kfree(dom);
		return ERR_PTR(err);
	}
	return dom;
}
EXPORT_SYMBOL_GPL(__debra_domain_create);

static void debra_guard_is_active(struct debra_guard_rec *rec, int cpu, void *arg)
{
	bool *active = arg;

	*active |= !!(atomic_long_read(&rec->word) & DEBRA_GUARD_ACTIVE);
}

static bool debra_has_readers(struct debra_domain *dom)
{
	bool found = false;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		found |= !!READ_ONCE(per_cpu_ptr(dom->pins, cpu)->announce);
	/* Not if there are pins: with PREEMPT_RT its lock is not to be taken inside one. */
	if (!found)
		debra_for_each_guard(dom, debra_guard_is_active, &found);
	return found;
}

/* Callbacks may retire, so one barrier need not be enough. */
static int debra_domain_quiesce(struct debra_domain *dom)
{
	unsigned int tries;
	int err;

	for (tries = 0; tries < 10; tries++) {
		err = debra_barrier(dom);
		if (err)
			return err;
		if (debra_is_empty(dom))
			return 0;
	}
	debra_complain(true, "%s: still used while it is being ended\n", dom->name);
	return -EBUSY;
}

/*
 * Nothing runs on behalf of the domain after this. What runs does not arm the reclaimer any
 * more; one that was armed before may still queue drains, so these come last.
 */
static void debra_domain_stop(struct debra_domain *dom)
{
	unsigned int cpu;

	mutex_lock(&debra_domains_lock);
	list_del_init(&dom->sup->list);
	mutex_unlock(&debra_domains_lock);
	debra_debugfs_remove(dom);
	debra_sysfs_remove(dom);
	debra_hotplug_remove(dom);
	WRITE_ONCE(dom->sup->stopping, true);
	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu_ptr(dom->cpus, cpu)->kick);
	cancel_delayed_work_sync(&dom->sup->reclaim);
	for_each_possible_cpu(cpu)
		cancel_work_sync(&per_cpu_ptr(dom->cpus, cpu)->drain);
	cancel_work_sync(&dom->sup->orphan_drain);
}

static int debra_domain_end(struct debra_domain *dom)
{
	unsigned int cpu;
	int err;

	if (debra_complain(debra_has_readers(dom), "%s: ended with readers inside; refused\n",
			   dom->name))
		return -EBUSY;
	err = debra_domain_quiesce(dom);
	if (err)
		return err;
	debra_domain_stop(dom);
	debra_hazards_forget(dom);
	for_each_possible_cpu(cpu)
		debra_pool_free(per_cpu_ptr(dom->cpus, cpu));
	debra_domain_free_parts(dom);
	return 0;
}

/**
 * debra_domain_set_batch() - objects for which it is worth while to end an epoch
 * @dom: the domain, registered
 * @batch: when one CPU has retired so many in an epoch the reclaimer hurries to end it, 1 to
 *	%DEBRA_BATCH_MAX; 0 for the parameter batch of the module
 *
 * For domains whose objects are larger than most.
 *
 * Context: any.
 * Return: 0, or -EINVAL.
 */
int debra_domain_set_batch(struct debra_domain *dom, unsigned int batch)
{
	if (debra_complain(!dom || !dom->sup, "%s: domain is not registered\n", __func__) ||
	    batch > DEBRA_BATCH_MAX)
		return -EINVAL;
	WRITE_ONCE(dom->sup->own[DEBRA_T_BATCH], batch ?: DEBRA_INHERIT);
	return 0;
}
EXPORT_SYMBOL_GPL(debra_domain_set_batch);

/**
 * debra_domain_unregister() - end the work of a domain of DEFINE_DEBRA_DOMAIN()
 * @dom: the domain
 *
 * The caller has made sure that nobody will pin the domain or retire into it any
 * more. Waits until all that was retired has been freed. On error nothing has
 * changed, and the domain goes on working.
 *
 * Context: process context outside pins and callbacks of the domain, may sleep.
 * Return: 0; -EINVAL for NULL, a domain that is not registered or one of
 * debra_domain_create(); -EBUSY, with a report, while there are readers;
 * -EDEADLK as debra_barrier().
 */
int debra_domain_unregister(struct debra_domain *dom)
{
	if (!dom || !dom->sup || dom->sup->dynamic)
		return -EINVAL;
	return debra_domain_end(dom);
}
EXPORT_SYMBOL_GPL(debra_domain_unregister);

/**
 * debra_domain_destroy() - end and free a domain of debra_domain_create()
 * @dom: the domain
 *
 * As debra_domain_unregister(), and @dom is gone after success.
 *
 * Context: process context outside pins and callbacks of the domain, may sleep.
 * Return: as debra_domain_unregister(); -EINVAL for a domain of
 * DEFINE_DEBRA_DOMAIN().
 */
int debra_domain_destroy(struct debra_domain *dom)
{
	int err;

	if (IS_ERR_OR_NULL(dom) || !dom->sup || !dom->sup->dynamic)
		return -EINVAL;
	err = debra_domain_end(dom);
	if (!err)
		kfree(dom);
	return err;
}
EXPORT_SYMBOL_GPL(debra_domain_destroy);

/* A barrier in each pin spares CPUs that want to be left alone our IPIs. */
static bool debra_cpus_isolated(void)
{
	return housekeeping_enabled(HK_TYPE_DOMAIN) || housekeeping_enabled(HK_TYPE_TICK);
}

static int debra_choose_pins(void)
{
	bool fence;

	if (!strcmp(debra_pins, "auto"))
		fence = debra_cpus_isolated();
	else if (!strcmp(debra_pins, "fence"))
		fence = true;
	else if (!strcmp(debra_pins, "ipi"))
		fence = false;
	else
		return -EINVAL;
	if (fence)
		static_branch_enable(&debra_fence_key);
	return 0;
}

static void debra_stop_queues(void)
{
	if (debra_unbound_wq)
		destroy_workqueue(debra_unbound_wq);
	if (debra_wq)
		destroy_workqueue(debra_wq);
}

static int __init debra_start_parts(void)
{
	int err;

	debra_block_cache = KMEM_CACHE(debra_block, 0);
	if (!debra_block_cache)
		return -ENOMEM;
	debra_wq = alloc_workqueue("debra", DEBRA_WQ_FLAGS, 0);
	debra_unbound_wq = alloc_workqueue("debra_unbound", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	err = debra_wq && debra_unbound_wq ? debra_hotplug_start() : -ENOMEM;
	if (err)
		goto free;
	err = debra_shrink_start();
	if (err)
		goto hotplug;
	debra_debugfs_start();
	debra_sysfs_start();
	return 0;

hotplug:
	debra_hotplug_stop();
free:
	debra_stop_queues();
	kmem_cache_destroy(debra_block_cache);
	return err;
}

static void debra_stop_parts(void)
{
	debra_sysfs_stop();
	debra_debugfs_stop();
	debra_shrink_stop();
	debra_hotplug_stop();
	debra_round_settle();
	debra_stall_settle();
	debra_stop_queues();
	kmem_cache_destroy(debra_block_cache);
}

static int __init debra_init(void)
{
	int err = debra_choose_pins();

	/* See DEBRA_FUNC_TYPE. */
	if (debra_is_type((unsigned long)&debra_default))
		return -EOPNOTSUPP;
	if (err) {
		pr_err("pins=%s: want auto, fence or ipi\n", debra_pins);
		return err;
	}
	debra_round_init();
	debra_stall_init();
	debra_stalled_init();
	debra_bag_init();
	err = debra_start_parts();
	if (err)
		return err;
	err = debra_domain_register(&debra_default);
	if (err) {
		debra_stop_parts();
		return err;
	}
	pr_info("pins=%s batch=%u interval_ms=%u limit=%u%s\n", debra_fenced() ? "fence" : "ipi",
		debra_batch, debra_interval_ms, debra_limit,
		IS_ENABLED(CONFIG_DEBRA_BUSTED) ? " BUSTED" : "");
	return 0;
}
module_init(debra_init);

/*
 * No other module uses us any more. Should one have left objects or pins in the
 * default domain, their memory is not ours to give back: leak it and say so.
 */
static void __exit debra_exit(void)
{
	if (debra_domain_unregister(&debra_default)) {
		pr_err("default domain is still in use\n");
		debra_domain_stop(&debra_default);
	}
	debra_stop_parts();
}
module_exit(debra_exit);

MODULE_DESCRIPTION("Epoch reclamation for lock-free structures (DEBRA)");
MODULE_LICENSE("GPL");

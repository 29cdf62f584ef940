// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: guards, the reader's side.
 *
 * Structures
 *
 * What a reclaimer has to see of a guard is in a struct debra_guard_rec: its state
 * word, the epoch that its section announces, its hazard slots. Records are the
 * CPU's and stay where they are for as long as the domain lives, so that a
 * reclaimer can read them at any time:
 *
 *  - a stack of them for guards that have preemption off: these nest, also across
 *    interrupts, so @depth alone says which is next. @high is how many of them
 *    have ever been used, and all that a scan looks at;
 *  - an array for sleepable ones, taken and given back with a cmpxchg. Their task may
 *    give them back on another CPU. When all are taken, the record in the guard itself
 *    is used, on the task's stack, and hangs on a list under a lock.
 *
 * States of a record's word, with the generation above
 *
 *	enter: idle -> active, generation + 1
 *	mask, unmask: active <-> active|masked
 *	reclaimer's cmpxchg: active -> active|aborted
 *	exit: any of these -> idle
 *
 * Only the reclaimer's transition is somebody else's; its cmpxchg names the
 * generation, so it cannot hit a later section. The owner's own stores overwrite the
 * mark, which is fine: they end the section that it was meant for.
 *
 * ABA: generations have 61 bits. The records on stacks begin with one from the domain; but
 * it is that the list is only looked at under its lock, and that a guard puts itself there
 * with an empty record, that keeps two guards at the same address apart.
 */
#include <linux/export.h>
#include <linux/sched.h>

#include "internal.h"
#include "trace.h"

enum debra_guard_form {
	DEBRA_GUARD_ATOMIC,	/* preemption off, on the CPU's stack of records */
	DEBRA_GUARD_PINNED,	/* the same, with a pin: the stack was full */
	DEBRA_GUARD_TASK,	/* sleepable, a record of some CPU */
	DEBRA_GUARD_SPILLED,	/* sleepable, its own record */
};

#ifdef CONFIG_DEBUG_LOCK_ALLOC
static void debra_guard_map_acquire(struct debra_domain *dom)
{
	lock_acquire(&dom->dep_map, 0, 0, 2, 0, NULL, _RET_IP_);
}

static void debra_guard_map_release(struct debra_domain *dom)
{
	lock_release(&dom->dep_map, _RET_IP_);
}
#else
static void debra_guard_map_acquire(struct debra_domain *dom) { }
static void debra_guard_map_release(struct debra_domain *dom) { }
#endif

/* For reports, and to find out where the task is. */
static void debra_guard_sign(struct debra_guard *g)
{
	struct debra_guard_rec *rec = g->rec;

	WRITE_ONCE(rec->task, current);
	WRITE_ONCE(rec->pid, task_pid_nr(current));
	WRITE_ONCE(rec->restarts, min_t(unsigned int, g->restarts, USHRT_MAX));
}

static __always_inline void debra_guard_clear_slots(struct debra_guard_rec *rec)
{
	unsigned int i;

#pragma GCC unroll 8
	for (i = 0; i < DEBRA_GUARD_SLOTS; i++)
		/* DMM(hop:A): see debra_guard_protect(). */
		smp_store_release(&rec->slot[i], NULL);
	/* And the same for the log. Litmus: debra-log-clear. */
	smp_store_release(&rec->log, NULL);
}

static __always_inline void debra_guard_announce(struct debra_domain *dom,
						 struct debra_guard_rec *rec)
{
	unsigned long gen = atomic_long_read(&rec->word) & ~DEBRA_GUARD_FLAGS;

	/*
	 * DMM(guard:A): release: the word is idle before the epoch is the new one.
	 * Who has read an older word with the new epoch finds on looking again that the
	 * word has changed. Pairs with DMM(guard:B). Litmus: debra-guard-epoch.
	 */
	smp_store_release(&rec->epoch, debra_epoch_acquire(dom));
	/*
	 * DMM(guard:C): release: who sees the section sees its epoch, and has the
	 * section before behind him. Pairs with DMM(guard:D). The barrier between this
	 * and the accesses of the section is as with a pin, DMM(pin:B).
	 * Litmus: debra-guard-epoch, debra-guard-exit, debra-pin-ipi-guard.
	 */
	atomic_long_set_release(&rec->word, gen + DEBRA_GUARD_STEP + DEBRA_GUARD_ACTIVE);
	if (debra_fenced())
		/*
		 * DMM(guard:F): word before the accesses of the section, pairs with
		 * DMM(scan:A). Litmus: debra-pin-fence.
		 */
		smp_mb();
	barrier();
}

/* Return: the word as the section left it, which tells whether it was aborted. */
static long debra_guard_retreat(struct debra_guard_rec *rec)
{
	long word = atomic_long_read(&rec->word);

	/*
	 * DMM(guard:E): release: what the section did comes before the freeing of
	 * anything that it could see. Pairs with DMM(guard:D). Litmus: debra-guard-exit.
	 */
	atomic_long_set_release(&rec->word, word & ~DEBRA_GUARD_FLAGS);
	return word;
}

/* The next record of this CPU's stack, or NULL. Preemption is off. */
static struct debra_guard_rec *debra_guard_push(struct debra_guard_cpu *gc)
{
	/* Interrupts on top of us leave it as they have found it. */
	unsigned int depth = READ_ONCE(gc->depth);

	if (unlikely(depth >= DEBRA_GUARD_DEPTH))
		return NULL;
	/* An interrupt before this uses the same record and is done with it. */
	WRITE_ONCE(gc->depth, depth + 1);
	barrier();
	if (unlikely(READ_ONCE(gc->high) <= depth))
		/*
		 * Before the accesses of the section in the same way as the word. An
		 * interrupt between look and store may have used more of them; then it
		 * falls, and
		 * DMM(guard:G): release: who sees that has the interrupt's sections behind
		 * him, though he does not look at their words. Pairs with the acquire where
		 * records are looked at. Litmus: debra-guard-high.
		 */
		smp_store_release(&gc->high, depth + 1);
	return &gc->rec[depth];
}

static void debra_guard_pop(struct debra_guard_cpu *gc, struct debra_guard *g)
{
	unsigned int depth = READ_ONCE(gc->depth) - 1;

	debra_complain(g->rec != &gc->rec[depth],
		       "%s: guards are not exited in the reverse of their order\n",
		       g->dom->name);
	barrier();
	WRITE_ONCE(gc->depth, depth);
}

static DEFINE_PER_CPU(struct debra_guard_rec, debra_guard_unregistered);

/* No record: the pin protects, and the slots are for nobody to see. */
static void debra_guard_enter_pinned(struct debra_domain *dom, struct debra_guard *g)
{
	if (debra_complain(!dom->guards, "%s: guard of a domain that is not registered\n",
			   dom->name))
		g->rec = this_cpu_ptr(&debra_guard_unregistered);
	else
		g->rec = &this_cpu_ptr(dom->guards)->spare;
	g->form = DEBRA_GUARD_PINNED;
	debra_pin(dom);
	__release(dom);
	if (dom->cpus)
		debra_count_any(dom, DEBRA_C_GUARDS_PINNED, 1);
}

/**
 * debra_guard_enter() - begin a section that can be neutralized, preemption off
 * @dom: the domain
 * @g: the guard, on the caller's stack; needs no initialization
 *
 * From here to debra_guard_exit() preemption is off. Guards nest, also across
 * interrupts, and must be left in the reverse order. When more than
 * %DEBRA_GUARD_DEPTH of them are open on the CPU, the guard takes a pin instead,
 * which cannot be neutralized; counted as guards_pinned.
 *
 * Context: any, NMI included, where RCU is watching.
 */
void debra_guard_enter(struct debra_domain *dom, struct debra_guard *g)
{
	preempt_disable();
	g->dom = dom;
	g->restarts = 0;
	g->form = DEBRA_GUARD_ATOMIC;
	g->rec = likely(dom->guards) ? debra_guard_push(this_cpu_ptr(dom->guards)) : NULL;
	if (unlikely(!g->rec)) {
		debra_guard_enter_pinned(dom, g);
		return;
	}
	debra_guard_sign(g);
	debra_guard_clear_slots(g->rec);
	debra_guard_announce(dom, g->rec);
	debra_guard_map_acquire(dom);
}
EXPORT_SYMBOL_GPL(debra_guard_enter);

/* A record of this CPU; it does not matter if the task is elsewhere by then. */
static struct debra_guard_rec *debra_guard_claim(struct debra_domain *dom)
{
	struct debra_guard_cpu *gc = raw_cpu_ptr(dom->guards);
	unsigned int i;

	for (i = 0; i < DEBRA_GUARD_TASKS; i++)
		if (!READ_ONCE(gc->task[i].taken) && !cmpxchg(&gc->task[i].taken, 0, 1))
			break;
	if (i == DEBRA_GUARD_TASKS)
		return NULL;
	if (!READ_ONCE(gc->tasks_used))
		WRITE_ONCE(gc->tasks_used, true);
	return &gc->task[i];
}

static void debra_guard_spill(struct debra_guard *g)
{
	struct debra_sup *sup = g->dom->sup;

	memset(&g->own, 0, sizeof(g->own));
	g->form = DEBRA_GUARD_SPILLED;
	g->rec = &g->own;
	spin_lock(&sup->guard_lock);
	sup->guard_gen += DEBRA_GUARD_STEP;
	atomic_long_set(&g->own.word, sup->guard_gen);
	list_add_tail(&g->list, &sup->spilled);
	spin_unlock(&sup->guard_lock);
	debra_count_any(g->dom, DEBRA_C_GUARDS_SPILLED, 1);
}

static void debra_guard_announce_task(struct debra_guard *g)
{
	struct debra_guard_rec *rec = g->rec;

	debra_guard_sign(g);
	debra_guard_clear_slots(rec);
	debra_guard_announce(g->dom, rec);
	/*
	 * DMM(guard:F): in either mode, for the RCU grace period that may stand for a
	 * round of IPIs says nothing about preemptible code. Litmus: debra-pin-fence.
	 */
	smp_mb();
}

/**
 * debra_guard_enter_sleepable() - begin a section that may sleep
 * @dom: the domain
 * @g: the guard, on the caller's stack; needs no initialization
 *
 * As debra_guard_enter(), but preemption stays as it is: the section may be preempted,
 * migrate, sleep, and last as long as it likes. It belongs to the task: whoever
 * enters has to exit, in any order with other guards. The domain must not be
 * unregistered inside.
 *
 * Context: task context. Elsewhere this is reported, and treated as
 * debra_guard_enter().
 */
void debra_guard_enter_sleepable(struct debra_domain *dom, struct debra_guard *g)
{
	if (debra_complain(!in_task(), "%s: sleepable guard in an interrupt\n", dom->name) ||
	    /* Its lock may sleep there. */
	    (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible()) || unlikely(!dom->guards)) {
		debra_guard_enter(dom, g);
		return;
	}
	g->dom = dom;
	g->restarts = 0;
	g->form = DEBRA_GUARD_TASK;
	g->rec = debra_guard_claim(dom);
	if (!g->rec)
		debra_guard_spill(g);
	debra_guard_announce_task(g);
	debra_guard_map_acquire(dom);
}
EXPORT_SYMBOL_GPL(debra_guard_enter_sleepable);

/* What the hazards kept can be freed now. */
static noinline void debra_guard_was_aborted(struct debra_domain *dom)
{
	preempt_disable();
	trace_debra_guard_notice(dom, task_pid_nr(current), smp_processor_id(), debra_epoch(dom));
	debra_kick(this_cpu_ptr(dom->cpus));
	preempt_enable();
}

static noinline void debra_guard_give_back_task(struct debra_guard *g)
{
	struct debra_sup *sup = g->dom->sup;

	if (g->form == DEBRA_GUARD_TASK) {
		/* Release: the record is idle before it is the next one's. */
		smp_store_release(&g->rec->taken, 0); /* pairs with the cmpxchg of the claim */
		return;
	}
	spin_lock(&sup->guard_lock);
	/*
	 * DMM(guard:H): the section before its leave of the list, for who finds that
	 * empty without the lock and so does not look at the word. Pairs with the
	 * acquire in debra_spilled_passed(). Litmus: debra-guard-spilled.
	 */
	smp_mb__after_spinlock();
	list_del(&g->list);
	spin_unlock(&sup->guard_lock);
}

static void debra_guard_give_back(struct debra_guard *g)
{
	if (likely(g->form == DEBRA_GUARD_ATOMIC))
		debra_guard_pop(this_cpu_ptr(g->dom->guards), g);
	else
		debra_guard_give_back_task(g);
}

/**
 * debra_guard_exit() - end a section
 * @g: the guard
 *
 * Nothing that was read in the section may be used any more. An exit without an
 * enter before it is reported, if the guard was in use once.
 *
 * Ordering: release.
 *
 * Context: that of the guard; the same CPU unless it is sleepable.
 */
void debra_guard_exit(struct debra_guard *g)
{
	struct debra_domain *dom = g->dom;
	unsigned int form = g->form;
	long word;

	if (debra_complain(!dom, "exit of a guard that is not entered; ignored\n"))
		return;
	if (unlikely(form == DEBRA_GUARD_PINNED)) {
		g->dom = NULL;
		__acquire(dom);
		debra_unpin(dom);
	} else {
		debra_guard_map_release(dom);
		word = debra_guard_retreat(g->rec);
		debra_guard_give_back(g);
		g->dom = NULL;
		if (unlikely(word & DEBRA_GUARD_ABORTED))
			debra_guard_was_aborted(dom);
	}
	if (form <= DEBRA_GUARD_PINNED)
		preempt_enable();
}
EXPORT_SYMBOL_GPL(debra_guard_exit);

static void debra_guard_note_restarts(struct debra_guard *g, unsigned int restarts)
{
	g->restarts = restarts;
	debra_count_any(g->dom, DEBRA_C_RESTARTS, !!restarts);
	if (unlikely(restarts == DEBRA_GUARD_PATIENT))
		debra_count_any(g->dom, DEBRA_C_ESCALATIONS, 1);
}

/**
 * debra_guard_restart() - begin anew after a hop that failed
 * @g: the guard
 *
 * Ends the section and begins another; nothing that was read before may be used
 * any more. May be called at any time, for instance to give memory free in a long
 * traversal. A guard that is aborted several times in a row is given more and more
 * time, so a traversal of any finite length comes to its end.
 *
 * Context: that of the guard.
 */
void debra_guard_restart(struct debra_guard *g)
{
	struct debra_domain *dom = g->dom;
	long word;

	if (debra_complain(!dom, "restart of a guard that is not entered; ignored\n") ||
	    unlikely(g->form == DEBRA_GUARD_PINNED))
		return;
	word = debra_guard_retreat(g->rec);
	debra_guard_note_restarts(g, word & DEBRA_GUARD_ABORTED ? g->restarts + 1 : 0);
	if (word & DEBRA_GUARD_ABORTED)
		debra_guard_was_aborted(dom);
	if (g->form != DEBRA_GUARD_ATOMIC) {
		debra_guard_announce_task(g);
		return;
	}
	debra_guard_sign(g);
	debra_guard_clear_slots(g->rec);
	debra_guard_announce(dom, g->rec);
}
EXPORT_SYMBOL_GPL(debra_guard_restart);

/**
 * debra_guard_set_restarts() - this section is another try at what was aborted before
 * @g: the guard, just entered
 * @restarts: how often in a row
 *
 * For those who cannot use debra_guard_restart(), for they have to leave the section in
 * between. It is given as much more time.
 *
 * Context: that of the guard.
 */
void debra_guard_set_restarts(struct debra_guard *g, unsigned int restarts)
{
	if (!g->dom || g->form == DEBRA_GUARD_PINNED)
		return;
	debra_guard_note_restarts(g, restarts);
	debra_guard_sign(g);
}
EXPORT_SYMBOL_GPL(debra_guard_set_restarts);

/**
 * debra_guard_mask() - keep the section from being aborted for a moment
 * @g: the guard
 *
 * For the write phase of an operation, between the first CAS and the last, in
 * which it relies on more than it has slots for. Until debra_guard_unmask() the guard
 * holds memory back as a pin does. Keep it short and bounded, and do not sleep.
 *
 * Ordering: a successful call is a full barrier.
 *
 * Context: that of the guard.
 * Return: false if the section has been aborted already.
 */
bool debra_guard_mask(struct debra_guard *g)
{
	long word = atomic_long_read(&g->rec->word);

	if (g->form == DEBRA_GUARD_PINNED)
		return true;
	if (debra_complain(word & DEBRA_GUARD_MASKED, "%s: guard is masked already\n",
			   g->dom->name))
		return true;
	/* Against the reclaimer's mark: one of the two comes first. */
	return !(word & DEBRA_GUARD_ABORTED) &&
	       atomic_long_try_cmpxchg(&g->rec->word, &word, word | DEBRA_GUARD_MASKED);
}
EXPORT_SYMBOL_GPL(debra_guard_mask);

/**
 * debra_guard_unmask() - end what debra_guard_mask() began
 * @g: the guard
 *
 * Masks do not nest. Without one in force, this is reported and does nothing.
 */
void debra_guard_unmask(struct debra_guard *g)
{
	long word = atomic_long_read(&g->rec->word);

	if (g->form == DEBRA_GUARD_PINNED ||
	    debra_complain(!(word & DEBRA_GUARD_MASKED), "%s: guard is not masked\n",
			   g->dom->name))
		return;
	/* Nobody else changes the word of a masked section. */
	atomic_long_set_release(&g->rec->word, word & ~DEBRA_GUARD_MASKED);
}
EXPORT_SYMBOL_GPL(debra_guard_unmask);

/**
 * debra_guard_attach_log() - have a log protect what it names
 * @g: the guard, just entered or restarted
 * @log: the first chunk, empty or with addresses of the same section
 *
 * Every entry that is published by debra_log_publish() then protects the object that
 * its address lies in. Ends with the section. What is in the log already protects
 * only once a hop or debra_log_publish() after this has returned true.
 *
 * Chunks that an earlier section has used may be emptied and filled again, but only
 * after this call; what they still name until then is kept for nothing.
 *
 * Ordering: full barrier.
 */
void debra_guard_attach_log(struct debra_guard *g, struct debra_log_chunk *log)
{
	/*
	 * DMM(log:C): the sections before this one come before its entries, which may
	 * overwrite theirs: who still finds the word of an aborted one finds its entries, or
	 * its use of them is over. Pairs with DMM(log:B). Litmus: debra-log-reuse.
	 */
	smp_mb();
	/* DMM(log:A): the chunk before the pointer; pairs with DMM(log:B). Litmus: debra-log. */
	smp_store_release(&g->rec->log, log);
}
EXPORT_SYMBOL_GPL(debra_guard_attach_log);

/**
 * debra_for_each_guard - look at all records of a domain
 * @dom: the domain
 * @fn: called with a record, and its CPU if it has preemption off, else -1; under a
 *	lock, so it must not sleep
 * @arg: passed to @fn
 *
 * Context: process context.
 */
void debra_for_each_guard(struct debra_domain *dom, debra_guard_fn fn, void *arg)
{
	struct debra_guard_cpu *gc;
	unsigned int cpu, i;
	struct debra_guard *g;

	for_each_possible_cpu(cpu) {
		gc = per_cpu_ptr(dom->guards, cpu);
		for (i = 0; i < smp_load_acquire(&gc->high); i++) /* pairs with DMM(guard:G) */
			fn(&gc->rec[i], cpu, arg);
		for (i = 0; READ_ONCE(gc->tasks_used) && i < DEBRA_GUARD_TASKS; i++)
			fn(&gc->task[i], -1, arg);
	}
	spin_lock(&dom->sup->guard_lock);
	list_for_each_entry(g, &dom->sup->spilled, list)
		fn(&g->own, -1, arg);
	spin_unlock(&dom->sup->guard_lock);
}

/* The first generations run over soon, so that it is nothing special. */
void debra_guard_cpu_init(struct debra_guard_cpu *gc)
{
	unsigned int i;

	for (i = 0; i < DEBRA_GUARD_DEPTH; i++)
		atomic_long_set(&gc->rec[i].word, -4L * (long)DEBRA_GUARD_STEP);
	for (i = 0; i < DEBRA_GUARD_TASKS; i++)
		atomic_long_set(&gc->task[i].word, -4L * (long)DEBRA_GUARD_STEP);
}

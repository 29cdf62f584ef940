// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: the full barrier that the reclaimer runs on every CPU.
 *
 * With pins=ipi a pin is a plain store. Before anybody concludes from "this CPU
 * looks quiescent" that it has no section, the CPU must have passed a full
 * barrier after the question was put: this is the asymmetric Dekker of
 * membarrier(2). Two things give that barrier:
 *
 *  - a normal RCU grace period, since a pin is a preemption-off section. It costs
 *    nothing but time, and on a busy machine they come one after the other;
 *  - a round of IPIs, when time is what we do not have.
 *
 * A cookie stands for both. It is taken after the fact that the reader is to see
 * (or miss), and has expired when either has happened wholly after that.
 *
 * Rounds are numbered. @debra_rounds_started is raised before the first IPI of a
 * round, @debra_rounds_done after its last acknowledgment. A cookie asks for the
 * round after the one that had started when it was taken: the barriers of one
 * that was already running may lie before the fact (the same rounding up as in
 * rcu_seq_snap()). The handler acknowledges the number that it read, so a late
 * handler of an abandoned round never passes for one of the next.
 *
 * A round that is for one guard and not for the epoch goes to that guard's CPU
 * alone; it has a number like the others, but raises nobody's @debra_rounds_done.
 *
 * A round does not wait for a CPU that does not answer: it is left open, and looked
 * at again when somebody asks. Its csd stays queued; the handler, when it runs at
 * last, reads the newest number. Nobody's memory is freed by a round that is open.
 *
 * Numbers are compared by their difference, and begin just below where they run over.
 */
#include <linux/bitops.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>

#include "internal.h"
#include "trace.h"

/* Answers come in microseconds, except from a CPU in trouble or a preempted vCPU. */
#define DEBRA_ROUND_SPIN_NS	(20 * NSEC_PER_USEC)
#define DEBRA_ROUND_TIMEOUT	msecs_to_jiffies(10)
#define DEBRA_ROUND_FIRST	(-100UL)

/**
 * struct debra_round_cpu - the rounds as one CPU knows them
 * @csd: the IPI
 * @ack: the number that its last handler read
 * @ipis: how many were sent to it
 * @window: jiffies when the second began in which @window_ipis are counted
 * @window_ipis: see there
 * @rate: how many there were in the last full second before
 * @due: when it may have the next one, see debra_round_charge(), in ns of local_clock()
 */
struct debra_round_cpu {
	call_single_data_t csd;
	unsigned long ack;
	unsigned long ipis;
	unsigned long window;
	unsigned int window_ipis;
	unsigned int rate;
	u64 due;
};

static DEFINE_PER_CPU_SHARED_ALIGNED(struct debra_round_cpu, debra_round_cpu);
static DEFINE_MUTEX(debra_round_lock);
static unsigned long debra_rounds_started = DEBRA_ROUND_FIRST;
static unsigned long debra_rounds_done = DEBRA_ROUND_FIRST;
/* The last round that was for all CPUs, and who they were; under the lock. */
static unsigned long debra_round_full = DEBRA_ROUND_FIRST;
static cpumask_t debra_round_full_mask;
static u64 debra_round_full_begun;
/* How long it took until all had answered; likewise under the lock. */
static unsigned long debra_round_latency[DEBRA_NR_LATENCIES];

static bool debra_round_reached(unsigned long now, unsigned long round)
{
	return (long)(now - round) >= 0;
}

static void debra_round_handler(void *info)
{
	struct debra_round_cpu *rc = this_cpu_ptr(&debra_round_cpu);
	unsigned long round;

	if (debra_ipi_is_lost())
		return;
	/*
	 * DMM(round:A): the csd was unlocked before us; a sender that saw it
	 * locked relies on our reading a number not older than his. Pairs with
	 * DMM(round:C). Litmus: debra-round-csd.
	 */
	smp_mb();
	round = READ_ONCE(debra_rounds_started);
	/*
	 * DMM(round:B): the barrier that all this is for: splits the interrupted
	 * code into what the reclaimer sees and what sees the reclaimer. Pairs
	 * with DMM(round:D). Litmus: debra-pin-ipi.
	 */
	smp_mb();
	WRITE_ONCE(rc->ack, round);
}

/*
 * After an IPI the CPU is left alone for its part of a second. A tick's worth may come at once, for
 * who waits may wait for a tick. With all of it at the beginning of each second, who needs more
 * would wait for the rest of it.
 */
static void debra_round_charge(struct debra_round_cpu *rc)
{
	unsigned int limit = READ_ONCE(debra_ipi_rate);
	u64 earliest = local_clock() - TICK_NSEC;

	if ((s64)(rc->due - earliest) < 0)
		rc->due = earliest;
	rc->due += limit ? NSEC_PER_SEC / limit : 0;
}

/* Count an IPI in its second. */
static void debra_round_account(struct debra_round_cpu *rc)
{
	unsigned long age = jiffies - rc->window;

	debra_round_charge(rc);
	if (age >= HZ) {
		WRITE_ONCE(rc->rate, age < 2 * HZ ? rc->window_ipis : 0);
		WRITE_ONCE(rc->window, jiffies);
		WRITE_ONCE(rc->window_ipis, 0);
	}
	WRITE_ONCE(rc->window_ipis, rc->window_ipis + 1);
	WRITE_ONCE(rc->ipis, rc->ipis + 1);
}

/* Has one of these CPUs had all the IPIs that it may have had by now? */
static bool debra_round_limited(const struct cpumask *mask)
{
	u64 now = local_clock();
	unsigned int cpu;

	if (!READ_ONCE(debra_ipi_rate))
		return false;
	for_each_cpu(cpu, mask)
		if ((s64)(per_cpu(debra_round_cpu, cpu).due - now) > 0)
			return true;
	return false;
}

/* Unless it is asked already and has not begun to answer. */
static void debra_round_ask(unsigned int cpu)
{
	struct debra_round_cpu *rc = &per_cpu(debra_round_cpu, cpu);

	if (!smp_call_function_single_async(cpu, &rc->csd))
		debra_round_account(rc);
}

static void debra_round_send(const struct cpumask *mask, unsigned long round)
{
	unsigned int cpu;

	/*
	 * -EBUSY means that the handler of an earlier round has not begun there.
	 * When it does it reads our number, by DMM(round:A). A CPU that is offline
	 * stays so until we are done, and has passed more barriers than we would have
	 * asked for: we answer for it, or who has it in his mask waits for ever.
	 */
	for_each_cpu(cpu, mask) {
		if (cpu_online(cpu))
			debra_round_ask(cpu);
		else
			WRITE_ONCE(per_cpu(debra_round_cpu, cpu).ack, round);
	}
}

/**
 * debra_round_acked - has a CPU answered a round?
 * @cpu: the CPU
 * @round: the round's number
 *
 * For a CPU that was offline then, debra_round_send() has.
 *
 * Return: true if so; what it did before its barrier is then visible.
 */
bool debra_round_acked(unsigned int cpu, unsigned long round)
{
	/*
	 * DMM(round:D): acquire, pairs with DMM(round:B): what we read of that CPU
	 * after this is not older than its barrier. Litmus: debra-round-done.
	 */
	return debra_round_reached(smp_load_acquire(&per_cpu(debra_round_cpu, cpu).ack), round);
}

static bool debra_round_answered(const struct cpumask *mask, unsigned long round)
{
	unsigned int cpu;

	for_each_cpu_and(cpu, mask, cpu_online_mask)
		if (!debra_round_acked(cpu, round))
			return false;
	return true;
}

static bool debra_round_wait(const struct cpumask *mask, unsigned long round)
{
	unsigned long deadline = jiffies + DEBRA_ROUND_TIMEOUT;
	u64 spin_until = local_clock() + DEBRA_ROUND_SPIN_NS;

	while (!debra_round_answered(mask, round)) {
		if (local_clock() < spin_until && !need_resched()) {
			cpu_relax();
			continue;
		}
		if (time_after(jiffies, deadline))
			return false;
		usleep_range(20, 100);
	}
	return true;
}

/* Under debra_round_lock. The first is for less than a microsecond, each for twice as much. */
static void debra_round_note(u64 ns)
{
	unsigned int i = min(fls64(ns / NSEC_PER_USEC), DEBRA_NR_LATENCIES - 1);

	WRITE_ONCE(debra_round_latency[i], debra_round_latency[i] + 1);
}

/*
 * Under debra_round_lock, with CPUs held where they are. @dom: on whose behalf; NULL if the
 * module goes. Return: the number.
 */
static unsigned long debra_round_begin(struct debra_domain *dom, const struct cpumask *mask)
{
	unsigned long round = debra_rounds_started + 1;

	if (dom)
		trace_debra_round_begin(dom, round, cpumask_weight(mask));
	WRITE_ONCE(debra_rounds_started, round);
	/*
	 * DMM(round:C): the number before the look at each csd, and all that we
	 * have done before the IPIs. Pairs with DMM(round:A).
	 * Litmus: debra-round-csd.
	 */
	smp_mb();
	debra_round_send(mask, round);
	return round;
}

/* The same. Wait for the answers to a round that was begun at @begun. */
static int debra_round_finish(struct debra_domain *dom, const struct cpumask *mask,
			      unsigned long round, u64 begun)
{
	int err = debra_round_wait(mask, round) ? 0 : -ETIMEDOUT;
	/* Another CPU's clock may be a little behind. */
	u64 ns = max_t(s64, local_clock() - begun, 0);

	if (!err)
		debra_round_note(ns);
	trace_debra_round_end(dom, round, ns, err);
	return err;
}

/*
 * The same. Who has not answered may be slow, and then his csd is in use; or his IPI is lost, and
 * he is sent another one.
 */
static void debra_round_resend(const struct cpumask *mask, unsigned long round)
{
	unsigned int cpu;

	for_each_cpu_and(cpu, mask, cpu_online_mask)
		if (!debra_round_acked(cpu, round))
			debra_round_ask(cpu);
}

/* The same. The round that is open serves, if it began after the cookie was taken. */
static int debra_round_serve(struct debra_domain *dom, unsigned long wanted)
{
	int err;

	if (debra_round_reached(debra_round_full, wanted)) {
		debra_round_resend(&debra_round_full_mask, debra_round_full);
	} else {
		if (debra_round_limited(cpu_online_mask))
			return -EBUSY;
		cpumask_copy(&debra_round_full_mask, cpu_online_mask);
		debra_round_full_begun = local_clock();
		debra_round_full = debra_round_begin(dom, &debra_round_full_mask);
	}
	err = debra_round_finish(dom, &debra_round_full_mask, debra_round_full,
				 debra_round_full_begun);
	if (err)
		return err;
	/*
	 * DMM(round:E): release, pairs with DMM(round:F): who sees the round done has
	 * all its barriers behind him. Litmus: debra-round-done.
	 */
	smp_store_release(&debra_rounds_done, debra_round_full);
	return 0;
}

static void debra_round_count(struct debra_domain *dom, int err)
{
	debra_count_any(dom, !err ? DEBRA_C_ROUNDS_IPI :
			err == -EBUSY ? DEBRA_C_ROUNDS_LIMITED : DEBRA_C_ROUNDS_TIMEOUT, 1);
}

/*
 * A CPU hotplug callback may wait for us, so we must not wait for CPU hotplug: then
 * there is no round now, and an RCU grace period will have to do.
 */
static int debra_round_locked(struct debra_domain *dom, unsigned long wanted)
{
	int err;

	if (!cpus_read_trylock())
		return -EAGAIN;
	err = debra_round_serve(dom, wanted);
	cpus_read_unlock();
	debra_round_count(dom, err);
	return err;
}

/**
 * debra_round_run - have every online CPU pass a full barrier, by IPI
 * @dom: whose statistics to charge
 * @cookie: what to run it for
 *
 * CPUs that come or go meanwhile pass plenty of barriers on their way.
 *
 * Context: process context, may sleep.
 * Return: 0; -ETIMEDOUT when a CPU has not answered yet; -EAGAIN when a CPU is coming
 * or going; -EBUSY when a CPU has had its share of IPIs.
 */
int debra_round_run(struct debra_domain *dom, const struct debra_cookie *cookie)
{
	int err = 0;

	mutex_lock(&debra_round_lock);
	/* Somebody else's round may have served us while we waited. */
	if (!debra_round_reached(READ_ONCE(debra_rounds_done), cookie->ipi))
		err = debra_round_locked(dom, cookie->ipi);
	mutex_unlock(&debra_round_lock);
	return err;
}

/**
 * debra_round_ping - have some CPUs pass a full barrier, by IPI
 * @dom: whose statistics to charge
 * @mask: which ones
 * @round: set to the number of the round, for debra_round_acked()
 *
 * Waits for the answers, but not for long.
 *
 * Context: process context, may sleep.
 * Return: 0; -ETIMEDOUT when a CPU has not answered yet; otherwise no round was begun:
 * -EAGAIN when a CPU is coming or going, -EBUSY when one has had its share of IPIs.
 */
int debra_round_ping(struct debra_domain *dom, const struct cpumask *mask, unsigned long *round)
{
	int err = -EAGAIN;
	u64 begun;

	mutex_lock(&debra_round_lock);
	if (cpus_read_trylock()) {
		err = debra_round_limited(mask) ? -EBUSY : 0;
		if (!err) {
			begun = local_clock();
			*round = debra_round_begin(dom, mask);
			err = debra_round_finish(dom, mask, *round, begun);
		}
		cpus_read_unlock();
		debra_round_count(dom, err);
	}
	mutex_unlock(&debra_round_lock);
	return err;
}

/**
 * debra_round_stats - what a CPU had of us
 * @cpu: the CPU
 * @ipis: set to how many IPIs in all
 *
 * Return: how many in the last full second.
 */
unsigned int debra_round_stats(unsigned int cpu, unsigned long *ipis)
{
	struct debra_round_cpu *rc = &per_cpu(debra_round_cpu, cpu);
	unsigned long age = jiffies - READ_ONCE(rc->window);

	*ipis = READ_ONCE(rc->ipis);
	if (age < HZ)
		return READ_ONCE(rc->rate);
	return age < 2 * HZ ? READ_ONCE(rc->window_ipis) : 0;
}

/**
 * debra_round_took - how many rounds had their answers in some time
 * @i: which time: less than 1 << @i microseconds, but not less than half of that; the last is
 *	for all that is longer
 *
 * Return: the number, since the module was loaded.
 */
unsigned long debra_round_took(unsigned int i)
{
	return READ_ONCE(debra_round_latency[i]);
}

/**
 * debra_round_settle - wait until no CPU has a csd of ours queued
 *
 * Before the module goes: a round to which all have answered is behind all the others.
 */
void debra_round_settle(void)
{
	unsigned long round;

	mutex_lock(&debra_round_lock);
	cpus_read_lock();
	round = debra_round_begin(NULL, cpu_online_mask);
	while (!debra_round_wait(cpu_online_mask, round))
		debra_round_resend(cpu_online_mask, round);
	cpus_read_unlock();
	mutex_unlock(&debra_round_lock);
	/*
	 * Who was asked while he was answering an older question has answered both, and is still
	 * asked: in a grace period every CPU has interrupts on.
	 */
	synchronize_rcu();
}

/**
 * debra_round_snapshot - begin to wait for a full barrier on every CPU
 * @cookie: to be given to debra_round_done()
 *
 * Context: any, NMI included.
 */
void debra_round_snapshot(struct debra_cookie *cookie)
{
	/*
	 * DMM(round:G): the fact before the number, pairs with DMM(round:C).
	 * A number read too early would accept a round that began before it.
	 * The epoch having been read with acquire is not enough: somebody else
	 * wrote it, and a CPU that we interrupt has to see that too.
	 * Litmus: debra-round-snap.
	 */
	smp_mb();
	cookie->ipi = READ_ONCE(debra_rounds_started) + !debra_busted(COALESCED);
	cookie->rcu = get_state_synchronize_rcu();
}

/**
 * debra_round_done - has every CPU passed a full barrier since the snapshot?
 * @cookie: from debra_round_snapshot()
 *
 * Context: any, NMI included.
 * Return: true if so, and what the CPUs did before their barriers is visible.
 */
bool debra_round_done(const struct debra_cookie *cookie)
{
	/* DMM(round:F): acquire, pairs with DMM(round:E). Litmus: debra-round-done. */
	return debra_round_reached(smp_load_acquire(&debra_rounds_done), cookie->ipi) ||
	       poll_state_synchronize_rcu(cookie->rcu);
}

void debra_round_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		INIT_CSD(&per_cpu(debra_round_cpu, cpu).csd, debra_round_handler, NULL);
		per_cpu(debra_round_cpu, cpu).ack = DEBRA_ROUND_FIRST;
	}
}

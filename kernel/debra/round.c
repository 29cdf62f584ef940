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
 * A round does not wait for a CPU that does not answer, it gives up and says so.
 * Its csd stays queued; the handler, when it runs at last, reads the newest
 * number. Nobody's memory is freed by a round that was given up.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>

#include "internal.h"

/* Answers come in microseconds, except from a CPU in trouble or a preempted vCPU. */
#define DEBRA_ROUND_SPIN_NS	(20 * NSEC_PER_USEC)
#define DEBRA_ROUND_TIMEOUT	msecs_to_jiffies(100)
#define DEBRA_ROUND_BACKOFF	msecs_to_jiffies(100)

struct debra_round_cpu {
	call_single_data_t csd;
	unsigned long ack;
};

static DEFINE_PER_CPU_SHARED_ALIGNED(struct debra_round_cpu, debra_round_cpu);
static DEFINE_MUTEX(debra_round_lock);
static unsigned long debra_rounds_started;
static unsigned long debra_rounds_done;
static unsigned long debra_round_retry;	/* jiffies; under the lock */

static void debra_round_handler(void *info)
{
	struct debra_round_cpu *rc = this_cpu_ptr(&debra_round_cpu);
	unsigned long round;

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

static void debra_round_send(const struct cpumask *mask)
{
	unsigned int cpu;

	/*
	 * -EBUSY means that the handler of an earlier round has not begun there.
	 * When it does it reads our number, by DMM(round:A).
	 */
	for_each_cpu(cpu, mask)
		smp_call_function_single_async(cpu, &per_cpu(debra_round_cpu, cpu).csd);
}

static bool debra_round_answered(const struct cpumask *mask, unsigned long round)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask) {
		/*
		 * DMM(round:D): acquire, pairs with DMM(round:B): what we read of
		 * that CPU after this is not older than its barrier.
		 * Litmus: debra-round-done.
		 */
		if (smp_load_acquire(&per_cpu(debra_round_cpu, cpu).ack) < round)
			return false;
	}
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

/* Under debra_round_lock, with CPUs held where they are. */
static bool debra_round_once(void)
{
	unsigned long round;
	bool done;

	round = debra_rounds_started + 1;
	WRITE_ONCE(debra_rounds_started, round);
	/*
	 * DMM(round:C): the number before the look at each csd, and all that we
	 * have done before the IPIs. Pairs with DMM(round:A).
	 * Litmus: debra-round-csd.
	 */
	smp_mb();
	debra_round_send(cpu_online_mask);
	done = debra_round_wait(cpu_online_mask, round);
	if (done)
		/*
		 * DMM(round:E): release, pairs with DMM(round:F): who sees the
		 * round done has all its barriers behind him.
		 * Litmus: debra-round-done.
		 */
		smp_store_release(&debra_rounds_done, round);
	else
		debra_round_retry = jiffies + DEBRA_ROUND_BACKOFF;
	return done;
}

/*
 * A CPU hotplug callback may wait for us, so we must not wait for CPU hotplug: then
 * there is no round now, and an RCU grace period will have to do.
 */
static int debra_round_locked(struct debra_domain *dom)
{
	bool done;

	if (time_before(jiffies, debra_round_retry) || !cpus_read_trylock())
		return -EAGAIN;
	done = debra_round_once();
	cpus_read_unlock();
	debra_count_any(dom, done ? DEBRA_C_ROUNDS_IPI : DEBRA_C_ROUNDS_TIMEOUT, 1);
	return done ? 0 : -ETIMEDOUT;
}

/**
 * debra_round_run - have every online CPU pass a full barrier, by IPI
 * @dom: whose statistics to charge
 * @cookie: what to run it for
 *
 * CPUs that come or go meanwhile pass plenty of barriers on their way.
 *
 * Context: process context, may sleep.
 * Return: 0; -ETIMEDOUT when a CPU did not answer; -EAGAIN when a CPU is coming or
 * going, or did not answer a moment ago.
 */
int debra_round_run(struct debra_domain *dom, const struct debra_cookie *cookie)
{
	int err = 0;

	mutex_lock(&debra_round_lock);
	/* Somebody else's round may have served us while we waited. */
	if (READ_ONCE(debra_rounds_done) < cookie->ipi)
		err = debra_round_locked(dom);
	mutex_unlock(&debra_round_lock);
	return err;
}

/**
 * debra_round_settle - wait until no CPU has a csd of ours queued
 *
 * After a round that was given up, before the module goes.
 */
void debra_round_settle(void)
{
	bool done;

	do {
		mutex_lock(&debra_round_lock);
		cpus_read_lock();
		done = debra_rounds_done == debra_rounds_started || debra_round_once();
		cpus_read_unlock();
		mutex_unlock(&debra_round_lock);
	} while (!done);
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
	cookie->ipi = READ_ONCE(debra_rounds_started) + 1;
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
	return smp_load_acquire(&debra_rounds_done) >= cookie->ipi ||
	       poll_state_synchronize_rcu(cookie->rcu);
}

void debra_round_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		INIT_CSD(&per_cpu(debra_round_cpu, cpu).csd, debra_round_handler, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: when an epoch may end.
 *
 * Epoch e ends when every CPU is quiescent or has announced e. Whoever wants to
 * end it works through a struct debra_scan: note e, take a cookie, wait until the
 * cookie has expired (pins=ipi only), look at each CPU once, cmpxchg e to e + 1.
 * Every CPU does so a CPU at a time as it retires, which is DEBRA's amortized
 * scan; the reclaimer does it in one go when nobody retires or memory is short.
 *
 * What has been established for a CPU stays good while the epoch is e: a section
 * that begins later announces e, or an older epoch, read earlier and announced
 * late. The late one was missed by this scan and holds the next one up; its
 * accesses lie after the barrier, so they see every unlink that made way for e.
 * Documentation/debra.md, "Why three epochs", has the argument in full.
 */
#include <linux/cpumask.h>
#include <linux/jiffies.h>

#include "internal.h"
#include "trace.h"

/**
 * debra_scan_start - begin to look for stragglers of an epoch
 * @scan: the scan
 * @epoch: the epoch, as read by the caller with acquire
 */
void debra_scan_start(struct debra_scan *scan, unsigned long epoch)
{
	scan->epoch = epoch;
	scan->cpu = cpumask_first(cpu_possible_mask);
	scan->barrier = debra_fenced();
	if (!scan->barrier)
		debra_round_snapshot(&scan->cookie);
}

/**
 * debra_scan_barrier - may announcements be trusted in this scan?
 * @scan: the scan
 *
 * Return: true once every CPU has passed a full barrier since its start.
 */
bool debra_scan_barrier(struct debra_scan *scan)
{
	if (!scan->barrier)
		scan->barrier = debra_round_done(&scan->cookie);
	return scan->barrier || debra_busted(SCAN);
}

/**
 * debra_pin_passed - do the pins of a CPU let an epoch end?
 * @dom: the domain
 * @cpu: the CPU
 * @epoch: the epoch
 *
 * Return: true if so.
 */
bool debra_pin_passed(struct debra_domain *dom, unsigned int cpu, unsigned long epoch)
{
	/*
	 * DMM(scan:A): the barrier that pairs with DMM(pin:B) and DMM(pin:C) is
	 * not here. With pins=fence it is that of the last advance, which comes
	 * before our reading of the epoch; with pins=ipi it is the cookie's.
	 * Litmus: debra-pin-fence, debra-pin-ipi.
	 *
	 * DMM(scan:B): acquire, pairs with DMM(unpin:A), DMM(pin:A) and
	 * DMM(pin:D). Litmus: debra-unpin-release.
	 */
	unsigned long announced = smp_load_acquire(&per_cpu_ptr(dom->pins, cpu)->announce);

	return !announced || announced >> DEBRA_DEPTH_BITS == epoch;
}

static bool debra_cpu_passed(struct debra_domain *dom, unsigned int cpu, unsigned long epoch)
{
	return (debra_pin_passed(dom, cpu, epoch) && debra_guards_passed(dom, cpu, epoch)) ||
	       debra_busted(SCAN);
}

/**
 * debra_scan_step - look at one more CPU
 * @dom: the domain
 * @scan: the scan, for which debra_scan_barrier() was true
 *
 * Return: true once every CPU has been seen quiescent or in the epoch. Guards that
 * are on no CPU's account are not looked at, see debra_spilled_passed().
 */
bool debra_scan_step(struct debra_domain *dom, struct debra_scan *scan)
{
	if (scan->cpu < nr_cpu_ids && debra_cpu_passed(dom, scan->cpu, scan->epoch))
		scan->cpu = cpumask_next(scan->cpu, cpu_possible_mask);
	return scan->cpu >= nr_cpu_ids;
}

/**
 * debra_scan_all - look at every CPU that was not passed yet
 * @dom: the domain
 * @scan: the scan, for which debra_scan_barrier() was true
 *
 * Return: as debra_scan_step(). When false, @scan->cpu is the straggler.
 */
bool debra_scan_all(struct debra_domain *dom, struct debra_scan *scan)
{
	unsigned int before;

	do {
		before = scan->cpu;
		if (debra_scan_step(dom, scan))
			return true;
	} while (scan->cpu != before);
	return false;
}

/**
 * debra_advance - end an epoch
 * @dom: the domain
 * @epoch: the epoch whose scan is complete
 *
 * Context: any, NMI included.
 * Return: true if this call ended it, false if another had.
 */
bool debra_advance(struct debra_domain *dom, unsigned long epoch)
{
	/*
	 * DMM(advance:A): full barriers on both sides. Pairs with DMM(pin:A), with
	 * DMM(epoch:A) and, without IPIs, with DMM(pin:B): the next scan comes
	 * after the store. Litmus: debra-announce-acquire, debra-pin-fence.
	 */
	if (cmpxchg(&dom->clock, __DEBRA_CLOCK(epoch), __DEBRA_CLOCK(epoch + 1)) !=
	    __DEBRA_CLOCK(epoch))
		return false;
	WRITE_ONCE(dom->sup->epoch_since, jiffies);
	debra_count_any(dom, DEBRA_C_ADVANCES, 1);
	trace_debra_advance(dom, epoch + 1);
	return true;
}

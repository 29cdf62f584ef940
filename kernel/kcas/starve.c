// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: nobody starves.
 *
 * A transaction that has failed tx_patience times takes a lock and becomes the one that
 * starves. The others run as before, until they are about to write: then they wait for the
 * lock, let it go, and start again. So there is nobody left who could make the one that
 * starves fail, but operations and transactions that never wait.
 *
 * The lock is an rt_mutex: those who wait lend their priority to the holder, and it goes to
 * the first in line, or the most important. Whoever only reads is not held up. All that
 * the others pay is a look at one word that hardly ever changes.
 *
 * The holder never waits for anybody but for memory and processor time: not for a
 * callback of the reclaimer, nor for a transaction of others. In kcas_tx_retry() it lets go.
 */
#include <linux/rtmutex.h>
#include <linux/sched.h>

#include "../debra/compat.h"
#include "trace.h"
#include "tx.h"

static DEFINE_RT_MUTEX(kcas_starver_lock);
struct task_struct *kcas_starver;
/* In jiffies; the starver's own. */
static unsigned long kcas_starver_since;

/* There is no rt_mutex_lock() that gives up in time, nor one that others can see us wait for. */
static int kcas_starver_lock_timed(struct kcas_tx *tx)
{
	int err = 0;

	if (rt_mutex_trylock(&kcas_starver_lock))
		return 0;
	debra_contention_begin(&kcas_starver_lock, DEBRA_CONTENTION_RT);
	do {
		set_current_state(kcas_tx_wait_state(tx));
		schedule_timeout(1);
		err = kcas_tx_check_end(tx);
	} while (!err && !rt_mutex_trylock(&kcas_starver_lock));
	debra_contention_end(&kcas_starver_lock, err);
	return err;
}

static int kcas_starver_lock_take(struct kcas_tx *tx)
{
	int err = 0;

	if (tx->timed)
		return kcas_starver_lock_timed(tx);
	if (tx->flags & KCAS_TX_INTERRUPTIBLE)
		err = rt_mutex_lock_interruptible(&kcas_starver_lock);
	else if (tx->flags & KCAS_TX_KILLABLE)
		err = rt_mutex_lock_killable(&kcas_starver_lock);
	else
		rt_mutex_lock(&kcas_starver_lock);
	if (!err)
		return 0;
	tx->why = KCAS_TX_SIGNAL;
	return -ERESTARTSYS;
}

/**
 * kcas_tx_let_pass - wait until the one that starves has committed
 * @tx: the transaction, outside of a section
 *
 * Return: 0 to try again, or an error.
 */
int kcas_tx_let_pass(struct kcas_tx *tx)
{
	int err = kcas_starver_lock_take(tx);

	if (!err)
		rt_mutex_unlock(&kcas_starver_lock);
	return err;
}

/**
 * kcas_tx_starve - it has failed too often: from now on the others wait
 * @tx: the transaction, outside of a section
 *
 * Return: 0 to try again, or an error.
 */
int kcas_tx_starve(struct kcas_tx *tx)
{
	int err;

	if (tx->starving || READ_ONCE(kcas_starver) == current) {
		kcas_tx_back_off(tx);
		return 0;
	}
	err = kcas_starver_lock_take(tx);
	if (err)
		return err;
	tx->starving = true;
	kcas_starver_since = jiffies;
	WRITE_ONCE(kcas_starver, current);
	__kcas_tx_count(KCAS_C_TX_STARVED);
	trace_kcas_tx_starve(true, tx->failed);
	return 0;
}

void __kcas_tx_starve_end(struct kcas_tx *tx)
{
	unsigned long took;

	tx->starving = false;
	took = jiffies - kcas_starver_since;
	if (took >= msecs_to_jiffies(READ_ONCE(kcas_stall_ms)))
		kcas_stall_report("others held back", took, tx);
	trace_kcas_tx_starve(false, tx->failed);
	WRITE_ONCE(kcas_starver, NULL);
	rt_mutex_unlock(&kcas_starver_lock);
}

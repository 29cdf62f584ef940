// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcas: start and end of the module, parameters.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "../debra/compat.h"
#include "tx.h"

#define KCAS_MAX_BLOCKS_MIN	2
#define KCAS_MAX_BLOCKS_MAX	1048576
#define KCAS_MAX_PATIENCE	1000
#define KCAS_STALL_MS_MIN	10
#define KCAS_STALL_MS_MAX	600000

/**
 * DOC: kcas_domain - the domain in which kcas frees what it and its users retire
 *
 * Registered as long as the module is loaded; users neither register nor unregister it. Who
 * follows pointers that words hold pins it with debra_pin(), or is in a transaction, which
 * is a guard of it. Objects with words are retired to it by kcas_retire(); objects without may
 * be by debra_call() and debra_kfree().
 *
 * Context: any, as for each function that takes a domain.
 */
DEFINE_DEBRA_DOMAIN(kcas_domain);
EXPORT_SYMBOL_GPL(kcas_domain);

struct workqueue_struct *kcas_wq;
struct workqueue_struct *kcas_flush_wq;

static int kcas_set_uint(const char *val, const struct kernel_param *kp, unsigned int min,
			 unsigned int max)
{
	unsigned int new;

	if (kstrtouint(val, 0, &new) || new < min || new > max)
		return -EINVAL;
	WRITE_ONCE(*(unsigned int *)kp->arg, new);
	return 0;
}

static int kcas_set_max_blocks(const char *val, const struct kernel_param *kp)
{
	return kcas_set_uint(val, kp, KCAS_MAX_BLOCKS_MIN, KCAS_MAX_BLOCKS_MAX);
}

static const struct kernel_param_ops kcas_max_blocks_ops = {
	.set = kcas_set_max_blocks,
	.get = param_get_uint,
};

unsigned int kcas_max_blocks = 4096;
module_param_cb(max_blocks, &kcas_max_blocks_ops, &kcas_max_blocks, 0644);
MODULE_PARM_DESC(max_blocks, "blocks of descriptors, 8 KiB each, that a context of a CPU may have; past it operations there fail with -ENOMEM (2-1048576)");

static int kcas_set_patience(const char *val, const struct kernel_param *kp)
{
	return kcas_set_uint(val, kp, 0, KCAS_MAX_PATIENCE);
}

static const struct kernel_param_ops kcas_patience_ops = {
	.set = kcas_set_patience,
	.get = param_get_uint,
};

unsigned int kcas_patience = 3;
module_param_cb(patience, &kcas_patience_ops, &kcas_patience, 0644);
MODULE_PARM_DESC(patience, "conflicts of an operation before the words that it compares are written as well (0: always; up to 1000)");

static int kcas_set_tx_patience(const char *val, const struct kernel_param *kp)
{
	return kcas_set_uint(val, kp, 1, KCAS_MAX_PATIENCE);
}

static const struct kernel_param_ops kcas_tx_patience_ops = {
	.set = kcas_set_tx_patience,
	.get = param_get_uint,
};

unsigned int kcas_tx_patience = 16;
module_param_cb(tx_patience, &kcas_tx_patience_ops, &kcas_tx_patience, 0644);
MODULE_PARM_DESC(tx_patience, "conflicts of a transaction before the others are held back until it has committed (1-1000)");

static int kcas_set_stall_ms(const char *val, const struct kernel_param *kp)
{
	return kcas_set_uint(val, kp, KCAS_STALL_MS_MIN, KCAS_STALL_MS_MAX);
}

static const struct kernel_param_ops kcas_stall_ms_ops = {
	.set = kcas_set_stall_ms,
	.get = param_get_uint,
};

unsigned int kcas_stall_ms = 1000;
module_param_cb(stall_ms, &kcas_stall_ms_ops, &kcas_stall_ms, 0644);
MODULE_PARM_DESC(stall_ms, "how long an attempt of a transaction may take, or the others be held back, without a report (10-600000)");

static void kcas_stop_queues(void)
{
	if (kcas_wq)
		destroy_workqueue(kcas_wq);
	if (kcas_flush_wq)
		destroy_workqueue(kcas_flush_wq);
}

static int __init kcas_start_parts(void)
{
	int err;

	kcas_wq = alloc_workqueue("kcas", DEBRA_WQ_FLAGS, 0);
	kcas_flush_wq = alloc_workqueue("kcas_flush", DEBRA_WQ_FLAGS, 0);
	kcas_wait_start();
	err = kcas_wq && kcas_flush_wq ? kcas_pool_start() : -ENOMEM;
	if (err) {
		kcas_stop_queues();
		return err;
	}
	err = kcas_log_start();
	if (err) {
		kcas_pool_stop();
		kcas_stop_queues();
	}
	return err;
}

static int __init kcas_module_init(void)
{
	int err = debra_domain_register(&kcas_domain);

	if (err)
		return err;
	err = kcas_start_parts();
	if (err) {
		debra_domain_unregister(&kcas_domain);
		return err;
	}
	kcas_debugfs_start();
	return 0;
}
module_init(kcas_module_init);

static void __exit kcas_module_exit(void)
{
	kcas_debugfs_stop();
	kcas_barrier();
	/* All blocks back: cleaned by the first barrier, free after the second. */
	kcas_flush_cpus();
	debra_barrier(&kcas_domain);
	debra_barrier(&kcas_domain);
	kcas_wait_stop();
	kcas_log_stop();
	kcas_pool_stop();
	kcas_stop_queues();
	if (debra_domain_unregister(&kcas_domain))
		pr_err("the domain is still in use\n");
}
module_exit(kcas_module_exit);

MODULE_DESCRIPTION("Lock-free compare-and-swap of several words");
MODULE_LICENSE("GPL");

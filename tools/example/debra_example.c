// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra_example: a driver's settings, read on every packet and seldom changed.
 *
 * Readers look at the settings without a lock. A change makes a new copy, puts it in
 * place of the old one, and retires that. Documentation/consumer.md goes through
 * it line by line.
 *
 *	insmod debra.ko
 *	insmod debra_example.ko
 *	echo 9000 > /sys/module/debra_example/parameters/mtu
 */
#include <linux/debra.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#define EXAMPLE_MTU_MIN	68
#define EXAMPLE_MTU_MAX	65535

struct example_settings {
	unsigned int mtu;
	unsigned int payload;		/* always mtu - 40; readers rely on it */
	struct debra_head debra;
};

static DEFINE_DEBRA_DOMAIN(debra_example);
static struct example_settings __debra *example_settings;
static DEFINE_MUTEX(example_lock);	/* one change at a time */
static bool example_ready;

/* What the hot path would do; any context. */
static unsigned int example_payload(void)
{
	struct example_settings *s;
	unsigned int payload = 0;

	debra_pin(&debra_example);
	s = debra_dereference(&debra_example, example_settings);
	if (s && !WARN_ON_ONCE(s->payload + 40 != s->mtu))
		payload = s->payload;
	debra_unpin(&debra_example);
	return payload;
}

static int example_change(unsigned int mtu)
{
	struct example_settings *new, *old;

	new = kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	new->mtu = mtu;
	new->payload = mtu - 40;

	mutex_lock(&example_lock);
	old = debra_dereference_protected(example_settings, lockdep_is_held(&example_lock));
	debra_assign_pointer(example_settings, new);
	mutex_unlock(&example_lock);
	if (old)
		debra_kfree(&debra_example, old, debra);
	return 0;
}

static int example_mtu_set(const char *val, const struct kernel_param *kp)
{
	unsigned int mtu;
	int err = kstrtouint(val, 0, &mtu);

	if (err)
		return err;
	if (mtu < EXAMPLE_MTU_MIN || mtu > EXAMPLE_MTU_MAX)
		return -EINVAL;
	/* Given to insmod, parameters are set before example_init() has run. */
	if (!example_ready)
		return -EBUSY;
	return example_change(mtu);
}

static int example_mtu_get(char *buf, const struct kernel_param *kp)
{
	unsigned int payload = example_payload();

	return sysfs_emit(buf, "%u\n", payload ? payload + 40 : 0);
}

static const struct kernel_param_ops example_mtu_ops = {
	.set = example_mtu_set,
	.get = example_mtu_get,
};

static int example_selftest(void)
{
	unsigned int mtu;
	int err;

	for (mtu = EXAMPLE_MTU_MIN; mtu < EXAMPLE_MTU_MIN + 1000; mtu++) {
		err = example_change(mtu);
		if (err)
			return err;
		if (example_payload() != mtu - 40)
			return -EIO;
	}
	return example_change(1500);
}

static void example_teardown(void)
{
	struct example_settings *last;

	/* Nobody reads or changes any more: module parameters are gone by now. */
	last = debra_dereference_protected(example_settings, true);
	debra_assign_pointer(example_settings, NULL);
	if (last)
		debra_kfree(&debra_example, last, debra);
	/* Waits for everything that was retired, then ends the domain. */
	if (debra_domain_unregister(&debra_example))
		pr_err("debra_example: domain is still in use\n");
}

static int __init example_init(void)
{
	int err = debra_domain_register(&debra_example);

	if (err)
		return err;
	err = example_selftest();
	if (err) {
		example_teardown();
		return err;
	}
	example_ready = true;
	pr_info("debra_example: ok\n");
	return 0;
}
module_init(example_init);

static void __exit example_exit(void)
{
	example_teardown();
}
module_exit(example_exit);

module_param_cb(mtu, &example_mtu_ops, NULL, 0644);
MODULE_PARM_DESC(mtu, "the setting (68-65535); to be changed once loaded");

MODULE_DESCRIPTION("How to use debra from a module of your own");
MODULE_LICENSE("GPL");

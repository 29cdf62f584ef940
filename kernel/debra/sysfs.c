// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra: what is tuned for one domain alone, in /sys/kernel/debra/<domain>/.
 *
 * Beside the kernel's other things and not below /sys/module/debra: that has no place for
 * objects of a module that is built in. A file shows the value that is in force. It is the
 * parameter of the module as long as nothing else was written, and again after "default".
 *
 * A file that is being read or written when its domain ends is waited for.
 */
#include <linux/completion.h>
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "internal.h"

/**
 * struct debra_sysfs - the folder of a domain
 * @kobj: the folder
 * @dom: the domain
 * @released: nobody refers to it any more
 */
struct debra_sysfs {
	struct kobject kobj;
	struct debra_domain *dom;
	struct completion released;
};

static struct kobject *debra_kobj;

static struct attribute debra_attributes[] = {
#define X(id, _name, min, max) [DEBRA_T_##id] = { .name = #_name, .mode = 0644 },
	DEBRA_TUNABLES(X)
#undef X
};

static struct attribute *debra_attrs[] = {
#define X(id, name, min, max) &debra_attributes[DEBRA_T_##id],
	DEBRA_TUNABLES(X)
#undef X
	NULL
};
ATTRIBUTE_GROUPS(debra);

static ssize_t debra_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct debra_sysfs *sysfs = container_of(kobj, struct debra_sysfs, kobj);

	return sysfs_emit(buf, "%u\n", debra_tuned(sysfs->dom->sup, attr - debra_attributes));
}

static ssize_t debra_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf,
				size_t count)
{
	struct debra_sysfs *sysfs = container_of(kobj, struct debra_sysfs, kobj);
	enum debra_tunable_id id = attr - debra_attributes;
	long own = DEBRA_INHERIT;
	unsigned int new;
	int err;

	if (!sysfs_streq(buf, "default")) {
		err = debra_tunable_parse(&debra_tunables[id], buf, &new);
		if (err)
			return err;
		own = new;
	}
	WRITE_ONCE(sysfs->dom->sup->own[id], own);
	return count;
}

static const struct sysfs_ops debra_sysfs_ops = {
	.show = debra_attr_show,
	.store = debra_attr_store,
};

static void debra_sysfs_release(struct kobject *kobj)
{
	complete(&container_of(kobj, struct debra_sysfs, kobj)->released);
}

/* Not const, for 6.1. */
static struct kobj_type debra_ktype = {
	.release = debra_sysfs_release,
	.sysfs_ops = &debra_sysfs_ops,
	.default_groups = debra_groups,
};

static void debra_sysfs_free(struct debra_sysfs *sysfs)
{
	kobject_put(&sysfs->kobj);
	/* CONFIG_DEBUG_KOBJECT_RELEASE takes its time. */
	wait_for_completion(&sysfs->released);
	kfree(sysfs);
}

/**
 * debra_sysfs_add - make the folder of a domain
 * @dom: the domain
 *
 * A domain works as well without one.
 */
void debra_sysfs_add(struct debra_domain *dom)
{
	struct debra_sysfs *sysfs = kzalloc(sizeof(*sysfs), GFP_KERNEL);

	if (!sysfs)
		return;
	sysfs->dom = dom;
	init_completion(&sysfs->released);
	if (kobject_init_and_add(&sysfs->kobj, &debra_ktype, debra_kobj, "%s", dom->name)) {
		pr_warn("%s: no files in sysfs\n", dom->name);
		debra_sysfs_free(sysfs);
		return;
	}
	dom->sup->sysfs = sysfs;
}

/**
 * debra_sysfs_remove - and remove it, after its last user
 * @dom: the domain
 */
void debra_sysfs_remove(struct debra_domain *dom)
{
	struct debra_sysfs *sysfs = dom->sup->sysfs;

	if (!sysfs)
		return;
	kobject_del(&sysfs->kobj);
	debra_sysfs_free(sysfs);
	dom->sup->sysfs = NULL;
}

void debra_sysfs_start(void)
{
	debra_kobj = kobject_create_and_add("debra", kernel_kobj);
}

void debra_sysfs_stop(void)
{
	kobject_put(debra_kobj);
}

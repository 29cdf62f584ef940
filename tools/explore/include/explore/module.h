/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: modules, parameters, files for users, static keys, lockdep: what is left of them.
 */
#ifndef _EXPLORE_MODULE_H
#define _EXPLORE_MODULE_H

#include <explore/base.h>

#define EXPORT_SYMBOL_GPL(name)		struct sh_nothing
#define EXPORT_SYMBOL(name)		struct sh_nothing
#define MODULE_LICENSE(s)		struct sh_nothing
#define MODULE_DESCRIPTION(s)		struct sh_nothing
#define MODULE_PARM_DESC(name, s)	struct sh_nothing
#define module_param_named(name, var, type, perm)	struct sh_nothing
#define module_param_cb(name, ops, arg, perm)	\
	static const void *const __maybe_unused sh_param_##name = (ops)
/* The runtime calls them by these names. */
#define module_init(fn)			int (*const sh_init_##fn)(void) = (fn)
#define module_exit(fn)			void (*const sh_exit_##fn)(void) = (fn)
#define THIS_MODULE			NULL

struct kernel_param {
	void *arg;
};

struct kernel_param_ops {
	int (*set)(const char *val, const struct kernel_param *kp);
	int (*get)(char *buffer, const struct kernel_param *kp);
};

/* Parameters are set as variables; these are only there for their addresses. */
static inline int param_get_uint(char *buffer, const struct kernel_param *kp)
{
	return -EINVAL;
}

static inline int param_set_uint_minmax(const char *val, const struct kernel_param *kp,
					unsigned int min, unsigned int max)
{
	return -EINVAL;
}

static inline int kstrtouint(const char *s, unsigned int base, unsigned int *res)
{
	*res = strtoul(s, NULL, base);
	return 0;
}

struct dentry;
struct seq_file {
	void *private;
};

struct file_operations {
	int (*show)(struct seq_file *m, void *v);
};

#define DEFINE_SHOW_ATTRIBUTE(name)	\
	static const struct file_operations name##_fops __maybe_unused = { .show = name##_show }
#define debugfs_create_dir(name, parent)	((struct dentry *)NULL)
#define debugfs_create_file(name, mode, dir, data, fops)	((void)(dir), (void)(fops))
#define debugfs_remove_recursive(dir)	((void)(dir))
#define seq_printf(m, ...)	((void)(m), sh_printk(__VA_ARGS__))
#define seq_puts(m, s)		seq_printf(m, "%s", s)

struct static_key_false {
	bool enabled;
};

#define DEFINE_STATIC_KEY_FALSE(name)	struct static_key_false name
#define DECLARE_STATIC_KEY_FALSE(name)	extern struct static_key_false name
/* Code is patched: nothing that races. */
#define static_branch_unlikely(key)	unlikely(data_race((key)->enabled))
#define static_branch_enable(key)	((void)((key)->enabled = true))
#define static_branch_disable(key)	((void)((key)->enabled = false))

struct lock_class_key {
	char unused;
};

#define lockdep_assert(c)		((void)sizeof(c))
#define lockdep_assert_held(l)		((void)(l))

struct ratelimit_state {
	int unused;
};

#define DEFAULT_RATELIMIT_INTERVAL	0
#define DEFAULT_RATELIMIT_BURST		0
#define DEFINE_RATELIMIT_STATE(name, interval, burst)	struct ratelimit_state name
#define __ratelimit(state)		((void)(state), true)

#define get_random_bytes(p, n)		memset(p, 0x5c, n)

#endif /* _EXPLORE_MODULE_H */

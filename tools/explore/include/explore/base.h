/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: types, attributes, arithmetic.
 */
#ifndef _EXPLORE_BASE_H
#define _EXPLORE_BASE_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef unsigned int gfp_t;

#define BITS_PER_LONG		64
#define SMP_CACHE_BYTES		64
#define NSEC_PER_USEC		1000L
#define NSEC_PER_MSEC		1000000L
#define NSEC_PER_SEC		1000000000L
#define TICK_NSEC		NSEC_PER_MSEC
/* Nothing is below this: neither a small number nor a status is an address. */
#define PAGE_OFFSET		0x10000UL
#define PAGE_SIZE		4096UL
#ifndef ERESTARTSYS
#define ERESTARTSYS		512
#endif

#define __aligned(n)		__attribute__((aligned(n)))
#define ____cacheline_aligned	__aligned(SMP_CACHE_BYTES)
#define ____cacheline_aligned_in_smp ____cacheline_aligned
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))
#define __maybe_unused		__attribute__((unused))
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#define fallthrough		__attribute__((fallthrough))
#define __percpu
#define __force
#define __kernel
#define __user
#define __rcu
#define __init
#define __exit
#define __ro_after_init
#define __read_mostly
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __must_check
#define __acquire(x)		((void)0)
#define __release(x)		((void)0)
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
/* Compilers do not see where it comes from. */
#define OPTIMIZER_HIDE_VAR(x)	__asm__ ("" : "=r" (x) : "0" (x))
#define typeof			__typeof__
#ifndef static_assert
#define static_assert(c, ...)	_Static_assert(c, "" __VA_ARGS__)
#endif

/* 1 if an option is defined as 1, else 0. */
#define __SH_COMMA_1		0,
#define __SH_SECOND(a, b, ...)	b
#define __SH_IS_ONE(comma)	__SH_SECOND(comma 1, 0)
#define __SH_ENABLED(value)	__SH_IS_ONE(__SH_COMMA_##value)
#define IS_ENABLED(option)	__SH_ENABLED(option)

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define BUILD_BUG_ON(c)		((void)sizeof(char[1 - 2 * !!(c)]))
#define IS_ALIGNED(x, a)	(!((x) & ((typeof(x))(a) - 1)))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define round_up(x, y)		((((x) - 1) | ((typeof(x))(y) - 1)) + 1)
#define struct_size(p, member, n) (sizeof(*(p)) + (n) * sizeof((p)->member[0]))
#define BIT(n)			(1UL << (n))
#define ilog2(n)		(63 - __builtin_clzl(n))
#define fls(n)			((n) ? 32 - __builtin_clz(n) : 0)
#define fls64(n)		((n) ? 64 - __builtin_clzll(n) : 0)
#define _RET_IP_		((unsigned long)__builtin_return_address(0))
#define array_size(a, b)	((size_t)(a) * (b))
#define hash_long(v, bits)	((unsigned int)((v) * 0x61c8864680b583ebUL >> (64 - (bits))))
#define hash_ptr(p, bits)	hash_long((unsigned long)(p), bits)
#define hash_min(v, bits)	hash_long(v, bits)
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define min(a, b)							\
({									\
	typeof(a) __a = (a);						\
	typeof(b) __b = (b);						\
									\
	__a < __b ? __a : __b;						\
})
#define max(a, b)							\
({									\
	typeof(a) __a = (a);						\
	typeof(b) __b = (b);						\
									\
	__a > __b ? __a : __b;						\
})
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(type, v, lo, hi) min_t(type, max_t(type, v, lo), hi)
#define swap(a, b)							\
do {									\
	typeof(a) __t = (a);						\
									\
	(a) = (b);							\
	(b) = __t;							\
} while (0)

#define ERR_PTR(err)		((void *)(long)(err))
#define PTR_ERR(p)		((long)(p))
#define IS_ERR(p)		((unsigned long)(p) >= -4095UL)
#define IS_ERR_OR_NULL(p)	(!(p) || IS_ERR(p))

/* What the runtime says when something is wrong. Does not return in the explorer. */
void sh_fail(const char *fmt, ...) __printf(1, 2);
/* What the modules say; shown with -v only. */
void sh_printk(const char *fmt, ...);

#define pr_fmt(fmt)		fmt
#define printk			sh_printk
#define pr_err(fmt, ...)	sh_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	sh_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)	sh_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define dump_stack()		do { } while (0)
#define WARN(c, fmt, ...)						\
({									\
	bool __warned = (c);						\
									\
	if (__warned)							\
		sh_fail("report: " fmt, ##__VA_ARGS__);			\
	__warned;							\
})
#define WARN_ONCE(c, fmt, ...)	WARN(c, fmt, ##__VA_ARGS__)
#define WARN_ON(c)		WARN(c, "%s:%d: %s", __FILE__, __LINE__, #c)
#define WARN_ON_ONCE(c)		WARN_ON(c)

void sh_sort(void *base, size_t nr, size_t size, int (*cmp)(const void *, const void *));

#define sort(base, nr, size, cmp, swap_fn)	sh_sort(base, nr, size, cmp)
#define prefetchw(p)		__builtin_prefetch(p, 1)
#define prefetch(p)		__builtin_prefetch(p)

static inline ssize_t sh_strscpy(char *to, const char *from, size_t size)
{
	snprintf(to, size, "%s", from);
	return strlen(to);
}

#define strscpy			sh_strscpy

#endif /* _EXPLORE_BASE_H */

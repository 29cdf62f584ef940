/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: marked accesses. Each is a switch point.
 *
 * In the explorer one fiber runs at a time, so the access itself can be plain. With real
 * threads (EXPLORE_THREADS) they are atomics of C11, so that ThreadSanitizer sees them, with
 * the order that x86 gives to all of them: an address dependency or a barrier is nothing
 * that it could see.
 */
#ifndef _EXPLORE_ACCESS_H
#define _EXPLORE_ACCESS_H

#include <explore/base.h>

enum sh_kind {
	SH_READ,
	SH_WRITE,
	SH_RMW,
};

/* A place in the source with a marked access. */
struct sh_site {
	const char *file;
	unsigned int line;
	const char *op;
	const char *what;
};

void sh_point(const struct sh_site *site, const volatile void *p, enum sh_kind kind);
/* Should this store stay in the store buffer of its CPU? Then it is there. */
bool sh_delay(const struct sh_site *site, volatile void *p, unsigned long value, size_t size);
/* A full barrier: empty the store buffer. */
void sh_fence(void);

#define SH_SITE(op, what)						\
({									\
	static const struct sh_site __site = { __FILE__, __LINE__, op, what };	\
									\
	&__site;							\
})

/*
 * IPIs are no barriers in the middle of a task that may be preempted, if that is a thread: so
 * what relies on them needs barriers of its own there.
 */
#ifdef EXPLORE_THREADS
#define barrier()		sh_fence()
#else
#define barrier()		__asm__ __volatile__("" : : : "memory")
#endif

#ifdef EXPLORE_THREADS

#define __sh_load(p, op, what)					\
({									\
	const volatile typeof(*(p)) *__from = (p);			\
									\
	sh_point(NULL, __from, SH_READ);				\
	__atomic_load_n(__from, __ATOMIC_ACQUIRE);			\
})
#define __sh_store(p, v, op, what)						\
do {									\
	sh_point(NULL, (p), SH_WRITE);					\
	__atomic_store_n((p), (v), __ATOMIC_RELEASE);			\
} while (0)
#define __sh_update(p, op, what, update)				\
({									\
	volatile typeof(*(p)) *__at = (p);				\
	typeof(*(p)) __was, __now;					\
									\
	sh_point(NULL, __at, SH_RMW);					\
	__was = __atomic_load_n(__at, __ATOMIC_ACQUIRE);		\
	do {								\
		__now = (update);					\
	} while (!__atomic_compare_exchange_n(__at, &__was, __now, false, \
					      __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)); \
	__was;								\
})
#define __sh_cmpxchg(p, old, new, op, what)					\
({									\
	typeof(p) __p = (p);						\
	typeof(*__p) __was = (old);					\
									\
	sh_point(NULL, __p, SH_RMW);					\
	__atomic_compare_exchange_n(__p, &__was, (new), false, __ATOMIC_SEQ_CST, \
				    __ATOMIC_SEQ_CST);			\
	__was;								\
})

#else

#define __sh_load(p, op, what)					\
({									\
	const volatile typeof(*(p)) *__from = (p);			\
									\
	sh_point(SH_SITE(op, what), __from, SH_READ);			\
	*__from;							\
})
#define __sh_store(p, v, op, what)						\
do {									\
	volatile typeof(*(p)) *__to = (p);				\
	typeof(*(p)) __value = (v);					\
	const struct sh_site *__at = SH_SITE(op, what);			\
									\
	sh_point(__at, __to, SH_WRITE);					\
	if (!sh_delay(__at, __to, (unsigned long)__value, sizeof(*__to)))	\
		*__to = __value;					\
} while (0)
#define __sh_update(p, op, what, update)					\
({									\
	volatile typeof(*(p)) *__at = (p);				\
	typeof(*(p)) __was;						\
									\
	sh_point(SH_SITE(op, what), __at, SH_RMW);			\
	__was = *__at;							\
	*__at = (update);						\
	__was;								\
})
#define __sh_cmpxchg(p, old, new, op, what)					\
({									\
	volatile typeof(*(p)) *__p = (p);				\
	typeof(*(p)) __old = (old), __new = (new), __was;		\
									\
	sh_point(SH_SITE(op, what), __p, SH_RMW);				\
	__was = *__p;							\
	if (__was == __old)						\
		*__p = __new;						\
	__was;								\
})

#endif

#define READ_ONCE(x)		__sh_load(&(x), "READ_ONCE", #x)
#define WRITE_ONCE(x, v)	__sh_store(&(x), v, "WRITE_ONCE", #x)
#define smp_load_acquire(p)	__sh_load(p, "smp_load_acquire", #p)
#define smp_store_release(p, v)	__sh_store(p, v, "smp_store_release", #p)
#define smp_store_mb(x, v)	do { WRITE_ONCE(x, v); smp_mb(); } while (0)
#define cmpxchg(p, old, new)	__sh_cmpxchg(p, old, new, "cmpxchg", #p)
#define cmpxchg_release(p, old, new)	__sh_cmpxchg(p, old, new, "cmpxchg_release", #p)
#define cmpxchg_acquire(p, old, new)	__sh_cmpxchg(p, old, new, "cmpxchg_acquire", #p)
#define cmpxchg_relaxed(p, old, new)	__sh_cmpxchg(p, old, new, "cmpxchg_relaxed", #p)
#define xchg(p, v)		__sh_update(p, "xchg", #p, v)
#define xchg_relaxed(p, v)	__sh_update(p, "xchg_relaxed", #p, v)
#define xchg_acquire(p, v)	__sh_update(p, "xchg_acquire", #p, v)
#define xchg_release(p, v)	__sh_update(p, "xchg_release", #p, v)
#define try_cmpxchg(p, oldp, new)					\
({									\
	typeof(oldp) __oldp = (oldp);					\
	typeof(*__oldp) __want = *__oldp;				\
									\
	*__oldp = __sh_cmpxchg(p, __want, new, "try_cmpxchg", #p);		\
	*__oldp == __want;						\
})

#define smp_mb()		sh_fence()
#define mb()			sh_fence()
#define smp_rmb()		barrier()
#define smp_wmb()		barrier()
#define smp_mb__after_atomic()	sh_fence()
#define smp_mb__before_atomic()	sh_fence()
#define smp_mb__after_spinlock() sh_fence()

#if defined(EXPLORE_THREADS) && defined(__SANITIZE_THREAD__)
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);

#define data_race(x)							\
({									\
	typeof(x) __racy;						\
									\
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);			\
	__racy = (x);							\
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);			\
	__racy;								\
})
#else
#define data_race(x)		(x)
#endif

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic_long_t;

#define ATOMIC_INIT(i)		{ (i) }
#define ATOMIC_LONG_INIT(i)	{ (i) }

#define atomic_read(v)		__sh_load(&(v)->counter, "atomic_read", #v)
#define atomic_read_acquire(v)	__sh_load(&(v)->counter, "atomic_read_acquire", #v)
#define atomic_set(v, i)	__sh_store(&(v)->counter, i, "atomic_set", #v)
#define atomic_set_release(v, i) __sh_store(&(v)->counter, i, "atomic_set_release", #v)
#define __sh_add(v, i, op, what)	__sh_update(&(v)->counter, op, what, __was + (i))
#define atomic_add(i, v)	((void)__sh_add(v, i, "atomic_add", #v))
#define atomic_sub(i, v)	((void)__sh_add(v, -(int)(i), "atomic_sub", #v))
#define atomic_inc(v)		((void)__sh_add(v, 1, "atomic_inc", #v))
#define atomic_dec(v)		((void)__sh_add(v, -1, "atomic_dec", #v))
#define atomic_add_return(i, v)	(__sh_add(v, i, "atomic_add_return", #v) + (int)(i))
#define atomic_inc_return(v)	(__sh_add(v, 1, "atomic_inc_return", #v) + 1)
#define atomic_dec_return(v)	(__sh_add(v, -1, "atomic_dec_return", #v) - 1)
#define atomic_dec_and_test(v)	(!atomic_dec_return(v))
#define atomic_xchg(v, n)	__sh_update(&(v)->counter, "atomic_xchg", #v, n)
#define atomic_cmpxchg(v, old, new) __sh_cmpxchg(&(v)->counter, old, new, "atomic_cmpxchg", #v)

#define atomic_long_read(v)	__sh_load(&(v)->counter, "atomic_long_read", #v)
#define atomic_long_read_acquire(v) __sh_load(&(v)->counter, "atomic_long_read_acquire", #v)
#define atomic_long_set(v, i)	__sh_store(&(v)->counter, i, "atomic_long_set", #v)
#define atomic_long_set_release(v, i) __sh_store(&(v)->counter, i, "atomic_long_set_release", #v)
#define atomic_long_add(i, v)	((void)__sh_add(v, (long)(i), "atomic_long_add", #v))
#define atomic_long_sub(i, v)	((void)__sh_add(v, -(long)(i), "atomic_long_sub", #v))
#define atomic_long_inc(v)	((void)__sh_add(v, 1, "atomic_long_inc", #v))
#define atomic_long_dec(v)	((void)__sh_add(v, -1, "atomic_long_dec", #v))
#define atomic_long_inc_return(v) (__sh_add(v, 1, "atomic_long_inc_return", #v) + 1)
#define atomic_long_inc_return_relaxed(v) \
	(__sh_add(v, 1, "atomic_long_inc_return_relaxed", #v) + 1)
#define atomic_long_add_return(i, v) \
	(__sh_add(v, (long)(i), "atomic_long_add_return", #v) + (long)(i))
#define atomic_long_add_return_release(i, v) \
	(__sh_add(v, (long)(i), "atomic_long_add_return_release", #v) + (long)(i))
#define atomic_long_dec_return(v) (__sh_add(v, -1, "atomic_long_dec_return", #v) - 1)
#define atomic_long_dec_return_relaxed(v) \
	(__sh_add(v, -1, "atomic_long_dec_return_relaxed", #v) - 1)
#define atomic_long_dec_and_test(v) (!atomic_long_dec_return(v))
#define atomic_long_fetch_add(i, v) __sh_add(v, (long)(i), "atomic_long_fetch_add", #v)
#define atomic_long_or(i, v)	\
	((void)__sh_update(&(v)->counter, "atomic_long_or", #v, __was | (i)))
#define atomic_long_cmpxchg(v, old, new) \
	__sh_cmpxchg(&(v)->counter, (long)(old), (long)(new), "atomic_long_cmpxchg", #v)
#define atomic_long_cmpxchg_relaxed(v, old, new) \
	__sh_cmpxchg(&(v)->counter, (long)(old), (long)(new), "atomic_long_cmpxchg_relaxed", #v)
#define atomic_long_try_cmpxchg(v, oldp, new)				\
({									\
	typeof(oldp) __oldp = (oldp);					\
	long __want = (long)*__oldp;					\
									\
	*__oldp = __sh_cmpxchg(&(v)->counter, __want, (long)(new), "atomic_long_try_cmpxchg", #v); \
	(long)*__oldp == __want;					\
})

#define DECLARE_BITMAP(name, bits)	unsigned long name[((bits) + 63) / 64]
#define __sh_bit(nr)		(1UL << ((nr) % 64))
#define set_bit(nr, map)	\
	((void)__sh_update(&(map)[(nr) / 64], "set_bit", #map, __was | __sh_bit(nr)))
#define clear_bit(nr, map)	\
	((void)__sh_update(&(map)[(nr) / 64], "clear_bit", #map, __was & ~__sh_bit(nr)))
#define test_and_clear_bit(nr, map)	\
	(!!(__sh_update(&(map)[(nr) / 64], "test_and_clear_bit", #map, __was & ~__sh_bit(nr)) & \
	    __sh_bit(nr)))
#define test_bit(nr, map)	(!!(READ_ONCE((map)[(nr) / 64]) & __sh_bit(nr)))
#define for_each_set_bit(nr, map, size)					\
	for ((nr) = 0; (nr) < (size); (nr)++)				\
		if (test_bit(nr, map))

#endif /* _EXPLORE_ACCESS_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: memory.
 *
 * The explorer's heap only grows, so that addresses in it are never used for two things;
 * for each 16 bytes it is known whether they are free. Before each schedule all of it is as
 * it was when the modules had been loaded: heap, per-CPU variables, data of the program.
 * What outlives a schedule is elsewhere (search.c).
 *
 * The compiler calls __tsan_read8() and so on before each access of the modules and the
 * scenarios, the plain ones included: here, without ThreadSanitizer behind it, these look
 * whether the memory is free.
 */
#include <sys/mman.h>

#include "explore.h"

#define PERCPU_BYTES	(64 * 1024)

static SH_PERCPU __aligned(64) char percpu_pool[PERCPU_BYTES];
static size_t percpu_used;

static void *map(void *at, size_t size)
{
	void *p = mmap(at, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
		       (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);

	if (p == MAP_FAILED) {
		perror("explore: mmap");
		exit(2);
	}
	return p;
}

/* The copies of CPUs 1 and up. */
void sh_percpu_init(void)
{
	unsigned long first = (unsigned long)__start_sh_percpu & ~(PAGE_SIZE - 1);
	unsigned long end = round_up((unsigned long)__stop_sh_percpu, PAGE_SIZE);
	unsigned long cpu;

	for (cpu = 1; cpu < SH_CPUS; cpu++)
		map((void *)(first + (cpu << SH_PERCPU_SHIFT)), end - first);
}

void *alloc_percpu_bytes(size_t size)
{
	void *p = &percpu_pool[percpu_used];

	percpu_used += round_up(size, 64);
	if (percpu_used > PERCPU_BYTES)
		return NULL;
	return p;
}

struct kmem_cache *sh_cache_create(size_t size, unsigned int flags, void (*ctor)(void *object))
{
	struct kmem_cache *cache = kzalloc(sizeof(*cache), GFP_KERNEL);

	cache->size = size;
	cache->flags = flags;
	cache->ctor = ctor;
	return cache;
}

void *sh_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *object = NULL;

	sh_guts_lock();
	if (cache->nr_kept)
		object = cache->kept[--cache->nr_kept];
	sh_guts_unlock();
	if (object)
		return object;
	object = kmalloc(cache->size, gfp);
	if (object && cache->ctor)
		cache->ctor(object);
	return object;
}

void sh_cache_free(struct kmem_cache *cache, void *object)
{
	if (!(cache->flags & SLAB_TYPESAFE_BY_RCU)) {
		kfree(object);
		return;
	}
	sh_guts_lock();
	if (cache->nr_kept < SH_CACHE_KEEPS)
		cache->kept[cache->nr_kept++] = object;
	sh_guts_unlock();
}

#ifdef EXPLORE_THREADS

struct size {
	size_t size;
	char pad[SMP_CACHE_BYTES - sizeof(size_t)];
};

void *kmalloc(size_t size, gfp_t gfp)
{
	struct size *s = aligned_alloc(SMP_CACHE_BYTES,
				       sizeof(*s) + round_up(size, SMP_CACHE_BYTES));

	if (!s)
		return NULL;
	s->size = size;
	if (gfp & __GFP_ZERO)
		memset(s + 1, 0, size);
	return s + 1;
}

void kfree(const void *p)
{
	if (p)
		free((struct size *)p - 1);
}

size_t ksize(const void *p)
{
	return ((const struct size *)p - 1)->size;
}

#else

#define HEAP_BYTES	(16UL << 20)
#define GRAIN		16
#define FRESH		0xa6	/* no link of a retired head, see debra_head_retired() */

enum state {
	NONE,
	LIVE,
	FREED,
	GUARD,
};

struct chunk {
	size_t size;
	char pad[SMP_CACHE_BYTES - sizeof(size_t)];
};

struct saved {
	char *from;
	char *copy;
	size_t size;
};

static char *heap, *shadow;
static size_t heap_used;
static struct saved saved[SH_CPUS + 3];
static unsigned int nr_saved;

void sh_memory_init(void)
{
	heap = map(NULL, HEAP_BYTES);
	shadow = map(NULL, HEAP_BYTES / GRAIN);
	sh_percpu_init();
}

static void paint(const void *p, size_t size, enum state state)
{
	memset(&shadow[((char *)p - heap) / GRAIN], state, DIV_ROUND_UP(size, GRAIN));
}

void *kmalloc(size_t size, gfp_t gfp)
{
	struct chunk *c = (struct chunk *)(heap + heap_used);

	heap_used += sizeof(*c) + round_up(size, SMP_CACHE_BYTES);
	if (heap_used > HEAP_BYTES)
		sh_fail("explore: out of memory");
	c->size = size;
	paint(c, sizeof(*c), GUARD);
	paint(c + 1, size, LIVE);
	/* Not what the last schedule has left there. */
	memset(c + 1, gfp & __GFP_ZERO ? 0 : FRESH, size);
	return c + 1;
}

void kfree(const void *p)
{
	if (!p)
		return;
	if ((char *)p < heap || (char *)p >= heap + heap_used ||
	    shadow[((char *)p - heap) / GRAIN] != LIVE)
		sh_fail("free of %p, which is free already or no object", p);
	sh_freeing(p, ksize(p));
	paint(p, ksize(p), FREED);
}

size_t ksize(const void *p)
{
	return ((const struct chunk *)p - 1)->size;
}

static void check(const volatile void *p, size_t size, bool write)
{
	size_t at = (char *)p - heap;
	enum state state;

	sh_drain_for(p, size, write);
	if (at >= HEAP_BYTES)
		return;
	state = shadow[at / GRAIN];
	if (state == LIVE && at % GRAIN + size > GRAIN)
		state = shadow[(at + size - 1) / GRAIN];
	if (state != LIVE)
		sh_fail("%s %zu bytes of memory that %s (+%#zx)", write ? "writes" : "reads", size,
			state == FREED ? "has been freed" : "is no object", at);
}

#define HOOKS(n)							\
void __tsan_read##n(void *p);						\
void __tsan_read##n(void *p)						\
{									\
	check(p, n, false);						\
}									\
void __tsan_write##n(void *p);						\
void __tsan_write##n(void *p)						\
{									\
	check(p, n, true);						\
}									\
void __tsan_unaligned_read##n(void *p);					\
void __tsan_unaligned_read##n(void *p)					\
{									\
	check(p, n, false);						\
}									\
void __tsan_unaligned_write##n(void *p);				\
void __tsan_unaligned_write##n(void *p)					\
{									\
	check(p, n, true);						\
}									\
/* Marked accesses: the point before has seen to the store buffer. */	\
void __tsan_volatile_read##n(void *p);					\
void __tsan_volatile_read##n(void *p)					\
{									\
	check(p, n, false);						\
}									\
void __tsan_volatile_write##n(void *p);					\
void __tsan_volatile_write##n(void *p)					\
{									\
	check(p, n, true);						\
}

HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_init(void);
void __tsan_read_range(void *p, unsigned long size);
void __tsan_write_range(void *p, unsigned long size);

void __tsan_init(void) { }

void __tsan_read_range(void *p, unsigned long size)
{
	check(p, size, false);
}

void __tsan_write_range(void *p, unsigned long size)
{
	check(p, size, true);
}

/* ---------------------------------------------------------------- as it was */

static void save(void *from, size_t size)
{
	struct saved *s = &saved[nr_saved++];

	s->from = from;
	s->size = size;
	s->copy = map(NULL, size);
}

/* The list itself is in what is saved; so it has to be complete first. */
void sh_snapshot(void)
{
	unsigned long cpu, size = __stop_sh_percpu - __start_sh_percpu;
	unsigned int i;

	save(__data_start, _end - __data_start);
	for (cpu = 1; cpu < nr_cpu_ids; cpu++)
		save(__start_sh_percpu + (cpu << SH_PERCPU_SHIFT), size);
	save(heap, heap_used);
	save(shadow, heap_used / GRAIN);
	for (i = 0; i < nr_saved; i++)
		memcpy(saved[i].copy, saved[i].from, saved[i].size);
}

void sh_restore(void)
{
	size_t was = heap_used;
	unsigned int i;

	for (i = 0; i < nr_saved; i++)
		memcpy(saved[i].from, saved[i].copy, saved[i].size);
	if (was > heap_used)
		memset(shadow + heap_used / GRAIN, NONE, (was - heap_used) / GRAIN);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: the allocator. In the explorer memory that was freed is not used again in the
 * same schedule, and any access to it ends that one.
 */
#ifndef _EXPLORE_MEMORY_H
#define _EXPLORE_MEMORY_H

#include <explore/base.h>

#define __GFP_IO	64u
#define __GFP_FS	128u
#define GFP_KERNEL	(1u | __GFP_IO | __GFP_FS)
#define GFP_NOWAIT	2u
#define GFP_ATOMIC	4u
#define __GFP_NOWARN	8u
#define __GFP_NOFAIL	16u
#define __GFP_ZERO	32u

#define gfpflags_allow_blocking(gfp)	(!!((gfp) & 1u))
#define memalloc_noio_save()	0u
#define memalloc_noio_restore(flags)	((void)(flags))
#define memalloc_nofs_save()	0u
#define memalloc_nofs_restore(flags)	((void)(flags))

#define ZERO_OR_NULL_PTR(p)	((unsigned long)(p) <= 16)

void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *p);
size_t ksize(const void *p);
void *alloc_percpu_bytes(size_t size);

#define kzalloc(size, gfp)	kmalloc(size, (gfp) | __GFP_ZERO)
#define kcalloc(n, size, gfp)	kzalloc((n) * (size), gfp)
#define kmalloc_array(n, size, gfp) kmalloc((n) * (size), gfp)
#define kvmalloc(size, gfp)	kmalloc(size, gfp)
#define kvzalloc(size, gfp)	kzalloc(size, gfp)
#define kvfree(p)		kfree(p)
#define alloc_percpu(type)	((type *)alloc_percpu_bytes(sizeof(type)))
#define free_percpu(p)		((void)(p))

#define SH_CACHE_KEEPS		16
#define SLAB_TYPESAFE_BY_RCU	1u
#define SLAB_HWCACHE_ALIGN	2u

/* Objects of one that is type-safe are used again at once, and never freed. */
struct kmem_cache {
	size_t size;
	unsigned int flags;
	void (*ctor)(void *object);
	void *kept[SH_CACHE_KEEPS];
	unsigned int nr_kept;
};

struct kmem_cache *sh_cache_create(size_t size, unsigned int flags, void (*ctor)(void *object));
void *sh_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void sh_cache_free(struct kmem_cache *cache, void *object);

static inline void sh_free_bulk(size_t nr, void **p)
{
	while (nr--)
		kfree(p[nr]);
}

#define KMEM_CACHE(name, flags)		sh_cache_create(sizeof(struct name), flags, NULL)
#define kmem_cache_create(name, size, align, flags, ctor) sh_cache_create(size, flags, ctor)
#define kmem_cache_destroy(cache)	kfree(cache)
#define kmem_cache_alloc(cache, gfp)	sh_cache_alloc(cache, gfp)
#define kmem_cache_zalloc(cache, gfp)	sh_cache_alloc(cache, (gfp) | __GFP_ZERO)
#define kmem_cache_free(cache, p)	sh_cache_free(cache, p)
#define kmem_cache_free_bulk(cache, nr, p)	sh_free_bulk(nr, p)

struct shrinker;
struct shrink_control {
	unsigned long nr_to_scan;
};

struct shrinker {
	unsigned long (*count_objects)(struct shrinker *s, struct shrink_control *sc);
	unsigned long (*scan_objects)(struct shrinker *s, struct shrink_control *sc);
	int seeks;
};

#define DEFAULT_SEEKS		2
#define SHRINK_STOP		(~0UL)
#define SHRINK_EMPTY		(~0UL - 1)
#define register_shrinker(s, name)	((void)(s), 0)
#define unregister_shrinker(s)		((void)(s))

#endif /* _EXPLORE_MEMORY_H */

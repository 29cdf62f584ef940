/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcas: compare-and-swap of several words at once, without locks, from any context.
 *
 * A struct kcas_word is one machine word in a structure of the user's. All access to
 * it goes through the functions here. Bit 0 of what it holds is ours; pointers fit
 * as they are, integers with kcas_int().
 *
 *	struct kcas_op ops[] = {
 *		{ &from->balance, kcas_int(a), kcas_int(a - sum) },
 *		{ &to->balance, kcas_int(b), kcas_int(b + sum) },
 *		{ &bank->open, kcas_int(1), kcas_int(1) },	(compared, not written)
 *	};
 *	done = kcas(ops, ARRAY_SIZE(ops));	1: done, 0: a word differed, or -errno
 *
 * After R. Guerraoui, A. Kogan, V. Marathe, I. Zablotchi, "Efficient Multi-word Compare
 * and Swap", DISC 2020, with read-only compares in the manner of the OCaml library Kcas.
 * Documentation/kcas.md has the design.
 *
 *	context                     task  softirq  hardirq  NMI   sleeps
 *	kcas_read, kcas, kcas_cas,
 *	kcas_xchg, kcas_add,
 *	kcas_set                     yes      yes      yes  yes       no
 *	kcas_retire                  yes      yes      yes  yes       no
 *	kcas_barrier                 yes       no       no   no      yes
 *
 * Words in an object that is given back to the allocator: see kcas_retire(). To follow
 * pointers that words hold, pin &kcas_domain with debra_pin().
 */
#ifndef _LINUX_KCAS_H
#define _LINUX_KCAS_H

#include <linux/compiler.h>
#include <linux/debra.h>
#include <linux/types.h>

#define KCAS_RESERVED	1UL	/* must be clear in every value */
#define KCAS_MAX_WORDS	262144	/* in one operation */

/**
 * struct kcas_word - a word that takes part in operations
 * @content: private: its value, or a reference to the operation that wrote it last
 */
struct kcas_word {
	unsigned long content;
};

/**
 * struct kcas_op - what to do with one word
 * @word: the word
 * @old: the value that it has to have
 * @new: the value to give it; the same as @old means: compare only
 */
struct kcas_op {
	struct kcas_word *word;
	unsigned long old;
	unsigned long new;
};

struct kcas_head;
typedef void (*kcas_func_t)(struct kcas_head *head);

/**
 * struct kcas_head - embedded in an object with words that is to be retired
 * @head: the reclaimer's
 * @func: called when nobody can see the object, and no operation refers to its words
 * @next: the next one that waits
 */
struct kcas_head {
	struct debra_head head;
	kcas_func_t func;
	struct kcas_head *next;
};

extern struct debra_domain kcas_domain;

/**
 * KCAS_PTR() - declare a word that holds a pointer
 * @_type: what it points to
 *
 * For kcas_read_ptr(), kcas_tx_get_ptr() and the like, which know the type.
 */
#define KCAS_PTR(_type) union { struct kcas_word word; _type *type; }

/* An integer as a value, and back. One bit less than a long. */
static inline unsigned long kcas_int(long i)
{
	return (unsigned long)i << 1;
}

static inline long kcas_to_int(unsigned long value)
{
	return (long)value >> 1;
}

#define KCAS_WORD_INIT(value)	{ .content = (value) }

/**
 * kcas_init() - give a word its first value
 * @word: the word, which nobody else can see yet
 * @value: the value; bit 0 clear
 */
static inline void kcas_init(struct kcas_word *word, unsigned long value)
{
	WRITE_ONCE(word->content, value);
}

unsigned long __kcas_read(struct kcas_word *word);

/**
 * kcas_read() - the value of a word
 * @word: the word
 *
 * One load and one test, unless an operation has written the word not long ago. If one
 * is under way, helps it to its end.
 *
 * Ordering: acquire: who sees a value sees what came before it was written, and the
 * other words of the operation that has written it. No more: as with loads, two CPUs may
 * see operations on different words in different orders (powerpc), smp_mb() prevents it.
 *
 * Context: any, NMI included.
 * Return: the value.
 */
static __always_inline unsigned long kcas_read(struct kcas_word *word)
{
	/*
	 * KMM(read:A): acquire, pairs with KMM(install:A), KMM(clean:A), KMM(clean:B).
	 * Litmus: kcas-read-before, kcas-clean-read.
	 */
	unsigned long content = smp_load_acquire(&word->content);

	return likely(!(content & KCAS_RESERVED)) ? content : __kcas_read(word);
}

/* kcas_read() of a word that was declared with KCAS_PTR(). */
#define kcas_read_ptr(p)	((typeof((p)->type))kcas_read(&(p)->word))

/* kcas_init() of one */
#define kcas_init_ptr(p, v)							\
do {										\
	typeof((p)->type) __kcas_v = (v);					\
										\
	kcas_init(&(p)->word, (unsigned long)__kcas_v);				\
} while (0)

int kcas(const struct kcas_op *ops, unsigned int nr);
int kcas_cas(struct kcas_word *word, unsigned long old, unsigned long new);
int kcas_xchg(struct kcas_word *word, unsigned long new, unsigned long *old);
int kcas_add(struct kcas_word *word, long delta, long *sum);
int kcas_set(struct kcas_word *word, unsigned long new);

/**
 * kcas2() - compare and swap two words
 * @w1: a word
 * @old1: the value that it has to have
 * @new1: the value to give it
 * @w2: another word
 * @old2: the value that it has to have
 * @new2: the value to give it
 *
 * Context: any, NMI included.
 * Return: as kcas().
 */
static inline int kcas2(struct kcas_word *w1, unsigned long old1, unsigned long new1,
			struct kcas_word *w2, unsigned long old2, unsigned long new2)
{
	struct kcas_op ops[] = { { w1, old1, new1 }, { w2, old2, new2 } };

	return kcas(ops, 2);
}

/* Objects that kfree() gives back are known by where in them the head is. */
#define KCAS_KFREE_MAX_OFFSET	4096

static inline kcas_func_t __kcas_kfree(unsigned long offset)
{
	return (kcas_func_t)(offset + 1);
}

/**
 * kcas_kfree() - kcas_retire() of an object that is then given back with kfree()
 * @ptr: the object
 * @member: name of the struct kcas_head in it, less than 4096 bytes from its start
 *
 * Context: any, NMI included.
 */
#define kcas_kfree(ptr, member)							\
do {										\
	BUILD_BUG_ON(offsetof(typeof(*(ptr)), member) >= KCAS_KFREE_MAX_OFFSET);	\
	kcas_retire(&(ptr)->member, __kcas_kfree(offsetof(typeof(*(ptr)), member)));	\
} while (0)

void kcas_retire(struct kcas_head *head, kcas_func_t func);
int kcas_barrier(void);

#endif /* _LINUX_KCAS_H */

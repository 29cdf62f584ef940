/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What makes User Mode Linux, which runs on the machine's own CPUs, a measure of what code
 * costs in a kernel for x86. Included before anything else, in that kernel and in our
 * modules.
 *
 * Barriers: UML takes the generic ones, where each acquire and each release is a full
 * mfence. Linux has these in arch/x86/include/asm/barrier.h; the generic header leaves
 * alone what is defined already.
 *
 * The number of the CPU, which every access to per-CPU data and to "current" begins with: a
 * function call there, and one load relative to a segment on x86. So it is here:
 * scripts/uml-kernel.sh looks up where UML keeps it, and defines KCAS_UML_CPU_AT.
 */
#ifndef KCAS_UML_NATIVE_H
#define KCAS_UML_NATIVE_H

#define __smp_mb()	asm volatile("lock addl $0,-4(%%rsp)" ::: "memory", "cc")
#define __smp_rmb()	barrier()
#define __smp_wmb()	barrier()
#define __smp_store_mb(var, value)	((void)xchg(&(var), value))
#define __smp_mb__before_atomic()	do { } while (0)
#define __smp_mb__after_atomic()	do { } while (0)

#define __smp_store_release(p, v)					\
do {									\
	barrier();							\
	WRITE_ONCE(*(p), v);						\
} while (0)

#define __smp_load_acquire(p)						\
({									\
	typeof(*(p)) ___uml_p1 = READ_ONCE(*(p));			\
									\
	barrier();							\
	___uml_p1;							\
})

#if defined(CONFIG_SMP) && !defined(__ASSEMBLER__) && !defined(__ASSEMBLY__)
#include <shared/smp.h>

static __always_inline int kcas_uml_cpu(void)
{
	int cpu;

	/* Volatile: after being preempted it is another one. */
	asm volatile("movl %%fs:%c1, %0" : "=r" (cpu) : "i" (KCAS_UML_CPU_AT));
	return cpu;
}

#define uml_curr_cpu()	kcas_uml_cpu()
#endif

#endif

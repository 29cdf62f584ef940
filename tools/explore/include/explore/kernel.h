/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explore: as much of the kernel's interface as kernel/debra and kernel/kcas use, for
 * userspace. All headers of include/linux come here, so that each file of the modules is
 * compiled as it is.
 */
#ifndef _EXPLORE_KERNEL_H
#define _EXPLORE_KERNEL_H

#include <explore/base.h>
#include <explore/access.h>
#include <explore/list.h>
#include <explore/cpu.h>
#include <explore/memory.h>
#include <explore/sync.h>
#include <explore/module.h>

#endif /* _EXPLORE_KERNEL_H */

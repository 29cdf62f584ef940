// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: in the place of what shows things to users.
 */
#include "../../kernel/debra/internal.h"
#include "../../kernel/kcas/internal.h"

void debra_debugfs_start(void) { }

void debra_debugfs_stop(void) { }

void debra_sysfs_start(void) { }

void debra_sysfs_stop(void) { }

void debra_sysfs_add(struct debra_domain *dom) { }

void debra_sysfs_remove(struct debra_domain *dom) { }

void debra_stalled_init(void) { }

void debra_debugfs_add(struct debra_domain *dom) { }

void debra_debugfs_remove(struct debra_domain *dom) { }

void kcas_hot(const struct kcas_word *word) { }

void kcas_debugfs_start(void) { }

void kcas_debugfs_stop(void) { }

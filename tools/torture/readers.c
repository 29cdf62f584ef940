// SPDX-License-Identifier: GPL-2.0-only
/*
 * debratorture: readers.
 *
 * Each walks a list, holds on to nodes for a while, and looks at them again. A guarded
 * reader that is aborted looks at what its slots hold before it starts anew: that must
 * still be there.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "torture.h"

#define TORTURE_SLOTS	3	/* the nodes that a guarded reader holds */
#define TORTURE_LOG	16

atomic_long_t torture_walks;
atomic_long_t torture_aborts;

static struct torture_list *torture_any_list(void)
{
	return &torture_lists[torture_random(TORTURE_LISTS)];
}

/* Delays of readers that must not sleep: mostly none, rarely long. */
static void torture_spin(void)
{
	unsigned long flags;
	u32 r = torture_random(4096);

	if (r < 2 && !irqs_disabled()) {
		local_irq_save(flags);
		mdelay(torture_random(8));
		local_irq_restore(flags);
	} else if (r < 8 && !irqs_disabled()) {
		mdelay(torture_random(12));
	} else if (r < 512) {
		udelay(torture_random(20));
	}
}

/* And of those that may. */
static void torture_sleep(void)
{
	u32 r = torture_random(4096);

	if (r < 4)
		schedule_timeout_uninterruptible(torture_random(HZ / 2) + 1);
	else if (r < 64)
		schedule_timeout_uninterruptible(1);
	else if (r < 256)
		set_cpus_allowed_ptr(current, cpumask_of(cpumask_any(cpu_online_mask)));
	else if (r < 320)
		set_cpus_allowed_ptr(current, cpu_possible_mask);
	else if (r < 1024)
		cond_resched();
	else
		torture_spin();
}

static void torture_walk_pinned(void)
{
	struct torture_node *node;
	struct torture_view view;

	debra_pin(&debratorture_domain);
	for (node = debra_dereference(&debratorture_domain, torture_any_list()->first); node;
	     node = debra_dereference(&debratorture_domain, node->next)) {
		torture_look(&view, node);
		torture_spin();
		torture_check(&view, "pinned");
	}
	debra_unpin(&debratorture_domain);
}

/* Return: false if the section was aborted. */
static bool torture_walk(struct debra_guard *g, void (*delay)(void))
{
	struct torture_view view[TORTURE_SLOTS] = { };
	struct torture_node __debra **link = &torture_any_list()->first;
	struct torture_node *node;
	unsigned int i, j;

	for (i = 0; ; i = (i + 1) % TORTURE_SLOTS) {
		view[i].node = NULL;
		if (!debra_hop(g, i, node, *link))
			break;
		if (!node)
			return true;
		torture_look(&view[i], node);
		delay();
		torture_check(&view[i], "guarded");
		link = &node->next;
	}
	delay();
	for (j = 0; j < TORTURE_SLOTS; j++)
		torture_check(&view[j], "aborted");
	atomic_long_inc(&torture_aborts);
	return false;
}

static void torture_walk_atomic(void)
{
	DEFINE_DEBRA_GUARD(g);

	debra_guard_enter(&debratorture_domain, &g);
	while (!torture_walk(&g, torture_spin))
		debra_guard_restart(&g);
	debra_guard_exit(&g);
}

static void torture_walk_sleepable(void)
{
	DEFINE_DEBRA_GUARD(g);

	debra_guard_enter_sleepable(&debratorture_domain, &g);
	while (!torture_walk(&g, torture_sleep))
		debra_guard_restart(&g);
	debra_guard_exit(&g);
}

/* One of each, one in the other. */
static void torture_walk_nested(void)
{
	DEFINE_DEBRA_GUARD(outer);

	debra_guard_enter_sleepable(&debratorture_domain, &outer);
	while (!torture_walk(&outer, torture_walk_atomic))
		debra_guard_restart(&outer);
	torture_walk_pinned();
	torture_walk_sleepable();
	debra_guard_exit(&outer);
}

/* Masked, a section is as good as a pin: no hops, until it is over. */
static void torture_walk_masked(void)
{
	struct torture_node *node;
	struct torture_view view;
	DEFINE_DEBRA_GUARD(g);

	debra_guard_enter(&debratorture_domain, &g);
	while (!debra_guard_mask(&g))
		debra_guard_restart(&g);
	for (node = debra_access_pointer(torture_any_list()->first); node;
	     node = debra_access_pointer(node->next)) {
		torture_look(&view, node);
		torture_spin();
		torture_check(&view, "masked");
	}
	debra_guard_unmask(&g);
	debra_guard_exit(&g);
}

/* What a log names stays. */
static void torture_walk_logged(struct debra_log_chunk *log, struct torture_view view[])
{
	struct torture_node *node;
	DEFINE_DEBRA_GUARD(g);
	unsigned int i;

	debra_guard_enter_sleepable(&debratorture_domain, &g);
again:
	debra_guard_attach_log(&g, log);
	/* Only now, for the section before may still be looked at. */
	WRITE_ONCE(log->nr, 0);
	node = debra_access_pointer(torture_any_list()->first);
	for (i = 0; node && i < TORTURE_LOG; i++) {
		/* Anywhere in the object will do. */
		WRITE_ONCE(view[i].node, node);
		if (!debra_log_publish(&g, log)) {
			view[i].node = NULL;
			break;
		}
		torture_look(&view[i], node);
		torture_sleep();
		node = debra_access_pointer(node->next);
	}
	torture_sleep();
	while (i--)
		torture_check(&view[i], "logged");
	if (debra_guard_aborted(&g) && torture_random(2)) {
		debra_guard_restart(&g);
		goto again;
	}
	debra_guard_exit(&g);
}

/**
 * torture_walk_irq() - what readers in interrupts do
 */
void torture_walk_irq(void)
{
	atomic_long_inc(&torture_walks);
	if (torture_random(2))
		torture_walk_pinned();
	else
		torture_walk_atomic();
}

static void torture_read(struct debra_log_chunk *log, struct torture_view view[])
{
	atomic_long_inc(&torture_walks);
	switch (torture_random(6)) {
	case 0:
		torture_walk_pinned();
		break;
	case 1:
		torture_walk_atomic();
		break;
	case 2:
		torture_walk_sleepable();
		break;
	case 3:
		torture_walk_nested();
		break;
	case 4:
		torture_walk_masked();
		break;
	case 5:
		torture_walk_logged(log, view);
		break;
	}
}

/**
 * torture_reader_fn() - a reader in a task
 * @arg: how nice it is
 *
 * Return: 0.
 */
int torture_reader_fn(void *arg)
{
	struct torture_view *view = kcalloc(TORTURE_LOG, sizeof(*view), GFP_KERNEL);
	struct debra_log_chunk *log = kzalloc(sizeof(*log), GFP_KERNEL);

	set_user_nice(current, (long)arg);
	if (view && log) {
		log->entry = view;
		log->stride = sizeof(*view);
	}
	while (!torture_should_stop()) {
		if (view && log)
			torture_read(log, view);
		cond_resched();
	}
	/* A reclaimer may still be looking into the log. */
	synchronize_rcu();
	kfree(view);
	kfree(log);
	return 0;
}

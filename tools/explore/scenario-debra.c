// SPDX-License-Identifier: GPL-2.0-only
/*
 * explore: scenarios for debra.
 *
 * A list of two nodes, from which an updater takes one or both. What a reader uses must not
 * have been freed, and who waits for the freeing has to come to an end. Where a reader says
 * sh_hold() it is held up for as long as others have something to do, at no cost.
 */
#include <linux/kcas.h>

#include "../../kernel/debra/internal.h"
#include "explore.h"

struct node {
	int value;
	struct node __debra *next;
	struct debra_head debra;
};

static struct node __debra *list;

static struct node *new_node(int value, struct node *next)
{
	struct node *n = kzalloc(sizeof(*n), GFP_KERNEL);

	n->value = value;
	n->next = next;
	return n;
}

static void setup_list(void)
{
	list = new_node(1, new_node(2, NULL));
	watch_reset();
	/* No patience with guards. */
	WRITE_ONCE(debra_guard_ms, 0);
	WRITE_ONCE(debra_stall_ms, 0);
}

static void use(struct node *n, int value)
{
	if (READ_ONCE(n->value) != value)
		sh_fail("a node is not what it was");
}

/* ---------------------------------------------------------------- updaters */

static struct node *take_list(void)
{
	return xchg(&list, NULL);
}

static void take_all(void *arg)
{
	struct node *first = take_list();

	debra_kfree(&debra_default, first->next, debra);
	debra_kfree(&debra_default, first, debra);
	debra_barrier(&debra_default);
}

static void take_first(void *arg)
{
	struct node *first = list;

	WRITE_ONCE(list, first->next);
	debra_kfree(&debra_default, first, debra);
	debra_barrier(&debra_default);
}

static void take_second(void *arg)
{
	struct node *first = READ_ONCE(list), *second = first->next;

	WRITE_ONCE(first->next, NULL);
	debra_kfree(&debra_default, second, debra);
	debra_barrier(&debra_default);
}

static void take_first_sync(void *arg)
{
	struct node *first = list;

	WRITE_ONCE(list, first->next);
	debra_synchronize(&debra_default);
	kfree(first);
}

static void free_node(struct debra_head *head)
{
	kfree(container_of(head, struct node, debra));
}

static void take_first_call(void *arg)
{
	struct node *first = list;

	WRITE_ONCE(list, first->next);
	debra_call(&debra_default, &first->debra, free_node);
	debra_barrier(&debra_default);
}

/* ---------------------------------------------------------------- pins */

static void read_pinned(void *arg)
{
	struct node *n;

	debra_pin(&debra_default);
	n = debra_dereference(&debra_default, list);
	if (n) {
		use(n, n->value);
		n = debra_dereference(&debra_default, n->next);
	}
	if (n)
		use(n, 2);
	debra_unpin(&debra_default);
}

static void read_held(void *arg)
{
	struct node *n;

	debra_pin(&debra_default);
	n = debra_dereference(&debra_default, list);
	sh_hold();
	if (n)
		use(n, n->value);
	debra_unpin(&debra_default);
}

static void read_twice(void *arg)
{
	read_pinned(arg);
	read_pinned(arg);
}

static const struct scenario pins = {
	.name = "debra_pin", .what = "a reader with a pin, IPIs", .cpus = 3, .bound = 2,
	.setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "update", 0, SH_TASK, take_all },
		{ "read", 1, SH_TASK, read_twice },
	},
};

static const struct scenario pins_held = {
	.name = "debra_pin_held", .what = "a reader with a pin that takes long", .cpus = 3,
	.bound = 1, .setup = setup_list,
	.thread = {
		{ "read", 1, SH_TASK, read_held },
		{ "update", 0, SH_TASK, take_all },
	},
};

static const struct scenario pins_rcu = {
	.name = "debra_pin_rcu", .what = "a reader with a pin, RCU's grace periods", .cpus = 3,
	.bound = 2, .rcu = true, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "update", 0, SH_TASK, take_first_call },
		{ "read", 1, SH_TASK, read_twice },
	},
};

static const struct scenario pins_delays = {
	.name = "debra_pin_delays", .what = "a reader with a pin, stores that are late", .cpus = 3,
	.bound = 2, .delays = true, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "update", 0, SH_TASK, take_first },
		{ "read", 1, SH_TASK, read_pinned },
	},
};

static const struct scenario pins_sync = {
	.name = "debra_sync", .what = "debra_synchronize() and two readers", .cpus = 3, .bound = 2,
	.delays = true, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "update", 0, SH_TASK, take_first_sync },
		{ "read", 1, SH_TASK, read_pinned },
		{ "read-2", 2, SH_TASK, read_pinned },
	},
};

static const struct scenario pins_irq = {
	.name = "debra_irq", .what = "readers in an interrupt and an NMI on top of one with a pin",
	.cpus = 3, .bound = 2, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "update", 0, SH_TASK, take_second },
		{ "read", 1, SH_TASK, read_pinned },
		{ "hardirq", 1, SH_HARDIRQ, read_pinned },
		{ "nmi", 1, SH_NMI, read_pinned },
	},
};

static void retire_here(void *arg)
{
	struct node *n = new_node(3, NULL);

	debra_kfree(&debra_default, n, debra);
}

static const struct scenario deferred = {
	.name = "debra_defer", .what = "an interrupt and an NMI retire on top of a retirement",
	.cpus = 2, .bound = 2, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "update", 0, SH_TASK, take_all },
		{ "hardirq", 0, SH_HARDIRQ, retire_here },
		{ "nmi", 0, SH_NMI, retire_here },
	},
};

static const struct scenario updaters = {
	.name = "debra_retire", .what = "two updaters and a reader", .cpus = 3, .bound = 1,
	.rcu = true, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "update", 0, SH_TASK, take_all },
		{ "retire", 1, SH_TASK, retire_here },
		{ "read", 2, SH_TASK, read_pinned },
	},
};

/* ---------------------------------------------------------------- guards */

/* Both nodes, each with a slot of its own. */
static void walk(struct debra_guard *g)
{
	struct node *n, *m;

again:
	if (!debra_hop(g, 0, n, list)) {
		debra_guard_restart(g);
		goto again;
	}
	if (!n)
		return;
	sh_hold();
	use(n, n->value);
	if (!debra_hop(g, 1, m, n->next)) {
		use(n, n->value);
		debra_guard_restart(g);
		goto again;
	}
	sh_hold();
	use(n, n->value);
	if (m)
		use(m, 2);
}

static void read_guarded(void *arg)
{
	struct debra_guard g;

	debra_guard_enter(&debra_default, &g);
	walk(&g);
	debra_guard_exit(&g);
}

static void read_sleepable(void *arg)
{
	struct debra_guard g;

	debra_guard_enter_sleepable(&debra_default, &g);
	walk(&g);
	debra_guard_exit(&g);
}

/* Masked, all is kept; nothing is, if it was aborted before. */
static void read_masked(void *arg)
{
	struct debra_guard g;
	struct node *n, *m;

	debra_guard_enter(&debra_default, &g);
	while (!debra_hop(&g, 0, n, list))
		debra_guard_restart(&g);
	sh_hold();
	if (n && debra_guard_mask(&g)) {
		m = debra_access_pointer(n->next);
		sh_hold();
		use(n, n->value);
		if (m)
			use(m, 2);
		debra_guard_unmask(&g);
	}
	debra_guard_exit(&g);
}

static const struct scenario guards = {
	.name = "debra_guard", .what = "a reader that is neutralized", .cpus = 3, .bound = 1,
	.setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 1, SH_TASK, read_guarded },
		{ "update", 0, SH_TASK, take_all },
	},
};

static const struct scenario guards_delays = {
	.name = "debra_guard_delays", .what = "the same, and stores that are late", .cpus = 3,
	.bound = 1, .delays = true, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 1, SH_TASK, read_guarded },
		{ "update", 0, SH_TASK, take_all },
	},
};

/* For longer than a round waits for an answer. */
static void read_deaf(void *arg)
{
	struct debra_guard g;
	struct node *n;
	int i;

	debra_guard_enter(&debra_default, &g);
	while (!debra_hop(&g, 0, n, list))
		debra_guard_restart(&g);
	sh_hold();
	local_irq_disable();
	for (i = 0; i < 30; i++)
		sh_hold();
	if (n)
		use(n, n->value);
	local_irq_enable();
	debra_guard_exit(&g);
}

static const struct scenario guards_deaf = {
	.name = "debra_guard_deaf", .what = "a reader whose CPU does not answer IPIs for a time",
	.cpus = 3, .bound = 1, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 1, SH_TASK, read_deaf },
		{ "update", 0, SH_TASK, take_all },
	},
};

static const struct scenario guards_masked = {
	.name = "debra_guard_masked", .what = "a reader that will not be neutralized for a moment",
	.cpus = 3, .bound = 1, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 1, SH_TASK, read_masked },
		{ "update", 0, SH_TASK, take_all },
	},
};

static const struct scenario guards_sleepable = {
	.name = "debra_guard_sleepable", .what = "a reader on the updater's CPU is neutralized",
	.cpus = 2, .bound = 1, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 0, SH_TASK, read_sleepable },
		{ "update", 0, SH_TASK, take_all },
	},
};

static const struct scenario guards_two = {
	.name = "debra_guard_two", .what = "two readers that are neutralized, one after the other",
	.cpus = 3, .bound = 1, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 1, SH_TASK, read_guarded },
		{ "read-2", 0, SH_TASK, read_sleepable },
		{ "update", 0, SH_TASK, take_first },
		{ "update-2", 2, SH_TASK, retire_here },
	},
};

/* ---------------------------------------------------------------- snapshots of hazards */

static bool go, done;

static void hold_up(enum debra_pause where)
{
	if (where == DEBRA_PAUSE_IN_SNAPSHOT)
		sh_hold();
}

static void setup_snapshot(void)
{
	setup_list();
	go = false;
	done = false;
	WRITE_ONCE(debra_pause_hook, hold_up);
}

static void check_snapshot(void)
{
	WRITE_ONCE(debra_pause_hook, NULL);
}

/* While it is there, who frees has to look at hazards. */
static void sleep_aborted(void *arg)
{
	struct debra_guard g;

	debra_guard_enter_sleepable(&debra_default, &g);
	sh_block(sh_is_set, &done, SH_FOREVER);
	debra_guard_exit(&g);
}

static void take_first_expedite(void *arg)
{
	struct node *first = list;

	retire_here(arg);
	debra_barrier(&debra_default);
	WRITE_ONCE(go, true);
	sh_hold();
	WRITE_ONCE(list, first->next);
	debra_kfree(&debra_default, first, debra);
	debra_expedite(&debra_default);
	debra_barrier(&debra_default);
	WRITE_ONCE(done, true);
}

static void read_later(void *arg)
{
	sh_block(sh_is_set, &go, SH_FOREVER);
	read_guarded(arg);
}

static const struct scenario snapshot = {
	.name = "debra_snapshot", .what = "a guard is aborted while others' hazards are read",
	.cpus = 3, .bound = 1, .setup = setup_snapshot, .check = check_snapshot,
	.watch = watch_epochs,
	.thread = {
		{ "sleep", 0, SH_TASK, sleep_aborted },
		{ "update", 0, SH_TASK, take_first_expedite },
		{ "read", 1, SH_TASK, read_later },
	},
};

/* ---------------------------------------------------------------- rounds that are shared */

static void other_domain(void *arg)
{
	debra_synchronize(&kcas_domain);
}

static const struct scenario domains = {
	.name = "debra_domains", .what = "two domains share the rounds of IPIs", .cpus = 3,
	.bound = 2, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "update", 0, SH_TASK, take_first_sync },
		{ "other", 1, SH_TASK, other_domain },
	},
};

const struct scenario *const debra_scenarios[] = {
	&pins, &pins_held, &pins_rcu, &pins_delays, &pins_sync, &pins_irq, &deferred, &updaters,
	&guards, &guards_delays, &guards_deaf, &guards_masked, &guards_sleepable, &guards_two,
	&snapshot, &domains, NULL
};

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

static void setup_fence(void)
{
	setup_list();
	static_branch_enable(&debra_fence_key);
}

static void check_fence(void)
{
	static_branch_disable(&debra_fence_key);
}

/* debra_dereference() would look at the announcement, and so empty the store buffer. */
static void read_held_late(void *arg)
{
	struct node *n;

	debra_pin(&debra_default);
	n = debra_access_pointer(list);
	sh_hold();
	if (n)
		use(n, n->value);
	debra_unpin(&debra_default);
}

static const struct scenario pins_fence = {
	.name = "debra_pin_fence", .what = "a reader with a pin, pins=fence, late stores",
	.cpus = 3, .bound = 1, .delays = true, .setup = setup_fence, .check = check_fence,
	.thread = {
		{ "read", 1, SH_TASK, read_held_late },
		{ "update", 0, SH_TASK, take_all },
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

/* Enough for a few amortized steps of who retires. */
static void take_all_of_many(void *arg)
{
	struct node *first = take_list();
	int i;

	debra_kfree(&debra_default, first->next, debra);
	debra_kfree(&debra_default, first, debra);
	for (i = 0; i < 14 * DEBRA_STEP; i++)
		retire_here(arg);
	debra_barrier(&debra_default);
}

static const struct scenario retire_many = {
	.name = "debra_retire_many", .what = "who retires ends epochs, against a reader",
	.cpus = 2, .bound = 1, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 1, SH_TASK, read_held },
		{ "update", 0, SH_TASK, take_all_of_many },
	},
};

static atomic_t freed;

static void count_freed(struct debra_head *head)
{
	kfree(container_of(head, struct node, debra));
	atomic_inc(&freed);
}

static bool some_freed(void *nr)
{
	/* Asked by the scheduler, which is nobody to switch away from. */
	return data_race(freed.counter) >= (long)nr;
}

static void wait_freed(long nr)
{
	sh_block(some_freed, (void *)nr, SH_FOREVER);
}

static void setup_freed(void)
{
	setup_list();
	atomic_set(&freed, 0);
}

static void retire_one(void *arg)
{
	debra_call(&debra_default, &new_node(3, NULL)->debra, count_freed);
}

/* Nobody asks for it. */
static void retire_and_look(void *arg)
{
	retire_one(arg);
	wait_freed(3);
}

/* The first choice where the reclaimer can be preempted, as it goes to rest as well. */
static void retire_later(void *arg)
{
	wait_freed(1);
	sh_hold();
	retire_one(arg);
	wait_freed(2);
}

static const struct scenario retire_late = {
	.name = "debra_retire_late", .what = "something is retired as the reclaimer goes to rest",
	.cpus = 3, .bound = 1, .rcu = true, .setup = setup_freed, .watch = watch_epochs,
	.thread = {
		{ "retire", 0, SH_TASK, retire_one },
		{ "later", 1, SH_TASK, retire_later },
	},
};

static const struct scenario retire_alone = {
	.name = "debra_retire_alone", .what = "what is retired is freed, though nobody waits",
	.cpus = 2, .bound = 2, .rcu = true, .delays = true, .setup = setup_freed,
	.watch = watch_epochs,
	.thread = {
		{ "retire", 0, SH_TASK, retire_and_look },
		{ "retire-2", 1, SH_TASK, retire_one },
		{ "hardirq", 0, SH_HARDIRQ, retire_one },
	},
};

static void retire_two(void *arg)
{
	retire_one(arg);
	debra_barrier(&debra_default);
	if (atomic_read(&freed) < 1)
		sh_fail("not freed by the end of debra_barrier()");
	retire_one(arg);
	debra_barrier(&debra_default);
	if (atomic_read(&freed) < 2)
		sh_fail("not freed by the end of the second debra_barrier()");
}

static const struct scenario barriers = {
	.name = "debra_barrier", .what = "debra_barrier(), and then another one", .cpus = 3,
	.bound = 1, .rcu = true, .setup = setup_freed, .watch = watch_epochs,
	.thread = {
		{ "retire", 0, SH_TASK, retire_two },
		{ "retire-2", 1, SH_TASK, retire_one },
	},
};

/* ---------------------------------------------------------------- guards */

/* Both nodes, each with a slot of its own, the first and the last. */
static void walk(struct debra_guard *g)
{
	const unsigned int last = DEBRA_GUARD_SLOTS - 1;
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
	if (!debra_hop(g, last, m, n->next)) {
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

static const struct scenario guards_claim = {
	.name = "debra_guard_claim", .what = "two sleepable guards of one CPU", .cpus = 2,
	.bound = 1, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 0, SH_TASK, read_sleepable },
		{ "read-2", 0, SH_TASK, read_sleepable },
		{ "update", 1, SH_TASK, take_all },
	},
};

static const struct scenario guards_elsewhere = {
	.name = "debra_guard_elsewhere", .what = "a sleepable guard on another CPU", .cpus = 3,
	.bound = 1, .delays = true, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 1, SH_TASK, read_sleepable },
		{ "update", 0, SH_TASK, take_all },
	},
};

/* A log instead of slots; what it names is the last byte of a node. */
#define LOGGED	4

static struct {
	struct debra_log_chunk chunk;
	const void *entry[LOGGED];
} logged;

static void setup_log(void)
{
	setup_list();
	memset(&logged, 0, sizeof(logged));
	logged.chunk.entry = logged.entry;
	logged.chunk.stride = sizeof(logged.entry[0]);
}

static bool keep_in_log(struct debra_guard *g, struct node *n)
{
	const void *last = n ? (const char *)n + ksize(n) - 1 : NULL;

	WRITE_ONCE(logged.entry[logged.chunk.nr], last);
	return debra_log_publish(g, &logged.chunk);
}

static void read_logged(void *arg)
{
	struct debra_guard g;
	struct node *n, *m;

	debra_guard_enter(&debra_default, &g);
again:
	debra_guard_attach_log(&g, &logged.chunk);
	WRITE_ONCE(logged.chunk.nr, 0);
	n = debra_access_pointer(list);
	sh_hold();
	if (!keep_in_log(&g, n)) {
		debra_guard_restart(&g);
		goto again;
	}
	sh_hold();
	if (n) {
		use(n, n->value);
		m = debra_access_pointer(n->next);
		if (keep_in_log(&g, m)) {
			sh_hold();
			use(n, n->value);
			if (m)
				use(m, 2);
		}
	}
	debra_guard_exit(&g);
}

static const struct scenario guards_log = {
	.name = "debra_guard_log", .what = "a reader with a log is neutralized", .cpus = 3,
	.bound = 1, .setup = setup_log, .watch = watch_epochs,
	.thread = {
		{ "read", 1, SH_TASK, read_logged },
		{ "update", 0, SH_TASK, take_all },
	},
};

static const struct scenario guards_sync = {
	.name = "debra_sync_guard", .what = "debra_synchronize() and a guard that is aborted",
	.cpus = 3, .bound = 1, .setup = setup_list, .watch = watch_epochs,
	.thread = {
		{ "read", 1, SH_TASK, read_guarded },
		{ "update", 0, SH_TASK, take_first_sync },
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

/*
 * While it is there, who frees has to look at hazards. The section before has left nothing
 * that would be one.
 */
static void sleep_aborted(void *arg)
{
	struct debra_guard g;
	struct node *n;

	debra_guard_enter_sleepable(&debra_default, &g);
	if (debra_hop(&g, 0, n, list))
		use(n, n->value);
	debra_guard_restart(&g);
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
	&pins, &pins_held, &pins_rcu, &pins_delays, &pins_fence, &pins_sync, &pins_irq,
	&deferred, &updaters, &retire_many, &retire_late, &retire_alone, &barriers,
	&guards, &guards_delays, &guards_deaf, &guards_masked, &guards_sleepable, &guards_two,
	&guards_claim, &guards_elsewhere, &guards_log, &guards_sync, &snapshot, &domains, NULL
};

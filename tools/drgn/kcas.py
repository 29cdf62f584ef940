#!/usr/bin/env drgn
# SPDX-License-Identifier: GPL-2.0-only
"""
Shows what debra and kcas hold, from the memory of a live kernel or of a dead one: domains
and their epochs, who pins on each CPU, guards and the stacks of their tasks, what waits to be freed
and by what it will be, the counters of both modules, and the words that are fought over.

Usage:
  drgn -s debra.ko -s kcas.ko tools/drgn/kcas.py [DOMAIN...]
  drgn -c VMCORE -s VMLINUX -s debra.ko -s kcas.ko tools/drgn/kcas.py [DOMAIN...]

The modules need their debug information, as they have when they come out of the build of
a kernel that has it. Unlike debugfs this counts each retired object, and looks into the bags
while their CPUs use them: on a live kernel what it says of those may be wrong.
"""

import collections
import sys

from drgn import FaultError, Object, cast
from drgn.helpers.common.memory import identify_address
from drgn.helpers.linux.cpumask import for_each_online_cpu, for_each_possible_cpu
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.percpu import per_cpu, per_cpu_ptr
from drgn.helpers.linux.pid import find_task

# As in debra-types.h, debra-guard.h and internal.h: macros are in no debug information.
DEPTH_BITS = 8
GUARD_ACTIVE, GUARD_ABORTED, GUARD_MASKED = 1, 2, 4
KFREE_MAX_OFFSET = 4096
SLOT_HEADLESS = 1
FUNC_TYPE = 1 << 63
WORD = (1 << 64) - 1

OLD_MS = 500  # of an epoch
HOT_SAMPLE = 8  # as in hot.c

MOST_OBJECTS = 1000000  # of a list; one that is being changed may have no end


def symbol(address):
    """A function's name, or its address."""
    try:
        return prog.symbol(address).name
    except LookupError:
        return hex(address)


def task_name(pid):
    """comm/pid of a task that is still there."""
    task = find_task(prog, pid) if pid > 0 else None
    if not task:
        return f"(exited)/{pid}", None
    return f"{task.comm.string_().decode(errors='replace')}/{pid}", task


def ms_since(since):
    """Milliseconds since that many jiffies."""
    return ((prog["jiffies"].value_() - since.value_()) & WORD) * 1000 // hz()


def hz():
    """Ticks of a second: of the configuration, if it is in the kernel; else the usual."""
    try:
        from drgn.helpers.linux.kconfig import get_kconfig
        return int(get_kconfig(prog)["CONFIG_HZ"])
    except (ImportError, LookupError, ValueError):
        return 250


def domains():
    """Each registered domain."""
    head = prog["debra_domains"]
    for sup in list_for_each_entry("struct debra_sup", head.address_of_(), "list"):
        yield sup.dom, sup


def chains(bagset):
    """Each chain of a bagset, with the epoch of its objects; 0 if that is over."""
    for bag in bagset.bag:
        for chain in bag.chain:
            yield bag.stamp.value_(), chain
    for chain in bagset.free:
        yield 0, chain
    for half in bagset.kept:
        for chain in half:
            yield 0, chain


def pending(bagset):
    """Objects in a bagset."""
    return sum(chain.nr.value_() for _, chain in chains(bagset))


def head_action(head):
    """What frees the object of this head."""
    func = cast("unsigned long", head.func).value_()
    if func < KFREE_MAX_OFFSET:
        return "kfree"
    if func & FUNC_TYPE:
        return symbol(func)
    kind = Object(prog, "struct debra_type *", func ^ FUNC_TYPE)
    return symbol(kind.func.value_()) if kind.func else "kfree"


def slot_action(slot):
    """The same of what a slot of a block holds."""
    if slot & SLOT_HEADLESS:
        return "kfree"
    return head_action(Object(prog, "struct debra_head *", slot))


def head_link(head):
    """The next of a list of heads, as debra_link_get()."""
    mixed = (head.value_() ^ prog["debra_link_secret"].value_()) * 0x9e3779b97f4a7c15
    mask = (mixed & 0xfffffffffffffff8) | 5
    return Object(prog, "struct debra_head *", head.next.value_() ^ mask)


def chain_actions(chain):
    """The same of each object of a chain."""
    block = chain.first
    while block:
        for i in range(block.nr.value_()):
            yield slot_action(block.slot[i].value_())
        block = block.next
    head = chain.heads
    for _ in range(MOST_OBJECTS):
        if not head:
            break
        yield head_action(head)
        head = head_link(head)


def count_actions(bagset, count):
    """Adds the objects of a bagset to a count by what frees them."""
    for stamp, chain in chains(bagset):
        try:
            for action in chain_actions(chain):
                count[action, "in limbo" if stamp else "to be freed"] += 1
        except FaultError:
            count["(changed while it was read)", ""] += 1


def counters(members, name, values):
    """Those that are not 0: from an enum's names and an array."""
    start = f"{name}_C_"
    for member, value in members:
        if member.startswith(start) and value < len(values) and values[value]:
            yield member[len(start):].lower(), values[value]


def show_counters(found):
    """Some to a line."""
    line = "   "
    for name, value in found:
        item = f" {name} {value}"
        if len(line + item) > 79:
            print(line)
            line = "   "
        line += item
    if line.strip():
        print(line)


def cpu_task(cpu):
    """Who is running there."""
    task = per_cpu(prog["runqueues"], cpu).curr
    return f"{task.comm.string_().decode(errors='replace')}/{task.pid.value_()}"


def show_cpus(dom, epoch, age):
    """A row for each CPU, and who runs on those whose pin holds an old epoch back."""
    print("  cpu  announced nest  pending    retired      freed")
    for cpu in for_each_online_cpu(prog):
        word = per_cpu_ptr(dom.pins, cpu).announce.value_()
        pc = per_cpu_ptr(dom.cpus, cpu)
        announced = word >> DEPTH_BITS
        late = f"  <- holds it back: {cpu_task(cpu)}" \
            if announced and announced < epoch and age > OLD_MS else ""
        print(f"  {cpu:3} {announced:10} {word & ((1 << DEPTH_BITS) - 1):4}"
              f" {pending(pc.set):8} {pc.count[retired_counter()].value_():10}"
              f" {pc.freed.counter.value_():10}{late}")


def retired_counter():
    """Its index."""
    return prog.constant("DEBRA_C_RETIRED").value_()


def guards(dom, sup):
    """Each record of a guard in a section, with its CPU if it is not sleepable."""
    for cpu in for_each_possible_cpu(prog):
        gc = per_cpu_ptr(dom.guards, cpu)
        for i in range(gc.high.value_()):
            yield cpu, gc.rec[i]
        for rec in gc.task:
            yield "-", rec
    for guard in list_for_each_entry("struct debra_guard", sup.spilled.address_of_(), "list"):
        yield "-", guard.own


def guard_state(rec, word):
    """As debugfs calls it."""
    if word & GUARD_ABORTED:
        return "aborted" if rec.settled.value_() == word else "parked"
    return "masked" if word & GUARD_MASKED else "active"


def show_guards(dom, sup):
    """Each guard; and the stack of its task if it holds anything up."""
    for cpu, rec in guards(dom, sup):
        word = rec.word.counter.value_() & WORD
        if not word & GUARD_ACTIVE:
            continue
        name, task = task_name(rec.pid.value_())
        lagging = (rec.seen.value_() | GUARD_ABORTED) == (word | GUARD_ABORTED)
        lag = f", for {ms_since(rec.since)} ms" if lagging else ""
        slots = " ".join(hex(slot.value_()) for slot in rec.slot if slot)
        print(f"  guard of {name}: CPU {cpu}, {guard_state(rec, word)}{lag},"
              f" epoch {rec.epoch.value_()}, restarts {rec.restarts.value_()}, names {slots or 'nothing'}")
        if lagging and task:
            show_stack(task)


def show_stack(task):
    """Of a task that does not run."""
    try:
        trace = prog.stack_trace(task)
    except ValueError:
        print("      runs")
        return
    for frame in list(trace)[:14]:
        print(f"      {frame.name or hex(frame.pc)}")


def show_garbage(dom, sup):
    """What waits to be freed."""
    count = collections.Counter()
    for cpu in for_each_possible_cpu(prog):
        count_actions(per_cpu_ptr(dom.cpus, cpu).set, count)
    count_actions(sup.orphans, count)
    for (action, state), nr in count.most_common():
        print(f"  {nr:8} {action} {state}")


def show_domain(dom, sup):
    """All of a domain."""
    epoch = dom.clock.value_() >> DEPTH_BITS
    cpus = [per_cpu_ptr(dom.cpus, cpu) for cpu in for_each_possible_cpu(prog)]
    total = sum(pending(pc.set) for pc in cpus) + pending(sup.orphans)
    age = ms_since(sup.epoch_since)
    print(f"{dom.name.string_().decode()}: epoch {epoch} for {age} ms,"
          f" {total} objects pending, guards lagging {sup.lagging.value_()},"
          f" aborted {sup.aborted.value_()}, parked {sup.parked.value_()}")
    show_cpus(dom, epoch, age)
    show_guards(dom, sup)
    show_garbage(dom, sup)
    sums = [sum(pc.count[i].value_() for pc in cpus) for i in range(len(cpus[0].count))]
    show_counters(counters(prog.type("enum debra_counter").enumerators, "DEBRA", sums))


def show_kcas():
    """The counters of kcas, and its blocks."""
    try:
        state = prog["kcas_cpus"]
    except KeyError:
        print("kcas: not loaded, or without debug information")
        return
    arenas = [arena for cpu in for_each_possible_cpu(prog)
              for arena in per_cpu_ptr(state, cpu).arena]
    print(f"kcas: {sum(a.nr_blocks.counter.value_() for a in arenas)} blocks,"
          f" {sum(a.nr_free.counter.value_() for a in arenas)} of them free,"
          f" {prog['kcas_nr_waiters'].counter.value_()} transactions wait")
    sums = [sum(a.count[i].value_() for a in arenas) for i in range(len(arenas[0].count))]
    # Operations are counted apart, by status and number of words.
    for status in ("SUCCEEDED", "FAILED", "CONFLICT"):
        i = prog.constant(f"KCAS_{status}").value_()
        print(f"    {status.lower()} {sum(n.value_() for a in arenas for n in a.op[i])}")
    show_counters(counters(prog.type("enum kcas_counter").enumerators, "KCAS", sums))
    show_hot()


def show_hot():
    """The words that are fought over, and what they are in: a slab's object with its cache."""
    count = collections.Counter()
    for cpu in for_each_possible_cpu(prog):
        for hot in per_cpu(prog["kcas_hots"], cpu).hot:
            if hot.count:
                count[hot.word.value_()] += hot.count.value_() * HOT_SAMPLE
    for word, nr in count.most_common():
        print(f"  {nr:8} conflicts at {word:#x}: {identify_address(prog, word) or '-'}")


def main(wanted):
    """All domains, or those that were asked for."""
    try:
        found = list(domains())
    except LookupError:
        sys.exit("kcas.py: debra is not loaded, or its debug information was not given (-s debra.ko)")
    names = [dom.name.string_().decode() for dom, _ in found]
    for name in wanted:
        if name not in names:
            sys.exit(f"kcas.py: no domain is called {name}; there are: {' '.join(names)}")
    for (dom, sup), name in zip(found, names):
        if not wanted or name in wanted:
            show_domain(dom, sup)
    if not wanted:
        show_kcas()


if __name__ == "__main__":
    main(sys.argv[1:])

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Counts the locked instructions of operations in what QEMU has written down.

usage: count.py LOG SYMBOLS

LOG comes from "qemu -d in_asm,exec,nochain" with -dfilter for the modules' addresses: the
blocks of code as they are translated, and each block as it is executed. SYMBOLS has
lines "address name"; counting goes from a block that begins at kcas_locked_NAME to the next
one that begins at kcas_locked_end.

For each NAME prints: NAME, the usual number of locked instructions, the most, the usual
number of instructions, calls that leave the logged addresses, and how often it was seen.
"""
import collections
import re
import sys

INSN = re.compile(r"^0x([0-9a-f]+):\s+((?:[0-9a-f]{2} )+)\s*(.*)$")
EXEC = re.compile(r"^Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")
CALL = re.compile(r"^(?:call|jmp)q?\s+0x([0-9a-f]+)$")
PREFIX = "kcas_locked_"


def is_locked(text):
    """xchg with memory is locked without saying so."""
    op = text.split(None, 1)
    if not op:
        return False
    if op[0] == "lock":
        return True
    return op[0].startswith("xchg") and "(" in op[1]


class Block:
    """What a block of code, from its first address on, does when it is executed."""

    def __init__(self):
        self.insns = 0
        self.locked = 0
        self.target = None

    def add(self, text):
        self.insns += 1
        self.locked += is_locked(text)
        jump = CALL.match(text)
        self.target = int(jump.group(1), 16) if jump else None


def read_log(lines):
    """Yields (address, block) for each block that is executed, in order."""
    blocks = {}
    first = None
    last = None
    for line in lines:
        if last is not None and line.startswith("Stopped execution"):
            last = None
            continue
        if last is not None and (line.startswith("IN:") or line.startswith("Trace ")):
            yield last, blocks[last]
            last = None
        if line.startswith("IN:"):
            first = None
            continue
        insn = INSN.match(line)
        if insn:
            address = int(insn.group(1), 16)
            if first is None:
                first = address
                blocks[first] = Block()
            blocks[first].add(insn.group(3).strip())
            continue
        executed = EXEC.match(line)
        if executed:
            address = int(executed.group(1), 16)
            if address not in blocks:
                raise ValueError("block %x was executed and never translated" % address)
            last = address
    if last is not None:
        yield last, blocks[last]


def count(lines, symbols, low):
    """Returns {name: [(locked, insns, outside), ...]}."""
    runs = collections.defaultdict(list)
    name = None
    for address, block in read_log(lines):
        symbol = symbols.get(address)
        if symbol == "end":
            if name:
                runs[name].append(tuple(sums))
            name = None
        elif symbol:
            name = symbol
            sums = [0, 0, 0]
        if name:
            sums[0] += block.locked
            sums[1] += block.insns
            sums[2] += block.target is not None and block.target < low
    return runs


def usual(values):
    """The most frequent one."""
    return collections.Counter(values).most_common(1)[0][0]


def main(argv):
    if len(argv) != 3:
        sys.exit(__doc__)
    with open(argv[2], encoding="ascii") as file:
        symbols = {int(a, 16): n[len(PREFIX):] for a, n in (line.split() for line in file)}
    if "end" not in symbols.values():
        sys.exit("%s: no %send" % (argv[2], PREFIX))
    low = min(symbols) & ~0x3fffffff
    with open(argv[1], encoding="ascii", errors="replace") as file:
        runs = count(file, symbols, low)
    for name in sorted(set(symbols.values()) - {"end"}):
        if not runs[name]:
            sys.exit("%s%s was never seen" % (PREFIX, name))
        locked, insns, outside = zip(*runs[name])
        print(name, usual(locked), max(locked), usual(insns), usual(outside), len(locked))


if __name__ == "__main__":
    main(sys.argv)

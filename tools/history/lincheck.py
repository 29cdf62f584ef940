#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Are histories of kcas operations and transactions linearizable?

usage: lincheck.py [--show N] [FILE...]

Reads what kcas_history.c recorded (its first comment has the format) from the files, or
from standard input. Each round is searched for an order of its operations in which each is
told what it was told, if all are done one after the other in that order, and which leaves none
before another one that came back before it was called. That is the search of Wing and Gong,
with Lowe's memory of where it has been: which operations are done, and what the words hold.
It goes from one moment at which no operation is under way to the next, with all values that the
words may have then.

An operation that never changes anything, such as a read, and may come next, comes next:
whatever order there is with it at a later place, there is one with it here.

Status: 0 all are linearizable; 1 one is not; 2 the input is not a history.
"""

import sys

MAGIC = "kcas-history 1"
ENOMEM = -12


class BadInput(Exception):
    """What was read is not a history."""


# ---------------------------------------------------------------- the sequential model

# An operation's step takes the values of all words, and returns those after it, or None if
# it would have been told something else than it was.


class Step:
    """What an operation does, and whether that is nothing wherever it comes."""

    __slots__ = ("apply", "pure")

    def __init__(self, apply, pure):
        self.apply = apply
        self.pure = pure


def put(state, word, value):
    """The values with another one in a word."""
    return state[:word] + (value,) + state[word + 1:]


def kcas_step(ops, result):
    """Several words: compare all, then write all, or nothing."""
    def apply(state):
        holds = all(state[word] == old for word, old, _ in ops)
        if holds != result:
            return None
        if holds:
            for word, _, new in ops:
                state = put(state, word, new)
        return state
    return Step(apply, not result or all(old == new for _, old, new in ops))


def xchg_step(word, new, result):
    """Write a word, and get what it had."""
    return Step(lambda state: put(state, word, new) if state[word] == result else None,
                new == result)


def set_step(word, new):
    """Write a word. Where that changes nothing, it may change something elsewhere."""
    return Step(lambda state: put(state, word, new), False)


def add_step(word, delta, result):
    """Add to a word, and get the sum."""
    return Step(lambda state: put(state, word, result) if state[word] + delta == result else None,
                not delta)


def read_step(word, result):
    """Read a word."""
    return Step(lambda state: state if state[word] == result else None, True)


# An operation that was not done, for want of memory.
NOTHING = Step(lambda state: state, True)


class Op:
    """An operation: who, when, what, and how it changes the words."""

    __slots__ = ("thread", "begin", "end", "text", "step")

    def __init__(self, thread, begin, end, text, step):
        self.thread = thread
        self.begin = begin
        self.end = end
        self.text = text
        self.step = step


class Round:
    """A history: values at first, operations in the order of their calls, values at last."""

    def __init__(self, name, fresh, first):
        self.name = name
        self.fresh = fresh
        self.first = first
        self.ops = []
        self.last = None


# ---------------------------------------------------------------- reading

def number(text):
    """An integer, written as the kernel does."""
    digits = text[1:] if text.startswith("-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise BadInput(f'"{text}" is not a number')
    return int(text)


def index(text, words):
    """The number of a word."""
    word = number(text)
    if not 0 <= word < words:
        raise BadInput(f"there is no word {word}")
    return word


def triple(text, words):
    """WORD:OLD>NEW"""
    word, colon, values = text.partition(":")
    old, arrow, new = values.partition(">")
    if not (colon and arrow):
        raise BadInput(f'"{text}" is not WORD:OLD>NEW')
    return index(word, words), number(old), number(new)


def boolean(result):
    """Of an operation that is done or not."""
    if result not in (0, 1):
        raise BadInput(f"the result {result} is neither 0 nor 1")
    return bool(result)


def parse_kcas(args, result, words):
    """kcas and cas"""
    ops = [triple(arg, words) for arg in args]
    if not ops:
        raise BadInput("no words")
    if len({word for word, _, _ in ops}) < len(ops):
        raise BadInput("the same word twice")
    return kcas_step(ops, boolean(result))


def parse_tx(args, result, words):
    """What it has read was there, and what it has written is there, or it is an error."""
    if result != 1:
        raise BadInput(f"tx has the result {result}")
    return parse_kcas(args, result, words)


def parse_cas(args, result, words):
    """One word only."""
    if len(args) != 1:
        raise BadInput("cas has one word")
    return parse_kcas(args, result, words)


def parse_set(args, result, words):
    """Its result is no more than that there was no error."""
    word, new = args
    if result != 0:
        raise BadInput(f"set has the result {result}")
    return set_step(index(word, words), number(new))


def parse_xchg(args, result, words):
    """WORD NEW = OLD"""
    word, new = args
    return xchg_step(index(word, words), number(new), result)


def parse_add(args, result, words):
    """WORD DELTA = SUM"""
    word, delta = args
    return add_step(index(word, words), number(delta), result)


def parse_read(args, result, words):
    """WORD = VALUE"""
    (word,) = args
    return read_step(index(word, words), result)


PARSERS = {"kcas": parse_kcas, "tx": parse_tx, "cas": parse_cas, "xchg": parse_xchg, "set": parse_set,
           "add": parse_add, "read": parse_read}
# A result that is right, for those that have an error in its place; 0 is for the others.
NO_ERROR = {"tx": 1}


def parse_step(fields, words):
    """NAME ARGUMENT... = RESULT"""
    if "=" not in fields:
        raise BadInput("an operation has no result")
    at = fields.index("=")
    (name, *args), answer = fields[:at], fields[at + 1:]
    if name not in PARSERS:
        raise BadInput(f'there is no operation "{name}"')
    error = len(answer) == 2 and answer[0] == "error" and name != "read"
    if len(answer) != 1 and not error:
        raise BadInput("an operation has one result")
    result = number(answer[-1])
    if error and result != ENOMEM:
        raise BadInput(f"it failed with the error {result}")
    try:
        step = PARSERS[name](args, NO_ERROR.get(name, 0) if error else result, words)
    except ValueError:
        raise BadInput(f"{name} has another number of arguments") from None
    return NOTHING if error else step


def parse_op(fields, words):
    """THREAD CALLED BACK OPERATION"""
    if len(fields) < 5:
        raise BadInput("not an operation")
    thread, begin, end = (number(field) for field in fields[:3])
    if begin >= end:
        raise BadInput("it came back before it was called")
    return Op(thread, begin, end, " ".join(fields[3:]), parse_step(fields[3:], words))


def parse_values(fields):
    """The values of all words."""
    if not fields:
        raise BadInput("no values")
    return tuple(number(field) for field in fields)


def parse_round(fields):
    """round NAME new|kept VALUE..."""
    if len(fields) < 3 or fields[2] not in ("new", "kept"):
        raise BadInput('expected "round NUMBER new|kept VALUE..."')
    return Round(fields[1], fields[2] == "new", parse_values(fields[3:]))


def check_times(this):
    """All are different, and a thread does one operation at a time."""
    times = [time for op in this.ops for time in (op.begin, op.end)]
    if len(set(times)) < len(times):
        raise BadInput(f"round {this.name}: a time comes twice")
    back = {}
    for op in this.ops:
        if back.get(op.thread, op.begin) > op.begin:
            raise BadInput(f"round {this.name}: operations of thread {op.thread} overlap")
        back[op.thread] = op.end


def finish_round(this, last, before):
    """At the line "end". The words may be those of the round before."""
    if len(last) != len(this.first):
        raise BadInput("more or fewer words than at the beginning of the round")
    if not this.fresh and (before is None or len(before.last) != len(this.first)):
        raise BadInput("the words were kept, but of what round?")
    this.last = last
    this.ops.sort(key=lambda op: op.begin)
    check_times(this)


def parse_lines(lines):
    """The rounds, each with the one before it."""
    this = before = None
    magic = False
    for line in lines:
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if not magic:
            if line.strip() != MAGIC:
                raise BadInput(f'the first line is not "{MAGIC}"')
            magic = True
        elif (fields[0] == "round") == (this is not None):
            raise BadInput(f"round {this.name} has no end" if this else "not in a round")
        elif fields[0] == "round":
            this = parse_round(fields)
        elif fields[0] == "end":
            finish_round(this, parse_values(fields[1:]), before)
            yield this, before
            this, before = None, this
        else:
            this.ops.append(parse_op(fields, len(this.first)))
    if this:
        raise BadInput(f"round {this.name} has no end")


class Numbered:
    """The lines of a file, and where we are."""

    def __init__(self, file):
        self.file = file
        self.line = 0

    def __iter__(self):
        for line in self.file:
            self.line += 1
            yield line


def read_rounds(file, name):
    """As parse_lines(), with errors that say where."""
    lines = Numbered(file)
    try:
        yield from parse_lines(lines)
    except BadInput as error:
        raise BadInput(f"{name}:{lines.line}: {error}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{name}: not a text") from None


# ---------------------------------------------------------------- the search

def segments(ops):
    """The operations of a round, cut wherever none is under way."""
    segment = []
    end = 0
    for op in ops:
        if segment and op.begin > end:
            yield segment
            segment = []
        segment.append(op)
        end = max(end, op.end)
    if segment:
        yield segment


class Search:
    """The search of a segment for orders of its operations.

    Where it is: how many operations of each thread are done, and the state of the words.
    """

    def __init__(self, ops):
        by_thread = {}
        for op in ops:
            by_thread.setdefault(op.thread, []).append(op)
        self.threads = list(by_thread.values())
        self.total = len(ops)
        self.seen = set()
        self.ends = set()
        self.best = (None, [], None)

    def next_ops(self, done):
        """(thread, operation) of those that may be the next one."""
        heads = [(i, ops[done[i]]) for i, ops in enumerate(self.threads) if done[i] < len(ops)]
        limit = min(op.end for _, op in heads)
        return [(i, op) for i, op in heads if op.begin < limit]

    def choices(self, done, state):
        """What may come next: (done, state, operation)."""
        found = []
        for i, op in self.next_ops(done):
            after = op.step.apply(state)
            if after is None:
                continue
            choice = (done[:i] + (done[i] + 1,) + done[i + 1:], after, op)
            if op.step.pure:
                return [choice]
            found.append(choice)
        return found

    def run(self, first):
        """Adds to the ends all states to which orders of the operations lead from a state."""
        order = []
        stack = [self.choices((0,) * len(self.threads), first)]
        while stack:
            if not stack[-1]:
                stack.pop()
                if order:
                    order.pop()
                continue
            done, state, op = stack[-1].pop()
            if (done, state) in self.seen:
                continue
            self.seen.add((done, state))
            if len(order) + 1 == self.total:
                self.ends.add(state)
                continue
            order.append(op)
            if len(order) > len(self.best[1]):
                self.best = (first, list(order), state)
            stack.append(self.choices(done, state))


def first_bad(this):
    """Where a round cannot be explained: None, or (operations, states before, search)."""
    states = {this.first}
    ops, before, search = [], states, None
    for ops in segments(this.ops):
        search = Search(ops)
        before = states
        for state in sorted(states):
            search.run(state)
        states = search.ends
        if not states:
            return ops, before, search
    return None if this.last in states else (ops, before, search)


def linearizable(this):
    """Does an order of the operations of a round explain it?"""
    return first_bad(this) is None


# ---------------------------------------------------------------- explaining

def show_values(values):
    """The values of all words."""
    return " ".join(f"w{word}={value}" for word, value in enumerate(values))


def show_ops(ops):
    """A line for each operation, with its time as a bar."""
    times = sorted(time for op in ops for time in (op.begin, op.end))
    column = {time: at for at, time in enumerate(times)}
    width = max(len(op.text) for op in ops)
    for nr, op in enumerate(ops, 1):
        begin, end = column[op.begin], column[op.end]
        bar = " " * begin + "|" + "-" * (end - begin - 1) + "|"
        yield f"  {nr:3}  thread {op.thread:<2}  {op.text:{width}}  {bar}"


def explain_end(this, states):
    """All orders lead to other values than those that there were at last."""
    found = "; ".join(show_values(state) for state in sorted(states)[:8])
    yield f"  at last there was {show_values(this.last)}, and possible is: {found}"


def explain_best(search, ops):
    """How far one gets, and why not any further."""
    names = {id(op): str(nr) for nr, op in enumerate(ops, 1)}
    first, order, state = search.best
    rest = [op for op in ops if op not in order]
    limit = min(op.end for op in rest)
    nexts = [names[id(op)] for op in rest if op.begin < limit]
    if order:
        yield (f"  the longest order that fits: {' '.join(names[id(op)] for op in order)}"
               f" from {show_values(first)} to {show_values(state)}")
    yield f"  of those that may come {'next' if order else 'first'}, {' '.join(nexts)}, none fits"


def explain(this, bad):
    """What is wrong with a round, as lines."""
    ops, before, search = bad
    start = "at first" if ops[:1] == this.ops[:1] else "after what came before"
    yield f"round {this.name} is not linearizable: no order of its operations explains it"
    yield f"  {start}: {'; or '.join(show_values(state) for state in sorted(before)[:8])}"
    if ops:
        yield from show_ops(ops)
    if search and not search.ends:
        yield from explain_best(search, ops)
    else:
        yield from explain_end(this, search.ends if search else before)


def explain_change(this, before):
    """Words that have changed between two rounds."""
    yield f"round {this.name} begins with other values than those that were left to it"
    yield f"  at the end of round {before.name}: {show_values(before.last)}"
    yield f"  at the beginning of round {this.name}: {show_values(this.first)}"


def check(this, before):
    """What is wrong with a round, as lines; None if nothing is."""
    if not this.fresh and this.first != before.last:
        return explain_change(this, before)
    bad = first_bad(this)
    return explain(this, bad) if bad else None


# ---------------------------------------------------------------- main

class Total:
    """What was checked, and what came of it."""

    def __init__(self, show):
        self.show = show
        self.rounds = 0
        self.ops = 0
        self.errors = 0
        self.bad = 0

    def add(self, this, before):
        """Check a round."""
        self.rounds += 1
        self.ops += len(this.ops)
        self.errors += sum(op.step is NOTHING for op in this.ops)
        wrong = check(this, before)
        if wrong is None:
            return
        self.bad += 1
        if self.bad <= self.show:
            print("\n".join(wrong))

    def verdict(self):
        """The last line."""
        text = f"{self.rounds} histories, {self.ops} operations"
        if self.errors:
            text += f" ({self.errors} without memory)"
        return text + (f": {self.bad} NOT linearizable" if self.bad else ": all linearizable")


def check_file(total, file, name):
    """All rounds of a file, of which there must be one."""
    rounds = total.rounds
    for this, before in read_rounds(file, name):
        total.add(this, before)
    if total.rounds == rounds:
        raise BadInput(f"{name}: no histories")


def check_all(total, names):
    """All files, or standard input."""
    if not names:
        check_file(total, sys.stdin, "standard input")
    for name in names:
        try:
            with open(name, encoding="ascii") as file:
                check_file(total, file, name)
        except OSError as error:
            raise BadInput(f"{name}: {error.strerror}") from None


def parse_args(args):
    """(how many bad rounds to show, files)"""
    show = 3
    if args and args[0] == "--show":
        show, args = number(args[1] if len(args) > 1 else "?"), args[2:]
    if any(arg.startswith("-") for arg in args):
        raise BadInput("usage: lincheck.py [--show N] [FILE...]")
    return show, args


def main(args):
    """The status."""
    try:
        show, names = parse_args(args)
        total = Total(show)
        check_all(total, names)
    except BadInput as error:
        sys.stdout.flush()
        print(f"lincheck.py: {error}", file=sys.stderr)
        return 2
    print(total.verdict())
    return 1 if total.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

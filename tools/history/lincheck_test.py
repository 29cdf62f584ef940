#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of lincheck.py: histories, good and bad, written by hand, generated and spoilt."""

import contextlib
import io
import itertools
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import lincheck  # pylint: disable=wrong-import-position

# Its own, so that the same histories are looked at each time.
SEED = 20


def run(text, *args):
    """(status, output, errors) of the program, with a file of this text."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "history")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = lincheck.main([*args, path])
    return status, out.getvalue(), err.getvalue()


def history(*rounds):
    """A file."""
    return "\n".join(["kcas-history 1", *rounds]) + "\n"


def one(first, last, *ops):
    """A file with one round; times of the operations are the columns of their brackets."""
    return history(f"round 0 new {first}", *ops, f"end {last}")


def brute(first, last, ops):
    """Is there an order? Tries all of them, with a model of its own."""
    for order in itertools.permutations(ops):
        if in_real_time(order) and last in outcomes(first, order):
            return True
    return False


def in_real_time(order):
    """None comes after one that was called when it was back already."""
    return not any(later[2] < earlier[1]
                   for at, earlier in enumerate(order) for later in order[at + 1:])


def outcomes(first, order):
    """The values after all operations in this order, if it fits."""
    words = list(first)
    for _, _, _, kind, args, result in order:
        if execute(words, kind, args) != result:
            return []
    return [tuple(words)]


def execute(words, kind, args):
    """Do an operation, and return its result."""
    if kind == "kcas":
        if any(words[word] != old for word, old, new in args):
            return 0
        for word, _, new in args:
            words[word] = new
        return 1
    word = args[0]
    before = words[word]
    if kind == "read":
        return before
    words[word] = before + args[1] if kind == "add" else args[1]
    return {"xchg": before, "set": 0, "add": words[word]}[kind]


def show(op):
    """The line of an operation."""
    thread, begin, end, kind, args, result = op
    if kind == "kcas":
        text = " ".join(f"{word}:{old}>{new}" for word, old, new in args)
    else:
        text = " ".join(str(arg) for arg in args)
    return f"{thread} {begin} {end} {kind} {text} = {result}"


def show_all(first, last, ops):
    """The file of a history."""
    return one(" ".join(map(str, first)), " ".join(map(str, last)), *map(show, ops))


class Generator:
    """Histories of operations that take effect one after the other."""

    def __init__(self, seed, words=2, threads=3, nr=6):
        self.random = random.Random(seed)
        self.words = words
        self.threads = threads
        self.nr = nr

    def value(self):
        """One of few, so that they come back."""
        return self.random.randrange(3)

    def choose(self):
        """(kind, arguments)"""
        kind = self.random.choice(["kcas", "kcas", "xchg", "set", "add", "read"])
        if kind == "kcas":
            some = self.random.sample(range(self.words), self.random.randint(1, self.words))
            return kind, [(word, self.value(), self.value()) for word in some]
        word = self.random.randrange(self.words)
        if kind == "read":
            return kind, [word]
        return kind, [word, self.value() - (kind == "add")]

    def calls(self):
        """Times at which each operation is called, takes effect and is back, per thread."""
        busy = {}
        events = []
        left = self.nr
        while left or busy:
            thread = self.random.randrange(self.threads)
            if thread in busy:
                busy[thread].append(len(events))
                events.append(thread)
                if len(busy[thread]) == 3:
                    yield thread, busy.pop(thread)
            elif left:
                left -= 1
                busy[thread] = [len(events)]
                events.append(thread)

    def make(self):
        """(values at first, values at last, operations)"""
        first = tuple(self.value() for _ in range(self.words))
        words = list(first)
        ops = []
        for thread, (begin, effect, end) in sorted(self.calls(), key=lambda call: call[1][1]):
            kind, args = self.choose()
            ops.append((thread, begin, end, kind, args, execute(words, kind, args)))
            assert begin < effect < end
        return first, tuple(words), ops

    def spoil(self, first, last, ops):
        """The same with another result, or with other values at last."""
        at = self.random.randrange(len(ops) + 1)
        if at == len(ops):
            return first, (last[0] + 1, *last[1:]), ops
        thread, begin, end, kind, args, result = ops[at]
        if kind == "kcas":
            result = 1 - result
        elif kind == "set":
            args = [args[0], args[1] + 1]
        else:
            result += self.random.choice([-1, 1])
        return first, last, [*ops[:at], (thread, begin, end, kind, args, result), *ops[at + 1:]]


class Good(unittest.TestCase):
    """Histories that are linearizable."""

    def good(self, text):
        """It must pass."""
        status, out, err = run(text)
        self.assertEqual((status, err), (0, ""), out)
        self.assertTrue(out.endswith(": all linearizable\n"), out)

    def test_sequence(self):
        """Each kind, one after the other."""
        self.good(one("0 0", "7 1",
                      "0 1 2 kcas 0:0>1 1:0>1 = 1", "0 3 4 kcas 0:0>2 1:1>2 = 0",
                      "0 5 6 cas 0:1>2 = 1", "0 7 8 cas 0:1>2 = 0", "0 9 10 xchg 0 5 = 2",
                      "0 11 12 add 0 -1 = 4", "0 13 14 set 0 7 = 0", "0 15 16 read 0 = 7",
                      "0 17 18 kcas 0:7>7 1:1>1 = 1"))

    def test_transactions(self):
        """Some that read, write and do both, one of them after a write that it does not see."""
        self.good(one("0 0 0", "1 1 2", "0 1 4 tx 0:0>1 1:0>1 = 1", "1 2 3 tx 1:0>0 0:0>0 2:0>2 = 1",
                      "2 5 6 tx 2:2>2 1:1>1 0:1>1 = 1", "2 7 8 tx 0:1>1 = error -12"))

    def test_either_order(self):
        """Concurrent writes, and readers that see one, then the other."""
        self.good(one("0", "1", "0 1 6 set 0 1 = 0", "1 2 5 set 0 2 = 0",
                      "2 3 4 read 0 = 2", "2 7 8 read 0 = 1"))

    def test_aba(self):
        """A value that comes back in between is the value."""
        self.good(one("0 0", "0 1", "0 1 10 kcas 0:0>0 1:0>1 = 1", "1 2 3 cas 0:0>1 = 1",
                      "1 4 5 cas 0:1>0 = 1", "2 6 7 read 1 = 0"))

    def test_failure_in_between(self):
        """A kcas fails, for a moment that nobody else has seen."""
        self.good(one("0 0", "0 0", "0 1 8 kcas 0:0>1 1:0>1 = 0",
                      "1 2 3 xchg 1 1 = 0", "1 4 5 xchg 1 0 = 1"))

    def test_failure_by_own_kind(self):
        """Of two that want the same, one."""
        self.good(one("0", "1", "0 1 4 cas 0:0>1 = 0", "1 2 3 cas 0:0>1 = 1"))

    def test_set_of_same_value(self):
        """A set that changes nothing where it could come first, but must come later."""
        self.good(one("0", "0", "0 1 8 set 0 0 = 0", "1 2 3 set 0 1 = 0",
                      "1 4 5 read 0 = 1", "1 6 7 read 0 = 0"))

    def test_without_memory(self):
        """What failed for want of memory has done nothing."""
        status, out, _ = run(one("0", "0", "0 1 2 set 0 1 = error -12",
                                 "0 3 4 kcas 0:0>1 = error -12"))
        self.assertEqual((status, out), (0, "1 histories, 2 operations (2 without memory): "
                                            "all linearizable\n"))

    def test_kept(self):
        """Rounds that go on where the last one has ended."""
        self.good(history("# comment", "round 0 new 0", "0 1 2 set 0 1 = 0", "end 1", "",
                          "round 1 kept 1", "end 1", "round 2 new 2 2", "end 2 2"))

    def test_several_files(self):
        """All are counted."""
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, name) for name in "ab"]
            for name in names:
                with open(name, "w", encoding="ascii") as file:
                    file.write(one("0", "1", "0 1 2 set 0 1 = 0"))
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                self.assertEqual(lincheck.main(names), 0)
        self.assertEqual(out.getvalue(), "2 histories, 2 operations: all linearizable\n")


class Bad(unittest.TestCase):
    """Histories that are not."""

    def bad(self, text, *parts):
        """It must fail, and say so, and have these parts in what it says."""
        status, out, err = run(text)
        self.assertEqual((status, err), (1, ""), out)
        self.assertTrue(out.endswith(" NOT linearizable\n"), out)
        for part in parts:
            self.assertIn(part, out)

    def test_lost_update(self):
        """Two additions with the same sum."""
        self.bad(one("0", "1", "0 1 4 add 0 1 = 1", "1 2 3 add 0 1 = 1"),
                 "round 0 is not linearizable", "w0=0", "add 0 1 = 1")

    def test_wrong_sum(self):
        """An addition that cannot add."""
        self.bad(one("1", "2", "0 1 2 add 0 1 = 3"))

    def test_stale_read(self):
        """A read after the write was back."""
        self.bad(one("0", "1", "0 1 2 set 0 1 = 0", "1 3 4 read 0 = 0"))

    def test_read_goes_back(self):
        """A value that was seen, and then the one before."""
        self.bad(one("0", "1", "0 1 8 set 0 1 = 0", "1 2 3 read 0 = 1", "1 4 5 read 0 = 0"))

    def test_readers_disagree(self):
        """Two see two writes in different orders."""
        self.bad(one("0 0", "1 1", "0 1 20 set 0 1 = 0", "1 2 19 set 1 1 = 0",
                     "2 3 6 read 0 = 1", "2 7 8 read 1 = 0",
                     "3 4 5 read 1 = 1", "3 9 10 read 0 = 0"))

    def test_write_skew(self):
        """Each compares what the other writes."""
        self.bad(one("0 0", "1 1", "0 1 4 kcas 0:0>1 1:0>0 = 1", "1 2 3 kcas 0:0>0 1:0>1 = 1"),
                 "the longest order that fits")

    def test_transactions_skew(self):
        """Each transaction reads what the other writes."""
        self.bad(one("0 0", "1 1", "0 1 4 tx 0:0>0 1:0>1 = 1", "1 2 3 tx 1:0>0 0:0>1 = 1"))

    def test_torn_view(self):
        """A transaction that reads one word before another one has written both, one after."""
        self.bad(one("0 0", "1 1", "0 1 4 tx 0:0>1 1:0>1 = 1", "1 2 3 tx 0:0>0 1:1>1 = 1"))

    def test_torn_audit(self):
        """A comparison of values that never were there together."""
        self.bad(one("0 0", "1 1", "0 1 4 kcas 0:0>1 1:0>1 = 1", "1 2 3 kcas 0:0>0 1:1>1 = 1"))

    def test_half_written(self):
        """One word of two is seen, then not yet the other."""
        self.bad(one("0 0", "1 1", "0 1 8 kcas 0:0>1 1:0>1 = 1",
                     "1 2 3 read 0 = 1", "1 4 5 read 1 = 0"))

    def test_failed_for_nothing(self):
        """A kcas that fails although all held throughout."""
        self.bad(one("0 0", "0 0", "0 1 4 kcas 0:0>1 1:0>1 = 0", "1 2 3 kcas 0:0>0 1:0>0 = 1"))

    def test_cas_fails_by_same_value(self):
        """Somebody who writes the same value is no reason."""
        self.bad(one("0", "0", "0 1 4 cas 0:0>1 = 0", "1 2 3 xchg 0 0 = 0"))

    def test_done_twice(self):
        """A late helper does it again."""
        self.bad(one("0 0", "1 1", "0 1 2 kcas 0:0>1 1:0>1 = 1", "1 3 4 set 1 0 = 0",
                     "1 5 6 read 1 = 1"))

    def test_order_of_real_time(self):
        """Each thread alone is right."""
        self.bad(one("0", "2", "0 1 2 set 0 2 = 0", "1 3 4 set 0 1 = 0"),
                 "at last there was w0=2, and possible is: w0=1")

    def test_wrong_old_value(self):
        """An exchange for a value that was not there."""
        self.bad(one("0", "1", "0 1 2 xchg 0 1 = 2"))

    def test_changed_between(self):
        """Values that were not left like that."""
        self.bad(history("round 0 new 0", "0 1 2 set 0 1 = 0", "end 1", "round 1 kept 0", "end 0"),
                 "round 1 begins with other values", "at the end of round 0: w0=1")

    def test_changed_without_operations(self):
        """A round in which nothing was done."""
        self.bad(history("round 0 new 0", "end 1"))

    def test_later_segment(self):
        """What is wrong is shown, and not what was right before."""
        text = one("0", "1", "0 1 2 set 0 7 = 0", "0 3 6 add 0 1 = 9", "1 4 5 read 0 = 7")
        self.bad(text, "after what came before: w0=7", "add 0 1 = 9")
        self.assertNotIn("set 0 7", run(text)[1])

    def test_one_of_many(self):
        """It is found, counted, and the others are not shown."""
        rounds = [f"round {i} new 0\n0 1 2 set 0 1 = 0\nend {2 if i % 10 == 7 else 1}"
                  for i in range(50)]
        status, out, _ = run(history(*rounds), "--show", "2")
        self.assertEqual(status, 1)
        self.assertEqual(out.count("is not linearizable"), 2)
        self.assertIn("round 7 ", out)
        self.assertTrue(out.endswith("50 histories, 50 operations: 5 NOT linearizable\n"), out)


class Malformed(unittest.TestCase):
    """What is not a history."""

    def malformed(self, text, part):
        """It must be refused, with this in the message."""
        status, out, err = run(text)
        self.assertEqual((status, out), (2, ""))
        self.assertIn(part, err)
        self.assertTrue(err.startswith("lincheck.py: "), err)

    def test_operations(self):
        """Lines that are no operations."""
        for line, part in [
                ("0 1 2 set 0 1", "has no result"),
                ("0 1 2 set 0 1 =", "has one result"),
                ("0 1 2 set 0 1 = 0 0", "has one result"),
                ("0 1 2 set 0 1 = 1", "set has the result 1"),
                ("0 1 2 set 0 = 0", "another number of arguments"),
                ("0 1 2 add 0 1 2 = 0", "another number of arguments"),
                ("0 1 2 read 0 0 = 0", "another number of arguments"),
                ("0 1 2 read 1 = 0", "there is no word 1"),
                ("0 1 2 read -1 = 0", "there is no word -1"),
                ("0 1 2 read x = 0", '"x" is not a number'),
                ("0 1 2 read 0 = error -12", "has one result"),
                ("0 1 2 swap 0 0 = 0", 'there is no operation "swap"'),
                ("0 1 2 kcas = 1", "no words"),
                ("0 1 2 kcas 0:0>1 0:1>2 = 1", "the same word twice"),
                ("0 1 2 kcas 0:0>1 = 2", "neither 0 nor 1"),
                ("0 1 2 kcas 0:0 = 1", "is not WORD:OLD>NEW"),
                ("0 1 2 tx 0:0>1 = 0", "tx has the result 0"),
                ("0 1 2 tx 0:0>1 0:1>1 = 1", "the same word twice"),
                ("0 1 2 cas 0:0>1 0:1>2 = 1", "cas has one word"),
                ("0 1 2 kcas 0:0>1 = error -22", "with the error -22"),
                ("0 2 2 read 0 = 0", "before it was called"),
                ("0 1 read 0 = 0", '"read" is not a number'),
                ("nonsense", "not an operation"),
                ("0 1 4 read 0 = 0\n0 2 3 read 0 = 0", "of thread 0 overlap"),
                ("0 1 2 read 0 = 0\n1 2 3 read 0 = 0", "a time comes twice")]:
            with self.subTest(line):
                self.malformed(one("0", "0", line), part)

    def test_rounds(self):
        """Rounds that are none."""
        for text, part in [
                ("round 0 new 0\n", "round 0 has no end"),
                ("round 0 new 0\nround 1 new 0\nend 0\n", "round 0 has no end"),
                ("0 1 2 read 0 = 0\n", "not in a round"),
                ("end 0\n", "not in a round"),
                ("round 0 new\nend\n", "no values"),
                ("round 0 old 0\nend 0\n", 'expected "round'),
                ("round 0 new 0\nend 0 0\n", "more or fewer words"),
                ("round 0 kept 0\nend 0\n", "of what round"),
                ("", "no histories"),
                ("# nothing\n", "no histories")]:
            with self.subTest(text):
                self.malformed("kcas-history 1\n" + text, part)

    def test_files(self):
        """Files that are none of ours."""
        self.malformed("", "no histories")
        self.malformed("kcas-history 2\nround 0 new 0\nend 0\n", "the first line")
        self.malformed("kcas-history 1\nround 0 new \u00e9\n", "not a text")

    def test_where(self):
        """The line is named."""
        self.malformed(one("0", "0", "0 1 2 read 0 = 0", "0 3 4 read 0 = x"), "history:4: ")

    def test_arguments(self):
        """Arguments that it does not have, and files that are not there."""
        for args, part in [(["-x"], "usage"), (["--show"], "is not a number"),
                           (["/nonexistent"], "No such file")]:
            err = io.StringIO()
            with contextlib.redirect_stderr(err):
                self.assertEqual(lincheck.main(args), 2)
            self.assertIn(part, err.getvalue())


class Generated(unittest.TestCase):
    """Many small ones, and what a search of all orders says of them."""

    def test_sequential(self):
        """What did take effect one after the other must pass."""
        for seed in range(300):
            first, last, ops = Generator(SEED + seed, words=3, threads=4, nr=20).make()
            self.assertEqual(run(show_all(first, last, ops))[0], 0, show_all(first, last, ops))

    def test_spoilt(self):
        """What was changed must fail if no order explains it, and only then."""
        failed = 0
        for seed in range(600):
            generator = Generator(SEED + seed, nr=5)
            spoilt = generator.spoil(*generator.make())
            expected = brute(*spoilt)
            failed += not expected
            self.assertEqual(run(show_all(*spoilt))[0], 0 if expected else 1, show_all(*spoilt))
        # Most fail, and some must not, or this shows little.
        self.assertTrue(300 < failed < 580, failed)

    def test_all_concurrent(self):
        """The same where everything may come in any order."""
        for seed in range(150):
            generator = Generator(SEED + seed, words=1, threads=5, nr=5)
            first, last, ops = generator.spoil(*generator.make())
            ops = [(i, i, 100 + i, *op[3:]) for i, op in enumerate(ops)]
            text = show_all(first, last, ops)
            self.assertEqual(run(text)[0], 0 if brute(first, last, ops) else 1, text)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the file of results, of comparisons, and of targets."""

import os
import tempfile
import unittest

import compare
import report
from results import COLUMNS, BadFile, Results

HEAD = "\t".join(COLUMNS)


def rows(environment, case, subject, low, median, high):
    """Three lines of a file."""
    return [f"kcas\t{case}\t{subject}\t1\t{metric}\t{value}\tns\t{environment}"
            for metric, value in (("min", low), ("median", median), ("max", high))]


def read(lines):
    """The results that a file with these lines has."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", delete=False) as file:
        file.write("\n".join(lines) + "\n")
    try:
        return Results(file.name)
    finally:
        os.unlink(file.name)


class FileTest(unittest.TestCase):
    """Good and bad files."""

    def test_good(self):
        results = read([HEAD] + rows("uml", "alone-1", "raw", 1, 2, 3))
        self.assertEqual(results.get("uml", "alone-1", "raw"), 2)
        self.assertEqual(results.get("uml", "alone-1", "raw", "max"), 3)
        self.assertIsNone(results.get("uml", "alone-1", "kcas"))

    def test_bad(self):
        for lines in ([], ["x"], [HEAD, "a\tb"],
                      [HEAD, "kcas\ta\tb\t1\tmin\tmany\tns\tuml"]):
            with self.assertRaises(BadFile):
                read(lines)


class CompareTest(unittest.TestCase):
    """What is a change, and what is noise."""

    def last(self, environment, old, new):
        """The line with the totals."""
        a = read([HEAD] + rows(environment, "alone-1", "raw", *old))
        b = read([HEAD] + rows(environment, "alone-1", "raw", *new))
        return compare.compare(a, b)[-1]

    def test_overlap_is_noise(self):
        self.assertIn("1 within", self.last("uml", (10, 12, 15), (14, 20, 30)))

    def test_small_is_noise(self):
        self.assertIn("1 within", self.last("uml", (100, 101, 102), (103, 104, 105)))

    def test_faster_and_slower(self):
        self.assertIn("1 rows are smaller", self.last("uml", (10, 12, 15), (5, 6, 7)))
        self.assertIn("1 larger", self.last("uml", (10, 12, 15), (20, 21, 22)))

    def test_counts_are_exact(self):
        self.assertIn("1 larger", self.last("icount", (100, 100, 100), (100, 101, 102)))
        self.assertIn("1 within", self.last("icount", (100, 100, 100), (100, 100.1, 101)))


class TargetTest(unittest.TestCase):
    """Verdicts."""

    def test_verdicts(self):
        self.assertTrue(report.Target("t", 1, 1).holds())
        self.assertFalse(report.Target("t", 1.1, 1).holds())
        self.assertTrue(report.Target("t", 1.9, 1.8, least=True).holds())
        self.assertIsNone(report.Target("t", None, 1).holds())
        self.assertIn("MISSED", str(report.Target("t", 2, 1)))

    def test_ratio_of_kcas(self):
        results = read([HEAD] + rows("uml", "alone-1", "raw", 8, 10, 12) +
                       rows("uml", "alone-1", "kcas_cas", 8, 10.5, 13))
        target = next(t for t in report.all_targets(results) if "kcas_cas" in t.text)
        self.assertTrue(target.holds())
        self.assertAlmostEqual(target.value, 1.05)


if __name__ == "__main__":
    unittest.main()

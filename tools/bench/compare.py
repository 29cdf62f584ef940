#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""make bench-compare A= B=: what changed from one file of results to another.

A row has changed if its runs in B are all above or all below those in A, and the medians
differ by more than MARGIN (exact counts: by more than EXACT). Everything else is noise, and
counted only.
"""

import sys

from results import BadFile, Results

MARGIN = 0.05
EXACT = 0.002


def change(key, old, new):
    """The relative change of the medians, or 0 if it may be noise."""
    if old["median"] == 0:
        return 0
    ratio = new["median"] / old["median"] - 1
    if key.environment == "icount":
        return ratio if abs(ratio) > EXACT else 0
    apart = new["min"] > old["max"] or new["max"] < old["min"]
    return ratio if apart and abs(ratio) > MARGIN else 0


def describe(key, old, new, unit, ratio):
    """One line."""
    name = f"{key.environment} {key.suite} {key.case} {key.subject} ({key.cpus} CPUs)"
    return (f"{ratio:+8.1%}  {name:58} {old['median']:12.3f} -> {new['median']:.3f} {unit}"
            f"  [{old['min']:.3f}..{old['max']:.3f}] -> [{new['min']:.3f}..{new['max']:.3f}]")


def compare(a, b):
    """Lines to print."""
    changes, same = [], 0
    for key, old in a.rows.items():
        new = b.rows.get(key)
        if not new or not {"min", "median", "max"} <= old.keys() & new.keys():
            continue
        ratio = change(key, old, new)
        if ratio:
            changes.append((ratio, describe(key, old, new, a.units[key], ratio)))
        else:
            same += 1
    lines = [line for _, line in sorted(changes, key=lambda c: -abs(c[0]))]
    more = sum(ratio > 0 for ratio, _ in changes)
    lines.append(f"{len(changes) - more} rows are smaller in B, {more} larger, "
                 f"{same} within the noise")
    for one, other, name in ((a, b, "A"), (b, a, "B")):
        only = sum(key not in other.rows for key in one.rows)
        if only:
            lines.append(f"{only} rows are in {name} only")
    return lines


def main():
    """The program."""
    if len(sys.argv) != 3:
        sys.exit("usage: compare.py A.tsv B.tsv (make bench-compare A= B=)")
    try:
        print("\n".join(compare(Results(sys.argv[1]), Results(sys.argv[2]))))
    except (OSError, BadFile) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()

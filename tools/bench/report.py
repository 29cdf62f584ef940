#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What came out of make bench: a page with plots, and on standard output a summary.

usage: report.py DIRECTORY (with results.tsv and machine.txt)

Plots are drawn with gnuplot. The summary has the rows that have targets first; a target
is held against medians, and the row also says what it is of minima, which
others at work on the machine disturb less.
"""

import html
import itertools
import os
import subprocess
import sys

from results import BadFile, Results

WORDS = ("1", "2", "3", "4", "5", "6", "7", "8")
LENGTHS = ("1", "10", "100", "1000", "10000", "100000")
# What an access of a long transaction may cost, of one of 100 words: its log is in no cache.
LOG_FLAT = 2


class Target:
    """A figure of ours and what it must not exceed (or fall short of)."""

    def __init__(self, text, value, limit, least=False, low=None):
        self.text, self.value, self.limit, self.least, self.low = text, value, limit, least, low

    def holds(self):
        """None if there is no such figure."""
        if self.value is None or self.limit is None:
            return None
        return self.value >= self.limit if self.least else self.value <= self.limit

    VERDICTS = {True: "holds ", False: "MISSED", None: "absent"}

    def __str__(self):
        verdict = self.VERDICTS[self.holds()]
        sign = ">=" if self.least else "<="
        value = "-" if self.value is None else f"{self.value:.2f}"
        limit = "-" if self.limit is None else f"{self.limit:.2f}"
        low = "" if self.low is None else f"   (of minima: {self.low:.2f})"
        return f"{verdict}  {self.text:62} {value:>9} {sign} {limit}{low}"


class Beside(Target):
    """No target, but who is ahead of whom."""

    VERDICTS = {True: "ahead ", False: "behind", None: "absent"}


def ratio(a, b):
    """a / b, or None."""
    return a / b if a is not None and b else None


def ratio_target(results, text, one, other, limit, least=False, kind=Target):
    """One and other are (environment, case, subject)."""
    return kind(text, ratio(results.get(*one), results.get(*other)), limit, least,
                ratio(results.get(*one, "min"), results.get(*other, "min")))


def icount_targets(results):
    """Instructions: of pins, hops, retirement, long transactions."""
    def get(case, subject):
        return results.get("icount", case, subject)
    hop, plain = get("hop", "guard"), get("hop", "rcu")
    kfree_rcu = get("update", "kfree_rcu")
    return [
        Target("icount: debra_pin + debra_unpin, beside RCU", get("reader", "debra"),
               get("reader", "rcu")),
        Target("icount: a hop of a guard, over rcu_dereference",
               None if hop is None or plain is None else hop - plain, 4.1),
        Target("icount: kmalloc + debra_kfree, beside half of kfree_rcu",
               get("update", "debra_kfree"), None if kfree_rcu is None else kfree_rcu / 2),
        Target("icount: bytes per CPU of an idle domain",
               results.get("icount", "memory", "idle-domain", "per-cpu"), 65536),
    ] + log_targets(results, "icount")


def alone_targets(results, env):
    """Time: kcas beside the instruction that it is made of."""
    targets = [ratio_target(results, f"{env}: kcas_cas : 2 cmpxchg", (env, "alone-1", "kcas_cas"),
                            (env, "alone-1", "raw"), 1.1)]
    for k in ("2", "4", "8"):
        targets.append(ratio_target(results, f"{env}: kcas of {k} : {int(k) + 1} cmpxchg",
                                    (env, f"alone-{k}", "kcas"), (env, f"alone-{k}", "raw"), 1.5))
    return targets + tx_targets(results, env)


def tx_targets(results, env):
    """Time: transactions beside one cmpxchg, of which raw has two; and long ones."""
    targets = []
    cmpxchg = (env, "alone-1", "raw")
    for subject, what, limits in (("tx", "adds to", (20, 40, 75, 140)),
                                  ("tx-read", "reads", (10, 20, 40, 75))):
        for k, limit in zip(("1", "2", "4", "8"), limits):
            # Where one cmpxchg takes 8 ns.
            targets.append(ratio_target(
                results, f"{env}: transaction that {what} {k} : 2 cmpxchg",
                (env, f"alone-{k}", subject), cmpxchg, limit / 16))
    return targets + log_targets(results, env)


def log_targets(results, env):
    """Long transactions."""
    return [ratio_target(results, f"{env}: {subject}, an access of 100000 : of 100",
                         (env, "log-100000", subject), (env, "log-100", subject), LOG_FLAT)
            for subject in ("tx", "tx-read")]


def uml_targets(results):
    """Time on two CPUs, beside locks."""
    env = "uml"
    targets = alone_targets(results, env)
    for subject in ("kcas", "tx", "tx-read"):
        for k in ("1", "2", "4", "8"):
            targets.append(ratio_target(results, f"uml: {subject} of {k}, 2 CPUs disjoint : 1 CPU",
                                        (env, f"alone-{k}", subject),
                                        (env, f"disjoint-{k}", subject), 1.8, least=True))
    for peer in ("spinlock", "spinlocks", "ww_mutex"):
        for k in ("2", "8"):
            targets.append(ratio_target(
                results, f"uml: kcas of {k}, 2 CPUs on the same words : {peer}",
                (env, f"shared-{k}", "kcas"), (env, f"shared-{k}", peer), 1.0, kind=Beside))
    targets += pair_targets(results) + set_targets(results, env)
    targets.append(ratio_target(results, "uml: debra_pin + debra_unpin : RCU",
                                (env, "reader", "debra"), (env, "reader", "rcu"), 1.0))
    targets.append(ratio_target(results, "uml: kmalloc + debra_kfree : kfree_rcu",
                                (env, "update", "debra_kfree"), (env, "update", "kfree_rcu"), 0.5))
    return targets


SETS = {"set-list-50": "list of 1K of 2K keys, 50 % insert, 50 % delete",
        "set-list-5": "list of 1K of 2K keys, 5 % insert, 5 % delete",
        "set-hash-50": "hash table of 50K of 100K keys, 50 % insert, 50 % delete",
        "set-hash-5": "hash table of 50K of 100K keys, 5 % insert, 5 % delete"}


def set_targets(results, env):
    """The structures of the literature, beside RCU."""
    targets = []
    for case, subject in itertools.product(SETS, ("debra-pin", "debra-guard")):
        for cpus in sorted({key.cpus for key in results.keys(env, "debra", case)}, key=int):
            def get(name, metric, case=case, cpus=cpus):
                return results.get(env, case, name, metric, cpus)
            targets.append(Beside(f"{env}: {case} on {cpus} CPUs, {subject} : rcu",
                                  ratio(get(subject, "median"), get("rcu", "median")), 1.0,
                                  low=ratio(get(subject, "min"), get("rcu", "min"))))
    return targets


def pair_targets(results):
    """Workloads on two CPUs, beside locks."""
    peers = {"stack-shared": ("spinlock", "ww_mutex"), "queue-shared": ("spinlock", "ww_mutex"),
             "compare-before": ("spinlock",), "compare-after": ("spinlock",)}
    return [ratio_target(results, f"uml: {case}, 2 CPUs, tx : {peer}", ("uml", case, "tx"),
                         ("uml", case, peer), 1.0, kind=Beside)
            for case, subjects in peers.items() for peer in subjects]


def overcommit_targets(results):
    """Eight virtual CPUs on those of the machine: throughput, and the longest operation."""
    env = "qemu-overcommit"
    targets = set_targets(results, env)
    for subject, k, peer in itertools.product(("kcas", "tx"), ("2", "8"),
                                              ("spinlock", "spinlocks", "ww_mutex")):
        targets.append(ratio_target(
            results, f"overcommit: {subject} of {k} : {peer}, time for an operation",
            (env, f"shared-{k}", subject), (env, f"shared-{k}", peer), 1.0, kind=Beside))
        case = f"shared-timed-{k}"
        targets.append(Beside(
            f"overcommit: {subject} of {k} : {peer}, longest operation",
            ratio(results.get(env, case, subject, "longest-median"),
                  results.get(env, case, peer, "longest-median")), 1.0))
    return targets


def all_targets(results):
    """Those of the environments that were run."""
    makers = {"icount": icount_targets, "uml": uml_targets,
              "uml-cpu": lambda results: alone_targets(results, "uml-cpu"),
              "qemu-overcommit": overcommit_targets}
    return [target for environment in results.environments()
            for target in makers[environment](results)]


# ---------------------------------------------------------------- tables

def number(value):
    """With as many digits as are worth showing."""
    return "-" if value is None else f"{value:.0f}" if value >= 1000 else f"{value:.1f}"


def unit_name(results, key):
    """Time that is counted is instructions."""
    unit = results.units[key]
    return "instr." if unit == "ns" and key.environment == "icount" else unit


def table(results, environment):
    """Rows of min, median, max, and of what else there is but series."""
    rows = []
    for key in results.keys(environment):
        metrics = results.rows[key]
        name = [key.suite, key.case, key.subject, key.cpus]
        if "median" in metrics:
            rows.append(name + [number(metrics.get(m)) for m in ("min", "median", "max")] +
                        [unit_name(results, key)])
        for metric, value in metrics.items():
            if metric.startswith("longest-m") and metric.endswith("median"):
                low, high = metrics.get("longest-min"), metrics.get("longest-max")
                rows.append(name[:1] + [f"{key.case}, longest"] + name[2:] +
                            [number(v / 1000) for v in (low, value, high)] + ["us"])
            elif metric in ("per-cpu", "at-end", "rounds-ipi"):
                rows.append(name + ["", number(value), "", unit_name(results, key)])
    return rows


HEADS = ["suite", "case", "subject", "CPUs", "min", "median", "max", "unit"]


def text_table(rows):
    """For a terminal."""
    widths = [max(len(row[i]) for row in [HEADS] + rows) for i in range(len(HEADS))]
    def line(row):
        return "  ".join(cell.rjust(width) if 3 <= i <= 6 else cell.ljust(width)
                         for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
    return "\n".join(line(row) for row in [HEADS] + rows)


def html_table(rows):
    """For the page."""
    def cells(row, tag):
        return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
    return ("<table><tr>" + cells(HEADS, "th") + "</tr>" +
            "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows) + "</table>")


# ---------------------------------------------------------------- plots

class Plot:
    """Lines with ranges: series[name] is a list of (x, median, min, max)."""

    def __init__(self, name, title, xlabel, ylabel, log=False):
        self.name, self.title, self.xlabel, self.ylabel, self.log = name, title, xlabel, ylabel, log
        self.series = {}

    def add(self, name, points):
        """Series that have nothing are left out."""
        if points:
            self.series[name] = points

    def script(self, path):
        """For gnuplot."""
        lines = [f'set terminal svg size 760,440 font "sans,13" background "white"',
                 f'set output "{path}"', f'set title "{self.title}" noenhanced',
                 f'set xlabel "{self.xlabel}"', f'set ylabel "{self.ylabel}"',
                 "set key outside right top noenhanced", "set grid ytics lc rgb '#dddddd'",
                 "set style data yerrorlines", "set offsets graph 0.03, graph 0.03, 0, 0"]
        if self.log:
            lines.append("set logscale y")
        else:
            lines.append("set yrange [0:*]")
        for i, (_, points) in enumerate(self.series.items()):
            lines.append(f"$d{i} << E\n" + "\n".join(" ".join(map(str, p)) for p in points) + "\nE")
        style = "" if len(next(iter(self.series.values()))) < 20 else "with lines lw 2"
        lines.append("plot " + ", ".join(
            f'$d{i} title "{name}" {style}' for i, name in enumerate(self.series)))
        return "\n".join(lines) + "\n"

    def draw(self, directory):
        """The file's name, or None if there is nothing to show."""
        if not self.series:
            return None
        name = f"{self.name}.svg"
        subprocess.run(["gnuplot"], input=self.script(os.path.join(directory, name)), text=True,
                       check=True)
        return name


class Bars(Plot):
    """One bar for each series, of its only point."""

    def script(self, path):
        height = 120 + 24 * len(self.series)
        lines = [f'set terminal svg size 760,{height} font "sans,13" background "white"',
                 f'set output "{path}"', f'set title "{self.title}" noenhanced',
                 f'set xlabel "{self.xlabel}"', "set grid xtics lc rgb '#dddddd'",
                 "set boxwidth 0.7", "set style fill solid 0.6", "unset key",
                 f"set yrange [{len(self.series) - 0.4}:-0.6]"]
        lines.append("set logscale x" if self.log else "set xrange [0:*]")
        lines.append("set ytics (" + ", ".join(
            f'"{name}" {i}' for i, name in enumerate(self.series)) + ") noenhanced")
        low = 0.1 if self.log else 0
        lines.append("$d << E\n" + "\n".join(
            f"{p[0][1]} {i} {low} {p[0][1]} {i - 0.35} {i + 0.35} {p[0][2]} {p[0][3]}"
            for i, p in enumerate(self.series.values())) + "\nE")
        lines.append("plot $d using 1:2:3:4:5:6 with boxxyerror lc rgb '#4477aa', "
                     "$d using 1:2:7:8 with xerrorbars pt 0 lc rgb '#222222'")
        return "\n".join(lines) + "\n"


def point(metrics, x, prefix="", scale=1):
    """(x, median, min, max)"""
    return (x,) + tuple(metrics[prefix + m] * scale for m in ("median", "min", "max"))


def words_plot(results, environment, case, title, prefix="", scale=1, ylabel=None, log=False):
    """Over k, one line for each subject that has more than one k."""
    plot = Plot(f"{environment}-{case}{'-longest' if prefix else ''}", f"{title} ({environment})",
                "words", ylabel or ("instructions" if environment == "icount" else "ns"), log)
    series = {}
    for k in WORDS:
        for key in results.keys(environment, "kcas", f"{case}-{k}"):
            if prefix + "median" in results.rows[key]:
                series.setdefault(key.subject, []).append(
                    point(results.rows[key], int(k), prefix, scale))
    for subject, points in series.items():
        if len(points) > 1:
            plot.add(subject, points)
    return plot


def log_plot(results, environment):
    """Over the length of a transaction's log, by powers of 10."""
    plot = Plot(f"{environment}-log", f"an access in a transaction of n words ({environment})",
                "n = 10 ** x", "instructions" if environment == "icount" else "ns", True)
    for subject in ("tx", "tx-read", "spinlock"):
        plot.add(subject, [point(results.rows[key], LENGTHS.index(n))
                           for n in LENGTHS
                           for key in results.keys(environment, "kcas", f"log-{n}")
                           if key.subject == subject])
    return plot


def case_plot(results, environment, case, title, log=False):
    """Bars of all subjects of a case."""
    unit = "instructions" if environment == "icount" else "ns"
    plot = Bars(f"{environment}-{case}", f"{title} ({environment})", unit, "", log)
    keys = results.keys(environment, "debra", case)
    several = len({key.cpus for key in keys}) > 1
    for key in keys:
        plot.add(f"{key.subject}, {key.cpus} CPU" if several else key.subject,
                 [point(results.rows[key], 0)])
    return plot


def stall_plot(results, environment):
    """Garbage over time."""
    plot = Plot(f"{environment}-stall", f"garbage while a reader stalls ({environment})",
                "seconds", "objects that are retired and not freed")
    for key in results.keys(environment, "debra"):
        if key.case.endswith("-series"):
            plot.add(key.subject, [(int(m.split("-")[1]) / 1000, v, v, v)
                                   for m, v in results.rows[key].items()])
    return plot


def all_plots(results):
    """For each environment, those for which there are rows."""
    plots = []
    for env in results.environments():
        plots += [
            words_plot(results, env, "alone", "an operation on k words, one CPU"),
            words_plot(results, env, "disjoint", "all CPUs, each on words of its own"),
            words_plot(results, env, "shared", "all CPUs on the same words", log=True),
            words_plot(results, env, "shared-timed", "longest operation on the same words",
                       "longest-", 1e-6, "ms", True),
            log_plot(results, env),
            stall_plot(results, env),
            case_plot(results, env, "reader", "an empty section", True),
            case_plot(results, env, "readers", "empty sections on all CPUs", True),
            case_plot(results, env, "list-10", "a walk over 10 nodes", True),
            case_plot(results, env, "list-100", "a walk over 100 nodes"),
            case_plot(results, env, "list-1000", "a walk over 1000 nodes"),
            case_plot(results, env, "update", "allocate, retire and free", True),
            case_plot(results, env, "latency-p50", "from retirement to freeing, median", True),
            case_plot(results, env, "latency-p99", "from retirement to freeing, 99 %", True),
        ] + [case_plot(results, env, case, title) for case, title in SETS.items()]
    return plots


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>kcas: benchmarks</title><style>
body {{ font-family: sans-serif; max-width: 800px; margin: 2em auto; }}
table {{ border-collapse: collapse; font-size: 85%; }}
td, th {{ padding: 0.15em 0.6em; text-align: left; border-bottom: 1px solid #ddd; }}
pre {{ font-size: 80%; overflow-x: auto; }}
</style></head><body><h1>kcas: benchmarks</h1>
<pre>{machine}</pre><h2>Rows with a target</h2><pre>{targets}</pre>
<h2>Plots</h2><p>Medians; the bars are from the smallest to the largest of the runs.</p>{plots}
<h2>All rows</h2>{tables}</body></html>
"""


def write_page(directory, results, machine, targets):
    """index.html"""
    images = [plot.draw(directory) for plot in all_plots(results)]
    page = PAGE.format(
        machine=html.escape(machine), targets=html.escape("\n".join(map(str, targets))),
        plots="".join(f'<p><img src="{i}" alt="{i}"></p>' for i in images if i),
        tables="".join(f"<h3>{e}</h3>{html_table(table(results, e))}"
                       for e in results.environments()))
    with open(os.path.join(directory, "index.html"), "w", encoding="utf-8") as file:
        file.write(page)


def main():
    """The program."""
    if len(sys.argv) != 2:
        sys.exit("usage: report.py DIRECTORY")
    directory = sys.argv[1]
    try:
        results = Results(os.path.join(directory, "results.tsv"))
        with open(os.path.join(directory, "machine.txt"), encoding="utf-8") as file:
            machine = file.read()
    except (OSError, BadFile) as error:
        sys.exit(f"error: {error}")
    targets = all_targets(results)
    write_page(directory, results, machine, targets)
    print(machine)
    for environment in results.environments():
        print(f"{environment}\n\n{text_table(table(results, environment))}\n")
    print("\n".join(map(str, targets)))
    missed = sum(target.holds() is False for target in targets if not isinstance(target, Beside))
    print(f"{missed} rows miss their target")


if __name__ == "__main__":
    main()

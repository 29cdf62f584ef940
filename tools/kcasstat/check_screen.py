#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Is what kcasstat has shown of `make run` what it should be?

The file has a screen of it, and then the same as JSON. All workloads were running: none
of their rates may be nothing, and both must know the same domains.
"""

import json
import re
import sys

DOMAINS = {"debra_default", "debra_workload", "kcas_domain"}
SHORT = r"(\d+(\.\d)?[kKMGTPE]?)"
ROW = re.compile(rf"^(?P<name>\w+) +(?P<epoch>\d+) +(?P<age>\d+(ms|[smh])) +{SHORT} +{SHORT}"
                 rf"( +{SHORT}){{3}} +\d+$")


class Wrong(Exception):
    """What is not as it should be."""


def need(condition, what):
    """Raises what is wrong unless the condition holds."""
    if not condition:
        raise Wrong(what)


def check_domains(lines):
    """The rows below the heading: each of the domains has one, with all its columns."""
    names = set()
    for line in lines[lines.index(next(x for x in lines if x.startswith("DEBRA"))) + 1:]:
        if not line:
            break
        match = ROW.match(line)
        need(match, f"a row that cannot be read: {line}")
        names.add(match["name"])
    need(names == DOMAINS, f"domains {sorted(names)}")


def check_table(lines, title):
    """A heading with a row of rates and one of totals below it; the first column counts."""
    at = next((i for i, x in enumerate(lines) if x.split()[:1] == [title]), None)
    need(at is not None, f"no table {title}")
    for line, label in zip(lines[at + 1:at + 3], ("/s", "total")):
        words = line.split()
        need(words[0] == label, f"{title}: no row {label}")
        need(all(re.fullmatch(SHORT, w) for w in words[1:]), f"{title}: {line}")
        need(words[1] != "0", f"{title}: nothing was done: {line}")


def check_text(lines):
    """A screen."""
    need(lines and lines[0].startswith("kcasstat: up "), "no screen")
    need(all(len(x) <= 80 and x.isprintable() for x in lines), "more than 80 columns, or escapes")
    check_domains(lines)
    check_table(lines, "KCAS")
    check_table(lines, "TX")
    readers = [x for x in lines if re.match(r"  debra_workload +- guard aborted ", x)]
    need(len(readers) == 2, f"{len(readers)} stalled readers, and there are 2")


def check_json(screen):
    """An object."""
    need(0.5 < screen["interval"] < 60, f"interval {screen['interval']}")
    domains = screen["debra"]["domains"]
    need(set(domains) == DOMAINS, f"JSON: domains {sorted(domains)}")
    for rates, name in ((domains["debra_workload"]["rates"], "retired"),
                        (domains["debra_workload"]["rates"], "freed"),
                        (domains["kcas_domain"]["rates"], "advances"),
                        (screen["kcas"]["rates"], "succeeded"),
                        (screen["kcas"]["rates"], "cleaned"),
                        (screen["transactions"]["rates"], "committed")):
        need(rates[name] is not None and rates[name] > 0, f"JSON: {name} {rates[name]}")
    for domain in domains.values():
        need(domain["cpus"] and all(isinstance(x["cpu"], int) for x in domain["cpus"]),
             "JSON: no CPUs")
    states = [x["state"] for x in domains["debra_workload"]["guards"]]
    need(states.count("aborted") >= 2, f"JSON: guards {states}")


def main():
    """Usage: check_screen.py FILE"""
    with open(sys.argv[1], encoding="ascii") as file:
        lines = file.read().splitlines()
    try:
        need(lines and lines[-1].startswith("{"), "no JSON")
        check_text(lines[:-1])
        check_json(json.loads(lines[-1]))
    except (Wrong, json.JSONDecodeError, KeyError) as error:
        print(f"kcasstat: {error!r}")
        return 1
    print("kcasstat: its screen and its JSON say what they should")
    return 0


if __name__ == "__main__":
    sys.exit(main())

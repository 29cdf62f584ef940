# SPDX-License-Identifier: GPL-2.0-only
"""The file of results: reading it, and asking it."""

import collections

COLUMNS = ["suite", "case", "subject", "cpus", "metric", "value", "unit", "environment"]

Key = collections.namedtuple("Key", "environment suite case subject cpus")


class BadFile(Exception):
    """It is no file of results."""


class Results:
    """rows[Key][metric] is a number, units[Key] the unit of it."""

    def __init__(self, path):
        self.rows = collections.OrderedDict()
        self.units = {}
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        if not lines or lines[0].split("\t") != COLUMNS:
            raise BadFile(f"{path}: the first line does not name the columns")
        for number, line in enumerate(lines[1:], 2):
            self._add(f"{path}:{number}", line.split("\t"))

    def _add(self, where, fields):
        if len(fields) != len(COLUMNS):
            raise BadFile(f"{where}: {len(fields)} columns instead of {len(COLUMNS)}")
        suite, case, subject, cpus, metric, value, unit, environment = fields
        key = Key(environment, suite, case, subject, cpus)
        try:
            self.rows.setdefault(key, {})[metric] = float(value)
        except ValueError as error:
            raise BadFile(f"{where}: {value} is no number") from error
        self.units[key] = unit

    def environments(self):
        """In the order of the file."""
        return list(dict.fromkeys(key.environment for key in self.rows))

    def keys(self, environment, suite=None, case=None):
        """All that fit, in the order of the file."""
        return [k for k in self.rows if k.environment == environment and
                suite in (None, k.suite) and case in (None, k.case)]

    def get(self, environment, case, subject, metric="median", cpus=None):
        """The number, or None; without @cpus, the first there is."""
        for key, metrics in self.rows.items():
            if ((key.environment, key.case, key.subject) == (environment, case, subject) and
                    cpus in (None, key.cpus)):
                return metrics.get(metric)
        return None

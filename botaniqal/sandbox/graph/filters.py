"""Graph's `$filter`, as far as calendars need it: times, and the value of an extended property."""

import re
from collections.abc import Callable

from botaniqal.sandbox.graph import clock
from botaniqal.sandbox.graph.clock import Row
from botaniqal.sandbox.vendors import Refused

TEXT = r"'((?:[^']|'')*)'"
PROPERTY = re.compile(
    rf"singleValueExtendedProperties/any\(\s*(\w+)\s*:\s*\1/id\s+eq\s+{TEXT}\s+and\s+\1/value\s+(?:eq\s+{TEXT}|(ne\s+null))\s*\)",
    re.IGNORECASE,
)
TIME = re.compile(rf"(start|end)/dateTime\s+(eq|ge|gt|le|lt)\s+{TEXT}", re.IGNORECASE)
AND = re.compile(r"\s+and\s+", re.IGNORECASE)
COMPARE: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda one, other: one == other,
    "ge": lambda one, other: one >= other,
    "gt": lambda one, other: one > other,
    "le": lambda one, other: one <= other,
    "lt": lambda one, other: one < other,
}

Test = Callable[[Row], bool]


def fitting(rows: list[Row], wanted: str) -> list[Row]:
    """
    Keep the events that a filter lets through.

    :raises Refused: 400 for a filter that is not understood here.
    """
    tests = list(_tests(wanted))
    return [row for row in rows if all(test(row) for test in tests)]


def _tests(wanted: str) -> list[Test]:
    tests, at = [], 0
    while True:
        found = PROPERTY.match(wanted, at) or TIME.match(wanted, at)
        if found is None:
            raise Refused(400, "The query filter is not understood.", code="ErrorInvalidUrlQueryFilter")
        tests.append(_by_property(found) if found.re is PROPERTY else _by_time(found))
        at = found.end()
        if at == len(wanted):
            return tests
        joint = AND.match(wanted, at)
        if joint is None:
            raise Refused(400, "The query filter is not understood.", code="ErrorInvalidUrlQueryFilter")
        at = joint.end()


def _by_property(found: re.Match[str]) -> Test:
    id, value = _unquoted(found[2]).lower(), found[3] is not None and _unquoted(found[3])

    def test(row: Row) -> bool:
        values = [item["value"] for item in row["singleValueExtendedProperties"] if item["id"].lower() == id]
        return bool(values) if found[4] else value in values

    return test


def _by_time(found: re.Match[str]) -> Test:
    field, compare = f"_{found[1].lower()}", COMPARE[found[2].lower()]
    border = clock.kept(clock.read_moment(_unquoted(found[3])))
    return lambda row: compare(row[field], border)


def _unquoted(text: str) -> str:
    return text.replace("''", "'")

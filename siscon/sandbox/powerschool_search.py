"""PowerSchool's ``q`` parameter: clauses joined with ``;``, found once and kept as positions; and sorting."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from siscon.sandbox.district import District
from siscon.sandbox.facts import Student
from siscon.sandbox.wire import Joined

_CLAUSE = re.compile(r"([a-z0-9_.]+)(==|=lt=|=le=|=gt=|=ge=)(.*)", re.DOTALL)
_STATUS = "school_enrollment.enroll_status"
_STATUS_WORDS = {"0": "A", "-1": "P", "2": "T"}
_FIELDS: dict[str, Callable[[Student], str]] = {
    "local_id": lambda student: student.local_id,
    "state_province_id": lambda student: student.state_id,
    "name.first_name": lambda student: student.first_name,
    "name.last_name": lambda student: student.last_name,
    "school_enrollment.grade_level": lambda student: str(student.grade),
}


class Unsearchable(Exception):
    """The q parameter cannot be read."""


def clauses(query: str) -> list[tuple[str, str, str]]:
    """The clauses of a query: field, operator, value."""
    found = []
    for clause in query.split(";"):
        parts = _CLAUSE.fullmatch(clause.strip())
        if parts is None:
            raise Unsearchable("Invalid query: a clause must look like field==value")
        found.append((parts[1], parts[2], parts[3]))
    return found


def _one_of(value: str) -> list[str]:
    inside = value[1:-1] if value.startswith("(") and value.endswith(")") else value
    return [one.strip() for one in inside.split(",")]


def matching_students(district: District, indexes: Joined, query: str) -> Joined | array[int]:
    """The students that a query names; all of them if it only lists every status there is."""
    statuses: set[str] | None = None
    tests: list[tuple[Callable[[Student], str], list[str]]] = []
    for name, operator, value in clauses(query):
        if operator != "==":
            raise Unsearchable("Invalid query: this resource knows == only")
        if name == _STATUS:
            asked = {_STATUS_WORDS.get(one, one) for one in _one_of(value)}
            statuses = asked if statuses is None else statuses & asked
        elif name in _FIELDS:
            tests.append((_FIELDS[name], _one_of(value)))
        else:
            raise Unsearchable(f"Invalid query: {name} cannot be searched")
    if not tests and (statuses is None or statuses >= {"A", "P", "T"}):
        return indexes
    found = array("I")
    for index in indexes.cut(0, len(indexes)):
        if statuses is not None and district.status_of(index) not in statuses:
            continue
        if tests:
            student = district.student(index)
            if not all(any(fnmatchcase(read(student), one) for one in words) for read, words in tests):
                continue
        found.append(index)
    return found


def matching_rows(
    row: Callable[[int], Mapping[str, str]],
    indexes: Iterable[int],
    tests: list[tuple[str, str, str]],
) -> array[int]:
    """The rows of a table or query that fulfil all clauses over their columns."""
    found = array("I")
    for index in indexes:
        columns = row(index) if tests else {}
        if all(_holds(columns.get(name, "").lower(), operator, value) for name, operator, value in tests):
            found.append(index)
    return found


def narrowed(
    tests: list[tuple[str, str, str]], total: int, first_dcid: int
) -> tuple[range, list[tuple[str, str, str]]]:
    """The stretch of rows that clauses over ``dcid`` leave, and the clauses that are left."""
    low, high, left = 0, total, []
    for name, operator, value in tests:
        if name != "dcid":
            left.append((name, operator, value))
            continue
        if not value.isdigit():
            raise Unsearchable(f"Invalid query: {name} is a number")
        at = int(value) - first_dcid
        low = max(low, at + (operator == "=gt=")) if operator in ("==", "=gt=", "=ge=") else low
        high = min(high, at + (operator != "=lt=")) if operator in ("==", "=lt=", "=le=") else high
    return range(low, max(low, high)), left


def in_order(
    row: Callable[[int], Mapping[str, str]], indexes: Iterable[int], column: str, *, descending: bool
) -> array[int]:
    """The rows by one column, numbers as numbers; equal ones stay as they were."""

    def key(index: int) -> tuple[float, str]:
        value = row(index).get(column, "")
        try:
            return float(value), ""
        except ValueError:
            return float("inf"), value.lower()

    return array("I", sorted(indexes, key=key, reverse=descending))


def _holds(have: str, operator: str, value: str) -> bool:
    if operator == "==":
        return any(fnmatchcase(have, one) for one in _one_of(value))
    left: float | str = have
    right: float | str = value
    try:
        left, right = float(have), float(value)
    except ValueError:
        left, right = have, value
    match operator:
        case "=lt=":
            return left < right  # type: ignore[operator]  # both are of one type here
        case "=le=":
            return left <= right  # type: ignore[operator]  # both are of one type here
        case "=gt=":
            return left > right  # type: ignore[operator]  # both are of one type here
    return left >= right  # type: ignore[operator]  # both are of one type here

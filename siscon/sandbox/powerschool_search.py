"""PowerSchool's ``q`` parameter: clauses joined with ``;`` over students, found once and kept as positions."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from fnmatch import fnmatchcase

from siscon.sandbox.district import District
from siscon.sandbox.facts import Student
from siscon.sandbox.powerschool_rows import STUDENT_COLUMNS, Rows
from siscon.sandbox.wire import Joined

_CLAUSE = re.compile(r"([a-z_.]+)(==|=lt=|=le=|=gt=|=ge=)(.*)", re.DOTALL)
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


def _clauses(query: str) -> list[tuple[str, str, str]]:
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
    for name, operator, value in _clauses(query):
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


def matching_table_rows(district: District, rows: Rows, query: str) -> array[int]:
    """The students whose table row fulfils a query over columns; dcid and id narrow the search first."""
    low, high = 0, district.students
    tests: list[tuple[str, str, str]] = []
    for name, operator, value in _clauses(query.lower()):
        column = name.removeprefix("students.")
        if column not in STUDENT_COLUMNS:
            raise Unsearchable(f"Invalid field specified: {name} is not valid column for table: STUDENTS")
        if column in ("dcid", "id"):
            if not value.isdigit():
                raise Unsearchable(f"Invalid query: {name} is a number")
            at = int(value) - (4101 if column == "dcid" else 1)
            low = max(low, at + (operator == "=gt=")) if operator in ("==", "=gt=", "=ge=") else low
            high = min(high, at + (operator != "=lt=")) if operator in ("==", "=lt=", "=le=") else high
        else:
            tests.append((column, operator, value))
    found = array("I")
    for index in range(low, high):
        columns = rows.student_columns(index) if tests else {}
        if all(_holds(columns.get(name, "").lower(), operator, value) for name, operator, value in tests):
            found.append(index)
    return found


def _holds(have: str, operator: str, value: str) -> bool:
    if operator == "==":
        return have in _one_of(value)
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

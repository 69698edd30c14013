"""The invented school year: its terms, and when the district's days began if nobody says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from siscon.sandbox.days import YEAR_BEGINS, YEAR_ENDS, day_date
from siscon.sandbox.facts import Term

FIRST_SEMESTER_ENDS, SECOND_SEMESTER_BEGINS = "2026-12-20", "2027-01-05"

SESSIONS = (
    ("2026-2027", "26-27", "schoolYear", 1, YEAR_BEGINS, YEAR_ENDS, None),
    ("Semester 1", "S1", "semester", 2, YEAR_BEGINS, FIRST_SEMESTER_ENDS, 0),
    ("Semester 2", "S2", "semester", 2, SECOND_SEMESTER_BEGINS, YEAR_ENDS, 0),
    ("Quarter 1", "Q1", "gradingPeriod", 4, YEAR_BEGINS, "2026-10-16", 1),
    ("Quarter 2", "Q2", "gradingPeriod", 4, "2026-10-19", FIRST_SEMESTER_ENDS, 1),
    ("Quarter 3", "Q3", "gradingPeriod", 4, SECOND_SEMESTER_BEGINS, "2027-03-19", 2),
    ("Quarter 4", "Q4", "gradingPeriod", 4, "2027-03-22", YEAR_ENDS, 2),
)
TERMS_OF_A_SCHOOL = 3
"""Where terms belong to schools, each school has the first three: the year and its semesters."""


def term(index: int, number: int, school: int | None, years: int = 0) -> Term:
    """A term of the district, or of one school, in the year that is ``years`` after the first."""
    name, short, kind, portion, begins, ends, parent = SESSIONS[number]
    if years:
        begins, ends = later(begins, years), later(ends, years)
        if number == 0:
            name, short = f"{begins[:4]}-{ends[:4]}", f"{begins[2:4]}-{ends[2:4]}"
    return Term(index, name, short, kind, portion, begins, ends, school, parent)


def later(date: str, years: int) -> str:
    """A date so many years later."""
    return f"{int(date[:4]) + years}{date[4:]}"


def skewed(moments: Sequence[str], seconds: int) -> tuple[str, ...]:
    """Moments as a clock tells them that is off by so many seconds."""
    if not seconds:
        return tuple(moments)
    off = timedelta(seconds=seconds)
    told = (datetime.fromisoformat(one) + off for one in moments)
    return tuple(one.isoformat(timespec="milliseconds").replace("+00:00", "Z") for one in told)


def moments(day: int) -> tuple[str, ...]:
    """Invented moments at which day 0, 1, 2, ... began."""
    return tuple(f"{'2026-08-31' if d == 0 else day_date(d)}T01:00:00.000Z" for d in range(day + 1))

"""What is so in the district, before any system has put it into its own words; made by district.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class School:
    index: int
    name: str
    number: int
    low_grade: int
    high_grade: int


@dataclass(slots=True)
class Term:
    """A school year, a semester or a quarter; ``school`` is None where terms are the district's."""

    index: int
    name: str
    abbreviation: str
    kind: str
    portion: int
    starts_on: str
    ends_on: str
    school: int | None
    parent: int | None


@dataclass(slots=True)
class Staff:
    """A person who works at one school, or at a second one as well."""

    index: int
    schools: tuple[int, ...]
    first_name: str
    last_name: str
    local_id: str
    email: str
    username: str
    changed: int = 0


@dataclass(slots=True)
class Student:
    """``status`` is A (active), P (registered for later) or T (left); ``flaw`` says how the record is broken."""

    index: int
    school: int
    first_name: str
    middle_name: str
    last_name: str
    local_id: str
    state_id: str
    birth_date: str
    gender: str
    grade: int
    email: str | None
    username: str | None
    status: str
    entry_on: str
    exit_on: str
    changed: int = 0
    flaw: str | None = None


@dataclass(slots=True)
class Course:
    """``school`` is None where one catalogue serves the district."""

    index: int
    title: str
    code: str
    school: int | None


@dataclass(slots=True)
class Section:
    index: int
    school: int
    course: int
    terms: tuple[int, ...]
    title: str
    number: str
    period: str
    room: str
    teacher: int
    changed: int = 0


@dataclass(slots=True)
class Enrollment:
    """A student's place in a section; ``section`` is None where it names one that does not exist."""

    index: int
    student: int
    section: int | None
    school: int
    begins_on: str
    ends_on: str
    dropped: bool
    changed: int = 0
    flaw: str | None = None


@dataclass(slots=True)
class Teaching:
    """A teacher's place in a section, which OneRoster keeps among the enrollments."""

    index: int
    section: int
    staff: int
    school: int
    primary: bool
    begins_on: str
    ends_on: str | None = None
    changed: int = 0

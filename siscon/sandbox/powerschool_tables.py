"""PowerSchool's database tables as /ws/schema/table shows them: every value text, columns without a value absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from siscon.sandbox.days import START_YEAR
from siscon.sandbox.district import District
from siscon.sandbox.powerschool_rows import STUDENT_COLUMNS, Rows
from siscon.sandbox.school_year import TERMS_OF_A_SCHOOL

Columns = dict[str, str]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "students": STUDENT_COLUMNS,
    "schools": ("dcid", "id", "name", "school_number", "low_grade", "high_grade"),
    "terms": ("dcid", "id", "name", "abbreviation", "schoolid", "yearid", "portion", "firstday", "lastday"),
    "courses": ("dcid", "id", "course_name", "course_number"),
    "users": ("dcid", "teachernumber", "first_name", "last_name", "email_addr", "homeschoolid"),
    "schoolstaff": ("dcid", "id", "users_dcid", "schoolid", "status", "staffstatus"),
    "sections": (
        "dcid", "id", "course_number", "schoolid", "termid", "teacher", "section_number", "expression",
    ),
    "cc": ("dcid", "id", "sectionid", "studentid", "schoolid", "dateenrolled", "dateleft"),
}  # fmt: skip
"""What each table has; the tables that exist are these, and TEACHERS, which nobody may read."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: how many rows, the DCID of the first, and each row by its index."""

    name: str
    total: int
    first_dcid: int
    row: Callable[[int], Columns]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        return COLUMNS[self.name]


def table_of(name: str, district: District, rows: Rows) -> Table:
    """One of ``COLUMNS``."""
    kinds = {"users": "staff", "schoolstaff": "affiliation", "cc": "enrollment"}
    kind = kinds.get(name, name.removesuffix("s"))
    totals = {
        "students": district.students, "sections": district.sections, "cc": district.enrollments,
        "schools": district.schools, "terms": district.terms, "courses": district.courses,
        "users": district.staff_members, "schoolstaff": 2 * district.staff_members,
    }  # fmt: skip
    maker = _MAKERS.get(name)

    def row(index: int) -> Columns:
        made = rows.student_columns(index) if maker is None else maker(district, index)
        made = {"dcid": str(rows.number(kind, index)), **made}
        return {column: value for column, value in made.items() if value}

    return Table(name, totals[name], rows.number(kind, 0), row)


def _school_number(school: int) -> str:
    return str(200 + 10 * school)


def _school(district: District, index: int) -> Columns:
    school = district.school(index)
    return {
        "id": str(index + 1),
        "name": school.name,
        "school_number": str(school.number),
        "low_grade": str(school.low_grade),
        "high_grade": str(school.high_grade),
    }


def _term_id(number: int) -> str:
    """TERMS.ID: the year's number (1990 is 0) times 100, and the term within the year."""
    return str((START_YEAR - 1990) * 100 + number)


def _term(district: District, index: int) -> Columns:
    term, (school, number) = district.term(index), divmod(index, TERMS_OF_A_SCHOOL)
    return {
        "id": _term_id(number),
        "name": term.name,
        "abbreviation": term.abbreviation,
        "schoolid": _school_number(school),
        "yearid": str(START_YEAR - 1990),
        "portion": str(term.portion),
        "firstday": term.starts_on,
        "lastday": term.ends_on,
    }


def _course(district: District, index: int) -> Columns:
    course = district.catalogue.course(index)
    return {"id": str(index + 1), "course_name": course.title, "course_number": course.code}


def _user(district: District, index: int) -> Columns:
    person = district.staff(index)
    return {
        "teachernumber": person.local_id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email_addr": person.email,
        "homeschoolid": _school_number(district.layout.school_of_staff(index)),
    }


def _school_staff(district: District, index: int) -> Columns:
    staff, second = divmod(index, 2)
    home = district.layout.school_of_staff(staff)
    other = district.second_school(home, staff)
    works = not second or other is not None
    return {
        "id": str(index + 1),
        "users_dcid": district.ids.text("staff", staff),
        "schoolid": _school_number(other if second and other is not None else home),
        "status": "1" if works else "2",
        "staffstatus": "1",
    }


def _section(district: District, index: int) -> Columns:
    section = district.section(index)
    return {
        "id": str(index + 1),
        "course_number": district.catalogue.course(section.course).code,
        "schoolid": _school_number(section.school),
        "termid": _term_id(section.terms[0] % TERMS_OF_A_SCHOOL),
        "teacher": str(section.teacher + 1),
        "section_number": section.number,
        "expression": f"{section.period}(A)",
    }


def _place(district: District, index: int) -> Columns:
    place = district.enrollment(index)
    return {
        "id": str(index + 1),
        "sectionid": "" if place.section is None else str(place.section + 1),
        "studentid": str(place.student + 1),
        "schoolid": _school_number(place.school),
        "dateenrolled": place.begins_on,
        "dateleft": place.ends_on,
    }


_MAKERS: Mapping[str, Callable[[District, int], Columns]] = {
    "schools": _school,
    "terms": _term,
    "courses": _course,
    "users": _user,
    "schoolstaff": _school_staff,
    "sections": _section,
    "cc": _place,
}

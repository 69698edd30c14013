"""PowerSchool: the rows of ``/ws/v1`` resources and PowerQueries as they come, and the records they become.

Facts: PowerSchool plugin API reference (resources, "JSON notes"); see docs/providers.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from siscon.domain.records import (
    Course,
    Enrollment,
    Entity,
    Part,
    Record,
    School,
    Section,
    Staff,
    Student,
    Term,
)
from siscon.providers.kit.coerce import (
    as_bool,
    as_choice,
    as_date,
    as_id,
    as_list,
    as_map,
    as_ref,
    as_text,
    required,
)
from siscon.providers.kit.decode import Decoded, PageDecoder, Text, TypedDict, maker
from siscon.providers.powerschool.own import OwnFields

# An empty complex element is written as "" instead of an object: hence ``| str`` on each of them.
# A text of digits only is written as a number: such fields are ``Any`` and turned into text one by one.


class Name(TypedDict, total=False):
    first_name: Text
    middle_name: Text
    last_name: Text


class Demographics(TypedDict, total=False):
    gender: Text
    birth_date: Text


class SchoolEnrollment(TypedDict, total=False):
    enroll_status: Text
    grade_level: Any
    school_id: Any


class ContactInfo(TypedDict, total=False):
    email: Text


class StudentRow(TypedDict, total=False):
    """``id`` is the row's DCID, as in every resource of ``/ws/v1``."""

    id: Any
    local_id: Any
    state_province_id: Any
    student_username: Any
    name: Name
    demographics: Demographics | str
    school_enrollment: SchoolEnrollment | str
    contact_info: ContactInfo | str
    _extension_data: Any


class Emails(TypedDict, total=False):
    work_email: Text


class Affiliations(TypedDict, total=False):
    school_affiliation: Any


class StaffRow(TypedDict, total=False):
    """``id`` is a person's row at one school (SCHOOLSTAFF.DCID); ``users_dcid`` is the person."""

    id: Any
    users_dcid: Any
    local_id: Any
    name: Name
    emails: Emails | str
    school_affiliations: Affiliations | str
    teacher_username: Any
    admin_username: Any
    _extension_data: Any


class SchoolRow(TypedDict, total=False):
    id: Any
    name: Any
    school_number: Any
    low_grade: Any
    high_grade: Any


class TermRow(TypedDict, total=False):
    id: Any
    school_id: Any
    name: Any
    start_year: Any
    start_date: Text
    end_date: Text


class CourseRow(TypedDict, total=False):
    id: Any
    course_number: Any
    course_name: Any


class SectionRow(TypedDict, total=False):
    """``staff_id`` is a SCHOOLSTAFF.DCID."""

    id: Any
    school_id: Any
    course_id: Any
    staff_id: Any
    term_id: Any
    section_number: Any
    expression: Any


class EnrollmentRow(TypedDict, total=False):
    id: Any
    section_id: Any
    student_id: Any
    entry_date: Text
    exit_date: Text
    dropped: Any


class SectionColumns(TypedDict, total=False):
    """PowerQuery ``org.siscon.roster.sections``: every value is text, null columns are absent or empty."""

    dcid: Any
    course_dcid: Any
    school_dcid: Any
    term_dcid: Any
    teacher_users_dcid: Any
    section_number: Any
    expression: Any


class EnrollmentColumns(TypedDict, total=False):
    """PowerQuery ``org.siscon.roster.enrollments``."""

    dcid: Any
    section_dcid: Any
    student_dcid: Any
    dateenrolled: Text
    dateleft: Text
    dropped: Any


ENROLL_STATUS = {"A": "active", "a": "active", "P": "future", "p": "future"}
"""A active, P pre-registered; T transferred out, G graduated, H historical, I and the rest: no longer here."""

ALL_STATUSES = "school_enrollment.enroll_status==(A,P,T,G,H,I)"
"""What the list holds without a ``q`` is disputed, so every status is named; those who left arrive as inactive."""

_new_student = maker(Student)
_new_section = maker(Section)
_new_enrollment = maker(Enrollment)
_NOTHING: Mapping[str, Any] = {}


def student(row: StudentRow, own: OwnFields | None = None) -> Student:
    """A student with the expansions demographics, school_enrollment and contact_info."""
    name = row.get("name") or _NOTHING
    first, last = name.get("first_name"), name.get("last_name")
    about: Any = row.get("demographics")
    place: Any = row.get("school_enrollment")
    contact: Any = row.get("contact_info")
    about = about if type(about) is dict else _NOTHING
    place = place if type(place) is dict else _NOTHING
    contact = contact if type(contact) is dict else _NOTHING
    school, status = place.get("school_id"), place.get("enroll_status")
    return _new_student(
        as_id(row.get("id"), "id"),
        first if first and not first.isspace() else required(first, "name.first_name"),
        name.get("middle_name") or None,
        last if last and not last.isspace() else required(last, "name.last_name"),
        as_text(row.get("local_id"), "local_id"),
        as_text(row.get("state_province_id"), "state_province_id"),
        as_date(about.get("birth_date"), "demographics.birth_date"),
        about.get("gender") or None,
        as_text(place.get("grade_level"), "school_enrollment.grade_level"),
        contact.get("email") or None,
        as_text(row.get("student_username"), "student_username"),
        str(school) if type(school) is int else as_ref(school, "school_enrollment.school_id"),
        ENROLL_STATUS.get(status) or as_choice(status, "enroll_status", ENROLL_STATUS, other="inactive"),
        None if own is None else own.text(row),
    )


def staff(row: StaffRow, own: OwnFields | None = None) -> Staff:
    """A person, named by ``users_dcid``, with every school that the answer tells of."""
    name = row.get("name") or _NOTHING
    affiliations = as_list(as_map(row.get("school_affiliations")).get("school_affiliation"))
    current = [
        one for one in map(as_map, affiliations) if as_text(one.get("status"), "status") in (None, "1")
    ]
    places = [as_ref(one.get("school_id"), "school_affiliation.school_id") for one in current]
    username = row.get("teacher_username") or row.get("admin_username")
    return Staff(
        as_id(row.get("users_dcid"), "users_dcid"),
        required(name.get("first_name"), "name.first_name"),
        required(name.get("last_name"), "name.last_name"),
        as_text(row.get("local_id"), "local_id"),
        as_text(as_map(row.get("emails")).get("work_email"), "emails.work_email"),
        as_text(username, "teacher_username"),
        tuple(dict.fromkeys(one for one in places if one and one != "0")),
        "active" if current or not affiliations else "inactive",
        None if own is None else own.text(row),
    )


def staff_row(row: StaffRow) -> Part:
    """Which person stands behind a staff row of a school, as a part whose ``part_id`` is the row's DCID."""
    return Part(Entity.STAFF, as_id(row.get("users_dcid"), "users_dcid"), as_id(row.get("id"), "id"), {})


def spread_schools(records: list[Record | Part], school: str) -> list[Record | Part]:
    """Each person as one record without schools and one part per school, for the lists of all schools name them.

    A person who works at two schools stands in the lists of both. The record is the same each time; the parts add
    up, so that it is all one which list comes first or breaks off.
    """
    spread: list[Record | Part] = []
    for person in records:
        assert isinstance(person, Staff)
        spread.append(replace(person, schools=()))
        spread += [
            Part(Entity.STAFF, person.external_id, f"school:{place:0>12}", {"schools": (place,)})
            for place in person.schools or (school,)
        ]
    return spread


def school(row: SchoolRow) -> School:
    """A school."""
    return School(
        as_id(row.get("id"), "id"),
        required(as_text(row.get("name"), "name"), "name"),
        as_text(row.get("school_number"), "school_number"),
        as_text(row.get("low_grade"), "low_grade"),
        as_text(row.get("high_grade"), "high_grade"),
    )


def term(row: TermRow) -> Term:
    """A term of one school."""
    return Term(
        as_id(row.get("id"), "id"),
        required(as_text(row.get("name"), "name"), "name"),
        as_ref(row.get("school_id"), "school_id"),
        required(as_date(row.get("start_date"), "start_date"), "start_date"),
        required(as_date(row.get("end_date"), "end_date"), "end_date"),
        as_text(row.get("start_year"), "start_year"),
    )


def course(row: CourseRow) -> Course:
    """A course of the district's catalogue; the list of each school that offers it names it."""
    return Course(
        as_id(row.get("id"), "id"),
        required(as_text(row.get("course_name"), "course_name"), "course_name"),
        as_text(row.get("course_number"), "course_number"),
    )


def section_column(row: SectionColumns) -> Section:
    """A section as the PowerQuery gives it, its teacher by ``users_dcid``."""
    teacher = as_ref(row.get("teacher_users_dcid"), "teacher_users_dcid")
    held = as_ref(row.get("term_dcid"), "term_dcid")
    return _new_section(
        as_id(row.get("dcid"), "dcid"),
        None,
        as_text(row.get("section_number"), "section_number"),
        as_text(row.get("expression"), "expression"),
        required(as_ref(row.get("course_dcid"), "course_dcid"), "course_dcid"),
        as_ref(row.get("school_dcid"), "school_dcid"),
        (held,) if held else (),
        (teacher,) if teacher else (),
    )


def section(row: SectionRow) -> Section:
    """A section of a school's list; ``instructors`` holds the SCHOOLSTAFF.DCID until the walk puts the person in."""
    teacher = as_ref(row.get("staff_id"), "staff_id")
    held = as_ref(row.get("term_id"), "term_id")
    return _new_section(
        as_id(row.get("id"), "id"),
        None,
        as_text(row.get("section_number"), "section_number"),
        as_text(row.get("expression"), "expression"),
        required(as_ref(row.get("course_id"), "course_id"), "course_id"),
        as_ref(row.get("school_id"), "school_id"),
        (held,) if held else (),
        (teacher,) if teacher else (),
    )


def enrollment_column(row: EnrollmentColumns) -> Enrollment:
    """A student's place in a section as the PowerQuery gives it."""
    return _new_enrollment(
        as_id(row.get("dcid"), "dcid"),
        required(as_ref(row.get("section_dcid"), "section_dcid"), "section_dcid"),
        required(as_ref(row.get("student_dcid"), "student_dcid"), "student_dcid"),
        as_date(row.get("dateenrolled"), "dateenrolled"),
        as_date(row.get("dateleft"), "dateleft"),
        "inactive" if as_bool(row.get("dropped"), "dropped") else "active",
    )


def enrollment(row: EnrollmentRow) -> Enrollment:
    """A student's place in a section of a section's list."""
    return _new_enrollment(
        as_id(row.get("id"), "id"),
        required(as_ref(row.get("section_id"), "section_id"), "section_id"),
        required(as_ref(row.get("student_id"), "student_id"), "student_id"),
        as_date(row.get("entry_date"), "entry_date"),
        as_date(row.get("exit_date"), "exit_date"),
        "inactive" if as_bool(row.get("dropped"), "dropped") else "active",
    )


def plural_of(name: str) -> str:
    """The key around a list of ``name``."""
    return f"{name}s"


def _list(name: str, row: Any, to_record: Any, *, id_key: str = "id") -> PageDecoder:
    """The decoder of ``{"things": {"@expansions": ..., "thing": [...]}}``; no rows: no inner key."""
    plural = plural_of(name)
    inner = TypedDict("inner", {name: list[row]}, total=False)  # type: ignore[misc]  # made from names
    page = TypedDict("page", {plural: inner}, total=False)  # type: ignore[misc]  # made from names
    return PageDecoder(page, row, (plural, name), to_record, id_key=id_key)


def _query(row: Any, to_record: Any) -> PageDecoder:
    """The decoder of a PowerQuery: ``{"name": ..., "record": [...], "@extensions": ""}``, without rows no record."""
    members = {"@extensions": Any, "count": Any, "record": list[row]}
    page = TypedDict("page", members, total=False)  # type: ignore[misc]  # made from names
    return PageDecoder(
        page, row, ("record",), to_record, id_key="dcid", mark="@extensions", count_key="count"
    )


def students_with(own: OwnFields | None) -> PageDecoder:
    """The decoder of students, who keep the district's own fields."""
    return _list("student", StudentRow, partial(student, own=own) if own else student)


def staff_with(own: OwnFields | None) -> PageDecoder:
    """The decoder of the staff of a school, who keep the district's own fields."""
    return _list("staff", StaffRow, partial(staff, own=own) if own else staff, id_key="users_dcid")


NOTHING = Decoded([], [], 0)
"""A page without rows."""

STAFF_ROWS = _list("staff", StaffRow, staff_row, id_key="users_dcid")
SCHOOL_IDS = _list("school", SchoolRow, lambda row: Part(Entity.SCHOOL, as_id(row.get("id"), "id"), "", {}))
SECTION_IDS = _list(
    "section", SectionRow, lambda row: Part(Entity.SECTION, as_id(row.get("id"), "id"), "", {})
)
SCHOOLS = _list("school", SchoolRow, school)
TERMS = _list("term", TermRow, term)
COURSES = _list("course", CourseRow, course)
SECTIONS = _list("section", SectionRow, section)
ENROLLMENTS = _list("section_enrollment", EnrollmentRow, enrollment)
QUERIED_SECTIONS = _query(SectionColumns, section_column)
QUERIED_ENROLLMENTS = _query(EnrollmentColumns, enrollment_column)

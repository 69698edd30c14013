"""OneRoster 1.1 and 1.2 rostering: the rows as they come, and the records they become.

Facts: 1EdTech OneRoster 1.2 rostering service OpenAPI (v1p0) and the 1.1 definition; see docs/providers.md.
"""

# ruff: noqa: N815 - the names are those of the wire

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from siscon.domain.records import Course, Enrollment, Entity, Part, School, Section, Staff, Student, Term
from siscon.providers.kit.coerce import as_bool, as_choice, as_date, as_text, required
from siscon.providers.kit.decode import Id, PageDecoder, Text, TypedDict, maker

# pydantic builds its validators from these; only what is used is named, the rest of a row is never made into objects


class Ref(TypedDict, total=False):
    """GUIDRef (1.1 section 4, 1.2 ``...GUIDRefDType``): only ``sourcedId`` counts, ``href`` may be missing or wrong."""

    sourcedId: Id


class Role(TypedDict, total=False):
    """1.2 ``RoleDType``: one of ``roles``; 1.1 has ``role`` and ``orgs`` instead."""

    roleType: Text
    role: Text
    org: Ref | None


class UserId(TypedDict, total=False):
    """``UserIdDType``: further ids of a person; type ``stateID`` is a convention of several hosts."""

    type: Text
    identifier: Text


class User(TypedDict, total=False):
    """``UserDType``; ``/students`` and ``/teachers`` answer under ``users``."""

    sourcedId: Id
    status: Text
    dateLastModified: Any
    enabledUser: Any
    givenName: Text
    middleName: Text
    familyName: Text
    username: Text
    identifier: Text
    email: Text
    role: Text
    grades: list[Text] | Text
    userIds: list[UserId] | None
    roles: list[Role] | None
    primaryOrg: Ref | None
    orgs: list[Ref] | None
    metadata: Any


class Demographics(TypedDict, total=False):
    """``DemographicsDType``: its ``sourcedId`` is the user's. ``birthdate`` is seen on some 1.1 hosts."""

    sourcedId: Id
    status: Text
    dateLastModified: Any
    birthDate: Text
    birthdate: Text
    sex: Text


class Org(TypedDict, total=False):
    sourcedId: Id
    status: Text
    dateLastModified: Any
    name: Text
    type: Text
    identifier: Text
    metadata: Any


class Session(TypedDict, total=False):
    """``AcademicSessionDType``; ``schoolYear`` is the year in which it ends."""

    sourcedId: Id
    status: Text
    dateLastModified: Any
    title: Text
    startDate: Text
    endDate: Text
    schoolYear: Any
    metadata: Any


class CourseRow(TypedDict, total=False):
    sourcedId: Id
    status: Text
    dateLastModified: Any
    title: Text
    courseCode: Text
    org: Ref | None
    metadata: Any


class ClassRow(TypedDict, total=False):
    """``ClassDType``; ``periods`` is a text in 1.1 and a list in 1.2."""

    sourcedId: Id
    status: Text
    dateLastModified: Any
    title: Text
    classCode: Text
    periods: list[Text] | Text
    course: Ref | None
    school: Ref | None
    terms: list[Ref] | None
    metadata: Any


EnrollmentRow = TypedDict(
    "EnrollmentRow",
    {
        "sourcedId": Id,
        "status": Text,
        "dateLastModified": Any,
        "role": Text,
        "primary": Any,
        "user": Ref | None,
        "class": Ref | None,
        "school": Ref | None,
        "metadata": Any,
        "beginDate": Text,
        "endDate": Text,
    },
    total=False,
)


class Users(TypedDict, total=False):
    users: list[User]


class DemographicsList(TypedDict, total=False):
    demographics: list[Demographics]


class Orgs(TypedDict, total=False):
    orgs: list[Org]


class Sessions(TypedDict, total=False):
    academicSessions: list[Session]


class Courses(TypedDict, total=False):
    courses: list[CourseRow]


class Classes(TypedDict, total=False):
    classes: list[ClassRow]


class Enrollments(TypedDict, total=False):
    enrollments: list[EnrollmentRow]


STATUS = {"active": "active", "tobedeleted": "inactive", "inactive": "inactive", "": "active"}
"""1.1 section 3: ``active`` and ``tobedeleted``; ``inactive`` turns up on older servers; bulk data leave it blank."""

_new_student = maker(Student)
_new_staff = maker(Staff)
_new_section = maker(Section)
_new_enrollment = maker(Enrollment)


def _id(row: Mapping[str, Any]) -> str:
    found: str | None = row.get("sourcedId")
    return found if found else required(found, "sourcedId")


def _status(row: Mapping[str, Any]) -> str:
    word = row.get("status")
    return STATUS.get(word or "") or as_choice(word, "status", STATUS)


def _ref(ref: Ref | None) -> str | None:
    return ref.get("sourcedId") if ref else None


def _refs(refs: Any) -> tuple[str, ...]:
    return tuple([one["sourcedId"] for one in refs if one.get("sourcedId")]) if refs else ()


def _first(values: Any) -> str | None:
    """The first of a list, or the text itself."""
    if type(values) is list:
        return (values[0] or None) if values else None
    return values or None


def orgs_of(row: User) -> list[str]:
    """A user's orgs, the home first: ``primaryOrg`` or the primary role's in 1.2, the first of ``orgs`` in 1.1."""
    roles = row.get("roles") or ()
    orgs = [_ref(row.get("primaryOrg"))]
    orgs += [_ref(one.get("org")) for one in roles if one.get("roleType") == "primary"]
    orgs += [_ref(one.get("org")) for one in roles]
    orgs += [_ref(one) for one in row.get("orgs") or ()]
    return list(dict.fromkeys(one for one in orgs if one))


def _home(row: User) -> str | None:
    found = _ref(row.get("primaryOrg"))
    return found if found else next(iter(orgs_of(row)), None)


def _state_id(row: User) -> str | None:
    for one in row.get("userIds") or ():
        if (one.get("type") or "").lower() == "stateid":
            return one.get("identifier") or None
    return None


def student(row: User) -> Student:
    """A student of ``/students``; birth date and gender follow as parts from ``/demographics``."""
    return _new_student(
        _id(row),
        required(row.get("givenName"), "givenName"),
        row.get("middleName") or None,
        required(row.get("familyName"), "familyName"),
        row.get("identifier") or None,
        _state_id(row),
        None,
        None,
        _first(row.get("grades")),
        row.get("email") or None,
        row.get("username") or None,
        _home(row),
        _status(row),
    )


def staff(row: User) -> Staff:
    """A teacher of ``/teachers`` with every school, the primary one first."""
    return _new_staff(
        _id(row),
        required(row.get("givenName"), "givenName"),
        required(row.get("familyName"), "familyName"),
        row.get("identifier") or None,
        row.get("email") or None,
        row.get("username") or None,
        tuple(orgs_of(row)),
        _status(row),
    )


def demographics(row: Demographics) -> Part:
    """Birth date and gender, laid over the student of the same id."""
    birth_date = as_date(row.get("birthDate") or row.get("birthdate"), "birthDate")
    described = {"birth_date": birth_date, "gender": row.get("sex") or None}
    return Part(Entity.STUDENT, _id(row), "demographics", described)


def school(row: Org) -> School | None:
    """An org of type school; districts and departments are left out."""
    if (row.get("type") or "school").lower() != "school":
        return None
    return School(
        _id(row), required(row.get("name"), "name"), row.get("identifier") or None, status=_status(row)
    )


def term(row: Session) -> Term:
    """An academic session of any type; sessions belong to the district, hence no school."""
    return Term(
        _id(row),
        required(row.get("title"), "title"),
        None,
        required(as_date(row.get("startDate"), "startDate"), "startDate"),
        required(as_date(row.get("endDate"), "endDate"), "endDate"),
        as_text(row.get("schoolYear"), "schoolYear"),
        _status(row),
    )


def course(row: CourseRow) -> Course:
    """A course of a school's catalogue."""
    return Course(
        _id(row),
        required(row.get("title"), "title"),
        row.get("courseCode") or None,
        _ref(row.get("org")),
        _status(row),
    )


def section(row: ClassRow) -> Section:
    """A class; its teachers follow as parts from ``/enrollments``."""
    periods = row.get("periods")
    return _new_section(
        _id(row),
        row.get("title") or None,
        row.get("classCode") or None,
        ",".join(one for one in periods if one) if type(periods) is list else (periods or None),
        required(_ref(row.get("course")), "course"),
        _ref(row.get("school")),
        _refs(row.get("terms")),
        (),
        _status(row),
    )


def teaching(row: EnrollmentRow) -> Part | None:
    """A teacher's enrollment: an instructor of the section, the primary one first; ended ones are left out."""
    if (row.get("role") or "").lower() != "teacher" or _status(row) != "active":
        return None
    teacher, taught = required(_ref(row.get("user")), "user"), required(_ref(row.get("class")), "class")
    rank = "0" if as_bool(row.get("primary"), "primary") else "1"
    return Part(Entity.SECTION, taught, f"teacher:{rank}:{_id(row)}", {"instructors": (teacher,)})


def enrollment(row: EnrollmentRow) -> Enrollment | None:
    """A student's enrollment; those of teachers and others are left out."""
    role = row.get("role")
    if role != "student" and (role or "").lower() != "student":
        return None
    taught, user = row.get("class"), row.get("user")
    return _new_enrollment(
        _id(row),
        required(taught.get("sourcedId") if taught else None, "class"),
        required(user.get("sourcedId") if user else None, "user"),
        as_date(row.get("beginDate"), "beginDate"),
        as_date(row.get("endDate"), "endDate"),
        _status(row),
    )


def _list(page: Any, row: Any, key: str, to_record: Any, part: str = "", *fills: str) -> PageDecoder:
    return PageDecoder(
        page,
        row,
        (key,),
        to_record,
        id_key="sourcedId",
        moment_key="dateLastModified",
        part=part,
        fills=fills,
    )


STUDENTS = _list(Users, User, "users", student)
TEACHERS = _list(Users, User, "users", staff)
DEMOGRAPHICS = _list(
    DemographicsList, Demographics, "demographics", demographics, "demographics", "birth_date", "gender"
)
SCHOOLS = _list(Orgs, Org, "orgs", school)
TERMS = _list(Sessions, Session, "academicSessions", term)
COURSES = _list(Courses, CourseRow, "courses", course)
SECTIONS = _list(Classes, ClassRow, "classes", section)
TEACHINGS = _list(Enrollments, EnrollmentRow, "enrollments", teaching, "teachings", "instructors")
ENROLLMENTS = _list(Enrollments, EnrollmentRow, "enrollments", enrollment)

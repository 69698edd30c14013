"""What a correct client must have understood of a system, record by record; docs/sandbox.md says by which rules.

It reads the district itself, never the wire, so that it can judge both the servers and their clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from siscon.domain.records import FIELDS, Entity
from siscon.sandbox.days import START_YEAR
from siscon.sandbox.district import District
from siscon.sandbox.systems import System

_POWERSCHOOL = "powerschool"
_GRADE_WORDS = {-1: "PK", 0: "KG"}
_SEXES = {"M": "male", "F": "female", "X": "other"}
_FLAWS = {
    "no_last_name": "last_name is missing",
    "wrong_type": "first_name is not text",
    "bad_birth_date": "birth_date is no date",
    "bad_begin": "begins_on is no date",
    "no_section": "section does not exist",
}


def rows(
    system: System, district: District, entity: str, *, with_broken: bool = False
) -> Iterator[dict[str, Any]]:
    """Every record of an entity, in the order of the district; broken ones only if asked for, and marked."""
    kind = Entity(entity)
    for index in range(_total(district, kind)):
        flaw = _flaw(district, kind, index)
        if flaw is not None and not with_broken:
            continue
        values = _READERS[kind](system, district, index)
        row = {
            "integration": system.name,
            "entity": kind.value,
            "external_id": district.ids.text(kind.value, index),
            **{rule.name: values.get(rule.name, [] if rule.many else None) for rule in FIELDS[kind]},
        }
        if flaw is not None:
            row["broken"] = True
        yield row


def broken(system: System, district: District, entity: str) -> Iterator[dict[str, Any]]:
    """The records of an entity that no client can apply, with the reason."""
    kind = Entity(entity)
    days = district.days
    appended: range = range(0)
    if kind is Entity.STUDENT:
        appended = range(district.layout.students, district.students)
    elif kind is Entity.ENROLLMENT:
        appended = range(days.first_placed, district.enrollments)
    for index in appended:
        flaw = _flaw(district, kind, index)
        if flaw is not None:
            external_id = district.ids.text(kind.value, index)
            yield {
                "integration": system.name,
                "entity": kind.value,
                "external_id": external_id,
                "reason": _FLAWS[flaw],
            }


def _total(district: District, kind: Entity) -> int:
    return {
        Entity.SCHOOL: district.schools,
        Entity.TERM: district.terms,
        Entity.STAFF: district.staff_members,
        Entity.STUDENT: district.students,
        Entity.COURSE: district.courses,
        Entity.SECTION: district.sections,
        Entity.ENROLLMENT: district.enrollments,
    }[kind]


def _flaw(district: District, kind: Entity, index: int) -> str | None:
    days = district.days
    made: dict[Entity, tuple[str, int, list[Any]]] = {
        Entity.STUDENT: ("student", district.layout.students, days.joined),
        Entity.ENROLLMENT: ("enrollment", days.first_placed, days.placed),
    }
    if kind not in made or index < made[kind][1]:
        return None
    word, first, appended = made[kind]
    flaw: str | None = appended[index - first].flaw
    return days.patches[word].get(index, {}).get("flaw", flaw) if flaw is not None else None


def _is_powerschool(system: System) -> bool:
    return system.name == _POWERSCHOOL


def _grade(system: System, grade: int) -> str:
    return str(grade) if _is_powerschool(system) else _GRADE_WORDS.get(grade, f"{grade:02d}")


def _school(system: System, district: District, index: int) -> dict[str, Any]:
    school = district.school(index)
    known = {"name": school.name, "number": str(school.number), "status": "active"}
    if _is_powerschool(system):
        known |= {"low_grade": str(school.low_grade), "high_grade": str(school.high_grade)}
    return known


def _term(system: System, district: District, index: int) -> dict[str, Any]:
    term = district.term(index)
    return {
        "name": term.name,
        "school": None if term.school is None else district.ids.text("school", term.school),
        "starts_on": term.starts_on,
        "ends_on": term.ends_on,
        "school_year": str(district.years + (START_YEAR if _is_powerschool(system) else START_YEAR + 1)),
        "status": "active",
    }


def _staff(system: System, district: District, index: int) -> dict[str, Any]:
    person = district.staff(index)
    schools = list(person.schools)
    if not _is_powerschool(system):
        home = district.layout.school_of_staff(index)
        schools.sort(key=lambda school: school != home)
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "local_id": person.local_id,
        "email": person.email,
        "username": None if _is_powerschool(system) else person.username,
        "schools": [district.ids.text("school", school) for school in schools],
        "status": "active",
    }


def _student(system: System, district: District, index: int) -> dict[str, Any]:
    student = district.student(index)
    if _is_powerschool(system):
        gender: str | None = student.gender
        status = {"A": "active", "P": "future"}.get(student.status, "inactive")
    else:
        gender = None if (system.name, student.gender) == ("skyward", "X") else _SEXES[student.gender]
        status = "inactive" if student.status == "T" else "active"
    return {
        "first_name": student.first_name,
        "middle_name": student.middle_name or None,
        "last_name": student.last_name,
        "local_id": student.local_id,
        "state_id": student.state_id,
        "birth_date": student.birth_date,
        "gender": gender,
        "grade_level": _grade(system, student.grade),
        "email": student.email,
        "username": student.username,
        "school": district.ids.text("school", student.school),
        "status": status,
    }


def _course(_system: System, district: District, index: int) -> dict[str, Any]:
    course = district.catalogue.course(index)
    school = None if course.school is None else district.ids.text("school", course.school)
    return {"title": course.title, "code": course.code, "school": school, "status": "active"}


def _section(system: System, district: District, index: int) -> dict[str, Any]:
    section = district.section(index)
    text = district.ids.text
    if _is_powerschool(system):
        instructors = [text("staff", section.teacher)]
    else:
        teachings = [district.teaching(one) for one in district.teachings_of_section(index)]
        now = [one for one in teachings if one.ends_on is None]
        now.sort(key=lambda one: (not one.primary, text("teaching", one.index)))
        instructors = list(dict.fromkeys(text("staff", one.staff) for one in now))
    return {
        "title": None if _is_powerschool(system) else section.title,
        "number": section.number,
        "period": f"{section.period}(A)" if _is_powerschool(system) else section.period,
        "course": text("course", section.course),
        "school": text("school", section.school),
        "terms": [text("term", term) for term in section.terms],
        "instructors": instructors,
        "status": "active",
    }


def _enrollment(_system: System, district: District, index: int) -> dict[str, Any]:
    place = district.enrollment(index)
    text = district.ids.text
    return {
        "section": text("section", place.section) if place.section is not None else None,
        "student": text("student", place.student),
        "begins_on": place.begins_on,
        "ends_on": place.ends_on,
        "status": "inactive" if place.dropped else "active",
    }


_READERS = {
    Entity.SCHOOL: _school,
    Entity.TERM: _term,
    Entity.STAFF: _staff,
    Entity.STUDENT: _student,
    Entity.COURSE: _course,
    Entity.SECTION: _section,
    Entity.ENROLLMENT: _enrollment,
}

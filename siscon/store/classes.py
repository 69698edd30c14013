"""Classes: a section with its course, its teachers and who is enrolled in it, by an integration's ids."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from siscon.domain.records import Entity
from siscon.store.database import Connection, Row
from siscon.store.mappings import table_of

CHOSEN: Mapping[Entity, str] = {
    Entity.SECTION: "SELECT :id AS id",
    Entity.STUDENT: "SELECT DISTINCT section AS id FROM enrollments WHERE student = :id",
    Entity.STAFF: "SELECT DISTINCT owner AS id FROM section_instructors WHERE target = :id",
}
"""Which sections belong to a record of these kinds."""
NAME = """coalesce((SELECT m.external_id FROM {mappings} m
  WHERE m.entity_type = '{entity}' AND m.internal_id = {id}), 'local:' || {id})"""
SECTIONS = """
SELECT s.id, {section} AS external_id, s.title, s.number, s.period, s.status, s.course, {course} AS course_id,
  c.title AS course_title, {school} AS school
FROM ({chosen}) w JOIN sections s ON s.id = w.id LEFT JOIN courses c ON c.id = s.course ORDER BY c.title, s.number, s.id
"""
TERMS = """
SELECT l.owner, {term} AS external_id FROM section_terms l WHERE l.owner IN (SELECT value FROM json_each(:ids))
ORDER BY l.owner, l.position
"""
TEACHERS = """
SELECT l.owner, {staff} AS external_id, t.id, t.first_name, t.last_name FROM section_instructors l
JOIN staff t ON t.id = l.target WHERE l.owner IN (SELECT value FROM json_each(:ids)) ORDER BY l.owner, l.position
"""
ENROLLED = """
SELECT e.section, m.external_id, e.id, {student} AS student, u.id AS student_id, u.first_name, u.last_name, e.status,
  e.begins_on, e.ends_on, m.missing_since
FROM enrollments e JOIN students u ON u.id = e.student
JOIN {mappings} m ON m.entity_type = 'enrollment' AND m.internal_id = e.id
WHERE e.section IN (SELECT value FROM json_each(:ids)) AND (:student IS NULL OR e.student = :student)
ORDER BY e.section, e.status, u.last_name, u.first_name, e.id
"""


@dataclass(frozen=True, slots=True)
class Teacher:
    external_id: str
    internal_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """One enrollment: a student's place in a class."""

    external_id: str
    internal_id: int
    student: str
    student_internal_id: int
    name: str
    status: str
    begins_on: str | None
    ends_on: str | None
    missing_since_ms: int | None


@dataclass(slots=True)
class SchoolClass:
    """A section and what belongs to it."""

    external_id: str
    internal_id: int
    title: str | None
    number: str | None
    period: str | None
    status: str
    course: str
    course_title: str | None
    school: str | None
    terms: list[str] = field(default_factory=list)
    teachers: list[Teacher] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)


async def of_record(c: Connection, integration: str, entity: Entity, internal_id: int) -> list[SchoolClass]:
    """A section; or the classes that a student is or was in, with its own places alone; or those of a teacher."""
    mappings = table_of(integration)

    def name(kind: Entity, column: str) -> str:
        return NAME.format(mappings=mappings, entity=kind.value, id=column)

    sql = SECTIONS.format(
        section=name(Entity.SECTION, "s.id"),
        course=name(Entity.COURSE, "s.course"),
        school=name(Entity.SCHOOL, "s.school"),
        chosen=CHOSEN[entity],
    )
    found = {row["id"]: _class(row) for row in await c.all(sql, {"id": internal_id})}
    ids = {"ids": json.dumps(list(found))}
    for row in await c.all(TERMS.format(term=name(Entity.TERM, "l.target")), ids):
        found[row["owner"]].terms.append(row["external_id"])
    for row in await c.all(TEACHERS.format(staff=name(Entity.STAFF, "t.id")), ids):
        told = Teacher(row["external_id"], row["id"], _called(row))
        found[row["owner"]].teachers.append(told)
    sql = ENROLLED.format(student=name(Entity.STUDENT, "u.id"), mappings=mappings)
    only = internal_id if entity is Entity.STUDENT else None
    for row in await c.all(sql, {**ids, "student": only}):
        found[row["section"]].places.append(_place(row))
    return list(found.values())


def _class(row: Row) -> SchoolClass:
    names = (
        "external_id",
        "id",
        "title",
        "number",
        "period",
        "status",
        "course_id",
        "course_title",
        "school",
    )
    return SchoolClass(*(row[name] for name in names))


def _place(row: Row) -> Place:
    return Place(
        row["external_id"],
        row["id"],
        row["student"],
        row["student_id"],
        _called(row),
        row["status"],
        row["begins_on"],
        row["ends_on"],
        row["missing_since"],
    )


def _called(row: Row) -> str:
    names: Sequence[str | None] = (row["first_name"], row["last_name"])
    return " ".join(one for one in names if one)

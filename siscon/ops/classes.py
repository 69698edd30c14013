"""Classes as plain rows: a section with its course, its teachers and its enrollments."""

from __future__ import annotations

from siscon.domain.records import Entity
from siscon.ops.rows import Row, iso
from siscon.store import classes, mappings
from siscon.store.classes import SchoolClass
from siscon.store.database import Database

KINDS = tuple(classes.CHOSEN)
"""The kinds of records that have classes."""


async def class_rows(db: Database, integration: str, entity: Entity, external_id: str) -> list[Row] | None:
    """The classes of a section, a student or a teacher; None where there is no such record."""
    async with db.read() as c:
        tie = await mappings.find(c, integration, entity, external_id)
        if tie is None or tie.internal_id is None:
            return None
        found = await classes.of_record(c, integration, entity, tie.internal_id)
    return [_row(integration, one) for one in found]


def _row(integration: str, one: SchoolClass) -> Row:
    return {
        "integration": integration,
        "section": one.external_id,
        "internal_id": one.internal_id,
        "title": one.title,
        "number": one.number,
        "period": one.period,
        "status": one.status,
        "course": one.course,
        "course_title": one.course_title,
        "school": one.school,
        "terms": one.terms,
        "teachers": [
            {"external_id": who.external_id, "internal_id": who.internal_id, "name": who.name}
            for who in one.teachers
        ],
        "enrollments": [
            {
                "external_id": place.external_id,
                "internal_id": place.internal_id,
                "student": place.student,
                "student_internal_id": place.student_internal_id,
                "name": place.name,
                "status": place.status,
                "begins_on": place.begins_on,
                "ends_on": place.ends_on,
                "missing_since": iso(place.missing_since_ms),
            }
            for place in one.places
        ],
    }

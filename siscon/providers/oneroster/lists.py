"""Which lists of a OneRoster service make up each entity."""

from __future__ import annotations

from dataclasses import dataclass, replace

from siscon.domain.records import Entity
from siscon.providers.kit.decode import PageDecoder
from siscon.providers.oneroster import wire
from siscon.providers.oneroster.coverage import KEEP_S
from siscon.providers.oneroster.fitting import fitted
from siscon.providers.oneroster.settings import OneRosterSettings

ENTITIES = (
    Entity.SCHOOL,
    Entity.TERM,
    Entity.STAFF,
    Entity.STUDENT,
    Entity.COURSE,
    Entity.SECTION,
    Entity.ENROLLMENT,
)


@dataclass(frozen=True, slots=True)
class RosterList:
    """One list of the service.

    ``follows`` says that it brings parts for the list before it; ``optional`` that an SIS may not grant it: the
    entity is read without it then. ``keep_s`` is for how many seconds its first page may be one kept.
    """

    name: str
    path: str
    decoder: PageDecoder
    filter: str = ""
    follows: bool = False
    optional: bool = False
    keep_s: float = 0.0


def lists_of(entity: Entity, settings: OneRosterSettings) -> tuple[RosterList, ...]:
    """The lists that make up an entity, the main one first, fitted to the settings."""
    return tuple(
        replace(one, decoder=fitted(one.decoder, settings)) for one in _usual_lists(entity, settings)
    )


def _usual_lists(entity: Entity, settings: OneRosterSettings) -> tuple[RosterList, ...]:
    by_role = settings.enrollment_filter
    match entity:
        case Entity.SCHOOL:
            schools = settings.schools_list == "schools"
            one_filter = "" if schools else "type='school'"
            return (RosterList("schools", settings.schools_list, wire.SCHOOLS, one_filter),)
        case Entity.TERM:
            return (RosterList("sessions", "academicSessions", wire.TERMS, keep_s=KEEP_S),)
        case Entity.STAFF:
            return (RosterList("teachers", "teachers", wire.TEACHERS),)
        case Entity.STUDENT:
            students = RosterList("students", "students", wire.STUDENTS)
            more = RosterList(
                "demographics",
                "demographics",
                wire.DEMOGRAPHICS,
                follows=True,
                optional=settings.demographics == "auto",
            )
            return (students, more) if settings.demographics else (students,)
        case Entity.COURSE:
            return (RosterList("courses", "courses", wire.COURSES),)
        case Entity.SECTION:
            teachers = "role='teacher'" if by_role else ""
            return (
                RosterList("classes", "classes", wire.SECTIONS),
                RosterList("teachings", "enrollments", wire.TEACHINGS, teachers, follows=True),
            )
    students_only = "role='student'" if by_role else ""
    return (RosterList("enrollments", "enrollments", wire.ENROLLMENTS, students_only),)

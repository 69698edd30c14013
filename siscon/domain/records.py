"""The records that every provider agrees on: their fields, what each refers to, how private each is.

Everything that treats records alike (storage, planning, masking, listings) is made from these definitions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any, ClassVar


class Entity(StrEnum):
    """A kind of record. The order of the members is the order of dependency: parents come first."""

    SCHOOL = "school"
    TERM = "term"
    STAFF = "staff"
    STUDENT = "student"
    COURSE = "course"
    SECTION = "section"
    ENROLLMENT = "enrollment"


class Privacy(StrEnum):
    """How far a field may travel; masking, logs and exports obey it."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    PROTECTED = "protected"


IsoDate = str
"""A calendar date as ``YYYY-MM-DD``; providers check it at the border, so inside it is plain text."""

ExternalId = str
"""The SIS's name for a record: opaque text, compared byte for byte, never turned into a number."""


def _of(
    privacy: Privacy, refers_to: Entity | None = None, *, required: bool = False, default: Any = None
) -> Any:
    return field(default=default, metadata={"privacy": privacy, "refers_to": refers_to, "required": required})


@dataclass(frozen=True, slots=True)
class School:
    entity: ClassVar[Entity] = Entity.SCHOOL
    external_id: ExternalId
    name: str | None = _of(Privacy.PUBLIC, required=True)
    number: str | None = _of(Privacy.PUBLIC)
    low_grade: str | None = _of(Privacy.PUBLIC)
    high_grade: str | None = _of(Privacy.PUBLIC)
    status: str = _of(Privacy.PUBLIC, default="active")
    custom: str | None = _of(Privacy.PROTECTED)


@dataclass(frozen=True, slots=True)
class Term:
    entity: ClassVar[Entity] = Entity.TERM
    external_id: ExternalId
    name: str | None = _of(Privacy.PUBLIC, required=True)
    school: ExternalId | None = _of(Privacy.PUBLIC, Entity.SCHOOL)
    starts_on: IsoDate | None = _of(Privacy.PUBLIC, required=True)
    ends_on: IsoDate | None = _of(Privacy.PUBLIC, required=True)
    school_year: str | None = _of(Privacy.PUBLIC)
    status: str = _of(Privacy.PUBLIC, default="active")
    custom: str | None = _of(Privacy.PROTECTED)


@dataclass(frozen=True, slots=True)
class Staff:
    entity: ClassVar[Entity] = Entity.STAFF
    external_id: ExternalId
    first_name: str | None = _of(Privacy.PERSONAL, required=True)
    last_name: str | None = _of(Privacy.PERSONAL, required=True)
    local_id: str | None = _of(Privacy.INTERNAL)
    email: str | None = _of(Privacy.PERSONAL)
    username: str | None = _of(Privacy.PERSONAL)
    schools: tuple[ExternalId, ...] = _of(Privacy.PUBLIC, Entity.SCHOOL, default=())
    status: str = _of(Privacy.INTERNAL, default="active")
    custom: str | None = _of(Privacy.PROTECTED)


@dataclass(frozen=True, slots=True)
class Student:
    entity: ClassVar[Entity] = Entity.STUDENT
    external_id: ExternalId
    first_name: str | None = _of(Privacy.PERSONAL, required=True)
    middle_name: str | None = _of(Privacy.PERSONAL)
    last_name: str | None = _of(Privacy.PERSONAL, required=True)
    local_id: str | None = _of(Privacy.INTERNAL)
    state_id: str | None = _of(Privacy.PERSONAL)
    birth_date: IsoDate | None = _of(Privacy.PERSONAL)
    gender: str | None = _of(Privacy.PERSONAL)
    grade_level: str | None = _of(Privacy.INTERNAL)
    email: str | None = _of(Privacy.PERSONAL)
    username: str | None = _of(Privacy.PERSONAL)
    school: ExternalId | None = _of(Privacy.INTERNAL, Entity.SCHOOL)
    status: str = _of(Privacy.INTERNAL, default="active")
    custom: str | None = _of(Privacy.PROTECTED)


@dataclass(frozen=True, slots=True)
class Course:
    entity: ClassVar[Entity] = Entity.COURSE
    external_id: ExternalId
    title: str | None = _of(Privacy.PUBLIC, required=True)
    code: str | None = _of(Privacy.PUBLIC)
    school: ExternalId | None = _of(Privacy.PUBLIC, Entity.SCHOOL)
    status: str = _of(Privacy.PUBLIC, default="active")
    custom: str | None = _of(Privacy.PROTECTED)


@dataclass(frozen=True, slots=True)
class Section:
    entity: ClassVar[Entity] = Entity.SECTION
    external_id: ExternalId
    title: str | None = _of(Privacy.PUBLIC)
    number: str | None = _of(Privacy.PUBLIC)
    period: str | None = _of(Privacy.PUBLIC)
    course: ExternalId | None = _of(Privacy.PUBLIC, Entity.COURSE, required=True)
    school: ExternalId | None = _of(Privacy.PUBLIC, Entity.SCHOOL)
    terms: tuple[ExternalId, ...] = _of(Privacy.PUBLIC, Entity.TERM, default=())
    instructors: tuple[ExternalId, ...] = _of(Privacy.PUBLIC, Entity.STAFF, default=())
    status: str = _of(Privacy.PUBLIC, default="active")
    custom: str | None = _of(Privacy.PROTECTED)


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A student's place in a section. Who teaches a section stands in ``Section.instructors``."""

    entity: ClassVar[Entity] = Entity.ENROLLMENT
    external_id: ExternalId
    section: ExternalId | None = _of(Privacy.INTERNAL, Entity.SECTION, required=True)
    student: ExternalId | None = _of(Privacy.INTERNAL, Entity.STUDENT, required=True)
    begins_on: IsoDate | None = _of(Privacy.INTERNAL)
    ends_on: IsoDate | None = _of(Privacy.INTERNAL)
    status: str = _of(Privacy.INTERNAL, default="active")
    custom: str | None = _of(Privacy.PROTECTED)


def custom_text(values: Mapping[str, str | None]) -> str | None:
    """A district's own fields (name -> text) as the ``custom`` of a record: JSON, always the same text for the same
    fields; None when all are empty.
    """
    kept = {name: value for name, value in sorted(values.items()) if value}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else None


Record = School | Term | Staff | Student | Course | Section | Enrollment

RECORDS: Mapping[Entity, type[Record]] = {
    kind.entity: kind for kind in (School, Term, Staff, Student, Course, Section, Enrollment)
}

CALLED_BY: Mapping[Entity, tuple[str, ...]] = {
    Entity.SCHOOL: ("name",),
    Entity.TERM: ("name",),
    Entity.STAFF: ("first_name", "last_name"),
    Entity.STUDENT: ("first_name", "last_name"),
    Entity.COURSE: ("title",),
    Entity.SECTION: ("title", "number", "period"),
    Entity.ENROLLMENT: ("student", "section"),
}
"""The fields by which people know a record of each entity."""

STATUSES = ("active", "inactive", "future")
"""What an SIS may say of a record: in use, no longer in use, not yet in use (a pre-registered student)."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a record that the SIS keeps in another list (a birth date, a section's teacher).

    ``part_id`` names the piece within its record, so that the same piece fetched twice counts once. Parts are
    laid over the record before it is planned, in the order of their ``part_id``: tuple fields are joined, other
    fields are set. A part of a record that was not fetched is ignored.
    """

    entity: Entity
    external_id: ExternalId
    part_id: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What the house knows of one field."""

    name: str
    privacy: Privacy
    refers_to: Entity | None
    required: bool
    many: bool


def _rules(kind: type[Record]) -> tuple[FieldRule, ...]:
    return tuple(
        FieldRule(
            name=one.name,
            privacy=one.metadata["privacy"],
            refers_to=one.metadata["refers_to"],
            required=one.metadata["required"],
            many=one.default == (),
        )
        for one in fields(kind)
        if one.name != "external_id"
    )


FIELDS: Mapping[Entity, tuple[FieldRule, ...]] = {entity: _rules(kind) for entity, kind in RECORDS.items()}
"""The fields of each entity without ``external_id``, in their order of definition."""

_NAMES: Mapping[Entity, tuple[str, ...]] = {
    entity: tuple(rule.name for rule in rules) for entity, rules in FIELDS.items()
}
_HEADS: Mapping[Entity, tuple[str, ...]] = {
    entity: tuple(f'"{name}":' for name in names) for entity, names in _NAMES.items()
}
_values_of: Mapping[Entity, Callable[[Record], tuple[Any, ...]]] = {
    entity: attrgetter(*names) for entity, names in _NAMES.items()
}


def _quoted(value: str | tuple[str, ...]) -> str:
    if type(value) is str:
        return encode_basestring(value)
    return "[" + ",".join(map(encode_basestring, value)) + "]"


def to_body(record: Record) -> str:
    """The fields of a record without its id as compact JSON: always the same text for the same fields.

    Empty fields (None, no reference, empty text) are left out, so that a field added to siscon later does not
    change the body of records that lack it. Every value is text or a tuple of texts, so the
    general encoder, which costs twice as much on the hottest path of all, is not needed.
    """
    pairs = zip(_HEADS[record.entity], _values_of[record.entity](record), strict=True)
    return "{" + ",".join([head + _quoted(value) for head, value in pairs if value]) + "}"


def body_of(entity: Entity, fields: Mapping[str, Any]) -> str:
    """The same text for fields that stand in a mapping."""
    pairs = ((head, fields.get(name)) for head, name in zip(_HEADS[entity], _NAMES[entity], strict=True))
    return "{" + ",".join([head + _quoted(value) for head, value in pairs if value]) + "}"


def from_body(entity: Entity, external_id: ExternalId, body: str) -> Record:
    """The record that :func:`to_body` wrote; fields it does not know are left out."""
    return from_fields(entity, external_id, json.loads(body))


def from_fields(entity: Entity, external_id: ExternalId, fields: Mapping[str, Any]) -> Record:
    """A record from a mapping of its fields; what the mapping lacks keeps its default."""
    values: dict[str, Any] = {"external_id": external_id}
    for rule in FIELDS[entity]:
        if rule.name in fields:
            values[rule.name] = tuple(fields[rule.name]) if rule.many else fields[rule.name]
    return RECORDS[entity](**values)


def to_dict(record: Record) -> dict[str, Any]:
    """All fields with the id, in order, for listings: references as external ids, lists for many."""
    values: dict[str, Any] = {"external_id": record.external_id}
    for rule in FIELDS[record.entity]:
        value = getattr(record, rule.name)
        values[rule.name] = list(value) if rule.many else value
    return values


def fingerprint_of(body: str) -> str:
    """32 hexadecimal characters (BLAKE2b, 128 bit) that are equal when the fields are equal."""
    return hashlib.blake2b(body.encode("utf-8"), digest_size=16).hexdigest()

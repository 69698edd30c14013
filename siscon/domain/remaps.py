"""How a record is known again when its id was changed at the source: by other fields that tell it from all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from siscon.domain.records import Entity


@dataclass(frozen=True, slots=True)
class Sameness:
    """Fields that make two records one: ``needed`` must be there, ``beside`` must be equal, there or not."""

    needed: tuple[str, ...]
    beside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For people and tables."""
        return "+".join((*self.needed, *self.beside))


SAMENESS: Mapping[Entity, tuple[Sameness, ...]] = {
    Entity.SCHOOL: (Sameness(("number",)), Sameness(("name",))),
    Entity.TERM: (Sameness(("name", "starts_on", "school")), Sameness(("name", "starts_on"))),
    Entity.STAFF: (Sameness(("email",)), Sameness(("local_id",)), Sameness(("first_name", "last_name"))),
    Entity.STUDENT: (
        Sameness(("state_id",)),
        Sameness(("local_id",)),
        Sameness(("email",)),
        Sameness(("first_name", "last_name", "birth_date")),
    ),
    Entity.COURSE: (Sameness(("code", "title", "school")), Sameness(("code", "title"))),
    Entity.SECTION: (
        Sameness(("course", "number"), ("title", "period", "school", "terms")),
        Sameness(("course", "title"), ("period", "school", "terms")),
        Sameness(("course", "period"), ("school", "terms")),
        Sameness(("course", "number"), ("title", "period")),
        Sameness(("course",), ("school", "terms")),
    ),
    Entity.ENROLLMENT: (Sameness(("section", "student", "begins_on")), Sameness(("section", "student"))),
}
"""The surest first. A field that merely repeats the id tells nothing and is left out of account."""


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """So many of ``missing`` records of an entity came back under other ids."""

    entity: Entity
    pairs: int
    missing: int

    def is_alarming(self, at_least: int) -> bool:
        """Whether ids were changed at the source, as far as anybody can tell."""
        return self.pairs > at_least and 2 * self.pairs >= self.missing

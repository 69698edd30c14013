"""The guard: from where on a plan needs a person. Plain numbers in, sentences out; who counts stands elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from siscon.domain.plans import PlanCounts
from siscon.domain.records import Entity
from siscon.domain.text import plain

DAY_MS = 24 * 3_600_000
WEEK_MS = 7 * DAY_MS
"""So long what earlier runs did without a person's word counts as part of a plan."""

SECTION_OF = 5
"""A section with fewer active enrollments may be emptied unasked."""


class Mass(StrEnum):
    """What too many records may be at once; ``missing`` also are those withdrawn, or called inactive by the SIS."""

    CREATED = "created"
    UPDATED = "updated"
    MISSING = "missing"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """From where on a plan needs a person; shares are fractions of the known records.

    ``entities`` maps an entity to those of these values that are others for it.
    """

    updated_share: float = 0.75
    created_share: float = 0.50
    missing_share: float = 0.10
    dead_share: float = 0.50
    school_share: float = 0.25
    """So much of one school's records may be missing."""
    section_emptied: bool = True
    """Whether a section that would lose all its enrollments is too much."""
    at_least: int = 5
    """No share counts below this many records."""
    entities: Mapping[Entity, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, entity: Entity) -> GuardLimits:
        """The limits that hold for one entity."""
        return replace(self, **self.entities.get(entity, {}), entities={})

    def share_of(self, mass: Mass) -> float:
        """The share of one kind of change."""
        shares = {
            Mass.CREATED: self.created_share,
            Mass.UPDATED: self.updated_share,
            Mass.MISSING: self.missing_share,
            Mass.DEAD: self.dead_share,
        }
        return shares[mass]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records a plan itself concerns, and how many with those of the last seven days that nobody approved."""

    own: int = 0
    week: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """So many of the known records of one school are missing; ``name`` for people, made safe."""

    name: str
    count: int
    known: int


@dataclass(frozen=True, slots=True)
class Emptied:
    """A section that would lose every one of its active enrollments."""

    external_id: str
    count: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What the guard knows of the plan of one entity. ``left`` is the number that shares of the missing are of."""

    counts: PlanCounts
    left: int
    created: Tally = Tally()
    updated: Tally = Tally()
    missing: Tally = Tally()
    schools: Sequence[Lost] = ()
    sections: Sequence[Emptied] = ()

    def tally(self, mass: Mass) -> Tally:
        """The numbers of one kind of change."""
        counted = {Mass.CREATED: self.created, Mass.UPDATED: self.updated, Mass.MISSING: self.missing}
        return counted.get(mass, Tally(self.counts.dead, self.counts.dead))

    def known(self, mass: Mass) -> int:
        """Of how many records the share is taken."""
        return self.left if mass is Mass.MISSING else self.counts.known


@dataclass(frozen=True, slots=True)
class Excess:
    """One limit that a plan passes; ``place`` is the school or section, where it is one alone."""

    entity: Entity
    what: str
    count: int
    known: int
    limit: float
    place: str = ""
    week: bool = False

    @property
    def sentence(self) -> str:
        share = 100 * self.count / self.known if self.known else 100.0
        whose = f" of {self.place}" if self.place else ""
        since = ", the last 7 days together" if self.week else ""
        told = f"{self.count} of {self.known} {self.entity} records{whose} {self.what}{since}"
        return f"{told} ({share:.0f} %, limit {100 * self.limit:.0f} %)"


@dataclass(frozen=True, slots=True)
class Expected:
    """A mass change that was declared beforehand and has not ended: up to this share may be."""

    id: int
    entity: Entity
    mass: Mass
    share: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is too much, and what would be, had somebody not declared it (with the number of the declaration)."""

    excesses: tuple[Excess, ...] = ()
    expected: tuple[tuple[int, Excess], ...] = ()


def in_short(excesses: Sequence[Excess]) -> str:
    """Why a plan waits for a person, in one sentence: the two largest, the rest as a number."""
    ordered = sorted(excesses, key=lambda one: one.count, reverse=True)
    told = "; ".join(one.sentence for one in ordered[:2])
    more = len(ordered) - 2
    return f"{told}; and {more} more" if more > 0 else told


EMPTY_LIST = "would be missing, for the list came back empty"
OTHER_PEOPLE = "came back as other people: their ids were probably renumbered or used again at the source"
SECTION_EMPTIED = "would be gone: nobody would be left in it"
WORDS: Mapping[Mass, str] = {
    Mass.UPDATED: "would be updated",
    Mass.CREATED: "would be new: ids were probably changed at the source",
    Mass.DEAD: "cannot be applied",
    Mass.MISSING: "are missing at the source",
}


def guard(sight: Sight, limits: GuardLimits, expected: Sequence[Expected] = ()) -> Judgement:
    """Every limit that the plan of one entity passes; an empty judgement means: go on.

    The first import of an entity (nothing known yet) creates everything and passes. A list that comes back empty
    although something of it is here is always too much, however little that was and whatever was declared. What the
    plan itself does not add to is no reason to hold it.
    """
    counts, own = sight.counts, limits.of(sight.counts.entity)
    if counts.known == 0:
        return Judgement()
    if counts.missing and counts.fetched == 0:
        return Judgement((Excess(counts.entity, EMPTY_LIST, counts.missing, counts.known, 0.0),))
    mine = [one for one in expected if one.entity is counts.entity]
    excesses: list[Excess] = []
    let_through: list[tuple[int, Excess]] = []
    for mass in WORDS:
        excess = _excess(sight, mass, own.share_of(mass), own.at_least)
        if excess is None:
            continue
        declared = max((one for one in mine if one.mass is mass), key=lambda one: one.share, default=None)
        if declared is None or declared.share <= own.share_of(mass):
            excesses.append(excess)
        elif (above := _excess(sight, mass, declared.share, own.at_least)) is not None:
            excesses.append(above)
        else:
            let_through.append((declared.id, excess))
    if counts.others > own.at_least and counts.others > own.created_share * counts.known:
        excesses.append(Excess(counts.entity, OTHER_PEOPLE, counts.others, counts.known, own.created_share))
    if all(one.what != WORDS[Mass.MISSING] for one in excesses):
        excesses += _in_places(sight, own, expected)
    return Judgement(tuple(excesses), tuple(let_through))


def _excess(sight: Sight, mass: Mass, limit: float, at_least: int) -> Excess | None:
    tally, known = sight.tally(mass), sight.known(mass)
    if tally.own and tally.week > at_least and tally.week > limit * known:
        return Excess(sight.counts.entity, WORDS[mass], tally.week, known, limit, week=tally.week > tally.own)
    return None


def _in_places(sight: Sight, limits: GuardLimits, expected: Sequence[Expected]) -> list[Excess]:
    """One school or section may be wrecked while the district as a whole looks well."""
    entity = sight.counts.entity
    missing = [one for one in expected if one.mass is Mass.MISSING]
    share = max((one.share for one in missing if one.entity is entity), default=0.0)
    limit = max(limits.school_share, share)
    found = [
        Excess(entity, WORDS[Mass.MISSING], one.count, one.known, limit, place=f"school {one.name}")
        for one in sight.schools
        if one.count > limits.at_least and one.count > limit * one.known
    ]
    told_before = any(one.entity in (Entity.ENROLLMENT, Entity.SECTION) for one in missing)
    if limits.section_emptied and not told_before:
        found += [
            Excess(
                entity, SECTION_EMPTIED, one.count, one.count, 1.0, place=f"section {plain(one.external_id)}"
            )
            for one in sight.sections
            if one.count >= max(SECTION_OF, limits.at_least)
        ]
    return found

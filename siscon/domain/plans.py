"""Plans: what a run would do with each record, and the guard that says when that is too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from siscon.domain.records import Entity


class Verdict(StrEnum):
    """What a run would do, or did, with one record.

    ``missing`` and ``withdraw`` are of records that a complete list lacked; ``remove`` takes back what a run had
    created; ``skip`` leaves alone what has changed since.
    """

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    DEAD = "dead"
    MISSING = "missing"
    WITHDRAW = "withdraw"
    REMOVE = "remove"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """What a plan holds for one entity; ``known`` is the number of records mapped before the run.

    ``missing`` are those first missed now, ``withdraw`` those that stayed away, ``deactivated`` updates by which the
    SIS itself says that a record is no longer active; ``whole`` that the fetch was complete.
    """

    entity: Entity
    known: int
    create: int
    update: int
    unchanged: int
    conflict: int
    dead: int
    missing: int
    withdraw: int = 0
    deactivated: int = 0
    whole: bool = False
    completed: int = 0
    """How many of the updates only fill in what had to be left out before; no guard fears those."""

    @property
    def fetched(self) -> int:
        return self.create + self.update + self.unchanged + self.conflict + self.dead


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """From where on a plan needs a person; shares are fractions of the known records."""

    updated_share: float = 0.75
    created_share: float = 0.50
    missing_share: float = 0.10
    dead_share: float = 0.50
    at_least: int = 5
    """No share counts below this many records."""


@dataclass(frozen=True, slots=True)
class Excess:
    """One limit that a plan passes."""

    entity: Entity
    what: str
    count: int
    known: int
    limit: float

    @property
    def sentence(self) -> str:
        share = 100 * self.count / self.known if self.known else 100.0
        told = f"{self.count} of {self.known} {self.entity} records {self.what}"
        return f"{told} ({share:.0f} %, limit {100 * self.limit:.0f} %)"


def in_short(excesses: Sequence[Excess], most: int = 2) -> str:
    """Why a plan waits for a person, in one sentence: the largest first, the rest as a number."""
    ordered = sorted(excesses, key=lambda one: one.count, reverse=True)
    told = "; ".join(one.sentence for one in ordered[:most])
    more = len(ordered) - most
    return f"{told}; and {more} more" if more > 0 else told


EMPTY_LIST = "would be missing, for the list came back empty"


def guard(counts: PlanCounts, limits: GuardLimits) -> list[Excess]:
    """Every limit that the plan of one entity passes; an empty list means: go on.

    The first import of an entity (nothing known yet) creates everything and passes. A list that comes back empty
    although something of it is here is always too much, however little that was.
    """
    if counts.known == 0:
        return []
    if counts.missing and counts.fetched == 0:
        return [Excess(counts.entity, EMPTY_LIST, counts.missing, counts.known, 0.0)]
    told = (
        ("would be updated", counts.update - counts.completed, limits.updated_share),
        ("would be new: ids were probably changed at the source", counts.create, limits.created_share),
        ("cannot be applied", counts.dead, limits.dead_share),
        ("are missing at the source", counts.missing, limits.missing_share),
    )
    return [
        Excess(counts.entity, what, count, counts.known, limit)
        for what, count, limit in told
        if count > limits.at_least and count > limit * counts.known
    ]

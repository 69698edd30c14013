"""Plans: what a run would do with each record."""

from __future__ import annotations

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
    given_up: int = 0
    """How many are passed over because they were given up as they are now, came under an alias, or were overtaken by
    another run.
    """
    others: int = 0
    """How many of the conflicts are ids that came back as somebody else, and were not in question before."""

    @property
    def fetched(self) -> int:
        return self.create + self.update + self.unchanged + self.conflict + self.dead + self.given_up

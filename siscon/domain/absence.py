"""Absence: what becomes of a known record that a complete list no longer holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from siscon.domain.records import Entity

DAY_MS = 24 * 3600 * 1000


class Drops(StrEnum):
    """``mark`` it as missing and no more, ``skip`` it, or ``withdraw`` it once it stayed away."""

    MARK = "mark"
    SKIP = "skip"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class AbsenceRules:
    """A record is withdrawn when ``after_runs`` complete lists in a row lacked it and ``grace_days`` have passed since
    the first; ``entities`` name those that are dropped otherwise.
    """

    drops: Drops = Drops.WITHDRAW
    after_runs: int = 2
    grace_days: int = 0
    entities: Mapping[Entity, Drops] = field(default_factory=dict)

    def of(self, entity: Entity) -> Drops:
        """What becomes of absent records of an entity."""
        return self.entities.get(entity, self.drops)

    def missing_before_ms(self, now_ms: int) -> int:
        """Who was first missed at this moment or earlier has had the days of grace."""
        return now_ms - self.grace_days * DAY_MS

"""How runs ended over time: one outcome for each few hours of the last days, and the errors of each day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from siscon.domain.runs import RunStatus

DAYS = 14
SLOT_HOURS = 4
SLOTS_A_DAY = 24 // SLOT_HOURS


class Outcome(StrEnum):
    """What came of the imports of a while, the worst last: where several ended, the worst is told."""

    NONE = "none"
    GOOD = "good"
    ERRORS = "with errors"
    FAILED = "failed"
    HELD = "held"


_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}
_OUTCOMES: Mapping[RunStatus, Outcome] = {
    RunStatus.COMPLETED: Outcome.GOOD,
    RunStatus.WITH_WARNINGS: Outcome.GOOD,
    RunStatus.WITH_ERRORS: Outcome.ERRORS,
    RunStatus.FAILED: Outcome.FAILED,
    RunStatus.HELD: Outcome.HELD,
}
DISCARDED = frozenset({"discarded", "superseded"})
"""The codes of runs that were held and whose plan somebody, or a newer run, put away."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A few hours of a day: the worst that came of its imports, and the most records in error that one of them had.

    ``failed`` None: no import ended here that had counted, so nobody knows. ``ahead``: it has not begun yet.
    """

    day: date
    outcome: Outcome = Outcome.NONE
    failed: int | None = None
    runs: int = 0
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """Imports that ended alike in one slot: how many, and the most records in error that one of them had."""

    slot: int
    status: RunStatus
    error_code: str
    runs: int
    failed: int | None


def outcome_of(status: RunStatus, error_code: str = "") -> Outcome:
    """What a person calls the end of an import; one that was cancelled brought nothing, good or bad."""
    if status is RunStatus.CANCELLED and error_code in DISCARDED:
        return Outcome.HELD
    return _OUTCOMES.get(status, Outcome.NONE)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of several; none of none."""
    return max(outcomes, key=_RANK.__getitem__, default=Outcome.NONE)


def edges(now_ms: int, zone: tzinfo, *, days: int = DAYS) -> list[int]:
    """The moments between the slots of the last days, today's included; one more than there are slots.

    They lie on the clock of the zone, so a day that has 23 or 25 hours has as many slots as any other.
    """
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    hours = [time(hour) for hour in range(0, 24, SLOT_HOURS)]
    dates = [today - timedelta(days=back) for back in reversed(range(days))]
    at = [datetime.combine(day, hour, zone) for day in dates for hour in hours]
    at.append(datetime.combine(today + timedelta(days=1), time(), zone))
    return [int(one.timestamp() * 1000) for one in at]


def slots(ended: Iterable[Ended], now_ms: int, zone: tzinfo, *, days: int = DAYS) -> tuple[Slot, ...]:
    """The slots of the last days from what ended in them, the oldest first."""
    by_slot: dict[int, list[Ended]] = {}
    for one in ended:
        by_slot.setdefault(one.slot, []).append(one)
    starts = edges(now_ms, zone, days=days)[:-1]
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    return tuple(
        _slot(
            today - timedelta(days=days - 1 - index // SLOTS_A_DAY),
            by_slot.get(index, []),
            ahead=at_ms > now_ms,
        )
        for index, at_ms in enumerate(starts)
    )


def _slot(day: date, ended: Sequence[Ended], *, ahead: bool) -> Slot:
    return Slot(
        day,
        worst(outcome_of(one.status, one.error_code) for one in ended),
        max((one.failed for one in ended if one.failed is not None), default=None),
        sum(one.runs for one in ended),
        ahead,
    )


def by_day(found: Sequence[Slot]) -> list[tuple[date, int | None]]:
    """The most records in error that an import of each day had; None where nobody knows."""
    days: dict[date, int | None] = {}
    for slot in found:
        before = days.setdefault(slot.day, None)
        if slot.failed is not None:
            days[slot.day] = max(before or 0, slot.failed)
    return list(days.items())

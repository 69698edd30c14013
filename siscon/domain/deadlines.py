"""Deadlines by which records must be fresh: whether one has passed without a good import, however nobody ran then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from siscon.domain.blackouts import Blackout, span_at
from siscon.domain.freshness import Fresh
from siscon.domain.records import Entity
from siscon.domain.schedules import next_times, parse

LOOK_BACK = timedelta(days=8)
"""A line of week days comes at least once in so long."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Deadline:
    """Records of an integration that must be fresh whenever ``line`` (cron) comes, but within a window with dates, in
    which no schedule starts anything; no entities: all that it imports.
    """

    integration: str
    entities: tuple[Entity, ...]
    line: str
    max_age_ms: int
    windows: tuple[Blackout, ...] = ()


@dataclass(frozen=True, slots=True)
class Stale:
    """A deadline that passed: at ``due_ms``; ``missed`` times since the last good import, that ended ``good_ms``."""

    integration: str
    entity: Entity
    due_ms: int
    missed: int
    good_ms: int | None
    emptied: bool = False


def last_moments(line: str, zone: tzinfo, now_ms: int) -> list[int]:
    """The moments of a cron line in the last eight days, up to now, the oldest first."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    cron = parse(line)
    found: list[int] = []
    at = now - LOOK_BACK
    while True:
        moments = next_times(cron, zone, at, 20)
        for moment in moments:
            if moment > now:
                return found
            found.append(int(moment.timestamp() * 1000))
        if not moments:
            return found
        at = moments[-1]


def passed(
    deadline: Deadline,
    fresh: Iterable[Fresh],
    imported: Iterable[Entity],
    zone: tzinfo,
    *,
    now_ms: int,
    active_since_ms: int,
) -> list[Stale]:
    """What of a deadline is stale now: its last moment has come, and no good import came near it, nor has since.

    ``fresh`` are the last good imports of the integration, ``imported`` what it imports at all. A list that came
    empty, though records are known, is no success, nor is one from the future: of a clock that was put back since
    nobody knows when it was. A moment before the integration was there asks nothing of it.
    """
    moments = [
        one
        for one in last_moments(deadline.line, zone, now_ms)
        if one >= active_since_ms and not _is_expected_to_rest(deadline, one)
    ]
    if not moments:
        return []
    by_entity = {one.entity: one for one in fresh}
    wanted = deadline.entities or tuple(dict.fromkeys((*imported, *by_entity))) or (Entity.STUDENT,)
    found = []
    for entity in wanted:
        last = by_entity.get(entity)
        is_good = last is not None and not last.emptied and last.ended_ms <= now_ms + HOUR_MS
        good_ms = last.ended_ms if last is not None and is_good else None
        missed = [one for one in moments if good_ms is None or good_ms < one - deadline.max_age_ms]
        if missed and missed[-1] == moments[-1]:
            emptied = last is not None and last.emptied
            found.append(
                Stale(deadline.integration, entity, moments[-1], len(missed), good_ms, emptied=emptied)
            )
    return found


def _is_expected_to_rest(deadline: Deadline, at_ms: int) -> bool:
    """Whether a window with dates holds a moment; one that comes every week lasts hours, and the night before does."""
    return any(not one.weekly and span_at(one, at_ms) is not None for one in deadline.windows)

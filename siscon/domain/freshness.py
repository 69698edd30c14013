"""How fresh each kind of record is, and when that is too old: reckoned from the schedule, not from a feeling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from siscon.domain.errors import UsageError
from siscon.domain.integrations import GRACE_MS
from siscon.domain.records import Entity
from siscon.domain.schedules import next_time


@dataclass(frozen=True, slots=True)
class Fresh:
    """The last good import that covered an entity.

    ``fetched`` and ``known`` are what its list held and how many records were known before; ``full`` that it asked
    for everything; ``since_empty`` that it asked for changes alone, after a whole list without records, and none has
    come since. ``late``: by its schedule there should be a newer one.
    """

    entity: Entity
    run_id: int
    began_ms: int
    ended_ms: int
    fetched: int
    known: int
    full: bool
    late: bool = False
    since_empty: bool = False

    @property
    def emptied(self) -> bool:
        """Whether everything was asked for and nothing came, though records are known: no success at all.

        It stays so until a record comes: that nothing of nothing has changed is no news.
        """
        return (self.full or self.since_empty) and not self.fetched and self.known > 0


def judged(
    fresh: Fresh, schedule: str, zone: tzinfo, *, now_ms: int, under_way_since_ms: int | None = None
) -> Fresh:
    """The same, late or not by a schedule.

    Late is what has not come though its next time is over by the grace and twice what the last import took. What
    has no schedule is never late, and one that cannot be read is the configuration's trouble. A run that is under way
    brings what is missing, but not for ever: from its begin it is reckoned alike.
    """
    due_ms = _due_after(schedule, zone, max(fresh.began_ms, under_way_since_ms or 0))
    patience_ms = GRACE_MS + 2 * max(0, fresh.ended_ms - fresh.began_ms)
    return replace(fresh, late=due_ms is not None and now_ms > due_ms + patience_ms)


@lru_cache(maxsize=2048)
def _due_after(schedule: str, zone: tzinfo, after_ms: int) -> int | None:
    """The next time of a schedule; kept, for every look at a screen asks the same again."""
    if not schedule:
        return None
    try:
        due = next_time(schedule, zone, datetime.fromtimestamp(after_ms / 1000, UTC))
    except UsageError:
        return None
    return None if due is None else int(due.timestamp() * 1000)

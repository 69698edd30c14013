"""How the imports of the last fourteen days ended, read again only when one has ended since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, tzinfo

from siscon.domain.outcomes import Ended, Slot, by_day, edges, slots
from siscon.store.database import Database


@dataclass(frozen=True, slots=True)
class Trend:
    """The last days of one integration, the oldest first."""

    slots: tuple[Slot, ...] = ()

    @property
    def errors(self) -> list[tuple[date, int | None]]:
        """The most records in error that an import of each day had."""
        return by_day(self.slots)


@dataclass(frozen=True, slots=True)
class Trends:
    """The last days of every integration.

    ``key`` stays the same as long as they do. ``ended`` is what they were made of, and ``here`` the slot under way
    then: what ended before it cannot change any more.
    """

    by_name: Mapping[str, Trend] = field(default_factory=dict)
    key: tuple[object, ...] = ()
    ended: Mapping[str, Sequence[Ended]] = field(default_factory=dict)
    here: int = 0

    def of(self, integration: str) -> Trend:
        """The last days of one; empty where nothing is known of it."""
        return self.by_name.get(integration, Trend())


async def trends(db: Database, known: Trends | None = None, *, now_ms: int, zone: tzinfo) -> Trends:
    """The last days of every integration; ``known`` itself where no run has ended since it was read.

    Of a run that has ended since, only the slots from then on are read again, and the one before them: clocks differ.
    """
    from siscon.store import outcomes

    between = edges(now_ms, zone)
    here = sum(1 for one in between if one <= now_ms) - 1
    async with db.read() as c:
        newest = await outcomes.newest(c)
        key = (between[0], between[-1], here, newest)
        if known is not None and known.key == key:
            return known
        same_day = known is not None and known.key[:2] == key[:2]
        first = max(0, known.here - 1) if known is not None and same_day else 0
        read = await outcomes.ended(c, between[first:])
        held = await outcomes.held(c, between)
    names = [str(row[0]) for row in newest]
    before = known.ended if known is not None else {}
    ended = {
        name: [one for one in before.get(name, ()) if one.slot < first]
        + [replace(one, slot=one.slot + first) for one in read.get(name, ())]
        for name in names
    }
    by_name = {name: Trend(slots([*ended[name], *held.get(name, ())], now_ms, zone)) for name in names}
    return Trends(by_name, key, ended, here)

"""Hours in which people are not to be woken, on the clock of their zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class Window:
    """Hours from ``begin`` to ``end`` ("22:00", "06:00"), over midnight where the end comes first.

    ``weekdays`` (0 = Sunday) are those on which they begin; begin and end alike mean 24 hours.
    """

    begin: str
    end: str
    weekdays: tuple[int, ...]

    def holds(self, local: datetime) -> bool:
        """Whether a local moment lies in it."""
        clock = f"{local:%H:%M}"
        today = local.isoweekday() % 7
        if self.begin < self.end:
            return today in self.weekdays and self.begin <= clock < self.end
        yesterday = (local - timedelta(days=1)).isoweekday() % 7
        begun_today = today in self.weekdays and clock >= self.begin
        return begun_today or (yesterday in self.weekdays and clock < self.end)


def is_quiet(windows: Iterable[Window], zone: tzinfo, now_ms: int) -> bool:
    """Whether a moment lies in any of the windows."""
    local = datetime.fromtimestamp(now_ms / 1000, zone)
    return any(one.holds(local) for one in windows)

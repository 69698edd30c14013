"""What a report is made of, however it is written: facts, tables with columns and rows, notes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum

from siscon.domain.periods import Period


class Kind(StrEnum):
    """What stands in a column: numbers name something, moments are milliseconds since 1970 UTC, spans seconds."""

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"
    MOMENT = "moment"
    SPAN = "span"
    SHARE = "share"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many. Of none there is no share: neither all nor nothing."""

    part: int
    whole: int

    @property
    def percent(self) -> float | None:
        """With one digit; 100 only where it is all, 0 only where it is none."""
        if not self.whole:
            return None
        found = round(100 * self.part / self.whole, 1)
        if found >= 100 and self.part < self.whole:
            return 99.9
        return 0.1 if found <= 0 < self.part else found


Cell = str | int | float | Share | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``rank``: where there is little room, those of the highest rank are left out first, 0 never.

    ``absent`` is what stands where there is nothing to say; what is ``whole`` is cut nowhere.
    """

    key: str
    title: str
    kind: Kind = Kind.TEXT
    rank: int = 0
    absent: str = "-"
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; ``empty`` is said where there is no row."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    empty: str = "Nothing."


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is said beside the tables: a key for programs, a name and a sentence for people."""

    key: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report. ``zone`` is that of every moment in it, ``zone_name`` what it is called."""

    name: str
    title: str
    made_at_ms: int
    zone: tzinfo
    zone_name: str
    tables: tuple[Table, ...]
    period: Period | None = None
    facts: tuple[Fact, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def span(self) -> str:
        """From when until when, for people."""
        if self.period is None:
            return minute(self.made_at_ms, self.zone)
        return f"{minute(self.period.from_ms, self.zone)} to {minute(self.period.until_ms, self.zone)}"

    @property
    def over_a_year(self) -> bool:
        """Whether moments need their year to be told apart."""
        return self.period is not None and self.period.until_ms - self.period.from_ms > 330 * 86_400_000


def minute(at_ms: int, zone: tzinfo) -> str:
    """2026-11-26 06:30+01:00"""
    return datetime.fromtimestamp(at_ms // 1000, zone).isoformat(sep=" ", timespec="minutes")


def stamp(at_ms: int, zone: tzinfo) -> str:
    """2026-11-26T06:30:12+01:00"""
    return datetime.fromtimestamp(at_ms // 1000, zone).isoformat(timespec="seconds")


def short_minute(at_ms: int, zone: tzinfo) -> str:
    """Nov 26 06:30 +01; the minutes of the offset where it has some."""
    at = datetime.fromtimestamp(at_ms // 1000, zone)
    offset = at.isoformat(timespec="minutes")[16:].removesuffix(":00")
    return f"{at:%b %d %H:%M} {offset}"


def lasted(seconds: float) -> str:
    """12 s, 4 min, 3 h 20 min, 5 d 2 h."""
    whole = int(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 48 * 3600:
        minutes = whole % 3600 // 60
        return f"{whole // 3600} h {minutes} min" if minutes else f"{whole // 3600} h"
    hours = whole % 86_400 // 3600
    return f"{whole // 86_400} d {hours} h" if hours else f"{whole // 86_400} d"


def told(cell: Cell, column: Column, report: Report) -> str:
    """A cell for people: what every form that is read by eye writes."""
    if cell is None:
        return column.absent
    if isinstance(cell, Share):
        percent = cell.percent
        return "no run" if percent is None else f"{percent:g} %"
    if column.kind is Kind.MOMENT and isinstance(cell, int):
        return (minute if report.over_a_year else short_minute)(cell, report.zone)
    if column.kind is Kind.SPAN and isinstance(cell, int | float):
        return lasted(cell)
    if column.kind is Kind.COUNT and isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, date):
        return f"{cell:%a} {cell.isoformat()}"
    return str(cell)

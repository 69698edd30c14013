"""The report on one integration day by day: what ran, what it did, how fresh the roster was in the morning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time, tzinfo

from siscon.domain.errors import UsageError
from siscon.domain.periods import Period, days_of, moment_on
from siscon.domain.records import Entity
from siscon.domain.tables import Cell, Column, Fact, Kind, Report, Table
from siscon.domain.text import plain
from siscon.ops.reports.endings import HOW_COUNTED, tally
from siscon.ops.reports.history import told_of
from siscon.store import integrations, reporting
from siscon.store.database import Database
from siscon.store.reporting import DayCounts, DayEnds

MORNING = time(6, 30)
NOTES = (
    "Err.: the most records in error that one run of the day had, for what stays in error is tried by every run.",
    "Age: how old the data of the stalest entity were at that time, from the end of the last good import on.",
)


async def trend(
    db: Database,
    integration: str,
    period: Period,
    *,
    at: time = MORNING,
    now_ms: int,
    zone: tzinfo,
) -> Report:
    """The days of a period, the oldest first; raises ``UsageError`` for an integration that nobody knows."""
    days = days_of(period, zone)
    async with db.read() as c:
        known = await integrations.one(c, integration)
        covered = await reporting.entity_ends(c, period, integration)
        ends = await reporting.day_ends(c, integration, [one for _, one in days])
        if known is None and not ends:
            names = ", ".join(one.name for one in await integrations.all_integrations(c)) or "none yet"
            raise UsageError(
                f"There is no integration '{plain(integration, limit=40)}'. Known are: {names}.",
                code="no_such_integration",
            )
        counts = await reporting.day_counts(c, integration, [one for _, one in days])
        entities = [one.entity for one in covered]
        moments = [moment_on(day, at, zone) for day, _ in days]
        fresh = await reporting.fresh_at(c, integration, moments, entities)
    rows = tuple(
        _row(
            day,
            [one for one in ends if one.slot == slot],
            counts.get(slot),
            _age(fresh.get(slot, {}), moments[slot], now_ms),
        )
        for slot, (day, _) in enumerate(days)
    )
    whole = tally(ends)
    rate = whole.success
    told = "no run" if rate.percent is None else f"{rate.percent:g} % ({rate.part:,} of {rate.whole:,})"
    facts = (
        Fact("success", "Success", told),
        Fact("ends", "Imports", told_of(whole) or "none ended in this time"),
    )
    table = Table("days", "Day by day", _columns(at), rows, NOTES)
    title = f"Trend of {integration}"
    return Report("trend", title, now_ms, zone, str(zone), (table,), period, facts, (HOW_COUNTED,))


def _columns(at: time) -> tuple[Column, ...]:
    return (
        Column("day", "Day", Kind.DAY),
        Column("runs", "Runs", Kind.COUNT),
        Column("good", "Good", Kind.COUNT, rank=4),
        Column("failed", "Failed", Kind.COUNT, rank=2),
        Column("put_away", "Put away", Kind.COUNT, rank=7),
        Column("success", "Success", Kind.SHARE),
        Column("records", "Records", Kind.COUNT, rank=1),
        Column("created", "New", Kind.COUNT),
        Column("updated", "Upd.", Kind.COUNT),
        Column("missing", "Miss.", Kind.COUNT, rank=2),
        Column("withdrawn", "Withdrawn", Kind.COUNT, rank=8),
        Column("in_error", "Err.", Kind.COUNT),
        Column("conflict", "Conf.", Kind.COUNT, rank=6),
        Column("longest_s", "Longest", Kind.SPAN, rank=5),
        Column("requests", "Requests", Kind.COUNT, rank=6),
        Column("age_s", f"Age {at:%H:%M}", Kind.SPAN, absent="none"),
        Column("stalest", "Stalest", rank=3),
    )


def _row(
    day: date, ends: Sequence[DayEnds], counts: DayCounts | None, age: tuple[float | None, str | None]
) -> tuple[Cell, ...]:
    found = tally(ends)
    done = (
        (None,) * 7
        if counts is None
        else (
            *(counts.fetched, counts.created, counts.updated, counts.missing, counts.withdrawn),
            *(counts.failed, counts.conflict),
        )
    )
    return (
        day,
        found.runs,
        found.good if ends else None,
        found.failed if ends else None,
        found.put_away if ends else None,
        found.success,
        *done,
        max(one.took_ms for one in ends) / 1000 if ends else None,
        sum(one.requests for one in ends) if ends else None,
        *age,
    )


def _age(fresh: Mapping[Entity, int | None], at_ms: int, now_ms: int) -> tuple[float | None, str | None]:
    """How old the stalest entity was, and which; nothing is said of a morning that is still to come."""
    if at_ms > now_ms or not fresh:
        return None, None
    never = [entity for entity, ended_ms in fresh.items() if ended_ms is None]
    if never:
        return None, never[0].value
    entity, ended_ms = min(fresh.items(), key=lambda one: one[1] or 0)
    return max(0, at_ms - (ended_ms or 0)) / 1000, entity.value

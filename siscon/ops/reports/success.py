"""The report on success: how often the syncs of each integration, schedule and entity came through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from siscon.domain.periods import Period
from siscon.domain.runs import RunStatus
from siscon.domain.tables import Cell, Column, Fact, Kind, Report, Share, Table
from siscon.domain.timetables import FULL, MAIN
from siscon.ops.reports.endings import HOW_COUNTED, Tally, tally
from siscon.ops.reports.history import told_of
from siscon.store import integrations, reporting, runs, schedules
from siscon.store.database import Database
from siscon.store.reporting import Ends, EntityEnds
from siscon.store.schedules import Armed

ENDS_COLUMNS = (
    Column("runs", "Runs", Kind.COUNT),
    Column("good", "Good", Kind.COUNT),
    Column("errors", "Errors", Kind.COUNT),
    Column("failed", "Failed", Kind.COUNT),
    Column("put_away", "Put away", Kind.COUNT, rank=2),
    Column("cancelled", "Cancelled", Kind.COUNT, rank=3),
    Column("success", "Success", Kind.SHARE),
    Column("failure", "Failure", Kind.SHARE, rank=2),
)
SHORT = {MAIN: "its schedule", FULL: "its full schedule"}
MISSED = Column("missed", "Missed", Kind.COUNT, rank=1)
INTEGRATION = Column("integration", "Integration")
BY_INTEGRATION = (
    INTEGRATION,
    *ENDS_COLUMNS,
    Column("held_now", "Held now", Kind.COUNT, rank=1),
    Column("mean_s", "Mean time", Kind.SPAN, rank=4, absent="no run"),
    Column("requests", "Requests", Kind.COUNT, rank=5),
)
BY_SCHEDULE = (
    INTEGRATION,
    Column("started_by", "Started by"),
    Column("line", "Cron", rank=4),
    *ENDS_COLUMNS,
    MISSED,
)
BY_ENTITY = (
    INTEGRATION,
    Column("entity", "Entity"),
    Column("runs", "Runs", Kind.COUNT),
    Column("through", "Through", Kind.COUNT),
    Column("success", "Success", Kind.SHARE),
    Column("records", "Records", Kind.COUNT),
    Column("in_error", "In error", Kind.COUNT),
    Column("in_error_share", "of them", Kind.SHARE, rank=1),
    Column("created", "New", Kind.COUNT, rank=2),
    Column("updated", "Updated", Kind.COUNT, rank=2),
    Column("missing", "Missing", Kind.COUNT, rank=3),
    Column("withdrawn", "Withdrawn", Kind.COUNT, rank=4),
    Column("conflict", "In conflict", Kind.COUNT, rank=4),
)


async def success(
    db: Database, period: Period, *, integration: str | None = None, now_ms: int, zone: tzinfo
) -> Report:
    """Rates of the imports that ended in a period. What had no run says so; it is neither good nor bad."""
    async with db.read() as c:
        known = [one for one in await integrations.all_integrations(c) if integration in (None, one.name)]
        armed = [it for it in await schedules.all_schedules(c) if integration in (None, it.integration)]
        ended = await reporting.ends(c, period, integration)
        missed = await reporting.missed(c, period)
        entities = await reporting.entity_ends(c, period, integration)
        held = await runs.latest(c, integration=integration, status=RunStatus.HELD, limit=1000)
    imports = [one for one in ended if one.is_import]
    others = [one for one in ended if not one.is_import]
    names = sorted({*(one.name for one in known), *(one.integration for one in imports)})
    waiting = {name: sum(run.integration == name for run in held) for name in names}
    whole = tally(imports)
    rate = whole.success
    told = "no run" if rate.percent is None else f"{rate.percent:g} % ({rate.part:,} of {rate.whole:,})"
    facts = (
        Fact("success", "Success", told),
        Fact("ends", "Imports", told_of(whole) or "none ended in this time"),
    )
    tables = [
        Table(
            "integrations",
            "By integration",
            BY_INTEGRATION,
            tuple(_by_integration(name, imports, waiting[name]) for name in names),
            empty="No integration yet.",
        ),
        Table(
            "schedules",
            "By schedule",
            BY_SCHEDULE,
            tuple(_by_schedule(armed, imports, missed)),
            empty="Nothing has a schedule, and nothing ran.",
        ),
        Table(
            "entities",
            "By entity",
            BY_ENTITY,
            tuple(_by_entity(one) for one in entities),
            ("Runs: the imports that had begun with the entity. Through: those that brought it to its end.",),
            empty="No run.",
        ),
    ]
    if others:
        tables.append(_others(others))
    title = "Success of syncs" if integration is None else f"Success of the syncs of {integration}"
    return Report("success", title, now_ms, zone, str(zone), tuple(tables), period, facts, (HOW_COUNTED,))


def _ends(found: Tally) -> tuple[Cell, ...]:
    return (
        found.runs,
        found.good,
        found.errors,
        found.failed,
        found.put_away,
        found.cancelled,
        found.success,
        found.failure,
    )


def _by_integration(name: str, imports: Sequence[Ends], held: int) -> tuple[Cell, ...]:
    own = [one for one in imports if one.integration == name]
    found = tally(own)
    mean = sum(one.took_ms for one in own) / found.runs / 1000 if found.runs else None
    return (name, *_ends(found), held, mean, sum(one.requests for one in own))


def _by_schedule(
    armed: Sequence[Armed], imports: Sequence[Ends], missed: Mapping[tuple[str, str], int]
) -> list[tuple[Cell, ...]]:
    """A row for each schedule that there is, or that started something; and one for what people started."""
    lines = {(one.integration, one.schedule.name): one.schedule.line for one in armed}
    rows: list[tuple[Cell, ...]] = []
    for name in sorted({*(name for name, _ in lines), *(one.integration for one in imports)}):
        own = [one for one in imports if one.integration == name]
        mine = [schedule for of, schedule in lines if of == name]
        gone = sorted({one.schedule for one in own if one.schedule} - set(mine))
        for schedule in (*mine, *gone):
            found = tally(one for one in own if one.schedule == schedule)
            word = SHORT.get(schedule, f"schedule {schedule}")
            rows.append(
                (name, word, lines.get((name, schedule)), *_ends(found), missed.get((name, schedule), 0))
            )
        for word, by_webhook in (("webhooks", True), ("somebody", False)):
            found = tally(one for one in own if not one.schedule and one.by_webhook is by_webhook)
            if found.runs:
                rows.append((name, word, None, *_ends(found), None))
    return rows


def _by_entity(one: EntityEnds) -> tuple[Cell, ...]:
    return (
        one.integration,
        one.entity.value,
        one.runs,
        one.through,
        Share(one.through, one.runs),
        one.fetched,
        one.failed,
        Share(one.failed, one.fetched) if one.fetched else None,
        one.created,
        one.updated,
        one.missing,
        one.withdrawn,
        one.conflict,
    )


def _others(ended: Sequence[Ends]) -> Table:
    """Retries, single records, edits, undoing: told apart, for they say nothing of the syncs."""
    kinds = sorted({(one.integration, one.kind.value, one.lane.value) for one in ended})
    rows = []
    for integration, kind, lane in kinds:
        key = (integration, kind, lane)
        found = tally(one for one in ended if (one.integration, one.kind.value, one.lane.value) == key)
        rows.append((integration, kind, lane, *_ends(found)))
    columns = (INTEGRATION, Column("kind", "Kind"), Column("lane", "Lane", rank=1), *ENDS_COLUMNS)
    return Table("others", "Other work", columns, tuple(rows))

"""The report on one run: what it did with each entity, how it went, why records were set aside. Counts, no names."""

from __future__ import annotations

from datetime import tzinfo

from siscon.domain.errors import UsageError
from siscon.domain.events import Event, Level
from siscon.domain.paces import MINUTE_MS, Pace, lasted
from siscon.domain.runs import Counts, Run
from siscon.domain.tables import Cell, Column, Fact, Kind, Report, Share, Table, minute
from siscon.domain.tables import lasted as length
from siscon.ops.reports.endings import word_of
from siscon.ops.summaries import summary
from siscon.store import events, paces, reporting, run_counts, runs
from siscon.store.database import Database
from siscon.store.reporting import CauseCount

LOOKED_AT, MOST_EVENTS = 2_000, 40
COUNTS = (
    Column("entity", "Entity"),
    Column("fetched", "Records", Kind.COUNT),
    Column("created", "New", Kind.COUNT),
    Column("updated", "Updated", Kind.COUNT),
    Column("unchanged", "Same", Kind.COUNT, rank=1),
    Column("conflict", "In conflict", Kind.COUNT, rank=2),
    Column("failed", "In error", Kind.COUNT),
    Column("failed_share", "of them", Kind.SHARE, rank=3),
    Column("skipped", "Skipped", Kind.COUNT, rank=4),
    Column("missing", "Missing", Kind.COUNT),
    Column("withdrawn", "Withdrawn", Kind.COUNT, rank=3),
    Column("warnings", "Warnings", Kind.COUNT, rank=5),
    Column("announced", "Announced", Kind.COUNT, rank=6),
    Column("requests", "Requests", Kind.COUNT, rank=5),
    Column("seconds", "Took", Kind.SPAN, rank=6),
)
PHASES = (
    Column("phase", "Phase"),
    Column("began_at", "Began", Kind.MOMENT),
    Column("seconds", "Took", Kind.SPAN),
)
CAUSES = (
    Column("entity", "Entity"),
    Column("code", "Cause"),
    Column("field", "Field", absent=""),
    Column("records", "Records", Kind.COUNT),
)
NEWS = (Column("at", "When", Kind.MOMENT), Column("level", "Level"), Column("text", "What"))


async def one_run(db: Database, run_id: int, *, now_ms: int, zone: tzinfo) -> Report:
    """One run; raises ``UsageError`` where there is none of that number."""
    async with db.read() as c:
        run = await runs.get(c, run_id)
        if run is None:
            raise UsageError(f"There is no run {run_id}: 'siscon runs list' lists them.", code="no_such_run")
        counts = await run_counts.of_run(c, run_id)
        pace = await paces.of_run(c, run_id)
        causes = await reporting.causes(c, run.integration, run_id)
        news = [
            one
            for one in await events.latest(c, limit=LOOKED_AT, run_id=run_id)
            if one.level is not Level.INFO
        ][:MOST_EVENTS]
    told = await summary(db, run_id) or {}
    tables = (
        Table(
            "counts", "By entity", COUNTS, tuple(_counts(one) for one in counts), empty="Nothing was counted."
        ),
        Table("phases", "Phases", PHASES, tuple(_phases(run, pace, now_ms)), empty="No phase has begun."),
        Table(
            "causes",
            "Records in error, by cause",
            CAUSES,
            tuple(_cause(one) for one in causes),
            empty="None.",
        ),
        Table(
            "news",
            "Warnings and errors",
            NEWS,
            tuple(_event(one) for one in reversed(news)),
            empty="None were reported.",
        ),
    )
    facts = (*_facts(run, pace, now_ms, zone), *_movements(told))
    title = f"Run {run.id} of {run.integration}"
    return Report("run", title, now_ms, zone, str(zone), tables, facts=facts)


def _facts(run: Run, pace: Pace, now_ms: int, zone: tzinfo) -> list[Fact]:
    began_ms = run.started_at_ms
    facts = [
        Fact("status", "End", f"{word_of(run.status, run.error_code)}{': ' if run.error else ''}{run.error}"),
        Fact("asked_for", "Asked for", "everything" if run.full else "what changed"),
        Fact("started_by", "Started by", f"schedule {run.schedule}" if run.schedule else run.requested_by),
    ]
    if run.kind.value != "import":
        facts[1] = Fact("kind", "Kind", run.kind.value)
    facts.append(Fact("queued_at", "Queued", minute(run.queued_at_ms, zone)))
    if began_ms is not None:
        facts.append(Fact("began_at", "Began", minute(began_ms, zone)))
    if run.finished_at_ms is not None:
        facts.append(Fact("ended_at", "Ended", minute(run.finished_at_ms, zone)))
    if began_ms is not None:
        facts.append(Fact("took", "Took", length(max(0, (run.finished_at_ms or now_ms) - began_ms) / 1000)))
    asked = f"{run.requests:,}, of them {pace.failed:,} failed and {pace.throttled:,} throttled"
    return [*facts, Fact("requests", "Requests", asked)]


def _movements(told: dict[str, object]) -> list[Fact]:
    """Who came back, moved, was named: how many, never who."""
    found = []
    drops, transfers = told.get("drops"), told.get("transfers")
    if isinstance(drops, dict) and drops.get("came_back"):
        found.append(Fact("came_back", "Came back", f"{drops['came_back']:,}"))
    if isinstance(transfers, dict):
        found += [
            Fact(f"moved_{what}", f"Moved {what}", f"{moves['count']:,} students")
            for what, moves in transfers.items()
            if moves["count"]
        ]
    accounts = told.get("accounts")
    if isinstance(accounts, dict) and accounts:
        named = ", ".join(f"{count:,} {entity}" for entity, count in accounts.items())
        found.append(Fact("named", "Accounts", f"{named} got a name"))
    return found


def _counts(one: Counts) -> tuple[Cell, ...]:
    return (
        one.entity.value,
        one.fetched,
        one.created,
        one.updated,
        one.unchanged,
        one.conflict,
        one.failed,
        Share(one.failed, one.fetched) if one.fetched else None,
        one.skipped,
        one.missing,
        one.withdrawn,
        one.warnings,
        one.total,
        one.requests,
        one.seconds,
    )


def _phases(run: Run, pace: Pace, now_ms: int) -> list[tuple[Cell, ...]]:
    minutes = [(one.minute + 1) * MINUTE_MS for one in pace.minutes]
    last_ms = run.finished_at_ms or min(now_ms, max([*pace.phases.values(), *minutes], default=now_ms))
    long = lasted(pace.phases, last_ms)
    return [(phase.value, pace.phases[phase], ms / 1000) for phase, ms in long.items()]


def _cause(one: CauseCount) -> tuple[Cell, ...]:
    return (one.entity.value, one.code, one.field or None, one.count)


def _event(one: Event) -> tuple[Cell, ...]:
    return (one.at_ms, one.level.value, one.text)

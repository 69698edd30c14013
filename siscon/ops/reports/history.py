"""The report on history: which runs there were, the newest first."""

from __future__ import annotations

from datetime import tzinfo

from siscon.domain.periods import Period
from siscon.domain.runs import Run
from siscon.domain.tables import Cell, Column, Fact, Kind, Report, Table
from siscon.domain.text import counted
from siscon.ops.reports.endings import tally, word_of
from siscon.store import reporting, run_counts, runs
from siscon.store.database import Database
from siscon.store.run_counts import Totals

MOST = 500
"""So many runs are listed unless more are asked for."""
COLUMNS = (
    Column("run", "Run", Kind.NUMBER),
    Column("integration", "Integration"),
    Column("kind", "Kind", rank=4),
    Column("started_by", "Started by", rank=7),
    Column("end", "End"),
    Column("began_at", "Began", Kind.MOMENT),
    Column("ended_at", "Ended", Kind.MOMENT, rank=8),
    Column("took_s", "Took", Kind.SPAN, rank=3),
    Column("records", "Records", Kind.COUNT),
    Column("created", "New", Kind.COUNT, rank=4),
    Column("updated", "Upd.", Kind.COUNT, rank=4),
    Column("missing", "Miss.", Kind.COUNT, rank=5),
    Column("failed", "Err.", Kind.COUNT),
    Column("conflict", "Conf.", Kind.COUNT, rank=5),
    Column("requests", "Requests", Kind.COUNT, rank=6),
    Column("error_code", "Code", rank=9, absent=""),
    Column("error", "What was wrong", rank=2, absent=""),
)


async def history(
    db: Database,
    period: Period,
    *,
    integration: str | None = None,
    limit: int = MOST,
    now_ms: int,
    zone: tzinfo,
) -> Report:
    """Runs of a period: those that have not ended first, then those that ended in it; at most ``limit`` of each."""
    async with db.read() as c:
        ids, total = await reporting.ended_ids(c, period, integration, limit=limit)
        waiting = await reporting.not_ended_ids(c, period, integration, limit=limit)
        found = {one.id: one for one in await runs.by_ids(c, [*waiting, *ids])}
        sums = await run_counts.sums(c, found)
        ended = tally(await reporting.ends(c, period, integration))
    shown = [found[id_] for id_ in [*waiting, *ids] if id_ in found]
    notes = []
    if total > len(ids):
        notes.append(
            f"The newest {len(ids):,} of {total:,} that ended are listed; --limit, or a shorter time, shows others."
        )
    facts = (
        Fact("runs", "Ended", f"{counted(total, 'run')}: {told_of(ended)}" if total else "no run"),
        Fact("not_ended", "Not ended", counted(len(waiting), "run") if waiting else "none"),
    )
    table = Table(
        "runs",
        "Runs",
        COLUMNS,
        tuple(_row(one, sums[one.id]) for one in shown),
        tuple(notes),
        empty="No run ended in this time, and none is under way.",
    )
    title = "Sync history" if integration is None else f"Sync history of {integration}"
    return Report("history", title, now_ms, zone, str(zone), (table,), period, facts)


def told_of(ended: object) -> str:
    """How many ended how, in words; what there was none of is left out."""
    words = {
        "good": "good",
        "errors": "with records in error",
        "failed": "failed",
        "put_away": "held and put away",
        "cancelled": "cancelled",
    }
    return ", ".join(f"{n:,} {word}" for name, word in words.items() if (n := getattr(ended, name)))


def _row(run: Run, sums: Totals) -> tuple[Cell, ...]:
    began_ms = run.started_at_ms if run.started_at_ms is not None else run.queued_at_ms
    took = (run.finished_at_ms - began_ms) / 1000 if run.finished_at_ms is not None else None
    return (
        run.id,
        run.integration,
        run.kind.value,
        run.requested_by,
        word_of(run.status, run.error_code),
        began_ms,
        run.finished_at_ms,
        took,
        sums.fetched,
        sums.created,
        sums.updated,
        sums.missing,
        sums.failed,
        sums.conflict,
        run.requests,
        run.error_code or None,
        run.error or None,
    )

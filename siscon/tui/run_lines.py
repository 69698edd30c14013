"""From runs to table rows: those under way with bars and time left, the history, the counts of one run."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from siscon.domain.progress import TimeLeft, requests_left, share, told
from siscon.domain.runs import ENDED, GOOD_ENDS, Counts, Phase, Run, RunKind, RunStatus
from siscon.ops.runs import ActiveRun, HistoryRow
from siscon.tui.present import (
    RUN_WORDS,
    Cell,
    Cells,
    Look,
    Tone,
    bar,
    count,
    foreign,
    mark,
    moment,
    number,
    percent,
    span,
)
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line

BAR_WIDTH = 14

WHY_FROM = 138
"""In a narrower table a column of reasons would hold no sentence: the status line says why the run under the cursor
waits.
"""

ACTIVE = (
    Column("Under way", 21, flex=2, most=32),
    Column("Progress", BAR_WIDTH),
    Column("Records", 18, flex=1, align="right", from_width=77),
    Column("", 4, align="right", said="Share"),
    Column("Time left", 12, flex=1),
    Column("Pace", 8, align="right", from_width=96),
    Column("New", 8, align="right", from_width=114),
    Column("Failed", 7, align="right", from_width=106),
    Column("Why it waits", 30, flex=6, from_width=WHY_FROM),
)

HISTORY = (
    Column("Run", 5, align="right"),
    Column("Integration", 15, flex=2, most=24),
    Column("End", 15, name="status"),
    Column("Started", 12, from_width=71),
    Column("Took", 8, align="right", from_width=81),
    Column("Records", 8, align="right"),
    Column("Failed", 6, align="right"),
    Column("New", 8, align="right", from_width=91),
    Column("Updated", 8, align="right", from_width=101),
    Column("Confl.", 6, align="right", from_width=109),
    Column("Missing", 7, align="right", from_width=118),
    Column("Asked by", 12, flex=1, from_width=132, name="by"),
)

COUNTS = (
    Column("Entity", 10, flex=1, most=24),
    Column("Fetched", 8, align="right"),
    Column("Of", 7, align="right", from_width=81),
    Column("New", 7, align="right"),
    Column("Updated", 7, align="right"),
    Column("Same", 7, align="right", from_width=63),
    Column("Confl.", 6, align="right"),
    Column("Failed", 6, align="right"),
    Column("Skipped", 7, align="right", from_width=90),
    Column("Missing", 7, align="right", from_width=72),
    Column("Warnings", 8, align="right", from_width=108),
    Column("Pages", 6, align="right", from_width=116),
    Column("Phase", 8, from_width=126),
)

ACTS = frozenset({RunKind.SETTLE, RunKind.EDIT, RunKind.UNDO})
"""They ask the SIS for nothing, so no total is announced to them."""

_PHASES = {Phase.FETCH: "fetching", Phase.PLAN: "planning", Phase.APPLY: "applying"}


def active_lines(views: Sequence[ActiveRun], look: Look, now_ms: int) -> list[Line]:
    """Each run under way, and below it the entities it has begun."""
    lines: list[Line] = []
    for view in views:
        lines.append(_run_line(view, look, now_ms))
        if view.run.status is RunStatus.RUNNING:
            lines.extend(_entity_line(view, one, look) for one in view.counts if one.pages or one.phase)
    return lines


def _run_line(view: ActiveRun, look: Look, now_ms: int) -> Line:
    run = view.run
    word, tone = RUN_WORDS[run.status]
    cells = (
        foreign(f"{look.glyphs.of(tone)} {run.integration} #{run.id}", "strong"),
        Cell(doing(run, now_ms, word), tone),
        Cell(number(stepped(sum(one.fetched for one in view.counts)))),
        Cell(""),
        Cell(time_words(view.left, run, look, now_ms), "dim" if view.left.seconds is None else ""),
        Cell(pace_words(view.per_minute), "dim"),
        count(sum(one.created for one in view.counts), look),
        count(sum(one.failed for one in view.counts), look, "bad"),
        foreign(view.waits_for, "warn"),
    )
    return Line((run.id, None), cells, run)


def doing(run: Run, now_ms: int, word: str) -> str:
    """What a run does this moment, in two words."""
    if run.cancel_requested_by:
        return "cancelling"
    if run.status is not RunStatus.RUNNING:
        return word
    if run.waiting_until_ms is not None and run.waiting_until_ms > now_ms:
        return f"waits {_until(run.waiting_until_ms - now_ms)}"
    return _PHASES[run.phase] if run.phase else "starting"


def _until(ms: int) -> str:
    """How long something still waits, in steps of five seconds."""
    seconds = 5 * ceil(ms / 5000)
    return span(seconds) if seconds >= 60 else f"{seconds} s"


def stepped(value: int) -> int:
    """A count that grows under one's eyes, in steps that can be read: the last digits would only flicker."""
    if value < 1000:
        return value
    step: int = 10 ** max(2, len(str(value)) - 3)
    return value // step * step


def pages_words(pages: int) -> str:
    """So many pages left, from fifty on in tens, rather more than less."""
    if not pages:
        return ""
    return f"{pages if pages < 50 else 10 * ceil(pages / 10)} pages"


def pace_words(per_minute: float | None) -> str:
    """Requests a minute, from twenty on in fives: it is a mean, and no figure to be watched."""
    if per_minute is None:
        return ""
    return f"{per_minute:.0f}/min" if per_minute < 20 else f"{5 * round(per_minute / 5)}/min"


def _entity_line(view: ActiveRun, counts: Counts, look: Look) -> Line:
    part = share(counts)
    if counts.phase is Phase.APPLY and not counts.done:
        records = f"{number(stepped(told(counts)))} of {number(counts.fetched)}"
    elif counts.total is None or counts.done:
        records = number(counts.fetched if counts.done else stepped(counts.fetched))
    else:
        records = f"{number(stepped(counts.fetched))} of {number(counts.total)}"
    pages = requests_left(counts)
    left = "done" if counts.done else "unknown" if pages is None else pages_words(pages)
    tone: Tone = "good" if counts.done else "busy"
    cells = (
        Cell(f"    {counts.entity.value}", "dim" if counts.done else ""),
        Cell(bar(part, BAR_WIDTH, look), tone),
        Cell(records),
        Cell(percent(part)),
        Cell(left, "dim"),
        Cell(""),
        count(counts.created, look),
        count(counts.failed, look, "bad"),
        Cell(""),
    )
    return Line((view.run.id, counts.entity), cells, view.run)


def time_words(left: TimeLeft, run: Run, look: Look, now_ms: int) -> str:
    """The time left in words that promise no more than is known."""
    if run.status is not RunStatus.RUNNING:
        return ""
    if run.phase in (Phase.PLAN, Phase.APPLY):
        return "no requests"
    if left.seconds is None:
        return "unknown"
    # a breaker may wait longer than all pages take
    waits_s = max(0, (run.waiting_until_ms or 0) - now_ms) / 1000
    seconds = max(left.seconds, waits_s)
    words = span(seconds) if seconds >= 60 else f"{10 * ceil(seconds / 10)} s"
    return f"about {words}" if left.whole and waits_s <= left.seconds else f"{look.glyphs.at_least} {words}"


def history_cells(row: HistoryRow, look: Look, now_ms: int) -> Cells:
    """One run with its sums; what is under way moves above, and stands still here."""
    run = row.run
    word, tone = RUN_WORDS[run.status]
    if run.status is RunStatus.RUNNING:
        return (
            Cell(f"#{run.id}", "dim"),
            foreign(run.integration, "strong"),
            mark(word, tone, look),
            Cell(moment(run.started_at_ms or run.queued_at_ms, look)),
            *[Cell("")] * 7,
            foreign(run.requested_by, "dim"),
        )
    return (
        Cell(f"#{run.id}", "dim"),
        foreign(run.integration, "strong"),
        mark(word[:13], tone, look),
        Cell(moment(run.started_at_ms or run.queued_at_ms, look)),
        Cell(took(run, now_ms)),
        count(row.sums.fetched, look),
        count(row.sums.failed, look, "bad"),
        count(row.sums.created, look),
        count(row.sums.updated, look),
        count(row.sums.conflict, look, "warn"),
        count(row.sums.missing, look, "warn"),
        foreign(run.requested_by, "dim"),
    )


def took(run: Run, now_ms: int) -> str:
    """How long a run lasted, or lasts."""
    if run.started_at_ms is None:
        return "-"
    return span(((run.finished_at_ms or now_ms) - run.started_at_ms) / 1000)


def count_line(counts: Counts, run: Run, look: Look) -> Line:
    """What a run did with one entity."""
    total = (
        look.glyphs.dot if run.kind in ACTS else "unknown" if counts.total is None else number(counts.total)
    )
    cells = (
        Cell(counts.entity.value, "strong"),
        count(counts.fetched, look),
        Cell(total, "dim"),
        count(counts.created, look, "good"),
        count(counts.updated, look),
        count(counts.unchanged, look, "dim"),
        count(counts.conflict, look, "warn"),
        count(counts.failed, look, "bad"),
        count(counts.skipped, look),
        count(counts.missing, look, "warn"),
        count(counts.warnings, look, "warn"),
        count(counts.pages, look),
        Cell(_stage(counts, run, look), "dim"),
    )
    return Line(counts.entity, cells, counts)


def _stage(counts: Counts, run: Run, look: Look) -> str:
    """How far a run is with one entity, or how far it came."""
    if counts.done or run.status in GOOD_ENDS:
        return "done"
    if run.status in (RunStatus.HELD, RunStatus.PLANNED):
        return "planned"
    if run.status in ENDED:
        return "cut off" if counts.phase else look.glyphs.dot
    return _PHASES[counts.phase] if counts.phase else "waits"

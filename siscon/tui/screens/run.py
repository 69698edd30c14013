"""One run in full: what it did with each entity, and its news."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.events import Event
from siscon.domain.runs import Run, RunStatus
from siscon.ops import Database
from siscon.ops.activity import EVENT_COLUMNS, EventLog
from siscon.ops.runs import RunDetail, run_detail
from siscon.tui import wishes
from siscon.tui.actions import Action
from siscon.tui.keymap import keyed
from siscon.tui.lines import EVENTS, event_cells
from siscon.tui.pace_lines import pace_sentences
from siscon.tui.present import RUN_WORDS, Cell, Cells, Look, foreign, mark, moment, number, of
from siscon.tui.run_lines import COUNTS, count_line, doing, time_words, took
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.widgets.follow import FollowTable
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import FixedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish

WHEN = 16
"""What the moment, the gap and the edges take of a line of news."""


class RunPane(Pane):
    """One run."""

    name_ = "run"
    narrowed = "events"
    known = EVENT_COLUMNS
    example = "level=error  age<10min"
    AUTO_FOCUS = "#events"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("run")]

    def __init__(self, desk: Desk, run_id: int) -> None:
        super().__init__(desk)
        self.run_id = run_id
        self.detail: RunDetail | None = None

    @property
    def crumb(self) -> str:
        return f"run #{self.run_id}"

    def body(self) -> ComposeResult:
        yield Panel(id="title")
        yield LineTable(COUNTS, self.look, id="counts")
        yield FollowTable(EVENTS, self.look, id="events")
        yield Panel(id="news")

    async def load(self, db: Database) -> None:
        now_ms = self.desk.now_ms()
        detail = await run_detail(db, self.run_id, now_ms=now_ms)
        if detail is None:
            self.table("events").show(self.fixed([]), note=(Cell(f"There is no run #{self.run_id}."),))
            return
        self.detail = detail
        self.query_one("#title", Panel).tell(run_sentences(detail, self.look, now_ms))
        counts = self.table("counts")
        lines = [count_line(one, detail.active.run, self.look) for one in detail.active.counts]
        counts.show(FixedRows(lines), note=(Cell("Nothing counted yet.", "dim"),))
        counts.styles.height = max(4, len(lines) + 1)
        log = EventLog(db, run_id=self.run_id, where=self.where)
        note = self.empty("No news of this run.")
        await self.journal.show_journal(log, self._news_cells, note=note)
        self.pointed()

    @property
    def journal(self) -> FollowTable:
        """What was reported of it, newest last."""
        return self.query_one("#events", FollowTable)

    def _news_cells(self, event: Event) -> Cells:
        return event_cells(event, self.look)

    def pointed(self) -> None:
        """News that the list has to cut short stand in full below it."""
        room, panel, event = (
            self.journal.size.width - WHEN,
            self.query_one("#news", Panel),
            self.journal.value,
        )
        told = event_cells(event, self.look)[-1] if isinstance(event, Event) else Cell("")
        # Once there was need of it the panel stays: a list that grew and shrank would not be read.
        panel.set_class(panel.has_class("-cut") or cell_len(told.text) > room, "-cut")
        panel.tell([told] if panel.has_class("-cut") and told.text else [])

    def status(self) -> list[Part]:
        here = [Part(f" run #{self.run_id} ", "strong"), Part(f" {of(len(self.journal.rows), 'event')} ")]
        # Unlike in the list of all events, f finds a record here: a click has nothing to do.
        return [*here, *(replace(part, action="") for part in self.journal.parts)]

    def run_here(self) -> Run | None:
        """The run of this screen."""
        return self.detail.active.run if self.detail else None

    def act_compare(self) -> None:
        """This run beside the others of its integration."""
        from siscon.tui.screens.compare import ComparePane

        run = self.run_here()
        if run is not None:
            self.app.push_screen(ComparePane(self.desk, run.integration))

    def why_not(self, action: Action) -> str:
        return wishes.why_not(action.id, self.run_here()) if action.id in wishes.ON_RUNS else ""

    async def wish(self, action: Action) -> Wish | None:
        run, db = self.run_here(), self.desk.database()
        return await wishes.of_run(action.id, run, db) if run is not None and db is not None else None


def run_sentences(detail: RunDetail, look: Look, now_ms: int) -> list[Cell]:
    """What a run is and how it stands, in sentences."""
    view, run = detail.active, detail.active.run
    word, tone = RUN_WORDS[run.status]
    full = " of everything" if run.full else ""
    state = mark(word, tone, look)
    began = (
        ""
        if run.started_at_ms is None
        else f"; began {moment(run.started_at_ms, look)}, took {took(run, now_ms)}"
    )
    lines = [
        foreign(
            f"#{run.id} {run.kind.value}{full}, {run.integration}, asked for by {run.requested_by}", "strong"
        ),
        Cell(f"{state.text}{began}", state.tone),
    ]
    if run.status is RunStatus.RUNNING:
        pace = "" if view.per_minute is None else f", {view.per_minute:.0f} requests a minute"
        left = time_words(view.left, run, look, now_ms)
        lines.append(Cell(f"{doing(run, now_ms, word)}; time left: {left}{pace}", "busy"))
    else:
        again = f", attempt {run.attempt}" if run.attempt > 1 else ""
        lines.append(Cell(f"{number(run.requests)} requests{again}", "dim"))
    if detail.waits_for and run.status in (RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.INTERRUPTED):
        lines.append(foreign(f"It waits. {detail.waits_for}", "warn", limit=400))
    lines += pace_sentences(detail, look, now_ms)
    if run.cancel_requested_by:
        lines.append(foreign(f"Cancelled by {run.cancel_requested_by}.", "warn"))
    if run.status is RunStatus.HELD:
        lines.append(
            Cell(
                keyed(
                    "It waits for a person: {approve} approves its plan, {discard} discards it; {plans} shows it."
                ),
                "warn",
            )
        )
    if run.status is RunStatus.PLANNED:
        lines.append(
            Cell(
                keyed(
                    "A dry run: nothing was written. {approve} applies its plan, {discard} drops it; {plans} shows it."
                ),
                "dim",
            )
        )
    if run.error:
        lines.append(foreign(run.error, "bad" if run.status is RunStatus.FAILED else "warn"))
    return lines

"""Syncs: what is under way with bars and time left, and below it the history. Enter opens one run."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.comparing import MOST
from siscon.domain.errors import UsageError
from siscon.domain.runs import Run, RunStatus
from siscon.ops import Database
from siscon.ops.runs import COLUMNS, ActiveRun, HistoryRow, RunHistory, active_runs
from siscon.tui import bulk_wishes, wishes
from siscon.tui.actions import Action
from siscon.tui.keymap import keyed
from siscon.tui.present import Cell, Cells, foreign
from siscon.tui.run_lines import ACTIVE, HISTORY, WHY_FROM, active_lines, history_cells
from siscon.tui.screens.compare import ComparePane
from siscon.tui.screens.marking import MarkPane
from siscon.tui.screens.pane import bindings_of
from siscon.tui.screens.run import RunPane
from siscon.tui.widgets.rows import FixedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish


class Runs(MarkPane):
    """What runs now, and what ran."""

    name_ = "runs"
    known = COLUMNS
    example = "integration=north  status=failed  started>2026-11-20  took>600"
    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("runs")]
    views: tuple[ActiveRun, ...] = ()

    def body(self) -> ComposeResult:
        yield LineTable(ACTIVE, self.look, id="active")
        yield LineTable(HISTORY, self.look, id="list")

    async def load(self, db: Database) -> None:
        now_ms = self.desk.now_ms()
        self.views = tuple(await active_runs(db, now_ms=now_ms))
        lines = active_lines(self.views, self.look, now_ms)
        active = self.table("active")
        active.show(FixedRows(lines), note=(Cell("Nothing is under way.", "dim"),))
        if not lines and self.focused is active:
            self.set_focus(self.table())
        room = max(5, (self.size.height - 3) // 2)
        active.styles.height = min(room, max(4, len(lines) + 2))
        note = self.empty(
            "No run yet.", keyed("{sync} starts the first sync of an integration on screen {overview}.")
        )
        listing = RunHistory(db, where=self.where).ordered(self.table().order)
        await self.show_list(listing, self._cells, note=note)

    def _cells(self, row: HistoryRow) -> Cells:
        return history_cells(row, self.look, self.desk.now_ms())

    def status(self) -> list[Part]:
        running = sum(view.run.status is RunStatus.RUNNING for view in self.views)
        waiting = len(self.views) - running
        parts = [Part(f" {self.counted('run')} ")]
        if running:
            parts.append(Part(f" {running} running ", "busy"))
        if waiting:
            parts.append(Part(f" {waiting} waiting ", "dim"))
        why = self._why_it_waits()
        return [*parts, Part(f" {foreign(why).text} ", "warn")] if why else parts

    def _why_it_waits(self) -> str:
        """Why the run under the cursor waits, where the list has no room for it."""
        run = self.run_here()
        if run is None or self.table("active").row_width >= WHY_FROM:
            return ""
        return next((view.waits_for for view in self.views if view.run.id == run.id), "")

    def run_here(self) -> Run | None:
        """The run under the cursor of the list that has the focus."""
        value = self.value()
        return _run_of(value) if value is not None else None

    def why_not(self, action: Action) -> str:
        run = self.run_here()
        if action.id == "cancel" and self.chosen():
            return ""
        if action.id in ("sync", "full_sync", "dry_run", "open", "compare") and run is None:
            return keyed("No run is under the cursor; screen {overview} has the integrations.")
        return wishes.why_not(action.id, run) if action.id in wishes.ON_RUNS else ""

    async def wish(self, action: Action) -> Wish | None:
        run, db = self.run_here(), self.desk.database()
        if run is None or db is None:
            return None
        if action.id == "cancel" and self.chosen():
            return bulk_wishes.cancel([_run_of(one) for one in await self.marked_values(bulk_wishes.MOST)])
        if action.id in wishes.ON_RUNS:
            return await wishes.of_run(action.id, run, db)
        if action.id == "dry_run":
            return wishes.dry_run(run.integration)
        return wishes.sync(run.integration, full=action.id == "full_sync")

    def act_next_pane(self) -> None:
        """To the other list, unless it is empty."""
        if not len(self.table("active").rows):
            self.app.notify("Nothing is under way: there is only the history.", severity="warning")
            return
        other = "list" if self.focused is self.table("active") else "active"
        self.set_focus(self.table(other))

    def act_open(self) -> None:
        """The run under the cursor in full."""
        run = self.run_here()
        if run is not None:
            self.app.push_screen(RunPane(self.desk, run.id))

    async def act_compare(self) -> None:
        """The marked runs side by side, else the last imports of the integration under the cursor."""
        run = self.run_here()
        if run is None:
            return
        try:
            marked = [_run_of(one) for one in await self.marked_values(MOST)] if self.chosen() else []
        except UsageError as error:
            self.app.notify(error.sentence, severity="warning")
            return
        first, *_ = marked or [run]
        if strange := {one.integration for one in marked} - {first.integration}:
            words = f"Runs of one integration stand side by side; {min(strange)} is another."
            self.app.notify(words, severity="warning")
            return
        self.app.push_screen(ComparePane(self.desk, first.integration, [one.id for one in marked]))


def _run_of(value: HistoryRow | Run) -> Run:
    """The run of a row: the lists hold different things."""
    return value.run if isinstance(value, HistoryRow) else value

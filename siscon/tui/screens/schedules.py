"""Schedules: when each integration is imported, the next five times, what came of the last one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.ops import Database
from siscon.ops.schedules import ScheduleView, State, schedules
from siscon.tui import wishes
from siscon.tui.actions import Action
from siscon.tui.present import of
from siscon.tui.schedule_lines import SCHEDULES, schedule_line, schedule_sentences
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.screens.run import RunPane
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish


class Schedules(Pane):
    """When runs start by themselves."""

    name_ = "schedules"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("schedules")]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.views: list[ScheduleView] = []
        self.without = 0

    def body(self) -> ComposeResult:
        yield LineTable(SCHEDULES, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        now_ms = self.desk.now_ms()
        self.views, self.without = await schedules(db, now_ms=now_ms)
        lines = [schedule_line(view, self.look, now_ms) for view in self.views]
        note = self.empty(
            "No integration has a schedule: runs start by hand.",
            "In the configuration, below an integration,",
            "schedule: '0 2 * * *' starts one each night.",
        )
        self.table().show(self.fixed(lines), note=note)

    def pointed(self) -> None:
        view: ScheduleView | None = self.value()
        told = schedule_sentences(view, self.look, self.desk.now_ms()) if view else []
        self.query_one("#panel", Panel).tell(told)

    def status(self) -> list[Part]:
        parts = [Part(f" {of(len(self.table().rows), 'schedule')} ")]
        late = sum(view.state is State.LATE for view in self.views)
        if late:
            parts.append(Part(f" {late} late ", "warn"))
        held = sum(view.state is State.HELD_BACK for view in self.views)
        if held:
            parts.append(Part(f" {held} held back ", "warn"))
        if self.without:
            parts.append(Part(f" {of(self.without, 'integration')} without one ", "dim"))
        return parts

    def why_not(self, action: Action) -> str:
        view: ScheduleView | None = self.value()
        if action.id in ("run_now", "pause", "open") and view is None:
            return "No schedule is under the cursor."
        if action.id == "open" and view is not None and view.last is None:
            return "This schedule has started no run yet."
        return ""

    def wish(self, action: Action) -> Wish | None:
        view: ScheduleView | None = self.value()
        if view is None:
            return None
        if action.id == "pause":
            return wishes.pause(view.integration, now_ms=self.desk.now_ms())
        return wishes.of_schedule(view.integration.name, view.schedule, view.held)

    def act_open(self) -> None:
        """The run that it started last."""
        view: ScheduleView | None = self.value()
        if view is not None and view.last is not None:
            self.app.push_screen(RunPane(self.desk, view.last.id))

"""Activity: what siscon reports, what people asked for, who did what. Newest last; it follows until one looks up."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.events import Event, Level
from siscon.domain.filters import Named
from siscon.ops import Database
from siscon.ops.activity import (
    AUDIT_COLUMNS,
    EVENT_COLUMNS,
    REQUEST_COLUMNS,
    AuditEntry,
    AuditLog,
    EventLog,
    Request,
    RequestLog,
)
from siscon.tui import activity_lines as lines
from siscon.tui.actions import Action
from siscon.tui.keymap import key_of, keyed
from siscon.tui.present import Cells, of
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.screens.record import open_record
from siscon.tui.screens.run import RunPane
from siscon.tui.widgets.follow import FollowTable
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part

COLUMNS_OF = {"events": EVENT_COLUMNS, "requests": REQUEST_COLUMNS, "audit": AUDIT_COLUMNS}
LISTS = {"events": "event", "requests": "request", "audit": "act"}
"""The lists in their order, and what a row of each is called."""
LEAST = {
    Level.INFO: ("all levels", Level.WARNING),
    Level.WARNING: ("warnings and errors", Level.ERROR),
    Level.ERROR: ("errors alone", Level.INFO),
}


class Activity(Pane):
    """What goes on."""

    name_ = "activity"
    example = "level=error  integration=harbor  age<2h"
    AUTO_FOCUS = "#events"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("activity")]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.shown = "events"
        self.least = Level.INFO

    def named(self) -> tuple[Named, ...]:
        """The columns of the list that is visible."""
        return COLUMNS_OF[self.shown]

    def body(self) -> ComposeResult:
        yield FollowTable(lines.EVENTS, self.look, id="events")
        yield FollowTable(lines.REQUESTS, self.look, id="requests", rows_change=True)
        yield FollowTable(lines.AUDIT, self.look, id="audit")
        yield Panel(id="panel")

    def on_mount(self) -> None:
        self._show(self.shown)

    def _show(self, name: str) -> None:
        self.shown = name
        for one in LISTS:
            self.table(one).display = one == name
        self.set_focus(self.table(name))

    @property
    def journal(self) -> FollowTable:
        """The list that is visible."""
        return self.query_one(f"#{self.shown}", FollowTable)

    async def load(self, db: Database) -> None:
        table = self.journal
        if self.shown == "events":
            note = self.empty("Nothing was reported yet.", *self._hidden())
            await table.show_journal(self._events(db), self._event_cells, note=note)
        elif self.shown == "requests":
            note = self.empty("Nobody has asked for anything yet.")
            await table.show_journal(RequestLog(db, self.where), self._request_cells, note=note)
        else:
            note = self.empty("Nobody has done anything yet.")
            await table.show_journal(AuditLog(db, self.where), self._act_cells, note=note)

    def _events(self, db: Database) -> EventLog:
        return EventLog(db, least=self.least, where=self.where)

    def _hidden(self) -> tuple[str, ...]:
        return (
            ()
            if self.least is Level.INFO
            else (f"Only {LEAST[self.least][0]} are shown; {key_of('next_level')} shows others.",)
        )

    def _event_cells(self, event: Event) -> Cells:
        return lines.event_cells(event, self.look)

    def _request_cells(self, request: Request) -> Cells:
        return lines.request_cells(request, self.look)

    def _act_cells(self, act: AuditEntry) -> Cells:
        return lines.act_cells(act, self.look)

    def value(self) -> Any:
        """What is under the cursor of the visible list."""
        return self.journal.value

    def pointed(self) -> None:
        row, now_ms = self.value(), self.desk.now_ms()
        panel = self.query_one("#panel", Panel)
        if isinstance(row, Event):
            panel.tell(lines.event_sentences(row, self.look, now_ms))
        elif isinstance(row, Request):
            panel.tell(lines.request_sentences(row, self.look, now_ms))
        elif isinstance(row, AuditEntry):
            panel.tell(lines.act_sentences(row, self.look, now_ms))
        else:
            panel.tell([])

    def status(self) -> list[Part]:
        told = [
            Part(
                f" {name} " if name != self.shown else f" {of(len(self.journal.rows), word)} ",
                tone,
                "next_pane",
            )
            for name, word in LISTS.items()
            for tone in (("strong",) if name == self.shown else ("dim",))
        ]
        if self.shown == "events" and self.least is not Level.INFO:
            told.append(Part(f" {LEAST[self.least][0]} ", "warn", "next_level"))
        return [*told, *self.journal.parts]

    # Acts

    def why_not(self, action: Action) -> str:
        if action.id == "open" and lines.about(self.value()) is None:
            return "This row is about no single run or record: the panel says all of it."
        if action.id in ("next_level", "next_error", "error_before") and self.shown != "events":
            return keyed("Only events have a level; {next_pane} goes to them.")
        return ""

    def act_next_pane(self) -> None:
        """The next of the three lists."""
        self.find = ""  # the next list has other columns
        names = list(LISTS)
        self._show(names[(names.index(self.shown) + 1) % len(names)])
        self.load_soon()
        self.pointed()
        self.tell()

    def act_follow(self) -> None:
        """Follow the newest row, or stay."""
        self.journal.stay() if self.journal.following else self.journal.follow()
        self.tell()

    def act_next_level(self) -> None:
        """All events, then those from warnings on, then errors alone."""
        self.least = LEAST[self.least][1]
        self.load_soon()

    async def act_next_error(self) -> None:
        """To the next error below."""
        await self._to_error(back=False)

    async def act_error_before(self) -> None:
        """To the error before this row."""
        await self._to_error(back=True)

    async def _to_error(self, *, back: bool) -> None:
        db, here = self.desk.database(), self.value()
        if db is None or not isinstance(here, Event):
            return
        found = await self._events(db).error_beside(here.id, back=back)
        if found is None or not self.journal.point_at(found):
            self.app.notify(f"No error {'above' if back else 'below'} this row.")

    async def act_open(self) -> None:
        """The run or the record that the row is about."""
        about = lines.about(self.value())
        if about is None:
            return
        if about.run_id is not None:
            self.app.push_screen(RunPane(self.desk, about.run_id))
        elif about.entity is not None:
            await open_record(self, about.integration, about.entity, about.external_id)

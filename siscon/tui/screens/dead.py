"""Records in error of one cause, and one of them in full: why, since when, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.commands import Command, DiscardDead
from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.domain.errors import SisconError
from siscon.ops import Database
from siscon.ops.dead_records import COLUMNS, DeadList, of_cause, one
from siscon.ops.retrying import next_try
from siscon.tui import bulk_wishes, record_wishes
from siscon.tui.actions import Action
from siscon.tui.dead_lines import FACTS, dead_sentences, fact_lines, note_line, sent_lines, what_to_do
from siscon.tui.keymap import keyed
from siscon.tui.lines import DEAD, dead_cells
from siscon.tui.present import Cell, Cells, foreign, of
from siscon.tui.screens.marking import MarkPane
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.screens.record import open_record
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import FixedRows, Line
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish

ON_MANY = ("retry", "give_up", "fetch")
"""What concerns the marked records, where there are any."""


def why_not_on_dead(action: str, dead: DeadRecord | None) -> str:
    """Why an action cannot act on a record in error; empty when it can."""
    if dead is None:
        return "No record is under the cursor."
    if dead.status != "open" and action in ("retry", "give_up"):
        return f"This record is {dead.status}: it waits no more."
    if dead.external_id is None and action in ("retry", "fetch", "history"):
        return (
            "Not even its id could be read, so the SIS cannot be asked for it: the next sync tries it again."
        )
    return ""


def wish_on_dead(action: str, dead: DeadRecord) -> Wish:
    """What an action on one record in error asks for."""
    if action == "retry":
        return record_wishes.retry(dead)
    if action == "give_up":
        return record_wishes.give_up(dead)
    return record_wishes.fetch(dead.integration, dead.entity, dead.external_id or "")


class Dead(MarkPane):
    """The records with one cause."""

    name_ = "dead"
    known = COLUMNS
    example = "id=S-10*  attempts>=3  age>2d  !east"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("dead")]

    def __init__(self, desk: Desk, group: DeadGroup) -> None:
        super().__init__(desk)
        self.group = group

    @property
    def crumb(self) -> str:
        return foreign(self.group.code.replace("_", " "), limit=40).text

    def body(self) -> ComposeResult:
        yield LineTable(DEAD, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        listing = DeadList(db, replace(of_cause(self.group), where=self.where), self.table().order)
        note = self.empty(
            "No record fails for this cause any more.", keyed("{back} goes back to the causes.")
        )
        await self.show_list(listing, self._cells, note=note)

    def _cells(self, dead: DeadRecord) -> Cells:
        return dead_cells(dead, self.look, self.desk.now_ms())

    def pointed(self) -> None:
        dead: DeadRecord | None = self.value()
        lines = dead_sentences(dead, self.look, self.desk.now_ms()) if dead else []
        self.query_one("#panel", Panel).tell(lines)

    def status(self) -> list[Part]:
        of = f"{self.group.integration} {self.group.entity.value}"
        where = foreign(f" {of}: {self.group.code.replace('_', ' ')}", limit=60)
        return [Part(where.text, "strong"), Part(f"  {self.counted('record')} ")]

    def why_not(self, action: Action) -> str:
        if action.id == "retry_all":
            return "" if len(self.table().rows) else "No record fails for this cause any more."
        if action.id in ON_MANY and self.chosen():
            return ""
        meant = action.id in ("open", "retry", "give_up", "fetch", "history")
        return why_not_on_dead(action.id, self.value()) if meant else ""

    async def wish(self, action: Action) -> Wish | None:
        db, dead, chosen = self.desk.database(), self.value(), self.chosen()
        if db is None:
            return None
        if action.id == "retry_all":
            return await record_wishes.retry_cause(db, self.group)
        if chosen and action.id == "fetch":
            found: list[DeadRecord] = await self.marked_values(bulk_wishes.MOST)
            return bulk_wishes.fetch_again(
                (one.integration, one.entity, one.external_id) for one in found if one.external_id is not None
            )
        if chosen:
            return await bulk_wishes.on_dead(db, action.id, self.group, chosen)
        return wish_on_dead(action.id, dead) if dead is not None else None

    def act_open(self) -> None:
        """The record under the cursor in full."""
        dead: DeadRecord | None = self.value()
        if dead is not None:
            self.app.push_screen(DeadRecordPane(self.desk, dead))

    async def act_history(self) -> None:
        """The record as it is here, with what was done to it."""
        dead: DeadRecord | None = self.value()
        if dead is not None:
            await open_record(self, dead.integration, dead.entity, dead.external_id)


class DeadRecordPane(Pane):
    """One record in error."""

    name_ = "dead_record"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("dead_record")]

    def __init__(self, desk: Desk, dead: DeadRecord) -> None:
        super().__init__(desk)
        self.dead = dead
        self.sent: Mapping[str, str] | None = None
        self.unopened = ""

    @property
    def crumb(self) -> str:
        return f"E-{self.dead.id}"

    @property
    def is_read(self) -> bool:
        """Whether what the SIS had said was opened, too: whoever only reads what this says waits for it."""
        return super().is_read and (self.sent is not None or bool(self.unopened))

    def body(self) -> ComposeResult:
        yield Panel(id="title")
        yield LineTable(FACTS, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        self.dead = await one(db, self.dead.id) or self.dead
        known = foreign(f"{self.dead.entity} {self.dead.external_id or self.dead.record_key}", "strong")
        self.query_one("#title", Panel).tell([known, foreign(self.dead.reason, "bad", limit=400)])
        now_ms = self.desk.now_ms()
        lines = fact_lines(self.dead, await next_try(db, self.dead, now_ms=now_ms), self.look, now_ms)
        self.table().show(FixedRows([*lines, *self._sent()]), note=(Cell(""),))
        self.query_one("#panel", Panel).tell(what_to_do(self.dead))

    def _sent(self) -> list[Line]:
        """What the SIS had said, without its values, once it is there."""
        if self.sent is not None:
            return sent_lines(self.sent, self.dead.field)
        return [note_line(self.unopened or "is being opened ...")]

    def on_mount(self) -> None:
        self.run_worker(self._open_sent(), group="sent")

    async def _open_sent(self) -> None:
        """Have it opened by who holds the key, once: what was said does not change."""
        places = self.desk.aside().places
        try:
            if places is None:
                self.unopened = "cannot be opened from here"
                return
            self.sent = await places(self.dead.id)
        except SisconError as error:
            self.unopened = error.sentence
        finally:
            self.load_soon()

    def status(self) -> list[Part]:
        parts = [Part(f" error {self.dead.id} ", "strong")]
        if self.sent:
            parts.append(Part(f" the SIS sent {of(len(self.sent), 'place')} "))
        return [*parts, Part(keyed(" {back} goes back "), "dim", "back")]

    def why_not(self, action: Action) -> str:
        meant = action.id in ("retry", "give_up", "fetch", "history")
        return why_not_on_dead(action.id, self.dead) if meant else ""

    def wish(self, action: Action) -> Wish | None:
        return wish_on_dead(action.id, self.dead)

    def done(self, command: Command) -> None:
        """Back to the list once it was given up."""
        if isinstance(command, DiscardDead):
            self.app.pop_screen()

    async def act_history(self) -> None:
        """The record as it is here, with what was done to it."""
        await open_record(self, self.dead.integration, self.dead.entity, self.dead.external_id)

"""One record: its fields here beside what the SIS says, its history, and what a person may do with it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.records import Entity
from siscon.domain.text import plain
from siscon.ops import Database
from siscon.ops.record_views import FieldView, HistoryList, PastChange, RecordView, the_record
from siscon.tui import record_wishes
from siscon.tui.actions import Action
from siscon.tui.asking import ask_line
from siscon.tui.keymap import key_of, keyed
from siscon.tui.present import Cell, Cells, foreign, of
from siscon.tui.record_lines import (
    FIELDS,
    HISTORY,
    field_line,
    field_sentences,
    history_cells,
    history_sentences,
    record_title,
)
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.screens.run import RunPane
from siscon.tui.widgets.entry import LONGEST
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import FixedRows, PagedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish


async def open_record(pane: Pane, integration: str, entity: Entity, external_id: str | None) -> None:
    """Show a record, or say that it is not in the roster."""
    db = pane.desk.database()
    if db is None:
        return
    known = external_id and await the_record(db, integration, entity, external_id)
    if not external_id or not known:
        pane.app.notify(
            "It was never applied: there is no record of it here, and no history.", severity="warning"
        )
        return
    pane.app.push_screen(RecordPane(pane.desk, integration, entity, external_id))


class RecordPane(Pane):
    """One record."""

    name_ = "record"
    AUTO_FOCUS = "#fields"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("record")]

    def __init__(self, desk: Desk, integration: str, entity: Entity, external_id: str) -> None:
        super().__init__(desk)
        self.place = (integration, entity, external_id)
        self.view: RecordView | None = None

    @property
    def crumb(self) -> str:
        return foreign(self.place[2], limit=40).text

    def body(self) -> ComposeResult:
        yield Panel(id="title")
        yield LineTable(FIELDS, self.look, id="fields")
        yield LineTable(HISTORY, self.look, id="history")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        integration, entity, external_id = self.place
        self.view = view = await the_record(db, *self.place)
        if view is None:
            gone = foreign(f"{integration} has no {entity} {external_id} any more.", "warn")
            self.query_one("#title", Panel).tell([gone])
            self.table("fields").show(FixedRows(), note=(Cell(keyed("{back} goes back."), "dim"),))
            return
        self.query_one("#title", Panel).tell(record_title(view, self.look, self.desk.now_ms()))
        fields = sorted(view.fields, key=lambda one: one.local is None and one.sis is None)
        lines = [field_line(one, self.look) for one in fields]
        self.table("fields").show(FixedRows(lines), note=(Cell("No local record.", "dim"),))
        await self._load_history(db, view)
        self.pointed()

    async def _load_history(self, db: Database, view: RecordView) -> None:
        table, inner = self.table("history"), view.tie.internal_id
        if inner is None:
            table.show(FixedRows(), note=(Cell("Nothing was ever done to it.", "dim"),))
        elif isinstance(table.rows, PagedRows) and table.rows.listing == HistoryList(db, inner):
            await table.renew()
        else:
            note = (Cell("Nothing was ever done to it.", "dim"),)
            await table.show_paged(PagedRows(HistoryList(db, inner), self._cells), note=note)

    def _cells(self, one: PastChange) -> Cells:
        return history_cells(one, self.look)

    def pointed(self) -> None:
        here: FieldView | PastChange | None = self.value()
        lines: list[Cell] = []
        if isinstance(here, FieldView):
            lines = field_sentences(here, self.look)
        elif here is not None:
            lines = history_sentences(here, self.look)
        self.query_one("#panel", Panel).tell(lines)

    def on_descendant_focus(self) -> None:
        """The panel tells of the list that has the focus."""
        if self.view is not None and not self.is_left:
            self.pointed()
            self.tell()

    def status(self) -> list[Part]:
        changes = of(len(self.table("history").rows), "change")
        other = "history" if self.focused is self.table("fields") else "fields"
        return [
            Part(f" {self.place[1]} ", "strong"),
            Part(f" {changes} in its history "),
            Part(f" {key_of('next_pane')} goes to the {other} ", "dim", "next_pane"),
        ]

    def field_here(self) -> FieldView | None:
        """The field under the cursor, if the focus is on the fields."""
        here = self.value()
        return here if isinstance(here, FieldView) else None

    def why_not(self, action: Action) -> str:
        view, here = self.view, self.value()
        if action.id in ("edit", "release", "withdraw") and (view is None or not view.fields):
            return "There is no local record to change."
        if action.id == "edit":
            return self._why_not_edit(self.field_here())
        if action.id == "release" and view is not None and not view.edited:
            return "Nothing of this record was edited here."
        if action.id in ("undo", "open"):
            return _why_not_of_run(action.id, here)
        return ""

    def _why_not_edit(self, field: FieldView | None) -> str:
        if field is None:
            return keyed("Put the cursor on a field: {next_pane} goes there.")
        integration, entity, _ = self.place
        if f"{integration}.{entity}.{field.name}" in self.desk.sis_owns():
            return f"The {field.name} of a {entity} is the SIS's own (sis_owns): change it there."
        return f"The {field.name} are a list: change them in the SIS." if field.many else ""

    async def wish(self, action: Action) -> Wish | None:
        view, db, here = self.view, self.desk.database(), self.value()
        if view is None or db is None:
            return None
        if action.id == "fetch":
            return record_wishes.fetch(*self.place)
        if action.id == "undo" and isinstance(here, PastChange) and here.run is not None:
            change = here.row.change
            return await record_wishes.undo(db, here.run, change.entity, change.external_id)
        if action.id == "withdraw":
            return await record_wishes.withdraw(db, view)
        field = self.field_here()
        if action.id == "release":
            return await record_wishes.release(db, view, field, self.look)
        return await self._edit(view, field) if field is not None else None

    async def _edit(self, view: RecordView, field: FieldView) -> Wish | None:
        now = "" if field.local is None else str(field.local)
        as_is = plain(now) == now and len(now) <= LONGEST  # else typing over it would change what nobody sees
        empties = "" if field.required else ", none empties it"
        value = await ask_line(self.app, f"The {field.name}{empties}", now if as_is else "")
        if value is None or value == now:
            return None
        return record_wishes.edit(view, field, value, self.look)

    def act_next_pane(self) -> None:
        """To the history, or back to the fields."""
        self.set_focus(self.table("history" if self.focused is self.table("fields") else "fields"))

    def act_open(self) -> None:
        """The run that made the change under the cursor."""
        here = self.value()
        if isinstance(here, PastChange) and here.run is not None:
            self.app.push_screen(RunPane(self.desk, here.run.id))


def _why_not_of_run(action: str, here: object) -> str:
    if not isinstance(here, PastChange):
        what = "{undo} undoes the change under the cursor" if action == "undo" else "{open} opens its run"
        return keyed(f"{{next_pane}} goes to the history: there {what}.")
    return "" if here.run is not None else "The run that did this is no longer kept."

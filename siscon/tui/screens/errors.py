"""Errors: dead records grouped by cause; enter lists the records of a group."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.ops import Database
from siscon.ops.dead_records import DeadList, groups, of_cause
from siscon.tui.actions import Action
from siscon.tui.lines import DEAD, GROUPS, dead_cells, group_line
from siscon.tui.present import Cell, Cells, Look, age, foreign, moment, number, of
from siscon.tui.screens.pane import Desk, Pane, bindings_of
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.rows import PagedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable


class Errors(Pane):
    """Causes."""

    name_ = "errors"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("errors")]
    groups: tuple[DeadGroup, ...] = ()

    def body(self) -> ComposeResult:
        yield LineTable(GROUPS, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        now_ms = self.desk.now_ms()
        self.groups = tuple(await groups(db))
        lines = [group_line(group, self.look, now_ms) for group in self.groups]
        note = self.empty("No errors.", "No record waits because it could not be applied.")
        self.table().show(self.fixed(lines), note=note)

    def pointed(self) -> None:
        group: DeadGroup | None = self.value()
        lines = group_sentences(group, self.look, self.desk.now_ms()) if group else []
        self.query_one("#panel", Panel).tell(lines)

    def status(self) -> list[Part]:
        total = sum(group.count for group in self.groups)
        if not self.groups:
            return [Part(" no records in error ")]
        return [Part(f" {of(total, 'record')} in {of(len(self.groups), 'group')}; enter lists them ")]

    def why_not(self, action: Action) -> str:
        return "No cause is under the cursor." if action.id == "open" and self.value() is None else ""

    def act_open(self) -> None:
        """The records with this cause."""
        group: DeadGroup | None = self.value()
        if group is not None:
            self.app.push_screen(Dead(self.desk, group))


class Dead(Pane):
    """The records with one cause."""

    name_ = "dead"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("dead")]

    def __init__(self, desk: Desk, group: DeadGroup) -> None:
        super().__init__(desk)
        self.group = group

    @property
    def crumb(self) -> str:
        return "errors"

    def body(self) -> ComposeResult:
        yield LineTable(DEAD, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        table = self.table()
        if isinstance(table.rows, PagedRows):
            await table.renew()
            return
        listing = DeadList(db, of_cause(self.group))
        note = self.empty("No record fails for this cause any more.", "Escape goes back to the causes.")
        await table.show_paged(PagedRows(listing, self._cells), note=note)

    def _cells(self, dead: DeadRecord) -> Cells:
        return dead_cells(dead, self.look, self.desk.now_ms())

    def pointed(self) -> None:
        dead: DeadRecord | None = self.value()
        lines = dead_sentences(dead, self.look, self.desk.now_ms()) if dead else []
        self.query_one("#panel", Panel).tell(lines)

    def status(self) -> list[Part]:
        where = foreign(f" {self.group.integration} {self.group.entity.value}: {self.group.code}", limit=60)
        return [Part(where.text, "strong"), Part(f"  {of(len(self.table().rows), 'record')} ")]


def group_sentences(group: DeadGroup, look: Look, now_ms: int) -> list[Cell]:
    """A cause in full: what is wrong, since when, what to do."""
    first = f"{moment(group.first_seen_at_ms, look)} ({age(group.first_seen_at_ms, now_ms)})"
    return [
        foreign(group.reason, "strong"),
        foreign(f"{group.severity} {group.category} fault, first seen {first}.", "dim"),
        Cell("Mend it in the SIS: the next run that fetches these records applies them.", "dim"),
    ]


def dead_sentences(dead: DeadRecord, look: Look, now_ms: int) -> list[Cell]:
    """One dead record in full."""
    known = dead.external_id or "not readable"
    first = f"{moment(dead.first_seen_at_ms, look)} ({age(dead.first_seen_at_ms, now_ms)})"
    times = "once" if dead.attempts == 1 else f"{number(dead.attempts)} times"
    return [
        foreign(f"{dead.entity.value} {known}", "strong"),
        foreign(dead.reason),
        Cell(f"First seen {first} in run #{dead.run_id}, tried {times}.", "dim"),
    ]

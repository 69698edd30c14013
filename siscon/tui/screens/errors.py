"""Errors: dead records grouped by cause; {key_of('open')} lists the records of a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.dead_records import DeadGroup
from siscon.ops import Database
from siscon.ops.dead_records import examples, groups
from siscon.tui import bulk_wishes, record_wishes
from siscon.tui.actions import Action
from siscon.tui.dead_lines import group_sentences
from siscon.tui.keymap import key_of
from siscon.tui.lines import GROUPS, group_line
from siscon.tui.present import Cell, of
from siscon.tui.screens.dead import Dead
from siscon.tui.screens.marking import MarkPane
from siscon.tui.screens.pane import bindings_of
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish


class Errors(MarkPane):
    """Causes."""

    name_ = "errors"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("errors")]
    groups: tuple[DeadGroup, ...] = ()
    examples: Mapping[DeadGroup, tuple[str, ...]] = {}

    def body(self) -> ComposeResult:
        yield LineTable(GROUPS, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        now_ms = self.desk.now_ms()
        self.groups = tuple(await groups(db))
        self.examples = {group: told for group, told in self.examples.items() if group in self.groups}
        lines = [group_line(group, self.look, now_ms) for group in self.groups]
        note = self.empty("No errors.", "No record waits because it could not be applied.")
        self.table().show(self.fixed(lines), note=note)
        await self._look_for_examples(db)

    async def _look_for_examples(self, db: Database) -> None:
        """Who fails for the cause under the cursor: asked for that one alone."""
        group: DeadGroup | None = self.value()
        if group is not None and group not in self.examples:
            self.examples = {**self.examples, group: tuple(await examples(db, group))}
            self.pointed()

    def pointed(self) -> None:
        group: DeadGroup | None = self.value()
        lines: list[Cell] = []
        if group is not None:
            if group not in self.examples:
                self.load_soon()
            lines = group_sentences(group, self.examples.get(group, ()), self.look, self.desk.now_ms())
        self.query_one("#panel", Panel).tell(lines)

    def status(self) -> list[Part]:
        total = sum(group.count for group in self.groups)
        if not self.groups:
            return [Part(" no records in error ")]
        told = f"{of(total, 'record')} of {of(len(self.groups), 'cause')}"
        return [Part(f" {told}; {key_of('open')} lists them ")]

    def why_not(self, action: Action) -> str:
        meant = action.id in ("open", "retry_cause", "give_up_cause")
        return "No cause is under the cursor." if meant and self.value() is None else ""

    async def wish(self, action: Action) -> Wish | None:
        group: DeadGroup | None = self.value()
        db = self.desk.database()
        if group is None or db is None:
            return None
        if len(groups := self.chosen_values()) > 1:
            return await bulk_wishes.on_causes(db, action.id, groups)
        [group] = groups
        if action.id == "retry_cause":
            return await record_wishes.retry_cause(db, group)
        return await record_wishes.give_up_cause(db, group)

    def act_open(self) -> None:
        """The records with this cause."""
        group: DeadGroup | None = self.value()
        if group is not None:
            self.app.push_screen(Dead(self.desk, group))

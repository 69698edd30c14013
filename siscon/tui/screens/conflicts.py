"""Conflicts: records that changed on both sides, and below the list the fields three ways. Enter opens one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.ops import Database
from siscon.ops.conflicts import COLUMNS, Chosen, ConflictList
from siscon.tui import bulk_wishes, identity_wishes
from siscon.tui.actions import Action
from siscon.tui.keymap import key_of, keyed
from siscon.tui.lines import CONFLICTS, conflict_cells, conflict_lines, disputed
from siscon.tui.present import Cell, Cells, foreign
from siscon.tui.screens.conflict import ConflictPane, ask_alike
from siscon.tui.screens.marking import MarkPane
from siscon.tui.screens.pane import bindings_of
from siscon.tui.screens.record import open_record
from siscon.tui.widgets.confirm import NO, Ask, Choice
from siscon.tui.widgets.panel import Panel
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish

KEYS = "123456789abcdefghijklmopqrstuvwxyz"
"""For answers that are many: n is always no."""


class Conflicts(MarkPane):
    """What waits for a person's word."""

    name_ = "conflicts"
    known = COLUMNS
    example = "entity=student  fields=email  kind=duplicate  age>2d"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("conflicts")]

    def body(self) -> ComposeResult:
        yield LineTable(CONFLICTS, self.look, id="list")
        yield Panel(id="panel")

    async def load(self, db: Database) -> None:
        note = self.empty("No conflicts.", "No record waits for a person's word.")
        listing = ConflictList(db, Chosen(where=self.where), self.table().order)
        await self.show_list(listing, self._cells, note=note)

    def _cells(self, conflict: Conflict) -> Cells:
        return conflict_cells(conflict, self.desk.now_ms())

    def pointed(self) -> None:
        conflict: Conflict | None = self.value()
        panel = self.query_one("#panel", Panel)
        if conflict is None:
            panel.tell([])
            return
        title = f"{conflict.entity.value} {conflict.external_id}, internal id {conflict.internal_id}"
        lines = [foreign(title, "strong")]
        if conflict.kind is not ConflictKind.FIELDS:
            panel.tell(
                [*lines, foreign(conflict.why, "warn", limit=300), Cell(keyed("{open} shows both."), "dim")]
            )
            return
        panel.tell_table(lines, conflict_lines(conflict, self.look), more=self.look.glyphs.more)

    def status(self) -> list[Part]:
        if not len(self.table().rows) and not self.find:
            return [Part(" no open conflicts ")]
        return [Part(f" {self.counted('open conflict')}; {key_of('open')} opens one ")]

    def why_not(self, action: Action) -> str:
        conflict: Conflict | None = self.value()
        if action.id == "settle_alike" and self.chosen():
            return ""
        if action.id in ("open", "settle_alike", "history") and conflict is None:
            return "No conflict is under the cursor."
        if action.id == "settle_alike" and conflict is not None and conflict.kind is not ConflictKind.FIELDS:
            return keyed(
                "{open} opens this question of who is who; several are decided once they are marked."
            )
        return ""

    async def wish(self, action: Action) -> Wish | None:  # noqa: ARG002 # there is one alone
        conflict: Conflict | None = self.value()
        db = self.desk.database()
        if db is None:
            return None
        if chosen := self.chosen():
            wish = await bulk_wishes.on_conflicts(db, chosen)
            return wish or identity_wishes.on_questions(await self.marked_values(identity_wishes.MOST))
        if conflict is None:
            return None
        names = disputed(conflict)
        name = names[0] if len(names) == 1 else await self._which(names)
        return await ask_alike(self, db, conflict, name, None) if name else None

    async def _which(self, names: list[str]) -> str:
        """The field that is meant, where several are in dispute."""
        choices = [Choice("n", "", NO)]
        choices += [Choice(key, name, foreign(name).text) for key, name in zip(KEYS, names, strict=False)]
        question = Ask("All alike in which field?", (), choices, safe="", look=self.look)
        return await self.app.push_screen_wait(question)

    def act_open(self) -> None:
        """One conflict, to be decided."""
        conflict: Conflict | None = self.value()
        if conflict is not None:
            self.app.push_screen(ConflictPane(self.desk, conflict))

    async def act_history(self) -> None:
        """The record as it is now, with what was done to it."""
        one: Conflict | None = self.value()
        if one is not None:
            await open_record(self, one.integration, one.entity, one.external_id)

"""What a search has found: records by an external id, an internal id, or the beginning of a name."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from siscon.domain.records import Entity
from siscon.ops import Database
from siscon.ops.history import find
from siscon.tui import bulk_wishes, record_wishes
from siscon.tui.actions import Action
from siscon.tui.keymap import keyed
from siscon.tui.present import Cell, foreign, of
from siscon.tui.record_lines import FOUND, found_line
from siscon.tui.screens.marking import MarkPane
from siscon.tui.screens.pane import Desk, bindings_of
from siscon.tui.screens.record import RecordPane
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish


class Found(MarkPane):
    """The records that a text may mean."""

    name_ = "found"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("found")]

    def __init__(self, desk: Desk, text: str) -> None:
        super().__init__(desk)
        self.text = text
        self._found_for: str | None = None

    @property
    def crumb(self) -> str:
        return foreign(self.text, limit=40).text

    def body(self) -> ComposeResult:
        yield LineTable(FOUND, self.look, id="list")

    def look_for(self, text: str) -> None:
        """Search for something else."""
        self.text = text
        self.load_soon()

    async def load(self, db: Database) -> None:
        if self._found_for == self.text:  # who searches looks at what was found; r searches again
            return
        text = self.text
        lines = [found_line(row) for row in await find(db, text)]
        self._found_for = text
        note = (
            Cell("Nobody and nothing is called so."),
            Cell(
                keyed("{find_record} looks for something else: a whole id, or the beginning of a name."),
                "dim",
            ),
        )
        self.table().show(self.fixed(lines), note=note)

    def act_refresh(self) -> None:
        """Search again."""
        self._found_for = None
        self.load_soon()

    def status(self) -> list[Part]:
        return [
            Part(foreign(f" found for {self.text} ", limit=50).text, "strong", "find_record"),
            Part(f" {of(len(self.table().rows), 'record')} "),
        ]

    def why_not(self, action: Action) -> str:
        none = action.id in ("open", "fetch") and self.value() is None
        return "No record is under the cursor." if none else ""

    def place_here(self) -> tuple[str, Entity, str] | None:
        """Integration, entity and external id of the record under the cursor."""
        row: dict[str, Any] | None = self.value()
        return _place_of(row) if row else None

    def wish(self, action: Action) -> Wish | None:  # noqa: ARG002 # there is one alone
        places = [_place_of(row) for row in self.chosen_values()]
        if len(places) > 1:
            return bulk_wishes.fetch_again(places)
        return record_wishes.fetch(*places[0]) if places else None

    def act_open(self) -> None:
        """The record under the cursor in full."""
        place = self.place_here()
        if place is not None:
            self.app.push_screen(RecordPane(self.desk, *place))


def _place_of(row: dict[str, Any]) -> tuple[str, Entity, str]:
    return row["integration"], Entity(row["entity"]), row["external_id"]

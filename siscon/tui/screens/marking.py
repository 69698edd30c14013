"""Screens whose lists can be marked: the keys that mark, and which rows an action concerns."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from siscon.domain.errors import UsageError
from siscon.domain.filters import ALL
from siscon.tui.keymap import keyed
from siscon.tui.present import number
from siscon.tui.screens.pane import Pane
from siscon.tui.widgets.marks import Chosen
from siscon.tui.widgets.rows import FixedRows, PagedRows
from siscon.tui.widgets.status_bar import Part
from siscon.tui.widgets.table import LineTable

LONGEST_RANGE = 10_000
"""A longer stretch is not marked row by row: a filter and * say the same in a few bytes."""

NOTHING = "There is no row to mark."


class MarkPane(Pane):
    """A screen with marks."""

    def marked_table(self) -> LineTable:
        """The list that has the focus."""
        focused = self.focused
        return focused if isinstance(focused, LineTable) else self.table()

    def chosen(self) -> Chosen:
        """The marked rows; all of a list that a filter narrows are all that it shows."""
        table = self.marked_table()
        marks = table.marks
        where = self.where if marks.every and table.id == self.narrowed else ALL
        return Chosen(tuple(marks.keys), marks.every, marks.count(len(table.rows)), where)

    async def _marked_ids(self, most: int) -> list[int]:
        rows, marks = self.marked_table().rows, self.marked_table().marks
        assert isinstance(rows, PagedRows)
        ids: list[int] = []
        async for chunk in rows.listing.ids():
            ids += [one for one in chunk if one in marks]
            if len(ids) > most:
                raise UsageError(
                    keyed(
                        "More than {most} rows are marked: that is too many for this. Narrow the list with {filter}.",
                        most=number(most),
                    )
                )
        return ids

    def chosen_values(self) -> list[Any]:
        """The marked rows of a list that is all here, in their order; without marks the one under the cursor."""
        table = self.marked_table()
        if not self.chosen():
            return [] if table.value is None else [table.value]
        rows = table.rows
        return [rows.value(at) for at in range(len(rows)) if rows.key(at) in table.marks]

    async def marked_values(self, most: int) -> list[Any]:
        """The marked rows, read anew where they are not all here; raises ``UsageError`` for more than ``most``."""
        table = self.marked_table()
        rows = table.rows
        if not isinstance(rows, PagedRows):
            return self.chosen_values()
        ids = await self._marked_ids(most)
        found = await rows.listing.rows(ids)
        return [found[one] for one in ids if one in found]

    def act_mark(self) -> None:
        """Mark the row under the cursor, or let it go, and move down."""
        table = self.marked_table()
        if table.key is None:
            self.app.notify(NOTHING, severity="warning")
            return
        table.marks.toggle(table.key)
        table.refresh_row(table.cursor)
        table.action_move("down")
        self.tell()

    def act_mark_to(self) -> None:
        """Mark from the row that was marked last to the one under the cursor."""
        table = self.marked_table()
        if table.key is None:
            self.app.notify(NOTHING, severity="warning")
            return
        last = table.marks.last
        begin = table.rows.index_of(last) if last is not None else None
        first, end = sorted((table.cursor if begin is None else begin, table.cursor))
        if end - first >= LONGEST_RANGE:
            self.app.notify(
                keyed(
                    "More than {most} rows lie between: narrow the list with {filter}, {mark_all} then marks all.",
                    most=number(LONGEST_RANGE),
                ),
                severity="warning",
            )
            return
        table.marks.add(self._keys(table, first, end))
        table.marks.last = table.key
        table.refresh()
        self.tell()

    def act_mark_all(self) -> None:
        """Mark all that the filter shows."""
        table = self.marked_table()
        if not len(table.rows):
            self.app.notify(NOTHING, severity="warning")
            return
        if isinstance(table.rows, FixedRows):
            table.marks.add(table.rows.keys())
        else:
            table.marks.mark_all()
        table.refresh()
        self.tell()

    def act_unmark(self) -> None:
        """Let every row go."""
        table = self.marked_table()
        table.marks.clear()
        table.refresh()
        self.tell()

    @staticmethod
    def _keys(table: LineTable, first: int, end: int) -> list[Hashable]:
        return [table.rows.key(at) for at in range(first, end + 1)]

    def let_go(self) -> bool:
        """Clear the marks; whether there were any."""
        had = bool(self.marked_table().marks)
        if had:
            self.act_unmark()
        return had

    def _state_parts(self) -> list[Part]:
        return [*self._mark_parts(), *super()._state_parts()]

    def _mark_parts(self) -> list[Part]:
        table = self.marked_table()
        if not table.marks:
            return []
        count = table.marks.count(len(table.rows))
        every = "all " if count and count == len(table.rows) else ""
        return [Part(f" {every}{number(count)} marked ", "strong", "unmark")]

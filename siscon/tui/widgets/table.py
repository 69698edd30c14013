"""The one table of every screen: lines drawn by hand, a cursor that moves two of them, pages fetched as needed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.message_pump import MessagePump
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import WorkType

from siscon.domain.errors import SisconError
from siscon.domain.filters import AS_THEY_COME
from siscon.tui.actions import MOVES
from siscon.tui.present import Cell, Cells, Look
from siscon.tui.themes import WholeBars
from siscon.tui.widgets.columns import GAP, Column, cut, fit
from siscon.tui.widgets.marks import Marks
from siscon.tui.widgets.reading import Reading
from siscon.tui.widgets.rows import PAGE, FixedRows, PagedRows, Rows

GUTTER = 1
"""At the left of every row there is room for the sign of a mark."""
SEARCHING = Cell("None so far ...", "dim")


class LineTable(ScrollView, can_focus=True):
    """A list of rows under a heading. Rows keep their key: updates never move the cursor to another row."""

    # A bar for moving sideways would cover the last row; columns fit the width instead.
    DEFAULT_CSS = "LineTable { overflow-x: hidden; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"table--{name}"
        for name in ("head", "cursor", "cursor-off", "good", "busy", "warn", "bad", "dim", "strong", "mark")
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(keys), f"move('{way}')", words, show=False, id=way) for keys, way, words in MOVES
    ]

    class Pointed(Message):
        """The cursor stands on another row, or the row under it changed."""

        def __init__(self, table: LineTable) -> None:
            self.table = table
            super().__init__()

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LineTable.Pointed) and message.table is self.table

    class Opened(Message):
        """A row was asked for: enter, or a click on the row under the cursor."""

        def __init__(self, table: LineTable) -> None:
            self.table = table
            super().__init__()

    class Trouble(Message):
        """The rows could not be read; ``sentence`` says why."""

        def __init__(self, sentence: str) -> None:
            self.sentence = sentence
            super().__init__()

    def __init__(self, columns: Sequence[Column], look: Look, *, id: str | None = None) -> None:  # noqa: A002 # the name Textual gives it
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.look = look
        self.rows: Rows = FixedRows()
        self.marks = Marks()
        self._to_end = False  # the person asked for the last row, which may still be on its way
        self.note: Cells = (Cell("Reading ...", "dim"),)
        self.cursor = 0
        self._fetching = False
        self.reading = Reading(self)
        self.order = AS_THEY_COME

    def on_mount(self) -> None:
        self.vertical_scrollbar.renderer = WholeBars  # type: ignore[misc] # documented by Textual for one widget

    # What it shows

    @property
    def row_width(self) -> int:
        """How wide a row is, for cells that are drawn to the width of their column."""
        return self._width

    @property
    def key(self) -> Hashable | None:
        """The key of the row under the cursor."""
        return self.rows.key(self.cursor) if self.cursor < len(self.rows) else None

    @property
    def value(self) -> Any:
        """What the row under the cursor is; None while it is on its way."""
        return self.rows.value(self.cursor) if self.cursor < len(self.rows) else None

    @property
    def is_here(self) -> bool:
        """Whether the row under the cursor has come, or is not on its way."""
        on_its_way = self._fetching if len(self.rows) else self.reading.busy
        return self.value is not None or not on_its_way

    def show(self, rows: FixedRows, *, note: Cells = ()) -> None:
        """Show rows that are all here; only lines that differ are painted again. ``note`` stands for no rows."""
        before = self.rows
        if note != self.note and not len(rows):
            self.note = note
            self.refresh()
        same = isinstance(before, FixedRows) and [line.key for line in before.lines] == [
            line.key for line in rows.lines
        ]
        if not same:
            self.replace(rows)
            return
        assert isinstance(before, FixedRows)
        self.rows = rows
        for index, (old, new) in enumerate(zip(before.lines, rows.lines, strict=True)):
            if old.cells != new.cells:
                self._refresh_cells(index, old.cells, new.cells)
            if index == self.cursor and old.value != new.value:
                self.post_message(self.Pointed(self))

    async def show_paged(self, rows: PagedRows, *, note: Cells = (), place: Any = None) -> None:
        """Show the rows of a listing: the first at once, the rest as their ids come; the cursor keeps its row.

        With a ``place`` of the listing the cursor goes there, before anything else has come.
        """
        before = self.rows
        alike = isinstance(before, PagedRows) and before.lists_the_same_as(rows)
        self.note = note
        self._to_end = False
        if not alike:
            self.marks.clear()  # the same numbers mean other rows there
        elif self.marks.every and not rows.shows_the_same_as(before):
            self.marks.clear()  # it was all that another filter showed
        sought = self.key if alike and place is None else None
        await self.reading.begin(rows, sought=sought, place=place)

    async def renew(self) -> None:
        """Read the visible pages of a listing again, and its ids too when there are more or fewer."""
        rows = self.rows
        if isinstance(rows, PagedRows):
            await self.reading.renew(rows, lambda: self._renew_visible(rows))

    async def _renew_visible(self, rows: PagedRows) -> None:
        top = int(self.scroll_offset.y)
        shown = {index: rows.cells(index) for index in range(top, min(top + self.size.height, len(rows)))}
        if await rows.reload(iter(self.visible_pages(len(rows)))) and self.rows is rows:
            for index, before in shown.items():
                after = rows.cells(index)
                if before is None or after is None:
                    self.refresh_row(index)
                elif before != after:
                    self._refresh_cells(index, before, after)
            self.post_message(self.Pointed(self))

    def doubt(self) -> None:
        """Read the ids of a listing anew the next time, although there may be as many as before."""
        if isinstance(self.rows, PagedRows):
            self.rows.stale = True
            self.reading.due_now()

    def grown(self, first: int) -> None:
        """More rows of a listing have come, from a place on."""
        rows = self.rows
        assert isinstance(rows, PagedRows)
        self._resize()
        if self._to_end:
            self.point(len(rows) - 1)
        elif rows.sought is not None and (found := rows.index_of(rows.sought, first=first)) is not None:
            rows.sought = None
            self.point(found)
        if first <= int(self.scroll_offset.y) + self.size.height:
            self.refresh()

    def aside(self, work: WorkType[None]) -> None:
        """Go on reading while the person looks at what is there; begun by the task, which may never come to it."""
        self.run_worker(work, group="reading", exclusive=True)

    def read(self) -> None:
        """All rows are there; those that are not have no mark any more."""
        if not len(self.rows):
            self.refresh()  # now it is sure that there are none
        self.marks.keep(self.rows.keys())
        self.post_message(self.Pointed(self))

    def trouble(self, sentence: str) -> None:
        """The rows could not be read."""
        self.post_message(self.Trouble(sentence))

    def seek(self, key: Hashable) -> bool:
        """Put the cursor on a row that is here; False where it is not."""
        found = self.rows.index_of(key)
        if found is None:
            return False
        self.point(found)
        self.scroll_to(y=found, animate=False, immediate=True, force=True)
        return True

    def visible_pages(self, length: int, *, moved: int = 0) -> range:
        """The pages that are looked at, of so many rows; when all of them will have ``moved``."""
        top = int(self.scroll_offset.y) + moved
        last = min(top + self.size.height, length - 1)
        return range(top // PAGE, last // PAGE + 1) if length else range(0)

    def replace(self, rows: Rows, *, keep: bool = True, moved: int = 0) -> None:
        """Show other rows; ``keep``: the cursor stays on its row, most likely ``moved``; else it goes to the first."""
        key, offset = self.key, self.cursor - int(self.scroll_offset.y)
        self.rows = rows
        if keep:
            self.marks.keep(rows.keys())
        found = rows.index_of(key, near=self.cursor + moved) if keep and key is not None else None
        self.cursor = found if found is not None else min(self.cursor if keep else 0, max(0, len(rows) - 1))
        self._resize()
        top = max(0, self.cursor - max(0, offset)) if keep else 0
        self.scroll_to(y=top, animate=False, immediate=True, force=True)
        self.refresh()
        self.post_message(self.Pointed(self))

    def _resize(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width or self.size.width, len(self.rows) + 1)

    # Moving

    def action_move(self, way: str) -> None:
        """Move the cursor one way."""
        page = max(1, self._height - 1)
        last = len(self.rows) - 1
        steps = {"down": 1, "up": -1, "page_down": page, "page_up": -page, "top": -last, "bottom": last}
        if isinstance(self.rows, PagedRows):
            self.rows.sought = None
        self.point(self.cursor + steps[way])
        self._to_end = way == "bottom"

    def point(self, index: int) -> None:
        """Put the cursor on a row; the nearest there is."""
        new = max(0, min(index, len(self.rows) - 1))
        old, self.cursor = self.cursor, new
        if new == old:
            return
        top = int(self.scroll_offset.y)
        if top <= new < top + self._height:
            self.refresh_row(old)
            self.refresh_row(new)
        else:
            y = new - self._height + 1 if new > old else new
            self.scroll_to(y=max(0, y), animate=False, immediate=True, force=True)
            if isinstance(self.rows, PagedRows) and self.rows.look(self.visible_pages(len(self.rows))):
                self._fetch_soon()
        self.post_message(self.Pointed(self))

    @property
    def _height(self) -> int:
        return max(1, self.size.height - 1)

    def on_click(self, event: events.Click) -> None:
        """A click points; a click on the row under the cursor opens it."""
        index = int(self.scroll_offset.y) + event.y - 1
        if event.y < 1 or index >= len(self.rows):
            return
        if index == self.cursor:
            self.post_message(self.Opened(self))
        else:
            self.point(index)

    def on_resize(self) -> None:
        """A cursor that would be out of sight is scrolled to."""
        self._resize()
        top = int(self.scroll_offset.y)
        if not top <= self.cursor < top + self._height:
            self.scroll_to(
                y=max(0, self.cursor - self._height + 1), animate=False, immediate=True, force=True
            )

    def on_focus(self, event: events.Focus) -> None:
        """Of a list that gets or loses the keys only the row under the cursor looks otherwise than before."""
        self._have_keys(event, events.DescendantFocus(self), now=True)

    def on_blur(self, event: events.Blur) -> None:
        self._have_keys(event, events.DescendantBlur(self), now=False)

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The style sheet has something to say of who has the keys only where one list stands alone."""
        if self.screen.has_class("-alone"):
            self.update_node_styles()

    def _have_keys(self, event: Message, tell: Message, *, now: bool) -> None:
        event.prevent_default()  # the library would have all of the list painted
        self.has_focus = now
        if isinstance(self.parent, MessagePump):
            self.parent.post_message(tell)
        self.refresh_row(self.cursor)

    # Painting

    def refresh_row(self, index: int) -> None:
        """Paint one row again, if it is in sight."""
        y = index + 1 - int(self.scroll_offset.y)
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _refresh_cells(self, index: int, old: Cells, new: Cells) -> None:
        y, x = index + 1 - int(self.scroll_offset.y), GUTTER
        if not 1 <= y < self.size.height or len(old) != len(new):
            self.refresh_row(index)
            return
        for before, after, width in zip(old, new, fit(self.columns, self._width), strict=False):
            if before != after and width:
                self.refresh(Region(x, y, width, 1))
            x += width + GAP if width else 0

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width - GUTTER

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the heading, a row, or the note that stands for no rows."""
        width = self._width + GUTTER
        if y == 0:
            sizes = fit(self.columns, self._width)
            head = tuple(
                Cell(column.heading(self.order, size, self.look.glyphs))
                for column, size in zip(self.columns, sizes, strict=True)
            )
            return self._strip(head, self.get_component_rich_style("table--head"), tones=False)
        index = int(self.scroll_offset.y) + y - 1
        if not len(self.rows):
            if 2 <= y < 2 + len(self.note):
                note = self.note[y - 2] if not self.reading.busy else SEARCHING if y == 2 else Cell("")
                style = self.rich_style + self._tone(note)
                return Strip(
                    [Segment(cut("  " + note.text, width, more=self.look.glyphs.more), style)], width
                )
            return Strip.blank(width, self.rich_style)
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        cells = self.rows.cells(index)
        style = self.rich_style
        if index == self.cursor:
            name = "table--cursor" if self.has_focus else "table--cursor-off"
            style = self.get_component_rich_style(name)
        if cells is None:
            self._fetch_soon()
            cells = (Cell(self.look.glyphs.more, "dim"),)
        return self._strip(cells, style, marked=bool(self.marks) and self.rows.key(index) in self.marks)

    def _tone(self, cell: Cell) -> Style:
        if not cell.tone:
            return Style.null()
        return self.get_component_rich_style(f"table--{cell.tone}", partial=True)

    def _strip(self, cells: Cells, style: Style, *, tones: bool = True, marked: bool = False) -> Strip:
        width, used = self._width, 0
        sign = self.look.glyphs.marked if marked else " "
        tone = self.get_component_rich_style("table--mark", partial=True) if marked else Style.null()
        segments = [Segment(sign, style + tone)]
        for cell, column, size in zip(cells, self.columns, fit(self.columns, width), strict=False):
            if not size:
                continue
            if used:
                segments.append(Segment(" " * GAP, style))
                used += GAP
            text = cut(
                cell.text, size, align=column.align, more=self.look.glyphs.more, middle=column.has_names
            )
            segments.append(Segment(text, style + self._tone(cell) if tones else style))
            used += size
        segments.append(Segment(" " * max(0, width - used), style))
        return Strip(segments).adjust_cell_length(width + GUTTER, style)

    # Fetching

    def _fetch_soon(self) -> None:
        if not self._fetching:
            self._fetching = True
            self.run_worker(self._fetch(), group="fetch", exit_on_error=True)

    async def _fetch(self) -> None:
        """What is looked at, then the page before and the one behind, so that whoever walks on need not wait."""
        try:
            rows = self.rows
            while isinstance(rows, PagedRows) and rows.look(seen := self.visible_pages(len(rows))):
                number = rows.next_wanted()
                if await rows.fetch(number) and number in seen and self.rows is rows:
                    self.refresh()
                    self.post_message(self.Pointed(self))
                rows = self.rows
        except SisconError as error:
            self.post_message(self.Trouble(error.sentence))
        finally:
            self._fetching = False

"""The one table: paging, the cursor, and how little it paints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from textual.app import App, ComposeResult
from textual.geometry import Region

from siscon.domain.errors import DatabaseError
from siscon.tui.present import Cell, Cells, Look
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import KEEP, FixedRows, Line, PagedRows
from siscon.tui.widgets.table import LineTable
from support.consoles import until

COLUMNS = (Column("Number", 10, align="right"), Column("Name", 20, flex=1))


class Numbers:
    """A listing of numbers."""

    def __init__(self, ids: list[int]) -> None:
        self.all = ids
        self.asked: list[int] = []
        self.broken = False

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        for start in range(0, len(self.all), 20_000):
            await asyncio.sleep(0)
            yield self.all[start : start + 20_000]

    async def rows(self, ids: Sequence[int]) -> Mapping[int, int]:
        if self.broken:
            raise DatabaseError("The disk is gone.")
        self.asked.append(len(ids))
        await asyncio.sleep(0)
        return {id_: id_ for id_ in ids if id_ in set(self.all[:1]) or id_ >= 0}

    async def count(self) -> int:
        return len(self.all)


class Slow(Numbers):
    """A listing whose ids after the first chunk come when the test says so."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__(ids)
        self.go_on = asyncio.Event()

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        async for chunk in super().ids():
            yield chunk
            await self.go_on.wait()


class Host(App[None]):
    """A table and nothing else, counting what it paints."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles: list[str] = []
        self.pointed = 0

    def compose(self) -> ComposeResult:
        self.table = Counting(COLUMNS, Look(), id="list")
        yield self.table

    def on_line_table_trouble(self, message: LineTable.Trouble) -> None:
        self.troubles.append(message.sentence)

    def on_line_table_pointed(self) -> None:
        self.pointed += 1


class Counting(LineTable):
    """Remembers which lines were rendered."""

    lines: list[int]

    def render_line(self, y: int) -> Any:
        self.__dict__.setdefault("lines", []).append(y)
        return super().render_line(y)

    def refresh(self, *regions: Region, **options: Any) -> Any:
        self.__dict__.setdefault("regions", []).extend(regions)
        return super().refresh(*regions, **options)


def cells(number: int) -> Cells:
    return (Cell(str(number)), Cell(f"name {number}"))


def lines_of(app: App[None]) -> list[str]:
    return ["".join(part.text for part in strip) for strip in app.screen._compositor.render_strips()]


async def test_a_hundred_thousand_rows_open_with_one_page_and_any_of_them_is_near() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        listing = Numbers(list(range(1, 100_001)))
        await app.table.show_paged(PagedRows(listing, cells))
        await until(pilot, lambda: "name 1 " in lines_of(app)[1])
        assert listing.asked == [256]
        await pilot.press("G")
        await until(pilot, lambda: "name 100000" in lines_of(app)[-1])
        assert app.table.key == 100_000
        assert max(listing.asked) == 256
        await pilot.press("g")
        await until(pilot, lambda: "name 1 " in lines_of(app)[1])


async def test_the_last_row_is_followed_while_the_ids_still_come() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        listing = Slow(list(range(1, 60_001)))
        opening = asyncio.create_task(app.table.show_paged(PagedRows(listing, cells)))
        await until(pilot, lambda: "name 1 " in lines_of(app)[1])
        await pilot.press("G")
        assert app.table.key == 20_000
        listing.go_on.set()
        await opening

        await until(pilot, lambda: app.table.key == 60_000)


async def test_only_the_pages_looked_at_last_are_kept() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        rows = PagedRows(Numbers(list(range(1, 20_001))), cells)
        await app.table.show_paged(rows)
        for place in range(0, 20_000, 500):
            app.table.point(place)
            await pilot.pause()
        assert len(app.table.rows._pages) <= KEEP


async def test_a_key_that_moves_the_cursor_paints_two_lines() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.table.show_paged(PagedRows(Numbers(list(range(1, 1_001))), cells))
        await until(pilot, lambda: "name 5" in lines_of(app)[5])
        app.table.lines.clear()
        app.table.regions.clear()
        await pilot.press("down")
        await pilot.pause()
        assert sorted(region.y for region in app.table.regions) == [1, 2]
        assert {region.height for region in app.table.regions} == {1}


async def test_an_update_keeps_the_cursor_on_its_row() -> None:
    app = Host()
    async with app.run_test(size=(80, 10)) as pilot:
        listing = Numbers(list(range(100, 0, -1)))
        await app.table.show_paged(PagedRows(listing, cells))
        await pilot.press("down", "down", "down")
        assert app.table.key == 97
        listing.all = [102, 101, *listing.all]
        app.table.reading.due_now()  # where the first reading took long, the next one waits for its time
        await app.table.renew()
        await until(pilot, lambda: not app.table.reading.busy)
        assert app.table.key == 97
        assert len(app.table.rows) == 102


async def test_fixed_rows_paint_only_the_cell_that_changed() -> None:
    app = Host()
    async with app.run_test(size=(80, 10)) as pilot:
        lines = [Line(number, cells(number)) for number in range(5)]
        app.table.show(FixedRows(lines))
        await pilot.pause()
        app.table.regions.clear()
        app.table.show(FixedRows(lines))
        assert app.table.regions == []
        lines[2] = Line(2, (Cell("2"), Cell("other")))
        app.table.show(FixedRows(lines))
        assert app.table.regions == [Region(13, 3, app.table._width - 12, 1)]


async def test_fixed_rows_keep_the_cursor_on_its_row_when_others_come_and_go() -> None:
    app = Host()
    async with app.run_test(size=(80, 10)) as pilot:
        app.table.show(FixedRows([Line(number, cells(number)) for number in range(5)]))
        await pilot.press("down", "down")
        app.table.show(FixedRows([Line(number, cells(number)) for number in (9, 8, 1, 2)]))
        assert app.table.key == 2
        app.table.show(FixedRows())
        assert app.table.key is None


async def test_rows_that_cannot_be_read_are_told_and_break_nothing() -> None:
    app = Host()
    async with app.run_test(size=(80, 10)) as pilot:
        listing = Numbers(list(range(1, 11)))
        listing.broken = True
        await app.table.show_paged(PagedRows(listing, cells))
        await until(pilot, lambda: bool(app.troubles))
        assert app.troubles[0] == "The disk is gone."
        listing.broken = False
        app.table.refresh()
        await until(pilot, lambda: "name 1 " in lines_of(app)[1])


async def test_no_rows_show_the_note() -> None:
    app = Host()
    async with app.run_test(size=(80, 10)) as pilot:
        app.table.show(FixedRows(), note=(Cell("No errors."),))
        await pilot.pause()
        assert "No errors." in lines_of(app)[2]
        await pilot.press("down", "G", "pagedown", "enter")
        assert app.table.key is None


async def test_a_click_points_and_a_second_one_opens() -> None:
    app = Host()
    async with app.run_test(size=(80, 10)) as pilot:
        app.table.show(FixedRows([Line(number, cells(number)) for number in range(5)]))
        await pilot.pause()
        await pilot.click(app.table, offset=(2, 4))
        assert app.table.key == 3

"""The one table: paging, the cursor, and how little it paints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region

from siscon.domain.errors import DatabaseError
from siscon.domain.filters import AS_THEY_COME, Order
from siscon.tui.present import Cell, Cells, Look
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import KEEP, PAGE, FixedRows, Line, PagedRows
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
        assert listing.asked == [PAGE]
        await pilot.press("G")
        await until(pilot, lambda: "name 100000" in lines_of(app)[-1])
        assert app.table.key == 100_000
        assert max(listing.asked) == PAGE
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


class FromPlaces(Slow):
    """A listing that can be read from any number on; what lies before comes when the test says so."""

    orders: frozenset[str] = frozenset()
    order = AS_THEY_COME

    @property
    def whole(self) -> FromPlaces:
        return self

    def ordered(self, order: Order) -> FromPlaces:  # there is one alone
        return self

    async def ids_from(self, place: int) -> AsyncIterator[Sequence[int]]:
        at = self.all.index(place)
        yield self.all[at : at + 1]
        yield self.all[at + 1 :]

    async def ids_before(self, place: int) -> AsyncIterator[Sequence[int]]:
        await self.go_on.wait()
        yield self.all[: self.all.index(place)]


async def test_a_far_row_is_shown_before_any_other_and_the_rest_comes_round_it() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        listing = FromPlaces(list(range(1, 60_001)))
        opening = asyncio.create_task(app.table.show_paged(PagedRows(listing, cells), place=41_234))
        await until(pilot, lambda: "name 41234" in lines_of(app)[1])
        assert app.table.key == 41_234
        await pilot.press("j")
        before = lines_of(app)
        listing.go_on.set()
        await opening
        await until(pilot, lambda: not app.table.reading.busy)

        assert len(app.table.rows) == 60_000
        assert app.table.key == 41_235
        assert lines_of(app)[1:] == before[1:], "nothing has moved"
        await pilot.press("k", "k")
        await until(pilot, lambda: "name 41233" in lines_of(app)[1])


async def test_what_was_read_before_ends_nothing_of_what_is_read_now() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        first, second = Slow(list(range(1, 60_001))), Slow(list(range(1, 50_001)))
        opening = [asyncio.create_task(app.table.show_paged(PagedRows(first, cells)))]
        await until(pilot, lambda: len(app.table.rows) == 20_000)
        opening.append(asyncio.create_task(app.table.show_paged(PagedRows(second, cells))))
        await until(pilot, lambda: app.table.rows.listing is second)
        first.go_on.set()
        await opening[0]
        assert app.table.reading.busy
        second.go_on.set()
        await opening[1]
        await until(pilot, lambda: not app.table.reading.busy)

        assert len(app.table.rows) == 50_000


class Breaking(Numbers):
    """A listing that breaks after its first stretch."""

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        yield self.all[:10]
        raise DatabaseError("The disk is gone.")


async def test_a_list_that_breaks_half_way_is_read_again_the_next_time() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        with pytest.raises(DatabaseError):
            await app.table.show_paged(PagedRows(Breaking(list(range(1, 100))), cells))
        await pilot.pause()

        assert not app.table.reading.busy


class Seeking(Slow):
    """A listing that looks long and has found nothing yet."""

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        while not self.go_on.is_set():
            await asyncio.sleep(0.001)
            yield []


async def test_a_search_that_has_found_nothing_yet_says_so_and_makes_room_for_the_next_list() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        seeking = Seeking([])
        await app.table.show_paged(PagedRows(seeking, cells), note=(Cell("There is none."),))
        await until(pilot, lambda: "None so far ..." in lines_of(app)[2])
        await app.table.show_paged(PagedRows(Numbers([1, 2, 3]), cells))
        await until(pilot, lambda: "name 1 " in lines_of(app)[1])
        await app.table.show_paged(PagedRows(seeking, cells), note=(Cell("There is none."),))
        seeking.go_on.set()
        await until(pilot, lambda: "There is none." in lines_of(app)[2])


async def test_the_page_behind_what_is_looked_at_is_there_before_one_comes_to_it() -> None:
    app = Host()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.table.show_paged(PagedRows(Numbers(list(range(1, 20_001))), cells))
        app.table.point(50 * PAGE)
        await until(pilot, lambda: app.table.value is not None and not app.table._fetching)

        assert {49, 50, 51} <= set(app.table.rows._pages)


def test_rows_have_any_number_as_their_id() -> None:
    rows = PagedRows(Numbers([]), cells)
    for ids in ([1, (1 << 32) - 1], [1 << 32, (1 << 63) - 1], [7]):
        rows.grow(ids)

    assert list(rows.keys()) == [1, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 7]
    assert rows.index_of(7, near=4) == 4
    assert rows.index_of(1, near=4) == 0
    assert rows.index_of(8, near=4) is None


@given(st.sets(st.integers(1, 9_000)), st.integers(1, 9_000), st.integers(0, 12_000))
def test_a_row_is_found_wherever_it_is_believed_to_be(ids: set[int], sought: int, near: int) -> None:
    rows = PagedRows(Numbers([]), cells).with_ids(sorted(ids))
    found = rows.index_of(sought, near=near)

    assert found == (sorted(ids).index(sought) if sought in ids else None)


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

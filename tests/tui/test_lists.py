"""Every list is narrowed, ordered and jumped through in one way, from memory or from the database."""

from __future__ import annotations

import asyncio
from typing import Any

from textual.pilot import Pilot

from siscon.domain.filters import Kind, Order, parse
from siscon.tui.present import Cell
from siscon.tui.screens.find import Find
from siscon.tui.screens.records import Records
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import FixedRows, Line
from support.consoles import console, press, settled, text_of, toasts, until

from .conftest import Filled

COLUMNS = (
    Column("Name", 8),
    Column("Failed", 6, align="right"),
    Column("Last seen", 9, name="seen", kind=Kind.PAST),
)
NOW = 1_763_600_000_000
DAY = 86_400_000


def line(name: str, failed: int | None, seen: int | None) -> Line:
    told = Cell("-") if failed is None else Cell(f"{failed:,}")
    return Line(name, (Cell(name), told, Cell("some time", "", seen)))


ROWS = FixedRows(
    [
        line("north", 1_204, NOW - 3 * DAY),
        line("east", None, None),
        line("South", 3, NOW - DAY),
        line("west", 20, NOW),
    ]
)


def named(text: str) -> list[object]:
    where = parse(text, [one.named for one in COLUMNS], now_ms=NOW)
    return [one.key for one in ROWS.narrowed(where, COLUMNS).lines]


def by(column: str, *, down: bool = False) -> list[object]:
    return [one.key for one in ROWS.ordered(Order(column, down), COLUMNS).lines]


def test_rows_in_memory_are_narrowed_by_what_their_cells_mean() -> None:
    assert named("failed>=20") == ["north", "west"]
    assert named("seen>2d") == ["north"]
    assert named("!south") == ["north", "east", "west"]
    assert named("name=SOUTH") == ["South"]
    assert named("failed=") == ["east"]


def test_rows_in_memory_are_ordered_by_what_their_cells_mean() -> None:
    assert by("failed") == ["South", "west", "north", "east"]
    assert by("failed", down=True) == ["north", "west", "South", "east"]
    assert by("name") == ["east", "north", "South", "west"]
    assert by("seen") == ["north", "South", "west", "east"]


async def typed(pilot: Pilot[Any], text: str) -> None:
    await press(pilot, "slash")
    pilot.app.screen.query_one("#find_text").value = text
    await press(pilot, "enter")


async def test_a_mistake_stands_above_the_line_and_is_mended_there(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6")
        await typed(pilot, "colour=red")
        assert isinstance(pilot.app.screen, Find)
        assert "There is no column 'colour' here." in text_of(pilot.app)
        await press(pilot, "escape")
        await typed(pilot, "status=error")
        shown = text_of(pilot.app)
        assert "3 of 43 mappings" in shown
        assert "/ status=error" in shown
        await press(pilot, "escape")
        assert " 43 mappings" in text_of(pilot.app)


async def test_errors_conflicts_and_runs_are_narrowed_in_the_database(filled: Filled) -> None:
    async with console(await filled(), size=(120, 40)) as pilot:
        await press(pilot, "3")
        await typed(pilot, "status=held")
        assert "1 of " in text_of(pilot.app)
        await press(pilot, "5")
        await typed(pilot, "entity=staff")
        told = pilot.app.screen.table()
        assert told.rows.total > len(told.rows)
        await press(pilot, "4", "enter")
        await typed(pilot, "attempts>99")
        assert "0 of 412 records" in text_of(pilot.app)


async def test_the_cursor_keeps_its_row_when_the_list_is_narrowed(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6", "down", "down", "down", "down", "down")
        here = pilot.app.screen.table().value.external_id
        await typed(pilot, "status=synced")
        assert pilot.app.screen.table().value.external_id == here


async def test_a_list_is_ordered_by_one_column_after_the_other_and_back(filled: Filled) -> None:
    async with console(await filled(), size=(120, 40)) as pilot:
        await press(pilot, "6", "o")
        assert "External id▲" in text_of(pilot.app)
        await press(pilot, "O")
        assert "External id▼" in text_of(pilot.app)
        table = pilot.app.screen.table()
        ids = [table.rows.value(n).external_id for n in range(10)]
        assert ids == sorted(ids, reverse=True)
        await press(pilot, "o")
        assert "Name▲" in text_of(pilot.app)


async def test_who_orders_nothing_the_other_way_is_told_how(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6", "O")
        assert toasts(pilot.app) == ["The rows stand as they come: o orders them by a column first."]


async def test_a_jump_leads_to_the_first_id_that_is_not_before_a_text(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6")
        await typed(pilot, "status=error")
        screen = pilot.app.screen
        assert isinstance(screen, Records)
        assert await screen.jump("S-104-77-002")
        await settled(pilot)
        assert screen.table().value.external_id == "S-104-77-0020"
        assert screen.find == ""
        assert not await screen.jump("\U0010ffff")
        await settled(pilot)


async def test_a_line_jumps_to_an_id_from_any_screen_and_leaves_the_filter(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6")
        await typed(pilot, "status=error")
        await press(pilot, "1")
        for words, found in (("S-104-77-002", "S-104-77-0020"), ("S-104-77-0021", "S-104-77-0021")):
            await lined(pilot, f"mappings {words}")
            screen = pilot.app.screen
            assert isinstance(screen, Records)
            await until(pilot, lambda screen=screen, found=found: id_under_cursor(screen) == found)
            assert screen.find == ""
        shown = len(screen.table().rows)
        await lined(pilot, "mappings zzz-9")
        await until(pilot, lambda: any("No id of" in one for one in toasts(pilot.app)))
        assert len(screen.table().rows) == shown > 2
        await lined(pilot, "mappings status=error")
        assert screen.find == "status=error"


def id_under_cursor(screen: Records) -> str:
    mapping = screen.table().value
    return mapping.external_id if mapping is not None else ""


async def lined(pilot: Pilot[Any], line: str) -> None:
    await press(pilot, ":")
    pilot.app.screen.query_one("Input").value = line
    await press(pilot, "enter")


async def test_a_reading_may_end_at_any_moment_while_the_console_closes(filled: Filled) -> None:
    left = asyncio.Event()

    async def ends_again_and_again(screen: Records) -> int:
        times = 0
        while not left.is_set():
            screen.tell()
            times += not screen.query("#context")
            await asyncio.sleep(0)
        return times

    async with console(await filled()) as pilot:
        await press(pilot, "6")
        screen = pilot.app.screen
        assert isinstance(screen, Records)
        telling = asyncio.create_task(ends_again_and_again(screen))
        pilot.app.exit()
    left.set()

    assert await telling, "it ended when there were no bars any more"


async def test_each_list_of_activity_is_narrowed_by_its_own_columns(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "9")
        await typed(pilot, "level=error")
        assert len(pilot.app.screen.journal.rows) < 50
        await press(pilot, "tab")
        await typed(pilot, "state=done age<30d")
        assert not isinstance(pilot.app.screen, Find)


async def test_a_short_list_is_ordered_without_a_word_about_long_ones(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "3", "o")
        assert toasts(pilot.app) == []
        assert "▲" in text_of(pilot.app)

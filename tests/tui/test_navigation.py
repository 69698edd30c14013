"""One stack, and a trail through it as in a browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.tui.trail import MOST, Trail
from support.consoles import console, press, text_of, toasts

Filled = Callable[..., Awaitable[Path]]


def way(app: object) -> str:
    return text_of(app).split("\n")[0].split("●")[0].strip()


@pytest.mark.long
async def test_back_and_forward_walk_through_screens_and_their_details(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "4", "enter", "enter")
        deep = way(pilot.app)
        await press(pilot, "3", "left_square_bracket")
        assert way(pilot.app) == deep
        await press(pilot, "left_square_bracket")
        assert way(pilot.app) == "Errors > unknown parent"
        await press(pilot, "right_square_bracket", "right_square_bracket")
        assert "3 Syncs" in way(pilot.app)
        await press(pilot, "right_square_bracket")
        assert "no screen after" in toasts(pilot.app)[-1]


async def test_escape_goes_up_and_back_leads_down_again(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "3", "down", "down", "enter")
        run = way(pilot.app)
        await press(pilot, "escape", "left_square_bracket")
        assert way(pilot.app) == run


@pytest.mark.long
async def test_a_detail_is_found_again_with_its_filter_and_the_row_under_its_cursor(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "4", "enter", "slash", *"entity=enrollment", "enter", "down", "down")
        table = pilot.app.screen.table()
        row, shown = table.key, len(table.rows)
        assert table.cursor == 2
        await press(pilot, "3", "left_square_bracket")
        table = pilot.app.screen.table()
        assert pilot.app.screen.find == "entity=enrollment"
        assert (table.key, len(table.rows)) == (row, shown)
        await press(pilot, "escape", "escape", "enter")
        assert pilot.app.screen.find == ""


@pytest.mark.long
async def test_minus_goes_to_and_fro_between_two_screens(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "4", "enter", "5", "minus")
        assert way(pilot.app) == "Errors > unknown parent"
        await press(pilot, "minus")
        assert "5 Conflicts" in way(pilot.app)
        await press(pilot, "minus")
        assert way(pilot.app) == "Errors > unknown parent"


async def test_at_the_beginning_there_is_nothing_before(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "left_square_bracket", "minus")
        assert toasts(pilot.app) == ["There is no screen before this one.", "There was no other screen yet."]


steps = st.lists(st.one_of(st.integers(0, 5), st.sampled_from(["back", "on"])), max_size=60)


@given(steps)
def test_a_trail_goes_back_to_where_one_was(told: list[object]) -> None:
    trail: Trail[int] = Trail()
    for one in told:
        here = trail.here
        if isinstance(one, int):
            trail.seen(one)
            assert trail.here == one
            assert here == one or trail.step(1) is None
        else:
            by = -1 if one == "back" else 1
            new = trail.step(by)
            assert trail.here == (here if new is None else new)
            if new is not None:
                assert trail.before == here
                assert trail.step(-by) == here
                trail.step(by)
    assert all(a != b for a, b in zip(trail.places, trail.places[1:], strict=False))


def test_a_trail_has_an_end() -> None:
    trail: Trail[int] = Trail()
    for one in range(MOST * 2):
        trail.seen(one)

    assert len(trail.places) == MOST
    assert trail.here == MOST * 2 - 1

"""The context bar: where one is, the way down to it, and what one must not overlook."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from siscon.domain.roles import Role
from siscon.tui.actions import BY_ID, PANES
from siscon.tui.context import LEAST_CRUMB, badges_of, context_parts, least_room, role_badge, way_parts
from siscon.tui.key_names import key_word
from siscon.tui.options import ConsoleOptions
from siscon.tui.present import Look
from siscon.tui.screens.dead import Dead
from siscon.tui.screens.errors import Errors
from siscon.tui.widgets.status_bar import Bar, Part
from support.console_data import Names
from support.consoles import console, press, settled, text_of

Filled = Callable[..., Awaitable[Path]]


def first_line(app: object) -> str:
    return text_of(app).split("\n")[0]


async def test_a_narrow_window_names_the_present_main_screen_and_gives_the_others_as_keys(
    filled: Filled,
) -> None:
    async with console(await filled(), size=(80, 24)) as pilot:
        assert first_line(pilot.app).startswith(" 1 Health 2 3 4 5 6 7")
        await press(pilot, "4")
        assert first_line(pilot.app).startswith(" 1 2 3 4 Errors 5 6 7")


async def test_a_wide_window_names_all_main_screens(filled: Filled) -> None:
    async with console(await filled(), size=(140, 40)) as pilot:
        assert " 1 Health  2 Tokens  3 Syncs  4 Errors  5 Conflicts" in first_line(pilot.app)
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert " 1 Health 2 Tokens 3 Syncs 4 Errors 5 Conflicts" in first_line(pilot.app)
        assert " 9 Activity 0 Doctor " in first_line(pilot.app)


@pytest.mark.parametrize("name", PANES)
def test_from_110_columns_on_as_many_names_stand_as_there_is_room_for(name: str) -> None:
    for room in range(30, 130):
        parts = context_parts([], name, width=110, room=room, look=Look())
        assert sum(cell_len(part.text) for part in parts) <= room
        assert [part.action for part in parts] == list(PANES)
        assert BY_ID[name].word in "".join(part.text for part in parts)
    names = [
        "".join(one.text for one in context_parts([], name, width=110, room=room, look=Look()))
        for room in range(30, 130)
    ]
    assert sorted(names, key=len) == names, "more room, no fewer words"
    narrow = context_parts([], name, width=109, room=200, look=Look())
    assert "".join(part.text for part in narrow).split() == [
        word
        for one in PANES
        for word in (key_word(BY_ID[one].keys[0]), BY_ID[one].word)
        if one == name or len(word) == 1
    ]


async def test_a_detail_shows_the_way_down_to_it_and_a_click_leads_back(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "4", "enter", "enter")
        line = first_line(pilot.app)
        assert line.startswith(" Errors > unknown parent > E-")
        await pilot.click("#context", offset=(line.index("unknown"), 0))
        await settled(pilot)
        assert isinstance(pilot.app.screen, Dead)
        await pilot.click("#context", offset=(2, 0))
        await settled(pilot)
        assert isinstance(pilot.app.screen, Errors)


async def test_what_is_reached_from_home_shows_home_in_its_way(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "f", *"Amara", "enter")
        assert first_line(pilot.app).startswith(" Health > Amara")


async def test_foreign_text_in_the_way_is_text(filled: Filled) -> None:
    name = "S\x1b]0;x\x07[@click=app.quit]\u202e"
    async with console(await filled(names=Names(external_id=name))) as pilot:
        await press(pilot, "6", "enter")
        assert first_line(pilot.app).startswith(" Mappings > ")
        assert "\x1b" not in first_line(pilot.app)


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "badges"),
    [
        ({"role": Role.VIEWER}, (" viewer ",)),
        ({"role": Role.OPERATOR, "read_only": True}, (" READ-ONLY ", " operator ")),
    ],
    ids=str,
)
@pytest.mark.parametrize("width", [60, 80, 120])
async def test_badges_stand_at_the_right_at_every_width(
    filled: Filled, options: dict[str, object], badges: tuple[str, ...], width: int
) -> None:
    async with console(await filled(), size=(width, 24), **options) as pilot:
        for key in ("1", "4", "enter"):
            await press(pilot, key)
            line = first_line(pilot.app)
            assert [badge for badge in badges if badge not in line] == []
            assert len(line) == width


def test_no_role_is_told_while_the_configuration_is_still_being_read() -> None:
    async def never() -> Any:
        raise NotImplementedError

    known = ConsoleOptions(never, "kim(1001)", role=Role.VIEWER)

    assert role_badge(known) == Part(" viewer ", "dim")
    assert role_badge(replace(known, settle=never)) is None


async def test_the_main_screens_give_way_to_badges_before_these_are_cut(filled: Filled) -> None:
    async with console(await filled(), size=(114, 24), role=Role.VIEWER, read_only=True) as pilot:
        bar = pilot.app.screen.query_one("#context", Bar)
        names = [part.action for part in bar.left]
        assert names == list(dict.fromkeys(names)), "each main screen once"
        assert [
            one for one in (" READ-ONLY ", " viewer ", " engine ") if one not in first_line(pilot.app)
        ] == []


PLACES = ("UTC", "America/Los_Angeles", "America/Argentina/ComodRivadavia")
PROFILES = ("", "lab", "harbor-unified-district", "港区学校管理システム")


@given(
    st.builds(
        ConsoleOptions,
        open_database=st.none(),
        actor=st.just("kim"),
        role=st.sampled_from(Role),
        read_only=st.booleans(),
        profile=st.sampled_from(PROFILES),
        production=st.booleans(),
    ),
    st.builds(Look, zone=st.sampled_from([ZoneInfo(one) for one in PLACES]), exact=st.booleans()),
    st.sampled_from(PANES),
)
def test_at_80_columns_no_key_of_a_main_screen_and_no_warning_is_cut(
    options: ConsoleOptions, look: Look, name: str
) -> None:
    room = 80 - cell_len("● NO ENGINE ") - 1
    badges = badges_of(options, look, room - least_room([], name))
    told = [part.text for part in badges]
    left = context_parts([], name, width=80, room=room - sum(map(cell_len, told)), look=look)

    assert sum(cell_len(part.text) for part in left) + sum(map(cell_len, told)) <= room
    assert BY_ID[name].word in "".join(part.text for part in left)
    assert any("PRODUCTION " in one for one in told) is options.production
    assert (" READ-ONLY " in told) is options.read_only
    assert (f" {options.role.name.lower()} " in told) is (options.role is not Role.ADMIN)


@pytest.mark.parametrize(
    ("room", "told"),
    [
        (80, " harbor-unified-… PRODUCTION  America/Los_Angeles "),
        (46, " harbor-unif… PRODUCTION  America/Los_Angeles "),
        (38, " har… PRODUCTION  America/Los_Angeles "),
        (37, " har… PRODUCTION  Los_Angeles "),
        (26, " har… PRODUCTION  Los_An… "),
        (20, " PRODUCTION  Los_A… "),
        (12, " PRODUCTION "),
        (3, " PRODUCTION "),
    ],
)
def test_the_name_of_the_profile_gives_way_before_the_zone(room: int, told: str) -> None:
    options = ConsoleOptions(None, "kim", Role.ADMIN, profile="harbor-unified-district", production=True)  # type: ignore[arg-type]
    look = Look(zone=ZoneInfo("America/Los_Angeles"), exact=True)

    assert "".join(part.text for part in badges_of(options, look, room)) == told


words = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x3000, exclude_categories=("C", "M")), min_size=1
)


@given(st.lists(words, min_size=1, max_size=6), st.integers(20, 120))
def test_the_way_always_ends_where_one_is_and_fits(told: list[str], room: int) -> None:
    parts = way_parts(list(enumerate(told)), room, "…")

    assert sum(cell_len(part.text) for part in parts) <= max(room, LEAST_CRUMB + 8)
    assert parts[-1].tone == "strong"
    assert parts[-1].text[:1] in (told[-1][:1], "…", " ")
    assert parts[-1].action == ""

"""Keys that come faster than screens: each means what it would have meant had its person waited."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from siscon.tui import typed_ahead
from siscon.tui.frame import Frame
from siscon.tui.screens.pane import Pane
from siscon.tui.widgets.confirm import Ask
from siscon.tui.wishes import Wish
from support.consoles import console, press, settled, text_of, until
from support.terminals import console_words, terminal

Filled = Callable[..., Awaitable[Path]]

STEPS = [
    *(tuple(key) for key in "123456789jkG"),
    tuple("jjjk"),
    tuple("GGkk"),
    ("enter",),
    ("escape",),
    ("tab",),
    ("[",),
    ("]",),
    (*"/student", "enter"),
    (*"/s", "escape"),
    (*"fS-1", "enter"),
    (*":conflicts", "enter"),
    (*":nonsense", "enter", "escape"),
    ("?", "escape"),
    ("P", "n"),
    ("S", "escape"),
    ("P", "enter"),
    ("ctrl+p", *"conf", "enter"),
]
"""What a hand may do that changes nothing, as keys."""


def at_once(pilot: Pilot[Any], keys: Sequence[str]) -> None:
    """Let keys come as one packet of a slow line."""
    for key in keys:
        name = _character_to_key(key) if len(key) == 1 else key
        pilot.app.post_message(events.Key(name, key if len(key) == 1 else None))


async def all_given(pilot: Pilot[Any]) -> None:
    taken, ahead = asyncio.Event(), pilot.app.typed_ahead
    pilot.app.call_later(taken.set)
    await taken.wait()
    await until(pilot, lambda: not ahead._waiting and ahead._under_way is None, tries=3000)
    await settled(pilot)


async def left_standing(pilot: Pilot[Any]) -> str:
    """What stands there when what was said, each for a few seconds, is gone."""
    pilot.app.clear_notifications()
    await pilot.pause()
    return text_of(pilot.app)


@pytest.mark.parametrize("seed", [0, *(pytest.param(one, marks=pytest.mark.long) for one in range(1, 16))])
async def test_keys_in_one_packet_lead_where_the_same_lead_one_by_one(filled: Filled, seed: int) -> None:
    steps = Random(seed).choices(STEPS, k=8)
    keys = [key for step in steps for key in step]
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, *(key if len(key) > 1 else _character_to_key(key) for key in keys))
        expected = await left_standing(pilot)
    async with console(path) as pilot:
        at_once(pilot, keys)
        await all_given(pilot)
        assert await left_standing(pilot) == expected, steps


@pytest.mark.parametrize(("before", "key"), [(["6"], "j"), (["slash"], "b")])
async def test_a_key_held_down_over_a_slow_line_is_painted_once_for_a_packet(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, before: list[str], key: str
) -> None:
    painted: list[object] = []
    display = Frame._display
    async with console(await filled()) as pilot:
        await press(pilot, *before)
        monkeypatch.setattr(Frame, "_display", lambda *told: (painted.append(told), display(*told))[1])
        at_once(pilot, [key] * 60)
        await all_given(pilot)
        assert 0 < len(painted) < 20


async def test_a_whole_task_typed_before_the_first_screen_has_come_is_done(filled: Filled) -> None:
    path = await filled()
    role = "{'role': __import__('siscon.domain.roles').domain.roles.Role.ADMIN}"
    with terminal(console_words(path, role)) as one:
        assert one.shows("Opening")
        one.press("7\rAyseen by the registrar\r")
        assert one.shows("no engine has answered")
    with closing(sqlite3.connect(path)) as db:
        (left,) = db.execute("SELECT body FROM commands ORDER BY id DESC LIMIT 1").fetchone()
    assert "seen by the registrar" in left


async def never(_: Pane) -> Wish | None:
    await asyncio.Event().wait()
    return None


async def test_who_leaves_waits_for_nothing_that_was_typed_before(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        pilot.app.propose(never)
        at_once(pilot, ["4", "5", "ctrl+q"])
        await until(pilot, lambda: "Leave siscon?" in text_of(pilot.app))
        assert "4 Errors" in text_of(pilot.app)


async def test_a_key_does_not_wait_for_ever_for_what_does_not_come_up(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_ahead, "MOST_S", 0.2)
    async with console(await filled()) as pilot:
        pilot.app.propose(never)
        at_once(pilot, ["3", "4"])
        await until(pilot, lambda: "unknown parent" in text_of(pilot.app))


async def test_a_key_after_an_answer_does_not_wait_for_what_the_engine_says(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        at_once(pilot, ["P", "y", "4", "enter", "P"])
        await until(pilot, lambda: "Errors > unknown parent" in text_of(pilot.app))
        assert not isinstance(pilot.app.screen, Ask)


async def test_a_key_does_not_wait_for_an_engine_that_starts_nor_starts_another(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_ahead, "MOST_S", 600.0)
    started: list[None] = []

    async def start() -> str:
        started.append(None)
        await asyncio.Event().wait()
        return ""

    async with console(await filled(engine=False), start_engine=start) as pilot:
        at_once(pilot, ["e", "y", "e", "4"])
        await until(pilot, lambda: "unknown parent" in text_of(pilot.app))
        assert len(started) == 1
        assert "give it a moment" in text_of(pilot.app)

"""A console that may only look, and a viewer's: what would change anything says why not, and changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.commands import PauseIntegration
from siscon.domain.roles import Role
from siscon.ops.opening import open_database as open_as_the_console_does
from siscon.tui.actions import ACTIONS, PANES, actions_of
from siscon.tui.asking import submit
from siscon.tui.grace import Grace
from support.consoles import console, press, settled, toasts, until

WAYS: dict[str, tuple[str, ...]] = {
    **{name: (action.keys[0],) for name in PANES for action in ACTIONS if action.id == name},
    "run": ("3", "enter"),
    "dead": ("4", "enter"),
    "dead_record": ("4", "enter", "enter"),
    "conflict": ("5", "enter"),
    "record": ("6", "enter"),
    "plan": ("7", "enter"),
    "plan_records": ("7", "enter", "enter"),
}
"""The keys that lead to each screen."""

ONLY_LOOKS: dict[str, dict[str, Any]] = {
    "read only": {"read_only": True, "role": Role.ADMIN},
    "viewer": {"role": Role.VIEWER},
}
SAYS = {"read only": "read-only", "viewer": "Your role"}


def content(path: Path) -> list[str]:
    """Everything that the database holds but notes of what was not allowed."""
    with closing(sqlite3.connect(path)) as db:
        return [
            one for one in db.iterdump() if "'note_denial'" not in one and 'INTO "sqlite_sequence"' not in one
        ]


def denials(path: Path) -> list[str]:
    """What the audit will be told of, as it was asked for."""
    with closing(sqlite3.connect(path)) as db:
        noted = db.execute("SELECT body ->> 'what' FROM commands WHERE kind = 'note_denial' ORDER BY id")
        return [row[0] for row in noted]


EVERY_TIME = ("overview", "plans")
"""The other screens have the full check."""


@pytest.mark.parametrize(
    "way", [one if one in EVERY_TIME else pytest.param(one, marks=pytest.mark.long) for one in WAYS]
)
@pytest.mark.parametrize("who", ONLY_LOOKS)
async def test_every_action_that_changes_anything_is_refused_with_a_sentence(
    filled, who: str, way: str
) -> None:
    path = await filled()
    before = content(path)

    async def opened() -> Any:
        return await open_as_the_console_does(path, synchronous="normal", read_only=who == "read only")

    async with console(path, **{**ONLY_LOOKS[who], "open_database": opened}) as pilot:
        await press(pilot, *WAYS[way])
        screen = pilot.app.screen
        mutating = [action for action in actions_of(screen.name_) if action.mutates]
        assert "start_engine" in {action.id for action in mutating}
        for action in mutating:
            told = len(toasts(pilot.app))
            await pilot.app.action_act(action.id)
            await until(pilot, lambda told=told: len(toasts(pilot.app)) > told)
            assert pilot.app.screen is screen, action.id
            assert SAYS[who] in toasts(pilot.app)[-1], action.id
        asked_for = sorted(one.id for one in mutating if who == "viewer")
        await until(pilot, lambda: sorted(denials(path)) == asked_for)
    assert content(path) == before


def test_every_action_that_changes_anything_was_tried() -> None:
    """An action on a screen that is not walked to above would pass unseen."""
    walked = {action.id for name in WAYS for action in actions_of(name) if action.mutates}

    assert {action.id for action in ACTIONS if action.mutates and action.keys} <= walked


@pytest.mark.parametrize("who", ONLY_LOOKS)
async def test_who_passes_the_screen_by_is_refused_by_the_desk(filled, who: str) -> None:
    path = await filled()
    before = content(path)
    async with console(path, **ONLY_LOOKS[who]) as pilot:
        app = pilot.app
        assert await submit(app, app.db, [PauseIntegration("harbor")], app.options, Grace()) is None
        await settled(pilot)
        assert SAYS[who] in toasts(app)[-1]
    assert content(path) == before
    assert denials(path) == (["pause_integration"] if who == "viewer" else [])


@pytest.mark.parametrize("keys", [("y",), ("Y",)])
async def test_a_viewer_takes_nothing_out(filled, keys: tuple[str, ...]) -> None:
    path = await filled()
    async with console(path, role=Role.VIEWER) as pilot:
        await press(pilot, *WAYS["records"], *keys)
        await settled(pilot)
        assert "not take anything out" in toasts(pilot.app)[-1]
        await until(pilot, lambda: denials(path) == ["copy" if keys == ("y",) else "copy_row"])

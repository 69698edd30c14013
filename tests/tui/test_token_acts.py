"""What a console without a key cannot do with a login: it says which command can, and changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from siscon.store import commands
from siscon.store.sqlite import open_database
from support.consoles import console, press, text_of, toasts

Filled = Callable[..., Awaitable[Path]]


@pytest.mark.parametrize(
    ("key", "command"), [("A", "siscon tokens authorise harbor"), ("D", "siscon tokens revoke harbor")]
)
async def test_the_command_for_the_login_under_the_cursor_is_shown(
    filled: Filled, key: str, command: str
) -> None:
    path = await filled()
    async with console(path, read_only=True) as pilot:
        await press(pilot, "2", key)
        shown = text_of(pilot.app)
        assert command in shown
        assert "This console holds no key" in shown
        await press(pilot, "enter")
        assert pilot.app.screen.name_ == "tokens"
    db = await open_database(path, synchronous="normal")
    async with db.read() as c:
        assert await commands.pending(c) == []
    await db.close()


async def test_without_a_login_there_is_nothing_to_allow(empty: Path) -> None:
    async with console(empty) as pilot:
        await press(pilot, "2", "A")
        assert toasts(pilot.app)[-1] == "No integration is under the cursor."

"""Notices: few at once, each once, and never over the two lines at the foot of the screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from support.clock import LIMIT_S
from support.consoles import console, press, text_of

Filled = Callable[..., Awaitable[Path]]


async def test_a_notice_leaves_the_status_line_and_the_keys_free(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        before = text_of(pilot.app).splitlines()[-2:]
        pilot.app.notify("The first sentence. " * 6)
        await pilot.pause()
        told = text_of(pilot.app)
        assert "The first sentence." in told
        assert told.splitlines()[-2:] == before


@pytest.mark.long
async def test_a_line_that_is_typed_is_never_under_a_notice(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        pilot.app.notify("It lies over what is shown. " * 3)
        await pilot.press(":", *"errors class=bad_date and more and more and more")
        await pilot.pause()
        assert ":errors class=bad_date and more and more and more" in text_of(pilot.app)


async def test_what_is_said_again_stands_once_and_no_more_than_three_stand_at_once(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        for text in ("one", "two", "two", "three", "one", "four"):
            pilot.app.notify(text, timeout=LIMIT_S)
        await pilot.pause()
        assert [one.message for one in pilot.app._notifications] == ["three", "one", "four"]
        await press(pilot, ":")
        await pilot.press(*"messages", "enter")
        assert [one.text for one in pilot.app.desk.notices.kept] == [
            "one",
            "two",
            "two",
            "three",
            "one",
            "four",
        ]

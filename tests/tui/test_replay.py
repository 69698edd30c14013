"""The console over a file of the past: the same screens, a moment that moves, and nothing that could be changed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from textual.pilot import Pilot

from siscon.domain.errors import UsageError
from siscon.domain.past import PastMoment
from siscon.ops.past import open_past
from siscon.store.database import Database
from siscon.tui import replay_acts, shown, words
from siscon.tui.actions import ACTIONS, PANES
from siscon.tui.options import ConsoleOptions
from siscon.tui.telling import Question, told_by
from support.consoles import console, press, settled, text_of, toasts

Filled = Callable[..., Awaitable[Path]]
UTC = ZoneInfo("UTC")


@asynccontextmanager
async def replay(path: Path, at: str = "", **options: Any) -> AsyncIterator[Pilot[Any]]:
    past = PastMoment(0)

    async def opened() -> Database:
        return await open_past(path, past, at=at, zone=UTC)

    told = {"open_database": opened, "past": past, "now_ms": past.now_ms, "read_only": True, **options}
    async with console(path, **told) as pilot:
        yield pilot


async def test_the_badge_says_the_moment_and_the_clock_stands_there(filled: Filled) -> None:
    async with replay(await filled(), "2026-11-20T14:05", size=(120, 30)) as pilot:
        first, *_, status, _keys = text_of(pilot.app).splitlines()

    assert "REPLAY Nov 20 14:05" in first
    assert "READ-ONLY" not in first
    assert "as of 14:05" in status
    assert "NO ENGINE" in first, "none was alive then"


@pytest.mark.parametrize("key", ["1", "3", "7"])
async def test_the_steps_in_time_stand_first_among_the_keys(filled: Filled, key: str) -> None:
    async with replay(await filled()) as pilot:
        await press(pilot, key)
        foot = text_of(pilot.app).splitlines()[-1]
        assert foot.startswith(" < Event back  > Event on ")
        assert foot.rstrip().endswith(": Command  ? Keys  q Quit")


async def test_without_a_time_one_begins_at_the_last_event(filled: Filled) -> None:
    async with replay(await filled()) as pilot:
        assert "REPLAY 01:55" in text_of(pilot.app)
        await press(pilot, "greater_than_sign")
        assert toasts(pilot.app) == ["There is no later event."]


async def test_going_back_takes_runs_away_and_going_on_brings_them_again(filled: Filled) -> None:
    async with replay(await filled()) as pilot:
        await press(pilot, "3")
        assert "22 runs" in text_of(pilot.app)
        await press(pilot, *["less_than_sign"] * 3)
        there = text_of(pilot.app)
        assert "REPLAY Nov 20 14:05" in there
        assert "20 runs" in there
        assert "harbor #20" in there, "it ran then"
        await press(pilot, *["greater_than_sign"] * 3)
        assert "22 runs" in text_of(pilot.app)


async def test_rows_are_read_anew_although_there_are_as_many(filled: Filled) -> None:
    async with replay(await filled()) as pilot:
        await press(pilot, "3", "less_than_sign")
        at_18_05 = text_of(pilot.app)
        await press(pilot, "less_than_sign")
        assert "HELD" in at_18_05
        assert "HELD" not in text_of(pilot.app), "at 18:01 run 21 was under way"


async def test_one_goes_to_a_time_that_is_typed(filled: Filled) -> None:
    async with replay(await filled()) as pilot:
        await press(pilot, "colon", *"at 14:05", "enter")
        await settled(pilot)
        assert "REPLAY Nov 20 14:05" in text_of(pilot.app)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("nonsense", "is no time"), ("2025-01-01T00:00", "The file tells of Nov 17 10:00 to Nov 21 01:59")],
)
async def test_a_time_that_there_is_not_is_refused(filled: Filled, text: str, sentence: str) -> None:
    async with replay(await filled()) as pilot:
        with pytest.raises(UsageError) as refused:
            replay_acts.to_time(pilot.app, text)

    assert sentence in refused.value.sentence


async def test_errors_and_conflicts_are_not_there_before_they_came(filled: Filled) -> None:
    async with replay(await filled(), "2026-11-20T14:05") as pilot:
        await press(pilot, "4")
        assert "No errors." in text_of(pilot.app)
        await press(pilot, "5")
        assert "No conflicts." in text_of(pilot.app)


@pytest.mark.parametrize(
    ("key", "words_"), [("1", "budget"), ("2", "logins"), ("3", "counts"), ("6", "mappings")]
)
async def test_what_is_known_only_as_of_the_end_says_so(filled: Filled, key: str, words_: str) -> None:
    async with replay(await filled(), "2026-11-20T14:05") as pilot:
        await press(pilot, key)
        status = text_of(pilot.app).splitlines()[-2]

    assert words_ in status
    assert "as of the file's end" in status


async def test_nothing_can_be_changed_and_the_file_is_as_it_was(filled: Filled) -> None:
    path = await filled(mapped=3)
    before = {one: hashlib.sha256(one.read_bytes()).hexdigest() for one in path.parent.iterdir()}
    async with replay(path, size=(200, 50)) as pilot:
        for action in ACTIONS:
            if action.mutates:
                assert "replay" in pilot.app.refusal(action)
        await press(pilot, "S", "e", "4", "R", "enter", "R", "5", "enter", "A", "7", "A", "D")
        assert len(pilot.app.screen_stack) <= 3
        assert set(toasts(pilot.app)) <= {"This is a replay: nothing can be changed, and no engine works."}

    assert {one: hashlib.sha256(one.read_bytes()).hexdigest() for one in path.parent.iterdir()} == before


async def test_leaving_asks_nothing_of_an_engine_that_was_alive_then(filled: Filled) -> None:
    async with replay(await filled()) as pilot:
        assert "engine" in text_of(pilot.app)
        await pilot.press("q")
        await pilot.pause()

    assert pilot.app.return_value is not None
    assert pilot.app.return_value.sentence == ""


async def test_the_present_has_no_events_to_walk(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "less_than_sign")
        with pytest.raises(UsageError, match="not a replay"):
            replay_acts.to_time(pilot.app, "05:12")
        assert "not a replay" in toasts(pilot.app)[0]
        assert "REPLAY" not in text_of(pilot.app)


@pytest.mark.long
@pytest.mark.parametrize("name", PANES)
async def test_every_main_screen_can_be_told_of_the_past(filled: Filled, name: str) -> None:
    path, past = await filled(mapped=2), PastMoment(0)

    async def opened() -> Database:
        return await open_past(path, past, at="2026-11-20T14:05", zone=UTC)

    app = await told_by(ConsoleOptions(opened, "a(1)", now_ms=past.now_ms, past=past), Question(name))
    told = list(words.lines(app.said or [], shown.title_of(app.name_)))

    assert any("REPLAY" in line for line in told)
    assert not any(line.startswith("siscon ") for line in told), "nothing can be done there"

"""The command line over the real console: it does what keys do, and stays open until it can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from siscon.domain.commands import (
    CancelRun,
    ForceSync,
    NoteDenial,
    PauseIntegration,
    PauseRun,
    RefreshToken,
    StartRun,
)
from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.domain.roles import Role
from siscon.store import commands
from siscon.store.sqlite import open_database
from siscon.tui.actions import ACTIONS
from siscon.tui.line_acts import prepare
from siscon.tui.screens.command import Command
from siscon.tui.screens.found import Found
from siscon.tui.screens.run import RunPane
from siscon.tui.verbs import takes_of, verbs_of
from siscon.tui.widgets.confirm import Ask
from siscon.tui.widgets.entry import Entry
from support.clock import until as until_true
from support.console_data import NOW_MS
from support.consoles import console, press, settled, text_of, toasts, until, written

Filled = Callable[..., Awaitable[Path]]


async def say(pilot: Pilot[Any], line: str, *, enter: bool = True) -> None:
    """Type a line after a colon."""
    await pilot.press("colon")
    await until(pilot, lambda: isinstance(pilot.app.screen, Command))
    await written(pilot, line)
    if enter:
        await pilot.press("enter")
        await settled(pilot)


async def left(path: Path) -> list[object]:
    db = await open_database(path)
    async with db.read() as c:
        found = [row.command for row in await commands.pending(c)]
    await db.close()
    return [one for one in found if not isinstance(one, NoteDenial)]


def hint(pilot: Pilot[Any]) -> str:
    return text_of(pilot.app).split("\n")[-1].strip()


ASKED = (
    ("sync northfield", StartRun("northfield")),
    ("sync northfield students enrollment", StartRun("northfield", ("student", "enrollment"))),
    ("sync northfield --full", StartRun("northfield", full=True)),
    ("full-sync northfield", StartRun("northfield", full=True)),
    ("dry-run harbor", StartRun("harbor", full=True, dry=True)),
    ("cancel 22", CancelRun(22)),
    ("pause harbor", PauseIntegration("harbor")),
    ("pause harbor 90min", PauseIntegration("harbor", NOW_MS + 90 * 60_000)),
    ("pause-run 22", PauseRun(22)),
    ("renew harbor", RefreshToken("harbor")),
    ("fetch harbor students S-104-77-0000", ForceSync("harbor", "student", "S-104-77-0000")),
)


@pytest.mark.long
async def test_a_line_asks_as_its_key_does_and_a_yes_leaves_the_command(
    filled: Filled,
) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "5")
        for before, (line, _) in enumerate(ASKED):

            async def is_left(before: int = before) -> bool:
                return len(await left(path)) > before

            await say(pilot, line)
            await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
            assert len(await left(path)) == before
            await press(pilot, "y")
            await until_true(is_left)
    assert await left(path) == [expected for _, expected in ASKED]


async def test_a_backfill_says_what_it_takes_before_it_asks_why(filled: Filled) -> None:
    path = await filled()
    async with console(path, size=(120, 24)) as pilot:
        await say(pilot, "backfill harbor 3d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        shown = text_of(pilot.app)
        assert "Read again what changed in harbor?" in shown
        assert "Nothing is on record that would tell how many requests" in shown
    assert await left(path) == []


CANNOT = (
    ("sync nort", "There is no integration 'nort'. Known are: harbor,"),
    ("sync harbor pupils", "There is no entity 'pupils'."),
    ("cancel 4711", "There is no run #4711."),
    ("cancel x", "'x' is no number."),
    ("cancel 21 22", "Write: cancel RUN"),
    ("approve 22", "Run #22 is not held"),
    ("resume harbor", "harbor is not paused."),
    ("pause harbor 2020-01-01", "is over: name a moment that is to come"),
    ("pause-run 21", "neither runs nor waits"),
    ("backfill harbor tomorrow", "is no moment"),
    ("retry 4711", "There is no record in error 4711."),
    ("run 4711", "There is no run #4711."),
    ("release", "'release' belongs to other screens: record."),
    ("frobnicate", "There is no command 'frobnicate'."),
)


@pytest.mark.long
async def test_a_line_that_cannot_be_done_says_why_and_stays_to_be_mended(
    filled: Filled,
) -> None:
    path = await filled()
    async with console(path, size=(120, 24)) as pilot:
        for line, words in CANNOT:
            await say(pilot, line)
            await until(pilot, lambda words=words: words in hint(pilot))
            assert isinstance(pilot.app.screen, Command)
            assert pilot.app.screen.query_one(Entry).value == line
            await press(pilot, "escape")
            assert not isinstance(pilot.app.screen, Command)
    assert await left(path) == []


async def test_the_line_stands_in_the_place_of_the_status_line(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await say(pilot, "conf", enter=False)
        await pilot.pause()
        rows = text_of(pilot.app).split("\n")
        assert rows[-2].startswith(" :conf")
        assert rows[-1].strip() == "conflicts"
        await press(pilot, "tab")
        assert text_of(pilot.app).split("\n")[-2].startswith(" :conflicts ")
        assert pilot.app.screen.query_one(Entry).cursor_blink is False


async def test_a_screen_opens_with_its_filter(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await say(pilot, "mappings id=S-104-77-bad*")
        await until(pilot, lambda: "3 of 43 mappings" in text_of(pilot.app))
        await say(pilot, "mappings S-104-77-bad")
        await until(
            pilot, lambda: "43 mappings" in text_of(pilot.app) and pilot.app.screen.value() is not None
        )
        assert pilot.app.screen.value().external_id.startswith("S-104-77-bad")
        await say(pilot, "errors unknown")
        await until(pilot, lambda: "unknown parent" in text_of(pilot.app))
        assert "bad date" not in text_of(pilot.app)
        await press(pilot, "escape")
        assert "bad date" in text_of(pilot.app)


async def test_a_filter_that_means_nothing_there_comes_back_into_the_line(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await say(pilot, "errors colour=red")
        await until(pilot, lambda: isinstance(pilot.app.screen, Command))
        assert pilot.app.screen.query_one(Entry).value == "errors colour=red"
        assert "colour" in toasts(pilot.app)[-1]


async def test_tab_offers_the_columns_of_a_screens_filter(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await say(pilot, "health st", enter=False)
        await until(pilot, lambda: "state=" in hint(pilot))
        await pilot.press("tab")
        assert pilot.app.screen.query_one(Entry).value == "health state="


async def test_runs_and_records_are_reached_by_their_number_and_name(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await say(pilot, "run 22")
        assert isinstance(pilot.app.screen, RunPane)
        await say(pilot, "record Amara")
        assert isinstance(pilot.app.screen, Found)


async def test_a_verb_alone_is_the_key_on_this_screen(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await say(pilot, "sync")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        assert "Sync harbor now?" in text_of(pilot.app)
        await press(pilot, "n")
        await say(pilot, "freeze")
        await until(pilot, lambda: "HELD STILL" in text_of(pilot.app))
        await say(pilot, "q")
        await until(pilot, lambda: "Leave siscon?" in text_of(pilot.app))


async def test_arrows_bring_lines_back_and_what_was_typed(filled: Filled, tmp_path: Path) -> None:
    async with console(await filled(), home=tmp_path) as pilot:
        await say(pilot, "errors")
        await say(pilot, "tokens")
        await say(pilot, "", enter=False)
        entry = pilot.app.screen.query_one(Entry)
        await pilot.press("up", "up")
        assert entry.value == "errors"
        await pilot.press("down", "down")
        assert entry.value == ""
    assert (tmp_path / "console.history").read_text() == "errors\ntokens\n"


EXAMPLES = {
    "integration": "harbor",
    "run": "21",
    "error": "1",
    "entity": "student",
    "id": "S-1",
    "time": "3d",
}


@pytest.mark.parametrize(
    ("options", "words"), [({"read_only": True}, "read-only"), ({"role": Role.VIEWER}, "may look")], ids=str
)
async def test_the_line_refuses_what_its_key_refuses(
    filled: Filled, options: dict[str, Any], words: str
) -> None:
    path = await filled()
    async with console(path, **options) as pilot:
        for action in (one for one in ACTIONS if one.mutates):
            told = [EXAMPLES[kind] for kind in takes_of(action) if kind in EXAMPLES]
            with pytest.raises(UsageError, match=words):
                await prepare(pilot.app, " ".join((verbs_of(action)[0], *told)))
        await say(pilot, "sync harbor")
        await until(pilot, lambda: words in hint(pilot))
    assert await left(path) == []


async def test_a_line_says_when_the_database_is_not_open_yet(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        db, pilot.app.db = pilot.app.db, None
        await say(pilot, "sync harbor")
        await until(pilot, lambda: "The database is not open yet." in hint(pilot))
        pilot.app.db = db


async def test_what_is_pasted_into_the_line_cannot_act(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await say(pilot, "", enter=False)
        pilot.app.screen.query_one(Entry).value = "sync \x1b[2J[@click=app.quit]"
        await press(pilot, "enter")
        assert "\x1b" not in text_of(pilot.app)
        assert toasts(pilot.app) == []


def test_every_entity_can_be_named() -> None:
    from siscon.tui.verbs import entity_of

    assert [entity_of(one.value) for one in Entity] == list(Entity)

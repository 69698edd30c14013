"""Schedules: in words, the next five times, what came of the last one, run now, pause."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from siscon.domain.commands import PauseIntegration, StartRun
from siscon.domain.runs import Lane, RunKind, RunStatus
from siscon.ops.schedules import Kind, State, schedules
from siscon.store import commands, integrations, runs
from siscon.store import schedules as stored
from siscon.store.database import Connection, Database
from siscon.store.sqlite import open_database
from siscon.tui.screens.run import RunPane
from support.console_data import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS
from support.consoles import CONTROL, console, press, settled, text_of, toasts
from support.hostile import SAMPLE
from support.timetables import arm, put_lines

Filled = Callable[..., Awaitable[Path]]


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    db = await open_database(path, synchronous="normal")
    yield db
    await db.close()


async def activate(c: Connection, name: str, line: str, full: str = "", title: str = "Skyward") -> None:
    await integrations.activate(
        c,
        name=name,
        provider="skyward",
        title=title,
        schedule=line,
        requests_per_minute=60,
        now_ms=NOW_MS - DAY_MS,
    )
    await put_lines(c, name, line, full)


async def run_of(c: Connection, name: str, due_ms: int, end: RunStatus, *, full: bool = False) -> int:
    run_id = await runs.enqueue(
        c,
        integration=name,
        kind=RunKind.IMPORT,
        lane=Lane.BULK,
        entities=(),
        full=full,
        requested_by="schedule",
        due_at_ms=due_ms,
        now_ms=due_ms,
        schedule="full" if full else "main",
    )
    assert run_id is not None
    name_of = "full" if full else "main"
    await stored.claim(c, name, name_of, due_ms, now_ms=due_ms)
    await stored.note_run(c, name, name_of, due_ms, run_id)
    await runs.claim(c, run_id, engine="e1", now_ms=due_ms)
    await runs.move(c, run_id, end, now_ms=due_ms + MINUTE_MS)
    return run_id


async def test_the_next_five_times_stand_in_the_districts_zone_with_their_offset(filled: Filled) -> None:
    async with console(await filled(), time_zone="America/Chicago") as pilot:
        await press(pilot, "8")
        shown = text_of(pilot.app)
        assert "harbor (Infinite Campus) starts an import" in shown
        assert "every day at 01:30  (30 1 * * *; America/Chicago)" in shown
        for day in ("Sat Nov 21", "Sun Nov 22", "Mon Nov 23", "Tue Nov 24", "Wed Nov 25"):
            assert f"{day}  01:30  UTC-06:00" in shown


async def test_a_clock_change_between_them_is_told(empty: Path) -> None:
    async with opened(empty) as db, db.transaction() as c:
        await activate(c, "harbor", "0 2 1 * *")
    async with console(empty, time_zone="America/Chicago") as pilot:
        await press(pilot, "8")
        assert "Thu Apr 01  02:00  UTC-05:00   the clocks change from UTC-06:00" in text_of(pilot.app)


async def test_two_lines_of_one_integration_are_two_rows_with_their_own_last_run(empty: Path) -> None:
    night = 1_795_161_600_000  # 02:00 in Chicago, a day before
    async with opened(empty) as db:
        async with db.transaction() as c:
            await activate(c, "harbor", "0 2 * * 1-6", "0 2 * * 0")
            changed = await run_of(c, "harbor", night, RunStatus.COMPLETED)
            sunday = night - 5 * DAY_MS
            full = await run_of(c, "harbor", sunday, RunStatus.WITH_ERRORS, full=True)
        found, without = await schedules(db, now_ms=NOW_MS)

    assert [(one.kind, one.last.id if one.last else None) for one in found] == [
        (Kind.CHANGES, changed),
        (Kind.FULL, full),
    ]
    assert without == 0
    async with console(empty, time_zone="America/Chicago") as pilot:
        await press(pilot, "8", "down")
        shown = text_of(pilot.app)
        assert "harbor (Skyward) starts a comparison of everything" in shown
        assert f"Last: run #{full}, with errors" in shown
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, RunPane)
        assert pilot.app.screen.run_id == full


async def test_what_was_missed_is_counted_and_the_last_time_told(filled: Filled) -> None:
    path = await filled()
    async with opened(path) as db, db.transaction() as c:
        for turn in range(3):
            text = f"harbor was due at 01:30; run {turn} was still under way"
            at_ms = NOW_MS - (40 - 20 * turn) * DAY_MS
            await stored.note_miss(c, "harbor", "main", at_ms=at_ms, moments=1, text=text)
    async with console(path, size=(120, 40)) as pilot:
        await press(pilot, "8")
        assert "Missed 2 times in 30 days, the last: harbor was due at 01:30; run 2 was still" in text_of(
            pilot.app
        )


async def test_states_are_on_late_paused_and_off(filled: Filled) -> None:
    path = await filled()
    async with opened(path) as db:
        async with db.transaction() as c:
            await arm(c, "lakeside", NOW_MS - HOUR_MS)
            await integrations.set_enabled(c, "harbor", False)
        found, without = await schedules(db, now_ms=NOW_MS)

    assert {one.integration.name: one.state for one in found} == {
        "harbor": State.OFF,
        "lakeside": State.LATE,
        "northfield": State.ON,
        "orchard": State.PAUSED,
    }
    assert without == 1
    async with console(path) as pilot:
        await press(pilot, "8")
        shown = text_of(pilot.app)
        assert "1 late" in shown
        assert "1 integration without one" in shown
        assert "It is switched off in the configuration" in shown
        await press(pilot, "G")
        assert "It is paused: none of these times starts a run" in text_of(pilot.app)


async def asked(path: Path) -> list[object]:
    async with opened(path) as db, db.read() as c:
        return [row.command for row in await commands.pending(c)]


async def test_capital_n_asks_and_queues_what_the_line_starts(empty: Path) -> None:
    async with opened(empty) as db, db.transaction() as c:
        await activate(c, "harbor", "0 2 * * 1-6", "0 2 * * 0")
    async with console(empty) as pilot:
        await press(pilot, "8", "N", "n")
        assert await asked(empty) == []
        await pilot.press("N")
        await settled(pilot)
        await pilot.press("y")
        await pilot.press("down", "N")
        await settled(pilot)
        await pilot.press("y")
        await settled(pilot)
        await press(pilot, "up")
    assert await asked(empty) == [StartRun("harbor"), StartRun("harbor", full=True)]


async def test_capital_p_asks_and_pauses(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "8", "P", "y")
    assert await asked(path) == [PauseIntegration("harbor")]


async def test_a_console_that_only_looks_starts_nothing(filled: Filled) -> None:
    path = await filled()
    async with console(path, read_only=True) as pilot:
        await press(pilot, "8", "N")
        assert toasts(pilot.app)[-1] == "This console is read-only. Open one without --read-only."
    assert await asked(path) == []


async def test_without_a_schedule_it_says_how_one_is_made(empty: Path) -> None:
    async with console(empty) as pilot:
        await press(pilot, "8", "enter", "N")
        shown = text_of(pilot.app)
        assert "No integration has a schedule" in shown
        assert "schedule: '0 2 * * *' starts one each night." in shown
        assert toasts(pilot.app)[-1] == "No schedule is under the cursor."


async def test_a_line_of_a_newer_version_is_shown_as_it_stands(empty: Path) -> None:
    async with opened(empty) as db, db.transaction() as c:
        await activate(c, "harbor", "every full moon")
    async with console(empty) as pilot:
        await press(pilot, "8")
        shown = text_of(pilot.app)
        assert "every full moon" in shown
        assert "cannot be read" in shown


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)], ids=str)
async def test_every_line_is_as_wide_as_the_window(filled: Filled, size: tuple[int, int]) -> None:
    async with console(await filled(), size=size) as pilot:
        await press(pilot, "8")
        assert {len(line) for line in text_of(pilot.app).split("\n")} == {size[0]}


@pytest.mark.long
async def test_hostile_text_in_titles_lines_and_news_has_no_effect(empty: Path) -> None:
    async with opened(empty) as db, db.transaction() as c:
        for turn, text in enumerate(SAMPLE):
            await activate(c, f"h{turn}", text.replace("\ud800", "") or "0 2 * * *", title=text)
            await stored.note_miss(c, f"h{turn}", "main", at_ms=NOW_MS, moments=1, text=text)
    async with console(empty) as pilot:
        await press(pilot, "8")
        for _ in SAMPLE:
            assert not (set(text_of(pilot.app)) - {"\n"}) & CONTROL
            await press(pilot, "down")
        assert pilot.app.return_value is None


async def test_at_80_columns_the_times_of_all_schedules_can_be_read(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "8")
        assert "every day at 01:30 " in text_of(pilot.app).split("──")[0]

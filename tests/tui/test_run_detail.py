"""One run in full: its phases with their times, its requests by the minute, in a picture and in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from siscon.domain.runs import Phase
from siscon.store import paces
from siscon.store.sqlite import open_database
from siscon.tui.looks import Looks
from support.console_data import MINUTE_MS, NOW_MS
from support.consoles import console, press, text_of

Filled = Callable[..., Awaitable[Path]]


async def with_paces(path: Path) -> Path:
    """The last run of harbor as one that was watched."""
    db = await open_database(path)
    async with db.transaction() as c:
        row = await c.one("SELECT finished_at_ms AS ended_ms FROM runs WHERE id = 20")
        assert row is not None
        ended_ms = int(row["ended_ms"])
        for phase, ago in ((Phase.FETCH, 9), (Phase.PLAN, 3), (Phase.APPLY, 2)):
            await paces.begin(c, 20, phase, now_ms=ended_ms - ago * MINUTE_MS)
        for ago, requests in ((9, 10), (8, 88), (4, 44)):
            await paces.add(c, 20, now_ms=ended_ms - ago * MINUTE_MS, requests=requests, failed=ago == 8)
    await db.close()
    return path


async def test_a_run_tells_how_long_each_phase_took_and_draws_its_requests(filled: Filled) -> None:
    path = await with_paces(await filled())
    async with console(path, size=(120, 40), looks=Looks(glyphs="ascii")) as pilot:
        await press(pilot, "3", "j", "j", "j", "enter")
        shown = text_of(pilot.app)

    assert "#20" in shown
    assert "Phases: fetch 6 min, plan 1 min, apply 2 min" in shown
    assert "142 requests (1 failed)  :#...+  most 88 a minute" in shown


async def test_a_run_that_was_never_watched_draws_nothing(filled: Filled) -> None:
    async with console(await filled(), now_ms=lambda: NOW_MS) as pilot:
        await press(pilot, "3", "j", "j", "j", "enter")
        shown = text_of(pilot.app)

    assert "Phases" not in shown
    assert "a minute" not in shown


async def test_a_file_of_an_older_siscon_shows_its_runs_without(filled: Filled) -> None:
    path = await filled()
    db = await open_database(path)
    async with db.transaction() as c:
        await c.run("DROP TABLE run_minutes")
        await c.run("DROP TABLE run_phases")
        await c.run("DROP INDEX runs_by_end")
    await db.close()
    async with console(path) as pilot:
        assert "harbor" in text_of(pilot.app)
        await press(pilot, "3", "j", "j", "j", "enter")
        assert "#20" in text_of(pilot.app)
        assert "could not" not in text_of(pilot.app)

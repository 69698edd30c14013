"""One run in full: its phases with their times, its requests by the minute, in a picture and in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from siscon.domain.events import EventKind, Level
from siscon.domain.runs import Phase
from siscon.store import events, paces
from siscon.store.sqlite import open_database
from siscon.tui.looks import Looks
from support.console_data import MINUTE_MS, NOW_MS
from support.consoles import console, press, settled, text_of

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


async def report(path: Path, *texts: str, level: Level = Level.INFO) -> None:
    db = await open_database(path)
    async with db.transaction() as c:
        for text in texts:
            await events.append(
                c, EventKind.PAGE_NOTE, level, text, integration="northfield", run_id=22, at_ms=NOW_MS
            )
    await db.close()


async def test_the_log_of_a_run_is_followed_until_one_looks_up(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "3", "j", "enter")
        assert "run #22" in text_of(pilot.app)
        await report(path, *(f"note {n}" for n in range(40)))
        pilot.app.look_again()
        await settled(pilot)
        assert "note 39" in text_of(pilot.app)
        assert " following " in text_of(pilot.app)

        await press(pilot, "up")
        await report(path, "one more")
        pilot.app.look_again()
        await settled(pilot)
        assert "1 new below, G shows them" in text_of(pilot.app)
        await press(pilot, "G")
        assert "one more" in text_of(pilot.app)


async def test_the_log_of_a_run_is_narrowed_like_all_events(filled: Filled) -> None:
    path = await filled()
    await report(path, "it burns", level=Level.ERROR)
    async with console(path) as pilot:
        await press(pilot, "3", "j", "enter", "slash", *"level=error", "enter")
        shown = text_of(pilot.app)

    assert "ERROR: it burns" in shown
    assert " 1 event " in shown
    assert "fetched" not in "\n".join(shown.split("\n")[10:])


async def test_news_too_long_for_its_line_stand_in_full_below(filled: Filled) -> None:
    path = await filled()
    told = "the list of students ended early, " * 3 + "so nothing of it counts as gone"
    await report(path, told)
    async with console(path) as pilot:
        await press(pilot, "3", "j", "enter")

        assert "counts as gone" in " ".join(text_of(pilot.app).split())


@pytest.mark.parametrize(("columns", "is_column"), [(80, False), (120, False), (150, True)])
async def test_the_list_of_runs_says_why_one_waits(filled: Filled, columns: int, is_column: bool) -> None:
    async with console(await filled(), size=(columns, 24)) as pilot:
        await press(pilot, "3")
        shown = text_of(pilot.app).split("\n")

    assert any("Why it waits" in line for line in shown) is is_column
    (said,) = [line for line in shown if "An engine takes it" in line]
    assert said.startswith(" ○ mesa #23" if is_column else " 23 runs  1 running  1 waiting ")

"""The console as a person uses it: panes, keys, questions, leaving."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.worker import WorkerFailed

from siscon.domain.commands import (
    ApprovePlan,
    CancelRun,
    CommandStatus,
    DiscardPlan,
    NoteDenial,
    PauseIntegration,
    StartRun,
    StopEngine,
)
from siscon.domain.errors import DatabaseError
from siscon.domain.roles import Role
from siscon.store import commands, leases
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.tui.app import Console
from siscon.tui.keymap import SCREENS
from siscon.tui.looks import Looks
from siscon.tui.options import ConsoleOptions
from siscon.tui.screens.help import help_columns, help_lines
from siscon.tui.screens.pane import TICK_S, Pane
from siscon.tui.screens.run import RunPane
from siscon.tui.widgets.columns import fit
from siscon.tui.widgets.confirm import Ask
from siscon.tui.widgets.status_bar import Bar
from siscon.tui.widgets.table import LineTable
from support.clock import LIMIT_S
from support.clock import until as until_true
from support.console_data import NOW_MS, Names
from support.consoles import console, press, settled, text_of, toasts, until

Filled = Callable[..., Awaitable[Path]]

PANES = (
    ("1", ("Integration", "harbor", "HELD", "lakeside", "FAILING", "northfield", "running", "paused")),
    ("2", ("Failures", "NEEDS A PERSON", "good", "EXPIRED", "expiring")),
    ("3", ("Under way", "4,200 of 10,000", "42%", "60 pages", "completed", "with errors", "#22")),
    ("4", ("unknown parent", "412", "bad date", "450 records of 3 causes")),
    ("5", ("email, grade_level", "23 open conflicts", "Last agreed")),
    ("6", ("S-104-77-0000", "synced", "43 mappings")),
    ("7", ("harbor", "HELD", "412 of 1,930 student records", "1 held plan")),
    ("8", ("every day at 01:30", "harbor", "4 schedules", "in 23 h")),
    ("9", ("9,812 of 9,812 fetched", "harbor", "following")),
    ("0", ("heartbeat", "keys wait", "examination")),
)


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.long)], ids=str)
async def test_every_pane_shows_what_the_database_holds(filled: Filled, size: tuple[int, int]) -> None:
    async with console(await filled(), size=size) as pilot:
        for key, words in PANES:
            await press(pilot, key)
            shown = text_of(pilot.app)
            assert [word for word in words if word not in shown] == []
            assert {len(line) for line in shown.split("\n")} == {size[0]}


async def test_a_screen_has_one_timer_which_it_pauses_when_nobody_sees_it(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        for keys in (("9",), ("4", "down", "enter", "enter"), ("3",)):
            await press(pilot, *keys)
            screen = pilot.app.screen
            assert [one for one in screen._timers if one._interval == TICK_S] == [screen._timer]


async def test_empty_panes_say_so_and_nothing_of_it_is_cut_in_the_narrowest_window(empty: Path) -> None:
    async with console(empty, size=(60, 20)) as pilot:
        for key, words in (
            ("1", "No integration yet."),
            ("2", "so no login."),
            ("3", "No run yet."),
            ("4", "No errors."),
            ("5", "No conflicts."),
            ("6", "so no mappings."),
            ("7", "No plan waits."),
            ("8", "starts one each night."),
            ("9", "Nothing was reported yet."),
        ):
            await press(pilot, key)
            shown = text_of(pilot.app)
            assert words in shown
            assert not [line for line in shown.split("\n") if line.startswith("  ") and "\u2026" in line]


async def test_a_missing_engine_is_told_at_once_and_e_starts_one(filled: Filled) -> None:
    started = []

    async def start() -> str:
        started.append(True)
        return "Engine started."

    async with console(await filled(engine=False), start_engine=start) as pilot:
        assert "NO ENGINE" in text_of(pilot.app)
        assert "No engine is alive" in text_of(pilot.app)
        await press(pilot, "e", "y")
        await until(pilot, lambda: "Engine started." in toasts(pilot.app))
    assert started == [True]


async def test_without_an_engine_the_rows_are_counted_all_the_same_and_only_who_may_is_told_to_start_one(
    filled: Filled,
) -> None:
    path = await filled(engine=False)
    async with console(path, size=(120, 40)) as pilot:
        await press(pilot, "6")
        shown = text_of(pilot.app)
        assert [
            one for one in ("No engine is alive", "e starts one.", " mappings ") if one not in shown
        ] == []
    async with console(path, read_only=True) as pilot:
        await press(pilot, "6")
        assert "No engine is alive" in text_of(pilot.app)
        assert "starts one" not in text_of(pilot.app)


async def test_an_engine_that_was_started_just_now_is_expected_and_then_missed(filled: Filled) -> None:
    now = [NOW_MS]
    path = await filled(engine=False)
    async with console(path, now_ms=lambda: now[0], engine_due_by_ms=NOW_MS + 15_000) as pilot:
        assert "engine starts" in text_of(pilot.app)
        assert "NO ENGINE" not in text_of(pilot.app)
        await press(pilot, "e")
        await until(pilot, lambda: any("give it a moment" in one for one in toasts(pilot.app)))
        now[0] += 15_000
        await until(pilot, lambda: "NO ENGINE" in text_of(pilot.app))


@pytest.mark.long
async def test_the_death_of_the_engine_shows_without_any_commit(filled: Filled) -> None:
    now = [NOW_MS]
    async with console(await filled(), now_ms=lambda: now[0]) as pilot:
        assert "● engine" in text_of(pilot.app)
        now[0] += 60_000
        await until(pilot, lambda: "NO ENGINE" in text_of(pilot.app))


@pytest.mark.parametrize(
    ("key", "expected"),
    [("A", ApprovePlan(21, "new school year")), ("D", DiscardPlan(21, "new school year"))],
)
async def test_a_held_run_is_decided_with_a_reason(filled: Filled, key: str, expected: object) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, key)
        assert "412 of 1,930 student records are missing" in text_of(pilot.app)
        await press(pilot, "y")
        await pilot.press(*"new", "space", *"school", "space", *"year", "enter")
        left = await what_is_left(path)
    assert left == [expected]


async def test_a_held_run_is_not_decided_without_a_reason(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "A", "y", "enter")
        await until(pilot, lambda: toasts(pilot.app) == ["Nothing was asked: a reason is needed."])
    assert await command_left(path) == []


async def test_an_operator_may_not_decide_on_a_held_run(filled: Filled) -> None:
    async with console(await filled(), role=Role.OPERATOR) as pilot:
        await press(pilot, "A")
        await until(pilot, lambda: "administrator" in "".join(toasts(pilot.app)))
        assert not isinstance(pilot.app.screen, Ask)


async def what_is_left(path: Path) -> list[object]:
    """The commands that come to lie there, once there are any."""
    left: list[object] = []

    async def is_left() -> bool:
        left[:] = await command_left(path)
        return bool(left)

    await until_true(is_left)
    return left


async def command_left(path: Path) -> list[object]:
    db = await open_database(path)
    async with db.read() as c:
        found = [row.command for row in await commands.pending(c)]
    await db.close()
    return found


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param(("S", "y"), StartRun("harbor"), id="sync"),
        pytest.param(("F", "y"), StartRun("harbor", full=True), id="full"),
        pytest.param(("P", "y"), PauseIntegration("harbor"), id="pause"),
        pytest.param(("down", "down", "down", "X", "down", "enter"), CancelRun(22), id="cancel"),
        pytest.param(("3", "down", "X", "y"), CancelRun(22), id="cancel in the history"),
    ],
)
async def test_a_key_and_a_yes_leave_a_command(
    filled: Filled, keys: tuple[str, ...], expected: object
) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, *keys)
        left = await what_is_left(path)
    assert left == [expected]


@pytest.mark.parametrize("answer", ["n", "escape", "enter"])
async def test_nothing_is_asked_of_the_engine_without_a_yes(filled: Filled, answer: str) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "S", answer)
        assert not isinstance(pilot.app.screen, Ask)
    assert await command_left(path) == []


async def test_the_answer_of_the_engine_is_told(filled: Filled) -> None:
    path = await filled()
    db = await open_database(path)
    async with console(path) as pilot:
        await press(pilot, "S", "y")
        pending = []
        while not pending:
            async with db.read() as c:
                pending = await commands.pending(c)
            await pilot.pause(0.02)
        async with db.transaction() as c:
            await commands.answer(
                c, pending[0].id, status=CommandStatus.REFUSED, answer="harbor is held.", now_ms=NOW_MS
            )
        await until(pilot, lambda: "harbor is held." in toasts(pilot.app))
    await db.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [({"read_only": True}, "read-only"), ({"role": Role.VIEWER}, "may look")],
    ids=["read only", "viewer"],
)
async def test_who_may_not_change_is_told_why(filled: Filled, options: dict[str, object], words: str) -> None:
    path = await filled()
    async with console(path, **options) as pilot:
        await press(pilot, "S")
        assert words in toasts(pilot.app)[-1]
        assert not isinstance(pilot.app.screen, Ask)
    assert [one for one in await command_left(path) if not isinstance(one, NoteDenial)] == []


async def test_a_key_that_cannot_act_says_why(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "X")
        assert toasts(pilot.app) == ["No run is under the cursor."]


async def test_enter_goes_deeper_and_escape_comes_back(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "3", "down", "down", "enter")
        assert isinstance(pilot.app.screen, RunPane)
        assert "enrollment" in text_of(pilot.app)
        await press(pilot, "escape", "4", "down", "enter")
        assert "birth_date" in text_of(pilot.app)
        await press(pilot, "escape")
        assert "unknown parent" in text_of(pilot.app)
        await press(pilot, "escape")
        assert "harbor" in text_of(pilot.app)


@pytest.mark.long
async def test_whoever_goes_back_while_a_screen_is_read_is_not_thrown_out(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        for main in ("6", "7", "5"):
            await press(pilot, main)
            below = pilot.app.screen
            for turns in range(0, 240, 12):
                below.act_open()
                for _ in range(turns):
                    await asyncio.sleep(0)
                await pilot.app.pop_screen()
        await settled(pilot)
        assert pilot.app.is_running


async def test_a_filter_shows_only_rows_that_hold_it(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "slash", *"lake", "enter")
        shown = text_of(pilot.app)
        assert "lakeside" in shown
        assert "orchard" not in shown
        await press(pilot, "escape")
        assert "orchard" in text_of(pilot.app)


@pytest.mark.long
async def test_mappings_are_found_by_the_beginning_of_their_id(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6", "slash", *"id=S-104-77-bad*", "enter")
        shown = text_of(pilot.app)
        assert "3 of 43 mappings" in shown
        assert "ERROR" in shown


async def test_mappings_show_the_record_behind_them(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6")
        assert "Amara Okonkwo" in text_of(pilot.app)
        await press(pilot, "enter")
        assert "first_name     Amara Okonkwo" in text_of(pilot.app)
        await press(pilot, "escape", "i", "i", "i")
        assert "northfield  43 mappings  all entities" in text_of(pilot.app)
        await press(pilot, "t")
        assert "No mapping here." in text_of(pilot.app)


async def test_news_reach_the_screen_and_a_held_screen_stays(filled: Filled) -> None:
    path = await filled()
    db = await open_database(path)
    async with console(path) as pilot:
        await press(pilot, "p")
        assert "HELD STILL" in text_of(pilot.app)
        async with db.transaction() as c:
            await leases.engine_stopped(c, "e1", NOW_MS)
        await pilot.pause(1.2)
        assert "● engine" in text_of(pilot.app)
        await press(pilot, "p")
        await until(pilot, lambda: "NO ENGINE" in text_of(pilot.app))
    await db.close()


async def test_help_lists_keys_and_runs_the_one_chosen(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "question_mark")
        assert "Queue an import of this integration" in text_of(pilot.app)
        width = pilot.app.screen.query_one(LineTable).row_width
        await press(pilot, *"logins", "enter")
        assert "NEEDS A PERSON" in text_of(pilot.app)

    for screen in SCREENS:
        lines = help_lines(screen)
        room = fit(help_columns(lines), width)
        cells = [one for line in lines for one in zip(line.cells, room, strict=True)]
        assert all(cell_len(cell.text) <= most for cell, most in cells if most), screen


@pytest.mark.parametrize("size", [(59, 40), (50, 12), (20, 5)], ids=str)
async def test_a_small_window_gets_one_clear_sentence(filled: Filled, size: tuple[int, int]) -> None:
    async with console(await filled(), size=size) as pilot:
        await pilot.pause()
        shown = " ".join(text_of(pilot.app).split())
        words = f"{size[0]} x {size[1]} is too small: siscon needs 60 x 15. q leaves."
        assert words in shown
        assert "harbor" not in shown


async def test_a_question_shows_its_answers_in_the_smallest_window_too(filled: Filled) -> None:
    async with console(await filled(), size=(20, 5)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.pause()
        shown = text_of(pilot.app)
        assert [
            word
            for word in ("Leave siscon?", "n  Stay", "k  Leave; keep", "s  Leave; stop")
            if word not in shown
        ] == []


async def test_a_run_shows_news_in_full_where_the_list_has_to_cut_it(filled: Filled) -> None:
    said = "student: " + "9,812 fetched, " * 6 + "0 missing"
    async with console(await filled(names=Names(event=said)), size=(80, 24)) as pilot:
        await press(pilot, "3", "down", "down", "down", "enter", "g")
        assert said in " ".join(text_of(pilot.app).split())


async def test_tab_does_not_go_to_a_list_without_rows(empty: Path) -> None:
    async with console(empty) as pilot:
        await press(pilot, "3", "tab")
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "list"
        assert "only the history" in toasts(pilot.app)[0]


async def test_ascii_shows_no_other_sign(filled: Filled) -> None:
    async with console(await filled(), looks=Looks(theme="dark", glyphs="ascii")) as pilot:
        for key in "1234567":
            await press(pilot, key)
            assert text_of(pilot.app).isascii()
        await press(pilot, "S")
        assert text_of(pilot.app).isascii()


async def test_a_database_that_does_not_open_is_told_and_tried_again(filled: Filled) -> None:
    path = await filled()
    tries = []

    async def opened() -> Database:
        tries.append(1)
        if len(tries) == 1:
            raise DatabaseError("The disk is full: free some space.")
        return await open_database(path)

    app = Console(ConsoleOptions(opened, "night.shift(1004)", now_ms=lambda: NOW_MS))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "The disk is full" in text_of(app))
        await pilot.press("r")
        await until(pilot, lambda: "harbor" in text_of(app))


async def test_quitting_without_an_engine_asks_nothing(filled: Filled) -> None:
    async with console(await filled(engine=False)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: pilot.app.return_value is not None)
    assert pilot.app.return_value.stop_engine is False


@pytest.mark.parametrize(
    ("keys", "stops"),
    [(("q", "k"), False), (("q", "s"), True), (("ctrl+q", "down", "enter"), False)],
    ids=str,
)
async def test_quitting_asks_what_becomes_of_a_working_engine(
    filled: Filled, keys: tuple[str, ...], stops: bool
) -> None:
    path = await filled()
    async with console(path) as pilot:
        await pilot.press(keys[0])
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press(*keys[1:])
        await until(pilot, lambda: pilot.app.return_value is not None)
    assert pilot.app.return_value.stop_engine is stops
    assert ("'siscon stop' ends it" in pilot.app.return_value.sentence) is not stops
    assert await command_left(path) == ([StopEngine("e1")] if stops else [])


@pytest.mark.parametrize(("on_quit", "stops"), [("keep", False), ("stop", True)])
async def test_on_quit_decides_without_asking(filled: Filled, on_quit: str, stops: bool) -> None:
    path = await filled()
    async with console(path, on_quit=on_quit) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: pilot.app.return_value is not None)
    assert pilot.app.return_value.stop_engine is stops


async def test_who_may_not_stop_an_engine_can_still_leave(filled: Filled) -> None:
    async with console(await filled(), on_quit="stop", read_only=True) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: pilot.app.return_value is not None)
    assert pilot.app.return_value.stop_engine is False


async def test_who_may_not_stop_an_engine_is_not_offered_it(filled: Filled) -> None:
    async with console(await filled(), role=Role.OPERATOR) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        assert "needs an administrator" in text_of(pilot.app)
        await pilot.press("s")
        assert isinstance(pilot.app.screen, Ask)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, Pane)


async def test_ctrl_c_shows_how_to_leave(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await pilot.press("ctrl+c")
        assert toasts(pilot.app) == ["Press q to leave siscon."]


async def test_a_click_on_a_key_in_the_footer_runs_it(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        bar = pilot.app.screen.query_one("#context", Bar)
        await pilot.click(bar, offset=(text_of(pilot.app).index(" 4 ") + 1, 0))
        await settled(pilot)
        assert pilot.app.screen.name_ == "errors"


async def test_an_error_of_the_screen_leaves_a_page_without_values(filled: Filled, tmp_path: Path) -> None:
    path = await filled()

    async def broken() -> None:
        secret = "hunter2"
        raise RuntimeError(f"no {secret}")

    async def meet_it() -> None:
        async with console(path, log_dir=tmp_path / "logs") as pilot:
            pilot.app.run_worker(broken())
            await asyncio.wait_for(pilot.app._exception_event.wait(), LIMIT_S)

    with pytest.raises(WorkerFailed):
        await meet_it()

    [page] = (tmp_path / "logs").iterdir()
    told = page.read_text()
    assert "RuntimeError" in told
    assert "hunter2" not in told
    assert page.stat().st_mode & 0o777 == 0o600

"""Doctor: what the examination found, beside what the console sees of itself; nothing of it holds up a key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from siscon.config import Settings
from siscon.domain.errors import SisconError
from siscon.domain.leases import EngineInfo
from siscon.ops import doctor
from siscon.ops.checks import Check, Screen, State
from siscon.ops.views import EngineLine
from siscon.tui.aside import Aside
from siscon.tui.lag import Lag
from siscon.tui.looks import AS_THE_TERMINAL, Looks
from siscon.tui.own_checks import SLOW_MS, console_checks, engine_check, terminal_checks
from siscon.tui.present import Look
from support.console_data import NOW_MS
from support.consoles import CONTROL, console, press, settled, text_of, until
from support.hostile import SAMPLE

Filled = Callable[..., Awaitable[Path]]


def examining(path: Path) -> Callable[[], Awaitable[Sequence[Check]]]:
    async def examine() -> Sequence[Check]:
        return await doctor.examine(
            lambda: Settings(home=path.parent),
            {"TERM": "xterm"},
            screen=Screen(False, 80, 24, "utf-8"),
            now_ms=NOW_MS,
            thorough=False,
        )

    return examine


async def test_what_was_examined_stands_beside_what_the_console_sees(filled: Filled) -> None:
    path = await filled()
    async with console(path, size=(120, 40), aside=Aside(examining(path))) as pilot:
        await press(pilot, "0")
        await until(pilot, lambda: pilot.app.screen.found_at_ms is not None)
        await settled(pilot)
        shown = text_of(pilot.app)
        words = (
            "database",
            "size",
            "86 mappings",
            "heartbeat",
            "keys wait",
            "tasks",
            "theme",
        )
        assert [word for word in words if word not in shown] == []
        assert "examined just now, r does it again" in shown
        seen = {one.name: one.seen for one in pilot.app.screen.found}
        assert "key" not in seen
        assert seen["database"].endswith("not read through")


async def test_r_examines_again(filled: Filled) -> None:
    path, times = await filled(), []

    async def examine() -> Sequence[Check]:
        times.append(len(times))
        return [Check("space", State.OK if len(times) > 1 else State.FAIL, f"look {len(times)}", "make room")]

    async with console(path, aside=Aside(examine)) as pilot:
        await press(pilot, "0")
        await until(pilot, lambda: pilot.app.screen.found_at_ms is not None)
        await settled(pilot)
        assert pilot.app.screen.table().rows.value(0).name == "space"
        assert "1 FAIL" in text_of(pilot.app)
        await press(pilot, "g")
        assert "To do: make room" in text_of(pilot.app)
        await press(pilot, "1", "0")
        assert times == [0]
        await press(pilot, "r")
        await until(pilot, lambda: len(times) == 2)
        await settled(pilot)
        assert "FAIL" not in text_of(pilot.app)


async def test_keys_work_while_it_examines(filled: Filled) -> None:
    never = asyncio.Event()

    async def examine() -> Sequence[Check]:
        await never.wait()
        return []

    async with console(await filled(), aside=Aside(examine)) as pilot:
        await press(pilot, "0")
        assert "examining ..." in text_of(pilot.app)
        await press(pilot, "down", "down", "1")
        assert pilot.app.screen.name_ == "overview"


async def test_an_examination_that_fails_says_why(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lag, "worst_ms", 0.0)  # a busy machine would be the first thing to tell of

    async def examine() -> Sequence[Check]:
        raise SisconError("The examination gave no answer.")

    async with console(await filled(), aside=Aside(examine)) as pilot:
        await press(pilot, "0")
        await until(pilot, lambda: bool(pilot.app.screen.unexamined))
        await settled(pilot)
        await press(pilot, "g")
        assert "The examination gave no answer." in text_of(pilot.app)
        assert "To do: run 'siscon doctor' in a shell" in text_of(pilot.app)


async def test_a_console_that_cannot_examine_still_says_what_it_sees(empty: Path) -> None:
    async with console(empty) as pilot:
        await press(pilot, "0")
        await until(pilot, lambda: bool(pilot.app.screen.unexamined))
        await settled(pilot)
        shown = text_of(pilot.app)
        assert "none is alive" in shown
        assert "80 x 24" in shown


async def test_the_text_to_copy_has_a_line_for_each_check(filled: Filled) -> None:
    found = [
        Check("space", State.WARN, "2 MiB free", "make room soon"),
        Check("home", State.OK, "a\x1b[2Jb", "x"),
    ]

    async def examine() -> Sequence[Check]:
        return found

    async with console(await filled(), aside=Aside(examine)) as pilot:
        await press(pilot, "0")
        await until(pilot, lambda: pilot.app.screen.found_at_ms is not None)
        lines = pilot.app.screen.as_text().split("\n")

    assert lines[0].startswith("siscon, Nov 21 02:00 (UTC); examined Nov 21 02:00")
    assert "warn  space: 2 MiB free; make room soon" in lines
    assert "ok    home: a\\x1b[2Jb" in lines
    assert any(line.startswith("ok    console: siscon ") for line in lines)


@pytest.mark.long
async def test_hostile_text_in_checks_has_no_effect(filled: Filled) -> None:
    async def examine() -> Sequence[Check]:
        return [Check(f"{turn} {text}", State.WARN, text, text) for turn, text in enumerate(SAMPLE)]

    async with console(await filled(), aside=Aside(examine)) as pilot:
        await press(pilot, "0")
        await until(pilot, lambda: pilot.app.screen.found_at_ms is not None)
        for _ in SAMPLE:
            assert not (set(text_of(pilot.app)) - {"\n"}) & CONTROL
            await press(pilot, "down")
        assert not set(pilot.app.screen.as_text().replace("\n", "")) & CONTROL


@pytest.mark.parametrize("size", [(60, 15), (120, 40), (200, 60)], ids=str)
async def test_every_line_is_as_wide_as_the_window(filled: Filled, size: tuple[int, int]) -> None:
    path = await filled()
    async with console(path, size=size, aside=Aside(examining(path))) as pilot:
        await press(pilot, "0")
        assert {len(line) for line in text_of(pilot.app).split("\n")} == {size[0]}


def engine(version: str, *, alive: bool) -> EngineLine:
    info = EngineInfo("e1", "roster-01", 42, version, 0, NOW_MS - 2_000, alive)
    return EngineLine(info if alive else None, info)


def test_the_heartbeat_tells_its_age_and_an_engine_of_another_version() -> None:
    assert engine_check(None, Look(), NOW_MS).state is State.WARN
    assert "heard of just now" in engine_check(engine("0.0.1", alive=False), Look(), NOW_MS).seen
    other = engine_check(engine("0.0.1", alive=True), Look(), NOW_MS)
    assert (other.state, "heard of 2 s ago" in other.seen) == (State.WARN, True)
    assert "start the engine anew" in other.advice


def test_a_small_window_a_line_and_a_slow_loop_are_told() -> None:
    environ = {"TERM": "tmux-256color", "TMUX": "x", "SSH_TTY": "y"}
    small = terminal_checks(
        (60, 20), "truecolor", "dark", Look(), Looks(slow_link=True, mouse=False), environ
    )
    assert [one.state for one in small] == [State.WARN, State.OK, State.OK]
    assert small[1].seen.endswith("mouse left to the terminal")
    assert small[2].seen == "over ssh, tmux, painted for a slow line"
    here = terminal_checks((80, 24), "256", "dark", Look(), AS_THE_TERMINAL, {})
    assert (here[0].seen, here[2].seen) == ("unknown, 80 x 24", "on this machine")


async def test_lag_is_the_longest_wait_of_the_loop() -> None:
    lag = Lag()
    assert lag.worst_ms == 0
    lag._seen.extend([0.001, 0.4, 0.002])
    assert lag.worst_ms == 400
    assert console_checks(lag.worst_ms)[0].state is State.WARN
    assert console_checks(SLOW_MS - 1)[0].state is State.OK


async def test_the_loop_is_watched_as_long_as_the_console_lives(empty: Path) -> None:
    async with console(empty) as pilot:
        await until(pilot, lambda: len(pilot.app.lag._seen) > 0)
        assert any(worker.group == "lag" and worker.is_running for worker in pilot.app.workers)

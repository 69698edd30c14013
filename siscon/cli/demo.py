"""``siscon demo``: sandbox, engine and console together, on a home of its own or one that is given."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import click

from siscon import runtime
from siscon.cli import acts, demo_parts, output
from siscon.cli.asked import asked_of, look_options
from siscon.cli.console import need_terminal, run_console
from siscon.cli.operate import finish, stop_engines
from siscon.cli.options import json_option
from siscon.cli.sandbox import SIZE
from siscon.config import Settings
from siscon.domain.commands import StartRun
from siscon.domain.errors import UsageError
from siscon.domain.runs import Lane
from siscon.ops.actor import check_practice
from siscon.ops.runs import active_runs
from siscon.sandbox.state import SandboxState


@click.command()
@click.option("--students", type=SIZE, metavar="N", help="Size of each district; 500 if not said.")
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="S", help="Which district of many; 1 if not said."
)
@click.option("--once", is_flag=True, help="No screen: import all three once, print a summary, end.")
@click.option("--home", metavar="DIR", help="Keep the demo here, and go on with it the next time.")
@click.option("--real-limits", is_flag=True, help="60, 100 and 80 requests a minute, as the real systems.")
@look_options
@json_option
@click.pass_context
def demo(
    ctx: click.Context,
    students: int | None,
    seed: int | None,
    home: str | None,
    *,
    once: bool,
    real_limits: bool,
    as_json: bool,
) -> int:
    """Show siscon at work on invented districts; needs nothing else."""
    check_practice("demo")
    if not once:
        need_terminal()
    with _home(home) as place:
        state = demo_parts.prepare_home(place, students=students, seed=seed)
        with _ended_by_signals(once=once):
            if once:
                _end_engine_of(place)
                return _import_once(place, state, real_limits=real_limits, as_json=as_json)
            return _show(place, state, asked_of(ctx), real_limits=real_limits, lasts=home is not None)


@contextmanager
def _home(given: str | None) -> Iterator[Path]:
    """The given folder, or one that is thrown away unless an engine was left running in it."""
    if given:
        yield Path(given).absolute()
        return
    place = Path(tempfile.mkdtemp(prefix="siscon-demo-"))
    try:
        yield place
    finally:
        if not (place / demo_parts.PID_FILE).exists():
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _ended_by_signals(*, once: bool) -> Iterator[None]:
    """Without a screen a request to end cleans up like ctrl-C does; the screen sees to its own signals."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number in before if once else ():
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _import_once(place: Path, state: SandboxState, *, real_limits: bool, as_json: bool) -> int:
    child = demo_parts.start_sandbox(place, state, real_limits=real_limits, tied=True)
    try:
        settings = runtime.load_settings(demo_parts.write_config(place, real_limits=real_limits))
        return asyncio.run(_sync_all(settings, as_json=as_json))
    finally:
        child.end()


async def _sync_all(settings: Settings, *, as_json: bool) -> int:
    with runtime.journal(settings, "engine"):
        async with runtime.open_house(settings) as house:
            return await finish(house, await _queue_all(house), as_json=as_json)


async def _queue_all(house: runtime.House) -> list[int]:
    """Have all three imported. Where an earlier demo left an import that has not ended, it is that one."""
    left = await active_runs(house.db, now_ms=int(time.time() * 1000))
    found = {one.run.integration: one.run.id for one in left if one.run.lane is Lane.BULK}
    for name in house.settings.integrations:
        if name not in found and (row := await acts.carry_out(house, StartRun(name))).run_id is not None:
            found[name] = row.run_id
    return list(found.values())


def _end_engine_of(place: Path) -> None:
    """An engine that an earlier demo left in this home knows the old ports: it goes first."""
    config = place / demo_parts.CONFIG_FILE
    if not config.is_file():
        return

    async def work() -> None:
        async with runtime.open_house(runtime.load_settings(config)) as house:
            if await runtime.find_engine(house.db) is not None:
                await stop_engines(house, tell=lambda _sentence: None)

    asyncio.run(work())


def _show(
    place: Path, state: SandboxState, asked: Mapping[str, Any], *, real_limits: bool, lasts: bool
) -> int:
    """The demo with its screen; a home that ``lasts`` goes on behind a lost line, for its next console."""
    output.say(f"Starting three invented districts of {state.students} students, and an engine ...")
    _end_engine_of(place)
    child = demo_parts.start_sandbox(place, state, real_limits=real_limits, tied=False)
    lost = False
    try:
        settings = runtime.load_settings(demo_parts.write_config(place, real_limits=real_limits))
        runtime.start_engine_process(settings)
        asyncio.run(_begin(settings))
        code = run_console(settings, asked)
        lost = lasts and not _terminal_lives()
        return code
    finally:
        if not (lost and _engine_lives(place)):
            _end_engine_of(place)
            child.end()


async def _begin(settings: Settings) -> None:
    async with runtime.open_house(settings) as house:
        await runtime.wait_for_engine(house.db)
        for name in settings.integrations:
            with suppress(UsageError):  # one is under way, or held, from an earlier day: the screen shows it
                await acts.carry_out(house, StartRun(name))


def _terminal_lives() -> bool:
    try:
        return sys.stdin.isatty() and sys.stdout.isatty()
    except (OSError, ValueError):
        return False


def _engine_lives(place: Path) -> bool:
    async def work() -> bool:
        settings = runtime.load_settings(place / demo_parts.CONFIG_FILE)
        async with runtime.open_house(settings) as house:
            return await runtime.find_engine(house.db) is not None

    return asyncio.run(work())

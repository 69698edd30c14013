"""The screen with everything it needs: the one module of the front door that loads Textual."""

from __future__ import annotations

import asyncio
import gc
import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from siscon.cli import output
from siscon.cli.early import NOTHING
from siscon.domain.errors import SisconError, UsageError
from siscon.domain.past import PastMoment
from siscon.domain.roles import ACTS, Role
from siscon.ops.actor import current_actor
from siscon.tui.app import run_console
from siscon.tui.aside import Aside
from siscon.tui.keymap import keymap_of
from siscon.tui.looks import Looks
from siscon.tui.options import ConsoleOptions, ConsoleResult

ENGINE_STARTS_WITHIN_S = 15.0
"""For how long a console that started an engine calls it starting rather than missing."""


def show(found: Mapping[str, Any], asked: Mapping[str, Any]) -> int:
    """Show the screen until the person leaves.

    ``found`` is what is known of the house (see ``early``), ``asked`` what the command line said; it goes before.
    """
    return _left(run_console(_options(found, asked)))


def show_soon(report: Callable[[], Mapping[str, Any]], asked: Mapping[str, Any]) -> int:
    """Show the screen at once; ``report`` blocks until it can tell what :func:`show` is given, or a ``code``."""

    async def settle() -> ConsoleOptions | ConsoleResult:
        gc.enable()
        found = await asyncio.to_thread(report)
        return ConsoleResult(exit_code=found["code"]) if "code" in found else _options(found, asked)

    async def too_early() -> Any:
        raise UsageError("The configuration is still being read.")

    options = ConsoleOptions(
        open_database=too_early, actor=current_actor(), role=Role.VIEWER, settle=settle, **_wished({}, asked)
    )
    return _left(run_console(options))


def _left(result: ConsoleResult) -> int:
    """What a console that was left has still to say; its exit code."""
    if result.sentence:
        output.say(result.sentence)
    return result.exit_code


def _wished(found: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """How the screen looks and whether it may change anything."""
    looks = {**found.get("looks", {}), **asked}
    return {"read_only": bool(looks.pop("read_only", False)), "looks": Looks(**looks)}


def _options(found: Mapping[str, Any], asked: Mapping[str, Any] = NOTHING) -> ConsoleOptions:
    database, home = Path(found["database"]), Path(found["home"])
    wished, role = _wished(found, asked), Role(found["role"])
    starts = role >= ACTS["start an engine"] and not wished["read_only"]
    return ConsoleOptions(
        open_database=lambda: _open_database(
            database,
            synchronous=found["synchronous"],
            read_only=wished["read_only"],
            masked=role is Role.VIEWER,
        ),
        actor=current_actor(),
        role=role,
        on_quit=found["on_quit"],
        time_zone=found["time_zone"],
        keymap=keymap_of(found.get("keys", {})),
        sis_owns=frozenset(found.get("sis_owns", ())),
        log_dir=home / "logs",
        home=home,
        grace_ms=found["grace_ms"],
        profile=found["profile"],
        production=found["production"],
        **wished,
        engine_due_by_ms=int((time.time() + ENGINE_STARTS_WITHIN_S) * 1000)
        if found.get("engine_started")
        else 0,
        start_engine=(lambda: _start_engine(found["config"])) if starts else None,
        aside=Aside(lambda: _examine(found["config"]), lambda dead_id: _places(found["config"], dead_id)),
    )


async def _open_database(
    path: Path, *, synchronous: str, read_only: bool = False, masked: bool = False
) -> Any:
    """Open the database; its driver is loaded here, when the first frame has been painted."""
    opening = await asyncio.to_thread(importlib.import_module, "siscon.ops.opening")
    return await opening.open_database(path, synchronous=synchronous, read_only=read_only, masked=masked)


def tell(
    options: ConsoleOptions,
    screen: str,
    words: Sequence[str],
    *,
    where: str,
    limit: int,
    exact: bool,
    as_json: bool,
) -> Iterator[Any]:
    """What a screen says, as lines or objects, read without a terminal and without a way to write."""
    telling = importlib.import_module("siscon.tui.telling")
    question = telling.Question(screen, words, where, limit, exact)
    told: Iterator[Any] = telling.tell(options, question, as_json=as_json)
    return told


def to_look(found: Mapping[str, Any]) -> ConsoleOptions:
    """Options for looking at what is, and no more."""
    return replace(
        _options(found),
        open_database=lambda: _open_database(
            Path(found["database"]),
            synchronous="full",
            read_only=True,
            masked=Role(found["role"]) is Role.VIEWER,
        ),
        read_only=True,
        log_dir=None,
        start_engine=None,
    )


def to_look_back(
    file: Path, at: str, found: Mapping[str, Any], asked: Mapping[str, Any] = NOTHING
) -> ConsoleOptions:
    """Options for looking at a file of the past, at a moment of it, as somebody of the house looks at it."""
    past = PastMoment(int(time.time() * 1000))

    async def opened() -> Any:
        opening = await asyncio.to_thread(importlib.import_module, "siscon.ops.past")
        return await opening.open_past(file, past, at=at, zone=ZoneInfo(found["time_zone"]))

    return ConsoleOptions(
        open_database=opened,
        actor=current_actor(),
        role=Role.VIEWER,
        read_only=True,
        looks=_wished(found, asked)["looks"],
        keymap=keymap_of(found.get("keys", {})),
        time_zone=found["time_zone"],
        now_ms=past.now_ms,
        past=past,
    )


def replay(file: Path, at: str, found: Mapping[str, Any], asked: Mapping[str, Any]) -> int:
    """Show a file of the past until the person leaves; raises what kept it from being opened."""
    options = to_look_back(file, at, found, asked)
    faults: list[SisconError] = []

    async def settle() -> ConsoleOptions | ConsoleResult:
        try:
            db = await options.open_database()
        except SisconError as error:
            faults.append(error)
            return ConsoleResult()
        return replace(options, open_database=lambda: _at_hand(db))

    code = _left(run_console(replace(options, settle=settle)))
    if faults:
        raise faults[0]
    return code


async def _at_hand(db: Any) -> Any:
    return db


def run(
    found: Mapping[str, Any], asked: Mapping[str, Any], engine: AbstractContextManager[None] | None = None
) -> int:
    """Show the screen with an engine in this process, if one is given."""
    with engine or nullcontext():
        return show(found, asked)


async def _examine(config: str) -> Any:
    """What the doctor finds; what that needs is loaded when somebody asks."""
    return await importlib.import_module("siscon.cli.examining").examine(config)


async def _places(config: str, dead_id: int) -> Any:
    """What the SIS had said of a record in error, opened by who holds the key."""
    return await importlib.import_module("siscon.cli.examining").places(config, dead_id)


async def _start_engine(config: str) -> str:
    """Start an engine for a screen that found none; a sentence of what came of it."""
    runtime = await asyncio.to_thread(importlib.import_module, "siscon.runtime")
    settings = await asyncio.to_thread(runtime.load_settings, config)
    child = runtime.start_engine_process(settings)
    db = await runtime.open_database(settings)
    try:
        engine = await runtime.wait_for_engine(db, child=child)
    finally:
        await db.close()
    return f"An engine works now (process {engine.pid})."

"""How a console ends: on signals with the terminal as it was, and the question what becomes of the engine."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from textual.app import App
from textual.driver import Driver

from siscon.domain.commands import StopEngine
from siscon.domain.errors import SisconError
from siscon.domain.roles import role_needed
from siscon.ops import Database
from siscon.ops.views import Work
from siscon.ops.views import work as work_of
from siscon.tui.driver import in_background
from siscon.tui.options import ConsoleOptions, ConsoleResult
from siscon.tui.present import Cell, Look, foreign, of
from siscon.tui.widgets.confirm import Ask, Choice

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
GIVE_UP_S = 4.0
"""So long may leaving take once a signal has asked for it. A frozen line takes no bytes: a screen that still has some
to paint waits for ever, and its loop with it. It is counted in turns of ``TURN_S``: a process that stood still, or was
let do nothing, has not used it up."""
TURN_S = 0.1
WRITES_WITHIN_S = 0.5
_given_back = threading.Event()
"""Nothing waits for the terminal any more; what this process does from now on may take its time."""


def catch_signals(
    leave: Callable[[], object], restore: Callable[[], object], let_go: Callable[[], object]
) -> Callable[[], None]:
    """At the first signal leave in good order, at the second restore the terminal and end at once.

    Where leaving takes too long the terminal is let go of without waiting, and the process ends; see settings_kept.
    What comes back lets signals do again what they did before.
    """
    loop = asyncio.get_running_loop()
    told: list[int] = []

    def on_signal(number: int) -> None:
        told.append(number)
        if len(told) == 1:
            leave()
            return
        restore()
        os._exit(128 + number)

    def give_up(number: int) -> None:
        for _ in range(round(GIVE_UP_S / TURN_S)):
            if _given_back.wait(TURN_S):
                return
        let_go()
        os._exit(128 + number)

    def end_soon(number: int, _frame: object) -> None:
        """Python calls this in the midst of a wait, when the loop stands still."""
        threading.Thread(target=give_up, args=(number,), daemon=True).start()

    def release() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    for number in SIGNALS:
        try:
            loop.add_signal_handler(number, on_signal, number)
            signal.signal(number, end_soon)
        except (NotImplementedError, RuntimeError, ValueError):
            break
    return release


def restore_terminal(driver: Driver) -> None:
    """Leave the terminal as it was, for a process that ends at once; a frozen line is not waited for."""
    driver.stop_application_mode()
    # a thread of Textual's writes what is queued
    writing = threading.Thread(target=driver.close, daemon=True)
    writing.start()
    writing.join(WRITES_WITHIN_S)


def shell_waits() -> bool:
    """Whether a shell that knows jobs would see this process stop, and could call it back.

    Where a login runs the console alone (``ssh HOST siscon``) nobody could: it would stand still for ever.
    """
    session, parent = os.getsid(0), os.getppid()
    try:
        if os.getsid(parent) != session:
            return False
        alone = os.getpgid(parent) == os.getpgrp()  # a shell without jobs leaves its child in its own group
    except OSError:
        return False
    return not (alone and parent == session)


@contextmanager
def settings_kept() -> Iterator[None]:
    """See that the terminal is set as before when a block ends.

    Textual sees to that, too, but takes the settings it finds after a stop and a continue for those of before. Until
    its end leaving is watched: the last bytes are written when the console itself has closed already.
    """
    before = None
    with suppress(termios.error, OSError, ValueError):
        before = termios.tcgetattr(0)
    _given_back.clear()
    try:
        yield
    finally:
        _given_back.set()
        with suppress(termios.error, OSError):
            if before is not None and not in_background(0):
                termios.tcsetattr(0, termios.TCSANOW, before)


async def way_out(
    app: App[Any], db: Database | None, options: ConsoleOptions, look: Look
) -> ConsoleResult | None:
    """What leaving means for the engine; asked where it matters. None: the person stays."""
    work = await _work(db, options) if options.past is None else None
    if db is None or work is None or work.engine is None:
        return ConsoleResult()
    kept = ConsoleResult(
        sentence=f"The engine goes on (process {work.engine.pid}): 'siscon' shows it again, 'siscon stop' ends it."
    )
    if not work.matters:
        return kept
    chosen: str = options.on_quit
    if chosen == "ask":
        chosen = await app.push_screen_wait(quit_question(work, options, look))
    if chosen == "stay":
        return None
    if chosen != "stop" or not may_stop(work, options):
        return kept
    from siscon.ops import commands

    try:
        await commands.submit(db, StopEngine(work.engine.id), actor=options.actor, role=options.role)
    except SisconError as error:
        app.notify(f"{error.sentence} The engine goes on.", severity="error", markup=False)
        return None if options.on_quit == "ask" else ConsoleResult()
    return ConsoleResult(stop_engine=True)


async def _work(db: Database | None, options: ConsoleOptions) -> Work | None:
    if db is None:
        return None
    try:
        return await work_of(db, now_ms=options.now_ms())
    except SisconError:
        return None


def may_stop(work: Work, options: ConsoleOptions) -> bool:
    """Whether this console may ask the engine to stop."""
    if options.read_only or work.engine is None:
        return False
    return options.role >= role_needed(StopEngine(work.engine.id))


def quit_question(work: Work, options: ConsoleOptions, look: Look) -> Ask:
    """What becomes of an engine that has work; to stay is the safe answer."""
    assert work.engine is not None, "asked only when an engine has work"
    runs = f"{of(work.active_runs, 'run') if work.active_runs else 'No run'} under way or waiting"
    schedules = f"{of(work.schedules, 'schedule') if work.schedules else 'no schedule'} on"
    lines = [
        Cell(f"{runs}, {schedules}."),
        foreign(f"Engine {work.engine.pid} on {work.engine.host}.", "dim"),
    ]
    choices = [Choice("n", "stay", "Stay here"), Choice("k", "keep", "Leave; keep the engine running")]
    if may_stop(work, options):
        choices.append(Choice("s", "stop", "Leave; stop the engine after the open batch"))
    else:
        lines.append(Cell("Stopping the engine needs an administrator.", "dim"))
    return Ask("Leave siscon?", lines, choices, safe="stay", look=look)

"""How a console ends: on signals with the terminal as it was, and the question what becomes of the engine."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from siscon.domain.commands import StopEngine
from siscon.domain.roles import Role, role_needed
from siscon.ops.views import Work
from siscon.tui.present import Cell, Look, foreign
from siscon.tui.widgets.confirm import Ask, Choice

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def catch_signals(leave: Callable[[], object], restore: Callable[[], object]) -> None:
    """At the first signal leave in good order; at the second restore the terminal and end at once."""
    loop = asyncio.get_running_loop()
    told: list[int] = []

    def on_signal(number: int) -> None:
        told.append(number)
        if len(told) == 1:
            leave()
            return
        restore()
        os._exit(128 + number)

    for number in SIGNALS:
        try:
            loop.add_signal_handler(number, on_signal, number)
        except (NotImplementedError, RuntimeError, ValueError):
            return


def release_signals() -> None:
    """Let signals do again what they did before."""
    for number in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)


def quit_question(work: Work, role: Role, look: Look) -> Ask:
    """What becomes of an engine that has work; to stay is the safe answer."""
    assert work.engine is not None, "asked only when an engine has work"
    runs = f"{work.active_runs} run{'s' * (work.active_runs != 1)} under way or waiting"
    schedules = f"{work.schedules} schedule{'s' * (work.schedules != 1)} on"
    lines = [
        Cell(f"{runs}, {schedules}."),
        foreign(f"Engine {work.engine.pid} on {work.engine.host}.", "dim"),
    ]
    choices = [Choice("n", "stay", "Stay here"), Choice("k", "keep", "Leave; keep the engine running")]
    if role >= role_needed(StopEngine(work.engine.id)):
        choices.append(Choice("s", "stop", "Leave; stop the engine after the open batch"))
    else:
        lines.append(Cell("Stopping the engine needs an administrator.", "dim"))
    return Ask("Leave siscon?", lines, choices, safe="stay", look=look)

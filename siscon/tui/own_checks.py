"""What a console can say of itself and its terminal, as checks beside those of the doctor."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Mapping
from pathlib import Path

from siscon._version import __version__
from siscon.ops.checks import Check, State
from siscon.ops.views import EngineLine
from siscon.tui.keymap import keyed
from siscon.tui.looks import Looks
from siscon.tui.present import GLYPHS, Look, age

WIDE, HIGH = 80, 24
SLOW_MS = 250
"""A key that waits so long feels stuck."""
MIB = 1024 * 1024


def terminal_checks(
    size: tuple[int, int], colours: str, theme: str, look: Look, looks: Looks, environ: Mapping[str, str]
) -> list[Check]:
    """What the terminal bears, and what it is given."""
    columns, lines = size
    seen = f"{environ.get('TERM') or 'unknown'}, {columns} x {lines}"
    small = columns < WIDE or lines < HIGH
    state, advice = (State.WARN, f"make it {WIDE} x {HIGH} or larger") if small else (State.OK, "")
    signs = next((name for name, one in GLYPHS.items() if one is look.glyphs), "own")
    mouse = "used" if looks.mouse else "left to the terminal"
    return [
        Check("terminal", state, seen, advice),
        Check("looks", State.OK, f"theme {theme}, {colours}, {signs} signs, mouse {mouse}"),
        Check("line", State.OK, _line(looks, environ)),
    ]


def _line(looks: Looks, environ: Mapping[str, str]) -> str:
    """How the screen comes to the person."""
    told = ["over ssh" if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY") else "on this machine"]
    told += [name for name, sign in (("tmux", "TMUX"), ("screen", "STY")) if environ.get(sign)]
    told += ["painted for a slow line"] if looks.slow_link else []
    return ", ".join(told)


def engine_check(line: EngineLine | None, look: Look, now_ms: int) -> Check:
    """The engine that is alive, and when it was last heard of."""
    if line is None or line.alive is None:
        last = line.last if line else None
        seen = (
            f"none is alive; the last was heard of {age(last.seen_at_ms, now_ms, look)}"
            if last
            else "none is alive"
        )
        return Check("heartbeat", State.WARN, seen, keyed("press {start_engine}, or run 'siscon serve'"))
    one = line.alive
    beat = max(0, now_ms - one.seen_at_ms) // 1000
    seen = f"{one.id}, process {one.pid} on {one.host}, siscon {one.version}, heard of {beat} s ago"
    if one.version != __version__:
        return Check("heartbeat", State.WARN, seen, f"this console is {__version__}: start the engine anew")
    return Check("heartbeat", State.OK, seen)


def console_checks(worst_ms: float) -> list[Check]:
    """This process: how long keys waited, what it needs."""
    slow = worst_ms >= SLOW_MS
    lag = Check(
        "keys wait",
        State.WARN if slow else State.OK,
        f"{worst_ms:.0f} ms at most in the last minute",
        "this machine is busy: what it does beside, the console waits for" if slow else "",
    )
    return [lag, Check("console", State.OK, f"siscon {__version__}, {this_process()}")]


def this_process() -> str:
    """Which process this is, and what it needs."""
    now, peak = memory_mib()
    return f"process {os.getpid()}, {now:.0f} MiB ({peak:.0f} at most), {len(asyncio.all_tasks())} tasks"


def memory_mib() -> tuple[float, float]:
    """What this process has in memory now, and the most that it had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return peak, peak
    return pages * resource.getpagesize() / MIB, peak

"""What the runtime hands to the console, and what the console hands back."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from siscon.domain.past import PastMoment
from siscon.domain.roles import Role
from siscon.ops import Database
from siscon.tui.aside import ALONE, Aside
from siscon.tui.keymap import Keymap
from siscon.tui.looks import AS_THE_TERMINAL, Looks

OnQuit = Literal["ask", "keep", "stop"]


def _now_ms() -> int:
    return int(time.time() * 1000)


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """How to run a console.

    ``open_database`` is awaited in the app's own loop after the first paint. ``start_engine`` starts one and
    answers with a sentence; None: this console cannot start engines. ``log_dir`` receives crash details, ``home``
    keeps the history of the command line.
    ``settle`` is awaited before all else, once the first frame is painted: it gives the options that a configuration
    still being read holds, or the result with which to leave where that failed. Until ``engine_due_by_ms`` an engine
    that was started just now is expected, not missed. ``sis_owns`` names fields that nobody edits here, each as
    integration, entity and field with dots between them. In a ``production`` profile what cannot be undone wants its
    name typed. For ``grace_ms`` what concerns many lies in the inbox and can be taken back. ``aside`` says
    whom to ask for what must not hold up the loop. With ``past`` a file is looked at as it was then.
    ``keymap`` holds the keys that are moved.
    """

    open_database: Callable[[], Awaitable[Database]]
    actor: str
    role: Role = Role.OPERATOR
    on_quit: OnQuit = "ask"
    read_only: bool = False
    looks: Looks = AS_THE_TERMINAL
    keymap: Keymap = field(default_factory=dict)
    profile: str = ""
    production: bool = False
    grace_ms: int = 0
    time_zone: str = "UTC"
    sis_owns: frozenset[str] = frozenset()
    log_dir: Path | None = None
    home: Path | None = None
    start_engine: Callable[[], Awaitable[str]] | None = None
    settle: Callable[[], Awaitable[ConsoleOptions | ConsoleResult]] | None = None
    aside: Aside = ALONE
    engine_due_by_ms: int = 0
    now_ms: Callable[[], int] = _now_ms
    past: PastMoment | None = None


@dataclass(frozen=True, slots=True)
class ConsoleResult:
    """What a console left behind: whether the engine was asked to stop, the exit code, a last word to the person."""

    stop_engine: bool = False
    exit_code: int = 0
    sentence: str = ""

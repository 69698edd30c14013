"""A word to end that comes before anybody can listen: kept from the first moment of ``siscon serve`` on."""

from __future__ import annotations

import os
import signal
from types import FrameType

_came: list[int] = []


def serves(arguments: list[str]) -> bool:
    """Whether a command line asks for the engine alone."""
    rest = list(arguments)
    while rest and rest[0].startswith("--"):
        rest = rest[1:] if "=" in rest[0] else rest[2:]
    return rest[:1] == ["serve"]


def listen() -> None:
    """Keep SIGTERM and SIGINT until the engine heeds them; a second one ends the process at once. SIGHUP is nothing."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _keep)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def came() -> bool:
    """Whether somebody wants the end already."""
    return bool(_came)


def _keep(number: int, _frame: FrameType | None) -> None:
    if _came:
        os._exit(128 + number)
    _came.append(number)

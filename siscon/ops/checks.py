"""What an examination finds, thing by thing. Light: the console shows it without loading what examines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing examined: how it is, what was seen, and what to do about it."""

    name: str
    state: State
    seen: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """What the terminal says of itself."""

    is_terminal: bool
    columns: int
    lines: int
    encoding: str

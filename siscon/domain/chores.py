"""Chores: what one engine does for the whole installation from time to time, such as a backup."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChoreState:
    """When a chore is due next, and what came of the last time; ``last_told`` is a sentence for people."""

    name: str
    due_at_ms: int
    last_at_ms: int | None = None
    last_took_ms: int | None = None
    last_ok: bool | None = None
    last_told: str = ""
    last_good_at_ms: int | None = None

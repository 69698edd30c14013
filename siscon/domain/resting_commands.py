"""What may be asked for of a run that is to rest, and of the past: pause, continue, read again what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from siscon.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class PauseRun:
    """Let a run rest where it stands, with what it has fetched, until ``until_ms`` or until it is continued."""

    kind: ClassVar[str] = "pause_run"
    run_id: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ContinueRun:
    """Let a paused run go on from where it stands."""

    kind: ClassVar[str] = "continue_run"
    run_id: int


@dataclass(frozen=True, slots=True)
class Backfill:
    """Read again what changed since a moment, and until another if one is told; the next syncs are not affected.

    ``entities`` empty: all that the integration imports.
    """

    kind: ClassVar[str] = "backfill"
    integration: str
    entities: tuple[str, ...]
    since_ms: int
    until_ms: int | None
    reason: str

    def check_window(self, *, now_ms: int) -> None:
        """Raise ``UsageError`` for a window in which nothing can have changed."""
        if self.since_ms >= now_ms or (self.until_ms is not None and self.until_ms <= self.since_ms):
            raise UsageError("The window must begin before now, and end after it begins.")

"""What may be asked for of a run that is to rest: pause it, let it go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


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

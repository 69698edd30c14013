"""Commands about integrations, engines and chores as a whole; part of :mod:`siscon.domain.commands`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class PauseIntegration:
    """Scheduled runs of it do not start until it is resumed, or until a moment; a run under way goes on."""

    kind: ClassVar[str] = "pause_integration"
    integration: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ResumeIntegration:
    kind: ClassVar[str] = "resume_integration"
    integration: str


@dataclass(frozen=True, slots=True)
class RemoveIntegration:
    """Forget an integration's ties, open questions and login; the roster stays. ``mappings``: so many were exported."""

    kind: ClassVar[str] = "remove_integration"
    integration: str
    mappings: int


@dataclass(frozen=True, slots=True)
class RefreshToken:
    kind: ClassVar[str] = "refresh_token"
    integration: str


@dataclass(frozen=True, slots=True)
class StopEngine:
    """Finish the open batch, release the leases, exit. ``engine`` is the engine's id."""

    kind: ClassVar[str] = "stop_engine"
    engine: str


@dataclass(frozen=True, slots=True)
class RunChore:
    """Do a chore now; its next moment stays what its schedule says."""

    kind: ClassVar[str] = "run_chore"
    chore: str


@dataclass(frozen=True, slots=True)
class Purge:
    """Remove what is too old now, ahead of the schedule: ``expected`` rows and files were shown."""

    kind: ClassVar[str] = "purge"
    expected: int


@dataclass(frozen=True, slots=True)
class MuteCause:
    """Tell nobody of a cause for so many seconds; 0: tell of it again. It is shown all the same."""

    kind: ClassVar[str] = "mute_cause"
    cause: int
    seconds: int


@dataclass(frozen=True, slots=True)
class TryChannel:
    """Send a message that says it is only a test, on the way that notices go."""

    kind: ClassVar[str] = "try_channel"
    channel: str


@dataclass(frozen=True, slots=True)
class RetryChannel:
    """Send now what waits for a channel, and what it refused, or was given up on or dropped, once more."""

    kind: ClassVar[str] = "retry_channel"
    channel: str

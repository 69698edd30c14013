"""Everything that a person may ask the engine for: one small dataclass each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, get_args


class CommandStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class StartRun:
    """Queue an import. ``entities`` empty: all that the provider offers."""

    kind: ClassVar[str] = "start_run"
    integration: str
    entities: tuple[str, ...] = ()
    full: bool = False


@dataclass(frozen=True, slots=True)
class CancelRun:
    kind: ClassVar[str] = "cancel_run"
    run_id: int


@dataclass(frozen=True, slots=True)
class ApprovePlan:
    """Let a held run apply exactly the plan that it holds; ``reason`` stands in the audit."""

    kind: ClassVar[str] = "approve_plan"
    run_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class DiscardPlan:
    """End a held run without applying anything."""

    kind: ClassVar[str] = "discard_plan"
    run_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class PauseIntegration:
    """Scheduled runs of it do not start until it is resumed; a run under way goes on."""

    kind: ClassVar[str] = "pause_integration"
    integration: str


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


Command = (
    StartRun
    | CancelRun
    | ApprovePlan
    | DiscardPlan
    | PauseIntegration
    | ResumeIntegration
    | RemoveIntegration
    | RefreshToken
    | StopEngine
)

_KINDS: dict[str, type[Command]] = {one.kind: one for one in get_args(Command)}


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command as left: who, when, and what came of it. ``answer`` is a sentence for the one who asked."""

    id: int
    command: Command
    actor: str
    left_at_ms: int
    status: CommandStatus
    answer: str
    run_id: int | None


def to_plain(command: Command) -> dict[str, Any]:
    """The arguments of a command as JSON-able values."""
    return asdict(command)


def from_plain(kind: str, values: dict[str, Any]) -> Command:
    """The command that :func:`to_plain` told; raises ``KeyError`` for a kind this version does not know."""
    known = {**values, "entities": tuple(values["entities"])} if "entities" in values else values
    return _KINDS[kind](**known)

"""Runs: one piece of work from queued to its end, the legal moves between its states, and its counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from siscon.domain.records import Entity


class RunKind(StrEnum):
    IMPORT = "import"
    REDRIVE = "redrive"
    UNDO = "undo"
    SETTLE = "settle"
    EDIT = "edit"
    EXPORT = "export"
    WAREHOUSE = "warehouse"


class Lane(StrEnum):
    """One run of each lane may go at once per integration. ``single`` is for one record that a person waits for."""

    BULK = "bulk"
    QUICK = "quick"
    SINGLE = "single"


class Phase(StrEnum):
    """What a running import does now; plan and apply follow only when every entity is fetched."""

    FETCH = "fetch"
    PLAN = "plan"
    APPLY = "apply"


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    HELD = "held"
    PLANNED = "planned"
    INTERRUPTED = "interrupted"
    COMPLETED = "completed"
    WITH_WARNINGS = "completed with warnings"
    WITH_ERRORS = "completed with errors"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = RunStatus
MOVES: Mapping[RunStatus, frozenset[RunStatus]] = {
    _S.QUEUED: frozenset({_S.RUNNING, _S.PAUSED, _S.CANCELLED}),
    _S.RUNNING: frozenset(
        {
            _S.COMPLETED,
            _S.WITH_WARNINGS,
            _S.WITH_ERRORS,
            _S.FAILED,
            _S.CANCELLED,
            _S.HELD,
            _S.PLANNED,
            _S.PAUSED,
            _S.INTERRUPTED,
        }
    ),
    _S.HELD: frozenset({_S.QUEUED, _S.CANCELLED}),
    _S.PLANNED: frozenset({_S.QUEUED, _S.CANCELLED}),
    _S.PAUSED: frozenset({_S.QUEUED, _S.CANCELLED}),
    _S.INTERRUPTED: frozenset({_S.QUEUED, _S.CANCELLED}),
    _S.FAILED: frozenset({_S.QUEUED}),
    _S.CANCELLED: frozenset({_S.QUEUED}),
    _S.COMPLETED: frozenset(),
    _S.WITH_WARNINGS: frozenset(),
    _S.WITH_ERRORS: frozenset(),
}
"""From each state the states that may follow; the store refuses every other move."""

ENDED = frozenset({_S.COMPLETED, _S.WITH_WARNINGS, _S.WITH_ERRORS, _S.FAILED, _S.CANCELLED})
UNDER_WAY = frozenset({_S.QUEUED, _S.RUNNING, _S.INTERRUPTED})
"""What goes on by itself; a second run of the same kind waits for it to end."""

GOOD_ENDS = frozenset({_S.COMPLETED, _S.WITH_WARNINGS, _S.WITH_ERRORS})

EXIT_CODES: Mapping[RunStatus, int] = {
    _S.COMPLETED: 0,
    _S.WITH_WARNINGS: 0,
    _S.WITH_ERRORS: 4,
    _S.PLANNED: 0,
    _S.HELD: 3,
    _S.CANCELLED: 130,
}
"""Exit code of a command that waited for a run; every other end is 1."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run as stored. ``entities`` in order of dependency; ``full`` says that it compares everything.

    A ``dry`` run ends with its plan. ``request`` is what a run of another kind than import was asked to do, as
    JSON-able values, and ``reason`` why. ``deaths`` counts the engines that died where it stands. ``schedule`` names
    the schedule that started it. A paused run goes on by itself at ``resume_at_ms``; None: when a person says so.
    """

    id: int
    integration: str
    kind: RunKind
    lane: Lane
    status: RunStatus
    phase: Phase | None
    entities: tuple[Entity, ...]
    full: bool
    requested_by: str
    due_at_ms: int | None
    queued_at_ms: int
    started_at_ms: int | None
    finished_at_ms: int | None
    attempt: int
    engine: str | None
    cancel_requested_by: str | None
    approved_by: str | None
    error_code: str
    error: str
    requests: int
    waiting_until_ms: int | None
    dry: bool = False
    request: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    deaths: int = 0
    schedule: str = ""
    pause_requested_by: str | None = None
    resume_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run did with one entity.

    Always ``fetched = created + updated + unchanged + conflict + failed + skipped`` once the entity is through.
    ``total`` is what the SIS announced, None when it did not. ``missing`` counts records that a complete fetch
    lacked, ``withdrawn`` those that the run withdrew because they stayed missing; neither is part of ``fetched``.
    ``known`` is how many were mapped before, ``whole`` that the fetch was complete, ``left_out`` that a person
    approved the plan without this entity.
    """

    entity: Entity
    fetched: int = 0
    total: int | None = None
    pages: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    conflict: int = 0
    failed: int = 0
    skipped: int = 0
    missing: int = 0
    withdrawn: int = 0
    warnings: int = 0
    requests: int = 0
    seconds: float = 0.0
    known: int = 0
    phase: Phase | None = None
    done: bool = False
    whole: bool = False
    left_out: bool = False
    applied_to: str | None = None

    @property
    def reconciles(self) -> bool:
        """True when every fetched record is accounted for."""
        told = self.created + self.updated + self.unchanged + self.conflict + self.failed + self.skipped
        return self.fetched == told


def may_move(before: RunStatus, after: RunStatus) -> bool:
    """Whether a run in one state may go over to another."""
    return after in MOVES[before]


def end_of(counts: list[Counts]) -> RunStatus:
    """The word for a run that came through: errors before warnings before completed."""
    if any(one.failed or one.conflict for one in counts):
        return RunStatus.WITH_ERRORS
    if any(one.warnings for one in counts):
        return RunStatus.WITH_WARNINGS
    return RunStatus.COMPLETED

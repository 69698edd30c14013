"""Integrations as the engine and the screens know them: one connection to one SIS and how it is doing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class IntegrationState(StrEnum):
    """What an operator may be told of an integration, worst first where several hold."""

    FAILING = "failing"
    HELD = "held"
    EMPTY = "empty"
    LATE = "late"
    RUNNING = "running"
    PAUSED = "paused"
    OK = "ok"
    NEW = "new"


GRACE_MS = 15 * 60 * 1000
"""A run that is due may wait for its turn so long before anybody is told that it is late."""


@dataclass(frozen=True, slots=True)
class Integration:
    """One integration as activated in the database.

    ``schedule`` is the first of its lines, ``next_due_at_ms`` when the next run starts by itself, whichever starts it.
    ``paused_until_ms`` None: until a person resumes it.
    ``breaker_state`` is ``closed``, ``open`` (nothing is asked until ``breaker_until_ms``) or ``trying``.
    """

    name: str
    provider: str
    title: str
    enabled: bool
    paused: bool
    schedule: str
    requests_per_minute: int
    activated_at_ms: int
    next_due_at_ms: int | None
    last_good_at_ms: int | None
    last_error: str
    failing_since_ms: int | None
    breaker_state: str = "closed"
    breaker_until_ms: int | None = None
    paused_until_ms: int | None = None

    def rests(self, now_ms: int) -> bool:
        """Whether its schedules start nothing at a moment, because a person paused them."""
        return self.paused and (self.paused_until_ms is None or now_ms < self.paused_until_ms)

    def starts_next_ms(self, now_ms: int) -> int | None:
        """When its next run starts by itself; None: never, or not known while it is paused."""
        return None if self.rests(now_ms) else self.next_due_at_ms


NEEDS_PERSON = (
    IntegrationState.HELD,
    IntegrationState.FAILING,
    IntegrationState.EMPTY,
    IntegrationState.LATE,
)
"""The states in which somebody has to look, the most urgent first: a held run waits for nothing but a word."""


def state_of(
    integration: Integration,
    *,
    running: bool,
    held: bool,
    now_ms: int,
    emptied: bool = False,
    late: bool = False,
) -> IntegrationState:
    """The one word for an integration: what a person should know first.

    ``emptied``: a list that had records came back without any; ``late``: some entity is older than it should be, also
    while a run is under way that should long be over.
    """
    if held:
        return IntegrationState.HELD
    if running:
        return IntegrationState.LATE if late else IntegrationState.RUNNING
    if integration.failing_since_ms is not None:
        return IntegrationState.FAILING
    if emptied:
        return IntegrationState.EMPTY
    if integration.rests(now_ms) or not integration.enabled:
        return IntegrationState.PAUSED
    due_ms = integration.next_due_at_ms
    if late or (due_ms is not None and now_ms - due_ms > GRACE_MS):
        return IntegrationState.LATE
    return IntegrationState.NEW if integration.last_good_at_ms is None else IntegrationState.OK

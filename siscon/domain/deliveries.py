"""Messages to people on their way: what became of an attempt, when to try again, when a channel counts as dead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FIRST_WAIT_S, LONGEST_WAIT_S = 15.0, 1800.0
NO_WAIT_MS = 3_600_000
"""No wait is so long: a moment further ahead was set by a clock that was put back since."""
GIVE_UP_MS = 3 * 24 * 3600 * 1000
"""A message that found no way in so long is given up; nobody needs last week's alarm."""

QUEUE_MOST = 500
"""So many messages wait for one channel; of more the oldest is dropped, and counted."""

DEAD_AFTER = 6
"""After so many failures in a row a channel is called dead: about eight minutes. A mail server that knows no sender
yet says "later" for the first five (RFC 6647, greylisting), and is well.
"""


class MessageState(StrEnum):
    """``refused``: the receiver wants it never. ``given up``: no way in three days. ``dropped``: too many waited."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    GIVEN_UP = "given up"
    DROPPED = "dropped"


class Fate(StrEnum):
    """What became of one attempt: taken, to be tried again, never."""

    SENT = "sent"
    LATER = "later"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt. ``left_to``: receivers that must be tried again, while the others have it. ``refused_by``: those
    that never will.

    ``blocked``: it was no fault of this message, so the others of the channel need not be tried before. ``error`` is
    a sentence without secrets.
    """

    fate: Fate
    error: str = ""
    retry_after_s: float | None = None
    left_to: tuple[str, ...] = ()
    refused_by: tuple[str, ...] = ()
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message as stored. ``uid`` names it to the receiver at each attempt alike; ``data`` is for programs.

    Of several receivers those ``left_to`` are still tried, all where it is empty; those it is ``refused_by`` are not.
    """

    id: int
    channel: str
    key: str
    uid: str
    subject: str
    text: str
    html: str
    data: Mapping[str, Any]
    state: MessageState
    left_to: tuple[str, ...]
    attempts: int
    put_at_ms: int
    next_at_ms: int
    ended_at_ms: int | None
    error: str
    refused_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel is. Nothing is tried before ``not_before_ms``; notices are gathered until ``gather_until_ms``."""

    name: str
    failures: int = 0
    failing_since_ms: int | None = None
    not_before_ms: int = 0
    gather_until_ms: int = 0
    last_good_at_ms: int | None = None
    last_error: str = ""
    waiting: int = 0
    lost: int = 0

    def may_try(self, now_ms: int) -> bool:
        """Whether something may be sent now."""
        return not 0 < self.not_before_ms - now_ms <= NO_WAIT_MS

    @property
    def is_dead(self) -> bool:
        """Whether nobody should count on it any more."""
        return self.failures >= DEAD_AFTER


@dataclass(frozen=True, slots=True)
class Concluded:
    """What is written after an attempt: the message's state and next moment, and how the channel is now."""

    state: MessageState
    next_at_ms: int
    channel: ChannelState


def wait_s(failures: int, *, luck: float) -> float:
    """Seconds until the next try after so many failures: growing, and never the same for two."""
    pause_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(max(0, failures - 1), 10))
    return pause_s * (1.0 + luck / 4)


def conclude(
    message: Message, outcome: Outcome, before: ChannelState, *, now_ms: int, luck: float
) -> Concluded:
    """What an attempt means for the message and for its channel. ``message.attempts`` counts this one.

    Whoever has the message, or refuses this one alone, has answered: the channel lives.
    """
    if outcome.fate is Fate.SENT:
        good = ChannelState(before.name, last_good_at_ms=now_ms, last_error=outcome.error)
        return Concluded(MessageState.SENT, now_ms, good)
    failures = before.failures + 1
    pause_s = wait_s(failures if outcome.blocked else message.attempts, luck=luck)
    again_ms = now_ms + int(max(pause_s, outcome.retry_after_s or 0.0) * 1000)
    failing = ChannelState(
        before.name,
        failures=failures,
        failing_since_ms=before.failing_since_ms or now_ms,
        not_before_ms=again_ms if outcome.blocked else 0,
        last_good_at_ms=before.last_good_at_ms,
        last_error=outcome.error,
    )
    if outcome.fate is Fate.NEVER:
        return Concluded(MessageState.REFUSED, now_ms, failing)
    if now_ms - message.put_at_ms > GIVE_UP_MS:
        return Concluded(MessageState.GIVEN_UP, now_ms, failing)
    return Concluded(MessageState.WAITING, again_ms, failing)

"""Causes of trouble and when people are told of them: once, again on change, once when it is over.

One row is one episode: open -> notified -> changed -> notified ... -> recovered -> closed. What was never told closes
without a word; what was told is told once that it is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Trouble(StrEnum):
    """What is wrong. Failing, login and missed are one family: whatever keeps an integration from being synced."""

    FAILING = "failing"
    LOGIN = "login"
    MISSED = "missed"
    HELD = "held"
    STALE = "stale"
    CHORE = "chore"
    ENGINE = "engine"
    WEBHOOKS = "webhooks"
    CHANNEL = "channel"


class NoticeLevel(StrEnum):
    """How loud; what is urgent is told in quiet hours, too."""

    WARNING = "warning"
    ERROR = "error"
    URGENT = "urgent"


class CauseState(StrEnum):
    """``changed``: told once, and there is more to tell. ``recovered``: over, which is not told yet."""

    OPEN = "open"
    NOTIFIED = "notified"
    CHANGED = "changed"
    RECOVERED = "recovered"
    CLOSED = "closed"


SYNC = "sync"
"""The family of what keeps an integration from being synced."""
_RANK: Mapping[Trouble, int] = {Trouble.MISSED: 0, Trouble.FAILING: 1, Trouble.LOGIN: 2}
_LOUD: Mapping[NoticeLevel, int] = {one: at for at, one in enumerate(NoticeLevel)}
_QUIETER = (Trouble.MISSED, Trouble.HELD, Trouble.WEBHOOKS, Trouble.CHANNEL)
DOUBLING = (Trouble.STALE, Trouble.WEBHOOKS)
"""Of these a count that has doubled since it was told is a change. Runs that go on failing are not: it is one night."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A trouble seen at a moment. ``kind`` is its class: another one is a change, the same again is not.

    ``what`` parts causes of one trouble that belong to no integration, or to several things of it. ``times`` counts
    into a row of failures; ``total`` says how many there are now, where that is known. ``wait_ms``: it is told only
    """

    trouble: Trouble
    at_ms: int
    text: str
    integration: str | None = None
    kind: str = ""
    what: str = ""
    times: int = 1
    total: int | None = None
    wait_ms: int = 0

    @property
    def key(self) -> str:
        return key_of(self.trouble, self.integration, self.what)

    @property
    def label(self) -> str:
        """Trouble and class: what must be new to be a change."""
        return f"{self.trouble}:{self.kind}" if self.kind else self.trouble.value


@dataclass(frozen=True, slots=True)
class Cause:
    """One episode of a cause. ``count`` is how often in a row, ``classes`` what has been seen of it, the first first.

    Told ``tellings`` times, last of ``told_count``, in ``channels``; not before ``tell_from_ms``, not while muted.
    """

    id: int
    key: str
    integration: str | None
    trouble: Trouble
    level: NoticeLevel
    state: CauseState
    text: str
    since_ms: int
    last_ms: int
    count: int
    classes: tuple[str, ...]
    tell_from_ms: int
    tellings: int = 0
    told_count: int = 0
    told_at_ms: int | None = None
    channels: tuple[str, ...] = ()
    over_at_ms: int | None = None
    muted_until_ms: int = 0

    @property
    def is_over(self) -> bool:
        return self.state in (CauseState.RECOVERED, CauseState.CLOSED)

    @property
    def about(self) -> str:
        """Whom or what it is about."""
        what = self.key.rpartition(":")[2] if self.trouble in (Trouble.CHORE, Trouble.CHANNEL) else ""
        return self.integration or what or "siscon"


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes to which channels; an empty list means all there are."""

    channels: tuple[str, ...]
    causes: tuple[Trouble, ...] = ()
    levels: tuple[NoticeLevel, ...] = ()
    integrations: tuple[str, ...] = ()

    def is_for(self, cause: Cause) -> bool:
        """Whether a cause is among what this rule means."""
        return (
            (not self.causes or cause.trouble in self.causes)
            and (not self.levels or cause.level in self.levels)
            and (not self.integrations or cause.integration in self.integrations)
        )


def key_of(trouble: Trouble, integration: str | None, what: str = "") -> str:
    """The name of a cause: its family, whose it is, and what of it."""
    family = SYNC if trouble in _RANK else trouble.value
    return f"{family}:{integration or ''}:{what}".rstrip(":")


def base_level(trouble: Trouble, urgent: Sequence[Trouble] = ()) -> NoticeLevel:
    """How loud a trouble is by itself."""
    if trouble in urgent:
        return NoticeLevel.URGENT
    return NoticeLevel.WARNING if trouble in _QUIETER else NoticeLevel.ERROR


def seen(
    cause: Cause | None, sighting: Sighting, *, repeated: int = 0, urgent: Sequence[Trouble] = ()
) -> Cause:
    """A cause after a trouble was seen (again). ``repeated``: so many in a row are urgent, 0: never.

    One that ended before anybody was told of it begins anew in the same row; where the end is not told yet it goes on.
    """
    if cause is None or cause.state is CauseState.CLOSED:
        count = sighting.total if sighting.total is not None else sighting.times
        level = _level(sighting.trouble, count, repeated=repeated, urgent=urgent)
        return Cause(
            *(
                cause.id if cause is not None and not cause.tellings else 0,
                sighting.key,
                sighting.integration,
                sighting.trouble,
                level,
                CauseState.OPEN,
                sighting.text,
            ),
            *(sighting.at_ms, sighting.at_ms, count, (sighting.label,), sighting.at_ms + sighting.wait_ms),
        )
    graver = _RANK.get(sighting.trouble, 0) >= _RANK.get(cause.trouble, 0)
    before = 0 if cause.state is CauseState.RECOVERED else cause.count
    count = before + sighting.times if sighting.total is None else max(before, sighting.total)
    trouble = sighting.trouble if graver else cause.trouble
    level = max(
        cause.level,
        _level(trouble, count, repeated=repeated, urgent=urgent),
        key=_LOUD.__getitem__,
    )
    known = sighting.label in cause.classes
    after = replace(
        cause,
        trouble=trouble,
        level=level,
        count=count,
        last_ms=max(cause.last_ms, sighting.at_ms),
        text=sighting.text if graver else cause.text,
        classes=cause.classes if known else (*cause.classes, sighting.label),
        tell_from_ms=min(cause.tell_from_ms, sighting.at_ms + sighting.wait_ms),
        state=CauseState.NOTIFIED if cause.state is CauseState.RECOVERED else cause.state,
        over_at_ms=None,
    )
    has_grown = trouble in DOUBLING and cause.told_count and count >= 2 * cause.told_count
    is_news = (graver and not known) or level is not cause.level or has_grown
    if after.state is CauseState.NOTIFIED and is_news:
        return replace(after, state=CauseState.CHANGED)
    return after


def over(cause: Cause, *, at_ms: int) -> Cause:
    """A cause after its trouble is over: what nobody was told of is closed without a word."""
    if cause.is_over:
        return cause
    state = CauseState.RECOVERED if cause.tellings else CauseState.CLOSED
    return replace(cause, state=state, over_at_ms=at_ms)


def is_due(cause: Cause, *, now_ms: int, quiet: bool) -> bool:
    """Whether there is something to tell of a cause now. Quiet hours put off all but what is urgent.

    A wait that would begin in the future is none: the clock was put back since.
    """
    if cause.state in (CauseState.NOTIFIED, CauseState.CLOSED) or now_ms < cause.muted_until_ms:
        return False
    if cause.state is CauseState.OPEN and cause.since_ms <= now_ms < cause.tell_from_ms:
        return False
    return not quiet or cause.level is NoticeLevel.URGENT


def told(cause: Cause, channels: Sequence[str], *, now_ms: int) -> Cause:
    """A cause after ``channels`` were told how it is."""
    closing = cause.state is CauseState.RECOVERED
    return replace(
        cause,
        state=CauseState.CLOSED if closing else CauseState.NOTIFIED,
        tellings=cause.tellings + 1,
        told_count=cause.count,
        told_at_ms=now_ms,
        channels=tuple(dict.fromkeys((*cause.channels, *channels))),
    )


def route(cause: Cause, rules: Sequence[Rule], channels: Sequence[str]) -> tuple[str, ...]:
    """The channels that are to be told: by the rules, else all; of an end those that were told of the begin.

    A channel that fails is never told about itself.
    """
    if cause.state is CauseState.RECOVERED:
        wanted = list(cause.channels)
    elif rules:
        wanted = [name for rule in rules if rule.is_for(cause) for name in rule.channels]
        wanted += cause.channels
    else:
        wanted = list(channels)
    own = cause.key.rpartition(":")[2] if cause.trouble is Trouble.CHANNEL else None
    return tuple(name for name in dict.fromkeys(wanted) if name in channels and name != own)


def _level(trouble: Trouble, count: int, *, repeated: int, urgent: Sequence[Trouble]) -> NoticeLevel:
    if repeated and trouble in _RANK and count >= repeated:
        return NoticeLevel.URGENT
    return base_level(trouble, urgent)

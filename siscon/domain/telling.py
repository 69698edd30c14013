"""From what was seen to what is told: causes grow and end in the order of the facts, and are told as people want it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from enum import StrEnum

from siscon.domain.notices import (
    Cause,
    CauseState,
    Rule,
    Sighting,
    Trouble,
    is_due,
    over,
    route,
    seen,
    told,
)
from siscon.domain.quiet import Window, is_quiet

FLAP_WAIT_MS = 4 * 3_600_000
"""What has come and gone too often in a day is told only if it lasts so long."""


class Proof(StrEnum):
    """What an end proves. A system that answers again, or a new token, ends nothing as long as runs have failed."""

    SYNCED = "synced"
    ANSWERS = "answers"
    LOGGED_IN = "logged in"


@dataclass(frozen=True, slots=True)
class End:
    """Something that ends a cause, if it is open."""

    key: str
    at_ms: int
    proof: Proof = Proof.SYNCED


@dataclass(frozen=True, slots=True)
class Manner:
    """How people want to be told. ``channels`` in the order of the configuration."""

    channels: tuple[str, ...]
    zone: tzinfo
    rules: tuple[Rule, ...] = ()
    windows: tuple[Window, ...] = ()
    repeated: int = 0
    urgent: tuple[Trouble, ...] = ()
    breaker_wait_ms: int = 0
    gather_ms: int = 0
    episodes_a_day: int = 0


@dataclass(frozen=True, slots=True)
class Telling:
    """One cause that some channels are told of now: as it was, and as it is once that is written down."""

    before: Cause
    after: Cause
    channels: tuple[str, ...]


def fold(
    known: Mapping[str, Cause],
    found: Iterable[Sighting | End],
    manner: Manner,
    *,
    told_lately: Mapping[str, int] | None = None,
) -> dict[str, Cause]:
    """The causes that facts have changed or begun, by key, after all of them; ``known`` are those not closed.

    ``told_lately``: how many episodes of a cause people were told of in the last day. What comes and goes is told
    again only when it stays.
    """
    now, flapping = dict(known), told_lately or {}
    for fact in found:
        cause = now.get(fact.key)
        if isinstance(fact, Sighting):
            after = seen(cause, fact, repeated=manner.repeated, urgent=manner.urgent)
            often = 0 < manner.episodes_a_day <= flapping.get(fact.key, 0)
            if often and not after.tellings:
                after = replace(after, tell_from_ms=max(after.tell_from_ms, after.since_ms + FLAP_WAIT_MS))
            now[fact.key] = after
        elif cause is not None and _ends(cause, fact):
            now[fact.key] = over(cause, at_ms=fact.at_ms)
    return {key: cause for key, cause in now.items() if known.get(key) != cause}


def tellings(
    causes: Iterable[Cause], manner: Manner, *, gathering: Mapping[str, int], now_ms: int
) -> list[Telling]:
    """What is told now, and to whom.

    ``gathering``: until when each channel gathers; a cause waits until all its channels have done so. What was told
    in channels that are gone is closed without a word.
    """
    quiet = is_quiet(manner.windows, manner.zone, now_ms)
    found = []
    for cause in causes:
        if not is_due(cause, now_ms=now_ms, quiet=quiet):
            continue
        to = route(cause, manner.rules, manner.channels)
        if not to and cause.state is not CauseState.RECOVERED:
            continue
        # A moment further ahead than anything gathers was set by a clock that was put back since.
        if not any(0 < gathering.get(name, 0) - now_ms <= manner.gather_ms for name in to):
            found.append(Telling(cause, told(cause, to, now_ms=now_ms), to))
    return found


def is_known(causes: Mapping[str, Cause], sighting: Sighting) -> bool:
    """Whether a state that still lasts is in its cause already."""
    cause = causes.get(sighting.key)
    if cause is None or cause.is_over or sighting.label not in cause.classes:
        return False
    return sighting.total is None or sighting.total <= cause.count


def by_channel(found: Sequence[Telling]) -> dict[str, list[Telling]]:
    """What each channel is told, as one message."""
    told_to: dict[str, list[Telling]] = {}
    for one in found:
        for name in one.channels:
            told_to.setdefault(name, []).append(one)
    return told_to


def _ends(cause: Cause, end: End) -> bool:
    if end.proof is Proof.SYNCED:
        return True
    if cause.count:
        return False
    return cause.trouble is (Trouble.FAILING if end.proof is Proof.ANSWERS else Trouble.LOGIN)

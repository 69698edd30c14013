"""Conflicts: what happens to a field that changed on both sides since the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from siscon.domain.records import Entity

AHEAD_MS = 5 * 60_000
"""A stamp of the SIS may be so far ahead of our clock."""


class Strategy(StrEnum):
    SIS_WINS = "sis_wins"
    LOCAL_WINS = "local_wins"
    NEWEST_WINS = "newest_wins"
    MANUAL = "manual"


class ConflictKind(StrEnum):
    """``fields``: both sides changed a field. ``identity``: an id came back as somebody else. ``duplicate``: one
    person under two ids.
    """

    FIELDS = "fields"
    IDENTITY = "identity"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What three versions of a record come to: values to take over, fields that a person must decide, and the rule
    by which each field that both sides had changed was decided.
    """

    take: Mapping[str, Any]
    ask: tuple[str, ...]
    rules: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Conflict:
    """One question that waits for a person: field -> value for each of the three versions.

    ``sis_fingerprint`` and ``local_version`` are what both sides were when it was asked: a decision holds only while
    they still are. ``sis_modified_at`` is the SIS's own word (empty: it gave none), ``local_edited_at_ms`` ours.
    ``decision`` maps each field to the value that was decided, once it was.
    """

    id: int
    integration: str
    entity: Entity
    external_id: str
    internal_id: int
    run_id: int
    status: str
    base: Mapping[str, Any]
    sis: Mapping[str, Any]
    local: Mapping[str, Any]
    opened_at_ms: int
    kind: ConflictKind = ConflictKind.FIELDS
    other_external_id: str | None = None
    why: str = ""
    sis_fingerprint: str = ""
    local_version: int = 0
    sis_modified_at: str = ""
    local_edited_at_ms: int | None = None
    settled_by: str | None = None
    settled_at_ms: int | None = None
    decision: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """Who decides over the fields of one entity.

    ``strategies`` name other winners than ``default`` by field. Fields of ``ours`` are never touched by an import;
    fields of ``theirs`` are always as the SIS has them.
    """

    default: Strategy = Strategy.SIS_WINS
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()
    theirs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Moments:
    """When each side last changed a record, in ms since 1970 UTC; None: nobody can tell."""

    sis_ms: int | None = None
    local_ms: int | None = None
    now_ms: int = 0

    @property
    def newest(self) -> Strategy:
        """Who was last, or that a person must say: where a moment is lacking, of the future, or the same."""
        if self.sis_ms is None or self.local_ms is None or self.sis_ms == self.local_ms:
            return Strategy.MANUAL
        if max(self.sis_ms, self.local_ms) > self.now_ms + AHEAD_MS:
            return Strategy.MANUAL
        return Strategy.SIS_WINS if self.sis_ms > self.local_ms else Strategy.LOCAL_WINS


NO_MOMENTS = Moments()
OWNED_BY_SIS = "owned_by_sis"


def resolve(
    base: Mapping[str, Any],
    local: Mapping[str, Any],
    incoming: Mapping[str, Any],
    policy: Policy = Policy(),
    moments: Moments = NO_MOMENTS,
) -> Resolution:
    """Look at each field three ways; a field absent from a version counts as None there.

    Only a field that both sides changed, and changed differently, is a conflict; its strategy says who wins or that
    a person is asked. A field of ours is passed over whatever the others say.
    """
    take: dict[str, Any] = {}
    ask: list[str] = []
    rules: dict[str, str] = {}
    for name in {**base, **local, **incoming}:
        before, mine, their = base.get(name), local.get(name), incoming.get(name)
        if name in policy.ours or their == mine:
            continue
        if name in policy.theirs:
            take[name] = their
            if mine != before:
                rules[name] = OWNED_BY_SIS
            continue
        if their == before:
            continue
        if mine == before:
            take[name] = their
            continue
        strategy = policy.strategies.get(name, policy.default)
        winner = _newest(before, their, moments) if strategy is Strategy.NEWEST_WINS else strategy
        if winner is Strategy.MANUAL:
            ask.append(name)
            continue
        rules[name] = strategy.value
        if winner is Strategy.SIS_WINS:
            take[name] = their
    return Resolution(take, tuple(ask), rules)


def _newest(before: Any, their: Any, moments: Moments) -> Strategy:
    """Who was last. What left a list there may have left no moment behind: then ours is not known to be newer."""
    winner = moments.newest
    has_lost = isinstance(before, tuple) and not set(before) <= set(their or ())
    return Strategy.MANUAL if winner is Strategy.LOCAL_WINS and has_lost else winner

"""Conflicts: what happens to a field that changed on both sides since the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from siscon.domain.records import Entity


class Strategy(StrEnum):
    SIS_WINS = "sis_wins"
    LOCAL_WINS = "local_wins"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What three versions of a record come to: values to take over, and fields that a person must decide."""

    take: Mapping[str, Any]
    ask: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """One record that waits for a person: field -> value for each of the three versions."""

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


def resolve(
    base: Mapping[str, Any],
    local: Mapping[str, Any],
    incoming: Mapping[str, Any],
    *,
    strategies: Mapping[str, Strategy],
    default: Strategy = Strategy.SIS_WINS,
) -> Resolution:
    """Look at each field three ways; a field absent from a version counts as None there.

    Only a field that both sides changed, and changed differently, is a conflict; its strategy (else the default)
    says who wins or that a person is asked.
    """
    take: dict[str, Any] = {}
    ask: list[str] = []
    for name in {**base, **local, **incoming}:
        before, ours, theirs = base.get(name), local.get(name), incoming.get(name)
        if theirs in (before, ours):
            continue
        if ours == before:
            take[name] = theirs
            continue
        strategy = strategies.get(name, default)
        if strategy is Strategy.SIS_WINS:
            take[name] = theirs
        elif strategy is Strategy.MANUAL:
            ask.append(name)
    return Resolution(take, tuple(ask))

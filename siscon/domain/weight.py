"""How weighty a command is: how many records it concerns, whether anything brings back what it does, whether it may
lie for a moment before it is carried out.
"""

from __future__ import annotations

from collections.abc import Sequence

from siscon.domain.commands import (
    Command,
    DiscardDead,
    DiscardPlan,
    FetchRecords,
    Remap,
    RemoveIntegration,
    RetryDead,
)

MANY = 100
"""For more records than these a y is too quickly pressed."""

FINAL = (DiscardPlan, Remap, DiscardDead, RemoveIntegration)
"""What no undo brings back."""

PATIENT = (RetryDead, FetchRecords, DiscardDead)
"""What leaves the machine or cannot be undone, and may concern many records."""


def size_of(command: Command) -> int:
    """How many records a command concerns, as far as it says so; else it is one thing."""
    for name in ("expected", "pairs", "mappings"):
        told = getattr(command, name, None)
        if isinstance(told, int):
            return told
    return len(command.external_ids) if isinstance(command, FetchRecords) else 1


def may_lie(commands: Sequence[Command]) -> bool:
    """Whether commands wait a moment before an engine may take them: those that concern more than one thing."""
    if len(commands) > 1:
        return True
    return all(isinstance(one, PATIENT) and size_of(one) > 1 for one in commands)


def word_for(commands: Sequence[Command], *, lies: bool, production: str = "") -> str:
    """What a person must type before commands are left: a number, a name; empty: a yes is enough.

    Where data are at stake that nobody can bring back, the name of the ``production`` profile, if this is one. Giving
    up, and more than a hundred records, want their number; what ``lies`` can be taken back, so that a yes is enough.
    """
    if production and any(isinstance(one, FINAL) for one in commands):
        return production
    count = sum(size_of(one) for one in commands)
    if any(isinstance(one, (DiscardDead, RemoveIntegration)) for one in commands):
        return str(count)
    return str(count) if count > MANY and not lies else ""

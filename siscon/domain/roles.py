"""Who may ask for what. Roles grow: a role may do all that the one before it may."""

from __future__ import annotations

from enum import IntEnum

from siscon.domain.commands import (
    ApprovePlan,
    Command,
    CreateAccounts,
    DeclareRollover,
    DiscardPlan,
    EndRollover,
    Purge,
    Remap,
    RemoveIntegration,
    StopEngine,
    UndoRun,
    WithdrawRecords,
)

WEIGHTY = (
    *(ApprovePlan, DiscardPlan, Remap, DeclareRollover, EndRollover, UndoRun, WithdrawRecords),
    *(CreateAccounts, RemoveIntegration, StopEngine, Purge),
)
"""What only an administrator may ask for."""


class Role(IntEnum):
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


def role_needed(command: Command) -> Role:
    """The least role that may ask for a command."""
    return Role.ADMIN if isinstance(command, WEIGHTY) else Role.OPERATOR

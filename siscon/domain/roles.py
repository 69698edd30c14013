"""Who may ask for what. Roles grow: a role may do all that the one before it may."""

from __future__ import annotations

from enum import IntEnum

from siscon.domain.commands import ApprovePlan, Command, DiscardPlan, RemoveIntegration, StopEngine


class Role(IntEnum):
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


def role_needed(command: Command) -> Role:
    """The least role that may ask for a command."""
    weighty = isinstance(command, ApprovePlan | DiscardPlan | RemoveIntegration | StopEngine)
    return Role.ADMIN if weighty else Role.OPERATOR

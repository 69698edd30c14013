"""Who may ask for what. Roles grow: a role may do all that the one before it may."""

from __future__ import annotations

from enum import IntEnum

from siscon.domain.commands import ApprovePlan, Command, DiscardPlan, StopEngine


class Role(IntEnum):
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


def role_needed(command: Command) -> Role:
    """The least role that may ask for a command."""
    return Role.ADMIN if isinstance(command, ApprovePlan | DiscardPlan | StopEngine) else Role.OPERATOR

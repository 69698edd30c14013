"""Which role an actor has, judged by the engine's own configuration and the accounts of its machine.

What a row says of itself is a claim: the number of the account and its name must belong together here, and the role is
that of this moment.
"""

from __future__ import annotations

from collections.abc import Callable

from siscon.config import Settings
from siscon.domain.roles import Role, role_of
from siscon.store.os_accounts import person_named

Judge = Callable[[str], Role | None]
"""The role of the actor of a command; None for one that this machine does not know."""


def judge_of(settings: Settings) -> Judge:
    """The judge of a configuration."""
    rules = settings.role_rules

    def judge(actor: str) -> Role | None:
        person = person_named(actor)
        return role_of(person, rules) if person else None

    return judge

"""Who is at the keyboard, as commands and the audit name that person, and which role that is."""

from __future__ import annotations

import os

from siscon.domain.errors import NOT_ALLOWED, UsageError
from siscon.domain.roles import ACTS, ROOT, Role, RoleRules, refusal, role_of
from siscon.store.os_accounts import UNKNOWN, current_person


def current_actor() -> str:
    """``kim(1001)``; behind ``sudo`` or ``su`` ``kim(1001) as root(0)``. Never a name that was typed in."""
    return str(current_person(os.environ))


def role_here(rules: RoleRules) -> tuple[str, Role]:
    """Who is at the keyboard, and the role at this moment."""
    person = current_person(os.environ)
    return str(person), role_of(person, rules)


def is_behind_sudo() -> bool:
    """Whether somebody else logged in and became this account; root is nobody else, for it may become anybody."""
    login = current_person(os.environ).login
    return login is not None and login.uid != ROOT and login.name != UNKNOWN


def is_in_anothers_account() -> bool:
    """Whether somebody may use an account that is not theirs alone; root may be used for everything anyhow."""
    return is_behind_sudo() and current_person(os.environ).account.uid != ROOT


def check_practice(what: str) -> None:
    """Raise ``UsageError`` for a demo or a sandbox in another's account: it writes wherever that may, and its
    configuration knows no roles.
    """
    if is_in_anothers_account():
        raise UsageError(
            f"'siscon {what}' is for your own account: do without sudo and su.", code=NOT_ALLOWED
        )


def check_serve(rules: RoleRules) -> None:
    """Raise ``UsageError`` for whoever may not run an engine.

    Whoever operates may, and the account of the service: it owns the home, and what an engine does is nobody's act.
    """
    person = current_person(os.environ)
    needed = ACTS["start an engine"]
    role = role_of(person, rules)
    if role < needed and person.account.uid not in (ROOT, rules.owner_uid):
        raise UsageError(refusal("starting an engine", role, needed), code=NOT_ALLOWED)

"""Who may ask for what. Roles grow: a role may do all that the one before it may."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from siscon.domain.commands import (
    ApprovePlan,
    Backfill,
    CancelRun,
    Command,
    ContinueRun,
    CreateAccounts,
    DeclareRollover,
    DiscardDead,
    DiscardPlan,
    EditRecord,
    EndRollover,
    FetchRecords,
    ForceSync,
    ForgetMend,
    MendDead,
    MuteCause,
    NoteDenial,
    NoteExport,
    PauseIntegration,
    PauseRun,
    Purge,
    RefreshToken,
    ReleaseEdits,
    Remap,
    RemoveIntegration,
    ResumeIntegration,
    RetryChannel,
    RetryDead,
    RunChore,
    SettleConflict,
    SettleConflicts,
    SplitRecord,
    StartRun,
    StopEngine,
    TakeBack,
    TryChannel,
    UndoRun,
    WithdrawRecords,
)


class Role(IntEnum):
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as people write it."""
        return self.name.lower()


WEIGHTY = (
    *(ApprovePlan, DiscardPlan, Remap, DeclareRollover, EndRollover, UndoRun, WithdrawRecords),
    *(CreateAccounts, RemoveIntegration, StopEngine, Purge),
)
"""What only an administrator may ask for."""

ORDINARY = (
    *(
        StartRun,
        CancelRun,
        PauseRun,
        ContinueRun,
        Backfill,
        SettleConflict,
        SettleConflicts,
        EditRecord,
        ReleaseEdits,
        SplitRecord,
    ),
    *(RetryDead, DiscardDead, MendDead, ForgetMend, ForceSync, FetchRecords),
    *(PauseIntegration, ResumeIntegration, RefreshToken, TakeBack, NoteExport, RunChore),
    *(MuteCause, TryChannel, RetryChannel),
)
"""What an operator may ask for."""

WEIGHTY_CHORES = frozenset({"retention"})
"""To have these done now is to purge, by whatever name it is asked for."""

ANYBODYS = (NoteDenial,)
"""What a viewer may leave: it changes nothing."""

ACTS: Mapping[str, Role] = {
    "run what waits": Role.OPERATOR,
    "send notices": Role.OPERATOR,
    "start an engine": Role.OPERATOR,
    "try an integration": Role.OPERATOR,
    "export mappings": Role.OPERATOR,
    "authorise a login": Role.OPERATOR,
    "give a login back": Role.ADMIN,
    "clean logins": Role.ADMIN,
    "send a test webhook": Role.OPERATOR,
    "restore a backup": Role.ADMIN,
    "generate a key": Role.ADMIN,
    "rotate keys": Role.ADMIN,
    "prune keys": Role.ADMIN,
}
"""What is done by whoever asks, without a command, and the least role that may."""


STATUS = "status"


def _writes_status(command: Command) -> bool:
    """Who writes a status by hand withdraws, or takes that back, by another name; to take the SIS's word is neither.

    Of what the SIS had said only the names of places are known here: what a status hangs on is seen once it is read.
    """
    if isinstance(command, MendDead):
        return any(STATUS in place.lower() for place in command.fields)
    if isinstance(command, SettleConflict):
        return command.choices.get(STATUS, "").startswith("=")
    return isinstance(command, EditRecord) and STATUS in command.fields


def role_needed(command: Command) -> Role:
    """The least role that may ask for a command; of one that nobody has placed, the highest."""
    if isinstance(command, ANYBODYS):
        return Role.VIEWER
    if (isinstance(command, RunChore) and command.chore in WEIGHTY_CHORES) or _writes_status(command):
        return Role.ADMIN
    return Role.OPERATOR if isinstance(command, ORDINARY) else Role.ADMIN


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the operating system, with the names of its groups."""

    name: str
    uid: int
    groups: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.name}({self.uid})"


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: the account, and where another one logged in and became it (``sudo``, ``su``), that one."""

    account: Account
    login: Account | None = None

    def __str__(self) -> str:
        """As commands and the audit name a person: ``kim(1001)``, or ``kim(1001) as root(0)``."""
        return f"{self.login} as {self.account}" if self.login else str(self.account)


_ACTOR = re.compile(
    r"(?:(?P<login>[^\s()]+)\((?P<login_uid>\d{1,10})\) as )?(?P<name>[^\s()]+)\((?P<uid>\d{1,10})\)"
)


def accounts_in(actor: str) -> list[tuple[str, int]]:
    """Name and number of the account that an actor names, then of its login; empty where it names no account."""
    found = _ACTOR.fullmatch(actor)
    if found is None:
        return []
    named = [(found["name"], int(found["uid"]))]
    return [*named, (found["login"], int(found["login_uid"]))] if found["login"] else named


@dataclass(frozen=True, slots=True)
class RoleRules:
    """Whom the configuration gives which role: names of accounts, their numbers, or ``%group``.

    ``lists`` None: it says nothing of roles. ``owner_uid`` owns the home.
    """

    lists: Mapping[Role, tuple[str, ...]] | None
    owner_uid: int


ROOT = 0


def role_of(person: Person, rules: RoleRules) -> Role:
    """The role of a person.

    Without a word about roles whoever owns the home is the administrator, and so is root; all others may look. Else
    the lists alone say it, an account's own name before its groups, of several the highest; whom they do not name is
    a viewer. Behind ``sudo`` and ``su`` a login that is named never gets more than its own role; root may become
    anybody, so root as a login says nothing.
    """
    if rules.lists is None:
        return Role.ADMIN if person.account.uid in (ROOT, rules.owner_uid) else Role.VIEWER
    role = _listed(person.account, rules.lists) or Role.VIEWER
    login = person.login
    if login is None or login.uid == ROOT:
        return role
    return min(role, _listed(login, rules.lists) or role)


def _listed(account: Account, lists: Mapping[Role, Iterable[str]]) -> Role | None:
    for names in ({account.name, str(account.uid)}, {f"%{one}" for one in account.groups}):
        found = [role for role, listed in lists.items() if not names.isdisjoint(listed)]
        if found:
            return max(found)
    return None


def refusal(what: str, role: Role | None, needed: Role, *, who: Collection[str] = ()) -> str:
    """The sentence for somebody whose role does not reach."""
    if role is None:
        told = " ".join(who)
        return f"Nobody on this machine goes by {told or 'that name'}: {what} was not done."
    return f"Your role ({role.word}) may not do this; it needs {needed.word}. Ask an administrator."

"""Which role a person has, and what each role may ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from siscon.domain.commands import (
    Command,
    EditRecord,
    MendDead,
    Purge,
    RunChore,
    SettleConflict,
    WithdrawRecords,
)
from siscon.domain.roles import (
    ANYBODYS,
    ORDINARY,
    WEIGHTY,
    WEIGHTY_CHORES,
    Account,
    Person,
    Role,
    RoleRules,
    accounts_in,
    role_needed,
    role_of,
)
from siscon.engine import retention

ROOT = Account("root", 0)
OWNER = Account("siscon", 990)
KIM = Account("kim", 1001, frozenset({"staff", "ops"}))
EVA = Account("eva", 1002, frozenset({"staff"}))
LISTS = {Role.ADMIN: ("alice", "%wheel"), Role.OPERATOR: ("%ops", "1007"), Role.VIEWER: ("%staff", "bob")}
LISTED = RoleRules(LISTS, owner_uid=990)
UNSAID = RoleRules(None, owner_uid=990)


def test_every_command_is_placed_once() -> None:
    placed = [*WEIGHTY, *ORDINARY, *ANYBODYS]

    assert len(placed) == len(set(placed))
    assert set(placed) == set(get_args(Command)), (
        "put a new command into WEIGHTY or ORDINARY in domain/roles.py"
    )


def test_what_weighs_most_does_so_under_every_name() -> None:
    assert retention.CHORE in WEIGHTY_CHORES
    assert role_needed(RunChore(retention.CHORE)) is role_needed(Purge(1)) is Role.ADMIN
    assert role_needed(RunChore("backup")) is Role.OPERATOR

    edit = EditRecord("harbor", "student", "S-1", {"status": "inactive"}, "left")
    assert role_needed(edit) is role_needed(WithdrawRecords("harbor", "student", ("S-1",), {}, 1, "left"))
    assert role_needed(replace(edit, fields={"middle_name": "status"})) is Role.OPERATOR
    decision = SettleConflict(1, {"status": "=inactive", "middle_name": "sis"}, "", 1)
    assert role_needed(decision) is Role.ADMIN
    assert role_needed(replace(decision, choices={"status": "sis"})) is Role.OPERATOR
    mend = MendDead(1, {"school_enrollment.Enroll_Status": "2"}, "", "told")
    assert role_needed(mend) is Role.ADMIN
    assert role_needed(replace(mend, fields={"name.last": "status"})) is Role.OPERATOR


@pytest.mark.parametrize(
    ("account", "rules", "role"),
    [
        (OWNER, UNSAID, Role.ADMIN),
        (ROOT, UNSAID, Role.ADMIN),
        (KIM, UNSAID, Role.VIEWER),
        (OWNER, LISTED, Role.VIEWER),
        (ROOT, LISTED, Role.VIEWER),
        (Account("alice", 5), LISTED, Role.ADMIN),
        (KIM, LISTED, Role.OPERATOR),
        (EVA, LISTED, Role.VIEWER),
        (Account("pat", 1007), LISTED, Role.OPERATOR),
        (Account("bob", 1003, frozenset({"wheel"})), LISTED, Role.VIEWER),
        (Account("stranger", 6), LISTED, Role.VIEWER),
        (Account("alice", 5), RoleRules({}, 5), Role.VIEWER),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_accounts_and_groups_make_roles(account: Account, rules: RoleRules, role: Role) -> None:
    assert role_of(Person(account), rules) is role


@pytest.mark.parametrize(
    ("account", "login", "role"),
    [
        (Account("alice", 5), KIM, Role.OPERATOR),
        (KIM, Account("alice", 5), Role.OPERATOR),
        (EVA, Account("alice", 5), Role.VIEWER),
        (Account("alice", 5), EVA, Role.VIEWER),
        (Account("alice", 5), ROOT, Role.ADMIN),
        (Account("alice", 5), Account("stranger", 6), Role.ADMIN),
    ],
    ids=["lowered", "not raised", "no sudo raises", "viewer behind admin", "root says nothing", "unnamed"],
)
def test_a_login_behind_sudo_lowers_and_never_raises(account: Account, login: Account, role: Role) -> None:
    assert role_of(Person(account, login), LISTED) is role


def test_an_actor_is_written_and_read_alike() -> None:
    assert accounts_in(str(Person(KIM))) == [("kim", 1001)]
    assert accounts_in(str(Person(ROOT, KIM))) == [("root", 0), ("kim", 1001)]


@pytest.mark.parametrize(
    "text", ["", "kim", "kim(x)", "kim(1) ", "a b(1)", "run:3", "kim(1) as ", "kim(1)(0)", "(0)"]
)
def test_what_is_no_account_is_read_as_none(text: str) -> None:
    assert accounts_in(text) == []

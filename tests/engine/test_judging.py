"""The engine judges the actor of every row anew, whatever was checked before and whatever the row says of itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from siscon.config import Settings
from siscon.domain.commands import (
    Command,
    CommandRow,
    CommandStatus,
    NoteDenial,
    PauseIntegration,
    StopEngine,
)
from siscon.domain.roles import Role
from siscon.engine import inbox
from siscon.engine.judging import judge_of
from siscon.ops.actor import current_actor
from siscon.store import audit, commands, integrations
from support.fake_sis import FakeSis
from support.house import NAME, TestHouse, test_house

ME = current_actor()
MY_NAME = ME.partition("(")[0]


def settings(home: Path, **roles: list[str]) -> Settings:
    return Settings.model_validate({"home": home, **({"roles": roles} if roles else {})})


@pytest.fixture
async def house(tmp_path: Path) -> Iterator[TestHouse]:  # type: ignore[misc] # an asynchronous fixture
    async with test_house(tmp_path, FakeSis()) as made:
        yield made


async def carried_out(house: TestHouse, command: Command, actor: str, rules: Settings) -> CommandRow:
    async with house.db.transaction() as c:
        id_ = await commands.leave(c, command, actor=actor, now_ms=1)
    await inbox.carry_out(
        house.db, vault=house.vault, live=None, judge=judge_of(rules), now_ms=lambda: house.now_ms
    )
    async with house.db.read() as c:
        row = await commands.get(c, id_)
    assert row is not None
    return row


async def is_paused(house: TestHouse) -> bool:
    async with house.db.read() as c:
        found = await integrations.one(c, NAME)
    assert found is not None
    return found.paused


@pytest.mark.parametrize(
    "actor",
    [
        "no.such.account(4000000000)",
        f"{MY_NAME}(4000000000)",
        f"somebody.else({os.getuid()})",
        "root(1)",
        "admin",
        "",
        f"{ME} ",
        f"no.such.account(4000000000) as {ME}",
        "run:1",
        "webhook:x",
    ],
)
async def test_an_actor_whom_this_machine_does_not_know_gets_nothing(
    house: TestHouse, tmp_path: Path, actor: str
) -> None:
    row = await carried_out(house, PauseIntegration(NAME), actor, settings(tmp_path))

    assert row.status is CommandStatus.REFUSED
    assert not await is_paused(house)
    async with house.db.read() as c:
        [act] = await audit.entries(c)
    assert (act.actor, act.action, act.detail["role"]) == (actor, "pause_integration denied", "unknown")


@pytest.mark.parametrize(
    ("roles", "command", "does"),
    [
        ({"viewers": [MY_NAME]}, PauseIntegration(NAME), False),
        ({"admins": ["somebody-else"]}, PauseIntegration(NAME), False),
        ({"operators": [str(os.getuid())]}, PauseIntegration(NAME), True),
        ({"operators": [MY_NAME]}, StopEngine("one"), False),
        ({}, PauseIntegration(NAME), True),
    ],
    ids=["viewer", "not named", "operator", "operator asks for more", "owner of the home"],
)
async def test_the_role_of_this_moment_decides_in_the_transaction_of_the_effect(
    house: TestHouse,
    tmp_path: Path,
    roles: dict[str, list[str]],
    command: PauseIntegration | StopEngine,
    does: bool,
) -> None:
    row = await carried_out(house, command, ME, settings(tmp_path, **roles))

    assert (row.status is CommandStatus.DONE) is does
    assert await is_paused(house) is (does and isinstance(command, PauseIntegration))
    async with house.db.read() as c:
        [act] = await audit.entries(c)
    assert act.action == f"{command.kind}{'' if does else ' denied'}"
    assert "administrator" in row.answer or does


def test_a_role_that_was_taken_away_is_gone_for_what_already_waits(tmp_path: Path) -> None:
    assert judge_of(settings(tmp_path, operators=[MY_NAME]))(ME) is Role.OPERATOR
    assert judge_of(settings(tmp_path, viewers=[MY_NAME]))(ME) is Role.VIEWER


def sample(kind: type[Any]) -> Any:
    """A command of a kind, as somebody might write it by hand."""
    values: dict[str, Any] = {"int": 1, "int | None": None, "float": 0.5, "bool": True, "str": NAME}
    told = {}
    for one in fields(kind):
        plain = str(one.type)
        told[one.name] = (
            () if plain.startswith("tuple") else {} if plain.startswith("Mapping") else values[plain]
        )
    return kind(**told)


@pytest.mark.parametrize(
    "kind", [one for one in get_args(Command) if one is not NoteDenial], ids=lambda one: one.kind
)
async def test_a_row_that_a_viewer_wrote_by_hand_changes_nothing(
    house: TestHouse, tmp_path: Path, kind: type[Any]
) -> None:
    before = await everything(house)

    row = await carried_out(house, sample(kind), ME, settings(tmp_path, viewers=[MY_NAME]))

    assert row.status is CommandStatus.REFUSED
    assert await everything(house) == before
    async with house.db.read() as c:
        [act] = await audit.entries(c)
    assert (act.action, act.detail["role"]) == (f"{kind.kind} denied", "viewer")


async def everything(house: TestHouse) -> dict[str, list[dict[str, Any]]]:
    """All that the database holds but the inbox and the audit with its key."""
    tables = await house.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    own = ("audit", "commands", "secrets", "sqlite_sequence")
    return {
        one["name"]: await house.rows(f"SELECT * FROM {one['name']}")
        for one in tables
        if one["name"] not in own
    }

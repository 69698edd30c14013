"""A viewer changes nothing through any command, and each try is an act in the audit."""

from __future__ import annotations

import asyncio
import importlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest

from siscon import runtime
from siscon.cli import needs
from siscon.cli.commands import COMMANDS, run
from siscon.engine.activation import activate_all
from siscon.engine.moments import wall_ms
from siscon.providers import registry
from siscon.store.os_accounts import account_of

OF_THE_INSTALLATION = ("audit", "commands", "secrets", "sqlite_sequence", "sqlite_stat1", "schema_migrations")
"""What a denial itself writes into: the audit with its key, and the inbox."""
MACHINES = {"serve", "webhooks serve"}
"""What the account of the service may start in any role: tried apart."""


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*path, name))
    else:
        yield " ".join(path), command


ALL = {
    path: command
    for name, (module, _line) in COMMANDS.items()
    for path, command in leaves(getattr(importlib.import_module(f"siscon.cli.{module}"), name), (name,))
}
ACTS = sorted((needs.OPERATORS | needs.ADMINS) - MACHINES)


def test_every_command_says_which_role_it_needs() -> None:
    placed = [*needs.ANYBODY, *needs.OPERATORS, *needs.ADMINS]

    assert len(placed) == len(set(placed))
    assert set(placed) == set(ALL), "put a new command into cli/needs.py"


MORE = {"tokens revoke": ["north"], "notices mute": ["--off"], "backfill": ["--since", "2030-01-01"]}
"""What a line needs that no parameter says by itself."""


def least(command: click.Command, file: Path) -> list[str]:
    """The shortest line that the command takes."""
    told = []
    for one in command.params:
        if not one.required and not (isinstance(one, click.Argument) and one.nargs == -1):
            continue
        if isinstance(one, click.Option):
            told.append(one.opts[0])
        kinds = one.type.types if isinstance(one.type, click.types.Tuple) else [one.type]
        told += [_value(kind, file) for kind in kinds]
    return told + ["--yes"] * any("--yes" in one.opts for one in command.params)


def _value(kind: click.ParamType, file: Path) -> str:
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    if isinstance(kind, click.Path):
        return str(file)
    if isinstance(kind, click.DateTime):
        return "2030-01-01"
    return "1" if isinstance(kind, click.types.IntParamType | click.types.FloatParamType) else "north"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of an installation in which this account may only look."""
    folder = tmp_path_factory.mktemp("viewer")
    config = folder / "config.yaml"
    me = account_of(os.getuid()).name
    config.write_text(
        f"home: home\nroles:\n  viewers: [{me}]\nintegrations:\n  north:\n    provider: powerschool\n"
        "    base_url: http://127.0.0.1:9\n    client_id: id\n    client_secret: ${SECRET:-x}\n",
        encoding="utf-8",
    )
    config.chmod(0o600)

    async def begin() -> None:
        settings = runtime.load_settings(config)
        async with runtime.open_house(settings) as house:
            await activate_all(house.db, settings, load_provider=registry.load, now_ms=wall_ms)

    asyncio.run(begin())
    return folder


def content(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the database holds but what a denial writes into, and the files of the home."""
    with closing(sqlite3.connect(folder / "home" / "siscon.db")) as db:
        tables = [
            row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        ]
        found = {
            one: db.execute(f"SELECT * FROM {one}").fetchall()
            for one in tables
            if one not in OF_THE_INSTALLATION
        }
    files = [
        one
        for one in (folder / "home").iterdir()
        if not one.name.startswith("siscon.db") and one.name != "logs"
    ]
    return {**found, "files": sorted((one.name,) for one in files)}


def acts(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "home" / "siscon.db")) as db:
        return db.execute("SELECT action, detail FROM audit ORDER BY seq").fetchall()


@pytest.mark.parametrize("path", ACTS)
def test_a_viewer_is_refused_and_the_audit_tells_it(
    home: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, told = content(home), len(acts(home))

    code = run(
        [
            "--config",
            str(home / "config.yaml"),
            *path.split(),
            *least(ALL[path], home / "config.yaml"),
            *MORE.get(path, []),
        ]
    )

    said = capsys.readouterr().err
    assert code == 2, said
    assert "Your role (viewer) may not do this" in said
    assert content(home) == before
    new = acts(home)[told:]
    assert [action for action, _ in new] == ["note_denial"]
    assert '"role":"viewer"' in new[0][1]


@pytest.mark.parametrize("words", [["show", "health", "--at", "05:00"], ["replay", "siscon.db"]])
def test_a_viewer_sees_no_file_of_the_past_which_has_no_mask(
    home: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--config", str(home / "config.yaml"), *words]) == 2
    assert "Your role (viewer)" in capsys.readouterr().err

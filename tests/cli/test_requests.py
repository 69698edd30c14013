"""Requests on the command line: listed with their answers, and taken back; and what a production profile has typed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from siscon.cli import commands
from siscon.cli.options import sure
from siscon.domain.commands import PauseIntegration
from siscon.domain.errors import UsageError
from siscon.domain.roles import Role
from siscon.ops.commands import submit
from siscon.store.sqlite import open_database

CONFIG = """
home: here
integrations:
  north:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: abc
    client_secret: ${NORTH_SECRET:-s3cr3t-canary}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def ran(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str) -> tuple[int, str, str]:
    code = commands.run([*arguments, "--config", str(config)])
    told = capsys.readouterr()
    return code, told.out, told.err


async def asked(config: Path) -> int:
    """What a console has left, a minute before anybody may carry it out."""
    db = await open_database(config.parent / "here" / "siscon.db")
    try:
        return await submit(
            db, PauseIntegration("north"), actor="ann(1000)", role=Role.OPERATOR, grace_ms=60_000
        )
    finally:
        await db.close()


def test_what_lies_is_listed_and_taken_back_and_too_late_is_2(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    assert ran(capsys, config, "integrations", "pause", "north")[0] == 0
    number = asyncio.run(asked(config))

    code, out, _ = ran(capsys, config, "requests", "list", "--waiting", "--json")
    (row,) = [json.loads(line) for line in out.splitlines()]
    assert (code, row["id"], row["kind"], row["status"]) == (0, number, "pause_integration", "pending")
    assert row["asked"] == {"integration": "north", "until_ms": None}

    code, out, _ = ran(capsys, config, "requests", "take-back", str(number), "--json")
    assert (code, json.loads(out)["status"]) == (0, "taken_back")
    assert "take_back" in ran(capsys, config, "audit", "list")[1]

    code, out, err = ran(capsys, config, "requests", "take-back", str(number))
    assert (code, out) == (2, "")
    assert f"Too late: request {number} was answered." in err
    assert "No request waits." in ran(capsys, config, "requests", "list", "--waiting")[1]


@pytest.mark.parametrize(("typed", "ends"), [("district-9", 0), ("yes", 1), ("", 1)])
def test_a_word_is_typed_where_nothing_brings_back_what_is_done(
    monkeypatch: pytest.MonkeyPatch, typed: str, ends: int
) -> None:
    monkeypatch.setattr("siscon.cli.options.has_person", lambda: True)

    @click.command()
    @click.option("--yes", is_flag=True)
    def remove(*, yes: bool) -> None:
        sure("Remove it?", yes=yes, word="district-9")

    runner = CliRunner()
    assert runner.invoke(remove, input=f"{typed}\n").exit_code == ends
    assert runner.invoke(remove, ["--yes"]).exit_code == 0


def test_where_nobody_can_type_a_yes_must_have_been_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("siscon.cli.options.has_person", lambda: False)
    with pytest.raises(UsageError, match="add --yes"):
        sure("Remove it?", yes=False, word="district-9")

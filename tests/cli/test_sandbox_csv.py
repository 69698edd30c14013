"""From an exported zip to the roster and back, by commands alone: what is imported is what the sandbox holds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from siscon.cli import commands
from siscon.sandbox.state import SandboxState, path_for
from support.csv_drops import CONFIG


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = commands.run(list(arguments))
    return code, capsys.readouterr().out


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    SandboxState(seed=3, students=60, day=0, port=0, path=path_for(0, tmp_path / "box")).save()
    (tmp_path / "config.yaml").write_text(
        CONFIG.format(home=tmp_path / "home", drop=tmp_path / "drop") + "    incremental: true\n",
        encoding="utf-8",
    )
    return tmp_path


def test_what_is_exported_and_imported_is_the_truth(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box, config = ("--home", str(place / "box")), ("--config", str(place / "config.yaml"))
    drop = str(place / "drop")
    code, out = ran(capsys, "sandbox", "csv", drop, "--json", *box)
    assert code == 0
    os.utime(rows(out)[0]["file"], (1_000, 1_000))
    code, out = ran(capsys, *config, "sync", "drop", "--wait", "--json")
    assert code == 0, out

    for entity in ("school", "staff", "student", "section", "enrollment"):
        listed = rows(ran(capsys, *config, "records", "list", "--entity", entity, "--json")[1])
        told = ("--integration", "oneroster", "--entity", entity, "--json")
        truth = rows(ran(capsys, "sandbox", "truth", *told, *box)[1])
        wanted = {one["external_id"] for one in truth if one["status"] != "inactive"}
        assert {one["external_id"] for one in listed} == wanted

    ran(capsys, "sandbox", "advance", *box)
    code, out = ran(capsys, "sandbox", "csv", drop, "--delta", "--version", "1.2", "--json", *box)
    assert rows(out)[0]["file"].endswith("oneroster-delta-day001.zip")
    code, out = ran(capsys, *config, "sync", "drop", "--wait", "--json")
    assert code in (0, 1, 4), out  # records that come broken are told of


def test_an_export_that_makes_no_sense_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = ("--home", str(place / "box"))

    assert ran(capsys, "sandbox", "csv", str(place), "--integration", "powerschool", *box)[0] == 2
    assert ran(capsys, "sandbox", "csv", str(place), "--delta", *box)[0] == 2

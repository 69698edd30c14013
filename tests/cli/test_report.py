"""``siscon report`` as a shell runs it: over the database, over a backup, into a file."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import stat
from pathlib import Path

import pytest

from siscon.cli import commands
from siscon.store.sqlite import open_database
from support.console_data import fill

CONFIG = "home: home\ntime_zone: Europe/Oslo\nintegrations: {}\n"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")

    async def make() -> None:
        db = await open_database(folder / "home" / "siscon.db", synchronous="normal")
        await fill(db)
        await db.close()

    asyncio.run(make())
    file = folder / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def ran(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str) -> tuple[int, str, str]:
    code = commands.run(["--config", str(config), "report", *arguments])
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return code, told.out, told.err


@pytest.mark.parametrize(
    "asked",
    [("history",), ("success", "--week", "2026-11-20"), ("run", "3"), ("trend", "harbor"), ("morning",)],
    ids=str,
)
@pytest.mark.parametrize("form", ["text", "json", "csv", "html", "md"])
def test_every_report_is_written_in_every_form_over_a_backup(
    capsys: pytest.CaptureFixture[str], config: Path, asked: tuple[str, ...], form: str
) -> None:
    backup = config.parent / "home" / "siscon.db"
    before = backup.read_bytes()
    code, out, err = ran(capsys, config, *asked, "--format", form, "--database", str(backup))

    assert (code, err) == (0, "")
    assert len(out.splitlines()) > 3
    assert backup.read_bytes() == before


def test_a_file_is_for_its_owner_and_has_its_name_when_it_is_whole(
    capsys: pytest.CaptureFixture[str], config: Path, tmp_path: Path
) -> None:
    target, elsewhere = tmp_path / "report.csv", tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    target.symlink_to(elsewhere)
    database = ("--database", str(config.parent / "home" / "siscon.db"))
    code, out, err = ran(capsys, config, "history", "--format", "csv", "--output", str(target), *database)

    assert (code, out) == (0, "")
    assert "Written to" in err
    assert elsewhere.read_text() == "untouched"
    assert stat.S_IMODE(os.lstat(target).st_mode) == 0o600
    assert len(list(csv.DictReader(target.read_text().splitlines()))) > 10
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_the_database_of_the_configuration_is_only_looked_at(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    code, out, _ = ran(capsys, config, "success", "--json")

    assert code == 0
    assert json.loads(out)["time_zone"] == "Europe/Oslo"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("run", "999"), 2, "There is no run 999"),
        (("trend", "east"), 2, "There is no integration 'east'"),
        (("history", "--last", "soon"), 2, "no length of time"),
        (("history", "--day", "--week"), 2, "not several"),
        (("history", "--json", "--format", "csv"), 2, "not both"),
        (("morning", "--output", "/nowhere/at/all"), 2, "cannot be written"),
        (("history", "--database", "/nowhere.db"), 1, "is not there"),
    ],
    ids=str,
)
def test_what_cannot_be_reported_is_a_sentence_and_a_code(
    capsys: pytest.CaptureFixture[str], config: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    found, out, err = ran(capsys, config, *arguments)

    assert (found, out) == (code, "")
    assert sentence in err

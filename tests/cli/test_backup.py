"""``siscon backup`` and ``siscon chores`` as commands, without an engine: what they print, and how they end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from siscon.cli.commands import run
from siscon.store import keys


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (keys.CREDENTIALS, keys.NAMED_FILE, keys.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "config.yaml"
    config.write_text(f"home: '{tmp_path / 'home'}'\nintegrations: {{}}\n")
    monkeypatch.setenv("SISCON_CONFIG", str(config))
    return tmp_path / "home"


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_backup_is_made_listed_and_verified(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["backup", "list"]) == 0
    assert "siscon backup now" in capsys.readouterr().out
    assert run(["backup", "verify"]) == 2
    capsys.readouterr()

    assert run(["backup", "now"]) == 0
    assert "The key is not in it" in capsys.readouterr().err
    assert run(["backup", "list", "--json"]) == 0
    [listed] = rows(capsys)
    assert (listed["acts"], listed["listed"]) == (1, True)
    assert run(["backup", "verify", "--json"]) == 0
    [verified] = rows(capsys)
    assert (verified["state"], verified["sha256"]) == ("sound", listed["sha256"])

    old = Path(str(listed["file"])).with_name("siscon-20250101T000000Z.db")
    old.write_bytes(Path(str(listed["file"])).read_bytes())
    assert run(["backup", "list"]) == 0
    told = capsys.readouterr()
    assert (old.name in told.out, "made by an earlier siscon" in told.err) == (True, True)
    assert run(["backup", "verify", "--json"]) == 0
    assert [row["state"] for row in rows(capsys)] == ["sound", "sound"]

    Path(str(listed["file"])).write_bytes(b"nothing")
    assert run(["backup", "verify", str(listed["file"]), "--json"]) == 1
    assert rows(capsys)[0]["state"] == "damaged"


def test_chores_are_listed_and_done_at_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chores", "list"]) == 0
    assert "no chore is known" in capsys.readouterr().out
    assert run(["chores", "run", "tea"]) == 2
    assert "There is no chore 'tea'" in capsys.readouterr().err

    assert run(["chores", "run", "backup", "--json"]) == 0
    [told] = rows(capsys)
    assert (told["name"], told["state"]) == ("backup", "ok")
    assert run(["chores", "list", "--json"]) == 0
    assert [row["state"] for row in rows(capsys) if row["name"] == "backup"] == ["ok"]


def test_a_chore_that_fails_ends_with_1_and_says_why(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    (home / "backups").write_text("in the way")

    assert run(["backup", "now"]) == 1
    assert "backup failed: No backup was made" in capsys.readouterr().err


def test_a_backup_is_restored_after_saying_what_that_replaces(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["backup", "now"]) == 0
    capsys.readouterr()
    assert run(["backup", "list", "--json"]) == 0
    file = str(rows(capsys)[0]["file"])
    assert run(["chores", "run", "tea"]) == 2
    capsys.readouterr()

    assert run(["backup", "restore", file, "--reason", "a mistake"]) == 2
    told = capsys.readouterr().err
    assert "What came after the backup goes with it: 2 acts" in told
    assert "add --yes" in told
    assert run(["backup", "restore", file, "--reason", "a mistake", "--yes", "--json"]) == 0
    [done] = rows(capsys)
    assert Path(str(done["kept"])).exists()
    assert run(["audit", "verify"]) == 0
    capsys.readouterr()
    assert run(["audit", "list", "--json"]) == 0
    assert [row["action"] for row in rows(capsys)] == ["run_chore", "restore backup"]


def test_where_nothing_could_be_taken_over_from_what_was_there_it_is_said(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["backup", "now"]) == 0
    capsys.readouterr()
    assert run(["backup", "list", "--json"]) == 0
    file = str(rows(capsys)[0]["file"])
    (home / "siscon.db").write_bytes(b"no database at all" * 500)

    assert run(["backup", "restore", file, "--reason", "it broke", "--yes"]) == 0
    assert "Nothing newer was taken over from what was there" in capsys.readouterr().err


def test_a_purge_shows_first_and_needs_a_yes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["purge", "--preview"]) == 0
    assert "Nothing is too old." in capsys.readouterr().out
    logs = home / "logs"
    logs.mkdir()
    (logs / "crash-ab.txt").write_text("x")
    os.utime(logs / "crash-ab.txt", (1, 1))
    assert run(["purge", "--preview", "--json"]) == 0
    assert [(row["what"], row["count"]) for row in rows(capsys)] == [("log files", 1)]
    assert run(["purge"]) == 2
    assert "add --yes" in capsys.readouterr().err
    assert run(["purge", "--yes"]) == 0
    told = capsys.readouterr()
    assert "retention: 1 log file went." in told.out
    assert not (logs / "crash-ab.txt").exists()

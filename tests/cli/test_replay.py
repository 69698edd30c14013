"""``siscon replay`` and its twin in text: what they open, what they refuse, and that the file stays as it was."""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

import pytest

from siscon.cli import commands
from siscon.store.sqlite import open_database
from support.console_data import Names, fill
from support.terminals import on_a_terminal


@pytest.fixture
def backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    async def make() -> Path:
        path = tmp_path / "backup" / "yesterday.db"
        db = await open_database(path, synchronous="normal")
        await fill(db, names=Names())
        await db.close()
        return path

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SISCON_CONFIG", raising=False)
    return asyncio.run(make())


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run(list(arguments))
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return code, told.out, told.err


def test_a_screen_of_a_backup_is_told_as_it_was(capsys: pytest.CaptureFixture[str], backup: Path) -> None:
    before = hashlib.sha256(backup.read_bytes()).hexdigest()

    code, out, err = ran(capsys, "show", "syncs", "--database", str(backup), "--at", "2026-11-20T14:05")

    assert (code, err) == (0, "")
    assert "REPLAY Nov 20 14:05" in out
    assert "Run: #20; Integration: harbor; End: running" in out
    assert hashlib.sha256(backup.read_bytes()).hexdigest() == before
    assert [one.name for one in backup.parent.iterdir()] == ["yesterday.db"]


def test_the_database_of_the_configuration_has_a_past_too(
    capsys: pytest.CaptureFixture[str], backup: Path
) -> None:
    Path("config.yaml").write_text("home: backup\ntime_zone: America/Chicago\nintegrations: {}\n")
    backup.rename(backup.with_name("siscon.db"))

    code, out, _ = ran(capsys, "show", "health", "--at", "2026-11-20T08:05")

    assert code == 0
    assert "REPLAY 08:05" in out, "in the zone of the configuration, of the last day there"


def test_beside_a_configuration_that_is_broken_the_times_are_in_utc(
    capsys: pytest.CaptureFixture[str], backup: Path
) -> None:
    Path("config.yaml").write_text("nonsense: 1\n")

    code, out, err = ran(capsys, "show", "health", "--database", str(backup))

    assert code == 0
    assert "REPLAY 01:55" in out
    assert "times are in UTC" in err
    code, out, err = ran(capsys, "show", "health", "--database", str(backup), "--config", "config.yaml")
    assert (code, out) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--at", "nonsense"), 2, "is no time"),
        (("--at", "2020-01-01T00:00"), 2, "The file tells of"),
        (("--database", "nowhere.db"), 1, "nowhere.db"),
    ],
)
def test_what_there_is_not_is_a_sentence(
    capsys: pytest.CaptureFixture[str], backup: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    found, out, err = ran(capsys, "show", "health", "--database", str(backup), *arguments)

    assert (found, out) == (code, "")
    assert sentence in err


def test_the_screen_needs_a_terminal(capsys: pytest.CaptureFixture[str], backup: Path) -> None:
    code, _, err = ran(capsys, "replay", str(backup))

    assert code == 2
    assert "terminal" in err


def test_a_backup_opens_in_the_screens_and_is_left_as_it_was(backup: Path) -> None:
    before = hashlib.sha256(backup.read_bytes()).hexdigest()

    code, seen = on_a_terminal("replay", str(backup), steps=[(b"lakeside", b"q")])

    assert code == 0
    assert b"REPLAY 01:55" in seen
    assert hashlib.sha256(backup.read_bytes()).hexdigest() == before
    assert [one.name for one in backup.parent.iterdir()] == ["yesterday.db"], "no engine, no log"


def test_a_time_that_is_none_ends_with_a_sentence_on_the_terminal(backup: Path) -> None:
    code, seen = on_a_terminal("replay", str(backup), "--at", "nonsense")

    assert code == 2
    assert b"'nonsense' is no time" in seen


@pytest.mark.parametrize(
    "words",
    [("--ascii", "--theme", "mono", "replay"), ("replay", "--ascii", "--theme", "mono")],
    ids=" ".join,
)
def test_it_looks_and_obeys_as_the_console_does(backup: Path, words: tuple[str, ...]) -> None:
    Path("config.yaml").write_text("home: home\nintegrations: {}\nconsole: {keys: {quit: [Q]}}\n")

    code, seen = on_a_terminal(*words, str(backup), steps=[(b"lakeside", b"Q")])

    assert code == 0
    assert b"x FAILING" in seen, "a sign of ASCII, and the key that was pressed a moved one"
    assert not re.search(rb"\x1b\[[0-9;]*[34]8;", seen), "no colours"

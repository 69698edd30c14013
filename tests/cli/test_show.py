"""``siscon show``: a screen on standard output, without a terminal, an engine or a way to write."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from siscon.cli import commands
from siscon.store.sqlite import open_database
from support.console_data import Names, fill

CONFIG = "home: home\nintegrations: {}\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    async def make() -> None:
        db = await open_database(tmp_path / "home" / "siscon.db", synchronous="normal")
        await fill(db, names=Names())
        await db.close()

    asyncio.run(make())
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run(list(arguments))
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return code, told.out, told.err


def test_a_screen_is_printed_without_a_terminal_and_without_an_engine(config: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "siscon", "--config", str(config), "show", "health"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Health.\n")
    assert "Integration: harbor; " in done.stdout
    assert "\x1b" not in done.stdout
    assert not (config.parent / "home" / "logs").exists(), "no engine was started, nothing was left"


def test_rows_as_json_have_a_key_for_each_column(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    code, out, _ = ran(capsys, "show", "errors", "--json", "--config", str(config))
    rows = [json.loads(line) for line in out.splitlines()]

    assert code == 0
    assert {
        "screen",
        "part",
        "records",
        "integration",
        "entity",
        "cause",
        "field",
        "last_seen",
        "reason",
    } == set(next(row for row in rows if row["part"] == "list"))


def test_long_lines_are_folded(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    _, out, _ = ran(capsys, "show", "health", "--width", "60", "--config", str(config))

    assert max(map(len, out.splitlines())) <= 60


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nonsense",), "There is no screen 'nonsense'"),
        (("run", "999"), "There is no run 999"),
        (("run",), "Write: siscon show run RUN"),
        (("health", "--text", "--json"), "not both"),
        (("health", "--limit", "0"), "--limit"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence_and_2(
    capsys: pytest.CaptureFixture[str], config: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, err = ran(capsys, "show", *arguments, "--config", str(config))

    assert (code, out) == (2, "")
    assert sentence in err


def test_a_database_that_is_not_there_is_a_sentence_and_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")

    code, out, err = ran(capsys, "show", "health", "--config", str(file))

    assert (code, out) == (1, "")
    assert "siscon.db" in err
    assert not (tmp_path / "home").exists(), "looking makes nothing"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("schedules",), "Schedules."),
        (("activity",), "run started of northfield"),
        (("compare", "harbor"), "Imports side by side."),
        (("help",), "Keys."),
        (("help", "errors"), "Try all records of this cause again"),
        (("dead", "harbor", "student", "bad_date"), "Errors of one cause."),
        (("record", "harbor", "student", "S-104-77-0000"), "Record."),
        (("found", "S-104-77-0000"), "Records found."),
    ],
    ids=str,
)
def test_every_kind_of_screen_is_printed_by_its_name(
    capsys: pytest.CaptureFixture[str], config: Path, words: tuple[str, ...], said: str
) -> None:
    code, out, err = ran(capsys, "show", *words, "--config", str(config))

    assert (code, err) == (0, "")
    assert said in out
    assert len(out.splitlines()) > 3


def test_the_doctor_is_printed_when_the_examination_has_ended(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    code, out, _ = ran(capsys, "show", "doctor", "--json", "--config", str(config))
    rows = [json.loads(line) for line in out.splitlines()]
    checks = {row["what"] for row in rows if "what" in row}

    assert code == 0
    assert {"heartbeat", "database", "configuration", "space"} <= checks
    assert "examining" not in out


def test_what_goes_on_is_printed_as_narrowed_as_on_the_screen(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    code, out, _ = ran(
        capsys,
        "show",
        "activity",
        "--where",
        "level=warning integration=harbor",
        "--json",
        "--config",
        str(config),
    )
    rows = [row for row in map(json.loads, out.splitlines()) if "level" in row]

    assert code == 0
    assert {(row["level"], row["integration"]) for row in rows} == {("WARNING", "harbor")}


def test_exact_times_are_told_with_their_offset(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    file = config.with_name("chicago.yaml")
    file.write_text(f"{CONFIG}time_zone: America/Chicago\n", encoding="utf-8")
    code, out, _ = ran(capsys, "show", "error", "1", "--exact", "--config", str(file))

    assert code == 0
    assert re.search(r"First seen; .*Nov 20 \d\d:\d\d UTC-06:00", out)
    assert " ago" not in out

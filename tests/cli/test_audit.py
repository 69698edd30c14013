"""The audit on the command line: chosen acts, and a copy that others check with the key alone."""

from __future__ import annotations

import asyncio
import csv
import hmac
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from siscon import runtime
from siscon.cli.commands import run
from siscon.store import audit


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text("home: home\n", encoding="utf-8")

    async def fill() -> None:
        async with runtime.open_house(runtime.load_settings(file)) as house:
            for seq in range(1, 13):
                actor = "kim(1001)" if seq % 2 else "=root(0)"
                told: dict[str, Any] = {"role": "operator", "n": seq, "why": 'a "line"\n\t\x01é'}
                async with house.db.transaction() as c:
                    await audit.append(
                        c,
                        house.vault,
                        actor=actor,
                        action="start_run denied" if seq % 3 == 0 else "start_run",
                        target="harbor" if seq < 9 else "'mesa",
                        detail=told,
                        at_ms=seq * 86_400_000,
                    )

    asyncio.run(fill())
    return file


def said(capsys: pytest.CaptureFixture[str], config: Path, *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run(["--config", str(config), "audit", *words]) == code
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "seqs"),
    [
        ([], list(range(1, 13))),
        (["--actor", "KIM"], [1, 3, 5, 7, 9, 11]),
        (["--action", "denied"], [3, 6, 9, 12]),
        (["--action", "start run denied", "--actor", "kim"], [3, 9]),
        (["--target", "mesa"], [9, 10, 11, 12]),
        (["--since", "1970-01-11T00:00"], [10, 11, 12]),
        (["--since", "1970-01-11T00:00", "--until", "1970-01-12"], [10]),
        (["--where", "act<4 kim"], [1, 3]),
        (["--limit", "2"], [11, 12]),
        (["--limit", "1", "--target", "harbor"], [8]),
    ],
)
def test_acts_are_chosen(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], seqs: list[int]
) -> None:
    rows = [json.loads(line) for line in said(capsys, config, "list", "--json", *words).splitlines()]

    assert [row["seq"] for row in rows] == seqs
    assert {row["role"] for row in rows} == {"operator"}


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_is_checked_by_the_key_alone(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str
) -> None:
    file, key = tmp_path / f"acts.{form}", tmp_path / "key"
    said(capsys, config, "export", str(file), "--target", "harbor")
    said(capsys, config, "key", str(key))
    config.unlink()

    told = json.loads(said(capsys, config, "verify", "--file", str(file), "--key", str(key), "--json"))
    assert told == {"whole": True, "acts": 8, "first": 1, "last": 8, "first_bad": None, "left_out": 0}
    assert (file.stat().st_mode & 0o777, key.stat().st_mode & 0o777) == (0o600, 0o600)


def test_what_the_document_says_proves_every_act(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file, key = tmp_path / "acts.jsonl", tmp_path / "key"
    said(capsys, config, "export", str(file))
    said(capsys, config, "key", str(key))

    for act in map(json.loads, file.read_text().splitlines()):
        parts = [act["seq"], act["at_ms"], act["actor"], act["action"], act["target"], act["detail"]]
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        sealed = hmac.digest(
            bytes.fromhex(key.read_text()), bytes.fromhex(act["before"]) + text.encode(), "sha256"
        )
        assert sealed.hex() == act["seal"]


@pytest.mark.parametrize("harm", ["edit", "before", "swap", "twice", "first"])
def test_a_changed_export_is_found(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, harm: str
) -> None:
    file = tmp_path / "acts.jsonl"
    said(capsys, config, "export", str(file))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    match harm:
        case "edit":
            rows[4]["actor"] = "eva(2)"
        case "before":
            rows[4]["before"] = "00" * 32
        case "swap":
            rows[4], rows[5] = rows[5], rows[4]
        case "twice":
            rows.insert(5, rows[4])
        case "first":
            rows[0]["before"] = "00" * 32
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    told = json.loads(said(capsys, config, "verify", "--file", str(file), "--json", code=1))
    assert told["first_bad"] == {"first": 1, "swap": 5}.get(harm, 5)


def test_acts_that_a_file_does_not_hold_are_counted(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "acts.csv"
    said(capsys, config, "export", str(file), "--actor", "kim")

    assert json.loads(said(capsys, config, "verify", "--file", str(file), "--json"))["left_out"] == 5
    with file.open(newline="") as told:
        assert [row["seq"] for row in csv.DictReader(told)] == ["1", "3", "5", "7", "9", "11"]


def test_an_export_is_an_act_and_what_is_no_export_is_told(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "acts.jsonl"
    said(capsys, config, "export", str(file))
    [row] = [
        json.loads(one) for one in said(capsys, config, "list", "--json", "--action", "export").splitlines()
    ]
    assert (row["target"], row["detail"]["rows"]) == ("audit", 12)
    assert json.loads(said(capsys, config, "verify", "--json"))["uncovered"] == 0

    file.write_text('{"seq": 1}\n')
    assert run(["--config", str(config), "audit", "verify", "--file", str(file)]) == 2


def test_an_act_that_siscon_never_wrote_is_named_instead_of_exported(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "acts.jsonl"
    with closing(sqlite3.connect(tmp_path / "home" / "siscon.db")) as db, db:
        db.execute("CREATE TABLE loose AS SELECT * FROM audit")
        db.execute("UPDATE loose SET seal = NULL WHERE seq = 5")
        db.execute("DROP TABLE audit")
        db.execute("ALTER TABLE loose RENAME TO audit")

    assert run(["--config", str(config), "audit", "export", str(file)]) == 1
    assert "siscon: Act 5 of the audit was changed" in capsys.readouterr().err
    assert not file.exists()
    assert json.loads(said(capsys, config, "verify", "--json", code=1))["first_bad"] == 5
    said(capsys, config, "export", str(file), "--where", "act<5")


def test_what_the_audit_cannot_tell_of_is_not_done_later_either(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "bundle.zip"
    with closing(sqlite3.connect(tmp_path / "home" / "siscon.db")) as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END")

        assert run(["--config", str(config), "chores", "run", "backup"]) == 1
        assert run(["--config", str(config), "support", "bundle", "--output", str(bundle)]) == 1

        asked = db.execute(
            "SELECT kind, status FROM commands WHERE kind <> 'take_back' ORDER BY id"
        ).fetchall()
    assert asked == [("run_chore", "taken_back"), ("note_export", "taken_back")]
    assert not bundle.exists()
    assert "nothing of the database is in it" not in capsys.readouterr().err

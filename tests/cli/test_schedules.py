"""``siscon schedules``: what stands in the configuration, in words and in times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from siscon.cli import commands

CONFIG = """
home: here
time_zone: America/Chicago
integrations:
  north:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: abc
    client_secret: ${NORTH_SECRET:-s3cr3t-canary}
    schedule: 30 2 * * 1-5
    full_schedule: 0 4 * * 0
    incremental: true
  south:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: abc
    client_secret: ${NORTH_SECRET:-s3cr3t-canary}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return str(file)


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run(list(arguments))
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return code, told.out, told.err


def test_a_line_is_tried_out_without_any_integration(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("--cron", "0 2 1 * *", "--count", "13", "--json")
    code, out, _ = ran(capsys, "schedules", "preview", *line, "--config", config)
    found = [json.loads(one) for one in out.splitlines()]

    assert code == 0
    assert len(found) == 13
    assert {one["offset"] for one in found} == {"UTC-06:00", "UTC-05:00"}
    assert sum(one["clocks_change_from"] is not None for one in found) in (2, 3)
    assert [*found[0]] == ["at", "local", "day", "offset", "clocks_change_from", "starts_at", "held_back_by"]


@pytest.mark.parametrize(
    ("more", "words"), [((), "at 02:30 on Monday to Friday"), (("--full",), "at 04:00 on Sunday")]
)
def test_the_lines_of_an_integration_are_told_in_words(
    config: str, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], words: str
) -> None:
    code, out, _ = ran(capsys, "schedules", "preview", "north", *more, "--config", config)

    assert code == 0
    assert out.startswith(words)
    assert len(out.splitlines()) == 7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name an integration of the configuration, or a line with --cron"),
        (("north", "--cron", "0 2 * * *"), "Name an integration of the configuration, or a line with --cron"),
        (("east",), "names no integration 'east', but north, south"),
        (("south",), "south has no schedule"),
        (("--cron", "0 25 * * *"), "must lie between 0 and 23"),
        (("--cron", "0 2 * * *", "--count", "0"), "--count"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_would_be_right(
    config: str, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = ran(capsys, "schedules", "preview", *arguments, "--config", config)

    assert (code, said in err) == (2, True)


def test_a_list_without_a_row_says_so(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, "schedules", "list", "--config", config)[:2] == (0, "No integration has a schedule.\n")


NAMED = (
    CONFIG
    + """    schedules:
      - {name: often, cron: "0 * * * *", entities: [student], jitter_s: 600}
    blackouts:
      - {name: evening, begins: "18:00", ends: "20:00"}
"""
)


@pytest.fixture
def named(tmp_path: Path) -> str:
    file = tmp_path / "config.yaml"
    file.write_text(NAMED, encoding="utf-8")
    return str(file)


def test_a_preview_tells_when_runs_start_after_jitter_and_windows(
    named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ("south", "often", "--count", "24", "--json", "--config", named)
    code, out, _ = ran(capsys, "schedules", "preview", *line)
    found = [json.loads(one) for one in out.splitlines()]

    assert code == 0
    held = {one["local"][11:16] for one in found if one["held_back_by"] == "evening"}
    assert {"18:00", "19:00"} <= held
    assert held <= {"17:00", "18:00", "19:00"}
    assert any(one["starts_at"] != one["at"] for one in found if not one["held_back_by"])
    assert out == ran(capsys, "schedules", "preview", *line)[1]


def test_a_schedule_that_there_is_not_is_refused_with_those_there_are(
    named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ran(capsys, "schedules", "preview", "south", "seldom", "--config", named)
    assert (code, "south has no schedule 'seldom', but often" in err) == (2, True)


def test_what_a_schedule_starts_is_started_now_paused_and_continued(
    named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = ran(capsys, "schedules", "run", "south", "often", "--config", named)
    assert (code, "waits for its turn" in out) == (0, True)
    code, out, _ = ran(capsys, "runs", "pause", "1", "--until", "2d", "--config", named)
    assert (code, "Run 1 is paused until" in out) == (0, True)
    code, out, _ = ran(capsys, "runs", "list", "--json", "--config", named)
    assert json.loads(out)["status"] == "paused"
    assert ran(capsys, "runs", "continue", "1", "--config", named)[:2] == (
        0,
        "Run 1 goes on where it stands.\n",
    )
    code, _, err = ran(capsys, "runs", "continue", "1", "--config", named)
    assert (code, "Run 1 is not paused but queued" in err) == (2, True)


def test_a_pause_until_a_moment_is_told_everywhere(named: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(capsys, "integrations", "pause", "south", "--until", "2d", "--config", named)
    assert (code, "south is paused: its schedules start nothing until" in out) == (0, True)
    words = ("integrations list", "next_due_at"), ("schedules list", "next_at"), ("status", "next_due_at")
    for command, due in words:
        told = ran(capsys, *command.split(), "--json", "--config", named)[1]
        rows = [json.loads(one) for one in told.splitlines()]
        mine = [row for row in rows if "south" in (row.get("name"), row.get("integration"))]
        assert [(row["paused_until"] is not None, row[due]) for row in mine] == [(True, None)]
    assert "south        paused" in ran(capsys, "status", "--config", named)[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Name a window with --since, or records"),
        (("--since", "1d", "--until", "2d", "--preview"), "must begin before now, and end after it begins"),
        (("--id", "S-1"), "the one kind of the records"),
        (("--entity", "student", "--id", "S-1"), "add --yes if you mean it"),
    ],
)
def test_a_backfill_that_cannot_be_meant_is_refused(
    named: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, _, err = ran(capsys, "backfill", "south", *words, "--config", named)
    assert (code, said in err) == (2, True)


def test_a_backfill_is_previewed_and_queued(named: str, capsys: pytest.CaptureFixture[str]) -> None:
    ids = ("--entity", "student", "--id", "S-1", "--id", "S-2")
    code, out, _ = ran(capsys, "backfill", "south", *ids, "--preview", "--json", "--config", named)
    assert (code, json.loads(out)["requests"]) == (0, 2)
    code, out, _ = ran(capsys, "backfill", "south", *ids, "--yes", "--json", "--config", named)
    assert (code, json.loads(out)["integration"]) == (0, "south")
    code, _, err = ran(capsys, "backfill", "south", "--since", "3d", "--yes", "--config", named)
    assert (code, "cannot be asked for what changed since a moment" in err) == (2, True)

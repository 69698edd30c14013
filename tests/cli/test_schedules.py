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

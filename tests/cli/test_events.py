"""``siscon events``: a list, and news read aloud line by line until nobody listens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from siscon.cli import commands
from siscon.domain.events import EventKind, Level
from siscon.store import events, integrations
from siscon.store.sqlite import open_database
from support.clock import LIMIT_S

CONFIG = """
home: here
time_zone: America/Chicago
integrations:
  north:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: abc
    client_secret: ${NORTH_SECRET:-s3cr3t-canary}
"""
DAY_MS = 86_400_000


async def _report(folder: Path, rows: tuple[tuple[Level, str], ...], ago_ms: int) -> None:
    db = await open_database(folder / "here" / "siscon.db", synchronous="normal")
    now_ms = int(time.time() * 1000)
    async with db.transaction() as c:
        await integrations.activate(
            c,
            name="north",
            provider="powerschool",
            title="PowerSchool",
            schedule="",
            requests_per_minute=60,
            now_ms=now_ms,
        )
        for level, text in rows:
            await events.append(
                c, EventKind.PAGE_NOTE, level, text, integration="north", run_id=7, at_ms=now_ms - ago_ms
            )
    await db.close()


def report(folder: Path, *rows: tuple[Level, str], ago_ms: int = 0) -> None:
    asyncio.run(_report(folder, rows, ago_ms))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    report(tmp_path, (Level.INFO, "of old"), ago_ms=3 * DAY_MS)
    report(
        tmp_path,
        (Level.WARNING, "north is warm"),
        (Level.ERROR, "it burns \x1b[2J"),
        (Level.INFO, "all is well"),
    )
    return file


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = commands.run(list(arguments))
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert "\x1b" not in told.out + told.err
    return code, told.out, told.err


@pytest.mark.parametrize(
    ("chosen", "texts"),
    [
        ((), ["of old", "north is warm", "it burns \x1b[2J", "all is well"]),
        (("--level", "warning"), ["north is warm", "it burns \x1b[2J"]),
        (("--level", "error"), ["it burns \x1b[2J"]),
        (("--since", "2d"), ["north is warm", "it burns \x1b[2J", "all is well"]),
        (("--since", "2001-01-01T00:00", "--limit", "1"), ["all is well"]),
        (("--run", "8"), []),
        (("--integration", "north", "--run", "7", "--limit", "2"), ["it burns \x1b[2J", "all is well"]),
    ],
)
def test_events_are_listed_oldest_first_as_they_are_chosen(
    config: Path, capsys: pytest.CaptureFixture[str], chosen: tuple[str, ...], texts: list[str]
) -> None:
    code, out, _ = ran(capsys, "events", "list", "--json", "--config", str(config), *chosen)
    found = [json.loads(line) for line in out.splitlines()]

    assert code == 0
    assert [one["text"] for one in found] == texts
    for one in found:
        assert [*one] == ["id", "at", "level", "kind", "integration", "run_id", "text"]


def test_a_table_says_when_nothing_was_reported(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        ran(capsys, "events", "list", "--run", "8", "--config", str(config))[1]
        == "Nothing of that was reported.\n"
    )
    assert "it burns \\x1b[2J" in ran(capsys, "events", "list", "--config", str(config))[1]


@pytest.mark.parametrize("since", ["yesterday", "5", "5w", "99999999999d", "-3h"])
def test_a_moment_that_is_none_is_refused_with_examples(
    config: Path, capsys: pytest.CaptureFixture[str], since: str
) -> None:
    code, _, err = ran(capsys, "events", "list", f"--since={since}", "--config", str(config))

    assert code == 2
    assert "write 45min, 6h or 2d" in err


def test_an_integration_that_nobody_knows_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for act in ("list", "follow"):
        code, _, err = ran(capsys, "events", act, "--integration", "south", "--config", str(config))
        assert (code, "Known are: north" in err) == (2, True)


class Following:
    """``siscon events follow`` as a process, its output through a pipe."""

    def __init__(self, config: Path, *more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "siscon", "events", "follow", "--config", str(config), *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def ended(self) -> tuple[int, str]:
        _, err = self.process.communicate(timeout=LIMIT_S)
        assert "Traceback" not in err
        return self.process.returncode, err


def test_news_are_told_as_they_come_and_ctrl_c_ends_with_130(config: Path) -> None:
    following = Following(config, "--last", "2")
    assert following.line().endswith("  error: north: it burns \\x1b[2J")
    assert following.line().endswith("  north: all is well")
    report(config.parent, (Level.WARNING, "north is warm again"))
    assert following.line().endswith("  warning: north is warm again")
    following.process.send_signal(signal.SIGINT)

    code, said = following.ended()
    assert (code, said.strip()) == (130, "siscon: stopped.")


def test_following_ends_by_itself_when_nobody_listens_any_more(config: Path) -> None:
    following = Following(config, "--last", "1", "--json")
    assert json.loads(following.line())["text"] == "all is well"
    assert following.process.stdout is not None
    following.process.stdout.close()
    following.process.stdout = None

    assert following.ended() == (0, "")


def test_only_what_is_chosen_is_told(config: Path) -> None:
    following = Following(config, "--level", "error")
    assert following.line().endswith("  error: north: it burns \\x1b[2J")
    report(config.parent, (Level.INFO, "quiet"), (Level.ERROR, "loud"))
    assert following.line().endswith("  error: north: loud")
    following.process.send_signal(signal.SIGINT)
    assert following.ended()[0] == 130

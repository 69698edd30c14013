"""A log file is closed when it is large or old, also with several processes at it; no line is lost or torn."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from siscon.engine.journal import JsonLines
from siscon.engine.log_file import DAY_S, Limits, LogFile
from support.clock import HandClock


def handler(path: Path, limits: Limits, clock: HandClock) -> LogFile:
    found = LogFile(path, limits, now_s=lambda: clock.now_ms() / 1000)
    found.setFormatter(JsonLines())
    return found


def record(text: str, clock: HandClock) -> logging.LogRecord:
    made = logging.LogRecord("a", logging.INFO, "f", 1, text, None, None)
    made.created = clock.now_ms() / 1000
    return made


def texts(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text().splitlines()]


def test_a_large_file_is_closed_and_so_many_are_kept(tmp_path: Path, clock: HandClock):
    path = tmp_path / "engine.jsonl"
    log = handler(path, Limits(file_bytes=300, files=2), clock)
    for number in range(12):
        log.emit(record(f"line {number:02}", clock))
    log.close()
    found = {one.name: texts(one) for one in tmp_path.iterdir()}

    assert set(found) == {"engine.jsonl", "engine.jsonl.1", "engine.jsonl.2"}
    kept = found["engine.jsonl.2"] + found["engine.jsonl.1"] + found["engine.jsonl"]
    assert kept == [f"line {number:02}" for number in range(12 - len(kept), 12)]
    assert all(one.stat().st_size <= 300 for one in tmp_path.iterdir())
    assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} == {0o600}


def test_an_old_file_is_closed_also_by_the_next_process(tmp_path: Path, clock: HandClock):
    path = tmp_path / "engine.jsonl"
    log = handler(path, Limits(file_days=7), clock)
    log.emit(record("monday", clock))
    clock.forward(6 * DAY_S)
    log.emit(record("sunday", clock))
    log.close()
    os.utime(path, None)
    clock.forward(2 * DAY_S)
    log = handler(path, Limits(file_days=7), clock)
    log.emit(record("tuesday", clock))
    log.close()

    assert texts(tmp_path / "engine.jsonl.1") == ["monday", "sunday"]
    assert texts(path) == ["tuesday"]


def test_who_finds_its_file_moved_aside_follows(tmp_path: Path, clock: HandClock):
    path = tmp_path / "engine.jsonl"
    one, two = (handler(path, Limits(file_bytes=150, files=5), clock) for _ in range(2))
    for number in range(3):
        one.emit(record(f"one {number}", clock))
        two.emit(record(f"two {number}", clock))
    one.close()
    two.close()
    found = [text for file in sorted(tmp_path.iterdir(), reverse=True) for text in texts(file)]

    assert sorted(found) == ["one 0", "one 1", "one 2", "two 0", "two 1", "two 2"]


def test_a_disk_that_refuses_does_not_stop_the_work(tmp_path: Path, clock: HandClock):
    log = handler(tmp_path / "not" / "there.jsonl", Limits(), clock)
    log.emit(record("lost", clock))
    log.close()


def test_a_log_is_never_written_through_a_link(tmp_path: Path, clock: HandClock):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "engine.jsonl").symlink_to(tmp_path / "mine")
    log = handler(tmp_path / "engine.jsonl", Limits(), clock)
    log.emit(record("not here", clock))
    log.close()

    assert (tmp_path / "mine").read_text() == "mine"


WRITER = """
import logging, sys
from pathlib import Path
from siscon.engine.log_file import Limits, LogFile
log = LogFile(Path(sys.argv[1]), Limits(file_bytes=2000, files=400))
for number in range(400):
    log.emit(logging.LogRecord("a", 20, "f", 1, f"{sys.argv[2]} {number:03}", None, None))
"""


@pytest.mark.long
def test_of_two_processes_that_write_at_once_no_line_is_lost(tmp_path: Path):
    path = tmp_path / "engine.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("one", "two")]
    assert [one.wait(60) for one in writers] == [0, 0]
    found = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]

    assert sorted(found) == [f"{name} {number:03}" for name in ("one", "two") for number in range(400)]

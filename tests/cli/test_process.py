"""The command line as a process of its own: start, signals, pipes, exit codes, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from siscon.cli import commands
from support.clock import LIMIT_S

Environ = dict[str, str]


@pytest.fixture
def environ(tmp_path: Path) -> Environ:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SISCON")}
    return {**kept, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)}


def siscon(
    environ: Environ, *arguments: str, timeout: float = 2 * LIMIT_S
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "siscon", *arguments],
        capture_output=True,
        text=True,
        env=environ,
        timeout=timeout,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def waited(condition: Callable[[], bool], *, limit_s: float = LIMIT_S) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def test_the_version_is_told_and_nothing_loaded_for_it(environ: Environ) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "siscon", "--version"],
        capture_output=True,
        text=True,
        env=environ,
    )

    assert done.stdout.startswith("siscon ")
    for stranger in ("textual", "pydantic", "click", "asyncio", "httpx"):
        assert f" {stranger}\n" not in done.stderr


def test_a_reader_that_leaves_early_gets_no_noise(environ: Environ) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "siscon", "config", "schema"],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environ,
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (1, b"")


def test_a_port_in_use_is_a_sentence_and_1(environ: Environ) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = siscon(environ, "sandbox", "--students", "10", "--port", str(taken.getsockname()[1]))

    assert done.returncode == 1
    assert "choose another with --port" in done.stderr


def test_the_demo_imports_everything_once_and_again_and_after_a_day(
    capsys: pytest.CaptureFixture[str], environ: Environ, tmp_path: Path
) -> None:
    def listed(*words: str) -> list[dict[str, Any]]:
        assert commands.run([*words, "--json"]) == 0
        ours = {"internal_id", "missing_since", "updated_at"}
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        told = [{key: value for key, value in row.items() if key not in ours} for row in rows]
        return sorted(told, key=lambda row: (str(row["entity"]), str(row["external_id"])))

    home = ("--home", str(tmp_path / "demo"))
    first = siscon(environ, "demo", "--once", "--json", "--students", "20", *home)
    rows = [json.loads(line) for line in first.stdout.splitlines()]
    keys = ["integration", "entity", "fetched", "created", "updated"]
    keys += ["unchanged", "failed", "missing", "requests", "seconds"]

    assert first.returncode == 0, first.stderr
    assert len(rows) == 21
    assert all(list(row)[: len(keys)] == keys for row in rows)
    assert all(row["created"] == row["fetched"] for row in rows)
    config = ("--config", str(tmp_path / "demo" / "config.yaml"))
    for name in ("powerschool", "infinite_campus", "skyward"):
        known = listed("records", "list", "--integration", name, *config)
        assert known == listed("sandbox", "truth", "--integration", name, *home)
        assert known

    second = [
        json.loads(line) for line in siscon(environ, "demo", "--once", "--json", *home).stdout.splitlines()
    ]
    assert sum(row["created"] + row["updated"] + row["failed"] for row in second) == 0
    with closing(sqlite3.connect(tmp_path / "demo" / "siscon.db")) as c:  # as a power cut leaves it
        c.execute("UPDATE runs SET status = 'queued', finished_at_ms = NULL WHERE id = 6")
        c.commit()
    assert siscon(environ, "sandbox", "advance", *home).returncode == 0
    third = siscon(environ, "demo", "--once", "--json", *home)
    assert third.returncode in (0, 3, 4)
    assert not (tmp_path / "demo" / "sandbox.pid").exists()
    assert (tmp_path / "demo").stat().st_mode & 0o077 == 0


def test_ctrl_c_ends_a_demo_with_130_and_leaves_nothing(environ: Environ, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "siscon", "demo", "--once", "--students", "2000", "--real-limits"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        start_new_session=True,
    )
    waited(lambda: any(tmp_path.glob("siscon-demo-*/siscon.key")))
    pid = int(next(tmp_path.glob("siscon-demo-*/sandbox.pid")).read_text(encoding="ascii"))
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=LIMIT_S)

    assert child.returncode == 130, err
    assert b"Traceback" not in out + err
    waited(lambda: not alive(pid))
    assert not list(tmp_path.glob("siscon-demo-*"))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_engine_serves_answers_commands_and_is_stopped(
    capsys: pytest.CaptureFixture[str], environ: Environ, tmp_path: Path
) -> None:
    def is_seen() -> bool:
        commands.run(["status", "--json", *config])
        return "engine" in capsys.readouterr().out

    file = tmp_path / "config.yaml"
    file.write_text(
        "integrations:\n  north:\n    provider: powerschool\n    base_url: http://127.0.0.1:9\n"
        "    client_id: a\n    client_secret: ${S:-b}\n",
        encoding="utf-8",
    )
    config = ("--config", str(file))
    engine = subprocess.Popen(
        [sys.executable, "-m", "siscon", *config, "serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
    )
    try:
        waited(is_seen)
        assert "No engine is alive" not in siscon(environ, "sync", "north", *config).stderr
        done = siscon(environ, "stop", *config)
        assert done.returncode == 0, done.stderr
        assert "The engine has ended." in done.stdout
        assert engine.wait(timeout=LIMIT_S) == 0
    finally:
        engine.kill()
        out, err = engine.communicate()
    assert b"Traceback" not in out + err

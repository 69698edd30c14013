"""``siscon serve`` as a service: it says when it is ready, lives and stops; no signal comes too early for it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from siscon.cli.commands import run
from siscon.cli.early_word import serves
from support.clock import LIMIT_S


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(f"home: '{tmp_path / 'home'}'\nintegrations: {{}}\n")
    return file


@contextmanager
def served(config: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "siscon", "--config", str(config), "serve"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **more}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def hear(line: socket.socket, wanted: str) -> list[str]:
    told: list[str] = []
    until = time.monotonic() + LIMIT_S
    while wanted not in told:
        line.settimeout(max(0.01, until - time.monotonic()))
        told += line.recv(4096).decode().splitlines()
    return told


def test_systemd_hears_ready_alive_and_stopping(config: Path, tmp_path: Path):
    address = str(tmp_path / "notify")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as line:
        line.bind(address)
        with served(config, NOTIFY_SOCKET=address, WATCHDOG_USEC="600000") as process:
            assert hear(line, "READY=1") == ["READY=1"]
            hear(line, "WATCHDOG=1")
            hear(line, "WATCHDOG=1")
            page = config.parent / "home" / "health.json"
            while not page.exists():
                assert process.poll() is None
                time.sleep(0.02)
            assert run(["health", "--file", str(page)]) == 0
            process.send_signal(signal.SIGTERM)
            assert hear(line, "STOPPING=1")[-1] == "STOPPING=1"
            assert process.wait(LIMIT_S) == 0


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_first_second_ends_it_in_good_order(config: Path, number: int):
    rng = random.Random(7)
    codes = []
    for _ in range(5):
        with served(config) as process:
            handled = Path(f"/proc/{process.pid}/status")
            mask = 1 << (signal.SIGTERM - 1)  # of SIGINT the interpreter takes care before us
            while not int(handled.read_text().split("SigCgt:\t")[1].split()[0], 16) & mask:
                assert process.poll() is None
            time.sleep(rng.random() * 0.8)
            process.send_signal(number)
            codes.append(process.wait(LIMIT_S))
            assert process.stderr is not None
            assert b"Traceback" not in process.stderr.read()

    assert codes == [0] * len(codes)


@pytest.mark.parametrize(
    ("arguments", "is_served"),
    [
        (["serve"], True),
        (["--config", "serve", "status"], False),
        (["--config=a", "serve"], True),
        (["--config", "a", "serve", "--x"], True),
        (["sandbox", "serve"], False),
        ([], False),
    ],
)
def test_the_engine_alone_is_known_by_its_command_line(arguments: list[str], is_served: bool):
    assert serves(arguments) is is_served

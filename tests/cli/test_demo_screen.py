"""The demo with its screen, on a terminal of its own: whichever way it is left, nothing stays behind."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.clock import LIMIT_S

OPENS_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """A terminal of 80 x 24 with a demo in it; what the demo writes is read and forgotten."""

    def __init__(self, place: Path, *words: str) -> None:
        self.place = place
        self.master, slave = pty.openpty()
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SISCON")}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                OPENS_TERMINAL,
                sys.executable,
                "-m",
                "siscon",
                "demo",
                "--students",
                "10",
                *words,
            ],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={
                **kept,
                "HOME": str(place),
                "TMPDIR": str(place),
                "TERM": "xterm",
                "COLUMNS": "80",
                "LINES": "24",
            },
        )
        os.close(slave)

    def read_until(self, done: Callable[[bytes], bool]) -> None:
        """Read what is written until it is enough."""
        said, until_s = b"", time.monotonic() + LIMIT_S
        while not done(said):
            assert time.monotonic() < until_s, said[-2000:]
            if select.select([self.master], [], [], 0.1)[0]:
                with suppress(OSError):
                    said += os.read(self.master, 65_536)

    def press(self, key: bytes) -> None:
        os.write(self.master, key)

    def hang_up(self) -> None:
        os.close(self.master)
        self.master = -1

    def ended(self, _said: bytes = b"") -> bool:
        return self.process.poll() is not None


@contextmanager
def demo(place: Path, *words: str) -> Iterator[Terminal]:
    """A demo whose screen shows what was imported; whatever is left of it is killed after the block."""
    terminal = Terminal(place, *words)
    try:
        terminal.read_until(lambda said: b"just now" in said)
        yield terminal
    finally:
        for pid in processes_of(place):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        terminal.process.kill()
        terminal.process.wait()
        if terminal.master >= 0:
            os.close(terminal.master)


def processes_of(place: Path) -> list[int]:
    """The processes that work on a home below a place."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(place).encode() in line.read_bytes():
                found.append(int(line.parent.name))
    return found


def waited(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.02)


LONG = pytest.mark.long
WAYS = ["terminal closed", *(pytest.param(one, marks=LONG) for one in ("q", "ctrl+q", "SIGTERM", "SIGHUP"))]


@pytest.mark.parametrize("way", WAYS)
def test_a_demo_that_is_left_leaves_nothing_behind(tmp_path: Path, way: str) -> None:
    with demo(tmp_path) as terminal:
        assert len(processes_of(tmp_path)) == 2, "sandbox and engine"
        if way == "terminal closed":
            terminal.hang_up()
            waited(terminal.ended)
        else:
            if way.startswith("SIG"):
                terminal.process.send_signal(getattr(signal, way))
            else:
                terminal.press({"q": b"q", "ctrl+q": b"\x11"}[way])
            terminal.read_until(terminal.ended)
        waited(lambda: not processes_of(tmp_path))

    assert not list(tmp_path.glob("siscon-demo-*"))


@pytest.mark.long
def test_a_demo_with_a_home_goes_on_when_its_line_is_lost_and_is_found_again(tmp_path: Path) -> None:
    home = tmp_path / "kept"
    with demo(tmp_path, "--home", str(home)) as terminal:
        left = processes_of(tmp_path)
        terminal.hang_up()
        waited(terminal.ended)

        assert len(set(processes_of(tmp_path)) & set(left)) == 2, "sandbox and engine go on"
    with demo(tmp_path, "--home", str(home)) as terminal:
        terminal.press(b"q")
        terminal.read_until(terminal.ended)
        waited(lambda: not processes_of(tmp_path))
    assert (home / "siscon.db").exists()

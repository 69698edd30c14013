"""What the console may cost before it shows anything, and how it leaves a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from siscon.tui.leaving import GIVE_UP_S
from support.console_data import Names

Filled = Callable[..., Awaitable[Path]]

FIRST_PAINT = """
import asyncio, json, sys
from siscon.tui.app import Console
from siscon.tui.options import ConsoleOptions
async def opened():
    print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
    raise SystemExit
app = Console(ConsoleOptions(opened, "a(1)"))
async def main():
    async with app.run_test():
        await asyncio.sleep(5)
asyncio.run(main())
"""

HEAVY = {
    "httpx",
    "authlib",
    "apscheduler",
    "pydantic",
    "cryptography",
    "tenacity",
    "starlette",
    "uvicorn",
    "yaml",
    "sqlite3",
    "aiosqlite",
    "click",
}

CONSOLE = """
import sys
from pathlib import Path
from siscon.tui.app import run_console
from siscon.tui.options import ConsoleOptions
async def opened():
    from siscon.store.sqlite import open_database
    return await open_database(Path(sys.argv[1]))
result = run_console(ConsoleOptions(opened, "a(1)"))
print("LEFT", result.stop_engine, result.exit_code, flush=True)
"""


def test_nothing_heavy_is_imported_before_the_first_paint() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_PAINT], capture_output=True, text=True, timeout=60)
    loaded = set(json.loads(done.stdout.splitlines()[0]))

    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    "package", ["siscon", "siscon.domain.text", "siscon.ops.views", "siscon.ops.commands"]
)
def test_no_screen_is_imported_with_what_lies_below_it(package: str) -> None:
    code = f"import sys, {package}; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout.strip() == "False"


class Terminal:
    """A console on a pseudo-terminal."""

    def __init__(self, path: Path) -> None:
        self.master, self._slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONSOLE, str(path)],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
            preexec_fn=self._take_terminal,
        )
        self.seen = b""

    def _take_terminal(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def read(self, *, until: bytes = b"", limit_s: float = 20.0) -> bytes:
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.master], [], [], 0.1)
            if ready:
                try:
                    got = os.read(self.master, 65_536)
                except OSError:
                    break
                self.seen += got
            if until and until in self.seen:
                break
            if not until and not ready and self.process.poll() is not None:
                break
        return self.seen

    def settings(self) -> list[object]:
        return termios.tcgetattr(self._slave)

    def hang_up(self) -> None:
        os.close(self._slave)
        os.close(self.master)
        self._slave = self.master = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for handle in (self.master, self._slave):
            if handle >= 0:
                os.close(handle)


@contextmanager
def terminal(path: Path) -> Iterator[Terminal]:
    one = Terminal(path)
    try:
        yield one
    finally:
        one.close()


async def test_names_that_try_to_command_the_terminal_reach_it_as_text_only(filled: Filled) -> None:
    name = "Esc\x1b]52;c;aW52ZW50ZWQ=\x07ape \x9b31mRed\x1b[2J\u202e[@click=app.quit]"
    with terminal(await filled(Names(value=name, title=name, external_id=name), mapped=5)) as one:
        one.read(until=b"Esc", limit_s=2)
        for key, seen in ((b"5", b"in dispute"), (b"6", b"External id"), (b"\r", b"grade_level")):
            os.write(one.master, key)
            one.read(until=seen, limit_s=2)
        one.process.send_signal(signal.SIGTERM)
        told = one.read(until=b"LEFT False 0").decode("utf-8", "replace")

    assert "Esc\\x1b]52;c;aW52ZW50ZWQ=\\x07ape" in told
    assert set(re.findall("\x1b\\](\\d+)", told)) <= {"22"}, "only the pointer's shape, which Textual sets"
    assert not re.search("[\x80-\x9f\u202e]|\x1b\\[2J", told)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
async def test_a_signal_ends_the_console_and_restores_the_terminal(
    filled: Filled, number: signal.Signals
) -> None:
    with terminal(await filled()) as one:
        assert b"lakeside" in one.read(until=b"lakeside")
        one.process.send_signal(number)
        seen = one.read(until=b"LEFT False 0")

        assert one.process.wait(5) == 0
        assert b"LEFT False 0" in seen
        assert b"\x1b[?1049l" in seen
        assert b"\x1b[?25h" in seen
        assert one.settings() == one.before


@pytest.mark.long
async def test_a_signal_ends_the_console_even_where_a_frozen_line_takes_no_bytes(filled: Filled) -> None:
    with terminal(await filled()) as one:
        assert b"lakeside" in one.read(until=b"lakeside")
        for _ in range(60):
            os.write(one.master, b"123456")
            time.sleep(0.02)
        one.process.send_signal(signal.SIGTERM)

        assert one.process.wait(GIVE_UP_S + 3) in (0, 128 + signal.SIGTERM)


async def test_a_lost_line_ends_the_console(filled: Filled) -> None:
    with terminal(await filled()) as one:
        assert b"lakeside" in one.read(until=b"lakeside")
        one.hang_up()

        assert one.process.wait(10) is not None

"""What the console may cost before it shows anything, and how it leaves a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from support.clock import LIMIT_S
from support.console_data import Names
from support.terminals import console_words, terminal

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
        await asyncio.sleep(60)
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


async def test_names_that_try_to_command_the_terminal_reach_it_as_text_only(filled: Filled) -> None:
    name = "Esc\x1b]52;c;aW52ZW50ZWQ=\x07ape \x9b31mRed\x1b[2J\u202e[@click=app.quit]"
    path = await filled(Names(value=name, title=name, external_id=name), mapped=5)
    with terminal(console_words(path)) as one:
        assert one.shows("Last good")
        for key, seen in (("5", "5 Conflicts"), ("6", "synced"), ("\r", "grade_level")):
            assert one.brings(key, seen)
            assert one.shows("Esc")
        one.process.send_signal(signal.SIGTERM)
        told = one.read(until=b"LEFT False 0").decode("utf-8", "replace")

    assert "Esc\\x1b]52;c;aW52ZW50ZWQ=\\x07ape" in told
    assert set(re.findall("\x1b\\](\\d+)", told)) <= {"22"}, "only the pointer's shape, which Textual sets"
    assert not re.search("[\x80-\x9f\u202e]|\x1b\\[2J", told)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
async def test_a_signal_ends_the_console_and_restores_the_terminal(
    filled: Filled, number: signal.Signals
) -> None:
    with terminal(console_words(await filled())) as one:
        assert b"lakeside" in one.read(until=b"lakeside")
        one.process.send_signal(number)
        seen = one.read(until=b"LEFT False 0")

        assert one.ends() == 0
        assert b"LEFT False 0" in seen
        assert b"\x1b[?1049l" in seen
        assert b"\x1b[?25h" in seen
        assert one.settings() == one.before


@pytest.mark.long
@pytest.mark.parametrize("screens", [3, 60], ids=["the last bytes", "a paint"])
async def test_a_signal_ends_the_console_even_where_a_frozen_line_takes_no_bytes(
    filled: Filled, screens: int
) -> None:
    with terminal(console_words(await filled())) as one:
        assert b"lakeside" in one.read(until=b"lakeside")
        for _ in range(screens):
            os.write(one.master, b"123456")
            time.sleep(1 / screens)  # a hand's pace: nobody reads, so nothing tells how far it is
        one.process.send_signal(signal.SIGTERM)

        assert one.process.wait(LIMIT_S) in (0, 128 + signal.SIGTERM)
        assert one.settings() == one.before, "what takes no bytes can still be set as it was"


async def test_a_lost_line_ends_the_console(filled: Filled) -> None:
    with terminal(console_words(await filled())) as one:
        assert b"lakeside" in one.read(until=b"lakeside")
        one.hang_up()

        assert one.process.wait(LIMIT_S) is not None

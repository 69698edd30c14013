"""ctrl+z in a real shell: the terminal is the shell's while the console waits, and the console's again after fg."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from support.terminals import Terminal, console_words, terminal

Filled = Callable[..., Awaitable[Path]]
BASH = shutil.which("bash")


def seen_from(one: Terminal, until: bytes) -> bytes:
    """What came from now on, until some bytes were among it."""
    one.seen = b""
    told = one.read(until=until)
    assert until in told
    return told


@pytest.mark.skipif(BASH is None, reason="needs bash")
async def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_paints_anew(
    filled: Filled, tmp_path: Path
) -> None:
    words = [str(BASH), "--norc", "--noprofile", "--noediting", "-i"]
    script = tmp_path / "console.sh"
    script.write_text(shlex.join(console_words(await filled(engine=False))))
    with terminal(words, env={"PS1": "ready> ", "HISTFILE": ""}) as one:
        assert b"ready> " in one.read(until=b"ready> ")
        one.press(f". {script}\n")
        assert one.shows("lakeside")
        one.press("\x1a")
        left = seen_from(one, b"Stopped")
        assert b"\x1b[?1049l" in left
        assert b"\x1b[?25h" in left
        one.press("stty -a; echo at=$((40+2))\n")
        told = seen_from(one, b"at=42")
        assert b" icanon" in told
        assert b" echo " in told
        one.press("fg\n")
        assert b"\x1b[?1049h" in seen_from(one, b"lakeside")
        one.press("q")
        assert b"LEFT False 0" in seen_from(one, b"LEFT False 0")


@pytest.mark.skipif(BASH is None, reason="needs bash")
async def test_while_it_sleeps_kill_of_the_job_ends_it(filled: Filled, tmp_path: Path) -> None:
    words = [str(BASH), "--norc", "--noprofile", "--noediting", "-i"]
    script = tmp_path / "console.sh"
    script.write_text(shlex.join(console_words(await filled(engine=False))))
    with terminal(words, env={"PS1": "ready> ", "HISTFILE": ""}) as one:
        one.press(f". {script}\n")
        assert one.shows("lakeside")
        one.press("\x1a")
        seen_from(one, b"Stopped")
        one.press("kill %1\n")
        seen_from(one, b"LEFT False 0")
        one.press("stty -a; echo at=$((40+2))\n")
        told = seen_from(one, b"at=42")
        assert b" icanon" in told


async def test_ctrl_z_where_no_shell_waits_says_so_and_stays(filled: Filled) -> None:
    with terminal(console_words(await filled(engine=False))) as one:
        assert one.shows("lakeside")
        assert one.brings("\x1a", "No shell waits below this console")
        assert one.brings("3", "Under way")
        one.press("q")
        assert b"LEFT False 0" in one.read(until=b"LEFT False 0")

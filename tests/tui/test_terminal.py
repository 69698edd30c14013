"""The console on real terminals: small ones, poor ones, engines and databases that fail under it. The terminal is
always left as it was.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import string
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from support.terminals import Terminal, console_words, terminal

Filled = Callable[..., Awaitable[Path]]
COLOUR = re.compile(rb"\x1b\[[\d;]*?(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])[\d;]*m")


@pytest.fixture
async def at_home(filled: Filled) -> AsyncIterator[Terminal]:
    """A console that shows its first screen."""
    with terminal(console_words(await filled())) as one:
        assert one.shows("lakeside")
        yield one


def leave(one: Terminal) -> None:
    """Ask it to end, and see that the terminal is as it was."""
    one.process.send_signal(signal.SIGTERM)
    assert b"LEFT False 0" in one.read(until=b"LEFT False 0")
    assert one.ends() == 0
    assert one.settings() == one.before
    assert one.seen.rindex(b"\x1b[?1049l") > one.seen.rindex(b"\x1b[?1049h")
    assert one.seen.rindex(b"\x1b[?25h") > one.seen.rindex(b"\x1b[?25l")


async def test_escape_is_a_key_also_where_others_come_in_the_same_packet(at_home: Terminal) -> None:
    for typed, seen in (
        ("?", "Type to find a key"),
        ("\x1b4", "unknown parent"),
        ("/bad\r\x1b\x1b5", "Fields in dispute"),
        ("\x1b[3~\x1bOB\x1b3", "Under way"),
    ):
        at_home.press(typed)
        assert at_home.shows(seen)
    leave(at_home)


async def test_shrunk_to_20_by_5_it_says_so_in_one_sentence_and_comes_back_as_it_was(
    at_home: Terminal,
) -> None:
    assert at_home.brings("4", "unknown parent")
    at_home.quiet(0.5)
    before = at_home.text
    at_home.resize(20, 5)
    assert at_home.shows("is too small")
    assert at_home.shows_no_more("unknown parent")
    at_home.resize(80, 24)
    assert at_home.comes_to(lambda: at_home.text == before), at_home.text
    leave(at_home)


async def test_a_terminal_that_nobody_told_its_size_is_painted_once_and_obeys(filled: Filled) -> None:
    with terminal(console_words(await filled())) as one:
        one.forget_size()
        assert one.shows("lakeside")
        one.quiet(0.5)
        assert len(one.seen) < 40_000, "it paints for ever"
        one.press("4")
        assert one.shows("unknown parent")
        leave(one)


async def test_started_in_a_terminal_that_is_too_small_it_waits_for_a_larger_one(filled: Filled) -> None:
    with terminal(console_words(await filled()), width=20, height=5) as one:
        assert one.shows("is too small")
        one.resize(60, 20)
        assert one.shows("lakeside")
        one.resize(20, 5)
        assert one.shows("is too small")
        leave(one)


@pytest.mark.parametrize(
    "env",
    [
        {"NO_COLOR": "1"},
        *(pytest.param({"TERM": term}, marks=pytest.mark.long) for term in ("dumb", "vt220")),
    ],
    ids=str,
)
async def test_no_colour_reaches_a_terminal_that_has_none_or_a_person_who_wants_none(
    filled: Filled, env: dict[str, str]
) -> None:
    with terminal(console_words(await filled()), env=env) as one:
        assert one.shows("lakeside")
        assert one.brings("4", "unknown parent")
        assert one.brings("1", "lakeside")
        assert one.brings("S", "Sync harbor now?")
        one.press("\x1b")
        assert one.shows_no_more("Sync harbor now?")
        assert one.brings("?", "esc closes")
        leave(one)
        assert COLOUR.search(one.seen) is None
        assert re.search(rb"\x1b\[(?:\d+;)*4m", one.seen), "what is loud stays loud"


async def test_sixteen_colours_are_the_terminals_own(filled: Filled) -> None:
    with terminal(console_words(await filled()), env={"TERM": "xterm"}) as one:
        assert one.shows("FAILING")
        leave(one)
        assert re.search(rb"\x1b\[(?:\d+;)*31m", one.seen)
        assert b"38;2;" not in one.seen
        assert b"48;" not in one.seen


async def test_the_linux_console_gets_no_sign_beyond_ascii(filled: Filled) -> None:
    with terminal(console_words(await filled()), env={"TERM": "linux"}) as one:
        assert one.shows("FAILING")
        leave(one)
        assert one.seen.isascii()


async def test_without_a_mouse_none_is_asked_for(filled: Filled) -> None:
    path = await filled()
    for options, expected in (("{'looks': Looks(mouse=False)}", False), ("{}", True)):
        with terminal(console_words(path, options)) as one:
            assert one.shows("lakeside")
            leave(one)
            assert (b"\x1b[?1003h" in one.seen) is expected


async def test_stopped_and_woken_it_shows_the_screen_again(at_home: Terminal) -> None:
    at_home.process.send_signal(signal.SIGSTOP)
    at_home.press("4")
    at_home.process.send_signal(signal.SIGCONT)
    assert at_home.shows("unknown parent")
    leave(at_home)


async def test_stopped_and_woken_many_times_no_key_is_lost_and_it_leaves_at_once(at_home: Terminal) -> None:
    for _ in range(3):
        at_home.process.send_signal(signal.SIGSTOP)
        at_home.process.send_signal(signal.SIGCONT)
        at_home.quiet(0.5)
    for key, seen in (("4", "unknown parent"), ("1", "lakeside"), ("7", "7 Plans")) * 4:
        assert at_home.brings(key, seen), f"key {key} was lost"
    leave(at_home)


async def test_woken_again_and_again_in_the_midst_of_waking_it_goes_on_and_leaves(at_home: Terminal) -> None:
    for _ in range(200):
        at_home.process.send_signal(signal.SIGCONT)
        at_home.take(0.005)
    for key, seen in (("4", "unknown parent"), ("1", "lakeside")) * 2:
        assert at_home.brings(key, seen), f"key {key} was lost"
    leave(at_home)


async def test_what_is_typed_while_it_is_woken_is_not_lost(at_home: Terminal) -> None:
    typed = string.ascii_lowercase * 2
    assert at_home.brings(":", "tab completes")
    for letter in typed:
        at_home.process.send_signal(signal.SIGCONT)
        at_home.press(letter)
        at_home.take(0.005)
    assert at_home.shows(f":{typed}")
    leave(at_home)


async def test_two_keys_of_one_moment_close_a_line_and_not_what_lies_below(at_home: Terminal) -> None:
    for _ in range(2):
        assert at_home.brings(":", "tab completes")
        assert at_home.brings("errors\r\r\r", "unknown parent")
        assert at_home.brings("1", "Last good")
    leave(at_home)


async def test_bytes_that_are_no_text_and_no_key_end_nothing(at_home: Terminal) -> None:
    for noise in (b"\xe9", b"\xed\xa0\x80\xff", b"\x1b[1114112u", b"\x1b[99999999999u", b"\x00\x1b[<;M"):
        os.write(at_home.master, noise)
        at_home.quiet(0.3)
    assert at_home.brings("4", "unknown parent")
    assert at_home.brings("\x1b[1114112u1\x1b[1114112u", "Last good"), "a key in a packet with noise"
    leave(at_home)


async def test_a_second_signal_ends_it_at_once_and_the_terminal_is_as_it_was(at_home: Terminal) -> None:
    at_home.process.send_signal(signal.SIGTERM)
    at_home.process.send_signal(signal.SIGHUP)
    assert at_home.ends() in (0, 128 + signal.SIGHUP, 128 + signal.SIGTERM)
    assert at_home.settings() == at_home.before
    assert b"\x1b[?1049l" in at_home.seen


@pytest.mark.long
async def test_while_another_process_keeps_on_writing_all_is_shown_and_a_question_gets_a_sentence(
    filled: Filled,
) -> None:
    path = await filled()
    with terminal(console_words(path)) as one, closing(sqlite3.connect(path, isolation_level=None)) as other:
        assert one.shows("lakeside")
        other.execute("BEGIN EXCLUSIVE")
        assert one.brings("P", "Pause harbor?")
        one.press("y")
        assert one.shows_no_more("Pause harbor?")
        assert one.brings("4", "unknown parent")
        assert one.brings("7", "7 Plans")
        assert one.brings("1", "lakeside")
        assert one.shows("Another program has kept")
        other.execute("ROLLBACK")
        assert one.brings("4", "unknown parent")
        leave(one)


@pytest.mark.long
async def test_a_database_that_another_process_keeps_to_itself_is_named_and_opened_once_it_lets_go(
    filled: Filled,
) -> None:
    path = await filled()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with terminal(console_words(path)) as one:
            assert one.shows("Tried again every 5 s")
            assert one.brings("?", "What it does")
            one.press("\x1b")
            other.close()
            assert one.shows("lakeside")
            leave(one)


@pytest.mark.long
async def test_the_terminal_is_asked_for_no_blinking_cursor(at_home: Terminal) -> None:
    assert at_home.brings("/", "Filter:")

    def rests() -> bool:
        size, deadline = len(at_home.seen), time.monotonic() + 1.5
        while time.monotonic() < deadline:
            at_home.take(0.1)
        return len(at_home.seen) - size < 200

    assert at_home.comes_to(rests), "a cursor that blinks paints twice a second"
    leave(at_home)
    assert b"\x1b[?12h" not in at_home.seen

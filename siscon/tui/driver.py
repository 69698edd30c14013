"""What siscon needs of a driver beyond Textual's own: a process that was stopped from outside comes back whole."""

from __future__ import annotations

import os
import select
import signal
import termios
from codecs import getincrementaldecoder
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key
from textual.message import Message

from siscon.tui.escapes import ESC, Escapes

KEYS_WITHIN_S = 0.1
"""So long is a key waited for before it is seen whether there are to be any more."""
_LEFT = (
    b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""No paste marks, lines wrap, no mouse, plain keys, the first screen, a cursor, no word of focus."""


def in_background(handle: int) -> bool:
    """Whether the shell has given this terminal to something else: who sets it from there is stopped for it."""
    try:
        return os.tcgetpgrp(handle) != os.getpgrp()
    except OSError:
        return False


def _events(parser: XTermParser, piece: str) -> Iterable[Message]:
    """What a piece of what was typed means."""
    return [Key("escape", ESC)] if piece == ESC else parser.feed(piece)


class SteadyDriver(LinuxDriver):
    """Textual's driver for a terminal, but that the loop answers a stop and a waking, one after another, and noise ends
    nothing.

    Textual answers within the handler of the signal, which Python calls in the midst of anything: of a write, whose
    lock is then waited for in vain; of the same answer, and two threads read the keys, of which one never ends.
    """

    _is_woken = False
    """A waking was heard and is not answered yet."""
    _is_away = False
    """The terminal is the shell's; what is painted now nobody sees, and all is painted anew afterwards."""
    _keeps_typed = False
    """What was typed and not read yet is for this console: it is being woken."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._loop.add_signal_handler(signal.SIGTSTP, self._stop)
        self._loop.add_signal_handler(signal.SIGCONT, self._woken)

    def write(self, data: str) -> None:
        """Write to the terminal, unless it is the shell's."""
        if not self._is_away:
            super().write(data)

    def start_application_mode(self) -> None:
        """Take the terminal; in the background that is left for the next waking."""
        found = self.attrs_before
        self._is_away = False
        super().start_application_mode()  # type: ignore[no-untyped-call] # Textual gives it no types
        self._is_away = self._must_signal_resume
        self.attrs_before = found or self.attrs_before

    def stop_application_mode(self) -> None:
        """Give the terminal back; where something else has it already, leave it to that."""
        if self._is_away:
            return
        if in_background(self.fileno):
            self.disable_input()
            self._is_away = True
        else:
            super().stop_application_mode()

    def run_input_thread(self) -> None:
        """Read keys until told to end, or the line is gone. Bytes that are no text or no key end nothing."""
        decode = getincrementaldecoder("utf-8")("replace").decode
        parser, escapes = XTermParser(self._debug), Escapes()
        while not self.exit_event.is_set():
            typed = ""
            if select.select([self.fileno], [], [], ESCAPE_DELAY if escapes.held else KEYS_WITHIN_S)[0]:
                try:
                    told = os.read(self.fileno, 4096)
                except OSError:
                    return
                if not told:
                    return
                typed = decode(told)
            for piece in (*escapes.apart(typed), ""):
                try:
                    events = [*_events(parser, piece)] if piece else [*parser.tick()]
                except Exception:  # noqa: BLE001 - Textual's parser fails in its own ways at numbers that no key has
                    parser = XTermParser(self._debug)
                    continue
                for event in events:
                    self.process_message(event)

    def disable_input(self) -> None:
        """Read no more keys; in the background what was typed is left to the shell, at a waking to who reads next."""
        if not self._keeps_typed and not in_background(self.fileno):
            super().disable_input()
            return
        self.exit_event.set()
        if self._key_thread is not None:
            self._key_thread.join()
        self.exit_event.clear()

    def _woken(self) -> None:
        if not self._is_woken:
            self._is_woken = True
            self._loop.call_soon(self._wake)

    def _stop(self) -> None:
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _wake(self) -> None:
        """Begin again, also after a stop that nothing announced (``kill -STOP``, a debugger)."""
        self._is_woken = False
        self._keeps_typed = True
        try:
            self._give_back()
        finally:
            self._keeps_typed = False
        if self._is_away and not self._is_leaving:
            self.resume_application_mode()

    def _give_back(self) -> None:
        if self._is_away or self._is_leaving or not self._auto_restart:
            return
        self.suspend_application_mode()
        self._is_away = self._must_signal_resume = True

    @property
    def _is_leaving(self) -> bool:
        return bool(self._app._exit)

    def let_go(self) -> None:
        """Give the terminal back without waiting for anything: for a process that ends though its loop stands still."""
        if in_background(self.fileno):
            return
        if self.attrs_before is not None:
            with suppress(termios.error, OSError):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        if self._file is None:
            return
        with suppress(OSError, ValueError):
            handle = self._file.fileno()
            if select.select([], [handle], [], 0)[1]:
                os.write(handle, _LEFT)

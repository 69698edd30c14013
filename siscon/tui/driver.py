"""What siscon needs of a driver beyond Textual's own: a process that was stopped from outside comes back whole."""

from __future__ import annotations

import os
import select
import termios
from contextlib import suppress

from textual.drivers.linux_driver import LinuxDriver

_LEFT = (
    b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""No paste marks, lines wrap, no mouse, plain keys, the first screen, a cursor, no word of focus."""


class SteadyDriver(LinuxDriver):
    """Textual's driver for a terminal, but for one thing: how it takes SIGCONT.

    After a stop that no ctrl+z announced (``kill -STOP``, a debugger) Textual's begins a second time without having
    ended. Two threads then read the keys, and one of them never ends: every second key is late, and leaving hangs.
    """

    _ending = False

    def _sigcont_application(self, *_: object) -> None:
        if self._ending:  # woken again while the terminal is given back below
            return
        if self._auto_restart and not self._must_signal_resume and self._writer_thread is not None:
            self._ending = True
            try:
                self.suspend_application_mode()
            finally:
                self._ending = False
            self._must_signal_resume = True
        super()._sigcont_application()

    def let_go(self) -> None:
        """Give the terminal back without waiting for anything: for a process that ends though its loop stands still."""
        if self.attrs_before is not None:
            with suppress(termios.error, OSError):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        if self._file is None:
            return
        with suppress(OSError, ValueError):
            handle = self._file.fileno()
            if select.select([], [handle], [], 0)[1]:
                os.write(handle, _LEFT)

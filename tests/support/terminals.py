"""A program on a pseudo-terminal: keys go in, bytes come out, and a model of a terminal says what stands on it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyte

from support.clock import LIMIT_S

Step = tuple[bytes, bytes]
"""What must have been seen since the step before, and the keys that are pressed then."""

CONSOLE = """
import sys
from pathlib import Path
from siscon.tui.app import run_console
from siscon.tui.looks import Looks
from siscon.tui.options import ConsoleOptions
async def opened():
    from siscon.store.sqlite import open_database
    return await open_database(Path(sys.argv[1]))
result = run_console(ConsoleOptions(opened, "a(1)", **eval(sys.argv[2])))
print("LEFT", result.stop_engine, result.exit_code, flush=True)
"""


class Terminal:
    """A program on a terminal of its own, ``width`` x ``height``."""

    def __init__(
        self, words: Sequence[str], *, width: int = 80, height: int = 24, env: Mapping[str, str] | None = None
    ) -> None:
        self.master, self._slave = pty.openpty()
        self._told_size(width, height)
        self.before = termios.tcgetattr(self._slave)
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self.screen)
        self.seen = b""
        told = ("NO_COLOR", "COLORTERM", "COLUMNS", "LINES")
        kept = {key: value for key, value in os.environ.items() if key not in told}
        self.process = subprocess.Popen(
            list(words),
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            env={**kept, "TERM": "xterm-256color", **(env or {})},
            preexec_fn=self._take_terminal,
        )

    def _take_terminal(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def _told_size(self, width: int, height: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    # In and out

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def take(self, limit_s: float) -> bytes:
        """What the program wrote within so many seconds, or as soon as it wrote something."""
        ready, _, _ = select.select([self.master], [], [], limit_s)
        if not ready:
            return b""
        try:
            got = os.read(self.master, 65_536)
        except OSError:
            return b""
        self.seen += got
        self._stream.feed(got)
        return got

    def read(self, *, until: bytes = b"", limit_s: float = LIMIT_S) -> bytes:
        """All that was written, at least until some bytes came; without them until the program has ended."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline and not (until and until in self.seen):
            if not self.take(0.1) and self.process.poll() is not None:
                break
        return self.seen

    def comes_to(self, condition: Callable[[], bool], *, limit_s: float = LIMIT_S) -> bool:
        """Whether something comes to be so with what is written, before the program ends."""
        deadline = time.monotonic() + limit_s
        while not (found := condition()) and time.monotonic() < deadline:
            if not self.take(0.1) and self.process.poll() is not None:
                return condition()
        return found

    def shows(self, text: str, *, limit_s: float = LIMIT_S) -> bool:
        """Whether a text comes to stand on the screen, wherever lines are broken."""
        return self.comes_to(lambda: text in self._words, limit_s=limit_s)

    def shows_no_more(self, text: str) -> bool:
        """Whether a text comes to stand on the screen no longer."""
        return self.comes_to(lambda: text not in self._words)

    def brings(self, keys: str, text: str) -> bool:
        """Whether keys bring up a text; what stands on the screen before would prove nothing."""
        assert text not in self._words, f"{text!r} stands on the screen before {keys!r} is pressed"
        self.press(keys)
        return self.shows(text)

    def ends(self) -> int:
        """The exit code, once the program has ended."""
        self.read()
        return self.process.wait(LIMIT_S)

    @property
    def _words(self) -> str:
        return " ".join(self.text.split())

    @property
    def text(self) -> str:
        """What stands on the screen now."""
        return "\n".join(self.screen.display)

    def quiet(self, for_s: float, *, limit_s: float = LIMIT_S) -> None:
        """Wait until nothing has been written for a while."""
        deadline = time.monotonic() + limit_s
        while self.take(for_s) and time.monotonic() < deadline:
            pass

    # The line

    def resize(self, width: int, height: int) -> None:
        """Another size, of which the program is told as a terminal would."""
        self._told_size(width, height)
        self.screen.resize(height, width)
        self.process.send_signal(signal.SIGWINCH)

    def forget_size(self) -> None:
        """Be one that nobody told its size; to be called before the program asks."""
        self._told_size(0, 0)

    def settings(self) -> list[object]:
        """How the terminal is set; see ``before``."""
        return termios.tcgetattr(self._slave)

    def hang_up(self) -> None:
        """The line is gone."""
        os.close(self._slave)
        os.close(self.master)
        self._slave = self.master = -1

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for handle in (self.master, self._slave):
            if handle >= 0:
                os.close(handle)


@contextmanager
def terminal(
    words: Sequence[str], *, width: int = 80, height: int = 24, env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """A program on a terminal, ended with the block."""
    one = Terminal(words, width=width, height=height, env=env)
    try:
        yield one
    finally:
        one.close()


def console_words(path: Path, options: str = "{}") -> list[str]:
    """The command of a console over a database; ``options`` are further ones, as Python."""
    return [sys.executable, "-c", CONSOLE, str(path), options]


def on_a_terminal(
    *arguments: str, steps: Sequence[Step] = (), size: tuple[int, int] = (100, 24)
) -> tuple[int, bytes]:
    """Run ``siscon`` there; its exit code and all that it wrote."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "siscon", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(slave)
    seen, since, waiting = b"", 0, list(steps)
    deadline_s = time.monotonic() + 3 * LIMIT_S
    try:
        while time.monotonic() < deadline_s:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    seen += os.read(master, 65_536)
                except OSError:
                    break
            if waiting and waiting[0][0] in seen[since:]:
                since = len(seen)
                os.write(master, waiting.pop(0)[1])
        assert not waiting, f"waited in vain for {waiting[0][0]!r}"
        return process.wait(LIMIT_S), seen
    finally:
        process.kill()
        process.wait()
        os.close(master)

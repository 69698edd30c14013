"""A program on a pseudo-terminal: what it writes there, byte by byte, while keys are pressed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence

Step = tuple[bytes, bytes]
"""What must have been seen since the step before, and the keys that are pressed then."""


def on_a_terminal(
    *arguments: str, steps: Sequence[Step] = (), size: tuple[int, int] = (100, 24), limit_s: float = 60.0
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
    deadline_s = time.monotonic() + limit_s
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
        return process.wait(10), seen
    finally:
        process.kill()
        process.wait()
        os.close(master)

"""What the service manager of systemd is told, over the socket that it names: ready, alive, what goes on, stopping.

Nothing is told where there is none. The protocol is that of sd_notify(3): a datagram of lines.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass

from siscon.domain.errors import DatabaseError
from siscon.domain.text import counted, plain
from siscon.store import runs
from siscon.store.database import Database

log = logging.getLogger(__name__)

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"
SEND_WITHIN_S = 1.0
TELL_EVERY_S = 10.0
STALE_S = 30.0
"""A heart that has not tried to beat for so long is taken for stopped, whatever the loop still does."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who started this process and waits for its word; ``watchdog_s``: it kills after so long without one."""

    address: str
    watchdog_s: float | None = None

    def tell(self, *lines: str) -> None:
        """Send lines; that nobody takes them is told to the log alone."""
        where = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.settimeout(SEND_WITHIN_S)
                line.sendto("\n".join(lines).encode(), where)
        except OSError as error:
            log.warning("the service manager was not told %s: %s", lines[0], error.strerror or "no answer")


def find(environ: MutableMapping[str, str]) -> Supervisor | None:
    """The one that the environment names, which forgets it: children are not to speak in our name."""
    address = environ.pop("NOTIFY_SOCKET", "")
    limit, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not address.startswith(("/", "@")) or len(address) < 2:
        return None
    watched = limit.isdecimal() and int(limit) > 0 and pid in ("", str(os.getpid()))
    return Supervisor(address, int(limit) / 1e6 if watched else None)


async def keep_telling(
    supervisor: Supervisor, *, beaten_s: Callable[[], float], status: Callable[[], Awaitable[str]]
) -> None:
    """Say that the heart beats, and what goes on, for ever. A loop that hangs says nothing, nor does a dead heart."""
    every_s = min(TELL_EVERY_S, (supervisor.watchdog_s or TELL_EVERY_S) / 3)
    told = ""
    while True:
        if supervisor.watchdog_s is not None and time.monotonic() - beaten_s() < STALE_S:
            supervisor.tell(ALIVE)
        try:
            async with asyncio.timeout(every_s):
                now = await status()
        except TimeoutError:
            now = "the database does not answer"
        if now != told:
            supervisor.tell(f"STATUS={plain(now, limit=200)}")
            told = now
        await asyncio.sleep(every_s)


async def status_of(db: Database) -> str:
    """What goes on, in a few words."""
    try:
        async with db.read() as c:
            active = await runs.active(c)
    except DatabaseError as error:
        return error.sentence
    if not active:
        return "nothing to do"
    names = ", ".join(sorted({run.integration for run in active}))
    return f"{counted(len(active), 'run')} under way or waiting: {names}"

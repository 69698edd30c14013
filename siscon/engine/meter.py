"""What a run has on the wire: how many requests since its last commit, and whether one is under way.

The run's task and all that it starts find its meter by context.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from siscon.domain.runs import Lane


class Meter:
    """Counts the attempts of one run, token calls and retries included; ``lane`` says how soon it is wanted."""

    def __init__(self, run_id: int, lane: Lane = Lane.BULK) -> None:
        self.run_id = run_id
        self.lane = lane
        self._count = 0
        self._failed = self._throttled = 0
        self._under_way = 0
        self._moved_s = time.monotonic()

    def add(self, count: int = 1) -> None:
        """One more attempt left this machine."""
        self._count += count

    def take(self) -> int:
        """The attempts since the last take; the caller commits them with what they brought."""
        count, self._count = self._count, 0
        return count

    def failed(self) -> None:
        """An attempt brought no answer, or none that could be used."""
        self._failed += 1

    def throttled(self) -> None:
        """The SIS answered an attempt by asking for a pause."""
        self._throttled += 1

    def take_trouble(self) -> tuple[int, int]:
        """The attempts that failed, and those the SIS asked to pause after, since the last take."""
        found = self._failed, self._throttled
        self._failed = self._throttled = 0
        return found

    def quiet_s(self) -> float:
        """Seconds since the last call to the SIS ended; 0 while one is under way, be it in a wait or repeated."""
        return 0.0 if self._under_way else time.monotonic() - self._moved_s

    @contextmanager
    def call(self) -> Iterator[None]:
        """A call to the SIS, for the length of a block."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._moved_s = time.monotonic()


SOONER = (Lane.SINGLE, Lane.QUICK, Lane.BULK)
"""Whose request goes first, of those that wait."""

CURRENT: ContextVar[Meter | None] = ContextVar("siscon_meter", default=None)
"""The meter of the run that this task works for; None for work that belongs to no run."""


def count_request() -> None:
    """Count one attempt for whichever run this task works for."""
    meter = CURRENT.get()
    if meter is not None:
        meter.add()


def count_failure() -> None:
    """Count an attempt that failed for whichever run this task works for."""
    meter = CURRENT.get()
    if meter is not None:
        meter.failed()


def count_throttled() -> None:
    """Count an attempt after which a pause was asked for, for whichever run this task works for."""
    meter = CURRENT.get()
    if meter is not None:
        meter.throttled()


def rank() -> int:
    """How soon what this task does is wanted: 0 for one record that a person waits for, 2 for a long import."""
    meter = CURRENT.get()
    return SOONER.index(meter.lane if meter is not None else Lane.BULK)


@contextmanager
def call_under_way() -> Iterator[None]:
    """A call to the SIS on behalf of whichever run this task works for, for the length of a block."""
    meter = CURRENT.get()
    if meter is None:
        yield
        return
    with meter.call():
        yield

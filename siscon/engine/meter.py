"""How many requests a run has made since its last commit. The run's task and all that it starts find it by context."""

from __future__ import annotations

from contextvars import ContextVar


class Meter:
    """Counts the attempts of one run, token calls and retries included."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self._count = 0

    def add(self, count: int = 1) -> None:
        """One more attempt left this machine."""
        self._count += count

    def take(self) -> int:
        """The attempts since the last take; the caller commits them with what they brought."""
        count, self._count = self._count, 0
        return count


CURRENT: ContextVar[Meter | None] = ContextVar("siscon_meter", default=None)
"""The meter of the run that this task works for; None for work that belongs to no run."""


def count_request() -> None:
    """Count one attempt for whichever run this task works for."""
    meter = CURRENT.get()
    if meter is not None:
        meter.add()

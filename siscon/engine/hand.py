"""One run under way: its task, why it was stopped, and how it ends. The decision is pure; the worker writes it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum

from siscon.domain.errors import Cancelled, LeaseLost, SisconError
from siscon.domain.leases import Lease
from siscon.domain.runs import Run, RunStatus
from siscon.domain.text import plain
from siscon.engine.meter import Meter


class Stop(StrEnum):
    """Why a run was stopped from outside."""

    ASKED = "asked"
    TO_REST = "to rest"
    ENGINE_ENDS = "engine ends"
    LEASE_LOST = "lease lost"


@dataclass(frozen=True, slots=True)
class Ending:
    """What is written when a run's task is done; ``status`` INTERRUPTED: it goes back to the queue."""

    status: RunStatus
    code: str = ""
    sentence: str = ""


ENGINE_STOPPED = Ending(RunStatus.INTERRUPTED, "interrupted", "engine stopped; will go on at the next start")


@dataclass(slots=True, eq=False)
class Hand:
    """A run that a worker carries."""

    run: Run
    lease: Lease
    work: asyncio.Task[RunStatus]
    meter: Meter
    why: Stop | None = field(default=None, init=False)
    by: str = field(default="", init=False)

    def stop(self, why: Stop, *, by: str = "") -> None:
        """Cancel the work; the first reason stands. Safe to call again."""
        if self.why is None:
            self.why, self.by = why, by
        self.work.cancel()

    async def done(self, *, insist_s: float = 3.0) -> None:
        """Wait for the work's end; work that swallows its cancellation is cancelled again."""
        while not self.work.done():
            await asyncio.wait({self.work}, timeout=insist_s)
            if self.why is not None and not self.work.done():
                self.work.cancel()

    @property
    def ending(self) -> Ending | None:
        """How the run ends; None when nothing may be written any more. The work must be done."""
        if self.work.cancelled():
            return self._stopped()
        error = self.work.exception()
        match error:
            case None:
                return Ending(self.work.result())
            case LeaseLost():
                return Ending(RunStatus.INTERRUPTED, "interrupted", "a lease was lost")
            case Cancelled():
                return self._stopped()
            case SisconError():
                return Ending(RunStatus.FAILED, error.code, error.sentence)
            case _:
                kind = plain(type(error).__name__)
                said = f"siscon met a fault of its own ({kind}). The log has the place; please report it."
                return Ending(RunStatus.FAILED, "unexpected", said)

    def _stopped(self) -> Ending | None:
        if self.why is Stop.LEASE_LOST:
            return None
        if self.why is Stop.ASKED:
            return Ending(RunStatus.CANCELLED, "cancelled", f"cancelled by {plain(self.by)}")
        if self.why is Stop.TO_REST:
            return Ending(RunStatus.PAUSED, "paused", f"paused by {plain(self.by)}")
        return ENGINE_STOPPED

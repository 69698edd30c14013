"""The clock: schedules become queued runs, once for each due moment. The only door to APScheduler.

One engine at a time is the clock: the one that holds the lease ``clock``.
"""

from __future__ import annotations

import logging
import time
from asyncio import sleep
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from siscon.domain.blackouts import Blackout
from siscon.domain.errors import LeaseLost, SisconError
from siscon.domain.leases import HEARTBEAT_S
from siscon.domain.runs import RunStatus
from siscon.domain.timetables import Schedule
from siscon.engine.due import settle_due
from siscon.engine.leases import Holdings
from siscon.engine.reminders import Reminder
from siscon.engine.resting import go_on
from siscon.engine.windows import tell
from siscon.store import integrations, runs
from siscon.store.database import Connection, Database

log = logging.getLogger(__name__)
logging.getLogger("apscheduler").setLevel(logging.WARNING)

CLOCK_LEASE = "clock"
JUMP_MS = 2_000
"""The wall clock was moved, or the machine slept, if it went so much further than time did."""
SOONEST_MS = 50
AFTER_FAULT_MS = 60_000
WINDOWS = ":windows"
"""What is looked at beside the integrations; none can have such a name."""


@dataclass(slots=True, eq=False)
class Clock:
    """Fires the schedules of each integration, but for the ``windows`` in which none starts anything.

    Each integration is armed for one moment, which :mod:`siscon.domain.schedules` has found, and armed anew when it has
    come: the library's own cron trigger counts week days from Monday and fires twice on the night the clocks go
    back. Jobs live in memory; that a moment starts one run, also with two clocks, is the database's business.
    """

    db: Database
    holdings: Holdings
    timetables: Mapping[str, Sequence[Schedule]]
    now_ms: Callable[[], int]
    windows: Sequence[Blackout] = ()
    reminder: Reminder = field(default_factory=Reminder)
    _scheduler: AsyncIOScheduler | None = field(default=None, init=False)
    _ahead_ms: int = field(default=0, init=False)
    """How far the wall clock was ahead of the monotonic one at the last look."""

    async def run(self, *, every_s: float = HEARTBEAT_S) -> None:
        """Be the clock whenever the lease can be had; look at the wall clock again each few seconds."""
        try:
            while True:
                lease = self.holdings.held(CLOCK_LEASE)
                if lease is None:
                    self._stop()
                    lease = await self.holdings.take(CLOCK_LEASE, on_lost=self._stop)
                if lease is not None and self._scheduler is None:  # also where it began anew after a fault
                    self._start()
                    await self.look()
                elif lease is not None:
                    await self._heed_jumps()
                await sleep(every_s)
        finally:
            self._stop()

    async def look(self) -> None:
        """Catch up on all that is due, then arm what comes next."""
        self._ahead_ms = self._ahead()
        for what in (WINDOWS, *self.timetables):
            await self._arm_again(what)
        await self._heed_pauses()

    async def _heed_jumps(self) -> None:
        """Look at everything again where the wall clock was moved: jobs wait for spans of time, not for hours."""
        if abs(self._ahead() - self._ahead_ms) > JUMP_MS:
            await self.look()
            return
        await self._heed_pauses()
        if self._scheduler is not None:
            self._scheduler.wakeup()

    def _ahead(self) -> int:
        return self.now_ms() - time.monotonic_ns() // 1_000_000

    def _start(self) -> None:
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        scheduler.start()
        self._scheduler = scheduler

    def _stop(self) -> None:
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=False)

    async def _arm_again(self, what: str) -> None:
        """Settle what is due, then wait for the next moment. A fault is logged, stops nobody else, and is looked at
        again before long.
        """
        if self.holdings.held(CLOCK_LEASE) is None:
            self._stop()
            return
        try:
            look_ms = await self._settle(what)
        except LeaseLost:
            self._stop()
            return
        except SisconError as error:
            log.warning("schedules of %s: %s", what, error.sentence)
            look_ms = self.now_ms() + int(HEARTBEAT_S * 1000)
        except Exception:
            log.exception("schedules of %s", what)
            look_ms = self.now_ms() + AFTER_FAULT_MS
        if look_ms is not None and self._scheduler is not None:
            wait_ms = max(SOONEST_MS, look_ms - self.now_ms())
            # No grace: a late job is not dropped here, what is overdue is settled by the policy of its schedule.
            trigger = DateTrigger(datetime.now(UTC) + timedelta(milliseconds=wait_ms))
            self._scheduler.add_job(self._arm_again, trigger, args=[what], id=what, replace_existing=True)

    async def _settle(self, what: str) -> int | None:
        if what == WINDOWS:
            told = partial(tell, windows=self.windows, reminder=self.reminder)
            return await self._in_transaction(told) if self.windows else None
        return await self.catch_up(what)

    async def catch_up(self, name: str) -> int | None:
        """Settle what is due of an integration; the moment of the next look."""
        timetable = self.timetables.get(name, ())
        return await self._in_transaction(
            partial(settle_due, name=name, timetable=timetable, windows=self.windows)
        )

    async def _heed_pauses(self) -> None:
        """Let runs and integrations go on whose pause is over; people may have asked for pauses since the last look."""
        try:
            async with self.db.read() as c:
                ready = await runs.to_resume(c, now_ms=self.now_ms())
                names = await integrations.pauses_over(c, now_ms=self.now_ms())
            if ready:
                await self._in_transaction(partial(_resume, run_ids=ready))
        except LeaseLost:
            self._stop()
        except SisconError as error:
            log.warning("pauses: %s", error.sentence)
        else:
            for name in names:
                await self._arm_again(name)

    async def _in_transaction(self, work: Callable[..., Awaitable[int | None]]) -> int | None:
        async with self.db.transaction(self.holdings.held(CLOCK_LEASE)) as c:
            return await work(c, now_ms=self.now_ms())


async def _resume(c: Connection, *, run_ids: Sequence[int], now_ms: int) -> None:
    for run in await runs.by_ids(c, run_ids):
        if run.status is RunStatus.PAUSED:
            await go_on(c, run, f"run {run.id} goes on: its pause is over", now_ms=now_ms)

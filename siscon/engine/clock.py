"""The clock: schedules become queued runs, once for each due moment. The only door to APScheduler.

One engine at a time is the clock: the one that holds the lease ``clock``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from siscon.domain.errors import LeaseLost, SisconError
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import HEARTBEAT_S
from siscon.domain.runs import UNDER_WAY, Lane, Run, RunKind
from siscon.domain.schedules import LATE_S, Cron, next_time
from siscon.engine.leases import Holdings
from siscon.store import events, integrations, runs
from siscon.store.database import Connection, Database

log = logging.getLogger(__name__)
logging.getLogger("apscheduler").setLevel(logging.WARNING)

CLOCK_LEASE = "clock"
REQUESTED_BY = "schedule"
PUT_OFF_MS = 60_000
"""A full comparison that found a run under way looks again after so long."""


@dataclass(slots=True, eq=False)
class Clock:
    """Fires the schedules (integration -> cron line) in a zone; those of ``full`` compare everything.

    Each job is armed for one moment, which :mod:`siscon.domain.schedules` has found, and armed anew when it has
    fired: the library's own cron trigger counts week days from Monday and fires twice on the night the clocks go
    back. Jobs live in memory; that a moment fires once, also with two clocks, is the runs table's business.
    """

    db: Database
    holdings: Holdings
    schedules: Mapping[str, Cron]
    zone: ZoneInfo
    now_ms: Callable[[], int]
    full: Mapping[str, Cron] = field(default_factory=dict)
    _scheduler: AsyncIOScheduler | None = field(default=None, init=False)

    async def run(self, *, every_s: float = HEARTBEAT_S) -> None:
        """Be the clock whenever the lease can be had; look at the wall clock again each few seconds."""
        try:
            while True:
                if self.holdings.held(CLOCK_LEASE) is None:
                    self._stop()
                    if await self.holdings.take(CLOCK_LEASE, on_lost=self._stop):
                        await self._start()
                elif self._scheduler is not None:
                    self._scheduler.wakeup()
                await asyncio.sleep(every_s)
        finally:
            self._stop()

    async def _start(self) -> None:
        """Catch up on what was due while no clock ran, then arm every schedule."""
        scheduler = AsyncIOScheduler(
            timezone=self.zone,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        scheduler.start()
        self._scheduler = scheduler
        for name in {**self.schedules, **self.full}:
            await self._arm_again(name)

    def _stop(self) -> None:
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=False)

    async def _arm_again(self, name: str) -> None:
        """Fire what is overdue, then wait for the next moment. Runs in a job, so a fault is logged, not lost."""
        if self.holdings.held(CLOCK_LEASE) is None:
            self._stop()
            return
        try:
            due_ms = await self.catch_up(name)
        except LeaseLost:
            self._stop()
            return
        except SisconError as error:
            log.warning("schedule of %s: %s", name, error.sentence)
            due_ms = self.now_ms() + int(HEARTBEAT_S * 1000)
        if due_ms is not None and self._scheduler is not None:
            # No grace: a late fire is not dropped here, catch_up reports it and runs it once.
            self._scheduler.add_job(
                self._arm_again, DateTrigger(_moment(due_ms)), args=[name], id=name, replace_existing=True
            )

    async def catch_up(self, name: str) -> int | None:
        """Queue one run if a schedule is due, however often it has been since; the next moment due.

        A full comparison takes the place of the other where both are due, and is put off while a run is under way.
        """
        now_ms = self.now_ms()
        next_ms, next_full_ms = (
            self._next_ms(self.schedules, name, now_ms),
            self._next_ms(self.full, name, now_ms),
        )
        async with self.db.transaction(self.holdings.held(CLOCK_LEASE)) as c:
            integration = await integrations.one(c, name)
            if integration is None or not integration.enabled:
                return None
            due_ms, full_due_ms = integration.next_due_at_ms, integration.full_due_at_ms
            busy = await self._under_way(c, name)
            if full_due_ms is not None and full_due_ms <= now_ms and not integration.paused:
                if busy:
                    next_full_ms = full_due_ms
                else:
                    await self._queue(c, name, full_due_ms, now_ms, full=True)
            elif due_ms is not None and due_ms <= now_ms and not integration.paused:
                if busy:
                    await self._missed(c, name, due_ms, now_ms, busy)
                else:
                    await self._queue(c, name, due_ms, now_ms, full=False)
            await integrations.set_due(c, name, next_ms)
            await integrations.set_full_due(c, name, next_full_ms)
        if next_full_ms is not None and next_full_ms <= now_ms:
            next_full_ms = now_ms + PUT_OFF_MS
        return min((one for one in (next_ms, next_full_ms) if one is not None), default=None)

    async def _under_way(self, c: Connection, name: str) -> Run | None:
        for run in await runs.active(c):
            if run.integration == name and run.kind is RunKind.IMPORT and run.status in UNDER_WAY:
                return run
        return None

    async def _missed(self, c: Connection, name: str, due_ms: int, now_ms: int, busy: Run) -> None:
        text = f"{name} was due at {self._told(due_ms)}; run {busy.id} was still under way"
        kind = EventKind.SCHEDULE_MISSED
        await events.append(c, kind, Level.WARNING, text, integration=name, at_ms=now_ms)

    async def _queue(self, c: Connection, name: str, due_ms: int, now_ms: int, *, full: bool) -> None:
        late = now_ms - due_ms > LATE_S * 1000
        run_id = await runs.enqueue(
            c,
            integration=name,
            kind=RunKind.IMPORT,
            lane=Lane.BULK,
            entities=(),
            full=full,
            requested_by=REQUESTED_BY,
            due_at_ms=due_ms,
            now_ms=now_ms,
        )
        if run_id is None:
            return
        what = ", a full comparison," if full else ""
        kind, level, text = (
            EventKind.RUN_QUEUED,
            Level.INFO,
            f"run {run_id} of {name}{what} is due by schedule",
        )
        if late:
            kind, level = EventKind.SCHEDULE_MISSED, Level.WARNING
            text = f"{name} was due at {self._told(due_ms)} and no clock ran; run {run_id} makes up for it"
        await events.append(c, kind, level, text, integration=name, run_id=run_id, at_ms=now_ms)

    def _next_ms(self, schedules: Mapping[str, Cron], name: str, after_ms: int) -> int | None:
        line = schedules.get(name)
        found = next_time(line, self.zone, _moment(after_ms)) if line else None
        return int(found.timestamp() * 1000) if found else None

    def _told(self, moment_ms: int) -> str:
        return f"{_moment(moment_ms).astimezone(self.zone):%Y-%m-%d %H:%M %Z}"


def _moment(moment_ms: int) -> datetime:
    return datetime.fromtimestamp(moment_ms / 1000, UTC)

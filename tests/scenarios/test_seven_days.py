"""Seven days at a fast clock over both clock changes: every time runs once, and nothing grows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from siscon.domain.runs import GOOD_ENDS, Run
from siscon.engine.activation import activate_all
from siscon.engine.bell import Bell
from siscon.engine.carriers import carry
from siscon.engine.clock import CLOCK_LEASE, Clock
from siscon.engine.leases import Holdings
from siscon.engine.links import Links
from siscon.engine.moments import wall_ms
from siscon.engine.worker import Shop, Worker
from siscon.store import runs, schedules
from siscon.store.sqlite import SqliteDatabase, open_database
from siscon.store.vault import Vault
from support.clock import HandClock, until
from support.engines import provider_over, settings_for
from support.fake_sis import small_district

STEP_S, DAY_STEPS = 15 * 60, 4 * 24
HOUR_MS = 3_600_000
LOG_KIB = 4000 * 4096 / 1024
"""So far the log is filled before it is begun anew; on the first day it may not have come so far."""
WEEKS = {
    "spring in New York": ("America/New_York", "2027-03-11"),
    "autumn in New York": ("America/New_York", "2027-11-04"),
    "spring in Oslo": ("Europe/Oslo", "2027-03-25"),
    "autumn in Oslo": ("Europe/Oslo", "2027-10-28"),
    "autumn on Lord Howe": ("Australia/Lord_Howe", "2027-04-01"),
    "spring on Lord Howe": ("Australia/Lord_Howe", "2027-09-30"),
}


@dataclass
class Week:
    """A clock and a worker as an engine has them, at a time that the test moves."""

    db: SqliteDatabase
    clock: HandClock
    timer: Clock
    worker: Worker

    async def step(self) -> None:
        """A quarter of an hour; return when the clock has seen it and all that it started has ended."""
        self.clock.forward(STEP_S)

        async def is_quiet() -> bool:
            async with self.db.read() as c:
                known = await schedules.of(c, "harbor")
            seen = all((one.start_at_ms or 0) > self.clock.now_ms() for one in known)
            return seen and await self.worker.is_idle()

        await until(is_quiet)

    async def all_runs(self) -> list[Run]:
        async with self.db.read() as c:
            return await runs.latest(c, limit=2000)

    def sizes(self) -> dict[str, float]:
        """Memory in KiB, open files, tasks, the write-ahead log in KiB."""
        resident = Path("/proc/self/statm").read_text().split()[1]
        wal = self.db.path.with_name(self.db.path.name + "-wal")
        return {
            "memory": int(resident) * os.sysconf("SC_PAGE_SIZE") / 1024,
            "files": sum(1 for _ in Path("/proc/self/fd").iterdir()),
            "tasks": len(asyncio.all_tasks()),
            "wal": wal.stat().st_size / 1024,
        }


@asynccontextmanager
async def a_week(folder: Path, zone: str, first_day: str) -> AsyncIterator[Week]:
    noon = datetime.fromisoformat(first_day).replace(hour=12, tzinfo=ZoneInfo(zone))
    clock = HandClock(at_ms=int(noon.timestamp() * 1000))
    lines = (
        {"name": "nightly", "cron": "30 2 * * *"},
        {"name": "early", "cron": "30 1 * * *"},
        {"name": "hourly", "cron": "0 * * * *", "entities": ["student"]},
        {"name": "weekly", "cron": "15 2 * * sun", "kind": "full"},
    )
    settings = settings_for(folder, schedules=[{**one, "time_zone": zone} for one in lines])
    vault, load = Vault([bytes(32)]), provider_over(small_district())
    db = await open_database(folder / "siscon.db", synchronous="normal")
    holdings = Holdings(db, "engine", now_ms=wall_ms)
    links = Links(db, settings, vault, owner="engine", load_provider=load, now_ms=clock.now_ms)
    usable = await activate_all(db, settings, load_provider=load, now_ms=clock.now_ms)
    timetables = {name: one.timetable("UTC") for name, one in usable.items()}
    timer = Clock(db, holdings, timetables, clock.now_ms)
    worker, bell = Worker(Shop(db, settings, vault, holdings, links, carry, clock.now_ms)), Bell()
    parts = (
        timer.run(every_s=0.005),
        worker.work(bell.ear(rest_s=0.001)),
        bell.listen(db),
        holdings.beat_for_ever(),
    )
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await until(lambda: holdings.held(CLOCK_LEASE) is not None)
        yield Week(db, clock, timer, worker)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await worker.stop()
        await links.close()
        await db.close()


@pytest.mark.long
@pytest.mark.parametrize("name", WEEKS)
async def test_in_seven_days_every_time_runs_once_and_nothing_grows(tmp_path: Path, name: str) -> None:
    zone, first_day = WEEKS[name]
    local = ZoneInfo(zone)
    async with a_week(tmp_path, zone, first_day) as week:
        begin_ms = week.clock.now_ms()
        for _ in range(DAY_STEPS):
            await week.step()
        before = week.sizes()
        for _ in range(6 * DAY_STEPS):
            await week.step()
        after, found = week.sizes(), await week.all_runs()

    assert {run.status for run in found} <= GOOD_ENDS
    due: dict[str, list[datetime]] = {}
    for run in reversed(found):
        assert run.due_at_ms is not None
        due.setdefault(run.schedule, []).append(datetime.fromtimestamp(run.due_at_ms / 1000, UTC))
    dates = [(datetime.fromisoformat(first_day) + timedelta(days=day)).date() for day in range(1, 8)]
    for nightly in ("nightly", "early"):
        assert [at.astimezone(local).date() for at in due[nightly]] == dates
    assert [at.astimezone(local).strftime("%a") for at in due["weekly"]] == ["Sun"]
    gaps = [
        int((b - a).total_seconds()) // 60 for a, b in zip(due["hourly"], due["hourly"][1:], strict=False)
    ]
    half_an_hour_off = int("Lord_Howe" in zone)
    assert sum(gap != 60 for gap in gaps) == half_an_hour_off
    assert set(gaps) <= {60, 90}
    assert due["hourly"][0].timestamp() * 1000 == begin_ms + HOUR_MS
    assert len(due["hourly"]) in (168, 168 - half_an_hour_off)
    before["wal"] = max(before["wal"], LOG_KIB)
    grown = {
        key: (round(before[key]), round(after[key])) for key in before if after[key] > before[key] * 1.05
    }
    assert grown == {}

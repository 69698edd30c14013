"""Whatever becomes of a clock: no moment starts two runs, none before its time, none is lost without a word."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siscon.domain.runs import RunStatus
from siscon.domain.timetables import Missed, Schedule, fire_after, fires_from
from siscon.engine.clock import Clock
from siscon.engine.due import settle_due
from siscon.engine.leases import Holdings
from siscon.store import integrations, runs, schedules
from siscon.store.sqlite import SqliteDatabase, open_database
from support.clock import HandClock

ZONES = ("UTC", "America/New_York", "Europe/Oslo", "Australia/Lord_Howe", "Asia/Kathmandu")
LINES = ("0 * * * *", "*/20 * * * *", "30 2 * * *", "30 1 * * *", "15 2 * * 0", "0 0 1 * *", "0 5,17 * * 1-5")
CHANGES_OF_CLOCKS = (1_803_600_000_000, 1_793_500_000_000, 1_806_200_000_000, 1_791_000_000_000)
MINUTE_MS = 60_000
DAY_MIN = 24 * 60

moves = st.one_of(
    st.integers(1, 90),
    st.just(DAY_MIN),
    st.integers(1, 3 * DAY_MIN),
    st.just(-DAY_MIN),
    st.sampled_from(["killed in the act", "another clock"]),
)
cases = st.fixed_dictionaries(
    {
        "line": st.sampled_from(LINES),
        "zone": st.sampled_from(ZONES),
        "missed": st.sampled_from([Missed.ONCE, Missed.EACH]),
        "jitter_s": st.sampled_from([0, 0, 600]),
    }
)


class Killed(Exception):
    """The clock died before it could commit."""


async def look(db: SqliteDatabase, owner: str, schedule: Schedule, clock: HandClock, *, killed: bool) -> None:
    """One look of a clock that was just started; ``killed``: it dies at the end of its transaction."""
    holdings = Holdings(db, owner, now_ms=clock.now_ms)
    timer = Clock(db, holdings, {"harbor": [schedule]}, clock.now_ms)
    if not killed:
        await timer.catch_up("harbor")
        return
    try:
        async with db.transaction() as c:
            await settle_due(c, "harbor", [schedule], (), now_ms=clock.now_ms())
            raise Killed
    except Killed:
        pass


async def live(
    folder: Path, schedule: Schedule, start_ms: int, steps: list[int | str]
) -> tuple[list[int], int, int, int]:
    """Moments that started a run; how many were told as missed; when the clock began and ended."""
    clock, started = HandClock(at_ms=start_ms), list[int]()
    db = await open_database(folder / "siscon.db", synchronous="normal")
    try:
        async with db.transaction() as c:
            told = {"provider": "fake", "title": "F", "schedule": "", "requests_per_minute": 0, "now_ms": 1}
            await integrations.activate(c, name="harbor", **told)
            await schedules.put_all(c, "harbor", [schedule], enabled=True)
        owner = "one"
        await look(db, owner, schedule, clock, killed=False)
        for step in steps:
            if isinstance(step, int):
                clock.forward(step * 60)
            owner = "two" if step == "another clock" else owner
            await look(db, owner, schedule, clock, killed=step == "killed in the act")
            await look(db, owner, schedule, clock, killed=False)
            async with db.transaction() as c:
                for run in await runs.active(c):
                    assert run.due_at_ms is not None
                    assert run.due_at_ms <= clock.now_ms()
                    started.append(run.due_at_ms)
                    await runs.move(c, run.id, RunStatus.CANCELLED, now_ms=clock.now_ms())
        async with db.read() as c:
            found = await schedules.misses(c, since_ms=0)
        return started, sum(one.moments for one in found.values()), start_ms, clock.now_ms()
    finally:
        await db.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    case=cases,
    begin=st.sampled_from(CHANGES_OF_CLOCKS),
    before_min=st.integers(0, 4 * DAY_MIN),
    steps=st.lists(moves, min_size=1, max_size=12),
)
def test_a_moment_starts_at_most_one_run_and_none_is_lost_without_a_word(
    case: dict[str, object], begin: int, before_min: int, steps: list[int | str]
) -> None:
    schedule = Schedule("main", **case)  # type: ignore[arg-type] # drawn by name
    assert ZoneInfo(schedule.zone)
    start_ms = (begin - before_min * MINUTE_MS) // MINUTE_MS * MINUTE_MS
    with TemporaryDirectory() as folder:
        started, missed, begin_ms, end_ms = asyncio.run(live(Path(folder), schedule, start_ms, steps))

    assert [at for at, times in Counter(started).items() if times > 1] == []
    backwards = any(isinstance(step, int) and step < 0 for step in steps)
    if not backwards and not schedule.jitter_s:
        first_ms = fire_after(schedule, begin_ms)
        assert first_ms is not None
        fires = _until(schedule, first_ms, end_ms)
        assert set(started) <= set(fires)
        assert len(started) + missed >= len(fires)


def _until(schedule: Schedule, first_ms: int, end_ms: int) -> list[int]:
    found = []
    for at_ms in fires_from(schedule, first_ms):
        if at_ms > end_ms:
            break
        found.append(at_ms)
    return found

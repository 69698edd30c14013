"""Schedules become queued runs, once for each due moment; what was missed runs once and is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from siscon.domain.blackouts import Blackout, Due, UnderWay
from siscon.domain.events import EventKind
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, Run, RunKind, RunStatus
from siscon.domain.timetables import Busy, Missed, Schedule
from siscon.engine.clock import CLOCK_LEASE, WINDOWS, Clock
from siscon.engine.due import EACH_AT_MOST
from siscon.engine.leases import Holdings
from siscon.engine.moments import wall_ms
from siscon.engine.reminders import Reminder
from siscon.store import blackouts, events, integrations, outbox, runs, schedules
from siscon.store.sqlite import SqliteDatabase
from support.clock import HandClock, until
from support.databases import activate
from support.timetables import arm, lines

NIGHTLY = "0 2 * * *"
NOON_MS = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() * 1000)
HOUR_S = 3600


def a_clock(
    db: SqliteDatabase,
    clock: HandClock,
    line: str = NIGHTLY,
    zone: str = "UTC",
    *more: Schedule,
    windows: Sequence[Blackout] = (),
    **policy: Any,
) -> Ticks:
    first = [replace(one, **policy) for one in lines(line, zone=zone)]
    return Ticks(db, clock, [*first, *more], windows)


@dataclass
class Ticks:
    """A clock whose every look is asked for; each look is that of a process which has just been started."""

    db: SqliteDatabase
    clock: HandClock
    timetable: Sequence[Schedule]
    windows: Sequence[Blackout] = ()

    async def catch_up(self, name: str = "harbor") -> int | None:
        async with self.db.transaction() as c:
            await schedules.put_all(c, name, self.timetable, enabled=True)
        holdings = Holdings(self.db, "one", now_ms=self.clock.now_ms)
        clock = Clock(self.db, holdings, {name: self.timetable}, self.clock.now_ms, self.windows)
        return await clock.catch_up(name)


async def queued(db: SqliteDatabase) -> list[Run]:
    async with db.read() as c:
        return [run for run in await runs.latest(c) if run.status is RunStatus.QUEUED]


async def kinds(db: SqliteDatabase) -> list[EventKind]:
    async with db.read() as c:
        return [one.kind for one in await events.latest(c)]


async def end(db: SqliteDatabase, run: Run) -> None:
    async with db.transaction() as c:
        await runs.move(c, run.id, RunStatus.CANCELLED, now_ms=1)


@pytest.fixture
def noon() -> HandClock:
    return HandClock(at_ms=NOON_MS)


async def test_a_new_schedule_waits_for_its_first_moment(db: SqliteDatabase, noon: HandClock):
    next_ms = await a_clock(db, noon).catch_up("harbor")

    assert next_ms == NOON_MS + 14 * HOUR_S * 1000
    assert await queued(db) == []
    async with db.read() as c:
        stored = await integrations.one(c, "harbor")
    assert stored is not None
    assert stored.next_due_at_ms == next_ms


async def test_a_due_schedule_queues_one_run_for_that_moment(db: SqliteDatabase, noon: HandClock):
    due_ms = await a_clock(db, noon).catch_up("harbor")
    noon.forward(14 * HOUR_S + 1)
    await a_clock(db, noon).catch_up("harbor")
    await a_clock(db, noon).catch_up("harbor")

    assert [run.due_at_ms for run in await queued(db)] == [due_ms]
    assert await kinds(db) == [EventKind.RUN_QUEUED]


async def test_five_missed_nights_run_once_and_are_reported(db: SqliteDatabase, noon: HandClock):
    await a_clock(db, noon).catch_up("harbor")
    noon.forward(5 * 24 * HOUR_S)
    next_ms = await a_clock(db, noon).catch_up("harbor")

    assert len(await queued(db)) == 1
    assert await kinds(db) == [EventKind.SCHEDULE_MISSED]
    assert next_ms is not None
    assert next_ms > noon.now_ms()


async def test_two_clocks_that_overlap_queue_one_run(db: SqliteDatabase, noon: HandClock):
    due_ms = await a_clock(db, noon).catch_up("harbor")
    noon.forward(14 * HOUR_S)
    await a_clock(db, noon).catch_up("harbor")
    first = (await queued(db))[0]
    await end(db, first)
    async with db.transaction() as c:
        await arm(c, "harbor", due_ms or 0)
    await a_clock(db, noon).catch_up("harbor")

    assert await queued(db) == []


async def test_while_a_run_is_under_way_a_due_moment_is_only_reported(db: SqliteDatabase, noon: HandClock):
    hourly = "0 * * * *"
    await a_clock(db, noon, hourly).catch_up("harbor")
    noon.forward(HOUR_S)
    await a_clock(db, noon, hourly).catch_up("harbor")
    noon.forward(HOUR_S)
    await a_clock(db, noon, hourly).catch_up("harbor")

    assert len(await queued(db)) == 1
    assert await kinds(db) == [EventKind.SCHEDULE_MISSED, EventKind.RUN_QUEUED]


async def test_a_paused_integration_starts_nothing_and_does_not_catch_up_later(
    db: SqliteDatabase, noon: HandClock
):
    await a_clock(db, noon).catch_up("harbor")
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", True)
    noon.forward(48 * HOUR_S)
    await a_clock(db, noon).catch_up("harbor")
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", False)
    await a_clock(db, noon).catch_up("harbor")

    assert await queued(db) == []


async def test_a_daily_run_comes_once_on_the_night_the_clocks_go_back(db: SqliteDatabase):
    zone = "America/New_York"
    clock = HandClock(at_ms=int(datetime(2026, 10, 31, 16, tzinfo=UTC).timestamp() * 1000))
    await a_clock(db, clock, "30 1 * * *", zone).catch_up("harbor")
    started = 0
    for _ in range(24 * 4):
        clock.forward(HOUR_S / 4)
        await a_clock(db, clock, "30 1 * * *", zone).catch_up("harbor")
        for run in await queued(db):
            started += 1
            await end(db, run)

    assert started == 1


async def test_a_wall_clock_set_back_a_day_fires_nothing_twice(db: SqliteDatabase, noon: HandClock):
    await a_clock(db, noon).catch_up("harbor")
    noon.forward(14 * HOUR_S + 10)
    await a_clock(db, noon).catch_up("harbor")
    await end(db, (await queued(db))[0])
    noon.forward(-24 * HOUR_S)
    await a_clock(db, noon).catch_up("harbor")
    noon.forward(24 * HOUR_S)
    await a_clock(db, noon).catch_up("harbor")

    assert await queued(db) == []


async def test_the_clock_runs_with_its_lease_and_fires_what_is_due(db: SqliteDatabase):
    every_minute = lines("* * * * *")
    async with db.transaction() as c:
        await schedules.put_all(c, "harbor", every_minute, enabled=True)
        await arm(c, "harbor", wall_ms() - 60_000)
    first, second = (
        Clock(db, Holdings(db, owner, now_ms=wall_ms), {"harbor": every_minute}, wall_ms)
        for owner in ("one", "two")
    )
    tasks = [asyncio.create_task(one.run(every_s=0.05)) for one in (first, second)]
    try:

        async def has_fired() -> bool:
            return len(await queued(db)) == 1

        await until(has_fired)
        held = [one.holdings.held(CLOCK_LEASE) is not None for one in (first, second)]
        assert sorted(held) == [False, True]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_clock_that_has_lost_its_lease_writes_nothing(db: SqliteDatabase, noon: HandClock):
    timetable = lines(NIGHTLY)
    async with db.transaction() as c:
        await schedules.put_all(c, "harbor", timetable, enabled=True)
    holdings = Holdings(db, "one", now_ms=noon.now_ms)

    await Clock(db, holdings, {"harbor": timetable}, noon.now_ms)._arm_again("harbor")

    async with db.read() as c:
        stored = await integrations.one(c, "harbor")
    assert stored is not None
    assert stored.next_due_at_ms is None


async def test_a_full_comparison_has_its_own_schedule_and_takes_the_place_of_the_other(
    db: SqliteDatabase, noon: HandClock
):
    clock = Ticks(db, noon, lines("0 * * * *", "0 14 * * *"))
    queued_as = []
    for _ in range(4):
        await clock.catch_up("harbor")
        for run in await queued(db):
            queued_as.append((run.full, run.due_at_ms))
            await end(db, run)
        noon.forward(HOUR_S)

    assert queued_as == [
        (False, NOON_MS + HOUR_S * 1000),
        (True, NOON_MS + 2 * HOUR_S * 1000),
        (False, NOON_MS + 3 * HOUR_S * 1000),
    ]


async def test_two_schedules_that_are_due_at_once_start_a_run_each(db: SqliteDatabase, noon: HandClock):
    students = Schedule("students", "0 13 * * *", "UTC", entities=(Entity.STUDENT,))
    clock = a_clock(db, noon, "0 * * * *", "UTC", students)
    await clock.catch_up()
    noon.forward(HOUR_S)
    await clock.catch_up()

    found = {run.schedule: run.entities for run in await queued(db)}
    assert found == {"main": (), "students": (Entity.STUDENT,)}


async def a_run_of_ann(db: SqliteDatabase) -> int:
    async with db.transaction() as c:
        run_id = await runs.enqueue(
            c,
            integration="harbor",
            kind=RunKind.IMPORT,
            lane=Lane.BULK,
            entities=(),
            full=False,
            requested_by="ann",
            due_at_ms=None,
            now_ms=1,
        )
    assert run_id is not None
    return run_id


async def test_a_moment_that_finds_a_run_under_way_waits_for_its_turn(db: SqliteDatabase, noon: HandClock):
    clock = a_clock(db, noon, "0 14 * * *")
    await clock.catch_up()
    busy = await a_run_of_ann(db)
    noon.forward(2 * HOUR_S)
    await clock.catch_up()

    run, _ = await queued(db)
    assert (run.schedule, run.due_at_ms) == ("main", NOON_MS + 2 * HOUR_S * 1000)
    async with db.read() as c:
        (news,) = await events.latest(c)
    assert f"it waits for run {busy}" in news.text


async def test_a_moment_that_finds_a_run_under_way_is_left_out_where_the_policy_says_so(
    db: SqliteDatabase, noon: HandClock
):
    clock = a_clock(db, noon, "0 14 * * *", busy=Busy.SKIP)
    await clock.catch_up()
    await a_run_of_ann(db)
    noon.forward(2 * HOUR_S)
    await clock.catch_up()

    assert [run.requested_by for run in await queued(db)] == ["ann"]
    assert await kinds(db) == [EventKind.SCHEDULE_MISSED]


@pytest.mark.parametrize(("missed", "started"), [(Missed.SKIP, 0), (Missed.ONCE, 1), (Missed.EACH, 5)])
async def test_what_was_missed_is_left_out_or_made_up_for_once_or_one_by_one(
    db: SqliteDatabase, noon: HandClock, missed: Missed, started: int
):
    clock = a_clock(db, noon, NIGHTLY, missed=missed)
    await clock.catch_up()
    noon.forward(5 * 24 * HOUR_S)
    await clock.catch_up()
    await clock.catch_up()

    assert len({run.due_at_ms for run in await queued(db)}) == started
    assert set(await kinds(db)) == {EventKind.SCHEDULE_MISSED}


async def test_the_clock_set_forward_a_day_and_back_loses_no_hour_and_doubles_none(
    db: SqliteDatabase, noon: HandClock
):
    clock = a_clock(db, noon, "0 * * * *")
    started = []
    await clock.catch_up()

    async def an_hour() -> None:
        noon.forward(HOUR_S)
        await clock.catch_up()
        for run in await queued(db):
            started.append(run.due_at_ms)
            await end(db, run)

    await an_hour()
    noon.forward(24 * HOUR_S)
    await an_hour()
    noon.forward(-24 * HOUR_S)
    await clock.catch_up()
    for _ in range(30):
        await an_hour()

    assert len(set(started)) == len(started)
    assert {NOON_MS + hour * HOUR_S * 1000 for hour in range(1, 33)} - set(started) == set()


async def test_jitter_puts_the_start_off_by_the_same_seconds_for_every_clock(
    db: SqliteDatabase, noon: HandClock
):
    clock = a_clock(db, noon, NIGHTLY, jitter_s=1800)
    await clock.catch_up()
    async with db.read() as c:
        (armed,) = await schedules.of(c, "harbor")
    late_ms = (armed.start_at_ms or 0) - (armed.due_at_ms or 0)
    assert 0 < late_ms <= 1_800_000
    noon.at_ms = (armed.start_at_ms or 0) - 1
    await clock.catch_up()
    assert await queued(db) == []
    noon.at_ms += 1
    await clock.catch_up()
    assert [run.due_at_ms for run in await queued(db)] == [armed.due_at_ms]


EVENING = Blackout("evening", "UTC", "13:00", "18:00")


async def test_within_a_window_nothing_starts_and_what_was_due_starts_once_at_its_end(
    db: SqliteDatabase, noon: HandClock
):
    clock = a_clock(db, noon, "0 * * * *", windows=[EVENING])
    await clock.catch_up()
    for _ in range(5):
        noon.forward(HOUR_S)
        await clock.catch_up()
        assert await queued(db) == []
    async with db.read() as c:
        (armed,) = await schedules.of(c, "harbor")
    assert armed.held_by == "evening"
    noon.forward(HOUR_S)
    next_ms = await clock.catch_up()

    starts = [(run.due_at_ms or 0) - NOON_MS for run in await queued(db)]
    assert starts == [HOUR_S * 1000]
    assert next_ms == NOON_MS + 7 * HOUR_S * 1000
    assert (await kinds(db)).count(EventKind.SCHEDULE_HELD_BACK) == 1


async def test_a_window_may_let_what_is_due_in_it_fall(db: SqliteDatabase, noon: HandClock):
    clock = a_clock(db, noon, "0 * * * *", windows=[replace(EVENING, due=Due.SKIP)])
    await clock.catch_up()
    for _ in range(5):
        noon.forward(HOUR_S)
        await clock.catch_up()
    assert await queued(db) == []
    async with db.read() as c:
        told = await schedules.misses(c, since_ms=0)
    assert told["harbor", "main"].moments == 5
    noon.forward(HOUR_S)
    await clock.catch_up()
    assert [(run.due_at_ms or 0) - NOON_MS for run in await queued(db)] == [6 * HOUR_S * 1000]


async def test_a_pause_until_a_moment_ends_by_itself_and_catches_nothing_up(
    db: SqliteDatabase, noon: HandClock
):
    clock = a_clock(db, noon, "0 * * * *")
    await clock.catch_up()
    until_ms = NOON_MS + 4 * HOUR_S * 1000 + HOUR_S * 500
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", True, until_ms=until_ms)
    for _ in range(4):
        noon.forward(HOUR_S)
        assert await clock.catch_up() is not None
    assert await queued(db) == []
    noon.forward(HOUR_S)
    await clock.catch_up()

    assert [(run.due_at_ms or 0) - NOON_MS for run in await queued(db)] == [5 * HOUR_S * 1000]
    assert EventKind.INTEGRATION_RESUMED in await kinds(db)
    async with db.read() as c:
        found = await integrations.one(c, "harbor")
    assert found is not None
    assert not found.paused


async def test_a_window_is_announced_begins_and_ends_and_each_is_told_once(
    db: SqliteDatabase, noon: HandClock
):
    rollover = Blackout("rollover", "UTC", "2026-11-23 12:00", "2026-11-24 12:00")
    holdings = Holdings(db, "one", now_ms=noon.now_ms)
    for _ in range(2 * 4 * 24):
        clock = Clock(db, holdings, {}, noon.now_ms, [rollover])
        await clock._settle(WINDOWS)
        noon.forward(HOUR_S / 2)

    async with db.read() as c:
        told = [one.text for one in reversed(await events.latest(c)) if one.kind is EventKind.BLACKOUT]
    assert [text.split(":")[0][:30] for text in told] == [
        "the window rollover begins at ",
        "the window rollover has begun",
        "the window rollover is over",
    ]


async def test_a_window_lets_a_scheduled_run_under_way_rest_and_go_on_at_its_end(
    db: SqliteDatabase, noon: HandClock
):
    window = replace(EVENING, under_way=UnderWay.PAUSE)
    clock = a_clock(db, noon, "30 12 * * *")
    await clock.catch_up()
    noon.forward(HOUR_S / 2)
    await clock.catch_up()
    (run,) = await queued(db)
    async with db.transaction() as c:
        await runs.claim(c, run.id, engine="e", now_ms=noon.now_ms())
    noon.forward(HOUR_S / 2)
    holdings = Holdings(db, "one", now_ms=noon.now_ms)
    timer = Clock(db, holdings, {}, noon.now_ms, [window])
    await timer._settle(WINDOWS)
    async with db.transaction() as c:
        resting = await runs.get(c, run.id)
        assert resting is not None
        assert resting.pause_requested_by == "the window evening"
        await runs.move(c, run.id, RunStatus.PAUSED, now_ms=noon.now_ms())

    noon.forward(5 * HOUR_S - 1)
    await timer._heed_pauses()
    assert await queued(db) == []
    noon.forward(1)
    await timer._heed_pauses()
    assert [one.id for one in await queued(db)] == [run.id]


async def test_a_clock_that_met_a_fault_begins_anew_and_fires(
    db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
):
    every_minute = lines("* * * * *")
    async with db.transaction() as c:
        await schedules.put_all(c, "harbor", every_minute, enabled=True)
        await arm(c, "harbor", wall_ms() - 60_000)
    clock = Clock(db, Holdings(db, "one", now_ms=wall_ms), {"harbor": every_minute}, wall_ms)

    async def broken(_self: Clock) -> None:
        raise RuntimeError

    with monkeypatch.context() as faulty:
        faulty.setattr(Clock, "look", broken)
        with pytest.raises(RuntimeError):
            await clock.run(every_s=0.01)
    again = asyncio.create_task(clock.run(every_s=0.01))

    async def has_fired() -> bool:
        return len(await queued(db)) == 1

    try:
        await until(has_fired)
    finally:
        again.cancel()
        await asyncio.wait({again})


async def test_one_integration_that_makes_a_fault_stops_the_schedules_of_no_other(
    db: SqliteDatabase, noon: HandClock
):
    good = lines(NIGHTLY)
    bad = [replace(good[0], line="0 2 * *")]
    holdings = Holdings(db, "one", now_ms=noon.now_ms)
    async with db.transaction() as c:
        for name in ("anchor", "harbor"):
            await activate(c, name)
            await schedules.put_all(c, name, good, enabled=True)
        await c.run("UPDATE schedules SET entities = '[1]' WHERE integration = 'anchor'")
    assert await holdings.take(CLOCK_LEASE, on_lost=lambda: None)

    await Clock(db, holdings, {"anchor": bad, "harbor": good}, noon.now_ms).look()

    async with db.read() as c:
        (armed,) = await schedules.of(c, "harbor")
    assert armed.due_at_ms is not None


async def test_a_moment_that_was_forgotten_while_the_clock_was_wrong_starts_no_second_run_and_breaks_nothing(
    db: SqliteDatabase, noon: HandClock
):
    clock = a_clock(db, noon, "0 * * * *")
    await clock.catch_up()
    noon.forward(90 * 24 * HOUR_S)
    await clock.catch_up()
    (early,) = await queued(db)
    await end(db, early)
    async with db.transaction() as c:
        await schedules.prune(c, noon.now_ms() - 40 * 24 * HOUR_S * 1000)
    noon.at_ms = NOON_MS
    await clock.catch_up()
    for _ in range(2):
        noon.forward(HOUR_S)
        await clock.catch_up()

    assert early.due_at_ms == NOON_MS + HOUR_S * 1000
    assert [run.due_at_ms for run in await queued(db)] == [NOON_MS + 2 * HOUR_S * 1000]


async def test_of_moments_that_are_to_have_a_run_each_only_so_many_wait_for_a_run_that_rests(
    db: SqliteDatabase, noon: HandClock
):
    clock = a_clock(db, noon, "*/5 * * * *", missed=Missed.EACH)
    await clock.catch_up()
    noon.forward(300)
    await clock.catch_up()
    (first,) = await queued(db)
    async with db.transaction() as c:
        await runs.move(c, first.id, RunStatus.PAUSED, now_ms=noon.now_ms())
    for _ in range(3):
        noon.forward(100 * 300)
        await clock.catch_up()

    async with db.read() as c:
        waiting = [run for run in await runs.active(c) if run.status is RunStatus.QUEUED]
        told = await schedules.misses(c, since_ms=0)
    assert len(waiting) == EACH_AT_MOST
    assert told["harbor", "main"].moments >= 200


async def test_a_window_of_a_whole_summer_is_not_forgotten_before_its_end(
    db: SqliteDatabase, noon: HandClock
):
    summer = Blackout("summer", "UTC", "2026-11-21 11:00", "2027-02-21 11:00")
    holdings = Holdings(db, "one", now_ms=noon.now_ms)
    for _ in range(95):
        await Clock(db, holdings, {}, noon.now_ms, [summer])._settle(WINDOWS)
        async with db.transaction() as c:
            await blackouts.prune(c, noon.now_ms() - 40 * 24 * HOUR_S * 1000)
        noon.forward(24 * HOUR_S)

    async with db.read() as c:
        told = [one.text for one in reversed(await events.latest(c)) if one.kind is EventKind.BLACKOUT]
    assert [text.split(":")[0][:28] for text in told] == [
        "the window summer has begun",
        "the window summer ends at 20",
        "the window summer is over",
    ]


@pytest.mark.parametrize(
    ("window", "told"),
    [
        (
            Blackout("rollover", "UTC", "2026-11-23 12:00", "2026-11-27"),
            [
                (-24, "[Harbor] Reminder: the window rollover begins at 2026-11-23 12:00 UTC"),
                (84, "[Harbor] Reminder: the window rollover ends at 2026-11-28 00:00 UTC"),
            ],
        ),
        (Blackout("rollover", "UTC", "2026-11-23 12:00", "2026-11-27", remind_h=0), []),
        (Blackout("lessons", "UTC", "07:30", "16:00", remind_h=2), []),
    ],
    ids=["dates", "never", "every day"],
)
async def test_people_are_reminded_once_the_day_before_a_window_with_dates_begins_and_before_it_ends(
    db: SqliteDatabase, noon: HandClock, window: Blackout, told: list[tuple[int, str]]
):
    begin_ms = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1000)
    holdings = Holdings(db, "one", now_ms=noon.now_ms)
    reminder = Reminder(["office", "chat"], "Harbor")
    for _ in range(24 * 8):
        await Clock(db, holdings, {}, noon.now_ms, [window], reminder)._settle(WINDOWS)
        noon.forward(HOUR_S)

    async with db.read() as c:
        messages = await outbox.latest(c, limit=20)
    for channel in ("office", "chat"):
        assert [
            ((one.put_at_ms - begin_ms) // (HOUR_S * 1000), one.subject)
            for one in sorted(messages, key=lambda one: one.put_at_ms)
            if one.channel == channel
        ] == told


@pytest.mark.parametrize("until_ms", [NOON_MS + 3 * HOUR_S * 1000, None])
async def test_what_a_window_puts_off_is_not_lost_by_a_pause_that_is_over_before(
    db: SqliteDatabase, noon: HandClock, until_ms: int | None
):
    clock = a_clock(db, noon, "30 13 * * *", windows=[EVENING])
    await clock.catch_up()
    noon.forward(2 * HOUR_S)
    await clock.catch_up()
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", True, until_ms=until_ms)
    await clock.catch_up()
    noon.forward(2 * HOUR_S)
    if until_ms is None:
        async with db.transaction() as c:
            await schedules.let_go(c, "harbor", now_ms=noon.now_ms())
            await integrations.set_paused(c, "harbor", False)
    await clock.catch_up()
    assert await queued(db) == []
    noon.at_ms = NOON_MS + 6 * HOUR_S * 1000
    await clock.catch_up()

    assert [(run.due_at_ms or 0) - NOON_MS for run in await queued(db)] == [HOUR_S * 1500]


async def test_a_window_whose_end_was_put_off_is_over_at_the_new_end_alone(
    db: SqliteDatabase, noon: HandClock
):
    holdings = Holdings(db, "one", now_ms=noon.now_ms)
    short = Blackout("rollover", "UTC", "2026-11-21 11:00", "2026-11-21 14:00")
    longer = replace(short, ends="2026-11-21 18:00")
    for window in (short, *[longer] * 8):
        await Clock(db, holdings, {}, noon.now_ms, [window])._settle(WINDOWS)
        noon.forward(HOUR_S)
        over = [one for one in await kinds(db) if one is EventKind.BLACKOUT]
        assert len(over) == (1 if noon.at_ms <= NOON_MS + 6 * HOUR_S * 1000 else 2)

"""Chores: each is done when it is due, once however often it was due, by one engine, and what came of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC

import pytest

from siscon.domain.chores import ChoreState
from siscon.domain.errors import ConfigError
from siscon.domain.events import EventKind
from siscon.domain.leases import LEASE_TTL_S, Lease
from siscon.engine.chores import AGAIN_MS, CHORES_LEASE, NEVER_MS, Chore, Chores, DoneInPart, by_cron, every
from siscon.engine.leases import Holdings
from siscon.store import chores, events
from siscon.store.sqlite import SqliteDatabase
from support.clock import HandClock, until

HOUR_S = 3600
HOURLY = every(HOUR_S)


class Work:
    """Counts how often it was done; may fail, or wait until it is let go on."""

    def __init__(self) -> None:
        self.times = 0
        self.fault: Exception | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, _lease: Lease) -> str:
        self.times += 1
        await self.go_on.wait()
        if self.fault is not None:
            raise self.fault
        return f"done for the {self.times}. time"


@pytest.fixture
def work() -> Work:
    return Work()


def keeper(
    db: SqliteDatabase,
    clock: HandClock,
    work: Callable[[Lease], Awaitable[str]],
    next_ms: Callable[[int], int | None] = HOURLY,
    owner: str = "one",
) -> tuple[Chores, Holdings]:
    holdings = Holdings(db, owner, now_ms=clock.now_ms)
    return Chores(db, holdings, [Chore("sweep", next_ms, work)], clock.now_ms), holdings


async def look(one: Chores, holdings: Holdings) -> None:
    """Look once, and wait for what that began."""
    lease = holdings.held(CHORES_LEASE) or await holdings.take(CHORES_LEASE, on_lost=lambda: None)
    assert lease is not None
    await asyncio.gather(*await one.look(lease))


async def state(db: SqliteDatabase) -> ChoreState:
    async with db.read() as c:
        return (await chores.all_chores(c))["sweep"]


async def test_a_new_chore_waits_for_its_first_moment(db: SqliteDatabase, clock: HandClock, work: Work):
    await look(*keeper(db, clock, work))
    assert work.times == 0
    assert (await state(db)).due_at_ms == clock.now_ms() + HOUR_S * 1000


async def test_a_due_chore_is_done_once_and_says_what_came_of_it(
    db: SqliteDatabase, clock: HandClock, work: Work
):
    one = keeper(db, clock, work)
    await look(*one)
    clock.forward(5 * HOUR_S)
    await look(*one)
    await look(*one)

    assert work.times == 1
    told = await state(db)
    assert (told.last_ok, told.last_told) == (True, "done for the 1. time")
    assert told.last_good_at_ms == clock.now_ms()
    assert told.due_at_ms == clock.now_ms() + HOUR_S * 1000


async def test_a_chore_that_was_due_while_no_engine_ran_is_done_by_the_next_engine(
    db: SqliteDatabase, clock: HandClock, work: Work
):
    await look(*keeper(db, clock, work))
    clock.forward(30 * HOUR_S)
    await look(*keeper(db, clock, work, owner="two"))
    assert work.times == 1


@pytest.mark.parametrize(
    ("fault", "again_ms"),
    [
        (ConfigError("The disk is full.", code="disk"), AGAIN_MS),
        (ValueError("secret"), AGAIN_MS),
        (DoneInPart("It is there, but not swept up."), HOUR_S * 1000),
    ],
)
async def test_a_failed_chore_is_told_and_tried_again_before_long_unless_it_is_done(
    db: SqliteDatabase, clock: HandClock, work: Work, fault: Exception, again_ms: int
):
    one = keeper(db, clock, work)
    await look(*one)
    work.fault = fault
    clock.forward(2 * HOUR_S)
    await look(*one)

    told = await state(db)
    assert told.last_ok is False
    assert "secret" not in told.last_told
    assert told.last_good_at_ms is None
    assert told.due_at_ms == clock.now_ms() + again_ms
    async with db.read() as c:
        assert [one.kind for one in await events.latest(c)] == [EventKind.TASK_FAILED]


async def test_a_slow_chore_is_not_begun_twice(db: SqliteDatabase, clock: HandClock, work: Work):
    one, holdings = keeper(db, clock, work)
    await look(one, holdings)
    work.go_on.clear()
    clock.forward(2 * HOUR_S)
    lease = holdings.held(CHORES_LEASE)
    assert lease is not None
    (begun,) = await one.look(lease)
    await until(lambda: work.times == 1)
    assert await one.look(lease) == []
    work.go_on.set()
    await begun


async def test_a_clock_that_is_put_back_does_not_put_a_chore_off(
    db: SqliteDatabase, clock: HandClock, work: Work
):
    one = keeper(db, clock, work)
    await look(*one)
    clock.forward(-48 * HOUR_S)
    await look(*one)
    assert (await state(db)).due_at_ms == clock.now_ms() + HOUR_S * 1000


async def test_who_has_lost_the_lease_writes_nothing(db: SqliteDatabase, clock: HandClock, work: Work):
    one, holdings = keeper(db, clock, work)
    await look(one, holdings)
    before = await state(db)
    work.go_on.clear()
    clock.forward(2 * HOUR_S)
    lease = holdings.held(CHORES_LEASE)
    assert lease is not None
    (begun,) = await one.look(lease)
    await until(lambda: work.times == 1)

    clock.forward(2 * LEASE_TTL_S)
    other = Holdings(db, "two", now_ms=clock.now_ms)
    assert await other.take(CHORES_LEASE, on_lost=lambda: None) is not None
    work.go_on.set()
    await begun
    assert await state(db) == before


async def test_a_line_that_never_comes_again_is_done_once(db: SqliteDatabase, clock: HandClock, work: Work):
    first_ms = clock.now_ms() + 1000
    one = keeper(db, clock, work, lambda after_ms: first_ms if after_ms < first_ms else None)
    await look(*one)
    clock.forward(5)
    await look(*one)
    clock.forward(1000 * HOUR_S)
    await look(*one)
    assert work.times == 1
    assert (await state(db)).due_at_ms == NEVER_MS


async def test_a_cron_line_says_when(db: SqliteDatabase, clock: HandClock, work: Work):
    await look(*keeper(db, clock, work, by_cron("0 6 * * *", UTC)))
    due_ms = (await state(db)).due_at_ms
    assert due_ms > clock.now_ms()
    assert due_ms % (24 * HOUR_S * 1000) == 6 * HOUR_S * 1000


async def test_only_one_of_two_engines_does_the_chores(db: SqliteDatabase, clock: HandClock, work: Work):
    one, _ = keeper(db, clock, work)
    two, _ = keeper(db, clock, work, owner="two")
    running = [asyncio.create_task(each.run(every_s=0.01)) for each in (one, two)]

    async def armed() -> bool:
        async with db.read() as c:
            return bool(await chores.all_chores(c))

    await until(armed)
    clock.forward(2 * HOUR_S)

    async def concluded() -> bool:
        return (await state(db)).last_ok is True

    await until(concluded)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert work.times == 1


async def test_a_chore_that_nobody_wants_any_more_is_due_no_more(
    db: SqliteDatabase, clock: HandClock, work: Work
):
    await look(*keeper(db, clock, work))
    clock.forward(LEASE_TTL_S + 5 * HOUR_S)
    other, _ = keeper(db, clock, work, owner="two")
    other.chores = [Chore("tea", every(HOUR_S), work)]
    running = asyncio.create_task(other.run(every_s=0.01))

    async def retired() -> bool:
        return (await state(db)).due_at_ms == NEVER_MS

    await until(retired)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert work.times == 0
    clock.forward(LEASE_TTL_S + 1)
    await look(*keeper(db, clock, work))
    assert (await state(db)).due_at_ms == clock.now_ms() + HOUR_S * 1000


async def test_a_chore_whose_line_was_taken_away_waits_until_somebody_asks(
    db: SqliteDatabase, clock: HandClock, work: Work
):
    await look(*keeper(db, clock, work))
    clock.forward(LEASE_TTL_S + 1)
    without, holdings = keeper(db, clock, work, lambda _after_ms: NEVER_MS, owner="two")
    await look(without, holdings)
    clock.forward(5 * HOUR_S)
    await look(without, holdings)
    assert work.times == 0

    async with db.transaction() as c:
        await chores.set_due(c, "sweep", clock.now_ms())
    await look(without, holdings)
    assert (work.times, (await state(db)).due_at_ms) == (1, NEVER_MS)

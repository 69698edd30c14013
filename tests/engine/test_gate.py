"""The stored gate: no window ever holds more than allowed, also across a restart; without a rate no database."""

from __future__ import annotations

import asyncio
import sys
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path

import pytest

from siscon.domain.errors import TransientError
from siscon.domain.events import EventKind
from siscon.domain.privacy import Secret
from siscon.domain.runs import Lane
from siscon.domain.tokens import Token
from siscon.engine.gate import StoredGate
from siscon.engine.links import patiently
from siscon.engine.meter import CURRENT, Meter
from siscon.providers.contract import Rate
from siscon.store import events, integrations, ratelimits, runs
from siscon.store.sqlite import SqliteDatabase
from support.clock import LIMIT_S, HandClock, until
from support.runs import a_run

MINUTE_MS = 60_000


def gate(db: SqliteDatabase, clock: HandClock, requests: int) -> StoredGate:
    return StoredGate(db, "harbor", Rate(requests=requests), now_ms=clock.now_ms, sleep=clock.sleep)


def most_in_a_minute(sent_ms: list[int]) -> int:
    return max(sum(start <= one < start + MINUTE_MS for one in sent_ms) for start in sent_ms)


@pytest.mark.parametrize("requests", [60, 80, 100, 3])
async def test_no_minute_holds_more_requests_than_allowed(
    db: SqliteDatabase, clock: HandClock, requests: int
):
    sent_ms = []
    entry = gate(db, clock, requests)
    for n in range(requests * 2):
        if n % 7 == 0:
            entry = gate(db, clock, requests)
        await entry.enter()
        sent_ms.append(clock.now_ms())

    assert most_in_a_minute(sent_ms) <= requests


async def test_two_lanes_share_one_rate(db: SqliteDatabase, clock: HandClock):
    sent_ms: list[int] = []

    async def lane() -> None:
        entry = gate(db, clock, 60)
        for _ in range(60):
            await entry.enter()
            sent_ms.append(clock.now_ms())

    await asyncio.gather(lane(), lane())

    assert most_in_a_minute(sent_ms) <= 60


async def test_a_pause_holds_everybody_back_also_after_a_restart(db: SqliteDatabase, clock: HandClock):
    await gate(db, clock, 60).pause(30)
    begun_ms = clock.now_ms()
    await gate(db, clock, 60).enter()

    assert clock.now_ms() - begun_ms >= 30_000


async def test_without_a_rate_nothing_is_written_while_all_is_well(db: SqliteDatabase, clock: HandClock):
    entry = gate(db, clock, 0)
    async with db.transaction():
        await asyncio.wait_for(entry.enter(), LIMIT_S)
        await asyncio.wait_for(entry.enter(), LIMIT_S)
        await entry.report(ok=True)

    async with db.read() as c:
        assert await ratelimits.look(c, ["harbor"]) == (0, 0)


async def test_a_pause_without_a_rate_holds_the_other_engine_too(db: SqliteDatabase, clock: HandClock):
    ours, theirs = gate(db, clock, 0), gate(db, clock, 0)
    await theirs.enter()
    await ours.pause(2)
    begun_ms = clock.now_ms()
    await theirs.enter()

    assert clock.now_ms() - begun_ms >= 2000


async def test_a_pause_that_comes_while_a_request_waits_for_its_slot_is_kept(
    db: SqliteDatabase, clock: HandClock
):
    other = gate(db, clock, 60)

    async def sleep_and_hear(seconds: float) -> None:
        if not clock.slept:
            await other.pause(300)
        await clock.sleep(seconds)

    entry = StoredGate(db, "harbor", Rate(requests=60), now_ms=clock.now_ms, sleep=sleep_and_hear)
    begun_ms = clock.now_ms()
    for _ in range(6):
        await entry.slot()

    assert clock.now_ms() - begun_ms >= 300_000


async def test_who_leaves_a_little_late_keeps_its_slot_unless_a_pause_or_the_rate_forbids_it(
    db: SqliteDatabase, clock: HandClock
):
    async def reserved() -> int:
        async with db.read() as c:
            return (await ratelimits.look(c, ["harbor"]))[0]

    entry, other = gate(db, clock, 60), gate(db, clock, 60)
    await entry.enter()
    before = await reserved()
    await entry.slot(0.4)
    assert await reserved() == before

    await entry.slot(0.6)
    assert await reserved() > before

    before_ms = clock.now_ms()
    await other.pause(7)
    await entry.slot(0.1)
    assert clock.now_ms() - before_ms >= 7_000


async def test_who_may_hold_a_turn_gets_the_next_slot_before_everybody_who_would_wait_for_that_turn(
    db: SqliteDatabase, clock: HandClock
):
    sleeping, begun = asyncio.Event(), asyncio.Event()

    async def sleep(_seconds: float) -> None:
        begun.set()
        await sleeping.wait()

    entry = StoredGate(db, "harbor", Rate(requests=60), now_ms=clock.now_ms, sleep=sleep)
    for _ in range(5):
        await entry.enter()
    left: list[str] = []

    async def one(lane: Lane, name: str, late_s: float | None = None) -> None:
        CURRENT.set(Meter(1, lane))
        await (entry.enter() if late_s is None else entry.slot(late_s))
        left.append(name)

    waiting = [asyncio.create_task(one(Lane.SINGLE, "the one"))]
    await asyncio.wait_for(begun.wait(), LIMIT_S)
    begun.clear()
    waiting.append(asyncio.create_task(one(Lane.BULK, "in its turn", 3.0)))
    await asyncio.wait_for(begun.wait(), LIMIT_S)
    sleeping.set()
    clock.forward(5)
    await asyncio.gather(*waiting)

    assert left == ["in its turn", "the one"]


async def test_a_least_interval_is_kept_by_two_engines(db: SqliteDatabase, clock: HandClock):
    rate = Rate(requests=0, min_interval_s=0.25)
    engines = [StoredGate(db, "harbor", rate, now_ms=clock.now_ms, sleep=clock.sleep) for _ in range(2)]
    left_ms = []
    for turn in range(20):
        await engines[turn % 2].enter()
        left_ms.append(clock.now_ms())

    assert min(later - sooner for sooner, later in pairwise(left_ms)) >= 250


async def test_a_run_shows_until_when_it_waits(db: SqliteDatabase, clock: HandClock):
    run_id = await a_run(db, clock.now_ms())
    blocked = asyncio.Event()

    async def wait_for_ever(_seconds: float) -> None:
        await blocked.wait()

    entry = StoredGate(db, "harbor", Rate(requests=60), now_ms=clock.now_ms, sleep=wait_for_ever)
    CURRENT.set(Meter(run_id))
    await entry.pause(20)
    waiting = asyncio.create_task(entry.enter())

    async def shown() -> bool:
        async with db.read() as c:
            run = await runs.get(c, run_id)
        return run is not None and run.waiting_until_ms == clock.now_ms() + 20_000

    await until(shown)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_more_waiters_than_a_pace_explains_keep_the_rate(db: SqliteDatabase, clock: HandClock):
    entry, sent_ms = gate(db, clock, 60), []

    async def one() -> None:
        await entry.enter()
        sent_ms.append(clock.now_ms())

    await asyncio.gather(*(one() for _ in range(150)))

    assert most_in_a_minute(sent_ms) <= 60


async def test_the_record_that_a_person_waits_for_gets_the_next_slot(db: SqliteDatabase, clock: HandClock):
    """However many requests of an import and of a long redrive wait before it."""
    entry, left = gate(db, clock, 60), []

    async def one(lane: Lane, name: str) -> None:
        CURRENT.set(Meter(1, lane))
        await entry.enter()
        left.append(name)

    waiting = [asyncio.create_task(one(Lane.BULK, f"import {n}")) for n in range(500)]
    waiting += [asyncio.create_task(one(Lane.QUICK, f"redrive {n}")) for n in range(500)]

    async def some_have_left() -> bool:
        return len(left) >= 7

    await until(some_have_left)
    late = asyncio.create_task(one(Lane.SINGLE, "the one"))
    await entry._turns.outranked(1)
    gone = len(left)
    await late
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert left.index("the one") <= gone + 1, "at most one whose moment had come already goes before"


async def test_a_slot_that_somebody_waits_for_is_left_to_a_sooner_lane_and_none_is_lost(
    db: SqliteDatabase, clock: HandClock
):
    sleeping, begun = asyncio.Event(), asyncio.Event()

    async def sleep(_seconds: float) -> None:
        begun.set()
        await sleeping.wait()

    entry = StoredGate(db, "harbor", Rate(requests=60), now_ms=clock.now_ms, sleep=sleep)
    left: list[str] = []

    async def one(lane: Lane, name: str) -> None:
        CURRENT.set(Meter(1, lane))
        await entry.enter()
        left.append(name)

    for n in range(5):
        await one(Lane.BULK, f"burst {n}")
    waiting = [asyncio.create_task(one(Lane.BULK, "import"))]
    await asyncio.wait_for(begun.wait(), LIMIT_S)
    async with db.read() as c:
        reserved = await ratelimits.look(c, ["harbor"])
    begun.clear()
    waiting.append(asyncio.create_task(one(Lane.SINGLE, "the one")))
    await asyncio.wait_for(begun.wait(), LIMIT_S)
    async with db.read() as c:
        assert await ratelimits.look(c, ["harbor"]) == reserved, "the same slot, not one more"
    sleeping.set()
    clock.forward(5)
    await asyncio.gather(*waiting)
    assert left[5:] == ["the one", "import"]


@pytest.mark.parametrize("requests", [0, 60])
async def test_a_pause_does_not_outlive_a_clock_that_is_set_back(
    db: SqliteDatabase, clock: HandClock, requests: int
):
    entry = gate(db, clock, requests)
    await entry.pause(30)
    clock.forward(-86_400)
    begun_ms = clock.now_ms()

    for _ in range(5):
        await entry.enter()
        await gate(db, clock, requests).enter()

    assert clock.now_ms() - begun_ms <= 60_000


@pytest.mark.parametrize("requests", [0, 60])
async def test_a_clock_that_is_set_back_does_not_hide_the_next_pause(
    db: SqliteDatabase, clock: HandClock, requests: int
):
    entry = gate(db, clock, requests)
    await entry.pause(30)
    clock.forward(-86_400)
    await entry.pause(300)
    begun_ms = clock.now_ms()

    await entry.enter()
    first_ms = clock.now_ms()
    clock.at_ms = begun_ms
    await gate(db, clock, requests).enter()

    assert min(first_ms, clock.now_ms()) - begun_ms >= 300_000


async def broken(db: SqliteDatabase, clock: HandClock, failures: int = 5) -> StoredGate:
    entry = gate(db, clock, 0)
    for _ in range(failures):
        await entry.enter()
        await entry.report(ok=False)
    return entry


async def state(db: SqliteDatabase) -> str:
    async with db.read() as c:
        found = await integrations.one(c, "harbor")
    assert found is not None
    return found.breaker_state


async def test_the_fifth_failure_in_a_row_opens_the_breaker_also_for_the_next_engine(
    db: SqliteDatabase, clock: HandClock
):
    entry = await broken(db, clock, failures=4)
    await entry.report(ok=True)
    await broken(db, clock, failures=4)
    assert await state(db) == "closed"
    begun_ms = clock.now_ms()

    await broken(db, clock, failures=1)
    assert await state(db) == "open"
    next_engine = gate(db, clock, 0)
    await next_engine.enter()

    assert 30_000 <= clock.now_ms() - begun_ms <= 33_000
    assert await state(db) == "trying"
    await next_engine.report(ok=True)
    assert await state(db) == "closed"
    async with db.read() as c:
        told = [one.kind for one in await events.latest(c) if one.kind is not EventKind.RUN_WAITING]
    assert told == [EventKind.BREAKER_CLOSED, EventKind.BREAKER_OPENED]


async def test_a_token_server_that_does_not_answer_is_named_instead_of_the_sis(
    db: SqliteDatabase, clock: HandClock
):
    entry = StoredGate(db, "harbor", Rate(0), now_ms=clock.now_ms, sleep=clock.sleep, host="sis.example")
    for _ in range(5):
        await entry.report(ok=False, host="login.example:8443")

    async with db.read() as c:
        told = [one.text for one in await events.latest(c)]
    assert len(told) == 2
    assert all("login.example:8443" in text and "sis.example" not in text for text in told)


async def test_an_sis_that_does_not_answer_is_named_with_the_first_failure(
    db: SqliteDatabase, clock: HandClock
):
    entry = StoredGate(db, "harbor", Rate(0), now_ms=clock.now_ms, sleep=clock.sleep, host="sis.example:8443")
    for _ in range(3):
        await entry.enter()
        await entry.report(ok=False)

    async with db.read() as c:
        told = [one.text for one in await events.latest(c)]
    assert len(told) == 1
    assert "sis.example:8443" in told[0]


class StillClock(HandClock):
    """Sleepers wake only when the test moves the time on."""

    def __init__(self, at_ms: int) -> None:
        super().__init__(at_ms)
        self.moved = asyncio.Condition()
        self.sleepers = 0

    async def sleep(self, seconds: float) -> None:
        end_ms = self.at_ms + int(seconds * 1000)
        self.sleepers += 1
        async with self.moved:
            await self.moved.wait_for(lambda: self.at_ms >= end_ms)
        self.sleepers -= 1

    async def pass_s(self, seconds: float) -> None:
        self.forward(seconds)
        async with self.moved:
            self.moved.notify_all()


@pytest.mark.parametrize("requests", [0, 60])
async def test_one_request_of_two_engines_probes_and_the_others_wait_for_how_it_went(
    db: SqliteDatabase, clock: HandClock, requests: int
):
    await broken(db, clock)
    still = StillClock(clock.now_ms())
    engines = [gate(db, still, requests) for _ in range(2)]
    through: list[int] = []

    async def one(number: int) -> None:
        await engines[number % 2].enter()
        through.append(number)

    waiting = [asyncio.create_task(one(number)) for number in range(6)]
    await until(lambda: still.sleepers == 6)
    await still.pass_s(40)
    await until(lambda: len(through) == 1 and still.sleepers == 5)
    for _ in range(3):
        await still.pass_s(20)
        await until(lambda: still.sleepers == 5)
    assert len(through) == 1

    await engines[through[0] % 2].report(ok=True)
    while len(through) < 6:
        await still.pass_s(2)
        await asyncio.sleep(0.01)
    await asyncio.gather(*waiting)

    assert sorted(through) == [0, 1, 2, 3, 4, 5]


async def test_a_failed_probe_opens_for_twice_as_long(db: SqliteDatabase, clock: HandClock):
    entry = await broken(db, clock)
    await entry.enter()
    begun_ms = clock.now_ms()
    await entry.report(ok=False)

    await entry.enter()

    assert 60_000 <= clock.now_ms() - begun_ms <= 66_000


async def test_a_probe_that_was_given_up_does_not_shut_the_gate_for_ever(
    db: SqliteDatabase, clock: HandClock
):
    entry = await broken(db, clock)
    await entry.enter()
    begun_ms = clock.now_ms()

    await entry.enter()

    assert clock.now_ms() - begun_ms <= 122_000


async def test_the_request_that_probes_may_get_its_token(db: SqliteDatabase, clock: HandClock):
    entry = await broken(db, clock)
    await entry.enter()
    begun_ms = clock.now_ms()

    async def fetch() -> Token:
        return Token(Secret("t"), 0, None)

    await patiently(fetch, entry)

    assert clock.now_ms() == begun_ms


async def test_a_login_that_nobody_answers_counts_as_a_failure(db: SqliteDatabase, clock: HandClock):
    entry = gate(db, clock, 0)

    async def fetch() -> Token:
        raise TransientError("no answer")

    for _ in range(2):
        with pytest.raises(TransientError):
            await patiently(fetch, entry)

    assert await state(db) == "open"


@pytest.mark.long
async def test_three_processes_together_keep_the_limit_in_any_window(db: SqliteDatabase, tmp_path: Path):
    requests, per_s, times = 20, 4.0, 22
    worker = Path(__file__).parent.parent / "support" / "gate_worker.py"
    command = [
        sys.executable,
        str(worker),
        str(tmp_path / "siscon.db"),
        str(requests),
        str(per_s),
        str(times),
    ]
    running = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(3)
    ]
    told = [(await one.communicate())[0] for one in running]

    left_ms = sorted(int(line) for lines in told for line in lines.split())
    assert len(left_ms) == 3 * times
    assert (
        max(bisect_left(left_ms, start + per_s * 1000) - at for at, start in enumerate(left_ms)) <= requests
    )

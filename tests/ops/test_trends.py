"""What the screens draw of the last days, read from runs that were really entered."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from siscon.domain.integrations import IntegrationState
from siscon.domain.outcomes import Outcome
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, RunKind, RunStatus
from siscon.ops.trends import Trends, trends
from siscon.ops.views import Health, health
from siscon.store import integrations, run_counts, runs
from siscon.store.database import Database
from support.console_data import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS
from support.timetables import put_lines

ZONE = ZoneInfo("UTC")


@pytest.fixture
async def north(blank: Database) -> Database:
    async with blank.transaction() as c:
        await integrations.activate(
            c,
            name="north",
            provider="powerschool",
            title="PowerSchool",
            schedule="0 2 * * *",
            requests_per_minute=60,
            now_ms=NOW_MS - 90 * DAY_MS,
        )
        await put_lines(c, "north", "0 2 * * *", zone="UTC")
    return blank


async def ran(
    db: Database,
    ago_ms: int,
    status: RunStatus = RunStatus.COMPLETED,
    *,
    lane: Lane = Lane.BULK,
    error_code: str = "",
    full: bool = True,
    known: int = 0,
    **fetched: int,
) -> int:
    """An import that ended so long ago; ``fetched`` by entity, ``failed`` the students among them."""
    failed = fetched.pop("failed", 0)
    ended_ms = NOW_MS - ago_ms
    async with db.transaction() as c:
        run_id = await runs.enqueue(
            c,
            integration="north",
            kind=RunKind.IMPORT,
            lane=lane,
            entities=(),
            full=full,
            requested_by="clock",
            due_at_ms=None,
            now_ms=ended_ms - 10 * MINUTE_MS,
        )
        assert run_id is not None
        await runs.claim(c, run_id, engine="e1", now_ms=ended_ms - 10 * MINUTE_MS)
        await run_counts.start(c, run_id, [Entity(name) for name in fetched])
        for name, count in fetched.items():
            bad = failed if name == "student" else 0
            await run_counts.add(c, run_id, Entity(name), fetched=count, pages=1, failed=bad)
            await run_counts.note(c, run_id, Entity(name), done=True)
        await c.run("UPDATE run_counts SET known = :n WHERE run_id = :id", {"n": known, "id": run_id})
        await runs.move(c, run_id, status, now_ms=ended_ms, error_code=error_code)
    return run_id


async def read(db: Database, known: Trends | None = None, *, now_ms: int = NOW_MS) -> Trends:
    return await trends(db, known, now_ms=now_ms, zone=ZONE)


async def one(db: Database, *, now_ms: int = NOW_MS) -> Health:
    return (await health(db, now_ms=now_ms))[0]


async def test_a_day_has_the_most_errors_that_one_run_had(north: Database) -> None:
    await ran(north, 2 * DAY_MS, RunStatus.WITH_ERRORS, student=500, failed=412)
    await ran(north, 2 * DAY_MS - HOUR_MS, RunStatus.WITH_ERRORS, student=500, failed=7)
    await ran(north, DAY_MS, student=500)
    await ran(north, 20 * DAY_MS, RunStatus.WITH_ERRORS, student=500, failed=9)

    counts = [count for _, count in (await read(north)).of("north").errors]
    assert counts == [*[None] * 11, 412, 0, None]


async def test_a_run_that_never_got_a_page_says_nothing_of_errors(north: Database) -> None:
    await ran(north, HOUR_MS, RunStatus.FAILED)

    trend = (await read(north)).of("north")
    assert trend.errors[-1][1] is None
    assert Outcome.FAILED in {slot.outcome for slot in trend.slots}


async def test_what_is_held_stands_where_it_began_until_somebody_decides(north: Database) -> None:
    run_id = await ran(north, 3 * DAY_MS, RunStatus.HELD, student=500)
    held = await read(north)
    async with north.transaction() as c:
        await runs.move(c, run_id, RunStatus.CANCELLED, now_ms=NOW_MS, error_code="discarded")
    decided = await read(north, held)

    assert [at for at, slot in enumerate(held.of("north").slots) if slot.outcome is Outcome.HELD] == [60]
    outcomes = [slot.outcome for slot in decided.of("north").slots if not slot.ahead]
    assert (outcomes[60], outcomes[-1]) == (Outcome.NONE, Outcome.HELD)


async def test_nothing_is_read_again_until_a_run_has_ended(north: Database) -> None:
    await ran(north, 5 * DAY_MS, RunStatus.WITH_ERRORS, student=9, failed=1)
    first = await read(north)

    assert await read(north, first) is first
    await ran(north, MINUTE_MS, RunStatus.WITH_ERRORS, student=9, failed=3)
    later = await read(north, first)
    assert later == await read(north)
    assert later != first


async def test_single_records_and_other_work_are_not_drawn(north: Database) -> None:
    await ran(north, HOUR_MS, RunStatus.FAILED, lane=Lane.SINGLE, student=1)

    assert {slot.outcome for slot in (await read(north)).of("north").slots} == {Outcome.NONE}


async def test_each_entity_is_as_fresh_as_its_last_good_import(north: Database) -> None:
    await ran(north, 26 * HOUR_MS, school=3, student=500)
    await ran(north, 2 * HOUR_MS, school=3)
    await ran(north, HOUR_MS, RunStatus.FAILED, school=3, student=2)
    await ran(north, MINUTE_MS, lane=Lane.SINGLE, student=1)

    view = await one(north)
    assert [(fresh.entity, (NOW_MS - fresh.ended_ms) // HOUR_MS) for fresh in view.fresh] == [
        (Entity.SCHOOL, 2),
        (Entity.STUDENT, 26),
    ]


async def test_an_entity_that_missed_its_time_makes_the_integration_late(north: Database) -> None:
    async with north.transaction() as c:
        await integrations.note_good(c, "north", NOW_MS)
    await ran(north, 49 * HOUR_MS, school=3, student=500)
    await ran(north, MINUTE_MS, school=3)

    view = await one(north)
    assert {fresh.entity: fresh.late for fresh in view.fresh} == {Entity.SCHOOL: False, Entity.STUDENT: True}
    assert (view.state, view.needs_person) == (IntegrationState.LATE, True)


async def test_what_is_paused_is_not_late(north: Database) -> None:
    await ran(north, 49 * HOUR_MS, student=500)
    async with north.transaction() as c:
        await integrations.set_paused(c, "north", True)

    assert not (await one(north)).fresh[0].late


async def test_a_success_without_records_where_thousands_were_is_never_called_well(north: Database) -> None:
    async with north.transaction() as c:
        await integrations.note_good(c, "north", NOW_MS)
    await ran(north, HOUR_MS, student=4_000)
    assert (await one(north)).state is IntegrationState.OK

    await ran(north, 30 * MINUTE_MS, known=4_000, student=0)
    view = await one(north)
    assert (view.state, view.needs_person) == (IntegrationState.EMPTY, True)

    await ran(north, 20 * MINUTE_MS, full=False, known=4_000, student=0)
    await ran(north, 10 * MINUTE_MS, full=False, known=4_000, student=0)
    assert (await one(north)).state is IntegrationState.EMPTY, "nothing new of nothing is no news"

    await ran(north, 5 * MINUTE_MS, full=False, known=4_000, student=1)
    await ran(north, MINUTE_MS, full=False, known=4_000, student=0)
    assert (await one(north)).state is IntegrationState.OK


async def test_a_run_under_way_that_should_long_be_over_is_late(north: Database) -> None:
    await ran(north, 49 * HOUR_MS, student=500)
    await under_way(north, since_ms=30 * MINUTE_MS)
    assert (await one(north)).state is IntegrationState.RUNNING

    async with north.transaction() as c:
        await c.run(
            "UPDATE runs SET started_at_ms = :at WHERE status = 'running'", {"at": NOW_MS - 40 * HOUR_MS}
        )
    view = await one(north)
    assert (view.state, view.needs_person) == (IntegrationState.LATE, True)


async def under_way(db: Database, *, since_ms: int) -> None:
    """An import that runs."""
    at_ms = NOW_MS - since_ms
    async with db.transaction() as c:
        await runs.enqueue(
            c,
            integration="north",
            kind=RunKind.IMPORT,
            lane=Lane.BULK,
            entities=(),
            full=True,
            requested_by="clock",
            due_at_ms=None,
            now_ms=at_ms,
        )
        await c.run(
            "UPDATE runs SET status = 'running', started_at_ms = :at WHERE status = 'queued'", {"at": at_ms}
        )

"""Why a run does not go on: each reason by its own sentence, and none for a run that goes on."""

from __future__ import annotations

import pytest

from siscon.domain.events import EventKind, Level
from siscon.domain.retry import Breaker
from siscon.domain.runs import Lane, Run, RunKind, RunStatus
from siscon.ops.waiting import why_waiting
from siscon.store import events, integrations, ratelimits, runs
from siscon.store.database import Database
from support.console_data import MINUTE_MS, NOW_MS, alive

SOON = NOW_MS + MINUTE_MS


@pytest.fixture
async def harbor(blank: Database) -> Database:
    async with blank.transaction() as c:
        await alive(c, now_ms=NOW_MS)
        await integrations.activate(
            c,
            name="harbor",
            provider="skyward",
            title="Skyward",
            schedule="0 2 * * *",
            requests_per_minute=60,
            now_ms=NOW_MS,
        )
    return blank


async def queued(db: Database, *, due: bool = False, lane: Lane = Lane.BULK) -> int:
    async with db.transaction() as c:
        run_id = await runs.enqueue(
            c,
            integration="harbor",
            kind=RunKind.IMPORT if lane is Lane.BULK else RunKind.REDRIVE,
            lane=lane,
            entities=(),
            full=False,
            requested_by="kim(7)",
            due_at_ms=NOW_MS if due else None,
            now_ms=NOW_MS,
        )
    assert run_id is not None
    return run_id


async def running(db: Database, *, until_ms: int | None = None) -> int:
    run_id = await queued(db)
    async with db.transaction() as c:
        await runs.claim(c, run_id, engine="e1", now_ms=NOW_MS)
        await runs.add_requests(c, run_id, 1, until_ms)
    return run_id


async def why(db: Database, run_id: int, *, now_ms: int = NOW_MS) -> str:
    async with db.read() as c:
        run = await runs.get(c, run_id)
    assert isinstance(run, Run)
    return await why_waiting(db, run, now_ms=now_ms)


async def test_a_run_that_an_engine_will_take_says_so(harbor: Database) -> None:
    assert await why(harbor, await queued(harbor)) == "An engine takes it in a moment."
    assert await why(harbor, 1, now_ms=NOW_MS + MINUTE_MS) == "No engine is alive that could take it."


async def test_another_run_of_the_lane_is_named_whether_it_runs_waits_or_is_held(harbor: Database) -> None:
    first = await queued(harbor)
    second = await queued(harbor)
    quick = await queued(harbor, lane=Lane.QUICK)
    assert await why(harbor, second) == "Run #1 of harbor was asked for before it."
    assert await why(harbor, quick) == "An engine takes it in a moment."
    async with harbor.transaction() as c:
        await runs.claim(c, first, engine="e1", now_ms=NOW_MS)
    assert await why(harbor, second) == "Run #1 of harbor is under way, and one goes at a time."
    async with harbor.transaction() as c:
        await runs.move(c, first, RunStatus.HELD, now_ms=NOW_MS, error="too much")
    held = "Run #1 of harbor is held: a person has to approve or discard it first."
    assert await why(harbor, second) == held
    assert await why(harbor, first) == "A person has to approve or discard its plan."


async def test_a_paused_or_switched_off_integration_is_the_reason(harbor: Database) -> None:
    due = await queued(harbor, due=True)
    async with harbor.transaction() as c:
        await integrations.set_paused(c, "harbor", True)
    assert "harbor is paused" in await why(harbor, due)
    async with harbor.transaction() as c:
        await integrations.set_enabled(c, "harbor", False)
    assert await why(harbor, due) == "harbor is switched off in the configuration."


async def test_what_somebody_asked_for_does_not_wait_for_a_pause_of_the_schedule(harbor: Database) -> None:
    async with harbor.transaction() as c:
        await integrations.set_paused(c, "harbor", True)
    assert await why(harbor, await queued(harbor)) == "An engine takes it in a moment."


async def test_a_run_that_goes_on_or_has_ended_waits_for_nothing(harbor: Database) -> None:
    run_id = await running(harbor)
    assert await why(harbor, run_id) == ""
    async with harbor.transaction() as c:
        await runs.add_requests(c, run_id, 0, NOW_MS - 1)
    assert await why(harbor, run_id) == ""
    async with harbor.transaction() as c:
        await runs.move(c, run_id, RunStatus.COMPLETED, now_ms=NOW_MS)
    assert await why(harbor, run_id) == ""


async def test_the_rate_limit_is_the_reason_where_nothing_else_is(harbor: Database) -> None:
    said = "The rate limit allows 60 requests a minute: the next has its turn then."
    assert await why(harbor, await running(harbor, until_ms=SOON)) == said


async def test_a_pause_that_the_sis_asked_for_comes_before_the_rate(harbor: Database) -> None:
    run_id = await running(harbor, until_ms=SOON)
    async with harbor.transaction() as c:
        await ratelimits.pause(c, ["harbor"], SOON, now_ms=NOW_MS)
    assert await why(harbor, run_id) == "The SIS asked for a pause."


async def test_a_breaker_comes_before_everything(harbor: Database) -> None:
    run_id = await running(harbor, until_ms=SOON)
    async with harbor.transaction() as c:
        await integrations.save_breaker(c, "harbor", Breaker(5, SOON))
    assert "nothing is sent for a while" in await why(harbor, run_id)
    async with harbor.transaction() as c:
        await integrations.save_breaker(c, "harbor", Breaker(5, SOON, probing=True))
    assert "one finds out" in await why(harbor, run_id)


async def test_an_outage_is_told_as_the_engine_told_it(harbor: Database) -> None:
    run_id = await running(harbor, until_ms=SOON)
    text = "sis.example: no answer. Run 1 waits 60 s, then goes on with students where it stands"
    async with harbor.transaction() as c:
        kind = EventKind.RUN_WAITING
        await events.append(c, kind, Level.WARNING, text, integration="harbor", run_id=run_id, at_ms=NOW_MS)
    assert await why(harbor, run_id) == f"{text}."

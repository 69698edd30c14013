"""Records in error while two lanes are under way: what one run has buried no other one closes."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from siscon.domain.commands import ForceSync, RetryDead
from siscon.domain.records import Entity, Student
from siscon.domain.runs import RunStatus
from siscon.engine import plan
from siscon.engine.job import ImportJob
from siscon.providers.contract import Rejected
from siscon.store import dead_records, leases, runs
from support.fake_sis import FakeSis
from support.house import NAME, TestHouse, test_house


def student(number: int, given: str = "Wren") -> Student:
    return Student(f"s{number}", first_name=given, last_name="Fenwick")


def broken(number: int, raw: str = "{}") -> Rejected:
    return Rejected(f"s{number}", "bad_shape", "grade does not have the documented form.", "grade", raw)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    sis = FakeSis(page_size=50)
    sis.hold(*(student(number) for number in range(2)), broken(9), entity=Entity.STUDENT)
    async with test_house(tmp_path, sis) as house:
        house.entities = (Entity.STUDENT,)
        await house.sync()
        yield house


async def both(house: TestHouse, first: int, second: int) -> tuple[ImportJob, ImportJob]:
    """Two runs under way under one lease, as a worker has them in two lanes."""
    async with house.db.transaction() as c:
        lease = await leases.take(c, f"credential:{NAME}", "one", ttl_s=600, now_ms=house.now_ms)
        assert lease is not None
        claimed = [await runs.claim(c, one, engine="one", now_ms=house.now_ms) for one in (first, second)]
    return house.job(claimed[0], lease), house.job(claimed[1], lease)


async def between_fetch_and_plan(
    house: TestHouse, job: ImportJob, act: Callable[[], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> RunStatus:
    plan_entity, done = plan.plan_entity, []

    async def planning(its: ImportJob, entity: Entity) -> object:
        if its.run.id == job.run.id and not done:
            done.append(1)
            await act()
        return await plan_entity(its, entity)

    monkeypatch.setattr(plan, "plan_entity", planning)
    return await house.go_on(job)


async def open_keys(house: TestHouse) -> list[str]:
    async with house.db.read() as c:
        return [one.record_key for one in await dead_records.list_open(c)]


async def test_a_retry_does_not_close_what_an_import_has_just_buried(house, monkeypatch) -> None:
    async with house.db.read() as c:
        [nine] = await dead_records.list_open(c)
    row = await house.ask(RetryDead(NAME, (nine.id,), {}, 1))
    house.sis.lists[Entity.STUDENT] = [student(0), broken(1, "[]"), student(9)]
    house.sis.mark = "2026-01-01T00:00:00Z"
    bulk, single = await both(house, await house.enqueue(), row.run_id)
    bulk = dataclasses.replace(bulk, incremental=True)

    async def retry() -> None:
        assert await house.go_on(single) is RunStatus.COMPLETED

    assert await between_fetch_and_plan(house, bulk, retry, monkeypatch) is RunStatus.WITH_ERRORS
    assert await open_keys(house) == ["s1"]
    [row] = await house.rows(f"SELECT sync_status FROM {NAME}_mappings WHERE external_id = 's1'")
    assert row["sync_status"] == "error"


async def test_an_import_does_not_close_what_was_buried_after_its_list_was_read(house, monkeypatch) -> None:
    bulk_id = await house.enqueue(full=True)
    row = await house.ask(ForceSync(NAME, "student", "s1", relations=False))
    house.sis.lists[Entity.STUDENT] = [student(0), student(1), student(9)]
    bulk, single = await both(house, bulk_id, row.run_id)

    async def fetch_one() -> None:
        house.sis.lists[Entity.STUDENT] = [student(0), broken(1), student(9)]
        assert await house.go_on(single) is RunStatus.WITH_ERRORS

    await between_fetch_and_plan(house, bulk, fetch_one, monkeypatch)
    assert await open_keys(house) == ["s1"]

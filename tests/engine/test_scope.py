"""What a run imports is settled once: entities, absent parents, and whether it compares everything."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from siscon.domain.errors import ConfigError
from siscon.domain.leases import Lease
from siscon.domain.records import Entity
from siscon.domain.runs import Phase, Run, RunStatus
from siscon.engine.scope import settle
from siscon.store import leases, runs
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.engines import living_engine, settings_for
from support.fake_sis import small_district
from support.house import NAME, TestHouse, test_house
from support.runs import a_run


@pytest.fixture
async def house(tmp_path: Path):
    async with test_house(tmp_path, small_district()) as opened:
        yield opened


async def settled(house: TestHouse, run_id: int, tmp_path: Path, **more: object) -> Run:
    job = await house.start(run_id)
    settings = settings_for(tmp_path, NAME, **more).integrations[NAME]
    return await settle(
        house.db, job.run, job.lease, settings=settings, offered=tuple(Entity), now_ms=house.now_ms
    )


async def held(house: TestHouse) -> Lease:
    async with house.db.transaction() as c:
        lease = await leases.take(c, f"credential:{NAME}", "one", ttl_s=60, now_ms=house.now_ms)
    assert lease is not None
    return lease


async def test_sections_asked_for_alone_bring_along_the_parents_that_are_not_here_yet(
    house: TestHouse, tmp_path: Path
):
    run_id = await a_run(house.db, house.now_ms, entities=(Entity.SECTION,))

    run = await settled(house, run_id, tmp_path)

    assert run.entities == (Entity.SCHOOL, Entity.TERM, Entity.STAFF, Entity.COURSE, Entity.SECTION)
    async with house.db.read() as c:
        assert await runs.get(c, run_id) == run
    (event,) = await house.rows("SELECT text FROM events WHERE run_id IS NOT NULL")
    assert event["text"].startswith(f"run {run_id} also imports school, term, staff, course:")


async def test_parents_that_are_here_stay_out_of_it(house: TestHouse, tmp_path: Path):
    await house.sync()
    run_id = await a_run(house.db, house.now_ms, entities=(Entity.SECTION,))

    assert (await settled(house, run_id, tmp_path)).entities == (Entity.SECTION,)


async def test_parents_that_the_settings_leave_out_are_not_brought_along(house: TestHouse, tmp_path: Path):
    run_id = await a_run(house.db, house.now_ms, entities=(Entity.STUDENT,))

    run = await settled(house, run_id, tmp_path, entities="student, section")

    assert run.entities == (Entity.STUDENT,)


async def test_a_run_that_began_in_full_stays_full_when_the_settings_change(house: TestHouse, tmp_path: Path):
    run_id = await a_run(house.db, house.now_ms)
    first = await settled(house, run_id, tmp_path, incremental=False)
    begun = dataclasses.replace(first, phase=Phase.FETCH)
    settings = settings_for(tmp_path, NAME, incremental=True, entities="school").integrations[NAME]

    lease = await held(house)
    again = await settle(house.db, begun, lease, settings=settings, offered=tuple(Entity), now_ms=1)

    assert (again.full, again.entities) == (True, tuple(Entity))


async def test_a_run_that_began_as_an_increment_never_finds_anybody_missing_later(
    house: TestHouse, tmp_path: Path
):
    run_id = await a_run(house.db, house.now_ms)
    first = await settled(house, run_id, tmp_path, incremental=True)
    begun = dataclasses.replace(first, phase=Phase.FETCH)
    settings = settings_for(tmp_path, NAME, incremental=False).integrations[NAME]

    lease = await held(house)
    again = await settle(house.db, begun, lease, settings=settings, offered=tuple(Entity), now_ms=1)

    assert again.full is False


async def test_what_the_provider_does_not_offer_is_refused(house: TestHouse, tmp_path: Path):
    run_id = await a_run(house.db, house.now_ms, entities=(Entity.TERM,))
    job = await house.start(run_id)
    settings = settings_for(tmp_path, NAME).integrations[NAME]

    with pytest.raises(ConfigError, match="has no term to import: its provider offers student"):
        await settle(
            house.db, job.run, job.lease, settings=settings, offered=(Entity.STUDENT,), now_ms=house.now_ms
        )


async def test_enrollments_alone_on_an_empty_database_come_in_with_all_they_refer_to(
    db: SqliteDatabase, vault: Vault, tmp_path: Path
):
    run_id = await a_run(db, 1, entities=(Entity.ENROLLMENT,))

    async with living_engine(db, settings_for(tmp_path), vault, sis=small_district()) as engine:
        run = await engine.reaches(run_id, RunStatus.COMPLETED)

    assert run.entities == tuple(Entity)

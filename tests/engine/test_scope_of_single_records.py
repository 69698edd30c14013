"""Single records of kinds that the configuration leaves out are not fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import CommandStatus, ForceSync, RetryDead, StartRun
from siscon.domain.errors import ConfigError
from siscon.domain.records import Entity, Section
from siscon.domain.runs import RunStatus
from siscon.engine.carriers import carry
from siscon.engine.scope import cut
from support.engines import LivingEngine, living_engine, settings_for
from support.fake_sis import FakeSis, rejected, small_district
from support.house import NAME, TestHouse, test_house

KINDS = (Entity.SCHOOL, Entity.TERM, Entity.STAFF, Entity.STUDENT, Entity.COURSE, Entity.SECTION)


@pytest.fixture
def sis() -> FakeSis:
    return small_district()


@pytest.fixture
async def house(tmp_path: Path, sis: FakeSis) -> AsyncIterator[TestHouse]:
    async with test_house(tmp_path, sis) as house:
        yield house


@pytest.fixture
async def engine(house: TestHouse, tmp_path: Path) -> AsyncIterator[LivingEngine]:
    settings = settings_for(tmp_path, NAME, entities=KINDS)
    async with living_engine(house.db, settings, house.vault, sis=house.sis, importer=carry) as engine:
        yield engine


async def test_a_student_comes_without_enrollments_that_the_configuration_leaves_out(
    house: TestHouse, engine: LivingEngine
) -> None:
    row = await engine.ask(StartRun(NAME))
    await engine.reaches(row.run_id, RunStatus.COMPLETED)

    row = await engine.ask(ForceSync(NAME, "student", "u1"))

    run = await engine.reaches(row.run_id, RunStatus.COMPLETED)
    assert run.entities == (Entity.STUDENT,)
    assert await house.rows("SELECT id FROM enrollments") == []


async def test_a_kind_that_is_left_out_is_refused_at_once(engine: LivingEngine) -> None:
    row = await engine.ask(ForceSync(NAME, "enrollment", "e1"))

    assert (row.status, row.run_id) == (CommandStatus.REFUSED, None)
    assert "imports no enrollment: 'entities' in config.yaml leaves that out" in row.answer


async def test_of_records_in_error_those_left_out_meanwhile_stay_as_they_are(
    house: TestHouse, tmp_path: Path
) -> None:
    house.sis.hold(rejected("u9"), entity=Entity.STUDENT)
    house.sis.hold(rejected("e9"), entity=Entity.ENROLLMENT)
    house.sis.hold(Section("x9", "Group 9", course="nowhere", school="s1"))
    await house.sync()
    settings = settings_for(tmp_path, NAME, entities=KINDS)
    async with living_engine(house.db, settings, house.vault, sis=house.sis, importer=carry) as engine:
        alone = await engine.ask(RetryDead(NAME, (), {"entity": "enrollment"}, 1))
        row = await engine.ask(RetryDead(NAME, (), {}, 3))
        run = await engine.reaches(row.run_id, RunStatus.WITH_ERRORS)

    assert alone.run_id is None
    assert "imports no enrollment" in alone.answer
    assert "tries 2 records again" in row.answer
    assert "1 of kinds that the configuration leaves out stay as they are" in row.answer
    assert run.entities == (Entity.STUDENT, Entity.SECTION)


async def test_a_run_that_was_queued_where_nobody_knew_the_settings_says_what_is_left_out(
    house: TestHouse, tmp_path: Path
) -> None:
    row = await house.ask(ForceSync(NAME, "enrollment", "e1"))
    assert row.run_id is not None
    job = await house.start(row.run_id)
    settings = settings_for(tmp_path, NAME, entities=KINDS).integrations[NAME]

    with pytest.raises(ConfigError, match="imports no enrollment: there are school, term"):
        await cut(house.db, job.run, job.lease, settings=settings, offered=tuple(Entity))

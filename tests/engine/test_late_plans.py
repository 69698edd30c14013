"""A plan that is applied after others have changed something: record by record, only what still is as it was seen."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import ApprovePlan, CommandStatus
from siscon.domain.guards import GuardLimits
from siscon.domain.records import Entity, Student
from siscon.domain.runs import RunStatus
from support.fake_sis import small_district
from support.house import NAME, TestHouse, test_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with test_house(tmp_path, small_district()) as house:
        await house.sync()
        yield house


async def held_plan(house: TestHouse) -> int:
    """A dry run's plan, put aside."""
    run_id = await house.enqueue()
    await house.do(f"UPDATE runs SET dry = 1 WHERE id = {run_id}")
    assert await house.go_on(await house.start(run_id)) is RunStatus.PLANNED
    return run_id


async def apply(house: TestHouse, run_id: int, *entities: str) -> RunStatus:
    assert (await house.ask(ApprovePlan(run_id, "", entities))).status is CommandStatus.DONE
    return await house.go_on(await house.start(run_id))


async def counts(house: TestHouse, run_id: int) -> dict[str, int]:
    (row,) = await house.rows(
        "SELECT created, updated, skipped, missing, withdrawn, warnings FROM run_counts "
        f"WHERE entity = 'student' AND run_id = {run_id}"
    )
    return row


async def test_a_dry_run_writes_nothing_and_applies_later_as_it_was_shown(house):
    house.sis.hold(Student("u9", "Ada", None, "Quist", school="s1"))
    before = await house.content()
    run_id = await held_plan(house)
    assert await house.content() == before
    house.sis.hold(Student("u10", "Came", None, "Later", school="s1"))

    assert await apply(house, run_id) is RunStatus.COMPLETED

    names = {row["first_name"] for row in await house.rows("SELECT first_name FROM students")}
    assert ("Ada" in names, "Came" in names) == (True, False)


async def test_what_another_run_has_created_meanwhile_is_not_created_twice(house):
    house.sis.hold(Student("u9", "Ada", None, "Quist", school="s1"))
    run_id = await held_plan(house)
    await house.sync()

    assert await apply(house, run_id) is RunStatus.WITH_WARNINGS

    told = await counts(house, run_id)
    assert (told["created"], told["skipped"]) == (0, 1)
    assert len(await house.rows("SELECT 1 FROM students WHERE first_name = 'Ada'")) == 1


async def test_what_another_run_or_a_person_has_changed_meanwhile_stays(house):
    kim, tom = house.sis.lists[Entity.STUDENT][:2]
    house.sis.replace(dataclasses.replace(kim, last_name="Sorel"))
    house.sis.replace(dataclasses.replace(tom, last_name="Sorel"))
    run_id = await held_plan(house)
    house.sis.replace(dataclasses.replace(kim, last_name="Dahl"))
    house.sis.replace(tom)
    await house.sync()
    await house.do("UPDATE students SET email = 'tom@example.org' WHERE first_name = 'Kim2'")

    assert await apply(house, run_id) is RunStatus.WITH_WARNINGS

    told = await counts(house, run_id)
    assert (told["updated"], told["skipped"]) == (0, 2)
    rows = await house.rows("SELECT last_name FROM students WHERE first_name IN ('Kim1', 'Kim2') ORDER BY id")
    assert [row["last_name"] for row in rows] == ["Dahl", "Marsh"]


@pytest.mark.parametrize("missed_before", [0, 1])
async def test_who_came_back_meanwhile_is_neither_missing_nor_withdrawn(house, missed_before):
    everybody = list(house.sis.lists[Entity.STUDENT])
    house.sis.remove(Entity.STUDENT, ["u5"])
    for _ in range(missed_before):
        await house.sync()
    run_id = await held_plan(house)
    house.sis.lists[Entity.STUDENT] = everybody
    await house.sync()
    before = await house.content()

    await apply(house, run_id)

    assert await house.content() == before
    told = await counts(house, run_id)
    assert (told["missing"], told["withdrawn"]) == (0, 0)


async def test_who_was_lost_meanwhile_stays_missing(house):
    run_id = await held_plan(house)
    house.sis.remove(Entity.STUDENT, ["u5"])
    await house.sync()

    await apply(house, run_id)

    missing = (
        f"SELECT external_id FROM {NAME}_mappings WHERE missing_since IS NOT NULL AND entity_type = 'student'"
    )
    assert [row["external_id"] for row in await house.rows(missing)] == ["u5"]


async def test_only_the_kinds_that_were_named_are_applied(house):
    house.sis.hold(Student("u9", "Ada", None, "Quist", school="s1"))
    school = house.sis.lists[Entity.SCHOOL][0]
    house.sis.replace(dataclasses.replace(school, name="Harbor School"))
    run_id = await held_plan(house)

    assert await apply(house, run_id, "school") is RunStatus.WITH_WARNINGS

    assert await house.rows("SELECT 1 FROM schools WHERE name = 'Harbor School'")
    assert not await house.rows("SELECT 1 FROM students WHERE first_name = 'Ada'")


async def test_a_plan_that_passes_a_limit_needs_a_reason(house):
    house.limits = GuardLimits(at_least=2)
    house.sis.remove(Entity.STUDENT, ["u1", "u2", "u3"])
    run_id = await held_plan(house)

    assert (await house.ask(ApprovePlan(run_id, ""))).status is CommandStatus.REFUSED
    assert (await house.ask(ApprovePlan(run_id, "agreed"))).status is CommandStatus.DONE


async def test_a_question_that_was_opened_meanwhile_stays_open(house):
    run_id = await held_plan(house)
    await house.do(
        "INSERT INTO conflicts (integration, entity, external_id, internal_id, run_id, status, base, sis, local, "
        "sis_fingerprint, local_version, opened_at_ms) SELECT 'harbor', 'student', 'u1', internal_id, 99, 'open', "
        f"'{{}}', '{{}}', '{{}}', '', 1, 1 FROM {NAME}_mappings WHERE external_id = 'u1'"
    )
    await house.do("UPDATE cursors SET run_id = NULL")

    await apply(house, run_id)

    assert len(await house.rows("SELECT 1 FROM conflicts WHERE status = 'open'")) == 1

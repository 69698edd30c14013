"""Absence: marked, withdrawn with a date, and back again as if nothing had been."""

from __future__ import annotations

import dataclasses

import pytest

from siscon.domain.absence import DAY_MS, AbsenceRules, Drops
from siscon.domain.commands import ApprovePlan
from siscon.domain.conflicts import Policy
from siscon.domain.records import Entity, Student
from siscon.domain.runs import RunStatus
from siscon.store import records
from support.fake_sis import small_district
from support.house import NAME, test_house


@pytest.fixture
async def house(tmp_path):
    async with test_house(tmp_path, small_district()) as opened:
        await opened.sync()
        yield opened


async def student(house, external_id="u5"):
    async with house.db.read() as c:
        row = await records.show(c, NAME, Entity.STUDENT, external_id)
    return row.record


async def tie(house, external_id="u5", entity="student"):
    (row,) = await house.rows(
        f"SELECT * FROM {NAME}_mappings WHERE external_id = '{external_id}' AND entity_type = '{entity}'"
    )
    return row


def leave(house, external_id="u5"):
    house.sis.remove(Entity.STUDENT, [external_id])
    house.sis.remove(Entity.ENROLLMENT, ["e5"])


async def test_who_is_lacking_once_is_marked_and_no_more(house):
    before = await student(house)
    leave(house)

    _, counts = await house.sync()

    assert (counts[Entity.STUDENT].missing, counts[Entity.STUDENT].withdrawn) == (1, 0)
    assert await student(house) == before
    assert (await tie(house))["missing_runs"] == 1


async def test_who_is_lacking_twice_in_a_row_is_withdrawn_with_a_date_and_once_only(house):
    leave(house)
    await house.sync()

    status, counts = await house.sync()

    assert status is RunStatus.COMPLETED
    assert (counts[Entity.STUDENT].missing, counts[Entity.STUDENT].withdrawn) == (0, 1)
    assert (await student(house)).status == "inactive"
    assert (await tie(house))["withdrawn_at"] == house.now_ms
    (enrollment,) = await house.rows("SELECT * FROM enrollments WHERE status = 'inactive'")
    assert enrollment["ends_on"] == "2027-01-15"
    before = await house.content()
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].withdrawn == counts[Entity.STUDENT].missing == 0
    assert await house.content() == before


async def test_who_comes_back_is_the_same_record_with_what_was_noted_here(house):
    await house.do("UPDATE students SET email = 'kim@district.example' WHERE first_name = 'Kim5'")
    before, tied = await student(house), await tie(house)
    gone = house.sis.lists[Entity.STUDENT][-1], house.sis.lists[Entity.ENROLLMENT][4]
    leave(house)
    await house.sync()
    await house.sync()
    house.sis.hold(*gone)

    status, counts = await house.sync()

    assert status is RunStatus.COMPLETED
    assert counts[Entity.STUDENT].updated == counts[Entity.ENROLLMENT].updated == 1
    assert await student(house) == before
    now = await tie(house)
    assert now["internal_id"] == tied["internal_id"]
    assert (now["withdrawn_at"], now["missing_since"], now["missing_runs"]) == (None, None, 0)
    assert [row["ends_on"] for row in await house.rows("SELECT ends_on FROM enrollments")] == [None] * 6


async def test_coming_back_in_between_begins_the_count_anew(house):
    gone = house.sis.lists[Entity.STUDENT][-1]
    for _ in range(3):
        house.sis.remove(Entity.STUDENT, ["u5"])
        await house.sync()
        house.sis.hold(gone)
        await house.sync()

    assert (await student(house)).status == "active"


async def test_days_of_grace_come_on_top_of_the_runs(house):
    house.absence = AbsenceRules(grace_days=7)
    leave(house)
    for _ in range(4):
        _, counts = await house.sync()
    assert (await student(house)).status == "active"
    house.now_ms += 7 * DAY_MS

    _, counts = await house.sync()

    assert counts[Entity.STUDENT].withdrawn == 1


@pytest.mark.parametrize(("drops", "missing"), [(Drops.MARK, 1), (Drops.SKIP, 0)])
async def test_drops_that_are_only_marked_or_skipped_withdraw_nobody(house, drops, missing):
    house.absence = AbsenceRules(drops, entities={Entity.ENROLLMENT: Drops.WITHDRAW})
    leave(house)
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].missing == missing
    _, counts = await house.sync()

    assert (await student(house)).status == "active"
    assert (await tie(house))["missing_runs"] == 2 * missing
    assert counts[Entity.ENROLLMENT].withdrawn == 1


async def test_a_status_that_is_ours_is_never_withdrawn(house):
    house.policies = {Entity.STUDENT: Policy(ours=frozenset({"status"}))}
    leave(house)
    await house.sync()

    status, counts = await house.sync()

    assert status is RunStatus.COMPLETED
    assert counts[Entity.STUDENT].withdrawn == 0
    assert (await student(house)).status == "active"


async def test_a_record_that_changed_here_after_the_plan_is_not_withdrawn_by_it(house):
    leave(house)
    await house.sync()
    house.sis.replace(dataclasses.replace(await student(house, "u1"), grade_level="8"))
    house.limits = dataclasses.replace(house.limits, at_least=0, updated_share=0.0)
    status, _ = await house.sync()
    assert status is RunStatus.HELD
    await house.do("UPDATE students SET email = 'kim@district.example' WHERE first_name = 'Kim5'")
    (run,) = await house.rows("SELECT id FROM runs WHERE status = 'held'")
    await house.ask(ApprovePlan(run["id"], "they left"))
    await house.go_on(await house.start(run["id"]))

    assert (await student(house)).status == "active"
    assert (await tie(house))["withdrawn_at"] is None
    (count,) = await house.rows(f"SELECT * FROM run_counts WHERE entity = 'student' AND run_id = {run['id']}")
    assert count["withdrawn"] == 0
    assert (count["fetched"], count["unchanged"], count["updated"]) == (4, 3, 1)


async def test_an_explicit_word_of_the_sis_is_heeded_at_once(house):
    kim = await student(house)
    house.sis.replace(dataclasses.replace(kim, status="inactive"))

    _, counts = await house.sync()

    assert (counts[Entity.STUDENT].updated, counts[Entity.STUDENT].withdrawn) == (1, 1)
    (change,) = await house.rows("SELECT kind FROM changes WHERE kind <> 'created'")
    assert change["kind"] == "withdrawn"


async def test_a_dry_run_that_is_applied_after_another_run_takes_nobody_away_who_came_back(house):
    gone = house.sis.lists[Entity.STUDENT][-1]
    house.sis.remove(Entity.STUDENT, ["u5"])
    await house.sync()
    house.sis.hold(Student("u6", "Ines", None, "Marsh"))
    run_id = await house.enqueue(dry=True)
    assert await house.go_on(await house.start(run_id)) is RunStatus.PLANNED
    house.sis.hold(gone)
    await house.sync()

    await house.ask(ApprovePlan(run_id, ""))
    assert await house.go_on(await house.start(run_id)) is RunStatus.WITH_WARNINGS

    assert (await student(house)).status == "active"
    assert (await tie(house))["missing_since"] is None
    (count,) = await house.rows(f"SELECT * FROM run_counts WHERE entity = 'student' AND run_id = {run_id}")
    assert (count["created"], count["skipped"], count["withdrawn"]) == (0, 1, 0)
    before = await house.content()
    await house.sync()
    assert await house.content() == before

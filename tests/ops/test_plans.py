"""Plans as the desk tells them: counts, records page by page, a file for spreadsheets."""

from __future__ import annotations

import csv
import dataclasses
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import ApprovePlan, DeclareRollover
from siscon.domain.errors import UsageError
from siscon.domain.guards import GuardLimits
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity, Student
from siscon.domain.runs import RunStatus
from siscon.ops import plans
from support.fake_sis import small_district
from support.house import NAME, TestHouse, test_house

RUN = 2


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    """A plan that waits: one student new, one changed, one missing, and a teacher moved."""
    async with test_house(tmp_path, small_district()) as house:
        await house.sync()
        sis = house.sis
        sis.hold(Student("u9", '=HYPERLINK("x")', None, "Quist", school="s1"))
        kim = sis.lists[Entity.STUDENT][0]
        sis.replace(dataclasses.replace(kim, grade_level="8"))
        sis.remove(Entity.STUDENT, ["u5"])
        teacher = sis.lists[Entity.STAFF][0]
        sis.replace(dataclasses.replace(teacher, schools=("s2",)))
        house.limits = GuardLimits(created_share=0.1, at_least=0)
        assert (await house.sync())[0] is RunStatus.HELD
        yield house


async def test_the_plan_is_listed_with_its_sums_and_the_limit_it_passes(house: TestHouse) -> None:
    (row,) = await plans.plan_rows(house.db)

    assert (row["run_id"], row["status"], row["error_code"]) == (RUN, "held", "too_much")
    assert (row["create"], row["update"], row["missing"]) == (1, 2, 1)
    assert await plans.plan_rows(house.db, integration="other") == []


async def test_counts_go_by_entity(house: TestHouse) -> None:
    rows = {row["entity"]: row for row in await plans.count_rows(house.db, RUN)}

    assert (rows["student"]["known"], rows["student"]["unchanged"], rows["student"]["create"]) == (5, 3, 1)
    assert (rows["staff"]["update"], rows["school"]["unchanged"]) == (1, 2)


async def test_records_tell_old_and_new_of_each_field(house: TestHouse) -> None:
    found = [one async for one in plans.records(house.db, RUN, entity=None, verdict=None)]
    told = {one.external_id: plans.as_row(one) for one in found}

    assert set(told) == {"p1", "u1", "u5", "u9"}
    assert told["u1"]["changes"] == [{"field": "grade_level", "old": "7", "new": "8"}]
    assert told["p1"]["changes"] == [{"field": "schools", "old": ["s1", "s2"], "new": ["s2"]}]
    assert (told["u5"]["verdict"], told["u5"]["changes"]) == ("missing", [])
    assert {"field": "last_name", "old": None, "new": "Quist"} in told["u9"]["changes"]


@pytest.mark.parametrize("entity", [None, Entity.STUDENT, Entity.COURSE])
@pytest.mark.parametrize("verdict", [None, Verdict.UPDATE, Verdict.UNCHANGED])
async def test_ids_rows_and_count_of_the_list_agree(
    house: TestHouse, entity: Entity | None, verdict: Verdict | None
) -> None:
    listing = plans.PlanList(house.db, RUN, entity, verdict)
    ids = [one async for chunk in listing.ids() for one in chunk]
    rows = await listing.rows(ids)

    assert len(ids) == len(set(ids)) == await listing.count()
    read = [one async for one in plans.records(house.db, RUN, entity=entity, verdict=verdict)]
    assert [rows[one] for one in ids] == read


async def test_a_row_that_was_applied_meanwhile_is_simply_not_there(house: TestHouse) -> None:
    listing = plans.PlanList(house.db, RUN)
    ids = [one async for chunk in listing.ids() for one in chunk]
    await house.ask(ApprovePlan(RUN, "agreed"))
    await house.go_on(await house.start(RUN))

    assert await listing.rows(ids) == {}
    with pytest.raises(UsageError, match="its plan is no longer kept"):
        await plans.the_run(house.db, RUN)
    with pytest.raises(UsageError, match="There is no run 99"):
        await plans.the_run(house.db, 99)


async def test_the_file_is_for_its_owner_whole_and_calculates_nothing(
    house: TestHouse, tmp_path: Path
) -> None:
    elsewhere, file = tmp_path / "elsewhere", tmp_path / "plan.csv"
    elsewhere.write_text("not ours", encoding="utf-8")
    file.symlink_to(elsewhere)

    noted: list[int] = []

    async def note(rows: int) -> None:
        assert file.is_symlink(), "the file has its name once it is noted"
        noted.append(rows)

    assert await plans.export(house.db, RUN, file, note, entity=None, verdict=None) == 4
    assert noted == [4]

    assert elsewhere.read_text(encoding="utf-8") == "not ours"
    assert (file.is_symlink(), stat.S_IMODE(file.stat().st_mode)) == (False, 0o600)
    with file.open(encoding="utf-8", newline="") as listed:
        rows = list(csv.DictReader(listed))
    assert tuple(rows[0]) == plans.FIELD_COLUMNS
    assert '\'=HYPERLINK("x")' in [row["new"] for row in rows]
    assert {row["external_id"] for row in rows} == {"p1", "u1", "u5", "u9"}


async def test_rollovers_are_listed_with_whether_they_still_hold(house: TestHouse) -> None:
    until_ms = house.now_ms + 1_000
    await house.ask(DeclareRollover(NAME, "student", "missing", 0.9, until_ms, "the new year"))

    (now,) = await plans.rollover_rows(house.db, now_ms=house.now_ms)
    (later,) = await plans.rollover_rows(house.db, now_ms=until_ms, integration=NAME)

    assert (now["active"], later["active"]) == (True, False)
    assert (now["entity"], now["what"], now["share"], now["declared_by"]) == (
        "student",
        "missing",
        0.9,
        "tester",
    )
    assert await plans.pair_counts(house.db, RUN) == {}

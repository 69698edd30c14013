"""Two runs of one integration at once, in two lanes: neither takes back what the other has asked for later."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from siscon.domain.absence import AbsenceRules
from siscon.domain.commands import ApprovePlan, EditRecord, ForceSync
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity, School, Student
from siscon.domain.runs import Counts, RunStatus
from siscon.engine import plan
from siscon.engine.job import ImportJob
from siscon.providers.contract import Rejected
from siscon.store import dead_records, leases, run_counts, runs
from support.fake_sis import FakeSis
from support.house import NAME, TestHouse, test_house

Between = Callable[[], Awaitable[None]]
Meanwhile = Callable[[ImportJob, Between], Awaitable[RunStatus]]


def student(number: int, given: str = "Wren") -> Student:
    return Student(f"s{number:04}", first_name=given, last_name="Fenwick")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    sis = FakeSis(page_size=50)
    sis.hold(School("sch", "Quill Primary"), *(student(number) for number in range(5)))
    async with test_house(tmp_path, sis) as house:
        await house.sync()
        house.now_ms += 60_000
        yield house


async def both(house: TestHouse, *run_ids: int) -> list[ImportJob]:
    """Runs claimed by one engine under one lease, as its worker has them."""
    async with house.db.transaction() as c:
        lease = await leases.take(c, f"credential:{NAME}", "one", ttl_s=600, now_ms=house.now_ms)
        claimed = [await runs.claim(c, one, engine="one", now_ms=house.now_ms) for one in run_ids]
    return [house.job(run, lease) for run in claimed]


async def force(house: TestHouse, number: int) -> int:
    row = await house.ask(ForceSync(NAME, "student", f"s{number:04}", relations=False))
    assert row.run_id is not None, row.answer
    return row.run_id


@pytest.fixture
def meanwhile(house: TestHouse, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Let a run fetch, then do something else, then let it plan and go on."""

    async def carry(job: ImportJob, between: Between) -> RunStatus:
        plan_entity, done = plan.plan_entity, False

        async def after_that(one: ImportJob, entity: Entity) -> object:
            nonlocal done
            if one.run.id == job.run.id and not done:
                done = True
                await between()
            return await plan_entity(one, entity)

        monkeypatch.setattr(plan, "plan_entity", after_that)
        return await house.go_on(job)

    return carry


async def first_name(house: TestHouse, number: int) -> str:
    [found] = await house.rows(
        f"SELECT s.first_name FROM students s JOIN {NAME}_mappings m ON m.internal_id = s.id "
        f"AND m.entity_type = 'student' WHERE m.external_id = 's{number:04}'"
    )
    return str(found["first_name"])


async def counts_of(house: TestHouse, run_id: int) -> Counts:
    async with house.db.read() as c:
        return await run_counts.of_entity(c, run_id, Entity.STUDENT)


async def watermark(house: TestHouse) -> str | None:
    [found] = await house.rows("SELECT watermark FROM cursors WHERE entity = 'student'")
    return found["watermark"]  # type: ignore[no-any-return] # a row of text


@pytest.mark.parametrize(
    "moved_ms", [5, 0, -3_600_000], ids=["later", "in the same moment", "clock set back"]
)
async def test_an_import_does_not_take_back_what_a_person_fetched_after_its_list(
    house: TestHouse, meanwhile: Meanwhile, moved_ms: int
) -> None:
    bulk, single = await both(house, await house.enqueue(), await force(house, 1))
    house.sis.replace(student(1, "Old"))
    house.sis.mark = "2026-01-01T00:00:00Z"

    async def somebody_fetches_it() -> None:
        house.now_ms += moved_ms
        house.sis.replace(student(1, "New"))
        assert await house.go_on(single) is RunStatus.COMPLETED

    assert await meanwhile(bulk, somebody_fetches_it) is RunStatus.WITH_WARNINGS

    assert await first_name(house, 1) == "New"
    counts = await counts_of(house, bulk.run.id)
    assert (counts.fetched, counts.unchanged, counts.skipped, counts.warnings) == (5, 4, 1, 1)
    assert await watermark(house) is None, "the next run looks at it once more"
    house.sis.replace(student(1, "Newest"))
    status, _counts = await house.sync()
    assert (status, await first_name(house, 1)) == (RunStatus.COMPLETED, "Newest")
    assert await watermark(house) == house.sis.mark
    assert await house.rows("SELECT * FROM overtaken") == []


async def test_what_both_runs_read_alike_is_unchanged(house: TestHouse, meanwhile: Meanwhile) -> None:
    bulk, single = await both(house, await house.enqueue(), await force(house, 1))
    house.sis.replace(student(1, "New"))

    async def somebody_fetches_it() -> None:
        assert await house.go_on(single) is RunStatus.COMPLETED

    assert await meanwhile(bulk, somebody_fetches_it) is RunStatus.COMPLETED
    counts = await counts_of(house, bulk.run.id)
    assert (counts.unchanged, counts.skipped) == (5, 0)


async def test_a_change_that_the_sis_has_taken_back_since_is_not_applied(
    house: TestHouse, meanwhile: Meanwhile
) -> None:
    bulk, single = await both(house, await house.enqueue(), await force(house, 1))
    house.sis.replace(student(1, "Mistyped"))

    async def somebody_fetches_it() -> None:
        house.sis.replace(student(1))
        assert await house.go_on(single) is RunStatus.COMPLETED

    assert await meanwhile(bulk, somebody_fetches_it) is RunStatus.WITH_WARNINGS
    assert await first_name(house, 1) == "Wren"


async def test_a_person_who_asks_after_an_import_has_read_its_lists_gets_the_answer(
    house: TestHouse, meanwhile: Meanwhile
) -> None:
    house.sis.replace(student(1, "Old"))
    run_id = await house.enqueue(dry=True)
    assert await house.carry_on(run_id) is RunStatus.PLANNED
    await house.ask(ApprovePlan(run_id, "looks right"))
    bulk, single = await both(house, run_id, await force(house, 1))
    house.sis.replace(student(1, "New"))

    async def the_plan_is_applied() -> None:
        assert await house.go_on(bulk) is RunStatus.COMPLETED
        assert await first_name(house, 1) == "Old"

    assert await meanwhile(single, the_plan_is_applied) is RunStatus.COMPLETED
    assert await first_name(house, 1) == "New"


async def test_an_edit_by_hand_in_between_is_merged_as_ever(house: TestHouse, meanwhile: Meanwhile) -> None:
    [bulk] = await both(house, await house.enqueue())
    house.sis.replace(replace(student(1, "Robin"), email="robin@quill.example"))

    async def somebody_edits_it() -> None:
        row = await house.ask(EditRecord(NAME, "student", "s0001", {"middle_name": "Kit"}, "a call"))
        assert row.run_id is not None, row.answer

    assert await meanwhile(bulk, somebody_edits_it) is RunStatus.COMPLETED
    [found] = await house.rows("SELECT first_name, middle_name FROM students WHERE email IS NOT NULL")
    assert found == {"first_name": "Robin", "middle_name": "Kit"}


async def test_who_was_fetched_after_the_list_was_read_is_not_missing(
    house: TestHouse, meanwhile: Meanwhile
) -> None:
    house.absence = AbsenceRules(after_runs=1)
    bulk, single = await both(house, await house.enqueue(full=True), await force(house, 77))

    async def a_newcomer_is_fetched() -> None:
        house.sis.hold(student(77))
        assert await house.go_on(single) is RunStatus.COMPLETED

    assert await meanwhile(bulk, a_newcomer_is_fetched) is RunStatus.COMPLETED
    [found] = await house.rows(
        f"SELECT s.status, m.withdrawn_at, m.missing_runs FROM students s JOIN {NAME}_mappings m "
        "ON m.internal_id = s.id AND m.entity_type = 'student' WHERE m.external_id = 's0077'"
    )
    assert found == {"status": "active", "withdrawn_at": None, "missing_runs": 0}


async def test_a_plan_that_waited_withdraws_nobody_who_was_found_since(house: TestHouse) -> None:
    house.absence = AbsenceRules(after_runs=1)
    house.sis.remove(Entity.STUDENT, ["s0001", "s0002"])
    run_id = await house.enqueue(dry=True)
    assert await house.carry_on(run_id) is RunStatus.PLANNED
    house.sis.hold(student(1))
    assert await house.carry_on(await force(house, 1)) is RunStatus.COMPLETED

    await house.ask(ApprovePlan(run_id, "they left"))

    assert await house.carry_on(run_id) is RunStatus.WITH_WARNINGS
    found = await house.rows(
        f"SELECT m.external_id FROM {NAME}_mappings m WHERE m.withdrawn_at IS NOT NULL OR m.missing_runs > 0"
    )
    assert [one["external_id"] for one in found] == ["s0002"]
    assert (await counts_of(house, run_id)).missing == 1


async def test_an_import_does_not_close_what_a_run_under_way_has_buried(
    house: TestHouse, meanwhile: Meanwhile
) -> None:
    bulk, single = await both(house, await house.enqueue(full=True), await force(house, 9))
    with pytest.raises(ProviderError):
        await meanwhile(bulk, _break_off)
    house.sis.hold(Rejected("s0009", "bad_shape", "grade is odd.", "grade", "{}"), entity=Entity.STUDENT)

    async def the_import_goes_on() -> None:
        assert await house.carry_on(bulk.run.id) is RunStatus.COMPLETED

    assert await meanwhile(single, the_import_goes_on) is RunStatus.WITH_ERRORS
    assert await in_error(house) == ["s0009"]


async def test_an_import_does_not_close_what_was_buried_after_its_list_was_read(
    house: TestHouse, meanwhile: Meanwhile
) -> None:
    bulk, single = await both(house, await house.enqueue(full=True), await force(house, 9))

    async def it_comes_broken() -> None:
        house.sis.hold(Rejected("s0009", "bad_shape", "grade is odd.", "grade", "{}"), entity=Entity.STUDENT)
        assert await house.go_on(single) is RunStatus.WITH_ERRORS

    assert await meanwhile(bulk, it_comes_broken) is RunStatus.COMPLETED
    assert await in_error(house) == ["s0009"]
    [tie] = await house.rows(f"SELECT sync_status FROM {NAME}_mappings WHERE external_id = 's0009'")
    assert tie["sync_status"] == "error"


async def test_an_import_does_not_close_a_question_that_another_run_asked_after_its_list_was_read(
    house: TestHouse, meanwhile: Meanwhile
) -> None:
    house.policies = {Entity.STUDENT: Policy(default=Strategy.MANUAL)}
    await house.ask(EditRecord(NAME, "student", "s0001", {"first_name": "Robin"}, "a call"))
    single_id = await force(house, 1)
    bulk, single = await both(house, await house.enqueue(), single_id)

    async def it_comes_changed() -> None:
        house.sis.replace(student(1, "New"))
        assert await house.go_on(single) is RunStatus.WITH_ERRORS

    await meanwhile(bulk, it_comes_changed)
    asked = await house.rows("SELECT status, sis ->> 'first_name' AS sis FROM conflicts")
    assert asked == [{"status": "open", "sis": "New"}]


async def test_a_plan_made_before_a_question_was_asked_does_not_close_it(house: TestHouse) -> None:
    house.policies = {Entity.STUDENT: Policy(default=Strategy.MANUAL)}
    await house.ask(EditRecord(NAME, "student", "s0001", {"first_name": "Robin"}, "a call"))
    single_id = await force(house, 1)
    run_id = await house.enqueue(dry=True)
    assert await house.carry_on(run_id) is RunStatus.PLANNED
    house.sis.replace(student(1, "New"))
    assert await house.carry_on(single_id) is RunStatus.WITH_ERRORS

    await house.ask(ApprovePlan(run_id, "looks right"))
    await house.carry_on(run_id)

    assert await house.rows("SELECT status FROM conflicts") == [{"status": "open"}]


async def in_error(house: TestHouse) -> list[str | None]:
    async with house.db.read() as c:
        return [one.external_id for one in await dead_records.list_open(c)]


async def _break_off() -> None:
    raise ProviderError("The SIS answered with nonsense.", code="odd")

"""Dead records tried again by a person, given up, or left after many tries; single records fetched by force."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from siscon.domain.commands import DiscardDead, ForceSync, RetryDead
from siscon.domain.errors import ProviderError, TransientError
from siscon.domain.guards import GuardLimits
from siscon.domain.records import Course, Enrollment, Entity, Part, School, Section, Student
from siscon.domain.runs import Lane, RunKind, RunStatus
from siscon.engine.redrive import FEW
from siscon.ops.dead_records import Chosen, counted
from siscon.providers.contract import Rejected
from siscon.store import dead_records, runs
from support.fake_sis import FakeSis
from support.house import NAME, TestHouse, test_house

SCHOOL = School("sch", "Quill Primary")


def student(number: int, given: str = "Wren") -> Student:
    return Student(f"s{number:04}", first_name=given, last_name="Fenwick")


def broken(number: int, raw: str = '{"grade": []}') -> Rejected:
    return Rejected(f"s{number:04}", "bad_shape", "grade does not have the documented form.", "grade", raw)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    sis = FakeSis(page_size=50)
    sis.hold(SCHOOL, *(student(number) for number in range(5)))
    async with test_house(tmp_path, sis) as house:
        yield house


async def dead_ids(house: TestHouse) -> list[int]:
    async with house.db.read() as c:
        return [one.id for one in await dead_records.list_open(c)]


def mend(house: TestHouse, *numbers: int) -> None:
    house.sis.remove(Entity.STUDENT, [f"s{number:04}" for number in numbers])
    house.sis.hold(*(student(number) for number in numbers))


async def names(house: TestHouse) -> set[str]:
    found = await house.rows(f"SELECT external_id FROM {NAME}_mappings WHERE internal_id IS NOT NULL")
    return {row["external_id"] for row in found}


async def test_one_record_is_asked_for_by_its_id_and_comes_through(house: TestHouse) -> None:
    house.sis.hold(broken(9), entity=Entity.STUDENT)
    await house.sync()
    mend(house, 9)
    asked = len(house.sis.asked)

    row = await house.ask(RetryDead(NAME, tuple(await dead_ids(house)), {}, 1))
    assert row.run_id is not None, row.answer
    async with house.db.read() as c:
        run = await runs.get(c, row.run_id)
    assert run is not None
    assert (run.kind, run.lane) == (RunKind.REDRIVE, Lane.SINGLE)
    assert await house.carry_on(row.run_id) is RunStatus.COMPLETED

    assert house.sis.asked_single == [(Entity.STUDENT, "s0009")]
    assert len(house.sis.asked) == asked, "no list was read"
    assert await dead_ids(house) == []
    assert "s0009" in await names(house)
    before = await house.content()
    await house.sync()
    assert await house.content() == before


async def test_many_are_picked_out_of_the_list_and_the_others_stay_as_they_are(house: TestHouse) -> None:
    many = range(100, 100 + FEW + 20)
    house.sis.hold(*(broken(number) for number in many), entity=Entity.STUDENT)
    await house.sync()
    mend(house, *(number for number in many if number % 2))
    house.sis.replace(student(1, "Robin"))

    row = await house.ask(RetryDead(NAME, (), {"entity": "student", "code": "bad_shape"}, len(many)))
    assert row.run_id is not None, row.answer
    assert await house.carry_on(row.run_id) is RunStatus.WITH_ERRORS

    assert house.sis.asked_single == []
    found = await house.rows("SELECT attempts FROM dead_records WHERE status = 'open'")
    assert [one["attempts"] for one in found] == [2] * (len(many) // 2)
    [robin] = await house.rows(
        f"SELECT first_name FROM students s JOIN {NAME}_mappings m ON m.internal_id = s.id "
        "WHERE m.external_id = 's0001' AND m.entity_type = 'student'"
    )
    assert robin["first_name"] == "Wren", "only what was asked for is looked at"


async def test_a_retry_of_which_most_is_still_in_error_is_not_held(house: TestHouse) -> None:
    house.sis.hold(*(broken(number) for number in range(100, 120)), entity=Entity.STUDENT)
    await house.sync()
    house.limits = GuardLimits()
    row = await house.ask(RetryDead(NAME, (), {"entity": "student"}, 20))
    assert row.run_id is not None, row.answer
    assert await house.carry_on(row.run_id) is RunStatus.WITH_ERRORS


async def test_what_the_list_no_longer_holds_is_closed_and_nothing_is_withdrawn(house: TestHouse) -> None:
    house.sis.hold(broken(9), entity=Entity.STUDENT)
    await house.sync()
    house.sis.remove(Entity.STUDENT, ["s0009", "s0001"])
    house.sis.gives_single = False

    row = await house.ask(RetryDead(NAME, tuple(await dead_ids(house)), {}, 1))
    assert row.run_id is not None
    assert await house.carry_on(row.run_id) is RunStatus.WITH_WARNINGS
    assert await dead_ids(house) == []
    forced = await house.ask(ForceSync(NAME, "student", "s0001", relations=False))
    assert forced.run_id is not None
    assert await house.carry_on(forced.run_id) is RunStatus.WITH_WARNINGS
    [gone] = await house.rows(f"SELECT missing_since FROM {NAME}_mappings WHERE external_id = 's0001'")
    assert gone["missing_since"] is None


async def test_an_answer_to_a_single_question_closes_nothing_that_the_list_may_still_hold(
    house: TestHouse,
) -> None:
    """Some systems say "not found" of a record that they list all the same."""
    house.sis.hold(broken(9), entity=Entity.STUDENT)
    await house.sync()
    house.sis.not_alone = {"s0009"}
    raw = await house.rows("SELECT raw, attempts FROM dead_records")

    row = await house.ask(RetryDead(NAME, tuple(await dead_ids(house)), {}, 1))
    assert row.run_id is not None
    assert await house.carry_on(row.run_id) is RunStatus.WITH_WARNINGS

    assert len(await dead_ids(house)) == 1
    assert await house.rows("SELECT raw, attempts FROM dead_records") == raw
    [told] = await house.rows("SELECT text FROM events WHERE kind = 'records gone'")
    assert (
        "nothing is done to it before a full list: 'siscon sync harbor --entity student --full'"
        in told["text"]
    )
    house.sis.remove(Entity.STUDENT, ["s0009"])
    await house.sync()
    assert await dead_ids(house) == [], "a whole list lacks it"


@pytest.mark.parametrize("outage", [False, True], ids=["broken off", "an outage sat out"])
async def test_a_list_that_broke_off_is_read_on_with_the_parts_of_what_it_had_shown(
    house: TestHouse, outage: bool
) -> None:
    house.sis.gives_single, house.sis.page_size = False, 2
    parts = [
        Part(Entity.STUDENT, f"s{number:04}", "demographics", {"birth_date": f"2010-01-0{number + 1}"})
        for number in (0, 1)
    ]
    house.sis.lists[Entity.STUDENT] = [broken(0), broken(1), student(2), student(3), *parts]
    await house.sync()
    house.sis.lists[Entity.STUDENT] = [student(0), student(1), student(2), student(3), *parts]
    row = await house.ask(RetryDead(NAME, (), {"entity": "student"}, 2))
    assert row.run_id is not None
    house.sis.asked.clear()
    house.sis.fail_at = (Entity.STUDENT, 4)
    if outage:
        house.sis.failure = TransientError("The SIS did not answer.")

        async def until_it_answers(_seconds: float) -> None:
            house.sis.fail_at = None

        job = replace(await house.start(row.run_id), sleep=until_it_answers)
        assert await house.go_on(job) is RunStatus.COMPLETED
    else:
        house.sis.failure = ProviderError("The list broke off.", code="odd")
        with pytest.raises(ProviderError, match="broke off"):
            await house.carry_on(row.run_id)
        house.sis.fail_at = None
        assert await house.carry_on(row.run_id) is RunStatus.COMPLETED

    assert [start for _entity, start in house.sis.asked] == [0, 2, 4], "no page was read twice"
    born = await house.rows(
        "SELECT birth_date FROM students WHERE birth_date IS NOT NULL ORDER BY birth_date"
    )
    assert [one["birth_date"] for one in born] == ["2010-01-01", "2010-01-02"]
    assert await dead_ids(house) == []
    assert await house.rows("SELECT * FROM walks") == []


async def test_what_the_earlier_pages_showed_is_not_gone_when_a_list_is_read_on(house: TestHouse) -> None:
    house.sis.gives_single, house.sis.page_size = False, 2
    house.sis.lists[Entity.STUDENT] = [broken(0), broken(1), student(2), broken(3)]
    await house.sync()
    house.sis.lists[Entity.STUDENT] = [broken(0), student(1), student(2)]
    row = await house.ask(RetryDead(NAME, (), {"entity": "student"}, 3))
    assert row.run_id is not None
    house.sis.fail_at, house.sis.failure = (
        (Entity.STUDENT, 2),
        ProviderError("The list broke off.", code="odd"),
    )
    with pytest.raises(ProviderError, match="broke off"):
        await house.carry_on(row.run_id)
    house.sis.fail_at = None

    assert await house.carry_on(row.run_id) is RunStatus.WITH_ERRORS
    [told] = await house.rows("SELECT text FROM events WHERE kind = 'records gone'")
    assert "does not hold 1 of those asked for (s0003)" in told["text"]
    found = await house.rows("SELECT record_key FROM dead_records WHERE status = 'open'")
    assert [one["record_key"] for one in found] == ["s0000"]


async def test_a_retry_that_was_shown_another_number_is_refused(house: TestHouse) -> None:
    house.sis.hold(broken(9), broken(10), entity=Entity.STUDENT)
    await house.sync()
    for command in (RetryDead(NAME, (), {}, 1), DiscardDead(NAME, (), {}, 3, "why")):
        row = await house.ask(command)
        assert row.run_id is None
        assert "2 records are meant now" in row.answer
    assert len(await dead_ids(house)) == 2


@pytest.mark.parametrize("kind", [RetryDead, DiscardDead])
async def test_what_failed_after_the_count_is_not_meant_also_where_they_are_as_many_as_before(
    house: TestHouse, kind: type[RetryDead | DiscardDead]
) -> None:
    house.sis.hold(broken(9), broken(10), entity=Entity.STUDENT)
    await house.sync()
    count, newest = await counted(house.db, Chosen(NAME))
    assert count == 2
    mend(house, 9)
    house.sis.hold(broken(11), entity=Entity.STUDENT)
    await house.sync()
    assert len(await dead_ids(house)) == 2, "one left, another came"

    told = {"reason": "test accounts"} if kind is DiscardDead else {}
    row = await house.ask(kind(NAME, (), {"entity": "student"}, count, up_to=newest, **told))

    assert row.answer == "1 record is meant now, 2 were shown: look again."
    assert len(await dead_ids(house)) == 2


async def test_what_was_given_up_is_passed_over_until_the_sis_says_something_else(house: TestHouse) -> None:
    house.sis.hold(broken(9), entity=Entity.STUDENT)
    await house.sync()
    await house.ask(DiscardDead(NAME, (), {"code": "bad_shape"}, 1, "a test account"))

    for _ in range(2):
        status, counts = await house.sync()
        assert status is RunStatus.COMPLETED
        told = counts[Entity.STUDENT]
        assert (told.fetched, told.unchanged, told.skipped, told.failed) == (6, 5, 1, 0)
        assert await dead_ids(house) == []

    house.sis.remove(Entity.STUDENT, ["s0009"])
    house.sis.hold(broken(9, '{"grade": {}}'), entity=Entity.STUDENT)
    status, counts = await house.sync()
    assert status is RunStatus.WITH_ERRORS
    assert len(await dead_ids(house)) == 1


async def test_what_was_given_up_is_news_again_after_the_record_has_come_through(house: TestHouse) -> None:
    house.sis.hold(Section("x1", "Maths A", course="c1", school="sch"))
    await house.sync()
    [dead_id] = await dead_ids(house)
    await house.ask(DiscardDead(NAME, (dead_id,), {}, 1, "no such course"))
    house.sis.hold(Course("c1", "Maths"))
    await house.sync()
    forced = await house.ask(ForceSync(NAME, "section", "x1", relations=False))
    assert forced.run_id is not None
    await house.carry_on(forced.run_id)
    for title in ("Maths B", "Maths A"):
        house.sis.replace(Section("x1", title, course="c1", school="sch"))
        await house.sync()
        assert [one["title"] for one in await house.rows("SELECT title FROM sections")] == [title]


async def test_after_many_tries_a_record_waits_for_a_person_and_stays_in_the_list(house: TestHouse) -> None:
    house.sis.hold(broken(9), entity=Entity.STUDENT)
    ends = [(await house.sync())[0] for _ in range(12)]
    assert ends == [RunStatus.WITH_ERRORS] * 10 + [RunStatus.COMPLETED] * 2
    [one] = await dead_ids(house)

    mend(house, 9)
    status, _counts = await house.sync()
    assert status is RunStatus.COMPLETED
    assert await dead_ids(house) == []
    assert "s0009" in await names(house)
    assert one


async def test_a_reference_that_comes_late_is_waited_for_without_end(house: TestHouse) -> None:
    house.sis.hold(Section("sec", "Orchard maths", course="c-unknown", school="sch"))
    for _ in range(12):
        status, _counts = await house.sync()
        assert status is RunStatus.WITH_ERRORS


async def test_a_student_is_fetched_with_the_enrollments(house: TestHouse) -> None:
    house.sis.hold(Course("c1", "Maths"), Section("sec", "Orchard maths", course="c1", school="sch"))
    await house.sync()
    house.sis.replace(student(1, "Robin"))
    house.sis.replace(student(2, "Linnet"))
    house.sis.hold(Enrollment("e1", "sec", "s0001"), Enrollment("e2", "sec", "s0002"))

    row = await house.ask(ForceSync(NAME, "student", "s0001"))
    assert row.run_id is not None
    assert await house.carry_on(row.run_id) is RunStatus.COMPLETED
    found = await names(house)
    assert "e1" in found
    assert "e2" not in found
    given = await house.rows("SELECT first_name FROM students WHERE first_name <> 'Wren'")
    assert [one["first_name"] for one in given] == ["Robin"]


@pytest.mark.parametrize("asks", [True, False], ids=["asked for alone", "picked out of the list"])
@pytest.mark.parametrize(("entity", "wanted"), [("student", {"e1"}), ("section", {"e1", "e2"})])
async def test_the_enrollments_of_one_are_asked_for_alone_where_the_sis_can_be_asked_so(
    house: TestHouse, entity: str, wanted: set[str], asks: bool
) -> None:
    house.sis.hold(Course("c1", "Maths"), Section("sec", "Orchard maths", course="c1", school="sch"))
    house.sis.hold(Section("other", "Meadow maths", course="c1", school="sch"))
    await house.sync()
    house.sis.hold(Enrollment("e1", "sec", "s0001"), Enrollment("e2", "sec", "s0002"))
    house.sis.hold(Enrollment("e3", "other", "s0003"))
    house.sis.gives_related, lists = asks, len(house.sis.asked)
    external_id = {"student": "s0001", "section": "sec"}[entity]

    row = await house.ask(ForceSync(NAME, entity, external_id))

    assert row.run_id is not None
    assert await house.carry_on(row.run_id) is RunStatus.COMPLETED
    assert await names(house) & {"e1", "e2", "e3"} == wanted
    asked = house.sis.asked_related
    assert asked == ([(Entity.ENROLLMENT, Entity(entity), external_id)] if asks else [])
    assert (len(house.sis.asked) == lists) is asks


async def test_a_broken_off_retry_asks_only_for_what_is_left(house: TestHouse) -> None:
    house.sis.hold(*(broken(number) for number in range(10, 16)), entity=Entity.STUDENT)
    await house.sync()
    mend(house, *range(10, 16))
    row = await house.ask(RetryDead(NAME, (), {"field": "grade"}, 6))
    assert row.run_id is not None
    house.sis.fail_single_at, house.sis.failure = (
        "s0013",
        ProviderError("The SIS answered with nonsense.", code="odd"),
    )
    job = await house.start(row.run_id)
    with pytest.raises(ProviderError, match="nonsense"):
        await house.go_on(job)
    assert [external_id for _entity, external_id in house.sis.asked_single] == ["s0010", "s0011", "s0012"]

    house.sis.fail_single_at = None
    assert await house.carry_on(row.run_id) is RunStatus.COMPLETED
    assert [one for _entity, one in house.sis.asked_single[3:]] == ["s0013", "s0014", "s0015"]
    assert await dead_ids(house) == []


async def test_an_outage_is_sat_out(house: TestHouse) -> None:
    house.sis.hold(broken(9), entity=Entity.STUDENT)
    await house.sync()
    mend(house, 9)
    row = await house.ask(RetryDead(NAME, (), {}, 1))
    assert row.run_id is not None
    house.sis.fail_single_at, house.sis.failure = "s0009", TransientError("The SIS did not answer.")
    house.sis.failures = 2
    assert await house.carry_on(row.run_id) is RunStatus.COMPLETED
    assert len(house.slept) == 2

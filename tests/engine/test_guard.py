"""The guard over real imports: the last seven days together, single schools, emptied sections, declared changes."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import ApprovePlan, CommandStatus, DeclareRollover, DiscardPlan, EndRollover
from siscon.domain.guards import DAY_MS, GuardLimits
from siscon.domain.records import Enrollment, Entity, School, Student
from siscon.domain.runs import RunStatus
from support.fake_sis import FakeSis, small_district
from support.house import NAME, TestHouse, test_house

EVERYBODY = 200


def town() -> FakeSis:
    """Two schools with a hundred students each."""
    sis = FakeSis(page_size=100)
    sis.hold(School("s1", "Harbor Middle"), School("s2", "Hill High"))
    for n in range(EVERYBODY):
        sis.hold(Student(f"u{n:03}", f"Kim{n}", None, "Marsh", school="s1" if n % 2 else "s2"))
    return sis


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with test_house(tmp_path, town()) as house:
        house.batch, house.limits = 100, GuardLimits()
        await house.sync()
        yield house


async def lose(house: TestHouse, first: int, n: int) -> RunStatus:
    house.sis.remove(Entity.STUDENT, [f"u{i:03}" for i in range(first, first + n)])
    return (await house.sync())[0]


async def why(house: TestHouse) -> str:
    (row,) = await house.rows("SELECT error FROM runs WHERE status = 'held'")
    return str(row["error"])


async def the_held(house: TestHouse) -> int:
    (row,) = await house.rows("SELECT id FROM runs WHERE status = 'held'")
    return int(row["id"])


async def approve(house: TestHouse) -> RunStatus:
    run_id = await the_held(house)
    assert (await house.ask(ApprovePlan(run_id, "agreed"))).status is CommandStatus.DONE
    return await house.go_on(await house.start(run_id))


async def withdrawn(house: TestHouse) -> int:
    (row,) = await house.rows("SELECT count(*) AS n FROM students WHERE status <> 'active'")
    return int(row["n"])


async def test_losing_a_little_every_night_is_held_at_the_second_night_and_nobody_is_withdrawn(house):
    held = []
    for night in range(5):
        house.now_ms += DAY_MS
        held.append(await lose(house, 19 * night, 19))
        if held[-1] is RunStatus.HELD:
            assert (await why(house)).startswith("38 of 200 student records are missing at the source")
            await house.ask(DiscardPlan(await the_held(house), "an accident upstream"))
            break

    assert held == [RunStatus.COMPLETED, RunStatus.HELD]
    assert await withdrawn(house) == 0


async def test_the_same_by_records_that_the_sis_calls_inactive(house):
    async def leave(first: int) -> RunStatus:
        for one in list(house.sis.lists[Entity.STUDENT])[first : first + 19]:
            house.sis.replace(dataclasses.replace(one, status="inactive"))
        return (await house.sync())[0]

    assert await leave(0) is RunStatus.COMPLETED
    assert await leave(19) is RunStatus.HELD
    assert (await withdrawn(house), (await why(house))[:9]) == (19, "38 of 200")


async def test_what_was_approved_holds_no_later_run_and_counts_once(house):
    assert await lose(house, 0, 40) is RunStatus.HELD
    assert await approve(house) is RunStatus.COMPLETED

    house.now_ms += DAY_MS
    assert (await house.sync())[0] is RunStatus.COMPLETED
    assert await withdrawn(house) == 40
    house.now_ms += DAY_MS
    assert await lose(house, 40, 15) is RunStatus.COMPLETED
    assert (await house.sync())[0] is RunStatus.COMPLETED
    assert await withdrawn(house) == 55


async def test_after_a_week_it_is_forgotten(house):
    assert await lose(house, 0, 19) is RunStatus.COMPLETED
    await house.sync()
    house.now_ms += 8 * DAY_MS

    assert await lose(house, 19, 17) is RunStatus.COMPLETED
    assert await lose(house, 36, 5) is RunStatus.HELD


async def test_who_came_back_counts_no_more(house):
    back = list(house.sis.lists[Entity.STUDENT])
    assert await lose(house, 0, 19) is RunStatus.COMPLETED
    house.sis.lists[Entity.STUDENT] = back

    assert await lose(house, 19, 19) is RunStatus.COMPLETED


async def test_updates_of_a_week_count_each_record_once(house):
    async def change(first: int, n: int, word: str) -> RunStatus:
        for one in list(house.sis.lists[Entity.STUDENT])[first : first + n]:
            house.sis.replace(dataclasses.replace(one, grade_level=word))
        return (await house.sync())[0]

    assert await change(0, 100, "7") is RunStatus.COMPLETED
    assert await change(0, 100, "8") is RunStatus.COMPLETED
    assert await change(100, 51, "7") is RunStatus.HELD
    assert (await why(house)).startswith(
        "151 of 200 student records would be updated, the last 7 days together"
    )


async def test_new_records_of_a_week_are_added(house):
    def come(first: int, n: int) -> None:
        house.sis.hold(
            *(Student(f"n{i:03}", f"New{i}", None, "Lund", school="s1") for i in range(first, first + n))
        )

    come(0, 80)
    assert (await house.sync())[0] is RunStatus.COMPLETED
    come(80, 80)

    assert (await house.sync())[0] is RunStatus.HELD
    assert (await why(house)).startswith("160 of 280 student records would be new")


async def test_filling_in_what_was_left_out_is_no_update_of_the_week(house, tmp_path):
    sis = town()
    schools = sis.lists.pop(Entity.SCHOOL)
    async with test_house(tmp_path / "other", sis) as other:
        other.batch, other.limits = 100, GuardLimits()
        await other.sync()
        sis.lists[Entity.SCHOOL] = schools
        assert (await other.sync())[1][Entity.STUDENT].updated == EVERYBODY
        sis.replace(dataclasses.replace(sis.lists[Entity.STUDENT][0], grade_level="7"))

        assert (await other.sync())[0] is RunStatus.COMPLETED


async def test_one_wrecked_school_is_named(house):
    house.limits = GuardLimits(missing_share=0.2)
    house.sis.remove(Entity.STUDENT, [f"u{i:03}" for i in range(1, 53, 2)])

    assert (await house.sync())[0] is RunStatus.HELD
    assert "26 of 100 student records of school s1 (Harbor Middle) are missing" in await why(house)


@pytest.fixture
async def class_room(tmp_path: Path) -> AsyncIterator[TestHouse]:
    sis = small_district()
    for n in range(200):
        sis.hold(Enrollment(f"f{n}", "x3", f"u{n % 5 + 1}"))
    async with test_house(tmp_path, sis) as house:
        house.limits, house.batch, sis.page_size = GuardLimits(school_share=1.0), 100, 300
        await house.sync()
        yield house


async def test_a_section_is_not_emptied_unasked(class_room):
    class_room.sis.remove(Entity.ENROLLMENT, [f"e{n}" for n in range(1, 6)])

    assert (await class_room.sync())[0] is RunStatus.HELD
    assert "5 of 5 enrollment records of section x1 would be gone" in await why(class_room)
    await approve(class_room)
    assert (await class_room.sync())[0] in (RunStatus.COMPLETED, RunStatus.WITH_WARNINGS)
    gone = await class_room.rows("SELECT 1 FROM enrollments WHERE status <> 'active'")
    assert len(gone) == 5


@pytest.mark.parametrize("mercy", ["the section leaves, too", "new ones come", "switched off", "declared"])
async def test_an_emptied_section_may_be_as_it_should(class_room, mercy):
    sis = class_room.sis
    sis.remove(Entity.ENROLLMENT, [f"e{n}" for n in range(1, 6)])
    if mercy == "the section leaves, too":
        sis.remove(Entity.SECTION, ["x1"])
    elif mercy == "new ones come":
        sis.hold(Enrollment("e9", "x1", "u1"))
    elif mercy == "switched off":
        class_room.limits = GuardLimits(section_emptied=False, school_share=1.0)
    else:
        await declare(class_room, "section", "missing", 0.5)

    assert (await class_room.sync())[0] is not RunStatus.HELD


async def declare(house: TestHouse, entity: str, what: str, share: float, *, days: int = 3) -> None:
    until_ms = house.now_ms + days * DAY_MS
    row = await house.ask(DeclareRollover(NAME, entity, what, share, until_ms, "the new school year"))
    assert row.status is CommandStatus.DONE, row.answer


async def test_a_declared_change_passes_says_so_and_is_forgiven_when_its_time_is_over(house):
    await declare(house, "student", "missing", 0.5)

    assert await lose(house, 0, 90) is RunStatus.COMPLETED
    told = await house.rows("SELECT text FROM events WHERE kind = 'rollover' ORDER BY id DESC LIMIT 1")
    assert told[0]["text"].startswith("expected by rollover 1: 90 of 200 student records")
    assert (await house.sync())[0] is RunStatus.COMPLETED
    assert await withdrawn(house) == 90

    house.now_ms += 3 * DAY_MS
    assert await lose(house, 90, 5) is RunStatus.COMPLETED
    assert await lose(house, 95, 19) is RunStatus.HELD


@pytest.mark.parametrize("what", ["created", "updated"])
async def test_declared_arrivals_and_updates_are_forgiven_alike(house, what):
    def happen(first: int, n: int) -> None:
        if what == "created":
            house.sis.hold(
                *(Student(f"n{i:03}", f"New{i}", None, "Lund", school="s1") for i in range(first, first + n))
            )
        else:
            for one in list(house.sis.lists[Entity.STUDENT])[first : first + n]:
                house.sis.replace(dataclasses.replace(one, grade_level="7"))

    await declare(house, "student", what, 1.0)
    happen(0, 160)
    assert (await house.sync())[0] is RunStatus.COMPLETED
    house.now_ms += 3 * DAY_MS
    happen(160, 20)

    assert (await house.sync())[0] is RunStatus.COMPLETED


async def test_more_than_was_declared_is_held_also_in_pieces(house):
    await declare(house, "student", "missing", 0.5)

    assert await lose(house, 0, 90) is RunStatus.COMPLETED
    assert await lose(house, 90, 11) is RunStatus.HELD


async def test_a_declaration_ends_with_its_day_or_by_a_word(house):
    await declare(house, "student", "missing", 0.9, days=1)
    await declare(house, "staff", "missing", 0.9)
    ended = await house.ask(EndRollover(2))
    again, unknown = await house.ask(EndRollover(2)), await house.ask(EndRollover(9))
    house.now_ms += DAY_MS

    assert (ended.status, again.status, unknown.status) == (
        CommandStatus.DONE,
        CommandStatus.REFUSED,
        CommandStatus.REFUSED,
    )
    assert await lose(house, 0, 30) is RunStatus.HELD


@pytest.mark.parametrize(
    ("entity", "what", "share", "days", "reason"),
    [
        ("pupil", "missing", 0.5, 1, "why"),
        ("student", "dead", 0.5, 1, "why"),
        ("student", "missing", 0.0, 1, "why"),
        ("student", "missing", 1.1, 1, "why"),
        ("student", "missing", 0.5, 0, "why"),
        ("student", "missing", 0.5, 400, "why"),
        ("student", "missing", 0.5, 1, "  "),
    ],
)
async def test_a_declaration_that_makes_no_sense_is_refused(house, entity, what, share, days, reason):
    until_ms = house.now_ms + days * DAY_MS

    row = await house.ask(DeclareRollover(NAME, entity, what, share, until_ms, reason))

    assert row.status is CommandStatus.REFUSED
    assert await house.rows("SELECT 1 FROM rollovers") == []

"""Fields that could not be read this time: what is known of them stays, and what did change arrives."""

from __future__ import annotations

import dataclasses

import pytest

from siscon.domain.records import Entity, Part, Student
from siscon.domain.runs import RunStatus
from siscon.store import records
from support.fake_sis import small_district
from support.house import NAME, test_house

BORN = "2011-03-09"


@pytest.fixture
async def house(tmp_path):
    async with test_house(tmp_path, small_district()) as opened:
        opened.sis.hold(Part(Entity.STUDENT, "u1", "demographics", {"birth_date": BORN, "gender": "F"}))
        await opened.sync()
        opened.sis.lists[Entity.STUDENT].pop()
        yield opened


async def student(house, external_id):
    async with house.db.read() as c:
        return (await records.show(c, NAME, Entity.STUDENT, external_id)).record


async def test_a_field_that_could_not_be_read_stays_as_it_is_known(house):
    house.sis.absent = {Entity.STUDENT: ("birth_date", "gender")}

    status, counts = await house.sync()

    assert (status, counts[Entity.STUDENT].unchanged) == (RunStatus.COMPLETED, 5)
    assert ((await student(house, "u1")).birth_date, (await student(house, "u1")).gender) == (BORN, "F")


async def test_other_fields_change_all_the_same_and_new_records_come(house):
    house.sis.absent = {Entity.STUDENT: ("birth_date", "gender")}
    house.sis.replace(
        dataclasses.replace(await student(house, "u1"), last_name="Sorel", birth_date=None, gender=None)
    )
    house.sis.hold(Student("u9", "Ida", None, "Lund", school="s1"))

    await house.sync()

    changed = await student(house, "u1")
    assert (changed.last_name, changed.birth_date, changed.gender) == ("Sorel", BORN, "F")
    assert (await student(house, "u9")).birth_date is None


async def test_a_field_that_was_read_and_is_empty_is_emptied(house):
    await house.sync()

    assert (await student(house, "u1")).birth_date is None


async def test_what_was_told_of_one_record_stands_though_nobody_could_read_it_of_the_next(house):
    house.sis.hold(Part(Entity.STUDENT, "u1", "demographics", {"birth_date": BORN, "gender": "X"}))
    house.sis.absent = {Entity.STUDENT: ("birth_date", "gender")}

    await house.sync()

    assert (await student(house, "u1")).gender == "X"

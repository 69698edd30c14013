"""A piece of a record that makes no sense: the record goes through without it, and keeps what is known."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import DiscardDead, MendDead
from siscon.domain.records import Entity, Part, School, Student
from siscon.domain.runs import RunStatus
from siscon.providers.contract import Rejected
from siscon.store import dead_records
from support.fake_sis import FakeSis
from support.house import NAME, TestHouse, test_house

WREN = Student(
    "s1", first_name="Wren", last_name="Fenwick", state_id="777"
)  # else another birth date is a question


def born(day: str) -> Part | Rejected:
    """What the list of birth dates says of the student."""
    if day.startswith("20"):
        return Part(Entity.STUDENT, "s1", "described", {"birth_date": day})
    raw = json.dumps({"id": "s1", "born": day})
    return Rejected("s1", "bad_date", "born is no date", "born", raw, "described", ("birth_date",))


def says(house: TestHouse, day: str, **changes: str) -> None:
    house.sis.lists[Entity.STUDENT] = []
    house.sis.hold(dataclasses.replace(WREN, **changes), born(day), entity=Entity.STUDENT)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    sis = FakeSis(page_size=50)
    sis.hold(School("sch", "Quill Primary"))
    async with test_house(tmp_path, sis) as house:
        says(house, "2010-01-02")
        await house.sync()
        says(house, "31/12/2010", first_name="Robin")
        status, counts = await house.sync()
        assert status is RunStatus.WITH_WARNINGS
        assert (counts[Entity.STUDENT].fetched, counts[Entity.STUDENT].updated) == (1, 1)
        yield house


async def wren(house: TestHouse) -> tuple[str, str | None]:
    [row] = await house.rows("SELECT first_name, birth_date FROM students")
    return row["first_name"], row["birth_date"]


async def open_ids(house: TestHouse) -> list[int]:
    async with house.db.read() as c:
        return [one.id for one in await dead_records.list_open(c)]


async def test_the_record_goes_through_and_keeps_what_is_known(house: TestHouse) -> None:
    assert await wren(house) == ("Robin", "2010-01-02")
    [row] = await house.rows(f"SELECT sync_status FROM {NAME}_mappings WHERE external_id = 's1'")
    assert row["sync_status"] == "synced"
    assert len(await open_ids(house)) == 1


async def test_it_leaves_the_list_once_the_piece_makes_sense(house: TestHouse) -> None:
    says(house, "2010-12-31", first_name="Robin")
    assert (await house.sync())[0] is RunStatus.COMPLETED
    assert await wren(house) == ("Robin", "2010-12-31")
    assert await open_ids(house) == []


async def test_a_piece_that_was_given_up_freezes_nobody(house: TestHouse) -> None:
    await house.ask(DiscardDead(NAME, tuple(await open_ids(house)), {}, 1, "it does not matter"))
    says(house, "31/12/2010", first_name="Linnet")
    assert (await house.sync())[0] is RunStatus.COMPLETED
    assert await wren(house) == ("Linnet", "2010-01-02")
    assert await open_ids(house) == []


async def test_a_piece_in_error_for_many_runs_freezes_nobody(house: TestHouse) -> None:
    for number in range(12):
        says(house, "31/12/2010", first_name=f"Robin{number}")
        await house.sync()
    assert await wren(house) == ("Robin11", "2010-01-02")
    assert len(await open_ids(house)) == 1


async def test_a_piece_is_mended_and_counts_while_the_sis_says_the_same(house: TestHouse) -> None:
    [dead_id] = await open_ids(house)
    async with house.db.read() as c:
        [dead] = await dead_records.by_ids(c, [dead_id])
    row = await house.ask(MendDead(dead_id, {"born": "2010-12-31"}, dead.digest, "the office told us"))
    assert row.run_id is not None, row.answer
    assert await house.carry_on(row.run_id) is RunStatus.COMPLETED
    assert await wren(house) == ("Robin", "2010-12-31")
    says(house, "31/12/2010", first_name="Linnet")
    for _ in range(3):
        assert (await house.sync())[0] is RunStatus.COMPLETED
        assert await wren(house) == ("Linnet", "2010-12-31")
        assert await open_ids(house) == []
    says(house, "2011-01-01", first_name="Linnet")
    await house.sync()
    assert await wren(house) == ("Linnet", "2011-01-01")


async def test_mending_a_known_row_takes_nothing_away_that_comes_in_pieces(house: TestHouse) -> None:
    says(house, "2010-01-02")
    await house.sync()
    raw = json.dumps({"id": "s1", "first": "Robin", "last": ""})
    house.sis.lists[Entity.STUDENT] = []
    nameless = Rejected("s1", "missing", "last name is missing", "last", raw)
    house.sis.hold(nameless, born("2010-01-02"), entity=Entity.STUDENT)
    await house.sync()
    [dead_id] = await open_ids(house)
    async with house.db.read() as c:
        [dead] = await dead_records.by_ids(c, [dead_id])
    row = await house.ask(MendDead(dead_id, {"last": "Fenwick"}, dead.digest, "the office told us"))
    assert row.run_id is not None, row.answer
    await house.carry_on(row.run_id)
    assert await wren(house) == ("Robin", "2010-01-02")
    await house.sync()
    assert await wren(house) == ("Robin", "2010-01-02")

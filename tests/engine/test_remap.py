"""Ids that were changed at the source: seen, told, and tied to the records that are here."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import CommandStatus, Remap
from siscon.domain.guards import GuardLimits
from siscon.domain.records import FIELDS, Entity, Student
from siscon.domain.runs import RunStatus
from support.fake_sis import FakeSis, rejected, small_district
from support.house import NAME, TestHouse, test_house


def district() -> FakeSis:
    sis = small_district()
    sis.page_size = 100
    for n in range(6, 40):
        sis.hold(
            Student(
                f"u{n}", f"Kim{n}", None, "Marsh", state_id=f"9{n:03}", birth_date="2012-03-04", school="s2"
            )
        )
    return sis


def rename(sis: FakeSis, *entities: Entity, mark: str = "v2-") -> None:
    """Give the records of some entities other ids, and everything that refers to them the same ones."""
    for entity, listed in sis.lists.items():
        sis.lists[entity] = [_renamed(one, entities, mark) for one in listed]


def _renamed(one, entities, mark):
    told = {}
    for rule in FIELDS[one.entity]:
        value = getattr(one, rule.name)
        if rule.refers_to in entities and value:
            told[rule.name] = tuple(mark + it for it in value) if rule.many else mark + value
    if one.entity in entities:
        told["external_id"] = mark + one.external_id
    return dataclasses.replace(one, **told)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with test_house(tmp_path, district()) as house:
        house.batch, house.limits = 100, GuardLimits()
        await house.sync()
        yield house


async def held(house: TestHouse) -> tuple[int, str, str]:
    (row,) = await house.rows("SELECT id, error_code, error FROM runs WHERE status = 'held'")
    return row["id"], row["error_code"], row["error"]


async def pairs(house: TestHouse) -> int:
    return len(await house.rows("SELECT 1 FROM rekeyed"))


async def internal_ids(house: TestHouse) -> dict[tuple[str, int], str]:
    rows = await house.rows(f"SELECT entity_type, internal_id, external_id FROM {NAME}_mappings")
    return {(row["entity_type"], row["internal_id"]): row["external_id"] for row in rows}


async def remap(house: TestHouse) -> RunStatus:
    run_id, _, _ = await held(house)
    row = await house.ask(Remap(run_id, await pairs(house), "the vendor changed its ids"))
    assert row.status is CommandStatus.DONE, row.answer
    return await house.go_on(await house.start(run_id))


async def test_changed_ids_are_told_with_their_number_and_the_command(house):
    rename(house.sis, Entity.STUDENT)

    assert (await house.sync())[0] is RunStatus.HELD
    run_id, code, error = await held(house)
    assert code == "rekeyed"
    assert error.startswith("39 of 39 missing student records came back under other ids")
    assert f"siscon runs remap {run_id} --reason WHY" in error


@pytest.mark.parametrize("entities", [(Entity.STUDENT,), tuple(Entity)], ids=["students", "all"])
async def test_a_whole_district_keeps_its_internal_ids_and_the_next_run_says_unchanged(house, entities):
    for number, one in enumerate(house.sis.lists[Entity.STUDENT][:5]):
        house.sis.replace(dataclasses.replace(one, state_id=f"8{number}"))
    await house.sync()
    await house.do("UPDATE students SET email = 'kept@example.org' WHERE first_name = 'Kim7'")
    before = await internal_ids(house)
    rename(house.sis, *entities)
    assert (await house.sync())[0] is RunStatus.HELD

    assert await remap(house) is RunStatus.COMPLETED

    after = await internal_ids(house)
    marked = {str(one) for one in entities}
    assert after == {key: ("v2-" if key[0] in marked else "") + id_ for key, id_ in before.items()}
    (kim,) = await house.rows("SELECT email FROM students WHERE first_name = 'Kim7'")
    assert kim["email"] == "kept@example.org"
    status, counts = await house.sync()
    assert status is RunStatus.COMPLETED
    assert all(one.fetched == one.unchanged for one in counts.values())
    assert await house.rows("SELECT 1 FROM students WHERE status <> 'active'") == []
    aliases = await house.rows("SELECT external_id, survivor FROM aliases WHERE entity = 'student'")
    assert {row["survivor"] for row in aliases} == {"v2-" + row["external_id"] for row in aliases}
    assert len(aliases) == 39


async def test_ids_that_change_back_lead_through_their_aliases(house):
    first = {entity: list(listed) for entity, listed in house.sis.lists.items()}
    rename(house.sis, Entity.STUDENT)
    await house.sync()
    await remap(house)
    before = await internal_ids(house)
    house.sis.lists = first

    for _ in range(2):
        status, counts = await house.sync()
        assert status is RunStatus.COMPLETED
        assert all(one.fetched == one.unchanged for one in counts.values())

    assert await internal_ids(house) == before
    aliases = await house.rows("SELECT external_id, survivor FROM aliases")
    assert all("v2-" + row["external_id"] == row["survivor"] for row in aliases)
    assert len(aliases) == 39


async def test_nobody_is_paired_by_what_two_share_nor_with_another_birth_date(house):
    for n, one in enumerate(list(house.sis.lists[Entity.STUDENT])[5:]):
        told = {"state_id": None} if n < 4 else {"birth_date": "2013-01-01"} if n < 7 else {}
        house.sis.replace(dataclasses.replace(one, first_name="Kim" if n < 4 else one.first_name, **told))
    house.limits = GuardLimits(updated_share=1.0, at_least=5)
    await house.sync()
    rename(house.sis, Entity.STUDENT)
    for n, one in enumerate(list(house.sis.lists[Entity.STUDENT])[5:]):
        if 4 <= n < 7:
            house.sis.replace(dataclasses.replace(one, birth_date="2011-11-11"))

    assert (await house.sync())[0] is RunStatus.HELD
    assert await pairs(house) == 39 - 4 - 3


async def test_a_local_id_that_is_the_id_tells_nothing(house):
    for one in list(house.sis.lists[Entity.STUDENT]):
        same = dataclasses.replace(
            one, local_id=one.external_id, state_id=None, first_name="Kim", birth_date=None
        )
        house.sis.replace(same)
    house.limits = GuardLimits(updated_share=1.0)
    await house.sync()
    rename(house.sis, Entity.STUDENT)
    house.sis.lists[Entity.STUDENT] = [
        dataclasses.replace(one, local_id=one.external_id) for one in house.sis.lists[Entity.STUDENT]
    ]

    assert (await house.sync())[0] is RunStatus.HELD
    assert (await held(house))[1] == "too_much"
    assert await pairs(house) == 0


async def test_what_died_while_it_was_read_is_dead_still(house):
    rename(house.sis, Entity.STUDENT)
    house.sis.hold(rejected("u99"), entity=Entity.STUDENT)
    await house.sync()

    await remap(house)

    counted = await house.rows("SELECT fetched, failed, unchanged FROM run_counts WHERE entity = 'student'")
    assert counted[-1] == {"fetched": 40, "failed": 1, "unchanged": 39}
    dead = await house.rows("SELECT record_key FROM dead_records WHERE status = 'open'")
    assert [row["record_key"] for row in dead] == ["u99"]


async def test_a_tie_without_a_record_makes_room(house):
    await house.do(
        f"INSERT INTO {NAME}_mappings (entity_type, external_id, sync_status) VALUES ('student', 'v2-u9', 'error')"
    )
    rename(house.sis, Entity.STUDENT)
    await house.sync()

    await remap(house)

    (row,) = await house.rows(f"SELECT internal_id FROM {NAME}_mappings WHERE external_id = 'v2-u9'")
    assert row["internal_id"] is not None


async def test_only_what_was_shown_is_tied(house):
    rename(house.sis, Entity.STUDENT)
    await house.sync()
    before = await house.content()
    run_id, _, _ = await held(house)
    n = await pairs(house)

    wrong = await house.ask(Remap(run_id, n + 1, "why"))
    unsaid = await house.ask(Remap(run_id, n, " "))
    unknown = await house.ask(Remap(99, n, "why"))
    await house.do(f"UPDATE {NAME}_mappings SET external_id = 'elsewhere' WHERE external_id = 'u9'")
    moved = await house.ask(Remap(run_id, n, "why"))

    assert {one.status for one in (wrong, unsaid, unknown, moved)} == {CommandStatus.REFUSED}
    assert f"holds {n} pairs by now, {n + 1} were shown" in wrong.answer
    assert "1 of the 39 records" in moved.answer
    await house.do(f"UPDATE {NAME}_mappings SET external_id = 'u9' WHERE external_id = 'elsewhere'")
    assert await house.content() == before


async def test_pairs_go_with_their_run_and_a_quiet_plan_has_none(house):
    await house.sync()
    assert await pairs(house) == 0
    house.sis.remove(Entity.STUDENT, ["u1"])
    await house.sync()

    assert await pairs(house) == 0

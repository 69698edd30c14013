"""The newest wins: by the SIS's own word and ours, whoever was last; where a moment is not sure a person is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.accounts import OF_PEOPLE, AccountRule, parse
from siscon.domain.commands import CreateAccounts, UndoRun
from siscon.domain.conflicts import ConflictKind, Policy, Strategy
from siscon.domain.records import Entity, Part, Record
from siscon.providers.registry import load
from siscon.store import conflicts, records
from support.fake_sis import small_district
from support.house import NAME, TestHouse, test_house
from support.sandbox_sis import client_for, next_day, sandbox, settings_for

HOUR_MS = 3_600_000
U1 = "external_id = 'u1'"
NEWEST = Policy(default=Strategy.NEWEST_WINS)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    async with test_house(tmp_path, small_district()) as opened:
        opened.policies = dict.fromkeys(Entity, NEWEST)
        await opened.sync()
        yield opened


async def record(house: TestHouse, entity: Entity = Entity.STUDENT, external_id: str = "u1") -> Record:
    async with house.db.read() as c:
        row = await records.show(c, NAME, entity, external_id)
    assert row is not None
    return row.record


async def edit(house: TestHouse, where: str, *, at_ms: int | None, **fields: str) -> None:
    """Somebody writes students here at a moment."""
    values = ", ".join(f"{name} = '{value}'" for name, value in fields.items())
    ids = f"SELECT internal_id FROM {NAME}_mappings WHERE entity_type = 'student' AND {where}"
    told = "NULL" if at_ms is None else str(at_ms)
    await house.do(
        f"UPDATE students SET {values}, version = version + 1, edited_at_ms = {told} WHERE id IN ({ids})"
    )


def iso(at_ms: int, offset_h: int = 0) -> str:
    there = datetime.fromtimestamp(at_ms / 1000, UTC) + timedelta(hours=offset_h)
    return there.replace(tzinfo=None).isoformat(timespec="milliseconds") + f"{offset_h:+03}:00"


async def open_fields(house: TestHouse) -> list[set[str]]:
    async with house.db.read() as c:
        return [set(one.sis) for one in await conflicts.list_open(c) if one.kind is ConflictKind.FIELDS]


@pytest.mark.parametrize(
    ("theirs_h", "ours_h", "name"),
    [
        (-1, -2, "Theirs"),
        (-2, -1, "Ours"),
        (-1, -1, None),
        (None, -1, None),
        (-1, None, None),
        (+1, -1, None),
        ("2027-01-15T08:00:00", -1, None),
    ],
    ids=["sis later", "we later", "same", "sis untold", "ours untold", "sis in the future", "no zone"],
)
async def test_whoever_was_last_has_the_word_and_what_is_not_sure_is_asked(
    house: TestHouse, theirs_h: Any, ours_h: int | None, name: str | None
) -> None:
    now = house.now_ms
    kim = await record(house)
    house.sis.replace(dataclasses.replace(kim, last_name="Theirs", middle_name="Sea"))
    if theirs_h is not None:
        told = theirs_h if isinstance(theirs_h, str) else iso(now + theirs_h * HOUR_MS, offset_h=-6)
        house.sis.modified[Entity.STUDENT, "u1"] = told
    at_ms = None if ours_h is None else now + ours_h * HOUR_MS
    await edit(house, U1, at_ms=at_ms, last_name="Ours")

    await house.sync()

    kim = await record(house)
    assert (kim.last_name, kim.middle_name) == (name or "Ours", "Sea")
    assert await open_fields(house) == ([] if name else [{"last_name"}])
    assert (await house.sync())[1][Entity.STUDENT].updated == 0


@pytest.mark.parametrize(
    ("of_record", "of_part", "called"),
    [
        (-3, -1, "Rae"),
        (-1, -3, "Rae"),
        (-3, -3, "Sea"),
        (-1, None, None),
        (None, -1, None),
    ],
)
async def test_the_latest_of_a_record_and_its_parts_counts_if_all_are_known(
    house: TestHouse, of_record: int | None, of_part: int | None, called: str | None
) -> None:
    house.sis.hold(Part(Entity.STUDENT, "u1", "demographics", {"middle_name": "Joy"}))
    await house.sync()
    now = house.now_ms
    house.sis.lists[Entity.STUDENT][-1] = Part(Entity.STUDENT, "u1", "demographics", {"middle_name": "Rae"})
    for key, hours in (("u1", of_record), ("u1/demographics", of_part)):
        if hours is not None:
            house.sis.modified[Entity.STUDENT, key] = iso(now + hours * HOUR_MS)
    await edit(house, U1, at_ms=now - 2 * HOUR_MS, middle_name="Sea")

    await house.sync()

    assert (await record(house)).middle_name == (called or "Sea")  # type: ignore[attr-defined] # a student
    assert len(await open_fields(house)) == (called is None)


async def test_fields_that_could_not_be_read_leave_the_moment_of_the_rest_as_it_is(house: TestHouse) -> None:
    now = house.now_ms
    kim = await record(house)
    house.sis.replace(dataclasses.replace(kim, last_name="Theirs"))
    house.sis.absent[Entity.STUDENT] = ("birth_date", "gender")
    house.sis.modified[Entity.STUDENT, "u1"] = iso(now - HOUR_MS)
    await edit(house, U1, at_ms=now - 2 * HOUR_MS, last_name="Ours")

    await house.sync()

    assert (await record(house)).last_name == "Theirs"  # type: ignore[attr-defined] # a student
    assert await open_fields(house) == []


@pytest.mark.parametrize("later", ["sis", "local"])
async def test_a_district_that_speaks_oneroster_is_heard_on_who_was_last(tmp_path: Path, later: str) -> None:
    kind = load("infinite_campus")
    async with sandbox(tmp_path, students=300) as state, test_house(tmp_path, small_district()) as house:
        house.policies = {Entity.STUDENT: Policy(default=Strategy.NEWEST_WINS)}
        house.entities = (Entity.SCHOOL, Entity.STUDENT)
        settings = settings_for(kind, state, page_size=100)
        async with client_for(kind, settings) as api:

            async def sync() -> None:
                house.now_ms = int(datetime.now(UTC).timestamp() * 1000)
                job = await house.start(await house.enqueue(full=True))
                await house.go_on(dataclasses.replace(job, provider=kind(api, settings)))

            async def emails() -> dict[str, str]:
                found = await house.rows(
                    f"SELECT m.external_id, s.email FROM students s JOIN {NAME}_mappings m "
                    "ON m.internal_id = s.id AND m.entity_type = 'student'"
                )
                return {row["external_id"]: row["email"] for row in found}

            await sync()
            before = await emails()
            for _ in range(4):
                await next_day(state)
            first = int(datetime.fromisoformat(state.moments[1]).timestamp() * 1000)
            last = int(datetime.fromisoformat(state.moments[-1]).timestamp() * 1000)
            at_ms = first - HOUR_MS if later == "sis" else last + 1
            await edit(house, "1", at_ms=at_ms, email="ours@harbor.example")
            await sync()
            after = await emails()
            open_ones = await open_fields(house)

    theirs = {one for one in before if after[one] != "ours@harbor.example"}
    assert open_ones == []
    assert bool(theirs) == (later == "sis"), "some students had their email corrected in these days"
    assert all(after[one] != before[one] for one in theirs)


@pytest.mark.parametrize("undone", [False, True])
async def test_a_name_that_siscon_gives_and_takes_back_makes_no_edit_newer(
    house: TestHouse, undone: bool
) -> None:
    await edit(house, U1, at_ms=house.now_ms, first_name="Adele")
    changed_ms = house.now_ms + HOUR_MS
    house.sis.replace(dataclasses.replace(await record(house), first_name="Adela"))
    house.sis.modified[Entity.STUDENT, "u1"] = datetime.fromtimestamp(changed_ms / 1000, UTC).isoformat()
    house.now_ms += 2 * HOUR_MS
    house.accounts = {Entity.STUDENT: AccountRule(parse("{first:1}{last}", OF_PEOPLE[Entity.STUDENT]))}

    asked = await house.ask(CreateAccounts(NAME, ("student.username",), 5, "names for everybody"))
    await house.carry_on(asked.run_id or 0)
    if undone:
        house.accounts = {}
        asked = await house.ask(UndoRun(asked.run_id or 0, "", "", 5, "too soon"))
        await house.carry_on(asked.run_id or 0)
    username = (await record(house)).username  # type: ignore[attr-defined] # a student
    assert (username is None) is undone
    await house.sync()

    assert (await record(house)).first_name == "Adela"  # type: ignore[attr-defined] # a student

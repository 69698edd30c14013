"""Records in error, mended by a person: read again with other values, remembered as long as the SIS says the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.commands import CancelRun, DiscardDead, ForgetMend, MendDead, UndoRun
from siscon.domain.errors import ProviderError, UsageError
from siscon.domain.records import Course, Entity, School, Section, Student
from siscon.domain.roles import Role
from siscon.domain.runs import RunStatus
from siscon.engine import plan
from siscon.engine.mend import with_values
from siscon.providers.contract import Rejected
from siscon.store import dead_records
from support.fake_sis import FakeSis
from support.house import TestHouse, test_house

SCHOOL = School("sch", "Quill Primary")


def nameless(external_id: str | None = "s9", **more: str) -> Rejected:
    raw = json.dumps({"id": external_id, "first": "Wren", "last": "", **more})
    return Rejected(external_id, "missing", "last name is missing", "last", raw)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TestHouse]:
    sis = FakeSis(page_size=50)
    sis.hold(SCHOOL, Course("c1", "Maths"), Student("s1", first_name="Ada", last_name="Reed"))
    async with test_house(tmp_path, sis) as house:
        yield house


async def open_ids(house: TestHouse) -> list[int]:
    async with house.db.read() as c:
        return [one.id for one in await dead_records.list_open(c)]


async def mending(
    house: TestHouse, dead_id: int, fields: Mapping[str, str | None], why: str = "told"
) -> MendDead:
    """The command of somebody who has looked at the record."""
    async with house.db.read() as c:
        [dead] = await dead_records.by_ids(c, [dead_id])
    return MendDead(dead_id, fields, dead.digest, why)


async def mend(house: TestHouse, dead_id: int, **fields: str | None) -> int:
    row = await house.ask(await mending(house, dead_id, fields))
    assert row.run_id is not None, row.answer
    assert await house.carry_on(row.run_id) is RunStatus.COMPLETED
    return row.run_id


async def last_names(house: TestHouse) -> list[str]:
    return [row["last_name"] for row in await house.rows("SELECT last_name FROM students ORDER BY last_name")]


async def calm(house: TestHouse) -> None:
    """Two more syncs, of which neither changes anything."""
    before = await house.content()
    for _ in range(2):
        status, _counts = await house.sync()
        assert status is RunStatus.COMPLETED
        assert await house.content() == before


async def test_a_row_is_read_again_with_another_value_and_that_counts_while_the_sis_says_the_same(house):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    [dead_id] = await open_ids(house)

    await mend(house, dead_id, last="Fenwick")

    assert await last_names(house) == ["Fenwick", "Reed"]
    assert await open_ids(house) == []
    assert house.sis.asked_single == [], "the SIS is not asked for it"
    await calm(house)


async def test_what_the_sis_says_next_takes_the_place_of_what_was_mended(house):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    await mend(house, (await open_ids(house))[0], last="Fenwick")

    house.sis.remove(Entity.STUDENT, ["s9"])
    house.sis.hold(Student("s9", first_name="Wren", last_name="Finch"))
    await house.sync()
    assert await last_names(house) == ["Finch", "Reed"]

    house.sis.remove(Entity.STUDENT, ["s9"])
    house.sis.hold(nameless(phone="1"), entity=Entity.STUDENT)
    status, _counts = await house.sync()
    assert status is RunStatus.WITH_ERRORS
    assert len(await open_ids(house)) == 1


async def test_a_row_without_an_id_comes_in_once_a_person_gives_it_one(house):
    house.sis.hold(nameless(None), entity=Entity.STUDENT)
    await house.sync()
    await mend(house, (await open_ids(house))[0], id="s77", last="Fenwick")
    assert await last_names(house) == ["Fenwick", "Reed"]
    await calm(house)


async def test_a_reference_that_leads_nowhere_is_led_somewhere(house):
    house.sis.hold(Section("x1", "Maths 1", course="c-old", school="sch"))
    await house.sync()
    [dead_id] = await open_ids(house)
    await mend(house, dead_id, course="c1")
    [section] = await house.rows("SELECT title FROM sections")
    assert section["title"] == "Maths 1"
    await calm(house)
    house.sis.replace(Section("x1", "Maths 2", course="c-old", school="sch"))
    status, _counts = await house.sync()
    assert status is RunStatus.WITH_ERRORS, "the SIS said something else, and that leads nowhere"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"first": "Wren"}, "still makes no sense: last name is missing"),
        ({"last": "Fenwick", "id": "s10"}, "its id stays as it is"),
        ({"names.0": "Wren"}, "no place 'names.0'"),
    ],
)
async def test_what_still_makes_no_sense_ends_the_run_and_changes_nothing(house, fields, sentence):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    before = await house.content()
    row = await house.ask(await mending(house, (await open_ids(house))[0], fields))
    with pytest.raises(ProviderError, match=sentence):
        await house.carry_on(row.run_id)
    assert await house.content() == before


@pytest.mark.parametrize(
    ("fields", "judge", "fault"),
    [
        ({"last": "Fenwick", "state": "inactive"}, lambda _: Role.OPERATOR, "only an administrator"),
        (
            {"last": "Fenwick", "state": "inactive", "standing": "inactive"},
            lambda _: Role.OPERATOR,
            "only an administrator",
        ),
        ({"last": "Fenwick", "phone": "1"}, lambda _: Role.OPERATOR, ""),
        ({"last": "Fenwick", "state": "inactive"}, lambda _: Role.ADMIN, ""),
    ],
)
async def test_what_a_status_hangs_on_is_an_administrators_to_mend_by_whatever_name(
    house, fields, judge, fault
):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    row = await house.ask(await mending(house, (await open_ids(house))[0], fields), judge=judge)
    if not fault:
        assert await house.carry_on(row.run_id) is RunStatus.COMPLETED
        return
    with pytest.raises(ProviderError, match=fault):
        await house.carry_on(row.run_id)
    assert await last_names(house) == ["Reed"]


async def test_a_provider_that_reads_no_single_rows_says_so(house):
    house.sis.reads_rows = False
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    row = await house.ask(await mending(house, (await open_ids(house))[0], {"last": "Fenwick"}))
    with pytest.raises(ProviderError, match="mend this student in the SIS"):
        await house.carry_on(row.run_id)


async def test_what_was_mended_can_be_forgotten_and_undone(house):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    [dead_id] = await open_ids(house)
    await mend(house, dead_id, last="Fenwick")

    row = await house.ask(ForgetMend(dead_id, "the SIS is right after all"))
    assert "as the SIS sends it" in row.answer
    status, _counts = await house.sync()
    assert status is RunStatus.WITH_ERRORS
    assert await last_names(house) == ["Fenwick", "Reed"], "who is here stays as last agreed on"

    [dead_id] = await open_ids(house)
    run_id = await mend(house, dead_id, last="Finch")
    undo = await house.ask(UndoRun(run_id, "", "", 1, "wrong child"))
    assert undo.run_id is not None, undo.answer
    assert await house.carry_on(undo.run_id) is RunStatus.COMPLETED
    assert await last_names(house) == ["Fenwick", "Reed"]
    status, _counts = await house.sync()
    assert status is RunStatus.WITH_ERRORS
    assert await last_names(house) == ["Fenwick", "Reed"]


async def test_a_mend_that_is_cancelled_leaves_the_record_in_error_and_counts_at_the_next_sync(
    house, monkeypatch
):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    [dead_id] = await open_ids(house)
    row = await house.ask(await mending(house, dead_id, {"last": "Fenwick"}))

    async def stop(*_told: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(plan, "plan_entity", stop)
        with pytest.raises(asyncio.CancelledError):
            await house.carry_on(row.run_id)
    await house.ask(CancelRun(row.run_id))

    assert await open_ids(house) == [dead_id]
    await house.sync()
    assert await last_names(house) == ["Fenwick", "Reed"]
    assert await open_ids(house) == []


async def test_nothing_is_mended_but_what_was_looked_at(house):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    [dead_id] = await open_ids(house)
    row = await house.ask(await mending(house, dead_id, {"last": "Fenwick"}))
    house.sis.remove(Entity.STUDENT, ["s9"])
    house.sis.hold(nameless(first="Somebody else"), entity=Entity.STUDENT)
    await house.sync()

    with pytest.raises(ProviderError, match="look again"):
        await house.carry_on(row.run_id)
    assert await last_names(house) == ["Reed"]


async def test_what_was_given_up_meanwhile_is_not_mended_in_silence(house):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    [dead_id] = await open_ids(house)
    row = await house.ask(await mending(house, dead_id, {"last": "Fenwick"}))
    await house.ask(DiscardDead("harbor", (dead_id,), {}, 1, "a test account"))
    with pytest.raises(ProviderError, match="not in error any more"):
        await house.carry_on(row.run_id)


async def test_a_row_without_an_id_is_not_made_into_somebody_who_is_here(house):
    house.sis.hold(nameless(None), entity=Entity.STUDENT)
    await house.sync()
    [dead_id] = await open_ids(house)
    row = await house.ask(await mending(house, dead_id, {"id": "s1", "last": "Fenwick"}))
    with pytest.raises(ProviderError, match="belongs to another record"):
        await house.carry_on(row.run_id)
    assert await last_names(house) == ["Reed"]


async def test_a_command_that_makes_no_sense_is_refused_with_a_sentence(house):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    [dead_id] = await open_ids(house)
    for command, sentence in (
        (MendDead(999, {"last": "x"}, "", "why"), "is not in error"),
        (await mending(house, dead_id, {}), "Say which value"),
        (await mending(house, dead_id, {"last": "x"}, " "), "Say why"),
        (MendDead(dead_id, {"last": "x"}, "another", "why"), "since you looked"),
        (ForgetMend(dead_id, "why"), "Nobody has mended"),
    ):
        row = await house.ask(command)
        assert row.run_id is None
        assert sentence in row.answer


async def test_mended_values_lie_sealed(house):
    house.sis.hold(nameless(), entity=Entity.STUDENT)
    await house.sync()
    await mend(house, (await open_ids(house))[0], last="Fenwick")
    [row] = await house.rows("SELECT raw, mended FROM dead_records")
    assert row["raw"] is None
    assert b"Fenwick" not in row["mended"]


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON, st.text("abc01².", max_size=6), st.none() | st.text(max_size=5))
def test_a_value_is_put_in_its_place_or_refused_with_a_sentence(row, place, value):
    try:
        edited = json.loads(with_values(json.dumps(row), {place: value}))
    except UsageError:
        return
    *way, last = place.split(".")
    inner = edited
    for step in way:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    if isinstance(inner, list):
        assert inner[int(last)] == value
    else:
        assert inner.get(last) == value

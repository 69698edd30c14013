"""People change local records: edits that stay, that are given back, records withdrawn by hand."""

from __future__ import annotations

import dataclasses

import pytest

from siscon.domain.commands import CommandStatus, EditRecord, ReleaseEdits, UndoRun, WithdrawRecords
from siscon.domain.records import Entity, Section
from siscon.domain.runs import RunStatus
from siscon.store import edits, records
from support.fake_sis import small_district
from support.house import NAME, test_house


@pytest.fixture
async def house(tmp_path):
    async with test_house(tmp_path, small_district()) as opened:
        await opened.sync()
        yield opened


async def known(house, entity=Entity.STUDENT, external_id="u1"):
    async with house.db.read() as c:
        row = await records.show(c, NAME, entity, external_id)
    return row.record


async def edited(house, entity=Entity.STUDENT):
    async with house.db.read() as c:
        found = await edits.edited(c, NAME, entity, None, limit=100)
    return {one.external_id: dict(one.fields) for one in found}


def edit(fields, *, entity="student", external_id="u1", reason="a clerk said so"):
    return EditRecord(NAME, entity, external_id, fields, reason)


async def test_an_edit_stays_until_the_sis_changes_the_same_field(house):
    row = await house.ask(edit({"email": "kim@district.example", "school": "s2"}))

    assert row.status is CommandStatus.DONE, row.answer
    kim = await known(house)
    assert (kim.email, kim.school) == ("kim@district.example", "s2")
    assert await edited(house) == {"u1": {"email": ("kim@district.example", None), "school": ("s2", "s1")}}
    for _ in range(2):
        _, counts = await house.sync()
        assert counts[Entity.STUDENT].unchanged == 5
    house.sis.replace(dataclasses.replace(kim, school="s1", email="kim@sis.example"))
    await house.sync()
    assert (await known(house)).email == "kim@sis.example"
    (change,) = await house.rows("SELECT rules FROM changes WHERE kind = 'updated'")
    assert change["rules"] == '{"email":"sis_wins"}'


async def test_several_references_are_edited_like_one(house):
    await house.ask(edit({"instructors": "p2,p1"}, entity="section", external_id="x1"))

    assert (await known(house, Entity.SECTION, "x1")).instructors == ("p2", "p1")


async def test_edits_are_given_back_some_or_all(house):
    for n in (1, 2, 3):
        await house.ask(edit({"email": f"k{n}@district.example", "grade_level": "12"}, external_id=f"u{n}"))

    row = await house.ask(ReleaseEdits(NAME, "student", (), ("email",), 3, "back to the SIS"))
    assert row.status is CommandStatus.DONE, row.answer
    assert await edited(house) == {f"u{n}": {"grade_level": ("12", "7")} for n in (1, 2, 3)}
    row = await house.ask(ReleaseEdits(NAME, "student", ("u1",), (), 1, "back to the SIS"))
    assert row.status is CommandStatus.DONE, row.answer
    assert set(await edited(house)) == {"u2", "u3"}
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].unchanged == 5


async def test_who_is_withdrawn_by_hand_is_not_brought_back_by_the_sis_and_can_be_undone(house):
    before = await house.rows("SELECT id, status, ends_on FROM enrollments")

    row = await house.ask(
        WithdrawRecords(NAME, "enrollment", (), {"section": "x1"}, 5, "the course is closed")
    )

    assert row.status is CommandStatus.DONE, row.answer
    gone = await house.rows("SELECT ends_on FROM enrollments WHERE status = 'inactive'")
    assert [one["ends_on"] for one in gone] == ["2027-01-15"] * 5
    for _ in range(2):
        status, counts = await house.sync()
        assert (status, counts[Entity.ENROLLMENT].unchanged) == (RunStatus.COMPLETED, 6)
    assert len(await house.rows("SELECT 1 FROM enrollments WHERE status = 'inactive'")) == 5
    (count,) = await house.rows(f"SELECT * FROM run_counts WHERE run_id = {row.run_id}")
    assert (count["updated"], count["withdrawn"]) == (5, 5)
    undone = await house.ask(UndoRun(row.run_id, "", "", 5, "it was not"))
    assert await house.carry_on(undone.run_id) is RunStatus.COMPLETED
    assert await house.rows("SELECT id, status, ends_on FROM enrollments") == before


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (edit({"shoe_size": "44"}), "no field 'shoe_size'"),
        (edit({"last_name": None}), "cannot be empty"),
        (edit({"status": "gone"}), "A status is one of"),
        (edit({"birth_date": "1.2.2012"}), "YYYY-MM-DD"),
        (edit({"email": "a\nb"}), "cannot be printed"),
        (edit({"school": "s9"}), "not in the roster"),
        (edit({"grade_level": "7"}), "is so already"),
        (edit({}), "Say which field"),
        (edit({"email": "a"}, external_id="u99"), "no student 'u99'"),
        (edit({"email": "a"}, entity="teacher"), "no kind of record"),
        (edit({"email": "a"}, reason=" "), "Say why"),
        (WithdrawRecords(NAME, "student", ("u1", "u2"), {}, 3, "why"), "There are 2"),
        (WithdrawRecords(NAME, "student", ("u99",), {}, 1, "why"), "There are no"),
        (WithdrawRecords(NAME, "student", (), {"shoe": "1"}, 1, "why"), "cannot be chosen by"),
        (ReleaseEdits(NAME, "student", (), (), 0, "why"), "There are no"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_nothing_changed(house, command, said):
    before = await house.content()

    row = await house.ask(command)

    assert row.status is CommandStatus.REFUSED
    assert said in row.answer
    assert await house.content() == before
    assert await house.rows("SELECT 1 FROM runs WHERE kind = 'edit'") == []


async def test_an_edited_link_meets_the_sis_field_by_field(house):
    await house.ask(edit({"instructors": "p2"}, entity="section", external_id="x1"))
    house.sis.replace(Section("x1", "Group One", "1", None, "c1", "s1", ("t1",), ("p1",)))

    await house.sync()

    section = await known(house, Entity.SECTION, "x1")
    assert (section.title, section.instructors) == ("Group One", ("p2",))

"""A person decides: one conflict or many, once, and it is remembered."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from siscon.domain.commands import CommandStatus, SettleConflict, SettleConflicts
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.records import Entity
from siscon.domain.runs import RunStatus
from siscon.engine import inbox
from siscon.store import commands, conflicts, records
from siscon.store.sqlite import open_database
from support.fake_sis import small_district
from support.house import NAME, anybody, test_house


@pytest.fixture
async def house(tmp_path):
    async with test_house(tmp_path, small_district()) as opened:
        opened.policies = {Entity.STUDENT: Policy(default=Strategy.MANUAL)}
        await opened.sync()
        yield opened


async def student(house, external_id="u1"):
    async with house.db.read() as c:
        row = await records.show(c, NAME, Entity.STUDENT, external_id)
    return row.record


async def dispute(house, *who, **fields):
    """Both sides change the last name of some students, and their grade here alone differs from what comes."""
    for external_id in who:
        kim = await student(house, external_id)
        house.sis.replace(dataclasses.replace(kim, last_name="Theirs", middle_name="Sea", **fields))
        await house.do(
            "UPDATE students SET last_name = 'Ours' WHERE id = (SELECT internal_id FROM "
            f"{NAME}_mappings WHERE external_id = '{external_id}' AND entity_type = 'student')"
        )
    await house.sync()


async def open_ones(house):
    async with house.db.read() as c:
        return await conflicts.list_open(c)


def answer(conflict, **choices):
    return SettleConflict(
        conflict.id, choices, conflict.sis_fingerprint, conflict.local_version, "asked them"
    )


async def test_what_is_not_in_dispute_is_applied_beside_the_question(house):
    await dispute(house, "u1")

    (one,) = await open_ones(house)
    assert (one.base, one.sis, one.local) == (
        {"last_name": "Marsh"},
        {"last_name": "Theirs"},
        {"last_name": "Ours"},
    )
    kim = await student(house)
    assert (kim.last_name, kim.middle_name) == ("Ours", "Sea")


@pytest.mark.parametrize(("choice", "name"), [("sis", "Theirs"), ("local", "Ours"), ("=Third", "Third")])
async def test_a_decision_holds_and_is_asked_again_only_when_the_sis_moves_on(house, choice, name):
    await dispute(house, "u1")
    (one,) = await open_ones(house)

    row = await house.ask(answer(one, last_name=choice))

    assert row.status is CommandStatus.DONE
    assert (await student(house)).last_name == name
    assert await open_ones(house) == []
    for _ in range(2):
        status, counts = await house.sync()
        assert status is RunStatus.COMPLETED
        assert counts[Entity.STUDENT].unchanged == 5
    assert (await student(house)).last_name == name
    house.sis.replace(dataclasses.replace(await student(house), last_name="Later"))
    await house.sync()
    assert len(await open_ones(house)) == (choice != "sis")


async def test_a_decision_leaves_image_base_audit_and_a_run_behind(house):
    await dispute(house, "u1")
    (one,) = await open_ones(house)

    row = await house.ask(answer(one, last_name="sis"))

    (run,) = await house.rows(f"SELECT kind, status, requested_by, reason FROM runs WHERE id = {row.run_id}")
    assert run == {"kind": "settle", "status": "completed", "requested_by": "tester", "reason": "asked them"}
    (change,) = await house.rows(f"SELECT * FROM changes WHERE run_id = {row.run_id}")
    assert (change["kind"], change["before"], change["after"]) == (
        "settled",
        '{"last_name":"Ours"}',
        '{"last_name":"Theirs"}',
    )
    assert '"last_name":"Marsh"' in change["base"]
    (settled,) = await house.rows("SELECT * FROM conflicts")
    assert (settled["settled_by"], settled["settled_run_id"]) == ("tester", row.run_id)
    assert "Theirs" not in row.answer


async def test_the_second_of_two_who_decide_is_told_who_was_first_and_what(house):
    await dispute(house, "u1")
    (one,) = await open_ones(house)
    await house.ask(answer(one, last_name="sis"))

    row = await house.ask(answer(one, last_name="local"))

    assert row.status is CommandStatus.REFUSED
    assert "settled already by tester" in row.answer
    assert "last_name as the SIS has it" in row.answer
    assert (await student(house)).last_name == "Theirs"


async def test_two_consoles_that_decide_at_once_come_to_one_decision(house, tmp_path):
    await dispute(house, "u1")
    (one,) = await open_ones(house)
    other = await open_database(tmp_path / "siscon.db")
    try:
        left = []
        for db, choice in ((house.db, "sis"), (other, "local")):
            async with db.transaction() as c:
                command = answer(one, last_name=choice)
                left.append(await commands.leave(c, command, actor=f"{choice}-person", now_ms=house.now_ms))
        await asyncio.gather(
            *(
                inbox.carry_out(db, vault=house.vault, live=None, judge=anybody, now_ms=lambda: house.now_ms)
                for db in (house.db, other)
            )
        )
        async with other.read() as c:
            rows = [await commands.get(c, command_id) for command_id in left]
    finally:
        await other.close()

    assert sorted(row.status for row in rows) == [CommandStatus.DONE, CommandStatus.REFUSED]
    (lost,) = [row for row in rows if row.status is CommandStatus.REFUSED]
    (won,) = [row for row in rows if row.status is CommandStatus.DONE]
    assert f"settled already by {won.actor}" in lost.answer
    assert len(await house.rows("SELECT 1 FROM changes WHERE kind = 'settled'")) == 1


@pytest.mark.parametrize("side", ["sis", "local"])
async def test_a_decision_about_what_has_moved_on_is_shown_again_instead(house, side):
    await dispute(house, "u1")
    (one,) = await open_ones(house)
    if side == "sis":
        house.sis.replace(dataclasses.replace(await student(house), last_name="Newer"))
        await house.sync()
    else:
        await house.do("UPDATE students SET last_name = 'Newer' WHERE first_name = 'Kim1'")

    row = await house.ask(answer(one, last_name="sis"))

    assert row.status is CommandStatus.REFUSED
    assert ("look again" if side == "sis" else "the next sync asks anew") in row.answer
    assert len(await open_ones(house)) == 1


async def test_what_changed_here_beside_the_question_does_not_stand_in_its_way(house):
    await dispute(house, "u1")
    (one,) = await open_ones(house)
    await house.do("UPDATE students SET email = 'k@example.org' WHERE first_name = 'Kim1'")

    row = await house.ask(answer(one, last_name="sis"))

    assert row.status is CommandStatus.DONE, row.answer
    kim = await student(house)
    assert (kim.last_name, kim.email) == ("Theirs", "k@example.org")


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"email": "sis"}, "not in question"),
        ({"last_name": "them"}, "Choose sis"),
        ({"last_name": "="}, "cannot be empty"),
        ({"last_name": "=a\nb"}, "cannot be printed"),
        ({}, "Say what is to hold"),
    ],
)
async def test_what_is_no_decision_is_refused_with_a_sentence(house, choices, said):
    await dispute(house, "u1")
    (one,) = await open_ones(house)

    row = await house.ask(answer(one, **choices))

    assert row.status is CommandStatus.REFUSED
    assert said in row.answer
    assert len(await open_ones(house)) == 1


async def test_of_two_fields_one_may_be_decided_and_the_other_waits(house):
    await house.do("UPDATE students SET grade_level = '9' WHERE first_name = 'Kim1'")
    await dispute(house, "u1", grade_level="8")
    (one,) = await open_ones(house)
    assert set(one.sis) == {"last_name", "grade_level"}

    await house.ask(answer(one, grade_level="sis"))

    (rest,) = await open_ones(house)
    assert (rest.id, rest.sis) == (one.id, {"last_name": "Theirs"})
    assert (await student(house)).grade_level == "8"
    row = await house.ask(answer(rest, last_name="local"))
    assert row.status is CommandStatus.DONE
    status, counts = await house.sync()
    assert (status, counts[Entity.STUDENT].unchanged) == (RunStatus.COMPLETED, 5)


async def many(house, where, take, expected, up_to=10**9):
    return await house.ask(SettleConflicts(NAME, where, take, expected, up_to, "policy of the district"))


async def test_all_that_are_alike_are_decided_at_once_and_no_other(house):
    await dispute(house, "u1", "u2", "u3")
    await dispute(house, "u4", grade_level="8")
    await house.do("UPDATE students SET last_name = 'Elsewhere' WHERE first_name = 'Kim3'")
    await house.sync()
    where = {"entity": "student", "field": "last_name", "local": "Ours"}

    row = await many(house, where, "sis", 3)
    assert row.status is CommandStatus.DONE
    assert await house.carry_on(row.run_id) is RunStatus.COMPLETED

    assert [one.external_id for one in await open_ones(house)] == ["u3"]
    names = [(await student(house, f"u{n}")).last_name for n in range(1, 6)]
    assert names == ["Theirs", "Theirs", "Elsewhere", "Theirs", "Marsh"]
    _, counts = await house.sync()
    assert (counts[Entity.STUDENT].unchanged, counts[Entity.STUDENT].conflict) == (4, 1)
    (count,) = await house.rows(f"SELECT * FROM run_counts WHERE run_id = {row.run_id}")
    assert (count["fetched"], count["updated"]) == (3, 3)


async def test_a_bulk_decision_leaves_alone_what_changed_since_it_was_found(house):
    await dispute(house, "u1", "u2")
    row = await many(house, {"field": "last_name"}, "local", 2)
    await house.do("UPDATE students SET last_name = 'Since' WHERE first_name = 'Kim2'")

    assert await house.carry_on(row.run_id) is RunStatus.WITH_WARNINGS

    assert [one.external_id for one in await open_ones(house)] == ["u2"]


@pytest.mark.parametrize(
    ("where", "take", "expected", "said"),
    [
        ({"field": "last_name"}, "sis", 2, "1 conflict matches by now"),
        ({"field": "last_name"}, "newest", 1, "sis or local"),
        ({"field": "shoe_size"}, "sis", 1, "no such field"),
        ({"sis": "Theirs"}, "sis", 1, "name the field"),
        ({"colour": "red"}, "sis", 1, "cannot ask for"),
        ({"entity": "staff"}, "sis", 0, "No open conflict"),
    ],
)
async def test_a_bulk_decision_that_makes_no_sense_is_refused(house, where, take, expected, said):
    await dispute(house, "u1")

    row = await many(house, where, take, expected)

    assert row.status is CommandStatus.REFUSED
    assert said in row.answer

"""Whatever a person did: of three syncs in a row the second and the third change nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping

import pytest

from siscon.domain.commands import (
    ApprovePlan,
    Command,
    DiscardDead,
    DiscardPlan,
    EditRecord,
    ForceSync,
    MendDead,
    ReleaseEdits,
    RetryDead,
    SettleConflict,
    SettleConflicts,
    UndoRun,
    WithdrawRecords,
)
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.guards import GuardLimits
from siscon.domain.records import Entity, Section, Student
from siscon.domain.runs import RunStatus
from siscon.providers.contract import Rejected
from siscon.store import conflicts, dead_records
from support.fake_sis import small_district
from support.house import NAME, TestHouse, test_house

DONE = {RunStatus.COMPLETED, RunStatus.WITH_WARNINGS, RunStatus.WITH_ERRORS}
ASKING = Policy(strategies={"grade_level": Strategy.MANUAL, "email": Strategy.MANUAL})

Act = Callable[[TestHouse], Awaitable[object]]


async def act(house: TestHouse, command: Command) -> int | None:
    row = await house.ask(command)
    assert row.status == "done", row.answer
    async with house.db.read() as c:
        status = await c.one("SELECT status FROM runs WHERE id = :id", {"id": row.run_id or 0})
    if status is not None and status["status"] == RunStatus.QUEUED:
        assert row.run_id is not None
        assert await house.carry_on(row.run_id) in DONE | {RunStatus.HELD}
    return row.run_id


def edit(external_id: str, **fields: str | None) -> EditRecord:
    return EditRecord(NAME, "student", external_id, fields, "as the parents say")


def moved(house: TestHouse, external_id: str, **fields: str) -> None:
    """The SIS says something else of a student."""
    listed = house.sis.lists[Entity.STUDENT]
    was = next(one for one in listed if one.external_id == external_id)
    house.sis.replace(dataclasses.replace(was, **fields))


async def questions(house: TestHouse) -> list[int]:
    """Three students whose grade both sides have changed."""
    for n in (1, 2, 3):
        await act(house, edit(f"u{n}", grade_level="9"))
        moved(house, f"u{n}", grade_level="8")
    await house.sync()
    async with house.db.read() as c:
        return [one.id for one in await conflicts.list_open(c)]


async def decide(house: TestHouse, choice: str) -> int | None:
    [first, *_] = await questions(house)
    async with house.db.read() as c:
        asked = await conflicts.get(c, first)
    assert asked is not None
    seen = (asked.sis_fingerprint, asked.local_version)
    return await act(house, SettleConflict(first, {"grade_level": choice}, *seen, "told"))


async def decide_all(house: TestHouse, take: str) -> int | None:
    ids = await questions(house)
    where = {"field": "grade_level"}
    return await act(house, SettleConflicts(NAME, where, take, len(ids), max(ids), "told"))


async def errors(house: TestHouse) -> list[int]:
    """A student without a name, and a section of a course that nobody knows."""
    raw = json.dumps({"id": "u9", "first": "Wren", "last": ""})
    house.sis.hold(
        Rejected("u9", "missing", "last name is missing", "last", raw),
        entity=Entity.STUDENT,
    )
    house.sis.hold(Section("x9", "Group 9", course="c-none", school="s1", terms=("t1",)))
    await house.sync()
    async with house.db.read() as c:
        return [one.id for one in await dead_records.list_open(c)]


async def mend(house: TestHouse, dead_id: int, fields: Mapping[str, str | None]) -> int | None:
    async with house.db.read() as c:
        [dead] = await dead_records.by_ids(c, [dead_id])
    return await act(house, MendDead(dead_id, fields, dead.digest, "the office told us"))


async def undo(house: TestHouse, run_id: int | None, count: int) -> int | None:
    assert run_id is not None
    return await act(house, UndoRun(run_id, "", "", count, "a mistake"))


async def newest(house: TestHouse) -> int:
    (row,) = await house.rows("SELECT max(id) AS id FROM runs")
    return int(row["id"])


async def hold(house: TestHouse) -> int:
    """A run that is held: most students are gone from the list."""
    house.limits = GuardLimits(at_least=0)
    house.sis.remove(Entity.STUDENT, ["u1", "u2", "u3", "u4"])
    status, _counts = await house.sync()
    assert status is RunStatus.HELD
    return await newest(house)


async def edits(house: TestHouse) -> None:
    await act(house, edit("u1", grade_level="9", email="kim@example.org"))


async def edits_and_release(house: TestHouse) -> None:
    await edits(house)
    moved(house, "u1", grade_level="8")
    await act(house, ReleaseEdits(NAME, "student", ("u1",), (), 1, "done with it"))


async def withdraws(house: TestHouse) -> None:
    await act(house, WithdrawRecords(NAME, "student", ("u1", "u2"), {}, 2, "moved away"))


async def decides_for_the_sis(house: TestHouse) -> None:
    await decide(house, "sis")


async def decides_for_ours(house: TestHouse) -> None:
    await decide(house, "local")


async def decides_by_hand(house: TestHouse) -> None:
    await decide(house, "=10")


async def decides_all(house: TestHouse) -> None:
    await decide_all(house, "local")


async def decides_all_and_undoes(house: TestHouse) -> None:
    await undo(house, await decide_all(house, "sis"), 3)


async def retries(house: TestHouse) -> None:
    ids = await errors(house)
    await act(house, RetryDead(NAME, (), {}, len(ids)))


async def gives_up(house: TestHouse) -> None:
    ids = await errors(house)
    await act(house, DiscardDead(NAME, tuple(ids), {}, len(ids), "test records"))


async def mends(house: TestHouse) -> None:
    for dead_id, fields in zip(await errors(house), ({"last": "Marsh"}, {"course": "c1"}), strict=True):
        await mend(house, dead_id, fields)


async def mends_and_undoes(house: TestHouse) -> None:
    [first, _second] = await errors(house)
    await undo(house, await mend(house, first, {"last": "Marsh"}), 1)


async def fetches_one(house: TestHouse) -> None:
    moved(house, "u1", grade_level="8")
    await act(house, ForceSync(NAME, "student", "u1"))


async def undoes_an_import(house: TestHouse) -> None:
    moved(house, "u1", grade_level="8")
    house.sis.hold(Student("u8", first_name="Sol", last_name="Lind", school="s1"))
    await house.sync()
    await undo(house, await newest(house), 2)


async def undoes_the_undoing(house: TestHouse) -> None:
    await undoes_an_import(house)
    await undo(house, await newest(house), 2)


async def approves(house: TestHouse) -> None:
    run_id = await hold(house)
    await act(house, ApprovePlan(run_id, "they did leave"))


async def approves_in_part(house: TestHouse) -> None:
    run_id = await hold(house)
    await act(house, ApprovePlan(run_id, "only the schools", ("school",)))


async def discards(house: TestHouse) -> None:
    run_id = await hold(house)
    await act(house, DiscardPlan(run_id, "a wrong list"))


async def applies_a_dry_run(house: TestHouse) -> None:
    moved(house, "u1", grade_level="8")
    run_id = await house.enqueue(dry=True)
    assert await house.carry_on(run_id) is RunStatus.PLANNED
    await act(house, ApprovePlan(run_id, "as shown"))


ACTS: tuple[Act, ...] = (
    edits,
    edits_and_release,
    withdraws,
    decides_for_the_sis,
    decides_for_ours,
    decides_by_hand,
    decides_all,
    decides_all_and_undoes,
    retries,
    gives_up,
    mends,
    mends_and_undoes,
    fetches_one,
    undoes_an_import,
    undoes_the_undoing,
    approves,
    approves_in_part,
    discards,
    applies_a_dry_run,
)


WITH_ABSENCES = (approves, approves_in_part, discards)
"""Who is away is withdrawn at the second complete list, which is a change."""


@pytest.mark.parametrize(
    "acting",
    [*ACTS[::3], *(pytest.param(one, marks=pytest.mark.long) for one in ACTS if one not in ACTS[::3])],
    ids=lambda one: one.__name__,
)
async def test_of_three_syncs_after_an_act_the_second_and_third_change_nothing(tmp_path, acting: Act) -> None:
    async with test_house(tmp_path, small_district()) as house:
        house.policies = {Entity.STUDENT: ASKING}
        await house.sync()
        await acting(house)
        house.limits = GuardLimits(at_least=1_000)
        for _ in range(2 if acting in WITH_ABSENCES else 1):
            await house.sync()
        after = await house.content()
        changes = (await house.rows("SELECT count(*) AS n FROM changes"))[0]["n"]
        for _ in range(2):
            _status, counts = await house.sync()
            assert all(one.reconciles for one in counts.values())
            assert await house.content() == after
        assert (await house.rows("SELECT count(*) AS n FROM changes"))[0]["n"] == changes

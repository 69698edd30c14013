"""A run put back: every field that was not changed since, and nothing else."""

from __future__ import annotations

import dataclasses

import pytest

from siscon.domain.commands import ApprovePlan, CommandStatus, SettleConflict, SettleConflicts, UndoRun
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.records import Entity, Section, Student
from siscon.domain.runs import RunStatus
from siscon.engine import undo
from siscon.store import conflicts, records
from support.fake_sis import small_district
from support.house import NAME, test_house

TABLES = [
    "schools",
    "terms",
    "staff",
    "students",
    "courses",
    "sections",
    "enrollments",
    "staff_schools",
    "section_terms",
    "section_instructors",
]


@pytest.fixture
async def house(tmp_path):
    async with test_house(tmp_path, small_district()) as opened:
        await opened.sync()
        yield opened


async def roster(house):
    """Every column of the roster but versions and moments."""
    moving = {"version", "created_at_ms", "updated_at_ms", "edited_at_ms"}
    return {
        table: [
            {name: value for name, value in row.items() if name not in moving}
            for row in await house.rows(f"SELECT * FROM {table}")
        ]
        for table in TABLES
    }


async def newest(house):
    (row,) = await house.rows("SELECT max(id) AS id FROM runs")
    return row["id"]


async def put_back(house, run_id, *, entity="", external_id=""):
    """Undo a run; the state in which that rests, and its number."""
    where = f"run_id = {run_id}" + (f" AND entity = '{entity}'" if entity else "")
    where += f" AND external_id = '{external_id}'" if external_id else ""
    (row,) = await house.rows(f"SELECT count(*) AS n FROM changes WHERE {where}")
    asked = await house.ask(UndoRun(run_id, entity, external_id, row["n"], "a wrong file"))
    assert asked.status is CommandStatus.DONE, asked.answer
    return await house.carry_on(asked.run_id), asked.run_id


async def student(house, external_id="u1"):
    async with house.db.read() as c:
        row = await records.show(c, NAME, Entity.STUDENT, external_id)
    return row.record


async def change_some(house):
    for n, grade in ((1, "8"), (2, "9")):
        kim = await student(house, f"u{n}")
        house.sis.replace(dataclasses.replace(kim, grade_level=grade, school="s2"))
    await house.sync()
    return await newest(house)


async def test_an_import_is_put_back_and_the_next_one_does_not_do_it_again(house):
    before = await roster(house)
    run_id = await change_some(house)

    status, undone = await put_back(house, run_id)

    assert status is RunStatus.COMPLETED
    assert await roster(house) == before
    for _ in range(3):
        _, counts = await house.sync()
        assert counts[Entity.STUDENT].unchanged == 5
    assert await roster(house) == before
    (audit,) = await house.rows("SELECT actor, detail FROM audit WHERE action = 'restored'")
    assert audit["actor"] == "tester"
    assert f'"run":{undone}' in audit["detail"].replace(" ", "")


async def test_what_changed_since_is_left_alone_and_counted(house):
    run_id = await change_some(house)
    await house.do("UPDATE students SET grade_level = '12' WHERE first_name = 'Kim1'")

    status, undone = await put_back(house, run_id)

    assert status is RunStatus.WITH_WARNINGS
    kim = await student(house)
    assert (kim.grade_level, kim.school) == ("12", "s1")
    assert (await student(house, "u2")).grade_level == "7"
    (count,) = await house.rows(f"SELECT * FROM run_counts WHERE run_id = {undone}")
    assert count["updated"] == 2


async def test_one_record_of_a_run_may_be_put_back_alone(house):
    run_id = await change_some(house)

    status, _ = await put_back(house, run_id, entity="student", external_id="u2")

    assert status is RunStatus.COMPLETED
    assert (await student(house, "u2")).grade_level == "7"
    assert (await student(house, "u1")).grade_level == "8"


async def test_what_a_run_created_leaves_again_with_its_links_and_comes_back_the_same(house):
    before = await roster(house)
    ties = await house.rows(f"SELECT entity_type, external_id, internal_id FROM {NAME}_mappings ORDER BY id")
    house.sis.hold(Section("x9", "New", "9", None, "c1", "s1", ("t1",), ("p1", "p2")))
    house.sis.hold(Student("u9", "Ines", None, "Marsh", school="s1"))
    await house.sync()
    run_id, after = await newest(house), await roster(house)

    status, undone = await put_back(house, run_id)
    assert status is RunStatus.COMPLETED
    assert await roster(house) == before
    assert (
        await house.rows(f"SELECT entity_type, external_id, internal_id FROM {NAME}_mappings ORDER BY id")
        == ties
    )

    status, _ = await put_back(house, undone)
    assert status is RunStatus.COMPLETED
    assert await roster(house) == after
    _, counts = await house.sync()
    assert all(one.created == 0 for one in counts.values())
    assert await roster(house) == after
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].unchanged == 6


async def test_a_created_record_to_which_others_refer_is_put_out_of_use_instead(house):
    house.sis.hold(Student("u9", "Ines", None, "Marsh", school="s1"))
    await house.sync()
    run_id = await newest(house)
    house.sis.hold(dataclasses.replace(house.sis.lists[Entity.ENROLLMENT][0], external_id="e9", student="u9"))
    await house.sync()

    status, _ = await put_back(house, run_id)

    assert status is RunStatus.WITH_WARNINGS
    assert (await student(house, "u9")).status == "inactive"


async def test_a_whole_first_import_waits_for_a_second_look_and_then_leaves_nothing(house):
    house.limits = dataclasses.replace(house.limits, at_least=1)

    status, undone = await put_back(house, 1)

    assert status is RunStatus.HELD
    (run,) = await house.rows(f"SELECT error FROM runs WHERE id = {undone}")
    assert "would be taken out again" in run["error"]
    await house.ask(ApprovePlan(undone, "we begin anew"))
    assert await house.carry_on(undone) is RunStatus.COMPLETED
    assert not any((await roster(house)).values())
    assert await house.rows(f"SELECT * FROM {NAME}_mappings") == []
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].created == 5


async def test_a_withdrawal_is_put_back_and_not_made_again(house):
    before = await roster(house)
    house.sis.remove(Entity.STUDENT, ["u5"])
    house.sis.remove(Entity.ENROLLMENT, ["e5"])
    await house.sync()
    await house.sync()
    run_id = await newest(house)
    assert (await student(house, "u5")).status == "inactive"

    status, _ = await put_back(house, run_id)

    assert status is RunStatus.COMPLETED
    for _ in range(3):
        assert await roster(house) == before
        await house.sync()


async def dispute(house, *who):
    house.policies = {Entity.STUDENT: Policy(default=Strategy.MANUAL)}
    for external_id in who:
        house.sis.replace(dataclasses.replace(await student(house, external_id), last_name="Theirs"))
        await house.do(
            "UPDATE students SET last_name = 'Ours' WHERE id = (SELECT internal_id FROM "
            f"{NAME}_mappings WHERE external_id = '{external_id}' AND entity_type = 'student')"
        )
    await house.sync()


async def open_ones(house):
    async with house.db.read() as c:
        return await conflicts.list_open(c)


@pytest.mark.parametrize("side", ["sis", "local"])
async def test_a_bulk_decision_is_put_back_and_the_questions_are_open_again(house, side):
    await dispute(house, "u1", "u2", "u3")
    before, asked = await roster(house), await open_ones(house)
    row = await house.ask(SettleConflicts(NAME, {"field": "last_name"}, side, 3, 10**9, "policy"))
    await house.carry_on(row.run_id)
    assert await open_ones(house) == []

    status, undone = await put_back(house, row.run_id)

    assert status is RunStatus.COMPLETED
    assert await roster(house) == before
    now = await open_ones(house)
    assert [(one.id, one.sis, one.local, one.base) for one in now] == [
        (one.id, one.sis, one.local, one.base) for one in asked
    ]
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].conflict == 3
    assert await roster(house) == before
    one = (await open_ones(house))[0]
    row = await house.ask(
        SettleConflict(one.id, {"last_name": "sis"}, one.sis_fingerprint, one.local_version)
    )
    assert row.status is CommandStatus.DONE, row.answer
    status, _ = await put_back(house, undone)
    assert status is (RunStatus.WITH_WARNINGS if side == "sis" else RunStatus.COMPLETED)
    assert (await student(house, one.external_id)).last_name == "Theirs", "decided since"


async def test_an_undo_that_is_killed_between_batches_goes_on_to_the_same_end(house, monkeypatch):
    before = await roster(house)
    for n in range(1, 6):
        house.sis.replace(dataclasses.replace(await student(house, f"u{n}"), grade_level="11"))
        house.sis.hold(Student(f"v{n}", "Ines", None, "Marsh", school="s1"))
    await house.sync()
    run_id = await newest(house)
    (row,) = await house.rows(f"SELECT count(*) AS n FROM changes WHERE run_id = {run_id}")
    asked = await house.ask(UndoRun(run_id, "", "", row["n"], "a wrong file"))
    done = undo.undoing.done
    count = 0

    async def dies(*given):
        nonlocal count
        count += 1
        if count % 2 == 0:
            raise KeyboardInterrupt
        await done(*given)

    with monkeypatch.context() as patched:
        patched.setattr(undo.undoing, "done", dies)
        for _ in range(3):
            job = await house.start(asked.run_id)
            with pytest.raises(KeyboardInterrupt):
                await house.go_on(job)
            await house.do(f"UPDATE runs SET status = 'queued' WHERE id = {asked.run_id}")

    assert await house.carry_on(asked.run_id) is RunStatus.COMPLETED
    assert await roster(house) == before


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (UndoRun(99, "", "", 1, "why"), "no run 99"),
        (UndoRun(1, "", "", 1, "why"), "1 was shown"),
        (UndoRun(1, "student", "u77", 0, "why"), "nothing to undo"),
        (UndoRun(1, "", "", 22, " "), "Say why"),
    ],
)
async def test_what_cannot_be_undone_is_refused_with_a_sentence(house, command, said):
    row = await house.ask(command)

    assert row.status is CommandStatus.REFUSED
    assert said in row.answer

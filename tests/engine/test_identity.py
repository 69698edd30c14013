"""An id that comes back as somebody else is never an update: a person says who it is."""

from __future__ import annotations

import dataclasses

import pytest

from siscon.domain.commands import CommandStatus, EditRecord, SettleConflict
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.guards import GuardLimits
from siscon.domain.records import Enrollment, Entity, Section, Student
from siscon.domain.runs import RunStatus
from support.deciding import decide, open_ones, put_back, quiet, roster, student, teachers
from support.fake_sis import small_district
from support.house import NAME, test_house

OLD = Student(
    "u1", "Ada", None, "Quill", birth_date="2008-05-06", state_id="777", school="s1", grade_level="12"
)
NEW = Student(
    "u1", "Bo", None, "Vance", birth_date="2019-01-02", state_id="888", school="s2", grade_level="1"
)


@pytest.fixture
async def house(tmp_path):
    sis = small_district()
    sis.replace(OLD)
    async with test_house(tmp_path, sis) as opened:
        await opened.sync()
        yield opened


async def test_nothing_of_somebody_else_is_applied_and_it_is_asked_once(house):
    house.sis.replace(NEW)
    before = await student(house)

    for _ in range(3):
        status, counts = await house.sync()
        assert status is RunStatus.WITH_ERRORS
        assert (counts[Entity.STUDENT].conflict, counts[Entity.STUDENT].unchanged) == (1, 4)
        assert counts[Entity.STUDENT].reconciles

    assert await student(house) == before
    (one,) = await open_ones(house)
    assert (one.kind, one.why) == (
        "identity",
        "another birth date, another state id, another first and last name",
    )
    assert (one.base["first_name"], one.sis["first_name"], one.local["first_name"]) == ("Ada", "Bo", "Ada")
    (tie,) = await house.rows(f"SELECT * FROM {NAME}_mappings WHERE external_id = 'u1'")
    assert (tie["sync_status"], '"Ada"' in tie["base"]) == ("pending", True)
    assert tie["error_message"] == "the id came back as somebody else: a person decides"


async def test_what_both_sides_wrote_is_decided_field_by_field(house):
    asking = dict.fromkeys(("birth_date", "state_id"), Strategy.MANUAL)
    house.policies = {Entity.STUDENT: Policy(strategies=asking)}
    told = {"birth_date": "2010-05-05", "state_id": "S-77"}
    await house.ask(EditRecord(NAME, "student", "u1", told, "as the parents say"))
    house.sis.replace(dataclasses.replace(OLD, birth_date="2010-06-06", state_id="S-78"))
    await house.sync()
    (one,) = await open_ones(house)
    assert (one.kind, set(one.sis)) == ("fields", {"birth_date", "state_id"})

    house.sis.replace(NEW)
    await house.sync()
    assert [one.kind for one in await open_ones(house) if one.status == "open"] == ["identity"]


async def test_who_comes_back_as_before_is_no_question_any_more(house):
    house.sis.replace(NEW)
    await house.sync()
    house.sis.replace(OLD)

    await house.sync()

    assert await open_ones(house) == []
    assert {row["status"] for row in await house.rows("SELECT status FROM conflicts")} == {"gone"}
    await quiet(house)


@pytest.mark.parametrize(
    "changed",
    [
        {"last_name": "Marsh"},
        {"first_name": "Quill", "last_name": "Ada"},
        {"first_name": "ADÁ", "last_name": "Qu-ill"},
        {"first_name": "Adda", "last_name": "Quil"},
        {"birth_date": None, "state_id": None, "last_name": "Else"},
    ],
)
async def test_slips_of_the_pen_and_one_other_name_are_updates(house, changed):
    house.sis.replace(dataclasses.replace(OLD, **changed))

    _, counts = await house.sync()

    assert counts[Entity.STUDENT].updated == 1
    assert await open_ones(house) == []


async def test_whom_the_sis_calls_as_we_do_already_is_nobody_else(house):
    await house.do("UPDATE students SET birth_date = '2009-05-06' WHERE first_name = 'Ada'")
    house.sis.replace(dataclasses.replace(OLD, birth_date="2009-05-06"))

    _, counts = await house.sync()

    assert (counts[Entity.STUDENT].conflict, counts[Entity.STUDENT].updated) == (0, 1)


async def test_the_newcomers_enrollments_wait_and_what_did_not_change_stays(house):
    house.sis.replace(NEW)
    house.sis.hold(Enrollment("e9", "x3", "u1", "2026-09-01"))
    house.sis.replace(Enrollment("e6", "x2", "u1", "2026-10-01"))

    for _ in range(2):
        _, counts = await house.sync()
        assert (counts[Entity.ENROLLMENT].failed, counts[Entity.ENROLLMENT].unchanged) == (2, 5)
        assert counts[Entity.ENROLLMENT].reconciles

    dead = await house.rows("SELECT * FROM dead_records WHERE status = 'open' ORDER BY external_id")
    assert [(row["external_id"], row["code"], row["field"], row["attempts"]) for row in dead] == [
        ("e6", "identity_in_question", "student", 2),
        ("e9", "identity_in_question", "student", 2),
    ]
    (kept,) = await house.rows(
        f"SELECT begins_on FROM enrollments WHERE id = (SELECT internal_id FROM {NAME}_mappings "
        "WHERE external_id = 'e6')"
    )
    assert kept["begins_on"] == "2026-08-17"

    await decide(house, "same")
    _, counts = await house.sync()
    assert (counts[Entity.ENROLLMENT].failed, counts[Entity.ENROLLMENT].created) == (0, 1)
    assert await house.rows("SELECT 1 FROM dead_records WHERE status = 'open'") == []
    await quiet(house)


async def test_they_wait_in_a_run_that_did_not_bring_the_student_too(house):
    house.sis.replace(NEW)
    await house.sync()
    house.entities = (Entity.ENROLLMENT,)
    house.sis.hold(Enrollment("e9", "x3", "u1", "2026-09-01"))

    _, counts = await house.sync()

    assert counts[Entity.ENROLLMENT].failed == 1


async def test_the_same_person_comes_in_by_the_ordinary_rules_and_is_not_asked_again(house):
    house.sis.replace(NEW)
    await house.do("UPDATE students SET grade_level = 'K' WHERE first_name = 'Ada'")
    house.sis.replace(dataclasses.replace(NEW, grade_level="12"))
    await house.sync()
    ada = await student(house)

    row = await decide(house, "same")

    assert row.status is CommandStatus.DONE, row.answer
    assert f"siscon undo {row.run_id}" in row.answer
    status, counts = await house.sync()
    assert (status, counts[Entity.STUDENT].updated) == (RunStatus.COMPLETED, 1)
    bo = await student(house)
    assert (bo.internal_id, bo.record.first_name, bo.record.birth_date) == (
        ada.internal_id,
        "Bo",
        "2019-01-02",
    )
    assert bo.record.grade_level == "K", "what the SIS did not change stays ours"
    await quiet(house)
    assert await open_ones(house) == []


async def test_another_person_gets_a_record_of_its_own_and_the_old_one_keeps_history(house):
    house.sis.replace(NEW)
    house.sis.hold(Enrollment("e9", "x3", "u1", "2026-09-01"))
    await house.sync()
    ada = await student(house)

    row = await decide(house, "another")

    assert row.status is CommandStatus.DONE, row.answer
    assert await student(house) is None
    (old,) = await house.rows(f"SELECT * FROM students WHERE id = {ada.internal_id}")
    assert (old["status"], old["first_name"]) == ("inactive", "Ada")
    _, counts = await house.sync()
    assert (counts[Entity.STUDENT].created, counts[Entity.ENROLLMENT].created) == (1, 1)
    bo = await student(house)
    assert (bo.record.first_name, bo.record.status) == ("Bo", "active")
    assert bo.internal_id != ada.internal_id
    (enrolled,) = await house.rows(f"SELECT count(*) AS n FROM enrollments WHERE student = {bo.internal_id}")
    assert enrolled["n"] == 3, "what the SIS still sends in use under the id is the newcomer's"
    history = await house.rows(f"SELECT kind FROM changes WHERE internal_id = {ada.internal_id} ORDER BY id")
    assert [one["kind"] for one in history] == ["created", "settled"]
    await quiet(house)


async def test_enrollments_that_have_ended_stay_with_the_old_person(house):
    house.sis.replace(Enrollment("e6", "x2", "u1", "2026-08-17", status="inactive"))
    await house.sync()
    ada = await student(house)
    house.sis.replace(NEW)
    await house.sync()

    await decide(house, "another")
    await house.sync()

    (ended,) = await house.rows(f"SELECT * FROM enrollments WHERE student = {ada.internal_id}")
    assert ended["status"] == "inactive"
    await quiet(house)


@pytest.mark.parametrize("word", ["same", "another"])
async def test_a_decision_is_taken_back_and_asked_again(house, word):
    house.sis.replace(NEW)
    await house.sync()
    before = await roster(house)
    row = await decide(house, word)

    status, undone = await put_back(house, row.run_id)

    assert status is RunStatus.COMPLETED
    assert await roster(house) == before
    assert len(await open_ones(house)) == 1
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].conflict == 1
    await quiet(house)

    await put_back(house, undone)
    _, counts = await house.sync()
    if word == "another":
        assert counts[Entity.STUDENT].created == 1, "undoing the undoing cuts the tie again"
    await quiet(house)


async def test_once_the_newcomer_is_here_the_old_person_stays_withdrawn(house):
    house.sis.replace(NEW)
    await house.sync()
    row = await decide(house, "another")
    await house.sync()
    before = await student(house)

    status, _ = await put_back(house, row.run_id)

    assert status is RunStatus.WITH_WARNINGS
    assert await student(house) == before
    await house.sync()
    await quiet(house)


async def test_only_what_was_shown_is_decided_by_a_word_that_fits_and_with_a_reason(house):
    house.sis.replace(NEW)
    await house.sync()
    (one,) = await open_ones(house)

    wrong = await decide(house, "merge")
    unsaid = await house.ask(
        SettleConflict(one.id, {"identity": "same"}, one.sis_fingerprint, one.local_version)
    )
    stray = await decide(house, "same", survivor="u1")
    await house.do("UPDATE students SET first_name = 'Adele' WHERE first_name = 'Ada'")
    moved = await decide(house, "another")
    house.sis.replace(dataclasses.replace(NEW, grade_level="2"))
    await house.sync()
    late = await decide(house, "another", one)

    assert {row.status for row in (wrong, unsaid, stray, moved, late)} == {CommandStatus.REFUSED}
    assert "choose same or another" in wrong.answer
    assert "--reason" in unsaid.answer
    assert "changed here since" in moved.answer
    assert "look again" in late.answer
    row = await decide(house, "same")
    assert row.status is CommandStatus.DONE
    again = await decide(house, "another", one)
    assert "settled already by tester" in again.answer
    assert again.answer.endswith("same.")


async def test_a_decision_about_one_person_does_not_count_for_the_next_under_the_id(house):
    house.sis.replace(NEW)
    await house.sync()
    await decide(house, "same")
    await house.sync()
    third = dataclasses.replace(
        NEW, first_name="Cleo", last_name="Finch", birth_date="2015-01-01", state_id="9"
    )
    house.sis.replace(third)
    await house.sync()
    await decide(house, "another")
    await house.sync()
    house.sis.replace(NEW)

    _, counts = await house.sync()

    assert counts[Entity.STUDENT].conflict == 1


async def test_staff_in_question_get_no_new_sections_and_lose_none(house):
    rhea = house.sis.lists[Entity.STAFF][0]
    house.sis.replace(dataclasses.replace(rhea, first_name="Otto", last_name="Brandt"))
    house.sis.replace(Section("x1", "Renamed", "1", None, "c1", "s1", ("t1",), ("p1",)))
    house.sis.replace(Section("x2", "Group 2", "2", None, "c1", "s1", ("t1",), ("p1", "p2")))
    house.sis.hold(Section("x9", "New", "9", None, "c1", "s1", ("t1",), ("p1", "p2")))

    await house.sync()

    assert await teachers(house) == {"x1": ["p1"], "x2": ["p2"], "x3": ["p1"], "x9": ["p2"]}
    await decide(house, "same")
    await house.sync()
    assert await teachers(house) == {"x1": ["p1"], "x2": ["p1", "p2"], "x3": ["p1"], "x9": ["p1", "p2"]}
    await quiet(house)


async def test_many_at_once_hold_the_run_and_once_approved_are_no_reason_again(house):
    house.limits = GuardLimits(at_least=2, created_share=0.5)
    house.sis.replace(NEW)
    for n in range(2, 5):
        house.sis.replace(Student(f"u{n}", "Zoe", None, f"Alder{n}", school="s1", grade_level="7"))
    before = await house.content()

    status, _ = await house.sync()

    assert status is RunStatus.HELD
    (run,) = await house.rows("SELECT * FROM runs WHERE status = 'held'")
    assert "4 of 5 student records came back as other people" in run["error"]
    assert await house.content() == before
    await house.do("UPDATE runs SET approved_by = 'somebody', status = 'queued' WHERE status = 'held'")
    assert await house.carry_on(run["id"]) is RunStatus.WITH_ERRORS
    assert len(await open_ones(house)) == 4
    status, _ = await house.sync()
    assert status is RunStatus.WITH_ERRORS

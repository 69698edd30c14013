"""Imports over a fake SIS and a real database."""

from __future__ import annotations

import dataclasses

import pytest

from siscon.domain.commands import ApprovePlan, CommandStatus, DiscardPlan, StartRun
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.errors import LeaseLost, ProviderError
from siscon.domain.guards import GuardLimits
from siscon.domain.records import Enrollment, Entity, Part, School, Section, Student
from siscon.domain.runs import RunStatus
from siscon.store import leases, records
from support.fake_sis import rejected, small_district
from support.house import NAME, test_house


@pytest.fixture
async def house(tmp_path):
    async with test_house(tmp_path, small_district()) as opened:
        yield opened


async def known(house, entity, external_id):
    async with house.db.read() as c:
        row = await records.show(c, NAME, entity, external_id)
    return row.record if row is not None else None


async def test_a_first_import_creates_every_record_as_the_sis_tells_it(house):
    status, counts = await house.sync()

    assert status is RunStatus.COMPLETED
    for entity, listed in house.sis.lists.items():
        assert counts[entity].created == counts[entity].fetched == len(listed)
        for record in listed:
            assert await known(house, entity, record.external_id) == record


async def test_a_second_import_writes_nothing_and_says_unchanged(house):
    await house.sync()
    before = await house.content()
    updated_before = await house.rows(f"SELECT external_id, last_synced_at FROM {NAME}_mappings")

    status, counts = await house.sync()

    assert status is RunStatus.COMPLETED
    assert {(one.unchanged, one.created, one.updated) for one in counts.values()} == {
        (len(listed), 0, 0) for listed in house.sis.lists.values()
    }
    assert await house.content() == before
    assert await house.rows(f"SELECT external_id, last_synced_at FROM {NAME}_mappings") == updated_before


async def test_only_what_changed_is_written_and_its_image_before_is_kept(house):
    await house.sync()
    kim = await known(house, Entity.STUDENT, "u2")
    house.sis.replace(dataclasses.replace(kim, last_name="Sorel", school="s2"))

    status, counts = await house.sync()

    assert status is RunStatus.COMPLETED
    assert (counts[Entity.STUDENT].updated, counts[Entity.STUDENT].unchanged) == (1, 4)
    assert (await known(house, Entity.STUDENT, "u2")).last_name == "Sorel"
    (change,) = await house.rows("SELECT * FROM changes WHERE kind = 'updated'")
    assert change["before"] == '{"last_name":"Marsh","school":"s1"}'
    assert change["after"] == '{"last_name":"Sorel","school":"s2"}'


async def test_new_teachers_and_links_are_followed(house):
    await house.sync()
    section = await known(house, Entity.SECTION, "x1")
    house.sis.replace(dataclasses.replace(section, instructors=("p2", "p1")))

    await house.sync()

    assert (await known(house, Entity.SECTION, "x1")).instructors == ("p2", "p1")


async def test_a_record_that_makes_no_sense_is_buried_and_the_run_goes_on(house):
    house.sis.hold(rejected("u9"), rejected(None), entity=Entity.STUDENT)

    status, counts = await house.sync()

    assert status is RunStatus.WITH_ERRORS
    assert (
        counts[Entity.STUDENT].fetched,
        counts[Entity.STUDENT].created,
        counts[Entity.STUDENT].failed,
    ) == (7, 5, 2)
    assert [
        row["external_id"] for row in await house.rows("SELECT external_id FROM dead_records ORDER BY id")
    ] == [
        "u9",
        None,
    ]
    (mapping,) = await house.rows(f"SELECT * FROM {NAME}_mappings WHERE external_id = 'u9'")
    assert (mapping["sync_status"], mapping["internal_id"]) == ("error", None)


async def test_a_dead_record_that_is_mended_at_the_source_comes_in_and_leaves_the_queue(house):
    house.sis.hold(rejected("u9"), entity=Entity.STUDENT)
    await house.sync()
    house.sis.lists[Entity.STUDENT][-1] = Student("u9", "Ada", None, "Quill")

    status, _ = await house.sync()

    assert status is RunStatus.COMPLETED
    assert (await known(house, Entity.STUDENT, "u9")).last_name == "Quill"
    assert [row["status"] for row in await house.rows("SELECT status FROM dead_records")] == ["mended"]


async def test_a_dead_record_that_a_complete_list_no_longer_holds_leaves_the_queue(house):
    house.sis.hold(rejected("u9"), rejected(None), entity=Entity.STUDENT)
    await house.sync()
    for left in (("u9", None), (None,)):
        house.sis.lists[Entity.STUDENT] = house.sis.lists[Entity.STUDENT][:5] + [
            rejected(one) for one in left
        ]
        await house.sync()
    opened = "SELECT external_id FROM dead_records WHERE status = 'open'"
    house.sis.lists[Entity.STUDENT] = house.sis.lists[Entity.STUDENT][:5]
    house.sis.partial = {Entity.STUDENT}
    await house.sync()
    assert len(await house.rows(opened)) == 2

    house.sis.partial = set()
    status, _ = await house.sync()

    assert (status, await house.rows(opened)) == (RunStatus.COMPLETED, [])
    assert await house.rows(f"SELECT 1 FROM {NAME}_mappings WHERE sync_status = 'error'") == []


async def test_a_record_whose_id_cannot_be_read_may_be_anybodys_so_nobody_is_missing(house):
    await house.sync()
    house.sis.remove(Entity.STUDENT, ["u5"])
    house.sis.hold(rejected(None), entity=Entity.STUDENT)

    _, counts = await house.sync()

    assert counts[Entity.STUDENT].missing == 0


async def test_an_enrollment_of_nobody_is_dead_until_the_student_comes(house):
    house.sis.hold(Enrollment("e9", "x1", "u9"))
    status, counts = await house.sync()
    assert (status, counts[Entity.ENROLLMENT].failed) == (RunStatus.WITH_ERRORS, 1)

    house.sis.hold(Student("u9", "Ada", None, "Quill"))
    status, counts = await house.sync()

    assert (status, counts[Entity.ENROLLMENT].created) == (RunStatus.COMPLETED, 1)


async def test_a_dead_record_tried_again_and_again_stays_one(house):
    house.sis.hold(Enrollment("e9", "x1", "nobody"))
    for _ in range(3):
        await house.sync()

    (dead,) = await house.rows("SELECT * FROM dead_records")
    assert (dead["attempts"], dead["status"]) == (3, "open")


async def test_an_optional_reference_that_leads_nowhere_is_left_out_until_it_can_be_filled(house):
    house.sis.hold(Section("x9", "Odd", "9", None, "c1", "s1", (), ("p1", "p9")))
    status, counts = await house.sync()
    assert (status, counts[Entity.SECTION].warnings) == (RunStatus.WITH_WARNINGS, 1)
    assert (await known(house, Entity.SECTION, "x9")).instructors == ("p1",)
    before = await house.content()

    status, counts = await house.sync()
    assert (status, counts[Entity.SECTION].unchanged) == (RunStatus.COMPLETED, 4)
    assert await house.content() == before

    house.sis.hold(dataclasses.replace(await known(house, Entity.STAFF, "p1"), external_id="p9"))
    await house.sync()
    assert (await known(house, Entity.SECTION, "x9")).instructors == ("p1", "p9")


async def test_a_known_record_that_loses_its_required_reference_is_dead_and_stays_as_it_was(house):
    await house.sync()
    house.sis.replace(Enrollment("e1", "nowhere", "u1"))

    status, counts = await house.sync()

    assert (status, counts[Entity.ENROLLMENT].failed) == (RunStatus.WITH_ERRORS, 1)
    assert (await known(house, Entity.ENROLLMENT, "e1")).section == "x1"


async def test_silence_marks_as_missing_and_takes_nothing_away(house):
    await house.sync()
    house.sis.remove(Entity.STUDENT, ["u4", "u5"])

    _, counts = await house.sync()

    assert counts[Entity.STUDENT].missing == 2
    assert (await known(house, Entity.STUDENT, "u5")).status == "active"
    missing = f"SELECT external_id FROM {NAME}_mappings WHERE missing_since IS NOT NULL ORDER BY 1"
    assert [row["external_id"] for row in await house.rows(missing)] == ["u4", "u5"]

    house.sis.hold(Student("u5", "Kim5", None, "Marsh", local_id="005", school="s1", grade_level="7"))
    await house.sync()
    assert [row["external_id"] for row in await house.rows(missing)] == ["u4"]


async def test_a_list_that_may_be_partial_makes_nobody_missing(house):
    await house.sync()
    house.sis.remove(Entity.STUDENT, ["u5"])
    house.sis.partial = {Entity.STUDENT}

    status, counts = await house.sync()

    assert (status, counts[Entity.STUDENT].missing) == (RunStatus.WITH_WARNINGS, 0)
    assert await house.rows(f"SELECT 1 FROM {NAME}_mappings WHERE missing_since IS NOT NULL") == []


async def test_pieces_from_another_list_are_laid_over_their_records(house):
    house.sis.hold(
        Part(Entity.STUDENT, "u1", "demographics", {"birth_date": "2011-03-09"}),
        Part(Entity.STUDENT, "nobody", "demographics", {"birth_date": "2011-03-09"}),
        Part(Entity.SECTION, "x1", "0:p1", {"instructors": ("p1",)}),
        Part(Entity.SECTION, "x1", "1:p2", {"instructors": ("p2",)}),
    )

    status, counts = await house.sync()

    assert (status, counts[Entity.STUDENT].fetched) == (RunStatus.COMPLETED, 5)
    assert (await known(house, Entity.STUDENT, "u1")).birth_date == "2011-03-09"
    assert (await known(house, Entity.SECTION, "x1")).instructors == ("p1", "p2")
    _, counts = await house.sync()
    assert counts[Entity.SECTION].unchanged == 3


async def test_the_same_record_on_two_pages_counts_once_and_the_later_wins(house):
    house.sis.hold(Student("u1", "Kim", None, "Later"))

    status, counts = await house.sync()

    assert (status, counts[Entity.STUDENT].fetched) == (RunStatus.COMPLETED, 5)
    assert (await known(house, Entity.STUDENT, "u1")).last_name == "Later"


async def test_a_broken_fetch_goes_on_at_the_first_page_not_committed(house):
    house.sis.fail_at, house.sis.failure = (Entity.STUDENT, 3), ProviderError("gone")
    run_id = await house.enqueue()
    with pytest.raises(ProviderError):
        await house.go_on(await house.start(run_id))
    asked_before = list(house.sis.asked)
    house.sis.fail_at = None

    status = await house.go_on(await house.start(run_id))

    assert status is RunStatus.COMPLETED
    assert asked_before[-1] == (Entity.STUDENT, 0)
    assert house.sis.asked[len(asked_before)] == (Entity.STUDENT, 3)
    assert len(house.sis.asked) == len(set(house.sis.asked))


async def test_a_list_that_breaks_off_without_its_last_page_ends_the_run_and_not_the_list(house):
    await house.sync()
    house.sis.cut_off = {Entity.STUDENT}

    with pytest.raises(ProviderError, match="student list broke off") as caught:
        await house.sync()

    assert caught.value.code == "no_last_page"
    assert await house.rows(f"SELECT 1 FROM {NAME}_mappings WHERE missing_since IS NOT NULL") == []


async def test_an_overtaken_engine_writes_nothing_more(house):
    run_id = await house.enqueue()
    job = await house.start(run_id)
    house.now_ms += 61_000
    async with house.db.transaction() as c:
        assert await leases.take(c, f"credential:{NAME}", "two", ttl_s=60, now_ms=house.now_ms)

    with pytest.raises(LeaseLost):
        await house.go_on(job)

    assert await house.rows("SELECT 1 FROM staged") == []


async def test_both_sides_changing_a_field_asks_a_person_only_under_the_manual_strategy(house):
    await house.sync()
    await house.do("UPDATE students SET last_name = 'Local', version = version + 1 WHERE first_name = 'Kim1'")
    await house.do("UPDATE students SET last_name = 'Local', version = version + 1 WHERE first_name = 'Kim2'")
    for n in ("1", "2"):
        house.sis.replace(
            Student(f"u{n}", f"Kim{n}", None, "Sis", local_id=f"00{n}", school="s1", grade_level="8")
        )
    house.policies = {Entity.STUDENT: Policy(strategies={"last_name": Strategy.MANUAL})}

    status, counts = await house.sync()
    again, counts_again = await house.sync()

    assert (status, counts[Entity.STUDENT].conflict) == (RunStatus.WITH_ERRORS, 2)
    assert (again, counts_again[Entity.STUDENT].conflict) == (RunStatus.WITH_ERRORS, 2)
    found = await house.rows("SELECT external_id, base, sis, local FROM conflicts WHERE status = 'open'")
    assert [row["external_id"] for row in found] == ["u1", "u2"]
    assert '"last_name":"Local"' in found[0]["local"].replace(" ", "")
    assert (await known(house, Entity.STUDENT, "u1")).last_name == "Local"


async def test_a_conflict_that_the_sis_takes_back_no_longer_waits_for_a_person(house):
    await house.sync()
    kim = await known(house, Entity.STUDENT, "u1")
    await house.do("UPDATE students SET last_name = 'Local', version = version + 1 WHERE first_name = 'Kim1'")
    house.sis.replace(dataclasses.replace(kim, last_name="Sis"))
    house.policies = {Entity.STUDENT: Policy(strategies={"last_name": Strategy.MANUAL})}
    await house.sync()
    house.sis.replace(kim)

    status, _ = await house.sync()

    assert status is RunStatus.COMPLETED
    assert [row["status"] for row in await house.rows("SELECT status FROM conflicts")] == ["gone"]


async def test_a_local_change_survives_while_the_sis_says_nothing_new_of_that_field(house):
    await house.sync()
    await house.do(
        "UPDATE students SET email = 'kim@example.org', version = version + 1 WHERE first_name = 'Kim1'"
    )
    house.sis.replace(Student("u1", "Kim1", None, "Marsh", local_id="001", school="s1", grade_level="8"))

    _, counts = await house.sync()

    kim = await known(house, Entity.STUDENT, "u1")
    assert (counts[Entity.STUDENT].updated, kim.email, kim.grade_level) == (1, "kim@example.org", "8")


async def test_a_record_that_changed_here_after_the_plan_is_skipped_and_done_by_the_next_run(house):
    await house.sync()
    kim = await known(house, Entity.STUDENT, "u1")
    house.sis.replace(dataclasses.replace(kim, last_name="Sorel"))
    house.limits = GuardLimits(updated_share=0.0, at_least=0)
    run_id = await house.enqueue()
    assert await house.go_on(await house.start(run_id)) is RunStatus.HELD
    before = await house.rows("SELECT * FROM students")
    await house.do(
        "UPDATE students SET email = 'kim@example.org', version = version + 1 WHERE first_name = 'Kim1'"
    )
    await house.do(f"UPDATE runs SET status = 'queued', phase = 'apply' WHERE id = {run_id}")

    status = await house.go_on(await house.start(run_id))

    assert before[0]["last_name"] == "Marsh"
    assert status is RunStatus.WITH_WARNINGS
    assert (await known(house, Entity.STUDENT, "u1")).last_name == "Marsh"
    house.limits = GuardLimits(at_least=1_000)
    await house.sync()
    kim = await known(house, Entity.STUDENT, "u1")
    assert (kim.last_name, kim.email) == ("Sorel", "kim@example.org")


async def test_what_was_skipped_holds_the_watermark_back_so_that_the_next_increment_brings_it(house):
    house.sis.mark = "monday"
    await house.sync()
    house.sis.mark = "tuesday"
    house.sis.replace(dataclasses.replace(await known(house, Entity.STUDENT, "u1"), last_name="Sorel"))
    house.limits = GuardLimits(updated_share=0.0, at_least=0)
    run_id = await house.enqueue()
    assert await house.go_on(await house.start(run_id)) is RunStatus.HELD
    await house.do("UPDATE students SET version = version + 1 WHERE first_name = 'Kim1'")
    await house.ask(ApprovePlan(run_id, "agreed"))

    await house.go_on(await house.start(run_id))

    marks = await house.rows("SELECT entity, watermark FROM cursors WHERE entity IN ('school', 'student')")
    assert {row["entity"]: row["watermark"] for row in marks} == {"school": "tuesday", "student": "monday"}


async def test_too_much_is_held_and_nothing_is_written(house):
    await house.sync()
    before = await house.content()
    house.sis.remove(Entity.STUDENT, ["u1", "u2", "u3"])
    house.sis.hold(School("s3", "New School"))
    house.limits = GuardLimits(at_least=2)

    status, _ = await house.sync()

    assert status is RunStatus.HELD
    assert await house.content() == before
    (event,) = await house.rows("SELECT text FROM events WHERE kind = 'run held'")
    assert event["text"].startswith("3 of 5 student records are missing at the source")
    (held,) = await house.rows("SELECT error_code, error FROM runs WHERE status = 'held'")
    assert (held["error_code"], held["error"]) == ("too_much", event["text"])


async def test_the_plan_is_gone_when_the_run_is_over(house):
    await house.sync()

    assert await house.rows("SELECT 1 FROM staged") == []


async def test_every_batch_leaves_its_row_in_the_audit(house):
    await house.sync()

    rows = await house.rows("SELECT actor, action, target FROM audit WHERE action = 'apply'")
    assert {row["target"] for row in rows} == {f"{NAME}/{entity}" for entity in Entity}
    assert len([row for row in rows if row["target"] == f"{NAME}/student"]) == 3


async def test_an_approved_plan_is_applied_as_it_was_shown_without_asking_the_sis_again(house):
    await house.sync()
    house.sis.remove(Entity.STUDENT, ["u1", "u2", "u3"])
    house.sis.hold(School("s3", "New School"))
    house.limits = GuardLimits(at_least=2)
    run_id = await house.enqueue()
    assert await house.go_on(await house.start(run_id)) is RunStatus.HELD
    asked = len(house.sis.asked)
    house.sis.hold(School("s4", "Came After The Plan"))

    said = await house.ask(ApprovePlan(run_id, "the summer leavers, agreed with the registrar"))
    status = await house.go_on(await house.start(run_id))

    assert said.status is CommandStatus.DONE
    assert (status, len(house.sis.asked)) == (RunStatus.COMPLETED, asked)
    assert await known(house, Entity.SCHOOL, "s3") is not None
    assert await known(house, Entity.SCHOOL, "s4") is None


async def test_a_discarded_plan_changes_nothing_and_frees_the_lane(house):
    await house.sync()
    house.sis.remove(Entity.STUDENT, ["u1", "u2", "u3"])
    house.limits = GuardLimits(at_least=2)
    run_id = await house.enqueue()
    await house.go_on(await house.start(run_id))
    before = await house.content()
    refused = await house.ask(StartRun(NAME))

    said = await house.ask(DiscardPlan(run_id, "the source was cut off"))

    assert (refused.status, said.status) == (CommandStatus.REFUSED, CommandStatus.DONE)
    assert f"Run {run_id} of {NAME} is held" in refused.answer
    assert await house.content() == before
    assert (await house.ask(StartRun(NAME))).status is CommandStatus.DONE


async def test_a_decision_needs_a_held_run_and_a_reason(house):
    await house.sync()

    answers = [await house.ask(ApprovePlan(1, "why not")), await house.ask(DiscardPlan(99, "why not"))]

    assert [one.answer for one in answers] == [
        "Run 1 is not held but completed: there is nothing to decide.",
        "There is no run 99.",
    ]


async def test_a_run_whose_cursors_another_run_has_moved_starts_over(house):
    house.sis.fail_at, house.sis.failure = (Entity.STUDENT, 3), ProviderError("gone")
    run_id = await house.enqueue()
    with pytest.raises(ProviderError):
        await house.go_on(await house.start(run_id))
    house.sis.fail_at = None
    other = await house.enqueue()
    await house.go_on(await house.start(other))
    house.sis.asked.clear()

    status = await house.go_on(await house.start(run_id))

    assert status is RunStatus.COMPLETED
    assert house.sis.asked[0] == (Entity.SCHOOL, 0)


async def test_filling_in_what_had_to_be_left_out_is_not_too_much(house):
    schools = house.sis.lists.pop(Entity.SCHOOL)
    await house.sync()
    house.sis.lists[Entity.SCHOOL] = schools
    house.limits = GuardLimits(at_least=0)

    status, counts = await house.sync()

    assert (status, counts[Entity.STUDENT].updated) == (RunStatus.COMPLETED, 5)
    assert (await known(house, Entity.STUDENT, "u1")).school == "s1"


async def test_a_known_record_keeps_waiting_for_the_optional_reference_it_was_given(house):
    await house.sync()
    kim, group = await known(house, Entity.STUDENT, "u1"), await known(house, Entity.SECTION, "x1")
    house.sis.replace(dataclasses.replace(kim, school="s9"))
    house.sis.replace(dataclasses.replace(group, instructors=("p1", "p9")))
    house.sis.replace(dataclasses.replace(await known(house, Entity.SECTION, "x2"), instructors=("p9",)))

    status, counts = await house.sync()

    assert (status, counts[Entity.STUDENT].warnings) == (RunStatus.WITH_WARNINGS, 1)
    pending = f"SELECT external_id FROM {NAME}_mappings WHERE sync_status = 'pending' ORDER BY 1"
    assert [row["external_id"] for row in await house.rows(pending)] == ["u1", "x1", "x2"]
    before = await house.content()

    status, counts = await house.sync()
    assert (status, counts[Entity.STUDENT].unchanged) == (RunStatus.COMPLETED, 5)
    assert await house.content() == before

    house.sis.hold(School("s9", "Late School"))
    house.sis.hold(dataclasses.replace(await known(house, Entity.STAFF, "p1"), external_id="p9"))
    await house.sync()
    assert (await known(house, Entity.STUDENT, "u1")).school == "s9"
    assert (await known(house, Entity.SECTION, "x1")).instructors == ("p1", "p9")
    assert await house.rows(pending) == []

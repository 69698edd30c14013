"""One person under two ids is asked about, merged or kept apart by a person, and never asked about again."""

from __future__ import annotations

import dataclasses

import pytest

from siscon.domain.commands import ApprovePlan, CommandStatus, SplitRecord
from siscon.domain.guards import GuardLimits
from siscon.domain.records import Enrollment, Entity, Section, Staff, Student
from siscon.domain.runs import RunStatus
from support.deciding import decide, open_ones, put_back, quiet, roster, student, teachers
from support.fake_sis import rejected, small_district
from support.house import NAME, test_house

ADA = Student(
    "u1", "Ada", None, "Quill", birth_date="2010-05-06", state_id="777", email="a@x.org", school="s1"
)
TWIN = dataclasses.replace(ADA, external_id="u9")


@pytest.fixture
async def house(tmp_path):
    sis = small_district()
    sis.replace(ADA)
    async with test_house(tmp_path, sis) as opened:
        await opened.sync()
        yield opened


async def active(house, entity):
    rows = await house.rows(
        f"SELECT m.external_id FROM {NAME}_mappings m JOIN {entity}s r ON r.id = m.internal_id "
        f"WHERE m.entity_type = '{entity}' AND r.status = 'active' ORDER BY m.external_id"
    )
    return [row["external_id"] for row in rows]


async def enrolled(house):
    """Enrollment -> (section, student, status), by external ids."""
    rows = await house.rows(
        f"SELECT m.external_id AS e, x.external_id AS section, s.external_id AS student, r.status FROM enrollments r "
        f"JOIN {NAME}_mappings m ON m.internal_id = r.id JOIN {NAME}_mappings x ON x.internal_id = r.section "
        f"LEFT JOIN {NAME}_mappings s ON s.internal_id = r.student ORDER BY 1"
    )
    return {row["e"]: (row["section"], row["student"], row["status"]) for row in rows}


@pytest.mark.parametrize(
    ("newcomer", "why"),
    [
        (
            TWIN,
            "the same state id, the same e-mail, the same names and birth date",
        ),
        (Student("u9", "Else", None, "Where", state_id=" 777"), "the same state id"),
        (Student("u9", "Else", None, "Where", email="A@X.ORG"), "the same e-mail"),
        (Student("u9", "ÁDA", None, "qui-ll", birth_date="2010-05-06"), "the same names and birth date"),
        (Student("U1", "Else", None, "Where"), "ids that differ only in how they are written"),
        (Student("u1 ", "Else", None, "Where"), "ids that differ only in how they are written"),
        (Student("u\u200b1", "Else", None, "Where"), "ids that differ only in how they are written"),
    ],
)
async def test_a_newcomer_who_is_possibly_here_comes_in_and_is_asked_about_once(house, newcomer, why):
    house.sis.hold(newcomer)

    status, counts = await house.sync()

    assert status is RunStatus.WITH_WARNINGS
    assert (counts[Entity.STUDENT].created, counts[Entity.STUDENT].conflict) == (1, 0)
    (one,) = await open_ones(house)
    assert (one.kind, one.external_id, one.other_external_id) == ("duplicate", newcomer.external_id, "u1")
    assert one.why == why
    assert (one.sis["last_name"], one.local["last_name"]) == (newcomer.last_name, "Quill")
    await quiet(house)
    assert [it.id for it in await open_ones(house)] == [one.id]


@pytest.mark.parametrize(
    "newcomer",
    [
        Student("u9", "Ada", None, "Quill"),
        Student("u9", "Ada", None, "Quill", birth_date="2011-05-06"),
        Student("u9", "Ben", None, "Quill", birth_date="2012-05-06", email="a@x.org"),
        Student("u10", "Ben", None, "Else"),
    ],
)
async def test_namesakes_and_brothers_and_sisters_are_nobody_s_question(house, newcomer):
    house.sis.hold(newcomer)

    assert (await house.sync())[0] is RunStatus.COMPLETED
    assert await open_ones(house) == []


async def test_composed_and_decomposed_ids_are_twins_and_both_are_kept(house):
    house.sis.hold(Student("Ren\u00e9", "One", None, "First"))
    await house.sync()
    house.sis.hold(Student("Rene\u0301", "Two", None, "Second"))

    await house.sync()

    (one,) = await open_ones(house)
    assert one.why == "ids that differ only in how they are written"
    assert len(await active(house, "student")) == 7


async def test_two_new_ones_of_the_same_run_are_asked_about(house):
    house.sis.hold(
        Student("a", "Ida", None, "Reed", state_id="5"), Student("b", "Ida", None, "Reed", state_id="5")
    )

    await house.sync()

    (one,) = await open_ones(house)
    assert (one.external_id, one.other_external_id) == ("b", "a")


async def test_an_address_that_many_share_tells_nothing(house):
    house.sis.hold(*(Student(f"a{n}", f"N{n}", None, "Reed", email="office@x.org") for n in range(9)))

    await house.sync()

    assert await open_ones(house) == []


async def test_merged_the_second_id_leads_to_the_first_and_what_was_its_own_is_moved(house):
    house.sis.hold(
        TWIN, Enrollment("e8", "x3", "u9", "2026-08-17"), Enrollment("e9", "x1", "u9", "2026-08-17")
    )
    await house.sync()
    ada = await student(house)

    row = await decide(house, "merge")

    assert row.status is CommandStatus.DONE, row.answer
    assert "u9 is merged into u1" in row.answer
    assert await active(house, "student") == ["u1", "u2", "u3", "u4", "u5"]
    found = await enrolled(house)
    assert found["e8"] == ("x3", "u1", "active")
    assert found["e9"] == ("x1", "u1", "inactive"), "the survivor is in that section already"
    history = await house.rows(f"SELECT kind, after FROM changes WHERE internal_id = {ada.internal_id}")
    assert history[-1] == {"kind": "merged", "after": '{"alias":"u9"}'}
    for _ in range(3):
        status, counts = await house.sync()
        assert status is RunStatus.COMPLETED
        assert (counts[Entity.STUDENT].unchanged, counts[Entity.STUDENT].skipped) == (5, 1)
        assert counts[Entity.ENROLLMENT].unchanged == 8
    await quiet(house)
    house.sis.hold(Enrollment("e10", "x2", "u9", "2026-08-17"))
    house.sis.replace(dataclasses.replace(TWIN, first_name="Nobody"))
    _, counts = await house.sync()
    assert (counts[Entity.ENROLLMENT].created, counts[Entity.STUDENT].skipped) == (1, 1)
    assert (await enrolled(house))["e10"] == ("x2", "u1", "active")
    assert (await student(house)).record.first_name == "Ada"
    await quiet(house)


async def test_the_newcomer_may_survive(house):
    house.sis.hold(TWIN)
    await house.sync()

    row = await decide(house, "merge", survivor="u9")

    assert row.status is CommandStatus.DONE, row.answer
    assert await active(house, "student") == ["u2", "u3", "u4", "u5", "u9"]
    assert (await enrolled(house))["e6"] == ("x2", "u9", "active")
    await house.sync()
    await quiet(house)


async def test_an_alias_stands_for_a_survivor_that_comes_no_more(house):
    house.sis.hold(TWIN)
    await house.sync()
    await decide(house, "merge")
    house.sis.remove(Entity.STUDENT, ["u1"])
    house.sis.replace(dataclasses.replace(TWIN, grade_level="9"))

    for _ in range(3):
        _, counts = await house.sync()
        assert (counts[Entity.STUDENT].missing, counts[Entity.STUDENT].withdrawn) == (0, 0)

    assert (await student(house)).record.grade_level == "9"
    await quiet(house)


async def test_an_alias_that_comes_alone_in_a_part_of_the_list_says_nothing_of_its_survivor(house):
    house.sis.hold(TWIN)
    await house.sync()
    await decide(house, "merge")
    house.sis.partial = {Entity.STUDENT}
    house.sis.remove(Entity.STUDENT, ["u1"])
    house.sis.replace(dataclasses.replace(TWIN, grade_level="9"))

    _, counts = await house.sync()

    assert counts[Entity.STUDENT].skipped == 1
    assert (await student(house)).record.grade_level is None


async def test_an_alias_that_cannot_be_read_is_no_record_in_error_beside_its_survivor(house):
    house.sis.hold(TWIN)
    await house.sync()
    await decide(house, "merge")
    house.sis.remove(Entity.STUDENT, ["u9"])
    house.sis.hold(rejected("u9"), entity=Entity.STUDENT)

    for _ in range(2):
        _, counts = await house.sync()
        assert (counts[Entity.STUDENT].skipped, counts[Entity.STUDENT].failed) == (1, 0)
        assert counts[Entity.STUDENT].reconciles
        assert await house.rows("SELECT 1 FROM dead_records WHERE status = 'open'") == []


async def test_chains_of_aliases_collapse(house):
    house.sis.hold(TWIN)
    await house.sync()
    await decide(house, "merge", survivor="u9")
    house.sis.hold(dataclasses.replace(TWIN, external_id="u10"))
    await house.sync()

    await decide(house, "merge", survivor="u10")

    aliases = await house.rows("SELECT external_id, survivor FROM aliases ORDER BY external_id")
    assert [(row["external_id"], row["survivor"]) for row in aliases] == [("u1", "u10"), ("u9", "u10")]
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].skipped == 2
    assert (await enrolled(house))["e6"] == ("x2", "u10", "active")
    await quiet(house)


async def test_teachers_are_merged_in_their_sections(house):
    house.sis.replace(Staff("p1", "Rhea", "Okafor", email="r@x.org", schools=("s1", "s2")))
    await house.sync()
    house.sis.hold(Staff("p9", "Rhea", "Okafor-Lind", email="r@x.org", schools=("s1",)))
    house.sis.hold(Section("x9", "New", "9", None, "c1", "s1", ("t1",), ("p9", "p2")))
    house.sis.replace(Section("x3", "Group 3", "3", None, "c1", "s1", ("t1",), ("p1", "p9")))
    await house.sync()
    before = await roster(house)

    row = await decide(house, "merge")

    assert row.status is CommandStatus.DONE, row.answer
    assert await teachers(house) == {"x1": ["p1"], "x2": ["p2"], "x3": ["p1"], "x9": ["p1", "p2"]}
    await quiet(house)
    await put_back(house, row.run_id)
    assert await roster(house) == before
    await house.sync()
    await quiet(house)


async def test_a_merge_is_taken_back_and_taken_back_again(house):
    house.sis.hold(
        TWIN, Enrollment("e8", "x3", "u9", "2026-08-17"), Enrollment("e9", "x1", "u9", "2026-08-17")
    )
    await house.sync()
    before = await roster(house)
    row = await decide(house, "merge")
    merged = await roster(house)
    await house.sync()

    status, undone = await put_back(house, row.run_id)

    assert status is RunStatus.COMPLETED
    assert await roster(house) == before
    (one,) = await open_ones(house)
    assert one.kind == "duplicate"
    await house.sync()
    await quiet(house)
    assert await roster(house) == before

    status, _ = await put_back(house, undone)
    assert status is RunStatus.COMPLETED
    again = await roster(house)
    moment = {"made_at_ms"}
    assert {t: _without(rows, moment) for t, rows in again.items()} == {
        t: _without(rows, moment) for t, rows in merged.items()
    }
    await house.sync()
    await quiet(house)


def _without(rows, names):
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


async def test_kept_apart_they_are_never_asked_about_again(house):
    house.sis.hold(TWIN)
    await house.sync()
    creation = (await house.rows("SELECT max(id) AS id FROM runs"))[0]["id"]

    row = await decide(house, "apart")

    assert row.status is CommandStatus.DONE, row.answer
    await quiet(house)
    assert await open_ones(house) == []
    told = await house.rows(f"SELECT external_id, kind, after FROM changes WHERE run_id = {row.run_id}")
    assert [tuple(one.values()) for one in told] == [
        ("u9", "settled", '{"apart_from":"u1"}'),
        ("u1", "settled", '{"apart_from":"u9"}'),
    ]
    await put_back(house, creation)
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].created == 1, "the newcomer comes in anew"
    assert await open_ones(house) == []


async def test_keeping_apart_is_taken_back_and_decided_otherwise(house):
    house.sis.hold(TWIN)
    await house.sync()
    row = await decide(house, "apart")

    assert (await put_back(house, row.run_id))[0] is RunStatus.COMPLETED

    row = await decide(house, "merge")
    assert row.status is CommandStatus.DONE, row.answer
    await house.sync()
    await quiet(house)


async def test_undoing_the_run_that_brought_the_newcomer_answers_the_question(house):
    house.sis.hold(TWIN)
    await house.sync()
    creation = (await house.rows("SELECT max(id) AS id FROM runs"))[0]["id"]

    await put_back(house, creation)

    assert await open_ones(house) == []
    assert len(await active(house, "student")) == 5


async def test_what_changed_since_is_shown_anew_before_it_is_decided(house):
    house.sis.hold(TWIN)
    await house.sync()
    await house.do("UPDATE students SET grade_level = '3' WHERE first_name = 'Ada'")

    row = await decide(house, "merge")

    assert row.status is CommandStatus.REFUSED
    assert "the next sync shows it as it stands now" in row.answer
    await house.sync()
    row = await decide(house, "merge")
    assert row.status is CommandStatus.DONE


async def test_who_has_nothing_in_common_any_more_is_no_question(house):
    house.sis.hold(Student("u9", "Else", None, "Where", state_id="777"))
    await house.sync()
    house.sis.replace(Student("u9", "Else", None, "Where", state_id="778"))
    house.limits = GuardLimits(at_least=1_000)
    await house.do("UPDATE students SET state_id = NULL WHERE first_name = 'Else'")

    await house.sync()

    assert await open_ones(house) == []


async def test_split_off_an_alias_has_a_record_of_its_own_again(house):
    house.sis.hold(TWIN, Enrollment("e8", "x3", "u9", "2026-08-17"))
    await house.sync()
    await decide(house, "merge")
    await house.sync()

    row = await house.ask(SplitRecord(NAME, "student", "u9", "two people after all"))

    assert row.status is CommandStatus.DONE, row.answer
    assert f"siscon undo {row.run_id}" in row.answer
    _, undone = await put_back(house, row.run_id)
    assert await house.rows("SELECT survivor FROM aliases") == [{"survivor": "u1"}]
    await quiet(house)
    await put_back(house, undone)
    assert await house.rows("SELECT survivor FROM aliases") == []
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].created == 1
    assert (await enrolled(house))["e8"] == ("x3", "u9", "active")
    assert (await enrolled(house))["e6"] == ("x2", "u1", "active")
    await quiet(house)
    again = await house.ask(SplitRecord(NAME, "student", "u9", "again"))
    assert (again.status, "is no alias" in again.answer) == (CommandStatus.REFUSED, True)


async def test_pairs_that_a_remap_would_tie_are_no_duplicates(house):
    house.limits = GuardLimits(at_least=2, updated_share=1.0)
    for n in range(2, 6):
        one = Student(
            f"u{n}", f"Kim{n}", None, "Marsh", state_id=f"S{n}", birth_date="2012-01-01", school="s1"
        )
        house.sis.replace(one)
    await house.sync()
    house.sis.lists[Entity.STUDENT] = [
        dataclasses.replace(one, external_id="n" + one.external_id) for one in house.sis.lists[Entity.STUDENT]
    ]
    house.entities = (Entity.STUDENT,)

    status, _ = await house.sync()

    assert status is RunStatus.HELD
    assert await open_ones(house) == []
    (run,) = await house.rows("SELECT id FROM runs WHERE status = 'held'")
    row = await house.ask(ApprovePlan(run["id"], "they are all new"))
    assert row.status is CommandStatus.DONE, row.answer
    await house.carry_on(run["id"])
    assert await open_ones(house) == []

"""Marks and what is done to many at once: over the real console, the real engine and a database on disk."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import ApprovePlan, CancelRun, FetchRecords, RetryDead, SettleConflicts, StartRun
from siscon.domain.records import Entity, Student
from siscon.domain.roles import Role
from siscon.providers.contract import Rejected
from siscon.store import commands, conflicts, dead_records
from siscon.store.sqlite import open_database
from siscon.tui.looks import Looks
from support.clock import until as until_true
from support.consoles import console, press, text_of, toasts, until
from support.fake_sis import small_district
from support.shift import Shift, open_shift, shows, told, types

BAD = "The birth date '31/02/2011' is no date; expected YYYY-MM-DD."
CTRL_SPACE = "ctrl+@"
"""What a terminal sends for it."""


def broken(external_id: str) -> Rejected:
    return Rejected(external_id, "bad_date", BAD, "birth_date", json.dumps({"id": external_id}))


@pytest.fixture
async def shift(tmp_path: Path) -> AsyncIterator[Shift]:
    sis = small_district()
    sis.hold(*(broken(f"b{n}") for n in range(4)), entity=Entity.STUDENT)
    async with open_shift(tmp_path, sis, conflicts={"default": "manual"}) as opened:
        yield opened


def mend_all(shift: Shift) -> None:
    listed = shift.sis.lists[Entity.STUDENT]
    shift.sis.lists[Entity.STUDENT] = [
        Student(one.external_id, "Ines", None, "Reed", school="s1", grade_level="7")
        if isinstance(one, Rejected)
        else one
        for one in listed
    ]


async def in_error(shift: Shift) -> list[str]:
    async with shift.db.read() as c:
        return sorted(str(one.external_id) for one in await dead_records.list_open(c))


async def left(path: Path) -> list[object]:
    db = await open_database(path)
    try:
        async with db.read() as c:
            return [row.command for row in await commands.pending(c)]
    finally:
        await db.close()


async def are_left(path: Path, *kinds: type) -> None:
    """Wait until exactly such commands lie in the inbox."""

    async def is_so() -> bool:
        return [type(one) for one in await left(path)] == [*kinds]

    await until_true(is_so)


def signs(app: object) -> list[str]:
    """The first cell of each line of the list that is marked."""
    return [line[1:5].strip() for line in text_of(app).split("\n") if line[:1] in "▌+"]  # type: ignore[arg-type] # a console


async def test_space_marks_and_goes_down_and_the_marked_alone_are_tried_again(shift: Shift) -> None:
    mend_all(shift)
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "space", "down", "space")
        assert signs(pilot.app) == ["b0", "b2"]
        await shows(pilot, "2 marked")
        await press(pilot, "R")
        for words in ("Try 2 records of harbor again?", "student: bad date", "For example b0, b2."):
            await shows(pilot, words)
        await press(pilot, "y")
        await told(pilot, "tries 2 records again")
        await shift.newest_run()
        await until(pilot, lambda: signs(pilot.app) == [])
        assert "marked" not in text_of(pilot.app)
    assert await in_error(shift) == ["b1", "b3"]


async def test_ctrl_space_marks_from_the_last_mark_and_ctrl_backslash_lets_go(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "down", "space", "down", CTRL_SPACE)
        assert signs(pilot.app) == ["b1", "b2", "b3"]
        await press(pilot, "up", "space")
        assert signs(pilot.app) == ["b1", "b3"]
        await press(pilot, "ctrl+backslash")
        assert signs(pilot.app) == []
        assert "marked" not in text_of(pilot.app)


@pytest.mark.long
async def test_all_but_one_are_given_up_after_their_number_was_typed(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "asterisk")
        await shows(pilot, "all 4 marked")
        await press(pilot, "space")
        await shows(pilot, "3 marked")
        await press(pilot, "D")
        await shows(pilot, "Give up 3 records of harbor?")
        await shows(pilot, "To go on, 3 has to be typed.")
        await press(pilot, "y")
        await types(pilot, "6")
        await told(pilot, "Nothing was asked: 3 had to be typed.")
        await press(pilot, "D", "y")
        await types(pilot, "3")
        await types(pilot, "a test school")
        await told(pilot, "3 records were given up")
        await shows(pilot, "1 record")
    assert await in_error(shift) == ["b0"]


async def test_escape_lets_marks_go_before_it_goes_back(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "space", "escape")
        assert signs(pilot.app) == []
        assert pilot.app.screen.name_ == "dead"
        await press(pilot, "escape")
        assert pilot.app.screen.name_ == "errors"


@pytest.mark.long
async def test_a_marked_row_that_is_gone_drops_out_and_the_others_keep_their_marks(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "space", "space", "space")
        listed = shift.sis.lists[Entity.STUDENT]
        shift.sis.lists[Entity.STUDENT] = [
            Student("b1", "Ines", None, "Reed", school="s1", grade_level="7")
            if one.external_id == "b1"
            else one
            for one in listed
        ]
        await shift.sync()
        await shows(pilot, "2 marked")
        assert signs(pilot.app) == ["b0", "b2"]


async def test_a_set_that_changed_since_it_was_counted_is_refused_with_both_numbers(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "asterisk", "R")
        await shows(pilot, "Try 4 records of harbor again?")
        mend_all(shift)
        shift.sis.hold(broken("b9"), entity=Entity.STUDENT)
        await shift.sync()
        await press(pilot, "y")
        await told(pilot, "0 records are meant now, 4 were shown: look again.")


async def test_marked_records_are_fetched_again_by_one_run(shift: Shift) -> None:
    for one in shift.sis.lists[Entity.STUDENT]:
        if isinstance(one, Student):
            shift.sis.replace(dataclasses.replace(one, grade_level="12"))
    async with shift.console() as pilot:
        await press(pilot, "6", "t", "t", "t", "t")
        await shows(pilot, "student")
        await press(pilot, "end", "space", "up", "space", "F")
        await shows(pilot, "Fetch 2 records now?")
        await press(pilot, "y")
        await told(pilot, "fetches 2 student records of harbor")
        await shift.newest_run()
    rows = await shift.rows("SELECT count(*) AS n FROM students WHERE grade_level = '12'")
    assert rows[0]["n"] == 2


@pytest.mark.long
async def test_marked_conflicts_are_decided_for_one_side_and_z_offers_to_undo(shift: Shift) -> None:
    for one in shift.sis.lists[Entity.STUDENT][:3]:
        shift.sis.replace(dataclasses.replace(one, last_name="Theirs"))
    async with shift.db.transaction() as c:
        await c.run("UPDATE students SET last_name = 'Ours'")
    await shift.sync()
    async with shift.db.read() as c:
        open_before = await conflicts.count_open(c)
    async with shift.console() as pilot:
        await press(pilot, "5", "space", "space", "M")
        await shows(pilot, "Decide 2 conflicts?")
        await shows(pilot, "harbor: 2 conflicts")
        await press(pilot, "s")
        await types(pilot, "the office says so")
        await told(pilot, "decides 2 conflicts of harbor")
        run = await shift.newest_run()
        await press(pilot, "z")
        await shows(pilot, f"Put back what run #{run.id} of harbor did?")
        await press(pilot, "n")
    async with shift.db.read() as c:
        assert await conflicts.count_open(c) == open_before - 2
    rows = await shift.rows("SELECT count(*) AS n FROM students WHERE last_name = 'Theirs'")
    assert rows[0]["n"] == 2


async def test_what_concerns_many_lies_five_seconds_and_z_takes_it_back(shift: Shift) -> None:
    async with shift.console(grace_ms=60_000) as pilot:
        await press(pilot, "4", "R")
        await shows(pilot, "It begins 60 s later; until then z takes it back.")
        await press(pilot, "y")
        await shows(pilot, "s, z takes it back")
        assert await shift.rows("SELECT status FROM commands WHERE kind = 'retry_dead'") == [
            {"status": "pending"}
        ]
        await press(pilot, "z")
        await told(pilot, "Taken back: 1 request; nothing of it was done.")
        assert "z takes it back" not in text_of(pilot.app)
        await press(pilot, "z")
        await told(pilot, "Nothing was asked in the last five seconds.")
    assert await in_error(shift) == [f"b{n}" for n in range(4)]

    async def audited() -> bool:
        return bool(await shift.rows("SELECT 1 FROM audit WHERE action = 'take_back'"))

    await until_true(audited)
    assert (await shift.rows("SELECT status FROM commands WHERE kind = 'retry_dead'")) == [
        {"status": "taken_back"}
    ]


async def test_what_lies_is_carried_out_when_its_time_is_over_and_then_told(shift: Shift) -> None:
    mend_all(shift)
    async with shift.console(grace_ms=300) as pilot:
        await press(pilot, "4", "R", "y")
        await told(pilot, "tries 4 records again")
        await shift.newest_run()
        await shows(pilot, "No errors.")
    assert await in_error(shift) == []


async def test_one_record_does_not_lie(shift: Shift) -> None:
    async with shift.console(grace_ms=60_000) as pilot:
        await press(pilot, "4", "enter", "R", "y")
        await told(pilot, "tries 1 record again")


async def test_causes_of_several_integrations_are_one_question_with_a_count_for_each(filled) -> None:
    path = await filled(engine=False)
    async with console(path, grace_ms=5_000) as pilot:
        await press(pilot, "4", "asterisk", "R")
        await shows(pilot, "Try 450 records of 2 integrations again?")
        await shows(pilot, "harbor, 449: 412 enrollment: unknown parent, field section;")
        await shows(pilot, "northfield, 1:")
        await press(pilot, "y")
        await shows(pilot, "s, z takes it back")
    asked = [one for one in await left(path) if isinstance(one, RetryDead)]
    assert [(one.integration, one.where, one.expected) for one in asked] == [
        ("harbor", {"entity": "enrollment", "code": "unknown_parent", "field": "section"}, 412),
        ("harbor", {"entity": "student", "code": "bad_date", "field": "birth_date"}, 37),
        ("northfield", {"entity": "student", "code": "no_id", "field": ""}, 1),
    ]
    assert all(one.up_to for one in asked), "what fails meanwhile is not meant"


async def test_more_than_a_hundred_that_cannot_be_taken_back_want_their_number(filled) -> None:
    path = await filled(engine=False)
    async with console(path) as pilot:
        await press(pilot, "4", "R")
        await shows(pilot, "To go on, 412 has to be typed.")
        await press(pilot, "y")
        await types(pilot, "412")
        await are_left(path, RetryDead)


async def test_conflicts_of_two_integrations_become_a_command_for_each(filled) -> None:
    path = await filled(engine=False)
    async with console(path, grace_ms=5_000) as pilot:
        await press(pilot, "5", "asterisk", "M")
        await shows(pilot, "Decide 23 conflicts?")
        await press(pilot, "l")
        await types(pilot, "the roster is right")
        await shows(pilot, "s, z takes it back")
    told_ = await left(path)
    assert [(one.integration, one.take, one.expected, one.ids) for one in told_] == [  # type: ignore[attr-defined] # settles
        ("harbor", "local", 11, ()),
        ("northfield", "local", 12, ()),
    ]
    assert all(isinstance(one, SettleConflicts) and one.reason == "the roster is right" for one in told_)


async def test_several_integrations_are_synced_and_several_runs_cancelled(filled) -> None:
    path = await filled(engine=False)
    async with console(path, grace_ms=5_000) as pilot:
        await press(pilot, "space", "space", "S")
        await shows(pilot, "Sync 2 integrations now?")
        await press(pilot, "y", "3", "tab", "asterisk", "X")
        await shows(pilot, "Cancel 2 runs?")
        await press(pilot, "y")
        await shows(pilot, "s, z takes it back")
    kinds = [type(one) for one in await left(path)]
    assert kinds == [StartRun, StartRun, CancelRun, CancelRun]


@pytest.mark.long
async def test_too_many_rows_to_fetch_are_refused_with_a_way_out(filled) -> None:
    path = await filled(mapped=1_005)
    async with console(path) as pilot:
        await press(pilot, "6", "asterisk")
        await shows(pilot, "all 1,008 marked")
        await press(pilot, "F")
        await told(pilot, "More than 1,000 rows are marked")
        await press(pilot, "ctrl+backslash", "space", CTRL_SPACE, "F", "y")
        await are_left(path, FetchRecords)


@pytest.mark.long
async def test_all_that_a_filter_shows_is_not_all_there_is(shift: Shift) -> None:
    mend_all(shift)
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "slash")
        await types(pilot, "id=b1")
        await press(pilot, "asterisk", "R")
        await shows(pilot, "Try 1 record of harbor again?")
        await shows(pilot, "For example b1.")
        await press(pilot, "y")
        await told(pilot, "tries 1 record again")
        await shift.newest_run()
    assert await in_error(shift) == ["b0", "b2", "b3"]


@pytest.mark.long
async def test_thousands_that_a_filter_shows_are_tried_again_by_the_filter_itself_but_for_one(
    tmp_path: Path,
) -> None:
    sis = small_district()
    sis.hold(*(broken(f"okonkwo-{n:04}") for n in range(2_500)), entity=Entity.STUDENT)
    sis.hold(*(broken(f"reed-{n}") for n in range(5)), entity=Entity.STUDENT)
    async with open_shift(tmp_path, sis) as shift:
        mend_all(shift)
        async with shift.console() as pilot:
            await press(pilot, "4", "enter", "slash")
            await types(pilot, "id=okonkwo-* age<2d")
            await press(pilot, "asterisk", "space", "R")
            await shows(pilot, "Try 2,499 records of harbor again?")
            await shows(pilot, "All that the filter shows: id=okonkwo-* age<2d")
            await press(pilot, "y")
            await types(pilot, "2,499")
            await told(pilot, "tries 2499 records again")
            held = await shift.newest_run()  # so many newcomers at once want a person's word
            await shift.sync(ApprovePlan(held.id, "they are new"))
        assert await in_error(shift) == ["okonkwo-0000", *(f"reed-{n}" for n in range(5))]
        (left_,) = await shift.rows("SELECT body FROM commands WHERE kind = 'retry_dead'")
        asked = json.loads(left_["body"])
        assert (asked["where"]["filter"], asked["ids"], len(asked["but"])) == ("id=okonkwo-* age<2d", [], 1)
        told_of = await shift.rows(
            "SELECT detail AS words FROM audit UNION ALL SELECT answer FROM commands UNION ALL SELECT text FROM events"
        )
        assert not [one for one in told_of if "okonkwo-*" in (one["words"] or "")]


async def test_all_that_a_filter_showed_are_given_up_and_no_newcomer(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "slash")
        await types(pilot, "!id=b0")
        await press(pilot, "asterisk", "D")
        await shows(pilot, "Give up 3 records of harbor?")
        shift.sis.hold(broken("b9"), entity=Entity.STUDENT)
        await shift.sync()
        await press(pilot, "y")
        await types(pilot, "3")
        await types(pilot, "a test school")
        await told(pilot, "3 records were given up")
    assert await in_error(shift) == ["b0", "b9"]


async def test_conflicts_that_a_filter_shows_are_decided_and_no_others(shift: Shift) -> None:
    for one in shift.sis.lists[Entity.STUDENT][:3]:
        shift.sis.replace(dataclasses.replace(one, last_name="Theirs"))
    async with shift.db.transaction() as c:
        await c.run("UPDATE students SET last_name = 'Ours'")
    await shift.sync()
    async with shift.db.read() as c:
        known = [one.external_id for one in await conflicts.list_open(c)]
    async with shift.console() as pilot:
        await press(pilot, "5", "slash")
        await types(pilot, f"!id={known[0]} fields=last_name")
        await press(pilot, "asterisk", "M")
        await shows(pilot, f"Decide {len(known) - 1} conflicts?")
        await press(pilot, "l")
        await types(pilot, "the roster is right")
        await told(pilot, f"decides {len(known) - 1} conflicts of harbor")
        await shift.newest_run()
    async with shift.db.read() as c:
        assert [one.external_id for one in await conflicts.list_open(c)] == known[:1]


async def test_another_filter_hides_no_mark_but_another_order_keeps_them(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "asterisk", "o")
        await shows(pilot, "all 4 marked")
        await press(pilot, "slash")
        await types(pilot, "id=b1")
        assert "marked" not in text_of(pilot.app)
        await press(pilot, "space")
        await shows(pilot, "all 1 marked")
        await press(pilot, "slash")
        await types(pilot, "id=b2")
        assert "marked" not in text_of(pilot.app)


async def test_marks_end_with_the_integration_whose_rows_they_were(filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6", "space", "space")
        await shows(pilot, "2 marked")
        await press(pilot, "i")
        assert "marked" not in text_of(pilot.app)


@pytest.mark.long
@pytest.mark.parametrize("profile", ["", "district-9"])
async def test_on_a_production_profile_what_cannot_be_undone_wants_its_name(filled, profile: str) -> None:
    path = await filled(engine=False)
    word = profile or "production"
    async with console(path, production=True, profile=profile) as pilot:
        assert f"{profile} PRODUCTION".strip() in text_of(pilot.app).split("\n")[0]
        await press(pilot, "7", "D")
        await shows(pilot, f"To go on, {word} has to be typed.")
        await press(pilot, "y")
        await types(pilot, "yes")
        await told(pilot, f"{word} had to be typed")
    assert await left(path) == []


@pytest.mark.parametrize(("role", "shown"), [(Role.VIEWER, True), (Role.OPERATOR, True), (Role.ADMIN, False)])
async def test_the_role_is_shown_where_it_is_not_everything(filled, role: Role, shown: bool) -> None:
    async with console(await filled(), role=role) as pilot:
        assert (f" {role.name.lower()} " in text_of(pilot.app).split("\n")[0]) is shown


async def test_marks_have_a_sign_in_ascii_too(filled) -> None:
    async with console(await filled(), looks=Looks(glyphs="ascii")) as pilot:
        await press(pilot, "4", "space")
        assert any(line.startswith("+") for line in text_of(pilot.app).split("\n"))
        assert toasts(pilot.app) == []

"""Single records on the screen: found, read, edited, released, withdrawn, fetched anew, put back."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.records import Entity
from siscon.domain.roles import Role
from siscon.domain.runs import RunKind
from siscon.tui.screens.found import Found
from siscon.tui.screens.record import RecordPane
from siscon.tui.screens.run import RunPane
from support.consoles import press, text_of, toasts
from support.shift import Shift, open_shift, shows, told, types


@pytest.fixture
async def shift(tmp_path: Path) -> AsyncIterator[Shift]:
    async with open_shift(tmp_path) as opened:
        yield opened


async def open_student(pilot, text="u1"):
    await press(pilot, "f")
    await types(pilot, text)
    await press(pilot, "enter")
    assert isinstance(pilot.app.screen, RecordPane)


@pytest.mark.parametrize("text", ["u1", "Kim1", "Kim1 Marsh", "Marsh, nobody"])
async def test_a_record_is_found_by_an_id_or_a_name_from_any_screen(shift: Shift, text: str) -> None:
    async with shift.console() as pilot:
        await press(pilot, "3", "f")
        await types(pilot, text)
        assert isinstance(pilot.app.screen, Found)
        shown = text_of(pilot.app)
        assert ("Kim1 Marsh" in shown) is ("nobody" not in text)
        assert ("Nobody and nothing is called so." in shown) is ("nobody" in text)
        await press(pilot, "escape")
        assert pilot.app.screen.name_ == "runs"


@pytest.mark.long
async def test_the_internal_id_finds_it_too_and_a_second_search_stays_on_the_list(shift: Shift) -> None:
    row = await shift.student("u2")
    async with shift.console() as pilot:
        await press(pilot, "f")
        await types(pilot, "Kim1")
        await press(pilot, "f")
        await types(pilot, str(row["id"]))
        assert "Kim2 Marsh" in text_of(pilot.app)
        await press(pilot, "escape")
        assert pilot.app.screen.name_ == "overview"


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.long)], ids=str)
async def test_one_record_shows_both_sides_its_edits_and_its_history(shift: Shift, size) -> None:
    await shift.edit_here(grade_level="9")
    async with shift.console(size=size) as pilot:
        await open_student(pilot)
        shown = text_of(pilot.app)
        for words in ("Kim1 Marsh", "synced", "internal id", "1 field edited here", "grade_level", "EDITED"):
            assert words in shown
        assert "created" in shown
        assert {len(line) for line in shown.split("\n")} == {size[0]}
        await press(pilot, "tab")
        assert "by run #1 (import), asked for by ann(1000)" in text_of(pilot.app)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, RunPane)


async def put_cursor_on(pilot, name):
    table = pilot.app.screen.table("fields")
    table.point(table.rows.index_of(name))
    await pilot.pause()


async def test_a_field_is_edited_and_released_again(shift: Shift) -> None:
    async with shift.console() as pilot:
        await open_student(pilot)
        await put_cursor_on(pilot, "grade_level")
        await press(pilot, "E")
        await types(pilot, "8")
        await shows(pilot, "then 8")
        assert "now      7" in text_of(pilot.app)
        await press(pilot, "y")
        await types(pilot, "the clerk knows")
        await told(pilot, "Edited student u1: grade_level.")
        assert (await shift.student())["grade_level"] == "8"
        await shows(pilot, "1 field edited here")

        await press(pilot, "L")
        await shows(pilot, "grade_level: 8 → 7")
        await press(pilot, "y")
        await types(pilot, "it was wrong")
        await told(pilot, "given back to the SIS")
        assert (await shift.student())["grade_level"] == "7"


@pytest.mark.long
async def test_of_several_edits_one_alone_or_all_are_released(shift: Shift) -> None:
    await shift.edit_here(grade_level="9", last_name="Moss")
    async with shift.console() as pilot:
        await open_student(pilot)
        await put_cursor_on(pilot, "last_name")
        await press(pilot, "L")
        await shows(pilot, "Yes, last_name alone")
        await press(pilot, "y")
        await types(pilot, "typed wrong")
        await told(pilot, "given back to the SIS")
    row = await shift.student()
    assert (row["last_name"], row["grade_level"]) == ("Marsh", "9")


@pytest.mark.long
async def test_a_value_that_cannot_be_is_refused_with_the_whole_sentence(shift: Shift) -> None:
    async with shift.console() as pilot:
        await open_student(pilot)
        await put_cursor_on(pilot, "last_name")
        await press(pilot, "E")
        await types(pilot, "")
        await press(pilot, "y")
        await types(pilot, "why not")
        await told(pilot, "cannot be empty")
        (sentence,) = toasts(pilot.app)
        await shows(pilot, " ".join(sentence.split()[:4]))
    assert (await shift.student())["last_name"] == "Marsh"


async def test_nothing_is_asked_when_the_value_stays_as_it_is(shift: Shift) -> None:
    async with shift.console() as pilot:
        await open_student(pilot)
        await press(pilot, "E", "enter")
        assert isinstance(pilot.app.screen, RecordPane)
    assert await shift.rows("SELECT id FROM commands WHERE kind = 'edit_record'") == []


async def test_a_hidden_character_is_not_typed_over_unseen(shift: Shift) -> None:
    await shift.edit_here(first_name="Ki\u200bm")
    async with shift.console() as pilot:
        await open_student(pilot)
        await press(pilot, "E")
        assert pilot.app.screen.query_one("#find_text").value == ""


@pytest.mark.long
async def test_a_record_is_withdrawn_and_put_back_from_its_history(shift: Shift) -> None:
    async with shift.console() as pilot:
        await open_student(pilot)
        await press(pilot, "W")
        await shows(pilot, "Yes, withdraw this 1 record")
        await press(pilot, "y")
        await types(pilot, "left the school")
        await told(pilot, "withdrawn")
        assert (await shift.student())["status"] == "inactive"

        await shows(pilot, "2 changes in its history")
        await press(pilot, "tab", "home", "U")
        await shows(pilot, "To student u1: 1 change. In all: 1 change.")
        await press(pilot, "y")
        await types(pilot, "by mistake")
        await told(pilot, "puts back what run")
        run = await shift.newest_run()
        assert run.kind is RunKind.UNDO
        assert (await shift.student())["status"] == "active"


@pytest.mark.long
async def test_of_a_whole_import_one_record_alone_can_be_put_back(shift: Shift) -> None:
    for one in [*shift.sis.lists[Entity.STUDENT]]:
        shift.sis.replace(dataclasses.replace(one, grade_level="8"))
    await shift.sync()
    async with shift.console() as pilot:
        await open_student(pilot)
        await press(pilot, "tab", "home", "U")
        await shows(pilot, "Yes, 1 change of this record")
        await shows(pilot, "Yes, all 5 changes of the run")
        await press(pilot, "y")
        await types(pilot, "this one was right")
        await told(pilot, "puts back what run")
        await shift.newest_run()
    assert (await shift.student("u1"))["grade_level"] == "7"
    assert (await shift.student("u2"))["grade_level"] == "8"


async def test_a_record_is_fetched_anew_by_its_id(shift: Shift) -> None:
    kim = next(one for one in shift.sis.lists[Entity.STUDENT] if one.external_id == "u1")
    shift.sis.replace(dataclasses.replace(kim, grade_level="12"))
    async with shift.console() as pilot:
        await open_student(pilot)
        await press(pilot, "F")
        await shows(pilot, "Fetch student u1 from harbor now?")
        await press(pilot, "y")
        await told(pilot, "fetches student u1")
        await shift.newest_run()
    assert (await shift.student())["grade_level"] == "12"
    assert (Entity.STUDENT, "u1") in shift.sis.asked_single


async def test_keys_say_why_they_cannot_act(shift: Shift) -> None:
    async with shift.console() as pilot:
        await open_student(pilot)
        for key, words in (("U", "tab goes to the history"), ("L", "Nothing of this record was edited")):
            await press(pilot, key)
            assert words in toasts(pilot.app)[-1]
        await press(pilot, "tab", "E")
        assert "tab goes there" in toasts(pilot.app)[-1]


async def test_a_field_of_the_sis_is_not_edited_here(shift: Shift) -> None:
    async with shift.console(sis_owns=frozenset({"harbor.student.first_name"})) as pilot:
        await open_student(pilot)
        await press(pilot, "E")
        assert "first_name of a student is the SIS's own" in toasts(pilot.app)[-1]


async def test_an_operator_may_edit_but_not_withdraw(shift: Shift) -> None:
    async with shift.console(role=Role.OPERATOR) as pilot:
        await open_student(pilot)
        await press(pilot, "W")
        await told(pilot, "Your role may not do this")


@pytest.mark.long
async def test_a_run_is_put_back_from_the_list_and_its_own_screen(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "3", "U")
        await shows(pilot, "Put back what run #1 of harbor did?")
        await shows(pilot, "student: 5 created")
        await press(pilot, "escape", "enter", "U")
        await shows(pilot, "student: 5 created")
        await press(pilot, "y")
        await types(pilot, "the wrong district")
        await told(pilot, "puts back what run 1 did")
        await shift.newest_run()
    # so much at once is itself more than a person need not look at
    run = await shift.newest_run()
    assert run.kind is RunKind.UNDO

"""Plans on the screen: the held first, what one would do field by field, approved whole or in part, thrown away."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.commands import ApprovePlan, StartRun
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity, Student
from siscon.domain.runs import RunStatus
from siscon.tui.screens.plan import PlanPane
from siscon.tui.screens.plan_records import PlanRecords
from siscon.tui.screens.record import RecordPane
from siscon.tui.screens.run import RunPane
from support.consoles import console, press, text_of, toasts
from support.fake_sis import small_district
from support.shift import NAME, Shift, open_shift, shows, told, types

from .conftest import Filled

PLAN = StartRun(NAME, full=True, dry=True)


@pytest.fixture
async def shift(tmp_path: Path) -> AsyncIterator[Shift]:
    async with open_shift(tmp_path) as opened:
        yield opened


def change(shift: Shift) -> None:
    """Two students get other grades, one comes, a teacher is called otherwise."""
    for one in [*shift.sis.lists[Entity.STUDENT]][:2]:
        shift.sis.replace(dataclasses.replace(one, grade_level="8"))
    shift.sis.hold(Student("u9", "Ines", None, "Reed", school="s1", grade_level="7"))
    tom = next(one for one in shift.sis.lists[Entity.STAFF] if one.external_id == "p2")
    shift.sis.replace(dataclasses.replace(tom, last_name="Lund"))


async def held(shift: Shift) -> int:
    """The list of students comes back empty."""
    shift.sis.lists[Entity.STUDENT] = []
    run = await shift.sync()
    assert run.status is RunStatus.HELD
    return run.id


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.long)], ids=str)
async def test_a_plan_is_shown_by_entity_and_verdict_then_field_by_field(shift: Shift, size) -> None:
    change(shift)
    run = await shift.sync(PLAN)
    async with shift.console(size=size) as pilot:
        await press(pilot, "7")
        assert f"#{run.id}" in text_of(pilot.app)
        assert "dry run" in text_of(pilot.app)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, PlanPane)
        table = pilot.app.screen.table()
        table.point(table.rows.index_of(Entity.STUDENT))
        await shows(pilot, "student: 1 new, 2 changed, 3 unchanged (5 known before)")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, PlanRecords)
        for words in ("grade_level: 7 → 8", "3 records", "all but unchanged"):
            await shows(pilot, words)
        await press(pilot, "v")
        await shows(pilot, "1 record student new")
        await press(pilot, "v", "tab")
        await shows(pilot, "2 records student changed")
        assert {len(line) for line in text_of(pilot.app).split("\n")} == {size[0]}
        await press(pilot, "tab", "t")
        await shows(pilot, "0 records course all but unchanged")
        await press(pilot, "escape", "escape")
        assert pilot.app.screen.name_ == "plans"


async def test_the_held_stand_first_with_the_sentences_of_the_guard(shift: Shift) -> None:
    change(shift)
    await shift.sync(PLAN)
    run_id = await held(shift)
    async with shift.console() as pilot:
        await press(pilot, "7")
        lines = text_of(pilot.app).split("\n")
        assert f"#{run_id}" in lines[2]
        assert "HELD" in lines[2]
        await shows(pilot, "5 of 5 student records would be missing, for the list came back empty")
        await shows(pilot, "1 held plan 1 dry run waiting")


async def test_a_held_plan_is_approved_with_its_counts_and_a_reason(shift: Shift) -> None:
    run_id = await held(shift)
    async with shift.console() as pilot:
        await press(pilot, "7", "A")
        await shows(pilot, "student: 5 missing")
        await press(pilot, "y")
        await types(pilot, "the school has closed")
        await told(pilot, f"Run {run_id} goes on")
        assert (await shift.rests(run_id)).status in (RunStatus.COMPLETED, RunStatus.WITH_WARNINGS)
        await shows(pilot, "applied")
        await shows(pilot, "Approved by night.shift(1004).")
        await shows(pilot, "It was held: 5 of 5 student records")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, RunPane)


async def test_a_dry_run_is_applied_without_the_entity_that_was_left_out(shift: Shift) -> None:
    change(shift)
    run = await shift.sync(PLAN)
    async with shift.console() as pilot:
        await press(pilot, "7", "enter")
        assert pilot.app.screen.value() is Entity.STAFF, "the cursor begins where something changes"
        await press(pilot, "x")
        assert "1 left out" in text_of(pilot.app)
        await press(pilot, "A")
        await shows(pilot, "Left out: staff.")
        assert "staff: 1 changed" not in " ".join(cell.text for cell in pilot.app.screen._lines)
        await press(pilot, "y", "enter")
        await told(pilot, f"Run {run.id} goes on")
        await shift.rests(run.id)
    assert (await shift.student())["grade_level"] == "8"
    assert await shift.rows("SELECT last_name FROM staff WHERE last_name = 'Lund'") == []
    (approved,) = [
        row["body"] for row in await shift.rows("SELECT body FROM commands WHERE kind = 'approve_plan'")
    ]
    assert '"staff"' not in approved
    assert ApprovePlan.kind == "approve_plan"


@pytest.mark.long
async def test_nothing_is_approved_where_every_entity_is_left_out(shift: Shift) -> None:
    await held(shift)
    async with shift.console() as pilot:
        await press(pilot, "7", "enter", "home")
        for _ in Entity:
            await press(pilot, "x", "down")
        await press(pilot, "A")
        assert "Every entity is left out" in toasts(pilot.app)[-1]


async def test_a_plan_is_thrown_away_with_a_reason(shift: Shift) -> None:
    run_id = await held(shift)
    async with shift.console() as pilot:
        await press(pilot, "7", "enter", "D")
        await shows(pilot, "Nothing of it is applied")
        await press(pilot, "y")
        await types(pilot, "a filter in the SIS")
        await told(pilot, f"The plan of run {run_id} is discarded")
        await shows(pilot, "does not wait any more")
        await press(pilot, "escape")
        await shows(pilot, "discarded")
        await shows(pilot, "a filter in the SIS")
    assert (await shift.student())["first_name"] == "Kim1"


async def test_a_dry_run_is_made_from_the_screens_of_integrations_and_runs(shift: Shift) -> None:
    change(shift)
    async with shift.console() as pilot:
        await press(pilot, "T")
        await shows(pilot, "Make a plan of harbor and change nothing?")
        await press(pilot, "y")
        await told(pilot, "waits for its turn")
        assert (await shift.newest_run()).status is RunStatus.PLANNED
        await press(pilot, "7")
        await shows(pilot, "dry run")
    assert (await shift.student())["grade_level"] == "7"


async def test_changed_ids_are_tied_again_by_exactly_the_pairs_shown(tmp_path: Path) -> None:
    sis = small_district()
    for n in range(10, 20):
        sis.hold(Student(f"u{n}", f"Ines{n}", None, "Reed", local_id=f"1{n}", school="s1", grade_level="7"))
    async with open_shift(tmp_path, sis) as shift:
        before = await shift.student("u10")
        sis.lists[Entity.STUDENT] = [
            dataclasses.replace(one, external_id=f"new-{one.external_id}")
            for one in sis.lists[Entity.STUDENT]
        ]
        sis.lists[Entity.ENROLLMENT] = [
            dataclasses.replace(one, student=f"new-{one.student}") for one in sis.lists[Entity.ENROLLMENT]
        ]
        run = await shift.sync()
        assert run.status is RunStatus.HELD
        async with shift.console() as pilot:
            await press(pilot, "7")
            await shows(pilot, "15 student records came back under other ids: M ties them")
            await press(pilot, "enter", "M")
            await shows(pilot, "15 student records came back under other ids.")
            await press(pilot, "y")
            await types(pilot, "the vendor moved")
            await told(pilot, "15 records keep their places")
            await shift.rests(run.id)
        assert (await shift.student("new-u10"))["id"] == before["id"]


@pytest.mark.long
async def test_a_plan_without_changed_ids_says_that_there_is_nothing_to_tie(shift: Shift) -> None:
    await held(shift)
    async with shift.console() as pilot:
        await press(pilot, "7", "M")
        assert "no records that came back under other ids" in toasts(pilot.app)[-1]


@pytest.mark.long
async def test_from_a_record_of_a_plan_to_its_history(shift: Shift) -> None:
    change(shift)
    await shift.sync(PLAN)
    async with shift.console() as pilot:
        await press(pilot, "7", "enter")
        table = pilot.app.screen.table()
        table.point(table.rows.index_of(Entity.STUDENT))
        await press(pilot, "enter", "h")
        assert isinstance(pilot.app.screen, RecordPane)
        await press(pilot, "escape", "end", "h")
        assert "there is no record of it here" in toasts(pilot.app)[-1]


async def test_records_of_a_plan_open_with_those_that_would_be_missing(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "7", "enter", "enter")
        assert pilot.app.screen.verdict is Verdict.MISSING
        assert "412 records" in text_of(pilot.app)

"""Open conflicts on the screen: three ways, a choice for each field, one decision or all that are alike."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.conflicts import ConflictKind
from siscon.domain.records import Entity
from siscon.store import commands, conflicts
from siscon.store.conflicts import NewConflict
from siscon.store.sqlite import open_database
from siscon.tui.screens.conflict import ConflictPane
from siscon.tui.screens.conflicts import Conflicts
from siscon.tui.screens.record import RecordPane
from support.clock import until as until_true
from support.consoles import console, press, text_of, toasts, until
from support.shift import Shift, open_shift, shows, told, types

from .conftest import Filled


@pytest.fixture
async def shift(tmp_path: Path) -> AsyncIterator[Shift]:
    async with open_shift(tmp_path, conflicts={"default": "manual"}) as opened:
        yield opened


async def dispute(shift: Shift, *who: str) -> None:
    """Both sides change name and grade of some students."""
    for one in [*shift.sis.lists[Entity.STUDENT]]:
        if one.external_id in who:
            theirs = dataclasses.replace(one, last_name="Theirs", grade_level=f"1{one.external_id[1]}")
            shift.sis.replace(theirs)
    async with shift.db.transaction() as c:
        names = ", ".join(f"'{one}'" for one in who)
        await c.run(
            "UPDATE students SET last_name = 'Ours', grade_level = '2' WHERE id IN (SELECT internal_id FROM "
            f"harbor_mappings WHERE entity_type = 'student' AND external_id IN ({names}))"
        )
    await shift.sync()


async def open_ones(shift: Shift) -> int:
    async with shift.db.read() as c:
        return await conflicts.count_open(c)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_a_conflict_opens_as_a_row_of_three_versions_for_each_field(shift: Shift, size) -> None:
    await dispute(shift, "u1")
    async with shift.console(size=size) as pilot:
        await press(pilot, "5", "enter")
        assert isinstance(pilot.app.screen, ConflictPane)
        shown = text_of(pilot.app)
        for words in (
            "Last agreed",
            "Marsh",
            "Theirs",
            "Ours",
            "Both sides changed 2 fields",
            "0 of 2 fields",
        ):
            assert words in shown
        assert {len(line) for line in shown.split("\n")} == {size[0]}


async def test_a_choice_for_each_field_is_one_decision(shift: Shift) -> None:
    await dispute(shift, "u1")
    async with shift.console() as pilot:
        await press(pilot, "5", "enter", "s", "down", "v")
        await types(pilot, "8")
        assert "by hand" in text_of(pilot.app)
        await press(pilot, "A")
        await shows(pilot, "Yes, decide 2 fields")
        await press(pilot, "y")
        await told(pilot, "last_name as the SIS has it, grade_level by hand")
        await until(pilot, lambda: isinstance(pilot.app.screen, Conflicts))
        await shows(pilot, "No conflicts.")
    row = await shift.student()
    assert (row["last_name"], row["grade_level"]) == ("Theirs", "8")


@pytest.mark.parametrize(("key", "name", "grade"), [("S", "Theirs", "11"), ("L", "Ours", "2")])
async def test_one_key_chooses_a_side_for_every_field(shift: Shift, key: str, name: str, grade: str) -> None:
    await dispute(shift, "u1")
    async with shift.console() as pilot:
        await press(pilot, "5", "enter", key, "A", "y")
        await told(pilot, "takes it back")
    row = await shift.student()
    assert (row["last_name"], row["grade_level"]) == (name, grade)


async def test_enter_goes_round_the_choices_and_nothing_is_decided_by_that(shift: Shift) -> None:
    await dispute(shift, "u1")
    async with shift.console() as pilot:
        await press(pilot, "5", "enter")
        seen = []
        for _ in range(3):
            await press(pilot, "enter")
            seen.append(dict(pilot.app.screen.choices))
        assert seen == [{"last_name": "sis"}, {"last_name": "local"}, {}]
        await press(pilot, "A")
        assert "Nothing is chosen yet" in toasts(pilot.app)[-1]
    assert await open_ones(shift) == 1


@pytest.mark.long
async def test_fields_that_nobody_decides_stay_open(shift: Shift) -> None:
    await dispute(shift, "u1")
    async with shift.console() as pilot:
        await press(pilot, "5", "enter", "l", "A")
        await shows(pilot, "Still open: grade_level.")
        await press(pilot, "y")
        await told(pilot, "Still open: grade_level.")
        await shows(pilot, "Both sides changed 1 field;")
    assert await open_ones(shift) == 1


@pytest.mark.long
async def test_of_two_consoles_one_wins_and_the_other_is_told_who_and_what(shift: Shift) -> None:
    await dispute(shift, "u1")
    async with shift.console(actor="day.shift(7)") as one, shift.console() as other:
        for pilot in (one, other):
            await press(pilot, "5", "enter")
        await press(one, "S")
        await press(other, "L", "A")
        await shows(other, "Yes, decide 2 fields")
        await press(one, "A", "y")
        await told(one, "takes it back")
        await press(other, "y")
        await told(other, "settled already by day.shift(7)")
        await shows(other, "settled already by day.shift(7) at")
        assert "last_name as the SIS has it, grade_level as the SIS has it" in toasts(other.app)[-1]
        await shows(other, "Decided by day.shift(7)")
    assert (await shift.student())["last_name"] == "Theirs"


async def test_a_side_that_moves_on_takes_the_choices_back(shift: Shift) -> None:
    await dispute(shift, "u1")
    async with shift.console() as pilot:
        await press(pilot, "5", "enter", "S")
        kim = next(one for one in shift.sis.lists[Entity.STUDENT] if one.external_id == "u1")
        shift.sis.replace(dataclasses.replace(kim, last_name="Later"))
        await shift.sync()
        await told(pilot, "changed since you looked")
        await shows(pilot, "Later")
        assert pilot.app.screen.choices == {}


@pytest.mark.long
async def test_a_third_value_that_cannot_be_is_refused_and_nothing_changes(shift: Shift) -> None:
    await dispute(shift, "u1")
    async with shift.console() as pilot:
        await press(pilot, "5", "enter", "v")
        await types(pilot, "")
        await press(pilot, "A", "y")
        await told(pilot, "cannot be empty")
        assert isinstance(pilot.app.screen, ConflictPane)
    assert await open_ones(shift) == 1


@pytest.mark.long
async def test_all_that_are_alike_are_counted_exactly_and_decided_by_one_run(shift: Shift) -> None:
    await dispute(shift, "u1", "u2", "u3")
    async with shift.console() as pilot:
        await press(pilot, "5", "M")
        await shows(pilot, "All alike in which field?")
        await press(pilot, "2")
        await shows(pilot, "grade_level: which side shall hold")
        await press(pilot, "s")
        await shows(pilot, "Yes, 3; then say why")
        await shows(pilot, "Yes, 1 where the SIS has 11")
        await shows(pilot, "Yes, 3 where the local roster has 2")
        await press(pilot, "i")
        await types(pilot, "the SIS knows their grade")
        await told(pilot, "decides 1 conflict of")
        await shift.newest_run()
        assert [(await shift.student(one))["grade_level"] for one in ("u1", "u2", "u3")] == ["11", "2", "2"]

        await press(pilot, "enter", "M")
        await press(pilot, "l")
        await shows(pilot, "Yes, 3; then say why")
        await press(pilot, "a")
        await types(pilot, "our clerks know")
        await told(pilot, "decides 3 conflicts")
        await shift.newest_run()
    assert {(await shift.student(one))["last_name"] for one in ("u1", "u2", "u3")} == {"Ours"}


async def test_from_a_conflict_to_the_record_and_back(shift: Shift) -> None:
    await dispute(shift, "u1")
    async with shift.console() as pilot:
        await press(pilot, "5", "h")
        assert isinstance(pilot.app.screen, RecordPane)
        await press(pilot, "escape", "enter", "h")
        assert isinstance(pilot.app.screen, RecordPane)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, ConflictPane)


IDENTITIES = [
    (ConflictKind.IDENTITY, "s", "same"),
    (ConflictKind.IDENTITY, "a", "another"),
    (ConflictKind.DUPLICATE, "m", "merge"),
    (ConflictKind.DUPLICATE, "k", "apart"),
]


@pytest.mark.long
@pytest.mark.parametrize(("kind", "key", "word"), IDENTITIES)
async def test_a_question_of_identity_is_answered_by_one_word(
    tmp_path: Path, filled, kind, key, word
) -> None:
    path = await filled()
    db = await open_database(path, synchronous="normal")
    async with db.transaction() as c:
        await c.run("DELETE FROM conflicts")
        one = NewConflict(
            integration="harbor",
            entity=Entity.STUDENT,
            external_id="S-1",
            internal_id=1,
            run_id=3,
            base={},
            sis={"first_name": "Rhea", "birth_date": "2012-01-01"},
            local={"first_name": "Tom", "birth_date": "2010-02-02"},
            sis_fingerprint="f",
            local_version=2,
            kind=kind,
            other_external_id="S-2" if kind is ConflictKind.DUPLICATE else None,
            why="Both names and the birth date differ.",
        )
        await conflicts.open_many(c, [one], now_ms=1_795_000_000_000)
    async with console(path) as pilot:
        await press(pilot, "5")
        assert "Both names and the birth date differ." in text_of(pilot.app)
        await press(pilot, "enter")
        for words in ("Rhea", "Tom", "Both names and the birth date differ.", "2010-02-02"):
            assert words in text_of(pilot.app)
        await press(pilot, "s")
        assert "A decides it" in toasts(pilot.app)[-1]
        await press(pilot, "A", key)
        left = []

        async def is_left() -> bool:
            async with db.read() as c:
                left[:] = [row.command for row in await commands.pending(c)]
            return bool(left)

        await until_true(is_left)
    await db.close()
    assert [one.choices for one in left] == [{"identity": word}]


async def test_the_time_that_the_sis_tells_is_written_as_all_others(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "5", "enter")
        assert "The SIS changed it Nov 20 19:55" in text_of(pilot.app)

"""Questions of who is who that are marked: one kind at a time, by the answer that changes nobody."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.records import Entity, Student
from support.consoles import press, text_of
from support.fake_sis import FakeSis, small_district
from support.shift import Shift, open_shift, shows, told, types


def people(sis: FakeSis) -> list[Student]:
    return [one for one in sis.lists[Entity.STUDENT] if isinstance(one, Student)]


@pytest.fixture
async def shift(tmp_path: Path) -> AsyncIterator[Shift]:
    """Four newcomers that are possibly somebody who is here."""
    sis = small_district()
    for one in people(sis):
        sis.replace(dataclasses.replace(one, state_id=f"7{one.external_id}", birth_date="2012-01-01"))
    async with open_shift(tmp_path, sis) as opened:
        for one in people(sis)[:4]:
            sis.hold(dataclasses.replace(one, external_id=f"w{one.external_id}", local_id=None))
        await opened.sync()
        yield opened


async def open_questions(shift: Shift) -> list[str]:
    rows = await shift.rows("SELECT external_id FROM conflicts WHERE status = 'open' ORDER BY 1")
    return [row["external_id"] for row in rows]


async def test_marked_pairs_are_kept_apart_by_one_question_and_a_run_for_each(shift: Shift) -> None:
    assert await open_questions(shift) == ["wu1", "wu2", "wu3", "wu4"]
    async with shift.console(grace_ms=100) as pilot:
        await press(pilot, "5", "asterisk", "space", "M")
        await shows(pilot, "Decide 3 questions of who is who?")
        await shows(pilot, "3 ask whether two records are one person.")
        await shows(pilot, "harbor: 3")
        assert "merge" not in " ".join(line for line in text_of(pilot.app).split("\n") if "Yes" in line)
        await press(pilot, "k")
        await types(pilot, "the school knows all of them")
        await told(pilot, "2 more were done as well.")
        await shows(pilot, "1 open conflict")
    assert len(await open_questions(shift)) == 1
    decided = await shift.rows(
        "SELECT DISTINCT decision, settled_run_id AS run FROM conflicts WHERE decision IS NOT NULL"
    )
    assert [one["decision"] for one in decided] == ['{"identity":"apart"}'] * 3
    audited = await shift.rows("SELECT count(*) AS n FROM audit WHERE action = 'settle_conflict'")
    assert audited == [{"n": 3}]


async def test_two_kinds_at_once_are_refused_with_their_counts(shift: Shift) -> None:
    shift.sis.replace(
        Student("u5", "Else", None, "Where", birth_date="2009-09-09", state_id="1", school="s1")
    )
    await shift.sync()
    assert await open_questions(shift) == ["u5", "wu1", "wu2", "wu3", "wu4"]
    async with shift.console() as pilot:
        await press(pilot, "5", "asterisk", "M")
        await told(pilot, "4 ask whether two records are one person and 1 ask")
        await press(pilot, "slash")
        await types(pilot, "kind=identity")
        await press(pilot, "asterisk", "M")
        await shows(pilot, "Decide 1 question of who is who?")
        await press(pilot, "s")
        await types(pilot, "a marriage")
        await told(pilot, "the same person")
    assert await open_questions(shift) == ["wu1", "wu2", "wu3", "wu4"]

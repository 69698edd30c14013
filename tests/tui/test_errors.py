"""Records in error on the screen: causes, records, one record; tried again, given up, fetched anew."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.errors import SisconError
from siscon.domain.records import Entity, Student
from siscon.ops.dead_records import payload
from siscon.providers.contract import Rejected
from siscon.store import dead_records
from siscon.store.vault import Vault
from siscon.tui.aside import Aside
from siscon.tui.screens.dead import Dead, DeadRecordPane
from siscon.tui.screens.errors import Errors
from siscon.tui.screens.record import RecordPane
from support.consoles import press, text_of, toasts, until
from support.fake_sis import small_district
from support.shift import Shift, open_shift, shows, told, types

BAD = "The birth date '31/02/2011' is no date; expected YYYY-MM-DD."


def broken(external_id: str | None) -> Rejected:
    return Rejected(
        external_id,
        "bad_date",
        BAD,
        "birth_date",
        json.dumps({"id": external_id, "birth_date": {"seen": "31/02/2011"}}),
    )


def mended(external_id: str) -> Student:
    return Student(external_id, "Ines", None, "Reed", school="s1", grade_level="7")


@pytest.fixture
async def shift(tmp_path: Path) -> AsyncIterator[Shift]:
    sis = small_district()
    sis.hold(*(broken(f"b{n}") for n in range(4)), entity=Entity.STUDENT)
    async with open_shift(tmp_path, sis) as opened:
        yield opened


def mend(shift: Shift, *who: str) -> None:
    listed = shift.sis.lists[Entity.STUDENT]
    shift.sis.lists[Entity.STUDENT] = [
        mended(one.external_id) if one.external_id in who else one for one in listed
    ]


async def waiting(shift: Shift) -> int:
    async with shift.db.read() as c:
        return await dead_records.count_open(c)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_a_cause_tells_how_often_since_when_with_whom_and_what_to_do(shift: Shift, size) -> None:
    async with shift.console(size=size) as pilot:
        await press(pilot, "4")
        for words in ("bad date", BAD, "For example b0, b1, b2", "first seen", "R tries all of them now"):
            await shows(pilot, words)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, Dead)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, DeadRecordPane)
        for words in (
            BAD,
            "student b0",
            "birth_date",
            "First seen",
            "Last seen",
            "once",
            "#1",
            "Mend it in the SIS",
        ):
            await shows(pilot, words)
        assert {len(line) for line in text_of(pilot.app).split("\n")} == {size[0]}


async def test_one_record_shows_what_the_sis_sent_place_by_place_and_no_value(shift: Shift) -> None:
    async def sent(dead_id: int) -> dict[str, str]:
        vault = Vault([bytes(range(32))])
        return await payload(shift.db, vault, dead_id)

    async with shift.console(aside=Aside(places=sent)) as pilot:
        await press(pilot, "4", "enter", "enter")
        await shows(pilot, "The SIS sent birth_date.seen: text of 10")
        await shows(pilot, "the SIS sent 2 places")
        assert "31/02/2011" not in text_of(pilot.app).replace(BAD, "")
        await press(pilot, "G")
        await shows(pilot, "id: text of 2")


async def test_what_cannot_be_opened_is_said_with_the_next_step(shift: Shift) -> None:
    async def refused(dead_id: int) -> dict[str, str]:
        raise SisconError(
            f"It could not be opened: 'siscon errors show {dead_id}' says why.", code="no_answer"
        )

    async with shift.console(aside=Aside(places=refused)) as pilot:
        await press(pilot, "4", "enter", "enter")
        await shows(pilot, "'siscon errors show 1' says why")
        await press(pilot, "R")
        await shows(pilot, "Try student b0 again?")


async def test_a_whole_cause_is_tried_again_in_three_keys(shift: Shift) -> None:
    mend(shift, "b0", "b1", "b2", "b3")
    async with shift.console() as pilot:
        await press(pilot, "4", "R")
        await shows(pilot, "Yes, try these 4 again")
        await press(pilot, "y")
        await told(pilot, "tries 4 records again")
        await shift.newest_run()
        await shows(pilot, "No errors.")
    assert await waiting(shift) == 0
    assert (await shift.student("b0"))["first_name"] == "Ines"


async def test_one_record_is_tried_again_and_leaves_the_list(shift: Shift) -> None:
    mend(shift, "b1")
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "down", "R")
        await shows(pilot, "Try student b1 again?")
        await press(pilot, "y")
        await told(pilot, "tries 1 record again")
        await shift.newest_run()
        await shows(pilot, "3 records")
    assert await waiting(shift) == 3


async def test_all_of_the_cause_are_tried_again_from_the_list_of_its_records(shift: Shift) -> None:
    mend(shift, "b0", "b1")
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "C")
        await shows(pilot, "Yes, try these 4 again")
        await press(pilot, "y")
        await told(pilot, "tries 4 records again")
        await shift.newest_run()
    assert await waiting(shift) == 2


@pytest.mark.long
async def test_one_or_all_are_given_up_with_a_reason(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "enter", "D")
        await shows(pilot, "Give up student b0?")
        await press(pilot, "y")
        await types(pilot, "1")
        await types(pilot, "left years ago")
        await told(pilot, "1 record was given up. It comes again")
        await until(pilot, lambda: isinstance(pilot.app.screen, Dead))
        assert await waiting(shift) == 3

        await press(pilot, "escape", "D")
        await shows(pilot, "Yes, give up these 3; then say why")
        await press(pilot, "y")
        await types(pilot, "3")
        await types(pilot, "a test school")
        await told(pilot, "3 records were given up")
        await shows(pilot, "No errors.")
    told_why = await shift.rows("SELECT DISTINCT settled_why AS why FROM dead_records ORDER BY why")
    assert [row["why"] for row in told_why] == ["a test school", "left years ago"]


async def test_nothing_is_given_up_without_a_reason(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "D", "y", "4", "enter", "enter")
        await told(pilot, "a reason is needed")
        assert isinstance(pilot.app.screen, Errors)
    assert await waiting(shift) == 4


async def test_what_changed_since_it_was_counted_is_refused_with_both_numbers(shift: Shift) -> None:
    async with shift.console() as pilot:
        await press(pilot, "4", "R")
        await shows(pilot, "Yes, try these 4 again")
        mend(shift, "b3")
        await shift.sync()
        await press(pilot, "y")
        await told(pilot, "3 records are meant now, 4 were shown: look again.")


@pytest.mark.long
async def test_a_record_in_error_that_is_in_the_roster_leads_to_its_history(shift: Shift) -> None:
    listed = shift.sis.lists[Entity.STUDENT]
    shift.sis.lists[Entity.STUDENT] = [broken("u1") if one.external_id == "u1" else one for one in listed]
    await shift.sync()
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "h")
        await shows(pilot, "It could never be applied, so there is no local record.")
        await press(pilot, "escape", "end", "enter", "h")
        assert isinstance(pilot.app.screen, RecordPane)
        assert "Kim1 Marsh" in text_of(pilot.app)


async def test_it_is_fetched_anew_by_its_id(shift: Shift) -> None:
    mend(shift, "b2")
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "down", "down", "enter", "F")
        await shows(pilot, "Fetch student b2 from harbor now?")
        await press(pilot, "y")
        await told(pilot, "fetches student b2")
        await shift.newest_run()
        await shows(pilot, "It waits no more")
    assert (await shift.student("b2"))["last_name"] == "Reed"


async def test_a_record_without_a_readable_id_says_why_it_cannot_be_asked_for(shift: Shift) -> None:
    shift.sis.hold(broken(None), entity=Entity.STUDENT)
    await shift.sync()
    async with shift.console() as pilot:
        await press(pilot, "4", "enter", "end")
        for key in ("R", "F", "h"):
            await press(pilot, key)
            assert "Not even its id could be read" in toasts(pilot.app)[-1]

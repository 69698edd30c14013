"""Activity: three lists that follow their newest row until somebody looks up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from siscon.domain.commands import CommandStatus, EditRecord, PauseIntegration
from siscon.domain.events import EventKind, Level
from siscon.store import audit, commands, events
from siscon.store.sqlite import open_database
from siscon.tui.looks import Looks
from siscon.tui.screens.run import RunPane
from siscon.tui.widgets.follow import FollowTable
from support.console_data import MINUTE_MS, NOW_MS, VAULT
from support.consoles import console, press, settled, text_of, toasts, written
from support.hostile import SAMPLE

Filled = Callable[..., Awaitable[Path]]


@asynccontextmanager
async def writing(path: Path):
    db = await open_database(path, synchronous="normal")
    async with db.transaction() as c:
        yield c
    await db.close()


async def report(path: Path, *texts: str, level: Level = Level.INFO, run_id: int | None = None) -> None:
    async with writing(path) as c:
        for text in texts:
            await events.append(
                c, EventKind.PAGE_NOTE, level, text, integration="harbor", run_id=run_id, at_ms=NOW_MS
            )


def followed(app) -> FollowTable:
    return app.screen.journal


async def news(pilot) -> None:
    pilot.app.look_again()
    await settled(pilot)


async def test_the_newest_event_stands_last_and_is_followed(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "9")
        assert "following" in text_of(pilot.app)
        await report(path, "a note that came just now")
        await news(pilot)

        assert followed(pilot.app).value.text == "a note that came just now"
        assert "a note that came just now" in text_of(pilot.app)


async def test_looking_up_stays_and_says_how_many_are_new_until_g_follows_again(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "9", "up")
        here = followed(pilot.app).value.id
        assert "not following" in text_of(pilot.app)
        await report(path, "one", "two", "three")
        await news(pilot)
        assert "3 new below, G shows them" in text_of(pilot.app)
        assert followed(pilot.app).value.id == here

        await press(pilot, "G")
        assert followed(pilot.app).value.text == "three"
        await report(path, "four")
        await news(pilot)
        assert followed(pilot.app).value.text == "four"


async def test_f_stays_and_follows_again(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "9", "f")
        await report(path, "one")
        await news(pilot)
        assert "1 new below" in text_of(pilot.app)
        await press(pilot, "f")
        assert followed(pilot.app).value.text == "one"
        assert " following " in text_of(pilot.app)


async def test_the_wheel_upwards_stops_following(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "9")
        followed(pilot.app).on_mouse_scroll_up()
        await report(path, "one")
        await news(pilot)
        assert "1 new below" in text_of(pilot.app)


async def test_thousands_of_events_open_at_their_end_and_can_be_walked_to_the_first(filled: Filled) -> None:
    path = await filled()
    await report(path, *(f"note {n}" for n in range(3000)))
    async with console(path) as pilot:
        await press(pilot, "9")
        assert "note 2999" in text_of(pilot.app)
        assert len(followed(pilot.app).rows) == 3043
        await press(pilot, "g")
        assert followed(pilot.app).value.id == 1
        await press(pilot, "G")
        assert followed(pilot.app).value.text == "note 2999"


async def test_more_than_a_page_at_once_is_followed(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        await press(pilot, "9")
        await report(path, *(f"note {n}" for n in range(700)))
        await news(pilot)
        assert "note 699" in text_of(pilot.app)
        assert "note 690" in text_of(pilot.app)


async def test_l_shows_from_warnings_on_then_errors_alone_then_all(filled: Filled) -> None:
    path = await filled()
    await report(path, "it burns", level=Level.ERROR)
    await report(path, "it is warm", level=Level.WARNING)
    async with console(path) as pilot:
        await press(pilot, "9", "l")
        assert {followed(pilot.app).rows.value(n).level for n in range(2)} <= {Level.WARNING, Level.ERROR}
        assert "warnings and errors" in text_of(pilot.app)
        await press(pilot, "l")
        assert "it burns" in text_of(pilot.app)
        assert "it is warm" not in text_of(pilot.app)
        assert "errors alone" in text_of(pilot.app)
        await press(pilot, "l")
        assert len(followed(pilot.app).rows) == 45


async def test_small_and_capital_n_go_from_error_to_error(filled: Filled) -> None:
    path = await filled()
    for turn in range(2):
        await report(path, f"it burns {turn}", level=Level.ERROR)
        await report(path, *(f"note {n}" for n in range(5)))
    async with console(path) as pilot:
        await press(pilot, "9", "N")
        assert followed(pilot.app).value.text == "it burns 1"
        await press(pilot, "N")
        assert followed(pilot.app).value.text == "it burns 0"
        await press(pilot, "N")
        assert toasts(pilot.app)[-1] == "No error above this row."
        await press(pilot, "n")
        assert followed(pilot.app).value.text == "it burns 1"
        assert not followed(pilot.app).following


async def test_a_filter_is_looked_for_in_the_database_whatever_its_capitals(filled: Filled) -> None:
    path = await filled()
    await report(path, "The Quill broke", *(f"note {n}" for n in range(300)))
    async with console(path) as pilot:
        await press(pilot, "9")
        pilot.app.screen.find = "qUiLL"
        await news(pilot)
        assert [followed(pilot.app).rows.value(n).text for n in range(1)] == ["The Quill broke"]
        assert len(followed(pilot.app).rows) == 1
        pilot.app.screen.find = "100%"
        await news(pilot)
        assert "No row is what you look for." in text_of(pilot.app)


async def shown_by(pilot, text: str) -> list[str]:
    await press(pilot, "slash")
    await written(pilot, text)
    await press(pilot, "enter")
    table = followed(pilot.app)
    return [table.rows.value(n) for n in range(len(table.rows))]


async def test_events_are_narrowed_in_the_language_of_every_list(filled: Filled) -> None:
    path = await filled()
    await report(path, "it burns", level=Level.ERROR, run_id=21)
    await report(path, "it is warm", level=Level.WARNING)
    async with console(path) as pilot:
        await press(pilot, "9")
        assert [one.text for one in await shown_by(pilot, "level=error")] == ["it burns"]
        assert [one.text for one in await shown_by(pilot, "run=21 burns")] == ["it burns"]
        assert {one.integration for one in await shown_by(pilot, "integration!=harbor")} == {
            "northfield",
            "lakeside",
        }
        warm = await shown_by(pilot, "level=warning integration=harbor warm !burns")
        assert [one.text for one in warm] == ["it is warm"]
        assert len(await shown_by(pilot, 'kind="page note"')) == 2


async def test_a_column_that_is_not_there_is_refused_above_the_line_with_those_that_are(
    filled: Filled,
) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "9", "slash")
        await written(pilot, "loud=yes")
        await press(pilot, "enter")
        shown = " ".join(text_of(pilot.app).split())
        assert "There are at, integration, kind, level, run, text." in shown


@pytest.mark.long
async def test_requests_and_the_audit_are_narrowed_by_who_what_and_state(filled: Filled) -> None:
    path = await filled()
    await ask(path)
    async with writing(path) as c:
        for actor in ("kim(7)", "lee(8)"):
            told = {"integration": "harbor"}
            await audit.append(
                c, VAULT, actor=actor, action="pause_integration", target="harbor", detail=told, at_ms=NOW_MS
            )
    async with console(path) as pilot:
        await press(pilot, "9", "tab")
        assert [one.actor for one in await shown_by(pilot, "status=refused what=edit_record")] == ["lee(8)"]
        assert [one.actor for one in await shown_by(pilot, "who=kim*")] == ["kim(7)"]
        assert await shown_by(pilot, "Secretname") == []
        await press(pilot, "tab")
        assert [one.actor for one in await shown_by(pilot, "what=pause_integration who=kim*")] == ["kim(7)"]
        await press(pilot, "tab")
        assert pilot.app.screen.find == "", "an event is nobody's"
        assert len(followed(pilot.app).rows) == 43


async def test_a_request_that_was_taken_back_says_so(filled: Filled) -> None:
    path = await filled()
    async with writing(path) as c:
        one = await commands.leave(c, PauseIntegration("harbor"), actor="kim(7)", now_ms=NOW_MS)
        await commands.answer(c, one, status=CommandStatus.TAKEN_BACK, answer="", now_ms=NOW_MS)
    async with console(path) as pilot:
        await press(pilot, "9", "tab")
        assert "taken back" in text_of(pilot.app)
        assert "It was taken back before anybody carried it out." in text_of(pilot.app)


async def test_the_heading_stands_right_below_the_context_bar(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "9")
        assert text_of(pilot.app).split("\n")[1].startswith(" When ")


async def test_enter_opens_the_run_of_an_event_and_says_so_where_there_is_none(filled: Filled) -> None:
    path = await filled()
    await report(path, "of run 21", run_id=21)
    async with console(path) as pilot:
        await press(pilot, "9")
        assert "run #21 (enter opens it)" in text_of(pilot.app)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, RunPane)
        assert pilot.app.screen.run_id == 21
        await press(pilot, "escape")
        await report(path, "of nothing")
        await news(pilot)
        await press(pilot, "G", "enter")
        assert toasts(pilot.app)[-1].startswith("This row is about no single run")


async def ask(path: Path) -> None:
    async with writing(path) as c:
        await commands.leave(c, PauseIntegration("harbor"), actor="kim(7)", now_ms=NOW_MS - MINUTE_MS)
        edit = EditRecord("harbor", "student", "S-104-77-0000", {"last_name": "Secretname"}, "a marriage")
        second = await commands.leave(c, edit, actor="lee(8)", now_ms=NOW_MS - MINUTE_MS)
        await commands.answer(
            c, second, status=CommandStatus.REFUSED, answer="There is no such field.", now_ms=NOW_MS
        )


async def test_requests_show_who_asked_what_was_answered_and_no_value_of_a_pupil(filled: Filled) -> None:
    path = await filled()
    await ask(path)
    async with console(path) as pilot:
        await press(pilot, "9", "tab")
        shown = text_of(pilot.app)
        assert [
            word for word in ("kim(7)", "lee(8)", "REFUSED", "waits", "2 requests") if word not in shown
        ] == []
        assert "There is no such field." in shown
        assert "last_name" in shown
        assert "Secretname" not in shown


async def test_an_answer_that_comes_changes_the_row_that_waited(filled: Filled) -> None:
    path = await filled()
    await ask(path)
    async with console(path) as pilot:
        await press(pilot, "9", "tab", "up")
        assert "No engine has answered yet." in text_of(pilot.app)
        async with writing(path) as c:
            await commands.answer(c, 1, status=CommandStatus.DONE, answer="harbor is paused.", now_ms=NOW_MS)
        await news(pilot)
        assert "harbor is paused." in text_of(pilot.app)
        assert "waits" not in text_of(pilot.app)


async def test_a_request_of_a_kind_from_a_newer_version_is_listed_without_what_it_holds(
    filled: Filled,
) -> None:
    path = await filled()
    async with writing(path) as c:
        await c.run(
            "INSERT INTO commands (kind, body, actor, left_at_ms, status) VALUES"
            " ('teleport', '{\"name\": \"Secretname\"}', 'kim(7)', 1, 'pending')"
        )
    async with console(path) as pilot:
        await press(pilot, "9", "tab")
        assert "teleport" in text_of(pilot.app)
        assert "Secretname" not in text_of(pilot.app)


async def test_enter_on_a_request_opens_the_record_it_is_about(filled: Filled) -> None:
    path = await filled()
    await ask(path)
    async with console(path) as pilot:
        await press(pilot, "9", "tab", "enter")
        assert pilot.app.screen.name_ == "record"


async def test_the_audit_is_the_third_list(filled: Filled) -> None:
    path = await filled()
    async with writing(path) as c:
        detail = {"integration": "harbor", "run_id": 21, "reason": "a calm night"}
        await audit.append(
            c, VAULT, actor="kim(7)", action="approve_plan", target="run 21", detail=detail, at_ms=NOW_MS
        )
    async with console(path) as pilot:
        await press(pilot, "9", "tab", "tab")
        shown = text_of(pilot.app)
        assert [word for word in ("approve plan", "a calm night", "1 act") if word not in shown] == []
        await press(pilot, "l")
        assert toasts(pilot.app)[-1].startswith("Only events have a level")
        await press(pilot, "enter")
        assert pilot.app.screen.run_id == 21
        await press(pilot, "escape", "tab")
        assert pilot.app.screen.shown == "events"


async def test_lists_without_a_row_say_so(empty: Path) -> None:
    async with console(empty) as pilot:
        await press(pilot, "9")
        assert "Nothing was reported yet." in text_of(pilot.app)
        await press(pilot, "tab")
        assert "Nobody has asked for anything yet." in text_of(pilot.app)
        await press(pilot, "tab", "enter", "n", "N", "f", "G", "up")
        assert "Nobody has done anything yet." in text_of(pilot.app)
        await report(empty, "the first")
        await press(pilot, "tab")
        assert "the first" in text_of(pilot.app)


@pytest.mark.parametrize("size", [(60, 15), (120, 40), (200, 60)], ids=str)
async def test_every_line_is_as_wide_as_the_window(filled: Filled, size: tuple[int, int]) -> None:
    path = await filled()
    await ask(path)
    async with console(path, size=size) as pilot:
        for key in ("9", "tab", "tab"):
            await press(pilot, key)
            assert {len(line) for line in text_of(pilot.app).split("\n")} == {size[0]}


@pytest.mark.long
async def test_hostile_text_in_requests_and_acts_has_no_effect(filled: Filled) -> None:
    path = await filled()
    async with writing(path) as c:
        for text in SAMPLE:
            id_ = await commands.leave(c, PauseIntegration(text), actor=text, now_ms=NOW_MS)
            await commands.answer(c, id_, status=CommandStatus.REFUSED, answer=text, now_ms=NOW_MS)
            detail = {"integration": text, text[:20]: [text]}
            await audit.append(c, VAULT, actor=text, action=text, target=text, detail=detail, at_ms=NOW_MS)
    async with console(path) as pilot:
        for key in ("9", "tab", "tab"):
            await press(pilot, key)
            for _ in range(len(SAMPLE)):
                shown = set(text_of(pilot.app)) - {"\n"}
                assert not {
                    one for one in shown if ord(one) < 32 or 0x7F <= ord(one) < 0xA0 or one in "\u202e\u2066"
                }
                await press(pilot, "up")
        assert pilot.app.return_value is None


async def test_each_list_opens_at_its_newest_row_in_sight(filled: Filled) -> None:
    path = await filled()
    async with writing(path) as c:
        for number in range(60):
            told = {"action": "pause", "target": f"harbor {number}", "detail": {}}
            await audit.append(c, VAULT, actor="night.shift(1004)", at_ms=NOW_MS, **told)
    async with console(path) as pilot:
        await press(pilot, "9", "tab", "tab")
        assert "following" in text_of(pilot.app)
        assert "harbor 59" in text_of(pilot.app).split("──")[0]


async def test_on_a_slow_line_it_opens_at_the_newest_row_and_says_that_none_is_new(filled: Filled) -> None:
    path = await filled()
    await report(path, *(f"note {n}" for n in range(60)))
    async with console(path, looks=Looks(slow_link=True)) as pilot:
        await press(pilot, "9")
        told = text_of(pilot.app)
        assert "note 59" in told
        assert "not following" in told
        assert "new below" not in told

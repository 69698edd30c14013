"""Foreign text never acts: not on markup, not on the terminal, not by a click."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from siscon.tui.app import Console
from siscon.tui.present import Cell, foreign
from siscon.tui.widgets.confirm import yes_no
from siscon.tui.widgets.table import LineTable
from support.console_data import Names
from support.consoles import CONTROL, console, press, settled, text_of, toasts
from support.hostile import HOSTILE, SAMPLE, SURROGATES
from support.hostile_data import hostile_database

Filled = Callable[..., Awaitable[Path]]
BIDI = frozenset("\u061c\u200b\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
HARMFUL = CONTROL | BIDI


def assert_harmless(app: Console) -> None:
    shown = set(text_of(app)) - {"\n"}
    assert shown & HARMFUL == set()
    assert "\x1b" not in "".join(toasts(app))


async def walk(path: Path) -> None:
    async with console(path) as pilot:
        app = pilot.app
        for keys in (
            ("1", "down"),
            ("2", "down"),
            ("3", "tab", "down", "enter"),
            ("4", "down", "R", "escape", "D", "escape", "enter", "R", "escape", "C", "escape", "enter"),
            ("5", "M", "escape", "enter", "s", "down", "l", "A", "escape", "M", "l", "escape", "down"),
            ("6", "F", "escape", "enter", "down", "E", "escape", "L", "escape", "tab", "U", "escape", "down"),
            ("7", "D", "escape", "enter", "A", "escape", "enter", "tab", "down", "v", "v", "tab", "end", "h"),
            ("9", "up", "l", "l", "l", "tab", "up", "tab", "up"),
            ("8", "down", "N", "escape", "P", "escape"),
            ("0", "down", "r"),
        ):
            for key in keys:
                await press(pilot, key)
                assert_harmless(app)
            for table in app.screen.query(LineTable):
                await pilot.click(table, offset=(3, 2))
                await settled(pilot)
                assert_harmless(app)
        assert app.return_value is None


@pytest.mark.parametrize("text", ["Smith [/x] Jr", "A\x1b[2J", "[@click=app.act('quit')]A[/]", "A\u202eB"])
async def test_hostile_text_that_is_looked_for_has_no_effect(filled: Filled, text: str) -> None:
    async with console(await filled(Names(value=text, external_id=text), mapped=2)) as pilot:
        await press(pilot, "f")
        pilot.app.screen.query_one("#find_text").value = f"{text}-0001"
        await press(pilot, "enter")
        assert_harmless(pilot.app)
        assert pilot.app.screen.name_ == "found"


FIELDS = tuple(Names.__dataclass_fields__)


def groups(texts: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [texts[start : start + len(FIELDS)] for start in range(0, len(texts), len(FIELDS))]


GROUPS = [
    groups(SAMPLE)[0],
    *(pytest.param(texts, marks=pytest.mark.long) for texts in groups(HOSTILE)),
]


@pytest.mark.parametrize("texts", GROUPS, ids=lambda texts: ascii(texts[0])[:24])
async def test_hostile_text_passes_through_every_pane_without_effect(
    filled: Filled, texts: tuple[str, ...]
) -> None:
    names = Names(**dict(zip(FIELDS, texts, strict=False)))

    await walk(await filled(names, mapped=5))


def test_a_foreign_cell_is_one_line_of_harmless_text() -> None:
    for text in (*HOSTILE, *SURROGATES):
        cell = foreign(text)
        assert set(cell.text) & HARMFUL == set()
        assert len(cell.text) < 2_100


@pytest.mark.parametrize("texts", [SAMPLE, HOSTILE], ids=["some", "all"])
@pytest.mark.long
async def test_dialogs_and_notices_show_hostile_text_as_it_is_written(
    empty: Path, texts: tuple[str, ...]
) -> None:
    async with console(empty) as pilot:
        app = pilot.app
        for text in (*texts, *SURROGATES):
            app.notify(text, title=text)
            question = yes_no(foreign(text).text, [foreign(text), Cell("x")], look=app.look, yes="Yes")
            app.push_screen(question)
            await pilot.pause()
            assert_harmless(app)
            await pilot.press("escape")
            app.clear_notifications()


async def test_hostile_text_in_the_line_to_type_in_is_made_plain(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "slash")
        pilot.app.screen.query_one("#find_text").value = "A\x1b[2J\u202e"
        await pilot.pause()
        assert_harmless(pilot.app)
        assert "A\\x1b[2J\\u202e" in text_of(pilot.app)


@pytest.mark.long
async def test_lists_of_the_whole_corpus_are_gone_through_without_effect(tmp_path: Path) -> None:
    path = await hostile_database(tmp_path / "siscon.db", HOSTILE)
    async with console(path, size=(120, 40)) as pilot:
        app = pilot.app
        for keys in (
            ("2",),
            ("3",),
            ("3", "enter"),
            ("4",),
            ("4", "enter"),
            ("5",),
            ("5", "enter"),
            ("6",),
            ("6", "enter"),
            ("7", "enter"),
        ):
            await press(pilot, *keys)
            for _ in HOSTILE:
                before = app.screen.query(LineTable).first().cursor, len(app.screen_stack)
                await press(pilot, "down")
                assert_harmless(app)
                if (app.screen.query(LineTable).first().cursor, len(app.screen_stack)) == before:
                    break
            await press(pilot, "escape")
        assert app.return_value is None

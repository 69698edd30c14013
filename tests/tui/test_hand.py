"""What lies at hand everywhere: palette, messages, copies, files, the list alone."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from siscon.domain.commands import NoteExport
from siscon.domain.text import plain
from siscon.ops.opening import open_database
from siscon.store import commands
from siscon.tui.copying import CAP, copy
from siscon.tui.fuzzy import best_first, score
from siscon.tui.names import id_of
from siscon.tui.notices import MOST
from siscon.tui.present import Cell
from siscon.tui.screens.command import Command
from siscon.tui.screens.messages import Messages
from siscon.tui.screens.palette import Palette
from siscon.tui.widgets.confirm import Ask
from siscon.tui.widgets.entry import Entry
from siscon.tui.widgets.panel import Panel
from support.console_data import Names
from support.consoles import CONTROL, console, press, settled, text_of, toasts, until

Filled = Callable[..., Awaitable[Path]]


async def say(pilot: Pilot[Any], line: str) -> None:
    await pilot.press("colon")
    await until(pilot, lambda: isinstance(pilot.app.screen, Command))
    pilot.app.screen.query_one(Entry).value = line
    await pilot.press("enter")
    await settled(pilot)


async def told(pilot: Pilot[Any], words: str) -> None:
    await until(pilot, lambda: any(words in one for one in toasts(pilot.app)))


# Palette


async def test_the_palette_runs_what_a_few_letters_mean(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "ctrl+p", *"conf")
        assert isinstance(pilot.app.screen, Palette)
        await press(pilot, "enter")
        assert "open conflicts" in text_of(pilot.app)
        await press(pilot, "1", "ctrl+p", *"qqqq", "enter")
        assert "No command is like that." in text_of(pilot.app)
        await press(pilot, "escape", "ctrl+p", *"pause")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        assert "Pause harbor?" in text_of(pilot.app)


async def test_what_needs_words_begins_its_line(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "ctrl+p", *"show one run", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Command))
        assert pilot.app.screen.query_one(Entry).value == "run "


def is_in(letters: str, text: str) -> bool:
    rest = iter(text.casefold())
    return all(one in rest for one in "".join(letters.split()).casefold())


@given(st.text(max_size=6), st.text(max_size=30))
def test_letters_are_found_where_they_stand_in_their_order(letters: str, text: str) -> None:
    assert (score(letters, text) is not None) is is_in(letters, text)


@given(st.text("abc ", max_size=12), st.data())
def test_every_part_of_a_text_finds_it(text: str, data: st.DataObject) -> None:
    kept = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    letters = "".join(one for one, keep in zip(text, kept, strict=True) if keep)

    assert score(letters, text) is not None


@given(st.text("abc", min_size=1, max_size=5))
def test_beginnings_of_words_count_more_than_their_middle(letters: str) -> None:
    words, middle = " ".join(letters), "x" + "x".join(letters)

    assert score(letters, words) > score(letters, middle)
    assert best_first(letters, {"m": middle, "w": words}) == ["w", "m"]


@given(st.text("abc", min_size=2, max_size=5))
def test_letters_side_by_side_count_more_than_scattered_ones(letters: str) -> None:
    assert score(letters, "x" + letters) > score(letters, "x" + "x".join(letters))


# Messages


async def test_what_was_said_is_kept_with_its_time(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "X")
        await say(pilot, "messages")
        assert isinstance(pilot.app.screen, Messages)
        assert "No run is under the cursor." in text_of(pilot.app)
        assert "1 message " in text_of(pilot.app)


async def test_the_oldest_messages_make_room(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        for number in range(MOST + 5):
            pilot.app.notify(f"Message {number}.")
        kept = [one.text for one in pilot.app.desk.notices.kept]
        assert (len(kept), kept[0], kept[-1]) == (MOST, "Message 5.", f"Message {MOST + 4}.")


# Copies


@pytest.mark.long
async def test_y_copies_what_the_row_is_called_on_every_screen(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        copied = []
        for keys in (("1",), ("2",), ("4",), ("4", "enter"), ("5",), ("6",), ("7",), ("3",)):
            await press(pilot, *keys, "y")
            copied.append(pilot.app.clipboard)
        assert copied[:3] == ["harbor", "harbor", "unknown_parent"]
        assert copied[5] == "S-104-77-0000"
        assert copied[6] == "21"
        assert all(copied)
        assert "Sent to the terminal's clipboard (" in toasts(pilot.app)[-1]
        assert ":write FILE" in toasts(pilot.app)[-1]


async def test_capital_y_copies_the_row_as_json(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6", "Y")
        row = json.loads(pilot.app.clipboard)
        assert row["external_id"] == "S-104-77-0000"
        assert set(row.values()) & {"synced"}


async def test_a_copy_holds_no_control_character_and_says_so(filled: Filled) -> None:
    name = "S\x1b]52;c;eA==\x07\u202e\n2"
    async with console(await filled(names=Names(external_id=name))) as pilot:
        await press(pilot, "6", "y")
        assert pilot.app.clipboard.startswith("S\\x1b]52")
        assert not CONTROL & set(pilot.app.clipboard.replace("\n", ""))
        assert "Hidden characters are written out" in toasts(pilot.app)[-1]
        await press(pilot, "Y")
        assert not CONTROL & set(pilot.app.clipboard)
        assert pilot.app.clipboard.isascii()


async def test_a_copy_that_is_too_large_is_refused_and_names_the_other_way(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        copy(pilot.app, "x" * (CAP + 1))
        assert pilot.app.clipboard == ""
        await told(pilot, "are too many for a clipboard of 75,000: :write FILE writes them.")


@given(st.one_of(st.text(), st.integers(), st.dictionaries(st.sampled_from(["id", "code", "x"]), st.text())))
def test_anything_has_an_id_or_none(value: object) -> None:
    assert plain(id_of(value)) is not None


# Files


@pytest.mark.long
async def test_a_list_is_written_as_text_json_or_csv(filled: Filled, tmp_path: Path) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "6")
        for ending in ("txt", "json", "csv"):
            await say(pilot, f"write {tmp_path}/list.{ending}")
            await told(pilot, f"list.{ending}.")
    rows = json.loads((tmp_path / "list.json").read_text())
    assert len(rows) == 43
    assert rows[0]["external_id"] == "S-104-77-0000"
    lines = (tmp_path / "list.csv").read_text().splitlines()
    assert len(lines) == 44
    assert "external_id" in lines[0]
    assert "external_id: S-104-77-0000" in (tmp_path / "list.txt").read_text()
    assert {one.stat().st_mode & 0o777 for one in tmp_path.glob("list.*")} == {0o600}


async def test_pupils_data_go_into_a_file_only_where_the_audit_will_say_so(
    filled: Filled, tmp_path: Path
) -> None:
    path = await filled()
    async with console(path) as pilot:
        for key, name in (("6", "pupils"), ("1", "districts")):
            await press(pilot, key)
            await say(pilot, f"write {tmp_path}/{name}.csv")
            await told(pilot, f"{name}.csv.")
    assert [(one.what, one.rows, one.columns[:2]) for one in await noted(path)] == [
        ("records", 43, ("external_id", "name"))
    ]

    async with console(path, read_only=True) as pilot:
        await press(pilot, "6")
        await say(pilot, f"write {tmp_path}/again.csv")
        await until(pilot, lambda: "only where the audit can say so" in text_of(pilot.app))
        await press(pilot, "escape", "1")
        await say(pilot, f"write {tmp_path}/health.csv")
        await told(pilot, "health.csv.")
    assert not list(tmp_path.glob("*again*"))
    assert len(await noted(path)) == 1


async def noted(path: Path) -> list[NoteExport]:
    """The exports that people asked to have noted."""
    db = await open_database(path, synchronous="full", read_only=True)
    try:
        async with db.read() as c:
            return [one.command for one in await commands.pending(c) if isinstance(one.command, NoteExport)]
    finally:
        await db.close()


async def test_a_file_that_is_there_is_written_over_only_with_a_mark(filled: Filled, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    file.write_text("mine")
    async with console(await filled(), size=(160, 24)) as pilot:
        await say(pilot, f"write {file}")
        await until(pilot, lambda: "is there already" in text_of(pilot.app))
        assert file.read_text() == "mine"
        await press(pilot, "escape")
        await say(pilot, f"write! {file}")
        await told(pilot, "kept.json")
    assert json.loads(file.read_text())[0]["integration"] == "harbor"
    assert [one.name for one in tmp_path.glob("*kept*")] == ["kept.json"]


@pytest.mark.parametrize(("place", "words"), [("/nowhere/x.csv", "There is no folder"), (".", "is a folder")])
async def test_a_place_that_cannot_be_is_told(filled: Filled, place: str, words: str) -> None:
    async with console(await filled()) as pilot:
        await say(pilot, f"write {place}")
        await until(pilot, lambda: words in text_of(pilot.app))
        assert isinstance(pilot.app.screen, Command)


async def test_a_cell_that_a_spreadsheet_would_calculate_is_text(filled: Filled, tmp_path: Path) -> None:
    async with console(await filled(names=Names(external_id="=1+1"))) as pilot:
        await press(pilot, "6")
        await say(pilot, f"write {tmp_path}/x.csv")
        await told(pilot, "x.csv")
    assert "'=1+1" in (tmp_path / "x.csv").read_text()


async def test_an_empty_list_writes_an_empty_list(empty: Path, tmp_path: Path) -> None:
    async with console(empty) as pilot:
        await press(pilot, "4")
        await say(pilot, f"write {tmp_path}/x.txt")
        await told(pilot, "x.txt")
    assert (tmp_path / "x.txt").read_text().strip() == ""


# The rest


async def test_a_detail_is_shown_by_the_words_of_siscon_show(filled: Filled) -> None:
    async with console(await filled(), size=(120, 24)) as pilot:
        await say(pilot, "show plan 21")
        assert "plan of run #21" in text_of(pilot.app)
        await say(pilot, "show plan")
        await until(pilot, lambda: "Write: :show plan RUN" in text_of(pilot.app))


async def test_a_theme_is_put_on_by_its_name(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await say(pilot, "theme light")
        assert pilot.app.theme == "light"
        await say(pilot, "theme neon")
        await until(pilot, lambda: "Known are: dark" in text_of(pilot.app))


async def test_the_list_stands_alone_and_comes_back(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "3", "plus")
        shown = [one.id for one in pilot.app.screen.query("LineTable") if one.display]
        assert shown == ["list"]
        await press(pilot, "plus")
        assert all(one.display for one in pilot.app.screen.query("LineTable"))


async def test_long_lines_of_a_panel_are_cut_or_wrapped(filled: Filled) -> None:
    async with console(await filled(), size=(60, 24)) as pilot:
        await press(pilot, "p")
        pilot.app.screen.query_one("#panel", Panel).tell([Cell("many words " * 20)])
        heights = []
        for _ in range(2):
            await pilot.pause()
            heights.append(sum("words" in line for line in text_of(pilot.app).split("\n")))
            await press(pilot, "w")
        assert heights == [4, 1]

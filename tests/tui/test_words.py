"""Screens as words: every one of them, all its rows and columns, from the code that paints them."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.errors import SisconError, UsageError
from siscon.domain.roles import Role
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.tui import screens, shown, words
from siscon.tui.actions import PANES
from siscon.tui.options import ConsoleOptions
from siscon.tui.screens.pane import Pane
from siscon.tui.telling import Question, Teller, told_by
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.table import LineTable
from support.console_data import NOW_MS, Names
from support.consoles import CONTROL, console, press

Filled = Callable[..., Awaitable[Path]]

EXAMPLES: dict[str, tuple[str, ...]] = {
    "run": ("22",),
    "compare": ("harbor",),
    "dead": ("harbor", "student", "bad_date"),
    "dead_record": ("1",),
    "conflict": ("#2",),
    "record": ("harbor", "student", "S-104-77-0000"),
    "found": ("S-104-77-0000",),
    "plan": ("21",),
    "plan_records": ("21", "student", "update"),
    "report": ("trend", "harbor", "3d"),
    "help": ("errors",),
}
"""Words with which a screen of the filled database is about something."""


async def asked(path: Path, screen: str, *told: str, **more: Any) -> Teller:
    async def opened() -> Database:
        return await open_database(path, read_only=True)

    options = ConsoleOptions(opened, "a(1)", role=Role.ADMIN, read_only=True, now_ms=lambda: NOW_MS)
    return await told_by(options, Question(screen, told, **more))


async def text_of(path: Path, screen: str, *told: str, **more: Any) -> list[str]:
    app = await asked(path, screen, *told, **more)
    return list(words.lines(app.said or [], shown.title_of(app.name_)))


def panes() -> Iterator[type[Pane]]:
    for one in pkgutil.iter_modules(screens.__path__):
        module = importlib.import_module(f"siscon.tui.screens.{one.name}")
        for found in vars(module).values():
            if isinstance(found, type) and issubclass(found, Pane) and found.__module__ == module.__name__:
                yield found


def test_every_screen_that_there_is_can_be_told() -> None:
    names = {pane.name_ for pane in panes() if pane.name_}

    assert names - {*PANES, *shown.DETAILS} == {"messages"}, "which are those of one console alone"
    assert set(EXAMPLES) == set(shown.DETAILS), "an example for the test below"


@pytest.mark.parametrize("name", [*PANES, *shown.DETAILS])
async def test_a_screen_says_all_its_rows_and_columns(filled: Filled, name: str) -> None:
    path = await filled(mapped=5)
    before = hashlib.sha256(path.read_bytes()).hexdigest()

    app = await asked(path, name, *EXAMPLES.get(name, ()), limit=1_000)
    said = app.said or []

    assert any(one.rows for one in said)
    for one in said:
        assert len(one.rows) == (one.total or 0)
        assert all(len(row) == len(one.titles) for row in one.rows)
        assert not any(title.startswith("column ") for title in one.titles), "each has a name for the ear"
        keys = list(map(words.key_of, one.titles))
        assert len({*keys, "screen", "part", "id"}) == len(keys) + 3, "a key is that of one column alone"
    told = list(words.lines(said, shown.title_of(app.name_)))
    assert not CONTROL & set("".join(told))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


async def test_what_is_told_is_what_is_painted(filled: Filled) -> None:
    path = await filled()
    told = "\n".join(await text_of(path, "errors"))
    async with console(path, size=(200, 50)) as pilot:
        await press(pilot, "4")
        table = pilot.app.screen.query_one(LineTable)
        painted = [cell.text for at in range(len(table.rows)) for cell in table.rows.cells(at) or ()]

    assert painted
    for text in painted:
        assert text in told or text == pilot.app.look.glyphs.dot


async def test_a_row_is_one_line_with_its_titles_and_the_screen_comes_first(filled: Filled) -> None:
    told = await text_of(await filled(), "health")

    assert told[0] == "Health."
    row = next(line for line in told if line.startswith("Integration: harbor"))
    assert "; State: HELD; " in row
    assert "; Errors: 449; " in row
    assert any("Run #21 is held" in line for line in told), "the panel of the row under the cursor"
    assert any(line.startswith("siscon sync: ") for line in told), "the commands that act on it"


async def test_a_long_list_says_how_much_is_left_out(filled: Filled) -> None:
    told = await text_of(await filled(), "dead", "harbor", "enrollment", "unknown_parent", limit=3)

    assert "List: 3 of 412 rows; --limit shows more." in told
    assert sum(line.startswith("Id: ") for line in told) == 3


async def test_pages_of_a_list_come_whole_and_in_order(filled: Filled) -> None:
    app = await asked(await filled(), "dead", "harbor", "enrollment", "unknown_parent", limit=400)
    (table,) = [one for one in app.said or [] if one.rows]

    assert len(table.rows) == 400
    assert list(table.keys) == sorted(table.keys)


async def test_the_number_that_a_row_says_opens_it(filled: Filled) -> None:
    path = await filled()
    app = await asked(path, "conflicts", limit=1)
    (row,) = [one for one in words.objects(app.said or [], "conflicts") if "external_id" in one]

    assert any(row["external_id"] in line for line in await text_of(path, "conflict", str(row["id"])))


async def test_a_filter_narrows_what_is_told(filled: Filled) -> None:
    told = await text_of(await filled(), "errors", where="birth")

    assert "List: 1 row." in told


@pytest.mark.parametrize(
    ("screen", "told", "sentence"),
    [
        ("nonsense", (), "Known are: overview"),
        ("run", (), "siscon show run RUN"),
        ("run", ("1", "2"), "siscon show run RUN"),
        ("errors", ("1",), "siscon show errors"),
        ("run", ("999",), "no run 999"),
        ("run", ("x\x1b[2J",), "'x\\x1b[2J' is no number"),
        ("run", ("9" * 30,), "is no number"),
        ("conflict", ("999",), "no conflict 999"),
        ("error", ("999",), "no record in error 999"),
        ("dead", ("harbor", "student", "nothing"), "siscon show errors"),
        ("record", ("nowhere", "student", "1"), "no integration 'nowhere'"),
        ("record", ("harbor", "pupil", "1"), "no entity 'pupil'"),
        ("record", ("harbor", "student", "nobody"), "has no student 'nobody'"),
        ("plan-records", ("22", "student"), "does not wait any more"),
    ],
)
async def test_a_screen_about_nothing_is_refused_with_a_sentence(
    filled: Filled, screen: str, told: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(UsageError, match=r".*") as refused:
        await asked(await filled(mapped=1), screen, *told)

    assert sentence in refused.value.sentence


async def test_a_screen_that_cannot_be_narrowed_says_so(filled: Filled) -> None:
    with pytest.raises(UsageError, match="cannot be narrowed"):
        await asked(await filled(), "help", where="x")


async def test_an_empty_list_says_why(empty: Path) -> None:
    told = await text_of(empty, "errors")

    assert "No errors." in told


async def test_no_database_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SisconError) as refused:
        await asked(tmp_path / "none.db", "errors")

    assert "none.db" in refused.value.sentence


async def test_foreign_text_is_read_as_text(filled: Filled) -> None:
    name = "A\x1b]52;c;ZXZpbA==\x07[bold]B[/x] \u202eC; D: E"
    path = await filled(Names(value=name, external_id=name, reason=name), mapped=2)
    for screen, told in (("errors", ()), ("conflicts", ()), ("mappings", ()), ("found", (f"{name}-0001",))):
        text = "\n".join(await text_of(path, screen, *told))
        assert not (CONTROL | {"\u202e"}) & (set(text) - {"\n"})
        assert "[bold]B[/x]" in text


def test_a_column_without_a_title_has_a_name_or_a_place() -> None:
    columns = (Column("", 4, said="Share"), Column("", 4), Column("Confl.", 4))

    assert words.titles_of(columns) == ("Share", "column 2", "Confl.")
    assert [words.key_of(one) for one in words.titles_of(columns)] == ["share", "column_2", "confl"]

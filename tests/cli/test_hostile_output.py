"""The whole corpus through every command that prints: no crash, no byte that acts, no formula in a file."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from siscon.cli import commands, output
from siscon.domain.text import plain, plain_lines
from siscon.ops.files import FORMULA, cell
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.tui import shown, words
from siscon.tui.actions import PANES
from siscon.tui.options import ConsoleOptions
from siscon.tui.telling import Question, told_by
from support.console_data import NOW_MS
from support.harmless import assert_acts_on_nothing, assert_only_ours, harmless_cells
from support.hostile import CORPUS, HOSTILE, SAMPLE, SURROGATES, TABLE
from support.hostile_data import hostile_database
from support.terminals import terminal


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose database holds the corpus; its configuration."""
    folder = tmp_path_factory.mktemp("hostile")
    file = folder / "config.yaml"
    file.write_text("home: home\nintegrations: {}\n", encoding="utf-8")
    assert commands.run(["status", "--config", str(file)]) == 0, "makes the key"
    asyncio.run(hostile_database(folder / "home" / "siscon.db", HOSTILE))
    return file


def test_the_corpus_is_large_and_each_piece_has_a_reason() -> None:
    assert len(HOSTILE) >= 300
    assert len(set(HOSTILE)) == len(HOSTILE)
    assert set(CORPUS.values()) == set(TABLE)
    assert set(SAMPLE) <= set(HOSTILE)


def test_nothing_of_it_acts_once_it_is_plain() -> None:
    for text in (*HOSTILE, *SURROGATES):
        assert_acts_on_nothing(plain(text))
        assert_acts_on_nothing(plain(text, limit=100_000))
        assert_acts_on_nothing(plain_lines(text))
        told = output.to_json({text: [text]})
        assert told.isascii()
        assert told.isprintable()


def test_a_spreadsheet_calculates_nothing_of_it() -> None:
    for text in HOSTILE:
        assert not cell(text).startswith(FORMULA)


SCREENS: dict[str, Sequence[str]] = {
    **dict.fromkeys(PANES, ()),
    "run": ("22",),
    "dead_record": ("2",),
    "conflict": ("2",),
    "plan": ("21",),
    "plan_records": ("21", "student"),
}


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_says_it_as_text(house: Path, name: str) -> None:
    async def opened() -> Database:
        return await open_database(house.parent / "home" / "siscon.db", read_only=True)

    options = ConsoleOptions(opened, "a(1)", read_only=True, now_ms=lambda: NOW_MS)
    app = asyncio.run(told_by(options, Question(name, SCREENS[name], limit=5_000)))

    for line in words.lines(app.said or [], shown.title_of(app.name_)):
        assert_acts_on_nothing(line)
        assert "\n" not in line


LISTS = (
    *(("runs", "list", "--limit", "1000"), ("runs", "show", "22"), ("records", "list"), ("mappings", "list")),
    *(
        ("errors", "list"),
        ("errors", "causes"),
        ("errors", "show", "2"),
        ("conflicts", "list"),
        ("conflicts", "show", "2"),
    ),
    *(
        ("plans", "list"),
        ("plans", "show", "21"),
        ("tokens", "list"),
        ("integrations", "list"),
        ("status",),
        ("audit", "list"),
    ),
)


@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_every_list_prints_it_as_text_and_as_json(
    capsys: pytest.CaptureFixture[str], house: Path, arguments: tuple[str, ...]
) -> None:
    code = commands.run([*arguments, "--config", str(house)])
    told = capsys.readouterr()
    assert code in (0, 3, 4), told.err
    assert "fault of its own" not in told.err
    assert_acts_on_nothing(told.out + told.err)

    code = commands.run([*arguments, "--json", "--config", str(house)])
    told = capsys.readouterr()
    assert code in (0, 3, 4), told.err
    assert told.out.isascii()
    assert_acts_on_nothing(told.out)
    for line in told.out.splitlines():
        json.loads(line)


def test_a_plan_in_a_file_for_spreadsheets_holds_no_formula(house: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.csv"
    assert commands.run(["plans", "show", "21", "--csv", str(file), "--config", str(house)]) in (0, 3)

    assert len(harmless_cells(file)) > len(HOSTILE)


@pytest.mark.parametrize("text", SAMPLE, ids=lambda text: ascii(text)[:24])
def test_it_is_no_more_than_text_in_an_argument(
    capsys: pytest.CaptureFixture[str], house: Path, tmp_path: Path, text: str
) -> None:
    if "\x00" in text:
        pytest.skip("no argument can hold it")
    for arguments in (("records", "find", "--", text), ("show", "--config", str(house), "--", text)):
        code = commands.run(["--config", str(house), *arguments])
        told = capsys.readouterr()
        assert code in (0, 2), told.err
        assert_acts_on_nothing(told.out + told.err)


def test_no_byte_of_it_reaches_a_terminal(house: Path, tmp_path: Path) -> None:
    database = house.parent / "home" / "siscon.db"
    words = [sys.executable, "-m", "siscon", "replay", str(database)]
    screens = {"2": "Renewal", "3": "Started", "4": "Cause", "5": "dispute", "6": "Internal"}
    with terminal(words, width=200, height=50) as one:
        assert one.shows("harbor")
        for key, seen in screens.items():
            one.press(key)
            assert one.shows(seen)
            for _ in range(2):
                one.quiet(0.3)
                one.press("\x1b[6~")  # a page down
        one.quiet(0.3)
        one.press("q")
        code = one.ends()

    assert code == 0
    assert_only_ours(one.seen.decode("utf-8"))

"""The whole corpus as a delivery of CSV files: into the roster, screens, lists, logs, and files for spreadsheets."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from siscon.cli import commands
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.tui import shown, words
from siscon.tui.actions import PANES
from siscon.tui.options import ConsoleOptions
from siscon.tui.telling import Question, told_by
from support.consoles import console, press, text_of, until, written
from support.csv_drops import CONFIG, zipped
from support.harmless import assert_acts_on_nothing, assert_only_ours, harmless_cells
from support.hostile import HOSTILE
from support.terminals import on_a_terminal

pytestmark = pytest.mark.long


def table(head: str, rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([head.split(","), *rows])
    return text.getvalue()


PIECES = [one for one in HOSTILE if one.count("\n") < 100]
"""A reader takes a cell of more lines for a quote that nobody closed."""


def delivery() -> dict[str, str]:
    """Every piece as the id and the name of a school, a student and a course, and in the place of what has a form."""
    orgs = [(f"s{text}", "", "", text, "school", text) for text in PIECES]
    users = [(f"u{text}", "", "", "true", "s", "student", *[text] * 5) for text in PIECES]
    users += [
        (f"w{at}", "", text, text, text, "student", *[text] * 3, f"{text}@x.example", "")
        for at, text in enumerate(PIECES)
    ]
    courses = [(f"c{text}", "", "", text, text, "s") for text in PIECES]
    about = "sourcedId,status,dateLastModified"
    who = "enabledUser,orgSourcedIds,role,username,givenName,familyName,email,identifier"
    return {
        "orgs": table(f"{about},name,type,identifier", [("s", "", "", "Harbor", "school", "1"), *orgs]),
        "users": table(f"{about},{who}", users),
        "courses": table(f"{about},title,courseCode,orgSourcedId", courses),
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which the delivery was imported, after a plan of it; the configuration."""
    folder = tmp_path_factory.mktemp("delivery")
    (folder / "drop").mkdir()
    zipped(folder / "drop" / "all.zip", delivery(), at_s=1_000)
    file = folder / "config.yaml"
    place = CONFIG.format(home=folder / "home", drop=folder / "drop")
    file.write_text(f"{place}    entities: [school, student, course]\n", encoding="utf-8")
    for asked in (["plan", "drop"], ["sync", "drop", "--wait"]):
        assert commands.run([*asked, "--config", str(file)]) in (0, 3, 4)
    return file


Capsys = pytest.CaptureFixture[str]


def told(capsys: Capsys, place: Path, *arguments: str) -> str:
    assert commands.run([*arguments, "--config", str(place)]) in (0, 3, 4), arguments
    said = capsys.readouterr()
    assert "fault of its own" not in said.err
    assert_acts_on_nothing(said.out + said.err)
    return said.out


def rows(capsys: Capsys, place: Path, *arguments: str) -> list[dict[str, Any]]:
    out = told(capsys, place, *arguments, "--json")
    assert out.isascii()
    return [json.loads(line) for line in out.splitlines()]


def test_every_line_of_it_is_in_the_roster_or_named_with_its_reason(capsys: Capsys, place: Path) -> None:
    (run,) = rows(capsys, place, "runs", "show", "2")
    assert run["fetched"] == run["created"] + run["failed"]
    held = sum(
        len(rows(capsys, place, "records", "list", "--entity", one, "--limit", "5000"))
        for one in ("school", "student", "course")
    )
    assert held == run["created"]
    buried = rows(capsys, place, "errors", "list", "--limit", "5000")
    assert len(buried) == run["failed"]
    assert all(one["reason"] for one in buried)
    names = {
        one["name"] for one in rows(capsys, place, "records", "list", "--entity", "school", "--limit", "5000")
    }
    assert len(names) > len(PIECES) * 0.9


LISTS = (
    *(("records", "list", "--entity", one, "--limit", "5000") for one in ("school", "student", "course")),
    *(("mappings", "list", "--limit", "5000"), ("errors", "list", "--limit", "5000"), ("errors", "causes")),
    *(
        ("runs", "show", "2"),
        ("plans", "show", "1"),
        ("events", "list", "--limit", "5000"),
        ("report", "run", "2"),
    ),
)


@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_every_list_prints_it_as_text(capsys: Capsys, place: Path, arguments: tuple[str, ...]) -> None:
    assert told(capsys, place, *arguments)


SCREENS: dict[str, Sequence[str]] = {
    **dict.fromkeys(PANES, ()),
    "run": ("2",),
    "dead_record": ("2",),
    "plan": ("1",),
    "plan_records": ("1", "student"),
    "record": ("drop", "student", "u[bold]A[/]"),
    "found": ("=1+1",),
}


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_says_it_as_text(place: Path, name: str) -> None:
    async def opened() -> Database:
        return await open_database(place.parent / "home" / "siscon.db", read_only=True)

    options = ConsoleOptions(opened, "a(1)", read_only=True)
    app = asyncio.run(told_by(options, Question(name, SCREENS[name], limit=5_000)))
    for line in words.lines(app.said or [], shown.title_of(app.name_)):
        assert_acts_on_nothing(line)
        assert "\n" not in line


async def test_a_console_is_gone_through_and_its_list_written_for_spreadsheets(
    place: Path, tmp_path: Path
) -> None:
    async with console(place.parent / "home" / "siscon.db", size=(160, 50)) as pilot:
        for screen in "346790":
            await press(pilot, screen)
            for _ in range(12):
                await press(pilot, "pagedown")
                assert_acts_on_nothing(text_of(pilot.app))
            await press(pilot, "enter")
            assert_acts_on_nothing(text_of(pilot.app))
        await press(pilot, "6", "colon")
        await written(pilot, f"write {tmp_path / 'mappings.csv'}")
        await press(pilot, "enter")
        await until(pilot, (tmp_path / "mappings.csv").exists)
        assert pilot.app.return_value is None
    assert len(harmless_cells(tmp_path / "mappings.csv")) > len(PIECES)


def test_files_for_spreadsheets_hold_no_formula(capsys: Capsys, place: Path, tmp_path: Path) -> None:
    for number, arguments in enumerate(
        (
            ("plans", "show", "1", "--csv"),
            ("audit", "export", "--format", "csv"),
            ("report", "run", "2", "--format", "csv", "--output"),
            ("report", "history", "--format", "csv", "--output"),
        )
    ):
        file = tmp_path / f"{number}.csv"
        told(capsys, place, *arguments, str(file))
        cells = harmless_cells(file)
        if arguments[0] == "plans":
            assert "'=1+1" in cells


def test_the_logs_of_it_are_lines_of_json_and_pages_that_act_on_nothing(place: Path) -> None:
    logs = list((place.parent / "home" / "logs").iterdir())
    assert logs
    for file in logs:
        for line in file.read_text(encoding="utf-8").splitlines():
            assert line.isascii()
            assert line.isprintable()
            assert_acts_on_nothing("".join(map(str, json.loads(line).values())))


def test_no_byte_of_it_reaches_a_terminal(place: Path) -> None:
    page = b"\x1b[6~"
    steps = [(b"drop", b"6"), (b"Internal", page), *[(b"\x1b[", page)] * 12, (b"\x1b[", b"4")]
    steps += [(b"Cause", b"\r"), (b"\x1b[", page), (b"\x1b[", b"q")]
    code, wire = on_a_terminal(
        "replay", str(place.parent / "home" / "siscon.db"), steps=steps, size=(200, 50)
    )
    assert code == 0
    assert_only_ours(wire.decode("utf-8"))

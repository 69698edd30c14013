"""Imports side by side on the screen, and the same by command."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from siscon.cli import commands
from siscon.store.sqlite import open_database
from siscon.tui.looks import Looks
from siscon.tui.screens.compare import ComparePane
from support.consoles import console, press, text_of, toasts, written

Filled = Callable[..., Awaitable[Path]]


async def emptied(path: Path) -> None:
    """The last good import of harbor lost its students, and had many errors."""
    db = await open_database(path)
    async with db.transaction() as c:
        await c.run("UPDATE run_counts SET fetched = 0 WHERE run_id = 20 AND entity = 'student'")
        await c.run("UPDATE run_counts SET failed = 412 WHERE run_id = 20 AND entity = 'section'")
        await c.run("DELETE FROM tokens")  # sealed with a key that no configuration has
    await db.close()


async def test_the_last_imports_stand_side_by_side_and_what_is_sudden_has_sign_and_word(
    filled: Filled,
) -> None:
    path = await filled()
    await emptied(path)
    async with console(path, size=(120, 40), looks=Looks(glyphs="ascii")) as pilot:
        await press(pilot, "j", "j", "k", "k", "V")
        assert isinstance(pilot.app.screen, ComparePane)
        shown = text_of(pilot.app)
        await press(pilot, *["j"] * 7)
        rows = pilot.app.screen.table()
        while rows.value != "student":
            await press(pilot, "j")
        told = text_of(pilot.app)

    assert "harbor side by side" in shown
    assert "#20" in shown
    assert "0 x" in shown
    assert "412 ^" in shown
    assert "#20: student gone, 9,812 before, 0 now." in told


@pytest.mark.parametrize("size", [(80, 24), (60, 15)], ids=str)
async def test_a_narrow_window_keeps_the_newest(filled: Filled, size: tuple[int, int]) -> None:
    async with console(await filled(), size=size) as pilot:
        await press(pilot, "V")
        shown = text_of(pilot.app)

    assert "#21" in shown
    assert "#2 " not in shown
    assert "need a wider window" in shown or size == (60, 15)
    assert {len(line) for line in shown.split("\n")} == {size[0]}


async def test_it_is_reached_from_syncs_and_from_a_run_and_esc_goes_back(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await press(pilot, "3", "V")
        assert isinstance(pilot.app.screen, ComparePane)
        await press(pilot, "escape", "enter", "V")
        assert isinstance(pilot.app.screen, ComparePane)
        await press(pilot, "escape", "escape")
        assert "Under way" in text_of(pilot.app)


async def test_without_any_run_there_is_nothing_to_compare(empty: Path) -> None:
    async with console(empty) as pilot:
        await press(pilot, "3", "V")
        assert "No run is under the cursor" in "".join(toasts(pilot.app))


CONFIG = """
home: .
integrations:
  north:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: abc
    client_secret: ${NORTH_SECRET:-invented}
"""


async def _filled_home(filled: Filled) -> Path:
    path = await filled()
    await emptied(path)
    file = path.parent / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = commands.run(list(arguments))
    found = capsys.readouterr()
    assert code in (0, 2), found.err
    return code, found.out


@pytest.fixture
async def config(filled: Filled) -> Path:
    return await _filled_home(filled)


def test_the_command_says_the_same(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "runs", "compare", "harbor", "--config", str(config))
    _, rows = told(capsys, "runs", "compare", "harbor", "--last", "3", "--json", "--config", str(config))
    found = [json.loads(line) for line in rows.splitlines()]

    assert code == 0
    assert "0 GONE" in text
    assert "412 UP" in text
    assert [one["id"] for one in found] == [16, 20, 21]
    assert found[1]["sudden"]["student"] == "gone"
    assert found[1]["counts"]["section failed"] == 412


def test_an_unknown_integration_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "runs", "compare", "nowhere", "--config", str(config))[0] == 2


def test_the_morning_says_who_needs_a_person(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "status", "--config", str(config))
    _, rows = told(capsys, "status", "--json", "--config", str(config))
    found = {
        one["integration"]: one for line in rows.splitlines() if "needs_person" in (one := json.loads(line))
    }

    assert code == 0
    assert "of 5 integrations need a person." in text
    assert "harbor: 412 of 1,930 student records are missing" in text
    assert "FAILING" in text
    assert (found["harbor"]["state"], found["mesa"]["needs_person"]) == ("held", False)
    assert [one["entity"] for one in found["harbor"]["entities"]][:2] == ["school", "staff"]
    assert set(found["harbor"]["entities"][0]) == {
        *("entity", "last_good_at", "age_s", "run_id", "fetched", "late", "empty")
    }


async def test_counts_stand_in_their_own_order_whatever_the_imports_are_called(filled: Filled) -> None:
    async with console(await filled(), size=(120, 40)) as pilot:
        await press(pilot, "V")
        shown = text_of(pilot.app)

    assert "▲" not in next(line for line in shown.splitlines() if "#20" in line)
    assert shown.index("Began") < shown.index("Records") < shown.index("student") < shown.index("enrollment")


async def test_marked_runs_of_one_integration_stand_side_by_side_and_no_others(filled: Filled) -> None:
    async with console(await filled(), size=(120, 40)) as pilot:
        await press(pilot, "3", "slash")
        await written(pilot, "integration=harbor")
        await press(pilot, "enter", "space", "j", "space", "V")
        head = text_of(pilot.app).split("\n")[1].split()

    assert head == ["Count", "#16", "#21"]


async def test_marked_runs_of_several_integrations_are_not_compared(filled: Filled) -> None:
    async with console(await filled(), size=(120, 40)) as pilot:
        await press(pilot, "3", "g", "asterisk", "V")
        assert "More than 14 rows are marked" in toasts(pilot.app)[-1]
        await press(pilot, "ctrl+backslash", "down", "down", "space", "down", "space", "V")

        assert "Runs of one integration stand side by side" in toasts(pilot.app)[-1]
        assert pilot.app.screen.name_ == "runs"

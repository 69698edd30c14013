"""The report in the console: by the line, as the command writes it, into a file in the form of its name."""

from __future__ import annotations

import csv
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from siscon.domain.errors import UsageError
from siscon.domain.periods import Wished
from siscon.ops.reports.asked import Asked, understood
from siscon.tui.screens.report import ReportPane
from support.consoles import console, press, settled, text_of, written

Filled = Callable[..., Awaitable[Path]]


@pytest.mark.long
async def test_the_line_opens_a_report_and_writes_it_in_the_form_of_the_files_name(
    filled: Filled, tmp_path: Path
) -> None:
    async with console(await filled(), size=(80, 24)) as pilot:

        async def say(text: str) -> None:
            await press(pilot, "colon")
            await written(pilot, text)
            await press(pilot, "enter")
            await settled(pilot)

        await say("report")
        morning = text_of(pilot.app)
        await press(pilot, "escape")
        await say("report success 7d")
        assert isinstance(pilot.app.screen, ReportPane)
        shown = text_of(pilot.app)
        for ending in ("json", "csv", "html", "txt"):
            await say(f"write {tmp_path}/a.{ending}")

    assert "Ran        4 imports of 3 integrations" in morning
    assert "Success of syncs" in shown
    assert "no run" in shown
    assert json.loads((tmp_path / "a.json").read_text())["report"] == "success"
    assert next(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))["integration"] == "harbor"
    assert (tmp_path / "a.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "a.txt").read_text().startswith("Success of syncs\n")


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ((), Asked("morning")),
        (("success", "last-week"), Asked("success", Wished(week="last"))),
        (("history", "harbor", "30d"), Asked("history", Wished(last="30d"), integration="harbor")),
        (("trend", "harbor"), Asked("trend", integration="harbor")),
        (("run", "#21"), Asked("run", run_id=21)),
        (("morning", "2026-11-20"), Asked("morning", Wished(day="2026-11-20"))),
    ],
    ids=str,
)
def test_words_ask_for_a_report(words: tuple[str, ...], asked: Asked) -> None:
    assert understood(words) == asked


@pytest.mark.parametrize(
    "words", [("weather",), ("trend",), ("run", "x"), ("morning", "harbor"), ("history", "a", "b")]
)
def test_words_that_ask_for_nothing_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        understood(words)


async def test_numbers_stand_below_one_another_however_many_digits_they_have(filled: Filled) -> None:
    async with console(await filled(), size=(120, 40)) as pilot:
        await press(pilot, "colon")
        await written(pilot, "report history")
        await press(pilot, "enter")
        await settled(pilot)
        lines = text_of(pilot.app).splitlines()

    places = {line.index(" import ") for line in lines if " import " in line and "Runs" not in line}
    assert len([line for line in lines if " import " in line]) > 10
    assert len(places) == 1

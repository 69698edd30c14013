"""A console driven by a test: over a real database file, with a pilot at its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from siscon.domain.roles import Role
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.tui.app import Console
from siscon.tui.looks import Looks
from siscon.tui.options import ConsoleOptions
from siscon.tui.screens.pane import Pane
from siscon.tui.widgets.entry import Entry
from siscon.tui.widgets.table import LineTable
from support.console_data import NOW_MS

_parsed: dict[object, list[RuleSet]] = {}
_parse_rules = Stylesheet._parse_rules


def _parsed_once(sheet: Stylesheet, *css: Any, **more: Any) -> list[RuleSet]:
    """Rules as Textual keeps them for one sheet, here for all of the same variables: hundreds of consoles are alike."""
    key = (css, *more.items(), *sorted(sheet._variables.items()))
    if key not in _parsed:
        _parsed[key] = _parse_rules(sheet, *css, **more)
    return _parsed[key]


Stylesheet._parse_rules = _parsed_once  # type: ignore[method-assign] # a quarter of the time of a start

CONTROL = frozenset(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))


async def until(pilot: Pilot[Any], condition: Callable[[], bool], *, tries: int = 3000) -> None:
    """Wait for a condition, with a limit; a machine that stands still does not use it up."""
    for _ in range(tries):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError(f"waited in vain; there stands:\n{text_of(pilot.app)}")


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until what is visible has been read and painted."""

    def quiet() -> bool:
        screen = pilot.app.screen
        if not isinstance(screen, Pane) or pilot.app._exit:  # what leaves reads no more
            return True
        if pilot.app.is_asking:
            return False
        fetching = any(table._fetching or table.reading.busy for table in screen.query(LineTable))
        return screen._loaded_at_ms is not None and not screen._loading and not screen._again and not fetching

    await pilot.pause()
    await until(pilot, quiet)
    await pilot.pause()


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys, each after the last one's work is done."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def written(pilot: Pilot[Any], text: str) -> None:
    """Have a text stand in the line that is open, as if it had been typed over what stood there."""
    entry = pilot.app.focused
    assert isinstance(entry, Entry), "no line is open"
    entry.value = text
    entry.cursor_position = len(text)
    await pilot.pause()


def text_of(app: Console) -> str:
    """What stands on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def toasts(app: Console) -> list[str]:
    """All that the person was told, oldest first, whether it still stands there or not."""
    return [one.text for one in app.desk.notices.kept]


@asynccontextmanager
async def console(
    path: Path, *, size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncIterator[Pilot[Any]]:
    """A console over the database at ``path``, its first screen read."""

    async def opened() -> Database:
        return await open_database(path, synchronous="normal")

    told: dict[str, Any] = {
        "open_database": opened,
        "actor": "night.shift(1004)",
        "role": Role.ADMIN,
        "now_ms": lambda: NOW_MS,
        "looks": Looks(theme="dark", glyphs="block"),
        **options,
    }
    app = Console(ConsoleOptions(**told))
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        yield pilot

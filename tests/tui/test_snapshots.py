"""How every screen looks, line by line, at three sizes, and in high contrast, without colour and in ASCII.

A new screen is a line of ``SCREENS``. ``SISCON_SNAPSHOTS=write python -m pytest tests/tui/test_snapshots.py``
writes what is seen now into ``snapshots/``: look at the difference before it is committed.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.style import Style
from textual.pilot import Pilot

from siscon.tui.looks import Looks
from siscon.tui.screens.pane import Pane
from siscon.tui.widgets.confirm import Ask
from support.consoles import console, press, settled, text_of, until

Filled = Callable[..., Awaitable[Path]]
SNAPSHOTS = Path(__file__).parent / "snapshots"
WRITE = os.environ.get("SISCON_SNAPSHOTS") == "write"

SCREENS: dict[str, tuple[str, ...]] = {
    "health": (),
    "tokens": ("2",),
    "syncs": ("3",),
    "run": ("3", "down", "enter"),
    "errors": ("4",),
    "records-in-error": ("4", "down", "enter"),
    "error": ("4", "down", "enter", "enter"),
    "conflicts": ("5",),
    "conflict": ("5", "enter", "s", "down", "l"),
    "conflict-decide": ("5", "enter", "S", "A"),
    "mappings": ("6",),
    "record": ("6", "enter"),
    "plans": ("7",),
    "plan": ("7", "enter"),
    "plan-records": ("7", "enter", "enter"),
    "plan-approve": ("7", "A"),
    "schedules": ("8",),
    "activity": ("9",),
    "keys": ("question_mark",),
    "question": ("S",),
    "filter": ("slash",),
    "command-line": ("colon",),
    "compare": ("V",),
    "palette": ("ctrl+p",),
    "leave": ("q",),
}
"""What is pressed from home to see a screen. Doctor is not among them: it tells of the machine that it runs on."""
QUESTIONS = ("conflict-decide", "plan-approve", "question", "leave")
"""Screens that come when what they ask about has been counted."""

SIZES = ((80, 24), (120, 40), (200, 60))
LOOKS = {
    "dark": Looks(theme="dark", glyphs="block"),
    "contrast": Looks(theme="contrast", glyphs="block"),
    "mono": Looks(theme="mono", glyphs="block"),
    "ascii": Looks(theme="dark", glyphs="ascii"),
}


def painted(app: Any) -> Iterator[str]:
    """How the pieces of each line are painted."""
    for number, strip in enumerate(app.screen._compositor.render_strips()):
        pieces = [
            f"{text.strip()[:8]}={style.without_color + Style.from_color(style.color, style.bgcolor)}"
            for text, style, _ in strip.simplify()
            if text.strip() and style is not None
        ]
        yield f"{number:2} " + " | ".join(pieces)


async def resized(pilot: Pilot[Any], width: int, height: int) -> None:
    """Wait until everything is laid out in another size."""
    await pilot.resize_terminal(width, height)
    await until(pilot, lambda: pilot.app.screen._compositor.size == (width, height))
    await settled(pilot)


async def go(pilot: Pilot[Any], screen: str, width: int, height: int) -> None:
    """From home, its cursor on the first row, to a screen."""
    while len(pilot.app.screen_stack) > 1:
        pilot.app.pop_screen()
    await press(pilot, "home")
    await resized(pilot, width, height)
    for key in SCREENS[screen]:
        await press(pilot, key, *(["home"] if key.isdigit() else []))
    if screen in QUESTIONS:
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    await until(pilot, lambda: pilot.app.screen._compositor.size == (width, height))


async def seen(pilot: Pilot[Any], screen: str, name: str) -> list[str]:
    """A screen in every size, or in the one size of looks other than dark."""
    told = []
    for width, height in SIZES if name == "dark" else SIZES[:1]:
        if told and isinstance(pilot.app.screen, Pane):
            await resized(pilot, width, height)
        else:  # what lies behind a dialog is not read again while nobody can work with it
            await go(pilot, screen, width, height)
        lines = text_of(pilot.app).splitlines()
        assert len(lines) == height
        told += [f"=== {width} x {height}", *(line.rstrip() for line in lines)]
    if name in ("contrast", "mono"):
        told += ["=== painted", *painted(pilot.app)]
    return told


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one == "mono" else pytest.mark.long) for one in LOOKS]
)
async def test_every_screen_looks_as_it_did(filled: Filled, name: str) -> None:
    other = []
    async with console(await filled(), looks=LOOKS[name]) as pilot:
        for screen in SCREENS:
            now = "\n".join(await seen(pilot, screen, name)) + "\n"
            if name == "ascii":
                assert now.isascii(), screen
            file = SNAPSHOTS / name / f"{screen}.txt"
            if WRITE:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(now, encoding="utf-8")
            if not file.is_file() or now != file.read_text(encoding="utf-8"):
                other.append(screen)
    assert other == [], "see the top of this file"

"""Make the pictures of the docs from the console itself, over an invented database: python docs/screenshots/make.py"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from textual.pilot import Pilot

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests"))

from siscon.domain.roles import Role  # noqa: E402 # the path comes first
from siscon.store.database import Database  # noqa: E402 # the path comes first
from siscon.store.sqlite import open_database  # noqa: E402 # the path comes first
from siscon.tui.app import Console  # noqa: E402 # the path comes first
from siscon.tui.aside import Aside  # noqa: E402 # the path comes first
from siscon.tui.looks import Looks  # noqa: E402 # the path comes first
from siscon.tui.options import ConsoleOptions  # noqa: E402 # the path comes first
from siscon.tui.screens.pane import Pane  # noqa: E402 # the path comes first
from support.console_data import NOW_MS, Names, fill, what_was_sent  # noqa: E402 # the path comes first

HOSTILE = Names(
    title="Power [@click=app.pwn()]School[/]",
    reason="The name 'Smith [/x] Jr\x1b[2J' is too odd; expected letters.",
    external_id="S\x1b]52;c;eA==\x07-104",
    value="\u202eomarA\x00 [bold]Okonkwo",
    event="students: [link=http://x.example]9,812[/link] fetched\r\n",
)
PICTURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("overview", ()),
    ("tokens", ("2", "down")),
    ("syncs", ("3",)),
    ("run", ("3", "down", "down", "down", "enter")),
    ("errors", ("4",)),
    ("records-in-error", ("4", "down", "enter")),
    ("error", ("4", "down", "enter", "enter")),
    ("conflicts", ("5",)),
    ("conflict", ("5", "enter", "s", "down", "l")),
    ("conflict-decide", ("5", "enter", "S", "A")),
    ("mappings", ("6",)),
    ("record", ("6", "enter")),
    ("plans", ("7",)),
    ("plan", ("7", "enter")),
    ("plan-records", ("7", "enter", "enter")),
    ("plan-approve", ("7", "A")),
    ("compare", ("down", "down", "down", "V")),
    ("schedules", ("8",)),
    ("activity", ("9",)),
    ("palette", ("ctrl+p",)),
    ("marked", ("5", "space", "space", "space", "M")),
    ("keys", ("question_mark",)),
    ("confirm", ("S",)),
    ("leave", ("q",)),
)
WIDE, SMALL = (120, 32), (80, 24)
DARK = Looks(theme="dark", glyphs="block")
LOOKS = {
    "light.svg": Looks(theme="light", glyphs="braille"),
    "contrast.svg": Looks(theme="contrast", glyphs="block"),
    "ascii-80x24.svg": Looks(theme="dark", glyphs="ascii"),
}
"""Pictures that look otherwise than usual."""


async def settled(pilot: Pilot[object]) -> None:
    """Wait until the visible pane has been read, with a limit."""
    for _ in range(200):
        await pilot.pause(0.02)
        screen = pilot.app.screen
        if not isinstance(screen, Pane) or (screen._loaded_at_ms is not None and not screen._loading):
            break
    await pilot.pause(0.1)


async def picture(database: Path, *, keys: tuple[str, ...], size: tuple[int, int], looks: Looks) -> str:
    """One picture: press the keys, wait, draw."""

    async def opened() -> Database:
        return await open_database(database)

    options = ConsoleOptions(
        opened,
        "night.shift(1004)",
        role=Role.ADMIN,
        now_ms=lambda: NOW_MS,
        looks=looks,
        aside=Aside(places=what_was_sent),
    )
    app = Console(options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        return app.export_screenshot(title="siscon")


def pictures() -> Iterator[tuple[str, str, tuple[str, ...], tuple[int, int]]]:
    """File name, database, keys and size of each."""
    for name, keys in PICTURES:
        yield f"{name}.svg", "full", keys, WIDE
    small = {
        "overview",
        "tokens",
        "syncs",
        "conflicts",
        "conflict",
        "record",
        "plans",
        "plan",
        "plan-records",
        "error",
    }
    for name, keys in PICTURES:
        if name not in small:
            continue
        yield f"{name}-80x24.svg", "full", keys, SMALL
    yield "hostile-errors-80x24.svg", "hostile", ("4", "down", "enter"), SMALL
    yield "hostile-conflicts-80x24.svg", "hostile", ("5",), SMALL
    yield "empty-80x24.svg", "empty", ("4",), SMALL
    yield "ascii-80x24.svg", "full", ("3",), SMALL
    yield "light.svg", "full", (), WIDE
    yield "contrast.svg", "full", ("4",), WIDE


async def draw(place: Path) -> AsyncIterator[tuple[str, str]]:
    """File name and content of every picture."""
    for name, names in (("full", Names()), ("hostile", HOSTILE), ("empty", None)):
        db = await open_database(place / name / "siscon.db")
        if names is not None:
            await fill(db, names=names)
        await db.close()
    for file, name, keys, size in pictures():
        database = place / name / "siscon.db"
        yield file, await picture(database, keys=keys, size=size, looks=LOOKS.get(file, DARK))


async def write(place: Path, to: Path) -> None:
    """All pictures, each into its file."""
    async for file, drawn in draw(place):
        await asyncio.to_thread((to / file).write_text, drawn, encoding="utf-8")


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(write(Path(temporary), folder))

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
from textual.widgets._toast import Toast

from siscon.domain.commands import PauseIntegration
from siscon.ops.checks import Check, State
from siscon.store import audit, commands
from siscon.store.sqlite import open_database
from siscon.tui import own_checks
from siscon.tui.aside import Aside
from siscon.tui.lag import Lag
from siscon.tui.looks import Looks
from siscon.tui.screens.find import Find
from siscon.tui.screens.pane import Pane
from siscon.tui.widgets.confirm import Ask
from support.console_data import NOW_MS, VAULT, what_was_sent
from support.consoles import console, press, settled, text_of, until, written

Filled = Callable[..., Awaitable[Path]]
SNAPSHOTS = Path(__file__).parent / "snapshots"
WRITE = os.environ.get("SISCON_SNAPSHOTS") == "write"

Step = str | type[Ask | Find]

SCREENS: dict[str, tuple[Step, ...]] = {
    "health": (),
    "tokens": ("2",),
    "syncs": ("3",),
    "run": ("3", "down", "enter"),
    "errors": ("4",),
    "records-in-error": ("4", "down", "enter"),
    "error": ("4", "down", "enter", "enter"),
    "conflicts": ("5",),
    "conflict": ("5", "enter", "s", "down", "l"),
    "conflict-decide": ("5", "enter", "S", "A", Ask),
    "conflicts-alike": ("5", "M", Ask),
    "mappings": ("6",),
    "record": ("6", "enter"),
    "plans": ("7",),
    "plan": ("7", "enter"),
    "plan-records": ("7", "enter", "enter"),
    "plan-approve": ("7", "A", Ask),
    "reason": ("7", "A", Ask, "y", Find),
    "schedules": ("8",),
    "activity": ("9",),
    "requests": ("9", "tab"),
    "audit": ("9", "tab"),
    "doctor": ("0",),
    "found": (":record okonk",),
    "report": (":report",),
    "messages": ("ctrl+c", ":messages"),
    "keys": ("question_mark",),
    "question": ("S", Ask),
    "question-typed": ("4", "D", Ask),
    "typed": ("4", "D", Ask, "y", Find),
    "filter": ("slash",),
    "command-line": ("colon",),
    "compare": ("V",),
    "palette": ("ctrl+p",),
    "leave": ("q", Ask),
    "too-small": (),
}
"""From home to a screen: keys, lines that are written, and what must have come before it goes on. A main screen stands
as it was left: the audit comes after the requests."""

SIZES = ((80, 24), (120, 40), (200, 60))
TOO_SMALL = ((59, 14),)
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
    while not isinstance(pilot.app.screen, Pane):
        await press(pilot, "escape")
    await until(pilot, lambda: all(one.is_finished for one in pilot.app.workers if one.group == "ask"))
    while len(pilot.app.screen_stack) > 1:
        pilot.app.pop_screen()
    await cleared(pilot)
    await press(pilot, "home")
    await resized(pilot, width, height)
    for step in SCREENS[screen]:
        await take(pilot, step)
    await cleared(pilot)
    await until(pilot, lambda: pilot.app.screen._compositor.size == (width, height))


async def cleared(pilot: Pilot[Any]) -> None:
    """Have no notice stand on the screen on top."""
    await settled(pilot)
    pilot.app.clear_notifications()
    await until(pilot, lambda: not pilot.app.screen.query(Toast))


async def take(pilot: Pilot[Any], step: Step) -> None:
    """One step on the way: a question has to be counted before it comes."""
    if not isinstance(step, str):
        await until(pilot, lambda: isinstance(pilot.app.screen, step))
    elif step.startswith(":"):
        await press(pilot, "colon")
        await written(pilot, step[1:])
        await press(pilot, "enter")
    else:
        await press(pilot, step, *(["home"] if step.isdigit() else []))


async def seen(pilot: Pilot[Any], screen: str, name: str) -> list[str]:
    """A screen in every size, or in the one size of looks other than dark."""
    told: list[str] = []
    sizes = TOO_SMALL if screen == "too-small" else SIZES
    for width, height in sizes if name == "dark" else sizes[:1]:
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


def as_it_was(name: str, now: str) -> bool:
    """Whether a picture is the one that is kept; with ``SISCON_SNAPSHOTS=write`` it is the one to keep."""
    file = SNAPSHOTS / f"{name}.txt"
    if WRITE:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(now, encoding="utf-8")
    return file.is_file() and now == file.read_text(encoding="utf-8")


async def asked(path: Path) -> None:
    """Have somebody ask for something, and do it."""
    db = await open_database(path, synchronous="normal")
    who = "night.shift(1004)"
    act = {"action": "pause_integration", "target": "orchard", "detail": {"integration": "orchard"}}
    async with db.transaction() as c:
        await commands.leave(c, PauseIntegration("orchard"), actor=who, now_ms=NOW_MS)
        await audit.append(c, VAULT, actor=who, at_ms=NOW_MS, **act)
    await db.close()


async def examined() -> list[Check]:
    """What the doctor of another process found, so that it tells of no machine."""
    return [
        Check("python", State.OK, "3.11.9, SQLite 3.40.1"),
        Check(
            "space", State.WARN, "2 GiB free beside the database", "make room: a backup needs as much again"
        ),
        Check("key", State.FAIL, "SISCON_KEY is not set", "set it, or run 'siscon keys init'"),
    ]


@pytest.fixture
def _no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console that sees of itself and its terminal what every other sees."""
    for name in ("SSH_CONNECTION", "SSH_TTY", "TMUX", "STY", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setattr(Lag, "worst_ms", 12.0)
    monkeypatch.setattr(own_checks, "__version__", "0.1.0")  # as that of the engine
    monkeypatch.setattr(own_checks, "this_process", lambda: "process 4711, 61 MiB (64 at most), 14 tasks")


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one == "mono" else pytest.mark.long) for one in LOOKS]
)
@pytest.mark.usefixtures("_no_machine")
async def test_every_screen_looks_as_it_did(filled: Filled, name: str) -> None:
    other = []
    path = await filled()
    await asked(path)
    async with console(path, looks=LOOKS[name], aside=Aside(examined, what_was_sent)) as pilot:
        for screen in SCREENS:
            now = "\n".join(await seen(pilot, screen, name)) + "\n"
            if name == "ascii":
                assert now.isascii(), screen
            if not as_it_was(f"{name}/{screen}", now):
                other.append(screen)
    assert other == [], "see the top of this file"


async def test_the_crash_page_looks_as_it_did(
    empty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fall() -> None:
        raise RuntimeError("Amara Okonkwo")

    async def die() -> None:
        async with console(empty, log_dir=tmp_path / "logs") as pilot:
            pilot.app.call_later(fall)
            await pilot.pause()

    with pytest.raises(RuntimeError):
        await die()
    (detail,) = (tmp_path / "logs").iterdir()
    told = capsys.readouterr().err.replace(str(detail), "logs/crash.txt")
    assert as_it_was("crash", told), "see the top of this file"


def test_no_snapshot_is_of_a_screen_that_is_gone() -> None:
    kept = {(file.parent.name, file.stem) for file in SNAPSHOTS.glob("*/*.txt")}
    assert kept == {(name, screen) for name in LOOKS for screen in SCREENS}

"""The terminal shows the same as if every update had been sent whole, and is sent less."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pyte
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip

from siscon.tui.wire import Wire, marks_of
from support.clock import LIMIT_S
from support.terminals import Terminal, console_words, terminal

Filled = Callable[..., Awaitable[Path]]
SIZE = Size(24, 4)
STYLES = [
    *(
        "none",
        "bold",
        "dim",
        "reverse",
        "underline",
        "bold reverse",
        "red",
        "red on blue",
        "bold red on blue",
    ),
    *(
        "#102030 on #405060",
        "#102030 on #405061",
        "reverse #102030 on #405060",
        "on blue",
        "underline on blue",
    ),
]
texts = st.text(st.sampled_from("ab ─●漢字é…x  "), min_size=1, max_size=9)
segments = st.builds(lambda text, style: Segment(text, Style.parse(style)), texts, st.sampled_from(STYLES))
lines = st.lists(segments, max_size=5).map(lambda told: Strip(told).adjust_cell_length(SIZE.width))
ANYWHERE = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
updates = st.tuples(st.integers(0, SIZE.height - 1), st.lists(lines, min_size=1, max_size=SIZE.height))


def update(y: int, told: list[Strip]) -> LayoutUpdate:
    told = told[: SIZE.height - y]
    return LayoutUpdate([[strip] for strip in told], Region(0, y, SIZE.width, len(told)))


def plainer(style: Style) -> Style:
    """The same style, its ink one of 256 colours."""
    return (
        style + Style(color=style.color.downgrade(ColorSystem.EIGHT_BIT))
        if style.color is not None
        else style
    )


def whole(y: int, told: list[Strip]) -> str:
    """What Textual would send, with inks of 256 colours."""
    rows = enumerate(told[: SIZE.height - y], y)
    return "".join(
        f"\x1b[{at + 1};1H"
        + "".join(
            Strip.render_style(plainer(style or Style.null()), text, ColorSystem.TRUECOLOR)
            for text, style, _ in strip
        )
        for at, strip in rows
    )


def shown(screen: pyte.Screen) -> list[object]:
    """What one sees: signs with their ground, and of signs that are no blanks their ink and way as well."""

    def seen(cell: pyte.screens.Char) -> object:
        decorated = cell.reverse or cell.underscore
        if cell.data == " " and not decorated:
            return (" ", cell.bg)
        return (cell.data, cell.bg, cell.fg, cell.bold, cell.reverse, cell.underscore)

    return [seen(screen.buffer[y][x]) for y in range(screen.lines) for x in range(screen.columns)]


@ANYWHERE
@given(st.lists(updates, min_size=1, max_size=6))
def test_the_terminal_shows_the_same_as_if_all_had_been_sent(told: list[tuple[int, list[Strip]]]) -> None:
    wire = Wire()
    less, full = pyte.Screen(*SIZE), pyte.Screen(*SIZE)
    streams = pyte.Stream(less), pyte.Stream(full)
    first = (0, [Strip.blank(SIZE.width)] * SIZE.height)
    for y, strips in [first, *told]:
        streams[0].feed(wire.take(update(y, strips), SIZE, ColorSystem.TRUECOLOR))
        streams[1].feed(whole(y, strips))
        assert shown(less) == shown(full)


doubtful = st.text(
    st.sampled_from(["a", "b", " ", "漢", "\U0001f3fd", "\U0001f1f3", "\u0301", "\u0e33"]), max_size=9
)
doubtful_lines = st.lists(
    st.builds(lambda text: Segment(text, Style.parse("red")), doubtful), max_size=4
).map(lambda told: Strip(told).adjust_cell_length(SIZE.width))


AT_THE_EDGE = Strip([Segment("a" * 22), Segment("aa\U0001f3fd")])


@ANYWHERE
@given(st.lists(st.tuples(st.integers(0, 3), st.lists(doubtful_lines, min_size=1, max_size=4)), max_size=6))
@example([(0, [AT_THE_EDGE])])
def test_signs_whose_width_the_terminal_takes_otherwise_move_nothing_and_leave_nothing(
    told: list[tuple[int, list[Strip]]],
) -> None:
    wire, screen = Wire(), pyte.Screen(*SIZE)
    screen.reset_mode(pyte.modes.DECAWM)  # as Textual sets every terminal
    stream = pyte.Stream(screen)
    for y, strips in told:
        stream.feed(wire.take(update(y, strips), SIZE, ColorSystem.TRUECOLOR))
        for at, strip in enumerate(strips[: SIZE.height - y], y):
            for x, (sign, _) in enumerate(marks_of(strip, ColorSystem.TRUECOLOR)):
                if sign and sign in "ab ":
                    assert screen.buffer[at][x].data == sign


def test_of_cells_that_nothing_was_told_of_nothing_is_sent() -> None:
    wire = Wire()
    part = LayoutUpdate([[Strip([Segment("a漢")])]], Region(4, 0, 3, 1))
    assert wire.take(part, SIZE, ColorSystem.TRUECOLOR) == "\x1b[1;5Ha漢"


@ANYWHERE
@given(updates)
def test_what_stands_there_already_is_not_sent(told: tuple[int, list[Strip]]) -> None:
    wire = Wire()
    assert wire.take(update(*told), SIZE, ColorSystem.TRUECOLOR)
    assert wire.take(update(*told), SIZE, ColorSystem.TRUECOLOR) == ""
    wire.forget()
    assert wire.take(update(*told), SIZE, ColorSystem.TRUECOLOR)


def test_one_sign_that_changes_is_one_sign_that_is_sent() -> None:
    wire = Wire()
    wire.take(update(0, [Strip([Segment("4,300 of 6,040".ljust(24))])]), SIZE, ColorSystem.TRUECOLOR)
    told = wire.take(update(0, [Strip([Segment("4,400 of 6,040".ljust(24))])]), SIZE, ColorSystem.TRUECOLOR)
    assert told == "\x1b[1;3H4"


def test_no_control_character_passes_whoever_let_it_come_so_far() -> None:
    strip = Strip([Segment("a\x1b]52;c;eA==\x07b\x9b31mc")]).adjust_cell_length(SIZE.width)
    told = Wire().take(update(0, [strip]), SIZE, ColorSystem.TRUECOLOR)
    assert told.startswith("\x1b[1;1H")
    assert not set(told[6:]) & {"\x1b", "\x07", "\x9b"}


def cells(one: Terminal) -> list[object]:
    """What stands between the bars: those may tell another minute."""
    told = shown(one.screen)
    return told[one.screen.columns : -2 * one.screen.columns]


@pytest.mark.long
@pytest.mark.parametrize("looks", ["theme='dark'", "theme='ansi'", "theme='mono', glyphs='ascii'"])
async def test_painting_the_whole_screen_anew_changes_nothing_that_one_sees(
    filled: Filled, looks: str
) -> None:
    words = console_words(await filled(), f"{{'looks': Looks({looks})}}")
    with terminal(words, width=100, height=30) as one:
        assert one.shows("lakeside")
        for keys in ("j", "jj", "4", "j", "\r", "5", "\r", "6", "G", "3", "\t", "2"):
            one.press(keys)
            assert one.brings(":", "tab completes"), "a line opens when all that was typed before is done"
            one.press("\x1b")
            assert one.shows_no_more("tab completes")
            one.quiet(2.0)
            before = cells(one)
            one.press("r")
            assert one.take(LIMIT_S)
            one.quiet(0.5)
            assert one.comes_to(lambda before=before: cells(one) == before)  # type: ignore[misc] # bound now

"""What goes to the terminal: only cells that differ from those that stand there.

Textual paints whole rows, whole widgets, and after every change of layout the whole screen again, however little of it
is new. Here the cells that were sent are remembered, and an update is lessened to what changes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from unicodedata import category

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip


class Paint(NamedTuple):
    """How a cell is painted: codes that the terminal is told."""

    ways: tuple[str, ...] = ()
    ink: str = ""
    ground: str = ""


Mark = tuple[str, Paint]
"""A cell: what stands in it, and how. The second half of a wide sign is empty."""
BARE = Paint()
UNKNOWN: Mark = ("?", Paint(("?",)))
"""A cell of which nothing was told yet; it is never sent."""
BRIDGE = 4
"""So few cells that stay are sent again rather than jumped over: the jump costs as much."""
_ENDS = {"1": "22", "2": "22", "3": "23", "4": "24", "7": "27", "9": "29"}
"""What ends a way of painting: bold and dim have the same end."""


class Wire:
    """What the terminal shows, as far as it was told."""

    def __init__(self) -> None:
        self._size = Size(0, 0)
        self._lines: list[list[Mark]] = []

    def forget(self) -> None:
        """Suppose nothing of what the terminal shows: the next updates are sent whole."""
        self._size = Size(0, 0)

    def lessened(self, update: CompositorUpdate, size: Size) -> CompositorUpdate:
        """An update that sends what differs; one of a kind that is not known is sent as it is."""
        if isinstance(update, (LayoutUpdate, ChopsUpdate)):
            return _Lessened(self, update, size)
        self.forget()
        return update

    def take(self, update: LayoutUpdate | ChopsUpdate, size: Size, colours: ColorSystem) -> str:
        """What must be sent for an update; it counts as sent."""
        if size != self._size:
            self._size = size
            self._lines = [[UNKNOWN] * size.width for _ in range(size.height)]
        fresh: dict[int, list[Mark]] = {}
        for y, x, strip in _pieces(update):
            if y < size.height:
                line = fresh.setdefault(y, self._lines[y].copy())
                marks = marks_of(strip, colours)[: size.width - x]
                line[x : x + len(marks)] = marks
        told = [piece for y in sorted(fresh) for piece in _changes(y, self._lines[y], fresh[y])]
        for y, line in fresh.items():
            self._lines[y] = line
        return "".join(_painted(told, size.width))


class _Lessened(CompositorUpdate):
    """An update that asks the wire what of it is new when it is written, and not before: some are never written."""

    def __init__(self, wire: Wire, update: LayoutUpdate | ChopsUpdate, size: Size) -> None:
        self.wire, self.update, self.size = wire, update, size

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The whole update; only the terminal gets less."""
        return self.update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        """What the terminal is sent."""
        colours = console._color_system or ColorSystem.TRUECOLOR
        return self.wire.take(self.update, self.size, colours)


def _pieces(update: LayoutUpdate | ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Line, column and strip of everything that an update paints."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield y, x, strip
                x += strip.cell_length
        return
    for y, start, stop in update.spans:
        for end, (x, chop) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if chop is not None and x <= stop and end > start:
                yield y, x, chop.crop(0, min(end, stop) - x)


@lru_cache(2048)
def _paints(style: Style, colours: ColorSystem) -> tuple[Paint, Paint]:
    """How signs are painted in a style, and how blanks are: of those one sees the ground alone, mostly.

    Of 24-bit colours only grounds make use: on thin signs nobody tells them from 256, whose codes are half as long.
    """
    inks = ColorSystem.EIGHT_BIT if colours is ColorSystem.TRUECOLOR else colours
    ink = style.color.downgrade(inks).get_ansi_codes() if style.color else ()
    ground = style.bgcolor.downgrade(colours).get_ansi_codes(foreground=False) if style.bgcolor else ()
    ways = tuple(code for code, way in _WAYS if getattr(style, way))
    paint = Paint(ways, ";".join(ink), ";".join(ground))
    return paint, paint if _SEEN.intersection(ways) else Paint(ground=paint.ground)


_AGREED = re.compile(
    "[ -\u02ff\u0370-\u0482\u048a-\u052f\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2100-\u22ff"
    "\u2500-\u25fc\u2716\u2800-\u28ff\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60]?"
)
"""Signs that take as many cells on every terminal, one or two; and the second half of a wide one."""
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_WAYS = (("1", "bold"), ("2", "dim"), ("3", "italic"), ("4", "underline"), ("7", "reverse"), ("9", "strike"))
_SEEN = frozenset("479")
"""Ways of painting that one sees in a blank, too."""


def marks_of(strip: Strip, colours: ColorSystem) -> list[Mark]:
    """The cells of a strip."""
    marks: list[Mark] = []
    for text, style, control in strip:
        if control:
            continue
        paint, blank = (BARE, BARE) if style is None else _paints(style, colours)
        if _CONTROLS.search(text):  # none should have come so far; here is the last door
            text = _CONTROLS.sub("?", text)
        if text.isascii():
            marks += [(sign, blank if sign == " " else paint) for sign in text]
            continue
        for sign, width in _signs(text):
            marks.append((sign, blank if sign == " " else paint))
            marks += [("", paint)] * (width - 1)
    return marks


def _signs(text: str) -> list[tuple[str, int]]:
    """The signs of a text with what joins them, and how many cells each takes."""
    signs: list[tuple[str, int]] = []
    joined, width = "", 0
    for sign in text:
        cells = cell_len(sign)
        if cells and width:
            signs.append((joined, width))
            joined, width = "", 0
        if cells or width:  # what joins, and has nothing before it, would change another cell
            joined, width = joined + sign, width + cells
    if width:
        signs.append((joined, width))
    whole = cell_len(text)
    return signs if sum(width for _, width in signs) == whole else [(text, whole)]


@lru_cache(4096)
def _reach(sign: str) -> int:
    """How many cells a sign may take at most: terminals do not agree on flags, skin tones and many scripts."""
    if _AGREED.fullmatch(sign):
        return 1
    return sum(2 for one in sign if category(one) not in ("Mn", "Me"))


def _changes(y: int, old: list[Mark], new: list[Mark]) -> Iterator[tuple[int, int, list[Mark]]]:
    """Line, column and cells of what differs in a line."""
    places = [x for x, (before, after) in enumerate(zip(old, new, strict=True)) if before != after]
    if not places:
        return
    ends = [
        at
        for at, (one, other) in enumerate(pairwise(places))
        if other - one > BRIDGE or UNKNOWN in new[one + 1 : other]
    ]
    starts = [0, *(at + 1 for at in ends)]
    sent = 0
    for first, last in zip(starts, [*ends, len(places) - 1], strict=True):
        start, stop = places[first], places[last] + 1
        while start > 0 and not new[start][0]:
            start -= 1
        reach = max(x + _reach(new[x][0]) for x in range(start, stop))
        while stop < len(new) and (not new[stop][0] or stop < reach) and new[stop] != UNKNOWN:
            reach = max(reach, stop + _reach(new[stop][0]))
            stop += 1
        start = max(start, sent)
        if start < stop:
            yield y, start, new[start:stop]
        sent = max(sent, stop)


def _painted(changes: list[tuple[int, int, list[Mark]]], width: int) -> Iterator[str]:
    now = BARE
    for y, x, marks in changes:
        yield f"\x1b[{y + 1};{x + 1}H"
        for at, (sign, paint) in enumerate(marks, x + 1):
            if (
                sign == " "
                and paint.ground == now.ground
                and not paint.ways
                and not _SEEN.intersection(now.ways)
            ):
                yield sign
                continue
            if paint is not now and paint != now:
                yield f"\x1b[{';'.join(_steps(now, paint))}m"
                now = paint
            yield sign if _reach(sign) < 2 else _held(y, at, sign, room=width + 1 - at)
    if now != BARE:
        yield "\x1b[0m"


def _held(y: int, x: int, sign: str, *, room: int) -> str:
    """A sign of doubtful width: what it leaves free is blank, and what follows stands where it should.

    At the edge, where a terminal that counts it wider would take the cells before it, only what is agreed of it.
    """
    width = max(1, cell_len(sign))
    if _reach(sign) > room:
        sign = sign[0] if _AGREED.fullmatch(sign[0]) else "?"
    return f"{' ' * width}\x1b[{y + 1};{x}H{sign}\x1b[{y + 1};{x + width}H"


@lru_cache(4096)
def _steps(now: Paint, paint: Paint) -> tuple[str, ...]:
    """The codes that lead from one way of painting to another."""
    if paint == BARE:
        return ("0",)
    ended = {_ENDS[way]: None for way in now.ways if way not in paint.ways}
    begun = [way for way in paint.ways if way not in now.ways or _ENDS[way] in ended]
    ink = () if paint.ink == now.ink else (paint.ink or "39",)
    ground = () if paint.ground == now.ground else (paint.ground or "49",)
    return (*ended, *begun, *ink, *ground)

"""The context bar: where one is, or the way down to it; at its right what one must not overlook (badges)."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from siscon.domain.roles import Role
from siscon.tui.actions import BY_ID, PANES
from siscon.tui.keymap import key_of, keyed
from siscon.tui.options import ConsoleOptions
from siscon.tui.past import replay_badge
from siscon.tui.present import Look, foreign
from siscon.tui.widgets.columns import cut
from siscon.tui.widgets.status_bar import Part

ROOM_FOR_WORDS = 110
"""In a narrower window only the present main screen is written out: the badges need the room."""
LEAST_CRUMB, MOST_CRUMB = 12, 30
MOST_NAME, MOST_ZONE = 16, 24
LEAST_WORD = 4
"""A name or a zone of which less would be left is left out."""


def profile_badge(options: ConsoleOptions, look: Look, most: int = MOST_NAME) -> Part | None:
    """Whose data these are; loud where they are real."""
    name = _shortened(foreign(options.profile, limit=MOST_NAME).text, most, look)
    if options.production:
        return Part(f" {name} PRODUCTION " if name else " PRODUCTION ", "bad")
    return Part(f" {name} ", "strong") if name else None


def read_only_badge(options: ConsoleOptions) -> Part | None:
    """This console changes nothing; of a replay that goes without saying."""
    return Part(" READ-ONLY ", "warn") if options.read_only and options.past is None else None


def role_badge(options: ConsoleOptions) -> Part | None:
    """What this person may do, where that is not everything; while the configuration is being read nobody knows."""
    return (
        None
        if options.role is Role.ADMIN or options.settle is not None
        else Part(f" {options.role.name.lower()} ", "dim")
    )


def zone_badge(look: Look, most: int = MOST_ZONE) -> Part | None:
    """Whose times these are, where they stand in the place of how long ago: the place, where there is little room."""
    zone = foreign(look.zone, limit=MOST_ZONE).text
    if cell_len(zone) > most:
        zone = _shortened(zone.rpartition("/")[2], most, look)
    return Part(f" {zone} ", "dim") if look.exact and zone else None


def badges_of(options: ConsoleOptions, look: Look, room: int) -> list[Part]:
    """The badges of this console, as they stand now, from left to right.

    Where there is too little room the profile's name gives way first, then the zone; all others stand in any case.
    """
    steps = (
        (MOST_NAME, MOST_ZONE),
        (LEAST_WORD, MOST_ZONE),
        (LEAST_WORD, LEAST_WORD),
        (0, LEAST_WORD),
        (0, 0),
    )
    for name, zone in steps:
        parts = _badges(options, look, name, zone)
        spare = room - _width(parts)
        if spare >= 0:
            name, zone = (name, zone + spare) if zone == LEAST_WORD else (name + spare if name else 0, zone)
            return _badges(options, look, name, zone)
    return parts


def _badges(options: ConsoleOptions, look: Look, name: int, zone: int) -> list[Part]:
    found = (
        profile_badge(options, look, name),
        read_only_badge(options),
        replay_badge(options, look),
        role_badge(options),
        zone_badge(look, zone),
    )
    return [part for part in found if part is not None]


def _shortened(text: str, most: int, look: Look) -> str:
    """A text at most so wide; nothing where that leaves too little of it."""
    if cell_len(text) <= most:
        return text
    return cut(text, most, more=look.glyphs.more).rstrip() if most >= LEAST_WORD else ""


def main_parts(current: str, width: int, room: int) -> list[Part]:
    """The main screens with their keys. In a wide window as many in words as there is room for, from the first on and
    the present one in any case; in a narrow one only that.
    """
    if width >= ROOM_FOR_WORDS:
        wide = _main_parts(current, PANES, gap=" ")
        if _width(wide) <= room:
            return wide
        for named in range(len(PANES), 0, -1):
            parts = _main_parts(current, PANES[:named])
            if _width(parts) <= room:
                return parts
    return _main_parts(current, ())


def _main_parts(current: str, named: Sequence[str], gap: str = "") -> list[Part]:
    parts = []
    for name in PANES:
        here = name == current
        action = BY_ID[name]
        words = f" {action.word}{gap}" if here or name in named else ""
        parts.append(Part(f" {key_of(name)}{words}", "strong" if here else "dim", name))
    return parts


def way_parts(crumbs: Sequence[tuple[int, str]], room: int, more: str) -> list[Part]:
    """The way down to where one is. A click on a part leads back there; ``crumbs`` are depth in the stack and words.

    Where there is little room, what lies between the first and the last is left out, then the first.
    """
    shown = list(crumbs)
    while len(shown) > 1 and _width(_way(shown, len(shown) < len(crumbs), more)) > room:
        del shown[1 if len(shown) > 2 else 0]
    parts = _way(shown, len(shown) < len(crumbs), more)
    over = _width(parts) - room
    if over > 0:
        last = parts[-1]
        size = max(LEAST_CRUMB, cell_len(last.text) - over)
        parts[-1] = Part(cut(last.text, size, more=more), last.tone, last.action)
    return parts


def _way(crumbs: Sequence[tuple[int, str]], gap: bool, more: str) -> list[Part]:
    parts = [Part(" ")]
    for at, (depth, words) in enumerate(crumbs):
        last = at == len(crumbs) - 1
        if gap and last:
            parts.append(Part(f"{more} > ", "dim"))
        parts.append(Part(words, "strong" if last else "", "" if last else f"app.up({depth})"))
        if not last:
            parts.append(Part(" > ", "dim"))
    return parts


def _width(parts: Sequence[Part]) -> int:
    return sum(cell_len(part.text) for part in parts)


def least_room(crumbs: Sequence[tuple[int, str]], name: str) -> int:
    """How much the left of the context bar needs in any case: the keys of the main screens, or where one is."""
    if name in PANES:
        return _width(_main_parts(name, ()))
    return min(MOST_CRUMB, max(LEAST_CRUMB, cell_len(crumbs[-1][1]))) + len(" … > ")


def context_parts(
    crumbs: Sequence[tuple[int, str]], name: str, *, width: int, room: int, look: Look
) -> list[Part]:
    """What stands at the left of the context bar: on a main screen all of them, else the way down to this one."""
    return main_parts(name, width, room) if name in PANES else way_parts(crumbs, room, look.glyphs.more)


def no_engine(*, may_start: bool) -> list[Part]:
    """What the status line says first where no engine is alive."""
    told = Part(" No engine is alive: nothing is fetched or applied. ", "bad", short=" No engine is alive. ")
    start = Part(keyed("{start_engine} starts one. "), "strong", "start_engine")
    return [told, start] if may_start else [told]

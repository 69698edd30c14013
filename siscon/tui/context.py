"""The context bar: where one is, or the way down to it; at its right what one must not overlook (badges)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from siscon.domain.roles import Role
from siscon.tui.actions import BY_ID, PANES
from siscon.tui.keymap import key_of
from siscon.tui.options import ConsoleOptions
from siscon.tui.past import replay_badge
from siscon.tui.present import Look, foreign
from siscon.tui.widgets.columns import cut
from siscon.tui.widgets.status_bar import Part

ROOM_FOR_WORDS = 110
"""In a narrower window only the present main screen is written out: the badges need the room."""
LEAST_CRUMB = 12

Badge = Callable[[ConsoleOptions, Look], Part | None]


def read_only_badge(options: ConsoleOptions, look: Look) -> Part | None:  # noqa: ARG001 # a badge is given both
    """This console changes nothing; of a replay that goes without saying."""
    return Part(" READ-ONLY ", "warn") if options.read_only and options.past is None else None


def role_badge(options: ConsoleOptions, look: Look) -> Part | None:  # noqa: ARG001 # a badge is given both
    """What this person may do, where that is not everything."""
    return None if options.role is Role.ADMIN else Part(f" {options.role.name.lower()} ", "dim")


def profile_badge(options: ConsoleOptions, look: Look) -> Part | None:  # noqa: ARG001 # a badge is given both
    """Whose data these are; loud where they are real."""
    name = foreign(options.profile, limit=16).text
    if options.production:
        return Part(f" {name} PRODUCTION " if name else " PRODUCTION ", "bad")
    return Part(f" {name} ", "strong") if name else None


def zone_badge(options: ConsoleOptions, look: Look) -> Part | None:  # noqa: ARG001 # a badge is given both
    """Whose times these are, where they stand in the place of how long ago."""
    return Part(f" {foreign(look.zone, limit=24).text} ", "dim") if look.exact else None


BADGES: tuple[Badge, ...] = (profile_badge, read_only_badge, replay_badge, role_badge, zone_badge)
"""From left to right. A badge gives None where it has nothing to say; whoever has a new one puts it in here."""


def badges_of(options: ConsoleOptions, look: Look) -> list[Part]:
    """The badges of this console, as they stand now."""
    return [part for badge in BADGES if (part := badge(options, look)) is not None]


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


def context_parts(
    crumbs: Sequence[tuple[int, str]], name: str, *, width: int, room: int, look: Look
) -> list[Part]:
    """What stands at the left of the context bar: on a main screen all of them, else the way down to this one."""
    return main_parts(name, width, room) if name in PANES else way_parts(crumbs, room, look.glyphs.more)

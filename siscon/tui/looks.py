"""What a console looks like: what a person wished, and what the terminal is known to bear where nobody did."""

from __future__ import annotations

import locale
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from textual.driver import Driver

from siscon.tui.present import GLYPHS, Look
from siscon.tui.themes import ThemeName

SLOW_TICK_S = 5.0

_NO_COLOURS = ("", "dumb", "unknown", "vt100", "vt102", "vt220")
_NO_SIGNS = ("linux", *_NO_COLOURS)
_MANY_COLOURS = ("256color", "direct", "kitty")


@dataclass(frozen=True, slots=True)
class Looks:
    """What was wished, on the command line or in the configuration; ``auto`` leaves it to the terminal."""

    theme: Literal["auto"] | ThemeName = "auto"
    glyphs: Literal["auto", "ascii", "block", "braille"] = "auto"
    slow_link: bool = False
    mouse: bool = True
    clock: bool = True


AS_THE_TERMINAL = Looks()


def theme_for(looks: Looks, environ: Mapping[str, str]) -> ThemeName:
    """The theme that was wished; else none of colour if that is asked for, one of few for a poor terminal or line."""
    if looks.theme != "auto":
        return looks.theme
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR") or term in _NO_COLOURS:
        return "mono"
    if looks.slow_link:
        return "ansi"
    many = environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith(_MANY_COLOURS)
    return "dark" if many else "ansi"


def needs_ascii(environ: Mapping[str, str]) -> bool:
    """Whether a terminal is better shown ASCII signs only: the Linux console, or a locale that is not UTF-8."""
    if environ.get("TERM", "") in _NO_SIGNS:
        return True
    return locale.getpreferredencoding(False).replace("-", "").lower() != "utf8"


def look_at(look: Look, looks: Looks, zone: str, environ: Mapping[str, str]) -> None:
    """Make a look as it was wished; screens that are shown already keep the same object."""
    glyphs = looks.glyphs
    if glyphs == "auto":
        glyphs = "ascii" if needs_ascii(environ) else "block"
    look.glyphs = GLYPHS[glyphs]
    look.zone = ZoneInfo(zone)
    look.pictures = look.follows = not looks.slow_link
    look.clock = looks.clock and not looks.slow_link
    look.tick_s = SLOW_TICK_S if looks.slow_link else 1.0


def leave_mouse_alone(driver: Driver) -> None:
    """Let the terminal have its mouse back, in a console that runs already; Textual only asks before it starts."""
    if getattr(driver, "_mouse", False):
        release = getattr(driver, "_disable_mouse_support", None)
        if release is not None:
            release()
        driver._mouse = False

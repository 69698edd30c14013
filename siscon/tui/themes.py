"""The colours: calm, few; loud is what needs a person. Grounds are so grey that 256 colours keep them grey. The cursor
of ``contrast`` is its row turned over, so no pair comes nearer. ``ansi`` names the terminal's own colours, ``mono``
none; both are finished by :class:`OwnColours`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.scrollbar import ScrollBarRender
from textual.theme import Theme

ThemeName = Literal["dark", "light", "contrast", "ansi", "mono"]

BACKGROUNDS = ("background", "surface", "panel", "cursor", "cursor-off")
"""Names of the style sheet on which text stands."""
INKS = ("foreground", "text-muted", "text-success", "text-warning", "text-error", "text-primary")
"""Names of the style sheet in which text is written."""


def _theme(
    name: ThemeName, colours: dict[str, str], *, dark: bool, ansi: bool = False, turned: bool = False
) -> Theme:
    """A theme from the names of the style sheet.

    ``turned``: the cursor is its row in reverse, and what lies behind a dialog is not dimmed, so no pair is faint.
    """
    bars = colours.pop("bar"), colours.pop("bar-ground")
    return Theme(
        name=name,
        primary=colours["text-primary"],
        secondary=colours["text-muted"],
        accent=colours["text-primary"],
        success=colours["text-success"],
        warning=colours["text-warning"],
        error=colours["text-error"],
        foreground=colours["foreground"],
        background=colours["background"],
        surface=colours["surface"],
        panel=colours["panel"],
        dark=dark,
        ansi=ansi,
        variables={
            **colours,
            "cursor-style": "reverse" if turned else "none",
            "cursor-off-style": "underline" if ansi else "none",
            "veil": "transparent" if turned else f"{colours['background']} 60%",
            "ansi-background": colours["background"],
            "ansi-foreground": colours["foreground"],
            "text-disabled": colours["text-muted"],
            "input-cursor-background": colours["foreground"],
            "input-cursor-foreground": colours["background"],
            "input-cursor-text-style": "none",
            "input-selection-background": colours["cursor-off"],
            "input-selection-foreground": colours["foreground"],
            "scrollbar": bars[0],
            "scrollbar-hover": bars[0],
            "scrollbar-active": bars[0],
            "scrollbar-background": bars[1],
            "scrollbar-background-hover": bars[1],
            "scrollbar-background-active": bars[1],
        },
    )


DARK = _theme(
    "dark",
    {
        "foreground": "#d3d7de",
        "background": "#15171b",
        "surface": "#1b1e23",
        "panel": "#252a31",
        "cursor": "#30363e",
        "cursor-off": "#262b32",
        "text-muted": "#9ba4b4",
        "text-success": "#8fc796",
        "text-warning": "#e6bb63",
        "text-error": "#f08a82",
        "text-primary": "#8fb8df",
        "bar": "#4a5564",
        "bar-ground": "#1a1e25",
    },
    dark=True,
)
LIGHT = _theme(
    "light",
    {
        "foreground": "#1d232b",
        "background": "#f7f8fa",
        "surface": "#eef1f4",
        "panel": "#e5e7ea",
        "cursor": "#cfe0f0",
        "cursor-off": "#e2e5e8",
        "text-muted": "#4f5866",
        "text-success": "#17602c",
        "text-warning": "#6b4300",
        "text-error": "#a81f17",
        "text-primary": "#17528c",
        "bar": "#8a94a3",
        "bar-ground": "#e2e7ed",
    },
    dark=False,
)
CONTRAST = _theme(
    "contrast",
    {
        "foreground": "#ffffff",
        "background": "#000000",
        "surface": "#000000",
        "panel": "#1c1c1c",
        "cursor": "#000000",
        "cursor-off": "#303030",
        "text-muted": "#c8c8c8",
        "text-success": "#7dff9a",
        "text-warning": "#ffd84d",
        "text-error": "#ffb0a8",
        "text-primary": "#9cd3ff",
        "bar": "#ffffff",
        "bar-ground": "#303030",
    },
    dark=True,
    turned=True,
)
_OWN = {
    **dict.fromkeys(("foreground", *BACKGROUNDS), "ansi_default"),
    "text-muted": "ansi_bright_black",
    "text-success": "ansi_green",
    "text-warning": "ansi_yellow",
    "text-error": "ansi_red",
    "text-primary": "ansi_cyan",
    "bar": "ansi_white",
    "bar-ground": "ansi_default",
}
ANSI = _theme("ansi", dict(_OWN), dark=True, ansi=True, turned=True)
MONO = _theme("mono", {**_OWN, "foreground": "ansi_white"}, dark=True, ansi=True, turned=True)
"""Its colours never reach the terminal; one differs from ``ANSI``, so that Textual paints anew between the two."""
THEMES: dict[str, Theme] = {theme.name: theme for theme in (DARK, LIGHT, CONTRAST, ANSI, MONO)}

_DIM, _LINE, _LOUD = Style(dim=True), Style(underline=True), Style(bold=True, underline=True)
_IN_MONO = {1: _LOUD, 3: _LINE}
"""Number of a colour of the terminal -> what says it without colour: red is loud, yellow underlined."""
_MUTED = 8


class OwnColours(LineFilter):
    """The last hand on lines painted in the terminal's own colours.

    Default colours are not sent at all, which is what they mean. Muted text becomes dim: on many terminals the eighth
    colour cannot be told from the background. Without colour, ``mono``, what was red or yellow is bold or underlined
    and every colour goes.
    """

    def __init__(self) -> None:
        super().__init__(enabled=False)
        self.mono = False

    def wear(self, theme: Theme) -> None:
        """Work for this theme from now on."""
        self.enabled, self.mono = theme.ansi, theme.name == "mono"

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 # the shape of a filter
        """The same text in what the terminal is to be told."""
        change = _without_colour if self.mono else _own
        return [Segment(text, style and change(style), control) for text, style, control in segments]


def _bare(style: Style) -> Style:
    """A style without its colours; what a click on it does stays."""
    return style.without_color + Style.from_meta(style.meta) if style.meta else style.without_color


@lru_cache(1024)
def _own(style: Style) -> Style:
    ink, ground, rest = style.color, style.bgcolor, _bare(style)
    if ink is not None and ink.number == _MUTED:
        ink, rest = None, rest + _DIM
    if ink is not None and ink.is_default:
        ink = None
    if ground is not None and ground.is_default:
        ground = None
    return rest + Style.from_color(ink, ground)


@lru_cache(1024)
def _without_colour(style: Style) -> Style:
    rest = _bare(style)
    if rest.dim:
        rest += Style(dim=False)
    ground = style.bgcolor
    if ground is not None and not ground.is_default:
        rest += Style(reverse=True)
    if style.color is not None and style.color.number in _IN_MONO:
        rest += _IN_MONO[style.color.number]
    return rest


class WholeBars(ScrollBarRender):
    """Scroll bars of whole cells: every terminal shows them, and a short step paints none of them again."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8

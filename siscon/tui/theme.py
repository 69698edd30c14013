"""The colours: calm, dark, few. What is loud is what needs a person."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBarRender
from textual.theme import Theme

THEME = Theme(
    name="siscon",
    primary="#7aa2c8",
    secondary="#8a94a6",
    accent="#7aa2c8",
    success="#7fb685",
    warning="#e0b050",
    error="#e5736b",
    foreground="#d3d7de",
    background="#14171c",
    surface="#1a1e25",
    panel="#222833",
    dark=True,
    variables={
        "text-muted": "#8a93a3",
        "text-success": "#8fc796",
        "text-warning": "#e6bb63",
        "text-error": "#f08a82",
        "text-primary": "#8fb8df",
        "scrollbar": "#39424f",
        "scrollbar-background": "#1a1e25",
        "scrollbar-hover": "#4a5564",
        "scrollbar-active": "#5b6878",
    },
)


class AsciiBars(ScrollBarRender):
    """Scroll bars of whole cells, for terminals without block signs."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8

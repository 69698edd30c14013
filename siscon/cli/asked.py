"""Options of the screen: how it looks, whether it is only read. They may stand before or after a command with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
_ASKED = "siscon.asked"

THEMES = ("auto", "dark", "light", "contrast", "ansi", "mono")
GLYPHS = ("auto", "ascii", "block", "braille")


def asked_of(ctx: click.Context) -> dict[str, Any]:
    """What was said of the screen, and nothing that was not."""
    return dict(ctx.meta.get(_ASKED, {}))


def _noting(name: str, value: object = None) -> dict[str, Any]:
    """Parts of an option that notes what was said under a name; ``value``: what a flag means."""

    def note(ctx: click.Context, _param: click.Parameter, told: object) -> None:
        if told:
            ctx.meta.setdefault(_ASKED, {})[name] = told if value is None else value

    return {"callback": note, "expose_value": False, "is_flag": value is not None}


def look_options(command: F) -> F:
    """Every option of the screen."""
    words = [
        click.option("--theme", type=click.Choice(THEMES), help="The colours.", **_noting("theme")),
        click.option("--glyphs", type=click.Choice(GLYPHS), help="The signs.", **_noting("glyphs")),
        click.option("--ascii", help="The same as --glyphs ascii.", **_noting("glyphs", "ascii")),
        click.option("--slow-link", help="Paint little and seldom.", **_noting("slow_link", True)),
        click.option("--no-mouse", help="Leave the mouse to the terminal.", **_noting("mouse", False)),
        click.option("--read-only", help="Change nothing, start no engine.", **_noting("read_only", True)),
    ]
    for option in reversed(words):
        command = option(command)
    return command

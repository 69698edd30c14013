"""How one gets from screen to screen: the stack, and the trail of places through which one walks back and on."""

from __future__ import annotations

from importlib import import_module

from siscon.tui.actions import PANES
from siscon.tui.frame import Frame
from siscon.tui.screens.overview import Overview
from siscon.tui.screens.pane import Pane
from siscon.tui.trail import Place, place_of


def screen_class(name: str) -> type[Pane]:
    """A main screen by its name; loaded when it is first visited."""
    found: type[Pane] = vars(import_module(f"siscon.tui.screens.{name}"))[name.capitalize()]
    return found


def go(app: Frame, name: str) -> Pane:
    """Show a main screen: home lies at the bottom, one other main screen above it."""
    keep = 1 if name == Overview.name_ else 2
    while len(app.screen_stack) > keep:
        app.pop_screen()
    here = app.screen
    if isinstance(here, Pane) and here.name_ == name:
        return here
    screen = _main_screen(app, name)
    if len(app.screen_stack) == 1:
        app.push_screen(screen)
    else:
        app.switch_screen(screen)
    return screen


def up(app: Frame, depth: int) -> None:
    """Back to a screen that lies on the way to this one, ``depth`` from the bottom."""
    while len(app.screen_stack) > depth + 1:
        app.pop_screen()


def show(app: Frame, place: Place) -> None:
    """Come to a place again: what lies on both ways stays, the rest is made anew."""
    now = place_of(app.screen_stack)
    common = 0
    while common < min(len(now), len(place)) and now[common] == place[common]:
        common += 1
    up(app, common - 1)
    for kind, made_of in place[common:]:
        if kind.name_ in PANES:
            app.push_screen(_main_screen(app, kind.name_))
            continue
        screen = kind(app.desk, *made_of)
        if left := app.memory.of(screen):
            screen.come_back(left)
        app.push_screen(screen)


def _main_screen(app: Frame, name: str) -> Pane:
    if not app.is_screen_installed(name):
        app.install_screen(screen_class(name)(app.desk), name)
    screen = app.get_screen(name)
    assert isinstance(screen, Pane)
    return screen

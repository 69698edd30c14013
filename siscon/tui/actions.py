"""Everything that keys can do, in one table. Bindings, footer, help, palette and the docs are made from it."""

from __future__ import annotations

from dataclasses import replace

from siscon.tui.action import Action as Action
from siscon.tui.action import Danger as Danger
from siscon.tui.activity_actions import ON_ACTIVITY
from siscon.tui.console_actions import ON_CONSOLE
from siscon.tui.list_actions import ON_LISTS
from siscon.tui.record_actions import ON_RECORDS
from siscon.tui.run_actions import ON_RUNS
from siscon.tui.screen_actions import ON_SCREENS

ACTIONS: tuple[Action, ...] = (*ON_RUNS, *ON_RECORDS, *ON_ACTIVITY, *ON_LISTS, *ON_CONSOLE, *ON_SCREENS)
"""In this order they stand in the footer and in the list of keys."""

BY_ID = {action.id: action for action in ACTIONS}

MOVES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("down", "j"), "down", "next row"),
    (("up", "k"), "up", "row before"),
    (("pagedown", "ctrl+d"), "page_down", "next page"),
    (("pageup", "ctrl+u"), "page_up", "page before"),
    (("g", "home"), "top", "first row"),
    (("G", "end"), "bottom", "last row"),
)
"""Keys of every list: keys, what the list does, words."""

PANES = (
    "overview",
    "tokens",
    "runs",
    "errors",
    "conflicts",
    "records",
    "plans",
    "schedules",
    "activity",
    "doctor",
)
"""The main screens in the order of their keys."""


def actions_of(screen: str) -> list[Action]:
    """The actions that keys of a screen do, its own before those of every screen."""
    own = [
        replace(action, footer=True) if screen in action.footer_on else action
        for action in ACTIONS
        if screen in action.screens and action.keys
    ]
    return own + [
        action for action in ACTIONS if action.keys and not action.screens and screen not in action.not_on
    ]


def looking_back(actions: list[Action]) -> list[Action]:
    """The same actions in a replay: the steps in time stand first in its footer."""
    steps = [replace(one, footer=True) for one in actions if one.id in ("event_back", "event_on")]
    return steps + [one for one in actions if one.id not in {step.id for step in steps}]

"""The part of the table of actions that is about what goes on."""

from __future__ import annotations

from siscon.tui.action import Action

ON_ACTIVITY: tuple[Action, ...] = (
    Action(
        "follow",
        ("f",),
        "Follow",
        "Follow the newest row, or stay where you look.",
        ("activity",),
        twin="siscon events follow",
    ),
    Action(
        "next_level",
        ("l",),
        "Level",
        "All events, from warnings on, or errors alone.",
        ("activity",),
        twin="siscon events list --level",
    ),
    Action(
        "next_error",
        ("n",),
        "Next error",
        "Go to the next error below this row.",
        ("activity",),
        footer=False,
    ),
    Action(
        "error_before",
        ("N",),
        "Error before",
        "Go to the last error above this row.",
        ("activity",),
        footer=False,
    ),
)

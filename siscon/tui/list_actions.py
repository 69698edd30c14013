"""The part of the table of actions that is about lists: opening, narrowing, moving between them."""

from __future__ import annotations

from siscon.tui.action import Action

_OPEN = (
    *("overview", "runs", "errors", "dead", "conflicts", "conflict", "records", "found", "record"),
    *("plans", "plan", "schedules", "activity"),
)
_ORDERED = (
    *("overview", "tokens", "runs", "errors", "dead", "conflicts", "records", "found"),
    *("plans", "plan", "schedules"),
)
_LISTS = (*_ORDERED, "run", "plan_records", "activity", "doctor")
MARKED = ("overview", "runs", "errors", "dead", "conflicts", "records", "found")
"""Screens whose rows can be marked."""

ON_LISTS: tuple[Action, ...] = (
    Action("open", ("enter",), "Open", "Open the row under the cursor.", _OPEN, footer=False),
    Action(
        "next_integration",
        ("i",),
        "Integration",
        "Show the next integration's rows.",
        ("records",),
        twin="siscon mappings list",
    ),
    Action(
        "next_entity",
        ("t",),
        "Entity",
        "Show the next entity.",
        ("records", "plan_records"),
        twin="siscon mappings list",
    ),
    Action(
        "next_status",
        ("u",),
        "Status",
        "Show mappings of the next sync status.",
        ("records",),
        twin="siscon mappings list",
        footer=False,
    ),
    Action(
        "next_pane",
        ("tab",),
        "Other list",
        "Go to the other list of this screen.",
        ("runs", "record", "plan_records", "activity"),
        footer=False,
        footer_on=("activity",),
    ),
    Action("mark", ("space",), "Mark", "Mark this row, or let it go, and move down.", MARKED, footer=False),
    Action(
        "mark_to",
        ("ctrl+space", "ctrl+@"),
        "Mark to here",
        "Mark from the row marked last to this one.",
        MARKED,
        footer=False,
    ),
    Action("mark_all", ("asterisk",), "Mark all", "Mark all that the filter shows.", MARKED, footer=False),
    Action("unmark", ("ctrl+backslash",), "Unmark", "Let all marked rows go.", MARKED, footer=False),
    Action(
        "filter",
        ("slash",),
        "Filter",
        "Only the rows meant: a text, entity=student, age>2d.",
        _LISTS,
    ),
    Action("order", ("o",), "Order", "Order by the next column.", _ORDERED, footer=False),
    Action("order_back", ("O",), "Other way", "Order the other way round.", _ORDERED, footer=False),
)

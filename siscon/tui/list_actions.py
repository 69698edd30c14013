"""The part of the table of actions that is about lists: opening, narrowing, moving between them."""

from __future__ import annotations

from siscon.tui.action import Action

_OPEN = (
    *("overview", "runs", "errors", "dead", "conflicts", "conflict", "records", "found", "record"),
    *("plans", "plan", "schedules", "activity"),
)
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
    Action(
        "filter",
        ("slash",),
        "Find",
        "Show only rows that hold a text; none shows all.",
        ("overview", "tokens", "run", "errors", "records", "schedules", "activity", "doctor"),
    ),
)

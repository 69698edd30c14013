"""The part of the table of actions that leads to the main screens."""

from __future__ import annotations

from siscon.tui.action import Action

ON_SCREENS: tuple[Action, ...] = (
    Action(
        "overview",
        ("1",),
        "Health",
        "How each integration is doing.",
        twin="siscon integrations list",
        footer=False,
    ),
    Action("tokens", ("2",), "Tokens", "Logins and when they end.", twin="siscon tokens list", footer=False),
    Action("runs", ("3",), "Syncs", "What runs now, and what ran.", twin="siscon runs list", footer=False),
    Action(
        "errors", ("4",), "Errors", "Records that failed, by cause.", twin="siscon errors list", footer=False
    ),
    Action(
        "conflicts",
        ("5",),
        "Conflicts",
        "Records that changed on both sides.",
        twin="siscon conflicts list",
        footer=False,
    ),
    Action(
        "records",
        ("6",),
        "Mappings",
        "External ids, internal ids and their state.",
        twin="siscon mappings list",
        footer=False,
    ),
    Action(
        "plans",
        ("7",),
        "Plans",
        "Held runs and dry runs that wait for a word.",
        twin="siscon plans list",
        footer=False,
    ),
    Action(
        "schedules",
        ("8",),
        "Schedules",
        "When runs start by themselves.",
        twin="siscon schedules list",
        footer=False,
    ),
    Action(
        "activity",
        ("9",),
        "Activity",
        "What siscon reports, and what people did.",
        twin="siscon events list",
        footer=False,
    ),
    Action(
        "doctor",
        ("0",),
        "Doctor",
        "What siscon, this console and its terminal are like.",
        twin="siscon doctor",
        footer=False,
    ),
)

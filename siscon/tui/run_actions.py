"""The part of the table of actions that is about integrations and their runs."""

from __future__ import annotations

from siscon.tui.action import Action, Danger

_RUNS = ("overview", "runs", "run", "plans", "plan")

ON_RUNS: tuple[Action, ...] = (
    Action(
        "sync",
        ("S", "s"),
        "Sync now",
        "Queue an import of this integration (asks).",
        ("overview", "tokens", "runs"),
        Danger.CONFIRM,
        mutates=True,
        twin="siscon sync",
    ),
    Action(
        "full_sync",
        ("F",),
        "Full",
        "Queue an import of everything, to compare (asks).",
        ("overview", "runs"),
        Danger.CONFIRM,
        mutates=True,
        twin="siscon sync --full",
        footer=False,
    ),
    Action(
        "cancel",
        ("X",),
        "Cancel run",
        "Stop this run after the open batch (asks).",
        ("overview", "runs", "run"),
        Danger.CONFIRM,
        mutates=True,
        twin="siscon runs cancel",
    ),
    Action(
        "approve",
        ("A",),
        "Approve",
        "Let a held run apply its plan as shown (asks why).",
        _RUNS,
        Danger.CONFIRM,
        mutates=True,
        twin="siscon runs approve",
        footer=False,
        footer_on=("plans", "plan"),
    ),
    Action(
        "discard",
        ("D",),
        "Discard",
        "End a held run, applying nothing (asks why).",
        _RUNS,
        Danger.CONFIRM,
        mutates=True,
        twin="siscon runs discard",
        footer=False,
        footer_on=("plans", "plan"),
    ),
    Action(
        "pause",
        ("P",),
        "Pause",
        "Pause or resume this integration's schedule (asks).",
        ("overview",),
        Danger.CONFIRM,
        mutates=True,
        twin="siscon integrations pause",
    ),
    Action(
        "renew",
        ("R",),
        "Renew",
        "Ask the SIS for a new access token now (asks).",
        ("tokens",),
        Danger.CONFIRM,
        mutates=True,
        twin="siscon tokens refresh",
    ),
)

"""Everything that keys can do, in one table. Bindings, footer, help, palette and the docs are made from it."""

from __future__ import annotations

from dataclasses import replace

from siscon.tui.action import Action as Action
from siscon.tui.action import Danger as Danger
from siscon.tui.record_actions import ON_RECORDS

_OPEN = (
    *("overview", "runs", "errors", "dead", "conflicts", "conflict", "records", "found", "record"),
    *("plans", "plan"),
)
_RUNS = ("overview", "runs", "run", "plans", "plan")

ACTIONS: tuple[Action, ...] = (
    Action("open", ("enter",), "Open", "Open the row under the cursor.", _OPEN, footer=False),
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
        ("runs", "record", "plan_records"),
        footer=False,
    ),
    *ON_RECORDS,
    Action(
        "filter",
        ("slash",),
        "Find",
        "Show only rows that hold a text; none shows all.",
        ("overview", "tokens", "run", "errors", "records"),
    ),
    Action(
        "start_engine",
        ("e",),
        "Start engine",
        "Start an engine where none is alive (asks).",
        danger=Danger.CONFIRM,
        mutates=True,
        twin="siscon serve",
        footer=False,
    ),
    Action(
        "find_record",
        ("f",),
        "Record",
        "Find a record by an id or the beginning of a name.",
        twin="siscon records find",
    ),
    Action("refresh", ("r",), "Refresh", "Read this screen again.", footer=False),
    Action("freeze", ("p",), "Hold", "Hold the screen still, or let it go on."),
    Action("back", ("escape",), "Back", "Clear the filter, else go back.", footer=False),
    Action("help", ("question_mark", "ctrl+p"), "Keys", "List the keys of this screen; enter runs one."),
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
        "quit", ("q", "ctrl+q"), "Quit", "Leave; asks whether a working engine goes on.", twin="siscon stop"
    ),
    Action(
        "hint", ("ctrl+c",), "How to leave", "Say which key leaves: ctrl+c itself does not.", footer=False
    ),
)

BY_ID = {action.id: action for action in ACTIONS}

MOVES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("down", "j"), "down", "next row"),
    (("up", "k"), "up", "row before"),
    (("pagedown", "ctrl+d", "space"), "page_down", "next page"),
    (("pageup", "ctrl+u"), "page_up", "page before"),
    (("home", "g"), "top", "first row"),
    (("end", "G"), "bottom", "last row"),
)
"""Keys of every list: keys, what the list does, words."""

PANES = ("overview", "tokens", "runs", "errors", "conflicts", "records", "plans")
"""The main screens in the order of their keys."""

_KEY_WORDS = {
    "slash": "/",
    "question_mark": "?",
    "escape": "esc",
    "pagedown": "page down",
    "pageup": "page up",
}


def actions_of(screen: str) -> list[Action]:
    """The actions a screen has, its own before those of every screen."""
    own = [
        replace(action, footer=True) if screen in action.footer_on else action
        for action in ACTIONS
        if screen in action.screens
    ]
    return own + [action for action in ACTIONS if not action.screens]


def key_word(key: str) -> str:
    """A key as it is written for people."""
    return _KEY_WORDS.get(key, key)

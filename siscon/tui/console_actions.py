"""The part of the table of actions that is about the console itself."""

from __future__ import annotations

from siscon.tui.action import Action, Danger

ON_CONSOLE: tuple[Action, ...] = (
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
        not_on=("activity",),
        verbs=("record",),
        takes=("text",),
    ),
    Action(
        "show_run",
        (),
        "Run",
        "Show one run by its number.",
        twin="siscon runs show",
        footer=False,
        verbs=("run",),
        takes=("run",),
    ),
    Action(
        "earlier",
        ("left_square_bracket",),
        "Back",
        "To the screen seen before, as in a browser.",
        footer=False,
    ),
    Action("later", ("right_square_bracket",), "Forward", "To the screen one came back from.", footer=False),
    Action("before", ("minus",), "Before", "The screen before this one; again: this one.", footer=False),
    Action("refresh", ("r",), "Refresh", "Read this screen again.", footer=False),
    Action("freeze", ("p",), "Hold", "Hold the screen still, or let it go on."),
    Action(
        "event_back",
        ("less_than_sign",),
        "Event back",
        "Replay: go back to the event before.",
        twin="siscon show --at",
        footer=False,
    ),
    Action(
        "event_on",
        ("greater_than_sign",),
        "Event on",
        "Replay: go on to the next event.",
        twin="siscon show --at",
        footer=False,
    ),
    Action(
        "at",
        (),
        "At",
        "Replay: go to a time, such as 05:12.",
        twin="siscon show --at",
        footer=False,
        takes=("time", "time?"),
    ),
    Action(
        "back",
        ("escape",),
        "Back",
        "Clear the filter, else go back.",
        footer=False,
        verbs=("back",),
    ),
    Action(
        "command",
        ("colon",),
        "Command",
        "Type a command; tab completes, arrows are the history.",
        footer=False,
    ),
    Action("help", ("question_mark",), "Keys", "List the keys of this screen; enter runs one."),
    Action(
        "quit",
        ("q", "ctrl+q"),
        "Quit",
        "Leave; asks whether a working engine goes on.",
        twin="siscon stop",
        verbs=("q", "quit"),
    ),
    Action(
        "hint", ("ctrl+c",), "How to leave", "Say which key leaves: ctrl+c itself does not.", footer=False
    ),
)

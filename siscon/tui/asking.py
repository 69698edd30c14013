"""What the console asks of others: a command of the engine, an engine of the runtime. Each is told to the person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import App

from siscon.domain.commands import Command, CommandRow, CommandStatus
from siscon.domain.errors import SisconError
from siscon.domain.roles import role_needed
from siscon.ops import Database
from siscon.ops.views import EngineLine
from siscon.tui.options import ConsoleOptions
from siscon.tui.present import Cell, Look
from siscon.tui.widgets.confirm import NO, Ask, Choice, yes_no
from siscon.tui.wishes import Why, Wish

ANSWER_WITHIN_S = 5.0
REFUSAL_S = 15.0
"""So long a refusal stays on the screen: it names who won and what, and is longer than an answer."""


async def ask(app: App[Any], wish: Wish, options: ConsoleOptions, look: Look) -> Command | None:
    """Put the question, and ask for a reason where one belongs to it; the command, or None."""
    if options.role < max(role_needed(one.command) for one in wish.answers):
        app.notify("Your role may not do this. Ask an administrator.", severity="warning", markup=False)
        return None
    answers = {answer.key: answer for answer in wish.answers}
    choices = [Choice("n", "", NO), *(Choice(one.key, one.key, one.words) for one in wish.answers)]
    chosen = await app.push_screen_wait(Ask(wish.title, wish.lines, choices, safe="", look=look))
    if chosen not in answers:
        return None
    command = answers[chosen].command
    if wish.why is Why.NONE:
        return command
    reason = await ask_line(
        app, "Why (stands in the audit)" if wish.why is Why.NEEDED else "Why (may be empty)"
    )
    if reason is None or (wish.why is Why.NEEDED and not reason.strip()):
        app.notify("Nothing was asked: a reason is needed.", severity="warning", markup=False)
        return None
    return replace(command, reason=reason.strip())  # type: ignore[arg-type] # who asks why has a command with a reason


async def ask_line(app: App[Any], words: str, text: str = "") -> str | None:
    """Have one line typed at the foot of the screen; None when the person thinks better of it."""
    from siscon.tui.screens.find import Find

    return await app.push_screen_wait(Find(text, words))


async def submit(
    app: App[Any], db: Database | None, command: Command, options: ConsoleOptions
) -> CommandRow | None:
    """Leave a command and tell what came of it; the row as it was answered, None where it could not be left."""
    from siscon.ops import commands

    if db is None:
        app.notify("The database is not open yet.", severity="warning")
        return None
    try:
        id_ = await commands.submit(db, command, actor=options.actor, role=options.role)
        row = await commands.wait_for(db, id_, timeout_s=ANSWER_WITHIN_S)
    except SisconError as error:
        app.notify(error.sentence, severity="error", timeout=REFUSAL_S, markup=False)
        return None
    if row.status is CommandStatus.PENDING:
        app.notify(
            "Asked, but no engine has answered yet. The request waits until one does.",
            severity="warning",
            timeout=REFUSAL_S,
            markup=False,
        )
        return row
    if row.status is CommandStatus.DONE:
        app.notify(row.answer or "Done.", markup=False)
    else:
        app.notify(row.answer, severity="warning", timeout=REFUSAL_S, markup=False)
    return row


async def offer_engine(app: App[Any], engine: EngineLine | None, options: ConsoleOptions, look: Look) -> None:
    """Start an engine where none is alive, after a question."""
    if engine is None or engine.alive is not None:
        app.notify("An engine is alive already." if engine else "The database is not open yet.", markup=False)
        return
    if options.now_ms() < options.engine_due_by_ms:
        app.notify("An engine was started just now; give it a moment.", markup=False)
        return
    if options.start_engine is None:
        app.notify("Start one with: siscon serve", severity="warning")
        return
    lines = [Cell("Schedules and waiting runs begin to work at once.")]
    question = yes_no("Start an engine here?", lines, look=look, yes="Yes, start it")
    if await app.push_screen_wait(question) != "yes":
        return
    try:
        app.notify(await options.start_engine(), markup=False)
    except SisconError as error:
        app.notify(error.sentence, severity="error", markup=False)

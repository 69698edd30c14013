"""What the console asks of others: a command of the engine, an engine of the runtime. Each is told to the person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import App

from siscon.domain.commands import ApprovePlan, Command, CommandStatus, DiscardPlan
from siscon.domain.errors import SisconError
from siscon.domain.roles import role_needed
from siscon.ops import Database
from siscon.ops.views import EngineLine
from siscon.tui.options import ConsoleOptions
from siscon.tui.present import Cell, Look
from siscon.tui.widgets.confirm import yes_no
from siscon.tui.wishes import Wish

ANSWER_WITHIN_S = 5.0


async def ask(app: App[Any], wish: Wish, options: ConsoleOptions, look: Look) -> Command | None:
    """Put the question, and ask for a reason where one is needed; the command, or None."""
    if options.role < role_needed(wish.command):
        app.notify("Your role may not do this. Ask an administrator.", severity="warning", markup=False)
        return None
    question = yes_no(wish.title, wish.lines, look=look, yes=wish.yes)
    if await app.push_screen_wait(question) != "yes":
        return None
    command = wish.command
    if not isinstance(command, ApprovePlan | DiscardPlan):
        return command
    from siscon.tui.screens.find import Find

    reason = await app.push_screen_wait(Find("", "Why (stands in the audit)"))
    if not reason or not reason.strip():
        app.notify("Nothing was asked: a reason is needed.", severity="warning", markup=False)
        return None
    return replace(command, reason=reason.strip())


async def submit(app: App[Any], db: Database | None, command: Command, options: ConsoleOptions) -> None:
    """Leave a command and tell what came of it."""
    from siscon.ops import commands

    if db is None:
        app.notify("The database is not open yet.", severity="warning")
        return
    try:
        id_ = await commands.submit(db, command, actor=options.actor, role=options.role)
        row = await commands.wait_for(db, id_, timeout_s=ANSWER_WITHIN_S)
    except SisconError as error:
        app.notify(error.sentence, severity="error", markup=False)
        return
    if row.status is CommandStatus.PENDING:
        app.notify(
            "Asked, but no engine has answered yet. The request waits until one does.",
            severity="warning",
            markup=False,
        )
        return
    done = row.status is CommandStatus.DONE
    app.notify(row.answer or "Done.", severity="information" if done else "warning", markup=False)


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

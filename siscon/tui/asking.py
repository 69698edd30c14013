"""What the console asks of others: a command of the engine, an engine of the runtime. Each is told to the person."""

from __future__ import annotations

from typing import Any

from textual.app import App

from siscon.domain.commands import Command, CommandStatus
from siscon.domain.errors import SisconError
from siscon.ops import Database
from siscon.ops.views import EngineLine
from siscon.tui.options import ConsoleOptions
from siscon.tui.present import Cell, Look
from siscon.tui.widgets.confirm import yes_no

ANSWER_WITHIN_S = 5.0


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
        app.notify(error.sentence, severity="error")
        return
    if row.status is CommandStatus.PENDING:
        app.notify(
            "Asked, but no engine has answered yet. The request waits until one does.", severity="warning"
        )
        return
    done = row.status is CommandStatus.DONE
    app.notify(row.answer or "Done.", severity="information" if done else "warning")


async def offer_engine(app: App[Any], engine: EngineLine | None, options: ConsoleOptions, look: Look) -> None:
    """Start an engine where none is alive, after a question."""
    if engine is None or engine.alive is not None:
        app.notify("An engine is alive already." if engine else "The database is not open yet.")
        return
    if options.start_engine is None:
        app.notify("Start one with: siscon serve", severity="warning")
        return
    lines = [Cell("Schedules and waiting runs begin to work at once.")]
    question = yes_no("Start an engine here?", lines, look=look, yes="Yes, start it")
    if await app.push_screen_wait(question) != "yes":
        return
    try:
        app.notify(await options.start_engine())
    except SisconError as error:
        app.notify(error.sentence, severity="error")

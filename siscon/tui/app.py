"""The console: the one way that every action takes, and how one gets from screen to screen. No rules live here."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from siscon.domain.commands import Command, CommandStatus
from siscon.domain.errors import SisconError
from siscon.tui import console_acts, navigation
from siscon.tui.actions import BY_ID, PANES, Danger
from siscon.tui.asking import REFUSAL_S, ask, submit
from siscon.tui.frame import Frame, Prepare
from siscon.tui.leaving import settings_kept
from siscon.tui.options import ConsoleOptions, ConsoleResult
from siscon.tui.screens.pane import Pane
from siscon.tui.wishes import Wish


class Console(Frame):
    """The operations console."""

    async def action_act(self, id_: str) -> None:
        """Do an action of the table: every key, click and list comes through here."""
        action = BY_ID[id_]
        screen = self.screen
        if not isinstance(screen, Pane) and id_ not in ("quit", "hint"):
            return
        refused = self.refused(action)
        if not refused and isinstance(screen, Pane):
            refused = screen.why_not(action)
        if refused:
            self.notify(refused, severity="warning")
            return
        if action.mutates and action.danger is not Danger.NONE and id_ != "start_engine":
            self.propose(lambda pane: pane.wish(action))
            return
        if id_ in PANES:
            navigation.go(self, id_)
            return
        own = getattr(screen, f"act_{id_}", None)
        result = own() if own is not None else getattr(console_acts, f"act_{id_}")(self)
        if inspect.isawaitable(result):
            await result

    def propose(self, prepare: Prepare) -> None:
        """Put a question about the present screen; what it concerns is counted first."""
        self.run_worker(self._ask_and_submit(prepare), group="ask", exclusive=True)

    async def _ask_and_submit(self, prepare: Prepare) -> None:
        screen = self.screen
        if not isinstance(screen, Pane):
            return
        try:
            wish = prepare(screen)
            if inspect.isawaitable(wish):
                wish = await wish
        except SisconError as error:
            self.notify(error.sentence, severity="warning", timeout=REFUSAL_S)
            return
        if wish is not None:
            await self.put(wish, screen)

    def begin_line(self, text: str) -> None:
        """Open the command line with a text in it."""
        console_acts.act_command(self, text)

    async def put(self, wish: Wish, screen: Pane) -> None:
        """Put a question to the person, and leave the commands that are the answer."""
        commands = await ask(self, self.db, wish, self.options, self.look)
        if commands:
            self.run_worker(self._submit(commands, screen), group="answers")

    async def _submit(self, commands: Sequence[Command], screen: Pane) -> None:
        rows = await submit(self, self.db, commands, self.options, self.grace)
        if rows is not None and screen.is_current:
            screen.let_go()
        for row in rows or ():
            if row.status is CommandStatus.DONE and screen.is_current:
                screen.done(row.command)
        self.look_again()

    def action_up(self, depth: int) -> None:
        """Back to a screen that lies on the way to this one, ``depth`` from the bottom."""
        navigation.up(self, depth)


def run_console(options: ConsoleOptions) -> ConsoleResult:
    """Run the console until the person leaves; the terminal is as it was before."""
    app = Console(options)
    with settings_kept():
        result = app.run(mouse=options.looks.mouse)
    if result is None:
        return ConsoleResult(exit_code=app.return_code or 1)
    return result

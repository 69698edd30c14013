"""The console: its screens, and the one way that every action takes. No rules live here."""

from __future__ import annotations

import inspect
import os
from typing import ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual.app import App
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.worker import WorkerFailed

from siscon.domain.commands import Command, CommandStatus, StopEngine
from siscon.domain.errors import SisconError
from siscon.domain.roles import Role
from siscon.domain.text import plain
from siscon.ops import Database, commands, views
from siscon.tui import feed
from siscon.tui.actions import BY_ID, Action, Danger
from siscon.tui.crash import crash_sentence, write_crash
from siscon.tui.leaving import catch_signals, quit_question, release_signals
from siscon.tui.options import ConsoleOptions, ConsoleResult
from siscon.tui.present import ASCII, Cell, Glyphs, Look, needs_ascii
from siscon.tui.screens.conflicts import Conflicts
from siscon.tui.screens.errors import Errors
from siscon.tui.screens.find import Find
from siscon.tui.screens.help import Help
from siscon.tui.screens.overview import Overview
from siscon.tui.screens.pane import Desk, Pane
from siscon.tui.screens.records import Records
from siscon.tui.screens.runs import Runs
from siscon.tui.screens.tokens import Tokens
from siscon.tui.theme import THEME
from siscon.tui.widgets.confirm import yes_no

ANSWER_WITHIN_S = 5.0
TERMINAL_CHECK_S = 2.0

SCREENS: dict[str, type[Pane]] = {
    one.name_: one for one in (Overview, Tokens, Runs, Errors, Conflicts, Records)
}


class Console(App[ConsoleResult]):
    """The operations console."""

    CSS_PATH = "siscon.tcss"
    TITLE = "siscon"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "act('quit')", show=False, priority=True),
        Binding("ctrl+c", "act('hint')", show=False, system=True),
    ]

    def __init__(self, options: ConsoleOptions) -> None:
        super().__init__()
        self.options = options
        self.animation_level = "none"
        glyphs = ASCII if options.ascii_only or needs_ascii(os.environ) else Glyphs()
        self.look = Look(glyphs, ZoneInfo(options.time_zone))
        self.desk = Desk(self.look, options.now_ms, lambda: self.db, self.refusal)
        self.db: Database | None = None
        self._on_terminal = False
        self.register_theme(THEME)
        self.theme = THEME.name

    # Life

    def get_default_screen(self) -> Pane:
        """The home screen stands at the bottom of the stack."""
        home = Overview(self.desk)
        self.install_screen(home, home.name_)
        return home

    def on_mount(self) -> None:
        catch_signals(self.leave, self._restore)
        self._on_terminal = not self.is_headless and os.isatty(0)
        self.set_interval(TERMINAL_CHECK_S, self._check_terminal)
        self.call_after_refresh(self._open_soon)

    def _open_soon(self) -> None:
        self.run_worker(self._open(), group="open", exclusive=True)

    async def _open(self) -> None:
        try:
            self.db = await self.options.open_database()
        except SisconError as error:
            if isinstance(self.screen, Pane):
                self.screen.trouble = f"{error.sentence} r tries again."
                self.screen.tell()
            return
        self._look_again()
        await feed.follow(self.db, self._tell_screen)

    def _tell_screen(self, message: feed.Changed) -> None:
        if isinstance(self.screen, Pane):
            self.screen.post_message(message)

    def _look_again(self) -> None:
        if isinstance(self.screen, Pane):
            self.screen.load_soon()

    async def on_unmount(self) -> None:
        release_signals()
        if self.db is not None:
            await self.db.close()

    def _check_terminal(self) -> None:
        """A console whose terminal is gone ends; the engine goes on."""
        if self._on_terminal and not os.isatty(0):
            self.leave()

    def _restore(self) -> None:
        if self._driver is not None:
            self._driver.stop_application_mode()

    def leave(self, *, stop_engine: bool = False) -> None:
        """End the console."""
        self.exit(ConsoleResult(stop_engine=stop_engine))

    # Telling

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002 # the name Textual gives it; text is never read as markup here
    ) -> None:
        """Tell the person something; text from anywhere is safe here."""
        text, head = plain(message, limit=400), plain(title)
        super().notify(text, title=head, severity=severity, timeout=timeout, markup=False)

    def _handle_exception(self, error: Exception) -> None:
        """The crash page instead of a traceback: variables may hold secrets and names of pupils."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        sentence = crash_sentence(cause, write_crash(cause, self.options.log_dir))
        self._exit_renderables.append(Text(sentence, no_wrap=True, overflow="ignore"))
        self._close_messages_no_wait()

    # Acting

    def refusal(self, action: Action) -> str:
        """Why this console may not do an action at all; empty when it may."""
        if not action.mutates:
            return ""
        if self.options.read_only:
            return "This console is read-only."
        if self.options.role < Role.OPERATOR:
            return "Your role may look, not change. Ask an administrator."
        return ""

    async def action_act(self, id_: str) -> None:
        """Do an action of the table: every key, click and list comes through here."""
        action = BY_ID[id_]
        screen = self.screen
        if not isinstance(screen, Pane) and id_ not in ("quit", "hint"):
            return
        refused = self.refusal(action)
        if not refused and isinstance(screen, Pane):
            refused = screen.why_not(action)
        if refused:
            self.notify(refused, severity="warning")
            return
        if action.mutates and action.danger is Danger.CONFIRM and id_ != "start_engine":
            self.run_worker(self._ask_and_submit(action), group="ask", exclusive=True)
            return
        if id_ in SCREENS:
            self._go(id_)
            return
        own = getattr(screen, f"act_{id_}", None) or getattr(self, f"act_{id_}")
        result = own()
        if inspect.isawaitable(result):
            await result

    async def _ask_and_submit(self, action: Action) -> None:
        screen = self.screen
        wish = screen.wish(action) if isinstance(screen, Pane) else None
        if wish is None:
            return
        question = yes_no(wish.title, wish.lines, look=self.look, yes=wish.yes)
        if await self.push_screen_wait(question) == "yes":
            await self.submit(wish.command)

    async def submit(self, command: Command) -> None:
        """Leave a command and tell what came of it."""
        if self.db is None:
            self.notify("The database is not open yet.", severity="warning")
            return
        try:
            id_ = await commands.submit(self.db, command, actor=self.options.actor, role=self.options.role)
            row = await commands.wait_for(self.db, id_, timeout_s=ANSWER_WITHIN_S)
        except SisconError as error:
            self.notify(error.sentence, severity="error")
            return
        if row.status is CommandStatus.PENDING:
            self.notify(
                "Asked, but no engine has answered yet. The request waits until one does.",
                severity="warning",
            )
        else:
            done = row.status is CommandStatus.DONE
            self.notify(row.answer or "Done.", severity="information" if done else "warning")
        self._look_again()

    # Actions of every screen

    def _go(self, name: str) -> None:
        """Show a main screen: home lies at the bottom, one other main screen above it."""
        keep = 1 if name == Overview.name_ else 2
        while len(self.screen_stack) > keep:
            self.pop_screen()
        if isinstance(self.screen, Pane) and self.screen.name_ == name:
            return
        if not self.is_screen_installed(name):
            self.install_screen(SCREENS[name](self.desk), name)
        if len(self.screen_stack) == 1:
            self.push_screen(name)
        else:
            self.switch_screen(name)

    def act_help(self) -> None:
        """The keys of this screen; the one chosen is run."""
        screen = self.screen
        assert isinstance(screen, Pane)

        async def run(chosen: str | None) -> None:
            if chosen is not None:
                await self.action_act(chosen)

        self.push_screen(Help(screen.name_, self.look), run)

    def act_filter(self) -> None:
        """Ask what rows should hold."""
        screen = self.screen
        assert isinstance(screen, Pane)

        def found(text: str | None) -> None:
            if text is not None:
                screen.find = text
                screen.load_soon()

        self.push_screen(Find(screen.find, screen.find_words), found)

    def act_back(self) -> None:
        """Clear the filter, else go back one screen."""
        screen = self.screen
        assert isinstance(screen, Pane)
        if screen.find:
            screen.find = ""
            screen.load_soon()
        elif len(self.screen_stack) > 1:
            self.pop_screen()

    def act_refresh(self) -> None:
        """Read again, or try again to open the database."""
        if self.db is None:
            self._open_soon()
        self._look_again()

    def act_freeze(self) -> None:
        """Hold the screen still, or let it go on."""
        screen = self.screen
        assert isinstance(screen, Pane)
        screen.frozen = not screen.frozen
        if not screen.frozen:
            screen.load_soon()
        screen.tell()

    def act_hint(self) -> None:
        """ctrl+c is easily pressed by mistake."""
        self.notify("Press q to leave siscon.", timeout=3)

    def act_start_engine(self) -> None:
        """Start an engine where none is alive."""
        self.run_worker(self._start_engine(), group="ask", exclusive=True)

    async def _start_engine(self) -> None:
        screen, start = self.screen, self.options.start_engine
        engine = screen.engine if isinstance(screen, Pane) else None
        if engine is None or engine.alive is not None:
            self.notify("An engine is alive already." if engine else "The database is not open yet.")
            return
        if start is None:
            self.notify("Start one with: siscon serve", severity="warning")
            return
        lines = [Cell("Schedules and waiting runs begin to work at once.")]
        question = yes_no("Start an engine here?", lines, look=self.look, yes="Yes, start it")
        if await self.push_screen_wait(question) != "yes":
            return
        try:
            self.notify(await start())
        except SisconError as error:
            self.notify(error.sentence, severity="error")
        self._look_again()

    def act_quit(self) -> None:
        """Leave; ask what becomes of an engine that has work."""
        self.run_worker(self._quit(), group="quit", exclusive=True)

    async def _quit(self) -> None:
        work = await self._work()
        if work is None or work.engine is None or not work.matters:
            self.leave()
            return
        chosen: str = self.options.on_quit
        if chosen == "ask":
            question = quit_question(work, self.options.role, self.look)
            chosen = await self.push_screen_wait(question)
        if chosen == "stay":
            return
        if chosen == "stop" and not await self._stop(work.engine.id):
            return
        self.leave(stop_engine=chosen == "stop")

    async def _work(self) -> views.Work | None:
        if self.db is None:
            return None
        try:
            return await views.work(self.db, now_ms=self.options.now_ms())
        except SisconError:
            return None

    async def _stop(self, engine: str) -> bool:
        if self.db is None or self.options.read_only:
            self.notify("This console is read-only and cannot stop an engine.", severity="warning")
            return False
        actor, role = self.options.actor, self.options.role
        try:
            await commands.submit(self.db, StopEngine(engine), actor=actor, role=role)
        except SisconError as error:
            self.notify(error.sentence, severity="error")
            return False
        return True


def run_console(options: ConsoleOptions) -> ConsoleResult:
    """Run the console until the person leaves; the terminal is as it was before."""
    app = Console(options)
    result = app.run()
    if result is None:
        return ConsoleResult(exit_code=app.return_code or 1)
    return result

"""The console: its screens, and the one way that every action takes. No rules live here."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from importlib import import_module
from typing import ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual.app import App
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.worker import WorkerFailed

from siscon.domain.commands import CommandStatus
from siscon.domain.errors import SisconError
from siscon.domain.roles import Role
from siscon.domain.text import plain
from siscon.ops import Database
from siscon.tui import feed
from siscon.tui.actions import BY_ID, PANES, Action, Danger
from siscon.tui.asking import REFUSAL_S, ask, offer_engine, submit
from siscon.tui.crash import crash_sentence, write_crash
from siscon.tui.leaving import catch_signals, way_out
from siscon.tui.options import ConsoleOptions, ConsoleResult
from siscon.tui.present import ASCII, Glyphs, Look, needs_ascii
from siscon.tui.screens.overview import Overview
from siscon.tui.screens.pane import Desk, Pane
from siscon.tui.theme import THEME

TERMINAL_CHECK_S = 2.0


def screen_class(name: str) -> type[Pane]:
    """A main screen by its name; loaded when it is first visited."""
    found: type[Pane] = vars(import_module(f"siscon.tui.screens.{name}"))[name.capitalize()]
    return found


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
        self.desk = Desk(
            self.look,
            options.now_ms,
            lambda: self.db,
            self.refusal,
            self._engine_due,
            lambda: self.options.sis_owns,
        )
        self.db: Database | None = None
        self.preparing = False  # a question is being put together: what it concerns is counted first
        self._on_terminal = False
        self._release_signals: Callable[[], None] = lambda: None
        self.register_theme(THEME)
        self.theme = THEME.name

    # Life

    def get_default_screen(self) -> Pane:
        """The home screen stands at the bottom of the stack."""
        home = Overview(self.desk)
        self.install_screen(home, home.name_)
        return home

    def on_mount(self) -> None:
        self._release_signals = catch_signals(self.leave, self._restore)
        self._on_terminal = not self.is_headless and os.isatty(0)
        self.set_interval(TERMINAL_CHECK_S, self._check_terminal)
        self.call_after_refresh(self._open_soon)

    def _open_soon(self) -> None:
        self.run_worker(self._open(), group="open", exclusive=True)

    async def _open(self) -> None:
        if not await self._settled():
            return
        try:
            self.db = await self.options.open_database()
        except SisconError as error:
            if isinstance(self.screen, Pane):
                self.screen.trouble = f"{error.sentence} r tries again."
                self.screen.tell()
            return
        self._look_again()
        await feed.follow(self.db, self._tell_screen)

    async def _settled(self) -> bool:
        """Take over what the configuration says; False when this console has to leave instead."""
        if self.options.settle is None:
            return True
        settled = await self.options.settle()
        if isinstance(settled, ConsoleResult):
            self.exit(settled)
            return False
        self.options = settled
        self.look.zone = ZoneInfo(settled.time_zone)
        return True

    def _engine_due(self) -> bool:
        return self.options.now_ms() < self.options.engine_due_by_ms

    def _tell_screen(self, message: feed.Changed) -> None:
        if self.is_running and isinstance(self.screen, Pane):
            self.screen.post_message(message)

    def _look_again(self) -> None:
        if isinstance(self.screen, Pane):
            self.screen.load_soon()

    async def on_unmount(self) -> None:
        self._release_signals()
        self.workers.cancel_all()
        if self.db is not None:
            await self.db.close()

    def _check_terminal(self) -> None:
        """A console whose terminal is gone ends; the engine goes on."""
        if self._on_terminal and not os.isatty(0):
            self.leave()

    def _restore(self) -> None:
        if self._driver is not None:
            self._driver.stop_application_mode()

    def leave(self) -> None:
        """End the console; an engine goes on."""
        self.exit(ConsoleResult())

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
        text, head = plain(message, limit=800), plain(title)
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
        if id_ in PANES:
            self._go(id_)
            return
        own = getattr(screen, f"act_{id_}", None) or getattr(self, f"act_{id_}")
        result = own()
        if inspect.isawaitable(result):
            await result

    async def _ask_and_submit(self, action: Action) -> None:
        screen = self.screen
        if not isinstance(screen, Pane):
            return
        self.preparing = True
        try:
            wish = screen.wish(action)
            if inspect.isawaitable(wish):
                wish = await wish
        except SisconError as error:
            self.notify(error.sentence, severity="warning", timeout=REFUSAL_S)
            return
        finally:
            self.preparing = False
        if wish is None:
            return
        command = await ask(self, wish, self.options, self.look)
        if command is not None:
            row = await submit(self, self.db, command, self.options)
            if row is not None and row.status is CommandStatus.DONE and screen.is_current:
                screen.done(command)
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
            self.install_screen(screen_class(name)(self.desk), name)
        if len(self.screen_stack) == 1:
            self.push_screen(name)
        else:
            self.switch_screen(name)

    def act_help(self) -> None:
        """The keys of this screen; the one chosen is run."""
        from siscon.tui.screens.help import Help

        screen = self.screen
        assert isinstance(screen, Pane)

        async def run(chosen: str | None) -> None:
            if chosen is not None:
                await self.action_act(chosen)

        self.push_screen(Help(screen.name_, self.look), run)

    def act_filter(self) -> None:
        """Ask what rows should hold."""
        from siscon.tui.screens.find import Find

        screen = self.screen
        assert isinstance(screen, Pane)

        def found(text: str | None) -> None:
            if text is not None:
                screen.find = text
                screen.load_soon()

        self.push_screen(Find(screen.find, screen.find_words), found)

    def act_find_record(self) -> None:
        """Ask for an id or the beginning of a name, and list the records that it may mean."""
        from siscon.tui.screens.find import Find
        from siscon.tui.screens.found import Found

        screen = self.screen
        assert isinstance(screen, Pane)

        def found(text: str | None) -> None:
            if not text or not text.strip():
                return
            if isinstance(screen, Found):
                screen.look_for(text.strip())
            else:
                self.push_screen(Found(screen.desk, text.strip()))

        text = screen.text if isinstance(screen, Found) else ""
        self.push_screen(Find(text, "An id, or the beginning of a name"), found)

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
        engine = self.screen.engine if isinstance(self.screen, Pane) else None
        await offer_engine(self, engine, self.options, self.look)
        self._look_again()

    def act_quit(self) -> None:
        """Leave; ask what becomes of an engine that has work."""
        self.run_worker(self._quit(), group="quit", exclusive=True)

    async def _quit(self) -> None:
        result = await way_out(self, self.db, self.options, self.look)
        if result is not None:
            self.exit(result)


def run_console(options: ConsoleOptions) -> ConsoleResult:
    """Run the console until the person leaves; the terminal is as it was before."""
    app = Console(options)
    result = app.run()
    if result is None:
        return ConsoleResult(exit_code=app.return_code or 1)
    return result

"""The frame of the console: its life from the first paint to the restored terminal, and how it tells. No rules here."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from textwrap import wrap
from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.worker import WorkerFailed

from siscon.domain.errors import SisconError
from siscon.domain.roles import Role
from siscon.domain.text import plain
from siscon.ops import Database
from siscon.tui import feed, keymap
from siscon.tui.action import Action
from siscon.tui.context import badges_of
from siscon.tui.crash import crash_sentence, write_crash
from siscon.tui.driver import SteadyDriver
from siscon.tui.grace import Grace
from siscon.tui.lag import Lag
from siscon.tui.leaving import catch_signals, restore_terminal
from siscon.tui.line_history import LineHistory
from siscon.tui.looks import leave_mouse_alone, look_at, theme_for
from siscon.tui.notices import Shown
from siscon.tui.options import ConsoleOptions, ConsoleResult
from siscon.tui.present import ASCII, Cell, Look
from siscon.tui.screens.overview import Overview
from siscon.tui.screens.pane import Desk, Pane
from siscon.tui.themes import THEMES, OwnColours, ThemeName
from siscon.tui.trail import Memory, Place, Trail, place_of
from siscon.tui.typed_ahead import Typed, TypedAhead
from siscon.tui.widgets.rows import FixedRows
from siscon.tui.widgets.table import LineTable
from siscon.tui.wire import Wire
from siscon.tui.wishes import Wish

TERMINAL_CHECK_S = 2.0
QUESTIONS = frozenset(("ask", "jump", "quit"))
"""The groups of work that bring up a question, or another place, when they have read what belongs to it."""
REOPEN_S = 5.0
"""A database that could not be opened is tried again this often: what held it may have let go."""

Prepare = Callable[[Pane], Wish | Awaitable[Wish | None] | None]
"""Makes a question about the screen that is shown; None: there is nothing to ask."""


class Frame(App[ConsoleResult]):
    """A console that can be looked at; what its keys do is added by :class:`siscon.tui.app.Console`."""

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
        self.look = Look()
        self.lag = Lag()
        self.desk = Desk(
            self.look,
            options.now_ms,
            lambda: self.db,
            self.refusal,
            self._engine_due,
            lambda: self.options.sis_owns,
            lambda room: badges_of(self.options, self.look, room),
            lambda: self.options.aside,
            lambda: self.options.looks,
            self.lag,
            seen=self._seen,
            past=options.past,
            countdown=lambda: self.grace.countdown(self.options.now_ms()),
        )
        self.db: Database | None = None
        self.grace = Grace()
        self.trail: Trail[Place] = Trail()
        self.memory = Memory()
        self.line_history = LineHistory(options.home)
        self.typed_ahead = TypedAhead(self, super().on_event, lambda: self.is_up)
        self._on_terminal = False
        self._notifications = Shown()
        self._release_signals: Callable[[], None] = lambda: None
        self.wire = Wire()
        self._own_colours = OwnColours()
        # without what Textual does for NO_COLOR: see wear
        self._filters = [self._filters[0], self._own_colours]
        if self.console.is_dumb_terminal:  # Rich takes it for one of 80 x 25, whatever it is
            self.console._environ = {**os.environ, "TERM": "vt100"}
        for theme in THEMES.values():
            self.register_theme(theme)
        self.dress()

    # Looks

    def dress(self) -> None:
        """Look and obey the keys as the options wish and the terminal bears."""
        keymap.use(self.options.keymap)
        self.set_keymap(keymap.bound(self.options.keymap))
        looks = self.options.looks
        look_at(self.look, looks, self.options.time_zone, os.environ)
        self.set_class(self.look.glyphs is ASCII, "-ascii")
        self.wear(theme_for(looks, os.environ))
        if self._driver is not None and not looks.mouse:
            leave_mouse_alone(self._driver)

    def wear(self, name: ThemeName) -> None:
        """Put on a theme, also while screens are shown."""
        self.no_color = name == "mono"
        self._own_colours.wear(THEMES[name])
        self.theme = name

    def on_resize(self) -> None:
        """Nobody knows what a terminal shows that was resized, or left and taken up again."""
        self.paint_anew()

    def paint_anew(self) -> None:
        """Send the whole screen."""
        self.wire.forget()
        self.screen.refresh()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, CompositorUpdate):
            renderable = self.wire.lessened(renderable, self.screen.outer_size)
        super()._display(screen, renderable)

    # Life

    def get_driver_class(self) -> type[Driver]:
        """Textual's, or where that is the one for a terminal, the one that bears to be stopped."""
        usual = super().get_driver_class()
        return SteadyDriver if usual is LinuxDriver else usual

    def get_default_screen(self) -> Pane:
        """The home screen stands at the bottom of the stack."""
        home = Overview(self.desk)
        self.install_screen(home, home.name_)
        return home

    def on_mount(self) -> None:
        self._release_signals = catch_signals(self.leave, self._restore, self._let_go)
        # Textual itself paints nothing anew when the shell gives the terminal back in the same size
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self._on_terminal = not self.is_headless and os.isatty(0)
        self.set_interval(TERMINAL_CHECK_S, self._check_terminal)
        self.run_worker(self.lag.watch(), group="lag")
        self.call_after_refresh(self.open_soon)

    def _open_again(self) -> None:
        if self.db is None:
            self.open_soon()

    def open_soon(self) -> None:
        self.run_worker(self._open(), group="open", exclusive=True)

    async def _open(self) -> None:
        if not await self._settled():
            return
        try:
            self.db = await self.options.open_database()
        except SisconError as error:
            if isinstance(self.screen, Pane):
                _say_for_rows(self.screen, error.sentence, _again())
            self.set_timer(REOPEN_S, self._open_again)
            return
        self.look_again()
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
        self.dress()
        self.line_history = LineHistory(settled.home)
        return True

    def _engine_due(self) -> bool:
        return self.options.now_ms() < self.options.engine_due_by_ms

    def _tell_screen(self, message: feed.Changed) -> None:
        if self.is_running and isinstance(self.screen, Pane):
            self.screen.post_message(message)

    # Keys

    async def on_event(self, event: events.Event) -> None:
        """Keys go one by one, everything else as it comes."""
        if isinstance(event, Typed) and not event.is_forwarded:
            await self.typed_ahead.take(event)
        else:
            await super().on_event(event)

    @property
    def is_asking(self) -> bool:
        """Whether a question is on its way, or stands, or its answer leads to the next."""
        return any(one.group in QUESTIONS and not one.is_finished for one in self.workers)

    @property
    def is_up(self) -> bool:
        """Whether all that keys have asked for stands on the screen."""
        if not self._screen_stack:
            return True  # it is over
        screen = self.screen
        if isinstance(screen, Pane):
            return screen.is_up and not self.is_asking
        return screen.is_mounted and (screen.focused is not None or not screen.focus_chain)

    def look_again(self) -> None:
        if isinstance(self.screen, Pane):
            self.screen.load_soon()

    async def on_unmount(self) -> None:
        self._release_signals()
        self.typed_ahead.end()
        self.workers.cancel_all()
        if self.db is not None:
            await self.db.close()

    def _check_terminal(self) -> None:
        """A console whose terminal is gone ends; the engine goes on."""
        if self._on_terminal and not os.isatty(0):
            self.leave()

    def _restore(self) -> None:
        if self._driver is not None:
            restore_terminal(self._driver)

    def _let_go(self) -> None:
        if isinstance(self._driver, SteadyDriver):
            self._driver.let_go()

    def leave(self) -> None:
        """End the console; an engine goes on."""
        self.exit(ConsoleResult())

    def pop_screen(self) -> AwaitComplete:
        """Close the screen on top, and remember how it was left."""
        if isinstance(self.screen, Pane):
            self.memory.keep(self.screen, self.screen.left())
        return super().pop_screen()

    def _seen(self) -> None:
        """A screen has come up: note where the person is now."""
        self.trail.seen(place_of(self.screen_stack))

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
        self.desk.notices.add(self.options.now_ms(), severity, text)
        super().notify(text, title=head, severity=severity, timeout=timeout, markup=False)

    def _handle_exception(self, error: Exception) -> None:
        """The crash page instead of a traceback: variables may hold secrets and names of pupils."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        sentence = crash_sentence(cause, write_crash(cause, self.options.log_dir))
        self._exit_renderables.append(Text(sentence))
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        """The crash page as it is: only the terminal folds it, so that the path in it can be copied whole."""
        for page in self._exit_renderables[:1]:
            self.error_console.print(page, soft_wrap=True)
        self._exit_renderables.clear()

    # Acting

    def refusal(self, action: Action) -> str:
        """Why this console may not do an action at all; empty when it may."""
        if action.takes_out and self.options.role < Role.OPERATOR and self.options.past is None:
            return "Your role may look, not take anything out. Ask an administrator."
        if not action.mutates:
            return ""
        if self.options.past is not None:
            return "This is a replay: nothing can be changed, and no engine works."
        if self.options.read_only:
            return "This console is read-only. Open one without --read-only."
        if self.options.role < Role.OPERATOR:
            return "Your role may look, not change. Ask an administrator."
        return ""

    def refused(self, action: Action) -> str:
        """As :func:`refusal`, for an action that somebody asks for: the audit is told of what a role does not allow."""
        options, why = self.options, self.refusal(action)
        if why and self.db is not None and not options.read_only and options.role < Role.OPERATOR:
            self.run_worker(self._note_denial(self.db, action.id), group="denials")
        return why

    async def _note_denial(self, db: Database, what: str) -> None:
        from siscon.ops import commands

        options = self.options
        await commands.note_denial(db, what, actor=options.actor, role=options.role, now_ms=options.now_ms())

    def propose(self, prepare: Prepare) -> None:
        """Make a question about this screen, put it, and leave the commands that are the answer."""
        raise NotImplementedError

    async def action_act(self, id_: str) -> None:
        """Do an action of the table."""
        raise NotImplementedError

    def begin_line(self, text: str) -> None:
        """Open the command line with a text in it."""
        raise NotImplementedError

    async def put(self, wish: Wish, screen: Pane) -> None:
        """Put a question to the person, and leave the command that is the answer."""
        raise NotImplementedError


def _again() -> str:
    return keymap.keyed("Tried again every {s:.0f} s; {refresh}: now.", s=REOPEN_S)


def _say_for_rows(screen: Pane, *sentences: str) -> None:
    """Say in the place of rows why there are none, in full: the status line is short."""
    screen.trouble = " ".join(sentences)
    width = max(20, screen.app.size.width - 6)
    note = tuple(Cell(line) for one in sentences for line in wrap(one, width))
    for table in screen.query(LineTable):
        table.show(FixedRows(), note=note)
    screen.tell()

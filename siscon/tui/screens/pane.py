"""What every screen is: a context bar, a body, a status line, a line of keys; one timer, one way to load."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from rich.cells import cell_len
from textual import on
from textual._styles_cache import StylesCache
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.css.query import NoMatches
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Static

from siscon.domain.commands import Command
from siscon.domain.errors import SisconError
from siscon.domain.past import PastMoment
from siscon.ops import Database
from siscon.ops.views import EngineLine, engine_line
from siscon.tui.actions import BY_ID, PANES, Action, actions_of, looking_back
from siscon.tui.aside import Aside
from siscon.tui.context import context_parts, least_room, no_engine
from siscon.tui.feed import Changed
from siscon.tui.keymap import key_of, keyed
from siscon.tui.lag import Lag
from siscon.tui.looks import AS_THE_TERMINAL, Looks
from siscon.tui.names import id_of
from siscon.tui.notices import Notices
from siscon.tui.past import note_of
from siscon.tui.present import Cell, Look, moment
from siscon.tui.screens.narrowing import Narrowing
from siscon.tui.widgets.status_bar import Bar, Part, key_parts
from siscon.tui.widgets.table import LineTable
from siscon.tui.wishes import Wish

LEAST_WIDTH, LEAST_HEIGHT = 60, 15
ROOM_FOR_CLOCK = 100
"""In a narrower window the status line alone says what time it is."""
TICK_S = 1.0
"""A screen may paint by itself this often; on a slow line only at every few of these."""
AT_LEAST_EVERY_S = 3.0
"""A visible screen is read again this often even without news: leases run out without a commit."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a screen works with: the look, the clock, and the database once it is open."""

    look: Look
    now_ms: Callable[[], int]
    database: Callable[[], Database | None]
    refusal: Callable[[Action], str]
    """Why an action cannot act at all (read only, role); empty when it can."""
    engine_due: Callable[[], bool] = lambda: False
    """Whether an engine was started so lately that it may not be alive yet."""
    sis_owns: Callable[[], frozenset[str]] = frozenset
    """Fields that only the SIS changes, as integration, entity and field with dots between them."""
    badges: Callable[[int], list[Part]] = lambda _room: []
    """What the context bar says at its right of this console, in so much room (see :mod:`siscon.tui.context`)."""
    aside: Callable[[], Aside] = Aside
    looks: Callable[[], Looks] = lambda: AS_THE_TERMINAL
    lag: Lag = field(default_factory=Lag)
    notices: Notices = field(default_factory=Notices)
    """What this console has told the person."""
    seen: Callable[[], object] = lambda: None
    """Told whenever a screen has come up, so that one finds the way back to it."""
    past: PastMoment | None = None
    """The moment that is looked at; None: the present."""
    countdown: Callable[[], str] = str
    """How long what was asked last can still be taken back; empty: nothing can."""


def bindings_of(screen: str) -> list[Binding]:
    """The key bindings of a screen, from the table of actions."""
    return [
        Binding(",".join(action.keys), f"app.act('{action.id}')", action.word, show=False, id=action.id)
        for action in actions_of(screen)
    ]


class Pane(Narrowing):
    """One screen. Subclasses say which (``name_``), what they compose in ``body``, and how they ``load``."""

    ALLOW_SELECT: ClassVar[bool] = False
    AUTO_FOCUS: ClassVar[str | None] = "LineTable"
    name_: ClassVar[str] = ""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Who gets the keys; the widgets show it themselves, nothing else looks otherwise for it."""

    made_of: tuple[Any, ...] = ()
    """What tells this screen from others of its kind; another one made of it shows the same."""

    def __new__(cls, *made_of: Any, **_more: Any) -> Self:
        made = super().__new__(cls)
        made.made_of = made_of[1:]
        return made

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.look = desk.look
        self.now_ms = desk.now_ms
        self.frozen = False
        self.trouble = ""
        self.find = ""
        self.engine: EngineLine | None = None
        self._loaded_at_ms: int | None = None
        self._loaded_at_s = self._ticked_at_s = float("-inf")
        self._loading = False
        self._again = True  # there are news, or it was asked for:
        self._asked = True
        self._shown_as: tuple[int | None, bool] = (None, False)

    # What subclasses fill in

    def body(self) -> ComposeResult:
        """The widgets between the bars."""
        raise NotImplementedError

    async def load(self, db: Database) -> None:
        """Read the views and show them."""
        raise NotImplementedError

    def status(self) -> list[Part]:
        """What the status line says of this list."""
        return []

    def why_not(self, action: Action) -> str:  # noqa: ARG002 # subclasses look at it
        """Why an action cannot act on what is under the cursor; empty when it can."""
        return ""

    def wish(self, action: Action) -> Wish | Awaitable[Wish | None] | None:  # noqa: ARG002 # subclasses look at it
        """What a mutating action asks for, as the cursor stands; None: nothing. May count first, or ask for more."""
        return None

    def done(self, command: Command) -> None:
        """The engine has done what was asked from this screen."""

    def let_go(self) -> bool:
        """Clear what this screen has marked; False when there is nothing."""
        return False

    def act_open(self) -> Awaitable[None] | None:
        """What enter does with the row under the cursor; nothing where nothing lies deeper."""
        return None

    # Life

    def compose(self) -> ComposeResult:
        yield Bar(id="context")
        yield from self.body()
        yield Bar(id="status")
        yield Bar(id="keys")
        yield Static(id="too_small", markup=False)

    def on_mount(self) -> None:
        self._timer = self.set_interval(TICK_S, self._tick)
        self.tell()

    def on_screen_suspend(self) -> None:
        """Nothing is read or painted for a screen that nobody sees."""
        self._timer.pause()

    def on_unmount(self) -> None:
        """Let go of what was painted: the library remembers the lines of the last thousand widgets, alive or not."""
        StylesCache.get_inner_outer.cache_clear()

    def on_screen_resume(self) -> None:
        self._timer.resume()
        if self.is_current:
            self.desk.seen()
        self.load_soon()

    def on_resize(self) -> None:
        """Below the least size one sentence takes the place of everything."""
        size = self.app.size
        small = size.width < LEAST_WIDTH or size.height < LEAST_HEIGHT
        self.set_class(small, "-small")
        if small:
            least = f"{LEAST_WIDTH} x {LEAST_HEIGHT}"
            sentence = (
                f"{size.width} x {size.height} is too small: siscon needs {least}. {key_of('quit')} leaves."
            )
            self.query_one("#too_small", Static).update(Content(sentence))
        self.tell()

    # Loading

    def load_soon(self) -> None:
        """Read again as soon as the reading under way is done."""
        self._again = self._asked = True
        if not self._loading and self.is_attached:
            self.run_worker(self._load(), group="load")

    @property
    def is_read(self) -> bool:
        """Whether all that was wanted has been read, or could not be."""
        reading = any(table.reading.busy for table in self.query(LineTable))
        return not self._loading and not self._again and not reading

    @property
    def is_up(self) -> bool:
        """Whether keys find what was asked for: the rows were read, and the one under the cursor is here."""
        if self.trouble and not self._loading:
            return True
        return not self._loading and not self._asked and all(one.is_here for one in self.query(LineTable))

    async def _load(self) -> None:
        db = self.desk.database()
        if db is None or self._loading:
            return
        self._loading = True
        try:
            while self._again:
                self._again = self._asked = False
                self._turn_back()
                self.engine = await engine_line(db, now_ms=self.desk.now_ms())
                await self.load(db)
                self.find_rows()
                self._point_again()
                self.trouble = ""
                self._loaded_at_ms = self.desk.now_ms()
        except SisconError as error:
            self.trouble = error.sentence
        except NoMatches:
            if not self.is_left:  # else somebody went back while it was read: nobody needs it any more
                raise
        finally:
            self._loading = False
            self._loaded_at_s = asyncio.get_running_loop().time()
        self.tell()

    def _point_again(self) -> None:
        """The row under the cursor is the same, but what a panel says of it grows older."""
        table = self.table_here()
        if table is not None and table.value is not None:
            self.pointed()

    def _turn_back(self) -> None:
        """Rows of another moment than the one that is looked at now may not be there any more, or tell other times."""
        shown_as = (self.desk.past.at_ms if self.desk.past is not None else None, self.look.exact)
        if shown_as != self._shown_as:
            self._shown_as = shown_as
            for table in self.query(LineTable):
                table.doubt()

    def _tick(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._ticked_at_s < self.look.tick_s - TICK_S / 2:
            return
        self._ticked_at_s = now_s
        if not self.frozen and (self._again or now_s - self._loaded_at_s >= AT_LEAST_EVERY_S):
            self.load_soon()
        self.tell()

    def on_changed(self, message: Changed) -> None:
        """News: read at once when the last reading is as old as a tick is long, else with the next tick."""
        message.stop()
        if self.frozen or not message.news:
            return
        self._again = True
        if asyncio.get_running_loop().time() - self._loaded_at_s >= self.look.tick_s:
            self.load_soon()

    @on(LineTable.Trouble)
    def _on_trouble(self, message: LineTable.Trouble) -> None:
        self.trouble = message.sentence
        self.tell()

    @on(LineTable.Opened)
    async def _on_opened(self) -> None:
        await self.app.run_action("app.act('open')")

    @on(LineTable.Pointed)
    def _on_pointed(self) -> None:
        if not self.is_left:
            self.pointed()
            self.tell()

    @property
    def is_left(self) -> bool:
        """Whether the person has gone back from this screen for good: its widgets go one by one."""
        return self._pruning or self not in self.app.screen_stack

    def pointed(self) -> None:
        """The cursor moved, or what is under it changed."""

    # Bars

    def tell(self) -> None:
        """Bring the bars up to date; they paint only what changed."""
        if not self.is_mounted or self.is_left or not self.is_current:
            return
        width = self.app.size.width
        context = self.query_one("#context", Bar)
        way, right = self._way(), [self._engine_part()]
        if self.look.clock and width >= ROOM_FOR_CLOCK:
            right.append(self._clock_part())
        room = width - sum(cell_len(part.text) for part in right) - 1
        badges = self.desk.badges(room - least_room(way, self.name_))
        room -= sum(cell_len(part.text) for part in badges)
        left = context_parts(way, self.name_, width=width, room=room, look=self.look)
        context.tell(left, [*badges, *right])
        self.query_one("#status", Bar).tell(self._status_parts(), self._state_parts())
        actions = actions_of(self.name_)
        if self.desk.past is not None:
            actions = looking_back(actions)
        refused = frozenset(
            action.id for action in actions if self.desk.refusal(action) or self.why_not(action)
        )
        self.query_one("#keys", Bar).tell(key_parts(actions, refused, width))

    @property
    def crumb(self) -> str:
        """What this screen is called in the way that leads to it; safe text."""
        return BY_ID[self.name_].word if self.name_ in PANES else self.name_.replace("_", " ")

    def _way(self) -> list[tuple[int, str]]:
        """The screens that lead here, each with its depth; home only where nothing but home lies below."""
        way = [(at, one) for at, one in enumerate(self.app.screen_stack) if isinstance(one, Pane)]
        if len(way) > 1 and way[1][1].name_ in PANES:
            del way[0]
        return [(at, one.crumb) for at, one in way]

    def _engine_part(self) -> Part:
        sign = self.look.glyphs
        if self.engine is None:
            return Part(f"{sign.dim} ... ", "dim")
        if self.engine.alive is None and self.desk.engine_due():
            return Part(f"{sign.busy} engine starts ", "busy")
        if self.engine.alive is None:
            return Part(f"{sign.bad} NO ENGINE ", "bad")
        return Part(f"{sign.good} engine ", "good")

    def _clock_part(self) -> Part:
        return Part(moment(self.desk.now_ms(), self.look)[-5:] + " ", "dim")

    def _status_parts(self) -> list[Part]:
        if self.trouble:
            return [Part(f" {self.look.glyphs.bad} {Cell(self.trouble).text}", "bad")]
        if self.desk.database() is None:
            return [Part(" Opening the database ...", "dim")]
        if self.desk.past is not None:
            return [*note_of(self.desk.past, self.name_), *self.status()]
        if self.engine is not None and self.engine.alive is None and self.desk.engine_due():
            return [Part(" The engine is starting ...", "dim")]
        if self.engine is not None and self.engine.alive is None:
            may_start = not self.desk.refusal(BY_ID["start_engine"])
            return [*no_engine(may_start=may_start), *self.status()]
        return self.status()

    def _state_parts(self) -> list[Part]:
        parts: list[Part] = []
        if countdown := self.desk.countdown():
            parts.append(Part(countdown, "warn", "take_back"))
        if self.find:
            searching = any(table.reading.busy for table in self.query(LineTable))
            parts += [Part(keyed(" searching, {back} ends it"), "busy")] if searching else []
            parts.append(Part(f" {key_of('filter')} {self.find} ", "warn", "filter"))
        if self.frozen:
            held = keyed(" HELD STILL, {freeze} goes on ")
            parts.append(Part(held, "warn", "freeze", " HELD STILL "))
        if self._loaded_at_ms is not None:
            at = moment(self._loaded_at_ms, self.look)[-5:]
            parts.append(Part(f" as of {at} ", "dim", short=f" {at} "))
        return parts

    # What most screens share

    def empty(self, *sentences: str) -> tuple[Cell, ...]:
        """What stands in a list without rows."""
        if self.find:
            return (Cell("No row is what you look for."), Cell(keyed("{back} shows all rows again."), "dim"))
        first, *rest = sentences
        return (Cell(first), *(Cell(one, "dim") for one in rest))

    def table_here(self) -> LineTable | None:
        """The list that has the focus, else the first; None where a screen has none."""
        focused = self.focused
        return focused if isinstance(focused, LineTable) else next(iter(self.query(LineTable)), None)

    def value(self) -> Any:
        """What is under the cursor of the list that has the focus; raises ``NoMatches`` where no list is any more."""
        table = self.table_here()
        return (self.query_one(LineTable) if table is None else table).value

    def id_here(self) -> str:
        """What `y` copies: the id of what is under the cursor; empty where it has none."""
        table = self.table_here()
        return id_of(table.value) if table is not None else ""

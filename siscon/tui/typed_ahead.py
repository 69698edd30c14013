"""Keys typed ahead: each is given to what the one before it has brought up, however fast they come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

from siscon.tui.widgets.entry import Entry
from siscon.tui.widgets.table import LineTable

Typed = events.Key | events.Paste
MOST_S = 3.0
"""A key whose turn it is waits so long at most: a console whose database is slow must not seem dead. It is counted in
looks, so that a machine which stands still, or is slow itself, makes no key fall elsewhere."""
AT_ONCE = frozenset(("ctrl+c", "ctrl+q"))
"""Who presses these waits for nothing, and means nothing any more that waits: as terminals have it."""
LOOK_S = 0.005
"""So often is it looked at, while something comes up, whether it has: nothing tells of it."""


class TypedAhead:
    """Gives an app its keys one by one.

    A slow line brings several keys in one packet, and practised hands do not wait for a question either. The library
    gives each to whatever has the focus at that moment: the answer to a question that is still being counted would fall
    on the list below.

    Text behind text, and a key held down that moves in a list, bring up nothing: they go together and are painted once.

    ``give`` hands a key to what has the focus; ``is_up`` says whether what the last key began stands on the screen.
    """

    def __init__(
        self, app: App[Any], give: Callable[[Typed], Awaitable[None]], is_up: Callable[[], bool]
    ) -> None:
        self._app = app
        self._give = give
        self._is_up = is_up
        self._waiting: deque[Typed] = deque()
        self._under_way: asyncio.Task[None] | None = None

    async def take(self, typed: Typed) -> None:
        """A key has come: it is given at once, or after those before it."""
        if isinstance(typed, events.Key) and typed.key in AT_ONCE:
            self._waiting.clear()
            await self._give(typed)
            return
        self._waiting.append(typed)
        await self._next()

    def end(self) -> None:
        """Nothing is given any more."""
        self._waiting.clear()
        if self._under_way is not None:
            self._under_way.cancel()

    async def _next(self) -> None:
        if self._under_way is not None or not self._waiting:
            return
        told = self._app.focused or self._app.screen
        for typed in self._together(told):
            await self._give(typed)
        self._under_way = asyncio.create_task(self._follow(told))

    def _together(self, told: MessagePump) -> list[Typed]:
        """The next key, and those behind it that need not wait for it; they wait no more."""
        keys = [self._waiting.popleft()]
        bears = self._follower(told, keys[0]) if self._waiting else None
        while bears is not None and self._waiting and bears(self._waiting[0]):
            keys.append(self._waiting.popleft())
        return keys

    def _follower(self, told: MessagePump, first: Typed) -> Callable[[Typed], bool] | None:
        """What tells whether a key may be given right behind the first; None: none may."""
        if not isinstance(first, events.Key):
            return None
        if isinstance(told, Entry):
            return _is_text if _is_text(first) else None
        if not isinstance(told, LineTable):
            return None
        bound = self._app.screen.active_bindings.get(first.key)
        if bound is None or bound.node is not told or not bound.binding.action.startswith("move("):
            return None
        return lambda typed: isinstance(typed, events.Key) and typed.key == first.key

    async def _follow(self, told: MessagePump) -> None:
        """Wait until a key has done its work; then it is the next one's turn."""
        looks = round(MOST_S / LOOK_S)

        def is_late() -> bool:
            nonlocal looks
            looks -= 1
            return looks < 0

        try:
            # up from whatever was told, as the key goes; once more, as goes what it led to; then down to a new screen
            way = _way_up(told)
            for one in (*way, *way, self._app, self._app.screen):
                await _passed(one, is_late)
            while not (self._is_up() or is_late()):  # noqa: ASYNC110 # nothing tells of it
                await asyncio.sleep(LOOK_S)
        finally:
            self._under_way = None
        if self._waiting:
            self._app.call_next(self._next)


def _is_text(typed: Typed) -> bool:
    return isinstance(typed, events.Key) and typed.is_printable


def _way_up(pump: MessagePump | None) -> list[MessagePump]:
    way = []
    while pump is not None:
        way.append(pump)
        pump = pump._parent
    return way


async def _passed(pump: MessagePump, is_late: Callable[[], bool]) -> None:
    """Wait until a pump has seen to all that it was told before now, or has ended."""
    seen = asyncio.Event()
    pump.call_later(seen.set)
    while not (seen.is_set() or pump._closed or is_late()):
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await seen.wait()

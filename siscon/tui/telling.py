"""A console without a terminal: it opens one screen, waits until it is read, and says what stands there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from textual.screen import Screen

from siscon.domain.errors import DatabaseError, SisconError, UsageError
from siscon.tui import shown, words
from siscon.tui.actions import actions_of
from siscon.tui.frame import Frame
from siscon.tui.options import ConsoleOptions, ConsoleResult
from siscon.tui.screens.pane import Pane
from siscon.tui.words import Said

SIZE = (200, 60)
"""So wide that no screen leaves anything out for want of room."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which screen shall be told, narrowed by what its filter understands, and how many rows of each list at most.

    ``exact``: with times of day in the place of how long ago.
    """

    screen: str
    words: Sequence[str] = ()
    where: str = ""
    limit: int = 200
    exact: bool = False


class Teller(Frame):
    """A console that nobody sees."""

    def __init__(self, options: ConsoleOptions, question: Question) -> None:
        super().__init__(options)
        self.look.glyphs, self.look.pictures = words.WORDS, False
        self.look.exact = question.exact
        self.name_ = shown.name_of(question.screen)
        self.question = question
        self.said: list[Said] | None = None
        self.fault: SisconError | None = None
        shown.check(self.name_, question.words)

    async def _open(self) -> None:
        try:
            self.db = await self.options.open_database()
            screen = await shown.make(self.name_, self.question.words, self.desk, self.db)
            self._narrow(screen)
            await self.push_screen(screen)
            await words.settle(screen)
            self.said = await self._said(screen)
        except SisconError as error:
            self.fault = error
        self.exit(ConsoleResult())

    def _narrow(self, screen: Screen[Any]) -> None:
        if not self.question.where:
            return
        if not isinstance(screen, Pane) or "filter" not in {one.id for one in actions_of(self.name_)}:
            raise UsageError("This screen cannot be narrowed: leave --where out.")
        screen.find = self.question.where

    async def _said(self, screen: Screen[Any]) -> list[Said]:
        if isinstance(screen, Pane) and screen.trouble:
            raise UsageError(screen.trouble) if self.question.where else DatabaseError(screen.trouble)
        told = await words.say(screen, limit=self.question.limit, numbered=shown.is_numbered(self.name_))
        return told if self.options.past is not None else [*told, *_commands(screen)]


def _commands(screen: Screen[Any]) -> list[Said]:
    """What can be done here, as the commands that do it."""
    if not isinstance(screen, Pane):
        return []
    own = [one for one in actions_of(screen.name_) if one.screens and one.mutates and one.twin]
    can = [f"{one.twin}: {one.help}" for one in own if not screen.why_not(one)]
    return [Said("commands", tuple(dict.fromkeys(can)))] if can else []


async def told_by(options: ConsoleOptions, question: Question) -> Teller:
    """A console that has told what was asked; raises ``UsageError`` for a screen that there is not."""
    app = Teller(options, question)
    await app.run_async(headless=True, mouse=False, size=SIZE)
    if app.fault is not None:
        raise app.fault
    if app.said is None:
        raise DatabaseError("The screen could not be read.", code="no_screen")
    return app


def tell(options: ConsoleOptions, question: Question, *, as_json: bool) -> Iterator[Any]:
    """What a screen says: lines of text, or objects; raises as :func:`told_by` does."""
    app = asyncio.run(told_by(options, question))
    said = app.said or []
    if as_json:
        return words.objects(said, app.name_.replace("_", "-"))
    return words.lines(said, shown.title_of(app.name_))

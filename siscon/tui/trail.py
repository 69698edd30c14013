"""The places one has been to, in their order: a way back and on through them, as a browser has it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST = 100


class Trail(Generic[T]):
    """Places with a finger on the present one. Whoever goes back and then elsewhere loses what lay ahead."""

    def __init__(self) -> None:
        self.places: list[T] = []
        self.at = -1
        self._from: T | None = None

    @property
    def here(self) -> T | None:
        """The present place."""
        return self.places[self.at] if self.places else None

    def seen(self, place: T) -> None:
        """One has come to a place, by whatever way; the present one again is nothing new."""
        if self.places and place == self.here:
            return
        self._from = self.here
        self.places = [*self.places[: self.at + 1], place][-MOST:]
        self.at = len(self.places) - 1

    def step(self, by: int) -> T | None:
        """The place before (-1) or after (1), which is the present one from now on; None: there is none."""
        if not 0 <= self.at + by < len(self.places):
            return None
        self._from = self.here
        self.at += by
        return self.here

    @property
    def before(self) -> T | None:
        """The place one was at before this one, by whatever way one has come."""
        return self._from


Step = tuple[type[Any], tuple[Any, ...]]
Place = tuple[Step, ...]
"""How one comes to a screen: each screen on the way as its kind and what it is made of."""


def place_of(stack: Sequence[Any]) -> Place:
    """The place of a stack of screens; questions that lie above it are no place."""
    return tuple((type(one), one.made_of) for one in stack if hasattr(one, "made_of"))


@dataclass(frozen=True, slots=True)
class Left:
    """How a screen was left: its filter, and in each list the key of the row under the cursor."""

    find: str
    rows: Mapping[str, Hashable]


class Memory:
    """How the details that are closed were left, the latest of them: whoever walks back finds them so again."""

    def __init__(self) -> None:
        self._left: list[tuple[Step, Left]] = []

    def keep(self, screen: Any, left: Left) -> None:
        """A screen closes."""
        step = (type(screen), screen.made_of)
        self._left = [*((one, how) for one, how in self._left if one != step), (step, left)][-MOST:]

    def of(self, screen: Any) -> Left | None:
        """How one like this was left; None: there was none."""
        step = (type(screen), screen.made_of)
        return next((how for one, how in self._left if one == step), None)

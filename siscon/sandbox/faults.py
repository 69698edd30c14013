"""Faults on command: so many times, or at random but the same way for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

CHAOS_KINDS = ("429", "503", "reset")
_COUNTED = ("html_200", "truncate_json", "drop_connection", "drop_token_answer", "delay_ms")


@dataclass(slots=True)
class Failure:
    """An answer to give instead of the right one, for the next ``times`` requests below ``path``."""

    status: int
    times: int
    path: str = ""
    retry_after: int | None = None


@dataclass(slots=True)
class Chaos:
    """Faults at random: a ``share`` of all requests, drawn from ``seed`` in the order in which they come.

    A 429 announces 1 or 2 seconds, or ``retry_after`` where that is given; a reset ends the connection.
    """

    seed: int
    share: float
    kinds: list[str] = field(default_factory=lambda: list(CHAOS_KINDS))
    retry_after: int | None = None
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("the share of chaos lies between 0 and 1")
        if not self.kinds or set(self.kinds) - set(CHAOS_KINDS):
            raise ValueError(f"the kinds of chaos are {', '.join(CHAOS_KINDS)}")
        self._dice = random.Random(self.seed)  # noqa: S311 - faults that can be repeated, no secrets

    def draw(self) -> tuple[str, int] | None:
        """The kind of the fault that is due now and the seconds it announces, or None."""
        hit, kind, wait_s = self._dice.random(), self._dice.choice(self.kinds), self._dice.randint(1, 2)
        if hit >= self.share:
            return None
        return kind, wait_s if self.retry_after is None else self.retry_after


@dataclass(slots=True)
class Faults:
    """Faults of one system. Counts run down with each request that meets them."""

    fail_next: Failure | None = None
    html_200: int = 0
    truncate_json: int = 0
    drop_connection: int = 0
    drop_token_answer: int = 0
    delay_ms: int = 0
    empty_lists: bool = False
    chaos: Chaos | None = None

    def update(self, values: dict[str, Any]) -> None:
        """Set faults by name; ``true`` for a count means once, ``false`` and 0 take it back."""
        for name, value in values.items():
            match name:
                case "fail_next":
                    self.fail_next = Failure(**{"times": 1, **value}) if value else None
                case "chaos":
                    self.chaos = Chaos(**value) if value else None
                case "empty_lists":
                    self.empty_lists = bool(value)
                case _ if name in _COUNTED:
                    setattr(self, name, int(value))
                case _:
                    raise ValueError(f"unknown fault {name}")

    def take(self, name: str) -> bool:
        """Whether this fault is due; one of its count is used up."""
        left: int = getattr(self, name)
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        return True

    def take_failure(self, path: str, *, aimed: bool = False) -> Failure | None:
        """The failure to answer with now, if one is due for this path; ``aimed``: only if it names a path."""
        failure = self.fail_next
        if failure is None or failure.times <= 0 or not path.startswith(failure.path):
            return None
        if aimed and not failure.path:
            return None
        failure.times -= 1
        return failure

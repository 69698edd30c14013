"""What a console has told by others beside its loop: it neither loads nor holds what that takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from siscon.ops.checks import Check


@dataclass(frozen=True, slots=True)
class Aside:
    """Whom to ask; None: this console cannot. Each may take its time and raises ``SisconError`` without an answer."""

    examine: Callable[[], Awaitable[Sequence[Check]]] | None = None
    """All that the doctor finds without the key."""
    places: Callable[[int], Awaitable[Mapping[str, str]]] | None = None
    """The places of what the SIS had said of a record in error, each with the kind of its value; empty: not kept."""


ALONE = Aside()

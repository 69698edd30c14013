"""Long work beside the loop: in a thread, ended at its next look when the engine stops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from siscon.domain.errors import Cancelled

T = TypeVar("T")


async def aside(work: Callable[[Callable[[], None]], T]) -> T:
    """What ``work`` returns; it is given a function to be called often, which raises once nobody waits any more."""
    left = threading.Event()

    def look() -> None:
        if left.is_set():
            raise Cancelled

    try:
        return await asyncio.to_thread(work, look)
    finally:
        left.set()

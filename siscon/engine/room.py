"""A run that finds the disk full, or the database kept by another program, waits and goes on where it stands; to fail
would only leave it to a person.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from siscon.domain.errors import DatabaseError
from siscon.domain.runs import RunStatus

log = logging.getLogger(__name__)

FROM_S, MOST_S = 5.0, 60.0
WAITS_FOR = {"full": "room", "locked": "whoever keeps the database"}


async def with_room(carry: Callable[[], Awaitable[RunStatus]]) -> RunStatus:
    """Carry a run, again after a growing pause for as long as the database can take nothing for now."""
    pause_s = FROM_S
    while True:
        try:
            return await carry()
        except DatabaseError as error:
            if error.code not in WAITS_FOR:
                raise
            log.warning("a run waits %s s for %s: %s", pause_s, WAITS_FOR[error.code], error.sentence)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, MOST_S)

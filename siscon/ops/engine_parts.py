"""Whether a part of the engine fails again and again: for the page about health, Doctor and the home screen."""

from __future__ import annotations

from siscon.store.database import Database

LATELY_MS = 5 * 60_000
"""What fails is started again within half a minute: what has not failed for so long goes well."""


async def failing_part(db: Database, *, now_ms: int) -> str:
    """What the engine reported of it last; empty where all goes well, or something failed once."""
    from siscon.domain.sightings import PART_KEY  # the first paint does not wait for it
    from siscon.store import notices

    async with db.read() as c:
        cause = (await notices.not_closed(c)).get(PART_KEY)
    if cause is None or cause.is_over or cause.count < 2 or now_ms - cause.last_ms > LATELY_MS:
        return ""
    return cause.text

"""Which channels to people take nothing any more: for the home screen, which must not load what sends."""

from __future__ import annotations

from siscon.store.database import Database


async def dead_channels(db: Database) -> tuple[str, ...]:
    """The names of the channels that nobody should count on."""
    from siscon.store import channels

    async with db.read() as c:
        return tuple(name for name, one in (await channels.bare_states(c)).items() if one.is_dead)

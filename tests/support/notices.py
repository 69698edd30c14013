"""Channels of a configuration, and a postman that carries the outbox by a clock moved by hand."""

from __future__ import annotations

import asyncio
from typing import Any

from siscon.config import ChannelSettings
from siscon.domain.deliveries import ChannelState, Message
from siscon.engine.postman import Postman
from siscon.store import channels, outbox
from siscon.store.database import Database
from support.clock import HandClock


def mail_channel(port: int, **told: Any) -> ChannelSettings:
    """A channel to a mail server on loopback."""
    known: dict[str, Any] = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "siscon@district.example.org",
        "to": ["oncall@district.example.org"],
        "timeout_s": 30,
    }
    return ChannelSettings.model_validate({**known, **told})


def postman(db: Database, clock: HandClock, **ways: ChannelSettings) -> Postman:
    return Postman(db, ways, clock.now_ms, luck=lambda: 0.0)


async def carry(man: Postman) -> int:
    """Deliver what is due now; how many were taken."""
    return sum(await asyncio.gather(*await man.look(None)))


async def put(
    db: Database, clock: HandClock, channel: str = "", key: str = "k1", text: str = "It failed."
) -> bool:
    async with db.transaction() as c:
        return await outbox.put(
            c, subject="[siscon] harbor fails", text=text, channel=channel, key=key, now_ms=clock.now_ms()
        )


async def message(db: Database, channel: str, key: str = "k1") -> Message:
    async with db.read() as c:
        found = await outbox.by_key(c, channel, key)
    assert found is not None
    return found


async def channel_state(db: Database, name: str) -> ChannelState:
    async with db.read() as c:
        return (await channels.states(c))[name]

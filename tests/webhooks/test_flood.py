"""A flood, forgeries, huge bodies and slow senders at once: none false, none lost, also when the receiver is killed."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from siscon import runtime
from siscon.config import Settings
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.webhooks.answering import Limits
from support.clock import until
from support.flood import (
    NAME,
    flood,
    forged,
    huge_bodies,
    message,
    served_receiver,
    slow_senders,
    with_webhook,
)
from support.hooks import receiver, sender

pytestmark = pytest.mark.long
MESSAGES, FORGERIES = 10_000, 1_000
GROWTH_MIB = 30
CONFIG = """
home: '{home}'
integrations:
  {name}:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: id
    client_secret: ${{SISCON_TEST_SECRET:-invented-secret}}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.format(home=tmp_path / "home", name=NAME), encoding="utf-8")
    settings = with_webhook(runtime.load_settings(file))
    settings.home.mkdir()
    return settings


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    opened = await open_database(settings.database)
    try:
        yield opened
    finally:
        await opened.close()


async def kept(db: Database) -> set[str]:
    async with db.read() as c:
        return {row["key"] for row in await c.all("SELECT key FROM webhook_inbox")}


async def test_a_flood_loses_nothing_takes_nothing_false_and_needs_little_memory(
    settings: Settings, db: Database
) -> None:
    now_s, luck = int(time.time()), random.Random(11)
    good = [message(n, at_s=now_s) for n in range(MESSAGES)]
    mixed = [(n, one) for n, one in enumerate(good)]
    mixed += [(-1, forged(luck.choice(good), luck)) for _ in range(FORGERIES)]
    luck.shuffle(mixed)
    with served_receiver(settings) as there:
        before = there.memory_mib
        async with slow_senders(there.port, 20):
            huge, found = await asyncio.gather(
                huge_bodies(there.port, 10), flood(there.port, [one for _, one in mixed], per_second=1100)
            )
        growth = there.memory_mib - before
    by_kind = {True: list[int](), False: list[int]()}
    for at, status in found.statuses.items():
        by_kind[mixed[at][0] >= 0].append(status)

    assert set(by_kind[True]) == {202}
    assert set(by_kind[False]) <= {400, 401}
    assert set(huge) == {413}
    assert await kept(db) == {f"id msg_{n}" for n in range(MESSAGES)}
    assert growth < GROWTH_MIB

    with served_receiver(settings, back_s=120) as again:
        repeated = await flood(again.port, good[:2000], per_second=1e6)
    assert set(repeated.statuses.values()) == {200}


async def test_what_was_answered_before_the_receiver_was_killed_is_there(
    settings: Settings, db: Database
) -> None:
    now_s = int(time.time())
    for turn in range(3):
        first = turn * 5000
        requests = [message(n, at_s=now_s) for n in range(first, first + 5000)]
        with served_receiver(settings) as there:
            sending = asyncio.create_task(flood(there.port, requests, per_second=1e6))
            while len(await kept(db)) < 300 * (turn + 1):
                await asyncio.sleep(0.01)
            there.process.send_signal(signal.SIGKILL)
            found = await sending
        answered = {f"id msg_{first + n}" for n, status in found.statuses.items() if status == 202}

        assert 0 < len(answered) < 5000
        assert answered <= await kept(db)


PIECES = (
    *(
        b"\r\n",
        b"\0",
        b"\xff\xfe",
        b"%00",
        b"a" * 3000,
        b"Content-Length: 3\r\n",
        b"Expect: 100-continue\r\n",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
)


def spoilt(request: bytes, luck: random.Random) -> bytes:
    """A request with bytes changed, lost, put in and repeated."""
    spoiled = bytearray(request)
    for _ in range(luck.randrange(1, 6)):
        at = luck.randrange(len(spoiled))
        match luck.randrange(4):
            case 0:
                spoiled[at] = luck.randrange(256)
            case 1:
                del spoiled[at : at + luck.randrange(20)]
            case 2:
                spoiled[at:at] = luck.choice(PIECES)
            case _:
                spoiled += spoiled[: luck.randrange(200)]
        spoiled = spoiled or bytearray(b"x")
    return bytes(spoiled)


async def test_whatever_bytes_come_nothing_fails_and_the_next_one_is_served(db: Database) -> None:
    luck, statuses = random.Random(5), list[bytes]()

    async def strangers(port: int, now_s: int) -> None:
        for number in range(20):
            with suppress(OSError, TimeoutError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(spoilt(message(number, at_s=now_s), luck))
                    async with asyncio.timeout(2):
                        statuses.append((await reader.read(65536))[:12])
                finally:
                    writer.close()

    async with receiver(db, sender(NAME), limits=Limits(within_s=0.5)) as there:
        await asyncio.gather(*(strangers(there.port, there.now_s) for _ in range(30)))
        await until(lambda: there.serves(NAME))

    assert {one[9:10] for one in statuses} <= {b"1", b"2", b"4", b""}
    assert statuses.count(b"HTTP/1.1 400") > 50

"""The stored gate under a client: who probes, who waits for a turn, and who must go first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from siscon.domain.privacy import Secret
from siscon.domain.retry import Breaker
from siscon.engine.gate import StoredGate
from siscon.providers.contract import Rate
from siscon.providers.transport.client import ApiClient, ClientLimits
from siscon.store import integrations
from siscon.store.sqlite import SqliteDatabase
from support.clock import HandClock, until


class Tokens:
    """The first token is refused; the next one comes when the test lets it."""

    def __init__(self) -> None:
        self.number, self.may_come, self.asked = 0, asyncio.Event(), asyncio.Event()

    async def current(self) -> Secret:
        return Secret(f"token-{self.number}")

    async def replace(self, _rejected: Secret) -> Secret:
        self.asked.set()
        await self.may_come.wait()
        self.number += 1
        return await self.current()


class NoTokenYet(Tokens):
    async def current(self) -> Secret:
        return await self.replace(Secret(""))


def answer(status: int = 200, **headers: str) -> httpx.Response:
    named = {"content-type": "application/json"} | {
        name.replace("_", "-"): one for name, one in headers.items()
    }
    return httpx.Response(status, headers=named, stream=httpx.ByteStream(b"{}"))


def client(
    db: SqliteDatabase,
    clock: HandClock,
    tell: Callable[[httpx.Request], Awaitable[httpx.Response]],
    tokens: Tokens | None = None,
) -> ApiClient:
    more: dict[str, Any] = {"rng": lambda: 0.0, "sleep": clock.sleep}
    return ApiClient(
        base_url="https://sis.example.org",
        origins=frozenset(),
        gate=StoredGate(db, "harbor", Rate(requests=0), now_ms=clock.now_ms, sleep=clock.sleep),
        tokens=tokens or Tokens(),
        limits=ClientLimits(at_once=1),
        transport=httpx.MockTransport(tell),
        **more,
    )


async def breaker(db: SqliteDatabase) -> Breaker:
    async with db.read() as c:
        return await integrations.breaker(c, "harbor")


async def time_to_probe(db: SqliteDatabase, clock: HandClock) -> None:
    """Somebody has met failures and waited for long enough: the next request probes."""
    async with db.transaction() as c:
        await integrations.save_breaker(c, "harbor", Breaker(5, clock.now_ms() - 1))


async def test_who_gets_a_new_token_does_not_wait_for_a_probe_that_waits_for_its_turn(
    db: SqliteDatabase, clock: HandClock
):
    async def tell(request: httpx.Request) -> httpx.Response:
        return answer(401 if request.headers["authorization"].endswith("token-0") else 200)

    tokens = Tokens()
    async with client(db, clock, tell, tokens) as api:
        first = asyncio.create_task(api.get("first"))
        await tokens.asked.wait()
        await time_to_probe(db, clock)
        begun_ms = clock.now_ms()
        second = asyncio.create_task(api.get("second"))

        async def second_probes() -> bool:
            return (await breaker(db)).probing

        await until(second_probes)
        tokens.may_come.set()
        await asyncio.gather(first, second)

    assert clock.now_ms() - begun_ms < 1_000
    assert await breaker(db) == Breaker()

"""The stored gate under a client: who probes, who waits for a turn, and who must go first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from siscon.domain.errors import AuthError, TransientError
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
    db: Any,
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


async def test_a_probe_that_is_cancelled_before_it_is_sent_lets_the_next_one_probe(
    db: SqliteDatabase, clock: HandClock
):
    async def tell(_request: httpx.Request) -> httpx.Response:
        return answer()

    tokens = NoTokenYet()
    async with client(db, clock, tell, tokens) as slow, client(db, clock, tell) as other:
        await time_to_probe(db, clock)
        begun_ms = clock.now_ms()
        probe = asyncio.create_task(slow.get("first"))
        await tokens.asked.wait()
        assert (await breaker(db)).probing
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert not (await breaker(db)).probing
        await other.get("second")

    assert clock.now_ms() - begun_ms < 1_000


async def test_a_probe_that_could_not_log_in_lets_the_next_one_probe(db: SqliteDatabase, clock: HandClock):
    class Refused(Tokens):
        async def current(self) -> Secret:
            raise AuthError("The login was refused.")

    async def tell(_request: httpx.Request) -> httpx.Response:
        return answer()

    async with client(db, clock, tell, Refused()) as api:
        await time_to_probe(db, clock)
        with pytest.raises(AuthError):
            await api.get("first")

    assert not (await breaker(db)).probing


class Cancelling:
    """A database whose first transaction is cancelled once it is committed: as it ends, or with the next step."""

    def __init__(self, db: SqliteDatabase, *, as_it_ends: bool) -> None:
        self._db, self._as_it_ends, self._is_left = db, as_it_ends, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._db.transaction() as c:
            yield c
        task, is_left, self._is_left = asyncio.current_task(), self._is_left, False
        assert task is not None
        if is_left and self._as_it_ends:
            raise asyncio.CancelledError
        if is_left:
            task.cancel()


@pytest.mark.parametrize("as_it_ends", [True, False])
async def test_who_is_cancelled_in_the_moment_of_becoming_the_probe_leaves_nobody_waiting(
    db: SqliteDatabase, clock: HandClock, as_it_ends: bool
):
    async def tell(_request: httpx.Request) -> httpx.Response:
        raise AssertionError

    await time_to_probe(db, clock)
    async with client(Cancelling(db, as_it_ends=as_it_ends), clock, tell) as api:
        with pytest.raises(asyncio.CancelledError):
            await api.get("first")

    assert not (await breaker(db)).probing


async def test_a_probe_that_is_asked_to_wait_has_met_an_sis_that_answers(
    db: SqliteDatabase, clock: HandClock
):
    answers = [answer(429, retry_after="7"), answer()]
    sent_ms = []

    async def tell(_request: httpx.Request) -> httpx.Response:
        sent_ms.append(clock.now_ms())
        return answers.pop(0)

    await time_to_probe(db, clock)
    async with client(db, clock, tell) as api:
        await api.get("things")

    assert 7_000 <= sent_ms[1] - sent_ms[0] < 8_000
    assert await breaker(db) == Breaker()


async def test_a_probe_whose_failure_was_told_is_not_given_back(db: SqliteDatabase, clock: HandClock):
    async def tell(_request: httpx.Request) -> httpx.Response:
        return answer(503)

    await time_to_probe(db, clock)
    async with client(db, clock, tell) as api:
        with pytest.raises(TransientError):
            await api.post("things", {})

    found = await breaker(db)
    assert (found.failures, found.probing) == (6, False)
    assert found.open_until_ms - clock.now_ms() > 30_000

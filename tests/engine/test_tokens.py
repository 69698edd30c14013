"""One token per integration: fetched once however many ask, committed before use, renewed ahead of its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from siscon.domain.errors import AuthError, TransientError
from siscon.domain.events import EventKind
from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token, TokenHealth
from siscon.engine.tokens import RENEWAL_TTL_S, Login, StoredTokens, renew_quietly
from siscon.store import events, leases, tokens
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import LIMIT_S, HandClock

HOUR_S = 3600


@dataclass
class FakeLogin:
    """A token server that counts."""

    clock: HandClock
    life_s: int = HOUR_S
    calls: int = 0
    faults: list[Exception] = field(default_factory=list)

    async def fetch(self) -> Token:
        self.calls += 1
        await asyncio.sleep(0.01)
        if self.faults:
            raise self.faults.pop(0)
        now_ms = self.clock.now_ms()
        return Token(Secret(f"token-{self.calls}"), now_ms, now_ms + self.life_s * 1000)


def keeper(db: SqliteDatabase, vault: Vault, login: FakeLogin, owner: str = "one") -> StoredTokens:
    return StoredTokens(
        db, vault, "harbor", owner=owner, login=Login(fetch=login.fetch), now_ms=login.clock.now_ms
    )


async def test_sixty_tasks_of_three_engines_that_find_no_token_fetch_one(
    db: SqliteDatabase, clock: HandClock, vault: Vault
):
    login = FakeLogin(clock)
    keepers = [keeper(db, vault, login, owner) for owner in ("one", "two", "three")]
    found = await asyncio.gather(*(one.current() for one in keepers for _ in range(20)))

    assert {one.reveal() for one in found} == {"token-1"}
    assert login.calls == 1


async def test_a_rejected_token_is_replaced_once(db: SqliteDatabase, clock: HandClock, vault: Vault):
    login = FakeLogin(clock)
    keepers = [keeper(db, vault, login, owner) for owner in ("one", "two")]
    old = await keepers[0].current()
    assert await keepers[1].current() == old
    found = await asyncio.gather(*(one.replace(old) for one in keepers for _ in range(5)))

    assert {one.reveal() for one in found} == {"token-2"}
    assert login.calls == 2


async def test_a_token_is_in_the_database_before_anybody_gets_it(
    db: SqliteDatabase, clock: HandClock, vault: Vault
):
    login = FakeLogin(clock)
    given = await keeper(db, vault, login).current()

    async with db.read() as c:
        stored = await tokens.load(c, vault, "harbor")
        row = await c.one("SELECT access FROM tokens")
    assert stored is not None
    assert stored.access == given
    assert row is not None
    assert given.reveal().encode() not in row["access"]


async def test_a_token_past_its_end_is_not_given_out(db: SqliteDatabase, clock: HandClock, vault: Vault):
    login = FakeLogin(clock)
    one = keeper(db, vault, login)
    await one.current()
    clock.forward(HOUR_S)

    assert (await one.current()).reveal() == "token-2"


@pytest.mark.parametrize(("life_s", "due_s"), [(HOUR_S, HOUR_S - 600), (600, 480)])
async def test_a_token_is_renewed_ahead_of_its_end(
    db: SqliteDatabase, clock: HandClock, vault: Vault, life_s: int, due_s: int
):
    login = FakeLogin(clock, life_s=life_s)
    one = keeper(db, vault, login)
    await one.current()
    clock.forward(due_s - 1)
    assert not await one.renew_if_due()
    clock.forward(1)

    assert await one.renew_if_due()
    assert login.calls == 2


async def test_a_token_that_another_engine_renewed_is_not_renewed_again(
    db: SqliteDatabase, clock: HandClock, vault: Vault
):
    login = FakeLogin(clock)
    one, two = (keeper(db, vault, login, owner) for owner in ("one", "two"))
    await one.current()
    await two.current()
    clock.forward(HOUR_S - 500)
    await asyncio.gather(one.renew_if_due(), two.renew_if_due())

    assert login.calls == 2


async def test_a_refusal_is_noted_and_raised(db: SqliteDatabase, clock: HandClock, vault: Vault):
    login = FakeLogin(clock, faults=[AuthError("The SIS refused the login.")])
    with pytest.raises(AuthError):
        await keeper(db, vault, login).current()

    async with db.read() as c:
        state = {one.integration: one for one in await tokens.states(c, now_ms=clock.now_ms())}["harbor"]
        told = await events.latest(c)
    assert state.health is TokenHealth.NEEDS_PERSON
    assert state.last_error == "The SIS refused the login."
    assert told[0].kind is EventKind.TOKEN_FAILED


async def test_a_token_that_the_sis_refuses_and_does_not_replace_is_shown_as_revoked_and_used_no_more(
    db: SqliteDatabase, clock: HandClock, vault: Vault
):
    login = FakeLogin(clock)
    one = keeper(db, vault, login)
    old = await one.current()
    login.faults = [AuthError("The SIS refused the login.")]
    with pytest.raises(AuthError):
        await one.replace(old)

    async with db.read() as c:
        (state,) = await tokens.states(c, now_ms=clock.now_ms())
    assert (state.health, state.failures) == (TokenHealth.REVOKED, 1)
    assert (await one.current()).reveal() == "token-3"
    async with db.read() as c:
        (state,) = await tokens.states(c, now_ms=clock.now_ms())
    assert (state.health, state.last_error) == (TokenHealth.GOOD, "")


async def test_after_a_failure_renewal_pauses_and_then_succeeds(
    db: SqliteDatabase, clock: HandClock, vault: Vault
):
    login = FakeLogin(clock)
    one = keeper(db, vault, login)
    await one.current()
    clock.forward(HOUR_S - 500)
    login.faults = [TransientError("The SIS does not answer.")]
    await renew_quietly(one, if_due=True)
    await renew_quietly(one, if_due=True)
    assert login.calls == 2
    clock.forward(31)
    await renew_quietly(one, if_due=True)

    assert login.calls == 3


async def test_a_token_server_that_is_down_calls_no_person_and_one_that_refuses_does(
    db: SqliteDatabase, clock: HandClock, vault: Vault
):
    login = FakeLogin(clock)
    one = keeper(db, vault, login)
    for fault, health in [
        (TransientError("The token server does not answer."), TokenHealth.NONE),
        (AuthError("The secret is wrong."), TokenHealth.NEEDS_PERSON),
    ]:
        login.faults = [fault]
        await renew_quietly(one, if_due=False)
        async with db.read() as c:
            [state] = await tokens.states(c, now_ms=clock.now_ms())
        assert (state.health, state.last_error) == (health, fault.sentence)


async def test_a_cancelled_renewal_leaves_the_way_free(db: SqliteDatabase, clock: HandClock, vault: Vault):
    login = FakeLogin(clock)
    asking = asyncio.create_task(keeper(db, vault, login, "one").current())
    while not login.calls:
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    given = await asyncio.wait_for(keeper(db, vault, login, "two").current(), LIMIT_S)
    assert given.reveal() == "token-2"


async def overtaken_login(db: SqliteDatabase, clock: HandClock) -> None:
    async with db.transaction() as c:
        clock.forward(RENEWAL_TTL_S + 1)
        assert await leases.take(c, "token:harbor", "two", ttl_s=60, now_ms=clock.now_ms())


async def test_a_renewal_that_another_engine_took_over_harms_nobody(
    db: SqliteDatabase, clock: HandClock, vault: Vault
):
    async def fetch() -> Token:
        await overtaken_login(db, clock)
        return Token(Secret("late"), 0, None)

    one = StoredTokens(db, vault, "harbor", owner="one", login=Login(fetch=fetch), now_ms=clock.now_ms)

    await renew_quietly(one, if_due=False)

    async with db.read() as c:
        assert await tokens.load(c, vault, "harbor") is None


async def test_a_cancellation_is_heard_even_when_the_renewal_was_taken_over(
    db: SqliteDatabase, clock: HandClock, vault: Vault
):
    async def fetch() -> Token:
        await overtaken_login(db, clock)
        raise asyncio.CancelledError

    one = StoredTokens(db, vault, "harbor", owner="one", login=Login(fetch=fetch), now_ms=clock.now_ms)

    with pytest.raises(asyncio.CancelledError):
        await one.current()

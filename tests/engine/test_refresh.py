"""A refresh token is sent once: marked before, stored after, and after a lost answer a person is asked."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from siscon.domain.errors import AuthError, DatabaseError, TransientError
from siscon.domain.events import EventKind, Level
from siscon.domain.privacy import Secret
from siscon.domain.tokens import AnswerLost, NeedsPerson, Token, TokenHealth, TokenState
from siscon.engine.links import patiently
from siscon.engine.tokens import RENEWAL_TTL_S, Login, StoredTokens, renew_quietly
from siscon.providers.contract import Rate
from siscon.providers.transport.ratelimit import MemoryGate
from siscon.store import events, tokens
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import HandClock, until

HOUR_S = 3600
PERSON = "Run: siscon tokens authorise harbor"


@dataclass
class Server:
    """A token server that rotates and, like real ones, withdraws everything when a spent token comes again."""

    clock: HandClock
    rotates: bool = True
    good: str = "refresh-0"
    made: int = 0
    calls: int = 0
    reused: int = 0
    faults: list[BaseException | None] = field(default_factory=list)
    lost: list[BaseException | None] = field(default_factory=list)
    hold: asyncio.Event | None = None
    silent: bool = False

    async def refresh(self, token: Secret) -> Token:
        self.calls += 1
        await asyncio.sleep(0)
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        if token.reveal() != self.good:
            self.reused += 1
            self.good = ""
            raise AuthError("The grant was refused.", code="invalid_grant")
        self.made += 1
        if self.rotates and not self.silent:
            self.good = f"refresh-{self.made}"
        if self.hold is not None:
            await self.hold.wait()
        if self.lost and (loss := self.lost.pop(0)):
            raise loss
        now_ms = self.clock.now_ms()
        again = None if self.silent else Secret(self.good)
        return Token(Secret(f"access-{self.made}"), now_ms, now_ms + HOUR_S * 1000, again)

    async def fetch(self) -> Token:
        raise NeedsPerson("never")


def keeper(db: SqliteDatabase, vault: Vault, server: Server, owner: str = "one", **more: Any) -> StoredTokens:
    login = Login(fetch=server.fetch, refresh=server.refresh, rotates=server.rotates, **more)
    return StoredTokens(db, vault, "harbor", owner=owner, login=login, now_ms=server.clock.now_ms)


@pytest.fixture
async def allowed(db: SqliteDatabase, clock: HandClock, vault: Vault) -> None:
    """A person has allowed the login an hour ago."""
    async with db.transaction() as c:
        first = Token(Secret("access-0"), clock.now_ms(), clock.now_ms() + HOUR_S * 1000, Secret("refresh-0"))
        await tokens.save(c, vault, "harbor", first)
    clock.forward(HOUR_S)


async def state_of(db: SqliteDatabase, clock: HandClock) -> TokenState:
    async with db.read() as c:
        (state,) = await tokens.states(c, now_ms=clock.now_ms())
    return state


async def sent_at_ms(db: SqliteDatabase) -> int | None:
    async with db.read() as c:
        row = await c.one("SELECT refresh_sent_at_ms FROM tokens")
    return None if row is None else row[0]


@pytest.mark.usefixtures("allowed")
async def test_sixty_tasks_of_three_engines_refresh_once(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock)
    keepers = [keeper(db, vault, server, owner) for owner in ("one", "two", "three")]
    found = await asyncio.gather(*(one.current() for one in keepers for _ in range(20)))

    assert {one.reveal() for one in found} == {"access-1"}
    assert (server.calls, server.reused) == (1, 0)
    assert await sent_at_ms(db) is None


@pytest.mark.usefixtures("allowed")
async def test_the_mark_is_committed_before_the_token_is_sent_and_the_pair_before_it_is_used(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock, hold=asyncio.Event())
    asking = asyncio.create_task(keeper(db, vault, server).current())
    await until(lambda: server.made == 1)
    assert await sent_at_ms(db) == clock.now_ms()
    assert (await state_of(db, clock)).health is TokenHealth.REFRESHING
    assert server.hold is not None
    server.hold.set()
    given = await asking

    async with db.read() as c:
        stored = await tokens.load(c, vault, "harbor")
    assert stored is not None
    assert (stored.access, stored.refresh) == (given, Secret("refresh-1"))
    assert await sent_at_ms(db) is None


@pytest.mark.usefixtures("allowed")
async def test_an_answer_without_a_new_refresh_token_keeps_the_old_one(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock, silent=True)
    one = keeper(db, vault, server)
    await one.current()
    clock.forward(HOUR_S)
    await one.current()

    assert (server.calls, server.reused) == (2, 0)


LOST = AnswerLost("The SIS gave no whole answer in time.")


@pytest.mark.usefixtures("allowed")
async def test_after_a_lost_answer_a_person_is_asked_and_the_spent_token_never_sent_again(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock, lost=[LOST])
    one, two = keeper(db, vault, server), keeper(db, vault, server, "two")
    with pytest.raises(NeedsPerson, match=PERSON):
        await one.current()
    for _ in range(3):
        clock.forward(HOUR_S)
        assert not await one.renew_if_due()
        with pytest.raises(NeedsPerson, match=PERSON):
            await two.current()

    assert (server.calls, server.reused) == (1, 0)
    state = await state_of(db, clock)
    assert state.health is TokenHealth.NEEDS_PERSON
    assert PERSON in state.last_error


@pytest.mark.usefixtures("allowed")
async def test_where_refresh_tokens_do_not_rotate_a_lost_answer_is_asked_for_again(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock, rotates=False, lost=[LOST])
    one = keeper(db, vault, server)
    with pytest.raises(AnswerLost):
        await one.current()

    assert (await one.current()).reveal() == "access-2"


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("rotates", [True, False])
async def test_a_mark_found_at_a_start_means_a_crash_between_sending_and_storing(
    db: SqliteDatabase, clock: HandClock, vault: Vault, rotates: bool
) -> None:
    async with db.transaction() as c:
        await tokens.mark_sent(c, "harbor", clock.now_ms() - 5_000)
    server = Server(clock, rotates=rotates)
    await renew_quietly(keeper(db, vault, server), if_due=True)

    state = await state_of(db, clock)
    assert server.calls == (0 if rotates else 1)
    assert state.health is (TokenHealth.NEEDS_PERSON if rotates else TokenHealth.GOOD)
    assert (PERSON in state.last_error) is rotates


@pytest.mark.usefixtures("allowed")
async def test_a_refusal_that_spent_nothing_is_tried_again_later(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock, faults=[TransientError("answered 503"), None])
    one = keeper(db, vault, server)
    with pytest.raises(TransientError):
        await one.current()
    assert await sent_at_ms(db) is None

    assert (await one.current()).reveal() == "access-1"
    assert server.reused == 0


@pytest.mark.usefixtures("allowed")
async def test_a_refresh_token_that_the_sis_withdrew_needs_a_person(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock, good="another")
    with pytest.raises(NeedsPerson, match=PERSON):
        await keeper(db, vault, server).current()

    assert (await state_of(db, clock)).health is TokenHealth.NEEDS_PERSON
    assert await sent_at_ms(db) is None


async def test_a_login_that_nobody_has_allowed_says_so_before_a_run_needs_it(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock)
    one = keeper(db, vault, server)
    for _ in range(3):
        await renew_quietly(one, if_due=True)

    state = await state_of(db, clock)
    assert (state.health, state.failures, server.calls) == (TokenHealth.NEEDS_PERSON, 1, 0)
    assert PERSON in state.last_error


@pytest.mark.usefixtures("allowed")
async def test_a_new_consent_mends_it_without_a_restart(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock, lost=[LOST])
    one = keeper(db, vault, server)
    with pytest.raises(NeedsPerson):
        await one.current()
    server.good = "refresh-new"
    async with db.transaction() as c:
        new = Token(
            Secret("access-new"), clock.now_ms(), clock.now_ms() + HOUR_S * 1000, Secret("refresh-new")
        )
        await tokens.save(c, vault, "harbor", new)

    assert (await one.current()).reveal() == "access-new"
    clock.forward(HOUR_S - 60)
    assert await one.renew_if_due()
    assert server.reused == 0


@pytest.mark.usefixtures("allowed")
async def test_a_cancelled_run_does_not_lose_the_pair_that_is_under_way(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock, hold=asyncio.Event())
    assert server.hold is not None
    asking = asyncio.create_task(keeper(db, vault, server).current())
    await until(lambda: server.made == 1)
    asking.cancel()
    server.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert (await keeper(db, vault, server, "two").current()).reveal() == "access-1"
    assert (server.calls, server.reused) == (1, 0)


@pytest.mark.usefixtures("allowed")
async def test_an_engine_that_slept_through_its_lease_still_brings_the_one_good_pair(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    server = Server(clock, hold=asyncio.Event())
    assert server.hold is not None
    asleep = asyncio.create_task(keeper(db, vault, server).current())
    await until(lambda: server.made == 1)
    clock.forward(RENEWAL_TTL_S + 1)
    with pytest.raises(NeedsPerson):
        await keeper(db, vault, server, "two").current()
    server.hold.set()
    await asleep

    assert (await state_of(db, clock)).health is TokenHealth.GOOD
    assert (await keeper(db, vault, server, "two").current()).reveal() == "access-1"
    assert (server.calls, server.reused) == (1, 0)


class Full(SqliteDatabase):
    """A database that is full for a while."""

    full = 0

    def transaction(self, lease: Any = None) -> Any:
        if self.full:
            self.full -= 1
            raise DatabaseError("The disk is full.")
        return super().transaction(lease)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("times", [2, 4, 6])
async def test_a_pair_that_cannot_be_stored_is_kept_and_stored_later(
    db: SqliteDatabase, clock: HandClock, vault: Vault, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("siscon.engine.tokens.STORE_PAUSES_S", (0.0, 0.0, 0.0))
    full = Full(db.path, db.version, writer=db._writer, readers=db._readers)
    server = Server(clock, hold=asyncio.Event())
    assert server.hold is not None
    one = keeper(full, vault, server)
    asking = asyncio.create_task(one.current())
    await until(lambda: server.made == 1)
    full.full = times
    server.hold.set()
    answers = await asyncio.gather(asking, return_exceptions=True)
    while full.full:
        await renew_quietly(one, if_due=True)

    assert isinstance(answers[0], DatabaseError) is (times >= 4)
    assert (await one.current()).reveal() == "access-1"
    assert (server.calls, server.reused) == (1, 0)
    assert (await state_of(db, clock)).health is TokenHealth.GOOD
    full._signal.close()  # the rest of it is lent


@pytest.mark.usefixtures("allowed")
async def test_what_the_district_did_not_grant_is_kept_and_told(
    db: SqliteDatabase, clock: HandClock, vault: Vault
) -> None:
    one = keeper(db, vault, Server(clock), scope="roster.readonly demographics.readonly")
    await one.current()

    async with db.read() as c:
        told = await events.latest(c)
    assert (told[0].kind, told[0].level) == (EventKind.TOKEN_RENEWED, Level.WARNING)
    assert told[0].text.endswith("has not allowed: roster.readonly, demographics.readonly")


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(6, 20))]
)
@pytest.mark.usefixtures("allowed")
async def test_whatever_happens_in_whatever_order_the_spent_token_is_never_sent(
    db: SqliteDatabase, clock: HandClock, vault: Vault, seed: int
) -> None:
    luck = random.Random(seed)
    server = Server(clock)
    keepers = [keeper(db, vault, server, owner) for owner in ("one", "two", "three")]
    tasks: list[asyncio.Task[Any]] = []
    for _ in range(40):
        one = luck.choice(keepers)
        act = luck.choice((one.current, one.renew_if_due, one.renew_now, one.current))
        tasks.append(asyncio.create_task(act()))
        if luck.random() < 0.2:
            luck.choice(tasks).cancel()
        if luck.random() < 0.15:
            server.faults.append(luck.choice((None, TransientError("503"))))
        if luck.random() < 0.04:
            server.lost.append(LOST)
        if luck.random() < 0.3:
            clock.forward(luck.randrange(HOUR_S))
        for _ in range(luck.randrange(4)):
            await asyncio.sleep(0)
    for _ in range(200):
        await asyncio.sleep(0)
    done = asyncio.gather(*tasks, return_exceptions=True)
    clock.forward(RENEWAL_TTL_S + 1)
    await done

    assert server.reused == 0


async def test_who_waits_patiently_does_not_repeat_what_needs_a_person() -> None:
    calls: list[int] = []

    async def exchange() -> Token:
        calls.append(1)
        raise NeedsPerson("lost")

    with pytest.raises(NeedsPerson):
        await patiently(exchange, MemoryGate(Rate(0)))  # type: ignore[arg-type] - it has a slot and a report

    assert calls == [1]

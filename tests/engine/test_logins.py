"""Every way to log in, from the configuration to the header on the wire."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.errors import AuthError, ConfigError, ProviderError
from siscon.domain.events import EventKind
from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token, TokenHealth
from siscon.engine.links import Link, Links
from siscon.store import events, tokens
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import HandClock
from support.token_server import FIRST_REFRESH, TokenServer, token_server
from support.token_worker import provider_with, settings_over

PLANTED = "planted-token-7431"


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as one:
        yield one


@asynccontextmanager
async def linked(
    db: SqliteDatabase, vault: Vault, clock: HandClock, server: TokenServer, grant: str, **more: Any
) -> AsyncIterator[Link]:
    links = Links(
        db,
        settings_over(server.origin, Path(db.path).parent, **more),
        vault,
        owner="one",
        load_provider=lambda _: provider_with(grant),
        now_ms=clock.now_ms,
    )
    try:
        yield await links.of("harbor")
    finally:
        await links.close()


async def ask(link: Link) -> int:
    answer = await link.provider.api.get("/things")  # type: ignore[attr-defined] - its base has none
    return int(answer.status)


async def health(db: SqliteDatabase, clock: HandClock) -> TokenHealth:
    async with db.read() as c:
        (state,) = await tokens.states(c, now_ms=clock.now_ms())
    return state.health


@pytest.mark.parametrize(
    ("grant", "header", "sent"),
    [("bearer", "authorization", f"Bearer {PLANTED}"), ("key", "x-api-key", PLANTED)],
)
async def test_a_token_that_was_handed_out_goes_in_its_header(
    db: SqliteDatabase,
    vault: Vault,
    clock: HandClock,
    server: TokenServer,
    grant: str,
    header: str,
    sent: str,
) -> None:
    server.good_access = {PLANTED}
    async with linked(db, vault, clock, server, grant, token=PLANTED) as link:
        assert await ask(link) == 200

    assert server.headers[header] == sent
    assert ("authorization" in server.headers) is (grant == "bearer")
    assert server.calls == []
    assert await health(db, clock) is TokenHealth.GOOD


async def test_a_token_that_was_handed_out_and_is_refused_needs_the_vendor(
    db: SqliteDatabase, vault: Vault, clock: HandClock, server: TokenServer
) -> None:
    async with linked(db, vault, clock, server, "bearer", token=PLANTED) as link:
        with pytest.raises(AuthError) as caught:
            await ask(link)
        assert caught.value.code == "token_refused"
        assert await health(db, clock) is TokenHealth.REVOKED
    server.good_access = {"another"}
    async with linked(db, vault, clock, server, "bearer", token="another") as link:
        assert await ask(link) == 200
    async with linked(db, vault, clock, server, "bearer", token=PLANTED) as link:
        with pytest.raises(AuthError):
            await ask(link)

    assert "integrations.harbor.token" in caught.value.sentence


async def test_without_a_login_nothing_is_sent(
    db: SqliteDatabase, vault: Vault, clock: HandClock, server: TokenServer
) -> None:
    server.good_access = {""}
    async with linked(db, vault, clock, server, "none") as link:
        assert await ask(link) == 200
        assert "authorization" not in server.headers
        assert not await link.tokens.renew_if_due()
        await link.tokens.renew_now()
        server.good_access = set()
        with pytest.raises(AuthError):
            await ask(link)


async def test_what_the_configuration_lacks_is_named(
    db: SqliteDatabase, vault: Vault, clock: HandClock, server: TokenServer
) -> None:
    with pytest.raises(ConfigError, match=r"integrations\.harbor lacks token"):
        async with linked(db, vault, clock, server, "bearer"):
            pass


@pytest.mark.parametrize("grant", ["client", "code"])
@pytest.mark.parametrize("status", [302, 307, 308])
async def test_a_redirect_of_the_token_url_leads_nowhere(
    db: SqliteDatabase, vault: Vault, clock: HandClock, server: TokenServer, grant: str, status: int
) -> None:
    async with db.transaction() as c:
        await tokens.save(c, vault, "harbor", Token(Secret("over"), 1, 2, Secret(FIRST_REFRESH)))
    with token_server() as listener:
        server.location = f"{listener.origin}/token"
        server.answers = [(status, {})]
        async with linked(db, vault, clock, server, grant) as link:
            with pytest.raises(ProviderError) as caught:
                await ask(link)
            assert await ask(link) == 200

    assert caught.value.code == "redirect_refused"
    assert (listener.calls, listener.headers, listener.api_calls) == ([], {}, 0)
    assert (len(server.calls), server.reuse) == (2, 0)


async def test_no_secret_of_a_login_is_ever_told(
    db: SqliteDatabase,
    vault: Vault,
    clock: HandClock,
    server: TokenServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A refresh that works, one that the server refuses while it repeats what it was sent, and one that is lost."""
    caplog.set_level(logging.DEBUG)
    async with db.transaction() as c:
        over = Token(Secret("planted-access"), 1, 2, Secret(FIRST_REFRESH))
        await tokens.save(c, vault, "harbor", over)
    said = []
    async with linked(db, vault, clock, server, "code") as link:
        assert await ask(link) == 200
        known = {"planted-secret", "planted-access", FIRST_REFRESH, server.good_refresh, *server.good_access}
        refusal = {"error": "invalid_scope", "error_description": server.good_refresh}
        server.answers = [(400, refusal), (200, b"<html>" + server.good_refresh.encode())]
        for _ in range(2):
            clock.forward(3600)
            with pytest.raises(AuthError) as caught:
                await ask(link)
            said.append(f"{caught.value!r} {caught.value.detail} {caught.value.__cause__!r}")
        said.append(repr(link.tokens))
    async with db.read() as c:
        news = await events.latest(c)
        (state,) = await tokens.states(c, now_ms=clock.now_ms())

    assert {one.kind for one in news} == {EventKind.TOKEN_RENEWED, EventKind.TOKEN_FAILED}
    assert (state.health, server.reuse) == (TokenHealth.NEEDS_PERSON, 0)
    everything = "\n".join([*said, repr(news), repr(state), caplog.text])
    assert not [one for one in known if one in everything]

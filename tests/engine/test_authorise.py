"""What people do with logins: a consent over a real door and a real token server, giving back, clearing out."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.errors import AuthError, SisconError, UsageError
from siscon.domain.privacy import Secret
from siscon.domain.roles import Role
from siscon.domain.tokens import Token, TokenHealth
from siscon.engine import authorise
from siscon.engine.clerk import Clerk
from siscon.engine.loopback import open_door, redirect_uri_of
from siscon.providers.transport.oauth_code import CONSENT_WITHIN_S
from siscon.store import audit, events, leases, tokens
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import LIMIT_S, HandClock
from support.token_server import TokenServer, token_server
from support.token_worker import provider_with, settings_over


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as one:
        yield one


@pytest.fixture
def clerk(db: SqliteDatabase, vault: Vault, clock: HandClock, server: TokenServer, tmp_path: Path) -> Clerk:
    settings = settings_over(server.origin, tmp_path)
    return Clerk(db, vault, settings, "ann(1000)", Role.ADMIN, lambda _: provider_with("code"), clock.now_ms)


def browse(address: str) -> int:
    """What a browser does: it follows where it is sent."""
    try:
        with urllib.request.urlopen(address, timeout=LIMIT_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


async def allowed(clerk: Clerk) -> str:
    async with open_door(0) as door:
        consent = await authorise.begin(clerk, "harbor", redirect_uri=door.redirect_uri)
        waiting = asyncio.create_task(authorise.finish_at(clerk, "harbor", consent, door))
        assert await asyncio.to_thread(browse, f"{door.redirect_uri}?code=x&state=forged") == 200
        assert await asyncio.to_thread(browse, door.redirect_uri) == 404
        assert await asyncio.to_thread(browse, consent.address) == 200
        return await waiting


async def written(clerk: Clerk) -> tuple[list[str], str]:
    async with clerk.db.read() as c:
        acts = [(one.actor, one.action, one.target) for one in await audit.entries(c)]
        news = await events.latest(c)
        everything = repr([tuple(row) for row in await c.all("SELECT * FROM audit")]) + repr(news)
    assert all((actor, target) == ("ann(1000)", "harbor") for actor, _, target in acts)
    return [action for _, action, _ in acts], everything


async def test_a_browser_brings_the_first_token_and_a_forged_visit_brings_nothing(
    clerk: Clerk, server: TokenServer, clock: HandClock
) -> None:
    said = await allowed(clerk)

    async with clerk.db.read() as c:
        token = await tokens.load(c, clerk.vault, "harbor")
        (state,) = await tokens.states(c, now_ms=clock.now_ms())
    assert said == "harbor may log in now."
    assert token is not None
    assert token.refresh == Secret(server.good_refresh)
    assert state.health is TokenHealth.GOOD
    assert [one["grant_type"] for one in server.calls] == ["authorization_code"]
    assert server.calls[0]["code"] == "planted-code"
    acts, everything = await written(clerk)
    assert acts == ["authorise_token"]
    for planted in ("planted-code", token.access.reveal(), token.refresh.reveal()):
        assert planted not in everything


async def test_what_was_not_granted_is_said_and_recorded(clerk: Clerk, server: TokenServer) -> None:
    server.scope, server.rotates = "other", False
    said = await allowed(clerk)

    assert "The SIS gave no refresh token" in said
    assert said.endswith("The district has not allowed: roster.readonly.")


async def test_the_door_is_open_on_this_machine_alone_and_only_while_it_is_waited_for(clerk: Clerk) -> None:
    async with open_door(0) as door:
        port = int(door.redirect_uri.split(":")[2].split("/")[0])
        assert door.redirect_uri == redirect_uri_of(port)
        with pytest.raises(UsageError) as caught:
            async with open_door(port):
                pass
        assert caught.value.code == "port_taken"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x00\xff nonsense\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
    with pytest.raises(urllib.error.URLError):
        await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/")


async def test_nobody_waits_for_ever(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("siscon.engine.authorise.CONSENT_WITHIN_S", 0.01)
    async with open_door(0) as door:
        consent = await authorise.begin(clerk, "harbor", redirect_uri=door.redirect_uri)
        with pytest.raises(AuthError) as caught:
            await authorise.finish_at(clerk, "harbor", consent, door)

    assert caught.value.code == "consent_late"


async def test_a_consent_that_comes_late_brings_nothing(
    clerk: Clerk, server: TokenServer, clock: HandClock
) -> None:
    consent = await authorise.begin(clerk, "harbor", redirect_uri=redirect_uri_of(1))
    clock.forward(CONSENT_WITHIN_S + 1)
    address = f"{consent.redirect_uri}?code=c&state={consent.state.reveal()}"
    with pytest.raises(AuthError):
        await authorise.finish(clerk, "harbor", consent, address)

    assert server.calls == []


async def test_a_login_that_needs_nobody_says_so(clerk: Clerk) -> None:
    by_itself = Clerk(
        clerk.db,
        clerk.vault,
        clerk.settings,
        "ann(1000)",
        Role.ADMIN,
        lambda _: provider_with("client"),
        clerk.now_ms,
    )
    with pytest.raises(UsageError) as caught:
        await authorise.begin(by_itself, "harbor", redirect_uri="http://127.0.0.1/")

    assert "siscon tokens refresh harbor" in caught.value.sentence


async def test_an_integration_that_the_database_does_not_know_is_no_place_for_a_token(clerk: Clerk) -> None:
    with pytest.raises(UsageError):
        await authorise.begin(clerk, "unknown", redirect_uri="http://127.0.0.1/")


@pytest.mark.parametrize("answers", [[], [(503, {})], [(400, {"error": "unsupported_token_type"})]])
async def test_a_login_is_given_back_and_is_gone_here_whatever_the_sis_says(
    clerk: Clerk, server: TokenServer, clock: HandClock, answers: list[Any]
) -> None:
    await allowed(clerk)
    spent = server.good_refresh
    server.answers = [*answers]
    done = await authorise.revoke(clerk, "harbor")

    assert server.revoked[0] == spent
    assert len(server.revoked) == (1 if done.refused else 2)
    assert done.refused is bool(answers)
    assert ("has taken it back" in done.sentence) is not done.refused
    async with clerk.db.read() as c:
        row = await c.one("SELECT access, refresh, key_id FROM tokens")
        (state,) = await tokens.states(c, now_ms=clock.now_ms())
    assert row is not None
    assert tuple(row) == (None, None, None)
    assert state.health is TokenHealth.REVOKED
    acts, everything = await written(clerk)
    assert acts == ["authorise_token", "revoke_token"]
    assert spent not in everything + done.sentence
    assert (await authorise.revoke(clerk, "harbor")).sentence.endswith("nothing to give back.")


async def test_where_the_sis_takes_nothing_back_the_sentence_says_what_is_left_to_do(clerk: Clerk) -> None:
    await allowed(clerk)
    by_itself = Clerk(
        clerk.db,
        clerk.vault,
        clerk.settings,
        "ann(1000)",
        Role.ADMIN,
        lambda _: provider_with("client"),
        clerk.now_ms,
    )
    done = await authorise.revoke(by_itself, "harbor")

    assert not done.refused
    assert done.sentence.endswith("change the secret at the vendor if it may have leaked.")


async def test_a_login_that_an_engine_is_renewing_is_left_alone(
    clerk: Clerk, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("siscon.engine.authorise.WAIT_FOR_RENEWAL_S", -1.0)
    async with clerk.db.transaction() as c:
        await leases.take(c, "token:harbor", "engine", ttl_s=60, now_ms=clock.now_ms())
    with pytest.raises(SisconError) as caught:
        await authorise.revoke(clerk, "harbor")

    assert caught.value.code == "busy"


async def test_what_nobody_can_use_any_more_is_cleared_out(clerk: Clerk, clock: HandClock) -> None:
    async with clerk.db.transaction() as c:
        await tokens.save(c, clerk.vault, "harbor", Token(Secret("a"), 1, 2))
    assert await authorise.clean(clerk) == ["harbor"]
    async with clerk.db.transaction() as c:
        await tokens.save(c, clerk.vault, "harbor", Token(Secret("a"), 1, 2, Secret("r")))
    assert await authorise.clean(clerk) == []
    nobody = clerk.settings.model_copy(update={"integrations": {}})
    elsewhere = Clerk(
        clerk.db, clerk.vault, nobody, "ann(1000)", Role.ADMIN, clerk.load_provider, clerk.now_ms
    )
    assert await authorise.clean(elsewhere) == ["harbor"]

    assert (await written(clerk))[0] == ["clean_token", "clean_token"]

"""Every grant against the sandbox's OneRoster server, which rotates refresh tokens and notices reuse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from siscon.config import Settings
from siscon.domain.roles import Role
from siscon.domain.tokens import NeedsPerson, TokenHealth
from siscon.engine import authorise
from siscon.engine.clerk import Clerk
from siscon.engine.links import Link, Links
from siscon.engine.loopback import open_door
from siscon.providers.contract import Provider, ProviderSettings
from siscon.providers.grants import (
    ApiKey,
    AuthorizationCode,
    ClientCredentials,
    Grant,
    Password,
    StaticBearer,
)
from siscon.sandbox.origin import ONEROSTER_AUTHORIZE, ONEROSTER_BASES, ONEROSTER_REVOKE, ONEROSTER_TOKENS
from siscon.sandbox.tokens import scopes_of
from siscon.store import integrations, tokens
from siscon.store.sqlite import SqliteDatabase, open_database
from siscon.store.vault import Vault
from support.clock import LIMIT_S
from support.sandbox_sis import sandbox

SCOPE = " ".join(scopes_of("v1p2"))
LIST = ONEROSTER_BASES["v1p2"] + "/orgs"
OWN: dict[str, Any] = {"client_id": "sandbox-oneroster", "client_secret": "invented-secret"}


class System:
    """The OneRoster server of a running sandbox."""

    def __init__(self, origin: str, http: httpx.AsyncClient) -> None:
        self.origin, self._http = origin, http

    async def control(self, action: str, body: Any = None) -> Any:
        url, headers = f"{self.origin}/__control__/{action}", {"X-Sandbox-Control": "yes"}
        if body is None:
            return (await self._http.get(url, headers=headers)).json()
        return (await self._http.post(url, headers=headers, json=body)).json()

    async def visit(self, address: str) -> None:
        assert (await self._http.get(address, follow_redirects=True)).status_code == 200


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with (
        sandbox(tmp_path, students=30) as state,
        httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as http,
    ):
        yield System(f"http://127.0.0.1:{state.ports[4]}", http)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await open_database(tmp_path / "siscon.db")
    try:
        async with database.transaction() as c:
            await integrations.activate(
                c, name="harbor", provider="wired", title="W", schedule="", requests_per_minute=0, now_ms=1
            )
        yield database
    finally:
        await database.close()


VAULT = Vault([bytes(range(32))])
LOGINS: dict[str, Callable[[str], Grant]] = {
    "basic": lambda url: ClientCredentials(url + ONEROSTER_TOKENS, SCOPE),
    "post": lambda url: ClientCredentials(url + ONEROSTER_TOKENS, SCOPE, client_auth="client_secret_post"),
    "key": lambda url: ClientCredentials(url + ONEROSTER_TOKENS, SCOPE, client_auth="private_key_jwt"),
    "password": lambda url: Password(url + ONEROSTER_TOKENS, SCOPE),
    "bearer": lambda _: StaticBearer(),
    "header": lambda _: ApiKey(),
    "code": lambda url: AuthorizationCode(
        url + ONEROSTER_AUTHORIZE, url + ONEROSTER_TOKENS, SCOPE, revoke_url=url + ONEROSTER_REVOKE
    ),
}


def wired(login: str) -> type[Provider]:
    class Wired(Provider):
        name, title, entities = "wired", "Wired", ()

        @classmethod
        def grant(cls, settings: ProviderSettings) -> Grant:
            return LOGINS[login](settings.base_url)

    return Wired


def settings_for(system: System, tmp_path: Path, **more: Any) -> Settings:
    one = {"provider": "wired", "base_url": system.origin, "requests_per_minute": 0, **OWN, **more}
    return Settings.model_validate({"home": tmp_path, "integrations": {"harbor": one}})


@asynccontextmanager
async def linked(
    db: SqliteDatabase, settings: Settings, login: str, *, ahead_s: int = 0, owner: str = "one"
) -> AsyncIterator[Link]:
    links = Links(
        db,
        settings,
        VAULT,
        owner=owner,
        load_provider=lambda _: wired(login),
        now_ms=lambda: time.time_ns() // 1_000_000 + ahead_s * 1000,
    )
    try:
        yield await links.of("harbor")
    finally:
        await links.close()


async def ask(link: Link) -> int:
    return int((await link.provider.api.get(LIST)).status)  # type: ignore[attr-defined] - its base has none


@pytest.mark.parametrize("login", ["basic", "post", "key", "password", "bearer", "header"])
async def test_a_login_without_a_person_reads_a_list(
    db: SqliteDatabase, system: System, tmp_path: Path, login: str
) -> None:
    more: dict[str, Any] = {
        "key": {"private_key": (await system.control("key"))["private_key"]},
        "password": {"username": "invented-user", "password": "invented-password"},
        "bearer": {"token": "invented-static-bearer"},
        "header": {"token": "invented-api-key"},
    }.get(login, {})
    async with linked(db, settings_for(system, tmp_path, **more), login) as link:
        assert await ask(link) == 200
        if login not in ("bearer", "header"):
            await system.control("faults", {"revoke_tokens": True})
            assert await ask(link) == 200

    async with db.read() as c:
        assert (await tokens.load_refresh(c, VAULT, "harbor")).token is None


async def test_a_consent_its_renewals_a_lost_answer_and_giving_back(
    db: SqliteDatabase, system: System, tmp_path: Path
) -> None:
    settings = settings_for(system, tmp_path)
    clerk = Clerk(
        db,
        VAULT,
        settings,
        "ann(1000)",
        Role.ADMIN,
        lambda _: wired("code"),
        lambda: time.time_ns() // 1_000_000,
    )

    async def allow() -> None:
        async with open_door(0) as door:
            consent = await authorise.begin(clerk, "harbor", redirect_uri=door.redirect_uri)
            waiting = asyncio.create_task(authorise.finish_at(clerk, "harbor", consent, door))
            await system.visit(consent.address)
            assert await waiting == "harbor may log in now."

    async def health() -> TokenHealth:
        async with db.read() as c:
            (state,) = await tokens.states(c, now_ms=time.time_ns() // 1_000_000)
        return state.health

    async with linked(db, settings, "code") as link:
        with pytest.raises(NeedsPerson, match="siscon tokens authorise harbor"):
            await ask(link)
        await allow()
        assert await ask(link) == 200
        for _ in range(3):
            await link.tokens.renew_now()
        assert await ask(link) == 200
        await system.control("faults", {"revoke_tokens": True})
        assert await ask(link) == 200
        await system.control("faults", {"drop_token_answer": 1})
        with pytest.raises(NeedsPerson, match="siscon tokens authorise harbor"):
            await link.tokens.renew_now()
        assert await ask(link) == 200
    async with linked(db, settings, "code", owner="two", ahead_s=4000) as link:
        with pytest.raises(NeedsPerson):
            await ask(link)
        assert not await link.tokens.renew_if_due()
    assert await health() is TokenHealth.NEEDS_PERSON
    assert (await system.control("stats"))["reuses"] == 0
    await allow()
    async with linked(db, settings, "code") as link:
        old = await link.tokens.current()
        done = await authorise.revoke(clerk, "harbor")
        assert "has taken it back" in done.sentence
        with pytest.raises(NeedsPerson):
            await link.tokens.replace(old)

    assert (await system.control("stats"))["reuses"] == 0


async def test_a_scope_that_the_district_did_not_grant_is_told(
    db: SqliteDatabase, system: System, tmp_path: Path
) -> None:
    await system.control("quirks", {"granted_scopes": "roster.readonly"})
    async with linked(db, settings_for(system, tmp_path), "basic") as link:
        await link.tokens.current()

    async with db.read() as c:
        (state,) = await tokens.states(c, now_ms=time.time_ns() // 1_000_000)
        told = await c.all("SELECT text FROM events WHERE level = 'warning'")
    assert state.scope.endswith("/roster.readonly")
    assert len(told) == 1
    assert "roster-demographics.readonly" in told[0][0]

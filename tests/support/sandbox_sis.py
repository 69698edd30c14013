"""The sandbox's three systems on loopback, with the house's own client in front, for tests of providers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from siscon.domain.privacy import Secret
from siscon.providers.contract import Provider, ProviderSettings, Rate
from siscon.providers.grants import Credentials, TokenGrant
from siscon.providers.registry import load
from siscon.providers.transport import oauth
from siscon.providers.transport.client import ApiClient
from siscon.providers.transport.ratelimit import MemoryGate
from siscon.sandbox import launch
from siscon.sandbox.origin import APP_NAME, client_id_of
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import ALL_SYSTEMS, SYSTEMS
from siscon.sandbox.world import CONTROL
from support.clock import LIMIT_S


class Login:
    """A token source that asks the sandbox."""

    def __init__(self, grant: TokenGrant, client_id: str) -> None:
        secret = Secret(launch.INVENTED_SECRET)
        self._login = oauth.Login(grant, Credentials(client_id, secret))
        self._token: Secret | None = None
        self.fetched = 0

    async def current(self) -> Secret:
        if self._token is None:
            self.fetched += 1
            self._token = (await oauth.fetch_token(self._login, now_ms=0)).access
        return self._token

    async def replace(self, rejected: Secret) -> Secret:
        if self._token == rejected:
            self._token = None
        return await self.current()


@contextlib.asynccontextmanager
async def sandbox(folder: Path, *, students: int = 300, seed: int = 7) -> AsyncIterator[SandboxState]:
    """A running sandbox without rate limits."""
    state = SandboxState(seed=seed, students=students, day=0, port=0, path=folder / "sandbox.json")
    ready = asyncio.Event()
    serving = asyncio.create_task(launch.serve(state, "fast", on_ready=lambda _: ready.set()))
    try:
        async with asyncio.timeout(LIMIT_S):
            await ready.wait()
        yield state
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


async def next_day(state: SandboxState) -> None:
    """Let a day pass in a running sandbox, at once."""
    url = f"http://127.0.0.1:{state.ports[0]}{CONTROL}advance"
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as client:
        answer = await client.post(url, headers={"X-Sandbox-Control": "yes"})
    assert answer.status_code == 200


async def switch(state: SandboxState, system: str, **quirks: Any) -> None:
    """Set switches of one system of a running sandbox."""
    url = f"http://127.0.0.1:{state.ports[ALL_SYSTEMS[system].port]}{CONTROL}quirks"
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as client:
        answer = await client.post(url, headers={"X-Sandbox-Control": "yes"}, json=quirks)
    assert answer.status_code == 200, answer.text


def settings_for(kind: type[Provider], state: SandboxState, **more: Any) -> ProviderSettings:
    """The settings with which a provider reads its sandbox system."""
    base_url = f"http://127.0.0.1:{state.ports[ALL_SYSTEMS[kind.name].port]}"
    extra: dict[str, Any] = {
        "infinite_campus": {"app_name": APP_NAME},
        "skyward": {"token_url": f"http://127.0.0.1:{state.ports[3]}/token"},
        "oneroster": {"token_url": f"{base_url}/oauth/token"},
    }.get(kind.name, {})
    return kind.Settings(base_url=base_url, **extra, **more)


def client_for(kind: type[Provider], settings: ProviderSettings, **more: Any) -> ApiClient:
    """The house's client over one system, without a limit."""
    grant = kind.grant(settings)
    assert isinstance(grant, TokenGrant)
    login = Login(grant, client_id_of(ALL_SYSTEMS[kind.name]))
    return ApiClient(
        base_url=settings.base_url,
        origins=frozenset(),
        gate=MemoryGate(Rate(0)),
        tokens=login,
        classify=kind.classify,
        **more,
    )


def kinds() -> list[type[Provider]]:
    """The providers whose systems the sandbox plays."""
    return [load(name) for name in SYSTEMS]

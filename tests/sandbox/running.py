"""A sandbox that answers on real ports, and how the tests talk to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from siscon.sandbox.origin import CAMPUS_BASE, ONEROSTER_BASES, SKYWARD_BASE
from siscon.sandbox.state import SandboxState

SECRET = "invented-secret"
FORM = {"grant_type": "client_credentials"}


@dataclass
class Running:
    """A sandbox that answers on real ports."""

    state: SandboxState
    http: httpx.AsyncClient
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def url(self, system: str) -> str:
        number = ("powerschool", "infinite_campus", "skyward", "tokens", "oneroster").index(system)
        return f"http://127.0.0.1:{self.state.ports[number]}"

    async def ask_token(self, system: str, **changes: Any) -> httpx.Response:
        path = {
            "powerschool": "/oauth/access_token",
            "infinite_campus": "/campus/oauth2/token?appName=harborview",
            "skyward": "/token",
            "oneroster": "/oauth/token",
        }[system]
        origin = self.url("tokens" if system == "skyward" else system)
        options = {"auth": (f"sandbox-{system.replace('_', '-')}", SECRET), "data": FORM, **changes}
        return await self.http.post(origin + options.pop("path", path), **options)

    async def get(self, system: str, path: str, **options: Any) -> httpx.Response:
        if system not in self.headers:
            answer = await self.ask_token(system)
            self.headers[system] = {
                "Authorization": f"Bearer {answer.json()['access_token']}",
                "Accept": "application/json",
            }
        base = {
            "infinite_campus": CAMPUS_BASE,
            "skyward": SKYWARD_BASE,
            "oneroster": ONEROSTER_BASES["v1p2"],
        }.get(system, "")
        base = options.pop("base", base)
        method = options.pop("method", "GET")
        headers = {**self.headers[system], **options.pop("headers", {})}
        return await self.http.request(method, self.url(system) + base + path, headers=headers, **options)

    async def control(self, system: str, action: str, body: Any = None) -> Any:
        url = f"{self.url(system)}/__control__/{action}"
        headers = {"X-Sandbox-Control": "yes"}
        if body is None:
            return (await self.http.get(url, headers=headers)).json()
        answer = await self.http.post(url, headers=headers, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


Start = Callable[..., Awaitable[Running]]

"""An SIS to try a provider on, in this process: an ASGI application or recorded answers behind the house's client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from siscon.domain.privacy import Secret
from siscon.providers.contract import Api, Provider, ProviderSettings, Rate
from siscon.providers.grants import present
from siscon.providers.transport.client import ApiClient, over_app
from siscon.providers.transport.ratelimit import MemoryGate

BASE_URL = "https://sis.example"
"""Where a staged SIS seems to stand; nothing is ever sent over a network."""

Recorded = Mapping[str, Any]
"""Answers by ``"GET /path?query"``: text or bytes as they are, anything else as JSON."""

_Key = tuple[str, str, tuple[tuple[str, str], ...]]


class _Token:
    """The token of every staged SIS; one that refuses it gets it once more."""

    async def current(self) -> Secret:
        return Secret("staged")

    async def replace(self, rejected: Secret) -> Secret:
        return rejected


@dataclass(frozen=True, slots=True)
class Stage:
    """An SIS in this process; made by :func:`served` or :func:`recorded`."""

    app: Any

    @asynccontextmanager
    async def open(self, kind: type[Provider], settings: ProviderSettings) -> AsyncIterator[Api]:
        """An ``Api`` over it as the engine would bind it, without limits and waiting."""
        client = ApiClient(
            base_url=settings.base_url,
            origins=frozenset(),
            gate=MemoryGate(Rate(0), sleep=_at_once),
            tokens=_Token(),
            classify=kind.classify,
            present=present(kind.grant(settings)),
            media=kind.media,
            sleep=_at_once,
            transport=over_app(self.app),
        )
        async with client as api:
            yield api

    @asynccontextmanager
    async def provider(self, kind: type[Provider], **settings: Any) -> AsyncIterator[Provider]:
        """A provider that talks to it, for tests of one's own."""
        made = kind.Settings(**{"base_url": BASE_URL, **settings})
        async with self.open(kind, made) as api:
            yield kind(api, made)


def served(app: Any) -> Stage:
    """An SIS played by an ASGI application (Starlette, FastAPI, or a plain ``async def app(scope, receive, send)``)."""
    return Stage(app)


def recorded(answers: Recorded, *, headers: Mapping[str, str] | None = None) -> Stage:
    """An SIS that gives recorded answers, whatever the order of the parameters and however they are
    percent-encoded; what was not recorded is 404.
    """
    kept = {_key(*name.split(" ", 1)): value for name, value in answers.items()}
    return Stage(_replaying(kept, headers or {}))


def _key(method: str, target: str) -> _Key:
    path, _, query = target.partition("?")
    return method, path, tuple(sorted(parse_qsl(query, keep_blank_values=True)))


def _replaying(answers: Mapping[_Key, Any], headers: Mapping[str, str]) -> Callable[..., Awaitable[None]]:
    async def app(scope: Mapping[str, Any], _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        query = scope["query_string"].decode("ascii")
        found = answers.get(_key(scope["method"], f"{scope['path']}?{query}" if query else scope["path"]))
        body = _body(found)
        kind = "application/xml" if body[:1] == b"<" else "application/json"
        told = {"content-type": kind, **headers}
        pairs = [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in told.items()]
        status = 404 if found is None else 200
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    return app


def _body(answer: Any) -> bytes:
    if isinstance(answer, bytes):
        return answer
    return answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()


async def _at_once(_seconds: float) -> None:
    await asyncio.sleep(0)

"""One link per integration: its provider, client, gate and token, made once and used by both lanes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from siscon.config import IntegrationSettings, Settings
from siscon.domain.errors import RateLimited, TransientError, UsageError
from siscon.domain.privacy import Secret
from siscon.domain.retry import backoff_s
from siscon.domain.text import plain
from siscon.domain.tokens import Token
from siscon.engine.activation import LoadProvider, host_of, own_settings, shared_rate, sharers_of
from siscon.engine.gate import PROBE_MS, StoredGate
from siscon.engine.logins import login_of
from siscon.engine.meter import call_under_way, count_request, rank
from siscon.engine.tokens import Login, NoTokens, StoredTokens
from siscon.providers.contract import (
    Answer,
    Drop,
    FileProvider,
    Files,
    FileSettings,
    Provider,
    ProviderSettings,
)
from siscon.providers.files.drop_folder import FileLimits, FileLogin
from siscon.providers.files.fetching import open_files
from siscon.providers.grants import present
from siscon.providers.transport.client import ApiClient
from siscon.providers.transport.ports import ClientLimits
from siscon.store.database import Database
from siscon.store.vault import Vault

RENEWAL_JITTER_S = 120.0
TOKEN_ATTEMPTS = 3
LEAST_NAME = 4
"""A shorter user name stands in innocent words too."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a run of an integration works with."""

    provider: Provider
    tokens: StoredTokens | NoTokens


async def patiently(fetch: Callable[[], Awaitable[Token]], gate: StoredGate, *, host: str = "") -> Token:
    """A token at the third try at the latest; each try takes a slot of the rate, as any request does.

    The breaker does not stop it, for the request that probes may need it; its failures count, too.
    """
    failures = 0
    while True:
        await gate.slot()
        try:
            return await fetch()
        except TransientError as error:
            failures += 1
            if not isinstance(error, RateLimited):
                await gate.report(False, host=host)
            if failures == TOKEN_ATTEMPTS:
                raise
            hint_s = error.retry_after_s if isinstance(error, RateLimited) else None
            luck = random.random()  # noqa: S311 - spreads load, guards nothing
            await gate.pause(hint_s or backoff_s(failures, luck=luck))


def _struck_out(settings: IntegrationSettings) -> tuple[Secret, ...]:
    """What an SIS may not repeat to us: every secret of the login, and the name that it belongs to."""
    name = settings.username
    return (*settings.secrets, *([Secret(name)] if len(name) >= LEAST_NAME else []))


@dataclass(frozen=True, slots=True)
class WatchedFiles:
    """Implements ``contract.Files``: while files come, something is under way, however slowly it moves.

    What stands still is ended where it comes from.
    """

    files: Files

    async def listing(self) -> Sequence[Drop]:
        """The files that lie there now, oldest first."""
        with call_under_way():
            return await self.files.listing()

    async def fetch(self, drop: Drop) -> Path:
        """A whole local copy."""
        with call_under_way():
            return await self.files.fetch(drop)


class Links:
    """The links of one engine, opened when first needed and closed with it."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        vault: Vault,
        *,
        owner: str,
        load_provider: LoadProvider,
        now_ms: Callable[[], int],
    ) -> None:
        self._db = db
        self._settings = settings
        self._vault = vault
        self._owner = owner
        self._load_provider = load_provider
        self._now_ms = now_ms
        self._open: dict[str, Link] = {}
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def of(self, name: str) -> Link:
        """The link of an integration; raises ``ConfigError`` when its provider cannot be had."""
        async with self._opening:
            if name not in self._open:
                self._open[name] = await self._make(name)
            return self._open[name]

    async def close(self) -> None:
        """Close every client."""
        await self._stack.aclose()

    async def _make(self, name: str) -> Link:
        settings = self._settings.integrations.get(name)
        if settings is None:
            raise UsageError(f"{name} is not in the configuration of this engine.")
        kind = self._load_provider(settings.provider)
        own = own_settings(settings, kind)
        if issubclass(kind, FileProvider):
            return Link(kind(await self._files(settings, own), own), NoTokens())
        rate = shared_rate(self._settings, name, self._load_provider)
        probe_ms = max(PROBE_MS, int(2000 * settings.timeout_s))
        gate = StoredGate(
            self._db,
            name,
            rate,
            now_ms=self._now_ms,
            sharers=sharers_of(self._settings, name),
            probe_ms=probe_ms,
            host=host_of(settings),
        )
        grant = kind.grant(own)
        login = login_of(name, settings, grant, now_ms=self._now_ms)
        tokens = self._tokens(name, login, gate, token_host=urlsplit(getattr(grant, "token_url", "")).netloc)
        judges: list[Provider] = []

        def classify(answer: Answer) -> Exception | None:
            return judges[0].classify(answer) if judges else None

        client = ApiClient(
            base_url=settings.base_url,
            origins=frozenset({settings.base_url, *settings.origins}),
            gate=gate,
            tokens=tokens,
            classify=classify,
            meter=lambda _: count_request(),
            limits=ClientLimits(
                body_bytes=settings.max_answer_mib * 1024 * 1024,
                whole_s=settings.timeout_s,
                read_s=settings.timeout_s,
                attempts=settings.attempts,
                at_once=rate.at_once,
            ),
            media=kind.media,
            rank=rank,
            under_way=call_under_way,
            ca_file=settings.ca_file,
            present=present(grant),
            secrets=_struck_out(settings),
        )
        provider = kind(await self._stack.enter_async_context(client), own)
        judges.append(provider)
        return Link(provider, tokens)

    async def _files(self, settings: IntegrationSettings, own: ProviderSettings) -> Files:
        """The files of an integration; their copies go when the links close."""
        assert isinstance(own, FileSettings), "the settings of a FileProvider are FileSettings"
        login = FileLogin(
            username=settings.username or settings.client_id,
            password=settings.password or settings.client_secret,
            private_key=settings.private_key,
            token=settings.token,
            known_hosts=own.known_hosts,
            host_key=own.host_key,
            ca_file=settings.ca_file,
        )
        limits = FileLimits(settle_s=own.settle_s, attempts=settings.attempts)
        folder = self._settings.home / "files"
        return WatchedFiles(
            await self._stack.enter_async_context(
                open_files(settings.base_url, login=login, folder=folder, limits=limits)
            )
        )

    def _tokens(
        self, name: str, login: Login | None, gate: StoredGate, *, token_host: str
    ) -> StoredTokens | NoTokens:
        if login is None:
            return NoTokens()
        return StoredTokens(
            self._db,
            self._vault,
            name,
            owner=self._owner,
            login=replace(login, patiently=lambda fetch: patiently(fetch, gate, host=plain(token_host))),
            now_ms=self._now_ms,
            jitter_s=random.random() * RENEWAL_JITTER_S,  # noqa: S311 - spreads load, guards nothing
        )

"""Tries an integration out before it runs: host, TLS, login, scopes, coverage, a page of each list. Writes no roster.

It asks through the same gate and with the same token as a run, so it counts against the same rate.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from siscon.config import Settings
from siscon.domain.errors import ProviderError, SisconError, TransientError
from siscon.domain.records import Entity
from siscon.domain.text import plain
from siscon.engine.activation import LoadProvider, own_settings
from siscon.engine.links import Link, Links
from siscon.engine.tokens import NoTokens
from siscon.engine.told import line_of
from siscon.providers.contract import Page
from siscon.providers.transport.tls import trust
from siscon.store import tokens
from siscon.store.database import Database
from siscon.store.vault import Vault

log = logging.getLogger(__name__)

STEP_S = 180.0
"""So long may one step wait for its turn and its answer."""

PAGES_BEFORE_RECORDS = 5
HOST_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing tried: how it went, what was seen. ``records`` and ``total`` are of the first page of a list."""

    step: str
    state: Literal["ok", "warn", "fail"]
    seen: str
    records: int | None = None
    total: int | None = None
    seconds: float = 0.0


async def tried(
    db: Database,
    settings: Settings,
    vault: Vault,
    name: str,
    *,
    owner: str,
    load_provider: LoadProvider,
    now_ms: Callable[[], int],
) -> AsyncIterator[Finding]:
    """Every step in the order in which one needs the other; a login that fails is the last."""
    one = settings.integrations[name]
    kind = load_provider(one.provider)
    yield Finding("provider", "ok", f"{kind.title}")
    if urlsplit(one.base_url).scheme in ("http", "https"):
        found = await _host(one.base_url, settings, name)
        yield found
        if found.state == "fail":
            return
    links = Links(db, settings, vault, owner=owner, load_provider=load_provider, now_ms=now_ms)
    try:
        link = await links.of(name)
        found = await _step("login", partial(_login, link))
        yield found
        if found.state == "fail":
            return
        asked = getattr(kind.grant(own_settings(one, kind)), "scope", "")
        if asked:
            yield await _scopes(db, vault, name, asked)
        yield await _step("coverage", partial(_asked, link, partial(_coverage, link)))
        offered = kind.offers(own_settings(one, kind))
        for entity in one.entities or offered:
            if entity not in offered:
                yield Finding(entity.value, "warn", f"{kind.title} does not offer it with these settings.")
            else:
                yield await _step(entity.value, partial(_asked, link, partial(_first_page, link, entity)))
    finally:
        await links.close()


async def _step(step: str, work: Callable[[], Awaitable[Finding]]) -> Finding:
    """One step with its time; what goes wrong is its sentence."""
    began_s = time.perf_counter()
    try:
        async with asyncio.timeout(STEP_S):
            found = await work()
    except TimeoutError:
        found = Finding(
            step, "fail", f"No turn or no answer within {STEP_S:.0f} s: see 'siscon status' for pauses."
        )
    except SisconError as error:
        found = Finding(step, "fail", error.sentence)
    return replace(found, step=step, seconds=round(time.perf_counter() - began_s, 3))


async def _asked(link: Link, question: Callable[[], Awaitable[Finding]]) -> Finding:
    """What a provider answers; a fault of its code is a ``ProviderError`` with the line.

    The log gets the place but not the words, which may quote a pupil's data.
    """
    try:
        return await question()
    except (SisconError, TimeoutError):
        raise
    except Exception as fault:  # noqa: BLE001 - a stranger's code may raise anything
        named = plain(type(fault).__name__, limit=60)
        place = "".join(traceback.format_tb(fault.__traceback__)[-4:])
        log.error("The provider raised %s:\n%s", named, place)  # noqa: TRY400 - see above
        raise ProviderError(
            f"The provider raised {named}{line_of(fault, link.provider)}. Report it to whoever wrote the provider.",
            code="bad_provider",
        ) from None


async def _host(base_url: str, settings: Settings, name: str) -> Finding:
    """A connection to the host, and its certificate where there is TLS; nothing is sent."""
    parts = urlsplit(base_url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)

    async def connect() -> Finding:
        context = trust(settings.integrations[name].ca_file) if secure else None
        try:
            async with asyncio.timeout(HOST_S):
                _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
        except (OSError, TimeoutError) as error:
            raise TransientError(
                f"{parts.hostname}:{port} cannot be reached ({_reason(error)}). Check base_url, the network, and for a "
                "private certificate ca_file.",
            ) from error
        try:
            tls = writer.get_extra_info("ssl_object")
            told = f", {tls.version()}" if tls is not None else ", without TLS, on this machine"
            return Finding("host", "ok", f"{parts.hostname}:{port} answers{told}")
        finally:
            writer.transport.abort()

    return await _step("host", connect)


def _reason(error: Exception) -> str:
    return getattr(error, "verify_message", "") or getattr(error, "strerror", "") or type(error).__name__


async def _login(link: Link) -> Finding:
    if isinstance(link.tokens, NoTokens):
        return Finding("login", "ok", "none is needed")
    await link.tokens.current()
    return Finding("login", "ok", "the SIS takes the login")


async def _scopes(db: Database, vault: Vault, name: str, asked: str) -> Finding:
    """What the SIS granted beside what was asked for; an SIS need not tell when it is the same."""
    async with db.read() as c:
        token = await tokens.load(c, vault, name)
    granted = token.scope if token is not None else ""
    lacking = sorted(set(asked.split()) - set(granted.split())) if granted else []
    if lacking:
        return Finding(
            "scopes", "warn", f"not granted: {', '.join(lacking)}. Ask the district to grant them."
        )
    return Finding("scopes", "ok", "all that were asked for")


async def _coverage(link: Link) -> Finding:
    told = await link.provider.coverage()
    shown = ", ".join(f"{key} {value}" for key, value in told.items())
    return Finding("coverage", "ok", shown or "the SIS does not tell")


async def _first_page(link: Link, entity: Entity) -> Finding:
    """The first page that holds anything; at most a few are read."""
    records = rejected = 0
    total: int | None = None
    note = ""
    async with aclosing(_pages(link, entity)) as pages:
        number = 0
        async for page in pages:
            number += 1
            records += len(page.records)
            rejected += len(page.rejected)
            total = page.total if total is None else total
            note = note or page.note or (page.rejected[0].sentence if page.rejected else "")
            if records or number >= PAGES_BEFORE_RECORDS:
                break
    told = f"{records} records on the first page" + (f", {rejected} make no sense" if rejected else "")
    seen = f"{told}. {note}" if note else told
    return Finding(entity.value, "warn" if rejected or not records else "ok", seen, records, total)


async def _pages(link: Link, entity: Entity) -> AsyncGenerator[Page, None]:
    async for page in link.provider.pages(entity, cursor=None, resume=None):
        yield page

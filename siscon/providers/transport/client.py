"""The one door to the network: bound to an integration's origins, credential and limits. Engines build it,
providers talk through it. httpx and tenacity are imported here only.
"""

from __future__ import annotations

import asyncio
import json as json_text
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

import httpx
from tenacity import AsyncRetrying, RetryCallState

from siscon import __version__
from siscon.domain.errors import (
    ConfigError,
    ProviderError,
    RateLimited,
    SisconError,
    TransientError,
)
from siscon.domain.privacy import Secret
from siscon.domain.retry import backoff_s, quota_pause_s, retry_after_s
from siscon.domain.text import plain
from siscon.providers.contract import Answer
from siscon.providers.origins import is_loopback, origin_of
from siscon.providers.transport.body import ACCEPT, looks_like, not_as_asked, read_capped
from siscon.providers.transport.classify import judge, judge_fault
from siscon.providers.transport.kept import KeptAnswers
from siscon.providers.transport.ports import ClientLimits, Gate, RequestTrace, TokenSource, sendable
from siscon.providers.transport.said import struck
from siscon.providers.transport.tls import trust
from siscon.providers.transport.turns import Turns

__all__ = ["ApiClient", "ClientLimits", "Gate", "RequestTrace", "TokenSource", "over_app"]

logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


@dataclass(slots=True, eq=False)
class _Call:
    """One request of a provider with everything that may happen to it."""

    method: str
    url: httpx.URL
    content: bytes | None
    repeatable: bool
    name: str
    keep_s: float = 0.0
    conditions: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 0
    failed: int = 0
    limited: int = 0
    odd: int = 0
    started_s: float = field(default_factory=time.monotonic)
    may_retry: BaseException | None = None
    wait_s: float = 0.0


MOMENT_S = 0.5
"""A slot is good for so long; later it might fall together with others'."""

TOKENS_KNOWN = 4
"""Of so many tokens an SIS may still speak: the current one and those before it."""

_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})


class ApiClient:
    """Implements ``contract.Api``. Use as an async context manager; one for the life of a credential.

    It speaks through httpx's transport, not its client: no redirects, cookies or proxies of the environment can
    happen there, and it costs less CPU than a bare client.

    ``present`` is the header that carries the credential and what stands before it there; without a name of a
    header none is sent. ``rank`` says how soon what the calling task does is wanted: of requests that wait the lowest
    goes first. ``secrets`` are those of the credential: with the tokens that were sent they are struck out of whatever
    an SIS says when it refuses. ``under_way`` is entered for the length of each call of a provider, waits and repeats
    included.
    """

    def __init__(
        self,
        *,
        base_url: str,
        origins: frozenset[str],
        gate: Gate,
        tokens: TokenSource,
        classify: Callable[[Answer], Exception | None] | None = None,
        meter: Callable[[RequestTrace], None] | None = None,
        limits: ClientLimits | None = None,
        ca_file: Path | None = None,
        present: tuple[str, str] = ("Authorization", "Bearer "),
        secrets: Iterable[Secret] = (),
        media: Literal["json", "xml"] = "json",
        rank: Callable[[], int] = lambda: 0,
        under_way: Callable[[], AbstractContextManager[None]] = nullcontext,
        rng: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._origins = frozenset(origin_of(one) for one in {*origins, base_url})
        for scheme, host, _ in self._origins:
            if scheme != "https" and not is_loopback(host):
                raise ConfigError(f"{plain(host)} is not reached by https; only loopback may go without.")
        self._needs_tls = any(scheme == "https" for scheme, _, _ in self._origins)
        self._gate, self._tokens, self._classify, self._meter = gate, tokens, classify, meter
        self._limits = limits or ClientLimits()
        self._media, self._rank, self._under_way = media, rank, under_way
        self._turns, self._kept = Turns(self._limits.at_once), KeptAnswers()
        self._rng, self._sleep = rng, sleep
        self._ca_file = ca_file
        self._present = present
        self._secrets, self._sent = tuple(secrets), deque[Secret](maxlen=TOKENS_KNOWN)
        self._transport = transport
        local = is_loopback(httpx.URL(base_url).host)
        self._headers = {
            "Accept": ACCEPT[media],
            "Accept-Encoding": "identity" if local else "gzip",
            "User-Agent": f"siscon/{__version__}",
        }
        bounds = httpx.Timeout(self._limits.read_s, connect=self._limits.connect_s)
        self._extensions = {"timeout": bounds.as_dict()}

    async def __aenter__(self) -> Self:
        if self._transport is None:
            self._transport = httpx.AsyncHTTPTransport(
                verify=trust(self._ca_file) if self._needs_tls else False,
                limits=httpx.Limits(
                    max_connections=self._limits.connections, max_keepalive_connections=4, keepalive_expiry=30
                ),
                retries=0,
                trust_env=False,
            )
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        if self._transport is not None:
            await self._transport.__aexit__(kind, error, trace)

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        keep_s: float = 0.0,
    ) -> Answer:
        """Ask for a list or a record; the answer is 2xx and looks like the provider's ``media``."""
        return await self._request("GET", path, params, None, repeatable=True, keep_s=keep_s)

    async def post(
        self,
        path: str,
        json: Any,
        params: Mapping[str, str | int] | None = None,
        *,
        repeatable: bool = False,
    ) -> Answer:
        """Send JSON; ``repeatable`` says that it is a query and may be sent again after any fault."""
        content = json_text.dumps(json, allow_nan=False, separators=(",", ":")).encode()
        return await self._request("POST", path, params, content, repeatable=repeatable)

    async def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None,
        content: bytes | None,
        *,
        repeatable: bool,
        keep_s: float = 0.0,
    ) -> Answer:
        url = self._url(path, params)
        shown = plain(url.netloc.decode("ascii", "replace") + url.path, limit=120)
        call = _Call(method, url, content, repeatable, f"{method} {shown}", keep_s=keep_s)
        if keep_s > 0:
            if (kept := self._kept.fresh(str(url), time.monotonic())) is not None:
                return kept
            call.conditions = self._kept.conditions(str(url))
        with self._under_way():
            try:
                answer = await self._attempt(call)
            except SisconError as error:
                if call.may_retry is not error:
                    raise
                answer = await self._again(call, error)
        if keep_s > 0 and answer.status == 200:
            self._kept.keep(answer, str(url), time.monotonic() + keep_s)
        return answer

    def _url(self, path: str, params: Mapping[str, str | int] | None) -> httpx.URL:
        """The absolute URL, within the integration's origins or refused."""
        text = path if "://" in path else f"{self._base}/{path.lstrip('/')}"
        if params:
            text += ("&" if "?" in text else "?") + urlencode(params, quote_via=quote)
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise ProviderError(
                "The SIS gave an address that is none; check base_url.", code="bad_url"
            ) from error
        if url.userinfo or (url.scheme, url.raw_host.decode(), url.port) not in self._origins:
            raise ProviderError(
                f"A request to {plain(url.host)} was refused: it lies outside the integration's own addresses. "
                "Add it to the integration's origins only if the vendor really uses it.",
                code="foreign_origin",
            )
        return url

    async def _again(self, call: _Call, first: SisconError) -> Answer:
        """Repeat after a fault until the limits say stop; tenacity counts, waits and gives the last error back."""
        pending: list[SisconError] = [first]

        async def once() -> Answer:
            if pending:
                raise pending.pop()
            return await self._attempt(call)

        def is_worth_it(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            return error is not None and error is call.may_retry

        retrying = AsyncRetrying(
            retry=is_worth_it,
            stop=lambda _: self._is_enough(call),
            wait=lambda _: call.wait_s,
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(once)

    def _is_enough(self, call: _Call) -> bool:
        limits = self._limits
        return (
            call.failed >= limits.attempts
            or call.limited >= limits.limited_attempts
            or call.odd >= limits.odd_attempts
            or time.monotonic() - call.started_s + call.wait_s > limits.give_up_after_s
        )

    async def _attempt(self, call: _Call) -> Answer:
        """One try. Whoever was let through to probe says when it is over: maybe nobody heard how it went."""
        call.may_retry = None
        probes = await self._gate.enter()
        try:
            return await self._let_through(call)
        finally:
            if probes:
                await self._gate.abandon()

    async def _let_through(self, call: _Call) -> Answer:
        """Send it in its turn; a rejected token is replaced once and the same request sent again."""
        begun_s = time.monotonic()
        async with self._turns.turn(self._rank()) as waited:
            token = await self._tokens.current()
            late_s = time.monotonic() - begun_s
            if waited or late_s > MOMENT_S:
                await self._gate.slot(late_s)
            answer = await self._exchange(call, token)
            if answer.status == 401 and self._own_judgement(answer) is None:
                token = await self._tokens.replace(token)
                # An answer came, so the breaker has no say; who probes may be waiting for this very turn.
                await self._gate.slot()
                answer = await self._exchange(call, token)
        if answer.status == 304 and call.conditions:
            kept = self._kept.renew(str(call.url), answer.headers, time.monotonic() + call.keep_s)
            if kept is not None:
                return kept
        if 200 <= answer.status < 300:
            if call.repeatable and not looks_like(self._media, answer):
                call.odd += 1
                call.wait_s = backoff_s(call.odd, luck=self._rng())
                call.may_retry = error = not_as_asked(self._media, call.name, answer, self._known())
                raise error
            return answer
        raise await self._refusal(call, answer)

    def _own_judgement(self, answer: Answer) -> Exception | None:
        return self._classify(answer) if self._classify else None

    def _known(self) -> tuple[Secret, ...]:
        return (*self._secrets, *self._sent)

    async def _refusal(self, call: _Call, answer: Answer) -> Exception:
        """The error for an answer other than 2xx, with its wait noted where it may be tried again."""
        now, known = datetime.now(UTC), self._known()
        told = struck(answer, known)
        error = self._own_judgement(told) or judge(told, call.name, now=now, secrets=known)
        if isinstance(error, TransientError):
            limited = isinstance(error, RateLimited)
            call.limited += limited
            call.failed += not limited
            hint = error.retry_after_s if isinstance(error, RateLimited) else None
            if hint is None:
                hint = retry_after_s(answer.headers.get("retry-after"), now=now)
            if hint is None:
                hint = quota_pause_s(answer.headers, now=now)
            call.wait_s = backoff_s(call.limited + call.failed, luck=self._rng())
            if hint is not None:
                await self._gate.pause(hint + self._rng())
                call.wait_s = 0.0
            elif limited:
                await self._gate.pause(max(1.0, call.wait_s))
                call.wait_s = 0.0
            if call.repeatable or limited:
                call.may_retry = error
        if answer.status == 429:
            # it answers; told after the pause, so that nobody slips through before it
            await self._gate.report(True)
        return error

    async def _exchange(self, call: _Call, token: Secret) -> Answer:
        """Send once and read the whole answer within the deadline; tell gate and meter how it went."""
        call.attempt += 1
        began_s = time.perf_counter()
        status = size = 0
        try:
            async with asyncio.timeout(self._limits.whole_s):
                answer = await self._send(call, token)
            status, size = answer.status, len(answer.body)
        except (httpx.TransportError, TransientError, TimeoutError) as fault:
            await self._gate.report(False)
            raise self._fault(call, fault) from None
        finally:
            if self._meter is not None:
                seconds = time.perf_counter() - began_s
                self._meter(RequestTrace(call.method, call.url.path, status, seconds, call.attempt, size))
        if status != 429:
            await self._gate.report(status < 500)
            used_up_s = quota_pause_s(answer.headers, now=datetime.now(UTC))
            if used_up_s:
                await self._gate.pause(used_up_s)
        return answer

    def _fault(self, call: _Call, fault: Exception) -> SisconError:
        judged = fault if isinstance(fault, SisconError) else judge_fault(fault, call.name)
        error = judged or ProviderError(f"{call.name} failed.", detail=type(fault).__name__)
        if isinstance(error, TransientError):
            call.failed += 1
            call.wait_s = backoff_s(call.failed, luck=self._rng())
            if call.repeatable or type(fault).__name__ in _NEVER_SENT:
                call.may_retry = error
        return error

    async def _send(self, call: _Call, token: Secret) -> Answer:
        header, prefix = self._present
        if token not in self._sent:
            self._sent.append(token)
        headers = {**self._headers, **call.conditions}
        if header:
            headers[header] = prefix + sendable(token)
        if call.content is not None:
            headers["Content-Type"] = "application/json"
        request = httpx.Request(
            call.method, call.url, headers=headers, content=call.content, extensions=dict(self._extensions)
        )
        assert self._transport is not None, "ApiClient is used within `async with`"
        response = await self._transport.handle_async_request(request)
        headers = {
            name.decode("latin-1").lower(): text.decode("latin-1") for name, text in response.headers.raw
        }
        try:
            pieces = response.aiter_raw()
            body = await read_capped(pieces, headers.get("content-encoding", ""), self._limits.body_bytes)
        finally:
            await response.aclose()
        return Answer(response.status_code, headers, body, str(call.url))


def over_app(app: Any) -> httpx.AsyncBaseTransport:
    """A transport that hands each request to an ASGI application in this process, for tests of providers."""
    return httpx.ASGITransport(app)

"""What the client needs from its engine (limits and tokens) and what it tells; plain types, no network."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Protocol

from siscon.domain.errors import AuthError
from siscon.domain.privacy import Secret


class Gate(Protocol):
    """Lets requests through one by one: rate, pauses and breaker. What it raises ends the request.

    ``enter`` tells whether this request probes an SIS that did not answer; then all others wait until ``report`` says
    how it went, or ``abandon`` that it has ended without. ``slot`` waits for rate and pauses only: for a request that
    was let through before. With ``late_s`` it did not leave at once, and takes another slot only if its own is lost.
    """

    async def enter(self) -> bool: ...

    async def abandon(self) -> None: ...

    async def slot(self, late_s: float = inf) -> None: ...

    async def pause(self, seconds: float) -> None: ...

    async def report(self, ok: bool) -> None: ...


class TokenSource(Protocol):
    """Gives the living token; ``replace`` gets a new one unless another task already did."""

    async def current(self) -> Secret: ...

    async def replace(self, rejected: Secret) -> Secret: ...


def sendable(token: Secret) -> str:
    """The token as header text; a token that no header can carry must not end up in an error of the library.

    Raises ``AuthError`` for such a one.
    """
    text = token.reveal()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise AuthError("The stored token is damaged. Renew the integration's login.", code="bad_token")
    return text


@dataclass(frozen=True, slots=True)
class RequestTrace:
    """One attempt, for counters and logs: no query, no header, no body. ``status`` 0: no answer."""

    method: str
    path_without_query: str
    status: int
    seconds: float
    attempt: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Every bound of the client. Sizes count decompressed bytes; ``odd`` are 2xx answers that are no JSON or XML.

    ``attempts`` counts one request's tries; an outage that outlasts them is sat out by the run that asks.
    ``at_once`` is the number of requests under way at a time (0: any).
    """

    body_bytes: int = 32 * 1024 * 1024
    connect_s: float = 5.0
    read_s: float = 30.0
    whole_s: float = 60.0
    attempts: int = 3
    limited_attempts: int = 4
    odd_attempts: int = 3
    give_up_after_s: float = 1800.0
    connections: int = 8
    at_once: int = 0

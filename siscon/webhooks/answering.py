"""One message, from its first header to its answer: what costs least comes first, and nothing is read unproved.

Size, rate, address, headers, body, signature, meaning, inbox; success is said only when the inbox has it on disk.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from siscon.domain import hints, signatures
from siscon.domain.webhooks import TAKEN, Arrival, Network, Outcome, Proof, Sender
from siscon.webhooks.buckets import Buckets
from siscon.webhooks.intake import Intake
from siscon.webhooks.sources import Address, group_of, is_within, source_of

log = logging.getLogger(__name__)

PATH = b"/webhooks/"
MOST_HEADERS = 64
BODIES_AT_ONCE = 16 * 1024 * 1024
"""So many bytes of bodies may be on their way in at once, in all connections together."""
READ_OFF_MOST = 16 * 1024 * 1024
"""Of a message that is refused so much is read and dropped before the answer."""
LOG_EVERY_S = 60.0
"""One line in the log for each integration and reason in so long."""

STATUS: Mapping[Outcome, int] = {
    Outcome.ACCEPTED: 202,
    Outcome.IGNORED: 202,
    Outcome.REPEATED: 200,
    Outcome.UNKNOWN_PATH: 404,
    Outcome.TOO_LARGE: 413,
    Outcome.TOO_SLOW: 408,
    Outcome.TOO_MANY: 429,
    Outcome.NO_ROOM: 503,
    Outcome.ADDRESS: 403,
    Outcome.MALFORMED: 400,
    Outcome.NO_SIGNATURE: 401,
    Outcome.BAD_SIGNATURE: 401,
    Outcome.TOO_OLD: 401,
    Outcome.FROM_FUTURE: 401,
    Outcome.FORGOTTEN: 401,
    Outcome.OTHER_BODY: 409,
    Outcome.UNREADABLE: 400,
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one receiver takes. ``within_s``: the seconds that sending one message may take as a whole."""

    trusted: tuple[Network, ...] = ()
    per_sender: float = 2000
    for_all: float = 4000
    connections: int = 512
    max_body: int = 1024 * 1024
    within_s: float = 10


class _Refused(Exception):
    def __init__(self, outcome: Outcome, *, retry_after_s: int = 0) -> None:
        self.outcome = outcome
        self.retry_after_s = retry_after_s


@dataclass(slots=True, eq=False)
class _Incoming:
    """What comes of a message, and whether it was all of it."""

    receive: Receive
    has_more: bool = True

    async def __call__(self) -> MutableMapping[str, Any]:
        message = await self.receive()
        self.has_more = bool(message.get("more_body"))
        return message


@dataclass(slots=True, eq=False)
class Door:
    """Answers what comes to ``/webhooks/NAME`` for the senders that are configured; an ASGI application."""

    senders: Mapping[str, Sender]
    limits: Limits
    intake: Intake
    now_ms: Callable[[], int]
    _buckets: Buckets = field(init=False)
    _bytes: int = field(default=0, init=False)
    _logged: dict[tuple[str, Outcome], float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._buckets = Buckets(self.limits.per_sender, self.limits.for_all, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        name, tail = _place(scope)
        sender = self.senders.get(name)
        known = sender.integration if sender is not None else ""
        retry_after_s, incoming = 0, _Incoming(receive)
        try:
            outcome = await self._outcome(scope, incoming, sender, tail)
        except _Refused as refused:
            outcome, retry_after_s = refused.outcome, refused.retry_after_s
            self.count(known, outcome, _peer(scope))
            await self._read_off(scope, incoming)
        except ConnectionError:
            return
        if outcome is Outcome.NO_ROOM:
            retry_after_s = retry_after_s or 5
        await _answer(send, outcome, retry_after_s)

    async def _read_off(self, scope: Scope, incoming: _Incoming) -> None:
        """Read what is still on its way of a message that is refused, and drop it: whoever is cut off while sending
        mostly never reads the answer. Not of one who asks first whether to send at all.
        """
        if any(name == b"expect" for name, _value in scope["headers"]):
            return
        left = READ_OFF_MOST
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._began_s(scope) + self.limits.within_s):
                while incoming.has_more and left > 0:
                    left -= len((await incoming()).get("body", b""))

    def _began_s(self, scope: Scope) -> float:
        began_s: float = scope.get("state", {}).get("began", asyncio.get_running_loop().time())
        return began_s

    def count(self, integration: str, outcome: Outcome, peer: str) -> None:
        """Count a refusal, and tell the log of the first of its kind in a minute."""
        self.intake.count(integration, outcome)
        now_s, place = time.monotonic(), (integration, outcome)
        if now_s - self._logged.get(place, -LOG_EVERY_S) >= LOG_EVERY_S:
            self._logged[place] = now_s
            log.warning("webhook of %s refused: %s (from %s)", integration or "nobody", outcome.value, peer)

    async def _outcome(self, scope: Scope, receive: Receive, sender: Sender | None, tail: bytes) -> Outcome:
        declared = _declared_length(scope)
        if declared is not None and declared > self.limits.max_body:
            raise _Refused(Outcome.TOO_LARGE)
        source = self._admitted(scope)
        if sender is None:
            raise _Refused(Outcome.UNKNOWN_PATH)
        if sender.allow and not is_within(source, sender.allow):
            raise _Refused(Outcome.ADDRESS)
        if len(scope["headers"]) > MOST_HEADERS:
            raise _Refused(Outcome.MALFORMED)
        headers = signatures.picked(scope["headers"], signatures.names_of(sender))
        if headers is None:
            raise _Refused(Outcome.MALFORMED)
        if len(headers) < len(signatures.names_of(sender)):
            raise _Refused(Outcome.NO_SIGNATURE)
        body = await self._body(scope, receive)
        arrival = self._proved(sender, headers, body, tail)
        return await self.intake.put(arrival)

    def _admitted(self, scope: Scope) -> Address | None:
        """The source of a request, once it has paid for it."""
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        source = source_of(_peer(scope), forwarded, self.limits.trusted)
        if wait_s := self._buckets.sender_waits_s(group_of(source)):
            raise _Refused(Outcome.TOO_MANY, retry_after_s=wait_s)
        if wait_s := self._buckets.all_wait_s():
            raise _Refused(Outcome.NO_ROOM, retry_after_s=wait_s)
        return source

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body, within the time and the size that are left.

        Room is taken for what has come, not for what a stranger promises and never sends.
        """
        held = 0
        try:
            body = bytearray()
            async with asyncio.timeout_at(self._began_s(scope) + self.limits.within_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ConnectionError
                    body += message.get("body", b"")
                    if len(body) > self.limits.max_body:
                        raise _Refused(Outcome.TOO_LARGE)
                    held += self._hold(len(body) - held)
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise _Refused(Outcome.TOO_SLOW) from None
        finally:
            self._bytes -= held

    def _hold(self, size: int) -> int:
        if self._bytes + size > BODIES_AT_ONCE:
            raise _Refused(Outcome.NO_ROOM, retry_after_s=1)
        self._bytes += size
        return size

    def _proved(self, sender: Sender, headers: signatures.Headers, body: bytes, tail: bytes) -> Arrival:
        """What a message says, once its signature is right."""
        now_ms = self.now_ms()
        proof = signatures.verify(sender, headers, body, now_s=now_ms / 1000, tail=tail)
        if isinstance(proof, Outcome):
            raise _Refused(proof)
        try:
            message = hints.read(body, sender.words)
        except hints.Unreadable as error:
            log.info("webhook of %s: %s", sender.integration, error)
            raise _Refused(Outcome.UNREADABLE) from error
        digest = signatures.digest_of(body)
        key = _key(sender, proof, message.event_id, digest, now_ms)
        return Arrival(sender.integration, key, digest, message, proof.sent_at_ms, now_ms)


def _key(sender: Sender, proof: Proof, event_id: str, digest: bytes, now_ms: int) -> str:
    """What names a message for ever: an id that is signed, else what was signed itself, its time among it."""
    if proof.event_id:
        return f"id {proof.event_id}"
    if event_id:
        return f"event {event_id}"
    if proof.sent_at_ms is not None:
        return f"sent {proof.sent_at_ms} {digest.hex()}"
    if sender.equal_is_news:
        return f"body {digest.hex()} {now_ms} {time.monotonic_ns()}"
    return f"body {digest.hex()}"


def _place(scope: Scope) -> tuple[str, bytes]:
    """The name in the path of a POST, and what stands behind it; "" for every other request."""
    raw: bytes = scope["raw_path"]
    if scope["method"] != "POST" or not raw.startswith(PATH):
        return "", b""
    name, slash, tail = raw.removeprefix(PATH).partition(b"/")
    return name.decode("latin-1") if not slash or tail else "", unquote_to_bytes(tail)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _declared_length(scope: Scope) -> int | None:
    """Raises a refusal where the length is told in two ways: what stands in front may read it in the other."""
    told = {
        name: value for name, value in scope["headers"] if name in (b"content-length", b"transfer-encoding")
    }
    if len(told) > 1:
        raise _Refused(Outcome.MALFORMED)
    value = told.get(b"content-length")
    if value is None:
        return None
    return int(value) if value.isdigit() and len(value) < 16 else 1 << 62


async def _answer(send: Send, outcome: Outcome, retry_after_s: int) -> None:
    """Answer in one word what became of it; of a path that leads nowhere nothing is said at all."""
    body = b"" if outcome is Outcome.UNKNOWN_PATH else json.dumps({"outcome": outcome.value}).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    if body:
        headers.append((b"content-type", b"application/json"))
    if retry_after_s:
        headers.append((b"retry-after", str(retry_after_s).encode()))
    if outcome is Outcome.TOO_SLOW:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": STATUS[outcome], "headers": headers})
    await send({"type": "http.response.body", "body": body})


assert set(STATUS) == set(Outcome)
assert all(STATUS[one] < 300 for one in TAKEN)

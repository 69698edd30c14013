"""Webhooks for tests: senders of every scheme, receivers over a real socket, and requests as strangers send them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from siscon.config.webhooks import IntegrationWebhook
from siscon.domain import signatures
from siscon.domain.webhooks import Sender
from siscon.ops import webhooks as desk
from siscon.store import webhook_counts
from siscon.store.database import Database
from siscon.webhooks.answering import Limits
from siscon.webhooks.receiver import receiving

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_KEY = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def sender(name: str = "harbor", scheme: str = "standard-webhooks", **more: Any) -> Sender:
    """A sender of a scheme, as its configuration makes it."""
    secrets = more.pop(
        "secrets", [KEY, OLD_KEY] if scheme == "standard-webhooks" else ["user:invented", "user:older"]
    )
    return IntegrationWebhook.model_validate({"scheme": scheme, "secrets": secrets, **more}).sender(name)


@dataclass
class Told:
    """An answer: its status, its headers, what it calls the outcome."""

    status: int
    headers: dict[str, str]
    outcome: str


@dataclass
class Receiver:
    """A receiver that listens; ``at_ms`` is its clock, moved by hand."""

    db: Database
    port: int
    clock: list[int]
    senders: Mapping[str, Sender] = field(default_factory=dict)

    @property
    def now_s(self) -> int:
        return self.clock[0] // 1000

    def signed(
        self, name: str, body: bytes, *, message_id: str = "m1", at_s: int | None = None
    ) -> dict[str, str]:
        moment = self.now_s if at_s is None else at_s
        return signatures.sign(self.senders[name], body, message_id=message_id, now_s=moment)

    async def send(
        self, body: bytes, *, name: str = "harbor", message_id: str = "m1", at_s: int | None = None
    ) -> Told:
        """Send a body as its sender does."""
        headers = self.signed(name, body, message_id=message_id, at_s=at_s)
        return await self.post(body, headers, path=f"/webhooks/{name}")

    async def post(
        self,
        body: bytes,
        headers: Mapping[str, str | bytes],
        *,
        path: str = "/webhooks/harbor",
        method: str = "POST",
    ) -> Told:
        """Send any request on a line of its own."""
        head = [f"{method} {path} HTTP/1.1".encode(), b"Host: here", b"Content-Length: %d" % len(body)]
        for key, value in headers.items():
            head.append(key.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
        return await self.raw(b"\r\n".join(head) + b"\r\n\r\n" + body)

    async def raw(self, sent: bytes) -> Told:
        """Send these bytes; the first answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(sent)
            return await answer(reader)
        finally:
            writer.close()

    async def serves(self, name: str) -> bool:
        """Whether it takes a new message; where little time is given, a machine that halts cuts off the quick, too."""
        body, number = b'{"type": "student.changed", "id": "1"}', f"m{time.monotonic_ns()}"
        with suppress(OSError, EOFError):
            return (await self.send(body, name=name, message_id=number)).status == 202
        return False

    async def counts(self) -> dict[tuple[str, str], int]:
        """What was counted so far, by integration and outcome."""
        async with self.db.read() as c:
            found = await webhook_counts.sums(c, since_ms=0)
        return {(one.integration, one.outcome): one.n for one in found}


async def answer(reader: asyncio.StreamReader) -> Told:
    """Read one answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:-2])}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Told(int(head[0].split()[1]), headers, json.loads(body)["outcome"] if body else "")


@asynccontextmanager
async def receiver(
    db: Database,
    *senders: Sender,
    limits: Limits | None = None,
    at_ms: int | None = None,
    most_open: int = 100_000,
) -> AsyncIterator[Receiver]:
    """A receiver over a database for the length of a block."""
    clock = [time.time_ns() // 1_000_000 if at_ms is None else at_ms]

    async def keep(arrivals: Any, refused: Any) -> Any:
        return await desk.keep(db, arrivals, refused, most_open=most_open, now_ms=clock[0])

    known = {one.integration: one for one in senders or (sender(),)}
    async with receiving(
        known, limits or Limits(), keep, host="127.0.0.1", port=0, now_ms=partial(clock.__getitem__, 0)
    ) as (port, _task):
        yield Receiver(db, port, clock, known)

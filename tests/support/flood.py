"""Many webhooks at once, to a receiver that is a process of its own: signed, forged, huge and slow ones."""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from siscon import runtime
from siscon.config import Settings
from support.hooks import KEY

NAME = "powerschool"
WEBHOOK = f"""
    webhook:
      scheme: standard-webhooks
      secrets: ["${{SISCON_TEST_HOOK:-{KEY}}}"]
webhooks:
  port: 0
"""
START = """
import asyncio, sys, time
from siscon import receiving, runtime
back_ms = int(sys.argv[2]) * 1000
receiving._now_ms = lambda: time.time_ns() // 1_000_000 - back_ms
settings = runtime.load_settings(sys.argv[1])
sys.exit(asyncio.run(receiving.serve(settings, on_ready=lambda port: print(port, flush=True))))
"""
"""A receiver whose clock may be set back."""


@dataclass(frozen=True)
class Served:
    """A receiver that listens."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def memory_mib(self) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError

    @property
    def cpu_s(self) -> float:
        told = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served_receiver(settings: Settings, *, back_s: int = 0) -> Iterator[Served]:
    """``siscon webhooks serve`` for the length of a block; it may be killed in it."""
    words = [sys.executable, "-c", START, str(settings.file), str(back_s)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield Served(process, int(process.stdout.readline()))
        finally:
            process.terminate()


def with_webhook(settings: Settings) -> Settings:
    """The same configuration, whose integration is told of changes."""
    text = settings.file.read_text(encoding="utf-8")
    settings.file.write_text(text.rstrip() + WEBHOOK, encoding="utf-8")
    return runtime.load_settings(settings.file)


def message(number: int, *, at_s: int, body: bytes | None = None) -> bytes:
    """A whole request, signed as the published rules say, by code of the tests' own."""
    body = body or b'{"type": "student.changed", "id": "%d"}' % number
    head, moment = b"msg_%d" % number, b"%d" % at_s
    key = base64.b64decode(KEY.removeprefix("whsec_"))
    mac = base64.b64encode(hmac.digest(key, b".".join((head, moment, body)), "sha256"))
    lines = (
        b"POST /webhooks/" + NAME.encode() + b" HTTP/1.1",
        b"Host: here",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Webhook-Id: " + head,
        b"Webhook-Timestamp: " + moment,
        b"Webhook-Signature: v1," + mac,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def forged(request: bytes, luck: random.Random) -> bytes:
    """The same request with one character of its signature, one byte of its body, its id or its time changed."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    what = luck.choice(("signature", "body", "id", "time"))
    if what == "body":
        at = luck.randrange(len(body))
        return head + b"\r\n\r\n" + body[:at] + bytes([body[at] ^ (1 << luck.randrange(8))]) + body[at + 1 :]
    at = {"id": 4, "time": 5, "signature": 6}[what]
    line, place = lines[at], luck.randrange(lines[at].index(b": ") + (5 if at == 6 else 2), len(lines[at]))
    letters = b"0123456789" if at == 5 else b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    other = luck.choice([one for one in letters if one != line[place]])
    lines[at] = line[:place] + bytes([other]) + line[place + 1 :]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass
class Flood:
    """What came of a flood: for each request its status (0: no answer) and the seconds until it came."""

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)


async def flood(port: int, requests: Sequence[bytes], *, per_second: float, lines: int = 64) -> Flood:
    """Send requests over some lines at a pace; a line that is cut is opened again."""
    found, numbers = Flood(), iter(range(len(requests)))
    began_s = time.perf_counter()

    async def one_line() -> None:
        reader = writer = None
        for number in numbers:
            due_s = began_s + number / per_second
            if (rest_s := due_s - time.perf_counter()) > 0:
                await asyncio.sleep(rest_s)
            sent_s = time.perf_counter()
            try:
                if writer is None or reader is None or writer.is_closing():
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(requests[number])
                found.statuses[number] = await _status(reader)
            except (OSError, asyncio.IncompleteReadError):
                found.statuses[number] = 0
                if writer is not None:
                    writer.close()
                writer = None
            found.seconds.append(time.perf_counter() - sent_s)
        if writer is not None:
            writer.close()

    await asyncio.gather(*(one_line() for _ in range(lines)))
    return found


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.lower().find(b"content-length:")
    await reader.readexactly(int(head[at + 15 : head.index(b"\r\n", at)]) if at >= 0 else 0)
    return int(head[9:12])


@asynccontextmanager
async def slow_senders(port: int, count: int) -> AsyncIterator[None]:
    """Senders that never come to the end of their headers, or of their body, for the length of a block."""
    begun = message(-1, at_s=int(time.time()))

    async def dribble(number: int) -> None:
        while True:
            with suppress(OSError):
                _reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(begun[: 100 if number % 2 else len(begun) - 20])
                    for _ in range(30):
                        await asyncio.sleep(0.5)
                        writer.write(b"x" if number % 2 else b"")
                        await writer.drain()
                finally:
                    writer.close()
            await asyncio.sleep(0.1)

    tasks = [asyncio.create_task(dribble(number)) for number in range(count)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def huge_bodies(port: int, count: int) -> list[int]:
    """Bodies of 10 MiB, one after the other; how each was answered (0: the line was cut)."""
    request = message(-2, at_s=int(time.time()), body=b"x" * (10 * 1024 * 1024))
    return [(await flood(port, [request], per_second=1e9, lines=1)).statuses[0] for _ in range(count)]

"""A real HTTP receiver on loopback that answers as it is told, and keeps what was posted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass
class Posted:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with ``statuses`` one after the other, then 200; ``extra`` are lines of the header."""

    statuses: list[int] = field(default_factory=list)
    extra: str = ""
    got: list[Posted] = field(default_factory=list)
    port: int = 0
    silent: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/T0/canary-b64"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in head[1:] if one)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.got.append(Posted(head[0].split()[1], headers, body))
        if self.silent:
            await reader.read()
        else:
            status = self.statuses.pop(0) if self.statuses else 200
            line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{self.extra}Content-Length: 2\r\n\r\nok"
            writer.write(line.encode())
        writer.close()


@asynccontextmanager
async def hook_server() -> AsyncIterator[Receiver]:
    """Listen in this loop until the block ends."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()

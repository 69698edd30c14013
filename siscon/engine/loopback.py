"""The door on this machine at which a browser brings a consent back: open only while one is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from siscon.domain.errors import UsageError

HOST = "127.0.0.1"
LINE_MOST = 8 * 1024
READ_WITHIN_S = 5.0

_NOT_OURS = (
    *(ValueError, OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError),
    asyncio.QueueFull,
)
"""What a visitor may do who is no browser on its way back: it is let go without a word."""

_PAGE = (
    "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n"
    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
)


class Door:
    """What came to the door, address by address."""

    def __init__(self) -> None:
        self._addresses: asyncio.Queue[str] = asyncio.Queue(maxsize=20)
        self.redirect_uri = ""

    async def address(self) -> str:
        """The next address that a browser was sent to."""
        return await self._addresses.get()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request: its first line is kept, everything else is left unread."""
        try:
            with suppress(*_NOT_OURS):
                await self._answer(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(READ_WITHIN_S):
            line = (await reader.readuntil(b"\r\n"))[:-2].decode("ascii")
        method, target, _version = line.split(" ")
        known = method == "GET" and target.startswith("/callback?")
        if known:
            self._addresses.put_nowait(self.redirect_uri + target.removeprefix("/callback"))
        said = "Thank you. Go back to the terminal: it says how it went." if known else "Nothing is here."
        head = _PAGE.format(status="200 OK" if known else "404 Not Found", length=len(said))
        writer.write((head + said).encode())
        await writer.drain()


@asynccontextmanager
async def open_door(port: int) -> AsyncIterator[Door]:
    """Listen on 127.0.0.1 alone for as long as the block lasts; port 0 takes any that is free."""
    door = Door()
    try:
        server = await asyncio.start_server(door.answer, HOST, port, limit=LINE_MOST)
    except OSError as error:
        raise UsageError(
            f"Port {port} of this machine cannot be listened on ({error.strerror}). Name another with --port, or "
            "use --paste.",
            code="port_taken",
        ) from error
    door.redirect_uri = redirect_uri_of(server.sockets[0].getsockname()[1])
    async with server:
        yield door


def redirect_uri_of(port: int) -> str:
    """The address that must be registered with the vendor (RFC 8252, section 7.3)."""
    return f"http://{HOST}:{port}/callback"

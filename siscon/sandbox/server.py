"""The sandbox's HTTP servers: one uvicorn server per port, all in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

from siscon.sandbox.wire import Asked
from siscon.sandbox.world import World

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LARGEST_BODY = 1 << 20


class _QuietServer(uvicorn.Server):
    """A server that leaves the signals to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Port:
    """The ASGI app of one port."""

    def __init__(self, world: World, number: int) -> None:
        self._world, self._number = world, number

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _read(receive)
        asked = Asked.of(
            scope["method"], scope["path"], query=scope["query_string"], headers=headers, body=body
        )
        outcome = self._world.answer(self._number, asked)
        if outcome.delay_s:
            await asyncio.sleep(outcome.delay_s)
        answer = outcome.answer
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        raw.append((b"content-length", str(len(answer.body)).encode()))
        if answer.body:
            raw.append((b"content-type", answer.content_type.encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        if outcome.dropped:
            half = answer.body[: len(answer.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await _hang_up(send)
            return
        await send({"type": "http.response.body", "body": answer.body})


async def _read(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= _LARGEST_BODY:
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _hang_up(send: Send) -> None:
    """Close the connection under a half-sent answer; uvicorn lets an app do so only through its transport."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if isinstance(transport, asyncio.Transport):
        transport.close()
        await asyncio.sleep(0.01)


def bind(port: int) -> list[socket.socket]:
    """Four listening sockets on loopback: ``port`` and the three after it, or four free ones for port 0."""
    sockets: list[socket.socket] = []
    for number in range(4):
        wanted = port + number if port else 0
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sockets.append(listening)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )  # asyncio sets it only on sockets it made
        try:
            listening.bind(("127.0.0.1", wanted))
        except (OSError, OverflowError) as error:
            for one in sockets:
                one.close()
            raise PortInUse(wanted, error) from error
        listening.setblocking(False)
    return sockets


class PortInUse(OSError):
    """A port of the sandbox cannot be taken."""

    def __init__(self, port: int, cause: BaseException) -> None:
        reason = (
            "is in use" if getattr(cause, "errno", None) == errno.EADDRINUSE else f"cannot be used ({cause})"
        )
        super().__init__(
            f"port {port} {reason} (the sandbox needs four in a row); choose another with --port"
        )
        self.port = port


async def run(world: World, sockets: list[socket.socket], *, on_ready: Callable[[], None]) -> None:
    """Serve until cancelled; every socket is closed at the end."""
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    servers = [
        _QuietServer(
            uvicorn.Config(
                _Port(world, number),
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,
                backlog=256,
            )
        )
        for number in range(len(sockets))
    ]
    tasks = [
        asyncio.create_task(server.serve(sockets=[one])) for server, one in zip(servers, sockets, strict=True)
    ]
    try:
        while not all(server.started for server in servers):
            if any(task.done() for task in tasks):
                break
            await asyncio.sleep(0.01)
        else:
            on_ready()
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for server in servers:
            server.should_exit = server.force_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in sockets:
            one.close()

"""The sandbox's HTTP servers: one uvicorn server per port, all in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable

import uvicorn
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from siscon.sandbox.origin import Outcome
from siscon.sandbox.state import PORTS
from siscon.sandbox.wire import Asked
from siscon.sandbox.world import World

_LARGEST_BODY = 1 << 20


class _Port:
    """The ASGI app of one port."""

    def __init__(self, world: World, number: int) -> None:
        self._world, self._number = world, number

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        asked = Asked.of(
            request.method,
            scope["path"],
            query=scope["query_string"],
            headers=dict(request.headers),
            body=await _body(request),
        )
        outcome = self._world.answer(self._number, asked)
        try:
            await self._give(outcome, scope, receive, send)
        finally:
            _over(outcome)

    @staticmethod
    async def _give(outcome: Outcome, scope: Scope, receive: Receive, send: Send) -> None:
        if outcome.delay_s:
            await asyncio.sleep(outcome.delay_s)
        if outcome.unsent:
            _over(outcome)  # whoever sees the line go dead may ask again before it is closed here
            await _hang_up(send)
            return
        answer = outcome.answer
        headers = answer.headers | {"content-type": answer.content_type} if answer.body else answer.headers
        if outcome.dropped:
            headers = {**headers, "content-length": str(len(answer.body))}
            await StreamingResponse(_half(answer.body, send), answer.status, headers)(scope, receive, send)
            return
        await Response(answer.body, answer.status, headers)(scope, receive, send)


def _over(outcome: Outcome) -> None:
    """The request is at work no longer; said once."""
    finished, outcome.finished = outcome.finished, None
    if finished is not None:
        finished()


async def _body(request: Request) -> bytes:
    """The body of a request; of one that is too large, the beginning."""
    body = b""
    async for part in request.stream():
        if len(body) < _LARGEST_BODY:
            body += part
    return body


async def _half(body: bytes, send: Send) -> AsyncIterator[bytes]:
    """Half of an answer; then the line goes dead."""
    yield body[: len(body) // 2]
    await _hang_up(send)


async def _hang_up(send: Send) -> None:
    """Close the connection before an answer is whole; uvicorn lets an app do so only through its transport."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if isinstance(transport, asyncio.Transport):
        transport.close()
        await asyncio.sleep(0.01)


def bind(port: int) -> list[socket.socket]:
    """Listening sockets on loopback: ``port`` and those after it, or free ones for port 0."""
    sockets: list[socket.socket] = []
    for number in range(PORTS):
        wanted = port + number if port else 0
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sockets.append(listening)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # asyncio sets it only on sockets it made
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
            f"port {port} {reason} (the sandbox needs five in a row); choose another with --port"
        )
        self.port = port


async def run(world: World, sockets: list[socket.socket], *, on_ready: Callable[[], None]) -> None:
    """Serve until cancelled; every socket is closed at the end."""
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    servers = [
        uvicorn.Server(
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
                date_header=False,
                timeout_graceful_shutdown=1,
                backlog=256,
            )
        )
        for number in range(len(sockets))
    ]
    for server in servers:
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment] # the process heeds signals
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

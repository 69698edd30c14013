"""The metrics over HTTP, for Prometheus to fetch: one address, nothing to send, values not older than a moment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from siscon.domain.errors import SisconError
from siscon.domain.metrics import Family
from siscon.domain.text import plain
from siscon.metrics.exposition import exposition
from siscon.ops import listening

PATH = "/metrics"
FRESH_S = 1.0
"""Whoever asks more often than so is given the same values: nobody can keep the database busy by asking."""
MOST_AT_ONCE = 64
"""More lines are not open at once: files are what an engine cannot do without."""
WITHIN_S = 20.0
"""A line on which no answer was asked for and taken for so long is cut off."""

Read = Callable[[], Awaitable[Sequence[Family]]]


class _Line(H11Protocol):
    """One line to whoever asks; none is held open by saying nothing, nor by not listening."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the library has it
        super().connection_made(transport)
        if len(self.connections) > MOST_AT_ONCE:
            transport.abort()
        else:
            self._begin_anew()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._limit is not None:
            self._limit.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._begin_anew()

    def _begin_anew(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self.loop.call_later(WITHIN_S, self.transport.abort)


def bind(host: str, port: int) -> socket.socket:
    """The socket of the page; raises ``ConfigError`` where the address cannot be had."""
    return listening.bind(
        host, port, what="Metrics cannot be read", advice="Choose another address or port for metrics.listen."
    )


async def serve(read: Read, door: socket.socket) -> None:
    """Answer until cancelled; the socket is closed at the end."""
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # who asks nonsense shall not fill the log
    server = uvicorn.Server(
        uvicorn.Config(
            _app(read),
            http=_Line,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
        )
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment] # the process heeds signals
    task = asyncio.create_task(server.serve(sockets=[door]))
    try:
        await asyncio.shield(task)
    finally:
        server.should_exit = server.force_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 3)
        door.close()


def _app(read: Read) -> Starlette:
    kept: tuple[float, Sequence[Family]] | None = None
    one_at_a_time = asyncio.Lock()

    async def families() -> Sequence[Family]:
        nonlocal kept
        async with one_at_a_time:
            if kept is None or time.monotonic() - kept[0] > FRESH_S:
                found = await read()
                kept = (time.monotonic(), found)
            return kept[1]

    async def metrics(request: Request) -> Response:
        try:
            found = await families()
        except SisconError as error:
            return PlainTextResponse(f"{plain(error.sentence, limit=400)}\n", status_code=503)
        text, content_type = exposition(found, request.headers.get("accept", ""))
        headers = {
            "Content-Type": content_type,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(text, headers=headers)

    async def root(_request: Request) -> Response:
        return PlainTextResponse(f"siscon: {PATH}\n")

    return Starlette(routes=[Route(PATH, metrics, methods=["GET"]), Route("/", root, methods=["GET"])])

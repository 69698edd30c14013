"""The receiver's server: one socket, a cap on connections, and an end for whoever sends slowly. The door of uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from siscon.domain.webhooks import Outcome, Sender
from siscon.ops import listening
from siscon.webhooks.answering import Door, Limits
from siscon.webhooks.intake import Intake, Keep

log = logging.getLogger(__name__)

HEAD_MOST = 16 * 1024
"""The largest head of a request: its line and its headers."""
BACKLOG = 1024
STOP_WITHIN_S = 1
PATIENCE = 3
"""So many times its limit an answer may take: then the sender does not read it."""
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class _Line(H11Protocol):
    """One connection. From the first byte of a request, and from the beginning, its sender has a limited time.

    ``lines`` are all there are, in front those that were of no use for longest: where there are too many, the first of
    them gives way, so that whoever holds lines open keeps no other out.
    """

    def __init__(self, door: Door, lines: dict[_Line, None], *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._door = door
        self._lines = lines
        self._timer: asyncio.TimerHandle | None = None
        self._waited = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the library has it
        super().connection_made(transport)
        if len(self._lines) >= self._door.limits.connections and not self._find_room():
            self._count(Outcome.NO_ROOM)
            transport.write(_FULL)
            transport.close()
            return
        self._lines[self] = None
        self._arm()

    def _find_room(self) -> bool:
        """Cut the first line off that is not just being answered; False where all are."""
        for one in self._lines:
            if one.cycle is None or one.cycle.more_body or one.cycle.response_complete:
                one._give_way()
                return True
        return False

    def _give_way(self) -> None:
        del self._lines[self]
        if self._timer is not None:
            self._count(Outcome.TOO_SLOW)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self._arm()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._lines.pop(self, None)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._disarm()
        if self in self._lines:
            del self._lines[self]
            self._lines[self] = None
        self.app_state = {"began": self.loop.time()}
        super().on_response_complete()
        if self.cycle is not None and not self.cycle.response_complete:
            self._arm()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the library's words are a banner
        self._count(Outcome.MALFORMED)
        super().send_400_response("")

    def _arm(self) -> None:
        if self._timer is None:
            self.app_state = {"began": self.loop.time()}
            self._timer = self.loop.call_later(self._door.limits.within_s, self._out_of_time)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waited = 0

    def _out_of_time(self) -> None:
        self._timer = None
        self._waited += 1
        if self.cycle is not None and not self.cycle.response_complete and self._waited < PATIENCE:
            self._arm()  # the door has a limit of its own
            return
        self._count(Outcome.TOO_SLOW)
        self.transport.abort()

    def _count(self, outcome: Outcome) -> None:
        self._door.count("", outcome, str(self.client[0]) if self.client else "")


def _end_with(server: uvicorn.Server, keeping: asyncio.Task[None]) -> None:
    """Whoever cannot keep messages any more must not go on listening: every sender would wait in vain."""
    server.should_exit = True
    if not keeping.cancelled() and (fault := keeping.exception()) is not None:
        log.error("the inbox of webhooks failed; the receiver ends", exc_info=fault)


@asynccontextmanager
async def receiving(
    senders: Mapping[str, Sender],
    limits: Limits,
    keep: Keep,
    *,
    host: str,
    port: int,
    now_ms: Callable[[], int],
) -> AsyncIterator[tuple[int, asyncio.Task[None]]]:
    """Receive for the length of a block: the port, and the task that ends if the server fails."""
    ear = listening.bind(
        host,
        port,
        what="Webhooks cannot be received",
        advice="Is another receiver running? Set webhooks.host and webhooks.port to a place that is free.",
    )
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # who sends nonsense shall not fill the log
    intake = Intake(keep)
    door = Door(senders, limits, intake, now_ms)
    server = uvicorn.Server(
        uvicorn.Config(
            door,
            http=partial(_Line, door, {}),  # type: ignore[arg-type] # it is called as a class would be
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            h11_max_incomplete_event_size=HEAD_MOST,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            backlog=BACKLOG,
        )
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment] # the process heeds signals
    keeping = asyncio.create_task(intake.run(), name="inbox of webhooks")
    keeping.add_done_callback(partial(_end_with, server))
    serving = asyncio.create_task(server.serve(sockets=[ear]), name="receiver of webhooks")
    try:
        while not (server.started or serving.done()):  # noqa: ASYNC110 - the library tells it by a flag alone
            await asyncio.sleep(0.01)
        yield ear.getsockname()[1], serving
    finally:
        server.should_exit = True
        await asyncio.wait([serving])
        keeping.cancel()
        await asyncio.wait([keeping])
        ear.close()

"""The assembly of the webhook receiver: from a configuration and a database to a server, alone or beside an engine."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from siscon import runtime
from siscon.config import Settings
from siscon.config.webhooks import senders_of
from siscon.domain.errors import ConfigError, DatabaseError, SisconError, UsageError
from siscon.domain.roles import ACTS
from siscon.domain.text import plain
from siscon.domain.webhooks import Arrival, Outcome, Sender
from siscon.engine.moments import wall_ms
from siscon.ops import Database, opening, webhooks
from siscon.ops.actor import check_serve, role_here
from siscon.webhooks.trial import Answered, address_for, body_for, send

log = logging.getLogger(__name__)

FOR_EVER = ("replaced", "newer_database")
"""Codes of faults of a database that only opening it again can end."""
AGAIN_S = 10.0
"""A receiver beside an engine that could not begin, or failed, is started again after so long."""


def senders(settings: Settings) -> dict[str, Sender]:
    """The senders of a configuration; those of integrations that are not enabled are not listened to."""
    return senders_of({name: one.webhook for name, one in settings.integrations.items() if one.enabled})


@asynccontextmanager
async def receiver(settings: Settings) -> AsyncIterator[tuple[int, asyncio.Task[None]]]:
    """A receiver for the length of a block: its port, and a task that ends only if it fails.

    Its database is opened by itself and always waits for the disk: a message that was answered is there.
    """
    from siscon.webhooks.answering import Limits  # brings uvicorn: only where webhooks are received
    from siscon.webhooks.receiver import receiving

    told = settings.webhooks
    limits = Limits(
        trusted=told.trusted_proxies,
        per_sender=told.per_second,
        for_all=told.per_second_all,
        connections=told.connections,
        max_body=told.max_body_kib * 1024,
        within_s=told.within_s,
    )
    db = await opening.open_database(settings.database, synchronous="full")
    lost = asyncio.Event()
    try:
        keep = partial(_keep, db, told.most_waiting, lost)
        async with receiving(
            senders(settings), limits, keep, host=told.host, port=told.port, now_ms=wall_ms
        ) as (port, serving):
            over = asyncio.create_task(_until_over(serving, lost))
            try:
                yield port, over
            finally:
                over.cancel()
    finally:
        await db.close()


async def _until_over(serving: asyncio.Task[None], lost: asyncio.Event) -> None:
    """Until the server has ended, or its database can never be written again."""
    losing = asyncio.create_task(lost.wait())
    try:
        await asyncio.wait([serving, losing], return_when=asyncio.FIRST_COMPLETED)
    finally:
        losing.cancel()


async def _keep(
    db: Database,
    most_open: int,
    lost: asyncio.Event,
    arrivals: Sequence[Arrival],
    refused: Mapping[tuple[str, str], int],
) -> list[Outcome]:
    try:
        return await webhooks.keep(db, arrivals, refused, most_open=most_open, now_ms=wall_ms())
    except DatabaseError as error:
        if error.code in FOR_EVER:
            log.error("%s", error.sentence)  # noqa: TRY400 - the sentence says it all
            lost.set()
        raise


async def serve(settings: Settings, *, on_ready: Callable[[int], None]) -> int:
    """Receive webhooks in this process until it is told to stop; its exit code. ``on_ready`` is given the port."""
    check_serve(settings.role_rules)
    if not senders(settings):
        raise ConfigError(
            "No enabled integration has a 'webhook' section in the configuration: nobody could send anything.",
            code="no_webhook",
        )
    opening.make_home(settings.home)
    with runtime.journal(settings, "webhooks"):
        stop = asyncio.Event()
        async with receiver(settings) as (port, failed):
            on_ready(port)
            with runtime.stop_on_signals(stop):
                stopped = asyncio.create_task(stop.wait())
                await asyncio.wait([stopped, failed], return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
    return 0 if stop.is_set() else 1


def beside(settings: Settings) -> Callable[[], Awaitable[None]] | None:
    """What receives webhooks beside an engine, for ever; None where the configuration does not want that."""
    if not settings.webhooks.in_serve or not senders(settings):
        return None
    return partial(_receive_for_ever, settings)


async def _receive_for_ever(settings: Settings) -> None:
    """A port that another receiver holds is asked for again: it may be that of an engine that ends."""
    while True:
        try:
            async with receiver(settings) as (port, failed):
                log.info("webhooks are received on port %s", port)
                await asyncio.wait([failed])
        except SisconError as error:
            log.warning("%s", error.sentence)
        except OSError as error:
            log.warning("webhooks are not received: %s", error)
        except Exception:
            log.exception("webhooks are not received: a fault of siscon's own")
        await asyncio.sleep(AGAIN_S)


async def send_trial(
    settings: Settings, name: str, *, event: str, ids: Sequence[str], url: str | None
) -> Answered:
    """Send one signed message for an integration, to its own receiver or to ``url``.

    Raises ``UsageError`` where the role does not allow it: what it names is fetched.
    """
    if role_here(settings.role_rules)[1] < ACTS["send a test webhook"]:
        async with runtime.open_house(settings) as house:
            await house.need("send a test webhook")
    if name not in settings.integrations:
        known = ", ".join(settings.integrations) or "none yet"
        raise UsageError(
            f"There is no integration '{plain(name)}'. Known are: {known}.", code="no_such_integration"
        )
    webhook = settings.integrations[name].webhook
    if webhook is None:
        raise UsageError(
            f"{name} has no 'webhook' section in {settings.file}: say there how its sender signs.",
            code="no_webhook",
        )
    if url is None and not settings.webhooks.port:
        raise UsageError(
            "webhooks.port is 0, so the receiver took a port that was free, which it says when it starts: "
            f"name it, such as --url http://127.0.0.1:8480/webhooks/{name}.",
            code="no_port",
        )
    sender = webhook.sender(name)
    message_id = f"test_{secrets.token_hex(8)}"
    body = body_for(event, ids, message_id=message_id)
    target = url or address_for(sender, settings.webhooks.host, settings.webhooks.port)
    return send(sender, target, body, message_id=message_id, now_s=wall_ms() // 1000)

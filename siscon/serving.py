"""The assembly of an engine that runs alone: its signals, who supervises it, and the page about its health."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from siscon import outward
from siscon.config import Settings
from siscon.engine import supervisor
from siscon.engine.leases import Holdings
from siscon.engine.moments import wall_ms
from siscon.engine.supervisor import Supervisor
from siscon.ops import health_page
from siscon.ops.actor import check_serve
from siscon.ops.webhook_checks import nobody_receives
from siscon.runtime import House, journal, open_house, stop_on_signals

PAGE_EVERY_S = 10.0


async def serve(
    settings: Settings,
    *,
    on_ready: Callable[[], None] = lambda: None,
    asked_to_end: Callable[[], bool] = lambda: False,
    beside: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Run an engine in this process until it is told to stop; its exit code. ``on_ready``: the house is open.

    ``asked_to_end``: whether a signal came before this process could heed one. ``beside`` is done for as long as the
    engine runs.
    """
    from siscon.engine.engine import Engine  # brings httpx and apscheduler: only where an engine runs

    check_serve(settings.role_rules)
    above = supervisor.find(os.environ)
    with journal(settings, "engine"):
        if asked_to_end():
            return 0
        async with open_house(settings) as house:
            on_ready()
            stop = asyncio.Event()
            with stop_on_signals(stop):
                if asked_to_end():
                    stop.set()
                others: list[asyncio.Future[None]] = [asyncio.create_task(_tell_the_end(stop, above))]
                if beside is not None:
                    others.append(asyncio.ensure_future(beside()))
                engine = Engine(
                    house.db,
                    settings,
                    house.vault,
                    stop,
                    beside=partial(_beside, house, above),
                    lent=outward.chores(house.db, settings),
                )
                try:
                    return await engine.run(lambda: _tell(above, supervisor.READY))
                finally:
                    for other in others:
                        other.cancel()
                    await asyncio.wait(others)


def _beside(
    house: House, above: Supervisor | None, holdings: Holdings
) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """The parts of an engine that only one with nobody before a screen has."""
    parts = dict(outward.parts(house.db, house.settings))
    parts["page about health"] = partial(_keep_page, house, holdings)
    if above is not None:
        status = partial(supervisor.status_of, house.db)
        parts["word to the service manager"] = lambda: supervisor.keep_telling(
            above, beaten_s=lambda: holdings.beaten_s, status=status
        )
    return parts


async def _keep_page(house: House, holdings: Holdings) -> None:
    """Write the page about health every few seconds, and at the end that it ended; a full disk lets it grow old."""
    home = house.settings.home
    told: dict[str, Any] = {"engine": holdings.owner}
    deaf = ""  # not asked at first: the receiver begins beside the engine
    try:
        while True:
            refused = holdings.refused or deaf
            told = await health_page.page(
                house.db, home, engine=holdings.owner, now_ms=wall_ms(), refused=refused
            )
            with suppress(OSError):
                health_page.write(home, told)
            await asyncio.sleep(PAGE_EVERY_S)
            deaf = await nobody_receives(house.settings)
    finally:
        with suppress(OSError):
            health_page.write(home, health_page.ended(told, now_ms=wall_ms()))


async def _tell_the_end(stop: asyncio.Event, above: Supervisor | None) -> None:
    await stop.wait()
    _tell(above, supervisor.STOPPING)


def _tell(above: Supervisor | None, line: str) -> None:
    if above is not None:
        above.tell(line)

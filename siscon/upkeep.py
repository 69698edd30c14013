"""The assembly for upkeep: chores where no engine is alive, and putting a backup in the place of a database."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from siscon import outward
from siscon.config import Settings
from siscon.domain.roles import ACTS
from siscon.engine import restoring
from siscon.engine.moments import wall_ms
from siscon.engine.restoring import Outlook, Place, Restored
from siscon.ops.actor import role_here
from siscon.ops.opening import make_home
from siscon.runtime import House, find_engine, journal, open_house

LOOK_EVERY_S = 1.0


async def do_chore(house: House, name: str) -> None:
    """Do a chore in this process if it is due; where nobody knew it yet, it is known afterwards."""
    from siscon.engine.engine import Engine  # brings httpx and apscheduler: only where no engine is alive

    await house.need("run what waits")
    with journal(house.settings, "chores"):
        engine = Engine(
            house.db,
            house.settings,
            house.vault,
            asyncio.Event(),
            lent=outward.chores(house.db, house.settings),
        )
        await engine.do_chore(name)


async def see_to_chore(house: House, name: str) -> None:
    """Do a chore that is due unless an engine is alive that does it; else wait for a moment."""
    if await find_engine(house.db) is None:
        await do_chore(house, name)
    await house.db.changed(timeout_s=LOOK_EVERY_S)


async def may_restore(settings: Settings) -> None:
    """Raise ``UsageError`` where the role does not allow a restoration, and have the audit say so.

    For an administrator the database is not opened: it may be what is broken.
    """
    make_home(settings.home)
    if role_here(settings.role_rules)[1] < ACTS["restore a backup"]:
        async with open_house(settings) as house:
            await house.need("restore a backup")


def look_before_restoring(settings: Settings, backup: Path, *, foreign: bool) -> Outlook:
    """What putting a backup in the place of the database would do; raises as :func:`restoring.look` does."""
    return restoring.look(_place(settings), backup, foreign=foreign)


async def restore(settings: Settings, backup: Path, *, reason: str) -> Restored:
    """Put a backup in the place of the database; raises ``UsageError`` where the role does not allow it."""
    await may_restore(settings)
    actor, _role = role_here(settings.role_rules)
    return await restoring.restore(_place(settings), backup, actor=actor, reason=reason, now_ms=wall_ms)


def _place(settings: Settings) -> Place:
    return Place(settings.home, settings.database, os.environ)

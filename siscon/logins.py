"""What people do with logins from a command: allow one in a browser, give it back, clear out what is left over."""

from __future__ import annotations

from collections.abc import Callable

from siscon.engine.activation import activate_all
from siscon.engine.clerk import Clerk
from siscon.engine.moments import wall_ms
from siscon.providers import registry
from siscon.runtime import House, find_engine


async def authorise(
    house: House,
    name: str,
    *,
    port: int,
    show: Callable[[str], None],
    paste: Callable[[], str] | None = None,
) -> str:
    """Have a person allow a login in a browser; a sentence about how it went.

    ``show`` is given the address to open. With ``paste`` nothing listens: it asks for the address that the browser
    ended on.
    """
    from siscon.engine import authorise as steps
    from siscon.engine import loopback  # brings httpx and authlib: only where they are needed

    await house.need("authorise a login")
    clerk = await _clerk(house)
    if paste is not None:
        consent = await steps.begin(clerk, name, redirect_uri=loopback.redirect_uri_of(port))
        show(consent.address)
        return await steps.finish(clerk, name, consent, paste())
    async with loopback.open_door(port) as door:
        consent = await steps.begin(clerk, name, redirect_uri=door.redirect_uri)
        show(consent.address)
        return await steps.finish_at(clerk, name, consent, door)


async def revoke(house: House, name: str) -> tuple[str, bool]:
    """Give a login back; a sentence, and whether the SIS refused to take it."""
    from siscon.engine import authorise as steps

    await house.need("give a login back")
    done = await steps.revoke(await _clerk(house), name)
    return done.sentence, done.refused


async def clean(house: House) -> list[str]:
    """Drop tokens that nobody can use any more; whose they were."""
    from siscon.engine import authorise as steps

    await house.need("clean logins")
    return await steps.clean(await _clerk(house))


async def _clerk(house: House) -> Clerk:
    if await find_engine(house.db) is None:
        await activate_all(house.db, house.settings, load_provider=registry.load, now_ms=wall_ms)
    return Clerk(house.db, house.vault, house.settings, house.actor, house.role, registry.load, wall_ms)

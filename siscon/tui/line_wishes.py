"""What a line that changes something asks for: the same questions as the keys put, about what the words name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from siscon.domain.commands import StartRun
from siscon.domain.errors import UsageError
from siscon.domain.integrations import Integration
from siscon.domain.moments import coming_ms, past_ms
from siscon.domain.text import plain
from siscon.ops import Database
from siscon.tui import record_wishes, wishes
from siscon.tui.verbs import Said, entity_of, run_of
from siscon.tui.wishes import Wish

Maker = Callable[[Said, Database], Awaitable[Wish | None]]


async def the_integration(db: Database, name: str) -> Integration:
    """An integration by its name; raises ``UsageError`` that says which there are."""
    from siscon.ops.records import known_integrations

    known = await known_integrations(db)
    if name in known:
        return known[name]
    told = ", ".join(sorted(known)) or "none yet"
    raise UsageError(f"There is no integration '{plain(name, limit=40)}'. Known are: {told}.")


async def _sync(said: Said, db: Database) -> Wish:
    words = [one for one in said.words if not one.startswith("--")]
    name = (await the_integration(db, words[0])).name
    full = said.action.id == "full_sync" or "--full" in said.words
    wish = wishes.sync(name, full=full)
    entities = tuple(dict.fromkeys(entity_of(one).value for one in words[1:]))
    if not entities:
        return wish
    title = f"{wish.title.removesuffix(' now?')}, only {', '.join(entities)}, now?"
    return replace(wish, title=title, command=StartRun(name, entities, full=full))


async def _dry_run(said: Said, db: Database) -> Wish:
    return wishes.dry_run((await the_integration(db, said.words[0])).name)


async def _pause(said: Said, db: Database) -> Wish:
    one, now_ms = await the_integration(db, said.words[0]), said.now_ms
    rests, until = one.rests(now_ms), " ".join(said.words[1:])
    if said.verb == "pause" and until:
        return wishes.pause(one, now_ms=now_ms, until_ms=coming_ms(until, said.zone, now_ms=now_ms))
    if rests is (said.verb == "pause"):
        raise UsageError(f"{one.name} is paused already." if rests else f"{one.name} is not paused.")
    return wishes.pause(one, now_ms=now_ms)


async def _renew(said: Said, db: Database) -> Wish:
    return wishes.renew((await the_integration(db, said.words[0])).name)


async def _of_run(said: Said, db: Database) -> Wish | None:
    from siscon.ops.run_rows import runs_by_id

    run_id = run_of(said.words[0])
    found = await runs_by_id(db, [run_id])
    if not found:
        raise UsageError(f"There is no run #{run_id}.")
    refused = wishes.why_not(said.action.id, found[0])
    if refused:
        raise UsageError(refused)
    return await wishes.of_run(said.action.id, found[0], db)


async def _of_error(said: Said, db: Database) -> Wish:
    from siscon.ops.dead_records import one
    from siscon.tui.screens.dead import why_not_on_dead, wish_on_dead

    dead = await one(db, run_of(said.words[0]))
    if dead is None:
        raise UsageError(f"There is no record in error {plain(said.words[0], limit=40)}.")
    refused = why_not_on_dead(said.action.id, dead)
    if refused:
        raise UsageError(refused)
    return wish_on_dead(said.action.id, dead)


async def _fetch(said: Said, db: Database) -> Wish:
    name, entity, external_id = said.words
    return record_wishes.fetch((await the_integration(db, name)).name, entity_of(entity), external_id)


async def _backfill(said: Said, db: Database) -> Wish:
    """What changed since a moment, read again; what that takes is told first."""
    from siscon.ops import backfills

    one = await the_integration(db, said.words[0])
    since_ms = past_ms(" ".join(said.words[1:]), said.zone, now_ms=said.now_ms)
    told = await backfills.estimates(db, one.name, ())
    return wishes.backfill(one.name, since_ms, backfills.in_words(told))


MAKERS: dict[str, Maker] = {
    "backfill": _backfill,
    "sync": _sync,
    "full_sync": _sync,
    "dry_run": _dry_run,
    "pause": _pause,
    "renew": _renew,
    **dict.fromkeys(sorted(wishes.ON_RUNS), _of_run),
    "retry": _of_error,
    "give_up": _of_error,
    "fetch": _fetch,
}
"""For every action that changes something and takes words: who makes its question of them."""

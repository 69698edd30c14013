"""When a record in error is tried again by itself, and why then."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.dead_records import DeadRecord
from siscon.store import integrations
from siscon.store.database import Database

FOR_EVER = ("unknown_reference", "identity_in_question")
NEVER = "kills_the_engine"


@dataclass(frozen=True, slots=True)
class NextTry:
    """A sentence, and the moment of the next scheduled run that tries it; None where none does."""

    why: str
    at_ms: int | None = None


async def next_try(db: Database, dead: DeadRecord, *, now_ms: int) -> NextTry:
    """What is known of the next try; whether the SIS will say something else of the record nobody knows."""
    if dead.status != "open":
        return NextTry("it waits no more")
    if dead.code == NEVER:
        return NextTry("not by itself: engines died over it, until the SIS says something else of it")
    async with db.read() as c:
        one = await integrations.one(c, dead.integration)
    if dead.code in FOR_EVER:
        why = "with every run, until what it needs is here"
    else:
        why = "with each run, at most dead_after times"
    if one is None or not one.enabled:
        return NextTry(f"{why}; {dead.integration} is switched off")
    if one.rests(now_ms):
        return NextTry(f"{why}; {dead.integration} is paused")
    due_ms = one.next_due_at_ms
    return NextTry(why, due_ms) if due_ms is not None else NextTry(f"{why}; none is scheduled")

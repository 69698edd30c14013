"""Windows as stored: how they are configured, for the screens, and what was said of each of their times."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict

from siscon.domain.blackouts import Blackout, Due, Span, UnderWay
from siscon.store.database import Connection, Row

CLEAR = "DELETE FROM blackouts"
PUT = "INSERT INTO blackouts (integration, name, body) VALUES (:integration, :name, :body)"
ALL = "SELECT body FROM blackouts ORDER BY integration, name"
SAY = """
INSERT INTO blackout_news (integration, name, begin_ms, end_ms, what)
VALUES (:integration, :name, :begin_ms, :end_ms, :what)
ON CONFLICT DO NOTHING
"""
LAST_BEGUN = """
SELECT begin_ms, end_ms FROM blackout_news
WHERE integration = :integration AND name = :name AND what = 'begun' ORDER BY begin_ms DESC LIMIT 1
"""
PRUNE = "DELETE FROM blackout_news WHERE end_ms < :before_ms"


async def replace_all(c: Connection, wanted: Collection[Blackout]) -> None:
    """Write down the windows as configured."""
    await c.run(CLEAR)
    for one in wanted:
        body = json.dumps(asdict(one), ensure_ascii=False)
        await c.run(PUT, {"integration": one.integration, "name": one.name, "body": body})


async def all_blackouts(c: Connection) -> tuple[Blackout, ...]:
    """Every window, those of all integrations first."""
    return tuple(_blackout(row) for row in await c.all(ALL))


async def say(c: Connection, span: Span, what: str) -> bool:
    """Note that something is said of one time of a window; False: it was said before."""
    return await c.run(SAY, {**_place(span), "what": what}) == 1


async def last_begun(c: Connection, one: Blackout) -> Span | None:
    """The last time of a window of which it was said that it has begun."""
    row = await c.one(LAST_BEGUN, {"integration": one.integration, "name": one.name})
    return None if row is None else Span(one, row["begin_ms"], row["end_ms"])


async def prune(c: Connection, before_ms: int) -> None:
    """Forget what was said of times that were over before a moment: a summer is longer than the memory."""
    await c.run(PRUNE, {"before_ms": before_ms})


def _place(span: Span) -> dict[str, str | int]:
    one = span.blackout
    return {
        "integration": one.integration,
        "name": one.name,
        "begin_ms": span.begin_ms,
        "end_ms": span.end_ms,
    }


def _blackout(row: Row) -> Blackout:
    told = json.loads(row["body"])
    return Blackout(
        **{
            **told,
            "days": tuple(told["days"]),
            "due": Due(told["due"]),
            "under_way": UnderWay(told["under_way"]),
        }
    )

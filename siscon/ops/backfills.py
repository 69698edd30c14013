"""What reading again would take, before it begins: requests, and minutes at the rate of the integration."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from siscon.config import IntegrationSettings
from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.domain.text import counted
from siscon.ops.rows import Row
from siscon.providers import registry
from siscon.store import backfills, integrations
from siscon.store.database import Database

ONE_BY_ONE = 100
"""Up to so many records are asked for one by one, for more the list is read."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """About so many requests and minutes for one entity; None: nothing is on record of it yet."""

    entity: Entity
    requests: int | None
    minutes: float | None


def check_by_date(name: str, settings: IntegrationSettings) -> None:
    """Raise ``UsageError`` where a provider cannot ask for what changed since a moment."""
    kind = registry.load(settings.provider)
    own = kind.Settings(base_url=settings.base_url, **settings.settings)
    if kind.cursor_at(own, datetime(2000, 1, 1, tzinfo=UTC)) is None:
        raise UsageError(
            f"{name} cannot be asked for what changed since a moment: name records with --entity E --id ID, or "
            f"compare everything with 'siscon sync {name} --full'."
        )


async def estimates(
    db: Database, integration: str, entities: Collection[Entity], *, ids: int = 0
) -> list[Estimate]:
    """About what each entity takes: what changed as much as its whole list, for a provider may ask for single records
    besides. ``ids``: so many records of it are asked for by id, 0: what changed.
    """
    async with db.read() as c:
        taken = await backfills.last_whole(c, integration)
        one = await integrations.one(c, integration)
    rate = one.requests_per_minute if one is not None else 0
    found = []
    for entity in entities or taken:
        whole = taken.get(entity)
        requests = whole.requests if whole is not None else None
        if 0 < ids <= ONE_BY_ONE:
            requests = ids
        if requests is None:
            minutes = None
        elif rate:
            minutes = requests / rate
        else:
            minutes = whole.seconds / 60 * requests / whole.requests if whole is not None else None
        found.append(Estimate(entity, requests, minutes))
    return found


def rows(found: Collection[Estimate]) -> list[Row]:
    """The estimates as rows."""
    return [
        {
            "entity": one.entity.value,
            "requests": one.requests,
            "minutes": None if one.minutes is None else round(one.minutes, 1),
        }
        for one in found
    ]


def in_words(found: Collection[Estimate]) -> str:
    """All of it in a sentence."""
    known = [one for one in found if one.requests is not None]
    if not known:
        return "Nothing is on record that would tell how many requests it takes."
    requests, minutes = sum(one.requests or 0 for one in known), sum(one.minutes or 0 for one in known)
    beside = "" if len(known) == len(found) else "; of the others nothing is on record"
    return f"About {counted(requests, 'request')}, {minutes:.1f} minutes at its rate{beside}."

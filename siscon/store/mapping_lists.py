"""Mappings as lists: which are meant, in which order they come, where an external id stands among them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from siscon.domain.filters import ALL, Filter, Order, Sign, Term
from siscon.domain.mappings import Mapping, SyncStatus
from siscon.domain.records import Entity
from siscon.store import filtered, filtering, walking
from siscon.store.database import Connection, Database
from siscon.store.mappings import from_row, table_of
from siscon.store.walking import Meant

# The key of the index is (entity, external id): each entity is walked by itself, for of both SQLite would look up one.
WALK = """
SELECT json_group_array(id), {last}(external_id) FROM (SELECT id, external_id FROM {table}
  WHERE entity_type = :walked AND external_id {beyond} :low AND external_id < :high AND {chosen}
  ORDER BY external_id {way} LIMIT :limit)
"""
UP, DOWN = {"way": "ASC", "last": "max"}, {"way": "DESC", "last": "min"}
FIRST_FROM = """
SELECT id, external_id FROM {table} WHERE entity_type = :walked AND external_id >= :text AND {chosen}
ORDER BY external_id LIMIT 1
"""
PAGE = "SELECT * FROM {table} WHERE id > :after_id AND {chosen} ORDER BY id LIMIT :limit"
ENTITIES = tuple(sorted(entity.value for entity in Entity))
ANY_ENTITY = f"entity_type IN ({', '.join(repr(one) for one in ENTITIES)})"
"""Says nothing, but opens the indexes that begin with the entity."""
UNSETTLED = "sync_status <> 'synced'"
"""The condition of an index, which SQLite takes only where the question repeats it."""
BY_ID = "id"
AFTER_ALL = chr(0x10FFFF) * 9


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which mappings of an integration are meant; None: any. ``where`` narrows them as a person has typed it."""

    integration: str
    entity: Entity | None = None
    status: SyncStatus | None = None
    where: Filter = ALL

    @property
    def meant(self) -> Meant:
        """The rows in the database."""
        parts = ["entity_type = :entity"] if self.entity else []
        parts += ["sync_status = :status"] if self.status else []
        hints = set().union(*(_hints(term) for term in self.where.terms))
        if self.status not in (None, SyncStatus.SYNCED):
            hints.add(UNSETTLED)
        if self.entity is not None:
            hints.discard(ANY_ENTITY)
        params: dict[str, Any] = {
            "entity": self.entity.value if self.entity else None,
            "status": self.status.value if self.status else None,
            **filtering.params(self.where),
        }
        told = [*parts, *sorted(hints), filtering.clause(self.where, filtered.MAPPINGS)]
        return Meant(
            table_of(self.integration),
            " AND ".join(told),
            params,
            by_index=bool(hints) or (not self.where and self.status is None),
            key="+id" if hints else "id",
        )

    @property
    def in_index(self) -> bool:
        """Whether the index of external ids alone tells who is meant, and so holds them in their order."""
        columns = {term.column.name if term.column else "" for term in self.where.terms}
        return self.status is None and columns <= {"entity", BY_ID}


def _hints(term: Term) -> set[str]:
    """What SQLite must read in a question to answer this term by an index; empty where none answers it."""
    name, plainly = term.column.name if term.column else "", not term.inverted
    if name in (BY_ID, "internal") and plainly and term.sign is not Sign.EMPTY:
        return {ANY_ENTITY}
    if name == "status" and term.sign is Sign.IS and plainly != (term.value == SyncStatus.SYNCED):
        return {UNSETTLED}
    if name == "missing" and (plainly if term.sign is Sign.WITHIN else term.inverted):
        return {"missing_since IS NOT NULL"}
    return set()


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a mapping stands among those of its entity; ``id`` is that of its row."""

    external_id: str
    entity: str
    id: int


@dataclass(frozen=True, slots=True)
class MappingRow:
    """A mapping with its place in the table, for listings that grow."""

    id: int
    mapping: Mapping


async def page(c: Connection, chosen: Chosen, *, after_id: int = 0, limit: int = 200) -> list[MappingRow]:
    """Mappings in the order of their table ids, from after one."""
    meant = chosen.meant
    sql = PAGE.format(table=meant.table, chosen=meant.chosen)
    rows = await c.all(sql, {**meant.params, "after_id": after_id, "limit": limit})
    return [MappingRow(row["id"], from_row(row)) for row in rows]


def orders(chosen: Chosen) -> frozenset[str]:
    """The columns by which an index holds these rows in order, however many they are."""
    return frozenset({BY_ID}) if chosen.in_index else frozenset()


def ids(db: Database, chosen: Chosen, order: Order) -> AsyncIterator[list[int]]:
    """The table ids of the mappings that are meant, by external id where an index holds them so, else as they came."""
    if order.column in ("", BY_ID) and chosen.in_index:
        return _by_external_id(db, chosen, down=order.down)
    if order.column:
        return walking.in_order(db, chosen.meant, filtered.MAPPINGS, order)
    return walking.by_id(db, chosen.meant, down=order.down)


async def _by_external_id(db: Database, chosen: Chosen, *, down: bool) -> AsyncIterator[list[int]]:
    entities = [chosen.entity.value] if chosen.entity else ENTITIES
    for entity in reversed(entities) if down else entities:
        async for found in _walk(db, chosen, entity, down=down):
            yield found


async def _walk(
    db: Database,
    chosen: Chosen,
    entity: str,
    *,
    down: bool = False,
    after: str | None = None,
    before: str = AFTER_ALL,
) -> AsyncIterator[list[int]]:
    """The ids of one entity whose external ids lie between two texts, neither of them included."""
    meant, limit = chosen.meant, walking.FIRST
    first, end = _between(chosen)
    low, high = (first if after is None else after), min(before, end)
    beyond = ">=" if after is None else ">"
    while True:
        way = DOWN if down else UP
        sql = WALK.format(table=meant.table, chosen=meant.chosen, beyond=beyond, **way)
        params = {**meant.params, "walked": entity, "low": low, "high": high, "limit": limit}
        async with db.read() as c:
            row = await c.one(sql, params)
        found: list[int] = json.loads(row[0]) if row is not None else []
        yield found
        if row is None or len(found) < limit:
            return
        low, high, beyond = (low, row[1], beyond) if down else (row[1], high, ">")
        limit = walking.CHUNK


def _between(chosen: Chosen) -> tuple[str, str]:
    """Between which texts the external ids lie by what was typed: the walk begins there and not at the first of all."""
    prefixes = [
        term.value
        for term in chosen.where.terms
        if term.column is not None
        and term.column.name == BY_ID
        and term.sign is Sign.BEGINS
        and not term.inverted
    ]
    ends = [filtering.after_all_with(one) for one in prefixes]
    return max(prefixes, default=""), min((one for one in ends if one is not None), default=AFTER_ALL)


async def from_place(db: Database, chosen: Chosen, place: Place) -> AsyncIterator[list[int]]:
    """The ids from a mapping on, where an index holds them in order; it itself comes first."""
    entities = [chosen.entity.value] if chosen.entity else ENTITIES
    yield [place.id]
    for entity in entities[entities.index(place.entity) :]:
        after = place.external_id if entity == place.entity else ""
        async for found in _walk(db, chosen, entity, after=after):
            yield found


async def before_place(db: Database, chosen: Chosen, place: Place) -> AsyncIterator[list[int]]:
    """The ids before a mapping, in their order."""
    entities = [chosen.entity.value] if chosen.entity else ENTITIES
    for entity in entities[: entities.index(place.entity) + 1]:
        before = place.external_id if entity == place.entity else AFTER_ALL
        async for found in _walk(db, chosen, entity, before=before):
            yield found


async def first_from(db: Database, chosen: Chosen, text: str) -> Place | None:
    """The first mapping whose external id is not before a text; None where all are before it.

    Of several entities: who is called so, else whose id begins so, else the nearest.
    """
    meant = chosen.meant
    sql = FIRST_FROM.format(table=meant.table, chosen=meant.chosen)
    found = []
    async with db.read() as c:
        for entity in [chosen.entity.value] if chosen.entity else ENTITIES:
            row = await c.one(sql, {**meant.params, "walked": entity, "text": text})
            found += [Place(row[1], entity, row[0])] if row is not None else []
    return min(found, default=None)

"""Plans as people read them: counts by entity and verdict, the records with old and new values, expected changes."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from siscon.domain.errors import UsageError
from siscon.domain.filters import ALL, Filter
from siscon.domain.plans import Verdict
from siscon.domain.records import FIELDS, Entity
from siscon.domain.runs import ENDED, Run, RunStatus
from siscon.ops.files import cell, whole_or_not
from siscon.ops.rows import PAGE, Row, iso
from siscon.store import filtered, plans, remaps, rollovers, run_counts, runs
from siscon.store.database import Connection, Database
from siscon.store.plans import PlannedRow

COLUMNS = tuple(filtered.PLANNED)
"""By what the records of a plan are filtered."""
FIELD_COLUMNS = ("entity", "external_id", "verdict", "field", "old", "new")
"""The columns of a plan in a spreadsheet: a row for each field that changes."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a record, before and after; texts, or lists of texts."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """One record of a plan. ``asks`` names the fields that would wait for a person."""

    entity: Entity
    external_id: str
    verdict: Verdict
    changes: tuple[FieldChange, ...]
    asks: tuple[str, ...] = ()


def _record(row: PlannedRow) -> PlanRecord:
    names = [rule.name for rule in FIELDS[row.entity]]
    if row.verdict is Verdict.CREATE:
        body = json.loads(row.body)
        changes = [FieldChange(name, None, body[name]) for name in names if body.get(name)]
        return PlanRecord(row.entity, row.external_id, row.verdict, tuple(changes))
    told = json.loads(row.changes or "{}")
    found = [FieldChange(name, told[name][0], told[name][1]) for name in names if name in told]
    return PlanRecord(row.entity, row.external_id, row.verdict, tuple(found), tuple(told.get("ask", ())))


@dataclass
class PlanList:
    """The records of a plan but the unchanged; a :class:`siscon.ops.listing.Listing`.

    A record has no number of its own, so it is numbered as it is listed.
    """

    db: Database
    run_id: int
    entity: Entity | None = None
    verdict: Verdict | None = None
    where: Filter = ALL
    _keys: list[tuple[Entity, str]] = field(default_factory=list, compare=False)

    @property
    def whole(self) -> PlanList:
        """The same without a filter."""
        return PlanList(self.db, self.run_id, self.entity, self.verdict)

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        self._keys.clear()
        for entity in (self.entity,) if self.entity else Entity:
            after = ""
            while True:
                async with self.db.read() as c:
                    found = await plans.keys(
                        c,
                        self.run_id,
                        entity,
                        verdict=self.verdict,
                        where=self.where,
                        after=after,
                        limit=5_000,
                    )
                if not found:
                    break
                first = len(self._keys)
                self._keys += [(entity, one) for one in found]
                after = found[-1]
                yield range(first, len(self._keys))

    async def rows(self, ids: Sequence[int]) -> Mapping[int, PlanRecord]:
        shown = {}
        async with self.db.read() as c:
            for number in ids:
                if number >= len(self._keys):
                    continue  # they are being numbered anew
                row = await plans.one(c, self.run_id, *self._keys[number])
                if row is not None:
                    shown[number] = _record(row)
        return shown

    async def count(self) -> int:
        if self.where:
            return sum([len(chunk) async for chunk in replace(self, _keys=[]).ids()])
        async with self.db.read() as c:
            counted = await plans.counts(c, self.run_id)
        return sum(
            n
            for entity, told in counted.items()
            for verdict, n in told.items()
            if self.entity in (None, entity)
            and (verdict is self.verdict if self.verdict else verdict is not Verdict.UNCHANGED)
        )


async def the_run(db: Database, run_id: int) -> Run:
    """The run whose plan is asked for; raises ``UsageError`` where it has none."""
    async with db.read() as c:
        run = await runs.get(c, run_id)
    if run is None:
        raise UsageError(f"There is no run {run_id}. See 'siscon plans list'.", code="no_such_run")
    if run.status in ENDED:
        raise UsageError(
            f"Run {run_id} has ended ({run.status}): its plan is no longer kept. 'siscon runs show {run_id}' tells "
            "what it did.",
            code="no_plan",
        )
    return run


async def plan_rows(db: Database, *, integration: str | None = None) -> list[Row]:
    """The plans that wait for a person, newest first."""
    async with db.read() as c:
        found = [
            run
            for status in (RunStatus.HELD, RunStatus.PLANNED)
            for run in await runs.latest(c, integration=integration, status=status)
        ]
        counted = {run.id: await plans.counts(c, run.id) for run in found}
    return [
        {
            "run_id": run.id,
            "integration": run.integration,
            "status": run.status.value,
            "queued_at": iso(run.queued_at_ms),
            "requested_by": run.requested_by,
            **_sums(counted[run.id]),
            "error_code": run.error_code,
            "error": run.error,
        }
        for run in sorted(found, key=lambda run: -run.id)
    ]


def _sums(counted: Mapping[Entity, Mapping[Verdict, int]]) -> dict[str, int]:
    return {one.value: sum(told.get(one, 0) for told in counted.values()) for one in Verdict}


async def count_rows(db: Database, run_id: int) -> list[Row]:
    """One row for each entity of a plan: how many are known, and how many have each verdict."""
    async with db.read() as c:
        run = await runs.get(c, run_id)
        told = await run_counts.of_run(c, run_id)
        counted = await plans.counts(c, run_id)
    if run is None:
        return []
    return [
        {
            "run_id": run_id,
            "integration": run.integration,
            "entity": one.entity.value,
            "known": one.known,
            **{verdict.value: counted.get(one.entity, {}).get(verdict, 0) for verdict in Verdict},
            "left_out": one.left_out,
        }
        for one in told
    ]


async def records(
    db: Database, run_id: int, *, entity: Entity | None, verdict: Verdict | None
) -> AsyncIterator[PlanRecord]:
    """The records of a plan, read page by page; without a verdict all but the unchanged."""
    for kind in (entity,) if entity else Entity:
        after = ""
        while True:
            async with db.read() as c:
                found = await plans.page(c, run_id, kind, verdict=verdict, after=after, limit=PAGE)
            for row in found:
                yield _record(row)
            if len(found) < PAGE:
                break
            after = found[-1].external_id


def as_row(one: PlanRecord) -> Row:
    """A record of a plan for programs."""
    return {
        "entity": one.entity.value,
        "external_id": one.external_id,
        "verdict": one.verdict.value,
        "changes": [{"field": told.field, "old": told.old, "new": told.new} for told in one.changes],
        "asks": list(one.asks),
    }


def field_rows(one: PlanRecord) -> list[Row]:
    """A record of a plan for people: a row for each field, one alone where no field changes."""
    head = {"entity": one.entity.value, "external_id": one.external_id, "verdict": one.verdict.value}
    told = [{**head, "field": it.field, "old": _text(it.old), "new": _text(it.new)} for it in one.changes]
    return told or [{**head, "field": None, "old": None, "new": None}]


def _text(value: Any) -> str | None:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


async def export(
    db: Database,
    run_id: int,
    path: Path,
    note: Callable[[int], Awaitable[object]],
    *,
    entity: Entity | None,
    verdict: Verdict | None,
) -> int:
    """Write the records of a plan as CSV for its owner alone, whole or not at all; how many records.

    The file has its name once ``note`` was told how many those are; what it raises is raised here.
    """
    count = 0
    with whole_or_not(path) as file:
        writer = csv.writer(file)
        writer.writerow(FIELD_COLUMNS)
        async for one in records(db, run_id, entity=entity, verdict=verdict):
            writer.writerows([cell(row[name]) for name in FIELD_COLUMNS] for row in field_rows(one))
            count += 1
        await note(count)
    return count


async def pair_counts(db: Database, run_id: int) -> dict[Entity, int]:
    """How many records of each entity came back under other ids, as far as their other fields tell."""

    async def counted(c: Connection) -> dict[Entity, int]:
        return {entity: await remaps.count(c, run_id, entity) for entity in Entity}

    async with db.read() as c:
        return {entity: n for entity, n in (await counted(c)).items() if n}


async def rollover_rows(db: Database, *, now_ms: int, integration: str | None = None) -> list[Row]:
    """The mass changes that were declared, newest first."""
    async with db.read() as c:
        found = await rollovers.latest(c, integration=integration)
    return [
        {
            "id": one.id,
            "integration": one.integration,
            "entity": one.entity.value,
            "what": one.what.value,
            "share": one.share,
            "until": iso(one.until_ms),
            "active": one.is_active(now_ms),
            "declared_by": one.declared_by,
            "declared_at": iso(one.declared_at_ms),
            "ended_at": iso(one.ended_at_ms),
            "reason": one.reason,
        }
        for one in found
    ]

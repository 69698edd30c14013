"""What the panes read of one record: its tie, its fields on both sides with the edits, and what was done to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from siscon.domain.mappings import Mapping as Tie
from siscon.domain.records import FIELDS, Entity, to_dict
from siscon.domain.runs import Run
from siscon.store import changes, edits, mappings, records, runs
from siscon.store.changes import ChangeRow
from siscon.store.database import Database


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field: what it is here, what the SIS last said of it, and whether that is an edit of ours."""

    name: str
    local: Any
    sis: Any
    edited: bool
    required: bool
    many: bool


@dataclass(frozen=True, slots=True)
class RecordView:
    """One record as an integration knows it; without fields while it could never be applied."""

    integration: str
    tie: Tie
    fields: tuple[FieldView, ...] = ()

    @property
    def edited(self) -> tuple[str, ...]:
        """The fields that differ from what the SIS says."""
        return tuple(one.name for one in self.fields if one.edited)


@dataclass(frozen=True, slots=True)
class PastChange:
    """One change of a record with the run that made it: field -> (before, after, rule)."""

    row: ChangeRow
    run: Run | None
    fields: Mapping[str, tuple[Any, Any, str | None]] = field(default_factory=dict)


async def the_record(db: Database, integration: str, entity: Entity, external_id: str) -> RecordView | None:
    """One record by an integration's name for it, or None where that names nothing."""
    async with db.read() as c:
        tie = await mappings.find(c, integration, entity, external_id)
        if tie is None:
            return None
        row = await records.show(c, integration, entity, external_id)
        if row is None:
            return RecordView(integration, tie)
        found = await edits.edited(c, integration, entity, [external_id], limit=1)
    marked = found[0].fields if found else {}
    local, base = to_dict(row.record), json.loads(tie.base)
    return RecordView(
        integration,
        tie,
        tuple(
            FieldView(
                rule.name,
                local.get(rule.name) or None,
                base.get(rule.name) or None,
                rule.name in marked,
                rule.required,
                rule.many,
            )
            for rule in FIELDS[entity]
        ),
    )


async def called(db: Database, integration: str, entity: Entity, external_id: str) -> str:
    """What people call a record; empty where an integration has no such record or it has no name."""
    async with db.read() as c:
        tie = await mappings.find(c, integration, entity, external_id)
    return tie.called if tie is not None else ""


@dataclass(frozen=True)
class HistoryList:
    """Every change of one record, newest first; a :class:`siscon.ops.listing.Listing`."""

    db: Database
    internal_id: int

    async def ids(self) -> AsyncIterator[Sequence[int]]:
        before_id = changes.NEWEST
        while True:
            async with self.db.read() as c:
                chunk = await changes.ids_of_record(c, self.internal_id, before_id=before_id)
            if chunk:
                yield chunk
            if len(chunk) < changes.CHUNK:
                return
            before_id = chunk[-1]

    async def rows(self, ids: Sequence[int]) -> Mapping[int, PastChange]:
        async with self.db.read() as c:
            found = await changes.by_ids(c, ids)
            known = {run.id: run for run in await runs.by_ids(c, {one.run_id for one in found if one.run_id})}
        return {one.id: _past(one, known.get(one.run_id or 0)) for one in found}

    async def count(self) -> int:
        async with self.db.read() as c:
            return await changes.count_of_record(c, self.internal_id)


def _past(one: ChangeRow, run: Run | None) -> PastChange:
    before, after = json.loads(one.change.before or "{}"), json.loads(one.change.after)
    rules = json.loads(one.change.rules or "{}")
    names = {**before, **after}
    return PastChange(
        one, run, {name: (before.get(name), after.get(name), rules.get(name)) for name in names}
    )

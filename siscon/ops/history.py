"""What was done to records: by which run and whom, what it was before, which rule decided; what undoing would do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from siscon.domain.records import CALLED_BY, Entity
from siscon.domain.runs import Run
from siscon.ops.rows import PAGE, Row, iso
from siscon.store import changes, finding, integrations, mappings, runs, undoing
from siscon.store.changes import ChangeRow
from siscon.store.database import Database


async def internal_id(db: Database, integration: str, entity: Entity, external_id: str) -> int | None:
    """The internal id of a record by an integration's name for it, or None."""
    async with db.read() as c:
        tie = await mappings.find(c, integration, entity, external_id)
    return tie.internal_id if tie is not None else None


async def find(db: Database, text: str) -> list[Row]:
    """Records that a text may mean, over all integrations: an external id, an internal id, the beginning of a name."""
    async with db.read() as c:
        names = [one.name for one in await integrations.all_integrations(c)]
        found = [one for name in sorted(names) for one in await finding.find(c, name, text)]
    return [
        {
            "integration": one.integration,
            "entity": one.entity.value,
            "external_id": one.external_id,
            "internal_id": one.internal_id,
            "name": " ".join(_called(one.entity, json.loads(one.base))),
        }
        for one in found
    ]


def _called(entity: Entity, fields: dict[str, Any]) -> list[str]:
    return [fields[name] for name in CALLED_BY[entity] if fields.get(name)]


async def history(db: Database, internal_id: int) -> AsyncIterator[Row]:
    """Every change of one record, oldest first."""
    after_id, known = 0, dict[int, Run | None]()
    while True:
        async with db.read() as c:
            found = await changes.of_record(c, internal_id, after_id=after_id, limit=PAGE)
            for run_id in {one.run_id for one in found if one.run_id is not None} - known.keys():
                known[run_id] = await runs.get(c, run_id)
        for one in found:
            yield _row(one, known.get(one.run_id or 0))
        if len(found) < PAGE:
            return
        after_id = found[-1].id


def _row(one: ChangeRow, run: Run | None) -> Row:
    before, after = json.loads(one.change.before or "{}"), json.loads(one.change.after)
    rules = json.loads(one.change.rules or "{}")
    fields: list[dict[str, Any]] = [
        {
            "field": name,
            "before": before.get(name),
            "after": after.get(name),
            "rule": rules.get(name),
        }
        for name in {**before, **after}
    ]
    return {
        "at": iso(one.at_ms),
        "what": "split" if after.get("split_off") else one.change.kind,
        "integration": one.integration,
        "entity": one.change.entity.value,
        "external_id": one.change.external_id,
        "internal_id": one.change.internal_id,
        "run_id": one.run_id,
        "run_kind": run.kind.value if run else None,
        "requested_by": run.requested_by if run else None,
        "reason": run.reason if run else "",
        "changes": fields,
    }


async def undo_preview(
    db: Database, run_id: int, *, entity: Entity | None = None, external_id: str | None = None
) -> tuple[Run | None, list[Row]]:
    """The run, and how many changes of each kind of it would be put back."""
    async with db.read() as c:
        run = await runs.get(c, run_id)
        found = await undoing.counts(
            c, run_id, entity=entity.value if entity else None, external_id=external_id
        )
    told = [
        {"run_id": run_id, "entity": kind.value, "what": what, "changes": count}
        for (kind, what), count in sorted(found.items())
    ]
    return run, told

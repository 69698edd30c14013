"""What people asked for, as it is listed: also what waits, what was refused, and what only a newer version knows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from siscon.domain.audited import for_audit
from siscon.domain.commands import CommandStatus, from_plain
from siscon.store.database import Connection, Row

BY_IDS = """
SELECT id, kind, body, actor, left_at_ms, status, answer, run_id, answered_at_ms FROM commands
WHERE id IN (SELECT value FROM json_each(:ids))
"""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``about`` says what it concerns as the audit says it: without values of pupils' fields."""

    id: int
    kind: str
    about: Mapping[str, Any]
    actor: str
    left_at_ms: int
    status: CommandStatus
    answer: str
    run_id: int | None
    answered_at_ms: int | None


async def by_ids(c: Connection, ids: Iterable[int]) -> list[Request]:
    """The requests of these numbers, in no particular order."""
    return [_request(row) for row in await c.all(BY_IDS, {"ids": json.dumps(list(ids))})]


def _request(row: Row) -> Request:
    return Request(
        id=row["id"],
        kind=row["kind"],
        about=_about(row["kind"], row["body"]),
        actor=row["actor"],
        left_at_ms=row["left_at_ms"],
        status=CommandStatus(row["status"]),
        answer=row["answer"],
        run_id=row["run_id"],
        answered_at_ms=row["answered_at_ms"],
    )


def _about(kind: str, body: str) -> Mapping[str, Any]:
    """Nothing of a kind that this version does not know: what of it are pupils' values, only a newer one can tell."""
    try:
        return for_audit(from_plain(kind, json.loads(body)))
    except (KeyError, TypeError):
        return {}

"""The audit: append only, each row sealed together with the seal before it.

An edit, a deletion in the middle, an insertion and a swap break the chain. Rows cut off at the end do not: only a
copy of the newest seal kept elsewhere (a head anchor) will show that.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from siscon.store.database import Connection, Row

HEAD = "SELECT seq, seal FROM audit ORDER BY seq DESC LIMIT 1"
APPEND = """
INSERT INTO audit (seq, at_ms, actor, action, target, detail, seal)
VALUES (:seq, :at_ms, :actor, :action, :target, :detail, :seal)
"""
LIST_AFTER = "SELECT * FROM audit WHERE seq > :after_seq ORDER BY seq LIMIT :limit"
CHUNK = 250

_canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act: who, what, on what. ``detail`` holds ids, counts and digests, never pupils' data."""

    seq: int
    at_ms: int
    actor: str
    action: str
    target: str
    detail: Mapping[str, Any]


async def append(
    c: Connection,
    key: bytes,
    *,
    actor: str,
    action: str,
    target: str,
    detail: Mapping[str, Any],
    at_ms: int,
) -> None:
    """Write down an act in the transaction of its effect: without the one there is not the other."""
    head = await c.one(HEAD)
    seq, before = (head["seq"] + 1, head["seal"]) if head else (1, b"")
    row = {
        "seq": seq,
        "at_ms": at_ms,
        "actor": actor,
        "action": action,
        "target": target,
        "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    }
    await c.run(APPEND, {**row, "seal": _seal(key, before, row)})


async def entries(c: Connection, *, after_seq: int = 0, limit: int = 200) -> list[AuditEntry]:
    """Acts in their order, after a number."""
    return [_entry(row) for row in await c.all(LIST_AFTER, {"after_seq": after_seq, "limit": limit})]


async def verify(c: Connection, key: bytes) -> int | None:
    """The number of the first act at which the chain is broken, or None when it is whole."""
    seq, before = 0, b""
    while rows := await c.all(LIST_AFTER, {"after_seq": seq, "limit": CHUNK}):
        for row in rows:
            if row["seq"] != seq + 1 or not hmac.compare_digest(_seal(key, before, row), row["seal"]):
                return seq + 1
            seq, before = row["seq"], row["seal"]
    return None


def _seal(key: bytes, before: bytes, row: Row | Mapping[str, Any]) -> bytes:
    told = [row[name] for name in ("seq", "at_ms", "actor", "action", "target", "detail")]
    return hmac.digest(key, before + _canonical(told).encode(), "sha256")


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        seq=row["seq"],
        at_ms=row["at_ms"],
        actor=row["actor"],
        action=row["action"],
        target=row["target"],
        detail=json.loads(row["detail"]),
    )

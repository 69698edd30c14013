"""Known records that a complete list no longer holds: planned with the rest, marked, withdrawn, back again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.store.database import Connection
from siscon.store.mappings import table_of

ABSENT = "('missing', 'withdraw')"
# Who is withdrawn already stays so, and is nobody's news. Whom another run has found since is not absent.
JUDGE = """
INSERT INTO staged (run_id, entity, external_id, part, body, fingerprint, verdict, seen_fingerprint)
SELECT :run_id, m.entity_type, m.external_id, '', m.base, '',
  CASE WHEN :withdraw AND m.missing_runs + 1 >= :after_runs AND coalesce(m.missing_since, :now_ms) <= :before_ms
    THEN 'withdraw' ELSE 'missing' END, m.fingerprint
FROM {table} m WHERE m.entity_type = :entity AND m.internal_id IS NOT NULL AND m.withdrawn_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM staged s
    WHERE s.run_id = :run_id AND s.entity = m.entity_type AND s.external_id = m.external_id AND s.part = '')
  AND NOT EXISTS (SELECT 1 FROM overtaken o
    WHERE o.run_id = :run_id AND o.entity = m.entity_type AND o.external_id = m.external_id)
"""
TO_WITHDRAW = """
SELECT s.external_id, s.body, m.internal_id FROM staged s
JOIN {table} m ON m.entity_type = s.entity AND m.external_id = s.external_id
WHERE s.run_id = :run_id AND s.entity = :entity AND s.part = '' AND s.external_id > :after AND s.verdict = 'withdraw'
ORDER BY s.external_id LIMIT :limit
"""
PLAN = """
UPDATE staged SET verdict = ?, body = ?, fingerprint = ?, seen_version = ?, changes = ?
WHERE run_id = ? AND entity = ? AND external_id = ? AND part = ''
"""
# Both lead from the plan to the mappings, so that a plan without absences costs a look and no more.
MARK = f"""
UPDATE {{table}} SET missing_since = coalesce(missing_since, :now_ms), missing_runs = missing_runs + 1,
  missing_run = coalesce(missing_run, :run_id)
WHERE (entity_type, external_id) IN (
  SELECT s.entity, s.external_id FROM staged s
  WHERE s.run_id = :run_id AND s.entity = :entity AND s.part = '' AND s.verdict IN {ABSENT})
  AND missing_runs < :enough
"""
PASS_OVER = f"""
UPDATE staged SET verdict = 'skip'
WHERE run_id = :run_id AND entity = :entity AND part = '' AND verdict IN {ABSENT}
"""
RETURN = f"""
UPDATE {{table}} SET missing_since = NULL, missing_runs = 0, withdrawn_at = NULL, missing_run = NULL
WHERE entity_type = :entity AND missing_since IS NOT NULL AND EXISTS (SELECT 1 FROM staged s
  WHERE s.run_id = :run_id AND s.entity = {{table}}.entity_type AND s.external_id = {{table}}.external_id
    AND s.part = '' AND s.verdict NOT IN {ABSENT})
  AND NOT EXISTS (SELECT 1 FROM overtaken o
  WHERE o.run_id = :run_id AND o.entity = {{table}}.entity_type AND o.external_id = {{table}}.external_id)
"""
WITHDRAW = """
UPDATE {table} SET withdrawn_at = ?, sync_status = 'synced', error_message = '', last_synced_at = ?, fingerprint = ?,
  base = ? WHERE entity_type = ? AND external_id = ?
"""
COUNT_NEW = """
SELECT count(*) AS n FROM staged s JOIN {table} m ON m.entity_type = s.entity AND m.external_id = s.external_id
WHERE s.run_id = :run_id AND s.entity = :entity AND s.part = '' AND s.verdict IN ('missing', 'withdraw')
  AND m.missing_since IS NULL
"""


@dataclass(frozen=True, slots=True)
class Absent:
    """A record that is to be withdrawn; ``base`` is the body last agreed on."""

    external_id: str
    base: str
    internal_id: int


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a plan would write of one absent record. ``keeps`` says that there is nothing to withdraw: it is marked."""

    external_id: str
    body: str
    fingerprint: str
    seen_version: int
    changes: str | None
    keeps: bool = False


async def judge(
    c: Connection,
    integration: str,
    run_id: int,
    entity: Entity,
    *,
    withdraw: bool,
    after_runs: int,
    before_ms: int,
    now_ms: int,
) -> None:
    """Put into a plan whom its complete list lacked: ``missing``, or ``withdraw`` once that has lasted long enough.

    Done again, it changes nothing.
    """
    params = {
        "run_id": run_id,
        "entity": entity.value,
        "withdraw": int(withdraw),
        "after_runs": after_runs,
        "before_ms": before_ms,
        "now_ms": now_ms,
    }
    await c.run(JUDGE.format(table=table_of(integration)), params)


async def to_withdraw(
    c: Connection, integration: str, run_id: int, entity: Entity, *, after: str, limit: int
) -> list[Absent]:
    """The next records that a plan would withdraw, in the order of their external ids."""
    params = {"run_id": run_id, "entity": entity.value, "after": after, "limit": limit}
    rows = await c.all(TO_WITHDRAW.format(table=table_of(integration)), params)
    return [Absent(row[0], row[1], row[2]) for row in rows]


async def plan(c: Connection, run_id: int, entity: Entity, found: Iterable[Withdrawal]) -> None:
    """Write down what withdrawing means for each record."""
    rows = [
        (
            "missing" if one.keeps else "withdraw",
            one.body,
            one.fingerprint,
            one.seen_version,
            one.changes,
            run_id,
            entity.value,
            one.external_id,
        )
        for one in found
    ]
    if rows:
        await c.many(PLAN, rows)


async def count_new(c: Connection, integration: str, run_id: int, entity: Entity) -> int:
    """How many absent records of a plan were not missing before."""
    row = await c.one(
        COUNT_NEW.format(table=table_of(integration)), {"run_id": run_id, "entity": entity.value}
    )
    return int(row["n"]) if row is not None else 0


async def mark(
    c: Connection, integration: str, run_id: int, entity: Entity, *, enough: int, now_ms: int
) -> None:
    """Mark whom the plan of a run calls absent; ``enough`` runs are counted and no more."""
    params = {"run_id": run_id, "entity": entity.value, "now_ms": now_ms, "enough": enough}
    await c.run(MARK.format(table=table_of(integration)), params)


async def pass_over(c: Connection, run_id: int, entity: Entity) -> int:
    """Leave the absent alone, because another run has fetched since: who was away may be back; how many they were."""
    return await c.run(PASS_OVER, {"run_id": run_id, "entity": entity.value})


async def unmark(c: Connection, integration: str, run_id: int, entity: Entity) -> None:
    """Who came back is missing no more."""
    await c.run(RETURN.format(table=table_of(integration)), {"run_id": run_id, "entity": entity.value})


async def withdraw(
    c: Connection, integration: str, entity: Entity, found: Iterable[tuple[str, str, str]], *, now_ms: int
) -> None:
    """Tie withdrawn records, as (external id, fingerprint, body), to what was agreed by their absence."""
    rows = [(now_ms, now_ms, mark, body, entity.value, external_id) for external_id, mark, body in found]
    if rows:
        await c.many(WITHDRAW.format(table=table_of(integration)), rows)

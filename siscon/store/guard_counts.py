"""What the guard counts: whom a plan would take away, with those of the last days that nobody approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.store.database import Connection, Row
from siscon.store.mappings import table_of
from siscon.store.records import TABLES

# What a declared mass change let through, once it has ended, is nobody's fear any more.
DECLARED = """EXISTS (SELECT 1 FROM rollovers o
  WHERE o.integration = :integration AND o.entity = :entity AND o.what = '{what}'
    AND {moment} BETWEEN o.declared_at_ms AND min(coalesce(o.ended_at_ms, o.until_ms), o.until_ms)
    AND min(coalesce(o.ended_at_ms, o.until_ms), o.until_ms) <= :now_ms)"""
UNAPPROVED = """
SELECT r.id, k.created, k.updated, k.withdrawn, k.completed FROM runs r
JOIN run_counts k ON k.run_id = r.id AND k.entity = :entity AND k.known > 0
WHERE r.integration = :integration AND r.kind = 'import' AND r.approved_by IS NULL AND r.id <> :run_id
  AND coalesce(r.finished_at_ms, r.started_at_ms) >= :since_ms AND NOT {declared}
"""
DEACTIVATED = """s.verdict IN ('update', 'conflict') AND s.changes ->> '$.status[0]' = 'active'
  AND s.changes ->> '$.status[1]' = 'inactive'"""
# Own ones first: new absences, withdrawals of what nobody approved as missing, and what the SIS calls inactive.
GONE = """
WITH unapproved AS ({unapproved}),
gone AS MATERIALIZED (SELECT internal_id, max(own) AS own FROM (
  SELECT m.internal_id, 1 AS own FROM staged s
  JOIN {mappings} m ON m.entity_type = s.entity AND m.external_id = s.external_id
  LEFT JOIN runs r ON r.id = m.missing_run
  WHERE s.run_id = :run_id AND s.entity = :entity AND s.part = '' AND (
    s.verdict IN ('missing', 'withdraw') AND m.missing_since IS NULL
    OR s.verdict = 'withdraw' AND m.missing_since IS NOT NULL AND r.approved_by IS NULL AND NOT {declared_missing}
    OR {deactivated})
  UNION ALL
  SELECT m.internal_id, 0 FROM {mappings} m LEFT JOIN runs r ON r.id = m.missing_run
  WHERE m.entity_type = :entity AND m.missing_since >= :since_ms AND m.withdrawn_at IS NULL
    AND m.internal_id IS NOT NULL AND r.approved_by IS NULL AND NOT {declared_missing}
    AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.run_id = :run_id AND s.entity = :entity
      AND s.external_id = m.external_id AND s.part = '' AND s.verdict NOT IN ('missing', 'withdraw'))
  UNION ALL
  SELECT h.internal_id, 0 FROM unapproved u JOIN changes h ON h.run_id = u.id
  JOIN {mappings} m ON m.entity_type = :entity AND m.internal_id = h.internal_id
  LEFT JOIN runs r ON r.id = m.missing_run
  JOIN {table} t ON t.id = h.internal_id AND t.status <> 'active'
  WHERE u.withdrawn > 0 AND h.entity = :entity AND h.kind = 'withdrawn' AND h.at_ms >= :since_ms
    AND r.approved_by IS NULL
) GROUP BY internal_id)
"""
COUNT_GONE = "SELECT count(*) AS week, coalesce(sum(own), 0) AS own FROM gone"
OF_SCHOOLS = """
SELECT p.school, count(*) AS n FROM gone g JOIN ({places}) p ON p.id = g.internal_id
WHERE p.school IS NOT NULL GROUP BY p.school HAVING n > :at_least AND sum(g.own) > 0
"""
OF_SCHOOL = """
SELECT count(*) AS n FROM ({places}) p JOIN {mappings} m ON m.entity_type = :entity AND m.internal_id = p.id
WHERE p.school = :school
"""
SCHOOL = """
SELECT s.name, m.external_id FROM schools s
LEFT JOIN {mappings} m ON m.entity_type = 'school' AND m.internal_id = s.id WHERE s.id = :school
"""
PLACES: Mapping[Entity, str] = {
    **{
        entity: f"SELECT id, school FROM {TABLES[entity]}"
        for entity in (Entity.TERM, Entity.STUDENT, Entity.COURSE, Entity.SECTION)
    },
    Entity.STAFF: "SELECT owner AS id, target AS school FROM staff_schools",
    Entity.ENROLLMENT: "SELECT e.id, x.school FROM enrollments e JOIN sections x ON x.id = e.section",
}
# Those stay in a section who are active, not feared gone, and not known as missing from before.
EMPTIED = """
SELECT sm.external_id, t.n FROM (
  SELECT e.section, count(*) AS n FROM gone g JOIN enrollments e ON e.id = g.internal_id AND e.status = 'active'
  GROUP BY e.section HAVING n >= :size AND sum(g.own) > 0) t
JOIN sections x ON x.id = t.section AND x.status = 'active'
JOIN {mappings} sm ON sm.entity_type = 'section' AND sm.internal_id = t.section
WHERE NOT EXISTS (SELECT 1 FROM enrollments e
    LEFT JOIN {mappings} m ON m.entity_type = 'enrollment' AND m.internal_id = e.id
    LEFT JOIN staged s ON s.run_id = :run_id AND s.entity = 'enrollment' AND s.external_id = m.external_id
      AND s.part = ''
    WHERE e.section = t.section AND e.status = 'active' AND e.id NOT IN (SELECT internal_id FROM gone)
      AND (m.missing_since IS NULL OR s.verdict NOT IN ('missing', 'withdraw')))
  AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.run_id = :run_id AND s.entity = 'section'
    AND s.external_id = sm.external_id AND s.part = '' AND (s.verdict IN ('missing', 'withdraw') OR {deactivated}))
  AND sm.external_id NOT IN (SELECT s.body ->> 'section' FROM staged s
    WHERE s.run_id = :run_id AND s.entity = 'enrollment' AND s.part = '' AND s.verdict = 'create'
      AND s.body ->> 'section' IS NOT NULL)
ORDER BY t.n DESC LIMIT 20
"""
SUMS = """
WITH unapproved AS ({unapproved}) SELECT coalesce(sum(created), 0) AS created, coalesce(sum(updated - completed), 0)
  AS updated, coalesce(sum(CASE WHEN completed > 0 THEN updated - completed END), 0) AS mixed FROM unapproved
"""
UPDATED = """
WITH unapproved AS ({unapproved}) SELECT count(*) AS n FROM (
  SELECT m.internal_id FROM staged s JOIN {mappings} m ON m.entity_type = s.entity AND m.external_id = s.external_id
  WHERE s.run_id = :run_id AND s.entity = :entity AND s.part = '' AND s.verdict = 'update' AND s.seen_fingerprint <> ''
  UNION
  SELECT h.internal_id FROM unapproved u JOIN changes h ON h.run_id = u.id
  WHERE u.updated > 0 AND u.completed = 0 AND h.entity = :entity AND h.kind = 'updated')
"""
LONG_GONE = """
SELECT count(*) AS n FROM {mappings}
WHERE entity_type = :entity AND missing_since IS NOT NULL AND withdrawn_at < :since_ms
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which plan is looked at, and from when on earlier runs count."""

    integration: str
    run_id: int
    entity: Entity
    since_ms: int
    now_ms: int

    def params(self, **more: object) -> dict[str, object]:
        """The parameters of every statement here."""
        return {
            "integration": self.integration,
            "run_id": self.run_id,
            "entity": self.entity.value,
            "since_ms": self.since_ms,
            "now_ms": self.now_ms,
            **more,
        }

    def sql(self, template: str, *, what: str) -> str:
        """A statement about one kind of change."""
        moment = "coalesce(r.finished_at_ms, r.started_at_ms)"
        return template.format(
            unapproved=UNAPPROVED.format(declared=DECLARED.format(what=what, moment=moment)),
            declared_missing=DECLARED.format(what="missing", moment="m.missing_since"),
            deactivated=DEACTIVATED,
            mappings=table_of(self.integration),
            table=TABLES[self.entity],
            places=PLACES.get(self.entity, ""),
        )


@dataclass(frozen=True, slots=True)
class SchoolLoss:
    """So many of a school's known records are gone."""

    name: str
    external_id: str
    count: int
    known: int


async def long_gone(c: Connection, scope: Scope) -> int:
    """How many mapped records had been withdrawn before the days that count."""
    return _n(await c.one(scope.sql(LONG_GONE, what="missing"), scope.params()))


async def gone(c: Connection, scope: Scope) -> tuple[int, int]:
    """How many records this plan would take away, and how many with those that earlier runs did; each once."""
    row = await c.one(scope.sql(GONE + COUNT_GONE, what="missing"), scope.params())
    return (int(row["own"]), int(row["week"])) if row is not None else (0, 0)


async def of_schools(c: Connection, scope: Scope, *, at_least: int) -> list[SchoolLoss]:
    """The schools that lose more than ``at_least`` records, some of them by this plan."""
    if scope.entity not in PLACES:
        return []
    rows = await c.all(scope.sql(GONE + OF_SCHOOLS, what="missing"), scope.params(at_least=at_least))
    found = []
    for row in rows:
        params = scope.params(school=row["school"])
        known = _n(await c.one(scope.sql(OF_SCHOOL, what="missing"), params))
        school = await c.one(scope.sql(SCHOOL, what="missing"), params)
        name, external_id = (school["name"], school["external_id"] or "") if school is not None else ("", "")
        found.append(SchoolLoss(name, external_id, row["n"], known))
    return found


async def emptied(c: Connection, scope: Scope, *, size: int) -> list[tuple[str, int]]:
    """The sections (external id, how many) that would lose all of at least ``size`` enrollments; 20 at most."""
    rows = await c.all(scope.sql(GONE + EMPTIED, what="missing"), scope.params(size=size))
    return [(row["external_id"], row["n"]) for row in rows]


async def created_before(c: Connection, scope: Scope) -> int:
    """How many records earlier runs created."""
    row = await c.one(scope.sql(SUMS, what="created"), scope.params())
    return int(row["created"]) if row is not None else 0


async def updated(c: Connection, scope: Scope, *, own: int, enough: float) -> int:
    """How many records are updated by this plan or were by earlier runs, each once.

    ``enough`` saves work: where even the plain sum does not pass it, that sum is the answer.
    """
    row = await c.one(scope.sql(SUMS, what="updated"), scope.params())
    if row is None or own + row["updated"] <= enough:
        return own + int(row["updated"] if row is not None else 0)
    return _n(await c.one(scope.sql(UPDATED, what="updated"), scope.params())) + int(row["mixed"])


def _n(row: Row | None) -> int:
    return int(row["n"]) if row is not None else 0

"""What a run came to, read from its images: who moved, whose status changed, who was named, what failed."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.records import Entity
from siscon.store.database import Connection
from siscon.store.mappings import table_of

SCHOOLS = """
SELECT external_id, before ->> 'school' AS here, after ->> 'school' AS there FROM changes
WHERE run_id = :run_id AND entity = 'student' AND before ->> 'school' <> after ->> 'school' ORDER BY id
"""
STATUSES = """
SELECT entity, before ->> 'status' AS here, after ->> 'status' AS there, count(*) AS n FROM changes
WHERE run_id = :run_id AND before ->> 'status' <> after ->> 'status' GROUP BY 1, 2, 3
"""
TEACHERS = """
SELECT count(DISTINCT internal_id) AS n FROM changes
WHERE run_id = :run_id AND entity = 'section' AND before IS NOT NULL
  AND coalesce(before -> 'instructors', '[]') <> coalesce(after -> 'instructors', '[]')
"""
NAMED = """
SELECT c.entity, count(DISTINCT c.internal_id) AS n FROM changes c JOIN accounts a ON a.internal_id = c.internal_id
WHERE c.run_id = :run_id AND c.kind IN ('created', 'edited') AND a.name IN (c.after ->> 'username', c.after ->> 'email')
GROUP BY c.entity
"""
# Who left a section and joined another of its course: by an enrollment that ended, or that this run was the first to
# miss, and another that began; or by one that leads elsewhere now.
LEFT = """
SELECT e.student, e.section, s.course FROM changes c
JOIN enrollments e ON e.id = c.internal_id JOIN sections s ON s.id = e.section
WHERE c.run_id = :run_id AND c.entity = 'enrollment' AND c.after ->> 'status' = 'inactive'
  AND c.before ->> 'status' <> 'inactive'
UNION
SELECT e.student, e.section, s.course FROM {mappings} m
JOIN enrollments e ON e.id = m.internal_id JOIN sections s ON s.id = e.section
WHERE m.entity_type = 'enrollment' AND m.missing_since IS NOT NULL AND m.missing_run = :run_id
"""
JOINED = """
SELECT e.student, e.section, s.course FROM changes c
JOIN enrollments e ON e.id = c.internal_id JOIN sections s ON s.id = e.section
WHERE c.run_id = :run_id AND c.entity = 'enrollment' AND c.after ->> 'status' IN ('active', 'future')
  AND coalesce(c.before ->> 'status', 'inactive') = 'inactive'
"""
LED_ELSEWHERE = """
SELECT e.student, o.id AS section, e.section AS there FROM changes c
JOIN enrollments e ON e.id = c.internal_id JOIN sections s ON s.id = e.section
JOIN {mappings} m ON m.entity_type = 'section' AND m.external_id = c.before ->> 'section'
JOIN sections o ON o.id = m.internal_id AND o.course = s.course
WHERE c.run_id = :run_id AND c.entity = 'enrollment' AND c.before ->> 'section' <> c.after ->> 'section'
"""
SECTIONS = f"""
WITH gone AS ({LEFT}), come AS ({JOINED})
SELECT st.external_id, x.external_id AS here, y.external_id AS there FROM (
  SELECT g.student, g.section, c.section AS there FROM gone g CROSS JOIN come c
    ON c.student = g.student AND c.course = g.course AND c.section <> g.section
  UNION {LED_ELSEWHERE}
) t
JOIN {{mappings}} st ON st.entity_type = 'student' AND st.internal_id = t.student
JOIN {{mappings}} x ON x.entity_type = 'section' AND x.internal_id = t.section
JOIN {{mappings}} y ON y.entity_type = 'section' AND y.internal_id = t.there
ORDER BY 1, 2, 3
"""
CAUSES = """
SELECT entity, code, coalesce(field, '') AS field, min(reason) AS reason, count(*) AS n FROM dead_records
WHERE integration = :integration AND run_id = :run_id GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3 LIMIT 50
"""
EXAMPLES = """
SELECT entity, code, field, name FROM (
  SELECT id, entity, code, coalesce(field, '') AS field, coalesce(external_id, record_key) AS name,
    row_number() OVER (PARTITION BY entity, code, coalesce(field, '') ORDER BY id) AS place
  FROM dead_records WHERE integration = :integration AND run_id = :run_id)
WHERE place <= 3 ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Move:
    """A student, and the schools or sections between which it moved, by the integration's ids."""

    student: str
    from_id: str
    to_id: str


@dataclass(frozen=True, slots=True)
class StatusChange:
    """How many records of a kind went from one status to another."""

    entity: Entity
    before: str
    after: str
    count: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Records of a run that could not be applied for one reason, with up to three of them."""

    entity: Entity
    code: str
    field: str
    reason: str
    count: int
    examples: list[str]


@dataclass(frozen=True, slots=True)
class Told:
    """What the images of a run tell."""

    schools: list[Move]
    sections: list[Move]
    statuses: list[StatusChange]
    named: dict[Entity, int]
    teachers: int
    causes: list[Cause]


async def tell(c: Connection, integration: str, run_id: int) -> Told:
    """Everything that the images and the dead records of a run tell; of a run that lasts, so far."""
    params = {"run_id": run_id}
    mappings = table_of(integration)
    schools = await c.all(SCHOOLS, params)
    sections = await c.all(SECTIONS.format(mappings=mappings), params)
    statuses = await c.all(STATUSES, params)
    teachers = await c.one(TEACHERS, params)
    return Told(
        schools=[Move(row[0], row[1], row[2]) for row in schools],
        sections=[Move(row[0], row[1], row[2]) for row in sections],
        statuses=[StatusChange(Entity(row[0]), row[1], row[2], row[3]) for row in statuses],
        named={Entity(row[0]): row[1] for row in await c.all(NAMED, params)},
        teachers=int(teachers[0]) if teachers is not None else 0,
        causes=await _causes(c, integration, run_id),
    )


async def _causes(c: Connection, integration: str, run_id: int) -> list[Cause]:
    params = {"integration": integration, "run_id": run_id}
    examples: dict[tuple[str, str, str], list[str]] = {}
    for row in await c.all(EXAMPLES, params):
        examples.setdefault((row["entity"], row["code"], row["field"]), []).append(row["name"])
    return [
        Cause(
            Entity(row["entity"]),
            row["code"],
            row["field"],
            row["reason"],
            row["n"],
            examples[row["entity"], row["code"], row["field"]],
        )
        for row in await c.all(CAUSES, params)
    ]

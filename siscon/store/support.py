"""What a bundle for support asks of the database: which of some words are people's names; a sample of each cause."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from siscon.store.database import Connection

NAMES = """
SELECT DISTINCT lower(w.value) AS name FROM json_each(:words) w WHERE EXISTS (
  SELECT 1 FROM people p WHERE p.name = w.value COLLATE NOCASE)
"""
PEOPLE = """
WITH people AS MATERIALIZED (
  SELECT DISTINCT lower(name) AS name FROM (
    SELECT first_name AS name FROM students UNION SELECT middle_name FROM students UNION SELECT last_name FROM students
    UNION SELECT first_name FROM staff UNION SELECT last_name FROM staff) WHERE name IS NOT NULL)
"""
SAMPLES = """
SELECT coalesce(external_id, record_key) AS name FROM dead_records
WHERE status = 'open' AND integration = :integration AND entity = :entity AND code = :code
  AND coalesce(field, '') = :field ORDER BY id LIMIT 3
"""


def sqlite_version() -> str:
    """The version of SQLite that this Python brings."""
    return sqlite3.sqlite_version


async def names_among(c: Connection, words: Collection[str]) -> set[str]:
    """Which of some words are the name of a student or of staff, in small letters; reads all people."""
    rows = await c.all(PEOPLE + NAMES, {"words": json.dumps(sorted(words))})
    return {row["name"] for row in rows}


async def samples(c: Connection, integration: str, entity: str, code: str, field: str) -> list[str]:
    """Ids of the first records in error of a cause; whoever shows them masks them."""
    told = {"integration": integration, "entity": entity, "code": code, "field": field}
    return [row["name"] for row in await c.all(SAMPLES, told)]

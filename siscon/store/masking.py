"""A database as a viewer sees it: every query, whoever makes it, meets views that stand before the tables.

The views are temporary, so they live in the connection alone; the file stays as it is, and is not changed through them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from siscon.domain.privacy import STRUCK
from siscon.domain.records import FIELDS
from siscon.domain.veiling import KEPT_BACK, masked, masked_within
from siscon.store.records import TABLES

OF_RECORDS = {
    table: tuple(rule.name for rule in FIELDS[entity] if rule.privacy in KEPT_BACK and not rule.many)
    for entity, table in TABLES.items()
}
"""Of each table of the roster the columns that are masked."""
IN_JSON = {
    "staged": ("body", "changes"),
    "changes": ("before", "after", "base"),
    "conflicts": ("base", "sis", "local", "decision"),
    "commands": ("body",),
}
MAPPINGS = ("base",)
GIVEN = "accounts"
MAPPING_TABLES = """
SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name LIKE '%!_mappings' ESCAPE '!'
  AND name NOT IN (SELECT name FROM temp.sqlite_schema)
"""
COLUMNS = "SELECT name FROM pragma_table_info(:table, 'main')"
VERSION = "PRAGMA main.schema_version"


def watcher() -> Callable[[sqlite3.Connection], None]:
    """What keeps the views of one connection complete: to be called before each reading, outside a transaction."""
    seen: list[int] = []

    def keep(connection: sqlite3.Connection) -> None:
        version = connection.execute(VERSION).fetchone()[0]
        if seen == [version]:
            return
        if not seen:
            _begin(connection)
        connection.execute("PRAGMA query_only = OFF")
        try:
            for (table,) in connection.execute(MAPPING_TABLES).fetchall():
                _stand_before(connection, table, MAPPINGS, "masked_within")
        finally:
            connection.execute("PRAGMA query_only = ON")
        seen[:] = [version]

    return keep


def _begin(connection: sqlite3.Connection) -> None:
    connection.create_function("masked", 2, masked, deterministic=True)
    connection.create_function("masked_within", 1, _within, deterministic=True)
    connection.execute("PRAGMA query_only = OFF")
    for table, columns in OF_RECORDS.items():
        _stand_before(connection, table, columns, "masked")
    for table, columns in IN_JSON.items():
        _stand_before(connection, table, columns, "masked_within")
    _stand_before(connection, GIVEN, ("name",), "struck")


def _stand_before(connection: sqlite3.Connection, table: str, hidden: tuple[str, ...], how: str) -> None:
    forms = {
        "masked": "masked('{0}', {0}) AS {0}",
        "masked_within": "masked_within({0}) AS {0}",
        "struck": f"'{STRUCK}' AS {{0}}",
    }
    names = [row[0] for row in connection.execute(COLUMNS, {"table": table})]
    told = ", ".join(forms[how].format(one) if one in hidden else one for one in names)
    connection.execute(f"CREATE TEMP VIEW {table} AS SELECT {told} FROM main.{table}")


def _within(text: str | None) -> str | None:
    if not text:
        return text
    try:
        return json.dumps(masked_within(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return STRUCK

"""All that is sealed in the database: counted by key, examined, and sealed anew with the first key.

A new sealed column is entered in ``SEALED``; a test compares that list with the schema.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from siscon.domain.errors import ConfigError, DatabaseError
from siscon.domain.records import Entity
from siscon.store import audit, dead_records, mends
from siscon.store.database import Connection, Database, Row
from siscon.store.vault import VERSION, Vault

BATCH = 200
ANY_SEALED = """
SELECT (EXISTS (SELECT 1 FROM tokens WHERE access IS NOT NULL OR refresh IS NOT NULL))
  OR (EXISTS (SELECT 1 FROM dead_records WHERE raw IS NOT NULL OR mended IS NOT NULL))
  OR (EXISTS (SELECT 1 FROM secrets)) OR (EXISTS (SELECT 1 FROM audit)) AS sealed
"""
COUNT = """
SELECT hex(substr({field}, 2, 8)) AS key_id, count(*) AS n FROM {table} WHERE {field} IS NOT NULL GROUP BY 1
"""
AFTER = """
SELECT {columns}, {row} AS row, {field} AS sealed FROM {table}
WHERE {field} IS NOT NULL AND {row} > :after AND substr({field}, 1, 9) <> :head ORDER BY {row} LIMIT :limit
"""
WRITE = "UPDATE {table} SET {field} = :sealed{also} WHERE {row} = :row"
FIRST_USED = """
SELECT access AS sealed FROM tokens WHERE access IS NOT NULL
UNION ALL SELECT refresh FROM tokens WHERE refresh IS NOT NULL
UNION ALL SELECT sealed FROM secrets
UNION ALL SELECT raw FROM (SELECT raw FROM dead_records WHERE raw IS NOT NULL LIMIT 1)
"""
RETIRE = """
INSERT INTO retired_keys (id, retired_at_ms) VALUES (:id, :now_ms) ON CONFLICT (id) DO NOTHING
"""
IS_RETIRED = "SELECT 1 FROM retired_keys WHERE id = :id"


@dataclass(frozen=True, slots=True)
class Column:
    """A sealed column: how its rows are named, and the place that each is sealed to."""

    table: str
    field: str
    row: str
    columns: str
    place: Callable[[Row], str]
    first: str | int = ""
    also: str = ""

    def sql(self, pattern: str) -> str:
        return pattern.format(
            table=self.table, field=self.field, row=self.row, columns=self.columns, also=self.also
        )


def _token(field: str) -> Column:
    return Column(
        "tokens",
        field,
        "integration",
        "integration",
        lambda row: f"tokens|{row['integration']}|{field}",
        also=", key_id = :key_id",
    )


SEALED = (
    Column("secrets", "sealed", "name", "name", lambda row: audit.place_of(row["name"])),
    _token("access"),
    _token("refresh"),
    Column(
        "dead_records",
        "raw",
        "id",
        "integration, entity, record_key",
        lambda row: dead_records.place_of(row["integration"], Entity(row["entity"]), row["record_key"]),
        first=0,
    ),
    Column(
        "dead_records",
        "mended",
        "id",
        "integration, entity, record_key",
        lambda row: mends.place_of(row["integration"], Entity(row["entity"]), row["record_key"]),
        first=0,
    ),
)


async def any_sealed(c: Connection) -> bool:
    """Whether the database holds anything that only its key can open or prove."""
    row = await c.one(ANY_SEALED)
    return bool(row and row["sealed"])


async def check_fits(c: Connection, vault: Vault) -> None:
    """Refuse keys that are not those of this database, before anything is written with them."""
    if await c.one(IS_RETIRED, {"id": bytes.fromhex(vault.key_id)}):
        raise ConfigError(
            f"The first key, {vault.key_id}, was taken out of use and must not seal again. Put the newest key first.",
            code="key_retired",
        )
    for row in await c.all(FIRST_USED):
        if not vault.knows(row["sealed"][1:9]):
            raise ConfigError(
                f"The database holds secrets sealed with key {row['sealed'][1:9].hex()}, but only other keys are here "
                f"(the first is {vault.key_id}). Put that key back; 'siscon keys check' says where keys are looked "
                "for. Nothing was changed.",
                code="key_missing",
            )
    await audit.check_key(c, vault)


async def counts(c: Connection) -> dict[str, Counter[str]]:
    """For each key id, how many values of each table it protects."""
    found: dict[str, Counter[str]] = {}
    for column in SEALED:
        for row in await c.all(column.sql(COUNT)):
            found.setdefault(row["key_id"].lower(), Counter())[column.table] += row["n"]
    return found


async def unreadable(db: Database, vault: Vault) -> Counter[str]:
    """How many values of each table cannot be opened; every one is tried."""
    found: Counter[str] = Counter()
    for column in SEALED:
        after = column.first
        while True:
            async with db.read() as c:
                rows = await _after(c, column, after, head=b"")
            found[column.table] += sum(_opened(vault, column, row) is None for row in rows)
            if len(rows) < BATCH:
                break
            after = rows[-1]["row"]
    return found


async def reseal(
    db: Database, vault: Vault, *, on_step: Callable[[str], None] = lambda _name: None
) -> AsyncIterator[int]:
    """Seal anew with the first key whatever another one sealed; how many values each committed batch held.

    May be stopped anywhere and begun again. What cannot be opened stays as it is.
    """
    for column in SEALED:
        after: str | int | None = column.first
        while after is not None:
            async with db.transaction() as c:
                done, after = await _reseal_batch(c, vault, column, after)
                on_step("batch sealed")
            on_step("batch committed")
            if done:
                yield done


async def _reseal_batch(
    c: Connection, vault: Vault, column: Column, after: str | int
) -> tuple[int, str | int | None]:
    rows = await _after(c, column, after, head=VERSION + bytes.fromhex(vault.key_id))
    written = []
    for row in rows:
        opened = _opened(vault, column, row)
        if opened is not None:
            sealed = vault.seal(opened, place=column.place(row))
            written.append({"row": row["row"], "sealed": sealed, "key_id": vault.key_id})
    await c.many(column.sql(WRITE), written)
    return len(written), rows[-1]["row"] if len(rows) == BATCH else None


async def _after(c: Connection, column: Column, after: str | int, *, head: bytes) -> list[Row]:
    return await c.all(column.sql(AFTER), {"after": after, "head": head, "limit": BATCH})


def _opened(vault: Vault, column: Column, row: Row) -> str | None:
    try:
        return vault.open(row["sealed"], place=column.place(row))
    except (ConfigError, DatabaseError):
        return None


async def retire(c: Connection, key_id: str, *, now_ms: int) -> None:
    """Let nobody seal with a key any more, whatever they had ready; the database refuses it from now on."""
    await c.run(RETIRE, {"id": bytes.fromhex(key_id), "now_ms": now_ms})

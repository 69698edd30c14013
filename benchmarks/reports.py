"""How long reports and a scrape take over a database that has run for years. Nothing of it is a test.

python benchmarks/reports.py [RUNS] [MAPPINGS]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from siscon.domain.periods import Wished
from siscon.ops import metrics
from siscon.ops.reports.asked import FORMS, Asked, make
from siscon.store import integrations
from siscon.store.sqlite import SqliteDatabase, open_database

NOW_MS = 1_795_226_400_000
QUARTER_MS = 15 * 60_000
ENTITIES = ("school", "staff", "student", "course", "section", "enrollment")
NAMES = tuple(f"district_{n}" for n in range(10))
ZONE = ZoneInfo("Europe/Oslo")


async def fill(db: SqliteDatabase, runs: int, mappings: int) -> None:
    """Ten integrations that synced every quarter of an hour, and so many mappings of the first."""
    async with db.transaction() as c:
        for name in NAMES:
            await integrations.activate(
                c,
                name=name,
                provider="powerschool",
                title="P",
                schedule="*/15 * * * *",
                requests_per_minute=60,
                now_ms=1,
            )
        ends = ("completed", "completed", "completed", "completed with errors", "failed")
        rows = [
            (n, NAMES[n % 10], ends[n % 5], NOW_MS - (runs - n) // 10 * QUARTER_MS - 300_000)
            for n in range(1, runs + 1)
        ]
        await c.many(
            "INSERT INTO runs (id, integration, kind, lane, status, entities, requested_by, queued_at_ms,"
            " started_at_ms, finished_at_ms, requests) VALUES (?, ?, 'import', 'bulk', ?, '[]', 'clock', ?, ?, ?, 700)",
            [(n, name, end, at, at, at + 60_000) for n, name, end, at in rows],
        )
        await c.many(
            "INSERT INTO run_counts (run_id, entity, position, fetched, created, done) VALUES (?, ?, ?, 9000, 3, 1)",
            [(n, entity, at) for n, *_ in rows for at, entity in enumerate(ENTITIES)],
        )
        await c.many(
            f"INSERT INTO {NAMES[0]}_mappings (entity_type, external_id, internal_id, sync_status, last_synced_at,"
            " fingerprint, base) VALUES ('student', ?, ?, 'synced', 1, '', '{}')",
            ((f"S-{n}", n) for n in range(mappings)),
        )


async def main(runs: int, mappings: int) -> None:
    """Fill, then time each."""
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(Path(folder) / "siscon.db", synchronous="normal")
        await fill(db, runs, mappings)
        print(
            f"{runs:,} runs, {runs * len(ENTITIES):,} counts, {mappings:,} mappings,",
            f"{db.path.stat().st_size / 1e6:,.0f} MB",
        )
        for turn in range(3):
            begun = time.perf_counter()
            await metrics.read(db, db.path, now_ms=NOW_MS)
            print(f"scrape {turn + 1}: {(time.perf_counter() - begun) * 1000:,.0f} ms")
        for asked in (
            Asked("morning"),
            Asked("success", Wished(last="7d")),
            Asked("success", Wished(last="365d")),
            Asked("history", Wished(last="365d")),
            Asked("trend", Wished(last="14d"), integration=NAMES[0]),
            Asked("trend", Wished(last="365d"), integration=NAMES[0]),
        ):
            begun = time.perf_counter()
            report = await make(db, asked, now_ms=NOW_MS, zone=ZONE)
            read_s = time.perf_counter() - begun
            size = len(FORMS["html"](report))
            print(
                f"{asked.name} {asked.wished.last or 'as it is'}: {read_s * 1000:,.0f} ms, {size:,} bytes of HTML"
            )
        await db.close()


if __name__ == "__main__":
    told = [int(one) for one in sys.argv[1:]]
    asyncio.run(main(told[0] if told else 350_000, told[1] if len(told) > 1 else 1_000_000))

"""A backup beside a writer: how long it takes, and what the writer notices.

Usage: python benchmarks/backup.py [ROWS [FOLDER]]      (default: 1000000, a folder of its own)
A writer commits 20 rows at a time, first alone for five seconds, then while a backup is copied, examined and hashed.
Prints a table ready for docs/benchmarks.md.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from siscon.store import backups
from siscon.store.sqlite import SqliteDatabase, open_database

FILL = "INSERT INTO events (at_ms, kind, level, text) VALUES (?, 'page note', 'info', ?)"
AT_ONCE, ALONE_S = 50_000, 5.0


async def fill(db: SqliteDatabase, rows: int) -> None:
    for begin in range(0, rows, AT_ONCE):
        async with db.transaction() as c:
            await c.many(FILL, [(at_ms, "x" * 400) for at_ms in range(begin, min(rows, begin + AT_ONCE))])


async def write(db: SqliteDatabase, until: asyncio.Event) -> list[float]:
    """Commit until told to stop; the milliseconds of each commit."""
    took = []
    while not until.is_set():
        begun_s = time.perf_counter()
        async with db.transaction() as c:
            await c.many(FILL, [(1, "y")] * 20)
        took.append((time.perf_counter() - begun_s) * 1000)
    return took


def told(name: str, took: list[float]) -> str:
    found = sorted(took)
    places = (found[len(found) // 2], found[int(len(found) * 0.99)], found[-1])
    return f"| {name} | {len(found)} | " + " | ".join(f"{one:.1f}" for one in places) + " |"


async def measure(folder: Path, rows: int) -> None:
    db = await open_database(folder / "siscon.db")
    await fill(db, rows)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(ALONE_S, stop.set)
    alone = await write(db, stop)
    stop.clear()
    writing = asyncio.create_task(write(db, stop))
    moments = [time.perf_counter()]
    copy = folder / "copy.db"
    for step in (
        lambda: backups.copy(db.path, copy),
        lambda: backups.examine(copy),
        lambda: backups.digest_of(copy),
    ):
        await asyncio.to_thread(step)
        moments.append(time.perf_counter())
    stop.set()
    beside = await writing
    copied, examined, hashed = (after - before for before, after in pairwise(moments))
    print(
        f"{copy.stat().st_size / 1e6:,.0f} MB: copied in {copied:.1f} s, examined in {examined:.1f} s, hashed in "
        f"{hashed:.1f} s; the writer's median alone {statistics.median(alone):.1f} ms\n"
    )
    print("| writer | commits | median ms | 99 % ms | most ms |\n|---|---|---|---|---|")
    print(told("alone", alone))
    print(told("beside a backup", beside))
    await db.close()


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        asyncio.run(measure(Path(folder), rows))


if __name__ == "__main__":
    main()

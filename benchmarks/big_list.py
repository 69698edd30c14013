"""A list of a million mappings beside one of a thousand and beside an empty screen: the real console over real files.

Usage: python benchmarks/big_list.py [ROWS [ROUNDS]]      (default: 1000000 30)
Each size runs in a process of its own, so that its peak memory is its own. CPU is that of the whole process.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from siscon.domain.roles import Role
from siscon.store import integrations
from siscon.store.sqlite import open_database
from siscon.tui.app import Console
from siscon.tui.options import ConsoleOptions
from siscon.tui.screens.pane import Pane
from siscon.tui.widgets.table import LineTable

NOW_MS = 1_763_700_000_000
# Three of ten are students, six enrollments; the ids are scattered as an SIS gives them.
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :n)
INSERT INTO north_mappings
  (entity_type, external_id, internal_id, sync_status, last_synced_at, error_message, fingerprint, base)
SELECT CASE WHEN i % 10 < 3 THEN 'student' WHEN i % 10 < 9 THEN 'enrollment' ELSE 'section' END,
  printf('S-%07d', (i * 7919) % 10000019), i,
  CASE WHEN i % 997 = 0 THEN 'error' WHEN i % 499 = 0 THEN 'pending' ELSE 'synced' END, 1763600000000 + i,
  CASE WHEN i % 997 = 0 THEN 'unknown school' ELSE '' END, lower(hex(randomblob(32))),
  json_object('first_name', 'Given' || (i % 4001), 'last_name', 'Family' || (i % 9973), 'local_id', printf('%06d', i),
    'birth_date', '2010-01-01', 'grade_level', '7', 'email', 'p' || i || '@example.org', 'school', 'SCH-1',
    'status', 'active', 'student', 'S-1', 'section', 'C-2', 'title', 'Algebra ' || i)
FROM n
"""


async def make(path: Path, rows: int) -> None:
    db = await open_database(path, synchronous="normal")
    async with db.transaction() as c:
        await integrations.activate(
            c, name="north", provider="fake", title="North", schedule="", requests_per_minute=0, now_ms=1
        )
        if rows:
            await c.run(FILL, {"n": rows})
    await db.close()


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def until(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    while not condition():
        await pilot.pause(0.001)


async def timed(act: Callable[[], Awaitable[object]], done: Callable[[], bool]) -> tuple[float, float]:
    """Milliseconds of wall and of CPU until something is done."""
    wall, cpu = time.perf_counter(), time.process_time()
    await act()
    while not done():
        await asyncio.sleep(0)
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def _shows_mappings(app: Console, path: Path) -> bool:
    screen = app.screen
    if not isinstance(screen, Pane) or screen.name_ != "records" or not screen.query("#list"):
        return False
    return screen.table().value is not None or (path.parent.name == "0" and screen._loaded_at_ms is not None)


async def move(table: LineTable, way: str) -> None:
    table.action_move(way)


def moved(table: LineTable, stood: int) -> bool:
    table.render_line(table.size.height - 1)
    return table.cursor != stood and table.value is not None


async def measure(path: Path, rounds: int) -> dict[str, float]:
    app = Console(
        ConsoleOptions(
            open_database=lambda: open_database(path, synchronous="normal"),
            actor="night.shift(1004)",
            role=Role.ADMIN,
            now_ms=lambda: NOW_MS,
        )
    )
    told: dict[str, float] = {}
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Pane) and app.screen.is_read and app.db is not None)
        before = peak_mib()
        told["first rows, ms"], told["first rows, CPU ms"] = await timed(
            lambda: app.action_act("records"), lambda: _shows_mappings(app, path)
        )
        screen = app.screen
        table = screen.table()
        whole = time.perf_counter()
        await until(pilot, lambda: screen.is_read)
        told["all rows known after, ms"] = (time.perf_counter() - whole) * 1000
        told["rows"] = len(table.rows)
        if not len(table.rows):
            return told
        for name in ("page_down", "down"):
            measured = []
            for _ in range(rounds):
                stood = table.cursor
                measured.append(
                    await timed(lambda name=name: move(table, name), lambda stood=stood: moved(table, stood))
                )
                await pilot.pause()
            told[f"{name}, ms"] = statistics.median(one[0] for one in measured)
            told[f"{name}, CPU ms"] = statistics.median(one[1] for one in measured)
        last = table.rows.listing
        jumps = []
        for text in ("S-7", "S-05", "S-5", "S-0000001"):
            jumps.append(await timed(lambda text=text: screen.jump(text), lambda: table.value is not None))
            await until(pilot, lambda: screen.is_read)
        told["jump by id, ms"] = statistics.median(one[0] for one in jumps)
        told["jump by id, CPU ms"] = statistics.median(one[1] for one in jumps)
        for name, text in (("status", "status=error"), ("id", "id=S-10*"), ("any text", "family77")):

            async def narrow(text: str = text) -> None:
                screen.find = text
                screen.load_soon()

            told[f"filter by {name}, ms"], told[f"filter by {name}, CPU ms"] = await timed(
                narrow, lambda last=last: table.rows.listing != last and screen.is_read
            )
            told[f"filter by {name}, rows"] = len(table.rows)
            last = table.rows.listing
            await pilot.pause()
        wall = time.perf_counter()
        await last.whole.count()
        told["exact count, ms"] = (time.perf_counter() - wall) * 1000
        told["memory more, MiB"] = peak_mib() - before
    return told


def main(rows: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        for size in (0, 1_000, rows):
            path = Path(name) / str(size) / "siscon.db"
            asyncio.run(make(path, size))
            command = [sys.executable, __file__, "--measure", str(path), str(rounds)]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(json.dumps({key: round(value, 2) for key, value in told.items()}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(asyncio.run(measure(Path(sys.argv[2]), int(sys.argv[3])))))
    else:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000,
            int(sys.argv[2]) if len(sys.argv) > 2 else 30,
        )

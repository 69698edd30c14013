"""A list of a million mappings beside one of a thousand and beside an empty screen: the real console over real files.

Usage: python benchmarks/big_list.py [ROWS [ROUNDS]]      (default: 1000000 5)
Each size runs in processes of its own, as many as there are rounds, in turn with the others; its peak memory is its
own. A time is that from the key, or the line that was entered, until what was asked for has been rendered for the
terminal: the least of all rounds, and the median. CPU is that of the whole process. Prints a table ready for
docs/benchmarks.md.
"""

from __future__ import annotations

import asyncio
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from textual import events
from textual._compositor import CompositorUpdate
from textual.pilot import Pilot

from siscon import tui
from siscon.domain.roles import Role
from siscon.ops.records import MappingList
from siscon.store import integrations
from siscon.store.sqlite import open_database
from siscon.tui.app import Console
from siscon.tui.options import ConsoleOptions
from siscon.tui.screens.pane import Pane
from siscon.tui.screens.records import Records

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


MOVES = 12
"""So many moves of each kind in a process."""
FAR = ("S-7", "S-05", "S-5", "S-0000001", "S-31")
NEVER = 60.0

Told = dict[str, list[tuple[float, float]]]
"""For each thing that was done the milliseconds of wall and of CPU."""


class Painted(Console):
    """The console, which renders as for a terminal and tells when what is waited for has been rendered."""

    CSS_PATH = Path(tui.__file__).with_name("siscon.tcss")

    def __init__(self, options: ConsoleOptions) -> None:
        super().__init__(options)
        self.waiting: tuple[Callable[[], bool], asyncio.Future[tuple[float, float]]] | None = None

    def _display(self, screen: Any, renderable: Any) -> None:  # noqa: ARG002 # Textual gives it
        if isinstance(renderable, CompositorUpdate):
            renderable.render_segments(self.console)
        if self.waiting is not None and self.waiting[0]() and not self.waiting[1].done():
            self.waiting[1].set_result((time.perf_counter(), time.process_time()))

    async def timed(self, act: Callable[[], object], done: Callable[[], bool]) -> tuple[float, float]:
        """Milliseconds of wall and of CPU from an act to the rendering in which something is done."""
        found: asyncio.Future[tuple[float, float]] = asyncio.get_running_loop().create_future()
        self.waiting = (done, found)
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        try:
            end = await asyncio.wait_for(found, NEVER)
        finally:
            self.waiting = None
        return (end[0] - wall) * 1000, (end[1] - cpu) * 1000

    def key(self, key: str) -> None:
        """A key, as the terminal would send it."""
        assert self._driver is not None
        event = events.Key(key, None)
        event.set_sender(self)
        self._driver.send_message(event)


def peak_mib() -> float:
    """The peak of this process; what ``getrusage`` says counts that of the process that started it, too."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return int(told.split("VmHWM:")[1].split()[0]) / 1024


async def until(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    while not condition():
        await pilot.pause(0.001)


async def measure(path: Path, seed: int) -> tuple[Told, dict[str, float]]:
    app = Painted(
        ConsoleOptions(
            open_database=lambda: open_database(path, synchronous="normal"),
            actor="night.shift(1004)",
            role=Role.ADMIN,
            now_ms=lambda: NOW_MS,
        )
    )
    told: Told = {}
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Pane) and app.screen.is_read and app.db is not None)
        before = peak_mib()

        def opened() -> bool:
            screen = app.screen
            if not isinstance(screen, Records) or not screen.query("#list"):
                return False
            return screen._loaded_at_ms is not None or screen.table().value is not None

        told["first rows"] = [await app.timed(lambda: app.key("6"), opened)]
        screen = app.screen
        assert isinstance(screen, Records)
        began = time.perf_counter()
        await until(pilot, lambda: screen.is_read)
        told["the id of every row known, after that"] = [((time.perf_counter() - began) * 1000, math.nan)]
        if len(screen.table().rows):
            await moves(app, pilot, screen, Random(seed), told)
            await searches(app, pilot, screen, told, whole=seed == 0)
        return told, {"memory": peak_mib() - before}


async def moves(app: Painted, pilot: Pilot[Any], screen: Records, random: Random, told: Told) -> None:
    """Page by page and row by row, from anywhere in the list."""
    table = screen.table()
    names = {"pagedown": "page down", "down": "cursor down"}
    for _ in range(MOVES):
        table.point(random.randrange(len(table.rows) - 300))
        await until(pilot, lambda: table.value is not None and not table._fetching)
        for key in ("down", "pagedown"):
            for cached in (True, False) if key == "pagedown" else (True,):
                if not cached:
                    table.rows._pages.clear()
                stood = table.cursor
                one = await app.timed(
                    lambda key=key: app.key(key),
                    lambda stood=stood: table.cursor != stood and table.value is not None,
                )
                told.setdefault(names[key] + ("" if cached else ", no page kept"), []).append(one)
                await until(pilot, lambda: not table._fetching)
                await pilot.pause()


async def searches(app: Painted, pilot: Pilot[Any], screen: Records, told: Told, *, whole: bool) -> None:
    """Filters, from the line that was entered; jumps, from the whole list and from a filtered one."""
    table = screen.table()

    async def narrow(name: str, text: str) -> None:
        def enter() -> None:
            screen.find = text
            screen.load_soon()

        def shown() -> bool:
            listing = table.rows.listing
            return bool(listing.where) == bool(text) and table.value is not None

        began, cpu = time.perf_counter(), time.process_time()
        told.setdefault(f"{name}, first rows", []).append(await app.timed(enter, shown))
        await until(pilot, lambda: screen.is_read)
        took = ((time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000)
        told.setdefault(f"{name}, all of it", []).append(took)

    async def jump(name: str, text: str) -> None:
        place = await MappingList(table.rows.listing.db, "north").first_from(text)

        def there() -> bool:
            return not screen.find and table.value is not None and table.key == place.id

        one = await app.timed(lambda: asyncio.ensure_future(screen.jump(text)), there)
        told.setdefault(name, []).append(one)
        await until(pilot, lambda: screen.is_read)

    for text in FAR:
        await jump("jump by id, all ids known", text)
        await narrow("filter `status=error`", "status=error")
        await jump("jump by id out of a filter", text)
        await narrow("filter `id=S-10*`", "id=S-10*")
        await narrow("the filter left again", "")
    if whole:
        await narrow("a bare text in any column", "family77")
        began, cpu = time.perf_counter(), time.process_time()
        await table.rows.listing.whole.count()
        took = ((time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000)
        told["exact count"] = [took]


def table_of(sizes: list[int], times: dict[int, Told], memory: dict[int, float]) -> str:
    """The figures as docs/benchmarks.md has them."""
    last = sizes[-1]
    lines = [
        "| least wall, median wall, least CPU in ms | " + " | ".join(f"{size:,}" for size in sizes) + " |"
    ]
    lines.append("|---" * (len(sizes) + 1) + "|")
    for name in times[last]:
        cells = [_cell(times[size].get(name, [])) for size in sizes]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    cells = [f"{memory[size]:.1f} MiB" for size in sizes]
    lines.append("| memory more than before the screen opened | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_verdicts(sizes, times, memory)])


def _cell(measured: list[tuple[float, float]]) -> str:
    if not measured:
        return ""
    wall, cpu = sorted(one[0] for one in measured), min(one[1] for one in measured)
    told = f"{wall[0]:.1f}, {statistics.median(wall):.1f}"
    return told if math.isnan(cpu) else f"{told}, {cpu:.1f}"


def _verdicts(sizes: list[int], times: dict[int, Told], memory: dict[int, float]) -> list[str]:
    """The same as ratios, which a busy machine moves less."""
    empty, few, many = sizes

    def ratio(name: str) -> str:
        told = [
            [statistics.median(one[n] for one in times[size][name]) for n in (0, 1)] for size in (many, few)
        ]
        return f"{name}: {told[0][0] / told[1][0]:.2f} of wall, {told[0][1] / told[1][1]:.2f} of CPU"

    opened = [min(one[0] for one in times[size]["first rows"]) for size in (empty, many)]
    moved = [ratio(name) for name in ("page down", "page down, no page kept", "cursor down")]
    return [
        f"First rows beside an empty screen: {opened[1] - opened[0]:+.0f} ms.",
        f"A million rows beside a thousand, medians: {'; '.join(moved)}.",
        f"Memory more than an empty screen takes: {memory[many] - memory[empty]:.1f} MiB.",
    ]


def main(rows: int, rounds: int) -> None:
    sizes = [0, 1_000, rows]
    times: dict[int, Told] = {size: {} for size in sizes}
    memory = dict.fromkeys(sizes, 0.0)
    with tempfile.TemporaryDirectory() as name:
        paths = {size: Path(name) / str(size) / "siscon.db" for size in sizes}
        for size, path in paths.items():
            asyncio.run(make(path, size))
        for seed in range(rounds):
            for size, path in paths.items():
                command = [sys.executable, __file__, "--measure", str(path), str(seed)]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                told, more = json.loads(said)
                for key, measured in told.items():
                    times[size].setdefault(key, []).extend(measured)
                memory[size] = max(memory[size], more["memory"])
    print(table_of(sizes, times, memory))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(asyncio.run(measure(Path(sys.argv[2]), int(sys.argv[3])))))
    else:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000,
            int(sys.argv[2]) if len(sys.argv) > 2 else 5,
        )

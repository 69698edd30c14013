"""Two engines on one database; the clock is killed, or stopped and woken: each moment runs once all the same."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from siscon import runtime
from siscon.config import Settings
from siscon.domain.leases import LEASE_TTL_S
from siscon.domain.runs import GOOD_ENDS, Run
from siscon.engine.clock import CLOCK_LEASE
from siscon.engine.moments import wall_ms
from siscon.ops.run_rows import engine_rows
from siscon.store import leases, runs
from siscon.store.database import Database
from support import quick_engine
from support.clock import LIMIT_S, until
from support.processes import config_for, running_sandbox

FASTER = 15
"""A minute of the clock is four seconds."""
MINUTE_MS = 60_000
TAKEN_OVER_WITHIN_S = LIMIT_S


class Pair:
    """Engine processes over one home; which of them is the clock."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self.settings, self.db = settings, db
        self.begin_ms = wall_ms()
        self.processes: list[subprocess.Popen[bytes]] = []

    async def start(self) -> None:
        words = [quick_engine.__file__, str(self.settings.file), str(self.begin_ms), str(FASTER)]
        environ = {**os.environ, "PYTHONPATH": str(Path(quick_engine.__file__).parents[1])}
        with (self.settings.home / "said.log").open("ab") as said:
            process = subprocess.Popen([sys.executable, *words], stdout=said, stderr=said, env=environ)
        self.processes.append(process)

        async def is_alive() -> bool:
            rows = await engine_rows(self.db, now_ms=wall_ms())
            return any(row["pid"] == process.pid for row in rows)

        await until(is_alive)

    async def clock(self) -> str:
        async with self.db.read() as c:
            return await leases.holder(c, CLOCK_LEASE, now_ms=wall_ms()) or ""

    async def process_of_clock(self) -> tuple[str, subprocess.Popen[bytes]]:
        async def is_held() -> bool:
            return await self.clock() != ""

        await until(is_held)
        name = await self.clock()
        async with self.db.read() as c:
            found = {one.id: one.pid for one in await leases.engines(c, now_ms=wall_ms())}
        return name, next(one for one in self.processes if one.pid == found[name])

    async def taken_over_from(self, name: str) -> float:
        """Seconds until another engine is the clock."""
        begun = time.monotonic()

        async def is_another() -> bool:
            return await self.clock() not in ("", name)

        await until(is_another, within_s=TAKEN_OVER_WITHIN_S)
        return time.monotonic() - begun

    async def all_runs(self) -> list[Run]:
        async with self.db.read() as c:
            return list(reversed(await runs.latest(c, limit=1000)))

    async def more_runs(self, count: int) -> None:
        """Wait until so many more moments have had their run."""
        known = len(await self.all_runs())

        async def are_there() -> bool:
            return len(await self.all_runs()) >= known + count

        await until(are_there)

    def end(self) -> None:
        for one in self.processes:
            one.send_signal(signal.SIGCONT)
            one.terminate()
        for one in self.processes:
            one.wait(LIMIT_S)


@pytest.mark.long
async def test_each_moment_runs_once_though_clocks_are_killed_stopped_and_woken(tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "sandbox", students=20) as sandbox:
        settings = config_for(tmp_path / "home", sandbox)
        text = settings.file.read_text(encoding="utf-8")
        every_minute = "    schedules: [{name: often, cron: '* * * * *', missed: each, entities: [school]}]\n"
        settings.file.write_text(text + every_minute, encoding="utf-8")
        settings = runtime.load_settings(settings.file)
        async with runtime.open_house(settings) as house:
            pair = Pair(settings, house.db)
            try:
                for _ in range(2):
                    await pair.start()
                await pair.more_runs(2)

                name, process = await pair.process_of_clock()
                process.kill()
                after_kill_s = await pair.taken_over_from(name)
                await pair.start()
                await pair.more_runs(2)

                stopped, process = await pair.process_of_clock()
                process.send_signal(signal.SIGSTOP)
                after_stop_s = await pair.taken_over_from(stopped)
                await asyncio.sleep(max(0.0, 2 * LEASE_TTL_S - after_stop_s))
                before = {run.id: run for run in await pair.all_runs() if run.status in GOOD_ENDS}
                process.send_signal(signal.SIGCONT)
                await pair.more_runs(3)
            finally:
                pair.end()
            found = await pair.all_runs()
        print(f"take-over {after_kill_s:.1f} s after a kill, {after_stop_s:.1f} s after a stop")

    assert max(after_kill_s, after_stop_s) < TAKEN_OVER_WITHIN_S
    dues = [run.due_at_ms or 0 for run in found]
    assert [at for at, times in Counter(dues).items() if times > 1] == []
    assert sorted(dues) == list(range(min(dues), max(dues) + 1, MINUTE_MS))
    assert {run.status for run in found[:-1]} <= GOOD_ENDS
    assert {run.id: run for run in found if run.id in before} == before

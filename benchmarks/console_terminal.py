"""The console on a real terminal of 120x40: from key to painted answer, and how many bytes it sends, beside the
smallest Textual app in the same run.
Usage: python benchmarks/console_terminal.py [latency|sync|bytes ...]      (default: all three)
`sync` imports with `siscon serve` over HTTP from the sandbox, without a rate limit, while keys are pressed. The ten
live runs of `bytes` are written by a process of their own as ten engines would: four commits a second each.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from siscon import runtime  # the path comes first
from siscon.domain.commands import StartRun
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, Phase, RunKind
from siscon.ops.actor import current_actor
from siscon.store import commands, integrations, run_counts, runs
from siscon.store.sqlite import open_database
from support.console_data import Names, alive, fill
from support.processes import config_for, running_sandbox
from support.terminals import Terminal, console_words, terminal

SIZE = {"width": 120, "height": 40, "env": {"COLORTERM": "truecolor", "LANG": "C.UTF-8"}}
PRESSES = 120
SMALLEST = """
from textual.app import App
from textual.widgets import Static

class Smallest(App):
    n = 0
    def compose(self):
        yield Static("Health")
    def on_key(self):
        self.n += 1
        self.query_one(Static).update(f"Health {self.n}")

Smallest().run()
"""


def latencies(one: Terminal, keys: str, n: int = PRESSES) -> list[float]:
    """Milliseconds from a key to the first bytes of its answer."""
    told = []
    for turn in range(n):
        one.quiet(0.03)
        begun = time.perf_counter()
        one.press(keys[turn % len(keys)])
        if one.take(2.0):
            told.append((time.perf_counter() - begun) * 1000)
    return told


def said(name: str, told: list[float]) -> dict[str, float | str]:
    cut = statistics.quantiles(told, n=20)
    return {"what": name, "p50_ms": round(statistics.median(told), 1), "p95_ms": round(cut[18], 1)}


def show(row: dict[str, object]) -> None:
    print(json.dumps(row), flush=True)


def smallest(name: str) -> None:
    with terminal([sys.executable, "-c", SMALLEST], **SIZE) as one:
        assert one.shows("Health")
        show(said(f"smallest app, {name}", latencies(one, "ab")))


async def filled(path: Path, mapped: int) -> None:
    db = await open_database(path, synchronous="normal")
    await fill(db, names=Names(), mapped=mapped)
    async with db.transaction() as c:
        await alive(c, now_ms=int(time.time() * 1000) + 3_600_000)
    await db.close()


def latency(folder: Path) -> None:
    path = folder / "idle" / "siscon.db"
    asyncio.run(filled(path, 20_000))
    smallest("idle")
    with terminal(console_words(path), **SIZE) as one:
        assert one.shows("lakeside")
        for key, word in (("1", "lakeside"), ("6", "S-")):
            one.press(key)
            assert one.shows(word)
            one.quiet(0.5)
            show(said(f"console, idle, screen {key}", latencies(one, "jk")))


def sync(folder: Path) -> None:
    with running_sandbox(folder / "box", students=40_000) as box:
        settings = config_for(folder / "house", box)
        child = runtime.start_engine_process(settings)

        async def begin() -> None:
            db = await runtime.open_database(settings)
            await runtime.wait_for_engine(db, child=child)
            async with db.transaction() as c:
                await commands.leave(c, StartRun("powerschool"), actor=current_actor(), now_ms=1)
            await db.close()

        try:
            asyncio.run(begin())
            smallest("during a sync")
            with terminal(console_words(settings.database), **SIZE) as one:
                assert one.shows("powerschool")
                one.press("3")
                assert one.shows("student", limit_s=60)
                show(said("console, during a sync, screen 3, tab", latencies(one, "\t")))
                one.press("6")
                assert one.shows(
                    "● synced", limit_s=120
                )  # before the first batch there is nothing to move in
                show(said("console, during a sync, screen 6, cursor", latencies(one, "jk")))
                one.press("3")
                assert one.shows("applying"), "it was over too soon: take more students"
        finally:
            child.process.kill()
            child.process.wait()


async def ten_runs(path: Path) -> list[int]:
    db = await open_database(path, synchronous="normal")
    now_ms = int(time.time() * 1000)
    made = []
    async with db.transaction() as c:
        for number in range(10):
            name = f"district_{number}"
            told = {"provider": "powerschool", "title": "PowerSchool", "schedule": "0 2 * * *"}
            await integrations.activate(c, name=name, **told, requests_per_minute=60, now_ms=now_ms)
            run_id = await runs.enqueue(
                c,
                integration=name,
                kind=RunKind.IMPORT,
                lane=Lane.BULK,
                entities=(Entity.STUDENT,),
                full=False,
                requested_by="clock",
                due_at_ms=None,
                now_ms=now_ms,
            )
            assert run_id is not None
            await run_counts.start(c, run_id, (Entity.STUDENT,))
            await runs.claim(c, run_id, engine="e1", now_ms=now_ms)
            await runs.set_phase(c, run_id, Phase.FETCH)
            await run_counts.note(c, run_id, Entity.STUDENT, total=60_000, phase=Phase.FETCH, done=False)
            made.append(run_id)
        await alive(c, now_ms=now_ms + 3_600_000)
    await db.close()
    return made


async def go_on(path: Path, run_ids: list[int]) -> None:
    """Every run brings a page of 100 records, four times a second, until the process ends."""
    db = await open_database(path, synchronous="normal")
    while True:
        for run_id in run_ids:
            async with db.transaction() as c:
                await run_counts.add(c, run_id, Entity.STUDENT, fetched=100, pages=1, requests=1, seconds=0.2)
                await runs.add_requests(c, run_id, 1, None)
        await asyncio.sleep(0.25)


def bytes_for(one: Terminal, seconds: float) -> float:
    before, until = len(one.seen), time.monotonic() + seconds
    while (rest := until - time.monotonic()) > 0:
        one.take(rest)
    return (len(one.seen) - before) / seconds


@contextmanager
def writing(path: Path, run_ids: list[int]) -> Iterator[None]:
    words = [sys.executable, __file__, "write", str(path), json.dumps(run_ids)]
    process = subprocess.Popen(words)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def per_key(one: Terminal, keys: str, n: int = 20) -> list[int]:
    told = []
    for turn in range(n):
        one.quiet(0.3)
        before = len(one.seen)
        one.press(keys[turn % len(keys)])
        one.quiet(0.3)
        told.append(len(one.seen) - before)
    return told


def bytes_sent(folder: Path) -> None:
    path = folder / "bytes" / "siscon.db"
    asyncio.run(filled(path, 20_000))
    with terminal(console_words(path), **SIZE) as one:
        assert one.shows("lakeside")
        one.quiet(1.5)
        show({"what": "idle with the clock", "bytes_s": round(bytes_for(one, 70))})
        for key, word, pair in (
            ("1", "lakeside", "jjjjkkkk"),
            ("4", "unknown parent", "jk"),
            ("6", "S-", "jjjjk"),
        ):
            one.press(key)
            assert one.shows(word)
            told = per_key(one, pair)
            show(
                {"what": f"cursor, screen {key}", "bytes": round(statistics.median(told)), "most": max(told)}
            )
        told = per_key(one, "\x04\x15", 10)
        show({"what": "page down in mappings", "bytes": round(statistics.median(told)), "most": max(told)})
    path = folder / "live" / "siscon.db"
    run_ids = asyncio.run(ten_runs(path))
    with writing(path, run_ids):
        for name, options in (
            ("ten live syncs", "{}"),
            ("the same, --slow-link", "{'looks': Looks(slow_link=True)}"),
        ):
            with terminal(console_words(path, options), **SIZE) as one:
                assert one.shows("district_9")
                for key in "31":
                    one.press(key)
                    one.quiet(0.2, limit_s=1)
                    bytes_for(one, 6)
                    show({"what": f"{name}, screen {key}", "bytes_s": round(bytes_for(one, 30))})


PARTS = {"latency": latency, "sync": sync, "bytes": bytes_sent}

if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        asyncio.run(go_on(Path(sys.argv[2]), json.loads(sys.argv[3])))
    with tempfile.TemporaryDirectory() as temporary:
        for part in sys.argv[1:] or PARTS:
            PARTS[part](Path(temporary))

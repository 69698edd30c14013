"""Real processes: a sandbox and engines over it, to be killed, stopped and woken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from siscon import runtime
from siscon.config import Settings
from siscon.domain.commands import StartRun
from siscon.domain.runs import ENDED, Run, RunStatus
from siscon.ops.actor import current_actor
from siscon.sandbox import state as states
from siscon.store import commands, runs
from siscon.store.database import Database
from support.clock import LIMIT_S, until

CONFIG = """
home: '{home}'
integrations:
  powerschool:
    provider: powerschool
    base_url: http://127.0.0.1:{port}
    client_id: sandbox-powerschool
    client_secret: ${{SISCON_SANDBOX_SECRET:-invented-secret}}
    requests_per_minute: {rate}
    settings: {{page_size: {page_size}}}
"""


@dataclass
class Sandbox:
    """A sandbox that answers; only its PowerSchool is used."""

    port: int

    def control(self, action: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/__control__/{action}",
            data=data,
            headers={"X-Sandbox-Control": "yes", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return json.load(answer)

    @property
    def pages(self) -> int:
        """Pages of records asked for so far, without what a provider asks before the first of them."""
        asked = self.control("stats")["by_path"]
        return sum(n for path, n in asked.items() if not path.endswith(("/metadata", "/count")))


@contextmanager
def running_sandbox(home: Path, *, students: int, more: Sequence[str] = ()) -> Iterator[Sandbox]:
    """A sandbox for the length of a block; it ends with this process at the latest."""
    words = ["sandbox", "--home", str(home), "--port", "0", "--students", str(students), "--until-eof", *more]
    with subprocess.Popen(
        [sys.executable, "-m", "siscon", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "End it with" in line:
                    break
            yield Sandbox(states.load(states.path_for(0, home)).ports[0])
        finally:
            process.terminate()


def config_for(home: Path, sandbox: Sandbox, *, rate: int = 0, page_size: int = 20) -> Settings:
    """A configuration over the sandbox, written beside its home; small pages make a long import."""
    path = home.with_suffix(".yaml")
    path.write_text(
        CONFIG.format(home=home, port=sandbox.port, rate=rate, page_size=page_size), encoding="utf-8"
    )
    return runtime.load_settings(path)


@dataclass
class ServedHouse:
    """A house whose engines are processes of their own."""

    settings: Settings
    db: Database
    children: list[runtime.Child]

    async def serve(self, *, ready: bool = True) -> runtime.Child:
        child = runtime.start_engine_process(self.settings)
        self.children.append(child)
        if ready:
            await runtime.wait_for_engine(self.db, child=child, timeout_s=LIMIT_S)
        return child

    def end(self, child: runtime.Child, number: int = signal.SIGKILL) -> int:
        os.kill(child.pid, number)
        return child.process.wait(LIMIT_S)

    async def ask_for_import(self) -> None:
        async with self.db.transaction() as c:
            await commands.leave(c, StartRun("powerschool"), actor=current_actor(), now_ms=1)

    async def newest(self) -> Run | None:
        async with self.db.read() as c:
            return next(iter(await runs.latest(c, limit=1)), None)

    async def reaches(self, *wanted: RunStatus, within_s: float = LIMIT_S, after: int = 0) -> Run:
        """Wait until the newest run is in one of these states; with ``after`` one newer than that run."""

        async def is_there() -> bool:
            run = await self.newest()
            if run is not None and run.id <= after:
                return False
            assert run is None or run.status in wanted or run.status not in ENDED, run
            return run is not None and run.status in wanted

        await until(is_there, within_s=within_s)
        run = await self.newest()
        assert run is not None
        return run

    async def reaches_attempt(self, number: int, *, within_s: float = LIMIT_S) -> None:
        """Wait until an engine has claimed the newest run for the so-manieth time."""

        async def is_there() -> bool:
            run = await self.newest()
            return run is not None and run.attempt == number

        await until(is_there, within_s=within_s)

    async def content(self, integration: str = "powerschool") -> dict[str, list[dict[str, Any]]]:
        """Roster, ties, plan and open questions as they stand, without moments."""
        names = [
            *("schools", "terms", "staff", "students", "courses", "sections", "enrollments", "staff_schools"),
            *("section_terms", "section_instructors", "conflicts", "dead_records", "staged", "changes"),
            f"{integration}_mappings",
        ]
        async with self.db.read() as c:
            return {name: [_timeless(row) for row in await c.all(f"SELECT * FROM {name}")] for name in names}

    async def counts(self) -> list[dict[str, Any]]:
        """What the runs counted; how long it took, how often it asked, what it tried alone and the numbers of the
        moments at which it read may differ.
        """
        async with self.db.read() as c:
            rows = await c.all("SELECT * FROM run_counts ORDER BY run_id, position")
        free = ("seconds", "requests", "trying", "tries", "read_from", "read_to")
        return [
            {key: row[key] for key in row.keys() if key not in free}  # noqa: SIM118 - a Row
            for row in rows
        ]


def _timeless(row: Any) -> dict[str, Any]:
    endings = ("_at_ms", "at_ms", "_at", "missing_since", "raw")
    return {key: row[key] for key in row.keys() if not key.endswith(endings)}  # noqa: SIM118 - a Row


@contextmanager
def served_houses() -> Iterator[list[runtime.Child]]:
    """Ends every engine process of a test, whatever happened to it."""
    children: list[runtime.Child] = []
    try:
        yield children
    finally:
        for child in children:
            with suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGCONT)
                child.process.kill()
            child.process.wait()

"""A morning at the console: a district behind real servers, a whole engine beside it, a hand whose keys are counted.

The night before is lived once in a test process (imports, broken records, questions); a story begins with its copy.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from siscon import runtime
from siscon.config import Settings
from siscon.domain.commands import Command, CommandStatus, StartRun
from siscon.domain.roles import Role
from siscon.domain.runs import ENDED, Run, RunStatus
from siscon.engine.engine import Engine
from siscon.ops import commands
from siscon.providers.registry import load
from siscon.sandbox import launch
from siscon.sandbox import state as states
from siscon.sandbox.origin import client_id_of
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import ALL_SYSTEMS
from siscon.store import runs
from siscon.store.database import Database
from siscon.tui.widgets.entry import Entry
from support.clock import LIMIT_S
from support.clock import until as until_true
from support.consoles import console, press, settled, text_of, toasts, until
from support.house import anybody
from support.sandbox_sis import next_day, settings_for, switch

NORTH, SOUTH = "north", "south"
SYSTEM_OF = {NORTH: "infinite_campus", SOUTH: "powerschool"}
STUDENTS = 200
RESTING = ENDED | {RunStatus.HELD, RunStatus.PLANNED}
INTEGRATION = """
  {name}:
    provider: {provider}
    base_url: {base_url}
    client_id: {client_id}
    client_secret: ${{STORY_SECRET:-{secret}}}
    requests_per_minute: 0
    conflicts: {{default: manual}}
    settings: {settings}
"""


@asynccontextmanager
async def _sandbox(folder: Path) -> AsyncIterator[SandboxState]:
    """The district of a folder, as far as its days have gone."""
    path = folder / "sandbox.json"
    state = (
        states.load(path)
        if path.is_file()
        else SandboxState(seed=7, students=STUDENTS, day=0, port=0, path=path)
    )
    state = SandboxState(state.seed, state.students, state.day, 0, path, (), state.moments)
    ready = asyncio.Event()
    serving = asyncio.create_task(launch.serve(state, "fast", on_ready=lambda _: ready.set()))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=LIMIT_S)
    try:
        assert ready.is_set(), serving
        yield state
    finally:
        waiting.cancel()
        serving.cancel()
        await asyncio.gather(serving, waiting, return_exceptions=True)


def _write_config(folder: Path, state: SandboxState, more: str) -> Path:
    text = "home: home\nintegrations:\n"
    for name, system in SYSTEM_OF.items():
        own = settings_for(load(system), state)
        text += INTEGRATION.format(
            name=name,
            provider=system,
            base_url=own.base_url,
            client_id=client_id_of(ALL_SYSTEMS[system]),
            secret=launch.INVENTED_SECRET,
            settings=json.dumps(own.model_dump(mode="json", exclude={"base_url"}, exclude_defaults=True)),
        )
    path = folder / "config.yaml"
    path.write_text(text + more, encoding="utf-8")
    return path


@dataclass
class Morning:
    """What a story has to do with: the district, the engine's database, and consoles by need."""

    folder: Path
    state: SandboxState
    settings: Settings
    db: Database
    known_run: int = 0
    """The newest run of which the story has heard."""

    async def asks(self, command: Command) -> int | None:
        """Somebody elsewhere asks for something; the run that came of it, if any."""
        id_ = await commands.submit(self.db, command, actor="clerk(1001)", role=Role.ADMIN)
        row = await commands.wait_for(self.db, id_, timeout_s=LIMIT_S)
        assert row.status is CommandStatus.DONE, row.answer
        self.known_run = max(self.known_run, row.run_id or 0)
        return row.run_id

    async def sync(self, name: str = NORTH, *, full: bool = True) -> Run:
        """An import, seen to where it rests."""
        run_id = await self.asks(StartRun(name, full=full))
        assert run_id is not None
        return await self.rests(run_id)

    async def rests(self, run_id: int) -> Run:
        """A run once it does nothing more by itself."""

        async def is_over() -> bool:
            return (await self.run(run_id)).status in RESTING

        await until_true(is_over)
        return await self.run(run_id)

    async def newest_rests(self) -> Run:
        """The run that somebody at a console has just asked for, once it rests."""

        async def is_queued() -> bool:
            return int(await self.value("SELECT max(id) FROM runs")) > self.known_run

        await until_true(is_queued)
        self.known_run = await self.value("SELECT max(id) FROM runs")
        return await self.rests(self.known_run)

    async def run(self, run_id: int) -> Run:
        async with self.db.read() as c:
            found = await runs.get(c, run_id)
        assert found is not None
        return found

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        async with self.db.read() as c:
            return [tuple(row) for row in await c.all(sql)]  # type: ignore[arg-type] # rows are sequences, too

    async def value(self, sql: str) -> Any:
        """The one value that the database says."""
        return (await self.rows(sql))[0][0]

    async def a_day_passes(self) -> None:
        await next_day(self.state)

    async def switch(self, name: str = NORTH, **quirks: Any) -> None:
        """Change a way of one of the systems."""
        await switch(self.state, SYSTEM_OF[name], **quirks)

    async def fault(self, name: str = NORTH, **faults: Any) -> None:
        """Let a system fail in some way."""
        import httpx

        port = self.state.ports[ALL_SYSTEMS[SYSTEM_OF[name]].port]
        async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as http:
            answer = await http.post(
                f"http://127.0.0.1:{port}/__control__/faults",
                headers={"X-Sandbox-Control": "yes"},
                json=faults,
            )
        assert answer.status_code == 200, answer.text

    @asynccontextmanager
    async def console(self, **options: Any) -> AsyncIterator[Hand]:
        """Somebody logs in."""
        told = {"now_ms": lambda: int(time.time() * 1000), **options}
        async with console(self.settings.database, **told) as pilot:
            yield Hand(pilot)


@dataclass
class Hand:
    """Who sits at the console: presses keys, which are counted, and reads."""

    pilot: Pilot[Any]
    keys: int = 0
    app: Any = field(init=False)

    def __post_init__(self) -> None:
        self.app = self.pilot.app

    async def presses(self, *keys: str) -> None:
        """Press keys, each after the last one's work is done."""
        self.keys += len(keys)
        await press(self.pilot, *keys)

    async def types(self, text: str) -> None:
        """Type into the line that is open, over what stands there, and enter; only enter counts as a key."""
        await until(self.pilot, lambda: isinstance(self.app.screen.focused, Entry))
        entry = self.app.screen.focused
        entry.value = text
        await self.pilot.pause()
        await self.presses("enter")

    async def sees(self, *words: str) -> None:
        """Wait until all of it stands on the screen; lines may be broken anywhere between words."""
        for one in words:
            try:
                await until(self.pilot, lambda one=one: one in " ".join(text_of(self.app).split()))  # type: ignore[misc] # bound now
            except AssertionError:
                raise AssertionError(f"{one!r} is not on the screen:\n{text_of(self.app)}") from None

    async def hears(self, words: str) -> None:
        """Wait until the person was told something, and the screen shows what came of it."""
        try:
            await until(self.pilot, lambda: any(words in one for one in toasts(self.app)))
        except AssertionError:
            raise AssertionError(f"{words!r} was not told: {toasts(self.app)}") from None
        await settled(self.pilot)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return text_of(self.app)

    @property
    def screen(self) -> str:
        """The name of the screen that is shown."""
        return str(getattr(self.app.screen, "name_", type(self.app.screen).__name__))


@asynccontextmanager
async def morning(folder: Path, night: Path | None, more: str = "") -> AsyncIterator[Morning]:
    """The district, its engine and its database, after the night that was lived in another folder."""
    if night is not None:
        shutil.copytree(night, folder, dirs_exist_ok=True)
    async with _sandbox(folder) as state:
        settings = runtime.load_settings(_write_config(folder, state, more))
        async with runtime.open_house(settings) as house:
            async with house.db.transaction() as c:
                await c.run("DELETE FROM tokens")  # they belong to a server of the night that is gone
            stop, ready = asyncio.Event(), asyncio.Event()
            engine = asyncio.create_task(
                Engine(house.db, settings, house.vault, stop, judge=anybody).run(ready.set)
            )
            try:
                await until_true(lambda: ready.is_set() or engine.done())
                here = Morning(folder, state, settings, house.db)
                here.known_run = await here.value("SELECT coalesce(max(id), 0) FROM runs")
                yield here
            finally:
                stop.set()
                await engine


async def live_a_night(folder: Path) -> None:
    """Import, let people write here, let days pass, import again: errors and questions are there in the morning."""
    async with morning(folder, None) as here:
        for name in SYSTEM_OF:
            run = await here.sync(name)
            assert run.status in (RunStatus.COMPLETED, RunStatus.WITH_WARNINGS), run
        async with here.db.transaction() as c:
            await c.run(
                "UPDATE students SET grade_level = 'K' || id, email = 'local' || id || '@example.org'"
            )
        for _ in range(7):
            await here.a_day_passes()
        for name in SYSTEM_OF:
            await here.sync(name)


async def answer_yes(hand: Hand) -> None:
    """Say yes to the question on the screen, and type the number or the name where it asks for one."""
    await hand.presses("y")
    typed = re.search(r"Type (\S+) to go on", hand.text)
    if typed:
        await hand.types(typed[1])

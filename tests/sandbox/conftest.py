"""Running sandboxes: one that all tests share and only read, and as many of their own as they want to change."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.running import Running, Start
from siscon.sandbox import launch, server
from siscon.sandbox.state import SandboxState
from siscon.sandbox.world import World
from support.clock import LIMIT_S

LINES = httpx.Limits(keepalive_expiry=1.0)
"""A line that has rested is opened anew: while a machine stands still, the server closes those that rest."""


@pytest.fixture(autouse=True)
def own_state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SISCON_SANDBOX_SECRET", raising=False)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a sandbox; it is stopped after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(students: int = 120, *, day: int = 0, limits: str = "fast") -> Running:
            ready = asyncio.Event()
            state = SandboxState(seed=5, students=students, day=day, port=0, path=tmp_path / "sandbox.json")
            task = asyncio.create_task(launch.serve(state, limits, on_ready=lambda _: ready.set()))
            stack.push_async_callback(_stop, task)
            await asyncio.wait_for(ready.wait(), LIMIT_S)
            http = await stack.enter_async_context(
                httpx.AsyncClient(timeout=LIMIT_S, verify=False, limits=LINES)
            )
            return Running(state, http)

        yield begin


@pytest.fixture(scope="session")
def shared_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxState]:
    """A sandbox that serves from a thread of its own for the whole session."""
    path = tmp_path_factory.mktemp("sandbox") / "sandbox.json"
    state = SandboxState(seed=5, students=120, day=0, port=0, path=path)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    sockets = server.bind(0)
    state.ports = tuple(one.getsockname()[1] for one in sockets)
    world = World(state, "fast", secret="invented-secret")
    task = loop.create_task(server.run(world, sockets, on_ready=ready.set))

    def serve() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(LIMIT_S)
    yield state
    loop.call_soon_threadsafe(task.cancel)
    thread.join(LIMIT_S)


@pytest.fixture
async def shared(shared_state: SandboxState) -> AsyncIterator[Running]:
    """The shared sandbox with 120 students on day 0: for reading only."""
    async with httpx.AsyncClient(timeout=LIMIT_S, verify=False, limits=LINES) as http:
        yield Running(shared_state, http)


@pytest.fixture
async def sandbox(start: Start) -> Running:
    """A sandbox of the test's own with 120 students on day 0."""
    return await start()


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, LIMIT_S)

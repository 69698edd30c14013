"""Real processes over one database and a token server that rotates: one refresh, and what a kill leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token, TokenHealth, TokenState
from siscon.store import integrations, tokens
from siscon.store.sqlite import SqliteDatabase, open_database
from siscon.store.vault import Vault
from support.clock import until
from support.token_server import FIRST_REFRESH, TokenServer, token_server
from support.token_worker import KEY

TESTS = Path(__file__).resolve().parents[1]
VAULT = Vault([KEY])


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """A database with one login whose token has just ended."""
    database = await open_database(tmp_path / "siscon.db")
    now_ms = time.time_ns() // 1_000_000
    try:
        async with database.transaction() as c:
            await integrations.activate(
                c, name="harbor", provider="wired", title="W", schedule="", requests_per_minute=0, now_ms=1
            )
            over = Token(Secret("access-over"), now_ms - 3_600_000, now_ms - 1, Secret(FIRST_REFRESH))
            await tokens.save(c, VAULT, "harbor", over)
        yield database
    finally:
        await database.close()


@contextmanager
def worker(db: SqliteDatabase, server: TokenServer, **more: Any) -> Iterator[subprocess.Popen[str]]:
    told = {"database": str(db.path), "origin": server.origin, "grant": "code", "requests": 1, **more}
    words = [sys.executable, "-m", "support.token_worker", json.dumps({"owner": "one", **told})]
    environ = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


async def outcome(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(await asyncio.to_thread(process.stdout.readline))
    return found


async def state_of(db: SqliteDatabase) -> TokenState:
    async with db.read() as c:
        (state,) = await tokens.states(c, now_ms=time.time_ns() // 1_000_000)
    return state


@pytest.mark.long
async def test_sixty_requests_of_three_processes_at_the_end_of_a_token_refresh_once(
    db: SqliteDatabase,
) -> None:
    with (
        token_server() as server,
        worker(db, server, owner="one", requests=20) as one,
        worker(db, server, owner="two", requests=20) as two,
        worker(db, server, owner="three", requests=20) as three,
    ):
        for process in (one, two, three):
            go(process)
        found = [await outcome(process) for process in (one, two, three)]

    assert found == [{"good": 20, "said": []}] * 3
    assert (server.refreshes, len(server.calls), server.reuse, server.api_calls) == (1, 1, 0, 60)


async def kill_between_answer_and_store(db: SqliteDatabase, server: TokenServer, grant: str) -> None:
    """Hold the database while the answer goes out, and kill once it has been read whole."""
    holding = sqlite3.connect(db.path, check_same_thread=False, isolation_level=None)

    def hold() -> bool:
        holding.execute("BEGIN IMMEDIATE")
        return False

    server.after_rotation = hold
    with worker(db, server, grant=grant) as process:
        go(process)
        await until(lambda: server.hung_up > 0)
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.wait)
    holding.execute("ROLLBACK")
    holding.close()
    server.after_rotation = lambda: False


@pytest.mark.long
async def test_a_kill_between_the_answer_and_its_storing_asks_for_a_person_and_spends_nothing_twice(
    db: SqliteDatabase,
) -> None:
    with token_server() as server:
        await kill_between_answer_and_store(db, server, "code")
        said = []
        for owner in ("two", "three"):
            with worker(db, server, owner=owner, ahead_s=200) as process:
                go(process)
                said.append(await outcome(process))

    for one in said:
        assert one["good"] == 0
        assert one["said"][0].endswith("Run: siscon tokens authorise harbor")
    assert (server.refreshes, server.reuse, server.api_calls) == (1, 0, 0)
    state = await state_of(db)
    assert state.health is TokenHealth.NEEDS_PERSON
    assert "answer with the next one was lost" in state.last_error


@pytest.mark.long
async def test_a_kill_before_the_answer_came_does_the_same(db: SqliteDatabase) -> None:
    with token_server() as server:
        with worker(db, server) as process:

            def kill() -> bool:
                process.send_signal(signal.SIGKILL)
                return True

            server.after_rotation = kill
            go(process)
            await asyncio.to_thread(process.wait)
        server.after_rotation = lambda: False
        with worker(db, server, owner="two", ahead_s=200) as process:
            go(process)
            found = await outcome(process)

    assert found["said"][0].endswith("Run: siscon tokens authorise harbor")
    assert (server.refreshes, server.reuse) == (1, 0)


@pytest.mark.long
async def test_the_same_kill_for_a_client_that_logs_in_by_itself_mends_itself(db: SqliteDatabase) -> None:
    with token_server() as server:
        await kill_between_answer_and_store(db, server, "client")
        with worker(db, server, owner="two", grant="client", ahead_s=200) as process:
            go(process)
            found = await outcome(process)

    assert found == {"good": 1, "said": []}
    assert [one["grant_type"] for one in server.calls] == ["client_credentials"] * 2
    assert (await state_of(db)).health is TokenHealth.GOOD


@pytest.mark.long
async def test_an_answer_cut_off_on_the_wire_is_not_asked_for_again(db: SqliteDatabase) -> None:
    with token_server() as server, worker(db, server) as process:
        server.after_rotation = lambda: True
        go(process)
        found = await outcome(process)

    assert found["said"][0].endswith("Run: siscon tokens authorise harbor")
    assert (server.refreshes, server.reuse) == (1, 0)

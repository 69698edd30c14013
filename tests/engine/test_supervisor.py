"""What systemd is told over its socket: heard by a real one, and withheld when the heart stands still."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from siscon.engine.supervisor import ALIVE, READY, Supervisor, find, keep_telling, status_of
from siscon.store.sqlite import SqliteDatabase
from support.clock import LIMIT_S, HandClock
from support.runs import a_run


@pytest.fixture(params=["file", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{tmp_path}/notify" if request.param == "file" else f"@siscon-test-{os.getpid()}-{time.time_ns()}"


@pytest.fixture
def heard(address: str) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as line:
        line.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        line.setblocking(False)
        yield line


def lines(heard: socket.socket) -> list[str]:
    found: list[str] = []
    while True:
        try:
            found += heard.recv(4096).decode().splitlines()
        except BlockingIOError:
            return found


def test_a_word_arrives_at_either_kind_of_address(address: str, heard: socket.socket):
    environ = {"NOTIFY_SOCKET": address, "PATH": "/bin"}
    found = find(environ)
    assert found is not None
    found.tell(READY, "STATUS=all is well")

    assert lines(heard) == [READY, "STATUS=all is well"]
    assert environ == {"PATH": "/bin"}


def test_nobody_is_told_where_nobody_asked():
    for address in ("", "@", "vsock:2:1", "relative"):
        assert find({"NOTIFY_SOCKET": address} if address else {}) is None


def test_that_nobody_listens_harms_nothing(tmp_path: Path):
    Supervisor(f"{tmp_path}/gone").tell(READY)


@pytest.mark.parametrize(
    ("usec", "pid", "watchdog_s"),
    [("60000000", "", 60.0), ("60000000", "ours", 60.0), ("60000000", "1", None), ("x", "", None)],
)
def test_the_watchdog_is_ours_or_another_process_s(usec: str, pid: str, watchdog_s: float | None):
    pid = pid.replace("ours", str(os.getpid()))
    found = find({"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": usec, "WATCHDOG_PID": pid})
    assert found is not None
    assert found.watchdog_s == watchdog_s


@pytest.mark.parametrize(("age_s", "is_told"), [(0.0, True), (3600.0, False)])
async def test_only_a_heart_that_beats_keeps_the_watchdog_quiet(
    address: str, heard: socket.socket, age_s: float, is_told: bool
):
    async def status() -> str:
        return "nothing to do"

    beaten_s = time.monotonic() - age_s
    telling = asyncio.create_task(
        keep_telling(Supervisor(address, 0.03), beaten_s=lambda: beaten_s, status=status)
    )
    told: list[str] = []
    async with asyncio.timeout(LIMIT_S):
        while "STATUS=nothing to do" not in told or (is_told and told.count(ALIVE) < 3):
            told += lines(heard)
            await asyncio.sleep(0.01)
    telling.cancel()

    assert (ALIVE in told) is is_told
    assert told.count("STATUS=nothing to do") == 1


async def test_the_status_says_what_goes_on(db: SqliteDatabase, clock: HandClock):
    assert await status_of(db) == "nothing to do"
    await a_run(db, clock.now_ms())
    assert await status_of(db) == "1 run under way or waiting: harbor"
    await db.close()
    assert "has been closed" in await status_of(db)

"""Metrics over HTTP: in a process of their own, and beside an engine."""

from __future__ import annotations

import asyncio
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from siscon import outward
from siscon.config import Settings
from siscon.config.model import with_file
from siscon.domain.errors import ConfigError, DatabaseError
from siscon.domain.leases import Lease
from siscon.domain.metrics import Family, alone
from siscon.metrics import server
from siscon.store.sqlite import open_database
from support.clock import LIMIT_S, until
from support.console_data import fill


async def made(folder: Path) -> Settings:
    db = await open_database(folder / "home" / "siscon.db", synchronous="normal")
    await fill(db)
    await db.close()
    file = folder / "config.yaml"
    file.write_text("home: home\nintegrations: {}\n")
    return with_file(Settings(home=folder / "home"), file)


class Asked:
    """Reads that are counted, and fail when told to."""

    def __init__(self) -> None:
        self.count = 0
        self.fault: DatabaseError | None = None

    async def __call__(self) -> Sequence[Family]:
        self.count += 1
        if self.fault is not None:
            raise self.fault
        return [alone("engine_up", 1)]


async def test_it_answers_in_both_forms_and_reads_once_however_many_ask() -> None:
    asked = Asked()
    listening = server.bind("127.0.0.1", 0)
    task = asyncio.create_task(server.serve(asked, listening))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=base, timeout=LIMIT_S) as client:
        answers = await asyncio.gather(*(client.get("/metrics") for _ in range(8)))
        openly = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
        strange = await client.get("/other")
        sent = await client.post("/metrics", content=b"x")
    task.cancel()
    await asyncio.wait({task})

    assert {one.status_code for one in answers} == {200}
    assert "siscon_engine_up 1.0" in answers[0].text
    assert answers[0].headers["content-type"].startswith("text/plain; version=0.0.4")
    assert openly.text.endswith("# EOF\n")
    assert (strange.status_code, sent.status_code) == (404, 405)
    assert asked.count == 1
    assert listening.fileno() == -1


async def test_lines_that_say_nothing_are_few_and_end_and_keep_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "WITHIN_S", 2.0)
    monkeypatch.setattr(server, "MOST_AT_ONCE", 20)
    listening = server.bind("127.0.0.1", 0)
    listening.listen()
    task = asyncio.create_task(server.serve(Asked(), listening))
    port = listening.getsockname()[1]
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(18)]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT_S) as client:
        assert (await client.get("/metrics")).status_code == 200
    more = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
    ends = [asyncio.wait_for(reader.read(), LIMIT_S) for reader, _writer in (*silent, *more)]
    assert {type(one) for one in await asyncio.gather(*ends, return_exceptions=True)} <= {
        bytes,
        ConnectionResetError,
    }
    for _reader, writer in (*silent, *more):
        writer.close()
    task.cancel()
    await asyncio.wait({task})


async def test_a_database_that_cannot_be_read_is_a_sentence_and_503() -> None:
    asked = Asked()
    asked.fault = DatabaseError("The database is locked.")
    listening = server.bind("127.0.0.1", 0)
    task = asyncio.create_task(server.serve(asked, listening))
    async with httpx.AsyncClient(timeout=LIMIT_S) as client:
        found = await client.get(f"http://127.0.0.1:{listening.getsockname()[1]}/metrics")
    task.cancel()
    await asyncio.wait({task})

    assert (found.status_code, found.text) == (503, "The database is locked.\n")


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="Choose another"):
        server.bind("127.0.0.1", taken.getsockname()[1])


async def test_a_process_of_its_own_serves_and_ends_when_told(tmp_path: Path) -> None:
    settings = await made(tmp_path)
    command = [
        sys.executable,
        "-m",
        "siscon",
        "--config",
        str(settings.file),
        "metrics",
        "serve",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        async with httpx.AsyncClient(timeout=LIMIT_S) as client:
            found = await client.get(address)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=LIMIT_S)

    assert address.startswith("http://127.0.0.1:")
    assert "siscon_engine_up" in found.text
    assert (process.returncode, said) == (0, "")


async def test_the_text_file_is_whole_and_its_collector_may_read_it(tmp_path: Path) -> None:
    settings = await made(tmp_path)
    target = tmp_path / "siscon.prom"
    asked = settings.metrics.model_copy(update={"textfile": target})
    settings = settings.model_copy(update={"metrics": asked})
    db = await open_database(settings.database, synchronous="normal")
    [chore] = outward.chores(db, settings)
    told = await chore.work(Lease("chores", "e1", 1))
    await db.close()

    assert "written to" in told
    assert "siscon_runs_total{" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert sorted(one.name for one in tmp_path.iterdir()) == ["config.yaml", "home", "siscon.prom"]
    assert chore.next_ms(0) == 60_000


async def test_an_engine_whose_port_is_taken_tells_it_once_and_goes_on(tmp_path: Path) -> None:
    settings = await made(tmp_path)
    db = await open_database(settings.database, synchronous="normal")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked = settings.metrics.model_copy(update={"listen": f"127.0.0.1:{taken.getsockname()[1]}"})
        part = outward.parts(db, settings.model_copy(update={"metrics": asked}))["metrics"]
        with pytest.raises(ConfigError):
            await part()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await part()
    await db.close()


def test_without_the_extra_a_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    asyncio.run(made(tmp_path))
    told = (
        "import sys; sys.modules['prometheus_client'] = None; from siscon.cli import commands;"
        f"sys.exit(commands.run(['--config', {str(tmp_path / 'config.yaml')!r}, 'metrics']))"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=LIMIT_S)

    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'siscon[metrics]'" in done.stderr


@pytest.mark.long
async def test_an_engine_answers_and_writes_the_file_and_ends_in_good_order(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file, target = tmp_path / "config.yaml", tmp_path / "siscon.prom"
    file.write_text(
        f"home: home\nintegrations: {{}}\nmetrics: {{listen: '127.0.0.1:{port}', textfile: {target}, every_s: 5}}\n"
    )
    command = [sys.executable, "-m", "siscon", "--config", str(file), "serve"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            await until(target.exists)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT_S) as client:
                found = await client.get("/metrics")
        finally:
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=LIMIT_S)

    assert "siscon_engine_up 1.0" in found.text
    assert 'siscon_chore_failed{chore="metrics file"} 0.0' in found.text
    assert "siscon_engine_up 1.0" in target.read_text()
    assert process.returncode == 0
    assert "Traceback" not in said

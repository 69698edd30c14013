"""Starting a sandbox, letting a day pass from another process, and the config it prints."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest
import yaml

from sandbox.running import Running, Start
from siscon.sandbox import launch
from siscon.sandbox.launch import PortInUse
from siscon.sandbox.state import SandboxState, latest, load, path_for
from support.clock import LIMIT_S, until


async def test_a_port_in_use_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        state = SandboxState(seed=1, students=10, day=0, port=port, path=tmp_path / "s.json")

        with pytest.raises(PortInUse, match=rf"port {port} is in use .*--port"):
            await launch.serve(state, "fast", on_ready=lambda _: None)

    assert not state.path.exists()


async def test_ports_are_free_again_when_the_sandbox_has_stopped(tmp_path: Path) -> None:
    state = SandboxState(seed=1, students=10, day=0, port=0, path=tmp_path / "s.json")
    for _ in range(2):
        ready = asyncio.Event()
        task = asyncio.create_task(launch.serve(state, "fast", on_ready=lambda _, ready=ready: ready.set()))
        await asyncio.wait_for(ready.wait(), LIMIT_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for port in state.ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_day_that_another_process_lets_pass_is_seen_at_once(sandbox: Running) -> None:
    before = (await sandbox.get("skyward", "/students")).headers["X-Total-Count"]

    counts = launch.advance(load(sandbox.state.path))

    assert counts["skyward"]["joined"] == 1

    async def is_seen() -> bool:
        total = (await sandbox.get("skyward", "/students")).headers["X-Total-Count"]
        return int(total) > int(before)

    await until(is_seen, within_s=2)


async def test_a_day_let_pass_over_the_wire_stands_in_the_state_file(sandbox: Running) -> None:
    told = await sandbox.control("powerschool", "advance", {})

    assert told["day"] == load(sandbox.state.path).day == 1
    assert set(told["counts"]) == {"powerschool", "infinite_campus", "skyward", "oneroster"}
    assert launch.advance(load(sandbox.state.path)).keys() == told["counts"].keys()
    assert load(sandbox.state.path).day == 2


def test_every_day_begins_after_the_one_before(tmp_path: Path) -> None:
    state = SandboxState(seed=1, students=10, day=0, port=9100, path=tmp_path / "s.json")
    for _ in range(4):
        launch.advance(state)

    moments = load(state.path).moments
    assert moments == sorted(set(moments))
    assert len(moments) == 5


async def test_the_latest_sandbox_is_remembered(start: Start, tmp_path: Path) -> None:
    assert latest() is None
    sandbox = await start()

    assert latest() == sandbox.state.path
    sandbox.state.path.unlink()
    assert latest() is None


def test_state_files_have_their_places(tmp_path: Path) -> None:
    assert path_for(9100) == tmp_path / "state" / "siscon" / "sandbox-9100.json"
    assert path_for(9100, tmp_path / "home") == tmp_path / "home" / "sandbox.json"


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"seed": 1, "ports": [1, 2, 3, 4]})])
def test_a_damaged_state_file_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)

    with pytest.raises(ValueError, match="not a sandbox state file"):
        load(path)


@pytest.mark.parametrize("students", [0, 9, 1_000_001])
def test_a_district_that_is_too_small_or_too_large_is_refused(tmp_path: Path, students: int) -> None:
    with pytest.raises(ValueError, match=r"between 10 and 1,000,000"):
        SandboxState(seed=1, students=students, day=0, port=9100, path=tmp_path / "s.json")


@pytest.mark.parametrize(("real", "rates"), [(True, [60, 100, 80]), (False, [60_000] * 3)])
def test_the_config_is_complete(tmp_path: Path, real: bool, rates: list[int]) -> None:
    state = SandboxState(seed=1, students=10, day=0, port=9100, path=tmp_path / "s.json")

    config = yaml.safe_load(launch.print_config(state, real_limits=real, home="it's: here"))

    assert config["home"] == "it's: here"
    assert list(config["integrations"]) == ["powerschool", "infinite_campus", "skyward"]
    assert [one["requests_per_minute"] for one in config["integrations"].values()] == rates
    assert [one["base_url"][-4:] for one in config["integrations"].values()] == ["9100", "9101", "9102"]
    assert config["integrations"]["infinite_campus"]["settings"] == {"app_name": "harborview"}
    assert config["integrations"]["skyward"]["settings"] == {"token_url": "http://127.0.0.1:9103/token"}
    assert all(
        one["client_secret"] == "${SISCON_SANDBOX_SECRET:-invented-secret}"
        for one in config["integrations"].values()
    )

"""A backup made in the middle of an import, restored in another home: the import goes on to the right end."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from siscon import runtime
from siscon.config import Settings
from siscon.domain.runs import GOOD_ENDS, Phase, RunStatus
from siscon.ops import audit as audit_desk
from siscon.ops import backups as desk
from siscon.store import backups
from support.clock import LIMIT_S, until
from support.processes import Sandbox, ServedHouse, config_for, running_sandbox, served_houses

Settle = Callable[[str], Awaitable[ServedHouse]]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox", students=150) as found:
        yield found


def settings_of(folder: Path, sandbox: Sandbox) -> Settings:
    """Small batches, so that applying takes a while, too."""
    settings = config_for(folder, sandbox)
    settings.file.write_text(
        f"{settings.file.read_text(encoding='utf-8')}\nengine: {{batch: 5}}\n", encoding="utf-8"
    )
    return runtime.load_settings(settings.file)


@pytest.fixture
async def settle(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Settle]:
    async with AsyncExitStack() as stack:
        children = stack.enter_context(served_houses())

        async def open_one(name: str) -> ServedHouse:
            settings = settings_of(tmp_path / name, sandbox)
            house = await stack.enter_async_context(runtime.open_house(settings))
            return ServedHouse(settings, house.db, children)

        yield open_one


def siscon(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "siscon", "--config", str(settings.file), *words],
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_S,
    )


async def imported(house: ServedHouse) -> None:
    child = await house.serve()
    await house.ask_for_import()
    await house.reaches(*GOOD_ENDS)
    house.end(child, signal.SIGTERM)


async def go_on_elsewhere(settle: Settle, tmp_path: Path, key: Path, backup: Path) -> ServedHouse:
    """Restore a backup in a home that holds nothing but the key, and let an engine see the import through."""
    settings = runtime.load_settings(tmp_path / "elsewhere.yaml")
    settings.home.mkdir(mode=0o700)
    shutil.copy(key, settings.home / "siscon.key")
    done = siscon(settings, "backup", "restore", str(backup), "--reason", "moved", "--yes")
    assert done.returncode == 0, done.stderr
    house = await settle("elsewhere")
    run = await house.newest()
    assert run is not None
    assert run.status is RunStatus.RUNNING, "the backup was made while the import ran"
    child = await house.serve()
    await house.reaches(*GOOD_ENDS)
    house.end(child, signal.SIGTERM)
    return house


@pytest.mark.long
@pytest.mark.parametrize("phase", [Phase.FETCH, Phase.APPLY])
async def test_a_backup_made_during_an_import_goes_on_elsewhere_to_the_same_end(
    settle: Settle, sandbox: Sandbox, tmp_path: Path, phase: Phase
):
    calm = await settle("calm")
    await imported(calm)
    sandbox.control("faults", {"delay_ms": 100 if phase is Phase.FETCH else 0})
    house = await settle("busy")
    child = await house.serve()
    asked_before = sandbox.pages
    await house.ask_for_import()

    async def is_in_the_middle() -> bool:
        run = await house.newest()
        begun = phase is Phase.APPLY or sandbox.pages - asked_before > 5
        return run is not None and run.phase is phase and begun

    await until(is_in_the_middle)
    if phase is Phase.FETCH:
        sandbox.control("faults", {"delay_ms": 5_000})  # a slow machine makes it within the import, too
        done = siscon(house.settings, "backup", "now", "--json")
        assert done.returncode == 0, done.stderr
        [listed] = desk.backup_rows(house.settings.backups)
        backup = Path(listed["file"])
    else:
        backup = tmp_path / "backup.db"
        backups.copy(house.settings.database, backup)
    sandbox.control("faults", {"delay_ms": 0})
    await house.reaches(*GOOD_ENDS)
    house.end(child, signal.SIGTERM)

    settings_of(tmp_path / "elsewhere", sandbox)
    other = await go_on_elsewhere(settle, tmp_path, house.settings.home / "siscon.key", backup)
    assert await other.content() == await calm.content()
    assert await other.counts() == await calm.counts()
    assert await house.content() == await calm.content()
    assert (await audit_desk.verify(other.db, other.settings.home)).is_whole
    run = await other.newest()
    assert run is not None
    assert run.attempt == 2

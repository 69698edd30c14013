"""``siscon sync --wait`` killed again and again: each next call goes on with the same run."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from siscon import runtime
from siscon.domain.runs import RunStatus
from support.clock import LIMIT_S, until
from support.processes import ServedHouse, config_for, running_sandbox

KILLS = 5


def waiting_sync(file: Path) -> subprocess.Popen[bytes]:
    words = ["--config", str(file), "sync", "powerschool", "--wait"]
    return subprocess.Popen(
        [sys.executable, "-m", "siscon", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.mark.long
async def test_a_waiting_sync_that_is_killed_is_gone_on_with_by_the_next(tmp_path: Path):
    rng = random.Random(5)
    with running_sandbox(tmp_path / "sandbox", students=150) as sandbox:
        calm, storm = (config_for(tmp_path / name, sandbox, page_size=6) for name in ("calm", "storm"))
        assert waiting_sync(calm.file).wait(2 * LIMIT_S) == 0
        asked = sandbox.pages
        sandbox.control("faults", {"delay_ms": 60})
        async with runtime.open_house(calm) as one, runtime.open_house(storm) as other:
            undisturbed, house = ServedHouse(calm, one.db, []), ServedHouse(storm, other.db, [])
            for attempt in range(1, KILLS + 1):
                so_far = sandbox.pages
                with waiting_sync(storm.file) as process:
                    await house.reaches_attempt(attempt)
                    if attempt % 2:  # three that die at the same place would end it
                        await until(lambda most=so_far + 2: sandbox.pages >= most)
                    time.sleep(rng.random() * 0.3)
                    process.kill()
            run = await house.newest()
            assert run is not None
            assert run.status is RunStatus.RUNNING, "slow the sandbox down: the import ended too early"
            sandbox.control("faults", {"delay_ms": 0})
            assert waiting_sync(storm.file).wait(2 * LIMIT_S) == 0

            async def is_done() -> bool:
                run = await house.newest()
                return run is not None and run.status is RunStatus.COMPLETED

            await until(is_done)
            run = await house.newest()
            assert run is not None
            assert (run.id, run.attempt) == (1, KILLS + 1)
            assert await house.content() == await undisturbed.content()
            assert sandbox.pages - asked <= asked + KILLS

"""Nearly a third of all answers are faults: the roster is that of a calm run, and no limit or wait is ever broken."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from pathlib import Path
from typing import Any

import httpx
import pytest

from siscon.domain.commands import StartRun
from siscon.domain.runs import GOOD_ENDS
from siscon.providers.contract import Provider, ProviderSettings, Rate
from siscon.providers.registry import load
from siscon.sandbox import launch
from siscon.sandbox.origin import client_id_of
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import SYSTEMS
from siscon.sandbox.world import CONTROL
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault
from support.clock import LIMIT_S
from support.engines import living_engine
from support.engines import settings_for as engine_settings
from support.sandbox_sis import sandbox, settings_for

SEEDS = range(20)
NAMES = ("powerschool", "infinite_campus", "skyward")
AT_ONCE_HERE = 5
RATE = Rate(requests=20, per_s=10.0, at_once=1)
"""Seconds in place of the minute of real systems, so that a run lasts for several windows."""

TABLES = (
    *("schools", "terms", "staff", "students", "courses", "sections", "enrollments"),
    *("staff_schools", "section_terms", "section_instructors", "harbor_mappings", "dead_records"),
)
MOMENTS = ("_at_ms", "_at", "missing_since", "run_id", "raw", "attempts")


def paced(name: str, rate: Rate) -> type[Provider]:
    """A real provider whose system stands another rate."""
    kind = load(name)

    class Paced(kind):  # type: ignore[misc, valid-type] # made from what was loaded
        @classmethod
        def rate_for(cls, settings: ProviderSettings) -> Rate:
            return rate

    return Paced


async def control(state: SandboxState, name: str, action: str, body: Any = None) -> Any:
    url = f"http://127.0.0.1:{state.ports[list(SYSTEMS).index(name)]}{CONTROL}{action}"
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as client:
        headers = {"X-Sandbox-Control": "yes"}
        method = "GET" if body is None else "POST"
        answer = await client.request(method, url, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def roster(folder: Path, state: SandboxState, name: str, rate: Rate) -> dict[str, list[dict[str, Any]]]:
    """What one import of a whole district leaves behind, without moments."""
    own = settings_for(load(name), state, page_size=15)
    settings = engine_settings(
        folder,
        provider=name,
        base_url=own.base_url,
        client_id=client_id_of(SYSTEMS[name]),
        client_secret=launch.INVENTED_SECRET,
        settings=own.model_dump(exclude={"base_url"}, exclude_defaults=True),
    )
    db = await open_database(folder / "siscon.db", synchronous="normal")
    try:
        kind = paced(name, rate)
        vault = Vault([bytes(range(32))])
        async with living_engine(db, settings, vault, load_provider=lambda _: kind) as living:
            row = await living.ask(StartRun("harbor", (), False))
            while (run := await living.run(row.run_id)).status not in GOOD_ENDS:
                assert run.error == "", run.error
                await asyncio.sleep(0.1)
        async with db.read() as c:
            found = {table: [dict(one) for one in await c.all(f"SELECT * FROM {table}")] for table in TABLES}  # type: ignore[call-overload] # rows are mappings
    finally:
        await db.close()
    return {
        table: [{key: one[key] for key in one if not key.endswith(MOMENTS)} for one in rows]
        for table, rows in found.items()
    }


def most_in_a_window(times: list[float], seconds: float) -> int:
    return max(bisect_left(times, start + seconds) - at for at, start in enumerate(times))


async def weather(folder: Path, seed: int, free: asyncio.Semaphore) -> dict[str, Any]:
    """A calm import and one in chaos over the same district; what the server saw of the second."""
    name = NAMES[seed % len(NAMES)]
    async with free, sandbox(folder / "sis", students=40, seed=seed) as state:
        calm = await roster(folder / "calm", state, name, Rate(0))
        await control(state, name, "reset", {})
        await control(state, name, "faults", {"chaos": {"seed": seed, "share": 0.3}})
        wild = await roster(folder / "wild", state, name, RATE)
        assert wild == calm, f"seed {seed} of {name}"
        assert len(calm["students"]) > 30
        return dict(await control(state, name, "stats"))


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_third_of_faults_changes_nothing_but_the_time(tmp_path: Path) -> None:
    free = asyncio.Semaphore(AT_ONCE_HERE)
    folders = [tmp_path / str(seed) for seed in SEEDS]
    for folder in folders:
        for part in ("sis", "calm", "wild"):
            (folder / part).mkdir(parents=True)

    seen = await asyncio.gather(*(weather(folders[seed], seed, free) for seed in SEEDS))

    assert sum(sum(one["chaos"].values()) for one in seen) > 100
    assert {kind for one in seen for kind in one["chaos"]} == {"429", "503", "reset"}
    assert [one["too_early"] for one in seen] == [0] * len(SEEDS)
    most = [most_in_a_window(one["times"], RATE.per_s) for one in seen]
    assert max(most) <= RATE.requests
    assert max(one["max_at_once"] for one in seen) == 1

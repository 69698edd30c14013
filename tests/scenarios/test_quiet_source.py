"""A source that gives less than yesterday: nobody is withdrawn, the operator is told why, and health comes back."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from siscon.providers.registry import load
from siscon.sandbox import launch
from siscon.sandbox.origin import client_id_of
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import ALL_SYSTEMS
from siscon.sandbox.world import CONTROL
from support.clock import LIMIT_S
from support.sandbox_sis import sandbox, settings_for

CONFIG = """
home: here
integrations:
  north:
    provider: {provider}
    base_url: {base_url}
    client_id: {client_id}
    client_secret: ${{NORTH_SECRET:-{secret}}}
    requests_per_minute: 0
    settings: {settings}
"""
HELD, ENDED_WELL = 3, {0, 4}


@dataclass
class District:
    """One configured connection to a system of the sandbox, used by the commands a person types."""

    name: str
    folder: Path
    state: SandboxState

    async def control(self, action: str, **values: Any) -> None:
        url = f"http://127.0.0.1:{self.state.ports[ALL_SYSTEMS[self.name].port]}{CONTROL}{action}"
        async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as http:
            answer = await http.post(url, headers={"X-Sandbox-Control": "yes"}, json=values)
        assert answer.status_code == 200, answer.text

    async def siscon(self, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "siscon", "--config", str(self.folder / "config.yaml"), *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, told.decode()

    async def sync(self) -> tuple[int, dict[str, Any]]:
        """A full comparison: its exit code, and the run as ``runs list --json`` tells it."""
        code, told = await self.siscon("sync", "north", "--full", "--wait")
        _, listed = await self.siscon("runs", "list", "--json")
        assert listed.strip(), told
        runs = [json.loads(line) for line in listed.splitlines()]
        return code, max(runs, key=lambda run: int(run["id"]))

    async def roster(self) -> set[tuple[str, str, str]]:
        """Who is known, and as what."""
        _, told = await self.siscon("records", "list", "--json")
        rows = [json.loads(line) for line in told.splitlines()]
        return {(one["entity"], one["external_id"], one["status"]) for one in rows}


@pytest.fixture(params=["powerschool", "infinite_campus", "skyward", "oneroster"])
async def district(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[District]:
    async with sandbox(tmp_path, students=60) as state:
        kind = load(request.param)
        own = settings_for(kind, state)
        text = CONFIG.format(
            provider=request.param,
            base_url=own.base_url,
            client_id=client_id_of(ALL_SYSTEMS[request.param]),
            secret=launch.INVENTED_SECRET,
            settings=json.dumps(own.model_dump(mode="json", exclude={"base_url"}, exclude_defaults=True)),
        )
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        yield District(request.param, tmp_path, state)


ACCIDENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "empty lists": ("faults", {"empty_lists": True}),
    "half of each list": ("quirks", {"half_pages": True}),
}


@pytest.mark.long
@pytest.mark.parametrize("accident", ACCIDENTS)
async def test_a_source_that_gives_less_withdraws_nobody(district: District, accident: str) -> None:
    code, _ = await district.sync()
    before = await district.roster()
    assert code in ENDED_WELL
    assert sum(entity == "student" for entity, *_ in before) > 50

    action, values = ACCIDENTS[accident]
    await district.control(action, **values)
    code, run = await district.sync()

    assert await district.roster() == before
    assert code == HELD, run
    assert "missing" in run["error"], run

    await district.control(action, **dict.fromkeys(values, False))
    await district.siscon("runs", "discard", str(run["id"]), "--reason", "an accident upstream")
    code, run = await district.sync()
    assert code in ENDED_WELL, run
    assert await district.roster() == before


COVERS_LESS: list[tuple[str, dict[str, Any], int, str]] = [
    ("infinite_campus", {"school_year": 1}, HELD, "school year"),
    (
        "infinite_campus",
        {"ids_epoch": 1},
        HELD,
        "came back under other ids: they were probably changed at the source",
    ),
    ("oneroster", {"granted_scopes": "roster-demographics.readonly"}, 1, "lacks a permission or scope"),
    ("oneroster", {"granted_scopes": "roster-core.readonly"}, 0, "does not offer demographics to this login"),
    ("powerschool", {"no_access": "STUDENTS.DOB"}, 1, "may not read STUDENTS.DOB"),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("district", "quirks", "expected", "said"), COVERS_LESS, ids=str, indirect=["district"]
)
async def test_a_login_that_covers_less_changes_nobody(
    district: District, quirks: dict[str, Any], expected: int, said: str
) -> None:
    await district.sync()
    before = await district.roster()

    await district.control("quirks", **quirks)
    code, run = await district.sync()

    assert code == expected, run
    assert await district.roster() == before
    _, shown = await district.siscon("runs", "show", str(run["id"]), "--json")
    assert said in shown

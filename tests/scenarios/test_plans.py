"""Plans by the commands a person types: a dry run, its file, its end; ids changed at the source, tied again."""

from __future__ import annotations

import asyncio
import csv
import json
import stat
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
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
from support.sandbox_sis import sandbox, settings_for

SYSTEM = "infinite_campus"
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


class District:
    """One connection to the sandbox."""

    def __init__(self, folder: Path, state: SandboxState) -> None:
        self.folder, self.state = folder, state

    async def control(self, action: str, **values: Any) -> None:
        url = f"http://127.0.0.1:{self.state.ports[ALL_SYSTEMS[SYSTEM].port]}{CONTROL}{action}"
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(url, headers={"X-Sandbox-Control": "yes"}, json=values)
        assert answer.status_code == 200, answer.text

    async def siscon(self, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "siscon", "--config", str(self.folder / "config.yaml"), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        text = told.decode()
        assert "Traceback" not in text
        assert process.returncode is not None
        return process.returncode, text

    async def rows(self, *arguments: str) -> list[dict[str, Any]]:
        _, told = await self.siscon(*arguments, "--json")
        return [json.loads(line) for line in told.splitlines() if line.startswith("{")]

    async def ties(self, entity: str) -> dict[int, str]:
        rows = await self.rows("mappings", "list", "--entity", entity)
        return {row["internal_id"]: row["external_id"] for row in rows if row["internal_id"] is not None}


@pytest.fixture
async def district(tmp_path: Path) -> AsyncIterator[District]:
    async with sandbox(tmp_path, students=60) as state:
        own = settings_for(load(SYSTEM), state)
        text = CONFIG.format(
            provider=SYSTEM,
            base_url=own.base_url,
            client_id=client_id_of(ALL_SYSTEMS[SYSTEM]),
            secret=launch.INVENTED_SECRET,
            settings=json.dumps(own.model_dump(mode="json", exclude={"base_url"}, exclude_defaults=True)),
        )
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        yield District(tmp_path, state)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_plan_is_made_looked_at_written_down_and_applied_or_thrown_away(district: District) -> None:
    code, told = await district.siscon("plan", "north")
    assert (code, "Nothing was changed" in told) == (0, True), told
    assert await district.rows("records", "list") == []
    (waiting,) = await district.rows("plans", "list")
    run = str(waiting["run_id"])
    assert (waiting["status"], waiting["create"] > 60) == ("planned", True)

    students = await district.rows("plans", "show", run, "--entity", "student", "--verdict", "create")
    assert {key: value for key, value in students[0]["changes"][0].items() if key != "new"} == {
        "field": "first_name",
        "old": None,
    }
    file, elsewhere = district.folder / "plan.csv", district.folder / "elsewhere"
    elsewhere.write_text("not ours", encoding="utf-8")
    file.symlink_to(elsewhere)
    await district.siscon("plans", "show", run, "--entity", "student", "--csv", str(file))
    assert elsewhere.read_text(encoding="utf-8") == "not ours"
    assert (file.is_symlink(), stat.S_IMODE(file.stat().st_mode)) == (False, 0o600)
    with file.open(encoding="utf-8", newline="") as listed:
        written = list(csv.DictReader(listed))
    assert {row["external_id"] for row in written} >= {row["external_id"] for row in students}

    code, told = await district.siscon("apply", run, "--entity", "school", "--wait")
    assert code in (0, 4), told
    assert {row["entity"] for row in await district.rows("records", "list")} == {"school"}
    code, _ = await district.siscon("plans", "show", run)
    assert code == 2

    await district.siscon("plan", "north", "--entity", "student")
    (waiting,) = await district.rows("plans", "list")
    code, told = await district.siscon("plans", "discard", str(waiting["run_id"]))
    assert (code, await district.rows("plans", "list")) == (0, []), told


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_users_with_other_ids_keep_their_records(district: District) -> None:
    await district.siscon("sync", "north", "--full", "--wait")
    students, staff = await district.ties("student"), await district.ties("staff")

    await district.control("quirks", ids_epoch=1)
    code, told = await district.siscon("plan", "north")
    assert code == 3, told
    code, told = await district.siscon("sync", "north", "--full", "--wait")
    assert code == 3, told
    run = next(row for row in await district.rows("runs", "list") if row["status"] == "held")
    assert run["error_code"] == "rekeyed", run
    code, told = await district.siscon("runs", "remap", str(run["id"]), "--reason", "another version")
    assert (code, "add --yes" in told) == (2, True), told
    code, told = await district.siscon(
        "runs", "remap", str(run["id"]), "--reason", "another version", "--yes"
    )
    assert code == 0, told
    code, told = await district.siscon("sync", "north", "--full", "--wait")
    assert code in (0, 4), told

    after = await district.ties("student"), await district.ties("staff")
    assert [ties.keys() for ties in after] == [students.keys(), staff.keys()]
    assert not set(after[0].values()) & set(students.values())
    await district.siscon("sync", "north", "--full", "--wait")
    last = (await district.rows("runs", "list"))[0]
    assert last["created"] == last["updated"] == last["missing"] == 0, last


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_a_mass_change_is_expected_by_the_command_line(district: District) -> None:
    await district.siscon("sync", "north", "--full", "--wait")
    told = ["rollover", "declare", "north", "--entity", "student", "--what", "missing", "--share", "0.9"]

    past = await district.siscon(*told, "--until", "2001-01-01", "--reason", "the new year")
    (row,) = [await district.siscon(*told, "--until", _soon(), "--reason", "the new year")]
    (listed,) = await district.rows("rollover", "list")
    ended = await district.siscon("rollover", "end", str(listed["id"]))
    (after,) = await district.rows("rollover", "list")

    assert (past[0], row[0], ended[0]) == (2, 0, 0), (past, row, ended)
    assert (listed["active"], after["active"], listed["share"]) == (True, False, 0.9)


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(days=20)).date().isoformat()

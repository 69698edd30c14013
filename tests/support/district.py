"""A district behind a real server, and the commands a person types against it, each a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from siscon.providers.registry import load
from siscon.sandbox import launch
from siscon.sandbox.origin import client_id_of
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import ALL_SYSTEMS
from siscon.sandbox.world import CONTROL
from support.clock import LIMIT_S
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
    """One connection, named north, to a district of the sandbox."""

    def __init__(self, folder: Path, state: SandboxState, system: str = SYSTEM) -> None:
        self.folder, self.state, self.system = folder, state, system

    async def control(self, action: str, **values: Any) -> None:
        url = f"http://127.0.0.1:{self.state.ports[ALL_SYSTEMS[self.system].port]}{CONTROL}{action}"
        async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as http:
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


@asynccontextmanager
async def open_district(
    folder: Path, *, students: int = 60, more: str = "", system: str = SYSTEM
) -> AsyncIterator[District]:
    """Serve a district and write the configuration that connects to it; ``more`` lines belong to the integration."""
    async with sandbox(folder, students=students) as state:
        own = settings_for(load(system), state)
        text = CONFIG.format(
            provider=system,
            base_url=own.base_url,
            client_id=client_id_of(ALL_SYSTEMS[system]),
            secret=launch.INVENTED_SECRET,
            settings=json.dumps(own.model_dump(mode="json", exclude={"base_url"}, exclude_defaults=True)),
        )
        (folder / "config.yaml").write_text(text + more, encoding="utf-8")
        yield District(folder, state, system)

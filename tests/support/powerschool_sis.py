"""A sandbox with a PowerSchool provider before it, and what that provider should find there."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from siscon.domain.records import Entity, Part, Record, to_dict
from siscon.providers.contract import Page
from siscon.providers.powerschool.provider import PowerSchool
from siscon.providers.transport.client import ApiClient, ClientLimits
from siscon.sandbox import truth
from siscon.sandbox.state import SandboxState, load
from siscon.sandbox.systems import POWERSCHOOL
from siscon.sandbox.world import CONTROL, district_of
from support.clock import LIMIT_S
from support.sandbox_sis import client_for, sandbox, settings_for


@dataclass
class PracticeDistrict:
    """A running sandbox and the house's client to it."""

    state: SandboxState
    client: ApiClient

    async def control(self, action: str, **values: Any) -> Any:
        url = f"http://127.0.0.1:{self.state.ports[0]}{CONTROL}{action}"
        async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as http:
            answer = await http.post(url, headers={"X-Sandbox-Control": "yes"}, json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def asked(self) -> dict[str, int]:
        """How often each path was asked for since the last reset."""
        url = f"http://127.0.0.1:{self.state.ports[0]}{CONTROL}stats"
        async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as http:
            answer = await http.get(url, headers={"X-Sandbox-Control": "yes"})
        return dict(answer.json()["by_path"])

    def provider(self, **more: Any) -> PowerSchool:
        return PowerSchool(self.client, settings_for(PowerSchool, self.state, **{"page_size": 40, **more}))

    def expected(self, entity: Entity) -> dict[str, dict[str, Any]]:
        """What a correct client understands, by external id."""
        district = district_of("powerschool", load(self.state.path))
        rows = truth.rows(POWERSCHOOL, district, entity.value)
        left_out = ("integration", "entity", "custom")
        return {
            row["external_id"]: {name: value for name, value in row.items() if name not in left_out}
            for row in rows
        }

    def broken(self, entity: Entity) -> set[str]:
        """The ids of records that no client can apply."""
        district = district_of("powerschool", load(self.state.path))
        return {row["external_id"] for row in truth.broken(POWERSCHOOL, district, entity.value)}


@contextlib.asynccontextmanager
async def practice_district(folder: Path, *, students: int = 130) -> AsyncIterator[PracticeDistrict]:
    """A district for one test, read by a client for which time does not pass."""

    async def no_wait(_seconds: float) -> None:
        return

    async with sandbox(folder, students=students) as state:
        limits = ClientLimits(attempts=2, limited_attempts=1)
        settings = settings_for(PowerSchool, state)
        async with client_for(PowerSchool, settings, limits=limits, sleep=no_wait) as client:
            yield PracticeDistrict(state, client)


def received(pages: list[Page]) -> dict[str, dict[str, Any]]:
    """The records of pages as the engine would have them: the later of two wins, parts are laid over."""
    found: dict[str, Record] = {}
    parts: dict[tuple[str, str], Part] = {}
    for page in pages:
        for one in page.records:
            if isinstance(one, Part):
                parts[one.external_id, one.part_id] = one
            else:
                found[one.external_id] = one
    for _, part in sorted(parts.items()):
        person = found[part.external_id]
        schools = (*person.schools, *part.fields["schools"])  # type: ignore[union-attr]  # only staff has parts
        found[part.external_id] = replace(person, schools=tuple(dict.fromkeys(schools)))  # type: ignore[call-arg]
    rows = {external_id: to_dict(one) for external_id, one in found.items()}
    for row in rows.values():
        row.pop("custom")
    return rows


def is_complete(pages: list[Page]) -> bool:
    return pages[-1].resume is None and not any(page.partial for page in pages)


def notes(pages: list[Page]) -> str:
    return " ".join(page.note for page in pages if page.note)

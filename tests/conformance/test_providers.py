"""The provider suite over the sandbox for each of our providers, and what they understood against the truth."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.records import Entity, Part, Record, to_dict
from siscon.providers.contract import Api, Page, ProviderSettings
from siscon.providers.registry import load
from siscon.providers.testing.suite import provider_suite
from siscon.sandbox import truth
from siscon.sandbox.systems import ALL_SYSTEMS
from siscon.sandbox.world import district_of
from support.sandbox_sis import client_for, kinds, next_day, sandbox, settings_for


def suite_over_sandbox(name: str, **more: Any) -> type:
    kind = load(name)
    opened: dict[str, ProviderSettings] = {}

    @contextlib.asynccontextmanager
    async def open_api() -> AsyncIterator[Api]:
        with tempfile.TemporaryDirectory() as folder:
            async with sandbox(Path(folder), students=60) as state:
                opened["settings"] = settings_for(kind, state, **more)
                async with client_for(kind, opened["settings"]) as api:
                    yield api

    return provider_suite(kind, settings=lambda: opened["settings"], open_api=open_api)


TestPowerSchool = suite_over_sandbox("powerschool", page_size=17)
TestPowerSchoolByWalk = suite_over_sandbox("powerschool", page_size=17, lists="walk")
TestInfiniteCampus = suite_over_sandbox("infinite_campus", page_size=17)
TestSkyward = suite_over_sandbox("skyward", page_size=17)
TestOneRoster11 = suite_over_sandbox("oneroster", page_size=17, version="1.1")
TestOneRoster12 = suite_over_sandbox("oneroster", page_size=17)
TestSkywardWithoutFilter = suite_over_sandbox("skyward", page_size=17, enrollment_filter=False)


def laid_over(pages: list[Page]) -> dict[str, Record]:
    """Records with their parts laid over them, as the engine does it."""
    every = [one for page in pages for one in page.records]
    found = {one.external_id: one for one in every if not isinstance(one, Part)}
    parts = {(one.external_id, one.part_id): one for one in every if isinstance(one, Part)}
    for (external_id, _), part in sorted(parts.items()):
        if external_id in found:
            record = found[external_id]
            fields = {
                name: (*getattr(record, name), *(one for one in value if one not in getattr(record, name)))
                if isinstance(value, tuple)
                else value
                for name, value in part.fields.items()
            }
            found[external_id] = replace(record, **fields)
    return found


def differences(
    system: str, district: Any, entity: Entity, found: dict[str, Record]
) -> list[tuple[str, str, object, object]]:
    wanted = {row["external_id"]: row for row in truth.rows(ALL_SYSTEMS[system], district, entity.value)}
    broken = {row["external_id"] for row in truth.broken(ALL_SYSTEMS[system], district, entity.value)}
    wrong: list[tuple[str, str, object, object]] = [
        (external_id, "there", True, False) for external_id in found.keys() - wanted.keys() - broken
    ]
    for external_id, row in wanted.items():
        if external_id not in found:
            wrong.append((external_id, "there", False, True))
            continue
        values = to_dict(found[external_id])
        wrong += [
            (external_id, name, value, row[name]) for name, value in values.items() if value != row[name]
        ]
    return wrong


@pytest.mark.parametrize("day", [0, 2])
async def test_every_entity_of_every_system_is_understood_as_it_is(day: int, tmp_path: Path) -> None:
    async with sandbox(tmp_path, students=300) as state:
        for _ in range(day):
            await next_day(state)
        wrong: list[Any] = []
        for kind in kinds():
            settings = settings_for(kind, state)
            async with client_for(kind, settings) as api:
                for entity in kind.entities:
                    pages = [
                        page async for page in kind(api, settings).pages(entity, cursor=None, resume=None)
                    ]
                    district = district_of(kind.name, state)
                    wrong += differences(kind.name, district, entity, laid_over(pages))

    assert wrong == []


@pytest.mark.parametrize("name", ["infinite_campus", "skyward"])
async def test_an_increment_brings_changed_records_whole(name: str, tmp_path: Path) -> None:
    kind = load(name)
    async with sandbox(tmp_path, students=300) as state:
        settings = settings_for(kind, state)
        async with client_for(kind, settings) as api:
            await next_day(state)
            changed_since = state.moments[1]
            for entity in (Entity.STUDENT, Entity.ENROLLMENT):
                provider = kind(api, settings)
                pages = [
                    page
                    async for page in provider.pages(entity, cursor="2026-01-01T00:00:00.000Z", resume=None)
                ]
                assert differences(name, district_of(name, state), entity, laid_over(pages)) == []

                pages = [page async for page in provider.pages(entity, cursor=changed_since, resume=None)]
                found = laid_over(pages)
                wrong = differences(name, district_of(name, state), entity, found)
                assert len(found) < 40
                assert [one for one in wrong if one[1] != "there"] == []

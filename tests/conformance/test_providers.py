"""The provider suite over the sandbox for each of our providers, and what they understood against the truth."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conformance.readings import differences, laid_over
from siscon.domain.records import Entity
from siscon.providers.contract import Api, ProviderSettings
from siscon.providers.registry import load
from siscon.providers.testing.suite import provider_suite
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
TestInfiniteCampus = suite_over_sandbox("infinite_campus", page_size=17)
TestSkyward = suite_over_sandbox("skyward", page_size=17)
TestOneRoster12 = suite_over_sandbox("oneroster", page_size=17)

# The same systems as they are seldom met: for the full check.
seldom = pytest.mark.long
TestPowerSchoolByWalk = seldom(suite_over_sandbox("powerschool", page_size=17, lists="walk"))
TestOneRoster11 = seldom(suite_over_sandbox("oneroster", page_size=17, version="1.1"))
TestSkywardWithoutFilter = seldom(suite_over_sandbox("skyward", page_size=17, enrollment_filter=False))


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

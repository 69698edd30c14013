"""Skyward SMS 2.0's own interface over the sandbox: what the provider suite asks, and what the district truly holds."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity, Record
from siscon.providers.contract import Answer, Api, ProviderSettings
from siscon.providers.grants import Password
from siscon.providers.skyward.native import next_cursor
from siscon.providers.skyward.provider import Skyward
from siscon.providers.testing.suite import provider_suite, walk
from siscon.sandbox import truth
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import SKYWARD
from siscon.sandbox.world import CONTROL, district_of
from support.clock import LIMIT_S
from support.sandbox_sis import client_for, next_day, sandbox, settings_for

TOLD = {
    Entity.SCHOOL: ("name", "status"),
    Entity.STUDENT: (
        "first_name", "middle_name", "last_name", "local_id", "state_id", "birth_date", "email", "school",
    ),
}  # fmt: skip
"""The fields that this interface tells."""


def native(state: SandboxState, **more: object) -> ProviderSettings:
    return settings_for(Skyward, state, flavour="sms_v1", **more)


def suite() -> type:
    opened: dict[str, ProviderSettings] = {}

    @contextlib.asynccontextmanager
    async def open_api() -> AsyncIterator[Api]:
        with tempfile.TemporaryDirectory() as folder:
            async with sandbox(Path(folder), students=60) as state:
                opened["settings"] = native(state, page_size=17)
                async with client_for(Skyward, opened["settings"]) as api:
                    yield api

    return provider_suite(Skyward, settings=lambda: opened["settings"], open_api=open_api)


TestSkywardNative = suite()


async def set_switch(state: SandboxState, **values: object) -> None:
    url = f"http://127.0.0.1:{state.ports[2]}{CONTROL}quirks"
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as client:
        answer = await client.post(url, json=values, headers={"X-Sandbox-Control": "yes"})
    assert answer.status_code == 200


@pytest.mark.parametrize("day", [0, 2])
async def test_schools_and_students_are_understood_as_they_are(day: int, tmp_path: Path) -> None:
    async with sandbox(tmp_path, students=300) as state:
        for _ in range(day):
            await next_day(state)
        settings = native(state, page_size=50)
        district = district_of("skyward", state)
        async with client_for(Skyward, settings) as api:
            for entity, fields in TOLD.items():
                pages = await walk(Skyward(api, settings), entity)
                found: dict[str, Record] = {
                    one.external_id: one  # type: ignore[misc] # this interface gives no parts
                    for page in pages
                    for one in page.records
                }
                rejected = {one.external_id for page in pages for one in page.rejected}
                wanted = {
                    row["external_id"]: row
                    for row in truth.rows(SKYWARD, district, entity.value)
                    if row["status"] != "inactive"
                }
                broken = {row["external_id"] for row in truth.broken(SKYWARD, district, entity.value)}
                assert found.keys() == wanted.keys()
                assert rejected == broken
                assert [
                    (key, name)
                    for key, record in found.items()
                    for name in fields
                    if getattr(record, name) != wanted[key][name]
                ] == []


async def test_the_token_may_be_asked_for_at_the_interface_itself(tmp_path: Path) -> None:
    async with sandbox(tmp_path, students=60) as state:
        base_url = f"http://127.0.0.1:{state.ports[2]}/v1"
        settings = Skyward.Settings.model_validate(
            {"base_url": base_url, "token_url": f"{base_url}/token", "flavour": "sms_v1"}
        )
        async with client_for(Skyward, settings) as api:
            pages = await walk(Skyward(api, settings), Entity.SCHOOL)

    assert pages[0].records


async def test_a_cursor_that_comes_again_ends_the_walk(tmp_path: Path) -> None:
    async with sandbox(tmp_path, students=300) as state:
        await set_switch(state, cursor_repeats=True)
        settings = native(state, page_size=50)
        async with client_for(Skyward, settings) as api:
            with pytest.raises(ProviderError) as refused:
                await walk(Skyward(api, settings), Entity.STUDENT)

    assert refused.value.code == "paging_loop"


def test_it_offers_what_it_can_give_and_logs_in_with_a_password() -> None:
    told = {
        "base_url": "https://sis.example",
        "token_url": "https://sis.example/v1/token",
        "flavour": "sms_v1",
    }
    settings = Skyward.Settings.model_validate(told)

    assert Skyward.offers(settings) == (Entity.SCHOOL, Entity.STUDENT)
    assert Skyward.grant(settings) == Password("https://sis.example/v1/token")


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ("", None),
        ('<https://sis.example/v1/students?cursor=XY%3D&limit=5>; rel="next"', "XY="),
        ('</v1/students?paging.cursor=7>; rel="next"', "7"),
    ],
)
def test_the_next_cursor_is_read_from_the_link(link: str, cursor: str | None) -> None:
    answer = Answer(200, {"link": link} if link else {}, b"[]", "https://sis.example/v1/students")

    assert next_cursor(answer) == cursor


def test_a_next_page_without_a_cursor_is_an_error() -> None:
    answer = Answer(200, {"link": '</v1/students>; rel="next"'}, b"[]", "https://sis.example/v1/students")

    with pytest.raises(ProviderError):
        next_cursor(answer)


async def test_single_records_are_left_to_the_lists(tmp_path: Path) -> None:
    async with sandbox(tmp_path, students=60) as state:
        settings = native(state)
        async with client_for(Skyward, settings) as api:
            provider = Skyward(api, settings)
            assert await provider.one(Entity.STUDENT, "1") is None
            assert await provider.related(Entity.ENROLLMENT, Entity.STUDENT, "1") is None

"""OneRoster of any vendor over the practice server: with each of its switches the district is understood as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

from conformance.readings import differences, laid_over
from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity, Record, Student
from siscon.providers.contract import Page
from siscon.providers.grants import (
    ApiKey,
    AuthorizationCode,
    ClientCredentials,
    Grant,
    Password,
    StaticBearer,
)
from siscon.providers.oneroster.provider import OneRosterRest
from siscon.providers.testing.tampering import Tampered
from siscon.sandbox.state import SandboxState
from siscon.sandbox.world import district_of
from support.sandbox_sis import client_for, sandbox, settings_for, switch

TOKENS = "https://sis.example/token"

READ_WHOLE: dict[str, dict[str, Any]] = {
    "as it is": {},
    "totals too low": {"total_count": "low", "link_header": False},
    "neither totals nor links": {"total_count": "none", "link_header": False},
    "neither, and cut": {"total_count": "none", "link_header": False, "max_page_size": 11},
    "an error above the limit": {"max_page_size": 100, "over_cap": "error"},
    "short pages": {"short_pages": True},
    "pages that overlap": {"overlap_rows": 3},
    "rows deleted meanwhile": {"shift_rows": 2},
    "rows inserted meanwhile": {"insert_rows": 2},
    "no addresses in references": {"hrefs": "none"},
    "flat lists only": {"nested_paths": False},
    "no filters": {"filter_clauses": 0},
    "errors as a web page": {"error_dialect": "html", "filter_clauses": 0},
    "true and false of JSON": {"booleans": "json"},
    "no tombstones": {"tombstones": False},
}
"""Switches under which every record must arrive and nothing may be called partial."""


@pytest_asyncio.fixture
async def state(tmp_path: Path) -> AsyncIterator[SandboxState]:
    async with sandbox(tmp_path, students=60) as running:
        yield running


async def read(state: SandboxState, **settings: Any) -> dict[Entity, list[Page]]:
    wanted = settings_for(OneRosterRest, state, **settings)
    async with client_for(OneRosterRest, wanted) as api:
        provider = OneRosterRest(api, wanted)
        return {
            entity: [page async for page in provider.pages(entity, cursor=None, resume=None)]
            for entity in provider.entities
        }


def wrong(state: SandboxState, found: Mapping[Entity, list[Page]]) -> list[Any]:
    district = district_of("oneroster", state)
    return [
        one
        for entity, pages in found.items()
        for one in differences("oneroster", district, entity, laid_over(pages))
    ]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("switches", READ_WHOLE)
async def test_the_district_is_understood_as_it_is(switches: str, version: str, state: SandboxState) -> None:
    await switch(state, "oneroster", **READ_WHOLE[switches])
    size = 500 if "error above" in switches else 17

    found = await read(state, version=version, page_size=size)

    changed = {"deleted", "inserted", "tombstones"} & set(switches.split())
    assert [one for one in wrong(state, found) if not changed] == []
    if not changed:
        assert not any(page.partial for pages in found.values() for page in pages)


@pytest.mark.parametrize(
    "switches", [{"total_count": "wrong"}, {"total_count": "wrong", "link_header": False}]
)
async def test_fewer_than_announced_is_partial_and_nothing_is_lost(
    switches: dict[str, Any], state: SandboxState
) -> None:
    await switch(state, "oneroster", **switches)

    found = await read(state, page_size=17)

    assert wrong(state, found) == []
    assert all(pages[-1].partial or not pages[-1].total for pages in found.values())


@pytest.mark.parametrize("switches", [{"repeat_page": True}, {"foreign_next": True}])
async def test_what_leads_nowhere_or_elsewhere_ends_the_walk(
    switches: dict[str, Any], state: SandboxState
) -> None:
    await switch(state, "oneroster", **switches)
    with pytest.raises(ProviderError) as caught:
        await read(state, page_size=5)
    assert caught.value.code in ("paging_loop", "foreign_origin")


async def test_without_the_scope_for_demographics_birth_dates_are_left_as_they_are_known(
    state: SandboxState,
) -> None:
    await switch(state, "oneroster", granted_scopes="roster.readonly roster-core.readonly")

    found = await read(state, page_size=17)

    last = found[Entity.STUDENT][-1]
    assert last.absent_fields == ("birth_date", "gender")
    assert "demographics" in last.note
    assert not last.partial
    with pytest.raises(ProviderError) as caught:
        await read(state, demographics=True)
    assert caught.value.code == "forbidden"


async def test_excluded_orgs_take_all_of_theirs_with_them(tmp_path: Path) -> None:
    async with sandbox(tmp_path, students=1_500) as state:
        whole = await read(state)
        schools = sorted(laid_over(whole[Entity.SCHOOL]))
        assert len(schools) > 1

        found = await read(state, exclude_orgs=(schools[0],))

    kept: dict[Entity, dict[str, Record]] = {entity: laid_over(pages) for entity, pages in found.items()}
    assert sorted(kept[Entity.SCHOOL]) == schools[1:]
    students = [one for one in kept[Entity.STUDENT].values() if isinstance(one, Student)]
    assert 0 < len(students) < len(laid_over(whole[Entity.STUDENT]))
    assert all(one.school != schools[0] for one in students)
    sections = {*kept[Entity.SECTION], None}
    assert all(getattr(one, "section", None) in sections for one in kept[Entity.ENROLLMENT].values())


async def test_coverage_names_version_and_school_year_in_one_request_and_sees_a_new_year(
    state: SandboxState,
) -> None:
    wanted = settings_for(OneRosterRest, state)
    async with client_for(OneRosterRest, wanted) as api:
        counted = Tampered(api)
        before = await OneRosterRest(counted, wanted).coverage()
        assert counted.asked == 1
    assert before["OneRoster"] == "1.2"
    assert before["school year"].isdigit()


async def test_a_list_costs_hardly_more_requests_than_it_has_pages(state: SandboxState) -> None:
    wanted = settings_for(OneRosterRest, state, page_size=40)
    async with client_for(OneRosterRest, wanted) as api:
        counted = Tampered(api)
        provider = OneRosterRest(counted, wanted)
        least = 0
        for entity in provider.entities:
            pages = [page async for page in provider.pages(entity, cursor=None, resume=None)]
            rows = sum(1 for page in pages for _ in page.records)
            least += max(1, -(-rows // 40))
    assert counted.asked <= 1.3 * least


@pytest.mark.parametrize(
    ("login", "more", "kind"),
    [
        ("client_credentials", {"client_auth": "post"}, ClientCredentials),
        ("private_key_jwt", {}, ClientCredentials),
        ("password", {}, Password),
        ("authorization_code", {"authorize_url": "https://sis.example/allow"}, AuthorizationCode),
        ("bearer", {}, StaticBearer),
        ("api_key", {"api_key_header": "X-Key"}, ApiKey),
    ],
)
def test_each_login_has_its_grant(login: str, more: dict[str, Any], kind: type[Grant]) -> None:
    settings = OneRosterRest.Settings(base_url="https://sis.example", login=login, token_url=TOKENS, **more)
    grant = OneRosterRest.grant(settings)

    assert isinstance(grant, kind)
    if isinstance(grant, ClientCredentials):
        wanted = {"private_key_jwt": "private_key_jwt"}.get(login, "client_secret_post")
        assert (grant.token_url, grant.client_auth) == (TOKENS, wanted)
        assert "roster-demographics.readonly" in grant.scope


@pytest.mark.parametrize("login", ["client_credentials", "password", "authorization_code"])
def test_a_login_without_its_addresses_is_refused(login: str) -> None:
    with pytest.raises(ValidationError):
        OneRosterRest.Settings(base_url="https://sis.example", login=login)

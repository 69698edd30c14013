"""Every switch of the sandbox, one at a time, under every provider: what is read is whole, or said not to be."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from conformance.readings import differences, laid_over
from siscon.domain.errors import ProviderError, TransientError
from siscon.domain.records import Entity
from siscon.providers.contract import Api, Page, ProviderSettings
from siscon.providers.registry import load
from siscon.providers.testing.suite import provider_suite
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.world import district_of
from support.sandbox_sis import client_for, sandbox, settings_for, switch

TOKENS: dict[str, list[Any]] = {
    "expires_in_as_string": [True, False],
    "no_expires_in": [True],
    "token_seconds": [2],
    "scope_required": [True],
    "rotate_refresh": [False],
    "refresh_without_new": [True],
}
PAGES: dict[str, list[Any]] = {
    "at_once": [1],
    "max_page_size": [11],
    "over_cap": ["error", "clamp"],
    "shift_rows": [2],
    "insert_rows": [2],
    "repeat_page": [True],
    "overlap_rows": [3],
    "empty_middle": [True],
    "short_pages": [True],
    "redirect_to": ["http://elsewhere.example"],
    "clock_skew_s": [-90_000, 90_000],
    "etag": [True],
}
ONEROSTER: dict[str, list[Any]] = {
    **TOKENS,
    **PAGES,
    "granted_scopes": ["roster.readonly roster-core.readonly"],
    "total_count": ["wrong", "low", "moving", "none"],
    "link_header": [False],
    "foreign_next": [True],
    "hrefs": ["absolute", "relative", "none"],
    "nested_paths": [False],
    "error_dialect": ["flat", "wrapped", "string", "set", "list", "html"],
    "unknown_field": ["error", "warning"],
    "filter_clauses": [0, 1],
    "tombstones": [False],
    "booleans": ["string", "json"],
}
POWERSCHOOL: dict[str, list[Any]] = {
    **TOKENS,
    **PAGES,
    "single_as_object": [False],
    "empty_as_text": [False],
    "digits_as_numbers": [False],
    "xml_without_accept": [False],
    "power_queries": [False],
    "record_as_object": [True],
    "metadata": [False],
    "no_access": ["STUDENTS.DOB"],
    "unknown_columns": ["STUDENTS.DOB"],
    "outage": [True],
    "dataversion": [False],
    "dataversion_as_int": [True],
    "dataversion_days": [1],
    "too_many_body": ["message"],
}
SWITCHES = {
    "powerschool": POWERSCHOOL,
    "infinite_campus": ONEROSTER,
    "skyward": ONEROSTER,
    "oneroster": ONEROSTER,
}

PROVEN_ELSEWHERE = {
    **dict.fromkeys(
        ("requests_per_minute", "min_interval_ms", "retry_after", "limited_answer"),
        "tests/faults, tests/sandbox",
    ),
    **dict.fromkeys(("half_pages", "school_year", "ids_epoch"), "tests/scenarios: a person looks first"),
    "cursor_repeats": "tests/providers/skyward",
}
"""Switches that say nothing of one walk: they take a clock, or the reading of the day before."""

ENDS = {
    "repeat_page": {"paging_loop"},
    "foreign_next": {"foreign_origin"},
    "redirect_to": {"redirect_refused"},
    "outage": {"outage"},
    "no_access": {"no_access"},
    "unknown_columns": {"bad_column"},
}
"""What no reading can be whole under: the error that says so."""

ROWS_CHANGE = {"shift_rows", "insert_rows"}
CASES = [
    pytest.param(system, name, value, id=f"{system}-{name}-{value}"[:60])
    for system, switches in SWITCHES.items()
    for name, values in switches.items()
    for value in values
]


def test_no_switch_is_forgotten() -> None:
    every = {one.name for one in fields(Quirks)}

    assert {*POWERSCHOOL, *ONEROSTER, *PROVEN_ELSEWHERE} == every


async def read(api: Api, settings: ProviderSettings, name: str) -> dict[Entity, list[Page]]:
    kind = load(name)
    provider = kind(api, settings)
    return {
        entity: [page async for page in provider.pages(entity, cursor=None, resume=None)]
        for entity in kind.entities
    }


@pytest.mark.long
@pytest.mark.parametrize(("system", "name", "value"), CASES)
async def test_what_is_read_is_whole_or_said_not_to_be(
    system: str, name: str, value: Any, tmp_path: Path
) -> None:
    kind = load(system)
    async with sandbox(tmp_path, students=40) as state:
        await switch(state, system, **{name: value})
        settings = settings_for(kind, state, page_size=17)
        async with client_for(kind, settings) as api:
            if name in ENDS:
                with pytest.raises((ProviderError, TransientError)) as caught:
                    await read(api, settings, system)
                assert caught.value.code in ENDS[name]
                return
            found = await read(api, settings, system)

        district = district_of(system, state)
        for entity, pages in found.items():
            wrong = differences(system, district, entity, laid_over(pages))
            told = {field for page in pages for field in page.absent_fields}
            wrong = [one for one in wrong if one[1] not in told]
            if name not in ROWS_CHANGE and not any(page.partial for page in pages):
                assert wrong == [], entity
            assert [one for one in wrong if one[1] != "there"] == [], entity


def suite_under(system: str, quirks: dict[str, Any]) -> type:
    """The whole conformance suite over a sandbox system with some switches set."""
    kind = load(system)
    opened: dict[str, ProviderSettings] = {}

    @contextlib.asynccontextmanager
    async def open_api() -> AsyncIterator[Api]:
        with tempfile.TemporaryDirectory() as folder:
            async with sandbox(Path(folder), students=40) as state:
                await switch(state, system, **quirks)
                opened["settings"] = settings_for(kind, state, page_size=17)
                async with client_for(kind, opened["settings"]) as api:
                    yield api

    return pytest.mark.long(provider_suite(kind, settings=lambda: opened["settings"], open_api=open_api))


TestOneRosterBare = suite_under(
    "oneroster", {"total_count": "none", "link_header": False, "nested_paths": False}
)
TestOneRosterCut = suite_under(
    "oneroster", {"total_count": "none", "link_header": False, "max_page_size": 11}
)
TestOneRosterOddPages = suite_under(
    "oneroster", {"short_pages": True, "overlap_rows": 2, "link_header": False}
)
TestOneRosterOddWords = suite_under(
    "oneroster", {"booleans": "json", "hrefs": "none", "error_dialect": "html"}
)
TestPowerSchoolWalked = suite_under("powerschool", {"power_queries": False, "metadata": False})
TestPowerSchoolOddPages = suite_under("powerschool", {"max_page_size": 11, "overlap_rows": 2})
TestPowerSchoolOddWords = suite_under(
    "powerschool",
    {"single_as_object": False, "empty_as_text": False, "digits_as_numbers": False, "record_as_object": True},
)

"""When records changed, as our providers understand the sandbox: a moment of each, and it moves with the record."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from conformance.readings import laid_over
from siscon.domain.records import Entity, to_dict
from siscon.providers.contract import Page
from siscon.providers.registry import load
from support.sandbox_sis import client_for, next_day, sandbox, settings_for


def moments_in(pages: list[Page]) -> dict[str, str]:
    """The latest that pages tell of each record."""
    found: dict[str, str] = {}
    for page in pages:
        for external_id, moment in page.modified.items():
            found[external_id] = max(found.get(external_id, moment), moment, key=datetime.fromisoformat)
    return found


@pytest.mark.parametrize("name", ["infinite_campus", "skyward", "oneroster"])
async def test_a_record_that_changed_tells_a_later_moment_and_no_other_does(
    name: str, tmp_path: Path
) -> None:
    kind = load(name)
    async with sandbox(tmp_path, students=300) as state:
        settings = settings_for(kind, state, page_size=100)
        async with client_for(kind, settings) as api:
            for entity in kind.entities:

                async def read(entity: Entity = entity) -> list[Page]:
                    walk = kind(api, settings).pages(entity, cursor=None, resume=None)
                    return [page async for page in walk]

                before = await read()
                days = len(state.moments)
                await next_day(state)
                after = await read()

                known, moved = moments_in(before), moments_in(after)
                old, new = laid_over(before), laid_over(after)
                assert known.keys() >= old.keys()
                assert moved.keys() >= new.keys()
                began = datetime.fromisoformat(state.moments[days])
                for external_id, record in new.items():
                    is_same = external_id in old and to_dict(old[external_id]) == to_dict(record)
                    if not is_same:
                        assert datetime.fromisoformat(moved[external_id]) >= began, (entity, external_id)
                    if moved[external_id] == known.get(external_id):
                        assert is_same


@pytest.mark.parametrize("lists", ["auto", "walk"])
async def test_powerschool_tells_no_moment_for_its_lists_carry_none(lists: str, tmp_path: Path) -> None:
    kind = load("powerschool")
    async with sandbox(tmp_path, students=60) as state:
        settings = settings_for(kind, state, lists=lists)
        async with client_for(kind, settings) as api:
            for entity in kind.entities:
                async for page in kind(api, settings).pages(entity, cursor=None, resume=None):
                    assert page.modified == {}

"""Walking OneRoster's lists: what belongs to whom."""

from __future__ import annotations

import json
from collections.abc import Mapping

from siscon.domain.records import Entity
from siscon.providers.contract import Answer
from siscon.providers.oneroster.pages import OneRosterPages
from siscon.providers.oneroster.settings import OneRosterSettings


class TwoLists:
    """A class 7 and a teacher's enrollment with the same id that makes no sense."""

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
    ) -> Answer:
        name = path.rsplit("/", 1)[-1]
        rows = {
            "classes": [{"sourcedId": "7", "status": "active", "course": {"sourcedId": "c1"}}],
            "enrollments": [{"sourcedId": "7", "status": "active", "role": "teacher"}],
        }
        headers = {"x-total-count": "1"}
        return Answer(
            200, headers, json.dumps({name: rows[name]}).encode(), f"https://sis.example.org/{name}"
        )

    async def post(self, *_: object, **__: object) -> Answer:
        raise AssertionError


async def test_a_broken_teaching_never_buries_the_class_that_has_its_id_by_chance() -> None:
    settings = OneRosterSettings(base_url="https://sis.example.org")
    walk = OneRosterPages(TwoLists(), settings, "or").pages(Entity.SECTION, cursor=None, resume=None)

    pages = [page async for page in walk]

    assert [one.external_id for page in pages for one in page.records] == ["7"]
    assert [one.external_id for page in pages for one in page.rejected] == [None]

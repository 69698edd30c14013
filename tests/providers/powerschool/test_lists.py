"""Whatever moves while a numbered list is read: it never looks complete when a row that was there is lacking."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.errors import ProviderError
from siscon.domain.records import Entity
from siscon.providers.contract import Answer, Page
from siscon.providers.powerschool.provider import PowerSchool


class Moving:
    """A list of schools that loses rows, or gains rows, at given requests."""

    def __init__(self, rows: int, size: int, moves: dict[int, int], *, grows: bool, counts: bool) -> None:
        self.ids = list(range(1, rows + 1))
        self.size, self.moves, self.grows, self.counts = size, moves, grows, counts
        self.stayed = set(self.ids)
        self.number = 0

    def _move(self) -> None:
        self.number += 1
        where = self.moves.get(self.number)
        if where is None:
            return
        if self.grows:
            self.ids.insert(where % (len(self.ids) + 1), 1_000 + self.number)
        elif self.ids:
            self.stayed.discard(self.ids.pop(where % len(self.ids)))

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
    ) -> Answer:
        if path.endswith("metadata"):
            return told({"metadata": {"school_max_page_size": self.size}})
        self._move()
        if path.endswith("count"):
            if not self.counts:
                raise ProviderError("no", code="not_found")
            return told({"resource": {"count": len(self.ids)}})
        page = int((params or {})["page"])
        shown = self.ids[(page - 1) * self.size : page * self.size]
        return told({"schools": {"school": [{"id": one, "name": f"School {one}"} for one in shown]}})

    async def post(self, *_: object, **__: object) -> Answer:
        raise AssertionError


def told(body: Any) -> Answer:
    return Answer(200, {}, json.dumps(body).encode(), "https://sis.example.org/")


def read(api: Moving) -> list[Page] | None:
    """The pages; None when the reading was refused because pages came again."""

    async def all_pages() -> list[Page]:
        provider = PowerSchool(api, PowerSchool.Settings(base_url="https://sis.example.org"))
        return [page async for page in provider.pages(Entity.SCHOOL, cursor=None, resume=None)]

    try:
        return asyncio.run(all_pages())
    except ProviderError as error:
        if error.code != "paging_loop":
            raise
        return None


MOVES = st.dictionaries(st.integers(1, 30), st.integers(0, 40), max_size=6)


@given(rows=st.integers(0, 30), size=st.integers(1, 9), moves=MOVES, grows=st.booleans())
def test_a_list_that_grows_or_shrinks_is_whole_partial_or_refused(
    rows: int, size: int, moves: dict[int, int], grows: bool
) -> None:
    api = Moving(rows, size, moves, grows=grows, counts=True)
    pages = read(api)
    if pages is None:
        return

    got = {int(one.external_id) for page in pages for one in page.records}
    assert pages[-1].resume is None
    assert [page.resume for page in pages[:-1]].count(None) == 0
    if not any(page.partial for page in pages):
        assert api.stayed <= got


@given(rows=st.integers(0, 30), size=st.integers(1, 9), counts=st.booleans())
def test_a_list_that_stays_is_whole_and_read_once(rows: int, size: int, counts: bool) -> None:
    api = Moving(rows, size, {}, grows=False, counts=counts)

    pages = read(api)

    assert pages is not None
    got = [int(one.external_id) for page in pages for one in page.records]
    assert got == api.ids
    assert not any(page.partial or page.note for page in pages)

"""What PowerSchool says in ways of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from siscon.domain.errors import ProviderError, RateLimited, TransientError
from siscon.domain.records import Entity
from siscon.providers.contract import Answer, Page
from siscon.providers.powerschool import PowerSchool


def judged(status: int, body: object) -> Exception | None:
    return PowerSchool.classify(
        Answer(status, {}, json.dumps(body).encode(), "https://sis.example.org/ws/v1/x")
    )


def test_a_302_is_an_outage() -> None:
    error = judged(302, "")

    assert isinstance(error, TransientError)
    assert error.code == "outage"


def test_missing_fields_are_named() -> None:
    errors = [{"resource": "s", "field": "STUDENTS.DOB", "code": "NoAccess"}]

    error = judged(403, {"message": "At least one column lacks sufficient permission", "errors": errors})

    assert isinstance(error, ProviderError)
    assert "STUDENTS.DOB" in error.sentence


@pytest.mark.parametrize(
    ("message", "wait_s"),
    [
        ("Too many requests. Wait 7 seconds and try again.", 7.0),
        ("too many requests, wait 250 milliseconds", 0.25),
        ("Too many requests", None),
        ("Too many requests: wait 99999 s", 900.0),
    ],
)
def test_the_wait_is_read_from_the_words(message: str, wait_s: float | None) -> None:
    error = judged(429, {"message": message})

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == wait_s


@pytest.mark.parametrize("status", [400, 401, 404, 503])
def test_the_rest_goes_by_the_common_table(status: int) -> None:
    assert judged(status, {"message": "x"}) is None


class WalkApi:
    """One school with two sections of one enrollment each; every list is paged as asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Answer:
        self.asked.append(path)
        page, size = int((params or {}).get("page", 1)), int((params or {}).get("pagesize", 100))
        rows: dict[str, list[dict[str, object]]] = {
            "school": [{"id": 1, "name": "Harbor"}],
            "section": [{"id": one, "course_id": 5} for one in (11, 12)],
            "section_enrollment": [{"id": 90, "section_id": 11, "student_id": 7}],
        }
        name = path.rsplit("/", 1)[-1]
        if name not in rows:
            return Answer(200, {}, b'{"metadata": {}}', path)
        shown = rows[name][(page - 1) * size : page * size]
        return Answer(200, {}, json.dumps({f"{name}s": {name: shown}}).encode(), path)

    async def post(self, *_: object, **__: object) -> Answer:
        raise AssertionError


async def walked(api: WalkApi, resume: str | None = None) -> list[Page]:
    settings = PowerSchool.Settings(base_url="https://sis.example.org", lists="walk", page_size=2)
    pages = PowerSchool(api, settings).pages(Entity.ENROLLMENT, cursor=None, resume=resume)
    return [page async for page in pages]


async def test_a_walk_whose_last_page_of_sections_is_empty_still_ends_the_list() -> None:
    pages = await walked(WalkApi())

    assert [page.resume is None for page in pages] == [False, False, False, True]


async def test_a_walk_goes_on_behind_the_page_of_sections_that_is_done() -> None:
    resume = (await walked(WalkApi()))[2].resume
    api = WalkApi()

    pages = await walked(api, resume)

    assert ([page.records for page in pages], pages[-1].resume) == ([[]], None)
    assert [path for path in api.asked if path.endswith("section_enrollment")] == []

"""What PowerSchool says in ways of its own, and lists that must never look complete when they are not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from siscon.domain.errors import ProviderError, RateLimited, TransientError
from siscon.domain.records import Entity, Section
from siscon.providers.contract import Answer, Page
from siscon.providers.powerschool.provider import PowerSchool


def judged(status: int, body: object, **headers: str) -> Exception | None:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return PowerSchool.classify(
        Answer(status, named, json.dumps(body).encode(), "https://sis.example.org/ws/v1/x")
    )


@pytest.mark.parametrize(
    "location", ["https://message.vendor.example/?server=sis", "https://elsewhere.example/page?server=sis"]
)
def test_a_302_to_the_message_host_is_an_outage(location: str) -> None:
    error = judged(302, "", location=location)

    assert isinstance(error, TransientError)
    assert error.code == "outage"


@pytest.mark.parametrize("location", ["", "https://elsewhere.example/login", "https://[broken"])
def test_any_other_302_goes_by_the_common_table(location: str) -> None:
    assert judged(302, "", location=location) is None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (
            {
                "message": "At least one column lacks sufficient permission",
                "errors": [{"resource": "Students", "field": "DOB", "code": "NoAccess"}],
            },
            "Students.DOB",
        ),
        (
            {"message": "Validation Failed", "errors": {"field": "STUDENTS.DOB", "code": "NoAccess"}},
            "STUDENTS.DOB",
        ),
        ({"message": "Validation Failed: No access to the field: USERS.EMAIL_ADDR."}, "USERS.EMAIL_ADDR"),
    ],
)
def test_missing_fields_are_named(body: object, named: str) -> None:
    error = judged(403, body)

    assert isinstance(error, ProviderError)
    assert error.code == "no_access"
    assert f" {named}. Grant" in error.sentence


def test_many_missing_fields_are_counted_and_foreign_text_is_harmless() -> None:
    errors = [{"resource": "T", "field": f"F{number}\x1b[2J", "code": "NoAccess"} for number in range(50)]

    error = judged(403, {"message": "", "errors": errors})

    assert isinstance(error, ProviderError)
    assert "and 30 more" in error.sentence
    assert "\x1b" not in error.sentence


def test_a_column_that_is_not_there_is_named() -> None:
    message = "Invalid field specified: emial is not valid column for table: Students"

    error = judged(400, {"message": message})

    assert isinstance(error, ProviderError)
    assert error.code == "bad_column"
    assert "emial" in error.sentence
    assert "Students" in error.sentence


@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
@pytest.mark.parametrize(
    ("message", "header", "wait_s"),
    [
        ("Too many requests. Wait 7 seconds and try again.", "", 7.0),
        ("too many requests, wait 250 milliseconds", "", 0.25),
        ("too many requests, wait 3", "", 3.0),
        ("Too many requests", "", None),
        ("Too many requests: wait 99999 s", "", 900.0),
        ("Too many requests: wait 3 s", "12", 12.0),
        ("Too many requests: wait 3 s", "Tue, 24 Nov 2026 00:00:00 GMT", None),
    ],
)
def test_the_wait_is_read_from_the_header_or_the_words(
    status: int, message: str, header: str, wait_s: float | None
) -> None:
    headers = {"retry_after": header} if header else {}

    error = judged(status, {"message": message}, **headers)

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == wait_s


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 503])
def test_the_rest_goes_by_the_common_table(status: int) -> None:
    assert judged(status, {"message": "x"}) is None
    assert judged(status, ["no", "object"]) is None


class Recorded:
    """A server of fixed rows by path; ``/count`` tells ``counts`` or the truth, pages are cut as asked."""

    def __init__(
        self, rows: dict[str, list[dict[str, Any]]], counts: dict[str, list[int]] | None = None
    ) -> None:
        self.rows, self.counts = rows, counts or {}
        self.asked: list[str] = []

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
    ) -> Answer:
        self.asked.append(path)
        if path == "ws/v1/metadata":
            names = ("school", "staff", "student", "section", "section_enrollment")
            return answer({"metadata": {f"{name}_max_page_size": 2 for name in names}})
        place, _, last = path.rpartition("/")
        if last == "count":
            told = self.counts.get(place, [])
            return answer({"resource": {"count": told.pop(0) if told else len(self.rows[place])}})
        page, size = int((params or {}).get("page", 1)), int((params or {}).get("pagesize", 2))
        if last.isdigit():
            return answer({place.rpartition("/")[2]: self.rows[path][0]})
        return answer({f"{last}s": {last: self.rows.get(path, [])[(page - 1) * size : page * size]}})

    async def post(self, *_: object, **__: object) -> Answer:
        raise AssertionError


def answer(body: object) -> Answer:
    return Answer(200, {}, json.dumps(body).encode(), "https://sis.example.org/")


def one_school() -> dict[str, list[dict[str, Any]]]:
    return {
        "ws/v1/district/school": [{"id": 1, "name": "Harbor"}],
        "ws/v1/school/1/staff": [{"id": 5, "users_dcid": 50}],
        "ws/v1/staff/6": [{"id": 6, "users_dcid": 60}],
        "ws/v1/school/1/section": [
            {"id": one, "course_id": 5, "staff_id": staff} for one, staff in ((11, 5), (12, 6), (13, 6))
        ],
        "ws/v1/section/11/section_enrollment": [{"id": 90, "section_id": 11, "student_id": 7}],
        "ws/v1/section/12/section_enrollment": [],
        "ws/v1/section/13/section_enrollment": [],
    }


async def read(api: Recorded, entity: Entity, resume: str | None = None) -> list[Page]:
    settings = PowerSchool.Settings(base_url="https://sis.example.org", lists="walk", page_size=2)
    return [page async for page in PowerSchool(api, settings).pages(entity, cursor=None, resume=resume)]


async def test_a_walk_whose_last_sections_are_empty_still_ends_the_list() -> None:
    pages = await read(Recorded(one_school()), Entity.ENROLLMENT)

    assert [len(page.records) for page in pages] == [0, 1, 0, 0]
    assert [page.resume is None for page in pages] == [False, False, False, True]


async def test_a_walk_goes_on_behind_the_sections_that_are_done() -> None:
    resume = (await read(Recorded(one_school()), Entity.ENROLLMENT))[1].resume
    api = Recorded(one_school())

    pages = await read(api, Entity.ENROLLMENT, resume)

    assert pages[-1].resume is None
    assert api.asked == [f"ws/v1/section/{one}/section_enrollment" for one in (12, 13)]


async def test_a_teacher_whom_the_list_of_staff_lacks_is_asked_for_once() -> None:
    api = Recorded(one_school())

    pages = await read(api, Entity.SECTION)

    sections = [one for page in pages for one in page.records]
    assert [one.instructors for one in sections if isinstance(one, Section)] == [("50",), ("60",), ("60",)]
    assert api.asked.count("ws/v1/staff/6") == 1


SCHOOLS = "ws/v1/district/school"


def schools(*ids: int) -> dict[str, list[dict[str, Any]]]:
    return {SCHOOLS: [{"id": one, "name": f"School {one}"} for one in ids]}


@pytest.mark.parametrize(
    ("rows", "counts", "partial", "word"),
    [
        (schools(1, 2, 3, 4, 5), [], False, ""),
        (schools(1, 2, 3, 4, 5), [7, 7, 7], True, "announced 7 records and sent 5"),
        (schools(1, 2, 3, 4, 5), [6, 5, 5], False, "once more"),
        (schools(1, 2, 3, 4, 5), [5, 6, 7], True, "nobody is taken for missing"),
        (schools(1, 2, 2, 3, 4), [], True, "nobody is taken for missing"),
        (schools(1), [], False, ""),
        (schools(), [], False, ""),
    ],
)
async def test_a_list_is_whole_only_where_the_numbers_prove_it(
    rows: dict[str, list[dict[str, Any]]], counts: list[int], partial: bool, word: str
) -> None:
    pages = await read(Recorded(rows, {SCHOOLS: counts}), Entity.SCHOOL)

    assert pages[-1].resume is None
    assert any(page.partial for page in pages) is partial
    assert word in " ".join(page.note for page in pages)
    assert {one.external_id for page in pages for one in page.records} == {
        str(one["id"]) for one in rows[SCHOOLS]
    }


async def test_a_damaged_place_is_told() -> None:
    with pytest.raises(ProviderError) as raised:
        await read(Recorded(schools(1)), Entity.SCHOOL, '{"sizes":{},"place":{"leaf":3}}')

    assert raised.value.code == "bad_resume"


@pytest.mark.parametrize(
    "feed",
    [
        {"$dataversion": "x", "tables": {}},
        {"$dataversion": "90500", "tables": {"students": [{"no": "id"}]}},
        {"tables": {"students": [1]}},
        [1],
    ],
)
async def test_a_subscription_that_makes_no_sense_means_everything(feed: object) -> None:
    class Odd(Recorded):
        async def get(
            self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
        ) -> Answer:
            return answer(feed) if "dataversion" in path else await super().get(path, params)

    settings = PowerSchool.Settings(base_url="https://sis.example.org", data_version=True)
    provider = PowerSchool(Odd(schools(1, 2)), settings)
    cursor = '{"app":"siscon","version":"90412"}'

    pages = [page async for page in provider.pages(Entity.SCHOOL, cursor=cursor, resume=None)]

    assert [one.external_id for page in pages for one in page.records] == ["1", "2"]
    assert {page.cursor for page in pages} == {None}


async def test_an_id_cannot_lead_a_request_elsewhere() -> None:
    rows = {**one_school(), "ws/v1/district/school": [{"id": "../../x", "name": "Harbor"}]}
    api = Recorded(rows)

    await read(api, Entity.TERM)

    assert api.asked[-1] == "ws/v1/school/..%2F..%2Fx/term"

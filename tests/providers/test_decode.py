"""Pages from bytes to records: the fast way, the slow way, and what they refuse."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from pydantic import TypeAdapter

from siscon.domain.errors import ProviderError
from siscon.domain.records import Student, from_body, to_body
from siscon.providers import oneroster_wire, powerschool_wire
from siscon.providers.contract import Answer
from siscon.providers.decode import maker


def answer(body: Any) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(200, {}, raw, "https://sis.example.org/x")


def pupil(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "local_id": 100_000 + number,
        "name": {"first_name": "Ivo", "middle_name": "", "last_name": "Marsh"},
        "demographics": {"gender": "M", "birth_date": "2011-03-09"},
        "school_enrollment": {
            "enroll_status": "A",
            "grade_level": -1,
            "school_id": 12,
            "fte": {"name": "Full"},
        },
        "contact_info": "",
        "addresses": "",
    } | more


def read(body: Any) -> Any:
    return powerschool_wire.STUDENTS.read(answer(body), "GET students")


def test_a_made_record_is_the_record() -> None:
    made = maker(Student)("7", "Ivo", None, "Marsh")

    assert made == Student("7", "Ivo", None, "Marsh")
    assert type(made) is Student
    assert hash(made) == hash(Student("7", "Ivo", None, "Marsh"))
    assert from_body(made.entity, "7", to_body(made)) == made
    with pytest.raises(AttributeError):
        made.first_name = "Ida"  # type: ignore[misc]  # frozen


@pytest.mark.parametrize(
    ("body", "received"),
    [
        ({"students": {"@expansions": ""}}, 0),
        ({"students": ""}, 0),
        ({"students": {"student": pupil(1)}}, 1),
        ({"students": {"student": [pupil(1), pupil(2)]}}, 2),
    ],
    ids=["no rows", "empty element", "one object", "a list"],
)
def test_collections_in_all_their_forms(body: Any, received: int) -> None:
    found = read(body)

    assert (found.received, len(found.records), found.rejected) == (received, received, [])


def test_numbers_for_digit_texts_become_text() -> None:
    found = read(
        {"students": {"student": [pupil(7, name={"first_name": 7, "last_name": 8}, state_province_id=99)]}}
    )

    (student,) = found.records
    assert (student.external_id, student.local_id, student.state_id) == ("7", "100007", "99")
    assert (student.first_name, student.last_name, student.grade_level, student.school) == (
        "7",
        "8",
        "-1",
        "12",
    )


@pytest.mark.parametrize(
    ("spoiled", "field"),
    [
        ({"id": 7.0}, "id"),
        ({"id": None}, "id"),
        ({"local_id": float("nan")}, "local_id"),
        ({"name": {"first_name": "half \ud800", "last_name": "x"}}, "name.first_name"),
        ({"name": {"first_name": "nul \0", "last_name": "x"}}, "first_name"),
        ({"name": {"first_name": {"value": []}, "last_name": "x"}}, "name.first_name"),
        ({"name": {"first_name": "Ivo"}}, "name.last_name"),
        ({"name": []}, "name"),
        ({"demographics": {"birth_date": "2011-02-30"}}, "demographics.birth_date"),
    ],
)
def test_only_the_bad_row_is_rejected_with_its_raw_text(spoiled: dict[str, Any], field: str) -> None:
    found = read({"students": {"student": [pupil(1), pupil(2, **spoiled), pupil(3)]}})

    assert [one.external_id for one in found.records] == ["1", "3"]
    (bad,) = found.rejected
    assert bad.field == field
    assert "Marsh" not in bad.sentence
    bad.raw.encode()
    assert json.loads(bad.raw)["addresses"] == ""


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"students":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"students":{"student":[{"id":' + b"9" * 5_000 + b"}]}}",
        b'{"students":{"student":[{"id":1}',
        b"\xff\xfe{}",
    ],
    ids=["open brackets", "deep", "huge number", "cut", "not utf-8"],
)
def test_json_bombs_and_wrecks_are_refused(body: bytes) -> None:
    with pytest.raises(ProviderError):
        read(body)


@pytest.mark.parametrize("body", [{"error": "no"}, [], None, "x", {"users": []}])
def test_another_thing_is_no_list(body: Any) -> None:
    with pytest.raises(ProviderError, match="without 'students'"):
        read(body)


def test_a_duplicate_key_counts_as_its_last_value() -> None:
    row = b'{"sourcedId":"1","givenName":"A","familyName":"B","givenName":"C"}'

    found = oneroster_wire.STUDENTS.read(answer(b'{"users":[' + row + b"]}"), "GET students")

    assert found.records[0].first_name == "C"


def best_of(rounds: int, work: Any) -> float:
    times = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(20):
            work()
        times.append(time.process_time() - began)
    return min(times)


def test_a_student_costs_about_what_its_decoding_costs() -> None:
    page = answer({"students": {"student": [pupil(number) for number in range(200)]}})
    decoder = powerschool_wire.STUDENTS
    adapter: TypeAdapter[Any] = decoder._page

    bare = best_of(7, lambda: adapter.validate_json(page.body))
    whole = best_of(7, lambda: decoder.read(page, "GET students"))

    assert whole < 3 * bare, f"{whole / bare:.2f} times the bare decoding"

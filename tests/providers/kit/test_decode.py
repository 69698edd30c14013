"""Pages from bytes to records: the fast way, the slow way, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from siscon.domain.errors import ProviderError
from siscon.domain.records import Student, from_body, to_body
from siscon.providers.contract import Answer
from siscon.providers.kit.decode import maker
from siscon.providers.oneroster import wire as oneroster_wire
from siscon.providers.powerschool import wire as powerschool_wire

STUDENTS = powerschool_wire.students_with(None)


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
    return STUDENTS.read(answer(body), "GET students")


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
        b'{"students":{"student":[{"id":1}',
        b"\xff\xfe{}",
    ],
    ids=["open brackets", "deep", "cut", "not utf-8"],
)
def test_json_bombs_and_wrecks_are_refused(body: bytes) -> None:
    with pytest.raises(ProviderError):
        read(body)


@pytest.mark.parametrize("body", [{"error": "no"}, [], None, "x", {"users": []}])
def test_another_thing_is_no_list(body: Any) -> None:
    with pytest.raises(ProviderError, match="without 'students'"):
        read(body)


HARMED = {
    "duplicate_key": b'{"sourcedId":"1","givenName":"A","familyName":"B","givenName":"C"}',
    "duplicate_key within": b'{"sourcedId":"1","givenName":"A","familyName":"B","metadata":{"a":1,"a":2}}',
    "bad_number": b'{"sourcedId":"1","givenName":"A","familyName":"B","metadata":{"a":NaN}}',
    "bad_number infinite": b'{"sourcedId":"1","givenName":"A","familyName":"B","x":-Infinity}',
    "bad_number long": b'{"sourcedId":"1","givenName":"A","familyName":"B","x":' + b"9" * 5_000 + b"}",
    "too_deep": b'{"sourcedId":"1","givenName":"A","familyName":"B","metadata":'
    + b"[" * 150
    + b"]" * 150
    + b',"x":NaN}',
}


@pytest.mark.parametrize("harm", HARMED)
def test_a_row_that_json_has_no_meaning_for_is_rejected_and_the_others_arrive(harm: str) -> None:
    good = b'{"sourcedId":"2","givenName":"Ivo","familyName":"Marsh"}'

    found = oneroster_wire.STUDENTS.read(
        answer(b'{"users":[' + HARMED[harm] + b"," + good + b"]}"), "GET students"
    )

    assert [one.external_id for one in found.records] == ["2"]
    assert [(one.external_id, one.code) for one in found.rejected] == [("1", harm.split()[0])]
    assert list(found.ids) == ["1", "2"]


def test_a_list_that_stands_twice_is_refused() -> None:
    with pytest.raises(ProviderError):
        oneroster_wire.STUDENTS.read(answer(b'{"users":[],"users":[]}'), "GET students")

"""When the SIS changed a record: only what is a moment beyond doubt counts."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.records import School
from siscon.providers.contract import Answer
from siscon.providers.kit.moments import as_moment, latest_of
from siscon.providers.kit.rows import JsonRows
from siscon.providers.oneroster import wire

EARLY, LATE = "2026-11-19T21:07:11.000Z", "2026-11-19T23:07:12.000+01:00"
NO_MOMENTS: list[Any] = [
    None, "", "yesterday", 7, 7.5, True, [EARLY], {"at": EARLY}, "2026-11-19", "2026-11-19T21:07:11",
    "2026-13-40T00:00:00Z", "2026-11-19T21:07:11Z" + "0" * 40, "2026-11-19\u200321:07:11Z", "\x00" + EARLY,
    "2026-11-19\ud80021:07:11Z",
]  # fmt: skip


@given(st.text() | st.integers() | st.none() | st.datetimes().map(datetime.isoformat))
def test_whatever_is_written_there_is_a_moment_with_an_offset_or_nothing(value: Any) -> None:
    told = as_moment(value)

    assert told is None or (told == value and datetime.fromisoformat(told).tzinfo is not None)


def test_the_latest_counts_by_the_hour_of_the_world_and_an_unknown_one_makes_all_unknown() -> None:
    told = latest_of([("a", EARLY), ("a", LATE), ("b", LATE), ("b", None), ("c", "soon"), ("d", EARLY)])

    assert told == {"a": LATE, "d": EARLY}


def rows(*moments: Any) -> Answer:
    orgs = [
        {"sourcedId": f"s{n}", "name": "Harbor", "type": "school", "dateLastModified": moment}
        for n, moment in enumerate(moments)
    ]
    return Answer(200, {}, json.dumps({"orgs": orgs}).encode(), "https://sis.example")


@pytest.mark.parametrize("no_moment", NO_MOMENTS, ids=range(len(NO_MOMENTS)))
def test_a_row_with_nonsense_for_its_moment_is_a_record_like_any_other(no_moment: Any) -> None:
    found = wire.SCHOOLS.read(rows(EARLY, no_moment), "GET schools")

    assert [one.external_id for one in found.records] == ["s0", "s1"]
    assert found.rejected == []
    assert found.modified == {"s0": EARLY}


def test_moments_are_told_beside_a_bad_row_and_of_no_row_that_is_left_out() -> None:
    orgs = [
        {"sourcedId": "s1", "name": "Harbor", "dateLastModified": EARLY},
        {"sourcedId": "s2", "name": "", "dateLastModified": EARLY},
        {"sourcedId": "d1", "name": "All", "type": "district", "dateLastModified": EARLY},
    ]
    for rest in ({}, {"identifier": 7}):
        body = json.dumps({"orgs": [{**one, **rest} for one in orgs]}).encode()
        found = wire.SCHOOLS.read(Answer(200, {}, body, "https://sis.example"), "GET schools")

        assert [one.external_id for one in found.rejected] == ["s2"]
        assert found.modified == {"s1": EARLY}


def test_the_teachers_of_a_class_tell_one_moment_of_it_together() -> None:
    enrollments = [
        {
            "sourcedId": f"e{n}",
            "role": "teacher",
            "class": {"sourcedId": taught},
            "user": {"sourcedId": f"t{n}"},
            "dateLastModified": moment,
        }
        for n, (taught, moment) in enumerate([("k1", LATE), ("k1", EARLY), ("k2", EARLY), ("k2", "")])
    ]
    body = json.dumps({"enrollments": enrollments}).encode()

    found = wire.TEACHINGS.read(Answer(200, {}, body, "https://sis.example"), "GET enrollments")

    assert found.modified == {"k1": LATE}


def test_rows_that_are_decoded_plainly_name_the_key_of_their_moment() -> None:
    reader = JsonRows(
        "schools", lambda row: School(row.id("id"), name=row.need("name")), moment_key="changed"
    )
    body = {
        "schools": [
            {"id": 1, "name": "Harbor", "changed": EARLY},
            {"id": 2, "name": "Hill", "changed": "never"},
            {"id": 3, "changed": LATE},
        ]
    }

    found = reader.read(Answer(200, {}, json.dumps(body).encode(), "https://sis.example"), "GET schools")

    assert found.modified == {"1": EARLY}
    assert [one.external_id for one in found.rejected] == ["3"]

"""What PowerSchool says in ways of its own."""

from __future__ import annotations

import json

import pytest

from siscon.domain.errors import ProviderError, RateLimited, TransientError
from siscon.providers.contract import Answer
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

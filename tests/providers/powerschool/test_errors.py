"""What a server answers in place of numbers: read where it makes sense, and else passed over."""

from __future__ import annotations

import json

import pytest

from siscon.domain.retry import HINT_CAP_S
from siscon.providers.contract import Answer
from siscon.providers.powerschool.errors import throttled
from siscon.providers.powerschool.lists import Lists


@pytest.mark.parametrize(
    ("header", "wait_s"), [("7", 7.0), (" 7 ", 7.0), ("9" * 30, HINT_CAP_S), ("²", None), ("soon", None)]
)
def test_a_wait_in_seconds_is_read_and_nothing_else(header: str, wait_s: float | None) -> None:
    assert throttled("", header).retry_after_s == wait_s


class Odd:
    """A server that tells strange page sizes."""

    async def get(self, *_: object, **__: object) -> Answer:
        sizes = {"school_max_page_size": 40, "staff_max_page_size": "²", "course_max_page_size": None}
        return Answer(200, {}, json.dumps({"metadata": sizes}).encode(), "https://sis.example.org/")

    async def post(self, *_: object, **__: object) -> Answer:
        raise AssertionError


async def test_a_page_size_that_is_no_number_says_nothing() -> None:
    assert await Lists(Odd(), 100).sizes() == {"school": 40}

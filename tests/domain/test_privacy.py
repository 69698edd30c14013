"""Secrets are struck out of a text in every form in which they travel, and wholly."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.privacy import Secret, strike

WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a path": quote,
    "in a query": lambda text: quote(text, safe=""),
    "in a form": quote_plus,
    "in a form with small digits": lambda text: re.sub(
        "%..", lambda found: found[0].lower(), quote_plus(text)
    ),
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in JSON of PHP": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "in HTML": html.escape,
    "in hexadecimal": lambda text: text.encode().hex().upper(),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 of addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_secret_is_struck_in_every_form(way: Callable[[str], str]) -> None:
    secret = 'tiger/3+"lion"&<4>'

    assert strike(f"it said {way(secret)} twice: {way(secret)}", [Secret(secret)]).count("***") >= 2
    assert "tiger" not in strike(f"it said {way(secret)}", [Secret(secret)])
    assert way(secret)[:9] not in strike(f"it said {way(secret)}", [Secret(secret)])


@pytest.mark.parametrize("before", ["", "a", "ab", "ann:", "\0ann\0"])
def test_of_a_secret_in_base64_not_the_last_letter_is_left(before: str) -> None:
    told = base64.b64encode(f"{before}tiger-lion-9".encode()).decode()
    left = strike(f"535 bad {told} then", [Secret("tiger-lion-9")])

    assert left.startswith("535 bad ")
    assert left.endswith("*** then")
    assert len(left) <= len("535 bad *** then") + len(base64.b64encode(before.encode()))


def test_a_secret_within_another_leaves_no_rest_of_it() -> None:
    secrets = [Secret("ann"), Secret("ann-tiger-7"), Secret("tiger")]

    assert strike("ann-tiger-7 came", secrets) == "*** came"
    assert strike("ann-tiger-7 came", secrets[::-1]) == "*** came"


def test_secrets_that_overlap_go_as_one() -> None:
    assert strike("xabcdefx", [Secret("abcd"), Secret("cdef")]) == "x***x"


def test_nothing_is_no_secret() -> None:
    assert strike("as it was", [Secret("")]) == "as it was"


@given(
    st.text(min_size=1, max_size=12).filter(lambda one: "*" not in one),
    st.lists(st.text(max_size=6), max_size=4),
)
def test_no_secret_is_left_wherever_it_stands(secret: str, around: list[str]) -> None:
    told = strike(secret.join(["", *around, ""]), [Secret(secret)])

    assert secret not in told

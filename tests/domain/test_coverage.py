"""What covers something else, and what only seems to."""

from __future__ import annotations

from typing import Any

import pytest

from siscon.domain.coverage import differences, in_a_sentence, readable, scopes_of


@pytest.mark.parametrize(
    ("known", "seen", "told"),
    [
        ({}, {"school year": "2026"}, []),
        ({"school year": "2026"}, {"school year": "2026"}, []),
        ({"school year": "2026"}, {}, []),
        ({"school year": "2026"}, {"school year": "2027"}, ["school year 2026 → 2027"]),
        ({"scopes": "a b c"}, {"scopes": "a"}, ["the login has lost the scopes b, c"]),
        ({"scopes": "a b"}, {"scopes": "a"}, ["the login has lost the scope b"]),
        ({"scopes": "a"}, {"scopes": "a b"}, []),
        ({"scopes": "a b"}, {"scopes": "a c"}, ["the login has lost the scope b"]),
    ],
)
def test_what_differs_is_named_from_what_to_what(
    known: dict[str, str], seen: dict[str, str], told: list[str]
) -> None:
    assert differences(known, seen) == told


def test_the_sentence_names_everything() -> None:
    sentence = in_a_sentence(["school year 2026 → 2027", "x 1 → 2"])

    assert "school year 2026 → 2027; x 1 → 2" in sentence
    assert "absent says nothing" in sentence


def test_scopes_stand_in_one_order() -> None:
    assert scopes_of(" b  a b\ta ") == "a b"


@pytest.mark.parametrize(
    "odd", [None, [], "2026", {"a": 1}, {1: "a"}, {"a": "x" * 3000}, {str(n): "" for n in range(51)}]
)
def test_what_is_no_names_and_texts_is_unknown(odd: Any) -> None:
    assert readable(odd) is None


def test_control_characters_do_not_come_through() -> None:
    assert "\x1b" not in str(readable({"a": "\x1b[31m"}))

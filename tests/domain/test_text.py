"""Foreign text made safe."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.text import agreed, counted, is_storable, plain, plain_lines

ACTS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text(max_size=400))
def test_nothing_that_acts_on_a_terminal_is_left(text):
    shown = plain(text, limit=500)

    assert not [one for one in shown if unicodedata.category(one) in ACTS]


@given(st.text(max_size=400), st.integers(2, 50))
def test_at_most_the_limit_of_the_original_is_shown(text, limit):
    kept = text if len(text) <= limit else text[: limit - 1]

    assert plain(text, limit=limit).startswith(plain(kept, limit=limit)[:1])
    assert plain(text, limit=limit).endswith("…") or len(text) <= limit


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100))
def test_ordinary_text_comes_back_as_it_is(text):
    assert plain(text) == text


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("Smith [/x] Jr", "Smith [/x] Jr"),
        ("[@click=app.quit]A[/]", "[@click=app.quit]A[/]"),
        ("A\x1b[2J", "A\\x1b[2J"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc\x00\x7f", "a\\x0d\\x0ab\\x09c\\x00\\x7f"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\ud800 alone", "\\ud800 alone"),
        ("a\U000e0041", "a\\U000e0041"),
        ("José Müller 王小明", "José Müller 王小明"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 3),
        (42, "42"),
        (None, "None"),
    ],
)
def test_hostile_and_ordinary_text_is_shown_as_expected(foreign, shown):
    assert plain(foreign) == shown


def test_several_lines_stay_lines():
    assert plain_lines("a\nb\x1b[0m\nc") == "a\nb\\x1b[0m\nc"


@given(st.text(st.characters(exclude_categories=[]), max_size=50))
def test_storable_is_what_can_be_encoded(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        assert not is_storable(text)
    else:
        assert is_storable(text)


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 records were"), (1, "1 record was"), (2, "2 records were")]
)
def test_a_count_and_its_verb_agree(count: int, told: str) -> None:
    assert f"{counted(count, 'record')} {agreed(count, 'was', 'were')}" == told


@pytest.mark.parametrize("sign", ["\u0301", "\u0e49", "\u0650", "\u093c", "\u3099", "\u20e3"])
def test_combining_signs_of_any_script_are_few_and_sit_on_a_letter_of_their_own(sign: str) -> None:
    assert plain("a" + sign * 40) == "a" + sign * 3
    assert plain(sign + "a") == f"\\u{ord(sign):04x}a"

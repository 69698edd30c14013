"""Who is who: what is a slip of the pen and what another person; what two records have in common."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.identity import folded, in_common, is_like, letters, other_person

ADA = {"first_name": "Ada", "last_name": "Quill", "birth_date": "2010-05-06", "state_id": "777"}
NAME = st.text(st.characters(categories=("L", "M", "N", "P", "Zs")), max_size=12)
PERSON = st.fixed_dictionaries(
    {
        "first_name": NAME,
        "last_name": NAME,
        "birth_date": st.sampled_from(["", "2010-05-06", "2011-01-01"]),
        "state_id": st.sampled_from(["", "777", "888", " 777"]),
        "email": st.sampled_from(["", "a@x.org", "A@x.org", "b@x.org"]),
    }
)
IDS = st.tuples(st.text(max_size=6), st.text(max_size=6))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, ""),
        ({"birth_date": "2011-05-06"}, ""),
        ({"birth_date": "2011-05-06", "state_id": None}, "another birth date"),
        ({"state_id": "778"}, "another state id"),
        ({"state_id": " 777 "}, ""),
        ({"birth_date": None, "state_id": None}, ""),
        ({"first_name": "Bo", "last_name": "Vance"}, "another first and last name"),
        ({"first_name": "Bo"}, ""),
        ({"first_name": "quill", "last_name": "ÁDA"}, ""),
        ({"first_name": "Adelaide-Ada", "last_name": "Vance"}, ""),
        ({"first_name": "Aad", "last_name": "Vance"}, ""),
        ({"first_name": "Bo", "last_name": "Quilll"}, ""),
        ({"first_name": "", "last_name": "Vance"}, ""),
        (
            {"first_name": "Bo", "last_name": "Vance", "birth_date": "2011-05-06", "state_id": "1"},
            "another birth date, another state id, another first and last name",
        ),
    ],
)
def test_another_person_is_told_by_fields_and_never_by_values(changed, why):
    assert other_person(ADA, {**ADA, **changed}) == why


@given(PERSON, PERSON)
def test_who_is_another_is_so_both_ways_and_nobody_is_another_than_themselves(one, other):
    assert other_person(one, other) == other_person(other, one)
    assert other_person(one, one) == ""


@given(PERSON)
def test_case_accents_and_the_form_of_letters_make_nobody_another(one):
    for form in ("NFC", "NFD"):
        changed = {
            **one,
            "first_name": unicodedata.normalize(form, one["first_name"]),
            "last_name": unicodedata.normalize(form, one["last_name"]).upper().lower(),
        }
        if letters(changed["last_name"]) == letters(one["last_name"]):
            assert other_person(one, changed) == ""


@given(st.text(min_size=6, max_size=12, alphabet="abcdefg"), st.data())
def test_one_slip_is_like_and_the_order_does_not_matter(name, data):
    at = data.draw(st.integers(0, len(name) - 1))
    slips = (name[:at] + name[at + 1 :], name[:at] + "z" + name[at:], name[:at] + "z" + name[at + 1 :])
    for slip in slips:
        assert is_like(name, slip)
        assert is_like(slip, name)


@pytest.mark.parametrize("twin", ["rene\u0301", "René", "\u200bRené", "RENÉ", " René\u2060 "])
def test_twins_of_an_id_are_folded_alike(twin):
    assert folded(twin) == folded("Ren\u00e9")


@pytest.mark.parametrize(("one", "other"), [("007", "7"), ("A-1", "A1"), ("a 1", "a1"), ("rene", "rené")])
def test_zeros_inner_characters_and_accents_of_an_id_are_kept(one, other):
    assert folded(one) != folded(other)


@given(st.text(max_size=20))
def test_folding_twice_is_folding_once(text):
    assert folded(folded(text)) == folded(text)
    assert letters(letters(text)) == letters(text)


@given(PERSON, PERSON, IDS)
def test_what_two_have_in_common_is_common_both_ways_and_names_no_value(one, other, ids):
    common = in_common(one, other, ids=ids)
    assert common == in_common(other, one, ids=(ids[1], ids[0]))
    for name in ("state_id", "email"):
        assert not one[name] or one[name] not in common


def test_brothers_and_sisters_share_an_address_and_are_two():
    ben = {"first_name": "Ben", "last_name": "Quill", "email": "q@x.org", "birth_date": "2012-01-01"}
    assert in_common({**ADA, "email": "Q@x.org"}, ben, ids=("a", "b")) == ""
    assert (
        in_common({**ADA, "email": "Q@x.org"}, {**ben, "birth_date": None}, ids=("a", "b"))
        == "the same e-mail"
    )

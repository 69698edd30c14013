"""Names for people: the template language, and that every name is short, plain and nobody else's."""

from __future__ import annotations

import re
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.accounts import OF_PEOPLE, candidates, parse, parse_email, stem_of, told_of
from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.engine.letters import to_ascii

STUDENT = OF_PEOPLE[Entity.STUDENT]
KIM = {
    "first_name": "Kim",
    "middle_name": "Ana",
    "last_name": "Fox",
    "local_id": "00417",
    "grade_level": "7",
    "birth_date": "2014-05-06",
    "username": "kim.f",
}


def name(template: str, fields: dict[str, str | None], *, longest: int = 20) -> str:
    told = told_of(fields, school="210")
    return stem_of(parse(template, (*STUDENT, "username")), told, longest=longest, to_ascii=to_ascii)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{first:1}{last}", "kfox"),
        ("{first}.{last}", "kim.fox"),
        ("{first:1}{middle:1}{last:2}{birth_year:-2}", "kafo14"),
        ("{last}{birth_year}", "fox2014"),
        ("s-{school}-{local_id}", "s-210-00417"),
        ("{grade}{username}", "7kim.f"),
    ],
)
def test_a_template_names_a_person(template: str, expected: str) -> None:
    assert name(template, KIM) == expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("Øyvind", "Ødegård", "oyvind.odegard"),
        ("Łucja", "Großmann", "lucja.grossmann"),
        ("Жанна", "Иванова", "zhanna.ivanova"),
        ("秀英", "王", "xiuying.wang"),
        ("Zoë", "O'Neil-Smith", "zoe.oneil-smith"),
        ("", "Fox", "fox"),
        ("..", "Fox", "fox"),
    ],
)
def test_names_of_every_script_are_written_in_ascii(first: str, last: str, expected: str) -> None:
    assert name("{first}.{last}", {"first_name": first, "last_name": last}) == expected


def test_who_has_nothing_that_can_be_written_is_called_by_the_local_id_or_user() -> None:
    assert name("s.{first}", {"first_name": "\ue000", "local_id": "00-7"}) == "00-7"
    assert name("s.{first}", {"first_name": "\ue000", "local_id": None}) == "user"


def test_the_next_in_a_series_has_a_number_and_is_not_longer() -> None:
    assert list(islice(candidates("kfox", longest=20), 3)) == ["kfox", "kfox2", "kfox3"]
    assert list(islice(candidates("montgomery", longest=10), 12))[-3:] == [
        "montgome10",
        "montgome11",
        "montgome12",
    ]
    assert next(candidates("kfox", longest=20, behind="@example.org")) == "kfox@example.org"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{frist}{last}", "there is no placeholder 'frist': did you mean {first}?"),
        ("{colour}", "there is no placeholder 'colour': known are {first}, {middle}, {last}, {local_id}, "),
        ("{first", "has a brace without its other half"),
        ("first}", "has a brace without its other half"),
        ("{first:0}", "after {first: stands a number from 1 to 99"),
        ("{first:x}", "after {first: stands a number from 1 to 99"),
        ("{first}_X", "holds 'X': beside placeholders only a-z, 0-9, dot, - and _ may stand"),
        ("{first} {last}", "holds ' '"),
        ("student", "names nothing of a person: use one of {first}"),
        ("", "names nothing of a person"),
    ],
)
def test_a_template_that_means_nothing_is_refused_with_a_reason(template: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(template, STUDENT)
    assert sentence in caught.value.sentence


@pytest.mark.parametrize(
    "text", ["{username}", "{username}@", "{username}@localhost", "{username}@A.org", "{username}@a..org"]
)
def test_an_address_needs_a_domain(text: str) -> None:
    with pytest.raises(UsageError, match="must end in @ and a domain"):
        parse_email(text, STUDENT)


def test_an_address_may_hold_the_user_name() -> None:
    template, domain = parse_email("{username}@students.example.org", STUDENT)

    assert (stem_of(template, told_of(KIM, school=None), longest=64, to_ascii=to_ascii), domain) == (
        "kim.f",
        "students.example.org",
    )


ANYTHING = st.text(max_size=40)
PLAIN = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")


@given(
    st.lists(
        st.fixed_dictionaries({"first_name": ANYTHING, "last_name": ANYTHING, "local_id": ANYTHING}),
        max_size=30,
    ),
    st.sampled_from(["{first:1}{last}", "{first}.{last}", "x_{last:3}-{local_id:-2}", "{middle}"]),
    st.integers(8, 24),
)
def test_no_two_people_are_named_alike_and_every_name_is_plain_and_short(people, template, longest) -> None:
    taken: set[str] = set()
    for fields in people:
        stem = name(template, fields, longest=longest)
        assert stem == name(template, fields, longest=longest), "the same person is named the same"
        chosen = next(one for one in candidates(stem, longest=longest) if one not in taken)
        assert PLAIN.fullmatch(chosen), chosen
        assert ".." not in chosen
        assert len(chosen) <= longest
        taken.add(chosen)
    assert len(taken) == len(people)

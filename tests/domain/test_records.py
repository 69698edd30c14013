"""Records and their bodies."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.records import (
    FIELDS,
    RECORDS,
    STATUSES,
    Entity,
    Part,
    Privacy,
    Student,
    body_of,
    fingerprint_of,
    from_body,
    to_body,
    to_dict,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def records(draw):
    entity = draw(st.sampled_from(list(Entity)))
    values = {"external_id": draw(TEXT)}
    for rule in FIELDS[entity]:
        if rule.many:
            values[rule.name] = tuple(draw(st.lists(TEXT, max_size=3)))
        else:
            values[rule.name] = draw(st.sampled_from(STATUSES) if rule.name == "status" else st.none() | TEXT)
    return RECORDS[entity](**values)


@given(records())
def test_a_body_is_the_compact_json_of_the_fields_that_are_not_empty(record):
    told = {name: value for name, value in to_dict(record).items() if value and name != "external_id"}

    assert json.loads(to_body(record)) == told
    assert to_body(record) == json.dumps(told, ensure_ascii=False, separators=(",", ":"))


@given(records())
def test_a_body_reads_back_as_the_record_it_was_made_from(record):
    again = from_body(record.entity, record.external_id, to_body(record))

    assert to_body(again) == to_body(record)


@given(records())
def test_a_body_made_from_a_mapping_equals_the_one_made_from_the_record(record):
    assert body_of(record.entity, json.loads(to_body(record))) == to_body(record)


@given(records(), records())
def test_fingerprints_are_equal_exactly_when_bodies_are(one, other):
    equal = to_body(one) == to_body(other)

    assert (fingerprint_of(to_body(one)) == fingerprint_of(to_body(other))) is equal


def test_every_field_says_how_private_it_is():
    for kind in RECORDS.values():
        for one in fields(kind):
            if one.name != "external_id":
                assert isinstance(one.metadata["privacy"], Privacy), f"{kind.__name__}.{one.name}"


def test_every_reference_leads_to_an_entity_that_is_imported_earlier():
    order = list(Entity)
    for entity, rules in FIELDS.items():
        for rule in rules:
            if rule.refers_to is not None:
                assert order.index(rule.refers_to) < order.index(entity), f"{entity}.{rule.name}"


def test_a_hostile_name_is_kept_to_the_letter():
    name = "Smith [/x] Jr \x1b]52;c;aGk=\x07 \x9b31m \u202e \u200b"
    student = Student("1", "Ann", None, name)

    assert from_body(Entity.STUDENT, "1", to_body(student)).last_name == name


@pytest.mark.parametrize("kind", [Part, *RECORDS.values()])
def test_records_cannot_be_changed(kind):
    assert kind.__dataclass_params__.frozen

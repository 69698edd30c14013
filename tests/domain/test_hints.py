"""What a body says: which records to look at again, and whatever it holds, nothing breaks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siscon.domain.hints import MOST_IDS, Unreadable, meaning_of, read
from siscon.domain.records import Entity
from siscon.domain.webhooks import Action, Hint

STUDENT = Hint(Entity.STUDENT, Action.CHANGED, ("4101",))


@pytest.mark.parametrize(
    "body",
    [
        {"type": "student.changed", "id": "4101"},
        {"type": "student.updated", "id": 4101},
        {"event": "changed", "entity": "student", "id": "4101"},
        {"event": "StudentUpdated", "ids": ["4101", "4101"]},
        {"type": "student.updated", "id": "evt_1", "data": {"id": "4101"}},
        {"type": "students.updated", "data": {"object": {"id": "4101"}}},
        {"type": "pupil:modified", "external_id": "4101"},
        {"key": "k", "resource": "/ws/v1/student/4101", "event_type": "UPDATE"},
        {"key": "k", "resource": "https://evil.example/ws/v1/student/4101", "event_type": "UPDATE"},
        {"events": [{"type": "student.changed", "student_id": "4101"}]},
        [{"type": "student", "sourcedId": " 4101 "}],
    ],
)
def test_one_student_can_be_told_in_many_ways(body: object) -> None:
    assert read(json.dumps(body).encode()).hints == (STUDENT,)


def test_several_events_are_merged_by_kind_and_action() -> None:
    events = [
        {"type": "class.removed", "id": "a"},
        {"type": "section.deleted", "id": "b"},
        {"type": "student.enrollment.created", "id": "c"},
    ]

    assert read(json.dumps(events).encode()).hints == (
        Hint(Entity.SECTION, Action.REMOVED, ("a", "b")),
        Hint(Entity.ENROLLMENT, Action.CREATED, ("c",)),
    )


def test_without_an_id_or_with_too_many_all_of_the_kind_is_meant() -> None:
    many = {"type": "student.changed", "ids": [str(n) for n in range(MOST_IDS + 1)]}

    for body in ({"type": "student.changed"}, {"resource": "/ws/v1/student/*", "event_type": "UPDATE"}, many):
        assert read(json.dumps(body).encode()).hints == (Hint(Entity.STUDENT, Action.CHANGED),)


def test_a_senders_own_words_can_be_mapped_and_unknown_ones_mean_nothing() -> None:
    words = {"pupil.moved": "enrollment.changed", "student.noise": "ignore"}

    assert meaning_of("pupil.moved", words) == (Entity.ENROLLMENT, Action.CHANGED)
    assert meaning_of("student.noise", words) is None
    assert read(b'{"type": "invoice.paid", "id": 1}').hints == ()
    assert read(b"{}").hints == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"nonsense",
        b'"text"',
        b"7",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 5_000,
        b'{"type": "student.changed", "id": NaN}',
        b'{"type": "student.changed", "id": 1.0}',
        b'{"type": "student.changed", "id": 1e3}',
        b'{"type": "student.changed", "id": true}',
        b'{"type": "student.changed", "id": {"a": 1}}',
        b'{"type": "student.changed", "id": ""}',
        b'{"type": "student.changed", "id": ".."}',
        b'{"type": "student.changed", "id": "\\ud800"}',
        b'{"type": "student.changed", "id": "a\\u0000b"}',
        b'{"type": "student.changed", "id": "1", "id": "2"}',
        b"[]",
        json.dumps([{"type": "x"}] * 1001).encode(),
        json.dumps({"type": "student.changed", "id": "x" * 201}).encode(),
    ],
)
def test_what_names_no_record_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "event", "entity", "id", "ids", "data", "object", "events", "resource", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=60)
@given(value=VALUES)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        message = read(json.dumps(value).encode())
    except Unreadable:
        return
    assert all(hint.entity in Entity and all(hint.ids) for hint in message.hints)

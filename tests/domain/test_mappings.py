"""What a mapping tells of its record."""

from __future__ import annotations

import pytest

from siscon.domain.mappings import Mapping, SyncStatus
from siscon.domain.records import CALLED_BY, FIELDS, Entity, Student, to_body


def mapping(entity: Entity, base: str) -> Mapping:
    return Mapping(entity, "7", 1, SyncStatus.SYNCED, None, "", "", base, None)


def test_a_record_is_called_by_the_fields_last_agreed_on() -> None:
    body = to_body(Student("7", first_name="Ann", last_name="Smith [/x] Jr"))

    assert mapping(Entity.STUDENT, body).called == "Ann Smith [/x] Jr"


@pytest.mark.parametrize("entity", Entity)
def test_a_record_that_was_never_applied_is_called_nothing(entity: Entity) -> None:
    assert mapping(entity, "{}").called == ""


def test_what_records_are_called_by_are_fields_of_theirs_with_one_text() -> None:
    for entity, names in CALLED_BY.items():
        single = {rule.name for rule in FIELDS[entity] if not rule.many}
        assert set(names) <= single

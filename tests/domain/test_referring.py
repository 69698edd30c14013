"""Whom records refer to, and how those are called."""

from __future__ import annotations

from siscon.domain.records import Entity
from siscon.domain.referring import referred_to, renamed


def test_the_ids_that_several_records_name_are_told_by_entity():
    bodies = [{"school": "1", "course": "M", "terms": ["S1", "S2"]}, {"school": "2", "terms": ("S2",)}, {}]

    assert referred_to(Entity.SECTION, bodies) == {
        Entity.SCHOOL: {"1", "2"},
        Entity.COURSE: {"M"},
        Entity.TERM: {"S1", "S2"},
        Entity.STAFF: set(),
    }


def test_references_are_called_otherwise_and_all_else_stays():
    fields = {"school": "1", "number": "7", "course": None, "terms": ["S1", "S2"]}

    assert renamed(Entity.SECTION, fields, lambda target, one: f"{target}:{one}") == {
        "school": "school:1",
        "number": "7",
        "course": None,
        "terms": ("term:S1", "term:S2"),
    }

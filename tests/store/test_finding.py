"""Records found by what people know of them."""

from __future__ import annotations

import pytest

from siscon.domain.records import Entity, Student
from siscon.store import finding
from support.fake_sis import small_district
from support.house import NAME, test_house


@pytest.fixture
async def house(tmp_path):
    sis = small_district()
    sis.hold(Student("o'1", "Ada", None, "O'Neil_100%"), Student("7", "Bo", None, "van Dam"))
    async with test_house(tmp_path, sis) as opened:
        await opened.sync()
        yield opened


async def found(house, text):
    async with house.db.read() as c:
        return [(one.entity, one.external_id) for one in await finding.find(c, NAME, text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("u1", [(Entity.STUDENT, "u1")]),
        ("o'1", [(Entity.STUDENT, "o'1")]),
        ("kim3", [(Entity.STUDENT, "u3")]),
        ("Kim3 Marsh", [(Entity.STUDENT, "u3")]),
        ("marsh kim3", [(Entity.STUDENT, "u3")]),
        ("van Dam", [(Entity.STUDENT, "7")]),
        ("O'Neil_", [(Entity.STUDENT, "o'1")]),
        ("O'Neil_1%", []),
        ("%", []),
        ("_", []),
        ("", []),
        ("  ", []),
        ("Harbor", [(Entity.SCHOOL, "s1")]),
        ("' OR 1=1 --", []),
    ],
)
async def test_a_text_finds_what_it_means_and_nothing_else(house, text, expected):
    assert await found(house, text) == expected


async def test_a_number_may_be_either_id(house):
    (row,) = await house.rows(f"SELECT internal_id FROM {NAME}_mappings WHERE external_id = 'u2'")

    assert (Entity.STUDENT, "u2") in await found(house, str(row["internal_id"]))
    assert await found(house, "7") != []
    assert await found(house, "9" * 40) == []

"""External ids: each system's own style, and back to the index."""

from __future__ import annotations

import pytest

from siscon.sandbox.ids import KINDS, GuidIds, Ids, NumberIds, RenamedIds, ZeroedIds

STYLES: list[Ids] = [NumberIds(), GuidIds(3), ZeroedIds(), RenamedIds(GuidIds(3), {"student": "v2-"})]


@pytest.mark.parametrize("ids", STYLES, ids=lambda ids: type(ids).__name__)
def test_an_id_leads_back_to_its_record_and_no_two_are_equal(ids: Ids) -> None:
    for kind in KINDS:
        indexes = [*range(60), 999_999, 4_300_000]
        texts = [ids.text(kind, index) for index in indexes]
        assert [ids.index(kind, text) for text in texts] == indexes
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("ids", STYLES, ids=lambda ids: type(ids).__name__)
@pytest.mark.parametrize("text", ["", "x", "-1", "²", "7" * 40, "0", "00", "a/b", "ffffffff-ffff"])
def test_a_text_that_is_no_id_names_nothing(ids: Ids, text: str) -> None:
    assert ids.index("student", text) is None


def test_people_of_one_onerosters_have_ids_of_their_own() -> None:
    for ids in STYLES[1:]:
        students = {ids.text("student", index) for index in range(3000)}
        assert not students & {ids.text("staff", index) for index in range(3000)}


def test_skyward_ids_begin_with_zeros_and_mean_nothing_without_them() -> None:
    ids = ZeroedIds()

    assert ids.text("student", 41) == "000000042"
    assert ids.index("student", "42") is None


def test_powerschool_numbers_of_two_kinds_overlap() -> None:
    ids = NumberIds()

    assert ids.index("section", ids.text("student", 5000)) is not None

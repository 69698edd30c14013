"""Rows of JSON and XML as records and rejects; what is no such list is never an empty one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.errors import ProviderError
from siscon.domain.records import School
from siscon.providers.contract import Answer
from siscon.providers.kit.cells import Cells
from siscon.providers.kit.rows import JsonRows, number_in
from siscon.providers.kit.xml_rows import XmlRows


def school(row: Cells) -> School:
    return School(row.id("id"), name=row.need("name"), number=row.text("number"))


def answer(body: bytes) -> Answer:
    return Answer(200, {}, body, "https://sis.example/x")


JSON = JsonRows("data.items", school, count_key="data.count")
XML = XmlRows("list", "item", school, count_key="count")


def test_good_and_bad_rows_of_json_are_told_apart() -> None:
    rows = [{"id": 7, "name": "A"}, {"id": "x", "name": None}, 3, {"id": {}, "name": "B"}]
    found = JSON.read(answer(json.dumps({"data": {"items": rows, "count": "9"}}).encode()), "GET x")

    assert found.records == [School("7", name="A")]
    assert [one.external_id for one in found.rejected] == ["x", None, None]
    assert (found.received, found.announced) == (4, 9)


def test_elements_attributes_and_namespaces_of_xml_are_fields() -> None:
    body = b"""<x:list xmlns:x="urn:x" count="2"><x:item id="a"><x:name>A &amp; B</x:name></x:item>
      <x:item><x:id>b</x:id><x:name k="1">C</x:name></x:item><x:other/></x:list>"""
    found = XML.read(answer(body), "GET x")

    assert found.records == [School("a", name="A & B")]
    assert [(one.external_id, one.field) for one in found.rejected] == [("b", "name")]
    assert json.loads(found.rejected[0].raw)["name"] == {"k": "1", "#text": "C"}
    assert (found.received, found.announced) == (2, 2)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'{"data":[]}', b'{"data":{"items":null}}', b"<a/>", b"{"]
)
def test_what_is_no_list_in_json_raises(body: bytes) -> None:
    with pytest.raises(ProviderError):
        JSON.read(answer(body), "GET x")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_xml"),
        (b"<list>", "not_xml"),
        (b"<other/>", "unexpected_answer"),
        (b"<html><list/></html>", "unexpected_answer"),
        (b"{}", "not_xml"),
        (b"\xff\xfe<list/>", "not_xml"),
        (b'<?xml version="1.0" encoding="utf-7"?><list/>', "not_xml"),
        (b'<!DOCTYPE list [<!ENTITY e "eeee">]><list><item>&e;</item></list>', "bad_xml"),
        (b'<!DOCTYPE list SYSTEM "http://other.example/x.dtd"><list/>', "bad_xml"),
    ],
)
def test_what_is_no_list_in_xml_raises(body: bytes, code: str) -> None:
    with pytest.raises(ProviderError) as told:
        XML.read(answer(body), "GET x")

    assert told.value.code == code


def test_deep_xml_is_cut_off_and_rejected_or_read_but_never_a_crash() -> None:
    deep = b"<a>" * 50_000 + b"</a>" * 50_000
    found = XML.read(answer(b"<list><item id='a'><name>" + deep + b"</name></item></list>"), "GET x")

    assert len(found.rejected) == 1


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
)
def test_any_value_in_any_field_is_a_record_or_a_reject(value: object) -> None:
    body = json.dumps({"data": {"items": [{"id": value, "name": value, "number": value}]}}).encode()
    found = JSON.read(answer(body), "GET x")

    assert len(found.records) + len(found.rejected) == 1
    for one in found.records:
        assert isinstance(one, School)
        assert all(type(text) is str for text in (one.external_id, one.name, one.number))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        ("7", 7),
        (0, 0),
        (-1, None),
        (True, None),
        (1.0, None),
        ("٣", None),
        (10**20, None),
        ("", None),
    ],
)
def test_a_count_is_a_whole_number(value: object, number: int | None) -> None:
    assert number_in(value) == number

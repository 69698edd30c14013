"""A rejected row that a person has mended, read once more by each kind of provider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.records import Entity
from siscon.providers.contract import Provider
from siscon.providers.infinite_campus import InfiniteCampus
from siscon.providers.oneroster.provider import OneRosterRest
from siscon.providers.powerschool.provider import PowerSchool
from siscon.providers.skyward.provider import Skyward
from support.csv_drops import PEOPLE, provider_over, walk, zipped

USER = {
    "sourcedId": "s9",
    "status": "active",
    "dateLastModified": "2026-11-01T00:00:00.000Z",
    "givenName": "Wren",
    "familyName": "",
    "username": "wren",
    "enabledUser": "true",
    "roles": [
        {"roleType": "primary", "role": "student", "org": {"sourcedId": "o1", "type": "org", "href": ""}}
    ],
}
PS_STUDENT = {
    "id": "9",
    "local_id": "77",
    "name": {"first_name": "Wren", "last_name": ""},
    "school_enrollment": {"school_id": "3", "grade_level": "7"},
}
SKY_STUDENT = {"NameId": "9", "FirstName": "Wren", "LastName": "", "DefaultSchoolId": "3"}
BASE = {"base_url": "https://sis.example.org"}


def provider(kind: type[Provider], **settings: Any) -> Provider:
    return kind(None, kind.Settings(**BASE, **settings))  # type: ignore[arg-type] # nothing is asked of it


@pytest.mark.parametrize(
    ("made", "row", "place"),
    [
        (provider(OneRosterRest, token_url="https://sis.example.org/token"), USER, "familyName"),
        (provider(InfiniteCampus, app_name="kestrel"), USER, "familyName"),
        (
            provider(Skyward, flavour="sms_v1", token_url="https://sis.example.org/token"),
            SKY_STUDENT,
            "LastName",
        ),
        (provider(PowerSchool), PS_STUDENT, "name.last_name"),
        (provider(PowerSchool, lists="walk"), PS_STUDENT, "name.last_name"),
    ],
    ids=["oneroster", "infinite campus", "skyward", "powerschool", "powerschool walk"],
)
def test_a_mended_row_becomes_the_record_that_it_should_have_been(
    made: Provider, row: dict[str, Any], place: str
) -> None:
    before = made.read(Entity.STUDENT, json.dumps(row), "")
    mended = json.loads(json.dumps(row))
    *way, last = place.split(".")
    inner = mended
    for step in way:
        inner = inner[step]
    inner[last] = "Fenwick"
    after = made.read(Entity.STUDENT, json.dumps(mended), "")

    assert before is not None
    assert (before.records, len(before.rejected)) == ([], 1)
    assert after is not None
    [record] = after.records
    assert (record.external_id, record.first_name, record.last_name) == (  # type: ignore[union-attr] # a student
        before.rejected[0].external_id,
        "Wren",
        "Fenwick",
    )


@pytest.mark.parametrize("entity", [Entity.SCHOOL, Entity.STUDENT])
@pytest.mark.parametrize("raw", ["[]", "7", "null", '"text"', "{}", '{"id": {"a": []}}'])
def test_a_row_that_is_none_is_refused_by_every_provider(entity: Entity, raw: str) -> None:
    for made in (
        provider(OneRosterRest, token_url="https://sis.example.org/token"),
        provider(PowerSchool),
        provider(Skyward, flavour="sms_v1", token_url="https://sis.example.org/token"),
    ):
        page = made.read(entity, raw, "")
        assert page is None or not page.records


async def test_a_row_of_a_file_is_read_again_where_all_of_it_stands_in_one_file(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {**PEOPLE, "users": PEOPLE["users"].replace("Ada,Lund", "Ada,")})
    async with provider_over(tmp_path) as made:
        [bad] = [one for page in await walk(made, Entity.STUDENT) for one in page.rejected]
        refused = made.read(Entity.STUDENT, bad.raw, "")
        row = {**json.loads(bad.raw), "familyName": "Fenwick"}
        mended = made.read(Entity.STUDENT, json.dumps(row), "")
        del row["role"]
        of_two_files = made.read(Entity.STUDENT, json.dumps(row), "")

    assert refused is not None
    assert (refused.records, [one.external_id for one in refused.rejected]) == ([], ["u2"])
    assert mended is not None
    assert [one.last_name for one in mended.records] == ["Fenwick"]  # type: ignore[union-attr] # a student
    assert of_two_files is None, "the roles of 1.2 stand in another file"

"""OneRoster CSV over real files: what a district exports is what arrives, in bulk, by deltas, and after a stop."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.errors import AuthError, ProviderError, SisconError, TransientError
from siscon.domain.records import Entity, Part, Record, Student, to_dict
from siscon.providers.contract import Drop, Page
from siscon.providers.oneroster_csv.provider import OneRosterCsv, OneRosterCsvSettings
from siscon.sandbox import csv_drop, truth
from siscon.sandbox.district import District
from siscon.sandbox.systems import ONEROSTER, SKYWARD, System
from support.csv_drops import PEOPLE, manifest, pages_of, provider_over, walk, zipped


def laid_over(pages: list[Page], before: dict[str, Record] | None = None) -> dict[str, Record]:
    """Records with their parts laid over them; an increment replaces what came before whole."""
    every = [one for page in pages for one in page.records]
    found = {one.external_id: one for one in every if not isinstance(one, Part)}
    parts = {(one.external_id, one.part_id): one for one in every if isinstance(one, Part)}
    for (external_id, _), part in sorted(parts.items()):
        if external_id in found:
            record = found[external_id]
            fields = {
                name: tuple(dict.fromkeys((*getattr(record, name), *value)))
                if isinstance(value, tuple)
                else value
                for name, value in part.fields.items()
            }
            found[external_id] = replace(record, **fields)
    return {**(before or {}), **found}


def rejected_in(pages: list[Page]) -> list[Any]:
    return [one for page in pages for one in page.rejected]


def wrong_in(system: System, district: District, entity: Entity, found: dict[str, Record]) -> list[Any]:
    """Where records differ from the truth. A bulk file lacks what is inactive; an increment brings it."""
    wanted = {row["external_id"]: row for row in truth.rows(system, district, entity.value)}
    absent = [key for key, row in wanted.items() if key not in found and row["status"] != "inactive"]
    strange = [key for key in found if key not in wanted]
    return [
        *absent,
        *strange,
        *(
            (key, name, value, wanted[key][name])
            for key, record in found.items()
            if key in wanted
            for name, value in to_dict(record).items()
            if value != wanted[key][name]
        ),
    ]


@pytest.mark.parametrize("version", [pytest.param("1.1", marks=pytest.mark.long), "1.2"])
@pytest.mark.parametrize("system", [ONEROSTER, SKYWARD], ids=["oneroster", "skyward"])
async def test_a_bulk_export_and_its_deltas_are_understood_as_the_district_is(
    tmp_path: Path, version: str, system: System
) -> None:
    drop, day = tmp_path / "drop", 0
    known: dict[Entity, dict[str, Record]] = {}
    marks: dict[Entity, str | None] = dict.fromkeys(Entity)
    for day in range(4):
        district = District(system, seed=3, students=300, day=day)
        made = csv_drop.export(district, drop, version=version, since_day=day or None)
        os.utime(made, (1_800_000_000 + day, 1_800_000_000 + day))
        async with provider_over(drop) as provider:
            for entity in provider.entities:
                pages = await walk(provider, entity, marks[entity])
                marks[entity] = pages[0].cursor
                known[entity] = laid_over(pages, known.get(entity))
                broken = {one["external_id"] for one in truth.broken(system, district, entity.value)}
                dead = {one.external_id for one in rejected_in(pages)}
                known[entity] = {key: one for key, one in known[entity].items() if key not in broken}
                assert wrong_in(system, district, entity, known[entity]) == []
                assert dead <= broken
                whole = laid_over(await walk(provider, entity))
                whole = {key: one for key, one in whole.items() if key not in broken}
                assert wrong_in(system, district, entity, whole) == []


async def test_an_increment_without_a_new_delivery_is_empty(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", PEOPLE)
    async with provider_over(tmp_path) as provider:
        first = await walk(provider, Entity.STUDENT)
        again = await walk(provider, Entity.STUDENT, first[0].cursor)

    assert [list(page.records) for page in again] == [[]]
    assert again[0].resume is None
    assert again[0].cursor == first[0].cursor


async def test_an_increment_across_a_new_bulk_file_is_everything(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", PEOPLE, at_s=1_000)
    first = await pages_of(tmp_path, Entity.STUDENT)
    zipped(tmp_path / "b.zip", PEOPLE, at_s=2_000)

    again = await pages_of(tmp_path, Entity.STUDENT, first[0].cursor)

    assert len([one for page in again for one in page.records]) == 2


async def test_the_newest_delivery_that_holds_the_whole_table_counts(tmp_path: Path) -> None:
    renamed = PEOPLE["users"].replace("Marsh", "Marsh-Lund")
    zipped(tmp_path / "new.zip", {**PEOPLE, "users": renamed}, at_s=2_000)
    zipped(tmp_path / "old.zip", PEOPLE, at_s=1_000)
    zipped(tmp_path / "newest.zip", {"orgs": PEOPLE["orgs"]}, at_s=3_000)

    found = laid_over(await pages_of(tmp_path, Entity.STUDENT))

    ivo = found["u1"]
    assert isinstance(ivo, Student)
    assert ivo.last_name == "Marsh-Lund"


async def test_a_tombstone_with_the_id_alone_keeps_the_rest_of_its_record(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", PEOPLE, at_s=1_000)
    head = PEOPLE["users"].partition("\n")[0]
    gone = f"{head}\nu1,tobedeleted,2026-09-02T00:00:00.000Z,,,,,,\n"
    zipped(tmp_path / "b.zip", {"users": gone}, state="delta", at_s=2_000)

    found = laid_over(await pages_of(tmp_path, Entity.STUDENT))

    assert found["u1"] == Student("u1", "Ivo", None, "Marsh", username="ivo", school="s1", status="inactive")
    assert found["u2"].status == "active"


async def test_a_class_whose_teacher_was_deleted_by_id_alone_has_none(tmp_path: Path) -> None:
    head = "sourcedId,status,dateLastModified,classSourcedId,userSourcedId,role,primary\n"
    whole = {
        "classes": "sourcedId,status,dateLastModified,title,courseSourcedId\nc1,,,Art,k1\nc2,,,Music,k1\n",
        "enrollments": f"{head}e1,,,c1,t1,teacher,true\ne2,,,c1,t2,teacher,false\ne3,,,c2,t1,teacher,true\n",
    }
    zipped(tmp_path / "a.zip", whole, at_s=1_000)
    first = await pages_of(tmp_path, Entity.SECTION)
    gone = f"{head}e1,tobedeleted,2026-09-02T00:00:00.000Z,,,,\n"
    zipped(tmp_path / "b.zip", {"enrollments": gone}, state="delta", at_s=2_000)

    changed = laid_over(await pages_of(tmp_path, Entity.SECTION, first[0].cursor))
    everything = laid_over(await pages_of(tmp_path, Entity.SECTION))

    assert {key: to_dict(one)["instructors"] for key, one in changed.items()} == {"c1": ["t2"]}
    assert {key: to_dict(one)["instructors"] for key, one in everything.items()} == {
        "c1": ["t2"],
        "c2": ["t1"],
    }


async def test_a_person_who_lost_the_role_is_inactive(tmp_path: Path) -> None:
    users = "sourcedId,status,dateLastModified,givenName,familyName\nu1,,,Ivo,Marsh\n"
    roles = "sourcedId,status,dateLastModified,userSourcedId,roleType,role,orgSourcedId\n"
    whole = {"users": users, "roles": f"{roles}r1,,,u1,primary,student,s1\n"}
    zipped(tmp_path / "a.zip", whole, version="1.2", at_s=1_000)
    gone = {"roles": f"{roles}r1,tobedeleted,2026-09-02T00:00:00.000Z,,,,\n"}
    zipped(tmp_path / "b.zip", gone, state="delta", version="1.2", at_s=2_000)
    first = json.dumps({"name": "a.zip", "digest": "", "at": 1_000_000})

    for cursor in (None, first):
        found = laid_over(await pages_of(tmp_path, Entity.STUDENT, cursor))
        assert {key: one.status for key, one in found.items()} == {"u1": "inactive"}


async def test_a_walk_broken_off_at_any_page_goes_on_to_the_same_end(tmp_path: Path) -> None:
    csv_drop.export(District(ONEROSTER, seed=3, students=60, day=2), tmp_path, version="1.2")

    def contents(pages: list[Page]) -> Counter[str]:
        return Counter(repr(one) for page in pages for one in [*page.records, *page.rejected])

    async with provider_over(tmp_path, page_size=40) as provider:
        for entity in provider.entities:
            pages = await walk(provider, entity)
            for number in range(len(pages) - 1):
                rest = await walk(provider, entity, None, pages[number].resume)
                assert contents(pages[: number + 1]) + contents(rest) == contents(pages)


async def test_files_that_change_in_mid_run_make_the_run_begin_anew(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", PEOPLE)
    pages = await pages_of(tmp_path, Entity.STUDENT, page_size=1)
    zipped(tmp_path / "a.zip", {**PEOPLE, "users": PEOPLE["users"].replace("Marsh", "Moor")})

    async with provider_over(tmp_path, page_size=1) as provider:
        with pytest.raises(ProviderError, match="anew") as refused:
            await walk(provider, Entity.STUDENT, None, pages[0].resume)

    assert refused.value.code == "source_changed"


async def test_a_newer_delivery_does_not_disturb_a_walk_that_goes_on(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", PEOPLE, at_s=1_000)
    pages = await pages_of(tmp_path, Entity.STUDENT, page_size=1)
    zipped(tmp_path / "b.zip", {**PEOPLE, "users": PEOPLE["users"].replace("Lund", "Moor")}, at_s=2_000)

    async with provider_over(tmp_path, page_size=1) as provider:
        rest = laid_over(await walk(provider, Entity.STUDENT, None, pages[0].resume))

    ada = rest["u2"]
    assert isinstance(ada, Student)
    assert ada.last_name == "Lund"


async def test_loose_files_are_read_as_a_zip_is(tmp_path: Path) -> None:
    for name, text in {**PEOPLE, "manifest": manifest(dict.fromkeys(PEOPLE, "bulk"))}.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")

    assert set(laid_over(await pages_of(tmp_path, Entity.STUDENT))) == {"u1", "u2"}
    assert set(laid_over(await pages_of(tmp_path, Entity.STAFF))) == {"t1"}


async def test_files_without_a_manifest_need_a_word_of_the_operator(tmp_path: Path) -> None:
    for name, text in PEOPLE.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")

    with pytest.raises(ProviderError, match="without_manifest") as refused:
        await pages_of(tmp_path, Entity.STUDENT)
    assert refused.value.code == "no_manifest"

    pages = await pages_of(tmp_path, Entity.STUDENT, without_manifest="bulk")
    assert len(laid_over(pages)) == 2
    assert "no manifest.csv" in pages[0].note


@pytest.mark.parametrize("text", ["", "\n", PEOPLE["users"].partition("\n")[0] + "\n", "\ufeff"])
async def test_an_empty_file_stops_the_run(tmp_path: Path, text: str) -> None:
    zipped(tmp_path / "a.zip", {**PEOPLE, "users": text})

    with pytest.raises(ProviderError) as refused:
        await pages_of(tmp_path, Entity.STUDENT)

    assert refused.value.code == "empty_file"


async def test_nothing_to_read_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as refused:
        await pages_of(tmp_path, Entity.STUDENT)
    assert refused.value.code == "no_files"

    zipped(tmp_path / "a.zip", {"orgs": PEOPLE["orgs"]})
    with pytest.raises(ProviderError, match="users") as refused:
        await pages_of(tmp_path, Entity.STUDENT)
    assert refused.value.code == "no_bulk"


async def test_what_a_manifest_promises_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(manifest({"orgs": "bulk", "users": "bulk"}), encoding="utf-8")
    (tmp_path / "orgs.csv").write_text(PEOPLE["orgs"], encoding="utf-8")

    with pytest.raises(ProviderError, match=r"users\.csv") as refused:
        await pages_of(tmp_path, Entity.SCHOOL)

    assert refused.value.code == "incomplete"


async def test_fields_of_the_district_are_kept_by_name(tmp_path: Path) -> None:
    users = "\n".join(
        f"{line},{more}"
        for line, more in zip(
            PEOPLE["users"].splitlines(), ["metadata.LunchNo,metadata.bus", "17,A", ",", "9,"], strict=True
        )
    )
    zipped(tmp_path / "a.zip", {**PEOPLE, "users": users})

    found = laid_over(await pages_of(tmp_path, Entity.STUDENT, custom_fields=("LunchNo",)))

    assert found["u1"].custom == '{"LunchNo":"17"}'
    assert found["u2"].custom is None


async def test_coverage_is_version_and_the_school_year_of_the_delivery(tmp_path: Path) -> None:
    sessions = (
        "sourcedId,status,dateLastModified,title,type,startDate,endDate,schoolYear\n"
        "y1,,,2025-2026,schoolYear,2025-08-15,2026-06-05,2026\ny2,,,2026-2027,schoolYear,2026-08-17,2027-06-05,2027\n"
    )
    autumn, summer = 1_790_000_000, 1_783_000_000
    for name, at_s, wanted in (
        ("a.zip", summer, {"OneRoster": "1.1"}),
        ("b.zip", autumn, {"OneRoster": "1.1", "school year": "2027"}),
    ):
        zipped(tmp_path / name, {"academicSessions": sessions}, at_s=at_s)
        async with provider_over(tmp_path) as provider:
            assert await provider.coverage() == wanted


async def test_coverage_is_empty_where_no_sessions_are_delivered(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", PEOPLE)
    async with provider_over(tmp_path) as provider:
        assert await provider.coverage() == {}


@pytest.mark.parametrize(
    "error", [AuthError("no"), TransientError("later"), ProviderError("no", code="no_folder")]
)
async def test_what_the_place_of_the_files_says_passes_through(error: SisconError) -> None:
    class Shut:
        async def listing(self) -> list[Drop]:
            raise error

        async def fetch(self, drop: Drop) -> Path:
            raise error

    provider = OneRosterCsv(Shut(), OneRosterCsvSettings(base_url="/nowhere"))
    for entity in provider.entities:
        with pytest.raises(type(error)) as raised:
            await walk(provider, entity)
        assert raised.value is error


async def test_what_is_known_of_birth_dates_stays_where_no_delivery_tells_them(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", PEOPLE)

    for settings, absent in (({}, ("birth_date", "gender")), ({"demographics": False}, ())):
        pages = await pages_of(tmp_path, Entity.STUDENT, page_size=1, **settings)
        assert [page.absent_fields for page in pages[:-1]] == [()] * (len(pages) - 1)
        assert pages[-1].absent_fields == absent


@pytest.mark.parametrize("text", ["", "sourcedId,status,dateLastModified,birthDate,sex\n"])
async def test_a_file_that_a_district_may_do_without_may_be_empty(tmp_path: Path, text: str) -> None:
    zipped(tmp_path / "a.zip", {**PEOPLE, "demographics": text})

    pages = await pages_of(tmp_path, Entity.STUDENT)

    assert set(laid_over(pages)) == {"u1", "u2"}
    assert "demographics.csv holds no row" in pages[-1].note
    assert pages[-1].absent_fields == ("birth_date", "gender")

"""When rows of OneRoster files changed: delta files tell it, bulk files may leave it blank."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon.domain.records import Entity
from siscon.providers.contract import Page
from support.csv_drops import provider_over, zipped

EARLY, LATE = "2026-09-02T00:00:00.000Z", "2026-09-03T00:00:00.000Z"
USERS = "sourcedId,status,dateLastModified,role,givenName,familyName\n"
PEOPLE = "sourcedId,status,dateLastModified,givenName,familyName\n"
ROLES = "sourcedId,status,dateLastModified,userSourcedId,roleType,role,orgSourcedId\n"
BORN = "sourcedId,status,dateLastModified,birthDate,sex\n"
ORGS = "sourcedId,status,dateLastModified,name,type,identifier\n"


async def moments_of(folder: Path, entity: Entity) -> list[dict[str, str]]:
    async with provider_over(folder) as provider:
        pages: list[Page] = [page async for page in provider.pages(entity, cursor=None, resume=None)]
    return [dict(page.modified) for page in pages]


async def test_bulk_rows_tell_nothing_and_delta_rows_their_moment(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {"orgs": f"{ORGS}s1,,,Harbor,school,1\ns2,,,Hill,school,2\n"}, at_s=1_000)
    assert await moments_of(tmp_path, Entity.SCHOOL) == [{}]

    delta = f"{ORGS}s2,active,{EARLY},Hill High,school,2\ns3,active,,Dale,school,3\n"
    zipped(tmp_path / "b.zip", {"orgs": delta}, state="delta", at_s=2_000)

    assert await moments_of(tmp_path, Entity.SCHOOL) == [{"s2": EARLY}]


async def test_a_bulk_file_that_tells_moments_is_believed_but_for_what_is_none(tmp_path: Path) -> None:
    orgs = f"{ORGS}s1,,{EARLY},Harbor,school,1\ns2,,2026-09-02,Hill,school,2\ns3,,soon,Dale,school,3\n"
    zipped(tmp_path / "a.zip", {"orgs": orgs})

    assert await moments_of(tmp_path, Entity.SCHOOL) == [{"s1": EARLY}]


async def test_a_student_and_the_demographics_tell_their_moments_apart(tmp_path: Path) -> None:
    users = f"{USERS}u1,,{EARLY},student,Ivo,Marsh\nu2,,{LATE},student,Ada,Lund\n"
    zipped(tmp_path / "a.zip", {"users": users, "demographics": f"{BORN}u1,,{LATE},2011-01-01,male\n"})

    assert await moments_of(tmp_path, Entity.STUDENT) == [{"u1": EARLY, "u2": LATE}, {"u1": LATE}]


@pytest.mark.parametrize(
    ("user", "roles", "told"),
    [
        (EARLY, [LATE], LATE),
        (LATE, [EARLY], LATE),
        (EARLY, [EARLY, LATE], LATE),
        (EARLY, [LATE, ""], None),
        ("", [LATE], None),
        (EARLY, [""], None),
    ],
)
async def test_the_roles_of_a_person_count_among_the_moments_if_all_are_told(
    user: str, roles: list[str], told: str | None, tmp_path: Path
) -> None:
    rows = "".join(f"r{n},,{moment},u1,primary,teacher,s{n}\n" for n, moment in enumerate(roles))
    tables = {"users": f"{PEOPLE}u1,,{user},Ivo,Marsh\n", "roles": ROLES + rows}
    zipped(tmp_path / "a.zip", tables, version="1.2")

    assert await moments_of(tmp_path, Entity.STAFF) == [{"u1": told} if told else {}]


async def test_a_role_that_ended_moves_the_person_who_has_another(tmp_path: Path) -> None:
    roles = f"{ROLES}r1,active,{EARLY},u1,primary,teacher,s1\nr2,tobedeleted,{LATE},u1,secondary,teacher,s2\n"
    tables = {"users": f"{PEOPLE}u1,,{EARLY},Ivo,Marsh\n", "roles": roles}
    zipped(tmp_path / "a.zip", tables, version="1.2")

    assert await moments_of(tmp_path, Entity.STAFF) == [{"u1": LATE}]

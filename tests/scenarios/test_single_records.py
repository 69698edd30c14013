"""One record by its id, typed by a person, over each of the three systems: it comes, with what belongs to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon.domain.records import Entity
from siscon.sandbox import truth
from siscon.sandbox.systems import ALL_SYSTEMS, SYSTEMS
from siscon.sandbox.world import district_of
from support.district import District, open_district
from support.sandbox_sis import next_day

COMPARED = ("first_name", "last_name", "email", "grade_level", "birth_date", "gender", "school", "status")


def told(district: District, entity: Entity) -> dict[str, dict[str, object]]:
    now = district_of(district.system, district.state)
    rows = truth.rows(ALL_SYSTEMS[district.system], now, entity.value)
    return {str(row["external_id"]): row for row in rows}


async def known(district: District, entity: str) -> dict[str, dict[str, object]]:
    return {row["external_id"]: row for row in await district.rows("records", "list", "--entity", entity)}


@pytest.mark.long
@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_student_and_a_section_are_fetched_by_their_ids(system: str, tmp_path: Path) -> None:
    async with open_district(tmp_path, system=system) as district:
        code, said = await district.siscon("sync", "north", "--full", "--wait")
        assert code in (0, 4), said
        before = {entity: told(district, entity) for entity in (Entity.STUDENT, Entity.ENROLLMENT)}
        changed: list[str] = []
        while not changed:
            await next_day(district.state)
            now = told(district, Entity.STUDENT)
            changed = [one for one, row in now.items() if before[Entity.STUDENT].get(one, row) != row]
        student = changed[0]

        code, said = await district.siscon("sync", "north", "--record", "student", student, "--wait")
        assert code in (0, 4), said
        found = await known(district, "student")
        assert {name: found[student][name] or None for name in COMPARED} == {
            name: now[student][name] or None for name in COMPARED
        }
        seats = {one for one, row in told(district, Entity.ENROLLMENT).items() if row["student"] == student}
        assert seats <= (await known(district, "enrollment")).keys()

        section = next(iter(told(district, Entity.SECTION)))
        code, said = await district.siscon("sync", "north", "--record", "section", section, "--wait")
        assert code in (0, 4), said
        here = await known(district, "student")
        seats = {
            one
            for one, row in told(district, Entity.ENROLLMENT).items()
            if row["section"] == section and row["student"] in here
        }
        assert seats <= (await known(district, "enrollment")).keys()

        code, said = await district.siscon("sync", "north", "--record", "student", "82510000", "--wait")
        assert code in (0, 4), said
        runs = await district.rows("runs", "list")
        assert sorted(row["kind"] for row in runs if row["kind"] == "redrive") == ["redrive"] * 3
        assert all(row["requests"] <= 12 for row in runs if row["kind"] == "redrive"), runs

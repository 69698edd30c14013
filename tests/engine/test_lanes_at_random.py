"""Runs of three lanes at once over an SIS that changes under them: no record ever goes back to what it was before."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.commands import ForceSync, RetryDead
from siscon.domain.leases import Lease
from siscon.domain.records import Course, Enrollment, Entity, School, Section, Student
from siscon.domain.runs import RunStatus
from siscon.providers.contract import Rejected
from siscon.store import dead_records, leases, runs
from siscon.store.database import Connection, Database
from support.fake_sis import FakeSis
from support.house import NAME, TestHouse, test_house

PEOPLE = 3


class MovingSis:
    """Somebody works in the SIS all the while; each new first name counts up."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.version = chance, 100
        self.sis = FakeSis(page_size=3, gives_single=chance.random() < 0.7)
        self.sis.hold(School("sch", "Quill Primary"), Course("c1", "Maths"))
        self.sis.hold(Section("x1", "Orchard maths", course="c1", school="sch"))
        self.sis.hold(*(self._student(f"s{number}") for number in range(PEOPLE - 1)))
        self.sis.hold(self._broken("s2"), entity=Entity.STUDENT)
        self.sis.hold(*(Enrollment(f"e{number}", "x1", f"s{number}") for number in range(PEOPLE)))

    def _student(self, external_id: str) -> Student:
        return Student(
            external_id, first_name=f"Wren {self.version}", last_name=f"Of {external_id}", school="sch"
        )

    def _broken(self, external_id: str) -> Rejected:
        raw = json.dumps({"id": external_id, "first": self.version})
        return Rejected(external_id, "missing", "last name is missing", "last", raw)

    def change_one(self) -> None:
        self.version += 1
        external_id = f"s{self.chance.randrange(PEOPLE)}"
        self.sis.remove(Entity.STUDENT, [external_id])
        match self.chance.choice(("good", "good", "good", "good", "good", "good", "broken", "gone")):
            case "good":
                self.sis.hold(self._student(external_id))
            case "broken":
                self.sis.hold(self._broken(external_id), entity=Entity.STUDENT)


async def steps(db: Database, count: int) -> None:
    """Take as long as another run needs for so many steps."""
    for _ in range(count):
        async with db.read() as c:
            await c.one("SELECT 1")


class Interleaved:
    """A database before whose transactions the other runs get a chance, and somebody changes the SIS, at random."""

    def __init__(self, db: Database, moving: MovingSis) -> None:
        self._db, self._moving = db, moving

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    @asynccontextmanager
    async def transaction(self, *lease: Lease | None) -> AsyncIterator[Connection]:
        await steps(self._db, self._moving.chance.choice((0, 0, 0, 3)))
        if self._moving.chance.random() < 0.4:
            self._moving.change_one()
        async with self._db.transaction(*lease) as c:
            yield c


async def carried_at_once(house: TestHouse, moving: MovingSis) -> None:
    """An import, beside it a retry of all that is in error, and one record after the other that somebody wants now."""
    db, chance = house.db, moving.chance
    async with db.transaction() as c:
        lease = await leases.take(c, f"credential:{NAME}", "one", ttl_s=600, now_ms=house.now_ms)
    async with db.read() as c:
        dead = await dead_records.list_open(c)
    house.db = Interleaved(db, moving)  # type: ignore[assignment] # it is one in all that is used

    async def carry(run_id: int | None) -> None:
        if run_id is not None:
            async with db.transaction() as c:
                run = await runs.claim(c, run_id, engine="one", now_ms=house.now_ms)
            await house.go_on(house.job(run, lease))

    async def import_all() -> None:
        await carry(await house.enqueue(full=True))

    async def retry() -> None:
        await steps(db, chance.randrange(60))
        if len(dead) > 1:  # one alone goes by the lane of the single records
            await carry((await house.ask(RetryDead(NAME, (), {}, len(dead)))).run_id)

    async def ask_for_some() -> None:
        for _ in range(8):
            await steps(db, chance.randrange(6))
            await carry(
                (
                    await house.ask(
                        ForceSync(NAME, "student", f"s{chance.randrange(PEOPLE)}", relations=False)
                    )
                ).run_id
            )

    await asyncio.gather(import_all(), retry(), ask_for_some())
    house.db = db


async def names_over_time(house: TestHouse) -> dict[str, list[int]]:
    """External id -> the numbers of the first names that were written, in the order in which they were."""
    written = defaultdict(list)
    for row in await house.rows(
        "SELECT external_id, after FROM changes WHERE entity = 'student' ORDER BY id"
    ):
        name = json.loads(row["after"]).get("first_name")
        if name:
            written[row["external_id"]].append(int(name.removeprefix("Wren ")))
    return written


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 12))]
)
async def test_runs_of_three_lanes_never_take_one_another_back(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    moving = MovingSis(chance)
    async with test_house(tmp_path, moving.sis) as house:
        await house.sync()
        for _ in range(3):
            house.now_ms += chance.choice((60_000, 0, -3_600_000))
            await carried_at_once(house, moving)

        for external_id, numbers in (await names_over_time(house)).items():
            assert numbers == sorted(numbers), f"{external_id} went back"

        house.now_ms += 4 * 3_600_000  # the clock has caught up with what it was set back
        for _ in range(3):
            status, _counts = await house.sync()
            assert status is not RunStatus.FAILED
        await agrees(house, moving.sis)


async def agrees(house: TestHouse, sis: FakeSis) -> None:
    """Whoever the SIS has is here as it says, or in error; whoever it has no longer is withdrawn."""
    here = {
        row["external_id"]: (row["first_name"], row["status"])
        for row in await house.rows(
            f"SELECT m.external_id, s.first_name, s.status FROM {NAME}_mappings m "
            "JOIN students s ON s.id = m.internal_id WHERE m.entity_type = 'student'"
        )
    }
    async with house.db.read() as c:
        found = await dead_records.list_open(c)
    in_error = {one.external_id for one in found if one.entity is Entity.STUDENT}
    now = {one.external_id: one for one in sis.lists[Entity.STUDENT]}
    assert in_error == {name for name, one in now.items() if isinstance(one, Rejected)}
    for external_id, one in now.items():
        if isinstance(one, Student):
            assert here[external_id] == (one.first_name, "active")
    assert {here[name][1] for name in here.keys() - now.keys()} <= {"inactive"}

"""Import N students, let both sides change fields of some, decide most of them at once, take that back.

Usage: python benchmarks/settle_conflicts.py [STUDENTS] [CONFLICTS] [DECIDED]      (default: 10000 1000 900)
Prints one JSON object: CPU seconds of finding the conflicts, deciding them and undoing that, and what was seen to hold.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from siscon.domain.commands import SettleConflicts, UndoRun
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.records import Entity, School, Student
from siscon.store import conflicts
from support.fake_sis import FakeSis
from support.house import NAME, test_house

FIELDS = (
    *(
        "first_name",
        "middle_name",
        "last_name",
        "local_id",
        "state_id",
        "birth_date",
        "gender",
        "grade_level",
    ),
    *("email", "username", "custom", "status"),
)
MARKED = "decide me"


def value_of(name: str, n: int, side: str) -> str:
    """A value that differs on each side; a status and a date must be one."""
    if name == "status":
        return {"sis": "inactive", "local": "future"}.get(side, "active")
    if name == "birth_date":
        return {"sis": "2012-03-04", "local": "2012-04-03"}.get(side, "2012-01-01")
    return f"{side} {name} {n}"


def student(n: int, side: str = "base", only: str = "") -> Student:
    told = {name: value_of(name, n, side if name == only else "base") for name in FIELDS}
    return Student(f"u{n:06}", **told, school="s1" if n % 2 else "s2")


async def roster(house: Any) -> list[dict[str, Any]]:
    rows = await house.rows("SELECT * FROM students ORDER BY id")
    moving = {"version", "updated_at_ms", "edited_at_ms"}
    return [{name: value for name, value in row.items() if name not in moving} for row in rows]


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(students: int, disputed: int, decided: int, folder: Path) -> dict[str, object]:
    sis = FakeSis(page_size=1000)
    sis.hold(School("s1", "Harbor Middle"), School("s2", "Hill High"))
    sis.hold(*(student(n) for n in range(students)))
    async with test_house(folder, sis) as house:
        house.batch, house.entities = 200, (Entity.SCHOOL, Entity.STUDENT)
        house.policies = {Entity.STUDENT: Policy(default=Strategy.MANUAL)}
        await house.sync()
        await dispute(house, students, disputed)
        begun_s = cpu_s()
        _, counts = await house.sync()
        found_s = cpu_s() - begun_s
        async with house.db.read() as c:
            asked = [one.external_id for one in await conflicts.list_open(c, limit=disputed * 2)]
            newest = max((await conflicts.list_open(c, limit=decided))[-1].id, 1)
        right = asked == [f"u{n:06}" for n in range(disputed)]
        before = await roster(house)
        begun_s = cpu_s()
        row = await house.ask(SettleConflicts(NAME, {}, "sis", decided, newest, "policy of the district"))
        await house.carry_on(row.run_id)
        settled_s = cpu_s() - begun_s
        async with house.db.read() as c:
            left = await conflicts.count_open(c)
        _, again = await house.sync()
        begun_s, begun_wall_s = cpu_s(), time.monotonic()
        asked_back = await house.ask(UndoRun(row.run_id, "", "", decided, "they did not agree"))
        status = await house.carry_on(asked_back.run_id)
        undone_s, undone_wall_s = cpu_s() - begun_s, time.monotonic() - begun_wall_s
        return {
            "students": students,
            "conflicts": counts[Entity.STUDENT].conflict,
            "exactly the right ones": right,
            "left open": left,
            "asked again by the next run": again[Entity.STUDENT].conflict - left,
            "undo": status.value,
            "roster as before": await roster(house) == before,
            "cpu_s": {
                "finding": round(found_s, 2),
                "deciding": round(settled_s, 2),
                "undoing": round(undone_s, 2),
            },
            "undoing wall_s": round(undone_wall_s, 2),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }


async def dispute(house: Any, students: int, disputed: int) -> None:
    """Both sides change one field of some, in turn each of twelve; as many more change on one side alone."""
    for n in range(disputed):
        name = FIELDS[n % len(FIELDS)]
        house.sis.lists[Entity.STUDENT][n] = student(n, "sis", name)
        local = value_of(name, n, "local")
        await house.do(
            f"UPDATE students SET {name} = '{local}' WHERE id = "
            f"(SELECT internal_id FROM {NAME}_mappings WHERE entity_type = 'student' AND external_id = 'u{n:06}')"
        )
    for n in range(disputed, min(2 * disputed, students)):
        house.sis.lists[Entity.STUDENT][n] = student(n, "sis", "email")


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:]] or [10_000, 1_000, 900]
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(asyncio.run(measure(*numbers, Path(place)))))

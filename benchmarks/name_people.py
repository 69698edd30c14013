"""Import N new students with and without giving them user names and e-mail addresses, each in a process of its own.

Usage: python benchmarks/name_people.py [STUDENTS] [ROUNDS]      (default: 10000 5)
Prints one JSON object: medians of CPU seconds of the import alone, their ratio, and that no two names are alike.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from siscon.domain.accounts import OF_PEOPLE, AccountRule, parse, parse_email
from siscon.domain.records import Entity, School, Student
from support.fake_sis import FakeSis
from support.house import test_house

FIRST = ("Ada", "Bo", "Kim", "Zoë", "Łucja", "Жанна", "Øyvind", "Mia")
LAST = ("Fox", "Quill", "Ødegård", "O'Neil", "Großmann", "Marsh", "Lind", "Okafor", "Иванова", "Berg")


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rule() -> AccountRule:
    known = OF_PEOPLE[Entity.STUDENT]
    email, domain = parse_email("{username}@students.example.org", known)
    return AccountRule(parse("{first:1}{last}{birth_year:-2}", known), email, domain)


async def measure(students: int, folder: Path, *, named: bool) -> dict[str, float]:
    sis = FakeSis(page_size=500)
    sis.hold(School("s1", "Harbor Middle", "210"))
    for n in range(students):
        last = LAST[n // len(FIRST) % len(LAST)] + chr(97 + n // 80 % 26)
        year = 2008 + n % 10
        sis.hold(
            Student(f"u{n:06}", FIRST[n % len(FIRST)], None, last, birth_date=f"{year}-03-04", school="s1")
        )
    async with test_house(folder, sis) as house:
        house.batch, house.entities = 200, (Entity.SCHOOL, Entity.STUDENT)
        house.accounts = {Entity.STUDENT: rule()} if named else {}
        begun_s = cpu_s()
        await house.sync()
        first_s = cpu_s() - begun_s
        begun_s = cpu_s()
        await house.sync()
        (found,) = await house.rows("SELECT count(DISTINCT username) AS n FROM students")
        return {"first": first_s, "again": cpu_s() - begun_s, "names": found["n"]}


def run(students: int, *, named: bool) -> dict[str, float]:
    word = "named" if named else "bare"
    done = subprocess.run(
        [sys.executable, __file__, "one", str(students), word], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(students: int = 10_000, rounds: int = 5) -> None:
    bare, named = [], []
    for _ in range(rounds):  # in turn, so that other work on the machine meets both
        bare.append(run(students, named=False))
        named.append(run(students, named=True))
    told = {
        what: {name: round(statistics.median(one[what] for one in ones), 2) for name, ones in pairs}
        for what in ("first", "again")
        for pairs in [(("without", bare), ("with", named))]
    }
    ratio = statistics.median(one["first"] for one in named) / statistics.median(one["first"] for one in bare)
    print(
        json.dumps(
            {
                "students": students,
                "cpu_s": told,
                "ratio of the first": round(ratio, 2),
                "no two alike": all(one["names"] == students for one in named),
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        with tempfile.TemporaryDirectory() as place:
            told = asyncio.run(measure(int(sys.argv[2]), Path(place), named=sys.argv[3] == "named"))
            print(json.dumps(told))
    else:
        main(*(int(one) for one in sys.argv[1:]))

"""The least that could import students: httpx, pydantic and one executemany a page. No siscon code.

Usage: python benchmarks/lean_loop.py BASE_URL CLIENT_ID CLIENT_SECRET PAGE_SIZE DATABASE
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys

import aiosqlite
import httpx
from pydantic import BaseModel, TypeAdapter


class Name(BaseModel):
    first_name: str | None = None
    middle_name: str | None = None
    last_name: str | None = None


class Demographics(BaseModel):
    gender: str | None = None
    birth_date: str | None = None


class SchoolEnrollment(BaseModel):
    enroll_status: str | None = None
    grade_level: int | None = None
    school_id: int | None = None


class Student(BaseModel):
    id: int
    local_id: int | str | None = None
    state_province_id: int | str | None = None
    student_username: str | None = None
    name: Name
    demographics: Demographics | str | None = None
    school_enrollment: SchoolEnrollment | str | None = None
    contact_info: dict[str, str] | str | None = None


class Students(BaseModel):
    student: list[Student] | Student = []


class Answer(BaseModel):
    students: Students


TABLE = """CREATE TABLE students (external_id TEXT PRIMARY KEY, first_name TEXT, middle_name TEXT, last_name TEXT,
local_id TEXT, state_id TEXT, username TEXT, gender TEXT, birth_date TEXT, grade_level TEXT, school TEXT)"""
UPSERT = """INSERT INTO students VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (external_id) DO UPDATE SET first_name = excluded.first_name, last_name = excluded.last_name"""


def row(one: Student) -> tuple[str | None, ...]:
    person = one.demographics if isinstance(one.demographics, Demographics) else Demographics()
    place = (
        one.school_enrollment if isinstance(one.school_enrollment, SchoolEnrollment) else SchoolEnrollment()
    )
    return (
        str(one.id),
        one.name.first_name,
        one.name.middle_name,
        one.name.last_name,
        str(one.local_id),
        str(one.state_province_id),
        one.student_username,
        person.gender,
        person.birth_date,
        str(place.grade_level),
        str(place.school_id),
    )


async def main(base_url: str, client_id: str, secret: str, page_size: str, path: str) -> None:
    answers = TypeAdapter(Answer)
    n = 0
    async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client, aiosqlite.connect(path) as db:
        await db.execute("PRAGMA journal_mode=WAL")
        await db.execute("PRAGMA synchronous=FULL")
        await db.execute(TABLE)
        token = await client.post(
            "/oauth/access_token", data={"grant_type": "client_credentials"}, auth=(client_id, secret)
        )
        headers = {"Authorization": f"Bearer {token.json()['access_token']}", "Accept": "application/json"}
        page = 1
        while True:
            answer = await client.get(
                "/ws/v1/district/student",
                params={
                    "page": page,
                    "pagesize": page_size,
                    "expansions": "demographics,contact_info,school_enrollment",
                    "q": "school_enrollment.enroll_status==(A,P,T,G,H,I)",
                },
                headers=headers,
            )
            answer.raise_for_status()
            found = answers.validate_json(answer.content).students.student
            students = found if isinstance(found, list) else [found]
            if not students:
                break
            await db.executemany(UPSERT, [row(one) for one in students])
            await db.commit()
            n += len(students)
            page += 1
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps({"records": n, "cpu_s": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024})
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

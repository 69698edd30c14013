"""PowerSchool over the wire: its envelopes, its JSON quirks, its pages and its errors."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.running import Running, Start

EXPANSIONS = "demographics,addresses,phones,school_enrollment,contact_info"
ENROLLMENTS = "/ws/schema/query/org.siscon.roster.enrollments"


async def ask(sandbox: Running, path: str, **query: Any) -> Any:
    answer = await sandbox.get("powerschool", path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_collection_of_one_is_an_object_and_of_two_a_list(shared: Running) -> None:
    one = await ask(shared, "/ws/v1/district/student", pagesize=1)
    two = await ask(shared, "/ws/v1/district/student", pagesize=2)

    assert isinstance(one["students"]["student"], dict)
    assert isinstance(two["students"]["student"], list)
    assert isinstance((await ask(shared, "/ws/v1/district/school"))["schools"]["school"], dict)


async def test_a_collection_without_rows_has_no_key(shared: Running) -> None:
    body = await ask(shared, "/ws/v1/district/student", page=99)
    query = await shared.get("powerschool", f"{ENROLLMENTS}?page=99", method="POST")

    assert set(body["students"]) == {"@expansions", "@extensions"}
    assert query.json() == {"@extensions": ""}


async def test_empty_elements_are_empty_text_and_digits_are_numbers(shared: Running) -> None:
    rows = (await ask(shared, "/ws/v1/district/student", expansions=EXPANSIONS))["students"]["student"]

    assert {row["addresses"] for row in rows} == {""}
    assert "" in [row["contact_info"] for row in rows]
    assert {type(row["local_id"]) for row in rows} == {int, str}
    assert any("middle_name" not in row["name"] for row in rows)
    assert all(type(row["school_enrollment"]["grade_level"]) is int for row in rows)


async def test_without_expansions_a_student_is_short_and_unknown_ones_are_ignored(shared: Running) -> None:
    bare = (await ask(shared, "/ws/v1/student/4101"))["student"]
    odd = (await ask(shared, "/ws/v1/student/4101", expansions="nonsense,demographics"))["student"]

    assert "demographics" not in bare
    assert set(odd) - set(bare) == {"demographics"}
    assert bare["@expansions"].startswith("demographics, addresses")


async def test_quirks_can_be_turned_off(sandbox: Running) -> None:
    switches = {"single_as_object": False, "empty_as_text": False, "digits_as_numbers": False}
    await sandbox.control("powerschool", "quirks", switches)

    rows = (await ask(sandbox, "/ws/v1/district/student", pagesize=1, expansions=EXPANSIONS))["students"]

    assert isinstance(rows["student"], list)
    assert rows["student"][0]["addresses"] == {}
    assert isinstance(rows["student"][0]["local_id"], str)


@pytest.mark.parametrize("size", [7, 50, 120, 500])
async def test_pages_hold_every_student_exactly_once(shared: Running, size: int) -> None:
    seen: list[int] = []
    for page in range(1, 200):
        body = await ask(shared, "/ws/v1/district/student", page=page, pagesize=size)
        rows = body["students"].get("student", [])
        rows = rows if isinstance(rows, list) else [rows]
        seen += [row["id"] for row in rows]
        if len(rows) < size:
            break

    count = (await ask(shared, "/ws/v1/district/student/count"))["resource"]["count"]
    assert len(seen) == len(set(seen)) == count == 120


async def test_the_walk_over_schools_and_sections_finds_what_the_queries_find(start: Start) -> None:
    sandbox = await start(1100)
    walked, sections = set(), 0
    for school in (await ask(sandbox, "/ws/v1/district/school"))["schools"]["school"]:
        rows = (await ask(sandbox, f"/ws/v1/school/{school['id']}/section"))["sections"]["section"]
        sections += len(rows)
        staff = (await ask(sandbox, f"/ws/v1/school/{school['id']}/staff"))["staffs"]["staff"]
        assert {row["staff_id"] for row in rows} <= {one["id"] for one in staff}
        for row in rows[:12]:
            places = await ask(sandbox, f"/ws/v1/section/{row['id']}/section_enrollment")
            walked |= {one["id"] for one in places["section_enrollments"]["section_enrollment"]}

    query = await sandbox.get("powerschool", f"{ENROLLMENTS}?pagesize=0&count=true", method="POST", json={})
    listed = {row["dcid"]: row for row in query.json()["record"]}
    assert query.json()["count"] == len(listed)
    assert {str(one) for one in walked} <= set(listed)
    count = await sandbox.get(
        "powerschool", "/ws/schema/query/org.siscon.roster.sections/count", method="POST"
    )
    assert count.json() == {"count": sections}


async def test_query_rows_are_flat_text_in_lower_case(shared: Running) -> None:
    for name in ("enrollments", "sections"):
        path = f"/ws/schema/query/org.siscon.roster.{name}?pagesize=3"
        rows = (await shared.get("powerschool", path, method="POST")).json()["record"]
        assert all(
            isinstance(value, str) and key == key.lower() for row in rows for key, value in row.items()
        )


async def test_a_person_at_two_schools_has_two_rows_and_one_users_dcid(start: Start) -> None:
    sandbox = await start(1100)
    rows: list[dict[str, Any]] = []
    for school in (1011, 1012):
        body = await ask(sandbox, f"/ws/v1/school/{school}/staff", expansions="school_affiliations")
        rows += body["staffs"]["staff"]

    by_person: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_person.setdefault(row["users_dcid"], []).append(row)
    twice = [found for found in by_person.values() if len(found) == 2]
    assert twice
    for one, other in twice:
        assert one["id"] != other["id"]
        assert one["school_affiliations"] == other["school_affiliations"]
    single = (await ask(sandbox, f"/ws/v1/staff/{twice[0][1]['id']}"))["staff"]
    assert single["users_dcid"] == twice[0][1]["users_dcid"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("school_enrollment.enroll_status==(A,P,T)", 120),
        ("school_enrollment.enroll_status==T", 1),
        ("school_enrollment.enroll_status==(A,P)", 119),
        ("local_id==100003", 1),
        ("local_id==100003;name.last_name==Nobody", 0),
        ("name.last_name==Smith*", 1),
    ],
)
async def test_students_can_be_searched(shared: Running, query: str, count: int) -> None:
    body = await ask(shared, "/ws/v1/district/student/count", q=query)

    assert body == {"resource": {"count": count}}


async def test_the_students_table_is_read_with_a_projection(shared: Running) -> None:
    query = {"projection": "dcid,last_name", "q": "dcid=ge=4110;dcid=lt=4113"}
    body = await ask(shared, "/ws/schema/table/students", **query)

    assert [row["tables"]["students"]["dcid"] for row in body["record"]] == ["4110", "4111", "4112"]
    assert {type(row["id"]) for row in body["record"]} == {int}
    assert await ask(shared, "/ws/schema/table/cc/count") == {"count": 480}


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/ws/v1/district/student?pagesize=5000", 400, "pagesize"),
        ("/ws/v1/district/student?page=0", 400, "page"),
        ("/ws/v1/district/student?page=one", 400, "page"),
        ("/ws/v1/district/student?q=nonsense", 400, "query"),
        ("/ws/v1/student/1", 404, "student"),
        ("/ws/v1/school/9/section", 404, "school"),
        ("/ws/v1/nothing", 404, "Not found"),
        ("/ws/schema/table/students", 400, "projection"),
        ("/ws/schema/table/students?projection=ssn", 400, "not valid column"),
        ("/ws/schema/table/teachers/count", 405, "TEACHERS"),
        ("/ws/schema/table/nothing/count", 404, "exist"),
        ("/ws/schema/table/courses", 400, "projection"),
        (ENROLLMENTS, 405, "POST"),
    ],
)
async def test_errors_are_told_in_a_message(shared: Running, path: str, status: int, word: str) -> None:
    answer = await shared.get("powerschool", path)

    assert answer.status_code == status
    assert word in answer.json()["message"]


async def test_a_query_that_is_not_installed_is_not_found(sandbox: Running) -> None:
    await sandbox.control("powerschool", "quirks", {"power_queries": False})

    assert (await sandbox.get("powerschool", ENROLLMENTS, method="POST")).status_code == 404


async def test_a_page_size_over_the_cap_can_be_cut_instead(sandbox: Running) -> None:
    await sandbox.control("powerschool", "quirks", {"over_cap": "clamp", "max_page_size": 50})

    body = await ask(sandbox, "/ws/v1/district/student", pagesize=5000)

    assert len(body["students"]["student"]) == 50
    assert (await ask(sandbox, "/ws/v1/metadata"))["metadata"]["student_max_page_size"] == 50


async def test_without_accept_json_the_answer_is_xml(shared: Running) -> None:
    answer = await shared.get("powerschool", "/ws/v1/district/student", headers={"Accept": "*/*"})

    assert answer.text.startswith("<?xml")


async def test_time_and_metadata_need_no_token_and_all_else_does(shared: Running) -> None:
    url = shared.url("powerschool")
    accept = {"Accept": "application/json"}

    assert (await shared.http.get(f"{url}/ws/v1/time", headers=accept)).status_code == 200
    refused = await shared.http.get(f"{url}/ws/v1/district/school", headers=accept)
    assert refused.status_code == 401
    assert 'error="invalid_token",realm="PowerSchool"' in refused.headers["WWW-Authenticate"]

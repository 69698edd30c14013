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


async def changed(sandbox: Running, version: int | str, app: str = "siscon") -> Any:
    return await sandbox.get("powerschool", f"/ws/dataversion/{app}/{version}")


async def test_a_subscription_tells_what_changed_and_the_version_to_ask_from_next(sandbox: Running) -> None:
    first = (await changed(sandbox, 0)).json()
    await sandbox.http.post(
        f"{sandbox.url('powerschool')}/__control__/advance", headers={"X-Sandbox-Control": "yes"}
    )

    second = (await changed(sandbox, first["$dataversion"])).json()

    assert first == {"$dataversion": "90412", "tables": {}}
    assert int(second["$dataversion"]) > 90412
    assert set(second["tables"]) >= {"students", "cc"}
    assert all(type(one) is int for ids in second["tables"].values() for one in ids)
    assert (await changed(sandbox, second["$dataversion"])).json()["tables"] == {}
    rows = await sandbox.get(
        "powerschool",
        f"{ENROLLMENTS}?count=true",
        method="POST",
        json={"$dataversion": first["$dataversion"], "$dataversion_applicationname": "siscon"},
    )
    assert rows.json()["$dataversion"] == second["$dataversion"]
    assert {int(row["dcid"]) for row in rows.json()["record"]} == set(second["tables"]["cc"])
    assert rows.json()["count"] == len(second["tables"]["cc"])


@pytest.mark.parametrize(
    ("version", "app"),
    [(17, "siscon"), (999_999, "siscon"), ("one", "siscon"), (0, "nobody"), (-1, "siscon")],
)
async def test_a_version_or_application_that_is_not_known_is_refused(
    shared: Running, version: int | str, app: str
) -> None:
    assert (await changed(shared, version, app)).status_code == 400


async def test_an_application_may_subscribe_to_some_tables(sandbox: Running) -> None:
    told = {"tables": ["students"]}
    done = await sandbox.get("powerschool", "/ws/dataversion/other", method="PUT", json=told)
    wrong = await sandbox.get("powerschool", "/ws/dataversion/x", method="PUT", json={"tables": ["nothing"]})
    await sandbox.http.post(
        f"{sandbox.url('powerschool')}/__control__/advance", headers={"X-Sandbox-Control": "yes"}
    )

    assert (done.status_code, wrong.status_code) == (200, 400)
    assert set((await changed(sandbox, 0, "other")).json()["tables"]) == {"students"}


async def test_versions_are_numbers_or_not_there_as_the_switches_say(sandbox: Running) -> None:
    await sandbox.control("powerschool", "quirks", {"dataversion_as_int": True})
    assert (await changed(sandbox, 0)).json()["$dataversion"] == 90412
    await sandbox.control("powerschool", "quirks", {"dataversion": False})
    assert (await changed(sandbox, 0)).status_code == 404


@pytest.mark.parametrize("table", ["schools", "terms", "courses", "users", "schoolstaff", "sections", "cc"])
async def test_every_table_is_read_searched_and_counted(shared: Running, table: str) -> None:
    path = f"/ws/schema/table/{table}"
    total = (await ask(shared, f"{path}/count"))["count"]
    rows = (await ask(shared, path, projection="*", sort="dcid", sortdescending="true"))["record"]
    dcid = rows[-1]["tables"][table]["dcid"]
    one = await ask(shared, f"{path}/{dcid}", projection="dcid")
    found = await ask(shared, path, projection="dcid", q=f"dcid=le={dcid}")

    assert len(rows) == total
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    assert one["tables"][table] == {"dcid": dcid}
    assert found["record"] == [one]
    values = [value for row in rows for value in row["tables"][table].values()]
    assert all(isinstance(value, str) and value for value in values)


async def test_a_column_must_exist_before_it_must_be_granted(sandbox: Running) -> None:
    switches = {"no_access": "students.dob,STUDENTS.GENDER", "unknown_columns": "STUDENTS.DOB"}
    await sandbox.control("powerschool", "quirks", switches)
    table = "/ws/schema/table/students"

    missing = await sandbox.get("powerschool", f"{table}?projection=dob,gender")
    refused = await sandbox.get("powerschool", f"{table}?projection=dcid,gender")
    searched = await sandbox.get("powerschool", f"{table}/count?q=gender==M")

    assert missing.status_code == 400
    assert missing.json()["message"] == (
        "Invalid field specified: DOB is not valid column for table: STUDENTS"
    )
    assert refused.status_code == searched.status_code == 403
    assert refused.json()["errors"] == [{"code": "NoAccess", "field": "GENDER", "resource": "STUDENTS"}]
    assert (await ask(sandbox, f"{table}/count"))["count"] == 120
    columns = (await ask(sandbox, f"{table}/metadata", expansions="access"))["columns"]
    access = {one["name"]: one["access"] for one in columns}
    assert (access["GENDER"], access["DCID"], "DOB" in access) == ("NoAccess", "ViewOnly", False)


async def test_a_query_names_the_fields_that_it_may_not_read(sandbox: Running) -> None:
    await sandbox.control("powerschool", "quirks", {"no_access": "CC.DATELEFT"})

    answer = await sandbox.get("powerschool", ENROLLMENTS, method="POST", json={})

    assert (answer.status_code, answer.json()["message"]) == (403, "Validation Failed")
    assert "No access to the field CC.DATELEFT" in answer.json()["errors"][0]["message"]


async def test_a_query_takes_a_filter_and_a_single_row_is_in_a_list(sandbox: Running) -> None:
    body = {"$q": "sections.section_number==3"}
    path = "/ws/schema/query/org.siscon.roster.sections"

    plain = (await sandbox.get("powerschool", path, method="POST", json=body)).json()
    await sandbox.control("powerschool", "quirks", {"record_as_object": True})
    odd = (await sandbox.get("powerschool", path, method="POST", json=body)).json()

    assert [row["section_number"] for row in plain["record"]] == ["3"]
    assert odd["record"] == plain["record"][0]


@pytest.mark.parametrize("body", [b"[1]", b"{", b'{"$dataversion": "1"}'])
async def test_a_query_with_a_body_that_makes_no_sense_is_refused(shared: Running, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    answer = await shared.get("powerschool", ENROLLMENTS, method="POST", content=body, headers=headers)

    assert answer.status_code == 400


async def test_in_an_outage_everything_leads_to_the_message_host(sandbox: Running) -> None:
    await sandbox.control("powerschool", "quirks", {"outage": True})

    answer = await sandbox.get("powerschool", "/ws/v1/district/school")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("https://message.powerschool.example/?server=127.0.0.1")


async def test_rows_are_deleted_or_inserted_before_those_that_were_read(sandbox: Running) -> None:
    path = "/ws/v1/district/student"
    for switch, before, after in (("shift_rows", 120, 115), ("insert_rows", 115, 120)):
        await sandbox.control("powerschool", "quirks", {"shift_rows": 0, "insert_rows": 0, switch: 5})
        seen: list[int] = []
        counts = [(await ask(sandbox, f"{path}/count"))["resource"]["count"]]
        for page in range(1, 8):
            rows = (await ask(sandbox, path, page=page, pagesize=20))["students"].get("student", [])
            seen += [row["id"] for row in rows]
        counts.append((await ask(sandbox, f"{path}/count"))["resource"]["count"])

        assert counts == [before, after]
        assert (len(seen), len(set(seen))) == ((115, 115) if switch == "shift_rows" else (120, 115))


async def test_pages_may_repeat_and_lists_be_halves(sandbox: Running) -> None:
    path = "/ws/v1/district/student"
    await sandbox.control("powerschool", "quirks", {"repeat_page": True})
    second = await ask(sandbox, path, page=2, pagesize=20)
    assert await ask(sandbox, path, page=5, pagesize=20) == second

    await sandbox.control("powerschool", "quirks", {"repeat_page": False, "half_pages": True})
    assert (await ask(sandbox, f"{path}/count"))["resource"]["count"] == 60
    assert len((await ask(sandbox, path))["students"]["student"]) == 60


async def test_own_fields_come_when_they_are_asked_for(shared: Running) -> None:
    row = (await ask(shared, "/ws/v1/student/4106", extensions="u_invented"))["student"]
    plain = (await ask(shared, "/ws/v1/student/4106"))["student"]

    table = row["_extension_data"]["_table_extension"]
    assert (table["name"], table["_field"]["name"]) == ("u_invented", "bus_route")
    assert "_extension_data" not in plain


async def test_writes_are_judged_row_by_row_with_status_200(shared: Running) -> None:
    rows = [{"client_uid": 1, "action": "INSERT"}, {"client_uid": 2, "name": {"last_name": "Marsh"}}]

    async def write(*some: Any) -> Any:
        body = {"students": {"student": list(some)}}
        answer = await shared.get("powerschool", "/ws/v1/student", method="POST", json=body)
        assert answer.status_code == 200
        return answer.json()["results"]["result"]

    assert [one["status"] for one in await write(*rows)] == ["ERROR", "WARNING"]
    assert (await write(rows[0]))["error_message"]["error"]["error_code"] == "REQUIRED"


async def test_a_subscription_to_events_is_replaced_with_an_empty_answer(sandbox: Running) -> None:
    path, told = "/ws/v1/event_subscription", {"event_subscriptions": {"key": "k"}}

    first = await sandbox.get("powerschool", path, method="PUT", json=told)
    second = await sandbox.get("powerschool", path, method="PUT", json=told)

    assert [(one.status_code, one.content) for one in (first, second)] == [(201, b""), (204, b"")]
    assert await ask(sandbox, path) == told
    assert (await sandbox.get("powerschool", path, method="DELETE")).status_code == 204
    assert (await sandbox.get("powerschool", path)).status_code == 404
    wrong = await sandbox.get("powerschool", path, method="PUT", content=b"<xml/>")
    assert wrong.status_code == 415


@pytest.mark.parametrize("where", ["header", "message"])
async def test_the_wait_stands_where_the_switch_says(sandbox: Running, where: str) -> None:
    switches = {"min_interval_ms": 5_000, "too_many_body": where}
    await sandbox.control("powerschool", "quirks", switches)

    await sandbox.get("powerschool", "/ws/v1/district/school")
    answer = await sandbox.get("powerschool", "/ws/v1/district/school")

    assert answer.status_code == 429
    assert ("Retry-After" in answer.headers) is (where == "header")
    assert any(char.isdigit() for char in answer.json()["message"]) is (where == "message")

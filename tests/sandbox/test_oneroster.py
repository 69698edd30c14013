"""OneRoster over the wire: pages, headers, filters, fields, errors, and the differences of 1.1 and 1.2."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.running import Running, Start

BOTH = pytest.mark.parametrize("system", ["infinite_campus", "skyward", "oneroster"])


async def listed(sandbox: Running, system: str, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await sandbox.get(system, f"/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return next(iter(answer.json().values()))


@BOTH
@pytest.mark.parametrize("limit", [9, 100, 1000])
async def test_following_next_gives_every_user_exactly_once(shared: Running, system: str, limit: int) -> None:
    seen, path = [], f"/users?limit={limit}"
    while path:
        answer = await shared.get(system, path)
        seen += [row["sourcedId"] for row in answer.json()["users"]]
        following = answer.links.get("next", {}).get("url", "")
        path = following[following.index("/users") :] if following else ""

    assert len(seen) == len(set(seen)) == int(answer.headers["X-Total-Count"]) == 120 + 8


@BOTH
@pytest.mark.parametrize(
    ("path", "collection"),
    [
        ("students", "users"), ("teachers", "users"), ("users", "users"), ("schools", "orgs"), ("orgs", "orgs"),
        ("terms", "academicSessions"), ("gradingPeriods", "academicSessions"), ("courses", "courses"),
        ("academicSessions", "academicSessions"), ("classes", "classes"), ("enrollments", "enrollments"),
        ("demographics", "demographics"),
    ],
)  # fmt: skip
async def test_lists_and_singles_have_their_names(
    shared: Running, system: str, path: str, collection: str
) -> None:
    answer = await shared.get(system, f"/{path}", params={"limit": 1})
    row = answer.json()[collection][0]
    single = await shared.get(system, f"/{path}/{row['sourcedId']}")

    singular = {"classes": "class", "demographics": "demographics"}.get(collection, collection[:-1])
    assert single.json() == {singular: row}


@BOTH
async def test_nested_lists_agree_with_each_other(shared: Running, system: str) -> None:
    school = (await listed(shared, system, "schools"))[0]["sourcedId"]
    klass = (await listed(shared, system, f"schools/{school}/classes"))[5]
    inside = await listed(shared, system, f"classes/{klass['sourcedId']}/students")
    places = await listed(shared, system, f"schools/{school}/classes/{klass['sourcedId']}/enrollments")
    teachers = await listed(shared, system, f"classes/{klass['sourcedId']}/teachers")
    mine = await listed(shared, system, f"students/{inside[0]['sourcedId']}/classes")
    course = await listed(shared, system, f"courses/{klass['course']['sourcedId']}/classes")
    term = await listed(shared, system, f"terms/{klass['terms'][0]['sourcedId']}/classes")
    taught = await listed(shared, system, f"teachers/{teachers[0]['sourcedId']}/classes")

    active = [one for one in places if one["status"] == "active"]
    assert {row["sourcedId"] for row in inside} == {
        one["user"]["sourcedId"] for one in active if one["role"] == "student"
    }
    assert {row["sourcedId"] for row in teachers} == {
        one["user"]["sourcedId"] for one in active if one["role"] == "teacher"
    }
    assert len(teachers) == 2
    for found in (mine, course, term, taught):
        assert klass["sourcedId"] in {row["sourcedId"] for row in found}
    all_places = await shared.get(system, "/enrollments")
    of_school = await shared.get(system, f"/schools/{school}/enrollments")
    assert of_school.headers["X-Total-Count"] == all_places.headers["X-Total-Count"]


async def test_the_versions_write_users_in_their_own_ways(shared: Running) -> None:
    new = (await listed(shared, "infinite_campus", "students", limit=1))[0]
    old = (await listed(shared, "skyward", "students", limit=1))[0]

    assert new["enabledUser"] == "true"
    assert new["roles"][0]["roleType"] == "primary"
    assert "role" not in new
    assert old["enabledUser"] is True
    assert old["role"] == "student"
    assert old["orgs"][0]["sourcedId"].startswith("000")
    periods = [(await listed(shared, one, "classes"))[0]["periods"] for one in ("infinite_campus", "skyward")]
    assert periods == [["1", "3"], "1,3"]


@BOTH
@pytest.mark.parametrize(
    ("path", "filter_", "total"),
    [
        ("users", "role='student'", 120),
        ("users", "role='teacher' AND status='active'", 8),
        ("students", "status='active'", 119),
        ("students", "status='tobedeleted'", 1),
        ("students", "status!='active'", 1),
        ("students", "identifier='100003' OR identifier='100004'", 2),
        ("students", "familyName~'[/X'", 1),
        ("enrollments", "role='student'", 480),
        ("enrollments", "role='student' AND status='active'", 476),
        ("enrollments", "role='teacher'", 22),
        ("enrollments", "status='active'", 498),
        ("students", "dateLastModified>'2020-01-01'", 120),
        ("students", "dateLastModified>'2099-01-01T00:00:00.000Z'", 0),
        ("classes", "school.sourcedId='x'", 0),
    ],
)
async def test_filters_leave_what_they_say(
    shared: Running, system: str, path: str, filter_: str, total: int
) -> None:
    if system != "skyward" and "role=" in filter_ and path == "users":
        filter_ = filter_.replace("role=", "roles.role=")
    answer = await shared.get(system, f"/{path}", params={"filter": filter_, "limit": 500})

    assert answer.headers["X-Total-Count"] == str(total)
    assert len(next(iter(answer.json().values()))) == total


@BOTH
async def test_changes_of_a_day_are_found_by_their_date(start: Start, system: str) -> None:
    sandbox = await start(700, day=2)
    before = sandbox.state.moments[-1]
    await sandbox.control(system, "advance", {})

    for path in ("users", "classes", "enrollments", "demographics", "students"):
        everything, offset = [], 0
        while len(everything) == offset:
            everything += await listed(sandbox, system, path, limit=1000, offset=offset)
            offset += 1000
        changed = await listed(
            sandbox, system, path, limit=1000, filter=f"dateLastModified>'{before}' AND status!='x'"
        )
        quick = await listed(sandbox, system, path, limit=1000, filter=f"dateLastModified>'{before}'")
        slow = [row for row in everything if row["dateLastModified"] > before]
        assert quick == changed == slow, path
    assert slow


@BOTH
async def test_fields_and_sort(shared: Running, system: str) -> None:
    rows = await listed(
        shared, system, "students", fields="sourcedId,familyName", sort="familyName", orderBy="desc"
    )

    assert set(rows[0]) == {"sourcedId", "familyName"}
    names = [row["familyName"] for row in rows]
    assert names == sorted(names, reverse=True)


@BOTH
@pytest.mark.parametrize(
    "path", ["orgs", "users", "demographics", "academicSessions", "classes", "enrollments"]
)
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_lists_come_in_the_order_of_their_ids_when_asked(
    shared: Running, system: str, path: str, order: str
) -> None:
    rows = await listed(shared, system, path, sort="sourcedId", orderBy=order, limit=1000)
    plain = await listed(shared, system, path, limit=1000)

    assert rows == sorted(plain, key=lambda row: row["sourcedId"], reverse=order == "desc")


@BOTH
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("students?limit=0", 400, "invaliddata"),
        ("students?limit=many", 400, "invaliddata"),
        ("students?offset=-1", 400, "invaliddata"),
        ("students?filter=familyName", 400, "invalid_filter_field"),
        ("students?filter=nothing%3D'x'", 400, "invalid_filter_field"),
        ("students?filter=status%3D'a' OR status%3D'b' OR status%3D'c'", 400, "invalid_filter_field"),
        ("students?fields=", 400, "invalid_selection_field"),
        ("students/nobody", 404, "unknownobject"),
        ("nothing", 404, "unknownobject"),
        ("classes/nothing/students", 404, "unknownobject"),
    ],
)
async def test_errors_carry_a_status_and_a_code(
    shared: Running, system: str, path: str, status: int, code: str
) -> None:
    answer = await shared.get(system, f"/{path}")

    assert answer.status_code == status
    assert code_of(answer) == code


def code_of(answer: httpx.Response) -> str:
    body = answer.json()
    if "statusInfoSet" in body:
        return body["statusInfoSet"][0]["imsx_codeMinor"]
    info = body.get("imsx_statusInfo", body)
    return info["imsx_CodeMinor"]["imsx_codeMinorField"][0]["imsx_codeMinorFieldValue"]


async def test_an_unknown_field_is_refused_by_one_and_warned_of_by_the_other(shared: Running) -> None:
    refused = await shared.get("infinite_campus", "/students?fields=shoeSize")
    warned = await shared.get("skyward", "/students?fields=shoeSize&limit=1")

    assert code_of(refused) == "invalid_selection_field"
    assert warned.status_code == 200
    assert warned.json()["statusInfoSet"][0]["imsx_severity"] == "warning"
    assert "familyName" in warned.json()["users"][0]


@BOTH
async def test_switches_of_lists(sandbox: Running, system: str) -> None:
    await sandbox.control(
        system,
        "quirks",
        {
            "total_count": "none",
            "link_header": False,
            "hrefs": "none",
            "tombstones": False,
            "max_page_size": 30,
        },
    )
    answer = await sandbox.get(system, "/students?limit=5000")

    assert len(answer.json()["users"]) == 30
    assert not {"x-total-count", "link"} & set(answer.headers)
    assert "href" not in answer.text
    await sandbox.control(system, "quirks", {"total_count": "wrong", "error_dialect": "html"})
    assert (await sandbox.get(system, "/students")).headers["X-Total-Count"] == "126"
    assert "<h1>Error 404" in (await sandbox.get(system, "/nothing")).text


async def test_scopes_are_enforced(shared: Running) -> None:
    core = "https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly"
    answer = await shared.ask_token(
        "infinite_campus", data={"grant_type": "client_credentials", "scope": core}
    )
    shared.headers["infinite_campus"] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    school = (await listed(shared, "infinite_campus", "schools"))[0]["sourcedId"]

    assert answer.json()["scope"] == core
    assert (await shared.get("infinite_campus", "/demographics")).status_code == 403
    assert (await shared.get("infinite_campus", f"/schools/{school}/classes")).status_code == 403


async def test_hostile_names_arrive_unchanged(shared: Running) -> None:
    for system in ("infinite_campus", "skyward"):
        names = {row["familyName"] for row in await listed(shared, system, "students", limit=60)}
        assert {"Smith [/x] Jr", "\x9b31mRed\x1b[2J", "Ze\u200bro\u200dWidth\u2066"} <= names

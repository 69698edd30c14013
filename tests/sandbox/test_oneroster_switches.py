"""The ways in which OneRoster servers differ, each switched on and seen over the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from sandbox.running import FORM, Running, Start
from siscon.sandbox.origin import API_KEY, ONEROSTER_BASES, STATIC_BEARER

FAMILY = pytest.mark.parametrize("system", ["infinite_campus", "skyward", "oneroster"])
SCOPE = "https://purl.imsglobal.org/spec/or/v1p2/scope/"


async def switched(sandbox: Running, system: str, **quirks: Any) -> None:
    await sandbox.control(system, "quirks", quirks)


@pytest.mark.parametrize("version", ONEROSTER_BASES)
async def test_the_nameless_vendor_speaks_both_versions(shared: Running, version: str) -> None:
    answer = await shared.get("oneroster", "/students?limit=1", base=ONEROSTER_BASES[version])

    row = answer.json()["users"][0]
    assert ("roles" in row, "role" in row) == ((True, False) if version == "v1p2" else (False, True))
    assert row["orgs" if version == "v1p1" else "roles"]
    assert ONEROSTER_BASES[version] in answer.links["next"]["url"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": f"Bearer {STATIC_BEARER}"}, 200),
        ({"X-Api-Key": API_KEY}, 200),
        ({"Authorization": "Bearer another"}, 401),
        ({"X-Api-Key": "another"}, 401),
        ({"X-Api-Key": ""}, 401),
        ({}, 401),
    ],
)
@pytest.mark.parametrize("system", ["oneroster", "skyward"])
async def test_a_fixed_token_or_a_key_opens_the_nameless_vendor_alone(
    shared: Running, system: str, headers: dict[str, str], status: int
) -> None:
    base = ONEROSTER_BASES["v1p1"]
    answer = await shared.http.get(f"{shared.url(system)}{base}/orgs", headers=headers)

    assert answer.status_code == (status if system == "oneroster" else 401)


@FAMILY
async def test_nested_paths_may_not_be_there(sandbox: Running, system: str) -> None:
    school = (await sandbox.get(system, "/schools")).json()["orgs"][0]["sourcedId"]
    assert (await sandbox.get(system, f"/schools/{school}/classes")).status_code == 200
    await switched(sandbox, system, nested_paths=False)

    assert (await sandbox.get(system, f"/schools/{school}/classes")).status_code == 404
    assert (await sandbox.get(system, f"/schools/{school}")).status_code == 200


@FAMILY
@pytest.mark.parametrize(("form", "begins"), [("absolute", "http://"), ("relative", "/"), ("none", None)])
async def test_references_have_links_of_three_kinds(
    sandbox: Running, system: str, form: str, begins: str | None
) -> None:
    await switched(sandbox, system, hrefs=form)

    for path in ("classes", "enrollments"):
        row = next(iter((await sandbox.get(system, f"/{path}?limit=1")).json().values()))[0]
        href = row["school"].get("href")
        assert href is None if begins is None else href.startswith(begins)


@FAMILY
@pytest.mark.parametrize(("form", "values"), [("string", {"true", "false"}), ("json", {True, False})])
async def test_booleans_are_words_or_values(
    sandbox: Running, system: str, form: str, values: set[Any]
) -> None:
    await switched(sandbox, system, booleans=form)
    users = (await sandbox.get(system, "/users?limit=500")).json()["users"]
    places = (await sandbox.get(system, "/enrollments?limit=30")).json()["enrollments"]

    assert {row["enabledUser"] for row in users} == values
    assert {row["primary"] for row in places} == values


@FAMILY
@pytest.mark.parametrize(("clauses", "good", "bad"), [(0, [], [1, 2]), (1, [1], [2]), (3, [1, 2, 3], [4])])
async def test_filters_take_so_many_clauses(
    sandbox: Running, system: str, clauses: int, good: list[int], bad: list[int]
) -> None:
    await switched(sandbox, system, filter_clauses=clauses)

    for numbers, status in ((good, 200), (bad, 400)):
        for number in numbers:
            text = " AND ".join(["status='active'"] * number)
            answer = await sandbox.get(system, "/students", params={"filter": text})
            assert answer.status_code == status, (number, answer.text)


@FAMILY
async def test_moments_are_compared_with_and_without_the_bound(start: Start, system: str) -> None:
    sandbox = await start(300, day=2)
    _, first, second = sandbox.state.moments

    async def total(text: str) -> int:
        answer = await sandbox.get(system, "/students", params={"filter": text, "limit": 1})
        return int(answer.headers["X-Total-Count"])

    since, after = f"dateLastModified>='{first}'", f"dateLastModified>'{first}'"
    before = f"dateLastModified<'{second}'"
    assert await total(since) > await total(after) > 0
    assert await total(f"{since} AND {before}") == await total(since) - await total(after)
    assert await total(f"{after} AND status='tobedeleted'") < await total(after)


@FAMILY
@pytest.mark.parametrize(
    ("dialect", "where"),
    [
        ("flat", "imsx_CodeMinor"), ("wrapped", "imsx_statusInfo"), ("string", "imsx_codeMinor"),
        ("set", "statusInfoSet"), ("list", "errorMessageList"),
    ],
)  # fmt: skip
async def test_errors_are_told_in_every_dialect(
    sandbox: Running, system: str, dialect: str, where: str
) -> None:
    await switched(sandbox, system, error_dialect=dialect)
    answer = await sandbox.get(system, "/students/nobody")

    assert (answer.status_code, where in answer.json()) == (404, True)
    assert "unknownobject" in answer.text


@FAMILY
async def test_fewer_scopes_are_granted_than_asked_for(sandbox: Running, system: str) -> None:
    await switched(sandbox, system, granted_scopes="roster-core.readonly")
    asked = f"{SCOPE}roster-core.readonly {SCOPE}roster-demographics.readonly"
    token = await sandbox.ask_token(system, data={**FORM, "scope": asked})

    assert [one.rpartition("/")[2] for one in token.json()["scope"].split()] == ["roster-core.readonly"]
    assert (await sandbox.get(system, "/students")).status_code == 200
    assert (await sandbox.get(system, "/demographics")).status_code == 403


@FAMILY
async def test_scopes_may_be_withdrawn_from_a_token_that_is_in_use(sandbox: Running, system: str) -> None:
    assert (await sandbox.get(system, "/demographics")).status_code == 200
    await switched(sandbox, system, granted_scopes="roster.readonly roster-core.readonly")

    assert (await sandbox.get(system, "/demographics")).status_code == 403
    assert (await sandbox.get(system, "/students")).status_code == 200


@FAMILY
async def test_every_answer_may_send_the_client_elsewhere(sandbox: Running, system: str) -> None:
    await switched(sandbox, system, redirect_to="https://elsewhere.example")
    answer = await sandbox.get(system, "/students?limit=3")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("https://elsewhere.example/")
    assert answer.headers["Location"].endswith("/students?limit=3")


@FAMILY
async def test_a_clock_may_be_off(sandbox: Running, system: str) -> None:
    told = (await sandbox.get(system, "/orgs")).json()["orgs"][0]["dateLastModified"]
    await switched(sandbox, system, clock_skew_s=-7200)
    answer = await sandbox.get(system, "/orgs")

    skewed = answer.json()["orgs"][0]["dateLastModified"]
    assert datetime.fromisoformat(told) - datetime.fromisoformat(skewed) == timedelta(hours=2)
    behind = datetime.now(UTC) - parsedate_to_datetime(answer.headers["Date"])
    assert timedelta(minutes=119) < behind < timedelta(minutes=121)
    await sandbox.control(system, "advance", {})
    newest = await sandbox.get(system, "/students", params={"filter": f"dateLastModified>'{skewed}'"})
    assert newest.json()["users"]


@FAMILY
@pytest.mark.parametrize("path", ["/students?limit=9", "/schools"])
async def test_an_unchanged_answer_is_not_sent_again(sandbox: Running, system: str, path: str) -> None:
    assert "etag" not in (await sandbox.get(system, path)).headers
    await switched(sandbox, system, etag=True)
    first = await sandbox.get(system, path)
    by_tag = await sandbox.get(system, path, headers={"If-None-Match": first.headers["ETag"]})
    by_date = await sandbox.get(system, path, headers={"If-Modified-Since": first.headers["Last-Modified"]})
    other = await sandbox.get(
        system,
        path,
        headers={"If-None-Match": '"another"', "If-Modified-Since": first.headers["Last-Modified"]},
    )

    assert [one.status_code for one in (first, by_tag, by_date, other)] == [200, 304, 304, 200]
    assert by_tag.content == b""
    assert by_tag.headers["ETag"] == first.headers["ETag"]


async def test_a_changed_answer_has_another_tag(sandbox: Running) -> None:
    await switched(sandbox, "oneroster", etag=True)
    first = await sandbox.get("oneroster", "/students?limit=500")
    await sandbox.control("oneroster", "advance", {})

    again = await sandbox.get(
        "oneroster", "/students?limit=500", headers={"If-None-Match": first.headers["ETag"]}
    )

    assert again.status_code == 200
    assert again.headers["ETag"] != first.headers["ETag"]

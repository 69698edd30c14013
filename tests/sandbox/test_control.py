"""The control page: switches, faults, counts, and limits as a client meets them."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from sandbox.running import Running, Start

STUDENTS = {
    "powerschool": "/ws/v1/district/student",
    "infinite_campus": "/students",
    "skyward": "/students",
    "oneroster": "/students",
}


async def test_control_needs_its_header(shared: Running) -> None:
    answer = await shared.http.get(shared.url("powerschool") + "/__control__/stats")

    assert answer.status_code == 403


@pytest.mark.parametrize("system", STUDENTS)
async def test_the_next_requests_fail_as_told_and_then_work_again(sandbox: Running, system: str) -> None:
    failure = {"status": 503, "times": 2, "retry_after": 7}
    await sandbox.control(system, "faults", {"fail_next": failure})

    answers = [await sandbox.get(system, STUDENTS[system]) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"


async def test_a_failure_may_be_aimed_at_a_path_even_the_tokens(sandbox: Running) -> None:
    await sandbox.control("skyward", "faults", {"fail_next": {"status": 500, "path": "/token"}})
    assert (await sandbox.ask_token("skyward")).status_code == 500
    assert (await sandbox.ask_token("skyward")).status_code == 200


async def test_an_outage_may_redirect_elsewhere(sandbox: Running) -> None:
    await sandbox.control("powerschool", "faults", {"fail_next": {"status": 302}})
    answer = await sandbox.get("powerschool", "/ws/v1/district/school")

    assert answer.status_code == 302
    assert "127.0.0.1" not in answer.headers["Location"]


@pytest.mark.parametrize("system", STUDENTS)
async def test_bodies_can_be_pages_halves_or_nothing(sandbox: Running, system: str) -> None:
    path = STUDENTS[system]
    await sandbox.get(system, path)
    await sandbox.control(system, "faults", {"html_200": True})
    assert (await sandbox.get(system, path)).headers["content-type"].startswith("text/html")
    await sandbox.control(system, "faults", {"truncate_json": 1})
    with pytest.raises(json.JSONDecodeError):
        (await sandbox.get(system, path)).json()
    await sandbox.control(system, "faults", {"drop_connection": 1})
    with pytest.raises(httpx.TransportError):
        await sandbox.get(system, path)
    await sandbox.control(system, "faults", {"empty_lists": True})
    body = next(iter((await sandbox.get(system, path)).json().values()))
    assert body == [] or "student" not in body
    await sandbox.control(system, "faults", {"empty_lists": False})
    assert (await sandbox.get(system, path)).status_code == 200


async def test_answers_can_be_slow(sandbox: Running) -> None:
    await sandbox.get("skyward", "/orgs")
    await sandbox.control("skyward", "faults", {"delay_ms": 120})

    assert (await sandbox.get("skyward", "/orgs")).elapsed.total_seconds() >= 0.12


async def test_counts_are_kept_per_system(sandbox: Running) -> None:
    for _ in range(3):
        await sandbox.get("infinite_campus", "/orgs")

    stats = await sandbox.control("tokens", "stats?system=all")

    assert stats["infinite_campus"]["requests"] == stats["infinite_campus"]["max_in_60s"] == 3
    assert stats["infinite_campus"]["tokens"] == 1
    assert [path.rpartition("/")[2] for path in stats["infinite_campus"]["by_path"]] == ["orgs"]
    assert stats["skyward"]["requests"] == 0


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("quirks", {"nonsense": 1}),
        ("quirks", {"hrefs": True}),
        ("quirks", {"total_count": "off"}),
        ("quirks", {"shift_rows": True}),
        ("faults", {"nonsense": 1}),
        ("faults", {"chaos": {"seed": 1, "share": 2}}),
        ("faults", {"chaos": {"seed": 1, "share": 0.5, "kinds": ["fire"]}}),
        ("faults", {"fail_next": {"status": 500, "often": 3}}),
        ("faults", []),
    ],
)
async def test_a_switch_that_does_not_exist_is_refused(shared: Running, action: str, body: object) -> None:
    url = f"{shared.url('skyward')}/__control__/{action}"
    answer = await shared.http.post(url, json=body, headers={"X-Sandbox-Control": "yes"})

    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("system", "limit"), [("powerschool", 60), ("infinite_campus", 100), ("skyward", 80), ("oneroster", 120)]
)
async def test_real_limits_refuse_the_request_that_is_too_many(start: Start, system: str, limit: int) -> None:
    sandbox = await start(limits="real")

    began_s = time.monotonic()
    answers = [await sandbox.get(system, STUDENTS[system]) for _ in range(limit + 2)]
    took_s = time.monotonic() - began_s

    assert [answer.status_code for answer in answers] == [200] * limit + [429] * 2
    assert 59 - took_s <= int(answers[-1].headers["Retry-After"]) <= 61
    assert ("seconds" in answers[-1].text) == (system != "powerschool")
    stats = await sandbox.control(system, "stats")
    assert (stats["throttled"], stats["max_in_60s"]) == (2, limit + 2)


async def test_real_limits_bring_small_pages_of_powerschool(start: Start) -> None:
    sandbox = await start(limits="real")

    assert (await sandbox.get("powerschool", "/ws/v1/district/student?pagesize=101")).status_code == 400


async def test_the_wait_may_stand_in_the_message_only(start: Start) -> None:
    sandbox = await start()
    await sandbox.control("powerschool", "quirks", {"retry_after": "none", "min_interval_ms": 60_000})
    await sandbox.get("powerschool", "/ws/v1/district/school")
    answer = await sandbox.get("powerschool", "/ws/v1/district/school")

    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
    assert "Wait 60 seconds" in answer.json()["message"]

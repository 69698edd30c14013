"""What the sandbox tells of its clients: busiest minute, waits that were not kept, requests at once, chaos met."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import httpx
import pytest

from sandbox.running import FORM, Running
from siscon.sandbox.faults import CHAOS_KINDS, Chaos
from siscon.sandbox.limits import ABSURD_S
from siscon.sandbox.origin import CROWDED_S
from siscon.sandbox.traffic import Traffic

EVERY = pytest.mark.parametrize("system", ["powerschool", "infinite_campus", "skyward", "oneroster"])
LISTS = {"powerschool": "/ws/v1/district/school"}


async def read(sandbox: Running, system: str) -> httpx.Response:
    return await sandbox.get(system, LISTS.get(system, "/orgs"))


@pytest.mark.parametrize("seed", range(5))
def test_the_busiest_minute_is_that_of_any_alignment(seed: int) -> None:
    rng, traffic, now, times = random.Random(seed), Traffic(), 0.0, []
    for _ in range(400):
        now += rng.choice((0.0, 0.5, 2.0, 30.0, rng.random() * 9))
        times.append(now)
        traffic.count("/a", now)

    assert traffic.max_in_60s == max(sum(0 <= other - at < 60 for other in times) for at in times)


@EVERY
async def test_times_of_requests_are_told(sandbox: Running, system: str) -> None:
    before = time.time()
    for _ in range(3):
        await read(sandbox, system)
    stats = await sandbox.control(system, "stats")

    assert len(stats["times"]) == 3
    assert len(stats["token_times"]) == 1
    moments = [before - 0.1, *stats["token_times"], *stats["times"], time.time() + 0.1]
    assert all(a <= b for a, b in pairwise(moments))


@EVERY
@pytest.mark.parametrize("form", ["seconds", "date", "none", "absurd"])
async def test_a_wait_is_announced_in_the_form_that_is_switched_on(
    sandbox: Running, system: str, form: str
) -> None:
    await sandbox.control(system, "quirks", {"requests_per_minute": 2, "retry_after": form})

    answers = [await read(sandbox, system) for _ in range(4)]

    assert [one.status_code for one in answers] == [200, 200, 429, 429]
    told = answers[-1].headers.get("Retry-After")
    match form:
        case "seconds":
            assert 50 <= int(told) <= 61
        case "date":
            wait = parsedate_to_datetime(told) - datetime.now(UTC)
            assert 50 <= wait.total_seconds() <= 62
        case "none":
            assert told is None
        case _:
            assert told == str(ABSURD_S)
    stats = await sandbox.control(system, "stats")
    assert stats["too_early"] == (1 if form in ("seconds", "date") else 0)
    assert stats["throttled"] == 2


@EVERY
async def test_a_request_too_many_may_get_a_page_for_people(sandbox: Running, system: str) -> None:
    await sandbox.control(system, "quirks", {"requests_per_minute": 1, "limited_answer": "html"})
    await read(sandbox, system)
    answer = await read(sandbox, system)

    assert (answer.status_code, answer.headers["content-type"][:9]) == (429, "text/html")


async def test_a_client_that_keeps_the_wait_is_not_too_early(sandbox: Running) -> None:
    failure = {"status": 429, "retry_after": 0}
    await sandbox.control("skyward", "faults", {"fail_next": failure})
    await read(sandbox, "skyward")
    await read(sandbox, "skyward")

    assert (await sandbox.control("skyward", "stats"))["too_early"] == 0
    await sandbox.control("skyward", "faults", {"fail_next": {**failure, "retry_after": 30}})
    await read(sandbox, "skyward")
    await read(sandbox, "skyward")
    stats = await sandbox.control("skyward", "stats")
    assert stats["too_early"] == 1
    assert [round(until - at) for at, until in stats["waits"]] == [0, 30]
    assert stats["waits"][1][0] <= stats["times"][-1] <= stats["waits"][1][1]


@pytest.mark.parametrize("system", ["infinite_campus", "oneroster"])
async def test_too_many_at_once_are_slow_and_then_refused(sandbox: Running, system: str) -> None:
    await read(sandbox, system)
    await sandbox.control(system, "quirks", {"at_once": 2})
    await sandbox.control(system, "reset", {})

    alone = [await read(sandbox, system) for _ in range(3)]
    await sandbox.control(system, "faults", {"delay_ms": 2_000})
    together = await asyncio.gather(*(read(sandbox, system) for _ in range(7)))

    assert [one.status_code for one in alone] == [200] * 3
    statuses = Counter(one.status_code for one in together)
    assert statuses == {200: 4, 429: 3}
    assert (await sandbox.control(system, "stats"))["max_at_once"] == 7
    assert sum(one.elapsed.total_seconds() >= 2.0 + CROWDED_S for one in together) >= 2
    assert (await read(sandbox, system)).status_code == 200


# chaos


async def storm(sandbox: Running, system: str, chaos: dict[str, Any], *, requests: int) -> list[str]:
    """What so many requests met, one after the other."""
    await sandbox.control(system, "faults", {"chaos": chaos})
    met = []
    for _ in range(requests):
        try:
            met.append(str((await read(sandbox, system)).status_code))
        except httpx.TransportError:
            met.append("reset")
    await sandbox.control(system, "faults", {"chaos": None})
    return met


@EVERY
async def test_chaos_strikes_at_random_and_the_same_way_again(sandbox: Running, system: str) -> None:
    await read(sandbox, system)
    await sandbox.control(system, "reset", {})
    chaos = {"seed": 11, "share": 0.4, "kinds": list(CHAOS_KINDS)}

    met = await storm(sandbox, system, chaos, requests=40)
    stats = await sandbox.control(system, "stats")
    again = await storm(sandbox, system, chaos, requests=40)
    other = await storm(sandbox, system, {**chaos, "seed": 12}, requests=40)

    assert met == again != other
    assert set(met) == {"200", *CHAOS_KINDS}
    assert stats["chaos"] == {kind: met.count(kind) for kind in CHAOS_KINDS}
    assert await storm(sandbox, system, {"seed": 1, "share": 0}, requests=3) == ["200"] * 3


async def test_chaos_strikes_tokens_too(sandbox: Running) -> None:
    await sandbox.control("skyward", "faults", {"chaos": {"seed": 3, "share": 1, "kinds": ["429"]}})
    answer = await sandbox.ask_token("skyward", data=FORM)

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] in ("1", "2")
    stats = await sandbox.control("skyward", "stats")
    assert (stats["chaos"], stats["by_grant"]) == ({"429": 1}, {"client_credentials": 1})


async def test_chaos_announces_the_wait_it_is_told(sandbox: Running) -> None:
    chaos = {"seed": 3, "share": 1, "kinds": ["429"], "retry_after": 7}
    await sandbox.control("skyward", "faults", {"chaos": chaos})

    assert (await sandbox.ask_token("skyward")).headers["Retry-After"] == "7"


def test_the_share_of_chaos_is_about_what_was_asked_for() -> None:
    chaos = Chaos(seed=5, share=0.3)
    struck = [drawn for drawn in (chaos.draw() for _ in range(4000)) if drawn is not None]

    assert 0.27 < len(struck) / 4000 < 0.33
    assert {kind for kind, _ in struck} == set(CHAOS_KINDS)
    assert {wait_s for _, wait_s in struck} == {1, 2}

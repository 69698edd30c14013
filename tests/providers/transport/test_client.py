"""The door to the network against a scripted transport: origins, caps, retries, tokens, errors without secrets."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from math import inf
from typing import Any

import httpx
import pytest

from siscon.domain.errors import (
    AuthError,
    ConfigError,
    ProviderError,
    RateLimited,
    SisconError,
    TransientError,
)
from siscon.domain.privacy import Secret
from siscon.providers.contract import Answer
from siscon.providers.transport import client
from siscon.providers.transport.client import ApiClient, ClientLimits, RequestTrace
from siscon.providers.transport.kept import KeptAnswers

BASE = "https://sis.example.org/api"
GOOD = {"content-type": "application/json"}


class Tokens:
    def __init__(self) -> None:
        self.given = ["first-canary", "second-canary"]
        self.replaced = 0

    async def current(self) -> Secret:
        return Secret(self.given[min(self.replaced, 1)])

    async def replace(self, rejected: Secret) -> Secret:
        self.replaced += 1
        return await self.current()


class Gate:
    def __init__(self) -> None:
        self.entered = 0
        self.slots = 0
        self.late_s = inf
        self.pauses: list[float] = []
        self.reports: list[bool] = []
        self.refuse: Exception | None = None

    async def enter(self) -> bool:
        self.entered += 1
        if self.refuse:
            raise self.refuse
        return False

    async def abandon(self) -> None:
        raise AssertionError

    async def slot(self, late_s: float = inf) -> None:
        self.slots += 1
        self.late_s = late_s

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def report(self, ok: bool) -> None:
        self.reports.append(ok)


Step = Callable[[httpx.Request], httpx.Response]


class House:
    """A client over a script of answers; the last one repeats."""

    def __init__(self, *script: Step | httpx.Response | Exception, **more: Any) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []
        self.traces: list[RequestTrace] = []
        self.gate, self.tokens = Gate(), Tokens()
        options: dict[str, Any] = {"base_url": BASE, "origins": frozenset(), "rng": lambda: 0.5} | more
        self.api = ApiClient(
            gate=self.gate,
            tokens=self.tokens,
            meter=self.traces.append,
            sleep=self.sleep,
            transport=httpx.MockTransport(self.answer),
            **options,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, httpx.Response):
            return step
        found: Any = step(request)
        return await found if asyncio.iscoroutine(found) else found

    async def get(self, path: str = "things", **more: Any) -> Any:
        async with self.api:
            return await self.api.get(path, **more)

    async def refusal(self, path: str = "things", **more: Any) -> SisconError:
        try:
            await self.get(path, **more)
        except SisconError as error:
            return error
        raise AssertionError("it should have been refused")


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Step:
    named = GOOD | {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _: httpx.Response(status, headers=named, stream=httpx.ByteStream(body))


async def test_a_good_answer_comes_whole_with_headers_in_lower_case() -> None:
    house = House(answer(body=b'{"a":1}', X_Total_Count="7"))

    got = await house.get("things", params={"filter": "a>'b c'", "n": 1})

    assert (got.status, got.body, got.headers["x-total-count"]) == (200, b'{"a":1}', "7")
    assert str(house.requests[0].url) == f"{BASE}/things?filter=a%3E%27b%20c%27&n=1"
    assert house.requests[0].headers["authorization"] == "Bearer first-canary"
    assert house.requests[0].headers["user-agent"].startswith("siscon/")
    assert (house.gate.entered, house.gate.reports) == (1, [True])
    assert (house.traces[0].path_without_query, house.traces[0].status, house.traces[0].bytes) == (
        "/api/things",
        200,
        7,
    )


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example.org/things",
        "http://sis.example.org/api/things",
        "https://sis.example.org:8443/api",
        "https://sis.example.org@evil.example.org/",
        "https://me@sis.example.org/api",
    ],
)
async def test_another_origin_is_never_asked(path: str) -> None:
    house = House(answer())

    error = await house.refusal(path)

    assert error.code == "foreign_origin"
    assert house.requests == []


@pytest.mark.parametrize(
    "path", ["//evil.example.org/x", "\\\\evil.example.org", "@evil.example.org/", "/../x"]
)
async def test_a_crafted_relative_path_stays_at_home(path: str) -> None:
    house = House(answer())

    await house.get(path)

    assert house.requests[0].url.host == "sis.example.org"


@pytest.mark.parametrize(
    "base", ["http://sis.example.org", "ftp://sis.example.org", "sis.example.org", "https://"]
)
def test_a_base_url_must_be_https(base: str) -> None:
    with pytest.raises(ConfigError):
        House(answer(), base_url=base)


@pytest.mark.parametrize("base", ["http://127.0.0.1:9100", "http://localhost:1", "http://[::1]:9"])
async def test_loopback_may_go_without(base: str) -> None:
    house = House(answer(), base_url=base)

    await house.get()

    assert house.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("attempts", [1, 3, 6])
async def test_transient_faults_are_tried_as_often_as_allowed(attempts: int) -> None:
    house = House(answer(503), limits=ClientLimits(attempts=attempts))

    error = await house.refusal()

    assert (type(error), error.code) == (TransientError, "unavailable")
    assert "sis.example.org" in error.sentence
    assert house.slept == [0.5, 1.0, 2.0, 4.0, 8.0][: attempts - 1]
    assert (house.gate.entered, house.gate.reports) == (attempts, [False] * attempts)
    assert [trace.attempt for trace in house.traces] == list(range(1, attempts + 1))


async def test_a_fault_that_passes_is_forgotten() -> None:
    house = House(httpx.ReadError("reset"), answer(502), answer(body=b"[]"))

    assert (await house.get()).body == b"[]"


async def test_too_many_requests_pause_everybody_for_as_long_as_asked() -> None:
    house = House(answer(429, Retry_After="7"), answer(429, Retry_After="9"), answer())

    await house.get()

    assert house.gate.pauses == [7.5, 9.5]
    assert house.slept == [0.0, 0.0]
    assert house.gate.reports == [True, True, True], "it answers"


async def test_too_many_requests_end_after_four_tries() -> None:
    house = House(answer(429))

    error = await house.refusal()

    assert isinstance(error, RateLimited)
    assert len(house.requests) == 4


@pytest.mark.parametrize("status", [301, 302, 307, 400, 402, 403, 404, 405, 409, 410, 418, 422, 501])
async def test_refusals_are_not_repeated(status: int) -> None:
    house = House(answer(status, Location="https://evil.example.org/"))

    error = await house.refusal()

    assert isinstance(error, ProviderError)
    assert len(house.requests) == 1


async def test_a_rejected_token_is_replaced_once_and_the_request_repeated() -> None:
    house = House(answer(401), answer(body=b"[]"))

    await house.get()

    assert [one.headers["authorization"] for one in house.requests] == [
        "Bearer first-canary",
        "Bearer second-canary",
    ]
    assert (house.gate.entered, house.gate.slots) == (1, 1)


async def test_a_second_rejection_needs_a_person() -> None:
    house = House(answer(401))

    error = await house.refusal()

    assert isinstance(error, AuthError)
    assert (len(house.requests), house.tokens.replaced) == (2, 1)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>sign in</html>", "text/html"),
        (b"", "application/json"),
        (b"null", "application/json"),
        (b'{"a":[1,2', "application/json"),
        (b"{}", "text/html"),
    ],
)
async def test_a_2xx_without_json_is_tried_twice_more_and_never_an_answer(body: bytes, kind: str) -> None:
    house = House(answer(200, body, content_type=kind))

    error = await house.refusal()

    assert (type(error), error.code) == (ProviderError, "not_json")
    assert len(house.requests) == 3


async def test_an_answer_over_the_cap_is_refused() -> None:
    house = House(answer(body=b"[" + b" " * 2000 + b"]"), limits=ClientLimits(body_bytes=1000))

    assert (await house.refusal()).code == "too_large"


async def test_a_bomb_is_refused_before_it_unfolds() -> None:
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    house = House(answer(body=bomb, Content_Encoding="gzip"), limits=ClientLimits(body_bytes=100_000))

    assert (await house.refusal()).code == "too_large"


async def test_what_unfolds_out_of_all_proportion_is_refused_below_the_cap() -> None:
    house = House(answer(body=gzip.compress(b"[" + b" " * 8_000_000 + b"]"), Content_Encoding="gzip"))

    error = await house.refusal()

    assert (error.code, "unfolds" in error.sentence) == ("too_large", True)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "zstd"])
async def test_other_encodings_are_refused(encoding: str) -> None:
    house = House(answer(body=gzip.compress(gzip.compress(b"[]")), Content_Encoding=encoding))

    assert (await house.refusal()).code == "bad_encoding"


async def test_an_encoding_that_is_none_is_not_repeated() -> None:
    house = House(answer(body=b"[]", Content_Encoding="canary-token, br"))

    error = await house.refusal()

    assert "packed its answer as br," in error.sentence
    assert "canary" not in f"{error.sentence} {error.detail}"


async def test_gzip_is_read_and_a_cut_one_is_tried_again() -> None:
    packed = gzip.compress(b'["long enough to be cut"]')
    house = House(
        answer(body=packed[:-9], Content_Encoding="gzip"), answer(body=packed, Content_Encoding="gzip")
    )

    assert (await house.get()).body == b'["long enough to be cut"]'


async def test_a_dripping_answer_meets_the_deadline() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    house = House(never, limits=ClientLimits(whole_s=0.01, attempts=2))

    error = await house.refusal()

    assert (type(error), error.code) == (TransientError, "timeout")
    assert len(house.requests) == 2


async def test_cancellation_is_never_repeated() -> None:
    begun = asyncio.Event()

    async def never(_: httpx.Request) -> httpx.Response:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    house = House(never)
    task = asyncio.create_task(house.get())
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(house.requests) == 1


async def test_what_the_gate_raises_ends_the_request() -> None:
    house = House(answer())
    house.gate.refuse = TransientError("the breaker is open", code="breaker_open")

    error = await house.refusal()

    assert error is house.gate.refuse
    assert (house.gate.entered, house.requests) == (1, [])


async def test_a_write_is_repeated_only_when_it_certainly_did_not_arrive() -> None:
    unclear, unsent = House(httpx.ReadTimeout("slow")), House(httpx.ConnectError("down"))
    for house in (unclear, unsent):
        async with house.api:
            with pytest.raises(TransientError):
                await house.api.post("scores", {"score": 17})

    assert (len(unclear.requests), len(unsent.requests)) == (1, ClientLimits().attempts)


async def test_errors_hold_neither_tokens_nor_queries() -> None:
    def echoing(status: int) -> Step:
        def step(request: httpx.Request) -> httpx.Response:
            words = f"the token {request.headers['authorization']} is bad"
            return answer(status, json.dumps({"message": words}).encode())(request)

        return step

    for status in (400, 401, 403, 404, 422, 429, 500):
        error = await House(echoing(status)).refusal(params={"q": "pupil-canary"})
        assert "canary" not in f"{error} {error.sentence} {error.detail} {error!r}", status


async def test_what_the_credential_holds_and_the_token_before_are_struck_from_a_refusal() -> None:
    quoted: list[bytes] = []

    def classify(one: Answer) -> Exception | None:
        quoted.append(one.body)
        return None

    def step(request: httpx.Request) -> httpx.Response:
        words = "x" * 190 + f" first-canary, secret-canary for {request.headers['authorization']}"
        return answer(400, json.dumps({"message": words}).encode())(request)

    house = House(answer(401), step, secrets=[Secret("secret-canary")], classify=classify)
    error = await house.refusal()

    assert house.tokens.replaced == 1
    assert "***" in error.detail
    assert not any(word in error.detail for word in ("first", "second", "secret", "canary"))
    assert b"canary" not in quoted[-1]


async def test_a_damaged_token_is_not_shown_by_the_library() -> None:
    house = House(answer())
    house.tokens.given = ["line\r\nbreak-canary"] * 2

    error = await house.refusal()

    assert (type(error), error.code) == (AuthError, "bad_token")
    assert "canary" not in str(error)


async def test_the_providers_own_judgement_comes_first() -> None:
    own = RateLimited("slow down", retry_after_s=3)
    house = House(answer(403), answer(), classify=lambda got: own if got.status == 403 else None)

    await house.get()

    assert house.gate.pauses == [3.5]


KEPT = {"ETag": '"v1"', "Last_Modified": "Mon, 23 Nov 2026 10:00:00 GMT"}


async def test_an_answer_may_be_kept_and_is_asked_for_conditionally_later() -> None:
    house = House(answer(body=b'{"a":1}', **KEPT), answer(304, b""), answer(body=b'{"a":2}'))
    async with house.api:
        first = await house.api.get("meta", keep_s=60)
        assert await house.api.get("meta", keep_s=60) == first
        assert len(house.requests) == 1

        house.api._kept._entries[f"{BASE}/meta"] = replace(
            house.api._kept._entries[f"{BASE}/meta"], until_s=0.0
        )
        again = await house.api.get("meta", keep_s=60)
        assert (again.status, again.body) == (200, b'{"a":1}')
        asked = house.requests[1].headers
        assert (asked["if-none-match"], asked["if-modified-since"]) == ('"v1"', KEPT["Last_Modified"])

        assert (await house.api.get("meta", keep_s=60)).body == b'{"a":1}'
        assert (await house.api.get("meta")).body == b'{"a":2}'
    assert "if-none-match" not in house.requests[2].headers


async def test_a_304_that_nobody_asked_for_is_no_answer() -> None:
    assert (await House(answer(304, b"")).refusal()).code == "redirect_refused"


async def test_what_is_kept_stays_small() -> None:
    kept = KeptAnswers(10_000)
    for number in range(20):
        kept.keep(Answer(200, {}, b"x" * 1_500, ""), f"u{number}", until_s=9.0)
    kept.keep(Answer(200, {}, b"x" * 9_000, ""), "large", until_s=9.0)
    kept.keep(Answer(200, {"cache-control": "no-store"}, b"x", ""), "private", until_s=9.0)

    found = [url for url in (*(f"u{n}" for n in range(20)), "large", "private") if kept.fresh(url, 1.0)]
    assert found == ["u16", "u17", "u18", "u19"]
    assert kept.fresh("u19", 9.0) is None


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b'<?xml version="1.0"?><students><student/></students>', "application/xml", ""),
        (b"\xef\xbb\xbf <!-- made --> <a:list/> ", "text/xml", ""),
        ("<liste/>".encode("utf-16"), "application/xml", ""),
        (b"<!DOCTYPE html><html></html>", "application/xml", "not_xml"),
        (b'<?xml version="1.0"?><html xmlns="x"></html>', "application/xml", "not_xml"),
        (b"<list></list>", "text/html", "not_xml"),
        (b'{"a":1}', "application/json", "not_xml"),
        (b"<list><a>1</a", "application/xml", "not_xml"),
        (b"<!--a-->" * 400 + b"?", "application/xml", "not_xml"),
        (b"", "application/xml", "not_xml"),
    ],
)
async def test_xml_is_told_from_web_pages(body: bytes, kind: str, code: str) -> None:
    house = House(answer(200, body, content_type=kind), media="xml")

    if code:
        assert (await house.refusal()).code == code
    else:
        assert (await house.get()).body == body
    assert "application/xml" in house.requests[0].headers["accept"]


async def test_a_used_up_allowance_pauses_before_the_next_request() -> None:
    house = House(answer(X_RateLimit_Remaining="0", X_RateLimit_Reset="9"))

    await house.get()

    assert house.gate.pauses == [9.0]


async def test_a_limit_without_a_hint_waits_for_the_announced_reset() -> None:
    house = House(answer(429, RateLimit="limit=5, remaining=0, reset=8"), answer())

    await house.get()

    assert house.gate.pauses == [8.5]


async def test_no_more_requests_at_once_than_allowed_and_the_lowest_rank_goes_first() -> None:
    free, under_way, most, order = asyncio.Event(), 0, 0, []
    rank = ContextVar("rank", default=2)

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        order.append(request.url.path[-1])
        await free.wait()
        under_way -= 1
        return answer()(request)

    house = House(slow, limits=ClientLimits(at_once=2), rank=rank.get)

    async def ask(name: str) -> None:
        rank.set({"q": 1, "s": 0}.get(name, 2))
        await house.api.get(name)

    async with house.api:
        asking = [asyncio.create_task(ask(name)) for name in "abcdqs"]
        while under_way < 2:
            await asyncio.sleep(0)
        asking[2].cancel()
        free.set()
        await asyncio.gather(*asking, return_exceptions=True)

    assert (most, order) == (2, ["a", "b", "s", "q", "d"])


async def test_a_request_that_had_to_wait_for_its_token_asks_whether_its_slot_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "MOMENT_S", -1.0)
    house = House(answer())

    await house.get()

    assert (house.gate.slots, house.gate.late_s < 60) == (1, True), "the gate says whether the first is lost"


async def test_a_call_is_under_way_until_it_is_answered() -> None:
    seen: list[str] = []

    @contextmanager
    def under_way() -> Iterator[None]:
        seen.append("begun")
        yield
        seen.append("over")

    house = House(answer(503), answer(), under_way=under_way)
    await house.get()

    assert (seen, len(house.requests)) == (["begun", "over"], 2)

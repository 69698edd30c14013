"""The door to the network against a scripted transport: origins, caps, retries, tokens, errors without secrets."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
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
from siscon.domain.retry import BREAKER_FAILURES
from siscon.providers.client import ApiClient, ClientLimits, RequestTrace

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
        self.pauses: list[float] = []
        self.reports: list[bool] = []
        self.refuse: Exception | None = None

    async def enter(self) -> None:
        self.entered += 1
        if self.refuse:
            raise self.refuse

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


async def test_transient_faults_are_tried_until_an_open_breaker_was_sat_out_once() -> None:
    house = House(answer(503))

    error = await house.refusal()

    assert (type(error), error.code) == (TransientError, "unavailable")
    assert house.slept == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert (house.gate.entered, house.gate.reports) == (6, [False] * 6)
    assert [trace.attempt for trace in house.traces] == [1, 2, 3, 4, 5, 6]
    assert len(house.traces) > BREAKER_FAILURES


async def test_a_fault_that_passes_is_forgotten() -> None:
    house = House(httpx.ReadError("reset"), answer(502), answer(body=b"[]"))

    assert (await house.get()).body == b"[]"


async def test_too_many_requests_pause_everybody_for_as_long_as_asked() -> None:
    house = House(answer(429, Retry_After="7"), answer(429, Retry_After="9"), answer())

    await house.get()

    assert house.gate.pauses == [7.5, 9.5]
    assert house.slept == [0.0, 0.0]
    assert house.gate.reports == [True]


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
    assert house.gate.entered == 2


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


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "zstd"])
async def test_other_encodings_are_refused(encoding: str) -> None:
    house = House(answer(body=gzip.compress(gzip.compress(b"[]")), Content_Encoding=encoding))

    assert (await house.refusal()).code == "bad_encoding"


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

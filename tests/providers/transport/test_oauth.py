"""The token endpoint, good and bad, through a scripted transport."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from siscon.domain.errors import AuthError, ConfigError, ProviderError, RateLimited, TransientError
from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token
from siscon.providers.grants import ClientCredentials, Credentials
from siscon.providers.transport.oauth import Login, fetch_token

URL = "https://sis.example.org/campus/oauth2/token?appName=harbor"
GOOD = {"access_token": "t-1", "token_type": "Bearer", "expires_in": "2591999"}


async def fetch(
    answer: Any, *, url: str = URL, secret: str = "canary-secret", **grant: Any
) -> tuple[Token, httpx.Request]:
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    login = Login(
        ClientCredentials(token_url=url, **grant),
        Credentials("the-id", Secret(secret)),
        name="harbor",
        transport=httpx.MockTransport(respond),
    )
    return await fetch_token(login, now_ms=1_000), seen[0]


def reply(status: int = 200, body: Any = None, **headers: str) -> httpx.Response:
    raw = (
        httpx.Response(status, json=GOOD if body is None else body).content
        if not isinstance(body, bytes)
        else body
    )
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(raw))


async def test_a_token_comes_with_its_end_even_when_that_is_text() -> None:
    token, request = await fetch(reply(), scope="a b", params={"x": "1"})

    assert (token.access.reveal(), token.obtained_at_ms, token.expires_at_ms) == (
        "t-1",
        1_000,
        2_591_999_000 + 1_000,
    )
    assert token.scope == "a b"
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"the-id:canary-secret").decode()
    assert request.url.query == b"appName=harbor"
    assert dict(httpx.QueryParams(request.content.decode())) == {
        "grant_type": "client_credentials",
        "scope": "a b",
        "x": "1",
    }


@pytest.mark.parametrize("life", [None, "soon", -5, 1.5, True])
async def test_an_unusable_life_means_that_none_is_known(life: Any) -> None:
    token, _ = await fetch(
        reply(body={"access_token": "t", "token_type": "bearer", "expires_in": life, "scope": "c"})
    )

    assert (token.expires_at_ms, token.scope) == (None, "c")


async def test_scopes_that_repeat_a_secret_are_kept_without_it() -> None:
    body = {"access_token": "canary-access", "refresh_token": "canary-refresh"}
    told = "roster canary-secret canary-access canary-refresh"
    token, _ = await fetch(reply(body={**body, "scope": told}))

    assert token.scope == "roster *** *** ***"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (reply(401, {"error": "invalid_client"}), AuthError, "invalid_client"),
        (reply(400, {"error": "invalid_grant"}), AuthError, "invalid_grant"),
        (reply(401, b"<html>canary-secret</html>"), AuthError, "login_refused"),
        (reply(200, {"error": "nope"}), AuthError, "login_refused"),
        (reply(400, {"error": "invalid_request"}), ProviderError, "bad_request"),
        (reply(404, b""), ProviderError, "not_found"),
        (reply(302, b"", Location="https://evil.example.org/"), ProviderError, "redirect_refused"),
        (reply(307, b"", Location="https://evil.example.org/"), ProviderError, "redirect_refused"),
        (reply(429, b"", Retry_After="7"), RateLimited, "rate_limited"),
        (reply(503, b"down"), TransientError, "unavailable"),
        (reply(200, b"<html>sign in</html>"), ProviderError, "no_token"),
        (reply(200, b""), ProviderError, "no_token"),
        (reply(200, []), ProviderError, "no_token"),
        (reply(200, {"token": "x"}), ProviderError, "no_token"),
        (reply(200, {"access_token": "a\r\nb"}), ProviderError, "no_token"),
        (reply(200, {"access_token": "a", "token_type": "mac"}), ProviderError, "no_token"),
        (reply(200, b"[" * 300_000), ProviderError, "too_large"),
        (httpx.ConnectError("no route"), TransientError, "unreachable"),
        (httpx.ReadTimeout("slow"), TransientError, "timeout"),
    ],
)
async def test_anything_else_is_judged(answer: Any, kind: type[Exception], code: str) -> None:
    with pytest.raises(kind) as caught:
        await fetch(answer)

    error: Any = caught.value
    assert type(error) is kind
    assert error.code == code
    assert "canary" not in f"{error} {error.detail}"
    assert "appName" not in error.sentence
    assert "base_url" not in error.sentence
    if kind is TransientError:
        assert error.sentence.startswith(
            "POST sis.example.org/campus/oauth2/token for a token by the login of harbor"
        )


@pytest.mark.parametrize("kind", [None, "", "bearer", "BEARER"])
async def test_a_type_that_is_not_told_is_bearer(kind: Any) -> None:
    token, _ = await fetch(reply(body={"access_token": "t", "token_type": kind}))

    assert token.access.reveal() == "t"


async def test_a_secret_that_no_header_can_carry_is_told_and_nothing_is_sent() -> None:
    with pytest.raises(ConfigError) as caught:
        await fetch(AssertionError("nothing may be sent"), secret="canary-\N{EURO SIGN}")

    assert caught.value.code == "bad_secret"
    assert "canary" not in str(caught.value)

    token, _ = await fetch(reply(), secret="canary-\N{EURO SIGN}", client_auth="client_secret_post")
    assert token.access.reveal() == "t-1"


async def test_a_token_url_must_be_https() -> None:
    with pytest.raises(ConfigError):
        await fetch(reply(), url="http://sis.example.org/token")

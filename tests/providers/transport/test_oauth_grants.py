"""What each grant sends to the token URL, and what a refresh makes of each answer."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from siscon.domain.errors import AuthError, ConfigError, ProviderError, SisconError, TransientError
from siscon.domain.privacy import Secret
from siscon.domain.tokens import AnswerLost
from siscon.providers.grants import (
    ApiKey,
    AuthorizationCode,
    ClientCredentials,
    Credentials,
    NoLogin,
    Password,
    StaticBearer,
    TokenGrant,
    needs,
    present,
)
from siscon.providers.transport import oauth

URL = "https://sis.example.org/token"
CODE = AuthorizationCode("https://sis.example.org/authorize", URL, scope="a b", revoke_url=f"{URL}/revoke")
GOOD = {"access_token": "t-1", "token_type": "Bearer", "expires_in": 60}
OWN = Credentials("the-id", Secret("canary-secret"))


def login(answer: Any, grant: TokenGrant, own: Credentials = OWN) -> tuple[oauth.Login, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, stream=httpx.ByteStream(raw))

    return oauth.Login(grant, own, name="harbor", transport=httpx.MockTransport(respond)), seen


def form_of(request: httpx.Request) -> dict[str, str]:
    return dict(httpx.QueryParams(request.content.decode()))


async def test_the_secret_goes_in_the_form_where_the_server_wants_it_there() -> None:
    server, seen = login((200, GOOD), ClientCredentials(URL, client_auth="client_secret_post"))
    await oauth.fetch_token(server, now_ms=1)

    assert "authorization" not in seen[0].headers
    assert form_of(seen[0]) == {
        "grant_type": "client_credentials",
        "client_id": "the-id",
        "client_secret": "canary-secret",
    }


@pytest.mark.parametrize(
    ("own", "name", "password"),
    [
        (OWN, "the-id", "canary-secret"),
        (
            Credentials("the-id", Secret("s"), username="ann", password=Secret("canary-word")),
            "ann",
            "canary-word",
        ),
    ],
)
async def test_a_password_login_sends_its_own_name_or_that_of_the_client(
    own: Credentials, name: str, password: str
) -> None:
    server, seen = login(
        (200, {**GOOD, "refresh_token": "r"}), Password(URL, scope="x", params={"district": "7"}), own
    )
    token = await oauth.fetch_token(server, now_ms=1)

    assert form_of(seen[0]) == {
        "grant_type": "password",
        "username": name,
        "password": password,
        "scope": "x",
        "district": "7",
    }
    assert token.refresh is None


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSAKey.generate_key(2048), "RS256"), (ECKey.generate_key("P-256"), "ES256")]
)
async def test_a_key_signs_an_assertion_for_the_token_url_that_lives_five_minutes(
    key: Any, algorithm: str
) -> None:
    own = Credentials("the-id", private_key=Secret(key.as_pem(private=True).decode()))
    server, seen = login((200, GOOD), ClientCredentials(URL, client_auth="private_key_jwt"), own)
    for _ in range(2):
        await oauth.fetch_token(server, now_ms=1)

    forms = [form_of(one) for one in seen]
    told = [jwt.decode(one["client_assertion"], key, algorithms=[algorithm]) for one in forms]
    assert forms[0]["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    for one in told:
        assert (one.claims["iss"], one.claims["sub"], one.claims["aud"]) == ("the-id", "the-id", URL)
        assert one.claims["exp"] - one.claims["iat"] in (300, 301)
        assert abs(one.claims["iat"] - time.time()) < 60
    assert told[0].claims["jti"] != told[1].claims["jti"]
    assert told[0].header["alg"] == algorithm


@pytest.mark.parametrize(
    "pem",
    [
        "canary-no-key",
        ECKey.generate_key("P-384").as_pem(private=True).decode(),
        RSAKey.generate_key(2048).as_pem(private=False).decode(),
    ],
    ids=["nothing", "another curve", "public"],
)
async def test_a_key_that_cannot_sign_is_named_and_not_shown(pem: str) -> None:
    server, seen = login(
        (200, GOOD),
        ClientCredentials(URL, client_auth="private_key_jwt"),
        Credentials("i", private_key=Secret(pem)),
    )
    with pytest.raises(ConfigError) as caught:
        await oauth.fetch_token(server, now_ms=1)

    assert caught.value.code == "bad_key"
    assert pem[:40] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert seen == []


async def test_a_secret_that_is_not_there_is_missed_without_a_call() -> None:
    server, seen = login((200, GOOD), ClientCredentials(URL), Credentials("i"))
    with pytest.raises(ConfigError):
        await oauth.fetch_token(server, now_ms=1)
    with pytest.raises(ConfigError):
        await oauth.refresh_token(login((200, GOOD), CODE, Credentials("i"))[0], Secret("r"), now_ms=1)
    with pytest.raises(ConfigError):
        await oauth.fetch_token(login((200, GOOD), CODE)[0], now_ms=1)

    assert seen == []


async def test_a_code_is_exchanged_with_its_verifier_and_the_same_address() -> None:
    server, seen = login((200, {**GOOD, "refresh_token": "r-1", "scope": "a"}), CODE)
    token = await oauth.exchange_code(
        server, Secret("c"), verifier=Secret("v"), redirect_uri="http://127.0.0.1/x", now_ms=1
    )

    assert form_of(seen[0]) == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "http://127.0.0.1/x",
        "code_verifier": "v",
    }
    assert seen[0].headers["authorization"] == "Basic " + base64.b64encode(b"the-id:canary-secret").decode()
    assert (token.refresh, token.scope) == (Secret("r-1"), "a")


@pytest.mark.parametrize(("more", "next_one"), [({"refresh_token": "r-2"}, "r-2"), ({}, "r-1")])
async def test_a_refresh_brings_the_next_refresh_token_or_keeps_the_old(
    more: dict[str, str], next_one: str
) -> None:
    server, seen = login((200, {**GOOD, **more}), CODE)
    token = await oauth.refresh_token(server, Secret("r-1"), now_ms=1)

    assert form_of(seen[0]) == {"grant_type": "refresh_token", "refresh_token": "r-1"}
    assert token.refresh == Secret(next_one)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.ReadTimeout("slow"), AnswerLost),
        (httpx.ReadError("cut"), AnswerLost),
        (httpx.RemoteProtocolError("cut"), AnswerLost),
        (httpx.WriteError("cut"), AnswerLost),
        ((502, b"<html>"), AnswerLost),
        ((504, b""), AnswerLost),
        ((200, b"<html>sign in</html>"), AnswerLost),
        ((200, {"access_token": "a b"}), AnswerLost),
        ((200, b"[" * 300_000), AnswerLost),
        (httpx.ConnectError("no route"), TransientError),
        (httpx.ConnectTimeout("no route"), TransientError),
        (httpx.PoolTimeout("busy"), TransientError),
        ((500, b"oops"), TransientError),
        ((503, b"down"), TransientError),
        ((302, b""), ProviderError),
        ((404, b""), ProviderError),
        ((400, {"error": "invalid_grant", "error_description": "canary-refresh"}), AuthError),
        ((400, {"error": "invalid_request", "error_description": "canary-refresh"}), ProviderError),
        ((401, b""), AuthError),
        ((200, {"error": "invalid_grant"}), AuthError),
    ],
)
async def test_a_refresh_that_may_be_spent_is_told_apart_from_one_that_is_not(
    answer: Any, kind: type[SisconError]
) -> None:
    server, seen = login(answer, CODE)
    with pytest.raises(SisconError) as caught:
        await oauth.refresh_token(server, Secret("canary-refresh"), now_ms=1)

    assert type(caught.value) is kind
    assert len(seen) == 1
    assert "canary" not in f"{caught.value!r} {caught.value.detail} {server!r}"


async def test_a_token_is_given_back() -> None:
    server, seen = login((200, b""), CODE)
    await oauth.revoke_token(server, Secret("r-1"), kind="refresh_token")

    assert str(seen[0].url) == f"{URL}/revoke"
    assert form_of(seen[0]) == {"token": "r-1", "token_type_hint": "refresh_token"}


@pytest.mark.parametrize("status", [400, 503, 302])
async def test_a_token_that_is_not_taken_back_is_told(status: int) -> None:
    server, _ = login((status, {"error": "canary"}), CODE)
    with pytest.raises(SisconError) as caught:
        await oauth.revoke_token(server, Secret("r-1"), kind="refresh_token")

    assert "canary" not in f"{caught.value} {caught.value.detail}"


async def test_a_network_fault_at_giving_back_is_told() -> None:
    server, _ = login(httpx.ConnectError("no route"), CODE)
    with pytest.raises(TransientError):
        await oauth.revoke_token(server, Secret("r-1"), kind="refresh_token")


@pytest.mark.parametrize(
    ("grant", "needed", "header"),
    [
        (ClientCredentials(URL), ("client_id", "client_secret"), ("Authorization", "Bearer ")),
        (
            ClientCredentials(URL, client_auth="private_key_jwt"),
            ("client_id", "private_key"),
            ("Authorization", "Bearer "),
        ),
        (Password(URL), ("client_id", "client_secret"), ("Authorization", "Bearer ")),
        (CODE, ("client_id", "client_secret"), ("Authorization", "Bearer ")),
        (AuthorizationCode(URL, URL, client_auth="none"), ("client_id",), ("Authorization", "Bearer ")),
        (
            AuthorizationCode(URL, URL, client_auth="private_key_jwt"),
            ("client_id", "private_key"),
            ("Authorization", "Bearer "),
        ),
        (StaticBearer(), ("token",), ("Authorization", "Bearer ")),
        (ApiKey("X-Key"), ("token",), ("X-Key", "")),
        (NoLogin(), (), ("", "")),
    ],
)
def test_what_each_login_needs_and_how_it_is_shown(
    grant: Any, needed: tuple[str, ...], header: tuple[str, str]
) -> None:
    assert needs(grant) == needed
    assert present(grant) == header

"""Every way to a token that the nameless vendor knows: refused when wrong, and what the tokens do afterwards."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwk, jwt

from sandbox.running import FORM, SECRET, Running
from siscon.sandbox.oauth import ASSERTION_TYPE
from siscon.sandbox.origin import ONEROSTER_AUTHORIZE, ONEROSTER_BASES, ONEROSTER_REVOKE, ONEROSTER_TOKENS

CLIENT = "sandbox-oneroster"
BACK = "http://127.0.0.1:9/back"
VERIFIER = "an-invented-verifier-of-more-than-forty-three-letters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CONSENT = {
    "response_type": "code",
    "client_id": CLIENT,
    "redirect_uri": BACK,
    "state": "a state & more",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
PERSON = {"grant_type": "password", "username": "invented-user", "password": "invented-password"}


async def token(sandbox: Running, **changes: Any) -> httpx.Response:
    return await sandbox.ask_token("oneroster", **changes)


async def opens(sandbox: Running, access_token: str) -> bool:
    url = f"{sandbox.url('oneroster')}{ONEROSTER_BASES['v1p2']}/orgs"
    answer = await sandbox.http.get(url, headers={"Authorization": f"Bearer {access_token}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def consented(sandbox: Running, **changes: str) -> dict[str, str]:
    """What comes back at the redirect address."""
    query = {name: value for name, value in {**CONSENT, **changes}.items() if value}
    answer = await sandbox.http.get(sandbox.url("oneroster") + ONEROSTER_AUTHORIZE, params=query)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{BACK}?")
    told = parse_qs(urlsplit(answer.headers["Location"]).query, strict_parsing=True)
    return {name: value[0] for name, value in told.items()}


def redeemed(code: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER,
        **changes,
    }  # fmt: skip


def refresh(refresh_token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


# the client


async def test_the_client_may_name_itself_in_the_form(shared: Running) -> None:
    good = await token(shared, auth=None, data={**FORM, "client_id": CLIENT, "client_secret": SECRET})
    bad = await token(shared, auth=None, data={**FORM, "client_id": CLIENT, "client_secret": "no"})
    nothing = await token(shared, auth=None, data={**FORM, "client_id": CLIENT})
    twice = await token(shared, data={**FORM, "client_id": CLIENT, "client_secret": SECRET})

    assert [one.status_code for one in (good, bad, nothing, twice)] == [200, 401, 401, 400]
    assert await opens(shared, good.json()["access_token"])


def claims(sandbox: Running, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": CLIENT, "sub": CLIENT, "aud": sandbox.url("oneroster") + ONEROSTER_TOKENS,
        "iat": now, "exp": now + 60, "jti": "first", **changes,
    }  # fmt: skip


async def asserted(sandbox: Running, key: str, told: dict[str, Any], alg: str = "RS256") -> httpx.Response:
    kind = "RSA" if alg.startswith("RS") else "EC"
    signed = jwt.encode({"alg": alg}, told, jwk.import_key(key, kind))
    form = {**FORM, "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
    return await token(sandbox, auth=None, data=form)


def pem_pair(private: Any) -> tuple[str, str]:
    written = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return written.decode(), public.decode()


async def test_the_client_may_sign_with_the_key_that_the_sandbox_offers(sandbox: Running) -> None:
    key = (await sandbox.control("oneroster", "key"))["private_key"]

    good = await asserted(sandbox, key, claims(sandbox))
    again = await asserted(sandbox, key, claims(sandbox))

    assert (good.status_code, again.status_code) == (200, 401)
    assert await opens(sandbox, good.json()["access_token"])
    assert "before" in again.json()["error_description"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"iss": "another"}, "iss"), ({"sub": "another"}, "sub"), ({"aud": "https://another.example"}, "aud"),
        ({"exp": 1}, "exp"), ({"exp": 4_000_000_000}, "exp"), ({"jti": None, "exp": None}, "JWT"),
    ],
)  # fmt: skip
async def test_an_assertion_that_says_something_else_is_refused(
    sandbox: Running, changes: dict[str, Any], word: str
) -> None:
    key = (await sandbox.control("oneroster", "key"))["private_key"]
    answer = await asserted(sandbox, key, claims(sandbox, **changes))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert word in answer.json()["error_description"]


async def test_the_sandbox_may_be_given_a_key_and_then_trusts_no_other(sandbox: Running) -> None:
    offered = (await sandbox.control("oneroster", "key"))["private_key"]
    private, public = pem_pair(ec.generate_private_key(ec.SECP256R1()))
    await sandbox.control("oneroster", "key", {"public_key": public})

    assert (await asserted(sandbox, private, claims(sandbox), "ES256")).status_code == 200
    assert (await asserted(sandbox, offered, claims(sandbox, jti="b"))).status_code == 401
    stranger, _ = pem_pair(rsa.generate_private_key(65537, 2048))
    assert (await asserted(sandbox, stranger, claims(sandbox, jti="c"))).status_code == 401
    no_key = await sandbox.http.post(
        sandbox.url("oneroster") + "/__control__/key",
        json={"public_key": "none"},
        headers={"X-Sandbox-Control": "yes"},
    )
    assert no_key.status_code == 400


@pytest.mark.parametrize("assertion", ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "x" * 3000])
async def test_what_is_no_assertion_is_refused(sandbox: Running, assertion: str) -> None:
    form = {**FORM, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}

    assert (await token(sandbox, auth=None, data=form)).status_code == 401


async def test_a_person_signs_in_with_a_password(shared: Running) -> None:
    good = await token(shared, data=PERSON)
    bad = await token(shared, data={**PERSON, "password": "no"})

    assert await opens(shared, good.json()["access_token"])
    assert (bad.status_code, bad.json()["error"]) == (400, "invalid_grant")


# consent


async def test_consent_comes_back_with_the_state_and_the_code_buys_tokens_once(sandbox: Running) -> None:
    told = await consented(sandbox)
    first = await token(sandbox, data=redeemed(told["code"]))

    assert told["state"] == "a state & more"
    assert await opens(sandbox, first.json()["access_token"])
    second = await token(sandbox, data=redeemed(told["code"]))
    assert second.json()["error"] == "invalid_grant"
    assert not await opens(sandbox, first.json()["access_token"])
    assert (await token(sandbox, data=refresh(first.json()["refresh_token"]))).status_code == 400


async def test_a_client_without_a_secret_may_redeem_a_code(shared: Running) -> None:
    code = (await consented(shared))["code"]

    answer = await token(shared, auth=None, data=redeemed(code, client_id=CLIENT))

    assert await opens(shared, answer.json()["access_token"])


@pytest.mark.parametrize(
    "changes", [{"code_verifier": "wrong"}, {"redirect_uri": "http://127.0.0.1:9/other"}, {"code": "wrong"}]
)
async def test_a_code_is_worth_nothing_without_its_verifier_and_address(
    shared: Running, changes: dict[str, str]
) -> None:
    code = (await consented(shared))["code"]

    answer = await token(shared, data=redeemed(code) | changes)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "https://example.org/everything"}, "invalid_scope"),
    ],
)
async def test_a_wrong_question_comes_back_with_an_error(
    shared: Running, changes: dict[str, str], error: str
) -> None:
    told = await consented(shared, **changes)

    assert (told["error"], told["state"]) == (error, "a state & more")
    assert "code" not in told


@pytest.mark.parametrize("changes", [{"client_id": "x"}, {"redirect_uri": "https://elsewhere.example/"}])
async def test_nobody_is_sent_to_an_address_that_is_not_known(
    shared: Running, changes: dict[str, str]
) -> None:
    query = {**CONSENT, **changes}
    answer = await shared.http.get(shared.url("oneroster") + ONEROSTER_AUTHORIZE, params=query)

    assert answer.status_code == 400
    assert "location" not in answer.headers


# refreshing


async def test_refresh_tokens_rotate_and_a_used_one_ends_the_family(sandbox: Running) -> None:
    first = (await token(sandbox, data=PERSON)).json()
    second = (await token(sandbox, data=refresh(first["refresh_token"]))).json()
    third = (await token(sandbox, data=refresh(second["refresh_token"]))).json()

    assert len({one["refresh_token"] for one in (first, second, third)}) == 3
    assert await opens(sandbox, third["access_token"])
    stolen = await token(sandbox, data=refresh(first["refresh_token"]))
    assert stolen.json()["error"] == "invalid_grant"
    for one in (first, second, third):
        assert not await opens(sandbox, one["access_token"])
    assert (await token(sandbox, data=refresh(third["refresh_token"]))).status_code == 400
    stats = await sandbox.control("oneroster", "stats")
    assert (stats["refreshes"], stats["reuses"]) == (4, 1)
    assert stats["by_grant"] == {"password": 1, "refresh_token": 4}


async def test_refresh_tokens_may_stay_the_same(sandbox: Running) -> None:
    await sandbox.control("oneroster", "quirks", {"rotate_refresh": False})
    first = (await token(sandbox, data=PERSON)).json()
    second = (await token(sandbox, data=refresh(first["refresh_token"]))).json()

    assert second["refresh_token"] == first["refresh_token"]
    assert second["access_token"] != first["access_token"]


async def test_an_answer_to_a_refresh_may_hold_no_new_one(sandbox: Running) -> None:
    await sandbox.control("oneroster", "quirks", {"refresh_without_new": True})
    first = (await token(sandbox, data=PERSON)).json()

    for _ in range(2):
        answer = await token(sandbox, data=refresh(first["refresh_token"]))
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()


async def test_a_lost_answer_has_used_up_the_refresh_token(sandbox: Running) -> None:
    first = (await token(sandbox, data=PERSON)).json()
    await sandbox.control("oneroster", "faults", {"drop_token_answer": 1})

    with pytest.raises(httpx.TransportError):
        await token(sandbox, data=refresh(first["refresh_token"]))

    again = await token(sandbox, data=refresh(first["refresh_token"]))
    assert again.json()["error"] == "invalid_grant"
    assert (await sandbox.control("oneroster", "stats"))["reuses"] == 1


async def test_how_long_a_token_lives_may_be_left_out(sandbox: Running) -> None:
    await sandbox.control("oneroster", "quirks", {"no_expires_in": True})

    assert "expires_in" not in (await token(sandbox)).json()


# revoking


async def revoked(sandbox: Running, value: str, **options: Any) -> int:
    url = sandbox.url("oneroster") + ONEROSTER_REVOKE
    answer = await sandbox.http.post(url, **{"data": {"token": value}, "auth": (CLIENT, SECRET), **options})
    return answer.status_code


async def test_tokens_can_be_revoked_one_or_a_family_at_a_time(sandbox: Running) -> None:
    one = (await token(sandbox)).json()["access_token"]
    other = (await token(sandbox, data=PERSON)).json()

    assert await revoked(sandbox, one) == 200
    assert not await opens(sandbox, one)
    assert await opens(sandbox, other["access_token"])
    assert await revoked(sandbox, other["refresh_token"]) == 200
    assert not await opens(sandbox, other["access_token"])
    assert await revoked(sandbox, "never seen") == 200
    assert await revoked(sandbox, one, auth=(CLIENT, "no")) == 401
    assert await revoked(sandbox, one, data={"other": "x"}) == 400

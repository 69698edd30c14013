"""Token endpoints check what the real ones check."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.running import FORM, Running, Start

SYSTEMS = ("powerschool", "infinite_campus", "skyward", "oneroster")


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_login_gets_a_bearer_token(shared: Running, system: str) -> None:
    answer = await shared.ask_token(system)

    body = answer.json()
    assert answer.status_code == 200
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == ("2591999" if system == "powerschool" else 3600)
    assert ("scope" in body) == (system != "powerschool")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"auth": ("sandbox-skyward", "wrong")}, 401, "invalid_client"),
        ({"auth": None}, 401, "invalid_client"),
        ({"data": {"grant_type": "device"}}, 400, "unsupported_grant_type"),
        ({"data": {"scope": "x"}}, 400, "invalid_request"),
        ({"data": None, "json": FORM}, 415, "invalid_request"),
    ],
)
async def test_a_wrong_request_gets_none(
    shared: Running, system: str, changes: dict[str, Any], status: int, error: str
) -> None:
    answer = await shared.ask_token(system, **changes)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_campus_wants_its_app_name(shared: Running) -> None:
    missing = await shared.ask_token("infinite_campus", path="/campus/oauth2/token")
    wrong = await shared.ask_token("infinite_campus", path="/campus/oauth2/token?appName=elsewhere")

    assert (missing.status_code, wrong.status_code) == (400, 404)


async def test_unknown_scopes_are_refused_and_some_may_be_required(sandbox: Running) -> None:
    odd = await sandbox.ask_token("skyward", data={**FORM, "scope": "https://example.org/everything"})
    await sandbox.control("skyward", "quirks", {"scope_required": True})
    bare = await sandbox.ask_token("skyward")

    assert odd.json()["error"] == bare.json()["error"] == "invalid_scope"


async def test_tokens_of_skyward_come_from_their_own_host_only(shared: Running) -> None:
    answer = await shared.http.post(shared.url("skyward") + "/token", data=FORM)

    assert answer.status_code == 401
    assert "access_token" not in answer.text
    assert (await shared.http.get(shared.url("tokens") + "/ims/oneroster/v1p1/users")).status_code == 404


@pytest.mark.parametrize("system", SYSTEMS)
async def test_tokens_expire_and_can_be_revoked(sandbox: Running, system: str) -> None:
    path = "/ws/v1/district/school" if system == "powerschool" else "/orgs"
    assert (await sandbox.get(system, path)).status_code == 200
    await sandbox.control(system, "faults", {"revoke_tokens": True})
    revoked = await sandbox.get(system, path)

    assert revoked.status_code == 401
    assert "invalid_token" in revoked.headers["WWW-Authenticate"]
    await sandbox.control(system, "quirks", {"token_seconds": 0})
    del sandbox.headers[system]
    assert (await sandbox.get(system, path)).status_code == 401


async def test_the_secret_may_come_from_the_environment(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SISCON_SANDBOX_SECRET", "another")
    sandbox = await start()

    assert (await sandbox.ask_token("powerschool")).status_code == 401
    answer = await sandbox.ask_token("powerschool", auth=("sandbox-powerschool", "another"))
    assert answer.status_code == 200

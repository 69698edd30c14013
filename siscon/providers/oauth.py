"""Getting a token: the client credentials grant by Authlib, in bounds. Imported when the first token is due only,
for Authlib takes a tenth of a second to load.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from siscon import __version__
from siscon.domain.errors import AuthError, ConfigError, ProviderError, SisconError
from siscon.domain.privacy import Secret
from siscon.domain.text import plain
from siscon.domain.tokens import Token
from siscon.providers.body import read_capped
from siscon.providers.classify import judge, judge_fault
from siscon.providers.contract import Answer
from siscon.providers.grants import ClientCredentials
from siscon.providers.origins import is_loopback, origin_of
from siscon.providers.tls import trust

with warnings.catch_warnings(record=True):  # Authlib tells of the successor of httpx, whatever filter is set
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from authlib.oauth2.rfc6749.errors import OAuth2Error

BODY_CAP_BYTES = 256 * 1024
LIFE_CAP_S = 10 * 366 * 86_400

_PERSON = {
    "invalid_client": "the client id or secret is wrong, expired or withdrawn",
    "invalid_grant": "the grant was refused",
    "unauthorized_client": "this client may not use the client credentials grant",
    "invalid_scope": "a scope was asked for that the district has not granted",
    "access_denied": "access was denied",
}
"""Error codes of RFC 6749, section 5.2, that only a person can mend."""


def _library() -> Any:
    """The HTTP library that Authlib really builds on: httpx, or its successor when that is installed."""
    for kind in AsyncOAuth2Client.__mro__:
        if kind.__name__ == "AsyncClient":
            return sys.modules[kind.__module__.partition(".")[0]]
    raise ConfigError("The installed Authlib is not one that siscon knows. Install authlib 1.x.")


class _Bounded:
    """A transport that reads each answer with a cap before the client sees it."""

    def __init__(self, library: Any, inner: Any) -> None:
        self._library = library
        self._inner = inner

    async def __aenter__(self) -> _Bounded:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *ended: Any) -> None:
        await self._inner.__aexit__(*ended)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def handle_async_request(self, request: Any) -> Any:
        """Send, read within the cap, and hand on an answer without encoding."""
        response = await self._inner.handle_async_request(request)
        try:
            encoding = response.headers.get("content-encoding", "")
            body = await read_capped(response.aiter_raw(), encoding, BODY_CAP_BYTES)
        finally:
            await response.aclose()
        dropped = ("content-encoding", "content-length", "transfer-encoding")
        headers = [
            (name, text) for name, text in response.headers.multi_items() if name.lower() not in dropped
        ]
        return self._library.Response(response.status_code, headers=headers, content=body, request=request)


async def fetch_token(
    grant: ClientCredentials,
    *,
    client_id: str,
    client_secret: Secret,
    now_ms: int,
    login: str = "",
    ca_file: Path | None = None,
    deadline_s: float = 20.0,
    transport: Any = None,
) -> Token:
    """A new token (RFC 6749, section 4.4); ``login`` names the integration in errors.

    Raises ``AuthError`` when a person must act, ``TransientError`` when it may work later, ``ProviderError`` when
    the answer is no token. ``transport`` is for tests.
    """
    scheme, host, _ = origin_of(grant.token_url)
    if scheme != "https" and not is_loopback(host):
        raise ConfigError(f"The token URL at {plain(host)} must be https.")
    library = _library()
    verify = trust(ca_file) if scheme == "https" and not transport else False
    inner = transport or library.AsyncHTTPTransport(verify=verify, trust_env=False)
    who = f"the login of {plain(login)}" if login else f"the login at {plain(host)}"
    found: dict[str, Any] = {}

    def look(response: Any) -> Any:
        headers = {name.lower(): text for name, text in response.headers.items()}
        answer = Answer(response.status_code, headers, response.content, grant.token_url)
        found.update(_token_in(answer, who, client_secret))
        return response

    try:
        async with (
            asyncio.timeout(deadline_s),
            AsyncOAuth2Client(
                client_id,
                client_secret.reveal(),
                token_endpoint_auth_method=grant.client_auth,
                transport=_Bounded(library, inner),
                timeout=library.Timeout(deadline_s, connect=5.0),
                follow_redirects=False,
                trust_env=False,
                headers={"User-Agent": f"siscon/{__version__}", "Accept-Encoding": "identity"},
            ) as client,
        ):
            client.register_compliance_hook("access_token_response", look)
            form = dict(grant.params) | ({"scope": grant.scope} if grant.scope else {})
            await client.fetch_token(grant.token_url, grant_type="client_credentials", **form)
    except SisconError:
        raise
    except (OAuth2Error, ValueError, TypeError, KeyError) as error:
        if not found:
            raise _no_token(who, type(error).__name__) from None
    except (TimeoutError, library.TransportError, library.InvalidURL) as fault:
        raise judge_fault(fault, f"POST {who}") or _no_token(who, type(fault).__name__) from None
    return _token_of(found, grant, who, now_ms)


def _no_token(who: str, detail: str) -> ProviderError:
    return ProviderError(
        f"The token endpoint answered {who} with something that is no token. Check the token URL.",
        code="no_token",
        detail=detail,
    )


def _token_in(answer: Answer, who: str, secret: Secret) -> dict[str, Any]:
    """The token's fields in a good answer; any other answer raises what it means."""
    try:
        body: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if answer.status in (400, 401, 403) and (error in _PERSON or answer.status == 401):
        why = _PERSON.get(str(error), "the SIS refused it")
        raise AuthError(
            f"The SIS refused {who}: {why}. Check client_id and client_secret in the "
            "configuration; if they are right, ask the district for new ones.",
            code=str(error) if error in _PERSON else "login_refused",
            detail=f"status {answer.status}",
        )
    if not 200 <= answer.status < 300:
        raise judge(answer, f"POST for a token by {who}", now=datetime.now(UTC), secret=secret.reveal())
    if isinstance(error, str):
        raise AuthError(f"The SIS refused {who} ({plain(error, limit=40)}).", code="login_refused")
    if not isinstance(body, dict):
        raise _no_token(who, "no JSON object")
    return body


def _token_of(found: dict[str, Any], grant: ClientCredentials, who: str, now_ms: int) -> Token:
    access, kind = found.get("access_token"), found.get("token_type", "Bearer")
    if (
        not isinstance(access, str)
        or not access
        or not (access.isascii() and access.isprintable())
        or " " in access
    ):
        raise _no_token(who, "no usable access_token")
    if str(kind).lower() != "bearer":
        raise _no_token(who, "a token type other than Bearer")
    scope, refresh = found.get("scope"), found.get("refresh_token")
    life_s = _seconds(found.get("expires_in"))
    return Token(
        access=Secret(access),
        obtained_at_ms=now_ms,
        expires_at_ms=None if life_s is None else now_ms + life_s * 1000,
        refresh=Secret(refresh) if isinstance(refresh, str) and refresh else None,
        scope=scope if isinstance(scope, str) else grant.scope,
    )


def _seconds(value: Any) -> int | None:
    """``expires_in`` as a number or, as PowerSchool writes it, as text; None for anything else."""
    text = str(value).strip() if type(value) in (int, str) else ""
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        return None
    return min(int(text), LIFE_CAP_S)

"""Getting, renewing and giving back tokens at a token URL, by Authlib, in bounds. Imported when the first token is due
only, for Authlib takes a tenth of a second to load.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from siscon import __version__
from siscon.domain.errors import AuthError, ConfigError, ProviderError, SisconError
from siscon.domain.privacy import Secret, strike
from siscon.domain.text import plain
from siscon.domain.tokens import AnswerLost, Token
from siscon.providers.contract import Answer
from siscon.providers.grants import AuthorizationCode, Credentials, Password, TokenGrant
from siscon.providers.origins import is_loopback, origin_of
from siscon.providers.transport.body import read_capped
from siscon.providers.transport.classify import judge, judge_fault
from siscon.providers.transport.tls import trust

with warnings.catch_warnings(record=True):  # Authlib tells of the successor of httpx, whatever filter is set
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from authlib.oauth2.rfc6749.errors import OAuth2Error
    from authlib.oauth2.rfc7523 import auth as rfc7523

BODY_CAP_BYTES = 256 * 1024
LIFE_CAP_S = 10 * 366 * 86_400
ASSERTION_LIFE_S = 300

_PERSON = {
    "invalid_client": "the client id or secret is wrong, expired or withdrawn",
    "invalid_grant": "the grant was refused",
    "unauthorized_client": "this client may not log in in this way",
    "invalid_scope": "a scope was asked for that the district has not granted",
    "access_denied": "access was denied",
}
"""Error codes of RFC 6749, section 5.2, that only a person can mend."""

_NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "InvalidURL"}
)
_NO_ANSWER = frozenset({"too_large", "bad_encoding"})
"""Codes of bodies that could not be read: advice about lists does not fit a token."""

_GATEWAY = frozenset({502, 504})
"""What a gateway answers when it has lost the answer of the server behind it."""


@dataclass(frozen=True, slots=True)
class Login:
    """How one integration gets to its token server. ``name`` stands in errors, ``transport`` is for tests."""

    grant: TokenGrant
    credentials: Credentials
    name: str = ""
    ca_file: Path | None = None
    deadline_s: float = 20.0
    transport: Any = None

    @property
    def who(self) -> str:
        """This login in sentences."""
        if self.name:
            return f"the login of {plain(self.name)}"
        return f"the login at {plain(origin_of(self.grant.token_url)[1])}"

    @property
    def request(self) -> str:
        """Asking for a token in sentences: the address tells whether it is the SIS that fails or its token server."""
        parts = urlsplit(self.grant.token_url)
        return f"POST {plain(parts.netloc + parts.path, limit=120)} for a token by {self.who}"


@dataclass(slots=True)
class _Trail:
    """How far an exchange got. ``status`` 0: no answer was read."""

    status: int = 0
    sent: bool = True
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def is_lost(self) -> bool:
        """Whether the server may have done its part without our having its answer."""
        return self.sent and (self.status in _GATEWAY or self.status == 0 or 200 <= self.status < 300)


async def fetch_token(login: Login, *, now_ms: int) -> Token:
    """A new token without any person (RFC 6749, sections 4.3 and 4.4).

    Raises ``AuthError`` when a person must act, ``TransientError`` when it may work later, ``ProviderError`` when
    the answer is no token.
    """
    grant, own = login.grant, login.credentials
    if isinstance(grant, AuthorizationCode):
        raise ConfigError("This login needs a person's consent first.")
    form = {"scope": grant.scope} if grant.scope else {}
    if isinstance(grant, Password):
        password = own.password if own.username else own.client_secret
        form |= {"username": own.username or own.client_id, "password": _text(password, login, "password")}
    kind = "password" if isinstance(grant, Password) else "client_credentials"
    found = await _ask(login, kind, form, _Trail())
    return _token_of(found, login, now_ms, refresh=None)


async def refresh_token(login: Login, refresh: Secret, *, now_ms: int) -> Token:
    """A new token for a refresh token (RFC 6749, section 6); without a new refresh token the old one goes on.

    Raises ``AnswerLost`` when the refresh token may be spent without our having the answer, else as
    :func:`fetch_token` does.
    """
    trail = _Trail()
    try:
        found = await _ask(login, "refresh_token", {"refresh_token": refresh.reveal()}, trail)
        return _token_of(found, login, now_ms, refresh=refresh)
    except AuthError:
        raise
    except SisconError as error:
        if trail.is_lost:
            raise AnswerLost(error.sentence, detail=error.code) from None
        raise


async def exchange_code(
    login: Login, code: Secret, *, verifier: Secret, redirect_uri: str, now_ms: int
) -> Token:
    """The first token for the code that a person's consent brought (RFC 6749, section 4.1.3; RFC 7636)."""
    form = {"code": code.reveal(), "redirect_uri": redirect_uri}
    if isinstance(login.grant, AuthorizationCode) and login.grant.pkce:
        form["code_verifier"] = verifier.reveal()
    found = await _ask(login, "authorization_code", form, _Trail())
    return _token_of(found, login, now_ms, refresh=None)


async def revoke_token(login: Login, token: Secret, *, kind: str) -> None:
    """Give a token back at the grant's ``revoke_url`` (RFC 7009); ``kind``: access_token or refresh_token.

    A server that does not know the token answers 200, too. Raises as :func:`fetch_token` does.
    """
    url, library = login.grant.revoke_url, _library()
    try:
        async with asyncio.timeout(login.deadline_s), _client(login, library, url) as client:
            answer = _answer(await client.revoke_token(url, token=token.reveal(), token_type_hint=kind), url)
    except (TimeoutError, library.TransportError, library.InvalidURL) as fault:
        raise _of_fault(fault, f"POST to give back {login.who}", login.who) from None
    if not 200 <= answer.status < 300:
        raise _judged(answer, f"POST to give back {login.who}")


async def _ask(login: Login, kind: str, form: Mapping[str, str], trail: _Trail) -> dict[str, Any]:
    """One exchange with the token URL; the fields of the answer."""
    grant, who = login.grant, login.who
    library = _library()

    def look(response: Any) -> Any:
        answer = _answer(response, grant.token_url)
        trail.status = answer.status
        trail.found.update(_token_in(answer, login))
        return response

    try:
        async with asyncio.timeout(login.deadline_s), _client(login, library, grant.token_url) as client:
            client.register_compliance_hook("access_token_response", look)
            await client.fetch_token(grant.token_url, grant_type=kind, **{**grant.params, **form})
    except ConfigError:
        trail.sent = False
        raise
    except ProviderError as error:
        if error.code not in _NO_ANSWER:
            raise
        raise _no_token(who, error.code, code=error.code) from None
    except SisconError:
        raise
    except UnicodeEncodeError:
        trail.sent = False
        raise ConfigError(
            f"The client_id or client_secret of {who} holds characters that a Basic header cannot carry. Check it; "
            "where it is right, have it sent in the form (client_auth: post).",
            code="bad_secret",
        ) from None
    except (OAuth2Error, ValueError, TypeError, KeyError) as error:
        if not trail.found:
            raise _no_token(who, type(error).__name__) from None
    except (TimeoutError, library.TransportError, library.InvalidURL) as fault:
        trail.sent = type(fault).__name__ not in _NEVER_SENT
        raise _of_fault(fault, login.request, who) from None
    return trail.found


def _client(login: Login, library: Any, url: str) -> Any:
    """A client of Authlib for one exchange: no redirects, no environment, an answer of bounded size."""
    scheme, host, _ = origin_of(url)
    if scheme != "https" and not is_loopback(host):
        raise ConfigError(f"The token URL at {plain(host)} must be https.")
    verify = trust(login.ca_file) if scheme == "https" and not login.transport else False
    inner = login.transport or library.AsyncHTTPTransport(verify=verify, trust_env=False)
    secret, method = _proof(login)
    client = AsyncOAuth2Client(
        login.credentials.client_id,
        secret,
        token_endpoint_auth_method=login.grant.client_auth,
        revocation_endpoint_auth_method=login.grant.client_auth,
        transport=_Bounded(library, inner),
        timeout=library.Timeout(login.deadline_s, connect=5.0),
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": f"siscon/{__version__}", "Accept-Encoding": "identity"},
    )
    if method is not None:
        client.register_client_auth_method(method)
    return client


def _proof(login: Login) -> tuple[Any, Any]:
    """What proves the client: its secret, or its key with the method that signs (RFC 7523, section 2.2)."""
    grant, own = login.grant, login.credentials
    if grant.client_auth == "none":
        return None, None
    if grant.client_auth != "private_key_jwt":
        return _text(own.client_secret, login, "client_secret"), None
    key, algorithm = _key_of(_text(own.private_key, login, "private_key"), login)
    claims = {"exp": int(time.time()) + ASSERTION_LIFE_S}
    return key, rfc7523.PrivateKeyJWT(grant.token_url, claims=claims, alg=algorithm)


def _key_of(text: str, login: Login) -> tuple[Any, str]:
    """A key in PEM and the algorithm that fits it (RFC 7518, section 3.1)."""
    library: Any = rfc7523
    for kind, algorithm in ((library.RSAKey, "RS256"), (library.ECKey, "ES256")):
        try:
            key = kind.import_key(text)
        except Exception:  # noqa: BLE001, S112 - whatever the library calls it, it is not a key of this kind
            continue
        if key.is_private and (algorithm == "RS256" or key.curve_name == "P-256"):
            return key, algorithm
    raise ConfigError(
        f"The private_key of {login.who} is no private key: it must be RSA, or EC on P-256, in PEM without a "
        "pass phrase.",
        code="bad_key",
    )


def _text(secret: Secret | None, login: Login, name: str) -> str:
    if not secret:
        raise ConfigError(f"The configuration lacks a {name} for {login.who}.", code="no_secret")
    return secret.reveal()


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


def _answer(response: Any, url: str) -> Answer:
    headers = {name.lower(): text for name, text in response.headers.items()}
    return Answer(response.status_code, headers, response.content, url)


def _judged(answer: Answer, request: str) -> SisconError:
    """What a refusal means. What the server says of it may repeat what it was sent, so the log gets none of it."""
    error = _about_token_url(judge(answer, request, now=datetime.now(UTC)))
    error.detail = f"status {answer.status}"
    return error


def _of_fault(fault: BaseException, request: str, who: str) -> SisconError:
    error = judge_fault(fault, request)
    return _about_token_url(error) if error else _no_token(who, type(fault).__name__)


def _about_token_url(error: SisconError) -> SisconError:
    """The common table advises about base_url; here another address was asked."""
    error.sentence = error.sentence.replace("base_url", "the token URL")
    return error


def _no_token(who: str, detail: str, *, code: str = "no_token") -> ProviderError:
    return ProviderError(
        f"The token endpoint answered {who} with something that is no token. Check the token URL.",
        code=code,
        detail=detail,
    )


def _token_in(answer: Answer, login: Login) -> dict[str, Any]:
    """The token's fields in a good answer; any other answer raises what it means."""
    who = login.who
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
        raise _judged(answer, login.request)
    if isinstance(error, str):
        why = _PERSON.get(error, "it answered with an error instead of a token")
        raise AuthError(
            f"The SIS refused {who}: {why}. Check client_id and client_secret in the configuration.",
            code="login_refused",
        )
    if not isinstance(body, dict):
        raise _no_token(who, "no JSON object")
    return body


def _token_of(found: dict[str, Any], login: Login, now_ms: int, *, refresh: Secret | None) -> Token:
    access, kind = found.get("access_token"), found.get("token_type") or "Bearer"
    if (
        not isinstance(access, str)
        or not access
        or not (access.isascii() and access.isprintable())
        or " " in access
    ):
        raise _no_token(login.who, "no usable access_token")
    if str(kind).lower() != "bearer":
        raise _no_token(login.who, "a token type other than Bearer")
    scope, renewed = found.get("scope"), found.get("refresh_token")
    life_s = _seconds(found.get("expires_in"))
    # Where the client can ask anew by itself, a refresh token is one more secret to lose (RFC 6749, section 4.4.3).
    keeps = isinstance(login.grant, AuthorizationCode)
    own = login.credentials
    fresh = Secret(renewed) if isinstance(renewed, str) and renewed else None
    secrets = (own.client_secret, own.private_key, own.password, refresh, Secret(access), fresh)
    return Token(
        access=Secret(access),
        obtained_at_ms=now_ms,
        expires_at_ms=None if life_s is None else now_ms + life_s * 1000,
        refresh=(fresh or refresh) if keeps else None,
        # Scopes are shown and lie unsealed; a server may write there what it was sent.
        scope=strike(scope, filter(None, secrets)) if isinstance(scope, str) else login.grant.scope,
    )


def _seconds(value: Any) -> int | None:
    """``expires_in`` as a number or, as PowerSchool writes it, as text; None for anything else."""
    text = str(value).strip() if type(value) in (int, str) else ""
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        return None
    return min(int(text), LIFE_CAP_S)

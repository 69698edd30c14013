"""Token endpoints that check what the real ones check, and the bearer tokens they hand out."""

from __future__ import annotations

import base64
import binascii
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from siscon.sandbox.quirks import Quirks
from siscon.sandbox.wire import Answer, Asked, answer_json

_SCOPE = "https://purl.imsglobal.org/spec/or/{version}/scope/"
_SCOPES = ("roster.readonly", "roster-core.readonly", "roster-demographics.readonly")


def scopes_of(version: str) -> tuple[str, ...]:
    """The scopes that a OneRoster server of a version knows."""
    return tuple(_SCOPE.format(version=version) + scope for scope in _SCOPES)


@dataclass(frozen=True, slots=True)
class Login:
    """The one credential that a system of the sandbox knows."""

    client_id: str
    client_secret: str
    app_name: str | None = None
    scopes: tuple[str, ...] = ()
    bearer: str | None = None
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    client_id: str
    scopes: frozenset[str]
    expires_at: float


@dataclass(slots=True)
class Tokens:
    """The tokens a system has handed out and not forgotten."""

    login: Login
    quirks: Quirks
    clock: Callable[[], float] = time.monotonic
    _grants: dict[str, Grant] = field(default_factory=dict)

    def find(self, asked: Asked) -> Grant | None:
        """What the request's token or key allows, or None if it is missing, unknown or too old."""
        login = self.login
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        is_static = login.bearer is not None and kind.lower() == "bearer" and token.strip() == login.bearer
        if is_static or (login.api_key is not None and asked.headers.get("x-api-key") == login.api_key):
            return Grant(login.client_id, frozenset(map(_plain, login.scopes)), math.inf)
        grant = self._grants.get(token.strip()) if kind.lower() == "bearer" else None
        return grant if grant is not None and grant.expires_at > self.clock() else None

    def revoke_all(self) -> None:
        """Make every token invalid."""
        self._grants.clear()

    def answer(self, asked: Asked) -> Answer:
        """Answer a request for a token."""
        if asked.method != "POST":
            return answer_json(
                {"error": "invalid_request", "error_description": "use POST"}, 405, Allow="POST"
            )
        content_type = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            return _refused("invalid_request", "the body must be application/x-www-form-urlencoded", 415)
        if self.login.app_name is not None and not asked.query.get("appName"):
            return _refused("invalid_request", "appName is required")
        if self.login.app_name is not None and asked.query["appName"] != self.login.app_name:
            return _refused("invalid_request", "unknown appName", 404)
        if not _is_login(asked.headers.get("authorization", ""), self.login):
            refusal = _refused("invalid_client", None, 401)
            refusal.headers["WWW-Authenticate"] = 'Basic realm="token"'
            return refusal
        form = {name: values[-1] for name, values in parse_qs(asked.body.decode("latin-1")).items()}
        if form.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type" if "grant_type" in form else "invalid_request", None)
        return self._grant(form.get("scope", ""))

    def _grant(self, scope: str) -> Answer:
        known = {_plain(one): one for one in self.login.scopes}
        wanted = [
            one if one in self.login.scopes else known[_plain(one)]
            for one in scope.split()
            if _plain(one) in known
        ]
        if known and not wanted and (scope or self.quirks.scope_required):
            return _refused("invalid_scope", "ask for at least one scope that this application may use")
        granted = wanted or list(known.values())
        now = self.clock()
        for token in [token for token, grant in self._grants.items() if grant.expires_at <= now]:
            del self._grants[token]
        token = secrets.token_hex(20)
        seconds = self.quirks.token_seconds
        self._grants[token] = Grant(self.login.client_id, frozenset(map(_plain, granted)), now + seconds)
        body: dict[str, object] = {"access_token": token, "token_type": "Bearer"}
        body["expires_in"] = str(seconds) if self.quirks.expires_in_as_string else seconds
        if granted:
            body["scope"] = " ".join(granted)
        return answer_json(body, Cache_Control="no-store")


def _plain(scope: str) -> str:
    """A scope's last word: the prefix may come with http or https."""
    return scope.rpartition("/")[2]


def _refused(error: str, description: str | None, status: int = 400) -> Answer:
    body = {"error": error}
    if description is not None:
        body["error_description"] = description
    return answer_json(body, status)


def _is_login(header: str, login: Login) -> bool:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        given = base64.b64decode(coded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secrets.compare_digest(given, f"{login.client_id}:{login.client_secret}".encode())

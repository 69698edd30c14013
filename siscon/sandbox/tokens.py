"""The tokens that a system has handed out: what each allows, and which go back to the same consent."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, field, replace

from siscon.sandbox.quirks import Quirks
from siscon.sandbox.traffic import Traffic
from siscon.sandbox.wire import Asked

_SCOPE = "https://purl.imsglobal.org/spec/or/{version}/scope/"
_SCOPES = ("roster.readonly", "roster-core.readonly", "roster-demographics.readonly")


def scopes_of(version: str) -> tuple[str, ...]:
    """The scopes that a OneRoster server of a version knows."""
    return tuple(_SCOPE.format(version=version) + scope for scope in _SCOPES)


@dataclass(frozen=True, slots=True)
class Login:
    """What a system of the sandbox knows of its one client, and of the one person who may sign in."""

    client_id: str
    client_secret: str
    app_name: str | None = None
    scopes: tuple[str, ...] = ()
    bearer: str | None = None
    api_key: str | None = None
    grants: frozenset[str] = frozenset({"client_credentials"})
    person: tuple[str, str] | None = None
    in_form: bool = False
    """Whether the client may also name itself in the form, or by an assertion that it signs."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one access token allows, until a moment of ``time.monotonic()``."""

    client_id: str
    scopes: frozenset[str]
    expires_at: float


@dataclass(slots=True, eq=False)
class Family:
    """The tokens that go back to one consent; a refresh token that comes twice ends them all."""

    scopes: tuple[str, ...]
    current: str = ""
    access: set[str] = field(default_factory=set)


class Tokens:
    """The tokens a system has handed out and not forgotten."""

    def __init__(self, login: Login, quirks: Quirks, traffic: Traffic) -> None:
        self.login, self.quirks, self.traffic = login, quirks, traffic
        self._grants: dict[str, Grant] = {}
        self._families: dict[str, Family] = {}

    def find(self, asked: Asked) -> Grant | None:
        """What the request's token or key allows, or None if it is missing, unknown or too old."""
        login = self.login
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        token = token.strip() if kind.lower() == "bearer" else ""
        key = asked.headers.get("x-api-key", "")
        if (token and token == login.bearer) or (key and key == login.api_key):
            scopes = frozenset(map(plain, self._narrowed(login.scopes)))
            return Grant(login.client_id, scopes, math.inf)
        grant = self._grants.get(token)
        if grant is None or grant.expires_at <= time.monotonic():
            return None
        allowed = frozenset(self.quirks.granted_scopes.split())
        return replace(grant, scopes=grant.scopes & allowed) if allowed else grant

    def granted(self, scope: str) -> tuple[str, ...] | None:
        """The scopes that a request for ``scope`` gets, as the client wrote them; None refuses it."""
        known = {plain(one): one for one in self.login.scopes}
        wanted = [
            one if one in self.login.scopes else known[plain(one)]
            for one in scope.split()
            if plain(one) in known
        ]
        if known and not wanted and (scope or self.quirks.scope_required):
            return None
        return self._narrowed(tuple(wanted or known.values()))

    def issue(self, scopes: tuple[str, ...], family: Family | None = None) -> dict[str, object]:
        """A new access token as the body of its answer; for a family with a refresh token (RFC 6749, 5.1 and 6)."""
        now, seconds = time.monotonic(), self.quirks.token_seconds
        for token in [token for token, grant in self._grants.items() if grant.expires_at <= now]:
            del self._grants[token]
        token = secrets.token_hex(20)
        self._grants[token] = Grant(self.login.client_id, frozenset(map(plain, scopes)), now + seconds)
        body: dict[str, object] = {"access_token": token, "token_type": "Bearer"}
        if not self.quirks.no_expires_in:
            body["expires_in"] = str(seconds) if self.quirks.expires_in_as_string else seconds
        if self.login.scopes:
            body["scope"] = " ".join(scopes)
        if family is not None:
            family.access.add(token)
            is_first = not family.current
            if is_first or (self.quirks.rotate_refresh and not self.quirks.refresh_without_new):
                family.current = secrets.token_hex(24)
                self._families[family.current] = family
            if is_first or not self.quirks.refresh_without_new:
                body["refresh_token"] = family.current
        return body

    def refreshed(self, refresh_token: str) -> dict[str, object] | None:
        """The answer to a refresh token; None for one that is unknown, or was used before (RFC 9700, 4.14.2)."""
        family = self._families.get(refresh_token)
        if family is None:
            return None
        if family.current != refresh_token:
            self.traffic.reuses += 1
            self.end(family)
            return None
        return self.issue(self._narrowed(family.scopes), family)

    def end(self, family: Family) -> None:
        """Make all tokens of a family invalid."""
        for token in family.access:
            self._grants.pop(token, None)
        for token in [token for token, one in self._families.items() if one is family]:
            del self._families[token]

    def revoke(self, token: str) -> None:
        """Make one token invalid; a refresh token takes its family with it (RFC 7009, 2.1)."""
        family = self._families.get(token)
        if family is not None:
            self.end(family)
        self._grants.pop(token, None)

    def revoke_all(self) -> None:
        """Make every access token invalid; refresh tokens stay good."""
        self._grants.clear()

    def _narrowed(self, scopes: tuple[str, ...]) -> tuple[str, ...]:
        allowed = self.quirks.granted_scopes.split()
        return tuple(one for one in scopes if not allowed or plain(one) in allowed)


def plain(scope: str) -> str:
    """A scope's last word: the prefix may come with http or https."""
    return scope.rpartition("/")[2]

"""The endpoints at which tokens are asked for, consented to and revoked; they check what real ones check."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from siscon.sandbox.assertions import AssertionKey
from siscon.sandbox.tokens import Family, Tokens
from siscon.sandbox.wire import Answer, Asked, answer_html, answer_json

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PUBLIC = ("authorization_code", "refresh_token")


@dataclass(slots=True)
class _Code:
    """A consent that waits to be turned into tokens, once."""

    challenge: str
    redirect_uri: str
    scopes: tuple[str, ...]
    family: Family | None = None


class Refusal(Exception):
    """A token request is refused with an error of RFC 6749, 5.2."""

    def __init__(self, error: str, description: str | None = None, status: int = 400) -> None:
        super().__init__(error)
        body = {"error": error} | ({"error_description": description} if description is not None else {})
        self.answer = answer_json(body, status)


class Endpoints:
    """The endpoints of one system; ``paths`` says which is where (``token``, ``authorize``, ``revoke``)."""

    def __init__(self, tokens: Tokens, paths: dict[str, str]) -> None:
        self.paths = paths
        self.key = AssertionKey()
        self._tokens = tokens
        self._codes: dict[str, _Code] = {}

    def answer(self, asked: Asked) -> Answer:
        """Answer a request at one of the paths."""
        endpoint = self.paths[asked.path.rstrip("/")]
        try:
            if endpoint == "authorize":
                return self._authorize(asked)
            return self._token(asked) if endpoint == "token" else self._revoke(asked)
        except Refusal as refusal:
            return refusal.answer

    def grant_of(self, asked: Asked) -> str:
        """The kind of grant that a request names, for the counts."""
        if self.paths[asked.path.rstrip("/")] != "token":
            return self.paths[asked.path.rstrip("/")]
        return _form(asked).get("grant_type", "none")[:40]

    def _token(self, asked: Asked) -> Answer:
        form = self._checked(asked)
        kind = form.get("grant_type")
        if kind is None:
            raise Refusal("invalid_request")
        if kind not in self._tokens.login.grants:
            raise Refusal("unsupported_grant_type")
        read: dict[str, Callable[[dict[str, str]], dict[str, object]]] = {
            "client_credentials": self._for_client,
            "password": self._for_person,
            "authorization_code": self._for_code,
            "refresh_token": self._for_refresh,
        }
        return answer_json(read[kind](form), Cache_Control="no-store")

    def _checked(self, asked: Asked) -> dict[str, str]:
        """The form of a request whose outside is right and whose client is known."""
        login = self._tokens.login
        if asked.method != "POST":
            refusal = Refusal("invalid_request", "use POST", 405)
            refusal.answer.headers["Allow"] = "POST"
            raise refusal
        content_type = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            raise Refusal("invalid_request", "the body must be application/x-www-form-urlencoded", 415)
        if login.app_name is not None and not asked.query.get("appName"):
            raise Refusal("invalid_request", "appName is required")
        if login.app_name is not None and asked.query["appName"] != login.app_name:
            raise Refusal("invalid_request", "unknown appName", 404)
        form = _form(asked)
        if not self._is_client(asked, form):
            refusal = Refusal("invalid_client", None, 401)
            refusal.answer.headers["WWW-Authenticate"] = 'Basic realm="token"'
            raise refusal
        return form

    def _is_client(self, asked: Asked, form: dict[str, str]) -> bool:
        login, header = self._tokens.login, asked.headers.get("authorization", "")
        if header:
            if login.in_form and ("client_secret" in form or "client_assertion" in form):
                raise Refusal("invalid_request", "name the client in one way only")
            return _is_basic(header, login.client_id, login.client_secret)
        if not login.in_form:
            return False
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                return False
            problem = self.key.problem(
                form["client_assertion"],
                login.client_id,
                (asked.origin, asked.origin + asked.path),
                time.time(),
            )
            if problem is not None:
                raise Refusal("invalid_client", problem, 401)
            return True
        if form.get("client_id") != login.client_id:
            return False
        if "client_secret" not in form:
            return form.get("grant_type") in _PUBLIC
        return secrets.compare_digest(form["client_secret"].encode(), login.client_secret.encode())

    # the kinds of grants

    def _scopes(self, form: dict[str, str]) -> tuple[str, ...]:
        scopes = self._tokens.granted(form.get("scope", ""))
        if scopes is None:
            raise Refusal("invalid_scope", "ask for at least one scope that this application may use")
        return scopes

    def _for_client(self, form: dict[str, str]) -> dict[str, object]:
        return self._tokens.issue(self._scopes(form))

    def _for_person(self, form: dict[str, str]) -> dict[str, object]:
        if (form.get("username"), form.get("password")) != self._tokens.login.person:
            raise Refusal("invalid_grant", "unknown user or wrong password")
        scopes = self._scopes(form)
        return self._tokens.issue(scopes, Family(scopes))

    def _for_refresh(self, form: dict[str, str]) -> dict[str, object]:
        body = self._tokens.refreshed(form.get("refresh_token", ""))
        if body is None:
            raise Refusal("invalid_grant", "the refresh token is unknown, revoked or was used before")
        return body

    def _for_code(self, form: dict[str, str]) -> dict[str, object]:
        code = self._codes.get(form.get("code", ""))
        if code is None:
            raise Refusal("invalid_grant", "the code is unknown")
        if code.family is not None:
            self._tokens.end(code.family)
            raise Refusal("invalid_grant", "the code was used before; its tokens are revoked")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            raise Refusal("invalid_grant", "code_verifier does not fit code_challenge")
        if form.get("redirect_uri") != code.redirect_uri:
            raise Refusal("invalid_grant", "redirect_uri is not that of the authorization request")
        code.family = Family(code.scopes)
        return self._tokens.issue(code.scopes, code.family)

    # consent and revocation

    def _authorize(self, asked: Asked) -> Answer:
        """An invented user consents at once (RFC 6749, 4.1; RFC 7636; loopback redirects as in RFC 8252, 7.3)."""
        query, login = asked.query, self._tokens.login
        back = query.get("redirect_uri", "")
        is_ours = urlsplit(back).scheme == "http" and urlsplit(back).hostname in _LOOPBACK
        if query.get("client_id") != login.client_id or not is_ours:
            return answer_html("This client or its redirect_uri is not known here.", 400)
        told = {"state": query["state"]} if "state" in query else {}
        scopes = self._tokens.granted(query.get("scope", ""))
        if query.get("response_type") != "code":
            told |= {"error": "unsupported_response_type"}
        elif query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            told |= {"error": "invalid_request", "error_description": "PKCE with S256 is required"}
        elif scopes is None:
            told |= {"error": "invalid_scope"}
        else:
            code = secrets.token_hex(16)
            self._codes[code] = _Code(query["code_challenge"], back, scopes)
            told |= {"code": code}
        mark = "&" if urlsplit(back).query else "?"
        return Answer(302, headers={"Location": f"{back}{mark}{urlencode(told)}"})

    def _revoke(self, asked: Asked) -> Answer:
        """Revoke a token; an unknown one is no error (RFC 7009, 2.2)."""
        form = self._checked(asked)
        if "token" not in form:
            raise Refusal("invalid_request", "token is required")
        self._tokens.revoke(form["token"])
        return Answer(200)


def _form(asked: Asked) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(asked.body.decode("latin-1")).items()}


def _is_basic(header: str, client_id: str, client_secret: str) -> bool:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        given = base64.b64decode(coded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secrets.compare_digest(given, f"{client_id}:{client_secret}".encode())

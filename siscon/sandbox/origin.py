"""The road of a request through one system: control, token, faults, rate limit, and at last the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from siscon.sandbox.dialects import Dialect, OneRosterDialect, PowerSchoolDialect
from siscon.sandbox.district import District
from siscon.sandbox.limits import Traffic, Window, announced
from siscon.sandbox.oauth import Login, Tokens, scopes_of
from siscon.sandbox.powerschool import TOKEN_PATH as POWERSCHOOL_TOKEN_PATH
from siscon.sandbox.quirks import (
    CAMPUS_QUIRKS,
    ONEROSTER_QUIRKS,
    POWERSCHOOL_QUIRKS,
    SKYWARD_QUIRKS,
    Failure,
    Faults,
    Quirks,
)
from siscon.sandbox.systems import System
from siscon.sandbox.wire import Answer, Asked, answer_json

APP_NAME = "harborview"
CAMPUS_BASE = f"/campus/api/oneroster/v1p2/{APP_NAME}/ims/oneroster/rostering/v1p2"
SKYWARD_BASE = "/ims/oneroster/v1p1"
ONEROSTER_BASES = {"v1p1": "/ims/oneroster/v1p1", "v1p2": "/ims/oneroster/rostering/v1p2"}
CAMPUS_TOKENS, SKYWARD_TOKENS, ONEROSTER_TOKENS = "/campus/oauth2/token", "/token", "/oauth/token"
STATIC_BEARER, API_KEY = "invented-static-bearer", "invented-api-key"
HTML_TYPE = "text/html;charset=UTF-8"


@dataclass(slots=True)
class Outcome:
    """An answer, and what happens to it on its way."""

    answer: Answer
    delay_s: float = 0.0
    dropped: bool = False


class Origin:
    """One system: its switches, its tokens, its limit, what it was asked."""

    def __init__(
        self,
        system: System,
        *,
        login: Login,
        token_paths: tuple[str, ...],
        make_dialect: Callable[[Quirks], Dialect],
        quirks: dict[str, Any],
        requests_per_minute: int,
    ) -> None:
        self.system, self.token_paths = system, token_paths
        self.quirks = Quirks(**quirks, requests_per_minute=requests_per_minute)
        self.faults = Faults()
        self.tokens = Tokens(login, self.quirks)
        self.window = Window(requests_per_minute)
        self.traffic = Traffic()
        self._make_dialect = make_dialect
        self._dialect = make_dialect(self.quirks)

    def forget(self) -> None:
        """Drop what was remembered of a district that is no more."""
        self._dialect = self._make_dialect(self.quirks)

    def answer_token(self, asked: Asked) -> Outcome:
        """Answer at the token's path."""
        self.traffic.tokens += 1
        failure = self.faults.take_failure(asked.path) if self._is_aimed(asked.path) else None
        return Outcome(self.tokens.answer(asked) if failure is None else self._failed(failure))

    def _is_aimed(self, path: str) -> bool:
        failure = self.faults.fail_next
        return failure is not None and bool(failure.path) and path.startswith(failure.path)

    def answer_api(self, asked: Asked, district: District) -> Outcome:
        """Answer at any other path."""
        now = time.monotonic()
        self.traffic.count(asked.path, now)
        delay_s = self.faults.delay_ms / 1000
        failure = self.faults.take_failure(asked.path)
        if failure is not None:
            return Outcome(self._failed(failure), delay_s)
        if self.faults.take("html_200"):
            page = (
                b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
            )
            return Outcome(Answer(200, page, content_type=HTML_TYPE), delay_s)
        scopes: frozenset[str] = frozenset()
        if asked.path.rstrip("/") not in self._dialect.open_paths:
            grant = self.tokens.find(asked)
            if grant is None:
                return Outcome(self._dialect.unauthorised(), delay_s)
            scopes = grant.scopes
            wait_s = self.window.wait_s(now, self.quirks.min_interval_ms)
            if wait_s:
                return Outcome(self._throttled(wait_s), delay_s)
        answer = self._dialect.respond(asked, district, scopes, empty=self.faults.empty_lists)
        if answer.status == 200 and self.faults.take("truncate_json"):
            answer.body = answer.body[: len(answer.body) // 2]
        return Outcome(answer, delay_s, dropped=self.faults.take("drop_connection"))

    def _throttled(self, wait_s: int) -> Answer:
        self.traffic.throttled += 1
        answer = self._dialect.throttled(wait_s)
        told = announced(wait_s, self.quirks.retry_after)
        if told is not None:
            answer.headers["Retry-After"] = told
        return answer

    @staticmethod
    def _failed(failure: Failure) -> Answer:
        body = b"<html><body><h1>The system is down for maintenance.</h1></body></html>"
        answer = Answer(failure.status, body, content_type=HTML_TYPE)
        if failure.status == 302:
            answer = Answer(302, headers={"Location": "https://message.powerschool.example/?server=sandbox"})
        if failure.retry_after is not None:
            answer.headers["Retry-After"] = str(failure.retry_after)
        return answer

    def control(self, action: str, asked: Asked) -> Answer:
        """Carry out a control request that concerns this system."""
        if action == "stats" and asked.method == "GET":
            return answer_json({"system": self.system.name, **self.traffic.as_dict()})
        if action == "quirks" and asked.method == "GET":
            return answer_json(self.quirks.as_dict())
        if asked.method != "POST" or action not in ("quirks", "faults", "reset"):
            return answer_json({"error": f"unknown control {action}"}, 404)
        try:
            values = json.loads(asked.body or b"{}")
            if not isinstance(values, dict):
                return answer_json({"error": "send a JSON object"}, 400)
            if action == "quirks":
                self.quirks.update(values)
                self.forget()
            elif action == "faults":
                if values.pop("revoke_tokens", False):
                    self.tokens.revoke_all()
                self.faults.update(values)
            else:
                self.traffic = Traffic()
        except (ValueError, TypeError) as error:
            return answer_json({"error": str(error)}, 400)
        return answer_json({"system": self.system.name, "done": action})


def powerschool_origin(system: System, secret: str, requests_per_minute: int) -> Origin:
    """PowerSchool as the sandbox plays it."""
    return Origin(
        system,
        login=Login(client_id_of(system), secret),
        token_paths=(POWERSCHOOL_TOKEN_PATH,),
        make_dialect=PowerSchoolDialect,
        quirks=POWERSCHOOL_QUIRKS,
        requests_per_minute=requests_per_minute,
    )


def campus_origin(system: System, secret: str, requests_per_minute: int) -> Origin:
    """Infinite Campus as the sandbox plays it."""
    return Origin(
        system,
        login=Login(client_id_of(system), secret, APP_NAME, scopes_of("v1p2")),
        token_paths=(CAMPUS_TOKENS,),
        make_dialect=lambda quirks: OneRosterDialect({"v1p2": CAMPUS_BASE}, quirks),
        quirks=CAMPUS_QUIRKS,
        requests_per_minute=requests_per_minute,
    )


def skyward_origin(system: System, secret: str, requests_per_minute: int) -> Origin:
    """Skyward as the sandbox plays it; its token host has an address of its own."""
    return Origin(
        system,
        login=Login(client_id_of(system), secret, None, scopes_of("v1p1")),
        token_paths=(SKYWARD_TOKENS,),
        make_dialect=lambda quirks: OneRosterDialect({"v1p1": SKYWARD_BASE}, quirks),
        quirks=SKYWARD_QUIRKS,
        requests_per_minute=requests_per_minute,
    )


def oneroster_origin(system: System, secret: str, requests_per_minute: int) -> Origin:
    """A OneRoster server of a vendor without a name, which speaks both versions and knows every login."""
    scopes = (*scopes_of("v1p1"), *scopes_of("v1p2"))
    return Origin(
        system,
        login=Login(client_id_of(system), secret, None, scopes, bearer=STATIC_BEARER, api_key=API_KEY),
        token_paths=(ONEROSTER_TOKENS,),
        make_dialect=lambda quirks: OneRosterDialect(ONEROSTER_BASES, quirks),
        quirks=ONEROSTER_QUIRKS,
        requests_per_minute=requests_per_minute,
    )


ORIGINS: dict[str, Callable[[System, str, int], Origin]] = {
    "powerschool": powerschool_origin,
    "infinite_campus": campus_origin,
    "skyward": skyward_origin,
    "oneroster": oneroster_origin,
}
"""How each system is made: of its district's traits, its client secret, and its requests a minute."""


def client_id_of(system: System) -> str:
    """The client id that a system of the sandbox knows."""
    return f"sandbox-{system.name.replace('_', '-')}"

"""The road of a request through one system: control, token, faults, rate limit, and at last the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from siscon.sandbox.dialects import Dialect, OneRosterDialect, PowerSchoolDialect, SkywardDialect
from siscon.sandbox.district import District
from siscon.sandbox.faults import Failure, Faults
from siscon.sandbox.limits import Window, announced
from siscon.sandbox.oauth import Endpoints
from siscon.sandbox.powerschool import TOKEN_PATH as POWERSCHOOL_TOKEN_PATH
from siscon.sandbox.quirks import CAMPUS_QUIRKS, ONEROSTER_QUIRKS, POWERSCHOOL_QUIRKS, SKYWARD_QUIRKS, Quirks
from siscon.sandbox.remembered import remembered
from siscon.sandbox.skyward_native import TOKENS as NATIVE_TOKENS
from siscon.sandbox.systems import FAST_REQUESTS_PER_MINUTE, System
from siscon.sandbox.tokens import Login, Tokens, scopes_of
from siscon.sandbox.traffic import Traffic
from siscon.sandbox.wire import Answer, Asked, answer_html, answer_json

APP_NAME = "harborview"
CAMPUS_BASE = f"/campus/api/oneroster/v1p2/{APP_NAME}/ims/oneroster/rostering/v1p2"
SKYWARD_BASE = "/ims/oneroster/v1p1"
ONEROSTER_BASES = {"v1p1": "/ims/oneroster/v1p1", "v1p2": "/ims/oneroster/rostering/v1p2"}
CAMPUS_TOKENS, SKYWARD_TOKENS, ONEROSTER_TOKENS = "/campus/oauth2/token", "/token", "/oauth/token"
ONEROSTER_AUTHORIZE, ONEROSTER_REVOKE = "/oauth/authorize", "/oauth/revoke"
STATIC_BEARER, API_KEY = "invented-static-bearer", "invented-api-key"
PERSON = ("invented-user", "invented-password")
CROWDED_S, ALONE_S = 0.3, 0.02
"""How long answers take where a system counts the requests it works on: above its rule, and below it."""


@dataclass(slots=True)
class Outcome:
    """An answer, and what happens to it on its way: it comes late, in half (``dropped``) or never (``unsent``)."""

    answer: Answer
    delay_s: float = 0.0
    dropped: bool = False
    unsent: bool = False
    finished: Callable[[], None] | None = None


class Origin:
    """One system: its switches, its tokens, its limit, what it was asked."""

    def __init__(
        self,
        system: System,
        *,
        login: Login,
        token_paths: dict[str, str],
        make_dialect: Callable[[Quirks], Dialect],
        quirks: dict[str, Any],
        requests_per_minute: int,
    ) -> None:
        self.system, self.token_paths = system, token_paths
        self.quirks = Quirks(**quirks, requests_per_minute=requests_per_minute)
        self.faults = Faults()
        self.traffic = Traffic()
        self.tokens = Tokens(login, self.quirks, self.traffic)
        self.endpoints = Endpoints(self.tokens, token_paths)
        self.window = Window(requests_per_minute)
        self._at_work = 0
        self._make_dialect = make_dialect
        self._dialect = make_dialect(self.quirks)

    def forget(self) -> None:
        """Drop what was remembered of a district that is no more."""
        self._dialect = self._make_dialect(self.quirks)

    def answer_token(self, asked: Asked) -> Outcome:
        """Answer at one of the tokens' paths."""
        now = time.monotonic()
        self.traffic.count_token(self.endpoints.grant_of(asked), now)
        failure = self.faults.take_failure(asked.path, aimed=True)
        if failure is not None:
            return Outcome(self._failed(failure, "token", now))
        struck = self._struck("token", now)
        if struck is not None:
            return struck
        answer = self.endpoints.answer(asked)
        return Outcome(answer, unsent=answer.status == 200 and self.faults.take("drop_token_answer"))

    def answer_api(self, asked: Asked, district: District) -> Outcome:
        """Answer at any other path."""
        now = time.monotonic()
        self.traffic.count(asked.path, now)
        self._at_work += 1
        self.traffic.max_at_once = max(self.traffic.max_at_once, self._at_work)
        try:
            outcome = self._before(asked, now) or self._answered(asked, district, now)
        except BaseException:
            self._finished()
            raise
        outcome.delay_s += self.faults.delay_ms / 1000
        outcome.finished = self._finished
        return outcome

    def _finished(self) -> None:
        self._at_work -= 1

    def _before(self, asked: Asked, now: float) -> Outcome | None:
        """What a request meets before anybody looks at who sent it."""
        failure = self.faults.take_failure(asked.path)
        if failure is not None:
            return Outcome(self._failed(failure, "api", now))
        if self.faults.take("html_200"):
            return Outcome(answer_html("Please sign in.", 200))
        if self.quirks.redirect_to:
            query = f"?{urlencode(asked.query)}" if asked.query else ""
            return Outcome(Answer(302, headers={"Location": self.quirks.redirect_to + asked.path + query}))
        return self._struck("api", now)

    def _answered(self, asked: Asked, district: District, now: float) -> Outcome:
        scopes: frozenset[str] = frozenset()
        delay_s = 0.0
        if asked.path.rstrip("/") not in self._dialect.open_paths:
            grant = self.tokens.find(asked)
            if grant is None:
                return Outcome(self._dialect.unauthorised())
            scopes = grant.scopes
            if self.quirks.at_once:
                if self._at_work > 2 * self.quirks.at_once:
                    return Outcome(self._throttled(1, now))
                delay_s = CROWDED_S if self._at_work > self.quirks.at_once else ALONE_S
            wait_s = self.window.wait_s(now, self.quirks.min_interval_ms)
            if wait_s:
                return Outcome(self._throttled(wait_s, now))
        answer = self._dialect.respond(asked, district, scopes, empty=self.faults.empty_lists)
        if self.quirks.etag and answer.status == 200:
            answer = remembered(asked, answer, district.moments[-1])
        if answer.status == 200 and self.faults.take("truncate_json"):
            answer.body = answer.body[: len(answer.body) // 2]
        return Outcome(answer, delay_s, dropped=self.faults.take("drop_connection"))

    def _struck(self, where: str, now: float) -> Outcome | None:
        """What chaos does to this request, if it is switched on and due."""
        drawn = self.faults.chaos.draw() if self.faults.chaos is not None else None
        if drawn is None:
            return None
        kind, wait_s = drawn
        self.traffic.chaos[kind] += 1
        if kind == "429":
            return Outcome(self._throttled(wait_s, now, where))
        answer = answer_html("The system is down for maintenance.", 503)
        return Outcome(answer, unsent=kind == "reset")

    def _throttled(self, wait_s: int, now: float, where: str = "api") -> Answer:
        self.traffic.throttled += 1
        answer = self._dialect.throttled(wait_s)
        if self.quirks.limited_answer == "html":
            answer = answer_html("Too many requests", 429)
        self._announce(answer, wait_s, where, now)
        return answer

    def _announce(self, answer: Answer, wait_s: int, where: str, now: float) -> None:
        told = announced(wait_s, self.quirks.retry_after, skew_s=self.quirks.clock_skew_s)
        if told is not None and self.quirks.too_many_body != "message":
            answer.headers["Retry-After"] = told
        if self.quirks.retry_after in ("seconds", "date"):
            self.traffic.announce(where, now, wait_s)

    def _failed(self, failure: Failure, where: str, now: float) -> Answer:
        answer = answer_html("The system is down for maintenance.", failure.status)
        if failure.status == 302:
            answer = Answer(302, headers={"Location": "https://message.powerschool.example/?server=sandbox"})
        if failure.retry_after is not None:
            answer.headers["Retry-After"] = str(failure.retry_after)
            self.traffic.announce(where, now, failure.retry_after)
        return answer

    def control(self, action: str, asked: Asked) -> Answer:
        """Carry out a control request that concerns this system."""
        if asked.method == "GET":
            shown: dict[str, Callable[[], dict[str, object]]] = {
                "stats": self.traffic.as_dict,
                "quirks": self.quirks.as_dict,
                "key": lambda: {"private_key": self.endpoints.key.private_pem(), "algorithm": "RS256"},
            }
            if action not in shown:
                return answer_json({"error": f"unknown control {action}"}, 404)
            system = {"system": self.system.name} if action == "stats" else {}
            return answer_json({**system, **shown[action]()})
        if asked.method != "POST" or action not in ("quirks", "faults", "reset", "key"):
            return answer_json({"error": f"unknown control {action}"}, 404)
        try:
            values = json.loads(asked.body or b"{}")
            if not isinstance(values, dict):
                return answer_json({"error": "send a JSON object"}, 400)
            self._set(action, values)
        except (ValueError, TypeError) as error:
            return answer_json({"error": str(error)}, 400)
        return answer_json({"system": self.system.name, "done": action})

    def _set(self, action: str, values: dict[str, Any]) -> None:
        match action:
            case "quirks":
                self.quirks.update(values)
                self.window.limit = self.quirks.requests_per_minute or FAST_REQUESTS_PER_MINUTE
                self.forget()
            case "faults":
                if values.pop("revoke_tokens", False):
                    self.tokens.revoke_all()
                self.faults.update(values)
            case "key":
                self.endpoints.key.trust(str(values.get("public_key", "")))
            case _:
                self.traffic.clear()


def powerschool_origin(system: System, secret: str, requests_per_minute: int) -> Origin:
    """PowerSchool as the sandbox plays it."""
    return Origin(
        system,
        login=Login(client_id_of(system), secret),
        token_paths={POWERSCHOOL_TOKEN_PATH: "token"},
        make_dialect=PowerSchoolDialect,
        quirks=POWERSCHOOL_QUIRKS,
        requests_per_minute=requests_per_minute,
    )


def campus_origin(system: System, secret: str, requests_per_minute: int) -> Origin:
    """Infinite Campus as the sandbox plays it."""
    return Origin(
        system,
        login=Login(client_id_of(system), secret, APP_NAME, scopes_of("v1p2")),
        token_paths={CAMPUS_TOKENS: "token"},
        make_dialect=lambda quirks: OneRosterDialect({"v1p2": CAMPUS_BASE}, quirks),
        quirks=CAMPUS_QUIRKS,
        requests_per_minute=requests_per_minute,
    )


def skyward_origin(system: System, secret: str, requests_per_minute: int) -> Origin:
    """Skyward as the sandbox plays it; its token host has an address of its own.

    The older interface takes key and secret as a person's name and password, too.
    """
    client_id = client_id_of(system)
    return Origin(
        system,
        login=Login(
            client_id,
            secret,
            None,
            scopes_of("v1p1"),
            grants=frozenset({"client_credentials", "password"}),
            person=(client_id, secret),
        ),
        token_paths={SKYWARD_TOKENS: "token", NATIVE_TOKENS: "token"},
        make_dialect=lambda quirks: SkywardDialect({"v1p1": SKYWARD_BASE}, quirks),
        quirks=SKYWARD_QUIRKS,
        requests_per_minute=requests_per_minute,
    )


def oneroster_origin(system: System, secret: str, requests_per_minute: int) -> Origin:
    """A OneRoster server of a vendor without a name, which speaks both versions and knows every login."""
    scopes = (*scopes_of("v1p1"), *scopes_of("v1p2"))
    return Origin(
        system,
        login=Login(
            client_id_of(system),
            secret,
            None,
            scopes,
            bearer=STATIC_BEARER,
            api_key=API_KEY,
            grants=frozenset({"client_credentials", "password", "authorization_code", "refresh_token"}),
            person=PERSON,
            in_form=True,
        ),
        token_paths={
            ONEROSTER_TOKENS: "token",
            ONEROSTER_AUTHORIZE: "authorize",
            ONEROSTER_REVOKE: "revoke",
        },
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

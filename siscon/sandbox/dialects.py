"""How each system says things: the right answer, and the refusals that come before it."""

from __future__ import annotations

from typing import Protocol

from siscon.sandbox.district import District
from siscon.sandbox.oneroster import OneRoster
from siscon.sandbox.powerschool import OPEN_PATHS, PowerSchool
from siscon.sandbox.quirks import Quirks
from siscon.sandbox.skyward_native import BASE as NATIVE_BASE
from siscon.sandbox.skyward_native import SkywardNative
from siscon.sandbox.wire import Answer, Asked, answer_json


class Dialect(Protocol):
    """How a system says things; one class per wire format fulfils it."""

    open_paths: tuple[str, ...]

    def respond(self, asked: Asked, district: District, scopes: frozenset[str], *, empty: bool) -> Answer:
        """The right answer."""

    def unauthorised(self) -> Answer:
        """The answer to a bad token."""

    def throttled(self, wait_s: int) -> Answer:
        """The answer to a request too many."""


class PowerSchoolDialect:
    """PowerSchool."""

    open_paths: tuple[str, ...] = OPEN_PATHS

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._wire = PowerSchool(quirks)

    def respond(self, asked: Asked, district: District, scopes: frozenset[str], *, empty: bool) -> Answer:
        """The right answer; tokens of PowerSchool know no scopes."""
        del scopes
        return self._wire.answer(asked, district, empty=empty)

    def unauthorised(self) -> Answer:
        """The answer to a bad token."""
        words = 'Bearer error="invalid_token",realm="PowerSchool",error_description="The access token has expired"'
        return answer_json({"message": "The access token has expired"}, 401, WWW_Authenticate=words)

    def throttled(self, wait_s: int) -> Answer:
        """The answer to a request too many; where no header tells the wait, the message does."""
        in_words = self._quirks.too_many_body == "message" or self._quirks.retry_after == "none"
        wait = f" Wait {wait_s} seconds and try again." if in_words else ""
        return answer_json({"message": f"Too many requests.{wait}"}, 429)


class OneRosterDialect:
    """OneRoster: one version of it, or several side by side."""

    open_paths: tuple[str, ...] = ()

    def __init__(self, bases: dict[str, str], quirks: Quirks) -> None:
        self._wires = [OneRoster(version, base, quirks) for version, base in bases.items()]
        self._wire = self._wires[-1]

    def respond(self, asked: Asked, district: District, scopes: frozenset[str], *, empty: bool) -> Answer:
        """The right answer, in the version that the path names."""
        wire = next((one for one in self._wires if asked.path.startswith(one.base + "/")), self._wire)
        return wire.answer(asked, district, scopes, empty=empty)

    def unauthorised(self) -> Answer:
        """The answer to a bad token."""
        answer = self._wire.refusal(401, "unauthorisedrequest", "Token has expired")
        answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        return answer

    def throttled(self, wait_s: int) -> Answer:
        """The answer to a request too many."""
        return self._wire.refusal(429, "server_busy", f"too many requests; come back in {wait_s} seconds")


class SkywardDialect(OneRosterDialect):
    """OneRoster, and beside it the older interface of SMS 2.0."""

    def __init__(self, bases: dict[str, str], quirks: Quirks) -> None:
        super().__init__(bases, quirks)
        self._native = SkywardNative(quirks)

    def respond(self, asked: Asked, district: District, scopes: frozenset[str], *, empty: bool) -> Answer:
        """The right answer of the interface that the path names."""
        if asked.path.startswith(f"{NATIVE_BASE}/"):
            return self._native.answer(asked, district, empty=empty)
        return super().respond(asked, district, scopes, empty=empty)

"""The systems over one state: which port is whose, and what day it is there.

Every port also answers ``/__control__/...`` (docs/sandbox.md) when the header ``X-Sandbox-Control: yes`` is sent.
"""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from pathlib import Path

from siscon.sandbox import state as states
from siscon.sandbox.district import District
from siscon.sandbox.origin import ORIGINS, Origin, Outcome
from siscon.sandbox.skyward_native import TOKENS as NATIVE_TOKENS
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import (
    ALL_SYSTEMS,
    FAST_REQUESTS_PER_MINUTE,
    INFINITE_CAMPUS,
    ONEROSTER,
    POWERSCHOOL,
    SKYWARD,
)
from siscon.sandbox.wire import Answer, Asked, answer_json

STAT_EVERY_S = 0.05
CONTROL = "/__control__/"
PORTS = (POWERSCHOOL, INFINITE_CAMPUS, SKYWARD, SKYWARD, ONEROSTER)
TOKEN_HOST = 3
REAL_PAGE_SIZE = 100


def district_of(name: str, state: SandboxState) -> District:
    """The district of one system as a state describes it."""
    return District(
        ALL_SYSTEMS[name], seed=state.seed, students=state.students, day=state.day, moments=state.moments
    )


class World:
    """All systems of one sandbox. ``limits`` is ``fast`` or ``real``."""

    def __init__(self, state: SandboxState, limits: str, *, secret: str) -> None:
        rates = {
            name: system.requests_per_minute if limits == "real" else FAST_REQUESTS_PER_MINUTE
            for name, system in ALL_SYSTEMS.items()
        }
        self.origins: dict[str, Origin] = {
            name: ORIGINS[name](system, secret, rates[name]) for name, system in ALL_SYSTEMS.items()
        }
        if limits == "real":
            self.origins["powerschool"].quirks.max_page_size = REAL_PAGE_SIZE
        self._state = state
        self._districts = {name: district_of(name, state) for name in ALL_SYSTEMS}
        self._looked_at = time.monotonic()
        self._mark = _mark(state.path)

    @property
    def day(self) -> int:
        """The day that it is there."""
        return self._state.day

    def look(self) -> int:
        """The day that it is, also when another process let it pass."""
        self._refresh()
        return self._state.day

    def changes_since(self, day: int) -> dict[str, dict[str, list[str]]]:
        """The ids of what changed on a day or later: by system, by kind."""
        return {
            name: {
                kind: [one.ids.text(kind, index) for index in indexes]
                for kind, indexes in one.days.changed_since(day).items()
            }
            for name, one in self._districts.items()
        }

    def answer(self, number: int, asked: Asked) -> Outcome:
        """Answer a request that came in on port ``number`` (0 to 4)."""
        self._refresh()
        origin = self.origins[PORTS[number].name]
        outcome = self._outcome(origin, number, asked)
        now = time.time() + origin.quirks.clock_skew_s
        outcome.answer.headers.setdefault("Date", formatdate(now, usegmt=True))
        return outcome

    def _outcome(self, origin: Origin, number: int, asked: Asked) -> Outcome:
        if asked.path.startswith(CONTROL):
            return Outcome(self._control(origin, asked))
        is_token_port = number == TOKEN_HOST or origin.system is not SKYWARD
        is_token_port = is_token_port or asked.path.rstrip("/") == NATIVE_TOKENS
        if is_token_port and asked.path.rstrip("/") in origin.token_paths:
            return origin.answer_token(asked)
        if number == TOKEN_HOST:
            return Outcome(answer_json({"error": "not_found"}, 404))
        return origin.answer_api(asked, self._districts[origin.system.name])

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < STAT_EVERY_S:
            return
        self._looked_at = now
        mark = _mark(self._state.path)
        if mark in (self._mark, None):
            return
        try:
            self._turn_to(states.load(self._state.path))
        except (OSError, ValueError):
            return
        self._mark = mark

    def _turn_to(self, new: SandboxState) -> None:
        old, self._state = self._state, new
        for name, origin in self.origins.items():
            if (new.seed, new.students) == (old.seed, old.students) and new.day >= old.day:
                self._districts[name].live_until(new.day, new.moments)
            else:
                self._districts[name] = district_of(name, new)
                origin.forget()
                self._show(name)

    def _show(self, name: str) -> None:
        """Show a district as its system's switches want it; PowerSchool has its own ways of years and ids."""
        quirks = self.origins[name].quirks
        is_powerschool = name == POWERSCHOOL.name
        self._districts[name].turn(
            years=0 if is_powerschool else quirks.school_year,
            epoch=0 if is_powerschool else quirks.ids_epoch,
            skew_s=quirks.clock_skew_s,
        )

    def _control(self, origin: Origin, asked: Asked) -> Answer:
        if asked.headers.get("x-sandbox-control", "").lower() != "yes":
            return answer_json({"error": "send the header X-Sandbox-Control: yes"}, 403)
        action = asked.path[len(CONTROL) :]
        if action == "advance" and asked.method == "POST":
            return answer_json({"day": self._state.day + 1, "counts": self.advance()})
        wanted = asked.query.get("system", origin.system.name)
        if wanted != "all" and wanted not in self.origins:
            return answer_json({"error": f"unknown system; known are {', '.join(self.origins)}, all"}, 400)
        names = list(self.origins) if wanted == "all" else [wanted]
        answers = {name: self.origins[name].control(action, asked) for name in names}
        if action == "quirks":
            for name in names:
                self._show(name)
        if wanted == "all":
            failed = [answer for answer in answers.values() if answer.status != 200]
            if failed:
                return failed[0]
            return answer_json({name: json.loads(answer.body) for name, answer in answers.items()})
        return answers[wanted]

    def advance(self) -> dict[str, dict[str, int]]:
        """Let a day pass, and write it into the state file."""
        self._state.pass_day()
        self._state.save()
        self._mark = _mark(self._state.path)
        self._turn_to(self._state)
        return {name: dict(one.days.counts[self._state.day]) for name, one in self._districts.items()}


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino

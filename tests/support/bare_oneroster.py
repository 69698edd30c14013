"""A bare OneRoster 1.2 server: flat lists, no totals, no links, pages cut in silence, HTML to who asks too often."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BASE = "/ims/oneroster/rostering/v1p2/"
SCHOOLS = 4
PER_STUDENT = 4


@dataclass
class BareOneRoster:
    """What the server holds and counts. ``early`` are the requests that came before a Retry-After had passed.

    In any window of ``window_s`` seconds it answers ``limit`` requests.
    """

    students: int
    cut: int
    limit: int
    window_s: float
    port: int = 0
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answered: Counter[str] = field(default_factory=Counter)
    asked: list[str] = field(default_factory=list)
    answered_at: list[float] = field(default_factory=list)
    refused: int = 0
    early: int = 0
    closed_until: float = 0.0
    lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        sections = max(1, self.students // 25)
        self.lists = {
            "schools": [_org(n) for n in range(SCHOOLS)],
            "academicSessions": [_session("y", "schoolYear"), _session("t", "term")],
            "teachers": [_user("t", n, "teacher") for n in range(sections)],
            "students": [_user("s", n, "student") for n in range(self.students)],
            "courses": [_course(n) for n in range(10)],
            "classes": [_class(n) for n in range(sections)],
            "enrollments": [
                *(_enrollment("t", n, "teacher", n) for n in range(sections)),
                *(
                    _enrollment("s", n, "student", (n + k * 7) % sections, k)
                    for n in range(self.students)
                    for k in range(PER_STUDENT)
                ),
            ],
        }

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def least(self) -> int:
        """Requests that nobody can do without: each list to its closing empty page, one try of demographics."""
        by_role = Counter(one["role"] for one in self.lists["enrollments"])
        sizes = [
            *(len(rows) for name, rows in self.lists.items() if name != "enrollments"),
            *by_role.values(),
        ]
        return sum(-(-size // self.cut) + 1 for size in sizes) + 1

    def wait_s(self, now: float) -> int:
        """Whole seconds until the next request is welcome; 0 now. Tells early ones."""
        with self.lock:
            self.early += now < self.closed_until
            fresh = [one for one in self.answered_at if one > now - self.window_s]
            if len(fresh) < self.limit:
                self.answered_at.append(now)
                return 0
            wait = int(fresh[-self.limit] + self.window_s - now) + 1
            self.refused, self.closed_until = self.refused + 1, now + wait
            return wait

    def single(self, name: str) -> dict[str, Any] | None:
        """The student of a path with an id."""
        head, _, source_id = name.partition("/")
        found = (one for one in self.lists["students"] if one["sourcedId"] == source_id)
        return next(found, None) if head == "students" else None

    def rows(self, name: str, asked: dict[str, str]) -> list[dict[str, Any]]:
        """One page: filtered by role or type, cut to the cap."""
        rows = self.lists[name]
        for key, value in re.findall(r"(\w+)='(\w+)'", asked.get("filter", "")):
            rows = [one for one in rows if one.get(key) == value]
        offset = int(asked.get("offset", 0))
        return rows[offset : offset + min(int(asked.get("limit", 100)), self.cut)]


def _stamped(source_id: str) -> dict[str, Any]:
    return {"sourcedId": source_id, "status": "active", "dateLastModified": "2026-11-01T00:00:00.000Z"}


def _to(kind: str, source_id: str) -> dict[str, str]:
    return {"sourcedId": source_id, "type": kind, "href": f"{kind}s/{source_id}"}


def _org(n: int) -> dict[str, Any]:
    return {**_stamped(f"o{n}"), "name": f"School {n}", "type": "school", "identifier": str(n)}


def _session(source_id: str, kind: str) -> dict[str, Any]:
    days = {"startDate": "2026-08-01", "endDate": "2027-06-30", "schoolYear": "2027"}
    return {**_stamped(source_id), "title": source_id, "type": kind, **days}


def _user(letter: str, n: int, role: str) -> dict[str, Any]:
    home = {"roleType": "primary", "role": role, "org": _to("org", f"o{n % SCHOOLS}")}
    name = {"givenName": f"Ada{n}", "familyName": f"Reed{n}", "username": f"{letter}{n}"}
    return {**_stamped(f"{letter}{n}"), **name, "enabledUser": "true", "roles": [home]}


def _course(n: int) -> dict[str, Any]:
    return {**_stamped(f"c{n}"), "title": f"Course {n}", "courseCode": f"C{n}", "org": _to("org", "o0")}


def _class(n: int) -> dict[str, Any]:
    refs = {"course": _to("course", f"c{n % 10}"), "school": _to("org", f"o{n % SCHOOLS}")}
    return {
        **_stamped(f"k{n}"),
        "title": f"Class {n}",
        "classType": "scheduled",
        **refs,
        "terms": [_to("session", "t")],
    }


def _enrollment(letter: str, n: int, role: str, section: int, k: int = 0) -> dict[str, Any]:
    refs = {
        "user": _to("user", f"{letter}{n}"),
        "class": _to("class", f"k{section}"),
        "school": _to("org", "o0"),
    }
    return {**_stamped(f"e{letter}{n}-{k}"), "role": role, **refs}


def _handler(server: BareOneRoster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._send(200, {"access_token": "invented", "token_type": "bearer", "expires_in": 3600})

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            name = parts.path.removeprefix(BASE)
            wait = server.wait_s(time.monotonic())
            if wait:
                self._send(429, b"<html><body>Slow down</body></html>", **{"Retry-After": str(wait)})
                return
            with server.lock:
                server.answered[name] += 1
                server.asked.append(name)
            if (single := server.single(name)) is not None:
                self._send(200, {"user": single})
                return
            if name not in server.lists:
                self._send(404, b"<html><body>Not here</body></html>")
                return
            key = {"schools": "orgs", "students": "users", "teachers": "users"}.get(name, name)
            self._send(200, {key: server.rows(name, {k: v[0] for k, v in parse_qs(parts.query).items()})})

        def _send(self, status: int, body: Any, **headers: str) -> None:
            is_page = isinstance(body, bytes)
            raw = body if is_page else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if is_page else "application/json")
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_told: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def bare_oneroster(**more: Any) -> Iterator[BareOneRoster]:
    """A server for the length of a block."""
    server = BareOneRoster(**more)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    http.daemon_threads = True
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()

"""A token server on loopback that rotates refresh tokens, notices reuse, and counts; it can be told to misbehave."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

FIRST_REFRESH = "planted-refresh-0"


@dataclass
class TokenServer:
    """What the server knows.

    ``after_rotation`` is called when a pair was made, before its answer is sent; True from it drops the answer.
    ``answers`` are given instead, one for each call, before any pair is made. ``hung_up`` counts the connections
    that clients have closed, ``headers`` are those of the last request of data. ``good_access`` with an empty text
    in it lets everybody in. ``location`` is where redirects among the answers lead.
    """

    port: int = 0
    life_s: int = 3600
    rotates: bool = True
    good_refresh: str = FIRST_REFRESH
    spent: set[str] = field(default_factory=set)
    good_access: set[str] = field(default_factory=set)
    calls: list[dict[str, str]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    api_calls: int = 0
    hung_up: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    reuse: int = 0
    scope: str | None = None
    location: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    after_rotation: Callable[[], bool] = lambda: False
    lock: Any = field(default_factory=threading.Lock)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def refreshes(self) -> int:
        return sum(one["grant_type"] == "refresh_token" for one in self.calls)

    def token(self, form: dict[str, str]) -> tuple[int, Any]:
        """Answer one token call; (0, None) drops the connection."""
        with self.lock:
            self.calls.append(form)
            if self.answers:
                return self.answers.pop(0)
            kind = form["grant_type"]
            if kind == "refresh_token" and form["refresh_token"] != self.good_refresh:
                if form["refresh_token"] in self.spent:
                    self.reuse += 1
                    self.good_refresh = ""
                return 400, {"error": "invalid_grant"}
            access = f"access-{secrets.token_hex(6)}"
            self.good_access = {access}
            body: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": self.life_s}
            if kind in ("refresh_token", "authorization_code") and self.rotates:
                self.spent.add(self.good_refresh)
                self.good_refresh = body["refresh_token"] = f"refresh-{secrets.token_hex(6)}"
            if self.scope is not None:
                body["scope"] = self.scope
        return (0, None) if self.after_rotation() else (200, body)


def _handler(server: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            form = {name: texts[0] for name, texts in parse_qs(raw).items()}
            if self.path == "/revoke":
                server.revoked.append(form["token"])
                self._send(*(server.answers.pop(0) if server.answers else (200, {})))
            else:
                status, body = server.token(form)
                more = {"Location": server.location} if status in (302, 307, 308) else {}
                self._send(status, body, **more)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                asked = {name: texts[0] for name, texts in parse_qs(parts.query).items()}
                back = urlencode({"code": "planted-code", "state": asked["state"], "iss": server.origin})
                self._send(302, {}, Location=f"{asked['redirect_uri']}?{back}")
                return
            with server.lock:
                server.api_calls += 1
                server.headers = {name.lower(): text for name, text in self.headers.items()}
                known = self.headers.get("authorization", "").removeprefix("Bearer ") in server.good_access
                known |= server.headers.get("x-api-key") in server.good_access or "" in server.good_access
            self._send(200 if known else 401, [])

        def _send(self, status: int, body: Any, **headers: str) -> None:
            if not status:
                self.close_connection = True
                return
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, text in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def finish(self) -> None:
            super().finish()
            server.hung_up += 1

        def log_message(self, *_told: Any) -> None:
            """Say nothing."""

    return Handler


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_told: Any) -> None:
        """A client that was killed is what the tests are about."""


@contextmanager
def token_server(**more: Any) -> Iterator[TokenServer]:
    """A server for the length of a block."""
    server = TokenServer(**more)
    http = _Quiet(("127.0.0.1", 0), _handler(server))
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()

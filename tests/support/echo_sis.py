"""A spiteful SIS: whatever it is sent comes back in its answers, headers, secrets and all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODES = ("api 500", "api 401", "api 400", "api html", "token 401", "token 500", "token html", "token json")


class _Echo(BaseHTTPRequestHandler):
    mode: str
    token: dict[str, Any]
    said: str

    def log_message(self, *_words: object) -> None:
        """Stay silent."""

    def _answer(self, status: int, kind: str, body: str) -> None:
        raw = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("X-Echo", self.said.replace("\n", " ")[:500])
        self.end_headers()
        self.wfile.write(raw)

    def _echo(self, body: str) -> None:
        what, how = self.mode.split()
        told = f"{self.said} {self.path} {body} {dict(self.headers)}"
        if self.command == "POST" and what == "api":
            return self._answer(200, "application/json", json.dumps(self.token))
        if how == "html":
            return self._answer(200, "text/html", f"<html><title>{told}</title>{told}</html>")
        error = {
            "error": told,
            "error_description": told,
            "message": told,
            "errorMessage": {"message": told},
            "imsx_description": told,
            told: told,
        }
        return self._answer(200 if how == "json" else int(how), "application/json", json.dumps(error))

    def do_GET(self) -> None:
        self._echo("")

    def do_POST(self) -> None:
        self._echo(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())


@contextmanager
def echo_sis(mode: str, *, token: dict[str, Any], said: str) -> Iterator[int]:
    """One spiteful SIS; its port. ``said`` is what it adds to every answer of its own accord."""
    kind = type("Echo", (_Echo,), {"mode": mode, "token": token, "said": said})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()

"""Sends one signed message, as the sender would, to see how it is answered."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from siscon.domain import signatures
from siscon.domain.errors import TransientError, UsageError
from siscon.domain.text import plain
from siscon.domain.webhooks import Scheme, Sender

WITHIN_S = 15.0
MOST_ANSWER = 4096


@dataclass(frozen=True, slots=True)
class Answered:
    """What a receiver said: its status, what it calls the outcome, and after how many milliseconds."""

    url: str
    status: int
    outcome: str
    took_ms: float


def address_for(sender: Sender, host: str, port: int) -> str:
    """Where the receiver of this configuration listens for a sender, as seen from this machine."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - nothing is bound
    return f"http://{f'[{here}]' if ':' in here else here}:{port}/webhooks/{sender.integration}"


def body_for(event: str, ids: Sequence[str], *, message_id: str) -> bytes:
    """A message in siscon's own words. With ``message_id`` in it two messages never have the same body."""
    told = {"type": event, "event_id": message_id, "ids": list(ids)}
    return json.dumps(told if ids else {"type": event, "event_id": message_id}).encode()


def send(sender: Sender, url: str, body: bytes, *, message_id: str, now_s: int) -> Answered:
    """Sign a body, send it once and read the answer; a redirect is not followed.

    Raises ``UsageError`` for an address that is none, ``TransientError`` where nobody answers.
    """
    signed = signatures.sign(sender, body, message_id=message_id, now_s=now_s)
    if sender.scheme is Scheme.SHARED_PATH:
        url = f"{url.rstrip('/')}/{quote(sender.secrets[0].reveal(), safe='')}"
    began_s = time.monotonic()
    try:
        parts = urlsplit(url)
        line = _line_to(parts.scheme, parts.hostname or "", parts.port)
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            line.request("POST", path or "/", body, _headers(signed))
            answer = line.getresponse()
            said = answer.read(MOST_ANSWER)
        finally:
            line.close()
    except ValueError as error:
        raise UsageError(
            "That is no address: write one such as https://hooks.example.org/webhooks/NAME"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise TransientError(
            f"Nobody answers at {plain(parts.netloc)}: {plain(why)}. Is 'siscon webhooks serve' running there?",
            code="no_receiver",
        ) from error
    took_ms = (time.monotonic() - began_s) * 1000
    shown = url if sender.scheme is not Scheme.SHARED_PATH else url.rpartition("/")[0] + "/***"
    return Answered(shown, answer.status, _outcome(said), round(took_ms, 1))


def _line_to(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if not host or scheme not in ("http", "https"):
        raise ValueError(scheme)
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=WITHIN_S, context=context)
    return http.client.HTTPConnection(host, port, timeout=WITHIN_S)


def _headers(signed: Mapping[str, str]) -> dict[str, str]:
    return {"Content-Type": "application/json", "User-Agent": "siscon", **signed}


def _outcome(said: bytes) -> str:
    try:
        told = json.loads(said)
        return plain(told["outcome"], limit=60)
    except (ValueError, KeyError, TypeError):
        return ""

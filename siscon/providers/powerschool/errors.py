"""How PowerSchool says that it is down, that a field is not granted, and that one should slow down."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from siscon.domain.errors import ProviderError, RateLimited, TransientError
from siscon.domain.retry import HINT_CAP_S
from siscon.domain.text import plain
from siscon.providers.contract import Answer
from siscon.providers.kit.coerce import as_list, as_map

_WAIT = re.compile(r"\b(\d{1,7})\s*(ms|milli)?", re.IGNORECASE)
_BAD_COLUMN = re.compile(
    r"invalid field specified: (\S+) is not valid column for table: (\S+)", re.IGNORECASE
)
_NO_ACCESS = re.compile(r"no access to the field[:\s]+(\S+)", re.IGNORECASE)
_SHOWN_AT_MOST = 20


def judge(answer: Answer) -> Exception | None:
    """PowerSchool's own answers: a redirect to its message host is an outage, 403 names the fields that are not
    granted, 400 a column that is not there, and throttling tells its wait in words.
    """
    if answer.status == 302:
        return _outage(answer.headers.get("location", ""))
    if answer.status not in (400, 403, 429, 500, 503):
        return None
    try:
        body = as_map(json.loads(answer.body))
    except (ValueError, RecursionError):
        return None
    message = body.get("message")
    words = message if isinstance(message, str) else ""
    if "too many requests" in words.lower():
        return throttled(words, answer.headers.get("retry-after", ""))
    if answer.status == 403:
        return _no_access(words, body)
    unknown = _BAD_COLUMN.search(words) if answer.status == 400 else None
    if unknown is None:
        return None
    return ProviderError(
        f"PowerSchool has no column {plain(unknown[1][:80])} in its table {plain(unknown[2][:80])}. No grant helps: "
        "correct the name in the plugin's query or in the integration's settings.",
        code="bad_column",
    )


def _outage(location: str) -> TransientError | None:
    """An outage sends everybody to ``https://message.<vendor>/?server=<host>``; any other redirect is refused."""
    try:
        target = urlsplit(location)
    except ValueError:
        return None
    if not (target.netloc.lower().startswith("message.") or "server" in parse_qs(target.query)):
        return None
    return TransientError(
        "PowerSchool is down: it redirects to its outage page. Sync again when it is back.", code="outage"
    )


def _no_access(words: str, body: Mapping[str, Any]) -> ProviderError | None:
    """The fields that a 403 names (``{"resource": "Students", "field": "DOB", "code": "NoAccess"}``)."""
    named: dict[str, None] = {}
    for one in map(as_map, as_list(body.get("errors"))):
        field, table = one.get("field"), one.get("resource")
        if not isinstance(field, str) or not field or one.get("code", "NoAccess") != "NoAccess":
            continue
        whole = field if "." in field or not isinstance(table, str) or not table else f"{table}.{field}"
        named[whole[:80]] = None
    told = _NO_ACCESS.search(words)
    if not named and told is not None:
        named[told[1].strip(".,;'\"")[:80]] = None
    if not named:
        return None
    shown = list(named)[:_SHOWN_AT_MOST]
    more = f" and {len(named) - len(shown)} more" if len(named) > len(shown) else ""
    return ProviderError(
        f"The PowerSchool plugin may not read {plain(', '.join(shown), limit=2_000)}{more}. Grant these fields in the "
        "access_request of its plugin.xml, raise its version, install it and enable it again.",
        code="no_access",
    )


def throttled(message: str, header: str = "") -> RateLimited:
    """The wait of a ``Retry-After`` in seconds, else the one that "too many requests, wait N seconds" asks for.

    A ``Retry-After`` that is a date is left to the client, which knows the time.
    """
    wait = _WAIT.search(message)
    seconds: float | None = None
    if header.strip().isdecimal():
        seconds = float(header.strip()[:9])
    elif not header and wait is not None:
        seconds = int(wait[1]) / (1000 if wait[2] else 1)
    return RateLimited(
        "PowerSchool asks to slow down; siscon waits as long as it asks.",
        retry_after_s=None if seconds is None else min(HINT_CAP_S, seconds),
    )

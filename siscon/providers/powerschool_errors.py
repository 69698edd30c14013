"""How PowerSchool says that it is down, that a field is not granted, and that one should slow down."""

from __future__ import annotations

import json
import re

from siscon.domain.errors import ProviderError, RateLimited, TransientError
from siscon.domain.text import plain
from siscon.providers.coerce import as_list, as_map
from siscon.providers.contract import Answer

_WAIT = re.compile(r"\b(\d{1,5})\s*(ms|milli|s)", re.IGNORECASE)


def judge(answer: Answer) -> Exception | None:
    """PowerSchool's own answers: 302 is an outage, 403 names missing fields, and throttling tells its wait in words."""
    if answer.status == 302:
        return TransientError(
            "PowerSchool is down: it redirects to its outage page. Sync again when it is back.", code="outage"
        )
    if answer.status not in (403, 429, 503):
        return None
    try:
        body = as_map(json.loads(answer.body))
    except (ValueError, RecursionError):
        return None
    message = body.get("message")
    words = message if isinstance(message, str) else ""
    if "too many requests" in words.lower():
        return throttled(words)
    errors = [as_map(one) for one in as_list(body.get("errors"))]
    fields = [str(one.get("field")) for one in errors if one.get("field")]
    if answer.status != 403 or not fields:
        return None
    return ProviderError(
        f"The PowerSchool plugin may not read {plain(', '.join(fields[:20]))}. "
        "Grant these fields in the plugin's access request and enable it again.",
        code="forbidden",
    )


def throttled(message: str) -> RateLimited:
    """The wait that a "too many requests, wait N seconds" asks for."""
    wait = _WAIT.search(message)
    seconds = None
    if wait is not None:
        seconds = min(900.0, int(wait[1]) / (1000 if wait[2].lower().startswith("m") else 1))
    return RateLimited(
        "PowerSchool asks to slow down; siscon waits as long as it asks.", retry_after_s=seconds
    )

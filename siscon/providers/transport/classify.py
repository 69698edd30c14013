"""From answer or exception to error: one table. The client asks the provider first, then this."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from siscon.domain.errors import AuthError, ProviderError, RateLimited, SisconError, TransientError
from siscon.domain.retry import retry_after_s
from siscon.domain.text import plain
from siscon.providers.contract import Answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one status means: the error's type, its code, what happened, and what usually causes it."""

    kind: type[SisconError]
    code: str
    meaning: str
    cause: str


_SERVER = "The SIS has a problem of its own: sync again later, and ask the vendor if it lasts."
_OURS = "The SIS does not accept the form of the request: look for a setting that does not fit its version."

STATUS: Mapping[int, Verdict] = {
    400: Verdict(ProviderError, "bad_request", "bad request", _OURS),
    401: Verdict(
        AuthError,
        "login_refused",
        "login refused",
        "Check client id and secret of the integration and renew them with the district.",
    ),
    402: Verdict(
        ProviderError,
        "not_licensed",
        "payment required",
        "The district's contract with the vendor does not cover this interface.",
    ),
    403: Verdict(
        ProviderError,
        "forbidden",
        "not permitted",
        "The login lacks a permission or scope: ask the district to grant it.",
    ),
    404: Verdict(
        ProviderError,
        "not_found",
        "not found",
        "Check base_url and the provider's settings; the module may not be enabled.",
    ),
    405: Verdict(
        ProviderError,
        "not_allowed",
        "method not allowed",
        "The SIS does not offer this list; check settings.",
    ),
    406: Verdict(ProviderError, "bad_request", "not acceptable", _OURS),
    408: Verdict(TransientError, "timeout", "request timeout", _SERVER),
    409: Verdict(ProviderError, "conflict", "conflict", "The SIS holds another version of what was sent."),
    410: Verdict(
        ProviderError, "gone", "gone", "This interface was withdrawn; check the provider's version setting."
    ),
    412: Verdict(
        ProviderError, "precondition", "precondition failed", "The SIS wants the request sent anew."
    ),
    413: Verdict(ProviderError, "too_large", "request too large", "Lower page_size."),
    414: Verdict(ProviderError, "bad_request", "address too long", _OURS),
    415: Verdict(ProviderError, "bad_request", "unsupported media type", _OURS),
    422: Verdict(ProviderError, "refused_values", "values refused", _OURS),
    425: Verdict(TransientError, "too_early", "too early", _SERVER),
    429: Verdict(RateLimited, "rate_limited", "too many requests", "siscon waits as long as the SIS asks."),
    500: Verdict(TransientError, "server_error", "internal error", _SERVER),
    501: Verdict(ProviderError, "not_offered", "not implemented", "The SIS does not offer this list."),
    502: Verdict(TransientError, "bad_gateway", "bad gateway", _SERVER),
    503: Verdict(TransientError, "unavailable", "service unavailable", _SERVER),
    504: Verdict(TransientError, "gateway_timeout", "gateway timeout", _SERVER),
    505: Verdict(ProviderError, "not_offered", "HTTP version not supported", "Check base_url."),
}

_REDIRECT = Verdict(
    ProviderError,
    "redirect_refused",
    "redirect refused",
    "siscon never follows redirects, for they could carry the token elsewhere: check base_url.",
)
_OTHER_4XX = Verdict(ProviderError, "refused", "refused", _OURS)
_OTHER_5XX = Verdict(TransientError, "server_error", "server error", _SERVER)
_ODD = Verdict(ProviderError, "unexpected_answer", "an unexpected status", "Check base_url.")

FAULTS: Mapping[str, Verdict] = {
    "TimeoutError": Verdict(TransientError, "timeout", "gave no whole answer in time", _SERVER),
    "ConnectTimeout": Verdict(
        TransientError, "unreachable", "could not be reached in time", "Check network, firewall and base_url."
    ),
    "PoolTimeout": Verdict(TransientError, "timeout", "had no free connection in time", _SERVER),
    "TimeoutException": Verdict(TransientError, "timeout", "did not answer in time", _SERVER),
    "ConnectError": Verdict(
        TransientError,
        "unreachable",
        "could not be reached",
        "Check network, firewall, base_url and certificate.",
    ),
    "UnsupportedProtocol": Verdict(ProviderError, "bad_url", "has an unusable address", "Check base_url."),
    "TransportError": Verdict(TransientError, "connection_lost", "broke off its answer", _SERVER),
    "InvalidURL": Verdict(ProviderError, "bad_url", "has an unusable address", "Check base_url."),
}
"""By name of the exception or of one of its bases, so that httpx and its successor are judged alike."""


def judge(answer: Answer, request: str, *, now: datetime, secret: str = "") -> SisconError:
    """The error that an answer other than 2xx means; ``request`` is its method and path without query."""
    verdict = STATUS.get(answer.status) or _by_class(answer.status)
    sentence = f"{request} answered {answer.status} ({verdict.meaning}). {verdict.cause}"
    detail = said(answer, secret=secret)
    if verdict.kind is RateLimited:
        hint = retry_after_s(answer.headers.get("retry-after"), now=now)
        return RateLimited(sentence, retry_after_s=hint, code=verdict.code, detail=detail)
    return verdict.kind(sentence, code=verdict.code, detail=detail)


def _by_class(status: int) -> Verdict:
    if 300 <= status < 400:
        return _REDIRECT
    if 400 <= status < 500:
        return _OTHER_4XX
    return _OTHER_5XX if 500 <= status < 600 else _ODD


def judge_fault(error: BaseException, request: str) -> SisconError | None:
    """The error that a failed exchange means; None: not a fault of the exchange."""
    for kind in type(error).__mro__:
        verdict = FAULTS.get(kind.__name__)
        if verdict is not None:
            sentence = f"{request}: the SIS {verdict.meaning}. {verdict.cause}"
            return verdict.kind(sentence, code=verdict.code, detail=type(error).__name__)
    return None


_SAID = ("message", "imsx_description", "error_description", "error", "detail", "title")


def said(answer: Answer, *, secret: str = "") -> str:
    """What the server says of itself, one safe line for the log; never a body as a whole."""
    text = answer.body[:20_000].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        words = "a web page: " + re.sub(r"<[^>]*>|\s+", " ", text[:2_000])[:80].strip()
    else:
        words = _message_in(text)
    if secret:
        words = words.replace(secret, "***")
    return plain(words, limit=200)


def _message_in(text: str) -> str:
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if isinstance(body, dict):
        body = body.get("imsx_statusInfo", body)
    if not isinstance(body, dict):
        return ""
    for name in _SAID:
        if isinstance(body.get(name), str):
            return str(body[name])
    return ""

"""From answer or exception to error: one table. The client asks the provider first, then this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from siscon.domain.errors import AuthError, ProviderError, RateLimited, SisconError, TransientError
from siscon.domain.privacy import Secret
from siscon.domain.retry import retry_after_s
from siscon.providers.contract import Answer
from siscon.providers.transport.said import meaning_of, said


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


def judge(answer: Answer, request: str, *, now: datetime, secrets: Iterable[Secret] = ()) -> SisconError:
    """The error that an answer other than 2xx means; ``request`` is its method and path without query.

    The status decides; a code in the body only says more precisely what to do. None of ``secrets`` is repeated.
    """
    verdict = STATUS.get(answer.status) or _by_class(answer.status)
    cause = (meaning_of(answer) if verdict.kind is ProviderError else None) or verdict.cause
    sentence = f"{request} answered {answer.status} ({verdict.meaning}). {cause}"
    detail = said(answer, secrets)
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

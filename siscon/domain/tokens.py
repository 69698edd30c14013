"""Access tokens: what they are, how well they are, and when a new one is due."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from siscon.domain.errors import AuthError, TransientError
from siscon.domain.privacy import Secret

REFRESH_BEFORE_S = 600
"""A token is renewed ten minutes before its end, or after 80 % of a life shorter than 20 minutes."""


class AnswerLost(TransientError):
    """A refresh token was sent and its answer did not come whole: it may be spent."""

    default_code = "answer_lost"


class NeedsPerson(AuthError):
    """No token can be had until a person has allowed it."""

    default_code = "needs_person"


class TokenHealth(StrEnum):
    NONE = "none"
    GOOD = "good"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REFRESHING = "refreshing"
    REVOKED = "revoked"
    NEEDS_PERSON = "needs a person"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. Moments are milliseconds since 1970, UTC; ``expires_at_ms`` None: the SIS did not say."""

    access: Secret
    obtained_at_ms: int
    expires_at_ms: int | None
    refresh: Secret | None = None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class TokenState:
    """What may be shown of a token: everything but the token.

    ``failures``: so often in a row no new one came, faults that pass by themselves not counted.
    """

    integration: str
    health: TokenHealth
    obtained_at_ms: int | None
    expires_at_ms: int | None
    refresh_at_ms: int | None
    failures: int
    last_error: str
    scope: str = ""


def refresh_at_ms(token: Token, *, jitter_s: float = 0.0) -> int | None:
    """When to renew: ten minutes (plus jitter) before the end, at 80 % of a short life; None: never by itself."""
    if token.expires_at_ms is None:
        return None
    life_ms = token.expires_at_ms - token.obtained_at_ms
    early_ms = int((REFRESH_BEFORE_S + jitter_s) * 1000)
    if life_ms <= 2 * REFRESH_BEFORE_S * 1000:
        return token.obtained_at_ms + life_ms * 8 // 10
    return token.expires_at_ms - early_ms


def health_at(token: Token | None, *, now_ms: int, failures: int = 0) -> TokenHealth:
    """How a token is at a moment; with failures in a row and no living token a person is needed."""
    if token is None:
        return TokenHealth.NEEDS_PERSON if failures else TokenHealth.NONE
    if token.expires_at_ms is None:
        return TokenHealth.GOOD
    if now_ms >= token.expires_at_ms:
        return TokenHealth.NEEDS_PERSON if failures else TokenHealth.EXPIRED
    due_ms = refresh_at_ms(token)
    return TokenHealth.EXPIRING if due_ms is not None and now_ms >= due_ms else TokenHealth.GOOD


def missing_scopes(asked: str, granted: str) -> tuple[str, ...]:
    """The scopes that were asked for and not granted (RFC 6749, section 3.3: lists separated by spaces)."""
    have = set(granted.split())
    return tuple(one for one in dict.fromkeys(asked.split()) if one not in have)

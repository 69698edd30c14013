"""The error tree. The type says what to do; the code groups; the sentence tells a person what to do next.

SisconError
 +- TransientError          try again, later and slower
 |   +- RateLimited         ... not before the SIS allows it
 +- AuthError               one new token, then a person
 +- RecordError             this record only: bury it, go on
 +- ProviderError           the answer makes no sense or the SIS refuses: the run fails
 +- DatabaseError           roll back, the run fails
 +- ConfigError             do not start
 +- UsageError              the request cannot be done as asked
Signal
 +- Cancelled               a person asked for the end
 +- LeaseLost               another engine has taken over: write nothing more
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Category(StrEnum):
    """Whose field the fault lies in; errors are grouped by it on screen."""

    NETWORK = "network"
    AUTH = "auth"
    RATE_LIMIT = "rate limit"
    VALIDATION = "validation"
    PROVIDER = "provider"
    DATABASE = "database"
    CONFIG = "config"
    USAGE = "usage"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class SisconError(Exception):
    """Every expected fault.

    ``code`` is stable and groups equal causes; ``sentence`` is for people and says what happened, where and what
    to do next; ``detail`` is for the log. Neither holds secrets or pupils' data.
    """

    category: ClassVar[Category] = Category.PROVIDER
    severity: ClassVar[Severity] = Severity.HIGH
    default_code: ClassVar[str] = "error"

    def __init__(self, sentence: str, *, code: str | None = None, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or self.default_code
        self.detail = detail


class TransientError(SisconError):
    category = Category.NETWORK
    severity = Severity.MEDIUM
    default_code = "unreachable"


class RateLimited(TransientError):
    """The SIS asks to wait ``retry_after_s`` seconds (None: it does not say how long)."""

    category = Category.RATE_LIMIT
    severity = Severity.LOW
    default_code = "rate_limited"

    def __init__(
        self, sentence: str, *, retry_after_s: float | None, code: str | None = None, detail: str = ""
    ) -> None:
        super().__init__(sentence, code=code, detail=detail)
        self.retry_after_s = retry_after_s


class AuthError(SisconError):
    category = Category.AUTH
    default_code = "login_refused"


class RecordError(SisconError):
    category = Category.VALIDATION
    severity = Severity.LOW
    default_code = "bad_record"

    def __init__(
        self, sentence: str, *, field: str | None = None, code: str | None = None, detail: str = ""
    ) -> None:
        super().__init__(sentence, code=code, detail=detail)
        self.field = field


class ProviderError(SisconError):
    default_code = "unexpected_answer"


class DatabaseError(SisconError):
    category = Category.DATABASE
    severity = Severity.CRITICAL
    default_code = "database"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong in a configuration: place as ``line`` and ``column`` from 1 (0: unknown), path, sentence."""

    path: str
    sentence: str
    line: int = 0
    column: int = 0


class ConfigError(SisconError):
    """Every complaint about a configuration at once."""

    category = Category.CONFIG
    default_code = "config"

    def __init__(
        self,
        sentence: str,
        *,
        complaints: tuple[Complaint, ...] = (),
        file: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(sentence, code=code)
        self.complaints = complaints
        self.file = file


NOT_ALLOWED = "not_allowed"
"""The code of a ``UsageError`` for somebody whose role does not reach."""


class UsageError(SisconError):
    category = Category.USAGE
    severity = Severity.LOW
    default_code = "usage"


class Signal(Exception):
    """Not an error: stop at the next step and write nothing that was not asked for."""


class Cancelled(Signal):
    """A person asked for the end."""


class LeaseLost(Signal):
    """Another engine holds the lease now."""

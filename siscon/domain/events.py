"""Everything that the engine reports: the kinds of events, and how loud each is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    ENGINE_STARTED = "engine started"
    ENGINE_STOPPED = "engine stopped"
    INTEGRATION_ACTIVATED = "integration activated"
    PROVIDER_CHANGED = "provider changed"
    INTEGRATION_REMOVED = "integration removed"
    RUN_QUEUED = "run queued"
    RUN_STARTED = "run started"
    RUN_RESUMED = "run resumed"
    RUN_ENDED = "run ended"
    RUN_HELD = "run held"
    RUN_WAITING = "run waits"
    RECORD_SET_ASIDE = "record set aside"
    ROLLOVER = "rollover"
    POSSIBLE_DUPLICATES = "possible duplicates"
    CONFLICT_SETTLED = "conflict settled"
    RECORDS_EDITED = "records edited"
    RECORDS_GIVEN_UP = "records given up"
    RECORDS_GONE = "records gone"
    ENTITY_DONE = "entity done"
    PAGE_NOTE = "page note"
    BREAKER_OPENED = "breaker opened"
    BREAKER_CLOSED = "breaker closed"
    TOKEN_RENEWED = "token renewed"
    TOKEN_FAILED = "token failed"
    TOKEN_REVOKED = "token revoked"
    RUN_PAUSED = "run paused"
    INTEGRATION_PAUSED = "integration paused"
    INTEGRATION_RESUMED = "integration resumed"
    SCHEDULE_MISSED = "schedule missed"
    WEBHOOKS_REFUSED = "webhooks refused"
    WEBHOOKS_GIVEN_UP = "webhooks given up"
    SCHEDULE_HELD_BACK = "schedule held back"
    BLACKOUT = "blackout"
    TASK_FAILED = "task failed"
    NOTICE_SENT = "notice sent"
    NOTICE_FAILED = "notice failed"
    DATABASE_RESTORED = "database restored"


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. ``text`` is a sentence without pupils' data; ``id`` grows."""

    id: int
    at_ms: int
    kind: EventKind
    level: Level
    integration: str | None
    run_id: int | None
    text: str

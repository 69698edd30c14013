"""Dead records: what could not be applied, and why; grouped by cause."""

from __future__ import annotations

from dataclasses import dataclass

from siscon.domain.records import Entity


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """One record that waits for retry or discard.

    ``record_key`` is the external id, or ``#`` and a hash of the raw answer where not even the id could be read; of a
    ``part`` of a record it is the id, ``#`` and the part. ``digest`` tells what the SIS had said from anything else.
    """

    id: int
    integration: str
    entity: Entity
    record_key: str
    external_id: str | None
    run_id: int
    status: str
    code: str
    category: str
    severity: str
    field: str | None
    reason: str
    attempts: int
    first_seen_at_ms: int
    last_seen_at_ms: int
    part: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead records with one cause."""

    integration: str
    entity: Entity
    code: str
    category: str
    severity: str
    field: str | None
    reason: str
    count: int
    first_seen_at_ms: int
    last_seen_at_ms: int

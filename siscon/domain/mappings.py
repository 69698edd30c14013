"""Mappings: the tie between the SIS's name for a record and ours."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from siscon.domain.records import CALLED_BY, Entity

INTEGRATION_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}\Z")
"""What an integration may be called: the name becomes part of a table's name."""


class SyncStatus(StrEnum):
    PENDING = "pending"
    SYNCED = "synced"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Mapping:
    """One tie. ``internal_id`` is None while the record could never be applied.

    ``base`` is the body (JSON text of the fields) last agreed on and ``fingerprint`` its hash; an empty
    fingerprint says that the last body was applied only in part and must be looked at again.
    """

    entity: Entity
    external_id: str
    internal_id: int | None
    sync_status: SyncStatus
    last_synced_at_ms: int | None
    error_message: str
    fingerprint: str
    base: str
    missing_since_ms: int | None

    @property
    def called(self) -> str:
        """What people call the record, from the fields last agreed on; empty before there were any."""
        fields = json.loads(self.base)
        return " ".join(fields[name] for name in CALLED_BY[self.entity] if fields.get(name))

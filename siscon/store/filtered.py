"""By which names each list that grows can be filtered, what stands behind a name, and what is compared with it."""

from __future__ import annotations

from siscon.domain.filters import Kind, Named
from siscon.domain.records import CALLED_BY, Entity
from siscon.store.filtering import Fields, FromJson

_INTEGRATION = Named("integration", Kind.WORD)
_ENTITY = Named("entity", Kind.WORD)

DEAD_RECORDS: Fields = {
    _INTEGRATION: "integration",
    _ENTITY: "entity",
    Named("id", Kind.ID, ("external_id",)): "coalesce(external_id, record_key)",
    Named("cause", Kind.WORD, ("code",)): "code",
    Named("category", Kind.WORD): "category",
    Named("severity", Kind.WORD): "severity",
    Named("field"): "field",
    Named("reason"): "reason",
    Named("attempts", Kind.NUMBER, ("tries",)): "attempts",
    Named("run", Kind.NUMBER, ("run_id",)): "run_id",
    Named("number", Kind.NUMBER): "id",
    Named("age", Kind.PAST, ("first_seen", "first_seen_at")): "first_seen_at_ms",
    Named("seen", Kind.PAST, ("last_seen", "last_seen_at")): "last_seen_at_ms",
}

CONFLICTS: Fields = {
    _INTEGRATION: "integration",
    _ENTITY: "entity",
    Named("id", Kind.ID, ("external_id",)): "external_id",
    Named("kind", Kind.WORD): "kind",
    Named("fields", Kind.TEXT, ("field",)): "(SELECT group_concat(key, ', ') FROM json_each(sis))",
    Named("why"): "why",
    Named("other", Kind.ID, ("other_external_id",)): "other_external_id",
    Named("internal", Kind.NUMBER, ("internal_id",)): "internal_id",
    Named("run", Kind.NUMBER, ("run_id",)): "run_id",
    Named("number", Kind.NUMBER): "id",
    Named("age", Kind.PAST, ("opened", "opened_at")): "opened_at_ms",
}


def _called() -> str:
    """What people call a record, from the fields last agreed on, in SQL; see ``Mapping.called``."""
    cases = []
    for entity in Entity:
        names = [f"nullif(base ->> '$.{name}', '')" for name in CALLED_BY[entity]]
        told = " || ".join(f"coalesce(' ' || {name}, '')" for name in names)
        cases.append(f"WHEN '{entity.value}' THEN substr({told}, 2)")
    return f"CASE entity_type {' '.join(cases)} END"


MAPPINGS: Fields = {
    Named("entity", Kind.WORD, ("entity_type",)): "entity_type",
    Named("id", Kind.ID, ("external_id",)): "external_id",
    Named("name"): FromJson(_called(), "base"),
    Named("internal", Kind.NUMBER, ("internal_id",)): "internal_id",
    Named("status", Kind.WORD, ("state", "sync_status")): "sync_status",
    Named("synced", Kind.PAST, ("last_synced", "last_synced_at")): "last_synced_at",
    Named("missing", Kind.PAST, ("missing_since",)): "missing_since",
    Named("message", Kind.TEXT, ("error_message",)): "error_message",
}

RUNS: Fields = {
    _INTEGRATION: "integration",
    Named("run", Kind.NUMBER, ("id", "number")): "id",
    Named("status", Kind.WORD, ("state", "end")): "status",
    Named("kind", Kind.WORD): "kind",
    Named("lane", Kind.WORD): "lane",
    Named("phase", Kind.WORD): "phase",
    Named("by", Kind.TEXT, ("requested_by",)): "requested_by",
    Named("reason"): "reason",
    Named("cause", Kind.WORD, ("error_code",)): "error_code",
    Named("error"): "error",
    Named("requests", Kind.NUMBER): "requests",
    Named("attempt", Kind.NUMBER): "attempt",
    Named("queued", Kind.PAST, ("queued_at",)): "queued_at_ms",
    Named("started", Kind.PAST, ("started_at",)): "started_at_ms",
    Named("ended", Kind.PAST, ("finished", "finished_at")): "finished_at_ms",
    Named("took", Kind.NUMBER): "(finished_at_ms - started_at_ms) / 1000",
}

EVENTS: Fields = {
    Named("at", Kind.PAST, ("when", "age")): "at_ms",
    Named("level", Kind.WORD): "level",
    Named("kind", Kind.WORD): "kind",
    _INTEGRATION: "integration",
    Named("run", Kind.NUMBER, ("run_id",)): "run_id",
    Named("text"): "text",
}

REQUESTS: Fields = {
    Named("at", Kind.PAST, ("when", "age")): "left_at_ms",
    Named("who", Kind.TEXT, ("actor", "by")): "actor",
    Named("what", Kind.TEXT, ("kind",)): "kind",
    Named("state", Kind.WORD, ("status",)): "status",
    Named("answer"): "answer",
    Named("run", Kind.NUMBER, ("run_id",)): "run_id",
}

AUDIT: Fields = {
    Named("act", Kind.NUMBER, ("number",)): "seq",
    Named("at", Kind.PAST, ("when", "age")): "at_ms",
    Named("who", Kind.TEXT, ("actor", "by")): "actor",
    Named("what", Kind.TEXT, ("action",)): "action",
    Named("on", Kind.TEXT, ("target",)): "target",
    Named("detail"): "detail",
}

PLANNED: Fields = {
    Named("entity", Kind.WORD): "entity",
    Named("id", Kind.ID, ("external_id",)): "external_id",
    Named("verdict", Kind.WORD): "verdict",
}

"""How every integration is doing, as rows: what ``siscon status`` says in the morning."""

from __future__ import annotations

from siscon.domain.freshness import Fresh
from siscon.ops import views
from siscon.ops.rows import Row, iso
from siscon.store.database import Database


async def health_rows(db: Database, *, now_ms: int) -> list[Row]:
    """A row for each integration, those that need a person first."""
    found = sorted(await views.health(db, now_ms=now_ms), key=lambda view: view.urgency)
    return [health_row(view, now_ms=now_ms) for view in found]


def health_row(view: views.Health, *, now_ms: int) -> Row:
    """One integration: its state, whether somebody must look, how fresh each entity is, what of its budget is left."""
    one = view.integration
    return {
        "integration": one.name,
        "state": view.state.value,
        "needs_person": view.needs_person,
        "last_good_at": iso(one.last_good_at_ms),
        "failing_since": iso(one.failing_since_ms),
        "next_due_at": iso(one.starts_next_ms(now_ms)),
        "paused": one.rests(now_ms),
        "paused_until": iso(one.paused_until_ms) if one.rests(now_ms) else None,
        "held_back_by": view.held_back.blackout.name if view.held_back else None,
        "held_back_until": iso(view.held_back.end_ms) if view.held_back else None,
        "why": view.held_run.error if view.held_run else one.last_error,
        "webhooks": view.webhooks_fail or None,
        "login": view.login.value,
        "breaker": one.breaker_state,
        "requests_per_minute": one.requests_per_minute,
        "requests_left": view.budget.left if view.budget.per_minute else None,
        "errors": view.dead,
        "conflicts": view.conflicts,
        "entities": [_fresh_row(fresh, now_ms=now_ms) for fresh in view.fresh],
    }


def _fresh_row(fresh: Fresh, *, now_ms: int) -> Row:
    return {
        "entity": fresh.entity.value,
        "last_good_at": iso(fresh.ended_ms),
        "age_s": max(0, now_ms - fresh.ended_ms) // 1000,
        "run_id": fresh.run_id,
        "fetched": fresh.fetched,
        "late": fresh.late,
        "empty": fresh.emptied,
    }

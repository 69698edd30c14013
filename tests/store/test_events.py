"""Events: in order, and by run."""

from __future__ import annotations

from siscon.domain.events import Event, EventKind, Level
from siscon.store import events
from siscon.store.database import Connection, Database


async def report(c: Connection, text: str, *, run_id: int | None = None, at_ms: int = 1) -> None:
    await events.append(
        c, EventKind.RUN_STARTED, Level.INFO, text, integration="a", run_id=run_id, at_ms=at_ms
    )


async def test_events_come_in_order_and_of_one_run(db: Database) -> None:
    async with db.transaction() as c:
        for number in range(4):
            await report(c, str(number), run_id=number % 2)

        assert [one.text for one in await events.after(c, 1, limit=2)] == ["1", "2"]
        assert [one.text for one in await events.latest(c, limit=2)] == ["3", "2"]
        assert await events.latest(c, run_id=1, limit=1) == [
            Event(4, 1, EventKind.RUN_STARTED, Level.INFO, "a", 1, "3")
        ]


async def test_a_kind_that_only_a_newer_engine_knows_is_shown_as_a_note(db: Database) -> None:
    async with db.transaction() as c:
        await c.run(
            "INSERT INTO events (at_ms, kind, level, text) VALUES (1, 'moon landed', 'info', 'it did')"
        )

        assert [(one.kind, one.text) for one in await events.latest(c)] == [(EventKind.PAGE_NOTE, "it did")]

"""Questions of who is who, asked of a house, decided, and taken back."""

from __future__ import annotations

from typing import Any

from siscon.domain.commands import CommandRow, CommandStatus, SettleConflict, UndoRun
from siscon.domain.conflicts import Conflict
from siscon.domain.records import Entity
from siscon.domain.runs import RunStatus
from siscon.store import conflicts, records
from siscon.store.records import RecordRow
from support.house import NAME, TestHouse


async def student(house: TestHouse, external_id: str = "u1") -> RecordRow | None:
    """One student as it stands, or None."""
    async with house.db.read() as c:
        return await records.show(c, NAME, Entity.STUDENT, external_id)


async def open_ones(house: TestHouse) -> list[Conflict]:
    """The open questions."""
    async with house.db.read() as c:
        return await conflicts.list_open(c)


async def decide(house: TestHouse, word: str, conflict: Conflict | None = None, **more: str) -> CommandRow:
    """Answer the one open question, or the one given."""
    (one,) = [conflict] if conflict else await open_ones(house)
    choices = {"identity": word, **more}
    return await house.ask(
        SettleConflict(one.id, choices, one.sis_fingerprint, one.local_version, "asked the school")
    )


async def put_back(house: TestHouse, run_id: int) -> tuple[RunStatus, int]:
    """Undo a run; the state in which that rests, and its number."""
    (row,) = await house.rows(f"SELECT count(*) AS n FROM changes WHERE run_id = {run_id}")
    asked = await house.ask(UndoRun(run_id, "", "", row["n"], "a mistake"))
    assert asked.status is CommandStatus.DONE, asked.answer
    assert asked.run_id is not None
    return await house.carry_on(asked.run_id), asked.run_id


async def quiet(house: TestHouse) -> None:
    """Two more syncs change nothing."""
    for _ in range(2):
        before = await house.content()
        _, counts = await house.sync()
        assert all(one.reconciles for one in counts.values())
        assert all(one.created + one.updated + one.withdrawn == 0 for one in counts.values())
        assert await house.content() == before


async def teachers(house: TestHouse) -> dict[str, list[str]]:
    """Section -> its teachers, by external ids."""
    rows = await house.rows(
        f"SELECT x.external_id AS section, p.external_id AS staff FROM section_instructors i "
        f"JOIN {NAME}_mappings x ON x.internal_id = i.owner JOIN {NAME}_mappings p ON p.internal_id = i.target "
        "ORDER BY x.external_id, p.external_id"
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["section"], []).append(row["staff"])
    return found


async def roster(house: TestHouse) -> dict[str, list[dict[str, Any]]]:
    """Everything about people but versions and moments."""
    moving = {"version", "created_at_ms", "updated_at_ms", "edited_at_ms"}
    tables = ("students", "enrollments", "sections", "section_instructors", "aliases")
    return {
        table: [
            {name: value for name, value in row.items() if name not in moving}
            for row in await house.rows(f"SELECT * FROM {table}")
        ]
        for table in tables
    }

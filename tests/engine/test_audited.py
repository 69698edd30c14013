"""What the engine does by itself is in the audit; and where the audit cannot be written, nothing is done."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.commands import PauseIntegration, StartRun
from siscon.domain.errors import DatabaseError
from siscon.domain.roles import Role
from siscon.domain.runs import RunStatus
from siscon.engine import inbox
from siscon.engine.judging import judge_of
from siscon.engine.moments import wall_ms
from siscon.ops import keys
from siscon.ops.actor import current_actor
from siscon.ops.checks import Screen, State
from siscon.ops.doctor import examine
from siscon.store import audit, commands, integrations
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.engines import living_engine, settings_for
from support.fake_sis import small_district

REFUSES = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END"


async def acts(db: SqliteDatabase) -> list[tuple[str, str, str, dict[str, Any]]]:
    async with db.read() as c:
        return [(one.actor, one.action, one.target, dict(one.detail)) for one in await audit.entries(c)]


async def refuse(db: SqliteDatabase) -> None:
    async with db.transaction() as c:
        await c.run(REFUSES)


async def count(db: SqliteDatabase, sql: str) -> int:
    async with db.read() as c:
        row = await c.one(sql)
    assert row is not None
    return int(row[0])


async def test_a_run_is_told_from_its_beginning_to_its_end_with_counts_and_digests(
    db: SqliteDatabase, vault: Vault, tmp_path: Path
) -> None:
    async with living_engine(db, settings_for(tmp_path), vault, sis=small_district()) as engine:
        row = await engine.ask(StartRun("harbor"))
        run = await engine.reaches(row.run_id, RunStatus.COMPLETED)

    told = await acts(db)
    [begin] = [one for one in told if one[1] == "begin run"]
    [end] = [one for one in told if one[1] == "end run"]
    applied = [one for one in told if one[1] == "apply"]
    assert begin == (
        "engine",
        "begin run",
        "harbor",
        {"run": run.id, "kind": "import", "for": "ann(1000)", "attempt": 1},
    )
    assert (end[0], end[3]["status"], end[3]["run"]) == ("engine", "completed", run.id)
    created = {one[2].partition("/")[2]: one[3]["created"] for one in applied}
    assert {entity: one["created"] for entity, one in end[3]["counts"].items()} == created
    assert all(len(one[3]["digest"]) == 64 and one[0] == f"run:{run.id}" for one in applied)
    assert told.index(begin) < told.index(applied[0]) < told.index(end)


async def test_settings_are_told_once_and_again_when_they_or_the_roles_are_others(
    db: SqliteDatabase, vault: Vault, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path)
    others = settings.model_validate({**settings.model_dump(), "roles": {"viewers": ["eva"]}})
    for one in (settings, settings, others, others, settings):
        async with living_engine(db, one, vault):
            pass

    used = [one[3] for one in await acts(db) if one[1] == "use settings"]
    assert [one["roles"] for one in used] == [None, {"admins": [], "operators": [], "viewers": ["eva"]}, None]
    assert used[0]["digest"] == used[2]["digest"] != used[1]["digest"]
    assert "planted-secret" not in json.dumps(used)


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"time_zone": "Europe/Oslo"}, State.WARN),
        ({"console": {"theme": "light"}}, State.OK),
        ({}, State.OK),
    ],
)
async def test_the_doctor_says_when_the_engine_goes_by_other_settings_than_are_written_now(
    db: SqliteDatabase, vault: Vault, tmp_path: Path, changed: dict[str, Any], state: State
) -> None:
    settings = settings_for(tmp_path)
    now = settings.model_validate({**settings.model_dump(), **changed})
    pipe = Screen(is_terminal=False, columns=80, lines=24, encoding="utf-8")
    async with living_engine(db, settings, vault):
        checks = await examine(lambda: now, {}, screen=pipe, now_ms=wall_ms(), thorough=False)

    (told,) = [one for one in checks if one.name == "engine"]
    assert (told.state, "goes by other settings than these" in told.seen) == (state, state is State.WARN)


async def test_a_command_that_the_audit_cannot_tell_is_not_carried_out(
    db: SqliteDatabase, vault: Vault, tmp_path: Path
) -> None:
    async with db.transaction() as c:
        await integrations.activate(
            c, name="harbor", provider="fake", title="Fake", schedule="", requests_per_minute=0, now_ms=1
        )
        id_ = await commands.leave(c, PauseIntegration("harbor"), actor=current_actor(), now_ms=1)
    await refuse(db)

    with pytest.raises(DatabaseError):
        await inbox.carry_out(
            db, vault=vault, live=None, judge=judge_of(settings_for(tmp_path)), now_ms=lambda: 2
        )
    assert await count(db, "SELECT paused FROM integrations") == 0
    assert await count(db, f"SELECT status = 'pending' FROM commands WHERE id = {id_}") == 1


async def test_a_run_that_the_audit_cannot_tell_does_not_begin(
    db: SqliteDatabase, vault: Vault, tmp_path: Path
) -> None:
    async with living_engine(db, settings_for(tmp_path), vault, sis=small_district()) as engine:
        row = await engine.ask(PauseIntegration("harbor"))
        assert row.answer
        await refuse(db)
        async with db.transaction() as c:
            await c.run(
                "INSERT INTO runs (integration, kind, lane, status, entities, requested_by, queued_at_ms) "
                "VALUES ('harbor', 'import', 'bulk', 'queued', '[]', 'ann(1000)', 1)"
            )
        await asyncio.wait_for(db.changed(timeout_s=1.0), 2)
        await db.changed(timeout_s=1.0)

    assert await count(db, "SELECT count(*) FROM runs WHERE status = 'queued' AND started_at_ms IS NULL") == 1
    assert await count(db, "SELECT count(*) FROM students") == 0


async def test_keys_that_the_audit_cannot_tell_are_not_changed(
    db: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SISCON_KEY", raising=False)
    keys.generate(tmp_path / "siscon.key")
    before = (tmp_path / "siscon.key").read_bytes()
    await refuse(db)

    with pytest.raises(DatabaseError):
        await keys.rotate(db, keys.source_of(tmp_path), actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 1)
    assert (tmp_path / "siscon.key").read_bytes() == before

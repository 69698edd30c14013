"""Keys from the desk: rotation beside an engine, killed at every point, and what may be taken out of use."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from siscon.domain.errors import DatabaseError, UsageError
from siscon.domain.leases import EngineInfo
from siscon.domain.privacy import Secret
from siscon.domain.records import Entity
from siscon.domain.roles import Role
from siscon.domain.tokens import Token
from siscon.ops import audit as audit_desk
from siscon.ops import keys as desk
from siscon.ops.activity import AuditLog
from siscon.store import audit, dead_records, heads, keys, leases, rekey, tokens
from siscon.store.database import Connection, Database
from siscon.store.keys import Source
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault
from support.databases import activate

DEAD = 450
POINTS = ("key written", "rotation begun", "batch sealed", "batch committed", "all sealed")
CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from siscon.domain.roles import Role
from siscon.ops import keys
from siscon.store.sqlite import open_database

async def main(home, point, hit):
    seen = []
    def on_step(name):
        seen.append(name)
        if name == point and seen.count(name) == hit:
            os.kill(os.getpid(), signal.SIGKILL)
    db = await open_database(home / "siscon.db")
    try:
        await keys.rotate(db, keys.source_of(home), actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 2, on_step=on_step)
    finally:
        await db.close()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture(autouse=True)
def no_keys_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (keys.CREDENTIALS, keys.NAMED_FILE, keys.VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(tmp_path / "siscon.db", synchronous="normal")
    try:
        await fill(database, keys.load_keys(tmp_path, {}, create=True))
        yield database
    finally:
        await database.close()


async def fill(db: Database, vault: Vault, *, dead: int = DEAD) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        await tokens.save(c, vault, "a", Token(Secret("access"), 0, None, refresh=Secret("refresh")))
        await audit.append(c, vault, actor="x", action="y", target="z", detail={}, at_ms=1)
        await bury(c, vault, range(dead))


async def bury(c: object, vault: Vault, numbers: range) -> None:
    entries = [
        dead_records.DeadEntry(
            *("a", Entity.STUDENT, f"k{n}", None, 1, "bad", "validation", "low", None, "why"),
            vault.seal(f"raw {n}", place=dead_records.place_of("a", Entity.STUDENT, f"k{n}")),
        )
        for n in numbers
    ]
    await dead_records.bury(c, entries, now_ms=1)  # type: ignore[arg-type] # a connection


async def all_readable(db: Database, home: Path, *, dead: int = DEAD) -> bool:
    vault = keys.open_vault(desk.source_of(home))
    async with db.read() as c:
        token = await tokens.load(c, vault, "a")
        found = await rekey.counts(c)
        assert await audit.verify(c, vault) is None
    assert token is not None
    assert (token.access.reveal(), token.refresh) == ("access", Secret("refresh"))
    total = sum(one["dead_records"] for one in found.values())
    return total == dead and not (await rekey.unreadable(db, vault)).total()


def rotate(db: Database, home: Path) -> asyncio.Future[desk.Rotation]:
    return asyncio.ensure_future(
        desk.rotate(db, desk.source_of(home), actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 2)
    )


async def test_a_rotation_seals_everything_anew_and_the_old_key_can_go(db: Database, tmp_path: Path) -> None:
    old = keys.open_vault(desk.source_of(tmp_path)).key_id
    done = await rotate(db, tmp_path)

    assert (done.is_new, done.resealed, done.left) == (True, DEAD + 3, 0)
    report = await desk.check(db, desk.source_of(tmp_path))
    assert report.is_good
    assert [(one.key_id, one.seals, one.protects.total()) for one in report.keys] == [
        (done.key_id, True, DEAD + 3),
        (old, False, 0),
    ]
    source = desk.source_of(tmp_path)
    asked = await desk.prune(db, source, confirmed=False, actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 3)
    assert (asked.protects, asked.removed, len(source.read())) == ({old: 0}, [], 2)
    await desk.prune(db, source, confirmed=True, actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 3)
    assert len(source.read()) == 1
    assert await all_readable(db, tmp_path)
    actions = [one.action async for one in audit_desk.entries(AuditLog(db))]
    assert actions == ["y", "begin key rotation", "finish key rotation", "prune key"]


async def test_the_old_key_stays_while_it_protects_a_single_value(db: Database, tmp_path: Path) -> None:
    source = desk.source_of(tmp_path)
    stale = Vault(source.read())
    await rotate(db, tmp_path)
    async with db.transaction() as c:
        await bury(c, stale, range(DEAD, DEAD + 1))

    done = await desk.prune(db, source, confirmed=True, actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 3)
    assert (list(done.protects.values()), done.removed) == ([1], [])
    assert await all_readable(db, tmp_path, dead=DEAD + 1)
    again = await rotate(db, tmp_path)
    assert (again.is_new, again.resealed) == (False, 1)


async def test_a_value_made_ready_before_a_prune_is_refused_not_lost(db: Database, tmp_path: Path) -> None:
    source = desk.source_of(tmp_path)
    stale = Vault(source.read())
    await rotate(db, tmp_path)
    await desk.prune(db, source, confirmed=True, actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 3)

    with pytest.raises(DatabaseError):
        async with db.transaction() as c:
            await bury(c, stale, range(DEAD, DEAD + 1))
    assert await all_readable(db, tmp_path)


async def test_an_engine_that_runs_on_follows_and_its_rows_stay_readable(
    db: Database, tmp_path: Path
) -> None:
    engine = keys.open_vault(desk.source_of(tmp_path))
    rotating = rotate(db, tmp_path)
    at = DEAD
    while not rotating.done():
        async with db.transaction() as c:
            await bury(c, engine, range(at, at + 1))
        at += 1
        await asyncio.sleep(0)
    done = await rotating

    assert engine.key_id == done.key_id
    assert await all_readable(db, tmp_path, dead=at)
    if done.left:
        assert (await rotate(db, tmp_path)).left == 0
    async with db.read() as c:
        assert set(await rekey.counts(c)) == {done.key_id}


async def test_two_rotations_at_once_make_no_row_unreadable(db: Database, tmp_path: Path) -> None:
    await asyncio.gather(rotate(db, tmp_path), rotate(db, tmp_path))

    assert await all_readable(db, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_any_point_all_stays_readable_and_the_next_one_ends_it(
    point: str, db: Database, tmp_path: Path
) -> None:
    hits = range(1, 6) if point.startswith("batch") else range(1, 2)  # the sixth batch is the last
    for hit in hits:
        child = [sys.executable, "-c", CHILD, str(tmp_path), point, str(hit)]
        code = subprocess.run(child, env={**os.environ}, check=False, timeout=60).returncode
        assert code == -9
        assert await all_readable(db, tmp_path)
        held = len(desk.source_of(tmp_path).read())
        done = await rotate(db, tmp_path)
        if point != "all sealed":
            assert not done.is_new
            assert len(desk.source_of(tmp_path).read()) == held
        assert done.left == 0
        assert await all_readable(db, tmp_path)
        async with db.read() as c:
            assert set(await rekey.counts(c)) == {done.key_id}


async def test_a_rotation_that_cannot_write_the_key_changes_nothing(db: Database, tmp_path: Path) -> None:
    source = desk.source_of(tmp_path)
    text = (tmp_path / "siscon.key").read_text().strip()
    given = Source("environment variable SISCON_KEY", None, text)

    with pytest.raises(UsageError) as refused:
        await desk.rotate(db, given, actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 2)
    assert refused.value.code == "key_place"
    assert [one.action async for one in audit_desk.entries(AuditLog(db))] == ["y"]
    assert len(source.read()) == 1


async def test_keys_that_an_engine_cannot_follow_are_not_used_beside_it(db: Database, tmp_path: Path) -> None:
    text = (tmp_path / "siscon.key").read_text().strip()
    new = keys.new_key()
    keys.replace_file(tmp_path / "other", [new])
    both = (tmp_path / "other").read_text().strip() + "," + text
    given = Source("environment variable SISCON_KEY", None, both)
    async with db.transaction() as c:
        await leases.register_engine(c, EngineInfo("one", "h", 1, "0", 1, 1, alive=True))
        assert await leases.take(c, "engine:one", "one", ttl_s=60, now_ms=1) is not None

    with pytest.raises(UsageError) as refused:
        await desk.rotate(db, given, actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 2)
    assert refused.value.code == "engine_alive"
    done = await desk.rotate(db, given, actor="ann(1)", role=Role.ADMIN, now_ms=lambda: 100_000)
    assert (done.is_new, done.left) == (False, 0)


async def test_a_wrong_key_is_told_and_no_key_is_made_where_one_is_lost(db: Database, tmp_path: Path) -> None:
    (tmp_path / "siscon.key").unlink()
    with pytest.raises(UsageError):
        await desk.free_key_file(db, tmp_path, actor="ann(1)", role=Role.ADMIN)
    desk.generate(tmp_path / "siscon.key")

    report = await desk.check(db, desk.source_of(tmp_path))
    assert dict(report.unreadable) == {"secrets": 1, "tokens": 2, "dead_records": DEAD}
    assert [(one.here, one.protects.total()) for one in report.keys] == [(True, 0), (False, DEAD + 3)]


def test_a_key_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    desk.generate(tmp_path / "k")
    before = (tmp_path / "k").read_bytes()

    with pytest.raises(UsageError):
        desk.generate(tmp_path / "k")
    assert (tmp_path / "k").read_bytes() == before


async def test_acts_cut_off_at_the_end_show_by_the_heads(db: Database, tmp_path: Path) -> None:
    vault = keys.open_vault(desk.source_of(tmp_path))
    path = tmp_path / "logs" / heads.FILE
    path.parent.mkdir()
    for at_ms in (2, 3, 4):
        async with db.transaction() as c:
            await audit.append(c, vault, actor="x", action="y", target="z", detail={}, at_ms=at_ms)
            told = await heads.line_of(c, vault, at_ms=at_ms)
        assert told is not None
        heads.append(path, told[1])
    assert (await audit_desk.verify(db, tmp_path)).is_whole
    await rotate(db, tmp_path)
    whole = await audit_desk.verify(db, tmp_path)
    assert (whole.is_whole, whole.acts, whole.newest_head_seq) == (True, 6, 4)

    async with db.transaction() as c:
        await c.run("DELETE FROM audit WHERE seq > 3")
    found = await audit_desk.verify(db, tmp_path)

    assert (found.first_bad, found.is_whole) == (4, False)
    assert "act 4" in found.head_fault


async def test_a_head_that_is_kept_during_a_check_is_no_alarm(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = keys.open_vault(desk.source_of(tmp_path))
    path = tmp_path / "logs" / heads.FILE
    path.parent.mkdir()
    walked = audit.walked

    async def meanwhile(c: Connection, own: Vault) -> audit.Chain:
        async with db.transaction() as other:
            await audit.append(other, vault, actor="x", action="y", target="z", detail={}, at_ms=2)
            told = await heads.line_of(other, vault, at_ms=2)
        assert told is not None
        heads.append(path, told[1])
        return await walked(c, own)

    monkeypatch.setattr(audit, "walked", meanwhile)

    assert (await audit_desk.verify(db, tmp_path)).is_whole
    assert (await audit_desk.verify(db, tmp_path)).newest_head_seq > 0


@pytest.mark.parametrize("left", [0, 1, 40, -1])
async def test_a_head_that_a_crash_cut_off_is_no_tampering(db: Database, tmp_path: Path, left: int) -> None:
    vault = keys.open_vault(desk.source_of(tmp_path))
    path = tmp_path / "logs" / heads.FILE
    path.parent.mkdir()
    for at_ms in (2, 3, 4):
        async with db.transaction() as c:
            await audit.append(c, vault, actor="x", action="y", target="z", detail={}, at_ms=at_ms)
            told = await heads.line_of(c, vault, at_ms=at_ms)
        assert told is not None
        heads.append(path, told[1])
        if at_ms == 3:
            whole = path.read_bytes()
            last = whole.splitlines(keepends=True)[-1]
            path.write_bytes(whole[: -len(last)] + last[:left])

    found = await audit_desk.verify(db, tmp_path)

    assert (found.head_fault, found.newest_head_seq) == ("", told[0])
    assert found.is_whole


@pytest.mark.parametrize("harm", [b'"seq": 2', b'"at_ms": 9'])
async def test_a_changed_head_shows(db: Database, tmp_path: Path, harm: bytes) -> None:
    vault = keys.open_vault(desk.source_of(tmp_path))
    path = tmp_path / "logs" / heads.FILE
    path.parent.mkdir()
    async with db.read() as c:
        told = await heads.line_of(c, vault, at_ms=7)
    assert told is not None
    heads.append(path, told[1])
    name = harm.split(b":")[0]
    lines = path.read_bytes().replace(name + b": 1", harm).replace(name + b": 7", harm)
    path.write_bytes(lines)

    found = await audit_desk.verify(db, tmp_path)
    assert "line 1" in found.head_fault

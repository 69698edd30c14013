"""The backup chore: a sound copy under its name with its line in the list, or a failure that says why."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from siscon.domain.backups import DAY_MS, installation_id, name_of
from siscon.domain.chores import ChoreState
from siscon.domain.commands import CommandStatus, RunChore
from siscon.domain.errors import DatabaseError, LeaseLost
from siscon.domain.events import EventKind
from siscon.domain.leases import Lease
from siscon.engine import backups as chore
from siscon.engine.backups import Backups, Keeping
from siscon.engine.chores import NEVER_MS, DoneInPart
from siscon.engine.leases import Holdings
from siscon.ops import backups as desk
from siscon.store import audit, chores, events, manifest
from siscon.store.sqlite import SqliteDatabase, open_database
from siscon.store.vault import Vault
from support.clock import HandClock, until
from support.engines import living_engine, settings_for


@pytest.fixture
async def lease(db: SqliteDatabase, clock: HandClock) -> Lease:
    found = await Holdings(db, "one", now_ms=clock.now_ms).take("chores", on_lost=lambda: None)
    assert found is not None
    return found


@pytest.fixture
async def own(db: SqliteDatabase, vault: Vault) -> str:
    """The id of the installation, whose audit has begun."""
    async with db.transaction() as c:
        await audit.append(c, vault, actor="a", action="b", target="c", detail={}, at_ms=1)
        return installation_id(await audit.seal_of(c, 1))


@pytest.fixture
def copies(own: str, db: SqliteDatabase, clock: HandClock, vault: Vault, tmp_path: Path) -> Backups:
    return Backups(db, db.path, vault, Keeping(tmp_path / "backups", keep=3, keep_days=10), clock.now_ms)


async def test_a_backup_is_private_listed_sound_and_in_the_audit(
    copies: Backups, own: str, lease: Lease, db: SqliteDatabase, clock: HandClock, vault: Vault
):
    told = await copies.make(lease)
    name = name_of(own, clock.now_ms())
    [entry] = manifest.read(copies.keeping.folder, own).values()
    [row] = desk.backup_rows(copies.keeping.folder)
    async with db.read() as c:
        acts = await audit.entries(c)

    assert told.startswith(f"{name}: ")
    assert told.endswith(" MiB, examined")
    assert (entry.file, entry.keys) == (name, (vault.key_id,))
    assert (row["acts"], row["listed"]) == (1, True)
    assert (await desk.verified(copies.keeping.folder / name))["state"] == "sound"
    assert [(one.actor, one.action, one.detail["sha256"]) for one in acts[1:]] == [
        ("engine", "make backup", entry.sha256)
    ]
    for path in copies.keeping.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(copies.keeping.folder.stat().st_mode) == 0o700


async def test_older_ones_go_once_a_newer_one_is_there(
    copies: Backups, own: str, lease: Lease, clock: HandClock
):
    made = []
    for _ in range(5):
        await copies.make(lease)
        made.append(name_of(own, clock.now_ms()))
        clock.forward(DAY_MS / 1000)
    folder = copies.keeping.folder

    assert {one.name for one in folder.glob("*.db")} == set(made[2:])
    assert set(manifest.read(folder, own)) == set(made[2:])
    clock.forward(20 * DAY_MS / 1000)
    await copies.make(lease)
    assert {one.name for one in folder.glob("*.db")} == {name_of(own, clock.now_ms())}


async def test_a_clock_that_leaps_ahead_for_a_while_lets_no_backup_go_for_its_age(
    copies: Backups, lease: Lease, clock: HandClock, db: SqliteDatabase
):
    await copies.make(lease)
    async with db.transaction() as c:
        await chores.set_due(c, "backup", clock.now_ms())
    clock.forward(365 * 24 * 3600)
    await copies.make(lease)

    assert len(list(copies.keeping.folder.glob("*.db"))) == 2


async def test_one_that_cannot_be_made_lets_nothing_go_and_leaves_nothing(
    copies: Backups, own: str, lease: Lease, clock: HandClock, monkeypatch: pytest.MonkeyPatch
):
    await copies.make(lease)
    first = name_of(own, clock.now_ms())
    clock.forward(100 * DAY_MS / 1000)
    monkeypatch.setattr(chore, "SPARE_BYTES", 1 << 62)
    with pytest.raises(DatabaseError, match="MiB are needed"):
        await copies.make(lease)

    assert {one.name for one in copies.keeping.folder.iterdir()} == {first, manifest.file_of(own)}


async def test_older_ones_that_stay_are_no_missing_backup(
    copies: Backups, own: str, lease: Lease, clock: HandClock, monkeypatch: pytest.MonkeyPatch
):
    await copies.make(lease)
    first = name_of(own, clock.now_ms())
    clock.forward(20 * DAY_MS / 1000)
    unlink = os.unlink

    def kept(path: str | Path, **more: int) -> None:
        if Path(path).name == first:
            raise PermissionError(errno.EACCES, "Permission denied")
        unlink(path, **more)

    monkeypatch.setattr(os, "unlink", kept)
    with pytest.raises(DoneInPart, match=r"was made and is sound.*Permission denied"):
        await copies.make(lease)

    rows = desk.backup_rows(copies.keeping.folder)
    assert [(Path(str(row["file"])).name, row["listed"]) for row in rows] == [
        (name_of(own, clock.now_ms()), True),
        (first, True),
    ]


async def test_a_list_that_cannot_be_written_is_no_missing_backup(copies: Backups, own: str, lease: Lease):
    (copies.keeping.folder / manifest.file_of(own)).mkdir(parents=True)

    with pytest.raises(DoneInPart, match="was made and is sound"):
        await copies.make(lease)
    assert len(list(copies.keeping.folder.glob("*.db"))) == 1


async def test_what_an_engine_left_half_done_is_taken_away(copies: Backups, own: str, lease: Lease):
    copies.keeping.folder.mkdir(mode=0o700)
    torn = copies.keeping.folder / f".siscon-{own}-20260101T000000Z.abcd.part"
    torn.write_bytes(b"half")
    (copies.keeping.folder / f"{torn.name}-journal").write_bytes(b"its journal")
    await copies.make(lease)

    assert {one.suffix for one in copies.keeping.folder.iterdir()} == {".db", ".jsonl"}


async def test_two_installations_share_a_folder_and_leave_each_others_copies_alone(
    copies: Backups, own: str, lease: Lease, clock: HandClock, tmp_path: Path, vault: Vault
):
    theirs = await open_database(tmp_path / "theirs.db", synchronous="normal")
    try:
        async with theirs.transaction() as c:
            await audit.append(c, vault, actor="z", action="b", target="c", detail={}, at_ms=1)
        other = Backups(theirs, theirs.path, vault, copies.keeping, clock.now_ms)
        other_lease = await Holdings(theirs, "one", now_ms=clock.now_ms).take("chores", on_lost=lambda: None)
        assert other_lease is not None
        await other.make(other_lease)
        begun = copies.keeping.folder / ".siscon-00ff00ff-20260101T000000Z.abcd.part"
        begun.write_bytes(b"theirs, under way")
        made = []
        for _ in range(4):
            await copies.make(lease)
            made.append(name_of(own, clock.now_ms()))
            clock.forward(4 * DAY_MS / 1000)
    finally:
        await theirs.close()

    rows = desk.backup_rows(copies.keeping.folder)
    assert [row["listed"] for row in rows] == [True] * 4
    assert {str(row["installation"]) for row in rows} > {own}
    assert {Path(str(row["file"])).name for row in rows if row["installation"] == own} == set(made[1:])
    assert begun.exists()
    assert desk.newest_ms(copies.keeping.folder, "00ff00ff", now_ms=clock.now_ms()) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_is_not_ours_is_a_sentence(copies: Backups, lease: Lease):
    copies.keeping.folder.mkdir(mode=0o500)
    with pytest.raises(DatabaseError, match="Permission denied"):
        await copies.make(lease)


async def test_a_backup_that_was_changed_is_found_by_its_digest(
    copies: Backups, own: str, lease: Lease, clock: HandClock
):
    await copies.make(lease)
    file = copies.keeping.folder / name_of(own, clock.now_ms())
    with file.open("r+b") as opened:
        opened.seek(96)  # the version number of the library that wrote last: no check of pages minds it
        opened.write(b"\0\0\0\1")

    assert (await desk.verified(file))["state"] == "changed"


async def test_an_engine_makes_the_backup_that_somebody_asks_for(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    settings = settings_for(tmp_path)
    async with living_engine(db, settings, vault) as engine:
        await until(lambda: _known(db))
        answer = await engine.ask(RunChore("backup"))
        refused = await engine.ask(RunChore("tea"))
        await until(lambda: _done(db))

    assert (answer.status, answer.answer) == (CommandStatus.DONE, "backup is due now.")
    assert refused.status is CommandStatus.REFUSED
    assert "Known are: backup" in refused.answer
    assert len(desk.backup_rows(settings.backups)) == 1
    async with db.read() as c:
        actions = [one.action for one in await audit.entries(c)]
    assert [one for one in actions if one != "use settings"] == [
        "run_chore",
        "run_chore refused",
        "make backup",
    ]


async def test_a_backup_that_fails_is_an_event_and_a_failed_chore(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    settings = settings_for(tmp_path)
    settings.backups.write_text("a file where a folder should be")
    async with living_engine(db, settings, vault) as engine:
        await until(lambda: _known(db))
        await engine.ask(RunChore("backup"))
        await until(lambda: _done(db))
        state = await _state(db)
        async with db.read() as c:
            told = [one.text for one in await events.latest(c) if one.kind is EventKind.TASK_FAILED]

    assert state is not None
    assert state.last_ok is False
    assert told == [f"backup failed and is tried again: {state.last_told}"]


async def _state(db: SqliteDatabase) -> ChoreState | None:
    async with db.read() as c:
        return (await chores.all_chores(c)).get("backup")


async def _known(db: SqliteDatabase) -> bool:
    return await _state(db) is not None


async def _done(db: SqliteDatabase) -> bool:
    state = await _state(db)
    return state is not None and state.last_at_ms is not None


async def test_without_a_schedule_a_backup_waits_until_somebody_asks(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
):
    settings = settings_for(tmp_path)
    silent = settings.model_validate({**settings.model_dump(), "upkeep": {"backup": {"schedule": ""}}})
    async with living_engine(db, silent, vault):
        await until(lambda: _known(db))
        state = await _state(db)

    assert state is not None
    assert state.due_at_ms == NEVER_MS


async def test_who_was_overtaken_while_copying_removes_nothing(
    copies: Backups, own: str, lease: Lease, clock: HandClock, db: SqliteDatabase
):
    await copies.make(lease)
    clock.forward(100 * DAY_MS / 1000)
    assert await Holdings(db, "two", now_ms=clock.now_ms).take("chores", on_lost=lambda: None) is not None
    with pytest.raises(LeaseLost):
        await copies.make(lease)

    assert len(list(copies.keeping.folder.glob("*.db"))) == 2
    assert len(manifest.read(copies.keeping.folder, own)) == 1

"""A backup in the place of a database: refused, or done whole, told in the audit, and harmless to what came later."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from siscon.domain.commands import CommandStatus, StartRun
from siscon.domain.errors import ConfigError, DatabaseError, UsageError
from siscon.domain.events import EventKind
from siscon.domain.leases import EngineInfo
from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token
from siscon.engine import restoring
from siscon.engine.heads import HeadKeeper
from siscon.engine.lifeline import sign_of_life
from siscon.engine.restoring import Place, look, restore
from siscon.ops import audit as audit_desk
from siscon.store import audit, backups, commands, events, heads, keys, leases, tokens
from siscon.store import restoring as restoring_store
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault
from support.databases import activate

KEY = b"k" * 32
NOW_MS = 1_800_000_000_000


@dataclass
class Home:
    """A home with a key, and what tests do to its database."""

    place: Place

    @property
    def heads(self) -> Path:
        return self.place.home / "logs" / "audit-heads.jsonl"

    async def act(self, *what: str) -> None:
        db = await open_database(self.place.database, synchronous="normal")
        async with db.transaction() as c:
            await activate(c, "north")
            for one in what:
                await audit.append(
                    c, Vault([KEY]), actor="a", action=one, target="t", detail={}, at_ms=NOW_MS
                )
        keeper = HeadKeeper(db, Vault([KEY]), self.place.home, now_ms=lambda: NOW_MS)
        await keeper.write()
        await db.close()

    async def do(self, *statements: str) -> None:
        db = await open_database(self.place.database, synchronous="normal")
        async with db.transaction() as c:
            for one in statements:
                await c.run(one)
        await db.close()

    async def one(self, sql: str) -> tuple[object, ...]:
        db = await open_database(self.place.database, synchronous="normal")
        async with db.read() as c:
            row = await c.one(sql)
        await db.close()
        assert row is not None
        return tuple(row)  # type: ignore[arg-type]

    async def actions(self) -> list[str]:
        db = await open_database(self.place.database, synchronous="normal")
        async with db.read() as c:
            found = [one.action for one in await audit.entries(c)]
        await db.close()
        return found

    async def verdict(self) -> audit_desk.Verdict:
        db = await open_database(self.place.database, synchronous="normal")
        found = await audit_desk.verify(db, self.place.home)
        await db.close()
        return found

    def copy(self, path: Path) -> Path:
        backups.copy(self.place.database, path)
        return path

    async def restore(self, backup: Path, now_ms: int = NOW_MS) -> Path | None:
        done = await restore(self.place, backup, actor="ann(1000)", reason="a mistake", now_ms=lambda: now_ms)
        return done.kept


@pytest.fixture(autouse=True)
def no_other_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (keys.CREDENTIALS, keys.NAMED_FILE, keys.VARIABLE):
        monkeypatch.delenv(name, raising=False)


def a_home(folder: Path, key: bytes = KEY) -> Home:
    folder.mkdir(mode=0o700)
    keys.replace_file(folder / keys.KEY_FILE, [key])
    return Home(Place(folder, folder / "siscon.db", os.environ))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return a_home(tmp_path / "home")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


async def test_what_came_later_goes_what_was_there_is_kept_and_the_audit_says_so(home: Home, tmp_path: Path):
    await home.act("one", "two")
    backup = await copied(home, tmp_path)
    await home.act("three", "four")
    kept = await home.restore(backup)

    assert await home.actions() == ["one", "two", "restore backup"]
    assert kept is not None
    with opened(kept) as before:
        assert before.execute("SELECT count(*) FROM audit").fetchone() == (4,)
    told = json.loads(str((await home.one("SELECT detail FROM audit WHERE seq = 3"))[0]))
    assert (told["from_act"], told["replaced_act"], told["reason"]) == (2, 4, "a mistake")
    assert told["kept"] == kept.name
    assert {one.name for one in home.place.home.iterdir()} >= {"siscon.db", kept.name}
    assert not list(home.place.home.glob(".restore-*"))
    assert (home.place.database.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o600, 0o600)


async def copied(home: Home, tmp_path: Path, name: str = "backup.db") -> Path:
    db = await open_database(home.place.database, synchronous="normal")
    try:
        return home.copy(tmp_path / name)
    finally:
        await db.close()


async def test_heads_of_a_database_that_was_replaced_on_purpose_are_no_attack(home: Home, tmp_path: Path):
    await home.act("one", "two")
    backup = await copied(home, tmp_path)
    await home.act("three", "four")
    await home.restore(backup)
    await home.act("another three", "another four", "five")

    verdict = await home.verdict()
    assert (verdict.is_whole, verdict.acts) == (True, 6)
    again = await copied(home, tmp_path, "second.db")
    await home.act("six")
    await home.restore(backup, NOW_MS + 5000)
    assert (await home.verdict()).is_whole
    await home.restore(again, NOW_MS + 9000)
    assert (await home.verdict()).is_whole


@pytest.mark.parametrize("killed_at", ["append", "_swap"])
@pytest.mark.parametrize("looked_first", [True, False])
async def test_a_restoration_that_is_killed_around_the_exchange_is_no_attack(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: str, looked_first: bool
):
    def end(*_told: object) -> None:
        raise KeyboardInterrupt

    await home.act("one", "two")
    backup = await copied(home, tmp_path)
    await home.act("three", "four")
    with monkeypatch.context() as patch:
        patch.setattr(restoring if killed_at == "_swap" else heads, killed_at, end)
        with pytest.raises(KeyboardInterrupt):
            await home.restore(backup)
    if looked_first:
        assert (await home.verdict()).is_whole
    await home.act("five", "six")
    verdict = await home.verdict()

    assert (verdict.is_whole, verdict.acts) == (True, 6 if killed_at == "_swap" else 5)
    assert not list(home.heads.parent.glob("*.announced*"))
    home.place.database.write_bytes(backup.read_bytes())
    assert not (await home.verdict()).is_whole


async def test_an_old_database_put_in_its_place_by_hand_still_shows(home: Home, tmp_path: Path):
    await home.act("one", "two")
    backup = await copied(home, tmp_path)
    await home.act("three")
    home.place.database.write_bytes(backup.read_bytes())
    verdict = await home.verdict()

    assert not verdict.is_whole
    assert "act 3 was there and is missing" in verdict.head_fault


async def test_after_a_restoration_acts_that_are_cut_off_still_show(home: Home, tmp_path: Path):
    await home.act("one", "two")
    backup = await copied(home, tmp_path)
    await home.act("three")
    await home.restore(backup)
    await home.act("four", "five")
    await home.do("DELETE FROM audit WHERE seq > 3")
    assert "act 5 was there and is missing" in (await home.verdict()).head_fault
    await home.do("DELETE FROM audit WHERE seq > 2")
    assert not (await home.verdict()).is_whole


async def test_a_line_about_a_restoration_cannot_be_forged_or_moved(home: Home, tmp_path: Path):
    await home.act("one", "two", "three")
    forged = json.loads(home.heads.read_text().splitlines()[-1]) | {"restored_from": 0}
    home.heads.write_text(f"{home.heads.read_text()}{json.dumps(forged)}\n")

    assert "was not written by this installation" in (await home.verdict()).head_fault


async def test_a_living_engine_and_an_open_console_are_refused(home: Home, tmp_path: Path):
    await home.act("one")
    backup = await copied(home, tmp_path)
    with sign_of_life(home.place.home, "host-1-ab"), pytest.raises(UsageError, match="siscon stop"):
        look(home.place, backup)
    db = await open_database(home.place.database)
    async with db.read() as c:
        await c.one("SELECT 1 FROM audit")
        with pytest.raises(UsageError, match="open in another program"):
            await home.restore(backup)
    await db.close()

    assert await home.actions() == ["one"]


async def test_a_damaged_backup_changes_nothing(home: Home, tmp_path: Path):
    await home.act("one")
    backup = await copied(home, tmp_path)
    with backup.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xa5" * 4096)
    with pytest.raises(DatabaseError):
        look(home.place, backup)

    assert await home.actions() == ["one"]


async def test_a_database_beyond_repair_is_replaced_and_kept_as_it_is(home: Home, tmp_path: Path):
    await home.act("one")
    backup = await copied(home, tmp_path)
    home.place.database.write_bytes(b"\xa5" * 8192)
    outlook = look(home.place, backup)
    kept = await home.restore(backup)

    assert (outlook.now, "damaged" in outlook.fault) == (None, True)
    assert kept is not None
    assert kept.read_bytes() == b"\xa5" * 8192
    assert await home.actions() == ["one", "restore backup"]
    assert (await home.verdict()).is_whole


async def test_without_the_key_of_the_backup_nothing_is_restored(home: Home, tmp_path: Path):
    await home.act("one")
    backup = await copied(home, tmp_path)
    other = a_home(tmp_path / "other", key=b"o" * 32)
    with pytest.raises(ConfigError, match="only other keys are here"):
        await other.restore(backup)

    assert not other.place.database.exists()
    assert not list(other.place.home.glob(".restore-*"))


async def test_the_backup_of_another_district_is_refused_unless_it_is_meant(home: Home, tmp_path: Path):
    await home.act("one")
    backup = await copied(home, tmp_path)
    other = a_home(tmp_path / "other")
    assert look(other.place, backup).now is None
    await other.act("another")

    with pytest.raises(UsageError, match="people of another district"):
        look(other.place, backup)
    assert look(other.place, backup, foreign=True).now is not None
    await home.act("two")
    assert look(home.place, backup).now is not None


async def test_in_another_home_engines_leases_and_wishes_of_the_old_host_do_nothing(
    home: Home, tmp_path: Path
):
    await home.act("one")
    db = await open_database(home.place.database)
    async with db.transaction() as c:
        info = EngineInfo("old-1-ab", "old", 1, "0", NOW_MS, NOW_MS, alive=True)
        await leases.register_engine(c, info)
        held = await leases.take(c, "engine:old-1-ab", "old-1-ab", ttl_s=10, now_ms=NOW_MS)
        wish = await commands.leave(c, StartRun("north"), actor="ann(1)", now_ms=NOW_MS)
    backup = home.copy(tmp_path / "backup.db")
    await db.close()
    other = a_home(tmp_path / "other")
    kept = await other.restore(backup)
    db = await open_database(other.place.database)
    async with db.read() as c:
        alive = [one for one in await leases.engines(c, now_ms=NOW_MS) if one.alive]
        row = await commands.get(c, wish)
        taken = await events.latest(c)
    async with db.transaction() as c:
        lease = await leases.take(c, "engine:old-1-ab", "new", ttl_s=10, now_ms=NOW_MS)
    await db.close()

    assert (kept, alive) == (None, [])
    assert row is not None
    assert row.status is CommandStatus.TAKEN_BACK
    assert EventKind.DATABASE_RESTORED in [one.kind for one in taken]
    assert lease is not None
    assert held is not None
    assert lease.fence > held.fence
    assert (await other.verdict()).is_whole


async def test_ids_names_and_logins_given_since_the_backup_stay_given(home: Home, tmp_path: Path):
    await home.act("one")
    backup = await copied(home, tmp_path)
    db = await open_database(home.place.database)
    async with db.transaction() as c:
        await c.run("UPDATE sequences SET next = 500 WHERE name = 'record'")
        await c.run("INSERT INTO accounts (name, internal_id, given_at_ms) VALUES ('kim.marsh', 7, 1)")
        await c.run(
            "INSERT INTO webhook_inbox (integration, key, digest, event, hints, arrived_at_ms, state)"
            " VALUES ('north', 'id m1', x'00', 'student.changed', '[]', 1, 'done')"
        )
        await c.run("INSERT INTO webhook_floors (integration, sent_at_ms) VALUES ('north', 77)")
        await tokens.save(c, Vault([KEY]), "north", Token(Secret("renewed"), 0, None))
        await c.run(
            "INSERT INTO runs (integration, kind, lane, status, entities, requested_by, queued_at_ms)"
            " VALUES ('north', 'import', 'bulk', 'failed', '[]', 'x', 1)"
        )
    await db.close()
    await home.restore(backup)

    assert await home.one("SELECT next FROM sequences WHERE name = 'record'") == (500,)
    assert await home.one("SELECT count(*) FROM accounts") == (1,)
    assert await home.one("SELECT count(*) FROM tokens WHERE access IS NOT NULL") == (1,)
    assert await home.one("SELECT key, state FROM webhook_inbox") == ("id m1", "waiting")
    assert await home.one("SELECT sent_at_ms FROM webhook_floors") == (77,)
    assert await home.one("SELECT count(*) FROM runs") == (0,)
    await home.do(
        "INSERT INTO runs (integration, kind, lane, status, entities, requested_by, queued_at_ms)"
        " VALUES ('north', 'import', 'bulk', 'queued', '[]', 'x', 1)"
    )
    assert await home.one("SELECT id FROM runs") == (2,)


async def test_what_people_were_told_since_the_backup_is_told_nobody_again(home: Home, tmp_path: Path):
    await home.act("one")
    await home.do(
        "INSERT INTO outbox (channel, key, uid, subject, text, put_at_ms, next_at_ms)"
        f" VALUES ('desk', 'notice:1.1', 'u', 's', 't', {NOW_MS}, 1)"
    )
    await home.do(
        "INSERT INTO tokens (integration, access, obtained_at_ms) VALUES ('north', x'00', 1)",
    )
    backup = await copied(home, tmp_path)
    await home.do("UPDATE outbox SET state = 'sent', ended_at_ms = 2", "DELETE FROM tokens")
    await home.do(
        "INSERT INTO outbox (channel, key, uid, subject, text, state, put_at_ms, next_at_ms)"
        f" VALUES ('desk', 'daily report 5', 'v', 's', 't', 'sent', {NOW_MS}, 1)"
    )
    await home.do(
        "INSERT INTO notices (id, key, trouble, level, state, text, since_ms, last_ms, classes, tell_from_ms)"
        " VALUES (7, 'k', 'failed', 'error', 'closed', 't', 1, 1, '[]', 1)"
    )
    await home.do("DELETE FROM notices")
    await home.do("UPDATE notice_watch SET event_id = 900, digest_at_ms = 77")
    await home.restore(backup)

    assert await home.one("SELECT group_concat(key || ' ' || state, ', ') FROM outbox") == (
        "notice:1.1 sent, daily report 5 sent",
    )
    assert await home.one("SELECT count(*) FROM tokens") == (0,)
    assert await home.one("SELECT event_id, digest_at_ms FROM notice_watch") == (900, 77)
    assert await home.one("SELECT seq FROM sqlite_sequence WHERE name = 'notices'") == (7,)


async def test_where_nothing_tells_what_was_sent_since_an_old_message_is_let_go(home: Home, tmp_path: Path):
    await home.act("one")
    put = (
        "INSERT INTO outbox (channel, key, uid, subject, text, put_at_ms, next_at_ms)"
        " VALUES ('desk', '{0}', 'u', 's', 't', {1}, 1)"
    )
    await home.do(put.format("old", NOW_MS - 4 * 24 * 3600 * 1000), put.format("new", NOW_MS))
    backup = await copied(home, tmp_path)
    other = a_home(tmp_path / "other")
    await other.restore(backup)

    assert await other.one("SELECT group_concat(key || ' ' || state, ', ') FROM outbox") == (
        "old given up, new waiting",
    )


async def test_who_writes_while_a_backup_is_made_ready_is_not_overruled(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await home.act("one")
    backup = await copied(home, tmp_path)
    ready = restoring_store.bring_up_to_date

    def meanwhile(copy: Path, *, now_ms: int) -> None:
        ready(copy, now_ms=now_ms)
        with opened(home.place.database) as console:
            console.execute("PRAGMA journal_mode = WAL")
            console.execute("UPDATE sequences SET next = 900")
            console.commit()

    monkeypatch.setattr(restoring_store, "bring_up_to_date", meanwhile)
    with pytest.raises(UsageError, match="meanwhile"):
        await home.restore(backup)

    assert await home.one("SELECT next FROM sequences WHERE name = 'record'") == (900,)


async def test_of_another_installation_nothing_is_taken_over(home: Home, tmp_path: Path):
    await home.act("one")
    backup = await copied(home, tmp_path)
    stranger = a_home(tmp_path / "stranger")
    await stranger.act("its own")
    await stranger.do("INSERT INTO accounts (name, internal_id, given_at_ms) VALUES ('kim.marsh', 7, 1)")
    await stranger.restore(backup)

    assert await stranger.one("SELECT count(*) FROM accounts") == (0,)


async def test_heads_of_years_stay_few_and_still_prove_everything(home: Home, tmp_path: Path):
    await home.act("one")
    db = await open_database(home.place.database, synchronous="normal")
    lines = []
    for number in range(4 * 120):
        async with db.read() as c:
            told = await heads.line_of(c, Vault([KEY]), at_ms=NOW_MS - number * 6 * 3_600_000)
        assert told is not None
        lines.append(told[1])
    await db.close()
    home.heads.write_text("".join(f"{line}\n" for line in reversed(lines)))
    newest = heads.newest(home.heads)
    assert newest is not None
    assert newest.at_ms == NOW_MS
    gone = heads.thin(home.heads, now_ms=NOW_MS)
    left = home.heads.read_text().splitlines()

    assert gone == 4 * 120 - len(left)
    assert 4 * 90 < len(left) <= 4 * 90 + 32
    assert left[-1] == lines[0]
    assert heads.thin(home.heads, now_ms=NOW_MS) == 0
    assert (await home.verdict()).is_whole
    await home.do("DELETE FROM audit")
    assert not (await home.verdict()).is_whole


async def test_a_restoration_is_taken_back_by_restoring_what_was_kept(home: Home, tmp_path: Path):
    await home.act("one", "two")
    backup = await copied(home, tmp_path)
    await home.act("three")
    kept = await home.restore(backup)
    assert kept is not None
    (home.place.home / ".restore-torn").mkdir()
    await home.restore(kept, NOW_MS + 5000)

    assert await home.actions() == ["one", "two", "three", "restore backup"]
    assert (await home.verdict()).is_whole
    assert not (home.place.home / ".restore-torn").exists()
